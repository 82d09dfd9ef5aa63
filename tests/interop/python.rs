//! A Python with the packages of `requirements.txt`, in a virtual environment under `target`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tests::programs::root;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Where its interpreter lies.
#[derive(Clone, Debug)]
pub struct Python(PathBuf);

impl Python {
    /// Sets it up the first time. Nothing, with a word on standard error, where `python3 -m venv` does not work and
    /// this is not a build machine.
    pub fn get() -> Option<Python> {
        static PYTHON: OnceLock<Option<Python>> = OnceLock::new();
        PYTHON.get_or_init(set_up).clone()
    }

    /// Runs a script of this folder, and gives what it prints.
    pub fn run(&self, script: &str, input: &str) -> String {
        self.try_run(script, input).unwrap_or_else(|said| panic!("{script} fails: {said}"))
    }

    /// Runs a script of this folder: what it prints, or what it complains of.
    pub fn try_run(&self, script: &str, input: &str) -> Result<String, String> {
        let mut command = Command::new(&self.0);
        command.current_dir(root().join("tests").join("interop")).arg(script);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        if output.status.success() { Ok(said(output.stdout)) } else { Err(said(output.stderr)) }
    }
}

fn set_up() -> Option<Python> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-python");
    let python = ["bin/python", "Scripts/python.exe"].map(|place| folder.join(place));
    let installed = folder.join("installed.txt");
    let there = |python: &[PathBuf; 2]| python.iter().find(|place| place.exists()).cloned();
    if fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) {
        return there(&python).map(Python);
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
    let Some(own) = made.ok().filter(|output| output.status.success()).and_then(|_| there(&python)) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "a build machine has python3 with venv: apt-get install python3-venv"
        );
        // Not by a macro, whose output the test runner keeps to itself while all goes well.
        let said =
            b"\nNOT PROVEN: python3 -m venv does not work here (apt-get install python3-venv), so that no \
                     other implementation was asked. The committed vectors still count.\n";
        std::io::stderr().write_all(said).unwrap();
        return None;
    };
    let requirements = root().join("tests").join("interop").join("requirements.txt");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"];
    let output = Command::new(&own).args(pip).arg(requirements).output().unwrap();
    assert!(output.status.success(), "pip fails: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(&installed, REQUIREMENTS).unwrap();
    Some(Python(own))
}
