//! Moments and amounts as people write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use model::time::UnixMs;

use super::{Ended, misused};

/// The first moment of a day (`2026-03-01`), or a moment (`2026-03-01T08:00:00+08:00`, or without the offset, by the
/// clocks here).
pub fn from(text: &str) -> Result<UnixMs, String> {
    match written(text)? {
        Written::Day(day) => Ok(UnixMs(midnight(day)?)),
        Written::Moment(at) => Ok(at),
    }
}

/// The last moment of a day, or a moment.
pub fn until(text: &str) -> Result<UnixMs, String> {
    match written(text)? {
        Written::Day(day) => {
            let next = day.checked_add(1.day()).ok().and_then(|next| midnight(next).ok());
            // The calendar's last day ends with the calendar.
            Ok(UnixMs(next.map_or(Timestamp::MAX.as_millisecond(), |next| next - 1)))
        }
        Written::Moment(at) => Ok(at),
    }
}

/// [`from`] for keys.
pub fn key_from(text: &str) -> Result<UnixMs, String> {
    for_keys(text, from(text)?)
}

/// [`until`] for keys.
pub fn key_until(text: &str) -> Result<UnixMs, String> {
    for_keys(text, until(text)?)
}

/// Yuan with at most two decimals, as fen: `20`, `20.5`, `20.50`.
pub fn fen(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no amount; write yuan such as 20 or 20.50");
    let (yuan, cents) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(yuan) || !digits(cents) || cents.len() > 2 {
        return Err(wrong());
    }
    let yuan: i64 = yuan.parse().map_err(|_| wrong())?;
    let cents: i64 = format!("{cents:0<2}").parse().map_err(|_| wrong())?;
    yuan.checked_mul(100).and_then(|fen| fen.checked_add(cents)).ok_or_else(wrong)
}

/// Refuses a time that ends before it begins.
pub fn in_order(from: Option<UnixMs>, until: Option<UnixMs>) -> Result<(), Ended> {
    match (from, until) {
        (Some(from), Some(until)) if from > until => misused(format!(
            "--from {} is after --until {}: it could never be used",
            shown(from.0),
            shown(until.0)
        )),
        _ => Ok(()),
    }
}

/// A moment as it is read here: local time to the minute.
pub fn shown(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// An amount as it is read: yuan.
pub fn yuan(fen: i64) -> String {
    format!("¥{}.{:02}", fen / 100, fen % 100)
}

/// What may be written: a day, or a moment.
enum Written {
    Day(Date),
    Moment(UnixMs),
}

/// A day has ten characters; whatever is longer says a time of day, which must not be dropped. The parsers alone are
/// more lenient than that.
fn written(text: &str) -> Result<Written, String> {
    let wrong = || {
        format!(
            "{text:?} is no date; write a day such as 2026-03-01, a moment here such as 2026-03-01T08:00, or one \
             with its offset such as 2026-03-01T08:00:00+08:00"
        )
    };
    if text.len() == 10 {
        let day = text.parse().map_err(|_| wrong())?;
        return if text.as_bytes()[4] == b'-' { Ok(Written::Day(day)) } else { Err(wrong()) };
    }
    // A colon: hours without minutes would be read as well.
    let has_time = text.get(10..).is_some_and(|time| time.starts_with(['T', 't', ' ']) && time.contains(':'));
    if !has_time || text.contains('[') {
        return Err(wrong());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Written::Moment(UnixMs(at.as_millisecond())));
    }
    // With an offset that could not be read above it is not local.
    let zoned = text[11..].contains(['+', '-', 'Z', 'z']);
    let here = text.parse::<DateTime>().ok().filter(|_| !zoned).ok_or_else(wrong)?;
    let here = here.to_zoned(TimeZone::system()).map_err(|error| error.to_string())?;
    Ok(Written::Moment(UnixMs(here.timestamp().as_millisecond())))
}

/// Trust lists and codes count seconds since 1970 in 32 bits, which end in 2106.
fn for_keys(text: &str, at: UnixMs) -> Result<UnixMs, String> {
    if at.0 < 0 {
        return Err(format!("{text:?} is before 1970, and no code can say that it is that old"));
    }
    if at.0 > i64::from(u32::MAX) * 1000 {
        return Err(format!(
            "{text:?} is after 2106-02-07, when the clocks of signed codes end; choose an earlier day, or leave it out"
        ));
    }
    Ok(at)
}

fn midnight(date: Date) -> Result<i64, String> {
    let far = |_| format!("{date} is too far away; choose an earlier day, or leave it out");
    let zoned = date.to_zoned(TimeZone::system()).map_err(far)?;
    Ok(zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, expected) in [("20", 2_000), ("20.5", 2_050), ("20.05", 2_005), ("0.01", 1)] {
            assert_eq!(fen(text), Ok(expected), "{text} yuan");
        }
        for text in ["", ".", "-1", "1.234", "1e3", "二十", "99999999999999999999"] {
            assert!(fen(text).is_err(), "{text:?} is no amount");
        }
    }

    #[test]
    fn a_day_ends_one_millisecond_before_the_next() {
        let (first, last) = (until("2026-03-01").unwrap(), from("2026-03-02").unwrap());
        assert_eq!(first.0 + 1, last.0, "the last moment of a day");
        let moment = from("1970-01-01T08:00:01+08:00");
        assert_eq!(moment, Ok(UnixMs(1_000)), "a moment with its offset");
    }

    #[test]
    fn a_moment_without_its_offset_is_one_of_the_clocks_here() {
        let midnight = from("2026-11-24").unwrap().0;
        for (text, hours) in [
            ("2026-11-24T12:00", 12),
            ("2026-11-24 12:00:00", 12),
            ("2026-11-24T23:30:00", 23),
            ("2026-11-24 06:00", 6),
        ] {
            let half = if text.contains(":30") { 1_800_000 } else { 0 };
            let expected = Ok(UnixMs(midnight + hours * 3_600_000 + half));
            assert_eq!((from(text), until(text)), (expected.clone(), expected), "{text} is no day");
        }
        assert_eq!(until("2026-11-24 12:00:00Z"), until("2026-11-24T12:00:00+00:00"), "with offsets");
    }

    #[test]
    fn what_is_neither_day_nor_moment_is_refused() {
        for text in [
            "tomorrow",
            "",
            "20261124",
            "2026-11",
            "2026-11-31",
            "2026-11-24T",
            "2026-11-24T12",
            "2026-11-24T25:00",
            "2026-11-24T12:00+",
            "2026-11-24T12:00[Asia/Shanghai]",
            "2026-11-24x12:00",
            "2026-11-24+08:00",
            "1732420800",
            "二〇二六年",
            "+002026-11-24",
        ] {
            let refused = until(text).expect_err(text);
            assert!(refused.contains("2026-03-01T08:00"), "it says what to write: {refused}");
        }
    }

    #[test]
    fn keys_keep_to_the_time_that_codes_can_say() {
        assert!(key_until("1969-01-01").unwrap_err().contains("before 1970"), "too early");
        assert!(key_until("9999-12-31").unwrap_err().contains("2106"), "too late");
        assert!(key_from("2107-01-01").unwrap_err().contains("2106"), "nor may it begin then");
        assert!(key_until("2099-12-31").is_ok(), "in between it is fine");
        assert!(until("9999-12-31").is_ok(), "what is not signed may end with the calendar");
    }
}
