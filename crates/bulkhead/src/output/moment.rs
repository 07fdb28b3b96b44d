//! Points in time and durations, as people write and read them.

use bulkhead_model::Timestamp;
use std::time::{Duration, SystemTime};

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// RFC 3339 in UTC with milliseconds: `2026-11-20T13:34:03.120Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let (days, of_day) = (time.0 / 86_400_000, time.0 % 86_400_000);
    let (year, month, day) = civil(days);
    let (h, m, s, ms) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
}

/// `13:34:03` on the day of `now`, `11-20 13:34:03` before: for lists whose lines are in order of time. UTC.
pub(crate) fn clock(time: Timestamp, now: Timestamp) -> String {
    let (_, month, day) = civil(time.0 / 86_400_000);
    let s = time.0 / 1000 % 86_400;
    let of_day = format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    if time.0 / 86_400_000 == now.0 / 86_400_000 { of_day } else { format!("{month:02}-{day:02} {of_day}") }
}

/// `3m ago` seen from `now`; `-` for the time zero, which says "never".
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    match time.0 {
        0 => "-".into(),
        _ => format!("{} ago", short(now.since(time))),
    }
}

/// At most two digits of two units: `45s`, `12m`, `3h20m`, `6d`, `14d`.
pub(crate) fn short(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m", s / 60),
        3600..36_000 if !(s / 60).is_multiple_of(60) => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        3600..172_800 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

/// Parses `90s`, `10m`, `1h30m`, `2d`, `1w`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a duration: expected for example 90s, 10m, 1h30m, 2d or 1w");
    let mut rest = text;
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(unit).and_then(|n| seconds.checked_add(n)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// Year, month and day of a number of days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`, for days after the epoch).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(ms)), text);
        }
    }

    #[test]
    fn the_clock_drops_the_date_on_the_same_day_only() {
        let now = Timestamp(951_782_400_000 + 5_000);
        assert_eq!(clock(Timestamp(951_782_400_000), now), "00:00:00");
        assert_eq!(clock(Timestamp(951_782_399_999), now), "02-28 23:59:59");
    }

    #[test]
    fn durations_are_short() {
        let shown: Vec<_> = [0, 59, 60, 3_599, 3_600, 12_000, 40_000, 172_800]
            .map(|s| short(Duration::from_secs(s)))
            .into_iter()
            .collect();
        assert_eq!(shown, ["0s", "59s", "1m", "59m", "1h", "3h20m", "11h", "2d"]);
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1w"), Ok(Duration::from_secs(604_800)));
        for wrong in
            ["", "5", "h", "5x", "-5m", "1.5h", "99999999999999999999s", "9999999999999999999w", "5é"]
        {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
