//! The power goes: the app is killed at the worst moments and started again.

use anyhow::{Context, Result, ensure};
use window_tests::{App, Shop, Store, Till, until};

use crate::steps::{NOTHING_WAITS, READY, confirm, scan_for_an_offer};

/// When the power goes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The Enter key has just gone down.
    Key,
    /// The journal on the disk has grown.
    Journal,
    /// The clerk sees the verdict.
    Verdict,
}

const MOMENTS: [Moment; 6] =
    [Moment::Key, Moment::Journal, Moment::Verdict, Moment::Key, Moment::Journal, Moment::Key];

#[tokio::test]
async fn killed_in_the_middle_nothing_counts_twice_and_nothing_is_forgotten() -> Result<()> {
    let shop = Shop::open("killed").await?;
    let till = shop.till(Store::Nanshan)?;
    let coupons: Vec<_> = shop.group("coupon").into_iter().cloned().collect();
    let mut app = App::open(&shop, &till).await?;
    for (round, (moment, coupon)) in MOMENTS.into_iter().zip(&coupons).enumerate() {
        app.sees(READY, "the till is ready").await?;
        scan_for_an_offer(&app, coupon).await?;
        press_and_kill(app, &till, moment).await?;

        app = App::open(&shop, &till).await?;
        app.sees(&format!("{READY}, [data-testid=verdict]"), "the till starts as if nothing had been")
            .await?;
        app.sees(NOTHING_WAITS, "the server was asked what became of it").await?;
        let counted = shop.uses(coupon)?.len();
        ensure!(counted <= 1, "round {round}, killed {moment:?}: {} counts {counted} times", coupon.caption);
        if matches!(moment, Moment::Verdict) {
            ensure!(counted == 1, "the clerk saw the verdict, so it counts");
        }
        if counted == 1 {
            // Whoever looks at the till must learn of it: decided before the restart, or counted unseen.
            app.sees(
                "[data-testid=verdict] [data-testid=before-restart]",
                "what counts is shown after the restart",
            )
            .await?;
            let reason = app.attribute("[data-testid=verdict]", "data-reason").await?;
            ensure!(
                reason == "redeemed" || reason == "counted_unseen",
                "after the restart the till says what became of it, not {reason:?}"
            );
            app.keep_picture(&format!("{round}-{}", reason.replace('_', "-"))).await?;
            if reason == "counted_unseen" {
                app.click("[data-testid=btn-handover]").await?;
                app.sees("[data-testid=verdict][data-class=pass]", "the goods are handed over now").await?;
            }
        }
        if app.has("[data-testid=btn-next]").await? {
            app.click("[data-testid=btn-next]").await?;
        }
    }
    app.kill().await?;
    till.is_free().await?;

    let verified = till.ctl(&["journal", "verify"])?.good().context("the journal is whole")?.json()?;
    ensure!(verified["good"] == true, "six power cuts leave the chain of hashes whole: {verified}");
    let rows = shop.redemptions()?;
    let mut numbers: Vec<_> = rows.iter().map(|row| row["number"].to_string()).collect();
    numbers.sort();
    numbers.dedup();
    ensure!(numbers.len() == rows.len(), "the server has each number once: {rows:?}");
    Ok(())
}

async fn press_and_kill(app: App, till: &Till, moment: Moment) -> Result<()> {
    let before = till.journal_bytes();
    confirm(&app).await?;
    match moment {
        Moment::Key => {}
        Moment::Journal => {
            let grown = async || Ok((till.journal_bytes() != before).then_some(()));
            until("the journal grows when something is confirmed", grown).await?;
        }
        Moment::Verdict => {
            app.sees("[data-testid=verdict][data-class=pass]", "the coupon was good").await?;
        }
    }
    app.kill().await?;
    till.is_free().await
}
