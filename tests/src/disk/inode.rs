//! One file of a failing disk: what reads give, what is durable, and what is on its way.

use std::collections::BTreeSet;

use vfs::Role;

use super::{PAGE, SECTOR};
use crate::hands::SeededDice;

/// A file, whatever its name.
pub(super) struct Inode {
    pub(super) role: Role,
    /// Whether its name survives a power cut.
    pub(super) name_flushed: bool,
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last flush, in order.
    pending: Vec<Change>,
    /// Pages that the system takes for clean although they never reached the disk.
    wrongly_clean: BTreeSet<usize>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Inode {
    pub(super) fn new(role: Role) -> Inode {
        Inode {
            role,
            name_flushed: false,
            seen: vec![],
            durable: vec![],
            pending: vec![],
            wrongly_clean: BTreeSet::new(),
        }
    }

    /// One that was there before.
    pub(super) fn durable(content: Vec<u8>) -> Inode {
        Inode { name_flushed: true, seen: content.clone(), durable: content, ..Inode::new(Role::Database) }
    }

    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        put(&mut self.seen, at, bytes);
        self.pending.push(Change::Write { at, bytes: bytes.to_vec() });
        // Whoever writes into a page that was taken for clean makes all of it dirty again.
        for page in at / PAGE..=(at + bytes.len() - 1) / PAGE {
            if self.wrongly_clean.remove(&page) {
                let end = ((page + 1) * PAGE).min(self.seen.len());
                let whole = self.seen[page * PAGE..end].to_vec();
                self.pending.push(Change::Write { at: page * PAGE, bytes: whole });
            }
        }
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.seen.resize(length, 0);
        self.pending.push(Change::Truncate(length));
        self.wrongly_clean.retain(|page| page * PAGE < length);
    }

    pub(super) fn flush(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    pub(super) fn flush_fails(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write { at, bytes } => {
                    self.wrongly_clean.extend(at / PAGE..=(at + bytes.len() - 1) / PAGE);
                }
                // A length belongs to the file system's own records, which have their own log.
                Change::Truncate(_) => apply(&mut self.durable, &change),
            }
        }
    }

    pub(super) fn evict(&mut self, dice: &SeededDice) {
        for page in std::mem::take(&mut self.wrongly_clean) {
            if dice.below(2) == 0 {
                self.wrongly_clean.insert(page);
                continue;
            }
            let (from, end) = (page * PAGE, ((page + 1) * PAGE).min(self.seen.len()));
            for at in from..end {
                self.seen[at] = self.durable.get(at).copied().unwrap_or(0);
            }
        }
    }

    pub(super) fn after_power_cut(&self, dice: &SeededDice) -> Vec<u8> {
        let mut left = self.durable.clone();
        for change in &self.pending {
            match (dice.below(3), change) {
                (0, _) => {}
                (1, Change::Write { at, bytes }) => tear(&mut left, *at, bytes, dice),
                _ => apply(&mut left, change),
            }
        }
        left
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, bytes } => put(content, *at, bytes),
        Change::Truncate(length) => content.resize(*length, 0),
    }
}

/// Some sectors of a write arrive, others do not.
fn tear(content: &mut Vec<u8>, at: usize, bytes: &[u8], dice: &SeededDice) {
    let mut from = 0;
    while from < bytes.len() {
        let end = (((at + from) / SECTOR + 1) * SECTOR - at).min(bytes.len());
        if dice.below(2) == 0 {
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
