//! What is read from pictures, what is not believed, and what it may cost.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod drawing;

use drawing::{Camera, Dice, Symbol, ean, symbol, taken};
use reader::still::WORK_MAX;
use reader::{Budget, Luma, Pass, Symbology};
use zxingcpp::BarcodeFormat;

fn read(picture: &Luma) -> reader::Reading {
    reader::read(picture, &mut Budget::of(WORK_MAX))
}

fn texts(picture: &Luma) -> Vec<String> {
    read(picture).found.into_iter().map(|found| found.text).collect()
}

#[test]
fn each_symbology_is_read_where_it_is() {
    let all = [
        (BarcodeFormat::QRCode, "CF1:一杯拿铁", Symbology::QrCode),
        (BarcodeFormat::MicroQRCode, "12345", Symbology::MicroQrCode),
        (BarcodeFormat::Code128, "CF7K2M9", Symbology::Code128),
        (BarcodeFormat::EAN13, "6901234567892", Symbology::Ean13),
        (BarcodeFormat::EAN8, "12345670", Symbology::Ean8),
    ];
    for (format, text, symbology) in all {
        let drawn = symbol(format, text);
        let camera = Camera { module: 4.0, ..Camera::default() };
        let reading = read(&taken(&drawn, camera, &mut Dice::new(1)));
        let found = &reading.found[0];
        assert_eq!((found.text.as_str(), found.symbology), (text, symbology));
        assert_eq!(found.pass, Pass::Direct, "a plain picture needs nothing else");
        let half = drawn.columns as f32 * camera.module / 2.0;
        let (left, right) = (320.0 - half, 320.0 + half);
        assert!(
            (found.corners[0].x - left).abs() < 9.0,
            "{symbology:?}: {:?} begins at {left}",
            found.corners
        );
        assert!(
            (found.corners[1].x - right).abs() < 9.0,
            "{symbology:?}: {:?} ends at {right}",
            found.corners
        );
    }
}

/// Pictures that are hard in one way each, and how many of twenty the decoder alone and all passes read.
#[test]
fn the_passes_read_what_the_decoder_alone_does_not() {
    let sharp = Camera { width: 240, height: 240, module: 3.0, noise: 8.0, ..Camera::default() };
    let ways = [
        ("out of focus", Camera { module: 3.0, blur: 2.3, ..sharp }, 18),
        ("dark and noisy", Camera { module: 3.0, ink: 4.0, paper: 22.0, noise: 8.0, ..sharp }, 18),
        ("small", Camera { module: 1.7, blur: 1.0, ..sharp }, 18),
    ];
    let mut won = 0;
    for (way, camera, at_least) in ways {
        let mut dice = Dice::new(way.len() as u64);
        let (mut plain, mut ours) = (0, 0);
        for _ in 0..20 {
            let text = format!("CF1:{}", dice.digits(24));
            let turned = dice.part() * 20.0;
            let picture =
                taken(&symbol(BarcodeFormat::QRCode, &text), Camera { turned, ..camera }, &mut dice);
            plain +=
                usize::from(reader::still::first_look(&picture).found.iter().any(|found| found.text == text));
            let read = texts(&picture);
            ours += usize::from(read.contains(&text));
            assert!(
                read.iter().all(|read| *read == text),
                "{way}: nothing is read as something else: {read:?}"
            );
        }
        assert!(
            ours >= at_least,
            "{way}: {ours} of 20, {at_least} are needed; the decoder alone reads {plain}"
        );
        won += ours - plain.min(ours);
    }
    assert!(won >= 5, "the passes are worth their time: {won} of 60 pictures more");
}

#[test]
fn an_ean_in_a_blur_is_recognised_as_a_whole_or_not_at_all() {
    let mut dice = Dice::new(7);
    let mut read = 0;
    for _ in 0..20 {
        let text = ean(&dice.digits(12));
        let camera = Camera {
            width: 420,
            height: 200,
            module: 3.0,
            blur: 3.4,
            turned: dice.part() * 10.0,
            noise: 10.0,
            ..Camera::default()
        };
        let found = texts(&taken(&symbol(BarcodeFormat::EAN13, &text), camera, &mut dice));
        assert!(found.iter().all(|found| *found == text), "{text} is not read as {found:?}");
        read += found.len();
    }
    assert!(read >= 12, "{read} of 20 were read");
}

/// Bars that are no code, and codes of other kinds that are not asked for.
#[test]
fn bars_that_mean_nothing_are_not_read() {
    let mut dice = Dice::new(8);
    for _ in 0..60 {
        let mut bars = Symbol::of_bars((0..95).map(|_| dice.below(2) == 1));
        bars.rows = 40;
        let blur = dice.part().abs() * 3.0;
        let camera = Camera { width: 420, height: 200, module: 3.0, blur, noise: 10.0, ..Camera::default() };
        assert_eq!(
            texts(&taken(&bars, camera, &mut dice)),
            Vec::<String>::new(),
            "nobody has drawn a code there"
        );
    }
    for (format, text) in [
        (BarcodeFormat::Code39, "ABC123"),
        (BarcodeFormat::ITF, "12345678"),
        (BarcodeFormat::UPCE, "01234565"),
    ] {
        let picture = taken(&symbol(format, text), Camera::default(), &mut dice);
        assert_eq!(texts(&picture), Vec::<String>::new(), "{format} is not looked for");
    }
}

#[test]
fn a_picture_without_work_is_not_read_and_says_so() {
    let picture = taken(&symbol(BarcodeFormat::QRCode, "CF1:1"), Camera::default(), &mut Dice::new(1));
    let mut none = Budget::of(1000);
    assert!(reader::read(&picture, &mut none).is_empty());
    assert!(none.was_too_small(), "whoever reads hears why nothing was read");
    let late = || true;
    let mut over = Budget::until(WORK_MAX, &late);
    assert!(reader::read(&picture, &mut over).is_empty(), "time is up before it began");
    assert_eq!(over.left(), WORK_MAX, "and nothing was spent");
}
