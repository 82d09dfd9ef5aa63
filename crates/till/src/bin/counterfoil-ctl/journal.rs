//! Commands about the journal: verify, export, import, backup, and leaving the chain.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::signed::token::PublicKey;
use serde_json::json;
use till::Till;
use till::custody::LeaveError;
use till::folder::{Folder, Identity};
use till::real::{Clock, SystemClock};
use till::store::journal::Journal;
use till::store::journal::salvage::{self, Run, Salvaged};
use till::vault::Vaults;
use wire::codes::{hex, unhex};
use wire::export::{self, EXPORT_BYTES_MAX, Header, Range};

use crate::{Exit, Voice, looks};

/// Who this till is, and the key that its lines are signed by.
fn owner(voice: &Voice, folder: &Folder) -> Result<(Identity, PublicKey), Exit> {
    let identity = match folder.identity() {
        Ok(Some(identity)) => identity,
        Ok(None) => return Err(voice.complain(Exit::Refused, "not_enrolled", "enrol this till first")),
        Err(error) => return Err(voice.complain(Exit::Fault, "folder", &error.to_string())),
    };
    let named = folder.device().ok().flatten();
    let key = named.and_then(|named| PublicKey::from_bytes(&unhex(&named.public)?));
    let key = key
        .ok_or_else(|| voice.complain(Exit::Fault, "no_key", "device.json does not name this till's key"))?;
    Ok((identity, key))
}

/// A file that may be no export at all.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > EXPORT_BYTES_MAX {
        return Err(format!("{length} bytes are more than any export has"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

pub fn verify(voice: &Voice, folder: &Folder, file: Option<&Path>) -> Exit {
    match file {
        Some(file) if !is_database(file) => verify_export(voice, file),
        other => {
            verify_journal(voice, folder, other.map_or_else(|| folder.file("journal.db"), Path::to_owned))
        }
    }
}

fn is_database(file: &Path) -> bool {
    let mut first = [0; 16];
    let read =
        std::fs::File::open(file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut first));
    read.is_ok() && &first == b"SQLite format 3\0"
}

fn verify_export(voice: &Voice, file: &Path) -> Exit {
    let bytes = match read(file) {
        Ok(bytes) => bytes,
        Err(error) => return voice.complain(Exit::Usage, "file", &format!("{}: {error}", file.display())),
    };
    match export::read(&bytes) {
        Ok(export) => {
            let count = export.lines.len();
            let json = json!({ "good": true, "lines": count, "device": export.header.device,
                               "till": export.header.till, "epochs": export.header.epochs });
            voice.say(json, || {
                let count = format!("{count} lines of {}", export.header.till);
                if export.header.version == 1 {
                    format!("{count}, unbroken and signed")
                } else {
                    format!("{count}, signed, in {} pieces", export.header.epochs.len())
                }
            });
            Exit::Done
        }
        Err(error) => voice.complain(Exit::Fault, "export_broken", &error.to_string()),
    }
}

fn verify_journal(voice: &Voice, folder: &Folder, path: PathBuf) -> Exit {
    let (identity, key) = match owner(voice, folder) {
        Ok(owner) => owner,
        Err(exit) => return exit,
    };
    if !path.exists() {
        return voice.complain(Exit::Fault, "journal_broken", &format!("there is no {}", path.display()));
    }
    let mut count = 0u64;
    let walked = Journal::open(&path, &identity.device, identity.epoch, |_| {}).and_then(|journal| {
        journal.verify(key, |_, _| count += 1)?;
        Ok(journal)
    });
    match walked {
        Ok(journal) => {
            let (head, hash) = (journal.head(), hex(&journal.head().hash));
            let json = json!({ "good": true, "lines": count, "epoch": journal.epoch(), "head": head.seq,
                               "hash": hash, "sent": journal.sent(), "unsent": journal.unsent_count() });
            voice.say(json, || format!("{count} lines, unbroken and signed; head {} {hash}", head.seq));
            Exit::Done
        }
        Err(error) => voice.complain(Exit::Fault, "journal_broken", &error.to_string()),
    }
}

/// Writes what the till's journal, or the file `from`, can hand in.
pub fn export(voice: &Voice, folder: &Folder, to: &Path, from: Option<&Path>) -> Exit {
    let (identity, public) = match owner(voice, folder) {
        Ok(owner) => owner,
        Err(exit) => return exit,
    };
    let key = match till::device_key::load(folder, &Vaults::of_platform(folder.path())) {
        Ok(key) => key,
        Err(error) => return voice.complain(Exit::Fault, "no_key", &error.to_string()),
    };
    let salvaged = match from {
        None => looks::walk(voice, folder, |_| {})
            .map(|journal| (journal.salvage(public), Some(journal.unsent_count()))),
        Some(file) => salvage(voice, file, &identity, public).map(|salvaged| (salvaged, None)),
    };
    let (salvaged, unsent) = match salvaged {
        Ok(salvaged) => salvaged,
        Err(exit) => return exit,
    };
    let at = SystemClock.now();
    let epochs: Vec<Range> = salvaged.runs.iter().map(Run::range).collect();
    let header = Header {
        version: export::version_of(&epochs),
        device: identity.device.clone(),
        till: identity.till.clone(),
        store: identity.store.name.clone(),
        key: key.public_hex(),
        at: at.0,
        epochs,
    };
    let lines: Vec<Vec<u8>> = salvaged.runs.iter().flat_map(|run| run.lines.iter().cloned()).collect();
    let bytes = export::write(&header, &lines, &key.key);
    // What is on the stick must be what was meant to be there.
    let file =
        if to.is_dir() { to.join(format!("{}-{}.journal", identity.device, at.0)) } else { to.to_owned() };
    let written = write_new(&file, &bytes).and_then(|()| std::fs::read(&file));
    match written.map(|back| export::read(&back)) {
        Ok(Ok(export)) => exported(voice, &file, export.lines.len(), &salvaged, unsent),
        Ok(Err(error)) => voice.complain(Exit::Fault, "export_broken", &error.to_string()),
        Err(error) => voice.complain(Exit::Fault, "file", &format!("{}: {error}", file.display())),
    }
}

/// What a file that may be damaged can hand in. There has to be something.
fn salvage(voice: &Voice, file: &Path, identity: &Identity, key: PublicKey) -> Result<Salvaged, Exit> {
    let shown = file.display();
    if !is_database(file) {
        let message =
            format!("{shown} is no journal's file, or its very beginning is damaged; take a backup");
        return Err(voice.complain(Exit::Fault, "journal_broken", &message));
    }
    let salvaged = salvage::from_file(file, &identity.device, key)
        .map_err(|error| voice.complain(Exit::Fault, "journal_broken", &error.to_string()))?;
    if salvaged.runs.is_empty() {
        let why = salvaged.torn.unwrap_or_else(|| format!("{} rows are none", salvaged.unreadable));
        let message = format!("{shown} holds no line that this till has signed ({why}); take a backup");
        return Err(voice.complain(Exit::Fault, "journal_broken", &message));
    }
    Ok(salvaged)
}

/// Says what is in the file, and what is not. Where something is not, a person has to know.
fn exported(voice: &Voice, file: &Path, count: usize, salvaged: &Salvaged, unsent: Option<u64>) -> Exit {
    let missing = salvaged.missing();
    let json = json!({ "file": file, "lines": count, "unsent": unsent, "missing": missing,
                       "unreadable": salvaged.unreadable, "torn": salvaged.torn });
    let mut words = vec![format!("{count} lines in {}", file.display())];
    if !missing.is_empty() {
        let numbers = missing.iter().map(|gap| match (gap.epoch, gap.first, gap.last) {
            (epoch, first, last) if first == last => format!("line {first} of epoch {epoch}"),
            (epoch, first, last) => format!("lines {first}–{last} of epoch {epoch}"),
        });
        words.push(format!(
            "Missing: {}. The server takes what lies behind them only if it holds them, from this till or from a backup.",
            numbers.collect::<Vec<_>>().join(", ")
        ));
    }
    if salvaged.unreadable > 0 {
        words.push(format!("{} rows hold no line that this till has signed.", salvaged.unreadable));
    }
    if let Some(torn) = &salvaged.torn {
        words.push(format!("A part of the database cannot be read: {torn}"));
    }
    let whole = words.len() == 1;
    voice.say(json, || words.join("\n"));
    if whole { Exit::Done } else { Exit::Held }
}

fn write_new(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut new = std::fs::File::create_new(file)?;
    std::io::Write::write_all(&mut new, bytes)?;
    new.sync_all()
}

pub async fn import(voice: &Voice, till: &Arc<Till>, file: &Path) -> Exit {
    let export = match read(file).and_then(|bytes| export::read(&bytes).map_err(|error| error.to_string())) {
        Ok(export) => export,
        Err(error) => return voice.complain(Exit::Refused, "export_broken", &error),
    };
    match till.carry(&export).await {
        Ok(settled) => {
            let json = json!({ "lines": export.lines.len(), "till": export.header.till,
                               "settled": settled.iter().map(|told| json!(told)).collect::<Vec<_>>() });
            voice.say(json, || {
                format!("{} lines of {} are at the server", export.lines.len(), export.header.till)
            });
            Exit::Done
        }
        Err(error) => voice.complain(Exit::Refused, "not_taken", &error.to_string()),
    }
}

pub fn backup(voice: &Voice, till: &Arc<Till>, dir: Option<&Path>) -> Exit {
    let dir = dir.map_or_else(|| till::backup::place(till.folder()), Path::to_owned);
    match till.back_up(&dir) {
        Ok((place, lines)) => {
            voice.say(json!({ "file": place, "lines": lines }), || {
                format!("{lines} lines in {}", place.display())
            });
            Exit::Done
        }
        Err(error) => voice.complain(Exit::Fault, "backup", &error.to_string()),
    }
}

pub fn unsent(voice: &Voice, till: &Arc<Till>) -> Exit {
    match till.unsent() {
        Ok(count) => {
            let words = || {
                if count == 0 { "everything was sent".into() } else { LeaveError::Unsent(count).to_string() }
            };
            voice.say(json!({ "unsent": count }), words);
            if count == 0 { Exit::Done } else { Exit::Refused }
        }
        Err(error) => voice.complain(Exit::Refused, "unreadable", &error.to_string()),
    }
}

pub fn reset(voice: &Voice, till: Arc<Till>) -> Exit {
    let Ok(till) = Arc::try_unwrap(till) else {
        return voice.complain(Exit::Fault, "in_use", "this till is at work");
    };
    match till.leave() {
        Ok(aside) => {
            voice.say(json!({ "left": true, "kept_in": aside }), || {
                format!("what it had is kept in {}", aside.display())
            });
            Exit::Done
        }
        Err(error @ LeaveError::Io(_)) => voice.complain(Exit::Fault, "folder", &error.to_string()),
        Err(error) => {
            let code = match error {
                LeaveError::Unsent(_) => "unsent",
                LeaveError::Undecided(_) => "undecided",
                LeaveError::NotEnrolled => "not_enrolled",
                _ => "unreadable",
            };
            voice.complain(Exit::Refused, code, &error.to_string())
        }
    }
}
