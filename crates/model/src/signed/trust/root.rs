//! The root: who may sign trust lists and status updates, said by a number of keys that are kept offline.
//!
//! It is a COSE_Sign (RFC 9052, 4.1; tag 98), the standard's frame for several signatures, with the content type in
//! the body's protected header and algorithm and short key name in each signature's. Payload:
//! `[1, version, expires, threshold, [root key, …], [role key, …]]`, keys sorted and each once.

use super::super::cbor::{NotCbor, Reader, Writer};
use super::super::envelope::{Algorithm, read_protected, to_be_signed, write_protected};
use super::super::key::{Kid, PublicKey, SigningKey};
use super::{NotSignable, NotTaken, read_time, write_time};
use crate::time::UnixMs;

/// The most root keys, and the most role keys.
pub const ROOT_KEYS_MAX: usize = 16;
/// The longest signed root (bytes).
pub const ROOT_BYTES_MAX: usize = 16 * 1024;

const FORMAT: u64 = 1;
const SIGN: u64 = 98;
const CONTENT_TYPE: i64 = 3;
const MEDIA_TYPE: &str = "application/counterfoil-root+cbor";
/// Those of the keys of this root and of the one before.
const SIGNATURES_MAX: usize = 2 * ROOT_KEYS_MAX;

/// Who may sign for the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// One more than the root before.
    pub version: u32,
    /// Until when it is meant to be replaced; lists under it are taken for 7 days more.
    pub expires: UnixMs,
    /// How many root keys must sign a root, 1 to all of them.
    pub threshold: u8,
    /// The root keys, kept offline, sorted, each once.
    pub root_keys: Vec<PublicKey>,
    /// The role keys, each of which may sign trust lists and status updates; sorted, each once.
    pub role_keys: Vec<PublicKey>,
}

/// Makes a root signed by `keys`, which may be fewer than the threshold: the others sign with [`cosign_root`].
pub fn sign_root(root: &Root, keys: &[&SigningKey]) -> Result<Vec<u8>, NotSignable> {
    let payload = write_payload(root);
    if read_payload(&payload).ok().as_ref() != Some(root) || keys.len() > SIGNATURES_MAX {
        return Err(NotSignable);
    }
    let body = write_body();
    let signatures = keys.iter().map(|key| Signature::make(key, &body, &payload)).collect::<Vec<_>>();
    Ok(write(&payload, &signatures))
}

/// Adds the signature of `key` to a root.
pub fn cosign_root(root: &[u8], key: &SigningKey) -> Result<Vec<u8>, NotSignable> {
    let mut signed = Signed::read(root).map_err(|_| NotSignable)?;
    if signed.signatures.len() == SIGNATURES_MAX {
        return Err(NotSignable);
    }
    signed.signatures.push(Signature::make(key, &write_body(), &signed.payload));
    Ok(write(&signed.payload, &signed.signatures))
}

/// A root with its signatures, as it came.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) root: Root,
    pub(super) payload: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    signatures: Vec<Signature>,
}

impl Signed {
    /// Reads a root that enough of its own keys have signed.
    pub(super) fn by_itself(bytes: &[u8]) -> Result<Signed, NotTaken> {
        let signed = Signed::read(bytes).map_err(|_| NotTaken::Malformed)?;
        if signed.signed_under(&signed.root) { Ok(signed) } else { Err(NotTaken::NotSigned) }
    }

    /// Whether enough different root keys of `root` have signed this one.
    pub(super) fn signed_under(&self, root: &Root) -> bool {
        let body = write_body();
        let has_signed =
            |key: &&PublicKey| self.signatures.iter().any(|by| by.is_of(**key, &body, &self.payload));
        root.root_keys.iter().filter(has_signed).count() >= usize::from(root.threshold)
    }

    fn read(bytes: &[u8]) -> Result<Signed, NotCbor> {
        if bytes.len() > ROOT_BYTES_MAX {
            return Err(NotCbor);
        }
        let mut reader = Reader::new(bytes);
        reader.tag(SIGN)?;
        reader.array_of(4)?;
        if reader.bytes()? != write_body() {
            return Err(NotCbor);
        }
        reader.map(0)?;
        let payload = reader.bytes()?.to_vec();
        let signatures = reader.list(SIGNATURES_MAX, Signature::read)?;
        reader.end()?;
        Ok(Signed { root: read_payload(&payload)?, payload, bytes: bytes.to_vec(), signatures })
    }
}

#[derive(Clone, Debug)]
struct Signature {
    kid: Kid,
    protected: Vec<u8>,
    signature: [u8; 64],
}

impl Signature {
    fn make(key: &SigningKey, body: &[u8], payload: &[u8]) -> Signature {
        let protected = write_protected(Algorithm::Ed25519, key.kid(), None);
        let signature = key.sign(&to_be_signed("Signature", &[body, &protected], payload));
        Signature { kid: key.kid(), protected, signature }
    }

    fn is_of(&self, key: PublicKey, body: &[u8], payload: &[u8]) -> bool {
        key.kid() == self.kid
            && key.signed(&to_be_signed("Signature", &[body, &self.protected], payload), &self.signature)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Signature, NotCbor> {
        reader.array_of(3)?;
        let protected = reader.bytes()?.to_vec();
        reader.map(0)?;
        let (_, kid) = read_protected(&protected, None)?;
        Ok(Signature { kid, protected, signature: reader.block()? })
    }
}

fn write(payload: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.tag(SIGN).array(4).bytes(&write_body()).map(0).bytes(payload).array(signatures.len());
    for by in signatures {
        writer.array(3).bytes(&by.protected).map(0).bytes(&by.signature);
    }
    writer.done()
}

fn write_body() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(1).int(CONTENT_TYPE).text(MEDIA_TYPE);
    writer.done()
}

fn write_payload(root: &Root) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(6).uint(FORMAT).uint(root.version.into());
    write_time(&mut writer, root.expires).uint(root.threshold.into());
    for keys in [&root.root_keys, &root.role_keys] {
        writer.array(keys.len());
        for key in keys {
            writer.bytes(&key.to_bytes());
        }
    }
    writer.done()
}

fn read_payload(payload: &[u8]) -> Result<Root, NotCbor> {
    let mut reader = Reader::new(payload);
    reader.array_of(6)?;
    if reader.uint()? != FORMAT {
        return Err(NotCbor);
    }
    let version = reader.u32()?;
    let expires = read_time(&mut reader)?;
    let threshold = u8::try_from(reader.uint()?).map_err(|_| NotCbor)?;
    let root_keys = read_keys(&mut reader)?;
    let role_keys = read_keys(&mut reader)?;
    reader.end()?;
    let reachable = (1..=root_keys.len()).contains(&usize::from(threshold));
    if reachable { Ok(Root { version, expires, threshold, root_keys, role_keys }) } else { Err(NotCbor) }
}

fn read_keys(reader: &mut Reader<'_>) -> Result<Vec<PublicKey>, NotCbor> {
    let keys = reader.list(ROOT_KEYS_MAX, |reader| PublicKey::from_bytes(&reader.block()?).ok_or(NotCbor))?;
    let sorted = keys.windows(2).all(|pair| pair[0] < pair[1]);
    if sorted && !keys.is_empty() { Ok(keys) } else { Err(NotCbor) }
}
