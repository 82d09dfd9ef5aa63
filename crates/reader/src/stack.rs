//! Several frames laid over each other: noise and moving reflections go, what stays is the code.

use crate::luma::Luma;
use crate::work::{Budget, Units};

/// What laying over costs (units for each pixel of a frame).
const UNITS: Units = 30;
/// A hand moves a telephone by less than this between the first and the last of the frames (pixels of a picture reduced by
/// [`REDUCED`]).
const REACH: i32 = 6;
/// How often a frame is halved before the shift is looked for.
const REDUCED: usize = 2;

/// The frames, each shifted onto the first; for each pixel the middle of what they show. Nothing if there is no budget for it
/// or the frames differ in size.
pub(crate) fn over(frames: &[&Luma], budget: &mut Budget<'_>) -> Option<Luma> {
    let (first, others) = frames.split_first()?;
    let alike = others.iter().all(|other| (other.width(), other.height()) == (first.width(), first.height()));
    if others.is_empty() || !alike || !budget.take(first.area(), UNITS) {
        return None;
    }
    let small = reduced(first);
    let shifts: Vec<(i32, i32)> = others.iter().map(|other| shift(&small, &reduced(other))).collect();
    let mut out = Luma::plain(first.width(), first.height(), 0);
    let (width, height) = (first.width() as i32, first.height() as i32);
    for y in 0..height {
        for x in 0..width {
            let mut shades = [0_u8; 8];
            let mut count = 0;
            let places =
                std::iter::once((*first, (0, 0))).chain(others.iter().copied().zip(shifts.iter().copied()));
            for (frame, (right, down)) in places.take(shades.len()) {
                let (x, y) = ((x + right).clamp(0, width - 1), (y + down).clamp(0, height - 1));
                shades[count] = frame.row(y as usize)[x as usize];
                count += 1;
            }
            let shades = &mut shades[..count];
            shades.sort_unstable();
            out.pixels_mut()[(y * width + x) as usize] =
                (u16::from(shades[(count - 1) / 2]).midpoint(u16::from(shades[count / 2]))) as u8;
        }
    }
    Some(out)
}

fn reduced(frame: &Luma) -> Luma {
    (0..REDUCED).fold(frame.clone(), |frame, _| frame.halved())
}

/// By how much the second frame lies further right and further down (pixels of the full frame).
fn shift(one: &Luma, two: &Luma) -> (i32, i32) {
    let scale = 1 << REDUCED;
    let places = (-REACH..=REACH).flat_map(|down| (-REACH..=REACH).map(move |right| (right, down)));
    // The nearer one where two are as good: a frame without anything in it does not move.
    let best = places.min_by_key(|(right, down)| (apart(one, two, *right, *down), right.abs() + down.abs()));
    let (right, down) = best.unwrap_or_default();
    (right * scale, down * scale)
}

/// How much two frames differ if the second is shifted; every third pixel in both directions is enough.
fn apart(one: &Luma, two: &Luma, right: i32, down: i32) -> u64 {
    let margin = REACH as usize;
    if one.width() <= 2 * margin || one.height() <= 2 * margin {
        return 0;
    }
    let mut sum = 0;
    for y in (margin..one.height() - margin).step_by(3) {
        let row = two.row((y as i32 + down) as usize);
        let shifted = &row[(margin as i32 + right) as usize..];
        let pairs = one.row(y)[margin..one.width() - margin].iter().zip(shifted);
        sum += pairs.step_by(3).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blots on paper, moved.
    fn frame(right: usize, down: usize) -> Luma {
        let blot = |x: usize, y: usize| (x / 23 * 31 + y / 17 * 57).is_multiple_of(5);
        let pixels = (0..160 * 120).map(|at| {
            let (x, y) = (at % 160 + 40 - right, at / 160 + 40 - down);
            if blot(x, y) { 30 } else { 220 }
        });
        Luma::new(160, 120, pixels.collect()).unwrap()
    }

    #[test]
    fn frames_are_shifted_onto_the_first() {
        let frames = [frame(0, 0), frame(8, 4), frame(12, 16)];
        let stacked = over(&frames.iter().collect::<Vec<_>>(), &mut Budget::of(Units::MAX)).unwrap();
        let inner = (20..100).flat_map(|y| (20..140).map(move |x| (x, y)));
        for (x, y) in inner {
            assert_eq!(stacked.row(y)[x], frames[0].row(y)[x], "at {x}, {y}");
        }
    }

    #[test]
    fn what_one_frame_alone_shows_is_gone() {
        let mut glare = frame(0, 0);
        glare.pixels_mut()[1000..3000].fill(255);
        let frames = [&frame(0, 0), &glare, &frame(0, 0)];
        assert_eq!(over(&frames, &mut Budget::of(Units::MAX)), Some(frame(0, 0)));
        assert_eq!(over(&frames, &mut Budget::of(10)), None, "not without the work that it takes");
    }
}
