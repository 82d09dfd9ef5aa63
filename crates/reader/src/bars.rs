//! Bar codes that are too blurred for edges to be told apart: straightened, averaged along the bars, and compared as a whole
//! with what each digit would look like.

mod ean;
mod locate;
mod profile;
mod strip;
mod teeth;
mod templates;

use crate::engine::{self, Shades, Symbol};
use crate::found::{Point, Symbology};
use crate::luma::Luma;
use crate::work::{Budget, Units};

use locate::Place;
use templates::Costs;

/// What looking for places costs (units for each pixel of the picture).
const LOCATE_UNITS: Units = 8;
/// What one place costs, whatever its size (in pixels of one unit).
const PLACE_PIXELS: usize = 6_000_000;

/// So many rows has a place that is laid straight; each is a piece of the bars of its own, so that rows agree or not.
const STRIP_ROWS: usize = 9;
/// A code has many bars, and even in a strong blur some of them can be told apart.
const TURNS_MIN: usize = 20;

/// A bar code that was recognised.
#[derive(Clone, Debug)]
pub(crate) struct Recognised {
    pub text: String,
    pub symbology: Symbology,
    pub corners: [Point; 4],
    /// How well it fits: 1 is perfect.
    pub fit: f32,
    /// By how much the next best number fits worse.
    pub lead: f32,
    /// In how many bands across the bars it was the best by itself.
    pub bands: usize,
    costs: Costs,
}

/// What it takes to be believed without anybody else's word: a lead before the next number, absolutely and as part of what
/// is left unexplained, and agreement across the bars. Wrong numbers on the corpus lead by 0.11 of that at most.
const LEAD_MIN: f32 = 0.15;
const LEAD_PART_MIN: f32 = 0.2;
const BANDS_MIN: usize = 3;

/// A number that somebody else has read is confirmed if it fits nearly as well as the best one, and that one not badly: a
/// wrong digit costs more.
const BEHIND_MAX: f32 = 0.2;
const FIT_MIN: f32 = 0.7;

impl Recognised {
    /// Whether it might as well be this number, which was read in another way.
    pub(crate) fn confirms(&self, text: &str) -> bool {
        let best = (1.0 - self.fit) * self.digits() as f32;
        let cost = ean::cost_of(text, self.symbology, &self.costs);
        self.fit >= FIT_MIN && cost.is_some_and(|cost| cost <= best + BEHIND_MAX)
    }

    /// The digits that are compared: the first one of an EAN-13 shows in the others.
    fn digits(&self) -> usize {
        self.text.len() / 2 * 2
    }

    /// Whether it stands by itself.
    pub(crate) fn is_sure(&self) -> bool {
        let left = (1.0 - self.fit) * self.digits() as f32;
        self.bands >= BANDS_MIN && self.lead >= LEAD_MIN && self.lead >= LEAD_PART_MIN * left
    }
}

/// What was made of the places full of parallel lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looked {
    /// What the decoder reads once the bars lie straight and are averaged.
    pub read: Vec<Symbol>,
    /// What looks as a whole like a number.
    pub recognised: Vec<Recognised>,
}

/// Looks for places full of parallel lines, and at what stands there.
pub(crate) fn look(picture: &Luma, budget: &mut Budget<'_>) -> Looked {
    let mut looked = Looked::default();
    if !budget.take(picture.area(), LOCATE_UNITS) {
        return looked;
    }
    for place in locate::places(picture) {
        if !budget.take(PLACE_PIXELS, 1) {
            break;
        }
        let bands = profile::bands(picture, &place);
        if bands[bands.len() / 2].turns() >= TURNS_MIN {
            looked.read.extend(straightened(picture, &place));
            looked.recognised.extend(ean::recognise(&bands, &place));
        }
    }
    looked
}

/// What the decoder reads of a place that is laid straight, in the first of the strips that it can read.
fn straightened(picture: &Luma, place: &Place) -> Vec<Symbol> {
    let bands = profile::so_many(picture, place, STRIP_ROWS);
    let across = |step: f32| bands[0].from + step / profile::STEPS;
    let read = strip::strips(&bands).into_iter().map(|strip| engine::look(&strip, Shades::Local));
    let read =
        read.map(|symbols| symbols.into_iter().filter(|symbol| symbol.text.is_some()).collect::<Vec<_>>());
    let mut read = read.into_iter().find(|symbols| !symbols.is_empty()).unwrap_or_default();
    for symbol in &mut read {
        let [one, other] = [symbol.corners[0].x, symbol.corners[1].x];
        symbol.corners = corners(place, [across(one.min(other)), across(one.max(other))], one <= other);
    }
    read
}

/// The corners of a code that reaches from one end to the other (pixels from the middle of its place).
fn corners(place: &Place, ends: [f32; 2], upright: bool) -> [Point; 4] {
    let (top, bottom) = (-place.width / 2.0, place.width / 2.0);
    let [left, right] = ends;
    let around = [(left, top), (right, top), (right, bottom), (left, bottom)];
    let mut corners = around.map(|(across, down)| place.point(across, down));
    if !upright {
        corners.rotate_left(2);
    }
    corners
}
