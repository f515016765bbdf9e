//! The program itself, as somebody types it.

mod bench;
mod commands;
mod demo;
mod export;
mod import;
mod import_cut;
mod import_files;
mod master;
mod pki;

use std::path::Path;
use std::process::{Command, Output};

/// `qinlian`, without the variables of these tests: it refuses those that it does not know.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qinlian"));
    command.env_remove("QINLIAN_TESTS").env_remove("QINLIAN_CI").env_remove("QINLIAN_TEST_PG");
    command
}

/// Runs `qinlian` with these words.
fn qinlian(words: &[&str]) -> Output {
    program().args(words).output().expect("the program starts")
}

/// What it said, when it was to succeed.
fn done(words: &[&str]) -> String {
    let output = qinlian(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// A deployment with the centre `hall` in a folder.
fn begin(data: &Path) {
    done(&["init", "--data", text(data), "--centre", "hall", "--name", "政务服务中心"]);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}
