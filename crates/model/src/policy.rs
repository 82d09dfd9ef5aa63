//! What the chain allows while a till cannot ask the server: how much, how old, how often, and who has to agree.
//!
//! Nearly every figure is a [`Ceiling`]: what a clerk may decide alone, and what a manager may. Beyond the second
//! nobody may, and the customer waits for the line. A ceiling can only get stricter as its figure grows, so that
//! nothing dearer, staler or more frequent is ever judged more kindly ([`judge`]), and the loss of an outage is bounded
//! before it begins ([`exposure`]).

use crate::entitlement::{Entitlement, Fen, Kind, Stores};
use crate::place::StoreId;
use crate::redemption::Take;

mod check;
mod exposure;
mod judge;

pub use check::BadPolicy;
pub use exposure::{Exposure, exposure};
pub use judge::{Facts, Ruling, judge};

/// How far somebody may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpTo {
    /// Not at all.
    Never,
    /// Up to and including this, in the unit of the rule.
    This(i64),
    /// As far as one likes.
    Always,
}

impl UpTo {
    /// Whether `figure` is within.
    pub fn allows(self, figure: i64) -> bool {
        match self {
            UpTo::Never => false,
            UpTo::This(most) => figure <= most,
            UpTo::Always => true,
        }
    }

    /// The most that can still be added to `spent`; nothing where there is no limit.
    pub fn left(self, spent: i64) -> Option<i64> {
        match self {
            UpTo::Never => Some(0),
            UpTo::This(most) => Some(most.saturating_sub(spent).max(0)),
            UpTo::Always => None,
        }
    }
}

/// What a clerk may decide alone, and what a manager may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Up to here the clerk decides alone.
    pub clerk: UpTo,
    /// Up to here with a manager's yes; beyond, nobody.
    pub manager: UpTo,
}

impl Ceiling {
    /// Whatever it is.
    pub const ALWAYS: Ceiling = Ceiling { clerk: UpTo::Always, manager: UpTo::Always };
    /// Not without the server.
    pub const NEVER: Ceiling = Ceiling { clerk: UpTo::Never, manager: UpTo::Never };

    /// A clerk up to the first figure, a manager up to the second.
    pub const fn of(clerk: i64, manager: i64) -> Ceiling {
        Ceiling { clerk: UpTo::This(clerk), manager: UpTo::This(manager) }
    }

    /// Who may let `figure` pass.
    pub fn weigh(self, figure: i64) -> Leave {
        if self.clerk.allows(figure) {
            Leave::Allow
        } else if self.manager.allows(figure) {
            Leave::AskManager
        } else {
            Leave::Refuse
        }
    }
}

/// Who may let something pass, from the kindest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leave {
    /// The clerk.
    Allow,
    /// A manager.
    AskManager,
    /// Nobody, without the server.
    Refuse,
}

/// What kind of thing a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// Goods that are paid for and wait.
    Order,
    /// A coupon.
    Coupon,
    /// A use of a card.
    TimesCard,
    /// What a membership itself gives.
    Member,
}

impl Matter {
    /// Each of them.
    pub const ALL: [Matter; 4] = [Matter::Order, Matter::Coupon, Matter::TimesCard, Matter::Member];

    /// What an entitlement of that kind is.
    pub fn of(kind: &Kind) -> Matter {
        match kind {
            Kind::Order => Matter::Order,
            Kind::Coupon(_) => Matter::Coupon,
            Kind::TimesCard => Matter::TimesCard,
            Kind::Member(_) => Matter::Member,
        }
    }

    /// The stable code, as it stands in journals and policies.
    pub fn code(self) -> &'static str {
        match self {
            Matter::Order => "order",
            Matter::Coupon => "coupon",
            Matter::TimesCard => "times_card",
            Matter::Member => "member",
        }
    }
}

/// How an entitlement belongs to the store where it is shown. In how many stores it can be taken is in how many places
/// it can be taken twice while nobody can talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// It is for this store alone.
    Home,
    /// It is for several stores that it names, this one among them.
    Listed,
    /// It is for every store of the chain.
    Any,
}

impl Relation {
    /// Each of them.
    pub const ALL: [Relation; 3] = [Relation::Home, Relation::Listed, Relation::Any];

    /// How something for these stores belongs to `here`. What is not for `here` at all counts as the widest: that it
    /// is refused is decided elsewhere.
    pub fn of(stores: &Stores, here: &StoreId) -> Relation {
        match stores {
            Stores::Any => Relation::Any,
            Stores::Only(stores) if stores.len() == 1 && stores[0].0 == *here => Relation::Home,
            Stores::Only(stores) if stores.iter().any(|(store, _)| store == here) => Relation::Listed,
            Stores::Only(_) => Relation::Any,
        }
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Relation::Home => "home",
            Relation::Listed => "listed",
            Relation::Any => "any",
        }
    }

    /// Out of which purse it is paid if it goes wrong.
    pub fn purse(self) -> Purse {
        match self {
            Relation::Home => Purse::Home,
            Relation::Listed | Relation::Any => Purse::Away,
        }
    }
}

/// Two budgets that are kept apart: what only this store can give out, and what others can give out as well. The first
/// goes wrong only between two tills of one counter; the second is what a shared picture of a coupon attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purse {
    /// For this store alone.
    Home,
    /// For other stores too.
    Away,
}

impl Purse {
    /// Both.
    pub const ALL: [Purse; 2] = [Purse::Home, Purse::Away];

    /// The stable code, as it stands in journals.
    pub fn code(self) -> &'static str {
        match self {
            Purse::Home => "home",
            Purse::Away => "away",
        }
    }

    /// The purse of that code.
    pub fn of_code(code: &str) -> Option<Purse> {
        Purse::ALL.into_iter().find(|purse| purse.code() == code)
    }
}

/// So many acceptances, worth so much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u32,
    /// What they are worth.
    pub fen: Fen,
}

impl Tally {
    /// One more, worth so much. What is worth less than nothing takes nothing away.
    pub fn and(self, fen: Fen) -> Tally {
        let fen = Fen(self.fen.0.saturating_add(fen.0.max(0)));
        Tally { count: self.count.saturating_add(1), fen }
    }
}

/// A limit on how many and on how much (fen).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// How much, in fen.
    pub fen: Ceiling,
    /// How many.
    pub count: Ceiling,
}

impl Cap {
    fn weigh(&self, tally: Tally) -> Leave {
        self.fen.weigh(tally.fen.0).max(self.count.weigh(i64::from(tally.count)))
    }
}

/// The limits of one purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// For one redemption (fen).
    pub per_redemption: Ceiling,
    /// For one customer at one till in one outage. A customer is the membership that the entitlement belongs to;
    /// whatever belongs to none is a customer of its own, because a masked name ("王*") stands for many people.
    pub per_customer: Cap,
    /// For one till in one outage: from the first acceptance at risk until everything at risk is settled.
    pub per_till: Cap,
}

/// What the rules say of one kind, by how it belongs to the store. The figure is what the redemption is worth (fen).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For this store alone.
    pub home: Ceiling,
    /// For several stores, this one among them.
    pub listed: Ceiling,
    /// For every store.
    pub any: Ceiling,
}

impl Rules {
    /// The same for all three.
    pub const fn same(ceiling: Ceiling) -> Rules {
        Rules { home: ceiling, listed: ceiling, any: ceiling }
    }

    /// The rule for that relation.
    pub fn of(&self, relation: Relation) -> Ceiling {
        match relation {
            Relation::Home => self.home,
            Relation::Listed => self.listed,
            Relation::Any => self.any,
        }
    }
}

/// The chain's rules for deciding without the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Grows with every change; 0 is what the program came with.
    pub version: u64,
    /// Orders.
    pub order: Rules,
    /// Coupons.
    pub coupon: Rules,
    /// Uses of cards.
    pub times_card: Rules,
    /// What a membership itself gives.
    pub member: Rules,
    /// The limits of what only this store can give out.
    pub home: Caps,
    /// The limits of what other stores can give out as well.
    pub away: Caps,
    /// How old the copy may be (hours since the server last vouched for it).
    pub copy_hours: Ceiling,
    /// How old the status lists may be where a code's signature decides (hours).
    pub status_hours: Ceiling,
    /// For how long nothing may have been heard of which keys sign (hours), where a signature decides.
    pub trust_hours: Ceiling,
    /// For how long nothing may have been heard of these very rules (hours).
    pub policy_hours: Ceiling,
    /// How far the computer's clock may be off (minutes).
    pub clock_minutes: Ceiling,
    /// What a genuine code may be worth that is newer than the status list, so that nobody here knows whether it was
    /// used (fen).
    pub not_covered: Ceiling,
    /// How long a clerk may undo an own redemption (minutes).
    pub undo_minutes_max: u32,
    /// How long a clerk waits for the server before the till decides alone (milliseconds).
    pub deadline_ms: u32,
}

impl Default for Policy {
    /// What a merchant would want who has not thought about it yet:
    ///
    /// - What is paid for and lies in this store goes out, line or no line: nobody should wait for their own tea. Only
    ///   two tills of the same store could give it out twice, so its limits are wide: 1,000 yuan each, 5,000 in an
    ///   outage, twice that with a manager.
    /// - What other stores can give out as well is what a shared screenshot would attack: 50 yuan each, three for a
    ///   customer, 300 yuan for a till in an outage; with a manager 600. Above 50 yuan nobody decides without the
    ///   server.
    /// - A membership gives nothing by itself without the server.
    /// - A copy may be a night old (16 hours); up to a day a manager decides. Lists of keys and these rules change
    ///   rarely: three and seven days, one and three days.
    /// - A clock that is off by a time zone is common and harmless, because the till does not go by it alone; one that
    ///   is off by more than a day decides nothing.
    /// - What is newer than the list is held.
    fn default() -> Policy {
        let cap = |fen, count| Cap { fen, count };
        Policy {
            version: 0,
            order: Rules::same(Ceiling::ALWAYS),
            coupon: Rules::same(Ceiling::ALWAYS),
            times_card: Rules::same(Ceiling::ALWAYS),
            member: Rules::same(Ceiling::NEVER),
            home: Caps {
                per_redemption: Ceiling::of(100_000, 200_000),
                per_customer: cap(Ceiling::of(200_000, 400_000), Ceiling::of(10, 20)),
                per_till: cap(Ceiling::of(500_000, 1_000_000), Ceiling::of(300, 600)),
            },
            away: Caps {
                per_redemption: Ceiling::of(5_000, 5_000),
                per_customer: cap(Ceiling::of(10_000, 15_000), Ceiling::of(3, 5)),
                per_till: cap(Ceiling::of(30_000, 60_000), Ceiling::of(50, 100)),
            },
            copy_hours: Ceiling::of(16, 24),
            status_hours: Ceiling::of(16, 24),
            trust_hours: Ceiling::of(72, 168),
            policy_hours: Ceiling::of(24, 72),
            clock_minutes: Ceiling::of(720, 1_440),
            not_covered: Ceiling::NEVER,
            undo_minutes_max: 10,
            deadline_ms: 1_500,
        }
    }
}

impl Policy {
    /// The same policy without any limit on money and number: what is known may be taken. How old things may be stays
    /// as it is.
    pub fn without_limits(self) -> Policy {
        let cap = Cap { fen: Ceiling::ALWAYS, count: Ceiling::ALWAYS };
        let caps = Caps { per_redemption: Ceiling::ALWAYS, per_customer: cap, per_till: cap };
        Policy { home: caps, away: caps, ..self }
    }

    /// The same policy for something that is only looked at: nothing is taken, so that only ages and clocks count.
    pub fn to_look(self) -> Policy {
        let always = Rules::same(Ceiling::ALWAYS);
        Policy { order: always, coupon: always, times_card: always, member: always, ..self.without_limits() }
    }

    /// What the rules say of that kind.
    pub fn rules(&self, matter: Matter) -> &Rules {
        match matter {
            Matter::Order => &self.order,
            Matter::Coupon => &self.coupon,
            Matter::TimesCard => &self.times_card,
            Matter::Member => &self.member,
        }
    }

    /// The limits of that purse.
    pub fn caps(&self, purse: Purse) -> &Caps {
        match purse {
            Purse::Home => &self.home,
            Purse::Away => &self.away,
        }
    }
}

/// What is lost at most if these should not have been handed over. A use of a card is its part of the card's value,
/// rounded up; of an order in part nobody knows which pieces are the dear ones, so that it counts whole.
pub fn amount(entitlement: &Entitlement, takes: &[Take]) -> Fen {
    let value = entitlement.value.0.max(0);
    let pieces: u64 = entitlement.lines.iter().map(|line| u64::from(line.quantity)).sum();
    let taken: u64 = takes.iter().map(|take| u64::from(take.quantity)).sum();
    if !matches!(entitlement.kind, Kind::TimesCard) || pieces == 0 {
        return Fen(value);
    }
    let part = (i128::from(value) * i128::from(taken)).div_euclid(i128::from(pieces));
    let rounded =
        if part * i128::from(pieces) < i128::from(value) * i128::from(taken) { part + 1 } else { part };
    Fen(i64::try_from(rounded).unwrap_or(i64::MAX).min(value))
}

/// Who the customer is whose limit counts: the membership, or else the entitlement itself.
pub fn customer(entitlement: &Entitlement) -> &str {
    entitlement.member.as_ref().map_or(entitlement.id.0.as_str(), |member| member.0.as_str())
}

#[cfg(test)]
mod tests;
