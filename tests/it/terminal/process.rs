//! `qinlian terminal` as a process: what is said to it, and what it shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::place::Post;
use crate::rigs::server::qinlian;

/// A minute, for a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between reports; the first retry comes after a thirtieth.
const REPORT_MS: &str = "3000";

/// A terminal that runs, and everything that it ever showed.
#[derive(Debug)]
pub(super) struct Terminal {
    folder: PathBuf,
    running: Option<Running>,
    heard: Vec<String>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Terminal {
    /// The first start of a terminal, until it is ready.
    pub(super) async fn enrol(post: &Post, server: &str) -> Self {
        let mut terminal = Self { folder: post.folder.clone(), running: None, heard: Vec::new() };
        terminal.start_with(&post.beginning(server));
        assert!(terminal.until(|line| line == "ready").await.is_some(), "not ready: {:?}", terminal.heard);
        terminal
    }

    /// The folder of its key and its journal.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn start_with(&mut self, words: &[String]) {
        let mut command = qinlian();
        command.args(["terminal", "--language", "en", "--report-ms", REPORT_MS, "--data"]).arg(&self.folder);
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stdin = child.stdin.take().expect("piped");
        let stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        self.running = Some(Running { child, stdin, stdout });
    }

    /// Starts it again, until it is ready; `false`: it ended before.
    pub(super) async fn start(&mut self) -> bool {
        self.start_with(&[]);
        self.until(|line| line == "ready").await.is_some()
    }

    /// Says something, and answers with the line that says what came of it; `None`: it ended.
    pub(super) async fn say(&mut self, line: &str) -> Option<String> {
        let stdin = &mut self.running.as_mut()?.stdin;
        stdin.write_all(format!("{line}\n").as_bytes()).await.ok()?;
        self.until(answers).await
    }

    /// Reads until a line; `None`: it ended.
    async fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        loop {
            let running = self.running.as_mut()?;
            let line = tokio::time::timeout(PATIENCE, running.stdout.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("it says nothing more: {:?}", self.heard));
            let line = line.expect("its output is read")?;
            self.heard.push(line.clone());
            if wanted(&line) {
                return Some(line);
            }
        }
    }

    /// Ends it as it should end.
    pub(super) async fn quit(&mut self) {
        if let Some(running) = &mut self.running {
            running.stdin.write_all(b"quit\n").await.expect("it runs");
        }
        let _rest = self.until(|_| false).await;
        if let Some(running) = &mut self.running {
            let status = tokio::time::timeout(PATIENCE, running.child.wait()).await.expect("it ends in time");
            assert!(status.expect("it ended").success(), "it ended badly: {:?}", self.heard);
        }
        self.running = None;
    }

    /// SIGKILL. What it had written to its screen stays read.
    pub(super) async fn kill(&mut self) {
        if let Some(running) = &mut self.running {
            running.child.kill().await.expect("killed");
        }
        let _rest = self.until(|_| false).await;
        self.running = None;
    }

    /// Everything that it showed.
    pub(super) fn heard(&self) -> &[String] {
        &self.heard
    }

    /// What it showed as recorded: by number, the first words.
    pub(super) fn shown(&self) -> BTreeMap<u64, String> {
        self.heard.iter().filter_map(|line| number(line)).collect()
    }
}

/// Does a line say what came of something that was said?
fn answers(line: &str) -> bool {
    const OTHERS: [&str; 6] =
        ["refused ", "cannot be recorded", "who?", "not understood", "no pause was refused", "all sent"];
    let recorded =
        line.starts_with('#') && [": stored", ": offline, kept"].iter().any(|end| line.contains(end));
    recorded || line.contains(": CONFLICT") || OTHERS.iter().any(|other| line.starts_with(other))
}

/// `#3 pause until 10:30: stored` is the third, and a pause.
pub(super) fn number(line: &str) -> Option<(u64, String)> {
    const KINDS: [&str; 7] = ["clock in", "clock out", "open", "close", "pause", "extend", "return"];
    let (seq, rest) = line.strip_prefix('#')?.split_once(' ')?;
    let kind = KINDS.into_iter().find(|kind| rest.starts_with(kind))?;
    Some((seq.parse().ok()?, kind.to_owned()))
}
