//! Points in time as whole milliseconds, handed in from outside: nothing here asks what time it is.

use std::fmt;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Whole seconds from `earlier` to `self`; 0 when `earlier` is later (a clock that was turned back).
    pub fn seconds_since(self, earlier: UnixMs) -> i64 {
        (self.0.saturating_sub(earlier.0) / 1000).max(0)
    }

    /// This point moved by `seconds`, which may be negative.
    pub fn plus_seconds(self, seconds: i64) -> UnixMs {
        UnixMs(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// From when until when something may be used. A missing bound is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First moment of validity.
    pub from: Option<UnixMs>,
    /// Last moment of validity.
    pub until: Option<UnixMs>,
}

impl Window {
    /// Whether `now` is before the first moment.
    pub fn is_early(&self, now: UnixMs) -> bool {
        self.from.is_some_and(|from| now < from)
    }

    /// Whether `now` is after the last moment.
    pub fn is_over(&self, now: UnixMs) -> bool {
        self.until.is_some_and(|until| now > until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_turned_back_gives_no_negative_age() {
        assert_eq!(UnixMs(1_000).seconds_since(UnixMs(9_000)), 0, "an age is never below zero");
        assert_eq!(UnixMs(9_999).seconds_since(UnixMs(1_000)), 8, "whole seconds, cut");
    }

    #[test]
    fn both_bounds_belong_to_the_window() {
        let window = Window { from: Some(UnixMs(10)), until: Some(UnixMs(20)) };
        assert!(window.is_early(UnixMs(9)) && !window.is_early(UnixMs(10)), "the first moment is inside");
        assert!(!window.is_over(UnixMs(20)) && window.is_over(UnixMs(21)), "the last moment is inside");
        assert!(!Window::default().is_early(UnixMs(0)), "no bound, never early");
    }
}
