//! What the journeys need: a [`Shop`] with a real server on a real socket, tills with real folders, a clock to turn,
//! and lines to cut.
//!
//! People and verbs: `till.redeem(&code).await`, `shop.stop().await`, `till.cord.cut()`. Nothing here sleeps: whoever
//! waits, waits for a condition and says in a sentence what was waited for. This package knows nothing of the shell.

pub mod cord;
pub mod counter;
pub mod disk;
pub mod faults;
pub mod fuzzing;
pub mod goods;
pub mod hands;
pub mod long_day;
pub mod measure;
pub mod postgres;
pub mod programs;
pub mod proxy;
pub mod shop;
pub mod signing;
pub mod simulation;
pub mod street;

pub use cord::Cord;
pub use counter::Counter;
pub use hands::TurnedClock;
pub use shop::Shop;

/// The longest that a test waits for anything that must happen.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// A number that the environment may ask for: more rounds than usual, or another course of them.
pub fn number_from(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Tells a figure, also where a test that went well is not heard.
pub fn tell(figure: &str) {
    use std::io::Write;
    // A closed pipe is nobody's fault.
    let _ = writeln!(std::io::stderr(), "{figure}");
}
