//! The month as it is asked for: everybody's days, three of them explained, what HR pulls.

use std::time::Duration;

use anyhow::{Context, bail};
use tonic::transport::Channel;

use super::cast::CENTRE;
use super::plan::Month;
use crate::cli::client::Client;
use crate::kernel::EpochDay;
use crate::proto::attendance_service_client::AttendanceServiceClient;
use crate::proto::*;
use crate::registers::wire::date;

/// Results are looked at this often, and for at most 1,200 rounds: 60 s.
const LOOK: Duration = Duration::from_millis(50);
const ROUNDS: usize = 1_200;
/// A page.
const PAGE: i32 = 1_000;

/// Who pulls.
pub(super) struct Puller<'a> {
    pub(super) hr: Client,
    pub(super) channel: &'a Channel,
    pub(super) month: &'a Month,
}

impl Puller<'_> {
    fn calls(&self) -> AttendanceServiceClient<Channel> {
        AttendanceServiceClient::new(self.channel.clone())
    }

    fn whole(&self) -> (Option<Date>, Option<Date>) {
        (Some(date(self.month.first)), Some(date(self.month.last)))
    }

    /// Waits until everything up to an entry is derived, and says whether the month could be locked.
    pub(super) async fn readiness(&self, entry: u64) -> anyhow::Result<GetMonthReadinessResponse> {
        let (from, until) = self.whole();
        for _ in 0..ROUNDS {
            let request = GetMonthReadinessRequest {
                centre: CENTRE.to_owned(),
                department: String::new(),
                from,
                until,
            };
            let answer = self.calls().get_month_readiness(self.hr.with(request)?).await?.into_inner();
            if answer.as_of >= entry {
                return Ok(answer);
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("results have not come to entry {entry} after 60 s")
    }

    /// Everybody's days of the month.
    pub(super) async fn days(&self) -> anyhow::Result<Vec<DayResult>> {
        let (from, until) = self.whole();
        let (mut days, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListDaysRequest {
                centre: CENTRE.to_owned(),
                from,
                until,
                page_size: PAGE,
                page_token,
                ..ListDaysRequest::default()
            };
            let answer = self.calls().list_days(self.hr.with(request)?).await?.into_inner();
            days.extend(answer.days);
            if answer.next_page_token.is_empty() {
                return Ok(days);
            }
            page_token = answer.next_page_token;
        }
    }

    /// One day with its reasons.
    pub(super) async fn day(&self, person_id: &str, on: EpochDay) -> anyhow::Result<DayResult> {
        let request = GetDayRequest {
            centre: CENTRE.to_owned(),
            person_id: person_id.to_owned(),
            work_date: Some(date(on)),
            as_of: None,
        };
        let answer = self.calls().get_day(self.hr.with(request)?).await?.into_inner();
        answer.day.context("a day")
    }

    /// The first revisions of a department's feed that payroll may take, from the first day of work on.
    pub(super) async fn feed(&self, department: &str, limit: i32) -> anyhow::Result<DayResults> {
        let (_, until) = self.whole();
        let from = self.month.works.first().copied().map(date);
        let request = ListDayResultsSinceRequest {
            centre: CENTRE.to_owned(),
            department: department.to_owned(),
            finality: Finality::Final.into(),
            cursor: String::new(),
            limit,
            from,
            until,
            view: DayResultView::Explained.into(),
        };
        Ok(self.calls().list_day_results_since(self.hr.with(request)?).await?.into_inner())
    }

    /// A department's person-months.
    pub(super) async fn summaries(&self, department: &str) -> anyhow::Result<Vec<MonthSummary>> {
        let (from, until) = self.whole();
        let request = ListMonthSummariesRequest {
            centre: CENTRE.to_owned(),
            department: department.to_owned(),
            from,
            until,
            page_size: PAGE,
            ..ListMonthSummariesRequest::default()
        };
        let answer = self.calls().list_month_summaries(self.hr.with(request)?).await?.into_inner();
        Ok(answer.summaries)
    }
}
