//! What a chunk of the fold has loaded, and each kind of result derived from it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use prost::Message;

use super::days::{DAY, OPENING, day_of};
use super::pauses::{self, PAUSE, Paused, pause_of};
use super::preview::Overrides;
use super::sheet::{self, Sheet};
use super::{DEVICE, PRESENCE, trust};
use crate::kernel::{EpochDay, LogId, Zone};
use crate::proto::{DeviceState, Presence, device_state};
use crate::registers::attendance::derive as attendance_derive;
use crate::registers::attendance::load;
use crate::registers::attendance::view::DeviceDoing;
use crate::registers::wire;
use crate::results::{AsOf, Body, Derived, Key, Moment, Wait};
use crate::store::{StoreError, Tx};

/// The rows.
#[derive(Debug, Default)]
pub struct Rows {
    zone: Option<Zone>,
    attendance: load::Rows,
    sheet: Sheet,
    paused: Paused,
}

/// Loads what the keys can need in states from one to another.
pub(super) async fn load(
    tx: &mut Tx,
    log: LogId,
    zone: Zone,
    keys: &[Key],
    states: RangeInclusive<AsOf>,
) -> Result<Rows, StoreError> {
    let (from, until) = states.into_inner();
    let of = |room| keys.iter().filter(move |key| key.room == room);
    let people = |room| of(room).filter_map(day_of).map(|(person, day)| (person.to_owned(), day));
    let days: Vec<(String, EpochDay)> = people(DAY).collect();
    let mut windows: Vec<load::Window> =
        people(PRESENCE).map(|(person, day)| load::window_of(&zone, &person, day)).collect();
    windows.extend(sheet::windows(&zone, &days));
    let sheet = sheet::load(tx, log, &zone, &days, until).await?;
    let mut devices: BTreeSet<String> =
        of(DEVICE).filter_map(|key| std::str::from_utf8(&key.bytes).ok()).map(str::to_owned).collect();
    let journals = sheet.journals();
    let mut covered = load::covered_of(tx, log, &journals, (from.pos, until.pos)).await?;
    // Of what a device does more is wanted than of how far its journals reach.
    covered.extend(load::covered(tx, log, &devices, (from.pos, until.pos)).await?);
    devices.extend(journals.into_iter().map(|(device, _)| device));
    let outages = load::outages(tx, log, &devices, until.pos).await?;
    let punches = load::punches_in(tx, log, &windows, until.pos, &zone).await?;
    let of_pauses: Vec<_> = of(PAUSE).filter_map(pause_of).collect();
    let paused = pauses::load(tx, log, &zone, &of_pauses, until).await?;
    Ok(Rows { zone: Some(zone), attendance: punches.with_devices(covered, outages), sheet, paused })
}

const NOTHING: Derived = Derived { body: Body::Nothing, waits: Vec::new() };

impl Rows {
    /// What a key is at a moment.
    pub(super) fn derive(&self, key: &Key, moment: &Moment) -> Derived {
        let Some(zone) = &self.zone else { return NOTHING };
        match key.room {
            DEVICE => self.device(std::str::from_utf8(&key.bytes).unwrap_or_default(), moment),
            PRESENCE => self.presence(key, moment),
            DAY => match day_of(key) {
                Some((person, day)) if day <= zone.day_of(moment.at) => {
                    sheet::derive(&self.sheet, &self.attendance, zone, (person, day), moment)
                }
                Some(_) | None => NOTHING,
            },
            PAUSE => pause_of(key).map_or(NOTHING, |pause| self.paused.derive(zone, pause, moment)),
            OPENING => {
                let next = zone.start_of(zone.day_of(moment.at).plus_days(1));
                Derived { body: Body::Nothing, waits: vec![Wait::until(next)] }
            }
            _ => NOTHING,
        }
    }

    /// The same, with other numbers and calendars in the place of those on record.
    pub(super) fn with_overrides(mut self, overrides: &Overrides) -> Self {
        self.sheet.put(overrides);
        self
    }

    fn presence(&self, key: &Key, moment: &Moment) -> Derived {
        let found =
            day_of(key).and_then(|(person, day)| self.attendance.presence(person, day, moment.as_of.pos));
        let body = found.map_or(Body::Nothing, |day| {
            let content = Presence {
                first_in: day.first_in.map(wire::timestamp),
                last_out: day.last_out.map(wire::timestamp),
                trust: trust(day.trust).into(),
                ..Presence::default()
            };
            Body::Content(content.encode_to_vec())
        });
        Derived { body, waits: Vec::new() }
    }

    fn device(&self, device: &str, moment: &Moment) -> Derived {
        let (records, outages) = self.attendance.device(device, moment.as_of.pos);
        let Some(now) = attendance_derive::device(records, outages, moment.at) else {
            return NOTHING;
        };
        let state = match now.view.doing {
            DeviceDoing::Reporting => device_state::State::Reporting,
            DeviceDoing::Silent => device_state::State::Silent,
            DeviceDoing::Outage => device_state::State::Outage,
        };
        let content = DeviceState {
            state: state.into(),
            since: Some(wire::timestamp(now.view.since)),
            covered_until: now.view.covered_until.map(wire::timestamp),
            ..DeviceState::default()
        };
        Derived {
            body: Body::Content(content.encode_to_vec()),
            waits: now.look_again.map(Wait::until).into_iter().collect(),
        }
    }
}
