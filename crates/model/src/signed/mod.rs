//! Signed codes: what a till can believe with no network and no secret of its own.
//!
//! A code is a [`token`]: a few claims, signed by an issuing key. It travels as [`text`] in a QR code. A rotating
//! code also shows a link of a hash [`chain`], so that a picture of it is worthless a minute later. Which keys may
//! issue what stands in the [`trust`] list, and what became of each serial number in the [`status`] lists; both
//! are signed too.
//!
//! Whoever holds all of a till's data can make no code: only public keys, anchors and states are there. The one private
//! [`key`] of a till signs [`record`]s: the lines of its journal, which prove themselves to whoever reads them.
//!
//! Everything is written in deterministic CBOR (RFC 8949, 4.2) inside COSE (RFC 9052), and read as strictly: one
//! content has one encoding, and any other one is refused before a signature is looked at.

mod cbor;
pub mod chain;
mod envelope;
pub mod key;
pub mod record;
pub mod status;
pub mod text;
pub mod token;
pub mod trust;

#[cfg(test)]
mod samples;
