//! Policy documents and manifests from files, directories and standard input.

use crate::{
    exit::{Code, Failure},
    output::waiting::Sign,
};
use anyhow::Result;
use bulkhead_api::client::ClientError;
use std::{
    fs,
    io::{self, Read},
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

/// A file or a directory that cannot be read, and where in it the reason stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", self.place())]
pub(crate) struct Unread {
    pub(crate) name: String,
    /// Line and column from 1, where there is such a place.
    pub(crate) mark: Option<(u32, u32)>,
    pub(crate) why: String,
    code: Code,
}

impl Unread {
    fn new(name: String, code: Code, why: impl Into<String>) -> Self {
        Self { name, mark: None, why: why.into(), code }
    }

    fn of_io(name: String, error: &io::Error) -> Self {
        Self::new(name, Code::of_io(error.kind()), format!("cannot be read: {error}"))
    }

    /// Whether it is one of the paths that were named, and is not there or holds nothing.
    pub(crate) fn is_missing(&self, paths: &[PathBuf]) -> bool {
        self.code == Code::NotFound && paths.iter().any(|path| path.as_os_str() == self.name.as_str())
    }

    fn place(&self) -> String {
        match self.mark {
            Some((line, column)) => format!("{}:{line}:{column}", self.name),
            None => self.name.clone(),
        }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        let failure = Self::new(unread.code, unread.to_string());
        if unread.mark.is_some() { failure.remedy("is it the right file?") } else { failure }
    }
}

/// The text of one file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String> {
    source(path).map(|source| source.text).map_err(|unread| Failure::from(unread).into())
}

fn source(path: &Path) -> Result<Source, Unread> {
    let is_input = path == Path::new("-");
    let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    // What is read is bounded, whatever the size of the file is said to be.
    let read = if is_input {
        io::stdin().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| Unread::of_io(name.clone(), &error))?;
    if bytes.len() as u64 > LARGEST {
        let why = format!("is too large: at most {LARGEST} bytes are read");
        return Err(Unread::new(name, Code::Invalid, why));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => {
            let before = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
            let mark = Some((count(before.matches('\n').count()), count(column)));
            Err(Unread { mark, ..Unread::new(name, Code::Invalid, "is not text (UTF-8)") })
        }
    }
}

/// Every document file under the paths, in a stable order: files as they are named, directories whole; and all that cannot
/// be read.
pub(crate) fn gather(paths: &[PathBuf]) -> (Vec<Source>, Vec<Unread>) {
    let _sign = Sign::new("reading the files");
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        if path != Path::new("-") && path.is_dir() {
            let before = files.len() + unread.len();
            walk(path, &mut files, &mut unread);
            if files.len() + unread.len() == before {
                let name = path.display().to_string();
                unread.push(Unread::new(name, Code::NotFound, "holds no .yaml, .yml or .json file"));
            }
        } else {
            files.push(path.clone());
        }
    }
    let mut sources = Vec::with_capacity(files.len());
    for path in files {
        match source(&path) {
            Ok(source) => sources.push(source),
            Err(wrong) => unread.push(wrong),
        }
    }
    (sources, unread)
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>, unread: &mut Vec<Unread>) {
    let mut cannot = |path: &Path, error| unread.push(Unread::of_io(path.display().to_string(), &error));
    let mut entries = Vec::new();
    match fs::read_dir(dir) {
        Ok(found) => {
            for entry in found {
                match entry {
                    Ok(entry) => entries.push(entry),
                    Err(error) => cannot(dir, error),
                }
            }
        }
        Err(error) => cannot(dir, error),
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let is_document = path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
        // Links to directories are not followed: they may lead in circles.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&path, files, unread),
            // A link that leads nowhere, or to itself, is a document that is missing.
            Ok(kind) if is_document && kind.is_symlink() => match fs::metadata(&path) {
                Ok(target) if target.is_file() => files.push(path),
                Ok(_) => {}
                Err(error) => unread.push(Unread::of_io(path.display().to_string(), &error)),
            },
            Ok(kind) if is_document && kind.is_file() => files.push(path),
            Ok(_) => {}
            Err(error) => unread.push(Unread::of_io(path.display().to_string(), &error)),
        }
    }
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
        let (sources, unread) = gather(&[dir.path().into()]);
        assert_eq!(unread, []);
        let texts: Vec<_> = sources.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["x", "z", "b"]);
    }

    #[test]
    fn an_empty_directory_is_an_error_and_not_an_empty_policy() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (sources, unread) = gather(&[dir.path().into()]);
        assert_eq!((sources, unread.len()), (Vec::new(), 1));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place_beside_what_can() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |name: &str| dir.path().join(name);
        fs::write(at("binary.yaml"), b"kind: \xc3\xa4\n  \xff").expect("write");
        fs::write(at("good.yaml"), "kind: A").expect("write");
        fs::create_dir(at("deeper")).expect("create");
        for (to, link) in [("nowhere", "dangling.yaml"), ("loop.yaml", "loop.yaml"), ("..", "deeper/up")] {
            std::os::unix::fs::symlink(to, at(link)).expect("link");
        }
        let (sources, unread) = gather(&[dir.path().into(), at("missing.yaml")]);
        assert_eq!(sources.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["kind: A"]);
        let said: Vec<_> = unread.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        for (wrong, name) in
            said.iter().zip(["dangling.yaml", "loop.yaml", "binary.yaml:2:3", "missing.yaml"])
        {
            assert!(wrong.starts_with(&at(name).display().to_string()), "{name}: {wrong}");
        }
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
