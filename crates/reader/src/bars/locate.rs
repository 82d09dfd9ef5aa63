//! Where there are many parallel lines side by side.

use crate::found::Point;
use crate::luma::Luma;

/// The side of a block that is judged as one (pixels).
const BLOCK: usize = 16;
/// How much of the change in a block has to go in one direction.
const COHERENCE_MIN: f32 = 0.55;
/// Weaker than this part of the strongest block is background.
const STRENGTH_MIN: f32 = 0.04;
/// Neighbours belong together up to this angle between their directions (radians).
const ANGLE_MAX: f32 = 0.30;
/// A place is at least that long across the bars and that wide along them (pixels).
const LENGTH_MIN: f32 = 64.0;
const WIDTH_MIN: f32 = 8.0;
const PLACES_MAX: usize = 4;

/// A stretch of bars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub middle: Point,
    /// Across the bars, one pixel long.
    pub along: Point,
    /// From the first bar to the last, roughly (pixels).
    pub length: f32,
    /// How long the bars are, roughly (pixels).
    pub width: f32,
}

impl Place {
    /// The point `across` pixels from the middle in the direction of reading and `down` pixels along the bars.
    pub(crate) fn point(&self, across: f32, down: f32) -> Point {
        Point {
            x: self.middle.x + across * self.along.x - down * self.along.y,
            y: self.middle.y + across * self.along.y + down * self.along.x,
        }
    }
}

/// The sums of products of changes: where to and how strongly brightness changes.
#[derive(Clone, Copy, Debug, Default)]
struct Tensor {
    xx: f32,
    yy: f32,
    xy: f32,
}

impl Tensor {
    fn strength(self) -> f32 {
        self.xx + self.yy
    }

    fn coherence(self) -> f32 {
        (self.xx - self.yy).hypot(2.0 * self.xy) / self.strength().max(1.0)
    }

    /// The direction of change, between −π/2 and π/2.
    fn angle(self) -> f32 {
        0.5 * (2.0 * self.xy).atan2(self.xx - self.yy)
    }

    fn with(self, other: Tensor) -> Tensor {
        Tensor { xx: self.xx + other.xx, yy: self.yy + other.yy, xy: self.xy + other.xy }
    }
}

/// The places, the largest first.
pub(crate) fn places(picture: &Luma) -> Vec<Place> {
    let (columns, rows) = (picture.width() / BLOCK, picture.height() / BLOCK);
    if columns == 0 || rows == 0 {
        return vec![];
    }
    let blocks: Vec<Tensor> =
        (0..columns * rows).map(|at| tensor(picture, at % columns * BLOCK, at / columns * BLOCK)).collect();
    let strongest = blocks.iter().map(|block| block.strength()).fold(0.0, f32::max);
    let mut open: Vec<bool> = blocks
        .iter()
        .map(|block| block.coherence() >= COHERENCE_MIN && block.strength() > STRENGTH_MIN * strongest)
        .collect();
    let mut found: Vec<Place> = vec![];
    for start in 0..blocks.len() {
        if open[start] {
            let island = island(start, &blocks, &mut open, columns, rows);
            found.extend(place(&island, &blocks, columns));
        }
    }
    found.sort_by(|a, b| (b.length * b.width).total_cmp(&(a.length * a.width)));
    found.truncate(PLACES_MAX);
    found
}

fn tensor(picture: &Luma, left: usize, top: usize) -> Tensor {
    let (mut xx, mut yy, mut xy) = (0_i32, 0_i32, 0_i32);
    for y in top.max(1)..(top + BLOCK).min(picture.height() - 1) {
        let (above, here, below) = (picture.row(y - 1), picture.row(y), picture.row(y + 1));
        for x in left.max(1)..(left + BLOCK).min(picture.width() - 1) {
            let right = i32::from(here[x + 1]) - i32::from(here[x - 1]);
            let down = i32::from(below[x]) - i32::from(above[x]);
            xx += right * right;
            yy += down * down;
            xy += right * down;
        }
    }
    Tensor { xx: xx as f32, yy: yy as f32, xy: xy as f32 }
}

/// The blocks around `start` whose lines run alike; they are closed.
fn island(start: usize, blocks: &[Tensor], open: &mut [bool], columns: usize, rows: usize) -> Vec<usize> {
    let mut island = vec![start];
    open[start] = false;
    let mut next = 0;
    while next < island.len() {
        let at = island[next];
        next += 1;
        let (column, row) = (at % columns, at / columns);
        for row in row.saturating_sub(1)..=(row + 1).min(rows - 1) {
            for column in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
                let other = row * columns + column;
                if open[other] && apart(blocks[at].angle(), blocks[other].angle()) <= ANGLE_MAX {
                    open[other] = false;
                    island.push(other);
                }
            }
        }
    }
    island
}

/// The angle between two undirected lines.
fn apart(one: f32, two: f32) -> f32 {
    let apart = (one - two).abs() % std::f32::consts::PI;
    apart.min(std::f32::consts::PI - apart)
}

fn place(island: &[usize], blocks: &[Tensor], columns: usize) -> Option<Place> {
    let whole = island.iter().fold(Tensor::default(), |sum, at| sum.with(blocks[*at]));
    let (sine, cosine) = whole.angle().sin_cos();
    let half = BLOCK as f32 / 2.0;
    let (mut least, mut most) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    for at in island {
        let (x, y) = ((at % columns * BLOCK) as f32 + half, (at / columns * BLOCK) as f32 + half);
        let (across, down) = (x * cosine + y * sine, y * cosine - x * sine);
        least = (least.0.min(across), least.1.min(down));
        most = (most.0.max(across), most.1.max(down));
    }
    let (length, width) = (most.0 - least.0 + 2.0 * half, most.1 - least.1 + 2.0 * half);
    let (across, down) = (least.0.midpoint(most.0), least.1.midpoint(most.1));
    let middle = Point { x: across * cosine - down * sine, y: across * sine + down * cosine };
    let place = Place { middle, along: Point { x: cosine, y: sine }, length, width };
    (length >= LENGTH_MIN && width >= WIDTH_MIN).then_some(place)
}
