//! How far the journal had come, kept where the journal is not: so that one which was set back is found out at the next
//! start, with no server in sight.
//!
//! One thread does the keeping, behind the back of whoever scans. Only the latest head matters: while one is being
//! kept, all that come are one. What comes last is kept before the till is closed; after a crash the kept head may be
//! a moment behind the journal, never ahead of it, since only lines on disk are told to it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use wire::codes::{hex, unhex};
use wire::line::{Hash, Stand};

use crate::vault::{Place, Vaults, What};

/// The last line, and when it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptHead {
    /// The epoch.
    pub epoch: u64,
    /// Its number.
    pub seq: u64,
    /// Its hash (64 hexadecimal digits).
    pub hash: String,
    /// The time gone by (ms since 1970).
    pub at: i64,
}

impl KeptHead {
    /// Of a line with that hash.
    pub fn of(epoch: u64, seq: u64, hash: &Hash, at: i64) -> KeptHead {
        KeptHead { epoch, seq, hash: hex(hash), at }
    }

    /// Where the journal stood.
    pub fn stand(&self) -> Option<Stand> {
        Some(Stand { epoch: self.epoch, seq: self.seq, hash: unhex(&self.hash)? })
    }
}

/// The latest head that is kept for the till of that key, in whichever place.
pub fn kept(vaults: &Vaults, of: &str) -> Option<KeptHead> {
    let read = |place: Place| {
        let bytes = vaults.at(place)?.get(What::Head, of);
        let bytes =
            bytes.inspect_err(|error| tracing::warn!(%error, "a kept head could not be read")).ok()??;
        serde_json::from_slice::<KeptHead>(&bytes).ok()
    };
    [Place::System, Place::File].into_iter().filter_map(read).max_by_key(|head| (head.epoch, head.seq))
}

/// Keeps heads, each in the place of the one before.
#[derive(Debug)]
pub struct HeadKeeper {
    heads: Option<Sender<KeptHead>>,
    thread: Option<JoinHandle<()>>,
}

impl HeadKeeper {
    /// Keeps the heads of the till of that key where its key is kept, or else in the file.
    pub fn start(vaults: &Vaults, place: Place, of: String) -> HeadKeeper {
        let (heads, coming) = channel();
        let vaults = vaults.clone();
        let thread = std::thread::Builder::new().name("head".into());
        let thread = thread.spawn(move || keep(&vaults, place, &of, &coming));
        if let Err(error) = &thread {
            tracing::error!(%error, "the journal's head is not kept");
        }
        HeadKeeper { heads: Some(heads), thread: thread.ok() }
    }

    /// The journal's last line is on disk. Returns at once.
    pub fn note(&self, head: KeptHead) {
        if let Some(heads) = &self.heads {
            // Without its thread there is nothing to keep it, which was said.
            let _ = heads.send(head);
        }
    }
}

impl Drop for HeadKeeper {
    fn drop(&mut self) {
        // The thread keeps what is still waiting, then comes to its end.
        self.heads = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's last head was not kept");
        }
    }
}

fn keep(vaults: &Vaults, place: Place, of: &str, coming: &Receiver<KeptHead>) {
    while let Ok(head) = coming.recv() {
        let latest = coming.try_iter().last().unwrap_or(head);
        let Ok(bytes) = serde_json::to_vec(&latest) else { continue };
        let set = |place: Place| {
            let vault = vaults.at(place)?;
            let set = vault.set(What::Head, of, &bytes);
            set.inspect_err(|error| tracing::warn!(%error, place = place.code(), "a head was not kept")).ok()
        };
        if set(place).is_none() && place != Place::File {
            set(Place::File);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_head_is_kept_before_the_keeper_goes() {
        let dir = tempfile::tempdir().unwrap();
        let vaults = Vaults::files(dir.path(), &dir.path().join("heads"));
        let keeper = HeadKeeper::start(&vaults, Place::File, "till".into());
        for seq in 1..=200 {
            keeper.note(KeptHead::of(1, seq, &[7; 32], 5));
        }
        drop(keeper);
        let found = kept(&vaults, "till").expect("one is kept");
        assert_eq!((found.epoch, found.seq), (1, 200), "the last one");
        assert_eq!(found.stand().unwrap().hash, [7; 32], "with its hash");
        assert_eq!(kept(&vaults, "another"), None, "and nothing for another till");
    }
}
