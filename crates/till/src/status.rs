//! How a till stands, in figures, and who stands at it.

use model::time::UnixMs;
use wire::line::{Person, Why};

use crate::folder::Practice;
use crate::staff;
use crate::store::journal::Journal;
use crate::till::{DEADLINE, LineState, Till};
use crate::vault::Place;

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
    /// Why this till is in quarantine, if it is.
    pub quarantine: Option<Why>,
    /// How many lines the server does not hold yet.
    pub unsent: u64,
    /// The day of the newest backup of the journal, such as "2026-11-25".
    pub backup: Option<String>,
    /// Where the till's key is kept; nothing while it is out of reach.
    pub key_kept: Option<Place>,
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
            quarantine: state.quarantine(),
            unsent: state.journal.as_ref().map_or(0, Journal::unsent_count),
            backup: crate::backup::last_day(&crate::backup::place(&self.folder)),
            key_kept: state.key.as_ref().map(|key| key.kept),
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
