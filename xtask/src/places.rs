//! Where things lie: the repository, the build output, the demo's data.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A build as a developer uses it, or as it is shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build.
    Debug,
    /// Optimised.
    Release,
}

/// The folders that the commands work in.
pub struct Places {
    /// The repository.
    pub root: PathBuf,
    /// Cargo's build output.
    pub target: PathBuf,
}

impl Places {
    /// Finds the repository from Cargo's word, and the build output from where this program itself was built to;
    /// so `CARGO_TARGET_DIR` and a `build.target-dir` in a configuration are followed without reading them.
    pub fn find() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = package.parent().context("xtask lies in no folder")?.to_owned();
        let own = env::current_exe().context("the system does not say where this program lies")?;
        let target =
            own.ancestors().nth(2).context("this program does not lie in a build folder")?.to_owned();
        Ok(Self { root, target })
    }

    /// The page's sources.
    pub fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// What tests leave to be looked at: screenshots, logs, figures.
    pub fn artefacts(&self) -> PathBuf {
        self.root.join("artefacts")
    }

    /// Everything the demo remembers.
    pub fn demo(&self) -> PathBuf {
        self.target.join("demo")
    }

    /// Where the built programs lie.
    pub fn bin_dir(&self, profile: Profile) -> PathBuf {
        self.target.join(match profile {
            Profile::Debug => "debug",
            Profile::Release => "release",
        })
    }

    /// One built program.
    pub fn bin(&self, profile: Profile, name: &str) -> PathBuf {
        self.bin_dir(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }
}

/// The first file of this name in the folders of `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
