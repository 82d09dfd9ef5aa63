//! EAN-13 and EAN-8, compared as a whole.
//!
//! In an EAN every digit begins and ends at a known edge: digits of the left half run from light to dark, those of the right
//! half from dark to light. So these edges form a comb that is found in any blur that leaves the code readable at all;
//! between its teeth each digit is compared with what it would look like. Of all numbers whose check digit is right the one
//! that fits best is taken, and it has to lead by a margin before the next.

use super::locate::Place;
use super::profile::{Band, STEPS};
use super::teeth::{Comb, Laid, lay, ways};
use super::templates::{Costs, Half, costs, with_parity};
use super::{Recognised, corners};
use crate::found::Symbology;

/// How a kind of EAN is laid out.
#[derive(Clone, Copy, Debug)]
struct Layout {
    symbology: Symbology,
    /// Its width from the first bar to the last (modules).
    modules: usize,
    /// Digits in each half.
    half: usize,
}

const LAYOUTS: [Layout; 2] = [
    Layout { symbology: Symbology::Ean13, modules: 95, half: 6 },
    Layout { symbology: Symbology::Ean8, modules: 67, half: 4 },
];

/// Which of the left digits are of set G, by the first digit of an EAN-13; the leftmost is the highest of six bits.
const PARITIES: [u8; 10] =
    [0, 0b001011, 0b001101, 0b001110, 0b010011, 0b011001, 0b011100, 0b010101, 0b010110, 0b011010];

/// The number at a place, whether or not it fits well.
pub(crate) fn recognise(bands: &[Band], place: &Place) -> Option<Recognised> {
    let best = LAYOUTS.iter().filter_map(|layout| of_layout(*layout, bands, place));
    best.max_by(|a, b| a.fit.total_cmp(&b.fit))
}

fn of_layout(layout: Layout, bands: &[Band], place: &Place) -> Option<Recognised> {
    let comb = comb(layout);
    let middle = &bands[bands.len() / 2];
    let digits = digits(layout);
    // The way whose digits look most like digits, from whichever end they are read.
    let way = ways(&comb, middle).into_iter().min_by(|a, b| {
        let cost = |laid: &Laid| {
            let turned = costs(&middle.turned(), &laid.turned(middle), &digits).least();
            costs(middle, laid, &digits).least().min(turned)
        };
        cost(a).total_cmp(&cost(b))
    })?;
    let laid = lay(&comb, bands, &way);
    let forward = read(layout, bands, &laid);
    let turned: Vec<Band> = bands.iter().map(Band::turned).collect();
    let laid_back: Vec<Laid> = laid.iter().zip(bands).map(|(laid, band)| laid.turned(band)).collect();
    let backward = read(layout, &turned, &laid_back);
    let upright = forward.cost <= backward.cost;
    let read = if upright { forward } else { backward };
    let middle = laid.get(laid.len() / 2)?;
    let ends = [middle.place(0.0), middle.place(layout.modules as f32)];
    let ends = ends.map(|step| bands[0].from + step / STEPS);
    Some(Recognised {
        text: read.text,
        symbology: layout.symbology,
        corners: corners(place, ends, upright),
        fit: 1.0 - read.cost / (2 * layout.half) as f32,
        lead: read.lead,
        bands: read.bands,
        costs: read.costs,
    })
}

/// What a number costs; nothing if it is none of this kind.
pub(crate) fn cost_of(text: &str, symbology: Symbology, costs: &Costs) -> Option<f32> {
    let layout = LAYOUTS.into_iter().find(|layout| layout.symbology == symbology)?;
    let digits: Option<Vec<usize>> =
        text.bytes().map(|letter| letter.is_ascii_digit().then(|| usize::from(letter - b'0'))).collect();
    let digits = digits?;
    let (first, rest) = digits.split_at_checked(digits.len().checked_sub(2 * layout.half)?)?;
    if first.len() != usize::from(symbology == Symbology::Ean13) {
        return None;
    }
    let parities = PARITIES[first.first().copied().unwrap_or_default()];
    let cost =
        |(place, digit): (usize, &usize)| costs.of(place, *digit, with_parity(parities, place, layout.half));
    Some(rest.iter().enumerate().map(cost).sum())
}

/// Where brightness rises (+1) and falls (-1) whatever the digits are.
fn comb(layout: Layout) -> Comb {
    let left = 3 + 7 * layout.half;
    let mut teeth = vec![(0, -1), (1, 1), (2, -1)];
    teeth.extend((0..=layout.half).map(|digit| (3 + 7 * digit, 1)));
    teeth.extend([(left + 1, -1), (left + 2, 1), (left + 3, -1), (left + 4, 1)]);
    teeth.extend((0..=layout.half).map(|digit| (left + 5 + 7 * digit, -1)));
    teeth.extend([(layout.modules - 2, 1), (layout.modules - 1, -1), (layout.modules, 1)]);
    let teeth = teeth.into_iter().map(|(at, sign)| (at as f32, sign as f32)).collect();
    Comb { teeth, modules: layout.modules as f32 }
}

struct Read {
    text: String,
    cost: f32,
    lead: f32,
    bands: usize,
    costs: Costs,
}

/// Where the digits begin (modules) and which half they are in.
fn digits(layout: Layout) -> Vec<(f32, Half)> {
    let left = (0..layout.half).map(|digit| ((3 + 7 * digit) as f32, Half::Left));
    let right = (layout.half..2 * layout.half).map(|digit| ((8 + 7 * digit) as f32, Half::Right));
    left.chain(right).collect()
}

fn read(layout: Layout, bands: &[Band], laid: &[Laid]) -> Read {
    let digits = digits(layout);
    let each: Vec<Costs> = bands.iter().zip(laid).map(|(band, laid)| costs(band, laid, &digits)).collect();
    let together = Costs::mean(&each);
    let [best, next] = best_two(layout, &together);
    let alike = |costs: &&Costs| best_two(layout, costs)[0].digits == best.digits;
    let text = best.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let bands = each.iter().filter(alike).count();
    Read { text, cost: best.cost, lead: next.cost - best.cost, bands, costs: together }
}

#[derive(Clone, Debug)]
struct Number {
    digits: Vec<u8>,
    cost: f32,
}

/// The two numbers with a right check digit that fit best.
fn best_two(layout: Layout, costs: &Costs) -> [Number; 2] {
    let mut best: Vec<Number> = vec![];
    let firsts: &[u8] = if layout.half == 6 { &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9] } else { &[0] };
    for first in firsts {
        // Digits with odd weight and even weight take turns, and the check digit at the end counts once.
        let begin = Number { digits: if layout.half == 6 { vec![*first] } else { vec![] }, cost: 0.0 };
        let mut by_sum: [Vec<Number>; 10] = std::array::from_fn(|_| vec![]);
        by_sum[usize::from(*first)].push(begin);
        for place in 0..2 * layout.half {
            let weight = if (2 * layout.half - 1 - place) % 2 == 1 { 3 } else { 1 };
            let mut after: [Vec<Number>; 10] = std::array::from_fn(|_| vec![]);
            for (sum, numbers) in by_sum.iter().enumerate() {
                for number in numbers {
                    for digit in 0..10_u8 {
                        let parity = with_parity(PARITIES[usize::from(*first)], place, layout.half);
                        let cost = number.cost + costs.of(place, usize::from(digit), parity);
                        let next = &mut after[(sum + weight * usize::from(digit)) % 10];
                        offer(next, cost, || [number.digits.as_slice(), &[digit]].concat());
                    }
                }
            }
            by_sum = after;
        }
        best.append(&mut by_sum[0]);
    }
    best.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let none = Number { digits: vec![], cost: f32::INFINITY };
    let mut best = best.into_iter();
    [best.next().unwrap_or(none.clone()), best.next().unwrap_or(none)]
}

/// Keeps the two best.
fn offer(list: &mut Vec<Number>, cost: f32, digits: impl FnOnce() -> Vec<u8>) {
    if list.len() < 2 {
        list.push(Number { digits: digits(), cost });
    } else if let Some(worst) = list.iter_mut().max_by(|a, b| a.cost.total_cmp(&b.cost))
        && cost < worst.cost
    {
        *worst = Number { digits: digits(), cost };
    }
}
