//! Statements about many rows at once, in SQL that every engine takes: lists and rows of numbered arguments.
//!
//! Rows are taken in groups of a few sizes, so that a connection has only a few texts of each statement to keep.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::db::{self, Conn};
use super::{BUCKET, StoreError, TENANT};

/// A statement that arguments are bound to.
pub(super) type Statement<'q> = Query<'q, Any, AnyArguments>;

/// The sizes of groups, the largest first.
const SIZES: [usize; 6] = [256, 128, 64, 16, 4, 1];

/// Divides `items`, each of which brings `own` arguments, into groups of the sizes that statements are made for.
pub(super) fn groups<'i, T>(
    conn: &Conn,
    own: usize,
    items: &'i [T],
) -> impl Iterator<Item = &'i [T]> + use<'i, T> {
    divided(items, (db::arguments_of_a_statement(conn) / own).max(1))
}

fn divided<T>(items: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len().min(most))?;
        let (group, more) = rest.split_at(size);
        rest = more;
        Some(group)
    })
}

/// So many arguments from that number on: `$4, $5, $6`.
pub(super) fn list(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 6);
    for number in first..first + count {
        if number > first {
            text.push_str(", ");
        }
        text.push('$');
        text.push_str(&number.to_string());
    }
    text
}

/// So many rows for `VALUES`, each of the first `shared` arguments and `own` ones of its own:
/// `($1, $2, $3), ($1, $2, $4)`.
pub(super) fn rows(shared: usize, own: usize, count: usize) -> String {
    let head = list(1, shared);
    let mut text = String::with_capacity(count * (own + shared) * 6);
    for row in 0..count {
        if row > 0 {
            text.push_str(", ");
        }
        text.push('(');
        text.push_str(&head);
        text.push_str(", ");
        text.push_str(&list(shared + row * own + 1, own));
        text.push(')');
    }
    text
}

/// Runs a statement for rows, group by group: `statement` has ROWS where the rows go, each beginning with the `shared`
/// arguments. How many rows it met in all.
pub(super) async fn run<T>(
    tx: &mut Conn,
    statement: &str,
    (shared, own): (usize, usize),
    items: &[T],
    head: impl for<'q> Fn(Statement<'q>) -> Statement<'q>,
    row: impl for<'q> Fn(Statement<'q>, &'q T) -> Result<Statement<'q>, StoreError>,
) -> Result<u64, StoreError> {
    let mut met = 0;
    for group in groups(tx, own, items) {
        let sql = statement.replace("ROWS", &rows(shared, own, group.len()));
        let mut query = head(sqlx::query(AssertSqlSafe(sql)));
        for item in group {
            query = row(query, item)?;
        }
        met += query.execute(&mut *tx).await?.rows_affected();
    }
    Ok(met)
}

/// Every table of things begins with these two.
pub(super) fn of_bucket(query: Statement<'_>) -> Statement<'_> {
    query.bind(TENANT).bind(BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_few_sizes_and_miss_nothing() {
        let items: Vec<u32> = (0..1_307).collect();
        for most in [1, 3, 100, 5_000] {
            let groups: Vec<&[u32]> = divided(&items, most).collect();
            assert_eq!(groups.concat(), items, "every item once, in order");
            let fits = |group: &&[u32]| SIZES.contains(&group.len()) && group.len() <= most;
            assert!(groups.iter().all(fits), "in the sizes of the statements, at most {most}");
        }
    }

    #[test]
    fn arguments_are_counted_through() {
        assert_eq!(list(4, 3), "$4, $5, $6", "a list");
        assert_eq!(rows(2, 2, 2), "($1, $2, $3, $4), ($1, $2, $5, $6)", "rows that share their head");
    }
}
