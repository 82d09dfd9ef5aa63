//! The signed frame: COSE_Sign1 (RFC 9052, 4.2) with exactly the headers we use.
//!
//! The content type in the protected header keeps apart what is signed: a code has none, a trust list, a status
//! update, a journal line and the end of an export each have their own, and a root is no COSE_Sign1 at all. What was signed as one can thus never be read as
//! another. Protected header and payload go into the signature as they came, byte for byte.
//!
//! Frames are made with `coset`, which writes them deterministically. They are read by hand: a general decoder takes
//! several encodings of one content, looks deeper than we let it, and parses before anything is verified.

use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana};

use super::cbor::{NotCbor, Reader, Writer};
use super::key::{Kid, PublicKey, SigningKey};

/// COSE label: the algorithm.
const ALG: i64 = 1;
/// COSE label: the content type.
const CONTENT_TYPE: i64 = 3;
/// COSE label: the key's short name.
const KID: i64 = 4;
/// Our private label for a rotating code's link, in the unprotected header.
const REVEAL: i64 = -65537;
/// The tag of a COSE_Sign1.
const SIGN1: u64 = 18;
/// Step (2 bytes) and link (16 bytes).
pub(super) const REVEAL_BYTES: usize = 18;

/// By which name a signature calls Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// -19 (RFC 9864), which we write.
    Ed25519,
    /// -8, its older name, which others may still write.
    EdDsa,
}

impl Algorithm {
    pub(super) fn label(self) -> i64 {
        match self {
            Algorithm::Ed25519 => -19,
            Algorithm::EdDsa => -8,
        }
    }

    pub(super) fn of(label: i64) -> Result<Algorithm, NotCbor> {
        match label {
            -19 => Ok(Algorithm::Ed25519),
            -8 => Ok(Algorithm::EdDsa),
            _ => Err(NotCbor),
        }
    }
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Code,
    TrustList,
    StatusUpdate,
    Line,
    Export,
}

impl Content {
    fn media_type(self) -> Option<&'static str> {
        match self {
            Content::Code => None,
            Content::TrustList => Some("application/counterfoil-trust-list+cbor"),
            Content::StatusUpdate => Some("application/counterfoil-status-update+cbor"),
            Content::Line => Some("application/counterfoil-line+cbor"),
            Content::Export => Some("application/counterfoil-export+cbor"),
        }
    }
}

/// A frame as it came. Nothing in it may be believed before [`Frame::signed_by`] has said yes.
pub(super) struct Frame<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Kid,
    /// A rotating code's link; other contents have none.
    pub(super) reveal: Option<[u8; REVEAL_BYTES]>,
    pub(super) payload: &'a [u8],
    protected: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Frame<'a> {
    pub(super) fn read(bytes: &'a [u8], content: Content) -> Result<Frame<'a>, NotCbor> {
        let mut reader = Reader::new(bytes);
        reader.tag(SIGN1)?;
        reader.array_of(4)?;
        let protected = reader.bytes()?;
        let reveal = match reader.map(usize::from(content == Content::Code))? {
            0 => None,
            _ if reader.int()? == REVEAL => Some(reader.block()?),
            _ => return Err(NotCbor),
        };
        let payload = reader.bytes()?;
        let signature = reader.block()?;
        reader.end()?;
        let (algorithm, kid) = read_protected(protected, content.media_type())?;
        Ok(Frame { algorithm, kid, reveal, payload, protected, signature })
    }

    /// Whether that key has signed this.
    pub(super) fn signed_by(&self, key: PublicKey) -> bool {
        key.kid() == self.kid
            && key.signed(&to_be_signed("Signature1", &[self.protected], self.payload), &self.signature)
    }
}

/// Signs `payload` as `content`, without a link.
pub(super) fn seal(payload: &[u8], content: Content, key: &SigningKey) -> Vec<u8> {
    let mut header = HeaderBuilder::new().algorithm(iana::Algorithm::Ed25519).key_id(key.kid().0.to_vec());
    if let Some(media_type) = content.media_type() {
        header = header.content_type(media_type.to_owned());
    }
    CoseSign1Builder::new()
        .protected(header.build())
        .payload(payload.to_vec())
        .create_signature(&[], |to_be_signed| key.sign(to_be_signed).to_vec())
        .build()
        .to_tagged_vec()
        .expect("a frame has only what CBOR can hold")
}

/// The same frame with another link, or without one. The signature does not cover it: it proves itself.
pub(super) fn with_reveal(frame: &Frame<'_>, reveal: Option<[u8; REVEAL_BYTES]>) -> Vec<u8> {
    write(frame.protected, reveal, frame.payload, &frame.signature)
}

/// The protected header: algorithm, content type if any, short name of the key.
pub(super) fn write_protected(algorithm: Algorithm, kid: Kid, media_type: Option<&str>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(2 + usize::from(media_type.is_some())).int(ALG).int(algorithm.label());
    if let Some(media_type) = media_type {
        writer.int(CONTENT_TYPE).text(media_type);
    }
    writer.int(KID).bytes(&kid.0);
    writer.done()
}

/// Reads what [`write_protected`] writes, and nothing else.
pub(super) fn read_protected(bytes: &[u8], media_type: Option<&str>) -> Result<(Algorithm, Kid), NotCbor> {
    let mut reader = Reader::new(bytes);
    let length = 2 + usize::from(media_type.is_some());
    if reader.map(length)? != length || reader.int()? != ALG {
        return Err(NotCbor);
    }
    let algorithm = Algorithm::of(reader.int()?)?;
    if let Some(media_type) = media_type
        && (reader.int()? != CONTENT_TYPE || reader.text(media_type.len())? != media_type)
    {
        return Err(NotCbor);
    }
    if reader.int()? != KID {
        return Err(NotCbor);
    }
    let kid = Kid(reader.block()?);
    reader.end()?;
    Ok((algorithm, kid))
}

/// The Sig_structure of RFC 9052, 4.4, without external data.
pub(super) fn to_be_signed(context: &str, protected: &[&[u8]], payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(3 + protected.len()).text(context);
    for header in protected {
        writer.bytes(header);
    }
    writer.bytes(&[]).bytes(payload);
    writer.done()
}

fn write(
    protected: &[u8],
    reveal: Option<[u8; REVEAL_BYTES]>,
    payload: &[u8],
    signature: &[u8; 64],
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.tag(SIGN1).array(4).bytes(protected).map(usize::from(reveal.is_some()));
    if let Some(reveal) = reveal {
        writer.int(REVEAL).bytes(&reveal);
    }
    writer.bytes(payload).bytes(signature);
    writer.done()
}
