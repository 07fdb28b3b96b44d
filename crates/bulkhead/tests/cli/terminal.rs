//! What a person at a terminal sees, and a script does not.

use crate::program::{bulkhead, code, text};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::OwnedFd,
    process::Stdio,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

/// A terminal: what is written to it comes out of the channel.
fn terminal(columns: u16) -> (OwnedFd, Receiver<String>) {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&near).expect("granted");
    unlockpt(&near).expect("unlocked");
    let name = ptsname(&near, Vec::new()).expect("its name").into_string().expect("UTF-8");
    let far = fs::OpenOptions::new().read(true).write(true).open(name).expect("opens");
    tcsetwinsize(&far, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
    let (sender, receiver) = mpsc::sync_channel(1000);
    std::thread::spawn(move || {
        let (mut near, mut bytes) = (File::from(near), [0; 4096]);
        // It ends with an error when the last one has closed the other side.
        while let Ok(length @ 1..) = near.read(&mut bytes) {
            if sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).is_err() {
                break;
            }
        }
    });
    (far.into(), receiver)
}

/// A test that waits longer fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn until(said: &Receiver<String>, wanted: &str) -> String {
    let mut all = String::new();
    while !all.contains(wanted) {
        match said.recv_timeout(PATIENCE) {
            Ok(more) => all += &more,
            Err(error) => panic!("{error}: '{wanted}' is not in {all:?}"),
        }
    }
    all
}

const FLOWS: &str = "\
time,source,destination,dst_port,protocol,action
2026-03-02T08:00:00Z,shop/web,shop/redis,6379,tcp,allow
";

#[test]
fn what_takes_long_shows_a_line_on_a_terminal_and_takes_it_away_again() {
    let (terminal, said) = terminal(80);
    let mut child = bulkhead(&["learn", "-f", "-", "--format", "csv"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(terminal)
        .spawn()
        .expect("starts");
    // Nothing comes in yet: it takes as long as this test wants.
    let shown = until(&said, "reading standard input");
    assert!(shown.contains("s)"), "for how long already: {shown:?}");
    child.stdin.take().expect("piped").write_all(FLOWS.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("shop/redis"), "{}", text(&output.stdout));
    let rest: String = said.iter().collect();
    assert!(rest.ends_with("\u{1b}[2K") || rest.trim_end().ends_with("\u{1b}[2K"), "it stays: {rest:?}");
}

#[test]
fn a_pipe_gets_no_such_line() {
    let mut child = bulkhead(&["learn", "-f", "-", "--format", "csv"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all(FLOWS.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(code(&output), 0);
    assert_eq!(text(&output.stderr), "");
    assert!(!text(&output.stdout).contains('\u{1b}'));
}

#[test]
fn answers_fit_the_terminal_they_are_printed_on() {
    for columns in [60, 80, 120] {
        let (terminal, said) = terminal(columns);
        let mut command = bulkhead(&["check", "--color", "never"]);
        command.stdout(terminal).stderr(Stdio::null());
        let status = command.status().expect("it starts");
        // The command holds the terminal open as long as it is there.
        drop(command);
        assert!(matches!(status.code(), Some(0 | 1)));
        let answer: String = said.iter().collect();
        assert!(answer.contains("container runtimes"), "{answer}");
        for line in answer.lines() {
            let path_or_word = line.split_whitespace().any(|word| word.chars().count() > 40);
            assert!(line.chars().count() <= columns.into() || path_or_word, "{columns}: {line}");
        }
    }
}
