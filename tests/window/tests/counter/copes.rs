//! Starting, and a second program on the same data folder.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use window_tests::{App, Shop, Store};

use crate::steps::READY;

/// From the start of the program to the invitation to scan, in a debug build on a busy machine.
const START_MAX: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_window_invites_to_scan_soon_after_the_start() -> Result<()> {
    let shop = Shop::open("start").await?;
    let till = shop.till(Store::Nanshan)?;
    let starting = async {
        let app = App::open(&shop, &till).await?;
        app.sees(READY, "the till is signed in").await?;
        anyhow::Ok(app)
    };
    let app = tokio::time::timeout(START_MAX, starting).await.context("a clerk does not wait so long")??;
    ensure!(app.text(&format!("{READY} h1")).await? == "请扫码", "the window says 请扫码");
    app.keep_picture("ready").await
}

#[tokio::test]
async fn a_second_program_on_the_same_folder_is_turned_away_in_words() -> Result<()> {
    let shop = Shop::open("second-program").await?;
    let till = shop.till(Store::Nanshan)?;
    let app = App::open(&shop, &till).await?;
    app.sees(READY, "the till is signed in").await?;
    let answer = till.ctl_in_words(&["status"])?;
    ensure!(answer.exit == Some(1), "the folder has one owner at a time: {answer:?}");
    ensure!(
        answer.complained.split_whitespace().count() >= 5 && !answer.complained.contains("os error"),
        "the refusal is a sentence for a person: {answer:?}"
    );
    app.kill().await?;
    till.is_free().await?;
    let answer = till.ctl_in_words(&["status"])?;
    ensure!(answer.exit == Some(0), "once the window is gone the folder is free: {answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_second_window_on_the_same_folder_says_why_it_does_nothing() -> Result<()> {
    let shop = Shop::open("second-window").await?;
    let till = shop.till(Store::Nanshan)?;
    let first = App::open(&shop, &till).await?;
    first.sees(READY, "the till is signed in").await?;
    let second = App::open(&shop, &till).await?;
    second
        .sees("[data-stage=blocked]", "the folder has one owner at a time, and the clerk is told so")
        .await?;
    second.keep_picture("blocked").await?;
    second.kill().await?;
    first.sees(READY, "the first window goes on as if nothing had been").await?;
    Ok(())
}
