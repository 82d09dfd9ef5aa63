//! How long a till needs from a scanned text to an offer when there is no server, by kind of code; and how large a
//! status list is on its way.
//!
//! Each time is held against a baseline of the same run that does the unavoidable part alone: one Ed25519
//! verification, and the hashes of a day's chain. Ends with an error if a figure is missed. Limits are for the median,
//! since the slowest of such short times belong to whatever else the machine was doing; they are printed beside it.
#![expect(clippy::print_stdout, reason = "a bench speaks by printing")]

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use ed25519_dalek::{Signature, Signer};
use model::campaign::Campaign;
use model::code::{Code, CodeKind, RANDOM_BYTES};
use model::decide::{Known, Offer, Origin, offer};
use model::entitlement::{Benefit, Entitlement, EntitlementId, Fen, Kind, Line, Stores};
use model::place::{DeviceId, Place, StoreId};
use model::profile::Profile;
use model::prove;
use model::reading::{self, Reading};
use model::signed::chain;
use model::signed::status::{
    CHUNK_BYTES, CHUNK_SERIALS, CampaignUpdate, ChunkUpdate, List, State, StatusUpdate, sign_update,
};
use model::signed::text::write_cf1;
use model::signed::token::{Algorithm, Claims, Serial, SignedKind, SigningKey, issue, splice, verify};
use model::signed::trust::{Key, Scope, TrustList};
use model::time::{UnixMs, Window};
use model::verdict::Silence;
use sha2::{Digest, Sha256};
use tests::hands::SeededDice;

const NOW: UnixMs = UnixMs(1_780_000_000_000);
const DAY: i64 = 24 * 3600;
/// A day of rotation.
const STEPS: u16 = 2_880;
const STORE_KEY: [u8; 32] = [7; 32];
const CODES: usize = 200;
const ROUNDS: usize = 10;
const SERIALS: u32 = 1_000_000;
const USED: u32 = SERIALS / 100;
const OPAQUE_MAX: Duration = Duration::from_micros(20);
const SIGNED_MAX: Duration = Duration::from_micros(150);
const ROTATING_MAX: Duration = Duration::from_millis(1);
const LIST_BYTES_MAX: usize = 20_000;

fn main() -> ExitCode {
    let public = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key();
    let verification = measured(&baseline_messages(), |(message, signature)| {
        black_box(public.verify_strict(message, signature)).is_ok()
    });
    let chain = measured(&[[0x5A; 64]; 20], |text| {
        let hashed = (0..STEPS).fold(*text, |mut text, _| {
            let hash = Sha256::digest(text);
            text[..32].copy_from_slice(&hash);
            text
        });
        black_box(hashed)[0] == hashed[0]
    });
    let till = Till::new();
    let opaque = measured(&till.opaque, |text| till.offer(text, NOW).is_some());
    let signed = measured(&till.signed, |text| till.offer(text, NOW).is_some());
    let evening = NOW.plus_seconds(DAY - 30);
    let rotating = measured(&till.rotating, |text| till.offer(text, evening).is_some());
    let rows = [
        Row::of("opaque code → offer", &opaque, OPAQUE_MAX, "one Ed25519 verification", &verification),
        Row::of("signed code → offer", &signed, SIGNED_MAX, "one Ed25519 verification", &verification),
        Row::of(
            "rotating code, last step of a day → offer",
            &rotating,
            ROTATING_MAX,
            "2,880 SHA-256 of 64 bytes",
            &chain,
        ),
        status_list(),
    ];
    println!("\n| figure | measured | baseline | limit | verdict |\n|---|---|---|---|---|");
    for row in &rows {
        let verdict = if row.met { "met" } else { "MISSED" };
        println!("| {} | {} | {} | {} | {verdict} |", row.figure, row.measured, row.baseline, row.limit);
    }
    if rows.iter().all(|row| row.met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Row {
    figure: String,
    measured: String,
    baseline: String,
    limit: String,
    met: bool,
}

impl Row {
    fn of(figure: &str, ours: &Times, limit: Duration, baseline: &str, theirs: &Times) -> Row {
        let ratio = ours.median.as_secs_f64() / theirs.median.as_secs_f64().max(f64::MIN_POSITIVE);
        Row {
            figure: format!("{figure}: p50 (p99)"),
            measured: ours.say(),
            baseline: format!("{baseline}: {}; ratio {ratio:.2}", theirs.say()),
            limit: format!("{} µs", limit.as_micros()),
            met: ours.median <= limit,
        }
    }
}

struct Times {
    median: Duration,
    slow: Duration,
}

impl Times {
    fn say(&self) -> String {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        format!("{:.1} µs ({:.1} µs)", micros(self.median), micros(self.slow))
    }
}

/// Does the work on each of `things` several times over; it must always succeed.
fn measured<T>(things: &[T], work: impl Fn(&T) -> bool) -> Times {
    let mut times = vec![];
    for round in 0..=ROUNDS {
        for thing in things {
            let (took, good) = timed(|| work(black_box(thing)));
            assert!(good, "what is measured works");
            // The first round warms up.
            if round > 0 {
                times.push(took);
            }
        }
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).clamp(1, times.len()) - 1];
    Times { median: at(50), slow: at(99) }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = std::time::Instant::now();
    let done = work();
    (began.elapsed(), done)
}

/// Messages as long as those of codes, with their signatures.
fn baseline_messages() -> Vec<([u8; 100], Signature)> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    (0..CODES as u8).map(|number| [number; 100]).map(|message| (message, key.sign(&message))).collect()
}

/// What a till looks at while it cannot reach the server, all in memory.
struct Till {
    profiles: Vec<Profile>,
    copy: HashMap<String, Entitlement>,
    list: TrustList,
    campaign: Campaign,
    statuses: List,
    place: Place,
    opaque: Vec<String>,
    signed: Vec<String>,
    rotating: Vec<String>,
}

impl Till {
    fn new() -> Till {
        let dice = SeededDice::new(1);
        let ready = wire::profile::ready();
        let profiles =
            ready.iter().map(|profile| Profile::try_from(profile).expect("ours are in order")).collect();
        let codes: Vec<Code> = (0..CODES)
            .map(|_| {
                let random: [u8; RANDOM_BYTES] = std::array::from_fn(|_| dice.next() as u8);
                Code::issue(CodeKind::Coupon, random)
            })
            .collect();
        let campaign = campaign();
        let copied = campaign.entitlement(&claims(0)).expect("the campaign says everything");
        let copy = codes.iter().enumerate().map(|(number, code)| {
            let id = EntitlementId(format!("e-{number}"));
            (wire::code_hash(&STORE_KEY, code), Entitlement { id, ..copied.clone() })
        });
        let mut statuses = List::default();
        statuses.set(CODES as u32, State::Redeemed);
        let key = SigningKey::from_seed([1; 32]);
        Till {
            profiles,
            copy: copy.collect(),
            list: list(&key),
            campaign,
            statuses,
            place: Place { store: StoreId("s-0123".into()), device: DeviceId("till-1".into()) },
            opaque: codes.iter().map(|code| code.secret().to_owned()).collect(),
            signed: (0..CODES as u32).map(|number| write_cf1(&fixed(&claims(number), &key))).collect(),
            rotating: (0..CODES as u32).map(|number| write_cf1(&rotating(claims(number), &key))).collect(),
        }
    }

    /// From the text to what a clerk would see.
    fn offer(&self, text: &str, now: UnixMs) -> Option<Offer> {
        let silence = Silence::Unreachable;
        let (entitlement, origin) = match reading::read(text, &self.profiles, now) {
            Reading::Ours(code) => {
                let copied = self.copy.get(&wire::code_hash(&STORE_KEY, &code))?;
                (copied.clone(), Origin::Copy(silence))
            }
            Reading::Signed(token) => {
                let verified = verify(&token, &self.list, now).ok()?;
                let serial = verified.claims.serial;
                let refused = prove::untimely(&verified, now, None)
                    .or_else(|| prove::against(self.statuses.state(serial.number)));
                if refused.is_some() {
                    return None;
                }
                (self.campaign.entitlement(&verified.claims)?, Origin::Signature(silence))
            }
            _ => return None,
        };
        let known = Known { entitlement, heard_at: now, origin, mine: vec![], undone: BTreeSet::new() };
        offer(&known, &self.place, now).ok()
    }
}

fn campaign() -> Campaign {
    let line = Line {
        sku: "coupon".into(),
        name: "满 100 减 20 券".into(),
        variant: String::new(),
        shelf: String::new(),
        quantity: 1,
    };
    Campaign {
        number: 7,
        title: "满 100 减 20 券".into(),
        kind: Kind::Coupon(Benefit::AmountOff(Fen(2_000))),
        lines: vec![line],
        window: Window::default(),
        stores: Stores::Any,
        spend_min: Fen(10_000),
        notes: vec!["每桌限用一张".into()],
        complete: true,
    }
}

fn claims(number: u32) -> Claims {
    Claims {
        issuer: Some("CF".into()),
        issued_at: NOW,
        not_before: None,
        expires_at: NOW.plus_seconds(DAY),
        kind: SignedKind::Coupon,
        serial: Serial { campaign: 7, number },
        value: Fen(2_000),
        store: Some(StoreId("s-0123".into())),
        anchor: None,
    }
}

fn fixed(claims: &Claims, key: &SigningKey) -> Vec<u8> {
    issue(claims, key).expect("the claims are in order")
}

/// During the last step of its day, the longest way down to the anchor.
fn rotating(claims: Claims, key: &SigningKey) -> Vec<u8> {
    let (tail, serial) = ([0x5A; 16], claims.serial);
    let claims = Claims { anchor: Some(chain::anchor(tail, serial, STEPS.into())), ..claims };
    let shown = chain::reveal(tail, serial, STEPS.into(), STEPS).expect("the chain has a last step");
    splice(&fixed(&claims, key), shown).expect("what was issued is a token")
}

/// Eight keys, of which the last one has signed.
fn list(key: &SigningKey) -> TrustList {
    let scope =
        Scope { kinds: SignedKind::ALL.into(), campaigns: None, stores: None, value_max: Fen(1_000_000) };
    let listed = |key: &SigningKey| Key {
        public: key.public(),
        name: "coupons".into(),
        algorithms: [Algorithm::Ed25519].into(),
        scope: scope.clone(),
        issues: Window::default(),
    };
    let others = (2..9).map(|seed| listed(&SigningKey::from_seed([seed; 32])));
    let keys = others.chain([listed(key)]).collect();
    TrustList { version: 1, issued: NOW, expires: NOW.plus_seconds(30 * DAY), keys }
}

/// A whole list as a till fetches it the first time.
fn status_list() -> Row {
    let dice = SeededDice::new(2);
    let mut list = List::default();
    let mut used = BTreeSet::new();
    while used.len() < USED as usize {
        used.insert(dice.below(SERIALS.into()) as u32);
    }
    used.iter().for_each(|number| list.set(*number, State::Redeemed));
    let chunks: Vec<ChunkUpdate> = list
        .chunks()
        .map(|(index, chunk)| ChunkUpdate {
            index,
            raw_length: chunk.len() as u16,
            bytes: wire::status::compress(chunk),
        })
        .collect();
    assert_eq!(chunks.len(), SERIALS.div_ceil(CHUNK_SERIALS) as usize, "every chunk is sent");
    let plain = chunks.len() * CHUNK_BYTES;
    let lists = vec![CampaignUpdate { campaign: 7, covered: SERIALS, chunks }];
    let update = StatusUpdate { after: 0, version: 1, more: false, at: NOW, lists };
    let bytes = sign_update(&update, &SigningKey::from_seed([11; 32])).expect("the update is in order").len();
    // What no encoding can go below: the entropy of a hundredth.
    let share = f64::from(USED) / f64::from(SERIALS);
    let bits = -(share * share.log2() + (1.0 - share) * (1.0 - share).log2());
    Row {
        figure: format!("status list of {SERIALS} serials, {USED} used, signed, on the wire"),
        measured: format!("{bytes} bytes"),
        baseline: format!(
            "{:.0} bytes is the entropy; {plain} bytes unpacked",
            bits * f64::from(SERIALS) / 8.0
        ),
        limit: format!("{LIST_BYTES_MAX} bytes"),
        met: bytes <= LIST_BYTES_MAX,
    }
}
