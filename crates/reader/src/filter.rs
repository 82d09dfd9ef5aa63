//! Filters over whole pictures, each in time that is proportional to the pixels whatever the window.

use crate::luma::Luma;

/// The mean of the window of `2 * reach + 1` pixels around each pixel, in both directions; at the edges of what there is.
pub(crate) fn mean(picture: &Luma, reach: usize) -> Luma {
    let (width, height) = (picture.width(), picture.height());
    let mut out = Luma::plain(width, height, 0);
    // Sums of columns, moved down row by row; then a sum that is moved along.
    let mut columns = vec![0_u32; width];
    let add = |columns: &mut [u32], y: usize| {
        columns.iter_mut().zip(picture.row(y)).for_each(|(sum, pixel)| *sum += u32::from(*pixel));
    };
    for y in 0..reach.min(height) {
        add(&mut columns, y);
    }
    let mut prefix = vec![0_u32; width + 1];
    for y in 0..height {
        if y + reach < height {
            add(&mut columns, y + reach);
        }
        if y > reach {
            let gone = picture.row(y - reach - 1);
            columns.iter_mut().zip(gone).for_each(|(sum, pixel)| *sum -= u32::from(*pixel));
        }
        let rows = ((y + reach + 1).min(height) - y.saturating_sub(reach)) as u32;
        let mut sum = 0;
        for (at, column) in prefix[1..].iter_mut().zip(&columns) {
            sum += column;
            *at = sum;
        }
        let row = &mut out.pixels_mut()[y * width..(y + 1) * width];
        means_of_row(row, &prefix, reach, rows);
    }
    out
}

fn means_of_row(row: &mut [u8], prefix: &[u32], reach: usize, rows: u32) {
    let width = row.len();
    let mut slow = |x: usize| {
        let (from, to) = (x.saturating_sub(reach), (x + reach + 1).min(width));
        row[x] = ((prefix[to] - prefix[from]) / (rows * (to - from) as u32)) as u8;
    };
    let inner = reach..width.saturating_sub(reach).max(reach);
    (0..inner.start.min(width)).for_each(&mut slow);
    (inner.end..width).for_each(&mut slow);
    // The inner part without division: a multiplication by the inverse, as exact as bytes need.
    let inverse = 1.0 / (rows * (2 * reach as u32 + 1)) as f32;
    if inner.start < inner.end {
        let lows = &prefix[inner.start - reach..inner.end - reach];
        let highs = &prefix[inner.start + reach + 1..inner.end + reach + 1];
        for (pixel, (low, high)) in row[inner].iter_mut().zip(lows.iter().zip(highs)) {
            *pixel = ((high - low) as f32 * inverse) as u8;
        }
    }
}

/// The mean of 3 × 3 pixels; the outermost pixels stay as they are.
pub(crate) fn smooth(picture: &Luma) -> Luma {
    let (width, height) = (picture.width(), picture.height());
    let mut out = picture.clone();
    if width < 3 || height < 3 {
        return out;
    }
    let mut columns = vec![0_u16; width];
    for y in 1..height - 1 {
        let (above, here, below) = (picture.row(y - 1), picture.row(y), picture.row(y + 1));
        for x in 0..width {
            columns[x] = u16::from(above[x]) + u16::from(here[x]) + u16::from(below[x]);
        }
        let row = &mut out.pixels_mut()[y * width + 1..(y + 1) * width - 1];
        for (pixel, three) in row.iter_mut().zip(columns.windows(3)) {
            *pixel = ((u32::from(three[0] + three[1] + three[2]) * 7282) >> 16) as u8;
        }
    }
    out
}

/// Adds `strength` / 4 of the difference between each pixel and the mean around it.
pub(crate) fn sharpen(picture: &Luma, reach: usize, strength: i32) -> Luma {
    let mut out = mean(picture, reach);
    for (mean, pixel) in out.pixels_mut().iter_mut().zip(picture.pixels()) {
        let (pixel, around) = (i32::from(*pixel), i32::from(*mean));
        *mean = (pixel + (pixel - around) * strength / 4).clamp(0, 255) as u8;
    }
    out
}

/// Black where a pixel is darker than the mean around it by more than `margin`, else white.
pub(crate) fn threshold(picture: &Luma, reach: usize, margin: i32) -> Luma {
    let mut out = mean(picture, reach);
    for (mean, pixel) in out.pixels_mut().iter_mut().zip(picture.pixels()) {
        *mean = if i32::from(*pixel) + margin < i32::from(*mean) { 0 } else { 255 };
    }
    out
}

/// Brightness to the power of 0.4: differences among dark shades become larger, among bright ones smaller.
pub(crate) fn lift(picture: &Luma) -> Luma {
    let shades: [u8; 256] = std::array::from_fn(|shade| (255.0 * (shade as f32 / 255.0).powf(0.4)) as u8);
    let mut out = picture.clone();
    out.pixels_mut().iter_mut().for_each(|pixel| *pixel = shades[usize::from(*pixel)]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize) -> Luma {
        let pixels = (0..width * height).map(|at| (at * 7919 % 251) as u8).collect();
        Luma::new(width, height, pixels).unwrap()
    }

    #[test]
    fn the_mean_is_that_of_the_window_up_to_the_edges() {
        for (width, height, reach) in [(1, 1, 3), (9, 4, 1), (30, 17, 5), (17, 30, 12), (5, 40, 8)] {
            let picture = picture(width, height);
            let found = mean(&picture, reach);
            for (at, mean) in found.pixels().iter().enumerate() {
                let (x, y) = (at % width, at / width);
                let columns = x.saturating_sub(reach)..(x + reach + 1).min(width);
                let rows = y.saturating_sub(reach)..(y + reach + 1).min(height);
                let count = (columns.len() * rows.len()) as u32;
                let sum: u32 =
                    rows.flat_map(|y| picture.row(y)[columns.clone()].to_vec()).map(u32::from).sum();
                let apart = (sum / count).abs_diff(u32::from(*mean));
                assert!(
                    apart <= 1,
                    "{width} × {height}, reach {reach}, at {x}, {y}: {mean} for {}",
                    sum / count
                );
            }
        }
    }

    #[test]
    fn filters_keep_the_size_and_an_even_picture_even() {
        for (width, height) in [(1, 1), (2, 9), (40, 30)] {
            let even = Luma::new(width, height, vec![90; width * height]).unwrap();
            assert_eq!(smooth(&even), even);
            assert_eq!(sharpen(&even, 2, 12), even);
            assert!(threshold(&even, 5, 0).pixels().iter().all(|shade| *shade == 255), "nothing is darker");
            let doubled = even.doubled();
            assert_eq!((doubled.width(), doubled.height()), (2 * width, 2 * height));
            assert!(doubled.pixels().iter().all(|shade| *shade == 90));
        }
    }
}
