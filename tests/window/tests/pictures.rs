//! README's pictures: the screens of a day at the counter, taken from the app as it is.
//!
//! `cargo xtask pictures` puts them into `docs/pictures`. An ordinary test run takes them too and checks that each is
//! a real one.

use anyhow::{Context, Result};
use window_tests::{
    App, Look, Rule, Shop, Store, Theme, Tongue, assert_real, for_readme, keep, passes, until,
};

/// The private screen of the tests, which the window fills.
const SCREEN: (u32, u32) = (1366, 768);
const READY: &str = "[data-stage=ready]";
const OFFER: &str = "[data-stage=offer] [data-testid=btn-confirm]";
const VERDICT: &str = "[data-testid=verdict].told";

#[tokio::test]
async fn a_day_in_chinese() -> Result<()> {
    take_all("zh-CN", Look { tongue: Tongue::Chinese, theme: Theme::Light }).await
}

#[tokio::test]
async fn a_day_in_english() -> Result<()> {
    take_all("en", Look { tongue: Tongue::English, theme: Theme::Light }).await
}

#[tokio::test]
async fn a_day_in_the_dark() -> Result<()> {
    take_all("dark", Look { tongue: Tongue::Chinese, theme: Theme::Dark }).await
}

/// A till whose screen is photographed.
struct Camera {
    app: App,
    series: &'static str,
}

async fn take_all(series: &'static str, look: Look) -> Result<()> {
    let mut shop = Shop::open(&format!("pictures-{series}")).await?;
    let (here, there) = (shop.till(Store::Nanshan)?, shop.till(Store::Futian)?);
    let camera = Camera { app: App::open_in(&shop, &here, look).await?, series };
    let app = &camera.app;
    app.sees(READY, "the till is signed in").await?;

    orders(&camera, &shop).await?;
    coupons(&camera, &shop).await?;
    refusals(&camera, &shop).await?;
    panels(&camera).await?;

    let (coupon, disputed) = (shop.code("coupon", "8.5 折券")?, shop.code("coupon", "桂花糕兑换券")?);
    shop.kill_server();
    there.ctl(&["scan", &disputed.text, "--confirm"])?.good()?;
    app.keys.scan(&disputed.text)?;
    confirm(app).await?;
    app.keys.scan(&coupon.text)?;
    confirm(app).await?;
    camera.take("pass-offline", &format!("{VERDICT}[data-unsent=true]")).await?;
    app.keys.scan(&shop.code("coupon", "签名券")?.text)?;
    camera.take("offer-signature", OFFER).await?;
    confirm(app).await?;
    camera.take("pass-signature", &format!("{VERDICT}[data-basis=signature]")).await?;
    let unknown = shop.group("fails").into_iter().find(|code| code.expect == "never_issued");
    app.keys.scan(&unknown.context("a code that was never issued")?.text)?;
    camera.take("fault", &format!("{VERDICT}[data-class=fault]")).await?;

    app.freeze();
    shop.start_server()?;
    let synced = there.ctl(&["sync"])?.good();
    app.thaw();
    synced?;
    until("the server knows of the case", async || Ok((!shop.cases()?.is_empty()).then_some(()))).await?;
    next(app).await?;
    camera.take("ready", READY).await?;
    app.keys.press("F8")?;
    camera.take("cases", "[data-testid=case-row]").await?;
    app.keys.press("Escape")?;

    app.click("[data-testid=btn-menu]").await?;
    camera.take("menu", "[data-testid=btn-sign-out]").await?;
    app.click("[data-testid=btn-sign-out]").await?;
    camera.take("sign-in", "[data-stage=sign_in]").await
}

async fn orders(camera: &Camera, shop: &Shop) -> Result<()> {
    let app = &camera.app;
    app.keys.scan(&shop.code("order", "ShopXO")?.text)?;
    camera.take("choice", "[data-stage=choice]").await?;
    app.keys.press("Escape")?;
    app.sees(READY, "none of these was the customer's").await?;
    let order = shop.code("order", "等 5 件")?;
    app.keys.scan(&order.text)?;
    app.sees(OFFER, "the order may be picked up").await?;
    app.click("[data-testid^=item-][data-testid$=-tick]").await?;
    camera.take("offer-order", OFFER).await?;
    confirm(app).await?;
    camera.take("pass-order-in-part", VERDICT).await
}

async fn coupons(camera: &Camera, shop: &Shop) -> Result<()> {
    let app = &camera.app;
    app.keys.scan(&shop.code("member", "金卡")?.text)?;
    camera.take("member", "[data-stage=member]").await?;
    let coupon = shop.code("coupon", "满 100 减 20 券")?;
    app.keys.scan(&coupon.text)?;
    camera.take("offer-coupon", OFFER).await?;
    confirm(app).await?;
    camera.take("pass", VERDICT).await?;
    passes(Rule::Echo).await;
    app.keys.scan(&coupon.text)?;
    camera.take("done", &format!("{VERDICT}[data-class=done]")).await?;
    app.keys.scan(&shop.code("times_card", "剩")?.text)?;
    camera.take("offer-times-card", OFFER).await
}

async fn refusals(camera: &Camera, shop: &Shop) -> Result<()> {
    let app = &camera.app;
    app.keys.scan("134567890123456789")?;
    camera.take("act", &format!("{VERDICT}[data-class=act]")).await?;
    app.keys.scan(&shop.code("fails", "伪造")?.text)?;
    camera.take("stop-forged", &format!("{VERDICT}[data-class=stop]")).await?;
    let used = shop.group("fails").into_iter().find(|code| code.expect == "used").context("a used code")?;
    app.keys.scan(&used.text)?;
    camera.take("stop", &format!("{VERDICT}[data-class=stop]")).await?;
    next(app).await
}

async fn panels(camera: &Camera) -> Result<()> {
    let app = &camera.app;
    app.keys.press("F3")?;
    app.sees("[data-testid=panel-pad]", "F3 opens the pad").await?;
    app.keys.type_by_hand("c7k2m9")?;
    camera.take("pad", "[data-testid=pad-display][data-text=C7K2M9]").await?;
    app.keys.press("F4")?;
    camera.take("history", "[data-testid=panel-history] [data-testid=row]").await?;
    app.keys.press("Escape")?;
    app.click("[data-testid=btn-practice]").await?;
    camera.take("practice", "[data-testid=practice-code] img").await?;
    app.click("[data-testid=btn-close]").await
}

impl Camera {
    /// Takes the picture of what is there once this element is.
    async fn take(&self, name: &str, css: &str) -> Result<()> {
        self.app.sees(css, &format!("the picture {name} shows it")).await?;
        let path = keep(&for_readme()?, &format!("{}-{name}", self.series), &self.app.picture().await?)?;
        assert_real(&path, SCREEN)
    }
}

async fn confirm(app: &App) -> Result<()> {
    app.sees(OFFER, "the code is good").await?;
    passes(Rule::TooSoon).await;
    app.keys.press("Return")?;
    app.sees("[data-testid=verdict][data-class=pass]", "it was confirmed").await?;
    Ok(())
}

async fn next(app: &App) -> Result<()> {
    app.click("[data-testid=btn-next]").await?;
    app.sees(READY, "the card was put aside").await?;
    Ok(())
}
