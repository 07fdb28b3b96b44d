//! Numbers as people read them.

/// `1234567` → `1.2M`; below 10,000 as it is.
pub(crate) fn count(n: u64) -> String {
    scaled(n, 10_000, 1000.0, &["", "k", "M", "G", "T", "P"])
}

/// `1536` → `1.5 KiB`.
pub(crate) fn bytes(n: u64) -> String {
    scaled(n, 1024, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB"])
}

fn scaled(n: u64, plain_below: u64, step: f64, units: &[&str]) -> String {
    if n < plain_below {
        return format!("{n}{}", units[0]);
    }
    let mut value = n as f64;
    let mut unit = 0;
    // 999.95 rounds to "1000.0", which belongs to the next unit.
    while value >= step - 0.05 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    if value < 99.95 { format!("{value:.1}{}", units[unit]) } else { format!("{value:.0}{}", units[unit]) }
}

/// A chance between 0 and 1 as per cent, with the digits that matter: `12 %`, `1.2 %`, `0.03 %`, `<0.01 %`.
pub(crate) fn percent(chance: f64) -> String {
    let p = chance * 100.0;
    if !p.is_finite() {
        "-".into()
    } else if p <= 0.0 {
        "0 %".into()
    } else if p < 0.01 {
        "<0.01 %".into()
    } else if p < 1.0 {
        format!("{p:.2} %")
    } else if p < 10.0 {
        format!("{p:.1} %")
    } else {
        format!("{p:.0} %")
    }
}

/// `1 port`, `2 ports`: for words that take an s.
pub(crate) fn plural(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_until_they_are_long() {
        let shown: Vec<_> =
            [0, 9_999, 10_000, 123_456, 999_999, 1_000_000, u64::MAX].into_iter().map(count).collect();
        assert_eq!(shown, ["0", "9999", "10.0k", "123k", "1.0M", "1.0M", "18447P"]);
    }

    #[test]
    fn bytes_have_binary_units() {
        let shown: Vec<_> = [0, 1023, 1024, 1536, 5 << 30].into_iter().map(bytes).collect();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 GiB"]);
    }

    #[test]
    fn small_chances_never_read_as_never() {
        let shown: Vec<_> = [0.0, 0.00001, 0.0034, 0.023, 0.5, f64::NAN].into_iter().map(percent).collect();
        assert_eq!(shown, ["0 %", "<0.01 %", "0.34 %", "2.3 %", "50 %", "-"]);
    }

    /// `said.json` is read by the console's tests as well: what one says, the other says.
    #[test]
    fn the_console_says_the_same_numbers() {
        #[derive(serde::Deserialize)]
        struct Said {
            percent: Vec<(f64, String)>,
            bytes: Vec<(u64, String)>,
        }
        let said: Said = serde_json::from_str(include_str!("said.json")).expect("cases");
        for (chance, text) in said.percent {
            assert_eq!(percent(chance), text);
        }
        for (number, text) in said.bytes {
            assert_eq!(bytes(number), text);
        }
    }
}
