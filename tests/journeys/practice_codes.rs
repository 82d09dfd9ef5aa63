//! The demo chain's practice codes do what their captions promise, at a till of each store.

use tests::Shop;
use tests::shop::{FUTIAN, NANSHAN};
use till::screen::Stage;

#[tokio::test]
async fn each_code_does_what_it_says() {
    let shop = Shop::open_demo().await;
    for (store, name) in [(NANSHAN, "1号收银机"), (FUTIAN, "5号收银机")] {
        let till = shop.till_at(store, name).await;
        let codes = till.till().practice();
        assert!(codes.len() >= 100, "there is plenty to practise with: {}", codes.len());
        for code in codes {
            shop.clock.turn_seconds(5);
            let does = match till.scan(&code.text).await.stage {
                Stage::Offer(_) => "offer".to_owned(),
                Stage::Member(_) => "member".to_owned(),
                Stage::Choice(_) => "choice".to_owned(),
                Stage::Verdict(verdict) => verdict.reason.code().to_owned(),
                other => panic!("{}: nobody expected {other:?}", code.caption),
            };
            assert_eq!(does, code.expect, "{store}: {} ({})", code.caption, code.group);
        }
        assert_eq!(till.redemptions(), 0, "looking counts nothing");
    }
}
