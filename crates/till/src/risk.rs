//! What this till goes by when it decides without the server, and what that can cost.

use model::decide::{Alone, Known};
use model::policy::{self, Exposure, Facts, Policy, Relation, exposure};
use model::redemption::Take;
use model::time::{Doubt, Effective};
use wire::line::{Risk, Spent};

use crate::till::{LineState, State, Till};

impl State {
    /// What the chain allows.
    pub(crate) fn policy(&self) -> Policy {
        self.copy.setup().map_or_else(Policy::default, |setup| wire::policy::of_setup(&setup.policy))
    }

    /// What counts beside `known` if the server is not heard.
    pub(crate) fn alone<'a>(
        &self,
        policy: &'a Policy,
        known: &Known,
        time: Effective,
        manager: bool,
    ) -> Alone<'a> {
        let heard = self.copy.heard_at().ok().flatten().max(Some(known.heard_at));
        let purse = Relation::of(&known.entitlement.stores, &self.place().store).purse();
        let outage = self.ledger.outage();
        Alone {
            policy,
            unheard_seconds: heard.map_or(i64::MAX, |heard| time.at.seconds_since(heard)),
            clock_off_ms: match time.doubt {
                Doubt::None => 0,
                Doubt::Ahead(by) | Doubt::Back(by) => by,
            },
            clock_unsure: time.must_ask,
            till: outage.spent(purse),
            customer: outage.spent_by(purse, policy::customer(&known.entitlement)),
            manager,
        }
    }

    /// What the outage that is under way has at risk, and what it can cost at most. With the line up and everything
    /// settled there is none, and a barred till accepts nothing more.
    pub(crate) fn exposure(&self) -> Exposure {
        let outage = self.ledger.outage();
        let policy = match self.line {
            LineState::Revoked => Policy { away: shut(), home: shut(), ..Policy::default() },
            LineState::Offline(_) => self.policy(),
            _ if outage.is_under_way() => self.policy(),
            _ => return Exposure::NOTHING,
        };
        exposure(&policy, outage.at_risk(), |purse| outage.spent(purse))
    }
}

/// Limits that let nothing pass.
fn shut() -> policy::Caps {
    let cap = policy::Cap { fen: policy::Ceiling::NEVER, count: policy::Ceiling::NEVER };
    policy::Caps { per_redemption: policy::Ceiling::NEVER, per_customer: cap, per_till: cap }
}

impl Till {
    /// What the outage that is under way has at risk, and what it can cost at most.
    pub fn exposure(&self) -> Exposure {
        self.lock().as_ref().map_or(Exposure::NOTHING, State::exposure)
    }
}

/// What is usual to take of it: one use of a card, all of anything else. What that is worth is known before the clerk
/// has chosen.
pub(crate) fn usual_takes(known: &Known) -> Vec<Take> {
    let one_by_one = matches!(known.entitlement.kind, model::entitlement::Kind::TimesCard);
    let left =
        known.entitlement.lines.iter().map(|line| (line, known.left(line))).filter(|(_, left)| *left > 0);
    left.map(|(line, left)| Take { sku: line.sku.clone(), quantity: if one_by_one { 1 } else { left } })
        .collect()
}

/// What was weighed, as a line tells it.
pub(crate) fn told(facts: &Facts, known: &Known, policy: &Policy, manager: bool) -> Risk {
    let spent = |tally: policy::Tally| Spent { count: tally.count, fen: tally.fen.0 };
    let purse = facts.relation.purse();
    let ceiling = policy.caps(purse).per_till.fen;
    Risk {
        policy: policy.version,
        rule: format!("{}.{}", facts.matter.code(), facts.relation.code()),
        purse: purse.code().into(),
        customer: policy::customer(&known.entitlement).into(),
        amount: facts.amount.0,
        till_before: spent(facts.till),
        customer_before: spent(facts.customer),
        cap: if manager { ceiling.manager } else { ceiling.clerk }.left(0),
    }
}
