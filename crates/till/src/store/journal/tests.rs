//! The journal's promises, on a real file.

use model::time::UnixMs;
use wire::api::Settlement;
use wire::line::Settled;

use super::*;

const NOW: UnixMs = UnixMs(1_800_000_000_000);

fn act(n: u64) -> Act {
    let settled = Settled { number: format!("{n:032x}"), settlement: Settlement::Confirmed };
    Act::Settled { settled: vec![settled] }
}

fn open(path: &Path) -> Result<(Journal, Vec<Line>), JournalError> {
    let mut lines = vec![];
    let journal = Journal::open(path, "till-1", 1, |line| lines.push(line))?;
    Ok((journal, lines))
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
    assert_eq!(lines[2].prev, line::hash(&line::encode(&lines[1])), "each names the one before");
    assert_eq!(journal.after(1, 10).unwrap().len(), 2, "the lines after the first");
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
        Connection::open(&path).unwrap().execute_batch(damage).unwrap();
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
    let mut journal = Journal::open(&path, "till-1", 2, |_| {}).unwrap();
    assert_eq!(journal.head().seq, 0, "epoch 2 begins at the beginning");
    journal.append(NOW, vec![act(3)]).unwrap();
    drop(journal);
    let mut lines = vec![];
    Journal::open(&path, "till-1", 2, |line| lines.push((line.epoch, line.seq))).unwrap();
    assert_eq!(lines, [(1, 1), (1, 2), (2, 1)], "and nothing of epoch 1 is gone");
}
