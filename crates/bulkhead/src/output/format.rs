//! The `-o` of lists.

use super::Screen;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns that fit the terminal (80 columns where there is none)
    #[default]
    Table,
    /// The table with every column, nothing cut off
    Wide,
    /// As the REST interface says it
    Json,
    /// The same as YAML
    Yaml,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// How to print the answer
    #[arg(short = 'o', long = "output", value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// What a command that does one thing several times answers, in the form in which the REST interface lists.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
}

impl Format {
    /// For people, and not for machines.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    pub(crate) fn is_wide(self) -> bool {
        self == Self::Wide
    }
}

/// Prints `value` where the format is one for machines, and says whether it did.
pub(crate) fn structured<T: Serialize>(screen: &mut Screen, format: Format, value: &T) -> io::Result<bool> {
    match format {
        Format::Table | Format::Wide => return Ok(false),
        Format::Json => json(screen, value)?,
        Format::Yaml => yaml(screen, value)?,
    }
    Ok(true)
}

pub(crate) fn json<T: Serialize>(screen: &mut Screen, value: &T) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *screen, value).map_err(io::Error::from)?;
    writeln!(screen)
}

/// One line, for streams.
pub(crate) fn json_line<T: Serialize>(screen: &mut Screen, value: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *screen, value).map_err(io::Error::from)?;
    writeln!(screen)
}

pub(crate) fn yaml<T: Serialize>(screen: &mut Screen, value: &T) -> io::Result<()> {
    let text = serde_saphyr::to_string(value).map_err(io::Error::other)?;
    screen.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { writeln!(screen) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::tests::printed;
    use serde_json::json;

    #[test]
    fn json_and_yaml_say_the_same() {
        let value = json!({"name": "shop/redis", "edges": [1, 2], "port": "6379", "none": null});
        let json_text = printed(80, |s| {
            assert!(structured(s, Format::Json, &value).expect("memory"));
        });
        let yaml_text = printed(80, |s| {
            assert!(structured(s, Format::Yaml, &value).expect("memory"));
        });
        let from_json: serde_json::Value = serde_json::from_str(&json_text).expect("JSON");
        let from_yaml: serde_json::Value = serde_saphyr::from_str(&yaml_text).expect("YAML");
        assert_eq!(from_json, value);
        assert_eq!(from_yaml, value);
    }
}
