//! The line is up: the server is asked and says so.

use anyhow::{Result, ensure};
use window_tests::{App, Rule, Shop, Store, passes};

use crate::steps::{
    NOTHING_WAITS, OFFER, READY, assert_counted, at_the_counter, confirm, next, redeem, scan_for_an_offer,
    verdict, verdict_words,
};

#[tokio::test]
async fn scanned_online_a_coupon_counts_exactly_once() -> Result<()> {
    let shop = Shop::open("scan-online").await?;
    let till = shop.till(Store::Nanshan)?;
    let app = App::open(&shop, &till).await?;
    sign_out_and_in(&app).await?;
    let coupon = shop.code("coupon", "元无门槛券")?;

    scan_for_an_offer(&app, &coupon).await?;
    app.keep_picture("offer").await?;
    assert_counted(&shop, &coupon, 0, "because an offer alone takes nothing")?;
    confirm(&app).await?;
    let pass = app.sees("[data-testid=verdict][data-class=pass]", "the coupon was good").await?;
    app.keep_picture("pass").await?;
    ensure!(pass.attr("data-basis").await?.as_deref() == Some("server"), "online the server decides");
    ensure!(
        pass.attr("data-unsent").await?.as_deref() == Some("false"),
        "what the server has said need not be sent"
    );
    ensure!(app.text("[data-testid=verdict] h1").await? == "已核销", "the word for a pass is 已核销");

    passes(Rule::Echo).await;
    app.keys.scan(&coupon.text)?;
    app.sees(
        &verdict("used_here_just_now"),
        "the same clerk did it moments ago, which is no reason to accuse the customer",
    )
    .await?;
    app.keep_picture("done").await?;
    ensure!(
        app.attribute("[data-testid=verdict]", "data-class").await? == "done",
        "done a moment ago is a class of its own"
    );
    let rows = shop.redemptions()?;
    ensure!(rows.len() == 1, "two scans and one confirmation are one redemption, not {rows:?}");
    assert_counted(&shop, &coupon, 1, "because it was confirmed once")
}

async fn sign_out_and_in(app: &App) -> Result<()> {
    app.sees(READY, "the till starts signed in").await?;
    app.click("[data-testid=btn-menu]").await?;
    app.click("[data-testid=btn-sign-out]").await?;
    app.sees("[data-stage=sign_in]", "nobody is signed in any more").await?;
    choose(app, "李娜").await?;
    for digit in ["1", "1", "1", "1"] {
        app.click(&format!("[data-testid=pin-{digit}]")).await?;
    }
    app.click("[data-testid=btn-sign-in]").await?;
    app.sees("[data-stage=sign_in] [data-testid=pin-display][data-length='0']", "a wrong PIN is forgotten")
        .await?;
    app.keep_picture("wrong-pin").await?;
    for digit in ["1", "2", "3", "4"] {
        app.click(&format!("[data-testid=pin-{digit}]")).await?;
    }
    app.sees("[data-testid=pin-display][data-length='4']", "four keys were tapped").await?;
    app.click("[data-testid=btn-sign-in]").await?;
    app.sees(READY, "the PIN was right").await?;
    Ok(())
}

async fn choose(app: &App, name: &str) -> Result<()> {
    let script = "[...document.querySelectorAll('[data-testid^=staff-]')]
        .find((one) => one.innerText.includes(arguments[0])).click()";
    app.run_with(script, vec![name.into()]).await?;
    Ok(())
}

#[tokio::test]
async fn an_order_is_picked_up_in_parts() -> Result<()> {
    let shop = Shop::open("order-in-part").await?;
    let app = at_the_counter(&shop).await?;
    // 3 pieces on 2 lines, one of which is 2 pieces.
    let order = shop.code("order", "等 3 件")?;

    scan_for_an_offer(&app, &order).await?;
    let minus = app.sees("[data-testid^=item-][data-testid$=-minus]", "each line has a stepper").await?;
    let sku = minus.attr("data-testid").await?.unwrap_or_default().replace("item-", "").replace("-minus", "");
    app.click(&format!("[data-testid=item-{sku}-plus]")).await?;
    app.keep_picture("one-ticked").await?;
    ensure!(app.text(OFFER).await?.contains("1/3"), "the button says how many of how many are taken");
    confirm(&app).await?;
    app.sees(&verdict("partly_picked_up"), "only a part was taken").await?;
    app.keep_picture("partly").await?;

    passes(Rule::Echo).await;
    scan_for_an_offer(&app, &order).await?;
    let lines = app.text("[data-stage=offer] ul").await?;
    app.keep_picture("rest-offered").await?;
    let left = shop.server(&["show", &order.text])?["left"].clone();
    let left_of_it = left.as_array().into_iter().flatten().find(|line| line["sku"] == sku.as_str());
    let gone = left_of_it.is_some_and(|line| line["left"] == 0);
    ensure!(
        if gone { lines.contains("已取完") || lines.contains("取完") } else { lines.contains("1/2") },
        "the line that was taken from says so (server: {left}): {lines}"
    );
    confirm(&app).await?;
    app.sees(&verdict("picked_up"), "the rest was taken").await?;
    app.keep_picture("all").await?;
    let taken: i64 = shop
        .uses(&order)?
        .iter()
        .flat_map(|use_| use_["takes"].as_array().cloned().unwrap_or_default())
        .filter_map(|take| take["quantity"].as_i64())
        .sum();
    ensure!(taken == 3, "the two parts are the whole order at the server, not {taken} pieces");
    Ok(())
}

#[tokio::test]
async fn a_member_card_leads_to_a_coupon() -> Result<()> {
    let shop = Shop::open("member").await?;
    let app = at_the_counter(&shop).await?;
    let member = shop.code("member", "会员")?;
    app.keys.scan(&member.text)?;
    app.sees("[data-stage=member]", "a member code shows the card").await?;
    app.keep_picture("card").await?;
    app.click("[data-testid^=coupon-]").await?;
    app.sees(OFFER, "one of the member's coupons was chosen").await?;
    confirm(&app).await?;
    app.sees("[data-testid=verdict][data-class=pass][data-basis=server]", "the member's coupon was good")
        .await?;
    let rows = shop.redemptions()?;
    ensure!(rows.len() == 1, "choosing and confirming is one redemption, not {rows:?}");
    Ok(())
}

#[tokio::test]
async fn a_times_card_counts_down_and_an_undo_counts_up() -> Result<()> {
    let shop = Shop::open("times-card").await?;
    let app = at_the_counter(&shop).await?;
    let card = shop.code("times_card", "剩")?;
    let before = left(&shop, &card)?;

    redeem(&app, &card).await?;
    let facts = verdict_words(&app).await?;
    app.keep_picture("used-once").await?;
    ensure!(left(&shop, &card)? == before - 1, "one use was taken");
    ensure!(facts.contains(&(before - 1).to_string()), "the verdict says how many are left: {facts}");
    let used = shop.uses(&card)?.len();

    app.click("[data-testid=btn-undo]").await?;
    app.sees(&verdict("undone"), "undo is offered for a while, and was pressed").await?;
    app.keep_picture("undone").await?;
    app.sees(NOTHING_WAITS, "the server has heard of the undo").await?;
    ensure!(left(&shop, &card)? == before, "an undone use is there again");
    ensure!(shop.uses(&card)?.len() == used - 1, "an undone redemption no longer counts");

    passes(Rule::Echo).await;
    scan_for_an_offer(&app, &card).await?;
    next(&app).await?;
    app.keys.press("F4")?;
    app.sees("[data-testid=row][data-sync=undone]", "the history keeps what was undone").await?;
    app.keep_picture("history").await
}

fn left(shop: &Shop, card: &window_tests::Code) -> Result<i64> {
    Ok(shop.server(&["show", &card.text])?["left"][0]["left"].as_i64().unwrap_or(-1))
}
