//! A terminal with a keyboard: `script` of util-linux gives it one, and every key counts at once.

use std::process::Stdio;
use std::time::Duration;

use qinlian::proto::window::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdout, Command};

use super::place::Place;
use super::process::Terminal;

/// Reads until something stands on the screen; everything that stood there since the last time.
async fn until(screen: &mut ChildStdout, wanted: &str) -> String {
    let mut text = Vec::new();
    let reads = async {
        let mut some = [0; 1_024];
        loop {
            let read = screen.read(&mut some).await.expect("a screen");
            text.extend(&some[..read]);
            let said = String::from_utf8_lossy(&text);
            if said.contains(wanted) {
                return said.into_owned();
            }
            assert!(read > 0, "it ended before {wanted}: {said}");
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reads).await.unwrap_or_else(|_| panic!("no {wanted}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_keys_pause_and_one_is_back_and_a_card_is_not_shown() {
    let (place, mut other) = Place::begin().await;
    let post = place.post(Kind::Specialised).await;
    let mut terminal = Terminal::enrol(&post, place.server.address()).await;
    terminal.quit().await;
    let program = env!("CARGO_BIN_EXE_qinlian");
    let line = format!("{program} terminal --language en --data {}", post.folder.display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
    for ours in ["QINLIAN_TESTS", "QINLIAN_CI", "QINLIAN_TEST_PG", "QINLIAN_FUZZ_SEED"] {
        script.env_remove(ours);
    }
    let mut child = script.spawn().expect("script, of util-linux");
    let (mut keys, mut screen) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    until(&mut screen, "ready").await;
    let mut seen = String::new();
    for (pressed, wanted) in [
        (format!("i{}\n", post.card), "#1 clock in 张1: stored"),
        (format!("o{}\n", post.card), "#2 open 张1: stored OPEN"),
        ("p1".to_owned(), "send citizens to: w0"),
        ("r".to_owned(), "#4 return 张1: stored OPEN"),
        ("q".to_owned(), ""),
    ] {
        keys.write_all(pressed.as_bytes()).await.expect("pressed");
        seen.push_str(&until(&mut screen, wanted).await);
    }
    assert!(!seen.contains(&post.card), "{seen}");
    let ended = tokio::time::timeout(Duration::from_mins(1), child.wait()).await.expect("it ends");
    assert!(ended.expect("it ended").success(), "{seen}");
    let written = place.written(&post.device).await;
    let what: Vec<&str> = written.iter().map(|written| written.what).collect();
    assert_eq!(what, ["clock in", "open", "pause", "return"]);
    other.quit().await;
}
