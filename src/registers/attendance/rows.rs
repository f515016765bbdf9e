//! The tables of the attendance register, and what a fact writes into them.

pub(super) mod bindings;
pub mod losses;

use prost::Message;

use super::coverage::Covered;
use super::derive::{CoveredAt, OutageAt};
use crate::kernel::{EpochMs, LogId, Pos, RequestId};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::port::Slot;
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::coverage_fact::DeviceCoverage;
use crate::proto::fact::Fact as Of;
use crate::proto::{Fact, Presented, PunchFact, PunchPersonal};
use crate::registers::directory::journal;
pub use crate::registers::directory::view::credential_key;
use crate::registers::stamp::effective::{self, Boot, CORRECTED_MS, Stamped};
use crate::registers::stamp::sample::Sample;
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, Store, StoreError, Table, Value};

/// Places in devices' journals.
pub use journal::TABLE as JOURNAL;

/// Punches.
pub static PUNCH: Table = Table::new(
    "attendance_punch",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("who", Kind::Text),
        Column::public("claimed_ms", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("journal", Kind::Int),
        Column::public("seq", Kind::Int),
        Column::public("stray", Kind::Int),
        Column::public("request_id", Kind::Blob),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// What devices proved.
pub static COVERAGE: Table = Table::new(
    "attendance_coverage",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("recorded_ms", Kind::Int),
        Column::public("boot_id", Kind::Text),
        Column::public("mono_ms", Kind::Int),
        Column::public("wall_ms", Kind::Int),
        Column::public("server_ms", Kind::Int),
        Column::public("journal", Kind::Int),
        Column::public("journal_head", Kind::Int),
        Column::public("contiguous_through", Kind::Int),
        Column::public("going_down", Kind::Int),
        Column::public("silent", Kind::Int),
        Column::public("last_contact_ms", Kind::Int),
        Column::public("new_boot", Kind::Int),
    ],
);

/// Outages, begun and ended.
pub static OUTAGE: Table = Table::new(
    "attendance_outage",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("ends", Kind::Int),
        Column::public("at_ms", Kind::Int),
    ],
);

/// Imported files.
pub static IMPORT: Table = Table::new(
    "attendance_import",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("file_digest", Kind::Blob),
        Column::public("content", Kind::Blob),
    ],
);

/// Credentials as read, reasons.
pub static PERSONAL: Table = Table::new("attendance_personal", PERSONAL_COLUMNS);

/// Whose punch it is, as rows name it: the person, or the credential that nobody was known for.
pub fn who(punch: &PunchFact) -> String {
    if punch.person_id.is_empty() {
        unresolved(&credential_key(punch.credential_kind, &punch.credential_hmac))
    } else {
        punch.person_id.clone()
    }
}

/// How rows name somebody of whom only a credential is known.
pub fn unresolved(credential_key: &str) -> String {
    format!("?{credential_key}")
}

/// Its claimed time finds it: at most 5 minutes off.
const FOUND_BY_CLAIM: i64 = 0;
/// It happened at another time than it claims.
const ASTRAY: i64 = 1;
/// Only later contacts may tell when it happened.
pub const ADRIFT: i64 = 2;

fn stray(punch: &PunchFact, recorded: EpochMs) -> i64 {
    let stamped = Stamped::of(punch, recorded);
    if stamped.is_adrift() {
        return ADRIFT;
    }
    let off_ms = effective::near(&stamped).since(stamped.claimed).abs();
    if off_ms > CORRECTED_MS { ASTRAY } else { FOUND_BY_CLAIM }
}

/// The rows of a fact.
pub fn insert(log: LogId, pos: Pos, at: EpochMs, id: RequestId, fact: &Fact, inserts: &mut Inserts) {
    match &fact.fact {
        Some(Of::Punch(punch)) => insert_punch(log, pos, at, id, punch, inserts),
        Some(Of::Coverage(coverage)) => {
            for item in &coverage.devices {
                inserts.push(&COVERAGE, coverage_row(log, pos, at, item));
            }
        }
        Some(Of::DeviceOutage(outage)) => {
            inserts.push(&OUTAGE, outage_row(log, pos, &outage.device, 0, outage.from_ms));
        }
        Some(Of::DeviceOutageEnd(outage)) => {
            inserts.push(&OUTAGE, outage_row(log, pos, &outage.device, 1, outage.until_ms));
        }
        Some(Of::Import(import)) => inserts.push(
            &IMPORT,
            [
                log.column().into(),
                pos.column().into(),
                import.device.as_str().into(),
                import.file_digest.as_slice().into(),
                import.encode_to_vec().into(),
            ],
        ),
        _ => {}
    }
}

fn insert_punch(log: LogId, pos: Pos, at: EpochMs, id: RequestId, punch: &PunchFact, inserts: &mut Inserts) {
    inserts.push(
        &PUNCH,
        [
            log.column().into(),
            pos.column().into(),
            who(punch).into(),
            punch.claimed_ms.into(),
            at.get().into(),
            punch.device.as_str().into(),
            Pos::new(punch.journal).column().into(),
            Pos::new(punch.device_seq).column().into(),
            stray(punch, at).into(),
            id.to_bytes().into(),
            punch.encode_to_vec().into(),
        ],
    );
}

fn coverage_row(log: LogId, pos: Pos, at: EpochMs, item: &DeviceCoverage) -> [Value; 15] {
    let covered = Covered::of(item, at);
    [
        log.column().into(),
        pos.column().into(),
        item.device.as_str().into(),
        at.get().into(),
        covered.boot_id.as_str().into(),
        Pos::new(covered.sample.mono_ms).column().into(),
        covered.sample.wall.get().into(),
        covered.sample.server.get().into(),
        covered.journal.column().into(),
        Pos::new(covered.journal_head).column().into(),
        Pos::new(covered.through).column().into(),
        i64::from(covered.going_down).into(),
        i64::from(covered.silent).into(),
        covered.last_contact.get().into(),
        i64::from(item.new_boot).into(),
    ]
}

fn outage_row(log: LogId, pos: Pos, device: &str, ends: i64, at_ms: i64) -> [Value; 5] {
    [log.column().into(), pos.column().into(), device.into(), ends.into(), at_ms.into()]
}

/// A punch as its row holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct PunchRow {
    /// The entry.
    pub pos: Pos,
    /// When it was recorded.
    pub recorded: EpochMs,
    /// The command's id.
    pub request_id: RequestId,
    /// What it says.
    pub fact: PunchFact,
}

impl PunchRow {
    /// What rule R4 looks at.
    pub fn stamped(&self) -> Stamped {
        Stamped::of(&self.fact, self.recorded)
    }

    /// Its place in a journal, if it has one.
    pub fn place(&self) -> Option<Place> {
        (self.fact.device_seq > 0).then(|| Place {
            device: self.fact.device.clone(),
            journal: Pos::new(self.fact.journal),
            seq: self.fact.device_seq,
        })
    }
}

/// A place in a journal, to find a punch by.
pub type Place = Slot;

const fn bad(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Inconsistent { table, column }
}

fn number(cells: &mut Cells<'_>, table: &'static str, column: &'static str) -> Result<Pos, StoreError> {
    Pos::from_column(cells.int()?).ok_or(bad(table, column))
}

/// Reads `pos, recorded_ms, request_id, content` of a punch.
pub fn read_punch(cells: &mut Cells<'_>) -> Result<PunchRow, StoreError> {
    const TABLE: &str = "attendance_punch";
    Ok(PunchRow {
        pos: number(cells, TABLE, "pos")?,
        recorded: EpochMs::clamped(cells.int()?),
        request_id: RequestId::from_bytes(cells.array(TABLE, "request_id")?),
        fact: PunchFact::decode(cells.blob()?.as_slice()).map_err(|_| bad(TABLE, "content"))?,
    })
}

/// Reads `pos, boot_id, mono_ms, wall_ms, server_ms, journal, journal_head` of a boot's first record.
pub fn read_boot(cells: &mut Cells<'_>) -> Result<Boot, StoreError> {
    const TABLE: &str = "attendance_coverage";
    Ok(Boot {
        pos: number(cells, TABLE, "pos")?,
        boot_id: cells.text()?,
        first: read_sample(cells)?,
        journal: number(cells, TABLE, "journal")?,
        journal_head: number(cells, TABLE, "journal_head")?.get(),
    })
}

fn read_sample(cells: &mut Cells<'_>) -> Result<Sample, StoreError> {
    Ok(Sample {
        mono_ms: number(cells, "attendance_coverage", "mono_ms")?.get(),
        wall: EpochMs::clamped(cells.int()?),
        server: EpochMs::clamped(cells.int()?),
    })
}

/// Reads `pos, recorded_ms, boot_id, mono_ms, wall_ms, server_ms, journal, journal_head, contiguous_through, going_down,
/// silent, last_contact_ms, new_boot` of a record of coverage.
pub fn read_covered(cells: &mut Cells<'_>) -> Result<CoveredAt, StoreError> {
    const TABLE: &str = "attendance_coverage";
    Ok(CoveredAt {
        pos: number(cells, TABLE, "pos")?,
        covered: Covered {
            recorded: EpochMs::clamped(cells.int()?),
            boot_id: cells.text()?,
            sample: read_sample(cells)?,
            journal: number(cells, TABLE, "journal")?,
            journal_head: number(cells, TABLE, "journal_head")?.get(),
            through: number(cells, TABLE, "contiguous_through")?.get(),
            going_down: cells.int()? != 0,
            silent: cells.int()? != 0,
            last_contact: EpochMs::clamped(cells.int()?),
        },
        new_boot: cells.int()? != 0,
    })
}

/// Reads `pos, ends, at_ms` of an outage's row.
pub fn read_outage(cells: &mut Cells<'_>) -> Result<OutageAt, StoreError> {
    Ok(OutageAt {
        pos: number(cells, "attendance_outage", "pos")?,
        ends: cells.int()? != 0,
        at: EpochMs::clamped(cells.int()?),
    })
}

static PRESENTED_AT: Statement = Statement::new(
    "SELECT pos, payload FROM attendance_personal WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

/// What was presented at punches, by position. What was erased, or never was, is absent.
pub async fn reveal(
    store: &Store,
    disclosure: &Disclosure,
    log: LogId,
    positions: &[Pos],
) -> Result<Vec<(Pos, Presented)>, StoreError> {
    tracing::trace!(disclosure = disclosure.index(), "read on record");
    let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
    let rows = store
        .fetch(&PRESENTED_AT, Binds::new().and(log.column()).keys(keys), |cells| {
            let pos = number(cells, "attendance_personal", "pos")?;
            let personal = PunchPersonal::decode(cells.blob()?.as_slice())
                .map_err(|_| bad("attendance_personal", "payload"))?;
            Ok(personal.presented.map(|presented| (pos, presented)))
        })
        .await?;
    Ok(rows.into_iter().flatten().collect())
}
