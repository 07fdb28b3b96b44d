use crate::yaml::Mark;
use std::fmt;

/// One thing that is wrong with a text: where, what, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// As the caller named the text.
    pub file: Box<str>,
    pub mark: Mark,
    /// `spec.ingress[0].from[1].cidr`; empty where the whole document is meant.
    pub path: String,
    pub message: String,
    /// "did you mean 'service'?"
    pub suggestion: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.mark.line, self.mark.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; {suggestion}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
