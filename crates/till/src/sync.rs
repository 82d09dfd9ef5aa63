//! Sending what the journal holds and fetching what the server has to say, for as long as the till runs.
//!
//! A round asks after redemptions that are in doubt, hands in every line in order, then follows the feed. Each step
//! may be repeated at any time: numbers and positions make a repeat harmless.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::redemption::Number;
use model::settlement::Settlement;
use wire::api::{Fate, KnownHead, Lines, SettledLine};
use wire::export::Export;
use wire::line::{Act, Settled, Why};

use crate::ledger::State as Stand;
use crate::link::{Link, LinkError};
use crate::retry::{self, Retry};
use crate::store::journal::Unsent;
use crate::till::{LineState, State, Till};

/// So many lines travel in one request, and no more bytes than the server reads at once with room to spare.
const LINES_PER_PUSH: u32 = 1_024;
const BYTES_PER_PUSH: usize = 2 * 1024 * 1024;
/// So many settlements stand in one line, which has to stay a small one.
const SETTLED_PER_LINE: usize = 100;
/// How long a push or a page may take when no customer waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may keep a feed request while nothing changes.
const FEED_WAIT: Duration = Duration::from_secs(25);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The line.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The till's own disk; the message is for a log.
    #[error("{0}")]
    Disk(String),
    /// What the server sent is not signed by those who may, does not follow what is held, or does not add up.
    #[error("what the server told was not taken: {0}")]
    NotTaken(String),
    /// There is no server yet.
    #[error("the till is not enrolled")]
    NotEnrolled,
}

impl Till {
    /// Follows the server, and looks over the local copy now and then, until the task is dropped.
    pub async fn keep_in_sync(&self) {
        tokio::join!(biased; self.follow(), self.keep_looking_over());
    }

    async fn follow(&self) {
        let mut retry = Retry::default();
        loop {
            self.back_up_if_due();
            match self.round().await {
                Ok(()) => {
                    retry.succeeded();
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
            let asked = self.lock().as_ref().and_then(|state| state.link.rest());
            // However much there is to send, the pause is kept: a busy till would otherwise knock at each customer, at a
            // server that is on its knees. Only a person who asks for it is heard earlier.
            tokio::time::sleep(retry::FLOOR).await;
            tokio::select! {
                biased;
                () = tokio::time::sleep(retry.failed(self.random_byte(), asked).saturating_sub(retry::FLOOR)) => {}
                () = self.asked_for.notified() => {}
            }
        }
    }

    /// Wakes the sync, out of a pause too.
    pub(crate) fn sync_now(&self) {
        self.wake.notify_one();
        self.asked_for.notify_one();
    }

    fn random_byte(&self) -> u8 {
        let mut byte = [0u8; 1];
        self.dice.fill(&mut byte);
        byte[0]
    }

    /// One round: asks, hands in, fetches. Afterwards the server knows everything that this till knows.
    pub async fn round(&self) -> Result<(), SyncError> {
        self.keep_mark();
        self.settle_doubts().await?;
        self.push(PATIENCE).await?;
        self.pull(Duration::ZERO).await?;
        // A line that was lost is believed after a second good call, and a slow one is measured without a customer.
        let line = self.lock().as_ref().map(|state| state.line);
        if matches!(line, Some(LineState::Slow | LineState::Offline(_))) {
            // Whatever it says, that it was said is noted.
            let _ = self.probe().await;
        }
        Ok(())
    }

    /// Asks what became of redemptions that were begun and never decided, because the program stopped in between.
    async fn settle_doubts(&self) -> Result<(), SyncError> {
        let (link, doubts) = {
            let guard = self.lock();
            let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
            // What became of a number could not be written down.
            if state.quarantine().is_some() || state.journal.is_err() {
                return Ok(());
            }
            let mut doubts = state.ledger.in_doubt();
            doubts.retain(|number| state.in_hand != Some(*number));
            (state.link.clone(), doubts)
        };
        for number in doubts {
            let settlement = match self.noted(link.ask(&number.to_string(), PATIENCE)).await? {
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
                // What is in quarantine keeps its lines until the chain lets it in again, or somebody exports them.
                if state.quarantine().is_some() {
                    return Ok(());
                }
                let Ok(Some(unsent)) = journal.unsent(LINES_PER_PUSH) else { return Ok(()) };
                let Unsent { epoch, after, mut lines } = unsent;
                let mut bytes = 0;
                let fitting = lines.iter().take_while(|line| {
                    bytes += line.len();
                    bytes <= BYTES_PER_PUSH
                });
                let fitting = fitting.count().max(1);
                lines.truncate(fitting);
                let last = after + lines.len() as u64;
                (state.link.clone(), Lines { epoch, after, lines }, last)
            };
            let intake = match self.noted(link.lines(&lines, deadline)).await {
                // The server was set back to an older state: it gets the lines after its head once more.
                Err(LinkError::Problem(problem)) if problem.error == "gap" && !went_back => {
                    went_back = true;
                    self.show_receipt(deadline).await;
                    if let (Some(head), Some(Ok(journal))) =
                        (problem.head, self.lock().as_mut().map(|state| state.journal.as_mut()))
                    {
                        // What was not written down is asked once more.
                        let rewound = journal.rewind_sent(lines.epoch, head);
                        let _ = rewound.inspect_err(|error| tracing::warn!(%error, "the gap stays"));
                    }
                    continue;
                }
                // The server holds other lines under these numbers: this journal is not the one that it knows.
                Err(LinkError::Problem(problem)) if problem.error == "fork" => {
                    if let Some(state) = self.lock().as_mut() {
                        self.quarantine(state, Why::Forked);
                    }
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
                && let Err(error) = journal.set_sent(lines.epoch, intake.head.min(last))
            {
                tracing::warn!(%error, "the lines will be handed in once more");
                return Ok(());
            }
            drop(guard);
            self.tell_news();
        }
    }

    /// The server says how far it knows this till's journal: one that is behind was set back, and one for which an epoch
    /// was granted begins it.
    pub(crate) async fn meet_known_journal(
        &self,
        known: Option<KnownHead>,
        link: &dyn Link,
    ) -> Result<(), SyncError> {
        let Some(known) = known else { return Ok(()) };
        {
            let mut guard = self.lock();
            let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
            if known.quarantined {
                self.quarantine(state, Why::Forked);
                return Ok(());
            }
            if !Till::is_granted(state, known.epoch, known.seq) {
                self.meet_known_head(state, known.epoch, known.seq);
                return Ok(());
            }
            self.set_journal_aside(state).map_err(|error| SyncError::Disk(error.to_string()))?;
        }
        let settled = self.fetch_lost_lines(known.epoch, link).await?;
        let mut guard = self.lock();
        let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
        self.begin_granted(state, known.epoch).map_err(|reason| SyncError::Disk(reason.code().into()))?;
        self.settle(state, settled)
    }

    /// Brings back what the server holds of this till's earlier epochs and its journal does not, so that what was taken
    /// counts here again. Gives what became of it.
    async fn fetch_lost_lines(
        &self,
        before: u64,
        link: &dyn Link,
    ) -> Result<Vec<(Number, Settlement)>, SyncError> {
        let mut settled = vec![];
        for epoch in 1..before {
            let mut after =
                self.lock().as_ref().and_then(|state| Some(state.journal.as_ref().ok()?.sent_of(epoch)));
            while let Some(behind) = after {
                let own = link.own_lines(epoch, behind, PATIENCE).await?;
                settled.extend(own.settlements.iter().filter_map(|told| {
                    Some((told.number.parse().ok()?, Settlement::try_from(&told.settlement).ok()?))
                }));
                let lines: Vec<Vec<u8>> =
                    own.lines.iter().filter_map(|line| BASE64.decode(line).ok()).collect();
                let mut guard = self.lock();
                let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
                state.rescue(&lines).map_err(|error| SyncError::Disk(error.to_string()))?;
                after = (own.last > behind).then_some(own.last);
            }
        }
        Ok(settled)
    }

    /// Hands in what another till has exported. Gives what became of it. Where the server lacks lines before a piece of it,
    /// the other pieces are handed in all the same, before that is told.
    pub async fn carry(&self, export: &Export) -> Result<Vec<SettledLine>, SyncError> {
        let link = self.lock().as_ref().map(|state| state.link.clone()).ok_or(SyncError::NotEnrolled)?;
        let (mut settled, mut gap) = (vec![], None);
        for (epoch, before, lines) in export.batches() {
            let mut after = before;
            while let Some(rest) = lines.get(usize::try_from(after - before).unwrap_or(usize::MAX)..)
                && !rest.is_empty()
            {
                let batch = &rest[..rest.len().min(LINES_PER_PUSH as usize)];
                let handed_in = Lines { epoch, after, lines: batch.to_vec() };
                let intake = match link.carried(&export.header.device, &handed_in, PATIENCE).await {
                    // Found to be a branch with these very lines; they are kept, and so will be the rest.
                    Err(LinkError::Problem(problem)) if problem.error == "fork" => {
                        link.carried(&export.header.device, &handed_in, PATIENCE).await?
                    }
                    Err(LinkError::Problem(problem)) if problem.error == "gap" => {
                        gap = Some(LinkError::Problem(problem));
                        break;
                    }
                    other => other?,
                };
                settled.extend(intake.settlements);
                after += batch.len() as u64;
            }
        }
        gap.map_or(Ok(settled), |gap| Err(gap.into()))
    }

    /// Writes down what the server said, where it says something new.
    fn settle(&self, state: &mut State, settled: Vec<(Number, Settlement)>) -> Result<(), SyncError> {
        let is_news = |(number, settlement): &(Number, Settlement)| {
            let counted =
                state.ledger.redemption(*number).is_some_and(|known| known.state() == Stand::Counted);
            // Its word stands for as long as it lives; one that was set back may have met the lines in another order.
            match state.ledger.settlement(*number) {
                Some(told) => told != settlement,
                None => !(counted && settlement.counts()),
            }
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
        let lines = settled.chunks(SETTLED_PER_LINE).map(|told| Act::Settled { settled: told.to_vec() });
        state.write(now, lines.collect()).map(|_| ()).map_err(|reason| SyncError::Disk(reason.code().into()))
    }
}
