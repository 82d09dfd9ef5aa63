//! The scanner doctor at the desk: test codes in, what they say out, kept at once.

use model::reading::burst::Burst;
use model::scanner::{Measured, Outcome};

use crate::desk::Desk;
use crate::scanners::Scanners;
use crate::words::Language;

impl Desk {
    /// What was found out about the scanners.
    pub fn scanners(&self) -> Scanners {
        self.inner().scanners.clone()
    }

    /// A test code was scanned with the scanner of this number; nothing if it was none.
    pub fn examine(&self, number: u32, burst: &Burst, measured: Measured) -> Option<Outcome> {
        let now = self.till.now();
        let outcome = self.inner().scanners.examine(number, burst, measured, now)?;
        self.keep_scanners();
        Some(outcome)
    }

    /// The scanner of this number is examined from the beginning.
    pub fn forget_scanner(&self, number: u32) {
        self.inner().scanners.forget(number);
        self.keep_scanners();
    }

    /// Everything that the doctor found out, as a text for whoever looks after the till.
    pub fn scanner_report(&self) -> String {
        let (scanners, echoes, chosen, system) = {
            let inner = self.inner();
            (inner.scanners.clone(), inner.echoes, inner.settings.language.clone(), inner.system)
        };
        let language = chosen.as_deref().map_or(system, Language::of_locale);
        scanners.report(language, &self.till.place_in_words(), &self.till.moment_in_words(), Some(echoes))
    }

    fn keep_scanners(&self) {
        let mut inner = self.inner();
        let layout = inner.scanners.habits().layout;
        if layout.is_some() {
            inner.layout = layout;
        }
        if let Err(error) = self.till.folder().set_scanners(&inner.scanners) {
            tracing::warn!(%error, "what was found out about the scanners was not kept");
        }
        drop(inner);
        self.bump();
    }
}
