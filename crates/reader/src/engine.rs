//! The decoder in C++ behind our own words. Nobody else here calls it.

use zxingcpp::{BarcodeFormat, BarcodeReader, Binarizer, ImageFormat, ImageView, TextMode};

use crate::found::{Point, Symbology};
use crate::luma::Luma;

/// How the decoder turns brightness into black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shades {
    /// By the brightness around.
    Local,
    /// By one threshold in the middle: the picture is black and white already.
    Halves,
}

/// What the decoder says of one symbol.
#[derive(Clone, Debug)]
pub(crate) struct Symbol {
    /// Its text, or nothing where a symbol was seen whose sums do not agree.
    pub text: Option<String>,
    pub symbology: Symbology,
    pub corners: [Point; 4],
    /// In how many rows a bar code was read alike.
    pub lines: usize,
}

/// Looks for symbols: in every row, turned, inverted and at smaller sizes too.
pub(crate) fn look(picture: &Luma, shades: Shades) -> Vec<Symbol> {
    let formats = [
        BarcodeFormat::QRCode,
        BarcodeFormat::MicroQRCode,
        BarcodeFormat::Code128,
        BarcodeFormat::EAN13,
        BarcodeFormat::EAN8,
    ];
    let reader = BarcodeReader::new()
        .formats(formats)
        .binarizer(match shades {
            Shades::Local => Binarizer::LocalAverage,
            Shades::Halves => Binarizer::FixedThreshold,
        })
        .text_mode(TextMode::Plain)
        .return_errors(true);
    let view = ImageView::from_slice(picture.pixels(), picture.width(), picture.height(), ImageFormat::Lum);
    // Only a picture without pixels is refused, and there is none.
    let read = view.and_then(|view| reader.from(&view)).unwrap_or_default();
    read.iter().filter_map(symbol).collect()
}

fn symbol(barcode: &zxingcpp::Barcode) -> Option<Symbol> {
    let symbology = match barcode.format() {
        BarcodeFormat::QRCode | BarcodeFormat::QRCodeModel1 | BarcodeFormat::QRCodeModel2 => {
            Symbology::QrCode
        }
        BarcodeFormat::MicroQRCode => Symbology::MicroQrCode,
        BarcodeFormat::Code128 => Symbology::Code128,
        BarcodeFormat::EAN13 | BarcodeFormat::UPCA | BarcodeFormat::ISBN => Symbology::Ean13,
        BarcodeFormat::EAN8 => Symbology::Ean8,
        _ => return None,
    };
    let at = barcode.position();
    let point = |point: zxingcpp::PointI| Point { x: point.x as f32, y: point.y as f32 };
    let text = barcode.is_valid().then(|| text_of(barcode));
    Some(Symbol {
        text,
        symbology,
        corners: [at.top_left, at.top_right, at.bottom_right, at.bottom_left].map(point),
        lines: usize::try_from(barcode.line_count()).unwrap_or_default(),
    })
}

/// UTF-8 if the bytes are that, whatever character set the decoder guesses.
fn text_of(barcode: &zxingcpp::Barcode) -> String {
    if !barcode.has_eci()
        && let Ok(text) = String::from_utf8(barcode.bytes())
        && !text.is_empty()
    {
        return text;
    }
    barcode.text()
}
