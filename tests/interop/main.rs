//! Codes, roots and lists go to another implementation and come from it: the Python packages `cwt` and `base45`.
//!
//! `vectors.json` is what `make_vectors.py` made; it counts on every machine. Where Python can be had, it is made
//! afresh and compared, and what we write is verified by `verify.py`. The packages go into a virtual environment
//! under `target`, once. Where `python3 -m venv` does not work these two tests say so on standard error and prove
//! nothing; with the variable `CI` set they fail instead.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod python;

use model::entitlement::Fen;
use model::place::StoreId;
use model::signed::chain::{self, Link};
use model::signed::status::{self, CampaignUpdate, ChunkUpdate, State, StatusUpdate};
use model::signed::text::{Recognised, recognise, write_cf1, write_cfn};
use model::signed::token::{
    self, Algorithm, Claims, Serial, SignedKind, SigningKey, Verified, issue, splice,
};
use model::signed::trust::{self, Key, Root, Scope, Taken, Trust, TrustList};
use model::time::{UnixMs, Window};
use serde_json::{Value, json};

use crate::python::Python;

const VECTORS: &str = include_str!("vectors.json");
const ISSUER: [u8; 32] = [1; 32];
const ROLE: [u8; 32] = [11; 32];
const ROOTS: [[u8; 32]; 2] = [[21; 32], [22; 32]];
const TAIL: Link = [0x5A; 16];
const STEPS: u32 = 2_880;
const DAY: i64 = 24 * 3600;

#[test]
fn codes_that_python_has_made_are_believed() {
    let vectors = vectors();
    let trust = trust_of(&vectors);
    let now = seconds(&vectors["now"]);
    let codes = vectors["codes"].as_array().unwrap();
    assert_eq!(codes.len(), 7, "static and rotating ones, under both names of the algorithm");
    for code in codes {
        let name = code["name"].as_str().unwrap();
        let token = bytes(&code["token"]);
        for form in ["cf1", "cfn"] {
            let text = code[form].as_str().unwrap();
            assert_eq!(recognise(text), Recognised::Token(token.clone()), "{name} as {form}");
        }
        assert_eq!(write_cf1(&token), code["cf1"].as_str().unwrap(), "{name}: we write the same text");
        assert_eq!(write_cfn(&token), code["cfn"].as_str().unwrap(), "{name}: and the same digits");
        let verified = token::verify(&token, trust.list().unwrap(), now).unwrap();
        assert_eq!(said_by(&verified), normal(&code["claims"]), "{name} says what Python has put in");
        if code["alg"] == -19 {
            assert_eq!(reissued(&verified), token, "{name} is byte for byte what we would issue");
        }
    }
}

#[test]
fn a_root_a_list_and_an_update_that_python_has_made_are_taken() {
    let vectors = vectors();
    let trust = trust_of(&vectors);
    let list = trust.list().unwrap();
    assert_eq!(list.version, 5, "the list's version");
    assert_eq!(list.keys[0].name, "Python's key", "and its key");
    assert_eq!(list.keys[0].scope.campaigns, Some(vec![(0, 299), (300, 65_535)]), "with its scope");
    let update = status::read_update(&bytes(&vectors["update"]), &trust, seconds(&vectors["now"])).unwrap();
    assert_eq!((update.after, update.version, update.more), (10, 12, true), "the update's place");
    let chunk = &update.lists[1].chunks[0];
    let mut statuses = status::List::default();
    let covered = update.lists[1].covered;
    assert!(statuses.put(chunk.index, covered, chunk.bytes.clone()), "its chunk fits");
    let states: Vec<_> = (65_536..65_542).map(|number| statuses.state(number)).collect();
    let expected =
        [State::Redeemed, State::Unused, State::Reserved, State::Revoked, State::Redeemed].map(Some);
    assert_eq!(states[..5], expected, "says what Python has packed");
    assert_eq!(states[5], None, "and is silent beyond");
}

#[test]
fn a_short_name_is_what_python_computes_after_reproducing_the_example_of_rfc_9679() {
    let vectors = vectors();
    assert_eq!(
        vectors["rfc_9679_example"], "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec",
        "the same function gives what the standard prints"
    );
    let public = SigningKey::from_seed(ISSUER).public();
    assert_eq!(bytes(&vectors["issuer"]["public"]), public.to_bytes(), "of the same key");
    assert_eq!(bytes(&vectors["issuer"]["thumbprint"]), public.thumbprint(), "Python's thumbprint is ours");
}

#[test]
fn python_makes_the_same_vectors_afresh_where_it_can_be_had() {
    let Some(python) = Python::get() else { return };
    let made = python.run("make_vectors.py", "");
    assert!(made == VECTORS, "vectors.json is not what make_vectors.py makes now");
}

#[test]
fn python_believes_what_we_write_where_it_can_be_had() {
    let Some(python) = Python::get() else { return };
    let given = ours();
    let found: Value = serde_json::from_str(&python.run("verify.py", &given.to_string())).unwrap();
    let codes = found["codes"].as_array().unwrap();
    assert_eq!(codes.len(), our_claims().len(), "it has looked at each of them");
    let kid = hex(&SigningKey::from_seed(ISSUER).kid().0);
    for (claims, (code, text)) in
        our_claims().iter().zip(codes.iter().zip(given["codes"].as_array().unwrap()))
    {
        let Recognised::Token(token) = recognise(text["cf1"].as_str().unwrap()) else { unreachable!() };
        let verified = token::verify(&token, &our_list(), claims.issued_at).unwrap();
        assert_eq!(normal(code), said_by(&verified), "it finds the claims that we find");
        assert_eq!((&code["alg"], code["kid"].as_str()), (&json!(-19), Some(&*kid)), "under our key");
    }
    assert_eq!(found["list"][4][0][1], "ours", "it reads our list");
    assert_eq!(found["update"][5][0][2][0][2], json!("b102"), "our update with its chunk");
    assert_eq!(found["root"][3], 2, "and our root with its threshold");
}

#[test]
fn python_does_not_believe_what_was_changed_where_it_can_be_had() {
    let Some(python) = Python::get() else { return };
    for name in ["list", "update", "root"] {
        let mut given = ours();
        let frame = given[name].as_str().unwrap().to_owned();
        let last = if frame.ends_with('0') { "1" } else { "0" };
        given[name] = json!(format!("{}{last}", &frame[..frame.len() - 1]));
        let said = python.try_run("verify.py", &given.to_string());
        assert!(said.is_err_and(|said| said.contains("VerifyError")), "the {name}'s signature is looked at");
    }
}

/// A code with every field full, a bare one, and rotating ones at the ends of their chain.
fn our_claims() -> Vec<Claims> {
    let now = UnixMs(1_780_000_000_000);
    let bare = Claims {
        issuer: None,
        issued_at: now,
        not_before: None,
        expires_at: now.plus_seconds(DAY),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: 0, number: 0 },
        value: Fen(0),
        store: None,
        anchor: None,
    };
    let full = Claims {
        issuer: Some("八 by..".into()),
        not_before: Some(now.plus_seconds(1)),
        kind: SignedKind::Order,
        serial: Serial { campaign: u16::MAX, number: u32::MAX },
        value: Fen(u32::MAX.into()),
        store: Some(StoreId("sixteen bytes...".into())),
        ..bare.clone()
    };
    let rotating = Claims {
        kind: SignedKind::Member,
        serial: Serial { campaign: 7, number: 42 },
        anchor: Some(chain::anchor(TAIL, Serial { campaign: 7, number: 42 }, STEPS)),
        ..bare.clone()
    };
    vec![bare, full, rotating.clone(), rotating]
}

fn ours() -> Value {
    let key = SigningKey::from_seed(ISSUER);
    let steps = [None, None, Some(1), Some(STEPS as u16)];
    let codes = our_claims().into_iter().zip(steps).map(|(claims, step)| {
        let token = issue(&claims, &key).unwrap();
        let shown = step.map(|step| chain::reveal(TAIL, claims.serial, STEPS, step).unwrap());
        let token = shown.map_or(token.clone(), |shown| splice(&token, shown).unwrap());
        json!({"cf1": write_cf1(&token), "cfn": write_cfn(&token)})
    });
    let role = SigningKey::from_seed(ROLE);
    let now = UnixMs(1_780_000_000_000);
    let chunks = vec![ChunkUpdate { index: 3, raw_length: 2, bytes: vec![0xB1, 0x02] }];
    let lists = vec![CampaignUpdate { campaign: 7, covered: 200_000, chunks }];
    let update = StatusUpdate { after: 1, version: 2, more: false, at: now, lists };
    let roots = ROOTS.map(SigningKey::from_seed);
    let mut root_keys: Vec<_> = roots.iter().map(SigningKey::public).collect();
    root_keys.sort();
    let root = Root {
        version: 1,
        expires: now.plus_seconds(365 * DAY),
        threshold: 2,
        root_keys,
        role_keys: vec![role.public()],
    };
    json!({
        "codes": codes.collect::<Vec<_>>(),
        "issuer": hex(&key.public().to_bytes()),
        "role": hex(&role.public().to_bytes()),
        "roots": roots.iter().map(|key| hex(&key.public().to_bytes())).collect::<Vec<_>>(),
        "list": hex(&trust::sign_list(&our_list(), &role).unwrap()),
        "update": hex(&status::sign_update(&update, &role).unwrap()),
        "root": hex(&trust::sign_root(&root, &roots.iter().collect::<Vec<_>>()).unwrap()),
    })
}

fn our_list() -> TrustList {
    let now = UnixMs(1_780_000_000_000);
    let scope = Scope {
        kinds: SignedKind::ALL.into(),
        campaigns: None,
        stores: None,
        value_max: Fen(u32::MAX.into()),
    };
    let key = Key {
        public: SigningKey::from_seed(ISSUER).public(),
        name: "ours".into(),
        algorithms: [Algorithm::Ed25519].into(),
        scope,
        issues: Window::default(),
    };
    TrustList { version: 1, issued: now, expires: now.plus_seconds(30 * DAY), keys: vec![key] }
}

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

/// A till that was pinned on Python's root and has taken its list.
fn trust_of(vectors: &Value) -> Trust {
    let mut trust =
        Trust::pin(&bytes(&vectors["root"])).expect("Python's root has two of its three signatures");
    let taken = trust.take_list(&bytes(&vectors["list"]), seconds(&vectors["now"]));
    assert_eq!(taken, Ok(Taken::New), "Python's list is taken");
    trust
}

/// What a code says, in the words of the vectors; nulls for what it leaves out.
fn said_by(verified: &Verified) -> Value {
    let claims = &verified.claims;
    normal(&json!({
        "iss": claims.issuer,
        "exp": claims.expires_at.0 / 1000,
        "nbf": claims.not_before.map(|from| from.0 / 1000),
        "iat": claims.issued_at.0 / 1000,
        "kind": claims.kind.code(),
        "campaign": claims.serial.campaign,
        "number": claims.serial.number,
        "value": claims.value.0,
        "store": claims.store.as_ref().map(|store| &store.0),
        "step": verified.reveal.map(|shown| shown.step),
    }))
}

/// The fields that both sides tell, each of them.
fn normal(claims: &Value) -> Value {
    let fields = ["iss", "exp", "nbf", "iat", "kind", "campaign", "number", "value", "store", "step"];
    fields.iter().map(|field| ((*field).to_owned(), claims[*field].clone())).collect()
}

/// The same code, issued here.
fn reissued(verified: &Verified) -> Vec<u8> {
    let token = issue(&verified.claims, &SigningKey::from_seed(ISSUER)).unwrap();
    verified.reveal.map_or(token.clone(), |shown| splice(&token, shown).unwrap())
}

fn seconds(value: &Value) -> UnixMs {
    UnixMs(value.as_i64().unwrap() * 1000)
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
