//! When windows should be staffed: the roster knows who is to work when, the directory who is bound to which window.

use std::collections::HashMap;

use crate::kernel::{EpochDay, EpochMs, LogId, Pos, Zone};
use crate::registers::directory::Directory;
use crate::registers::duty::report::{Schedule, merged};
use crate::registers::roster::book::{Book, Seen};
use crate::registers::roster::plan;
use crate::registers::roster::rows::{self, Between, Whose};
use crate::store::{StoreError, Tx};

/// When people who are bound to windows are to work on some days, both included, as far as was known before a position. Work that begins on
/// the day before counts as far as it reaches into the first. Leave takes nothing away: the window was promised, whoever is
/// away.
pub async fn schedule(
    tx: &mut Tx,
    log: LogId,
    (own, zone): (&Directory, &Zone),
    (from, until): (EpochDay, EpochDay),
    before: Pos,
) -> Result<Schedule, StoreError> {
    let people: Vec<&str> = own.assigned().into_iter().collect();
    let between = Between { from: from.plus_days(-1), until, before };
    let book = Book {
        own: rows::pages(tx, log, before).await?,
        deployment: rows::pages(tx, LogId::DEPLOYMENT, Pos::MAX).await?,
        duties: rows::duties(tx, log, Whose::Of(people.clone()), between).await?,
    };
    let during = (zone.start_of(from), zone.start_of(until.plus_days(1)));
    let mut schedule = Schedule::default();
    let mut times: HashMap<String, Vec<(EpochMs, EpochMs)>> = HashMap::new();
    for day in (-1..).map(|days| from.plus_days(days)).take_while(|day| *day <= until) {
        let policy = plan::policy(&book, day, Seen::ALL);
        for person in &people {
            let Some(bound) = own.assignment(person, day).filter(|bound| !bound.windows.is_empty()) else {
                continue;
            };
            let planned = plan::plan(&book, person, day, Seen::ALL, &policy);
            for span in planned.spans {
                let time = (zone.at_minutes(day, span.on_plan), zone.at_minutes(day, span.off_plan));
                let time = (time.0.max(during.0), time.1.min(during.1));
                for window in &bound.windows {
                    times.entry(window.clone()).or_default().push(time);
                }
            }
        }
        if day >= from {
            schedule.policies.insert(day, policy);
        }
    }
    schedule.windows = times.into_iter().map(|(window, times)| (window, merged(times))).collect();
    Ok(schedule)
}
