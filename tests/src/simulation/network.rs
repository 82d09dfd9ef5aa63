//! The network between a till and the server: late, cut, lossy, repeating itself, out of order.
//!
//! A request travels on its own: a till that has given up waiting, or has crashed, does not call it back. What is still
//! under way may overtake what was sent later.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::verdict::Silence;
use till::transport::{Method, Reply, Request, Transport};
use tokio::sync::oneshot;
use wire::api::Page;

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
        let reply =
            if self.world.lacks(Defence::Epoch) { never_behind(&request.target, reply) } else { reply };
        if self.happens(weather.truncates) {
            return Some(self.truncated(reply));
        }
        if let Some(target) = polls {
            *self.polled.lock().unwrap_or_else(PoisonError::into_inner) = Some((target, news));
        }
        Some(Ok(reply))
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

/// Makes of a server that was set back one that seems to be where the till is: what a till would see of it if neither
/// numbers nor epochs told.
fn never_behind(target: &str, mut reply: Reply) -> Reply {
    let after = target.split(['?', '&']).find_map(|part| part.strip_prefix("after=")?.parse::<u64>().ok());
    let page = serde_json::from_slice::<Page>(&reply.body).ok();
    if let (Some(after), Some(mut page), true) = (after, page, target.starts_with("v1/feeds/")) {
        page.last = page.last.max(after);
        reply.body = serde_json::to_vec(&page).expect("a page is JSON");
    }
    reply
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
