//! `qinlian pki`: what it refuses, and what it never does twice. Whether others believe its certificates is for
//! `rigs::certificates`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{done, qinlian, text};

/// What is in a folder, with its rights.
fn files(folder: &Path) -> Vec<(String, u32)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let rights = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), rights)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn keys_are_for_their_owner_and_nothing_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let [authority, server] = ["authority", "server"].map(|name| dir.path().join(name));
    let make = ["pki", "authority", "-o", text(&authority), "--name", "城西政务服务中心"];
    let issue = ["pki", "server", "--authority", text(&authority), "-o", text(&server)];
    let issue =
        [issue.as_slice(), &["--name", "hall.example", "--name", "10.0.0.5", "--name", "::1"]].concat();
    let said = done(&make) + &done(&issue);
    assert!(said.contains("[listen.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\""), "{said}");
    let made = [("authority.key", 0o400), ("authority.name", 0o444), ("authority.pem", 0o444)];
    assert_eq!(files(&authority), made.map(|(name, rights)| (name.to_owned(), rights)));
    let issued = [("server.key", 0o400), ("server.pem", 0o444)];
    assert_eq!(files(&server), issued.map(|(name, rights)| (name.to_owned(), rights)));

    let before = fs::read(server.join("server.pem")).unwrap();
    for again in [make.as_slice(), &issue] {
        assert_eq!(qinlian(again).status.code(), Some(2), "{again:?}");
    }
    assert_eq!(fs::read(server.join("server.pem")).unwrap(), before);
}

#[test]
fn what_cannot_be_issued_is_refused_by_name_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let [authority, to, none] = ["authority", "to", "none"].map(|name| dir.path().join(name));
    done(&["pki", "authority", "-o", text(&authority)]);
    let long = "a".repeat(65);
    let (authority, to, none) = (text(&authority), text(&to), text(&none));
    let server = |name: &'static str, days: &'static str| {
        vec!["pki", "server", "--authority", authority, "-o", to, "--name", name, "--days", days]
    };
    for (named, words) in [
        ("--name", server("a b", "1")),
        ("--name", server("", "1")),
        ("--name", server("-a.example", "1")),
        ("--name", server("*.example", "1")),
        ("--days", server("a.example", "0")),
        ("--days", server("a.example", "732")),
        ("--authority", vec!["pki", "server", "--authority", none, "-o", to, "--name", "a"]),
        ("--device", vec!["pki", "terminal", "--authority", authority, "-o", to, "--device", "../x"]),
        ("--device", vec!["pki", "terminal", "--authority", authority, "-o", to, "--device", ""]),
        ("--name", vec!["pki", "authority", "-o", to, "--name", ""]),
        ("--name", vec!["pki", "authority", "-o", to, "--name", &long]),
        ("--name", vec!["pki", "authority", "-o", to, "--name", "a\nb"]),
    ] {
        let output = qinlian(&words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(named), "{words:?}: {said}");
    }
    assert!(!Path::new(to).exists(), "nothing half done");
}
