//! `serial`: which serial ports there are, which of them are this till's scanners, and what comes out of them.

use clap::Subcommand;
use model::reading::{Scan, Source};
use serde_json::{Value, json};
use till::folder::Folder;
use till::serial::{Heard, Pace, Scanners, Setting, Standing, State, Suffix, ports, usual_baud};
use till::words::sentence;
use tokio::sync::{mpsc, watch};

use crate::{Exit, Voice, print, read};

/// What to do about scanners.
#[derive(Subcommand)]
pub enum SerialCommand {
    /// The serial ports that there are now, and the scanners that this till uses.
    List,
    /// Use the scanner at a port from the till's next start on.
    Use {
        /// The port's name or path, as `serial list` prints it.
        port: String,
        /// Bits per second, as the scanner is set.
        #[arg(long, value_name = "N", default_value_t = usual_baud(), value_parser = clap::value_parser!(u32).range(50..=4_000_000))]
        baud: u32,
        /// What the scanner puts behind each code: "line" (CR, LF or both), "tab" or "none".
        #[arg(long, value_name = "S", default_value = "line", value_parser = suffix)]
        suffix: Suffix,
    },
    /// Use the scanner at a port no more.
    Forget {
        /// The port's name or path, as it was given to `serial use`.
        port: String,
    },
    /// Say how this till's scanners stand and what they read, until stopped. Nothing is redeemed, and no code is printed
    /// that may be a payment code.
    Watch {
        /// Stop after so many scans.
        #[arg(long, value_name = "N")]
        count: Option<u32>,
    },
}

fn suffix(text: &str) -> Result<Suffix, String> {
    let known = Suffix::ALL.map(Suffix::code).join(", ");
    let found = Suffix::ALL.into_iter().find(|suffix| suffix.code() == text);
    found.ok_or_else(|| format!("one of these: {known}"))
}

/// Does it.
pub async fn serial(voice: &Voice, folder: &Folder, command: &SerialCommand) -> Exit {
    match command {
        SerialCommand::List => list(voice, folder),
        SerialCommand::Use { port, baud, suffix } => {
            let setting = Setting { port: port.clone(), baud: *baud, suffix: *suffix };
            change(voice, folder, |scanners| {
                scanners.retain(|known| known.port != setting.port);
                scanners.push(setting);
                true
            })
        }
        SerialCommand::Forget { port } => change(voice, folder, |scanners| {
            let before = scanners.len();
            scanners.retain(|known| known.port != *port);
            scanners.len() < before
        }),
        SerialCommand::Watch { count } => watch(voice, folder, *count).await,
    }
}

fn setting_value(setting: &Setting) -> Value {
    json!({ "port": setting.port, "baud": setting.baud, "suffix": setting.suffix.code() })
}

fn list(voice: &Voice, folder: &Folder) -> Exit {
    let used = folder.serial();
    let ports = ports::list();
    let uses =
        |port: &ports::Port| used.iter().any(|known| known.port == port.name || known.port == port.path);
    let values: Vec<Value> = ports
        .iter()
        .map(|port| json!({ "name": port.name, "path": port.path, "about": port.about, "used": uses(port) }))
        .collect();
    let settings: Vec<Value> = used.iter().map(setting_value).collect();
    voice.say(json!({ "ports": values, "scanners": settings }), || {
        let mark = |port: &ports::Port| if uses(port) { "*" } else { " " };
        let port =
            |port: &ports::Port| format!("{} {}  {}  {}", mark(port), port.name, port.path, port.about);
        let setting =
            |known: &Setting| format!("scanner: {}  {}  {}", known.port, known.baud, known.suffix.code());
        let lines = ports.iter().map(|known| port(known).trim_end().to_owned());
        lines.chain(used.iter().map(setting)).collect::<Vec<_>>().join("\n")
    });
    Exit::Done
}

fn change(voice: &Voice, folder: &Folder, change: impl FnOnce(&mut Vec<Setting>) -> bool) -> Exit {
    let mut scanners = folder.serial();
    if !change(&mut scanners) {
        return voice.complain(Exit::Refused, "unknown_scanner", "this till uses no scanner of that name");
    }
    if let Err(error) = folder.set_serial(&scanners) {
        return voice.complain(Exit::Fault, "folder", &error.to_string());
    }
    let settings: Vec<Value> = scanners.iter().map(setting_value).collect();
    voice.say(json!({ "scanners": settings }), || {
        settings.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    });
    Exit::Done
}

async fn watch(voice: &Voice, folder: &Folder, count: Option<u32>) -> Exit {
    let settings = folder.serial();
    if settings.is_empty() {
        let message = "this till uses no serial scanner; say which: counterfoil-ctl serial use NAME";
        return voice.complain(Exit::Refused, "no_scanner", message);
    }
    let (scanners, heard) = Scanners::start(&settings, Pace::default());
    follow(voice, scanners.standing(), heard, count).await;
    Exit::Done
}

/// Prints each change and each scan, one line each.
async fn follow(
    voice: &Voice,
    mut standing: watch::Receiver<Vec<Standing>>,
    mut heard: mpsc::Receiver<Heard>,
    count: Option<u32>,
) {
    let mut told: Vec<Standing> = vec![];
    let mut left = count;
    while left != Some(0) {
        let now = standing.borrow_and_update().clone();
        for new in now.iter().filter(|new| !told.contains(new)) {
            say_standing(voice, new);
        }
        told = now;
        tokio::select! {
            // How a scanner stands comes before what it reads.
            biased;
            changed = standing.changed() => if changed.is_err() { return },
            scan = heard.recv() => {
                let Some(Heard { text, .. }) = scan else { return };
                read::say_scan(voice, &Scan { text, source: Source::Serial });
                left = left.map(|left| left - 1);
            }
            _ = tokio::signal::ctrl_c() => return,
        }
    }
}

fn say_standing(voice: &Voice, standing: &Standing) {
    let path = match &standing.state {
        State::Connected { path } => Some(path),
        State::Looking | State::Closed(_) => None,
    };
    let code = standing.code();
    if voice.json {
        return print(&json!({ "scanner": standing.port, "state": code, "path": path }).to_string());
    }
    let words = match path {
        _ if standing.is_wrong() => sentence(voice.language, &format!("notice.scanner_{code}")),
        Some(path) => path.clone(),
        None => "…".into(),
    };
    print(&format!("{}: {words}", standing.port));
}

#[cfg(test)]
mod tests {
    use till::serial::Finding;
    use till::serial::ports::Closed;
    use till::words::Language;

    use super::*;

    #[test]
    fn whatever_is_wrong_with_a_scanner_has_its_sentence_in_each_language() {
        let connected = || State::Connected { path: "/dev/ttyACM0".into() };
        let closed = [Closed::Missing, Closed::Busy, Closed::NotPermitted, Closed::Failed("why".into())]
            .map(State::Closed);
        let found = [Finding::WrongBaud, Finding::NoSuffix].map(|finding| (connected(), Some(finding)));
        for (state, finding) in closed.map(|state| (state, None)).into_iter().chain(found) {
            let standing = Standing { port: "a".into(), state, finding };
            assert!(standing.is_wrong(), "{standing:?}");
            let key = format!("notice.scanner_{}", standing.code());
            for language in Language::ALL {
                assert_ne!(sentence(language, &key), key, "{language:?}");
            }
        }
        let well = Standing { port: "a".into(), state: connected(), finding: None };
        assert!(!well.is_wrong());
    }

    #[test]
    fn a_scanner_is_kept_changed_and_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(dir.path()).expect("it is free");
        let voice = Voice { json: true, language: Language::English };
        let use_it = |baud| {
            let setting = Setting { port: "usb:1:2".into(), baud, suffix: Suffix::Tab };
            change(&voice, &folder, |all| {
                all.retain(|known| known.port != setting.port);
                all.push(setting.clone());
                true
            })
        };
        assert_eq!((use_it(9_600), use_it(115_200)), (Exit::Done, Exit::Done));
        let kept = folder.serial();
        assert_eq!(kept, [Setting { port: "usb:1:2".into(), baud: 115_200, suffix: Suffix::Tab }]);
        assert_eq!(change(&voice, &folder, |_| false), Exit::Refused);
    }
}
