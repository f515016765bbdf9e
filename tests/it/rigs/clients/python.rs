//! The terminal of `docs/clients/python`.
//!
//! Wanted: Debian's python3-grpcio, python3-cryptography and protobuf-compiler-grpc.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use super::super::server::{Server, qinlian, run};
use super::super::town::{HALL, Town, badge};
use super::{missing, new_code};
use crate::support::source::root;

/// Where Debian's packages are.
const PYTHON: &str = "/usr/bin/python3";

/// The program of docs/clients/python with the modules that it is generated with; `None` where Python lacks something.
async fn terminal(home: &Path) -> Option<PathBuf> {
    let wanted = "import grpc, cryptography; open('/usr/bin/grpc_python_plugin')";
    let there = Command::new(PYTHON).args(["-c", wanted]).output().await;
    if !there.is_ok_and(|output| output.status.success()) {
        missing("python3-grpcio, python3-cryptography and protobuf-compiler-grpc");
        return None;
    }
    let folder = home.join("python");
    std::fs::create_dir(&folder).expect("a folder");
    run(qinlian().args(["proto", "export"]).arg(folder.join("proto"))).await;
    std::fs::copy(root().join("docs/clients/python/terminal.py"), folder.join("terminal.py"))
        .expect("copied");
    // The README's own line.
    let readme = std::fs::read_to_string(root().join("docs/clients/python/README.md")).expect("a README");
    let line = readme.lines().find(|line| line.starts_with("protoc ")).expect("the README says how");
    let made = Command::new("sh").args(["-c", line]).current_dir(&folder).output().await.expect("sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(folder)
}

/// Runs it; what it says, and whether it was content.
async fn says(folder: &Path, server: Option<&Server>, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(PYTHON);
    command.current_dir(folder).args(["terminal.py", "--state", "state"]);
    if let Some(server) = server {
        command.args(["--server", server.address()]);
    }
    let Output { status, stdout, stderr } = command.args(words).output().await.expect("python");
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).trim().to_owned();
    (status.success(), said)
}

#[tokio::test]
async fn a_terminal_in_python_enrols_clocks_in_works_offline_and_verifies_what_it_is_told() {
    let town = Town::on_sqlite().await;
    let Some(folder) = terminal(town.home()).await else { return town.end().await };
    let server = town.serve(0).await;
    let code = new_code(&town, server.connect().await, "py-1").await;
    let enrol = ["--centre", HALL, "--device", "py-1", "enrol", &code];
    let (good, said) = says(&folder, Some(&server), &enrol).await;
    assert!(good && said.starts_with("enrolled py-1, journal "), "{said}");

    let clock = ["clock", "in", "CARD", &badge(0)];
    let (good, said) = says(&folder, None, &clock).await;
    assert!(good && said.starts_with("ACCEPTED entry ") && said.ends_with("verified []"), "{said}");
    let (_, said) = says(&folder, None, &["clock", "in", "CARD", "nobody's"]).await;
    assert!(said.starts_with("QUARANTINED") && said.contains("UNKNOWN_PERSON"), "{said}");

    // An outage: clocking in goes on, and everything is sent when the server is back, by then elsewhere.
    server.stop().await;
    for waiting in 1..=3 {
        let (good, said) = says(&folder, None, &["clock", "out", "CARD", &badge(2)]).await;
        assert_eq!((good, said), (true, format!("offline, {waiting} waiting")));
    }
    let server = town.serve(0).await;
    let (good, said) = says(&folder, Some(&server), &["sync"]).await;
    assert_eq!((good, said.as_str()), (true, r#"{"ACCEPTED": 3} 0 waiting"#));
    let (good, said) = says(&folder, None, &["config"]).await;
    assert!(good && said.contains(" people, ") && said.contains(" windows"), "{said}");
    assert_eq!(says(&folder, None, &["config"]).await, (true, "nothing new".to_owned()));

    // The control: with another log's key it believes nothing, and keeps what it has.
    let file = folder.join("state/state.json");
    let state = std::fs::read_to_string(&file).expect("its state");
    let mut changed: serde_json::Value = serde_json::from_str(&state).expect("JSON");
    let vkeys = changed["vkeys"].as_array_mut().expect("keys");
    vkeys.truncate(0);
    std::fs::write(&file, changed.to_string()).expect("written");
    let (good, said) = says(&folder, None, &clock).await;
    assert!(!good && said.contains("nobody we know signed this checkpoint"), "{said}");
    let state: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("its state")).expect("JSON");
    assert_eq!(state["waiting"].as_array().map(Vec::len), Some(1), "not deleted before it is verified");
    server.stop().await;
    town.audit(0).await;
    town.end().await;
}
