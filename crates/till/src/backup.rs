//! Copies of the journal, one for each day, in a folder of their own.
//!
//! A copy is written beside its name, opened and walked like any journal, and only then given its name: what is called
//! a backup is one. The newest [`KEPT`] stay.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::time::UnixMs;

use crate::folder::Folder;
use crate::store::journal::{Journal, JournalError};
use crate::till::Till;

/// How many copies are kept.
pub const KEPT: usize = 14;
/// So long after its last line a till counts as idle.
const IDLE: Duration = Duration::from_secs(600);
/// A copy that failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(3600);

/// The folder of the copies that the till makes by itself.
pub fn place(folder: &Folder) -> PathBuf {
    folder.file("backups")
}

/// The day of the newest copy in `dir`, as in its name ("2026-11-25").
pub fn last_day(dir: &Path) -> Option<String> {
    let name = copies(dir).pop()?;
    name.strip_prefix("journal-")?.strip_suffix(".db").map(str::to_owned)
}

/// The copies' names, oldest first.
fn copies(dir: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(dir).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let names = entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("journal-") && name.ends_with(".db")).collect();
    names.sort();
    names
}

/// The day of that moment in the machine's time zone.
pub fn day(at: UnixMs) -> String {
    let zone = jiff::tz::TimeZone::system();
    jiff::Timestamp::from_millisecond(at.0).map(|at| at.to_zoned(zone).date().to_string()).unwrap_or_default()
}

/// Writes a copy, without a name yet, into `dir`.
pub fn write(journal: &Journal, dir: &Path) -> Result<PathBuf, JournalError> {
    let failed = |error: std::io::Error| JournalError::Failed(format!("{}: {error}", dir.display()));
    let mut make = std::fs::DirBuilder::new();
    make.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
    make.create(dir).map_err(failed)?;
    let new = dir.join("new.db");
    for file in ["new.db", "new.db-wal", "new.db-shm"] {
        match std::fs::remove_file(dir.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    journal.back_up(&new)?;
    Ok(new)
}

/// Walks a copy that was written and, if it is whole, gives it the name of that day. Gives its place, and how many lines
/// are in it.
pub fn finish(
    new: &Path,
    day: &str,
    device: &str,
    expected: crate::store::journal::Head,
) -> Result<(PathBuf, u64), JournalError> {
    let mut lines = 0;
    let copy = Journal::open(new, device, 1, |_| lines += 1)?;
    if copy.head() != expected {
        return Err(JournalError::Failed("the copy does not end where the journal ends".into()));
    }
    drop(copy);
    let place = new.with_file_name(format!("journal-{day}.db"));
    std::fs::rename(new, &place).map_err(|error| JournalError::Failed(error.to_string()))?;
    if let Some(dir) = new.parent() {
        let names = copies(dir);
        for old in &names[..names.len().saturating_sub(KEPT)] {
            if let Err(error) = std::fs::remove_file(dir.join(old)) {
                tracing::warn!(%error, old, "an old backup could not be removed");
            }
        }
    }
    Ok((place, lines))
}

impl Till {
    /// Backs the journal up into `dir` now.
    pub fn back_up(&self, dir: &Path) -> Result<(PathBuf, u64), JournalError> {
        let (new, device, head) = {
            let guard = self.lock();
            let not_enrolled = || JournalError::Failed("this till has no journal yet".into());
            let state = guard.as_ref().ok_or_else(not_enrolled)?;
            let journal = state.journal.as_ref().map_err(|error| JournalError::Failed(error.to_string()))?;
            (write(journal, dir)?, state.identity.device.clone(), journal.head())
        };
        finish(&new, &day(self.now()), &device, head)
    }

    /// Backs the journal up if that was not done today and nobody is at the till.
    pub(crate) fn back_up_if_due(&self) {
        let now = self.now();
        let (today, dir) = (day(now), place(self.folder()));
        let idle = {
            let guard = self.lock();
            let Some(state) = guard.as_ref() else { return };
            let last = state.ledger.latest().unwrap_or(UnixMs(0));
            state.journal.is_ok() && now.seconds_since(last) >= IDLE.as_secs().cast_signed()
        };
        if !idle || last_day(&dir).as_ref() == Some(&today) || !self.may_try_backup(now) {
            return;
        }
        match self.back_up(&dir) {
            Ok((_, lines)) => tracing::info!(lines, "the journal was backed up"),
            Err(error) => tracing::error!(%error, "the journal could not be backed up"),
        }
    }

    fn may_try_backup(&self, now: UnixMs) -> bool {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return false };
        let again =
            state.backup_tried.is_none_or(|at| now.seconds_since(at) >= AGAIN.as_secs().cast_signed());
        if again {
            state.backup_tried = Some(now);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use model::signed::key::SigningKey;
    use wire::line::{Act, Why};

    use super::*;

    #[test]
    fn a_copy_of_each_day_and_no_more_than_fourteen() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&dir.path().join("journal.db"), "till-1", 1, |_| {}).unwrap();
        journal.sign_with(SigningKey::from_seed([1; 32])).unwrap();
        let backups = dir.path().join("backups");
        for n in 1..=20u8 {
            journal.append(UnixMs(1), vec![Act::Opened { why: Why::First, before: None }]).unwrap();
            let new = write(&journal, &backups).unwrap();
            let (_, lines) = finish(&new, &format!("2026-11-{n:02}"), "till-1", journal.head()).unwrap();
            assert_eq!(lines, u64::from(n), "every line is in it");
        }
        assert_eq!(copies(&backups).len(), KEPT, "the newest stay");
        assert_eq!(last_day(&backups).as_deref(), Some("2026-11-20"), "and the last is known");
        std::fs::write(backups.join("new.db"), [7; 4096]).unwrap();
        let torn = finish(&backups.join("new.db"), "2026-11-21", "till-1", journal.head());
        assert!(torn.is_err(), "what is no journal is called no backup");
        assert_eq!(last_day(&backups).as_deref(), Some("2026-11-20"), "nor counted as one");
    }
}
