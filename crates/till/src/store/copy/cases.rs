//! The store's cases in the copy, and how far they follow the server's.
//!
//! They say nothing about what may be handed over, and so are no part of the copy's digest. A row that is not what was
//! told is left out, and all of them are fetched once more.

use rusqlite::{Row, params};
use wire::case::{Case, Entry};
use wire::feed::{RowHash, RowKey};

use super::{Copy, CopyError, set_fact};

/// Where the number stands up to which the cases are held.
pub(super) const SEQ: &str = "cases_seq";

/// What could be read of the cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CasesRead {
    /// As they were told, in the order of their numbers.
    pub cases: Vec<Case>,
    /// Some of them are not what was told, and are left out.
    pub damaged: bool,
}

/// One row as it stands in the file.
struct CaseRow {
    id: String,
    seq: i64,
    open: bool,
    told: String,
    hash: Vec<u8>,
}

impl CaseRow {
    fn of(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
        Ok(CaseRow {
            id: row.get(0)?,
            seq: row.get(1)?,
            open: row.get(2)?,
            told: row.get(3)?,
            hash: row.get(4)?,
        })
    }

    fn seal(&self, key: &RowKey) -> RowHash {
        let name = format!("case {} {} {}", self.id, self.seq, self.open);
        key.hash_bytes(&[name.as_bytes(), self.told.as_bytes()])
    }

    /// The case, if it is what was told.
    fn read(&self, key: &RowKey) -> Option<Case> {
        let whole = self.seal(key).0[..] == self.hash[..];
        whole.then(|| serde_json::from_str(&self.told).ok()).flatten()
    }
}

impl Copy {
    /// The number up to which the store's cases are held; 0 before any was told.
    pub fn cases_position(&self) -> Result<u64, CopyError> {
        // What cannot be read is no place: then all of them are fetched.
        Ok(self.fact(SEQ)?.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Takes in cases that changed, up to the number `last`; with `anew` in the place of all that were held.
    pub fn apply_cases(&mut self, entries: &[Entry], last: u64, anew: bool) -> Result<(), CopyError> {
        let transaction = self.db.transaction()?;
        if anew {
            transaction.execute("DELETE FROM case_told", [])?;
        }
        for Entry { seq, case } in entries {
            let mut row = CaseRow {
                id: case.case.clone(),
                seq: i64::try_from(*seq).unwrap_or(i64::MAX),
                open: case.is_open(),
                told: serde_json::to_string(case)?,
                hash: vec![],
            };
            row.hash = row.seal(&self.key).0.to_vec();
            transaction
                .prepare_cached(
                    "INSERT INTO case_told (id, seq, open, told, hash) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, open = excluded.open, told = excluded.told,
                         hash = excluded.hash",
                )?
                .execute(params![row.id, row.seq, row.open, row.told, row.hash])?;
        }
        set_fact(&transaction, SEQ, &last.to_string())?;
        transaction.commit()?;
        Ok(())
    }

    /// All of them are fetched once more; what is held is shown until then.
    pub fn doubt_cases(&mut self) -> Result<(), CopyError> {
        set_fact(&self.db, SEQ, "0")
    }

    /// The store's cases as they are held.
    pub fn cases(&self) -> Result<CasesRead, CopyError> {
        let mut select =
            self.db.prepare_cached("SELECT id, seq, open, told, hash FROM case_told ORDER BY seq")?;
        let mut read = CasesRead::default();
        for row in select.query_map([], CaseRow::of)? {
            // A row with other kinds of values than were written was changed as well.
            match row.ok().and_then(|row| row.read(&self.key)) {
                Some(case) => read.cases.push(case),
                None => read.damaged = true,
            }
        }
        Ok(read)
    }

    /// The case of that name, if it is held and is what was told.
    pub fn case(&self, id: &str) -> Result<Option<Case>, CopyError> {
        let mut select =
            self.db.prepare_cached("SELECT id, seq, open, told, hash FROM case_told WHERE id = ?1")?;
        let row = select.query_map([id], CaseRow::of)?.next();
        Ok(row.and_then(Result::ok).and_then(|row| row.read(&self.key)))
    }

    /// The names of the cases that are held, and whether each is open: without reading them whole.
    pub fn case_names(&self) -> Result<Vec<(String, bool)>, CopyError> {
        let mut select = self.db.prepare_cached("SELECT id, open FROM case_told")?;
        let names = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(names.filter_map(Result::ok).collect())
    }
}
