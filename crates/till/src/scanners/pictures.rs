//! The doctor's test codes as pictures: squares and bars for the screen, and an A4 sheet of all of them for paper.
//!
//! Knows nothing of codes that somebody could redeem: those are the server's to draw.

use std::fmt::Write;

use barcoders::sym::code128::Code128;
use model::scanner::Test;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use crate::words::{Language, sentence};

/// Which characters a Code 128 holds: digits two by two, or everything that a keyboard has. The library wants this
/// letter before the text.
const DIGIT_PAIRS: char = '\u{106}';
const CHARACTERS: char = '\u{181}';
/// White modules on either side of a bar code (ISO/IEC 15417).
const QUIET: usize = 10;
/// How high a bar code is, in modules.
const BARS_HEIGHT: usize = 40;

/// The picture of a test code as a QR code, in SVG.
pub fn square(test: Test) -> String {
    // Every test code is known when the program is built, and a test draws each.
    let code = QrCode::with_error_correction_level(test.text(), EcLevel::M);
    code.map(|code| code.render::<svg::Color<'_>>().quiet_zone(true).module_dimensions(4, 4).build())
        .unwrap_or_default()
}

/// The same as a bar code (Code 128), where it fits one that scanners read.
pub fn bars(test: Test) -> Option<String> {
    let modules = modules(test)?;
    let width = modules.len() + 2 * QUIET;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {BARS_HEIGHT}\" preserveAspectRatio=\"none\" \
         shape-rendering=\"crispEdges\"><rect width=\"{width}\" height=\"{BARS_HEIGHT}\" fill=\"#fff\"/><path d=\""
    );
    for (place, _) in modules.iter().enumerate().filter(|(_, dark)| **dark == 1) {
        // Writing into a text never fails.
        let _ = write!(svg, "M{} 0h1v{BARS_HEIGHT}h-1z", place + QUIET);
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}

/// How many modules its bar code is wide, with the white on either side.
pub fn bars_width(test: Test) -> Option<usize> {
    Some(modules(test)?.len() + 2 * QUIET)
}

fn modules(test: Test) -> Option<Vec<u8>> {
    if !test.has_bars() {
        return None;
    }
    let text = test.text();
    let set = if text.bytes().all(|byte| byte.is_ascii_digit()) { DIGIT_PAIRS } else { CHARACTERS };
    Some(Code128::new(format!("{set}{text}")).ok()?.encode())
}

/// All test codes on one A4 sheet, in SVG, with captions: any browser prints it.
pub fn sheet(language: Language) -> String {
    let say = |key: &str| sentence(language, key);
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" viewBox=\"0 0 210 297\" \
         font-family=\"Noto Sans CJK SC, Microsoft YaHei, PingFang SC, sans-serif\" fill=\"#18211d\">\
         <rect width=\"210\" height=\"297\" fill=\"#fff\"/>",
    );
    let mut line = |x: f32, y: f32, size: f32, text: &str| {
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{}</text>", escaped(text));
    };
    line(15.0, 22.0, 8.0, &say("doctor.title"));
    line(15.0, 30.0, 4.0, &say("doctor.sheet_hint"));
    let mut pictures = String::new();
    for (n, test) in Test::ALL.into_iter().enumerate() {
        let top = 40.0 + 62.0 * n as f32;
        line(90.0, top + 8.0, 6.0, &format!("{}  {}", n + 1, say(&format!("doctor.test.{}", test.code()))));
        line(90.0, top + 15.0, 3.2, &shown(test));
        pictures.push_str(&placed(&square(test), 15.0, top, 58.0, 58.0));
        if let (Some(bars), Some(width)) = (bars(test), bars_width(test)) {
            // A module of 0.38 mm: 15 mil, which every scanner reads.
            pictures.push_str(&placed(&bars, 90.0, top + 22.0, 0.38 * width as f32, 24.0));
        }
    }
    svg + &pictures + "</svg>"
}

/// What a test code types, as far as it fits a line.
fn shown(test: Test) -> String {
    let text = test.text();
    let head: String = text.chars().take(60).collect();
    if head.len() < text.len() { format!("{head}…") } else { head }
}

/// A picture within another.
fn placed(svg: &str, x: f32, y: f32, width: f32, height: f32) -> String {
    let body = svg.split_once("<svg").map_or("", |(_, body)| body);
    // The size of its own that the inner picture may name is replaced by the place it gets here.
    let head = body.split_once('>').map_or("", |(head, _)| head);
    let size = |name: &str| {
        head.split_once(&format!(" {name}=\""))
            .and_then(|(_, rest)| rest.split('"').next())
            .map(str::to_owned)
    };
    let view = size("viewBox").unwrap_or_else(|| {
        format!("0 0 {} {}", size("width").unwrap_or_default(), size("height").unwrap_or_default())
    });
    let inside = body.split_once('>').map_or("", |(_, inside)| inside);
    format!(
        "<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" viewBox=\"{view}\" \
         preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\">{inside}"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_code_can_be_drawn() {
        for test in Test::ALL {
            assert!(square(test).contains("<svg"), "{test:?} as a square");
            assert_eq!(bars(test).is_some(), test.has_bars(), "{test:?} as bars");
        }
        let width = bars_width(Test::Digits).expect("bars");
        assert_eq!(
            width,
            (1 + 11 + 1) * 11 + 13 + 2 * QUIET,
            "22 digits in pairs, with start, check and stop"
        );
    }

    #[test]
    fn the_sheet_holds_them_all() {
        for language in Language::ALL {
            let sheet = sheet(language);
            assert_eq!(sheet.matches("preserveAspectRatio").count(), 6, "four squares and two bar codes");
            assert_eq!(sheet.matches("<svg").count(), sheet.matches("</svg>").count(), "well formed");
            assert!(sheet.contains(&sentence(language, "doctor.title")), "in words");
        }
    }
}
