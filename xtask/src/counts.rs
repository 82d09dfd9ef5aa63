//! How many tests ran: read from what the test programs of Rust and of the page print.

use std::ops::AddAssign;

/// Counted tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Went well.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
}

impl Counts {
    /// Adds what this line of output reports, if it reports anything.
    pub fn read(&mut self, line: &str) {
        let plain = without_colours(line);
        // Rust:   test result: ok. 12 passed; 0 failed; 1 ignored; …    (perhaps behind what a test printed itself)
        // Vitest: Tests  1 failed | 12 passed (13)
        let rust = plain.split_once("test result: ").map(|(_, report)| report);
        let report = rust.or_else(|| plain.trim_start().strip_prefix("Tests "));
        for part in report.into_iter().flat_map(|report| report.split(['.', ';', '|', '('])) {
            let mut words = part.split_whitespace();
            match (words.next().and_then(|word| word.parse::<u64>().ok()), words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The line without the terminal's colour marks (`ESC [ … letter`).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().skip(1).find(|letter| letter.is_ascii_alphabetic());
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> (u64, u64) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.read(line));
        (counts.passed, counts.failed)
    }

    #[test]
    fn rust_tests_are_added_up() {
        let lines = [
            "running 2 tests",
            "test store::tests::two_tests_passed ... ok",
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.31s",
            "a test's own words test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ];
        assert_eq!(counted(&lines), (15, 2));
    }

    #[test]
    fn the_pages_tests_count_but_not_its_files() {
        let lines =
            [" Test Files  1 failed | 2 passed (3)", "      Tests  1 failed | 9 passed | 1 skipped (11)"];
        assert_eq!(counted(&lines), (9, 1));
        assert_eq!(counted(&["      Tests  4 passed (4)"]), (4, 0));
    }

    #[test]
    fn colours_do_not_hide_a_number() {
        let line = "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m7 passed\u{1b}[39m\u{1b}[22m\u{1b}[90m (7)\u{1b}[39m";
        assert_eq!(counted(&[line]), (7, 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(counted(&["Tests are fun: 5 passed", "12 passed", "error: 3 failed", ""]), (0, 0));
    }
}
