//! A till's line that a test can cut: the real HTTP line with a hand on it, and a list of what went through.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::verdict::Silence;
use till::folder::Identity;
use till::link::{Held, HttpLink, Link, LinkError};
use till::signer::Signer;
use tokio::sync::watch;
use wire::api::{
    Candidates, Fate, Found, Intake, Lines, Lookup, OwnLines, Page, Practice, Redeem, Redeemed, Setup,
    Snapshot, Wanted,
};
use wire::case::CasesPage;

use crate::PATIENCE;

/// What the line does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It carries the request there and the answer back.
    Whole,
    /// It carries nothing, and the till notices at once.
    Cut(Silence),
    /// It carries the request there and loses the answer; the till notices.
    LosesAnswers,
    /// It carries the request there, and then nothing happens for ever.
    KeepsAnswers,
    /// It carries nothing, and nothing happens for ever.
    Swallows,
}

/// A request that a till has made, whatever became of it.
#[derive(Clone, Debug)]
pub enum Request {
    /// For the setup.
    Setup,
    /// For an entitlement.
    Lookup(Lookup),
    /// For what a mall's code may stand for.
    Candidates(Wanted),
    /// For the status lists after a number.
    Status(u64),
    /// To count a redemption.
    Redeem(String, Redeem),
    /// What became of a number.
    Ask(String),
    /// Journal lines.
    Lines(Lines),
    /// The till's own lines.
    OwnLines,
    /// What changed.
    Feed,
    /// For a snapshot.
    Snapshot,
    /// For a chunk of it, by its name.
    Chunk(String),
    /// For the cases that changed after a number.
    Cases(u64),
    /// For practice codes.
    Practice,
}

/// The real line, with what it is made of.
type Inner = (Identity, Arc<Signer>, Arc<HttpLink>);

/// The line of one till.
pub struct Cord {
    inner: Mutex<Option<Inner>>,
    way: watch::Sender<Way>,
    made: watch::Sender<Vec<Request>>,
    answered_lines: Mutex<Vec<(Lines, u64)>>,
}

impl Default for Cord {
    fn default() -> Cord {
        Cord {
            inner: Mutex::new(None),
            way: watch::Sender::new(Way::Whole),
            made: watch::Sender::new(vec![]),
            answered_lines: Mutex::new(vec![]),
        }
    }
}

impl Cord {
    /// Takes up the line of an enrolled till, to wherever its enrolment says.
    pub fn attach(&self, identity: &Identity, signer: Arc<Signer>) -> Result<(), LinkError> {
        let link = Arc::new(HttpLink::new(identity, signer.clone())?);
        *lock(&self.inner) = Some((identity.clone(), signer, link));
        Ok(())
    }

    /// Leads to another address from now on, under the same enrolment.
    pub fn lead_to(&self, address: &str) {
        let (identity, signer, _) = lock(&self.inner).clone().expect("an enrolled till has a line");
        let moved = Identity { address: address.to_owned(), ..identity };
        self.attach(&moved, signer).expect("the address of a server that the test has started");
    }

    /// Cuts it: the till notices at once that nobody is there.
    pub fn cut(&self) {
        self.set(Way::Cut(Silence::Unreachable));
    }

    /// Mends it.
    pub fn mend(&self) {
        self.set(Way::Whole);
    }

    /// Lets it do that to every request from now on.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// The line itself, without the hand on it.
    pub fn bare(&self) -> Arc<HttpLink> {
        lock(&self.inner).as_ref().expect("an enrolled till has a line").2.clone()
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.made.borrow().clone()
    }

    /// The redemptions that the server was asked to count, in order.
    pub fn redeems(&self) -> Vec<(String, Redeem)> {
        let redeem = |request: Request| match request {
            Request::Redeem(number, redeem) => Some((number, redeem)),
            _ => None,
        };
        self.requests().into_iter().filter_map(redeem).collect()
    }

    /// The journal lines that the server has acknowledged, batch by batch, each with the head it answered.
    pub fn lines_answered(&self) -> Vec<(Lines, u64)> {
        lock(&self.answered_lines).clone()
    }

    /// Ends when the requests so far are as wanted.
    pub async fn has_seen(&self, what: &str, mut wanted: impl FnMut(&[Request]) -> bool) {
        let mut made = self.made.subscribe();
        let seen = made.wait_for(|requests| wanted(requests));
        let seen = tokio::time::timeout(PATIENCE, seen).await.is_ok_and(|seen| seen.is_ok());
        assert!(seen, "waited in vain for a request: {what}");
    }

    async fn carry<T>(
        &self,
        request: Request,
        call: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        self.made.send_modify(|made| made.push(request));
        let mut way = self.way.subscribe();
        let now = *way.borrow_and_update();
        match now {
            Way::Cut(silence) => Err(LinkError::Silent(silence)),
            Way::Swallows => pending().await,
            Way::LosesAnswers => {
                let _ = call.await;
                Err(LinkError::Silent(Silence::TimedOut))
            }
            Way::KeepsAnswers => {
                let _ = call.await;
                pending().await
            }
            Way::Whole => {
                // A line that is cut takes the request that is under way with it, above all a waiting poll.
                let cut = async {
                    loop {
                        let _ = way.changed().await;
                        if let Way::Cut(silence) = *way.borrow_and_update() {
                            return silence;
                        }
                    }
                };
                tokio::select! {
                    answer = call => answer,
                    silence = cut => Err(LinkError::Silent(silence)),
                }
            }
        }
    }
}

#[async_trait]
impl Link for Cord {
    async fn setup(&self, deadline: Duration) -> Result<Setup, LinkError> {
        let bare = self.bare();
        self.carry(Request::Setup, bare.setup(deadline)).await
    }

    async fn lookup(&self, lookup: &Lookup, deadline: Duration) -> Result<Found, LinkError> {
        let bare = self.bare();
        self.carry(Request::Lookup(lookup.clone()), bare.lookup(lookup, deadline)).await
    }

    async fn candidates(&self, wanted: &Wanted, deadline: Duration) -> Result<Candidates, LinkError> {
        let bare = self.bare();
        self.carry(Request::Candidates(wanted.clone()), bare.candidates(wanted, deadline)).await
    }

    async fn status(&self, after: u64, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        let bare = self.bare();
        self.carry(Request::Status(after), bare.status(after, deadline)).await
    }

    async fn redeem(&self, number: &str, redeem: &Redeem, deadline: Duration) -> Result<Redeemed, LinkError> {
        let bare = self.bare();
        let request = Request::Redeem(number.to_owned(), redeem.clone());
        self.carry(request, bare.redeem(number, redeem, deadline)).await
    }

    async fn ask(&self, number: &str, deadline: Duration) -> Result<Fate, LinkError> {
        let bare = self.bare();
        self.carry(Request::Ask(number.to_owned()), bare.ask(number, deadline)).await
    }

    async fn lines(&self, lines: &Lines, deadline: Duration) -> Result<Intake, LinkError> {
        let bare = self.bare();
        let intake = self.carry(Request::Lines(lines.clone()), bare.lines(lines, deadline)).await?;
        lock(&self.answered_lines).push((lines.clone(), intake.head));
        Ok(intake)
    }

    async fn carried(&self, of: &str, lines: &Lines, deadline: Duration) -> Result<Intake, LinkError> {
        let bare = self.bare();
        self.carry(Request::Lines(lines.clone()), bare.carried(of, lines, deadline)).await
    }

    async fn own_lines(&self, epoch: u64, after: u64, deadline: Duration) -> Result<OwnLines, LinkError> {
        let bare = self.bare();
        self.carry(Request::OwnLines, bare.own_lines(epoch, after, deadline)).await
    }

    async fn feed(&self, held: &Held, wait: Duration) -> Result<Page, LinkError> {
        let bare = self.bare();
        self.carry(Request::Feed, bare.feed(held, wait)).await
    }

    async fn snapshot(&self, deadline: Duration) -> Result<Snapshot, LinkError> {
        let bare = self.bare();
        self.carry(Request::Snapshot, bare.snapshot(deadline)).await
    }

    async fn chunk(&self, name: &str, deadline: Duration) -> Result<Vec<u8>, LinkError> {
        let bare = self.bare();
        self.carry(Request::Chunk(name.to_owned()), bare.chunk(name, deadline)).await
    }

    async fn cases(&self, after: u64, deadline: Duration) -> Result<CasesPage, LinkError> {
        let bare = self.bare();
        self.carry(Request::Cases(after), bare.cases(after, deadline)).await
    }

    async fn practice(&self, deadline: Duration) -> Result<Vec<Practice>, LinkError> {
        let bare = self.bare();
        self.carry(Request::Practice, bare.practice(deadline)).await
    }

    fn rest(&self) -> Option<Duration> {
        self.bare().rest()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
