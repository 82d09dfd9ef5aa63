//! The line to the server: what is asked and what is answered. [`crate::transport`] carries it.
//!
//! A [`LinkError`] says what it means for the next step. [`LinkError::Silent`] leaves the outcome unknown: the same
//! number may be sent again, a new one never. The other two are answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::verdict::Silence;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::api::{
    Candidates, Enrol, Enrolled, Fate, Found, Intake, Lines, Lookup, Page, Practice, Problem, Redeem,
    Redeemed, Setup, Wanted,
};

use crate::folder::Identity;
use crate::transport::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, Http, Method, Reply, Request, StatusCode, Transport,
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

/// How far a till follows what the server tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The last entry of the feed.
    pub after: u64,
    /// The version of the setup.
    pub setup: u64,
    /// The number of the status lists; nothing while this till believes nobody who could tell them.
    pub status: Option<u64>,
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
    /// What changed after what the till holds; waits up to `wait` for something to change.
    async fn feed(&self, held: &Held, wait: Duration) -> Result<Page, LinkError>;
    /// A demo chain's practice codes.
    async fn practice(&self, deadline: Duration) -> Result<Vec<Practice>, LinkError>;
}

/// How long the server has on top of a long-poll's wait.
const FEED_DEADLINE: Duration = Duration::from_secs(10);

/// The contract over a transport.
pub struct HttpLink {
    transport: Arc<dyn Transport>,
    device: String,
    token: String,
    feed: String,
}

impl HttpLink {
    /// The line of an enrolled till, over HTTP.
    pub fn new(identity: &Identity) -> Result<HttpLink, LinkError> {
        Ok(HttpLink::over(reach(&identity.address)?, identity))
    }

    /// The line of an enrolled till, over any transport.
    pub fn over(transport: Arc<dyn Transport>, identity: &Identity) -> HttpLink {
        HttpLink {
            transport,
            device: identity.device.clone(),
            token: identity.token.clone(),
            feed: identity.feed.clone(),
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
    async fn carry(&self, mut request: Request, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        let token = HeaderValue::try_from(format!("Bearer {}", self.token));
        let token = token.map_err(|_| LinkError::Barred)?;
        request.headers.insert(AUTHORIZATION, token);
        good_answer(self.transport.carry(request, deadline).await.map_err(LinkError::Silent)?)
    }
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
        let path = format!("v1/devices/{}/lines", self.device);
        self.call(Method::POST, &path, Some(lines), deadline).await
    }

    async fn feed(&self, held: &Held, wait: Duration) -> Result<Page, LinkError> {
        let Held { after, setup, status } = held;
        let wait_seconds = wait.as_secs();
        let status = status.map(|status| format!("&status={status}")).unwrap_or_default();
        let path = format!("v1/feeds/{}?after={after}&setup={setup}&wait={wait_seconds}{status}", self.feed);
        self.call(Method::GET, &path, NOTHING, wait + FEED_DEADLINE).await
    }

    async fn practice(&self, deadline: Duration) -> Result<Vec<Practice>, LinkError> {
        self.call(Method::GET, "v1/practice", NOTHING, deadline).await
    }
}

/// Joins a till to the chain behind `transport` with a one-time code.
pub async fn enrol(
    transport: &dyn Transport,
    enrol: &Enrol,
    deadline: Duration,
) -> Result<Enrolled, LinkError> {
    let request = request(Method::POST, "v1/enrolments", Some(enrol))?;
    read(&good_answer(transport.carry(request, deadline).await.map_err(LinkError::Silent)?)?)
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

/// The body, if it is a good answer in our contract.
fn good_answer(reply: Reply) -> Result<Vec<u8>, LinkError> {
    let Reply { status, headers, body } = reply;
    match headers.get(wire::VERSION_HEADER) {
        Some(version) if version.as_bytes() == wire::VERSION.as_bytes() => {}
        Some(_) => return Err(LinkError::Silent(Silence::OtherVersion)),
        None if status.is_server_error() => return Err(LinkError::Silent(Silence::ServerFault)),
        None => return Err(LinkError::Silent(Silence::Garbled)),
    }
    if status.is_server_error() {
        return Err(LinkError::Silent(Silence::ServerFault));
    }
    if status == StatusCode::OK || status == StatusCode::CREATED {
        return Ok(body);
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if matches!(problem.error.as_str(), "revoked" | "bad_token") => Err(LinkError::Barred),
        Ok(problem) => Err(LinkError::Problem(problem)),
        Err(_) => Err(LinkError::Silent(Silence::Garbled)),
    }
}
