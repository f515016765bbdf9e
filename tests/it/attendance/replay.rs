//! Every row of the registers is a function of the entries: read back and written again, they are the same.

use std::collections::BTreeMap;

use qinlian::kernel::{DeviceId, LogId, Pos, Words};
use qinlian::ledger::leaf::{Leaf, PartType};
use qinlian::ledger::part::Salt;
use qinlian::ledger::port::{DraftPart, Placed, Rulebook};
use qinlian::proto::punch::Direction::{In, Out};
use qinlian::registers::attendance::fact::{Command, Import, Lines};
use qinlian::store::{Inserts, Value};

use super::rig::{Hall, minute, punch, uploaded};
use crate::support::clock;
use crate::support::store::each;

type Rows = BTreeMap<&'static str, Vec<Vec<Value>>>;

/// A bit of everything that attendance writes.
async fn live_a_little(hall: &Hall) {
    hall.report("gate-1", "a", 0, 0, 0).await;
    hall.watch().await;
    hall.send(punch("gate-1", 1, 1, In, "A0")).await;
    hall.send(punch("gate-1", 1, 2, In, "A0")).await;
    hall.send_all(vec![
        uploaded(punch("gate-2", 1, 3, In, "A1")),
        uploaded(punch("gate-2", 4, 5, Out, "A2")),
        uploaded(punch("gate-2", 1, 3, In, "A1")),
    ])
    .await;
    hall.bind(2, "A2").await;
    let gate = || DeviceId::parse("gate-2").expect("a code");
    let reason = Words::parse("停电").expect("words");
    for command in [
        Command::Outage { device: gate(), from: minute(1), reason },
        Command::OutageEnd { device: gate(), until: minute(9) },
        Command::Import(Import {
            device: DeviceId::parse("file").expect("a code"),
            file_digest: [5; 32],
            lines: Lines { all: 3, accepted: 2, duplicate: 1, ..Lines::default() },
            complete_through: Some(minute(0)),
            attested_by: Some(Words::parse("张三").expect("words")),
        }),
    ] {
        hall.office.administer(hall.log(), command).await.expect("stored");
    }
}

async fn written_again(hall: &Hall, log: LogId) -> Rows {
    let ledger = hall.office.desk.ledger();
    let registers = ledger.rulebook();
    let mut inserts = Inserts::new();
    for stored in ledger.reader().entries_from(log, Pos::ZERO, 10_000).await.expect("entries") {
        let leaf = Leaf::decode(&stored.leaf).expect("a leaf");
        let (_, facts) = stored.facts.expect("facts");
        let recalled = registers.recall(leaf.kind, &facts).expect("facts");
        let part = DraftPart { part_type: PartType::Facts, schema: 0x0011, payload: facts };
        let placed = Placed {
            log,
            pos: stored.pos,
            recorded: leaf.recorded,
            request_id: leaf.request_id,
            digest: None,
            parts: vec![Some((Salt([0; 32]), part))],
            detail: recalled.detail,
        };
        registers.rows(&placed, &mut inserts);
    }
    registers
        .tables()
        .iter()
        .map(|table| (table.name, sorted(inserts.rows_of(table).map(<[_]>::to_vec))))
        .collect()
}

fn sorted(rows: impl Iterator<Item = Vec<Value>>) -> Vec<Vec<Value>> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    rows
}

#[tokio::test]
async fn the_rows_of_the_registers_are_a_function_of_the_entries() {
    each(async |fixture| {
        let hall = Hall::begin(&fixture.store, &clock(31)).await;
        live_a_little(&hall).await;
        let mut filled = Vec::new();
        for log in [LogId::DEPLOYMENT, hall.log()] {
            let wanted = written_again(&hall, log).await;
            let mut tx = fixture.store.snapshot().await.expect("a snapshot");
            for table in hall.office.desk.registers().tables() {
                let stored = tx.range(table, log.column(), 0, i64::MAX).await.expect("rows");
                assert_eq!(sorted(stored.into_iter()), wanted[table.name], "{} of log {log}", table.name);
                filled.extend((!wanted[table.name].is_empty()).then_some(table.name));
            }
            tx.rollback().await.expect("read");
        }
        for table in [
            "device_journal",
            "attendance_punch",
            "attendance_coverage",
            "attendance_outage",
            "attendance_import",
        ] {
            assert!(filled.contains(&table), "nothing was written to {table}");
        }
    })
    .await;
}
