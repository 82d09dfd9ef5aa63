//! How a till and its chain come to know each other's keys by a one-time code that neither of them sends.
//!
//! Whoever stands between the two, with a certificate that the till believes, could otherwise read the code on its
//! way and take the till's place, or the server's. Instead the till names the code by its hash, and both prove that
//! they know it: the till for its public key and name, the server for its answer key. A code has 85 random bits, more
//! than anybody can try in the minutes for which it is good.

use model::signed::token::PublicKey;

/// The hash under which a code is looked for and kept.
pub fn id(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

/// What both sides make of the code's secret to prove that they know it.
#[derive(Clone)]
pub struct Known([u8; 32]);

impl Known {
    /// Of that code.
    pub fn of(secret: &str) -> Known {
        Known(blake3::derive_key("Counterfoil 2026-11 enrolment", secret.as_bytes()))
    }

    /// As it was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Known {
        Known(bytes)
    }

    /// As it is kept until the code has come to its end.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// That whoever knows the code has `key` and wishes to be called `name`.
    pub fn of_till(&self, key: PublicKey, name: &str) -> [u8; 32] {
        self.prove(b"till", &[&key.to_bytes(), name.as_bytes()])
    }

    /// That whoever knows the code answers the till of `key` with `answers`, today and from now on.
    pub fn of_server(&self, key: PublicKey, answers: PublicKey) -> [u8; 32] {
        self.prove(b"server", &[&key.to_bytes(), &answers.to_bytes()])
    }

    /// The last part alone may have any length, and no role begins as another one does.
    fn prove(&self, role: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(role);
        for part in parts {
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

/// Whether two proofs are the same, in a time that tells nothing of where they differ.
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    blake3::Hash::from_bytes(*one) == blake3::Hash::from_bytes(*other)
}

#[cfg(test)]
mod tests {
    use model::signed::token::SigningKey;

    use super::*;

    #[test]
    fn a_proof_is_of_one_code_one_role_and_one_key() {
        let keys = [1, 2].map(|seed| SigningKey::from_seed([seed; 32]).public());
        let known = Known::of("CODE");
        let proof = known.of_till(keys[0], "前台");
        assert!(same(&proof, &Known::from_bytes(known.to_bytes()).of_till(keys[0], "前台")), "it repeats");
        let others = [
            Known::of("OTHER").of_till(keys[0], "前台"),
            known.of_till(keys[1], "前台"),
            known.of_till(keys[0], ""),
            known.of_server(keys[0], keys[1]),
            known.of_server(keys[1], keys[0]),
            id("CODE"),
        ];
        for other in others {
            assert!(!same(&proof, &other), "anything else has another proof");
        }
    }
}
