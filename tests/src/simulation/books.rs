//! Reading what lies on a till's disk while its program runs: from a copy of its files, as a program that starts after a
//! crash would find them.

use std::path::Path;

use model::signed::key::PublicKey;
use model::time::UnixMs;
use till::folder::{Folder, Identity};
use till::store::copy::Copy;
use till::store::journal::Journal;
use wire::codes::unhex;
use wire::feed::RowKey;

use super::machine::Machine;

/// The files that the checks read.
const FILES: [&str; 7] =
    ["till.json", "device.json", "trust.json", "journal.db", "journal.db-wal", "copy.db", "copy.db-wal"];

/// What lies on a till's disk.
pub(super) struct Disk {
    pub(super) identity: Identity,
    /// The key that its lines are signed with.
    pub(super) key: PublicKey,
    /// The lines of the journal's epoch, from the first.
    pub(super) lines: Vec<Vec<u8>>,
    /// How far the server has acknowledged.
    pub(super) sent: u64,
    pub(super) copy: Copy,
}

/// Reads the folder of a till, by way of a copy of it at `look`.
pub(super) fn read(folder: &Path, look: &Path, now: UnixMs) -> Result<Disk, String> {
    std::fs::create_dir_all(look).map_err(|error| error.to_string())?;
    for file in FILES {
        let (from, to) = (folder.join(file), look.join(file));
        if from.exists() {
            std::fs::copy(from, to).map_err(|error| format!("{file}: {error}"))?;
        } else {
            let _ = std::fs::remove_file(to);
        }
    }
    open(look, now)
}

/// How many lines of that epoch are certain to be in the journal after a power cut now, if it is not all that can be
/// read.
pub(super) fn flushed(machine: &Machine, look: &Path, identity: &Identity) -> Result<Option<u64>, String> {
    let file = |name: &str| machine.drive.flushed(name);
    let (database, log) = (file("journal.db"), file("journal.db-wal"));
    if database.is_none() && log.is_none() {
        return Ok(None);
    }
    // What is not all there takes the place of what was read.
    for (name, content) in [("journal.db", database), ("journal.db-wal", log)] {
        match content {
            Some(content) => std::fs::write(look.join(name), content),
            None => std::fs::copy(machine.folder().join(name), look.join(name)).map(drop),
        }
        .map_err(|error| format!("{name}: {error}"))?;
    }
    let journal = Journal::open(&look.join("journal.db"), &identity.device, identity.epoch, |_| {});
    Ok(Some(journal.map_err(|error| error.to_string())?.head().seq))
}

/// Reads a folder that nobody has open.
pub(super) fn open(folder: &Path, now: UnixMs) -> Result<Disk, String> {
    let folder = Folder::open(folder).map_err(|error| error.to_string())?;
    let identity = folder.identity().map_err(|error| error.to_string())?.ok_or("there is no enrolment")?;
    let named = folder.device().map_err(|error| error.to_string())?.ok_or("there is no key")?;
    let key = unhex(&named.public).and_then(|bytes| PublicKey::from_bytes(&bytes)).ok_or("no good key")?;
    let journal = Journal::open(&folder.file("journal.db"), &identity.device, identity.epoch, |_| {});
    let journal = journal.map_err(|error| error.to_string())?;
    let lines = journal.after(identity.epoch, 0, u32::MAX).map_err(|error| error.to_string())?;
    let key_of_rows = RowKey::of(&identity.store_key().ok_or("no good store key")?);
    let (copy, aside) =
        Copy::open(&folder.file("copy.db"), key_of_rows, now).map_err(|error| error.to_string())?;
    match aside {
        Some(aside) => Err(format!("the copy was damaged; it lies in {}", aside.display())),
        None => Ok(Disk { identity, key, lines, sent: journal.sent(), copy }),
    }
}
