use super::{
    COMMAND_LINE_LIMIT,
    procfs::{ProcessDirectory, all_processes},
};
use std::collections::VecDeque;

/// A process as a line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeProcess {
    pub pid: u32,
    pub parent: u32,
    pub executable: Box<str>,
    pub command_line: Box<str>,
}

/// The processes of a container, at most `limit` of them: its first process `root` and what descends from it, parents
/// before their children, then what was put into it from outside (`docker exec`), which descends from the runtime's
/// shim and is known by sharing the container's process namespace. Containers of a pod that share one show each
/// other's processes; a container in the host's process namespace shows only what descends from its first.
pub fn process_tree(root: u32, limit: usize) -> Vec<TreeProcess> {
    let mut tree = descendants(root, limit);
    let namespace =
        |pid: u32| ProcessDirectory::open(pid).and_then(|directory| directory.process_namespace());
    let Some(own) = namespace(root).filter(|own| Some(*own) != namespace(std::process::id())) else {
        return tree;
    };
    if tree.len() < limit {
        let mut others: Vec<u32> = all_processes()
            .filter(|pid| tree.iter().all(|p| p.pid != *pid) && namespace(*pid) == Some(own))
            .collect();
        others.sort_unstable();
        let room = limit - tree.len();
        tree.extend(others.into_iter().filter_map(|pid| line(pid, own)).take(room));
    }
    tree
}

fn line(pid: u32, process_namespace: u64) -> Option<TreeProcess> {
    let directory = ProcessDirectory::open(pid)?;
    let found = describe(pid, &directory)?;
    (directory.process_namespace() == Some(process_namespace)).then_some(found)
}

fn describe(pid: u32, directory: &ProcessDirectory) -> Option<TreeProcess> {
    Some(TreeProcess {
        pid,
        parent: directory.parent()?,
        executable: directory.executable().unwrap_or_default(),
        command_line: directory.command_line(COMMAND_LINE_LIMIT).unwrap_or_default(),
    })
}

fn descendants(root: u32, limit: usize) -> Vec<TreeProcess> {
    let mut tree: Vec<TreeProcess> = Vec::new();
    let mut waiting = VecDeque::from([root]);
    while let Some(pid) = waiting.pop_front() {
        if tree.len() >= limit {
            break;
        }
        let Some(directory) = ProcessDirectory::open(pid) else { continue };
        let Some(process) = describe(pid, &directory) else { continue };
        // Else the number has been given to a process elsewhere.
        if pid == root || tree.iter().any(|p| p.pid == process.parent) {
            tree.push(process);
            waiting.extend(directory.children());
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        process::{Command, Stdio},
    };

    #[test]
    fn a_tree_holds_children_after_their_parents_and_no_more_than_asked() {
        let mut child = Command::new("sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        // Once `cat` echoes, it runs.
        child.stdin.as_mut().expect("piped").write_all(b"x").expect("written");
        let mut echoed = [0];
        child.stdout.as_mut().expect("piped").read_exact(&mut echoed).expect("echoed");

        let tree = process_tree(child.id(), 10);
        let cut = process_tree(child.id(), 1);
        drop(child.stdin.take());
        child.wait().expect("ended");

        assert_eq!(tree.len(), 2, "{tree:?}");
        assert_eq!(tree[1].parent, tree[0].pid);
        assert!(tree[1].command_line.starts_with("cat"));
        assert_eq!(cut.len(), 1);
    }
}
