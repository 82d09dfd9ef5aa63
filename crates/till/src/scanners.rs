//! The scanners of a till: what the doctor has found out about each, kept in `scanners.json`, and what the wedge goes
//! by. Nothing that a customer has shown is in it: the doctor reads its own test codes only.

use model::reading::burst::{Burst, Layout};
use model::scanner::{self, Finding, Habits, Mark, Measured, Outcome, Test, Weight};
use model::time::UnixMs;
use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::words::{Language, filled, sentence};

pub mod pictures;

/// A counter has no more scanners than that.
pub const SCANNERS_MAX: u32 = 4;

/// What was found out about the scanners here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanners {
    /// By number, from 1.
    #[serde(default)]
    pub scanners: Vec<Examined>,
}

/// What was found out about one scanner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Its number on the sticker, from 1.
    pub number: u32,
    /// When its last test code was scanned (ms since 1970).
    pub at: i64,
    /// The last scan of each test code.
    scans: Vec<KeptScan>,
}

/// An outcome on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptScan {
    test: String,
    #[serde(default)]
    layout: Option<String>,
    #[serde(default)]
    lost: u32,
    #[serde(default)]
    surplus: u32,
    #[serde(default)]
    changed: u32,
    #[serde(default)]
    case_changed: u32,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    caps_lock: bool,
    gap_ms: u32,
    gap_most_ms: u32,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    suffix: Option<String>,
    #[serde(default)]
    hidden: u32,
    #[serde(default)]
    alt_numbers: bool,
}

impl Scanners {
    /// What the folder has. A damaged file is as good as none: the scanners are examined again.
    pub fn of(folder: &Folder) -> Scanners {
        folder.scanners()
    }

    /// Takes note of a scan with this scanner; nothing if it was no test code. Whether the scanner was set differently
    /// when it was scanned before is noticed: what was found out then is forgotten.
    pub fn examine(&mut self, number: u32, burst: &Burst, measured: Measured, at: UnixMs) -> Option<Outcome> {
        let outcome = scanner::examine(burst, measured)?;
        let number = number.clamp(1, SCANNERS_MAX);
        let place = match self.scanners.iter().position(|one| one.number == number) {
            Some(place) => place,
            None => {
                self.scanners.push(Examined { number, at: at.0, scans: vec![] });
                self.scanners.len() - 1
            }
        };
        let one = &mut self.scanners[place];
        one.at = at.0;
        let new = KeptScan::of(&outcome);
        if one.scans.iter().any(|earlier| earlier.test == new.test && !earlier.is_set_like(&new)) {
            one.scans.clear();
        }
        one.scans.retain(|earlier| earlier.test != new.test);
        one.scans.push(new);
        self.scanners.sort_by_key(|one| one.number);
        Some(outcome)
    }

    /// Forgets what was found out about this scanner.
    pub fn forget(&mut self, number: u32) {
        self.scanners.retain(|one| one.number != number);
    }

    /// What the wedge goes by.
    pub fn habits(&self) -> Habits {
        let all: Vec<Vec<Outcome>> = self.scanners.iter().map(Examined::outcomes).collect();
        Habits::of(&all)
    }

    /// Everything in words, for whoever looks after the till: a text that can be copied and sent. `echoes`: how often
    /// a code was read twice since the start, where that is known.
    pub fn report(&self, language: Language, place: &str, moment: &str, echoes: Option<u32>) -> String {
        let say = |key: &str| sentence(language, key);
        let mut lines = vec![
            format!("Counterfoil {} · {}", env!("CARGO_PKG_VERSION"), say("doctor.title")),
            format!("{place} · {moment}"),
        ];
        if self.scanners.is_empty() {
            lines.push(say("doctor.verdict.none"));
        }
        for one in &self.scanners {
            let number = one.number.to_string();
            let name = filled(language, "doctor.scanner", &[("number", number)]);
            lines.push(format!("{name}: {}", say(&format!("doctor.verdict.{}", one.verdict()))));
            lines.extend(one.findings().iter().map(|finding| format!("- {}", in_words(language, finding))));
            lines.extend(one.outcomes().iter().map(|outcome| format!("  {}", figures(language, outcome))));
        }
        lines.extend(echoes.map(|count| filled(language, "doctor.echoes", &[("count", count.to_string())])));
        lines.join("\n")
    }
}

impl Examined {
    /// The last scan of each test code, in their order.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = self.scans.iter().filter_map(KeptScan::outcome).collect();
        outcomes.sort_by_key(|outcome| outcome.test);
        outcomes
    }

    /// What they say.
    pub fn findings(&self) -> Vec<Finding> {
        scanner::findings(&self.outcomes())
    }

    /// The code of the verdict: the weight of the weightiest finding, or "partly" while nothing is wrong and test codes
    /// are still to be scanned.
    pub fn verdict(&self) -> &'static str {
        let worst = self.findings().first().map(Finding::weight);
        match worst {
            None => "none",
            Some(Weight::Fine | Weight::Handled) if self.scans.len() < Test::ALL.len() => "partly",
            Some(weight) => weight.code(),
        }
    }
}

/// A finding and what to do about it, in a sentence each.
pub fn in_words(language: Language, finding: &Finding) -> String {
    let figures = finding.figures();
    let said = |of: &str| filled(language, &format!("doctor.{of}.{}", finding.code()), &figures);
    format!("{} {}", said("finding"), said("remedy")).trim_end().to_owned()
}

fn figures(language: Language, outcome: &Outcome) -> String {
    let Outcome { test, lost, surplus, changed, case_changed, measured, .. } = outcome;
    let name = sentence(language, &format!("doctor.test.{}", test.code()));
    let mark = |mark: Option<Mark>| mark.map_or("-", Mark::code);
    format!(
        "{name}: -{lost} +{surplus} ~{changed} aA{case_changed} · {} / {} ms · {} … {} · {}",
        measured.gap_ms,
        measured.gap_most_ms,
        mark(measured.prefix),
        mark(measured.suffix),
        outcome.layout.map_or("-", Layout::code),
    )
}

impl KeptScan {
    fn of(outcome: &Outcome) -> KeptScan {
        let measured = outcome.measured;
        KeptScan {
            test: outcome.test.code().into(),
            layout: outcome.layout.map(|layout| layout.code().into()),
            lost: outcome.lost,
            surplus: outcome.surplus,
            changed: outcome.changed,
            case_changed: outcome.case_changed,
            before: outcome.before.clone(),
            after: outcome.after.clone(),
            caps_lock: outcome.caps_lock,
            gap_ms: measured.gap_ms,
            gap_most_ms: measured.gap_most_ms,
            prefix: measured.prefix.map(|mark| mark.code().into()),
            suffix: measured.suffix.map(|mark| mark.code().into()),
            hidden: measured.hidden,
            alt_numbers: measured.alt_numbers,
        }
    }

    /// Nothing if another version of the program wrote it and knew more tests.
    fn outcome(&self) -> Option<Outcome> {
        Some(Outcome {
            test: Test::of(&self.test)?,
            layout: self.layout.as_deref().and_then(Layout::of),
            lost: self.lost,
            surplus: self.surplus,
            changed: self.changed,
            case_changed: self.case_changed,
            before: self.before.clone(),
            after: self.after.clone(),
            caps_lock: self.caps_lock,
            measured: Measured {
                gap_ms: self.gap_ms,
                gap_most_ms: self.gap_most_ms,
                prefix: self.prefix.as_deref().and_then(Mark::of),
                suffix: self.suffix.as_deref().and_then(Mark::of),
                hidden: self.hidden,
                alt_numbers: self.alt_numbers,
            },
        })
    }

    /// Whether the scanner was set in the same way, as far as a scan tells.
    fn is_set_like(&self, other: &KeptScan) -> bool {
        let setting = |scan: &KeptScan| {
            (
                scan.prefix.clone(),
                scan.suffix.clone(),
                scan.before.clone(),
                scan.after.clone(),
                scan.alt_numbers,
            )
        };
        setting(self) == setting(other)
    }
}

#[cfg(test)]
mod tests {
    use model::reading::RawText;

    use super::*;

    fn scan(scanners: &mut Scanners, number: u32, test: Test, suffix: Option<Mark>) -> Option<Outcome> {
        let (physical, logical) = (RawText::new(test.text()), RawText::new(test.text()));
        let burst = Burst { physical, logical, caps_lock: false, pauses: vec![], cut: false };
        let measured = Measured { gap_ms: 5, gap_most_ms: 7, suffix, ..Measured::default() };
        scanners.examine(number, &burst, measured, UnixMs(1))
    }

    #[test]
    fn what_was_found_out_outlives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let mut scanners = Scanners::of(&folder);
        assert_eq!(scanners.habits(), Habits::default(), "nothing is known at first");
        for test in Test::ALL {
            scan(&mut scanners, 1, test, Some(Mark::Tab)).expect("a test code");
        }
        folder.set_scanners(&scanners).unwrap();
        let read = Scanners::of(&folder);
        assert_eq!(read, scanners, "as it was written");
        assert_eq!((read.habits().suffix, read.habits().gap_ms), (Some(true), 5));
        assert_eq!(read.scanners[0].verdict(), "fine");
        std::fs::write(folder.file("scanners.json"), "{").unwrap();
        assert_eq!(Scanners::of(&folder), Scanners::default(), "a damaged file is as good as none");
    }

    #[test]
    fn a_scanner_that_was_set_anew_is_examined_anew() {
        let mut scanners = Scanners::default();
        for test in [Test::Digits, Test::Capitals] {
            scan(&mut scanners, 1, test, None).expect("a test code");
        }
        assert_eq!(scanners.scanners[0].findings(), [Finding::SuffixMissing]);
        scan(&mut scanners, 1, Test::Digits, Some(Mark::Enter)).expect("a test code");
        assert_eq!(
            scanners.scanners[0].findings(),
            [Finding::AllWell],
            "what was scanned before says nothing now"
        );
        assert_eq!(scanners.scanners[0].verdict(), "partly", "three codes are still to be scanned");
        scan(&mut scanners, 2, Test::Digits, None).expect("a test code");
        assert_eq!(scanners.habits().suffix, Some(false), "the second scanner has no suffix");
        scanners.forget(2);
        assert_eq!(scanners.habits().suffix, Some(true));
    }

    #[test]
    fn the_report_is_in_words_and_figures() {
        let mut scanners = Scanners::default();
        scan(&mut scanners, 1, Test::Digits, None).expect("a test code");
        for language in Language::ALL {
            let report = scanners.report(language, "南山店 · 1号收银机", "2026-11-30 09:31", Some(3));
            assert!(report.contains(&sentence(language, "doctor.remedy.suffix_missing")), "{report}");
            assert!(report.contains("5 / 7 ms"), "{report}");
            assert!(!report.contains('{') && !report.contains("doctor."), "every place is filled: {report}");
        }
    }

    #[test]
    fn every_finding_has_its_sentences_in_each_language() {
        for language in Language::ALL {
            for code in Finding::CODES {
                for of in ["finding", "remedy"] {
                    let key = format!("doctor.{of}.{code}");
                    assert_ne!(sentence(language, &key), key, "{language:?}");
                }
            }
        }
    }
}
