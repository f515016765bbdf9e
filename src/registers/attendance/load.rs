//! The rows that results are derived from: loaded once for a chunk of the fold, then seen as of any of its entries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::derive::{Clocked, CoveredAt, OutageAt, presence, stretches};
use super::rows::bindings::Bindings;
use super::rows::{PunchRow, read_boot, read_covered, read_outage, read_punch, unresolved};
use super::view::{Effective, PresenceView};
use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::proto::ImportFact;
use crate::proto::punch::Direction;
use crate::registers::directory::view::credential_key;
use crate::registers::stamp::effective::{Boot, CORRECTED_MS, Neighbours, effective, near};
use crate::store::{Binds, Cells, Keys, Statement, StoreError, Tx};
use prost::Message;

/// Punches whose claimed time finds them.
static PUNCHES_BY_CLAIM: Statement = Statement::new(
    "SELECT t.pos, t.recorded_ms, t.request_id, t.content FROM UNNEST($3::text[], $4::bigint[], $5::bigint[]) AS k(k0, k1, k2) \
     CROSS JOIN LATERAL (SELECT * FROM attendance_punch t WHERE t.log_id = $1 AND t.who = k.k0 \
     AND t.claimed_ms >= k.k1 AND t.claimed_ms < k.k2 \
     AND t.pos < $2 AND t.stray = 0 OFFSET 0) t",
);

/// Punches that happened at another time than they claim.
static PUNCHES_ASTRAY: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch WHERE log_id = $1 AND pos < $2 AND stray > 0 \
     AND who = ANY($3::text[])",
);

static PUNCHES_OF: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch WHERE log_id = $1 AND pos < $2 \
     AND who = ANY($3::text[])",
);

/// Punches that some entries brought.
static PUNCHES_SINCE: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch \
     WHERE log_id = $1 AND pos >= $2 AND pos < $3 ORDER BY pos",
);

static NEWEST: Statement = Statement::new(
    "SELECT recorded_ms FROM attendance_punch WHERE log_id = $1 AND pos < $2 ORDER BY pos DESC LIMIT 1",
);

static PUNCH_AT: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch WHERE log_id = $1 AND pos = $2",
);

/// Punches of a device that nothing but other contacts dates.
static PUNCHES_ADRIFT: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch WHERE log_id = $1 AND pos < $2 AND stray = 2 \
     AND device = ANY($3::text[])",
);

static BOOTS: Statement = Statement::new(
    "SELECT device, pos, boot_id, mono_ms, wall_ms, server_ms, journal, journal_head FROM attendance_coverage \
     WHERE log_id = $1 AND pos < $2 AND new_boot = 1 AND device = ANY($3::text[]) ORDER BY pos",
);

/// Records of devices' coverage: the newest that was whole before a position, and all since.
static COVERED: Statement = Statement::new(
    "SELECT t.device, t.pos, t.recorded_ms, t.boot_id, t.mono_ms, t.wall_ms, t.server_ms, t.journal, t.journal_head, \
     t.contiguous_through, t.going_down, t.silent, t.last_contact_ms, t.new_boot FROM UNNEST($4::text[]) AS k(k0) \
     CROSS JOIN LATERAL (SELECT * FROM attendance_coverage t WHERE t.log_id = $1 AND t.device = k.k0 \
     AND t.pos < $2 AND t.pos >= COALESCE((\
     SELECT MAX(w.pos) FROM attendance_coverage w WHERE w.log_id = $1 AND w.device = k.k0 AND w.pos < $3 \
     AND w.contiguous_through >= w.journal_head), 0) OFFSET 0) t",
);

/// The same of journals.
static COVERED_OF: Statement = Statement::new(
    "SELECT t.device, t.pos, t.recorded_ms, t.boot_id, t.mono_ms, t.wall_ms, t.server_ms, t.journal, t.journal_head, \
     t.contiguous_through, t.going_down, t.silent, t.last_contact_ms, t.new_boot \
     FROM UNNEST($4::text[], $5::bigint[]) AS k(k0, k1) \
     CROSS JOIN LATERAL (SELECT * FROM attendance_coverage t WHERE t.log_id = $1 AND t.device = k.k0 \
     AND t.journal = k.k1 AND t.pos < $2 \
     AND t.pos >= COALESCE((\
     SELECT MAX(w.pos) FROM attendance_coverage w WHERE w.log_id = $1 AND w.device = k.k0 AND w.journal = k.k1 \
     AND w.pos < $3 AND w.contiguous_through >= w.journal_head), 0) OFFSET 0) t",
);

/// The newest record before a position that says that a device fell silent or went down.
static BREAKS: Statement = Statement::new(
    "SELECT t.device, t.pos, t.recorded_ms, t.boot_id, t.mono_ms, t.wall_ms, t.server_ms, t.journal, t.journal_head, \
     t.contiguous_through, t.going_down, t.silent, t.last_contact_ms, t.new_boot FROM UNNEST($3::text[]) AS k(k0) \
     CROSS JOIN LATERAL (SELECT * FROM attendance_coverage t WHERE t.log_id = $1 AND t.device = k.k0 AND t.pos = (\
     SELECT MAX(w.pos) FROM attendance_coverage w WHERE w.log_id = $1 AND w.device = k.k0 AND w.pos < $2 \
     AND (w.silent = 1 OR w.going_down = 1)) OFFSET 0) t",
);

/// The first record after a position.
static FIRST_AFTER: Statement = Statement::new(
    "SELECT t.device, t.pos, t.recorded_ms, t.boot_id, t.mono_ms, t.wall_ms, t.server_ms, t.journal, t.journal_head, \
     t.contiguous_through, t.going_down, t.silent, t.last_contact_ms, t.new_boot FROM UNNEST($3::text[], $4::bigint[]) \
     AS k(k0, k1) CROSS JOIN LATERAL (SELECT * FROM attendance_coverage t WHERE t.log_id = $1 AND t.device = k.k0 \
     AND t.pos = (\
     SELECT MIN(w.pos) FROM attendance_coverage w WHERE w.log_id = $1 AND w.device = k.k0 AND w.pos < $2 \
     AND w.pos > k.k1) OFFSET 0) t",
);

static OUTAGES: Statement = Statement::new(
    "SELECT device, pos, ends, at_ms FROM attendance_outage \
     WHERE log_id = $1 AND pos < $2 AND device = ANY($3::text[]) ORDER BY pos",
);

static OUTAGE_AT: Statement =
    Statement::new("SELECT COUNT(*) FROM attendance_outage WHERE log_id = $1 AND pos = $2 AND ends = 0");

static IMPORTS: Statement = Statement::new(
    "SELECT device, pos, content FROM attendance_import WHERE log_id = $1 AND pos < $2 ORDER BY pos",
);

/// Up to when files of import sources are complete, before a position, as somebody attested it: source, entry, instant.
pub async fn attested(
    tx: &mut Tx,
    log: LogId,
    until: Pos,
) -> Result<Vec<(String, Pos, EpochMs)>, StoreError> {
    let binds = Binds::new().and(log.column()).and(until.column());
    let rows = tx
        .fetch(&IMPORTS, binds, |cells| {
            let device = cells.text()?;
            let bad = |column| StoreError::Inconsistent { table: "attendance_import", column };
            let pos = Pos::from_column(cells.int()?).ok_or(bad("pos"))?;
            let import = ImportFact::decode(cells.blob()?.as_slice()).map_err(|_| bad("content"))?;
            let through = EpochMs::clamped(import.complete_through_ms);
            Ok(import.attested.then_some((device, pos, through)))
        })
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

/// People's days.
pub type Days = Vec<(String, EpochDay)>;

/// A stretch of time in which a person's punches are wanted: from, until.
pub type Window = (String, EpochMs, EpochMs);

/// What touches the days of many punches at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// A punch that nothing but other contacts dates.
    Punch(Pos),
    /// The first record of a boot of this device: it may date what nothing dated.
    Boot(String),
    /// A credential that is bound or no longer bound: its punches may have become somebody's.
    Credential(String),
}

impl Range {
    /// As the fold keeps it.
    pub fn encode(&self) -> Vec<u8> {
        let (tag, rest) = match self {
            Self::Punch(pos) => (b'p', pos.get().to_string()),
            Self::Boot(device) => (b'b', device.clone()),
            Self::Credential(credential) => (b'c', credential.clone()),
        };
        [&[tag], rest.as_bytes()].concat()
    }

    /// Reads it back.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let rest = std::str::from_utf8(rest).ok()?;
        match tag {
            b'p' => rest.parse().ok().map(|pos| Self::Punch(Pos::new(pos))),
            b'b' => Some(Self::Boot(rest.to_owned())),
            b'c' => Some(Self::Credential(rest.to_owned())),
            _ => None,
        }
    }
}

/// Everything that the keys of a chunk can need.
#[derive(Debug, Default)]
pub struct Rows {
    zone: Option<Zone>,
    punches: HashMap<String, Vec<PunchRow>>,
    bindings: Bindings,
    boots: HashMap<String, Vec<Boot>>,
    covered: HashMap<String, Vec<CoveredAt>>,
    outages: HashMap<String, Vec<OutageAt>>,
}

impl Rows {
    /// When a punch happened, as far as was known before a position.
    ///
    /// The bounds of its neighbours in the journal are not looked at: they narrow a suspect time, and never make it a
    /// good one.
    fn effective(&self, punch: &PunchRow, as_of: Pos) -> Effective {
        let boots = self.boots.get(&punch.fact.device).map(Vec::as_slice).unwrap_or_default();
        let seen: Vec<Boot> = boots.iter().filter(|boot| boot.pos < as_of).cloned().collect();
        effective(&punch.stamped(), &seen, Neighbours::default())
    }

    /// Whose a punch is, if anybody's.
    fn person_of<'a>(&'a self, punch: &'a PunchRow, day: EpochDay, as_of: Pos) -> Option<&'a str> {
        if !punch.fact.person_id.is_empty() {
            return Some(&punch.fact.person_id);
        }
        let credential = credential_key(punch.fact.credential_kind, &punch.fact.credential_hmac);
        self.bindings.person_for(&credential, day, as_of)
    }

    /// A person's punches that were loaded, as far as was known before a position, each with its time.
    pub fn punches_of(&self, person_id: &str, as_of: Pos) -> Vec<(&PunchRow, Effective)> {
        let Some(zone) = self.zone.as_ref() else { return Vec::new() };
        let own = self.punches.get(person_id);
        let by_credential = self.bindings.held_by(person_id).map(unresolved);
        let of = own
            .into_iter()
            .chain(by_credential.filter_map(|who| self.punches.get(&who)))
            .flatten()
            .filter(|punch| punch.pos < as_of);
        of.filter_map(|punch| {
            let effective = self.effective(punch, as_of);
            let mine = self.person_of(punch, zone.day_of(effective.at), as_of) == Some(person_id);
            mine.then_some((punch, effective))
        })
        .collect()
    }

    /// A person's day, as far as was known before a position.
    pub fn presence(&self, person_id: &str, day: EpochDay, as_of: Pos) -> Option<PresenceView> {
        let zone = self.zone.as_ref()?;
        let clocked: Vec<Clocked> = self
            .punches_of(person_id, as_of)
            .into_iter()
            .filter(|(_, effective)| zone.day_of(effective.at) == day)
            .filter_map(|(punch, effective)| {
                Some(Clocked::new(effective, Direction::try_from(punch.fact.direction).ok()?))
            })
            .collect();
        presence(&clocked)
    }

    /// Up to when everything of a device's journal has arrived, as far as was known before a position (rule R5).
    pub fn covered_until(&self, device: &str, journal: Pos, as_of: Pos) -> Option<EpochMs> {
        let records = self.covered.get(device)?;
        let seen = records.get(..records.partition_point(|record| record.pos < as_of))?;
        let whole = |record: &&CoveredAt| record.covered.journal == journal && record.covered.is_whole();
        seen.iter().rev().find(whole).map(|record| record.covered.last_contact)
    }

    /// When a device was declared out of order, as far as was known before a position.
    pub fn outages_of(&self, device: &str, as_of: Pos) -> Vec<(EpochMs, Option<EpochMs>)> {
        let Some(outages) = self.outages.get(device) else { return Vec::new() };
        let seen = outages.partition_point(|outage| outage.pos < as_of);
        stretches(outages.get(..seen).unwrap_or_default())
    }

    /// A device's records and outages before a position.
    pub fn device(&self, device: &str, as_of: Pos) -> (&[CoveredAt], &[OutageAt]) {
        let records = self.covered.get(device).map(Vec::as_slice).unwrap_or_default();
        let outages = self.outages.get(device).map(Vec::as_slice).unwrap_or_default();
        (
            records.get(..records.partition_point(|record| record.pos < as_of)).unwrap_or_default(),
            outages.get(..outages.partition_point(|outage| outage.pos < as_of)).unwrap_or_default(),
        )
    }
}

/// The days that a range touches, as far as is known before a position.
pub async fn days_of(
    tx: &mut Tx,
    log: LogId,
    range: &Range,
    as_of: Pos,
    zone: &Zone,
) -> Result<Days, StoreError> {
    let base = || Binds::new().and(log.column());
    let punches = match range {
        Range::Punch(pos) => tx.fetch(&PUNCH_AT, base().and(pos.column()), read_punch).await?,
        Range::Boot(device) => {
            let binds = base().and(as_of.column()).keys(Keys::texts([device.as_str()]));
            tx.fetch(&PUNCHES_ADRIFT, binds, read_punch).await?
        }
        Range::Credential(credential) => {
            let binds = base().and(as_of.column()).keys(Keys::texts([unresolved(credential)]));
            tx.fetch(&PUNCHES_OF, binds, read_punch).await?
        }
    };
    let credentials: BTreeSet<String> = punches
        .iter()
        .filter(|punch| punch.fact.person_id.is_empty())
        .map(|punch| credential_key(punch.fact.credential_kind, &punch.fact.credential_hmac))
        .collect();
    let bindings = Bindings::of_credentials(tx, log, &credentials, as_of).await?;
    let boots = boots(tx, log, &punches, as_of).await?;
    let rows = Rows { zone: Some(zone.clone()), bindings, boots, ..Rows::default() };
    let mut days = Days::new();
    for punch in &punches {
        // By the time that it gives itself, and by the one that it has now: before, it counted under the first.
        let at = [near(&punch.stamped()), rows.effective(punch, as_of).at];
        let on: BTreeSet<EpochDay> = at.into_iter().map(|at| zone.day_of(at)).collect();
        if punch.fact.person_id.is_empty() {
            let key = credential_key(punch.fact.credential_kind, &punch.fact.credential_hmac);
            let people: BTreeSet<&str> =
                rows.bindings.of(&key).iter().map(|binding| binding.person_id.as_str()).collect();
            days.extend(people.iter().flat_map(|person| on.iter().map(|day| ((*person).to_owned(), *day))));
        } else {
            days.extend(on.into_iter().map(|day| (punch.fact.person_id.clone(), day)));
        }
    }
    Ok(days)
}

/// The boots on record of the devices whose punches nothing else dates.
pub async fn boots(
    tx: &mut Tx,
    log: LogId,
    punches: &[PunchRow],
    until: Pos,
) -> Result<HashMap<String, Vec<Boot>>, StoreError> {
    let devices: BTreeSet<&str> = punches
        .iter()
        .filter(|punch| punch.stamped().is_adrift())
        .map(|punch| punch.fact.device.as_str())
        .collect();
    if devices.is_empty() {
        return Ok(HashMap::new());
    }
    let binds = Binds::new().and(log.column()).and(until.column()).keys(Keys::texts(devices));
    let mut found: HashMap<String, Vec<Boot>> = HashMap::new();
    for (device, boot) in tx.fetch(&BOOTS, binds, |cells| Ok((cells.text()?, read_boot(cells)?))).await? {
        found.entry(device).or_default().push(boot);
    }
    Ok(found)
}

/// The punches that can happen in windows of time as far as is known before a position, and what dates and owns them.
pub async fn punches_in(
    tx: &mut Tx,
    log: LogId,
    windows: &[Window],
    until: Pos,
    zone: &Zone,
) -> Result<Rows, StoreError> {
    let mut rows = Rows { zone: Some(zone.clone()), ..Rows::default() };
    if windows.is_empty() {
        return Ok(rows);
    }
    let people: BTreeSet<&str> = windows.iter().map(|(person, _, _)| person.as_str()).collect();
    rows.bindings = Bindings::of_people(tx, log, &people, until).await?;
    let punches = punches(tx, log, windows, &rows.bindings, until).await?;
    rows.boots = boots(tx, log, &punches, until).await?;
    for punch in punches {
        rows.punches.entry(super::rows::who(&punch.fact)).or_default().push(punch);
    }
    Ok(rows)
}

/// When a punch was last recorded before a position.
pub async fn newest(tx: &mut Tx, log: LogId, before: Pos) -> Result<EpochMs, StoreError> {
    let binds = Binds::new().and(log.column()).and(before.column());
    let found = tx.fetch(&NEWEST, binds, |cells| Ok(EpochMs::clamped(cells.int()?))).await?;
    Ok(found.into_iter().next().unwrap_or(EpochMs::ZERO))
}

/// The punches that the entries from a position to before another brought.
pub async fn punches_since(
    tx: &mut Tx,
    log: LogId,
    from: Pos,
    before: Pos,
) -> Result<Vec<PunchRow>, StoreError> {
    let binds = Binds::new().and(log.column()).and(from.column()).and(before.column());
    tx.fetch(&PUNCHES_SINCE, binds, read_punch).await
}

/// A record of a device's coverage, with its code.
pub type CoveredBy = (String, CoveredAt);

/// What devices told of how far each of their journals reaches, in states from one position to another.
pub async fn covered_of(
    tx: &mut Tx,
    log: LogId,
    journals: &BTreeSet<(String, Pos)>,
    (from, until): (Pos, Pos),
) -> Result<Vec<CoveredBy>, StoreError> {
    if journals.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::texts(journals.iter().map(|(device, _)| device.clone()))
        .and_ints(journals.iter().map(|(_, journal)| journal.column()));
    let binds = Binds::new().and(log.column()).and(until.column()).and(from.column()).keys(keys);
    tx.fetch(&COVERED_OF, binds, read_of_device).await
}

/// What is on record of what devices do, and since when, in states from one position to another.
pub async fn covered(
    tx: &mut Tx,
    log: LogId,
    devices: &BTreeSet<String>,
    (from, until): (Pos, Pos),
) -> Result<Vec<CoveredBy>, StoreError> {
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let base = |until: Pos| Binds::new().and(log.column()).and(until.column());
    let keys = || Keys::texts(devices.iter().cloned());
    let mut found = tx.fetch(&COVERED, base(until).and(from.column()).keys(keys()), read_of_device).await?;
    let breaks = tx.fetch(&BREAKS, base(from).keys(keys()), read_of_device).await?;
    // Positions begin at 0: one less is before the first.
    let mut since: BTreeMap<&str, i64> = devices.iter().map(|device| (device.as_str(), -1)).collect();
    since.extend(breaks.iter().map(|(device, at)| (device.as_str(), at.pos.column())));
    let after = Keys::texts(since.keys().copied()).and_ints(since.values().copied());
    found.extend(tx.fetch(&FIRST_AFTER, base(until).keys(after), read_of_device).await?);
    found.extend(breaks);
    Ok(found)
}

fn read_of_device(cells: &mut Cells<'_>) -> Result<CoveredBy, StoreError> {
    Ok((cells.text()?, read_covered(cells)?))
}

fn by_device(found: Vec<CoveredBy>) -> HashMap<String, Vec<CoveredAt>> {
    let mut covered: HashMap<String, Vec<CoveredAt>> = HashMap::new();
    for (device, at) in found {
        covered.entry(device).or_default().push(at);
    }
    for records in covered.values_mut() {
        records.sort_by_key(|record| record.pos);
        records.dedup_by_key(|record| record.pos);
    }
    covered
}

/// Is an outage declared by the entry at a position?
pub async fn is_outage(tx: &mut Tx, log: LogId, pos: Pos) -> Result<bool, StoreError> {
    let binds = Binds::new().and(log.column()).and(pos.column());
    Ok(tx.fetch(&OUTAGE_AT, binds, |cells| cells.int()).await?.into_iter().any(|count| count > 0))
}

/// Declared outages of devices before a position.
pub async fn outages(
    tx: &mut Tx,
    log: LogId,
    devices: &BTreeSet<String>,
    until: Pos,
) -> Result<HashMap<String, Vec<OutageAt>>, StoreError> {
    let mut outages: HashMap<String, Vec<OutageAt>> = HashMap::new();
    if devices.is_empty() {
        return Ok(outages);
    }
    let keys = Keys::texts(devices.iter().cloned());
    let binds = Binds::new().and(log.column()).and(until.column()).keys(keys);
    for (device, at) in tx.fetch(&OUTAGES, binds, |cells| Ok((cells.text()?, read_outage(cells)?))).await? {
        outages.entry(device).or_default().push(at);
    }
    Ok(outages)
}

impl Rows {
    /// The same, with records and outages of devices.
    #[must_use]
    pub fn with_devices(mut self, covered: Vec<CoveredBy>, outages: HashMap<String, Vec<OutageAt>>) -> Self {
        self.covered = by_device(covered);
        self.outages = outages;
        self
    }
}

/// The window of a person's day as presence looks at it.
pub fn window_of(zone: &Zone, person_id: &str, day: EpochDay) -> Window {
    (person_id.to_owned(), zone.start_of(day), zone.start_of(day.plus_days(1)))
}

async fn punches(
    tx: &mut Tx,
    log: LogId,
    windows: &[Window],
    bindings: &Bindings,
    until: Pos,
) -> Result<Vec<PunchRow>, StoreError> {
    let mut wanted: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for (person, from, until) in windows {
        let claimed = (from.plus_ms(-CORRECTED_MS).get(), until.plus_ms(CORRECTED_MS).get());
        wanted.entry(person.clone()).or_default().push(claimed);
        for credential in bindings.held_by(person) {
            wanted.entry(unresolved(credential)).or_default().push(claimed);
        }
    }
    let wanted: Vec<(String, (i64, i64))> = wanted
        .into_iter()
        .flat_map(|(who, windows)| merged(windows).into_iter().map(move |window| (who.clone(), window)))
        .collect();
    let who: BTreeSet<String> = wanted.iter().map(|(who, _)| who.clone()).collect();
    let base = || Binds::new().and(log.column()).and(until.column());
    let keys = Keys::texts(wanted.iter().map(|(who, _)| who.clone()))
        .and_ints(wanted.iter().map(|(_, (from, _))| *from))
        .and_ints(wanted.iter().map(|(_, (_, to))| *to));
    let mut found = tx.fetch(&PUNCHES_BY_CLAIM, base().keys(keys), read_punch).await?;
    found.extend(tx.fetch(&PUNCHES_ASTRAY, base().keys(Keys::texts(who)), read_punch).await?);
    found.sort_by_key(|punch| punch.pos);
    Ok(found)
}

/// Stretches of time without overlaps.
fn merged(mut windows: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    windows.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::with_capacity(windows.len());
    for (from, to) in windows {
        match merged.last_mut() {
            Some((_, known)) if from <= *known => *known = (*known).max(to),
            Some(_) | None => merged.push((from, to)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_back_as_it_was_written() {
        for range in [
            Range::Punch(Pos::new(77)),
            Range::Boot("gate-1".to_owned()),
            Range::Credential("1/ab".to_owned()),
        ] {
            assert_eq!(Range::decode(&range.encode()), Some(range));
        }
        assert_eq!(Range::decode(b""), None);
        assert_eq!(Range::decode(b"x1"), None);
    }
}
