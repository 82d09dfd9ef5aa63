//! Journals that are handed in at both sides.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::redemption::Number;
use model::signed::key::SigningKey;
use server::store::{Device, Hand, HandedIn, Intake};
use tests::{TurnedClock, goods};
use wire::api::{Redeemed, Settlement};
use wire::case::Case;
use wire::line::{self, Act, Basis, Begun, Decided, Line, NamedTake, Outcome, Person, Stand, Why};

use crate::two::{SIDES, Two, at_once, redeem, said, takes};

/// A till's journal.
#[derive(Clone)]
struct Journal {
    device: Device,
    key: SigningKey,
    epoch: u64,
    lines: Vec<Vec<u8>>,
}

impl Journal {
    fn of((device, key): (Device, SigningKey)) -> Journal {
        Journal { device, key, epoch: 1, lines: Vec::new() }
    }

    fn write(&mut self, act: Act) {
        let line = Line {
            version: line::LINE_VERSION,
            device: self.device.id.clone(),
            epoch: self.epoch,
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
        self.part(0, self.lines.len())
    }

    /// The lines behind `after`, up to that one.
    fn part(&self, after: usize, last: usize) -> HandedIn {
        HandedIn { epoch: self.epoch, after: after as u64, lines: self.lines[after..last].to_vec() }
    }

    /// The journal of the next epoch, whose first line says that the one before ended at that line.
    fn next(&self, last: usize) -> Journal {
        let mut next = Journal { epoch: self.epoch + 1, lines: Vec::new(), ..self.clone() };
        let before = Stand { epoch: self.epoch, seq: last as u64, hash: line::hash(&self.lines[last - 1]) };
        next.write(Act::Opened { why: Why::SetBack, before: Some(before) });
        next
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

/// A till that has accepted so many coupons.
async fn busy(two: &Two, coupons: usize) -> Journal {
    let mut journal = Journal::of(two.till_with_key().await);
    for issued in two.one.issue(&goods::coupons(coupons)).await.unwrap() {
        journal.accept(two.number(), &issued.id);
    }
    journal
}

/// The only case, as both sides tell it.
async fn only_case(two: &Two) -> Case {
    let (mut cases, others) = (two.one.cases().await.unwrap(), two.other.cases().await.unwrap());
    assert_eq!((cases.len(), &cases), (1, &others), "there is one case, and both tell it");
    cases.remove(0)
}

/// Epoch and number of each line that a case names.
fn evidence(case: &Case) -> Vec<(u64, u64)> {
    case.sides.iter().filter_map(|side| side.line.as_ref()).map(|line| (line.epoch, line.seq)).collect()
}

pub async fn what_a_till_lost_before_it_was_let_in_again_is_a_case_until_it_comes(two: Arc<Two>) {
    let journal = busy(&two, 4).await;
    kept(two.one.take_in(&journal.device, journal.part(0, 1)).await.unwrap());
    two.other.readmit(&journal.device, "looked into").await.unwrap();
    let next = journal.next(4);
    kept(two.one.take_in(&next.device, next.whole()).await.unwrap());
    kept(two.other.take_in(&next.device, next.whole()).await.unwrap());
    let case = only_case(&two).await;
    let told = (case.class.as_str(), case.reason.as_str(), case.title.as_str(), case.state.as_str());
    assert_eq!(told, ("gap", "lost", "epoch 1, lines 2–4", "open"), "somebody has to look for them");
    assert_eq!(evidence(&case), [(1, 1), (2, 1)], "what is held, and what says that it is not all");

    let carried = async |after, last| {
        let part = journal.part(after, last);
        kept(two.other.take_in_from(Hand::Carrier, &journal.device, part).await.unwrap()).settlements
    };
    let before = two.one.cases_page(&journal.device, 0).await.unwrap().last;
    carried(1, 2).await;
    let case = only_case(&two).await;
    assert_eq!((case.title.as_str(), case.is_open()), ("epoch 1, lines 3–4", true), "two are missing still");
    let settled = carried(2, 4).await;
    assert!(settled.iter().all(|line| line.settlement == Settlement::Confirmed), "they count: {settled:?}");
    let case = only_case(&two).await;
    let told = (case.reason.as_str(), case.title.as_str(), case.stands.as_str());
    assert_eq!(told, ("arrived", "epoch 1, lines 3–4", "arrived"), "nothing is left to be decided");
    assert_eq!(evidence(&case), [(1, 1), (2, 1), (1, 4)], "with the line that was the last to be missing");
    let page = two.one.cases_page(&journal.device, before).await.unwrap();
    let told = page.cases.into_iter().map(|entry| entry.case).collect::<Vec<Case>>();
    assert_eq!(told, std::slice::from_ref(&case), "and the store is told");
    carried(1, 4).await;
    assert_eq!(only_case(&two).await, case, "a repeat changes nothing");
}

pub async fn a_till_that_was_set_back_behind_what_is_held_is_a_case(two: Arc<Two>) {
    let journal = busy(&two, 3).await;
    kept(two.one.take_in(&journal.device, journal.whole()).await.unwrap());
    two.one.readmit(&journal.device, "an old disk").await.unwrap();
    let mut next = journal.next(1);
    kept(two.other.take_in(&next.device, next.whole()).await.unwrap());
    let case = only_case(&two).await;
    let told = (case.class.as_str(), case.reason.as_str(), case.title.as_str(), case.is_open());
    assert_eq!(told, ("gap", "set_back", "epoch 1, lines 2–3", true), "nobody knows whether there were more");
    assert_eq!(evidence(&case), [(1, 3), (2, 1)], "what is held, and what the till says");

    // Once more, and this time it has lost nothing.
    two.one.readmit(&journal.device, "once more").await.unwrap();
    next = next.next(1);
    kept(two.other.take_in(&next.device, next.whole()).await.unwrap());
    assert_eq!(only_case(&two).await, case, "a till that knows all that is held lacks nothing");
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
