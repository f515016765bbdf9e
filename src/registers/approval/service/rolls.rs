//! `RecordManualRoll` and `CountersignManualRoll` (rule R5).

use super::Calls;
use crate::access::Caller;
use crate::kernel::Check;
use crate::proto::{
    CountersignManualRollRequest, CountersignManualRollResponse, RecordManualRollRequest,
    RecordManualRollResponse,
};
use crate::registers::approval::fact::{About, Command};
use crate::registers::approval::parse;
use crate::registers::failure::Failure;

impl Calls {
    /// `RecordManualRoll`.
    pub async fn record_manual_roll(
        &self,
        caller: &Caller,
        request: RecordManualRollRequest,
    ) -> Result<RecordManualRollResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| {
            let (asked, personal) = parse::manual_roll(check, request.roll, &request.reason)?;
            Some(Command::Request { asked, personal })
        };
        let (place, written) = self.desk().ask(caller, head, parsed).await?;
        let (_, steps) = self.standing(&place, written.pos).await?;
        let receipt = Some(written.receipt(&place.centre));
        Ok(RecordManualRollResponse { receipt, manual_roll: written.index, steps })
    }

    /// `CountersignManualRoll`.
    pub async fn countersign_manual_roll(
        &self,
        caller: &Caller,
        request: CountersignManualRollRequest,
    ) -> Result<CountersignManualRollResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let said = (request.decision, request.reason.as_str());
        let roll = (About::ManualRoll, request.manual_roll);
        let (receipt, state, _) = self.decided(caller, head, roll, said).await?;
        Ok(CountersignManualRollResponse { receipt: Some(receipt), state: state.into() })
    }
}
