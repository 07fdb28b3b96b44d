use super::{COMMAND_LINE_LIMIT, procfs::ProcessDirectory};
use std::collections::VecDeque;

/// A process as a line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeProcess {
    pub pid: u32,
    pub parent: u32,
    pub executable: Box<str>,
    pub command_line: Box<str>,
}

/// The process `root` and what descends from it, parents before their children, at most `limit` of them. Processes
/// that were put into a container from outside (`docker exec`) descend from the runtime's shim and are not among
/// them; [`super::processes_in`] finds those.
pub fn process_tree(root: u32, limit: usize) -> Vec<TreeProcess> {
    let mut tree = Vec::new();
    let mut waiting = VecDeque::from([root]);
    while let Some(pid) = waiting.pop_front() {
        if tree.len() >= limit {
            break;
        }
        let Some(directory) = ProcessDirectory::open(pid) else { continue };
        let Some(parent) = directory.parent() else { continue };
        let expected = pid == root || tree.iter().any(|p: &TreeProcess| p.pid == parent);
        if !expected {
            continue; // the number has been given to a process elsewhere
        }
        tree.push(TreeProcess {
            pid,
            parent,
            executable: directory.executable().unwrap_or_default(),
            command_line: directory.command_line(COMMAND_LINE_LIMIT).unwrap_or_default(),
        });
        waiting.extend(directory.children());
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
