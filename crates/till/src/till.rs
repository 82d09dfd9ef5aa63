//! One till: its folder, journal, copy and line, and what it knows of itself.
//!
//! The state stands behind one short lock that is never held across the network. What a redemption, the sync and the
//! desk do with it stands in [`crate::redeem`], [`crate::sync`] and [`crate::desk`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::campaign::Campaign;
use model::decide::{Known, Origin};
use model::place::{DeviceId, Place, StoreId};
use model::profile::Profile;
use model::redemption::Number;
use model::signed::trust::Trust;
use model::time::{Anchor, Effective, MonotonicMs, UnixMs, Watch};
use model::verdict::Silence;
use tokio::sync::{Notify, watch};
use wire::feed::RowKey;

use crate::custody;
use crate::device_key::{self, DeviceKey, KeyError};
use crate::fetch::Fetching;
use crate::folder::{Folder, FolderError, Identity, Kept};
use crate::head::{HeadKeeper, KeptHead};
use crate::ledger::Ledger;
use crate::line::Meter;
use crate::link::{HttpLink, Joining, Link, LinkError, Nobody};
use crate::real::{Clock, Dice};
use crate::signer::Signer;
use crate::store::copy::{Copy, CopyError};
use crate::store::journal::{Journal, JournalError};
use crate::transport::Transport;
use crate::vault::Vaults;

/// How long a clerk waits for the server before the local copy decides.
pub const DEADLINE: Duration = Duration::from_millis(1500);

/// How long an enrolment may take: a person waits, but no customer.
const ENROL_DEADLINE: Duration = Duration::from_secs(15);

/// How far the stored time may lag behind (milliseconds).
const MARK_EVERY_MS: i64 = 15 * 60 * 1000;

/// Makes the line of an enrolled till; a test hands in one that it can cut.
pub type Connect = dyn Fn(&Identity, Arc<Signer>) -> Result<Arc<dyn Link>, LinkError> + Send + Sync;

/// Finds the way to the server at an address; a simulation hands in one of its own.
pub type Reach = dyn Fn(&str) -> Result<Arc<dyn Transport>, LinkError> + Send + Sync;

/// The engine of one counter.
pub struct Till {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<dyn Dice>,
    pub(crate) folder: Folder,
    pub(crate) vaults: Vaults,
    /// This run of the program.
    run: String,
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
    /// Lets one build a new copy at a time.
    pub(crate) fetching: tokio::sync::Mutex<()>,
    /// Wakes the sync: there is something to send, or the line was lost.
    pub(crate) wake: Notify,
    /// Ends the pause after a failure: a person wants the sync now.
    pub(crate) asked_for: Notify,
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
    /// Measures the line.
    pub meter: Meter,
    /// What signs the lines; nothing while the store that has it is locked.
    pub key: Option<DeviceKey>,
    /// Keeps the journal's head elsewhere.
    pub keeper: Option<HeadKeeper>,
    /// The head that was kept when the till was opened.
    pub kept: Option<KeptHead>,
    pub clock: Arc<dyn Clock>,
    /// This run of the program, for the lines' witness of the time.
    pub run: String,
    /// When a backup was last tried.
    pub backup_tried: Option<UnixMs>,
    /// The last of the server's times that was heard in this run.
    pub heard: Option<UnixMs>,
    /// The redemption that is being decided right now: nobody else asks after it.
    pub in_hand: Option<Number>,
    /// The copy was damaged, and is fetched anew.
    pub copy_rebuilt: bool,
    /// How far a new copy has come.
    pub fetching: Option<Fetching>,
}

/// How things stand with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It answers, or has not been tried yet.
    Online,
    /// It answers slowly; it is still asked.
    Slow,
    /// It does not answer, and is not asked while a customer waits.
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
    /// The till's key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl EnrolError {
    /// The code that the page knows it by.
    pub fn code(&self) -> String {
        match self {
            EnrolError::Already => "already_enrolled".into(),
            EnrolError::Link(LinkError::Silent(silence)) => silence.code().into(),
            EnrolError::Link(LinkError::Barred) => "code_unknown".into(),
            EnrolError::Link(LinkError::Problem(problem)) => problem.error.clone(),
            EnrolError::Open(_) | EnrolError::Key(_) => "folder".into(),
        }
    }
}

impl Till {
    /// Opens the till in `folder`, with the line over HTTP.
    pub fn open(folder: Folder, clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Result<Till, OpenError> {
        let vaults = Vaults::of_platform(folder.path());
        let connect: Box<Connect> =
            Box::new(|identity, signer| Ok(Arc::new(HttpLink::new(identity, signer)?)));
        Till::open_by(folder, vaults, (clock, dice), Arc::new(crate::link::reach), connect)
    }

    /// Opens the till in `folder`, with every request over what `reach` finds, and its secrets in files.
    pub fn open_over(
        folder: Folder,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        reach: Arc<Reach>,
    ) -> Result<Till, OpenError> {
        let over = reach.clone();
        let connect: Box<Connect> = Box::new(move |identity, signer| {
            Ok(Arc::new(HttpLink::over(over(&identity.address)?, identity, signer)))
        });
        let vaults = Vaults::beside(folder.path());
        Till::open_by(folder, vaults, (clock, dice), reach, connect)
    }

    /// Opens the till in `folder`, with the line that `connect` makes, and its secrets in files: heads in a folder beside
    /// the data folder.
    pub fn open_with(
        folder: Folder,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        connect: Box<Connect>,
    ) -> Result<Till, OpenError> {
        let vaults = Vaults::beside(folder.path());
        Till::open_by(folder, vaults, (clock, dice), Arc::new(crate::link::reach), connect)
    }

    fn open_by(
        folder: Folder,
        vaults: Vaults,
        (clock, dice): (Arc<dyn Clock>, Arc<dyn Dice>),
        reach: Arc<Reach>,
        connect: Box<Connect>,
    ) -> Result<Till, OpenError> {
        let mut run = [0; 8];
        dice.fill(&mut run);
        let till = Till {
            clock,
            dice,
            folder,
            vaults,
            run: wire::codes::hex(&run),
            reach,
            connect,
            state: Mutex::new(None),
            watch: Mutex::new(Watch::default()),
            kept: Mutex::new(Kept::default()),
            pushing: tokio::sync::Mutex::new(()),
            fetching: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
            asked_for: Notify::new(),
            news: watch::Sender::new(0),
        };
        if let Some(identity) = till.folder.identity()? {
            till.take_up(identity)?;
        }
        Ok(till)
    }

    fn take_up(&self, identity: Identity) -> Result<(), OpenError> {
        let store_key = identity.store_key().ok_or(OpenError::Identity)?;
        let copy = self.folder.file("copy.db");
        let (copy, aside) = Copy::open(&copy, RowKey::of(&store_key), self.clock.now())?;
        let doubtful = copy.is_doubtful();
        let found = custody::find(&self.folder, &self.vaults, &identity);
        let mut identity = identity;
        custody::fit(&mut identity, &found, &self.folder)?;
        let custody::Found { journal, ledger, key, keeper, kept: kept_head, .. } = found;
        if let Err(error) = &journal {
            tracing::error!(%error, "nothing can be accepted on this till");
        }
        let kept = self.folder.kept();
        // A copy that cannot tell is no reason not to start.
        let heard = copy.heard_at().ok().flatten().max(copy.status_at().ok().flatten());
        let mark = kept.mark.into_iter().chain(kept_head.as_ref().map(|head| head.at)).max().map(UnixMs);
        *self.watch() = Watch::wake(ledger.latest().max(mark).max(heard));
        let trust = crate::keys::restore(&identity, &kept);
        *self.kept() = kept;
        let campaigns = copy.setup().map(crate::keys::campaigns).unwrap_or_default();
        let profiles = copy.setup().map(crate::keys::profiles).unwrap_or_default();
        let link = self.link_of(&identity, key.as_ref())?;
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
            meter: Meter::default(),
            key,
            keeper,
            kept: kept_head,
            clock: self.clock.clone(),
            run: self.run.clone(),
            heard: None,
            backup_tried: None,
            in_hand: None,
            copy_rebuilt: aside.is_some() || doubtful,
            fetching: None,
        });
        // The copy has the newest list that was heard of: an older file in the place of what was kept changes nothing.
        if let Some(state) = self.lock().as_mut()
            && let Some(setup) = state.copy.setup().cloned()
        {
            self.take_trust(state, &setup);
        }
        Ok(())
    }

    /// The line of a till with that key. Without its key a till cannot ask for anything; it is looked for again whenever
    /// the desk is at rest.
    pub(crate) fn link_of(
        &self,
        identity: &Identity,
        key: Option<&DeviceKey>,
    ) -> Result<Arc<dyn Link>, OpenError> {
        let Some(key) = key else { return Ok(Arc::new(Nobody)) };
        let signer = Signer::of(identity, key.key.clone(), self.clock.clone(), self.dice.clone());
        Ok((self.connect)(identity, Arc::new(signer.ok_or(OpenError::Identity)?))?)
    }

    /// Joins the chain behind `address` with a one-time code. `name` may be empty: the server then numbers the till.
    pub async fn enrol(&self, address: &str, code: &str, name: &str) -> Result<(), EnrolError> {
        if self.lock().is_some() {
            return Err(EnrolError::Already);
        }
        // A typed code may have lower case, spaces and hyphens in it.
        let code = model::code::Code::read(code)
            .map_or_else(|_| code.trim().to_owned(), |code| code.secret().into());
        let transport = (self.reach)(address)?;
        let (clock, dice) = (&*self.clock, &*self.dice);
        let key = device_key::for_code(&self.folder, &self.vaults, &wire::enrolment::id(&code), dice)?;
        let joining = Joining { code: &code, name, key: &key.key, clock, dice };
        let enrolled = crate::link::enrol(&*transport, &joining, ENROL_DEADLINE).await?;
        let identity = Identity {
            address: address.trim().trim_end_matches('/').to_owned(),
            device: enrolled.device,
            answer_key: enrolled.answer_key,
            store: enrolled.store,
            till: enrolled.till,
            store_key: enrolled.store_key,
            feed: enrolled.feed,
            epoch: enrolled.epoch,
            root: enrolled.root,
            barred: false,
            quarantine: None,
        };
        self.folder.set_identity(&identity).map_err(OpenError::from)?;
        self.take_up(identity)?;
        let now = self.now();
        if let Some(state) = self.lock().as_mut() {
            state.open_first_epoch(now);
        }
        self.wake.notify_one();
        self.tell_news();
        Ok(())
    }

    /// Opens the journal once more if it could not be opened for want of room; a broken one stays as it is.
    pub(crate) fn heal(&self) {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return };
        if !matches!(
            state.journal,
            Err(JournalError::DiskFull | JournalError::Failed(_) | JournalError::NoKey(_))
        ) {
            return;
        }
        // The file is held exclusively, and the head's keeper writes its last one.
        state.keeper = None;
        let found = custody::find(&self.folder, &self.vaults, &state.identity);
        state.journal = found.journal;
        match self.link_of(&state.identity, found.key.as_ref()) {
            Ok(link) => state.link = link,
            Err(error) => tracing::error!(%error, "the line is what it was"),
        }
        (state.key, state.keeper) = (found.key, found.keeper);
        if state.journal.is_ok() {
            state.ledger = found.ledger;
        }
        if let Some(why) = found.quarantine {
            self.quarantine(state, why);
        }
    }

    /// Takes note of a failure of the local copy. One that cannot be read is set aside; one that is not what the server
    /// told stays, in doubt, until another one is fetched.
    pub(crate) fn meet_copy_error(&self, state: &mut State, error: &CopyError) {
        tracing::error!(%error, "the local copy could not be used");
        let done = match error {
            CopyError::Damaged(_) => {
                state.copy.begin_anew(&self.folder.file("copy.db"), self.clock.now()).map(|_| ())
            }
            CopyError::Doubtful(_) => state.copy.doubt(),
            CopyError::NotTaken(_) | CopyError::Failed(_) => return,
        };
        state.copy_rebuilt = true;
        self.wake.notify_one();
        if let Err(error) = done {
            tracing::error!(%error, "and nothing could be done about it");
        }
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
        if let Some(state) = self.lock().as_mut() {
            state.heard = Some(server);
        }
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

    /// How long a look-up or a redemption waits for the server at most. May not be asked while the state is locked.
    pub fn deadline(&self) -> Duration {
        let policy = self.lock().as_ref().map(State::policy);
        policy.map_or(DEADLINE, |policy| Duration::from_millis(policy.deadline_ms.into()))
    }
}

impl State {
    pub(crate) fn place(&self) -> Place {
        Place {
            store: StoreId(self.identity.store.id.clone()),
            device: DeviceId(self.identity.device.clone()),
        }
    }

    /// Why the server was not heard when it was asked about `known`, if that was the last call of all.
    pub(crate) fn waited_for(&self, known: &Known) -> Option<Silence> {
        match known.origin {
            Origin::Copy(_) | Origin::Signature(_) | Origin::NotCovered(_) => self.meter.just_failed(),
            Origin::Server => None,
        }
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
}
