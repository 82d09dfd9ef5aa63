//! The demo's shops and clerks, and every word that this package says to the product's own programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::{Places, Profile};
use crate::program;

/// The programs and data folders of one demo.
pub struct Demo<'a> {
    places: &'a Places,
    profile: Profile,
}

/// A till of the demo: odd numbers stand in one store, even ones in the other.
pub struct Till {
    number: u32,
    store: &'static str,
    clerk: &'static str,
    pin: &'static str,
}

impl Till {
    /// The till with this number.
    pub fn new(number: u32) -> Self {
        let (store, clerk, pin) =
            if number % 2 == 1 { ("南山店", "李娜", "1234") } else { ("福田店", "张伟", "2345") };
        Self { number, store, clerk, pin }
    }

    /// As it is called in the shop.
    pub fn name(&self) -> String {
        format!("{}号收银机", self.number)
    }

    /// Which store it stands in, and who works there.
    pub fn introduction(&self) -> String {
        format!("{} in {}; {} signs in with {}", self.name(), self.store, self.clerk, self.pin)
    }
}

impl<'a> Demo<'a> {
    /// The demo of this build.
    pub fn new(places: &'a Places, profile: Profile) -> Self {
        Self { places, profile }
    }

    /// Where a till keeps everything it knows.
    pub fn till_folder(&self, till: &Till) -> PathBuf {
        self.places.demo().join(format!("till-{}", till.number))
    }

    /// Fills the server with the demo's stores, clerks and codes; doing it again changes nothing.
    pub fn seed(&self) -> Result<()> {
        program::run("counterfoil-server demo", self.server().arg("demo"))
    }

    /// The server at this port, or at a free one for 0. Its first line of output holds its address.
    pub fn serve(&self, port: u16) -> Command {
        let mut command = self.server();
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
        command
    }

    /// Whether this till knows its server already.
    pub fn is_enrolled(&self, till: &Till) -> Result<bool> {
        // A folder that is not there is not made by asking.
        if !self.till_folder(till).exists() {
            return Ok(false);
        }
        let status = program::ask("counterfoil-ctl status", self.ctl(till).args(["--json", "status"]))?;
        let enrolled = json_value(&status, "enrolled").with_context(|| {
            format!("counterfoil-ctl status does not say whether it is enrolled: {status}")
        })?;
        Ok(enrolled == "true")
    }

    /// Makes this till known to the server at the address, and signs its clerk in.
    pub fn enrol(&self, till: &Till, address: &str) -> Result<()> {
        let asked = program::ask(
            "counterfoil-server enrol-code",
            self.server().args(["--json", "enrol-code", "--store", till.store]),
        )?;
        let code = json_value(&asked, "code")
            .with_context(|| format!("counterfoil-server enrol-code does not give a code: {asked}"))?;
        program::ask(
            "counterfoil-ctl enrol",
            self.ctl(till).args(["enrol", address, &code, "--name", &till.name()]),
        )?;
        program::ask(
            "counterfoil-ctl sign-in",
            self.ctl(till).args(["sign-in", till.clerk, "--pin", till.pin]),
        )?;
        Ok(())
    }

    /// The app at this till.
    pub fn app(&self, till: &Till) -> Command {
        self.program("counterfoil", &self.till_folder(till))
    }

    fn server(&self) -> Command {
        self.program("counterfoil-server", &self.places.demo().join("server"))
    }

    fn ctl(&self, till: &Till) -> Command {
        self.program("counterfoil-ctl", &self.till_folder(till))
    }

    fn program(&self, name: &str, data: &Path) -> Command {
        let mut command = Command::new(self.places.bin(self.profile, name));
        command.arg("--data").arg(data);
        command
    }
}

/// A text or plain value from a flat JSON object that our own programs wrote. (No JSON library: this package is
/// compiled before everything else, and reads two values in all.)
fn json_value(json: &str, name: &str) -> Option<String> {
    let name = format!("\"{name}\"");
    let rest = json.split(&name).nth(1)?.trim_start().strip_prefix(':')?.trim_start();
    match rest.strip_prefix('"') {
        Some(text) => text.split('"').next().map(str::to_owned),
        None => rest.split([',', '}', '\n']).next().map(|value| value.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_our_own_programs_are_read() {
        let json = "{\n  \"code\": \"7K2M-94QX\",\n  \"enrolled\" : true, \"queue\":3}\n";
        assert_eq!(json_value(json, "code").as_deref(), Some("7K2M-94QX"));
        assert_eq!(json_value(json, "enrolled").as_deref(), Some("true"));
        assert_eq!(json_value(json, "queue").as_deref(), Some("3"));
        assert_eq!(json_value(json, "store"), None);
    }

    #[test]
    fn tills_stand_in_two_stores_in_turn() {
        assert_eq!(Till::new(1).introduction(), "1号收银机 in 南山店; 李娜 signs in with 1234");
        assert_eq!(Till::new(2).introduction(), "2号收银机 in 福田店; 张伟 signs in with 2345");
        assert_eq!(Till::new(3).store, Till::new(1).store);
    }
}
