//! From the bytes of a serial line to texts.
//!
//! Pure, and without a clock: it is told the bytes and how long the line was found silent. Silence counts only where a
//! read waited for bytes and got none, so that a program which is starved for a moment never takes the pause in its own
//! work for the end of a code.

use encoding_rs::GBK;
use model::reading::TEXT_LENGTH_MAX;
use serde::{Deserialize, Serialize};

/// A scanner that puts nothing behind its texts has ended one after so long without a byte (milliseconds). Odoo waits
/// as long; at 1,200 baud a byte takes 8 ms.
pub const IDLE_MS: u32 = 100;
/// So long without a byte (milliseconds), and a text that has no end yet will never get it.
pub const BROKEN_MS: u32 = 1_000;
/// More bytes of one text are not kept. In no encoding are they [`TEXT_LENGTH_MAX`] characters or fewer, so that
/// whoever reads the text finds it too long.
const BYTES_MAX: usize = 4 * (TEXT_LENGTH_MAX + 1);
/// One byte in so many that is no text makes noise of the others.
const NOISE: usize = 5;
/// So many bursts of noise in a row are no accident.
const NOISY: u32 = 3;
/// So many texts in a row without the end that was agreed on are no accident.
const ENDLESS: u32 = 2;

/// What a scanner puts behind each text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suffix {
    /// CR, LF, or both: as almost every scanner is delivered.
    #[default]
    Line,
    /// A tab.
    Tab,
    /// Nothing: a text ends when nothing follows.
    None,
}

impl Suffix {
    /// Each of them.
    pub const ALL: [Suffix; 3] = [Suffix::Line, Suffix::Tab, Suffix::None];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Suffix::Line => "line",
            Suffix::Tab => "tab",
            Suffix::None => "none",
        }
    }

    fn is(self, byte: u8) -> bool {
        match self {
            Suffix::Line => matches!(byte, b'\r' | b'\n'),
            Suffix::Tab => byte == b'\t',
            Suffix::None => false,
        }
    }
}

/// What came of some bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// A whole text.
    Text {
        /// The text, as it came.
        text: String,
        /// It followed another without any silence: most likely the next line of the same code.
        joined: bool,
    },
    /// Bytes that are no text.
    Noise,
    /// The beginning of a text whose end never came. It is not given away.
    Unended,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // It may be a payment credential.
            Piece::Text { text, joined } => {
                write!(f, "Text({} characters, joined: {joined})", text.chars().count())
            }
            Piece::Noise => f.write_str("Noise"),
            Piece::Unended => f.write_str("Unended"),
        }
    }
}

/// What is wrong with a scanner's settings, as far as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Burst after burst is no text: most likely scanner and till do not agree on the baud rate.
    WrongBaud,
    /// Text after text comes without the agreed end.
    NoSuffix,
}

impl Finding {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Finding::WrongBaud => "wrong_baud",
            Finding::NoSuffix => "no_suffix",
        }
    }
}

/// Cuts bytes into texts.
pub struct Framer {
    suffix: Suffix,
    held: Vec<u8>,
    /// More bytes came than are kept.
    over: bool,
    /// For how long the line has been silent (milliseconds); since the last byte.
    silent_ms: u32,
    /// A text has ended, and the line was not silent since.
    in_one_breath: bool,
    noisy: u32,
    endless: u32,
}

impl Framer {
    /// For a scanner that puts `suffix` behind each text.
    pub fn new(suffix: Suffix) -> Framer {
        let (held, over, in_one_breath) = (vec![], false, false);
        Framer { suffix, held, over, silent_ms: 0, in_one_breath, noisy: 0, endless: 0 }
    }

    /// Bytes came.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.silent_ms = 0;
        let mut pieces = vec![];
        for &byte in bytes {
            if self.suffix.is(byte) {
                pieces.extend(self.end());
            } else if self.held.len() < BYTES_MAX {
                self.held.push(byte);
            } else {
                self.over = true;
            }
        }
        pieces
    }

    /// Nothing came, although somebody waited `ms` milliseconds for it.
    pub fn silent(&mut self, ms: u32) -> Option<Piece> {
        self.silent_ms = self.silent_ms.saturating_add(ms);
        self.in_one_breath = false;
        if self.held.is_empty() || self.silent_ms < IDLE_MS {
            return None;
        }
        if self.suffix == Suffix::None || is_noise(&self.held) {
            return self.end();
        }
        if self.silent_ms < BROKEN_MS {
            return None;
        }
        self.forget();
        self.endless = self.endless.saturating_add(1);
        Some(Piece::Unended)
    }

    /// What the bytes so far tell about the scanner's settings. A single good text takes it back.
    pub fn finding(&self) -> Option<Finding> {
        if self.noisy >= NOISY {
            return Some(Finding::WrongBaud);
        }
        (self.endless >= ENDLESS).then_some(Finding::NoSuffix)
    }

    /// The bytes held so far are one text; nothing where there are none, as between CR and LF.
    fn end(&mut self) -> Option<Piece> {
        if self.held.is_empty() {
            return None;
        }
        let text = match decode(&self.held) {
            _ if is_noise(&self.held) => None,
            // Cut in the middle of a character, perhaps, and too long anyway.
            None if self.over => Some(String::from_utf8_lossy(&self.held).into_owned()),
            text => text,
        };
        self.forget();
        let joined = std::mem::replace(&mut self.in_one_breath, true);
        match text {
            Some(text) => {
                (self.noisy, self.endless) = (0, 0);
                Some(Piece::Text { text, joined })
            }
            None => {
                self.noisy = self.noisy.saturating_add(1);
                Some(Piece::Noise)
            }
        }
    }

    fn forget(&mut self) {
        self.held.clear();
        self.over = false;
    }
}

/// UTF-8, else GBK, which Chinese scanners are often set to. No GBK text of more than a few characters is by chance
/// UTF-8, while most of UTF-8 would be something in GBK.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    GBK.decode_without_bom_handling_and_without_replacement(bytes).map(|text| text.into_owned())
}

/// Whether so many of the bytes are no text that the others are none either.
fn is_noise(bytes: &[u8]) -> bool {
    strange(bytes) * NOISE > bytes.len()
}

/// How many of the bytes are no text: control characters that no scanner sends, and what stands neither in UTF-8 nor
/// among the characters of GB 2312. The rest of GBK is left out, for almost any two bytes are something there.
fn strange(bytes: &[u8]) -> usize {
    let control = |byte: u8| {
        // Tab, line ends; the frame of a serial line; the separators of GS1 and of the delivery trade.
        let known = matches!(byte, b'\t' | b'\r' | b'\n' | 0x02..=0x04 | 0x1c..=0x1f);
        byte.is_ascii_control() && !known
    };
    let controls = bytes.iter().filter(|byte| control(**byte)).count();
    if std::str::from_utf8(bytes).is_ok() {
        return controls;
    }
    let mut beyond = 0;
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if !first.is_ascii() {
            match behind {
                [0xa1..=0xfe, behind @ ..] if matches!(first, 0xa1..=0xf7) => rest = behind,
                _ => beyond += 1,
            }
        }
    }
    controls + beyond
}

#[cfg(test)]
mod tests;
