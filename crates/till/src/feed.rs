//! Following the feed: page after page into the copy, each compared with the server's digest; and when the copy is to be
//! built anew instead.

use std::sync::Arc;
use std::time::Duration;

use model::time::UnixMs;
use wire::api::Page;

use crate::link::{Held, Link};
use crate::store::copy::{CopyError, PageEnd, Position, Progress};
use crate::sync::{PATIENCE, SyncError};
use crate::till::Till;

/// From so many changes on, a snapshot is less to fetch than the feed.
const FAR_BEHIND: u64 = 20_000;
/// So many rows are looked over at a time: about a millisecond.
const ROWS_PER_LOOK: u32 = 512;
/// The pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(1);
/// How long after the end of one look over the whole copy the next one begins.
const LOOK_AGAIN: Duration = Duration::from_secs(6 * 3600);

/// What a page leads to.
enum Step {
    /// It is in the copy.
    Taken,
    /// Somebody else has moved the copy meanwhile: the question was another one.
    Overtaken,
    /// A new copy must be built; whether this one is still good, and only far behind.
    Anew { good: bool },
}

impl Till {
    /// Follows the feed to its end; with `wait`, stays at the end until something changes or the wait is over.
    pub(crate) async fn pull(&self, wait: Duration) -> Result<(), SyncError> {
        let mut has_snapshots = true;
        loop {
            let (link, held, position, doubtful) = self.question()?;
            if doubtful {
                has_snapshots = self.fetch_anew(&position).await?;
                self.empty_unless(has_snapshots)?;
                continue;
            }
            let page = self.noted(link.feed(&held, wait)).await?;
            self.hear_time(UnixMs(page.now));
            let (status, setup, cases) = (page.status, page.setup, page.cases);
            let (more, known) = (page.more, page.journal);
            match self.take_in(page, &position, held.status, has_snapshots)? {
                Step::Overtaken => continue,
                Step::Anew { good } => {
                    has_snapshots = self.fetch_anew(&position).await?;
                    self.empty_unless(has_snapshots || good)?;
                    continue;
                }
                Step::Taken => {}
            }
            self.follow_setup(&link, setup).await?;
            self.follow_status(status).await?;
            self.meet_known_journal(known, &*link).await?;
            self.tell_news();
            if !more {
                // Last of all: whatever becomes of them, what decides about goods is in the copy by now.
                self.follow_cases(&link, cases).await?;
                self.forget_fetching();
                return Ok(());
            }
        }
    }

    /// Shows the server what it has told this till, before that is made good: what it has lost may concern others too.
    pub(crate) async fn show_receipt(&self, deadline: Duration) {
        let Ok((link, held, ..)) = self.question() else { return };
        let heard = tokio::time::timeout(deadline, link.feed(&held, Duration::ZERO)).await;
        tracing::debug!(heard = heard.is_ok_and(|page| page.is_ok()), "a receipt was shown");
    }

    /// A server that has no snapshots tells everything from the beginning of the feed.
    fn empty_unless(&self, kept: bool) -> Result<(), SyncError> {
        if kept {
            return Ok(());
        }
        tracing::warn!("there is no snapshot; the feed is followed from its beginning");
        self.lock().as_mut().ok_or(SyncError::NotEnrolled)?.copy.clear().map_err(disk)
    }

    /// What is asked next, and whether the copy is in doubt.
    fn question(&self) -> Result<(Arc<dyn Link>, Held, Position, bool), SyncError> {
        let guard = self.lock();
        let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
        let position = state.copy.position().map_err(disk)?;
        let held = Held {
            epoch: position.epoch.clone(),
            after: position.seq,
            receipt: state.copy.receipt().to_owned(),
            setup: state.copy.setup().map_or(0, |setup| setup.version),
            status: state.trust.as_ref().map(|_| state.copy.status_position()).transpose().map_err(disk)?,
            cases: state.copy.cases_position().map_err(disk)?,
        };
        Ok((state.link.clone(), held, position, state.copy.is_doubtful()))
    }

    fn take_in(
        &self,
        page: Page,
        asked: &Position,
        status: Option<u64>,
        has_snapshots: bool,
    ) -> Result<Step, SyncError> {
        let mut guard = self.lock();
        let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
        if state.copy.position().map_err(disk)? != *asked || state.copy.is_doubtful() {
            return Ok(Step::Overtaken);
        }
        let first = asked.epoch.is_empty();
        // A feed, or a status list, that ends before the till's place was set back to an older state: what has changed
        // since would come under numbers that the till has behind it.
        let set_back = page.last < asked.seq || status.is_some_and(|held| page.status < held);
        if set_back || (!first && asked.epoch != page.epoch) {
            tracing::warn!("the server's feed has begun anew; fetching everything, sending everything");
            // Before the copy follows the new feed: from then on nothing else says that the lines are to be sent again.
            state.offer_again().map_err(|error| SyncError::Disk(error.to_string()))?;
            return Ok(Step::Anew { good: false });
        }
        let behind = page.head.saturating_sub(asked.seq);
        if has_snapshots && ((first && page.more) || behind > FAR_BEHIND) {
            return Ok(Step::Anew { good: true });
        }
        let heard_at = (!page.more).then(|| self.now());
        let end = PageEnd {
            position: Position { epoch: page.epoch, seq: page.last },
            rows: page.rows,
            digest: page.digest,
            receipt: page.receipt,
        };
        match state.copy.apply(&page.entries, &end, heard_at) {
            Ok(()) => Ok(Step::Taken),
            Err(error) => {
                self.meet_copy_error(state, &error);
                Err(disk(error))
            }
        }
    }

    /// Fetches the setup if the server has another one.
    async fn follow_setup(&self, link: &Arc<dyn Link>, version: u64) -> Result<(), SyncError> {
        let held = self.lock().as_ref().and_then(|state| state.copy.setup().map(|setup| setup.version));
        if held == Some(version) {
            return Ok(());
        }
        let setup = self.noted(link.setup(PATIENCE)).await?;
        if setup.practice {
            let codes = self.noted(link.practice(PATIENCE)).await?;
            self.folder.set_practice(&codes).map_err(|error| SyncError::Disk(error.to_string()))?;
        }
        let mut guard = self.lock();
        let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
        self.take_trust(state, &setup);
        state.campaigns = crate::keys::campaigns(&setup);
        state.profiles = crate::keys::profiles(&setup);
        state.copy.set_setup(setup).map_err(disk)
    }

    /// Looks over the whole copy after a start, and now and then.
    pub(crate) async fn keep_looking_over(&self) {
        loop {
            if let Err(error) = self.look_over().await {
                tracing::debug!(%error, "the local copy was not looked over");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Looks over the whole copy, in small steps between which customers are served. What is found puts it in doubt,
    /// and it is fetched anew.
    pub async fn look_over(&self) -> Result<(), SyncError> {
        loop {
            {
                let mut guard = self.lock();
                let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
                if state.copy.is_doubtful() {
                    return Ok(());
                }
                match state.copy.look_over(ROWS_PER_LOOK) {
                    Ok(Progress::More) => {}
                    Ok(Progress::Done) => return Ok(()),
                    Err(error) => {
                        self.meet_copy_error(state, &error);
                        drop(guard);
                        self.tell_news();
                        return Err(disk(error));
                    }
                }
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }
}

/// The same failure, as the end of a round.
pub(crate) fn disk(error: CopyError) -> SyncError {
    match error {
        CopyError::NotTaken(_) | CopyError::Doubtful(_) => SyncError::NotTaken(error.to_string()),
        CopyError::Damaged(_) | CopyError::Failed(_) => SyncError::Disk(error.to_string()),
    }
}
