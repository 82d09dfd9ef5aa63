//! Signed codes at the counter: believed without the server, and not believed where anything speaks against them.

use model::signed::text::{Recognised, recognise, write_cf1, write_cfn};
use model::verdict::{Basis, Class, Reason};
use tests::cord::Request;
use tests::counter::{offer, usual_takes, verdict};
use tests::signing::{COUPONS, everything};
use tests::{Shop, shop};
use till::desk::Act;
use till::screen::Verdict;

fn token(text: &str) -> Vec<u8> {
    match recognise(text) {
        Recognised::Token(token) => token,
        other => panic!("a signed code was expected, not {other:?}"),
    }
}

async fn redeem(till: &tests::counter::Counter, text: &str) -> Verdict {
    let screen = till.scan(text).await;
    let takes = usual_takes(offer(&screen));
    verdict(till.desk().act(Act::Confirm(takes)).await)
}

#[tokio::test]
async fn a_coupon_that_no_feed_told_is_redeemed_offline_by_its_signature() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let coupons = shop.sign(COUPONS, 3).await;
    let mut till = shop.till("1号收银机").await;
    assert_eq!(till.standing().entitlements, 0, "nothing of it is in the copy");
    till.cord.cut();
    let done = redeem(&till, &coupons[0].1).await;
    assert_eq!((done.reason, done.class()), (Reason::Redeemed, Class::Pass), "taken");
    assert!(matches!(done.basis, Some(Basis::Signature { .. })), "and on what: {:?}", done.basis);
    assert!(done.unsent, "it is still to be sent");
    shop.clock.turn_minutes(2);
    assert_eq!(till.refused(&coupons[0].1).await.reason, Reason::Used, "once");
    let digits = write_cfn(&token(&coupons[1].1));
    assert_eq!(redeem(&till, &digits).await.reason, Reason::Redeemed, "the same in digits alone");
    till.restart().await;
    shop.clock.turn_minutes(2);
    assert_eq!(till.refused(&coupons[1].1).await.reason, Reason::Used, "remembered after a restart");
    assert_eq!(redeem(&till, &coupons[2].1).await.reason, Reason::Redeemed, "whom it believes, too");
    till.cord.mend();
    till.sync().await;
    assert_eq!(till.standing().waiting, 0, "everything is settled");
    assert_eq!(shop.counting_numbers().await.len(), 3, "the server has counted all three");
    assert_eq!(shop.cases().await.len(), 0, "without a case");
    let other = shop.till_at(shop::FUTIAN, "5号收银机").await;
    other.cord.cut();
    other.scan("x").await;
    shop.clock.turn_minutes(2);
    let told = other.refused(&coupons[0].1).await;
    assert_eq!(told.reason, Reason::Used, "another store's till knows from the status list, offline");
    till.close().await;
    let proven = till.journal().iter().filter(|line| format!("{line:?}").contains("Proof {")).count();
    assert_eq!(proven, 3, "each line keeps what the signature proved");
}

#[tokio::test]
async fn online_the_server_has_the_word_and_the_till_hears_it() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let coupons = shop.sign(COUPONS, 2).await;
    let till = shop.till("1号收银机").await;
    let other = shop.till_at(shop::FUTIAN, "5号收银机").await;
    let done = redeem(&till, &coupons[0].1).await;
    assert_eq!(done.basis, Some(Basis::Server), "the server's word");
    shop.clock.turn_minutes(2);
    let told = other.refused(&coupons[0].1).await;
    assert_eq!(told.reason, Reason::Used, "at once, everywhere");
    assert!(told.earlier.is_some_and(|earlier| earlier.store == shop::NANSHAN), "with who, where and when");
}

#[tokio::test]
async fn what_no_list_covers_is_held_and_what_is_revoked_is_refused() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let before = shop.sign(COUPONS, 1).await.remove(0);
    let mut till = shop.till("1号收银机").await;
    let after = shop.sign(COUPONS, 1).await.remove(0);
    till.cord.cut();
    let told = till.refused(&after.1).await;
    assert_eq!((told.reason, told.class()), (Reason::NotCovered, Class::Fault), "genuine, but is it used?");
    till.cord.mend();
    shop.store().set_standing(&before.0, wire::entitlement::Standing::Refunded).await.unwrap();
    till.sync().await;
    till.cord.cut();
    till.restart().await;
    let told = till.refused(&before.1).await;
    assert_eq!((told.reason, told.class()), (Reason::Revoked, Class::Stop), "the money went back");
    assert_eq!(redeem(&till, &after.1).await.reason, Reason::Redeemed, "and this one is covered now");
}

#[tokio::test]
async fn a_forged_code_is_refused_without_asking_anybody() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let coupon = shop.sign(COUPONS, 1).await.remove(0).1;
    let till = shop.till("1号收银机").await;
    let mut forged = token(&coupon);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let asked = |till: &tests::counter::Counter| {
        till.cord.requests().iter().filter(|request| matches!(request, Request::Lookup(_))).count()
    };
    let told = till.refused(write_cf1(&forged)).await;
    assert_eq!((told.reason, told.class()), (Reason::NotGenuine, Class::Stop), "one bit of the signature");
    assert_eq!(asked(&till), 0, "no request was made for it");
    assert_eq!(till.refused(&coupon[..coupon.len() - 2]).await.reason, Reason::Damaged, "half a code");
    assert_eq!(till.redemptions(), 0, "and nothing is written");
}

#[tokio::test]
async fn a_key_that_is_bounded_or_withdrawn_counts_at_the_next_sync_and_after_a_restart() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let coupons = shop.sign(COUPONS, 2).await;
    let mut till = shop.till("1号收银机").await;
    let keys = shop.keys();
    keys.bound("issuing-1", shop.clock.time().plus_seconds(-3600)).await.unwrap();
    till.sync().await;
    till.cord.cut();
    assert_eq!(till.refused(&coupons[0].1).await.reason, Reason::KeyWithdrawn, "issued after the bound");
    till.restart().await;
    assert_eq!(till.refused(&coupons[0].1).await.reason, Reason::KeyWithdrawn, "after a restart too");
    till.cord.mend();
    keys.withdraw("issuing-1").await.unwrap();
    till.sync().await;
    till.cord.cut();
    let told = till.refused(&coupons[1].1).await;
    assert_eq!(told.reason, Reason::KeyUnknown, "its key is in no list any more");
    assert_ne!(told.class(), Class::Pass, "nothing is handed over for it");
}

#[tokio::test]
async fn a_key_signs_within_its_scope_only() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let coupon = shop.sign(COUPONS, 1).await.remove(0).1;
    let till = shop.till("1号收银机").await;
    let narrow = server::store::KeyScope { value_max: 799, ..everything() };
    shop.keys().scope("issuing-1", narrow).await.unwrap();
    till.sync().await;
    till.cord.cut();
    assert_eq!(till.refused(&coupon).await.reason, Reason::KeyOutOfScope, "worth more than the key may sign");
}

#[tokio::test]
async fn a_server_that_was_set_back_does_not_bring_a_withdrawn_key_back() {
    let mut shop = Shop::open().await;
    shop.sign_codes().await;
    let coupon = shop.sign(COUPONS, 1).await.remove(0).1;
    let till = shop.till("1号收银机").await;
    let backup = shop.backup().await;
    shop.keys().withdraw("issuing-1").await.unwrap();
    till.sync().await;
    shop.restore(&backup).await;
    till.sync().await;
    till.sync().await;
    till.cord.cut();
    assert_eq!(till.refused(&coupon).await.reason, Reason::KeyUnknown, "the older list changes nothing");
    till.cord.mend();
    shop.clock.turn_minutes(10);
    shop.keys().add("issuing-2", everything(), None).await.unwrap();
    shop.keys().withdraw("issuing-1").await.unwrap();
    let fresh = shop.sign(COUPONS, 1).await.remove(0).1;
    till.sync().await;
    till.cord.cut();
    assert_eq!(redeem(&till, &fresh).await.reason, Reason::Redeemed, "and the next list is taken again");
}

#[tokio::test]
async fn a_rotating_code_is_good_for_its_moment_and_a_picture_of_it_is_not() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let gift = shop.sign_rotating().await;
    let card = shop.card_of(&gift).await;
    let till = shop.till("1号收银机").await;
    till.cord.cut();
    let shown = |seconds: i64| {
        let at = shop.clock.time().plus_seconds(seconds);
        server::signing::shown(&card, at).expect("the card is good for a day")
    };
    shop.clock.turn_minutes(60);
    let picture = shown(0);
    shop.clock.turn_minutes(2);
    let told = till.refused(&picture).await;
    assert_eq!((told.reason, told.class()), (Reason::CodeStale, Class::Act), "two minutes old");
    assert_eq!(till.refused(shown(120)).await.reason, Reason::CodeStale, "nor from the future");
    let done = redeem(&till, &shown(0)).await;
    assert_eq!(done.reason, Reason::Redeemed, "the telephone and the till are both offline");
    assert!(matches!(done.basis, Some(Basis::Signature { .. })), "on the signature: {:?}", done.basis);
    shop.clock.turn_seconds(5);
    till.desk().act(Act::Next).await;
    assert_eq!(till.refused(shown(-5)).await.reason, Reason::CodeSeen, "the same one again");
    shop.clock.turn_minutes(2);
    assert_eq!(till.refused(shown(0)).await.reason, Reason::Used, "the next one stands for the same gift");
    till.cord.mend();
    till.sync().await;
    assert_eq!(shop.counting_numbers().await.len(), 1, "counted once");
}

#[tokio::test]
async fn a_signed_card_with_uses_is_known_from_the_copy_and_used_up_by_the_list() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let (_, card) = shop.sign_card(2).await;
    let till = shop.till("1号收银机").await;
    let other = shop.till_at(shop::FUTIAN, "5号收银机").await;
    till.cord.cut();
    let done = redeem(&till, &card).await;
    assert_eq!((done.reason, done.left), (Reason::Redeemed, 1), "one of two");
    assert!(matches!(done.basis, Some(Basis::Copy { .. })), "the copy knows more than the list");
    assert_eq!(redeem(&other, &card).await.reason, Reason::Redeemed, "the other one, online elsewhere");
    till.cord.mend();
    till.sync().await;
    till.sync().await;
    shop.clock.turn_minutes(2);
    till.cord.cut();
    assert_eq!(till.refused(&card).await.reason, Reason::Used, "used up");
}

#[tokio::test]
async fn a_server_that_was_set_back_is_asked_for_its_status_lists_anew() {
    let mut shop = Shop::open().await;
    shop.sign_codes().await;
    let coupons = shop.sign(COUPONS, 3).await;
    let till = shop.till("1号收银机").await;
    let other = shop.till_at(shop::FUTIAN, "5号收银机").await;
    let backup = shop.backup().await;
    redeem(&other, &coupons[0].1).await;
    redeem(&other, &coupons[1].1).await;
    till.sync().await;
    shop.restore(&backup).await;
    till.sync().await;
    redeem(&other, &coupons[2].1).await;
    other.sync().await;
    till.sync().await;
    till.sync().await;
    till.cord.cut();
    shop.clock.turn_minutes(2);
    for coupon in &coupons {
        assert_eq!(till.refused(&coupon.1).await.reason, Reason::Used, "{} is used up everywhere", coupon.0);
    }
}

#[tokio::test]
async fn a_server_that_has_lost_its_keys_is_heard_all_the_same() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.sign(COUPONS, 1).await;
    std::fs::remove_dir_all(shop.server_folder().join("keys")).unwrap();
    till.sync().await;
    let plain = shop.coupon().await;
    let done = till.redeem(&plain).await;
    assert_eq!(done.basis, Some(Basis::Server), "the line is up: only the status list is missing");
    shop.clock.turn_minutes(1);
    assert_eq!(redeem(&till, &coupons[0].1).await.basis, Some(Basis::Server), "signed codes are counted too");
}

#[tokio::test]
async fn an_older_list_of_keys_put_back_on_the_till_changes_nothing() {
    let shop = Shop::open().await;
    shop.sign_codes().await;
    let coupon = shop.sign(COUPONS, 1).await.remove(0).1;
    let mut till = shop.till("1号收银机").await;
    let kept = till.folder().join("trust.json");
    let older = std::fs::read(&kept).unwrap();
    shop.clock.turn_minutes(1);
    shop.keys().withdraw("issuing-1").await.unwrap();
    till.sync().await;
    till.cord.cut();
    till.close().await;
    std::fs::write(&kept, older).unwrap();
    till.start().unwrap();
    assert_eq!(till.refused(&coupon).await.reason, Reason::KeyUnknown, "the copy has the newer one");
    till.close().await;
    std::fs::write(&kept, "{").unwrap();
    till.start().unwrap();
    assert_eq!(till.refused(&coupon).await.reason, Reason::KeyUnknown, "and it mends a damaged file");
}
