use super::{COMMAND_LINE_LIMIT, procfs::ProcessDirectory};
use bulkhead_model::ParentProcess;

/// Parents of one process that are told.
const LIMIT: usize = 8;

/// The parents of a process, nearest first, as far as its namespaces go: above a container's first process is the
/// runtime's shim, which lives in those of the host.
pub(super) fn parents(process: &ProcessDirectory) -> Vec<ParentProcess> {
    let place = |process: &ProcessDirectory| process.network_namespace().zip(process.process_namespace());
    let own = place(process);
    let mut found: Vec<ParentProcess> = Vec::new();
    let mut above: Option<ProcessDirectory> = None;
    while found.len() < LIMIT && own.is_some() {
        let child = above.as_ref().unwrap_or(process);
        let Some((parent, directory)) = parent(child) else { break };
        if place(&directory) != own {
            break;
        }
        found.push(parent);
        above = Some(directory);
    }
    found
}

fn parent(child: &ProcessDirectory) -> Option<(ParentProcess, ProcessDirectory)> {
    let pid = child.parent()?;
    let directory = ProcessDirectory::open(pid)?;
    let parent = ParentProcess {
        pid,
        executable: directory.executable()?,
        command_line: directory.command_line(COMMAND_LINE_LIMIT)?,
    };
    // Who is the parent still was it all the time: what was opened is no other that got its number.
    (child.parent() == Some(pid)).then_some((parent, directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };

    #[test]
    fn parents_are_told_nearest_first_and_no_more_than_eight() {
        // Ten shells, each the child of the one before; the last waits for its input to end.
        let script =
            "if [ $1 -gt 0 ]; then sh -c \"$0\" \"$0\" $(($1 - 1)); true; else echo $$; cat; true; fi";
        let mut first = Command::new("sh")
            .args(["-c", script, script, "9"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let mut output = BufReader::new(first.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("its number");
        let last: u32 = line.trim().parse().expect("a number");
        let of = |pid| parents(&ProcessDirectory::open(pid).expect("runs"));
        let (chain, own) = (of(last), of(first.id()));
        drop(first.stdin.take());
        first.wait().expect("ended");

        assert_eq!(chain.len(), LIMIT, "{chain:?}");
        assert_eq!(own.first().map(|parent| parent.pid), Some(std::process::id()));
        assert!(chain.iter().all(|parent| parent.pid != last && parent.command_line.starts_with("sh -c")));
    }
}
