//! What comes of bytes, however they are cut, and what a line at another baud rate looks like.

use model::reading::{Reading, read};
use model::time::UnixMs;
use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Piece {
    Piece::Text { text: text.into(), joined: false }
}

fn next_line(text: &str) -> Piece {
    Piece::Text { text: text.into(), joined: true }
}

/// Until nothing more comes of what was sent.
fn silence(framer: &mut Framer) -> Vec<Piece> {
    (0..=BROKEN_MS / 25).filter_map(|_| framer.silent(25)).collect()
}

#[test]
fn a_text_ends_at_its_suffix_and_an_empty_one_is_none() {
    for (suffix, sent) in
        [(Suffix::Line, "A1\r"), (Suffix::Line, "A1\n"), (Suffix::Line, "\r\nA1\r\n"), (Suffix::Tab, "A1\t")]
    {
        assert_eq!(Framer::new(suffix).take(sent.as_bytes()), [text("A1")], "{suffix:?}, {sent:?}");
    }
    let mut tabs = Framer::new(Suffix::Tab);
    assert_eq!(tabs.take(b"A\r\nB\t"), [text("A\r\nB")], "what is no suffix stays in the text");
}

#[test]
fn what_follows_without_a_pause_is_marked_and_what_follows_after_one_is_not() {
    let mut framer = Framer::new(Suffix::Line);
    assert_eq!(framer.take(b"A\r\nCF0:CONFIRM\r\n"), [text("A"), next_line("CF0:CONFIRM")]);
    assert_eq!(framer.silent(25), None);
    assert_eq!(framer.take(b"B\r"), [text("B")], "the next scan");
}

#[test]
fn without_a_suffix_only_silence_ends_a_text() {
    let mut framer = Framer::new(Suffix::None);
    assert_eq!(framer.take(b"ABC\r\n"), []);
    assert_eq!(framer.silent(IDLE_MS - 1), None);
    assert_eq!(framer.take(b"DEF"), []);
    assert_eq!(framer.silent(IDLE_MS - 1), None, "silence before a byte does not count after it");
    assert_eq!(framer.silent(1), Some(text("ABC\r\nDEF")));
    assert_eq!(silence(&mut framer), [], "and once only");
}

#[test]
fn a_text_whose_end_never_comes_is_not_given_away_and_spoils_no_other() {
    let mut framer = Framer::new(Suffix::Line);
    assert_eq!(framer.take(b"HALF"), []);
    assert_eq!(framer.silent(BROKEN_MS - 1), None, "a slow line is no broken one");
    assert_eq!(framer.silent(1), Some(Piece::Unended));
    assert_eq!(framer.finding(), None, "once is an accident");
    assert_eq!(framer.take(b"WHOLE\r"), [text("WHOLE")]);
    for _ in 0..ENDLESS {
        framer.take(b"HALF");
        assert_eq!(silence(&mut framer), [Piece::Unended]);
    }
    assert_eq!(framer.finding(), Some(Finding::NoSuffix));
    framer.take(b"WHOLE\r");
    assert_eq!(framer.finding(), None, "a whole text takes it back");
}

#[test]
fn gbk_is_read_where_it_is_not_utf8() {
    let mut framer = Framer::new(Suffix::Line);
    assert_eq!(framer.take("茶券A\r".as_bytes()), [text("茶券A")]);
    framer.silent(25);
    let (gbk, _, _) = GBK.encode("茶券A");
    assert_eq!(framer.take(&[&*gbk, b"\r"].concat()), [text("茶券A")]);
    framer.silent(25);
    assert_eq!(framer.take(b"ABCDEFGH\xff\r"), [Piece::Noise], "neither of them, and not guessed");
}

#[test]
fn a_text_that_is_longer_than_any_code_is_read_as_such_and_keeps_no_memory() {
    for letter in ["A", "é", "茶", "𠮷"] {
        let mut framer = Framer::new(Suffix::Line);
        for _ in 0..100_000 {
            assert_eq!(framer.take(letter.as_bytes()), []);
        }
        assert!(framer.held.len() <= BYTES_MAX && framer.held.capacity() <= 2 * BYTES_MAX);
        let pieces = framer.take(b"\r");
        let [Piece::Text { text, .. }] = &pieces[..] else { panic!("{pieces:?}") };
        assert_eq!(read(text, &[], UnixMs(0)), Reading::TooLong, "{letter}");
        assert_eq!(framer.take(b"B\r"), [next_line("B")]);
    }
}

/// What a receiver at `to` baud takes `bytes` sent at `from` baud for: eight data bits, no parity, one stop bit, each
/// bit looked at in its middle. A byte without its stop bit is handed on as NUL, as Linux does.
fn sent(bytes: &[u8], from: f64, to: f64) -> Vec<u8> {
    let frame = |byte: &u8| {
        let byte = *byte;
        std::iter::once(false).chain((0..8).map(move |bit| byte >> bit & 1 == 1)).chain([true])
    };
    let bits: Vec<bool> = bytes.iter().flat_map(frame).collect();
    let level = |at: f64| bits.get((at * from) as usize).copied().unwrap_or(true);
    let end = bits.len() as f64 / from;
    // UARTs look sixteen times in a bit for its beginning.
    let tick = 1.0 / to / 16.0;
    let (mut at, mut received) = (0.0, vec![]);
    while at < end {
        if level(at) {
            at += tick;
            continue;
        }
        let bit = |number: f64| level(at + (number + 0.5) / to);
        let byte = (0..8).fold(0, |byte, number| byte | u8::from(bit(f64::from(number) + 1.0)) << number);
        received.push(if bit(9.0) { byte } else { 0 });
        at += 9.5 / to;
        while at < end && !level(at) {
            at += tick;
        }
    }
    received
}

#[test]
fn another_baud_rate_is_noticed_and_nothing_of_it_is_a_code() {
    let codes = ["C7K2M9QX4T8R", "6901234567892", "CF1:6BFOXN*TS30KSSE$M", "482139"];
    assert_eq!(sent(b"A1\r", 9600.0, 9600.0), b"A1\r", "the line itself is true");
    let rates = [1200.0, 4800.0, 9600.0, 19200.0, 38400.0, 57600.0, 115_200.0];
    for from in rates {
        for to in rates.into_iter().filter(|to| *to != from) {
            let mut framer = Framer::new(Suffix::Line);
            let mut found = false;
            for code in codes.iter().cycle().take(12) {
                let received = sent(format!("{code}\r\n").as_bytes(), from, to);
                let mut pieces = framer.take(&received);
                pieces.extend(silence(&mut framer));
                let taken =
                    pieces.iter().any(|piece| matches!(piece, Piece::Text { text, .. } if text == code));
                assert!(!taken, "{code} from {from} to {to}");
                found |= framer.finding().is_some();
            }
            assert!(found, "within twelve scans from {from} to {to} baud");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_bytes_are_cut_into_reads_changes_nothing(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'\r'), Just(b'\t')], 0..200),
        cuts in prop::collection::vec(0usize..200, 0..20),
        which in 0..Suffix::ALL.len(),
    ) {
        let whole = {
            let mut framer = Framer::new(Suffix::ALL[which]);
            let mut pieces = framer.take(&bytes);
            pieces.extend(silence(&mut framer));
            pieces
        };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut framer = Framer::new(Suffix::ALL[which]);
        let mut pieces: Vec<Piece> =
            cuts.windows(2).flat_map(|cut| framer.take(&bytes[cut[0]..cut[1]])).collect();
        pieces.extend(silence(&mut framer));
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn texts_come_out_as_they_were_sent_and_nothing_between_them(
        sent in prop::collection::vec("[ -~茶券é]{1,40}", 1..8),
        which in 0..Suffix::ALL.len(),
    ) {
        let suffix = Suffix::ALL[which];
        let end = match suffix { Suffix::Line => "\r\n", Suffix::Tab => "\t", Suffix::None => "" };
        let mut framer = Framer::new(suffix);
        let mut got = vec![];
        for one in &sent {
            got.extend(framer.take(format!("{one}{end}").as_bytes()));
            got.extend(silence(&mut framer));
        }
        prop_assert_eq!(got, sent.iter().map(|one| text(one)).collect::<Vec<_>>());
    }

    #[test]
    fn no_part_of_a_text_is_given_away_before_its_end(code in "[ -~]{1,40}", part in 0usize..40) {
        let part = &code.as_bytes()[..part.min(code.len())];
        for suffix in [Suffix::Line, Suffix::Tab] {
            let mut framer = Framer::new(suffix);
            let mut pieces = framer.take(part);
            pieces.extend(silence(&mut framer));
            prop_assert!(!pieces.iter().any(|piece| matches!(piece, Piece::Text { .. })), "{:?}", pieces);
        }
    }
}
