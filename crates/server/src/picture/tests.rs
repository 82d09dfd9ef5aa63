//! What pictures promise: their versions, their real size, and that each module is where the symbol has it.

use model::entitlement::Fen;
use model::place::StoreId;
use model::signed::token::{self, Claims, Serial, SignedKind, SigningKey};
use model::time::UnixMs;

use super::*;

fn random(seed: u64) -> [u8; 64] {
    let mut bytes = [0; 64];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A token whose every field is as long as a code of ours gets, with random values.
fn long_token(seed: u64) -> Vec<u8> {
    let bytes = random(seed);
    let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let issued_at = UnixMs(i64::from(1_800_000_000 + number(0) % 100_000_000) * 1000);
    let claims = Claims {
        issuer: None,
        issued_at,
        not_before: Some(issued_at.plus_seconds(60)),
        expires_at: issued_at.plus_seconds(400 * 86_400),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: 65_000, number: number(4) | 1 << 31 },
        value: Fen(i64::from(number(8) | 1 << 31)),
        store: Some(StoreId("store-1000".to_owned())),
        anchor: None,
    };
    let mut key = [0; 32];
    key.copy_from_slice(&bytes[32..]);
    token::issue(&claims, &SigningKey::from_seed(key)).unwrap()
}

#[test]
fn a_signed_code_never_needs_more_than_version_8() {
    let mut versions = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let token = long_token(seed);
        for (form, text) in [("CF1", text::write_cf1(&token)), ("CFN", text::write_cfn(&token))] {
            let picture = Picture::of(&text, Level::Auto, None).expect("it fits");
            versions.insert((form, picture.version(), picture.level()));
        }
    }
    assert!(versions.iter().all(|(_, version, _)| *version <= 8), "whatever its bytes are: {versions:?}");
    let cf1 = text::write_cf1(&long_token(0));
    assert_eq!(Picture::of(&cf1, Level::Auto, None).unwrap().level(), "L", "L makes it smaller than M");
    assert!(
        matches!(Picture::of(&cf1, Level::Q, None), Err(NotDrawn::TooLong)),
        "Q would make it version 10"
    );
    let long = format!("CF1:{}.", "A".repeat(280));
    assert!(
        matches!(Picture::of(&long, Level::Auto, None), Err(NotDrawn::TooLong)),
        "nothing beyond version 8"
    );
}

#[test]
fn an_own_code_has_the_level_m_because_l_would_not_make_it_smaller() {
    let picture = Picture::of("C0000000000000000ABCD", Level::Auto, None).unwrap();
    assert_eq!((picture.version(), picture.level()), (1, "L"), "21 letters would need version 2 with M");
    let picture = Picture::of("C000000000000000ABCD", Level::Auto, None).unwrap();
    assert_eq!((picture.version(), picture.level()), (1, "M"), "20 letters, as ours have");
}

#[test]
fn a_picture_is_as_large_as_it_says() {
    let text = "C000000000000000ABCD";
    let picture = Picture::of(text, Level::M, Some(29.0)).unwrap();
    let svg = picture.svg();
    assert!(
        svg.contains("width=\"29.00mm\" height=\"29.00mm\" viewBox=\"0 0 29 29\""),
        "1 mm a module: {svg}"
    );
    let png = picture.png(300).unwrap();
    assert_eq!(&png[37..41], b"pHYs", "the size is told before the pixels");
    let per_metre = u32::from_be_bytes(png[41..45].try_into().unwrap());
    let decoded = image::load_from_memory(&png).expect("it is a good PNG, checksums included").to_luma8();
    let size_mm = f64::from(decoded.width()) / f64::from(per_metre) * 1000.0;
    assert!((size_mm - 29.0).abs() < 0.01, "29 mm on paper: {size_mm}");
    assert_eq!(decoded.width(), 12 * 29, "whole pixels for each module, as near to 300 dpi as that goes");
    let code = smallest(text, EcLevel::M).unwrap();
    for (place, colour) in code.to_colors().into_iter().enumerate() {
        let (x, y) = ((place % 21 + 4) as u32 * 12, (place / 21 + 4) as u32 * 12);
        let wanted = if colour == Color::Dark { 0 } else { 255 };
        assert_eq!(decoded.get_pixel(x, y).0[0], wanted, "module {place} begins here");
        assert_eq!(decoded.get_pixel(x + 11, y + 11).0[0], wanted, "and ends here");
    }
    assert!(decoded.rows().take(48).flatten().all(|pixel| pixel.0[0] == 255), "the quiet zone is white");
}

#[test]
fn a_size_that_no_scanner_reads_is_refused_with_one_that_it_does() {
    let text = text::write_cf1(&long_token(1));
    let Err(NotDrawn::TooSmall { least_mm, .. }) = Picture::of(&text, Level::Auto, Some(12.0)) else {
        panic!("12 mm are too small");
    };
    assert!(
        Picture::of(&text, Level::Auto, Some(least_mm)).is_ok(),
        "what the sentence says is enough: {least_mm}"
    );
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 501.0] {
        assert!(Picture::of(&text, Level::Auto, Some(wrong)).is_err(), "{wrong} is no size");
    }
    let picture = Picture::of(&text, Level::Auto, Some(400.0)).unwrap();
    assert!(matches!(picture.png(2400), Err(NotDrawn::TooLarge)), "a picture of 37,000 pixels");
    assert!(matches!(picture.png(1), Err(NotDrawn::TooCoarse(1))), "a picture of 16 pixels");
}
