//! Points in time as whole milliseconds, handed in from outside: nothing here asks what time it is.
//!
//! A till's clock may be wrong, or be set back on purpose so that an expired code looks good again. [`Watch`] makes
//! of the clock, the server's word and its own memory one time that does not run backwards.

use std::fmt;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Whole seconds from `earlier` to `self`; 0 when `earlier` is later (a clock that was turned back).
    pub fn seconds_since(self, earlier: UnixMs) -> i64 {
        (self.0.saturating_sub(earlier.0) / 1000).max(0)
    }

    /// This point moved by what has passed between two readings of the monotonic clock.
    fn after(self, then: MonotonicMs, now: MonotonicMs) -> UnixMs {
        let passed = i64::try_from(now.0.saturating_sub(then.0)).unwrap_or(i64::MAX);
        UnixMs(self.0.saturating_add(passed))
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

/// A reading of the clock that only counts on while the machine runs: milliseconds since any moment. Readings of
/// different runs of the program have nothing to do with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonotonicMs(pub u64);

/// What the server said the time was, and when it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The server's time.
    pub server: UnixMs,
    /// The till's monotonic clock when that was heard.
    pub heard: MonotonicMs,
}

/// How much of a difference between two clocks is nothing to talk about: 10 minutes (milliseconds).
pub const CLOCK_TOLERANCE_MS: i64 = 10 * 60 * 1000;
/// How far the wall clock is believed ahead of the server's time: 24 hours (milliseconds).
pub const CLOCK_AHEAD_MS_MAX: i64 = 24 * 3600 * 1000;

/// What a till knows of the time. It joins three clocks, each of which may be wrong:
///
/// - the wall clock, which anybody can set;
/// - the high-water mark, the latest time this till has ever gone by, and what has passed since by the monotonic
///   clock. It is stored, so that neither setting the wall clock back nor a restart revives a code that has expired;
/// - the anchor, the server's time and what has passed since by the monotonic clock.
///
/// The latest of the three is the time. A wall clock more than 24 hours past the anchor counts as those 24 hours
/// only: one wrong clock therefore cannot push the mark any further, and the next anchor takes it back. Without an
/// anchor, right after a start, nothing can tell a wrong clock from a long holiday; the wall clock is believed then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    mark: Option<UnixMs>,
    /// The monotonic clock when the mark was last moved; nothing before the first time in this run.
    marked: Option<MonotonicMs>,
    anchor: Option<Anchor>,
    /// The latest time gone by in this run that was not more than 10 minutes past the server's: where a poisoned mark
    /// goes back to, so that what was written down meanwhile stays before what is written next.
    sound: Option<UnixMs>,
}

/// The time to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The time.
    pub at: UnixMs,
    /// What is to be said about it.
    pub doubt: Doubt,
    /// The wall clock is more than 24 hours past the server's time: decide nothing without asking the server.
    pub must_ask: bool,
}

/// Whether the wall clock can be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It agrees with what is known, within 10 minutes.
    None,
    /// It is behind the time by so many milliseconds: set back, or the mark was pushed ahead.
    Back(i64),
    /// It is ahead of the server's time by so many milliseconds: set ahead, or the machine has slept.
    Ahead(i64),
}

impl Watch {
    /// Starts with the mark that was stored last, if there is any.
    pub fn wake(mark: Option<UnixMs>) -> Watch {
        Watch { mark, marked: None, anchor: None, sound: None }
    }

    /// The mark, to be stored with every line of the journal.
    pub fn mark(&self) -> Option<UnixMs> {
        self.mark
    }

    /// The last anchor of this run.
    pub fn anchor(&self) -> Option<Anchor> {
        self.anchor
    }

    /// Takes the server's time. The caller vouches that it answers a question just asked: an old answer played again
    /// would turn the time back.
    ///
    /// A mark that is more than 10 minutes past it was poisoned by a wrong clock and is taken back to it, or to the
    /// latest time gone by before that, if it was less far ahead. That is the only thing that ever lowers the mark.
    pub fn hear(&mut self, anchor: Anchor) {
        let highest = UnixMs(anchor.server.0.saturating_add(CLOCK_TOLERANCE_MS));
        if self.mark.is_none_or(|mark| mark > highest || mark < anchor.server) {
            self.mark = Some(anchor.server.max(self.sound.unwrap_or(anchor.server).min(highest)));
            self.marked = Some(anchor.heard);
        }
        self.anchor = Some(anchor);
    }

    /// The time to go by, from both clocks as they are now. It moves the mark.
    pub fn effective(&mut self, wall: UnixMs, monotonic: MonotonicMs) -> Effective {
        let server = self.anchor.map(|anchor| anchor.server.after(anchor.heard, monotonic));
        let mark = self.mark.map(|mark| mark.after(self.marked.unwrap_or(monotonic), monotonic));
        let believed =
            server.map_or(wall, |server| wall.min(UnixMs(server.0.saturating_add(CLOCK_AHEAD_MS_MAX))));
        let at = [Some(believed), mark, server].into_iter().flatten().max().unwrap_or(wall);
        self.mark = Some(at);
        self.marked = Some(monotonic);
        if server.is_some_and(|server| at.0 <= server.0.saturating_add(CLOCK_TOLERANCE_MS)) {
            self.sound = self.sound.max(Some(at));
        }
        let ahead = server.map_or(0, |server| wall.0.saturating_sub(server.0));
        let back = at.0.saturating_sub(wall.0);
        let doubt = if ahead > CLOCK_TOLERANCE_MS {
            Doubt::Ahead(ahead)
        } else if back > CLOCK_TOLERANCE_MS {
            Doubt::Back(back)
        } else {
            Doubt::None
        };
        Effective { at, doubt, must_ask: ahead > CLOCK_AHEAD_MS_MAX }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const NOON: UnixMs = UnixMs(1_780_000_000_000);

    fn noon_plus(ms: i64) -> UnixMs {
        UnixMs(NOON.0 + ms)
    }

    #[test]
    fn a_clock_set_back_does_not_turn_the_time_back_even_after_a_restart() {
        let mut watch = Watch::default();
        assert_eq!(watch.effective(NOON, MonotonicMs(0)).doubt, Doubt::None, "nothing to compare with");
        let told = watch.effective(noon_plus(-HOUR), MonotonicMs(1));
        assert_eq!(told.at, noon_plus(1), "the time goes on by what has passed");
        assert_eq!(told.doubt, Doubt::Back(HOUR + 1), "and it is said why");
        let mut watch = Watch::wake(watch.mark());
        assert_eq!(watch.effective(noon_plus(-HOUR), MonotonicMs(0)).at, noon_plus(1), "the mark was stored");
        let told = watch.effective(noon_plus(-9 * MINUTE), MonotonicMs(1));
        assert_eq!(told.doubt, Doubt::None, "clocks that are put right by minutes are nothing to talk about");
    }

    #[test]
    fn the_servers_time_runs_on_while_the_wall_clock_stands() {
        let mut watch = Watch::default();
        watch.hear(Anchor { server: NOON, heard: MonotonicMs(500) });
        let told = watch.effective(noon_plus(-HOUR), MonotonicMs(500 + 7_000));
        assert_eq!(told.at, noon_plus(7_000), "what has passed since is added");
        assert_eq!(told.doubt, Doubt::Back(HOUR + 7_000), "the wall clock is behind");
        let earlier = watch.effective(noon_plus(-HOUR), MonotonicMs(100));
        assert_eq!(earlier.at, noon_plus(7_000), "a monotonic clock that is none does no harm");
    }

    #[test]
    fn a_clock_far_ahead_is_doubted_then_not_believed_and_the_next_anchor_puts_it_right() {
        let mut watch = Watch::default();
        let heard = MonotonicMs(0);
        watch.hear(Anchor { server: NOON, heard });
        assert_eq!(
            watch.effective(noon_plus(10 * MINUTE), heard).doubt,
            Doubt::None,
            "ten minutes are nothing"
        );
        let told = watch.effective(noon_plus(3 * HOUR), heard);
        assert_eq!(
            (told.at, told.doubt),
            (noon_plus(3 * HOUR), Doubt::Ahead(3 * HOUR)),
            "believed, and said"
        );
        assert!(!told.must_ask, "a machine may have slept");
        let year = noon_plus(365 * 24 * HOUR);
        let told = watch.effective(year, heard);
        assert!(told.must_ask, "more than a day: ask");
        assert_eq!(told.at, noon_plus(24 * HOUR), "and go no further than a day");
        assert_eq!(
            watch.mark(),
            Some(noon_plus(24 * HOUR)),
            "so that one wrong clock does not poison the mark"
        );
        watch.hear(Anchor { server: noon_plus(MINUTE), heard: MonotonicMs(60_000) });
        let told = watch.effective(noon_plus(MINUTE), MonotonicMs(60_000));
        let before = noon_plus(10 * MINUTE);
        assert_eq!(
            (told.at, told.doubt),
            (before, Doubt::None),
            "the server puts it right, but what was gone by"
        );
    }

    #[test]
    fn a_mark_that_is_put_right_does_not_pass_what_was_gone_by_before_the_clock_went_wrong() {
        let mut watch = Watch::default();
        watch.hear(Anchor { server: NOON, heard: MonotonicMs(0) });
        assert_eq!(watch.effective(noon_plus(5 * MINUTE), MonotonicMs(0)).at, noon_plus(5 * MINUTE), "fast");
        assert_eq!(
            watch.effective(noon_plus(25 * MINUTE), MonotonicMs(0)).at,
            noon_plus(25 * MINUTE),
            "wrong"
        );
        watch.hear(Anchor { server: noon_plus(1_000), heard: MonotonicMs(1_000) });
        assert_eq!(watch.mark(), Some(noon_plus(5 * MINUTE)), "a line may have been written then");
        watch.hear(Anchor { server: noon_plus(-10 * MINUTE), heard: MonotonicMs(2_000) });
        assert_eq!(watch.mark(), Some(NOON), "but the server's word bounds that, too");
    }

    #[test]
    fn an_anchor_a_little_behind_the_mark_does_not_lower_it() {
        let mut watch = Watch::wake(Some(noon_plus(10 * MINUTE)));
        watch.hear(Anchor { server: NOON, heard: MonotonicMs(0) });
        assert_eq!(watch.mark(), Some(noon_plus(10 * MINUTE)), "within the tolerance the mark stays");
        watch.hear(Anchor { server: UnixMs(NOON.0 - 1), heard: MonotonicMs(0) });
        assert_eq!(watch.mark(), Some(UnixMs(NOON.0 - 1)), "past it, the mark was wrong");
    }

    /// What may happen to a till's clocks.
    #[derive(Clone, Debug)]
    enum Happening {
        /// So much time passes, by the monotonic clock and in truth.
        Passes(u32),
        /// Somebody sets the wall clock: so far from the truth.
        Set(i64),
        /// The program starts again; its monotonic clock begins anew.
        Restart,
        /// The server, which is right, tells the time.
        Heard,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let jump = prop_oneof![
            -3 * HOUR..3 * HOUR,
            -400 * 24 * HOUR..400 * 24 * HOUR,
            Just(i64::MIN),
            Just(i64::MAX)
        ];
        let one = prop_oneof![
            (0u32..7_200_000).prop_map(Happening::Passes),
            jump.prop_map(Happening::Set),
            Just(Happening::Restart),
            Just(Happening::Heard),
        ];
        prop::collection::vec(one, 1..40)
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards_but_where_the_server_takes_back_a_poisoned_mark(happenings in happenings()) {
            let (mut truth, mut off, mut ran) = (NOON.0, 0i64, 0u64);
            let mut watch = Watch::default();
            let mut last = watch.effective(NOON, MonotonicMs(ran)).at;
            for happening in happenings {
                let mut corrected = false;
                match happening {
                    Happening::Passes(ms) => {
                        truth += i64::from(ms);
                        ran += u64::from(ms);
                    }
                    Happening::Set(by) => off = by,
                    Happening::Restart => {
                        watch = Watch::wake(watch.mark());
                        ran = 0;
                    }
                    Happening::Heard => {
                        corrected = last.0 > truth.saturating_add(CLOCK_TOLERANCE_MS);
                        watch.hear(Anchor { server: UnixMs(truth), heard: MonotonicMs(ran) });
                    }
                }
                let told = watch.effective(UnixMs(truth.saturating_add(off)), MonotonicMs(ran));
                prop_assert!(told.at >= last || corrected, "{happening:?}: {last} then {}", told.at);
                if watch.anchor().is_some() {
                    let after = Watch::wake(watch.mark()).effective(UnixMs(0), MonotonicMs(0)).at;
                    prop_assert_eq!(after, told.at, "a restart forgets nothing");
                    prop_assert!(told.at.0 >= truth, "with an anchor the time is never behind the server's");
                }
                last = told.at;
            }
        }

        #[test]
        fn a_code_that_has_expired_stays_expired_whatever_is_done_to_the_clock(
            expired_for in 1i64..1_000_000, jumps in prop::collection::vec(any::<i64>(), 1..20), restart: bool,
        ) {
            // Seen once after its end, with the right time; from then on no server, only somebody at the clock.
            let expiry = NOON;
            let mut watch = Watch::default();
            watch.hear(Anchor { server: noon_plus(expired_for), heard: MonotonicMs(0) });
            watch.effective(noon_plus(expired_for), MonotonicMs(0));
            for jump in jumps {
                if restart {
                    watch = Watch::wake(watch.mark());
                }
                let at = watch.effective(UnixMs(jump), MonotonicMs(0)).at;
                prop_assert!(at > expiry, "the wall clock says {jump}, the code is over");
            }
        }
    }
}
