//! Rotating codes: a chain of hashes whose links are shown one after the other, so that a picture is soon worthless.
//!
//! The issuer draws a secret tail h(n), hashes it down to the anchor h(0) and signs that. The customer's phone holds
//! the tail; during step i it shows i and h(i), which a till hashes down to the anchor. Links that were shown give
//! away the past only. The step's number and the code's name go into each hash (Kogan, Manohar and Boneh, T/Key,
//! 2017), so that no work against one chain helps against another. A till needs no secret for this.

use sha2::{Digest, Sha256};

use super::token::{Claims, Serial};
use crate::time::UnixMs;

/// How long one step lasts (seconds).
pub const STEP_SECONDS: u32 = 30;
/// A chain has no more steps than two bytes can count: 22 days.
pub const STEPS_MAX: u32 = 65_535;
/// How many steps the shown one may be away from the till's: clocks differ, and scanning takes a moment.
pub const WINDOW_STEPS: i64 = 2;

/// One link of a chain: half a SHA-256.
pub type Link = [u8; 16];

/// What a rotating code shows besides its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// Which step, 1 or more.
    pub step: u16,
    /// h(step).
    pub link: Link,
}

/// Why a genuine link is not accepted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfStep {
    /// Its time is over: a picture, or a phone whose clock is slow.
    Stale,
    /// Its time is still to come: a phone whose clock is fast, or a till whose clock is slow.
    Ahead,
    /// This step or a later one has been accepted already.
    SeenBefore,
}

/// How many steps the chain of a code with these bounds has: one for each whole step of its validity.
pub fn length(issued_at: UnixMs, expires_at: UnixMs) -> u32 {
    u32::try_from(expires_at.seconds_since(issued_at) / i64::from(STEP_SECONDS)).unwrap_or(u32::MAX)
}

/// h(0) of a chain of `length` steps that ends in `tail`.
pub fn anchor(tail: Link, serial: Serial, length: u32) -> Link {
    down(tail, serial, length, 0)
}

/// h(step), as the phone computes it from its tail. Nothing for step 0, which is public, and past the end.
pub fn reveal(tail: Link, serial: Serial, length: u32, step: u16) -> Option<Reveal> {
    let within = (1..=length).contains(&u32::from(step));
    within.then(|| Reveal { step, link: down(tail, serial, length, u32::from(step)) })
}

/// Whether that link hashes down to the anchor. Costs one hash per step.
pub fn is_anchored(shown: Reveal, serial: Serial, anchor: Link) -> bool {
    shown.step > 0 && down(shown.link, serial, u32::from(shown.step), 0) == anchor
}

/// Whether that link belongs to the same chain as `known`, a link that was verified before. Costs one hash per step
/// between the two.
pub fn is_of_chain(shown: Reveal, serial: Serial, known: Reveal) -> bool {
    let (later, earlier) = if shown.step >= known.step { (shown, known) } else { (known, shown) };
    earlier.step > 0 && down(later.link, serial, later.step.into(), earlier.step.into()) == earlier.link
}

/// Which step belongs to `now`: 1 from the moment of issue on; 0 and less before.
pub fn step_of(now: UnixMs, claims: &Claims) -> i64 {
    now.0.saturating_sub(claims.issued_at.0).div_euclid(i64::from(STEP_SECONDS) * 1000) + 1
}

/// Whether a genuine link may be accepted at `now`: within the window, and later than any accepted one of this code.
/// Being out of the window is told first.
pub fn rotation(
    step: u16,
    now: UnixMs,
    claims: &Claims,
    last_accepted: Option<u16>,
) -> Result<(), OutOfStep> {
    let away = i64::from(step) - step_of(now, claims);
    if away < -WINDOW_STEPS {
        return Err(OutOfStep::Stale);
    }
    if away > WINDOW_STEPS {
        return Err(OutOfStep::Ahead);
    }
    if last_accepted.is_some_and(|last| step <= last) {
        return Err(OutOfStep::SeenBefore);
    }
    Ok(())
}

/// h(to), from `link` = h(from). h(i-1) is the first half of SHA-256 over "CF1 chain", campaign (2 bytes), serial number
/// (4), i (4), all big endian, and h(i).
fn down(mut link: Link, serial: Serial, from: u32, to: u32) -> Link {
    // One buffer, one block of SHA-256: a day is 2,880 of these, while a customer waits.
    let mut input = [0; 35];
    input[..9].copy_from_slice(b"CF1 chain");
    input[9..11].copy_from_slice(&serial.campaign.to_be_bytes());
    input[11..15].copy_from_slice(&serial.number.to_be_bytes());
    for step in (to + 1..=from).rev() {
        input[15..19].copy_from_slice(&step.to_be_bytes());
        input[19..].copy_from_slice(&link);
        link.copy_from_slice(&Sha256::digest(input)[..16]);
    }
    link
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{NOW, block, claims};
    use super::*;

    const SERIAL: Serial = Serial { campaign: 7, number: 42 };

    #[test]
    fn the_hash_is_the_documented_one() {
        // Computed with another language's SHA-256: what a phone must come to.
        assert_eq!(anchor([9; 16], SERIAL, 3), block("ec35de62b1541e6f1f7e840ee40f20f1"), "three steps down");
    }

    #[test]
    fn each_step_hashes_down_to_the_anchor_and_belongs_to_its_step_and_code_only() {
        let anchor = anchor([9; 16], SERIAL, 100);
        for step in 1..=100 {
            let shown = reveal([9; 16], SERIAL, 100, step).unwrap();
            assert!(is_anchored(shown, SERIAL, anchor), "step {step}");
            let moved = Reveal { step: step + 1, ..shown };
            assert!(!is_anchored(moved, SERIAL, anchor), "not as step {}", step + 1);
            let other = Serial { number: 43, ..SERIAL };
            assert!(!is_anchored(shown, other, anchor), "not for another code");
        }
        assert_eq!(reveal([9; 16], SERIAL, 100, 0), None, "the anchor is no link: everybody knows it");
        assert!(!is_anchored(Reveal { step: 0, link: anchor }, SERIAL, anchor), "and proves nothing");
        assert_eq!(reveal([9; 16], SERIAL, 100, 101), None, "the chain ends");
    }

    #[test]
    fn the_window_is_two_steps_on_each_side_and_no_step_comes_twice() {
        let claims = claims();
        let at = |step: i64| claims.issued_at.plus_seconds((step - 1) * i64::from(STEP_SECONDS));
        assert_eq!(step_of(claims.issued_at, &claims), 1, "the first moment is step 1");
        assert_eq!(step_of(UnixMs(at(2).0 - 1), &claims), 1, "to its last millisecond");
        let ask = |step, now, last| rotation(step, now, &claims, last);
        assert_eq!(ask(10, at(12), None), Ok(()), "two steps late");
        assert_eq!(ask(10, at(13), None), Err(OutOfStep::Stale), "three steps late: a picture");
        assert_eq!(ask(10, at(8), None), Ok(()), "two steps early");
        assert_eq!(ask(10, at(7), None), Err(OutOfStep::Ahead), "three steps early");
        assert_eq!(ask(10, at(10), Some(9)), Ok(()), "a later step is a new showing");
        assert_eq!(ask(10, at(10), Some(10)), Err(OutOfStep::SeenBefore), "the same step is not");
        assert_eq!(ask(10, at(10), Some(11)), Err(OutOfStep::SeenBefore), "nor is an earlier one");
        assert_eq!(ask(10, at(13), Some(11)), Err(OutOfStep::Stale), "the window is told first");
    }

    #[test]
    fn times_far_away_do_not_overflow() {
        let claims = claims();
        assert_eq!(rotation(1, UnixMs(i64::MAX), &claims, None), Err(OutOfStep::Stale), "the end of time");
        assert_eq!(rotation(1, UnixMs(i64::MIN), &claims, None), Err(OutOfStep::Ahead), "its beginning");
        assert_eq!(length(NOW, UnixMs(i64::MAX)), u32::MAX, "an endless chain is told as such");
        assert_eq!(length(NOW, UnixMs(0)), 0, "a chain backwards has no step");
    }

    proptest! {
        #[test]
        fn a_known_link_shortens_the_way_and_changes_no_answer(
            tail: Link, wrong: Link, first in 1u16..200, second in 1u16..200,
        ) {
            let known = reveal(tail, SERIAL, 200, first).unwrap();
            let shown = reveal(tail, SERIAL, 200, second).unwrap();
            prop_assert!(is_of_chain(shown, SERIAL, known), "of the same chain, in either order");
            let forged = Reveal { link: wrong, ..shown };
            prop_assert_eq!(is_of_chain(forged, SERIAL, known), forged == shown, "nothing else is");
        }
    }
}
