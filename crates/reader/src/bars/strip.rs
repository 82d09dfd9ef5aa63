//! Bars laid straight and averaged along their length, for the decoder to read: a row for each band.

use super::profile::Band;
use crate::luma::Luma;

/// How a strip is sharpened: how far around a point the mean is taken (steps), and how many times the difference is added.
const SHARPENED: [(usize, f32); 3] = [(0, 0.0), (5, 1.5), (9, 4.0)];
/// Around this many steps a strip is made as bright and as dark as it can be.
const AROUND: usize = 60;

/// The strips of a place, from the plain one to the sharpest.
pub(crate) fn strips(bands: &[Band]) -> Vec<Luma> {
    let of = |(reach, times): (usize, f32)| {
        let rows = bands.iter().flat_map(|band| row(&band.shades, reach, times));
        Luma::new(bands[0].shades.len(), bands.len(), rows.collect())
    };
    SHARPENED.into_iter().filter_map(of).collect()
}

fn row(shades: &[f32], reach: usize, times: f32) -> Vec<u8> {
    let mean = means(shades, reach);
    let sharp: Vec<f32> =
        shades.iter().zip(mean).map(|(shade, mean)| shade + times * (shade - mean)).collect();
    let middle = means(&sharp, AROUND);
    let apart: Vec<f32> = sharp.iter().zip(&middle).map(|(shade, middle)| (shade - middle).abs()).collect();
    let range = means(&apart, AROUND);
    let even = sharp.iter().zip(middle).zip(range);
    even.map(|((shade, middle), range)| {
        (128.0 + 60.0 * (shade - middle) / range.max(1.0)).clamp(0.0, 255.0) as u8
    })
    .collect()
}

/// The mean of the values around each one.
fn means(values: &[f32], reach: usize) -> Vec<f32> {
    let mut sum = 0.0;
    let mut sums = vec![0.0];
    sums.extend(values.iter().map(|value| {
        sum += value;
        sum
    }));
    let mean = |at: usize| {
        let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(values.len()));
        (sums[to] - sums[from]) / (to - from) as f32
    };
    (0..values.len()).map(mean).collect()
}
