//! Times as logs write them: RFC 3339, or numbers since 1970 of whatever unit.

use bulkhead_model::Timestamp;

/// `2026-11-20T13:34:03.120Z`, `2026-11-20 13:34:03+01:00`, `1763645643.12`, `1763645643120`.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.as_bytes() {
        [_, _, _, _, b'-', ..] => date(text),
        _ => number(text.parse().ok()?),
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size: each unit reaches from 1973
/// on until what would be the year 5138 in it.
pub(crate) fn number(value: f64) -> Option<Timestamp> {
    if !(value.is_finite() && value >= 0.0) {
        return None;
    }
    let millis = match value {
        ..1e11 => value * 1e3,
        ..1e14 => value,
        ..1e17 => value / 1e3,
        _ => value / 1e6,
    };
    (millis < 2e15).then(|| Timestamp(millis.round() as u64))
}

fn date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| -> Option<u64> {
        let part = bytes.get(from..from + count)?;
        part.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
    };
    let separated = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|b| any.contains(b));
    if !(separated(7, b"-") && separated(10, b"Tt ") && separated(13, b":") && separated(16, b":")) {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let valid = year >= 1970
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    let mut rest = &bytes[19..];
    let mut millis = 0;
    if let [b'.', fraction @ ..] = rest {
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = fraction[..length].iter().map(|b| u64::from(b - b'0')).chain([0; 3]);
        millis = digits.take(3).fold(0, |n, digit| n * 10 + digit);
        rest = &fraction[length..];
    }
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, more @ ..] => {
            let two = |a: &u8, b: &u8| {
                (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from((a - b'0') * 10 + (b - b'0')))
            };
            let minutes = match more {
                [] => 0,
                [m1, m2] | [b':', m1, m2] => two(m1, m2)?,
                _ => return None,
            };
            let total = two(h1, h2)? * 60 + minutes;
            if *sign == b'+' { total } else { -total }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let millis = i64::try_from(seconds * 1000 + millis).ok()? - offset * 60_000;
    u64::try_from(millis).ok().map(Timestamp)
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_usual_form() {
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01 00:00:00",
            "2026-01-01T01:30:00.000+01:30",
            "2025-12-31T19:00:00-0500",
            "2026-01-01t00:00:00.000000001z",
            "1767225600",
            "1767225600.000",
            "1767225600000",
            "1767225600000000",
            "1767225600000000000",
        ] {
            assert_eq!(parse(text), Some(Timestamp(1_767_225_600_000)), "{text}");
        }
        assert_eq!(parse("2000-02-29T23:59:59.999Z"), Some(Timestamp(951_868_799_999)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "-",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-01-01",
            "2026-01-01T24:00:00Z",
            "-5",
            "1e300",
            "NaN",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:00+",
            "2026-01-01T00:00:00.5+1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
