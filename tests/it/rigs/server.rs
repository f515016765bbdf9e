//! The server as a process of its own: started on a folder, listened to, and ended in every way there is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tonic::transport::{Channel, Endpoint};

/// A minute, for a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary with nothing in its environment but what we put there: the tests' own variables are not its.
pub(crate) fn qinlian() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qinlian"));
    command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command of it that ends by itself, and insists that it does well.
pub(crate) async fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().await.expect("the binary runs");
    let said = String::from_utf8(stdout).expect("text");
    assert!(status.success(), "{command:?} said no: {said}\n{}", String::from_utf8_lossy(&stderr));
    said
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    url: String,
}

/// A process that has begun, and may not be a server yet.
#[derive(Debug)]
pub(crate) struct Starting {
    child: Child,
    log: PathBuf,
}

/// Begins a server on a folder. Its log goes to the end of a file.
pub(crate) fn begin(data: &Path, log: &Path, variables: &[(&str, &str)]) -> Starting {
    let file = File::options().create(true).append(true).open(log).expect("a log file");
    let child = qinlian()
        .args(["serve", "--port", "0", "--data"])
        .arg(data)
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(file)
        .spawn()
        .expect("the binary runs");
    Starting { child, log: log.to_owned() }
}

impl Starting {
    /// Waits until it says where it listens.
    pub(crate) async fn listens(mut self) -> Server {
        let mut stdout = BufReader::new(self.child.stdout.take().expect("piped")).lines();
        let line = tokio::time::timeout(PATIENCE, stdout.next_line()).await.expect("it starts in time");
        let line = line.expect("its output is read").unwrap_or_default();
        let Some(address) = line.strip_prefix("qinlian listens on ") else {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            panic!("the server did not start: {line:?}\n{}", last_lines(&log));
        };
        Server { child: self.child, stdout, url: format!("http://{address}") }
    }

    /// Kills it before it is anything.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

impl Server {
    /// Starts a server on a folder.
    pub(crate) async fn start(data: &Path, log: &Path) -> Self {
        begin(data, log, &[]).listens().await
    }

    /// Where it listens: host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.url.clone()).expect("a URL");
        endpoint.timeout(PATIENCE).connect().await.expect("it listens")
    }

    /// A connection of a client that names itself.
    pub(crate) async fn connect_as(&self, agent: &str) -> Channel {
        let endpoint = Endpoint::from_shared(self.url.clone()).expect("a URL").user_agent(agent);
        endpoint.expect("a name").timeout(PATIENCE).connect().await.expect("it listens")
    }

    /// Several connections.
    pub(crate) async fn connections(&self, count: usize) -> Vec<Channel> {
        let mut channels = Vec::new();
        for _ in 0..count {
            channels.push(self.connect().await);
        }
        channels
    }

    /// SIGKILL: nothing of its own runs any more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// SIGTERM: it answers what it has begun, and goes. It has to go well.
    pub(crate) async fn stop(mut self) {
        let pid = self.pid().to_string();
        let signal = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(signal.success());
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it stops in time");
        assert!(status.expect("it ended").success(), "the server ended badly");
        assert_eq!(
            self.stdout.next_line().await.expect("its output is read"),
            None,
            "one line is all it says"
        );
    }
}
