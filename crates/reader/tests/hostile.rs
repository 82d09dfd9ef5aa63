//! Files that somebody has made to hurt, and files that have been hurt.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod drawing;

use std::io::Cursor;

use drawing::{Camera, Dice, symbol, taken};
use image::{DynamicImage, GrayImage, ImageFormat, Rgba, RgbaImage};
use reader::file::{self, FileError};
use reader::{Budget, Luma};
use zxingcpp::BarcodeFormat;

const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif];

fn picture() -> GrayImage {
    let camera = Camera { width: 160, height: 160, ..Camera::default() };
    let taken = taken(&symbol(BarcodeFormat::QRCode, "CF1:0123456789"), camera, &mut Dice::new(1));
    GrayImage::from_raw(160, 160, taken.pixels().to_vec()).unwrap()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn texts(bytes: &[u8]) -> Option<Vec<String>> {
    let picture = file::open(bytes).ok()?;
    let mut budget = Budget::of(reader::still::WORK_MAX);
    Some(reader::read(&picture.luma, &mut budget).found.into_iter().map(|found| found.text).collect())
}

#[test]
fn every_format_is_known_by_its_content() {
    for format in FORMATS {
        let bytes =
            encoded(&DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(picture()).into_rgb8()), format);
        assert_eq!(texts(&bytes), Some(vec!["CF1:0123456789".to_owned()]), "{format:?}");
    }
    assert!(matches!(file::open(b"GET / HTTP/1.1"), Err(FileError::UnknownFormat)));
    assert!(matches!(file::open(b""), Err(FileError::UnknownFormat)));
}

#[test]
fn what_is_transparent_is_paper() {
    let grey = picture();
    let ink_only = RgbaImage::from_fn(grey.width(), grey.height(), |x, y| {
        if grey.get_pixel(x, y).0[0] < 128 { Rgba([0, 0, 0, 255]) } else { Rgba([0, 0, 0, 0]) }
    });
    let bytes = encoded(&DynamicImage::ImageRgba8(ink_only), ImageFormat::Png);
    assert_eq!(texts(&bytes), Some(vec!["CF1:0123456789".to_owned()]));
}

/// A few dozen bytes that claim to be gigapixels.
#[test]
fn what_claims_to_be_too_large_is_refused_before_anything_is_set_aside() {
    let small = encoded(&DynamicImage::ImageLuma8(picture()), ImageFormat::Png);
    for (width, height) in [(60_000_u32, 60_000_u32), (16_385, 1), (16_000, 16_000), (u32::MAX, 1)] {
        let mut bomb = small.clone();
        bomb[16..20].copy_from_slice(&width.to_be_bytes());
        bomb[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.to_be_bytes());
        let refused = file::open(&bomb).unwrap_err();
        assert!(
            matches!(refused, FileError::TooLarge | FileError::Damaged(_)),
            "{width} × {height}: {refused}"
        );
    }
    let long = vec![0; file::FILE_BYTES_MAX + 1];
    assert!(matches!(file::open(&long), Err(FileError::TooLarge)));
}

#[test]
fn damaged_files_are_refused_or_read_and_nothing_else() {
    let mut dice = Dice::new(5);
    for format in FORMATS {
        let good = encoded(&DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(picture()).into_rgb8()), format);
        for _ in 0..40 {
            let mut bytes = good.clone();
            match dice.below(3) {
                0 => bytes.truncate(dice.below(bytes.len() as u32) as usize),
                1 => {
                    for _ in 0..=dice.below(8) {
                        let at = dice.below(bytes.len() as u32) as usize;
                        bytes[at] ^= 1 << dice.below(8);
                    }
                }
                _ => {
                    let (from, to) =
                        (dice.below(bytes.len() as u32) as usize, dice.below(bytes.len() as u32) as usize);
                    bytes[from.min(to)..from.max(to)].fill(dice.next() as u8);
                }
            }
            let read = texts(&bytes).unwrap_or_default();
            assert!(read.iter().all(|text| text == "CF1:0123456789"), "{format:?}: {read:?}");
        }
    }
}

#[test]
fn bytes_of_chance_are_no_pictures() {
    let mut dice = Dice::new(6);
    for _ in 0..300 {
        let mut bytes: Vec<u8> = (0..dice.below(300)).map(|_| dice.next() as u8).collect();
        let heads: [&[u8]; 5] =
            [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x20\0\0\0WEBPVP8 ", b"BM", b"GIF89a"];
        bytes.splice(0..0, heads[dice.below(5) as usize].iter().copied());
        assert_eq!(texts(&bytes).unwrap_or_default(), Vec::<String>::new());
    }
}

/// Frames of every shape; each costs at most what it was given.
#[test]
fn no_frame_makes_more_work_than_it_may() {
    let mut dice = Dice::new(9);
    let sizes = [(1, 1), (1, 4000), (4000, 1), (2, 2), (3, 500), (15, 17), (33, 700), (500, 31), (640, 480)];
    for (width, height) in sizes {
        for kind in 0..4_u32 {
            let pixels = (0..width * height).map(|at| match kind {
                0 => 0,
                1 => dice.next() as u8,
                2 => {
                    if at % width / 2 % 2 == 0 {
                        255
                    } else {
                        0
                    }
                }
                _ => finder(at % width, at / width),
            });
            let frame = Luma::new(width, height, pixels.collect()).unwrap();
            let mut budget = Budget::of(60_000_000);
            let reading = reader::read(&frame, &mut budget);
            assert!(reading.found.is_empty(), "there is no code in it: {reading:?}");
            let spent = 60_000_000 - budget.left();
            assert!(
                spent <= 60_000_000 && (budget.was_too_small() || spent > 0),
                "{width} × {height}: {spent}"
            );
        }
    }
    assert!(Luma::new(0, 5, vec![]).is_none());
    assert!(Luma::new(5, 5, vec![0; 24]).is_none());
    assert!(Luma::new(reader::luma::SIDE_MAX + 1, 1, vec![0; reader::luma::SIDE_MAX + 1]).is_none());
}

/// Nothing but finder patterns, as many as there is room for.
fn finder(x: usize, y: usize) -> u8 {
    let ring = |at: usize| (at % 9).abs_diff(4);
    match ring(x).max(ring(y)) {
        0 | 1 | 3 => 0,
        _ => 255,
    }
}

/// As PNG adds it to each chunk.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 },
        )
    })
}
