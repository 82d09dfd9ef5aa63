//! What makes the journal one that can be believed: the key that signs it, the head that is kept elsewhere, what is
//! done when the two do not fit, and how a journal begins anew once a manager has let the till in again.
//!
//! A till whose journal was set back, or runs elsewhere too, is in quarantine: it accepts nothing, and keeps its file,
//! which can be read, exported and handed in. Nothing that happened is ever taken out of it.

use std::path::{Path, PathBuf};

use model::time::UnixMs;
use model::verdict::Reason;
use wire::line::{Act, Line, Stand, Why, Witness};

use crate::device_key::{self, DeviceKey, KeyError};
use crate::folder::{Folder, FolderError, Identity};
use crate::head::{self, HeadKeeper, KeptHead};
use crate::ledger::Ledger;
use crate::store::journal::{Journal, JournalError, Moment};
use crate::till::{State, Till};
use crate::vault::Vaults;

/// How far from the time gone by a wall clock is worth a word in a line (milliseconds).
const WALL_WORTH_MS: u64 = 1_000;

/// The journal as it was found at the start.
pub(crate) struct Found {
    pub journal: Result<Journal, JournalError>,
    pub ledger: Ledger,
    pub key: Option<DeviceKey>,
    pub keeper: Option<HeadKeeper>,
    /// The head that was kept elsewhere.
    pub kept: Option<KeptHead>,
    /// Why nothing may be accepted, if the journal is not the one that was kept.
    pub quarantine: Option<Why>,
}

/// Opens the journal of an enrolled till.
pub(crate) fn find(folder: &Folder, vaults: &Vaults, identity: &Identity) -> Found {
    let mut ledger = Ledger::default();
    let path = folder.file("journal.db");
    let key = device_key::load(folder, vaults);
    let of = folder.device().ok().flatten().map(|named| named.public);
    let kept = of.and_then(|of| head::kept(vaults, &of));
    let opened = open(&path, identity, kept.as_ref(), key.as_ref(), &mut ledger);
    let key = key.ok();
    let keeper = key.as_ref().map(|key| HeadKeeper::start(vaults, key.kept, key.public_hex()));
    let (journal, quarantine) = match opened {
        Ok(journal) => {
            let quarantine = kept.as_ref().and_then(|kept| compare(&journal, kept));
            (Ok(journal), quarantine)
        }
        Err(error) => (Err(error), None),
    };
    Found { journal, ledger, key, keeper, kept, quarantine }
}

fn open(
    path: &Path,
    identity: &Identity,
    kept: Option<&KeptHead>,
    key: Result<&DeviceKey, &KeyError>,
    ledger: &mut Ledger,
) -> Result<Journal, JournalError> {
    if kept.is_some() && !path.exists() {
        let reason = "the lines that were in it are gone".into();
        return Err(JournalError::Broken { path: path.to_owned(), reason });
    }
    let mut journal = Journal::open(path, &identity.device, identity.epoch, |line| ledger.take_in(&line))?;
    let key = key.map_err(|error| JournalError::NoKey(error.to_string()))?;
    journal.sign_with(key.key.clone())?;
    Ok(journal)
}

/// Why this journal is not the one whose head was kept, if it is not.
fn compare(journal: &Journal, kept: &KeptHead) -> Option<Why> {
    let stand = kept.stand()?;
    // Let in again since: the head of the new epoch is kept a moment later than its first line, and the lines of the
    // epoch before may stand among the rescued ones.
    if journal.epoch() > stand.epoch {
        return None;
    }
    match journal.has(stand.epoch, stand.seq, &stand.hash) {
        Ok(Some(true)) | Err(_) => None,
        Ok(Some(false)) => Some(Why::Forked),
        Ok(None) if journal.head().seq == 0 && journal.earlier().is_empty() => Some(Why::Lost),
        Ok(None) => Some(Why::SetBack),
    }
}

impl State {
    /// Why this till may accept nothing, whatever the journal would take.
    pub(crate) fn quarantine(&self) -> Option<Why> {
        self.identity.quarantine
    }

    /// Puts `acts` into the journal and, once they are on disk, into the ledger.
    pub(crate) fn write(&mut self, now: UnixMs, acts: Vec<Act>) -> Result<Vec<Line>, Reason> {
        if self.quarantine().is_some() {
            return Err(Reason::Quarantined);
        }
        let moment = self.moment(now);
        let journal = self.journal.as_mut().map_err(|error| reason_of(error))?;
        let recovered = recover(journal, &mut self.ledger);
        let written = recovered.and_then(|()| journal.append(moment, acts));
        self.take_in_written(written)
    }

    fn take_in_written(&mut self, written: Result<Vec<Line>, JournalError>) -> Result<Vec<Line>, Reason> {
        match written {
            Ok(lines) => {
                lines.iter().for_each(|line| self.ledger.take_in(line));
                self.keep_head();
                Ok(lines)
            }
            Err(error) => {
                tracing::error!(%error, "a line was not written");
                let reason = reason_of(&error);
                if matches!(error, JournalError::Broken { .. }) {
                    self.journal = Err(error);
                }
                Err(reason)
            }
        }
    }

    /// Has the journal's head kept elsewhere, behind the back of whoever waits.
    pub(crate) fn keep_head(&self) {
        if let (Some(keeper), Ok(journal)) = (&self.keeper, &self.journal)
            && journal.head().seq > 0
        {
            let at = self.ledger.latest().map_or(0, |at| at.0);
            keeper.note(KeptHead::of(journal.epoch(), journal.head().seq, &journal.head().hash, at));
        }
    }

    /// Takes back lines of this till that the server held and the journal did not.
    pub(crate) fn rescue(&mut self, lines: &[Vec<u8>]) -> Result<(), JournalError> {
        let Some(key) = &self.key else { return Err(JournalError::NoKey("the till's key is gone".into())) };
        let key = key.key.public();
        let Ok(journal) = self.journal.as_mut() else { return Ok(()) };
        recover(journal, &mut self.ledger)?;
        let rescued = journal.rescue(lines, key)?;
        rescued.iter().for_each(|line| self.ledger.take_in(line));
        Ok(())
    }

    /// Offers every line again: the server was set back. Fails where the journal is out of reach, so that the news is
    /// heard once more when it is there again.
    pub(crate) fn offer_again(&mut self) -> Result<(), JournalError> {
        let Ok(journal) = self.journal.as_mut() else {
            return Err(JournalError::Failed("its lines cannot be offered again now".into()));
        };
        recover(journal, &mut self.ledger)?;
        journal.rewind_all()
    }

    fn moment(&self, now: UnixMs) -> Moment {
        let wall = self.clock.now().0;
        let clock = Witness {
            run: self.run.clone(),
            mono: self.clock.monotonic().0,
            wall: (wall.abs_diff(now.0) > WALL_WORTH_MS).then_some(wall),
            heard: self.heard.map(|heard| heard.0),
        };
        Moment { at: now, clock: Some(clock) }
    }

    /// The first line of the first epoch, once the till is enrolled.
    pub(crate) fn open_first_epoch(&mut self, now: UnixMs) {
        let new = |journal: &Journal| journal.head().seq == 0 && journal.earlier().is_empty();
        if self.journal.as_ref().is_ok_and(new)
            && self.quarantine().is_none()
            && self.write(now, vec![Act::Opened { why: Why::First, before: None }]).is_err()
        {
            tracing::error!("the journal could not be begun");
        }
    }
}

impl Till {
    /// Nothing may be accepted on this till any more, until the server lets it begin the next epoch.
    pub(crate) fn quarantine(&self, state: &mut State, why: Why) {
        if state.identity.quarantine.is_some() {
            return;
        }
        tracing::error!(
            ?why,
            "this till is in quarantine: it accepts nothing until the chain lets it in again"
        );
        state.identity.quarantine = Some(why);
        self.keep_identity(state);
        self.tell_news();
    }

    fn keep_identity(&self, state: &State) {
        if let Err(error) = self.folder.set_identity(&state.identity) {
            tracing::error!(%error, "how this till stands was not kept");
        }
    }

    /// The server knows how far this till's journal has come: a journal that is behind was set back.
    pub(crate) fn meet_known_head(&self, state: &mut State, epoch: u64, seq: u64) {
        let behind = match &state.journal {
            Ok(journal) => {
                let here = if epoch == journal.epoch() { journal.head().seq } else { journal.end(epoch).seq };
                (here < seq).then(|| if journal.head().seq == 0 { Why::Lost } else { Why::SetBack })
            }
            // What cannot be read is told as that.
            Err(_) => None,
        };
        if let Some(why) = behind {
            self.quarantine(state, why);
        }
    }

    /// Whether the server has granted an epoch that is still to be begun here.
    pub(crate) fn is_granted(state: &State, epoch: u64, seq: u64) -> bool {
        let here = state.journal.as_ref().map_or(state.identity.epoch, Journal::epoch);
        epoch > here && seq == 0
    }

    /// Makes room for a new journal where the old one cannot be read: it is set aside, never deleted.
    pub(crate) fn set_journal_aside(&self, state: &mut State) -> Result<(), JournalError> {
        if state.journal.is_ok() {
            return Ok(());
        }
        if !matches!(state.journal, Err(JournalError::Broken { .. })) {
            return Err(JournalError::Failed("the journal is out of reach, not damaged".into()));
        }
        let key = state.key.as_ref().ok_or_else(|| JournalError::NoKey("the till's key is gone".into()))?;
        let signer = key.key.clone();
        // From here on until the epoch is begun the till knows that what it has is not all.
        self.quarantine(state, Why::Lost);
        let path = self.folder.file("journal.db");
        let aside = set_aside(&path).map_err(|error| JournalError::Failed(error.to_string()))?;
        tracing::warn!(aside = %aside.display(), "the damaged journal is kept under another name");
        let mut journal = Journal::open(&path, &state.identity.device, state.identity.epoch, |_| {})?;
        journal.sign_with(signer)?;
        state.journal = Ok(journal);
        state.ledger = Ledger::default();
        Ok(())
    }

    /// Begins the epoch that the server has granted. From its first line on, the till accepts again.
    pub(crate) fn begin_granted(&self, state: &mut State, epoch: u64) -> Result<(), Reason> {
        let why = state.quarantine().unwrap_or(Why::Asked);
        let kept = state.kept.as_ref().and_then(KeptHead::stand);
        let moment = state.moment(self.now());
        let journal = state.journal.as_mut().map_err(|error| reason_of(error))?;
        recover(journal, &mut state.ledger).map_err(|error| reason_of(&error))?;
        let head = journal.head();
        let here = (head.seq > 0).then(|| Stand { epoch: journal.epoch(), seq: head.seq, hash: head.hash });
        // Whichever came further is believed: a head is kept of nothing but lines that were on the disk. Of two that came
        // as far, this journal's own is the last.
        let before = kept.into_iter().chain(here).max_by_key(|stand| (stand.epoch, stand.seq));
        let written = journal.begin_epoch(epoch, moment, Act::Opened { why, before });
        state.take_in_written(written)?;
        state.identity.epoch = epoch;
        state.identity.quarantine = None;
        self.keep_identity(state);
        // Requests say in which epoch they are made.
        match self.link_of(&state.identity, state.key.as_ref()) {
            Ok(link) => state.link = link,
            Err(error) => tracing::error!(%error, "the line is what it was"),
        }
        tracing::warn!(epoch, ?why, "the journal begins a new epoch");
        self.tell_news();
        Ok(())
    }
}

/// Why a till cannot leave its chain.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// It belongs to none.
    #[error("this till belongs to no chain")]
    NotEnrolled,
    /// There is something that only this till knows.
    #[error(
        "{0} lines of this till are not at the server yet: connect it and let it send them (counterfoil-ctl sync), or \
         export them and have another till or the server take them in (counterfoil-ctl journal export)"
    )]
    Unsent(u64),
    /// Something was counted, and only here can be said whether it was handed over.
    #[error(
        "{0} redemptions of this till are counted, or may be, without the goods having been handed over: look at them \
         in the window, and hand over or take back"
    )]
    Undecided(usize),
    /// Nobody can tell what only this till knows.
    #[error(
        "the journal cannot be read ({0}), so that nobody can tell whether all of it was sent; call the chain's IT"
    )]
    Unreadable(String),
    /// The data folder.
    #[error("the files could not be set aside: {0}")]
    Io(#[from] std::io::Error),
}

impl Till {
    /// How many redemptions wait for a clerk's word on whether the goods were handed over.
    fn undecided(&self) -> usize {
        let guard = self.lock();
        let ledger = guard.as_ref().map(|state| &state.ledger);
        ledger.map_or(0, |ledger| ledger.in_doubt().len() + ledger.counted_unseen().len())
    }

    /// How many lines the server does not hold yet. Nothing may be thrown away while there are any.
    pub fn unsent(&self) -> Result<u64, LeaveError> {
        let guard = self.lock();
        let Some(state) = guard.as_ref() else { return Ok(0) };
        let journal = state.journal.as_ref().map_err(|error| LeaveError::Unreadable(error.to_string()))?;
        Ok(journal.unsent_count())
    }

    /// Takes this till out of its chain: everything it has is set aside, nothing is deleted. Gives where it is.
    pub fn leave(self) -> Result<PathBuf, LeaveError> {
        if self.lock().is_none() {
            return Err(LeaveError::NotEnrolled);
        }
        match self.unsent()? {
            0 => {}
            unsent => return Err(LeaveError::Unsent(unsent)),
        }
        match self.undecided() {
            0 => {}
            undecided => return Err(LeaveError::Undecided(undecided)),
        }
        let state = self.lock().take();
        // The journal is closed, and its last head kept, before the files move.
        drop(state);
        let aside = self.folder.file(&format!("left-{}", self.clock.now().0));
        std::fs::create_dir(&aside)?;
        // The enrolment goes first: a till that was interrupted here has left.
        let mut names = vec!["till.json".into()];
        for entry in std::fs::read_dir(self.folder.path())? {
            let name = entry?.file_name();
            let stays = ["lock", "settings.json", "till.json"].iter().any(|stay| name == *stay);
            if !stays && !name.to_string_lossy().starts_with("left-") {
                names.push(name);
            }
        }
        for name in names {
            std::fs::rename(self.folder.path().join(&name), aside.join(&name))?;
        }
        Ok(aside)
    }
}

/// An enrolment that fits the journal: a crash between the first line of an epoch and the note of it in `till.json`.
pub(crate) fn fit(identity: &mut Identity, found: &Found, folder: &Folder) -> Result<(), FolderError> {
    let begun = found.journal.as_ref().map_or(identity.epoch, Journal::epoch);
    let changed = begun > identity.epoch || (found.quarantine.is_some() && identity.quarantine.is_none());
    if begun > identity.epoch {
        (identity.epoch, identity.quarantine) = (begun, None);
    }
    identity.quarantine = identity.quarantine.or(found.quarantine);
    if changed { folder.set_identity(identity) } else { Ok(()) }
}

/// Renames the database and what SQLite has beside it; gives the new name.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let name = |count: u32| path.with_file_name(format!("journal.damaged-{count}.db"));
    let free = (1..).map(name).find(|aside| !aside.exists()).unwrap_or_else(|| name(0));
    for suffix in ["-wal", "-shm", ""] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match std::fs::rename(with(path), with(&free)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(free)
}

/// Opens a journal that has failed once more, and makes the ledger anew from it: it may hold a line that the clerk was
/// told had failed, and that line counts like any other.
fn recover(journal: &mut Journal, ledger: &mut Ledger) -> Result<(), JournalError> {
    if !journal.has_failed() {
        return Ok(());
    }
    let mut anew = Ledger::default();
    journal.recover(|line| anew.take_in(&line))?;
    *ledger = anew;
    Ok(())
}

/// What a clerk is told when the journal does not take a line.
pub(crate) fn reason_of(error: &JournalError) -> Reason {
    match error {
        JournalError::DiskFull => Reason::DiskFull,
        JournalError::Failed(_) => Reason::JournalFailed,
        JournalError::NoKey(_) => Reason::NoKey,
        JournalError::Broken { .. } => Reason::JournalBroken,
    }
}

#[cfg(test)]
mod tests;
