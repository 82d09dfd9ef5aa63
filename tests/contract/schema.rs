//! The tables themselves, as each engine has made them of one text.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::two::Two;

/// The first column of every key and of every index that makes something unique.
const FIRST_COLUMNS: [&str; 2] = [
    "SELECT t.name || ': ' || c.name FROM sqlite_schema t JOIN pragma_index_list(t.name) i
     JOIN pragma_index_info(i.name) c WHERE t.type = 'table' AND i.\"unique\" = 1 AND c.seqno = 0 ORDER BY 1",
    "SELECT i.indrelid::regclass::text || ': ' || a.attname::text FROM pg_index i
     JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
     WHERE n.nspname = current_schema() AND i.indisunique ORDER BY 1",
];

/// Every column with its type, and what is so in every row.
const COLUMNS: [&str; 2] = [
    "SELECT t.name || '.' || c.name || ' ' || c.type || CASE c.\"notnull\" WHEN 1 THEN '' ELSE ' or nothing' END
     FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    "SELECT table_name || '.' || column_name || ' '
            || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT'
               ELSE data_type END
            || CASE is_nullable WHEN 'NO' THEN '' ELSE ' or nothing' END
     FROM information_schema.columns WHERE table_schema = current_schema()",
];

/// How often each key occurs, by table.
const KEYS: [&str; 2] = [
    "SELECT t.name || ' ' || COUNT(*) FROM sqlite_schema t JOIN pragma_index_list(t.name) i
     WHERE t.type = 'table' AND i.\"unique\" = 1 AND t.name <> 'migrations' GROUP BY t.name",
    "SELECT t.relname || ' ' || COUNT(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = current_schema() AND i.indisunique AND t.relname <> 'migrations' GROUP BY t.relname",
];

pub async fn every_key_begins_with_the_tenant(two: Arc<Two>) {
    let firsts = two.texts(FIRST_COLUMNS[usize::from(!two.is_sqlite())].to_owned()).await;
    let tables: BTreeMap<&str, &str> = firsts
        .iter()
        .filter_map(|first| first.split_once(": "))
        .filter(|(table, _)| *table != "migrations")
        .collect();
    assert!(tables.len() > 15, "every table has a key: {tables:?}");
    for first in firsts.iter().filter(|first| !first.starts_with("migrations: ")) {
        assert!(first.ends_with(": tenant"), "a chain may be spread by it: {first}");
    }
}

pub async fn a_text_is_ordered_by_its_bytes(two: Arc<Two>) {
    for name in ["b", "B", "é", "a", "中", "A"] {
        two.one.add_merchant(name, &[]).await.unwrap().expect("a new name");
    }
    let names = two.texts("SELECT name FROM merchants ORDER BY name".to_owned()).await;
    assert_eq!(names, ["A", "B", "a", "b", "é", "中"], "whatever the server's language is");
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_keys() {
    let (sqlite, postgres) = (Two::on_sqlite().await, Two::on_postgres().await);
    for (what, [ours, theirs]) in [("columns", COLUMNS), ("keys", KEYS)] {
        let mut ours = sqlite.texts(ours.to_owned()).await;
        let mut theirs = postgres.texts(theirs.to_owned()).await;
        ours.sort();
        theirs.sort();
        assert!(ours.len() > 15, "there are some: {ours:?}");
        assert_eq!(ours, theirs, "the {what} are made of one text");
    }
}
