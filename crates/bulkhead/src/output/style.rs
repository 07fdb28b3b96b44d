//! Colour, which only ever repeats what the words say.

use bulkhead_model::{Mode, Severity, Verdict};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    Bold,
    Dim,
    Good,
    Notice,
    Warning,
    Bad,
}

impl Style {
    /// SGR parameters, or nothing for plain text.
    fn sgr(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Notice => "36",
            Self::Warning => "33",
            Self::Bad => "1;31",
        })
    }

    /// `text` in this style where `colour` is on.
    pub(crate) fn paint(self, text: &str, colour: bool) -> String {
        match self.sgr().filter(|_| colour && !text.is_empty()) {
            Some(sgr) => format!("\x1b[{sgr}m{text}\x1b[0m"),
            None => text.to_owned(),
        }
    }
}

impl From<Mode> for Style {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Learn => Self::Notice,
            Mode::Monitor => Self::Warning,
            Mode::Enforce => Self::Good,
            Mode::Quarantine => Self::Bad,
        }
    }
}

impl From<Verdict> for Style {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed => Self::Plain,
            Verdict::WouldDeny => Self::Warning,
            Verdict::Denied => Self::Bad,
        }
    }
}

impl From<Severity> for Style {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Dim,
            Severity::Notice => Self::Plain,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Bad,
        }
    }
}
