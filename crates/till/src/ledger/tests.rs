//! How redemptions, undos and decisions stand after their lines.

use wire::line::{Basis, Decision, LINE_VERSION, Person, Settled};

use super::*;

fn line(act: Act) -> Line {
    Line {
        version: LINE_VERSION,
        device: "till-1".into(),
        epoch: 1,
        seq: 1,
        prev: [0; 32],
        at: 5_000,
        clock: None,
        act,
    }
}

fn number(n: u8) -> String {
    Number::new(UnixMs(1), [n; 10]).to_string()
}

fn begun(n: u8) -> Act {
    Act::Begun(Begun {
        number: number(n),
        entitlement: "e1".into(),
        version: 1,
        kind: "coupon".into(),
        title: "t".into(),
        code_tail: "P9TD".into(),
        takes: vec![],
        value: 2_000,
        clerk: person(),
        source: "wedge".into(),
        heard_at: 1,
        copy: None,
        asking: true,
        clock: None,
        proof: None,
        policy: None,
    })
}

fn person() -> Person {
    Person { id: "c1".into(), name: "李娜".into() }
}

fn accepted(n: u8, basis: Basis) -> Act {
    let reason = "redeemed".into();
    let outcome = Outcome::Accepted;
    Act::Decided(Decided {
        number: number(n),
        begun: None,
        outcome,
        reason,
        basis,
        left: 0,
        quantity: 1,
        earlier: None,
        risk: None,
    })
}

fn settled(n: u8, settlement: wire::api::Settlement) -> Act {
    Act::Settled { settled: vec![Settled { number: number(n), settlement }] }
}

fn ledger(acts: Vec<Act>) -> Ledger {
    let mut ledger = Ledger::default();
    acts.into_iter().for_each(|act| ledger.take_in(&line(act)));
    ledger
}

fn offline() -> Basis {
    Basis::Copy { as_of: 1, silence: "timed_out".into() }
}

fn state(ledger: &Ledger, n: u8) -> State {
    ledger.redemption(number(n).parse().unwrap()).unwrap().state()
}

#[test]
fn a_redemption_waits_until_the_server_has_spoken() {
    let mut offline_one = ledger(vec![begun(1), accepted(1, offline())]);
    assert_eq!((state(&offline_one, 1), offline_one.waiting()), (State::Waiting, 1), "accepted offline");
    offline_one.take_in(&line(settled(1, wire::api::Settlement::Confirmed)));
    assert_eq!((state(&offline_one, 1), offline_one.waiting()), (State::Counted, 0), "and settled");
    let online = ledger(vec![begun(1), accepted(1, Basis::Server)]);
    assert_eq!((state(&online, 1), online.waiting()), (State::Counted, 0), "the server decided it itself");
}

#[test]
fn begun_alone_is_in_doubt_and_the_answer_ends_the_doubt() {
    let mut ledger = ledger(vec![begun(1), begun(2)]);
    assert_eq!(ledger.in_doubt().len(), 2, "two in doubt");
    ledger.take_in(&line(settled(1, wire::api::Settlement::Voided)));
    ledger.take_in(&line(settled(2, wire::api::Settlement::Confirmed)));
    assert_eq!(state(&ledger, 1), State::Closed, "voided: it never happened");
    assert_eq!(state(&ledger, 2), State::CountedUnseen, "counted, though nothing was shown");
}

#[test]
fn a_refused_undo_leaves_the_redemption_counted_and_makes_a_case() {
    let undo = Act::Undone {
        number: number(2),
        of: number(1),
        clerk: person(),
        takes: vec![],
        reason: String::new(),
    };
    let mut ledger = ledger(vec![begun(1), accepted(1, Basis::Server), undo]);
    assert_eq!((state(&ledger, 1), ledger.waiting()), (State::Undone, 1), "taken back, not yet sent");
    let refused = wire::api::Settlement::Refused { case: "k1".into(), reason: "undo_too_late".into() };
    ledger.take_in(&line(settled(2, refused)));
    assert_eq!((state(&ledger, 1), ledger.waiting()), (State::Counted, 0), "it counts again");
    assert_eq!(ledger.cases().len(), 1, "and somebody must look at it");
}

fn begun_with(n: u8, pieces: &[(&str, u32)]) -> Act {
    let Act::Begun(begun) = begun(n) else { unreachable!("begun gives that") };
    Act::Begun(Begun { takes: takes(pieces), ..begun })
}

fn takes(pieces: &[(&str, u32)]) -> Vec<NamedTake> {
    let take = |(sku, quantity): &(&str, u32)| NamedTake {
        sku: (*sku).into(),
        name: (*sku).into(),
        quantity: *quantity,
    };
    pieces.iter().map(take).collect()
}

fn undone(n: u8, of: u8, pieces: &[(&str, u32)]) -> Act {
    let (number, of) = (number(n), number(of));
    Act::Undone { number, of, clerk: person(), takes: takes(pieces), reason: String::new() }
}

fn still(ledger: &Ledger, n: u8) -> Vec<NamedTake> {
    ledger.redemption(number(n).parse().unwrap()).unwrap().still_taken()
}

#[test]
fn what_is_taken_back_in_part_is_counted_piece_by_piece() {
    let pieces = [("tea", 3), ("cake", 1)];
    let mut ledger = ledger(vec![begun_with(1, &pieces), accepted(1, offline())]);
    ledger.take_in(&line(undone(2, 1, &[("tea", 1)])));
    assert_eq!(still(&ledger, 1), takes(&[("tea", 2), ("cake", 1)]), "one came back");
    assert_eq!(state(&ledger, 1), State::Waiting, "the rest still stands");
    assert_eq!(ledger.undone("e1").len(), 1, "so that what is told of it says nothing any more");
    ledger.take_in(&line(undone(3, 1, &[("tea", 2), ("cake", 1)])));
    assert_eq!((state(&ledger, 1), still(&ledger, 1)), (State::Undone, vec![]), "and now all of it");
    let refused = wire::api::Settlement::Refused { case: "k1".into(), reason: "undo_too_late".into() };
    ledger.take_in(&line(settled(3, refused)));
    assert_eq!(still(&ledger, 1), takes(&[("tea", 2), ("cake", 1)]), "what was refused did not come back");
    ledger.take_in(&line(undone(4, 1, &[])));
    assert_eq!(state(&ledger, 1), State::Undone, "without a line it is all that was left");
    let of_it = ledger.undo(number(4).parse().unwrap()).unwrap().takes.clone();
    assert_eq!(of_it, takes(&[("tea", 2), ("cake", 1)]), "which is said of the undo");
}

#[test]
fn a_decision_waits_until_the_server_has_spoken() {
    let decided = Act::Resolved {
        number: number(7),
        case: "k1".into(),
        decision: Decision::Paid,
        note: String::new(),
        clerk: person(),
        seen: vec![],
    };
    let mut ledger = ledger(vec![decided]);
    assert_eq!(ledger.waiting(), 1, "it is to be sent");
    let before = wire::api::Settlement::ResolvedBefore { decision: "recovered".into() };
    ledger.take_in(&line(settled(7, before)));
    assert_eq!(ledger.waiting(), 0, "and is");
    let told = ledger.settlement(number(7).parse().unwrap());
    assert!(matches!(told, Some(Settlement::ResolvedBefore { .. })), "by its own number: {told:?}");
    let known = ledger.resolved("k1").expect("it is found by its case");
    assert!(matches!(known.settlement, Some(Settlement::ResolvedBefore { .. })), "{known:?}");
}

#[test]
fn an_undo_of_some_pieces_gives_back_those_and_a_refused_one_gives_back_nothing() {
    let pieces = |quantity| vec![NamedTake { sku: "a".into(), name: "A".into(), quantity }];
    let undo = |n, of, back| Act::Undone {
        number: number(n),
        of: number(of),
        clerk: person(),
        takes: pieces(back),
        reason: String::new(),
    };
    let Act::Begun(mut three) = begun(1) else { panic!("it begins one") };
    three.takes = pieces(3);
    let mut ledger = ledger(vec![Act::Begun(three), accepted(1, offline()), undo(2, 1, 1)]);
    let left = |ledger: &Ledger| -> Vec<u32> {
        let uses = ledger.uses("e1", &DeviceId("till-1".into()), "t", "s");
        uses.iter().flat_map(|use_| &use_.takes).map(|take| take.quantity).collect()
    };
    assert_eq!((state(&ledger, 1), left(&ledger)), (State::Waiting, vec![2]), "one of three came back");
    ledger.take_in(&line(undo(3, 1, 3)));
    assert_eq!(left(&ledger), [2], "three of two cannot come back: the server will say so");
    ledger.take_in(&line(undo(4, 1, 2)));
    assert_eq!((state(&ledger, 1), left(&ledger)), (State::Undone, vec![]), "then the rest");
    assert_eq!(ledger.undone("e1").len(), 1, "whatever a copy tells");
    let refused = || wire::api::Settlement::Refused { case: "k".into(), reason: "undo_too_late".into() };
    ledger.take_in(&line(settled(2, refused())));
    assert_eq!((state(&ledger, 1), left(&ledger)), (State::Waiting, vec![1]), "one of them did not");
    ledger.take_in(&line(settled(4, refused())));
    assert_eq!((state(&ledger, 1), left(&ledger)), (State::Waiting, vec![3]), "and all are out again");
    assert_eq!(ledger.undone("e1").len(), 0, "as every copy may tell");
    ledger.take_in(&line(settled(4, wire::api::Settlement::Undone)));
    assert_eq!(left(&ledger), [1], "a server that was set back takes the second after all");
    ledger.take_in(&line(settled(4, wire::api::Settlement::Undone)));
    assert_eq!(left(&ledger), [1], "and once");
}
