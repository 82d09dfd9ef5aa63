//! The languages, and the switch between them.

use anyhow::{Result, ensure};
use window_tests::{App, Look, Shop, Store, Theme, Tongue};

use crate::steps::{READY, redeem};

#[tokio::test]
async fn the_window_speaks_the_systems_language_and_the_other_at_a_touch() -> Result<()> {
    let shop = Shop::open("languages").await?;
    let till = shop.till(Store::Nanshan)?;
    let look = Look { tongue: Tongue::English, theme: Theme::Light };
    let app = App::open_in(&shop, &till, look).await?;
    app.sees(READY, "the till is signed in").await?;
    ensure!(app.attribute("html", "lang").await? == "en", "an English system gets an English window");
    ensure!(app.text(&format!("{READY} h1")).await? == "Ready to scan", "the words are English too");

    redeem(&app, &shop.code("coupon", "元无门槛券")?).await?;
    let word = app.text("[data-testid=verdict] h1").await?;
    ensure!(word == "Redeemed", "the English word for a pass is not {word:?}");
    app.keep_picture("english").await?;
    app.click("[data-testid=btn-language]").await?;
    app.sees("html[lang^=zh]", "one touch switches the language, without a restart").await?;
    let word = app.text("[data-testid=verdict] h1").await?;
    ensure!(word == "已核销", "the same verdict, in Chinese, is not {word:?}");
    app.keep_picture("chinese").await?;
    app.kill().await?;

    let app = App::open_in(&shop, &till, look).await?;
    app.sees("html[lang^=zh]", "what the clerk chose outlives a restart").await?;
    Ok(())
}

#[tokio::test]
async fn a_chinese_system_gets_a_chinese_window() -> Result<()> {
    let shop = Shop::open("chinese").await?;
    let till = shop.till(Store::Futian)?;
    let app = App::open(&shop, &till).await?;
    app.sees(READY, "the till is signed in").await?;
    ensure!(app.text(&format!("{READY} h1")).await? == "请扫码", "a Chinese system gets Chinese words");
    ensure!(app.attribute("html", "lang").await?.starts_with("zh"), "screen readers are told so");
    app.click("[data-testid=btn-language]").await?;
    app.sees("html[lang=zh-Hant-HK]", "one touch switches to Hong Kong's words").await?;
    ensure!(app.text(&format!("{READY} h1")).await? == "請掃碼", "and characters");
    app.click("[data-testid=btn-language]").await?;
    app.sees("html[lang=en]", "the next one to English").await?;
    ensure!(app.text(&format!("{READY} h1")).await? == "Ready to scan", "and the words with it");
    Ok(())
}
