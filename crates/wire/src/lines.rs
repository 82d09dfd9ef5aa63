//! Journal lines on their way to the server: a CBOR sequence (RFC 8742) of byte strings, packed with zstd (RFC 8878).
//!
//! What a line says is [`crate::line`]'s to know; here it is bytes that arrive as they left.

/// Quick: lines are packed on a till while somebody may be waiting.
const LEVEL: i32 = 3;
/// No packed batch unpacks to more (bytes).
const BATCH_BYTES_MAX: usize = 8 << 20;
/// No line is longer (bytes).
const LINE_BYTES_MAX: usize = 1 << 20;
/// No batch has more lines.
const BATCH_LINES_MAX: usize = 10_000;

/// The media type of a batch before it is packed.
pub const MEDIA_TYPE: &str = "application/cbor-seq";
/// How a batch is packed.
pub const ENCODING: &str = "zstd";

/// Bytes that are no packed batch of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content is no batch of journal lines packed with zstd")]
pub struct NotABatch;

/// Packs the lines.
pub fn pack(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut batch = Vec::with_capacity(lines.iter().map(|line| line.len() + 5).sum());
    for line in lines {
        head(&mut batch, line.len());
        batch.extend_from_slice(line);
    }
    zstd::bulk::compress(&batch, LEVEL).expect("compressing into memory does not fail")
}

/// Unpacks them; never writes more than a batch may have, whatever the bytes claim.
pub fn unpack(packed: &[u8]) -> Result<Vec<Vec<u8>>, NotABatch> {
    let batch = zstd::bulk::decompress(packed, BATCH_BYTES_MAX).map_err(|_| NotABatch)?;
    let mut rest = batch.as_slice();
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let (length, after) = read_head(rest)?;
        if length > LINE_BYTES_MAX || lines.len() == BATCH_LINES_MAX {
            return Err(NotABatch);
        }
        let (line, after) = after.split_at_checked(length).ok_or(NotABatch)?;
        lines.push(line.to_vec());
        rest = after;
    }
    Ok(lines)
}

/// The head of a byte string of that length, as short as it can be (RFC 8949, 3 and 4.2.1).
fn head(batch: &mut Vec<u8>, length: usize) {
    const BYTE_STRING: u8 = 2 << 5;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..24), _) => batch.push(BYTE_STRING | short),
        (Ok(byte), _) => batch.extend_from_slice(&[BYTE_STRING | 24, byte]),
        (_, Ok(two)) => {
            batch.push(BYTE_STRING | 25);
            batch.extend_from_slice(&two.to_be_bytes());
        }
        _ => {
            batch.push(BYTE_STRING | 26);
            batch.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

/// The length that a head says, and what follows it.
fn read_head(bytes: &[u8]) -> Result<(usize, &[u8]), NotABatch> {
    let (first, rest) = bytes.split_first().ok_or(NotABatch)?;
    let (major, short) = (first >> 5, first & 31);
    let size = match short {
        0..24 => 0,
        24..=26 => 1 << (short - 24),
        _ => return Err(NotABatch),
    };
    let (number, rest) = rest.split_at_checked(size).ok_or(NotABatch)?;
    let long = number.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let length = if size == 0 { usize::from(short) } else { long };
    let mut shortest = Vec::new();
    head(&mut shortest, length);
    // One content has one encoding.
    if major == 2 && bytes.starts_with(&shortest) { Ok((length, rest)) } else { Err(NotABatch) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_around_every_head_come_back() {
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536, LINE_BYTES_MAX] {
            let lines = vec![vec![7; length], vec![8; 3]];
            assert_eq!(unpack(&pack(&lines)), Ok(lines), "a line of {length} bytes");
        }
        let too_long = vec![vec![7; LINE_BYTES_MAX + 1]];
        assert_eq!(unpack(&pack(&too_long)), Err(NotABatch), "a longer one is none");
    }

    #[test]
    fn a_bomb_does_not_unpack_and_other_bytes_are_no_batch() {
        let bomb = zstd::bulk::compress(&vec![0x40; 64 << 20], LEVEL).unwrap();
        assert_eq!(unpack(&bomb), Err(NotABatch), "64 MiB in {} bytes", bomb.len());
        let many = pack(&vec![vec![]; BATCH_LINES_MAX + 1]);
        assert_eq!(unpack(&many), Err(NotABatch), "more lines than any till sends");
        assert_eq!(unpack(b"[]"), Err(NotABatch), "not packed");
        for other in [&[0x58, 3, 1, 2, 3][..], &[0x43, 1, 2], &[0x63, 97, 97, 97], &[0x5F, 0xFF], &[0x58]] {
            let packed = zstd::bulk::compress(other, LEVEL).unwrap();
            assert_eq!(
                unpack(&packed),
                Err(NotABatch),
                "{other:02x?} is no sequence of byte strings as we write it"
            );
        }
    }

    proptest! {
        #[test]
        fn any_lines_come_back_and_any_bytes_do_no_harm(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20), noise: Vec<u8>,
        ) {
            prop_assert_eq!(unpack(&pack(&lines)), Ok(lines));
            let _ = unpack(&noise);
            let packed = zstd::bulk::compress(&noise, LEVEL).unwrap();
            if let Ok(lines) = unpack(&packed) {
                prop_assert_eq!(pack(&lines), packed, "one content has one encoding");
            }
        }
    }
}
