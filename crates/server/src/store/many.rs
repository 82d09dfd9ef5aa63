//! Statements about many rows at once, in SQL that every engine takes: lists and rows of numbered arguments.
//!
//! Rows are taken in groups of a few sizes, so that a connection has only a few texts of each statement to keep.

/// The sizes of groups, the largest first. SQLite takes 32,766 arguments, and no row here has more than 20.
const SIZES: [usize; 5] = [512, 128, 32, 8, 1];

/// Divides `items` into groups of the sizes that statements are made for.
pub(super) fn groups<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_few_sizes_and_miss_nothing() {
        let items: Vec<u32> = (0..1_307).collect();
        let groups: Vec<&[u32]> = groups(&items).collect();
        assert_eq!(groups.concat(), items, "every item once, in order");
        assert!(groups.iter().all(|group| SIZES.contains(&group.len())), "in the sizes of the statements");
    }

    #[test]
    fn arguments_are_counted_through() {
        assert_eq!(list(4, 3), "$4, $5, $6", "a list");
        assert_eq!(rows(2, 2, 2), "($1, $2, $3, $4), ($1, $2, $5, $6)", "rows that share their head");
    }
}
