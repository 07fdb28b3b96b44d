//! What commands print, and how.

pub(crate) mod amount;
pub(crate) mod diff;
pub(crate) mod edges;
pub(crate) mod format;
pub(crate) mod moment;
pub(crate) mod screen;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod waiting;

pub(crate) use format::{Format, structured};
pub(crate) use screen::Screen;
pub(crate) use style::Style;
pub(crate) use table::{Cell, Column, Table};
