//! Where private keys lie: one file each that nobody but its owner may read, or the environment. Never the database.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::signed::token::SigningKey;

/// Why a private key is not here.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// There is no file and no variable.
    #[error(
        "the private key {name} is not here: put it back as {}, or give it in the environment as {variable} \
         (the seed in base64)", .path.display()
    )]
    Absent {
        /// The key.
        name: String,
        /// Where its file would be.
        path: PathBuf,
        /// The variable that would hold it.
        variable: String,
    },
    /// Others may read it.
    #[error(
        "others may read {}: make it yours alone with `chmod {mode} {}`, and replace the key if somebody may have \
         read it", .path.display(), .path.display()
    )]
    Exposed {
        /// The file or the folder.
        path: PathBuf,
        /// As it should be.
        mode: &'static str,
    },
    /// It is no key.
    #[error("{place} holds no private key: it must be 32 bytes in base64")]
    Malformed {
        /// The file or the variable.
        place: String,
    },
    /// It is another key than the one that tills know by that name.
    #[error("{place} holds another key than the one that is known as {name}: put the right one there")]
    Other {
        /// The file or the variable.
        place: String,
        /// The key.
        name: String,
    },
    /// It cannot be read or written.
    #[error("{} cannot be used: {error}", .path.display())]
    File {
        /// The file or the folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The private keys of one data folder.
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// Those beside the database in `data`.
    pub fn beside(data: &Path) -> Files {
        Files { folder: data.join("keys") }
    }

    /// Where the file of that key is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// The key of that name.
    pub fn load(&self, name: &str) -> Result<SigningKey, NoKey> {
        let text = self.text(name)?;
        read(&text).ok_or_else(|| NoKey::Malformed { place: self.place(name) })
    }

    /// Where that key was found, for people.
    pub fn place(&self, name: &str) -> String {
        match std::env::var_os(variable(name)) {
            Some(_) => variable(name),
            None => self.path(name).display().to_string(),
        }
    }

    /// The key of that name; one of `seed` is written down if there is none yet.
    pub fn load_or_make(&self, name: &str, seed: [u8; 32]) -> Result<SigningKey, NoKey> {
        match self.load(name) {
            Err(NoKey::Absent { .. }) => {}
            found => return found,
        }
        make_folder(&self.folder).map_err(|error| NoKey::File { path: self.folder.clone(), error })?;
        let path = self.path(name);
        write(&path, &STANDARD.encode(seed)).map_err(|error| NoKey::File { path, error })?;
        Ok(SigningKey::from_seed(seed))
    }

    /// The seed as text.
    fn text(&self, name: &str) -> Result<String, NoKey> {
        if let Ok(text) = std::env::var(variable(name)) {
            return Ok(text);
        }
        let path = self.path(name);
        for (path, mode) in [(&self.folder, "700"), (&path, "600")] {
            match others_may_read(path) {
                Ok(false) => {}
                Ok(true) => return Err(NoKey::Exposed { path: path.clone(), mode }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(NoKey::Absent {
                        name: name.to_owned(),
                        path: self.path(name),
                        variable: variable(name),
                    });
                }
                Err(error) => return Err(NoKey::File { path: path.clone(), error }),
            }
        }
        std::fs::read_to_string(&path).map_err(|error| NoKey::File { path, error })
    }
}

fn read(text: &str) -> Option<SigningKey> {
    let seed: [u8; 32] = STANDARD.decode(text.trim()).ok()?.try_into().ok()?;
    Some(SigningKey::from_seed(seed))
}

/// `COUNTERFOIL_KEY_` and the name in capitals, with underscores for hyphens.
fn variable(name: &str) -> String {
    format!("COUNTERFOIL_KEY_{}", name.to_ascii_uppercase().replace('-', "_"))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that is there afterwards whatever happens, and that only its owner may read from the first byte on.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Elsewhere the folder's own rights decide, which this program cannot judge.
#[cfg(not(unix))]
fn others_may_read(path: &Path) -> io::Result<bool> {
    std::fs::metadata(path).map(|_| false)
}
