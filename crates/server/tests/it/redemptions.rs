//! Counting online: once, whatever is repeated, refused with a reason, voided for good.

use model::code::{Code, CodeKind};
use reqwest::{Method, StatusCode};
use server::store::NewEntitlement;
use wire::api::{Fate, Found, Lookup, Redeem, Redeemed};
use wire::entitlement::{Kind, Standing, Take};

use crate::support::{START, Shop, coupon, problem};

fn reason(answer: &Redeemed) -> &str {
    match answer {
        Redeemed::Counted => "counted",
        Redeemed::Refused { reason, .. } => reason,
    }
}

#[tokio::test]
async fn the_same_number_gets_the_same_answer_and_counts_once() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(2)).await;
    let number = shop.number();
    let first = till.put(number, &till.asking(&coupon.id)).await;
    let again = till.put(number, &till.asking(&coupon.id)).await;
    assert_eq!(first.0, StatusCode::OK, "it is counted: {}", first.1);
    assert_eq!(first, again, "byte for byte");
    assert_eq!(shop.taken(&coupon.id).await, 1, "a repeat takes nothing");

    let other = Redeem { clerk: "王强".into(), ..till.asking(&coupon.id) };
    let (status, text) = till.put(number, &other).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::CONFLICT, "number_reused"), "{text}");
    let elsewhere = shop.till(&shop.there).await;
    let (status, text) = elsewhere.put(number, &till.asking(&coupon.id)).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::CONFLICT, "number_reused"), "{text}");
}

#[tokio::test]
async fn a_text_that_no_database_can_hold_is_turned_away_in_words() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    let by = Redeem { clerk: "李\0娜".into(), ..till.asking(&coupon.id) };
    let (status, text) = till.put(shop.number(), &by).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::BAD_REQUEST, "bad_request"), "{text}");
    let (status, text) = till.call(Method::GET, "/v1/feeds/a%00b", None::<&()>).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::BAD_REQUEST, "bad_request"), "{text}");
    assert_eq!(shop.taken(&coupon.id).await, 0, "and nothing is taken");
}

#[tokio::test]
async fn of_many_tills_at_once_exactly_one_gets_the_coupon() {
    let shop = Shop::open().await;
    for round in 0..5 {
        let coupon = shop.issue(coupon(1)).await;
        let mut racing = Vec::new();
        for store in [&shop.here, &shop.there, &shop.here, &shop.there] {
            let (till, number, id) = (shop.till(store).await, shop.number(), coupon.id.clone());
            racing.push(tokio::spawn(async move { till.redeem(number, &id).await }));
        }
        let mut answers = Vec::new();
        for racer in racing {
            answers.push(racer.await.unwrap());
        }
        let counted = answers.iter().filter(|answer| **answer == Redeemed::Counted).count();
        assert_eq!(counted, 1, "round {round}: one wins, whoever it is: {answers:?}");
        let losers_know = answers.iter().all(|answer| match answer {
            Redeemed::Counted => true,
            Redeemed::Refused { reason, earlier } => reason == "used" && earlier.is_some(),
        });
        assert!(losers_know, "round {round}: the others are told by whom it was used: {answers:?}");
        assert_eq!(shop.taken(&coupon.id).await, 1, "round {round}: one use is on record");
    }
}

#[tokio::test]
async fn every_refusal_names_its_reason_and_is_kept() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let day = 86_400_000;
    let cases: Vec<(NewEntitlement, &str)> = vec![
        (NewEntitlement { standing: Standing::Refunded, ..coupon(1) }, "refunded"),
        (NewEntitlement { standing: Standing::Frozen, ..coupon(1) }, "frozen"),
        (NewEntitlement { valid_until: Some(START - 1), ..coupon(1) }, "expired"),
        (NewEntitlement { valid_from: Some(START + day), ..coupon(1) }, "not_yet"),
        (NewEntitlement { stores: Some(vec![shop.there.id.clone()]), ..coupon(1) }, "wrong_store"),
    ];
    for (new, expected) in cases {
        let issued = shop.issue(new).await;
        let number = shop.number();
        assert_eq!(reason(&till.redeem(number, &issued.id).await), expected, "the reason is told");
        shop.store().set_standing(&issued.id, Standing::Good).await.unwrap();
        let repeat = till.redeem(number, &issued.id).await;
        assert_eq!(reason(&repeat), expected, "the answer to a number does not change");
        assert_eq!(shop.taken(&issued.id).await, 0, "nothing was taken");
    }
    assert_eq!(reason(&till.redeem(shop.number(), "coupon-0").await), "never_issued", "an unknown id");
    let one = shop.issue(coupon(1)).await;
    let too_many = Redeem { takes: vec![Take { sku: "coupon".into(), quantity: 2 }], ..till.asking(&one.id) };
    let (_, text) = till.put(shop.number(), &too_many).await;
    assert!(text.contains("not_enough_left"), "more than there is: {text}");
    let nothing = Redeem { takes: Vec::new(), ..till.asking(&one.id) };
    let (_, text) = till.put(shop.number(), &nothing).await;
    assert!(text.contains("nothing_chosen"), "nothing at all: {text}");
}

#[tokio::test]
async fn an_order_is_taken_whole_or_not_at_all() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let mut new = NewEntitlement { kind: Kind::Order, ..coupon(3) };
    let second = wire::entitlement::Line { sku: "cake".into(), quantity: 1, ..new.lines[0].clone() };
    new.lines.push(second);
    let order = shop.issue(new).await;
    let take = |sku: &str, quantity| Take { sku: sku.into(), quantity };
    let asks = [
        (vec![take("coupon", 1), take("cake", 2)], "not_enough_left", 0),
        (vec![take("coupon", 1), take("other", 1)], "not_enough_left", 0),
        (vec![take("coupon", 1), take("coupon", 1)], "not_enough_left", 0),
        (vec![take("coupon", 2), take("cake", 1)], "counted", 3),
        (vec![take("cake", 1)], "not_enough_left", 3),
        (vec![take("coupon", 1)], "counted", 4),
    ];
    for (takes, expected, taken) in asks {
        let body = Redeem { takes, ..till.asking(&order.id) };
        let (_, text) = till.put(shop.number(), &body).await;
        let answer: Redeemed = serde_json::from_str(&text).unwrap();
        assert_eq!(reason(&answer), expected, "{:?}", body.takes);
        assert_eq!(shop.taken(&order.id).await, taken, "after {:?}", body.takes);
    }
}

#[tokio::test]
async fn a_number_that_was_asked_for_is_counted_or_void_for_good() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    let lost = shop.number();
    assert_eq!(till.ask(lost).await, Fate::Voided, "it never came");
    let (status, text) = till.put(lost, &till.asking(&coupon.id)).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::CONFLICT, "voided"), "{text}");
    assert_eq!(shop.taken(&coupon.id).await, 0, "the late copy of the request does nothing");
    assert_eq!(till.ask(lost).await, Fate::Voided, "and it stays so");

    let counted = shop.number();
    till.redeem(counted, &coupon.id).await;
    for _ in 0..2 {
        let Fate::Counted(done) = till.ask(counted).await else { panic!("it was counted") };
        assert_eq!((done.clerk.as_str(), done.store.as_str()), ("李娜", "南山店"), "with its circumstances");
    }
}

#[tokio::test]
async fn a_lookup_finds_codes_and_members_with_what_is_theirs() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let kind = Kind::Member { tier: "金卡".into(), points: 10, balance: 0 };
    let member = shop.issue(NewEntitlement { kind, lines: Vec::new(), ..coupon(1) }).await;
    let theirs = shop.issue(NewEntitlement { member: Some(member.id.clone()), ..coupon(1) }).await;
    shop.issue(coupon(1)).await;
    till.redeem(shop.number(), &theirs.id).await;

    let by_code = Lookup::Code { code: member.code.grouped() };
    let (status, text) = till.call(Method::POST, "/v1/lookups", Some(&by_code)).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let found: Found = serde_json::from_str(&text).unwrap();
    assert_eq!(found.entitlement.id, member.id, "the membership");
    let ids: Vec<&str> = found.coupons.iter().map(|coupon| coupon.id.as_str()).collect();
    assert_eq!(ids, [theirs.id.as_str()], "its coupons and nobody else's");
    assert_eq!(found.coupons[0].uses.len(), 1, "with their uses");
    assert!(!text.contains(member.code.secret()), "a till is told the tail of a code, never the whole");

    let never = Lookup::Code { code: Code::issue(CodeKind::Coupon, [9; 17]).secret().into() };
    for lookup in [never, Lookup::Id { id: "coupon-0".into() }] {
        let (status, text) = till.call(Method::POST, "/v1/lookups", Some(&lookup)).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::NOT_FOUND, "never_issued"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_restart() {
    let mut shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    let number = shop.number();
    let first = till.put(number, &till.asking(&coupon.id)).await;
    till.begin(shop.number(), &coupon.id, START);
    let intake = till.push(0).await;
    let before = till.page(0, 0).await;

    shop.restart().await;
    till.url = shop.url();
    assert_eq!(till.put(number, &till.asking(&coupon.id)).await, first, "the same answer as before");
    assert_eq!(till.push(0).await, intake, "the same head as before");
    let after = till.page(0, 0).await;
    assert_eq!((after.epoch, after.entries), (before.epoch, before.entries), "the feed goes on where it was");
}
