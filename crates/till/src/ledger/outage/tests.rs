//! The books of an outage against a slow reckoning of the same lines, in any order that a till can write them.

use model::time::UnixMs;
use proptest::prelude::*;
use wire::api::Settlement;
use wire::line::{Act, Basis, Line, NamedTake, Outcome, Person, Risk, Settled, Spent};

use super::*;
use crate::ledger::Ledger;

/// What a till may write about one of a few redemptions.
#[derive(Clone, Debug)]
enum Told {
    Accepted { amount: i64, home: bool, customer: u8 },
    ByServer,
    Held,
    Confirmed,
    Disputed,
    Undone,
    UndoRefused,
    UndoSettled,
}

fn number(n: u8) -> Number {
    Number::new(UnixMs(1), [n; 10])
}

fn undo_number(n: u8) -> Number {
    Number::new(UnixMs(2), [n; 10])
}

fn begun(n: u8, amount: i64) -> Begun {
    Begun {
        number: number(n).to_string(),
        entitlement: format!("e{n}"),
        version: 1,
        kind: "coupon".into(),
        title: "t".into(),
        code_tail: "P9TD".into(),
        takes: vec![NamedTake { sku: "use".into(), name: "t".into(), quantity: 1 }],
        value: amount,
        clerk: Person { id: "c1".into(), name: "李娜".into() },
        source: "wedge".into(),
        heard_at: 1,
        asking: false,
        clock: None,
        copy: None,
        proof: None,
        policy: Some(3),
    }
}

fn decided(n: u8, outcome: Outcome, basis: Basis, risk: Option<Risk>) -> Act {
    let amount = risk.as_ref().map_or(0, |risk| risk.amount);
    Act::Decided(Decided {
        number: number(n).to_string(),
        begun: Some(begun(n, amount).into()),
        outcome,
        reason: "redeemed".into(),
        basis,
        left: 0,
        quantity: 1,
        earlier: None,
        risk,
    })
}

fn settled(number: Number, settlement: Settlement) -> Act {
    Act::Settled { settled: vec![Settled { number: number.to_string(), settlement }] }
}

/// The line, unless a till could not write it now.
fn act(n: u8, told: &Told, ledger: &Ledger) -> Option<Act> {
    let redemption = ledger.redemption(number(n));
    let accepted = redemption.is_some_and(|known| known.at_risk().is_some());
    let unsettled = redemption.is_some_and(|known| known.settlement.is_none());
    let undone = redemption.is_some_and(|known| !known.undos.is_empty());
    let undo_open = ledger.undo(undo_number(n)).is_some_and(|undo| undo.settlement.is_none());
    let copy = || Basis::Copy { as_of: 1, silence: "timed_out".into() };
    let refused = |reason: &str| Settlement::Refused { case: format!("k{n}"), reason: reason.into() };
    Some(match told {
        Told::Accepted { amount, home, customer } if redemption.is_none() => {
            let risk = Risk {
                policy: 3,
                rule: "coupon.any".into(),
                purse: if *home { "home" } else { "away" }.into(),
                customer: format!("m{customer}"),
                amount: *amount,
                till_before: Spent::default(),
                customer_before: Spent::default(),
                cap: None,
            };
            decided(n, Outcome::Accepted, copy(), Some(risk))
        }
        Told::ByServer if redemption.is_none() => decided(n, Outcome::Accepted, Basis::Server, None),
        Told::Held if redemption.is_none() => decided(n, Outcome::Held, copy(), None),
        Told::Confirmed if accepted && unsettled => settled(number(n), Settlement::Confirmed),
        Told::Disputed if accepted && unsettled => settled(number(n), refused("refunded")),
        Told::Undone if accepted && ledger.undo(undo_number(n)).is_none() => Act::Undone {
            number: undo_number(n).to_string(),
            of: number(n).to_string(),
            clerk: Person { id: "c1".into(), name: "李娜".into() },
            takes: vec![],
            reason: String::new(),
        },
        Told::UndoRefused if undone && undo_open => settled(undo_number(n), refused("undo_too_late")),
        Told::UndoSettled if undone && undo_open => settled(undo_number(n), Settlement::Undone),
        _ => return None,
    })
}

fn told() -> impl Strategy<Value = (u8, Told)> {
    let accepted = (1i64..9, any::<bool>(), 0u8..3).prop_map(|(amount, home, customer)| Told::Accepted {
        amount,
        home,
        customer,
    });
    let one = prop_oneof![
        5 => accepted,
        1 => Just(Told::ByServer),
        1 => Just(Told::Held),
        2 => Just(Told::Confirmed),
        2 => Just(Told::Disputed),
        2 => Just(Told::Undone),
        1 => Just(Told::UndoRefused),
        1 => Just(Told::UndoSettled),
    ];
    (0u8..12, one)
}

/// The same reckoned slowly: what counts as spent is everything that was accepted at risk since nothing was open last,
/// without what is taken back.
#[derive(Default)]
struct Slow {
    taken: Vec<(u8, i64, bool, u8)>,
    closed: Vec<u8>,
}

impl Slow {
    fn take_in(&mut self, n: u8, told: &Told) {
        match told {
            Told::Accepted { amount, home, customer } => self.taken.push((n, *amount, *home, *customer)),
            Told::Confirmed | Told::Disputed => self.closed.push(n),
            Told::Undone => self.taken.retain(|(one, ..)| *one != n),
            Told::UndoRefused | Told::UndoSettled | Told::ByServer | Told::Held => {}
        }
        if self.taken.iter().all(|(one, ..)| self.closed.contains(one)) {
            self.taken.clear();
        }
    }

    fn spent(&self, home: bool, customer: Option<u8>) -> Tally {
        let own = |(_, _, at_home, who): &&(u8, i64, bool, u8)| {
            *at_home == home && customer.is_none_or(|one| one == *who)
        };
        self.taken.iter().filter(own).fold(Tally::default(), |tally, (_, fen, ..)| tally.and(Fen(*fen)))
    }

    fn at_risk(&self) -> i64 {
        let open = self.taken.iter().filter(|(n, ..)| !self.closed.contains(n));
        open.map(|(_, fen, ..)| fen).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn the_books_are_what_a_slow_reckoning_says_and_a_restart_changes_nothing(
        course in prop::collection::vec(told(), 1..80),
    ) {
        let (mut ledger, mut slow, mut lines) = (Ledger::default(), Slow::default(), vec![]);
        for (n, told) in course {
            // A refused undo of what is not settled yet cannot be: lines are settled in their order.
            let early = matches!(told, Told::UndoRefused)
                && ledger.redemption(number(n)).is_some_and(|known| known.settlement.is_none());
            let Some(act) = act(n, &told, &ledger).filter(|_| !early) else { continue };
            let seq = lines.len() as u64 + 1;
            let line =
                Line { version: 1, device: "till-1".into(), epoch: 1, seq, prev: [0; 32], at: 5_000, clock: None, act };
            ledger.take_in(&line);
            lines.push(line);
            slow.take_in(n, &told);
            let outage = ledger.outage();
            prop_assert_eq!(outage.at_risk().0, slow.at_risk(), "what is open after {:?}", told);
            for (purse, home) in [(Purse::Home, true), (Purse::Away, false)] {
                prop_assert_eq!(outage.spent(purse), slow.spent(home, None), "{:?} after {:?}", purse, told);
                for customer in 0..3u8 {
                    let own = outage.spent_by(purse, &format!("m{customer}"));
                    prop_assert_eq!(own, slow.spent(home, Some(customer)), "customer {}", customer);
                }
            }
            let mut again = Ledger::default();
            lines.iter().for_each(|line| again.take_in(line));
            prop_assert_eq!(again.outage(), outage, "reading the journal again gives the same books");
        }
    }
}
