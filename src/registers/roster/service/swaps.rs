//! Swaps: requests like any other, so the approvals' calls do the work.

use super::Calls;
use crate::access::Caller;
use crate::proto::{
    AcceptSwapRequest, AcceptSwapResponse, DecideSwapRequest, DecideSwapResponse, ListSwapsRequest,
    ListSwapsResponse, RequestSwapRequest, RequestSwapResponse, WithdrawSwapRequest, WithdrawSwapResponse,
};
use crate::registers::failure::Failure;

macro_rules! passed_on {
    ($($(#[$doc:meta])* $call:ident($request:ty) -> $response:ty;)*) => {
        impl Calls {
            $(
                $(#[$doc])*
                pub async fn $call(&self, caller: &Caller, request: $request) -> Result<$response, Failure> {
                    self.requests.$call(caller, request).await
                }
            )*
        }
    };
}

passed_on! {
    /// `RequestSwap`.
    request_swap(RequestSwapRequest) -> RequestSwapResponse;
    /// `AcceptSwap`.
    accept_swap(AcceptSwapRequest) -> AcceptSwapResponse;
    /// `DecideSwap`.
    decide_swap(DecideSwapRequest) -> DecideSwapResponse;
    /// `WithdrawSwap`.
    withdraw_swap(WithdrawSwapRequest) -> WithdrawSwapResponse;
    /// `ListSwaps`.
    list_swaps(ListSwapsRequest) -> ListSwapsResponse;
}
