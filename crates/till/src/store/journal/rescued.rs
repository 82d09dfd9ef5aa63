//! Lines of this till that came back from the server, after its journal was set back or lost. They are kept as they were
//! signed, beside the journal's own. Where they follow from an epoch's last line they continue it: a server that is set
//! back later gets them from here again.

use std::collections::{BTreeMap, BTreeSet};

use model::signed::key::PublicKey;
use rusqlite::params;
use wire::line::{self, Line};

use super::{Ends, Head, Journal, JournalError};

impl Journal {
    /// The last line of that epoch which this till has written into this file.
    pub(super) fn own(&self, epoch: u64) -> Head {
        let head = if epoch == self.epoch { Some(&self.head) } else { self.earlier.get(&epoch) };
        head.copied().unwrap_or(Head::NONE)
    }

    /// The last line of that epoch which this file has, rescued ones included.
    pub fn end(&self, epoch: u64) -> Head {
        self.continued.get(&epoch).copied().unwrap_or_else(|| self.own(epoch))
    }

    /// Where each epoch ends, in order.
    pub(super) fn heads(&self) -> impl Iterator<Item = (u64, Head)> {
        let epochs: BTreeSet<u64> =
            self.earlier.keys().chain(self.continued.keys()).chain([&self.epoch]).copied().collect();
        epochs.into_iter().map(|epoch| (epoch, self.end(epoch)))
    }

    /// Keeps lines of this till that the server holds and this file does not, and gives them back to be taken into the
    /// ledger. What is not signed by `key`, is of another till, or is here already, is passed over.
    pub fn rescue(&mut self, lines: &[Vec<u8>], key: PublicKey) -> Result<Vec<Line>, JournalError> {
        if self.failed {
            return Err(JournalError::Failed("it has to be opened again and compared first".into()));
        }
        let mut ends = Ends { own: BTreeMap::new(), continued: self.continued.clone() };
        ends.own.extend(self.earlier.iter().chain([(&self.epoch, &self.head)]));
        let mut rescue = |journal: &mut Journal| -> Result<Vec<Line>, rusqlite::Error> {
            let transaction =
                journal.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let mut kept = vec![];
            for bytes in lines {
                let Ok(line) = line::decode(bytes, key) else { continue };
                if line.device != journal.device {
                    continue;
                }
                let here: bool = transaction.query_row(
                    "SELECT EXISTS (SELECT 1 FROM line WHERE epoch = ?1 AND seq = ?2 AND bytes = ?3)",
                    params![line.epoch, line.seq, bytes],
                    |row| row.get(0),
                )?;
                let new =
                    "INSERT INTO rescued (epoch, seq, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                if !here && transaction.execute(new, params![line.epoch, line.seq, bytes])? == 1 {
                    ends.continue_with(&line, bytes);
                    kept.push(line);
                }
            }
            transaction.commit()?;
            Ok(kept)
        };
        let kept = rescue(self).map_err(|error| self.refused(&error))?;
        self.continued = ends.continued;
        // The server holds what it gave, and what that follows from.
        for epoch in kept.iter().map(|line| line.epoch).collect::<BTreeSet<_>>() {
            if let Some(end) = self.continued.get(&epoch) {
                self.set_sent(epoch, end.seq)?;
            }
        }
        Ok(kept)
    }
}
