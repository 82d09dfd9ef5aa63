//! Stamps: what a step worked on, in sixteen letters, so that it is left out while nothing has changed.
//!
//! By content and not by time: a fresh clone, a switched branch and a restored cache all change times.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The fingerprint of some content (FNV-1a, 64 bits: it guards against forgetting, not against malice).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    /// Of one file; a missing file is an error.
    pub fn of_file(file: &Path) -> Result<Self> {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self::empty().with(&content))
    }

    /// Of all files under a folder, their names and their content; files and folders called one of `leave_out` and
    /// those beginning with a dot do not count.
    pub fn of_folder(folder: &Path, leave_out: &[&str]) -> Result<Self> {
        Self::empty().with_folder(folder, leave_out)
    }

    /// As it is written down.
    pub fn letters(self) -> String {
        format!("{:016x}", self.0)
    }

    fn empty() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// With the length in front, so that two pieces never read like one.
    fn with(self, content: &[u8]) -> Self {
        let length = content.len().to_le_bytes();
        let mix = |stamp: u64, byte: &u8| (stamp ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(length.iter().chain(content).fold(self.0, mix))
    }

    fn with_folder(mut self, folder: &Path, leave_out: &[&str]) -> Result<Self> {
        let cannot_read = || format!("cannot read {}", folder.display());
        let mut entries = fs::read_dir(folder)
            .with_context(cannot_read)?
            .collect::<std::io::Result<Vec<_>>>()
            .with_context(cannot_read)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || leave_out.contains(&name.as_str()) {
                continue;
            }
            self = self.with(name.as_bytes());
            let path = entry.path();
            if path.is_dir() {
                self = self.with(b"(").with_folder(&path, leave_out)?.with(b")");
            } else {
                let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                self = self.with(&content);
            }
        }
        Ok(self)
    }
}

/// Whether the note says this. A note that cannot be read says nothing.
pub fn noted(note: &Path, stamp: &str) -> bool {
    fs::read_to_string(note).is_ok_and(|text| text.trim() == stamp)
}

/// Writes the note.
pub fn note(note: &Path, stamp: &str) -> Result<()> {
    fs::write(note, format!("{stamp}\n")).with_context(|| format!("cannot write {}", note.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, gone afterwards.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("src")).expect("a folder can be made");
            Self(path)
        }

        fn write(&self, file: &str, text: &str) {
            fs::write(self.0.join(file), text).expect("a file can be written");
        }

        fn stamp(&self) -> Stamp {
            Stamp::of_folder(&self.0, &["dist"]).expect("the folder can be read")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_change_of_content_or_name_changes_the_stamp() {
        let folder = Folder::new("change");
        folder.write("src/a.ts", "one");
        let first = folder.stamp();
        folder.write("src/a.ts", "one");
        assert_eq!(folder.stamp(), first, "writing the same again is no change");
        folder.write("src/a.ts", "two");
        assert_ne!(folder.stamp(), first);
        folder.write("src/a.ts", "one");
        folder.write("src/b.ts", "");
        assert_ne!(folder.stamp(), first, "a new file counts even when it is empty");
    }

    #[test]
    fn what_is_left_out_does_not_count() {
        let folder = Folder::new("left-out");
        folder.write("index.html", "page");
        let first = folder.stamp();
        folder.write("dist", "built");
        folder.write(".note", "hidden");
        assert_eq!(folder.stamp(), first);
    }

    #[test]
    fn content_cannot_move_from_one_piece_to_the_next() {
        let stamp = |pieces: [&str; 2]| {
            pieces.iter().fold(Stamp::empty(), |stamp, piece| stamp.with(piece.as_bytes()))
        };
        assert_ne!(stamp(["ab", "c"]), stamp(["a", "bc"]));
    }

    #[test]
    fn a_note_is_read_as_written() {
        let folder = Folder::new("note");
        let file = folder.0.join("note");
        assert!(!noted(&file, "abc"), "a missing note says nothing");
        note(&file, "abc").expect("the note can be written");
        assert!(noted(&file, "abc"));
        assert!(!noted(&file, "abd"));
    }
}
