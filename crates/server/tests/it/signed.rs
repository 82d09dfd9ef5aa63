//! Signed codes from the merchant's request to the till: believed offline, counted once, told in status lists.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::signed::chain::{self, Reveal};
use model::signed::status::{List, State as Became, StatusUpdate, read_update};
use model::signed::text::{self, Recognised};
use model::signed::token::{self, Serial, SigningKey};
use model::time::UnixMs;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::keys::Keys;
use server::signing;
use server::store::{KeyScope, Scope};
use wire::api::{Found, Lookup, Redeemed};
use wire::entitlement::Standing;
use wire::line::{Act, Outcome};
use wire::merchant::{Card, Issued};

use crate::keys::{everything, trust_of};
use crate::merchants::Program;
use crate::support::{START, Shop, Till, problem, send};

const DAY_MS: i64 = 86_400_000;

/// A shop whose chain signs codes, with a merchant's program.
struct Signing {
    shop: Shop,
    mall: Program,
}

impl Signing {
    async fn open() -> Signing {
        let shop = Shop::open().await;
        Keys::of(shop.store()).init(everything()).await.expect("the first keys");
        let mall = Program::of(&shop, "mall", &Scope::ALL).await;
        let signing = Signing { shop, mall };
        signing.campaign(7, &coupons()).await;
        signing.campaign(8, &json!({"kind": "times_card", "title": "次卡"})).await;
        let members = json!({"kind": "member", "tier": "金卡", "points": 0, "balance": 0, "title": "会员"});
        signing.campaign(9, &members).await;
        signing
    }

    async fn put_campaign(&self, number: u16, body: &Value) -> (StatusCode, String) {
        let path = format!("/v1/campaigns/{number}");
        send(&self.shop.url(), Method::PUT, &path, self.mall.key(), Some(body)).await
    }

    async fn campaign(&self, number: u16, body: &Value) {
        let (status, text) = self.put_campaign(number, body).await;
        assert_eq!(status, StatusCode::OK, "campaign {number} is written down: {text}");
    }

    async fn coupon(&self, reference: &str) -> Issued {
        self.mall.issue(reference, &coupon()).await
    }

    async fn card(&self, reference: &str) -> Card {
        let (status, text) = self.mall.call(Method::POST, &format!("{reference}/card"), None).await;
        assert_eq!(status, StatusCode::OK, "a card is made: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }

    /// What the phone shows now.
    fn shown(&self, card: &Card) -> String {
        signing::shown(card, self.shop.store().hands().now()).expect("the card is not over")
    }
}

fn coupons() -> Value {
    json!({
        "kind": "amount_off", "fen": 800, "title": "满 50 减 8", "spend_min": 5000, "value": 800,
        "valid_until": START + 30 * DAY_MS, "complete": true
    })
}

fn coupon() -> Value {
    json!({
        "kind": "amount_off", "fen": 800, "title": "满 50 减 8", "holder": "王*",
        "code": {"form": "signed", "campaign": 7}
    })
}

fn card_of_uses(uses: u32) -> Value {
    json!({
        "kind": "times_card", "title": "次卡", "value": 3000,
        "lines": [{"sku": "coupon", "name": "奶茶", "quantity": uses}],
        "code": {"form": "rotating", "campaign": 8}
    })
}

async fn look(till: &Till, text: &str) -> Result<Found, String> {
    let lookup = Lookup::Code { code: text.to_owned() };
    let (status, answer) = till.call(Method::POST, "/v1/lookups", Some(&lookup)).await;
    match status {
        StatusCode::OK => Ok(serde_json::from_str(&answer).expect("the contract's answer")),
        _ => Err(problem(&answer).error),
    }
}

async fn update(till: &Till, after: u64) -> StatusUpdate {
    let reply = till.send(&till.signed(Method::GET, &format!("/v1/status?after={after}"), vec![])).await;
    read_update(&reply.body, &trust_of(till).await, UnixMs(START)).expect("the role key has signed it")
}

/// What the status lists say of a serial, to a till that has read all of them.
async fn became(till: &Till, serial: Serial) -> Option<Became> {
    let update = update(till, 0).await;
    assert!(!update.more, "it is one update");
    let told = update.lists.iter().find(|list| list.campaign == serial.campaign)?;
    let mut list = List::default();
    for chunk in &told.chunks {
        let packed = wire::status::decompress(&chunk.bytes, chunk.raw_length.into()).expect("it unpacks");
        assert!(list.put(chunk.index, told.covered, packed), "it is no longer than a chunk");
    }
    list.state(serial.number)
}

fn token(text: &str) -> Vec<u8> {
    match text::recognise(text) {
        Recognised::Token(token) => token,
        other => panic!("{text} is no signed code: {other:?}"),
    }
}

#[tokio::test]
async fn a_signed_coupon_is_believed_offline_counted_once_and_told_in_the_status_list() {
    let signing = Signing::open().await;
    let mut till = signing.shop.till(&signing.shop.here).await;
    assert_eq!(became(&till, Serial { campaign: 7, number: 0 }).await, None, "nothing was issued yet");
    let issued = signing.coupon("a-1").await;
    assert_eq!((issued.id.as_str(), issued.code.form.as_str()), ("cf-7-0", "signed"), "the first serial");
    assert_eq!(signing.coupon("a-1").await, issued, "asked again, it is the same code");
    let second = signing.coupon("a-2").await;
    let serial = Serial { campaign: 7, number: 0 };
    let trust = trust_of(&till).await;
    let bytes = token(&issued.code.text);
    let verified = token::verify(&bytes, trust.list().unwrap(), UnixMs(START)).expect("a till believes it");
    assert_eq!((verified.claims.serial, verified.claims.value.0), (serial, 800), "what it says of itself");
    assert!(till.page(0, 0).await.entries.is_empty(), "its campaign says the rest: no feed has it");
    assert_eq!(became(&till, serial).await, Some(Became::Unused), "the list covers it");

    let before = till.page(0, 0).await.status;
    for text in [issued.code.text.clone(), text::write_cfn(&bytes)] {
        assert_eq!(look(&till, &text).await.unwrap().entitlement.id, "cf-7-0", "in letters and in digits");
    }
    let number = signing.shop.number();
    assert_eq!(till.redeem(number, "cf-7-0").await, Redeemed::Counted, "the first one counts");
    let elsewhere = signing.shop.till(&signing.shop.there).await;
    let again = elsewhere.redeem(signing.shop.number(), "cf-7-0").await;
    assert!(matches!(again, Redeemed::Refused { reason, .. } if reason == "used"), "the second does not");
    assert_eq!(became(&till, serial).await, Some(Became::Redeemed), "and every till hears of it");
    let page = till.page(0, 0).await;
    assert_eq!((page.status, page.entries.len()), (before + 1, 0), "by the status feed alone");
    let news = update(&till, before).await;
    assert_eq!((news.after, news.version), (before, before + 1), "from where to where");

    till.begin(number, "cf-7-0", START);
    till.decide(number, Outcome::Accepted, START);
    till.undo(signing.shop.number(), number, START);
    till.push(0).await;
    assert_eq!(became(&till, serial).await, Some(Became::Unused), "taken back, it is unused again");
    let refunded = signing.mall.state(Method::POST, "a-1/refund").await;
    assert_eq!(refunded.standing, Standing::Refunded, "the money went back");
    assert_eq!(became(&till, serial).await, Some(Became::Revoked), "and no till takes it");
    signing.mall.state(Method::POST, "a-2/revoke").await;
    let told = became(&till, Serial { campaign: 7, number: 1 }).await;
    assert_eq!(told, Some(Became::Revoked), "{}", second.id);
    assert!(till.page(0, 0).await.entries.is_empty(), "still without a word in the feeds");
    let new = signing.shop.store().add_store("龙华店").await.unwrap().expect("a new name");
    assert!(signing.shop.till(&new).await.page(0, 0).await.entries.is_empty(), "nor in a new store's");
}

#[tokio::test]
async fn a_code_of_an_open_campaign_is_told_in_the_feeds_and_found_by_its_id() {
    let signing = Signing::open().await;
    let till = signing.shop.till(&signing.shop.here).await;
    signing.mall.issue("c-1", &card_of_uses(2)).await;
    let page = till.page(0, 0).await;
    let key = wire::codes::unhex::<32>(&till.enrolled.store_key).unwrap();
    assert_eq!(page.entries[0].code_hash, wire::codes::id_hash(&key, "cf-8-0"), "by its name");
    assert_eq!(
        page.entries[0].entitlement.read().unwrap().code_tail,
        "0000",
        "the last digits of its serial"
    );
    till.redeem(signing.shop.number(), "cf-8-0").await;
    assert_eq!(till.page(page.last, 0).await.entries.len(), 1, "each use is told");
    assert_eq!(became(&till, Serial { campaign: 8, number: 0 }).await, Some(Became::Unused), "one is left");
    till.redeem(signing.shop.number(), "cf-8-0").await;
    let told = became(&till, Serial { campaign: 8, number: 0 }).await;
    assert_eq!(told, Some(Became::Redeemed), "now it is used up");
}

#[tokio::test]
async fn a_code_that_nobody_may_have_signed_is_named_by_its_reason() {
    let signing = Signing::open().await;
    let till = signing.shop.till(&signing.shop.here).await;
    let issued = signing.coupon("a-1").await;
    let mut forged = token(&issued.code.text);
    *forged.last_mut().unwrap() ^= 1;
    let refused = look(&till, &text::write_cf1(&forged)).await.unwrap_err();
    assert_eq!(refused, "not_genuine", "one bit of the signature");
    assert_eq!(look(&till, "CF1:ABC.").await.unwrap_err(), "not_genuine", "no token at all");
    let cut = &issued.code.text[..issued.code.text.len() - 1];
    assert_eq!(
        look(&till, cut).await.unwrap_err(),
        "bad_request",
        "a damaged text is for the till to scan again"
    );

    let keys = Keys::of(signing.shop.store());
    keys.scope("issuing-1", KeyScope { campaigns: Some(vec![(8, 9)]), ..everything() }).await.unwrap();
    assert_eq!(look(&till, &issued.code.text).await.unwrap_err(), "key_out_of_scope", "not that campaign");
    let (status, text) = signing.mall.put("a-2", &coupon()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "no key may sign a new one: {text}");
    assert!(!text.contains("issuing-1"), "which keys there are is not the merchant's to know: {text}");
    keys.scope("issuing-1", everything()).await.unwrap();
    keys.bound("issuing-1", UnixMs(START - 1)).await.unwrap();
    assert_eq!(look(&till, &issued.code.text).await.unwrap_err(), "key_withdrawn", "signed too late");
    keys.withdraw("issuing-1").await.unwrap();
    assert_eq!(look(&till, &issued.code.text).await.unwrap_err(), "key_withdrawn", "the server remembers it");
    assert_eq!(look(&till, &text::write_cf1(&forged)).await.unwrap_err(), "not_genuine", "and its signature");

    let other = Signing::open().await;
    let stranger = other.shop.till(&other.shop.here).await;
    other.coupon("a-1").await;
    let first = other.coupon("a-2").await;
    let trust = trust_of(&stranger).await;
    let verified = token::verify(&token(&first.code.text), trust.list().unwrap(), UnixMs(START)).unwrap();
    let strange = token::issue(&verified.claims, &SigningKey::from_seed([99; 32])).unwrap();
    assert_eq!(look(&till, &text::write_cf1(&strange)).await.unwrap_err(), "key_unknown", "nobody's key");
    assert!(look(&stranger, &first.code.text).await.is_ok(), "the other chain's own");
    other.shop.clock.turn(31 * 86_400);
    assert_eq!(look(&stranger, &first.code.text).await.unwrap_err(), "expired", "its time is over");
}

#[tokio::test]
async fn a_rotating_code_is_good_for_its_moment_and_no_second_time() {
    let signing = Signing::open().await;
    let till = signing.shop.till(&signing.shop.here).await;
    let issued = signing.mall.issue("c-1", &card_of_uses(3)).await;
    assert_eq!((issued.code.form.as_str(), issued.code.text.as_str()), ("rotating", ""), "no text to keep");
    let card = signing.card("c-1").await;
    assert_eq!((issued.code.code_tail.as_str(), card.code_tail.as_str()), ("0000", "0000"), "to be read out");
    assert_eq!((card.steps, card.expires_at - card.issued_at), (2880, DAY_MS), "a day");
    assert_ne!(signing.card("c-1").await.seed, card.seed, "each card is a fresh chain");
    signing.shop.clock.turn(3600);
    let text = signing.shown(&card);
    let trust = trust_of(&till).await;
    let verified = token::verify(&token(&text), trust.list().unwrap(), UnixMs(START)).expect("offline too");
    assert_eq!(verified.reveal.map(|shown| shown.step), Some(121), "an hour later");
    assert_eq!(look(&till, &text).await.unwrap().entitlement.id, "cf-8-0", "it is found");

    let moment = START + 3_600_000;
    let asking = |moment| wire::api::Redeem { moment: Some(moment), ..till.asking("cf-8-0") };
    let put = async |moment: i64| -> Redeemed {
        let (status, text) = till.put(signing.shop.number(), &asking(moment)).await;
        assert_eq!(status, StatusCode::OK, "a decision is no error: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    };
    let seen =
        |redeemed: &Redeemed| matches!(redeemed, Redeemed::Refused { reason, .. } if reason == "code_seen");
    assert_eq!(put(moment).await, Redeemed::Counted, "its moment is new");
    assert!(seen(&put(moment).await), "the same moment is not taken twice");
    assert!(seen(&put(moment - 30_000).await), "nor an earlier one");
    assert_eq!(signing.shop.taken("cf-8-0").await, 1, "one use is gone, and no more");
    assert_eq!(look(&till, &text).await.unwrap_err(), "code_seen", "the text is worth nothing now");
    signing.shop.clock.turn(30);
    assert!(look(&till, &signing.shown(&card)).await.is_ok(), "the next one is");
    signing.shop.clock.turn(90);
    assert_eq!(look(&till, &text).await.unwrap_err(), "code_stale", "a picture is told as one");
    let fresh = signing.card("c-1").await;
    assert!(look(&till, &signing.shown(&fresh)).await.is_ok(), "a fresh card goes on");
    assert_eq!(put(moment + 120_000).await, Redeemed::Counted, "with later moments");

    let seed: [u8; 16] = STANDARD.decode(&fresh.seed).unwrap().try_into().unwrap();
    let serial = Serial { campaign: 8, number: 0 };
    let reveal = chain::reveal(seed, serial, fresh.steps, 1).unwrap();
    let moved = token::splice(&token(&signing.shown(&fresh)), Reveal { step: 2, ..reveal }).unwrap();
    let refused = look(&till, &text::write_cf1(&moved)).await.unwrap_err();
    assert_eq!(refused, "not_genuine", "a link does for its own step only");
}

#[tokio::test]
async fn a_membership_opens_several_coupons_within_its_moment() {
    let signing = Signing::open().await;
    let till = signing.shop.till(&signing.shop.here).await;
    let member = json!({
        "kind": "member", "tier": "金卡", "points": 1, "balance": 0, "title": "金卡会员",
        "code": {"form": "rotating", "campaign": 9}
    });
    signing.mall.issue("m-1", &member).await;
    let mut own = coupon();
    own["code"] = json!({"form": "own"});
    own["member"] = json!("m-1");
    let mut ids = Vec::new();
    for reference in ["b-1", "b-2", "b-3"] {
        ids.push(signing.mall.issue(reference, &own).await.id);
    }
    let card = signing.card("m-1").await;
    let text = signing.shown(&card);
    assert_eq!(look(&till, &text).await.unwrap().coupons.len(), 3, "with what belongs to it");
    let redeem = async |id: &str, moment: i64| -> Redeemed {
        let redeem = wire::api::Redeem { moment: Some(moment), ..till.asking(id) };
        serde_json::from_str(&till.put(signing.shop.number(), &redeem).await.1).unwrap()
    };
    assert_eq!(redeem(&ids[0], START).await, Redeemed::Counted, "the first coupon");
    assert_eq!(redeem(&ids[1], START).await, Redeemed::Counted, "a second one by the same scan");
    assert!(look(&till, &text).await.is_ok(), "and the scan may be repeated");
    let earlier = redeem(&ids[2], START - 30_000).await;
    assert!(
        matches!(earlier, Redeemed::Refused { reason, .. } if reason == "code_seen"),
        "no earlier moment"
    );
}

#[tokio::test]
async fn what_was_accepted_offline_counts_and_its_moment_is_over() {
    let signing = Signing::open().await;
    let mut till = signing.shop.till(&signing.shop.here).await;
    signing.mall.issue("c-1", &card_of_uses(3)).await;
    let number = signing.shop.number();
    till.begin(number, "cf-8-0", START);
    let proof =
        wire::line::Proof { kid: "00000000".into(), trust: 1, status: 1, moment: Some(START + 60_000) };
    let line = wire::line::peek(till.lines.last().unwrap()).expect("its own line");
    let Act::Begun(begun) = line.act else { panic!("it is the line Begun") };
    till.lines.pop();
    till.write(START, Act::Begun(wire::line::Begun { proof: Some(proof), ..begun }));
    till.decide(number, Outcome::Accepted, START);
    till.push(0).await;
    assert_eq!(signing.shop.taken("cf-8-0").await, 1, "what has happened has happened");
    let redeem = wire::api::Redeem { moment: Some(START + 30_000), ..till.asking("cf-8-0") };
    let (_, answer) = till.put(signing.shop.number(), &redeem).await;
    assert!(answer.contains("code_seen"), "a code of an earlier moment comes too late: {answer}");
}

#[tokio::test]
async fn a_merchant_hears_which_field_is_not_the_campaigns() {
    let signing = Signing::open().await;
    for (field, value) in [
        ("title", json!("满 50 减 80")),
        ("fen", json!(8000)),
        ("valid_until", json!(START + 60 * DAY_MS)),
        ("stores", json!(["南山店"])),
        ("notes", json!(["x"])),
    ] {
        let mut wrong = coupon();
        wrong[field] = value;
        let (status, text) = signing.mall.put("a-1", &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field} is the campaign's to say: {text}");
        let named = if field == "fen" { "kind" } else { field };
        assert!(problem(&text).message.starts_with(named), "it names {named}: {text}");
    }
    let mut nowhere = coupon();
    nowhere["code"]["campaign"] = json!(1000);
    assert!(signing.mall.put("a-1", &nowhere).await.1.contains("code.campaign"), "there is no such campaign");
    let issued = signing.coupon("a-1").await;
    assert_eq!(issued.id, "cf-7-0", "what was refused used up no serial");
    let mut other = coupon();
    other["holder"] = json!("李*");
    assert_eq!(signing.mall.put("a-1", &other).await.0, StatusCode::CONFLICT, "a number means one thing");
    let mut changed = coupons();
    changed["value"] = json!(900);
    let (status, text) = signing.put_campaign(7, &changed).await;
    assert_eq!(
        (status, problem(&text).error.as_str()),
        (StatusCode::CONFLICT, "exists_with_other_content"),
        "{text}"
    );
    assert_eq!(signing.put_campaign(7, &coupons()).await.0, StatusCode::OK, "the same again is no change");
    let (status, text) = signing
        .put_campaign(
            10,
            &json!({"kind": "times_card", "title": "x", "complete": true,
        "lines": [{"sku": "u", "name": "u", "quantity": 5}]}),
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "five uses do not fit into two bits: {text}");
    for (field, body) in [
        ("valid_til", json!({"kind": "times_card", "title": "x", "valid_til": 1})),
        (
            "lines[0].qty",
            json!({"kind": "amount_off", "fen": 1, "title": "x",
            "lines": [{"sku": "u", "name": "u", "quantity": 1, "qty": 1}]}),
        ),
    ] {
        let (status, text) = signing.put_campaign(10, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "a slip of the pen: {text}");
        assert!(problem(&text).message.starts_with(&format!("{field}: ")), "{field}: {text}");
    }
    let (status, text) = signing.mall.call(Method::POST, "a-1/card", None).await;
    assert_eq!(
        (status, problem(&text).error.as_str()),
        (StatusCode::CONFLICT, "not_offered"),
        "it does not rotate"
    );
    let (status, _) = signing.mall.call(Method::POST, "a-1/card?hours=169", None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "a week at most");
}

#[tokio::test]
async fn a_poll_ends_when_the_status_list_has_moved() {
    let signing = Signing::open().await;
    let till = signing.shop.till(&signing.shop.here).await;
    signing.coupon("a-1").await;
    let before = till.page(0, 0).await;
    let (page, _) = tokio::join!(till.page(0, 30), till.redeem(signing.shop.number(), "cf-7-0"));
    assert!(page.status >= before.status, "a waiting poll was not kept waiting for 30 s");
    let now = till.page(0, 0).await.status;
    let path = format!("/v1/feeds/{}?after=0&wait=30&status={}", till.enrolled.feed, before.status);
    let page: wire::api::Page = till.get(&path).await;
    assert_eq!(page.status, now, "a till that says it is behind is answered at once");
}

#[tokio::test]
async fn a_code_is_drawn_for_paper_and_for_scanners_that_type() {
    let signing = Signing::open().await;
    let issued = signing.coupon("a-1").await;
    let get = async |query: &str| signing.mall.call(Method::GET, &format!("a-1/code?{query}"), None).await;
    assert_eq!(get("").await, (StatusCode::OK, issued.code.text.clone()), "the text as it was issued");
    let digits = get("form=cfn").await.1;
    assert_eq!(token(&digits), token(&issued.code.text), "the same token in digits");
    let (status, svg) = get("as=svg&size_mm=40").await;
    assert_eq!(status, StatusCode::OK, "{svg}");
    assert!(svg.contains("width=\"40.00mm\""), "in real millimetres: {svg}");
    let (status, text) = get("as=png&size_mm=10").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "modules of 0.2 mm");
    assert!(problem(&text).message.contains("make it at least"), "it says what is enough: {text}");
    signing.mall.issue("c-1", &card_of_uses(1)).await;
    let (status, text) = signing.mall.call(Method::GET, "c-1/code?as=svg", None).await;
    assert_eq!(
        (status, problem(&text).error.as_str()),
        (StatusCode::CONFLICT, "not_offered"),
        "the phone draws it"
    );
}
