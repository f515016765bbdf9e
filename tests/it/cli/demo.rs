//! `qinlian demo`: what a new user sees first.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{done, program, qinlian, text};

/// Two columns for what is two columns wide.
fn width(line: &str) -> usize {
    line.chars().map(|c| if ('\u{2E80}'..='\u{FF60}').contains(&c) { 2 } else { 1 }).sum()
}

#[test]
fn the_demonstration_ends_verified_and_names_the_altered_row() {
    let told = done(&["demo", "--once"]);
    for line in told.lines() {
        assert!(width(line) <= 80, "{} columns: {line}", width(line));
    }
    assert!(!told.contains('\u{1B}'), "no colour");
    let verified = told.find("verified").expect("verified");
    assert!(told[verified..].contains("entries offline"));
    assert!(told[verified..].contains("attendance_punch"), "the altered row is named after it: {told}");
    for word in ["clock-1", "out of order", "refused", "the same receipt, byte for byte"] {
        assert!(told.contains(word), "{word}");
    }
}

#[test]
fn without_once_it_stays_up_with_tokens_that_work_until_it_is_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    let mut child = program()
        .args(["demo", "--data", text(&data), "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let up = lines.any(|line| line.is_ok_and(|line| line.contains("Ctrl-C ends it")));
    assert!(up, "it ended instead of staying up");
    let written = std::fs::read_to_string(data.join("demo.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["centre"], "hall");
    let (port, token) = (&written["port"], written["tokens"]["HR"].as_str().unwrap());
    let answered = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let channel = tonic::transport::Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
        let channel = channel.connect().await.unwrap();
        let mut calls = qinlian::proto::attendance_service_client::AttendanceServiceClient::new(channel);
        let mut request = tonic::Request::new(qinlian::proto::ListPresenceSinceRequest {
            centre: "hall".to_owned(),
            cursor: String::new(),
            limit: 1_000,
        });
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        calls.list_presence_since(request).await.unwrap().into_inner()
    });
    assert!(answered.items.len() >= 60, "{} days", answered.items.len());
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert!(child.wait().unwrap().success(), "it ends cleanly");
    let checked = qinlian(&["audit", "check", "--data", text(&data)]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    // Results are in no leaf, but they are made again.
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let url = format!("sqlite://{}", data.join("qinlian.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let altered = "UPDATE result_revision SET content = X'00' WHERE room = 1 AND seq = 3";
        assert!(sqlx::query(altered).execute(&pool).await.unwrap().rows_affected() > 0);
        pool.close().await;
    });
    let checked = qinlian(&["audit", "check", "--data", text(&data)]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(said.contains("result_revision room 1 seq 3 content"), "{said}");
}
