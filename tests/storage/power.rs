//! Power is cut at any operation of the journal, again and again; and two controls that must lose lines.

use tests::disk::{Files, Plan, Word, scratch};
use tests::hands::SeededDice;
use tests::{number_from, tell};
use till::store::disk::Flush;
use wire::line::Act;

use crate::lines::{Acts, Compared, Ground, append, compare, found};

/// A journal that has no line yet is cut this often before another one begins.
const CUTS_PER_JOURNAL: u64 = 5;
/// The power goes at one of so many operations.
const OPERATIONS: u64 = 260;

/// What a number of power cuts have done.
#[derive(Debug, Default)]
struct Toll {
    cuts: u64,
    acknowledged: usize,
    lost: usize,
    cuts_with_loss: u64,
    corrupt: u64,
    not_a_prefix: u64,
}

#[test]
fn nothing_acknowledged_is_lost_when_power_is_cut() {
    let toll = cut("full", Flush::EveryCommit, Word::Honest, number_from("COUNTERFOIL_CUTS", 400));
    tell(&format!("journal, every commit flushed, honest disk: {toll:?}"));
    assert!(toll.cuts >= 400, "often enough: {toll:?}");
    assert!(toll.acknowledged > 1_000, "while there was something to lose: {toll:?}");
    assert_eq!((toll.lost, toll.corrupt, toll.not_a_prefix), (0, 0, 0), "nothing lost or damaged: {toll:?}");
}

/// The control: without a flush at every commit lines are lost, and this test room sees it.
#[test]
fn flushing_now_and_then_is_seen_to_lose_lines() {
    let toll = cut("normal", Flush::NowAndThen, Word::Honest, 100);
    tell(&format!("journal, flushed now and then (must lose): {toll:?}"));
    assert!(toll.cuts_with_loss > 10, "acknowledged lines are lost: {toll:?}");
    assert_eq!((toll.corrupt, toll.not_a_prefix), (0, 0), "though never from the middle: {toll:?}");
}

/// The control: no care of ours helps on a disk that reports a flush and does nothing.
#[test]
fn a_disk_that_lies_is_seen_to_lose_lines() {
    let toll = cut("lies", Flush::EveryCommit, Word::Lies, 100);
    tell(&format!("journal, a disk that lies about flushing (must lose): {toll:?}"));
    let bad = toll.cuts_with_loss + toll.corrupt;
    assert!(
        bad > toll.cuts / 2 && toll.lost > 0,
        "acknowledged lines are lost, or all of the file: {toll:?}"
    );
}

fn cut(name: &str, flush: Flush, word: Word, cuts: u64) -> Toll {
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let mut toll = Toll::default();
    for journal in 0..cuts.div_ceil(CUTS_PER_JOURNAL) {
        one_journal(&format!("{name}-{journal}"), seed.wrapping_add(journal), flush, word, &mut toll);
    }
    toll
}

/// One journal from its first line on, through several power cuts.
fn one_journal(name: &str, seed: u64, flush: Flush, word: Word, toll: &mut Toll) {
    let dice = SeededDice::new(seed);
    let folder = scratch();
    let (mut files, mut acts, mut acknowledged) = (Files::new(), Acts::new(), Vec::new());
    for life in 0..CUTS_PER_JOURNAL {
        let mut ground = Ground::new(&format!("{name}-{life}"), &files, word, dice.next());
        ground.flush = flush;
        let at = 1 + dice.below(OPERATIONS);
        ground.disk.set(Plan::PowerCut(at));
        let under_way = live(&ground, &dice, &mut acts, &mut acknowledged);
        files = ground.disk.power_cut();
        toll.cuts += 1;
        toll.acknowledged += acknowledged.len();
        let Ok(left) = found(&files, &folder) else {
            toll.corrupt += 1;
            tell_loss(word, name, seed, life, "what is left cannot be opened");
            return;
        };
        let Compared { lost, prefix } = compare(&left, &acknowledged, &under_way);
        toll.lost += lost;
        toll.cuts_with_loss += u64::from(lost > 0);
        toll.not_a_prefix += u64::from(!prefix);
        if flush == Flush::EveryCommit && (lost > 0 || !prefix) {
            tell_loss(word, name, seed, life, "lines are gone");
        }
        acknowledged = left;
    }
}

/// Says where to look, unless loss was expected.
fn tell_loss(word: Word, name: &str, seed: u64, life: u64, what: &str) {
    if word == Word::Honest {
        tell(&format!("journal {name}, seed {seed}, cut {life}: {what}"));
    }
}

/// Appends until the power goes; gives the batch that was under way.
fn live(ground: &Ground, dice: &SeededDice, acts: &mut Acts, acknowledged: &mut Vec<Act>) -> Vec<Act> {
    let Ok((mut journal, before)) = ground.open() else {
        assert!(ground.disk.is_off(), "it opens, unless the power goes meanwhile");
        return vec![];
    };
    assert_eq!(before, *acknowledged, "it opens with what the ordinary program found");
    loop {
        let batch = acts.batch(dice);
        if let Err(error) = append(&mut journal, &batch) {
            assert!(ground.disk.is_off(), "a good disk takes every line: {error}");
            return batch;
        }
        acknowledged.extend(batch);
    }
}
