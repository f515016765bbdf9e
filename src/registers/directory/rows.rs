//! The directory's tables: records and bindings of an entry, loaded for whoever keeps a [`Directory`] in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message;

use super::fact::{Record, day, opt_day};
use super::state::{Directory, subject_of};
use super::view::credential_key;
use crate::kernel::{EpochDay, LogId, PersonId, Pos, Subject, Zone};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::tables::PERSONAL_COLUMNS;
use crate::proto::{Assignment, CredentialBinding, Device, DirectoryPersonal};
use crate::store::{Binds, Cells, Column, Inserts, Keys, Kind, Statement, Store, StoreError, Table, Tx};

/// Every version of every record.
pub static RECORD: Table = Table::new(
    "directory_record",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("noun", Kind::Int),
        Column::pseudonymous("code", Kind::Text),
        Column::pseudonymous("content", Kind::Blob),
    ],
);

/// The versions of credential bindings, to be found by person and by credential.
pub static BINDING: Table = Table::new(
    "directory_binding",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::pseudonymous("person_id", Kind::Text),
        Column::pseudonymous("credential", Kind::Text),
        Column::public("from_day", Kind::Int),
        Column::public("until_day", Kind::Int),
        Column::public("retired", Kind::Int),
    ],
);

/// Names, external ids, credentials as read, reasons.
pub static PERSONAL: Table = Table::new("directory_personal", PERSONAL_COLUMNS);

static RECORDS_BETWEEN: Statement = Statement::new(
    "SELECT pos, content FROM directory_record WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos, noun, code",
);

static PERSONAL_AT: Statement = Statement::new(
    "SELECT pos, payload FROM directory_personal WHERE log_id = $1 AND pos = ANY($2::bigint[])",
);

/// The rows of a record.
pub fn insert(log: LogId, pos: Pos, record: &Record, inserts: &mut Inserts) {
    inserts.push(
        &RECORD,
        [
            log.column().into(),
            pos.column().into(),
            i64::from(record.noun().number()).into(),
            record.code().into(),
            record.clone().encode().into(),
        ],
    );
    if let Record::CredentialBinding(binding) = record {
        insert_binding(log, pos, binding, inserts);
    }
}

fn insert_binding(log: LogId, pos: Pos, binding: &CredentialBinding, inserts: &mut Inserts) {
    inserts.push(
        &BINDING,
        [
            log.column().into(),
            pos.column().into(),
            binding.person_id.as_str().into(),
            credential_key(binding.kind, &binding.value_hmac).into(),
            day(binding.from.as_ref()).column().into(),
            opt_day(binding.until.as_ref()).map(EpochDay::column).into(),
            i64::from(binding.retired).into(),
        ],
    );
}

/// Records of people, of their assignments (whose codes begin with the person's id), and all grants.
static RECORDS_ABOUT: Statement = Statement::new(
    "SELECT pos, content FROM directory_record WHERE log_id = $1 \
     AND ((noun = 3 AND code = $2) OR (noun = 4 AND substr(code, 1, length($3)) = $3) OR noun = 9) ORDER BY pos, noun, code",
);

static BINDINGS_ABOUT: Statement = Statement::new(
    "SELECT pos, credential FROM directory_binding WHERE log_id = $1 AND person_id = $2 ORDER BY pos",
);

/// What a log's directory says of a person.
#[derive(Debug, Default)]
pub struct About {
    /// The entries: records, assignments, bindings, grants, every version of them.
    pub positions: BTreeSet<Pos>,
    /// The credentials that were ever bound to the person, as rows name them.
    pub credentials: BTreeSet<String>,
}

/// Everything that a log's directory says of a person.
pub async fn about(tx: &mut Tx, log: LogId, person: &PersonId) -> Result<About, StoreError> {
    let mut about = About::default();
    let prefix = format!("{person}/");
    let binds = Binds::new().and(log.column()).and(person.as_str()).and(prefix);
    let subject = Subject::Person(person.clone());
    for (pos, record) in tx.fetch(&RECORDS_ABOUT, binds, read).await? {
        let others =
            matches!(&record, Record::RoleGrant(grant) if subject_of(grant).as_ref() != Some(&subject));
        if !others {
            about.positions.insert(pos);
        }
    }
    let binds = Binds::new().and(log.column()).and(person.as_str());
    let bindings = tx.fetch(&BINDINGS_ABOUT, binds, |cells| Ok((cells.int()?, cells.text()?))).await?;
    for (pos, credential) in bindings {
        about.positions.extend(Pos::from_column(pos));
        about.credentials.insert(credential);
    }
    Ok(about)
}

fn read(cells: &mut Cells<'_>) -> Result<(Pos, Record), StoreError> {
    const TABLE: &str = "directory_record";
    let pos =
        Pos::from_column(cells.int()?).ok_or(StoreError::Inconsistent { table: TABLE, column: "pos" })?;
    let record = Record::decode(&cells.blob()?);
    Ok((pos, record.ok_or(StoreError::Inconsistent { table: TABLE, column: "content" })?))
}

/// Brings a directory up to a position; what it holds already is kept.
pub async fn advance(
    tx: &mut Tx,
    log: LogId,
    known: Option<Arc<Directory>>,
    config_pos: Pos,
) -> Result<Arc<Directory>, StoreError> {
    let known = known.filter(|known| known.config_pos <= config_pos);
    let mut directory = known.unwrap_or_default();
    if directory.config_pos == config_pos {
        return Ok(directory);
    }
    let binds = Binds::new().and(log.column()).and(directory.config_pos.column()).and(config_pos.column());
    let records = tx.fetch(&RECORDS_BETWEEN, binds, read).await?;
    let grown = Arc::make_mut(&mut directory);
    for (pos, record) in records {
        grown.apply(pos, record);
    }
    grown.config_pos = config_pos;
    Ok(directory)
}

/// The personal fields of records, by position. Those that were erased, or never were, are absent.
pub async fn reveal(
    store: &Store,
    disclosure: &Disclosure,
    log: LogId,
    positions: &[Pos],
) -> Result<Vec<(Pos, DirectoryPersonal)>, StoreError> {
    tracing::trace!(disclosure = disclosure.index(), "read on record");
    let keys = Keys::ints(positions.iter().map(|pos| pos.column()));
    store
        .fetch(&PERSONAL_AT, Binds::new().and(log.column()).keys(keys), |cells| {
            let bad = StoreError::Inconsistent { table: "directory_personal", column: "payload" };
            let pos = Pos::from_column(cells.int()?);
            let fields = DirectoryPersonal::decode(cells.blob()?.as_slice()).ok();
            pos.zip(fields).ok_or(bad)
        })
        .await
}

/// Versions of people's assignments: their codes are the person's id, a slash and the first day.
static ASSIGNMENTS: Statement = Statement::new(
    "SELECT r.pos, r.content FROM UNNEST($3::text[], $4::text[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM directory_record r WHERE r.log_id = $1 AND r.noun = 4 AND r.code >= k.k0 \
     AND r.code < k.k1 AND r.pos < $2 OFFSET 0) r ORDER BY r.pos",
);

/// The next assignments by code.
static ASSIGNMENTS_AFTER: Statement = Statement::new(
    "SELECT DISTINCT code FROM directory_record \
     WHERE log_id = $1 AND noun = 4 AND code >= $2 AND pos < $3 ORDER BY code LIMIT $4",
);

static DEVICES: Statement = Statement::new(
    "SELECT pos, content FROM directory_record WHERE log_id = $1 AND noun = 7 AND pos < $2 ORDER BY pos",
);

/// `0` follows `/` in the order of codes: everything from `person/` to before `person0` is the person's.
fn codes_of(person_id: &str) -> (String, String) {
    (format!("{person_id}/"), format!("{person_id}0"))
}

/// Every version of some people's assignments before a position, in the order of entries.
pub async fn assignments(
    tx: &mut Tx,
    log: LogId,
    people: &BTreeSet<&str>,
    until: Pos,
) -> Result<Vec<(Pos, Assignment)>, StoreError> {
    let (from, to): (Vec<_>, Vec<_>) = people.iter().map(|person| codes_of(person)).unzip();
    let keys = Keys::texts(from).and_texts(to);
    let binds = Binds::new().and(log.column()).and(until.column()).keys(keys);
    let records = tx.fetch(&ASSIGNMENTS, binds, read).await?;
    Ok(records
        .into_iter()
        .filter_map(
            |(pos, record)| {
                if let Record::Assignment(assignment) = record { Some((pos, assignment)) } else { None }
            },
        )
        .collect())
}

/// The next people who were ever assigned here, by id, after one; at most `limit`.
pub async fn assigned_after(
    tx: &mut Tx,
    log: LogId,
    after: Option<&str>,
    until: Pos,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let mut people: Vec<String> = Vec::new();
    let mut from = after.map(|person| codes_of(person).1).unwrap_or_default();
    while people.len() < limit {
        let wanted = i64::try_from(limit - people.len()).unwrap_or(i64::MAX);
        let binds = Binds::new().and(log.column()).and(from).and(until.column()).and(wanted);
        let codes = tx.fetch(&ASSIGNMENTS_AFTER, binds, |cells| cells.text()).await?;
        for code in &codes {
            let person = code.split_once('/').map_or(code.as_str(), |(person, _)| person);
            if people.last().is_none_or(|known| known != person) {
                people.push(person.to_owned());
            }
        }
        let Some(last) = people.last().filter(|_| codes.len() == usize::try_from(wanted).unwrap_or(0)) else {
            break;
        };
        from = codes_of(last).1;
    }
    Ok(people)
}

/// Every version of a log's devices before a position, in the order of entries.
pub async fn devices(tx: &mut Tx, log: LogId, until: Pos) -> Result<Vec<(Pos, Device)>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    let records = tx.fetch(&DEVICES, binds, read).await?;
    Ok(records
        .into_iter()
        .filter_map(
            |(pos, record)| if let Record::Device(device) = record { Some((pos, device)) } else { None },
        )
        .collect())
}

static CENTRE: Statement =
    Statement::new("SELECT content FROM directory_record WHERE log_id = 0 AND pos = $1 AND noun = 1");

/// The zone of the centre whose log this is: that of the entry that created it, whose position is the log's number.
pub async fn zone(tx: &mut Tx, log: LogId) -> Result<Option<Zone>, StoreError> {
    let rows = tx.fetch(&CENTRE, Binds::new().and(log.column()), |cells| cells.blob()).await?;
    let Some(Record::Centre(centre)) = rows.first().and_then(|bytes| Record::decode(bytes)) else {
        return Ok(None);
    };
    Ok(Zone::parse(&centre.timezone).ok())
}
