//! Punches of a file. One that stands already is known by what the file says of it: source, person as read, local time,
//! device, direction (attendance rule R5); so a file may be imported again, and files may overlap.

use std::collections::{BTreeSet, HashMap};

use super::table::{Cells, Table};
use super::{Order, Refused, Report, people};
use crate::cli::office::{Office, explain};
use crate::kernel::{DeviceId, EpochDay, EpochMs, Label, LogId, Name, RequestId, Zone};
use crate::ledger::committer::{Outcome, SubmitError};
use crate::ledger::port::Submission;
use crate::proto::presented::Who as PresentedWho;
use crate::proto::punch::{Direction, Method};
use crate::proto::{Credential, Device, DirectoryPersonal, Presented, credential, device};
use crate::registers::attendance::fact::{
    Command, Import, Lines, Punch, Source, Stamp, Who, punch_of, quarantined,
};
use crate::registers::directory::fact::{Command as DirectoryCommand, Noun, Record};
use crate::registers::rulebook::local_administrator;

/// Punches handed in at once: one upload's worth.
const BATCH: usize = 1_000;

/// A line that can be read.
struct Row {
    line: u64,
    cells: Cells,
    at: EpochMs,
    direction: Direction,
    label: Label,
}

/// A local time: `2016-05-31 00:05:00`, with `/` or `T` as well, with or without seconds.
pub(super) fn instant(zone: &Zone, text: &str) -> Result<EpochMs, &'static str> {
    let local = text.replace('/', "-").parse::<jiff::civil::DateTime>().map_err(|_| "BAD_TIME")?;
    zone.instant_of(local).map_err(|_| "TIME_OUT_OF_RANGE")
}

fn direction(text: &str) -> Result<Direction, &'static str> {
    match text.to_ascii_uppercase().as_str() {
        "IN" => Ok(Direction::In),
        "OUT" => Ok(Direction::Out),
        "" | "UNKNOWN" => Ok(Direction::Unknown),
        _ => Err("BAD_DIRECTION"),
    }
}

/// The lines that can be read, and what is wrong with the others.
fn rows(order: &Order, table: &Table) -> (Vec<Row>, Vec<Refused>) {
    let (mut rows, mut refused) = (Vec::new(), Vec::new());
    for line in &table.lines {
        let row = line.cells.clone().map_err(|reason| (reason, String::new())).and_then(|cells| {
            let at = instant(&order.zone, &cells.time).map_err(|reason| (reason, "the time".to_owned()))?;
            Name::parse(&cells.person).map_err(|(_, said)| ("BAD_PERSON", said.en))?;
            let label = Label::parse(&cells.device).map_err(|(_, said)| ("BAD_DEVICE", said.en))?;
            let direction =
                direction(&cells.direction).map_err(|reason| (reason, "IN, OUT or UNKNOWN".to_owned()))?;
            Ok(Row { line: line.number, cells, at, direction, label })
        });
        match row {
            Ok(row) => rows.push(row),
            Err((reason, detail)) => refused.push(Refused { line: line.number, reason, detail }),
        }
    }
    (rows, refused)
}

/// What would be read; nothing is written.
pub(super) async fn rehearse(office: &Office, order: &Order, table: &Table) -> anyhow::Result<Report> {
    let (rows, refused) = rows(order, table);
    let mut report = Report { refused, ..Report::default() };
    report.accepted = count(rows.len());
    let log = office.log_of(&order.centre).await?;
    finish(office, log, table, report).await
}

/// Imports.
pub(super) async fn import(office: &Office, order: &Order, table: &Table) -> anyhow::Result<Report> {
    let log = office.log_of(&order.centre).await?;
    let (rows, refused) = rows(order, table);
    let mut report = Report { refused, ..Report::default() };
    ensure_source(office, log, &order.source).await?;
    let first_day = rows.iter().map(|row| order.zone.day_of(row.at)).min();
    if let Some(first_day) = first_day.filter(|_| order.create_people) {
        create(office, order, log, &rows, first_day).await?;
    }
    let directory = office.desk.directory(log).await?;
    let mut kinds: HashMap<&str, credential::Kind> = HashMap::new();
    for row in &rows {
        kinds.entry(&row.cells.person).or_insert_with(|| {
            people::known_as(office, &directory, &row.cells.person).unwrap_or(credential::Kind::Card)
        });
    }
    for batch in rows.chunks(BATCH) {
        let submissions = batch
            .iter()
            .map(|row| {
                let kind = kinds.get(row.cells.person.as_str()).copied().unwrap_or(credential::Kind::Card);
                Submission {
                    log,
                    request_id: request_id(office, order, row),
                    author: local_administrator(),
                    command: Command::punch(punch(office, &order.source, row, kind)).into(),
                }
            })
            .collect();
        for (row, answer) in batch.iter().zip(office.desk.ledger().submit_all(submissions).await?) {
            match answer {
                Ok(reply) if reply.outcome == Outcome::Accepted => {
                    let odd = reply
                        .fresh
                        .as_ref()
                        .and_then(|(entry, _)| punch_of(&entry.placed.detail.facts).and_then(quarantined));
                    if odd.is_some() { report.quarantined += 1 } else { report.accepted += 1 }
                }
                // The id says who, where and when: whatever else changed, this line stands already.
                Ok(_) | Err(SubmitError::RequestIdReused) => report.duplicate += 1,
                Err(SubmitError::Refused(reason)) => report.refused.push(Refused {
                    line: row.line,
                    reason: reason.code(),
                    detail: reason.said().en,
                }),
                Err(error) => return Err(explain(error.into())),
            }
        }
    }
    report.refused.sort_by_key(|refused| refused.line);
    put_on_record(office, order, log, table, &report).await?;
    finish(office, log, table, report).await
}

async fn create(
    office: &Office,
    order: &Order,
    log: LogId,
    rows: &[Row],
    first_day: EpochDay,
) -> anyhow::Result<()> {
    let named: BTreeSet<String> = rows.iter().map(|row| row.cells.person.clone()).collect();
    let (centre, source) = (order.centre.as_str(), order.source.as_str());
    people::create(office, log, centre, source, &named, first_day).await?;
    Ok(())
}

/// One device stands for the source.
async fn ensure_source(office: &Office, log: LogId, source: &DeviceId) -> anyhow::Result<()> {
    let directory = office.desk.directory(log).await?;
    if directory.get(Noun::Device, source.as_str()).is_some() {
        return Ok(());
    }
    let record = Record::Device(Device {
        device: source.to_string(),
        kind: device::Kind::ImportSource.into(),
        ..Device::default()
    });
    let personal = DirectoryPersonal::default();
    office.administer(log, DirectoryCommand::Put { record, personal }).await?;
    Ok(())
}

fn request_id(office: &Office, order: &Order, row: &Row) -> RequestId {
    let parts: [&[u8]; 5] = [
        order.source.as_str().as_bytes(),
        row.cells.person.as_bytes(),
        &row.at.get().to_be_bytes(),
        row.cells.device.as_bytes(),
        row.direction.as_str_name().as_bytes(),
    ];
    RequestId::server_made(&office.keys.derived_id(b"qinlian/v1/import/punch", &parts))
}

fn punch(office: &Office, source: &DeviceId, row: &Row, kind: credential::Kind) -> Punch {
    let value = row.cells.person.clone();
    Punch {
        source: Source::Import,
        stamp: Stamp {
            device: source.clone(),
            seq: 0,
            boot_id: empty(),
            mono_ms: 0,
            claimed: row.at,
            signature: Vec::new(),
        },
        direction: row.direction,
        method: match kind {
            credential::Kind::Face => Method::Face,
            credential::Kind::Fingerprint => Method::Fingerprint,
            credential::Kind::Pin => Method::Pin,
            credential::Kind::Qr => Method::Qr,
            credential::Kind::EmployeeNo => Method::Manual,
            credential::Kind::Card | credential::Kind::Unspecified => Method::Card,
        },
        device_label: row.label.clone(),
        who: Who::credential(&office.keys, kind, &value),
        witness: None,
        presented: Presented {
            who: Some(PresentedWho::Credential(Credential { kind: kind.into(), value })),
            ..Presented::default()
        },
        verified_by: None,
    }
}

#[expect(clippy::expect_used, reason = "a label may be empty")]
fn empty() -> Label {
    Label::parse("").expect("invariant: a label may be empty")
}

/// The file itself goes on record, once, under the digest of its bytes.
async fn put_on_record(
    office: &Office,
    order: &Order,
    log: LogId,
    table: &Table,
    report: &Report,
) -> anyhow::Result<()> {
    let parts: [&[u8]; 2] = [order.source.as_str().as_bytes(), &table.digest];
    let request_id = RequestId::server_made(&office.keys.derived_id(b"qinlian/v1/import/file", &parts));
    let lines = Lines {
        all: count(table.lines.len()),
        accepted: report.accepted,
        duplicate: report.duplicate,
        quarantined: report.quarantined,
        refused: count(report.refused.len()),
    };
    let import = Import {
        device: order.source.clone(),
        file_digest: table.digest,
        lines,
        complete_through: order.complete_through,
        attested_by: order.attested_by.clone(),
    };
    let submission = Submission {
        log,
        request_id,
        author: local_administrator(),
        command: Command::Import(import).into(),
    };
    match office.desk.ledger().submit_all(vec![submission]).await?.pop() {
        // On record already, perhaps with another attestation: the first one stays.
        Some(Ok(_) | Err(SubmitError::RequestIdReused)) => Ok(()),
        Some(Err(error)) => Err(explain(error.into())),
        None => Ok(()),
    }
}

async fn finish(office: &Office, log: LogId, table: &Table, mut report: Report) -> anyhow::Result<Report> {
    let (head, _) = office.desk.ledger().reader().head(log).await?;
    report.lines = count(table.lines.len());
    report.tree_size = head.size;
    report.root = head.root.to_string();
    Ok(report)
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_in_the_zone_that_is_named() {
        let shanghai = Zone::parse("Asia/Shanghai").unwrap();
        for (text, wanted) in [
            ("2016-05-31 00:05:00", Ok("2016-05-30T16:05:00.000Z")),
            ("2016/05/31 00:05:00", Ok("2016-05-30T16:05:00.000Z")),
            ("2016-05-31T00:05", Ok("2016-05-30T16:05:00.000Z")),
            ("31.05.2016 00:05", Err("BAD_TIME")),
            ("2016-02-30 00:05:00", Err("BAD_TIME")),
            ("", Err("BAD_TIME")),
            ("1969-01-01 00:00:00", Err("TIME_OUT_OF_RANGE")),
        ] {
            let read = instant(&shanghai, text).map(|at| at.to_string());
            assert_eq!(read.as_deref().map_err(|reason| *reason), wanted, "{text}");
        }
    }
}
