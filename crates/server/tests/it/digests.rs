//! What feeds prove: digests of what they tell, snapshots that add up, and receipts that a database which was set back
//! cannot explain.

use reqwest::{Method, StatusCode, header};
use server::store::PAGE_LENGTH_MAX;
use wire::api::{Page, Snapshot};
use wire::codes::unhex;
use wire::entitlement::Standing;
use wire::feed::{Digest, RowKey};

use crate::support::{Shop, Till, coupon, problem};

fn key(till: &Till) -> RowKey {
    RowKey::of(&unhex(&till.enrolled.store_key).expect("a key"))
}

fn digest_of(till: &Till, page: &Page) -> Digest {
    let mut digest = Digest::EMPTY;
    for entry in &page.entries {
        let id = entry.entitlement.read().expect("an entitlement").id;
        digest.add(&key(till).hash(&id, &entry.code_hash, entry.entitlement.text()));
    }
    digest
}

async fn receipt(till: &Till, receipt: &str, epoch: &str) -> Page {
    till.get(&format!("/v1/feeds/{}?after=0&epoch={epoch}&receipt={receipt}", till.enrolled.feed)).await
}

#[tokio::test]
async fn the_digest_is_that_of_the_rows_after_every_change() {
    let shop = Shop::open().await;
    let (here, there) = (shop.till(&shop.here).await, shop.till(&shop.there).await);
    let empty = here.page(0, 0).await;
    assert_eq!(empty.digest, Some(Digest::EMPTY), "of nothing");
    let issued = shop.store().issue(&vec![coupon(2); 20]).await.unwrap();
    let first = here.page(0, 0).await;
    assert_eq!(first.digest, Some(digest_of(&here, &first)), "of twenty");
    here.redeem(shop.number(), &issued[7].id).await;
    shop.store().set_standing(&issued[3].id, Standing::Refunded).await.unwrap();
    for till in [&here, &there] {
        let page = till.page(0, 0).await;
        assert_eq!(page.digest, Some(digest_of(till, &page)), "what changed was exchanged in it");
        assert_eq!((page.rows, page.head), (digest_of(till, &page), 22), "and the page is the whole feed");
        assert_ne!(page.digest, first.digest, "it moves");
    }
    let news = here.page(first.last, 0).await;
    let old = first.entries.iter().find(|entry| entry.entitlement.read().unwrap().id == issued[9].id);
    let same = here.page(0, 0).await.entries.into_iter().find(|entry| Some(entry) == old);
    assert!(same.is_some(), "what did not change is told with the same bytes");
    assert_eq!((news.entries.len(), news.rows), (2, digest_of(&here, &news)), "a later page has its own");
}

#[tokio::test]
async fn a_page_with_more_behind_it_speaks_for_itself_alone() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    shop.store().issue(&vec![coupon(1); PAGE_LENGTH_MAX as usize + 5]).await.unwrap();
    let first = till.page(0, 0).await;
    assert_eq!((first.more, first.digest, first.rows), (true, None, digest_of(&till, &first)), "the first");
    let second = till.page(first.last, 0).await;
    let mut all = first.rows;
    all.join(&second.rows);
    assert_eq!((second.more, second.digest), (false, Some(all)), "both together are the feed");
}

#[tokio::test]
async fn a_snapshot_is_the_feed_and_its_chunks_are_fetched_once() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let issued = shop.store().issue(&vec![coupon(1); 3_000]).await.unwrap();
    let path = format!("/v1/snapshots/{}", till.enrolled.feed);
    let snapshot: Snapshot = till.get(&path).await;
    assert_eq!((snapshot.rows, snapshot.seq), (3_000, 3_000), "all of it");
    let (mut digest, mut ids) = (Digest::EMPTY, vec![]);
    for chunk in &snapshot.chunks {
        let get = || till.signed(Method::GET, &format!("{path}/{}", chunk.name), vec![]);
        // Signed like every other answer.
        let answer = till.send(&get()).await;
        let tag = answer.headers[header::ETAG].to_str().unwrap().to_owned();
        let bytes = answer.body;
        assert_eq!(wire::snapshot::name(&bytes), chunk.name, "its name is the hash of its bytes");
        assert_eq!(bytes.len() as u64, chunk.bytes, "it is as long as was said");
        let mut rows = wire::snapshot::Rows::of(&bytes).unwrap();
        while let Some(row) = rows.next_row().unwrap() {
            digest.add(&key(&till).hash(&row.id, &row.code_hash, &row.told));
            ids.push(row.id.clone());
        }
        let mut again = get();
        again.headers.push(("if-none-match", tag));
        let again = till.send(&again).await;
        assert_eq!(
            (again.status.as_u16(), again.body.len()),
            (304, 0),
            "whoever has it is not sent it again"
        );
    }
    assert_eq!((digest, ids.len()), (snapshot.digest, 3_000), "its rows add up");
    assert!(ids.is_sorted(), "in the order of their ids");
    assert_eq!(till.page(0, 0).await.head, snapshot.seq, "at the place where the feed stands");

    till.redeem(shop.number(), &issued[0].id).await;
    let later: Snapshot = till.get(&path).await;
    assert_eq!(later, snapshot, "a change or two, and it still serves");
    let gone = format!("{path}/{}", "0".repeat(64));
    let (status, text) = till.call(Method::GET, &gone, None::<&()>).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::NOT_FOUND, "not_found"), "{text}");
    let there = shop.till(&shop.there).await;
    let (status, _) = there.call(Method::GET, &path, None::<&()>).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "another store's tills have their own");
    let up = format!("{path}/..%2F..%2Fserver.db");
    let (status, _) = till.call(Method::GET, &up, None::<&()>).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a name is nothing but a hash");
}

#[tokio::test]
async fn a_receipt_proves_nothing_while_nothing_is_lost_and_nobody_can_make_one() {
    let shop = Shop::open().await;
    let (till, other) = (shop.till(&shop.here).await, shop.till(&shop.here).await);
    let mut receipts = vec![till.page(0, 0).await.receipt];
    let issued = shop.store().issue(&vec![coupon(3); 5]).await.unwrap();
    for coupon in &issued {
        receipts.push(till.page(0, 0).await.receipt);
        till.redeem(shop.number(), &coupon.id).await;
    }
    let epoch = till.page(0, 0).await.epoch;
    let mut forged = receipts[2].clone();
    forged.replace_range(20..24, "AAAA");
    receipts.extend([forged, "no-receipt".into(), other.page(0, 0).await.receipt]);
    for one in &receipts {
        let page = receipt(&till, one, &epoch).await;
        assert_eq!(page.epoch, epoch, "nothing was set back: {one}");
    }
    assert!(shop.store().set_backs().await.unwrap().is_empty(), "and nothing is written down");
}

#[tokio::test]
async fn operators_see_that_the_database_was_set_back() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let (_, before) = till.call(Method::GET, "/readyz", None::<&()>).await;
    assert_eq!(before, "ok\n", "all is well");
    let epoch = shop.store().begin_feeds_anew().await.unwrap();
    let (status, after) = till.call(Method::GET, "/readyz", None::<&()>).await;
    assert_eq!(status, StatusCode::OK, "it answers all the same");
    assert!(after.contains("set back") && after.contains(&epoch), "and says it: {after}");
    assert_eq!(till.page(0, 0).await.epoch, epoch, "tills hear of the new epoch");
}
