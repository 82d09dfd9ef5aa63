//! Brightness across the bars, averaged along them.

use super::locate::Place;
use crate::luma::Luma;

/// So many bands lie side by side along the bars.
const BANDS: usize = 5;
/// They lie within this part of the bars' length: beyond are digits and slanted ends.
const WITHIN: f32 = 0.7;
/// A band averages that many lines at most.
const LINES_MAX: usize = 15;
/// Steps for each pixel.
pub(crate) const STEPS: f32 = 2.0;
/// What is added on either side, as part of the length, and besides (pixels).
const MARGIN: f32 = 0.15;
const MARGIN_PIXELS: f32 = 16.0;

/// Brightness along a line across the bars, [`STEPS`] for each pixel.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub shades: Vec<f32>,
    /// Where the first value lies, from the middle of the place (pixels).
    pub from: f32,
}

impl Band {
    /// The value between two steps; at the ends that of the end.
    pub(crate) fn at(&self, step: f32) -> f32 {
        let step = step.clamp(0.0, (self.shades.len() - 1) as f32);
        let left = step as usize;
        let right = (left + 1).min(self.shades.len() - 1);
        self.shades[left] + (self.shades[right] - self.shades[left]) * (step - left as f32)
    }
}

/// The bands of a place, [`BANDS`] of them.
pub(crate) fn bands(picture: &Luma, place: &Place) -> Vec<Band> {
    so_many(picture, place, BANDS)
}

/// So many bands of a place, side by side.
pub(crate) fn so_many(picture: &Luma, place: &Place, count_of_bands: usize) -> Vec<Band> {
    let spacing = WITHIN * place.width / count_of_bands as f32;
    let lines = (spacing as usize).clamp(1, LINES_MAX);
    let margin = MARGIN * place.length + MARGIN_PIXELS;
    let from = -place.length / 2.0 - margin;
    let count = ((place.length + 2.0 * margin) * STEPS) as usize + 1;
    (0..count_of_bands)
        .map(|band| {
            let middle = (band as f32 - (count_of_bands - 1) as f32 / 2.0) * spacing;
            let mut shades = vec![0.0; count];
            for line in 0..lines {
                let down = middle + (line as f32 - (lines - 1) as f32 / 2.0) * spacing / lines as f32;
                for (step, shade) in shades.iter_mut().enumerate() {
                    let point = place.point(from + step as f32 / STEPS, down);
                    *shade += picture.at(point.x, point.y);
                }
            }
            shades.iter_mut().for_each(|shade| *shade /= lines as f32);
            Band { shades, from }
        })
        .collect()
}

impl Band {
    /// How often brightness turns, changes of less than a twentieth of its range aside.
    pub(crate) fn turns(&self) -> usize {
        let (least, most) = self
            .shades
            .iter()
            .fold((f32::MAX, f32::MIN), |(least, most), shade| (least.min(*shade), most.max(*shade)));
        let enough = (0.05 * (most - least)).max(1.0);
        let (mut turns, mut rising, mut extreme) = (0, true, least);
        for shade in &self.shades {
            let sign = if rising { 1.0 } else { -1.0 };
            if sign * (shade - extreme) > 0.0 {
                extreme = *shade;
            } else if sign * (extreme - shade) > enough {
                turns += 1;
                rising = !rising;
                extreme = *shade;
            }
        }
        turns
    }

    /// The same from the other end.
    pub(crate) fn turned(&self) -> Band {
        let last = (self.shades.len() - 1) as f32 / STEPS;
        Band { shades: self.shades.iter().rev().copied().collect(), from: -(self.from + last) }
    }
}
