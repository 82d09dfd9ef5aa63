//! How the line to the server is, as measured: never by what the operating system says of its network, which is well
//! while the line behind the router is dead.
//!
//! One lost answer is no outage, and one good one no recovery. Offline begins with two failures among the last five
//! calls, with a server that is not there at all, or when half of the calls take longer than a customer is made to
//! wait. It ends with two good calls in a row; for a line that comes and goes, not before it has been down for a
//! while, so that a clerk does not see another colour with every scan. A slow line is still asked.

use std::collections::VecDeque;
use std::time::Duration;

use model::time::MonotonicMs;
use model::verdict::Silence;

/// So many calls are looked at.
const CALLS: usize = 5;
/// So many failures among them are an outage.
const FAILURES_MAX: usize = 2;
/// Half of the calls take longer: slow.
const SLOW: Duration = Duration::from_millis(800);
/// Half of the calls take no longer: no longer slow.
const QUICK: Duration = Duration::from_millis(600);
/// So many good calls in a row end an outage.
const GOOD_CALLS: u32 = 2;
/// A line that falls so often within [`FLAPS_WITHIN_MS`] comes and goes,
const FLAPS: usize = 3;
const FLAPS_WITHIN_MS: u64 = 60_000;
/// and is then taken for down for so long at least.
const HOLD_MS: u64 = 15_000;

/// How the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The server answers in time, or has not been asked yet.
    Online,
    /// It answers, and a customer feels it.
    Slow,
    /// It is not asked while a customer waits; why not.
    Offline(Silence),
}

/// What became of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    failed: Option<Silence>,
    /// How long it took; nothing for a call whose length says nothing of the line.
    took: Option<Duration>,
}

/// Measures the line.
#[derive(Clone, Debug)]
pub struct Meter {
    health: Health,
    /// The last calls, the newest at the end.
    calls: VecDeque<Call>,
    /// So many good calls in a row.
    good: u32,
    /// When the line fell.
    falls: VecDeque<MonotonicMs>,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter { health: Health::Online, calls: VecDeque::new(), good: 0, falls: VecDeque::new() }
    }
}

impl Meter {
    /// How the line is.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Why the last call was in vain, if it was: whoever has just waited for nothing need not wait again.
    pub fn just_failed(&self) -> Option<Silence> {
        self.calls.back()?.failed
    }

    /// The server has answered. `took` is how long that took, unless that says nothing of the line; a customer waits
    /// no longer than `deadline`.
    pub fn answered(&mut self, took: Option<Duration>, deadline: Duration, now: MonotonicMs) -> Health {
        if took.is_some_and(|took| took > deadline) {
            return self.silent(Silence::TimedOut, now);
        }
        self.push(Call { failed: None, took });
        self.good += 1;
        if let Health::Offline(_) = self.health {
            if self.good >= GOOD_CALLS && !self.holds(now) {
                // What failed before says nothing of the line as it is now.
                while self.calls.len() > GOOD_CALLS as usize {
                    self.calls.pop_front();
                }
                self.health = Health::Online;
            } else {
                return self.health;
            }
        }
        self.health = match (self.median(), self.health) {
            (Some(median), _) if median > SLOW => Health::Slow,
            (Some(median), Health::Slow) if median > QUICK => Health::Slow,
            _ => Health::Online,
        };
        self.health
    }

    /// The server was not heard.
    pub fn silent(&mut self, why: Silence, now: MonotonicMs) -> Health {
        self.push(Call { failed: Some(why), took: None });
        self.good = 0;
        let failures = self.calls.iter().filter(|call| call.failed.is_some()).count();
        match self.health {
            // The newest reason is the one that somebody can do something about.
            Health::Offline(_) => self.health = Health::Offline(why),
            Health::Online | Health::Slow if why == Silence::Unreachable || failures >= FAILURES_MAX => {
                self.health = Health::Offline(why);
                self.falls.push_back(now);
                if self.falls.len() > FLAPS {
                    self.falls.pop_front();
                }
            }
            Health::Online | Health::Slow => {}
        }
        self.health
    }

    fn push(&mut self, call: Call) {
        self.calls.push_back(call);
        if self.calls.len() > CALLS {
            self.calls.pop_front();
        }
    }

    /// Whether the line comes and goes, and has not been down for long.
    fn holds(&self, now: MonotonicMs) -> bool {
        let (Some(first), Some(last)) = (self.falls.front(), self.falls.back()) else { return false };
        let flaps = self.falls.len() == FLAPS && last.0.saturating_sub(first.0) <= FLAPS_WITHIN_MS;
        flaps && now.0.saturating_sub(last.0) < HOLD_MS
    }

    /// The middle one of how long calls took; nothing before three were measured.
    fn median(&self) -> Option<Duration> {
        let mut took: Vec<Duration> = self.calls.iter().filter_map(|call| call.took).collect();
        took.sort();
        if took.len() < 3 { None } else { took.get(took.len() / 2).copied() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEADLINE: Duration = Duration::from_millis(1500);

    fn at(seconds: u64) -> MonotonicMs {
        MonotonicMs(seconds * 1000)
    }

    fn answers(meter: &mut Meter, millis: u64, now: MonotonicMs) -> Health {
        meter.answered(Some(Duration::from_millis(millis)), DEADLINE, now)
    }

    #[test]
    fn one_lost_answer_is_no_outage_and_two_are() {
        let mut meter = Meter::default();
        assert_eq!(meter.silent(Silence::TimedOut, at(0)), Health::Online, "once");
        assert_eq!(meter.just_failed(), Some(Silence::TimedOut), "though it is remembered");
        for _ in 0..3 {
            assert_eq!(answers(&mut meter, 50, at(1)), Health::Online, "it answers");
        }
        assert_eq!(meter.just_failed(), None, "the last call was good");
        let down = Health::Offline(Silence::ServerFault);
        assert_eq!(meter.silent(Silence::ServerFault, at(2)), down, "twice among five calls");
        let mut meter = Meter::default();
        meter.silent(Silence::TimedOut, at(0));
        for _ in 0..4 {
            answers(&mut meter, 50, at(1));
        }
        assert_eq!(meter.silent(Silence::TimedOut, at(2)), Health::Online, "twice among six is not");
    }

    #[test]
    fn a_server_that_is_not_there_is_an_outage_at_once() {
        let down = Health::Offline(Silence::Unreachable);
        assert_eq!(Meter::default().silent(Silence::Unreachable, at(0)), down, "nobody waits for nobody");
    }

    #[test]
    fn two_good_calls_in_a_row_end_an_outage() {
        let mut meter = Meter::default();
        meter.silent(Silence::Unreachable, at(0));
        let down = Health::Offline(Silence::TimedOut);
        assert!(matches!(answers(&mut meter, 50, at(1)), Health::Offline(_)), "one is not enough");
        assert_eq!(meter.silent(Silence::TimedOut, at(2)), down, "the newest reason is told");
        assert_eq!(answers(&mut meter, 50, at(3)), down, "and the count begins anew");
        assert_eq!(answers(&mut meter, 50, at(3)), Health::Online, "two are");
        assert_eq!(meter.silent(Silence::TimedOut, at(4)), Health::Online, "the outage before is forgotten");
    }

    #[test]
    fn a_line_that_comes_and_goes_is_down_for_a_while() {
        let mut meter = Meter::default();
        for fall in [0, 10, 20] {
            meter.silent(Silence::Unreachable, at(fall));
            for _ in 0..5 {
                answers(&mut meter, 50, at(fall + 1));
            }
            let up = matches!(meter.health(), Health::Online);
            assert_eq!(up, fall < 20, "after the fall at {fall} s it comes back at once, but for the third");
        }
        assert!(matches!(answers(&mut meter, 50, at(34)), Health::Offline(_)), "for a quarter of a minute");
        assert_eq!(answers(&mut meter, 50, at(35)), Health::Online, "then it is believed");
        meter.silent(Silence::Unreachable, at(500));
        answers(&mut meter, 50, at(501));
        assert_eq!(answers(&mut meter, 50, at(501)), Health::Online, "a single fall later on is one");
    }

    #[test]
    fn slow_begins_later_than_it_ends() {
        let mut meter = Meter::default();
        let course = [(900, Health::Online), (900, Health::Online), (900, Health::Slow), (700, Health::Slow)];
        let course =
            course.into_iter().chain([(700, Health::Slow), (700, Health::Slow), (500, Health::Slow)]);
        for (step, (millis, health)) in course.chain([(500, Health::Slow), (500, Health::Online)]).enumerate()
        {
            assert_eq!(answers(&mut meter, millis, at(1)), health, "call {step} of {millis} ms");
        }
    }

    #[test]
    fn an_answer_after_the_deadline_is_none() {
        let mut meter = Meter::default();
        assert_eq!(answers(&mut meter, 1501, at(0)), Health::Online, "once");
        assert_eq!(answers(&mut meter, 1501, at(1)), Health::Offline(Silence::TimedOut), "and again");
    }

    #[test]
    fn a_call_that_was_to_wait_says_nothing_of_the_speed() {
        let mut meter = Meter::default();
        for _ in 0..5 {
            assert_eq!(
                meter.answered(None, DEADLINE, at(0)),
                Health::Online,
                "a poll takes as long as it takes"
            );
        }
    }

    proptest! {
        #[test]
        fn a_line_that_answers_quickly_is_online_in_the_end(
            course in prop::collection::vec(prop::option::of(0u64..3000), 0..60), step in 0u64..5,
        ) {
            let mut meter = Meter::default();
            let mut now = 0;
            for call in course {
                now += step;
                match call {
                    Some(millis) => answers(&mut meter, millis, at(now)),
                    None => meter.silent(Silence::TimedOut, at(now)),
                };
            }
            for _ in 0..5 {
                answers(&mut meter, 100, at(now + 15));
            }
            prop_assert_eq!(meter.health(), Health::Online);
        }
    }
}
