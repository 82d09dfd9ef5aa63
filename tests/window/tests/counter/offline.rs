//! The line goes down and comes back.

use anyhow::{Result, ensure};
use window_tests::Shop;

use crate::steps::{
    NOTHING_WAITS, OFFLINE, ONLINE, assert_counted, at_the_counter, confirm, next, redeem, scan_for_an_offer,
};

#[tokio::test]
async fn offline_and_back_a_coupon_counts_once_and_never_looks_vouched_for() -> Result<()> {
    let mut shop = Shop::open("offline-and-back").await?;
    let app = at_the_counter(&shop).await?;
    let online = shop.code("coupon", "满 100 减 20 券")?;
    let offline = shop.code("coupon", "满 50 减 8 券")?;
    redeem(&app, &online).await?;
    let green = app.style("[data-testid=verdict] > *", "background-color").await?;
    next(&app).await?;

    shop.kill_server();
    scan_for_an_offer(&app, &offline).await?;
    app.keep_picture("offer").await?;
    confirm(&app).await?;
    let pass = app
        .sees(
            "[data-testid=verdict][data-class=pass]",
            "the local copy knows the coupon, so the customer need not wait",
        )
        .await?;
    app.sees(OFFLINE, "the clerk is told that the line is down").await?;
    app.sees("[data-testid=status-line][data-waiting='1']", "one redemption waits to be sent").await?;
    app.keep_picture("pass").await?;
    ensure!(pass.attr("data-basis").await?.as_deref() == Some("copy"), "nobody but the copy was asked");
    ensure!(pass.attr("data-unsent").await?.as_deref() == Some("true"), "the server does not know yet");
    let ochre = app.style("[data-testid=verdict] > *", "background-color").await?;
    ensure!(green != ochre, "green is for what the server has confirmed; offline it was {ochre} too");

    shop.start_server()?;
    app.sees(NOTHING_WAITS, "what waited is sent by itself").await?;
    app.sees(ONLINE, "the line is up again").await?;
    app.keep_picture("back").await?;
    assert_counted(&shop, &offline, 1, "because it was sent, and sent once")?;
    assert_counted(&shop, &online, 1, "because the outage did not repeat it")?;
    ensure!(shop.cases()?.is_empty(), "nothing went wrong, so nobody has to look into anything");
    Ok(())
}
