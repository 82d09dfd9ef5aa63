//! A picture that stands still: pass after pass until something is read.

use std::borrow::Cow;

use crate::bars::{self, Looked, Recognised};
use crate::busy::{self, Region};
use crate::engine::{self, Shades, Symbol};
use crate::filter;
use crate::found::{Found, Pass, Point};
use crate::luma::Luma;
use crate::work::{Budget, Units};

/// What a picture may cost unless said otherwise: a photograph of 12 megapixels without a code goes through all passes.
pub const WORK_MAX: Units = 1_000_000_000;

/// Beyond it a picture is halved before all passes but the first (pixels): a code that fills a part of it is still large enough.
const DEAR_PIXELS_MAX: usize = 2_200_000;

/// An EAN that was read alike in so many rows is believed; of those with fewer one in twenty is wrong.
const LINES_MIN: usize = 4;

/// What was read from a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What is believed.
    pub found: Vec<Found>,
    /// EAN that nothing but their one check digit speaks for.
    pub doubtful: Vec<Found>,
    /// Where a symbol was seen that could not be read.
    pub located: Option<[Point; 4]>,
}

impl Reading {
    /// Whether nothing was read that is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// The passes in their order: cheap ones first, and of those the ones first that read most of what is left.
const PASSES: [Pass; 7] = [
    Pass::Direct,
    Pass::Threshold,
    Pass::Lifted,
    Pass::Fine,
    Pass::Doubled,
    Pass::Matched,
    Pass::DoubledWide,
];

/// Reads a picture: each pass only if those before it have read nothing.
#[must_use]
pub fn read(picture: &Luma, budget: &mut Budget<'_>) -> Reading {
    let mut reading = Reading::default();
    let mut work = Work::of(picture);
    for pass in PASSES {
        if !reading.is_empty() {
            break;
        }
        work.run(pass, &mut reading, budget);
        if reading.is_empty() && !reading.doubtful.is_empty() {
            work.run(Pass::Matched, &mut reading, budget);
        }
    }
    reading
}

/// The first pass alone, for whoever measures it.
#[must_use]
pub fn first_look(picture: &Luma) -> Reading {
    let mut reading = Reading::default();
    Work::of(picture).run(Pass::Direct, &mut reading, &mut Budget::of(Units::MAX));
    reading
}

/// A picture, and what is made of it once for several passes.
pub(crate) struct Work<'a> {
    picture: &'a Luma,
    /// The picture, halved until it is not too large.
    frame: Option<Cow<'a, Luma>>,
    regions: Option<Vec<Region>>,
    matched: Option<Looked>,
}

impl<'a> Work<'a> {
    pub(crate) fn of(picture: &'a Luma) -> Work<'a> {
        Work { picture, frame: None, regions: None, matched: None }
    }

    pub(crate) fn run(&mut self, pass: Pass, reading: &mut Reading, budget: &mut Budget<'_>) {
        if matches!(pass, Pass::Direct | Pass::Stacked) {
            if budget.take(self.picture.area(), units(pass)) {
                let place = Place { rows: self.picture.height(), ..Place::default() };
                reading.take_in(seen(pass, self.picture), pass, place);
            }
            return;
        }
        let picture = self.picture;
        let frame = self.frame.get_or_insert_with(|| reduced(picture));
        let factor = picture.width() as f32 / frame.width() as f32;
        if pass == Pass::Matched {
            let looked = self.matched.get_or_insert_with(|| bars::look(frame, budget));
            reading.hear(&looked.recognised, factor);
            reading.take_in(looked.read.clone(), Pass::Straightened, Place { factor, ..Place::default() });
            reading.hear(&looked.recognised, factor);
            return;
        }
        if !matches!(pass, Pass::Doubled | Pass::DoubledWide) {
            if budget.take(frame.area(), units(pass)) {
                reading.take_in(seen(pass, frame), pass, Place { factor, ..Place::default() });
            }
            return;
        }
        for region in self.regions.get_or_insert_with(|| busy::regions(frame)) {
            if budget.take(region.area(), units(pass)) {
                let part = frame.crop(region.left, region.top, region.width, region.height);
                let (left, top) = (region.left as f32 * factor, region.top as f32 * factor);
                reading.take_in(
                    seen(pass, &part),
                    pass,
                    Place { factor: factor / 2.0, left, top, ..Place::default() },
                );
            }
        }
    }
}

fn reduced(picture: &Luma) -> Cow<'_, Luma> {
    let mut frame = Cow::Borrowed(picture);
    while frame.area() > DEAR_PIXELS_MAX {
        frame = Cow::Owned(frame.halved());
    }
    frame
}

/// What a pass costs, by measure (units for each pixel it is given).
fn units(pass: Pass) -> Units {
    match pass {
        Pass::Direct => 8,
        Pass::Stacked => 24,
        Pass::Threshold | Pass::Fine => 16,
        Pass::Lifted => 10,
        Pass::Doubled => 90,
        Pass::DoubledWide => 190,
        // These ask for themselves, place by place.
        Pass::Matched | Pass::Straightened => 0,
    }
}

/// What the decoder sees in the picture that a pass makes of `frame`.
fn seen(pass: Pass, frame: &Luma) -> Vec<Symbol> {
    use engine::look;
    match pass {
        Pass::Direct => look(frame, Shades::Local),
        Pass::Stacked => {
            let plain = look(frame, Shades::Local);
            let read = plain.iter().any(|symbol| symbol.text.is_some());
            if read { plain } else { look(&filter::threshold(&filter::smooth(frame), 12, 0), Shades::Halves) }
        }
        Pass::Threshold => look(&filter::threshold(frame, 12, 0), Shades::Halves),
        Pass::Lifted => look(&filter::lift(frame), Shades::Local),
        Pass::Fine => look(&filter::threshold(frame, 5, 0), Shades::Halves),
        Pass::Doubled => look(&filter::sharpen(&filter::smooth(&frame.doubled()), 2, 12), Shades::Local),
        Pass::DoubledWide => {
            let sharp = filter::sharpen(&filter::smooth(&frame.doubled()), 4, 12);
            let plain = look(&sharp, Shades::Local);
            let or = |symbols: Vec<Symbol>, other: &dyn Fn() -> Vec<Symbol>| {
                if symbols.iter().any(|symbol| symbol.text.is_some()) { symbols } else { other() }
            };
            let even = or(plain, &|| look(&filter::threshold(&sharp, 12, 0), Shades::Halves));
            or(even, &|| look(&filter::lift(&sharp), Shades::Local))
        }
        Pass::Matched | Pass::Straightened => vec![],
    }
}

/// Where a part lies in the picture that was handed in.
#[derive(Clone, Copy, Debug)]
struct Place {
    factor: f32,
    left: f32,
    top: f32,
    /// The rows that there were to read; a picture may have fewer than are asked for.
    rows: usize,
}

impl Default for Place {
    fn default() -> Place {
        Place { factor: 1.0, left: 0.0, top: 0.0, rows: usize::MAX }
    }
}

impl Reading {
    /// Whole codes that were compared as such: those that are sure, and those that say what was read before.
    fn hear(&mut self, matched: &[Recognised], factor: f32) {
        for one in matched {
            let confirmed = |other: &Found| other.symbology == one.symbology && one.confirms(&other.text);
            if let Some(at) = self.doubtful.iter().position(confirmed) {
                let confirmed = self.doubtful.remove(at);
                self.found.push(confirmed);
            }
            let said = |other: &Found| other.text == one.text && other.symbology == one.symbology;
            if one.is_sure() && !self.found.iter().any(said) {
                let corners = one.corners.map(|corner| corner.moved(factor, 0.0, 0.0));
                let (text, symbology) = (one.text.clone(), one.symbology);
                self.found.push(Found { text, symbology, corners, pass: Pass::Matched });
            }
        }
    }

    fn take_in(&mut self, seen: Vec<Symbol>, pass: Pass, place: Place) {
        let rows = place.rows;
        for symbol in seen {
            let corners = symbol.corners.map(|corner| corner.moved(place.factor, place.left, place.top));
            let Some(text) = symbol.text else {
                self.located.get_or_insert(corners);
                continue;
            };
            let found = Found { text, symbology: symbol.symbology, corners, pass };
            let doubtful = symbol.symbology.is_weakly_checked() && symbol.lines < LINES_MIN.min(rows);
            let list = if doubtful { &mut self.doubtful } else { &mut self.found };
            if list.iter().all(|other| other.text != found.text || other.symbology != found.symbology) {
                list.push(found);
            }
        }
    }
}
