//! Numbers as people read them.

use std::fmt;

/// `1 edge`, `3 edges`.
pub(crate) struct Count(pub(crate) u32, pub(crate) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// `40 min`, `5.5 h`, `91 h`.
pub(crate) struct Hours(pub(crate) f64);

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0.995 {
            write!(f, "{:.0} min", self.0 * 60.0)
        } else if self.0 < 9.95 && (self.0 * 10.0).round() % 10.0 != 0.0 {
            write!(f, "{:.1} h", self.0)
        } else {
            write!(f, "{:.0} h", self.0)
        }
    }
}

/// `4.2 %`, rounded up, because it is a bound.
pub(crate) struct Percent(pub(crate) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        if percent < 9.95 {
            write!(f, "{:.1} %", (percent * 10.0 - 1e-6).ceil() / 10.0)
        } else {
            write!(f, "{:.0} %", (percent - 1e-6).ceil())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(Count(1, "edge").to_string(), "1 edge");
        assert_eq!(Count(0, "edge").to_string(), "0 edges");
        assert_eq!(
            [Hours(0.5), Hours(1.0), Hours(5.52), Hours(91.2)].map(|h| h.to_string()),
            ["30 min", "1 h", "5.5 h", "91 h"]
        );
        assert_eq!(Percent(0.0421).to_string(), "4.3 %");
        assert_eq!(Percent(0.05).to_string(), "5.0 %");
        assert_eq!(Percent(0.131).to_string(), "14 %");
    }
}
