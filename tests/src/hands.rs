//! Time and chance, handed in: a clock that stands still until it is turned, and dice that repeat a run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::time::{MonotonicMs, UnixMs};

/// A clock that stands still until somebody turns it.
#[derive(Debug)]
pub struct TurnedClock {
    wall: AtomicI64,
    /// What has passed, whatever the wall clock was set to (milliseconds).
    passed: AtomicU64,
}

impl TurnedClock {
    /// Every story begins at the same moment: 15 January 2027, 16:00 in China.
    pub const START: UnixMs = UnixMs(1_800_000_000_000);

    /// The time now.
    pub fn time(&self) -> UnixMs {
        UnixMs(self.wall.load(Ordering::SeqCst))
    }

    /// So many seconds pass; a negative number sets the clock back without a moment passing.
    pub fn turn_seconds(&self, seconds: i64) {
        self.set_ahead_seconds(seconds);
        self.passed.fetch_add(u64::try_from(seconds * 1000).unwrap_or(0), Ordering::SeqCst);
    }

    /// Sets the wall clock ahead, or with a negative number back, without a moment passing.
    pub fn set_ahead_seconds(&self, seconds: i64) {
        self.wall.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Turns it on by so many minutes.
    pub fn turn_minutes(&self, minutes: i64) {
        self.turn_seconds(minutes * 60);
    }
}

impl Default for TurnedClock {
    fn default() -> TurnedClock {
        TurnedClock { wall: AtomicI64::new(TurnedClock::START.0), passed: AtomicU64::new(0) }
    }
}

impl till::real::Clock for TurnedClock {
    fn now(&self) -> UnixMs {
        self.time()
    }

    fn monotonic(&self) -> MonotonicMs {
        MonotonicMs(self.passed.load(Ordering::SeqCst))
    }
}

impl server::Clock for TurnedClock {
    fn now(&self) -> UnixMs {
        self.time()
    }
}

/// Dice that fall the same way for the same seed (SplitMix64). Good enough for tests, not for secrets.
#[derive(Debug)]
pub struct SeededDice(AtomicU64);

impl SeededDice {
    /// Dice of that seed.
    pub fn new(seed: u64) -> SeededDice {
        SeededDice(AtomicU64::new(seed))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn spread(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}

impl till::real::Dice for SeededDice {
    fn fill(&self, bytes: &mut [u8]) {
        self.spread(bytes);
    }
}

impl server::Dice for SeededDice {
    fn fill(&self, bytes: &mut [u8]) {
        self.spread(bytes);
    }
}
