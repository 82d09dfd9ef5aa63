//! When a till knocks again after it was not answered: never all tills at once, never in a hurry, never for ever less.
//!
//! Pauses are drawn between a floor and three times the last one (decorrelated jitter); without the floor, chance
//! would now and then knock at once at a server that is already on its knees. What a server asks for by Retry-After
//! is granted within bounds. And retries have a budget: one for ten successes, with a few to begin with; who has
//! none left knocks at the longest pause only.

use std::time::Duration;

use model::time::UnixMs;

/// No pause is shorter.
const FLOOR: Duration = Duration::from_millis(500);
/// No drawn pause is longer: a customer who comes when the line is back should not be served from the copy for long.
const CEILING: Duration = Duration::from_secs(5);
/// No server is left alone for longer because of one answer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// A retry, in tenths: so many successes pay for one.
const COST: u32 = 10;
/// What may be saved up, in tenths.
const BUDGET_MAX: u32 = 10 * COST;

/// The pauses of one till.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    last: Duration,
    budget: u32,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { last: FLOOR, budget: BUDGET_MAX }
    }
}

impl Retry {
    /// An answer came.
    pub fn succeeded(&mut self) {
        self.last = FLOOR;
        self.budget = (self.budget + 1).min(BUDGET_MAX);
    }

    /// None came: how long to pause. `chance` is anything from 0 to 255; `asked` is what the server asks for.
    pub fn failed(&mut self, chance: u8, asked: Option<Duration>) -> Duration {
        let drawn = if self.budget >= COST {
            self.budget -= COST;
            let span = (self.last * 3).min(CEILING).saturating_sub(FLOOR);
            FLOOR + span.mul_f64(f64::from(chance) / 255.0)
        } else {
            // Between a half and a whole, so that a chain's tills do not keep step.
            CEILING.mul_f64(0.5 + f64::from(chance) / 510.0)
        };
        self.last = drawn;
        drawn.max(asked.unwrap_or_default())
    }
}

/// What a `Retry-After` asks for (RFC 9110, 10.2.3): so many seconds, or until a date, at most five minutes.
pub fn after(field: &str, now: UnixMs) -> Option<Duration> {
    let field = field.trim();
    let asked = if field.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than five minutes, too.
        Duration::from_secs(field.get(..1).map(|_| field.parse().unwrap_or(u64::MAX))?)
    } else {
        let date = jiff::fmt::rfc2822::parse(field).ok()?.timestamp().as_millisecond();
        Duration::from_millis(u64::try_from(date.saturating_sub(now.0)).unwrap_or(0))
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 6 November 1994, 08:49:37, the date of RFC 9110's examples.
    const THEN: UnixMs = UnixMs(784_111_777_000);

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let seconds = |count| Some(Duration::from_secs(count));
        for (field, asked) in [
            ("0", seconds(0)),
            (" 120 ", seconds(120)),
            ("86400", seconds(300)),
            ("99999999999999999999999", seconds(300)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", seconds(20)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", seconds(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", seconds(300)),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(after(field, THEN), asked, "{field:?}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for() {
        let asked = Duration::from_secs(42);
        assert_eq!(Retry::default().failed(0, Some(asked)), asked, "the longer of the two");
    }

    proptest! {
        #[test]
        fn a_pause_has_a_floor_and_a_ceiling_whatever_chance_says(chances: Vec<u8>) {
            let mut retry = Retry::default();
            for chance in chances {
                let pause = retry.failed(chance, None);
                prop_assert!((FLOOR..=CEILING).contains(&pause), "{pause:?}");
            }
        }

        #[test]
        fn short_pauses_stay_within_the_budget(course in prop::collection::vec(any::<(bool, u8)>(), 0..500)) {
            let (mut retry, mut successes, mut short) = (Retry::default(), 0u32, 0u32);
            for (answered, chance) in course {
                if answered {
                    retry.succeeded();
                    successes += 1;
                } else if retry.failed(chance, None) < CEILING / 2 {
                    short += 1;
                }
                prop_assert!(short <= BUDGET_MAX / COST + successes / COST, "{short} after {successes}");
            }
        }
    }
}
