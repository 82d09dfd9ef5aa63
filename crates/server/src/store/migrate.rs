//! Brings a database to the schema that this program knows, and refuses one that is newer.

use sqlx::Row;

use super::{Store, StoreError};

/// Each schema's number, name and statements. Never changed once released: a new file is added.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "chain", include_str!("../../migrations/sqlite/0001_chain.sql")),
    (2, "entitlements", include_str!("../../migrations/sqlite/0002_entitlements.sql")),
    (3, "redemptions", include_str!("../../migrations/sqlite/0003_redemptions.sql")),
];

/// Runs what is missing, all in one transaction, so that two programs that start at once do not meet half-way.
pub(super) async fn run(store: &Store) -> Result<(), StoreError> {
    let mut tx = store.writing().await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS migrations (
            number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL
        ) STRICT",
    )
    .execute(&mut *tx)
    .await?;
    let row =
        sqlx::query("SELECT COALESCE(MAX(number), 0) AS latest FROM migrations").fetch_one(&mut *tx).await?;
    let found: i64 = row.try_get("latest")?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (number, name, statements) in MIGRATIONS.into_iter().filter(|(number, ..)| *number > found) {
        sqlx::raw_sql(statements).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)")
            .bind(number)
            .bind(name)
            .bind(store.hands().now().0)
            .execute(&mut *tx)
            .await?;
        tracing::info!(number, name, "schema brought up to date");
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real;

    #[tokio::test]
    async fn a_newer_schema_is_refused_in_words_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), real::hands()).await.unwrap();
        sqlx::query("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)")
            .execute(&store.write)
            .await
            .unwrap();
        store.close().await;
        let refused = Store::open(folder.path(), real::hands()).await.err().expect("it must not be opened");
        assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "the schema is newer: {refused}");
        assert!(refused.to_string().contains("newer counterfoil-server"), "it says what to do: {refused}");
    }

    #[test]
    fn the_numbers_are_dense() {
        for (place, (number, ..)) in MIGRATIONS.iter().enumerate() {
            assert_eq!(*number, place as i64 + 1, "numbers follow each other, so the count is the latest");
        }
    }
}
