//! What a digit looks like in a blur, and how much a piece of a band differs from that.

use std::sync::LazyLock;

use super::profile::Band;
use super::teeth::Laid;

/// Which half of an EAN a digit is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// It begins light and ends dark.
    Left,
    /// It begins dark and ends light.
    Right,
}

/// The modules of the digits in set L, the first one highest; 1 is a bar.
const LEFT: [u8; 10] = [0x0D, 0x19, 0x13, 0x3D, 0x23, 0x31, 0x2F, 0x3B, 0x37, 0x0B];

/// What a lens that is out of focus, or a hand that moves, does to a module.
#[derive(Clone, Copy, Debug)]
enum Blur {
    /// A Gauss of this deviation (modules).
    Soft(f32),
    /// An even smear of this width (modules).
    Smear(f32),
}

const BLURS: [Blur; 7] = [
    Blur::Soft(0.3),
    Blur::Soft(0.55),
    Blur::Soft(0.8),
    Blur::Soft(1.1),
    Blur::Smear(1.5),
    Blur::Smear(2.1),
    Blur::Smear(2.7),
];

impl Blur {
    /// Which part of a module that begins `from` modules away is seen at a point.
    fn part(self, from: f32) -> f32 {
        match self {
            Blur::Soft(deviation) => below((from + 1.0) / deviation) - below(from / deviation),
            Blur::Smear(width) => {
                let half = width / 2.0;
                ((from + 1.0).min(half) - from.max(-half)).max(0.0) / width
            }
        }
    }
}
/// Points for each module, and how far beyond the digit they begin and end (modules).
const POINTS: usize = 4;
const BEYOND: f32 = 0.5;
const COUNT: usize = 8 * POINTS + 1;
/// A digit may lie that much aside from where the comb says (modules), at a price.
const SHIFTS: [f32; 5] = [0.0, -0.2, 0.2, -0.4, 0.4];
const SHIFT_COST: f32 = 0.08;

/// How a digit looks at each point: without its mean, and of length one.
type Look = [f32; COUNT];

/// By blur, half and set (left L, left G, right), and digit.
static LOOKS: LazyLock<Vec<[[Look; 10]; 3]>> = LazyLock::new(|| {
    let of = |blur: Blur| {
        let left = |modules: u8| look(modules, [1.0, 0.0], blur);
        let right = |modules: u8| look(modules, [0.0, 1.0], blur);
        let backwards = |modules: u8| (!modules & 0x7F).reverse_bits() >> 1;
        [
            LEFT.map(left),
            LEFT.map(|modules| left(backwards(modules))),
            LEFT.map(|modules| right(!modules & 0x7F)),
        ]
    };
    BLURS.map(of).to_vec()
});

/// Seven modules between what is known of their neighbours; farther away it may be either.
fn look(modules: u8, neighbours: [f32; 2], blur: Blur) -> Look {
    let ink = |module: i32| match module {
        -1 => neighbours[0],
        7 => neighbours[1],
        0..=6 => f32::from(modules >> (6 - module) & 1),
        _ => 0.5,
    };
    let mut look = [0.0; COUNT];
    for (point, shade) in look.iter_mut().enumerate() {
        let at = point as f32 / POINTS as f32 - BEYOND;
        *shade = -(-6..13).map(|module| ink(module) * blur.part(module as f32 - at)).sum::<f32>();
    }
    normal(look)
}

/// The part of a Gauss that lies below `deviations`; good to three digits.
fn below(deviations: f32) -> f32 {
    1.0 / (1.0 + (-1.5976 * deviations - 0.070_565 * deviations.powi(3)).exp())
}

fn normal(mut look: Look) -> Look {
    let mean = look.iter().sum::<f32>() / COUNT as f32;
    look.iter_mut().for_each(|shade| *shade -= mean);
    let length = look.iter().map(|shade| shade * shade).sum::<f32>().sqrt().max(1e-3);
    look.iter_mut().for_each(|shade| *shade /= length);
    look
}

/// How badly each digit fits at each place: 0 perfectly, 1 not at all.
#[derive(Clone, Debug)]
pub(crate) struct Costs(Vec<[[f32; 10]; 2]>);

impl Costs {
    /// The cost of a digit at a place; `parity` is 0 for L and R, 1 for G.
    pub(crate) fn of(&self, place: usize, digit: usize, parity: usize) -> f32 {
        self.0[place][parity][digit]
    }

    /// The mean of several.
    pub(crate) fn mean(several: &[Costs]) -> Costs {
        let mut sum = several[0].clone();
        for (place, sets) in sum.0.iter_mut().enumerate() {
            for (set, digits) in sets.iter_mut().enumerate() {
                for (digit, cost) in digits.iter_mut().enumerate() {
                    *cost = several.iter().map(|one| one.0[place][set][digit]).sum::<f32>()
                        / several.len() as f32;
                }
            }
        }
        sum
    }

    /// What the best digits cost together.
    pub(crate) fn least(&self) -> f32 {
        let least = |sets: &[[f32; 10]; 2]| sets.iter().flatten().copied().fold(f32::INFINITY, f32::min);
        self.0.iter().map(least).sum()
    }
}

/// Which set a digit of the left half is in.
pub(crate) fn with_parity(parities: u8, place: usize, half: usize) -> usize {
    if place < half { usize::from(parities >> (half - 1 - place) & 1) } else { 0 }
}

/// Compares the pieces that begin at these modules with every digit, in the blur that fits best.
pub(crate) fn costs(band: &Band, laid: &Laid, digits: &[(f32, Half)]) -> Costs {
    let pieces: Vec<[Look; SHIFTS.len()]> =
        digits.iter().map(|(from, _)| SHIFTS.map(|shift| piece(band, laid, from + shift))).collect();
    let of = |looks: &[[Look; 10]; 3]| {
        let cost = |(pieces, (_, half)): (&[Look; SHIFTS.len()], &(f32, Half))| match half {
            Half::Left => [against(pieces, &looks[0]), against(pieces, &looks[1])],
            Half::Right => [against(pieces, &looks[2]), [1.0; 10]],
        };
        Costs(pieces.iter().zip(digits).map(cost).collect())
    };
    let all = LOOKS.iter().map(of);
    all.min_by(|a, b| a.least().total_cmp(&b.least())).unwrap_or(Costs(vec![]))
}

fn piece(band: &Band, laid: &Laid, from: f32) -> Look {
    normal(std::array::from_fn(|point| band.at(laid.place(from + point as f32 / POINTS as f32 - BEYOND))))
}

fn against(pieces: &[Look; SHIFTS.len()], looks: &[Look; 10]) -> [f32; 10] {
    looks.map(|look| {
        let cost = |(piece, shift): (&Look, f32)| {
            let alike: f32 = piece.iter().zip(&look).map(|(a, b)| a * b).sum();
            1.0 - alike + SHIFT_COST * shift.abs()
        };
        pieces.iter().zip(SHIFTS).map(cost).fold(f32::INFINITY, f32::min)
    })
}
