//! A scanner on a serial port: what it reads is decided without a window, and is in the journal as what it was.
#![cfg(unix)]

use std::io::Write;
use std::time::Duration;

use model::verdict::Reason;
use serialport::{SerialPort, TTYPort};
use tests::Shop;
use tests::counter::offer;
use till::desk::Desk;
use till::screen::{Screen, Stage};
use till::serial::{Pace, Scanners, Setting, Suffix, pass_on, tell};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// A clerk who sees nothing happen scans again.
const ONCE_MORE: Duration = Duration::from_millis(500);

/// A scanner that is plugged into a till's port, and the screens that follow from its scans.
struct Plugged {
    scanner: TTYPort,
    screens: mpsc::UnboundedReceiver<Screen>,
    scanners: Scanners,
    tasks: [JoinHandle<()>; 2],
}

impl Plugged {
    async fn into(desk: &std::sync::Arc<Desk>) -> Plugged {
        let (scanner, port) = TTYPort::pair().unwrap();
        let port = port.name().unwrap();
        let setting = Setting { port, baud: 9_600, suffix: Suffix::Line };
        let (scanners, heard) = Scanners::start(&[setting], Pace::default());
        let (out, screens) = mpsc::unbounded_channel();
        let passing = pass_on(heard, desk.clone(), move |screen| out.send(screen.clone()).unwrap());
        let tasks = [tokio::spawn(passing), tokio::spawn(tell(scanners.standing(), desk.clone()))];
        let plugged = Plugged { scanner, screens, scanners, tasks };
        plugged.comes_to("connected", desk).await;
        plugged
    }

    /// Waits until the screen says that the scanner stands so.
    async fn comes_to(&self, code: &str, desk: &Desk) {
        let mut changes = desk.changes();
        let stands = async {
            while desk.screen().status.serial.first().map(|standing| standing.code()) != Some(code) {
                changes.changed().await.unwrap();
            }
        };
        let met = timeout(PATIENCE, stands).await;
        assert!(met.is_ok(), "{code} is on the screen: {:?}", desk.screen().status.serial);
    }

    /// Scans, again and again until something happens.
    async fn scan(&mut self, text: &str) -> Screen {
        for _ in 0..40 {
            self.scanner.write_all(format!("{text}\r").as_bytes()).unwrap();
            if let Ok(screen) = timeout(ONCE_MORE, self.screens.recv()).await {
                return screen.unwrap();
            }
        }
        panic!("nothing comes of a scan");
    }

    async fn unplug(self) {
        drop(self.scanners);
        for task in self.tasks {
            let ended = timeout(PATIENCE, task).await;
            assert!(matches!(ended, Ok(Ok(()))), "whoever stops the scanners stops their tasks: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_scan_is_decided_without_a_window() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let mut plugged = Plugged::into(till.desk()).await;
    let coupon = shop.coupon().await;

    let screen = plugged.scan(coupon.secret()).await;
    offer(&screen);
    let screen = plugged.scan("CF0:CONFIRM").await;
    let Stage::Verdict(verdict) = &screen.stage else { panic!("{screen:?}") };
    assert_eq!(verdict.reason, Reason::Redeemed, "by a scan and a printed command alone");
    assert_eq!(shop.counted().await.len(), 1, "and the server has counted it");
    let screen = plugged.scan("134567890123456789").await;
    let Stage::Verdict(verdict) = &screen.stage else { panic!("{screen:?}") };
    assert!(matches!(verdict.reason, Reason::PaymentCode(_)), "what may pay is told as ever: {verdict:?}");
    plugged.unplug().await;
}

#[tokio::test]
async fn a_picture_of_a_coupon_does_not_confirm_itself() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let mut plugged = Plugged::into(till.desk()).await;
    let coupon = shop.coupon().await;

    let screen = plugged.scan(&format!("{}\rCF0:CONFIRM", coupon.secret())).await;
    offer(&screen);
    // Scans are decided in their order: what comes of the next one comes after whatever came of the second line.
    let screen = plugged.scan("what").await;
    let Stage::Verdict(verdict) = &screen.stage else { panic!("{screen:?}") };
    assert!(matches!(verdict.reason, Reason::NotOurs(_)), "the next scan: {verdict:?}");
    assert_eq!(till.redemptions(), 0, "nothing was redeemed by the second line of the customer's code");
    plugged.unplug().await;
}

#[tokio::test]
async fn the_screen_says_when_the_scanner_was_pulled_out() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let mut plugged = Plugged::into(till.desk()).await;
    let (other, _port) = TTYPort::pair().unwrap();
    plugged.scanner.write_all(b"HALF A CODE").unwrap();
    drop(std::mem::replace(&mut plugged.scanner, other));
    plugged.comes_to("missing", till.desk()).await;
    assert!(matches!(till.screen().stage, Stage::Ready), "and half a code is nothing");
    plugged.unplug().await;
}
