//! What a till sees of two writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::{PATIENCE, goods};

use crate::two::{SIDES, Two, at_once, redeem, takes};

/// The schedules that lose rows elsewhere: a number that was given out is visible before a smaller one is. Each entitlement
/// here is told once, so that every number must be seen.
pub async fn a_reader_sees_every_number_and_none_comes_late(two: Arc<Two>) {
    const BATCHES: usize = 20;
    let till = two.till().await;
    let writing = Arc::new(AtomicUsize::new(SIDES.len()));
    let writers: Vec<_> = SIDES
        .into_iter()
        .map(|side| {
            let (two, writing) = (two.clone(), writing.clone());
            tokio::spawn(async move {
                for batch in 0..BATCHES {
                    side(&two).issue(&goods::coupons(1 + batch % 3)).await.unwrap();
                }
                writing.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let expected: u64 = (0..BATCHES).map(|batch| 1 + batch as u64 % 3).sum::<u64>() * 2;
    let (mut cursor, mut looks) = (0, 0);
    let reading = async {
        loop {
            let last_look = writing.load(Ordering::SeqCst) == 0;
            let page = SIDES[looks % 2](&two).page(&till, cursor).await.unwrap();
            for entry in &page.entries {
                assert_eq!(entry.seq, cursor + 1, "the next number, and no other, follows {cursor}");
                cursor = entry.seq;
            }
            looks += 1;
            if last_look && page.entries.is_empty() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the writers come to an end");
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(cursor, expected, "every number was seen");
    let whole = two.one.page(&till, 0).await.unwrap();
    let numbers: Vec<u64> = whole.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=expected).collect::<Vec<u64>>(), "and none came later");
    assert_eq!(whole.digest, Some(whole.rows), "and the digest, moved by both, is that of the rows");
}

pub async fn the_feeds_of_two_stores_never_wait_for_each_other_crosswise(two: Arc<Two>) {
    two.other.add_store("福田店").await.unwrap().expect("a second store");
    let till = two.till().await;
    let ids: Vec<String> =
        two.one.issue(&goods::coupons(12)).await.unwrap().into_iter().map(|issued| issued.id).collect();
    let before = two.one.feed_position(&till).await.unwrap().seq;
    at_once(ids.into_iter().enumerate().map(|(place, id)| {
        let (two, till, number) = (two.clone(), till.clone(), two.number());
        async move { redeem(SIDES[place % 2](&two), &till, number, &id, &takes("coupon", 1)).await.unwrap() }
    }))
    .await;
    let after = two.other.feed_position(&till).await.unwrap().seq;
    assert_eq!(after, before + 12, "each redemption is one number in each feed");
}

/// The tables that a backup of this story has, in an order in which they can be filled.
const BACKED_UP: [&str; 8] = [
    "entitlements",
    "entitlement_lines",
    "entitlement_stores",
    "codes",
    "told",
    "feeds",
    "feed_entries",
    "feed_marks",
];

pub async fn a_database_that_was_set_back_and_has_overtaken_a_till_begins_anew_once(two: Arc<Two>) {
    let till = two.till().await;
    let receipt = async || two.one.page(&till, 0).await.unwrap().receipt;
    let mut harmless = vec![receipt().await];
    two.one.issue(&goods::coupons(2)).await.unwrap();
    harmless.push(receipt().await);
    for table in BACKED_UP {
        two.run(format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
    }
    two.one.issue(&goods::coupons(3)).await.unwrap();
    let told = receipt().await;
    for table in BACKED_UP.into_iter().rev() {
        two.run(format!("DELETE FROM {table}")).await;
    }
    for table in BACKED_UP {
        two.run(format!("INSERT INTO {table} SELECT * FROM saved_{table}")).await;
    }
    two.other.issue(&goods::coupons(10)).await.unwrap();
    harmless.push(receipt().await);
    for receipt in &harmless {
        assert!(!two.one.heed_receipt(&till, receipt).await.unwrap(), "what was told before is still so");
    }
    let before = two.one.feed_position(&till).await.unwrap();
    assert_eq!(before.seq, 12, "no number shows that three are lost");

    let (one, other) = tokio::join!(two.one.heed_receipt(&till, &told), two.other.heed_receipt(&till, &told));
    assert_ne!(one.unwrap(), other.unwrap(), "of two that hear the proof, one begins the feeds anew");
    let after = two.one.feed_position(&till).await.unwrap();
    assert_ne!(after.epoch, before.epoch, "under another epoch");
    let set_backs = two.other.set_backs().await.unwrap();
    assert_eq!(
        (set_backs.len(), set_backs[0].till.as_ref()),
        (1, Some(&till.id)),
        "which is written down once"
    );
    assert!(!two.one.heed_receipt(&till, &told).await.unwrap(), "an old epoch proves nothing any more");
    let whole = two.one.page(&till, 0).await.unwrap();
    assert_eq!((whole.entries.len(), whole.digest), (12, Some(whole.rows)), "what is there adds up");
}

pub async fn a_snapshot_is_what_the_feed_tells_and_a_till_gets_it_at_either_process(two: Arc<Two>) {
    let till = two.till().await;
    let issued = two.one.issue(&goods::coupons(700)).await.unwrap();
    redeem(&two.other, &till, two.number(), &issued[3].id, &takes("coupon", 1)).await.unwrap();
    let page = two.one.page(&till, 0).await.unwrap();
    for store in [&two.one, &two.other] {
        let snapshot = store.snapshot(&till).await.unwrap();
        assert_eq!(
            (snapshot.rows, snapshot.seq, Some(snapshot.digest)),
            (700, 701, page.digest),
            "all of it"
        );
        let mut rows = 0;
        for chunk in &snapshot.chunks {
            let bytes = store.snapshot_chunk(&till, &chunk.name).await.unwrap().expect("what is promised");
            let mut unpacked = wire::snapshot::Rows::of(&bytes).unwrap();
            while let Some(row) = unpacked.next_row().unwrap() {
                let told = page.entries.iter().find(|entry| entry.entitlement.text() == row.told);
                assert!(told.is_some_and(|entry| entry.code_hash == row.code_hash), "the bytes of the feed");
                rows += 1;
            }
        }
        assert_eq!(rows, 700, "and nothing else");
    }
}
