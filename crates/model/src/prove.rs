//! What a signed code proves at a till, and what a clerk is told when it does not.
//!
//! The order is that of [`crate::verdict::Reason`]: first the signature, then the code's own time, then its moment if
//! it rotates, then what became of it. Nothing here accepts anything: [`crate::decide`] does, from what is left.

use crate::signed::chain::{self, OutOfStep, STEP_SECONDS};
use crate::signed::status::State;
use crate::signed::token::{Claims, Kid, Unverified, Verified};
use crate::time::UnixMs;
use crate::verdict::Reason;

/// What a signed code proved and under which lists, as a journal line keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key that signed it.
    pub kid: Kid,
    /// Version of the trust list that named the key; 0 when the server vouched for it.
    pub trust: u64,
    /// Number of the status lists that were held.
    pub status: u64,
    /// The moment that a rotating code stood for.
    pub moment: Option<UnixMs>,
}

/// What a clerk is told about a code that is not believed.
pub fn reason(unverified: Unverified) -> Reason {
    match unverified {
        Unverified::Malformed | Unverified::NotGenuine => Reason::NotGenuine,
        Unverified::TrustListOld => Reason::TrustOutdated,
        Unverified::KeyUnknown => Reason::KeyUnknown,
        Unverified::NotUnderstood => Reason::ContentsUnknown,
        Unverified::RevealMissing => Reason::CodeStale,
        Unverified::KeyWithdrawn => Reason::KeyWithdrawn,
        Unverified::OutOfScope => Reason::KeyOutOfScope,
    }
}

/// Whether the server may know better than this till, because only the till's lists are behind.
pub fn may_be_known_elsewhere(reason: Reason) -> bool {
    matches!(reason, Reason::KeyUnknown | Reason::TrustOutdated | Reason::ContentsUnknown)
}

/// Why a genuine code is not taken at `now`, given the latest moment of this card that was accepted before.
pub fn untimely(verified: &Verified, now: UnixMs, last: Option<UnixMs>) -> Option<Reason> {
    if verified.is_over(now) {
        return Some(Reason::Expired);
    }
    if verified.is_early(now) {
        return Some(Reason::NotYet);
    }
    let shown = verified.reveal?;
    let last = last.and_then(|last| step_at(last, &verified.claims));
    match chain::rotation(shown.step, now, &verified.claims, last) {
        Ok(()) => None,
        Err(OutOfStep::Stale | OutOfStep::Ahead) => Some(Reason::CodeStale),
        Err(OutOfStep::SeenBefore) => Some(Reason::CodeSeen),
    }
}

/// The moment that a rotating code stands for. A card that gets a new chain begins at step 1 again; its moments go on.
pub fn moment(verified: &Verified) -> Option<UnixMs> {
    let step = i64::from(verified.reveal?.step);
    Some(verified.claims.issued_at.plus_seconds((step - 1) * i64::from(STEP_SECONDS)))
}

/// The step of this chain at that moment, if it lies within the chain.
fn step_at(moment: UnixMs, claims: &Claims) -> Option<u16> {
    u16::try_from(chain::step_of(moment, claims)).ok()
}

/// What the status list says against a code. A number that no list covers is unknown, never unused.
pub fn against(state: Option<State>) -> Option<Reason> {
    match state {
        Some(State::Unused) => None,
        Some(State::Redeemed) => Some(Reason::Used),
        Some(State::Revoked) => Some(Reason::Revoked),
        Some(State::Reserved) => Some(Reason::Reserved),
        None => Some(Reason::NotCovered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entitlement::Fen;
    use crate::signed::chain::Reveal;
    use crate::signed::token::{Serial, SignedKind};

    const NOON: UnixMs = UnixMs(1_800_000_000_000);

    fn card(step: u16) -> Verified {
        Verified {
            claims: Claims {
                issuer: None,
                issued_at: NOON,
                not_before: None,
                expires_at: NOON.plus_seconds(24 * 3600),
                kind: SignedKind::Member,
                serial: Serial { campaign: 1, number: 7 },
                value: Fen(0),
                store: None,
                anchor: Some([1; 16]),
            },
            kid: Kid([1, 2, 3, 4]),
            key_name: "members".into(),
            reveal: Some(Reveal { step, link: [2; 16] }),
        }
    }

    #[test]
    fn a_rotating_code_is_good_for_its_moment_only_and_only_once() {
        let at = |seconds| NOON.plus_seconds(seconds);
        assert_eq!(untimely(&card(10), at(280), None), None, "its own step");
        assert_eq!(untimely(&card(10), at(280 + 60), None), None, "two steps late: the telephone is slow");
        assert_eq!(untimely(&card(10), at(280 + 90), None), Some(Reason::CodeStale), "a picture of it");
        let taken = moment(&card(10));
        assert_eq!(taken, Some(at(270)), "step 10 begins after 9 steps");
        assert_eq!(untimely(&card(10), at(280), taken), Some(Reason::CodeSeen), "accepted before");
        assert_eq!(untimely(&card(11), at(300), taken), None, "the next one is another");
        assert_eq!(untimely(&card(9), at(280), taken), Some(Reason::CodeSeen), "an earlier one is not");
    }

    #[test]
    fn a_card_that_got_a_new_chain_goes_on_from_its_last_moment() {
        let before = Some(NOON.plus_seconds(-3600));
        assert_eq!(untimely(&card(1), NOON, before), None, "the old chain's moments are over");
        let after = Some(NOON.plus_seconds(3600));
        assert_eq!(
            untimely(&card(1), NOON, after),
            Some(Reason::CodeSeen),
            "an old chain does not come back"
        );
    }

    #[test]
    fn the_codes_own_time_is_told_before_its_moment_and_what_is_not_covered_is_not_unused() {
        let late = NOON.plus_seconds(25 * 3600);
        assert_eq!(untimely(&card(10), late, None), Some(Reason::Expired), "over is over");
        let early = NOON.plus_seconds(-3600);
        assert_eq!(untimely(&card(10), early, None), Some(Reason::NotYet), "not begun");
        assert_eq!(against(None), Some(Reason::NotCovered), "unknown is not unused");
        assert_eq!(against(Some(State::Unused)), None, "unused is");
    }
}
