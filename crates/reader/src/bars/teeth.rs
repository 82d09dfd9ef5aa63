//! Edges that are known beforehand, laid over a band.

use super::profile::Band;

/// Edges at known places, with the sign of the change of brightness there.
#[derive(Clone, Debug)]
pub(crate) struct Comb {
    /// Where (modules) and whether up (+1) or down (-1).
    pub teeth: Vec<(f32, f32)>,
    /// The width of the whole (modules).
    pub modules: f32,
}

/// Where a comb lies in a band: its beginning, its module, and how far the middle is bent aside.
#[derive(Clone, Debug)]
pub(crate) struct Laid {
    start: f32,
    module: f32,
    bend: f32,
    modules: f32,
    /// By how much it is moved at some modules besides (steps); between them in proportion.
    knots: Vec<(f32, f32)>,
    /// How well it fits there.
    pub fit: f32,
}

impl Laid {
    /// The step at which a module begins.
    pub(crate) fn place(&self, module: f32) -> f32 {
        let even = self.start + self.module * (module + self.bend * module * (1.0 - module / self.modules));
        even + self.moved(module)
    }

    fn moved(&self, module: f32) -> f32 {
        let after = self.knots.partition_point(|(at, _)| *at < module);
        match (after.checked_sub(1).and_then(|before| self.knots.get(before)), self.knots.get(after)) {
            (None, None) => 0.0,
            (Some((_, only)), None) | (None, Some((_, only))) => *only,
            (Some((from, one)), Some((to, two))) => one + (two - one) * (module - from) / (to - from),
        }
    }

    /// The same in the turned band.
    pub(crate) fn turned(&self, band: &Band) -> Laid {
        let last = (band.shades.len() - 1) as f32;
        let knots = self.knots.iter().rev().map(|(at, moved)| (self.modules - at, -moved)).collect();
        let start = last - (self.start + self.module * self.modules);
        Laid { start, bend: -self.bend, knots, ..self.clone() }
    }
}

/// A scale differs from the next by this part: half a module over the whole.
const SCALES: f32 = 0.006;
const BENDS: [f32; 9] = [0.0, -0.03, 0.03, -0.06, 0.06, -0.11, 0.11, -0.17, 0.17];
/// The whole is between these parts of the place: a place may hold an add-on besides, and its ends are rough.
const PART_MIN: f32 = 0.5;
const PART_MAX: f32 = 1.12;
/// So far beyond its ends a code has nothing (modules); an EAN-13 asks for 7 and more.
const QUIET: f32 = 5.0;
/// The change there may be this part of that inside.
const NOISE_MAX: f32 = 0.4;
/// Smaller modules cannot be told apart (steps).
const MODULE_MIN: f32 = 1.4;

/// So many ways to lay a comb are looked into.
const WAYS: usize = 8;

/// Where the comb may lie in a band, the best fit first.
pub(crate) fn ways(comb: &Comb, band: &Band) -> Vec<Laid> {
    let slopes = Slopes::of(band);
    let count = band.shades.len() as f32;
    // The place without its margins, as `profile` adds them.
    let inner = count / 1.45;
    let least = (PART_MIN * inner / comb.modules).max(MODULE_MIN);
    let most = (PART_MAX * count / comb.modules / 1.1).max(least);
    let mut ways: Vec<Laid> = vec![];
    let mut module = least;
    while module <= most {
        let room = count - module * comb.modules;
        let mut start = 0.0;
        while start <= room {
            let mut best = nothing(comb);
            for bend in BENDS {
                let laid = Laid { start, module, bend, modules: comb.modules, knots: vec![], fit: 0.0 };
                best = better(best, laid, comb, &slopes);
            }
            keep(&mut ways, &best);
            start += 0.5 * module;
        }
        module *= 1.0 + SCALES;
    }
    let mut ways: Vec<Laid> =
        ways.into_iter().map(|laid| knotted(refined(laid, comb, &slopes), comb, &slopes)).collect();
    ways.sort_by(|a, b| b.fit.total_cmp(&a.fit));
    ways
}

/// Keeps the best ones that are not nearly the same.
fn keep(ways: &mut Vec<Laid>, laid: &Laid) {
    let ends = |laid: &Laid| (laid.start, laid.start + laid.module * laid.modules);
    let alike = |other: &Laid| {
        let ((a, b), (c, d)) = (ends(laid), ends(other));
        (a - c).abs().max((b - d).abs()) < 2.5 * laid.module
    };
    if let Some(other) = ways.iter_mut().find(|other| alike(other)) {
        if laid.fit > other.fit {
            *other = laid.clone();
        }
        return;
    }
    if ways.len() < WAYS {
        ways.push(laid.clone());
    } else if let Some(worst) = ways.iter_mut().min_by(|a, b| a.fit.total_cmp(&b.fit))
        && laid.fit > worst.fit
    {
        *worst = laid.clone();
    }
}

/// The comb over every band, near to where it lies in one of them.
pub(crate) fn lay(comb: &Comb, bands: &[Band], way: &Laid) -> Vec<Laid> {
    let slopes = bands.iter().map(Slopes::of);
    slopes.map(|slopes| knotted(refined(near(way, comb, &slopes), comb, &slopes), comb, &slopes)).collect()
}

fn nothing(comb: &Comb) -> Laid {
    Laid { start: 0.0, module: 1.0, bend: 0.0, modules: comb.modules, knots: vec![], fit: f32::MIN }
}

fn better(best: Laid, other: Laid, comb: &Comb, slopes: &Slopes) -> Laid {
    let fit = slopes.fit(&other, comb);
    if fit > best.fit { Laid { fit, ..other } } else { best }
}

/// The best one around another: bars that are not quite parallel shift from band to band.
fn near(around: &Laid, comb: &Comb, slopes: &Slopes) -> Laid {
    let mut best = nothing(comb);
    for shift in -12..=12 {
        for scale in -4..=4 {
            let module = around.module * (1.0 + SCALES * scale as f32);
            let start =
                around.start + 0.5 * shift as f32 * module - (module - around.module) * comb.modules / 2.0;
            best = better(best, Laid { start, module, ..around.clone() }, comb, slopes);
        }
    }
    best
}

/// Moves all three figures by ever smaller steps as long as it fits better.
fn refined(mut best: Laid, comb: &Comb, slopes: &Slopes) -> Laid {
    let mut step = 0.25;
    for _ in 0..5 {
        for _ in 0..3 {
            let before = best.fit;
            for sign in [-1.0, 1.0] {
                let moved = Laid { start: best.start + sign * step * best.module, ..best.clone() };
                best = better(best, moved, comb, slopes);
                let module = best.module * (1.0 + sign * step / comb.modules);
                let grown = Laid { module, ..best.clone() };
                best = better(best, grown, comb, slopes);
                let start = best.start - (module - best.module) * comb.modules;
                let grown = Laid { module, start, ..best.clone() };
                best = better(best, grown, comb, slopes);
                let bent = Laid { bend: best.bend + sign * step * 0.04, ..best.clone() };
                best = better(best, bent, comb, slopes);
            }
            if best.fit <= before {
                break;
            }
        }
        step /= 2.0;
    }
    best
}

/// A tooth may move aside by so many tenths of a module, and that much more or less than the one before it.
const ASIDE: i32 = 8;
const ASIDE_STEP: i32 = 3;
/// What a difference of a module between neighbours costs, in the fit of a tooth.
const ASIDE_COST: f32 = 8.0;

/// Moves each tooth to where the change is strongest, as smoothly as paper bends.
fn knotted(laid: Laid, comb: &Comb, slopes: &Slopes) -> Laid {
    // Only those that are a digit apart: single bars of a guard vanish in a blur.
    let mut teeth: Vec<(f32, f32)> = vec![];
    for tooth in &comb.teeth {
        if teeth.last().is_none_or(|last| tooth.0 - last.0 >= 5.0 || tooth.0 == comb.modules) {
            teeth.push(*tooth);
        }
    }
    let aside: Vec<i32> = (-ASIDE..=ASIDE).collect();
    let inside = slopes.mean(laid.place(0.0), laid.place(comb.modules)).max(0.1);
    let fit = |tooth: &(f32, f32), aside: i32| {
        tooth.1 * slopes.at(laid.place(tooth.0) + aside as f32 / 10.0 * laid.module) / inside
    };
    let mut sums: Vec<f32> = aside.iter().map(|aside| fit(&teeth[0], *aside)).collect();
    let mut came: Vec<Vec<usize>> = vec![];
    for tooth in &teeth[1..] {
        let mut next = vec![f32::MIN; aside.len()];
        let mut from = vec![0; aside.len()];
        for (to, at) in aside.iter().enumerate() {
            for (before, was) in aside.iter().enumerate().filter(|(_, was)| (at - **was).abs() <= ASIDE_STEP)
            {
                let apart = (at - was) as f32 / 10.0;
                let sum = sums[before] + fit(tooth, *at) - ASIDE_COST * apart * apart;
                if sum > next[to] {
                    (next[to], from[to]) = (sum, before);
                }
            }
        }
        came.push(from);
        sums = next;
    }
    let mut at = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or_default();
    let mut path = vec![at];
    for from in came.iter().rev() {
        at = from[at];
        path.push(at);
    }
    let moved = path.iter().rev().map(|at| aside[*at] as f32 / 10.0 * laid.module);
    let knots = teeth.iter().map(|(at, _)| *at).zip(moved).collect();
    Laid { knots, ..laid }
}

/// How brightness changes along a band.
struct Slopes {
    slopes: Vec<f32>,
    /// The sums of their sizes up to each step.
    sums: Vec<f32>,
}

impl Slopes {
    fn of(band: &Band) -> Slopes {
        let last = band.shades.len() - 1;
        let slope = |step: usize| band.shades[(step + 1).min(last)] - band.shades[step.saturating_sub(1)];
        let slopes: Vec<f32> = (0..=last).map(slope).collect();
        let mut sum = 0.0;
        let sums = slopes.iter().map(|slope| {
            sum += slope.abs();
            sum
        });
        Slopes { sums: sums.collect(), slopes }
    }

    /// The change between two steps.
    fn at(&self, step: f32) -> f32 {
        let step = step.clamp(0.0, self.slopes.len() as f32 - 2.0);
        let left = step as usize;
        self.slopes[left] + (self.slopes[left + 1] - self.slopes[left]) * (step - left as f32)
    }

    /// The size of the change on average.
    fn mean(&self, from: f32, to: f32) -> f32 {
        let sum = |at: f32| self.sums[at.clamp(0.0, self.sums.len() as f32 - 1.0) as usize];
        (sum(to) - sum(from)) / (to - from).max(1.0)
    }

    /// The change at the comb's teeth, as part of the change on average; nothing reaches beyond the band.
    fn fit(&self, laid: &Laid, comb: &Comb) -> f32 {
        let last = self.slopes.len() as f32 - 2.0;
        let (from, to) = (laid.start, laid.place(comb.modules));
        if from < 0.0 || to > last {
            return f32::MIN;
        }
        // Quiet on both sides, or it is a piece of something longer.
        let quiet = QUIET * laid.module;
        let inside = self.mean(from, to).max(0.1);
        let beside = [(from - quiet, from - 1.5 * laid.module), (to + 1.5 * laid.module, to + quiet)];
        if beside.iter().any(|(from, to)| self.mean(*from, *to) > NOISE_MAX * inside) {
            return f32::MIN;
        }
        let teeth: f32 = comb.teeth.iter().map(|(module, sign)| sign * self.at(laid.place(*module))).sum();
        teeth / comb.teeth.len() as f32 / inside
    }
}
