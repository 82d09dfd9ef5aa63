//! Journals: taken in order, kept byte for byte, settled once, and never in the way of the next line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::redemption::Number;
use reqwest::StatusCode;
use server::store::{BATCH_LENGTH_MAX, Hand, HandedIn, Intake};
use wire::api::{Fate, Lines, Redeemed, SettledLine, Settlement};
use wire::entitlement::Standing;
use wire::line::Outcome;

use crate::support::{START, Shop, coupon, problem};

fn only(settlements: &[SettledLine]) -> &Settlement {
    assert_eq!(settlements.len(), 1, "one line is settled: {settlements:?}");
    &settlements[0].settlement
}

#[tokio::test]
async fn an_offline_redemption_is_counted_once_however_often_it_is_handed_in() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(2)).await;
    let number = shop.number();
    till.accept(number, &coupon.id, START);
    let first = till.hand_in(0).await;
    let again = till.hand_in(0).await;
    assert_eq!(first.0, StatusCode::OK, "the lines are taken: {}", first.1);
    assert_eq!(first, again, "a repeat gets the stored answer, byte for byte");
    let intake = till.push(0).await;
    assert_eq!(intake.head, 2, "both lines are held");
    assert_eq!(only(&intake.settlements), &Settlement::Confirmed, "counted");
    assert_eq!(
        (intake.settlements[0].seq, intake.settlements[0].number.clone()),
        (2, number.to_string()),
        "the line Decided is what is settled"
    );
    assert_eq!(shop.taken(&coupon.id).await, 1, "one use");

    // The overlap of an old batch and a new one: the old lines are skipped, the new ones taken.
    till.accept(shop.number(), &coupon.id, START);
    let overlap = till.push(1).await;
    assert_eq!((overlap.head, overlap.settlements.len()), (4, 2), "the old settlement and the new one");
    assert_eq!(shop.taken(&coupon.id).await, 2, "two uses");
    assert!(matches!(till.ask(number).await, Fate::Counted(_)), "it can be asked for");
}

#[tokio::test]
async fn a_gap_and_a_fork_are_told_with_the_head() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(5)).await;
    till.accept(shop.number(), &coupon.id, START);
    till.push(0).await;
    till.accept(shop.number(), &coupon.id, START);

    let (status, text) = till.hand_in(3).await;
    let refused = problem(&text);
    assert_eq!(
        (status, refused.error.as_str(), refused.head),
        (StatusCode::CONFLICT, "gap", Some(2)),
        "{text}"
    );

    let mut restored = till.emptied();
    restored.accept(shop.number(), &coupon.id, START);
    let (status, text) = restored.hand_in(0).await;
    let refused = problem(&text);
    assert_eq!(
        (status, refused.error.as_str(), refused.head),
        (StatusCode::CONFLICT, "fork", Some(2)),
        "{text}"
    );

    assert_eq!(shop.taken(&coupon.id).await, 2, "what the other history tells has happened too");

    let other_epoch = Lines { epoch: 7, after: 0, lines: Vec::new() };
    let (status, text) = till.hand_in_raw(&other_epoch).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::CONFLICT, "fork"), "{text}");
    assert_eq!(till.push(2).await.head, 4, "the journal itself goes on");
}

#[tokio::test]
async fn what_another_key_has_signed_is_evidence_in_ones_own_journal_and_refused_in_anothers() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let mut other = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    till.accept(shop.number(), &coupon.id, START);
    other.lines = till.lines.clone();
    assert_eq!(
        other.push(0).await.settlements,
        [],
        "another till's lines take no effect in this one's journal"
    );
    let forged = Lines {
        epoch: 1,
        after: 0,
        lines: {
            other.lines.clear();
            other.accept(shop.number(), &coupon.id, START);
            other.lines.clone()
        },
    };
    let (status, text) = other.hand_in_to(&till.enrolled.device, &forged).await;
    assert_eq!(
        (status, problem(&text).error.as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "not_signed"),
        "nobody writes into the journal of another: {text}"
    );
    assert_eq!(shop.taken(&coupon.id).await, 0, "nothing of it took effect");
}

#[tokio::test]
async fn a_till_carries_what_another_one_has_exported() {
    let shop = Shop::open().await;
    let (mut silent, carrier) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let coupon = shop.issue(coupon(2)).await;
    silent.accept(shop.number(), &coupon.id, START);
    let lines = Lines { epoch: 1, after: 0, lines: silent.lines.clone() };
    let (status, text) = carrier.hand_in_to(&silent.enrolled.device, &lines).await;
    assert_eq!(status, StatusCode::OK, "signed lines prove themselves: {text}");
    assert_eq!(shop.taken(&coupon.id).await, 1, "and count");
    let (_, again) = silent.hand_in(0).await;
    assert_eq!(again, text, "the till itself gets the same answer later");
    shop.store().revoke(&silent.enrolled.device).await.unwrap();
    silent.accept(shop.number(), &coupon.id, START);
    let rest = Lines { epoch: 1, after: 2, lines: silent.lines[2..].to_vec() };
    let (status, text) = carrier.hand_in_to(&silent.enrolled.device, &rest).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::FORBIDDEN, "carried_revoked"), "{text}");
    let device = shop.store().device(&silent.enrolled.device).await.unwrap().unwrap();
    let handed_in = HandedIn { epoch: 1, after: 2, lines: rest.lines };
    let loaded = shop.store().take_in_from(Hand::Carrier, &device, handed_in).await.unwrap();
    assert!(matches!(loaded, Intake::Kept(_)), "a manager loads what a barred till has left");
    assert_eq!(shop.taken(&coupon.id).await, 2, "which counts");
}

#[tokio::test]
async fn of_a_forked_journal_both_histories_are_kept_and_the_till_waits_for_a_manager() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(9)).await;
    till.accept(shop.number(), &coupon.id, START);
    till.push(0).await;
    let mut twin = till.emptied();
    twin.lines = till.lines.clone();
    till.accept(shop.number(), &coupon.id, START);
    till.push(2).await;
    twin.accept(shop.number(), &coupon.id, START);
    let (status, text) = twin.hand_in(2).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::CONFLICT, "fork"), "{text}");
    let branch = shop.store().branches(&till.enrolled.device).await.unwrap();
    let kept: Vec<&Vec<u8>> = branch.iter().map(|line| &line.bytes).collect();
    assert_eq!(kept, [&twin.lines[2], &twin.lines[3]], "the second history is kept byte for byte");
    assert_eq!(shop.taken(&coupon.id).await, 3, "and what it tells has happened");
    let cases = shop.store().cases().await.unwrap();
    assert_eq!(
        cases.iter().map(|case| case.class.as_str()).collect::<Vec<_>>(),
        ["fork"],
        "somebody has to look"
    );

    let (status, text) = till.put(shop.number(), &till.asking(&coupon.id)).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::FORBIDDEN, "quarantined"), "{text}");
    let page = till.page(0, 0).await;
    assert!(page.journal.is_some_and(|known| known.quarantined), "the feed says so too");
    let first = twin.push(2).await;
    assert_eq!((first.head, first.settlements.len()), (4, 1), "a repeat of the branch is answered");
    assert_eq!(twin.push(2).await, first, "each time the same");
    twin.accept(shop.number(), &coupon.id, START);
    assert_eq!(twin.push(4).await.head, 6, "and it may go on");

    let device = shop.store().device(&till.enrolled.device).await.unwrap().unwrap();
    let epoch = shop.store().readmit(&device, "两台机器，已停用一台").await.unwrap();
    let known = till.page(0, 0).await.journal.unwrap();
    assert_eq!(
        (epoch, known.epoch, known.seq, known.quarantined),
        (2, 2, 0, false),
        "the next epoch is granted"
    );
    let cases = shop.store().cases().await.unwrap();
    assert!(!cases[0].is_open(), "which closes the case");
    assert_eq!(cases[0].decisions[0].decision, "readmitted", "with what was decided");
    let own: wire::api::OwnLines =
        till.get(&format!("/v1/devices/{}/lines?epoch=1&after=2", till.enrolled.device)).await;
    let back: Vec<_> = own.lines.iter().map(|line| STANDARD.decode(line).unwrap()).collect();
    assert_eq!(back, till.lines[2..], "a till that has lost its lines gets them back");
    assert_eq!((own.last, own.settlements.len()), (4, 1), "with what became of them");
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_kept_and_blocks_nothing() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    till.lines.push(b"no line at all".to_vec());
    till.accept(shop.number(), &coupon.id, START);
    let intake = till.push(0).await;
    assert_eq!(intake.head, 3, "all three are held");
    let cases = shop.store().cases().await.unwrap();
    let found: Vec<(&str, &str)> =
        cases.iter().map(|case| (case.class.as_str(), case.reason.as_str())).collect();
    assert_eq!(found, [("unreadable", "malformed")], "somebody is told of it");
    let line = cases[0].sides[0].line.as_ref().expect("the line is the evidence");
    assert_eq!((line.seq, line.hash.len()), (1, 64), "by place and hash");
    assert_eq!(only(&intake.settlements), &Settlement::Confirmed, "the next ones took effect");
    assert_eq!(till.push(0).await, intake, "and the chain of hashes goes through it");
}

#[tokio::test]
async fn a_long_batch_is_taken_in_parts() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    for _ in 0..BATCH_LENGTH_MAX + 20 {
        till.begin(shop.number(), "coupon-0", START);
    }
    let head = till.push(0).await.head;
    assert_eq!(head, BATCH_LENGTH_MAX as u64, "the head says how far it went");
    assert_eq!(till.push(head as usize).await.head, BATCH_LENGTH_MAX as u64 + 20, "the rest follows");
}

#[tokio::test]
async fn of_two_tills_cut_off_from_each_other_the_second_becomes_a_case() {
    let shop = Shop::open().await;
    let (mut ours, mut theirs) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let coupon = shop.issue(coupon(1)).await;
    let (winning, losing) = (shop.number(), shop.number());
    theirs.accept(winning, &coupon.id, START - 5_000);
    ours.accept(losing, &coupon.id, START - 9_000);
    assert_eq!(only(&theirs.push(0).await.settlements), &Settlement::Confirmed, "the first to arrive counts");

    let intake = ours.push(0).await;
    let Settlement::Disputed { case, winner } = only(&intake.settlements) else {
        panic!("the second is disputed: {intake:?}")
    };
    assert_eq!(winner.number, winning.to_string(), "the till is told who has it");
    assert_eq!(winner.done.store, "福田店", "and where");
    let cases = shop.store().cases().await.unwrap();
    assert_eq!(cases.len(), 1, "one case");
    assert_eq!((&cases[0].case, cases[0].value), (case, 2_000), "with what is at stake");
    let sides: Vec<(&str, &str)> =
        cases[0].sides.iter().map(|side| (side.number.as_str(), side.standing.as_str())).collect();
    let (won, lost) = (winning.to_string(), losing.to_string());
    assert_eq!(sides, [(won.as_str(), "counted"), (lost.as_str(), "not_counted")], "with both sides");
    assert_eq!(cases[0].class, "duplicate", "which are about one thing");
    assert_eq!(shop.taken(&coupon.id).await, 1, "one use counts");

    // The loser puts it right; the winner's use stays.
    let undo = shop.number();
    ours.undo(undo, losing, START);
    let settled = ours.push(2).await.settlements;
    assert_eq!(
        (only(&settled), &settled[0].number),
        (&Settlement::Undone, &undo.to_string()),
        "it is undone"
    );
    let cases = shop.store().cases().await.unwrap();
    assert!(!cases[0].is_open() && cases[0].decisions[0].decision == "taken_back", "resolved: {cases:?}");
    assert_eq!(shop.taken(&coupon.id).await, 1, "the winner's use is not touched");
}

#[tokio::test]
async fn what_the_server_would_not_have_allowed_becomes_a_case() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let refunded = shop.issue(coupon(1)).await;
    shop.store().set_standing(&refunded.id, Standing::Refunded).await.unwrap();
    till.accept(shop.number(), &refunded.id, START);
    till.accept(shop.number(), "coupon-0", START);
    till.decide(shop.number(), Outcome::Accepted, START);
    till.undo(shop.number(), shop.number(), START);
    let reasons: Vec<String> = till
        .push(0)
        .await
        .settlements
        .into_iter()
        .map(|settled| match settled.settlement {
            Settlement::Refused { reason, .. } => reason,
            other => panic!("each is refused: {other:?}"),
        })
        .collect();
    assert_eq!(reasons, ["refunded", "never_issued", "never_issued", "undo_unknown"], "each with its reason");
    assert_eq!(shop.store().cases().await.unwrap().len(), 4, "nothing is dropped");
}

#[tokio::test]
async fn the_moment_of_the_deed_decides_and_not_the_moment_of_the_line() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(2)).await;
    till.accept(shop.number(), &coupon.id, START);
    till.accept(shop.number(), &coupon.id, START + 30 * 86_400_000);
    // Two days later the coupon is over. The second line claims a future that this server's clock does not know.
    shop.clock.turn(2 * 86_400);
    let settlements = till.push(0).await.settlements;
    assert_eq!(settlements[0].settlement, Settlement::Confirmed, "it was good when it was handed over");
    let refused =
        matches!(&settlements[1].settlement, Settlement::Refused { reason, .. } if reason == "expired");
    assert!(refused, "a future moment is taken as now: {settlements:?}");
}

#[tokio::test]
async fn an_undo_gives_the_use_back() {
    let shop = Shop::open().await;
    let (mut till, other) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let coupon = shop.issue(coupon(1)).await;
    let number = shop.number();
    till.redeem(number, &coupon.id).await;
    till.accept(number, &coupon.id, START);
    assert_eq!(
        only(&till.push(0).await.settlements),
        &Settlement::AlreadyCounted,
        "the online answer was lost"
    );
    till.undo(shop.number(), number, START);
    assert_eq!(only(&till.push(2).await.settlements), &Settlement::Undone, "taken back");
    assert_eq!(shop.taken(&coupon.id).await, 0, "no use is left on record");
    let entry = till.page(0, 0).await.entries.pop().expect("the feed tells of it");
    assert!(entry.entitlement.read().unwrap().uses.is_empty(), "every till hears that it is free");
    assert_eq!(till.ask(number).await, Fate::Voided, "the number counts no more");
    assert_eq!(other.redeem(shop.number(), &coupon.id).await, Redeemed::Counted, "somebody else may have it");
    let (_, late) = till.put(number, &till.asking(&coupon.id)).await;
    assert!(!late.is_empty() && shop.taken(&coupon.id).await == 1, "a late copy of the request does nothing");
}

#[tokio::test]
async fn a_till_takes_back_only_what_it_did_itself() {
    let shop = Shop::open().await;
    let (till, mut other) = (shop.till(&shop.here).await, shop.till(&shop.here).await);
    let coupon = shop.issue(coupon(1)).await;
    let number = shop.number();
    till.redeem(number, &coupon.id).await;
    other.undo(shop.number(), number, START);
    let settled = other.push(0).await.settlements;
    assert!(
        matches!(only(&settled), Settlement::Refused { reason, .. } if reason == "undo_unknown"),
        "another till's redemption: {settled:?}"
    );
    assert_eq!(shop.taken(&coupon.id).await, 1, "it stays");
}

#[tokio::test]
async fn a_request_that_comes_too_late_is_taken_back_or_never_counts() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    // The request was counted, but the till never heard of it and handed nothing over.
    let early = shop.number();
    till.redeem(early, &coupon.id).await;
    till.begin(early, &coupon.id, START);
    till.decide(early, Outcome::Held, START);
    assert_eq!(only(&till.push(0).await.settlements), &Settlement::Undone, "nothing was handed over");
    assert_eq!(shop.taken(&coupon.id).await, 0, "so nothing is used");

    // The request arrives after the line.
    let late = shop.number();
    till.begin(late, &coupon.id, START);
    till.decide(late, Outcome::Refused, START);
    assert!(till.push(2).await.settlements.is_empty(), "there is nothing to settle");
    let (status, text) = till.put(late, &till.asking(&coupon.id)).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::CONFLICT, "voided"), "{text}");

    // It was refused online; the till never heard, and decided by itself that it may.
    let lost: Number = shop.number();
    shop.store().set_standing(&coupon.id, Standing::RefundPending).await.unwrap();
    let refused = till.redeem(lost, &coupon.id).await;
    assert!(matches!(refused, Redeemed::Refused { .. }), "not while a refund is looked at: {refused:?}");
    shop.store().set_standing(&coupon.id, Standing::Good).await.unwrap();
    till.accept(lost, &coupon.id, START);
    assert_eq!(only(&till.push(4).await.settlements), &Settlement::Confirmed, "what was handed over counts");
    assert_eq!(till.redeem(lost, &coupon.id).await, refused, "the number keeps its answer");
    assert_eq!(shop.taken(&coupon.id).await, 1, "and counts once");
}

#[tokio::test]
async fn goods_that_went_out_under_a_voided_number_count_and_a_late_request_gets_that_answer() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    let number = shop.number();
    till.ask(number).await;
    // The till never heard that the number was voided, and went on under it when the customer came back.
    till.accept(number, &coupon.id, START);
    let settled = till.push(0).await.settlements;
    assert_eq!(only(&settled), &Settlement::Confirmed, "the journal says what has happened");
    assert_eq!(shop.taken(&coupon.id).await, 1, "and it counts, once");
    assert_eq!(till.redeem(number, &coupon.id).await, Redeemed::Counted, "a late request learns of it");
    assert_eq!(shop.taken(&coupon.id).await, 1, "and counts nothing more");
}
