//! Under which name a till knows a code, so that neither its files nor its requests hold the code itself.
//!
//! The backend's own codes have 85 random bits: a keyed hash hides them. What malls print is often 4 to 18 digits,
//! which a thief of a till could try out: such a code is *stretched* first with Argon2id (RFC 9106) under the
//! chain's salt, once when it is issued and once for each scan, and the store's keyed hash is taken of that.

use argon2::{Algorithm, Argon2, Params, Version};
use model::code::Code;
use model::reading::Opaque;

/// How many bytes of a keyed hash are kept: 128 bits.
const HASH_BYTES: usize = 16;
/// From so many random bits on, a code is hidden by a keyed hash alone.
const RANDOM_BITS_ENOUGH: u16 = 75;
/// Memory (KiB), passes and lanes of stretching: 4.4 ms on a weak core, 140 core-years for all 12-digit codes.
const COST: (u32, u32, u32) = (8 * 1024, 1, 1);

/// A mall's code, stretched under the chain's salt. The same at every till and at the server.
pub type Stretched = [u8; HASH_BYTES];

/// The name under which a till knows one of the backend's own codes: keyed BLAKE3 under the store's key, cut to 128
/// bits, as lower-case hexadecimal digits.
pub fn code_hash(store_key: &[u8; 32], code: &Code) -> String {
    keyed(store_key, code.secret().as_bytes())
}

/// The name under which a till knows a mall's code.
pub fn stretched_hash(store_key: &[u8; 32], stretched: &Stretched) -> String {
    keyed(store_key, stretched)
}

/// The name under which a till knows a signed code: by the id of what it stands for. The code proves itself, so that
/// nothing need be hidden but which ids there are.
pub fn id_hash(store_key: &[u8; 32], id: &str) -> String {
    keyed(store_key, id.as_bytes())
}

/// Stretches a mall's code under the chain's salt.
pub fn stretch(salt: &[u8; 16], code: &Opaque) -> Stretched {
    let mut stretched = [0; HASH_BYTES];
    if code.random_bits() >= RANDOM_BITS_ENOUGH {
        let key = blake3::derive_key("Counterfoil code salt", salt);
        stretched.copy_from_slice(
            &blake3::keyed_hash(&key, code.hash_input().as_bytes()).as_bytes()[..HASH_BYTES],
        );
        return stretched;
    }
    let (memory, passes, lanes) = COST;
    let params =
        Params::new(memory, passes, lanes, Some(HASH_BYTES)).expect("the cost is within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(code.hash_input().as_bytes(), salt, &mut stretched)
        .expect("salt and output have lengths that argon2 takes");
    stretched
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of so many hexadecimal digits, if they are that.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn keyed(key: &[u8; 32], bytes: &[u8]) -> String {
    hex(&blake3::keyed_hash(key, bytes).as_bytes()[..HASH_BYTES])
}
