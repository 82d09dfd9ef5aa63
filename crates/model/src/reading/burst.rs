//! What a scanner's keys can have meant, and which of it is right.
//!
//! A scanner that types sends keys, not characters. What each key means depends on the layout that the scanner
//! believes in, on the machine's, on CapsLock and on input methods. The page hands in both readings of every key; here
//! check characters and known forms decide. Where they leave a doubt that could make one customer's code another's,
//! nothing is taken: scan again.

use super::{Foreign, RawText, Reading};

/// Stands for a key of which nothing is known. No code has it.
pub const HOLE: char = char::REPLACEMENT_CHARACTER;
/// So many characters beside a whole code are what a person has typed just before or after the scan.
const STRAY_CHARACTERS_MAX: usize = 3;

/// A scanner's burst of keys, before anybody knows what it is.
#[derive(Clone, Debug)]
pub struct Burst {
    /// What the keys type on a US keyboard.
    pub physical: RawText,
    /// What layout, CapsLock and input method made of them: one character for each of `physical`.
    pub logical: RawText,
    /// Whether CapsLock was on.
    pub caps_lock: bool,
    /// Before which characters there was a pause that may part two texts.
    pub pauses: Vec<usize>,
    /// It may be part of a text: its suffix is missing although the scanner sends one, or it follows such a burst.
    pub cut: bool,
}

impl Burst {
    /// The readings that differ, likeliest first.
    pub(crate) fn readings(&self) -> Vec<(Layout, String)> {
        let mut found: Vec<(Layout, String)> = vec![];
        for layout in Layout::ALL {
            let text = match layout {
                Layout::Physical => self.physical.0.clone(),
                Layout::Logical => self.logical.0.clone(),
                Layout::LogicalUncapped if self.caps_lock => {
                    self.logical.0.chars().map(changed_over).collect()
                }
                Layout::LogicalUncapped => continue,
            };
            if found.iter().all(|(_, earlier)| *earlier != text) {
                found.push((layout, text));
            }
        }
        found
    }
}

/// How a scanner's keys are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// By the keys, as on a US keyboard: what almost every scanner is set to, whatever the machine has.
    Physical,
    /// As the machine reads them: the scanner is set to the machine's layout.
    Logical,
    /// The same with capitals and small letters changed over: CapsLock is on, and no keys are known.
    LogicalUncapped,
}

impl Layout {
    /// Each of them, likeliest first.
    pub const ALL: [Layout; 3] = [Layout::Physical, Layout::Logical, Layout::LogicalUncapped];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Layout::Physical => "physical",
            Layout::Logical => "logical",
            Layout::LogicalUncapped => "logical_uncapped",
        }
    }

    /// The layout of that code.
    pub fn of(code: &str) -> Option<Layout> {
        Layout::ALL.into_iter().find(|layout| layout.code() == code)
    }
}

/// What was made of a burst.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The texts in it, in order: one; none if nobody can say which is right; two if two scans ran together.
    pub texts: Vec<RawText>,
    /// How the keys were to be read, where the readings differ and what they say has decided between them.
    pub layout: Option<Layout>,
}

/// How much speaks for a reading. The order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Nothing: unknown, empty, too long, with holes.
    Nothing,
    /// It was meant to be something.
    Damaged,
    /// It is something of this world.
    Known,
    /// It may be a payment credential.
    Payment,
    /// A mall's form, or a signed code that does not verify.
    Fits,
    /// Its check characters or its signature.
    Proven,
}

/// Chooses among the readings of a burst.
///
/// `read` says what a text is; `genuine`, whether a signed code verifies; `habit`, how this till's scanner was read
/// before. The rules, in this order: the reading for which most speaks; of equals that say different things, the
/// habit's; without a habit nothing if both are proven (one in a thousand codes is another one in another layout), and
/// otherwise the keys'. Only if nothing is recognised is a text looked for that came twice, or two that ran together:
/// both must be proven. Of a burst that may be part of a text only what is proven is taken: half of a mall's code may
/// be another mall's.
pub fn choose(
    burst: &Burst,
    habit: Option<Layout>,
    read: impl Fn(&str) -> Reading,
    genuine: impl Fn(&[u8]) -> bool,
) -> Chosen {
    let judge = Judge { read, genuine };
    let readings = readings(burst);
    let mut judged: Vec<Judged> = readings.iter().map(|(layout, text)| judge.whole(*layout, text)).collect();
    let best = judged.iter().map(|one| one.worth).max().unwrap_or(Worth::Nothing);
    if best < Worth::Known
        && let Some(texts) = readings.iter().find_map(|(_, text)| judge.parts(text, &burst.pauses))
    {
        return Chosen { texts, layout: None };
    }
    let differ = judged.len() > 1;
    judged.retain(|one| one.worth == best);
    let doubt = judged.iter().any(|one| one.reading != judged[0].reading);
    let by_habit = judged.iter().position(|one| Some(one.layout) == habit);
    let chosen = match (doubt, by_habit) {
        (false, _) => 0,
        (true, Some(place)) => place,
        (true, None) if best == Worth::Proven => return Chosen { texts: vec![], layout: None },
        (true, None) => 0,
    };
    if burst.cut && best == Worth::Fits && !judged.iter().any(|one| matches!(one.reading, Reading::Signed(_)))
    {
        return Chosen { texts: vec![], layout: None };
    }
    let Some(one) = judged.into_iter().nth(chosen) else { return Chosen { texts: vec![], layout: None } };
    let known = best == Worth::Proven || best == Worth::Fits;
    let layout = (differ && !doubt && known).then_some(one.layout);
    if one.text.contains(HOLE) {
        return Chosen { texts: vec![], layout: None };
    }
    Chosen { texts: vec![RawText::new(one.text)], layout }
}

struct Judge<R, G> {
    read: R,
    genuine: G,
}

struct Judged {
    layout: Layout,
    text: String,
    reading: Reading,
    worth: Worth,
}

impl<R: Fn(&str) -> Reading, G: Fn(&[u8]) -> bool> Judge<R, G> {
    fn whole(&self, layout: Layout, text: &str) -> Judged {
        let reading = (self.read)(text);
        let worth = if text.contains(HOLE) { Worth::Nothing } else { self.worth(&reading) };
        Judged { layout, text: text.to_owned(), reading, worth }
    }

    fn worth(&self, reading: &Reading) -> Worth {
        match reading {
            Reading::Ours(_) | Reading::Badge(_) | Reading::Command(_) | Reading::Enrolment(_) => {
                Worth::Proven
            }
            Reading::Signed(token) if (self.genuine)(token) => Worth::Proven,
            Reading::Signed(_) | Reading::Opaque(_) => Worth::Fits,
            Reading::Payment(_) => Worth::Payment,
            Reading::Foreign(Foreign::Unknown) => Worth::Nothing,
            Reading::Foreign(_) => Worth::Known,
            Reading::Damaged => Worth::Damaged,
            Reading::Empty | Reading::TooLong | Reading::Binary => Worth::Nothing,
        }
    }

    fn worth_of(&self, text: &str) -> Worth {
        if text.contains(HOLE) { Worth::Nothing } else { self.worth(&(self.read)(text)) }
    }

    /// A text that came twice without a pause, or two texts that ran together.
    fn parts(&self, text: &str, pauses: &[usize]) -> Option<Vec<RawText>> {
        let length = text.chars().count();
        let (first, second) = split(text, length / 2);
        if length.is_multiple_of(2) && first == second && self.worth_of(first) >= Worth::Fits {
            return Some(vec![RawText::new(first)]);
        }
        pauses.iter().chain([&(length / 2)]).find_map(|place| {
            let (first, second) = split(text, *place);
            match (self.worth_of(first), self.worth_of(second)) {
                (Worth::Proven, Worth::Proven) => Some(vec![RawText::new(first), RawText::new(second)]),
                (Worth::Proven, _) if is_stray(second) => Some(vec![RawText::new(first)]),
                (_, Worth::Proven) if is_stray(first) => Some(vec![RawText::new(second)]),
                _ => None,
            }
        })
    }
}

fn is_stray(text: &str) -> bool {
    text.chars().count() <= STRAY_CHARACTERS_MAX
}

/// The text in two, before this character.
fn split(text: &str, place: usize) -> (&str, &str) {
    let byte = text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    text.split_at(byte)
}

/// The readings that differ, without those that have holes while another one is whole: they tell nothing.
fn readings(burst: &Burst) -> Vec<(Layout, String)> {
    let mut found = burst.readings();
    if found.iter().any(|(_, text)| !text.contains(HOLE)) {
        found.retain(|(_, text)| !text.contains(HOLE));
    }
    found
}

/// A capital for a small letter and the other way round.
fn changed_over(c: char) -> char {
    if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests;
