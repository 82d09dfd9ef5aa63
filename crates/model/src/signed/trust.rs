//! Whom a till believes: a root that was pinned at enrolment, the roots that followed, and the newest trust list.
//!
//! The shape is that of The Update Framework, made small. Root keys are offline; enough of them sign a root, which
//! names the role keys; a role key signs trust lists and status updates. What a till holds only moves forward:
//!
//! - the next root is signed by enough keys of the present one *and* of its own, and its version is one more;
//! - a list is never older than the held one, and the same version never says two things;
//! - a root that no longer names the key which signed the held list drops that list, and its version with it. A
//!   stolen role key could have signed version 4,294,967,295; so it can be outlived;
//! - a list is good until 7 days after its expiry, so that whoever cuts a till off cannot freeze it for ever.

mod list;
mod root;

pub use list::{KEYS_MAX, Key, LIST_BYTES_MAX, Scope, TrustList};
pub use root::{ROOT_BYTES_MAX, ROOT_KEYS_MAX, Root, cosign_root, sign_root};

use sha2::{Digest, Sha256};

use super::cbor::{NotCbor, Reader, Writer};
use super::envelope::{Content, Frame, seal};
use super::key::{PublicKey, SigningKey};
use crate::time::UnixMs;

/// How long roots and lists are good past their expiry: 7 days (seconds).
pub const GRACE_SECONDS: i64 = 7 * 24 * 3600;

const FORMAT: u64 = 1;
/// How many roots may follow each other. With one a year, a till needs no new pin for centuries.
const ROOTS_MAX: usize = 256;

/// What a till holds.
#[derive(Clone, Debug)]
pub struct Trust {
    /// From the pinned one to the present one; never empty.
    roots: Vec<root::Signed>,
    list: Option<Held>,
}

/// The newest list, as it came.
#[derive(Clone, Debug)]
struct Held {
    list: TrustList,
    bytes: Vec<u8>,
    payload: Vec<u8>,
    signer: PublicKey,
}

/// What a root or a list that was taken has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is held now, and has to be stored.
    New,
    /// It was held already.
    Unchanged,
}

/// Why a root, a list or a status update is not taken. What was held before is held still. Where several apply, the
/// first in this list is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotTaken {
    /// It is not the one right encoding, breaks a limit, or is something else.
    #[error("not what it should be, or damaged")]
    Malformed,
    /// Not signed by those who may: too few root keys, or no role key.
    #[error("not signed by those who may sign it")]
    NotSigned,
    /// Older than what is held.
    #[error("older than what is held")]
    Rollback,
    /// Of the held version, but it says something else: the signer has signed two.
    #[error("the same version says something else")]
    Fork,
    /// A root between this one and the held one is missing: fetch that first.
    #[error("a version before it is missing")]
    Gap,
    /// The list is past its expiry and the days of grace.
    #[error("it has expired")]
    TooOld,
    /// The held root is past its expiry and the days of grace: a new root must come first.
    #[error("the root has expired")]
    RootTooOld,
    /// As many roots have followed the pinned one as a till keeps: pin the present one anew.
    #[error("too many roots since the pinned one")]
    TooMany,
}

/// What is to be signed is beyond its limits, not in order, or too long; or the bytes to cosign are no root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("beyond the limits, or not in order")]
pub struct NotSignable;

impl Trust {
    /// Begins with a root that the caller has from a trustworthy source, such as the enrolment.
    pub fn pin(root: &[u8]) -> Result<Trust, NotTaken> {
        Ok(Trust { roots: vec![root::Signed::by_itself(root)?], list: None })
    }

    /// SHA-256 of the pinned root's content, to compare what was restored with what was pinned.
    pub fn pinned(&self) -> [u8; 32] {
        Sha256::digest(&self.roots[0].payload).into()
    }

    /// The present root.
    pub fn root(&self) -> &Root {
        &self.present().root
    }

    /// The newest list, if there is any. Whether it is too old is for the list to say at the time of asking.
    pub fn list(&self) -> Option<&TrustList> {
        self.list.as_ref().map(|held| &held.list)
    }

    /// Takes the next root. Roots that were missed are taken one after the other, even when they have expired since.
    pub fn take_root(&mut self, bytes: &[u8]) -> Result<Taken, NotTaken> {
        let next = root::Signed::by_itself(bytes)?;
        let held = self.present();
        if next.root.version < held.root.version {
            return Err(NotTaken::Rollback);
        }
        if next.root.version == held.root.version {
            return if next.payload == held.payload { Ok(Taken::Unchanged) } else { Err(NotTaken::Fork) };
        }
        if next.root.version - held.root.version > 1 {
            return Err(NotTaken::Gap);
        }
        if !next.signed_under(&held.root) {
            return Err(NotTaken::NotSigned);
        }
        if self.roots.len() == ROOTS_MAX {
            return Err(NotTaken::TooMany);
        }
        self.list = self.list.take().filter(|list| next.root.role_keys.contains(&list.signer));
        self.roots.push(next);
        Ok(Taken::New)
    }

    /// Takes a list of the held version or a later one.
    pub fn take_list(&mut self, bytes: &[u8], now: UnixMs) -> Result<Taken, NotTaken> {
        let next = self.read_list(bytes)?;
        if let Some(held) = &self.list {
            if next.list.version < held.list.version {
                return Err(NotTaken::Rollback);
            }
            if next.list.version == held.list.version {
                return if next.payload == held.payload { Ok(Taken::Unchanged) } else { Err(NotTaken::Fork) };
            }
        }
        if next.list.is_too_old(now) {
            return Err(NotTaken::TooOld);
        }
        self.root_is_good(now)?;
        self.list = Some(next);
        Ok(Taken::New)
    }

    /// All of it, to be stored.
    pub fn as_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(3).uint(FORMAT).array(self.roots.len());
        for signed in &self.roots {
            writer.bytes(&signed.bytes);
        }
        writer.optional(self.list.as_ref(), |writer, held| writer.bytes(&held.bytes));
        writer.done()
    }

    /// What [`Trust::as_bytes`] gave, with every signature from the pinned root on verified again. Whoever can
    /// replace the stored bytes can still go back to older ones, or pin another root: compare [`Trust::pinned`].
    pub fn restore(stored: &[u8]) -> Result<Trust, NotTaken> {
        let (roots, list) = read_stored(stored).map_err(|_| NotTaken::Malformed)?;
        let mut roots = roots.into_iter();
        let mut trust = Trust::pin(roots.next().ok_or(NotTaken::Malformed)?)?;
        for next in roots {
            if trust.take_root(next)? == Taken::Unchanged {
                return Err(NotTaken::Malformed);
            }
        }
        trust.list = list.map(|bytes| trust.read_list(bytes)).transpose()?;
        Ok(trust)
    }

    /// The frame of what a role key has signed, while the root that names it is good.
    pub(super) fn open<'a>(
        &self,
        bytes: &'a [u8],
        content: Content,
    ) -> Result<(Frame<'a>, PublicKey), NotTaken> {
        let frame = Frame::read(bytes, content).map_err(|_| NotTaken::Malformed)?;
        let signer = self.root().role_keys.iter().copied().find(|key| frame.signed_by(*key));
        signer.map(|signer| (frame, signer)).ok_or(NotTaken::NotSigned)
    }

    pub(super) fn root_is_good(&self, now: UnixMs) -> Result<(), NotTaken> {
        let over = now > self.root().expires.plus_seconds(GRACE_SECONDS);
        if over { Err(NotTaken::RootTooOld) } else { Ok(()) }
    }

    fn read_list(&self, bytes: &[u8]) -> Result<Held, NotTaken> {
        if bytes.len() > LIST_BYTES_MAX {
            return Err(NotTaken::Malformed);
        }
        let (frame, signer) = self.open(bytes, Content::TrustList)?;
        let list = list::read(frame.payload).map_err(|_| NotTaken::Malformed)?;
        Ok(Held { list, bytes: bytes.to_vec(), payload: frame.payload.to_vec(), signer })
    }

    fn present(&self) -> &root::Signed {
        &self.roots[self.roots.len() - 1]
    }
}

/// Signs a list with a role key.
pub fn sign_list(list: &TrustList, key: &SigningKey) -> Result<Vec<u8>, NotSignable> {
    let payload = list::write(list);
    let signed = seal(&payload, Content::TrustList, key);
    let readable = list::read(&payload).ok().as_ref() == Some(list);
    if readable && signed.len() <= LIST_BYTES_MAX { Ok(signed) } else { Err(NotSignable) }
}

/// The roots in their order, and the list.
type Stored<'a> = (Vec<&'a [u8]>, Option<&'a [u8]>);

fn read_stored(stored: &[u8]) -> Result<Stored<'_>, NotCbor> {
    let mut reader = Reader::new(stored);
    reader.array_of(3)?;
    if reader.uint()? != FORMAT {
        return Err(NotCbor);
    }
    let roots = reader.list(ROOTS_MAX, Reader::bytes)?;
    let list = reader.optional(Reader::bytes)?;
    reader.end()?;
    Ok((roots, list))
}

/// A time in milliseconds; one before 1970 is written as 1970, which does not read back as the same.
pub(super) fn write_time(writer: &mut Writer, at: UnixMs) -> &mut Writer {
    writer.uint(u64::try_from(at.0).unwrap_or(0))
}

pub(super) fn read_time(reader: &mut Reader<'_>) -> Result<UnixMs, NotCbor> {
    i64::try_from(reader.uint()?).map(UnixMs).map_err(|_| NotCbor)
}

#[cfg(test)]
mod tests;
