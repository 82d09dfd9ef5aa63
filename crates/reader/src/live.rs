//! Frames of a camera, one after the other: what a single frame does not show is looked for over several of them.
//!
//! A frame gets the quick pass and one of the others in turn, so that no frame takes long and every pass comes round twice
//! a second. What nothing but a check digit speaks for is believed once two different frames say the same.

use std::collections::VecDeque;

use crate::found::{Found, Pass, Point, Symbology};
use crate::luma::Luma;
use crate::stack;
use crate::still::{Reading, Work};
use crate::work::{Budget, Units};

/// What a frame may cost, whatever it shows (about 100 ms of a small machine).
pub const FRAME_WORK_MAX: Units = 100_000_000;
/// For so many frames a reading waits for a second one that says the same.
const AGREE_WITHIN: u64 = 12;
/// So many frames are laid over each other.
const STACKED: usize = 4;
/// A QR code whose side is shorter than this cannot have two pixels for each module (pixels).
const SIDE_MIN: f32 = 2.0 * 25.0;

/// What becomes of a frame, after the quick pass: these in turn.
const TURNS: [&[Pass]; 4] =
    [&[Pass::Threshold], &[Pass::Lifted, Pass::Fine], &[Pass::Stacked, Pass::Matched], &[Pass::Doubled]];

/// What somebody who holds a code should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A code is seen whose modules are too small to be told apart.
    Closer,
}

/// What a frame has shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// What is believed.
    pub found: Vec<Found>,
    /// Around a code: of the first that was read, else of one that was only seen.
    pub outline: Option<[Point; 4]>,
    /// What to do where nothing was read.
    pub hint: Option<Hint>,
}

/// Looks at frames, and remembers the last ones.
#[derive(Debug, Default)]
pub struct Live {
    frames: u64,
    recent: VecDeque<Luma>,
    /// What one frame has said and no other yet, with the number of the frame.
    waiting: Vec<(u64, Symbology, String)>,
    last: Sight,
}

impl Live {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Live {
        Live::default()
    }

    /// Looks at the next frame. The very same frame once more, as cameras that stand still in their buffers give it, says
    /// what it said before and counts for nothing.
    pub fn look(&mut self, frame: &Luma) -> Sight {
        if self.recent.back() == Some(frame) {
            return self.last.clone();
        }
        self.frames += 1;
        if self
            .recent
            .back()
            .is_some_and(|last| (last.width(), last.height()) != (frame.width(), frame.height()))
        {
            self.recent.clear();
        }
        if self.recent.len() == STACKED {
            self.recent.pop_front();
        }
        self.recent.push_back(frame.clone());
        let reading = self.read(frame);
        self.last = self.judged(reading);
        self.last.clone()
    }

    fn read(&self, frame: &Luma) -> Reading {
        let mut budget = Budget::of(FRAME_WORK_MAX);
        let mut reading = Reading::default();
        let mut work = Work::of(frame);
        work.run(Pass::Direct, &mut reading, &mut budget);
        for pass in TURNS[(self.frames % TURNS.len() as u64) as usize] {
            if !reading.is_empty() {
                break;
            }
            if *pass != Pass::Stacked {
                work.run(*pass, &mut reading, &mut budget);
            } else if self.recent.len() == STACKED {
                let frames: Vec<&Luma> = self.recent.iter().rev().collect();
                if let Some(stacked) = stack::over(&frames, &mut budget) {
                    let mut work = Work::of(&stacked);
                    work.run(Pass::Stacked, &mut reading, &mut budget);
                }
            }
        }
        reading
    }

    /// What is believed of a reading, and what is said about the rest.
    fn judged(&mut self, reading: Reading) -> Sight {
        let now = self.frames;
        self.waiting.retain(|(at, ..)| at + AGREE_WITHIN >= now);
        let mut sight = Sight::default();
        let Reading { found, doubtful, located } = reading;
        for found in found.into_iter().chain(doubtful) {
            if !found.symbology.is_weakly_checked() || self.is_said_again(&found) {
                sight.found.push(found);
            }
        }
        sight.outline = sight.found.first().map(|found| found.corners).or(located);
        let small = |corners: [Point; 4]| {
            corners[0].distance(corners[1]).max(corners[1].distance(corners[2])) < SIDE_MIN
        };
        sight.hint = (sight.found.is_empty() && located.is_some_and(small)).then_some(Hint::Closer);
        sight
    }

    fn is_said_again(&mut self, found: &Found) -> bool {
        let now = self.frames;
        let same = |(at, symbology, text): &(u64, Symbology, String)| {
            *at < now && *symbology == found.symbology && *text == found.text
        };
        let again = self.waiting.iter().any(same);
        self.waiting.push((now, found.symbology, found.text.clone()));
        again
    }
}
