//! What is handed in from outside: the time and chance. Tests turn the clock and repeat the dice.

use std::sync::Arc;

use model::code::{Code, CodeKind, RANDOM_BYTES};
use model::redemption::Number;
use model::time::UnixMs;
use wire::codes::hex;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixMs;
}

/// Gives random bytes. For a program that others rely on they come from a cryptographic source.
pub trait Dice: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Clock and dice together.
#[derive(Clone)]
pub struct Hands {
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
}

impl Hands {
    /// From that clock and those dice.
    pub fn new(clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Hands {
        Hands { clock, dice }
    }

    /// Now.
    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// So many random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.dice.fill(&mut bytes);
        bytes
    }

    /// A new code.
    pub fn code(&self, kind: CodeKind) -> Code {
        Code::issue(kind, self.random::<RANDOM_BYTES>())
    }

    /// A new number for something that is done now.
    pub fn number(&self) -> Number {
        Number::new(self.now(), self.random())
    }

    /// A new name: `prefix`, a hyphen, and 64 random bits.
    pub fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", hex(&self.random::<8>()))
    }
}
