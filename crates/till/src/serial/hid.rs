//! The reports of scanners that are HID point-of-sale devices (usage page 0x8C): no keyboard, no serial port.
//!
//! The layout is what Access-IS prints for the LSR118 (product manual of 2020, appendix B.1) and the ATR110 (manual of
//! 2015, appendix A): a report of 64 bytes with usages of "HID Point of Sale Usage Tables" 1.02, section 3, in this order:
//!
//! | byte | what |
//! |---|---|
//! | 0 | report id, 2 |
//! | 1 | how many bytes of data follow, at most 56 |
//! | 2–4 | AIM symbology identifier (ISO/IEC 15424), such as `]Q0` |
//! | 5–60 | data |
//! | 61 | a further symbology identifier of the maker's own |
//! | 62 | reserved |
//! | 63 | bit 0: the code goes on in the next report |
//!
//! Makers that lay their reports out differently are not read. Where reports come from is a [`ReportSource`]'s matter:
//! none that opens a device is part of the till yet, and no device was at hand when this was written.

use super::frame::{Piece, decode};
use model::reading::TEXT_LENGTH_MAX;

/// Bytes of a report, its id among them.
pub const REPORT: usize = 64;
const ID: u8 = 2;
const DATA_MAX: usize = 56;
const DATA_FROM: usize = 5;
/// More of one code is not kept. See [`super::frame`].
const BYTES_MAX: usize = 4 * (TEXT_LENGTH_MAX + 1);

/// Where the input reports of one device come from.
pub trait ReportSource: Send {
    /// The next input report, its id in front; nothing if none came within a moment. An error means that the device is
    /// gone.
    fn next(&mut self) -> std::io::Result<Option<Vec<u8>>>;
}

/// Why a report is none of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAScan {
    /// Another report of the device, such as its state.
    #[error("another report of the device")]
    OtherReport,
    /// It has not the length of these reports.
    #[error("a report of another length")]
    Length,
    /// It says that it has more data than there is room.
    #[error("a report that has more data than room")]
    Overfull,
    /// No AIM identifier stands where it should.
    #[error("a report without a symbology identifier")]
    Symbology,
}

/// Puts the reports of one scanner together.
#[derive(Default)]
pub struct Reports {
    held: Vec<u8>,
    /// A part was unreadable: the code is given up when it ends.
    spoilt: bool,
    under_way: bool,
}

impl Reports {
    /// A report came. Gives the scan that it completes, with its AIM identifier in front, as a serial scanner sends it.
    /// What comes after a part that could not be read is given up up to the end of that code.
    pub fn take(&mut self, report: &[u8]) -> Result<Option<Piece>, NotAScan> {
        let part = match part_of(report) {
            Ok(part) => part,
            Err(error) => {
                self.spoilt |= self.under_way && error != NotAScan::OtherReport;
                return Err(error);
            }
        };
        if !self.under_way {
            self.held.extend_from_slice(part.symbology);
        }
        let room = BYTES_MAX.saturating_sub(self.held.len());
        self.held.extend_from_slice(&part.data[..part.data.len().min(room)]);
        self.under_way = part.goes_on;
        if part.goes_on {
            return Ok(None);
        }
        let bytes = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.spoilt) {
            return Ok(Some(Piece::Unended));
        }
        let cut = bytes.len() >= BYTES_MAX;
        let text = decode(&bytes).or_else(|| cut.then(|| String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Some(text.map_or(Piece::Noise, |text| Piece::Text { text, joined: false })))
    }

    /// Asks `source` once, and gives the scan that its report completes. Reports of other kinds are let pass.
    pub fn next(&mut self, source: &mut dyn ReportSource) -> std::io::Result<Option<Piece>> {
        let Some(report) = source.next()? else { return Ok(None) };
        Ok(self.take(&report).unwrap_or_else(|error| {
            tracing::debug!(%error, "a report was let pass");
            None
        }))
    }
}

/// What one report brings.
struct Part<'a> {
    symbology: &'a [u8],
    data: &'a [u8],
    goes_on: bool,
}

fn part_of(report: &[u8]) -> Result<Part<'_>, NotAScan> {
    if report.first() != Some(&ID) {
        return Err(NotAScan::OtherReport);
    }
    if report.len() != REPORT {
        return Err(NotAScan::Length);
    }
    let length = usize::from(report[1]);
    if length > DATA_MAX {
        return Err(NotAScan::Overfull);
    }
    let symbology = &report[2..DATA_FROM];
    let aim =
        symbology[0] == b']' && symbology[1].is_ascii_alphabetic() && symbology[2].is_ascii_alphanumeric();
    if !aim {
        return Err(NotAScan::Symbology);
    }
    let data = &report[DATA_FROM..DATA_FROM + length];
    Ok(Part { symbology, data, goes_on: report[REPORT - 1] & 1 == 1 })
}

#[cfg(test)]
mod tests {
    //! Built after the printed layout and its printed example; none was recorded from a device.

    use std::collections::VecDeque;

    use model::reading::{Foreign, Reading, read};
    use model::time::UnixMs;
    use proptest::prelude::*;

    use super::*;

    fn report(symbology: &str, data: &[u8], goes_on: bool) -> Vec<u8> {
        let mut report = vec![0; REPORT];
        report[0] = ID;
        report[1] = data.len() as u8;
        report[2..DATA_FROM].copy_from_slice(symbology.as_bytes());
        report[DATA_FROM..DATA_FROM + data.len()].copy_from_slice(data);
        report[REPORT - 1] = u8::from(goes_on);
        report
    }

    fn text(text: &str) -> Piece {
        Piece::Text { text: text.into(), joined: false }
    }

    /// The two reports that the manuals print, "as sent by the device". Print has run the spaces together; how many there
    /// were follows from the code, a boarding pass, whose fields have fixed widths (IATA resolution 792).
    fn printed() -> [Vec<u8>; 2] {
        let mut reports = [report("]Q0", &PASS.as_bytes()[..DATA_MAX], true), report("]Q0", b" 100", false)];
        reports.iter_mut().for_each(|report| report[61] = 0x73);
        reports
    }

    const PASS: &str = "M1GATHERGOOD/MICHAEL  YABCDEF LHRDURAK 3542 052Y003D23   100";

    #[test]
    fn the_manuals_example_is_one_code_of_sixty_bytes() {
        let mut reports = Reports::default();
        let [first, second] = printed();
        assert_eq!((&first[..5], first[60], &first[61..]), (&b"\x02\x38]Q0"[..], b' ', &b"s\x00\x01"[..]));
        assert_eq!((&second[..9], &second[61..]), (&b"\x02\x04]Q0 100"[..], &b"s\x00\x00"[..]));
        assert_eq!(reports.take(&first), Ok(None), "byte 63 says that it goes on");
        assert_eq!(reports.take(&second), Ok(Some(text(&format!("]Q0{PASS}")))), "one identifier, one text");
        assert_eq!(PASS.len(), 60, "as the manuals say");
    }

    #[test]
    fn the_identifier_says_what_is_on_goods() {
        let mut reports = Reports::default();
        let scan = reports.take(&report("]E0", b"6901234567892", false)).expect("it is one");
        let Some(Piece::Text { text, .. }) = scan else { panic!("{scan:?}") };
        assert_eq!(read(&text, &[], UnixMs(0)), Reading::Foreign(Foreign::GoodsBarcode));
    }

    #[test]
    fn what_is_no_scan_is_let_pass_and_a_spoilt_part_spoils_its_code_alone() {
        let mut reports = Reports::default();
        assert_eq!(reports.take(&[]), Err(NotAScan::OtherReport));
        assert_eq!(reports.take(&[ID, 1]), Err(NotAScan::Length));
        let mut overfull = report("]Q0", b"", false);
        overfull[1] = 57;
        assert_eq!(reports.take(&overfull), Err(NotAScan::Overfull));
        assert_eq!(reports.take(&report("abc", b"A", false)), Err(NotAScan::Symbology));
        assert_eq!(reports.take(&report("]Q0", b"A", true)), Ok(None));
        assert_eq!(reports.take(&[0x01, 0x00]), Err(NotAScan::OtherReport), "the device says how it is");
        assert_eq!(reports.take(&overfull), Err(NotAScan::Overfull));
        assert_eq!(reports.take(&report("]Q0", b"C", false)), Ok(Some(Piece::Unended)), "a part is missing");
        assert_eq!(reports.take(&report("]Q0", b"D", false)), Ok(Some(text("]Q0D"))));
    }

    #[test]
    fn a_code_without_end_keeps_no_memory_and_is_too_long() {
        let mut reports = Reports::default();
        for _ in 0..10_000 {
            assert_eq!(reports.take(&report("]Q0", &[b'A'; DATA_MAX], true)), Ok(None));
        }
        assert!(reports.held.len() <= BYTES_MAX);
        let scan = reports.take(&report("]Q0", b"", false)).expect("it is one");
        let Some(Piece::Text { text, .. }) = scan else { panic!("{scan:?}") };
        assert_eq!(read(&text, &[], UnixMs(0)), Reading::TooLong);
    }

    struct Recorded(VecDeque<Option<Vec<u8>>>);

    impl ReportSource for Recorded {
        fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
            self.0.pop_front().ok_or_else(|| std::io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn half_a_code_before_the_device_was_pulled_out_is_no_scan() {
        let mut source = Recorded([Some(report("]Q0", b"HALF", true)), None].into());
        let mut reports = Reports::default();
        assert!(matches!(reports.next(&mut source), Ok(None)));
        assert!(matches!(reports.next(&mut source), Ok(None)), "nothing came");
        assert!(reports.next(&mut source).is_err(), "and the device is gone");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_text_of_any_length_comes_out_as_it_was_scanned(scanned in "[ -~茶é]{0,150}") {
            let mut reports = Reports::default();
            let parts: Vec<&[u8]> = scanned.as_bytes().chunks(DATA_MAX).collect();
            let mut got = vec![];
            for (place, part) in parts.iter().enumerate() {
                got.extend(reports.take(&report("]Q1", part, place + 1 < parts.len())).expect("it is one"));
            }
            let expected: Vec<Piece> =
                if scanned.is_empty() { vec![] } else { vec![text(&format!("]Q1{scanned}"))] };
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn no_bytes_are_too_odd(reports in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..20)) {
            let mut all = Reports::default();
            for report in reports {
                let whole = all.take(&report);
                prop_assert!(report.first() == Some(&ID) || whole == Err(NotAScan::OtherReport));
            }
        }
    }
}
