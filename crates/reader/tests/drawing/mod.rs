//! Codes as a camera sees them: drawn by another library, turned, blurred, dimmed and made noisy by dice that fall alike in every
//! run.
#![allow(dead_code, reason = "each test file uses its part")]

use reader::Luma;
use zxingcpp::{BarcodeCreator, BarcodeFormat};

/// Numbers that look like chance: a linear congruence, of which the upper bits are good.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(limit)) >> 32) as u32
    }

    /// Between -1 and 1.
    pub fn part(&mut self) -> f32 {
        self.next() as f32 / (u32::MAX / 2) as f32 - 1.0
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

/// The digits of an EAN with the check digit that belongs to them.
pub fn ean(digits: &str) -> String {
    let weights = digits.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weights.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A drawn symbol: dark or light, one value for each module.
pub struct Symbol {
    pub columns: usize,
    pub rows: usize,
    dark: Vec<bool>,
}

pub fn symbol(format: BarcodeFormat, text: &str) -> Symbol {
    let options = zxingcpp::BarcodeWriter::new().scale(1).add_quiet_zones(false).add_hrt(false);
    let drawn = BarcodeCreator::new(format).from_str(text).expect("it can be drawn");
    let image = drawn.to_image_with(&options).expect("it can be drawn");
    let dark = image.data().iter().map(|shade| *shade < 128).collect();
    Symbol { columns: image.width() as usize, rows: image.height() as usize, dark }
}

/// How a picture is taken.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    pub width: usize,
    pub height: usize,
    /// Pixels for each module.
    pub module: f32,
    /// Degrees.
    pub turned: f32,
    /// The radius of the disc that a point becomes (pixels).
    pub blur: f32,
    pub ink: f32,
    pub paper: f32,
    /// The greatest throw of the noise.
    pub noise: f32,
}

impl Default for Camera {
    fn default() -> Camera {
        Camera {
            width: 640,
            height: 480,
            module: 4.0,
            turned: 0.0,
            blur: 0.0,
            ink: 25.0,
            paper: 230.0,
            noise: 3.0,
        }
    }
}

/// A picture of the symbol in the middle of a sheet of paper.
pub fn taken(symbol: &Symbol, camera: Camera, dice: &mut Dice) -> Luma {
    let Camera { width, height, module, .. } = camera;
    let (sine, cosine) = camera.turned.to_radians().sin_cos();
    let shade = |x: f32, y: f32| {
        let (x, y) = (x - width as f32 / 2.0, y - height as f32 / 2.0);
        let (x, y) = ((x * cosine + y * sine) / module, (y * cosine - x * sine) / module);
        let (x, y) = (x + symbol.columns as f32 / 2.0, y + symbol.rows as f32 / 2.0);
        let inside = x >= 0.0 && y >= 0.0 && x < symbol.columns as f32 && y < symbol.rows as f32;
        let dark = inside && symbol.dark[y as usize * symbol.columns + x as usize];
        if dark { camera.ink } else { camera.paper }
    };
    let offsets: Vec<(f32, f32)> = match camera.blur {
        blur if blur > 0.0 => disc(blur),
        _ => vec![(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)],
    };
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            let sum: f32 = offsets.iter().map(|(right, down)| shade(x + right, y + down)).sum();
            let noise = (dice.part() + dice.part()) / 2.0 * camera.noise;
            pixels.push((sum / offsets.len() as f32 + noise).clamp(0.0, 255.0) as u8);
        }
    }
    Luma::new(width, height, pixels).expect("it has the size that it says")
}

fn disc(radius: f32) -> Vec<(f32, f32)> {
    let steps = (-6..=6).map(|step| step as f32 / 6.0 * radius);
    let all = steps.clone().flat_map(|y| steps.clone().map(move |x| (x, y)));
    all.filter(|(x, y)| x.hypot(*y) <= radius).collect()
}

impl Symbol {
    /// Bars as high as one module.
    pub fn of_bars(bars: impl Iterator<Item = bool>) -> Symbol {
        let row: Vec<bool> = bars.collect();
        Symbol { columns: row.len(), rows: 1, dark: row.repeat(64) }
    }
}
