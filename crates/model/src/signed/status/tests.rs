//! Tests of status lists: exact, with coverage as part of the answer, and only as the role key has signed them.

use proptest::prelude::*;

use super::super::samples::{DAY, NOW, ROLE, ROOTS, key, list, trust};
use super::super::trust::sign_list;
use super::*;

fn update() -> StatusUpdate {
    let chunk = ChunkUpdate { index: 3, raw_length: 16_384, bytes: vec![1, 2, 3] };
    let lists = vec![
        CampaignUpdate { campaign: 2, covered: 0, chunks: vec![] },
        CampaignUpdate { campaign: 7, covered: 200_000, chunks: vec![chunk] },
    ];
    StatusUpdate { after: 10, version: 12, more: false, at: NOW, lists }
}

#[test]
fn two_bits_say_what_became_of_a_number() {
    let chunk = pack(&[State::Redeemed, State::Unused, State::Reserved, State::Revoked, State::Redeemed]);
    assert_eq!(chunk, [0b10_11_00_01, 0b01], "the first number stands in the lowest bits");
    assert_eq!(get(&chunk, 3), Some(State::Revoked), "the fourth");
    assert_eq!(get(&chunk, 7), Some(State::Unused), "the rest of the last byte");
    assert_eq!(get(&chunk, 8), None, "past the end nothing is known");
}

#[test]
fn a_number_that_is_not_covered_is_never_unused() {
    let mut list = List::default();
    assert_eq!(list.state(0), None, "an empty list knows nothing");
    list.set(70_000, State::Redeemed);
    assert_eq!(list.state(70_000), Some(State::Redeemed), "what was noted");
    assert_eq!(list.state(69_999), Some(State::Unused), "below, in the same chunk");
    assert_eq!(list.state(70_001), None, "above what is covered");
    assert_eq!(list.state(5), None, "covered, but its chunk is missing");
    assert!(list.put(0, 70_001, pack(&[State::Revoked])), "the missing chunk, cut short");
    assert_eq!(list.state(0), Some(State::Revoked), "what it says");
    assert_eq!(list.state(5), None, "and no more than that");
    assert!(!list.put(1, 70_001, vec![0; CHUNK_BYTES + 1]), "no chunk is longer");
    assert_eq!(list.state(70_000), Some(State::Redeemed), "and nothing has changed");
    assert!(list.put(u16::MAX, u32::MAX, vec![0; CHUNK_BYTES]), "the last chunk");
    assert_eq!(list.state(u32::MAX), None, "the last number of all cannot be covered");
}

#[test]
fn a_chunk_that_was_told_before_knows_no_more_when_a_later_one_is_told() {
    let mut list = List::default();
    assert!(list.put(0, 1, pack(&[State::Revoked])), "one number, in a byte that has room for four");
    assert_eq!(list.state(1), None, "what fills up the byte says nothing");
    assert!(list.put(1, 70_000, vec![0; CHUNK_BYTES]), "the second part of an update comes first");
    assert_eq!(list.state(1), None, "number 1 was issued meanwhile, and what became of it is still to come");
    assert_eq!(list.state(69_999), Some(State::Unused), "the later chunk is known");
}

#[test]
fn an_update_applies_where_it_begins_or_later_and_never_leads_back() {
    let update = update();
    for held in [10, 11, 12] {
        assert_eq!(update.follows(held), Ok(()), "held {held}");
    }
    assert_eq!(update.follows(9), Err(OutOfOrder::Gap), "one between is missing");
    assert_eq!(update.follows(13), Err(OutOfOrder::Rollback), "an older one");
}

#[test]
fn only_a_role_key_says_what_became_of_codes() {
    let signed = sign_update(&update(), &key(ROLE)).unwrap();
    assert_eq!(read_update(&signed, &trust(), NOW), Ok(update()), "as it was signed");
    for other in [1, ROOTS[0]] {
        let signed = sign_update(&update(), &key(other)).unwrap();
        assert_eq!(read_update(&signed, &trust(), NOW), Err(NotTaken::NotSigned), "key {other} may not");
    }
    let late = NOW.plus_seconds(400 * DAY);
    assert_eq!(read_update(&signed, &trust(), late), Err(NotTaken::RootTooOld), "under an expired root");
    let mut trust = trust();
    assert_eq!(trust.take_list(&signed, NOW).map(|_| ()), Err(NotTaken::Malformed), "it is no trust list");
    let list = sign_list(&list(6), &key(ROLE)).unwrap();
    assert_eq!(read_update(&list, &trust, NOW), Err(NotTaken::Malformed), "and a trust list is no update");
}

#[test]
fn what_is_not_in_order_is_not_signed() {
    let refused = |change: &dyn Fn(&mut StatusUpdate)| {
        let mut update = update();
        change(&mut update);
        sign_update(&update, &key(ROLE)).err()
    };
    assert_eq!(refused(&|update| update.after = 13), Some(NotSignable), "it leads back");
    assert_eq!(refused(&|update| update.lists.reverse()), Some(NotSignable), "not sorted");
    assert_eq!(refused(&|update| update.lists[1].campaign = 2), Some(NotSignable), "one campaign twice");
    assert_eq!(
        refused(&|update| update.lists[1].chunks[0].raw_length = 16_385),
        Some(NotSignable),
        "a long chunk"
    );
    let large = |update: &mut StatusUpdate| {
        let chunk = |index| ChunkUpdate { index, raw_length: 16_384, bytes: vec![0; 16_384] };
        update.lists[1].chunks = (0..64).map(chunk).collect();
    };
    assert_eq!(refused(&large), Some(NotSignable), "longer than an update may be");
}

fn any_update() -> impl Strategy<Value = StatusUpdate> {
    let chunks = prop::collection::btree_map(
        any::<u16>(),
        (0u16..=16_384, prop::collection::vec(any::<u8>(), 0..40)),
        0..4,
    );
    let lists = prop::collection::btree_map(any::<u16>(), (any::<u32>(), chunks), 0..4);
    (any::<u32>(), any::<u32>(), any::<bool>(), lists).prop_map(|(after, steps, more, lists)| StatusUpdate {
        after: after.into(),
        version: u64::from(after) + u64::from(steps),
        more,
        at: NOW,
        lists: lists
            .into_iter()
            .map(|(campaign, (covered, chunks))| CampaignUpdate {
                campaign,
                covered,
                chunks: chunks
                    .into_iter()
                    .map(|(index, (raw_length, bytes))| ChunkUpdate { index, raw_length, bytes })
                    .collect(),
            })
            .collect(),
    })
}

proptest! {
    #[test]
    fn a_packed_chunk_says_what_was_packed(bits in prop::collection::vec(0usize..4, 0..3_000)) {
        let states: Vec<State> = bits.into_iter().map(|bits| State::ALL[bits]).collect();
        let chunk = pack(&states);
        let mut list = List::default();
        for (number, state) in (0u32..).zip(&states) {
            prop_assert_eq!(get(&chunk, number as u16), Some(*state), "packed");
            list.set(number, *state);
        }
        for (number, state) in (0u32..).zip(&states) {
            prop_assert_eq!(list.state(number), Some(*state), "noted one by one");
        }
        prop_assert_eq!(list.state(states.len() as u32), None, "and no further");
    }

    #[test]
    fn an_update_comes_back_as_it_was(update in any_update()) {
        let signed = sign_update(&update, &key(ROLE)).unwrap();
        prop_assert_eq!(read_update(&signed, &trust(), NOW), Ok(update), "unchanged");
    }

    #[test]
    fn a_changed_update_is_refused(at: prop::sample::Index, flip in 1u8..) {
        let mut bytes = sign_update(&update(), &key(ROLE)).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(read_update(&bytes, &trust(), NOW).is_err(), "byte {at} xor {flip:#x}");
    }
}
