//! What days would be under other numbers or other calendars: the same derivation over the same rows, with those put in
//! their place. Nothing of it is stored.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::days::{DAY, day_key, day_of};
use super::rows;
use crate::kernel::{Check, EpochDay, EpochMs, LogId, Pos, Said, Zone};
use crate::policy;
use crate::proto::{CalendarYear, DayResult};
use crate::registers::roster;
use crate::registers::wire;
use crate::results::{AsOf, Body, Moment};
use crate::store::{Store, StoreError};

/// The most calendars of one question.
const CALENDARS_MOST: usize = 4;

/// What is to be put in the place of what is on record.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Values of the policy, by key.
    pub values: BTreeMap<String, String>,
    /// Calendars, a year each.
    pub calendars: Vec<CalendarYear>,
}

impl Overrides {
    /// Parses; every violation at once.
    pub fn parse(
        check: &mut Check,
        values: BTreeMap<String, String>,
        calendars: Vec<CalendarYear>,
    ) -> Option<Self> {
        let mut good = true;
        if let Err(violations) = policy::Policy::default().with(&values) {
            good = false;
            for violation in violations {
                // A key that nobody knows is not said back: it may be anything.
                let known = policy::keys().iter().any(|key| key.name == violation.key);
                let field = if known { format!("values.{}", violation.key) } else { "values".to_owned() };
                check.refuse(field, violation.reason, violation.said);
            }
        }
        if calendars.len() > CALENDARS_MOST {
            check.refuse("calendars", "COUNT", Said::new("至多 4 年", "may have at most 4 items"));
            return None;
        }
        let calendars: Vec<Option<CalendarYear>> = calendars
            .into_iter()
            .enumerate()
            .map(|(at, year)| roster::parse::calendar_year(check, &format!("calendars[{at}]"), Some(year)))
            .collect();
        let calendars = calendars.into_iter().collect::<Option<_>>()?;
        good.then_some(Self { values, calendars })
    }
}

/// The days of people as they would be at a time, from what entries before a position say; in the order of people, and
/// only those that have begun.
pub async fn days(
    store: &Store,
    (log, zone): (LogId, &Zone),
    (people, (from, until)): (&BTreeSet<String>, (EpochDay, EpochDay)),
    (before, at): (Pos, EpochMs),
    overrides: &Overrides,
) -> Result<Vec<DayResult>, StoreError> {
    let last = until.min(zone.day_of(at));
    let keys: Vec<_> = people
        .iter()
        .flat_map(|person| {
            let days = (0..).map(move |days| from.plus_days(days)).take_while(move |day| *day <= last);
            days.map(move |day| day_key(DAY, person, day))
        })
        .collect();
    let mut tx = store.snapshot().await?;
    // What the deployment says counts as it stands.
    let as_of = AsOf { pos: before, deployment: Pos::MAX };
    let loaded = rows::load(&mut tx, log, zone.clone(), &keys, as_of..=as_of).await;
    tx.rollback().await?;
    let loaded = loaded?.with_overrides(overrides);
    let moment = Moment { log, as_of, at };
    let derived = keys.iter().filter_map(|key| {
        let Body::Content(content) = loaded.derive(key, &moment).body else { return None };
        let (person, day) = day_of(key)?;
        let known = DayResult::decode(content.as_slice()).ok()?;
        Some(DayResult { person_id: person.to_owned(), work_date: Some(wire::date(day)), ..known })
    });
    Ok(derived.collect())
}

/// Do two days say the same, whichever revision they are?
pub fn is_same(one: &DayResult, other: &DayResult) -> bool {
    let bare = |day: &DayResult| DayResult {
        seq: 0,
        entry_index: 0,
        revision: 0,
        cause: String::new(),
        policy: None,
        reason: None,
        ..day.clone()
    };
    bare(one) == bare(other)
}
