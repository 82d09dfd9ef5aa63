//! Who is let in: wrong PINs, enrolment codes that are no good, and a till that the chain has barred.

use model::verdict::{Class, Reason};
use tests::shop::{FUTIAN, NANSHAN};
use tests::{Shop, goods};
use till::desk::Act;
use till::screen::{Line, Stage};
use till::till::LineState;
use till::words::{Language, sentence};

fn failed(stage: &Stage) -> Option<String> {
    let failed = match stage {
        Stage::SignIn { failed, .. } => failed.map(str::to_owned),
        Stage::Enrol { failed } => failed.clone(),
        other => panic!("a door was expected, not {other:?}"),
    };
    if let Some(code) = &failed {
        for language in Language::ALL {
            let key = format!("failed.{code}");
            assert_ne!(sentence(language, &key), key, "{code} has its sentence in {language:?}");
        }
    }
    failed
}

#[tokio::test]
async fn a_wrong_pin_is_said_and_five_lock_the_door_for_a_minute() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    till.desk().act(Act::SignOut).await;

    let stranger = till.sign_in("张伟", "2345").await;
    assert_eq!(failed(&stranger.stage).as_deref(), Some("clerk_unknown"), "张伟 works at the other store");
    for time in 1..5 {
        let screen = till.sign_in("李娜", "0000").await;
        assert_eq!(failed(&screen.stage).as_deref(), Some("wrong_pin"), "wrong PIN number {time}");
    }
    let screen = till.sign_in("李娜", "0000").await;
    assert_eq!(failed(&screen.stage).as_deref(), Some("pin_locked"), "the fifth locks the door");
    let screen = till.sign_in("李娜", "1234").await;
    assert_eq!(failed(&screen.stage).as_deref(), Some("pin_locked"), "for the right PIN too");
    shop.clock.turn_minutes(1);
    let screen = till.sign_in("李娜", "1234").await;
    assert!(matches!(screen.stage, Stage::Ready), "a minute later it opens: {:?}", screen.stage);
}

#[tokio::test]
async fn the_pin_is_checked_without_the_server() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    till.desk().act(Act::SignOut).await;
    shop.stop().await;
    assert!(matches!(till.sign_in("李娜", "1234").await.stage, Stage::Ready), "an outage locks nobody out");
}

#[tokio::test]
async fn each_bad_enrolment_code_has_its_sentence() {
    let shop = Shop::open().await;
    let till = shop.bare_till();
    let enrol = |code: String| {
        let (desk, address) = (till.desk().clone(), shop.url());
        async move { desk.act(Act::Enrol { address, code }).await }
    };

    let unknown = model::code::Code::issue(model::code::CodeKind::Enrolment, *b"nobody issued it!");
    assert_eq!(
        failed(&enrol(unknown.secret().into()).await.stage).as_deref(),
        Some("code_unknown"),
        "unknown"
    );
    assert_eq!(
        failed(&enrol("whatever".into()).await.stage).as_deref(),
        Some("code_unknown"),
        "no code at all"
    );
    let coupon = shop.coupon().await;
    let told = enrol(coupon.secret().into()).await;
    assert_eq!(failed(&told.stage).as_deref(), Some("code_unknown"), "a coupon enrols nobody");

    let late = shop.enrolment(NANSHAN).await;
    shop.clock.turn_minutes(11);
    assert_eq!(failed(&enrol(late.secret().into()).await.stage).as_deref(), Some("code_expired"), "too old");

    let used = shop.enrolment(NANSHAN).await;
    let other = shop.bare_till();
    other.till().enrol(&shop.url(), used.secret(), "").await.unwrap();
    assert_eq!(failed(&enrol(used.secret().into()).await.stage).as_deref(), Some("code_used_up"), "used up");

    let address = Act::Enrol { address: "not an address".into(), code: used.secret().into() };
    let told = till.desk().act(address).await;
    assert_eq!(failed(&told.stage).as_deref(), Some("bad_address"), "and an address that is none");

    let good = shop.enrolment(FUTIAN).await;
    let screen = enrol(good.grouped().to_lowercase()).await;
    assert!(
        matches!(screen.stage, Stage::SignIn { .. }),
        "a good one, typed as people type: {:?}",
        screen.stage
    );
    assert_eq!(screen.status.store.as_deref(), Some(FUTIAN), "joins the store that it was made for");
    let twice = till.till().enrol(&shop.url(), good.secret(), "").await.expect_err("it has a chain already");
    assert_eq!(twice.code(), "already_enrolled", "a till joins one chain");
}

#[tokio::test]
async fn two_tills_of_one_store_never_have_the_same_name() {
    let shop = Shop::open().await;
    let (one, two) = (shop.till("1号收银机").await, shop.till("1号收银机").await);
    assert_ne!(one.identity().till, two.identity().till, "a clerk can tell them apart");
    assert_ne!(one.identity().device, two.identity().device, "and so can the server");
}

#[tokio::test]
async fn a_barred_till_says_so_and_redeems_nothing() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(2)).await;
    till.sync().await;
    till.keep_in_sync();
    till.scan(coupons[0].code.secret()).await;
    shop.store().revoke(&till.identity().device).await.unwrap();

    let told = tests::counter::verdict(till.take(&[("coupon", 1)]).await);
    assert_eq!(
        (told.reason, told.class()),
        (Reason::TillRevoked, Class::Fault),
        "it is said in so many words"
    );
    till.until("the till knows that it is barred", |now| now.line == Some(LineState::Revoked)).await;
    assert_eq!(till.screen().status.line, Line::Revoked, "the bar above says so too");
    shop.clock.turn_minutes(1);
    let told = till.refused(coupons[1].code.secret()).await;
    assert_eq!(told.reason, Reason::TillRevoked, "and its copy does not decide instead");
    assert_eq!(shop.counted().await.len(), 0, "nothing was counted");
}
