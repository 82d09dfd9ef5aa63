//! How many of the codes in a corpus of photographs, screenshots and made images are read, and what that costs; next to the
//! decoder alone, as it comes, on the same pictures in the same run.
//!
//! The corpus lies beside the checkout (`../shared/scan-corpus`); `COUNTERFOIL_CORPUS` names another folder with a
//! `manifest.tsv`, such as `make_synthetic.py` writes. Texts are compared as the corpus says. Times are CPU time of one thread
//! from brightness in memory. `-- --categories` prints every category, `-- --misses` each file that was not read.
#![expect(clippy::print_stdout, reason = "a bench speaks by printing")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use reader::{Budget, Live, Luma};
use zxingcpp::{BarcodeFormat, BarcodeReader, ImageFormat, ImageView};

#[path = "scan/corpus.rs"]
mod corpus;
#[path = "scan/cpu.rs"]
mod cpu;

use corpus::{Kind, Picture};
use cpu::CpuTime;

/// Said after `--`, to fail where there is no corpus instead of saying so only.
const MUST: &str = "--must";
/// What is aimed at, and what must be reached (%).
const QR: (f64, f64) = (92.0, 89.0);
const BARS: (f64, f64) = (90.0, 88.0);
const FIRST_MS_MAX: f64 = 3.0;
const CHAIN_MS_MAX: f64 = 150.0;
const LIVE_MS_MAX: f64 = 60.0;
/// Frames that a camera is taken to show of each picture.
const LIVE_FRAMES: usize = 8;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let said = |word: &str| words.iter().any(|given| given == word);
    let folder = std::env::var_os("COUNTERFOIL_CORPUS")
        .map_or_else(|| tests::programs::root().join("../shared/scan-corpus"), PathBuf::from);
    let pictures = match corpus::read(&folder) {
        Ok(pictures) => pictures,
        Err(error) => {
            println!(
                "There is no corpus to read: {error}. Lay one beside the checkout as ../shared/scan-corpus, or name its folder in \
                 COUNTERFOIL_CORPUS; `make_synthetic.py --out DIR` of the corpus makes one."
            );
            return if said(MUST) { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let results: Vec<Result> = pictures.iter().map(look).collect();
    if said("--misses") {
        results.iter().filter(|result| !result.is_good()).for_each(|result| println!("{}", result.line()));
    }
    if said("--categories") {
        categories(&results);
    }
    let met = summary(&results);
    passes(&results);
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What both made of a picture.
struct Result<'a> {
    picture: &'a Picture,
    pixels: (usize, usize),
    plain: Seen,
    ours: Seen,
    /// The pass that read it.
    pass: Option<&'static str>,
    /// The CPU milliseconds of the first pass alone.
    first_ms: f64,
    /// The CPU milliseconds of a frame in live mode, on average.
    live_ms: f64,
}

/// What one decoder read of a picture.
struct Seen {
    texts: Vec<String>,
    ms: f64,
}

fn look(picture: &Picture) -> Result<'_> {
    let luma = picture.luma();
    let (plain, first_ms) = (plain(&luma), first(&luma));
    let time = CpuTime::now();
    let reading = reader::read(&luma, &mut Budget::of(reader::still::WORK_MAX));
    let ms = time.passed_ms();
    let texts = reading.found.iter().map(|found| found.text.clone()).collect();
    Result {
        picture,
        pixels: (luma.width(), luma.height()),
        plain,
        ours: Seen { texts, ms },
        pass: reading.found.first().map(|found| found.pass.code()),
        first_ms,
        live_ms: live(&luma),
    }
}

/// The decoder as it comes, all that it can do switched on, looking for the same symbols.
fn plain(luma: &Luma) -> Seen {
    let formats = [
        BarcodeFormat::QRCode,
        BarcodeFormat::MicroQRCode,
        BarcodeFormat::Code128,
        BarcodeFormat::EAN13,
        BarcodeFormat::EAN8,
    ];
    let time = CpuTime::now();
    let view = ImageView::from_slice(luma.pixels(), luma.width(), luma.height(), ImageFormat::Lum);
    let read = BarcodeReader::new().formats(formats).from(&view.expect("it has pixels")).unwrap_or_default();
    let texts = read.iter().map(zxingcpp::Barcode::text).collect();
    Seen { texts, ms: time.passed_ms() }
}

/// What the first pass costs.
fn first(luma: &Luma) -> f64 {
    let time = CpuTime::now();
    std::hint::black_box(reader::still::first_look(luma));
    time.passed_ms()
}

/// What a frame costs on average while a camera shows the picture; each frame is a little different.
fn live(luma: &Luma) -> f64 {
    let (width, height) = (luma.width(), luma.height());
    let frames: Vec<Luma> = (0..LIVE_FRAMES)
        .map(|number| {
            let mut pixels = luma.pixels().to_vec();
            pixels[number] ^= 1;
            Luma::new(width, height, pixels).expect("as large as before")
        })
        .collect();
    let mut eye = Live::new();
    let time = CpuTime::now();
    for frame in &frames {
        std::hint::black_box(eye.look(frame));
    }
    time.passed_ms() / LIVE_FRAMES as f64
}

impl Result<'_> {
    fn is_good(&self) -> bool {
        let share = self.picture.share(&self.ours.texts);
        share.is_none_or(|share| share >= 1.0) && self.picture.wrong(&self.ours.texts).is_empty()
    }

    fn line(&self) -> String {
        let share = self.picture.share(&self.ours.texts).unwrap_or_default();
        let wrong = self.picture.wrong(&self.ours.texts);
        format!("{} {share:.2} of {:?}, wrong {wrong:?}", self.picture.file, self.picture.expected)
    }
}

fn categories(results: &[Result<'_>]) {
    let mut by: BTreeMap<&str, Vec<&Result<'_>>> = BTreeMap::new();
    for result in results {
        by.entry(&result.picture.category).or_default().push(result);
    }
    println!("\n| category | n | zxing-cpp | ours | false: zxing-cpp / ours |\n|---|---|---|---|---|");
    for (category, results) in by {
        let counted = results.iter().filter(|result| result.picture.share(&[]).is_some()).count();
        let (plain, ours) =
            (recall(results.iter().copied(), plain_of), recall(results.iter().copied(), ours_of));
        let (wrong, wrong_ours) =
            (wrong(results.iter().copied(), plain_of), wrong(results.iter().copied(), ours_of));
        println!("| {category} | {counted} | {plain:.1} | {ours:.1} | {wrong} / {wrong_ours} |");
    }
}

fn plain_of<'a>(result: &'a Result<'_>) -> &'a Seen {
    &result.plain
}

fn ours_of<'a>(result: &'a Result<'_>) -> &'a Seen {
    &result.ours
}

/// The mean over pictures of the share of expected texts that were read (%).
fn recall<'a>(results: impl Iterator<Item = &'a Result<'a>>, of: fn(&'a Result<'a>) -> &'a Seen) -> f64 {
    let shares: Vec<f64> = results.filter_map(|result| result.picture.share(&of(result).texts)).collect();
    100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

/// How many texts were read that are not there.
fn wrong<'a>(results: impl Iterator<Item = &'a Result<'a>>, of: fn(&'a Result<'a>) -> &'a Seen) -> usize {
    results.map(|result| result.picture.wrong(&of(result).texts).len()).sum()
}

/// False texts on QR codes, on bar codes, and where there is no code.
fn falses<'a>(results: &'a [Result<'a>], of: fn(&'a Result<'a>) -> &'a Seen) -> String {
    let count = |kind: Kind| wrong(results.iter().filter(|result| result.picture.kind() == kind), of);
    format!("{} / {} / {}", count(Kind::Square), count(Kind::Bars), count(Kind::None))
}

/// The limit in words, and whether the aim is reached too.
fn goal(rate: f64, (goal, floor): (f64, f64)) -> String {
    let reached = if rate >= goal { "reached" } else { "not reached" };
    format!("≥ {floor} %; the aim of {goal} % is {reached}")
}

fn summary(results: &[Result<'_>]) -> bool {
    let of = |kind: Kind| results.iter().filter(move |result| result.picture.kind() == kind);
    let hd = || results.iter().filter(|result| result.pixels == (1280, 720));
    let first = Spread::of(results.iter().map(|result| result.first_ms));
    let (plain, ours) =
        (Spread::of(results.iter().map(|r| r.plain.ms)), Spread::of(results.iter().map(|r| r.ours.ms)));
    let (plain_hd, ours_hd) = (Spread::of(hd().map(|r| r.plain.ms)), Spread::of(hd().map(|r| r.ours.ms)));
    let live = Spread::of(hd().map(|result| result.live_ms));
    let false_none = wrong(of(Kind::None), ours_of);
    let rate = |kind: Kind| (recall(of(kind), ours_of), recall(of(kind), plain_of));
    let ((qr, qr_plain), (bars, bars_plain)) = (rate(Kind::Square), rate(Kind::Bars));
    let row = |figure: &str, ours: String, plain: String, limit: String, met: bool| {
        println!("| {figure} | {ours} | {plain} | {limit} | {} |", if met { "met" } else { "MISSED" });
        met
    };
    println!(
        "\n{} pictures\n\n| figure | ours | zxing-cpp | limit | verdict |\n|---|---|---|---|---|",
        results.len()
    );
    let percent = |rate: f64| format!("{rate:.1} %");
    let ms = |ms: f64| format!("{ms:.1} ms");
    let times = |spread: &Spread| format!("{} (p95 {})", ms(spread.median), ms(spread.p95));
    [
        row("QR codes read", percent(qr), percent(qr_plain), goal(qr, QR), qr >= QR.1),
        row("Bar codes read", percent(bars), percent(bars_plain), goal(bars, BARS), bars >= BARS.1),
        row(
            "False texts: on QR / bar codes / no code",
            falses(results, ours_of),
            falses(results, plain_of),
            "0 where there is no code".to_owned(),
            false_none == 0,
        ),
        row(
            "First pass, median (p95)",
            times(&first),
            "–".to_owned(),
            format!("{FIRST_MS_MAX} ms"),
            first.median <= FIRST_MS_MAX,
        ),
        row("All passes, native size, median (p95)", times(&ours), times(&plain), "–".to_owned(), true),
        row(
            "All passes, 1280 × 720",
            times(&ours_hd),
            times(&plain_hd),
            format!("p95 {CHAIN_MS_MAX} ms"),
            ours_hd.p95 <= CHAIN_MS_MAX,
        ),
        row(
            "A frame in live mode, 1280 × 720, mean (p95)",
            format!("{} (p95 {})", ms(live.mean), ms(live.p95)),
            "–".to_owned(),
            format!("mean {LIVE_MS_MAX} ms"),
            live.mean <= LIVE_MS_MAX,
        ),
    ]
    .into_iter()
    .all(|met| met)
}

fn passes(results: &[Result<'_>]) {
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    for pass in results.iter().filter_map(|result| result.pass) {
        *by.entry(pass).or_default() += 1;
    }
    let told: Vec<String> = by.iter().map(|(pass, count)| format!("{pass} {count}")).collect();
    println!("\nPictures read by pass: {}.", told.join(", "));
}

/// Milliseconds of many pictures.
struct Spread {
    mean: f64,
    median: f64,
    p95: f64,
}

impl Spread {
    fn of(ms: impl Iterator<Item = f64>) -> Spread {
        let mut ms: Vec<f64> = ms.collect();
        ms.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let place = (ms.len() * percent).div_ceil(100).max(1) - 1;
            ms.get(place).copied().unwrap_or_default()
        };
        Spread { mean: ms.iter().sum::<f64>() / ms.len().max(1) as f64, median: at(50), p95: at(95) }
    }
}
