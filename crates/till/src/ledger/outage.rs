//! One outage: what was accepted at risk since the server last had settled everything, by purse and by customer.
//!
//! It begins with the first acceptance without the server's word, and ends when all of them are settled or taken back.
//! Until then what was settled on the way still counts: it may have been lost. The books follow from the journal's
//! lines alone, so that neither a restart nor a clock gives a budget back.

use std::collections::{BTreeMap, BTreeSet};

use model::entitlement::Fen;
use model::policy::{Purse, Tally};
use model::redemption::Number;
use wire::line::{Begun, Decided};

/// What one acceptance risks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AtRisk {
    purse: Purse,
    customer: String,
    amount: Fen,
}

impl AtRisk {
    /// As the line tells it. A line that does not say is taken at its full worth, out of the narrower purse.
    pub(super) fn of(begun: &Begun, decided: &Decided) -> AtRisk {
        match &decided.risk {
            Some(risk) => AtRisk {
                purse: Purse::of_code(&risk.purse).unwrap_or(Purse::Away),
                customer: risk.customer.clone(),
                amount: Fen(risk.amount.max(0)),
            },
            None => AtRisk {
                purse: Purse::Away,
                customer: begun.entitlement.clone(),
                amount: Fen(begun.value.max(0)),
            },
        }
    }
}

/// What is at risk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    /// Everything that was accepted in it and not taken back.
    taken: BTreeMap<Number, AtRisk>,
    /// What of it the server has not settled.
    open: BTreeSet<Number>,
    /// Sums of `taken`.
    tills: BTreeMap<Purse, Tally>,
    customers: BTreeMap<(Purse, String), Tally>,
    /// Sum of `open`.
    at_risk: Fen,
}

impl Outage {
    /// Whether anything is at risk.
    pub fn is_under_way(&self) -> bool {
        !self.open.is_empty()
    }

    /// What is accepted and not settled.
    pub fn at_risk(&self) -> Fen {
        self.at_risk
    }

    /// How many are accepted and not settled.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// What this till has accepted out of that purse.
    pub fn spent(&self, purse: Purse) -> Tally {
        self.tills.get(&purse).copied().unwrap_or_default()
    }

    /// What of it is that customer's.
    pub fn spent_by(&self, purse: Purse, customer: &str) -> Tally {
        self.customers.get(&(purse, customer.to_owned())).copied().unwrap_or_default()
    }

    pub(super) fn accept(&mut self, number: Number, risk: AtRisk) {
        if self.taken.contains_key(&number) {
            return;
        }
        let AtRisk { purse, customer, amount } = risk.clone();
        let till = self.tills.entry(purse).or_default();
        *till = till.and(amount);
        let own = self.customers.entry((purse, customer)).or_default();
        *own = own.and(amount);
        self.at_risk = Fen(self.at_risk.0.saturating_add(amount.0));
        self.open.insert(number);
        self.taken.insert(number, risk);
    }

    pub(super) fn settle(&mut self, number: Number) {
        if self.open.remove(&number) {
            let amount = self.taken.get(&number).map_or(0, |risk| risk.amount.0);
            self.at_risk = Fen(self.at_risk.0.saturating_sub(amount));
        }
        self.end_if_settled();
    }

    pub(super) fn take_back(&mut self, number: Number) {
        self.settle(number);
        if let Some(AtRisk { purse, customer, amount }) = self.taken.remove(&number) {
            let without = |tally: &mut Tally| {
                tally.count = tally.count.saturating_sub(1);
                tally.fen = Fen(tally.fen.0.saturating_sub(amount.0));
            };
            self.tills.get_mut(&purse).map(without);
            self.customers.get_mut(&(purse, customer)).map(without);
        }
    }

    fn end_if_settled(&mut self) {
        if self.open.is_empty() && !self.taken.is_empty() {
            *self = Outage::default();
        }
    }
}

#[cfg(test)]
mod tests;
