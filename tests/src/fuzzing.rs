//! What is thrown at everything that reads what strangers show: any bytes, and what must hold whatever they are.
//!
//! Each [`Target`] has one function for two uses: libFuzzer calls it for as long as it is let (`tests/fuzz`), and an
//! ordinary test calls it with some thousands of changed samples. Random bytes rarely get past a signature, so that
//! the first byte of an input says what the rest is: the signed thing itself, or only its content, which is then
//! signed here with a key that is believed. The rules behind the signature are reached that way.
//!
//! This file is also the library of `tests/fuzz`, and therefore uses `model`, `wire` and two crates only.

use std::sync::OnceLock;

use coset::{CoseSign1, TaggedCborSerializable, iana};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use model::code::{Code, CodeKind, RANDOM_BYTES};
use model::entitlement::Fen;
use model::place::StoreId;
use model::profile::Profile;
use model::reading::{self, Reading};
use model::signed::chain::{self, Link, Reveal};
use model::signed::status::{self, CampaignUpdate, ChunkUpdate, State, StatusUpdate};
use model::signed::text::{self, Recognised};
use model::signed::token::{self, Algorithm, Claims, Serial, SignedKind, SigningKey, Unverified};
use model::signed::trust::{self, Key, Root, Scope, Taken, Trust, TrustList};
use model::time::{UnixMs, Window};
use wire::signature::{Answered, Asked, Claim, Digest, Fields, Input, Moment};

/// Something that reads what strangers show.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of the program under `tests/fuzz`, and of the folder of its inputs.
    pub name: &'static str,
    /// Gives it one input. Panics when something is wrong.
    pub attempt: fn(&[u8]),
    /// Inputs that get far.
    pub samples: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "reading", attempt: reading, samples: reading_samples },
    Target { name: "cf1", attempt: cf1, samples: cf1_samples },
    Target { name: "trust_list", attempt: trust_list, samples: trust_samples },
    Target { name: "status_list", attempt: status_list, samples: status_samples },
    Target { name: "line", attempt: line, samples: line_samples },
    Target { name: "signature", attempt: signature, samples: signature_samples },
];

/// A whole second in 2026.
const NOW: UnixMs = UnixMs(1_780_000_000_000);
const DAY: i64 = 24 * 3600;
const TAIL: Link = [0x5A; 16];
const STEPS: u32 = 2_880;
const ISSUER: [u8; 32] = [1; 32];
const ROLE: [u8; 32] = [11; 32];
const DEVICE: [u8; 32] = [31; 32];
const LINE_TYPE: &str = "application/counterfoil-line+cbor";
const ROOTS: [[u8; 32]; 2] = [[21; 32], [22; 32]];
const LIST_TYPE: &str = "application/counterfoil-trust-list+cbor";
const UPDATE_TYPE: &str = "application/counterfoil-status-update+cbor";
const ROOT_TYPE: &str = "application/counterfoil-root+cbor";

/// A scanned text, at a till of a chain that has every mall we know.
pub fn reading(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let found = reading::read(&text, profiles(), NOW);
    let again = |text: &str| reading::read(text, profiles(), NOW);
    match &found {
        Reading::Ours(code) | Reading::Badge(code) | Reading::Enrolment(code) => {
            assert!(again(code.secret()) == found, "a code that was read is read again as itself");
        }
        Reading::Signed(token) => {
            let written = text::write_cf1(token);
            let fits = written.len() <= text::TEXT_LENGTH_MAX;
            assert!(!fits || again(&written) == found, "so is a signed one");
        }
        Reading::Opaque(codes) => {
            assert!(!codes.is_empty(), "at least one profile fits");
            let shown = format!("{found:?}");
            for code in codes {
                let long = code.hash_input().rsplit('\n').next().filter(|code| code.len() > 8);
                assert!(long.is_none_or(|code| !shown.contains(code)), "no log shows a code: {shown}");
                let Some(text) = code.text() else { continue };
                let whole = again(text);
                assert!(!matches!(whole, Reading::Payment(_)), "what may be shown is no payment code");
            }
        }
        Reading::Command(_)
        | Reading::Payment(_)
        | Reading::Foreign(_)
        | Reading::Damaged
        | Reading::Empty
        | Reading::TooLong
        | Reading::Binary => {
            assert!(found.refusal().is_some(), "what is no code has a reason");
        }
    }
}

fn profiles() -> &'static [Profile] {
    static PROFILES: OnceLock<Vec<Profile>> = OnceLock::new();
    PROFILES.get_or_init(|| {
        let ready = wire::profile::ready();
        ready.iter().map(|profile| Profile::try_from(profile).expect("ours are in order")).collect()
    })
}

fn reading_samples() -> Vec<Vec<u8>> {
    let own = Code::issue(CodeKind::Coupon, [0xA5; RANDOM_BYTES]);
    let texts = [
        own.secret(),
        &own.secret().to_lowercase(),
        "134567890123456789",
        "285678901234567890",
        "6901234567892",
        "https://u.wechat.com/abc",
        "\u{feff}]Q1ＣＦ１",
        "]C10112345678901231",
        "CF1:BB8.",
        "CF0:CONFIRM",
        r#"{"orderId":123,"code":"4821"}"#,
        "260530123015123456",
        "https://shop.example/pages/verify?verify_code=123456789012",
        "pages/index/index?scene=code%3D12345678",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A signed code: as text, as bytes, as claims that are signed here, or as such claims with a link.
pub fn cf1(input: &[u8]) {
    let Some((way, rest)) = input.split_first() else { return };
    match way % 5 {
        0 => read_text(&String::from_utf8_lossy(rest)),
        1 => verify(rest),
        2 => verify_sealed(rest, iana::Algorithm::Ed25519),
        3 => verify_sealed(rest, iana::Algorithm::EdDSA),
        _ => {
            let Some((link, payload)) = rest.split_first_chunk::<18>() else { return };
            let sealed = seal(payload, None, ISSUER, iana::Algorithm::Ed25519);
            let shown = Reveal {
                step: u16::from_be_bytes([link[0], link[1]]),
                link: std::array::from_fn(|at| link[2 + at]),
            };
            verify(&token::splice(&sealed, shown).expect("what was sealed here is a frame"));
        }
    }
}

fn read_text(scanned: &str) {
    let Recognised::Token(bytes) = text::recognise(scanned) else { return };
    let written = [text::write_cf1(&bytes), text::write_cfn(&bytes)];
    let upper = scanned.to_ascii_uppercase();
    assert!(written.contains(&upper), "one content has one text of each form");
    for text in written.iter().filter(|text| text.len() <= text::TEXT_LENGTH_MAX) {
        // Digits are ours only from a length that no other digits have.
        if text.starts_with("CF1") || text.len() >= 120 {
            assert_eq!(text::recognise(text), Recognised::Token(bytes.clone()), "and is read back");
        }
    }
    verify(&bytes);
}

/// Whatever is believed has a signature that an independent verifier finds good too.
fn verify(bytes: &[u8]) {
    let Ok(verified) = token::verify(bytes, issuers(), NOW) else { return };
    assert!(is_signed(bytes, ISSUER), "nothing is believed without a valid signature");
    assert_eq!(
        verified.reveal.is_some(),
        verified.claims.anchor.is_some(),
        "a code shows a link exactly if it rotates"
    );
    let written = token::issue(&verified.claims, &SigningKey::from_seed(ISSUER));
    assert!(written.is_ok(), "what is believed could have been issued: {written:?}");
}

/// Claims of any content, genuinely signed: they are understood exactly if they are what the issuer writes.
fn verify_sealed(payload: &[u8], algorithm: iana::Algorithm) {
    let sealed = seal(payload, None, ISSUER, algorithm);
    let found = token::verify(&sealed, issuers(), NOW);
    match &found {
        Ok(verified) if algorithm == iana::Algorithm::Ed25519 => {
            let again = token::issue(&verified.claims, &SigningKey::from_seed(ISSUER));
            assert_eq!(again.as_deref(), Ok(&sealed[..]), "claims have one encoding");
        }
        Ok(_) => {}
        Err(Unverified::Malformed) => {
            assert!(sealed.len() > token::TOKEN_BYTES_MAX, "the frame itself is in order");
        }
        Err(reason) => {
            let fits = matches!(
                reason,
                Unverified::NotUnderstood | Unverified::RevealMissing | Unverified::OutOfScope
            );
            assert!(fits, "a genuine code is refused for its content only: {reason:?}");
        }
    }
    verify(&sealed);
}

fn cf1_samples() -> Vec<Vec<u8>> {
    let key = SigningKey::from_seed(ISSUER);
    let fixed = token::issue(&claims(), &key).expect("the sample can be issued");
    let rotating = Claims { anchor: Some(chain::anchor(TAIL, claims().serial, STEPS)), ..claims() };
    let template = token::issue(&rotating, &key).expect("the rotating sample can be issued");
    let shown = chain::reveal(TAIL, rotating.serial, STEPS, 7).expect("the chain has a seventh step");
    let dressed = token::splice(&template, shown).expect("the template is a token");
    let link = [&shown.step.to_be_bytes()[..], &shown.link].concat();
    vec![
        [&[0], text::write_cf1(&fixed).as_bytes()].concat(),
        [&[0], text::write_cfn(&dressed).as_bytes()].concat(),
        [&[1], &fixed[..]].concat(),
        [&[1], &dressed[..]].concat(),
        [&[2], &payload(&fixed)[..]].concat(),
        [&[3], &payload(&fixed)[..]].concat(),
        [&[4], &link[..], &payload(&template)].concat(),
    ]
}

/// A till's trust: pinned, restored, or brought forward by a root or a list.
pub fn trust_list(input: &[u8]) {
    let Some((way, rest)) = input.split_first() else { return };
    match way % 6 {
        0 => {
            if let Ok(trust) = Trust::pin(rest) {
                assert!(is_signed_under(rest, trust.root()), "a root is signed by enough of its own keys");
                comes_back(&trust);
            }
        }
        1 => {
            if let Ok(trust) = Trust::restore(rest) {
                assert_eq!(trust.as_bytes(), rest, "what is stored has one encoding");
            }
        }
        2 => {
            if let Some(trust) = take(|trust| trust.take_root(rest)) {
                let both = [till().root(), trust.root()].map(|root| is_signed_under(rest, root));
                assert_eq!(
                    both, [true; 2],
                    "a root is signed by enough keys of the one before and of its own"
                );
            }
        }
        3 => {
            if take(|trust| trust.take_list(rest, NOW)).is_some() {
                assert!(is_signed(rest, ROLE), "nothing is believed without a valid signature");
            }
        }
        4 => {
            let sealed = seal(rest, Some(LIST_TYPE), ROLE, iana::Algorithm::Ed25519);
            if let Some(list) = take(|trust| trust.take_list(&sealed, NOW)).as_ref().and_then(Trust::list) {
                let again = trust::sign_list(list, &SigningKey::from_seed(ROLE));
                assert_eq!(again.as_deref(), Ok(&sealed[..]), "a list has one encoding");
            }
        }
        _ => {
            let sealed = seal_root(rest);
            if let Some(trust) = take(|trust| trust.take_root(&sealed)) {
                let again = trust::sign_root(trust.root(), &root_keys().iter().collect::<Vec<_>>());
                assert_eq!(again.as_deref(), Ok(&sealed[..]), "a root has one encoding");
            }
        }
    }
}

/// Lets a till take something. Gives its trust if it has moved; checks that it has moved forward, or not at all.
fn take(step: impl FnOnce(&mut Trust) -> Result<Taken, trust::NotTaken>) -> Option<Trust> {
    let before = till();
    let mut after = before.clone();
    let taken = step(&mut after);
    if taken != Ok(Taken::New) {
        assert_eq!(after.as_bytes(), before.as_bytes(), "{taken:?} changes nothing");
        return None;
    }
    let versions = |trust: &Trust| (trust.root().version, trust.list().map(|list| list.version));
    assert!(versions(&after) > versions(&before), "trust only moves forward");
    assert_eq!(after.pinned(), before.pinned(), "from the root that was pinned");
    comes_back(&after);
    Some(after)
}

fn comes_back(trust: &Trust) {
    let stored = trust.as_bytes();
    let back = Trust::restore(&stored).expect("what was stored comes back");
    assert_eq!((back.root(), back.list()), (trust.root(), trust.list()), "as it was");
}

fn trust_samples() -> Vec<Vec<u8>> {
    let role = SigningKey::from_seed(ROLE);
    let next = trust::sign_list(&list(6), &role).expect("the sample list is in order");
    let roots = root_keys();
    let root = trust::sign_root(&root(2), &roots.iter().collect::<Vec<_>>()).expect("so is the root");
    let pinned = trust::sign_root(&self::root(1), &roots.iter().collect::<Vec<_>>()).expect("and the first");
    let root_payload = coset::CoseSign::from_tagged_slice(&root).ok().and_then(|root| root.payload);
    vec![
        [&[0], &pinned[..]].concat(),
        [&[1], &till().as_bytes()[..]].concat(),
        [&[2], &root[..]].concat(),
        [&[3], &next[..]].concat(),
        [&[4], &payload(&next)[..]].concat(),
        [&[5], &root_payload.unwrap_or_default()[..]].concat(),
    ]
}

/// A journal line: signed, or signed here; and a whole exported journal.
pub fn line(input: &[u8]) {
    use wire::line;
    let Some((way, rest)) = input.split_first() else { return };
    let key = SigningKey::from_seed(DEVICE);
    match way % 3 {
        0 => {
            if line::decode(rest, key.public()).is_ok() {
                assert!(is_signed(rest, DEVICE), "nothing is believed without a valid signature");
            }
            let _ = line::recall(rest);
        }
        1 => {
            let sealed = seal(rest, Some(LINE_TYPE), DEVICE, iana::Algorithm::Ed25519);
            let Ok(read) = line::decode(&sealed, key.public()) else { return };
            assert_eq!(line::peek(&sealed).as_ref(), Ok(&read), "a look without a key sees the same");
            assert_eq!(wire::cbor::check(rest), Ok(()), "only one encoding is read");
            let again = line::encode(&read, &key);
            assert_eq!(line::decode(&again, key.public()), Ok(read), "what is written again reads the same");
        }
        _ => drop(wire::export::read(rest)),
    }
}

fn line_samples() -> Vec<Vec<u8>> {
    use wire::line::{self, Act, GENESIS, LINE_VERSION, Line, Why};
    let key = SigningKey::from_seed(DEVICE);
    let act = Act::Opened { why: Why::First, before: None };
    let opened = Line {
        version: LINE_VERSION,
        device: "till-1".into(),
        epoch: 1,
        seq: 1,
        prev: GENESIS,
        at: NOW.0,
        clock: None,
        act,
    };
    let signed = line::encode(&opened, &key);
    let header = wire::export::Header {
        version: wire::export::EXPORT_VERSION,
        device: "till-1".into(),
        till: String::new(),
        store: String::new(),
        key: wire::codes::hex(&key.public().to_bytes()),
        at: NOW.0,
        epochs: vec![wire::export::Range { epoch: 1, first: 1, last: 1 }],
    };
    let export = wire::export::write(&header, std::slice::from_ref(&signed), &key);
    vec![[&[0], &signed[..]].concat(), [&[1], &payload(&signed)[..]].concat(), [&[2], &export[..]].concat()]
}

/// A status update: signed, or signed here; and a compressed chunk alone.
pub fn status_list(input: &[u8]) {
    let Some((way, rest)) = input.split_first() else { return };
    match way % 3 {
        0 => {
            if let Ok(update) = status::read_update(rest, &till(), NOW) {
                assert!(is_signed(rest, ROLE), "nothing is believed without a valid signature");
                apply(&update);
            }
        }
        1 => {
            let sealed = seal(rest, Some(UPDATE_TYPE), ROLE, iana::Algorithm::Ed25519);
            if let Ok(update) = status::read_update(&sealed, &till(), NOW) {
                let again = status::sign_update(&update, &SigningKey::from_seed(ROLE));
                assert_eq!(again.as_deref(), Ok(&sealed[..]), "an update has one encoding");
                apply(&update);
            }
        }
        _ => {
            let Some((length, bytes)) = rest.split_first_chunk::<2>() else { return };
            unpack(bytes, u16::from_be_bytes(*length));
        }
    }
}

fn apply(update: &StatusUpdate) {
    for campaign in &update.lists {
        let mut list = status::List::default();
        for chunk in &campaign.chunks {
            let Some(unpacked) = unpack(&chunk.bytes, chunk.raw_length) else { continue };
            let first = u32::from(chunk.index) << 16;
            assert!(list.put(chunk.index, campaign.covered, unpacked), "a chunk that was unpacked fits");
            let told = 4 * u32::from(chunk.raw_length);
            for number in [first, first + told.saturating_sub(1), first + told.min(0xFFFF)] {
                let known = number < campaign.covered && number - first < told;
                assert_eq!(list.state(number).is_some(), known, "told exactly where it is covered");
            }
        }
        assert_eq!(list.state(campaign.covered), None, "past its end nothing is known");
    }
}

fn unpack(bytes: &[u8], length: u16) -> Option<Vec<u8>> {
    let unpacked = wire::status::decompress(bytes, length.into()).ok()?;
    assert_eq!(unpacked.len(), usize::from(length), "a chunk is exactly as long as was said");
    let again = wire::status::decompress(&wire::status::compress(&unpacked), length.into());
    assert_eq!(again.as_ref(), Ok(&unpacked), "and survives being sent on");
    Some(unpacked)
}

fn status_samples() -> Vec<Vec<u8>> {
    let chunk =
        status::pack(&[State::Redeemed, State::Unused, State::Revoked, State::Reserved, State::Redeemed]);
    let small = wire::status::compress(&chunk);
    let chunks = vec![ChunkUpdate { index: 1, raw_length: chunk.len() as u16, bytes: small.clone() }];
    let lists = vec![
        CampaignUpdate { campaign: 2, covered: 0, chunks: vec![] },
        CampaignUpdate { campaign: 7, covered: 65_540, chunks },
    ];
    let update = StatusUpdate { after: 10, version: 12, more: true, at: NOW, lists };
    let signed = status::sign_update(&update, &SigningKey::from_seed(ROLE)).expect("the sample is in order");
    vec![
        [&[0], &signed[..]].concat(),
        [&[1], &payload(&signed)[..]].concat(),
        [&[2, 0, chunk.len() as u8], &small[..]].concat(),
    ]
}

fn claims() -> Claims {
    Claims {
        issuer: Some("CF".into()),
        issued_at: NOW,
        not_before: None,
        expires_at: NOW.plus_seconds(DAY),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: 7, number: 42 },
        value: Fen(2_000),
        store: Some(StoreId("s-0123".into())),
        anchor: None,
    }
}

/// One issuing key, which may issue nearly anything: not above 100,000 yuan.
fn issuers() -> &'static TrustList {
    static ISSUERS: OnceLock<TrustList> = OnceLock::new();
    ISSUERS.get_or_init(|| list(5))
}

fn list(version: u32) -> TrustList {
    let scope =
        Scope { kinds: SignedKind::ALL.into(), campaigns: None, stores: None, value_max: Fen(10_000_000) };
    let key = Key {
        public: SigningKey::from_seed(ISSUER).public(),
        name: "sample".into(),
        algorithms: [Algorithm::Ed25519, Algorithm::EdDsa].into(),
        scope,
        issues: Window::default(),
    };
    TrustList { version, issued: NOW, expires: NOW.plus_seconds(30 * DAY), keys: vec![key] }
}

fn root(version: u32) -> Root {
    let mut root_keys: Vec<_> = root_keys().iter().map(SigningKey::public).collect();
    root_keys.sort();
    Root {
        version,
        expires: NOW.plus_seconds(365 * DAY),
        threshold: 2,
        root_keys,
        role_keys: vec![SigningKey::from_seed(ROLE).public()],
    }
}

fn root_keys() -> [SigningKey; 2] {
    ROOTS.map(SigningKey::from_seed)
}

/// A till that holds root 1 and list 5.
fn till() -> Trust {
    static TILL: OnceLock<Trust> = OnceLock::new();
    let made = || {
        let roots = root_keys();
        let pinned = trust::sign_root(&root(1), &roots.iter().collect::<Vec<_>>());
        let mut trust = Trust::pin(&pinned.expect("the root is in order")).expect("and signed");
        let list = trust::sign_list(&list(5), &SigningKey::from_seed(ROLE)).expect("the list is in order");
        trust.take_list(&list, NOW).expect("and is taken");
        trust
    };
    TILL.get_or_init(made).clone()
}

/// Any payload, signed as the backend signs, by an implementation that knows nothing of our rules.
fn seal(payload: &[u8], media_type: Option<&str>, seed: [u8; 32], algorithm: iana::Algorithm) -> Vec<u8> {
    let kid = SigningKey::from_seed(seed).kid();
    let header = coset::HeaderBuilder::new().algorithm(algorithm).key_id(kid.0.to_vec());
    let header = match media_type {
        Some(media_type) => header.content_type(media_type.into()),
        None => header,
    };
    coset::CoseSign1Builder::new()
        .protected(header.build())
        .payload(payload.to_vec())
        .create_signature(b"", |data| ed25519_dalek::SigningKey::from_bytes(&seed).sign(data).to_vec())
        .build()
        .to_tagged_vec()
        .expect("a frame can be written")
}

/// The same for a root, by both root keys.
fn seal_root(payload: &[u8]) -> Vec<u8> {
    let body = coset::HeaderBuilder::new().content_type(ROOT_TYPE.into()).build();
    let frame = coset::CoseSignBuilder::new().protected(body).payload(payload.to_vec());
    let signed = ROOTS.into_iter().fold(frame, |frame, seed| {
        let kid = SigningKey::from_seed(seed).kid().0.to_vec();
        let header = coset::HeaderBuilder::new().algorithm(iana::Algorithm::Ed25519).key_id(kid).build();
        let signature = coset::CoseSignatureBuilder::new().protected(header).build();
        frame.add_created_signature(signature, b"", |data| {
            ed25519_dalek::SigningKey::from_bytes(&seed).sign(data).to_vec()
        })
    });
    signed.build().to_tagged_vec().expect("a frame can be written")
}

/// What an implementation that knows nothing of our rules says of the signature.
fn is_signed(bytes: &[u8], seed: [u8; 32]) -> bool {
    let public: VerifyingKey = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    CoseSign1::from_tagged_slice(bytes).is_ok_and(|frame| {
        frame
            .verify_signature(b"", |signature, data| {
                public.verify_strict(data, &Signature::from_slice(signature)?)
            })
            .is_ok()
    })
}

/// The same of a root's signatures: whether enough of the keys that `root` names have signed.
fn is_signed_under(bytes: &[u8], root: &Root) -> bool {
    let Ok(frame) = coset::CoseSign::from_tagged_slice(bytes) else { return false };
    let has_signed = |key: &VerifyingKey| {
        (0..frame.signatures.len()).any(|which| {
            frame
                .verify_signature(which, b"", |signature, data| {
                    key.verify_strict(data, &Signature::from_slice(signature)?)
                })
                .is_ok()
        })
    };
    let keys = root.root_keys.iter().filter_map(|key| VerifyingKey::from_bytes(&key.to_bytes()).ok());
    keys.filter(has_signed).count() >= usize::from(root.threshold)
}

fn payload(frame: &[u8]) -> Vec<u8> {
    let frame = CoseSign1::from_tagged_slice(frame).expect("the sample is a frame");
    frame.payload.expect("which has its content inside")
}

/// The header fields of a signed request or answer: `Signature-Input`, `Signature` and `Content-Digest`, a line each.
pub fn signature(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n').map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    let (fields, digest) = (Fields { input: next(), signature: next() }, next());
    if let Ok(read) = Input::parse(&fields.input) {
        assert!(read.to_field() == fields.input, "one content has one spelling");
    }
    if let Ok(read) = Digest::parse(&digest) {
        assert!(read.to_field() == digest, "so has a digest");
    }
    let (key, server) = (SigningKey::from_seed(ISSUER), SigningKey::from_seed(ROLE));
    let (asked, own) = signed_request(&key);
    if let Ok(claim) = Claim::parse(&fields) {
        assert!(claim.expires > claim.created, "it was good for a while");
        let passes = claim.is_of(key.public(), &asked);
        assert!(!passes || fields == own, "nobody else signs: {fields:?}");
    }
    let answered = signed_answer(&asked, &own);
    if answered.verify(&fields, server.public()).is_some() {
        assert!(fields == answered.sign(&server, NOW.0 / 1000), "nobody else answers: {fields:?}");
    }
}

fn signed_request(key: &SigningKey) -> (Asked, Fields) {
    let asked = Asked {
        method: "PUT".into(),
        path: "/v1/redemptions/0197".into(),
        query: String::new(),
        digest: Digest::of(b"{}"),
        epoch: 1,
    };
    let fields = asked.sign(key, Moment { created: NOW.0 / 1000, nonce: [0x5A; 16] });
    (asked, fields)
}

fn signed_answer<'a>(asked: &'a Asked, fields: &'a Fields) -> Answered<'a> {
    Answered { status: 200, digest: Digest::of(b"yes"), to: asked, to_fields: fields }
}

fn signature_samples() -> Vec<Vec<u8>> {
    let (asked, own) = signed_request(&SigningKey::from_seed(ISSUER));
    let answer = signed_answer(&asked, &own).sign(&SigningKey::from_seed(ROLE), NOW.0 / 1000);
    let digest = asked.digest.to_field();
    let text = |fields: Fields| format!("{}\n{}\n{digest}", fields.input, fields.signature).into_bytes();
    vec![text(own), text(answer)]
}
