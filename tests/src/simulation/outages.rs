//! What tills may accept without the server, and a second reading of what they did: what the lines tell, weighed by
//! what the merchant has issued, against figures that stand here and nowhere in the product.

use std::collections::BTreeMap;

use model::policy::{Cap, Caps, Ceiling, Exposure, Policy};
use server::store::NewEntitlement;
use wire::entitlement::Kind;
use wire::line::{Act, Basis, Line, Outcome, Risk, Spent};

use super::invariants::{self as must, Check};
use super::model::{Book, Deed};

/// Up to where a clerk decides, and up to where a manager does.
type Limit = [i64; 2];

/// The limits of one purse: money in fen.
#[derive(Debug)]
pub(super) struct Limits {
    each: Limit,
    customer_fen: Limit,
    customer_count: Limit,
    till_fen: Limit,
    till_count: Limit,
}

/// So small that a run comes to each of them: a coupon is worth 20 yuan, an order 54, a use of a card 14.
const HOME: Limits = Limits {
    each: [6_000, 6_000],
    customer_fen: [6_000, 12_000],
    customer_count: [2, 3],
    till_fen: [18_000, 24_000],
    till_count: [6, 8],
};
const AWAY: Limits = Limits {
    each: [5_000, 6_000],
    customer_fen: [3_000, 6_000],
    customer_count: [2, 3],
    till_fen: [12_000, 18_000],
    till_count: [7, 9],
};

/// What the chain of a run allows.
pub(super) fn policy() -> Policy {
    let ceiling = |[clerk, manager]: Limit| Ceiling::of(clerk, manager);
    let caps = |limits: &Limits| Caps {
        per_redemption: ceiling(limits.each),
        per_customer: Cap { fen: ceiling(limits.customer_fen), count: ceiling(limits.customer_count) },
        per_till: Cap { fen: ceiling(limits.till_fen), count: ceiling(limits.till_count) },
    };
    Policy { home: caps(&HOME), away: caps(&AWAY), ..Policy::default() }
}

/// What was issued, as far as it counts here.
#[derive(Clone, Debug)]
pub(super) struct Worth {
    value: i64,
    /// Uses of a card, each worth its part of it.
    uses: Option<i64>,
    /// Whether it is for one store alone.
    at_home: bool,
    member: Option<String>,
}

impl Worth {
    pub(super) fn of(new: &NewEntitlement) -> Worth {
        let uses = new.lines.iter().map(|line| i64::from(line.quantity)).sum();
        Worth {
            value: new.value,
            uses: matches!(new.kind, Kind::TimesCard).then_some(uses),
            at_home: new.stores.as_ref().is_some_and(|stores| stores.len() == 1),
            member: new.member.clone(),
        }
    }
}

/// What one acceptance stakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stake {
    pub(super) at_home: bool,
    pub(super) customer: String,
    pub(super) amount: i64,
}

impl Stake {
    fn of(deed: &Deed, worth: &Worth) -> Stake {
        let taken: i64 = deed.takes.values().map(|quantity| i64::from(*quantity)).sum();
        let amount = worth.uses.map_or(worth.value, |uses| (worth.value * taken + uses - 1) / uses);
        let customer = worth.member.clone().unwrap_or_else(|| deed.entitlement.clone());
        Stake { at_home: worth.at_home, customer, amount }
    }
}

/// So many acceptances, worth so much (fen).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: i64,
    pub(super) fen: i64,
}

/// One till's outage: from its first acceptance at risk until all of them are settled or taken back.
#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    /// By number: what is staked, and whether the server has not settled it yet.
    staked: BTreeMap<String, (Stake, bool)>,
    /// The least that a screen has called the worst case while it lasted (fen).
    least_told: Option<i64>,
}

impl Outage {
    /// Takes in the next line, which `book` has taken in.
    pub(super) fn take_in(
        &mut self,
        line: &Line,
        book: &Book,
        worths: &BTreeMap<String, Worth>,
        trusting: bool,
    ) -> Check {
        match &line.act {
            Act::Decided(decided) if decided.outcome == Outcome::Accepted => {
                let Some(deed) = book.deeds.get(&decided.number) else { return Ok(()) };
                let (Some(worth), false) = (worths.get(&deed.entitlement), deed.green()) else {
                    return Ok(());
                };
                let stake = Stake::of(deed, worth);
                let manager = matches!(decided.basis, Basis::Override { .. });
                let weighed = self.weigh(&stake, manager, decided.risk.as_ref(), trusting);
                self.follow(&decided.number, deed, Some(stake));
                weighed?;
                must::c5(self.least_told, None, self.all(), self.open())
            }
            Act::Settled { settled } => {
                for told in settled {
                    self.look_again(&told.number, book, worths);
                }
                Ok(())
            }
            Act::Undone { number, .. } => {
                self.look_again(number, book, worths);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Something was told of a redemption, or of an undo of one.
    fn look_again(&mut self, number: &str, book: &Book, worths: &BTreeMap<String, Worth>) {
        let of = book.undos.get(number).map_or(number, |(of, _)| of);
        if let Some(deed) = book.deeds.get(of) {
            let stake = worths.get(&deed.entitlement).map(|worth| Stake::of(deed, worth));
            self.follow(of, deed, stake);
        }
    }

    fn follow(&mut self, number: &str, deed: &Deed, stake: Option<Stake>) {
        use wire::api::Settlement;
        if deed.accepted.is_none() || deed.green() {
            return;
        }
        if deed.is_back() || matches!(deed.settled, Some(Settlement::Undone)) {
            self.staked.remove(number);
        } else if deed.settled.is_some() {
            if let Some((_, open)) = self.staked.get_mut(number) {
                *open = false;
            }
        } else if let Some(stake) = stake {
            self.staked.entry(number.to_owned()).or_insert((stake, true));
        }
        if self.staked.values().all(|(_, open)| !open) {
            *self = Outage::default();
        }
    }

    fn weigh(&self, stake: &Stake, manager: bool, risk: Option<&Risk>, trusting: bool) -> Check {
        let told = risk.map(|risk| {
            let sum = |spent: Spent| Sum { count: spent.count.into(), fen: spent.fen };
            [sum(risk.till_before), sum(risk.customer_before)]
        });
        let same_purse = |one: &&Stake| one.at_home == stake.at_home;
        let stakes = || self.staked.values().map(|(stake, _)| stake).filter(same_purse);
        let till = sum(stakes());
        let customer = sum(stakes().filter(|one| one.customer == stake.customer));
        let limits = if stake.at_home { &HOME } else { &AWAY };
        must::r6(stake, [till, customer], &limits.of(manager))?;
        if trusting { Ok(()) } else { must::r6_told([till, customer], told) }
    }

    /// A screen tells what is at risk, and what the outage may cost at most.
    pub(super) fn told(&mut self, exposure: Exposure) -> Check {
        if self.staked.is_empty() {
            return Ok(());
        }
        let worst = exposure.worst.map(|worst| worst.0);
        self.least_told = self.least_told.into_iter().chain(worst).min();
        must::c5(worst, Some(exposure.at_risk.0), self.all(), self.open())
    }

    /// All that was staked (fen): no more than this is lost.
    fn all(&self) -> i64 {
        sum(self.staked.values().map(|(stake, _)| stake)).fen
    }

    /// What of it is not settled (fen).
    fn open(&self) -> i64 {
        sum(self.staked.values().filter(|(_, open)| *open).map(|(stake, _)| stake)).fen
    }
}

impl Limits {
    /// The most for one redemption (fen), for a till and for a customer, with a manager's yes or without.
    fn of(&self, manager: bool) -> (i64, [Sum; 2]) {
        let of = |limit: Limit| limit[usize::from(manager)];
        let till = Sum { count: of(self.till_count), fen: of(self.till_fen) };
        let customer = Sum { count: of(self.customer_count), fen: of(self.customer_fen) };
        (of(self.each), [till, customer])
    }
}

fn sum<'a>(stakes: impl Iterator<Item = &'a Stake>) -> Sum {
    stakes.fold(Sum::default(), |sum, stake| Sum { count: sum.count + 1, fen: sum.fen + stake.amount })
}
