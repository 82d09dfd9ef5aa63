//! Four digits that several customers have: the clerk chooses, and the till never guesses.

use model::verdict::{Class, Reason};
use tests::counter::{Counter, verdict};
use tests::shop::{FUTIAN, NANSHAN};
use tests::{Shop, goods};
use till::desk::Act;
use till::screen::{ChoiceCard, Screen, Stage};

const CODE: &str = "4821";

fn choice(screen: Screen) -> ChoiceCard {
    match screen.stage {
        Stage::Choice(card) => card,
        other => panic!("a choice was expected on the screen, not {other:?}"),
    }
}

async fn two_orders(shop: &Shop) -> [String; 2] {
    shop.use_profiles(&["shopxo"]).await;
    let first = goods::order(&[("D01", "茉莉奶绿", 1)]);
    let second = goods::order(&[("C01", "桂花糕", 2)]);
    [shop.issue_of_mall(first, "shopxo", CODE).await, shop.issue_of_mall(second, "shopxo", CODE).await]
}

async fn choose(till: &Counter, id: &str) -> Screen {
    till.desk().act(Act::Choose(id.to_owned())).await
}

#[tokio::test]
async fn the_clerk_chooses_whose_order_it_is_online_and_offline() {
    let shop = Shop::open().await;
    let [first, second] = two_orders(&shop).await;
    let till = shop.till("1号收银机").await;
    let card = choice(till.scan(CODE).await);
    assert_eq!(card.candidates().len(), 2, "both customers may stand there");
    choose(&till, &second).await;
    let done = verdict(till.take(&[("C01", 2)]).await);
    assert_eq!(done.reason, Reason::PickedUp, "the chosen one, and all of it");
    till.sync().await;

    till.cord.cut();
    shop.clock.turn_minutes(1);
    till.scan("一看就不是码").await;
    let card = choice(till.scan(CODE).await);
    let left: Vec<&str> = card.candidates().iter().map(|one| one.known.entitlement.id.0.as_str()).collect();
    assert_eq!(left, [first.as_str()], "what is used up cannot be meant, and one is still no guess");
    choose(&till, &first).await;
    let done = verdict(till.take(&[("D01", 1)]).await);
    assert_eq!((done.reason, done.class()), (Reason::PickedUp, Class::Pass), "offline from the copy");
    assert!(done.unsent, "and still to be sent");
    till.cord.mend();
    till.sync().await;
    assert_eq!(shop.counting_numbers().await.len(), 2, "the server has counted both");
    assert_eq!(shop.cases().await.len(), 0, "and nothing needs a person");
}

#[tokio::test]
async fn what_belongs_to_another_store_or_day_is_not_among_them() {
    let shop = Shop::open().await;
    shop.use_profiles(&["shopxo"]).await;
    let here = shop.store().store_named(NANSHAN).await.unwrap().unwrap().id;
    let there = shop.store().store_named(FUTIAN).await.unwrap().unwrap().id;
    let at = |store: &str| server::store::NewEntitlement {
        stores: Some(vec![store.to_owned()]),
        ..goods::order(&[("D01", "茉莉奶绿", 1)])
    };
    let mine = shop.issue_of_mall(at(&here), "shopxo", CODE).await;
    shop.issue_of_mall(at(&there), "shopxo", CODE).await;
    let long_ago = server::store::NewEntitlement { valid_until: Some(1_700_000_000_000), ..at(&here) };
    shop.issue_of_mall(long_ago, "shopxo", CODE).await;
    let till = shop.till("1号收银机").await;
    for offline in [false, true] {
        if offline {
            till.cord.cut();
            till.scan("x").await;
        }
        shop.clock.turn_minutes(1);
        let card = choice(till.scan(CODE).await);
        let ids: Vec<&str> =
            card.candidates().iter().map(|one| one.known.entitlement.id.0.as_str()).collect();
        assert_eq!(ids, [mine.as_str()], "this store and this day, offline: {offline}");
    }
    let never = till.refused("4822").await;
    assert_eq!(never.reason, Reason::UnknownOffline, "another four digits are nobody's here");
}

#[tokio::test]
async fn neither_code_nor_digits_leave_the_till() {
    let shop = Shop::open().await;
    two_orders(&shop).await;
    let till = shop.till("1号收银机").await;
    choice(till.scan(CODE).await);
    let asked = format!("{:?}", till.cord.requests());
    assert!(asked.contains("Candidates"), "the server was asked");
    assert!(!asked.contains(CODE), "by a stretched hash alone: {asked}");
}
