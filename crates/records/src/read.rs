//! From bytes to records.

use crate::{
    Certainty, Format, Item, Record,
    format::{self, Sniffed},
    lines::{Line, Lines, unpacked},
};
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead, Cursor, Read},
};

/// So much of the beginning is looked at to find out the format.
const HEAD: usize = 64 << 10;
/// So many lines that cannot be read are told one by one.
const FAULTS: usize = 20;

/// What a reader is told by a person.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Found out from the text where it is absent.
    pub format: Option<Format>,
    /// Names of the columns of VPC flow logs and CSV without a header line, separated as the columns are.
    pub columns: Option<String>,
}

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub format: Format,
    /// Lines, blank ones and headers among them; entries for what is one JSON text.
    pub lines: u64,
    pub records: u64,
    /// What was understood and tells of no flow, by why.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Lines that could not be read.
    pub malformed: u64,
    /// The first of these.
    pub faults: Vec<Fault>,
    /// Records that the source says it lost.
    pub lost: u64,
    /// Records whose opener was concluded from ports.
    pub inferred: u64,
    /// Records whose opener had to be guessed.
    pub guessed: u64,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From 1, of the unpacked text.
    pub line: u64,
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the records cannot be read")]
    Io(#[source] io::Error),
    #[error("it is empty")]
    Empty,
    #[error("line {line} looks like no format of flow records that is known: {start}")]
    UnknownFormat { line: u64, start: String },
    #[error("line {line}: {why}")]
    Header { line: u64, why: String },
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a reader of a format makes of a line.
pub(crate) type Parsed<'a> = Result<Taken<'a>, String>;

pub(crate) enum Taken<'a> {
    Item(Item<'a>),
    /// It tells of no flow, and why.
    Nothing(&'static str),
}

impl<'a> From<Record<'a>> for Taken<'a> {
    fn from(record: Record<'a>) -> Self {
        Self::Item(Item::Flow(record))
    }
}

/// Where readers put what they read, and how they count it.
pub(crate) struct Sink<'s> {
    pub(crate) summary: Summary,
    take: &'s mut dyn FnMut(&Item<'_>),
}

impl Sink<'_> {
    pub(crate) fn put(&mut self, line: u64, parsed: Parsed<'_>) {
        match parsed {
            Ok(Taken::Item(item)) => {
                match &item {
                    Item::Flow(record) => {
                        self.summary.records += 1;
                        self.summary.inferred += u64::from(record.certainty == Certainty::Inferred);
                        self.summary.guessed += u64::from(record.certainty == Certainty::Guessed);
                    }
                    Item::Lost { count, .. } => self.summary.lost += count,
                }
                (self.take)(&item);
            }
            Ok(Taken::Nothing(why)) => *self.summary.skipped.entry(why).or_default() += 1,
            Err(why) => {
                self.summary.malformed += 1;
                if self.summary.faults.len() < FAULTS {
                    self.summary.faults.push(Fault { line, why });
                }
            }
        }
    }
}

/// Reads flow records, packed with gzip or not, and gives each item to `take`, in the order of the text.
///
/// # Errors
/// The input cannot be read, or nothing in it tells which format it is. Lines that make no sense are no error: the
/// summary tells of them.
pub fn read<R: Read>(
    input: R,
    options: &Options,
    mut take: impl FnMut(&Item<'_>),
) -> Result<Summary, ReadError> {
    let mut input = unpacked(input)?;
    let (head, whole) = head(&mut input)?;
    let text = String::from_utf8_lossy(&head);
    let sniffed = format::sniff(&text, whole, options)?;
    drop(text);
    let input = Cursor::new(head).chain(input);
    let summary = Summary {
        format: sniffed.format(),
        lines: 0,
        records: 0,
        skipped: BTreeMap::new(),
        malformed: 0,
        faults: Vec::new(),
        lost: 0,
        inferred: 0,
        guessed: 0,
    };
    let mut sink = Sink { summary, take: &mut take };
    match sniffed {
        Sniffed::Lines(mut parser) => lines(input, &mut *parser, &mut sink)?,
        Sniffed::NeuVector => format::neuvector::read(input, &mut sink)?,
        Sniffed::Csv(dialect) => format::csv::read(input, &dialect, &mut sink)?,
    }
    Ok(sink.summary)
}

/// A format of one record a line.
pub(crate) trait LineFormat {
    fn format(&self) -> Format;
    fn parse<'a>(&mut self, line: &'a str) -> Parsed<'a>;
}

fn lines(input: impl BufRead, parser: &mut dyn LineFormat, sink: &mut Sink<'_>) -> Result<(), ReadError> {
    let mut lines = Lines::new(input);
    loop {
        let number = lines.number() + 1;
        let parsed = match lines.next()? {
            None => return Ok(()),
            Some(Line::Text(text)) if text.trim_ascii().is_empty() => {
                sink.summary.lines += 1;
                continue;
            }
            Some(Line::Text(text)) => parser.parse(text),
            Some(Line::Wrong(why)) => Err(why.to_owned()),
        };
        sink.summary.lines += 1;
        sink.put(number, parsed);
    }
}

/// The first part of the text, at least its first line that is not blank where that is not too long; and whether that is
/// all of it.
fn head(input: &mut impl BufRead) -> Result<(Vec<u8>, bool), ReadError> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        input.by_ref().take((HEAD - before) as u64).read_until(b'\n', &mut head)?;
        let whole = head.len() == before;
        let enough = head[before..].iter().any(|byte| !byte.is_ascii_whitespace()) && before > 0;
        if whole || enough || head.len() >= HEAD {
            return if head.iter().all(u8::is_ascii_whitespace) {
                Err(ReadError::Empty)
            } else {
                Ok((head, whole))
            };
        }
    }
}
