//! Feeds: each store hears of what is valid there, in order, and at once.

use std::collections::BTreeSet;

use server::store::{NewEntitlement, PAGE_LENGTH_MAX};
use wire::entitlement::Standing;

use crate::support::{Shop, coupon};

#[tokio::test]
async fn a_store_hears_of_what_is_valid_there_and_of_nothing_else() {
    let shop = Shop::open().await;
    let (here, there) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let anywhere = shop.issue(coupon(1)).await;
    let only_there =
        shop.issue(NewEntitlement { stores: Some(vec![shop.there.id.clone()]), ..coupon(1) }).await;

    let page = here.page(0, 0).await;
    let ids: Vec<String> = page.entries.iter().map(|entry| entry.entitlement.read().unwrap().id).collect();
    assert_eq!(ids, [anywhere.id.as_str()], "not of what is for the other store");
    let key: [u8; 32] = (0..32)
        .map(|at| u8::from_str_radix(&here.enrolled.store_key[2 * at..2 * at + 2], 16).unwrap())
        .collect::<Vec<u8>>()
        .try_into()
        .unwrap();
    assert_eq!(
        page.entries[0].code_hash,
        wire::code_hash(&key, &anywhere.code),
        "the till finds it by the hash of its code"
    );
    let ids: BTreeSet<String> = there
        .page(0, 0)
        .await
        .entries
        .into_iter()
        .map(|entry| entry.entitlement.read().unwrap().id)
        .collect();
    assert_eq!(ids, BTreeSet::from([anywhere.id, only_there.id]), "the other store hears of both");
}

#[tokio::test]
async fn pages_follow_each_other_without_a_hole() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let many = PAGE_LENGTH_MAX as usize + 250;
    let issued = shop.store().issue(&vec![coupon(1); many]).await.unwrap();
    till.redeem(shop.number(), &issued[3].id).await;

    let (mut after, mut seqs, mut ids) = (0, Vec::new(), BTreeSet::new());
    loop {
        let page = till.page(after, 0).await;
        assert!(page.entries.len() <= PAGE_LENGTH_MAX as usize, "a page has a limit");
        assert_eq!(page.last, page.entries.last().map_or(after, |entry| entry.seq), "last is the last entry");
        seqs.extend(page.entries.iter().map(|entry| entry.seq));
        ids.extend(page.entries.into_iter().map(|entry| entry.entitlement.read().unwrap().id));
        after = page.last;
        if !page.more {
            break;
        }
    }
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "numbers only rise");
    assert_eq!(ids.len(), many, "everything came");
    assert_eq!(after, many as u64 + 1, "the change took the next number, and its old one is gone");
    assert_eq!(seqs.len(), many, "so that each entitlement comes once, in its latest state");
    let page = till.page(after, 0).await;
    assert_eq!((page.entries.len(), page.last, page.more), (0, after, false), "nothing is new");
}

#[tokio::test]
async fn a_waiting_poll_wakes_at_once_when_something_changes() {
    let shop = Shop::open().await;
    let (here, there) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let coupon = shop.issue(coupon(2)).await;
    let after = here.page(0, 0).await.last;
    // Both are polled in one task, so that the wait has begun when the change is made; the wait of 30 seconds is
    // longer than any test may take, so that an answer means that the poll was woken.
    let (page, _) = tokio::join!(here.page(after, 30), there.redeem(shop.number(), &coupon.id));
    assert_eq!(page.entries.len(), 1, "the change is told");
    assert_eq!(page.entries[0].entitlement.read().unwrap().uses.len(), 1, "with its use");

    let (page, _) = tokio::join!(here.page(page.last, 30), async {
        shop.store().set_standing(&coupon.id, Standing::Refunded).await.unwrap();
    });
    assert_eq!(
        page.entries[0].entitlement.read().unwrap().standing,
        Standing::Refunded,
        "refunds are told, too"
    );
}

/// Setup changes wake a poll only after it began, so the change is repeated until the poll has answered.
#[tokio::test]
async fn a_waiting_poll_wakes_when_the_setup_changes() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let before = till.page(0, 0).await;
    let mut poll = std::pin::pin!(till.page(before.last, 30));
    let page = loop {
        tokio::select! {
            page = &mut poll => break page,
            renamed = shop.store().name_chain("山海茶铺") => renamed.unwrap(),
        }
    };
    assert!(page.setup > before.setup, "the till learns that its setup is old");
}

#[tokio::test]
async fn a_poll_hears_of_what_another_process_changed() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let other = server::Store::open_at(&shop.location, shop.store().hands().clone()).await.unwrap();
    let new = [coupon(1)];
    let (page, issued) = tokio::join!(till.page(0, 30), other.issue(&new));
    let issued = issued.unwrap();
    assert_eq!(
        page.entries[0].entitlement.read().unwrap().id,
        issued[0].id,
        "although no notification reached this process"
    );
}

#[tokio::test]
async fn a_new_store_begins_with_what_is_valid_everywhere() {
    let shop = Shop::open().await;
    let anywhere = shop.issue(coupon(1)).await;
    shop.issue(NewEntitlement { stores: Some(vec![shop.here.id.clone()]), ..coupon(1) }).await;
    let new = shop.store().add_store("龙华店").await.unwrap().expect("a new name");
    assert!(shop.store().add_store("龙华店").await.unwrap().is_none(), "a name is taken once");
    let page = shop.till(&new).await.page(0, 0).await;
    let ids: Vec<String> = page.entries.iter().map(|entry| entry.entitlement.read().unwrap().id).collect();
    assert_eq!(ids, [anywhere.id.as_str()], "and nothing that is for other stores");
}
