//! Scanners as they are set, machines as they are: real keys through layouts, CapsLock and a Chinese input method.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use window_tests::{
    App, Code, InputMethod, Keyboard, Look, Mark, PLAIN, QUICK, Rule, Setting, Shop, Store, Theme, Tongue,
    passes,
};

use crate::steps::{OFFER, READY, assert_counted, at_the_counter, next, redeem, scan_for_an_offer, verdict};

const TESTS: [&str; 4] = ["digits", "capitals", "signs", "long"];
const LAYOUTS: [&str; 4] = ["us", "de", "fr", "cz"];

#[tokio::test]
async fn every_layout_and_caps_lock_bring_every_character_over_at_two_milliseconds() -> Result<()> {
    let shop = Shop::open("scanner-layouts").await?;
    let app = at_the_counter(&shop).await?;
    let texts = open_the_doctor(&app).await?;
    ensure!(texts[3].chars().count() == 300, "the long test has 300 characters");
    for layout in LAYOUTS {
        for caps_lock in [false, true] {
            let _keyboard = Keyboard::set(layout, caps_lock)?;
            all_exact(&app, &texts, QUICK)
                .await
                .with_context(|| format!("{layout}, CapsLock {caps_lock}"))?;
            let findings = findings(&app).await?;
            let corrected = |finding: &str| findings.contains(&finding.to_owned());
            ensure!(corrected("caps_lock") == caps_lock, "CapsLock is noticed: {findings:?}");
            ensure!(
                corrected("foreign_machine") == (layout != "us" && !caps_lock),
                "so is a foreign layout, as far as CapsLock lets it: {findings:?}"
            );
            app.click("[data-testid=doctor-again]").await?;
            app.sees("[data-testid=doctor-verdict][data-verdict=none]", "it begins again").await?;
        }
    }
    app.keep_picture("doctor").await
}

#[tokio::test]
async fn settings_of_scanners_are_found_out_and_gone_by() -> Result<()> {
    let shop = Shop::open("scanner-settings").await?;
    let app = at_the_counter(&shop).await?;
    let texts = open_the_doctor(&app).await?;
    for (setting, finding) in [
        (QUICK, "all_well"),
        (Setting { suffix: Mark::Tab, ..QUICK }, "all_well"),
        (Setting { suffix: Mark::None, ..QUICK }, "suffix_missing"),
        (Setting { prefix: Mark::Enter, ..QUICK }, "mark_before"),
        (Setting { alt_numbers: true, ..QUICK }, "alt_numbers"),
        (Setting { gap_ms: 24, ..QUICK }, "slow"),
    ] {
        app.keys.press_as(setting, &[&texts[1]], 0)?;
        app.sees(
            "[data-testid=doctor-test-capitals][data-state=exact]",
            &format!("{setting:?} is read whole"),
        )
        .await?;
        let found = findings(&app).await?;
        ensure!(found.contains(&finding.to_owned()), "{setting:?} is {finding}: {found:?}");
        app.keep_picture(&finding.replace('_', "-")).await?;
        app.click("[data-testid=doctor-again]").await?;
        app.sees("[data-testid=doctor-verdict][data-verdict=none]", "it begins again").await?;
    }
    let report = app.text("[data-testid=doctor-report]").await?;
    ensure!(report.contains("南山店"), "the diagnostics say where: {report}");
    app.keys.press_as(QUICK, &[&texts[1]], 0)?;
    app.sees("[data-testid=doctor-finding][data-finding=all_well]", "what is kept").await?;
    ensure!(shop.redemptions()?.is_empty(), "nothing was redeemed by any of it");
    Ok(())
}

#[tokio::test]
async fn what_the_doctor_found_out_outlives_the_window_and_is_told_in_status() -> Result<()> {
    let shop = Shop::open("scanner-kept").await?;
    let till = shop.till(Store::Nanshan)?;
    let app = App::open(&shop, &till).await?;
    app.sees(READY, "the till is signed in").await?;
    let texts = open_the_doctor(&app).await?;
    app.keys.press_as(Setting { suffix: Mark::None, ..QUICK }, &[&texts[0]], 0)?;
    app.sees("[data-testid=doctor-finding][data-finding=suffix_missing]", "there was none").await?;
    app.kill().await?;
    till.is_free().await?;
    let status = till.ctl(&["status"])?.json()?;
    let one = &status["scanners"][0];
    ensure!(
        one["number"] == 1 && one["findings"][0]["code"] == "suffix_missing",
        "status tells of the scanner: {status}"
    );
    let report = till.ctl_in_words(&["scanner", "report"])?.good()?.said;
    ensure!(report.contains("Add Enter"), "and the report says what to do: {report}");
    Ok(())
}

#[tokio::test]
async fn a_chinese_input_method_swallows_nothing_and_what_lands_in_a_field_is_thrown_away() -> Result<()> {
    let shop = Shop::open("scanner-ibus").await?;
    let method = InputMethod::start().await?;
    let till = shop.till(Store::Nanshan)?;
    let app = App::open_with(&shop, &till, PLAIN, Some(&method)).await?;
    app.sees(READY, "the till is signed in").await?;
    method.switch_on().await?;
    let texts = open_the_doctor(&app).await?;
    all_exact(&app, &texts, QUICK).await?;
    let _keyboard = Keyboard::set("us", true)?;
    all_exact(&app, &texts, Setting { gap_ms: 8, ..QUICK }).await?;
    drop(_keyboard);
    app.keys.press("F1")?;
    let coupon = shop.group("coupon")[0].clone();
    app.keys.press_as(QUICK, &[&coupon.text], 0)?;
    app.sees(OFFER, "a coupon is read with the input method on").await?;
    app.kill().await?;

    let fresh = shop.new_till()?;
    let app = App::open_with(&shop, &fresh, PLAIN, Some(&method)).await?;
    app.sees("[data-stage=enrol]", "a till that has joined no chain asks for one").await?;
    method.switch_on().await?;
    let field = "[data-testid=enrol-code]";
    app.click(field).await?;
    app.keys.press_as(Setting { gap_ms: 8, ..QUICK }, &[&coupon.text], 0)?;
    app.sees("[data-testid=scan-strayed]", "the page says that the scan went into a field").await?;
    app.keep_picture("strayed").await?;
    let left = "return [document.querySelector(arguments[0]).value, document.activeElement.tagName]";
    let left = app.run_with(left, vec![field.into()]).await?;
    ensure!(left == json!(["", "BODY"]), "nothing of it is left, and the field has no focus: {left}");
    passes(Rule::Echo).await;
    app.keys.press_as(QUICK, &[&coupon.text], 0)?;
    let filled = format!("{field}[data-text='{}']", coupon.text);
    app.sees(&filled, "the second scan is read whole").await?;
    Ok(())
}

#[tokio::test]
async fn an_enter_before_the_text_confirms_nothing_and_two_scans_are_both_decided() -> Result<()> {
    let shop = Shop::open("scanner-marks").await?;
    let app = at_the_counter(&shop).await?;
    let coupons: Vec<Code> = shop.group("coupon").into_iter().cloned().collect();
    scan_for_an_offer(&app, &coupons[0]).await?;
    passes(Rule::TooSoon).await;
    let prefixed = Setting { prefix: Mark::Enter, suffix: Mark::None, ..QUICK };
    app.keys.press_as(prefixed, &["134567890123456789"], 0)?;
    app.sees(&verdict("payment_wechat"), "the text behind the Enter is read").await?;
    assert_counted(&shop, &coupons[0], 0, "because that Enter was the scanner's")?;
    next(&app).await?;

    let fails: Vec<Code> = shop.group("fails").into_iter().cloned().collect();
    let one = fails.iter().find(|code| code.expect == "expired").context("an expired code")?;
    let other = fails.iter().find(|code| code.expect == "refunded").context("a refunded code")?;
    for suffix in [Mark::Enter, Mark::None] {
        app.keys.press_as(Setting { suffix, ..QUICK }, &[&one.text, &other.text], 150)?;
        app.sees(&verdict("refunded"), "the second of two scans stands").await?;
        let rows = app
            .run("return [...document.querySelectorAll('main ol li')].map((row) => row.innerText)")
            .await?;
        ensure!(
            rows[1].as_str().is_some_and(|row| row.contains("过期")),
            "the first was decided, too: {rows}"
        );
        passes(Rule::Echo).await;
    }
    redeem(&app, &coupons[1]).await?;
    assert_counted(&shop, &coupons[1], 1, "a person's Enter confirms as ever")
}

#[tokio::test]
async fn the_doctor_fits_every_screen_language_and_theme() -> Result<()> {
    let shop = Shop::open("scanner-doctor").await?;
    let till = shop.till(Store::Nanshan)?;
    for (name, tongue, theme) in
        [("zh-light", Tongue::Chinese, Theme::Light), ("en-dark", Tongue::English, Theme::Dark)]
    {
        let app = App::open_in(&shop, &till, Look { tongue, theme }).await?;
        app.sees(READY, "the till is signed in").await?;
        let texts = open_the_doctor(&app).await?;
        let bad = texts[1].replacen('Q', "", 1).to_lowercase();
        app.keys.press_as(Setting { gap_ms: 24, suffix: Mark::None, ..QUICK }, &[&bad], 0)?;
        app.sees("[data-testid=doctor-finding][data-finding=lost]", "a key was lost").await?;
        for (width, height) in [(1366, 768), (1024, 768)] {
            app.keys.resize(width, height)?;
            let settled = format!("return innerWidth === {width} && innerHeight === {height}");
            window_tests::until("the page has the window's size", async || {
                Ok((app.run(&settled).await? == true).then_some(()))
            })
            .await?;
            app.keep_picture(&format!("{name}-{width}")).await?;
            let clipped = app.run(CLIPPED).await?;
            ensure!(clipped == json!([]), "nothing is cut off at {width} × {height}: {clipped}");
        }
        app.kill().await?;
        till.is_free().await?;
    }
    Ok(())
}

/// What sticks out of its box or of the window's width.
const CLIPPED: &str = "return [...document.querySelectorAll('[data-testid=panel-doctor] *')].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1 || one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).display !== 'inline');
}).map((one) => one.tagName + ' ' + (one.dataset.testid ?? one.innerText?.slice(0, 40)))";

/// Opens the doctor and gives the texts of its test codes.
async fn open_the_doctor(app: &App) -> Result<Vec<String>> {
    app.keys.press("F1")?;
    app.sees("[data-testid=panel-doctor]", "F1 opens the scanner doctor").await?;
    let mut texts = vec![];
    for test in TESTS {
        app.click(&format!("[data-testid=doctor-test-{test}]")).await?;
        texts
            .push(app.attribute(&format!("[data-testid=doctor-code][data-test={test}]"), "data-text").await?);
    }
    Ok(texts)
}

/// Scans every test code, and finds that each came as it is.
async fn all_exact(app: &App, texts: &[String], setting: Setting) -> Result<()> {
    for (test, text) in TESTS.into_iter().zip(texts) {
        app.keys.press_as(setting, &[text], 0)?;
        app.sees(
            &format!("[data-testid=doctor-test-{test}][data-state=exact]"),
            &format!("{test} came as it is"),
        )
        .await?;
    }
    Ok(())
}

async fn findings(app: &App) -> Result<Vec<String>> {
    let found = app
        .run("return [...document.querySelectorAll('[data-testid=doctor-finding]')].map((one) => one.dataset.finding)")
        .await?;
    Ok(serde_json::from_value(found)?)
}
