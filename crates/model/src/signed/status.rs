//! Status lists: what became of each serial number of a campaign, in two bits, exact.
//!
//! Numbers are dense, so a list is an array, cut into chunks of 65,536 numbers (16 KiB). A list also says how far it
//! reaches. A number it does not cover is *unknown*, and must never be taken for unused.
//!
//! Lists travel as [`StatusUpdate`]s, signed by a role key (COSE_Sign1 with its own content type). Payload:
//! `[1, after, version, more, at, [[campaign, covered, [[chunk, raw length, bytes], …]], …]]`. Chunks are compressed
//! by whoever sends them and unpacked by whoever takes them; here they are bytes.

use std::collections::BTreeMap;

use super::cbor::{NotCbor, Reader, Writer};
use super::envelope::{Content, seal};
use super::key::SigningKey;
use super::trust::{NotSignable, NotTaken, Trust, read_time, write_time};
use crate::time::UnixMs;

/// How many numbers a chunk tells about.
pub const CHUNK_SERIALS: u32 = 65_536;
/// How long a whole chunk is, unpacked (bytes).
pub const CHUNK_BYTES: usize = 16_384;
/// The longest signed update (bytes); longer ones are cut in several, all but the last with `more`.
pub const UPDATE_BYTES_MAX: usize = 1024 * 1024;

const FORMAT: u64 = 1;
/// What does not shrink may grow a little by being packed.
const PACKED_BYTES_MAX: usize = CHUNK_BYTES + 256;
const CAMPAIGNS_MAX: usize = 65_536;
const CHUNKS_MAX: usize = 65_536;

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not used yet, or not issued yet.
    Unused,
    /// Used up.
    Redeemed,
    /// Cancelled or refunded.
    Revoked,
    /// Set aside for one store.
    Reserved,
}

impl State {
    /// Each of them, by their two bits.
    pub const ALL: [State; 4] = [State::Unused, State::Redeemed, State::Revoked, State::Reserved];

    fn of(bits: u8) -> State {
        State::ALL[usize::from(bits & 3)]
    }
}

/// What is known of one campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    chunks: BTreeMap<u16, Chunk>,
}

/// A chunk as it was last told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chunk {
    /// How many of its numbers were issued then. What stands behind them fills up a byte and says nothing.
    covered: u32,
    bits: Vec<u8>,
}

impl List {
    /// What became of that number; nothing if its chunk is missing or did not reach it when it was told.
    pub fn state(&self, number: u32) -> Option<State> {
        let (chunk, offset) = place(number);
        let chunk = self.chunks.get(&chunk)?;
        if u32::from(offset) < chunk.covered { get(&chunk.bits, offset) } else { None }
    }

    /// The chunks there are, with their index, unpacked.
    pub fn chunks(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.chunks.iter().map(|(index, chunk)| (*index, &chunk.bits[..]))
    }

    /// Takes a chunk, unpacked, of a campaign that had `covered` numbers when it was told. Returns false, and changes
    /// nothing, if it is longer than a chunk can be.
    pub fn put(&mut self, index: u16, covered: u32, bits: Vec<u8>) -> bool {
        let fits = bits.len() <= CHUNK_BYTES;
        if fits {
            self.chunks.insert(index, Chunk { covered: covered_in(covered, index), bits });
        }
        fits
    }

    /// Notes what became of a number, making its chunk if there is none; covers the chunk up to it.
    pub fn set(&mut self, number: u32, state: State) {
        let (index, offset) = place(number);
        let chunk = self.chunks.entry(index).or_default();
        chunk.bits.resize(CHUNK_BYTES, 0);
        let shift = 2 * (offset % 4);
        let byte = &mut chunk.bits[usize::from(offset / 4)];
        *byte = *byte & !(3 << shift) | (state as u8) << shift;
        chunk.covered = chunk.covered.max(u32::from(offset) + 1);
    }
}

/// How many numbers of a chunk are known when a campaign's first `covered` ones are. Kept with each chunk, never for
/// the campaign as a whole: while an update comes in parts, or stops in between, an older chunk knows no more than it
/// did, whatever a newer one reaches.
pub fn covered_in(covered: u32, chunk: u16) -> u32 {
    covered.saturating_sub(u32::from(chunk) << 16).min(CHUNK_SERIALS)
}

/// Packs the states of up to [`CHUNK_SERIALS`] numbers from the chunk's first on; the rest of the last byte is 0.
/// More than a chunk holds is cut off.
pub fn pack(states: &[State]) -> Vec<u8> {
    let within = &states[..states.len().min(CHUNK_BYTES * 4)];
    within.chunks(4).map(|four| four.iter().rev().fold(0, |byte, state| byte << 2 | *state as u8)).collect()
}

/// The state at `offset` of an unpacked chunk; nothing past its end.
pub fn get(chunk: &[u8], offset: u16) -> Option<State> {
    let byte = chunk.get(usize::from(offset / 4))?;
    Some(State::of(byte >> (2 * (offset % 4))))
}

/// In which chunk a number stands, and where in it.
pub fn place(number: u32) -> (u16, u16) {
    ((number >> 16) as u16, number as u16)
}

/// What has changed since an earlier update. Sequence numbers are the chain's, over all campaigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The version it starts from.
    pub after: u64,
    /// The version it leads to, not below `after`.
    pub version: u64,
    /// Whether more has changed than is in here.
    pub more: bool,
    /// As of when.
    pub at: UnixMs,
    /// The campaigns in which something has changed, sorted, each once.
    pub lists: Vec<CampaignUpdate>,
}

/// What has changed in one campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignUpdate {
    /// The campaign.
    pub campaign: u16,
    /// Numbers below this one are known after the update.
    pub covered: u32,
    /// The chunks in which something has changed, whole, sorted, each once.
    pub chunks: Vec<ChunkUpdate>,
}

/// One chunk as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkUpdate {
    /// Which chunk.
    pub index: u16,
    /// How long it is when unpacked (bytes), at most [`CHUNK_BYTES`]; whoever unpacks it stops there.
    pub raw_length: u16,
    /// As it was handed in, compressed or not.
    pub bytes: Vec<u8>,
}

/// Why an update does not fit onto what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfOrder {
    /// It leads to less than is held.
    Rollback,
    /// It starts later: one between is missing.
    Gap,
}

impl StatusUpdate {
    /// Whether it may be applied to what is held: it starts there or before, and does not lead back.
    pub fn follows(&self, held: u64) -> Result<(), OutOfOrder> {
        if self.version < held {
            return Err(OutOfOrder::Rollback);
        }
        if self.after > held { Err(OutOfOrder::Gap) } else { Ok(()) }
    }
}

/// Signs an update with a role key.
pub fn sign_update(update: &StatusUpdate, key: &SigningKey) -> Result<Vec<u8>, NotSignable> {
    let payload = write(update);
    let signed = seal(&payload, Content::StatusUpdate, key);
    let readable = read(&payload).ok().as_ref() == Some(update);
    if readable && signed.len() <= UPDATE_BYTES_MAX { Ok(signed) } else { Err(NotSignable) }
}

/// Reads an update that a role key of the present root has signed.
pub fn read_update(bytes: &[u8], trust: &Trust, now: UnixMs) -> Result<StatusUpdate, NotTaken> {
    if bytes.len() > UPDATE_BYTES_MAX {
        return Err(NotTaken::Malformed);
    }
    let (frame, _) = trust.open(bytes, Content::StatusUpdate)?;
    let update = read(frame.payload).map_err(|_| NotTaken::Malformed)?;
    trust.root_is_good(now)?;
    Ok(update)
}

fn write(update: &StatusUpdate) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(6).uint(FORMAT).uint(update.after).uint(update.version).boolean(update.more);
    write_time(&mut writer, update.at).array(update.lists.len());
    for list in &update.lists {
        writer.array(3).uint(list.campaign.into()).uint(list.covered.into()).array(list.chunks.len());
        for chunk in &list.chunks {
            writer.array(3).uint(chunk.index.into()).uint(chunk.raw_length.into()).bytes(&chunk.bytes);
        }
    }
    writer.done()
}

fn read(payload: &[u8]) -> Result<StatusUpdate, NotCbor> {
    let mut reader = Reader::new(payload);
    reader.array_of(6)?;
    if reader.uint()? != FORMAT {
        return Err(NotCbor);
    }
    let (after, version) = (reader.uint()?, reader.uint()?);
    let more = reader.boolean()?;
    let at = read_time(&mut reader)?;
    let lists = reader.list(CAMPAIGNS_MAX, read_campaign)?;
    reader.end()?;
    let sorted = lists.windows(2).all(|pair| pair[0].campaign < pair[1].campaign);
    if sorted && after <= version {
        Ok(StatusUpdate { after, version, more, at, lists })
    } else {
        Err(NotCbor)
    }
}

fn read_campaign(reader: &mut Reader<'_>) -> Result<CampaignUpdate, NotCbor> {
    reader.array_of(3)?;
    let (campaign, covered) = (reader.u16()?, reader.u32()?);
    let chunks = reader.list(CHUNKS_MAX, read_chunk)?;
    let sorted = chunks.windows(2).all(|pair| pair[0].index < pair[1].index);
    if sorted { Ok(CampaignUpdate { campaign, covered, chunks }) } else { Err(NotCbor) }
}

fn read_chunk(reader: &mut Reader<'_>) -> Result<ChunkUpdate, NotCbor> {
    reader.array_of(3)?;
    let (index, raw_length) = (reader.u16()?, reader.u16()?);
    let bytes = reader.bytes()?;
    if usize::from(raw_length) > CHUNK_BYTES || bytes.len() > PACKED_BYTES_MAX {
        return Err(NotCbor);
    }
    Ok(ChunkUpdate { index, raw_length, bytes: bytes.to_vec() })
}

#[cfg(test)]
mod tests;
