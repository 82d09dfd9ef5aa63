//! The chunks of a snapshot: rows one after the other, compressed with zstd (RFC 8878).
//!
//! Unpacked, a chunk is a sequence of rows. Each has three parts (id, code hash, and the bytes of the entitlement as
//! they were told), and each part its length in front (32 bits, little-endian) and UTF-8 behind.
//!
//! Where a chunk ends is a matter of the ids alone, not of how many rows came before: of two snapshots in a row, most
//! chunks are the same bytes and have the same name.
//!
//! A chunk is an answer like any other, with its `Content-Digest` signed by the server ([`crate::signature`]); a till
//! takes nothing else. Once it lies on a disk its name vouches for it: that is the hash of its bytes, and stands in the
//! manifest, which was signed too. So a chunk that was fetched before a restart need not be fetched again.

use std::io::Read;

/// Fast, and nearly as small as slower ones: half of each row is random digits.
const LEVEL: i32 = 3;
/// A chunk ends behind one id in so many: about 1 MiB of coupons.
const ROWS_MEAN: u32 = 16_384;
/// … but not before so many rows, unless they are the last.
const ROWS_MIN: usize = 2_048;
/// … and at the latest after so many, or so many bytes.
const ROWS_MAX: usize = 65_536;
const BYTES_MAX: usize = 24 << 20;
/// No part of a row is longer (bytes).
const PART_BYTES_MAX: usize = 4 << 20;

/// Bytes that are no chunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of a snapshot cannot be unpacked: {0}")]
pub struct NotAChunk(String);

/// Gathers rows until they make a chunk.
#[derive(Debug, Default)]
pub struct Gathering {
    raw: Vec<u8>,
    rows: usize,
}

impl Gathering {
    /// Takes a row in. The chunk is whole then if this gives `true`.
    pub fn add(&mut self, id: &str, code_hash: &str, told: &str) -> bool {
        for part in [id, code_hash, told] {
            self.raw.extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.raw.extend_from_slice(part.as_bytes());
        }
        self.rows += 1;
        let full = self.rows >= ROWS_MAX || self.raw.len() >= BYTES_MAX;
        full || (self.rows >= ROWS_MIN && ends_behind(id))
    }

    /// How many rows are in it.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The chunk.
    pub fn pack(&self) -> Vec<u8> {
        zstd::bulk::compress(&self.raw, LEVEL).expect("compressing into memory does not fail")
    }
}

fn ends_behind(id: &str) -> bool {
    let mut four = [0; 4];
    blake3::Hasher::new().update(id.as_bytes()).finalize_xof().fill(&mut four);
    u32::from_le_bytes(four).is_multiple_of(ROWS_MEAN)
}

/// The name of a chunk: the BLAKE3 hash of its bytes.
pub fn name(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Reads a chunk row by row; never holds more than one row, whatever the bytes claim.
pub struct Rows<'a> {
    unpacked: std::io::BufReader<zstd::stream::read::Decoder<'static, std::io::BufReader<&'a [u8]>>>,
    row: Row,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows")
    }
}

/// One row of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The entitlement's id.
    pub id: String,
    /// What a till finds it by.
    pub code_hash: String,
    /// The entitlement as it was told.
    pub told: String,
}

impl<'a> Rows<'a> {
    /// The rows of these bytes.
    ///
    /// # Errors
    ///
    /// No decompressor can be made.
    pub fn of(bytes: &'a [u8]) -> Result<Rows<'a>, NotAChunk> {
        let unpacked =
            zstd::stream::read::Decoder::new(bytes).map_err(|error| NotAChunk(error.to_string()))?;
        Ok(Rows { unpacked: std::io::BufReader::with_capacity(64 << 10, unpacked), row: Row::default() })
    }

    /// The next row; nothing behind the last one.
    ///
    /// # Errors
    ///
    /// The bytes are damaged, or of another kind.
    pub fn next_row(&mut self) -> Result<Option<&Row>, NotAChunk> {
        let Some(length) = length(&mut self.unpacked)? else { return Ok(None) };
        part(&mut self.unpacked, length, &mut self.row.id)?;
        for text in [&mut self.row.code_hash, &mut self.row.told] {
            let length = length_of_part(&mut self.unpacked)?;
            part(&mut self.unpacked, length, text)?;
        }
        Ok(Some(&self.row))
    }
}

/// The length of a part; nothing at the end of all.
fn length(from: &mut impl Read) -> Result<Option<usize>, NotAChunk> {
    let mut four = [0; 4];
    let mut have = 0;
    while have < four.len() {
        match from.read(&mut four[have..]) {
            Ok(0) if have == 0 => return Ok(None),
            Ok(0) => return Err(NotAChunk("it ends within a row".into())),
            Ok(more) => have += more,
            Err(error) => return Err(NotAChunk(error.to_string())),
        }
    }
    Ok(Some(u32::from_le_bytes(four) as usize))
}

fn length_of_part(from: &mut impl Read) -> Result<usize, NotAChunk> {
    length(from)?.ok_or_else(|| NotAChunk("it ends within a row".into()))
}

fn part(from: &mut impl Read, length: usize, text: &mut String) -> Result<(), NotAChunk> {
    if length > PART_BYTES_MAX {
        return Err(NotAChunk(format!("a part of {length} bytes")));
    }
    text.clear();
    let read = from.by_ref().take(length as u64).read_to_string(text);
    match read {
        Ok(read) if read == length => Ok(()),
        Ok(_) => Err(NotAChunk("it ends within a row".into())),
        Err(error) => Err(NotAChunk(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(ids: impl Iterator<Item = u32>) -> Vec<Vec<u8>> {
        let (mut chunks, mut gathering) = (vec![], Gathering::default());
        for id in ids {
            if gathering.add(&format!("coupon-{id:08}"), "hash", "{\"a\":1}") {
                chunks.push(std::mem::take(&mut gathering).pack());
            }
        }
        if gathering.rows() > 0 {
            chunks.push(gathering.pack());
        }
        chunks
    }

    #[test]
    fn the_rows_come_back_in_order() {
        let packed = chunks(0..100_000);
        assert!(packed.len() > 2, "they are in several chunks: {}", packed.len());
        let mut next = 0;
        for chunk in &packed {
            let mut rows = Rows::of(chunk).unwrap();
            while let Some(row) = rows.next_row().unwrap() {
                assert_eq!(row.id, format!("coupon-{next:08}"), "no row is missing");
                assert_eq!((row.code_hash.as_str(), row.told.as_str()), ("hash", "{\"a\":1}"), "nor changed");
                next += 1;
            }
        }
        assert_eq!(next, 100_000, "and all are there");
    }

    #[test]
    fn a_row_that_is_gone_changes_the_names_of_few_chunks() {
        let before: Vec<String> = chunks(0..200_000).iter().map(|chunk| name(chunk)).collect();
        let after: Vec<String> =
            chunks((0..200_000).filter(|id| *id != 77_777)).iter().map(|chunk| name(chunk)).collect();
        let new = after.iter().filter(|name| !before.contains(name)).count();
        assert!((1..=2).contains(&new), "of {} chunks {new} are new", after.len());
    }

    #[test]
    fn damage_is_an_error_and_never_a_row() {
        let packed = chunks(0..5_000).concat();
        let mut cut = Rows::of(&packed[..packed.len() - 10]).unwrap();
        let end = loop {
            match cut.next_row() {
                Ok(Some(_)) => {}
                end => break end.map(|_| ()),
            }
        };
        assert!(end.is_err(), "a chunk that was cut off");
        assert!(Rows::of(b"no zstd at all").unwrap().next_row().is_err(), "other bytes");
        let huge = zstd::bulk::compress(&u32::MAX.to_le_bytes(), LEVEL).unwrap();
        assert!(Rows::of(&huge).unwrap().next_row().is_err(), "a length that nobody has");
    }
}
