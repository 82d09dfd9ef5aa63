//! PostgreSQL: a database on a server of the chain's own, which several processes write at the same time.
//!
//! Nothing here needs more than transactions that are serializable: no advisory lock, no notification, no sequence, no
//! deferred or exclusion constraint. So what speaks PostgreSQL's protocol and keeps that promise can carry a chain.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};

use super::{Conn, Database, Engine, StoreError};

/// How many connections read.
const READERS: u32 = 8;
/// How many statements a connection keeps prepared: each about many rows is there in several sizes.
const STATEMENTS_KEPT: (&str, &str) = ("statement-cache-capacity", "400");
/// How long the server may take to let this program in.
const CONNECT_SECONDS_MAX: u64 = 10;
/// The oldest server that this program works with: nobody mends older ones any more.
const VERSION_MIN: i64 = 13;
/// What each connection begins with. As on SQLite, a writer waits 15 seconds for another one. A process that stands
/// still in the middle of an act is cut off, so that the others may go on. An answer is on disk, even where the server
/// is told not to wait for that. What is asked for is found by its key, mostly in memory: reading whole tables instead,
/// which a server takes for cheap whose settings are those of spinning disks, keeps customers waiting.
const SETTINGS: &str = "
    SET lock_timeout = 15000;
    SET idle_in_transaction_session_timeout = 60000;
    SET client_min_messages = warning;
    SELECT set_config(name, '1.1', false) FROM pg_settings
    WHERE name = 'random_page_cost' AND CAST(setting AS DOUBLE PRECISION) > 1.1;
    SELECT set_config('synchronous_commit',
                      CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                           ELSE current_setting('synchronous_commit') END, false)";

/// Failures after which an act begins anew (<https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html>):
/// it could not have been alone, it and another waited for each other, or another has written the row, or made the
/// table, that was not there when this one looked.
pub(super) const TRY_AGAIN: [&str; 4] = ["40001", "40P01", "23505", "42P07"];

/// A PostgreSQL database: `postgres://user:password@host:port/database`, with the parameters that its own programs
/// take (`sslmode`, `sslrootcert` and others). It is never shown with its password.
#[derive(Clone)]
pub struct ServerUrl {
    options: AnyConnectOptions,
    /// The whole of it but password and parameters.
    shown: String,
    user: String,
    database: String,
}

/// A text is no address of a PostgreSQL database. It is not repeated here, for there may be a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no address of a PostgreSQL database: write postgres://user:password@host:port/database, with %40 for an \
     @ in the password ({0})"
)]
pub struct NoServerUrl(String);

impl FromStr for ServerUrl {
    type Err = NoServerUrl;

    fn from_str(text: &str) -> Result<ServerUrl, NoServerUrl> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(NoServerUrl("it begins otherwise".to_owned()));
        }
        let why = |error: sqlx::Error| NoServerUrl(error.to_string());
        let mut options: AnyConnectOptions = text.parse().map_err(why)?;
        let url = &mut options.database_url;
        for (key, value) in [("application_name", "counterfoil-server"), STATEMENTS_KEPT] {
            if !url.query_pairs().any(|(theirs, _)| theirs == key) {
                url.query_pairs_mut().append_pair(key, value);
            }
        }
        let parsed = PgConnectOptions::from_url(url).map_err(why)?;
        let user = parsed.get_username().to_owned();
        let database = parsed.get_database().unwrap_or(&user).to_owned();
        let host = parsed.get_socket().map_or(parsed.get_host().into(), |socket| socket.to_string_lossy());
        let shown = format!("postgres://{user}@{host}:{}/{database}", parsed.get_port());
        Ok(ServerUrl { shown, user, database, options })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({})", self.shown)
    }
}

/// Opens the database, which must be there.
pub(super) async fn open(url: &ServerUrl) -> Result<Database, StoreError> {
    let deadline = Duration::from_secs(CONNECT_SECONDS_MAX);
    // Once outside the pool, which would try again and again, and not say why.
    match tokio::time::timeout(deadline, first(url)).await {
        Ok(looked) => looked?,
        Err(_) => {
            return Err(StoreError::Server(format!("it does not answer within {CONNECT_SECONDS_MAX} s")));
        }
    }
    let pool = |connections| {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(deadline)
            .after_connect(|conn, _| {
                Box::pin(async move { sqlx::raw_sql(SETTINGS).execute(conn).await.map(|_| ()) })
            })
            .connect_lazy_with(url.options.clone())
    };
    Ok(Database::new(Engine::Postgres, pool(1), pool(READERS)))
}

/// Looks whether this is a server, and a database, that this program can work with.
async fn first(url: &ServerUrl) -> Result<(), StoreError> {
    let mut conn = Conn::connect_with(&url.options).await.map_err(|error| url.not_opened(error))?;
    let version: i64 = setting(&mut conn, "SHOW server_version_num").await?.parse().unwrap_or(0);
    let version = version / 10_000;
    if version < VERSION_MIN {
        let sentence = format!("it is PostgreSQL {version}, and {VERSION_MIN} or newer is needed");
        return Err(StoreError::Server(sentence));
    }
    let encoding = setting(&mut conn, "SHOW server_encoding").await?;
    if encoding != "UTF8" {
        let sentence = format!(
            "its texts are in {encoding}: make one with `createdb --encoding=UTF8 --template=template0 {}`",
            url.database
        );
        return Err(StoreError::Server(sentence));
    }
    if setting(&mut conn, "SHOW fsync").await? == "off" {
        tracing::warn!(
            database = url.shown,
            "fsync is off on this server: what it answers may not be on disk"
        );
    }
    conn.close().await?;
    Ok(())
}

async fn setting(conn: &mut Conn, show: &'static str) -> Result<String, StoreError> {
    Ok(sqlx::query(show).fetch_one(conn).await?.try_get(0)?)
}

impl ServerUrl {
    /// Why nobody was let in, in words that say what to do.
    fn not_opened(&self, error: sqlx::Error) -> StoreError {
        let ServerUrl { user, database, .. } = self;
        StoreError::Server(match &error {
            sqlx::Error::Io(error) => {
                format!("the server cannot be reached ({error}): is it running, and is this its address?")
            }
            sqlx::Error::Tls(error) => format!(
                "there is no safe connection ({error}): sslrootcert=FILE names the certificate that the server's \
                 is signed by"
            ),
            sqlx::Error::Database(error) => match error.code().as_deref() {
                Some("28P01" | "28000") => format!(
                    "the server does not let {user} in ({}): check the user, the password and the server's \
                     pg_hba.conf",
                    error.message()
                ),
                Some("3D000") => format!("there is no such database: make it with `createdb {database}`"),
                Some("42501") => format!("{user} may not connect to this database: grant it"),
                Some("53300") => "the server has no connection left: raise its max_connections".to_owned(),
                Some("57P03") => "the server is starting or stopping: try again".to_owned(),
                _ => error.message().to_owned(),
            },
            other => other.to_string(),
        })
    }
}

/// The schema as PostgreSQL spells it. There is one text for both engines, in the words of SQLite's strict tables, and
/// these are the words that differ. Texts are compared by their bytes on both, whatever the server's language is, so
/// that lists have one order and an index outlives an update of the system's languages.
pub(super) fn spell(statements: &str) -> String {
    let words = [
        (" INTEGER", " BIGINT"),
        (" BLOB", " BYTEA"),
        (" TEXT", " TEXT COLLATE \"C\""),
        (") STRICT;", ");"),
        ("x''", "'\\x'::BYTEA"),
    ];
    let plain = statements.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let plain = plain.map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<&str>>().join("\n");
    words.into_iter().fold(plain, |text, (ours, theirs)| text.replace(ours, theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_spelt_for_postgresql_word_by_word() {
        let ours = "
            -- Things. An INTEGER here says nothing.
            CREATE TABLE things (
                tenant TEXT    NOT NULL,
                number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 2), -- TEXT
                kind   TEXT    NOT NULL CHECK (kind IN ('a', 'b')),
                bytes  BLOB    NOT NULL DEFAULT x'', -- BLOB
                PRIMARY KEY (tenant, number)
            ) STRICT;
            INSERT INTO things SELECT tenant, 1, 'a', x'' FROM others;";
        let theirs = "
            CREATE TABLE things (
                tenant TEXT COLLATE \"C\"    NOT NULL,
                number BIGINT NOT NULL CHECK (number BETWEEN 1 AND 2),
                kind   TEXT COLLATE \"C\"    NOT NULL CHECK (kind IN ('a', 'b')),
                bytes  BYTEA    NOT NULL DEFAULT '\\x'::BYTEA,
                PRIMARY KEY (tenant, number)
            );
            INSERT INTO things SELECT tenant, 1, 'a', '\\x'::BYTEA FROM others;";
        assert_eq!(spell(ours), theirs.trim_start_matches('\n'), "types and literals, and nothing else");
    }

    #[test]
    fn a_password_is_never_shown() {
        let url: ServerUrl = "postgres://chain:s3cret@db.example:5433/foil?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://chain@db.example:5433/foil", "all but the secret");
        assert!(!format!("{url:?}").contains("s3cret"), "nor where programmers look: {url:?}");
        for wrong in ["postgres://chain:s3cret@db:port/foil", "mysql://chain:s3cret@db/foil", "chain:s3cret"]
        {
            let error = wrong.parse::<ServerUrl>().unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "nor in an error: {error}");
            assert!(error.contains("postgres://user:password@host"), "which says what to write: {error}");
        }
        let socket: ServerUrl = "postgres://chain@%2Frun%2Fpg/foil".parse().unwrap();
        assert_eq!(socket.to_string(), "postgres://chain@/run/pg:5432/foil", "a socket is a folder");
    }
}
