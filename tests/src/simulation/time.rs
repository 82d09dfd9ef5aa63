//! The simulation's time: it stands still while anybody works, and jumps to the next moment at which somebody does.
//!
//! Tokio's paused clock is that time. The server works on a thread of its own, for which the last moment is written
//! down before each call.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use model::time::{MonotonicMs, UnixMs};
use tokio::time::Instant;

use crate::hands::TurnedClock;

/// The time of one run.
pub(super) struct Time {
    thread: ThreadId,
    start: Instant,
    last: AtomicU64,
}

impl Time {
    /// Begins a run. To be called on the paused runtime.
    pub(super) fn begin() -> Time {
        Time { thread: thread::current().id(), start: Instant::now(), last: AtomicU64::new(0) }
    }

    /// What has passed since the beginning (milliseconds).
    pub(super) fn passed_ms(&self) -> u64 {
        if thread::current().id() == self.thread {
            let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.last.store(passed, Ordering::SeqCst);
        }
        self.last.load(Ordering::SeqCst)
    }

    /// The true time.
    pub(super) fn now(&self) -> UnixMs {
        UnixMs(TurnedClock::START.0 + self.passed_ms() as i64)
    }
}

/// The server's clock is right.
impl server::Clock for Time {
    fn now(&self) -> UnixMs {
        Time::now(self)
    }
}

/// Lets so many milliseconds pass.
pub(super) async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// The clock of one till, which may be wrong and may run too fast or too slow.
pub(super) struct TillClock {
    time: Arc<Time>,
    ahead_ms: AtomicI64,
    /// Milliseconds too many in a million.
    drift: i64,
    started_ms: AtomicU64,
}

impl TillClock {
    pub(super) fn new(time: Arc<Time>, ahead_ms: i64, drift: i64) -> TillClock {
        TillClock { time, ahead_ms: AtomicI64::new(ahead_ms), drift, started_ms: AtomicU64::new(0) }
    }

    /// The machine starts: the clock that nobody can set begins at nothing.
    pub(super) fn start(&self) {
        self.started_ms.store(self.time.passed_ms(), Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub(super) fn set_ahead_ms(&self, ahead_ms: i64) {
        self.ahead_ms.store(ahead_ms, Ordering::SeqCst);
    }

    fn drifted(&self, ms: i64) -> i64 {
        ms + ms * self.drift / 1_000_000
    }
}

impl till::real::Clock for TillClock {
    fn now(&self) -> UnixMs {
        let passed = self.drifted(self.time.passed_ms() as i64);
        UnixMs(TurnedClock::START.0 + passed + self.ahead_ms.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> MonotonicMs {
        let passed = self.time.passed_ms() - self.started_ms.load(Ordering::SeqCst);
        MonotonicMs(self.drifted(passed as i64).unsigned_abs())
    }
}
