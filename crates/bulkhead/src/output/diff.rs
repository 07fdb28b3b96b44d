//! Unified diffs in colour.

use super::{Screen, Style};
use std::io;

pub(crate) fn print(screen: &mut Screen, diff: &str) -> io::Result<()> {
    for line in diff.lines() {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => Style::Bold,
            Some(b'+') => Style::Good,
            Some(b'-') => Style::Bad,
            Some(b'@') => Style::Notice,
            _ => Style::Plain,
        };
        screen.line(style, line)?;
    }
    Ok(())
}
