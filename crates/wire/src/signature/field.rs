//! The three header fields as text: `Signature-Input`, `Signature` and `Content-Digest`.
//!
//! They are structured fields (RFC 9651), of which a profile needs very little: one dictionary member, an inner list
//! of plain names, six parameters in one order. What is read is written again and compared, so that one content has
//! one spelling; what a general parser would take in another spelling is refused.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// No `Signature-Input` is longer (bytes).
pub const INPUT_BYTES_MAX: usize = 1024;
/// No signature covers more components.
pub const COMPONENTS_MAX: usize = 16;
/// The largest integer of a structured field (RFC 9651, 3.3.1).
const INTEGER_MAX: i64 = 999_999_999_999_999;

/// A header field that is not what this profile writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field is not in the form that is signed here")]
pub struct Malformed;

/// One part of a message that a signature covers (RFC 9421, 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Such as "@method", or a field's name in lower case.
    pub name: String,
    /// Taken from the request that an answer belongs to (`;req`).
    pub of_request: bool,
}

/// When, by whom and what for (RFC 9421, 2.3). Nothing where the signature does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// Since when (seconds since 1970).
    pub created: Option<i64>,
    /// Until when (seconds since 1970).
    pub expires: Option<i64>,
    /// What no other signature of this key has.
    pub nonce: Option<String>,
    /// How.
    pub alg: Option<String>,
    /// By which key.
    pub keyid: Option<String>,
    /// What for.
    pub tag: Option<String>,
}

/// `Signature-Input`, with the one signature that a message of ours has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name that joins it with its `Signature`.
    pub label: String,
    /// What is covered, in order.
    pub components: Vec<Component>,
    /// The rest.
    pub params: Params,
}

impl Input {
    /// Reads the field.
    pub fn parse(field: &str) -> Result<Input, Malformed> {
        if field.len() > INPUT_BYTES_MAX {
            return Err(Malformed);
        }
        let (label, rest) = field.split_once('=').ok_or(Malformed)?;
        let (list, params) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or(Malformed)?;
        let input =
            Input { label: key(label)?, components: parse_list(list)?, params: parse_params(params)? };
        if input.to_field() == field { Ok(input) } else { Err(Malformed) }
    }

    /// Writes the field.
    pub fn to_field(&self) -> String {
        format!("{}={}", self.label, self.signed_params())
    }

    /// What is signed (RFC 9421, 2.5), with what `value` says of each component; nothing if it knows one not.
    pub fn base(&self, value: impl Fn(&Component) -> Option<String>) -> Option<String> {
        let mut base = String::new();
        for component in &self.components {
            let value = value(component)?;
            // A line break in a value could pretend to be the next component.
            if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return None;
            }
            base.push_str(&format!("{}: {value}\n", component.to_text()));
        }
        base.push_str(&format!("\"@signature-params\": {}", self.signed_params()));
        Some(base)
    }

    /// The inner list with its parameters, which is also the value of `@signature-params`.
    fn signed_params(&self) -> String {
        let list: Vec<String> = self.components.iter().map(Component::to_text).collect();
        let mut text = format!("({})", list.join(" "));
        let Params { created, expires, nonce, alg, keyid, tag } = &self.params;
        for (name, moment) in [("created", created), ("expires", expires)] {
            moment.iter().for_each(|moment| push(&mut text, name, &moment.to_string()));
        }
        for (name, word) in [("nonce", nonce), ("alg", alg), ("keyid", keyid), ("tag", tag)] {
            word.iter().for_each(|word| push(&mut text, name, &format!("\"{word}\"")));
        }
        text
    }
}

impl Component {
    fn to_text(&self) -> String {
        format!("\"{}\"{}", self.name, if self.of_request { ";req" } else { "" })
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    write!(text, ";{name}={value}").expect("a string takes any text");
}

fn parse_list(list: &str) -> Result<Vec<Component>, Malformed> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let mut components: Vec<Component> = Vec::new();
    for item in list.split(' ') {
        let (item, of_request) = match item.strip_suffix(";req") {
            Some(item) => (item, true),
            None => (item, false),
        };
        let component = Component { name: word(item)?, of_request };
        // A component that is named twice makes the base ambiguous (RFC 9421, 2.5).
        if components.contains(&component) || components.len() == COMPONENTS_MAX {
            return Err(Malformed);
        }
        components.push(component);
    }
    Ok(components)
}

fn parse_params(text: &str) -> Result<Params, Malformed> {
    let mut params = Params::default();
    if text.is_empty() {
        return Ok(params);
    }
    for param in text.strip_prefix(';').ok_or(Malformed)?.split(';') {
        let (name, value) = param.split_once('=').ok_or(Malformed)?;
        match name {
            "created" => params.created = Some(integer(value)?),
            "expires" => params.expires = Some(integer(value)?),
            "nonce" => params.nonce = Some(word(value)?),
            "alg" => params.alg = Some(word(value)?),
            "keyid" => params.keyid = Some(word(value)?),
            "tag" => params.tag = Some(word(value)?),
            _ => return Err(Malformed),
        }
    }
    Ok(params)
}

/// A dictionary's key.
fn key(text: &str) -> Result<String, Malformed> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*');
    if begins && text.bytes().all(letter) { Ok(text.to_owned()) } else { Err(Malformed) }
}

/// A quoted string without what would need an escape, or could be taken for the end of something.
fn word(text: &str) -> Result<String, Malformed> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or(Malformed)?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"@-_./+=".contains(&byte);
    if !inner.is_empty() && inner.bytes().all(letter) { Ok(inner.to_owned()) } else { Err(Malformed) }
}

fn integer(text: &str) -> Result<i64, Malformed> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number <= INTEGER_MAX);
    number.ok_or(Malformed)
}

/// Reads `Signature`: the label, and the signature's 64 bytes.
pub fn parse_signature(field: &str) -> Result<(String, [u8; 64]), Malformed> {
    let (label, bytes) = parse_bytes(field)?;
    Ok((key(label)?, bytes))
}

/// Writes `Signature`.
pub fn write_signature(label: &str, signature: &[u8; 64]) -> String {
    format!("{label}=:{}:", STANDARD.encode(signature))
}

/// The SHA-256 of a message's content as it is sent, that is, packed if it is packed (RFC 9530, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of that content.
    pub fn of(content: &[u8]) -> Digest {
        Digest(Sha256::digest(content).into())
    }

    /// Reads `Content-Digest`.
    pub fn parse(field: &str) -> Result<Digest, Malformed> {
        match parse_bytes(field)? {
            ("sha-256", bytes) => Ok(Digest(bytes)),
            _ => Err(Malformed),
        }
    }

    /// Writes `Content-Digest`.
    pub fn to_field(self) -> String {
        format!("sha-256=:{}:", STANDARD.encode(self.0))
    }
}

/// One dictionary member that is a byte sequence of that length.
fn parse_bytes<const N: usize>(field: &str) -> Result<(&str, [u8; N]), Malformed> {
    let (label, value) = field.split_once('=').ok_or(Malformed)?;
    let text = value.strip_prefix(':').and_then(|value| value.strip_suffix(':')).ok_or(Malformed)?;
    if text.len() > 4 * N.div_ceil(3) {
        return Err(Malformed);
    }
    // The engine refuses stray bits in the last character, so that bytes have one spelling here too.
    let bytes = STANDARD.decode(text).map_err(|_| Malformed)?;
    Ok((label, bytes.try_into().map_err(|_| Malformed)?))
}
