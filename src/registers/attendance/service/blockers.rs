//! `ListCoverageBlockers`: which devices keep people's days open (rule R5).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost_types::Timestamp;

use super::Calls;
use super::days::visible;
use super::feeds::stored_state;
use crate::access::Caller;
use crate::kernel::{Check, EpochDay, EpochMs, Pos};
use crate::proto::{CoverageBlocker, JournalGap, ListCoverageBlockersRequest, ListCoverageBlockersResponse};
use crate::registers::attendance::known::Known;
use crate::registers::derivation::{COVERAGE, DAY, DEVICE, covered_device, day_of};
use crate::registers::failure::Failure;
use crate::registers::wire;
use crate::results::{Key, Waiting, newest, waiting};

/// What waits for one device.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held<'w> {
    since: Option<EpochMs>,
    people: BTreeSet<&'w str>,
    days: BTreeSet<(EpochDay, &'w str)>,
}

/// What waits, by device, of the people whom somebody may see.
fn held(waiting: &[Waiting], visible: impl Fn(&str) -> bool) -> BTreeMap<&str, Held<'_>> {
    let mut devices: BTreeMap<&str, Held<'_>> = BTreeMap::new();
    for waits in waiting {
        let (Some(device), Some((person, day))) = (covered_device(&waits.clock), day_of(&waits.key)) else {
            continue;
        };
        if !visible(person) {
            continue;
        }
        let held = devices.entry(device).or_default();
        // Of each clock the nearest threshold comes first.
        held.since.get_or_insert(EpochMs::clamped(waits.threshold));
        held.people.insert(person);
        held.days.insert((day, person));
    }
    devices
}

/// The most runs of missing numbers that are named of a device.
const GAPS_MOST: usize = 10;

/// What a device has told of, and what has not arrived.
fn missing(known: &Known, device: &str) -> Vec<JournalGap> {
    let Some(covered) = known.covered(device) else { return Vec::new() };
    let gaps = known.missing(device, covered.journal, covered.journal_head).into_iter().take(GAPS_MOST);
    gaps.map(|(first_seq, last_seq)| JournalGap { first_seq, last_seq }).collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Calls {
    /// `ListCoverageBlockers`: what would have to have told by now. What a day needs of a time to come holds nobody up.
    pub async fn list_coverage_blockers(
        &self,
        caller: &Caller,
        request: ListCoverageBlockersRequest,
    ) -> Result<ListCoverageBlockersResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        check.done()?;
        let centre = centre.ok_or(Failure::Fault("PARSE"))?;
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let now = self.desk.now().get();
        let waiting = waiting(self.desk.store(), place.log, DAY, COVERAGE, now).await?;
        let held = held(&waiting, |person| visible(&place, person, None));
        let keys: Vec<Key> = held.keys().map(|device| Key::new(DEVICE, device.as_bytes())).collect();
        let states = newest(self.desk.store(), place.log, DEVICE, &keys, Pos::new(u64::MAX)).await?;
        let covered: HashMap<&[u8], Timestamp> = states
            .iter()
            .filter_map(|item| Some((item.key.bytes.as_slice(), stored_state(item)?.covered_until?)))
            .collect();
        let (known, _) = self.desk.devices(place.log).await?;
        let mut blockers: Vec<CoverageBlocker> = held
            .into_iter()
            .map(|(device, held)| CoverageBlocker {
                device: device.to_owned(),
                covered_until: covered.get(device.as_bytes()).copied(),
                since: held.since.map(wire::timestamp),
                people: count(held.people.len()),
                days: count(held.days.len()),
                missing: missing(&known, device),
                first_work_date: held.days.first().map(|(day, _)| wire::date(*day)),
            })
            .collect();
        blockers.sort_by_key(|blocker| Reverse(blocker.people));
        Ok(ListCoverageBlockersResponse { blockers })
    }
}
