//! The HTTP surface, one endpoint one file. Every answer, errors and panics included, carries the contract's version.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures_util::FutureExt;
use model::signed::token::SigningKey;
use tokio::sync::{OnceCell, watch};
use wire::signature::KeyId;

use crate::keys::{Keys, KeysError};
use crate::nonces::{Nonces, NotNew};
use crate::store::Store;

mod ask;
mod auth;
mod body;
mod campaigns;
mod candidates;
mod cards;
mod cases;
mod docs;
mod enrolments;
mod entitlements;
mod feeds;
mod health;
mod lines;
mod lookups;
mod pictures;
mod practice;
mod problem;
mod redemptions;
mod setup;
mod signed;
mod snapshots;
mod status;

/// The longest body that is read (bytes): 1,000 journal lines with room to spare.
const BODY_LENGTH_MAX: usize = 4 * 1024 * 1024;
/// The longest that a request may take (seconds): the longest poll and a busy database.
const REQUEST_SECONDS_MAX: u64 = 60;

/// What the endpoints share.
#[derive(Clone)]
pub struct State {
    /// The database.
    pub store: Arc<Store>,
    /// By which tills know this server; read when it is first needed.
    answers: Arc<OnceCell<SigningKey>>,
    nonces: Arc<Mutex<Nonces>>,
    /// Turns true when the server stops, so that nobody waits any longer.
    stopping: watch::Receiver<bool>,
    /// Keeps the receiver open for a router that no [`crate::Server`] runs.
    stop: Arc<watch::Sender<bool>>,
}

impl State {
    /// With that database.
    pub fn new(store: Store) -> State {
        let (stop, stopping) = watch::channel(false);
        let (answers, nonces) = Default::default();
        State { store: Arc::new(store), answers, nonces, stopping, stop: Arc::new(stop) }
    }

    /// The key that signs answers to tills.
    pub(crate) async fn answer_key(&self) -> Result<&SigningKey, KeysError> {
        let store = &self.store;
        self.answers.get_or_try_init(|| async move { Keys::of(store).answer_key().await }).await
    }

    /// Remembers that this request was here.
    fn remember(&self, key: KeyId, nonce: [u8; 16], now: i64) -> Result<(), NotNew> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).remember(key, nonce, now)
    }

    /// The same, but a poll is answered at once: for a simulation, which counts the time itself.
    #[doc(hidden)]
    pub fn impatient(self) -> State {
        self.stop();
        self
    }

    /// Tells whoever waits that the server stops.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Ends when the server stops.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

/// The whole HTTP surface.
pub fn app(state: State) -> Router {
    let merchants = Router::new()
        .route("/v1/entitlements/{reference}", put(entitlements::issue).get(entitlements::look))
        .route("/v1/entitlements/{reference}/refund", post(entitlements::refund))
        .route("/v1/entitlements/{reference}/revoke", post(entitlements::revoke))
        .route("/v1/entitlements/{reference}/card", post(cards::card))
        .route("/v1/entitlements/{reference}/code", get(pictures::code))
        .route("/v1/campaigns", get(campaigns::list))
        .route("/v1/campaigns/{number}", put(campaigns::put))
        .layer(DefaultBodyLimit::max(entitlements::BODY_LENGTH_MAX));
    let tills = Router::new()
        .route("/v1/setup", get(setup::setup))
        .route("/v1/lookups", post(lookups::look_up))
        .route("/v1/candidates", post(candidates::candidates))
        .route("/v1/status", get(status::update))
        .route("/v1/redemptions/{number}", put(redemptions::redeem))
        .route("/v1/redemptions/{number}/ask", post(ask::ask))
        .route("/v1/devices/{device}/lines", post(lines::take_in).get(lines::give_back))
        .route("/v1/feeds/{feed}", get(feeds::page))
        .route("/v1/snapshots/{feed}", get(snapshots::manifest))
        .route("/v1/snapshots/{feed}/{name}", get(snapshots::chunk))
        .route("/v1/cases", get(cases::page))
        .route("/v1/practice", get(practice::practice))
        .layer(middleware::from_fn_with_state(state.clone(), signed::tills));
    Router::new()
        .route("/v1/enrolments", post(enrolments::enrol))
        .route("/docs", get(docs::page))
        .route("/docs/merchants", get(docs::merchants))
        .route("/docs/counterfoil-code.js", get(docs::script))
        .route("/healthz", get(health::process))
        .route("/readyz", get(health::database))
        .merge(tills)
        .merge(merchants)
        .fallback(|| async { problem::Answer::not_found("there is no such endpoint") })
        .method_not_allowed_fallback(|| async { problem::Answer::bad_method() })
        .layer(DefaultBodyLimit::max(BODY_LENGTH_MAX))
        .layer(middleware::from_fn(guarded))
        .layer(middleware::from_fn_with_state(state.clone(), signed::answers))
        .with_state(state)
}

/// Around every request: it ends in time, a panic becomes an answer, and each answer says which contract it is in.
async fn guarded(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Escaped, a NUL would come out of paths and queries as part of a text, which not every database could hold.
    let holds_nul = request.uri().path_and_query().is_some_and(|whole| whole.as_str().contains("%00"));
    let answered = async move {
        if holds_nul {
            return problem::Answer::bad_request("no text may hold U+0000").into_response();
        }
        next.run(request).await
    };
    let work = AssertUnwindSafe(answered).catch_unwind();
    let mut response = match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), work).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(%method, path, panic = panic_text(&*panic), "a request panicked");
            problem::Answer::internal().into_response()
        }
        Err(_) => {
            tracing::error!(%method, path, "a request took too long");
            problem::Answer::too_slow().into_response()
        }
    };
    response.headers_mut().insert(wire::VERSION_HEADER, const { HeaderValue::from_static(wire::VERSION) });
    if response.status() != StatusCode::OK {
        tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    }
    response
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn broken() -> &'static str {
        panic!("on purpose")
    }

    #[tokio::test]
    async fn a_panic_becomes_an_answer_of_the_contract() {
        let router = Router::new().route("/", get(broken)).layer(middleware::from_fn(guarded));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 500, "the client hears of a fault");
        assert_eq!(response.headers()[wire::VERSION_HEADER], wire::VERSION, "in this contract");
        let text = response.text().await.unwrap();
        assert!(text.contains("\"internal\"") && !text.contains("purpose"), "and of nothing inside: {text}");
    }
}
