//! Cargo itself, the same one that started this program, always with the committed lock file.

use std::process::Command;

use anyhow::Result;

use crate::places::{Places, Profile};
use crate::program;

/// The programs of the product: the reference server, the till's terminal program, the app.
const PROGRAMS: [&str; 6] = ["-p", "server", "-p", "till", "-p", "counterfoil"];

/// Cargo in the repository, without what the Cargo that runs this program says about the package `xtask`: a build
/// script that looks at such a variable would otherwise run again each time one changes between here and a terminal.
pub fn cargo(places: &Places) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&places.root);
    for (name, _) in std::env::vars_os() {
        let about_us = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(about_us) {
            command.env_remove(name);
        }
    }
    command
}

/// Builds the product's programs.
pub fn build_programs(places: &Places, profile: Profile) -> Result<()> {
    let mut command = cargo(places);
    command.args(["build", "--locked"]).args(PROGRAMS);
    if profile == Profile::Release {
        command.arg("--release");
    }
    program::run("cargo build", &mut command)
}
