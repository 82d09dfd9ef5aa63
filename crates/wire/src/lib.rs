//! The contract between till and server, and the lines of the journal, with conversions to and from `model`.
//!
//! JSON over HTTP under `/v1`, which only grows: a field is added, never changed or removed. Codes of reasons and
//! the like are the stable codes of `model`. This crate knows nothing of sockets, files, clocks or databases.

pub mod api;
pub mod convert;
pub mod entitlement;
pub mod line;

/// The version of the contract. Every answer carries it in the header [`VERSION_HEADER`]; a till that meets another
/// one treats the server as silent.
pub const VERSION: &str = "1";

/// The header that carries [`VERSION`].
pub const VERSION_HEADER: &str = "counterfoil-api";

/// How many bytes of a keyed code hash are kept: 128 bits of a code with 85 random bits.
const CODE_HASH_BYTES: usize = 16;

/// The name under which a till knows a code: keyed BLAKE3 under the store's key, cut to 128 bits, as lower-case
/// hexadecimal digits. A till's files hold this and never the code.
pub fn code_hash(store_key: &[u8; 32], code: &model::code::Code) -> String {
    let hash = blake3::keyed_hash(store_key, code.secret().as_bytes());
    hash.as_bytes()[..CODE_HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}
