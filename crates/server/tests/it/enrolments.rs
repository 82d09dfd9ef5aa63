//! Joining a chain, being known, and being barred.

use model::code::{Code, CodeKind};
use reqwest::{Method, StatusCode};
use wire::api::{Enrol, Enrolled, Setup};
use wire::codes::hex;
use wire::enrolment::Known;

use crate::signing::{Reply, Signed, sign};
use crate::support::{Shop, Till, problem, send};

fn told(reply: &Reply) -> Enrolled {
    assert_eq!(reply.status, StatusCode::OK, "it is enrolled: {}", reply.text());
    serde_json::from_slice(&reply.body).expect("the contract's answer")
}

#[tokio::test]
async fn a_code_enrols_one_till_once() {
    let shop = Shop::open().await;
    let code = shop.enrolment_code(&shop.here).await;
    let (key, other) = (shop.key(), shop.key());
    let reply = shop.enrol(code.secret(), &key, "前台").await;
    let enrolled = told(&reply);
    assert_eq!((enrolled.till.as_str(), enrolled.store.name.as_str()), ("前台", "南山店"), "it is named");
    assert_eq!((enrolled.store_key.len(), enrolled.answer_key.len()), (64, 64), "both keys are 32 bytes");
    assert!(!reply.text().contains(code.secret()), "the code itself does not travel");

    let late = shop.enrol(code.secret(), &other, "前台").await;
    assert_eq!(late.refused(), (410, "code_used_up".into()), "another till comes too late");
    assert_eq!(shop.store().tills().await.unwrap().len(), 1, "there is one till");
}

#[tokio::test]
async fn a_till_whose_answer_was_lost_asks_again_and_is_told_the_same() {
    let shop = Shop::open().await;
    let code = shop.enrolment_code(&shop.here).await;
    let key = shop.key();
    let request = shop.enrolling(code.secret(), &key, "前台");
    let first = told(&request.send(&shop.url()).await);
    // The very same bytes, and a new request of the same till.
    for reply in [request.send(&shop.url()).await, shop.enrol(code.secret(), &key, "前台").await] {
        let again = told(&reply);
        assert_eq!((again.device, again.till), (first.device.clone(), first.till.clone()), "the same till");
        assert_eq!(again.proof, first.proof, "by the same server");
    }
    assert_eq!(shop.store().tills().await.unwrap().len(), 1, "there is one till");
    shop.clock.turn(601);
    let late = shop.enrol(code.secret(), &key, "前台").await;
    assert_eq!(late.refused(), (410, "code_used_up".into()), "until the code has come to its end");
}

#[tokio::test]
async fn a_key_belongs_to_one_till() {
    let shop = Shop::open().await;
    let key = shop.key();
    told(&shop.enrol(shop.enrolment_code(&shop.here).await.secret(), &key, "").await);
    let second = shop.enrolment_code(&shop.there).await;
    let reply = shop.enrol(second.secret(), &key, "").await;
    assert_eq!(reply.refused(), (409, "key_in_use".into()), "it would be two tills at once");
    told(&shop.enrol(second.secret(), &shop.key(), "").await);
}

#[tokio::test]
async fn whoever_only_listens_can_take_nobodys_place() {
    let shop = Shop::open().await;
    let code = shop.enrolment_code(&shop.here).await;
    let (key, thief) = (shop.key(), shop.key());
    let honest = shop.enrolling(code.secret(), &key, "前台");
    let heard: Enrol = serde_json::from_slice(&honest.body).unwrap();

    let own_key = Enrol { key: hex(&thief.public().to_bytes()), ..heard.clone() };
    let own_name = Enrol { till: "后门".into(), ..heard.clone() };
    let guessed =
        Enrol { proof: hex(&Known::of("a guess").of_till(thief.public(), "前台")), ..own_key.clone() };
    for (enrol, key) in [(&own_key, &thief), (&guessed, &thief), (&own_name, &key)] {
        let body = serde_json::to_vec(enrol).unwrap();
        let forged = Signed::new(&Method::POST, "/v1/enrolments", body, key, shop.clock.seconds());
        let reply = forged.send(&shop.url()).await;
        assert_eq!(reply.refused(), (403, "code_unknown".into()), "the code must be known");
    }
    let mut unsigned = honest.clone();
    unsigned.fields = sign(&honest.asked, &thief, shop.clock.seconds());
    let reply = unsigned.send(&shop.url()).await;
    assert_eq!(reply.refused(), (401, "bad_signature".into()), "and the key must be one's own");
    assert!(shop.store().tills().await.unwrap().is_empty(), "nobody was enrolled");

    let enrolled = told(&honest.send(&shop.url()).await);
    let till = Till { enrolled, url: shop.url(), lines: vec![], key, clock: shop.clock.clone() };
    let proof = hex(&Known::of(code.secret()).of_server(till.key.public(), till.server_key()));
    assert_eq!(till.enrolled.proof, proof, "the server proves that it knows the code, too");
}

#[tokio::test]
async fn unknown_foreign_and_old_codes_enrol_nobody() {
    let shop = Shop::open().await;
    let unknown = Code::issue(CodeKind::Enrolment, [1; 17]);
    let coupon = Code::issue(CodeKind::Coupon, [1; 17]);
    for text in [unknown.secret(), coupon.secret(), "nonsense", ""] {
        let reply = shop.enrol(text, &shop.key(), "").await;
        assert_eq!(reply.refused(), (403, "code_unknown".into()), "{text:?} is no code of this chain");
    }
    let old = shop.enrolment_code(&shop.here).await;
    shop.clock.turn(601);
    let reply = shop.enrol(old.secret(), &shop.key(), "").await;
    assert_eq!(reply.refused(), (410, "code_expired".into()), "it was good for ten minutes");
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
async fn a_till_without_its_key_is_nobody_and_a_barred_one_may_do_nothing() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let setup: Setup = till.get("/v1/setup").await;
    assert_eq!((setup.store.name.as_str(), setup.practice), ("南山店", false), "it learns who it is");

    let (status, text) = send(&shop.url(), Method::GET, "/v1/setup", "cfd_0000", None::<&()>).await;
    let refused = problem(&text).error;
    assert_eq!((status.as_u16(), refused.as_str()), (401, "bad_signature"), "tokens have gone: {text}");

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
