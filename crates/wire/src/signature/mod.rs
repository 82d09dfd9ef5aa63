//! Requests and answers that prove who wrote them: HTTP message signatures (RFC 9421) with Ed25519, in one profile.
//!
//! A request's signature covers its method, path, query, content (by `Content-Digest`, RFC 9530) and the journal's
//! epoch, with the moment, a nonce and the key. It does not cover scheme and host: behind a proxy that ends TLS a
//! server does not know what the till called it, and a till's key is known to one chain only.
//!
//! An answer's signature covers its status and content together with the whole request that it answers, its signature
//! included. An answer to one request is therefore no answer to any other, however alike; and since the request has
//! a nonce, an answer is never older than its question.

use model::signed::token::{PublicKey, SigningKey};

use crate::codes::{hex, unhex};

mod field;
#[cfg(test)]
mod tests;

pub use field::{COMPONENTS_MAX, Component, Digest, INPUT_BYTES_MAX, Input, Malformed, Params};

/// The header with the digest of the content.
pub const DIGEST_HEADER: &str = "content-digest";
/// The header that says what was signed.
pub const INPUT_HEADER: &str = "signature-input";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "signature";
/// The header with the epoch of the till's journal: a decimal number; 0 before enrolment.
pub const EPOCH_HEADER: &str = "counterfoil-epoch";

/// How far a request's time and the server's may be apart, and how long a request is good (seconds).
pub const WINDOW_SECONDS: i64 = 300;

const LABEL: &str = "sig";
const ALGORITHM: &str = "ed25519";
/// Signatures of requests and of answers can never be taken for each other.
const REQUEST_TAG: &str = "counterfoil";
const ANSWER_TAG: &str = "counterfoil-answer";

/// What a request's signature covers, in this order.
const OF_REQUEST: [&str; 5] = ["@method", "@path", "@query", DIGEST_HEADER, EPOCH_HEADER];
/// What of the request an answer's signature covers besides.
const SIGNED_BY_REQUEST: [&str; 2] = [INPUT_HEADER, SIGNATURE_HEADER];
/// What of itself an answer's signature covers.
const OF_ANSWER: [&str; 2] = ["@status", DIGEST_HEADER];

/// Which key has signed: the first 16 bytes of its COSE thumbprint (RFC 9679), as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// Of that key.
    pub fn of(key: PublicKey) -> KeyId {
        let mut id = [0; 16];
        id.copy_from_slice(&key.thumbprint()[..16]);
        KeyId(id)
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<KeyId> {
        // Capitals would be a second spelling.
        let id = unhex(text).map(KeyId)?;
        (id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// When a request is signed, and what tells it from every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub created: i64,
    /// Random.
    pub nonce: [u8; 16],
}

/// The two header fields of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub signature: String,
}

/// What of a request is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// In capitals.
    pub method: String,
    /// As it is sent, percent signs and all.
    pub path: String,
    /// Without its question mark; nothing and an empty one are the same (RFC 9421, 2.2.7).
    pub query: String,
    /// Of the content; a request without one has the digest of no bytes.
    pub digest: Digest,
    /// Of the till's journal, as its header says.
    pub epoch: u64,
}

impl Asked {
    /// Signs it.
    pub fn sign(&self, key: &SigningKey, moment: Moment) -> Fields {
        let input = Input {
            label: LABEL.to_owned(),
            components: components(&OF_REQUEST, false),
            params: Params {
                created: Some(moment.created),
                expires: Some(moment.created.saturating_add(WINDOW_SECONDS)),
                nonce: Some(hex(&moment.nonce)),
                ..by(key.public(), REQUEST_TAG)
            },
        };
        sign(&input, key, |component| self.value(&component.name))
    }

    fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "@method" => self.method.clone(),
            "@path" => self.path.clone(),
            "@query" => format!("?{}", self.query),
            DIGEST_HEADER => self.digest.to_field(),
            EPOCH_HEADER => self.epoch.to_string(),
            _ => return None,
        })
    }
}

/// What a request says of its signature, which nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key that is to be tried.
    pub key: KeyId,
    /// Since when (seconds since 1970).
    pub created: i64,
    /// Until when (seconds since 1970).
    pub expires: i64,
    /// What tells it from every other request of this key.
    pub nonce: [u8; 16],
    input: Input,
    signature: [u8; 64],
}

impl Claim {
    /// Reads the two fields, which must be exactly what [`Asked::sign`] writes.
    pub fn parse(fields: &Fields) -> Result<Claim, Malformed> {
        let input = Input::parse(&fields.input)?;
        let (label, signature) = field::parse_signature(&fields.signature)?;
        let Params { created, expires, nonce, keyid, .. } = input.params.clone();
        let (created, expires) = (created.ok_or(Malformed)?, expires.ok_or(Malformed)?);
        let key = keyid.as_deref().and_then(KeyId::parse).ok_or(Malformed)?;
        let nonce = nonce.as_deref().ok_or(Malformed)?;
        let claim = Claim { key, created, expires, nonce: unhex(nonce).ok_or(Malformed)?, input, signature };
        let ours = claim.input.label == LABEL
            && label == LABEL
            && claim.input.components == components(&OF_REQUEST, false)
            && is(&claim.input.params, REQUEST_TAG)
            && hex(&claim.nonce) == nonce
            && (1..=WINDOW_SECONDS).contains(&(expires - created));
        if ours { Ok(claim) } else { Err(Malformed) }
    }

    /// Whether that key has signed that request.
    pub fn is_of(&self, key: PublicKey, asked: &Asked) -> bool {
        let base = self.input.base(|component| asked.value(&component.name));
        base.is_some_and(|base| key.signed(base.as_bytes(), &self.signature))
    }

    /// Whether the request is of about that time (seconds since 1970).
    pub fn is_timely(&self, now: i64) -> bool {
        self.created.abs_diff(now) <= WINDOW_SECONDS.unsigned_abs() && now <= self.expires
    }
}

/// What of an answer is signed, together with what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Of the content.
    pub digest: Digest,
    /// The request.
    pub to: &'a Asked,
    /// The request's signature.
    pub to_fields: &'a Fields,
}

impl Answered<'_> {
    /// Signs it.
    pub fn sign(&self, key: &SigningKey, created: i64) -> Fields {
        let params = Params { created: Some(created), ..by(key.public(), ANSWER_TAG) };
        let input = Input { label: LABEL.to_owned(), components: of_answer(), params };
        sign(&input, key, |component| self.value(component))
    }

    /// The server's time (seconds since 1970), if that key has signed this answer to this request.
    pub fn verify(&self, fields: &Fields, key: PublicKey) -> Option<i64> {
        let input = Input::parse(&fields.input).ok()?;
        let (label, signature) = field::parse_signature(&fields.signature).ok()?;
        let ours = input.label == LABEL
            && label == LABEL
            && input.components == of_answer()
            && is(&input.params, ANSWER_TAG)
            && input.params.expires.is_none()
            && input.params.nonce.is_none()
            && input.params.keyid == Some(KeyId::of(key).to_string());
        let created = input.params.created.filter(|_| ours)?;
        let base = input.base(|component| self.value(component))?;
        key.signed(base.as_bytes(), &signature).then_some(created)
    }

    fn value(&self, component: &Component) -> Option<String> {
        match (component.of_request, component.name.as_str()) {
            (false, "@status") => Some(self.status.to_string()),
            (false, DIGEST_HEADER) => Some(self.digest.to_field()),
            (true, INPUT_HEADER) => Some(self.to_fields.input.clone()),
            (true, SIGNATURE_HEADER) => Some(self.to_fields.signature.clone()),
            (true, name) => self.to.value(name),
            (false, _) => None,
        }
    }
}

fn of_answer() -> Vec<Component> {
    let own = components(&OF_ANSWER, false);
    let request = components(&OF_REQUEST, true);
    own.into_iter().chain(request).chain(components(&SIGNED_BY_REQUEST, true)).collect()
}

fn components(names: &[&str], of_request: bool) -> Vec<Component> {
    names.iter().map(|name| Component { name: (*name).to_owned(), of_request }).collect()
}

fn by(key: PublicKey, tag: &str) -> Params {
    Params {
        alg: Some(ALGORITHM.to_owned()),
        keyid: Some(KeyId::of(key).to_string()),
        tag: Some(tag.to_owned()),
        ..Params::default()
    }
}

fn is(params: &Params, tag: &str) -> bool {
    params.alg.as_deref() == Some(ALGORITHM) && params.tag.as_deref() == Some(tag)
}

fn sign(input: &Input, key: &SigningKey, value: impl Fn(&Component) -> Option<String>) -> Fields {
    // Every component of the two profiles has a value. One with a line break in it cannot be sent either; what is
    // signed in its place verifies nowhere.
    let base = input.base(value).unwrap_or_default();
    let signature = key.sign(base.as_bytes());
    Fields { input: input.to_field(), signature: field::write_signature(&input.label, &signature) }
}
