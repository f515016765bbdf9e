//! `RosterService`: who is to be there when, and by which numbers attendance is judged.
//!
//! Reads answer from rows as of the newest entry; a person's roster only to whoever may see the person.

use crate::access::Caller;
use crate::kernel::{Check, LogId, Pos, RequestId, Words};
use crate::ledger::committer::Lane;
use crate::proto::fact::Fact as Of;
use crate::proto::{
    ApprovePolicyRequest, ApprovePolicyResponse, GetPolicyRequest, GetPolicyResponse, ProposePolicyRequest,
    ProposePolicyResponse, PutCalendarYearRequest, PutCalendarYearResponse, PutCentreDaysRequest,
    PutCentreDaysResponse, PutRosterRequest, PutRosterResponse, PutShiftRequest, PutShiftResponse,
};
use crate::registers::attendance::service::Calls as Requests;
use crate::registers::desk::{Desk, Place, Written};
use crate::registers::failure::Failure;
use crate::registers::roster::book::{Book, Pages, Seen};
use crate::registers::roster::fact::Command;
use crate::registers::roster::{parse, plan, rows};
use crate::registers::wire;

mod lists;
mod swaps;

/// The calls of `RosterService`.
#[derive(Debug, Clone)]
pub struct Calls {
    desk: Desk,
    /// What is asked for and decided.
    requests: Requests,
}

impl Calls {
    /// At a desk, beside the calls that requests go through.
    pub const fn new(desk: Desk, requests: Requests) -> Self {
        Self { desk, requests }
    }

    async fn write(
        &self,
        place: Place,
        id: RequestId,
        command: Command,
        view: i32,
    ) -> Result<(Place, Written), Failure> {
        let written = self.desk.write(&place, id, command, Lane::Live, wire::view(view)).await?;
        Ok((place, written))
    }

    /// `PutShift`.
    pub async fn put_shift(
        &self,
        caller: &Caller,
        request: PutShiftRequest,
    ) -> Result<PutShiftResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::shift(check, request.shift).map(Command::Shift);
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        let shift = written.facts.iter().find_map(|fact| match &fact.fact {
            Some(Of::Shift(shift)) => Some(shift.clone()),
            _ => None,
        });
        Ok(PutShiftResponse { receipt: Some(written.receipt(&place.centre)), shift })
    }

    /// `PutRoster`.
    pub async fn put_roster(
        &self,
        caller: &Caller,
        request: PutRosterRequest,
    ) -> Result<PutRosterResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::roster(check, &request).map(Command::Roster);
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        Ok(PutRosterResponse { receipt: Some(written.receipt(&place.centre)) })
    }

    /// `PutCalendarYear`.
    pub async fn put_calendar_year(
        &self,
        caller: &Caller,
        request: PutCalendarYearRequest,
    ) -> Result<PutCalendarYearResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| {
            parse::calendar_year(check, "calendar", request.calendar).map(Command::CalendarYear)
        };
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        Ok(PutCalendarYearResponse { receipt: Some(written.receipt(&place.centre)) })
    }

    /// `PutCentreDays`.
    pub async fn put_centre_days(
        &self,
        caller: &Caller,
        request: PutCentreDaysRequest,
    ) -> Result<PutCentreDaysResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| parse::centre_days(check, request.days).map(Command::CentreDays);
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        Ok(PutCentreDaysResponse { receipt: Some(written.receipt(&place.centre)) })
    }

    /// `ProposePolicy`.
    pub async fn propose_policy(
        &self,
        caller: &Caller,
        request: ProposePolicyRequest,
    ) -> Result<ProposePolicyResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| {
            let policy = parse::policy(check, request.policy);
            let reason = request.retroactive_reason.as_str();
            let retroactive = Some(reason)
                .filter(|reason| !reason.is_empty())
                .map(|reason| check.take("retroactive_reason", Words::parse(reason)));
            Some(Command::ProposePolicy { policy: policy?, retroactive: retroactive.flatten() })
        };
        let (place, written) = self.desk.ask(caller, head, parsed).await?;
        let proposal = written.index;
        Ok(ProposePolicyResponse { receipt: Some(written.receipt(&place.centre)), proposal })
    }

    /// `ApprovePolicy`.
    pub async fn approve_policy(
        &self,
        caller: &Caller,
        request: ApprovePolicyRequest,
    ) -> Result<ApprovePolicyResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let id = wire::request_id(&mut check, &request.request_id);
        check.done()?;
        let (Some(centre), Some(id)) = (centre, id) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter(caller, &centre).await?;
        let (_, epoch) = self.desk.ledger().reader().head(place.log).await?;
        let proposal = Pos::new(epoch.base.get().saturating_add(request.proposal));
        let command = Command::ApprovePolicy { proposal };
        let (place, written) = self.write(place, id, command, request.receipt_view).await?;
        let policy = written.facts.iter().find_map(|fact| match &fact.fact {
            Some(Of::PolicyApproval(approval)) => approval.policy.clone(),
            _ => None,
        });
        Ok(ApprovePolicyResponse { receipt: Some(written.receipt(&place.centre)), policy })
    }

    /// `GetPolicy`.
    pub async fn get_policy(
        &self,
        caller: &Caller,
        request: GetPolicyRequest,
    ) -> Result<GetPolicyResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let on = wire::opt_day(&mut check, "date", request.date.as_ref());
        check.done()?;
        let Some(centre) = centre else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter_to_read(caller, &centre).await?;
        let zone = place.deployment.zone(&centre).ok_or(Failure::Fault("ZONE"))?;
        let on = on.unwrap_or_else(|| zone.day_of(self.desk.now()));
        let book = self.book(&place).await?;
        let (deployment, own) = book.policies(on, Seen::ALL);
        let values = plan::policy(&book, on, Seen::ALL).values();
        let index = |log: LogId, pos: Option<Pos>| async move {
            let Some(pos) = pos else { return Ok::<_, Failure>(None) };
            let epoch = self.desk.ledger().reader().epoch_of(log, pos).await?;
            Ok(Some(pos.get().saturating_sub(epoch.base.get())))
        };
        Ok(GetPolicyResponse {
            values,
            deployment_index: index(LogId::DEPLOYMENT, deployment.map(|at| at.pos)).await?,
            centre_index: index(place.log, own.map(|at| at.pos)).await?,
        })
    }

    /// The roster of a place without anybody's duties.
    async fn book(&self, place: &Place) -> Result<Book, Failure> {
        let mut tx = self.desk.store().snapshot().await?;
        let deployment = rows::pages(&mut tx, LogId::DEPLOYMENT, Pos::MAX).await?;
        let own = if place.log == LogId::DEPLOYMENT {
            Pages::default()
        } else {
            rows::pages(&mut tx, place.log, Pos::MAX).await?
        };
        tx.rollback().await?;
        Ok(Book { own, deployment, ..Book::default() })
    }
}
