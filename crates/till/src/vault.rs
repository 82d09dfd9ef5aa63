//! Where a till keeps what must not lie beside its journal: its device key, and how far the journal had come.
//!
//! The operating system's credential store is asked first. It may be absent, locked, or busy asking somebody for a
//! password, so that nobody waits for it longer than [`PATIENCE`], and it is never asked while a customer waits. Where
//! there is none, files do: the key in the data folder, for its owner alone; the head outside it, so that whoever
//! sets the folder back to yesterday does not set the head back with it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod system;

pub use system::SystemVault;

/// How long the operating system's store may take for one answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The seed of the device key.
    Key,
    /// The journal's last line, see [`crate::head`].
    Head,
}

/// Where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the operating system's credential store.
    System,
    /// In a file.
    File,
}

impl Place {
    /// The code by which diagnostics name it.
    pub fn code(self) -> &'static str {
        match self {
            Place::System => "system",
            Place::File => "file",
        }
    }
}

/// Why a vault gave or took nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no such store here, or it did not answer in time.
    #[error("the system's credential store does not answer")]
    Silent,
    /// It answered that it will not.
    #[error("{0}")]
    Refused(String),
}

/// A place for secrets. `of` tells the tills of one user apart: it is the device key's public half, in hexadecimal.
pub trait Vault: Send + Sync {
    /// What was kept last; nothing if nothing ever was.
    fn get(&self, what: What, of: &str) -> Result<Option<Vec<u8>>, VaultError>;
    /// Keeps it in the place of what was kept before.
    fn set(&self, what: What, of: &str, bytes: &[u8]) -> Result<(), VaultError>;
}

/// The vaults of one till.
#[derive(Clone)]
pub struct Vaults {
    /// The operating system's, unless files were asked for.
    pub system: Option<Arc<dyn Vault>>,
    /// Files, for where the system has none.
    pub files: Arc<dyn Vault>,
}

impl Vaults {
    /// Files alone: the key in `data`, heads in `outside`.
    pub fn files(data: &Path, outside: &Path) -> Vaults {
        Vaults { system: None, files: Arc::new(FileVault::new(data, outside)) }
    }

    /// Files alone: the key in `data`, heads in a folder beside it.
    pub fn beside(data: &Path) -> Vaults {
        Vaults::files(data, &data.with_extension("heads"))
    }

    /// The system's store with files behind it, as a till uses them outside of tests. `COUNTERFOIL_KEYS=file` does
    /// without the system's; `COUNTERFOIL_HEADS` names another folder for heads than the platform's own.
    pub fn of_platform(data: &Path) -> Vaults {
        let dirs = directories::ProjectDirs::from("", "", "Counterfoil");
        let outside = std::env::var_os("COUNTERFOIL_HEADS").map(PathBuf::from);
        let outside = outside.or_else(|| Some(dirs?.config_dir().join("heads")));
        // Without a home there is no better place than beside the folder.
        let outside = outside.unwrap_or_else(|| data.with_extension("heads"));
        let files_only = std::env::var("COUNTERFOIL_KEYS").is_ok_and(|keys| keys == "file");
        let system: Option<Arc<dyn Vault>> =
            if files_only { None } else { Some(Arc::new(SystemVault::default())) };
        Vaults { system, ..Vaults::files(data, &outside) }
    }

    /// The vault at that place, if there is one.
    pub fn at(&self, place: Place) -> Option<&dyn Vault> {
        match place {
            Place::System => self.system.as_deref(),
            Place::File => Some(&*self.files),
        }
    }
}

/// Secrets in files of their owner alone.
#[derive(Debug)]
pub struct FileVault {
    data: PathBuf,
    outside: PathBuf,
}

impl FileVault {
    /// Keys in `data`, heads in `outside`.
    pub fn new(data: &Path, outside: &Path) -> FileVault {
        FileVault { data: data.to_owned(), outside: outside.to_owned() }
    }

    fn file(&self, what: What, of: &str) -> PathBuf {
        match what {
            What::Key => self.data.join("device.key"),
            What::Head => self.outside.join(format!("{of}.head")),
        }
    }
}

impl Vault for FileVault {
    fn get(&self, what: What, of: &str) -> Result<Option<Vec<u8>>, VaultError> {
        match fs::read(self.file(what, of)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultError::Refused(error.to_string())),
        }
    }

    fn set(&self, what: What, of: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let file = self.file(what, of);
        let folder = file.parent().unwrap_or(&self.data);
        let written = fs::create_dir_all(folder).and_then(|()| write(folder, &file, bytes));
        written.map_err(|error| VaultError::Refused(format!("{}: {error}", file.display())))
    }
}

/// Writes beside the file, flushes, then renames: a power cut leaves the old file or the new one.
fn write(folder: &Path, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    drop(new);
    fs::rename(&beside, file)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (data, outside) = (dir.path().join("till"), dir.path().join("heads"));
        fs::create_dir(&data).unwrap();
        let vault = FileVault::new(&data, &outside);
        assert_eq!(vault.get(What::Key, "a").unwrap(), None, "nothing is kept yet");
        vault.set(What::Key, "a", &[7; 32]).unwrap();
        vault.set(What::Head, "a", b"head of a").unwrap();
        vault.set(What::Head, "b", b"head of b").unwrap();
        assert_eq!(vault.get(What::Key, "a").unwrap().unwrap(), [7; 32], "the key");
        assert_eq!(vault.get(What::Head, "a").unwrap().unwrap(), b"head of a", "each till has its own head");
        assert!(outside.join("a.head").exists(), "which does not lie beside the journal");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(data.join("device.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else reads the key: {mode:o}");
        }
    }
}
