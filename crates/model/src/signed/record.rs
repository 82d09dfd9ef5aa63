//! What a till signs with its device key: a line of its journal, and the end of an exported one.
//!
//! The frame is the one of codes and lists, with a content type of its own, so that no line can be read as anything
//! else. The payload is the caller's; it comes back as it was signed, byte for byte.

use super::envelope::{Content, Frame, seal};
use super::key::{Kid, PublicKey, SigningKey};

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of a journal (`application/counterfoil-line+cbor`).
    Line,
    /// The end of an exported journal (`application/counterfoil-export+cbor`).
    Export,
}

impl Kind {
    fn content(self) -> Content {
        match self {
            Kind::Line => Content::Line,
            Kind::Export => Content::Export,
        }
    }
}

/// The bytes are no frame of that kind: other headers, another encoding, or something else altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed record of this kind")]
pub struct NotARecord;

/// A signed record as it came. Its payload proves nothing before [`Record::signed_by`] has said yes.
pub struct Record<'a>(Frame<'a>);

impl<'a> Record<'a> {
    /// Reads the frame (a tagged COSE_Sign1, RFC 9052, 4.2), in its one encoding.
    pub fn read(bytes: &'a [u8], kind: Kind) -> Result<Record<'a>, NotARecord> {
        Frame::read(bytes, kind.content()).map(Record).map_err(|_| NotARecord)
    }

    /// What was signed.
    pub fn payload(&self) -> &'a [u8] {
        self.0.payload
    }

    /// The short name of the key that is said to have signed it.
    pub fn kid(&self) -> Kid {
        self.0.kid
    }

    /// Whether that key has signed it.
    pub fn signed_by(&self, key: PublicKey) -> bool {
        self.0.signed_by(key)
    }
}

/// Signs `payload`.
pub fn sign(payload: &[u8], kind: Kind, key: &SigningKey) -> Vec<u8> {
    seal(payload, kind.content(), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    #[test]
    fn a_record_gives_its_payload_back_and_names_its_key() {
        let bytes = sign(b"what happened", Kind::Line, &key(1));
        let record = Record::read(&bytes, Kind::Line).expect("what was written is read");
        assert_eq!(record.payload(), b"what happened", "byte for byte");
        assert_eq!(record.kid(), key(1).kid(), "the key is named");
        assert!(record.signed_by(key(1).public()), "and has signed it");
        assert!(!record.signed_by(key(2).public()), "another has not");
    }

    #[test]
    fn a_line_is_no_export_and_a_changed_byte_is_noticed() {
        let bytes = sign(b"what happened", Kind::Line, &key(1));
        assert!(Record::read(&bytes, Kind::Export).is_err(), "one kind is never read as another");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let believed =
                Record::read(&changed, Kind::Line).is_ok_and(|record| record.signed_by(key(1).public()));
            assert!(!believed, "byte {at} may not be changed");
        }
        assert!(Record::read(&bytes[..bytes.len() - 1], Kind::Line).is_err(), "nor left out");
    }
}
