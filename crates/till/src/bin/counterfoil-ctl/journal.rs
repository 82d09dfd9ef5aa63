//! Commands about the journal: verify, export, import, backup, and leaving the chain.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::signed::token::PublicKey;
use serde_json::json;
use till::Till;
use till::custody::LeaveError;
use till::folder::{Folder, Identity};
use till::real::{Clock, SystemClock};
use till::store::journal::{Journal, JournalError};
use till::vault::Vaults;
use wire::codes::{hex, unhex};
use wire::export::{self, EXPORT_BYTES_MAX, EXPORT_VERSION, Header, Range};

use crate::{Exit, Voice, looks};

/// Lines that are handed out at a time.
const AT_A_TIME: u32 = 1_000;

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
            voice.say(json, || format!("{count} lines of {}, unbroken and signed", export.header.till));
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

pub fn export(voice: &Voice, folder: &Folder, to: &Path) -> Exit {
    let (identity, _) = match owner(voice, folder) {
        Ok(owner) => owner,
        Err(exit) => return exit,
    };
    let key = match till::device_key::load(folder, &Vaults::of_platform(folder.path())) {
        Ok(key) => key,
        Err(error) => return voice.complain(Exit::Fault, "no_key", &error.to_string()),
    };
    let journal = match looks::walk(voice, folder, |_| {}) {
        Ok(journal) => journal,
        Err(exit) => return exit,
    };
    let at = SystemClock.now();
    let bytes = match gather(&journal) {
        Ok((epochs, lines)) => {
            let header = Header {
                version: EXPORT_VERSION,
                device: identity.device.clone(),
                till: identity.till.clone(),
                store: identity.store.name.clone(),
                key: key.public_hex(),
                at: at.0,
                epochs,
            };
            export::write(&header, &lines, &key.key)
        }
        Err(error) => return voice.complain(Exit::Fault, "journal_broken", &error.to_string()),
    };
    // What is on the stick must be what was meant to be there.
    let file =
        if to.is_dir() { to.join(format!("{}-{}.journal", identity.device, at.0)) } else { to.to_owned() };
    let written = write_new(&file, &bytes).and_then(|()| std::fs::read(&file));
    match written.map(|back| export::read(&back)) {
        Ok(Ok(export)) => {
            let count = export.lines.len();
            let json = json!({ "file": file, "lines": count, "unsent": journal.unsent_count() });
            voice.say(json, || format!("{count} lines in {}", file.display()));
            Exit::Done
        }
        Ok(Err(error)) => voice.complain(Exit::Fault, "export_broken", &error.to_string()),
        Err(error) => voice.complain(Exit::Fault, "file", &format!("{}: {error}", file.display())),
    }
}

fn write_new(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut new = std::fs::File::create_new(file)?;
    std::io::Write::write_all(&mut new, bytes)?;
    new.sync_all()
}

fn gather(journal: &Journal) -> Result<(Vec<Range>, Vec<Vec<u8>>), JournalError> {
    let (mut epochs, mut lines) = (vec![], vec![]);
    let now = std::iter::once((journal.epoch(), journal.head()));
    for (epoch, head) in journal.earlier().iter().map(|(epoch, head)| (*epoch, *head)).chain(now) {
        if head.seq == 0 {
            continue;
        }
        epochs.push(Range { epoch, first: 1, last: head.seq });
        let mut after = 0;
        while after < head.seq {
            let batch = journal.after(epoch, after, AT_A_TIME)?;
            after += batch.len() as u64;
            lines.extend(batch);
        }
    }
    Ok((epochs, lines))
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
