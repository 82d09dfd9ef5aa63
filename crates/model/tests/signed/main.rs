//! Signed codes seen from outside: published vectors, and forgers who try everything but have no key.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod forgeries;
mod frames;
mod published;
