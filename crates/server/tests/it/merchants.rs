//! Merchants' programs: they issue under numbers of their own, once, and take back.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::store::{Scope, Turn};
use wire::merchant::{Issued, State};

use crate::support::{START, Shop, problem, send};

/// A merchant's program with its key.
pub struct Program {
    url: String,
    key: String,
}

impl Program {
    pub async fn of(shop: &Shop, name: &str, scopes: &[Scope]) -> Program {
        let made =
            shop.store().add_merchant(name, scopes).await.expect("the database works").expect("a new name");
        Program { url: shop.url(), key: made.key }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, String) {
        send(&self.url, method, &format!("/v1/entitlements/{path}"), &self.key, body).await
    }

    pub async fn put(&self, reference: &str, body: &Value) -> (StatusCode, String) {
        self.call(Method::PUT, reference, Some(body)).await
    }

    pub async fn issue(&self, reference: &str, body: &Value) -> Issued {
        let (status, text) = self.put(reference, body).await;
        assert_eq!(status, StatusCode::OK, "it is issued: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }

    pub async fn state(&self, method: Method, path: &str) -> State {
        let (status, text) = self.call(method, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }
}

fn order() -> Value {
    json!({
        "kind": "order", "title": "自提订单", "stores": ["南山店"], "value": 2600, "holder": "王*",
        "lines": [{"sku": "D01", "name": "茉莉奶绿", "quantity": 2}],
        "valid_until": START + 86_400_000, "code": {"form": "own"}
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn a_number_is_issued_once_and_found_again() {
    let shop = Shop::open().await;
    let mall = Program::of(&shop, "mall", &Scope::ALL).await;
    let number = "2026-11%2F0001"; // as it stands in a path
    let first = mall.issue(number, &order()).await;
    assert_eq!((first.reference.as_str(), first.version), ("2026-11/0001", 1), "under the merchant's number");
    assert_eq!((first.code.form.as_str(), first.code.text.len()), ("own", 20), "with a code to be shown");
    assert_eq!(mall.issue(number, &order()).await, first, "the same again is the same");
    let (status, text) = mall.put(number, &with(order(), "value", json!(2700))).await;
    let error = problem(&text).error;
    assert_eq!((status, error.as_str()), (StatusCode::CONFLICT, "exists_with_other_content"), "{text}");

    let till = shop.till(&shop.here).await;
    let told = till.page(0, 0).await.entries;
    assert_eq!(
        told.iter().map(|entry| entry.entitlement.read().unwrap().id).collect::<Vec<_>>(),
        std::slice::from_ref(&first.id),
        "tills hear of it once"
    );
    assert_eq!(
        told[0].entitlement.read().unwrap().stores.as_ref().unwrap()[0].id,
        shop.here.id,
        "a store may be named by its name"
    );
    assert_eq!(mall.state(Method::GET, number).await.left[0].left, 2, "both are left");
    let (status, text) = mall.call(Method::GET, "another", None).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::NOT_FOUND, "never_issued"), "{text}");
}

#[tokio::test]
async fn two_requests_at_once_issue_one() {
    let shop = Shop::open().await;
    let mall = Program::of(&shop, "mall", &[Scope::Issue]).await;
    let body = order();
    let (one, two) = tokio::join!(mall.issue("1", &body), mall.issue("1", &body));
    assert_eq!(one, two, "both get the same");
    assert_eq!(shop.till(&shop.here).await.page(0, 0).await.entries.len(), 1, "and there is one");
}

#[tokio::test]
async fn what_was_used_is_told_and_what_is_taken_back_stays_so() {
    let shop = Shop::open().await;
    let mall = Program::of(&shop, "mall", &Scope::ALL).await;
    let coupon = json!({"kind": "amount_off", "fen": 2000, "title": "满减券", "code": {"form": "own"}});
    let issued = mall.issue("a", &coupon).await;
    mall.issue("b", &coupon).await;
    let till = shop.till(&shop.here).await;
    till.redeem(shop.number(), &issued.id).await;
    let state = mall.state(Method::GET, "a").await;
    assert_eq!((state.left[0].left, state.uses[0].done.clerk.as_str()), (0, "李娜"), "used, and by whom");

    let refunded = mall.state(Method::POST, "a/refund").await;
    assert_eq!(refunded.standing, wire::entitlement::Standing::Refunded, "the money went back");
    assert_eq!(refunded.uses.len(), 1, "the merchant sees that it was used before");
    assert_eq!(mall.state(Method::POST, "a/refund").await, refunded, "twice is once");
    assert_eq!(mall.state(Method::POST, "a/revoke").await, refunded, "what was refunded stays refunded");
    let revoked = mall.state(Method::POST, "b/revoke").await;
    assert_eq!(revoked.standing, wire::entitlement::Standing::Cancelled, "the other is cancelled");
    assert_eq!(mall.issue("a", &coupon).await.id, issued.id, "a late repeat issues nothing new");
    let (status, text) = mall.call(Method::POST, "c/refund", None).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::NOT_FOUND, "never_issued"), "{text}");
}

#[tokio::test]
async fn a_malls_own_code_is_issued_and_refused_where_no_till_could_read_it() {
    let shop = Shop::open().await;
    let mall = Program::of(&shop, "mall", &Scope::ALL).await;
    let ready = wire::profile::ready().into_iter().find(|ready| ready.name == "crmeb-php").unwrap();
    shop.store().use_profile(&ready, Turn::AsItIs).await.unwrap();
    let code = |profile: &str, code: &str| json!({"form": "opaque", "profile": profile, "code": code});
    let body = with(order(), "code", code("crmeb-php", "4821 0034 9012"));
    let issued = mall.issue("1", &body).await;
    assert_eq!(
        (issued.code.form.as_str(), issued.code.text.as_str()),
        ("opaque", "482100349012"),
        "as tills read it"
    );
    mall.issue("2", &body).await;
    for (wrong, field) in
        [(code("crmeb-php", "4821"), "code.code: "), (code("yudao", "12345678"), "code.profile: ")]
    {
        let (status, text) = mall.put("3", &with(order(), "code", wrong)).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            "{text}"
        );
        assert!(problem(&text).message.starts_with(field), "it says where: {text}");
    }
    shop.store().stop_profile("crmeb-php").await.unwrap();
    assert_eq!(mall.issue("1", &body).await, issued, "a repeat is answered even now");
}

#[tokio::test]
async fn a_key_opens_what_it_was_made_for() {
    let shop = Shop::open().await;
    let reader = Program::of(&shop, "reader", &[Scope::Read]).await;
    assert!(reader.key.starts_with("cfm_"), "a key can be told from other secrets");
    for (method, path) in [(Method::PUT, "1"), (Method::POST, "1/refund"), (Method::POST, "1/revoke")] {
        let (status, text) = reader.call(method, path, Some(&order())).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::FORBIDDEN, "out_of_scope"),
            "{path}: {text}"
        );
    }
    let (status, _) = reader.call(Method::GET, "1", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it may look");
    assert!(shop.store().add_merchant("reader", &Scope::ALL).await.unwrap().is_none(), "the name is taken");
    assert!(shop.store().revoke_merchant("reader").await.unwrap(), "its key is taken back");
    let (status, text) = reader.call(Method::GET, "1", None).await;
    assert_eq!((status, problem(&text).error.as_str()), (StatusCode::FORBIDDEN, "revoked"), "{text}");
    assert!(
        shop.store().add_merchant("reader", &Scope::ALL).await.unwrap().is_some(),
        "and the name is free"
    );

    for key in ["", "cfm_0000"] {
        let stranger = Program { url: shop.url(), key: key.into() };
        let (status, text) = stranger.put("1", &order()).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::UNAUTHORIZED, "bad_token"),
            "{text}"
        );
    }
    let (status, _) = send(&shop.url(), Method::GET, "/v1/setup", &reader.key, None::<&()>).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a merchant is no till");
}

#[tokio::test]
async fn the_scheme_of_a_token_may_be_written_in_any_case() {
    let shop = Shop::open().await;
    let reader = Program::of(&shop, "reader", &[Scope::Read]).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (scheme, expected) in
        [("Bearer ", 200), ("bearer ", 200), ("BEARER  ", 200), ("Basic ", 401), ("Bearer", 401)]
    {
        let shown = format!("{scheme}{}", reader.key());
        let request = client.get(format!("{}/v1/campaigns", shop.url())).header("authorization", shown);
        let status = request.send().await.unwrap().status();
        assert_eq!(status.as_u16(), expected, "with {scheme:?}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_is_said_with_its_field() {
    let shop = Shop::open().await;
    let mall = Program::of(&shop, "mall", &[Scope::Issue]).await;
    let line = |sku: &str, quantity: u32| json!({"sku": sku, "name": "奶茶", "quantity": quantity});
    let wrong = [
        ("title", with(order(), "title", json!(""))),
        ("title", with(order(), "title", json!("x".repeat(101)))),
        ("holder", with(order(), "holder", json!("a\u{1b}[2J"))),
        ("value", with(order(), "value", json!(-1))),
        ("lines", with(order(), "lines", json!([]))),
        ("lines[1].sku", with(order(), "lines", json!([line("a", 1), line("a", 1)]))),
        ("lines[0].quantity", with(order(), "lines", json!([line("a", 0)]))),
        ("valid_until", with(order(), "valid_from", json!(START + 2 * 86_400_000))),
        ("stores", with(order(), "stores", json!([]))),
        ("stores[0]", with(order(), "stores", json!(["东门店"]))),
        ("member", with(order(), "member", json!("nobody"))),
        ("notes", with(order(), "notes", json!(vec!["x"; 21]))),
        ("valid_untill", with(order(), "valid_untill", json!(1))),
        ("lines[0].qty", with(order(), "lines", json!([{"sku": "a", "name": "x", "quantity": 1, "qty": 2}]))),
        ("code.campain", with(order(), "code", json!({"form": "own", "campain": 7}))),
        (
            "code.order_no",
            with(order(), "code", json!({"form": "opaque", "profile": "x", "code": "1", "order_no": ""})),
        ),
        ("percent", json!({"kind": "percent_off", "percent": 100, "title": "x", "code": {"form": "own"}})),
        ("fen", json!({"kind": "amount_off", "fen": 0, "title": "x", "code": {"form": "own"}})),
        ("lines", json!({"kind": "times_card", "title": "x", "code": {"form": "own"}})),
    ];
    for (field, body) in wrong {
        let (status, text) = mall.put("1", &body).await;
        assert_eq!(
            (status, problem(&text).error.as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            "{text}"
        );
        assert!(problem(&text).message.starts_with(&format!("{field}: ")), "{field}: {text}");
    }
    let (status, text) = mall.put("1", &json!({"kind": "order", "code": {"form": "own"}})).await;
    assert_eq!((status, problem(&text).message.contains("title")), (StatusCode::BAD_REQUEST, true), "{text}");
    let (status, text) = mall.put(&"1".repeat(65), &order()).await;
    assert_eq!(
        (status, problem(&text).error.as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        "{text}"
    );
    let (status, _) = mall.put("1", &with(order(), "title", json!("x".repeat(70_000)))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "and nothing is read without end");
    let (status, text) =
        mall.put("1", &with(order(), "code", json!({"form": "signed", "campaign": 1}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "there is no such campaign: {text}");
    assert!(problem(&text).message.starts_with("code.campaign: "), "it names the field: {text}");
    assert!(shop.till(&shop.here).await.page(0, 0).await.entries.is_empty(), "none of that was issued");
}
