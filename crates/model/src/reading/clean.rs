//! Takes off a text what scanners, input methods and clipboards put around it.

use unicode_normalization::UnicodeNormalization;

/// The group separator, which GS1 codes have between their fields.
pub(super) const GS: char = '\u{1d}';

/// A text without what is not part of it.
pub(super) struct Clean {
    pub text: String,
    /// The scanner or a separator said that this is a GS1 code.
    pub gs1: bool,
}

/// Full-width to half-width (NFKC), no invisible characters, no AIM symbology prefix (`]Q1`), nothing blank at the
/// ends, tabs and line ends inside as spaces. Spaces inside stay: in a signed code they count.
pub(super) fn clean(text: &str) -> Clean {
    let text: String =
        if text.is_ascii() { text.to_owned() } else { text.nfkc().filter(|c| !is_invisible(*c)).collect() };
    let (bare, gs1_prefix) = without_aim(ends(&text));
    let bare = ends(bare);
    Clean { gs1: gs1_prefix || bare.contains(GS), text: in_one_line(bare) }
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

/// Without the three characters by which a scanner says what it read (ISO/IEC 15424), and whether they say GS1:
/// DataMatrix with FNC1, QR with FNC1, GS1-128, EAN/UPC.
fn without_aim(text: &str) -> (&str, bool) {
    match text.as_bytes() {
        [b']', symbology, modifier, ..]
            if symbology.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
        {
            (&text[3..], matches!(&text[1..3], "d2" | "Q3" | "C1" | "E0"))
        }
        _ => (text, false),
    }
}

/// Zero-width characters, byte order and direction marks, soft hyphens: copied along from pages and chats.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
