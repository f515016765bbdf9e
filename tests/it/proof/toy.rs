//! The smallest register that an audit can be asked about: a text in a facts part, a name in a personal part, and
//! erasures.

use qinlian::kernel::{CentreId, EpochMs, LogId, Pos};
use qinlian::ledger::disclosure::DISCLOSURE_KIND;
use qinlian::ledger::erase::ERASE_KIND;
use qinlian::ledger::leaf::PartType;
use qinlian::ledger::port::{
    Admission, ConfigAt, Context, Draft, DraftPart, Identity, Occupied, PartAt, Placed, Recalled, Rulebook,
    Slot, Submission,
};
use qinlian::ledger::tables::PERSONAL_COLUMNS;
use qinlian::store::{Column, Inserts, Kind, StoreError, Table, Tx};
use serde::{Deserialize, Serialize};

/// What can be asked of the toy.
#[derive(Debug, Clone, Serialize)]
pub(super) enum Command {
    /// A text, and perhaps a name.
    Note { text: String, name: Option<String> },
    /// Erases parts.
    Erase { parts: Vec<(u64, u32)> },
    /// A read on record.
    Read,
    /// A centre and its log.
    Open { code: String },
}

/// The facts part, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fact {
    text: String,
    erases: Vec<(u64, u32)>,
    deployment_size: u64,
}

pub(super) const NOTE: u16 = 0x0301;
const OPEN: u16 = 0x0302;

static FACT: Table = Table::new(
    "toy_fact",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("text", Kind::Text),
        Column::public("words", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
    ],
);

static PERSONAL: Table = Table::new("toy_personal", PERSONAL_COLUMNS);

/// On SQLite and on PostgreSQL.
pub(super) const SCHEMA: (&str, &str) = (
    "CREATE TABLE toy_fact (log_id INTEGER NOT NULL, pos INTEGER NOT NULL, text TEXT NOT NULL, words INTEGER NOT NULL, \
     recorded_ms INTEGER NOT NULL) STRICT; \
     CREATE TABLE toy_personal (log_id INTEGER NOT NULL, pos INTEGER NOT NULL, part INTEGER NOT NULL, salt BLOB NOT NULL, \
     payload BLOB NOT NULL, PRIMARY KEY (log_id, pos, part)) STRICT",
    "CREATE TABLE toy_fact (log_id BIGINT NOT NULL, pos BIGINT NOT NULL, text TEXT COLLATE \"C\" NOT NULL, \
     words BIGINT NOT NULL, recorded_ms BIGINT NOT NULL); \
     CREATE TABLE toy_personal (log_id BIGINT NOT NULL, pos BIGINT NOT NULL, part BIGINT NOT NULL, salt BYTEA NOT NULL, \
     payload BYTEA NOT NULL, PRIMARY KEY (log_id, pos, part))",
);

/// The toy.
#[derive(Debug, Default, Clone)]
pub(super) struct Toy;

fn part_ats(parts: &[(u64, u32)]) -> Vec<PartAt> {
    parts.iter().map(|(pos, part)| PartAt { pos: Pos::new(*pos), part: *part }).collect()
}

impl Rulebook for Toy {
    type Command = Command;
    type State = ();
    type Detail = Fact;

    fn identity(&self, command: &Command) -> Identity {
        let kind = match command {
            Command::Note { .. } => NOTE,
            Command::Erase { .. } => ERASE_KIND,
            Command::Read => DISCLOSURE_KIND,
            Command::Open { .. } => OPEN,
        };
        Identity { kind, content: serde_json::to_vec(command).unwrap() }
    }

    async fn load(&self, _: &mut Tx, _: &[ConfigAt], _: &[(LogId, &Command)]) -> Result<(), StoreError> {
        Ok(())
    }

    fn slot(&self, (): &(), _: LogId, _: &Command) -> Option<(Slot, Option<Occupied>)> {
        None
    }

    fn holds(&self, (): &(), _: &Submission<Command>, _: EpochMs) -> bool {
        true
    }

    fn admit(&self, (): &(), context: &Context<'_>, command: &Command) -> Admission<Fact> {
        let mut fact =
            Fact { text: String::new(), erases: Vec::new(), deployment_size: context.deployment_size };
        let (mut name, mut opens) = (None, None);
        match command {
            Command::Note { text, name: of } => {
                fact.text.clone_from(text);
                name.clone_from(of);
            }
            Command::Erase { parts } => fact.erases.clone_from(parts),
            Command::Read => "read".clone_into(&mut fact.text),
            Command::Open { code } => opens = CentreId::parse(code).ok(),
        }
        let part = |part_type, schema, payload| DraftPart { part_type, schema, payload };
        let facts = part(PartType::Facts, 0x11, serde_json::to_vec(&fact).unwrap());
        let personal = name.map(|name| part(PartType::Personal, 0x101, name.into_bytes()));
        Admission::Accept(Draft {
            kind: self.identity(command).kind,
            claimed: None,
            refers_to: None,
            parts: std::iter::once(facts).chain(personal).collect(),
            changes_config: opens.is_some(),
            opens,
            erases: part_ats(&fact.erases),
            detail: fact,
        })
    }

    fn conflict(&self, _: &Context<'_>, _: &Slot, _: Pos, _: [u8; 32]) -> Draft<Fact> {
        unreachable!("the toy has no journals")
    }

    fn accepts_clock(&self, _: &Command) -> Option<EpochMs> {
        None
    }

    fn apply(&self, (): &mut (), _: &Placed<Fact>) {}

    fn rows(&self, entry: &Placed<Fact>, inserts: &mut Inserts) {
        let (log, pos) = (entry.log.column(), entry.pos.column());
        let text = entry.detail.text.as_str();
        let words = i64::try_from(text.split(' ').count()).unwrap();
        let row = [log.into(), pos.into(), text.into(), words.into(), entry.recorded.get().into()];
        inserts.push(&FACT, row);
        for (number, part) in (0_u32..).zip(&entry.parts) {
            if let Some((salt, part)) = part.as_ref().filter(|(_, part)| part.part_type == PartType::Personal)
            {
                let payload = part.payload.as_slice().into();
                inserts.push(&PERSONAL, [log.into(), pos.into(), number.into(), salt.0.into(), payload]);
            }
        }
    }

    fn recall(&self, _: u16, facts: &[u8]) -> Option<Recalled<Fact>> {
        let detail: Fact = serde_json::from_slice(facts).ok()?;
        let (erases, deployment_size) = (part_ats(&detail.erases), detail.deployment_size);
        Some(Recalled { detail, erases, deployment_size })
    }

    fn tables(&self) -> &'static [&'static Table] {
        static TABLES: [&Table; 1] = [&FACT];
        &TABLES
    }

    fn personal_tables(&self) -> &'static [&'static Table] {
        static TABLES: [&Table; 1] = [&PERSONAL];
        &TABLES
    }

    fn kind_code(&self, kind: u16) -> Option<&'static str> {
        [(NOTE, "NOTE"), (OPEN, "OPEN"), (ERASE_KIND, "ERASE")]
            .into_iter()
            .find_map(|(known, code)| (known == kind).then_some(code))
    }

    async fn flush(&self, _: &mut Tx) -> Result<(), StoreError> {
        Ok(())
    }

    fn has_flush(&self) -> bool {
        false
    }

    fn committed(&self, (): ()) {}

    fn dropped(&self) {}
}
