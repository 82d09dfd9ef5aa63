//! Ed25519 keys (RFC 8032) and the four bytes by which a signature names one.

use std::fmt;

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest, Sha256};

use super::cbor::Writer;

/// The first four bytes of a key's COSE thumbprint (RFC 9679, SHA-256). It is a hint where to look, no proof: keys
/// may share one, and each that does is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(pub [u8; 4]);

/// A public key that is a good one: on the curve, in its one right encoding, and not one of the few under which
/// anybody can sign.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    /// Kept, because each scan asks every trusted key for it.
    kid: Kid,
}

impl PublicKey {
    /// The key of these 32 bytes (RFC 8032, 5.1.5), or nothing if they are no good key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<PublicKey> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        (canonical && !key.is_weak()).then(|| PublicKey::of(key))
    }

    /// Its 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Its short name.
    pub fn kid(self) -> Kid {
        self.kid
    }

    /// Its COSE thumbprint (RFC 9679, SHA-256) over `{1: 1 (OKP), -1: 6 (Ed25519), -2: x}`, which tells keys apart
    /// for good.
    pub fn thumbprint(self) -> [u8; 32] {
        thumbprint(&self.key)
    }

    /// Whether `signature` of `message` is this key's. Strict: a signature cannot be changed into another valid one
    /// (`verify_strict`, which also refuses what RFC 8032, 5.1.7, leaves open).
    pub fn signed(self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }

    fn of(key: VerifyingKey) -> PublicKey {
        let print = thumbprint(&key);
        PublicKey { key, kid: Kid([print[0], print[1], print[2], print[3]]) }
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &PublicKey) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &PublicKey) -> std::cmp::Ordering {
        self.key.as_bytes().cmp(other.key.as_bytes())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:02x?})", self.key.as_bytes())
    }
}

/// A key that signs. At the backend: as an issuing key codes, as a role key trust lists and status updates, as a root
/// key roots. At a till: as its device key the lines of its journal and its requests. What a key may sign is the
/// root's, the list's and the enrolment's to say, and each kind of content is signed apart.
///
/// It is wiped from memory when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of that seed, which must come from a cryptographic source (RFC 8032, 5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> SigningKey {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The key that others check its signatures with.
    pub fn public(&self) -> PublicKey {
        PublicKey::of(self.0.verifying_key())
    }

    /// Its seed, for whoever keeps the key. Whoever has this can sign in its name.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its public key's short name.
    pub fn kid(&self) -> Kid {
        self.public().kid()
    }

    /// The signature of `message` (RFC 8032, 5.1.6). What is signed must say what it is in its first bytes, so that it
    /// can never be taken for something else: a frame begins with a COSE context string, a request with the name of
    /// its first component.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:02x?}, secret)", self.kid().0)
    }
}

fn thumbprint(key: &VerifyingKey) -> [u8; 32] {
    let mut members = Writer::default();
    members.map(3).int(1).int(1).int(-1).int(6).int(-2).bytes(key.as_bytes());
    Sha256::digest(members.done()).into()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{block, unhex};
    use super::*;

    /// RFC 8032, 7.1, tests 1 to 3: seed, public key, message, signature.
    const RFC_8032: [[&str; 4]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
             387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
             4a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];

    #[test]
    fn the_signatures_of_rfc_8032_come_out_as_printed() {
        for [seed, public, message, signature] in RFC_8032 {
            let key = SigningKey::from_seed(block(seed));
            assert_eq!(key.public().to_bytes(), block(public), "the public key");
            assert_eq!(key.sign(&unhex(message)), block(signature), "the signature");
            assert!(key.public().signed(&unhex(message), &block(signature)), "which verifies");
            assert!(!key.public().signed(b"another message", &block(signature)), "for its message only");
        }
    }

    #[test]
    fn a_key_under_which_anybody_can_sign_is_none() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), None, "a point of small order");
        assert_eq!(PublicKey::from_bytes(&[0xFF; 32]), None, "a second encoding of y = 18");
    }

    #[test]
    fn a_log_line_never_shows_a_seed() {
        let shown = format!("{:?}", SigningKey::from_seed([0xAB; 32]));
        assert!(shown.contains("secret") && !shown.contains("ab, ab"), "only the short name: {shown}");
    }
}
