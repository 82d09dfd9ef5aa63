//! One till: its folder, journal, copy and line, and what it knows of itself.
//!
//! The state stands behind one short lock that is never held across the network. What a redemption, the sync and the
//! desk do with it stands in [`crate::redeem`], [`crate::sync`] and [`crate::desk`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::campaign::Campaign;
use model::decide::{Known, Origin};
use model::place::{DeviceId, Place, StoreId};
use model::policy::Policy;
use model::profile::Profile;
use model::redemption::Number;
use model::signed::trust::Trust;
use model::time::{Anchor, Effective, MonotonicMs, UnixMs, Watch};
use model::verdict::{Reason, Silence};
use tokio::sync::{Notify, watch};
use wire::api::Enrol;
use wire::line::{Act, Line};

use crate::folder::{Folder, FolderError, Identity, Kept};
use crate::ledger::Ledger;
use crate::link::{HttpLink, Link, LinkError};
use crate::real::{Clock, Dice};
use crate::store::copy::{Copy, CopyError};
use crate::store::journal::{Journal, JournalError};
use crate::transport::Transport;

/// How long a clerk waits for the server before the local copy decides.
pub const DEADLINE: Duration = Duration::from_millis(1500);

/// How long an enrolment may take: a person waits, but no customer.
const ENROL_DEADLINE: Duration = Duration::from_secs(15);

/// How far the stored time may lag behind (milliseconds).
const MARK_EVERY_MS: i64 = 15 * 60 * 1000;

/// Makes the line of an enrolled till; a test hands in one that it can cut.
pub type Connect = dyn Fn(&Identity) -> Result<Arc<dyn Link>, LinkError> + Send + Sync;

/// Finds the way to the server at an address; a simulation hands in one of its own.
pub type Reach = dyn Fn(&str) -> Result<Arc<dyn Transport>, LinkError> + Send + Sync;

/// The engine of one counter.
pub struct Till {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<dyn Dice>,
    pub(crate) folder: Folder,
    reach: Arc<Reach>,
    connect: Box<Connect>,
    state: Mutex<Option<State>>,
    /// What time it is. May be locked while the state is, never the other way round.
    watch: Mutex<Watch>,
    /// What `trust.json` holds. Whoever writes the file holds this, so that no two writers undo each other's half; may
    /// be locked while the state is, never the other way round.
    kept: Mutex<Kept>,
    /// Lets one hand in lines at a time.
    pub(crate) pushing: tokio::sync::Mutex<()>,
    /// Wakes the sync: there is something to send, or the line was lost.
    pub(crate) wake: Notify,
    news: watch::Sender<u64>,
}

/// What an enrolled till has open.
pub(crate) struct State {
    pub identity: Identity,
    pub store_key: [u8; 32],
    pub link: Arc<dyn Link>,
    pub journal: Result<Journal, JournalError>,
    pub ledger: Ledger,
    pub copy: Copy,
    /// Whom this till believes; nothing while the chain signs no codes.
    pub trust: Option<Trust>,
    /// What signed codes stand for.
    pub campaigns: BTreeMap<u16, Campaign>,
    /// What the codes of the chain's malls look like.
    pub profiles: Vec<Profile>,
    pub line: LineState,
    /// The mark that there are lines in the journal.
    pub begun: PathBuf,
    /// The redemption that is being decided right now: nobody else asks after it.
    pub in_hand: Option<Number>,
    /// The copy was set aside and fetched anew.
    pub copy_rebuilt: bool,
}

/// How things stand with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It answers, or has not been tried yet.
    Online,
    /// It does not.
    Offline(Silence),
    /// It has barred this till.
    Revoked,
}

/// Why the till could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The local copy, even after it was set aside.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The enrolment file.
    #[error("the enrolment in the data folder is damaged; enrol this till again")]
    Identity,
    /// The server's address in the enrolment file.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Why the till was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// It belongs to a chain already.
    #[error("this till is enrolled already")]
    Already,
    /// The server, or the line to it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The data folder.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl EnrolError {
    /// The code that the page knows it by.
    pub fn code(&self) -> String {
        match self {
            EnrolError::Already => "already_enrolled".into(),
            EnrolError::Link(LinkError::Silent(silence)) => silence.code().into(),
            EnrolError::Link(LinkError::Barred) => "code_unknown".into(),
            EnrolError::Link(LinkError::Problem(problem)) => problem.error.clone(),
            EnrolError::Open(_) => "folder".into(),
        }
    }
}

impl Till {
    /// Opens the till in `folder`, with the line over HTTP.
    pub fn open(folder: Folder, clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Result<Till, OpenError> {
        Till::open_over(folder, clock, dice, Arc::new(crate::link::reach))
    }

    /// Opens the till in `folder`, with every request over what `reach` finds.
    pub fn open_over(
        folder: Folder,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        reach: Arc<Reach>,
    ) -> Result<Till, OpenError> {
        let over = reach.clone();
        let connect: Box<Connect> =
            Box::new(move |identity| Ok(Arc::new(HttpLink::over(over(&identity.address)?, identity))));
        Till::open_by(folder, clock, dice, reach, connect)
    }

    /// Opens the till in `folder`, with the line that `connect` makes.
    pub fn open_with(
        folder: Folder,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        connect: Box<Connect>,
    ) -> Result<Till, OpenError> {
        Till::open_by(folder, clock, dice, Arc::new(crate::link::reach), connect)
    }

    fn open_by(
        folder: Folder,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        reach: Arc<Reach>,
        connect: Box<Connect>,
    ) -> Result<Till, OpenError> {
        let till = Till {
            clock,
            dice,
            folder,
            reach,
            connect,
            state: Mutex::new(None),
            watch: Mutex::new(Watch::default()),
            kept: Mutex::new(Kept::default()),
            pushing: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
            news: watch::Sender::new(0),
        };
        if let Some(identity) = till.folder.identity()? {
            till.take_up(identity)?;
        }
        Ok(till)
    }

    fn take_up(&self, identity: Identity) -> Result<(), OpenError> {
        let store_key = identity.store_key().ok_or(OpenError::Identity)?;
        let (copy, aside) = Copy::open(&self.folder.file("copy.db"), self.clock.now())?;
        let mut ledger = Ledger::default();
        let begun = self.folder.file("journal.begun");
        let journal = open_journal(&self.folder.file("journal.db"), &begun, &identity, &mut ledger);
        if let Err(error) = &journal {
            tracing::error!(%error, "nothing can be accepted on this till");
        }
        let kept = self.folder.kept();
        // A copy that cannot tell is no reason not to start.
        let heard = copy.heard_at().ok().flatten().max(copy.status_at().ok().flatten());
        *self.watch() = Watch::wake(ledger.latest().max(kept.mark.map(UnixMs)).max(heard));
        let trust = crate::keys::restore(&identity, &kept);
        *self.kept() = kept;
        let campaigns = copy.setup().map(crate::keys::campaigns).unwrap_or_default();
        let profiles = copy.setup().map(crate::keys::profiles).unwrap_or_default();
        let link = (self.connect)(&identity)?;
        let identity_barred = identity.barred;
        *self.lock() = Some(State {
            identity,
            store_key,
            link,
            journal,
            ledger,
            copy,
            trust,
            campaigns,
            profiles,
            line: if identity_barred { LineState::Revoked } else { LineState::Online },
            begun,
            in_hand: None,
            copy_rebuilt: aside.is_some(),
        });
        // The copy has the newest list that was heard of: an older file in the place of what was kept changes nothing.
        if let Some(state) = self.lock().as_mut()
            && let Some(setup) = state.copy.setup().cloned()
        {
            self.take_trust(state, &setup);
        }
        Ok(())
    }

    /// Joins the chain behind `address` with a one-time code. `name` may be empty: the server then numbers the till.
    pub async fn enrol(&self, address: &str, code: &str, name: &str) -> Result<(), EnrolError> {
        if self.lock().is_some() {
            return Err(EnrolError::Already);
        }
        // A typed code may have lower case, spaces and hyphens in it.
        let code = model::code::Code::read(code)
            .map_or_else(|_| code.trim().to_owned(), |code| code.secret().into());
        let enrol = Enrol { code, till: name.to_owned() };
        let transport = (self.reach)(address)?;
        let enrolled = crate::link::enrol(&*transport, &enrol, ENROL_DEADLINE).await?;
        let identity = Identity {
            address: address.trim().trim_end_matches('/').to_owned(),
            device: enrolled.device,
            token: enrolled.token,
            store: enrolled.store,
            till: enrolled.till,
            store_key: enrolled.store_key,
            feed: enrolled.feed,
            epoch: enrolled.epoch,
            root: enrolled.root,
            barred: false,
        };
        self.folder.set_identity(&identity).map_err(OpenError::from)?;
        self.take_up(identity)?;
        self.wake.notify_one();
        self.tell_news();
        Ok(())
    }

    /// Opens the journal once more if it could not be opened for want of room; a broken one stays as it is.
    pub(crate) fn heal(&self) {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return };
        if !matches!(state.journal, Err(JournalError::DiskFull | JournalError::Failed(_))) {
            return;
        }
        let mut ledger = Ledger::default();
        let path = self.folder.file("journal.db");
        state.journal = open_journal(&path, &state.begun, &state.identity, &mut ledger);
        if state.journal.is_ok() {
            state.ledger = ledger;
        }
    }

    /// Takes note of a failure of the local copy; a damaged one is set aside and fetched anew.
    pub(crate) fn meet_copy_error(&self, state: &mut State, error: &CopyError) {
        tracing::error!(%error, "the local copy could not be used");
        if let CopyError::Damaged(_) = error {
            match state.copy.begin_anew(&self.folder.file("copy.db"), self.clock.now()) {
                Ok(_) => {
                    state.copy_rebuilt = true;
                    self.wake.notify_one();
                }
                Err(error) => tracing::error!(%error, "and could not be begun anew"),
            }
        }
    }

    /// The server knows another journal of this till: one that was lost, or set back, or runs elsewhere. Nothing may
    /// be accepted under this one any more.
    pub(crate) fn meet_fork(&self, message: &str) {
        let path = self.folder.file("journal.db");
        if let Some(state) = self.lock().as_mut() {
            let reason = format!("the server holds other lines of this till ({message})");
            state.journal = Err(JournalError::Broken { path, reason });
        }
        self.tell_news();
    }

    /// The state, locked. Nothing may wait for the network, or for another lock, while it is held.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The time to go by: never earlier than it was, whatever was done to the wall clock.
    pub fn now(&self) -> UnixMs {
        self.time().at
    }

    /// The time to go by, and what is to be said about the wall clock.
    pub fn time(&self) -> Effective {
        let mut watch = self.watch();
        watch.effective(self.clock.now(), self.clock.monotonic())
    }

    /// What has passed, whatever was done to the wall clock: for spans of moments within one run.
    pub(crate) fn passed(&self) -> MonotonicMs {
        self.clock.monotonic()
    }

    /// Takes the server's time, which answers a question just asked.
    pub(crate) fn hear_time(&self, server: UnixMs) {
        let heard = self.clock.monotonic();
        self.watch().hear(Anchor { server, heard });
        self.keep_mark();
    }

    /// Stores the latest time now and then: between two lines of the journal nothing else would remember it.
    pub(crate) fn keep_mark(&self) {
        let stored = self.kept().mark.unwrap_or(0);
        if self.now().0.saturating_sub(stored).saturating_abs() >= MARK_EVERY_MS {
            self.keep_mark_now();
        }
    }

    /// Stores the latest time, before somebody is told that something is over.
    pub(crate) fn keep_mark_now(&self) {
        let mark = self.now();
        if let Err(error) = self.keep(|kept| kept.mark = Some(mark.0)) {
            tracing::warn!(%error, "the time was not kept");
        }
    }

    /// Changes what `trust.json` holds, on disk first.
    pub(crate) fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<(), FolderError> {
        let mut kept = self.kept();
        let mut next = kept.clone();
        change(&mut next);
        self.folder.set_kept(&next)?;
        *kept = next;
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new number for an act at `now`.
    pub(crate) fn new_number(&self, now: UnixMs) -> Number {
        let mut random = [0u8; 10];
        self.dice.fill(&mut random);
        Number::new(now, random)
    }

    /// Changes whenever something that a screen shows has changed.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Says that something has changed.
    pub(crate) fn tell_news(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    /// Takes note of how a request went.
    pub(crate) fn note_line<T>(&self, result: &Result<T, LinkError>) {
        let new = match result {
            Ok(_) | Err(LinkError::Problem(_)) => LineState::Online,
            Err(LinkError::Silent(silence)) => LineState::Offline(*silence),
            Err(LinkError::Barred) => LineState::Revoked,
        };
        let changed = match self.lock().as_mut() {
            // Only the server itself can let a barred till in again; its silence does not.
            Some(state) if state.line == LineState::Revoked && matches!(new, LineState::Offline(_)) => false,
            Some(state) if state.line != new => {
                let barred = new == LineState::Revoked;
                if state.identity.barred != barred {
                    state.identity.barred = barred;
                    if let Err(error) = self.folder.set_identity(&state.identity) {
                        tracing::error!(%error, "that the till is barred, or is no longer, was not kept");
                    }
                }
                tracing::info!(from = ?state.line, to = ?new, "the line has changed");
                state.line = new;
                true
            }
            _ => false,
        };
        if changed {
            self.wake.notify_one();
            self.tell_news();
        }
    }
}

impl State {
    pub(crate) fn place(&self) -> Place {
        Place {
            store: StoreId(self.identity.store.id.clone()),
            device: DeviceId(self.identity.device.clone()),
        }
    }

    pub(crate) fn policy(&self) -> Policy {
        self.copy.setup().map_or_else(Policy::default, |setup| Policy {
            copy_age_hours_max: setup.policy.copy_age_hours_max,
            undo_minutes_max: setup.policy.undo_minutes_max,
        })
    }

    /// Joins what was told of an entitlement with what this till has done with it.
    pub(crate) fn join(
        &self,
        told: &wire::entitlement::Entitlement,
        heard_at: UnixMs,
        origin: Origin,
    ) -> Result<Known, wire::convert::NotInContract> {
        let mut known = Known {
            entitlement: told.try_into()?,
            heard_at,
            origin,
            mine: vec![],
            undone: Default::default(),
        };
        self.join_own(&mut known);
        Ok(known)
    }

    /// Brings in what this till has done since.
    pub(crate) fn join_own(&self, known: &mut Known) {
        let id = &known.entitlement.id.0;
        let identity = &self.identity;
        let device = DeviceId(identity.device.clone());
        known.mine = self.ledger.uses(id, &device, &identity.till, &identity.store.name);
        known.undone = self.ledger.undone(id);
    }

    /// Brings in what the feed has told since `known` was looked up, and what this till has done since. An offer may
    /// have stood on the screen for minutes.
    pub(crate) fn catch_up(&self, known: &mut Known) {
        let told = self.copy.by_id(&known.entitlement.id.0).ok().flatten();
        let newer = told.filter(|told| told.version > known.entitlement.version);
        if let Some(entitlement) = newer.and_then(|told| (&told).try_into().ok()) {
            known.entitlement = entitlement;
            known.heard_at = self.copy.heard_at().ok().flatten().unwrap_or(known.heard_at);
        }
        self.join_own(known);
    }

    /// Puts `acts` into the journal and, once they are on disk, into the ledger.
    pub(crate) fn write(&mut self, now: UnixMs, acts: Vec<Act>) -> Result<Vec<Line>, Reason> {
        let journal = self.journal.as_mut().map_err(|error| reason_of(error))?;
        match journal.append(now, acts) {
            Ok(lines) => {
                if lines.first().is_some_and(|line| line.seq == 1) {
                    mark_begun(&self.begun);
                }
                lines.iter().for_each(|line| self.ledger.take_in(line));
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
}

/// Opens the journal, unless it has lost the lines that were in it before: an empty one in its place would let
/// everything be redeemed once more.
fn open_journal(
    path: &Path,
    begun: &Path,
    identity: &Identity,
    ledger: &mut Ledger,
) -> Result<Journal, JournalError> {
    let gone = || JournalError::Broken {
        path: path.to_owned(),
        reason: "the lines that were in it are gone".into(),
    };
    if begun.exists() && !path.exists() {
        return Err(gone());
    }
    let journal = Journal::open(path, &identity.device, identity.epoch, |line| ledger.take_in(&line))?;
    match (journal.head().seq, begun.exists()) {
        (0, true) => Err(gone()),
        (0, false) => Ok(journal),
        (_, marked) => {
            if !marked {
                mark_begun(begun);
            }
            Ok(journal)
        }
    }
}

fn mark_begun(begun: &Path) {
    if let Err(error) = std::fs::write(begun, "There are lines in journal.db.\n") {
        tracing::warn!(%error, "the mark that the journal has lines was not made");
    }
}

/// What a clerk is told when the journal does not take a line.
pub(crate) fn reason_of(error: &JournalError) -> Reason {
    match error {
        JournalError::DiskFull => Reason::DiskFull,
        JournalError::Failed(_) => Reason::JournalFailed,
        JournalError::Broken { .. } => Reason::JournalBroken,
    }
}
