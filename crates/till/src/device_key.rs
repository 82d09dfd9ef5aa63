//! The till's Ed25519 key: made once, on this machine, before it enrols; it signs the lines of the journal and the
//! requests, and never leaves the [`vault`](crate::vault).
//!
//! `device.json` in the data folder says which key it is and where its private half is kept. A data folder that is
//! copied to another machine therefore has no key there, unless the key had to be kept in a file.

use model::signed::key::SigningKey;
use serde::{Deserialize, Serialize};

use crate::folder::{Folder, FolderError};
use crate::real::Dice;
use crate::vault::{Place, Vaults, What};

/// What `device.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The public half, as 64 hexadecimal digits.
    pub public: String,
    /// Where the private half is kept.
    pub kept: Place,
    /// The hash of the enrolment code that it was made for (64 hexadecimal digits).
    pub code: String,
}

/// The key in use.
#[derive(Clone, Debug)]
pub struct DeviceKey {
    /// Signs.
    pub key: SigningKey,
    /// Where it is kept.
    pub kept: Place,
}

impl DeviceKey {
    /// The public half, as 64 hexadecimal digits: how the vaults and the server name it.
    pub fn public_hex(&self) -> String {
        wire::codes::hex(&self.key.public().to_bytes())
    }
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// None was made yet.
    #[error("this till has no key yet; it gets one when it enrols")]
    None,
    /// It is in the system's credential store, and that does not give it: locked, or not there yet.
    #[error("the till's key is in the system's credential store, which does not give it ({0}); unlock it")]
    OutOfReach(String),
    /// What was kept under its name is not it, or it was taken away.
    #[error("the till's key is gone; call the chain's IT to let this till in anew")]
    Gone,
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// The key that was made before.
pub fn load(folder: &Folder, vaults: &Vaults) -> Result<DeviceKey, KeyError> {
    let named = folder.device()?.ok_or(KeyError::None)?;
    let silent = || KeyError::OutOfReach("COUNTERFOIL_KEYS=file is set".into());
    let vault = vaults.at(named.kept).ok_or_else(silent)?;
    let seed =
        vault.get(What::Key, &named.public).map_err(|error| KeyError::OutOfReach(error.to_string()))?;
    let seed: [u8; 32] = seed.and_then(|seed| seed.try_into().ok()).ok_or(KeyError::Gone)?;
    let key = DeviceKey { key: SigningKey::from_seed(seed), kept: named.kept };
    if key.public_hex() == named.public { Ok(key) } else { Err(KeyError::Gone) }
}

/// The key to be enrolled with the code of that hash: a new one for each code, since no two tills share a key, and the
/// same one for each try, so that a till whose first answer was lost is known when it asks again.
pub fn for_code(
    folder: &Folder,
    vaults: &Vaults,
    code: &[u8; 32],
    dice: &dyn Dice,
) -> Result<DeviceKey, KeyError> {
    let code = wire::codes::hex(code);
    let named = folder.device().or_else(|error| match error {
        // Nobody knows this till yet, so that nothing hangs on a file that cannot be read.
        FolderError::Damaged { .. } => Ok(None),
        error => Err(error),
    })?;
    if named.is_some_and(|named| named.code == code) {
        load(folder, vaults)
    } else {
        make(folder, vaults, code, dice)
    }
}

fn make(folder: &Folder, vaults: &Vaults, code: String, dice: &dyn Dice) -> Result<DeviceKey, KeyError> {
    let mut seed = [0; 32];
    dice.fill(&mut seed);
    let mut made = DeviceKey { key: SigningKey::from_seed(seed), kept: Place::System };
    let public = made.public_hex();
    // It counts as kept once it has been read back: some stores take a secret and forget it at the end of the session.
    let kept = vaults.at(Place::System).is_some_and(|system| {
        let set = system.set(What::Key, &public, &seed);
        let back = set.and_then(|()| system.get(What::Key, &public));
        if let Err(error) = &back {
            tracing::warn!(%error, "the till's key is kept in a file instead");
        }
        matches!(back, Ok(Some(back)) if back == seed)
    });
    if !kept {
        made.kept = Place::File;
        let set = vaults.files.set(What::Key, &public, &seed);
        set.map_err(|error| KeyError::OutOfReach(error.to_string()))?;
    }
    folder.set_device(&Named { public, kept: made.kept, code })?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::real::SystemDice;
    use crate::vault::{Vault, VaultError};

    /// A credential store that may be locked.
    #[derive(Default)]
    struct Store {
        kept: Mutex<BTreeMap<String, Vec<u8>>>,
        locked: Mutex<bool>,
    }

    impl Vault for Store {
        fn get(&self, what: What, of: &str) -> Result<Option<Vec<u8>>, VaultError> {
            if *self.locked.lock().unwrap() {
                return Err(VaultError::Silent);
            }
            Ok(self.kept.lock().unwrap().get(&format!("{what:?} {of}")).cloned())
        }

        fn set(&self, what: What, of: &str, bytes: &[u8]) -> Result<(), VaultError> {
            if *self.locked.lock().unwrap() {
                return Err(VaultError::Silent);
            }
            self.kept.lock().unwrap().insert(format!("{what:?} {of}"), bytes.to_owned());
            Ok(())
        }
    }

    fn vaults(folder: &Folder, store: Option<Arc<Store>>) -> Vaults {
        let files = Vaults::files(folder.path(), &folder.path().with_extension("heads"));
        Vaults { system: store.map(|store| store as Arc<dyn Vault>), ..files }
    }

    #[test]
    fn the_system_keeps_the_key_and_the_folder_alone_cannot_sign() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("till")).unwrap();
        let store = Arc::new(Store::default());
        let with_store = vaults(&folder, Some(store.clone()));
        let made = for_code(&folder, &with_store, &[1; 32], &SystemDice).unwrap();
        assert_eq!(made.kept, Place::System, "the store takes it");
        assert!(!folder.file("device.key").exists(), "and no file has it");
        let again = for_code(&folder, &with_store, &[1; 32], &SystemDice).unwrap();
        assert_eq!(again.key.public(), made.key.public(), "the same key at the next start");
        let other = for_code(&folder, &with_store, &[2; 32], &SystemDice).unwrap();
        assert_ne!(other.key.public(), made.key.public(), "another code makes another till");
        let elsewhere = vaults(&folder, Some(Arc::new(Store::default())));
        assert!(matches!(load(&folder, &elsewhere), Err(KeyError::Gone)), "a copied folder has no key");
        *store.locked.lock().unwrap() = true;
        assert!(
            matches!(for_code(&folder, &with_store, &[2; 32], &SystemDice), Err(KeyError::OutOfReach(_))),
            "a locked store is not a reason to make another key"
        );
    }

    #[test]
    fn without_a_store_the_key_is_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("till")).unwrap();
        let locked = Arc::new(Store::default());
        *locked.locked.lock().unwrap() = true;
        let made = for_code(&folder, &vaults(&folder, Some(locked)), &[1; 32], &SystemDice).unwrap();
        assert_eq!(made.kept, Place::File, "said so");
        assert!(folder.file("device.key").exists(), "and there it is");
        let again = load(&folder, &vaults(&folder, None)).unwrap();
        assert_eq!(again.key.public(), made.key.public(), "the same key at the next start");
    }
}
