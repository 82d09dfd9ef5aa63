//! One pure total function: from what is known, and what is at risk already, to who may decide.

use super::{Leave, Matter, Policy, Relation, Tally};
use crate::entitlement::Fen;
use crate::verdict::Reason;

/// Everything that counts when a till decides without the server. Figures only: where they come from is the till's
/// business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What kind of thing it is.
    pub matter: Matter,
    /// How it belongs to this store.
    pub relation: Relation,
    /// What is lost at most, see [`super::amount`].
    pub amount: Fen,
    /// How old the facts about it are (seconds): the copy's, or the status list's where a signature decides.
    pub age_seconds: i64,
    /// Whether a code's signature decides, without the copy.
    pub by_signature: bool,
    /// Whether it is genuine but newer than the status list.
    pub not_covered: bool,
    /// For how long this till has not heard which keys sign and what the rules are (seconds).
    pub unheard_seconds: i64,
    /// How far the computer's clock is off (milliseconds, either way).
    pub clock_off_ms: i64,
    /// The clock has jumped so far that no age can be relied on.
    pub clock_unsure: bool,
    /// What this till has at risk out of the same purse in this outage.
    pub till: Tally,
    /// What of it is this customer's.
    pub customer: Tally,
}

/// Who may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The clerk: it may be taken, at risk.
    Accept,
    /// A manager, because of this.
    AskManager(Reason),
    /// Nobody without the server, because of this.
    Hold(Reason),
}

/// Who may decide under that policy. Of several reasons the strictest is told, and of equals the first in the order of
/// [`Reason`]. Total, and monotone: staler, dearer or more spent is never judged more kindly.
pub fn judge(facts: &Facts, policy: &Policy) -> Ruling {
    let caps = policy.caps(facts.relation.purse());
    let rule = policy.rules(facts.matter).of(facts.relation);
    let amount = facts.amount.0.max(0);
    let hours = |seconds: i64| units(seconds, 3_600);
    let unless = |leave: Leave, applies: bool| if applies { leave } else { Leave::Allow };
    let clock = policy.clock_minutes.weigh(units(facts.clock_off_ms.saturating_abs(), 60_000));
    let age = if facts.by_signature { policy.status_hours } else { policy.copy_hours };
    let found = [
        (
            Reason::TrustOutdated,
            unless(policy.trust_hours.weigh(hours(facts.unheard_seconds)), facts.by_signature),
        ),
        (Reason::ClockUnsure, clock.max(unless(Leave::Refuse, facts.clock_unsure))),
        (Reason::NotCovered, unless(policy.not_covered.weigh(amount), facts.not_covered)),
        (Reason::CopyTooOld, age.weigh(hours(facts.age_seconds))),
        (Reason::PolicyTooOld, policy.policy_hours.weigh(hours(facts.unheard_seconds))),
        (Reason::OfflineForbidden, rule.weigh(amount)),
        (Reason::OverRedemptionCap, caps.per_redemption.weigh(amount)),
        (Reason::OverCustomerCap, caps.per_customer.weigh(facts.customer.and(facts.amount))),
        (Reason::OverTillCap, caps.per_till.weigh(facts.till.and(facts.amount))),
    ];
    let strictest = found.iter().map(|(_, leave)| *leave).max().unwrap_or(Leave::Refuse);
    let reason =
        found.iter().find(|(_, leave)| *leave == strictest).map_or(Reason::PolicyTooOld, |(why, _)| *why);
    match strictest {
        Leave::Allow => Ruling::Accept,
        Leave::AskManager => Ruling::AskManager(reason),
        Leave::Refuse => Ruling::Hold(reason),
    }
}

/// Whole units, begun ones counted: 24 hours and a second are 25. Less than nothing is nothing: a clock that was
/// turned back makes nothing younger than fresh.
fn units(figure: i64, unit: i64) -> i64 {
    let figure = figure.max(0);
    figure / unit + i64::from(figure % unit > 0)
}
