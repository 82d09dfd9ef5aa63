//! What several tests do in the same way.

use anyhow::{Result, ensure};
use window_tests::{App, Code, Rule, Shop, Store, passes};

/// A signed-in till at 南山店, its window, and the invitation to scan on it.
pub async fn at_the_counter(shop: &Shop) -> Result<App> {
    let till = shop.till(Store::Nanshan)?;
    let app = App::open(shop, &till).await?;
    app.sees(READY, "a signed-in till invites the clerk to scan").await?;
    app.sees(ONLINE, "the server answers").await?;
    Ok(app)
}

pub const READY: &str = "[data-stage=ready]";
pub const OFFER: &str = "[data-stage=offer] [data-testid=btn-confirm]";
pub const ONLINE: &str = "[data-testid=status-line][data-line=online]";
pub const OFFLINE: &str = "[data-testid=status-line][data-line=offline]";
pub const NOTHING_WAITS: &str = "[data-testid=status-line][data-waiting='0']";

/// A verdict with this reason.
pub fn verdict(reason: &str) -> String {
    format!("[data-testid=verdict][data-reason={reason}]")
}

/// Scans a code that may be taken.
pub async fn scan_for_an_offer(app: &App, code: &Code) -> Result<()> {
    app.keys.scan(&code.text)?;
    app.sees(OFFER, &format!("{} may be taken", code.caption)).await?;
    Ok(())
}

/// Scans a code that may be taken, and confirms with the Enter key.
pub async fn redeem(app: &App, code: &Code) -> Result<()> {
    scan_for_an_offer(app, code).await?;
    confirm(app).await?;
    app.sees("[data-testid=verdict][data-class=pass]", &format!("{} was confirmed", code.caption)).await?;
    Ok(())
}

/// Confirms the offer on the screen with the Enter key.
pub async fn confirm(app: &App) -> Result<()> {
    passes(Rule::TooSoon).await;
    app.keys.press("Return")
}

/// The words of the verdict, with the facts that take over from the full colour after a moment.
pub async fn verdict_words(app: &App) -> Result<String> {
    app.sees("[data-testid=verdict].told", "after the full colour the facts take over").await?;
    app.text("[data-testid=verdict]").await
}

/// Puts the card on the screen aside.
pub async fn next(app: &App) -> Result<()> {
    app.click("[data-testid=btn-next]").await?;
    app.sees(READY, "the card was put aside").await?;
    Ok(())
}

/// Fails unless the server counts this code so many times.
pub fn assert_counted(shop: &Shop, code: &Code, times: usize, why: &str) -> Result<()> {
    let uses = shop.uses(code)?;
    ensure!(uses.len() == times, "{} should count {times} times, {why}; it has {uses:?}", code.caption);
    Ok(())
}
