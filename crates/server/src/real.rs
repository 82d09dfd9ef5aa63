//! The real clock and the real dice: the only place that asks the operating system for time and chance.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::time::UnixMs;

use crate::clock::{Clock, Dice, Hands};

/// The clock and the dice of this machine.
pub fn hands() -> Hands {
    Hands::new(Arc::new(SystemClock), Arc::new(SystemDice))
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed to everybody else")]
    fn now(&self) -> UnixMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

struct SystemDice;

impl Dice for SystemDice {
    #[expect(clippy::disallowed_methods, reason = "these are the dice that are handed to everybody else")]
    fn fill(&self, bytes: &mut [u8]) {
        // Without random numbers no code may be issued; there is nothing to go on with.
        getrandom::fill(bytes).expect("the operating system gives random numbers");
    }
}
