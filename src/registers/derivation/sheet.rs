//! The rows that day results are derived from: loaded once for a chunk of the fold, then seen as of any of its entries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use prost::Message;

use super::asked;
use super::days::around_of;
use super::preview::Overrides;
use super::{coverage_clock, day_result};
use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::ledger::reader;
use crate::policy::{DEFAULT_PACK, Policy};
use crate::proto::day_result::PolicyInForce;
use crate::proto::punch::Direction;
use crate::proto::{Assignment, Device, device};
use crate::registers::approval::standing::Course;
use crate::registers::attendance::day::coverage::{Coverage, Device as Told, Source};
use crate::registers::attendance::day::inputs::{DayInputs, DayPunch, PunchSource};
use crate::registers::attendance::day::judge::judge;
use crate::registers::attendance::day::outcome::DayWait;
use crate::registers::attendance::day::working_time::WorkingTime;
use crate::registers::attendance::load::{self, Window};
use crate::registers::attendance::rows::losses;
use crate::registers::directory;
use crate::registers::directory::view::{day, opt_day};
use crate::registers::roster::book::{Book, PolicyAt, Seen, YearAt};
use crate::registers::roster::rows::{Between, Whose};
use crate::registers::roster::{self, plan};
use crate::results::{AsOf, Body, Derived, Moment, Wait};
use crate::store::{StoreError, Tx};

/// A version of a device, with the time at which it was recorded.
#[derive(Debug, Clone)]
struct DeviceAt {
    pos: Pos,
    recorded: EpochMs,
    device: Device,
}

/// A stretch of time in which a device could take clock-ins into one journal. What another machine under its code, or a
/// later enrolment, has told says nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InService {
    /// Its code.
    device: String,
    /// The journal; `None` for an import source, whose clock-ins come in files.
    journal: Option<Pos>,
    /// From when on it could take one; for an import source, always.
    since: EpochMs,
    /// Until when.
    until: Option<EpochMs>,
}

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    book: Book,
    /// The numbers of every pair of approvals that can be in force: the deployment's and the centre's.
    policies: HashMap<(Option<Pos>, Option<Pos>), Policy>,
    assignments: HashMap<String, Vec<(Pos, Assignment)>>,
    devices: BTreeMap<String, Vec<DeviceAt>>,
    imports: HashMap<String, Vec<(Pos, EpochMs)>>,
    /// Times of which journals say nothing any more.
    losses: Vec<losses::Lost>,
    /// What people asked for, and what became of it.
    courses: HashMap<String, Vec<Course>>,
    coverage: Mutex<Option<(Pos, Arc<Coverage>)>>,
}

impl Sheet {
    /// The days, both included, on which a person is assigned here, and the window of each assignment: as far as was
    /// known before a position. A later version replaces the earlier one with the same first day.
    pub(super) fn assigned(&self, person_id: &str, as_of: Pos) -> Vec<(EpochDay, Option<EpochDay>)> {
        let mut newest: BTreeMap<EpochDay, &Assignment> = BTreeMap::new();
        for (_, assignment) in
            self.assignments.get(person_id).into_iter().flatten().filter(|(pos, _)| *pos < as_of)
        {
            newest.insert(day(assignment.from.as_ref()), assignment);
        }
        newest
            .into_iter()
            .filter(|(_, assignment)| !assignment.retired)
            .map(|(from, assignment)| (from, opt_day(assignment.until.as_ref())))
            .collect()
    }

    /// The devices that could tell of a clock-in, as far as was known before a position.
    pub(super) fn in_service(&self, as_of: Pos) -> Vec<InService> {
        self.devices.iter().flat_map(|(code, versions)| in_service(code, versions, as_of)).collect()
    }

    /// Up to when the files of an import source are complete, says whoever attested it or vouched for it.
    pub(super) fn complete_through(&self, device: &str, as_of: Pos) -> Option<EpochMs> {
        let attested = self.imports.get(device).into_iter().flatten();
        attested.filter(|(pos, _)| *pos < as_of).map(|(_, through)| *through).max()
    }

    /// The numbers that judge a day, and where they come from.
    fn policy(&self, on: EpochDay, seen: Seen) -> (&Policy, PolicyInForce) {
        static PACK: LazyLock<Policy> = LazyLock::new(Policy::default);
        let (deployment, own) = self.book.policies(on, seen);
        let policy = self.policies.get(&(deployment.map(|at| at.pos), own.map(|at| at.pos)));
        let packs = [own, deployment].into_iter().flatten().map(|at| at.policy.pack.as_str());
        let pack = packs.into_iter().find(|pack| !pack.is_empty()).unwrap_or(DEFAULT_PACK);
        let in_force = PolicyInForce {
            pack: pack.to_owned(),
            deployment_index: deployment.map(|at| at.pos.get()),
            centre_index: own.map(|at| at.pos.get()),
        };
        (policy.unwrap_or(&PACK), in_force)
    }

    /// What devices could tell, as far as was known before a position: the same for everybody, so kept for the next.
    fn coverage(&self, rows: &load::Rows, as_of: Pos) -> Arc<Coverage> {
        let mut kept = self.coverage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, coverage)) = &*kept
            && *at == as_of
        {
            return Arc::clone(coverage);
        }
        let devices = self.in_service(as_of).into_iter().map(|serving| {
            let InService { device, journal, since, until } = serving;
            let covered_until = match journal {
                Some(journal) => rows.covered_until(&device, journal, as_of),
                None => self.complete_through(&device, as_of),
            };
            let lost = self.losses.iter().filter(|lost| lost.pos < as_of && Some(lost.journal) == journal);
            let lost = lost.filter(|lost| lost.device == device).map(|lost| (lost.after, lost.until));
            Told {
                since,
                until,
                covered_until,
                lost: lost.collect(),
                outages: rows.outages_of(&device, as_of),
                source: if journal.is_some() { Source::Terminal } else { Source::Import },
                device,
            }
        });
        let coverage = Arc::new(Coverage::new(devices.collect()));
        *kept = Some((as_of, Arc::clone(&coverage)));
        coverage
    }

    /// Lets other numbers and calendars hold instead.
    pub(super) fn put(&mut self, overrides: &Overrides) {
        for policy in self.policies.values_mut() {
            // They were checked by themselves; together with what stands they may be out of order, and then that stands.
            if let Ok(other) = policy.clone().with(&overrides.values) {
                *policy = other;
            }
        }
        for calendar in &overrides.calendars {
            // Later than everything that stands, and seen all the same.
            self.book.own.years.retain(|year| year.year != calendar.year);
            self.book.own.years.push(YearAt::new(Pos::ZERO, calendar));
        }
    }

    /// The journals of all devices.
    pub(super) fn journals(&self) -> BTreeSet<(String, Pos)> {
        let versions = self.devices.values().flatten();
        versions.map(|at| (at.device.device.clone(), Pos::new(at.device.journal))).collect()
    }
}

fn in_service(code: &str, versions: &[DeviceAt], as_of: Pos) -> Vec<InService> {
    let seen = versions.get(..versions.partition_point(|at| at.pos < as_of)).unwrap_or_default();
    let Some(newest) = seen.last() else { return Vec::new() };
    if newest.device.kind() == device::Kind::ImportSource {
        // Once nobody imports under it any more, it has nothing more to tell.
        let device = code.to_owned();
        let source = InService { device, journal: None, since: EpochMs::ZERO, until: None };
        return if newest.device.retired { Vec::new() } else { vec![source] };
    }
    // What has no key yet stamps nothing, unless it never gets one.
    let keyed = seen.iter().any(|at| !at.device.public_key.is_empty());
    let mut stretches: Vec<InService> = Vec::new();
    let mut open: Option<InService> = None;
    for at in seen {
        let serves = !at.device.retired && !at.device.revoked && (!keyed || !at.device.public_key.is_empty());
        let journal = Some(Pos::new(at.device.journal));
        if open.as_ref().is_some_and(|stretch| !serves || stretch.journal != journal) {
            stretches.extend(open.take().map(|stretch| InService { until: Some(at.recorded), ..stretch }));
        }
        if serves && open.is_none() {
            open = Some(InService { device: code.to_owned(), journal, since: at.recorded, until: None });
        }
    }
    stretches.extend(open);
    stretches
}

/// Loads what the days of people can need in states from one to another.
pub(super) async fn load(
    tx: &mut Tx,
    log: LogId,
    zone: &Zone,
    days: &[(String, EpochDay)],
    until: AsOf,
) -> Result<Sheet, StoreError> {
    let Some((first, last)) = bounds(days) else { return Ok(Sheet::default()) };
    let people: BTreeSet<&str> = days.iter().map(|(person, _)| person.as_str()).collect();
    let between = Between { from: first.plus_days(-1), until: last.plus_days(1), before: until.pos };
    let mut sheet = Sheet {
        book: Book {
            own: roster::rows::pages(tx, log, until.pos).await?,
            deployment: roster::rows::pages(tx, LogId::DEPLOYMENT, until.deployment).await?,
            duties: roster::rows::duties(tx, log, Whose::Of(people.iter().copied().collect()), between)
                .await?,
        },
        ..Sheet::default()
    };
    sheet.policies = policies(&sheet.book);
    for (pos, assignment) in directory::rows::assignments(tx, log, &people, until.pos).await? {
        sheet.assignments.entry(assignment.person_id.clone()).or_default().push((pos, assignment));
    }
    let devices = directory::rows::devices(tx, log, until.pos).await?;
    let positions: Vec<Pos> = devices.iter().map(|(pos, _)| *pos).collect();
    let recorded = reader::recorded_in(tx, log, &positions).await?;
    for (pos, device) in devices {
        let recorded = recorded.get(&pos).copied().unwrap_or(EpochMs::ZERO);
        sheet.devices.entry(device.device.clone()).or_default().push(DeviceAt { pos, recorded, device });
    }
    for (device, pos, through) in load::attested(tx, log, until.pos).await? {
        sheet.imports.entry(device).or_default().push((pos, through));
    }
    for (device, pos, through) in losses::vouched(tx, log, until.pos).await? {
        sheet.imports.entry(device).or_default().push((pos, through));
    }
    sheet.losses = losses::stretches(tx, log, until.pos).await?;
    sheet.courses = asked::courses(tx, log, &people, asked::time(zone, first, last), until.pos).await?;
    Ok(sheet)
}

fn bounds(days: &[(String, EpochDay)]) -> Option<(EpochDay, EpochDay)> {
    let first = days.iter().map(|(_, day)| *day).min()?;
    Some((first, days.iter().map(|(_, day)| *day).max()?))
}

/// The windows in which punches may count for the days: from noon before until noon after.
pub(super) fn windows(zone: &Zone, days: &[(String, EpochDay)]) -> Vec<Window> {
    days.iter()
        .map(|(person, day)| {
            let (from, until) = around_of(zone, *day);
            (person.clone(), from, until)
        })
        .collect()
}

/// The numbers of every pair of approvals.
fn policies(book: &Book) -> HashMap<(Option<Pos>, Option<Pos>), Policy> {
    let each = |policies: &[PolicyAt]| {
        let approved = policies.iter().map(|at| Some((at.pos, at.policy.clone())));
        std::iter::once(None).chain(approved).collect::<Vec<_>>()
    };
    let (deployment, own) = (each(&book.deployment.policies), each(&book.own.policies));
    let mut combined = HashMap::new();
    for deployed in &deployment {
        for own in &own {
            let key = (deployed.as_ref().map(|(pos, _)| *pos), own.as_ref().map(|(pos, _)| *pos));
            let says = [deployed, own].map(|at| at.as_ref().map(|(_, policy)| policy));
            let [deployed, own] = says;
            combined.insert(key, plan::combined(deployed, own));
        }
    }
    combined
}

/// A person's day at a moment.
pub(super) fn derive(
    sheet: &Sheet,
    rows: &load::Rows,
    zone: &Zone,
    (person, day): (&str, EpochDay),
    moment: &Moment,
) -> Derived {
    let as_of = moment.as_of.pos;
    let seen = Seen { own: as_of, deployment: moment.as_of.deployment };
    let (policy, in_force) = sheet.policy(day, seen);
    let plans = [-1, 0, 1].map(|days| {
        let on = day.plus_days(days);
        plan::plan(&sheet.book, person, on, seen, sheet.policy(on, seen).0)
    });
    let [_, planned, _] = &plans;
    // Nothing is due: who came all the same stands in the feed of presence.
    if !planned.rostered {
        return Derived { body: Body::Nothing, waits: Vec::new() };
    }
    // Only what touches the day when it comes may count for it, whatever else was loaded.
    let (from, until) = around_of(zone, day);
    let coverage = sheet.coverage(rows, as_of);
    let courses = sheet.courses.get(person).map(Vec::as_slice).unwrap_or_default();
    let mut punches: Vec<DayPunch> = rows
        .punches_of(person, as_of)
        .into_iter()
        .filter(|(_, at)| from <= at.at && at.at <= until)
        .filter_map(|(punch, at)| {
            let direction = Direction::try_from(punch.fact.direction).ok()?;
            Some(DayPunch { punch: punch.pos, at, direction, source: PunchSource::Device })
        })
        .collect();
    punches.extend(asked::punches(courses, person, (from, until), as_of, &coverage));
    let assigned: Vec<(EpochMs, Option<EpochMs>)> = sheet
        .assigned(person, as_of)
        .into_iter()
        .map(|(from, until)| (zone.start_of(from), until.map(|until| zone.start_of(until.plus_days(1)))))
        .collect();
    let inputs = DayInputs {
        day,
        zone,
        plans: &plans,
        assigned: &assigned,
        punches: &punches,
        absences: &asked::absences(courses, (from, until), as_of),
        pauses: &[],
        coverage: &coverage,
        policy,
        at: moment.at,
    };
    let works_on = |day: EpochDay| plan::is_open(&sheet.book, day, seen, policy);
    let working = WorkingTime { zone, hours: policy.office_hours, works_on };
    let outcome = judge(&inputs, &|from| working.after(from, policy.max_wait_minutes));
    let waits = outcome.waits.iter().map(|wait| match wait {
        DayWait::Time(at) => Wait::until(*at),
        DayWait::Coverage { device, threshold } => Wait::reached(coverage_clock(device), threshold.get()),
    });
    let waits = waits.collect();
    let content = day_result::content(outcome, in_force);
    Derived { body: Body::Content(content.encode_to_vec()), waits }
}
