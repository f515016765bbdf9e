//! Punches of a file. One that stands already is known by what the file says of it: source, person as read, local time,
//! device, direction, work code (attendance rule R5); so a file may be imported again, and files may overlap.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, bail};

use super::format::{Format, Rows};
use super::row::Row;
use super::twice::Twice;
use super::{Order, Refused, Report, people};
use crate::cli::office::{Office, explain};
use crate::kernel::{DeviceId, EpochDay, Label, LogId, RequestId};
use crate::ledger::committer::{Outcome, SubmitError};
use crate::ledger::port::Submission;
use crate::proto::presented::Who as PresentedWho;
use crate::proto::punch::Method;
use crate::proto::{Credential, Device, DirectoryPersonal, Presented, credential, device};
use crate::registers::attendance::fact::{
    Command, Import, Lines, Punch, Source, Stamp, Who, punch_of, quarantined,
};
use crate::registers::directory::Directory;
use crate::registers::directory::fact::{Command as DirectoryCommand, Noun, Record};
use crate::registers::rulebook::local_administrator;

/// Punches handed in at once: one upload's worth.
const BATCH: usize = 1_000;

/// A file with more lines than this that cannot be read is not what it was said to be; and each is named in the answer.
const REFUSED_MAX: u64 = 1_000_000;

/// As many people as are looked up once.
const KINDS_MAX: usize = 100_000;

/// What the first reading found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The first day of any line.
    pub first_day: Option<EpochDay>,
    /// Everybody who is named, when they are to be created.
    pub people: BTreeSet<String>,
}

/// Reads a file for the first time; nothing is written.
pub(super) fn survey(order: &Order, format: &Format, file: &mut Twice) -> anyhow::Result<Survey> {
    let (mut survey, mut refused) = (Survey::default(), 0);
    let mut rows = format.rows(order, file.first()?)?;
    while let Some(row) = rows.next()? {
        let Ok(row) = row else {
            refused += 1;
            if refused > REFUSED_MAX {
                bail!(
                    "more than {REFUSED_MAX} lines cannot be read: are --format, --columns and --encoding right?"
                );
            }
            continue;
        };
        let day = order.zone.day_of(row.at);
        survey.first_day = Some(survey.first_day.map_or(day, |first| first.min(day)));
        if order.create_people && !survey.people.contains(&row.cells.person) {
            survey.people.insert(row.cells.person);
        }
    }
    Ok(survey)
}

/// Up to a batch of lines that can be read; what cannot goes to the report. None at the end.
pub(super) fn batch(rows: &mut Rows<'_>, report: &mut Report) -> anyhow::Result<Option<Vec<Row>>> {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        match rows.next()? {
            Some(Ok(row)) => batch.push(row),
            Some(Err(refused)) => report.refused.push(refused),
            None => break,
        }
    }
    Ok(Some(batch).filter(|batch| !batch.is_empty()))
}

/// As which kind of credential the people of a file are known.
#[derive(Debug, Default)]
pub(super) struct Kinds(HashMap<String, credential::Kind>);

impl Kinds {
    /// Of one person; a card when nobody is known by the text.
    pub(super) fn of(&mut self, office: &Office, directory: &Directory, person: &str) -> credential::Kind {
        if let Some(kind) = self.0.get(person) {
            return *kind;
        }
        if self.0.len() >= KINDS_MAX {
            self.0.clear();
        }
        let kind = people::known_as(office, directory, person).unwrap_or(credential::Kind::Card);
        self.0.insert(person.to_owned(), kind);
        kind
    }
}

/// Imports.
pub(super) async fn import(
    office: &Office,
    order: &Order,
    format: &Format,
    file: &mut Twice,
) -> anyhow::Result<Report> {
    let log = office.log_of(&order.centre).await?;
    let survey = survey(order, format, file)?;
    ensure_source(office, log, &order.source).await?;
    if let Some(first_day) = survey.first_day.filter(|_| order.create_people) {
        let (centre, source) = (order.centre.as_str(), order.source.as_str());
        people::create(office, log, centre, source, &survey.people, first_day).await?;
    }
    let mut report = Report::default();
    let stored = store(office, order, log, &mut format.rows(order, file.again()?)?, &mut report).await;
    stored.with_context(|| {
        let seen = report.counted();
        format!("stopped behind {seen} lines; what is stored stands, and importing again goes on")
    })?;
    report.refused.sort_by_key(|refused| refused.line);
    report.lines = report.counted();
    put_on_record(office, order, log, file.digest(), &report).await?;
    finish(office, log, report).await
}

async fn store(
    office: &Office,
    order: &Order,
    log: LogId,
    rows: &mut Rows<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let directory = office.desk.directory(log).await?;
    let mut kinds = Kinds::default();
    while let Some(batch) = batch(rows, report)? {
        let submissions = batch
            .iter()
            .map(|row| {
                let kind = kinds.of(office, &directory, &row.cells.person);
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
                    detail: reason.said().en.into(),
                }),
                Err(error) => return Err(explain(error.into())),
            }
        }
    }
    Ok(())
}

/// The device that stands for the source.
pub(super) fn source(source: &DeviceId) -> Record {
    Record::Device(Device {
        device: source.to_string(),
        kind: device::Kind::ImportSource.into(),
        ..Device::default()
    })
}

/// One device stands for the source.
async fn ensure_source(office: &Office, log: LogId, code: &DeviceId) -> anyhow::Result<()> {
    let directory = office.desk.directory(log).await?;
    if directory.get(Noun::Device, code.as_str()).is_some() {
        return Ok(());
    }
    let personal = DirectoryPersonal::default();
    office.administer(log, DirectoryCommand::Put { record: source(code), personal }).await?;
    Ok(())
}

/// What a line is known by.
pub(super) fn request_id(office: &Office, order: &Order, row: &Row) -> RequestId {
    let at = row.at.get().to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![
        order.source.as_str().as_bytes(),
        row.cells.person.as_bytes(),
        &at,
        row.cells.device.as_bytes(),
        row.cells.direction.as_str_name().as_bytes(),
    ];
    // Most files have none, and are known as they were before there was one.
    if !row.cells.work_code.is_empty() {
        parts.push(row.cells.work_code.as_bytes());
    }
    RequestId::server_made(&office.keys.derived_id(b"qinlian/v1/import/punch", &parts))
}

/// The punch that a line says.
pub(super) fn punch(office: &Office, source: &DeviceId, row: &Row, kind: credential::Kind) -> Punch {
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
        direction: row.cells.direction,
        method: row.cells.method.unwrap_or(match kind {
            credential::Kind::Face => Method::Face,
            credential::Kind::Fingerprint => Method::Fingerprint,
            credential::Kind::Pin => Method::Pin,
            credential::Kind::Qr => Method::Qr,
            credential::Kind::EmployeeNo => Method::Manual,
            credential::Kind::Card | credential::Kind::Unspecified => Method::Card,
        }),
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
    file_digest: [u8; 32],
    report: &Report,
) -> anyhow::Result<()> {
    let parts: [&[u8]; 2] = [order.source.as_str().as_bytes(), &file_digest];
    let request_id = RequestId::server_made(&office.keys.derived_id(b"qinlian/v1/import/file", &parts));
    let lines = Lines {
        all: report.lines,
        accepted: report.accepted,
        duplicate: report.duplicate,
        quarantined: report.quarantined,
        refused: report.refused_lines(),
    };
    let import = Import {
        device: order.source.clone(),
        file_digest,
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

/// Adds where the log stands.
pub(super) async fn finish(office: &Office, log: LogId, mut report: Report) -> anyhow::Result<Report> {
    let (head, _) = office.desk.ledger().reader().head(log).await?;
    report.lines = report.counted();
    report.tree_size = head.size;
    report.root = head.root.to_string();
    Ok(report)
}
