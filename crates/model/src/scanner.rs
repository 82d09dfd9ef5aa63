//! The scanner doctor: what a scan of a test code tells about the scanner, and what a person can do about it.
//!
//! A test code is known beforehand, so that what came can be laid beside what should have come: what is missing, what
//! is too much, what has become something else, and by which reading of the keys it is right.

use crate::reading::burst::{Burst, Layout};

mod align;

use align::{Difference, difference};

/// A gap between two keys above which long codes are slow to read (milliseconds).
pub const SLOW_GAP_MS: u32 = 20;
/// A gap above which the wedge needs to be told of the scanner, or it takes it for a person (milliseconds).
pub const SLOWEST_GAP_MS: u32 = 55;
/// So much of a text must be a test code's for it to be meant (percent).
const MEANT_PERCENT_MIN: usize = 60;
/// The length of the longest test code (characters).
const LONG_LENGTH: usize = 300;
/// A signed code in letters has about so many characters: what a customer waits for.
const SIGNED_LENGTH: u32 = 120;

/// A code that is scanned to examine the scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// Digits: what malls print, and what layouts with digits under Shift change.
    Digits,
    /// Capitals and digits, those among them that layouts move: the codes that our backend issues look like this.
    Capitals,
    /// Small letters, capitals and all signs of ASCII.
    Signs,
    /// 300 characters: what a slow or lossy scanner does not bring over.
    Long,
}

impl Test {
    /// Each of them, in the order in which they are scanned.
    pub const ALL: [Test; 4] = [Test::Digits, Test::Capitals, Test::Signs, Test::Long];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Test::Digits => "digits",
            Test::Capitals => "capitals",
            Test::Signs => "signs",
            Test::Long => "long",
        }
    }

    /// The test of that code.
    pub fn of(code: &str) -> Option<Test> {
        Test::ALL.into_iter().find(|test| test.code() == code)
    }

    /// What a scan of it types. None has the shape of a payment code.
    pub fn text(self) -> String {
        match self {
            Test::Digits => "9081726354908172635499".into(),
            Test::Capitals => "XAQZWYM0123456789KBV".into(),
            Test::Signs => "aA zZ yY qQ wW mM !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".into(),
            Test::Long => (0..LONG_LENGTH / 10).map(|block| format!("{block:03}KQZYWAM")).collect(),
        }
    }

    /// Whether it is drawn as a bar code too, for scanners that read no squares.
    pub fn has_bars(self) -> bool {
        matches!(self, Test::Digits | Test::Capitals)
    }
}

/// A key that stands before or after every text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Enter, or a line feed.
    Enter,
    /// Tab.
    Tab,
    /// The end of text of a serial line (Control with C).
    Etx,
}

impl Mark {
    /// Each of them.
    pub const ALL: [Mark; 3] = [Mark::Enter, Mark::Tab, Mark::Etx];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Mark::Enter => "enter",
            Mark::Tab => "tab",
            Mark::Etx => "etx",
        }
    }

    /// The mark of that code.
    pub fn of(code: &str) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.code() == code)
    }
}

/// How a burst came, as the page has measured it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// From key to key, without the slowest tenth (milliseconds).
    pub gap_ms: u32,
    /// Nine of ten gaps are no longer (milliseconds).
    pub gap_most_ms: u32,
    /// What came before the text.
    pub prefix: Option<Mark>,
    /// What came after it.
    pub suffix: Option<Mark>,
    /// So many keys an input method has hidden.
    pub hidden: u32,
    /// Every character came as a number typed with Alt.
    pub alt_numbers: bool,
}

/// What one scan of a test code has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which code.
    pub test: Test,
    /// The reading of the keys that is right, or nearest to it; nothing where all readings are the same.
    pub layout: Option<Layout>,
    /// Characters that did not come.
    pub lost: u32,
    /// Characters that came twice, or from nowhere, inside the text.
    pub surplus: u32,
    /// Characters that became others.
    pub changed: u32,
    /// Letters that became capitals or small ones.
    pub case_changed: u32,
    /// What the scanner puts before the text.
    pub before: String,
    /// What it puts after the text, before the suffix.
    pub after: String,
    /// Whether CapsLock was on.
    pub caps_lock: bool,
    /// How it came.
    pub measured: Measured,
}

impl Outcome {
    /// Whether the text came as it is.
    pub fn is_exact(&self) -> bool {
        self.lost + self.surplus + self.changed + self.case_changed == 0
    }
}

/// Lays a burst beside the test codes; nothing if it is none of them.
pub fn examine(burst: &Burst, measured: Measured) -> Option<Outcome> {
    let readings = burst.readings();
    let differ = readings.len() > 1;
    let tries = Test::ALL.into_iter().flat_map(|test| {
        let wanted = test.text();
        readings.iter().map(move |(layout, text)| (test, *layout, difference(&wanted, text)))
    });
    // Of equals the first: the keys' reading, and the shorter test.
    let (test, layout, found) = tries.min_by_key(|(_, _, found)| found.distance())?;
    let met = found.kept + found.case_changed as usize;
    if met * 100 < MEANT_PERCENT_MIN * test.text().chars().count() {
        return None;
    }
    let Difference { lost, surplus, changed, case_changed, before, after, .. } = found;
    let layout = (differ && found.kept > 0).then_some(layout);
    Some(Outcome {
        test,
        layout,
        lost,
        surplus,
        changed,
        case_changed,
        before,
        after,
        caps_lock: burst.caps_lock,
        measured,
    })
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Good to know.
    Fine,
    /// Something is not as it should be, and the till puts it right by itself.
    Handled,
    /// Works, and would work better with another setting.
    Better,
    /// A person must change a setting of the scanner.
    Fix,
}

impl Weight {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Weight::Fine => "fine",
            Weight::Handled => "handled",
            Weight::Better => "better",
            Weight::Fix => "fix",
        }
    }
}

/// What was found out about a scanner. Each has a sentence and a remedy in `ui/words`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Everything came as it is, with its suffix.
    AllWell,
    /// Characters were lost, at this gap (milliseconds).
    Lost(u32, u32),
    /// Characters came twice or from nowhere.
    Surplus(u32),
    /// Characters became others, and no reading of the keys is right.
    Changed(u32),
    /// Capitals and small letters are not what they should be, and CapsLock is not the reason.
    CaseChanged,
    /// No key ends the text.
    SuffixMissing,
    /// Sometimes one does, sometimes not.
    SuffixUnsteady,
    /// An Enter or Tab comes before the text.
    MarkBefore(Mark),
    /// Other characters come before the text.
    TextBefore(String),
    /// Other characters come after the text.
    TextAfter(String),
    /// The scanner is set to the machine's own, foreign layout.
    NationalLayout,
    /// The machine has a foreign layout, and the keys are right all the same.
    ForeignMachine,
    /// CapsLock is on.
    CapsLock,
    /// An input method is on.
    InputMethod,
    /// Characters come as numbers typed with Alt.
    AltNumbers,
    /// From key to key it takes this long (milliseconds), a signed code so long (tenths of a second).
    Slow(u32, u32),
}

impl Finding {
    /// The codes of each of them.
    pub const CODES: [&str; 16] = [
        "all_well",
        "lost",
        "surplus",
        "changed",
        "case_changed",
        "suffix_missing",
        "suffix_unsteady",
        "mark_before",
        "text_before",
        "text_after",
        "national_layout",
        "foreign_machine",
        "caps_lock",
        "input_method",
        "alt_numbers",
        "slow",
    ];

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Finding::AllWell => "all_well",
            Finding::Lost(..) => "lost",
            Finding::Surplus(_) => "surplus",
            Finding::Changed(_) => "changed",
            Finding::CaseChanged => "case_changed",
            Finding::SuffixMissing => "suffix_missing",
            Finding::SuffixUnsteady => "suffix_unsteady",
            Finding::MarkBefore(_) => "mark_before",
            Finding::TextBefore(_) => "text_before",
            Finding::TextAfter(_) => "text_after",
            Finding::NationalLayout => "national_layout",
            Finding::ForeignMachine => "foreign_machine",
            Finding::CapsLock => "caps_lock",
            Finding::InputMethod => "input_method",
            Finding::AltNumbers => "alt_numbers",
            Finding::Slow(..) => "slow",
        }
    }

    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match self {
            Finding::AllWell => Weight::Fine,
            Finding::CapsLock | Finding::InputMethod | Finding::ForeignMachine => Weight::Handled,
            Finding::NationalLayout | Finding::AltNumbers | Finding::SuffixMissing => Weight::Better,
            Finding::Slow(gap, _) if *gap <= SLOWEST_GAP_MS => Weight::Better,
            Finding::TextBefore(text) if is_aim(text) => Weight::Handled,
            Finding::MarkBefore(_)
            | Finding::Lost(..)
            | Finding::Surplus(_)
            | Finding::Changed(_)
            | Finding::CaseChanged
            | Finding::SuffixUnsteady
            | Finding::TextBefore(_)
            | Finding::TextAfter(_)
            | Finding::Slow(..) => Weight::Fix,
        }
    }

    /// What its sentence says in figures and texts, by the names of its places.
    pub fn figures(&self) -> Vec<(&'static str, String)> {
        match self {
            Finding::Lost(count, gap) => vec![("count", count.to_string()), ("ms", gap.to_string())],
            Finding::Surplus(count) | Finding::Changed(count) => vec![("count", count.to_string())],
            Finding::MarkBefore(mark) => vec![("key", key_name(*mark).into())],
            Finding::TextBefore(text) | Finding::TextAfter(text) => vec![("text", text.clone())],
            Finding::Slow(gap, tenths) => {
                vec![("ms", gap.to_string()), ("seconds", format!("{}.{}", tenths / 10, tenths % 10))]
            }
            _ => vec![],
        }
    }
}

/// What is printed on the key.
fn key_name(mark: Mark) -> &'static str {
    match mark {
        Mark::Enter => "Enter",
        Mark::Tab => "Tab",
        Mark::Etx => "ETX",
    }
}

/// What a scanner says of the symbology (ISO/IEC 15424); the till takes it off.
fn is_aim(text: &str) -> bool {
    matches!(text.as_bytes(), [b']', symbology, modifier]
        if symbology.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric())
}

/// What the outcomes together say, weightiest first. Nothing before the first scan.
pub fn findings(outcomes: &[Outcome]) -> Vec<Finding> {
    if outcomes.is_empty() {
        return vec![];
    }
    let sum = |of: fn(&Outcome) -> u32| outcomes.iter().map(of).sum::<u32>();
    let any = |of: fn(&Outcome) -> bool| outcomes.iter().any(of);
    let gap = gap_ms(outcomes);
    let mut found = vec![];
    let mut note = |is: bool, finding: Finding| {
        if is {
            found.push(finding);
        }
    };
    note(sum(|one| one.lost) > 0, Finding::Lost(sum(|one| one.lost), gap));
    note(sum(|one| one.surplus) > 0, Finding::Surplus(sum(|one| one.surplus)));
    note(sum(|one| one.changed) > 0, Finding::Changed(sum(|one| one.changed)));
    note(sum(|one| one.case_changed) > 0, Finding::CaseChanged);
    let marked = outcomes.iter().filter(|one| one.measured.suffix.is_some()).count();
    note(marked == 0, Finding::SuffixMissing);
    note(marked > 0 && marked < outcomes.len(), Finding::SuffixUnsteady);
    if let Some(mark) = outcomes.iter().find_map(|one| one.measured.prefix) {
        note(true, Finding::MarkBefore(mark));
    }
    for (text, finding) in [
        (outcomes.iter().map(|one| &one.before).max(), Finding::TextBefore as fn(String) -> Finding),
        (outcomes.iter().map(|one| &one.after).max(), Finding::TextAfter),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            note(true, finding(text.clone()));
        }
    }
    let national = any(|one| matches!(one.layout, Some(Layout::Logical | Layout::LogicalUncapped)));
    note(national, Finding::NationalLayout);
    // CapsLock and input methods make the readings differ, too.
    let foreign =
        |one: &Outcome| one.layout == Some(Layout::Physical) && !one.caps_lock && one.measured.hidden == 0;
    note(outcomes.iter().any(foreign), Finding::ForeignMachine);
    note(any(|one| one.caps_lock), Finding::CapsLock);
    note(any(|one| one.measured.hidden > 0), Finding::InputMethod);
    note(any(|one| one.measured.alt_numbers), Finding::AltNumbers);
    note(gap > SLOW_GAP_MS, Finding::Slow(gap, (gap * SIGNED_LENGTH).div_ceil(100)));
    if found.iter().all(|finding| finding.weight() <= Weight::Handled) {
        found.push(Finding::AllWell);
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.weight()));
    found
}

/// The slowest scan's usual gap (milliseconds).
fn gap_ms(outcomes: &[Outcome]) -> u32 {
    outcomes.iter().map(|one| one.measured.gap_ms).max().unwrap_or_default()
}

/// What the wedge goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Whether every scanner ends its texts with a suffix; nothing if none was examined.
    pub suffix: Option<bool>,
    /// The slowest one's usual gap (milliseconds); 0 if none was examined.
    pub gap_ms: u32,
    /// How the keys are to be read, if all scanners agree.
    pub layout: Option<Layout>,
}

impl Habits {
    /// What the scans of all scanners of a till say together. One scanner that has no suffix is enough for none to be
    /// waited for, and two that disagree on the layout leave it to what is read.
    pub fn of(scanners: &[Vec<Outcome>]) -> Habits {
        let all: Vec<&Outcome> = scanners.iter().flatten().collect();
        if all.is_empty() {
            return Habits::default();
        }
        let mut layouts = all.iter().filter_map(|one| one.layout);
        let first = layouts.next();
        Habits {
            suffix: Some(all.iter().all(|one| one.measured.suffix.is_some())),
            gap_ms: scanners.iter().map(|outcomes| gap_ms(outcomes)).max().unwrap_or_default(),
            layout: first.filter(|first| layouts.all(|other| other == *first)),
        }
    }
}

#[cfg(test)]
mod tests;
