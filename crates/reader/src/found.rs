//! What was found in a picture.

/// A place in a picture: pixels from its left upper corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// The same place in a picture whose pixels are `factor` times as large, beginning at (`left`, `top`).
    pub(crate) fn moved(self, factor: f32, left: f32, top: f32) -> Point {
        Point { x: self.x * factor + left, y: self.y * factor + top }
    }

    /// How far it is to another (pixels).
    pub(crate) fn distance(self, other: Point) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// The kinds of symbols that are read; no others are looked for. (UPC-E is not in use in China, and others that nobody shows
/// cost time and false readings.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symbology {
    /// QR code.
    QrCode,
    /// Micro QR code.
    MicroQrCode,
    /// Code 128.
    Code128,
    /// EAN-13; a UPC-A is one with a leading 0.
    Ean13,
    /// EAN-8.
    Ean8,
}

impl Symbology {
    /// Its name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Symbology::QrCode => "QRCode",
            Symbology::MicroQrCode => "MicroQRCode",
            Symbology::Code128 => "Code128",
            Symbology::Ean13 => "EAN13",
            Symbology::Ean8 => "EAN8",
        }
    }

    /// Whether its only check is one digit, which one wrong reading in ten passes.
    #[must_use]
    pub fn is_weakly_checked(self) -> bool {
        match self {
            Symbology::Ean13 | Symbology::Ean8 => true,
            Symbology::QrCode | Symbology::MicroQrCode | Symbology::Code128 => false,
        }
    }
}

/// What was done to the picture before it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Nothing.
    Direct,
    /// Each pixel against the mean around it.
    Threshold,
    /// What is dark made brighter, so that the decoder draws its lines nearer to black.
    Lifted,
    /// Each pixel against the mean of a smaller window.
    Fine,
    /// Twice the size, smoothed and sharpened.
    Doubled,
    /// The same, sharpened over more pixels; then each pixel against the mean around it, and what is dark made brighter, too.
    DoubledWide,
    /// Laid straight and averaged along the bars.
    Straightened,
    /// The same, and compared with whole numbers.
    Matched,
    /// Several frames laid over each other.
    Stacked,
}

impl Pass {
    /// Its name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Pass::Direct => "direct",
            Pass::Threshold => "threshold",
            Pass::Lifted => "lifted",
            Pass::Fine => "fine",
            Pass::Doubled => "doubled",
            Pass::DoubledWide => "doubled-wide",
            Pass::Straightened => "straightened",
            Pass::Matched => "matched",
            Pass::Stacked => "stacked",
        }
    }
}

/// A symbol that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it says.
    pub text: String,
    /// What it is.
    pub symbology: Symbology,
    /// Where it is in the picture that was handed in: as seen upright its corners top left, top right, bottom right, bottom left.
    pub corners: [Point; 4],
    /// What it took.
    pub pass: Pass,
}
