//! Frames one after the other.

mod drawing;

use drawing::{Camera, Dice, ean, symbol, taken};
use reader::{Hint, Live, Luma, Pass};
use zxingcpp::BarcodeFormat;

fn frames(format: BarcodeFormat, text: &str, camera: Camera, count: usize) -> Vec<Luma> {
    let drawn = symbol(format, text);
    let mut dice = Dice::new(3);
    (0..count).map(|_| taken(&drawn, camera, &mut dice)).collect()
}

#[test]
fn a_qr_code_is_believed_at_once_and_an_ean_when_two_frames_agree() {
    let qr = frames(BarcodeFormat::QRCode, "CF1:ABC", Camera::default(), 1);
    assert_eq!(Live::new().look(&qr[0]).found[0].text, "CF1:ABC");
    let text = ean("690123456789");
    let frames = frames(BarcodeFormat::EAN13, &text, Camera::default(), 2);
    let mut live = Live::new();
    let first = live.look(&frames[0]);
    assert!(first.found.is_empty(), "one frame is not enough: {first:?}");
    assert!(live.look(&frames[0]).found.is_empty(), "and neither is the same frame once more");
    assert_eq!(live.look(&frames[1]).found[0].text, text);
}

#[test]
fn an_ean_that_was_seen_long_ago_counts_for_nothing() {
    let text = ean("690123456789");
    let with = frames(BarcodeFormat::EAN13, &text, Camera::default(), 3);
    let blank = |shade: u8| Luma::new(64, 64, vec![shade; 64 * 64]).expect("it has its size");
    let mut live = Live::new();
    live.look(&with[0]);
    for shade in 0..20 {
        live.look(&blank(100 + shade));
    }
    assert!(live.look(&with[1]).found.is_empty(), "this is the first frame again");
    assert_eq!(live.look(&with[2]).found.len(), 1);
}

/// So dark and noisy that hardly any frame can be read by itself.
#[test]
fn several_frames_together_show_what_one_alone_does_not() {
    let camera = Camera { module: 3.0, ink: 20.0, paper: 60.0, noise: 39.0, ..Camera::default() };
    let text = "CF1:0123456789ABCDEF";
    let frames = frames(BarcodeFormat::QRCode, text, camera, 16);
    let alone = frames[..8].iter().filter(|frame| {
        let mut budget = reader::Budget::of(reader::still::WORK_MAX);
        !reader::read(frame, &mut budget).is_empty()
    });
    assert!(alone.count() <= 2, "a frame alone is hardly ever read");
    let mut live = Live::new();
    let seen: Vec<_> = frames.iter().flat_map(|frame| live.look(frame).found).collect();
    assert!(seen.iter().any(|found| found.text == text && found.pass == Pass::Stacked), "{seen:?}");
}

#[test]
fn a_code_that_is_too_far_away_is_asked_to_come_closer() {
    let camera = Camera { module: 1.25, blur: 0.8, noise: 10.0, ..Camera::default() };
    let frames = frames(BarcodeFormat::QRCode, "CF1:0123456789", camera, 8);
    let mut live = Live::new();
    let sights: Vec<_> = frames.iter().map(|frame| live.look(frame)).collect();
    assert!(sights.iter().all(|sight| sight.found.is_empty()), "it cannot be read: {sights:?}");
    assert!(sights.iter().any(|sight| sight.hint == Some(Hint::Closer)), "{sights:?}");
    assert!(sights.iter().any(|sight| sight.outline.is_some()));
}

#[test]
fn frames_may_change_their_size() {
    let mut live = Live::new();
    for size in [1, 2, 7, 64, 640, 3] {
        let frame = Luma::new(size, size, vec![200; size * size]).expect("it has its size");
        assert_eq!(live.look(&frame).found, []);
    }
}
