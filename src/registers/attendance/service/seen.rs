//! Punches as they are told: when each happened and whose it is, as far as was known before a position. For the lists of the
//! service, and for exports.

use std::collections::HashMap;

use crate::kernel::{EpochMs, LogId, Pos, Zone};
use crate::proto::presented::Who;
use crate::proto::{DeviceStamp, Presented, Punch, PunchFlag, PunchRecord};
use crate::registers::attendance::load;
use crate::registers::attendance::rows::{self, PunchRow};
use crate::registers::attendance::view::Effective;
use crate::registers::derivation::trust;
use crate::registers::directory::Directory;
use crate::registers::stamp::effective::{Boot, CORRECTED_MS, Neighbours, effective};
use crate::registers::wire;
use crate::store::{Binds, Statement, Store, StoreError};

/// Punches that claim a stretch of time, and those that may have happened in it whatever they claim.
static PUNCHES_NEAR: Statement = Statement::new(
    "SELECT pos, recorded_ms, request_id, content FROM attendance_punch \
     WHERE log_id = $1 AND pos >= $2 AND pos < $3 AND (stray > 0 OR (claimed_ms >= $4 AND claimed_ms < $5)) \
     ORDER BY pos LIMIT $6",
);

/// Entries that one question passes over when few of them are what is asked for.
pub(super) const STRIDE: u64 = 20_000;

/// From where punches are seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// The database.
    pub(crate) store: &'a Store,
    /// The centre's log.
    pub(crate) log: LogId,
    /// What its directory says of credentials.
    pub(crate) own: &'a Directory,
    /// The centre's zone, if it is known: a credential is somebody's on a day.
    pub(crate) zone: Option<&'a Zone>,
    /// Entries before this position count.
    pub(crate) before: Pos,
}

/// A punch with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// As it is stored.
    pub(crate) punch: PunchRow,
    /// When it happened.
    pub(crate) effective: Effective,
    /// Whose it is: also when the credential was bound later; empty when nobody is known.
    pub(crate) person_id: String,
}

impl Sight<'_> {
    /// Up to `most` punches from a position on whose time, or whose claimed time, is in a stretch of time (until before its
    /// end), and where to look on: at `before` there is nothing more.
    pub(crate) async fn during(
        &self,
        from: Pos,
        (since, until): (EpochMs, EpochMs),
        most: usize,
    ) -> Result<(Vec<Seen>, Pos), StoreError> {
        let end = Pos::new(from.get().saturating_add(STRIDE)).min(self.before);
        let binds = Binds::new()
            .and(self.log.column())
            .and(from.column())
            .and(end.column())
            // What is not astray is at most so far from what it claims.
            .and(since.plus_ms(-CORRECTED_MS).get())
            .and(until.plus_ms(CORRECTED_MS).get())
            .and(i64::try_from(most).unwrap_or(i64::MAX));
        let page = self.store.fetch(&PUNCHES_NEAR, binds, rows::read_punch).await?;
        let next = page.last().filter(|_| page.len() == most).map_or(end, |last| last.pos.next());
        let mut seen = self.see(page).await?;
        let during = since..until;
        seen.retain(|seen| {
            let claimed = EpochMs::clamped(seen.punch.fact.claimed_ms);
            during.contains(&seen.effective.at) || during.contains(&claimed)
        });
        Ok((seen, next))
    }

    /// When punches happened and whose they are.
    pub(crate) async fn see(&self, punches: Vec<PunchRow>) -> Result<Vec<Seen>, StoreError> {
        let boots = self.boots(&punches).await?;
        let seen = punches.into_iter().map(|punch| {
            let boots = boots.get(&punch.fact.device).map(Vec::as_slice).unwrap_or_default();
            let effective = effective(&punch.stamped(), boots, Neighbours::default());
            let person_id = self.person_of(&punch, effective.at);
            Seen { punch, effective, person_id }
        });
        Ok(seen.collect())
    }

    async fn boots(&self, punches: &[PunchRow]) -> Result<HashMap<String, Vec<Boot>>, StoreError> {
        let adrift = punches.iter().any(|punch| punch.stamped().is_adrift());
        if !adrift {
            return Ok(HashMap::new());
        }
        let mut tx = self.store.snapshot().await?;
        let boots = load::boots(&mut tx, self.log, punches, self.before).await?;
        tx.rollback().await?;
        Ok(boots)
    }

    /// Whose punch it is: also when the credential was bound later.
    fn person_of(&self, punch: &PunchRow, at: EpochMs) -> String {
        if !punch.fact.person_id.is_empty() {
            return punch.fact.person_id.clone();
        }
        let Some(zone) = self.zone else { return String::new() };
        let known =
            self.own.person_for(punch.fact.credential_kind, &punch.fact.credential_hmac, zone.day_of(at));
        known.unwrap_or_default().to_owned()
    }
}

impl Seen {
    /// As a message, without what was presented.
    pub(crate) fn record(self, entry_index: u64) -> PunchRecord {
        self.told(entry_index, None)
    }

    /// As a message, with what was presented where that is shown.
    #[expect(clippy::option_option, reason = "revealed or not, and then there or not")]
    pub(super) fn told(self, entry_index: u64, shown: Option<Option<Presented>>) -> PunchRecord {
        let Self { punch, effective, person_id } = self;
        let fallback = punch.fact.flags().any(|flag| flag == PunchFlag::FallbackCredential);
        let redacted = shown.is_none() && (fallback || !punch.fact.credential_hmac.is_empty());
        let presented = shown.flatten().or_else(|| {
            let known = !punch.fact.person_id.is_empty() && punch.fact.credential_hmac.is_empty();
            known.then(|| Presented {
                who: Some(Who::PersonId(punch.fact.person_id.clone())),
                ..Presented::default()
            })
        });
        let fact = punch.fact;
        PunchRecord {
            entry_index,
            recorded_at: Some(wire::timestamp(punch.recorded)),
            effective_at: Some(wire::timestamp(effective.at)),
            trust: trust(effective.trust).into(),
            flags: fact.flags.clone(),
            person_id,
            redacted,
            punch: Some(Punch {
                request_id: punch.request_id.to_string(),
                stamp: Some(DeviceStamp {
                    device: fact.device,
                    device_seq: fact.device_seq,
                    boot_id: fact.boot_id,
                    mono_ms: fact.mono_ms,
                    claimed_at: Some(wire::timestamp(EpochMs::clamped(fact.claimed_ms))),
                    signature: fact.signature,
                }),
                direction: fact.direction,
                method: fact.method,
                presented,
                device_label: fact.device_label,
            }),
        }
    }
}
