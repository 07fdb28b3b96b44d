//! Policy documents and manifests from files, directories and standard input.

use crate::exit::{Code, Failure};
use anyhow::{Context as _, Result};
use bulkhead_api::client::ClientError;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// Larger files are no documents that people wrote.
const LARGEST: u64 = 64 << 20;

/// One file's text and the name by which messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The text of one file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().take(LARGEST).read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    let size = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > LARGEST {
        let message = format!("{} is too large: {size} bytes, at most {LARGEST} are read", path.display());
        return Err(Failure::new(Code::Invalid, message).into());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(Code::Invalid, format!("{} is not text (UTF-8)", path.display()))
            .remedy("is it the right file?")
            .into()
    })
}

/// Every document file under the paths, in a stable order: files as they are named, directories whole.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for path in paths {
        if path != Path::new("-") && path.is_dir() {
            let before = files.len();
            walk(path, &mut files)?;
            if files.len() == before {
                let message = format!("{} holds no .yaml, .yml or .json file", path.display());
                return Err(Failure::new(Code::NotFound, message).into());
            }
        } else {
            files.push(path.clone());
        }
    }
    files
        .iter()
        .map(|path| {
            let name =
                if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
            Ok(Source { name, text: read(path)? })
        })
        .collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = || format!("cannot read {}", dir.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).with_context(cannot)? {
        entries.push(entry.with_context(cannot)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().with_context(cannot)?);
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Links to directories are not followed: they may lead in circles.
        if kind.is_dir() {
            walk(&path, files)?;
        } else if path.is_file() && path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// All sources as one stream of documents, which can find a line's file again.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) text: String,
    /// First line of each source in `text`, from 1, and its name.
    starts: Vec<(u32, String)>,
}

impl Joined {
    pub(crate) fn new(sources: &[Source]) -> Self {
        let mut joined = Self { text: String::new(), starts: Vec::new() };
        let mut line = 1;
        for source in sources {
            if line > 1 {
                joined.text += "---\n";
                line += 1;
            }
            joined.starts.push((line, source.name.clone()));
            joined.text += &source.text;
            if !source.text.ends_with('\n') {
                joined.text.push('\n');
            }
            line += u32::try_from(source.text.lines().count().max(1)).unwrap_or(u32::MAX);
        }
        joined
    }

    /// The file, and the line in it, of a line of the whole.
    pub(crate) fn place(&self, line: u32) -> Option<(&str, u32)> {
        let (start, name) = self.starts.iter().rev().find(|(start, _)| *start <= line)?;
        Some((name, line - start + 1))
    }

    /// The server saw one text; people have files.
    pub(crate) fn placed(&self, error: ClientError) -> anyhow::Error {
        let ClientError::Api(mut refusal) = error else { return error.into() };
        for detail in &mut refusal.details {
            if let Some((file, line)) = detail.line.and_then(|line| self.place(line)) {
                detail.file = Some(file.to_owned());
                detail.line = Some(line);
            }
        }
        ClientError::Api(refusal).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_its_documents_in_order_and_nothing_else() {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (path, text) in
            [("b.yaml", "b"), ("a/z.yml", "z"), ("a/x.json", "x"), ("README.md", "no"), (".git/y.yaml", "no")]
        {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("create");
            fs::write(path, text).expect("write");
        }
        let sources = read_all(&[dir.path().into()]).expect("readable");
        let texts: Vec<_> = sources.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["x", "z", "b"]);
    }

    #[test]
    fn an_empty_directory_is_an_error_and_not_an_empty_policy() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert!(read_all(&[dir.path().into()]).is_err());
    }

    #[test]
    fn a_line_of_the_whole_is_found_again_in_its_file() {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let joined =
            Joined::new(&[source("a", "1\n2\n"), source("b", "1"), source("c", ""), source("d", "1\n2")]);
        for (n, line) in joined.text.lines().enumerate() {
            if let Ok(expected) = line.parse::<u32>() {
                let (_, found) = joined.place(n as u32 + 1).expect("in a file");
                assert_eq!(found, expected, "line {n} of {joined:?}");
            }
        }
        assert_eq!(joined.place(4), Some(("b", 1)));
    }
}
