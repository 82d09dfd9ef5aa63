//! Who holds which lock on which file, and the memory that the connections of a write-ahead log share.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

/// The files of one mounted disk, by name.
#[derive(Default)]
pub(crate) struct Table {
    files: Mutex<BTreeMap<String, Arc<Shared>>>,
    temporary: AtomicU64,
}

/// What the connections to one file have in common.
#[derive(Default)]
pub(crate) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    holders: BTreeMap<u64, Held>,
    /// Behind stable addresses, because SQLite keeps them. Numbers, so that they are aligned for SQLite's own.
    regions: Vec<Box<[u64]>>,
}

/// What one connection holds.
#[derive(Clone, Copy, Default)]
struct Held {
    level: c_int,
    shared_slots: u32,
    exclusive_slots: u32,
    mapped: bool,
}

/// One connection's part; gone with it.
pub(crate) struct Holder {
    shared: Arc<Shared>,
    me: u64,
}

impl Table {
    /// The file of that name.
    pub(crate) fn of(&self, name: &str) -> Arc<Shared> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(name.to_owned()).or_default().clone()
    }

    /// Whether anything is open.
    pub(crate) fn in_use(&self) -> bool {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.values().any(|shared| !shared.state().holders.is_empty())
    }

    /// A name that nobody has used.
    pub(crate) fn temporary_name(&self) -> String {
        format!("temporary-{}", self.temporary.fetch_add(1, Ordering::SeqCst))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn others(&self, me: u64) -> impl Iterator<Item = &Held> {
        self.holders.iter().filter(move |(holder, _)| **holder != me).map(|(_, held)| held)
    }
}

impl Holder {
    pub(crate) fn new(shared: Arc<Shared>) -> Holder {
        let me = {
            let mut state = shared.state();
            state.next += 1;
            let me = state.next;
            state.holders.insert(me, Held::default());
            me
        };
        Holder { shared, me }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Held) -> T) -> T {
        change(self.shared.state().holders.entry(self.me).or_default())
    }

    /// Goes up to `level`, unless others are in the way.
    pub(crate) fn lock(&self, level: c_int) -> bool {
        let mut state = self.shared.state();
        let others = state.others(self.me).map(|held| held.level).max().unwrap_or(ffi::SQLITE_LOCK_NONE);
        let held = state.holders.entry(self.me).or_default();
        if held.level >= level {
            return true;
        }
        let free = match level {
            ffi::SQLITE_LOCK_SHARED => others < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => others < ffi::SQLITE_LOCK_RESERVED,
            // Who wants to be alone keeps newcomers out while those who read go home.
            _ if others >= ffi::SQLITE_LOCK_RESERVED => false,
            _ if others >= ffi::SQLITE_LOCK_SHARED => {
                held.level = ffi::SQLITE_LOCK_PENDING;
                false
            }
            _ => true,
        };
        if free {
            held.level = level;
        }
        free
    }

    /// Goes down to `level`.
    pub(crate) fn unlock(&self, level: c_int) {
        self.change(|held| held.level = held.level.min(level));
    }

    /// Whether anybody is about to write.
    pub(crate) fn somebody_writes(&self) -> bool {
        self.shared.state().holders.values().any(|held| held.level >= ffi::SQLITE_LOCK_RESERVED)
    }

    /// A region of the shared memory; null if it is not there and was not to be made.
    pub(crate) fn map(&self, region: usize, size: usize, extend: bool) -> *mut c_void {
        self.change(|held| held.mapped = true);
        let mut state = self.shared.state();
        while extend && state.regions.len() <= region {
            state.regions.push(vec![0; size.div_ceil(size_of::<u64>())].into_boxed_slice());
        }
        state.regions.get_mut(region).map_or(std::ptr::null_mut(), |region| region.as_mut_ptr().cast())
    }

    /// Takes these of the eight slots, unless others hold them.
    pub(crate) fn lock_slots(&self, slots: u32, exclusive: bool) -> bool {
        let mut state = self.shared.state();
        let taken = state.others(self.me).fold(0, |taken, held| {
            taken | held.exclusive_slots | if exclusive { held.shared_slots } else { 0 }
        });
        let free = taken & slots == 0;
        if free {
            let held = state.holders.entry(self.me).or_default();
            if exclusive {
                held.exclusive_slots |= slots;
            } else {
                held.shared_slots |= slots;
            }
        }
        free
    }

    /// Lets go of these slots.
    pub(crate) fn unlock_slots(&self, slots: u32) {
        self.change(|held| {
            held.shared_slots &= !slots;
            held.exclusive_slots &= !slots;
        });
    }

    /// Has no more to do with the shared memory; the last one takes it away.
    pub(crate) fn unmap(&self) {
        let mut state = self.shared.state();
        if let Some(held) = state.holders.get_mut(&self.me) {
            *held = Held { level: held.level, ..Held::default() };
        }
        if state.holders.values().all(|held| !held.mapped) {
            state.regions.clear();
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.unmap();
        self.shared.state().holders.remove(&self.me);
    }
}
