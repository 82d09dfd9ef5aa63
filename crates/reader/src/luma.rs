//! A picture as the decoders want it: one byte of brightness for each pixel, rows from above.

/// More than any camera or screen has (pixels on a side); a picture beyond it is refused, not shrunk.
pub const SIDE_MAX: usize = 16_384;

/// Brightness, 0 black to 255 white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Luma {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Luma {
    /// A picture of `width` × `height` pixels, row by row from above; nothing if the figures do not fit together, are
    /// zero, or exceed [`SIDE_MAX`].
    #[must_use]
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Luma> {
        let fits = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height);
        (fits && pixels.len() == width * height).then_some(Luma { width, height, pixels })
    }

    /// One shade all over; for canvases, so the sides are held within what is allowed.
    pub(crate) fn plain(width: usize, height: usize, shade: u8) -> Luma {
        let (width, height) = (width.clamp(1, SIDE_MAX), height.clamp(1, SIDE_MAX));
        Luma { width, height, pixels: vec![shade; width * height] }
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row by row from above.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// How many pixels there are: what work is counted in.
    #[must_use]
    pub fn area(&self) -> usize {
        self.pixels.len()
    }

    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }

    /// The brightness between four pixels; beyond the edge that of the edge.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, below) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (part_x, part_y) = (x - left as f32, y - top as f32);
        let pixel = |x: usize, y: usize| f32::from(self.pixels[y * self.width + x]);
        let above = pixel(left, top) + (pixel(right, top) - pixel(left, top)) * part_x;
        let under = pixel(left, below) + (pixel(right, below) - pixel(left, below)) * part_x;
        above + (under - above) * part_y
    }

    /// The part from (`left`, `top`) on, cut to what there is.
    pub(crate) fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Luma {
        let left = left.min(self.width - 1);
        let top = top.min(self.height - 1);
        let width = width.clamp(1, self.width - left);
        let height = height.clamp(1, self.height - top);
        let rows = (top..top + height).flat_map(|y| &self.row(y)[left..left + width]);
        Luma { width, height, pixels: rows.copied().collect() }
    }

    /// Half the width and the height: each pixel the mean of four.
    pub(crate) fn halved(&self) -> Luma {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        if self.width < 2 || self.height < 2 {
            return self.clone();
        }
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let (above, under) = (self.row(2 * y), self.row(2 * y + 1));
            let pairs = above.chunks_exact(2).zip(under.chunks_exact(2));
            pixels.extend(pairs.map(|(a, b)| {
                let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                ((sum + 2) / 4) as u8
            }));
        }
        Luma { width, height, pixels }
    }

    /// Twice the width and the height, straight lines between the pixels.
    pub(crate) fn doubled(&self) -> Luma {
        let wide: Vec<u16> = (0..self.height).flat_map(|y| widened(self.row(y))).collect();
        let width = 2 * self.width;
        let mut pixels = vec![0; 4 * self.width * self.height];
        for y in 0..self.height {
            let row = |y: usize| &wide[y * width..(y + 1) * width];
            let (before, here, after) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(self.height - 1)));
            let (upper, lower) = pixels[2 * y * width..(2 * y + 2) * width].split_at_mut(width);
            for x in 0..width {
                upper[x] = ((before[x] + 3 * here[x] + 8) / 16) as u8;
                lower[x] = ((after[x] + 3 * here[x] + 8) / 16) as u8;
            }
        }
        Luma { width, height: 2 * self.height, pixels }
    }
}

/// A row at twice its length, four times as bright.
fn widened(row: &[u8]) -> impl Iterator<Item = u16> + '_ {
    let last = row.len() - 1;
    row.iter().enumerate().flat_map(move |(x, here)| {
        let (before, here, after) =
            (u16::from(row[x.saturating_sub(1)]), u16::from(*here), u16::from(row[(x + 1).min(last)]));
        [before + 3 * here, after + 3 * here]
    })
}
