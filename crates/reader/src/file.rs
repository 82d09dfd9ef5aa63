//! Files and pasted pictures: bytes in, [`Luma`] out, whatever somebody has put into the bytes.
//!
//! The format is told by the content, not by the name. What a picture says of itself is checked before anything is set
//! aside for it, so that a few bytes which claim to be a gigapixel cost nothing.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::found::Point;
use crate::luma::Luma;

/// The longest file (bytes).
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// The widest and the highest picture (pixels on a side).
pub const SIDE_MAX: u32 = 16_384;
/// The largest picture (pixels): twice what telephones take.
pub const PIXELS_MAX: u64 = 100_000_000;
/// What decoding may set aside (bytes): such a picture in full colour.
const MEMORY_MAX: u64 = 512 << 20;
/// Larger ones are brought down to less than this before they are read (pixels): no code needs more.
const READ_PIXELS_MAX: usize = 16_000_000;

/// Why a file is no picture for us.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Too long, or it claims to be too large.
    #[error("the picture is too large")]
    TooLarge,
    /// None of the formats: PNG, JPEG, WebP, BMP, GIF.
    #[error("this is no PNG, JPEG, WebP, BMP or GIF")]
    UnknownFormat,
    /// It begins like a picture and then is none.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
}

/// A picture from a file, upright.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What is read.
    pub luma: Luma,
    /// Pixels in a row of the file's own picture, upright.
    pub width: u32,
    /// Its rows.
    pub height: u32,
}

impl Picture {
    /// From the pixels of [`Picture::luma`] to those of the file's own picture.
    #[must_use]
    pub fn place(&self, point: Point) -> Point {
        let factor = |full: u32, read: usize| full as f32 / read as f32;
        let (x, y) = (factor(self.width, self.luma.width()), factor(self.height, self.luma.height()));
        Point { x: point.x * x, y: point.y * y }
    }
}

/// Opens a picture; of a moving one the first frame.
///
/// # Errors
/// [`FileError`] says why it cannot be looked at.
pub fn open(bytes: &[u8]) -> Result<Picture, FileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    let mut file =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| damaged(&error))?;
    if file.format().is_none() {
        return Err(FileError::UnknownFormat);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_MAX);
    file.limits(limits);
    let mut decoder = file.into_decoder().map_err(|error| refused(&error))?;
    let (width, height) = decoder.dimensions();
    let claims = u64::from(width) * u64::from(height);
    if width > SIDE_MAX || height > SIDE_MAX || claims > PIXELS_MAX || decoder.total_bytes() > MEMORY_MAX {
        return Err(FileError::TooLarge);
    }
    let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
    picture.apply_orientation(turned);
    let (width, height) = (picture.width(), picture.height());
    let brightness = brightness(picture);
    let mut luma = Luma::new(width as usize, height as usize, brightness)
        .ok_or_else(|| FileError::Damaged("it has no pixels".to_owned()))?;
    while luma.area() > READ_PIXELS_MAX {
        luma = luma.halved();
    }
    Ok(Picture { luma, width, height })
}

fn refused(error: &image::ImageError) -> FileError {
    match error {
        image::ImageError::Limits(_) => FileError::TooLarge,
        image::ImageError::Unsupported(_) => FileError::UnknownFormat,
        other => damaged(other),
    }
}

fn damaged(error: &dyn std::error::Error) -> FileError {
    FileError::Damaged(error.to_string())
}

/// Brightness as in ITU-R BT.601, what is transparent on white.
fn brightness(picture: DynamicImage) -> Vec<u8> {
    let of = |pixel: &[u8]| {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8
    };
    let on_white = |shade: u8, alpha: u8| {
        let (shade, alpha) = (u32::from(shade), u32::from(alpha));
        ((shade * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    match picture {
        DynamicImage::ImageLuma8(grey) => grey.into_raw(),
        DynamicImage::ImageRgb8(colours) => colours.as_raw().chunks_exact(3).map(of).collect(),
        other if other.color().has_alpha() => {
            let colours = other.into_rgba8();
            colours.as_raw().chunks_exact(4).map(|pixel| on_white(of(pixel), pixel[3])).collect()
        }
        other => other.into_rgb8().as_raw().chunks_exact(3).map(of).collect(),
    }
}
