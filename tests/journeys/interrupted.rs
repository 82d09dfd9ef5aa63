//! The program stops between "begun" and "decided". Nothing was handed over, and nobody may guess.

use model::redemption::Take;
use model::verdict::{Basis, Reason, Silence, Todo};
use tests::cord::{Request, Way};
use tests::counter::{offer, verdict};
use tests::{Counter, Shop, goods};
use till::desk::Act;
use till::link::{Link, LinkError};
use till::screen::{Stage, Stands, Verdict};
use till::till::DEADLINE;

/// Begins a redemption on a line that does `way`, and ends the program in the middle of it. Gives the number.
async fn interrupt(till: &mut Counter, code: &model::code::Code, way: Way) -> String {
    let screen = till.scan(code.secret()).await;
    let line = &offer(&screen).offer.items[0].line;
    let takes = vec![Take { sku: line.sku.clone(), quantity: 1 }];
    let before = till.cord.redeems().len();
    till.cord.set(way);
    till.begin(Act::Confirm(takes));
    let redeem = |request: &&Request| matches!(request, Request::Redeem(..));
    let on_its_way = |requests: &[Request]| requests.iter().filter(redeem).count() > before;
    till.cord.has_seen("the redemption is on its way", on_its_way).await;
    till.cord.redeems().pop().expect("it was seen above").0
}

/// The one verdict "counted unseen" that the screen must show.
async fn unseen(till: &Counter) -> Verdict {
    till.until_screen(
        "the screen asks the clerk",
        |till| matches!(&till.screen().stage, Stage::Verdict(shown) if shown.hand_over.is_some()),
    )
    .await;
    let verdict = verdict(till.screen());
    assert_eq!(verdict.reason, Reason::CountedUnseen, "the screen says what happened");
    assert!(verdict.before_restart, "before the restart");
    assert_eq!(verdict.todo, Todo::HandOverOrUndo, "and what to do");
    verdict
}

/// Interrupts a redemption that the server has counted, and starts the program anew with its line whole.
async fn counted_unseen(shop: &Shop, till: &mut Counter, code: &model::code::Code) -> String {
    let number = interrupt(till, code, Way::KeepsAnswers).await;
    // The request is seen before it is carried: wait for what it does at the server.
    let mut changes = shop.store().changes();
    let counted = async {
        while shop.counting_numbers().await.is_empty() {
            changes.changed().await.expect("the server lives");
        }
    };
    tokio::time::timeout(tests::PATIENCE, counted).await.expect("the server counts it");
    till.cord.set(Way::Whole);
    till.restart().await;
    number
}

#[tokio::test]
async fn begun_only_is_voided_and_the_coupon_is_free() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let number = interrupt(&mut till, &code, Way::Swallows).await;
    let redeem = till.cord.redeems().pop().unwrap().1;
    till.cord.mend();
    till.restart().await;
    assert_eq!(till.standing().journal_lines, 2, "the journal's opening, and only the beginning of the act");
    assert_eq!(till.standing().waiting, 0, "and it is not pushed by itself");

    till.sync().await;
    assert!(matches!(till.screen().stage, Stage::Ready), "nothing was handed over, nothing is to be done");

    // The request had been waiting in some router, and arrives now.
    let late = till.cord.bare().redeem(&number, &redeem, DEADLINE).await;
    assert!(
        matches!(&late, Err(LinkError::Problem(problem)) if problem.error == "voided"),
        "a late copy of the request is turned away: {late:?}"
    );
    assert_eq!(shop.counted().await.len(), 0, "and counts nothing");

    shop.clock.turn_minutes(1);
    let done = till.redeem(&code).await;
    assert_eq!(done.reason, Reason::Redeemed, "the customer comes back, and it goes");
    assert_ne!(done.number.unwrap().to_string(), number, "under a number of its own");
    assert_eq!(shop.counting_numbers().await.len(), 1, "counted once");
}

#[tokio::test]
async fn counted_unseen_is_asked_and_handed_over() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let number = counted_unseen(&shop, &mut till, &code).await;
    till.keep_in_sync();

    let asked = unseen(&till).await;
    assert_eq!(asked.number.unwrap().to_string(), number, "about this very one");
    let done = verdict(till.desk().act(Act::HandOver(asked.hand_over.unwrap())).await);
    assert_eq!(done.reason, Reason::Redeemed, "the clerk hands it over");
    assert_eq!(done.number, asked.number, "under its old number");
    till.close().await;
    let lines = till.journal();
    assert!(
        lines
            .iter()
            .any(|line| matches!(&line.act, wire::line::Act::Decided(decided) if decided.number == number)),
        "and the journal has it: {lines:?}"
    );
    till.start().unwrap();
    till.sync().await;
    assert_eq!(shop.counting_numbers().await, [number], "the server still counts it once");
    assert_eq!((shop.cases().await.len(), till.standing().waiting), (0, 0), "and all is settled");
}

#[tokio::test]
async fn counted_unseen_can_be_undone_instead() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    counted_unseen(&shop, &mut till, &code).await;
    till.sync().await;

    let asked = unseen(&till).await;
    // However late the clerk comes: nothing was handed over, so there is no window to miss.
    shop.clock.turn_minutes(90);
    let undone = till.undo(asked.number.unwrap()).await;
    assert_eq!(undone.reason, Reason::Undone, "the customer has gone, it is taken back");
    assert_eq!(shop.counting_numbers().await.len(), 0, "nothing counts");
    shop.clock.turn_minutes(1);
    assert_eq!(till.redeem(&code).await.reason, Reason::Redeemed, "and the coupon can be used again");
}

#[tokio::test]
async fn the_same_act_goes_on_under_its_old_number() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let card = shop.issue_one(goods::times_card(5)).await.code;
    let order = shop.issue_one(goods::order(&[("D01", "茉莉奶绿", 2)])).await.code;
    till.sync().await;
    for code in [&card, &order] {
        let number = interrupt(&mut till, code, Way::Swallows).await;
        till.cord.cut();
        till.restart().await;
        // The customer is still there and shows the code again, before the till could ask anybody.
        shop.clock.turn_minutes(1);
        let line = offer(&till.scan(code.secret()).await).offer.items[0].line.sku.clone();
        let done = verdict(till.take(&[(&line, 1)]).await);
        assert!(matches!(done.basis, Some(Basis::Copy { .. })), "decided without the server: {done:?}");
        assert_eq!(done.number.unwrap().to_string(), number, "under the number of the interrupted act");
        assert_eq!(done.at, shop.clock.time(), "at the moment at which it was decided");
        till.cord.mend();
        till.sync().await;
        assert!(shop.counting_numbers().await.contains(&number), "the server counts that number");
    }
    assert_eq!(shop.counting_numbers().await.len(), 2, "two acts, two numbers");
    assert_eq!((shop.cases().await.len(), till.standing().waiting), (0, 0), "and all is settled");
}

#[tokio::test]
async fn the_same_act_goes_on_under_its_old_number_online_too() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let card = shop.issue_one(goods::times_card(5)).await.code;
    let number = interrupt(&mut till, &card, Way::Swallows).await;
    till.cord.mend();
    till.restart().await;
    till.cord.set(Way::Whole);
    let done = till.redeem(&card).await;
    assert_eq!(done.basis, Some(Basis::Server), "the line is up");
    assert_eq!(done.number.unwrap().to_string(), number, "the act goes on under its number");
    till.sync().await;
    assert_eq!(shop.counting_numbers().await, [number], "and is counted once");
}

#[tokio::test]
async fn a_number_that_was_voided_unheard_does_not_swallow_the_next_redemption() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    let number = interrupt(&mut till, &code, Way::Swallows).await;
    till.cord.set(Way::LosesAnswers);
    till.restart().await;
    // The till asks, the server voids the number, and the answer is lost.
    till.sync().await;
    till.cord.mend();
    till.desk().till().probe().await;

    shop.clock.turn_minutes(1);
    let done = till.redeem(&code).await;
    assert_eq!(done.reason, Reason::Redeemed, "the customer comes back");
    assert_eq!(done.basis, Some(Basis::Server), "the server is there and decides");
    till.sync().await;
    let counting = shop.counting_numbers().await;
    assert_eq!(counting.len(), 1, "what was handed over counts");
    assert_ne!(counting[0], number, "not under the number that was voided");
    assert_eq!((shop.cases().await.len(), till.standing().waiting), (0, 0), "and nobody has to look");
}

#[tokio::test]
async fn a_number_that_was_voided_unheard_still_counts_when_its_goods_go_out_offline() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    interrupt(&mut till, &code, Way::Swallows).await;
    till.cord.set(Way::LosesAnswers);
    till.restart().await;
    till.sync().await;
    till.cord.cut();

    shop.clock.turn_minutes(1);
    let done = till.redeem(&code).await;
    assert!(matches!(done.basis, Some(Basis::Copy { .. })), "decided without the server: {done:?}");
    till.cord.mend();
    till.sync().await;
    assert_eq!(
        shop.counting_numbers().await.len(),
        1,
        "what was handed over counts, whatever was voided unheard"
    );
    assert_eq!((shop.cases().await.len(), till.standing().waiting), (0, 0), "and nobody has to look");
}

#[tokio::test]
async fn a_verdict_comes_back_after_a_restart_and_is_pushed_under_its_number() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    till.cord.cut();
    let before = till.redeem(&code).await;

    till.restart().await;
    let after = verdict(till.screen());
    assert!(after.before_restart, "the screen says that it is from before the restart");
    assert_eq!((after.reason, after.number, after.at), (before.reason, before.number, before.at), "the same");
    assert!(
        matches!(after.basis, Some(Basis::Copy { silence: Silence::Unreachable, .. })),
        "with what it rested on: {:?}",
        after.basis
    );
    assert_eq!(till.standing().waiting, 1, "it still waits");
    till.cord.mend();
    till.sync().await;
    assert_eq!(shop.counting_numbers().await, [before.number.unwrap().to_string()], "and is counted, once");
    assert_eq!(till.desk().history()[0].stands, Stands::Settled, "the history says so");
}

#[tokio::test]
async fn the_customer_of_an_interrupted_act_who_comes_back_gets_the_goods() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    let number = counted_unseen(&shop, &mut till, &code).await;
    till.sync().await;
    till.desk().act(Act::Next).await;
    shop.clock.turn_minutes(5);
    let shown = verdict(till.scan(code.secret()).await);
    assert_eq!(shown.reason, Reason::CountedUnseen, "not 'used before': nothing was handed over yet");
    let handed = verdict(till.desk().act(Act::HandOver(number.parse().unwrap())).await);
    assert_eq!(handed.reason, Reason::Redeemed, "now it is");
    assert_eq!(shop.counting_numbers().await, [number], "under its one number");
}

#[tokio::test]
async fn counted_unseen_and_refunded_since_is_not_handed_over() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let issued = shop.issue_one(goods::coupon()).await;
    counted_unseen(&shop, &mut till, &issued.code).await;
    till.sync().await;
    let asked = unseen(&till).await;
    let refunded = wire::entitlement::Standing::Refunded;
    shop.store().set_standing(&issued.id, refunded).await.expect("the database works");
    till.sync().await;
    let lines = till.standing().journal_lines;
    let told = verdict(till.desk().act(Act::HandOver(asked.hand_over.unwrap())).await);
    assert_eq!(told.reason, Reason::Refunded, "the customer has the money back");
    assert_eq!(till.standing().journal_lines, lines, "and nothing is written down");
}
