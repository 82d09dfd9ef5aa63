//! The journal's promises, on a real file.

use wire::api::Settlement;
use wire::line::{Settled, Why};

use super::*;

const NOW: UnixMs = UnixMs(1_800_000_000_000);

fn act(n: u64) -> Act {
    let settled = Settled { number: format!("{n:032x}"), settlement: Settlement::Confirmed };
    Act::Settled { settled: vec![settled] }
}

fn open(path: &Path) -> Result<(Journal, Vec<Line>), JournalError> {
    let mut lines = vec![];
    let mut journal = Journal::open(path, "till-1", 1, |line| lines.push(line))?;
    journal.sign_with(key(1))?;
    Ok((journal, lines))
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn change(path: &Path, damage: &str) {
    Connection::open(path).unwrap().execute_batch(damage).unwrap();
}

#[test]
fn lines_come_back_in_order_and_chained() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1), act(2)]).unwrap();
    journal.append(NOW, vec![act(3)]).unwrap();
    let head = journal.head();
    drop(journal);
    let (journal, lines) = open(&path).unwrap();
    assert_eq!(journal.head(), head, "the head is what it was");
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 3], "dense and in order");
    assert_eq!(lines[2].prev, line::hash(&line::encode(&lines[1], &key(1))), "each names the one before");
    assert_eq!(journal.after(1, 1, 10).unwrap().len(), 2, "the lines after the first");
}

#[test]
fn a_changed_or_missing_line_is_noticed_and_the_file_kept() {
    for damage in [
        "UPDATE line SET bytes = (SELECT bytes FROM line WHERE seq = 1) WHERE seq = 2",
        "DELETE FROM line WHERE seq = 2",
        "UPDATE line SET bytes = x'00' WHERE seq = 3",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let (mut journal, _) = open(&path).unwrap();
        journal.append(NOW, vec![act(1), act(2), act(3)]).unwrap();
        drop(journal);
        change(&path, damage);
        assert!(matches!(open(&path), Err(JournalError::Broken { .. })), "noticed: {damage}");
        assert!(path.exists(), "and the file is still there");
    }
}

#[test]
fn garbage_and_another_tills_journal_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    std::fs::write(&path, vec![7u8; 8192]).unwrap();
    assert!(matches!(open(&path), Err(JournalError::Broken { .. })), "garbage");
    std::fs::remove_file(&path).unwrap();
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1)]).unwrap();
    drop(journal);
    let other = Journal::open(&path, "till-2", 1, |_| {});
    assert!(matches!(other, Err(JournalError::Broken { .. })), "a copied journal is not this till's");
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1)]).unwrap();
    // SQLite's own limit on the file gives the very error that a full disk gives.
    journal.db.pragma_update(None, "max_page_count", 4).unwrap();
    let mut refused = None;
    for n in 2..500 {
        if let Err(error) = journal.append(NOW, vec![act(n)]) {
            refused = Some(error);
            break;
        }
    }
    assert!(matches!(refused, Some(JournalError::DiskFull)), "told as a full disk: {refused:?}");
    let head = journal.head();
    journal.db.pragma_update(None, "max_page_count", 100_000).unwrap();
    assert!(journal.append(NOW, vec![act(9998)]).is_err(), "nothing is taken before it was opened again");
    let mut found = 0;
    journal.recover(|_| found += 1).unwrap();
    assert_eq!(found, head.seq, "and what was there is there");
    journal.append(NOW, vec![act(9999)]).unwrap();
    drop(journal);
    let (_, lines) = open(&path).unwrap();
    assert_eq!(lines.len() as u64, head.seq + 1, "everything acknowledged is there, and it goes on after");
}

#[test]
fn a_new_epoch_begins_its_own_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1), act(2)]).unwrap();
    drop(journal);
    let (mut journal, _) = open(&path).unwrap();
    let before = journal.head();
    let opened = Act::Opened { why: Why::SetBack, before: None };
    journal.set_sent(1, 1).unwrap();
    journal.begin_epoch(2, NOW.into(), opened).unwrap();
    assert_eq!((journal.epoch(), journal.head().seq), (2, 1), "epoch 2 begins at the beginning");
    assert_eq!(journal.earlier().get(&1), Some(&before), "and where epoch 1 ended is known");
    journal.append(NOW, vec![act(3)]).unwrap();
    drop(journal);
    let mut lines = vec![];
    let journal = Journal::open(&path, "till-1", 1, |line| lines.push((line.epoch, line.seq))).unwrap();
    assert_eq!(lines, [(1, 1), (1, 2), (2, 1), (2, 2)], "nothing of epoch 1 is gone");
    assert_eq!(journal.epoch(), 2, "the epoch that was begun is the journal's, whatever the enrolment says");
    let first = journal.unsent(10).unwrap().unwrap();
    assert_eq!((first.epoch, first.after, first.lines.len()), (1, 1, 1), "what is unsent goes in order");
    assert_eq!(journal.unsent_count(), 3, "across epochs");
}

#[test]
fn a_journal_that_another_key_has_written_is_refused_and_a_forged_line_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1), act(2)]).unwrap();
    assert!(
        matches!(journal.sign_with(key(2)), Err(JournalError::Broken { .. })),
        "the last line is not signed by that key"
    );
    journal.verify(key(1).public(), |_, _| {}).unwrap();
    drop(journal);
    // Somebody writes the chain anew from a line that suits him; the last line's signature is not his to make.
    let forged = line::encode(&line::peek(&last_line(&path)).unwrap(), &key(9));
    let hex = wire::codes::hex(&forged);
    change(&path, &format!("UPDATE line SET bytes = x'{hex}' WHERE seq = 2"));
    assert!(matches!(open(&path), Err(JournalError::Broken { .. })), "found at the start");
}

fn last_line(path: &Path) -> Vec<u8> {
    let journal = Journal::open(path, "till-1", 1, |_| {}).unwrap();
    journal.after(1, 1, 1).unwrap().remove(0)
}

#[test]
fn what_is_to_be_sent_once_more_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1), act(2), act(3)]).unwrap();
    journal.set_sent(1, 3).unwrap();
    journal.rewind_sent(1, 1).unwrap();
    drop(journal);
    let (mut journal, _) = open(&path).unwrap();
    assert_eq!((journal.sent(), journal.unsent_count()), (1, 2), "back to where the server says it stands");
    journal.rewind_sent(1, 2).unwrap();
    assert_eq!(journal.sent(), 1, "and never ahead");
    journal.set_sent(1, 2).unwrap();
    drop(journal);
    let (mut journal, _) = open(&path).unwrap();
    assert_eq!(journal.sent(), 2, "from there it goes on");
    journal.rewind_all().unwrap();
    drop(journal);
    assert_eq!(open(&path).unwrap().0.unsent_count(), 3, "or all of it");
}

#[test]
fn a_journal_opened_to_be_read_takes_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&dir.path().join("journal.db"), "till-1", 1, |_| {}).unwrap();
    assert!(matches!(journal.append(NOW, vec![act(1)]), Err(JournalError::NoKey(_))), "nobody signs it");
}

#[test]
fn a_journal_of_the_preview_is_refused_in_words_that_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    change(&path, "CREATE TABLE line (epoch INTEGER, seq INTEGER, bytes BLOB); PRAGMA user_version = 1;");
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("send what is unsent"), "what to do is said: {error}");
}

#[test]
fn lost_lines_come_back_beside_the_journal_and_are_read_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("journal.db"), dir.path().join("elsewhere.db"));
    let (mut whole, _) = open(&other).unwrap();
    whole.append(NOW, vec![act(1), act(2), act(3)]).unwrap();
    let lines = whole.after(1, 0, 9).unwrap();
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1)]).unwrap();
    let forged = line::encode(&line::peek(&lines[2]).unwrap(), &key(5));
    let kept = journal.rescue(&[lines[0].clone(), lines[1].clone(), forged], key(1).public()).unwrap();
    assert_eq!(kept.iter().map(|line| line.seq).collect::<Vec<_>>(), [2], "what is new, and ours");
    assert!(journal.rescue(&lines[..2], key(1).public()).unwrap().is_empty(), "once");
    assert_eq!(journal.head().seq, 1, "the chain itself is what it was");
    drop(journal);
    let (_, lines) = open(&path).unwrap();
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2], "read in order");
}

#[test]
fn rescued_lines_that_continue_an_epoch_are_handed_in_again_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("journal.db"), dir.path().join("elsewhere.db"));
    let (mut whole, _) = open(&other).unwrap();
    whole.append(NOW, (1..=5).map(act).collect()).unwrap();
    let lines = whole.after(1, 0, 9).unwrap();
    drop(whole);
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, vec![act(1), act(2)]).unwrap();
    journal.set_sent(1, 2).unwrap();
    journal.rescue(&lines[2..4], key(1).public()).unwrap();
    journal.rescue(&lines[4..], key(1).public()).unwrap();
    let opened = || Act::Opened { why: Why::SetBack, before: None };
    journal.begin_epoch(2, NOW.into(), opened()).unwrap();
    for reopened in [false, true] {
        if reopened {
            drop(journal);
            journal = open(&path).unwrap().0;
            journal.set_sent(1, 5).unwrap();
        }
        assert_eq!((journal.end(1).seq, journal.unsent_count()), (5, 1), "the server holds what it gave");
        journal.rewind_sent(1, 2).unwrap();
        let unsent = journal.unsent(9).unwrap().unwrap();
        assert_eq!((unsent.epoch, unsent.after), (1, 2), "when it has lost it");
        assert_eq!(unsent.lines, lines[2..], "it gets it again");
        assert_eq!(journal.after(1, 0, 4).unwrap(), lines[..4], "in order, and no more than was asked for");
    }
    let runs: Vec<_> = journal.salvage(key(1).public()).runs.iter().map(|run| run.range().last).collect();
    assert_eq!(runs, [5, 1], "an export has it");

    // Without a line of its own, and with other lines under the same numbers.
    let (mut lost, _) = open(&dir.path().join("lost.db")).unwrap();
    lost.rescue(&lines, key(1).public()).unwrap();
    lost.begin_epoch(2, NOW.into(), opened()).unwrap();
    lost.rewind_all().unwrap();
    assert_eq!(lost.unsent(9).unwrap().unwrap().lines, lines, "an epoch that was lost altogether");
    let (mut forked, _) = open(&dir.path().join("forked.db")).unwrap();
    forked.append(NOW, vec![act(1), act(2), act(7)]).unwrap();
    forked.rescue(&lines, key(1).public()).unwrap();
    assert_eq!((forked.end(1).seq, forked.unsent_count()), (3, 3), "another history continues nothing");
    let runs = forked.salvage(key(1).public()).runs;
    let runs: Vec<_> = runs.iter().map(|run| (run.first, run.lines.len())).collect();
    assert_eq!(runs, [(1, 3), (3, 3)], "and is exported beside it");
}

#[test]
fn a_backup_is_a_whole_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(&dir.path().join("journal.db")).unwrap();
    journal.append(NOW, vec![act(1), act(2)]).unwrap();
    let file = dir.path().join("backup.db");
    journal.back_up(&file).unwrap();
    assert_eq!(open(&file).unwrap().1.len(), 2, "with every line");
    assert!(journal.back_up(&file).is_err(), "and never written over");
}

#[test]
fn what_is_left_of_a_damaged_file_are_all_lines_that_prove_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path).unwrap();
    journal.append(NOW, (1..=400).map(act).collect()).unwrap();
    let lines = journal.after(1, 0, 400).unwrap();
    drop(journal);
    let whole = salvage::from_file(&path, "till-1", key(1).public()).unwrap();
    assert_eq!((whole.runs.len(), whole.unreadable, whole.torn), (1, 0, None), "a whole file");
    assert_eq!(whole.runs[0].lines, lines, "is one run");

    let forged = wire::codes::hex(&line::encode(&line::peek(&lines[8]).unwrap(), &key(5)));
    change(
        &path,
        &format!("UPDATE line SET bytes = x'{forged}' WHERE seq = 9; DELETE FROM line WHERE seq = 20"),
    );
    let found = salvage::from_file(&path, "till-1", key(1).public()).unwrap();
    let runs: Vec<_> = found.runs.iter().map(|run| (run.first, run.lines.len())).collect();
    assert_eq!(runs, [(1, 8), (10, 10), (21, 380)], "around what was forged, and what is gone");
    let missing: Vec<_> = found.missing().iter().map(|gap| (gap.first, gap.last)).collect();
    assert_eq!((missing, found.unreadable), (vec![(9, 9), (20, 20)], 1), "which is told");
    let other = salvage::from_file(&path, "till-2", key(1).public()).unwrap();
    assert_eq!((other.runs.len(), other.unreadable), (0, 399), "nothing of it is another till's");

    // A page of rows in the middle of the database is written over: the lines on both sides of it are found.
    let mut bytes = std::fs::read(&path).unwrap();
    let (page, leaf) = (4096, 0x0a);
    let pages = bytes.len() / page;
    let middle = (pages / 2..pages).find(|at| bytes[at * page] == leaf).unwrap() * page;
    bytes[middle..middle + page].fill(7);
    std::fs::write(&path, &bytes).unwrap();
    let torn = salvage::from_file(&path, "till-1", key(1).public()).unwrap();
    assert!(torn.torn.is_some(), "that the file is torn is told");
    let count: usize = torn.runs.iter().map(|run| run.lines.len()).sum();
    let end = torn.runs.last().map(|run| run.range().last);
    assert_eq!((torn.runs[0].first, end), (1, Some(400)), "from the first line to the last");
    assert!((370..398).contains(&count), "and all that lies on other pages: {count}");
    assert!(
        torn.runs.iter().all(|run| run.lines == lines[run.first as usize - 1..][..run.lines.len()]),
        "as written"
    );
}
