//! `decode`: what codes pictures show, and how long it took to see it.
//!
//! Exit codes: 0 something was read in every file · 1 in one of them nothing was · 4 one of them cannot be looked at.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reader::file::{self, FileError, Picture};
use reader::{Budget, Found, Reading};
use serde_json::{Value, json};
use till::real::Stopwatch;

use crate::{Exit, Voice};

/// What `decode` is told.
#[derive(Args)]
pub struct DecodeWords {
    /// Pictures: PNG, JPEG, WebP, BMP or GIF, told by their content.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Reads each file; one line for each with JSON, else one for each code.
pub fn decode(voice: &Voice, words: &DecodeWords) -> Exit {
    let mut worst = Exit::Done;
    for path in &words.files {
        let name = path.display().to_string();
        let exit = match look(path) {
            Ok(look) => {
                voice.say(look.json(&name), || look.words(&name));
                if look.reading.is_empty() { Exit::Refused } else { Exit::Done }
            }
            Err(why) => {
                voice.say(json!({ "file": name, "codes": [], "error": why }), || format!("{name}: {why}"));
                Exit::Fault
            }
        };
        worst = if exit as u8 > worst as u8 { exit } else { worst };
    }
    worst
}

#[derive(Debug)]
struct Look {
    picture: Picture,
    reading: Reading,
    /// The time of reading alone, from brightness in memory.
    took: Duration,
}

fn look(path: &Path) -> Result<Look, String> {
    let bytes = bytes_of(path).map_err(|error| format!("cannot be read ({error})"))?;
    let picture = file::open(&bytes).map_err(|error: FileError| error.to_string())?;
    let watch = Stopwatch::start();
    let reading = reader::read(&picture.luma, &mut Budget::of(reader::still::WORK_MAX));
    Ok(Look { picture, reading, took: watch.passed() })
}

/// No more than is looked at, however long the file is.
fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![];
    let most = file::FILE_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Look {
    fn json(&self, name: &str) -> Value {
        let codes = |found: &[Found]| found.iter().map(|found| self.code(found)).collect::<Vec<_>>();
        let mut json = json!({
            "file": name, "width": self.picture.width, "height": self.picture.height, "ms": self.ms(),
            "codes": codes(&self.reading.found),
        });
        if !self.reading.doubtful.is_empty() {
            json["doubtful"] = codes(&self.reading.doubtful).into();
        }
        json
    }

    fn code(&self, found: &Found) -> Value {
        let corners = found.corners.map(|corner| {
            let place = self.picture.place(corner);
            [place.x.round() as i64, place.y.round() as i64]
        });
        json!({
            "text": found.text, "symbology": found.symbology.code(), "corners": corners, "pass": found.pass.code(),
        })
    }

    fn words(&self, name: &str) -> String {
        let told =
            |found: &Found| format!("{name}: {} {} ({} ms)", found.symbology.code(), found.text, self.ms());
        if self.reading.is_empty() {
            return format!("{name}: – ({} ms)", self.ms());
        }
        self.reading.found.iter().map(told).collect::<Vec<_>>().join("\n")
    }

    /// Milliseconds to the hundredth.
    fn ms(&self) -> f64 {
        (self.took.as_secs_f64() * 1e5).round() / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_picture_is_a_fault_and_others_are_still_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = folder.path().join("none.png");
        assert!(look(&none).expect_err("there is no such file").contains("cannot be read"));
        std::fs::write(&none, b"not a picture").expect("it can be written");
        assert!(look(&none).expect_err("it is none").contains("no PNG"));
        let voice = Voice { json: true, language: till::words::Language::English };
        let words = DecodeWords { files: vec![none.clone(), none] };
        assert_eq!(decode(&voice, &words), Exit::Fault);
    }
}
