//! The way back: all of a redemption, or some of its lines and pieces, is taken back.
//!
//! Invariant: whoever gets an [`UndoDone`] from here holds something that is on disk.

use model::redemption::{Number, Take};
use model::settlement::Settlement;
use model::time::UnixMs;
use model::verdict::{Reason, Silence};
use wire::line::{Act, NamedTake, Person};

use crate::ledger::{Redemption, State as Stand};
use crate::link::LinkError;
use crate::staff;
use crate::till::{LineState, State, Till};

/// An undo whose line is on disk.
#[derive(Clone, Debug)]
pub struct UndoDone {
    /// The undo's own number.
    pub number: Number,
    /// When.
    pub at: UnixMs,
    /// What the server said, if it was heard in time.
    pub settlement: Option<Settlement>,
}

impl Till {
    /// Takes a redemption back: `takes` of it, or all that is still taken if nothing is named.
    ///
    /// # Errors
    ///
    /// Why it may not be: nothing was written then. [`Reason::UndoTooMuch`] for more than is still taken, or for a
    /// line that is named twice.
    pub async fn undo(
        &self,
        of: Number,
        takes: &[Take],
        reason: &str,
        clerk: &Person,
    ) -> Result<UndoDone, Reason> {
        let now = self.now();
        let number = self.new_number(now);
        let online = {
            let mut guard = self.lock();
            let state = guard.as_mut().ok_or(Reason::NotEnrolled)?;
            let act = Act::Undone {
                number: number.to_string(),
                of: of.to_string(),
                clerk: clerk.clone(),
                takes: state.may_undo(of, takes, now)?,
                reason: staff::written(reason),
            };
            state.write(now, vec![act])?;
            matches!(state.line, LineState::Online | LineState::Slow)
        };
        if online {
            let deadline = self.deadline();
            if tokio::time::timeout(deadline, self.push(deadline)).await.is_err() {
                self.note_line::<()>(&Err(LinkError::Silent(Silence::TimedOut)), None);
            }
        }
        self.wake.notify_one();
        self.tell_news();
        let settlement = self.lock().as_ref().and_then(|state| state.ledger.undo(number)?.settlement.clone());
        Ok(UndoDone { number, at: now, settlement })
    }

    /// What of a redemption of this till was not taken back; nothing of one that it does not know.
    pub fn still_taken(&self, of: Number) -> Vec<NamedTake> {
        let guard = self.lock();
        let redemption = guard.as_ref().and_then(|state| state.ledger.redemption(of));
        redemption.map(Redemption::still_taken).unwrap_or_default()
    }
}

impl State {
    /// What an undo of those has to say, if it may be; nothing stands for all that is still taken.
    fn may_undo(&self, of: Number, takes: &[Take], now: UnixMs) -> Result<Vec<NamedTake>, Reason> {
        let redemption = self.ledger.redemption(of).ok_or(Reason::UndoUnknown)?;
        let late = now.seconds_since(redemption.at()) > i64::from(self.policy().undo_minutes_max) * 60;
        match redemption.state() {
            Stand::Undone => Err(Reason::UndoneBefore),
            Stand::InDoubt | Stand::Closed => Err(Reason::UndoUnknown),
            Stand::Waiting | Stand::Counted if late => Err(Reason::UndoTooLate),
            // Nothing of it was handed over, so that no part of it can come back.
            Stand::CountedUnseen if takes.is_empty() => Ok(vec![]),
            Stand::CountedUnseen => Err(Reason::UndoUnknown),
            // Goods that were given out twice may come back at any time: that ends the case.
            Stand::Waiting | Stand::Counted | Stand::Case => some_of(redemption, takes),
        }
    }
}

fn some_of(redemption: &Redemption, takes: &[Take]) -> Result<Vec<NamedTake>, Reason> {
    let still = redemption.still_taken();
    let mut named: Vec<NamedTake> = vec![];
    for take in takes {
        let line = still.iter().find(|line| line.sku == take.sku).ok_or(Reason::UndoTooMuch)?;
        let twice = named.iter().any(|line| line.sku == take.sku);
        if take.quantity == 0 {
            return Err(Reason::NothingChosen);
        }
        if twice || take.quantity > line.quantity {
            return Err(Reason::UndoTooMuch);
        }
        named.push(NamedTake { quantity: take.quantity, ..line.clone() });
    }
    let quantity = |takes: &[NamedTake]| takes.iter().map(|take| u64::from(take.quantity)).sum::<u64>();
    // All that is left is all: the server may know better by now how much that is.
    Ok(if quantity(&named) == quantity(&still) { vec![] } else { named })
}
