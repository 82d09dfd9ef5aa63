//! `cargo xtask test`: every check there is, in the order in which a mistake is cheapest to hear about.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::cargo;
use crate::counts::Counts;
use crate::display::PrivateScreen;
use crate::node::Node;
use crate::packages::For;
use crate::places::{Places, Profile};
use crate::words::AfterFailure;
use crate::{packages, program, say, ui};

/// Goes through all steps; the code says whether all went well.
pub fn test(places: &Places, after_failure: AfterFailure) -> Result<ExitCode> {
    let mut suite = Suite { after_failure, steps: Vec::new() };
    let mut node = None;
    suite.step("set-up", |_| {
        packages::set_up(For::Test)?;
        node = Some(Node::find(places)?);
        Ok(())
    });
    suite.step("cargo fmt", |_| program::run("cargo fmt", cargo(places).args(["fmt", "--all", "--check"])));
    check_page(&mut suite, places, node.as_ref());
    suite.step("cargo clippy", |_| {
        let mut clippy = cargo(places);
        clippy.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        program::run("cargo clippy", &mut clippy)
    });
    // One choice of packages for everything that is built from here on: another choice would choose other features
    // of shared crates, and build them anew.
    suite.step("build", |_| {
        program::run("cargo build", cargo(places).args(["build", "--locked", "--workspace"]))
    });
    suite.step("tests, window included", |counts| {
        let screen = PrivateScreen::start()?;
        cargo_test(places, after_failure, node.as_ref(), Some(&screen), counts)
    });
    suite.step("server on PostgreSQL", |counts| server_on_postgres(places, after_failure, counts));
    Ok(suite.report())
}

fn check_page(suite: &mut Suite, places: &Places, node: Option<&Node>) {
    let node = || node.context("there is no Node");
    suite.step("page: packages", |_| ui::packages(places, node()?));
    for (step, script) in
        [("page: format", "format:check"), ("page: types", "check"), ("page: tests", "test")]
    {
        suite.step(step, |counts| {
            let name = format!("npm run {script}");
            let mut command = node()?.npm(places, &["run", script]);
            program::run_watching(&name, &mut command, |line| counts.read(line))
        });
    }
    suite.step("page: build", |_| ui::build(places, node()?));
}

/// `cargo test` of all packages, with all that tests may ask the environment for: the window's, and those that run the
/// script for mini-programs.
fn cargo_test(
    places: &Places,
    after_failure: AfterFailure,
    node: Option<&Node>,
    screen: Option<&PrivateScreen>,
    counts: &mut Counts,
) -> Result<()> {
    let mut command = cargo(places);
    command.args(["test", "--locked", "--workspace"]);
    if let Some(node) = node {
        node.show(&mut command);
    }
    if after_failure == AfterFailure::KeepGoing {
        command.arg("--no-fail-fast");
    }
    if let Some(screen) = screen {
        in_window(places, Profile::Debug, screen, &mut command)?;
    }
    program::run_watching("cargo test", &mut command, |line| counts.read(line))
}

/// The server's own tests once more, each in a database on a private PostgreSQL server. (What must be so on both engines
/// whatever happens is in `tests/contract`, which is part of all tests.)
fn server_on_postgres(places: &Places, after_failure: AfterFailure, counts: &mut Counts) -> Result<()> {
    let test = cargo(places);
    let mut command = std::process::Command::new(places.bin(Profile::Debug, "with-postgres"));
    command.arg(test.get_program()).current_dir(&places.root);
    for (name, value) in test.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["test", "--locked", "--workspace", "--test", "it"]);
    command.env("COUNTERFOIL_TEST_ENGINE", "postgres");
    if after_failure == AfterFailure::KeepGoing {
        command.arg("--no-fail-fast");
    }
    program::run_watching("cargo test on PostgreSQL", &mut command, |line| counts.read(line))
}

/// Gives a program of window-tests what it works with: a screen, the built programs, a place for what it leaves.
pub fn in_window(
    places: &Places,
    profile: Profile,
    screen: &PrivateScreen,
    command: &mut std::process::Command,
) -> Result<()> {
    let artefacts = places.artefacts();
    std::fs::create_dir_all(&artefacts).with_context(|| format!("cannot make {}", artefacts.display()))?;
    screen
        .show(command)
        .env("COUNTERFOIL_BIN_DIR", places.bin_dir(profile))
        .env("COUNTERFOIL_ARTEFACTS", artefacts);
    Ok(())
}

/// The steps so far.
struct Suite {
    after_failure: AfterFailure,
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    outcome: Outcome,
    time: Duration,
    counts: Counts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Failed,
    NotReached,
}

impl Suite {
    /// Does a step, unless one before it failed and that was to be the end.
    fn step(&mut self, name: &'static str, work: impl FnOnce(&mut Counts) -> Result<()>) {
        let mut step =
            Step { name, outcome: Outcome::NotReached, time: Duration::ZERO, counts: Counts::default() };
        let ends_here = self.after_failure == AfterFailure::Stop && self.has_failed();
        if !ends_here && !program::stopping() {
            say::heading(name);
            let started = Instant::now();
            let result = work(&mut step.counts);
            step.time = started.elapsed();
            step.outcome = if result.is_ok() { Outcome::Good } else { Outcome::Failed };
            match result {
                Ok(()) => say::line(&format!("   {name}: good, {}", say::took(step.time))),
                Err(error) => say::line(&format!("   {name}: FAILED, {}: {error:#}", say::took(step.time))),
            }
        }
        self.steps.push(step);
    }

    fn has_failed(&self) -> bool {
        self.steps.iter().any(|step| step.outcome == Outcome::Failed)
    }

    /// Prints the table and the last line.
    fn report(&self) -> ExitCode {
        say::heading("Summary");
        for step in &self.steps {
            say::line(&step.row());
        }
        let total = self.total();
        let all_good = self.steps.iter().all(|step| step.outcome == Outcome::Good);
        say::line(&format!("\n{} passed, {} failed", total.passed, total.failed));
        if all_good && total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// All tests; a failed step without a failed test of its own counts as one, so that the line never looks good
    /// when something is not.
    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for step in &self.steps {
            total += step.counts;
            if step.outcome == Outcome::Failed && step.counts.failed == 0 {
                total.failed += 1;
            }
        }
        total
    }
}

impl Step {
    fn row(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Good => "good",
            Outcome::Failed => "FAILED",
            Outcome::NotReached => return format!("   {:<24} not reached", self.name),
        };
        let tests = match self.counts {
            Counts { passed: 0, failed: 0 } => String::new(),
            Counts { passed, failed } => format!("{passed} passed, {failed} failed"),
        };
        let row = format!("   {:<24} {outcome:<8} {:>12}   {tests}", self.name, say::took(self.time));
        row.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(after_failure: AfterFailure) -> Suite {
        Suite { after_failure, steps: Vec::new() }
    }

    fn outcomes(suite: &Suite) -> Vec<&'static str> {
        let word = |step: &Step| match step.outcome {
            Outcome::Good => "good",
            Outcome::Failed => "failed",
            Outcome::NotReached => "not reached",
        };
        suite.steps.iter().map(word).collect()
    }

    fn go(suite: &mut Suite) {
        suite.step("one", |counts| {
            counts.read("test result: ok. 3 passed; 0 failed; 0 ignored");
            Ok(())
        });
        suite.step("two", |_| anyhow::bail!("no"));
        suite.step("three", |counts| {
            counts.read("test result: FAILED. 4 passed; 2 failed; 0 ignored");
            anyhow::bail!("no")
        });
    }

    #[test]
    fn the_first_failure_ends_the_run() {
        let mut suite = suite(AfterFailure::Stop);
        go(&mut suite);
        assert_eq!(outcomes(&suite), ["good", "failed", "not reached"]);
        assert_eq!(suite.total(), Counts { passed: 3, failed: 1 });
    }

    #[test]
    fn keeping_going_reaches_every_step() {
        let mut suite = suite(AfterFailure::KeepGoing);
        go(&mut suite);
        assert_eq!(outcomes(&suite), ["good", "failed", "failed"]);
        assert_eq!(suite.total(), Counts { passed: 7, failed: 3 });
    }

    #[test]
    fn rows_are_short() {
        let step = Step {
            name: "tests",
            outcome: Outcome::Good,
            time: Duration::from_secs(75),
            counts: Counts { passed: 12, failed: 0 },
        };
        assert_eq!(step.row(), "   tests                    good       1 min 15 s   12 passed, 0 failed");
    }
}
