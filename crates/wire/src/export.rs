//! A journal on its way on a stick: the lines of one till, byte for byte, in one signed file.
//!
//! The file is a CBOR sequence (RFC 8742) of byte strings: a [`Header`] in deterministic CBOR, the lines in order of
//! epoch and number, and an end that is signed by the till's key over the BLAKE3 hash of all before it. Whoever finds
//! the end knows that the file is whole. What the lines say proves itself: each is signed, by the key that the server
//! knows the till by, whatever key the header names.

use ciborium::Value;
use model::signed::key::{PublicKey, SigningKey};
use model::signed::record::{self, Kind, Record};
use serde::{Deserialize, Serialize};

use crate::cbor;
use crate::codes::{hex, unhex};
use crate::line::{self, LINE_BYTES_MAX};

/// The newest version of the file format that this program reads and writes. Version 2 may have several ranges of one
/// epoch: what is left of a damaged journal, or two histories.
pub const EXPORT_VERSION: u32 = 2;

/// No file is longer (bytes): some five years of lines.
pub const EXPORT_BYTES_MAX: u64 = 256 << 20;

/// Whose lines they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// See [`version_of`].
    #[serde(rename = "v")]
    pub version: u32,
    /// The till's id.
    pub device: String,
    /// The till's name.
    pub till: String,
    /// The store's name.
    pub store: String,
    /// The till's public key (64 hexadecimal digits).
    pub key: String,
    /// When the file was made, by the till's time (ms since 1970).
    pub at: i64,
    /// Which lines are in it, by epoch.
    pub epochs: Vec<Range>,
}

/// Lines of one epoch, without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The epoch.
    pub epoch: u64,
    /// The first line's number.
    pub first: u64,
    /// The last line's number.
    pub last: u64,
}

/// The version of a file with those lines: the earliest that can say it, so that older programs read what they can.
pub fn version_of(epochs: &[Range]) -> u32 {
    if epochs.windows(2).any(|pair| pair[0].epoch == pair[1].epoch) { EXPORT_VERSION } else { 1 }
}

/// What the end says.
#[derive(Serialize, Deserialize)]
struct End {
    /// How many lines there are.
    count: u64,
    /// BLAKE3 over everything before (64 hexadecimal digits).
    hash: String,
}

/// A whole and unchanged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Whose lines they are.
    pub header: Header,
    /// The lines as they were written.
    pub lines: Vec<Vec<u8>>,
}

/// Bytes that are no whole export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnExport {
    /// Cut off, or something else altogether.
    #[error("this is no exported journal, or only a part of one")]
    Malformed,
    /// Written by a newer program.
    #[error("an exported journal of version {0}, which only a newer program can read")]
    Newer(u32),
    /// The end is not signed by the key that the file names, or something before it was changed.
    #[error("the file was changed after it was exported")]
    Changed,
    /// A line in it is not as it was written.
    #[error("line {seq} of epoch {epoch}: {reason}")]
    Line {
        /// Its epoch.
        epoch: u64,
        /// Its number.
        seq: u64,
        /// What is wrong.
        reason: String,
    },
}

/// The bytes of a file with those lines.
pub fn write(header: &Header, lines: &[Vec<u8>], key: &SigningKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.len() + 5).sum::<usize>() + 1024);
    put(&mut bytes, cbor::encode(header));
    lines.iter().for_each(|line| put(&mut bytes, line.clone()));
    let end = End { count: lines.len() as u64, hash: hex(&line::hash(&bytes)) };
    let end = record::sign(&cbor::encode(&end), Kind::Export, key);
    put(&mut bytes, end);
    bytes
}

/// Reads a file, and checks its end, every line's signature, and that none is missing within a range.
pub fn read(bytes: &[u8]) -> Result<Export, NotAnExport> {
    let mut rest = bytes;
    let header: Header = cbor::decode(take(&mut rest)?).map_err(|_| NotAnExport::Malformed)?;
    if header.version > EXPORT_VERSION {
        return Err(NotAnExport::Newer(header.version));
    }
    let mut items = vec![];
    let mut before_last = rest;
    while !rest.is_empty() {
        before_last = rest;
        items.push(take(&mut rest)?);
    }
    let end = items.pop().ok_or(NotAnExport::Malformed)?;
    let key = unhex(&header.key).and_then(|key| PublicKey::from_bytes(&key)).ok_or(NotAnExport::Malformed)?;
    let record = Record::read(end, Kind::Export).map_err(|_| NotAnExport::Malformed)?;
    let said: End = cbor::decode(record.payload()).map_err(|_| NotAnExport::Malformed)?;
    let hash = hex(&line::hash(&bytes[..bytes.len() - before_last.len()]));
    if !record.signed_by(key) || said.count != items.len() as u64 || said.hash != hash {
        return Err(NotAnExport::Changed);
    }
    check(&header, &items, key)?;
    Ok(Export { header, lines: items.into_iter().map(<[u8]>::to_vec).collect() })
}

/// Whether the lines are those that the header names, each following from the one before in its range.
fn check(header: &Header, lines: &[&[u8]], key: PublicKey) -> Result<(), NotAnExport> {
    let wanted = header
        .epochs
        .iter()
        .flat_map(|range| (range.first..=range.last).map(move |seq| (range.epoch, seq, seq == range.first)));
    let mut wanted = wanted.take(lines.len() + 1);
    let mut before = line::GENESIS;
    for bytes in lines {
        let (epoch, seq, begins) = wanted.next().ok_or(NotAnExport::Malformed)?;
        let wrong = |reason: String| NotAnExport::Line { epoch, seq, reason };
        let read = line::decode(bytes, key).map_err(|error| wrong(error.to_string()))?;
        if (read.epoch, read.seq) != (epoch, seq) || read.device != header.device {
            return Err(wrong("another line stands in its place".into()));
        }
        if !begins && read.prev != before {
            return Err(wrong("it does not follow from the line before".into()));
        }
        before = line::hash(bytes);
    }
    if wanted.next().is_some() { Err(NotAnExport::Malformed) } else { Ok(()) }
}

impl Export {
    /// The lines of each range, with their epoch and the number before the first of them.
    pub fn batches(&self) -> impl Iterator<Item = (u64, u64, &[Vec<u8>])> {
        let mut rest = self.lines.as_slice();
        self.header.epochs.iter().map(move |range| {
            let count = usize::try_from(range.last + 1 - range.first).unwrap_or(usize::MAX);
            let (lines, behind) = rest.split_at(count.min(rest.len()));
            rest = behind;
            (range.epoch, range.first - 1, lines)
        })
    }
}

fn put(bytes: &mut Vec<u8>, item: Vec<u8>) {
    ciborium::into_writer(&Value::Bytes(item), bytes).expect("writing into memory does not fail");
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], NotAnExport> {
    let (item, behind) = cbor::byte_string(rest).ok_or(NotAnExport::Malformed)?;
    *rest = behind;
    if item.len() <= LINE_BYTES_MAX { Ok(item) } else { Err(NotAnExport::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Act, GENESIS, LINE_VERSION, Line, Why};

    fn key() -> SigningKey {
        SigningKey::from_seed([3; 32])
    }

    fn lines(epoch: u64, count: u64) -> Vec<Vec<u8>> {
        let mut prev = GENESIS;
        let line = |seq| {
            let act = Act::Opened { why: Why::First, before: None };
            let line = Line {
                version: LINE_VERSION,
                device: "till-1".into(),
                epoch,
                seq,
                prev,
                at: 5,
                clock: None,
                act,
            };
            let bytes = line::encode(&line, &key());
            prev = line::hash(&bytes);
            bytes
        };
        (1..=count).map(line).collect()
    }

    fn file() -> (Vec<u8>, Vec<Vec<u8>>) {
        let lines = [lines(1, 3), lines(2, 2)].concat();
        let header = Header {
            version: 1,
            device: "till-1".into(),
            till: "前台".into(),
            store: "南山店".into(),
            key: hex(&key().public().to_bytes()),
            at: 9,
            epochs: vec![Range { epoch: 1, first: 1, last: 3 }, Range { epoch: 2, first: 1, last: 2 }],
        };
        (write(&header, &lines, &key()), lines)
    }

    #[test]
    fn what_was_exported_comes_back_byte_for_byte() {
        let (bytes, lines) = file();
        let export = read(&bytes).unwrap();
        assert_eq!(export.lines, lines, "every line");
        let batches: Vec<_> =
            export.batches().map(|(epoch, after, lines)| (epoch, after, lines.len())).collect();
        assert_eq!(batches, [(1, 0, 3), (2, 0, 2)], "by epoch");
    }

    #[test]
    fn lines_around_a_missing_one_travel_in_one_file_that_says_so() {
        let (bytes, all) = file();
        let whole = read(&bytes).unwrap().header;
        assert_eq!(version_of(&whole.epochs), 1, "an older program reads a whole journal");
        let ranges =
            [(1, 1, 1), (1, 3, 3), (2, 1, 2)].map(|(epoch, first, last)| Range { epoch, first, last });
        let header = Header { version: version_of(&ranges), epochs: ranges.to_vec(), ..whole };
        assert_eq!(header.version, 2, "and says of this one that it cannot");
        let lines = [&all[..1], &all[2..]].concat();
        let export = read(&write(&header, &lines, &key())).unwrap();
        let batches: Vec<_> =
            export.batches().map(|(epoch, after, lines)| (epoch, after, lines.len())).collect();
        assert_eq!(batches, [(1, 0, 1), (1, 2, 1), (2, 0, 2)], "by range");
        let claimed = Header { epochs: vec![Range { epoch: 1, first: 1, last: 2 }], ..header };
        assert!(
            read(&write(&claimed, &[all[0].clone(), all[2].clone()], &key())).is_err(),
            "no gap is hidden"
        );
    }

    #[test]
    fn a_file_that_was_cut_or_changed_is_refused() {
        let (bytes, lines) = file();
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut after {length} bytes");
        }
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(read(&changed).is_err(), "byte {at} was changed");
        }
        let export = read(&bytes).unwrap();
        let without = [&lines[..1], &lines[2..]].concat();
        assert!(
            read(&write(&export.header, &without, &key())).is_err(),
            "a line left out before it was signed"
        );
        let mut header = export.header.clone();
        header.epochs[1].last = u64::MAX;
        assert!(read(&write(&header, &lines, &key())).is_err(), "a header that promises more");
    }
}
