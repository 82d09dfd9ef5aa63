//! `cargo xtask bench`, `sim` and `pictures`: what is measured, what is tried out at length, and what README shows.

use anyhow::{Context, Result};

use crate::cargo::{build_programs, cargo};
use crate::display::PrivateScreen;
use crate::node::Node;
use crate::packages::For;
use crate::places::{Places, Profile};
use crate::test::in_window;
use crate::{packages, program, say, ui};

/// Measures the release build: first without a window, then in it.
pub fn bench(places: &Places) -> Result<()> {
    prepare(places, Profile::Release)?;
    say::step("Offline decision, the till's memory, signed codes, catching up, pictures", || {
        program::run(
            "cargo bench",
            cargo(places).args(["bench", "--locked", "--no-fail-fast", "-p", "tests"]),
        )
    })?;
    say::step("The window", || {
        let screen = PrivateScreen::start()?;
        let mut command = cargo(places);
        command.args(["run", "--locked", "--release", "-p", "window-tests", "--bin", "window-bench"]);
        in_window(places, Profile::Release, &screen, &mut command)?;
        program::run("window-bench", &mut command)
    })
}

/// Measures only how well pictures are read. It needs neither page nor screen.
pub fn scan(places: &Places, words: &[String]) -> Result<()> {
    say::step("Set-up: the system's packages", || packages::set_up(For::Programs))?;
    say::step("Codes read from pictures", || {
        let mut command = cargo(places);
        command.args(["bench", "--locked", "-p", "tests", "--bench", "scan", "--", "--must"]).args(words);
        program::run("cargo bench", &mut command)
    })
}

/// Runs the simulator of a whole chain. It needs neither page nor screen.
pub fn sim(places: &Places, words: &[String]) -> Result<()> {
    say::step("Set-up: the system's packages", || packages::set_up(For::Programs))?;
    say::step("A chain in simulated time", || {
        let mut command = cargo(places);
        command
            .args(["run", "--locked", "--profile", "bench", "-p", "tests", "--bin", "simulate", "--"])
            .args(words);
        program::run("simulate", &mut command)
    })
}

/// Makes README's pictures from the app as it is now.
pub fn pictures(places: &Places) -> Result<()> {
    prepare(places, Profile::Debug)?;
    let folder = places.root.join("docs").join("pictures");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    say::step("The pictures", || {
        let screen = PrivateScreen::start()?;
        let mut command = cargo(places);
        command.args(["test", "--locked", "-p", "window-tests", "--test", "pictures"]);
        in_window(places, Profile::Debug, &screen, &mut command)?;
        program::run("cargo test", command.env("COUNTERFOIL_PICTURES", &folder))
    })?;
    say::line(&format!("   They lie in {}.", folder.display()));
    Ok(())
}

fn prepare(places: &Places, profile: Profile) -> Result<()> {
    say::step("Set-up: the system's packages", || packages::set_up(For::Test))?;
    let node = say::step("Set-up: Node", || Node::find(places))?;
    say::step("The page: its packages", || ui::packages(places, &node))?;
    say::step("The page: its build", || ui::build_if_changed(places, &node))?;
    say::step("Building the server and the app", || build_programs(places, profile))
}
