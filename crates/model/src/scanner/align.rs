//! Two texts side by side: what is missing, too much, changed (Levenshtein's distance, with the way back).

/// What differs between the text that was wanted and the one that came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Characters that are the same.
    pub kept: usize,
    pub lost: u32,
    pub surplus: u32,
    pub changed: u32,
    pub case_changed: u32,
    /// What came before the first wanted character.
    pub before: String,
    /// What came after the last.
    pub after: String,
}

impl Difference {
    /// How far the texts are apart; a letter of the wrong case is nearer than another character.
    pub(super) fn distance(&self) -> usize {
        let around = self.before.chars().count() + self.after.chars().count();
        let inside = self.lost + self.surplus + self.changed;
        2 * (around + inside as usize) + self.case_changed as usize
    }
}

/// Lays `came` beside `wanted`.
pub(super) fn difference(wanted: &str, came: &str) -> Difference {
    let wanted: Vec<char> = wanted.chars().collect();
    let came: Vec<char> = came.chars().collect();
    // cost[i][j]: what the first i wanted and the first j that came are apart.
    let mut cost = vec![vec![0usize; came.len() + 1]; wanted.len() + 1];
    for (i, row) in cost.iter_mut().enumerate() {
        row[0] = 2 * i;
    }
    for (j, cell) in cost[0].iter_mut().enumerate() {
        *cell = 2 * j;
    }
    for i in 1..=wanted.len() {
        for j in 1..=came.len() {
            let same = cost[i - 1][j - 1] + step(wanted[i - 1], came[j - 1]);
            cost[i][j] = same.min(cost[i - 1][j] + 2).min(cost[i][j - 1] + 2);
        }
    }
    walk_back(&cost, &wanted, &came)
}

/// What it costs that one character stands where the other should.
fn step(wanted: char, came: char) -> usize {
    if wanted == came {
        0
    } else if wanted.eq_ignore_ascii_case(&came) {
        1
    } else {
        2
    }
}

fn walk_back(cost: &[Vec<usize>], wanted: &[char], came: &[char]) -> Difference {
    let mut found = Difference::default();
    let (mut i, mut j) = (wanted.len(), came.len());
    // What is too much is gathered until it is known whether it stands inside.
    let mut extra: Vec<char> = vec![];
    let mut met = false;
    while i > 0 || j > 0 {
        if j > 0
            && (i == 0 || cost[i][j] == cost[i][j - 1] + 2)
            && (i == 0 || !diagonal(cost, wanted, came, i, j))
        {
            extra.push(came[j - 1]);
            j -= 1;
            continue;
        }
        close(&mut found, &mut extra, met);
        met = true;
        if j > 0 && diagonal(cost, wanted, came, i, j) {
            match step(wanted[i - 1], came[j - 1]) {
                0 => found.kept += 1,
                1 => found.case_changed += 1,
                _ => found.changed += 1,
            }
            (i, j) = (i - 1, j - 1);
        } else {
            found.lost += 1;
            i -= 1;
        }
    }
    found.before = extra.into_iter().rev().collect();
    found
}

/// Whether the cheapest way into this cell pairs the two characters.
fn diagonal(cost: &[Vec<usize>], wanted: &[char], came: &[char], i: usize, j: usize) -> bool {
    cost[i][j] == cost[i - 1][j - 1] + step(wanted[i - 1], came[j - 1])
}

/// Counts what was too much: after the text, or inside of it.
fn close(found: &mut Difference, extra: &mut Vec<char>, met: bool) {
    if met {
        found.surplus += u32::try_from(extra.len()).unwrap_or(u32::MAX);
    } else {
        found.after = extra.iter().rev().collect();
    }
    extra.clear();
}
