//! The real clock and the real dice, and the traits through which everybody else is handed them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use model::time::{MonotonicMs, UnixMs};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// What the wall clock says, which anybody can set.
    fn now(&self) -> UnixMs;
    /// A clock that nobody can set and that only counts on.
    fn monotonic(&self) -> MonotonicMs;
}

/// Gives random bytes fit for secrets and numbers.
pub trait Dice: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the real time comes in")]
    fn now(&self) -> UnixMs {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place where the real time comes in")]
    fn monotonic(&self) -> MonotonicMs {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        MonotonicMs(u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the real time comes in")]
    #[must_use]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// How long it runs.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where real randomness comes in")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("every system that this program runs on has random numbers");
    }
}
