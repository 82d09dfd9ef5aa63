//! The two engines that the same SQL runs on, and all in which they differ: SQLite in a file beside the server,
//! PostgreSQL for chains whose server is more than one process.
//!
//! The rest of the store sees one kind of connection and one kind of row, and keeps to what both engines mean the same
//! by. These rooms say how a connection is set up, how a transaction begins, which failures mean "again", and how the
//! one text of the schema is spelt for each.

use std::path::{Path, PathBuf};
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
}

impl Database {
    /// Ends every connection, so that another process may open the database at once.
    pub(super) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
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
