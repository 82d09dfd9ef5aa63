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
