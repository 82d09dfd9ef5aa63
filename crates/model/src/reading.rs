//! What a scanned or typed text is, before anything is looked up.
//!
//! The order of decisions is the safe one: clean first; what is ours beyond doubt (signed, with check characters, a
//! command); then the merchant's narrow forms, for which more speaks than their shape; then payment shapes, which
//! are kept nowhere; then what the scanner itself says is on goods; then the merchant's other forms; then what is
//! known to belong to others; then half a code; then unknown. No value that comes out of here shows the digits of anything that may be a payment credential.

use std::fmt;
use std::hash::Hasher;

use crate::code::{Code, CodeKind, NotACode};
use crate::profile::{Fit, Profile, Which};
use crate::signed;
use crate::signed::text::Recognised;
use crate::time::UnixMs;
use crate::verdict::Reason;

pub mod burst;
mod clean;
mod foreign;
pub(crate) mod opaque;
pub(crate) mod payment;
pub(crate) mod shown;

pub use foreign::Foreign;
pub use opaque::Opaque;
pub use payment::Payment;
use shown::{Shown, Wrapping};

/// No code that a till reads is longer (characters).
pub const TEXT_LENGTH_MAX: usize = 512;

/// A text that came from a scanner, the code pad, a picture or the practice panel.
#[derive(Clone, Debug)]
pub struct Scan {
    /// As it came.
    pub text: RawText,
    /// Where it came from.
    pub source: Source,
}

impl Scan {
    /// Says what the text is; see [`read`].
    pub fn read(&self, profiles: &[Profile], now: UnixMs) -> Reading {
        read(&self.text.0, profiles, now)
    }
}

/// A text as it came in. It may be a payment credential: it can be read here and told from another by a keyed hash,
/// and there is no way to store, send, log or print it.
#[derive(Clone)]
pub struct RawText(String);

impl RawText {
    /// Shuts a text in.
    pub fn new(text: impl Into<String>) -> RawText {
        RawText(text.into())
    }

    /// Says what the text is, by this reader, such as [`read`] with a chain's profiles.
    pub fn read(&self, reader: impl Fn(&str) -> Reading) -> Reading {
        reader(&self.0)
    }

    /// Feeds the text into a hasher, which must be keyed: whoever sees the hash could try out the digits otherwise.
    pub fn hash_into(&self, hasher: &mut impl Hasher) {
        hasher.write(self.0.as_bytes());
    }
}

impl fmt::Debug for RawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawText({} characters)", self.0.chars().count())
    }
}

/// Where a text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A scanner that types.
    Wedge,
    /// The code pad drawn on the screen.
    Pad,
    /// A practice code that was clicked.
    Practice,
    /// The command line.
    Script,
    /// A scanner on a serial port.
    Serial,
}

impl Source {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Source::Wedge => "wedge",
            Source::Pad => "pad",
            Source::Practice => "practice",
            Source::Script => "script",
            Source::Serial => "serial",
        }
    }
}

/// What a text turned out to be.
#[derive(Clone, PartialEq, Eq)]
pub enum Reading {
    /// A whole code of the reference backend.
    Ours(Code),
    /// The bytes of a signed code. Nothing about them is verified yet.
    Signed(Vec<u8>),
    /// A code that merchants' profiles describe: one for each profile that fits, in their order, and at least one.
    Opaque(Vec<Opaque>),
    /// A staff badge.
    Badge(Code),
    /// A command.
    Command(Command),
    /// A whole enrolment code.
    Enrolment(Code),
    /// What may be a payment credential. Its text is gone.
    Payment(Payment),
    /// Something else of this world. Its text is gone.
    Foreign(Foreign),
    /// Part of a code of ours, or a whole one with a wrong character.
    Damaged,
    /// Nothing.
    Empty,
    /// Longer than any code.
    TooLong,
    /// Control characters and the like: no text.
    Binary,
}

/// A printed code that works the till, for hands that hold a scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Confirm what is on the screen.
    Confirm,
    /// Take everything that is left.
    TakeAll,
    /// Undo the last redemption.
    Undo,
    /// Print the last slip again.
    Reprint,
    /// The next customer.
    Next,
}

impl Command {
    /// Each of them.
    pub const ALL: [Command; 5] =
        [Command::Confirm, Command::TakeAll, Command::Undo, Command::Reprint, Command::Next];
    const PREFIX: &str = "CF0:";

    /// What is printed. Capitals and small letters are the same.
    pub fn text(self) -> &'static str {
        match self {
            Command::Confirm => "CF0:CONFIRM",
            Command::TakeAll => "CF0:ALL",
            Command::Undo => "CF0:UNDO",
            Command::Reprint => "CF0:REPRINT",
            Command::Next => "CF0:NEXT",
        }
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Command::Confirm => "confirm",
            Command::TakeAll => "take_all",
            Command::Undo => "undo",
            Command::Reprint => "reprint",
            Command::Next => "next",
        }
    }

    fn of_text(text: &str) -> Option<Command> {
        Command::ALL.into_iter().find(|command| command.text().eq_ignore_ascii_case(text))
    }
}

impl Reading {
    /// Why nothing can be redeemed for it; nothing if it is a code to redeem.
    pub fn refusal(&self) -> Option<Reason> {
        match self {
            Reading::Ours(_) | Reading::Signed(_) | Reading::Opaque(_) => None,
            Reading::Badge(_) => Some(Reason::StaffBadge),
            Reading::Command(_) => Some(Reason::CommandIdle),
            Reading::Enrolment(_) => Some(Reason::EnrolmentCode),
            Reading::Payment(payment) => Some(Reason::PaymentCode(*payment)),
            Reading::Foreign(foreign) => Some(Reason::NotOurs(*foreign)),
            Reading::Damaged => Some(Reason::Damaged),
            Reading::Empty => Some(Reason::Empty),
            Reading::TooLong => Some(Reason::TooLong),
            Reading::Binary => Some(Reason::Binary),
        }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reading::Ours(code) => write!(f, "Ours({code:?})"),
            // Whoever has the token has the coupon.
            Reading::Signed(token) => write!(f, "Signed({} bytes)", token.len()),
            Reading::Opaque(codes) => write!(f, "Opaque({codes:?})"),
            Reading::Badge(_) => f.write_str("Badge"),
            Reading::Command(command) => write!(f, "Command({command:?})"),
            Reading::Enrolment(_) => f.write_str("Enrolment"),
            Reading::Payment(payment) => write!(f, "Payment({payment:?})"),
            Reading::Foreign(foreign) => write!(f, "Foreign({foreign:?})"),
            Reading::Damaged => f.write_str("Damaged"),
            Reading::Empty => f.write_str("Empty"),
            Reading::TooLong => f.write_str("TooLong"),
            Reading::Binary => f.write_str("Binary"),
        }
    }
}

/// Says what `text` is, to a till whose malls' codes look as `profiles` say. `now`: some codes begin with a moment.
pub fn read(text: &str, profiles: &[Profile], now: UnixMs) -> Reading {
    if text.chars().take(TEXT_LENGTH_MAX + 1).count() > TEXT_LENGTH_MAX {
        return Reading::TooLong;
    }
    let clean::Clean { text, declared } = clean::clean(text);
    if text.is_empty() {
        return Reading::Empty;
    }
    let is_text = |c: char| c == clean::GS || !c.is_control() && c != char::REPLACEMENT_CHARACTER;
    if !text.chars().all(is_text) {
        return Reading::Binary;
    }
    let ours = Code::read(&text);
    own(&text, &ours)
        .or_else(|| merchants(&text, declared, profiles, now))
        .or_else(|| payment::lost_its_head(&text).then_some(Reading::Payment(Payment::Damaged)))
        .or_else(|| foreign::known(&text).map(Reading::Foreign))
        .or_else(|| payment::inside(&text).map(Reading::Payment))
        .or_else(|| half(&text, &ours, profiles).then_some(Reading::Damaged))
        .unwrap_or(Reading::Foreign(Foreign::Unknown))
}

/// What is ours beyond doubt, whichever malls a chain has.
fn own(text: &str, ours: &Result<Code, NotACode>) -> Option<Reading> {
    match signed::text::recognise(text) {
        Recognised::Token(token) => return Some(Reading::Signed(token)),
        Recognised::Damaged => return Some(Reading::Damaged),
        Recognised::OtherShape => {}
    }
    if let Some(command) = Command::of_text(text) {
        return Some(Reading::Command(command));
    }
    let code = ours.as_ref().ok()?.clone();
    Some(match code.kind() {
        CodeKind::Enrolment => Reading::Enrolment(code),
        CodeKind::Badge => Reading::Badge(code),
        CodeKind::Order | CodeKind::Coupon | CodeKind::TimesCard | CodeKind::Member => Reading::Ours(code),
    })
}

/// What the profiles find; and payment shapes and what the scanner has `declared`, which come before the wide forms and
/// after the narrow ones.
fn merchants(text: &str, declared: Option<Foreign>, profiles: &[Profile], now: UnixMs) -> Option<Reading> {
    let declared = declared.map(|declared| foreign::linked(text).unwrap_or(declared));
    let others = payment::whole(text).map(Reading::Payment).or(declared.map(Reading::Foreign));
    let which = if others.is_some() { Which::Narrow } else { Which::Any };
    let shown = Shown::of(text);
    let mut found = vec![];
    for profile in profiles {
        match profile.fit(&shown, which, now) {
            // Its check characters leave no doubt.
            Some(Fit::Own(code)) => return Some(Reading::Ours(code)),
            Some(Fit::Opaque(opaque)) => found.push(opaque),
            None => {}
        }
    }
    if found.is_empty() { others } else { Some(Reading::Opaque(found)) }
}

/// Whether a text was meant to be a code of ours, or a JSON object of one of the malls, and lost something.
fn half(text: &str, ours: &Result<Code, NotACode>, profiles: &[Profile]) -> bool {
    let command =
        text.get(..Command::PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(Command::PREFIX));
    let object = || {
        matches!(Shown::of(text).wrapping, Wrapping::BrokenObject)
            && profiles.iter().any(Profile::has_objects)
    };
    *ours == Err(NotACode::Damaged) || command || object()
}

#[cfg(test)]
mod tests;
