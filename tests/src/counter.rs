//! One till with its clerk: the engine and its desk over a real folder, as the window would have them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::decide::Offer;
use model::entitlement::Kind;
use model::reading::{RawText, Scan, Source};
use model::redemption::{Number, Take};
use till::Till;
use till::desk::{Act, Desk};
use till::folder::{Folder, Identity};
use till::link::Link;
use till::screen::{OfferCard, Screen, Stage, Verdict};
use till::signer::Signer;
use till::status::Standing;
use till::store::journal::Journal;
use till::till::OpenError;
use till::words::Language;
use tokio::task::JoinHandle;
use wire::line::Line;

use crate::PATIENCE;
use crate::cord::Cord;
use crate::hands::{SeededDice, TurnedClock};

/// A till with its clerk.
pub struct Counter {
    /// Its line.
    pub cord: Arc<Cord>,
    folder: PathBuf,
    clock: Arc<TurnedClock>,
    dice: Arc<SeededDice>,
    desk: Option<Arc<Desk>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Counter {
    /// Opens the till in `folder`.
    pub fn open(folder: PathBuf, clock: Arc<TurnedClock>, dice: Arc<SeededDice>) -> Counter {
        let mut counter =
            Counter { cord: Arc::default(), folder, clock, dice, desk: None, tasks: Vec::new() };
        counter.start().expect("the till opens");
        counter
    }

    /// Starts the program anew; its folder, clock and line are what they were.
    pub fn start(&mut self) -> Result<(), OpenError> {
        assert!(self.desk.is_none(), "the program has been closed before it is started again");
        let cord = self.cord.clone();
        let connect = move |identity: &Identity, signer: Arc<Signer>| {
            cord.attach(identity, signer)?;
            Ok(cord.clone() as Arc<dyn Link>)
        };
        let folder = Folder::open(&self.folder)?;
        let till = Till::open_with(folder, self.clock.clone(), self.dice.clone(), Box::new(connect))?;
        let desk = Arc::new(Desk::new(Arc::new(till), Language::Chinese));
        self.desk = Some(desk.clone());
        self.tasks.push(tokio::spawn(async move { desk.follow_news().await }));
        Ok(())
    }

    /// Ends the program, whatever it is doing.
    pub async fn close(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        if let Some(desk) = self.desk.take() {
            assert_eq!(Arc::strong_count(&desk), 1, "nobody else holds the desk when its program ends");
        }
    }

    /// Ends the program and starts it anew.
    pub async fn restart(&mut self) {
        self.close().await;
        self.start().expect("the till opens again");
    }

    /// Lets the till follow the server by itself, as the window does.
    pub fn keep_in_sync(&mut self) {
        let till = self.till().clone();
        self.tasks.push(tokio::spawn(async move { till.keep_in_sync().await }));
    }

    /// Lets the clerk do something that will not come to its end.
    pub fn begin(&mut self, act: Act) {
        let desk = self.desk().clone();
        self.tasks.push(tokio::spawn(async move {
            desk.act(act).await;
        }));
    }

    /// The desk.
    pub fn desk(&self) -> &Arc<Desk> {
        self.desk.as_ref().expect("the program runs")
    }

    /// The engine.
    pub fn till(&self) -> &Arc<Till> {
        self.desk().till()
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who this till is.
    pub fn identity(&self) -> Identity {
        let identity = self.till().folder().identity().expect("the enrolment can be read");
        identity.expect("the till is enrolled")
    }

    /// How many redemptions and undos this till's journal tells of.
    pub fn redemptions(&self) -> usize {
        self.desk().history().len()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.till().standing()
    }

    /// What the screen shows.
    pub fn screen(&self) -> Screen {
        self.desk().screen()
    }

    /// Somebody signs in.
    pub async fn sign_in(&self, clerk: &str, pin: &str) -> Screen {
        self.desk().act(Act::SignIn { clerk: clerk.into(), pin: pin.into() }).await
    }

    /// A text comes from the scanner.
    pub async fn scan(&self, text: impl AsRef<str>) -> Screen {
        let scan = Scan { text: RawText::new(text.as_ref()), source: Source::Wedge };
        self.desk().act(Act::Scan(scan)).await
    }

    /// The clerk confirms these of the offer on the screen.
    pub async fn take(&self, takes: &[(&str, u32)]) -> Screen {
        let take = |(sku, quantity): &(&str, u32)| Take { sku: (*sku).to_owned(), quantity: *quantity };
        self.desk().act(Act::Confirm(takes.iter().map(take).collect())).await
    }

    /// Scans, confirms what is usual, and gives the verdict.
    pub async fn redeem(&self, code: &model::code::Code) -> Verdict {
        let screen = self.scan(code.secret()).await;
        let takes = usual_takes(offer(&screen));
        verdict(self.desk().act(Act::Confirm(takes)).await)
    }

    /// Scans and gives the verdict that comes without an offer.
    pub async fn refused(&self, text: impl AsRef<str>) -> Verdict {
        verdict(self.scan(text).await)
    }

    /// Takes a redemption back.
    pub async fn undo(&self, number: Number) -> Verdict {
        verdict(self.desk().act(Act::Undo(number)).await)
    }

    /// Takes so many of a redemption's lines back.
    pub async fn undo_part(&self, of: Number, takes: &[(&str, u32)]) -> Verdict {
        let take = |(sku, quantity): &(&str, u32)| Take { sku: (*sku).to_owned(), quantity: *quantity };
        let takes = takes.iter().map(take).collect();
        verdict(self.desk().act(Act::UndoPart { of, takes }).await)
    }

    /// Sends and fetches, once. Whether that went well shows in how the till stands.
    pub async fn sync(&self) -> Screen {
        let _ = self.till().round().await;
        self.screen()
    }

    /// Waits until the till stands as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Standing) -> bool) {
        self.until_screen(what, |counter| wanted(&counter.standing())).await;
    }

    /// Waits until the counter is as wanted.
    pub async fn until_screen(&self, what: &str, wanted: impl Fn(&Counter) -> bool) {
        let met = self.comes_to(PATIENCE, wanted).await;
        assert!(met, "waited in vain until {what}; it stands so: {:?}", self.standing());
    }

    /// Whether the counter is as wanted within that time.
    pub async fn comes_to(&self, patience: Duration, wanted: impl Fn(&Counter) -> bool) -> bool {
        let mut news = self.till().news();
        let mut changes = self.desk().changes();
        let met = async {
            while !wanted(self) {
                tokio::select! {
                    changed = news.changed() => changed.expect("the till lives"),
                    changed = changes.changed() => changed.expect("the desk lives"),
                }
            }
        };
        tokio::time::timeout(patience, met).await.is_ok()
    }

    /// The journal's lines as they are on disk. The program must have been closed.
    pub fn journal(&self) -> Vec<Line> {
        assert!(self.desk.is_none(), "the journal is held by the program alone while it runs");
        let folder = Folder::open(&self.folder).expect("the folder is free");
        let identity = folder.identity().expect("the enrolment can be read").expect("the till is enrolled");
        let mut lines = vec![];
        let path = folder.file("journal.db");
        Journal::open(&path, &identity.device, identity.epoch, |line| lines.push(line))
            .expect("the journal is whole");
        lines
    }
}

/// The offer on the screen.
#[track_caller]
pub fn offer(screen: &Screen) -> &OfferCard {
    match &screen.stage {
        Stage::Offer(card) => card,
        other => panic!("an offer was expected on the screen, not {other:?}"),
    }
}

/// The verdict on the screen.
#[track_caller]
pub fn verdict(screen: Screen) -> Verdict {
    match screen.stage {
        Stage::Verdict(verdict) => verdict,
        other => panic!("a verdict was expected on the screen, not {other:?}"),
    }
}

/// Everything that is left of an order; one use of anything else.
pub fn usual_takes(card: &OfferCard) -> Vec<Take> {
    let Offer { items } = &card.offer;
    let order = matches!(card.known.entitlement.kind, Kind::Order);
    let wanted = |left: u32| if order { left } else { left.min(1) };
    let left = items.iter().filter(|item| item.left > 0);
    left.map(|item| Take { sku: item.line.sku.clone(), quantity: wanted(item.left) }).collect()
}
