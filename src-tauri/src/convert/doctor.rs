//! The scanner doctor's values.

use model::reading::RawText;
use model::reading::burst::Burst;
use model::scanner::{self, Mark, Measured, Outcome, Test};
use till::desk::Desk;
use till::scanners::{self, Examined, SCANNERS_MAX, pictures};

use crate::view;

/// The doctor's panel; `heard` is what was scanned just now.
pub fn doctor(desk: &Desk, heard: Option<&Outcome>) -> view::Doctor {
    let scanners: scanners::Scanners = desk.scanners();
    view::Doctor {
        tests: Test::ALL.into_iter().map(test).collect(),
        scanners: scanners.scanners.iter().map(scanner).collect(),
        most: SCANNERS_MAX,
        heard: heard.map(|outcome| outcome.test.code().into()),
        report: desk.scanner_report(),
    }
}

/// What the wedge goes by.
pub fn habits(from: scanner::Habits) -> view::Habits {
    view::Habits { suffix: from.suffix, gap: from.gap_ms }
}

/// A burst and how it came.
pub fn heard(from: view::Heard) -> (Burst, Measured) {
    let burst = Burst {
        physical: RawText::new(from.physical),
        logical: RawText::new(from.logical),
        caps_lock: from.caps,
        pauses: vec![],
        cut: false,
    };
    let measured = Measured {
        gap_ms: from.gap,
        gap_most_ms: from.gap_most,
        prefix: Mark::of(&from.prefix),
        suffix: Mark::of(&from.suffix),
        hidden: from.hidden,
        alt_numbers: from.alt_numbers,
    };
    (burst, measured)
}

fn test(from: Test) -> view::TestCode {
    view::TestCode {
        test: from.code().into(),
        text: from.text(),
        square: pictures::square(from),
        bars: pictures::bars(from),
        bars_width: pictures::bars_width(from).and_then(|width| u32::try_from(width).ok()),
    }
}

fn scanner(from: &Examined) -> view::Scanner {
    let figure = |(name, value): (&str, String)| view::Figure { name: name.into(), value };
    view::Scanner {
        number: from.number,
        verdict: from.verdict().into(),
        scans: from
            .outcomes()
            .iter()
            .map(|outcome| view::TestScan {
                test: outcome.test.code().into(),
                exact: outcome.is_exact(),
                gap: outcome.measured.gap_ms,
                suffix: outcome.measured.suffix.map_or("none", Mark::code).into(),
            })
            .collect(),
        findings: from
            .findings()
            .iter()
            .map(|finding| view::Finding {
                finding: finding.code().into(),
                weight: finding.weight().code().into(),
                figures: finding.figures().into_iter().map(figure).collect(),
            })
            .collect(),
    }
}
