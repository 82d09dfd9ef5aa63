//! The drives that the tills' databases lie on: real files, of which it is known what was written and not yet flushed.
//!
//! When power is cut, each of those writes is kept, lost or torn at sectors of its own, as the run's dice say, before
//! anybody looks. Other files of a till (its enrolment, its marks, its head) are written beside, flushed and renamed by
//! ordinary calls, each in one step: they are taken as durable at once. Names are not lost: a log's is flushed with it.
//!
//! A flush may be refused, too. Here the next one makes up for it; how that goes wrong on a real disk is tested with
//! `crate::disk`.
//!
//! A drive is known by its folder. Whatever lies elsewhere (the server's database, the observer's copies) is the
//! system's, untouched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock};

use vfs::{Disk, FileId, Mounted, Role, Trouble};

/// What a power cut tears at (bytes).
const SECTOR: usize = 512;

/// All drives of this process, in front of the system's file system.
struct Drives {
    drives: RwLock<Plugged>,
}

#[derive(Default)]
struct Plugged {
    by_folder: BTreeMap<String, u32>,
    drives: BTreeMap<u32, Arc<Mutex<State>>>,
    next: u32,
}

static DRIVES: LazyLock<(Arc<Drives>, Mounted)> = LazyLock::new(|| {
    let drives = Arc::new(Drives { drives: RwLock::default() });
    (drives.clone(), vfs::mount_over("simulated-drives", drives))
});

/// The drive of one till; gone with this.
pub(super) struct Drive {
    folder: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Without power, or without a program, nothing is done any more.
    off: bool,
    next: u32,
    open: BTreeMap<u32, (String, File)>,
    /// By file: what was written since the last flush.
    pending: BTreeMap<String, Pending>,
    /// So many flushes from now on fail, and do nothing.
    refuses: u64,
    /// Files of which a flush has failed since their database was opened.
    failed: BTreeSet<String>,
}

/// What was written to a file since its last flush.
#[derive(Default)]
struct Pending {
    /// Which file had that name then: another one may be renamed into its place, or it may be renamed itself, which a
    /// till does with what it has flushed by ordinary calls.
    inode: u64,
    /// In order.
    changes: Vec<Change>,
}

/// What was done to a file, and what was there before.
enum Change {
    Write { at: usize, bytes: Vec<u8>, before: Vec<u8>, length: usize },
    Truncate { to: usize, cut: Vec<u8>, length: usize },
}

impl Drive {
    /// The drive for the files in that folder.
    pub(super) fn new(folder: &Path) -> Drive {
        let folder = folder.to_str().expect("a temporary folder has a name in letters").to_owned();
        let state = Arc::new(Mutex::new(State::default()));
        let mut plugged = DRIVES.0.drives.write().unwrap_or_else(PoisonError::into_inner);
        let number = plugged.next;
        plugged.next += 1;
        plugged.by_folder.insert(folder.clone(), number);
        plugged.drives.insert(number, state.clone());
        Drive { folder, state }
    }

    /// From now on nothing is done any more: the program has been ended, or there is no power.
    pub(super) fn stop(&self) {
        self.state().off = true;
    }

    /// It works again.
    pub(super) fn go_on(&self) {
        self.state().off = false;
    }

    /// Power was cut: of what was not flushed some is there and some is not, file by file in the order of their names.
    /// `below` draws a number below the one it is given.
    pub(super) fn lose_power(&self, below: &dyn Fn(u64) -> u64) {
        for (name, Pending { inode, changes }) in std::mem::take(&mut self.state().pending) {
            if inode_at(&name) != Some(inode) {
                continue;
            }
            let mut content = without(&name, &changes);
            for change in &changes {
                match (below(3), change) {
                    (0, _) => {}
                    (1, Change::Write { at, bytes, .. }) => tear(&mut content, *at, bytes, below),
                    (_, Change::Write { at, bytes, .. }) => put(&mut content, *at, bytes),
                    (_, Change::Truncate { to, .. }) => content.resize(*to, 0),
                }
            }
            std::fs::write(&name, content).expect("a file in memory can be written");
        }
    }

    /// So many of the next flushes fail.
    pub(super) fn refuse_flushes(&self, times: u64) {
        self.state().refuses = times;
    }

    /// Whether a flush of that database or its log has failed, and nobody has opened it again since.
    pub(super) fn has_failed(&self, database: &str) -> bool {
        self.state().failed.contains(&format!("{}/{database}", self.folder))
    }

    /// What is certain to be in a file of this folder after a power cut now, if that is less than what is read.
    pub(super) fn flushed(&self, file: &str) -> Option<Vec<u8>> {
        let name = format!("{}/{file}", self.folder);
        let state = self.state();
        let pending = state.pending.get(&name).filter(|pending| !pending.changes.is_empty())?;
        (inode_at(&name) == Some(pending.inode)).then(|| without(&name, &pending.changes))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let mut plugged = DRIVES.0.drives.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = plugged.by_folder.remove(&self.folder) {
            plugged.drives.remove(&number);
        }
    }
}

/// The file's content without those changes.
fn without(name: &str, changes: &[Change]) -> Vec<u8> {
    let mut content = std::fs::read(name).expect("a file in memory can be read");
    for change in changes.iter().rev() {
        match change {
            Change::Write { at, before, length, .. } => {
                content[*at..*at + before.len()].copy_from_slice(before);
                content.truncate(*length);
            }
            Change::Truncate { to, cut, length } => {
                content.truncate(*to.min(length));
                content.extend_from_slice(cut);
            }
        }
    }
    content
}

/// Some sectors of a write arrive, others do not.
fn tear(content: &mut Vec<u8>, at: usize, bytes: &[u8], below: &dyn Fn(u64) -> u64) {
    let mut from = 0;
    while from < bytes.len() {
        let end = (((at + from) / SECTOR + 1) * SECTOR - at).min(bytes.len());
        if below(2) == 0 {
            put(content, at + from, &bytes[from..end]);
        }
        from = end;
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Drives {
    fn of_name(&self, name: &str) -> Option<(u32, Arc<Mutex<State>>)> {
        let (folder, _) = name.rsplit_once('/')?;
        let plugged = self.drives.read().unwrap_or_else(PoisonError::into_inner);
        let number = *plugged.by_folder.get(folder)?;
        Some((number, plugged.drives.get(&number)?.clone()))
    }

    fn of_file(&self, file: FileId) -> Result<(Arc<Mutex<State>>, u32), Trouble> {
        let plugged = self.drives.read().unwrap_or_else(PoisonError::into_inner);
        let state = plugged.drives.get(&((file.0 >> 32) as u32)).cloned();
        Ok((state.ok_or(Trouble::Failed)?, file.0 as u32))
    }

    /// Does something with an open file of a drive that works.
    fn with<T>(
        &self,
        file: FileId,
        act: impl FnOnce(&mut File, &mut Vec<Change>) -> io::Result<T>,
    ) -> Result<T, Trouble> {
        let (state, file) = self.of_file(file)?;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { off: false, open, pending, .. } = &mut *state else { return Err(Trouble::Failed) };
        let (name, file) = open.get_mut(&file).ok_or(Trouble::Failed)?;
        let inode = file.metadata().map(|about| inode_of(&about)).map_err(|_| Trouble::Failed)?;
        if inode_at(name) != Some(inode) {
            // Nobody finds it by its name any more.
            return act(file, &mut Vec::new()).map_err(|_| Trouble::Failed);
        }
        let pending = pending.entry(name.clone()).or_default();
        if pending.inode != inode {
            *pending = Pending { inode, changes: Vec::new() };
        }
        act(file, &mut pending.changes).map_err(|_| Trouble::Failed)
    }
}

#[cfg(unix)]
fn inode_of(about: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode_of(_: &std::fs::Metadata) -> u64 {
    0
}

/// Which file has that name now.
fn inode_at(name: &str) -> Option<u64> {
    std::fs::metadata(name).ok().map(|about| inode_of(&about))
}

/// Reads bytes from `at` on, as many as there are.
fn read(file: &mut File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(at))?;
    let mut count = 0;
    while count < into.len() {
        match file.read(&mut into[count..])? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

/// What lies in a file from `at` on, `count` bytes of it at most.
fn there(file: &mut File, at: u64, count: u64) -> io::Result<(Vec<u8>, u64)> {
    let length = file.metadata()?.len();
    let mut before = vec![0; count.min(length.saturating_sub(at)) as usize];
    read(file, at, &mut before)?;
    Ok((before, length))
}

impl Disk for Drives {
    fn claims(&self, name: &str) -> bool {
        self.of_name(name).is_some()
    }

    fn open(&self, name: &str, role: Role, create: bool) -> Result<FileId, Trouble> {
        let (number, state) = self.of_name(name).ok_or(Trouble::Missing)?;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.off {
            return Err(Trouble::Failed);
        }
        if !Path::new(name).exists() {
            state.pending.remove(name);
        }
        if role == Role::Database {
            // Whoever opens a database has just had its log written again and flushed (`till::store::disk`, where that
            // is tested), by ordinary calls that do not come by here.
            state.pending.remove(&format!("{name}-wal"));
            state.failed.remove(name);
        }
        let opened = File::options().read(true).write(true).create(create).truncate(false).open(name);
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Trouble::Missing,
            _ => Trouble::Failed,
        })?;
        state.next += 1;
        let id = state.next;
        state.open.insert(id, (name.to_owned(), file));
        Ok(FileId(u64::from(number) << 32 | u64::from(id)))
    }

    fn read(&self, file: FileId, at: u64, into: &mut [u8]) -> Result<usize, Trouble> {
        self.with(file, |file, _| read(file, at, into))
    }

    fn write(&self, file: FileId, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        self.with(file, |file, pending| {
            let (before, length) = there(file, at, bytes.len() as u64)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(bytes)?;
            let (at, length) = (at as usize, length as usize);
            pending.push(Change::Write { at, bytes: bytes.to_owned(), before, length });
            Ok(())
        })
    }

    fn truncate(&self, file: FileId, to: u64) -> Result<(), Trouble> {
        self.with(file, |file, pending| {
            let (cut, length) = there(file, to, u64::MAX)?;
            file.set_len(to)?;
            pending.push(Change::Truncate { to: to as usize, cut, length: length as usize });
            Ok(())
        })
    }

    /// What is in memory is as durable as it can be: it is enough to forget what could have been lost.
    fn sync(&self, file: FileId) -> Result<(), Trouble> {
        let (state, file) = self.of_file(file)?;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { off: false, open, pending, refuses, failed, .. } = &mut *state else {
            return Err(Trouble::Failed);
        };
        let (name, _) = open.get(&file).ok_or(Trouble::Failed)?;
        if *refuses > 0 {
            *refuses -= 1;
            failed.insert(name.trim_end_matches("-wal").to_owned());
            return Err(Trouble::Failed);
        }
        pending.remove(name);
        Ok(())
    }

    fn length(&self, file: FileId) -> Result<u64, Trouble> {
        self.with(file, |file, _| Ok(file.metadata()?.len()))
    }

    fn close(&self, file: FileId) {
        if let Ok((state, file)) = self.of_file(file) {
            state.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&file);
        }
    }

    fn remove(&self, name: &str, _flushed: bool) -> Result<(), Trouble> {
        let (_, state) = self.of_name(name).ok_or(Trouble::Missing)?;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.off {
            return Err(Trouble::Failed);
        }
        state.pending.remove(name);
        std::fs::remove_file(name).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Trouble::Missing,
            _ => Trouble::Failed,
        })
    }

    fn exists(&self, name: &str) -> bool {
        Path::new(name).exists()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::disk::scratch;
    use crate::hands::SeededDice;

    /// Writes ten rows, of which power is cut under the last; gives how many are left, and how many were certain.
    fn left(seed: u64, synchronous: &str) -> (u64, bool) {
        let (folder, dice) = (scratch(), SeededDice::new(seed));
        let drive = Drive::new(folder.path());
        let path = folder.path().join("journal.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE line (seq INTEGER); PRAGMA synchronous = {synchronous};"
        ))
        .unwrap();
        for seq in 1..=10 {
            db.execute("INSERT INTO line VALUES (?1)", [seq]).unwrap();
        }
        let certain = drive.flushed("journal.db").is_none() && drive.flushed("journal.db-wal").is_none();
        drive.stop();
        db.execute("INSERT INTO line VALUES (11)", []).expect_err("nothing is written without power");
        drop(db);
        drive.lose_power(&|end| dice.below(end));
        drive.go_on();
        let db = Connection::open(&path).unwrap();
        let count = db.query_row("SELECT count(*) FROM line WHERE seq <= 10", [], |row| row.get(0));
        let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "seed {seed}: whatever is left is whole");
        (count.unwrap(), certain)
    }

    #[test]
    fn what_was_flushed_is_left_by_a_power_cut_and_the_rest_may_be_gone() {
        for seed in 0..20 {
            assert_eq!(left(seed, "FULL"), (10, true), "seed {seed}: each commit was flushed");
        }
        let normal: Vec<(u64, bool)> = (0..20).map(|seed| left(seed, "NORMAL")).collect();
        assert!(normal.iter().all(|(_, certain)| !certain), "nothing of it is certain: {normal:?}");
        assert!(normal.iter().any(|(left, _)| *left < 10), "and some is gone: {normal:?}");
        assert!(normal.iter().any(|(left, _)| *left > 0), "while some is there: {normal:?}");
    }
}
