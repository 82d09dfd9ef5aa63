//! The scanner doctor's panel: test codes, and what scans of them have shown.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What was found out about the scanners of this till, for the wedge.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub struct Habits {
    /// Whether every scanner ends its texts with a suffix; nothing if none was examined.
    pub suffix: Option<bool>,
    /// The slowest one's usual gap from key to key (ms).
    pub gap: u32,
}

/// The doctor's panel.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Doctor {
    /// The test codes, in the order in which they are scanned.
    pub tests: Vec<TestCode>,
    /// The scanners that were examined, by number.
    pub scanners: Vec<Scanner>,
    /// How many a counter may have.
    pub most: u32,
    /// The test code that was scanned just now; nothing if none was, or if it was no test code.
    pub heard: Option<String>,
    /// All of it in words, to be copied.
    pub report: String,
}

/// A test code.
#[derive(Clone, Debug, Serialize, TS)]
pub struct TestCode {
    /// "digits", "capitals", "signs" or "long".
    pub test: String,
    /// What a scan of it types.
    pub text: String,
    /// Its QR code, as SVG text.
    pub square: String,
    /// Its bar code, as SVG text, where it has one.
    pub bars: Option<String>,
    /// How many modules that is wide.
    pub bars_width: Option<u32>,
}

/// What was found out about one scanner.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Scanner {
    /// Its number, from 1.
    pub number: u32,
    /// The code of the verdict: "none", "partly", "fine", "handled", "better" or "fix".
    pub verdict: String,
    /// The last scan of each test code.
    pub scans: Vec<TestScan>,
    /// What they say, weightiest first.
    pub findings: Vec<Finding>,
}

/// A scan of a test code.
#[derive(Clone, Debug, Serialize, TS)]
pub struct TestScan {
    /// Which code.
    pub test: String,
    /// Whether it came as it is.
    pub exact: bool,
    /// From key to key (ms).
    pub gap: u32,
    /// What came after it: "enter", "tab", "etx" or "none".
    pub suffix: String,
}

/// One thing that was found out.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Finding {
    /// The code of its sentences.
    pub finding: String,
    /// "fine", "handled", "better" or "fix".
    pub weight: String,
    /// What stands in the sentences' places.
    pub figures: Vec<Figure>,
}

/// What stands in one place of a sentence.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Figure {
    /// The place's name.
    pub name: String,
    /// What stands there.
    pub value: String,
}

/// A burst with how it came, for the doctor.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct Heard {
    /// What the keys type on a US keyboard.
    pub physical: String,
    /// What layout, CapsLock and input method made of them.
    pub logical: String,
    /// Whether CapsLock was on.
    pub caps: bool,
    /// From key to key (ms).
    pub gap: u32,
    /// Nine of ten gaps are no longer (ms).
    pub gap_most: u32,
    /// What came before it: "enter", "tab", "etx" or "none".
    pub prefix: String,
    /// What came after it.
    pub suffix: String,
    /// So many keys an input method has hidden.
    pub hidden: u32,
    /// Characters came as numbers typed with Alt.
    pub alt_numbers: bool,
}
