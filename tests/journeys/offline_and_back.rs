//! The server goes away and comes back: the till decides from its copy meanwhile, counts what waits, and sends it by
//! itself, once each and in order.

use std::collections::BTreeMap;

use model::redemption::Number;
use model::verdict::{Basis, Class, Reason, Silence};
use tests::counter::verdict;
use tests::{Counter, Shop, goods};
use till::screen::Line;
use till::till::LineState;

#[tokio::test]
async fn pull_the_plug_and_put_it_in_again() {
    let mut shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(6)).await;
    let order = shop.issue_one(goods::order(&[("D01", "茉莉奶绿", 2), ("C01", "桂花糕", 1)])).await;
    till.sync().await;
    let copied_at = shop.clock.time();
    till.keep_in_sync();
    shop.stop().await;
    till.until("the till has noticed by itself", |now| matches!(now.line, Some(LineState::Offline(_)))).await;

    shop.clock.turn_minutes(7);
    let mut numbers: Vec<Number> = vec![];
    for (place, coupon) in coupons.iter().enumerate() {
        let done = till.redeem(&coupon.code).await;
        assert_eq!((done.reason, done.class()), (Reason::Redeemed, Class::Pass), "the copy vouches for it");
        let Some(Basis::Copy { as_of, silence }) = done.basis else {
            panic!("the verdict says that the copy speaks: {:?}", done.basis)
        };
        assert_eq!(silence, Silence::Unreachable, "and why the server does not");
        assert!(as_of >= copied_at, "and as of when");
        assert_eq!(shop.clock.time().seconds_since(as_of) / 60, 7, "namely seven minutes ago");
        assert!(done.unsent, "it is marked as not sent");
        assert_eq!(till.screen().status.waiting as usize, place + 1, "and the number waiting is in sight");
        numbers.push(done.number.unwrap());
    }
    till.scan(order.code.secret()).await;
    let part = verdict(till.take(&[("D01", 1)]).await);
    shop.clock.turn_minutes(1);
    till.scan(order.code.secret()).await;
    let rest = verdict(till.take(&[("D01", 1), ("C01", 1)]).await);
    assert_eq!(
        (part.reason, rest.reason),
        (Reason::PartlyPickedUp, Reason::PickedUp),
        "an order in two goes"
    );
    let undone = till.undo(numbers[2]).await;
    assert_eq!((undone.reason, undone.unsent), (Reason::Undone, true), "an undo waits like anything else");
    assert_eq!(till.standing().waiting, 9, "six coupons, two pick-ups, one undo");

    shop.start().await;
    till.until("everything was sent by itself", |now| now.waiting == 0).await;

    till.until("the till is online again", |now| now.line == Some(LineState::Online)).await;
    let counted = shop.counted().await;
    assert_eq!(counted.len(), 8, "eight redemptions, once each");
    let taken_back: Vec<&String> = counted.iter().filter(|row| row.undone).map(|row| &row.number).collect();
    assert_eq!(taken_back, [&numbers[2].to_string()], "and one of them taken back");
    assert_eq!(shop.cases().await.len(), 0, "nobody has to look at anything");
    assert_eq!(till.screen().status.line, Line::Online, "the bar above is green again");
}

#[tokio::test]
async fn hundreds_are_sent_once_each_and_in_order() {
    const COUPONS: usize = 130;
    let mut shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(COUPONS)).await;
    till.sync().await;
    shop.stop().await;
    till.cord.cut();
    for coupon in &coupons {
        shop.clock.turn_seconds(20);
        till.redeem(&coupon.code).await;
    }
    assert_eq!(till.standing().waiting, COUPONS, "all of them wait");
    // The program is closed for the night and started in the morning, still without a line.
    till.restart().await;
    assert_eq!(till.standing().waiting, COUPONS, "and they still wait after a restart");
    till.keep_in_sync();
    till.until("the first knock finds nobody", |now| now.line != Some(LineState::Online)).await;

    shop.start().await;
    till.cord.mend();
    till.until("everything was sent", |now| now.waiting == 0).await;

    let counted = shop.counting_numbers().await;
    assert_eq!(counted.len(), COUPONS, "the server counts all of them, once each");
    till.until("the settlements were handed in too", |_| handed_in(&till) > COUPONS as u64).await;
    in_order(&till);
    till.close().await;
    let mut settled: BTreeMap<String, usize> = BTreeMap::new();
    for line in till.journal() {
        let wire::line::Act::Settled { settled: told } = line.act else { continue };
        for wire::line::Settled { number, settlement } in told {
            assert_eq!(settlement, wire::api::Settlement::Confirmed, "{number} was counted now");
            *settled.entry(number).or_default() += 1;
        }
    }
    assert_eq!(settled.len(), COUPONS, "each has its settlement on disk");
    assert!(settled.values().all(|count| *count == 1), "and only one: {settled:?}");
}

fn handed_in(till: &Counter) -> u64 {
    till.cord.lines_answered().last().map_or(0, |(_, head)| *head)
}

/// The acknowledged batches follow each other without a gap, a repeat or a change of order.
fn in_order(till: &Counter) {
    let mut expected = 0;
    for (lines, head) in till.cord.lines_answered() {
        assert_eq!(lines.after, expected, "a batch begins where the last one ended");
        for line in &lines.lines {
            let line = wire::line::peek(line).unwrap();
            expected += 1;
            assert_eq!(line.seq, expected, "line by line");
        }
        assert_eq!(head, expected, "and the server says so");
    }
}

#[tokio::test]
async fn lost_answers_cost_a_repeat_and_count_nothing_twice() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(5)).await;
    till.sync().await;
    for coupon in &coupons {
        // So seldom that the line is not taken for one that comes and goes.
        shop.clock.turn_minutes(1);
        // The offer is seen; then the request arrives, and its answer does not.
        till.scan(coupon.code.secret()).await;
        till.cord.set(tests::cord::Way::LosesAnswers);
        let done = verdict(till.take(&[("coupon", 1)]).await);
        assert_eq!(done.reason, Reason::Redeemed, "the copy decides");
        assert!(
            matches!(done.basis, Some(Basis::Copy { silence: Silence::TimedOut, .. })),
            "and says why: {:?}",
            done.basis
        );
        till.sync().await;
        till.sync().await;
        till.cord.mend();
        till.sync().await;
        assert_eq!(till.standing().waiting, 0, "once an answer arrives, nothing waits");
    }
    assert_eq!(shop.counting_numbers().await.len(), 5, "five coupons, each counted once");
    assert_eq!(shop.cases().await.len(), 0, "the server knows its own numbers again");
    assert_eq!(till.cord.redeems().len(), 5, "and each was asked for online once");
}

#[tokio::test]
async fn a_copy_that_is_too_old_decides_nothing() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    till.cord.cut();

    shop.clock.turn_minutes(24 * 60 + 1);
    let held = till.refused(coupon.secret()).await;
    assert_eq!((held.reason, held.class()), (Reason::CopyTooOld, Class::Fault), "a day is the chain's limit");
    assert_eq!(till.redemptions(), 0, "nothing was accepted");
    till.cord.mend();
    till.sync().await;
    shop.clock.turn_minutes(1);
    assert_eq!(till.redeem(&coupon).await.reason, Reason::Redeemed, "with the line it goes at once");
}

#[tokio::test]
async fn what_the_copy_does_not_know_is_not_guessed() {
    let shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    till.sync().await;
    let issued_since = shop.coupon().await;
    till.cord.cut();
    let told = till.refused(issued_since.secret()).await;
    assert_eq!(
        (told.reason, told.class()),
        (Reason::UnknownOffline, Class::Fault),
        "not in the copy is not the same as never issued"
    );
    till.cord.mend();
    till.sync().await;
    shop.clock.turn_minutes(1);
    assert_eq!(till.redeem(&issued_since).await.reason, Reason::Redeemed, "the server knows it");
}
