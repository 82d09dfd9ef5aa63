//! Sending what the journal holds and fetching what the server has to say, for as long as the till runs.
//!
//! A round asks after redemptions that are in doubt, hands in every line in order, then follows the feed. Each step
//! may be repeated at any time: numbers and positions make a repeat harmless.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::redemption::Number;
use model::settlement::Settlement;
use model::time::UnixMs;
use wire::api::{Fate, Lines};
use wire::line::{Act, Settled};

use crate::ledger::State as Stand;
use crate::link::{Held, LinkError};
use crate::store::copy::Position;
use crate::till::{State, Till};

/// So many lines travel in one request.
const LINES_PER_PUSH: u32 = 200;
/// How long a push or a page may take when no customer waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may keep a feed request while nothing changes.
const FEED_WAIT: Duration = Duration::from_secs(25);
/// The pause after a failed round, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The line.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The till's own disk; the message is for a log.
    #[error("{0}")]
    Disk(String),
    /// What the server sent is not signed by those who may, or does not follow what is held.
    #[error("a status list was not taken: {0}")]
    NotTaken(String),
    /// There is no server yet.
    #[error("the till is not enrolled")]
    NotEnrolled,
}

impl Till {
    /// Follows the server until the task is dropped.
    pub async fn keep_in_sync(&self) {
        let mut pause = PAUSE_MIN;
        loop {
            match self.round().await {
                Ok(()) => {
                    pause = PAUSE_MIN;
                    // Waits at the server for news, or here for something to send.
                    // In a fixed order, so that a simulated run can be repeated; what is not looked at now is still
                    // there in the next turn.
                    let outcome = tokio::select! {
                        biased;
                        outcome = self.pull(FEED_WAIT) => outcome,
                        () = self.wake.notified() => Ok(()),
                    };
                    if outcome.is_ok() {
                        continue;
                    }
                }
                Err(SyncError::NotEnrolled) => {
                    self.wake.notified().await;
                    continue;
                }
                Err(error) => tracing::debug!(%error, "a round of sync ended early"),
            }
            // Each till pauses a little differently, so that a chain's tills do not all knock at once.
            let jitter = f64::from(self.random_byte()) / 255.0;
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause.mul_f64(0.5 + jitter / 2.0)) => {}
                () = self.wake.notified() => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn random_byte(&self) -> u8 {
        let mut byte = [0u8; 1];
        self.dice.fill(&mut byte);
        byte[0]
    }

    /// One round: asks, hands in, fetches. Afterwards the server knows everything that this till knows.
    pub async fn round(&self) -> Result<(), SyncError> {
        self.keep_mark();
        let done = async {
            self.settle_doubts().await?;
            self.push(PATIENCE).await?;
            self.pull(Duration::ZERO).await
        };
        let done = done.await;
        match &done {
            Ok(()) => self.note_line::<()>(&Ok(())),
            Err(SyncError::Link(error)) => self.note_line::<()>(&Err(error.clone())),
            Err(SyncError::Disk(_) | SyncError::NotTaken(_) | SyncError::NotEnrolled) => {}
        }
        done
    }

    /// Asks what became of redemptions that were begun and never decided, because the program stopped in between.
    async fn settle_doubts(&self) -> Result<(), SyncError> {
        let (link, doubts) = {
            let guard = self.lock();
            let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
            let mut doubts = state.ledger.in_doubt();
            doubts.retain(|number| state.in_hand != Some(*number));
            (state.link.clone(), doubts)
        };
        for number in doubts {
            let settlement = match link.ask(&number.to_string(), PATIENCE).await? {
                Fate::Counted(_) => Settlement::Confirmed,
                Fate::Voided => Settlement::Voided,
            };
            let mut guard = self.lock();
            let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
            // While the answer was under way the customer may have come back, and the act have been finished.
            let still = state.ledger.redemption(number).is_some_and(|known| known.state() == Stand::InDoubt);
            if still && state.in_hand != Some(number) {
                self.settle(state, vec![(number, settlement)])?;
            }
            drop(guard);
            self.tell_news();
        }
        Ok(())
    }

    /// Hands in every line that the server does not hold yet, in order, and writes down what became of them.
    pub(crate) async fn push(&self, deadline: Duration) -> Result<(), LinkError> {
        let _alone = self.pushing.lock().await;
        let mut went_back = false;
        loop {
            let (link, lines, last) = {
                let guard = self.lock();
                let Some(state) = guard.as_ref() else { return Ok(()) };
                // A journal that cannot be read has nothing to hand in; the screen says so.
                let Ok(journal) = state.journal.as_ref() else { return Ok(()) };
                let after = journal.sent();
                let lines = journal.after(after, LINES_PER_PUSH).unwrap_or_default();
                if lines.is_empty() {
                    return Ok(());
                }
                let last = after + lines.len() as u64;
                let lines = lines.iter().map(|bytes| BASE64.encode(bytes)).collect();
                (state.link.clone(), Lines { epoch: journal.epoch(), after, lines }, last)
            };
            let intake = match link.lines(&lines, deadline).await {
                // The server was set back to an older state: it gets the lines after its head once more.
                Err(LinkError::Problem(problem)) if problem.error == "gap" && !went_back => {
                    went_back = true;
                    if let (Some(head), Some(Ok(journal))) =
                        (problem.head, self.lock().as_mut().map(|state| state.journal.as_mut()))
                    {
                        journal.rewind_sent(head);
                    }
                    continue;
                }
                // The server holds other lines under these numbers: this journal is not the one that it knows.
                Err(LinkError::Problem(problem)) if problem.error == "fork" => {
                    self.meet_fork(&problem.message);
                    return Err(LinkError::Problem(problem));
                }
                other => other?,
            };
            let mut guard = self.lock();
            let Some(state) = guard.as_mut() else { return Ok(()) };
            let settled = intake.settlements.iter().filter_map(|settled| {
                let number = settled.number.parse().ok()?;
                Some((number, Settlement::try_from(&settled.settlement).ok()?))
            });
            let settled: Vec<_> = settled.collect();
            // Without the settlements on disk the lines do not count as sent: they are handed in again, and the
            // server answers the same.
            if self.settle(state, settled).is_err() {
                return Ok(());
            }
            if let Ok(journal) = state.journal.as_mut()
                && let Err(error) = journal.set_sent(intake.head.min(last))
            {
                tracing::warn!(%error, "the lines will be handed in once more");
                return Ok(());
            }
            drop(guard);
            self.tell_news();
        }
    }

    /// Writes down what the server said, where it says something new.
    fn settle(&self, state: &mut State, settled: Vec<(Number, Settlement)>) -> Result<(), SyncError> {
        let is_news = |(number, settlement): &(Number, Settlement)| {
            let counted =
                state.ledger.redemption(*number).is_some_and(|known| known.state() == Stand::Counted);
            let told_before = state.ledger.is_settled(*number) || (counted && settlement.counts());
            !told_before
        };
        let settled: Vec<Settled> = settled
            .into_iter()
            .filter(is_news)
            .map(|(number, settlement)| Settled {
                number: number.to_string(),
                settlement: (&settlement).into(),
            })
            .collect();
        if settled.is_empty() {
            return Ok(());
        }
        let now = self.now();
        state
            .write(now, vec![Act::Settled { settled }])
            .map(|_| ())
            .map_err(|reason| SyncError::Disk(reason.code().into()))
    }

    /// Follows the feed to its end; with `wait`, stays at the end until something changes or the wait is over.
    async fn pull(&self, wait: Duration) -> Result<(), SyncError> {
        let disk = |error: crate::store::copy::CopyError| SyncError::Disk(error.to_string());
        loop {
            let (link, position, held) = {
                let guard = self.lock();
                let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
                let position = state.copy.position().map_err(disk)?;
                let held = Held {
                    after: position.seq,
                    setup: state.copy.setup().map_or(0, |setup| setup.version),
                    status: state
                        .trust
                        .as_ref()
                        .map(|_| state.copy.status_position())
                        .transpose()
                        .map_err(disk)?,
                };
                (state.link.clone(), position, held)
            };
            let page = link.feed(&held, wait).await;
            self.note_line(&page);
            let page = page?;
            self.hear_time(UnixMs(page.now));
            let status = page.status;
            let setup_is_old = {
                let mut guard = self.lock();
                let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
                // A feed, or a status list, that ends before the till's place was set back to an older state: what has
                // changed since would come under numbers that the till has behind it.
                let set_back = page.last < position.seq || held.status.is_some_and(|held| page.status < held);
                if set_back || (!position.epoch.is_empty() && position.epoch != page.epoch) {
                    tracing::warn!(
                        "the server's feed has begun anew; fetching everything, sending everything"
                    );
                    state.copy.clear().map_err(disk)?;
                    if let Ok(journal) = state.journal.as_mut() {
                        journal.rewind_sent(0);
                    }
                    continue;
                }
                let heard_at = (!page.more).then(|| self.now());
                let position = Position { epoch: page.epoch, seq: page.last };
                if let Err(error) = state.copy.apply(&page.entries, &position, heard_at) {
                    self.meet_copy_error(state, &error);
                    return Err(disk(error));
                }
                state.copy.setup().map(|setup| setup.version) != Some(page.setup)
            };
            if setup_is_old {
                let setup = link.setup(PATIENCE).await?;
                if setup.practice {
                    let codes = link.practice(PATIENCE).await?;
                    self.folder.set_practice(&codes).map_err(|error| SyncError::Disk(error.to_string()))?;
                }
                let mut guard = self.lock();
                let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
                self.take_trust(state, &setup);
                state.campaigns = crate::keys::campaigns(&setup);
                state.profiles = crate::keys::profiles(&setup);
                state.copy.set_setup(setup).map_err(disk)?;
            }
            self.follow_status(status).await?;
            self.tell_news();
            if !page.more {
                return Ok(());
            }
        }
    }
}
