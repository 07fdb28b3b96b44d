use bulkhead_model::Timestamp;

/// RFC 3339 as Go writes it (`2026-11-20T13:30:00.123456789Z`, `...+01:00`). `None` for its zero time, year 1, which
/// stands for "never", and for what is no time.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let plausible =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let rest = text.get(19..)?;
    let fraction_end = rest.find(['Z', '+', '-'])?;
    let milliseconds = match rest[..fraction_end].strip_prefix('.') {
        Some(digits) => format!("{digits:0<3}").get(..3)?.parse::<i64>().ok()?,
        None => 0,
    };
    let zone = &rest[fraction_end..];
    let offset = match zone {
        "Z" => 0,
        _ => {
            let minutes = zone.get(1..3)?.parse::<i64>().ok()? * 60 + zone.get(4..6)?.parse::<i64>().ok()?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    let time = u64::try_from(seconds * 1000 + milliseconds).ok()?;
    plausible.then_some(Timestamp(time))
}

/// Proleptic Gregorian calendar; years are counted from March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_go_are_read_to_the_millisecond_and_never_is_never() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2024-02-29T12:00:00.5Z", Some(1_709_208_000_500)),
            ("2026-11-20T13:30:00.123456789Z", Some(1_795_181_400_123)),
            ("2026-11-20T14:30:00+01:00", Some(1_795_181_400_000)),
            ("0001-01-01T00:00:00Z", None),
            ("2026-13-20T13:30:00Z", None),
            ("2026-11-20", None),
            ("", None),
            ("ääääääääääääääääääää", None),
        ] {
            assert_eq!(parse_rfc3339(text), expected.map(Timestamp), "{text}");
        }
    }
}
