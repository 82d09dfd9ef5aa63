//! Brings a database to the schema that this program knows, and refuses one that is newer.

use sqlx::{AssertSqlSafe, Row};

use super::db::Conn;
use super::{Location, Store, StoreError};

/// Each schema's number, name and statements. Never changed once released: a new file is added.
const MIGRATIONS: [(i64, &str, &str); 9] = [
    (1, "chain", include_str!("../../migrations/sqlite/0001_chain.sql")),
    (2, "entitlements", include_str!("../../migrations/sqlite/0002_entitlements.sql")),
    (3, "redemptions", include_str!("../../migrations/sqlite/0003_redemptions.sql")),
    (4, "codes", include_str!("../../migrations/sqlite/0004_codes.sql")),
    (5, "device_keys", include_str!("../../migrations/sqlite/0005_device_keys.sql")),
    (6, "journals", include_str!("../../migrations/sqlite/0006_journals.sql")),
    (7, "policy", include_str!("../../migrations/sqlite/0007_policy.sql")),
    (8, "cases", include_str!("../../migrations/sqlite/0008_cases.sql")),
    (9, FEED, include_str!("../../migrations/sqlite/0009_feed.sql")),
];

/// The schema whose hashes no SQL can calculate.
const FEED: &str = "feed";

/// What keeps the numbers of the schemas that were run.
const MIGRATIONS_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS migrations (
        number INTEGER NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        applied_at INTEGER NOT NULL
    ) STRICT;";

/// How the schema of a database stands to the one that this program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The latest that the database has; 0 if it is empty.
    pub found: i64,
    /// The latest that this program knows.
    pub known: i64,
}

impl Schema {
    /// The numbers and names of what is missing in the database.
    pub fn pending(&self) -> impl Iterator<Item = (i64, &'static str)> {
        let found = self.found;
        MIGRATIONS.iter().map(|(number, name, _)| (*number, *name)).filter(move |(number, _)| *number > found)
    }
}

impl Store {
    /// How the schema there stands, without changing anything; nothing if there is no database.
    /// [`StoreError::Newer`] if a newer program has written it.
    pub async fn schema_at(location: &Location) -> Result<Option<Schema>, StoreError> {
        if location.is_missing()? {
            return Ok(None);
        }
        let db = location.open().await?;
        let mut conn = db.read.acquire().await?;
        let found =
            if db.engine.has_table(&mut conn, "migrations").await? { latest(&mut conn).await? } else { 0 };
        drop(conn);
        db.close().await;
        compared(found).map(Some)
    }
}

/// Runs what is missing, each schema in a transaction of its own. Several programs may start at once: each schema is
/// run by one of them, and the others find it done.
pub(super) async fn run(store: &Store) -> Result<(), StoreError> {
    let engine = store.db.engine;
    let table = engine.spell(MIGRATIONS_TABLE);
    let found = store
        .write(|mut tx| {
            let table = AssertSqlSafe(table.clone());
            async move {
                sqlx::raw_sql(table).execute(&mut *tx).await?;
                let found = latest(&mut tx).await?;
                tx.commit().await?;
                Ok(found)
            }
        })
        .await?;
    compared(found)?;
    for (number, name, statements) in MIGRATIONS.into_iter().filter(|(number, ..)| *number > found) {
        let statements = engine.spell(statements);
        let mine = store
            .write(|mut tx| {
                let statements = AssertSqlSafe(statements.clone());
                async move {
                    if latest(&mut tx).await? >= number {
                        return Ok(false);
                    }
                    // First the number: whoever else is at this schema waits for it.
                    sqlx::query("INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)")
                        .bind(number)
                        .bind(name)
                        .bind(store.hands().now().0)
                        .execute(&mut *tx)
                        .await?;
                    sqlx::raw_sql(statements).execute(&mut *tx).await?;
                    if name == FEED {
                        super::feeds::fill(&mut tx).await?;
                    }
                    tx.commit().await?;
                    Ok(true)
                }
            })
            .await?;
        if mine {
            tracing::info!(number, name, "schema brought up to date");
        }
    }
    Ok(())
}

/// The number of the latest schema that was run.
async fn latest(conn: &mut Conn) -> Result<i64, StoreError> {
    let row =
        sqlx::query("SELECT COALESCE(MAX(number), 0) AS latest FROM migrations").fetch_one(conn).await?;
    Ok(row.try_get("latest")?)
}

/// Beside what this program knows. It must not touch a newer one.
fn compared(found: i64) -> Result<Schema, StoreError> {
    let known = MIGRATIONS.last().map_or(0, |(number, ..)| *number);
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(Schema { found, known }) }
}

#[cfg(test)]
mod tests {
    use wire::feed::{Digest, RowKey};

    use super::super::db::DbRow;
    use super::*;
    use crate::real;

    #[tokio::test]
    async fn a_newer_schema_is_refused_in_words_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), real::hands()).await.unwrap();
        sqlx::query("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)")
            .execute(&store.db.write)
            .await
            .unwrap();
        store.close().await;
        let refused = Store::open(folder.path(), real::hands()).await.err().expect("it must not be opened");
        assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "the schema is newer: {refused}");
        assert!(refused.to_string().contains("newer counterfoil-server"), "it says what to do: {refused}");
    }

    /// A row in every table that the first three schemas have, and more than one where rows refer to each other.
    const OLD_ROWS: &str = "
        INSERT INTO chain VALUES ('main', '山海茶铺', 'abcd', 7, 1);
        INSERT INTO stores VALUES ('main', 'store-1', '南山店', x'0000000000000000000000000000000000000000000000000000000000000000'), ('main', 'store-2', '福田店', x'0101010101010101010101010101010101010101010101010101010101010101');
        INSERT INTO staff VALUES ('main', 'staff-1', 'store-1', '李娜', 0, 'hash');
        INSERT INTO devices VALUES ('main', 'till-1', 'store-1', '前台', x'02', 1, 5, 0);
        INSERT INTO enrolment_codes VALUES ('main', x'03', 'store-1', 1, 2, 3, 'till-1');
        INSERT INTO entitlements VALUES
            ('main', 0, 'order-1', 4, 'P000000000000000ABAT', '订单', '{\"kind\":\"order\"}', 'good', 0,
             9223372036854775807, 0, 1, 2, '王*', '[]', ''),
            ('main', 0, 'coupon-1', 1, 'C000000000000000EF46', '券', '{\"kind\":\"amount_off\",\"fen\":1}',
             'refunded', 10, 20, 1, 3, 4, '', '[\"a\"]', 'member-1');
        INSERT INTO entitlement_lines VALUES ('main', 0, 'order-1', 'a', 0, 'A', 'v', 's', 3, 2),
            ('main', 0, 'order-1', 'b', 1, 'B', '', '', 1, 0), ('main', 0, 'coupon-1', 'c', 0, 'C', '', '', 1, 1);
        INSERT INTO entitlement_stores VALUES ('main', 0, 'order-1', 'store-2');
        INSERT INTO feeds VALUES ('main', 'store-1', 1), ('main', 'store-2', 9);
        INSERT INTO feed_entries VALUES ('main', 'store-1', 0, 'coupon-1', 1),
            ('main', 'store-2', 0, 'coupon-1', 8), ('main', 'store-2', 0, 'order-1', 9);
        INSERT INTO practice VALUES ('main', 0, 'code', 'order', 'order', '', 'caption', 'offer');
        INSERT INTO redemptions VALUES ('main', 0, 'number', 'counted', 'order-1', '[]', 1, 2, 'till-1', '前台',
            'store-1', '南山店', '李娜', '', '', '', 0, '');
        INSERT INTO journals VALUES ('main', 'till-1', 1, 2, x'04');
        INSERT INTO lines VALUES ('main', 'till-1', 1, 1, 'begun', x'05', 6, '');
        INSERT INTO begun VALUES ('main', 'till-1', 'number', 'order-1', '订单', '[]', 1, 2, '李娜');
        INSERT INTO cases VALUES ('main', 'case-1', 'refused', 'expired', 1, 0, '', 'number', 'order-1', '订单', 1,
            '[]', 2, 'till-1', '前台', 'store-1', '南山店', '李娜', '');";

    /// Each table of the first three schemas with the columns that it still has.
    const KEPT: [(&str, &str); 15] = [
        ("chain", "tenant, name, epoch, practice"),
        ("stores", "*"),
        ("staff", "*"),
        ("devices", "tenant, device, store, name, token_hash, epoch, enrolled_at, revoked_at"),
        ("enrolment_codes", "tenant, code_hash, store, made_at, expires_at, used_at, used_by"),
        (
            "entitlements",
            "tenant, bucket, entitlement, version, title, kind, standing, valid_from, valid_until, any_store,
             spend_min, value, holder, notes, member",
        ),
        ("entitlement_lines", "*"),
        ("entitlement_stores", "*"),
        ("feed_entries", "tenant, feed, bucket, entitlement, seq"),
        ("practice", "*"),
        (
            "redemptions",
            "tenant, bucket, number, state, entitlement, takes, at, received_at, device, till, store, store_name, clerk,
             request, answer, undo, undone_at, undone_by",
        ),
        ("journals", "tenant, device, epoch, head, head_hash"),
        ("lines", "*"),
        ("begun", "tenant, device, number, entitlement, title, takes, value, at, clerk"),
        ("cases", "tenant, case_id, reason, opened_at, entitlement, title, value"),
    ];

    #[tokio::test]
    async fn a_database_of_an_older_program_keeps_every_row() {
        let folder = tempfile::tempdir().unwrap();
        let database = Location::file(folder.path()).open().await.unwrap();
        let mut old = database.write.acquire().await.unwrap();
        let migrations = "CREATE TABLE migrations (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,
                          applied_at INTEGER NOT NULL) STRICT; INSERT INTO migrations VALUES (3, 'old', 0);";
        let schemas = MIGRATIONS.iter().take(3).map(|(.., statements)| *statements);
        for statements in schemas.chain([migrations, OLD_ROWS]) {
            sqlx::raw_sql(statements).execute(&mut *old).await.unwrap();
        }
        let before = contents(&mut old).await;
        assert!(before.iter().all(|rows| !rows.is_empty()), "every table has a row: {before:?}");
        drop(old);
        database.close().await;

        let store = Store::open(folder.path(), real::hands()).await.unwrap();
        let mut now = store.db.write.acquire().await.unwrap();
        assert_eq!(contents(&mut now).await, before, "every row is as it was");
        let astray = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *now).await.unwrap();
        assert!(astray.is_empty(), "every row refers to one that is there");
        let codes: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT entitlement, code, tail FROM codes WHERE form = 'own' ORDER BY entitlement",
        )
        .fetch_all(&mut *now)
        .await
        .unwrap();
        let expected = [("coupon-1", "C000000000000000EF46"), ("order-1", "P000000000000000ABAT")]
            .map(|(id, code)| (id.to_owned(), code.to_owned(), code[16..20].to_owned()));
        assert_eq!(codes, expected, "and each code is where codes are now");
        let deleted = sqlx::query("DELETE FROM entitlements").execute(&mut *now).await;
        assert!(deleted.is_err(), "what belongs to an entitlement still holds it");
        let feeds: Vec<(String, i64)> =
            sqlx::query_as("SELECT feed, seq FROM feeds ORDER BY feed").fetch_all(&mut *now).await.unwrap();
        let expected = [("cases:store-1", 1), ("status", 0), ("store-1", 1), ("store-2", 9)];
        let expected = expected.map(|(feed, seq)| (feed.to_owned(), seq));
        assert_eq!(feeds, expected, "the feeds go on, the status list has one, and so have the cases");
        let hashes = "SELECT feed, entitlement, code_hash, hash FROM feed_entries ORDER BY feed, entitlement";
        let hashes: Vec<(String, String, String, Vec<u8>)> =
            sqlx::query_as(hashes).fetch_all(&mut *now).await.unwrap();
        let told: Vec<(String, String)> =
            sqlx::query_as("SELECT entitlement, body FROM told").fetch_all(&mut *now).await.unwrap();
        let mut digest = Digest::EMPTY;
        for (feed, id, code_hash, hash) in hashes.iter().filter(|(feed, ..)| feed == "store-2") {
            let body = &told.iter().find(|(told, _)| told == id).expect("each has its bytes").1;
            let row = RowKey::of(&[1; 32]).hash(id, code_hash, body);
            assert_eq!(row.0[..], hash[..], "{feed}: the row of {id} has its hash");
            digest.add(&row);
        }
        let (held,): (Vec<u8>,) = sqlx::query_as("SELECT digest FROM feeds WHERE feed = 'store-2'")
            .fetch_one(&mut *now)
            .await
            .unwrap();
        assert_eq!((hashes.len(), held), (3, digest.to_bytes().to_vec()), "and each feed its digest");
        drop(now);
        let salt = store.code_salt;
        assert_ne!(salt, [0; 16], "the salt was drawn");
        store.close().await;
        let again = Store::open(folder.path(), real::hands()).await.unwrap();
        assert_eq!(again.code_salt, salt, "once for all times");
    }

    /// Every row of every table as text.
    async fn contents(db: &mut Conn) -> Vec<Vec<String>> {
        let mut contents = Vec::new();
        for (table, columns) in KEPT {
            let sql = format!("SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4");
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *db).await.unwrap();
            contents.push(rows.iter().map(|row| format!("{table}: {:?}", values(row))).collect());
        }
        contents
    }

    fn values(row: &DbRow) -> Vec<String> {
        (0..row.len()).map(|place| format!("{:?}", row.try_get_raw(place))).collect()
    }

    #[test]
    fn the_numbers_rise() {
        for (before, after) in MIGRATIONS.iter().zip(MIGRATIONS.iter().skip(1)) {
            assert!(before.0 < after.0, "what stands first runs first, and the last number is the latest");
        }
    }
}
