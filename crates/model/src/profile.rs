//! Merchant profiles: what the codes of one mall system look like, and how they are found in what is scanned.
//!
//! A profile is checked once, when it is made, and then fits texts in linear time. What a code stands for, nobody
//! learns from here: it is looked up under a keyed hash.

use std::borrow::Cow;

use regex_lite::{Regex, RegexBuilder};

use crate::code::{Code, CodeKind};
use crate::reading::opaque::{Opaque, Said};
use crate::reading::shown::{Object, Page, Shown, Wrapping, decoded};
use crate::time::UnixMs;

mod check;
mod issued;

/// No mall's code is longer (characters).
pub const LENGTH_MAX: u16 = 64;
/// No order number in a JSON object is longer (characters).
const ORDER_LENGTH_MAX: usize = 64;
/// A compiled pattern may not be bigger (bytes).
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// China's time is this far ahead of UTC, without summer time (seconds).
const CHINA_AHEAD_SECONDS: i64 = 8 * 3600;
const DAY_SECONDS: i64 = 86_400;

/// What the codes of one mall system, or of one merchant, look like.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    title: String,
    codes: Vec<CodeForm>,
}

/// What is wrong with a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadProfile {
    /// The field, such as `codes[1].lengths`, counted from 0.
    pub field: String,
    /// What is wrong with it, as the end of a sentence that begins with the field.
    pub problem: String,
}

/// One form of code.
#[derive(Clone, Debug)]
pub struct CodeForm {
    /// What it stands for, if that is known.
    pub kind: Option<CodeKind>,
    /// What it consists of.
    pub alphabet: Alphabet,
    /// The lengths that codes have (characters). None for [`Alphabet::Counterfoil`], which says it itself.
    pub lengths: Vec<u16>,
    /// What the whole code must match too.
    pub pattern: Option<Pattern>,
    /// The code begins with a moment.
    pub moment: Option<Moment>,
    /// Whether capitals and small letters are the same.
    pub fold: Fold,
    /// What may stand before the code and is not part of it.
    pub strip_prefix: String,
    /// What may stand behind the code and is not part of it.
    pub strip_suffix: String,
    /// Whether the code may stand alone.
    pub bare: bool,
    /// Web addresses that carry it.
    pub addresses: Vec<Address>,
    /// What stands before it in scenes of mini-program codes. Here, in parameters, paths and keys, capitals and small
    /// letters are the same whatever `fold` says of the code: caps lock swaps them.
    pub scenes: Vec<String>,
    /// JSON objects that carry it.
    pub objects: Vec<Keys>,
    /// Many customers may have the same code at the same time.
    pub ambiguous: bool,
    /// How many bits of the code are random, if the mall promises any.
    pub random_bits: u16,
}

/// The characters that codes consist of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// 0–9. Spaces and hyphens between them only group them.
    Digits,
    /// 0–9 a–z.
    Lower,
    /// 0–9 A–Z.
    Upper,
    /// 0–9 A–Z a–z.
    Alphanumeric,
    /// These.
    Only(String),
    /// The reference backend's own codes: [`Code`], with its check characters.
    Counterfoil,
}

/// Whether capitals and small letters are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// They are not.
    None,
    /// They are, and capitals are meant.
    Upper,
    /// They are, and small letters are meant.
    Lower,
}

/// A regular expression for a whole code, compiled.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// A code begins with the moment at which it was shown or issued, in China's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// How it is written.
    pub format: MomentFormat,
    /// How long ago it may lie (days). It may lie a day ahead: telephones' clocks are wrong.
    pub days_max: u16,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentFormat {
    /// `yyMMddHHmmss`, in this century.
    TwoDigitYear,
    /// `yyyyMMddHHmmss`.
    FourDigitYear,
}

/// A web address that carries a code in a parameter. It is read, never opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The merchant's hosts, with the port if it is not the usual one. None: no address is the merchant's.
    pub hosts: Vec<String>,
    /// How the path must end; empty for any.
    pub path: String,
    /// The parameter, in the query or behind the `#`.
    pub parameter: String,
}

/// A JSON object that carries a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The key of the code.
    pub code: String,
    /// The key of the order that the code belongs to, if it means nothing without it.
    pub order: Option<String>,
}

/// Which finds count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Each.
    Any,
    /// Only where more than the shape of the code speaks for it: its moment, its JSON object, the merchant's host.
    Narrow,
}

/// What a profile has found in a text.
#[derive(Debug)]
pub(crate) enum Fit {
    Own(Code),
    Opaque(Opaque),
}

impl Profile {
    /// A profile of these forms, checked. `name`: lower-case letters, digits and hyphens.
    pub fn new(name: &str, title: &str, codes: Vec<CodeForm>) -> Result<Profile, BadProfile> {
        check::name(name)?;
        check::codes(&codes)?;
        Ok(Profile { name: name.to_owned(), title: title.to_owned(), codes })
    }

    /// Its name, such as "crmeb-php".
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, as a person reads it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Whether any of its codes comes in a JSON object.
    pub(crate) fn has_objects(&self) -> bool {
        self.codes.iter().any(|form| !form.objects.is_empty())
    }

    /// The code in `shown`, by the first form that fits.
    pub(crate) fn fit(&self, shown: &Shown<'_>, which: Which, now: UnixMs) -> Option<Fit> {
        self.codes.iter().find_map(|form| {
            let Find { order, code } = form.find(shown, which, now)?;
            Some(match code {
                Body::Own(code) => Fit::Own(code),
                Body::Text(code) => Fit::Opaque(Opaque::new(&Said {
                    profile: &self.name,
                    kind: form.kind,
                    ambiguous: form.ambiguous,
                    random_bits: form.random_bits,
                    order: &order,
                    code: &code,
                })),
            })
        })
    }
}

struct Find<'t> {
    order: Cow<'t, str>,
    code: Body,
}

enum Body {
    Own(Code),
    Text(String),
}

impl From<Body> for Find<'_> {
    fn from(code: Body) -> Self {
        Find { order: Cow::Borrowed(""), code }
    }
}

impl CodeForm {
    fn find<'t>(&self, shown: &Shown<'t>, which: Which, now: UnixMs) -> Option<Find<'t>> {
        match &shown.wrapping {
            Wrapping::Address { authority, pages } => self.in_address(authority, pages, now).map(Find::from),
            Wrapping::Object(object) => self.in_object(object, now),
            Wrapping::BrokenObject => None,
            Wrapping::Page(page) => self
                .in_link(page, now)
                .or_else(|| self.in_plain(shown.text, which, now))
                .or_else(|| if which == Which::Any { self.in_scene_of(page, now) } else { None })
                .map(Find::from),
            Wrapping::None => self.in_plain(shown.text, which, now).map(Find::from),
        }
    }

    /// A code that stands alone, or behind the words of a scene.
    fn in_plain(&self, text: &str, which: Which, now: UnixMs) -> Option<Body> {
        let narrow = self.moment.is_some();
        if which == Which::Narrow && !narrow {
            return None;
        }
        let bare = if self.bare { self.accept(text, now) } else { None };
        bare.or_else(|| self.in_scene(&decoded(text)?, now))
    }

    fn in_scene(&self, scene: &str, now: UnixMs) -> Option<Body> {
        let behind = |before: &String| {
            let (head, code) = scene.split_at_checked(before.len())?;
            head.eq_ignore_ascii_case(before).then_some(code)
        };
        self.scenes.iter().find_map(|before| self.accept(behind(before)?, now))
    }

    fn in_scene_of(&self, page: &Page<'_>, now: UnixMs) -> Option<Body> {
        if self.scenes.is_empty() { None } else { self.in_scene(&page.parameter("scene")?, now) }
    }

    /// "Scan an ordinary link": the mini-program's page gets the whole address, encoded, in `q`.
    fn in_link(&self, page: &Page<'_>, now: UnixMs) -> Option<Body> {
        if self.addresses.is_empty() {
            return None;
        }
        let link = page.parameter("q")?;
        match Shown::of(&link).wrapping {
            Wrapping::Address { authority, pages } => self.in_pages(authority, &pages, now),
            _ => None,
        }
    }

    fn in_address(&self, authority: &str, pages: &[Option<Page<'_>>; 2], now: UnixMs) -> Option<Body> {
        let ours = self.addresses.iter().any(|address| address.is_at(authority));
        let wrapped = |page: &Page<'_>| self.in_scene_of(page, now).or_else(|| self.in_link(page, now));
        self.in_pages(authority, pages, now)
            .or_else(|| if ours { pages.iter().flatten().find_map(wrapped) } else { None })
    }

    fn in_pages(&self, authority: &str, pages: &[Option<Page<'_>>; 2], now: UnixMs) -> Option<Body> {
        let at = self.addresses.iter().filter(|address| address.is_at(authority));
        at.flat_map(|address| pages.iter().flatten().map(move |page| (address, page))).find_map(
            |(address, page)| {
                if address.is_on(page.path) {
                    self.accept(&page.parameter(&address.parameter)?, now)
                } else {
                    None
                }
            },
        )
    }

    fn in_object<'t>(&self, object: &Object<'t>, now: UnixMs) -> Option<Find<'t>> {
        self.objects.iter().find_map(|keys| {
            let order = match &keys.order {
                Some(key) => object.get(key).filter(|order| is_order(order))?,
                None => "",
            };
            let code = self.accept(object.get(&keys.code)?, now)?;
            Some(Find { order: Cow::Borrowed(order), code })
        })
    }

    /// The code that `text` is, if it is one of this form.
    fn accept(&self, text: &str, now: UnixMs) -> Option<Body> {
        if self.alphabet == Alphabet::Counterfoil {
            let code = Code::read(self.stripped(text)).ok()?;
            let redeemable = !matches!(code.kind(), CodeKind::Enrolment | CodeKind::Badge);
            return redeemable.then_some(Body::Own(code));
        }
        let grouped = |c: &char| self.alphabet == Alphabet::Digits && matches!(c, ' ' | '-');
        let code = self.stripped(text.trim());
        let length = code.chars().filter(|c| !grouped(c)).count();
        if !self.lengths.iter().any(|wanted| usize::from(*wanted) == length) {
            return None;
        }
        let code: String = code.chars().filter(|c| !grouped(c)).map(|c| self.fold.of(c)).collect();
        let fits = code.chars().all(|c| self.alphabet.has(c))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.0.is_match(&code))
            && self.moment.is_none_or(|moment| moment.begins(&code, now));
        fits.then_some(Body::Text(code))
    }

    fn stripped<'t>(&self, text: &'t str) -> &'t str {
        let same = |part: &str, wanted: &str| match self.fold {
            Fold::None => part == wanted,
            Fold::Upper | Fold::Lower => part.eq_ignore_ascii_case(wanted),
        };
        let head = text.get(..self.strip_prefix.len()).filter(|head| same(head, &self.strip_prefix));
        let text = head.map_or(text, |head| &text[head.len()..]);
        let start = text.len().checked_sub(self.strip_suffix.len());
        let start =
            start.filter(|start| text.get(*start..).is_some_and(|tail| same(tail, &self.strip_suffix)));
        start.map_or(text, |start| &text[..start])
    }
}

/// An order's number: printable and without spaces.
fn is_order(order: &str) -> bool {
    (1..=ORDER_LENGTH_MAX).contains(&order.len()) && order.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Address {
    /// Whether `authority` is exactly one of the merchant's hosts, without a name, a password or another port.
    fn is_at(&self, authority: &str) -> bool {
        let host =
            authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80")).unwrap_or(authority);
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host) || ours.eq_ignore_ascii_case(authority))
    }

    /// Whether a path ends as it must. Caps lock does no harm.
    fn is_on(&self, path: &str) -> bool {
        let (path, wanted) = (path.trim_end_matches('/'), self.path.trim_end_matches('/'));
        let start = path.len().checked_sub(wanted.len());
        start.and_then(|start| path.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(wanted))
    }
}

impl Alphabet {
    fn has(&self, c: char) -> bool {
        match self {
            Alphabet::Digits => c.is_ascii_digit(),
            Alphabet::Lower => c.is_ascii_digit() || c.is_ascii_lowercase(),
            Alphabet::Upper => c.is_ascii_digit() || c.is_ascii_uppercase(),
            Alphabet::Alphanumeric => c.is_ascii_alphanumeric(),
            Alphabet::Only(these) => these.contains(c),
            Alphabet::Counterfoil => false,
        }
    }
}

impl Fold {
    fn of(self, c: char) -> char {
        match self {
            Fold::None => c,
            Fold::Upper => c.to_ascii_uppercase(),
            Fold::Lower => c.to_ascii_lowercase(),
        }
    }
}

impl Pattern {
    /// Compiles `text`, which then must match a whole code.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let anchored = format!("^(?:{text})$");
        let compiled = RegexBuilder::new(&anchored).size_limit(PATTERN_BYTES_MAX).build();
        compiled.map(Pattern).map_err(|error| format!("is no regular expression that can be used: {error}"))
    }
}

impl MomentFormat {
    /// How many digits it has.
    pub fn digits(self) -> u16 {
        match self {
            MomentFormat::TwoDigitYear => 12,
            MomentFormat::FourDigitYear => 14,
        }
    }
}

impl Moment {
    /// Whether `code` begins with a moment that lies neither too long ago nor more than a day ahead.
    fn begins(self, code: &str, now: UnixMs) -> bool {
        let Some(moment) = self.seconds(code) else { return false };
        let now = now.0.div_euclid(1000);
        moment <= now.saturating_add(DAY_SECONDS)
            && moment >= now.saturating_sub(i64::from(self.days_max) * DAY_SECONDS)
    }

    /// The moment at the head of `code`, in seconds since 1970, if it is one of the calendar.
    fn seconds(self, code: &str) -> Option<i64> {
        let digits = code.get(..usize::from(self.format.digits()))?;
        let (year, rest) = match self.format {
            MomentFormat::TwoDigitYear => (2000 + digits[..2].parse::<i64>().ok()?, &digits[2..]),
            MomentFormat::FourDigitYear => (digits[..4].parse::<i64>().ok()?, &digits[4..]),
        };
        let part = |at: usize| rest[at..at + 2].parse::<i64>().ok();
        let (month, day) = (part(0)?, part(2)?);
        let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
        let in_calendar = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        let on_clock = hour < 24 && minute < 60 && second < 60;
        let local = days_since_1970(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        (in_calendar && on_clock).then_some(local - CHINA_AHEAD_SECONDS)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Leap days until the end of the year before; 477 of them lie before 1970.
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - 477;
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    (year - 1970) * 365 + leap_days + months + day - 1
}

#[cfg(test)]
mod tests;
