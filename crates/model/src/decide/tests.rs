//! The rules, told as a clerk would tell them.

use super::*;
use crate::entitlement::{Benefit, EntitlementId, Fen, Stores};
use crate::place::{Circumstance, DeviceId, StoreId};
use crate::time::Window;

const NOON: UnixMs = UnixMs(1_800_000_000_000);

fn here() -> Place {
    Place { store: StoreId("nanshan".into()), device: DeviceId("till-1".into()) }
}

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.into(), name: sku.into(), variant: String::new(), shelf: String::new(), quantity }
}

fn known(kind: Kind, lines: Vec<Line>) -> Known {
    Known {
        entitlement: Entitlement {
            id: EntitlementId("e1".into()),
            version: 1,
            title: "t".into(),
            kind,
            lines,
            standing: Standing::Good,
            window: Window::default(),
            stores: Stores::Any,
            spend_min: Fen(0),
            value: Fen(2_000),
            holder: "王*".into(),
            code_tail: "P9TD".into(),
            notes: vec![],
            uses: vec![],
            member: None,
        },
        heard_at: NOON,
        origin: Origin::Server,
        mine: vec![],
        undone: BTreeSet::new(),
    }
}

fn coupon() -> Known {
    known(Kind::Coupon(Benefit::AmountOff(Fen(2_000))), vec![line("use", 1)])
}

fn number(n: u8) -> Number {
    Number::new(NOON, [n; 10])
}

fn use_of(n: u8, sku: &str, quantity: u32, device: &str, at: UnixMs) -> Use {
    Use {
        number: number(n),
        takes: vec![take(sku, quantity)],
        done: Circumstance {
            at,
            device: DeviceId(device.into()),
            till: "2号收银机".into(),
            store: "福田店".into(),
            clerk: "李娜".into(),
        },
    }
}

fn take(sku: &str, quantity: u32) -> Take {
    Take { sku: sku.into(), quantity }
}

fn alone(policy: &Policy) -> Alone<'_> {
    Alone {
        policy,
        unheard_seconds: 0,
        clock_off_ms: 0,
        clock_unsure: false,
        till: Tally::default(),
        customer: Tally::default(),
        manager: false,
    }
}

#[test]
fn a_good_coupon_is_offered_once() {
    let mut coupon = coupon();
    assert_eq!(offer(&coupon, &here(), NOON).map(|offer| offer.items[0].left), Ok(1), "one use is left");
    coupon.mine.push(use_of(1, "use", 1, "till-1", NOON));
    let refused = offer(&coupon, &here(), NOON.plus_seconds(8)).unwrap_err();
    assert_eq!(refused.reason, Reason::UsedHereJustNow, "eight seconds later, here: you did this");
    let refused = offer(&coupon, &here(), NOON.plus_seconds(JUST_NOW_SECONDS)).unwrap_err();
    assert_eq!(refused.reason, Reason::Used, "a minute later it is used");
}

#[test]
fn a_use_elsewhere_is_never_just_now() {
    let mut coupon = coupon();
    coupon.entitlement.uses.push(use_of(1, "use", 1, "till-2", NOON));
    let refused = offer(&coupon, &here(), NOON.plus_seconds(1)).unwrap_err();
    assert_eq!(refused.reason, Reason::Used, "another till's use is no 'you did this'");
    assert_eq!(refused.earlier.map(|earlier| earlier.done.clerk), Some("李娜".into()), "and says by whom");
}

#[test]
fn one_use_told_by_both_sides_counts_once() {
    let mut card = known(Kind::TimesCard, vec![line("coffee", 10)]);
    card.entitlement.uses =
        vec![use_of(1, "coffee", 1, "till-1", NOON), use_of(2, "coffee", 1, "till-2", NOON)];
    card.mine = vec![use_of(1, "coffee", 1, "till-1", NOON), use_of(3, "coffee", 1, "till-1", NOON)];
    assert_eq!(card.left(&card.entitlement.lines[0].clone()), 7, "numbers 1, 2 and 3, each once");
    card.undone.insert(number(3));
    card.mine.pop();
    assert_eq!(card.left(&card.entitlement.lines[0].clone()), 8, "what was taken back is free again");
    card.entitlement.uses.push(use_of(3, "coffee", 4, "till-1", NOON));
    card.mine.push(use_of(3, "coffee", 1, "till-1", NOON));
    assert_eq!(
        card.left(&card.entitlement.lines[0].clone()),
        7,
        "of what came back in part, the rest is out"
    );
}

#[test]
fn of_several_reasons_the_first_of_the_list_is_told() {
    let mut all = coupon();
    all.entitlement.window.until = Some(NOON.plus_seconds(-1));
    let reason = |known: &Known| offer(known, &here(), NOON).unwrap_err().reason;
    assert_eq!(reason(&all), Reason::Expired, "expired alone");
    all.entitlement.stores = Stores::Only(vec![(StoreId("futian".into()), "福田店".into())]);
    assert_eq!(reason(&all), Reason::WrongStore, "the store comes before the date");
    all.entitlement.uses.push(use_of(1, "use", 1, "till-2", NOON));
    assert_eq!(reason(&all), Reason::Used, "a use comes before the store");
    all.entitlement.standing = Standing::Refunded;
    assert_eq!(reason(&all), Reason::Refunded, "a refund comes before everything");
    let order = Reason::all();
    let place = |reason| order.iter().position(|listed| *listed == reason).unwrap();
    assert!(place(Reason::Refunded) < place(Reason::Used), "the list says the same");
    assert!(place(Reason::Used) < place(Reason::WrongStore), "the list says the same");
    assert!(place(Reason::WrongStore) < place(Reason::Expired), "the list says the same");
}

#[test]
fn an_order_can_be_picked_up_in_part_and_never_beyond() {
    let order = known(Kind::Order, vec![line("tea", 2), line("cake", 1)]);
    let policy = Policy::default();
    let answer = |takes: &[Take]| {
        conclude(&order, takes, &here(), NOON, Answer::Silent(Silence::TimedOut), &alone(&policy))
    };
    assert_eq!(answer(&[take("tea", 1)]).reason, Reason::PartlyPickedUp, "one tea and the cake stay");
    assert_eq!(answer(&[take("tea", 2), take("cake", 1)]).reason, Reason::PickedUp, "nothing stays");
    for wrong in [vec![take("tea", 3)], vec![take("beer", 1)], vec![take("tea", 1), take("tea", 2)]] {
        assert_eq!(answer(&wrong).reason, Reason::NotEnoughLeft, "{wrong:?}");
    }
    for nothing in [vec![], vec![take("tea", 0)]] {
        assert_eq!(answer(&nothing).reason, Reason::NothingChosen, "{nothing:?}");
    }
}

#[test]
fn silence_is_decided_from_the_copy_and_says_so() {
    let coupon = coupon();
    let silent = Answer::Silent(Silence::Unreachable);
    let policy = Policy::default();
    let decide = |now| conclude(&coupon, &[take("use", 1)], &here(), now, silent.clone(), &alone(&policy));
    let soon = decide(NOON.plus_seconds(3600));
    assert_eq!(soon.outcome, Outcome::Accepted, "a copy of an hour ago may decide");
    assert_eq!(
        soon.basis,
        Basis::Copy { as_of: NOON, silence: Silence::Unreachable },
        "and the verdict names its age and why"
    );
    let late = decide(NOON.plus_seconds(25 * 3600));
    assert_eq!((late.outcome, late.reason), (Outcome::Held, Reason::CopyTooOld), "a day-old copy may not");
}

#[test]
fn the_server_has_the_last_word() {
    let coupon = coupon();
    let policy = Policy::default();
    let decide = |answer| conclude(&coupon, &[take("use", 1)], &here(), NOON, answer, &alone(&policy));
    assert_eq!(decide(Answer::Counted).basis, Basis::Server, "counted by the server");
    let refused = decide(Answer::Refused(Reason::Refunded.into()));
    assert_eq!(
        (refused.outcome, refused.reason),
        (Outcome::Refused, Reason::Refunded),
        "refused by the server"
    );
}

#[test]
fn a_managers_yes_is_written_down_as_such_and_only_where_it_was_needed() {
    let coupon = coupon();
    let policy = Policy::default();
    let spent = Tally { count: 15, fen: Fen(30_000) };
    let decide = |till, manager| {
        let alone = Alone { till, manager, ..alone(&policy) };
        conclude(&coupon, &[take("use", 1)], &here(), NOON, Answer::Silent(Silence::TimedOut), &alone)
    };
    let asked = decide(spent, false);
    assert_eq!((asked.outcome, asked.reason), (Outcome::Held, Reason::OverTillCap), "300 yuan are spent");
    assert!(asked.may_ask, "and a manager may go on");
    let yes = decide(spent, true);
    assert_eq!(yes.outcome, Outcome::Accepted, "as this one does");
    assert_eq!(
        yes.basis,
        Basis::Override { as_of: NOON, silence: Silence::TimedOut },
        "and the verdict rests on that"
    );
    let needless = decide(Tally::default(), true);
    assert_eq!(
        needless.basis,
        Basis::Copy { as_of: NOON, silence: Silence::TimedOut },
        "where the clerk could decide, the manager did not"
    );
    let beyond = decide(Tally { count: 30, fen: Fen(60_000) }, true);
    assert_eq!((beyond.outcome, beyond.may_ask), (Outcome::Held, false), "beyond 600 yuan nobody may");
}

#[test]
fn a_managers_yes_revives_nothing_that_is_known_to_be_gone() {
    let mut coupon = coupon();
    coupon.entitlement.uses.push(use_of(1, "use", 1, "till-2", NOON));
    let policy = Policy::default().without_limits();
    let alone = Alone { manager: true, ..alone(&policy) };
    let told = conclude(&coupon, &[take("use", 1)], &here(), NOON, Answer::Silent(Silence::TimedOut), &alone);
    assert_eq!((told.outcome, told.reason), (Outcome::Refused, Reason::Used), "used is used");
}

#[test]
fn only_the_servers_word_is_without_risk() {
    let (coupon, policy) = (coupon(), Policy::default());
    for manager in [false, true] {
        for origin in [Origin::Server, Origin::Copy(Silence::TimedOut), Origin::Signature(Silence::TimedOut)]
        {
            let known = Known { origin, ..coupon.clone() };
            let alone = Alone { manager, ..alone(&policy) };
            let silent = Answer::Silent(Silence::TimedOut);
            let told = conclude(&known, &[take("use", 1)], &here(), NOON, silent, &alone);
            assert!(told.basis.at_risk() && told.facts.is_some(), "{origin:?} without an answer is at risk");
        }
    }
    let counted = conclude(&coupon, &[take("use", 1)], &here(), NOON, Answer::Counted, &alone(&policy));
    assert!(!counted.basis.at_risk(), "the server's word is not");
}
