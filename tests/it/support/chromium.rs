//! A browser to look at pages with: Chromium without a screen, driven by its DevTools protocol over a pipe.
//!
//! Wanted: `chromium`, and a font with Chinese (Debian: `chromium`, `fonts-wqy-microhei`). Where it is missing, tests say so
//! aloud; in CI they fail.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{in_ci, say_aloud};

/// A minute, for a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a page is asked whether it is as it should be.
const AGAIN: Duration = Duration::from_millis(100);

/// A browser that runs, with one page at a time.
pub(crate) struct Browser {
    child: Child,
    said: BufReader<ChildStdout>,
    tell: ChildStdin,
    number: u64,
    session: String,
    /// Everything that happened in the page, oldest first.
    events: Vec<Value>,
    _profile: TempDir,
}

/// How large a page is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// In the page's own pixels.
    pub(crate) width: u32,
    /// The same.
    pub(crate) height: u32,
    /// The device's pixels for one of these: 2 is a zoom of 200 %.
    pub(crate) scale: u32,
}

impl Browser {
    /// Starts one; `None` where there is none, which only happens outside CI.
    pub(crate) async fn start() -> Option<Self> {
        let mut asked = Command::new("chromium");
        let asked = asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if !asked.is_ok_and(|status| status.success()) {
            let missing = "chromium (and fonts-wqy-microhei) is needed to look at pages";
            assert!(!in_ci(), "{missing}");
            say_aloud(&format!("SKIPPED: {missing}"));
            return None;
        }
        let profile = TempDir::with_prefix("qinlian-browser-").expect("a directory");
        // The protocol is spoken on the descriptors 3 and 4, which are this program's pipes.
        let mut child = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "chromium"])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .args(["--hide-scrollbars", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let said = BufReader::new(child.stdout.take().expect("piped"));
        let tell = child.stdin.take().expect("piped");
        let session = String::new();
        Some(Self { child, said, tell, number: 0, session, events: Vec::new(), _profile: profile })
    }

    /// A new page, in place of the last one. `language` is what it asks for.
    pub(crate) async fn page(&mut self, screen: Screen, language: &str) {
        self.session.clear();
        let context = self.ask("Target.createBrowserContext", json!({})).await;
        let target = json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = self.ask("Target.createTarget", target).await["targetId"].clone();
        let session = self.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await;
        session["sessionId"].as_str().expect("a session").clone_into(&mut self.session);
        self.events.clear();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), json!({})).await;
        }
        self.show(screen).await;
        let agent = self.evaluate("navigator.userAgent").await;
        let agent = json!({ "userAgent": agent, "acceptLanguage": language });
        self.ask("Emulation.setUserAgentOverride", agent).await;
    }

    /// The size of the page.
    pub(crate) async fn show(&mut self, screen: Screen) {
        let Screen { width, height, scale } = screen;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Goes somewhere, and waits until everything is there.
    pub(crate) async fn open(&mut self, url: &str) {
        let seen = self.events.len();
        let answer = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(answer.get("errorText").is_none(), "{url}: {answer}");
        while !self.events[seen..].iter().any(|event| event["method"] == "Page.loadEventFired") {
            let message = self.hear().await;
            self.events.push(message);
        }
    }

    /// What an expression is in the page.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", asked).await;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page; `false`: it was not in time.
    pub(crate) async fn becomes(&mut self, expression: &str, within: Duration) -> bool {
        let asked = async {
            while self.evaluate(expression).await != Value::Bool(true) {
                tokio::time::sleep(AGAIN).await;
            }
        };
        tokio::time::timeout(within, asked).await.is_ok()
    }

    /// A picture of what is seen.
    pub(crate) async fn picture(&mut self, to: &Path) {
        let answer = self.ask("Page.captureScreenshot", json!({ "format": "png" })).await;
        let picture = answer["data"].as_str().expect("a picture");
        let picture = base64::engine::general_purpose::STANDARD.decode(picture).expect("base64");
        std::fs::write(to, picture).expect("a file");
    }

    /// What went wrong in the page since it was made: exceptions, errors on its console, whatever the browser held back.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let wrong = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => event["params"]["type"] == "error",
            "Log.entryAdded" => event["params"]["entry"]["level"] == "error",
            _ => false,
        };
        self.events.iter().filter(wrong).collect()
    }

    /// Every address that the page asked for.
    pub(crate) fn asked_for(&self) -> Vec<&str> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// Gives a command, and waits for what comes of it.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = Value::from(self.session.as_str());
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.tell.write_all(&bytes).await.expect("the browser listens");
        loop {
            let message = self.hear().await;
            if message["id"] == self.number {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    async fn hear(&mut self) -> Value {
        let mut bytes = Vec::new();
        let heard = tokio::time::timeout(PATIENCE, self.said.read_until(0, &mut bytes)).await;
        heard.expect("the browser answers in time").expect("its answer is read");
        assert_eq!(bytes.pop(), Some(0), "the browser is gone");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// It ends.
    pub(crate) async fn close(mut self) {
        self.session.clear();
        self.ask("Browser.close", json!({})).await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the browser ends in time").expect("it ended");
    }
}
