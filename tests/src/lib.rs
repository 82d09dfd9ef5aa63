//! What the journeys need: a [`Shop`] with a real server on a real socket, tills with real folders, a clock to turn,
//! and lines to cut.
//!
//! People and verbs: `till.redeem(&code).await`, `shop.stop().await`, `till.cord.cut()`. Nothing here sleeps: whoever
//! waits, waits for a condition and says in a sentence what was waited for. This package knows nothing of the shell.

pub mod cord;
pub mod counter;
pub mod faults;
pub mod fuzzing;
pub mod goods;
pub mod hands;
pub mod programs;
pub mod shop;
pub mod signing;

pub use cord::Cord;
pub use counter::Counter;
pub use hands::TurnedClock;
pub use shop::Shop;

/// The longest that a test waits for anything that must happen.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
pub mod simulation;
