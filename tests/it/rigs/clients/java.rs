//! The HR system of `docs/clients/java`.
//!
//! Wanted: Debian's JDK, libgrpc-java, protobuf-compiler-grpc-java-plugin and what they need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::{Date, ListPresenceSinceRequest, Presence};
use tokio::process::Command;
use tonic::transport::Channel;

use super::super::load::{Answer, Load};
use super::super::server::{Server, qinlian, run};
use super::super::town::{HALL, Town};
use super::{bearing, missing};
use crate::support::source::root;

/// Results follow facts within seconds; a rig that hangs fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program of docs/clients/java, compiled as its README says; `None` where Java lacks something.
async fn system(home: &Path) -> Option<PathBuf> {
    let wanted = "command -v javac && test -e /usr/bin/grpc_java_plugin && test -e /usr/share/java/grpc-netty.jar \
        && test -e /usr/share/java/proto-google-common-protos.jar && test -e /usr/share/java/perfmark-api.jar";
    let there = Command::new("sh").args(["-c", wanted]).output().await;
    if !there.is_ok_and(|output| output.status.success()) {
        missing("default-jdk-headless, libgrpc-java and protobuf-compiler-grpc-java-plugin");
        return None;
    }
    let folder = home.join("java");
    std::fs::create_dir(&folder).expect("a folder");
    run(qinlian().args(["proto", "export"]).arg(folder.join("proto"))).await;
    let program = "PullAttendance.java";
    std::fs::copy(root().join("docs/clients/java").join(program), folder.join(program)).expect("copied");
    let readme = std::fs::read_to_string(root().join("docs/clients/java/README.md")).expect("a README");
    let lines: Vec<_> =
        readme.lines().filter(|line| line.starts_with("mkdir ") || line.starts_with("javac ")).collect();
    assert_eq!(lines.len(), 2, "the README says how");
    let script = lines.join(" && ");
    let made = Command::new("sh").args(["-c", &script]).current_dir(&folder).output().await.expect("sh");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(folder)
}

/// Runs it with a token; its exit code, and what it says.
async fn pulls(folder: &Path, server: &Server, token: &str) -> (Option<i32>, String) {
    std::fs::write(folder.join("token"), token.trim_start_matches("Bearer ")).expect("written");
    let mut command = Command::new("java");
    command.current_dir(folder).args(["-cp", "classes:/usr/share/java/*", "PullAttendance"]);
    command.args([
        "--centre",
        HALL,
        "--token",
        "token",
        "--to",
        "presence.csv",
        "--server",
        server.address(),
    ]);
    let Output { status, stdout, stderr } = command.output().await.expect("java");
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    // Of the jars on the class path several would log.
    let ours: Vec<_> = said.lines().filter(|line| !line.starts_with("SLF4J: ")).collect();
    (status.code(), ours.join("\n"))
}

/// By person and day, what the highest revision says.
type Days = BTreeMap<(String, String), (u32, String, String)>;

/// What the CSV file says, and how many rows it has.
fn in_file(folder: &Path) -> (Days, usize) {
    let mut days = Days::new();
    let mut rows = 0;
    let mut file = csv::Reader::from_path(folder.join("presence.csv")).expect("a CSV file");
    for row in file.deserialize::<BTreeMap<String, String>>() {
        let row = row.expect("a row");
        let text = |column: &str| row[column].clone();
        let revision = row["revision"].parse().expect("a number");
        let told = (revision, text("first_in"), text("last_out"));
        let day = days.entry((text("person_id"), text("work_date"))).or_default();
        if revision >= day.0 {
            *day = told;
        }
        rows += 1;
    }
    (days, rows)
}

/// The whole feed, as the server tells it to us.
async fn feed(channel: &Channel, token: &str) -> Vec<Presence> {
    let mut client = AttendanceServiceClient::new(channel.clone());
    let request = ListPresenceSinceRequest { centre: HALL.to_owned(), limit: 1_000, ..Default::default() };
    let page = client.list_presence_since(bearing(token, request)).await.expect("a page").into_inner();
    assert!(page.caught_up, "one page");
    page.items
}

fn told(items: &[Presence]) -> Days {
    let mut days = Days::new();
    for item in items {
        let Date { year, month, day } = item.work_date.expect("a day");
        let time =
            |time: Option<prost_types::Timestamp>| time.map_or_else(String::new, |time| time.to_string());
        let told = (item.revision, time(item.first_in), time(item.last_out));
        let at = days.entry((item.person_id.clone(), format!("{year:04}-{month:02}-{day:02}"))).or_default();
        if item.revision >= at.0 {
            *at = told;
        }
    }
    days
}

/// Somebody clocks in or out, so often.
async fn clock(load: &Load, channel: &Channel, times: usize) {
    for _ in 0..times {
        let sent = load.send(channel, load.happen_at_a_terminal()).await;
        assert!(matches!(sent, Answer::Acknowledged(_)), "{sent:?}");
    }
}

/// Waits until the feed has grown, and grows no more.
async fn settled(channel: &Channel, token: &str, before: usize) -> Vec<Presence> {
    let waiting = async {
        let mut last = 0;
        loop {
            let items = feed(channel, token).await;
            if items.len() > before && items.len() == last {
                return items;
            }
            last = items.len();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("results follow facts")
}

#[tokio::test]
async fn an_hr_system_in_java_pulls_everything_once_goes_on_where_it_stopped_and_says_why_it_may_not() {
    let town = Town::on_sqlite().await;
    let Some(folder) = system(town.home()).await else { return town.end().await };
    let server = town.serve(0).await;
    let channel = server.connect().await;
    let (hr, load) = (town.token("system:hr"), Load::new(&town, 5));

    clock(&load, &channel, 30).await;
    let items = settled(&channel, &hr, 0).await;
    let said = pulls(&folder, &server, &hr).await;
    assert_eq!(said, (Some(0), format!("{} rows pulled, caught up", items.len())));
    assert_eq!(in_file(&folder), (told(&items), items.len()));
    assert_eq!(pulls(&folder, &server, &hr).await, (Some(0), "0 rows pulled, caught up".to_owned()));

    clock(&load, &channel, 10).await;
    let later = settled(&channel, &hr, items.len()).await;
    assert_eq!(pulls(&folder, &server, &hr).await.0, Some(0));
    assert_eq!(in_file(&folder), (told(&later), later.len()), "corrections, and nothing twice");

    std::fs::remove_file(folder.join("presence.csv.cursor")).expect("it keeps a cursor");
    assert_eq!(pulls(&folder, &server, &hr).await.0, Some(0));
    assert_eq!(in_file(&folder), (told(&later), 2 * later.len()), "twice, not less");

    for (who, subject, reason) in [
        ("nobody", "Bearer x".to_owned(), "UNAUTHENTICATED TOKEN_INVALID"),
        ("a terminal", town.token("device:t0"), "PERMISSION_DENIED "),
    ] {
        let (code, said) = pulls(&folder, &server, &subject).await;
        assert!(code == Some(1) && said.starts_with(reason), "{who}: {said}");
    }
    server.stop().await;
    town.end().await;
}
