//! The line to the server: what is asked and what is answered. [`crate::transport`] carries it.
//!
//! Every request is signed, and only what the server has signed as the answer to it is one: a portal, a proxy, or a
//! stranger on the shop's network can keep a till from its server, and nothing else (see [`crate::signer`]).
//!
//! A [`LinkError`] says what it means for the next step. [`LinkError::Silent`] leaves the outcome unknown: the same
//! number may be sent again, a new one never. The other two are answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::signed::token::{PublicKey, SigningKey};
use model::time::MonotonicMs;
use model::verdict::Silence;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::api::{
    Candidates, Enrol, Enrolled, Fate, Found, Intake, Lines, Lookup, OwnLines, Page, Practice, Problem,
    Redeem, Redeemed, Setup, Snapshot, Wanted,
};
use wire::case::CasesPage;
use wire::codes::{hex, unhex};
use wire::enrolment::{self, Known};

use crate::folder::Identity;
use crate::real::{Clock, Dice};
use crate::retry;
use crate::signer::{self, Signer};
use crate::transport::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, Http, Method, RETRY_AFTER, Reply, Request,
    StatusCode, Transport,
};

/// Why there is no answer of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing usable came back: what became of the request is unknown.
    #[error("the server was not heard ({})", .0.code())]
    Silent(Silence),
    /// The server has barred this till.
    #[error("the server has barred this till")]
    Barred,
    /// The server answered that it will not.
    #[error("the server says {}: {}", .0.error, .0.message)]
    Problem(Problem),
}

impl LinkError {
    /// Why the server was not heard, if it was not.
    pub fn silence(&self) -> Option<Silence> {
        match self {
            LinkError::Silent(silence) => Some(*silence),
            LinkError::Barred | LinkError::Problem(_) => None,
        }
    }
}

/// How far a till follows what the server tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The epoch of the feed; empty before the first page.
    pub epoch: String,
    /// The last entry of the feed.
    pub after: u64,
    /// What the server gave with the last page, for itself; empty before the first.
    pub receipt: String,
    /// The version of the setup.
    pub setup: u64,
    /// The number of the status lists; nothing while this till believes nobody who could tell them.
    pub status: Option<u64>,
    /// The number of the store's cases.
    pub cases: u64,
}

/// What a till asks of its server.
#[async_trait]
pub trait Link: Send + Sync {
    /// What the chain says about this till.
    async fn setup(&self, deadline: Duration) -> Result<Setup, LinkError>;
    /// The entitlement of a code or an id.
    async fn lookup(&self, lookup: &Lookup, deadline: Duration) -> Result<Found, LinkError>;
    /// What a mall's code may stand for at this store.
    async fn candidates(&self, wanted: &Wanted, deadline: Duration) -> Result<Candidates, LinkError>;
    /// A signed update of the status lists after that number.
    async fn status(&self, after: u64, deadline: Duration) -> Result<Vec<u8>, LinkError>;
    /// Counts a redemption under its number.
    async fn redeem(&self, number: &str, redeem: &Redeem, deadline: Duration) -> Result<Redeemed, LinkError>;
    /// What became of a number; voids it if it was not counted.
    async fn ask(&self, number: &str, deadline: Duration) -> Result<Fate, LinkError>;
    /// Hands in journal lines.
    async fn lines(&self, lines: &Lines, deadline: Duration) -> Result<Intake, LinkError>;
    /// Hands in lines that another till has exported.
    async fn carried(&self, of: &str, lines: &Lines, deadline: Duration) -> Result<Intake, LinkError>;
    /// The lines of this till's own journal behind `after` that the server holds.
    async fn own_lines(&self, epoch: u64, after: u64, deadline: Duration) -> Result<OwnLines, LinkError>;
    /// What changed after what the till holds; waits up to `wait` for something to change.
    async fn feed(&self, held: &Held, wait: Duration) -> Result<Page, LinkError>;
    /// All that the feed told at one moment, to begin with.
    async fn snapshot(&self, deadline: Duration) -> Result<Snapshot, LinkError>;
    /// A chunk of it, by its name.
    async fn chunk(&self, name: &str, deadline: Duration) -> Result<Vec<u8>, LinkError>;
    /// The store's cases that changed after that number.
    async fn cases(&self, after: u64, deadline: Duration) -> Result<CasesPage, LinkError>;
    /// A demo chain's practice codes.
    async fn practice(&self, deadline: Duration) -> Result<Vec<Practice>, LinkError>;
    /// How long the server has asked to be left alone, if it has.
    fn rest(&self) -> Option<Duration> {
        None
    }
}

/// The line of a till whose key is out of reach: nobody hears what is not signed.
pub(crate) struct Nobody;

const SILENT: LinkError = LinkError::Silent(Silence::Unreachable);

#[async_trait]
impl Link for Nobody {
    async fn setup(&self, _: Duration) -> Result<Setup, LinkError> {
        Err(SILENT)
    }

    async fn lookup(&self, _: &Lookup, _: Duration) -> Result<Found, LinkError> {
        Err(SILENT)
    }

    async fn candidates(&self, _: &Wanted, _: Duration) -> Result<Candidates, LinkError> {
        Err(SILENT)
    }

    async fn status(&self, _: u64, _: Duration) -> Result<Vec<u8>, LinkError> {
        Err(SILENT)
    }

    async fn redeem(&self, _: &str, _: &Redeem, _: Duration) -> Result<Redeemed, LinkError> {
        Err(SILENT)
    }

    async fn ask(&self, _: &str, _: Duration) -> Result<Fate, LinkError> {
        Err(SILENT)
    }

    async fn lines(&self, _: &Lines, _: Duration) -> Result<Intake, LinkError> {
        Err(SILENT)
    }

    async fn carried(&self, _: &str, _: &Lines, _: Duration) -> Result<Intake, LinkError> {
        Err(SILENT)
    }

    async fn own_lines(&self, _: u64, _: u64, _: Duration) -> Result<OwnLines, LinkError> {
        Err(SILENT)
    }

    async fn feed(&self, _: &Held, _: Duration) -> Result<Page, LinkError> {
        Err(SILENT)
    }

    async fn snapshot(&self, _: Duration) -> Result<Snapshot, LinkError> {
        Err(SILENT)
    }

    async fn chunk(&self, _: &str, _: Duration) -> Result<Vec<u8>, LinkError> {
        Err(SILENT)
    }

    async fn cases(&self, _: u64, _: Duration) -> Result<CasesPage, LinkError> {
        Err(SILENT)
    }

    async fn practice(&self, _: Duration) -> Result<Vec<Practice>, LinkError> {
        Err(SILENT)
    }
}

/// How long the server has on top of a long-poll's wait.
const FEED_DEADLINE: Duration = Duration::from_secs(10);

/// The contract over a transport.
pub struct HttpLink {
    transport: Arc<dyn Transport>,
    signer: Arc<Signer>,
    device: String,
    feed: String,
    /// Until when the server has asked to be left alone.
    rest: Mutex<Option<MonotonicMs>>,
}

impl HttpLink {
    /// The line of an enrolled till, over HTTP.
    pub fn new(identity: &Identity, signer: Arc<Signer>) -> Result<HttpLink, LinkError> {
        Ok(HttpLink::over(reach(&identity.address)?, identity, signer))
    }

    /// The line of an enrolled till, over any transport.
    pub fn over(transport: Arc<dyn Transport>, identity: &Identity, signer: Arc<Signer>) -> HttpLink {
        HttpLink {
            transport,
            signer,
            device: identity.device.clone(),
            feed: identity.feed.clone(),
            rest: Mutex::default(),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        deadline: Duration,
    ) -> Result<T, LinkError> {
        read(&self.carry(request(method, path, body)?, deadline).await?)
    }

    /// The body of a good answer.
    async fn carry(&self, request: Request, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        let both = async {
            match self.carry_once(request.clone(), deadline).await {
                // The till's clock was wrong, and the answer's signature has told the time; or something on the way
                // has sent the request twice, and lost the first answer. Signed anew it is another request.
                Err(LinkError::Problem(problem)) if matches!(&*problem.error, "clock" | "replayed") => {
                    self.carry_once(request, deadline).await
                }
                other => other,
            }
        };
        match tokio::time::timeout(deadline, both).await {
            Ok(Err(LinkError::Problem(problem))) if arrived_changed(&problem) => {
                tracing::warn!(
                    error = problem.error,
                    message = problem.message,
                    "a request did not arrive as sent"
                );
                Err(LinkError::Silent(Silence::Garbled))
            }
            Ok(outcome) => outcome,
            Err(_) => Err(LinkError::Silent(Silence::TimedOut)),
        }
    }

    async fn carry_once(&self, mut request: Request, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        if self.rest().is_some() {
            return Err(LinkError::Silent(Silence::ServerFault));
        }
        let sent = self.signer.sign(&mut request);
        let reply = self.transport.carry(request, deadline).await.map_err(LinkError::Silent)?;
        self.note_rest(&reply);
        good_answer(reply, |reply| self.signer.is_answer(&sent, reply))
    }

    /// Takes note of a server, or what stands before it, that has too much to do.
    fn note_rest(&self, reply: &Reply) {
        if !matches!(reply.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return;
        }
        let field = reply.headers.get(RETRY_AFTER).and_then(|field| field.to_str().ok());
        if let Some(asked) = field.and_then(|field| retry::after(field, self.signer.now())) {
            let until = self.signer.clock().monotonic().0 + u64::try_from(asked.as_millis()).unwrap_or(0);
            *self.rest_until() = Some(MonotonicMs(until));
        }
    }

    fn rest_until(&self) -> MutexGuard<'_, Option<MonotonicMs>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server says that what it was sent is not what was signed here.
fn arrived_changed(problem: &Problem) -> bool {
    matches!(&*problem.error, "bad_signature" | "bad_digest" | "clock" | "replayed")
}

const NOTHING: Option<&()> = None;

#[async_trait]
impl Link for HttpLink {
    async fn setup(&self, deadline: Duration) -> Result<Setup, LinkError> {
        self.call(Method::GET, "v1/setup", NOTHING, deadline).await
    }

    async fn lookup(&self, lookup: &Lookup, deadline: Duration) -> Result<Found, LinkError> {
        self.call(Method::POST, "v1/lookups", Some(lookup), deadline).await
    }

    async fn candidates(&self, wanted: &Wanted, deadline: Duration) -> Result<Candidates, LinkError> {
        self.call(Method::POST, "v1/candidates", Some(wanted), deadline).await
    }

    async fn status(&self, after: u64, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        self.carry(request(Method::GET, &format!("v1/status?after={after}"), NOTHING)?, deadline).await
    }

    async fn redeem(&self, number: &str, redeem: &Redeem, deadline: Duration) -> Result<Redeemed, LinkError> {
        self.call(Method::PUT, &format!("v1/redemptions/{number}"), Some(redeem), deadline).await
    }

    async fn ask(&self, number: &str, deadline: Duration) -> Result<Fate, LinkError> {
        self.call(Method::POST, &format!("v1/redemptions/{number}/ask"), NOTHING, deadline).await
    }

    async fn lines(&self, lines: &Lines, deadline: Duration) -> Result<Intake, LinkError> {
        self.carried(&self.device, lines, deadline).await
    }

    async fn own_lines(&self, epoch: u64, after: u64, deadline: Duration) -> Result<OwnLines, LinkError> {
        let path = format!("v1/devices/{}/lines?epoch={epoch}&after={after}", self.device);
        self.call(Method::GET, &path, NOTHING, deadline).await
    }

    async fn carried(&self, of: &str, lines: &Lines, deadline: Duration) -> Result<Intake, LinkError> {
        let Lines { epoch, after, lines } = lines;
        let target = format!("v1/devices/{of}/lines?epoch={epoch}&after={after}");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(wire::lines::MEDIA_TYPE));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(wire::lines::ENCODING));
        let request = Request { method: Method::POST, target, headers, body: wire::lines::pack(lines) };
        read(&self.carry(request, deadline).await?)
    }

    async fn feed(&self, held: &Held, wait: Duration) -> Result<Page, LinkError> {
        let Held { epoch, after, receipt, setup, status, cases } = held;
        let (feed, wait_seconds) = (&self.feed, wait.as_secs());
        let mut path =
            format!("v1/feeds/{feed}?after={after}&setup={setup}&cases={cases}&wait={wait_seconds}");
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        for (name, value) in [("status", &status), ("epoch", epoch), ("receipt", receipt)] {
            if !value.is_empty() {
                path.push_str(&format!("&{name}={value}"));
            }
        }
        self.call(Method::GET, &path, NOTHING, wait + FEED_DEADLINE).await
    }

    async fn snapshot(&self, deadline: Duration) -> Result<Snapshot, LinkError> {
        self.call(Method::GET, &format!("v1/snapshots/{}", self.feed), NOTHING, deadline).await
    }

    async fn chunk(&self, name: &str, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        let path = format!("v1/snapshots/{}/{name}", self.feed);
        self.carry(request(Method::GET, &path, NOTHING)?, deadline).await
    }

    async fn cases(&self, after: u64, deadline: Duration) -> Result<CasesPage, LinkError> {
        self.call(Method::GET, &format!("v1/cases?after={after}"), NOTHING, deadline).await
    }

    async fn practice(&self, deadline: Duration) -> Result<Vec<Practice>, LinkError> {
        self.call(Method::GET, "v1/practice", NOTHING, deadline).await
    }

    fn rest(&self) -> Option<Duration> {
        let until = (*self.rest_until())?;
        let left = until.0.saturating_sub(self.signer.clock().monotonic().0);
        (left > 0).then(|| Duration::from_millis(left))
    }
}

/// A till that has no chain yet, with the key that it has made for this code.
pub struct Joining<'a> {
    /// The one-time code's secret.
    pub code: &'a str,
    /// What the till wishes to be called; empty to be numbered.
    pub name: &'a str,
    /// Its key.
    pub key: &'a SigningKey,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its dice.
    pub dice: &'a dyn Dice,
}

/// Joins a till to the chain behind `transport` with a one-time code. Only a server that knows the code is believed.
pub async fn enrol(
    transport: &dyn Transport,
    joining: &Joining<'_>,
    deadline: Duration,
) -> Result<Enrolled, LinkError> {
    let known = Known::of(joining.code);
    let key = joining.key.public();
    let enrol = Enrol {
        code: hex(&enrolment::id(joining.code)),
        key: hex(&key.to_bytes()),
        proof: hex(&known.of_till(key, joining.name)),
        till: joining.name.to_owned(),
    };
    let mut request = request(Method::POST, "v1/enrolments", Some(&enrol))?;
    let sent = signer::sign(&mut request, joining.key, 0, joining.clock.now(), joining.dice);
    let reply = transport.carry(request, deadline).await.map_err(LinkError::Silent)?;
    // A refusal opens nothing to this till, so that anybody may tell it one.
    let refused = reply.status.is_client_error();
    let body = good_answer(reply, |reply| {
        let Ok(enrolled) = serde_json::from_slice::<Enrolled>(&reply.body) else { return refused };
        let answers = unhex(&enrolled.answer_key).and_then(|key| PublicKey::from_bytes(&key));
        let knows_code = |answers| {
            let proof = unhex(&enrolled.proof);
            proof.is_some_and(|proof| enrolment::same(&proof, &known.of_server(key, answers)))
        };
        answers.is_some_and(|answers| knows_code(answers) && sent.answered_by(reply, answers).is_some())
    });
    read(&body?)
}

/// The way to the server at `address`.
pub fn reach(address: &str) -> Result<Arc<dyn Transport>, LinkError> {
    match Http::to(address) {
        Some(http) => Ok(Arc::new(http.map_err(LinkError::Silent)?)),
        None => Err(LinkError::Problem(Problem {
            error: "bad_address".into(),
            message: "not the address of a server; it begins with https://".into(),
            head: None,
        })),
    }
}

fn request(method: Method, path: &str, body: Option<&(impl Serialize + Sync)>) -> Result<Request, LinkError> {
    let mut headers = HeaderMap::new();
    let body = match body {
        None => vec![],
        Some(body) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            serde_json::to_vec(body).map_err(|error| {
                tracing::error!(%error, "a request that cannot be written");
                LinkError::Silent(Silence::Garbled)
            })?
        }
    };
    Ok(Request { method, target: path.to_owned(), headers, body })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, LinkError> {
    serde_json::from_slice(body).map_err(|_| LinkError::Silent(Silence::Garbled))
}

/// The body, if it is a good answer in our contract, and `signed` says that it comes from whom it must.
fn good_answer(reply: Reply, signed: impl FnOnce(&Reply) -> bool) -> Result<Vec<u8>, LinkError> {
    let status = reply.status;
    let faulty = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    match reply.headers.get(wire::VERSION_HEADER) {
        Some(version) if version.as_bytes() == wire::VERSION.as_bytes() => {}
        Some(_) => return Err(LinkError::Silent(Silence::OtherVersion)),
        None if faulty => return Err(LinkError::Silent(Silence::ServerFault)),
        None => return Err(LinkError::Silent(Silence::Garbled)),
    }
    if faulty {
        return Err(LinkError::Silent(Silence::ServerFault));
    }
    if !signed(&reply) {
        return Err(LinkError::Silent(Silence::NotOurs));
    }
    let body = reply.body;
    if status == StatusCode::OK || status == StatusCode::CREATED {
        return Ok(body);
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if matches!(problem.error.as_str(), "revoked" | "unknown_key") => Err(LinkError::Barred),
        Ok(problem) => Err(LinkError::Problem(problem)),
        Err(_) => Err(LinkError::Silent(Silence::Garbled)),
    }
}
