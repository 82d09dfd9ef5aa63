//! Scanners on serial ports (USB-CDC, RS-232): each on a thread of its own, from the port to the desk.
//!
//! They need no window, no focus and no input method: a scan is decided while the window is behind, and while its page
//! is dead. Invariant: what a scanner had sent in part when its line broke, or when its port was opened, is never taken
//! for a code.
//!
//! [`frame`] cuts bytes into texts, [`ports`] finds and opens ports; [`hid`] reads the reports of
//! scanners that are no serial ports.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::mpsc as threads;
use std::thread::JoinHandle;
use std::time::Duration;

use model::reading::{RawText, Reading, Scan, Source};
use model::time::UnixMs;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::desk::{Act, Desk};
use crate::screen::Screen;

pub mod frame;
pub mod hid;
pub mod ports;

pub use frame::{Finding, Suffix};
use frame::{Framer, Piece};
use ports::{Closed, READ_WAIT_MS};

/// So many scans may wait while one is being decided.
const WAITING_MAX: usize = 3;
/// For so long (milliseconds) after its opening a port's bytes may be the rest of a code.
const REST_MS: u32 = 1_000;
/// What is said where bytes were no text: a text that is read as unreadable.
const UNREADABLE: &str = "\u{fffd}";

/// A serial scanner of this till, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its port, by a name that lasts ([`ports::Port::name`]) or by its path.
    pub port: String,
    /// Bits per second; without meaning where the port is only simulated by USB.
    #[serde(default = "usual_baud")]
    pub baud: u32,
    /// What it puts behind each text.
    #[serde(default)]
    pub suffix: Suffix,
}

/// As most scanners with a serial plug are delivered.
pub fn usual_baud() -> u32 {
    9_600
}

/// How often is looked for a scanner that is not there.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one look for a port to the next.
    pub look: Duration,
    /// The longest pause after openings that failed; each is twice the one before.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { look: Duration::from_secs(1), longest: Duration::from_secs(8) }
    }
}

/// How a scanner stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has looked yet.
    Looking,
    /// Scans come in.
    Connected {
        /// What the system calls its port now.
        path: String,
    },
    /// They do not.
    Closed(Closed),
}

/// A scanner and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The name of its port.
    pub port: String,
    /// Whether scans come in.
    pub state: State,
    /// What is wrong with its settings, as far as its bytes tell.
    pub finding: Option<Finding>,
}

impl Standing {
    /// The stable code of how it stands; what is wrong with the settings comes first.
    pub fn code(&self) -> &'static str {
        match (&self.state, self.finding) {
            (State::Connected { .. }, Some(finding)) => finding.code(),
            (State::Connected { .. }, None) => "connected",
            (State::Looking, _) => "looking",
            (State::Closed(Closed::Missing), _) => "missing",
            (State::Closed(Closed::Busy), _) => "busy",
            (State::Closed(Closed::NotPermitted), _) => "not_permitted",
            (State::Closed(Closed::Failed(_)), _) => "failed",
        }
    }

    /// Whether a person must see to it.
    pub fn is_wrong(&self) -> bool {
        !matches!((&self.state, self.finding), (State::Connected { .. }, None) | (State::Looking, _))
    }
}

/// What a scanner has read.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The text; where the bytes were none, one that is read as unreadable.
    pub text: RawText,
    /// It followed another text without a pause.
    pub joined: bool,
}

impl Heard {
    fn of(piece: Piece) -> Heard {
        match piece {
            Piece::Text { text, joined } => Heard { text: RawText::new(text), joined },
            // The clerk has heard the scanner beep and waits for something to happen.
            Piece::Noise | Piece::Unended => Heard { text: RawText::new(UNREADABLE), joined: false },
        }
    }

    /// The scan, unless it is a command in the second line of somebody's code: a customer's picture does not press the
    /// clerk's buttons. Printed commands come alone.
    pub fn scan(self) -> Option<Scan> {
        let scan = Scan { text: self.text, source: Source::Serial };
        let command = || matches!(scan.read(&[], UnixMs(0)), Reading::Command(_));
        if self.joined && command() {
            tracing::warn!("a command inside of another code was not obeyed");
            return None;
        }
        Some(scan)
    }
}

/// The till's serial scanners while they are listened to. Dropping this closes the ports and waits for that.
pub struct Scanners {
    standing: watch::Receiver<Vec<Standing>>,
    stops: Vec<threads::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Scanners {
    /// Listens to each of `settings`, and gives what they read.
    pub fn start(settings: &[Setting], pace: Pace) -> (Scanners, mpsc::Receiver<Heard>) {
        let (heard, read) = mpsc::channel(WAITING_MAX);
        let looking =
            |setting: &Setting| Standing { port: setting.port.clone(), state: State::Looking, finding: None };
        let (told, standing) = watch::channel(settings.iter().map(looking).collect());
        let told = Arc::new(told);
        let mut scanners = Scanners { standing, stops: vec![], threads: vec![] };
        for (place, setting) in settings.iter().cloned().enumerate() {
            let (stop, stopped) = threads::channel();
            let ear = Ear { setting, pace, place, heard: heard.clone(), told: told.clone(), stopped };
            match std::thread::Builder::new().name("scanner".into()).spawn(move || ear.run()) {
                Ok(thread) => {
                    scanners.stops.push(stop);
                    scanners.threads.push(thread);
                }
                Err(error) => tracing::error!(%error, "a scanner has no thread"),
            }
        }
        (scanners, read)
    }

    /// How they stand, in the order of the settings.
    pub fn standing(&self) -> watch::Receiver<Vec<Standing>> {
        self.standing.clone()
    }
}

impl Drop for Scanners {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a scanner's thread had ended badly");
            }
        }
    }
}

/// Hands what scanners read to the desk, one after another, until they are stopped; `after` gets each screen. Whether a
/// window is there does not matter.
pub async fn pass_on(mut heard: mpsc::Receiver<Heard>, desk: Arc<Desk>, after: impl Fn(&Screen)) {
    while let Some(heard) = heard.recv().await {
        if let Some(scan) = heard.scan() {
            after(&desk.act(Act::Scan(scan)).await);
        }
    }
}

/// Tells the desk how the scanners stand, until they are stopped.
pub async fn tell(mut standing: watch::Receiver<Vec<Standing>>, desk: Arc<Desk>) {
    loop {
        let now = standing.borrow_and_update().clone();
        desk.serial_stand(now);
        if standing.changed().await.is_err() {
            return;
        }
    }
}

/// Why a line is no longer listened to.
enum Ended {
    /// Nobody wants it any more.
    Stopped,
    /// The device is not there any more.
    Gone,
}

/// What listens to one scanner.
struct Ear {
    setting: Setting,
    pace: Pace,
    /// Its place among the standings.
    place: usize,
    heard: mpsc::Sender<Heard>,
    told: Arc<watch::Sender<Vec<Standing>>>,
    /// Hangs up when it is time to stop.
    stopped: threads::Receiver<()>,
}

impl Ear {
    fn run(&self) {
        let mut failures = 0;
        loop {
            let port = ports::find(&self.setting.port).ok_or(Closed::Missing);
            let opened = port.and_then(|path| Ok((ports::open(&path, self.setting.baud)?, path)));
            let closed = match opened {
                Ok((mut line, path)) => match self.listen(&mut line, &path) {
                    Ended::Stopped => return,
                    Ended::Gone => Closed::Missing,
                },
                Err(closed) => closed,
            };
            failures = if closed == Closed::Missing { 0 } else { failures + 1 };
            self.tell(State::Closed(closed), None);
            if self.waited(self.pause(failures)) {
                return;
            }
        }
    }

    /// Hot-plug is found at the next look; what cannot be opened is left alone for longer and longer.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 1_u32 << failures.saturating_sub(1).min(16);
        self.pace.look.saturating_mul(doubled).min(self.pace.longest.max(self.pace.look))
    }

    /// Whether it became time to stop within so long.
    fn waited(&self, pause: Duration) -> bool {
        !matches!(self.stopped.recv_timeout(pause), Err(threads::RecvTimeoutError::Timeout))
    }

    fn is_stopped(&self) -> bool {
        !matches!(self.stopped.try_recv(), Err(threads::TryRecvError::Empty))
    }

    fn tell(&self, state: State, finding: Option<Finding>) {
        self.told.send_if_modified(|all| {
            let Some(standing) = all.get_mut(self.place) else { return false };
            if standing.state == state && standing.finding == finding {
                return false;
            }
            tracing::info!(port = self.setting.port, ?state, ?finding, "a scanner");
            (standing.state, standing.finding) = (state, finding);
            true
        });
    }

    fn listen(&self, line: &mut dyn Read, path: &str) -> Ended {
        if let Some(ended) = self.let_pass(line) {
            return ended;
        }
        let connected = || State::Connected { path: path.into() };
        let mut framer = Framer::new(self.setting.suffix);
        self.tell(connected(), None);
        let mut silent_ms = 0;
        let mut bytes = [0; 512];
        loop {
            if self.is_stopped() {
                return Ended::Stopped;
            }
            match received(line, &mut bytes) {
                Some(0) => {
                    framer
                        .silent(READ_WAIT_MS)
                        .map(Heard::of)
                        .into_iter()
                        .for_each(|heard| self.hand_on(heard));
                    silent_ms += READ_WAIT_MS;
                    // Some drivers are silent for ever about a device that was pulled out.
                    if Duration::from_millis(silent_ms.into()) >= self.pace.look {
                        silent_ms = 0;
                        if ports::find(&self.setting.port).as_deref() != Some(path) {
                            return Ended::Gone;
                        }
                    }
                }
                Some(count) => {
                    silent_ms = 0;
                    framer
                        .take(&bytes[..count])
                        .into_iter()
                        .map(Heard::of)
                        .for_each(|heard| self.hand_on(heard));
                }
                None => return Ended::Gone,
            }
            self.tell(connected(), framer.finding());
        }
    }

    /// Lets pass what was already under way when the port was opened: it may be the rest of a code.
    fn let_pass(&self, line: &mut dyn Read) -> Option<Ended> {
        let mut bytes = [0; 512];
        for _ in 0..REST_MS / READ_WAIT_MS {
            if self.is_stopped() {
                return Some(Ended::Stopped);
            }
            match received(line, &mut bytes) {
                Some(0) => return None,
                Some(_) => {}
                None => return Some(Ended::Gone),
            }
        }
        None
    }

    fn hand_on(&self, heard: Heard) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.heard.try_send(heard) {
            tracing::warn!("a scan was dropped: {WAITING_MAX} others are waiting");
        }
    }
}

/// How many bytes came, none if the line was silent; nothing if it is gone.
fn received(line: &mut dyn Read, bytes: &mut [u8]) -> Option<usize> {
    match line.read(bytes) {
        // A line that is there and silent runs into the time limit instead.
        Ok(0) => None,
        Ok(count) => Some(count),
        Err(error) if error.kind() == ErrorKind::TimedOut => Some(0),
        Err(error) if error.kind() == ErrorKind::Interrupted => Some(0),
        Err(error) => {
            tracing::debug!(%error, "the line broke");
            None
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
