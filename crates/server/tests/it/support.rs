//! A shop for tests: a server on a socket, a clock to turn, dice that repeat, and tills that write journals.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::code::Code;
use model::redemption::Number;
use model::signed::token::{PublicKey, SigningKey};
use model::time::UnixMs;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use server::store::{Issued, Location, NewEntitlement};
use server::{Clock, Dice, Hands, Server, State, Store};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use wire::api::{self, Redeem, Redeemed};
use wire::codes::unhex;
use wire::entitlement::{Kind, Line, Standing, Store as StoreName, Take};
use wire::line::{self, Act, Begun, Decided, Outcome, Person};

use crate::signing::{Reply, Signed, enrolling};

/// When the tests happen.
pub const START: i64 = 1_800_000_000_000;

/// A clock that only a test turns.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst) / 1000
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// Dice that fall the same way in every run.
struct TestDice(AtomicU64);

impl Dice for TestDice {
    fn fill(&self, bytes: &mut [u8]) {
        let throw = self.0.fetch_add(1, Ordering::SeqCst);
        blake3::Hasher::new().update(&throw.to_be_bytes()).finalize_xof().fill(bytes);
    }
}

pub struct Shop {
    pub folder: TempDir,
    pub location: Location,
    pub clock: Arc<TestClock>,
    pub state: State,
    pub here: StoreName,
    pub there: StoreName,
    server: Option<Server>,
    dice: Arc<TestDice>,
    numbers: AtomicU64,
    tills: AtomicU64,
}

impl Shop {
    pub async fn open() -> Shop {
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let dice = Arc::new(TestDice(AtomicU64::new(0)));
        let folder = tempfile::tempdir().expect("a folder for the test");
        let hands = Hands::new(clock.clone(), dice.clone());
        let location = new_location(folder.path()).await;
        let store = Store::open_at(&location, hands).await.expect("a new database opens");
        let here = store.add_store("南山店").await.ok().flatten().expect("the first store");
        let there = store.add_store("福田店").await.ok().flatten().expect("the second store");
        let state = State::new(store);
        let server = Some(start(&state).await);
        Shop {
            folder,
            location,
            clock,
            state,
            here,
            there,
            server,
            dice,
            numbers: AtomicU64::new(1),
            tills: AtomicU64::new(1),
        }
    }

    /// Stops the server and starts another one on the same data.
    pub async fn restart(&mut self) {
        self.server.take().expect("it runs").stop().await.expect("it stops");
        let hands = Hands::new(self.clock.clone(), self.dice.clone());
        let store = Store::open_at(&self.location, hands).await.expect("the database opens again");
        self.state = State::new(store);
        self.server = Some(start(&self.state).await);
    }

    pub fn store(&self) -> &Store {
        &self.state.store
    }

    pub fn url(&self) -> String {
        self.server.as_ref().expect("it runs").url()
    }

    pub async fn issue(&self, new: NewEntitlement) -> Issued {
        self.store().issue(&[new]).await.expect("it is issued").pop().expect("one")
    }

    pub async fn enrolment_code(&self, store: &StoreName) -> Code {
        self.store().issue_enrolment(store, 10).await.expect("a code is made").code
    }

    pub async fn till(&self, store: &StoreName) -> Till {
        let code = self.enrolment_code(store).await;
        let key = self.key();
        let reply = self.enrol(code.secret(), &key, "").await;
        assert_eq!(reply.status, StatusCode::OK, "a fresh code enrols: {}", reply.text());
        let enrolled = serde_json::from_slice(&reply.body).expect("the contract's answer");
        Till { enrolled, url: self.url(), lines: Vec::new(), key, clock: self.clock.clone() }
    }

    /// A key that no other till has.
    pub fn key(&self) -> SigningKey {
        let number = self.tills.fetch_add(1, Ordering::SeqCst);
        SigningKey::from_seed(*blake3::hash(&number.to_be_bytes()).as_bytes())
    }

    /// Asks to be enrolled.
    pub async fn enrol(&self, secret: &str, key: &SigningKey, till: &str) -> Reply {
        self.enrolling(secret, key, till).send(&self.url()).await
    }

    /// What a till sends that has this code.
    pub fn enrolling(&self, secret: &str, key: &SigningKey, till: &str) -> Signed {
        enrolling(secret, key, till, self.clock.seconds())
    }

    /// A number that no other redemption has.
    pub fn number(&self) -> Number {
        let count = self.numbers.fetch_add(1, Ordering::SeqCst);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&count.to_be_bytes());
        Number::new(self.clock.now(), random)
    }

    /// The number of pieces that the server says are taken.
    pub async fn taken(&self, id: &str) -> u32 {
        let held = self.store().by_id(id).await.ok().flatten().expect("it was issued");
        held.entitlement.uses.iter().flat_map(|use_| &use_.takes).map(|take| take.quantity).sum()
    }
}

/// Where a test's database is: a file in its folder; with `COUNTERFOIL_TEST_ENGINE=postgres` a new database on the
/// server of `COUNTERFOIL_TEST_POSTGRES`, which is the URL of a database whose user may make others.
pub async fn new_location(folder: &Path) -> Location {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if std::env::var("COUNTERFOIL_TEST_ENGINE").as_deref() != Ok("postgres") {
        return Location::file(folder);
    }
    let server =
        std::env::var("COUNTERFOIL_TEST_POSTGRES").expect("COUNTERFOIL_TEST_POSTGRES names a server");
    let (address, parameters) = server.split_once('?').unwrap_or((&server, ""));
    let (address, _) = address.rsplit_once('/').expect("the URL of a database");
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let name = format!("counterfoil_it_{}_{count}", std::process::id());
    let mut conn = PgConnection::connect(&server).await.expect("the server lets its user in");
    let make = format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0");
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut conn).await.expect("its user may make databases");
    conn.close().await.expect("the connection ends");
    let url = format!("{address}/{name}?{parameters}").parse().expect("the URL of a database");
    Location::server(url, folder)
}

async fn start(state: &State) -> Server {
    Server::start(state.clone(), ([127, 0, 0, 1], 0).into()).await.expect("a free port")
}

/// Something with one line of `quantity` uses that is good at every store.
pub fn coupon(quantity: u32) -> NewEntitlement {
    let line = Line {
        sku: "coupon".into(),
        name: "满 100 减 20 券".into(),
        variant: String::new(),
        shelf: String::new(),
        quantity,
    };
    NewEntitlement {
        kind: Kind::AmountOff { fen: 2_000 },
        title: "满 100 减 20 券".into(),
        lines: vec![line],
        standing: Standing::Good,
        valid_from: Some(START - 86_400_000),
        valid_until: Some(START + 86_400_000),
        stores: None,
        spend_min: 10_000,
        value: 2_000,
        holder: "王*".into(),
        notes: Vec::new(),
        member: None,
    }
}

pub fn takes() -> Vec<Take> {
    vec![Take { sku: "coupon".into(), quantity: 1 }]
}

/// A till: what it was told at enrolment, its key, and its journal.
pub struct Till {
    pub enrolled: api::Enrolled,
    pub url: String,
    pub lines: Vec<Vec<u8>>,
    pub key: SigningKey,
    pub clock: Arc<TestClock>,
}

impl Till {
    /// The same till with a journal that has nothing in it.
    pub fn emptied(&self) -> Till {
        let (key, clock) = (self.key.clone(), self.clock.clone());
        Till { enrolled: self.enrolled.clone(), url: self.url.clone(), lines: Vec::new(), key, clock }
    }

    /// The key by which it knows the server.
    pub fn server_key(&self) -> PublicKey {
        let key = unhex(&self.enrolled.answer_key).and_then(|key| PublicKey::from_bytes(&key));
        key.expect("the server has told its key")
    }

    /// A request as this till sends it now.
    pub fn signed(&self, method: Method, target: &str, body: Vec<u8>) -> Signed {
        Signed::new(&method, target, body, &self.key, self.clock.seconds())
    }

    /// Sends a request, whose answer must be the server's own.
    pub async fn send(&self, request: &Signed) -> Reply {
        let reply = request.send(&self.url).await;
        let time = reply.time(request, self.server_key());
        assert_eq!(time, Some(self.clock.seconds()), "every answer is signed: {}", reply.text());
        reply
    }

    pub async fn call<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> (StatusCode, String) {
        let body = body.map(|body| serde_json::to_vec(body).expect("it can be written")).unwrap_or_default();
        let reply = self.send(&self.signed(method, path, body)).await;
        (reply.status, reply.text())
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, text) = self.call(Method::GET, path, None::<&()>).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }

    pub fn asking(&self, id: &str) -> Redeem {
        Redeem { entitlement: id.into(), takes: takes(), clerk: "李娜".into(), at: START, moment: None }
    }

    /// The status and the exact text of the answer.
    pub async fn put(&self, number: Number, redeem: &Redeem) -> (StatusCode, String) {
        self.call(Method::PUT, &format!("/v1/redemptions/{number}"), Some(redeem)).await
    }

    pub async fn redeem(&self, number: Number, id: &str) -> Redeemed {
        let (status, text) = self.put(number, &self.asking(id)).await;
        assert_eq!(status, StatusCode::OK, "a decision is no error: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }

    pub async fn ask(&self, number: Number) -> api::Fate {
        let (status, text) =
            self.call(Method::POST, &format!("/v1/redemptions/{number}/ask"), None::<&()>).await;
        assert_eq!(status, StatusCode::OK, "a number can always be asked for: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }

    /// Writes a line into the journal, which is not yet handed in.
    pub fn write(&mut self, at: i64, act: Act) {
        let line = line::Line {
            version: line::LINE_VERSION,
            device: self.enrolled.device.clone(),
            epoch: 1,
            seq: self.lines.len() as u64 + 1,
            prev: self.lines.last().map_or(line::GENESIS, |bytes| line::hash(bytes)),
            at,
            clock: None,
            act,
        };
        self.lines.push(line::encode(&line, &self.key));
    }

    pub fn begin(&mut self, number: Number, id: &str, at: i64) {
        self.begin_pieces(number, id, at, 1);
    }

    fn begin_pieces(&mut self, number: Number, id: &str, at: i64, pieces: u32) {
        let take = line::NamedTake { sku: "coupon".into(), name: "券".into(), quantity: pieces };
        let begun = Begun {
            number: number.to_string(),
            entitlement: id.into(),
            version: 1,
            kind: "coupon".into(),
            title: "满 100 减 20 券".into(),
            code_tail: "0000".into(),
            takes: vec![take],
            value: 2_000,
            clerk: clerk(),
            source: "wedge".into(),
            heard_at: at,
            copy: None,
            asking: true,
            clock: None,
            proof: None,
            policy: None,
        };
        self.write(at, Act::Begun(begun));
    }

    pub fn decide(&mut self, number: Number, outcome: Outcome, at: i64) {
        let decided = Decided {
            number: number.to_string(),
            begun: None,
            outcome,
            reason: if outcome == Outcome::Accepted { "redeemed" } else { "copy_too_old" }.into(),
            basis: line::Basis::Copy { as_of: at, silence: "timed_out".into() },
            left: 0,
            quantity: 1,
            earlier: None,
            risk: None,
        };
        self.write(at, Act::Decided(decided));
    }

    /// Begun and accepted offline.
    pub fn accept(&mut self, number: Number, id: &str, at: i64) {
        self.begin(number, id, at);
        self.decide(number, Outcome::Accepted, at);
    }

    /// So many pieces, begun and accepted offline.
    pub fn accept_pieces(&mut self, number: Number, id: &str, at: i64, pieces: u32) {
        self.begin_pieces(number, id, at, pieces);
        self.decide(number, Outcome::Accepted, at);
    }

    pub fn undo(&mut self, number: Number, of: Number, at: i64) {
        self.undo_part(number, of, at, 0);
    }

    /// So many pieces of a redemption are taken back; 0: all.
    pub fn undo_part(&mut self, number: Number, of: Number, at: i64, pieces: u32) {
        let take = line::NamedTake { sku: "coupon".into(), name: "券".into(), quantity: pieces };
        self.write(
            at,
            Act::Undone {
                number: number.to_string(),
                of: of.to_string(),
                clerk: clerk(),
                takes: if pieces == 0 { vec![] } else { vec![take] },
                reason: "changed_mind".into(),
            },
        );
    }

    /// Hands in the lines behind `after`: the status and the exact text of the answer.
    pub async fn hand_in(&self, after: usize) -> (StatusCode, String) {
        let lines = self.lines[after..].to_vec();
        self.hand_in_raw(&api::Lines { epoch: 1, after: after as u64, lines }).await
    }

    pub async fn hand_in_raw(&self, lines: &api::Lines) -> (StatusCode, String) {
        self.hand_in_to(&self.enrolled.device, lines).await
    }

    /// Hands in lines as those of `device`.
    pub async fn hand_in_to(&self, device: &str, lines: &api::Lines) -> (StatusCode, String) {
        let api::Lines { epoch, after, lines } = lines;
        let target = format!("/v1/devices/{device}/lines?epoch={epoch}&after={after}");
        let mut request = self.signed(Method::POST, &target, wire::lines::pack(lines));
        request.headers.push(("content-encoding", wire::lines::ENCODING.to_owned()));
        let reply = self.send(&request).await;
        (reply.status, reply.text())
    }

    /// Hands in the lines behind `after`, which must be taken.
    pub async fn push(&self, after: usize) -> api::Intake {
        let (status, text) = self.hand_in(after).await;
        assert_eq!(status, StatusCode::OK, "the lines are taken: {text}");
        serde_json::from_str(&text).expect("the contract's answer")
    }

    pub async fn page(&self, after: u64, wait: u64) -> api::Page {
        self.get(&format!("/v1/feeds/{}?after={after}&wait={wait}", self.enrolled.feed)).await
    }
}

fn clerk() -> Person {
    Person { id: "staff-1".into(), name: "李娜".into() }
}

/// The problem in an answer.
pub fn problem(text: &str) -> api::Problem {
    serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("a problem in the contract's form ({error}): {text}"))
}

/// Sends a request; every answer must carry the contract's version.
pub async fn send<B: Serialize>(
    url: &str,
    method: Method,
    path: &str,
    token: &str,
    body: Option<&B>,
) -> (StatusCode, String) {
    // Whoever comes second finds a provider installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.request(method, format!("{url}{path}"));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.expect("the server answers");
    let version = response.headers().get(wire::VERSION_HEADER).map(|value| value.as_bytes().to_owned());
    assert_eq!(version.as_deref(), Some(wire::VERSION.as_bytes()), "{path} says which contract it is in");
    (response.status(), response.text().await.expect("a whole answer"))
}
