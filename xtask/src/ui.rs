//! The page: its packages and its build, each only when something has changed.

use anyhow::Result;

use crate::node::Node;
use crate::places::Places;
use crate::stamp::{self, Stamp};
use crate::{program, say};

/// What lies in the page's folder without being a source of it.
const NOT_SOURCES: [&str; 3] = ["node_modules", "dist", "coverage"];

/// Installs the page's packages, unless they are those of this lock file already.
pub fn packages(places: &Places, node: &Node) -> Result<()> {
    let ui = places.ui();
    let lock = Stamp::of_file(&ui.join("package-lock.json"))?.letters();
    // Inside node_modules, so that it goes with them.
    let note = ui.join("node_modules").join(".counterfoil-lock");
    if stamp::noted(&note, &lock) {
        say::line("   The page's packages are those of its lock file.");
        return Ok(());
    }
    program::run("npm ci", &mut node.npm(places, &["ci"]))?;
    stamp::note(&note, &lock)
}

/// Builds the page, unless dist is what came out of these very sources.
pub fn build_if_changed(places: &Places, node: &Node) -> Result<()> {
    if stamp::noted(&note(places), &sources_and_result(places).unwrap_or_default()) {
        say::line("   The page has not changed since it was built.");
        return Ok(());
    }
    build(places, node)
}

/// Builds the page.
pub fn build(places: &Places, node: &Node) -> Result<()> {
    program::run("npm run build", &mut node.npm(places, &["run", "build"]))?;
    stamp::note(&note(places), &sources_and_result(places)?)
}

/// Outside dist, all of which goes into the app.
fn note(places: &Places) -> std::path::PathBuf {
    places.target.join("ui-build.stamp")
}

/// Both, because dist may also hold a placeholder or something built by hand.
fn sources_and_result(places: &Places) -> Result<String> {
    let sources = Stamp::of_folder(&places.ui(), &NOT_SOURCES)?;
    let result = Stamp::of_folder(&places.ui().join("dist"), &[])?;
    Ok(format!("{} {}", sources.letters(), result.letters()))
}
