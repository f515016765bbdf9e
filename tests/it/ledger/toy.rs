//! A toy rulebook: the smallest registers that use every part of the port, so that what these tests find is the
//! ledger's and nobody else's.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use qinlian::kernel::{CentreId, EpochMs, LogId, Pos, Reason, Said};
use qinlian::ledger::disclosure::DISCLOSURE_KIND;
use qinlian::ledger::erase::ERASE_KIND;
use qinlian::ledger::leaf::PartType;
use qinlian::ledger::port::{
    Admission, ConfigAt, Context, Draft, DraftPart, Identity, Occupied, PartAt, Placed, Recalled, Rulebook,
    Slot, Submission,
};
use qinlian::store::{Binds, Inserts, Keys, Statement, StoreError, Table, Tx};

pub(super) use super::words::{Broken, CONFLICT, Command, DENIED, Fact, PERSONAL, PUT, ROW, SCHEMA};

static KEYS_SET: Statement = Statement::new(
    "SELECT DISTINCT log_id, key FROM toy_row WHERE (log_id, key) IN (SELECT * FROM UNNEST($1::bigint[], $2::text[]))",
);

static TAKEN: Statement = Statement::new(
    "SELECT t.log_id, t.device, t.journal, t.seq, t.pos, r.digest FROM toy_row t \
     JOIN ledger_request r ON r.log_id = t.log_id AND r.request_id = t.request_id \
     WHERE (t.log_id, t.device, t.journal, t.seq) IN \
     (SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]))",
);

static SETTINGS: Statement =
    Statement::new("SELECT key, value FROM toy_row WHERE log_id = 0 AND what = $1 ORDER BY pos");

/// The settings, and how far the deployment log was when they were read.
type Settings = (Pos, BTreeMap<String, String>);

#[derive(Debug, Default)]
pub(super) struct State {
    set: HashSet<(LogId, String)>,
    taken: HashMap<(LogId, Slot), Occupied>,
    settings: Settings,
}

/// The toy.
#[derive(Debug, Default)]
pub(super) struct Toy {
    cached: Mutex<Option<Settings>>,
    /// Contact samples that wait for a commit, and that were written.
    pub(super) waiting: AtomicU64,
    pub(super) flushed: AtomicU64,
    /// How often the settings were read from the database.
    pub(super) loads: AtomicU64,
}

/// The toy's one reason to say no.
#[derive(Debug)]
pub(super) struct No(pub(super) &'static str);

impl Reason for No {
    fn code(&self) -> &'static str {
        self.0
    }

    fn said(&self) -> Said {
        Said::new("不行", "no")
    }
}

impl Rulebook for Toy {
    type Command = Command;
    type State = State;
    type Detail = Fact;

    fn identity(&self, command: &Command) -> Identity {
        let kind = match command {
            Command::Read { .. } => DISCLOSURE_KIND,
            Command::Erase { .. } => ERASE_KIND,
            Command::Config { .. } => 0x0101,
            Command::OpenCentre { .. } => 0x0102,
            Command::AcceptClock { .. } => 0x0103,
            Command::Correct { .. } => 0x0202,
            Command::Note { .. } => 0x0203,
            Command::Item { .. } => 0x0204,
            Command::Needs { .. } => 0x0205,
            Command::Deny => 0x0206,
            Command::Put { .. } | Command::Panic { .. } | Command::Refuse | Command::Raw { .. } => PUT,
        };
        Identity { kind, content: serde_json::to_vec(command).unwrap() }
    }

    async fn load(
        &self,
        tx: &mut Tx,
        config: &[ConfigAt],
        batch: &[(LogId, &Command)],
    ) -> Result<State, StoreError> {
        let mut state = State { settings: self.settings(tx, config).await?, ..State::default() };
        let (mut logs, mut keys) = (Vec::new(), Vec::new());
        let mut slots = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (log, command) in batch {
            if let Command::Needs { key } = command {
                logs.push(log.column());
                keys.push(key.clone());
            }
            if let Command::Item { device, journal, seq, .. } = command {
                slots.0.push(log.column());
                slots.1.push(device.clone());
                slots.2.push(journal.cast_signed());
                slots.3.push(seq.cast_signed());
            }
        }
        if !logs.is_empty() {
            let binds = Binds::new().keys(Keys::ints(logs).and_texts(keys));
            let rows = tx.fetch(&KEYS_SET, binds, |cells| Ok((cells.int()?, cells.text()?))).await?;
            state.set = rows.into_iter().map(|(log, key)| (LogId::from_column(log), key)).collect();
        }
        if !slots.0.is_empty() {
            let keys = Keys::ints(slots.0).and_texts(slots.1).and_ints(slots.2).and_ints(slots.3);
            let rows = tx
                .fetch(&TAKEN, Binds::new().keys(keys), |cells| {
                    let log = LogId::from_column(cells.int()?);
                    let device = cells.text()?;
                    let journal = Pos::new(cells.int()?.cast_unsigned());
                    let slot = Slot { device, journal, seq: cells.int()?.cast_unsigned() };
                    let pos = Pos::new(cells.int()?.cast_unsigned());
                    let digest = cells.opt_blob()?.map(|digest| digest.try_into().unwrap());
                    Ok(((log, slot), Occupied { pos, digest }))
                })
                .await?;
            state.taken = rows.into_iter().collect();
        }
        Ok(state)
    }

    fn slot(&self, state: &State, log: LogId, command: &Command) -> Option<(Slot, Option<Occupied>)> {
        let Command::Item { device, journal, seq, .. } = command else { return None };
        let slot = Slot { device: device.clone(), journal: Pos::new(*journal), seq: *seq };
        let occupied = state.taken.get(&(log, slot.clone())).copied();
        Some((slot, occupied))
    }

    fn holds(&self, state: &State, submission: &Submission<Command>, _at: EpochMs) -> bool {
        submission.author.pass.is_none()
            || state.settings.1.get("passes").is_none_or(|value| value != "revoked")
    }

    fn admit(&self, state: &State, context: &Context<'_>, command: &Command) -> Admission<Fact> {
        let kind = self.identity(command).kind;
        let plain = |what: &str, key: &str, value: &[u8]| draft(context, state, kind, what, key, value);
        let draft = match command {
            Command::Refuse => return Admission::Refuse(Arc::new(No("NEVER"))),
            Command::Needs { key } if !state.set.contains(&(context.log, key.clone())) => {
                return Admission::Refuse(Arc::new(No("NOT_YET")));
            }
            Command::AcceptClock { allowed: false, .. } => {
                return Admission::Refuse(Arc::new(No("NOT_YOU")));
            }
            Command::Panic { at: Broken::Admit } => panic!("on purpose, in admit"),
            Command::Panic { at } => plain(if *at == Broken::Rows { "rows" } else { "apply" }, "", b""),
            Command::Put { key, value } => plain("put", key, value),
            Command::Correct { key, value, claimed_ms, refers_to } => {
                let mut draft = plain("put", key, value);
                draft.claimed = Some(EpochMs::clamped(*claimed_ms));
                draft.refers_to = Some(Pos::new(*refers_to));
                draft
            }
            Command::Needs { key } => plain("needs", key, b""),
            Command::Raw { text } => plain("raw", text, b""),
            Command::Note { key, personal } => with_personal(plain("note", key, b""), personal),
            Command::Item { device, journal, seq, personal } => {
                let mut draft = plain("item", "", b"");
                draft.detail.slot = Some((device.clone(), *journal, *seq));
                with_personal(refacts(draft), personal)
            }
            Command::Erase { parts } => {
                let mut draft = plain("erase", "", b"");
                draft.detail.erases = parts.clone();
                draft.erases = part_ats(parts);
                refacts(draft)
            }
            Command::Deny => {
                let mut draft = plain("denied", "", b"");
                draft.kind = DENIED;
                draft
            }
            Command::OpenCentre { code } => {
                let mut draft = plain("centre", code, b"");
                draft.opens = CentreId::parse(code).ok();
                draft.changes_config = true;
                draft
            }
            Command::Config { key, value } => {
                let mut draft = plain("config", key, value.as_bytes());
                draft.changes_config = true;
                draft
            }
            Command::Read { whose } => plain("read", whose, b""),
            Command::AcceptClock { .. } => plain("clock", "", b""),
        };
        Admission::Accept(draft)
    }

    fn conflict(&self, context: &Context<'_>, slot: &Slot, first: Pos, digest: [u8; 32]) -> Draft<Fact> {
        let mut draft = draft(context, &State::default(), CONFLICT, "conflict", &slot.device, &digest);
        draft.refers_to = Some(first);
        draft
    }

    fn accepts_clock(&self, command: &Command) -> Option<EpochMs> {
        if let Command::AcceptClock { vouched_ms, .. } = command {
            Some(EpochMs::clamped(*vouched_ms))
        } else {
            None
        }
    }

    fn apply(&self, state: &mut State, entry: &Placed<Fact>) {
        let fact = &entry.detail;
        assert_ne!(fact.what, "apply", "on purpose, in apply");
        state.set.insert((entry.log, fact.key.clone()));
        if let Some((device, journal, seq)) = &fact.slot {
            let slot = Slot { device: device.clone(), journal: Pos::new(*journal), seq: *seq };
            state.taken.insert((entry.log, slot), Occupied { pos: entry.pos, digest: entry.digest });
        }
        if fact.what == "config" {
            let value = String::from_utf8_lossy(&fact.value).into_owned();
            state.settings.1.insert(fact.key.clone(), value);
        }
        if ["config", "centre"].contains(&fact.what.as_str()) {
            state.settings.0 = entry.pos.next();
        }
    }

    fn rows(&self, entry: &Placed<Fact>, inserts: &mut Inserts) {
        let fact = &entry.detail;
        assert_ne!(fact.what, "rows", "on purpose, in rows");
        let (device, journal, seq) =
            fact.slot.clone().map_or((None, None, None), |(device, journal, seq)| {
                (Some(device), Some(journal.cast_signed()), Some(seq.cast_signed()))
            });
        let (log, pos) = (entry.log.column(), entry.pos.column());
        inserts.push(
            &ROW,
            [
                log.into(),
                pos.into(),
                fact.what.as_str().into(),
                fact.key.as_str().into(),
                fact.value.as_slice().into(),
                device.into(),
                journal.into(),
                seq.into(),
                entry.request_id.to_bytes().into(),
            ],
        );
        for (number, part) in (0_u32..).zip(&entry.parts) {
            if let Some((salt, part)) = part.as_ref().filter(|(_, part)| part.part_type == PartType::Personal)
            {
                let payload = part.payload.as_slice().into();
                inserts.push(&PERSONAL, [log.into(), pos.into(), number.into(), salt.0.into(), payload]);
            }
        }
    }

    fn recall(&self, _kind: u16, facts: &[u8]) -> Option<Recalled<Fact>> {
        let detail: Fact = serde_json::from_slice(facts).ok()?;
        let (erases, deployment_size) = (part_ats(&detail.erases), detail.deployment_size);
        Some(Recalled { detail, erases, deployment_size })
    }

    fn tables(&self) -> &'static [&'static Table] {
        static TABLES: [&Table; 1] = [&ROW];
        &TABLES
    }

    fn personal_tables(&self) -> &'static [&'static Table] {
        static TABLES: [&Table; 1] = [&PERSONAL];
        &TABLES
    }

    fn kind_code(&self, kind: u16) -> Option<&'static str> {
        (kind == PUT).then_some("PUT")
    }

    async fn flush(&self, _tx: &mut Tx) -> Result<(), StoreError> {
        self.flushed.fetch_add(self.waiting.swap(0, Ordering::SeqCst), Ordering::SeqCst);
        Ok(())
    }

    fn has_flush(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn committed(&self, state: State) {
        *self.cached.lock().unwrap() = Some(state.settings);
    }

    fn dropped(&self) {
        *self.cached.lock().unwrap() = None;
    }
}

impl Toy {
    async fn settings(&self, tx: &mut Tx, config: &[ConfigAt]) -> Result<Settings, StoreError> {
        let at = config.iter().find(|at| at.log == LogId::DEPLOYMENT).unwrap().config_pos;
        if let Some(cached) = self.cached.lock().unwrap().clone().filter(|(pos, _)| *pos == at) {
            return Ok(cached);
        }
        self.loads.fetch_add(1, Ordering::SeqCst);
        let rows = tx
            .fetch(&SETTINGS, Binds::new().and("config"), |cells| {
                Ok((cells.text()?, String::from_utf8_lossy(&cells.blob()?).into_owned()))
            })
            .await?;
        Ok((at, rows.into_iter().collect()))
    }
}

fn draft(
    context: &Context<'_>,
    state: &State,
    kind: u16,
    what: &str,
    key: &str,
    value: &[u8],
) -> Draft<Fact> {
    let detail = Fact {
        what: what.to_owned(),
        key: key.to_owned(),
        value: value.to_vec(),
        principal: context.author.principal.clone(),
        deployment_size: context.deployment_size,
        config: state.settings.1.clone(),
        slot: None,
        erases: Vec::new(),
        minted: context.random,
    };
    refacts(Draft {
        kind,
        claimed: None,
        refers_to: None,
        parts: Vec::new(),
        changes_config: false,
        opens: None,
        erases: Vec::new(),
        detail,
    })
}

/// Writes the facts part again, after the detail was changed.
fn refacts(mut draft: Draft<Fact>) -> Draft<Fact> {
    let payload = serde_json::to_vec(&draft.detail).unwrap();
    draft.parts = vec![DraftPart { part_type: PartType::Facts, schema: 0x11, payload }];
    draft
}

fn with_personal(mut draft: Draft<Fact>, personal: &str) -> Draft<Fact> {
    let payload = personal.as_bytes().to_vec();
    draft.parts.push(DraftPart { part_type: PartType::Personal, schema: 0x111, payload });
    draft
}

fn part_ats(parts: &[(u64, u32)]) -> Vec<PartAt> {
    parts.iter().map(|(pos, part)| PartAt { pos: Pos::new(*pos), part: *part }).collect()
}
