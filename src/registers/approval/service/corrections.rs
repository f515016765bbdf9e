//! `RequestCorrection`, `DecideCorrection`, `WithdrawCorrection` (rule R11).

use super::{Calls, own};
use crate::access::Caller;
use crate::kernel::Check;
use crate::ledger::committer::Lane;
use crate::proto::{
    DecideCorrectionRequest, DecideCorrectionResponse, RequestCorrectionRequest, RequestCorrectionResponse,
    WithdrawCorrectionRequest, WithdrawCorrectionResponse,
};
use crate::registers::approval::fact::{About, Asked, Command};
use crate::registers::approval::parse;
use crate::registers::failure::Failure;
use crate::registers::wire;

impl Calls {
    /// `RequestCorrection`.
    pub async fn request_correction(
        &self,
        caller: &Caller,
        request: RequestCorrectionRequest,
    ) -> Result<RequestCorrectionResponse, Failure> {
        let mut check = Check::new();
        let (centre, id) = super::head(&mut check, &request.centre, &request.request_id);
        let items = parse::corrections(&mut check, &request.corrections, request.outage, own(caller));
        let asked = parse::correction_request(
            &mut check,
            (items, request.outage),
            &request.explanation,
            &request.evidence_digest,
        );
        check.done()?;
        let (Some(centre), Some(id), Some((asked, personal))) = (centre, id, asked) else {
            return Err(Failure::Fault("PARSE"));
        };
        let place = self.desk().enter(caller, &centre).await?;
        let asked = match (asked, request.outage) {
            (Asked::Correction(mut fact), Some(outage)) => {
                fact.outage = Some(self.position(&place, outage).await?.get());
                Asked::Correction(fact)
            }
            (asked, _) => asked,
        };
        let command = Command::Request { asked, personal };
        let view = wire::view(request.receipt_view);
        let written = self.desk().write(&place, id, command, Lane::Live, view).await?;
        let (state, steps) = self.standing(&place, written.pos).await?;
        Ok(RequestCorrectionResponse {
            receipt: Some(written.receipt(&centre)),
            correction: written.index,
            state: state.into(),
            steps,
        })
    }

    /// `DecideCorrection`.
    pub async fn decide_correction(
        &self,
        caller: &Caller,
        request: DecideCorrectionRequest,
    ) -> Result<DecideCorrectionResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let said = (request.decision, request.reason.as_str());
        let correction = (About::Correction, request.correction);
        let (receipt, state, steps) = self.decided(caller, head, correction, said).await?;
        Ok(DecideCorrectionResponse { receipt: Some(receipt), state: state.into(), steps })
    }

    /// `WithdrawCorrection`.
    pub async fn withdraw_correction(
        &self,
        caller: &Caller,
        request: WithdrawCorrectionRequest,
    ) -> Result<WithdrawCorrectionResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let receipt = self.withdrawn(caller, head, (About::Correction, request.correction)).await?;
        Ok(WithdrawCorrectionResponse { receipt: Some(receipt) })
    }
}
