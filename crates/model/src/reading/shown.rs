//! In what a code may be wrapped: a web address, the page of a mini-program, a JSON object, or nothing.

use std::borrow::Cow;

/// An object with more members than this is not a pick-up code.
const MEMBERS_MAX: usize = 32;
/// Quotation marks that keyboards, layouts and input methods make of `"`.
const QUOTES: [char; 9] =
    ['"', '\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{300c}', '\u{300d}', '`'];

/// A cleaned text, with what it is wrapped in.
pub(crate) struct Shown<'t> {
    /// The whole text.
    pub text: &'t str,
    /// The wrapping.
    pub wrapping: Wrapping<'t>,
}

pub(crate) enum Wrapping<'t> {
    None,
    /// `https://…` or `http://…`.
    Address {
        /// Host and port as they stand there.
        authority: &'t str,
        /// The page, and the one behind `#` if there is one.
        pages: [Option<Page<'t>>; 2],
    },
    /// A page of a mini-program, `pages/order/detail?scene=…`, or only its parameters.
    Page(Page<'t>),
    Object(Object<'t>),
    /// Begins or ends like a JSON object and is none.
    BrokenObject,
}

/// A path with its parameters.
#[derive(Clone, Copy)]
pub(crate) struct Page<'t> {
    pub path: &'t str,
    query: &'t str,
}

/// A JSON object without anything nested.
pub(crate) struct Object<'t>(Vec<(&'t str, &'t str)>);

impl<'t> Shown<'t> {
    pub fn of(text: &'t str) -> Shown<'t> {
        Shown { text, wrapping: wrapping(text) }
    }
}

fn wrapping(text: &str) -> Wrapping<'_> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    if let Some(scheme) = scheme {
        return address(&text[scheme.len()..]);
    }
    if text.starts_with('{') {
        return Object::read(text).map_or(Wrapping::BrokenObject, Wrapping::Object);
    }
    if text.ends_with('}') {
        return Wrapping::BrokenObject;
    }
    if text.contains(['=', '?']) && !text.contains("://") {
        return Wrapping::Page(Page::of(text, ""));
    }
    Wrapping::None
}

fn address(rest: &str) -> Wrapping<'_> {
    let (before, fragment) =
        rest.split_once('#').map_or((rest, None), |(before, after)| (before, Some(after)));
    let end = before.find(['/', '?']).unwrap_or(before.len());
    let (authority, rest) = before.split_at(end);
    let page = match rest.split_once('?') {
        Some((path, query)) => Page { path, query },
        None => Page { path: rest, query: "" },
    };
    let behind = fragment.map(|fragment| Page::of(fragment, page.path));
    Wrapping::Address { authority, pages: [Some(page), behind] }
}

impl<'t> Page<'t> {
    /// What stands behind `#`, or instead of an address: a path with parameters, or parameters of `path`.
    fn of(text: &'t str, path: &'t str) -> Page<'t> {
        match text.split_once('?') {
            Some((path, query)) => Page { path, query },
            None => Page { path, query: text },
        }
    }

    /// The value of a parameter, whose capitals and small letters are the same: caps lock swaps them. Nothing if it
    /// stands there twice with different values: whose word would count?
    pub fn parameter(&self, name: &str) -> Option<Cow<'t, str>> {
        let mut found: Option<Cow<'t, str>> = None;
        for pair in self.query.split('&') {
            // An `=` that was encoded along with the rest.
            let equals = pair.find('=').map(|at| (at, 1));
            let equals = equals.or_else(|| pair.find("%3D").or_else(|| pair.find("%3d")).map(|at| (at, 3)));
            let Some((at, width)) = equals else { continue };
            if decoded(&pair[..at]).is_none_or(|key| !key.eq_ignore_ascii_case(name)) {
                continue;
            }
            let value = decoded(&pair[at + width..])?;
            match &found {
                Some(earlier) if *earlier != value => return None,
                _ => found = Some(value),
            }
        }
        found
    }
}

/// Percent-decoded (RFC 3986, 2.1); nothing if it is not well-formed.
pub(crate) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let [high, low, after @ ..] = after else { return None };
            let value = char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?;
            bytes.push(u8::try_from(value).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

impl<'t> Object<'t> {
    /// The value of a key, text or number. Capitals and small letters are the same, and nothing comes of two keys that
    /// then are one and have different values.
    pub fn get(&self, key: &str) -> Option<&'t str> {
        let mut values =
            self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// Reads an object of strings, numbers and words. Quotation marks may have become others on the way, and may be
    /// missing around a key. No escapes, nothing nested, no key twice.
    fn read(text: &'t str) -> Option<Object<'t>> {
        let mut members: Vec<(&str, &str)> = vec![];
        let mut rest = text.strip_prefix('{')?.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return after.is_empty().then_some(Object(members));
        }
        loop {
            let (key, after) = token(rest)?;
            let (value, after) = token(after.trim_start().strip_prefix(':')?.trim_start())?;
            if members.len() == MEMBERS_MAX || members.iter().any(|(earlier, _)| *earlier == key) {
                return None;
            }
            members.push((key, value));
            let after = after.trim_start();
            match after.strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None => return (after == "}").then_some(Object(members)),
            }
        }
    }
}

/// A string in quotation marks, or a bare number or word; and what follows.
fn token(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix(QUOTES) {
        let (value, rest) = inside.split_once(QUOTES)?;
        return (!value.contains('\\')).then_some((value, rest));
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+')))?;
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Option<Object<'_>> {
        match Shown::of(text).wrapping {
            Wrapping::Object(object) => Some(object),
            _ => None,
        }
    }

    #[test]
    fn an_object_is_read_although_its_quotation_marks_have_changed() {
        for text in [
            r#"{"orderId":123,"code":"4821"}"#,
            r#"{ "orderId" : "123" , "code" : 4821 }"#,
            "{“orderId”:123,“code”:“4821”}",
            "{”orderId“:123,'code':'4821'}",
            "{orderId:123,code:4821}",
        ] {
            let read = object(text).expect("an object");
            assert_eq!((read.get("orderId"), read.get("code")), (Some("123"), Some("4821")), "{text}");
        }
    }

    #[test]
    fn caps_lock_does_no_harm_to_keys_and_parameters() {
        let read = object(r#"{"ORDERiD":123,"CODE":"ab","x":1,"X":2,"y":3,"Y":3}"#).expect("an object");
        assert_eq!((read.get("orderId"), read.get("code")), (Some("123"), Some("ab")), "values stay");
        assert_eq!((read.get("x"), read.get("y")), (None, Some("3")), "two words of one key do not count");
        let page = Page::of("PAGES/A?VERIFY_CODE=aB&x=1&X=2", "");
        assert_eq!(page.parameter("verify_code").as_deref(), Some("aB"), "values stay");
        assert_eq!(page.parameter("x"), None, "nor do two words of one parameter");
    }

    #[test]
    fn what_is_no_flat_object_is_broken() {
        for text in [
            r#"{"a":{"code":"4821"}}"#,
            r#"{"a":["4821"]}"#,
            r#"{"code":"4821""#,
            r#"{"code":"1","code":"2"}"#,
            r#"{"code":"48\u0032"}"#,
            r#"{"code":"4821"}}"#,
            r#""orderId":123,"code":"4821"}"#,
            "{",
            "{,}",
        ] {
            assert!(matches!(Shown::of(text).wrapping, Wrapping::BrokenObject), "{text}");
        }
    }

    #[test]
    fn an_address_ends_where_its_host_ends() {
        for (text, expected) in [
            ("https://shop.example/a/b?x=1", "shop.example"),
            ("HTTP://shop.example?x=1", "shop.example"),
            ("https://shop.example#x=1", "shop.example"),
            ("https://shop.example@evil.example/", "shop.example@evil.example"),
            ("https://shop.example\\@evil.example/", "shop.example\\@evil.example"),
        ] {
            let Wrapping::Address { authority, .. } = Shown::of(text).wrapping else { panic!("{text}") };
            assert_eq!(authority, expected, "{text}");
        }
    }

    #[test]
    fn a_parameter_has_one_value_or_none() {
        let page = Page::of("pages/a?verify_code%3D12&b=%E7%A0%81&c=1&c=1&d=1&d=2&e=%4", "");
        assert_eq!(page.parameter("verify_code").as_deref(), Some("12"), "an encoded equals sign");
        assert_eq!(page.parameter("b").as_deref(), Some("码"), "decoded");
        assert_eq!(page.parameter("c").as_deref(), Some("1"), "twice the same is one");
        assert_eq!(page.parameter("d"), None, "two different ones are none");
        assert_eq!(page.parameter("e"), None, "nor is half an encoded character");
        assert_eq!(page.parameter("f"), None, "nor what is not there");
    }
}
