//! The worst case in money: what an outage can cost at most, whatever comes.

use super::{Matter, Policy, Purse, Relation, Tally, UpTo};
use crate::entitlement::Fen;

/// What an outage has at risk, and what it can cost at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Accepted without the server and not settled yet: what it may still dispute.
    pub at_risk: Fen,
    /// What this outage can cost at most, in whatever way it goes on, with every manager's yes there may be: all that
    /// it has accepted at risk, and all that it still may. Nothing where the policy sets no limit.
    pub worst: Option<Fen>,
}

/// The exposure of an outage that has spent `spent` out of each purse, of which `at_risk` is not settled.
///
/// `worst` is never below the loss in any continuation under this policy. The loss can be no more than the worth of
/// what is accepted at risk from the outage's beginning to its end; of that, `spent` has happened, and out of each
/// purse [`super::judge`] lets no more happen, to a clerk or a manager, than what is left of the till's cap. What is
/// taken back gives back what it had spent, and no more.
pub fn exposure(policy: &Policy, at_risk: Fen, spent: impl Fn(Purse) -> Tally) -> Exposure {
    let worst = Purse::ALL.into_iter().try_fold(0i64, |sum, purse| {
        let spent = spent(purse);
        Some(sum.saturating_add(spent.fen.0).saturating_add(still_possible(policy, purse, spent)?))
    });
    Exposure { at_risk, worst: worst.map(Fen) }
}

impl Exposure {
    /// Nothing at risk, and nothing that could be: the server decides.
    pub const NOTHING: Exposure = Exposure { at_risk: Fen(0), worst: Some(Fen(0)) };
}

/// What can still be accepted out of that purse (fen); nothing where there is no limit.
fn still_possible(policy: &Policy, purse: Purse, spent: Tally) -> Option<i64> {
    let caps = policy.caps(purse);
    let rules = Relation::ALL
        .into_iter()
        .filter(|relation| relation.purse() == purse)
        .flat_map(|relation| Matter::ALL.map(|matter| policy.rules(matter).of(relation).manager));
    let dearest = rules.max().unwrap_or(UpTo::Never).min(caps.per_redemption.manager);
    let money = caps.per_till.fen.manager.left(spent.fen.0);
    let times = caps.per_till.count.manager.left(i64::from(spent.count));
    let by_times = match (times, dearest.left(0)) {
        (Some(0), _) | (_, Some(0)) => Some(0),
        (Some(times), Some(each)) => Some(times.saturating_mul(each)),
        _ => None,
    };
    match (money, by_times) {
        (Some(money), Some(by_times)) => Some(money.min(by_times)),
        (money, by_times) => money.or(by_times),
    }
}
