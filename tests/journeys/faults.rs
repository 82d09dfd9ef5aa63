//! The server, or what stands in its place, does it wrong in every way there is: the copy decides within the deadline,
//! and the reason is said in words.

use model::verdict::{Basis, Reason, Silence};
use tests::counter::verdict;
use tests::faults::Fault;
use tests::{Shop, goods};
use till::screen::Line;
use till::till::DEADLINE;
use till::words::{Language, sentence};
use tokio::time::{Duration, Instant};

/// What a busy machine may take on top of the deadline.
const SLACK: Duration = Duration::from_millis(1000);

fn said(fault: Fault, silence: Silence) {
    for language in Language::ALL {
        let key = format!("silence.{}", silence.code());
        assert_ne!(sentence(language, &key), key, "{fault:?} has its words in {language:?}");
    }
}

#[tokio::test]
async fn at_the_look_up() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(Fault::ALL.len())).await;
    till.sync().await;
    for (fault, coupon) in Fault::ALL.into_iter().zip(&coupons) {
        shop.clock.turn_minutes(1);
        till.cord.lead_to(&fault.start());

        let began = Instant::now();
        let done = till.redeem(&coupon.code).await;
        let took = began.elapsed();

        assert_eq!(done.reason, Reason::Redeemed, "{fault:?}: the copy decides");
        let Some(Basis::Copy { silence, .. }) = done.basis else {
            panic!("{fault:?}: the verdict says that the copy speaks, not {:?}", done.basis)
        };
        assert_eq!(silence, fault.silence(), "{fault:?}: and why");
        assert!(took < DEADLINE + SLACK, "{fault:?}: within the deadline, but it took {took:?}");
        // One lost answer is no outage; the next one is.
        till.till().probe().await;
        assert_eq!(
            till.screen().status.line,
            Line::Offline(fault.silence()),
            "{fault:?}: the bar says so too"
        );
        said(fault, silence);

        till.cord.lead_to(&shop.url());
        till.sync().await;
        assert_eq!(till.screen().status.line, Line::Online, "{fault:?}: and it passes");
        assert_eq!(till.standing().waiting, 0, "{fault:?}: everything was sent");
    }
    assert_eq!(shop.counting_numbers().await.len(), coupons.len(), "each coupon was counted once");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look");
}

#[tokio::test]
async fn between_offer_and_confirmation() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(Fault::ALL.len())).await;
    for (fault, coupon) in Fault::ALL.into_iter().zip(&coupons) {
        shop.clock.turn_minutes(1);
        till.scan(coupon.code.secret()).await;
        till.cord.lead_to(&fault.start());

        let began = Instant::now();
        let done = verdict(till.take(&[("coupon", 1)]).await);
        let took = began.elapsed();

        let Some(Basis::Copy { silence, .. }) = done.basis else {
            panic!("{fault:?}: the verdict says that the server was not heard, not {:?}", done.basis)
        };
        assert_eq!(
            (done.reason, silence),
            (Reason::Redeemed, fault.silence()),
            "{fault:?}: decided, and why"
        );
        assert!(took < DEADLINE + SLACK, "{fault:?}: within the deadline, but it took {took:?}");
        assert_eq!(till.standing().waiting, 1, "{fault:?}: it waits");

        till.cord.lead_to(&shop.url());
        till.sync().await;
        assert_eq!(till.standing().waiting, 0, "{fault:?}: and is sent");
    }
    assert_eq!(shop.counting_numbers().await.len(), coupons.len(), "each coupon was counted once");
}

#[tokio::test]
async fn at_the_undo() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(4)).await;
    let faults = [Fault::Error500, Fault::HalfABody, Fault::OtherVersion, Fault::Portal];
    for (fault, coupon) in faults.into_iter().zip(&coupons) {
        shop.clock.turn_minutes(1);
        let done = till.redeem(&coupon.code).await;
        till.cord.lead_to(&fault.start());
        let undone = till.undo(done.number.unwrap()).await;
        assert_eq!((undone.reason, undone.unsent), (Reason::Undone, true), "{fault:?}: the undo waits");
        till.cord.lead_to(&shop.url());
        till.sync().await;
        assert_eq!(till.standing().waiting, 0, "{fault:?}: and is sent");
    }
    assert_eq!(shop.counting_numbers().await.len(), 0, "every one was taken back");
    assert_eq!(shop.cases().await.len(), 0, "and nobody has to look");
}

#[tokio::test]
async fn at_the_sync_nothing_is_taken_for_an_answer() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    till.cord.cut();
    till.redeem(&code).await;
    let before = till.standing();
    // Silence is left out: a sync that nobody waits for has half a minute for it.
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Silence) {
        till.cord.lead_to(&fault.start());
        till.cord.mend();
        till.sync().await;
        let now = till.standing();
        assert_eq!((now.waiting, now.cases), (1, 0), "{fault:?}: what waits goes on waiting");
        assert_eq!(now.entitlements, before.entitlements, "{fault:?}: the copy is what it was");
        assert_eq!(now.copy_as_of, before.copy_as_of, "{fault:?}: and no younger");
    }
    till.cord.lead_to(&shop.url());
    till.sync().await;
    assert_eq!(
        (till.standing().waiting, shop.counting_numbers().await.len()),
        (0, 1),
        "then it is sent, once"
    );
}

#[tokio::test]
async fn at_enrolment_each_has_its_code() {
    let shop = Shop::open().await;
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Silence) {
        let till = shop.bare_till();
        let failed =
            till.till().enrol(&fault.start(), "E000", "").await.expect_err("nobody is there to enrol it");
        assert_eq!(failed.code(), fault.silence().code(), "{fault:?}: the page can say why");
        said(fault, fault.silence());
    }
}
