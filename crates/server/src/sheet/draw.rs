//! A white canvas with text, boxes and codes on it.

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};
use qrcode::{Color, QrCode};

/// A colour.
pub(super) type Ink = [u8; 3];

/// A rectangle in pixels.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// How a text is written.
#[derive(Clone, Copy)]
pub(super) struct Pen<'f> {
    pub(super) font: &'f FontVec,
    pub(super) size: f32,
    pub(super) ink: Ink,
}

impl Pen<'_> {
    /// How wide the text is.
    pub(super) fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.scale());
        text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum()
    }

    /// A size in pixels as designers count it: the square of a Chinese character, not the font's line height.
    fn scale(&self) -> PxScale {
        let em = self.font.units_per_em().unwrap_or(1000.0);
        PxScale::from(self.size * self.font.height_unscaled() / em)
    }

    /// The text, cut to `width` with an ellipsis if it is too long.
    pub(super) fn fitted(&self, text: &str, width: f32) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let mut head = text.to_owned();
        while head.pop().is_some() && self.width(&format!("{head}…")) > width {}
        format!("{head}…")
    }
}

/// What is drawn on.
pub(super) struct Canvas {
    pixels: RgbImage,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Canvas {
        Canvas { pixels: RgbImage::from_pixel(width, height, Rgb([255, 255, 255])) }
    }

    pub(super) fn finish(self) -> RgbImage {
        self.pixels
    }

    /// Fills an area with round corners.
    pub(super) fn fill(&mut self, area: Area, radius: i32, ink: Ink) {
        for y in 0..area.height {
            for x in 0..area.width {
                let cover = corner_cover(x, y, area, radius);
                if cover > 0.0 {
                    self.blend(area.x + x, area.y + y, ink, cover);
                }
            }
        }
    }

    /// Draws a hairline with round corners just inside an area.
    pub(super) fn frame(&mut self, area: Area, radius: i32, ink: Ink) {
        let inner = Area { x: 0, y: 0, width: area.width - 4, height: area.height - 4 };
        let deep = |at: i32, length: i32| at >= radius && at < length - radius;
        for y in 0..area.height {
            let row_is_straight = deep(y, area.height);
            for x in 0..area.width {
                // Between the corners only the outermost pixels are drawn at all.
                if row_is_straight && x == 2 && area.width > 4 {
                    self.blend(area.x + area.width - 1, area.y + y, ink, 1.0);
                    self.blend(area.x + area.width - 2, area.y + y, ink, 1.0);
                    break;
                }
                let inside = (x >= 2 && y >= 2 && x < area.width - 2 && y < area.height - 2)
                    .then(|| corner_cover(x - 2, y - 2, inner, radius - 2));
                let cover = corner_cover(x, y, area, radius) - inside.unwrap_or(0.0);
                if cover > 0.0 {
                    self.blend(area.x + x, area.y + y, ink, cover);
                }
            }
        }
    }

    /// Writes a line of text whose characters' tops are at `y`.
    pub(super) fn write(&mut self, text: &str, x: i32, y: i32, pen: Pen<'_>) {
        let font = pen.font.as_scaled(pen.scale());
        // The em square of a CJK font sits at 0.88 above the base line.
        let base = y as f32 + pen.size * 0.88;
        let mut at = x as f32;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            let glyph = id.with_scale_and_position(pen.scale(), point(at, base));
            at += font.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                self.blend(bounds.min.x as i32 + dx as i32, bounds.min.y as i32 + dy as i32, pen.ink, cover);
            });
        }
    }

    /// Writes a line of text centred in `area`'s width.
    pub(super) fn write_centred(&mut self, text: &str, area: Area, y: i32, pen: Pen<'_>) {
        let left = area.x + (area.width - pen.width(text) as i32) / 2;
        self.write(text, left, y, pen);
    }

    /// Draws a code with modules of `module` pixels. The quiet zone of four modules is the caller's white.
    pub(super) fn code(&mut self, code: &QrCode, x: i32, y: i32, module: i32) {
        let width = code.width().max(1);
        for (place, colour) in code.to_colors().into_iter().enumerate() {
            if colour == Color::Dark {
                let (column, row) = ((place % width) as i32, (place / width) as i32);
                let dot = Area { x: x + column * module, y: y + row * module, width: module, height: module };
                self.fill(dot, 0, [0, 0, 0]);
            }
        }
    }

    fn blend(&mut self, x: i32, y: i32, ink: Ink, cover: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        let Some(pixel) = self.pixels.get_pixel_mut_checked(x, y) else { return };
        let cover = cover.clamp(0.0, 1.0);
        for (below, above) in pixel.0.iter_mut().zip(ink) {
            *below = (f32::from(*below) * (1.0 - cover) + f32::from(above) * cover).round() as u8;
        }
    }
}

/// How much of a pixel lies inside the round corners.
fn corner_cover(x: i32, y: i32, area: Area, radius: i32) -> f32 {
    let inset = |at: i32, length: i32| (radius - at).max(at - (length - 1 - radius)).max(0) as f32;
    let (dx, dy) = (inset(x, area.width), inset(y, area.height));
    if dx == 0.0 || dy == 0.0 {
        return 1.0;
    }
    (radius as f32 + 0.5 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0)
}
