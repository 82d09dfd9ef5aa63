//! A disk that fails on purpose: in memory, under the real SQLite, with a page cache that a power cut empties.
//!
//! Every file has two contents: what reads give (the system's cache) and what is durable. A flush makes the one the
//! other. When power is cut, each write since the last flush is kept, lost or torn at sectors of its own, whatever the
//! order; names are kept or lost likewise. What is left is written into a real folder and opened by ordinary code.
//!
//! A flush that fails behaves as on Linux (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
//! 2020): the pages count as clean although they are not on disk, the cache may forget them at any time, and the next
//! flush succeeds without them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vfs::{Disk, FileId, Role, Trouble};

use crate::hands::SeededDice;

mod inode;

use inode::Inode;

/// What a power cut tears at (bytes).
const SECTOR: usize = 512;
/// What the system's cache keeps and flushes (bytes).
const PAGE: usize = 4096;

/// What goes wrong. Operations are counted from 1: every opening, write, truncation, flush and removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    #[default]
    Good,
    /// Power is cut at that operation, which still may or may not be on its way: nothing is answered any more.
    PowerCut(u64),
    /// No file grows any more from that operation on.
    Full(u64),
    /// So many flushes from that operation on fail, and forget what they were to flush.
    FlushFails {
        /// From this operation on.
        from: u64,
        /// So many.
        times: u64,
    },
    /// Writes from that operation on fail, half done.
    WriteFails(u64),
    /// Each read gives, one time in so many, less than there is.
    ShortReads(u64),
}

/// Whether the disk keeps its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// What it reported as flushed is durable.
    Honest,
    /// It reports a flush and does nothing.
    Lies,
}

/// The disk.
pub struct FaultDisk(Mutex<State>);

struct State {
    plan: Plan,
    word: Word,
    dice: SeededDice,
    operations: u64,
    openings: u64,
    refusals: u64,
    off: bool,
    inodes: Vec<Inode>,
    /// What names mean now, and what they mean after a power cut at best and at worst.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    open: BTreeMap<u64, usize>,
    next: u64,
}

/// What is in which file.
pub type Files = BTreeMap<String, Vec<u8>>;

impl FaultDisk {
    /// A disk with these files on it, all of them durable.
    pub fn new(files: &Files, word: Word, seed: u64) -> FaultDisk {
        let inodes = files.values().map(|content| Inode::durable(content.clone())).collect();
        let names: BTreeMap<String, usize> = files.keys().cloned().zip(0..).collect();
        FaultDisk(Mutex::new(State {
            plan: Plan::Good,
            word,
            dice: SeededDice::new(seed),
            operations: 0,
            openings: 0,
            refusals: 0,
            off: false,
            inodes,
            durable_names: names.clone(),
            names,
            open: BTreeMap::new(),
            next: 0,
        }))
    }

    /// From now on, that goes wrong.
    pub fn set(&self, plan: Plan) {
        self.state().plan = plan;
    }

    /// What goes wrong at present.
    pub fn plan(&self) -> Plan {
        self.state().plan
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// How often a database was opened so far.
    pub fn openings(&self) -> u64 {
        self.state().openings
    }

    /// How often it has refused so far, other than for want of power.
    pub fn refusals(&self) -> u64 {
        self.state().refusals
    }

    /// Whether power was cut.
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Writes a file's content over itself and flushes it, as the till does with a log that it finds.
    pub fn rewrite(&self, path: &Path) -> std::io::Result<()> {
        let name = path.to_string_lossy();
        let io = |trouble| match trouble {
            Trouble::Full => std::io::Error::from(std::io::ErrorKind::StorageFull),
            Trouble::Missing | Trouble::Failed => std::io::Error::other(format!("{trouble:?}")),
        };
        let file = match self.open(&name, Role::Log, false) {
            Err(Trouble::Missing) => return Ok(()),
            other => other.map_err(io)?,
        };
        let content = self.state().inode(file).map_err(io)?.seen().to_vec();
        let written = self.write(file, 0, &content).and_then(|()| self.sync(file));
        self.close(file);
        written.map_err(io)
    }

    /// The system forgets pages that it takes for clean, any of them.
    pub fn evict(&self) {
        let State { inodes, dice, .. } = &mut *self.state();
        inodes.iter_mut().for_each(|inode| inode.evict(dice));
    }

    /// Power is cut, if it was not; what is on the disk afterwards.
    pub fn power_cut(&self) -> Files {
        let State { off, inodes, names, durable_names, dice, .. } = &mut *self.state();
        *off = true;
        let all: BTreeSet<&String> = names.keys().chain(durable_names.keys()).collect();
        let mut left = Files::new();
        for name in all {
            let sides = [names.get(name), durable_names.get(name)];
            if let Some(inode) = sides[dice.below(2) as usize] {
                left.insert(name.clone(), inodes[*inode].after_power_cut(dice));
            }
        }
        left
    }

    /// Puts other files in the place of what is there, as whoever sets a disk back to an older state. Who has a file
    /// open keeps the old one.
    pub fn replace(&self, files: &Files) {
        let mut state = self.state();
        state.names.clear();
        for (name, content) in files {
            state.inodes.push(Inode::durable(content.clone()));
            let inode = state.inodes.len() - 1;
            state.names.insert(name.clone(), inode);
        }
        state.durable_names = state.names.clone();
    }

    /// What a program would read, as if the power never failed.
    pub fn files(&self) -> Files {
        let state = self.state();
        let content = |(name, inode): (&String, &usize)| (name.clone(), state.inodes[*inode].seen().to_vec());
        state.names.iter().map(content).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder for what a power cut leaves. In memory where the system has such a place: what is in it has been through its
/// power cut already, and flushing it again takes longer than all the rest.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder can be made")
}

/// Writes files into a real folder, and takes away what else is there.
pub fn materialise(files: &Files, folder: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).expect("a folder of one's own can be removed");
    }
    std::fs::create_dir_all(folder).expect("a folder can be made");
    for (name, content) in files {
        let file = Path::new(name).file_name().expect("a file has a name");
        std::fs::write(folder.join(file), content).expect("a file can be written");
    }
}

impl State {
    /// Counts an operation; nothing is done any more once power was cut.
    fn count(&mut self) -> Result<u64, Trouble> {
        if self.off {
            return Err(Trouble::Failed);
        }
        self.operations += 1;
        Ok(self.operations)
    }

    /// Whether power is cut at this operation.
    fn cut(&mut self, operation: u64) -> bool {
        self.off |= matches!(self.plan, Plan::PowerCut(at) if operation >= at);
        self.off
    }

    fn inode(&mut self, file: FileId) -> Result<&mut Inode, Trouble> {
        let inode = *self.open.get(&file.0).ok_or(Trouble::Missing)?;
        self.inodes.get_mut(inode).ok_or(Trouble::Missing)
    }

    fn write(&mut self, file: FileId, at: usize, bytes: &[u8]) -> Result<(), Trouble> {
        let operation = self.count()?;
        let (plan, part) = (self.plan, self.dice.below(bytes.len() as u64 + 1) as usize);
        let cut = self.cut(operation);
        let inode = self.inode(file)?;
        let trouble = match plan {
            Plan::Full(from) if operation >= from && at + bytes.len() > inode.seen().len() => Trouble::Full,
            Plan::WriteFails(from) if operation >= from => Trouble::Failed,
            _ => {
                inode.write(at, bytes);
                return if cut { Err(Trouble::Failed) } else { Ok(()) };
            }
        };
        // The system takes as many bytes as it can, and complains about the rest.
        inode.write(at, &bytes[..part]);
        self.refusals += 1;
        Err(trouble)
    }

    fn sync(&mut self, file: FileId) -> Result<(), Trouble> {
        let operation = self.count()?;
        if self.cut(operation) {
            return Err(Trouble::Failed);
        }
        if let Plan::FlushFails { from, times } = &mut self.plan
            && operation >= *from
            && *times > 0
        {
            *times -= 1;
            self.refusals += 1;
            self.inode(file)?.flush_fails();
            return Err(Trouble::Failed);
        }
        if self.word == Word::Lies {
            return Ok(());
        }
        let inode = self.inode(file)?;
        inode.flush();
        // SQLite's own file system flushes the folder with a log's first flush, and with it every name in it.
        if inode.role == Role::Log && !inode.name_flushed {
            inode.name_flushed = true;
            self.durable_names = self.names.clone();
        }
        Ok(())
    }
}

impl Disk for FaultDisk {
    fn open(&self, name: &str, role: Role, create: bool) -> Result<FileId, Trouble> {
        let mut state = self.state();
        let operation = state.count()?;
        if state.cut(operation) {
            return Err(Trouble::Failed);
        }
        let inode = match state.names.get(name) {
            Some(inode) => *inode,
            None if !create => return Err(Trouble::Missing),
            None => {
                state.inodes.push(Inode::new(role));
                let inode = state.inodes.len() - 1;
                state.names.insert(name.to_owned(), inode);
                inode
            }
        };
        state.openings += u64::from(role == Role::Database);
        state.next += 1;
        let file = state.next;
        state.open.insert(file, inode);
        Ok(FileId(file))
    }

    fn read(&self, file: FileId, at: u64, into: &mut [u8]) -> Result<usize, Trouble> {
        let mut state = self.state();
        if state.off {
            return Err(Trouble::Failed);
        }
        let short = match state.plan {
            Plan::ShortReads(one_in) => state.dice.below(one_in) == 0,
            _ => false,
        };
        let seen = state.inode(file)?.seen();
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(seen.len());
        let mut count = into.len().min(seen.len() - from);
        into[..count].copy_from_slice(&seen[from..from + count]);
        if short {
            count = state.dice.below(count as u64 + 1) as usize;
        }
        Ok(count)
    }

    fn write(&self, file: FileId, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        self.state().write(file, usize::try_from(at).unwrap_or(usize::MAX), bytes)
    }

    fn truncate(&self, file: FileId, length: u64) -> Result<(), Trouble> {
        let mut state = self.state();
        let operation = state.count()?;
        let cut = state.cut(operation);
        state.inode(file)?.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        if cut { Err(Trouble::Failed) } else { Ok(()) }
    }

    fn sync(&self, file: FileId) -> Result<(), Trouble> {
        self.state().sync(file)
    }

    fn length(&self, file: FileId) -> Result<u64, Trouble> {
        let mut state = self.state();
        if state.off {
            return Err(Trouble::Failed);
        }
        Ok(state.inode(file)?.seen().len() as u64)
    }

    fn close(&self, file: FileId) {
        self.state().open.remove(&file.0);
    }

    fn remove(&self, name: &str, flushed: bool) -> Result<(), Trouble> {
        let mut state = self.state();
        let operation = state.count()?;
        let cut = state.cut(operation);
        state.names.remove(name).ok_or(Trouble::Missing)?;
        if cut {
            return Err(Trouble::Failed);
        }
        if flushed && state.word == Word::Honest {
            state.durable_names = state.names.clone();
        }
        Ok(())
    }

    fn exists(&self, name: &str) -> bool {
        self.state().names.contains_key(name)
    }
}
