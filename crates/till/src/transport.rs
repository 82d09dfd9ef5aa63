//! How a request gets to the server and its answer back: bytes over HTTP. What they say is [`crate::link`]'s to know.

use std::time::Duration;

use async_trait::async_trait;
use model::verdict::Silence;
pub use reqwest::Method;
pub use reqwest::StatusCode;
pub use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

/// No answer is longer (bytes): a page of 1,000 entitlements takes about 1 MiB.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query behind the server's address, such as `v1/setup`.
    pub target: String,
    /// Fields beside those that every HTTP message has.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// What came back, whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Carries requests to one server.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Carries a request there and the answer back within `deadline`.
    ///
    /// # Errors
    ///
    /// Nothing whole came back; what became of the request is unknown.
    async fn carry(&self, request: Request, deadline: Duration) -> Result<Reply, Silence>;
}

/// HTTP over TCP and TLS.
pub struct Http {
    client: reqwest::Client,
    base: reqwest::Url,
}

impl Http {
    /// To the server at `address`; nothing if that is no address.
    pub fn to(address: &str) -> Option<Result<Http, Silence>> {
        let base = base(address)?;
        Some(client().map(|client| Http { client, base }))
    }
}

#[async_trait]
impl Transport for Http {
    async fn carry(&self, request: Request, deadline: Duration) -> Result<Reply, Silence> {
        let Request { method, target, headers, body } = request;
        let url = self.base.join(&target).map_err(|_| Silence::Unreachable)?;
        let mut sent = self.client.request(method, url).headers(headers).timeout(deadline);
        if !body.is_empty() {
            sent = sent.body(body);
        }
        let mut response = sent.send().await.map_err(|error| silent(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| cut_off(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Silence::Garbled);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}

fn client() -> Result<reqwest::Client, Silence> {
    // Fails only if a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        // A captive portal answers with a redirect; following it would hand what is sent to a stranger.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| {
            tracing::error!(%error, "no HTTP client can be made");
            Silence::Unreachable
        })
}

/// `https://…`, or `http://` for a server on the same machine or in a shop's own network.
fn base(address: &str) -> Option<reqwest::Url> {
    let with_slash = format!("{}/", address.trim().trim_end_matches('/'));
    let url = reqwest::Url::parse(&with_slash).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// What a failed request means. Which of its several causes it was stands only in the chain of sources.
fn silent(error: &reqwest::Error) -> Silence {
    let mut hung_up = error.is_connect();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if tls_error(inner).is_some_and(|tls| matches!(tls, rustls::Error::InvalidCertificate(_))) {
            return Silence::Untrusted;
        }
        // A server that stops closes the line without a word: nobody is there, and nothing was garbled.
        hung_up |= inner.is::<std::io::Error>()
            || inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        cause = inner.source();
    }
    if error.is_timeout() {
        Silence::TimedOut
    } else if hung_up {
        Silence::Unreachable
    } else {
        Silence::Garbled
    }
}

/// The error of the TLS layer, which travels inside io::Errors whose source() does not lead to it.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<std::io::Error>() {
        Some(io) => tls_error(io.get_ref()?),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

/// A body that did not come to its end.
fn cut_off(error: &reqwest::Error) -> Silence {
    if error.is_timeout() { Silence::TimedOut } else { Silence::Garbled }
}
