//! The built programs: asked something, or kept running; none survives the test that started it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A built program: from `COUNTERFOIL_BIN_DIR`, otherwise from the build folder that this test lies in.
pub fn program(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("COUNTERFOIL_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let own = std::env::current_exe().context("the system does not say where this test lies")?;
            let within = |folder: &&Path| folder.join("counterfoil-server").is_file();
            own.ancestors()
                .find(within)
                .context("the programs are not built; see `cargo xtask test`")?
                .to_owned()
        }
    };
    let program = folder.join(name);
    if !program.is_file() {
        bail!("{} is not built; `cargo xtask test` builds it", program.display());
    }
    Ok(program)
}

/// What a program said before it ended.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code.
    pub exit: Option<i32>,
    /// Its standard output.
    pub said: String,
    /// Its standard error.
    pub complained: String,
}

impl Answer {
    /// Standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(self.said.trim()).with_context(|| format!("this is no JSON: {self:?}"))
    }

    /// The same, if it also ended well.
    pub fn good(self) -> Result<Self> {
        if self.exit == Some(0) { Ok(self) } else { bail!("a program failed: {self:?}") }
    }
}

/// Runs a program to its end.
pub(crate) fn ask(command: &mut Command) -> Result<Answer> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} did not start"))?;
    Ok(Answer {
        exit: output.status.code(),
        said: String::from_utf8_lossy(&output.stdout).into_owned(),
        complained: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A program that runs beside the test. When this value goes it is gone, with everything that it started.
///
/// It stays in the test's process group, so that whoever stops the tests from outside stops it too.
pub(crate) struct Running {
    /// The program.
    pub child: Child,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("{name} did not start"))?;
        Ok(Self { child })
    }

    /// Everybody it started, and whom those started.
    pub fn descendants(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let parents: Vec<(u32, u32)> = processes().filter_map(|one| Some((one, parent(one)?))).collect();
        let mut known = 0;
        while known < family.len() {
            let elder = family[known];
            family.extend(parents.iter().filter(|(_, parent)| *parent == elder).map(|(one, _)| *one));
            known += 1;
        }
        family.split_off(1)
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        for one in self.descendants() {
            signal("KILL", one);
        }
        // Whoever is gone already needs no signal.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal. Through the shell, which every Unix has, so that no unsafe code is needed.
pub(crate) fn signal(name: &str, to: u32) {
    let words = format!("kill -s {name} {to}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &words]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Nobody is there any more: that is what was wanted.
    let _ = shell.status();
}

/// Whether this is the program's own process, and not one that it started.
pub(crate) fn runs(process: u32, program: &Path) -> bool {
    fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|exe| exe == program)
}

/// Whether there is such a process, other than as a mere entry that nobody has collected.
pub(crate) fn lives(process: u32) -> bool {
    stat(process).is_some_and(|stat| !stat.starts_with('Z'))
}

/// Resident and proportional memory of a process (KiB).
pub fn memory_kib(process: u32) -> Result<(u64, u64)> {
    let number = |file: &str, name: &str| -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{process}/{file}"))?;
        let line = text.lines().find(|line| line.starts_with(name)).context("the kernel does not say")?;
        Ok(line.split_whitespace().nth(1).context("the kernel says nothing")?.parse()?)
    };
    Ok((number("status", "VmRSS:")?, number("smaps_rollup", "Pss:")?))
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(process: u32) -> Option<u32> {
    stat(process)?.split_whitespace().nth(1)?.parse().ok()
}

/// State, parent and so on: what follows the name, which may itself hold blanks and brackets.
fn stat(process: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.trim_start().to_owned())
}
