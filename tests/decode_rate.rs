//! Codes as the server draws them are read by another's decoder, from pictures as a camera takes them: small, turned, a
//! little blurred, noisy, and compressed with loss.
//!
//! Every run draws the same pictures. Nothing may be read as something else, not even once.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use image::GrayImage;
use image::codecs::jpeg::JpegEncoder;
use model::code::{Code, CodeKind};
use model::entitlement::Fen;
use model::place::StoreId;
use model::signed::chain;
use model::signed::text::{write_cf1, write_cfn};
use model::signed::token::{Claims, Serial, SignedKind, SigningKey, issue, splice};
use model::time::UnixMs;
use rxing::BarcodeFormat;
use server::picture::{Level, Picture};
use tests::hands::SeededDice;

/// How many pictures of each kind.
const PICTURES: usize = 40;
/// How many of them must be read.
const READ_MIN: usize = 38;
/// The width of the symbol with its quiet zone (pixels).
const SYMBOL_PIXELS: f32 = 240.0;
/// The width of the picture (pixels): room to turn.
const PICTURE_PIXELS: u32 = 312;
/// How finely the server draws; the camera sees less.
const DPI: u32 = 600;
const DEGREES_MAX: f32 = 15.0;
/// A Gauss of about 0.8 pixels, in each direction.
const BLUR: [f32; 5] = [0.03, 0.22, 0.50, 0.22, 0.03];
/// The standard deviation of noise (of 255).
const NOISE: f32 = 8.0;
const JPEG_QUALITY: u8 = 85;
const INK: f32 = 30.0;
const PAPER: f32 = 230.0;
const NOW: UnixMs = UnixMs(1_780_000_000_000);
const DAY: i64 = 24 * 3600;
const STEPS: u32 = 2_880;

#[test]
fn opaque_codes_are_read() {
    are_read("opaque", |dice| {
        Code::issue(CodeKind::Coupon, std::array::from_fn(|_| dice.next() as u8)).secret().to_owned()
    });
}

#[test]
fn static_codes_are_read() {
    are_read("static, typical", |dice| write_cf1(&fixed(&typical(dice))));
}

#[test]
fn the_longest_static_codes_are_read() {
    are_read("static, longest", |dice| write_cf1(&fixed(&longest(dice))));
}

#[test]
fn rotating_codes_are_read() {
    are_read("rotating, typical", |dice| write_cf1(&rotating(typical(dice), dice)));
}

#[test]
fn the_longest_rotating_codes_are_read() {
    are_read("rotating, longest", |dice| write_cf1(&rotating(longest_rotating(dice), dice)));
}

#[test]
fn static_codes_in_digits_are_read() {
    are_read("static in digits, typical", |dice| write_cfn(&fixed(&typical(dice))));
    are_read("static in digits, longest", |dice| write_cfn(&fixed(&longest(dice))));
}

#[test]
fn rotating_codes_in_digits_are_read() {
    are_read("rotating in digits, typical", |dice| write_cfn(&rotating(typical(dice), dice)));
    are_read("rotating in digits, longest", |dice| write_cfn(&rotating(longest_rotating(dice), dice)));
}

/// Draws, takes and reads pictures of codes.
fn are_read(kind: &str, code: impl Fn(&SeededDice) -> String) {
    let dice = SeededDice::new(kind.len() as u64);
    let (mut read, mut versions) = (0, vec![]);
    for _ in 0..PICTURES {
        let text = code(&dice);
        let picture = Picture::of(&text, Level::Auto, None).unwrap();
        versions.push(format!("version {} {}", picture.version(), picture.level()));
        let drawn = image::load_from_memory(&picture.png(DPI).unwrap()).unwrap().into_luma8();
        let found = decoded(&taken(&drawn, &dice));
        assert!(
            found.as_ref().is_none_or(|found| *found == text),
            "{kind}: nothing is read as something else"
        );
        read += usize::from(found.is_some());
    }
    versions.sort();
    versions.dedup();
    // Shown when something fails, and with --nocapture.
    #[expect(clippy::print_stdout, reason = "the rate is the test's result")]
    {
        println!("{kind}: {read} of {PICTURES} read; {}", versions.join(", "));
    }
    assert!(read >= READ_MIN, "{kind}: {read} of {PICTURES} were read, {READ_MIN} are needed");
}

/// What the server has drawn, quiet zone included, as a camera takes it.
fn taken(drawn: &GrayImage, dice: &SeededDice) -> GrayImage {
    let part = |dice: &SeededDice| dice.below(10_001) as f32 / 5_000.0 - 1.0;
    let (sine, cosine) = (part(dice) * DEGREES_MAX).to_radians().sin_cos();
    let (shift_x, shift_y) = (part(dice) * 8.0, part(dice) * 8.0);
    let (width, pixels) = (drawn.width() as usize, drawn.as_raw());
    let scale = width as f32 / SYMBOL_PIXELS;
    let shade = |x: f32, y: f32| {
        // From the pixels of the picture to those of the drawing.
        let middle = PICTURE_PIXELS as f32 / 2.0;
        let (x, y) = (x - middle - shift_x, y - middle - shift_y);
        let (x, y) = (x * cosine + y * sine, y * cosine - x * sine);
        let (x, y) = (x * scale + width as f32 / 2.0, y * scale + width as f32 / 2.0);
        let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < width as f32;
        if inside && pixels[y as usize * width + x as usize] == 0 { INK } else { PAPER }
    };
    let size = PICTURE_PIXELS as usize;
    let mut seen = Vec::with_capacity(size * size);
    for y in 0..size {
        for x in 0..size {
            // Two looks at each pixel.
            let (x, y) = (x as f32, y as f32);
            seen.push((shade(x + 0.25, y + 0.25) + shade(x + 0.75, y + 0.75)) / 2.0);
        }
    }
    let seen = blurred(&blurred(&seen, size, 1), size, size);
    let bytes = seen.iter().map(|shade| {
        // The sum of four even throws is nearly a Gauss; its spread is 1.15 of a throw's greatest.
        let throws = dice.next();
        let sum = (throws & 0xFFFF) + (throws >> 16 & 0xFFFF) + (throws >> 32 & 0xFFFF) + (throws >> 48);
        let noise = (sum as f32 / 32_768.0 - 4.0) * NOISE / 1.15;
        (shade + noise).clamp(0.0, 255.0) as u8
    });
    let picture = GrayImage::from_raw(PICTURE_PIXELS, PICTURE_PIXELS, bytes.collect()).unwrap();
    let mut jpeg = vec![];
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&picture).unwrap();
    image::load_from_memory(&jpeg).unwrap().into_luma8()
}

/// Blurs along rows (`step` 1) or columns (`step` one row).
fn blurred(pixels: &[f32], size: usize, step: usize) -> Vec<f32> {
    let mut out = pixels.to_vec();
    for at in 2 * step..size * size - 2 * step {
        let [a, b, c, d, e] = BLUR;
        out[at] = a * pixels[at - 2 * step]
            + b * pixels[at - step]
            + c * pixels[at]
            + d * pixels[at + step]
            + e * pixels[at + 2 * step];
    }
    out
}

fn decoded(picture: &GrayImage) -> Option<String> {
    let (width, height) = picture.dimensions();
    let found =
        rxing::helpers::detect_in_luma_slice(picture.as_raw(), width, height, Some(BarcodeFormat::QR_CODE));
    found.ok().map(|found| found.getText().to_owned())
}

fn typical(dice: &SeededDice) -> Claims {
    Claims {
        issuer: Some("CF".into()),
        issued_at: NOW,
        not_before: None,
        expires_at: NOW.plus_seconds(DAY),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: dice.below(300) as u16, number: dice.below(100_000) as u32 },
        value: Fen(dice.below(10_000) as i64),
        store: Some(StoreId("s-0123".into())),
        anchor: None,
    }
}

fn longest(dice: &SeededDice) -> Claims {
    let large = |dice: &SeededDice| u32::MAX - dice.below(1_000_000) as u32;
    Claims {
        issuer: Some("8 bytes.".into()),
        not_before: Some(NOW.plus_seconds(1)),
        serial: Serial { campaign: u16::MAX, number: large(dice) },
        value: Fen(large(dice).into()),
        store: Some(StoreId("sixteen bytes...".into())),
        ..typical(dice)
    }
}

fn longest_rotating(dice: &SeededDice) -> Claims {
    Claims { not_before: None, ..longest(dice) }
}

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn fixed(claims: &Claims) -> Vec<u8> {
    issue(claims, &key()).unwrap()
}

fn rotating(claims: Claims, dice: &SeededDice) -> Vec<u8> {
    let tail = std::array::from_fn(|_| dice.next() as u8);
    let anchor = chain::anchor(tail, claims.serial, STEPS);
    let claims = Claims { anchor: Some(anchor), ..claims };
    let step = 1 + dice.below(STEPS.into()) as u16;
    splice(&fixed(&claims), chain::reveal(tail, claims.serial, STEPS, step).unwrap()).unwrap()
}
