//! What signed requests have been seen: each counts once.
//!
//! A request is good for five minutes around the server's time, so that a nonce need not be remembered longer. The
//! memory is this process's own. After a restart, or at another process on the same database, a request of the last
//! minutes could be shown once more; it would be answered again and do nothing again, since every act has its number
//! or its place in a journal, and the answer is signed for nobody but its first sender.

use std::collections::{HashMap, HashSet};

use wire::signature::{KeyId, WINDOW_SECONDS};

/// How long a generation grows (seconds): a request signed ahead of time is good for two windows.
const GENERATION_SECONDS: i64 = 2 * WINDOW_SECONDS;
/// How many requests one key may make in a generation: more than a hundred a second, about 4 MB.
const REQUESTS_MAX: u32 = 1 << 16;

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNew {
    /// It was here before.
    Replayed,
    /// Its key has made too many.
    TooMany,
}

/// The nonces of the last minutes, in two generations: what is older than both has run out.
#[derive(Debug, Default)]
pub struct Nonces {
    since: i64,
    young: HashSet<(KeyId, [u8; 16])>,
    old: HashSet<(KeyId, [u8; 16])>,
    count: HashMap<KeyId, u32>,
}

impl Nonces {
    /// Remembers a request that was found to be signed, at `now` (seconds since 1970).
    pub fn remember(&mut self, key: KeyId, nonce: [u8; 16], now: i64) -> Result<(), NotNew> {
        if now.abs_diff(self.since) >= GENERATION_SECONDS.unsigned_abs() {
            let older = std::mem::take(&mut self.young);
            // After two generations without a request nothing of the last one is good any more.
            let gone = now.abs_diff(self.since) >= 2 * GENERATION_SECONDS.unsigned_abs();
            self.old = if gone { HashSet::new() } else { older };
            self.count.clear();
            self.since = now;
        }
        if self.young.contains(&(key, nonce)) || self.old.contains(&(key, nonce)) {
            return Err(NotNew::Replayed);
        }
        let count = self.count.entry(key).or_default();
        if *count == REQUESTS_MAX {
            return Err(NotNew::TooMany);
        }
        *count += 1;
        self.young.insert((key, nonce));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::signed::token::SigningKey;

    use super::*;

    const NOW: i64 = 1_780_000_000;

    fn key(seed: u8) -> KeyId {
        KeyId::of(SigningKey::from_seed([seed; 32]).public())
    }

    #[test]
    fn a_nonce_is_remembered_for_as_long_as_its_request_is_good() {
        let mut nonces = Nonces::default();
        for start in [NOW, NOW + 599, NOW + 10_000] {
            let nonce = start.to_be_bytes().repeat(2).try_into().unwrap();
            assert_eq!(nonces.remember(key(1), nonce, start), Ok(()), "it is new");
            for later in [0, 1, 300, 599, 600] {
                let seen = nonces.remember(key(1), nonce, start + later);
                assert_eq!(seen, Err(NotNew::Replayed), "{later} s later it is known");
            }
            assert_eq!(nonces.remember(key(2), nonce, start + 600), Ok(()), "another key may have the same");
        }
    }

    #[test]
    fn one_key_cannot_fill_the_memory() {
        let mut nonces = Nonces::default();
        let nonce = |number: u32| u128::from(number).to_be_bytes();
        for number in 0..REQUESTS_MAX {
            nonces.remember(key(1), nonce(number), NOW).expect("within its measure");
        }
        assert_eq!(
            nonces.remember(key(1), nonce(u32::MAX), NOW),
            Err(NotNew::TooMany),
            "one more is too many"
        );
        assert_eq!(nonces.remember(key(2), nonce(0), NOW), Ok(()), "which is nobody else's fault");
        assert_eq!(nonces.remember(key(1), nonce(u32::MAX), NOW + 600), Ok(()), "and is over in ten minutes");
        let kept = nonces.remember(key(1), nonce(7), NOW + 600);
        assert_eq!(kept, Err(NotNew::Replayed), "what was seen is still known then");
        nonces.remember(key(1), nonce(7), NOW + 5_000).expect("and forgotten when it can do no harm");
        assert_eq!((nonces.young.len(), nonces.old.len()), (1, 0), "nothing is kept for ever");
    }
}
