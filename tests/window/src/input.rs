//! A Chinese input method that is switched on, as on most counters' computers: ibus with libpinyin, on a bus of its own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::patience::until;
use crate::processes::{Running, ask};

/// Where ibus keeps its settings: in memory, and gone with it.
const SETTINGS: &str = "/usr/libexec/ibus-memconf";

/// The engine for pinyin.
const ENGINE: &str = "libpinyin";

/// A running input method. When this value goes it is gone.
pub struct InputMethod {
    address: String,
    bus: String,
    home: TempDir,
    // Ended in this order: the daemon before the bus that it is on.
    _daemon: Running,
    _bus: Running,
}

impl InputMethod {
    /// Starts it and switches Chinese on.
    pub async fn start() -> Result<Self> {
        let home = tempfile::tempdir()?;
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut bus = Running::start(&mut bus)?;
        let mut line = String::new();
        BufReader::new(bus.child.stdout.take().context("the bus has an output")?).read_line(&mut line)?;
        let address = format!("unix:path={}", home.path().join("method.sock").display());
        let bus_address = line.trim().to_owned();
        let mut daemon = Command::new("ibus-daemon");
        daemon.args(["--panel", "disable", "--config", SETTINGS, "--xim", "--address", &address]);
        set_up(&mut daemon, &address, &bus_address, &home);
        let daemon = Running::start(daemon.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let method = Self { address, bus: bus_address, home, _daemon: daemon, _bus: bus };
        method.switch_on().await?;
        Ok(method)
    }

    /// Lets a program that is about to start use it.
    pub(crate) fn show(&self, command: &mut Command) {
        set_up(command, &self.address, &self.bus, &self.home);
    }

    /// Switches Chinese on for whichever window has the focus now; the choice may belong to the focus.
    pub async fn switch_on(&self) -> Result<()> {
        until("the input method is switched on", async || {
            // What it ends with tells nothing; what it then says is on does.
            self.ibus(&["engine", ENGINE])?;
            Ok((self.ibus(&["engine"])?.trim() == ENGINE).then_some(()))
        })
        .await
    }

    fn ibus(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new("ibus");
        set_up(&mut command, &self.address, &self.bus, &self.home);
        Ok(ask(command.args(words))?.said)
    }
}

fn set_up(command: &mut Command, address: &str, bus: &str, home: &TempDir) {
    command.envs([
        ("IBUS_ADDRESS", address),
        ("DBUS_SESSION_BUS_ADDRESS", bus),
        ("GTK_IM_MODULE", "ibus"),
        ("XMODIFIERS", "@im=ibus"),
    ]);
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
        command.env(name, home.path());
    }
}
