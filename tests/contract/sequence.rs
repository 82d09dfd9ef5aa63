//! Why feeds are numbered by a counter row: the same two writers with a sequence lose a row. PostgreSQL only, in tables
//! of its own; the interleaving is forced by two open transactions.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use tests::postgres::postgres;

/// What a reader finds behind its cursor.
async fn behind(conn: &mut PgConnection, cursor: i64) -> Vec<(i64, String)> {
    let rows = sqlx::query("SELECT seq, what FROM told WHERE seq > $1 ORDER BY seq").bind(cursor);
    rows.fetch_all(conn).await.unwrap().iter().map(|row| (row.get("seq"), row.get("what"))).collect()
}

#[tokio::test]
async fn a_sequence_loses_the_row_of_whoever_commits_later() {
    let url = postgres().fresh().await;
    let connect = || async { PgConnection::connect(&url).await.unwrap() };
    let (mut early, mut late, mut reader) = (connect().await, connect().await, connect().await);
    sqlx::raw_sql("CREATE SEQUENCE numbers; CREATE TABLE told (seq BIGINT PRIMARY KEY, what TEXT NOT NULL)")
        .execute(&mut reader)
        .await
        .unwrap();
    let tell = "INSERT INTO told VALUES (nextval('numbers'), $1)";
    let mut early = early.begin().await.unwrap();
    sqlx::query(tell).bind("early").execute(&mut *early).await.unwrap();
    let mut late = late.begin().await.unwrap();
    sqlx::query(tell).bind("late").execute(&mut *late).await.unwrap();
    late.commit().await.unwrap();
    let seen = behind(&mut reader, 0).await;
    assert_eq!(seen, [(2, "late".to_owned())], "the larger number is visible first");
    early.commit().await.unwrap();
    assert_eq!(
        behind(&mut reader, 2).await,
        [],
        "and the smaller one is behind the reader's cursor for ever"
    );
    assert_eq!(behind(&mut reader, 0).await.len(), 2, "though it is in the table");
}

#[tokio::test]
async fn a_counter_row_gives_the_next_number_only_after_the_commit_of_the_one_before() {
    let url = postgres().fresh().await;
    let connect = || async { PgConnection::connect(&url).await.unwrap() };
    let (mut early, mut late, mut reader) = (connect().await, connect().await, connect().await);
    sqlx::raw_sql(
        "CREATE TABLE counter (seq BIGINT NOT NULL); INSERT INTO counter VALUES (0);
         CREATE TABLE told (seq BIGINT PRIMARY KEY, what TEXT NOT NULL)",
    )
    .execute(&mut reader)
    .await
    .unwrap();
    sqlx::raw_sql("SET lock_timeout = 50").execute(&mut late).await.unwrap();
    let tell = "WITH next AS (UPDATE counter SET seq = seq + 1 RETURNING seq)
                INSERT INTO told SELECT seq, $1 FROM next";
    let mut first = early.begin().await.unwrap();
    sqlx::query(tell).bind("early").execute(&mut *first).await.unwrap();
    let mut second = late.begin().await.unwrap();
    let waits = sqlx::query(tell).bind("late").execute(&mut *second).await.expect_err("the row is locked");
    let code = waits.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    assert_eq!(code, "55P03", "the second writer waits for the first: {waits}");
    second.rollback().await.unwrap();
    first.commit().await.unwrap();
    sqlx::query(tell).bind("late").execute(&mut late).await.unwrap();
    let seen = behind(&mut reader, 0).await;
    assert_eq!(seen, [(1, "early".to_owned()), (2, "late".to_owned())], "in the order of the commits");
}
