//! A journal on a failing disk, and the list of what it has acknowledged.

use std::path::Path;
use std::sync::Arc;

use model::signed::key::SigningKey;
use model::time::UnixMs;
use tempfile::TempDir;
use tests::disk::{FaultDisk, Files, Word, materialise};
use tests::hands::SeededDice;
use till::store::disk::{Disk, Flush, Other};
use till::store::journal::{Journal, JournalError};
use vfs::Mounted;
use wire::api::Settlement;
use wire::line::{Act, Settled};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const DEVICE: &str = "till-1";
/// The journal's path on the failing disk, and its name in a real folder.
pub const PATH: &str = "/till/journal.db";
const NAME: &str = "journal.db";

/// A disk with a journal's files on it, as SQLite knows it.
pub struct Ground {
    pub disk: Arc<FaultDisk>,
    mounted: Mounted,
    pub flush: Flush,
}

impl Ground {
    /// A disk with these files; `name` must be unused.
    pub fn new(name: &str, files: &Files, word: Word, seed: u64) -> Ground {
        let disk = Arc::new(FaultDisk::new(files, word, seed));
        let mounted = vfs::mount(name, disk.clone());
        Ground { disk, mounted, flush: Flush::EveryCommit }
    }

    /// What the till is told about this disk. The database itself is written often, so that every kind of operation
    /// comes under the knife.
    pub fn told(&self) -> Disk {
        let disk = self.disk.clone();
        let rewrite = Arc::new(move |path: &Path| disk.rewrite(path));
        let other = Some(Other { vfs: self.mounted.name().to_owned(), rewrite });
        Disk { other, flush: self.flush, checkpoint_pages: Some(20) }
    }

    /// Opens the journal on it.
    pub fn open(&self) -> Result<(Journal, Vec<Act>), JournalError> {
        open(&self.told(), Path::new(PATH))
    }
}

/// Opens a journal and says which acts are in it.
fn open(disk: &Disk, path: &Path) -> Result<(Journal, Vec<Act>), JournalError> {
    let mut acts = vec![];
    let mut journal = Journal::open_on(disk, path, DEVICE, 1, |line| acts.push(line.act))?;
    journal.sign_with(SigningKey::from_seed([1; 32]))?;
    Ok((journal, acts))
}

/// What the ordinary program finds in these files, and nothing else of them.
pub fn found(files: &Files, folder: &TempDir) -> Result<Vec<Act>, JournalError> {
    let place = folder.path().join("found");
    materialise(files, &place);
    open(&Disk::default(), &place.join(NAME)).map(|(_, acts)| acts)
}

/// Acts that differ, in batches as a till writes them.
pub struct Acts {
    next: u64,
}

impl Acts {
    pub fn new() -> Acts {
        Acts { next: 0 }
    }

    pub fn batch(&mut self, dice: &SeededDice) -> Vec<Act> {
        (0..1 + dice.below(3))
            .map(|_| {
                self.next += 1;
                let number = format!("{:032x}", self.next);
                Act::Settled { settled: vec![Settled { number, settlement: Settlement::Confirmed }] }
            })
            .collect()
    }
}

/// Appends; the acts are acknowledged if it says so.
pub fn append(journal: &mut Journal, acts: &[Act]) -> Result<(), JournalError> {
    let lines = journal.append(NOW, acts.to_vec())?;
    assert_eq!(lines.len(), acts.len(), "every act has its line");
    Ok(())
}

/// Whether `found` is what was acknowledged, and after it all of the batch that was under way or nothing of it.
pub fn compare(found: &[Act], acknowledged: &[Act], under_way: &[Act]) -> Compared {
    let common = found.iter().zip(acknowledged).take_while(|(one, other)| one == other).count();
    let rest = &found[common..];
    let whole = common == acknowledged.len() && (rest.is_empty() || rest == under_way);
    Compared {
        lost: acknowledged.len() - common,
        prefix: whole || (rest.is_empty() && common < acknowledged.len()),
    }
}

/// How what was found differs from what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// So many acknowledged lines are gone.
    pub lost: usize,
    /// What was found is the beginning of what was appended, without holes and without halves.
    pub prefix: bool,
}
