//! Opening a database: several at once, a newer one, and servers that cannot be worked with.

use std::sync::Arc;

use server::Store;
use server::store::{Location, StoreError};
use tests::postgres::postgres;

use crate::two::{Two, at_once, hands};

pub async fn programs_that_start_at_once_find_one_schema(two: Arc<Two>) {
    let folder = tempfile::tempdir().unwrap();
    let location = if two.is_sqlite() {
        Location::file(folder.path())
    } else {
        Location::server(postgres().fresh().await.parse().unwrap(), folder.path())
    };
    let salts = at_once((0..6).map(|seed| {
        let location = location.clone();
        async move {
            let store = Store::open_at(&location, hands(seed)).await.unwrap();
            let shop = store.add_store(&format!("{seed}号店")).await.unwrap().unwrap();
            let till = store.add_silent_till(&shop, "till").await.unwrap();
            (store.setup(&till).await.unwrap().code_salt, store.page(&till, 0).await.unwrap().epoch)
        }
    }))
    .await;
    assert!(salts.iter().all(|salt| *salt == salts[0]), "one salt and one epoch were drawn: {salts:?}");
    let schema = Store::schema_at(&location).await.unwrap().expect("there is a database");
    assert_eq!((schema.found, schema.pending().count()), (schema.known, 0), "and the schema is up to date");
}

pub async fn a_newer_schema_is_refused_in_words(two: Arc<Two>) {
    let mut conn = two.beside().await;
    sqlx::query("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)")
        .execute(&mut conn)
        .await
        .unwrap();
    let opened = Store::open_at(&two.location, hands(3)).await.err().expect("it must not be opened");
    let looked = Store::schema_at(&two.location).await.expect_err("nor looked at as if it were ours");
    for refused in [opened, looked] {
        assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "the schema is newer: {refused}");
        assert!(refused.to_string().contains("newer counterfoil-server"), "it says what to do: {refused}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_worked_with_is_named_in_words_without_its_password() {
    let server = postgres();
    let socket = tempfile::tempdir().unwrap();
    let nowhere = socket.path().display().to_string().replace('/', "%2F");
    let fresh = server.fresh().await;
    let (_, host) = fresh.split_once('@').expect("the test server's URL has a user");
    let parameter = if fresh.contains('?') { '&' } else { '?' };
    let cases = [
        (format!("postgres://chain:s3cret@{nowhere}/foil"), "is it running"),
        (format!("postgres://nobody_of_that_name:s3cret@{host}"), "does not let nobody_of_that_name in"),
        (server.url("no_such_database"), "createdb no_such_database"),
        (format!("{fresh}{parameter}sslmode=verify-full&sslrootcert=/no/such/file"), "sslrootcert"),
    ];
    for (url, sentence) in cases {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::server(url.parse().unwrap(), folder.path());
        let error = Store::open_at(&location, hands(1)).await.err().expect("it cannot be opened");
        let said = format!("{location}: {error}");
        assert!(matches!(error, StoreError::Server(_)), "it is the server: {error:?}");
        assert!(said.contains(sentence), "it says what is wrong: {said}");
        assert!(!format!("{said} {error:?} {location:?}").contains("s3cret"), "and no password: {said}");
    }
}
