//! One sound per verdict class, from Rust and not from the page: a missing media plug-in can kill a web view, and a
//! till that is dead because of a beep is absurd.
//!
//! The output is opened once and kept open, on a thread of its own. Without a sound device everything stays silent
//! and nothing else changes.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use model::time::UnixMs;
use model::verdict::{Class, Reason};
use till::screen::{Screen, Stage};

/// Samples per second.
const RATE: u32 = 44_100;

/// A tone: frequency (Hz) and length (ms); frequency 0 is a pause.
type Tone = (f32, u32);

/// The sounds of the till.
pub struct Sounds {
    out: Option<Sender<Vec<f32>>>,
    last: Mutex<Option<(UnixMs, Reason)>>,
}

impl Sounds {
    /// Opens the sound device, if there is one.
    pub fn start() -> Sounds {
        let (out, wanted) = channel::<Vec<f32>>();
        let thread = std::thread::Builder::new().name("sound".into()).spawn(move || {
            let device = match rodio::DeviceSinkBuilder::open_default_sink() {
                Ok(device) => device,
                Err(error) => {
                    tracing::warn!(%error, "no sound device; the till stays silent");
                    return;
                }
            };
            let player = rodio::Player::connect_new(device.mixer());
            let one = NonZero::<u16>::MIN;
            let Some(rate) = NonZero::new(RATE) else { return };
            while let Ok(samples) = wanted.recv() {
                // One voice at a time: a new verdict cuts the old one off.
                player.clear();
                player.append(rodio::buffer::SamplesBuffer::new(one, rate, samples));
                player.play();
            }
        });
        Sounds { out: thread.ok().map(|_| out), last: Mutex::new(None) }
    }

    /// Plays nothing: for tests.
    #[cfg(test)]
    pub fn silent() -> Sounds {
        Sounds { out: None, last: Mutex::new(None) }
    }

    /// Sounds the verdict on the screen, once.
    pub fn after(&self, screen: &Screen) {
        let Stage::Verdict(verdict) = &screen.stage else { return };
        let this = (verdict.at, verdict.reason);
        let Ok(mut last) = self.last.lock() else { return };
        if last.replace(this) == Some(this) {
            return;
        }
        let samples = samples(&tones(verdict.class(), verdict.reason, verdict.unsent));
        if let Some(out) = &self.out {
            // The thread is gone if there is no device.
            let _ = out.send(samples);
        }
    }
}

/// The melody of a class. Fundamentals stay below 1,400 Hz: scanners themselves beep higher, and old ears lose it.
fn tones(class: Class, reason: Reason, unsent: bool) -> Vec<Tone> {
    let mut tones: Vec<Tone> = match (class, reason) {
        (_, Reason::Undone) => vec![(880.0, 90), (660.0, 110)],
        (Class::Pass, _) => vec![(880.0, 90), (1320.0, 110)],
        (Class::Act, _) => vec![(784.0, 80), (0.0, 40), (1047.0, 80), (0.0, 40), (784.0, 80)],
        (Class::Done, _) => vec![(660.0, 70), (0.0, 60), (660.0, 70)],
        (Class::Stop, _) => vec![(220.0, 160), (0.0, 80), (233.0, 160)],
        (Class::Fault, _) => vec![(660.0, 110), (440.0, 110), (330.0, 110)],
    };
    if unsent {
        tones.extend([(0.0, 80), (330.0, 60)]);
    }
    tones
}

/// The wave of a melody: a fundamental with two harmonics, so that a cheap speaker carries it, and soft edges.
fn samples(tones: &[Tone]) -> Vec<f32> {
    let mut wave = Vec::new();
    for (frequency, length_ms) in tones {
        let count = RATE * length_ms / 1000;
        let edge = (RATE / 200).min(count / 2).max(1);
        for n in 0..count {
            let turn = std::f32::consts::TAU * frequency * (n as f32) / (RATE as f32);
            let tone = turn.sin() + 0.4 * (2.0 * turn).sin() + 0.2 * (3.0 * turn).sin();
            let fade = (n.min(count - 1 - n) as f32 / edge as f32).min(1.0);
            wave.push(0.45 * tone * fade);
        }
    }
    wave
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_melody_of_its_own_that_stays_within_the_wave() {
        let classes = [Class::Pass, Class::Act, Class::Done, Class::Stop, Class::Fault];
        for (n, class) in classes.iter().enumerate() {
            let melody = tones(*class, Reason::Redeemed, false);
            for other in &classes[n + 1..] {
                assert_ne!(
                    melody,
                    tones(*other, Reason::Redeemed, false),
                    "{class:?} and {other:?} sound apart"
                );
            }
            let wave = samples(&melody);
            assert!(wave.iter().all(|sample| sample.abs() <= 1.0), "{class:?} does not clip");
            let milliseconds: u32 = melody.iter().map(|(_, length)| length).sum();
            assert_eq!(wave.len() as u32, melody.iter().map(|(_, l)| RATE * l / 1000).sum::<u32>(), "no gap");
            assert!(milliseconds <= 400, "{class:?} is over before the next customer is here");
        }
        let offline = tones(Class::Pass, Reason::Redeemed, true);
        assert_ne!(offline, tones(Class::Pass, Reason::Redeemed, false), "offline is heard as well");
    }
}
