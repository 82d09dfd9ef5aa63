//! The contract between till and server, and the lines of the journal, with conversions to and from `model`.
//!
//! JSON over HTTP under `/v1`, which only grows: a field is added, never changed or removed. Codes of reasons and
//! the like are the stable codes of `model`. This crate knows nothing of sockets, files, clocks or databases.

pub mod api;
pub mod campaign;
pub mod case;
pub mod cbor;
pub mod codes;
pub mod convert;
pub mod enrolment;
pub mod entitlement;
pub mod export;
pub mod feed;
pub mod line;
pub mod lines;
pub mod merchant;
pub mod policy;
pub mod profile;
pub mod signature;
pub mod snapshot;
pub mod status;

/// The version of the contract. Every answer carries it in the header [`VERSION_HEADER`]; a till that meets another
/// one treats the server as silent.
pub const VERSION: &str = "1";

/// The header that carries [`VERSION`].
pub const VERSION_HEADER: &str = "counterfoil-api";

pub use codes::code_hash;
