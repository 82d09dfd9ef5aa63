//! The desk: turns what a clerk does into acts of the till, and what came of them into one [`Screen`].
//!
//! Invariant: a verdict of a redemption is put on the screen only after [`crate::redeem`] has it on disk. One act at a
//! time; a screen can be taken at any moment.

use std::collections::VecDeque;
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::decide::{Known, Outcome};
use model::entitlement::Kind;
use model::reading::burst::{Burst, Layout};
use model::reading::{Command, Scan, Source};
use model::redemption::{Number, Take};
use model::settlement::Settlement;
use model::time::MonotonicMs;
use model::verdict::{Basis, Reason, Todo};
use tokio::sync::watch;
use wire::line::Person;

use crate::folder::Settings;
use crate::ledger::State;
use crate::redeem::{Approval, Wish};
use crate::scanners::Scanners;
use crate::screen::{
    Candidate, ChoiceCard, MemberCard, OfferCard, Row, Screen, Stage, Stands, Subject, Verdict,
};
use crate::see::{Sight, Told};
use crate::serial::Standing;
use crate::staff;
use crate::till::Till;
use crate::words::Language;

mod approve;
mod doctor;
mod scan;
mod show;

pub use show::{basis, class_code, todo_figures};

/// So long after an act nothing comes up by itself (milliseconds).
const CALM_MS: u64 = 5_000;
/// How many results the strip shows.
const STRIP: usize = 5;

/// What a clerk does.
#[derive(Clone, Debug)]
pub enum Act {
    /// A text came in.
    Scan(Scan),
    /// A scanner typed something: what its keys can have meant.
    Burst(Burst),
    /// The offer is confirmed.
    Confirm(Vec<Take>),
    /// A manager lets pass what the clerk may not decide.
    Approve {
        /// Id or name.
        manager: String,
        /// The PIN.
        pin: String,
        /// Why.
        why: String,
    },
    /// One of the member's coupons, or one of those that a short code fits, by its entitlement's id.
    Choose(String),
    /// A redemption is taken back: all that is still taken.
    Undo(Number),
    /// Some of a redemption is taken back.
    UndoPart {
        /// The redemption.
        of: Number,
        /// So much of it.
        takes: Vec<Take>,
    },
    /// What was counted unseen is handed over.
    HandOver(Number),
    /// The next customer.
    Next,
    /// Somebody signs in.
    SignIn {
        /// Id or name.
        clerk: String,
        /// The PIN.
        pin: String,
    },
    /// Whoever is signed in goes.
    SignOut,
    /// Join a chain.
    Enrol {
        /// The server's address.
        address: String,
        /// The one-time code.
        code: String,
    },
    /// Send and fetch now.
    Sync,
    /// Speak another language.
    Speak(Language),
}

/// The desk of one till.
pub struct Desk {
    till: Arc<Till>,
    acting: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
    revision: AtomicU64,
    changed: watch::Sender<u64>,
    hasher: RandomState,
}

struct Inner {
    stage: Stage,
    settings: Settings,
    system: Language,
    /// Keyed hash and moment of the last scanned text: the text itself may be a secret.
    last_scan: Option<(u64, MonotonicMs)>,
    /// The hash of the text whose card is on the screen, waiting for the clerk.
    card_of: Option<u64>,
    /// How the scanner's keys are to be read, as far as what they said has told.
    layout: Option<Layout>,
    /// What the scanner read twice since the start.
    echoes: u32,
    /// What was found out about the scanners.
    scanners: Scanners,
    /// How the offer on the screen came in.
    source: Source,
    strip: VecDeque<Row>,
    serial: Vec<Standing>,
    /// Nobody has seen yet what was last decided before this start.
    fresh: bool,
    /// When the clerk last did something since the start.
    acted_at: Option<MonotonicMs>,
}

impl Desk {
    /// The desk of `till`, in the system's language unless the clerk has chosen another.
    pub fn new(till: Arc<Till>, system: Language) -> Desk {
        let scanners = till.folder().scanners();
        let inner = Inner {
            stage: Stage::Ready,
            settings: till.folder().settings(),
            system,
            last_scan: None,
            card_of: None,
            layout: scanners.habits().layout,
            echoes: 0,
            scanners,
            source: Source::Wedge,
            strip: VecDeque::new(),
            serial: vec![],
            fresh: false,
            acted_at: None,
        };
        let desk = Desk {
            till,
            acting: tokio::sync::Mutex::new(()),
            inner: Mutex::new(inner),
            revision: AtomicU64::new(1),
            changed: watch::Sender::new(1),
            hasher: RandomState::new(),
        };
        let first = desk.first_stage();
        desk.inner().fresh = matches!(first, Stage::SignIn { .. });
        desk.inner().stage = first;
        let strip = desk.rows(STRIP);
        desk.inner().strip = strip.into();
        desk
    }

    /// The till behind the desk.
    pub fn till(&self) -> &Arc<Till> {
        &self.till
    }

    /// Changes with every change of the screen, including those that come from the server.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Passes the till's news on as changes of the screen, until the task is dropped.
    pub async fn follow_news(&self) {
        let mut news = self.till.news();
        while news.changed().await.is_ok() {
            self.meet_unseen();
            self.bump();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bump(&self) {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        self.changed.send_replace(revision);
    }

    fn set_stage(&self, stage: Stage) {
        self.inner().stage = stage;
        self.bump();
    }

    /// Does what the clerk did and gives the screen that follows.
    pub async fn act(&self, act: Act) -> Screen {
        let _alone = self.acting.lock().await;
        self.inner().acted_at = Some(self.till.passed());
        match act {
            Act::Scan(scan) => self.scan(scan).await,
            Act::Burst(burst) => self.burst(&burst).await,
            Act::Confirm(takes) => self.confirm(takes).await,
            Act::Approve { manager, pin, why } => self.approve(&manager, &pin, &why).await,
            Act::Choose(id) => self.choose(&id).await,
            Act::Undo(number) => self.undo(number, &[]).await,
            Act::UndoPart { takes, .. } if takes.is_empty() => {}
            Act::UndoPart { of, takes } => self.undo(of, &takes).await,
            Act::HandOver(number) => self.hand_over(number),
            Act::Next => self.next(),
            Act::SignIn { clerk, pin } => self.sign_in(&clerk, &pin),
            Act::SignOut => {
                self.change_settings(|settings| settings.clerk = None);
                self.set_stage(self.rest());
            }
            Act::Enrol { address, code } => self.enrol(&address, &code).await,
            // Only woken: no customer waits for a sync.
            Act::Sync => self.till.sync_now(),
            Act::Speak(language) => {
                self.change_settings(|settings| settings.language = Some(language.tag().into()));
            }
        }
        self.bump();
        self.screen()
    }

    /// The card is put aside; what was counted unseen comes up now, when the clerk is free for it.
    fn next(&self) {
        let leaves_unseen =
            matches!(&self.inner().stage, Stage::Verdict(shown) if shown.reason == Reason::CountedUnseen);
        let rest = self.rest();
        let unseen = if leaves_unseen || !matches!(rest, Stage::Ready) { None } else { self.unseen() };
        self.set_stage(unseen.map_or(rest, Stage::Verdict));
    }

    /// The verdict of a redemption that was counted although nothing was handed over, if there is one.
    fn unseen(&self) -> Option<Verdict> {
        let number = self.till.lock().as_ref().and_then(|state| state.ledger.counted_unseen().pop())?;
        self.verdict_of(number).map(|verdict| Verdict { before_restart: true, ..verdict })
    }

    /// What the work area shows when nothing is in hand.
    fn rest(&self) -> Stage {
        self.till.heal();
        let guard = self.till.lock();
        let Some(state) = guard.as_ref() else { return Stage::Enrol { failed: None } };
        if let Err(error) = &state.journal {
            return Stage::Verdict(Verdict::of(crate::custody::reason_of(error), self.till.now()));
        }
        if state.quarantine().is_some() {
            return Stage::Verdict(Verdict::of(Reason::Quarantined, self.till.now()));
        }
        drop(guard);
        if self.person().is_none() {
            Stage::SignIn { staff: self.staff(), failed: None }
        } else {
            Stage::Ready
        }
    }

    /// After a start: what was last decided, or what was counted unseen, or nothing in hand.
    fn first_stage(&self) -> Stage {
        let rest = self.rest();
        if !matches!(rest, Stage::Ready) {
            return rest;
        }
        let last = || self.last_number().and_then(|number| self.verdict_of(number));
        match self.unseen().or_else(last) {
            Some(verdict) => Stage::Verdict(Verdict { before_restart: true, ..verdict }),
            None => rest,
        }
    }

    /// Shows a redemption that turned out to be counted although nothing was handed over, unless the desk is busy or
    /// was so a moment ago: a card must not come up under a finger that is meant for another.
    fn meet_unseen(&self) {
        let Some(verdict) = self.unseen() else { return };
        let now = self.till.passed();
        let mut inner = self.inner();
        let free = match &inner.stage {
            Stage::Ready => inner.acted_at.is_none_or(|at| now.0.saturating_sub(at.0) > CALM_MS),
            Stage::Verdict(shown) => shown.before_restart && shown.number != verdict.number,
            _ => false,
        };
        if free {
            inner.stage = Stage::Verdict(verdict);
        }
    }

    /// Does what a printed command says, if it has anything to do with what is on the screen.
    async fn obey(&self, command: Command) {
        let stage = self.inner().stage.clone();
        match (command, stage) {
            (Command::Confirm | Command::TakeAll, Stage::Offer(card)) => {
                self.confirm(card.usual_takes()).await
            }
            (Command::Undo, Stage::Verdict(Verdict { undo: Some((number, _)), .. })) => {
                self.undo(number, &[]).await
            }
            (Command::Next, _) => self.next(),
            _ => self.refuse(Reason::CommandIdle.into()),
        }
    }

    async fn choose(&self, id: &str) {
        let offered = match &self.inner().stage {
            Stage::Member(_) => true,
            Stage::Choice(card) => card.can_choose(id),
            _ => false,
        };
        if !offered {
            return;
        }
        self.inner().card_of = None;
        self.set_stage(Stage::Checking);
        let sight = self.till.see_id(id).await;
        self.show_sight(sight);
    }

    fn show_sight(&self, sight: Sight) {
        match sight {
            Sight::Offer { known, offer, proof } => {
                let since = self.till.now();
                self.set_stage(Stage::Offer(OfferCard { known, offer, proof, since }));
            }
            Sight::Choice(seen) => {
                let candidates =
                    seen.into_iter().map(|(known, reason)| Candidate { known, reason }).collect();
                match ChoiceCard::of(candidates, self.till.now()) {
                    Some(card) => self.set_stage(Stage::Choice(card)),
                    None => self.refuse(Reason::NeverIssued.into()),
                }
            }
            Sight::Member { known, coupons } => self.set_stage(Stage::Member(MemberCard { known, coupons })),
            Sight::Refused(told) => {
                // The customer of an interrupted act is back: the goods are still here.
                let waiting = told.earlier.as_ref().and_then(|earlier| {
                    let guard = self.till.lock();
                    let redemption = guard.as_ref()?.ledger.redemption(earlier.number)?;
                    (redemption.state() == State::CountedUnseen).then_some(earlier.number)
                });
                match waiting.and_then(|number| self.verdict_of(number)) {
                    Some(verdict) => {
                        self.set_stage(Stage::Verdict(Verdict { before_restart: true, ..verdict }))
                    }
                    None => {
                        let source = self.inner().source.code();
                        self.refuse(told.clone());
                        self.till.note_refused(&told, source, self.person());
                    }
                }
            }
        }
    }

    fn refuse(&self, told: Told) {
        let now = self.till.now();
        let mut verdict = Verdict::of(told.reason, now);
        if let Some(earlier) = &told.earlier {
            let here =
                self.till.lock().as_ref().is_some_and(|state| state.place().device == earlier.done.device);
            verdict.earlier_here = here;
            verdict.earlier = Some(earlier.done.clone());
            verdict.undo = if here { self.undo_offer(earlier.number) } else { None };
        }
        verdict.basis = told.basis;
        if let Some(known) = told.known {
            verdict.left = known.left_in_all();
            verdict.quantity = known.entitlement.lines.iter().map(|line| line.quantity).sum();
            verdict.subject = Some(Subject::Whole(Box::new(known.entitlement.clone())));
        }
        self.show_verdict(verdict);
    }

    /// Shows a verdict and puts it into the strip.
    fn show_verdict(&self, verdict: Verdict) {
        let clerk = self.person().map(|person| person.name).unwrap_or_default();
        let row = Row {
            at: verdict.at,
            reason: verdict.reason,
            title: verdict.subject.as_ref().map(|subject| subject.title().to_owned()).unwrap_or_default(),
            clerk,
            number: verdict.number,
            stands: Stands::Nothing,
            undoable: false,
            pieces: vec![],
        };
        let mut inner = self.inner();
        inner.strip.push_front(row);
        inner.strip.truncate(STRIP);
        inner.stage = Stage::Verdict(verdict);
        drop(inner);
        self.bump();
    }

    async fn confirm(&self, takes: Vec<Take>) {
        let card = match &self.inner().stage {
            Stage::Offer(card) => card.clone(),
            // A second press of the button, or a press that came too late.
            _ => return,
        };
        self.take(card, takes, None).await;
    }

    async fn take(&self, card: OfferCard, takes: Vec<Take>, approval: Option<&Approval>) {
        let Some(clerk) = self.person() else { return self.refuse(Reason::SignInFirst.into()) };
        let source = self.inner().source;
        self.set_stage(Stage::Checking);
        let wish = Wish {
            known: &card.known,
            takes: &takes,
            clerk: &clerk,
            source: source.code(),
            proof: card.proof,
            approval,
        };
        match self.till.confirm(&wish).await {
            Ok(concluded) if concluded.decision.may_ask => self.ask_manager(card, takes, &concluded.decision),
            Ok(concluded) => {
                let verdict = self.verdict_of(concluded.number);
                let mut verdict =
                    verdict.unwrap_or_else(|| Verdict::of(concluded.decision.reason, concluded.at));
                // What was offered is at hand, whether or not the feed has brought it into the copy yet.
                let subject = Subject::Whole(Box::new(card.known.entitlement.clone()));
                verdict.todo = todo_of(concluded.decision.outcome, verdict.reason, &subject);
                verdict.subject = Some(subject);
                self.show_verdict(verdict);
            }
            Err(Reason::NothingChosen) => self.set_stage(Stage::Offer(card)),
            Err(reason) => {
                let known: Box<Known> = card.known;
                self.refuse(Told { known: Some(known), ..reason.into() });
            }
        }
    }

    async fn undo(&self, of: Number, takes: &[Take]) {
        let Some(clerk) = self.person() else { return self.refuse(Reason::SignInFirst.into()) };
        match self.till.undo(of, takes, "", &clerk).await {
            Ok(done) => {
                let mut verdict = self.about(of, Verdict::of(Reason::Undone, done.at));
                let settled = done.settlement.is_some();
                verdict.number = Some(done.number);
                verdict.taken = self.taken_back(done.number);
                verdict.unsent = !settled;
                verdict.basis = self.basis_now(settled);
                match done.settlement {
                    Some(Settlement::Refused { reason, .. }) => {
                        verdict.reason = reason;
                        verdict.todo = Todo::CallManager;
                    }
                    Some(Settlement::Disputed { .. }) => verdict.todo = Todo::CallManager,
                    _ => {}
                }
                self.show_verdict(verdict);
            }
            Err(reason) => {
                let verdict = self.about(of, Verdict::of(reason, self.till.now()));
                self.show_verdict(verdict);
            }
        }
    }

    fn hand_over(&self, number: Number) {
        match self.till.hand_over(number) {
            Ok(concluded) => {
                let verdict = self.verdict_of(number);
                self.show_verdict(
                    verdict.unwrap_or_else(|| Verdict::of(concluded.decision.reason, concluded.at)),
                );
            }
            Err(reason) => {
                let verdict = self.about(number, Verdict::of(reason, self.till.now()));
                self.show_verdict(verdict);
            }
        }
    }

    fn sign_in(&self, clerk: &str, pin: &str) {
        let staff = self.staff();
        let let_in = self
            .at_the_door(|door, now| door.sign_in(&staff, clerk, pin, now).map(|person| person.id.clone()));
        match let_in {
            Ok(id) => {
                self.change_settings(|settings| settings.clerk = Some(id));
                let fresh = std::mem::take(&mut self.inner().fresh);
                self.set_stage(if fresh { self.first_stage() } else { self.rest() });
            }
            Err(error) => self.set_stage(Stage::SignIn { staff, failed: Some(error.code()) }),
        }
    }

    async fn enrol(&self, address: &str, code: &str) {
        self.set_stage(Stage::Checking);
        match self.till.enrol(address, code, "").await {
            Ok(()) => {
                // Brings the staff, so that somebody can sign in at once.
                if let Err(error) = self.till.round().await {
                    tracing::warn!(%error, "the first round of sync ended early");
                }
                self.set_stage(self.rest());
            }
            Err(error) => {
                tracing::warn!(%error, "the till was not enrolled");
                self.set_stage(Stage::Enrol { failed: Some(error.code()) });
            }
        }
    }

    fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut inner = self.inner();
        change(&mut inner.settings);
        if let Err(error) = self.till.folder().set_settings(&inner.settings) {
            tracing::warn!(%error, "the settings were not kept");
        }
        drop(inner);
        self.bump();
    }

    /// Whoever is signed in and still works at this store.
    fn person(&self) -> Option<Person> {
        let clerk = self.inner().settings.clerk.clone()?;
        let staff = self.staff();
        let person = staff::find(&staff, &clerk)?;
        Some(Person { id: person.id.clone(), name: person.name.clone() })
    }

    fn staff(&self) -> Vec<wire::api::Staff> {
        let guard = self.till.lock();
        let setup = guard.as_ref().and_then(|state| state.copy.setup());
        setup.map(|setup| setup.staff.clone()).unwrap_or_default()
    }

    fn basis_now(&self, by_server: bool) -> Option<Basis> {
        if by_server {
            return Some(Basis::Server);
        }
        let guard = self.till.lock();
        let state = guard.as_ref()?;
        let as_of = state.copy.heard_at().ok().flatten()?;
        match state.line {
            crate::till::LineState::Offline(silence) => Some(Basis::Copy { as_of, silence }),
            crate::till::LineState::Online
            | crate::till::LineState::Slow
            | crate::till::LineState::Revoked => None,
        }
    }
}

/// What to do about a decided redemption.
fn todo_of(outcome: Outcome, reason: Reason, subject: &Subject) -> Todo {
    match (outcome, subject) {
        (Outcome::Accepted, Subject::Whole(entitlement)) => Todo::after_acceptance(entitlement),
        (Outcome::Accepted, Subject::Kept { .. }) => Todo::HandOver,
        (Outcome::Refused | Outcome::Held, _) => Todo::about(reason),
    }
}

/// Whether redemptions of that kind count among the orders picked up.
fn is_order(kind: &str) -> bool {
    kind == crate::redeem::kind_code(&Kind::Order)
}
