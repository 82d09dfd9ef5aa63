//! Real key presses at the X server, as a scanner that types sends them. (WebDriver's keys lack Shift.)

use std::process::Command;

use anyhow::{Result, ensure};

use crate::patience::until;
use crate::processes::ask;

/// A scanner's pause between two keys (ms).
const BURST: u32 = 5;
/// A quick person's (ms); longer than what can still be a scan.
const BY_HAND: u32 = 130;

/// Keyboard and scanner in front of one window.
pub struct Keys {
    window: String,
}

impl Keys {
    /// Finds the window that this process shows.
    pub(crate) async fn of(process: u32) -> Result<Self> {
        let process = process.to_string();
        let search = ["search", "--onlyvisible", "--all", "--pid", &process, "--name", "^Counterfoil$"];
        let window = until("a visible window called Counterfoil", async || {
            let answer = ask(Command::new("xdotool").args(search))?;
            Ok(answer.said.lines().next_back().map(str::to_owned))
        })
        .await?;
        let keys = Self { window };
        keys.focus()?;
        Ok(keys)
    }

    /// Puts the window in front of the keyboard, as a click on it would.
    pub fn focus(&self) -> Result<()> {
        xdotool(&["windowfocus", "--sync", &self.window])
    }

    /// A scanner reads `text`: fast keys, then Enter.
    pub fn scan(&self, text: &str) -> Result<()> {
        // In one go: a second program would start too late for a scanner's Enter.
        xdotool(&["type", "--delay", &BURST.to_string(), "--args", "1", "--", text, "key", "Return"])
    }

    /// A person types `text`, without Enter.
    pub fn type_by_hand(&self, text: &str) -> Result<()> {
        xdotool(&["type", "--delay", &BY_HAND.to_string(), "--", text])
    }

    /// One key by its X name, such as "Return" or "F3".
    pub fn press(&self, key: &str) -> Result<()> {
        xdotool(&["key", key])
    }
}

/// Ahead of other programs where that is allowed: a busy computer does not slow down a scanner.
fn xdotool(words: &[&str]) -> Result<()> {
    let answer = ask(Command::new("nice").args(["-n", "-10", "xdotool"]).args(words))?;
    ensure!(answer.exit == Some(0), "xdotool {words:?} failed: {answer:?}");
    Ok(())
}
