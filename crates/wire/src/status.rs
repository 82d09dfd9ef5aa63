//! Chunks of status lists on the wire: packed bits, compressed with zstd (RFC 8878).
//!
//! What a chunk means stands in [`model::signed::status`]; here it is only made small. A million serials of which
//! one in a hundred is used take about 16 KB.

/// Slow and small: a chunk is compressed once and sent to every till of the chain.
const LEVEL: i32 = 19;

/// Bytes that are no compressed chunk of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of a status list cannot be unpacked")]
pub struct NotAChunk;

/// Makes a chunk small.
pub fn compress(packed: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(packed, LEVEL).expect("compressing into memory does not fail")
}

/// The chunk of exactly `length` bytes; never writes more than that, whatever the bytes claim.
pub fn decompress(bytes: &[u8], length: usize) -> Result<Vec<u8>, NotAChunk> {
    let packed = zstd::bulk::decompress(bytes, length).map_err(|_| NotAChunk)?;
    if packed.len() == length { Ok(packed) } else { Err(NotAChunk) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_comes_back_whole_and_a_bomb_does_not_unpack() {
        let packed: Vec<u8> = (0..16_384u32).map(|place| if place % 97 == 0 { 1 } else { 0 }).collect();
        let small = compress(&packed);
        assert!(small.len() < packed.len() / 20, "it has become small: {}", small.len());
        assert_eq!(decompress(&small, packed.len()), Ok(packed.clone()), "and comes back");
        assert_eq!(decompress(&small, packed.len() - 1), Err(NotAChunk), "more than was said");
        assert_eq!(decompress(&small, packed.len() + 1), Err(NotAChunk), "less than was said");
        let bomb = compress(&vec![0; 64 << 20]);
        assert_eq!(decompress(&bomb, 16_384), Err(NotAChunk), "64 MiB in {} bytes", bomb.len());
        assert_eq!(decompress(b"no zstd", 16_384), Err(NotAChunk), "other bytes");
    }
}
