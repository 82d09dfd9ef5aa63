//! Each invariant can fail: what it allows stands beside what it does not.

use model::signed::key::SigningKey;
use till::cases::{DecidedHere, Heard};
use till::ledger::Resolved;
use wire::case::Side;
use wire::entitlement::{Circumstance, Kind, Line as Article, Take, Use};
use wire::line::{Act, Begun, Decided, Line, NamedTake, Outcome, Person, Settled};

use super::*;
use crate::hands::TurnedClock;

const NOW: i64 = TurnedClock::START.0;

fn letter(check: Check) -> &'static str {
    check.expect_err("this must be seen").letter
}

fn fine(check: Check) {
    assert_eq!(check, Ok(()), "this is allowed");
}

fn number(n: u8) -> String {
    format!("{n:032x}")
}

fn told(quantity: u32, uses: &[u8]) -> Entitlement {
    let use_ = |n: &u8| Use {
        number: number(*n),
        takes: vec![Take { sku: "coupon".into(), quantity: 1 }],
        done: Circumstance {
            at: NOW,
            device: "till-1".into(),
            till: "till 1".into(),
            store: "s".into(),
            clerk: "c".into(),
        },
    };
    Entitlement {
        id: "coupon-1".into(),
        version: 1,
        title: "t".into(),
        kind: Kind::TimesCard,
        lines: vec![Article {
            sku: "coupon".into(),
            name: "n".into(),
            variant: String::new(),
            shelf: String::new(),
            quantity,
        }],
        standing: Standing::Good,
        valid_from: Some(NOW - 1_000),
        valid_until: Some(NOW + 1_000),
        stores: None,
        spend_min: 0,
        value: 2_000,
        holder: String::new(),
        code_tail: "P9TD".into(),
        notes: vec![],
        uses: uses.iter().map(use_).collect(),
        member: None,
    }
}

fn row(n: u8) -> RedemptionRow {
    RedemptionRow {
        number: number(n),
        entitlement: "coupon-1".into(),
        title: "t".into(),
        code_tail: "P9TD".into(),
        takes: vec![Take { sku: "coupon".into(), quantity: 1 }],
        taken_back: vec![],
        at: NOW,
        received_at: NOW,
        store: "s".into(),
        till: "till 1".into(),
        clerk: "c".into(),
        undone: false,
    }
}

/// Writes a till's lines as the till would.
#[derive(Default)]
struct Pen {
    book: Book,
    last: Option<Kept>,
}

impl Pen {
    fn write(&mut self, at: i64, act: Act) -> &mut Pen {
        let prev = self.last.as_ref().map_or(line::GENESIS, |last| line::hash(&last.bytes));
        let seq = self.last.as_ref().map_or(0, |last| last.line.seq) + 1;
        let line = Line {
            version: line::LINE_VERSION,
            device: "till-1".into(),
            epoch: 1,
            seq,
            prev,
            at,
            clock: None,
            act,
        };
        let kept =
            Kept { bytes: line::encode(&line, &SigningKey::from_seed([1; 32])), line, written: (NOW, NOW) };
        self.last = Some(kept.clone());
        self.book.take_in(kept);
        self
    }

    fn accept(&mut self, n: u8, basis: Basis) -> &mut Pen {
        let act = Act::Decided(Decided {
            number: number(n),
            begun: Some(Box::new(begun(n))),
            outcome: Outcome::Accepted,
            reason: "redeemed".into(),
            basis,
            left: 0,
            quantity: 1,
            risk: None,
            earlier: None,
        });
        self.write(NOW, act)
    }

    fn undo(&mut self, n: u8, of: u8) -> &mut Pen {
        self.undo_some(n, of, &[])
    }

    fn undo_some(&mut self, n: u8, of: u8, takes: &[(&str, u32)]) -> &mut Pen {
        let takes = takes.iter().map(|(sku, quantity)| named(sku, *quantity)).collect();
        let (number, of, clerk) = (number(n), number(of), person());
        self.write(NOW, Act::Undone { number, of, clerk, takes, reason: String::new() })
    }

    /// Two teas and a cake are handed over.
    fn order(&mut self, n: u8) -> &mut Pen {
        let begun = Begun { takes: vec![named("tea", 2), named("cake", 1)], ..begun(n) };
        self.write(NOW, Act::Begun(begun));
        let act = Act::Decided(Decided {
            number: number(n),
            begun: None,
            outcome: Outcome::Accepted,
            reason: "redeemed".into(),
            basis: offline(),
            left: 0,
            quantity: 3,
            risk: None,
            earlier: None,
        });
        self.write(NOW, act)
    }

    fn resolve(&mut self, n: u8, decision: line::Decision) -> &mut Pen {
        let act = Act::Resolved {
            number: number(n),
            case: "case-1".into(),
            decision,
            note: String::new(),
            clerk: person(),
            seen: vec![],
        };
        self.write(NOW, act)
    }

    fn verdicts(&self) -> Vec<&Verdict> {
        self.book.verdicts.values().collect()
    }

    fn settle(&mut self, n: u8, settlement: Settlement) -> &mut Pen {
        let told = Settled { number: number(n), settlement };
        self.write(NOW, Act::Settled { settled: vec![told] })
    }
}

fn person() -> Person {
    Person { id: "c1".into(), name: "c".into() }
}

fn named(sku: &str, quantity: u32) -> NamedTake {
    NamedTake { sku: sku.into(), name: "n".into(), quantity }
}

fn begun(n: u8) -> Begun {
    Begun {
        number: number(n),
        entitlement: "coupon-1".into(),
        version: 1,
        kind: "coupon".into(),
        title: "t".into(),
        code_tail: "P9TD".into(),
        takes: vec![named("coupon", 1)],
        value: 2_000,
        clerk: person(),
        source: "wedge".into(),
        heard_at: NOW,
        asking: false,
        clock: None,
        policy: None,
        copy: None,
        proof: None,
    }
}

fn offline() -> Basis {
    Basis::Copy { as_of: NOW, silence: "timed_out".into() }
}

fn refused() -> Settlement {
    Settlement::Refused { case: "case-1".into(), reason: "refunded".into() }
}

#[test]
fn j_lines_that_are_missing_changed_or_out_of_order_are_seen() {
    let mut pen = Pen::default();
    pen.accept(1, offline()).accept(2, offline());
    let mut book = pen.book.clone();
    let deed = book.deeds.get(&number(1));
    fine(j1(&number(1), deed, 1));
    assert_eq!(letter(j1(&number(1), deed, 0)), "J1", "the line is not on the disk");
    assert_eq!(letter(j1(&number(9), None, 2)), "J1", "no line says so");
    fine(j2(&book, 1, 2));
    assert_eq!(letter(j2(&book, 1, 1)), "J2", "the last line is gone");
    book.shown.insert(number(9));
    assert_eq!(letter(j2(&book, 1, 2)), "J2", "what was shown is gone");
    fine(j3(1, 2));
    assert_eq!(letter(j3(1, 3)), "J3", "a number is left out");
    fine(j4(1, b"a", b"a"));
    assert_eq!(letter(j4(1, b"a", b"b")), "J4", "other bytes");
    let (first, second) = (&book.lines[&(1, 1)], &book.lines[&(1, 2)]);
    fine(j5(Some(first), second));
    assert_eq!(letter(j5(Some(second), second)), "J5", "it names another line");
    assert_eq!(letter(j5(None, second)), "J5", "it is not the first");
    fine(j6(None));
    assert_eq!(letter(j6(Some("set back"))), "J6", "the journal has a fault");
    fine(j8(&number(1), false));
    assert_eq!(letter(j8(&number(1), true)), "J8", "accepted in spite of it");
}

#[test]
fn s1_what_counts_twice_or_nowhere_or_too_often_is_seen() {
    let (one, two) = (row(1), row(2));
    fine(s1(&told(1, &[1]), &[&one]));
    fine(s1(&told(1, &[1]), &[&one, &RedemptionRow { undone: true, ..row(2) }]));
    assert_eq!(letter(s1(&told(2, &[1, 1]), &[&one])), "S1", "one redemption counts twice");
    assert_eq!(letter(s1(&told(2, &[1]), &[&one, &two])), "S1", "one counts and is not told");
    assert_eq!(letter(s1(&told(2, &[1, 2]), &[&one])), "S1", "one is told and does not count");
    assert_eq!(letter(s1(&told(1, &[1, 2]), &[&one, &two])), "S1", "more than there is");
}

#[test]
fn s_lost_lines_changed_answers_and_effects_without_cause_are_seen() {
    fine(s2(3, 3));
    assert_eq!(letter(s2(4, 3)), "S2", "an acknowledged line is not there");
    fine(s3("q", &"a", &"a"));
    assert_eq!(letter(s3("q", &"a", &"b")), "S3", "another answer");
    let mut pen = Pen::default();
    pen.accept(1, offline());
    let deed = pen.book.deeds.get(&number(1));
    fine(s4(&row(1), deed));
    assert_eq!(letter(s4(&row(1), None)), "S4", "nobody began it");
    let other = RedemptionRow { entitlement: "coupon-2".into(), ..row(1) };
    assert_eq!(letter(s4(&other, deed)), "S4", "it was begun for something else");
    fine(s5(2, &[3, 4], 4));
    assert_eq!(letter(s5(2, &[4], 4)), "S5", "a line is missing before it");
    assert_eq!(letter(s5(2, &[3], 4)), "S5", "the head promises more");
    fine(s11("waiting", 0, 0));
    assert_eq!(letter(s11("waiting", 1, 0)), "S11", "something still waits");
}

#[test]
fn s_feeds_that_leave_something_out_are_seen() {
    let one = |seq: u64, text: &str| BTreeMap::from([("a".to_owned(), (seq, text.to_owned()))]);
    fine(s6(&one(4, "x"), &one(4, "x")));
    assert_eq!(letter(s6(&one(4, "x"), &one(5, "y"))), "S6", "a follower missed a change");
    assert_eq!(letter(s6(&BTreeMap::new(), &one(4, "x"))), "S6", "a follower missed an entry");
    assert_eq!(letter(s6(&one(4, "x"), &BTreeMap::new())), "S6", "a follower holds what is not told");
    fine(s7(3, &[4, 5], 5));
    assert_eq!(letter(s7(3, &[5], 5)), "S7", "a number is left out");
    assert_eq!(letter(s7(3, &[5, 4], 5)), "S7", "out of order");
    fine(s10(&told(1, &[1]), Some(&told(1, &[1]))));
    assert_eq!(letter(s10(&told(1, &[1]), Some(&told(1, &[])))), "S10", "the copy does not know of the use");
    assert_eq!(letter(s10(&told(1, &[]), None)), "S10", "the copy does not know of it at all");
}

#[test]
fn r_more_than_there_is_is_seen() {
    let (mut one, mut other) = (Pen::default(), Pen::default());
    let answered = BTreeSet::from([1, 2, 3].map(number));
    one.accept(1, Basis::Server);
    other.accept(2, offline());
    fine(r3(&told(1, &[]), &[&one.book, &other.book], &answered));
    other.accept(3, Basis::Server);
    assert_eq!(letter(r3(&told(1, &[]), &[&one.book, &other.book], &answered)), "R3", "green at two tills");
    let forgotten = BTreeSet::from([number(3)]);
    fine(r3(&told(1, &[]), &[&one.book, &other.book], &forgotten));
    assert_eq!(letter(r4(&told(1, &[]), &other.book)), "R4", "one till, two of one");
    other.undo(4, 3);
    fine(r4(&told(1, &[]), &other.book));
    other.settle(4, refused());
    assert_eq!(letter(r4(&told(1, &[]), &other.book)), "R4", "the undo was refused");
    other.settle(2, refused());
    fine(r4(&told(1, &[]), &other.book));
}

#[test]
fn r6_a_budget_that_is_overdrawn_or_forgotten_is_seen() {
    let of = |count, fen| Sum { count, fen };
    let stake = Stake { at_home: false, customer: "coupon-1".into(), amount: 2_000 };
    let limits = (2_000, [of(3, 6_000), of(2, 5_000)]);
    fine(r6(&stake, [of(2, 4_000), of(1, 2_000)], &limits));
    for (before, what) in [
        ([of(3, 0), of(1, 0)], "the till has taken as many as it may"),
        ([of(2, 4_001), of(1, 0)], "the till has taken as much as it may"),
        ([of(2, 0), of(2, 0)], "the customer has had as many"),
        ([of(2, 4_000), of(1, 3_001)], "the customer has had as much"),
    ] {
        assert_eq!(letter(r6(&stake, before, &limits)), "R6", "{what}");
    }
    let dear = Stake { amount: 2_001, ..stake };
    assert_eq!(letter(r6(&dear, [of(0, 0); 2], &limits)), "R6", "too much at once");
    fine(r6_told([of(1, 2_000); 2], Some([of(1, 2_000); 2])));
    assert_eq!(letter(r6_told([of(1, 2_000); 2], Some([of(0, 0); 2]))), "R6", "the till has forgotten");
    assert_eq!(letter(r6_told([of(0, 0); 2], None)), "R6", "a line does not say");
}

#[test]
fn c5_a_worst_case_that_is_too_small_is_seen() {
    fine(c5(Some(6_000), Some(2_000), 6_000, 2_000));
    fine(c5(None, None, 6_000, 2_000));
    assert_eq!(letter(c5(Some(5_999), None, 6_000, 0)), "C5", "more can be lost than was told");
    assert_eq!(letter(c5(None, Some(0), 2_000, 2_000)), "C5", "less is told than is at risk");
}

#[test]
fn r8_an_acceptance_against_what_the_copy_says_is_seen() {
    let mut pen = Pen::default();
    pen.accept(1, offline());
    fine(r8(&told(1, &[]), &pen.book, &number(1)));
    assert_eq!(letter(r8(&told(1, &[7]), &pen.book, &number(1))), "R8", "somebody else has used it");
    let refunded = Entitlement { standing: Standing::Refunded, ..told(1, &[]) };
    assert_eq!(letter(r8(&refunded, &pen.book, &number(1))), "R8", "the money went back");
    pen.undo(2, 1).accept(3, offline());
    fine(r8(&told(1, &[1]), &pen.book, &number(3)));
}

#[test]
fn r10_acceptances_that_are_nowhere_are_seen() {
    fine(r10(&number(1), Some(&row(1)), &[]));
    assert_eq!(letter(r10(&number(1), None, &[])), "R10", "neither counted nor a case");
}

#[test]
fn r11_more_that_comes_back_than_went_out_is_seen() {
    let after = |undos: &[&[(&str, u32)]]| {
        let mut pen = Pen::default();
        pen.order(1);
        for (n, takes) in (2..).zip(undos) {
            pen.undo_some(n, 1, takes);
        }
        pen
    };
    let all: &[(&str, u32)] = &[];
    for undos in [&[all][..], &[&[("tea", 1)], &[("tea", 1), ("cake", 1)]], &[&[("tea", 1)], all]] {
        fine(r11(&after(undos).book));
    }
    for (undos, what) in [
        (&[all, all][..], "all of it twice"),
        (&[all, &[("tea", 1)]], "a piece after all of it"),
        (&[&[("tea", 2)], &[("tea", 1)]], "three of two"),
        (&[&[("cake", 2)]], "two of one"),
        (&[&[("milk", 1)]], "what was never handed over"),
        (&[&[("tea", 2), ("cake", 1)], all], "all of it once every piece is back"),
    ] {
        assert_eq!(letter(r11(&after(undos).book)), "R11", "{what}");
    }
    let mut pen = after(&[all, all]);
    pen.settle(2, refused());
    fine(r11(&pen.book));
    let mut pen = Pen::default();
    pen.undo(2, 1);
    assert_eq!(letter(r11(&pen.book)), "R11", "of something that was never begun");
}

#[test]
fn r11_what_counts_in_spite_of_its_return_is_seen() {
    let take = |sku: &str, quantity| Take { sku: sku.into(), quantity };
    let counting = |takes: &[Take]| RedemptionRow { takes: takes.to_vec(), ..row(1) };
    let mut pen = Pen::default();
    pen.order(1).undo_some(2, 1, &[("tea", 1)]);
    let deed = &pen.book.deeds[&number(1)];
    fine(r11_counted(&counting(&[take("tea", 1), take("cake", 1)]), deed));
    assert_eq!(letter(r11_counted(&counting(&[take("tea", 2), take("cake", 1)]), deed)), "R11", "all counts");
    assert_eq!(letter(r11_counted(&counting(&[take("tea", 1)]), deed)), "R11", "less counts");
    let undone = RedemptionRow { undone: true, ..counting(&[take("tea", 1), take("cake", 1)]) };
    assert_eq!(letter(r11_counted(&undone, deed)), "R11", "nothing counts");
    pen.undo(3, 1);
    fine(r11_counted(&undone, &pen.book.deeds[&number(1)]));
}

fn side(n: u8, standing: &str) -> Side {
    Side {
        number: number(n),
        standing: standing.into(),
        takes: vec![],
        done: told(1, &[n]).uses.remove(0).done,
        store_id: "store-1".into(),
        not_before: 0,
        received_at: NOW,
        line: None,
        relied: None,
    }
}

/// A case of two acceptances, with these decisions on it; closed by the one named, if one is.
fn case(decisions: &[&str], stands: &str) -> Case {
    let decided = |decision: &&str| wire::case::Decided {
        decision: (*decision).into(),
        note: String::new(),
        clerk: "c".into(),
        till: "till 1".into(),
        at: NOW,
    };
    Case {
        case: "case-1".into(),
        class: "duplicate".into(),
        reason: "used".into(),
        state: if stands.is_empty() { "open" } else { "resolved" }.into(),
        opened_at: NOW,
        changed_at: NOW,
        entitlement: "coupon-1".into(),
        title: "t".into(),
        value: 2_000,
        sides: vec![side(1, "counted"), side(2, "not_counted")],
        decisions: decisions.iter().map(decided).collect(),
        stands: stands.into(),
    }
}

#[test]
fn d_decisions_that_are_lost_or_overruled_are_seen() {
    let mut pen = Pen::default();
    pen.resolve(1, line::Decision::Paid);
    fine(d1("case-1", &pen.book, 1));
    assert_eq!(letter(d1("case-1", &pen.book, 0)), "D1", "the line is not on the disk");
    assert_eq!(letter(d1("case-2", &pen.book, 1)), "D1", "nobody decided on that one");

    let (open, paid) = (case(&[], ""), case(&["paid"], "paid"));
    let later = case(&["paid", "no_fault"], "no_fault");
    fine(d2(&open, &paid));
    assert_eq!(letter(d2(&paid, &later)), "D2", "a later decision stands");
    assert_eq!(letter(d2(&paid, &open)), "D2", "it is open again, and nothing has happened");
    let mut third = case(&["paid"], "");
    third.sides.push(side(3, "not_counted"));
    fine(d2(&paid, &third));

    fine(d3(&paid, &pen.verdicts()));
    assert_eq!(letter(d3(&open, &pen.verdicts())), "D3", "the decision is not kept");
    assert_eq!(letter(d3(&case(&["paid"], "no_fault"), &[])), "D3", "closed by a decision that nobody made");
    pen.settle(1, Settlement::Resolved);
    fine(d3_first(&paid, &pen.verdicts()));
    fine(d3_first(&case(&["paid", "taken_back"], "taken_back"), &pen.verdicts()));
    assert_eq!(letter(d3_first(&later, &pen.verdicts())), "D3", "somebody else was told to be the first");
}

#[test]
fn d4_a_till_that_shows_other_cases_than_its_store_has_is_seen() {
    let shown = |case: Case, here: Option<DecidedHere>| StoreCase {
        case,
        concerns: true,
        names: BTreeMap::new(),
        here,
    };
    let (open, paid) = (case(&[], ""), case(&["paid"], "paid"));
    fine(d4(&[&paid], &[shown(paid.clone(), None)]));
    assert_eq!(letter(d4(&[&paid], &[shown(open.clone(), None)])), "D4", "the decision is not shown");
    assert_eq!(letter(d4(&[&paid], &[])), "D4", "the case is not shown");
    assert_eq!(letter(d4(&[], &[shown(paid.clone(), None)])), "D4", "a case that is none is shown");
    let resolved = Resolved {
        number: number(1).parse().unwrap(),
        case: "case-1".into(),
        decision: line::Decision::Paid,
        note: String::new(),
        at: model::time::UnixMs(NOW),
        clerk: "c".into(),
        settlement: None,
    };
    let waits = Some(DecidedHere { resolved, heard: Heard::Waiting });
    assert_eq!(
        letter(d4(&[&open], &[shown(open.clone(), waits)])),
        "D4",
        "it is shown as decided here alone"
    );
}

#[test]
fn k_versions_that_go_back_and_tills_that_were_barred_are_seen() {
    fine(k2("list", 3, 3));
    assert_eq!(letter(k2("list", 3, 2)), "K2", "an older list");
    let mut ratchet = Ratchet::at(3);
    fine(ratchet.turn("list", 5, 0));
    assert_eq!(
        letter(ratchet.clone().turn("list", 4, 0)),
        "K2",
        "an older one, and nobody set the server back"
    );
    fine(ratchet.turn("list", 4, 1));
    assert_eq!(
        letter(ratchet.clone().turn("list", 3, 1)),
        "K2",
        "once more, for a server that was set back once"
    );
    fine(ratchet.turn("list", 6, 1));
    fine(ratchet.turn("list", 5, 2));
    fine(k5("v1/setup", 403));
    assert_eq!(letter(k5("v1/setup", 200)), "K5", "it was answered");
}

#[test]
fn t_times_that_run_backwards_and_codes_that_are_over_are_seen() {
    fine(t1(NOW, NOW));
    assert_eq!(letter(t1(NOW, NOW - 1)), "T1", "the time ran backwards");
    let mut pen = Pen::default();
    pen.write(NOW + CLOCK_TOLERANCE_MS, Act::Settled { settled: vec![] });
    let ahead = pen.last.as_ref().and_then(believable);
    assert_eq!(ahead, None, "a clock far ahead proves nothing");
    fine(t2(&told(1, &[]), NOW, NOW));
    assert_eq!(letter(t2(&told(1, &[]), NOW + 2_000, NOW)), "T2", "over");
    assert_eq!(letter(t2(&told(1, &[]), NOW - 2_000, 0)), "T2", "not yet good");
    assert_eq!(letter(t2(&told(1, &[]), NOW, NOW + 2_000)), "T2", "over, before the clock was set back");
}

#[test]
fn c4_p6_a_colour_that_lies_and_a_clerk_who_waits_are_seen() {
    fine(c4("n", true, Some(&Basis::Server), true));
    fine(c4("n", false, Some(&offline()), false));
    assert_eq!(letter(c4("n", true, Some(&offline()), true)), "C4", "green, and the line says amber");
    assert_eq!(letter(c4("n", false, Some(&Basis::Server), true)), "C4", "amber, and the line says green");
    assert_eq!(letter(c4("n", true, Some(&Basis::Server), false)), "C4", "green, and nobody counted it");
    fine(p6("scan", 1_500));
    assert_eq!(letter(p6("scan", 4_000)), "P6", "the clerk waited");
    fine(p500("v1/setup", 409));
    assert_eq!(letter(p500("v1/setup", 500)), "P500", "the server has a fault");
}
