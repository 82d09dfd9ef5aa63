//! `scanner`: the doctor's test codes on paper, and what it has found out.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};
use till::Till;
use till::scanners::{Examined, Scanners, in_words, pictures};
use till::words::Language;

use crate::{Exit, Voice};

/// What is asked about scanners.
#[derive(Subcommand)]
pub enum ScannerCommand {
    /// Write the scanner doctor's test codes as one A4 page (SVG), to be printed by any browser.
    Sheet {
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Say what the scanner doctor has found out, as the window's diagnostics do.
    Report,
}

/// Writes the sheet. It needs no data folder.
pub fn sheet(voice: &Voice, out: &PathBuf) -> Exit {
    match std::fs::write(out, pictures::sheet(voice.language)) {
        Ok(()) => {
            voice.say(json!({ "file": out }), || out.display().to_string());
            Exit::Done
        }
        Err(error) => {
            voice.complain(Exit::Fault, "file", &format!("{} cannot be written: {error}", out.display()))
        }
    }
}

/// Says what was found out.
pub fn report(voice: &Voice, till: &Arc<Till>) -> Exit {
    let scanners = till.folder().scanners();
    voice.say(json!({ "scanners": json(&scanners) }), || {
        scanners.report(voice.language, &till.place_in_words(), &till.moment_in_words(), None)
    });
    Exit::Done
}

/// What was found out, scanner by scanner.
pub fn json(scanners: &Scanners) -> Value {
    let one = |one: &Examined| {
        let outcomes = one.outcomes();
        let findings = one.findings();
        json!({
            "number": one.number, "at": one.at, "verdict": one.verdict(),
            "exact": outcomes.iter().all(model::scanner::Outcome::is_exact),
            "tests": outcomes.iter().map(|outcome| outcome.test.code()).collect::<Vec<_>>(),
            "gap_ms": outcomes.iter().map(|outcome| outcome.measured.gap_ms).max(),
            "suffix": outcomes.last().and_then(|outcome| outcome.measured.suffix).map(|mark| mark.code()),
            "findings": findings.iter().map(|finding| json!({
                "code": finding.code(), "weight": finding.weight().code(),
                "sentence": in_words(Language::English, finding),
            })).collect::<Vec<_>>(),
        })
    };
    scanners.scanners.iter().map(one).collect()
}
