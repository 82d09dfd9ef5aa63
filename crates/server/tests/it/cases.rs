//! Cases over HTTP: told to the stores that have a part in them, decided on by lines, and kept whatever is decided.

use server::store::NewEntitlement;
use wire::api::Settlement;
use wire::case::CasesPage;
use wire::line::{Act, Decision, Person};

use crate::support::{START, Shop, Till, coupon};

async fn cases(till: &Till, after: u64) -> CasesPage {
    till.get(&format!("/v1/cases?after={after}")).await
}

fn resolve(till: &mut Till, number: String, case: &str, decision: Decision) {
    let clerk = Person { id: "staff-1".into(), name: "李娜".into() };
    let (case, note) = (case.into(), "退回了".into());
    till.write(START, Act::Resolved { number, case, decision, note, clerk, seen: vec![] });
}

#[tokio::test]
async fn a_case_reaches_both_stores_and_the_first_decision_stands() {
    let shop = Shop::open().await;
    let (mut ours, mut theirs) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let coupon = shop.issue(coupon(1)).await;
    theirs.accept(shop.number(), &coupon.id, START - 5_000);
    ours.accept(shop.number(), &coupon.id, START);
    theirs.push(0).await;
    let before = ours.page(0, 0).await;
    assert_eq!(before.cases, 0, "nothing to look at yet");
    ours.push(0).await;
    for till in [&ours, &theirs] {
        assert_eq!(till.page(0, 0).await.cases, 1, "each store's page tells that there is something");
        let page = cases(till, 0).await;
        assert_eq!((page.last, page.more, page.cases.len()), (1, false, 1), "one case");
        let case = &page.cases[0].case;
        assert_eq!(
            (case.class.as_str(), case.state.as_str(), case.value),
            ("duplicate", "open", 2_000),
            "{case:?}"
        );
        let stores: Vec<&str> = case.sides.iter().map(|side| side.done.store.as_str()).collect();
        assert_eq!(stores, ["福田店", "南山店"], "with both sides");
        let relied = case.sides[1].relied.as_ref().expect("and on what each till relied");
        assert_eq!((relied.version, relied.heard_at), (1, START), "{relied:?}");
        assert!(case.sides[1].not_before > 0, "and since when it can have happened");
    }
    let case = cases(&ours, 0).await.cases[0].case.case.clone();
    resolve(&mut ours, shop.number().to_string(), &case, Decision::Recovered);
    let settled = ours.push(2).await.settlements;
    assert_eq!(settled[0].settlement, Settlement::Resolved, "the manager here has decided");
    resolve(&mut theirs, shop.number().to_string(), &case, Decision::WrittenOff);
    let settled = theirs.push(2).await.settlements;
    let stands = Settlement::ResolvedBefore { decision: "recovered".into() };
    assert_eq!(settled[0].settlement, stands, "the one there hears of it");
    let page = cases(&theirs, 1).await;
    let told = &page.cases[0].case;
    assert_eq!(
        (page.last, told.state.as_str(), told.decisions.len()),
        (3, "resolved", 2),
        "both are on record"
    );
    assert_eq!(cases(&theirs, page.last).await.cases.len(), 0, "and nothing is told twice");
}

#[tokio::test]
async fn a_decision_on_a_case_that_is_not_there_is_kept() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    resolve(&mut till, shop.number().to_string(), "case-0", Decision::NoFault);
    let settled = till.push(0).await.settlements;
    assert_eq!(settled[0].settlement, Settlement::CaseUnknown, "nobody knows it here");
    assert_eq!(till.push(0).await.settlements, settled, "which stays the answer");
}

#[tokio::test]
async fn an_undo_of_some_pieces_gives_those_back_and_no_others() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let card = shop.issue(NewEntitlement { valid_until: Some(START + 3_600_000), ..coupon(5) }).await;
    let number = shop.number();
    till.accept_pieces(number, &card.id, START, 3);
    till.undo_part(shop.number(), number, START, 1);
    till.undo_part(shop.number(), number, START, 3);
    let settlements: Vec<Settlement> =
        till.push(0).await.settlements.into_iter().map(|settled| settled.settlement).collect();
    assert_eq!(settlements[..2], [Settlement::Confirmed, Settlement::Undone], "three counted, one came back");
    assert!(
        matches!(&settlements[2], Settlement::Refused { reason, .. } if reason == "undo_too_much"),
        "three of two do not: {settlements:?}"
    );
    assert_eq!(shop.taken(&card.id).await, 2, "two are still taken");
    let entry = till.page(0, 0).await.entries.pop().expect("the feed tells of it");
    assert_eq!(entry.entitlement.read().unwrap().uses[0].takes[0].quantity, 2, "as every till hears");
    let rows = shop.store().redemptions(None, Default::default()).await.unwrap();
    assert_eq!((rows[0].undone, rows[0].taken_back[0].quantity), (false, 1), "and the list shows both");
    let refused = shop.store().cases().await.unwrap().pop().expect("the refused undo is a case");
    assert_eq!(
        (refused.class.as_str(), refused.sides.len()),
        ("undo_race", 2),
        "with both acts: {refused:?}"
    );
}

#[tokio::test]
async fn a_till_that_was_given_up_is_still_taken_in() {
    let shop = Shop::open().await;
    let mut till = shop.till(&shop.here).await;
    let coupon = shop.issue(coupon(1)).await;
    let device = shop.store().device(&till.enrolled.device).await.unwrap().expect("it is enrolled");
    assert!(shop.store().write_off(&device, "进水了").await.unwrap(), "given up");
    assert!(!shop.store().write_off(&device, "again").await.unwrap(), "once");
    till.accept(shop.number(), &coupon.id, START);
    assert_eq!(till.push(0).await.settlements[0].settlement, Settlement::Confirmed, "it counts");
    let mut classes: Vec<String> = shop
        .store()
        .cases()
        .await
        .unwrap()
        .into_iter()
        .map(|case| format!("{} {}", case.class, case.state))
        .collect();
    classes.sort();
    assert_eq!(classes, ["gap resolved", "written_off open"], "with what was given up, and that it came");
}
