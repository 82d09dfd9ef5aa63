//! One code as a picture for a screen or for paper: as SVG or PNG, in real millimetres, with its quiet zone.
//!
//! A code is one segment of one mode: alphanumeric for `CF1:` and our own codes, digits for `CFN`, bytes for what
//! malls make. An encoder that mixes modes shrinks some codes and grows others, and would make a picture's size a
//! matter of luck.
//!
//! On glass, small modules cost more reads than error correction saves: the level is L where that makes a smaller
//! version, else M. Q is for paper that gets creased. A queue reads nothing beyond version 8 well, so that none is
//! drawn.

use std::io;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use model::signed::text::{self, Recognised};
use qrcode::bits::Bits;
use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::store::{HeldCode, HeldSigned, SignedForm};

/// The largest symbol that is drawn.
pub const VERSION_MAX: i16 = 8;
/// Modules of white around a symbol (ISO/IEC 18004).
pub const QUIET_ZONE: usize = 4;
/// The smallest module that common scanners read from paper (mm).
pub const MODULE_MM_MIN: f64 = 0.33;
/// A module if nobody says how large the picture shall be (mm).
const MODULE_MM: f64 = 0.5;
/// The largest picture (mm).
const SIZE_MM_MAX: f64 = 500.0;
/// The most pixels of a picture's side.
const PIXELS_MAX: usize = 8192;

/// In which form a code is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As it was issued.
    #[default]
    Text,
    /// A signed code in letters and digits.
    Cf1,
    /// A signed code in digits only, for scanners that type.
    Cfn,
}

impl std::str::FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Form, String> {
        match text {
            "text" => Ok(Form::Text),
            "cf1" => Ok(Form::Cf1),
            "cfn" => Ok(Form::Cfn),
            _ => Err("the form is text, cf1 or cfn".to_owned()),
        }
    }
}

/// Why a code has no such text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// Its text is of its moment.
    #[error("this code rotates: the customer's phone makes its text, from the card that POST …/card gives")]
    Rotates,
    /// Only signed codes have several forms.
    #[error("only signed codes can be written as cf1 or cfn: ask for the form text")]
    NotSigned,
    /// It is kept as a hash only.
    #[error("this code looks like a payment code and is not kept: only the mall can show it")]
    NotKept,
}

/// The text of a code in that form.
pub fn text_of(code: &HeldCode, form: Form) -> Result<String, NoText> {
    match (code, form) {
        (HeldCode::Signed(HeldSigned { form: SignedForm::Rotating, .. }), _) => Err(NoText::Rotates),
        (HeldCode::Signed(signed), Form::Cfn) => match text::recognise(&signed.text) {
            Recognised::Token(token) => Ok(text::write_cfn(&token)),
            Recognised::Damaged | Recognised::OtherShape => Err(NoText::NotKept),
        },
        (HeldCode::Own(_) | HeldCode::Opaque(_), Form::Cf1 | Form::Cfn) => Err(NoText::NotSigned),
        (code, Form::Text | Form::Cf1) if code.secret().is_empty() => Err(NoText::NotKept),
        (code, Form::Text | Form::Cf1) => Ok(code.secret().to_owned()),
    }
}

/// How much damage a symbol bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// L where it makes the symbol smaller, else M.
    #[default]
    Auto,
    /// 7 %.
    L,
    /// 15 %.
    M,
    /// 25 %, for paper that gets creased.
    Q,
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        match text {
            "auto" => Ok(Level::Auto),
            "L" => Ok(Level::L),
            "M" => Ok(Level::M),
            "Q" => Ok(Level::Q),
            _ => Err("the level is auto, L, M or Q".to_owned()),
        }
    }
}

/// Why a picture is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum NotDrawn {
    /// Too much for a symbol that a queue reads.
    #[error(
        "the code does not fit into a symbol of version {VERSION_MAX} at this level, and larger ones are hard to \
         read: choose the level L or auto"
    )]
    TooLong,
    /// No symbol can hold it.
    #[error("the code cannot be drawn: {0}")]
    Code(QrError),
    /// Modules too small for paper.
    #[error(
        "with {size_mm:.1} mm a module is {module_mm:.2} mm, and scanners need {MODULE_MM_MIN} mm on paper: make it at \
         least {least_mm:.1} mm"
    )]
    TooSmall {
        /// As asked.
        size_mm: f64,
        /// A module then.
        module_mm: f64,
        /// What is enough.
        least_mm: f64,
    },
    /// Larger than anybody prints, or no size at all.
    #[error(
        "a size is up to {SIZE_MM_MAX} mm, and a resolution such that the picture has at most {PIXELS_MAX} pixels"
    )]
    TooLarge,
    /// A printer of that resolution cannot show the modules.
    #[error("with {0} dpi a module has less than a pixel: use a higher resolution or a larger size")]
    TooCoarse(u32),
    /// A picture cannot be encoded.
    #[error("the picture cannot be written: {0}")]
    Picture(#[from] image::ImageError),
    /// Nor be put together.
    #[error("the picture cannot be written: {0}")]
    File(#[from] io::Error),
}

/// A symbol with its size.
pub struct Picture {
    code: QrCode,
    size_mm: f64,
}

impl Picture {
    /// The picture of `text`, `size_mm` wide and high with its quiet zone; as wide as is comfortable without a size.
    pub fn of(text: &str, level: Level, size_mm: Option<f64>) -> Result<Picture, NotDrawn> {
        let code = symbol(text, level)?;
        let modules = (code.width() + 2 * QUIET_ZONE) as f64;
        let size_mm = size_mm.unwrap_or(modules * MODULE_MM);
        if !(size_mm > 0.0 && size_mm <= SIZE_MM_MAX) {
            return Err(NotDrawn::TooLarge);
        }
        let module_mm = size_mm / modules;
        // What is asked for with one digit behind the point shall not fail by the digits behind that.
        if module_mm < MODULE_MM_MIN - 1e-6 {
            let least_mm = (modules * MODULE_MM_MIN * 10.0).ceil() / 10.0;
            return Err(NotDrawn::TooSmall { size_mm, module_mm, least_mm });
        }
        Ok(Picture { code, size_mm })
    }

    /// The symbol's version.
    pub fn version(&self) -> i16 {
        match self.code.version() {
            Version::Normal(version) | Version::Micro(version) => version,
        }
    }

    /// Its level: "L", "M", "Q".
    pub fn level(&self) -> &'static str {
        match self.code.error_correction_level() {
            EcLevel::L => "L",
            EcLevel::M => "M",
            EcLevel::Q => "Q",
            EcLevel::H => "H",
        }
    }

    /// How wide and high it is with its quiet zone (mm).
    pub fn size_mm(&self) -> f64 {
        self.size_mm
    }

    /// As SVG 1.1: one path, so that no renderer leaves hairlines between modules.
    pub fn svg(&self) -> String {
        let (width, size) = (self.code.width(), self.size_mm);
        let all = width + 2 * QUIET_ZONE;
        let mut path = String::new();
        for (row, colours) in self.code.to_colors().chunks(width).enumerate() {
            let mut column = 0;
            for run in colours.chunk_by(|a, b| a == b) {
                if run[0] == Color::Dark {
                    let (x, y, long) = (column + QUIET_ZONE, row + QUIET_ZONE, run.len());
                    path.push_str(&format!("M{x} {y}h{long}v1h-{long}z"));
                }
                column += run.len();
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{size:.2}mm\" height=\"{size:.2}mm\" \
             viewBox=\"0 0 {all} {all}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{all}v{all}H0z\"/>\
             <path fill=\"#000\" d=\"{path}\"/></svg>"
        )
    }

    /// As PNG with about so many dots per inch. Modules are whole pixels, and the file says how large they are.
    pub fn png(&self, dpi: u32) -> Result<Vec<u8>, NotDrawn> {
        let width = self.code.width();
        let all = width + 2 * QUIET_ZONE;
        let module = (self.size_mm / 25.4 * f64::from(dpi) / all as f64).round() as usize;
        if module == 0 {
            return Err(NotDrawn::TooCoarse(dpi));
        }
        let side = module * all;
        if side > PIXELS_MAX {
            return Err(NotDrawn::TooLarge);
        }
        let colours = self.code.to_colors();
        let dark = |x: usize, y: usize| {
            let at = |pixel: usize| (pixel / module).checked_sub(QUIET_ZONE).filter(|place| *place < width);
            matches!((at(x), at(y)), (Some(x), Some(y)) if colours[y * width + x] == Color::Dark)
        };
        let pixels: Vec<u8> =
            (0..side * side).map(|place| if dark(place % side, place / side) { 0 } else { 255 }).collect();
        let mut png = Vec::new();
        PngEncoder::new(&mut png).write_image(&pixels, side as u32, side as u32, ExtendedColorType::L8)?;
        let per_metre = (side as f64 / self.size_mm * 1000.0).round() as u32;
        Ok(with_size(&png, per_metre))
    }
}

/// The smallest symbol of `text` at that level.
pub(crate) fn symbol(text: &str, level: Level) -> Result<QrCode, NotDrawn> {
    match level {
        Level::L => smallest(text, EcLevel::L),
        Level::M => smallest(text, EcLevel::M),
        Level::Q => smallest(text, EcLevel::Q),
        Level::Auto => match (smallest(text, EcLevel::L)?, smallest(text, EcLevel::M)) {
            (low, Ok(medium)) if medium.width() <= low.width() => Ok(medium),
            (low, _) => Ok(low),
        },
    }
}

fn smallest(text: &str, level: EcLevel) -> Result<QrCode, NotDrawn> {
    let bytes = text.as_bytes();
    let digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    let alphanumeric = bytes.iter().all(|byte| ALPHANUMERIC.contains(byte));
    for version in 1..=VERSION_MAX {
        let mut bits = Bits::new(Version::Normal(version));
        let pushed = if digits {
            bits.push_numeric_data(bytes)
        } else if alphanumeric {
            bits.push_alphanumeric_data(bytes)
        } else {
            bits.push_byte_data(bytes)
        };
        let ended = pushed.and_then(|()| bits.push_terminator(level));
        match ended {
            Ok(()) => return QrCode::with_bits(bits, level).map_err(NotDrawn::Code),
            Err(QrError::DataTooLong) => {}
            Err(error) => return Err(NotDrawn::Code(error)),
        }
    }
    Err(NotDrawn::TooLong)
}

/// The characters of alphanumeric mode (ISO/IEC 18004, table 5).
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The PNG with the chunk pHYs (PNG specification, 11.3.4.3) behind its header, in pixels per metre.
fn with_size(png: &[u8], per_metre: u32) -> Vec<u8> {
    /// The signature's 8 bytes and the header chunk's 25.
    const HEADER_BYTES: usize = 33;
    let mut chunk = b"pHYs".to_vec();
    chunk.extend_from_slice(&per_metre.to_be_bytes());
    chunk.extend_from_slice(&per_metre.to_be_bytes());
    chunk.push(1);
    let mut sized = png[..HEADER_BYTES].to_vec();
    sized.extend_from_slice(&9u32.to_be_bytes());
    sized.extend_from_slice(&chunk);
    sized.extend_from_slice(&crc(&chunk).to_be_bytes());
    sized.extend_from_slice(&png[HEADER_BYTES..]);
    sized
}

/// CRC-32 as PNG's chunks have it (PNG specification, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests;
