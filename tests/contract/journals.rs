//! Journals that are handed in at both sides.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::redemption::Number;
use model::signed::key::SigningKey;
use server::store::{Device, HandedIn, Intake};
use tests::{TurnedClock, goods};
use wire::api::{Redeemed, Settlement};
use wire::case::Case;
use wire::line::{self, Act, Basis, Begun, Decided, Line, NamedTake, Outcome, Person};

use crate::two::{SIDES, Two, at_once, redeem, said, takes};

/// A till's journal.
struct Journal {
    device: Device,
    key: SigningKey,
    lines: Vec<Vec<u8>>,
}

impl Journal {
    fn of((device, key): (Device, SigningKey)) -> Journal {
        Journal { device, key, lines: Vec::new() }
    }

    fn write(&mut self, act: Act) {
        let line = Line {
            version: line::LINE_VERSION,
            device: self.device.id.clone(),
            epoch: 1,
            seq: self.lines.len() as u64 + 1,
            prev: self.lines.last().map_or(line::GENESIS, |bytes| line::hash(bytes)),
            at: TurnedClock::START.0,
            clock: None,
            act,
        };
        self.lines.push(line::encode(&line, &self.key));
    }

    /// One coupon was handed over without the server.
    fn accept(&mut self, number: Number, id: &str) {
        self.accept_by(number, id, "李娜");
    }

    fn accept_by(&mut self, number: Number, id: &str, name: &str) {
        let at = TurnedClock::START.0;
        let begun = Begun {
            number: number.to_string(),
            entitlement: id.into(),
            version: 1,
            kind: "coupon".into(),
            title: "满 100 减 20 券".into(),
            code_tail: "0000".into(),
            takes: vec![NamedTake { sku: "coupon".into(), name: "券".into(), quantity: 1 }],
            value: 2_000,
            clerk: Person { id: "staff-1".into(), name: name.into() },
            source: "wedge".into(),
            heard_at: at,
            asking: false,
            clock: None,
            proof: None,
            policy: None,
            copy: None,
        };
        self.write(Act::Decided(Decided {
            number: number.to_string(),
            begun: Some(Box::new(begun)),
            outcome: Outcome::Accepted,
            reason: "redeemed".into(),
            basis: Basis::Copy { as_of: at, silence: "timed_out".into() },
            left: 0,
            quantity: 1,
            earlier: None,
            risk: None,
        }));
    }

    fn undo(&mut self, number: Number, of: Number) {
        self.write(Act::Undone {
            number: number.to_string(),
            of: of.to_string(),
            clerk: clerk(),
            takes: Vec::new(),
            reason: String::new(),
        });
    }

    /// All of it, to be handed in.
    fn whole(&self) -> HandedIn {
        HandedIn { epoch: 1, after: 0, lines: self.lines.clone() }
    }
}

fn clerk() -> Person {
    Person { id: "staff-1".into(), name: "李娜".into() }
}

fn kept(intake: Intake) -> wire::api::Intake {
    match intake {
        Intake::Kept(kept) => serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap(),
        Intake::Gap { head } => panic!("a gap behind {head}"),
        Intake::Fork { head } => panic!("a fork behind {head}"),
        Intake::NotSigned { seq } => panic!("line {seq} is not the till's"),
    }
}

pub async fn lines_that_are_handed_in_twice_at_once_are_held_once(two: Arc<Two>) {
    for _ in 0..6 {
        let mut journal = Journal::of(two.till_with_key().await);
        let ids: Vec<String> =
            two.one.issue(&goods::coupons(5)).await.unwrap().into_iter().map(|issued| issued.id).collect();
        for id in &ids {
            journal.accept(two.number(), id);
        }
        let journal = Arc::new(journal);
        let answers =
            at_once((0..4).map(|asking| {
                let (two, journal) = (two.clone(), journal.clone());
                async move {
                    kept(SIDES[asking % 2](&two).take_in(&journal.device, journal.whole()).await.unwrap())
                }
            }))
            .await;
        assert_eq!(answers[0].head, 5, "all lines are held");
        assert!(
            answers[0].settlements.iter().all(|line| line.settlement == Settlement::Confirmed),
            "and count"
        );
        assert!(answers.iter().all(|answer| *answer == answers[0]), "with one answer: {answers:?}");
        for id in &ids {
            assert_eq!(two.taken(id).await, BTreeMap::from([("coupon".into(), 1)]), "each once");
        }
    }
}

pub async fn of_two_continuations_of_a_journal_one_is_held(two: Arc<Two>) {
    for _ in 0..6 {
        let till = two.till_with_key().await;
        let ids = two.one.issue(&goods::coupons(2)).await.unwrap();
        let heads = at_once(ids.into_iter().zip(SIDES).map(|(issued, side)| {
            let (two, mut journal) = (two.clone(), Journal::of(till.clone()));
            journal.accept(two.number(), &issued.id);
            async move {
                match side(&two).take_in(&journal.device, journal.whole()).await.unwrap() {
                    Intake::Kept(kept) => Ok(kept.head),
                    Intake::Gap { head } | Intake::Fork { head } => Err(head),
                    Intake::NotSigned { seq } => panic!("line {seq} is the till's own"),
                }
            }
        }))
        .await;
        let held = heads.iter().filter(|head| head.is_ok()).count();
        assert_eq!(held, 1, "one journal goes on, and the other is a fork: {heads:?}");
    }
}

pub async fn an_undo_and_the_next_redemption_have_an_order(two: Arc<Two>) {
    for _ in 0..8 {
        let id = two.issue(goods::coupon()).await.id;
        let mut journal = Journal::of(two.till_with_key().await);
        let first = two.number();
        journal.accept(first, &id);
        kept(two.one.take_in(&journal.device, journal.whole()).await.unwrap());
        journal.undo(two.number(), first);
        let redeeming = {
            let (two, till, id, number) = (two.clone(), journal.device.clone(), id.clone(), two.number());
            tokio::spawn(async move { redeem(&two.other, &till, number, &id, &takes("coupon", 1)).await })
        };
        let undone = kept(two.one.take_in(&journal.device, journal.whole()).await.unwrap());
        assert_eq!(undone.settlements[1].settlement, Settlement::Undone, "it is taken back");
        let counted = said(&redeeming.await.unwrap().unwrap()) == Redeemed::Counted;
        let expected = if counted { BTreeMap::from([("coupon".into(), 1)]) } else { BTreeMap::new() };
        assert_eq!(two.taken(&id).await, expected, "what was answered is what counts");
    }
}

pub async fn a_line_with_a_text_that_no_database_can_hold_blocks_nothing(two: Arc<Two>) {
    let mut journal = Journal::of(two.till_with_key().await);
    let ids = two.one.issue(&goods::coupons(2)).await.unwrap();
    journal.accept_by(two.number(), &ids[0].id, "李\0娜");
    journal.undo(two.number(), two.number());
    journal.accept(two.number(), &ids[1].id);
    let told = kept(two.one.take_in(&journal.device, journal.whole()).await.unwrap());
    let confirmed = told.settlements.iter().filter(|line| line.settlement == Settlement::Confirmed).count();
    assert_eq!((told.head, confirmed), (3, 2), "both count: {told:?}");
    let again = kept(two.other.take_in(&journal.device, journal.whole()).await.unwrap());
    assert_eq!(again, told, "and a repeat is answered the same");
}

pub async fn two_tills_that_accepted_one_coupon_make_one_case(two: Arc<Two>) {
    for round in 1..=6 {
        let id = two.issue(goods::coupon()).await.id;
        let mut journals = Vec::new();
        for _ in SIDES {
            let mut journal = Journal::of(two.till_with_key().await);
            journal.accept(two.number(), &id);
            journals.push(journal);
        }
        let settled = at_once(journals.into_iter().zip(SIDES).map(|(journal, side)| {
            let two = two.clone();
            async move {
                let mut kept = kept(side(&two).take_in(&journal.device, journal.whole()).await.unwrap());
                kept.settlements.remove(0).settlement
            }
        }))
        .await;
        let confirmed = settled.iter().filter(|settlement| **settlement == Settlement::Confirmed).count();
        let disputed =
            settled.iter().filter(|settlement| matches!(settlement, Settlement::Disputed { .. })).count();
        assert_eq!((confirmed, disputed), (1, 1), "one counts, and the other is a case: {settled:?}");
        assert_eq!(two.one.cases().await.unwrap().len(), round, "with one case for each");
        assert_eq!(two.taken(&id).await, BTreeMap::from([("coupon".into(), 1)]), "and one use is told");
    }
}

pub async fn a_long_outage_is_settled_in_one_piece_and_told_to_the_stores(two: Arc<Two>) {
    let coupons: Vec<String> =
        two.one.issue(&goods::coupons(700)).await.unwrap().into_iter().map(|issued| issued.id).collect();
    let (mut ours, mut theirs) =
        (Journal::of(two.till_with_key().await), Journal::of(two.till_with_key().await));
    let numbers: Vec<Number> = coupons.iter().map(|_| two.number()).collect();
    for (number, id) in numbers.iter().zip(&coupons) {
        ours.accept(*number, id);
    }
    // Every tenth was handed over at the other till as well, and every hundredth came back here.
    for id in coupons.iter().step_by(10) {
        theirs.accept(two.number(), id);
    }
    for number in numbers.iter().step_by(100) {
        ours.undo(two.number(), *number);
    }
    let first = kept(two.one.take_in(&ours.device, ours.whole()).await.unwrap());
    assert_eq!((first.head, first.settlements.len()), (707, 707), "all lines are held and settled");
    let second = kept(two.other.take_in(&theirs.device, theirs.whole()).await.unwrap());
    let disputed = |line: &&wire::api::SettledLine| matches!(line.settlement, Settlement::Disputed { .. });
    assert_eq!(second.settlements.iter().filter(disputed).count(), 63, "what came back first is free again");
    let again = kept(two.other.take_in(&ours.device, ours.whole()).await.unwrap());
    assert_eq!(again, first, "a repeat gets the same answer");
    for (place, id) in coupons.iter().enumerate().step_by(50) {
        assert_eq!(two.taken(id).await, BTreeMap::from([("coupon".into(), 1)]), "coupon {place} counts once");
    }
    let (mut after, mut told) = (0, Vec::new());
    loop {
        let page = two.other.cases_page(&ours.device, after).await.unwrap();
        assert!(page.cases.iter().all(|entry| entry.seq > after), "each number is behind the last one");
        told.extend(page.cases.into_iter().map(|entry| entry.case));
        after = page.last;
        if !page.more {
            break;
        }
    }
    assert_eq!(told.len(), 63, "the store is told of every case");
    let evidence = |case: &Case| case.sides.len() == 2 && case.sides.iter().all(|side| side.line.is_some());
    assert!(told.iter().all(evidence), "with both sides and the lines that prove them: {:?}", told[0]);
}
