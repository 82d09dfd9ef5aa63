//! Takes off a text what scanners, input methods and clipboards put around it.

use unicode_normalization::UnicodeNormalization;

use super::Foreign;

/// The group separator, which GS1 codes have between their fields.
pub(super) const GS: char = '\u{1d}';

/// A text without what is not part of it.
pub(super) struct Clean {
    pub text: String,
    /// The scanner said that this is a code of goods or of their supply chain, whatever the text looks like.
    pub declared: Option<Foreign>,
}

/// Full-width to half-width (NFKC), no invisible characters, no AIM symbology prefix (`]Q1`), nothing blank at the
/// ends, tabs and line ends inside as spaces. Spaces inside stay: in a signed code they count.
pub(super) fn clean(text: &str) -> Clean {
    let text: String =
        if text.is_ascii() { text.to_owned() } else { text.nfkc().filter(|c| !is_invisible(*c)).collect() };
    let (bare, declared) = without_aim(ends(&text));
    let bare = ends(bare);
    Clean { text: in_one_line(bare), declared }
}

/// With spaces where a form, a JSON printer or a line of paper put tabs and line ends.
fn in_one_line(text: &str) -> String {
    let breaks = ['\t', '\r', '\n'];
    if text.contains(breaks) { text.replace("\r\n", " ").replace(breaks, " ") } else { text.to_owned() }
}

/// Without white space and the frame of a serial line (STX, ETX, EOT) at the ends.
fn ends(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{2}' | '\u{3}' | '\u{4}'))
}

/// Without the three characters by which a scanner says what it read (ISO/IEC 15424), and what they say of it.
fn without_aim(text: &str) -> (&str, Option<Foreign>) {
    match text.as_bytes() {
        [b']', symbology, modifier, ..]
            if symbology.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
        {
            (&text[3..], declared(*symbology, *modifier))
        }
        _ => (text, None),
    }
}

/// What a symbology says of a text. Most say nothing: any text may stand in a QR code.
fn declared(symbology: u8, modifier: u8) -> Option<Foreign> {
    match (symbology, modifier) {
        // EAN-13, UPC-A, UPC-E and their add-ons; 4: EAN-8.
        (b'E', b'0'..=b'4') => Some(Foreign::GoodsBarcode),
        // FNC1 in the first place, with or without other character sets: GS1-128, DataMatrix, QR, DotCode; and
        // DataBar with its composites, which carries nothing else.
        (b'C', b'1')
        | (b'd', b'2' | b'5')
        | (b'Q', b'3' | b'4')
        | (b'J', b'1' | b'4')
        | (b'e', b'0'..=b'3') => Some(Foreign::Gs1),
        _ => None,
    }
}

/// Zero-width characters, byte order and direction marks, soft hyphens: copied along from pages and chats.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
