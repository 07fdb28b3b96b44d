//! Bytes to lines: unpacked, bounded, counted.

use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// A longer line is no record.
pub(crate) const LONGEST: usize = 1 << 20;
const BUFFER: usize = 256 << 10;

/// The text itself, whether it is packed with gzip or not.
pub(crate) fn unpacked<'a, R: Read + 'a>(input: R) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    // The first two bytes of every gzip member (RFC 1952, 2.3.1).
    let packed = peek(&mut input)?.starts_with(&[0x1f, 0x8b]);
    Ok(if packed {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    })
}

fn peek(input: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    input.fill_buf()
}

/// One line after the other, without its end.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    /// A line that did not lie in the buffer of the input as a whole.
    line: Vec<u8>,
    /// So many bytes of that buffer were handed out, or looked at, and are no longer needed.
    done: usize,
    number: u64,
}

/// What stands in the next line.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    Text(&'a str),
    /// Why it cannot be looked at.
    Wrong(&'static str),
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), done: 0, number: 0 }
    }

    /// Number of the line that was handed out last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.input.consume(std::mem::take(&mut self.done));
        self.line.clear();
        let (mut empty, mut too_long) = (true, false);
        let whole = loop {
            let buffer = peek(&mut self.input)?;
            let end = memchr::memchr(b'\n', buffer);
            let part = end.unwrap_or(buffer.len());
            match end {
                Some(end) if empty => break Some(end),
                // The end of the text.
                None if part == 0 => break None,
                _ => {}
            }
            empty = false;
            too_long |= self.line.len() + part > LONGEST;
            if !too_long {
                self.line.extend_from_slice(&buffer[..part]);
            }
            self.input.consume(part + usize::from(end.is_some()));
            if end.is_some() {
                break None;
            }
        };
        let line = match whole {
            Some(end) => {
                self.done = end + 1;
                too_long = end > LONGEST;
                &peek(&mut self.input)?[..end]
            }
            None if empty => return Ok(None),
            None => &self.line,
        };
        self.number += 1;
        if too_long {
            return Ok(Some(Line::Wrong("longer than 1 MiB")));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Some editors put a byte order mark before the first line.
        let line = match self.number {
            1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        Ok(Some(std::str::from_utf8(line).map_or(Line::Wrong("not text (UTF-8)"), Line::Text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn all(bytes: &[u8]) -> Vec<(u64, Result<String, &'static str>)> {
        let mut lines = Lines::new(unpacked(bytes).expect("memory"));
        let mut found = Vec::new();
        while let Some(line) = lines.next().expect("memory") {
            let line = match line {
                Line::Text(text) => Ok(text.to_owned()),
                Line::Wrong(why) => Err(why),
            };
            found.push((lines.number(), line));
        }
        found
    }

    #[test]
    fn lines_end_with_or_without_carriage_return_and_the_last_without_any() {
        let lines = all(b"\xef\xbb\xbfa\r\nb\n\nc");
        let expected = ["a", "b", "", "c"].map(|text| Ok(text.to_owned()));
        assert_eq!(lines, (1..).zip(expected).collect::<Vec<_>>());
    }

    #[test]
    fn packed_text_in_several_members_is_one_text() {
        let pack = |text: &str| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).expect("memory");
            packer.finish().expect("memory")
        };
        let bytes = [pack("one\ntw"), pack("o\n")].concat();
        assert_eq!(all(&bytes), [(1, Ok("one".to_owned())), (2, Ok("two".to_owned()))]);
    }

    #[test]
    fn a_line_that_never_ends_is_skipped_and_the_next_one_is_read() {
        let mut bytes = vec![b'x'; 3 * LONGEST];
        bytes.extend_from_slice(b"\nnext\n\xff\n");
        let lines = all(&bytes);
        assert_eq!(lines[0], (1, Err("longer than 1 MiB")));
        assert_eq!(lines[1], (2, Ok("next".to_owned())));
        assert_eq!(lines[2], (3, Err("not text (UTF-8)")));
    }
}
