//! SQLite: one file in a folder of its own, embedded in the server.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};

use super::{Conn, Database, Engine, StoreError};

/// How many connections read.
const READERS: u32 = 4;
/// The database's file name in its folder.
const FILE: &str = "server.db";
/// A writer waits 15 seconds for another process (the command line beside a running server), an answer is on disk,
/// and what refers to another row finds it.
const SETTINGS: &str = "PRAGMA busy_timeout = 15000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";

/// The database's file in that folder.
pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Opens the database in that folder. Both are made if need be.
pub(super) async fn open(folder: &Path) -> Result<Database, StoreError> {
    make_folder(folder)?;
    make_file(&file_in(folder))?;
    let url: AnyConnectOptions = url(&file_in(folder))?.parse()?;
    // Once for the file, and outside the pool, which would try again and again if the file is no database.
    let mut first = Conn::connect_with(&url).await?;
    sqlx::raw_sql(SETTINGS).execute(&mut first).await?;
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut first).await?;
    first.close().await?;
    let write = AnyPoolOptions::new()
        .max_connections(1)
        .after_connect(|conn, _| {
            Box::pin(async move { sqlx::raw_sql(SETTINGS).execute(conn).await.map(|_| ()) })
        })
        .connect_lazy_with(url.clone());
    let read = AnyPoolOptions::new()
        .max_connections(READERS)
        .after_connect(|conn, _| {
            Box::pin(async move {
                sqlx::raw_sql(SETTINGS).execute(&mut *conn).await?;
                sqlx::raw_sql("PRAGMA query_only = ON").execute(conn).await.map(|_| ())
            })
        })
        .connect_lazy_with(url);
    Ok(Database::new(Engine::Sqlite, write, read))
}

/// Makes the folder if need be, for its owner alone: whole codes are in it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the file if need be, for its owner alone even where the folder was there before and is open to others.
/// SQLite takes an empty file for a new database, and gives the mode to the files that it writes beside it.
fn make_file(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A file's name as the driver takes it: whatever could mean something in a URL is written as a number.
fn url(file: &Path) -> Result<String, StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_may_have_any_name() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("山海 50%?mode=ro#&:");
        open(&folder).await.unwrap().close().await;
        assert!(file_in(&folder).exists(), "the database is where it was asked for");
    }
}
