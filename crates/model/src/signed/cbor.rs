//! Deterministic CBOR (RFC 8949, 4.2), as much of it as signed things need: written one way, read only that way.
//!
//! The reader has no generic value and no recursion: whoever reads asks for the item that must come next. Depth is
//! therefore bounded by the caller's own code, and memory by the input, whatever a length promises.

/// The bytes are not the one right encoding of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotCbor;

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const FALSE: u8 = 0xF4;
const TRUE: u8 = 0xF5;
const NULL: u8 = 0xF6;

/// Reads items one after the other.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Refuses bytes after the last item.
    pub(super) fn end(self) -> Result<(), NotCbor> {
        if self.rest.is_empty() { Ok(()) } else { Err(NotCbor) }
    }

    pub(super) fn uint(&mut self) -> Result<u64, NotCbor> {
        self.argument_of(UINT)
    }

    pub(super) fn u32(&mut self) -> Result<u32, NotCbor> {
        u32::try_from(self.uint()?).map_err(|_| NotCbor)
    }

    pub(super) fn u16(&mut self) -> Result<u16, NotCbor> {
        u16::try_from(self.uint()?).map_err(|_| NotCbor)
    }

    pub(super) fn int(&mut self) -> Result<i64, NotCbor> {
        let (major, argument) = self.head()?;
        let argument = i64::try_from(argument).map_err(|_| NotCbor)?;
        match major {
            UINT => Ok(argument),
            NEGATIVE => Ok(-1 - argument),
            _ => Err(NotCbor),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], NotCbor> {
        let length = self.argument_of(BYTES)?;
        self.take(length)
    }

    /// A byte string of exactly `N` bytes.
    pub(super) fn block<const N: usize>(&mut self) -> Result<[u8; N], NotCbor> {
        self.bytes()?.try_into().map_err(|_| NotCbor)
    }

    /// A text of at most `length_max` bytes.
    pub(super) fn text(&mut self, length_max: usize) -> Result<&'a str, NotCbor> {
        let length = self.argument_of(TEXT)?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| NotCbor)?;
        if text.len() <= length_max { Ok(text) } else { Err(NotCbor) }
    }

    /// The length of an array of at most `length_max` items; the items follow.
    pub(super) fn array(&mut self, length_max: usize) -> Result<usize, NotCbor> {
        let length = usize::try_from(self.argument_of(ARRAY)?).map_err(|_| NotCbor)?;
        if length <= length_max { Ok(length) } else { Err(NotCbor) }
    }

    /// The head of an array of exactly `length` items.
    pub(super) fn array_of(&mut self, length: usize) -> Result<(), NotCbor> {
        if self.array(length)? == length { Ok(()) } else { Err(NotCbor) }
    }

    /// The number of pairs of a map of at most `length_max`; the pairs follow.
    pub(super) fn map(&mut self, length_max: usize) -> Result<usize, NotCbor> {
        let length = usize::try_from(self.argument_of(MAP)?).map_err(|_| NotCbor)?;
        if length <= length_max { Ok(length) } else { Err(NotCbor) }
    }

    pub(super) fn tag(&mut self, tag: u64) -> Result<(), NotCbor> {
        if self.argument_of(TAG)? == tag { Ok(()) } else { Err(NotCbor) }
    }

    pub(super) fn boolean(&mut self) -> Result<bool, NotCbor> {
        match self.take(1)?[0] {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(NotCbor),
        }
    }

    /// Nothing for null, otherwise what `item` reads.
    pub(super) fn optional<T>(
        &mut self,
        item: impl FnOnce(&mut Reader<'a>) -> Result<T, NotCbor>,
    ) -> Result<Option<T>, NotCbor> {
        if self.rest.first() == Some(&NULL) {
            self.rest = &self.rest[1..];
            return Ok(None);
        }
        item(self).map(Some)
    }

    /// An array of at most `length_max` items, each read by `item`.
    pub(super) fn list<T>(
        &mut self,
        length_max: usize,
        mut item: impl FnMut(&mut Reader<'a>) -> Result<T, NotCbor>,
    ) -> Result<Vec<T>, NotCbor> {
        let length = self.array(length_max)?;
        (0..length).map(|_| item(self)).collect()
    }

    fn argument_of(&mut self, wanted: u8) -> Result<u64, NotCbor> {
        let (major, argument) = self.head()?;
        if major == wanted { Ok(argument) } else { Err(NotCbor) }
    }

    /// Major type and argument, the argument in its shortest form; indefinite lengths have none and are refused.
    fn head(&mut self) -> Result<(u8, u64), NotCbor> {
        let first = self.take(1)?[0];
        let size = match first & 0x1F {
            small @ 0..24 => return Ok((first >> 5, u64::from(small))),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(NotCbor),
        };
        let argument = self.take(size)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let least = match size {
            1 => 24,
            2 => 1 << 8,
            4 => 1 << 16,
            _ => 1 << 32,
        };
        if argument < least { Err(NotCbor) } else { Ok((first >> 5, argument)) }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], NotCbor> {
        let length = usize::try_from(length).map_err(|_| NotCbor)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(NotCbor)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Writes items one after the other. Keys of a map are the caller's to sort.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn done(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn uint(&mut self, value: u64) -> &mut Writer {
        self.head(UINT, value)
    }

    pub(super) fn int(&mut self, value: i64) -> &mut Writer {
        match u64::try_from(value) {
            Ok(value) => self.head(UINT, value),
            // -1 - value, which cannot overflow: the two's complement turned over.
            Err(_) => self.head(NEGATIVE, (!value).unsigned_abs()),
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Writer {
        self.head(BYTES, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Writer {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn array(&mut self, length: usize) -> &mut Writer {
        self.head(ARRAY, length as u64)
    }

    pub(super) fn map(&mut self, length: usize) -> &mut Writer {
        self.head(MAP, length as u64)
    }

    pub(super) fn tag(&mut self, tag: u64) -> &mut Writer {
        self.head(TAG, tag)
    }

    pub(super) fn boolean(&mut self, value: bool) -> &mut Writer {
        self.bytes.push(if value { TRUE } else { FALSE });
        self
    }

    /// Null for nothing, otherwise what `item` writes.
    pub(super) fn optional<T>(
        &mut self,
        value: Option<T>,
        item: impl FnOnce(&mut Writer, T) -> &mut Writer,
    ) -> &mut Writer {
        match value {
            Some(value) => item(self, value),
            None => {
                self.bytes.push(NULL);
                self
            }
        }
    }

    fn head(&mut self, major: u8, argument: u64) -> &mut Writer {
        let major = major << 5;
        let whole = argument.to_be_bytes();
        let (code, size) = match argument {
            0..24 => {
                self.bytes.push(major | whole[7]);
                return self;
            }
            24..0x100 => (24, 1),
            0x100..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.bytes.push(major | code);
        self.bytes.extend_from_slice(&whole[8 - size..]);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_examples_of_rfc_8949_are_written_as_printed_there() {
        let uints = [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (100, "1864"),
            (1000, "1903e8"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (u64::MAX, "1bffffffffffffffff"),
        ];
        for (value, printed) in uints {
            let mut writer = Writer::default();
            writer.uint(value);
            assert_eq!(hex(&writer.done()), printed, "appendix A, {value}");
        }
        for (value, printed) in [(-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7")] {
            let mut writer = Writer::default();
            writer.int(value);
            assert_eq!(hex(&writer.done()), printed, "appendix A, {value}");
        }
        let mut writer = Writer::default();
        writer.text("IETF").bytes(&[1, 2, 3, 4]).boolean(true).tag(1).uint(1_363_896_240);
        assert_eq!(hex(&writer.done()), "6449455446".to_owned() + "4401020304" + "f5" + "c11a514b67b0");
    }

    #[test]
    fn a_second_way_to_write_the_same_is_refused() {
        for bytes in [&[0x18, 0x17][..], &[0x19, 0, 0xFF], &[0x1A, 0, 0, 0xFF, 0xFF], &[0x1F], &[0x1C]] {
            assert_eq!(
                Reader::new(bytes).uint(),
                Err(NotCbor),
                "{bytes:02x?}: longer than needed or reserved"
            );
        }
        assert_eq!(Reader::new(&[0x5F, 0x41, 0, 0xFF]).bytes(), Err(NotCbor), "no indefinite length");
        assert_eq!(Reader::new(&[0x9F, 0xFF]).array(9), Err(NotCbor), "no indefinite array");
    }

    #[test]
    fn a_length_that_promises_more_than_there_is_costs_nothing() {
        let huge = [0x5B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(Reader::new(&huge).bytes(), Err(NotCbor), "there are no such bytes");
        let array = [0x9A, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(Reader::new(&array).list(256, Reader::uint), Err(NotCbor), "longer than allowed");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value: i64, bytes: Vec<u8>, text in ".{0,40}", flag: bool) {
            let mut writer = Writer::default();
            writer.int(value).bytes(&bytes).text(&text).boolean(flag).optional(Some(7), Writer::uint);
            writer.optional(None, Writer::uint);
            let written = writer.done();
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.int(), Ok(value), "the number");
            prop_assert_eq!(reader.bytes(), Ok(&bytes[..]), "the bytes");
            prop_assert_eq!(reader.text(200), Ok(&text[..]), "the text");
            prop_assert_eq!(reader.boolean(), Ok(flag), "the flag");
            prop_assert_eq!(reader.optional(Reader::uint), Ok(Some(7)), "something");
            prop_assert_eq!(reader.optional(Reader::uint), Ok(None), "nothing");
            prop_assert_eq!(reader.end(), Ok(()), "and no more");
        }
    }
}
