//! How long a clerk waits: from the scanner's Enter, and from the confirmation, until the answer is painted.
//!
//! Real keys, the real window, the real server beside it; then the same without the server. Prints a Markdown table
//! and ends with 1 when an answer was too slow. Start it with `cargo xtask bench`.
#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use window_tests::{App, Code, Rule, Shop, Store, memory_kib, passes};

/// The 95th percentile of every wait stays below this (ms).
const P95_MAX: f64 = 100.0;
/// Scans that give an offer, and scans that are refused, each online and offline.
const OFFERS: usize = 100;
const REFUSALS: usize = 40;
/// Redemptions, online and offline.
const REDEMPTIONS: usize = 40;

/// One line of the table.
struct Wait {
    what: &'static str,
    line: &'static str,
    times: Vec<f64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let mut shop = Shop::open("bench").await?;
    let till = shop.till(Store::Nanshan)?;
    let app = App::open(&shop, &till).await?;
    app.sees("[data-stage=ready]", "the till is signed in").await?;

    let mut waits = measure(&app, &shop, "online", 0).await?;
    shop.kill_server();
    app.keys.scan(&shop.group("order")[0].text)?;
    app.sees("[data-testid=status-line][data-line=offline]", "the server is gone").await?;
    waits.extend(measure(&app, &shop, "offline", REDEMPTIONS).await?);

    println!("| from Enter to the painted answer | line | times | median | p95 | limit (p95) |");
    println!("|---|---|---:|---:|---:|---:|");
    for wait in &waits {
        let (median, p95) = (percentile(&wait.times, 50)?, percentile(&wait.times, 95)?);
        let Wait { what, line, times } = wait;
        let count = times.len();
        println!("| {what} | {line} | {count} | {median:.0} ms | {p95:.0} ms | {P95_MAX:.0} ms |");
    }
    let (resident, proportional) = memory_kib(app.process())?;
    println!(
        "\nThe till's own process, after all this: {} MiB resident, {} MiB proportional.",
        resident / 1024,
        proportional / 1024
    );
    let slow = waits.iter().filter(|wait| percentile(&wait.times, 95).is_ok_and(|p95| p95 > P95_MAX)).count();
    if slow > 0 {
        println!("\n{slow} of {} waits missed the limit.", waits.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the three waits, with redemptions of what comes after the first `used` codes.
async fn measure(app: &App, shop: &Shop, line: &'static str, used: usize) -> Result<Vec<Wait>> {
    let good: Vec<&Code> = [shop.group("coupon"), shop.group("order"), shop.group("times_card")].concat();
    let fresh: Vec<&Code> = good.iter().skip(used).copied().collect();
    let bad = shop.group("fails");
    ensure!(fresh.len() >= REDEMPTIONS, "the demo chain has enough codes to redeem");
    // Enough for a loaded cache and a warm page.
    for code in bad.iter().take(3) {
        scan(app, code).await?;
    }
    let mut offers = Vec::new();
    // The first ones may be used up: each of the others comes several times.
    for code in fresh.iter().cycle().take(OFFERS) {
        offers.push(scan(app, code).await?);
        app.sees("[data-stage=offer]", "a code that was not used is offered").await?;
    }
    let mut refusals = Vec::new();
    for code in bad.iter().cycle().take(REFUSALS) {
        refusals.push(scan(app, code).await?);
        app.sees("[data-testid=verdict]", "a code that is meant to fail is refused").await?;
    }
    let mut redemptions = Vec::new();
    for code in fresh.iter().take(REDEMPTIONS) {
        scan(app, code).await?;
        passes(Rule::TooSoon).await;
        redemptions.push(measured(app, "confirm-to-paint", || app.keys.press("Return")).await?);
        app.sees("[data-testid=verdict][data-class=pass]", "what was offered is redeemed").await?;
    }
    Ok(vec![
        Wait { what: "scan → offer", line, times: offers },
        Wait { what: "scan → refusal", line, times: refusals },
        Wait { what: "confirmation → verdict", line, times: redemptions },
    ])
}

async fn scan(app: &App, code: &Code) -> Result<f64> {
    measured(app, "scan-to-paint", || app.keys.scan(&code.text)).await
}

/// What the page measured (ms) after `act`.
async fn measured(app: &App, name: &str, act: impl FnOnce() -> Result<()>) -> Result<f64> {
    app.run("performance.clearMeasures()").await?;
    act()?;
    let time = app.run_until_called(NEXT_MEASURE, vec![name.into()]).await?;
    time.as_f64().with_context(|| format!("the page did not measure {name}"))
}

/// Calls back with the first measure of a name, which may be there already.
const NEXT_MEASURE: &str = "const [name, done] = arguments;
    const there = performance.getEntriesByName(name, 'measure')[0];
    if (there) return done(there.duration);
    const watch = new PerformanceObserver((list) => {
        const entry = list.getEntriesByName(name, 'measure')[0];
        if (entry) { watch.disconnect(); done(entry.duration); }
    });
    watch.observe({ type: 'measure', buffered: true });";

/// The nearest rank.
fn percentile(times: &[f64], percent: usize) -> Result<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().context("nothing was measured")
}
