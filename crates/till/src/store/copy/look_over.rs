//! Looking over the whole copy: every row is compared with its hash, and their sum with what the server vouched for.
//!
//! It goes in small steps, so that a customer never waits for it, and pages may come in between.

use wire::feed::{Digest, RowHash};

use super::{Copy, CopyError, CopyRow, Peek, StatusChunk};

/// How far it has come.
#[derive(Clone, Debug)]
pub(super) struct LookOver {
    /// The last id that was looked at; ids come in their order.
    last: String,
    digest: Digest,
    rows: u64,
}

/// Whether there is more to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is.
    More,
    /// All of it is as the server told it.
    Done,
}

impl LookOver {
    /// A page has put a row in: if that is behind this, it counts as looked at.
    pub(super) fn follow(&mut self, id: &str, before: Option<&RowHash>, now: &RowHash) {
        if id > self.last.as_str() {
            return;
        }
        match before {
            Some(before) => self.digest.take(before),
            None => self.rows += 1,
        }
        self.digest.add(now);
    }
}

impl Copy {
    /// Looks at so many rows more, from the beginning after a start or an end.
    ///
    /// # Errors
    ///
    /// [`CopyError::Doubtful`] if a row was changed, taken out or put in. The next step begins from the beginning.
    pub fn look_over(&mut self, rows: u32) -> Result<Progress, CopyError> {
        let mut look_over =
            self.look_over.take().unwrap_or(LookOver { last: String::new(), digest: Digest::EMPTY, rows: 0 });
        let looked = self.step(&mut look_over, rows)?;
        if looked == rows {
            self.look_over = Some(look_over);
            return Ok(Progress::More);
        }
        if (look_over.digest, look_over.rows) != (self.place.digest, self.place.rows) {
            let (found, wanted) = (look_over.rows, self.place.rows);
            return Err(CopyError::Doubtful(format!("it has {found} rows of {wanted}, or others")));
        }
        let mut chunks = self.db.prepare("SELECT campaign, chunk, covered, bits, hash FROM status_chunk")?;
        for chunk in chunks.query_map([], StatusChunk::of)? {
            chunk?.check(&self.key)?;
        }
        Ok(Progress::Done)
    }

    fn step(&self, look_over: &mut LookOver, rows: u32) -> Result<u32, CopyError> {
        let mut select = self.db.prepare_cached(
            "SELECT id, code_hash, member, told, hash FROM entitlement WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut looked = 0;
        for row in select.query_map((&look_over.last, rows), CopyRow::of)? {
            let row = row?;
            look_over.digest.add(&row.check(&self.key)?);
            let Peek { member, .. } = serde_json::from_str(&row.told)?;
            if member != row.member {
                return Err(CopyError::Doubtful(format!("the row of {} was changed", row.id)));
            }
            look_over.rows += 1;
            looked += 1;
            look_over.last = row.id;
        }
        Ok(looked)
    }
}
