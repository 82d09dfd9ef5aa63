//! Codes as pictures: one as SVG, and a demo chain's codes on A4 sheets to be printed and scanned.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use image::RgbImage;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use model::signed::text::{self, Recognised};
use qrcode::bits::Bits;
use qrcode::render::svg;
use qrcode::types::QrError;
use qrcode::{EcLevel, QrCode, Version};

use crate::picture::{self, Level, NotDrawn};
use crate::store::PracticeCode;

mod draw;
mod font;
mod page;

/// How many codes one sheet has.
const PER_SHEET: usize = page::COLUMNS * page::ROWS;
/// The groups in the order of the sheets, and their headings.
const GROUPS: [(&str, &str, &str); 5] = [
    ("order", "取货单", "PICK-UP ORDERS"),
    ("coupon", "优惠券", "COUPONS"),
    ("times_card", "次卡", "CARDS"),
    ("member", "会员码", "MEMBERS"),
    ("fails", "应被拒绝", "MUST BE REFUSED"),
];

/// A sheet cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The text fits no code.
    #[error("the code cannot be drawn: {0}")]
    Code(#[from] QrError),
    /// A file cannot be written.
    #[error("{path} cannot be written: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A picture cannot be encoded.
    #[error("{path} cannot be written: {error}")]
    Picture {
        /// Which.
        path: PathBuf,
        /// Why.
        error: image::ImageError,
    },
}

/// One code and the file of the sheet that it is on.
#[derive(Clone, Debug, serde::Serialize)]
pub struct OnSheet {
    /// What a scan of it types.
    pub text: String,
    /// "order", "coupon", "times_card", "member".
    pub kind: String,
    /// A kind, or "fails".
    pub group: String,
    /// What it is.
    pub caption: String,
    /// "offer", "member", or a reason code.
    pub expect: String,
    /// The sheet.
    pub file: PathBuf,
}

/// The sheets that were written.
pub struct Sheets {
    /// Each code, in order.
    pub codes: Vec<OnSheet>,
    /// A sentence about the captions, if they are not what they should be.
    pub warning: Option<&'static str>,
}

/// The picture of a code as SVG, with the quiet zone that scanners need.
pub fn svg(text: &str) -> Result<String, QrError> {
    let code = matrix(text)?;
    Ok(code.render::<svg::Color<'_>>().quiet_zone(true).module_dimensions(4, 4).build())
}

/// Draws the codes of a store on sheets in `folder`.
pub fn write(chain: &str, store: &str, codes: &[PracticeCode], folder: &Path) -> Result<Sheets, SheetError> {
    std::fs::create_dir_all(folder).map_err(|error| SheetError::File { path: folder.to_owned(), error })?;
    let fonts = font::find();
    let mut written = Vec::with_capacity(codes.len());
    for (group, heading, plain) in GROUPS {
        let members: Vec<&PracticeCode> = codes.iter().filter(|code| code.group == group).collect();
        let sheets = members.len().div_ceil(PER_SHEET);
        for (place, on_page) in members.chunks(PER_SHEET).enumerate() {
            let file = folder.join(format!("{}-{}.png", group.replace('_', "-"), place + 1));
            let head = page::Head {
                chain,
                store,
                heading,
                plain,
                first: place * PER_SHEET + 1,
                number: place + 1,
                sheets,
            };
            let picture = page::draw(&fonts, &head, on_page)?;
            save(&picture, &file)?;
            written.extend(on_page.iter().map(|code| on_sheet(code, &file)));
        }
    }
    Ok(Sheets { codes: written, warning: fonts.warning() })
}

/// Sheets are mostly white: the fastest compression is good enough.
fn save(picture: &RgbImage, file: &Path) -> Result<(), SheetError> {
    let opened = File::create(file).map_err(|error| SheetError::File { path: file.to_owned(), error })?;
    let encoder = PngEncoder::new_with_quality(BufWriter::new(opened), CompressionType::Fast, FilterType::Up);
    picture.write_with_encoder(encoder).map_err(|error| SheetError::Picture { path: file.to_owned(), error })
}

fn on_sheet(code: &PracticeCode, file: &Path) -> OnSheet {
    OnSheet {
        text: code.code.clone(),
        kind: code.kind.clone(),
        group: code.group.clone(),
        caption: code.caption.clone(),
        expect: code.expect.clone(),
        file: file.to_owned(),
    }
}

/// The characters of alphanumeric mode (ISO/IEC 18004, table 5).
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The symbol of a code: upper-case letters and digits fit alphanumeric mode, and so version 1, the largest modules.
/// What malls wrap their codes in needs bytes.
fn matrix(text: &str) -> Result<QrCode, QrError> {
    // One alphanumeric segment: an encoder that changes mode for every run of digits makes some of our codes a
    // version larger than others.
    if matches!(text::recognise(text), Recognised::Token(_)) {
        return picture::symbol(text, Level::Auto).map_err(|why| match why {
            NotDrawn::Code(error) => error,
            _ => QrError::DataTooLong,
        });
    }
    let alphanumeric = text.bytes().all(|byte| ALPHANUMERIC.contains(&byte));
    for version in 1..=VERSION_MAX {
        let mut bits = Bits::new(Version::Normal(version));
        let pushed = match alphanumeric {
            true => bits.push_alphanumeric_data(text.as_bytes()),
            false => bits.push_byte_data(text.as_bytes()),
        };
        match pushed {
            Err(QrError::DataTooLong) => continue,
            pushed => pushed?,
        }
        if bits.push_terminator(EcLevel::M).is_ok() {
            return QrCode::with_bits(bits, EcLevel::M);
        }
    }
    Err(QrError::DataTooLong)
}

/// The largest symbol that this draws: larger ones are hard to read from a phone.
const VERSION_MAX: i16 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use model::code::{Code, CodeKind, RANDOM_BYTES};

    #[test]
    fn what_malls_wrap_their_codes_in_can_be_drawn() {
        let object = r#"{"orderId":123,"code":"4821"}"#;
        assert_eq!(matrix(object).unwrap().version(), Version::Normal(3), "29 bytes with the level M");
        assert_eq!(
            matrix(&"x".repeat(400)).err(),
            Some(QrError::DataTooLong),
            "what no phone shows well is refused"
        );
    }

    #[test]
    fn a_code_of_ours_fits_the_smallest_picture() {
        for seed in 0..=255u8 {
            let mut random = [0u8; RANDOM_BYTES];
            random.iter_mut().zip(0u8..).for_each(|(byte, n)| *byte = seed.wrapping_mul(n.wrapping_add(3)));
            let code = Code::issue(CodeKind::Order, random);
            let matrix = matrix(code.secret()).unwrap();
            assert_eq!(matrix.version(), Version::Normal(1), "20 characters, whatever digits are among them");
            assert_eq!(matrix.error_correction_level(), EcLevel::M, "a little dirt does not matter");
        }
        let code = Code::issue(CodeKind::Order, *b"seventeen letters");
        let svg = svg(code.secret()).unwrap();
        assert!(
            svg.contains("<svg") && svg.contains("width=\"116\""),
            "21 modules and a quiet zone of 4: {svg}"
        );
    }
}
