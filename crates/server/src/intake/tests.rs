//! What the books do, in memory: three tills that may not hear of each other, and everything they can hand in.

use std::collections::BTreeMap;

use model::case::Decision;
use model::decide::{Known, Origin};
use model::entitlement as m;
use model::place::StoreId;
use model::policy::Policy;
use model::time::Window;
use wire::api::Redeem;
use wire::entitlement as w;
use wire::line::{Begun, Decided, GENESIS, LINE_VERSION, NamedTake, Person};

use super::*;

mod courses;
mod gaps;
mod late;
mod limits;

const START: i64 = 1_800_000_000_000;
const MINUTE: i64 = 60_000;
const CARD: &str = "card-1";

/// A database in memory, which takes changes on the same conditions as the real one.
#[derive(Clone)]
struct Books {
    now: i64,
    numbers: BTreeMap<Number, NumberRow>,
    intents: BTreeMap<(String, Number), Intent>,
    held: m::Entitlement,
    taken: i64,
    version: i64,
    cases: BTreeMap<String, CaseRow>,
    bounds: BTreeMap<String, Bounds>,
    seqs: BTreeMap<String, u64>,
    decisions: Vec<DecisionRow>,
}

impl Books {
    fn of(quantity: u32) -> Books {
        let line = m::Line {
            sku: "a".into(),
            name: String::new(),
            variant: String::new(),
            shelf: String::new(),
            quantity,
        };
        let held = m::Entitlement {
            id: m::EntitlementId(CARD.into()),
            version: 1,
            title: "次卡".into(),
            kind: m::Kind::TimesCard,
            lines: vec![line],
            standing: m::Standing::Good,
            window: Window { from: None, until: None },
            stores: m::Stores::Any,
            spend_min: Fen(0),
            value: Fen(1_000),
            member: None,
            holder: String::new(),
            code_tail: String::new(),
            notes: Vec::new(),
            uses: Vec::new(),
        };
        Books {
            now: START,
            numbers: BTreeMap::new(),
            intents: BTreeMap::new(),
            held,
            taken: 0,
            version: 1,
            cases: BTreeMap::new(),
            bounds: BTreeMap::new(),
            seqs: BTreeMap::new(),
            decisions: Vec::new(),
        }
    }

    fn world(&self, device: &Device) -> World {
        let bounds = self.bounds.get(&device.id).copied().unwrap_or_default();
        let mut world = World::new(device, UnixMs(self.now), bounds, Policy::default());
        self.numbers.values().for_each(|row| world.put_number(row.clone()));
        let own = self.intents.iter().filter(|((of, _), _)| *of == device.id);
        own.for_each(|(_, intent)| world.put_intent(intent.clone()));
        let mut entitlement = self.held.clone();
        entitlement.uses = world.uses().remove(CARD).unwrap_or_default();
        let known = Known {
            entitlement,
            heard_at: UnixMs(self.now),
            origin: Origin::Server,
            mine: Vec::new(),
            undone: BTreeSet::new(),
        };
        world.put_held(Held::new(known, self.version, vec![("a".into(), self.taken)]));
        self.cases.values().for_each(|case| world.put_case(case.clone()));
        world
    }

    fn write(&mut self, world: World) {
        self.bounds.insert(world.device.id.clone(), world.bounds);
        let device = world.device.id.clone();
        let changes = world.into_changes();
        for change in changes.numbers {
            let was = self.numbers.get(&change.row.number).map(|row| row.state);
            assert_eq!(was, change.before, "a number is written over what was read");
            let before = Some(change.row.state);
            self.numbers.insert(change.row.number, NumberRow { before, changed: false, ..change.row });
        }
        for intent in changes.intents {
            let number = intent.number;
            self.intents.entry((device.clone(), number)).or_insert(Intent { fresh: false, ..intent });
        }
        for change in changes.taken {
            assert_eq!(change.before, self.taken, "what was taken is written over what was read");
            self.taken += change.more;
            let quantity = i64::from(self.held.lines[0].quantity);
            assert!((0..=quantity).contains(&self.taken), "{} of {quantity} are taken", self.taken);
        }
        for change in changes.versions {
            assert_eq!(change.before, self.version, "the version is written over what was read");
            self.version += change.more;
        }
        for mut case in changes.cases {
            if let Some(known) = self.cases.get(&case.id).filter(|_| case.first > 0) {
                case.sides = [&known.sides[..case.first as usize], &case.sides].concat();
            }
            (case.first, case.fresh, case.changed) = (0, false, false);
            self.cases.insert(case.id.clone(), case);
        }
        self.decisions.extend(changes.decisions);
    }

    /// Hands in these acts, each with the time that it claims.
    fn hand_in(&mut self, device: &Device, acts: &[(i64, Act)]) -> Vec<SettledLine> {
        let mut world = self.world(device);
        let mut settled = Vec::new();
        for (when, act) in acts {
            let seq = self.seqs.entry(device.id.clone()).or_default();
            *seq += 1;
            let line = Line {
                version: LINE_VERSION,
                device: device.id.clone(),
                epoch: 1,
                seq: *seq,
                prev: GENESIS,
                at: *when,
                clock: None,
                act: act.clone(),
            };
            settled.extend(world.apply(LineAt { epoch: 1, seq: *seq, branch: None }, &line));
        }
        self.write(world);
        settled
    }

    fn one(&mut self, device: &Device, when: i64, act: Act) -> Settlement {
        let mut settled = self.hand_in(device, &[(when, act)]);
        settled.pop().expect("this line has a settlement").settlement
    }

    fn redeem(&mut self, device: &Device, number: u64, pieces: u32) -> Online {
        let asked = Redeem {
            entitlement: CARD.into(),
            takes: vec![w::Take { sku: "a".into(), quantity: pieces }],
            clerk: "李娜".into(),
            at: self.now,
            moment: None,
        };
        let mut world = self.world(device);
        let online = world.redeem(named(number), &asked, "request");
        self.write(world);
        online
    }

    fn case(&self, class: CaseClass) -> &CaseRow {
        let mut of_class = self.cases.values().filter(|case| case.class == class);
        let case = of_class.next().unwrap_or_else(|| panic!("no {class:?} in {:?}", self.cases));
        assert!(of_class.next().is_none(), "one of that class");
        case
    }

    fn state(&self, number: u64) -> State {
        self.numbers[&named(number)].state
    }
}

fn named(number: u64) -> Number {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Number::new(UnixMs(START), random)
}

fn till(number: usize) -> Device {
    let store = w::Store { id: format!("store-{number}"), name: format!("{number}号店") };
    Device { id: format!("till-{number}"), till: "前台".into(), store, epoch: 1, revoked: false }
}

fn clerk() -> Person {
    Person { id: "c1".into(), name: "李娜".into() }
}

fn take(pieces: u32) -> NamedTake {
    NamedTake { sku: "a".into(), name: String::new(), quantity: pieces }
}

fn begun(number: u64, pieces: u32) -> Begun {
    Begun {
        number: named(number).to_string(),
        entitlement: CARD.into(),
        version: 1,
        kind: "times_card".into(),
        title: "次卡".into(),
        code_tail: String::new(),
        takes: vec![take(pieces)],
        value: 1_000,
        clerk: clerk(),
        source: "wedge".into(),
        heard_at: START,
        copy: None,
        asking: true,
        clock: None,
        proof: None,
        policy: None,
    }
}

fn decided(number: u64, begun: Option<Begun>, outcome: Outcome) -> Act {
    Act::Decided(Decided {
        number: named(number).to_string(),
        begun: begun.map(Box::new),
        outcome,
        reason: "redeemed".into(),
        basis: line::Basis::Server,
        left: 0,
        quantity: 1,
        earlier: None,
        risk: None,
    })
}

fn accept(number: u64, pieces: u32) -> Act {
    decided(number, Some(begun(number, pieces)), Outcome::Accepted)
}

fn undo(number: u64, of: u64, pieces: u32) -> Act {
    Act::Undone {
        number: named(number).to_string(),
        of: named(of).to_string(),
        clerk: clerk(),
        takes: if pieces == 0 { vec![] } else { vec![take(pieces)] },
        reason: String::new(),
    }
}

fn resolve(number: u64, case: &str, decision: line::Decision) -> Act {
    Act::Resolved {
        number: named(number).to_string(),
        case: case.to_owned(),
        decision,
        note: "问过了".into(),
        clerk: clerk(),
        seen: vec![],
    }
}

fn refused(settlement: &Settlement) -> &str {
    match settlement {
        Settlement::Refused { reason, .. } => reason,
        other => panic!("it is refused: {other:?}"),
    }
}

#[test]
fn every_acceptance_of_one_thing_is_in_one_case_however_many_there_are() {
    let mut books = Books::of(1);
    let counted = books.one(&till(1), START, accept(1, 1));
    assert_eq!(counted, Settlement::Confirmed, "the first to arrive counts");
    let Settlement::Disputed { case, winner } = books.one(&till(2), START, accept(2, 1)) else {
        panic!("the second does not")
    };
    assert_eq!(winner.number, named(1).to_string(), "and names the first");
    let decided = books.one(&till(2), START, resolve(9, &case, line::Decision::Recovered));
    assert_eq!(decided, Settlement::Resolved, "somebody has decided on it");
    let Settlement::Disputed { case: third, .. } = books.one(&till(3), START, accept(3, 1)) else {
        panic!("nor does the third")
    };
    assert_eq!(third, case, "which joins the case of the second");
    let case = books.case(CaseClass::Duplicate);
    let sides: Vec<(String, Standing)> =
        case.sides.iter().map(|side| (side.number.clone(), side.standing)).collect();
    let expected = [
        (named(1).to_string(), Standing::Counted),
        (named(2).to_string(), Standing::NotCounted),
        (named(3).to_string(), Standing::NotCounted),
    ];
    assert_eq!(sides, expected, "all three are listed");
    assert!(case.open, "and somebody must look again");
    assert_eq!((case.value, case.stores.len()), (2_000, 3), "two are at stake, and three stores are told");
}

#[test]
fn a_card_with_several_uses_is_overspent_with_everybody_named() {
    let mut books = Books::of(3);
    books.one(&till(1), START, accept(1, 2));
    books.one(&till(2), START, accept(2, 1));
    let settled = books.one(&till(3), START, accept(3, 2));
    assert!(matches!(settled, Settlement::Disputed { .. }), "none is left: {settled:?}");
    let case = books.case(CaseClass::Overspent);
    assert_eq!(case.sides.len(), 3, "who has taken what");
    assert_eq!(case.value, 667, "two thirds of the card, rounded up");
}

#[test]
fn an_undo_takes_back_so_many_as_it_says_and_never_more_than_were_taken() {
    let mut books = Books::of(5);
    books.one(&till(1), START, accept(1, 4));
    assert_eq!(books.one(&till(1), START + MINUTE, undo(10, 1, 1)), Settlement::Undone, "one of four");
    assert_eq!(books.one(&till(1), START + MINUTE, undo(11, 1, 2)), Settlement::Undone, "two of three");
    assert_eq!((books.taken, books.state(1)), (1, State::Counted), "one still counts");
    let too_much = books.one(&till(1), START + MINUTE, undo(12, 1, 2));
    assert_eq!(refused(&too_much), "undo_too_much", "two of one");
    assert_eq!(books.one(&till(1), START + MINUTE, undo(13, 1, 0)), Settlement::Undone, "the rest");
    assert_eq!((books.taken, books.state(1)), (0, State::Undone), "nothing is left of it");
    assert_eq!(
        books.numbers[&named(1)].first_takes()[0].quantity,
        4,
        "what it was in the first place is known"
    );
    let repeat = Redeem {
        entitlement: CARD.into(),
        takes: vec![w::Take { sku: "a".into(), quantity: 4 }],
        clerk: String::new(),
        at: START,
        moment: None,
    };
    let late = books.world(&till(1)).redeem(named(1), &repeat, "late");
    assert!(matches!(late, Online::Answer(_)), "and a late copy of its request is known: {late:?}");
    let case = books.case(CaseClass::UndoRace);
    assert_eq!((case.about, case.sides.len()), (About::Undo, 2), "the refused one is a case with both acts");
}

#[test]
fn an_undo_has_its_time_by_the_clock_of_the_deeds() {
    let mut books = Books::of(2);
    books.hand_in(&till(1), &[(START, accept(1, 1)), (START, accept(2, 1))]);
    books.now += 1_000 * MINUTE;
    let early = books.one(&till(1), START + 10 * MINUTE, undo(10, 1, 0));
    assert_eq!(early, Settlement::Undone, "done in time, told much later");
    let late = books.one(&till(1), START + 11 * MINUTE, undo(11, 2, 0));
    assert_eq!(refused(&late), "undo_too_late", "the time is over");
    assert_eq!((books.state(2), books.taken), (State::Counted, 1), "so it goes on counting");
    let case = books.case(CaseClass::UndoRace);
    assert_eq!(case.sides[0].standing, Standing::Counted, "and somebody must look");
}

#[test]
fn what_was_counted_but_never_handed_over_may_come_back_at_any_time() {
    let mut books = Books::of(1);
    books.redeem(&till(1), 1, 1);
    books.now += 1_000 * MINUTE;
    let settled = books.hand_in(&till(1), &[(START, Act::Begun(begun(1, 1))), (books.now, undo(10, 1, 0))]);
    assert_eq!(settled[0].settlement, Settlement::Undone, "the till never said that it handed it over");
}

#[test]
fn an_undo_that_crosses_another_redemption_is_said_so() {
    let mut books = Books::of(1);
    books.one(&till(1), START, accept(1, 1));
    books.one(&till(2), START, accept(2, 1));
    assert_eq!(books.one(&till(1), START, undo(10, 1, 0)), Settlement::Undone, "the winner takes it back");
    let case = books.case(CaseClass::UndoRace);
    let standing: Vec<Standing> = case.sides.iter().map(|side| side.standing).collect();
    assert_eq!(standing, [Standing::TakenBack, Standing::NotCounted], "one is back, one is out uncounted");
    assert!(case.open, "which a person has to see");
    books.redeem(&till(3), 3, 1);
    let case = books.case(CaseClass::UndoRace);
    assert_eq!(case.sides.len(), 3, "whoever counts next is listed too");
    books.one(&till(2), START, undo(11, 2, 0));
    let case = books.case(CaseClass::UndoRace);
    assert_eq!((case.open, case.decision), (false, Some(Decision::TakenBack)), "nothing is out uncounted");
}

#[test]
fn each_refusal_has_its_class() {
    let classes = [
        (m::Standing::Refunded, "refunded"),
        (m::Standing::Cancelled, "cancelled"),
        (m::Standing::Frozen, "frozen"),
    ];
    for (standing, reason) in classes {
        let mut books = Books::of(1);
        books.held.standing = standing;
        assert_eq!(refused(&books.one(&till(1), START, accept(1, 1))), reason, "it does not stand");
        assert_eq!(books.case(CaseClass::Stale).value, 1_000, "the till's copy was behind");
    }
    let mut books = Books::of(1);
    books.held.window.until = Some(UnixMs(START - 1));
    books.one(&till(1), START, accept(1, 1));
    books.case(CaseClass::Stale);
    let mut books = Books::of(1);
    books.held.stores = m::Stores::Only(vec![(StoreId("store-2".into()), String::new())]);
    books.one(&till(1), START, accept(1, 1));
    books.case(CaseClass::Rules);
    let mut books = Books::of(1);
    let unknown = Begun { entitlement: "card-0".into(), ..begun(1, 1) };
    books.one(&till(1), START, decided(1, Some(unknown), Outcome::Accepted));
    assert_eq!(books.case(CaseClass::Unknown).value, 1_000, "as the till had it");
}

#[test]
fn a_time_that_cannot_be_is_a_case_beside_a_redemption_that_counts() {
    let mut books = Books::of(4);
    let ahead = books.one(&till(1), START + 11 * MINUTE, accept(1, 1));
    assert_eq!(ahead, Settlement::Confirmed, "it counts all the same");
    let case = books.case(CaseClass::Clock);
    assert_eq!(
        (case.reason.as_str(), case.sides[0].standing),
        ("ahead", Standing::Noted),
        "with the interval"
    );
    books.now += 60 * MINUTE;
    // The till has the answer to its first line, so its second cannot be older than that.
    let told = line::Settled { number: named(1).to_string(), settlement: Settlement::Confirmed };
    let acts = [
        (START + 11 * MINUTE, Act::Settled { settled: vec![told] }),
        (START - 60 * MINUTE, accept(2, 1)),
        (START + 30 * MINUTE, accept(3, 1)),
    ];
    books.hand_in(&till(1), &acts);
    let case = books.case(CaseClass::Clock);
    let numbers: Vec<&str> = case.sides.iter().map(|side| side.number.as_str()).collect();
    assert_eq!(numbers, [named(1).to_string(), named(2).to_string()], "one case gathers what is wrong");
    assert_eq!(case.sides[1].not_before, START, "as far as it is proved");
    assert_eq!(books.taken, 3, "and all three count");
}

#[test]
fn a_till_that_was_given_up_and_reports_after_all_is_listed() {
    let mut books = Books::of(2);
    let mut world = books.world(&till(1));
    world.write_off(LineAt { epoch: 1, seq: 7, branch: None }, "掉水里了");
    books.write(world);
    let gap = books.case(CaseClass::Gap);
    assert_eq!((gap.open, gap.decision), (false, Some(Decision::WrittenOff)), "the loss is taken");
    books.bounds.insert("till-1".into(), Bounds { written_off: true, ..Bounds::default() });
    assert_eq!(books.one(&till(1), START, accept(1, 1)), Settlement::Confirmed, "it counts");
    books.one(&till(1), START, accept(2, 1));
    let case = books.case(CaseClass::WrittenOff);
    assert_eq!((case.sides.len(), case.value), (2, 1_000), "with what it came to");
}

#[test]
fn the_first_decision_stands_and_later_ones_are_kept() {
    let mut books = Books::of(1);
    books.one(&till(1), START, accept(1, 1));
    books.one(&till(2), START, accept(2, 1));
    let case = books.case(CaseClass::Duplicate).id.clone();
    let elsewhere = books.one(&till(3), START, resolve(20, &case, line::Decision::NoFault));
    assert_eq!(elsewhere, Settlement::CaseUnknown, "a store that has no part in it");
    let first = books.one(&till(1), START, resolve(21, &case, line::Decision::CustomerCharged));
    assert_eq!(first, Settlement::Resolved, "the first one stands");
    let second = books.one(&till(2), START, resolve(22, &case, line::Decision::WrittenOff));
    let stands = "customer_charged".to_owned();
    assert_eq!(second, Settlement::ResolvedBefore { decision: stands }, "the second hears of it");
    assert_eq!(books.decisions.len(), 3, "and all are on record");
}

fn line_of(seq: u64, when: i64, heard: Option<i64>, act: Act) -> Line {
    let clock =
        heard.map(|heard| line::Witness { run: "0".repeat(16), mono: 1, wall: None, heard: Some(heard) });
    Line {
        version: LINE_VERSION,
        device: "till-1".into(),
        epoch: 1,
        seq,
        prev: GENESIS,
        at: when,
        clock,
        act,
    }
}

#[test]
fn a_line_that_knows_a_time_of_the_servers_cannot_be_older_than_that() {
    let mut books = Books::of(2);
    books.now += 60 * MINUTE;
    let mut world = books.world(&till(1));
    let at = |seq| LineAt { epoch: 1, seq, branch: None };
    world.apply(at(1), &line_of(1, START, None, accept(1, 1)));
    world.apply(at(2), &line_of(2, START + MINUTE, Some(START + 30 * MINUTE), accept(2, 1)));
    books.write(world);
    let case = books.case(CaseClass::Clock);
    assert_eq!((case.reason.as_str(), case.sides.len()), ("behind", 1), "the first line proves nothing");
    assert_eq!(case.sides[0].not_before, START + 30 * MINUTE, "the second knew what time it was");
}

#[test]
fn a_line_and_its_twin_on_a_branch_open_two_cases() {
    let mut books = Books::of(1);
    books.bounds.insert("till-1".into(), Bounds { last_at: START + 60 * MINUTE, ..Bounds::default() });
    books.now += 60 * MINUTE;
    let unknown = |number, id: &str| {
        let begun = Begun { entitlement: id.into(), ..begun(number, 1) };
        decided(number, Some(begun), Outcome::Accepted)
    };
    let mut world = books.world(&till(1));
    world.apply(
        LineAt { epoch: 1, seq: 4, branch: None },
        &line_of(4, START + 60 * MINUTE, None, unknown(1, "x")),
    );
    let twin = LineAt { epoch: 1, seq: 4, branch: Some([7; 32]) };
    world.apply_branch(twin, &line_of(4, START, None, unknown(2, "y")));
    world.forked(twin);
    books.write(world);
    let classes: Vec<CaseClass> = books.cases.values().map(|case| case.class).collect();
    assert_eq!(classes.iter().filter(|class| **class == CaseClass::Unknown).count(), 2, "{classes:?}");
    assert!(!classes.contains(&CaseClass::Clock), "the other history has times of its own");
    let mut world = books.world(&till(1));
    world.readmitted(2, "两台机器");
    books.write(world);
    let fork = books.case(CaseClass::Fork);
    assert_eq!((fork.open, fork.decision), (false, Some(Decision::Readmitted)), "until it is let in again");
}
