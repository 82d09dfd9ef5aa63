//! The line to the server: the only HTTP on the till.
//!
//! A [`LinkError`] says what it means for the next step. [`LinkError::Silent`] leaves the outcome unknown: the same
//! number may be sent again, a new one never. The other two are answers.

use std::time::Duration;

use async_trait::async_trait;
use model::verdict::Silence;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::api::{
    Candidates, Enrol, Enrolled, Fate, Found, Intake, Lines, Lookup, Page, Practice, Problem, Redeem,
    Redeemed, Setup, Wanted,
};

use crate::folder::Identity;

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

/// No answer is longer (bytes): a page of 1,000 entitlements takes about 1 MiB.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// The line over HTTP.
pub struct HttpLink {
    client: reqwest::Client,
    base: reqwest::Url,
    device: String,
    token: String,
    feed: String,
}

impl HttpLink {
    /// The line of an enrolled till.
    pub fn new(identity: &Identity) -> Result<HttpLink, LinkError> {
        Ok(HttpLink {
            client: client()?,
            base: base(&identity.address)?,
            device: identity.device.clone(),
            token: identity.token.clone(),
            feed: identity.feed.clone(),
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        deadline: Duration,
    ) -> Result<T, LinkError> {
        let mut request = self.client.request(method, join(&self.base, path)?).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request.timeout(deadline)).await
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
        let url = join(&self.base, &format!("v1/status?after={after}"))?;
        body(self.client.get(url).bearer_auth(&self.token).timeout(deadline)).await
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

/// Joins a till to the chain behind `address` with a one-time code.
pub async fn enrol(address: &str, enrol: &Enrol, deadline: Duration) -> Result<Enrolled, LinkError> {
    let url = join(&base(address)?, "v1/enrolments")?;
    answer(client()?.post(url).json(enrol).timeout(deadline)).await
}

/// Whether `address` is one that a till can talk to: `https://…`, or `http://` for a server on the same machine or
/// a shop's own network.
pub fn is_address(address: &str) -> bool {
    base(address).is_ok()
}

fn client() -> Result<reqwest::Client, LinkError> {
    // Fails only if a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        // A captive portal answers with a redirect; following it would hand the token to a stranger.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| {
            tracing::error!(%error, "no HTTP client can be made");
            LinkError::Silent(Silence::Unreachable)
        })
}

fn base(address: &str) -> Result<reqwest::Url, LinkError> {
    let with_slash = format!("{}/", address.trim().trim_end_matches('/'));
    let url = reqwest::Url::parse(&with_slash).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(|| {
        LinkError::Problem(Problem {
            error: "bad_address".into(),
            message: "not the address of a server; it begins with https://".into(),
            head: None,
        })
    })
}

fn join(base: &reqwest::Url, path: &str) -> Result<reqwest::Url, LinkError> {
    base.join(path).map_err(|_| LinkError::Silent(Silence::Unreachable))
}

async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, LinkError> {
    let body = body(request).await?;
    serde_json::from_slice(&body).map_err(|_| LinkError::Silent(Silence::Garbled))
}

/// The body of a good answer.
async fn body(request: reqwest::RequestBuilder) -> Result<Vec<u8>, LinkError> {
    let mut response = request.send().await.map_err(silent)?;
    let status = response.status();
    let version = response.headers().get(wire::VERSION_HEADER).map(|version| version.as_bytes().to_vec());
    match version {
        Some(version) if version == wire::VERSION.as_bytes() => {}
        Some(_) => return Err(LinkError::Silent(Silence::OtherVersion)),
        None if status.is_server_error() => return Err(LinkError::Silent(Silence::ServerFault)),
        None => return Err(LinkError::Silent(Silence::Garbled)),
    }
    if status.is_server_error() {
        return Err(LinkError::Silent(Silence::ServerFault));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cut_off)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(LinkError::Silent(Silence::Garbled));
        }
        body.extend_from_slice(&chunk);
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

/// What a failed request means. Which of its several causes it was stands only in the chain of sources.
fn silent(error: reqwest::Error) -> LinkError {
    let mut hung_up = error.is_connect();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if tls_error(inner).is_some_and(|tls| matches!(tls, rustls::Error::InvalidCertificate(_))) {
            return LinkError::Silent(Silence::Untrusted);
        }
        // A server that stops closes the line without a word: nobody is there, and nothing was garbled.
        hung_up |= inner.is::<std::io::Error>()
            || inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        cause = inner.source();
    }
    LinkError::Silent(if error.is_timeout() {
        Silence::TimedOut
    } else if hung_up {
        Silence::Unreachable
    } else {
        Silence::Garbled
    })
}

/// The error of the TLS layer, which travels inside io::Errors whose source() does not lead to it.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<std::io::Error>() {
        Some(io) => tls_error(io.get_ref()?),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

/// A body that did not come to its end.
fn cut_off(error: reqwest::Error) -> LinkError {
    LinkError::Silent(if error.is_timeout() { Silence::TimedOut } else { Silence::Garbled })
}
