//! What a profile must be like, so that a mistake in it is told when it is made and not at a counter.

use super::{Address, Alphabet, BadProfile, CodeForm, LENGTH_MAX, Moment};
use crate::code::CodeKind;

const NAME_LENGTH_MAX: usize = 40;
const CODES_MAX: usize = 16;
/// Addresses, scenes, objects, hosts: none of these lists is longer.
const LIST_MAX: usize = 32;
/// Prefixes, paths, parameters, keys (characters).
const TEXT_LENGTH_MAX: usize = 128;
const DAYS_MAX: u16 = 3660;

/// A word about a field.
fn bad(field: impl Into<String>, problem: impl Into<String>) -> BadProfile {
    BadProfile { field: field.into(), problem: problem.into() }
}

pub(super) fn name(name: &str) -> Result<(), BadProfile> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.bytes().all(plain) {
        let problem =
            format!("must be 1 to {NAME_LENGTH_MAX} lower-case letters, digits and hyphens, not {name:?}");
        return Err(bad("name", problem));
    }
    Ok(())
}

pub(super) fn codes(codes: &[CodeForm]) -> Result<(), BadProfile> {
    if codes.is_empty() {
        return Err(bad("codes", "is empty; a profile describes at least one form of code"));
    }
    if codes.len() > CODES_MAX {
        return Err(bad("codes", format!("has {} forms; {CODES_MAX} are the most", codes.len())));
    }
    for (index, form) in codes.iter().enumerate() {
        let at = |error: BadProfile| bad(format!("codes[{index}].{}", error.field), error.problem);
        shape(form).and_then(|()| carriers(form)).map_err(at)?;
    }
    Ok(())
}

/// What the code itself looks like.
fn shape(form: &CodeForm) -> Result<(), BadProfile> {
    if matches!(form.kind, Some(CodeKind::Enrolment | CodeKind::Badge)) {
        return Err(bad("kind", "is nothing that a customer can have"));
    }
    if form.alphabet == Alphabet::Counterfoil {
        if !form.lengths.is_empty() || form.pattern.is_some() || form.moment.is_some() {
            return Err(bad(
                "alphabet",
                "is \"counterfoil\", whose codes have no other lengths, pattern or moment",
            ));
        }
        return Ok(());
    }
    if form.lengths.is_empty() {
        return Err(bad("lengths", "is empty; say how many characters its codes have, such as [12]"));
    }
    if form.lengths.len() > usize::from(LENGTH_MAX) {
        return Err(bad("lengths", format!("has {} entries; {LENGTH_MAX} are the most", form.lengths.len())));
    }
    if let Some(length) = form.lengths.iter().find(|length| !(1..=LENGTH_MAX).contains(*length)) {
        return Err(bad("lengths", format!("has {length}; codes have 1 to {LENGTH_MAX} characters")));
    }
    if let Alphabet::Only(these) = &form.alphabet {
        only(these)?;
    }
    form.moment.map_or(Ok(()), |moment| moment_fits(form, moment))
}

/// An alphabet that is given by its characters.
fn only(these: &str) -> Result<(), BadProfile> {
    let characters: Vec<char> = these.chars().collect();
    let blank = characters.iter().any(|c| c.is_whitespace() || c.is_control());
    if characters.is_empty() || blank {
        return Err(bad("alphabet", "must be characters that can be seen, without spaces"));
    }
    let twice = characters.iter().enumerate().any(|(at, c)| characters[..at].contains(c));
    // "digit" or "hex" is a slip of the pen rather than an alphabet.
    let word = characters.iter().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_'))
        && !characters.is_sorted();
    if twice || word {
        let problem = format!(
            "is {these:?}, which is neither \"digits\", \"lower\", \"upper\", \"alphanumeric\" or \"counterfoil\" nor a \
             list of different characters"
        );
        return Err(bad("alphabet", problem));
    }
    Ok(())
}

fn moment_fits(form: &CodeForm, moment: Moment) -> Result<(), BadProfile> {
    if form.alphabet != Alphabet::Digits {
        return Err(bad("moment", "needs the alphabet \"digits\""));
    }
    if form.lengths.iter().any(|length| *length < moment.format.digits()) {
        let problem = format!("has {} digits, more than the shortest code", moment.format.digits());
        return Err(bad("moment", problem));
    }
    if !(1..=DAYS_MAX).contains(&moment.days_max) {
        return Err(bad("moment.days_max", format!("is {}; it must be 1 to {DAYS_MAX}", moment.days_max)));
    }
    Ok(())
}

/// In what the code may come.
fn carriers(form: &CodeForm) -> Result<(), BadProfile> {
    let lists = [("urls", form.addresses.len()), ("scenes", form.scenes.len()), ("json", form.objects.len())];
    if let Some((field, count)) = lists.into_iter().find(|(_, count)| *count > LIST_MAX) {
        return Err(bad(field, format!("has {count} entries; {LIST_MAX} are the most")));
    }
    if !form.bare && lists.iter().all(|(_, count)| *count == 0) {
        return Err(bad("bare", "is false, and no urls, scenes or json say in what the code comes instead"));
    }
    for (field, text) in [("strip_prefix", &form.strip_prefix), ("strip_suffix", &form.strip_suffix)] {
        short(field, text)?;
    }
    for (index, url) in form.addresses.iter().enumerate() {
        address(url).map_err(|error| bad(format!("urls[{index}].{}", error.field), error.problem))?;
    }
    for (index, before) in form.scenes.iter().enumerate() {
        filled(&format!("scenes[{index}].before"), before)?;
    }
    for (index, keys) in form.objects.iter().enumerate() {
        filled(&format!("json[{index}].code"), &keys.code)?;
        keys.order.as_ref().map_or(Ok(()), |order| filled(&format!("json[{index}].order"), order))?;
    }
    Ok(())
}

fn address(url: &Address) -> Result<(), BadProfile> {
    if url.hosts.len() > LIST_MAX {
        return Err(bad("hosts", format!("has {} entries; {LIST_MAX} are the most", url.hosts.len())));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let wrong = |host: &&String| host.is_empty() || host.len() > 253 || !host.bytes().all(plain);
    if let Some(host) = url.hosts.iter().find(wrong) {
        return Err(bad(
            "hosts",
            format!("has {host:?}; a host is a name such as \"shop.example\", without https:// and path"),
        ));
    }
    short("path", &url.path)?;
    filled("parameter", &url.parameter)
}

fn filled(field: &str, text: &str) -> Result<(), BadProfile> {
    if text.is_empty() { Err(bad(field, "is empty")) } else { short(field, text) }
}

fn short(field: &str, text: &str) -> Result<(), BadProfile> {
    if text.chars().count() > TEXT_LENGTH_MAX {
        return Err(bad(field, format!("is longer than {TEXT_LENGTH_MAX} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(bad(field, "has characters that cannot be seen"));
    }
    Ok(())
}
