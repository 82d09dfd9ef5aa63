//! Malls' codes: issued under a profile, told in the feeds without the code, found by their stretched name.

use model::profile;
use model::reading::{Reading, read};
use model::time::UnixMs;
use reqwest::{Method, StatusCode};
use server::store::{Held, IssueRefused, Issuing, NewCode, NewEntitlement, Turn};
use wire::api::{Candidates, Setup, Wanted};
use wire::codes::{Stretched, hex, stretch, stretched_hash, unhex};
use wire::entitlement::Kind;

use crate::support::{START, Shop, Till, coupon, problem, send};

const DAY: i64 = 86_400_000;

async fn uses(shop: &Shop, names: &[&str]) {
    for name in names {
        let ready =
            wire::profile::ready().into_iter().find(|ready| ready.name == *name).expect("it is ready");
        shop.store().use_profile(&ready, Turn::AsItIs).await.expect("the database works");
    }
}

fn mall(new: NewEntitlement, profile: &str, code: &str, order: &str) -> Issuing {
    let code = NewCode::Opaque { profile: profile.into(), code: code.into(), order: order.into() };
    Issuing { new, reference: String::new(), request: Vec::new(), code }
}

async fn issue(shop: &Shop, issuing: &Issuing) -> Held {
    shop.store().issue_as(issuing).await.expect("the database works").expect("it is issued")
}

/// What a till makes of a scan: the stretched code under each profile that fits.
async fn scan(till: &Till, text: &str) -> Vec<Stretched> {
    let setup: Setup = till.get("/v1/setup").await;
    let profiles: Vec<profile::Profile> =
        setup.profiles.iter().map(|told| told.try_into().expect("a profile of the contract")).collect();
    let salt = unhex(&setup.code_salt).expect("16 bytes");
    match read(text, &profiles, UnixMs(START)) {
        Reading::Opaque(codes) => codes.iter().map(|code| stretch(&salt, code)).collect(),
        other => panic!("{text} is a mall's code, not {other:?}"),
    }
}

async fn ask(till: &Till, stretched: &[Stretched]) -> Candidates {
    let wanted = Wanted { stretched: stretched.iter().map(|code| hex(code)).collect() };
    let (status, text) = till.call(Method::POST, "/v1/candidates", Some(&wanted)).await;
    assert_eq!(status, StatusCode::OK, "a question gets an answer: {text}");
    serde_json::from_str(&text).expect("the contract's answer")
}

/// The ids of what a scan may stand for.
async fn meant(till: &Till, text: &str) -> Vec<String> {
    let mut ids: Vec<String> = ask(till, &scan(till, text).await)
        .await
        .candidates
        .into_iter()
        .map(|found| found.entitlement.id)
        .collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(held: [&Held; N]) -> Vec<String> {
    let mut ids: Vec<String> = held.iter().map(|held| held.entitlement.id.clone()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_malls_code_is_found_without_travelling() {
    let shop = Shop::open().await;
    uses(&shop, &["crmeb-php"]).await;
    let (here, there) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let only_here = NewEntitlement { stores: Some(vec![shop.here.id.clone()]), ..coupon(1) };
    let order = issue(&shop, &mall(only_here, "crmeb-php", "4821 0034 9012", "")).await;
    assert_eq!(order.code.secret(), "482100349012", "it is kept as the profile reads it");
    assert_eq!(order.entitlement.code_tail, "9012", "a clerk sees its end");

    let stretched = scan(&here, "482100349012").await;
    let key = unhex(&here.enrolled.store_key).expect("32 bytes");
    let page = here.page(0, 0).await;
    assert_eq!(page.entries[0].code_hash, stretched_hash(&key, &stretched[0]), "the copy finds it offline");
    assert!(!serde_json::to_string(&page).unwrap().contains("482100349012"), "the feed does not tell it");
    assert_eq!(meant(&here, "482100349012").await, sorted([&order]), "and the server finds it");
    assert_eq!(
        meant(&there, "482100349012").await,
        sorted([&order]),
        "so that another store hears whose it is"
    );
    assert!(meant(&here, "482100349013").await.is_empty(), "another code stands for nothing");
}

#[tokio::test]
async fn a_short_code_stands_for_what_this_store_can_give_today() {
    let shop = Shop::open().await;
    uses(&shop, &["shopxo"]).await;
    let (here, there) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let at = |store: &wire::entitlement::Store| Some(vec![store.id.clone()]);
    let order = |new: NewEntitlement| mall(NewEntitlement { kind: Kind::Order, ..new }, "shopxo", "4821", "");
    let first = issue(&shop, &order(NewEntitlement { stores: at(&shop.here), ..coupon(1) })).await;
    let second = issue(&shop, &order(NewEntitlement { stores: at(&shop.here), ..coupon(2) })).await;
    let anywhere = issue(&shop, &order(coupon(1))).await;
    let elsewhere = issue(&shop, &order(NewEntitlement { stores: at(&shop.there), ..coupon(1) })).await;
    issue(&shop, &order(NewEntitlement { valid_until: Some(START - DAY), ..coupon(1) })).await;
    issue(&shop, &order(NewEntitlement { valid_from: Some(START + DAY), ..coupon(1) })).await;
    assert_eq!(meant(&here, "4821").await, sorted([&first, &second, &anywhere]), "what this store can give");
    assert_eq!(meant(&there, "4821").await, sorted([&elsewhere, &anywhere]), "and what the other can");
    let code = scan(&here, "4821").await[0];
    assert_eq!(ask(&here, &[code, code]).await.candidates.len(), 3, "asked twice, told once");

    here.redeem(shop.number(), &first.entitlement.id).await;
    here.redeem(shop.number(), &second.entitlement.id).await;
    let left = meant(&here, "4821").await;
    assert_eq!(left, sorted([&second, &anywhere]), "what is used up is not meant; what has some left is");
}

#[tokio::test]
async fn a_long_code_tells_that_it_is_used_and_a_member_has_its_coupons() {
    let shop = Shop::open().await;
    uses(&shop, &["crmeb-php", "fuint"]).await;
    let till = shop.till(&shop.here).await;
    let order = issue(&shop, &mall(coupon(1), "crmeb-php", "482100349012", "")).await;
    till.redeem(shop.number(), &order.entitlement.id).await;
    assert_eq!(meant(&till, "482100349012").await, sorted([&order]), "the clerk hears that it is used");

    let kind = Kind::Member { tier: "金卡".into(), points: 5, balance: 0 };
    let member = NewEntitlement { kind, lines: Vec::new(), ..coupon(1) };
    let member = issue(&shop, &mall(member, "fuint", "8123456789012", "")).await.entitlement.id;
    let theirs = shop.issue(NewEntitlement { member: Some(member.clone()), ..coupon(1) }).await;
    let found = ask(&till, &scan(&till, "8123456789012").await).await.candidates;
    assert_eq!(found.len(), 1, "one member");
    assert_eq!(
        (&found[0].entitlement.id, &found[0].coupons[0].id),
        (&member, &theirs.id),
        "with what is theirs"
    );
}

#[tokio::test]
async fn a_code_needs_its_order_and_one_that_looks_like_money_is_not_kept() {
    let shop = Shop::open().await;
    uses(&shop, &["fuint"]).await;
    let till = shop.till(&shop.here).await;
    let order = NewEntitlement { kind: Kind::Order, ..coupon(1) };
    let seventh = issue(&shop, &mall(order.clone(), "fuint", "4821", "7")).await;
    let eighth = issue(&shop, &mall(order, "fuint", "4821", "8")).await;
    assert_eq!(
        meant(&till, r#"{"orderId":7,"code":"4821"}"#).await,
        sorted([&seventh]),
        "the code of one order"
    );
    assert_eq!(meant(&till, r#"{"orderId":8,"code":"4821"}"#).await, sorted([&eighth]), "and of the other");

    let shown = "270115155500123456"; // five minutes before the tests happen, and six digits: as Alipay's are
    let coupon = issue(&shop, &mall(coupon(1), "fuint", shown, "")).await;
    assert_eq!(coupon.code.secret(), "", "it might be somebody's payment code, so that it is not kept");
    assert_eq!(coupon.entitlement.code_tail, "", "and no clerk sees its end");
    assert_eq!(meant(&till, shown).await, sorted([&coupon]), "it is found all the same");
}

#[tokio::test]
async fn what_no_till_could_read_is_not_issued() {
    let shop = Shop::open().await;
    uses(&shop, &["yudao"]).await;
    let refused = async |profile: &str, code: &str| {
        let issued =
            shop.store().issue_as(&mall(coupon(1), profile, code, "")).await.expect("the database works");
        issued.err().expect("it is refused")
    };
    assert_eq!(refused("yudao", "123").await, IssueRefused::CodeDoesNotFit("yudao".into()), "too short");
    assert_eq!(refused("shopxo", "1234").await, IssueRefused::NoProfile("shopxo".into()), "not in use");
    assert!(shop.store().stop_profile("yudao").await.unwrap(), "it was in use");
    assert_eq!(
        refused("yudao", "12345678").await,
        IssueRefused::NoProfile("yudao".into()),
        "no longer in use"
    );
}

#[tokio::test]
async fn a_question_has_its_limits() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    for stretched in [vec!["0".repeat(32); 17], vec!["0".repeat(31)], vec!["x".repeat(32)]] {
        let (status, text) = till.call(Method::POST, "/v1/candidates", Some(&Wanted { stretched })).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::BAD_REQUEST, "bad_request"),
            "{text}"
        );
    }
    let nothing = Wanted { stretched: Vec::new() };
    let (status, _) = send(&shop.url(), Method::POST, "/v1/candidates", "", Some(&nothing)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "tills only");
}

#[tokio::test]
async fn profiles_reach_the_tills_in_their_order_and_at_once() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let names = async || {
        let setup: Setup = till.get("/v1/setup").await;
        (setup.version, setup.profiles.into_iter().map(|told| told.name).collect::<Vec<_>>())
    };
    uses(&shop, &["yudao", "shopxo"]).await;
    let (before, told) = names().await;
    assert_eq!(told, ["yudao", "shopxo"], "in the order in which they were taken");
    let (page, ()) = tokio::join!(till.page(till.page(0, 0).await.last, 30), async {
        let ready =
            wire::profile::ready().into_iter().find(|ready| ready.name == "fuint").expect("it is ready");
        shop.store().use_profile(&ready, Turn::First).await.expect("the database works");
    });
    let (after, told) = names().await;
    assert_eq!(told, ["fuint", "yudao", "shopxo"], "or before all others");
    assert!(after > before && page.setup == after, "whoever waits for news hears of the new setup");
    shop.store().stop_profile("yudao").await.unwrap();
    assert_eq!(names().await.1, ["fuint", "shopxo"], "a stopped one is not told");
    uses(&shop, &["yudao"]).await;
    assert_eq!(names().await.1, ["fuint", "yudao", "shopxo"], "and comes back where it was");
}
