//! Somebody with direct SQL: every column of every table × change, delete, insert, swap, cut the tail, restore an old
//! copy. Each is found, and named.

use std::sync::Arc;

use qinlian::kernel::LogId;
use qinlian::ledger::anchor::Anchor;
use qinlian::ledger::check::{CheckOptions, CheckReport, Weight, check};
use qinlian::ledger::port::Rulebook;
use qinlian::ledger::reader::Reader;
use qinlian::ledger::tables;
use qinlian::store::{Dialect, Kind, Table};
use qinlian::tlog::CosignatureKey;
use qinlian::witness::client::{Client, ClientOptions, WitnessAt};
use qinlian::witness::{Witness, WitnessOptions, key, server};

use super::rig::{DEPLOYMENT, Rig, key_of, keys, note};
use super::toy::{Command, Toy};
use crate::support::store::{Fixture, Raw, each};

/// A table, two of its rows, how findings call the first, and how a row is made that no software wrote.
struct Victim {
    table: &'static Table,
    row: &'static str,
    other: &'static str,
    named: &'static [&'static str],
    /// Columns and what they become in a copy of the first row.
    invented: &'static [(&'static str, &'static str)],
    /// What is cut off.
    tail: &'static str,
}

const HALL_AT_7: &str = "log_id = 1 AND pos = 7";
const HALL_AT_8: &str = "log_id = 1 AND pos = 8";
const TAIL: &str = "log_id = 1 AND pos >= 515";

fn victims() -> Vec<Victim> {
    let victim =
        |table, row, other, named, invented, tail| Victim { table, row, other, named, invented, tail };
    let [toy] = Toy.tables() else { unreachable!() };
    let [personal] = Toy.personal_tables() else { unreachable!() };
    vec![
        victim(
            &tables::LOG,
            "log_id = 1",
            "log_id = 2",
            &["log_id 1"],
            &[("log_id", "77"), ("centre", "'ghost'")],
            "log_id = 2",
        ),
        victim(
            &tables::EPOCH,
            "log_id = 1",
            "log_id = 2",
            &["epoch 1", "log_id 1"],
            &[("epoch", "2"), ("origin", "'ghost'")],
            "log_id = 2",
        ),
        victim(&tables::HEAD, "log_id = 1", "log_id = 2", &["log_id 1"], &[("log_id", "77")], "log_id = 2"),
        victim(&tables::ENTRY, HALL_AT_7, HALL_AT_8, &["pos 7"], &[("pos", "100000")], TAIL),
        victim(&tables::PART, HALL_AT_7, HALL_AT_8, &["pos 7"], &[("part", "1")], TAIL),
        victim(
            &tables::REQUEST,
            HALL_AT_7,
            HALL_AT_8,
            &["pos 7"],
            &[("request_id", "ghost"), ("pos", "100000")],
            TAIL,
        ),
        victim(
            &tables::TILE,
            "log_id = 1 AND level = 0 AND n = 0",
            "log_id = 1 AND level = 0 AND n = 1",
            &["level 0 n 0"],
            &[("n", "99")],
            "log_id = 1 AND n >= 1",
        ),
        victim(
            &tables::CHECKPOINT,
            "log_id = 1 AND size = 80",
            "log_id = 1 AND size = 120",
            &["size 80"],
            &[("size", "81")],
            "log_id = 1 AND size >= 515",
        ),
        victim(
            &tables::SIGNATURE,
            "log_id = 1 AND size = 80",
            "log_id = 1 AND size = 120",
            &["size 80"],
            &[("size", "81")],
            "log_id = 1 AND size >= 515",
        ),
        victim(
            &tables::COSIG,
            "log_id = 1 AND size = 521",
            "log_id = 1 AND size = 200",
            &["size 521"],
            &[("cosigned_ms", "cosigned_ms + 1000")],
            "log_id = 1 AND size >= 515",
        ),
        victim(toy, HALL_AT_7, HALL_AT_8, &["pos 7"], &[], TAIL),
        victim(
            personal,
            "log_id = 1 AND pos = 6",
            "log_id = 1 AND pos = 9",
            &["pos 6"],
            &[("part", "7")],
            "log_id = 1 AND pos >= 515",
        ),
    ]
}

/// A finished register: 520 notes and an erasure in the hall, cosigned at 200 and at the end; `old_<table>` as of
/// 200 entries, `now_<table>` as of the end.
struct Scene<'f> {
    fixture: &'f Fixture,
    raw: Raw,
    witness: CosignatureKey,
}

impl<'f> Scene<'f> {
    async fn new(fixture: &'f Fixture) -> Self {
        let rig = Rig::new(fixture).await;
        let raw = fixture.raw().await;
        let witness = Self::witness(&rig).await;
        rig.fill(200, 40).await;
        let client = Self::client(&rig, &witness);
        client.round().await;
        let rig = rig.restart().await;
        Self::copy(&raw, "old").await;
        rig.fill(320, 40).await;
        rig.erase(&[(3, 1)]).await;
        Self::client(&rig, &witness).round().await;
        assert_eq!(rig.send(LogId::DEPLOYMENT, Command::Open { code: "annex".to_owned() }).await, 2);
        rig.send(LogId::from_column(2), note("first", None)).await;
        rig.stop().await;
        Self::copy(&raw, "now").await;
        Self { fixture, raw, witness: witness.key }
    }

    async fn witness(rig: &Rig<'_>) -> WitnessAt {
        let folder = rig.fixture.dir().join("witness");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("key");
        let verifier = key::generate("witness.example/w1", &path, &*rig.clock).unwrap();
        let witness = Witness::open(WitnessOptions {
            cosigner: key::load(&path).unwrap(),
            logs: vec![key_of("hall")],
            state: folder.join("memory"),
            clock: rig.clock.clone(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = server::router(Arc::new(witness.unwrap()), "");
        tokio::spawn(server::serve(listener, router, std::future::pending()));
        WitnessAt { key: verifier, url }
    }

    fn client(rig: &Rig<'_>, witness: &WitnessAt) -> Client {
        let remembered = Anchor::open(&rig.fixture.dir().join("witnessed")).unwrap();
        let options = ClientOptions::new(vec![witness.clone()]);
        Client::new(rig.ledger.reader().clone(), rig.clock.clone(), remembered, options)
    }

    async fn copy(raw: &Raw, prefix: &str) {
        for victim in victims() {
            let name = victim.table.name;
            raw.execute(&format!("CREATE TABLE {prefix}_{name} AS SELECT * FROM {name}")).await;
        }
    }

    /// Everything as it was at the end.
    async fn restore(&self) {
        for victim in victims() {
            self.replace(victim.table, "now").await;
        }
    }

    async fn replace(&self, table: &Table, prefix: &str) {
        let name = table.name;
        let columns = names(table).join(", ");
        self.raw
            .execute(&format!(
                "DELETE FROM {name}; INSERT INTO {name} ({columns}) SELECT {columns} FROM {prefix}_{name}"
            ))
            .await;
    }

    /// A copy of the row at `from`, with some columns changed.
    async fn insert(&self, table: &Table, from: &str, changed: &[(&str, String)]) {
        let name = table.name;
        let values: Vec<String> = names(table)
            .iter()
            .map(|column| {
                let changed = changed.iter().find(|(changed, _)| changed == column);
                changed.map_or((*column).to_owned(), |(_, value)| value.clone())
            })
            .collect();
        let (columns, values) = (names(table).join(", "), values.join(", "));
        let text = format!("INSERT INTO {name} ({columns}) SELECT {values} FROM now_{name} WHERE {from}");
        assert_eq!(self.raw.execute(&text).await, 1, "{text}");
    }

    fn blob(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.fixture.store.dialect() {
            Dialect::Sqlite => format!("x'{hex}'"),
            Dialect::Postgres => format!("'\\x{hex}'::bytea"),
        }
    }

    /// The column's value in a row, with one bit flipped, or something near it.
    async fn changed(&self, table: &Table, column: &str, row: &str) -> String {
        let kind = table.columns.iter().find(|known| known.name == column).unwrap().kind;
        match kind {
            Kind::Int => format!("{column} + 1000"),
            Kind::Text => format!("{column} || 'x'"),
            Kind::Blob => {
                let text = format!("SELECT {column} FROM now_{} WHERE {row}", table.name);
                let mut bytes = self.raw.column::<Vec<u8>>(&text).await.remove(0);
                bytes[0] ^= 1;
                self.blob(&bytes)
            }
        }
    }

    async fn audit(&self) -> CheckReport {
        self.audit_with(Some(&Anchor::open(&self.fixture.dir().join("anchor")).unwrap())).await
    }

    async fn audit_with(&self, anchor: Option<&Anchor>) -> CheckReport {
        let reader = Reader::new(self.fixture.store.clone(), Arc::new(keys()));
        let witnessed = Anchor::open(&self.fixture.dir().join("witnessed")).unwrap();
        let witnesses = [self.witness.clone()];
        let options = CheckOptions {
            deployment: DEPLOYMENT,
            anchor,
            witnessed: Some(&witnessed),
            witnesses: &witnesses,
        };
        check(&reader, &Toy, &options).await.unwrap()
    }
}

fn names(table: &Table) -> Vec<&'static str> {
    table.columns.iter().map(|column| column.name).collect()
}

/// Is there a finding in this table, of this column, and of one of these rows?
fn is_named(report: &CheckReport, table: &Table, column: &str, rows: &[&str]) -> bool {
    report.findings.iter().any(|finding| {
        finding.table.split(", ").any(|name| name == table.name)
            && (column == "*"
                || finding.column == "*"
                || finding.column.split(", ").any(|name| name == column))
            && (rows.is_empty() || rows.contains(&finding.row.as_str()))
    })
}

/// Does the finding weigh? A signature that is gone is made again: that is told, and is no harm.
fn weighs(report: &CheckReport, table: &Table) -> bool {
    let gone = report.findings.iter().all(|finding| finding.weight == Weight::Note);
    !report.verified() || (table.name == "ledger_signature" && gone)
}

#[tokio::test]
async fn an_honest_database_has_no_findings() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let report = scene.audit().await;
        assert_eq!(report.findings, []);
        let json = serde_json::to_value(report.report()).unwrap();
        assert_eq!(
            (json["verified"].clone(), json["first_bad"].clone()),
            (true.into(), serde_json::Value::Null)
        );
        assert_eq!((report.report().entries, report.report().erased), (3 + 521 + 1, 1));
    })
    .await;
}

#[tokio::test]
async fn every_changed_column_of_every_table_is_named() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let mut missed = Vec::new();
        for victim in victims() {
            for column in names(victim.table) {
                let value = scene.changed(victim.table, column, victim.row).await;
                scene.raw.execute(&format!("DELETE FROM {} WHERE {}", victim.table.name, victim.row)).await;
                scene.insert(victim.table, victim.row, &[(column, value)]).await;
                let report = scene.audit().await;
                // A cosignature is nobody's but the witness's: its row is known by what it became.
                let named = is_named(&report, victim.table, column, victim.named)
                    || (victim.table.name == "ledger_cosig" && is_named(&report, victim.table, column, &[]));
                if !named || !weighs(&report, victim.table) {
                    missed.push((victim.table.name, column, report.findings));
                }
                scene.replace(victim.table, "now").await;
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    })
    .await;
}

#[tokio::test]
async fn every_column_swapped_between_two_rows_is_named() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let mut missed = Vec::new();
        for victim in victims() {
            let name = victim.table.name;
            for column in names(victim.table) {
                let of = |row: &str| format!("(SELECT {column} FROM now_{name} WHERE {row})");
                let same = format!(
                    "SELECT COUNT(*) FROM now_{name} WHERE {} AND {column} = {}",
                    victim.row,
                    of(victim.other)
                );
                if scene.raw.column::<i64>(&same).await == [1] {
                    continue;
                }
                let both = format!("DELETE FROM {name} WHERE ({}) OR ({})", victim.row, victim.other);
                scene.raw.execute(&both).await;
                scene.insert(victim.table, victim.row, &[(column, of(victim.other))]).await;
                scene.insert(victim.table, victim.other, &[(column, of(victim.row))]).await;
                let report = scene.audit().await;
                if !is_named(&report, victim.table, "*", victim.named) || !weighs(&report, victim.table) {
                    missed.push((name, column, report.findings));
                }
                scene.replace(victim.table, "now").await;
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_deleted_an_invented_and_a_cut_off_row_of_every_table_is_named() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let mut missed = Vec::new();
        for victim in victims() {
            let name = victim.table.name;
            scene.raw.execute(&format!("DELETE FROM {name} WHERE {}", victim.row)).await;
            let deleted = scene.audit().await;
            if !is_named(&deleted, victim.table, "*", victim.named) || !weighs(&deleted, victim.table) {
                missed.push((name, "deleted", deleted.findings));
            }
            scene.replace(victim.table, "now").await;

            let ghost = scene.blob(&[0x77; 16]);
            let invented: Vec<(&str, String)> = victim
                .invented
                .iter()
                .map(|(column, value)| {
                    (*column, if *value == "ghost" { ghost.clone() } else { (*value).to_owned() })
                })
                .collect();
            scene.insert(victim.table, victim.row, &invented).await;
            let report = scene.audit().await;
            if !is_named(&report, victim.table, "*", &[]) || !weighs(&report, victim.table) {
                missed.push((name, "invented", report.findings));
            }
            scene.replace(victim.table, "now").await;

            assert!(scene.raw.execute(&format!("DELETE FROM {name} WHERE {}", victim.tail)).await > 0);
            let cut = scene.audit().await;
            if !is_named(&cut, victim.table, "*", &[]) || !weighs(&cut, victim.table) {
                missed.push((name, "cut", cut.findings));
            }
            scene.replace(victim.table, "now").await;
        }
        assert!(missed.is_empty(), "{missed:#?}");
    })
    .await;
}

#[tokio::test]
async fn an_old_copy_of_any_table_is_named_and_of_all_tables_by_whoever_remembers() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let mut missed = Vec::new();
        for victim in victims() {
            scene.replace(victim.table, "old").await;
            let report = scene.audit().await;
            if !is_named(&report, victim.table, "*", &[]) || !weighs(&report, victim.table) {
                missed.push((victim.table.name, report.findings));
            }
            scene.replace(victim.table, "now").await;
        }
        assert!(missed.is_empty(), "{missed:#?}");
        // All of it: the copy is a good one, and only what is remembered outside tells.
        for victim in victims() {
            scene.replace(victim.table, "old").await;
        }
        let report = scene.audit().await;
        assert!(is_named(&report, &tables::HEAD, "size", &["log_id 1"]), "{:#?}", report.findings);
        assert!(is_named(&report, &tables::EPOCH, "origin", &[]), "the annex is gone");
        std::fs::remove_file(fixture.dir().join("witnessed")).unwrap();
        let alone = scene.audit_with(None).await;
        assert_eq!(alone.findings, [], "without anybody who remembers, an old copy is a good copy");
        scene.restore().await;
        assert_eq!(scene.audit_with(None).await.findings, []);
    })
    .await;
}

#[tokio::test]
async fn destroyed_and_resurrected_parts_are_told_from_erased_ones() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let [personal] = Toy.personal_tables() else { unreachable!() };
        for (case, sql, row, why) in [
            ("destroyed", "DELETE FROM toy_personal WHERE log_id = 1 AND pos = 6", "pos 6", "destroyed evidence"),
            (
                "resurrected",
                "INSERT INTO toy_personal SELECT * FROM old_toy_personal WHERE log_id = 1 AND pos = 3",
                "pos 3",
                "resurrected",
            ),
            ("its digest resurrected", "UPDATE ledger_request SET digest = (SELECT digest FROM old_ledger_request WHERE \
              log_id = 1 AND pos = 3), seal = (SELECT seal FROM old_ledger_request WHERE log_id = 1 AND pos = 3) \
              WHERE log_id = 1 AND pos = 3", "pos 3", "the digest of its command was not"),
        ] {
            assert_eq!(scene.raw.execute(sql).await, 1, "{case}");
            let report = scene.audit().await;
            let found = report.findings.iter().any(|finding| finding.row == row && finding.why.contains(why));
            assert!(found, "{case}: {:#?}", report.findings);
            assert_eq!(report.report().first_bad.and_then(|bad| bad.index), row[4..].parse().ok(), "{case}");
            scene.replace(personal, "now").await;
            scene.replace(&tables::REQUEST, "now").await;
        }
        assert_eq!(scene.audit().await.findings, []);
    })
    .await;
}

/// Whoever can write every table and has no key: rows, leaf hash, tile and root column all agree with each other.
#[tokio::test]
async fn a_leaf_rewritten_with_every_hash_beside_it_is_located_by_the_sealed_roots() {
    each(async |fixture| {
        let scene = Scene::new(fixture).await;
        let mut leaf = scene
            .raw
            .column::<Vec<u8>>("SELECT leaf FROM ledger_entry WHERE log_id = 1 AND pos = 50")
            .await
            .remove(0);
        leaf[24] ^= 1;
        let hash = qinlian::tlog::leaf_hash(&leaf).0;
        let mut tile = scene
            .raw
            .column::<Vec<u8>>("SELECT hashes FROM ledger_tile WHERE log_id = 1 AND level = 0 AND n = 0")
            .await
            .remove(0);
        tile[50 * 32..51 * 32].copy_from_slice(&hash);
        let (leaf, hash, tile) = (scene.blob(&leaf), scene.blob(&hash), scene.blob(&tile));
        scene
            .raw
            .execute(&format!(
                "UPDATE ledger_entry SET leaf = {leaf}, leaf_hash = {hash} WHERE log_id = 1 AND pos = 50; \
                 UPDATE ledger_tile SET hashes = {tile} WHERE log_id = 1 AND level = 0 AND n = 0"
            ))
            .await;
        let report = scene.audit().await;
        let located = report.findings.iter().find(|finding| finding.table == "ledger_entry").unwrap();
        assert_eq!((located.index, located.why.contains("[40, 80)")), (Some(40), true), "{}", located.why);
    })
    .await;
}
