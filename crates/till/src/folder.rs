//! The till's data folder: one program at a time, who this till is, and what the clerk has set.
//!
//! | file | what | if it is lost |
//! |---|---|---|
//! | `lock` | held while a program has the folder open | nothing |
//! | `till.json` | the enrolment, mode 0600 | enrol again |
//! | `device.json` | which key this till signs with, and where that is kept | enrol again |
//! | `device.key` | that key, where the system has no credential store | enrol again |
//! | `journal.db` | what was redeemed here | nothing can give back what was not sent |
//! | `journal.damaged-*.db` | journals that could not be read, as evidence | what was unsent in them |
//! | `copy.db` | what the server said | fetched again |
//! | `copy.new.db` | a copy that is built anew | begun again |
//! | `trust.json` | which keys sign for the chain, and the latest time gone by | the keys are fetched again |
//! | `settings.json` | language, who is signed in | defaults |
//! | `scanners.json` | what the doctor found out about the scanners | they are examined again |
//! | `serial.json` | the scanners on serial ports | set up again |
//! | `practice.json` | a demo chain's practice codes | fetched again |

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use model::signed::token::PublicKey;
use serde::{Deserialize, Serialize};
pub use wire::api::Practice;
use wire::codes::unhex;
use wire::entitlement::Store;

/// An open data folder. Nobody else can open it until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Somebody else has it open.
    #[error("the data folder {0} is in use by another Counterfoil program; close that one first")]
    InUse(PathBuf),
    /// The file system said no.
    #[error("the data folder {path} cannot be used: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that a person or a program has damaged.
    #[error("{path} cannot be read ({reason}); move it away to begin anew")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Who this till is, as the server told at enrolment.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The server's address.
    pub address: String,
    /// The till's id.
    pub device: String,
    /// The public key that signs the server's answers (64 hexadecimal digits).
    pub answer_key: String,
    /// The store.
    pub store: Store,
    /// The till's name.
    pub till: String,
    /// The key of the store's code hashes, as 64 hexadecimal digits.
    pub store_key: String,
    /// The feed it follows.
    pub feed: String,
    /// The journal's epoch.
    pub epoch: u64,
    /// The root document that was given at enrolment, in base64; empty if the chain signed no codes then.
    #[serde(default)]
    pub root: String,
    /// The server has barred this till. Kept, so that neither a cut line nor a restart lets it redeem again.
    #[serde(default)]
    pub barred: bool,
    /// Why nothing may be accepted until the chain lets this till begin the next epoch, if that is so.
    #[serde(default)]
    pub quarantine: Option<wire::line::Why>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({} at {})", self.device, self.address)
    }
}

impl Identity {
    /// The key of the store's code hashes.
    pub fn store_key(&self) -> Option<[u8; 32]> {
        unhex(&self.store_key)
    }

    /// The key that signs the server's answers.
    pub fn answers(&self) -> Option<PublicKey> {
        PublicKey::from_bytes(&unhex(&self.answer_key)?)
    }
}

/// Which keys sign for the chain, and what time it was: what only moves forward, and must do so across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// [`model::signed::trust::Trust`] as bytes in base64; empty before the first.
    #[serde(default)]
    pub trust: String,
    /// The latest time that this till has gone by (ms since 1970).
    #[serde(default)]
    pub mark: Option<i64>,
}

/// What the clerk has set on this till.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// "zh-CN", "zh-HK" or "en"; nothing to follow the system.
    #[serde(default)]
    pub language: Option<String>,
    /// Id of whoever is signed in.
    #[serde(default)]
    pub clerk: Option<String>,
    /// Wrong PINs in a row. Kept, so that a restart does not open a locked door.
    #[serde(default)]
    pub wrong_pins: u32,
    /// Until when nobody may sign in (ms since 1970).
    #[serde(default)]
    pub locked_until: Option<i64>,
}

impl Folder {
    /// Opens, and makes if need be, the folder at `path`, for this program alone.
    pub fn open(path: &Path) -> Result<Folder, FolderError> {
        let io = |path: &Path, source| FolderError::Io { path: path.to_owned(), source };
        let mut make = fs::DirBuilder::new();
        make.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
        make.create(path).map_err(|error| io(path, error))?;
        // A folder that was there before may be open to everybody, and what is in it is this user's alone.
        #[cfg(unix)]
        if let Err(error) = fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700)) {
            tracing::warn!(%error, "others may be able to read the data folder");
        }
        let lock_path = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| io(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(io(&lock_path, error)),
        }
    }

    /// Where the platform keeps a program's data, unless the caller was told otherwise.
    pub fn default_path() -> Option<PathBuf> {
        let dirs = directories::ProjectDirs::from("", "", "Counterfoil")?;
        Some(dirs.data_local_dir().join("till"))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of that name in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Who this till is; nothing before enrolment.
    pub fn identity(&self) -> Result<Option<Identity>, FolderError> {
        self.read("till.json")
    }

    /// Keeps who this till is, readable for this user only.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), FolderError> {
        self.write("till.json", identity)
    }

    /// Which key this till signs with; nothing before it has one.
    pub fn device(&self) -> Result<Option<crate::device_key::Named>, FolderError> {
        self.read("device.json")
    }

    /// Keeps which key this till signs with.
    pub fn set_device(&self, named: &crate::device_key::Named) -> Result<(), FolderError> {
        self.write("device.json", named)
    }

    /// What the clerk has set. A damaged file is as good as none.
    pub fn settings(&self) -> Settings {
        self.read("settings.json").ok().flatten().unwrap_or_default()
    }

    /// Keeps what the clerk has set.
    pub fn set_settings(&self, settings: &Settings) -> Result<(), FolderError> {
        self.write("settings.json", settings)
    }

    /// Which keys sign for the chain, and the latest time. A damaged file is as good as none: the keys are fetched again.
    pub fn kept(&self) -> Kept {
        self.read("trust.json")
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the list of keys is fetched again");
                None
            })
            .unwrap_or_default()
    }

    /// Keeps which keys sign for the chain, and the latest time.
    pub fn set_kept(&self, kept: &Kept) -> Result<(), FolderError> {
        self.write("trust.json", kept)
    }

    /// The scanners on serial ports. A damaged file is as good as none.
    pub fn serial(&self) -> Vec<crate::serial::Setting> {
        self.read("serial.json")
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the scanners must be set up again");
                None
            })
            .unwrap_or_default()
    }

    /// Keeps the scanners on serial ports.
    pub fn set_serial(&self, scanners: &[crate::serial::Setting]) -> Result<(), FolderError> {
        self.write("serial.json", &scanners)
    }

    /// What was found out about the scanners. A damaged file is as good as none.
    pub fn scanners(&self) -> crate::scanners::Scanners {
        self.read("scanners.json").ok().flatten().unwrap_or_default()
    }

    /// Keeps what was found out about the scanners.
    pub fn set_scanners(&self, scanners: &crate::scanners::Scanners) -> Result<(), FolderError> {
        self.write("scanners.json", scanners)
    }

    /// The demo chain's practice codes, if any were kept.
    pub fn practice(&self) -> Vec<Practice> {
        self.read("practice.json").ok().flatten().unwrap_or_default()
    }

    /// Keeps the demo chain's practice codes.
    pub fn set_practice(&self, codes: &[Practice]) -> Result<(), FolderError> {
        self.write("practice.json", &codes)
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>, FolderError> {
        let path = self.file(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FolderError::Io { path, source }),
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(FolderError::Damaged { path, reason: error.to_string() }),
        }
    }

    /// Writes beside the file, flushes, then renames: a power cut leaves the old file or the new one.
    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), FolderError> {
        let path = self.file(name);
        let beside = self.file(&format!("{name}.new"));
        let io = |source| FolderError::Io { path: path.clone(), source };
        let mut options = File::options();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside).map_err(io)?;
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| io(error.into()))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(io)?;
        drop(file);
        fs::rename(&beside, &path).map_err(io)?;
        // The rename itself must survive a power cut too; on Windows the rename is written through.
        #[cfg(unix)]
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_program_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path()).unwrap();
        let second = Folder::open(dir.path()).map(|_| ());
        assert!(matches!(second, Err(FolderError::InUse(_))), "the second is refused in words: {second:?}");
        drop(first);
        assert!(Folder::open(dir.path()).is_ok(), "and may open it once the first has gone");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_open_to_everybody_is_this_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let _folder = Folder::open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else looks in: {mode:o}");
    }

    #[test]
    fn damaged_settings_are_defaults_and_a_damaged_enrolment_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        fs::write(folder.file("settings.json"), "{").unwrap();
        fs::write(folder.file("till.json"), "{").unwrap();
        assert_eq!(folder.settings(), Settings::default(), "settings can be set again");
        assert!(
            matches!(folder.identity(), Err(FolderError::Damaged { .. })),
            "an enrolment is not thrown away"
        );
    }
}
