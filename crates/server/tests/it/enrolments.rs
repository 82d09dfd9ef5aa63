//! Joining a chain, being known, and being barred.

use model::code::{Code, CodeKind};
use reqwest::{Method, StatusCode};
use wire::api::{Enrol, Enrolled, Setup};

use crate::support::{Shop, Till, problem, send};

async fn enrol(shop: &Shop, code: &str, till: &str) -> (StatusCode, String) {
    let body = Enrol { code: code.into(), till: till.into() };
    send(&shop.url(), Method::POST, "/v1/enrolments", "", Some(&body)).await
}

#[tokio::test]
async fn a_code_enrols_one_till_once() {
    let shop = Shop::open().await;
    let code = shop.enrolment_code(&shop.here).await;
    let (status, text) = enrol(&shop, &code.secret().to_lowercase(), "前台").await;
    assert_eq!(status, StatusCode::OK, "however it was typed: {text}");
    let enrolled: Enrolled = serde_json::from_str(&text).unwrap();
    assert_eq!((enrolled.till.as_str(), enrolled.store.name.as_str()), ("前台", "南山店"), "it is named");
    assert_eq!((enrolled.store_key.len(), enrolled.token.len()), (64, 64), "key and token are 32 bytes");

    let (status, text) = enrol(&shop, code.secret(), "前台").await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::GONE, "code_used_up"), "{text}");
}

#[tokio::test]
async fn unknown_foreign_and_old_codes_enrol_nobody() {
    let shop = Shop::open().await;
    let unknown = Code::issue(CodeKind::Enrolment, [1; 17]);
    let coupon = Code::issue(CodeKind::Coupon, [1; 17]);
    for text in [unknown.secret(), coupon.secret(), "nonsense", ""] {
        let (status, answer) = enrol(&shop, text, "").await;
        assert_eq!(
            (status, problem(&answer).error.as_str()),
            (StatusCode::FORBIDDEN, "code_unknown"),
            "{text:?} is no enrolment code of this chain"
        );
    }
    let old = shop.enrolment_code(&shop.here).await;
    shop.clock.turn(601);
    let (status, text) = enrol(&shop, old.secret(), "").await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::GONE, "code_expired"), "{text}");
}

#[tokio::test]
async fn two_tills_of_a_store_are_never_called_the_same() {
    let shop = Shop::open().await;
    let names = [shop.till(&shop.here).await, shop.till(&shop.here).await].map(|till| till.enrolled.till);
    assert_eq!(names, ["1号收银机", "2号收银机"], "the server numbers them");
    let elsewhere = shop.till(&shop.there).await;
    assert_eq!(elsewhere.enrolled.till, "1号收银机", "each store counts for itself");
    assert_ne!(elsewhere.enrolled.store_key, shop.till(&shop.here).await.enrolled.store_key, "keys differ");
}

#[tokio::test]
async fn a_till_without_its_token_is_nobody_and_a_barred_one_may_do_nothing() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let setup: Setup = till.get("/v1/setup").await;
    assert_eq!((setup.store.name.as_str(), setup.practice), ("南山店", false), "it learns who it is");

    for token in ["", "0000"] {
        let (status, text) = send(&shop.url(), Method::GET, "/v1/setup", token, None::<&()>).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::UNAUTHORIZED, "bad_token"),
            "{text}"
        );
    }

    shop.store().revoke(&till.enrolled.device).await.unwrap();
    for (method, path) in paths(&till) {
        let (status, text) = till.call(method, &path, None::<&()>).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::FORBIDDEN, "revoked"),
            "{path}: {text}"
        );
    }
}

fn paths(till: &Till) -> Vec<(Method, String)> {
    let number = "0".repeat(32);
    vec![
        (Method::GET, "/v1/setup".into()),
        (Method::POST, "/v1/lookups".into()),
        (Method::PUT, format!("/v1/redemptions/{number}")),
        (Method::POST, format!("/v1/redemptions/{number}/ask")),
        (Method::POST, format!("/v1/devices/{}/lines", till.enrolled.device)),
        (Method::GET, format!("/v1/feeds/{}", till.enrolled.feed)),
        (Method::GET, "/v1/practice".into()),
    ]
}

/// `send` sees to the version header of each of these answers.
#[tokio::test]
async fn every_answer_says_which_contract_it_is_in() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let cases = [
        (Method::GET, "/healthz", StatusCode::OK),
        (Method::GET, "/readyz", StatusCode::OK),
        (Method::GET, "/nowhere", StatusCode::NOT_FOUND),
        (Method::DELETE, "/v1/setup", StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, "/v1/lookups", StatusCode::BAD_REQUEST),
        (Method::POST, "/v1/redemptions/12/ask", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/feeds/store-1?after=x", StatusCode::BAD_REQUEST),
        (Method::GET, "/v1/feeds/store-2", StatusCode::FORBIDDEN),
    ];
    for (method, path, expected) in cases {
        let (status, text) = till.call(method, path, None::<&()>).await;
        assert_eq!(status, expected, "{path}: {text}");
    }
    let too_long = "x".repeat(5 * 1024 * 1024);
    let (status, text) = till.call(Method::POST, "/v1/lookups", Some(&too_long)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "bodies have a limit: {text}");
}
