//! Everything that a scanner or a person types, and that no key presses what it should not.

use anyhow::{Result, ensure};
use window_tests::{App, Shop};

use crate::steps::{OFFER, READY, assert_counted, at_the_counter, next, redeem, scan_for_an_offer, verdict};

/// WeChat's payment codes have 18 digits and begin with 10 to 15.
const PAYMENT: &str = "134567890123456789";

#[tokio::test]
async fn a_burst_presses_no_button_whichever_has_the_focus() -> Result<()> {
    let shop = Shop::open("burst-and-buttons").await?;
    let app = at_the_counter(&shop).await?;
    let coupons = shop.group("coupon");

    let ready = buttons_pressed_by_bursts(&app, || next(&app)).await?;
    ensure!(ready >= 5, "the ready screen has the language and four panels to open, not {ready} buttons");

    redeem(&app, coupons[1]).await?;
    app.sees("[data-testid=btn-undo]", "a fresh redemption can be undone").await?;
    burst_at(&app, "[data-testid=btn-undo]").await?;
    assert_counted(&shop, coupons[1], 1, "because the scanner's Enter may not undo what had the focus")?;

    scan_for_an_offer(&app, coupons[2]).await?;
    burst_at(&app, "[data-testid=btn-confirm]").await?;
    assert_counted(&shop, coupons[2], 0, "because the scanner's Enter may not confirm what had the focus")?;

    next(&app).await?;
    app.click("[data-testid=btn-menu]").await?;
    burst_at(&app, "[data-testid=btn-sign-out]").await?;
    app.sees(&verdict("payment_wechat"), "the clerk is still signed in").await?;
    app.keep_picture("after-sign-out-had-focus").await
}

/// Gives the focus to one button after the other, scans each time, and says how many there were.
async fn buttons_pressed_by_bursts(app: &App, back: impl AsyncFn() -> Result<()>) -> Result<usize> {
    let count = "return document.querySelectorAll('button:not([disabled])').length";
    let buttons = app.run(count).await?.as_u64().unwrap_or(0) as usize;
    for button in 0..buttons {
        let focus =
            "const one = document.querySelectorAll('button:not([disabled])')[arguments[0]]; one.focus();
            return one.dataset.testid ?? one.innerText";
        let name = app.run_with(focus, vec![button.into()]).await?;
        burst(app, &name.to_string()).await?;
        back().await?;
    }
    // And by the keyboard alone, as somebody without a mouse gets there.
    app.keys.press("Tab")?;
    burst(app, "whatever Tab found").await?;
    back().await?;
    Ok(buttons)
}

async fn burst_at(app: &App, css: &str) -> Result<()> {
    app.sees(css, "it is to have the focus").await?;
    app.run_with("document.querySelector(arguments[0]).focus()", vec![css.into()]).await?;
    burst(app, css).await
}

async fn burst(app: &App, focused: &str) -> Result<()> {
    let listen = "window.pressed ??= document.addEventListener('click', (event) => {
        window.presses.push(event.target.dataset?.testid ?? event.target.tagName);
    }, true) ?? true; window.presses = [];";
    app.run(listen).await?;
    // Two payment codes in turn, since the same one again would be the scanner's echo.
    let turn = app.run("return (window.turn = !window.turn)").await? == true;
    app.keys.scan(if turn { PAYMENT } else { "134567890123456780" })?;
    app.sees(&verdict("payment_wechat"), "the scan was heard although a button had the focus").await?;
    let presses = app.run("return window.presses").await?;
    ensure!(presses == serde_json::json!([]), "a burst with the focus on {focused} pressed {presses}");
    Ok(())
}

#[tokio::test]
async fn texts_that_are_no_code_are_named() -> Result<()> {
    let shop = Shop::open("not-a-code").await?;
    let app = at_the_counter(&shop).await?;
    app.keys.scan(PAYMENT)?;
    app.sees(
        &format!("{}[data-class=act]", verdict("payment_wechat")),
        "a payment code belongs to the cash register",
    )
    .await?;
    app.keep_picture("payment-code").await?;

    let coupon = shop.group("coupon")[0].clone();
    app.keys.scan(&coupon.text[..11])?;
    app.sees(&verdict("damaged"), "half a code is a bad read, not an unknown coupon").await?;
    app.keep_picture("half-a-code").await?;

    app.keys.scan("https://example.com/a?b=C")?;
    app.sees(&verdict("foreign_link"), "a web address is named, and its capitals and signs arrive").await?;
    app.keys.scan(&coupon.text)?;
    app.sees(OFFER, "the same coupon, read in full, is good").await?;
    Ok(())
}

#[tokio::test]
async fn every_code_that_is_meant_to_fail_says_why() -> Result<()> {
    let shop = Shop::open("meant-to-fail").await?;
    let app = at_the_counter(&shop).await?;
    let failing = shop.group("fails");
    ensure!(failing.len() >= 9, "the demo chain has one code for each thing that goes wrong");
    for code in failing {
        app.keys.scan(&code.text)?;
        app.sees(&verdict(&code.expect), &format!("{} is meant to fail like that", code.caption)).await?;
        ensure!(
            app.attribute("[data-testid=verdict]", "data-class").await? != "pass",
            "{} must not look good",
            code.caption
        );
        if code.expect == "used" {
            let words = app.text("[data-testid=verdict]").await?;
            ensure!(
                words.contains("12:41"),
                "the code's caption and the verdict tell of the same moment: {words}"
            );
        }
        app.keep_picture(&code.expect.replace('_', "-")).await?;
    }
    ensure!(shop.redemptions()?.is_empty(), "nothing that fails counts");
    Ok(())
}

#[tokio::test]
async fn a_code_is_typed_on_the_pad_with_real_keys() -> Result<()> {
    let shop = Shop::open("pad").await?;
    let app = at_the_counter(&shop).await?;
    let coupon = shop.group("coupon")[3].clone();
    app.keys.press("F3")?;
    app.sees("[data-testid=panel-pad]", "F3 opens the pad").await?;
    app.keys.type_by_hand(&coupon.text.to_lowercase())?;
    let full = format!("[data-testid=pad-display][data-text='{}']", coupon.text);
    app.sees(&full, "each key typed by hand reaches the pad, in capitals").await?;
    app.keep_picture("typed").await?;
    app.keys.press("Return")?;
    app.sees(OFFER, "Enter checks what was typed").await?;

    next(&app).await?;
    app.keys.press("F3")?;
    app.sees("[data-testid=panel-pad]", "F3 opens the pad again").await?;
    app.keys.scan(&shop.group("coupon")[4].text)?;
    app.sees(OFFER, "a scan while the pad is open is a scan").await?;
    ensure!(!app.has("[data-testid=panel-pad]").await?, "the answer is not hidden behind the pad");
    Ok(())
}

#[tokio::test]
async fn a_click_on_a_practice_code_is_a_scan() -> Result<()> {
    let shop = Shop::open("practice").await?;
    let app = at_the_counter(&shop).await?;
    app.click("[data-testid=btn-practice]").await?;
    app.click("[data-testid=practice-tab-coupon]").await?;
    app.sees("[data-testid=practice-code] img", "practice codes are pictures").await?;
    app.keep_picture("panel").await?;
    app.click("[data-testid=practice-code]").await?;
    app.sees(OFFER, "a click on a coupon's picture is a scan of it").await?;
    app.keep_picture("offer-beside-panel").await?;
    app.click("[data-testid=btn-confirm]").await?;
    app.sees("[data-testid=verdict][data-class=pass]", "the practice coupon was good").await?;
    app.click("[data-testid=btn-close]").await?;
    next(&app).await?;
    app.sees(READY, "practice is over").await?;
    ensure!(shop.redemptions()?.len() == 1, "practice is real at the demo chain's server");
    Ok(())
}
