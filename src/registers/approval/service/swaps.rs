//! `RequestSwap`, `AcceptSwap`, `DecideSwap`, `WithdrawSwap`: the calls of `RosterService` that pass the steps of a request.

use super::{Calls, own};
use crate::access::Caller;
use crate::kernel::Check;
use crate::proto::{
    AcceptSwapRequest, AcceptSwapResponse, DecideSwapRequest, DecideSwapResponse, RequestSwapRequest,
    RequestSwapResponse, WithdrawSwapRequest, WithdrawSwapResponse,
};
use crate::registers::approval::fact::{About, Command};
use crate::registers::approval::parse;
use crate::registers::failure::Failure;

impl Calls {
    /// `RequestSwap`.
    pub async fn request_swap(
        &self,
        caller: &Caller,
        request: RequestSwapRequest,
    ) -> Result<RequestSwapResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check| {
            let (asked, personal) = parse::swap(check, &request, own(caller))?;
            Some(Command::Request { asked, personal })
        };
        let (place, written) = self.desk().ask(caller, head, parsed).await?;
        let (state, steps) = self.standing(&place, written.pos).await?;
        Ok(RequestSwapResponse {
            receipt: Some(written.receipt(&place.centre)),
            swap: written.index,
            state: state.into(),
            steps,
        })
    }

    /// `AcceptSwap`.
    pub async fn accept_swap(
        &self,
        caller: &Caller,
        request: AcceptSwapRequest,
    ) -> Result<AcceptSwapResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let parsed = |check: &mut Check, swap| {
            let (approve, reason) = parse::decision(check, request.decision, &request.reason)?;
            Some(Command::Accept { swap, approve, reason })
        };
        let (place, written, swap) = self.act(caller, head, request.swap, parsed).await?;
        let (state, steps) = self.standing(&place, swap).await?;
        Ok(AcceptSwapResponse { receipt: Some(written.receipt(&place.centre)), state: state.into(), steps })
    }

    /// `DecideSwap`.
    pub async fn decide_swap(
        &self,
        caller: &Caller,
        request: DecideSwapRequest,
    ) -> Result<DecideSwapResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let said = (request.decision, request.reason.as_str());
        let (receipt, state, steps) = self.decided(caller, head, (About::Swap, request.swap), said).await?;
        Ok(DecideSwapResponse { receipt: Some(receipt), state: state.into(), steps })
    }

    /// `WithdrawSwap`.
    pub async fn withdraw_swap(
        &self,
        caller: &Caller,
        request: WithdrawSwapRequest,
    ) -> Result<WithdrawSwapResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let receipt = self.withdrawn(caller, head, (About::Swap, request.swap)).await?;
        Ok(WithdrawSwapResponse { receipt: Some(receipt) })
    }
}
