//! Screens: the person's own for the app, a private one for the tests.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::program::Running;
use crate::say;

/// The screen of the tests: the commonest one at a shop's counter.
const SCREEN: &str = "1366x768x24";

/// Says before any long work that there is nowhere to show a window.
pub fn check() -> Result<()> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        bail!(
            "there is no screen to show the window on (neither DISPLAY nor WAYLAND_DISPLAY is set). Start this \
             inside a desktop session, or without one: apt-get install xvfb xauth && xvfb-run cargo xtask run"
        );
    }
    Ok(())
}

/// A screen in memory, gone when this value goes.
pub struct PrivateScreen {
    name: String,
    _server: Running,
}

impl PrivateScreen {
    /// Starts it. The X server itself picks a free number and tells it once it answers.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"])
            // Its remarks about keys that it does not know worry only the reader.
            .stderr(Stdio::null());
        let (mut server, lines) = Running::start_reading("Xvfb", &mut command)?;
        let number: u32 =
            server.wait_for_line(&lines, Duration::from_secs(30), |line| line.trim().parse().ok())?;
        let name = format!(":{number}");
        say::line(&format!("   A private screen {SCREEN} is up as {name}."));
        Ok(Self { name, _server: server })
    }

    /// Makes a program show its windows there and nowhere else.
    pub fn show<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DISPLAY", &self.name).env("GDK_BACKEND", "x11").env_remove("WAYLAND_DISPLAY")
    }
}
