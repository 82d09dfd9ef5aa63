//! Where a picture is busy enough to hold a code, so that dear passes need not look at a table or a wall.

use crate::filter;
use crate::luma::Luma;

/// The side of a block that is judged as one (pixels).
const BLOCK: usize = 16;
/// A block is busy from this part of the busiest one's contrast on: codes lie well above letters' edges, and a code in a
/// shadow still above it, since contrast is relative to brightness.
const BUSY_FROM: f32 = 0.35;
/// Smaller than three blocks each way is no code.
const BLOCKS_MIN: usize = 3;
/// No more than that many are looked at.
const REGIONS_MAX: usize = 12;

/// A part of a picture (pixels).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

impl Region {
    pub(crate) fn area(self) -> usize {
        self.width * self.height
    }

    fn touches(self, other: Region) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }

    fn with(self, other: Region) -> Region {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let right = (self.left + self.width).max(other.left + other.width);
        let below = (self.top + self.height).max(other.top + other.height);
        Region { left, top, width: right - left, height: below - top }
    }
}

/// The busy parts, the largest first, none touching another.
pub(crate) fn regions(picture: &Luma) -> Vec<Region> {
    let grid = Grid::of(picture);
    let mut found = grid.islands(picture);
    while let Some((one, two)) = first_touching(&found) {
        let other = found.swap_remove(two);
        found[one] = found[one].with(other);
    }
    found.sort_by_key(|region| std::cmp::Reverse(region.area()));
    found.truncate(REGIONS_MAX);
    found
}

fn first_touching(regions: &[Region]) -> Option<(usize, usize)> {
    let pairs = (0..regions.len()).flat_map(|one| (one + 1..regions.len()).map(move |two| (one, two)));
    pairs.into_iter().find(|(one, two)| regions[*one].touches(regions[*two]))
}

/// Which blocks are busy.
struct Grid {
    columns: usize,
    rows: usize,
    busy: Vec<bool>,
}

impl Grid {
    fn of(picture: &Luma) -> Grid {
        let (columns, rows) = (picture.width().div_ceil(BLOCK), picture.height().div_ceil(BLOCK));
        let around = filter::mean(picture, BLOCK / 2);
        let mut contrast = vec![0_f32; columns * rows];
        for row in 0..rows {
            for column in 0..columns {
                contrast[row * columns + column] = contrast_of(picture, &around, column * BLOCK, row * BLOCK);
            }
        }
        let smooth = smoothed(&contrast, columns, rows);
        let busiest = smooth.iter().copied().fold(0.0, f32::max);
        let busy =
            smooth.iter().map(|contrast| *contrast >= BUSY_FROM * busiest && *contrast > 0.0).collect();
        Grid { columns, rows, busy }
    }

    /// Connected blocks, diagonals included, as what surrounds them with a margin.
    fn islands(mut self, picture: &Luma) -> Vec<Region> {
        let mut found = vec![];
        for start in 0..self.busy.len() {
            if !std::mem::take(&mut self.busy[start]) {
                continue;
            }
            let (mut least, mut most) = ((usize::MAX, usize::MAX), (0, 0));
            let mut open = vec![start];
            while let Some(block) = open.pop() {
                let (column, row) = (block % self.columns, block / self.columns);
                least = (least.0.min(column), least.1.min(row));
                most = (most.0.max(column), most.1.max(row));
                for row in row.saturating_sub(1)..=(row + 1).min(self.rows - 1) {
                    for column in column.saturating_sub(1)..=(column + 1).min(self.columns - 1) {
                        let next = row * self.columns + column;
                        if std::mem::take(&mut self.busy[next]) {
                            open.push(next);
                        }
                    }
                }
            }
            if most.0 + 1 - least.0 >= BLOCKS_MIN && most.1 + 1 - least.1 >= BLOCKS_MIN {
                let (left, top) =
                    ((least.0 * BLOCK).saturating_sub(BLOCK), (least.1 * BLOCK).saturating_sub(BLOCK));
                let right = ((most.0 + 2) * BLOCK).min(picture.width());
                let below = ((most.1 + 2) * BLOCK).min(picture.height());
                found.push(Region { left, top, width: right - left, height: below - top });
            }
        }
        found
    }
}

/// How far pixels lie from the mean around them, as part of the brightness.
fn contrast_of(picture: &Luma, around: &Luma, left: usize, top: usize) -> f32 {
    let right = (left + BLOCK).min(picture.width());
    let (mut apart, mut bright) = (0_u32, 0_u32);
    for y in top..(top + BLOCK).min(picture.height()) {
        let pairs = picture.row(y)[left..right].iter().zip(&around.row(y)[left..right]);
        for (pixel, mean) in pairs {
            apart += u32::from(pixel.abs_diff(*mean));
            bright += u32::from(*mean);
        }
    }
    // What is nearly black is noise: it counts as if it were a little brighter.
    let count = ((right - left) * ((top + BLOCK).min(picture.height()) - top)) as f32;
    apart as f32 / (bright as f32 + 16.0 * count)
}

/// The mean of 3 × 3 blocks.
fn smoothed(contrast: &[f32], columns: usize, rows: usize) -> Vec<f32> {
    let mean = |column: usize, row: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for row in row.saturating_sub(1)..=(row + 1).min(rows - 1) {
            for column in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
                sum += contrast[row * columns + column];
                count += 1.0;
            }
        }
        sum / count
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row))).map(|(x, y)| mean(x, y)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_part_is_found_with_a_margin_and_a_plain_picture_has_none() {
        let mut picture = Luma::plain(640, 480, 180);
        for y in 200..300 {
            for x in 300..420 {
                picture.pixels_mut()[y * 640 + x] = if (x / 4 + y / 4) % 2 == 0 { 20 } else { 230 };
            }
        }
        let found = regions(&picture);
        assert_eq!(found.len(), 1, "{found:?}");
        let Region { left, top, width, height } = found[0];
        assert!(left <= 300 && top <= 200 && left + width >= 420 && top + height >= 300, "{found:?}");
        assert!(found[0].area() < 640 * 480 / 6, "and not much more: {found:?}");
        assert_eq!(regions(&Luma::plain(640, 480, 180)), []);
        assert_eq!(regions(&Luma::plain(1, 1, 0)), []);
    }
}
