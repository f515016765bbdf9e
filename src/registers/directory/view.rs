//! What other rooms may see of the directory: role grants, and people, devices and credentials by their ids. Pure.

use std::fmt::Write;

use crate::kernel::{CentreId, DepartmentId, EpochDay, EpochMs, LogId, Pos, Subject, WindowId};
use crate::proto::{Date, Role};
use ed25519_dalek::{Signature, VerifyingKey};

/// A role that somebody holds, by where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantView {
    /// The log that holds the grant.
    pub log: LogId,
    /// Its centre; `_` for the deployment's.
    pub centre: CentreId,
    /// The grant's position.
    pub pos: Pos,
    /// Who holds it.
    pub subject: Subject,
    /// The role.
    pub role: Role,
    /// How far it reaches.
    pub reach: Reach,
    /// From when on.
    pub from: EpochMs,
    /// Until when; `None`: until it is revoked.
    pub until: Option<EpochMs>,
}

/// How far a grant reaches. Nothing set: the whole log that holds it; in the deployment's log that is every centre.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// One centre only.
    pub centre: Option<CentreId>,
    /// One department's people only.
    pub department: Option<DepartmentId>,
    /// One window only.
    pub window: Option<WindowId>,
}

impl GrantView {
    /// Does it hold at this time? Revoked grants are not among the views.
    pub fn holds_at(&self, at: EpochMs) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// Does it reach this centre (`_`: the deployment itself)? A grant in a centre's log never reaches another one,
    /// whatever it says.
    pub fn reaches(&self, centre: &CentreId) -> bool {
        let from_here = self.log == LogId::DEPLOYMENT || self.centre == *centre;
        from_here && self.reach.centre.as_ref().is_none_or(|only| only == centre)
    }
}

/// How rows and codes name a credential: its kind and keyed hash.
pub fn credential_key(kind: i32, value_hmac: &[u8]) -> String {
    value_hmac.iter().fold(format!("{kind}/"), |mut key, byte| {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}

/// Did the holder of this Ed25519 key sign these bytes? Verified strictly: no small orders, no second spelling.
pub fn is_signed(key: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (<[u8; 32]>::try_from(key), <[u8; 64]>::try_from(signature)) else {
        return false;
    };
    VerifyingKey::from_bytes(&key)
        .is_ok_and(|key| key.verify_strict(bytes, &Signature::from_bytes(&signature)).is_ok())
}

/// A day of a stored record: those are valid.
pub fn day(date: Option<&Date>) -> EpochDay {
    opt_day(date).unwrap_or(EpochDay::from_column(0))
}

/// A day that may be left out.
pub fn opt_day(date: Option<&Date>) -> Option<EpochDay> {
    date.and_then(|date| EpochDay::from_ymd(date.year, date.month, date.day).ok())
}

/// A day as a message.
pub fn date(day: EpochDay) -> Date {
    let (year, month, day) = day.ymd();
    Date { year, month, day }
}
