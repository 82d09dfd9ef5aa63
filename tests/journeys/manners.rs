//! How a till treats a server that is slow, busy, or told of something by somebody else.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use model::verdict::Silence;
use tests::hands::SeededDice;
use tests::programs::{ended, programs};
use tests::shop::NANSHAN;
use tests::{Shop, TurnedClock};
use till::Till;
use till::folder::Folder;
use till::link::{LinkError, reach};
use till::real::Clock;
use till::till::LineState;
use till::transport::{HeaderMap, HeaderValue, Reply, Request, StatusCode, Transport};

/// The way to a server, on which calls take time by the till's clock, or end at something that is too busy.
struct Way {
    server: Arc<dyn Transport>,
    clock: Arc<TurnedClock>,
    seconds_a_call: Mutex<i64>,
    busy: Mutex<Option<(StatusCode, &'static str)>>,
    calls: AtomicU32,
}

#[async_trait]
impl Transport for Way {
    async fn carry(&self, request: Request, deadline: Duration) -> Result<Reply, Silence> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let busy = *self.busy.lock().unwrap();
        if let Some((status, after)) = busy {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static(after));
            return Ok(Reply { status, headers, body: vec![] });
        }
        self.clock.turn_seconds(*self.seconds_a_call.lock().unwrap());
        self.server.carry(request, deadline).await
    }
}

async fn till_on(shop: &Shop, folder: &std::path::Path) -> (Till, Arc<Way>) {
    let server = reach(&shop.url()).unwrap();
    let (seconds_a_call, busy, calls) = (Mutex::new(0), Mutex::default(), AtomicU32::new(0));
    let way = Arc::new(Way { server, clock: shop.clock.clone(), seconds_a_call, busy, calls });
    let over = way.clone();
    let reach = move |_: &str| Ok(over.clone() as Arc<dyn Transport>);
    let folder = Folder::open(folder).unwrap();
    let dice = Arc::new(SeededDice::new(911));
    let till = Till::open_over(folder, shop.clock.clone(), dice, Arc::new(reach)).unwrap();
    till.enrol(&shop.url(), shop.enrolment(NANSHAN).await.secret(), "").await.unwrap();
    till.round().await.unwrap();
    (till, way)
}

#[tokio::test]
async fn a_slow_line_is_said_to_be_slow_and_then_to_be_well() {
    let shop = Shop::open().await;
    let folder = tempfile::tempdir().unwrap();
    let (till, way) = till_on(&shop, folder.path()).await;
    *way.seconds_a_call.lock().unwrap() = 1;
    for _ in 0..5 {
        till.probe().await;
    }
    assert_eq!(till.standing().line, Some(LineState::Slow), "a second for each call is felt");
    *way.seconds_a_call.lock().unwrap() = 0;
    for _ in 0..3 {
        till.round().await.unwrap();
    }
    assert_eq!(till.standing().line, Some(LineState::Online), "its rounds find out that it is well again");
    *way.seconds_a_call.lock().unwrap() = 2;
    for _ in 0..2 {
        till.probe().await;
    }
    let down = Some(LineState::Offline(Silence::TimedOut));
    assert_eq!(till.standing().line, down, "an answer that comes after the deadline is none");
}

#[tokio::test]
async fn a_server_that_asks_for_time_is_given_it() {
    let shop = Shop::open().await;
    let folder = tempfile::tempdir().unwrap();
    let (till, way) = till_on(&shop, folder.path()).await;
    let silent = Some(LinkError::Silent(Silence::ServerFault));
    for (status, after, asked) in
        [(StatusCode::TOO_MANY_REQUESTS, "20", 20), (StatusCode::SERVICE_UNAVAILABLE, "86400", 300)]
    {
        *way.busy.lock().unwrap() = Some((status, after));
        assert_eq!(till.probe().await, silent, "{status}: it is too busy");
        *way.busy.lock().unwrap() = None;
        let calls = way.calls.load(Ordering::SeqCst);
        shop.clock.turn_seconds(asked - 1);
        assert_eq!(till.probe().await, silent, "{status}: nobody knocks before the time is over");
        assert_eq!(way.calls.load(Ordering::SeqCst), calls, "{status}: not even quietly");
        shop.clock.turn_seconds(1);
        assert_eq!(till.probe().await, None, "{status}: then it answers");
        assert_eq!(till.probe().await, None, "{status}: and is believed");
    }
    assert!(shop.clock.monotonic().0 > 0, "all of it by the till's own clock");
}

#[tokio::test]
async fn what_another_process_changes_reaches_an_idle_till_within_two_seconds() {
    let shop = Shop::open().await;
    let mut till = shop.till("1号收银机").await;
    till.keep_in_sync();
    let before = till.standing().entitlements;
    till.cord
        .has_seen("the till waits at the server", |requests| {
            requests.iter().filter(|request| matches!(request, tests::cord::Request::Feed)).count() >= 3
        })
        .await;
    // The program of the command line, on the same database as the server of this test.
    let words = ["issue", "coupon", "--title", "满 100 减 20 券", "--amount-off", "20"];
    let issued = programs().server(&shop.server_folder(), &words);
    let issued = tokio::task::spawn_blocking(move || ended(issued)).await.unwrap();
    issued.json_with(0, "it is issued");
    let heard = till.until("the coupon has come", |now| now.entitlements > before);
    let heard = tokio::time::timeout(Duration::from_secs(2), heard).await;
    assert!(heard.is_ok(), "two seconds after the other process had ended the till knows of it");
}
