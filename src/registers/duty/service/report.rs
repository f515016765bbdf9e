//! `GetDutyReport`: what windows did, against when they should have been staffed.

use std::collections::HashMap;

use super::{Calls, look};
use crate::access::Caller;
use crate::kernel::{Check, EpochDay, EpochMs, LogId, Pos, Said, WindowId};
use crate::ledger::reader;
use crate::proto::{GetDutyReportRequest, GetDutyReportResponse, Window};
use crate::registers::desk::Desk;
use crate::registers::directory::windows::in_order;
use crate::registers::duty::clocked::SHIFT_MS;
use crate::registers::duty::hall::REACH_MS;
use crate::registers::duty::parse;
use crate::registers::duty::report::{Days, Report, Wanted, report};
use crate::registers::failure::Failure;
use crate::registers::rulebook;
use crate::registers::wire::{self, timestamp};

/// The most days of a report,
const DAYS_MOST: i32 = 92;
/// and of one by the day.
const BY_DAY_MOST: i32 = 31;

/// Which report.
#[derive(Debug, Clone)]
pub struct Order {
    /// The first and the last day.
    pub during: (EpochDay, EpochDay),
    /// Only this window.
    pub window: Option<WindowId>,
    /// By the day.
    pub by_day: bool,
}

/// A report, and what it is of.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The instant until which it reaches.
    pub at: EpochMs,
    /// It is of what was known before this position.
    pub before: Pos,
    /// The report.
    pub report: Report,
}

/// Reports on a centre. Failures: the window is not there; the database.
pub async fn duty_report(desk: &Desk, log: LogId, order: &Order) -> Result<Reported, Failure> {
    // A position with a checkpoint: the hall in memory may stand between two.
    let (head, epoch) = desk.ledger().reader().head(log).await?;
    let before = Pos::new(epoch.base.get() + head.size);
    let look = look::now(desk, log).await?;
    let (own, zone) = (&look.own, look.hall.zone().clone());
    let (from, until) = order.during;
    let mut tx = desk.store().snapshot().await?;
    // A window that was retired in these days or later was one of them until then.
    let retired: Vec<Pos> = own.retired_windows().map(|(pos, _)| pos).collect();
    let recorded = reader::recorded_in(&mut tx, log, &retired).await?;
    let retired: HashMap<&str, (&Window, EpochMs)> = own
        .retired_windows()
        .filter_map(|(pos, window)| Some((window.window.as_str(), (window, *recorded.get(&pos)?))))
        .filter(|(_, (_, at))| *at > zone.start_of(from))
        .collect();
    let mut windows: Vec<&Window> =
        own.windows().chain(retired.values().map(|(window, _)| *window)).collect();
    let window = order.window.as_ref().map(WindowId::as_str);
    if window.is_some_and(|wanted| !windows.iter().any(|window| window.window == wanted)) {
        return Err(Failure::NotFound("window"));
    }
    windows.sort_by_cached_key(|window| in_order(window));
    let codes = windows.iter().map(|window| window.window.as_str()).collect();
    let ends = zone.start_of(until.plus_days(1)).plus_ms(SHIFT_MS).min(look.at);
    let during = (zone.start_of(from).plus_ms(-REACH_MS), ends);
    let hall = rulebook::hall_of(&mut tx, log, own, (&codes, before), during).await?;
    let mut schedule = rulebook::schedule(&mut tx, log, (own, &zone), order.during, before).await?;
    tx.rollback().await?;
    for (window, (_, at)) in &retired {
        schedule.ends(window, *at);
    }
    let days = Days { zone: &zone, during: order.during, now: look.at };
    let report = report(&hall, &windows, &schedule, days, Wanted { window, by_day: order.by_day });
    Ok(Reported { at: look.at, before, report })
}

impl Calls {
    /// `GetDutyReport`.
    pub async fn get_duty_report(
        &self,
        caller: &Caller,
        request: GetDutyReportRequest,
    ) -> Result<GetDutyReportResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let during = wire::from_until(&mut check, request.from.as_ref(), request.until.as_ref());
        let window = parse::opt_window(&mut check, "window", &request.window);
        if let Some((from, until)) = during {
            let most = if request.by_day { BY_DAY_MOST } else { DAYS_MOST };
            if until >= from.plus_days(most) {
                let said = Said::new("天数过多", "is too far from the first: 92 days at most, 31 by the day");
                check.refuse("until", "OUT_OF_RANGE", said);
            }
        }
        check.done()?;
        let (Some(centre), Some(during), Some(window)) = (centre, during, window) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let _turn = self.turn().await?;
        let order = Order { during, window, by_day: request.by_day };
        let Reported { at, before, report } = duty_report(&self.desk, place.log, &order).await?;
        Ok(GetDutyReportResponse {
            as_of: Some(timestamp(at)),
            log_size: self.size(place.log, before).await?,
            total: Some(report.total),
            windows: report.windows,
            items: report.items,
        })
    }
}
