//! What to compare with: the same paths in a revision of git, or the policy in force.

use crate::{
    commands::{
        Context,
        documents::Source,
        policy::{export, files::Files},
    },
    exit::{Code, Failure},
    output::waiting,
};
use anyhow::{Context as _, Result};
use bulkhead_policy::Inventory;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Debug)]
pub(super) struct Base {
    pub(super) before: Files,
    pub(super) after: Files,
    /// The services of the server, where that is the base.
    pub(super) estate: Option<Inventory>,
}

impl Base {
    pub(super) async fn read(
        cx: &mut Context,
        revision: &str,
        paths: &[PathBuf],
        candidate: Files,
    ) -> Result<Self> {
        if revision == "server" {
            let client = cx.client()?;
            let before = export::read(&client.policies().await?.items)?;
            let mut after = candidate;
            let candidate = std::mem::replace(&mut after.set, before.clone());
            candidate.documents().for_each(|document| {
                after.set.insert(document);
            });
            let mut estate = waiting::during("asking for the services", export::estate(&client)).await?;
            // What documents name may not run yet.
            after.set.named_services().iter().for_each(|name| estate.ensure(name));
            return Ok(Self { before: before.into(), after, estate: Some(estate) });
        }
        Ok(Self { before: of_revision(cx, revision, paths)?, after: candidate, estate: None })
    }
}

/// The documents that the paths had in a revision. A path that was not there yet had none.
fn of_revision(cx: &mut Context, revision: &str, paths: &[PathBuf]) -> Result<Files> {
    if revision.is_empty() || revision.starts_with('-') {
        return Err(Failure::new(Code::Usage, format!("'{revision}' is not a revision")).into());
    }
    let (mut sources, mut unread) = (Vec::new(), Vec::new());
    for path in paths.iter().filter(|path| path.as_path() != Path::new("-")) {
        let (dir, inside) = if path.is_dir() {
            (path.as_path(), ".".to_owned())
        } else {
            let parent =
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (parent, path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        };
        // A revision that is not there is told as such, and not as one without files.
        git(dir, &["rev-parse", "--quiet", "--verify", "--end-of-options", &format!("{revision}^{{commit}}")])
            .map_err(|_| {
                Failure::new(Code::NotFound, format!("{} has no revision '{revision}'", dir.display())).remedy(
                    "is it a checkout of git with enough history? In a pipeline, fetch the branch to compare with first",
                )
            })?;
        let names = git(dir, &["ls-tree", "-r", "-z", "--name-only", revision, "--", &inside])?;
        for name in names.split('\0').filter(|name| is_document(name)) {
            let place = format!("{revision}:{name}");
            match git(dir, &["show", &format!("{revision}:./{name}")]) {
                Ok(text) => sources.push(Source { name: place, text }),
                Err(error) => unread.push(format!("{place}: {error}")),
            }
        }
    }
    let files = match Files::of(&sources) {
        Ok(files) if unread.is_empty() => Ok(files),
        read => Err(unread.into_iter().chain(read.err().unwrap_or_default()).collect::<Vec<_>>()),
    };
    files.or_else(|wrong| {
        for line in wrong.iter().take(20) {
            cx.note(line)?;
        }
        Err(Failure::new(Code::Invalid, format!("the documents of {revision} have {} error(s)", wrong.len()))
            .remedy("compare with a revision that is in order")
            .into())
    })
}

/// As directories are read: no hidden files, and the endings of documents alone.
fn is_document(name: &str) -> bool {
    let hidden = name.split('/').any(|part| part.starts_with('.'));
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !hidden && matches!(ending, Some("yaml" | "yml" | "json"))
}

fn git(dir: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(arguments)
        .output()
        .context("cannot run git, which --base needs to read a revision")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(Code::Failed, format!("git {}: {said}", arguments.join(" "))).into());
    }
    String::from_utf8(output.stdout).map_err(|_| {
        Failure::new(Code::Invalid, format!("git {}: the answer is not text (UTF-8)", arguments.join(" ")))
            .into()
    })
}
