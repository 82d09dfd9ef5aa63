//! How a till stands, in figures, how its line is, and who stands at it.

use std::time::Duration;

use model::time::UnixMs;
use model::verdict::Silence;
use wire::line::{Person, Why};

use crate::fetch::Fetching;
use crate::folder::Practice;
use crate::line::Health;
use crate::link::LinkError;
use crate::redeem::Approval;
use crate::staff::{self, Door, SignInError};
use crate::store::journal::Journal;
use crate::till::{LineState, State, Till};
use crate::vault::Place;

/// How a till stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How things stand with the server; nothing before enrolment.
    pub line: Option<LineState>,
    /// Redemptions and undos that the server has not settled.
    pub waiting: usize,
    /// Open cases of the store.
    pub cases: usize,
    /// When the server last vouched for the local copy.
    pub copy_as_of: Option<UnixMs>,
    /// How many entitlements are in the copy.
    pub entitlements: u64,
    /// Whether the copy is not what the server told, so that nothing is given away by it.
    pub copy_doubtful: bool,
    /// How far a new copy has come, while one is built.
    pub fetching: Option<Fetching>,
    /// The journal's last line.
    pub journal_lines: u64,
    /// Why the journal takes no line, if it does not.
    pub journal_fault: Option<String>,
    /// Why this till is in quarantine, if it is.
    pub quarantine: Option<Why>,
    /// How many lines the server does not hold yet.
    pub unsent: u64,
    /// The day of the newest backup of the journal, such as "2026-11-25".
    pub backup: Option<String>,
    /// Where the till's key is kept; nothing while it is out of reach.
    pub key_kept: Option<Place>,
}

impl From<Health> for LineState {
    fn from(health: Health) -> LineState {
        match health {
            Health::Online => LineState::Online,
            Health::Slow => LineState::Slow,
            Health::Offline(silence) => LineState::Offline(silence),
        }
    }
}

impl Till {
    /// How this till stands.
    pub fn standing(&self) -> Standing {
        let guard = self.lock();
        let Some(state) = guard.as_ref() else { return Standing::default() };
        Standing {
            line: Some(state.line),
            waiting: state.ledger.waiting(),
            cases: state.open_cases(),
            copy_as_of: state.copy.heard_at().ok().flatten(),
            entitlements: state.copy.count().unwrap_or(0),
            copy_doubtful: state.copy.is_doubtful(),
            fetching: state.fetching,
            journal_lines: state.journal.as_ref().map_or(0, |journal| journal.head().seq),
            journal_fault: state.journal.as_ref().err().map(ToString::to_string),
            quarantine: state.quarantine(),
            unsent: state.journal.as_ref().map_or(0, Journal::unsent_count),
            backup: crate::backup::last_day(&crate::backup::place(&self.folder)),
            key_kept: state.key.as_ref().map(|key| key.kept),
        }
    }

    /// Asks the server for a sign of life, and takes note of it: why none came, or nothing.
    pub async fn probe(&self) -> Option<LinkError> {
        let link = self.lock().as_ref().map(|state| state.link.clone())?;
        self.timed(link.setup(self.deadline())).await.err()
    }

    /// Where this till stands, such as "南山店 · 1号收银机"; a hyphen before enrolment.
    pub fn place_in_words(&self) -> String {
        let guard = self.lock();
        let identity = guard.as_ref().map(|state| &state.identity);
        identity.map_or_else(|| "-".into(), |known| format!("{} · {}", known.store.name, known.till))
    }

    /// The moment as a person writes it down, by this computer's zone.
    pub fn moment_in_words(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.now().0).unwrap_or_default();
        at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// A demo chain's practice codes.
    pub fn practice(&self) -> Vec<Practice> {
        self.folder.practice()
    }

    /// A manager's yes, if the PIN is right. A wrong one counts as at the screen.
    pub fn approve(&self, manager: &str, pin: &str, why: &str) -> Result<Approval, SignInError> {
        let staff = match self.lock().as_ref().and_then(|state| state.copy.setup()) {
            Some(setup) => setup.staff.clone(),
            None => return Err(SignInError::Unknown),
        };
        let mut settings = self.folder.settings();
        let mut door = Door { wrong: settings.wrong_pins, locked_until: settings.locked_until.map(UnixMs) };
        let outcome = door.approve(&staff, manager, pin, why, self.now());
        (settings.wrong_pins, settings.locked_until) = (door.wrong, door.locked_until.map(|until| until.0));
        if let Err(error) = self.folder.set_settings(&settings) {
            tracing::warn!(%error, "how often a PIN was wrong was not kept");
        }
        outcome
    }

    /// The member of staff of that name or id; without one, whoever is signed in.
    pub fn clerk(&self, name: Option<&str>) -> Option<Person> {
        let wanted = match name {
            Some(name) => name.to_owned(),
            None => self.folder.settings().clerk?,
        };
        let guard = self.lock();
        let staff = &guard.as_ref()?.copy.setup()?.staff;
        let person = staff::find(staff, &wanted)?;
        Some(Person { id: person.id.clone(), name: person.name.clone() })
    }

    /// Makes a call that a customer may be waiting for, within the deadline whatever the link does, and takes note of how
    /// it went and how long it took.
    pub(crate) async fn timed<T>(
        &self,
        call: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        let began = self.passed();
        let result = tokio::time::timeout(self.deadline(), call).await;
        let result = result.unwrap_or(Err(LinkError::Silent(Silence::TimedOut)));
        let took = Duration::from_millis(self.passed().0.saturating_sub(began.0));
        self.note_line(&result, Some(took));
        result
    }

    /// Makes a call whose length says nothing of the line, and takes note of how it went.
    pub(crate) async fn noted<T>(
        &self,
        call: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        let result = call.await;
        self.note_line(&result, None);
        result
    }

    /// Takes note of how a request went, and how long it took if that is of the line.
    pub(crate) fn note_line<T>(&self, result: &Result<T, LinkError>, took: Option<Duration>) {
        if let Err(LinkError::Problem(problem)) = result
            && problem.error == "quarantined"
            && let Some(state) = self.lock().as_mut()
        {
            self.quarantine(state, Why::Forked);
        }
        let (now, deadline) = (self.passed(), self.deadline());
        let changed = match self.lock().as_mut() {
            Some(state) => {
                let new = match result {
                    Err(LinkError::Barred) => LineState::Revoked,
                    // Only the server itself can let a barred till in again; its silence does not.
                    Err(LinkError::Silent(_)) if state.line == LineState::Revoked => LineState::Revoked,
                    Err(LinkError::Silent(silence)) => state.meter.silent(*silence, now).into(),
                    Ok(_) | Err(LinkError::Problem(_)) => state.meter.answered(took, deadline, now).into(),
                };
                self.set_line(state, new)
            }
            None => false,
        };
        if changed {
            self.wake.notify_one();
            self.tell_news();
        }
    }

    /// Whether that changed anything.
    fn set_line(&self, state: &mut State, new: LineState) -> bool {
        if state.line == new {
            return false;
        }
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
}
