//! What the demo chain's tills may decide while they cannot ask: a tea shop's figures, small enough that a visitor meets
//! the limits within a few scans.

use model::policy::{Cap, Caps, Ceiling, Policy};

/// The demo chain's policy.
pub(super) fn policy() -> Policy {
    let cap = |fen, count| Cap { fen, count };
    Policy {
        // An order is some 100 yuan at most; a morning's worth of them goes out without the line.
        home: Caps {
            per_redemption: Ceiling::of(20_000, 50_000),
            per_customer: cap(Ceiling::of(30_000, 60_000), Ceiling::of(5, 10)),
            per_till: cap(Ceiling::of(100_000, 200_000), Ceiling::of(60, 120)),
        },
        away: Caps {
            per_redemption: Ceiling::of(5_000, 5_000),
            per_customer: cap(Ceiling::of(6_000, 10_000), Ceiling::of(3, 5)),
            per_till: cap(Ceiling::of(12_000, 24_000), Ceiling::of(20, 40)),
        },
        // A coupon that was given away after the line was lost.
        not_covered: Ceiling::of(1_000, 2_000),
        ..Policy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_makes_sense() {
        assert_eq!(policy().check(), Ok(()), "the demo chain's policy is one that can be set");
    }
}
