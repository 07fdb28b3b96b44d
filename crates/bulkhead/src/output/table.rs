//! Aligned columns that fit the width they are given.
//!
//! Columns stand two blanks apart. Where the natural widths do not fit, the columns that may shrink give way, widest
//! first, down to their least width; where that is not enough, optional columns go, last first. A cell that was cut ends
//! in `…`. The last column is never padded, so that no line ends in blanks.

use super::{Screen, Style};
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const GAP: usize = 2;

#[derive(Debug, Clone)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    /// The least width it may be shrunk to; none where it must stay whole.
    least: Option<usize>,
    optional: bool,
    wide_only: bool,
}

impl Column {
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, right: false, least: None, optional: false, wide_only: false }
    }

    /// Aligned to the right.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self { right: true, ..Self::text(title) }
    }

    /// May be cut, but not below `least` characters.
    pub(crate) const fn shrinks_to(self, least: usize) -> Self {
        Self { least: Some(least), ..self }
    }

    /// May be left out where it does not fit.
    pub(crate) const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Only with `-o wide`.
    pub(crate) const fn wide_only(self) -> Self {
        Self { wide_only: true, ..self }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn styled(text: impl ToString, style: Style) -> Self {
        Self { style, ..Self::from(text.to_string()) }
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Nothing that comes from outside may move the cursor or forge a line.
pub(crate) fn printable(text: String) -> String {
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    } else {
        text
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text: printable(text), style: Style::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// A row has a cell for every column, those of `-o wide` included.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn print(&self, screen: &mut Screen, wide: bool) -> io::Result<()> {
        let layout = self.layout(if wide { usize::MAX } else { screen.width }, wide);
        let head: Vec<Cell> = self.columns.iter().map(|c| Cell::styled(c.title, Style::Bold)).collect();
        self.print_row(screen, &layout, &head)?;
        self.rows.iter().try_for_each(|row| self.print_row(screen, &layout, row))
    }

    /// The shown columns and their widths.
    fn layout(&self, width: usize, wide: bool) -> Vec<(usize, usize)> {
        let natural = |n: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.text.width());
            cells.chain([self.columns[n].title.width()]).max().unwrap_or(0)
        };
        let mut shown: Vec<(usize, usize)> = (0..self.columns.len())
            .filter(|&n| wide || !self.columns[n].wide_only)
            .map(|n| (n, natural(n)))
            .collect();
        loop {
            let total = shown.iter().map(|(_, w)| w + GAP).sum::<usize>().saturating_sub(GAP);
            let Some(excess) = total.checked_sub(width).filter(|&e| e > 0) else { return shown };
            let can_give: usize =
                shown.iter().filter_map(|&(n, w)| Some(w.saturating_sub(self.columns[n].least?))).sum();
            if can_give < excess
                && let Some(last) = shown.iter().rposition(|&(n, _)| self.columns[n].optional)
            {
                shown.remove(last);
                continue;
            }
            self.shrink(&mut shown, excess.min(can_give));
            return shown;
        }
    }

    /// Takes `excess` characters from the columns that may give, always from the widest.
    fn shrink(&self, shown: &mut [(usize, usize)], excess: usize) {
        for _ in 0..excess {
            let widest = shown
                .iter_mut()
                .filter(|(n, w)| self.columns[*n].least.is_some_and(|least| *w > least))
                .max_by_key(|(_, w)| *w);
            if let Some((_, w)) = widest {
                *w -= 1;
            }
        }
    }

    fn print_row(&self, screen: &mut Screen, layout: &[(usize, usize)], cells: &[Cell]) -> io::Result<()> {
        let mut line = String::new();
        let mut blanks = 0;
        for &(n, width) in layout {
            let Some(cell) = cells.get(n) else { continue };
            let text = cut(&cell.text, width);
            let padding = width - text.width().min(width);
            let before = if self.columns[n].right { padding } else { 0 };
            if !text.is_empty() {
                line.extend(std::iter::repeat_n(' ', blanks + before));
                line.push_str(&cell.style.paint(&text, screen.colour));
                blanks = 0;
            } else {
                blanks += before;
            }
            blanks += padding - before + GAP;
        }
        writeln!(screen, "{line}")
    }
}

/// The first `width` columns of `text`, the last of them `…` where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        kept.push(c);
        used += w;
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::tests::printed;

    fn services() -> Table {
        let mut table = Table::new([
            Column::text("SERVICE").shrinks_to(10),
            Column::text("MODE"),
            Column::number("WORKLOADS").optional(),
            Column::text("IMAGE").shrinks_to(8).wide_only(),
            Column::text("KNOWLEDGE").shrinks_to(12),
        ]);
        table.row([
            "shop/redis".into(),
            Cell::styled("enforce", Style::Good),
            "1".into(),
            "redis:7".into(),
            "complete: at most 0.4 % chance of an unseen connection in the next hour".into(),
        ]);
        table.row([
            "shop/a-service-with-a-very-long-name".into(),
            "learn".into(),
            "12".into(),
            "registry.example.com/shop/long:1.2.3".into(),
            "too short: 12 minutes observed".into(),
        ]);
        table
    }

    #[test]
    fn a_table_fits_80_columns() {
        let text = printed(80, |s| services().print(s, false).expect("memory"));
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_narrow_table_drops_optional_columns_and_cuts_the_others() {
        let text = printed(40, |s| services().print(s, false).expect("memory"));
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_wide_table_cuts_nothing() {
        insta::assert_snapshot!(printed(40, |s| services().print(s, true).expect("memory")));
    }

    #[test]
    fn wide_characters_count_for_two_and_no_line_ends_in_blanks() {
        let mut table = Table::new([Column::text("A").shrinks_to(4), Column::number("B"), Column::text("C")]);
        table.row(["日本語日本語".into(), "7".into(), "".into()]);
        table.row(["x".into(), "".into(), "".into()]);
        let text = printed(12, |s| table.print(s, false).expect("memory"));
        assert_eq!(text, "A       B  C\n日本…   7\nx\n");
    }

    #[test]
    fn control_characters_of_strangers_are_made_visible() {
        let mut table = Table::new([Column::text("A")]);
        table.row(["evil\x1b[2J\nforged".into()]);
        let text = printed(80, |s| table.print(s, false).expect("memory"));
        assert_eq!(text, "A\nevil\u{fffd}[2J\u{fffd}forged\n");
    }

    #[test]
    fn colour_does_not_change_the_alignment() {
        let plain = printed(80, |s| services().print(s, false).expect("memory"));
        let coloured = printed(80, |s| {
            s.colour = true;
            services().print(s, false).expect("memory");
        });
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some(start) = rest.find('\x1b') {
            stripped += &rest[..start];
            rest = &rest[start..];
            rest = &rest[rest.find('m').expect("SGR ends") + 1..];
        }
        assert_eq!(stripped + rest, plain);
    }
}
