//! Where the answer of a command goes: standard output, with what is known of it.

use super::Style;
use clap::ValueEnum;
use std::io::{self, BufWriter, IsTerminal, Write};

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// A buffered writer that knows its width and whether it may use colour.
///
/// Everything a command answers is written here and nowhere else, so that a reader that goes away ends the command as
/// an [`io::Error`] and not as a panic.
pub(crate) struct Screen {
    out: Box<dyn Write>,
    pub(crate) width: usize,
    pub(crate) colour: bool,
}

/// Where nothing says how wide the output is.
const USUAL_WIDTH: usize = 80;

impl Screen {
    pub(crate) fn stdout(colour: Colour) -> Self {
        let out = io::stdout();
        let terminal = out.is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let from_terminal =
            rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col)).filter(|&w| w > 0);
        let from_environment = std::env::var("COLUMNS").ok().and_then(|v| v.parse().ok());
        Self {
            width: from_terminal.or(from_environment).unwrap_or(USUAL_WIDTH).max(20),
            colour: match colour {
                Colour::Auto => terminal && !no_colour && !dumb,
                Colour::Always => true,
                Colour::Never => false,
            },
            out: Box::new(BufWriter::with_capacity(64 << 10, out)),
        }
    }

    /// A line of text in one style.
    pub(crate) fn line(&mut self, style: Style, text: &str) -> io::Result<()> {
        let painted = style.paint(text, self.colour);
        writeln!(self, "{painted}")
    }

    /// `text` in `style`, without an end of line.
    pub(crate) fn span(&mut self, style: Style, text: &str) -> io::Result<()> {
        let painted = style.paint(text, self.colour);
        self.write_all(painted.as_bytes())
    }

    /// A paragraph, broken at blanks to the width, each line after `indent` blanks.
    pub(crate) fn paragraph(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            writeln!(self, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    /// One of a list: a sign of one column in `style`, and its text broken to the width beside it.
    pub(crate) fn item(&mut self, style: Style, sign: &str, text: &str) -> io::Result<()> {
        self.item_at(2, style, sign, text)
    }

    /// The same after `indent` blanks.
    pub(crate) fn item_at(&mut self, indent: usize, style: Style, sign: &str, text: &str) -> io::Result<()> {
        self.span(style, &format!("{:indent$}{sign}", ""))?;
        write!(self, " ")?;
        self.beside(indent + 2, text)
    }

    /// Text beside what stands in the first `indent` columns already, broken to the width.
    pub(crate) fn beside(&mut self, indent: usize, text: &str) -> io::Result<()> {
        let lines = wrap(text, self.width.saturating_sub(indent).max(20));
        for (at, line) in lines.into_iter().enumerate() {
            let indent = if at == 0 { 0 } else { indent };
            writeln!(self, "{:indent$}{line}", "")?;
        }
        Ok(())
    }
}

impl Write for Screen {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("width", &self.width)
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}

/// Breaks at blanks; a word longer than `width` keeps its line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            let len = unicode_width::UnicodeWidthStr::width(word);
            if used > 0 && used + 1 + len > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += len;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").extend_from_slice(buf);
            Ok(buf.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `print` writes on a screen without colour of this width.
    pub(crate) fn printed(width: usize, print: impl FnOnce(&mut Screen)) -> String {
        let shared = Shared::default();
        let out = Box::new(shared.clone());
        print(&mut Screen { out, width, colour: false });
        let bytes = shared.0.lock().expect("no writer panics").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn text_is_broken_at_blanks_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("a abcdefghijkl b", 5), ["a", "abcdefghijkl", "b"]);
        assert_eq!(wrap("one\n\ntwo", 10), ["one", "", "two"]);
    }
}
