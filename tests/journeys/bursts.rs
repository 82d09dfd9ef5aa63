//! A scanner's keys, read in several ways: what they say decides, and the clerk is never given the wrong code.

use model::reading::RawText;
use model::reading::burst::Burst;
use model::verdict::{Class, Reason};
use tests::Shop;
use till::desk::Act;
use till::screen::Stage;

fn burst(physical: &str, logical: &str, pauses: &[usize]) -> Act {
    Act::Burst(Burst {
        physical: RawText::new(physical),
        logical: RawText::new(logical),
        caps_lock: false,
        pauses: pauses.to_vec(),
        cut: false,
    })
}

#[tokio::test]
async fn check_characters_decide_between_the_readings() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let mangled = code.secret().replace('0', "à").replace('1', "&");
    for (physical, logical) in [(code.secret(), mangled.as_str()), (mangled.as_str(), code.secret())] {
        let screen = till.desk().act(burst(physical, logical, &[])).await;
        assert!(matches!(screen.stage, Stage::Offer(_)), "one of the two is the coupon: {:?}", screen.stage);
        till.desk().act(Act::Next).await;
        shop.clock.turn_seconds(61);
    }
}

#[tokio::test]
async fn two_codes_that_ran_together_are_both_decided() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let (used, fresh) = (shop.coupon().await, shop.coupon().await);
    till.redeem(&used).await;
    shop.clock.turn_seconds(61);
    let both = [used.secret(), fresh.secret()].concat();
    let screen = till.desk().act(burst(&both, &both, &[20])).await;
    assert!(matches!(screen.stage, Stage::Offer(_)), "the second is offered: {:?}", screen.stage);
    assert_eq!(screen.recent[0].reason, Reason::Used, "and the first was refused, as the strip shows");
}

#[tokio::test]
async fn a_lost_key_is_a_scan_that_is_scanned_again() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let holed: String =
        code.secret().chars().enumerate().map(|(n, c)| if n == 7 { '\u{fffd}' } else { c }).collect();
    let screen = till.desk().act(burst(&holed, &holed, &[])).await;
    let Stage::Verdict(verdict) = &screen.stage else { panic!("a verdict, not {:?}", screen.stage) };
    assert_eq!(
        (verdict.reason, verdict.class()),
        (Reason::Damaged, Class::Act),
        "nobody guesses the missing key"
    );
}

#[tokio::test]
async fn the_same_code_is_an_echo_then_its_own_card_then_done_then_used() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let scan = || burst(code.secret(), code.secret(), &[]);
    let first = till.desk().act(scan()).await;
    let Stage::Offer(card) = &first.stage else { panic!("an offer, not {:?}", first.stage) };
    let since = card.since;
    for seconds in [2, 10, 40] {
        shop.clock.turn_seconds(seconds);
        let again = till.desk().act(scan()).await;
        let Stage::Offer(card) = &again.stage else { panic!("an offer, not {:?}", again.stage) };
        assert_eq!(card.since, since, "after {seconds} s it is the card that was there");
    }
    shop.clock.turn_seconds(61);
    let later = till.desk().act(scan()).await;
    let Stage::Offer(card) = &later.stage else { panic!("an offer, not {:?}", later.stage) };
    assert!(card.since > since, "after a minute it is looked up again");

    let takes = card.usual_takes();
    till.desk().act(Act::Confirm(takes)).await;
    let reason = |stage: &Stage| match stage {
        Stage::Verdict(verdict) => Some(verdict.reason),
        _ => None,
    };
    shop.clock.turn_seconds(1);
    let echo = till.desk().act(scan()).await;
    assert_eq!(reason(&echo.stage), Some(Reason::Redeemed), "at once it is the scanner's echo");
    shop.clock.turn_seconds(10);
    let done = till.desk().act(scan()).await;
    assert_eq!(reason(&done.stage), Some(Reason::UsedHereJustNow), "a moment later it was done here");
    shop.clock.turn_seconds(61);
    let used = till.desk().act(scan()).await;
    assert_eq!(reason(&used.stage), Some(Reason::Used), "and after a minute it is used");
    assert_eq!(shop.counted().await.len(), 1, "it was counted once");
}
