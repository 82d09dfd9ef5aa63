//! The contract that a database must keep: the same stories on SQLite and on PostgreSQL, told to two stores on one
//! database at a time, as two processes of a server would be.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use server::store::Location;
use server::{Store, real};

#[tokio::test]
async fn try_it() {
    let url = tests::postgres::postgres().fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let location = Location::server(url.parse().unwrap(), folder.path());
    let store = Store::open_at(&location, real::hands()).await.unwrap();
    server::demo::seed(&store).await.unwrap();
}
