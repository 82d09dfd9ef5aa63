//! Two tills and one coupon.

use anyhow::{Result, ensure};
use window_tests::{App, Shop, Store};

use crate::steps::{NOTHING_WAITS, OFFLINE, READY, next, redeem, verdict, verdict_words};

#[tokio::test]
async fn what_one_till_took_the_other_refuses_or_makes_a_case_of() -> Result<()> {
    let mut shop = Shop::open("two-tills").await?;
    let (here, there) = (shop.till(Store::Nanshan)?, shop.till(Store::Futian)?);
    let app = App::open(&shop, &here).await?;
    app.sees(READY, "the till is signed in").await?;
    let first = shop.code("coupon", "满 100 减 20 券")?;
    let second = shop.code("coupon", "满 200 减 50 券")?;

    there.ctl(&["scan", &first.text, "--confirm"])?.good()?;
    app.keys.scan(&first.text)?;
    app.sees(&format!("{}[data-class=stop]", verdict("used")), "the other till was first").await?;
    let words = verdict_words(&app).await?;
    app.keep_picture("used").await?;
    for word in ["福田店", "2号收银机", "张伟"] {
        ensure!(words.contains(word), "the clerk can tell the customer where and by whom ({word}): {words}");
    }
    ensure!(words.contains(':'), "and when: {words}");

    shop.kill_server();
    let taken = there.ctl(&["scan", &second.text, "--confirm"])?.good()?.json()?;
    ensure!(taken["basis"]["basis"] == "copy", "the other till decided alone: {taken}");
    redeem(&app, &second).await?;
    app.sees(OFFLINE, "this till decided alone too").await?;
    next(&app).await?;

    // The window's till stands still meanwhile, so that it comes second.
    app.freeze();
    shop.start_server()?;
    let synced = there.ctl(&["sync"])?.good();
    app.thaw();
    synced?;
    app.sees(NOTHING_WAITS, "the server has answered for both").await?;
    let cases = shop.cases()?;
    ensure!(cases.len() == 1, "one coupon given out twice is one case, not {cases:?}");
    ensure!(shop.uses(&second)?.len() == 1, "however often it was given out, it counts once");

    app.keys.press("F8")?;
    app.sees("[data-testid=case-row]", "the till that came second shows its case").await?;
    let row = app.text("[data-testid=case-row]").await?;
    app.keep_picture("case").await?;
    for word in ["南山店", "李娜", "福田店", "张伟"] {
        ensure!(row.contains(word), "a case names both sides ({word}): {row}");
    }
    Ok(())
}
