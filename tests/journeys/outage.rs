//! A long outage: what a clerk may decide, what a manager may, what nobody may, and what all of it can cost.

use model::entitlement::Fen;
use model::policy::{Ceiling, Policy};
use model::verdict::{Basis, Class, Reason};
use server::store::NewEntitlement;
use tests::cord::Way;
use tests::counter::{offer, usual_takes, verdict};
use tests::shop::{FUTIAN, NANSHAN};
use tests::signing::COUPONS;
use tests::{Counter, Shop, goods};
use till::desk::Act;
use till::screen::{ApprovalCard, Screen, Stage};

/// Who may say yes at 南山店, and with which PIN.
const MANAGER: (&str, &str) = ("王强", "8888");

/// A shop with a manager, and with the policy that the program comes with.
async fn shop() -> Shop {
    let shop = Shop::open().await;
    shop.set_policy(&Policy::default()).await;
    shop.add_manager(NANSHAN, MANAGER.0, MANAGER.1).await;
    shop
}

async fn confirm(till: &Counter, code: &str) -> Screen {
    // A card that is put aside lets the same code be scanned again at once.
    till.desk().act(Act::Next).await;
    let screen = till.scan(code).await;
    let takes = usual_takes(offer(&screen));
    till.desk().act(Act::Confirm(takes)).await
}

#[track_caller]
fn approval(screen: Screen) -> ApprovalCard {
    match screen.stage {
        Stage::Approval(card) => card,
        other => panic!("a manager should be asked for, not {other:?}"),
    }
}

async fn approve(till: &Counter, pin: &str) -> Screen {
    let (manager, pin, why) = (MANAGER.0.into(), pin.into(), "payment_seen".into());
    till.desk().act(Act::Approve { manager, pin, why }).await
}

fn worst(till: &Counter) -> i64 {
    till.screen().status.exposure.worst.expect("the policy sets limits").0
}

#[tokio::test]
async fn an_outage_has_its_limit_and_neither_a_restart_nor_a_clock_gives_it_back() {
    let shop = shop().await;
    let (mut till, clock) = shop.till_with_own_clock("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(18)).await;
    till.sync().await;
    assert_eq!(worst(&till), 0, "with the line up nothing is at risk");
    till.cord.cut();
    let mut numbers = vec![];
    for coupon in &coupons[..15] {
        clock.turn_seconds(20);
        numbers.push(till.redeem(&coupon.code).await.number.expect("each is taken"));
    }
    let most = 1_000_000 + 60_000;
    assert_eq!(till.screen().status.exposure.at_risk, Fen(30_000), "fifteen times 20 yuan are at risk");
    assert_eq!(worst(&till), most, "and with every manager's yes it can be no more than this");
    let card = approval(confirm(&till, coupons[15].code.secret()).await);
    assert_eq!((card.reason, card.amount), (Reason::OverTillCap, Fen(2_000)), "300 yuan are the limit");

    till.restart().await;
    assert_eq!(
        approval(confirm(&till, coupons[15].code.secret()).await).facts.till.fen,
        Fen(30_000),
        "the journal remembers what was spent"
    );
    till.undo(numbers[14]).await;
    clock.turn_seconds(20);
    assert_eq!(till.redeem(&coupons[15].code).await.reason, Reason::Redeemed, "an undo gives back its part");
    approval(confirm(&till, coupons[16].code.secret()).await);
    for ahead in [4 * 3600, -2 * 3600] {
        clock.set_ahead_seconds(ahead);
        let asked = approval(confirm(&till, coupons[16].code.secret()).await);
        assert_eq!(asked.facts.till.fen, Fen(30_000), "whatever is done to the clock");
    }
    clock.set_ahead_seconds(-2 * 3600);

    till.cord.mend();
    till.sync().await;
    till.sync().await;
    assert_eq!(
        (till.standing().waiting, worst(&till)),
        (0, 0),
        "settled, the outage is over and costs nothing"
    );
    assert_eq!(shop.counting_numbers().await.len(), 15, "fifteen count");
    till.cord.cut();
    clock.turn_seconds(20);
    till.desk().act(Act::Next).await;
    assert_eq!(
        till.redeem(&coupons[16].code).await.reason,
        Reason::Redeemed,
        "the next one has its own limit"
    );
}

#[tokio::test]
async fn a_manager_lets_through_what_a_clerk_may_not_and_is_named_for_it() {
    let shop = shop().await;
    let mut policy = Policy::default();
    policy.away.per_till.fen = Ceiling::of(2_000, 4_000);
    shop.set_policy(&policy).await;
    let mut till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(3)).await;
    till.sync().await;
    till.cord.cut();
    till.redeem(&coupons[0].code).await;

    let asked = approval(confirm(&till, coupons[1].code.secret()).await);
    assert_eq!(asked.reason, Reason::OverTillCap, "the clerk's limit is reached");
    let names: Vec<&str> = asked.managers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [MANAGER.0], "who may say yes is on the card");
    assert_eq!(approval(approve(&till, "0000").await).failed, Some("wrong_pin"), "not with any PIN");
    let clerk = Act::Approve { manager: "李娜".into(), pin: "1234".into(), why: "regular".into() };
    assert_eq!(approval(till.desk().act(clerk).await).failed, Some("not_a_manager"), "nor may a clerk");
    let silent = Act::Approve { manager: MANAGER.0.into(), pin: MANAGER.1.into(), why: " ".into() };
    assert_eq!(approval(till.desk().act(silent).await).failed, Some("why_missing"), "nor without a reason");
    let done = verdict(approve(&till, MANAGER.1).await);
    assert_eq!((done.reason, done.unsent), (Reason::Redeemed, true), "the manager may");
    assert!(matches!(done.basis, Some(Basis::Override { .. })), "it rests on the manager: {:?}", done.basis);
    let approved = done.approved.expect("it is said who");
    assert_eq!((approved.by.as_str(), approved.why.as_str()), (MANAGER.0, "payment_seen"), "and why");

    let held = till.refused(coupons[2].code.secret()).await;
    assert_eq!((held.reason, held.class()), (Reason::OverTillCap, Class::Fault), "beyond 40 yuan nobody may");
    till.cord.mend();
    till.sync().await;
    assert_eq!(shop.counting_numbers().await.len(), 2, "both count, and what was only asked for does not");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look at anything");
    till.close().await;
    let said = format!("{:?}", till.journal());
    assert!(said.contains("Override { by: Person"), "the line names the manager: {said}");
    assert!(said.contains("rule: \"coupon.any\""), "and the rule");
}

#[tokio::test]
async fn five_wrong_pins_lock_the_managers_door_too() {
    let shop = shop().await;
    let mut policy = Policy::default();
    policy.away.per_till.fen = Ceiling::of(0, 4_000);
    shop.set_policy(&policy).await;
    let mut till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    till.cord.cut();
    approval(confirm(&till, coupon.secret()).await);
    for _ in 0..4 {
        approve(&till, "0000").await;
    }
    assert_eq!(approval(approve(&till, "0000").await).failed, Some("pin_locked"), "the fifth locks");
    till.restart().await;
    approval(confirm(&till, coupon.secret()).await);
    assert_eq!(
        approval(approve(&till, MANAGER.1).await).failed,
        Some("pin_locked"),
        "a restart opens nothing"
    );
    shop.clock.turn_minutes(2);
    assert_eq!(verdict(approve(&till, MANAGER.1).await).reason, Reason::Redeemed, "a minute does");
}

#[tokio::test]
async fn a_lost_answer_and_a_managers_yes_count_once() {
    let shop = shop().await;
    let mut policy = Policy::default();
    policy.away.per_till.fen = Ceiling::of(0, 4_000);
    shop.set_policy(&policy).await;
    let till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    let screen = till.scan(coupon.secret()).await;
    let takes = usual_takes(offer(&screen));
    till.cord.set(Way::LosesAnswers);
    approval(till.desk().act(Act::Confirm(takes)).await);
    assert_eq!(shop.counting_numbers().await.len(), 1, "the server has counted what the till never heard of");
    let done = verdict(approve(&till, MANAGER.1).await);
    assert_eq!(done.reason, Reason::Redeemed, "the manager lets it through");
    till.cord.mend();
    till.sync().await;
    till.sync().await;
    let number = done.number.expect("it has a number").to_string();
    assert_eq!(shop.counting_numbers().await, [number], "the one that was handed over counts, and only that");
    assert_eq!(shop.cases().await.len(), 0, "nobody has to look at it");
}

#[tokio::test]
async fn a_yes_that_comes_when_the_line_is_back_is_the_servers() {
    let shop = shop().await;
    let mut policy = Policy::default();
    policy.away.per_till.fen = Ceiling::of(0, 4_000);
    shop.set_policy(&policy).await;
    let till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    let screen = till.scan(coupon.secret()).await;
    let takes = usual_takes(offer(&screen));
    till.cord.set(Way::LosesAnswers);
    approval(till.desk().act(Act::Confirm(takes)).await);
    till.cord.mend();
    till.till().probe().await;
    let done = verdict(approve(&till, MANAGER.1).await);
    assert_eq!((done.reason, done.basis), (Reason::Redeemed, Some(Basis::Server)), "the server has the word");
    assert_eq!(done.approved, None, "and nobody is named for what nobody had to answer for");
    assert_eq!(shop.counting_numbers().await.len(), 1, "counted once");
}

#[tokio::test]
async fn what_others_can_give_out_is_bounded_and_what_is_ours_goes_out() {
    let shop = shop().await;
    let here = shop.store().store_named(NANSHAN).await.unwrap().unwrap().id;
    let till = shop.till("1号收银机").await;
    let dear = shop.issue_one(NewEntitlement { value: 5_001, ..goods::coupon() }).await;
    let order = goods::order(&[("D01", "茉莉奶绿", 2)]);
    let order = NewEntitlement { value: 20_000, stores: Some(vec![here]), ..order };
    let order = shop.issue_one(order).await;
    let member = shop.issue_one(goods::member()).await;
    let own = |_| NewEntitlement { member: Some(member.id.clone()), value: 1_000, ..goods::coupon() };
    let of_member = shop.issue(&(0..4).map(own).collect::<Vec<_>>()).await;
    till.sync().await;
    till.cord.cut();

    let told = till.refused(dear.code.secret()).await;
    assert_eq!(told.reason, Reason::OverRedemptionCap, "a foreign coupon above 50 yuan is not even offered");
    assert_eq!(till.redeem(&order.code).await.reason, Reason::PickedUp, "an order of this store goes out");
    for coupon in &of_member[..3] {
        assert_eq!(till.redeem(&coupon.code).await.reason, Reason::Redeemed, "three for one customer");
    }
    let asked = approval(confirm(&till, of_member[3].code.secret()).await);
    assert_eq!(asked.reason, Reason::OverCustomerCap, "the fourth is a manager's business");
    assert_eq!(till.screen().status.exposure.at_risk, Fen(20_000 + 3_000), "both purses are at risk");
}

#[tokio::test]
async fn a_list_of_a_night_decides_an_older_one_asks_and_one_of_a_day_does_not() {
    let shop = shop().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(3)).await;
    till.sync().await;
    till.cord.cut();
    shop.clock.turn_minutes(15 * 60);
    assert_eq!(till.redeem(&coupons[0].code).await.reason, Reason::Redeemed, "a night old");
    shop.clock.turn_minutes(2 * 60);
    assert_eq!(
        approval(confirm(&till, coupons[1].code.secret()).await).reason,
        Reason::CopyTooOld,
        "older than that: a manager"
    );
    assert_eq!(verdict(approve(&till, MANAGER.1).await).reason, Reason::Redeemed, "who may still decide");
    shop.clock.turn_minutes(8 * 60);
    let told = till.refused(coupons[2].code.secret()).await;
    assert_eq!((told.reason, told.class()), (Reason::CopyTooOld, Class::Fault), "a day old: nobody");
}

#[tokio::test]
async fn a_code_newer_than_the_list_is_taken_at_risk_where_the_policy_says_so() {
    for (not_covered, what) in [(Ceiling::NEVER, "held"), (Ceiling::of(500, 800), "asked for")] {
        let shop = shop().await;
        shop.set_policy(&Policy { not_covered, ..Policy::default() }).await;
        shop.sign_codes().await;
        let till = shop.till("1号收银机").await;
        till.sync().await;
        let fresh = shop.sign(COUPONS, 1).await.remove(0).1;
        till.cord.cut();
        if what == "held" {
            let held = till.refused(&fresh).await;
            assert_eq!(
                (held.reason, held.class()),
                (Reason::NotCovered, Class::Fault),
                "unless somebody says so"
            );
            continue;
        }
        let asked = approval(confirm(&till, &fresh).await);
        assert_eq!(asked.reason, Reason::NotCovered, "8 yuan are more than a clerk may");
        let done = verdict(approve(&till, MANAGER.1).await);
        assert_eq!(done.reason, Reason::Redeemed, "and a manager may");
        till.cord.mend();
        till.sync().await;
        assert_eq!(shop.counting_numbers().await.len(), 1, "and it counts");
    }
}

#[tokio::test]
async fn a_store_goes_by_its_own_policy_and_an_outage_in_dispute_stays_below_what_was_shown() {
    let shop = shop().await;
    let futian = shop.store().store_named(FUTIAN).await.unwrap().unwrap().id;
    let mut own = Policy::default();
    own.away.per_till.fen = Ceiling::of(1_000, 1_000);
    shop.store().set_policy(Some(&futian), &own).await.unwrap();
    let here = shop.till("1号收银机").await;
    let there = shop.till_at(FUTIAN, "2号收银机").await;
    let coupons = shop.issue(&goods::coupons(4)).await;
    here.sync().await;
    there.sync().await;
    here.cord.cut();
    let told = there.screen();
    assert_eq!(told.status.exposure.worst, Some(Fen(0)), "in touch");
    there.cord.cut();
    assert_eq!(
        there.refused(coupons[0].code.secret()).await.reason,
        Reason::OverTillCap,
        "福田店 has a narrower limit of its own"
    );
    let shown = {
        here.redeem(&coupons[0].code).await;
        worst(&here)
    };
    for coupon in &coupons[1..] {
        here.redeem(&coupon.code).await;
        assert_eq!(worst(&here), shown, "what can be lost was in the figure from the beginning");
    }
    there.cord.mend();
    // Two good calls end an outage.
    for _ in 0..2 {
        assert_eq!(there.till().probe().await, None, "the server answers");
    }
    for coupon in &coupons {
        shop.clock.turn_minutes(2);
        assert_eq!(there.redeem(&coupon.code).await.basis, Some(Basis::Server), "taken elsewhere meanwhile");
    }
    here.cord.mend();
    here.sync().await;
    let lost: i64 = shop.cases().await.iter().map(|case| case.value).sum();
    assert_eq!(lost, 8_000, "all four are in dispute");
    assert!(lost <= shown, "which is less than what was shown");
    assert_eq!(here.screen().status.exposure.worst, Some(Fen(0)), "and the outage is over");
    let told = shop.store().exposure().await.unwrap();
    let of = |name: &str| told.iter().find(|till| till.till == name).unwrap().clone();
    assert_eq!(
        (of("1号收银机").disputed, of("1号收银机").could),
        (8_000, Some(0)),
        "the server knows as much"
    );
    shop.clock.turn_minutes(6);
    let told = shop.store().exposure().await.unwrap();
    let silent = told.iter().find(|till| till.till == "2号收银机").unwrap();
    assert_eq!(
        (silent.in_touch, silent.could),
        (false, Some(1_001_000)),
        "a silent till may have spent it all"
    );
}
