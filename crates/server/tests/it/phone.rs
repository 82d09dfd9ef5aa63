//! The script for mini-programs beside the server's own arithmetic: random cards, random moments, the same texts.

use std::io::Write;
use std::process::{Command, Stdio};

use model::signed::text::{self, Recognised};
use model::signed::token;
use model::time::UnixMs;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::keys::Keys;
use server::signing;
use server::store::Scope;
use wire::merchant::Card;

use crate::keys::{everything, trust_of};
use crate::merchants::Program;
use crate::support::{START, Shop, send};

/// Reads cards and moments as JSON, and writes what the script makes of each.
const ASK: &str = "
    const counterfoil = require(process.argv[1])
    const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'))
    const answers = asked.map(({ card, received, moments }) => {
        let held = counterfoil.receive(card, received)
        return moments.map((now) => {
            held = JSON.parse(JSON.stringify(held))
            return [counterfoil.text(held, now), counterfoil.waitMs(held, now), counterfoil.wantsFresh(held, now)]
        })
    })
    console.log(JSON.stringify(answers))
";

fn script() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mini-program/counterfoil-code.js")
}

/// What Node makes of it.
fn node(asked: &Value) -> Vec<Vec<(Option<String>, i64, bool)>> {
    let mut child = Command::new("node")
        .args(["-e", ASK])
        .arg(script())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node is installed, as `cargo xtask test` sees to");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(asked.to_string().as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the script runs through");
    serde_json::from_slice(&output.stdout).expect("an answer for each card")
}

#[tokio::test]
async fn a_phone_shows_what_the_server_expects_at_every_moment() {
    let shop = Shop::open().await;
    Keys::of(shop.store()).init(everything()).await.unwrap();
    let till = shop.till(&shop.here).await;
    let mall = Program::of(&shop, "mall", &Scope::ALL).await;
    let campaign = json!({"kind": "times_card", "title": "次卡"});
    let path = "/v1/campaigns/65535";
    let (status, text) = send(&shop.url(), Method::PUT, path, mall.key(), Some(&campaign)).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let dice = shop.store().hands().clone();
    let mut asked: Vec<(Card, i64, Vec<i64>)> = Vec::new();
    for (number, hours) in [(0, 1), (1, 2), (2, 24), (3, 168)] {
        let new = json!({
            "kind": "times_card", "title": "次卡", "value": 100 * number,
            "lines": [{"sku": "u", "name": "u", "quantity": 5}],
            "stores": if number == 1 { json!(["南山店"]) } else { json!(null) },
            "code": {"form": "rotating", "campaign": 65_535}
        });
        mall.issue(&format!("c-{number}"), &new).await;
        let (status, text) = mall.call(Method::POST, &format!("c-{number}/card?hours={hours}"), None).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let card: Card = serde_json::from_str(&text).unwrap();
        // The phone's clock is wrong by up to a month.
        let wrong = i64::from(i32::from_be_bytes(dice.random()));
        let length = card.expires_at - card.issued_at;
        let random = (0..40).map(|_| i64::from(u32::from_be_bytes(dice.random())) % length);
        let edges = [0, 29_999, 30_000, length - 1, length, length + 86_400_000];
        let moments = random.chain(edges).map(|after| card.issued_at + after).collect();
        asked.push((card, wrong, moments));
        shop.clock.turn(12_345);
    }
    let questions: Vec<Value> = asked
        .iter()
        .map(|(card, wrong, moments)| {
            let moments: Vec<i64> = moments.iter().map(|moment| moment + wrong).collect();
            json!({"card": card, "received": card.now + wrong, "moments": moments})
        })
        .collect();
    let trust = trust_of(&till).await;
    let mut shown = 0;
    for ((card, _, moments), answers) in asked.iter().zip(node(&json!(questions))) {
        assert_eq!(moments.len(), answers.len(), "an answer for each moment");
        for (moment, (text, wait, wants_fresh)) in moments.iter().zip(answers) {
            let after = moment - card.issued_at;
            assert_eq!(text, signing::shown(card, UnixMs(*moment)), "{after} ms into {:?}", card.serial);
            assert_eq!(wait, 30_000 - after % 30_000, "until the next step");
            assert_eq!(wants_fresh, 2 * after > card.expires_at - card.issued_at, "from its middle on");
            let Some(text) = text else { continue };
            let Recognised::Token(token) = text::recognise(&text) else { panic!("{text} is no code") };
            let verified =
                token::verify(&token, trust.list().unwrap(), UnixMs(START)).expect("a till believes it");
            let step = verified.reveal.expect("it rotates").step;
            assert_eq!(i64::from(step), after / 30_000 + 1, "of its moment");
            shown += 1;
        }
    }
    assert!(shown > 160, "all but the moments after the end: {shown}");
}

#[tokio::test]
async fn the_page_for_mini_programs_is_served_with_its_script() {
    let shop = Shop::open().await;
    let (status, page) = send(&shop.url(), Method::GET, "/docs", "", None::<&()>).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(
        page.contains("<!doctype html>") && page.contains("docs/counterfoil-code.js"),
        "with a link to it"
    );
    let (status, script_text) =
        send(&shop.url(), Method::GET, "/docs/counterfoil-code.js", "", None::<&()>).await;
    let same = std::fs::read_to_string(script()).unwrap();
    assert_eq!((status, script_text), (StatusCode::OK, same), "the very file of the repository");
}
