//! Scanners over pseudo-terminals: real ports of this machine, plugged in and pulled out.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serialport::{SerialPort, TTYPort};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

/// For what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket of the till: a name that stays, whatever device is plugged in.
struct Socket {
    folder: TempDir,
}

impl Socket {
    fn new() -> Socket {
        Socket { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("scanner")
    }

    fn setting(&self, suffix: Suffix) -> Setting {
        Setting { port: self.path().to_string_lossy().into_owned(), baud: 9_600, suffix }
    }

    /// Plugs a scanner in; what is written comes out of its port.
    fn plug(&self) -> TTYPort {
        let (scanner, port) = TTYPort::pair().unwrap();
        let _ = std::fs::remove_file(self.path());
        symlink(port.name().unwrap(), self.path()).unwrap();
        scanner
    }
}

/// The scanners of a till that looks every few milliseconds.
struct Till {
    scanners: Scanners,
    heard: mpsc::Receiver<Heard>,
}

impl Till {
    fn listening(settings: &[Setting]) -> Till {
        let pace = Pace { look: Duration::from_millis(20), longest: Duration::from_millis(40) };
        let (scanners, heard) = Scanners::start(settings, pace);
        Till { scanners, heard }
    }

    /// Waits until the first scanner stands so.
    async fn comes_to(&self, code: &str) {
        let mut standing = self.scanners.standing();
        let met = standing.wait_for(|all| all[0].code() == code);
        let met = timeout(PATIENCE, met).await.map(|met| met.is_ok());
        assert_eq!(met, Ok(true), "{code}: {:?}", self.scanners.standing().borrow());
    }

    /// What the next scan is, to a till without profiles.
    async fn next(&mut self) -> Reading {
        let heard = timeout(PATIENCE, self.heard.recv()).await.expect("a scan comes in").unwrap();
        heard.scan().expect("it is no command").read(&[], UnixMs(0))
    }
}

fn coupon(random: u8) -> model::code::Code {
    model::code::Code::issue(model::code::CodeKind::Coupon, [random; model::code::RANDOM_BYTES])
}

fn sent(code: &model::code::Code) -> String {
    format!("{}\r\n", code.secret())
}

#[tokio::test]
async fn a_scan_comes_in_whole_and_in_the_order_of_scanning() {
    let socket = Socket::new();
    let mut scanner = socket.plug();
    let mut till = Till::listening(&[socket.setting(Suffix::Line)]);
    till.comes_to("connected").await;
    for random in 0..20 {
        let code = coupon(random);
        for byte in sent(&code).as_bytes() {
            scanner.write_all(&[*byte]).unwrap();
        }
        assert_eq!(till.next().await, Reading::Ours(code));
    }
}

#[tokio::test]
async fn a_scanner_without_a_suffix_is_read_by_its_silence() {
    let socket = Socket::new();
    let mut scanner = socket.plug();
    let mut till = Till::listening(&[socket.setting(Suffix::None)]);
    till.comes_to("connected").await;
    scanner.write_all(coupon(1).secret().as_bytes()).unwrap();
    assert_eq!(till.next().await, Reading::Ours(coupon(1)));
}

#[tokio::test]
async fn half_a_code_before_the_plug_was_pulled_is_no_scan_and_spoils_no_other() {
    for suffix in Suffix::ALL {
        let socket = Socket::new();
        let mut till = Till::listening(&[socket.setting(suffix)]);
        till.comes_to("missing").await;
        let end = if suffix == Suffix::Tab { "\t" } else { "\r" };
        for random in 1..6 {
            let mut scanner = socket.plug();
            till.comes_to("connected").await;
            let code = coupon(random);
            let (half, rest) = code.secret().split_at(usize::from(random) * 2);
            scanner.write_all(half.as_bytes()).unwrap();
            drop(scanner);
            till.comes_to("missing").await;
            // Whatever device comes next, its scan is its own.
            let mut scanner = socket.plug();
            till.comes_to("connected").await;
            scanner.write_all(format!("{rest}{end}").as_bytes()).unwrap();
            assert_ne!(till.next().await, Reading::Ours(code), "{suffix:?}: two halves are no code");
            scanner.write_all(format!("{}{end}", coupon(9).secret()).as_bytes()).unwrap();
            assert_eq!(till.next().await, Reading::Ours(coupon(9)), "{suffix:?}: and nothing else was heard");
            drop(scanner);
            till.comes_to("missing").await;
        }
    }
}

#[tokio::test]
async fn a_code_that_was_under_way_when_the_port_was_opened_is_let_pass() {
    let socket = Socket::new();
    let mut scanner = socket.plug();
    // Held open, so that the bytes wait in the port.
    let waiting = std::fs::File::open(socket.path()).unwrap();
    scanner.write_all(&sent(&coupon(1)).as_bytes()[5..]).unwrap();
    let mut till = Till::listening(&[socket.setting(Suffix::Line)]);
    till.comes_to("connected").await;
    scanner.write_all(sent(&coupon(2)).as_bytes()).unwrap();
    assert_eq!(till.next().await, Reading::Ours(coupon(2)), "the rest of the other was no scan");
    drop(waiting);
}

#[tokio::test]
async fn a_port_that_another_program_has_is_said_to_be_busy_until_it_is_free() {
    let socket = Socket::new();
    let mut scanner = socket.plug();
    let path = socket.path().to_string_lossy().into_owned();
    let other = ports::open(&path, 9_600).map_err(|closed| format!("{closed:?}")).unwrap();
    let mut till = Till::listening(&[socket.setting(Suffix::Line)]);
    till.comes_to("busy").await;
    drop(other);
    till.comes_to("connected").await;
    scanner.write_all(sent(&coupon(1)).as_bytes()).unwrap();
    assert_eq!(till.next().await, Reading::Ours(coupon(1)));
    drop(till);
    assert!(ports::open(&path, 9_600).is_ok(), "whoever stops lets go of the port");
}

#[tokio::test]
async fn a_wrong_baud_rate_is_found_and_taken_back() {
    let socket = Socket::new();
    let mut scanner = socket.plug();
    let mut till = Till::listening(&[socket.setting(Suffix::Line)]);
    till.comes_to("connected").await;
    for _ in 0..3 {
        scanner.write_all(b"\x00\xf8\x80\x00\xe6\x00\x9e").unwrap();
        assert_eq!(till.next().await, Reading::Binary, "the clerk is told at once");
    }
    till.comes_to("wrong_baud").await;
    scanner.write_all(sent(&coupon(1)).as_bytes()).unwrap();
    assert_eq!(till.next().await, Reading::Ours(coupon(1)));
    till.comes_to("connected").await;
}

#[tokio::test]
async fn a_missing_suffix_is_found() {
    let socket = Socket::new();
    let mut scanner = socket.plug();
    let mut till = Till::listening(&[socket.setting(Suffix::Line)]);
    till.comes_to("connected").await;
    for random in 0..2 {
        scanner.write_all(coupon(random).secret().as_bytes()).unwrap();
        assert_eq!(till.next().await, Reading::Binary, "what has no end is not guessed");
    }
    till.comes_to("no_suffix").await;
}

#[tokio::test]
async fn two_scanners_are_heard_side_by_side_and_one_may_be_missing() {
    let (first, second) = (Socket::new(), Socket::new());
    let mut scanner = second.plug();
    let mut till = Till::listening(&[first.setting(Suffix::Line), second.setting(Suffix::Tab)]);
    till.comes_to("missing").await;
    let mut standing = till.scanners.standing();
    let met = standing.wait_for(|all| all[1].code() == "connected");
    assert!(timeout(PATIENCE, met).await.is_ok(), "the other one works");
    scanner.write_all(format!("{}\t", coupon(1).secret()).as_bytes()).unwrap();
    assert_eq!(till.next().await, Reading::Ours(coupon(1)));
}

#[test]
fn a_command_in_the_second_line_of_a_code_is_not_obeyed() {
    let heard = |text: &str, joined| Heard { text: RawText::new(text), joined };
    assert!(heard("CF0:CONFIRM", true).scan().is_none());
    assert!(heard("CF0:CONFIRM", false).scan().is_some(), "a printed command comes alone");
    assert!(heard(coupon(1).secret(), true).scan().is_some(), "two quick scans are two");
}

#[test]
fn pauses_grow_to_their_limit() {
    let (heard, _read) = mpsc::channel(1);
    let (_stop, stopped) = threads::channel();
    let setting = Socket::new().setting(Suffix::Line);
    let told = Arc::new(watch::channel(vec![]).0);
    let ear = Ear { setting, pace: Pace::default(), place: 0, heard, told, stopped };
    let seconds: Vec<u64> = (0..7).map(|failures| ear.pause(failures).as_secs()).collect();
    assert_eq!(seconds, [1, 1, 2, 4, 8, 8, 8]);
}
