//! What the benches share: times, percentiles, and the table that ends in a verdict.
#![expect(clippy::print_stdout, reason = "a bench speaks by printing")]

use std::process::ExitCode;
use std::time::Duration;

/// A moment of the machine's own clock, which no test turns.
#[derive(Clone, Copy, Debug)]
pub struct Moment(std::time::Instant);

impl Moment {
    /// This moment.
    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
    pub fn now() -> Moment {
        Moment(std::time::Instant::now())
    }

    /// How long ago it was.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// How long it takes.
pub async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let began = Moment::now();
    work.await;
    began.elapsed()
}

/// The smallest time that so many percent of the times do not exceed.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).clamp(1, times.len().max(1)) - 1;
    times.get(place).copied().unwrap_or_default()
}

/// How many times as long.
pub fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

/// In milliseconds.
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// In seconds.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub figure: String,
    /// What it was.
    pub measured: String,
    /// What it is held against, measured in the same run.
    pub baseline: String,
    /// What it may be.
    pub limit: String,
    /// Whether it is.
    pub met: bool,
}

/// Prints the rows as README has them. A bench that misses one of its figures fails.
pub fn table(rows: &[Row]) -> ExitCode {
    println!("\n| figure | measured | baseline in the same run | limit | verdict |\n|---|---|---|---|---|");
    for Row { figure, measured, baseline, limit, met } in rows {
        let verdict = if *met { "met" } else { "MISSED" };
        println!("| {figure} | {measured} | {baseline} | {limit} | {verdict} |");
    }
    if rows.iter().all(|row| row.met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says how far a long preparation has come.
pub fn progress(text: &str) {
    println!("  {text}");
    let _ = std::io::Write::flush(&mut std::io::stdout());
}
