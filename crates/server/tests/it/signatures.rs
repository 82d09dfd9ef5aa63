//! What stands between a till and its server may listen, keep, repeat, change and invent. Each is refused in its own
//! word, and a till is told the time and its fate by nobody but its server.

use reqwest::Method;
use wire::api::{Lookup, Setup};
use wire::signature::{Asked, Digest};

use crate::signing::{Reply, Signed, sign};
use crate::support::{Shop, Till, coupon};

fn asks(till: &Till) -> Signed {
    let lookup = Lookup::Id { id: "coupon-0".into() };
    till.signed(Method::POST, "/v1/lookups", serde_json::to_vec(&lookup).unwrap())
}

/// Sends it from wherever; the answer must be signed, so that the till can believe it.
async fn refused(till: &Till, request: &Signed) -> (u16, String) {
    till.send(request).await.refused()
}

#[tokio::test]
async fn a_request_that_was_changed_on_its_way_is_refused() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let id = shop.issue(coupon(1)).await.id;
    let good = asks(&till);

    let mut body = good.clone();
    body.body = serde_json::to_vec(&Lookup::Id { id: id.clone() }).unwrap();
    assert_eq!(refused(&till, &body).await, (400, "bad_digest".into()), "another body");

    let mut both = body.clone();
    both.asked.digest = Digest::of(&both.body);
    assert_eq!(refused(&till, &both).await, (401, "bad_signature".into()), "with its digest, too");

    let number = shop.number();
    let redeem = serde_json::to_vec(&till.asking(&id)).unwrap();
    let honest = till.signed(Method::PUT, &format!("/v1/redemptions/{number}"), redeem);
    let elsewhere = Signed {
        asked: Asked { path: format!("/v1/redemptions/{}", shop.number()), ..honest.asked.clone() },
        ..honest.clone()
    };
    assert_eq!(refused(&till, &elsewhere).await, (401, "bad_signature".into()), "another number");
    let later = Signed { asked: Asked { epoch: 2, ..honest.asked.clone() }, ..honest.clone() };
    assert_eq!(refused(&till, &later).await, (401, "bad_signature".into()), "another epoch");
    let feed = till.signed(Method::GET, &format!("/v1/feeds/{}?after=0", till.enrolled.feed), vec![]);
    let further = Signed { asked: Asked { query: "after=9".into(), ..feed.asked.clone() }, ..feed };
    assert_eq!(refused(&till, &further).await, (401, "bad_signature".into()), "another query");

    assert_eq!(shop.taken(&id).await, 0, "nothing of it was done");
    assert_eq!(till.send(&honest).await.status, 200, "what arrives as it was sent is");
    assert_eq!(shop.taken(&id).await, 1, "done");
}

#[tokio::test]
async fn what_is_not_signed_by_a_till_of_this_chain_gets_nowhere() {
    let shop = Shop::open().await;
    let (till, other) = (shop.till(&shop.here).await, shop.till(&shop.here).await);
    let now = shop.clock.seconds();

    let stranger = Signed::new(&Method::GET, "/v1/setup", vec![], &shop.key(), now);
    assert_eq!(refused(&till, &stranger).await, (401, "unknown_key".into()), "a key that nobody enrolled");

    let mut borrowed = asks(&till);
    borrowed.fields.signature = sign(&borrowed.asked, &other.key, now).signature;
    assert_eq!(refused(&till, &borrowed).await, (401, "bad_signature".into()), "one till for another");

    let mut twice = asks(&till);
    twice.headers.push(("signature", twice.fields.signature.clone()));
    let reply = twice.send(&till.url).await;
    assert_eq!(reply.refused(), (401, "bad_signature".into()), "two signatures are none");
    assert!(!reply.is_signed(), "and nobody can be answered who did not ask");

    let mut garbled = asks(&till);
    garbled.fields.input = garbled.fields.input.replace("ed25519", "none");
    let reply = garbled.send(&till.url).await;
    assert_eq!((reply.refused(), reply.is_signed()), ((401, "bad_signature".into()), false), "another way");
}

#[tokio::test]
async fn the_same_request_does_not_come_in_twice() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let request = till.signed(Method::GET, "/v1/setup", vec![]);
    assert_eq!(till.send(&request).await.status, 200, "the first time");
    assert_eq!(refused(&till, &request).await, (401, "replayed".into()), "the second");
    shop.clock.turn(300);
    assert_eq!(refused(&till, &request).await, (401, "replayed".into()), "as long as it is good");
    shop.clock.turn(1);
    assert_eq!(refused(&till, &request).await, (401, "clock".into()), "and then it is over");
}

#[tokio::test]
async fn a_till_whose_clock_is_wrong_is_told_the_time_by_the_signature() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let now = shop.clock.seconds();
    for wrong in [now - 301, now + 301, 0, now + 40_000_000] {
        let request = Signed::new(&Method::GET, "/v1/setup", vec![], &till.key, wrong);
        let reply = till.send(&request).await;
        assert_eq!(reply.refused(), (401, "clock".into()), "{} s off", wrong - now);
        let told = reply.time(&request, till.server_key()).expect("it is signed");
        let again = Signed::new(&Method::GET, "/v1/setup", vec![], &till.key, told);
        assert_eq!(till.send(&again).await.status, 200, "which is good enough to ask once more");
    }
    for near in [now - 300, now + 300] {
        let request = Signed::new(&Method::GET, "/v1/setup", vec![], &till.key, near);
        assert_eq!(till.send(&request).await.status, 200, "five minutes are nothing");
    }
}

#[tokio::test]
async fn an_answer_is_for_one_question_of_one_till() {
    let shop = Shop::open().await;
    let (till, other) = (shop.till(&shop.here).await, shop.till(&shop.here).await);
    let (first, second) = (asks(&till), asks(&till));
    let reply = till.send(&first).await;
    let server = till.server_key();
    assert!(reply.time(&first, server).is_some(), "it answers what was asked");
    assert_eq!(reply.time(&second, server), None, "and nothing that is asked later");
    assert_eq!(reply.time(&asks(&other), server), None, "least of all by somebody else");
    let asked = till.signed(Method::GET, "/v1/setup", vec![]);
    let setup = till.send(&asked).await;
    let body = setup.text().replace("\"practice\":false", "\"practice\":true").into_bytes();
    let changed = Reply { body, ..setup };
    let parsed: Setup = serde_json::from_slice(&changed.body).expect("it still reads well");
    assert!(parsed.practice, "the man in the middle has changed the setup");
    assert_eq!(changed.time(&asked, server), None, "and nobody believes it");
}

#[tokio::test]
async fn that_a_till_is_barred_is_signed_for_this_very_request() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    shop.store().revoke(&till.enrolled.device).await.unwrap();
    let request = asks(&till);
    let reply = till.send(&request).await;
    assert_eq!(reply.refused(), (403, "revoked".into()), "the server says so");
    assert_eq!(reply.time(&asks(&till), till.server_key()), None, "and it is no answer to anything else");
}

#[tokio::test]
async fn a_till_of_an_older_epoch_may_look_and_not_redeem() {
    let shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let id = shop.issue(coupon(1)).await.id;
    let target = format!("/v1/redemptions/{}", shop.number());
    let mut request = till.signed(Method::PUT, &target, serde_json::to_vec(&till.asking(&id)).unwrap());
    request.asked.epoch = 0;
    request.fields = sign(&request.asked, &till.key, shop.clock.seconds());
    assert_eq!(
        refused(&till, &request).await,
        (403, "quarantined".into()),
        "its journal is not the one held"
    );
    assert_eq!(shop.taken(&id).await, 0, "nothing was counted");
    let mut look = till.signed(Method::GET, "/v1/setup", vec![]);
    look.asked.epoch = 0;
    look.fields = sign(&look.asked, &till.key, shop.clock.seconds());
    assert_eq!(till.send(&look).await.status, 200, "but it may see what it is told");
}

#[tokio::test]
async fn the_server_keeps_its_key_and_refuses_to_run_with_another() {
    let mut shop = Shop::open().await;
    let till = shop.till(&shop.here).await;
    let before = till.server_key();
    shop.restart().await;
    let till = Till { url: shop.url(), ..till };
    let _: Setup = till.get("/v1/setup").await;
    assert_eq!(shop.store().answer_key().await.unwrap(), Some(before), "it is the same one");

    let file = shop.folder.path().join("keys").join("answers.key");
    let kept = std::fs::read(&file).expect("the private half has a file of its own");
    for (what, word) in
        [(Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "another key"), (None, "is not here")]
    {
        match what {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let error =
            server::keys::Keys::of(shop.store()).answer_key().await.expect_err("tills would not know it");
        assert!(error.to_string().contains(word), "in words: {error}");
    }
    std::fs::write(&file, kept).unwrap();
}
