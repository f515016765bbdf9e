//! A small rulebook: jobs that are open until their grace is over, and devices that report or fall silent.
//!
//! Room 1 is a job. `put K V` sets its value (0 withdraws it) and is due after a grace that policies make longer; three
//! graces later it is closed. It is final once the coverage of the job's device reaches the put. Room 2 is a device:
//! what it covers, and whether it has been silent for too long.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Mutex;

use qinlian::kernel::{EpochMs, LogId, Pos};
use qinlian::results::{
    AsOf, Body, ClockName, Derivation, Derived, FoldEntry, Key, Lineage, Moment, RangeAt, Reach, Room,
    Touched, Wait,
};
use qinlian::store::{Binds, Cells, Column, Inserts, Kind, Statement, Store, StoreError, Table, Tx};

use crate::support::store::Fixture;

/// Jobs.
pub(super) const JOBS: Room = Room::new(1);
/// Devices.
pub(super) const DEVICES: Room = Room::new(2);
/// Devices, by the job's number.
const DEVICE_COUNT: u8 = 3;
/// A job is due after this, and as much again per policy.
pub(super) const GRACE_MS: i64 = 100;
/// A device is silent after this.
pub(super) const SILENCE_MS: i64 = 250;

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// Sets a job.
    Put(u8, u8),
    /// A device's records reach this far.
    Cover(u8, i64),
    /// Longer graces: touches every job there is, then every device.
    Policy,
    /// Time has passed.
    Tick,
    /// Erases the facts of an entry.
    Erase(u64),
    /// Other rules from here on.
    Rules(u32),
    /// Makes the rule panic.
    Poison,
    /// Of the deployment: touches one job.
    Rename(u8),
    /// What is left of a put whose facts were erased: the register still knows which job it was.
    Gone(u8),
}

impl Op {
    /// As a leaf names it; erasing facts leaves the leaf as it is.
    pub(super) fn kind(self) -> u16 {
        match self {
            Self::Put(..) | Self::Gone(_) => 1,
            Self::Cover(..) => 2,
            Self::Policy => 3,
            Self::Tick => 4,
            Self::Erase(_) => 5,
            Self::Rules(_) => 6,
            Self::Poison => 7,
            Self::Rename(_) => 8,
        }
    }

    fn to_text(self) -> String {
        match self {
            Self::Put(job, value) => format!("put {job} {value}"),
            Self::Cover(device, until) => format!("cover {device} {until}"),
            Self::Policy => "policy".to_owned(),
            Self::Tick => "tick".to_owned(),
            Self::Erase(pos) => format!("erase {pos}"),
            Self::Rules(rules) => format!("rules {rules}"),
            Self::Poison => "poison".to_owned(),
            Self::Rename(job) => format!("rename {job}"),
            Self::Gone(job) => format!("gone {job}"),
        }
    }

    fn parse(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).unwrap();
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            ["put", job, value] => Self::Put(job.parse().unwrap(), value.parse().unwrap()),
            ["cover", device, until] => Self::Cover(device.parse().unwrap(), until.parse().unwrap()),
            ["policy"] => Self::Policy,
            ["tick"] => Self::Tick,
            ["erase", pos] => Self::Erase(pos.parse().unwrap()),
            ["rules", rules] => Self::Rules(rules.parse().unwrap()),
            ["poison"] => Self::Poison,
            ["rename", job] => Self::Rename(job.parse().unwrap()),
            ["gone", job] => Self::Gone(job.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

/// An entry, as tests write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: i64,
    /// How many deployment entries it has seen.
    pub(super) deployment: u64,
    pub(super) op: Op,
}

static ENTRY: Table = Table::new(
    "toy_entry",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("pos", Kind::Int),
        Column::public("recorded_ms", Kind::Int),
        Column::public("deployment", Kind::Int),
        Column::public("op", Kind::Blob),
    ],
);

static ENTRIES: Statement = Statement::new(
    "SELECT pos, recorded_ms, deployment, op FROM toy_entry WHERE log_id = $1 AND pos >= $2 ORDER BY pos LIMIT $3",
);
static REACH: Statement = Statement::new(
    "SELECT log_id, MAX(pos), MAX(deployment) FROM toy_entry WHERE log_id > $1 GROUP BY log_id ORDER BY log_id",
);
static ERASE: Statement = Statement::new("UPDATE toy_entry SET op = $3 WHERE log_id = $1 AND pos = $2");
static DEPLOYED: Statement =
    Statement::new("SELECT COUNT(*), MAX(recorded_ms) FROM toy_entry WHERE log_id = $1");

/// The toy's log table.
pub(super) async fn create(fixture: &Fixture) {
    let raw = fixture.raw().await;
    let text = match fixture.store.dialect() {
        qinlian::store::Dialect::Sqlite => {
            "CREATE TABLE toy_entry (log_id INTEGER NOT NULL, pos INTEGER NOT NULL, recorded_ms INTEGER NOT NULL, \
             deployment INTEGER NOT NULL, op BLOB NOT NULL, PRIMARY KEY (log_id, pos)) STRICT"
        }
        qinlian::store::Dialect::Postgres => {
            "CREATE TABLE toy_entry (log_id BIGINT NOT NULL, pos BIGINT NOT NULL, recorded_ms BIGINT NOT NULL, \
             deployment BIGINT NOT NULL, op BYTEA NOT NULL, PRIMARY KEY (log_id, pos))"
        }
    };
    raw.execute(text).await;
}

/// The register's row of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) pos: Pos,
    pub(super) at: i64,
    pub(super) op: Op,
}

/// What the keys of a chunk need: here everything.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) own: Vec<Row>,
    pub(super) deployed: Vec<Row>,
}

/// The rulebook.
#[derive(Debug)]
pub(super) struct Toy {
    pub(super) store: Store,
    pub(super) rules: u32,
    /// Where this toy keeps its deployment log: each history has one of its own.
    pub(super) deployment: i64,
    /// What the runner asked for.
    pub(super) ticks: Mutex<Vec<(LogId, EpochMs)>>,
}

impl Toy {
    pub(super) fn new(store: &Store, deployment: i64) -> Self {
        Self { store: store.clone(), rules: 1, deployment, ticks: Mutex::new(Vec::new()) }
    }

    pub(super) fn with_rules(self, rules: u32) -> Self {
        Self { rules, ..self }
    }

    fn stored(&self, log: LogId) -> i64 {
        if log == LogId::DEPLOYMENT { self.deployment } else { log.column() }
    }

    /// Writes entries from a position on; what one of them erases is gone.
    pub(super) async fn append(&self, log: LogId, from: usize, lines: &[Line]) {
        let log = self.stored(log);
        let mut tx = self.store.begin().await.unwrap();
        let mut inserts = Inserts::new();
        for (pos, line) in (from..).zip(lines) {
            let op = line.op.to_text().into_bytes();
            let deployment = i64::try_from(line.deployment).unwrap();
            let pos = i64::try_from(pos).unwrap();
            inserts.push(&ENTRY, [log.into(), pos.into(), line.at.into(), deployment.into(), op.into()]);
        }
        tx.insert(inserts).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Removes the facts of a put, as the transaction of an ERASE entry does.
    pub(super) async fn erase(&self, log: LogId, pos: i64, number: u8) {
        let mut tx = self.store.begin().await.unwrap();
        let gone = Op::Gone(number).to_text().into_bytes();
        let binds = Binds::new().and(log.column()).and(pos).and(gone);
        assert_eq!(tx.execute(&ERASE, binds).await.unwrap(), 1);
        tx.commit().await.unwrap();
    }

    async fn all(&self, tx: &mut Tx, log: LogId) -> Result<Vec<Row>, StoreError> {
        let binds = Binds::new().and(self.stored(log)).and(0).and(1_000_000);
        tx.fetch(&ENTRIES, binds, |cells| {
            let (pos, at, _) = (Pos::from_column(cells.int()?).unwrap(), cells.int()?, cells.int()?);
            Ok(Row { pos, at, op: Op::parse(&cells.blob()?) })
        })
        .await
    }

    /// As the port reads them, without a database.
    pub(super) fn entry(log: LogId, pos: usize, line: &Line) -> FoldEntry {
        let facts = Some(line.op.to_text().into_bytes());
        let rules = rules_of(line.op);
        FoldEntry {
            log,
            pos: Pos::new(u64::try_from(pos).unwrap()),
            kind: line.op.kind(),
            recorded: EpochMs::clamped(line.at),
            facts,
            deployment: (log != LogId::DEPLOYMENT).then(|| Pos::new(line.deployment)),
            rules,
        }
    }
}

fn read_entry(cells: &mut Cells<'_>, log: LogId) -> Result<FoldEntry, StoreError> {
    let pos = Pos::from_column(cells.int()?).unwrap();
    let recorded = EpochMs::clamped(cells.int()?);
    let deployment = Pos::from_column(cells.int()?).unwrap();
    let bytes = cells.blob()?;
    let kind = Op::parse(&bytes).kind();
    let facts = Some(bytes).filter(|facts| !matches!(Op::parse(facts), Op::Gone(_)));
    let rules = facts.as_deref().map(Op::parse).and_then(rules_of);
    let deployment = (facts.is_some() && log != LogId::DEPLOYMENT).then_some(deployment);
    Ok(FoldEntry { log, pos, kind, recorded, facts, deployment, rules })
}

fn rules_of(op: Op) -> Option<u32> {
    if let Op::Rules(rules) = op { Some(rules) } else { None }
}

fn op_of(entry: &FoldEntry) -> Option<Op> {
    entry.facts.as_deref().map(Op::parse)
}

pub(super) fn job(number: u8) -> Key {
    Key::new(JOBS, [number])
}

pub(super) fn device(number: u8) -> Key {
    Key::new(DEVICES, [number])
}

pub(super) fn coverage(number: u8) -> ClockName {
    ClockName::new(format!("coverage:{number}"))
}

/// The keys of a range, in order.
pub(super) fn expand(rows: &Rows, range: &[u8], as_of: AsOf) -> BTreeSet<Key> {
    let seen = rows.own.iter().filter(|row| row.pos < as_of.pos);
    seen.filter_map(|row| match (range, row.op) {
        (b"jobs", Op::Put(number, _) | Op::Gone(number)) => Some(job(number)),
        (b"devices", Op::Cover(number, _)) => Some(device(number)),
        (_, _) => None,
    })
    .collect()
}

impl Derivation for Toy {
    type Rows = Rows;

    fn rules(&self) -> u32 {
        self.rules
    }

    fn touched(&self, _log: LogId, entry: &FoldEntry, _during: RangeInclusive<EpochMs>) -> Touched {
        let Some(op) = op_of(entry) else { return Touched::default() };
        let everything = vec![b"jobs".to_vec(), b"devices".to_vec()];
        match op {
            Op::Put(number, _) | Op::Rename(number) => {
                Touched { keys: vec![job(number)], ..Touched::default() }
            }
            Op::Cover(number, until) => Touched {
                keys: vec![device(number)],
                advances: vec![(coverage(number), until)],
                ..Touched::default()
            },
            Op::Policy | Op::Rules(_) => Touched { ranges: everything, ..Touched::default() },
            Op::Erase(_) => Touched { ranges: vec![b"jobs".to_vec()], ..Touched::default() },
            Op::Tick | Op::Gone(_) => Touched::default(),
            Op::Poison => panic!("poisoned on purpose"),
        }
    }

    async fn expand(&self, tx: &mut Tx, page: RangeAt<'_>) -> Result<Vec<Key>, StoreError> {
        let rows = Rows { own: self.all(tx, page.log).await?, deployed: Vec::new() };
        let keys = expand(&rows, page.range, page.as_of);
        Ok(keys
            .into_iter()
            .filter(|key| page.after.is_none_or(|after| key > after))
            .take(page.limit)
            .collect())
    }

    async fn load(
        &self,
        tx: &mut Tx,
        log: LogId,
        _keys: &[Key],
        states: RangeInclusive<AsOf>,
    ) -> Result<Rows, StoreError> {
        let until = *states.end();
        let mut own = self.all(tx, log).await?;
        own.retain(|entry| entry.pos < until.pos);
        let mut deployed = self.all(tx, LogId::DEPLOYMENT).await?;
        deployed.retain(|entry| entry.pos < until.deployment);
        Ok(Rows { own, deployed })
    }

    fn derive(&self, rows: &Rows, key: &Key, moment: &Moment) -> Derived {
        let number = key.bytes[0];
        if key.room == JOBS {
            derive_job(self.rules, rows, number, moment)
        } else {
            derive_device(rows, number, moment)
        }
    }

    async fn entries(
        &self,
        tx: &mut Tx,
        log: LogId,
        from: Pos,
        limit: usize,
    ) -> Result<Vec<FoldEntry>, StoreError> {
        let binds = Binds::new().and(self.stored(log)).and(from.column()).and(i64::try_from(limit).unwrap());
        tx.fetch(&ENTRIES, binds, |cells| read_entry(cells, log)).await
    }

    async fn lineage(&self, tx: &mut Tx, log: LogId) -> Result<Lineage, StoreError> {
        let own = self.entries(tx, log, Pos::ZERO, 1_000_000).await?;
        let deployed = self.entries(tx, LogId::DEPLOYMENT, Pos::ZERO, 1_000_000).await?;
        let mut lineage = Lineage { rules: 1, since: AsOf::ZERO, erased: None };
        let mut place = AsOf::ZERO;
        for entry in &own {
            let until = entry.deployment.unwrap_or(place.deployment);
            while let Some(foreign) = deployed
                .get(usize::try_from(place.deployment.get()).unwrap())
                .filter(|foreign| foreign.pos < until)
            {
                note_rules(&mut lineage, foreign, place);
                place.deployment = foreign.pos.next();
            }
            note_rules(&mut lineage, entry, place);
            if matches!(op_of(entry), Some(Op::Erase(_))) {
                lineage.erased = Some(entry.pos);
            }
            place.pos = entry.pos.next();
        }
        Ok(lineage)
    }

    async fn reach(&self) -> Result<Vec<Reach>, StoreError> {
        let deployed = self
            .store
            .fetch(&DEPLOYED, Binds::new().and(self.deployment), |cells| Ok((cells.int()?, cells.opt_int()?)))
            .await?;
        let (size, newest) = deployed.into_iter().next().unwrap_or((0, None));
        self.store
            .fetch(&REACH, Binds::new().and(0), |cells| {
                let log = LogId::from_column(cells.int()?);
                let next_pos = Pos::from_column(cells.int()?).unwrap().next();
                let moved = (cells.int()? < size).then_some(newest).flatten().map(EpochMs::clamped);
                Ok(Reach { log, next_pos, moved })
            })
            .await
    }

    fn tick(&self, log: LogId, due: EpochMs) {
        self.ticks.lock().unwrap().push((log, due));
    }
}

fn note_rules(lineage: &mut Lineage, entry: &FoldEntry, before: AsOf) {
    if let Some(rules) = entry.rules.filter(|rules| *rules != lineage.rules) {
        (lineage.rules, lineage.since) = (rules, before);
    }
}

fn seen<'r>(rows: &'r Rows, moment: &Moment) -> impl Iterator<Item = &'r Row> {
    let as_of = moment.as_of;
    let own = rows.own.iter().filter(move |row| row.pos < as_of.pos);
    own.chain(rows.deployed.iter().filter(move |row| row.pos < as_of.deployment))
}

fn derive_job(rules: u32, rows: &Rows, number: u8, moment: &Moment) -> Derived {
    let (mut put, mut policies, mut names, mut covered) = (None, 0_i64, 0, i64::MIN);
    for row in seen(rows, moment) {
        match row.op {
            Op::Put(of, value) if of == number => put = Some((row.at, Some(value))),
            Op::Gone(of) if of == number => put = Some((row.at, None)),
            Op::Policy => policies += 1,
            Op::Rename(of) if of == number => names += 1,
            Op::Cover(of, until) if of == number % DEVICE_COUNT => covered = covered.max(until),
            Op::Put(..)
            | Op::Gone(_)
            | Op::Rename(_)
            | Op::Cover(..)
            | Op::Tick
            | Op::Erase(_)
            | Op::Rules(_)
            | Op::Poison => {}
        }
    }
    let (put_at, value) = match put {
        Some((put_at, Some(value))) if value > 0 => (put_at, value),
        Some((_, None)) => return Derived { body: Body::Erased, waits: Vec::new() },
        Some(_) | None => return Derived { body: Body::Nothing, waits: Vec::new() },
    };
    let grace = GRACE_MS * (1 + policies);
    let (state, next) = match moment.at.get() - put_at {
        since if since < grace => ("open", Some(put_at + grace)),
        since if since < 3 * grace => ("overdue", Some(put_at + 3 * grace)),
        _ => ("closed", None),
    };
    let is_final = covered >= put_at;
    let mut waits: Vec<Wait> = next.map(|at| Wait::until(EpochMs::clamped(at))).into_iter().collect();
    if !is_final {
        waits.push(Wait::reached(coverage(number % DEVICE_COUNT), put_at));
    }
    let certain = if is_final { "final" } else { "pending" };
    let content = format!("v{rules} value {value}, names {names}, grace {grace}: {state}, {certain}");
    Derived { body: Body::Content(content.into_bytes()), waits }
}

fn derive_device(rows: &Rows, number: u8, moment: &Moment) -> Derived {
    let reports = seen(rows, moment)
        .filter_map(|row| if let Op::Cover(of, until) = row.op { Some((of, row.at, until)) } else { None });
    let reports = reports.filter(|(of, ..)| *of == number);
    let Some((_, heard, until)) = reports.last() else {
        return Derived { body: Body::Nothing, waits: Vec::new() };
    };
    let silent_at = heard + SILENCE_MS;
    let (state, waits) = if moment.at.get() >= silent_at {
        ("silent", Vec::new())
    } else {
        ("reporting", vec![Wait::until(EpochMs::clamped(silent_at))])
    };
    Derived { body: Body::Content(format!("covers {until}, {state}").into_bytes()), waits }
}
