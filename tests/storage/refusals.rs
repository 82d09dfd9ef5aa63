//! A disk that refuses: full, failing to flush, failing to write, stopping short. After a refusal nothing is accepted
//! until the journal was opened again and compared, and nothing that was acknowledged is missing then.

use std::path::Path;

use tests::disk::{Files, Plan, Word, scratch};
use tests::hands::SeededDice;
use tests::{number_from, tell};
use till::store::disk::Disk;
use till::store::journal::{Journal, JournalError};
use wire::line::Act;

use crate::lines::{Acts, Compared, Ground, append, compare, found};

const ROUNDS: u64 = 80;

/// What a number of refusals have done.
#[derive(Debug, Default)]
struct Toll {
    rounds: u64,
    refused: u64,
    accepted_afterwards: u64,
    lost: usize,
}

#[test]
fn a_full_disk_is_told_as_such_and_costs_nothing() {
    let toll =
        refuse("disk-full", |from, _| Plan::Full(from), |error| matches!(error, JournalError::DiskFull));
    tell(&format!("journal, no room: {toll:?}"));
}

#[test]
fn a_flush_that_failed_is_never_taken_for_done() {
    let fails = |from, dice: &SeededDice| Plan::FlushFails { from, times: 1 + dice.below(5) };
    let toll = refuse("flush", fails, |error| matches!(error, JournalError::Failed(_)));
    tell(&format!("journal, flushes that fail and forget: {toll:?}"));
}

#[test]
fn a_write_that_failed_half_way_costs_nothing() {
    let toll =
        refuse("write", |from, _| Plan::WriteFails(from), |error| matches!(error, JournalError::Failed(_)));
    tell(&format!("journal, writes that fail half way: {toll:?}"));
}

fn refuse(
    name: &str,
    plan: impl Fn(u64, &SeededDice) -> Plan,
    expected: impl Fn(&JournalError) -> bool,
) -> Toll {
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let mut toll = Toll::default();
    for round in 0..ROUNDS.max(number_from("COUNTERFOIL_CUTS", 0) / 5) {
        let dice = SeededDice::new(seed.wrapping_add(round));
        let ground = Ground::new(&format!("{name}-{round}"), &Files::new(), Word::Honest, dice.next());
        one_refusal(
            &format!("{name}, seed {seed}, round {round}"),
            &ground,
            &dice,
            &plan,
            &expected,
            &mut toll,
        );
    }
    assert!(toll.refused * 2 > toll.rounds, "the disk refused often enough: {toll:?}");
    assert!(toll.accepted_afterwards > 100, "and the till went on afterwards: {toll:?}");
    assert_eq!(toll.lost, 0, "nothing acknowledged is missing: {toll:?}");
    toll
}

/// A till's writing, and what it holds for true.
struct Writer<'a> {
    ground: &'a Ground,
    journal: Journal,
    acknowledged: Vec<Act>,
    /// What was under way at the last refusal: it may turn out to be there after all.
    in_doubt: Vec<Act>,
}

impl Writer<'_> {
    /// Writes as the till does: a journal that has failed is opened again first, and what it holds is what is true.
    fn write(&mut self, batch: &[Act]) -> Result<(), JournalError> {
        let openings = self.ground.disk.openings();
        if self.journal.has_failed() {
            let mut found = vec![];
            self.journal.recover(|line| found.push(line.act))?;
            assert!(self.ground.disk.openings() > openings, "the file was opened again");
            let Compared { lost, prefix } = compare(&found, &self.acknowledged, &self.in_doubt);
            assert!(lost == 0 && prefix, "opened again, it holds what it held: {lost} lost");
            self.acknowledged = found;
        }
        self.in_doubt = batch.to_vec();
        append(&mut self.journal, batch)?;
        self.acknowledged.append(&mut self.in_doubt);
        Ok(())
    }
}

impl Writer<'_> {
    /// The program ends and is started again, whatever the disk is doing.
    fn restart(&mut self) {
        // The place of the old connection, which holds the file.
        let memory = Journal::open_on(&Disk::default(), Path::new(":memory:"), "nobody", 1, |_| {}).unwrap();
        drop(std::mem::replace(&mut self.journal, memory));
        // A disk in trouble may not let it open; it lets it sooner or later.
        let opened = (0..50).find_map(|_| self.ground.open().ok());
        let (journal, found) = opened.expect("it opens once the trouble is over");
        let Compared { lost, prefix } = compare(&found, &self.acknowledged, &self.in_doubt);
        assert!(lost == 0 && prefix, "started again, it holds what it held: {lost} lost");
        (self.journal, self.acknowledged) = (journal, found);
        self.in_doubt.clear();
    }
}

/// Some lines; then the disk refuses; then it is good again; then the power goes.
fn one_refusal(
    what: &str,
    ground: &Ground,
    dice: &SeededDice,
    plan: &impl Fn(u64, &SeededDice) -> Plan,
    expected: &impl Fn(&JournalError) -> bool,
    toll: &mut Toll,
) {
    let disk = &ground.disk;
    let (journal, _) = ground.open().unwrap();
    let mut writer = Writer { ground, journal, acknowledged: vec![], in_doubt: vec![] };
    let mut acts = Acts::new();
    disk.set(plan(disk.operations() + 1 + dice.below(200), dice));
    let (mut after, mut refusals) = (0, 0);
    // Few: once the database itself is written, what happened to the log matters no more.
    let enough = 1 + dice.below(6);
    // Enough that there are lines before, trouble, and lines after; some trouble passes unseen.
    for _ in 0..400 {
        match writer.write(&acts.batch(dice)) {
            Ok(()) => after += u64::from(disk.refusals() > 0),
            Err(error) => {
                refusals += 1;
                // While it opens the journal again, the same trouble may come under another name.
                assert!(refusals > 1 || expected(&error), "{what}: {error}");
                let damage = matches!(error, JournalError::Broken { .. });
                assert!(!damage, "{what}: trouble is no damage: {error}");
                if dice.below(3) == 0 {
                    disk.evict();
                }
                if refusals > dice.below(4) && !matches!(plan(0, dice), Plan::FlushFails { .. }) {
                    disk.set(Plan::Good);
                }
                if dice.below(3) == 0 && !matches!(disk.plan(), Plan::Full(_) | Plan::WriteFails(_)) {
                    writer.restart();
                }
            }
        }
        if after == enough {
            break;
        }
    }
    toll.rounds += 1;
    toll.refused += refusals;
    toll.accepted_afterwards += after;
    let folder = scratch();
    let left = found(&disk.power_cut(), &folder).unwrap_or_else(|error| panic!("{what}: {error}"));
    let Compared { lost, .. } = compare(&left, &writer.acknowledged, &writer.in_doubt);
    if lost > 0 {
        tell(&format!("{what}: {lost} of {} lines are gone", writer.acknowledged.len()));
    }
    toll.lost += lost;
}

/// Opening it again is no formality: what comes back must be what was acknowledged.
#[test]
fn a_journal_that_comes_back_shorter_is_refused() {
    let ground = Ground::new("shorter", &Files::new(), Word::Honest, 1);
    let (disk, dice) = (&ground.disk, SeededDice::new(1));
    let (mut journal, _) = ground.open().unwrap();
    let mut acts = Acts::new();
    append(&mut journal, &acts.batch(&dice)).unwrap();
    let older = disk.files();
    append(&mut journal, &acts.batch(&dice)).unwrap();
    disk.set(Plan::FlushFails { from: 0, times: u64::MAX });
    assert!(append(&mut journal, &acts.batch(&dice)).is_err(), "the disk refuses");
    disk.replace(&older);
    disk.set(Plan::Good);
    for _ in 0..2 {
        let refused = journal.recover(|_| {});
        assert!(
            matches!(refused, Err(JournalError::Broken { .. })),
            "an older state in its place is not taken up: {refused:?}"
        );
        assert!(append(&mut journal, &acts.batch(&dice)).is_err(), "and takes no line");
    }
}

/// A read that stops short must never pass for a shorter journal.
#[test]
fn reads_that_stop_short_are_an_error_or_the_whole_journal() {
    let dice = SeededDice::new(number_from("COUNTERFOIL_SEED", 20_270_115));
    let ground = Ground::new("short-good", &Files::new(), Word::Honest, 1);
    let (mut journal, _) = ground.open().unwrap();
    let (mut acts, mut acknowledged) = (Acts::new(), vec![]);
    for _ in 0..200 {
        let batch = acts.batch(&dice);
        append(&mut journal, &batch).unwrap();
        acknowledged.extend(batch);
    }
    // As after a crash: the log still has lines that the database has not.
    let files = ground.disk.files();
    let (mut whole, mut errors) = (0, 0);
    for round in 0..ROUNDS {
        let ground = Ground::new(&format!("short-{round}"), &files, Word::Honest, dice.next());
        ground.disk.set(Plan::ShortReads(1 + dice.below(100)));
        match ground.open() {
            Ok((_, found)) => {
                assert_eq!(found, acknowledged, "round {round}: what opens is whole");
                whole += 1;
            }
            Err(_) => errors += 1,
        }
        ground.disk.set(Plan::Good);
        let (_, found) = ground.open().unwrap();
        assert_eq!(found, acknowledged, "round {round}: and nothing was harmed");
    }
    tell(&format!("journal, reads that stop short: {whole} whole, {errors} refused"));
    assert!(whole > 0 && errors > 0, "both happened: {whole}, {errors}");
}
