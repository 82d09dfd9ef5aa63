//! The two engines that the same SQL runs on, and all in which they differ: SQLite in a file beside the server,
//! PostgreSQL for chains whose server is more than one process.
//!
//! The rest of the store sees one kind of connection and one kind of row, and keeps to what both engines mean the same
//! by. These rooms say how a connection is set up, how a transaction begins, which failures mean "again", and how the
//! one text of the schema is spelt for each.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Row;
use sqlx::any::{Any, AnyArguments};

use super::StoreError;
use crate::clock::Hands;

mod postgres;
mod sqlite;

pub use postgres::{NoServerUrl, ServerUrl};

/// A connection, within a transaction or not.
pub(super) type Conn = sqlx::AnyConnection;
/// A row that was read.
pub(super) type DbRow = sqlx::any::AnyRow;
/// A statement with its arguments.
pub(super) type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;
/// Connections that are used again.
pub(super) type Pool = sqlx::AnyPool;
/// A transaction. Dropped, it has done nothing.
pub(super) type Tx = sqlx::Transaction<'static, Any>;

/// How often an act begins anew because another process was at the same rows. Each time one of them gets through.
const TRIES_MAX: u32 = 40;
/// The first pause between two tries (ms), and the longest: each is twice the one before, less a random part.
const PAUSE_MS: (u64, u64) = (2, 128);

/// After so many new rows the database is asked to count them for the first time …
const COUNTED_FIRST: u64 = 500;
/// … and for the last time when there are 256,000: from then on its own rounds keep up.
const STEPS_MAX: u32 = 4;

/// Where a chain's database is, with the folder in which the server keeps what is in no database, such as keys.
#[derive(Clone, Debug)]
pub struct Location {
    pub(super) folder: PathBuf,
    server: Option<ServerUrl>,
}

impl Location {
    /// An SQLite database in `folder`.
    pub fn file(folder: &Path) -> Location {
        Location { folder: folder.to_owned(), server: None }
    }

    /// A PostgreSQL database.
    pub fn server(url: ServerUrl, folder: &Path) -> Location {
        Location { folder: folder.to_owned(), server: Some(url) }
    }

    /// Whether nothing can be there: no file, at least. A database on a server has to be asked.
    pub(super) fn is_missing(&self) -> std::io::Result<bool> {
        Ok(self.server.is_none() && !sqlite::file_in(&self.folder).try_exists()?)
    }

    /// Opens the database. A file is made if need be, a database on a server is not.
    pub(super) async fn open(&self) -> Result<Database, StoreError> {
        // Needs to happen once, and may happen again.
        sqlx::any::install_default_drivers();
        match &self.server {
            None => sqlite::open(&self.folder).await,
            Some(url) => postgres::open(url).await,
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.server {
            None => write!(f, "{}", self.folder.display()),
            Some(url) => write!(f, "{url}"),
        }
    }
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// In a file of this machine, which few processes open.
    Sqlite,
    /// On a server, with as many processes as a chain needs.
    Postgres,
}

/// An open database.
pub(super) struct Database {
    pub(super) engine: Engine,
    /// One connection: within a process, writers wait for each other in the order in which they came.
    pub(super) write: Pool,
    pub(super) read: Pool,
    /// How many rows this process has added, see [`Grown`].
    grown: [AtomicU64; 2],
}

impl Database {
    fn new(engine: Engine, write: Pool, read: Pool) -> Database {
        Database { engine, write, read, grown: Default::default() }
    }

    /// So many rows more of that kind are there. PostgreSQL plans by what it last counted, and counts on its own only
    /// now and then: a table that was filled within a minute looks empty to it, and each statement reads all of it. So it
    /// is asked to count when there are some, and again each time there are eight times as many. SQLite always goes by
    /// the keys.
    pub(super) fn grew(&self, kind: Grown, rows: usize) {
        let before = self.grown[kind as usize].fetch_add(rows as u64, Ordering::Relaxed);
        if self.engine == Engine::Sqlite || steps(before) == steps(before + rows as u64) {
            return;
        }
        let (pool, count) = (self.read.clone(), kind.count());
        tokio::spawn(async move {
            if let Err(error) = sqlx::query(count).execute(&pool).await {
                tracing::warn!(%error, "the database does not count its rows: statements may be slow for a while");
            }
        });
    }

    /// Ends every connection, so that another process may open the database at once.
    pub(super) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// How many arguments a statement about many rows had best have. SQLite looks each of them up by its name among all of
/// them, and is asked at no cost; to PostgreSQL each statement is a way there and back. Both take 30,000.
pub(super) fn arguments_of_a_statement(conn: &Conn) -> usize {
    match conn.backend_name() {
        "SQLite" => 256,
        _ => 4_096,
    }
}

/// What a process adds many rows of.
#[derive(Clone, Copy)]
pub(super) enum Grown {
    /// Entitlements with what belongs to them.
    Issued,
    /// Lines of journals with what they did.
    Lines,
}

impl Grown {
    /// Counts the tables that they are in.
    fn count(self) -> &'static str {
        match self {
            Grown::Issued => {
                "ANALYZE entitlements, entitlement_lines, entitlement_stores, codes, signed_codes, told, feed_entries"
            }
            Grown::Lines => "ANALYZE lines, branches, begun, redemptions, cases, case_entries, case_sides",
        }
    }
}

/// How often so many rows have become eight times as many; a few do not matter.
fn steps(rows: u64) -> u32 {
    (rows / COUNTED_FIRST).checked_ilog(8).map_or(0, |steps| (steps + 1).min(STEPS_MAX))
}

impl Engine {
    /// How a transaction begins that may write: its outcome is as if it had been alone.
    ///
    /// SQLite lets one write at a time, and the others wait. PostgreSQL lets all begin, and fails those that could not
    /// have been alone ([`Engine::tries_again`]).
    pub(super) fn begin_writing(self) -> &'static str {
        match self {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        }
    }

    /// How a transaction begins that reads one state of the database.
    pub(super) fn begin_reading(self) -> &'static str {
        match self {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// The schema's text as this engine spells it.
    pub(super) fn spell(self, statements: &str) -> String {
        match self {
            Engine::Sqlite => statements.to_owned(),
            Engine::Postgres => postgres::spell(statements),
        }
    }

    /// Whether there is a table of that name.
    pub(super) async fn has_table(self, conn: &mut Conn, table: &str) -> Result<bool, StoreError> {
        let sql = match self {
            Engine::Sqlite => {
                "SELECT COUNT(*) AS tables FROM sqlite_schema WHERE type = 'table' AND name = $1"
            }
            Engine::Postgres => {
                "SELECT COUNT(*) AS tables FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = $1"
            }
        };
        let row = sqlx::query(sql).bind(table).fetch_one(conn).await?;
        Ok(row.try_get::<i64, _>("tables")? == 1)
    }

    /// Whether an act that failed like this is to begin anew: another process was at the same rows, this one's
    /// transaction has done nothing, and what it looks at next has changed.
    pub(super) fn tries_again(self, error: &StoreError) -> bool {
        if matches!(error, StoreError::Moved(_)) {
            return true;
        }
        let StoreError::Db(sqlx::Error::Database(error)) = error else { return false };
        match self {
            Engine::Sqlite => false,
            Engine::Postgres => error.code().is_some_and(|code| postgres::TRY_AGAIN.contains(&&*code)),
        }
    }
}

/// The tries of one act.
pub(super) struct Tries(u32);

impl Tries {
    pub(super) fn new() -> Tries {
        Tries(0)
    }

    /// Waits a little before the next try, at random, so that two processes do not meet again. False if there were
    /// tries enough.
    pub(super) async fn next(&mut self, hands: &Hands) -> bool {
        if self.0 >= TRIES_MAX {
            return false;
        }
        let (first, longest) = PAUSE_MS;
        let whole = (first << self.0.min(16)).min(longest);
        let [chance] = hands.random();
        let pause = whole - whole * u64::from(chance) / 512;
        self.0 += 1;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_when_they_have_become_many_more() {
        let counted = [(0, 0), (499, 0), (500, 1), (3_999, 1), (4_000, 2), (255_999, 3), (256_000, 4)];
        for (rows, expected) in counted {
            assert_eq!(steps(rows), expected, "at {rows}");
        }
        assert_eq!(steps(u64::MAX), STEPS_MAX, "and then never again");
    }
}
