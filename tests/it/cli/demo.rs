//! `qinlian demo`: what a new user sees first.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{done, program, qinlian, text};
use crate::support::page::ask;

/// Two columns for what is two columns wide.
fn width(line: &str) -> usize {
    line.chars().map(|c| if ('\u{2E80}'..='\u{FF60}').contains(&c) { 2 } else { 1 }).sum()
}

#[test]
fn a_morning_alone_ends_verified_and_names_the_altered_row() {
    let told = done(&["demo", "--once", "--morning"]);
    for line in told.lines() {
        assert!(width(line) <= 80, "{} columns: {line}", width(line));
    }
    assert!(!told.contains("A month"));
    ends_verified(&told);
}

fn ends_verified(told: &str) {
    assert!(!told.contains('\u{1B}'), "no colour");
    let verified = told.find("verified").expect("verified");
    assert!(told[verified..].contains("entries offline"));
    assert!(told[verified..].contains("attendance_punch"), "the altered row is named after it: {told}");
    for word in [
        "clock-1",
        "out of order",
        "refused",
        "the same receipt, byte for byte",
        "20 windows are open",
        "LAST_WINDOW",
        // Whoever was sent to window 10 is sent to window 18 alone, once that pauses too.
        "09:31  the board at 02: 暂停服务 预计09:40恢复，请至10号、18号窗口",
        "09:34  the board at 02: 暂停服务 预计09:40恢复，请至18号窗口",
        "10:06  the board at 05: 已超时，请至13号窗口",
        "5 pauses: 43 minutes promised, 52 taken; 1 late; 0 without guidance",
    ] {
        assert!(told.contains(word), "{word}");
    }
}

/// The sheet of the month: what its head says of each day, and everybody's marks.
struct Sheet {
    head: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// Two columns a mark.
fn cells(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut half = String::new();
    for letter in line.chars() {
        half.push(letter);
        if width(&half) == 2 {
            cells.push(half.trim().to_owned());
            half.clear();
        }
    }
    if !half.is_empty() {
        cells.push(half);
    }
    cells
}

impl Sheet {
    fn of(told: &str) -> Self {
        let from = told.find("== A month").expect("a month");
        let mut lines = told[from..].lines().skip_while(|line| !line.trim_start().starts_with("1       5"));
        lines.next();
        let head = cells(lines.next().expect("a head")).split_off(5);
        let rows = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            let mut cells = cells(line);
            let marks = cells.split_off(5.min(cells.len()));
            // A department's name is a line without marks.
            (marks.len() > 20).then(|| (cells.concat(), marks))
        });
        Self { rows: rows.collect(), head }
    }

    fn row(&self, name: &str) -> &[String] {
        let mut named = self.rows.iter().filter(|(known, _)| known == name);
        let (_, row) = named.next().unwrap_or_else(|| panic!("{name} is not on the sheet"));
        assert!(named.next().is_none(), "{name} is there twice");
        row
    }

    /// Which days have a mark, in anybody's row, and how often.
    fn days_with(&self, mark: &str) -> Vec<usize> {
        let of = |(_, row): &(String, Vec<String>)| {
            let found = row.iter().enumerate().filter(|(_, cell)| *cell == mark).map(|(day, _)| day);
            found.collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of).collect()
    }
}

#[test]
fn the_month_says_of_everybody_what_happened_and_why() {
    let told = done(&["demo", "--once"]);
    for line in told.lines() {
        assert!(width(line) <= 80, "{} columns: {line}", width(line));
    }
    let sheet = Sheet::of(&told);
    assert_eq!(sheet.rows.len(), 60);
    let works: Vec<usize> = (0..sheet.head.len())
        .filter(|day| matches!(sheet.head[*day].as_str(), "一" | "二" | "三" | "四" | "五" | "班"))
        .collect();
    for (name, row) in &sheet.rows {
        assert_eq!(row.len(), sheet.head.len(), "{name}");
        for (day, mark) in row.iter().enumerate() {
            let rests = mark == "·" || mark == "加";
            assert_eq!(rests, !works.contains(&day), "{name} on day {}: {mark}", day + 1);
        }
    }
    // So many days of each kind are in the story, and nothing waits.
    for (mark, times) in [
        ("旷", 2),
        ("缺", 3),
        ("重", 2),
        ("迟", 5),
        ("退", 2),
        ("补", 1),
        ("半", 1),
        ("?", 1),
        ("加", 1),
        ("…", 0),
    ] {
        assert_eq!(sheet.days_with(mark).len(), times, "{mark}");
    }
    let made_up = sheet.head.iter().position(|day| day == "班").expect("work that is made up");
    assert!(sheet.days_with("迟").contains(&made_up), "somebody was late on the Saturday");
    assert!(sheet.days_with("加").iter().all(|day| sheet.head[*day] == "节"), "on the holiday by law");
    // While the current was cut nobody could clock in: who is on a roll was in time, of the other nothing is known.
    let cut = sheet.days_with("?")[0];
    assert!(sheet.days_with("点").iter().all(|day| *day == cut));
    assert!(sheet.days_with("点").len() > 40);
    let on_leave = |name: &str| sheet.row(name).iter().filter(|mark| *mark == "假").count();
    for (name, days, why) in [
        ("吴明", works.len(), "maternity"),
        ("蒋建国", 5, "annual leave of five days"),
        ("钱雪梅", 2, "four days asked for, back after two"),
        ("李思远", 0, "refused"),
        ("孙晓燕", 0, "an afternoon, and back too late"),
    ] {
        assert_eq!(on_leave(name), days, "{name}: {why}");
    }
    for said in [
        "unverified, which is no absence: every device was out of order",
        "clocked at 16:20; after an",
        "by a correction (rule R8)",
        "(缺卡 MISSING without it)",
        &format!("{} due", 9 * works.len()),
        "holidays worked       1",
        "1 by correction",
        "qinlian export days",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    ends_verified(&told);
}

/// Whatever a test finds, nothing stays up after it.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the terminal that may be tried says to a script.
fn at_the_terminal(told: &[String], script: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for line in told.iter().skip_while(|line| !line.contains("qinlian terminal")) {
        words.extend(line.split_whitespace().filter(|word| *word != "\\"));
        if !line.ends_with('\\') {
            break;
        }
    }
    let mut terminal = program()
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{words:?}: {why}"));
    terminal.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = terminal.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_once_it_stays_up_with_tokens_that_work_until_it_is_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    let mut child = Up(program()
        .args(["demo", "--morning", "--data", text(&data), "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts"));
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut told: Vec<String> = Vec::new();
    while told.last().is_none_or(|line| !line.contains("Ctrl-C ends it")) {
        told.push(lines.next().expect("it ended instead of staying up").expect("text"));
    }
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
    let url = written["http_url"].as_str().unwrap();
    assert_eq!(url, format!("http://127.0.0.1:{port}"));
    let address = url.trim_start_matches("http://");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (status, board) = runtime.block_on(ask(address, "GET", "/board/hall"));
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(board.contains("青禾区政务服务中心") && board.contains("暂停服务"), "{board}");
    let paused = |board: &str| board.matches("暂停服务").count();
    let before = paused(&board);
    let says = at_the_terminal(&told, "in\nopen\npause comfort 10\nwait\nquit\n");
    // A page is made of a board that may be half a second old.
    let told = (0..50).any(|_| {
        let (_, board) = runtime.block_on(ask(address, "GET", "/board/hall"));
        std::thread::sleep(Duration::from_millis(100));
        paused(&board) > before
    });
    assert!(told, "window 20 pauses too: {says}");
    let interrupted = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert!(child.0.wait().unwrap().success(), "it ends cleanly");
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
