//! How a till stands, in figures, and who stands at it.

use model::time::UnixMs;
use wire::line::Person;

use crate::folder::Practice;
use crate::redeem::Approval;
use crate::staff::{self, Door, SignInError};
use crate::till::{DEADLINE, LineState, Till};

/// How a till stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How things stand with the server; nothing before enrolment.
    pub line: Option<LineState>,
    /// Redemptions and undos that the server has not settled.
    pub waiting: usize,
    /// Open cases of this till.
    pub cases: usize,
    /// When the server last vouched for the local copy.
    pub copy_as_of: Option<UnixMs>,
    /// How many entitlements are in the copy.
    pub entitlements: u64,
    /// The journal's last line.
    pub journal_lines: u64,
    /// Why the journal takes no line, if it does not.
    pub journal_fault: Option<String>,
}

impl Till {
    /// How this till stands.
    pub fn standing(&self) -> Standing {
        let guard = self.lock();
        let Some(state) = guard.as_ref() else { return Standing::default() };
        Standing {
            line: Some(state.line),
            waiting: state.ledger.waiting(),
            cases: state.ledger.cases().len(),
            copy_as_of: state.copy.heard_at().ok().flatten(),
            entitlements: state.copy.count().unwrap_or(0),
            journal_lines: state.journal.as_ref().map_or(0, |journal| journal.head().seq),
            journal_fault: state.journal.as_ref().err().map(ToString::to_string),
        }
    }

    /// Asks the server for a sign of life, and takes note of it.
    pub async fn probe(&self) {
        let Some(link) = self.lock().as_ref().map(|state| state.link.clone()) else { return };
        let answer = link.setup(DEADLINE).await;
        self.note_line(&answer);
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
}
