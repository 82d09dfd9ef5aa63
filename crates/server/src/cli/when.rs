//! Moments and amounts as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use model::time::UnixMs;

use super::{Ended, misused};

/// The first moment of a day (`2026-03-01`), or a moment (`2026-03-01T08:00:00+08:00`).
pub fn from(text: &str) -> Result<UnixMs, String> {
    moment(text).or_else(|_| Ok(UnixMs(midnight(date(text)?)?)))
}

/// The last moment of a day, or a moment.
pub fn until(text: &str) -> Result<UnixMs, String> {
    moment(text).or_else(|_| {
        let next = date(text)?.checked_add(1.day()).map_err(|error| error.to_string())?;
        Ok(UnixMs(midnight(next)? - 1))
    })
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

fn moment(text: &str) -> Result<UnixMs, jiff::Error> {
    Ok(UnixMs(text.parse::<Timestamp>()?.as_millisecond()))
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is no date; write a day such as 2026-03-01 or a moment such as 2026-03-01T08:00:00+08:00")
    })
}

fn midnight(date: Date) -> Result<i64, String> {
    let zoned = date.to_zoned(TimeZone::system()).map_err(|error| error.to_string())?;
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
        assert!(from("tomorrow").is_err(), "words are not dates");
    }
}
