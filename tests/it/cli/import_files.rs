//! Files as terminals and spreadsheets write them: what each of their lines becomes, on a deployment of its own source.
//! Whatever the file is, a rehearsal says what the import then does, and a second import changes nothing.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use prost::Message;
use qinlian::cli::office::{Office, Opening};
use qinlian::config::{Config, Source};
use qinlian::kernel::{CentreId, Pos};
use qinlian::proto::fact::Fact as Of;
use qinlian::proto::punch::{Direction, Method};
use qinlian::proto::{EntryFacts, PunchFact};
use serde_json::Value;
use sqlx::{PgPool, SqlitePool};
use tempfile::TempDir;

use super::{begin, done, program, qinlian, text};
use crate::support::postgres;
use crate::support::store::Raw;

/// A value that no answer may repeat: what stands in a file is personal.
const SECRET: &str = "QZX7731";

/// A deployment, and files for it.
pub(super) struct Hall {
    home: TempDir,
    pub(super) data: PathBuf,
    database: Option<String>,
}

/// What became of a file: lines, accepted, duplicate, quarantined; refused lines with their reasons.
pub(super) type Became = ([u64; 4], Vec<(u64, String)>);

impl Hall {
    pub(super) fn on_sqlite() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        begin(&data);
        Self { home, data, database: None }
    }

    /// `None` where there is no PostgreSQL, which fails in CI.
    pub(super) fn on_postgres() -> Option<Self> {
        let server = postgres::server()?;
        let database = runtime().block_on(server.create());
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let url = server.url_of(&database);
        done(&["init", "--data", text(&data), "--centre", "hall", "--name", "大厅", "--database", &url]);
        Some(Self { home, data, database: Some(database) })
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn words<'w>(&'w self, file: &'w Path, more: &[&'w str]) -> Vec<&'w str> {
        let words =
            ["import", "punches", text(file), "--data", text(&self.data), "--centre", "hall", "--json"];
        [&words[..], more].concat()
    }

    pub(super) fn import(&self, file: &Path, more: &[&str]) -> Value {
        let said = done(&self.words(file, more));
        assert!(!said.contains(SECRET), "an answer repeats what stands in the file: {said}");
        serde_json::from_str(&said).expect("JSON")
    }

    /// Size and root of the hall's log.
    fn head(&self) -> (u64, String) {
        runtime().block_on(async {
            let office = self.office().await;
            let log = office.log_of(&CentreId::parse("hall").unwrap()).await.unwrap();
            let (head, _) = office.desk.ledger().reader().head(log).await.unwrap();
            office.close().await;
            (head.size, head.root.to_string())
        })
    }

    /// The punches that stand, in the order of the log.
    pub(super) fn punches(&self) -> Vec<PunchFact> {
        runtime().block_on(async {
            let office = self.office().await;
            let log = office.log_of(&CentreId::parse("hall").unwrap()).await.unwrap();
            let entries = office.desk.ledger().reader().entries_from(log, Pos::ZERO, 100_000).await.unwrap();
            office.close().await;
            let facts = entries.into_iter().filter_map(|entry| entry.facts);
            let facts = facts.flat_map(|(_, bytes)| EntryFacts::decode(bytes.as_slice()).unwrap().facts);
            facts
                .filter_map(|fact| match fact.fact {
                    Some(Of::Punch(punch)) => Some(punch),
                    _ => None,
                })
                .collect()
        })
    }

    /// The database without the software.
    pub(super) async fn raw(&self) -> Raw {
        match self.database.as_ref().zip(postgres::server()) {
            Some((name, server)) => Raw::Postgres(PgPool::connect(&server.url_of(name)).await.unwrap()),
            None => {
                let url = format!("sqlite://{}/qinlian.db", self.data.display());
                Raw::Sqlite(SqlitePool::connect(&url).await.unwrap())
            }
        }
    }

    async fn office(&self) -> Office {
        let config =
            Config::load(&Source::Data(self.data.clone()), &std::collections::BTreeMap::new()).unwrap();
        Office::open(config, Opening::default()).await.unwrap()
    }

    pub(super) fn end(self) {
        if let (Some(database), Some(server)) = (self.database, postgres::server()) {
            runtime().block_on(server.give_back(database));
        }
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

pub(super) fn became(report: &Value) -> Became {
    let number = |name: &str| report[name].as_u64().expect("a number");
    let counts = ["lines", "accepted", "duplicate", "quarantined"].map(number);
    let refused: Vec<(u64, String)> = report["refused"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["reason"].as_str().unwrap().to_owned()))
        .collect();
    let sum = counts[1] + counts[2] + counts[3] + u64::try_from(refused.len()).unwrap();
    assert_eq!(counts[0], sum, "every line is accounted for");
    (counts, refused)
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

/// Case, bytes, further words, [accepted, duplicate], refused.
type Case = (&'static str, Vec<u8>, &'static [&'static str], [u64; 2], &'static [(u64, &'static str)]);

fn cases() -> Vec<Case> {
    const ATTLOG: &[&str] = &["--format", "attlog"];
    const GB: &[&str] = &["--encoding", "gb18030"];
    const NEW_YORK: &[&str] = &["--tz", "America/New_York"];
    let csv = |text: &str| format!("时间,工号\n{text}").into_bytes();
    let dat = |text: &str| text.as_bytes().to_vec();
    let bad_gb =
        [gb18030("工号,时间\n张三,2026-11-02 08:00\n"), b"\xD5,2026-11-02 08:01\n".to_vec()].concat();
    let long = format!("a1,2026-11-02 08:00,{}\na2,2026-11-02 08:01,\n", "x".repeat(70_000));
    vec![
        (
            "attlog.dat",
            dat("    1\t2026-11-02 08:00:00\t1\t0\t0\t0\n   22\t2026-11-02 08:00:02\t15\t1\t0\t0\n"),
            &[],
            [2, 0],
            &[],
        ),
        (
            "its four columns, CRLF, no last end",
            dat("1\t2026-11-02 08:00:00\t1\t0\r\n2\t2026-11-02 08:00:00\t1\t1"),
            &[],
            [2, 0],
            &[],
        ),
        ("its eight columns", dat("1\t2026-11-02 08:00:00\t1\t0\t0\t0\t0\t0\n"), &[], [1, 0], &[]),
        // The same punch often comes twice: within two seconds it is another one, an equal line is not.
        (
            "near and equal repeats",
            dat(
                "1\t2026-11-02 08:00:00\t1\t0\t0\n1\t2026-11-02 08:00:01\t1\t0\t0\n1\t2026-11-02 08:00:00\t15\t0\n",
            ),
            &[],
            [2, 1],
            &[],
        ),
        (
            "work codes tell punches apart",
            dat("1\t2026-11-02 08:00:00\t1\t0\t0\n1\t2026-11-02 08:00:00\t1\t0\t7\n"),
            &[],
            [2, 0],
            &[],
        ),
        (
            "bad lines among good ones",
            dat(
                "1\t2026-11-02 08:00:00\t1\t0\nrubbish QZX7731\n\n \t \r\n2\t2026-02-30 08:00:00\t1\t0\n3\t2026-11-02 24:00:00\t1\t0\n \t2026-11-02 08:00:00\t1\t0\n4\t2026-11-02 08:05:00\t1\t0\n",
            ),
            &[],
            [2, 0],
            &[(2, "MISSING_CELL"), (5, "BAD_TIME"), (6, "BAD_TIME"), (7, "BAD_PERSON")],
        ),
        (
            "a serial number first, and a sum last",
            dat("3391214900123\n1\t2026-11-02 08:00:00\t1\t0\n4711\n"),
            ATTLOG,
            [1, 0],
            &[(1, "MISSING_CELL"), (3, "MISSING_CELL")],
        ),
        ("of a terminal that saw nobody", Vec::new(), ATTLOG, [0, 0], &[]),
        (
            "NUL and control characters",
            dat(
                "1\0\t2026-11-02 08:00:00\t1\t0\n2\t2026-11-02\u{0} 08:00:00\t1\t0\n3\u{7}3\t2026-11-02 08:00:00\t1\t0\n4\t2026-11-02 08:00:00\t1\t0\n",
            ),
            ATTLOG,
            [1, 0],
            &[(1, "BAD_PERSON"), (2, "BAD_TIME"), (3, "BAD_PERSON")],
        ),
        ("Chinese headings", csv("2026-11-02 08:00,张三\n"), &[], [1, 0], &[]),
        ("a byte order mark", "\u{FEFF}工号,时间\r\n张三,2026/11/2 8:00\r\n".into(), &[], [1, 0], &[]),
        ("a header alone", csv(""), &[], [0, 0], &[]),
        ("a header without an end", "时间,工号".into(), &[], [0, 0], &[]),
        (
            "Excel's Unicode text",
            utf16(
                "工号\t时间\t方向\r\n张三\t2026/11/2 8:00\tIN\r\n\"李\r\n四\"\t2026/11/2 8:01\tOUT\r\n王五\t2026/11/2 8:02\tOUT\r\n",
            ),
            &[],
            [2, 0],
            &[(3, "BAD_PERSON")],
        ),
        ("GB18030", gb18030("工号,时间\r\n张三,2026-11-02 08:00\r\n"), GB, [1, 0], &[]),
        ("bytes that are not", bad_gb, GB, [1, 0], &[(3, "BAD_ENCODING")]),
        (
            "bytes that are no UTF-8",
            [csv("2026-11-02 08:00,"), b"\xFFQZX7731\n2026-11-02 08:01,b\n".to_vec()].concat(),
            &[],
            [1, 0],
            &[(2, "BAD_UTF8")],
        ),
        (
            "names with blanks, cells in quotes",
            csv("2026-11-02 08:00, Zhang San \n\"2026-11-02 08:01\",\"Li, Si\"\n"),
            &[],
            [2, 0],
            &[],
        ),
        (
            "a quoted line end elsewhere",
            "时间,备注,工号\n2026-11-02 08:00,\"a\nb\",a1\n2026-11-02 08:01,,a2\n2026-11-02 08:02\n".into(),
            &[],
            [2, 0],
            &[(5, "MISSING_CELL")],
        ),
        (
            "a quote that nobody closes",
            csv("2026-11-02 08:00,a1\n2026-11-02 08:01,\"QZX7731\n2026-11-02 08:02,a2\n"),
            &[],
            [2, 0],
            &[(3, "UNCLOSED_QUOTE")],
        ),
        (
            "a line that is too long",
            format!("工号,时间,备注\n{long}").into_bytes(),
            &[],
            [1, 0],
            &[(2, "LINE_TOO_LONG")],
        ),
        (
            "bad times",
            csv(
                "yesterday,a1\n2026-02-30 08:00,a1\n2026-11-02 24:00:00,a1\n2026-11-02,a1\n1969-12-31 08:00,a1\n2026-03-08 02:30,a1\n2026-11-02T08:00,a1\n",
            ),
            NEW_YORK,
            [1, 0],
            &[
                (2, "BAD_TIME"),
                (3, "BAD_TIME"),
                (4, "BAD_TIME"),
                (5, "BAD_TIME"),
                (6, "TIME_OUT_OF_RANGE"),
                (7, "NO_SUCH_TIME"),
            ],
        ),
        (
            "CR alone ends lines too",
            "时间,工号\r2026-11-02 08:00,a1\r2026-11-02 08:01,a2\r".into(),
            &[],
            [2, 0],
            &[],
        ),
        (
            "a label that is too long",
            format!(
                "时间,工号,设备,方向\n2026-11-02 08:00,a1,{},IN\n2026-11-02 08:00,a1,1,QZX7731\n",
                "x".repeat(65)
            )
            .into(),
            &[],
            [0, 0],
            &[(2, "BAD_DEVICE"), (3, "BAD_DIRECTION")],
        ),
    ]
}

#[test]
fn every_file_becomes_what_its_lines_say_a_rehearsal_says_so_before_and_a_second_import_adds_nothing() {
    let hall = Hall::on_sqlite();
    for (number, (case, bytes, more, [accepted, duplicate], refused)) in cases().into_iter().enumerate() {
        let file = hall.write("file", &bytes);
        let source = format!("case-{number}");
        let words = [&["--create-people", "--source", source.as_str()], more].concat();
        let refused: Vec<(u64, String)> =
            refused.iter().map(|(line, why)| (*line, (*why).to_owned())).collect();
        let lines = accepted + duplicate + u64::try_from(refused.len()).unwrap();
        let wanted = ([lines, accepted, duplicate, 0], refused.clone());
        let before = hall.head();
        let rehearsed = hall.import(&file, &[&words[..], &["--dry-run"]].concat());
        assert_eq!(became(&rehearsed), wanted, "rehearsed: {case}");
        assert_eq!(hall.head(), before, "a rehearsal writes nothing: {case}");
        let first = hall.import(&file, &words);
        assert_eq!(became(&first), wanted, "{case}");
        assert_eq!(first["refused"], rehearsed["refused"], "{case}");
        let stands = hall.head();
        let all = accepted + duplicate;
        let rehearsed = hall.import(&file, &[&words[..], &["--dry-run"]].concat());
        let again = hall.import(&file, &words);
        for report in [&rehearsed, &again] {
            assert_eq!(became(report), ([lines, 0, all, 0], refused.clone()), "again: {case}");
        }
        assert_eq!(hall.head(), stands, "again: {case}");
    }
}

#[test]
fn strangers_are_counted_in_a_rehearsal_too() {
    let hall = Hall::on_sqlite();
    let known = hall.write("known", b"1\t2026-11-02 08:00:00\t1\t0\n");
    hall.import(&known, &["--create-people"]);
    let file = hall.write(
        "file",
        b"1\t2026-11-02 08:00:00\t1\t0\n1\t2026-11-02 17:00:00\t1\t1\n2\t2026-11-02 08:00:00\t1\t0\n1\t2026-11-01 08:00:00\t1\t0\n",
    );
    // Known since the first day of the first file: the day before, nobody was.
    let wanted = ([4, 1, 1, 2], Vec::new());
    assert_eq!(became(&hall.import(&file, &["--dry-run"])), wanted);
    assert_eq!(became(&hall.import(&file, &[])), wanted);
}

#[test]
fn what_is_wrong_with_the_whole_file_is_said_before_anything_is_written() {
    let hall = Hall::on_sqlite();
    let before = hall.head();
    let line = b"1\t2026-11-02 08:00:00\t1\t0\n".to_vec();
    let serial = [b"3391214900123\n".to_vec(), line.clone()].concat();
    let csv = b"time,badge\n2026-11-02 08:00,a1\n".to_vec();
    let gb = gb18030("工号,时间\n张三,2026-11-02 08:00\n");
    let rows: [(&str, Vec<u8>, &[&str], &str); 14] = [
        ("a 0-byte file", Vec::new(), &[], "--format attlog"),
        ("blank lines alone", b"\r\n\r\n".to_vec(), &[], "is empty"),
        ("a mark alone", b"\xEF\xBB\xBF".to_vec(), &[], "is empty"),
        ("no heading", csv.clone(), &[], "person is missing"),
        ("no such column", csv.clone(), &["--columns", "time=when,person=badge"], "no column when"),
        ("no such meaning", csv.clone(), &["--columns", "colour=badge"], "colour"),
        ("a method in a table", csv, &["--columns", "person=badge,method=x"], "no method"),
        ("headings of an attlog.dat", line.clone(), &["--columns", "time=a,person=b"], "--format attlog"),
        ("an attlog.dat as a table", line.clone(), &["--format", "csv"], "time is missing"),
        ("either", serial, &[], "--format attlog"),
        ("a header that is no UTF-8", gb, &[], "--encoding gb18030"),
        ("a mark that says otherwise", utf16("a"), &["--encoding", "gb18030"], "leave --encoding out"),
        ("no such zone", line.clone(), &["--tz", "Mars/Olympus"], "--tz"),
        ("no such centre", line, &["--centre", "nowhere"], "--centre"),
    ];
    for (case, bytes, more, complaint) in rows {
        let file = hall.write("file", &bytes);
        for rehearsal in [&["--dry-run"][..], &[]] {
            let output = qinlian(&hall.words(&file, &[more, rehearsal].concat()));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{case}: {said}");
            assert!(said.contains(complaint), "{case}: {said}");
        }
    }
    assert_eq!(qinlian(&hall.words(hall.home.path(), &[])).status.code(), Some(2), "a folder");
    assert_eq!(qinlian(&hall.words(Path::new("/no/such/file"), &[])).status.code(), Some(2));
    assert_eq!(hall.head(), before);
}

/// A gibibyte without a line end, between two good lines; where the file system has holes it takes no room.
fn with_a_hole(path: &Path) {
    const HOLE: u64 = 1 << 30;
    let mut file = File::create(path).unwrap();
    file.write_all(b"1\t2026-11-02 08:00:00\t1\t0\n").unwrap();
    let at = file.stream_position().unwrap();
    file.set_len(at + HOLE).unwrap();
    file.seek(SeekFrom::Start(at + HOLE)).unwrap();
    file.write_all(b"\n2\t2026-11-02 08:00:00\t1\t0\n").unwrap();
}

/// Runs a command; its answer, and the most memory that it held at once, in KiB. Address space is no measure: threads and
/// allocators reserve what they never touch.
fn watched(command: &mut std::process::Command) -> (Output, u64) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it is ours").is_none() {
        // Who has ended says nothing any more, and a zombie nothing of its memory.
        let said = std::fs::read_to_string(&status).unwrap_or_default();
        let held = said.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let held = held.and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(held.unwrap_or_default());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    (child.wait_with_output().expect("its answer"), most)
}

#[test]
fn a_line_of_a_gibibyte_costs_itself_and_is_never_held() {
    const MOST_KIB: u64 = 300 << 10;
    let hall = Hall::on_sqlite();
    let file = hall.home.path().join("file");
    with_a_hole(&file);
    let (output, held) = watched(program().args(hall.words(&file, &["--create-people"])));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(became(&report), ([3, 2, 0, 0], vec![(2, "LINE_TOO_LONG".to_owned())]));
    assert!((1..MOST_KIB).contains(&held), "{held} KiB at once");
    // The control: whoever holds as much is seen.
    let (_, held) = watched(std::process::Command::new("perl").args(["-e", "$x = 'a' x (512 << 20);"]));
    assert!(held > MOST_KIB, "{held} KiB at once");
}

#[test]
fn a_terminals_file_stands_on_either_database_as_the_terminal_meant_it() {
    let lines = "\
        \x20      1\t2026-11-02 08:31:00\t1\t0\t0\t0\n\
        \x20      1\t2026-11-02 12:00:00\t15\t2\t0\t0\n\
        \x20      1\t2026-11-02 13:00:00\t4\t3\t0\t0\n\
        \x20      1\t2026-11-02 17:30:00\t0\t1\t0\t0\n\
        \x20     22\t2026-11-02 18:00:00\t25\t4\t3\t0\n\
        \x20     22\t2026-11-02 20:00:00\t2\t5\t3\t0\n\
        \x20     22\t2026-11-02 21:00:00\t1\t255\t3\t0\n\
        \x20     22\t2026-11-02 21:00:00\t1\t255\t3\t0\n\
        \x20     22\t2026-11-02\t1\t255\t3\t0\n";
    let wanted = [
        ("2026-11-02T00:31:00Z", Direction::In, Method::Fingerprint),
        ("2026-11-02T04:00:00Z", Direction::Out, Method::Face),
        ("2026-11-02T05:00:00Z", Direction::In, Method::Card),
        ("2026-11-02T09:30:00Z", Direction::Out, Method::Pin),
        ("2026-11-02T10:00:00Z", Direction::In, Method::Unspecified),
        ("2026-11-02T12:00:00Z", Direction::Out, Method::Card),
        ("2026-11-02T13:00:00Z", Direction::Unknown, Method::Fingerprint),
    ]
    .map(|(at, direction, method)| {
        (at.parse::<jiff::Timestamp>().unwrap().as_millisecond(), direction, method)
    });
    for hall in [Some(Hall::on_sqlite()), Hall::on_postgres()].into_iter().flatten() {
        let file = hall.write("1_attlog.dat", lines.as_bytes());
        let words = ["--create-people", "--complete-through", "2026-11-02 23:59", "--attested-by", "张三"];
        let report = hall.import(&file, &words);
        assert_eq!(became(&report), ([9, 7, 1, 0], vec![(9, "BAD_TIME".to_owned())]));
        let punches = hall.punches();
        let stand: Vec<_> =
            punches.iter().map(|punch| (punch.claimed_ms, punch.direction(), punch.method())).collect();
        assert_eq!(stand, wanted);
        let first = &punches[0].person_id;
        assert!(!first.is_empty() && punches[..4].iter().all(|punch| punch.person_id == *first));
        assert!(punches[4..].iter().all(|punch| punch.person_id != *first));
        assert_eq!(became(&hall.import(&file, &words)).0, [9, 0, 8, 0]);
        let checked = done(&["audit", "check", "--data", text(&hall.data), "--json"]);
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(checked["verified"], true, "{checked}");
        hall.end();
    }
}
