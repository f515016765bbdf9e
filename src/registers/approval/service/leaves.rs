//! `RequestLeave`, `DecideLeave`, `RecordLeave`, `ReportReturn`, `WithdrawLeave`.

use super::{Calls, own};
use crate::access::Caller;
use crate::kernel::Check;
use crate::proto::fact::Fact as Of;
use crate::proto::{
    DecideLeaveRequest, DecideLeaveResponse, RecordLeaveRequest, RecordLeaveResponse, ReportReturnRequest,
    ReportReturnResponse, RequestLeaveRequest, RequestLeaveResponse, WithdrawLeaveRequest,
    WithdrawLeaveResponse,
};
use crate::registers::approval::fact::{About, Asked, Command};
use crate::registers::approval::parse;
use crate::registers::failure::Failure;
use crate::registers::wire;

impl Calls {
    /// `RequestLeave`.
    pub async fn request_leave(
        &self,
        caller: &Caller,
        request: RequestLeaveRequest,
    ) -> Result<RequestLeaveResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let own = own(caller);
        let parsed = |check: &mut Check| {
            let (asked, personal) = parse::leave(check, request.leave, own)?;
            Some(Command::Request { asked, personal })
        };
        let (place, written) = self.desk().ask(caller, head, parsed).await?;
        let (state, steps) = self.standing(&place, written.pos).await?;
        Ok(RequestLeaveResponse {
            receipt: Some(written.receipt(&place.centre)),
            leave: written.index,
            state: state.into(),
            steps,
        })
    }

    /// `DecideLeave`.
    pub async fn decide_leave(
        &self,
        caller: &Caller,
        request: DecideLeaveRequest,
    ) -> Result<DecideLeaveResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let said = (request.decision, request.reason.as_str());
        let leave = (About::Leave, request.leave);
        let (receipt, state, steps) = self.decided(caller, head, leave, said).await?;
        Ok(DecideLeaveResponse { receipt: Some(receipt), state: state.into(), steps })
    }

    /// `RecordLeave`: a department's own people only.
    pub async fn record_leave(
        &self,
        caller: &Caller,
        request: RecordLeaveRequest,
    ) -> Result<RecordLeaveResponse, Failure> {
        let mut check = Check::new();
        let (centre, id) = super::head(&mut check, &request.centre, &request.request_id);
        let given = parse::Recorded {
            person_id: &request.person_id,
            kind: request.kind,
            from: request.from.as_ref(),
            until: request.until.as_ref(),
            external: request.external_approval,
        };
        let recorded = parse::recorded_leave(&mut check, given);
        check.done()?;
        let (Some(centre), Some(id), Some((asked, personal))) = (centre, id, recorded) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter(caller, &centre).await?;
        let known = place.deployment.person(&request.person_id);
        if !known.is_some_and(|person| place.pass.sees(&person.department)) {
            return Err(Failure::NotFound("person"));
        }
        let command = Command::Request { asked, personal };
        let view = wire::view(request.receipt_view);
        let written =
            self.desk().write(&place, id, command, crate::ledger::committer::Lane::Live, view).await?;
        Ok(RecordLeaveResponse { receipt: Some(written.receipt(&centre)), leave: written.index })
    }

    /// `ReportReturn`.
    pub async fn report_return(
        &self,
        caller: &Caller,
        request: ReportReturnRequest,
    ) -> Result<ReportReturnResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let at = request.returned_at;
        let parsed = |check: &mut Check, leave| {
            let returned = match &at {
                Some(at) => Some(wire::instant(check, "returned_at", Some(at))?),
                None => None,
            };
            Some(Command::Return { leave, returned })
        };
        let (place, written, leave) = self.act(caller, head, request.leave, parsed).await?;
        let returned_ms = written.facts.iter().find_map(|fact| match &fact.fact {
            Some(Of::LeaveReturn(fact)) => Some(fact.returned_ms),
            _ => None,
        });
        let course = self.courses(&place, &std::collections::BTreeSet::from([leave])).await?.pop();
        let until_ms = course.and_then(|course| match course.filed.asked {
            Asked::Leave(fact) => Some(fact.until_ms),
            Asked::Correction(_) | Asked::ManualRoll(_) | Asked::Swap(_) => None,
        });
        let overstayed = returned_ms.zip(until_ms).is_some_and(|(returned, until)| returned > until);
        Ok(ReportReturnResponse { receipt: Some(written.receipt(&place.centre)), overstayed })
    }

    /// `WithdrawLeave`.
    pub async fn withdraw_leave(
        &self,
        caller: &Caller,
        request: WithdrawLeaveRequest,
    ) -> Result<WithdrawLeaveResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let receipt = self.withdrawn(caller, head, (About::Leave, request.leave)).await?;
        Ok(WithdrawLeaveResponse { receipt: Some(receipt) })
    }
}
