//! The network between a till and the server: late, cut, lossy, repeating itself, out of order.
//!
//! A request travels on its own: a till that has given up waiting, or has crashed, does not call it back. What is still
//! under way may overtake what was sent later.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::signed::token::SigningKey;
use model::verdict::Silence;
use server::keys::Keys;
use till::transport::{Method, Reply, Request, Transport};
use tokio::sync::oneshot;
use wire::api::Page;
use wire::signature::{
    Answered, Asked, DIGEST_HEADER, Digest, EPOCH_HEADER, Fields, INPUT_HEADER, SIGNATURE_HEADER,
};

use super::Defence;
use super::time::pass;
use super::world::World;

/// What the network does to one till's requests. Chances are in a thousand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// Nothing gets through.
    pub(super) cut: bool,
    /// The longest that one way takes (milliseconds).
    pub(super) latency_ms: u64,
    /// Requests that are lost.
    pub(super) loses_requests: u64,
    /// Answers that are lost.
    pub(super) loses_answers: u64,
    /// Requests that arrive once more, later.
    pub(super) repeats: u64,
    /// Answers that end in the middle.
    pub(super) truncates: u64,
}

impl Weather {
    pub(super) const FINE: Weather =
        Weather { cut: false, latency_ms: 40, loses_requests: 0, loses_answers: 0, repeats: 0, truncates: 0 };
}

/// What became of a request, for whoever waits: an answer, a silence that is noticed, or nothing at all.
type Heard = Option<Result<Reply, Silence>>;

/// The way from one till to the server.
pub(super) struct Road {
    world: Arc<World>,
    till: usize,
    weather: Mutex<Weather>,
    /// The poll that was answered last, and the server's news at that moment: it is answered at once only if there is
    /// something new, as the server itself would.
    polled: Mutex<Option<(String, u64)>>,
}

impl Road {
    pub(super) fn new(world: Arc<World>, till: usize) -> Road {
        Road { world, till, weather: Mutex::new(Weather::FINE), polled: Mutex::new(None) }
    }

    pub(super) fn weather(&self) -> Weather {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// The till's program has ended: what it had heard it may have forgotten.
    pub(super) fn forget_poll(&self) {
        *self.polled.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn happens(&self, thousandths: u64) -> bool {
        self.world.below(1000) < thousandths
    }

    async fn travel(&self) {
        pass(1 + self.world.below(self.weather().latency_ms)).await;
    }

    /// Brings the request there and the answer back.
    async fn bring(&self, request: &Request, patience: Duration) -> Heard {
        self.travel().await;
        let weather = self.weather();
        if weather.cut {
            // Half the time the system notices that there is no way, half the time nothing ever happens.
            return (self.happens(500)).then_some(Err(Silence::Unreachable));
        }
        if self.happens(weather.loses_requests) {
            return None;
        }
        let polls = self.wait_for_news(request, patience).await;
        let news = self.world.backend.news();
        let Some(reply) = self.world.serve(self.till, request) else {
            return Some(Err(Silence::Unreachable));
        };
        self.travel().await;
        let weather = self.weather();
        if weather.cut || self.happens(weather.loses_answers) {
            return None;
        }
        let reply = if self.world.lacks(Defence::Epoch) { self.hide_epochs(request, reply) } else { reply };
        if self.happens(weather.truncates) {
            return Some(self.truncated(reply));
        }
        if let Some(target) = polls {
            *self.polled.lock().unwrap_or_else(PoisonError::into_inner) = Some((target, news));
        }
        Some(Ok(reply))
    }

    /// Takes the defence away by which a till hears that the server was set back.
    fn hide_epochs(&self, request: &Request, reply: Reply) -> Reply {
        let Some(page) = never_behind(&request.target, &reply.body) else { return reply };
        let key = self.world.backend.with(|store| async move { Keys::of(&store).answer_key().await });
        let Some(Ok(key)) = key else { return reply };
        let body = serde_json::to_vec(&page).expect("a page is JSON");
        signed_anew(&key, self.world.time.now().0.div_euclid(1000), request, reply, body)
    }

    /// A poll stays at the server until there is news; what it asked for, then. Anything else goes on at once.
    async fn wait_for_news(&self, request: &Request, patience: Duration) -> Option<String> {
        let wait = wait_seconds(&request.target)?;
        let known = self.polled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((target, news)) = known
            && target == request.target
            && news == self.world.backend.news()
        {
            let wait = Duration::from_secs(wait).min(patience);
            let _ = tokio::time::timeout(wait, self.world.news()).await;
        }
        Some(request.target.clone())
    }

    /// Half the time what carries HTTP notices that the body has not come to its end, half the time it does not.
    fn truncated(&self, mut reply: Reply) -> Result<Reply, Silence> {
        if self.happens(500) {
            return Err(Silence::Garbled);
        }
        let length = self.world.below(reply.body.len() as u64 + 1) as usize;
        reply.body.truncate(length);
        Ok(reply)
    }

    /// The same request arrives once more, minutes later; nobody waits for the answer.
    async fn repeat(&self, request: &Request) {
        pass(self.world.below(5 * 60_000)).await;
        if !self.weather().cut {
            self.world.serve(self.till, request);
        }
    }
}

/// What a till would see of a server that was set back if neither numbers, epochs nor digests told: one that seems to be
/// where the till is. Nothing for what is no page of a feed.
fn never_behind(target: &str, body: &[u8]) -> Option<Page> {
    let (path, query) = target.split_once('?')?;
    let asked = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let number = |name| asked(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let mut page: Page = path.starts_with("v1/feeds/").then(|| serde_json::from_slice(body).ok())??;
    (page.last, page.status) = (page.last.max(number("after")), page.status.max(number("status")));
    page.epoch = asked("epoch").map_or(page.epoch, str::to_owned);
    page.digest = None;
    Some(page)
}

/// Another body in the place of the server's, with the server's own signature.
fn signed_anew(key: &SigningKey, now: i64, request: &Request, mut reply: Reply, body: Vec<u8>) -> Reply {
    let field = |name| {
        let value = request.headers.get(name).and_then(|value| value.to_str().ok());
        value.expect("a till signs what it sends").to_owned()
    };
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let asked = Asked {
        method: request.method.as_str().to_owned(),
        path: format!("/{path}"),
        query: query.to_owned(),
        digest: Digest::of(&request.body),
        epoch: field(EPOCH_HEADER).parse().expect("an epoch is a number"),
    };
    let fields = Fields { input: field(INPUT_HEADER), signature: field(SIGNATURE_HEADER) };
    let (status, digest) = (reply.status.as_u16(), Digest::of(&body));
    let signed = Answered { status, digest, to: &asked, to_fields: &fields }.sign(key, now);
    for (name, value) in [
        (DIGEST_HEADER, digest.to_field()),
        (INPUT_HEADER, signed.input),
        (SIGNATURE_HEADER, signed.signature),
    ] {
        reply.headers.insert(name, value.parse().expect("these fields are visible ASCII"));
    }
    Reply { body, ..reply }
}

/// How long a poll may wait, if the request is one.
fn wait_seconds(target: &str) -> Option<u64> {
    let (_, query) = target.split_once('?')?;
    let wait = query.split('&').find_map(|part| part.strip_prefix("wait="))?.parse().ok()?;
    (wait > 0).then_some(wait)
}

/// A till's end of the road: what its program is handed as its transport.
pub(super) struct Wire(pub(super) Arc<Road>);

#[async_trait]
impl Transport for Wire {
    async fn carry(&self, request: Request, deadline: Duration) -> Result<Reply, Silence> {
        let (tell, heard) = oneshot::channel::<Heard>();
        let road = self.0.clone();
        tokio::spawn(async move {
            let repeats = request.method != Method::GET && road.happens(road.weather().repeats);
            let _ = tell.send(road.bring(&request, deadline).await);
            if repeats {
                road.repeat(&request).await;
            }
        });
        let hear = async {
            match heard.await {
                Ok(Some(outcome)) => outcome,
                _ => std::future::pending().await,
            }
        };
        tokio::time::timeout(deadline, hear).await.unwrap_or(Err(Silence::TimedOut))
    }
}
