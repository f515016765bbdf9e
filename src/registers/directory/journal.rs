//! The journals of devices: one per device for all registers, numbers from 1 with each enrolment, never used twice.
//!
//! The digest of a command is kept with its request alone, so that an erasure has one place to take it from.

use std::collections::{BTreeMap, HashMap};

use crate::kernel::{LogId, Pos, RequestId};
use crate::ledger::keys::Keys;
use crate::ledger::port::{ConfigAt, Occupied, Slot};
use crate::ledger::request_seal;
use crate::store::{Binds, Cells, Column, Inserts, Keys as KeySet, Kind, Statement, StoreError, Table, Tx};

/// Places in devices' journals.
pub static TABLE: Table = Table::new(
    "device_journal",
    &[
        Column::public("log_id", Kind::Int),
        Column::public("device", Kind::Text),
        Column::public("journal", Kind::Int),
        Column::public("seq", Kind::Int),
        Column::public("request_id", Kind::Blob),
        Column::public("pos", Kind::Int),
    ],
);

/// The unbroken runs of numbers that some ranges of entries brought.
static RUNS: Statement = Statement::new(
    "SELECT i.log_id, i.device, i.journal, MIN(i.seq), MAX(i.seq) FROM ( \
     SELECT t.log_id, t.device, t.journal, t.seq, \
     t.seq - ROW_NUMBER() OVER (PARTITION BY t.log_id, t.device, t.journal ORDER BY t.seq) AS island \
     FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS k(k0, k1, k2) \
     CROSS JOIN LATERAL (SELECT * FROM device_journal t WHERE t.log_id = k.k0 AND t.pos >= k.k1 \
     AND t.pos < k.k2 OFFSET 0) t) AS i \
     GROUP BY i.log_id, i.device, i.journal, i.island",
);

/// Every journal of some logs before a position: its first and last number, and how many there are. A journal without a
/// gap is one run, and most are; so a process that starts need not sort what years have brought.
static WHOLE: Statement = Statement::new(
    "SELECT t.log_id, t.device, t.journal, MIN(t.seq), MAX(t.seq), COUNT(*) \
     FROM UNNEST($1::bigint[], $2::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM device_journal t WHERE t.log_id = k.k0 AND +t.pos < k.k1 OFFSET 0) t \
     GROUP BY t.log_id, t.device, t.journal",
);

/// The unbroken runs of numbers of some journals before a position.
static RUNS_OF: Statement = Statement::new(
    "SELECT i.log_id, i.device, i.journal, MIN(i.seq), MAX(i.seq) FROM ( \
     SELECT t.log_id, t.device, t.journal, t.seq, \
     t.seq - ROW_NUMBER() OVER (PARTITION BY t.log_id, t.device, t.journal ORDER BY t.seq) AS island \
     FROM UNNEST($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS k(k0, k1, k2, k3) \
     CROSS JOIN LATERAL (SELECT * FROM device_journal t WHERE t.log_id = k.k0 AND t.device = k.k1 \
     AND t.journal = k.k2 AND +t.pos < k.k3 OFFSET 0) t) AS i \
     GROUP BY i.log_id, i.device, i.journal, i.island",
);

/// What stands in some places, with the request that brought it.
static OCCUPIED: Statement = Statement::new(
    "SELECT j.log_id, j.device, j.journal, j.seq, j.request_id, j.pos, r.principal, r.kind, r.digest, r.pos, r.seal \
     FROM device_journal j LEFT JOIN ledger_request r ON r.log_id = j.log_id AND r.request_id = j.request_id \
     WHERE (j.log_id, j.device, j.journal, j.seq) \
     IN (SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]))",
);

/// Every text, so that a test can prepare each on both databases.
pub static STATEMENTS: &[&Statement] = &[&RUNS, &WHOLE, &RUNS_OF, &OCCUPIED];

/// Which numbers of a journal have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    /// Every number up to here.
    through: u64,
    /// Unbroken runs after a gap: first to last.
    ahead: BTreeMap<u64, u64>,
}

impl Journal {
    /// Every number up to this one has arrived.
    pub fn through(&self) -> u64 {
        self.through
    }

    /// Has this number arrived?
    pub fn has(&self, seq: u64) -> bool {
        seq <= self.through || self.ahead.range(..=seq).next_back().is_some_and(|(_, last)| seq <= *last)
    }

    /// The newest number that has arrived.
    pub fn newest(&self) -> u64 {
        self.ahead.last_key_value().map_or(self.through, |(_, last)| *last)
    }

    /// Has any number of a run arrived?
    pub fn has_any(&self, first: u64, last: u64) -> bool {
        first <= self.through
            || self.ahead.range(..=last).next_back().is_some_and(|(_, arrived)| *arrived >= first)
    }

    /// The runs of numbers up to `head` that have not arrived.
    pub fn missing(&self, head: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = self.through + 1;
        for (first, last) in self.ahead.range(..=head) {
            missing.push((next, first - 1));
            next = last + 1;
        }
        if next <= head {
            missing.push((next, head));
        }
        missing
    }

    /// Does this number leave a gap before it?
    pub fn leaves_gap(&self, seq: u64) -> bool {
        seq > self.through + 1
    }

    /// Numbers arrive.
    pub fn add(&mut self, first: u64, last: u64) {
        let (mut first, mut last) = (first, last);
        // Runs that touch or overlap the new one become part of it.
        while let Some((known, until)) = self.ahead.range(..=last + 1).next_back().map(|(a, b)| (*a, *b)) {
            if until + 1 < first {
                break;
            }
            first = first.min(known);
            last = last.max(until);
            self.ahead.remove(&known);
        }
        if first <= self.through + 1 {
            self.through = self.through.max(last);
        } else {
            self.ahead.insert(first, last);
        }
    }
}

/// A run of numbers in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The log.
    pub log: LogId,
    /// The device's code.
    pub device: String,
    /// The journal.
    pub journal: Pos,
    /// The first number.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// The row of a place.
pub fn insert(log: LogId, pos: Pos, slot: &Slot, id: RequestId, inserts: &mut Inserts) {
    inserts.push(
        &TABLE,
        [
            log.column().into(),
            slot.device.as_str().into(),
            slot.journal.column().into(),
            Pos::new(slot.seq).column().into(),
            id.to_bytes().into(),
            pos.column().into(),
        ],
    );
}

const fn bad(column: &'static str) -> StoreError {
    StoreError::Inconsistent { table: "device_journal", column }
}

fn number(cells: &mut Cells<'_>, column: &'static str) -> Result<u64, StoreError> {
    Pos::from_column(cells.int()?).map(Pos::get).ok_or(bad(column))
}

/// Ranges of positions, from inclusive, until exclusive, as keys.
pub fn ranges(of: &[(ConfigAt, Pos)]) -> KeySet {
    KeySet::ints(of.iter().map(|(at, _)| at.log.column()))
        .and_ints(of.iter().map(|(_, from)| from.column()))
        .and_ints(of.iter().map(|(at, _)| at.next_pos.column()))
}

/// The runs of numbers that entries from a position on brought, per log.
pub async fn runs(tx: &mut Tx, of: &[(ConfigAt, Pos)]) -> Result<Vec<Run>, StoreError> {
    let (whole, later): (Vec<(ConfigAt, Pos)>, _) =
        of.iter().copied().partition(|(_, from)| *from == Pos::ZERO);
    let mut runs = Vec::new();
    if !later.is_empty() {
        runs.extend(tx.fetch(&RUNS, Binds::new().keys(ranges(&later)), run).await?);
    }
    if !whole.is_empty() {
        runs.extend(whole_runs(tx, &whole).await?);
    }
    Ok(runs)
}

async fn whole_runs(tx: &mut Tx, of: &[(ConfigAt, Pos)]) -> Result<Vec<Run>, StoreError> {
    let logs = KeySet::ints(of.iter().map(|(at, _)| at.log.column()))
        .and_ints(of.iter().map(|(at, _)| at.next_pos.column()));
    let found =
        tx.fetch(&WHOLE, Binds::new().keys(logs), |cells| Ok((run(cells)?, number(cells, "seq")?))).await?;
    let (mut runs, mut broken) = (Vec::new(), Vec::new());
    for (run, count) in found {
        let unbroken = run.last - run.first + 1 == count;
        if unbroken { runs.push(run) } else { broken.push(run) }
    }
    let until = |log| of.iter().find(|(at, _)| at.log == log).map_or(0, |(at, _)| at.next_pos.column());
    if !broken.is_empty() {
        let journals = KeySet::ints(broken.iter().map(|run| run.log.column()))
            .and_texts(broken.iter().map(|run| run.device.as_str()))
            .and_ints(broken.iter().map(|run| run.journal.column()))
            .and_ints(broken.iter().map(|run| until(run.log)));
        runs.extend(tx.fetch(&RUNS_OF, Binds::new().keys(journals), run).await?);
    }
    Ok(runs)
}

fn run(cells: &mut Cells<'_>) -> Result<Run, StoreError> {
    Ok(Run {
        log: LogId::from_column(cells.int()?),
        device: cells.text()?,
        journal: Pos::new(number(cells, "journal")?),
        first: number(cells, "seq")?,
        last: number(cells, "seq")?,
    })
}

/// What stands in places that are known to be taken.
///
/// A place whose request is missing, or not under our seal, gets a digest that no command has: whatever is sent for it
/// is a conflict, and on record.
pub async fn occupied(
    tx: &mut Tx,
    keys: &Keys,
    taken: &[(LogId, Slot)],
) -> Result<HashMap<(LogId, Slot), Occupied>, StoreError> {
    if taken.is_empty() {
        return Ok(HashMap::new());
    }
    let places = KeySet::ints(taken.iter().map(|(log, _)| log.column()))
        .and_texts(taken.iter().map(|(_, slot)| slot.device.as_str()))
        .and_ints(taken.iter().map(|(_, slot)| slot.journal.column()))
        .and_ints(taken.iter().map(|(_, slot)| Pos::new(slot.seq).column()));
    let rows = tx.fetch(&OCCUPIED, Binds::new().keys(places), |cells| read(cells, keys)).await?;
    Ok(rows.into_iter().collect())
}

/// The digest of no command: HMAC never gives it.
const TAMPERED: Option<[u8; 32]> = Some([0; 32]);

fn read(cells: &mut Cells<'_>, keys: &Keys) -> Result<((LogId, Slot), Occupied), StoreError> {
    let log = LogId::from_column(cells.int()?);
    let slot = Slot {
        device: cells.text()?,
        journal: Pos::new(number(cells, "journal")?),
        seq: number(cells, "seq")?,
    };
    let id = RequestId::from_bytes(cells.array("device_journal", "request_id")?);
    let pos = Pos::new(number(cells, "pos")?);
    let (principal, kind, digest) = (cells.opt_text()?, cells.opt_int()?, cells.opt_blob()?);
    let (there, seal) = (cells.opt_int()?, cells.opt_blob()?);
    let digest = digest.map(<[u8; 32]>::try_from).transpose();
    let digest = match (principal, kind.map(u16::try_from), digest) {
        (Some(principal), Some(Ok(kind)), Ok(digest))
            if there == Some(pos.column())
                && seal.is_some_and(|seal| {
                    seal == request_seal(keys, log, id, &principal, kind, digest.as_ref(), pos)
                }) =>
        {
            digest
        }
        _ => TAMPERED,
    };
    Ok(((log, slot), Occupied { pos, digest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(runs: &[(u64, u64)]) -> Journal {
        let mut journal = Journal::default();
        for (first, last) in runs {
            journal.add(*first, *last);
        }
        journal
    }

    #[test]
    fn a_journal_is_whole_up_to_its_first_gap() {
        for (arrived, through) in [
            (&[][..], 0),
            (&[(1, 1)], 1),
            (&[(2, 2)], 0),
            (&[(2, 2), (1, 1)], 2),
            (&[(1, 3), (7, 9), (5, 5)], 3),
            (&[(1, 3), (7, 9), (5, 5), (4, 4)], 5),
            (&[(1, 3), (7, 9), (5, 5), (4, 4), (6, 6)], 9),
            (&[(3, 8), (1, 9)], 9),
        ] {
            assert_eq!(after(arrived).through(), through, "{arrived:?}");
        }
    }

    #[test]
    fn what_is_missing_lies_between_what_has_arrived_and_the_head() {
        let journal = after(&[(1, 3), (7, 9), (5, 5)]);
        assert_eq!(journal.newest(), 9);
        for (head, missing) in [
            (3, &[][..]),
            (4, &[(4, 4)]),
            (5, &[(4, 4)]),
            (6, &[(4, 4), (6, 6)]),
            (12, &[(4, 4), (6, 6), (10, 12)]),
        ] {
            assert_eq!(journal.missing(head), missing, "{head}");
        }
        for (first, last, any) in
            [(4, 4, false), (4, 5, true), (6, 6, false), (6, 9, true), (10, 90, false), (2, 4, true)]
        {
            assert_eq!(journal.has_any(first, last), any, "{first}..={last}");
        }
    }

    #[test]
    fn a_number_that_arrived_is_known_in_whatever_order_it_came() {
        let numbers = [9, 2, 5, 1, 7, 6, 3];
        for start in 0..numbers.len() {
            let mut journal = Journal::default();
            for at in 0..numbers.len() {
                let seq = numbers[(start + at) % numbers.len()];
                assert!(!journal.has(seq));
                journal.add(seq, seq);
                assert!(journal.has(seq));
            }
            assert_eq!(journal.through(), 3);
            assert!(!journal.has(4) && !journal.has(8) && !journal.has(10));
            assert!(journal.leaves_gap(5) && !journal.leaves_gap(4));
        }
    }
}
