//! The two engines that the same SQL runs on, and all in which they differ: SQLite in a file beside the server,
//! PostgreSQL for chains whose server is more than one process.
//!
//! The rest of the store sees one kind of connection and one kind of row, and keeps to what both engines mean the same
//! by. This room says how a connection is set up, how a transaction begins, and which failures mean "again".

use std::fmt::Write;
use std::path::Path;

use sqlx::Connection;
use sqlx::any::{Any, AnyArguments, AnyConnectOptions, AnyPoolOptions};

use super::StoreError;

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

/// How many connections read.
const READERS: u32 = 4;

/// On SQLite a writer waits 15 seconds for another process (the command line beside a running server), an answer is
/// on disk, and what refers to another row finds it.
const SQLITE_SETTINGS: &str =
    "PRAGMA busy_timeout = 15000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                               PRAGMA foreign_keys = ON";

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// In a file of this machine, opened by few processes.
    Sqlite,
}

/// An open database.
pub(super) struct Database {
    pub(super) engine: Engine,
    /// One connection: within a process, writers wait for each other in the order in which they came.
    pub(super) write: Pool,
    pub(super) read: Pool,
}

/// Opens the SQLite database in that file, which is made if need be.
pub(super) async fn open_sqlite(file: &Path) -> Result<Database, StoreError> {
    sqlx::any::install_default_drivers();
    let url: AnyConnectOptions = sqlite_url(file)?.parse()?;
    // Once for the file, and outside the pool, which would try again and again if the file is no database.
    let mut first = Conn::connect_with(&url).await?;
    sqlx::raw_sql(SQLITE_SETTINGS).execute(&mut first).await?;
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut first).await?;
    first.close().await?;
    let write = AnyPoolOptions::new()
        .max_connections(1)
        .after_connect(|conn, _| {
            Box::pin(async move { sqlx::raw_sql(SQLITE_SETTINGS).execute(conn).await.map(|_| ()) })
        })
        .connect_lazy_with(url.clone());
    let read = AnyPoolOptions::new()
        .max_connections(READERS)
        .after_connect(|conn, _| {
            Box::pin(async move {
                sqlx::raw_sql(SQLITE_SETTINGS).execute(&mut *conn).await?;
                sqlx::raw_sql("PRAGMA query_only = ON").execute(conn).await.map(|_| ())
            })
        })
        .connect_lazy_with(url);
    Ok(Database { engine: Engine::Sqlite, write, read })
}

/// A file's name as the driver takes it: whatever could mean something in a URL is written as a number.
fn sqlite_url(file: &Path) -> Result<String, StoreError> {
    let name = file.to_str().ok_or_else(|| {
        let sentence = format!("{} is no name in UTF-8: choose another folder", file.display());
        StoreError::Folder(std::io::Error::new(std::io::ErrorKind::InvalidInput, sentence))
    })?;
    let mut url = "sqlite:".to_owned();
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => url.push(char::from(byte)),
            // Writing into a text does not fail.
            _ => write!(url, "%{byte:02X}").unwrap_or_default(),
        }
    }
    url.push_str("?mode=rwc");
    Ok(url)
}

impl Engine {
    /// How a transaction begins that may write. What it reads stays true until it commits.
    pub(super) fn begin_writing(self) -> &'static str {
        match self {
            Engine::Sqlite => "BEGIN IMMEDIATE",
        }
    }

    /// How a transaction begins that reads one state of the database.
    pub(super) fn begin_reading(self) -> &'static str {
        match self {
            Engine::Sqlite => "BEGIN",
        }
    }
}
