//! The server's database is set back to a backup: the tills bring what it has lost.

use model::verdict::Reason;
use tests::{Counter, Shop, goods};

#[tokio::test]
async fn the_tills_bring_what_it_has_lost() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(4)).await;
    till.sync().await;
    till.redeem(&coupons[0].code).await;
    till.sync().await;
    let saved = shop.backup().await;
    // What comes now is in no backup: one decided by the server, one decided without it and settled.
    shop.clock.turn_minutes(1);
    till.redeem(&coupons[1].code).await;
    till.cord.cut();
    shop.clock.turn_minutes(1);
    till.redeem(&coupons[2].code).await;
    till.cord.mend();
    till.sync().await;
    assert_eq!(shop.counting_numbers().await.len(), 3, "three were counted");

    shop.restore(&saved).await;
    assert_eq!(shop.counting_numbers().await.len(), 1, "the backup knows of one");
    shop.clock.turn_minutes(1);
    let fourth = till.redeem(&coupons[3].code).await;
    assert_eq!(fourth.reason, Reason::Redeemed, "business goes on");
    till.sync().await;

    assert_eq!(shop.counting_numbers().await.len(), 4, "and the till has brought the others again");
    assert_eq!(shop.cases().await.len(), 0, "each under its number, so that nobody has to look");
    assert_eq!(till.standing().waiting, 0, "nothing waits");
    let lines = till.standing().journal_lines;
    assert_eq!(shop.lines_held(&till).await, lines, "the server holds the whole journal again");
}

#[tokio::test]
async fn the_tills_hear_what_changes_afterwards() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let saved = shop.backup().await;
    shop.issue(&goods::coupons(5)).await;
    till.sync().await;
    assert_eq!(till.standing().entitlements, 5, "five coupons are in the copy");

    shop.restore(&saved).await;
    let fresh = shop.coupon().await;
    till.sync().await;
    till.sync().await;
    till.cord.cut();
    let done = till.scan(fresh.secret()).await;
    assert!(
        matches!(done.stage, till::screen::Stage::Offer(_)),
        "what was issued after the restore is in the copy, although the feed's numbers began lower: {:?}",
        done.stage
    );
}

#[tokio::test]
async fn a_coupon_that_the_backup_takes_for_unused_is_not_given_out_by_the_till_that_used_it() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let code = shop.coupon().await;
    till.sync().await;
    let saved = shop.backup().await;
    till.redeem(&code).await;
    shop.restore(&saved).await;
    shop.clock.turn_minutes(5);
    let again = till.refused(code.secret()).await;
    assert_eq!(again.reason, Reason::Used, "the till's own journal remembers what the server has forgotten");
}

#[tokio::test]
async fn a_restored_server_that_has_overtaken_a_till_hears_of_it_from_the_till() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let other = shop.till("2号收银机").await;
    shop.issue(&goods::coupons(2)).await;
    let saved = shop.backup().await;
    let lost = shop.issue(&goods::coupons(3)).await;
    till.sync().await;
    shop.restore(&saved).await;
    // More than was lost: no number of the feed shows that anything is missing.
    let fresh = shop.issue(&goods::coupons(10)).await;
    other.sync().await;
    assert!(
        shop.store().set_backs().await.unwrap().is_empty(),
        "the other till knows of nothing that is lost"
    );
    let (before, _) = shop.store().feed_states().await.unwrap();

    till.sync().await;
    let set_backs = shop.store().set_backs().await.unwrap();
    assert_eq!(set_backs.len(), 1, "this one has proof of what it was told");
    assert_eq!(set_backs[0].till, Some(till.identity().device), "and is named");
    let (epoch, _) = shop.store().feed_states().await.unwrap();
    assert_ne!(epoch, before, "the feeds begin anew");
    for till in [&till, &other] {
        till.sync().await;
        assert_eq!(till.standing().entitlements, 12, "what the server has, and nothing else");
        till.till().look_over().await.expect("by every row");
    }
    assert_eq!(shop.store().set_backs().await.unwrap().len(), 1, "once is enough");
    till.cord.cut();
    let told = till.refused(lost[0].code.secret()).await;
    assert_eq!(told.reason, Reason::UnknownOffline, "what is lost is not given away by the till either");
    let offered = till.scan(fresh[9].code.secret()).await;
    assert!(matches!(offered.stage, till::screen::Stage::Offer(_)), "what is there is");
}

#[tokio::test]
async fn lines_that_a_restored_server_has_lost_are_proof_as_well() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    let coupon = shop.coupon().await;
    till.sync().await;
    let saved = shop.backup().await;
    till.redeem(&coupon).await;
    till.sync().await;
    shop.restore(&saved).await;
    till.sync().await;
    assert_eq!(shop.store().set_backs().await.unwrap().len(), 1, "the server hears that it was set back");
    till.sync().await;
    assert_eq!(shop.counting_numbers().await.len(), 1, "and has the redemption again");
    let lines = till.standing().journal_lines;
    assert_eq!(shop.lines_held(&till).await, lines, "with the whole journal");
}

#[tokio::test]
async fn whoever_runs_the_server_can_say_that_it_was_restored() {
    let mut shop = Shop::open().await;
    let till = shop.till("1号收银机").await;
    shop.issue(&goods::coupons(3)).await;
    till.sync().await;
    shop.stop().await;
    shop.start().await;
    shop.store().begin_feeds_anew().await.unwrap();
    till.sync().await;
    till.sync().await;
    assert_eq!(till.standing().entitlements, 3, "everything was fetched again");
    let set_backs = shop.store().set_backs().await.unwrap();
    assert_eq!((set_backs.len(), set_backs[0].till.clone()), (1, None), "as was said");
}

#[tokio::test]
async fn what_the_restored_server_settles_the_other_way_round_is_believed() {
    let mut shop = Shop::open().await;
    let (first, second) = (shop.till("1号收银机").await, shop.till("2号收银机").await);
    let code = shop.coupon().await;
    first.sync().await;
    second.sync().await;
    let saved = shop.backup().await;
    for till in [&first, &second] {
        till.cord.cut();
        assert_eq!(till.redeem(&code).await.reason, Reason::Redeemed, "each hands it over alone");
        till.cord.mend();
    }
    let open = |till: &Counter| till.till().cases().iter().filter(|case| case.is_open()).count();
    for till in [&first, &second, &first] {
        till.sync().await;
    }
    assert_eq!((open(&first), open(&second)), (1, 1), "the first one counts, the second is a case");

    shop.restore(&saved).await;
    // Now the second one comes first; the other round tells each of what the server said to the other.
    for till in [&second, &second, &first, &first, &second] {
        till.sync().await;
    }
    let cases = shop.cases().await;
    let losers: Vec<&str> = cases[0].standing("not_counted").map(|side| side.done.till.as_str()).collect();
    assert_eq!((cases.len(), losers), (1, vec!["1号收银机"]), "the server has met them in the other order");
    for till in [&first, &second] {
        let shown: Vec<String> = till.till().cases().into_iter().map(|case| case.case.case).collect();
        assert_eq!(
            shown,
            [cases[0].case.clone()],
            "and no till goes on showing a case that is none any more"
        );
    }
    let lines = first.standing().journal_lines;
    first.sync().await;
    assert_eq!(first.standing().journal_lines, lines, "what was told once is not written down again");
}

#[tokio::test]
async fn a_till_that_stops_when_it_has_just_heard_of_it_brings_everything_after_its_next_start() {
    let mut shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    let coupons = shop.issue(&goods::coupons(3)).await;
    till.sync().await;
    let saved = shop.backup().await;
    for coupon in &coupons {
        shop.clock.turn_minutes(1);
        till.redeem(&coupon.code).await;
    }
    till.sync().await;
    shop.restore(&saved).await;
    till.sync().await;
    assert!(till.standing().unsent > 0, "it has heard that its lines are lost, and has sent none");
    till.restart().await;
    till.sync().await;
    let standing = till.standing();
    assert_eq!(
        (standing.unsent, shop.lines_held(&till).await),
        (0, standing.journal_lines),
        "they are sent, though nothing new was written that would have shown the gap"
    );
    assert_eq!(shop.counting_numbers().await.len(), 3, "and each counts again");
}
