//! PINs of the staff: argon2id in PHC string format, so that tills can check them without the server.

use argon2::password_hash::{PasswordHasher, phc};
use argon2::{Algorithm, Argon2, Params, Version};

/// A PIN cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the PIN cannot be hashed: {0}")]
pub struct NoHash(String);

/// Memory (KiB), passes and lanes: what OWASP recommends for argon2id, about 40 ms on a weak core.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// The hash of `pin` under `salt`.
pub fn hash(pin: &str, salt: [u8; 16]) -> Result<String, NoHash> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|error| NoHash(error.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: phc::PasswordHash =
        argon2.hash_password_with_salt(pin.as_bytes(), &salt).map_err(|error| NoHash(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;

    #[test]
    fn a_hash_tells_its_cost_and_fits_one_pin_only() {
        let text = hash("1234", [7; 16]).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "a till reads the cost from it: {text}");
        let parsed = phc::PasswordHash::new(&text).unwrap();
        assert!(Argon2::default().verify_password(b"1234", &parsed).is_ok(), "the PIN fits");
        assert!(Argon2::default().verify_password(b"1235", &parsed).is_err(), "another does not");
    }
}
