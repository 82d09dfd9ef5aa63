//! From what a scanner typed to a sight: which reading, whose echo, whose card.

use std::hash::{BuildHasher, Hasher};

use model::reading::burst::Burst;
use model::reading::{Scan, Source};
use model::verdict::Reason;

use crate::desk::Desk;
use crate::screen::Stage;
use crate::see::Told;

/// The same text again within so long is the scanner's echo, not a customer (milliseconds).
const ECHO_MS: u64 = 2_500;
/// The same text again within so long leaves the card that waits for the clerk as it is (milliseconds).
const SAME_CARD_MS: u64 = 60_000;

/// What the same text once more means.
enum Again {
    /// Nothing: it is another text, or was seen too long ago.
    No,
    /// The scanner read it twice.
    Echo,
    /// Its card is on the screen.
    Card,
}

impl Desk {
    /// A burst: its texts one after the other. One is the rule; two ran together; none can be told from another.
    pub(super) async fn burst(&self, burst: &Burst) {
        let habit = self.inner().layout;
        let chosen = self.till.choose(burst, habit);
        if chosen.layout.is_some() {
            self.inner().layout = chosen.layout;
        }
        if chosen.texts.is_empty() && self.may_scan(Source::Wedge) {
            let told = Told::from(Reason::Damaged);
            self.inner().source = Source::Wedge;
            self.refuse(told.clone());
            self.till.note_refused(&told, Source::Wedge.code(), self.person());
        }
        for text in chosen.texts {
            self.scan(Scan { text, source: Source::Wedge }).await;
        }
    }

    pub(super) async fn scan(&self, scan: Scan) {
        let (again, hash) = self.again(&scan);
        match again {
            Again::Echo if !matches!(self.inner().stage, Stage::Ready | Stage::SignIn { .. }) => {
                self.inner().echoes += 1;
                return;
            }
            Again::Card => return,
            Again::Echo | Again::No => {}
        }
        if !self.may_scan(scan.source) {
            return;
        }
        self.inner().card_of = None;
        if let Some(command) = self.till.command(&scan) {
            return self.obey(command).await;
        }
        self.inner().source = scan.source;
        self.set_stage(Stage::Checking);
        let sight = self.till.see(&scan).await;
        self.show_sight(sight);
        self.inner().card_of = Some(hash);
    }

    /// Whether scans are taken now; if not, the screen says why.
    fn may_scan(&self, source: Source) -> bool {
        if let Stage::Verdict(broken) = self.rest() {
            self.set_stage(Stage::Verdict(broken));
            return false;
        }
        if self.till.lock().is_some() && self.person().is_none() {
            let told = Told::from(Reason::SignInFirst);
            self.refuse(told.clone());
            self.till.note_refused(&told, source.code(), None);
            return false;
        }
        true
    }

    /// Takes note of a text, and says what it means that it came before.
    fn again(&self, scan: &Scan) -> (Again, u64) {
        let now = self.till.passed();
        let mut hasher = self.hasher.build_hasher();
        scan.text.hash_into(&mut hasher);
        let hash = hasher.finish();
        let mut inner = self.inner();
        let before = inner.last_scan.replace((hash, now));
        let since = before.filter(|(last, _)| *last == hash).map(|(_, at)| now.0.saturating_sub(at.0));
        let waits = matches!(inner.stage, Stage::Offer(_) | Stage::Member(_) | Stage::Choice(_));
        let again = match since {
            Some(since) if since < ECHO_MS && matches!(scan.source, Source::Wedge | Source::Serial) => {
                Again::Echo
            }
            // The customer shows it once more while the clerk still counts: nothing that was ticked is lost.
            Some(since) if since <= SAME_CARD_MS && waits && inner.card_of == Some(hash) => Again::Card,
            _ => Again::No,
        };
        (again, hash)
    }
}
