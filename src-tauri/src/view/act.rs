//! What the page may say.

use serde::Deserialize;
use ts_rs::TS;

/// What the clerk did.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A scanner typed something. Which reading of its keys is right is for the till to say.
    Burst {
        /// What the keys type on a US keyboard.
        physical: String,
        /// What layout, CapsLock and input method made of them: one character for each of `physical`.
        logical: String,
        /// Whether CapsLock was on.
        caps: bool,
        /// Before which characters there was a pause that may part two texts.
        pauses: Vec<u32>,
        /// Whether it may be part of a text.
        cut: bool,
    },
    /// A text was typed on the pad, or a practice picture clicked.
    Scan {
        /// The text.
        text: String,
        /// Where it came from.
        source: Source,
    },
    /// The offer is confirmed.
    Confirm {
        /// What is taken.
        takes: Vec<Take>,
    },
    /// A manager lets pass what the clerk may not decide.
    Approve {
        /// Who.
        manager: String,
        /// With which PIN.
        pin: String,
        /// Why.
        why: String,
    },
    /// One of the member's coupons is chosen, or one of those that a short code fits.
    Choose {
        /// The entitlement.
        id: String,
    },
    /// A redemption is taken back: all that is still taken.
    Undo {
        /// Its number.
        number: String,
    },
    /// Some of a redemption is taken back.
    UndoPart {
        /// Its number.
        number: String,
        /// So much of it.
        takes: Vec<Take>,
    },
    /// The goods of a redemption that was counted unseen are handed over now.
    HandOver {
        /// Its number.
        number: String,
    },
    /// The card is put aside: next customer.
    Next,
    /// Somebody signs in.
    SignIn {
        /// Who.
        clerk: String,
        /// With which PIN.
        pin: String,
    },
    /// Whoever is signed in goes.
    SignOut,
    /// Join a chain.
    Enrol {
        /// The server's address.
        address: String,
        /// The one-time code.
        code: String,
    },
    /// Send and fetch now.
    Sync,
    /// Change the language: "zh-CN", "zh-HK" or "en".
    Language {
        /// Which.
        language: String,
    },
}

/// So many of one line.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct Take {
    /// Article number.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// Where a text came from.
#[derive(Clone, Copy, Debug, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The code pad.
    Pad,
    /// The practice panel.
    Practice,
}
