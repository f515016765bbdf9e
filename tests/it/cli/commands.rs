//! The smaller commands: exit codes, and what they leave alone.

use qinlian::access::support::method_mark;
use qinlian::access::{Denial, SupportKey, Why};
use qinlian::kernel::EpochMs;
use qinlian::ledger::keys::Keys;

use super::{begin, done, qinlian, text};

#[test]
fn a_folder_that_is_not_empty_is_left_alone_and_one_that_is_not_begun_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    begin(&data);
    let before = std::fs::read(data.join("verifier.key")).unwrap();
    let again = qinlian(&["init", "--data", text(&data), "--centre", "x", "--name", "x"]);
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(std::fs::read(data.join("verifier.key")).unwrap(), before);
    let nothing = dir.path().join("nothing");
    let refused = qinlian(&["serve", "--data", text(&nothing)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("qinlian init --data"),
        "with the line to type"
    );
}

#[test]
fn help_and_mistakes_have_the_exit_codes_that_scripts_expect() {
    assert_eq!(qinlian(&["--help"]).status.code(), Some(0));
    assert!(done(&["--help"]).contains("Examples:"));
    assert_eq!(qinlian(&["no-such-command"]).status.code(), Some(2));
    assert_eq!(qinlian(&["audit", "verify", "/no/such/folder", "--key", "x"]).status.code(), Some(2));
}

#[test]
fn a_database_that_was_altered_is_named_and_the_exit_code_says_no() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    begin(&data);
    assert!(qinlian(&["audit", "check", "--data", text(&data)]).status.success());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", data.join("qinlian.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let altered = sqlx::query("UPDATE directory_record SET code = 'somebody' WHERE noun = 3 AND pos = 1");
        assert_eq!(altered.execute(&pool).await.unwrap().rows_affected(), 1);
        pool.close().await;
    });
    let checked = qinlian(&["audit", "check", "--data", text(&data)]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("directory_record"));
}

#[test]
fn a_support_id_is_explained_where_the_keys_are_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| dir.path().join(name));
    begin(&ours);
    begin(&theirs);
    let seal = std::fs::read(ours.join("keys/seal.key")).unwrap();
    let keys = Keys::new(&seal.try_into().unwrap(), &[0; 32]);
    let method = method_mark("/qinlian.v1.AuditService/ListReads");
    let denial = Denial { at: EpochMs::clamped(1_793_579_400_000), method, why: Why::TooNarrow };
    let id = SupportKey::new(keys.support_key()).seal(&denial, [7; 8]);
    let said = done(&["explain", &id, "--data", text(&ours)]);
    for part in
        ["2026-11-02 08:30:00", "AuditService/ListReads", "TOO_NARROW", "AUDITOR", "CENTRE", "授权限于"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&done(&["explain", &id, "--json", "--data", text(&ours)])).unwrap();
    assert_eq!(json["why"], "TOO_NARROW");
    for (data, id) in [(&theirs, id.as_str()), (&ours, "aaaaa-bbbbb-ccccc-ddddd"), (&ours, "no")] {
        let refused = qinlian(&["explain", id, "--data", text(data)]);
        assert_eq!(refused.status.code(), Some(1), "{id}");
    }
}

#[test]
fn a_role_is_granted_once_and_the_proto_files_are_given_away() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    begin(&data);
    let token = || {
        done(&["token", "--data", text(&data), "--subject", "system:hr", "--role", "HR", "--centre", "hall"])
    };
    assert_eq!(token().trim().split('.').count(), 3);
    let size = || {
        let bundle = tempfile::tempdir().unwrap();
        let out = bundle.path().join("bundle");
        done(&["audit", "bundle", "--data", text(&data), "--centre", "hall", "-o", text(&out)]);
        std::fs::read_to_string(out.join("checkpoint")).unwrap().lines().nth(1).unwrap().to_owned()
    };
    let before = size();
    token();
    assert_eq!(size(), before, "the same grant is not given twice");
    let proto = dir.path().join("proto");
    done(&["proto", "export", text(&proto)]);
    assert!(proto.join("qinlian/v1/attendance.proto").exists());
    assert!(done(&["config", "show", "--data", text(&data)]).contains("port = 50051"));
}

#[test]
fn a_bundle_about_a_person_holds_their_name_and_no_other_and_the_read_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let init = ["init", "--data", text(&data), "--centre", "hall", "--name", "大厅"];
    let said = done(&[init.as_slice(), &["--admin", "Zhang San", "--admin", "Li Si"]].concat());
    let first = said.split_whitespace().find_map(|word| word.strip_prefix("person:")).unwrap().to_owned();
    let key = data.join("verifier.key");
    let mut entries = 0;
    for (n, (what, asked, names)) in [
        ("nothing", vec![], [false, false]),
        ("a person", vec!["--person", &first, "--reason", "asked for it"], [true, false]),
        ("all", vec!["--from", "2020-01-01", "--reason", "an audit"], [true, true]),
        ("long ago", vec!["--until", "2020-01-01T00:00:00Z", "--reason", "an audit"], [false, false]),
    ]
    .into_iter()
    .enumerate()
    {
        let out = dir.path().join(format!("bundle-{n}"));
        let bundle = ["audit", "bundle", "--data", text(&data), "--centre", "_", "-o", text(&out)];
        done(&[bundle.as_slice(), &asked].concat());
        let parts = std::fs::read(out.join("parts/000")).unwrap();
        let holds = |name: &str| parts.windows(name.len()).any(|window| window == name.as_bytes());
        assert_eq!(["Zhang San", "Li Si"].map(holds), names, "{what}");
        let report = done(&["audit", "verify", text(&out), "--key", text(&key), "--json"]);
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["verified"], true, "{what}: {report}");
        let before = std::mem::replace(&mut entries, report["entries"].as_u64().unwrap());
        assert!(n == 0 || entries == before + 1, "{what}: a read is an entry");
    }
    let out = dir.path().join("refused");
    for (named, asked) in [
        ("--reason", vec!["--person", first.as_str()]),
        ("--person", vec!["--person", "nobody", "--reason", "x"]),
        ("--from", vec!["--from", "yesterday", "--reason", "x"]),
        ("--until", vec!["--from", "2026-01-02", "--until", "2026-01-01", "--reason", "x"]),
    ] {
        let bundle = ["audit", "bundle", "--data", text(&data), "--centre", "_", "-o", text(&out)];
        let refused = qinlian(&[bundle.as_slice(), &asked].concat());
        assert_eq!(refused.status.code(), Some(2), "{asked:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(named), "{asked:?}");
    }
    assert!(!out.exists());
}
