//! Other programs: asked something, run to their end, or kept running; none survives this one.
//!
//! Each gets a process group of its own, so that a stop reaches its children too (`cargo` starts `rustc`, the window
//! starts the web process), and so that Ctrl-C comes to us alone and is passed on in order. Programs that may ask for
//! a password stay in the terminal's group ([`run_in_front`]).

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How often a waiting loop looks up.
const LOOK: Duration = Duration::from_millis(50);
/// How long a program may take to end by itself once asked.
const PATIENCE: Duration = Duration::from_secs(5);

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C, a request to terminate and a closed terminal make every wait end early.
pub fn stop_when_asked() -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst)).context("cannot listen for Ctrl-C")
}

/// Whether the person or the system asked us to stop.
pub fn stopping() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// A program that runs beside us and is stopped, with all its children, when this value goes.
pub struct Running {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts a program; what it prints goes where the command says, by default to the terminal.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command.spawn().with_context(|| {
            format!("{name} could not be started ({})", command.get_program().to_string_lossy())
        })?;
        Ok(Self { name: name.to_owned(), child, ended: None })
    }

    /// Starts a program and hands over its lines; once nobody takes them any more they go to the terminal.
    pub fn start_reading(name: &str, command: &mut Command) -> Result<(Self, mpsc::Receiver<String>)> {
        let mut running = Self::start(name, command.stdout(Stdio::piped()))?;
        let out = running.child.stdout.take().context("a program without output")?;
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Err(unsent) = send.send(line) {
                    crate::say::line(&unsent.0);
                }
            }
        });
        Ok((running, lines))
    }

    /// Waits for the first line that says what is looked for.
    pub fn wait_for_line<T>(
        &mut self,
        lines: &mpsc::Receiver<String>,
        within: Duration,
        look: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let started = Instant::now();
        while started.elapsed() < within {
            ensure!(!stopping(), "while {} was starting", self.name);
            match lines.recv_timeout(LOOK) {
                Ok(line) => match look(&line) {
                    Some(found) => return Ok(found),
                    None => crate::say::line(&line),
                },
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let end = self.wait()?;
                    bail!("{} ended instead of starting ({end})", self.name);
                }
            }
        }
        bail!("{} did not say within {} that it is ready", self.name, crate::say::took(within))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().with_context(|| format!("cannot watch {}", self.name))?;
        }
        Ok(self.ended)
    }

    /// Waits for its end; a request to stop ends it early and is an error.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(end) = self.ended()? {
                return Ok(end);
            }
            if stopping() {
                self.stop();
                bail!("during {}", self.name);
            }
            thread::sleep(LOOK);
        }
    }

    /// Asks it and its children to end, waits, and insists when asking does not help. Also after its own end: what
    /// it started may still be there.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let asked = Instant::now();
        // A program that cannot be watched counts as gone; the hard way follows in any case.
        while matches!(self.ended(), Ok(None)) || self.signal("0") {
            if asked.elapsed() > PATIENCE {
                self.signal("KILL");
                break;
            }
            thread::sleep(LOOK);
        }
        if self.ended.is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    /// Signals the whole process group and says whether there was anybody in it. Through the shell, which every Unix
    /// has, so that no unsafe code is needed.
    fn signal(&self, signal: &str) -> bool {
        let words = format!("kill -s {signal} -- -{}", self.child.id());
        let mut shell = Command::new("sh");
        shell.args(["-c", &words]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        cfg!(unix) && shell.status().is_ok_and(|end| end.success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a program to its end, its output on the terminal; anything but success is an error.
pub fn run(name: &str, command: &mut Command) -> Result<()> {
    let end = Running::start(name, command)?.wait()?;
    succeeded(name, end)
}

/// Like [`run`], and also hands over each line it prints to standard output.
pub fn run_watching(name: &str, command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    let mut running = Running::start(name, command.stdout(Stdio::piped()))?;
    let out = running.child.stdout.take().context("a program without output")?;
    let (send, lines) = mpsc::channel();
    let reader = thread::spawn(move || pass_through(out, std::io::stdout, &send));
    let end = running.wait();
    // Ends what the program left behind, else its open output would keep the reader waiting.
    drop(running);
    let _ = reader.join();
    lines.iter().for_each(|line| see(&line));
    succeeded(name, end?)
}

/// Copies output as it comes, not line by line, so that a test's name shows while it runs; and hands over the lines.
fn pass_through<W: Write>(mut from: impl Read, to: impl Fn() -> W, lines: &mpsc::Sender<String>) {
    let mut begun = Vec::new();
    let mut piece = [0_u8; 8192];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let mut out = to();
        let _ = out.write_all(&piece[..length]).and_then(|()| out.flush());
        begun.extend_from_slice(&piece[..length]);
        while let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = begun.drain(..=end).collect();
            let _ = lines.send(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
    }
    let _ = lines.send(String::from_utf8_lossy(&begun).into_owned());
}

/// Runs a program that may ask the person something, such as a password.
pub fn run_in_front(name: &str, command: &mut Command) -> Result<()> {
    let end = command.status().with_context(|| format!("{name} could not be started"))?;
    ensure!(!stopping(), "during {name}");
    succeeded(name, end)
}

/// What a program prints when asked something; an error with its own words when it fails.
pub fn ask(name: &str, command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| {
        format!("{name} could not be started ({})", command.get_program().to_string_lossy())
    })?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {} {}", output.status, said.trim(), printed.trim());
    }
    Ok(printed)
}

/// Like [`ask`] where no answer is an answer too: the program may be missing.
pub fn try_ask(program: &str, args: &[&str]) -> Option<String> {
    ask(program, Command::new(program).args(args)).ok()
}

fn succeeded(name: &str, end: ExitStatus) -> Result<()> {
    ensure!(end.success(), "{name} failed ({end})");
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_seen_also_the_last_without_an_end() {
        let (send, lines) = mpsc::channel();
        pass_through(&b"one\ntw\xc3\xb6"[..], std::io::sink, &send);
        drop(send);
        assert_eq!(lines.iter().collect::<Vec<_>>(), ["one", "twö"]);
    }

    #[test]
    fn a_failure_is_an_error_with_the_programs_own_words() {
        let error =
            ask("the shell", Command::new("sh").args(["-c", "echo no paper >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("no paper"), "{error}");
    }

    #[test]
    fn stopping_a_program_stops_its_children() {
        // The child keeps the pipe open; the pipe closes only when it is gone too.
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo ready; wait"]);
        let (mut running, lines) = Running::start_reading("the shell", &mut command).expect("it starts");
        running
            .wait_for_line(&lines, Duration::from_secs(10), |line| (line == "ready").then_some(()))
            .expect("it gets ready");
        running.stop();
        let next = lines.recv_timeout(Duration::from_secs(10));
        assert_eq!(next, Err(mpsc::RecvTimeoutError::Disconnected), "the sleeping child should be gone");
    }
}
