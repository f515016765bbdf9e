//! Master data: what becomes of each line of a table, from a CSV file or a workbook. Whatever the table is, a rehearsal says
//! what the import then does, and a second import changes nothing.

mod files;
mod people;
mod rosters;
mod sixty;
mod workbook;

use std::path::{Path, PathBuf};

use prost::Message;
use qinlian::cli::office::{Office, Opening};
use qinlian::config::{Config, Source};
use qinlian::kernel::{CentreId, LogId, Pos};
use qinlian::proto::{EntryFacts, Fact};
use serde_json::Value;
use tempfile::TempDir;

use super::{begin, done, text};
use crate::support::postgres;

/// A value that no answer may repeat: what stands in a file is personal.
const SECRET: &str = "QZX7731";

/// A deployment with the centre `hall`, and files for it.
struct Hall {
    home: TempDir,
    data: PathBuf,
    database: Option<String>,
}

/// A line of a table, and what becomes of it: `new`, `stands`, or the reason of its refusal.
type Row<'a> = (&'a str, &'a str);

impl Hall {
    fn on_sqlite() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        begin(&data);
        Self { home, data, database: None }
    }

    /// `None` where there is no PostgreSQL, which fails in CI.
    fn on_postgres() -> Option<Self> {
        let server = postgres::server()?;
        let database = runtime().block_on(server.create());
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let url = server.url_of(&database);
        done(&["init", "--data", text(&data), "--centre", "hall", "--name", "大厅", "--database", &url]);
        Some(Self { home, data, database: Some(database) })
    }

    fn on_both() -> impl Iterator<Item = Self> {
        [Some(Self::on_sqlite()), Self::on_postgres()].into_iter().flatten()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn words<'w>(&'w self, kind: &'w str, file: &'w Path, more: &[&'w str]) -> Vec<&'w str> {
        let words = ["import", kind, text(file), "--data", text(&self.data), "--centre", "hall", "--json"];
        [&words[..], more].concat()
    }

    fn import(&self, kind: &str, file: &Path, more: &[&str]) -> Value {
        let said = done(&self.words(kind, file, more));
        assert!(!said.contains(SECRET), "an answer repeats what stands in the file: {said}");
        serde_json::from_str(&said).expect("JSON")
    }

    /// Imports a table: what is said of each line, rehearsed and done; and nothing changes when it is done again.
    fn table(&self, kind: &str, headings: &str, rows: &[Row<'_>]) {
        let lines: String = rows.iter().map(|(line, _)| format!("{line}\n")).collect();
        let file = self.write("table.csv", format!("{headings}\n{lines}"));
        let wanted = |once: bool| {
            let refused = (2_u64..).zip(rows).filter(|(_, (_, fate))| !["new", "stands"].contains(fate));
            let refused: Vec<(u64, String)> =
                refused.map(|(line, (_, reason))| (line, (*reason).to_owned())).collect();
            let count = |fate: &str| rows.iter().filter(|(_, of)| *of == fate).count() as u64;
            let new = if once { count("new") } else { 0 };
            ([rows.len() as u64, new, count("new") + count("stands") - new], refused)
        };
        let before = self.heads();
        assert_eq!(became(&self.import(kind, &file, &["--dry-run"])), wanted(true), "{kind}, rehearsed");
        assert_eq!(self.heads(), before, "{kind}: a rehearsal writes nothing");
        assert_eq!(became(&self.import(kind, &file, &[])), wanted(true), "{kind}");
        let after = self.heads();
        assert_eq!(became(&self.import(kind, &file, &[])), wanted(false), "{kind}, again");
        assert_eq!(self.heads(), after, "{kind}: a second run changes nothing");
    }

    /// Sizes and roots of the deployment's log and the hall's.
    fn heads(&self) -> Vec<(u64, String)> {
        self.with(async |office, hall| {
            let mut heads = Vec::new();
            for log in [LogId::DEPLOYMENT, hall] {
                let (head, _) = office.desk.ledger().reader().head(log).await.unwrap();
                heads.push((head.size, head.root.to_string()));
            }
            heads
        })
    }

    /// Every fact of the hall's log, in order.
    fn facts(&self) -> Vec<Fact> {
        self.with(async |office, hall| {
            let reader = office.desk.ledger().reader();
            let entries = reader.entries_from(hall, Pos::ZERO, 10_000).await.unwrap();
            let facts = entries.into_iter().filter_map(|entry| entry.facts);
            facts.flat_map(|(_, bytes)| EntryFacts::decode(bytes.as_slice()).unwrap().facts).collect()
        })
    }

    /// Looks at the open deployment.
    fn with<T>(&self, look: impl AsyncFnOnce(&Office, LogId) -> T) -> T {
        runtime().block_on(async {
            let config = Config::load(&Source::Data(self.data.clone()), &std::collections::BTreeMap::new());
            let office = Office::open(config.unwrap(), Opening::default()).await.unwrap();
            let hall = office.log_of(&CentreId::parse("hall").unwrap()).await.unwrap();
            let seen = look(&office, hall).await;
            office.close().await;
            seen
        })
    }

    /// The database against its ledger; and PostgreSQL gets its database back.
    fn end(self) {
        let checked = done(&["audit", "check", "--data", text(&self.data), "--json"]);
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(checked["verified"], true, "{checked}");
        if let (Some(database), Some(server)) = (self.database, postgres::server()) {
            runtime().block_on(server.give_back(database));
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// Lines, accepted and duplicate; refused lines with their reasons.
fn became(report: &Value) -> ([u64; 3], Vec<(u64, String)>) {
    let number = |name: &str| report[name].as_u64().expect("a number");
    let refused: Vec<(u64, String)> = report["refused"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["reason"].as_str().unwrap().to_owned()))
        .collect();
    let counts = ["lines", "accepted", "duplicate"].map(number);
    assert_eq!(number("quarantined"), 0);
    assert_eq!(counts[0], counts[1] + counts[2] + refused.len() as u64, "every line is accounted for");
    (counts, refused)
}
