//! `OpenWindow`, `CloseWindow`, `HandOverWindow`, `CoverWindow`.

use super::{Calls, Given, Intent, given, stands};
use crate::access::Caller;
use crate::kernel::Check;
use crate::proto::{
    CloseWindowRequest, CloseWindowResponse, CoverWindowRequest, CoverWindowResponse, HandOverWindowRequest,
    HandOverWindowResponse, OpenWindowRequest, OpenWindowResponse,
};
use crate::registers::duty::fact::Act;
use crate::registers::duty::parse;
use crate::registers::failure::Failure;

/// A window that is taken, and the reason to go past a rule.
fn taken(check: &mut Check, window: &str, reason: &str, act: Act) -> Option<Intent> {
    let window = parse::window(check, "window", window);
    let reason = parse::opt_words(check, "override_reason", reason);
    Some(Intent { window: Some(window?), act, reason: reason? })
}

impl Calls {
    /// `OpenWindow`.
    pub async fn open_window(
        &self,
        caller: &Caller,
        request: OpenWindowRequest,
    ) -> Result<OpenWindowResponse, Failure> {
        let given = given!(request, &request.on_behalf_of);
        let parsed = |check: &mut Check| taken(check, &request.window, &request.override_reason, Act::Open);
        let stood = self.act(caller, given, parsed).await?;
        Ok(stands!(OpenWindowResponse, self, stood))
    }

    /// `CloseWindow`.
    pub async fn close_window(
        &self,
        caller: &Caller,
        request: CloseWindowRequest,
    ) -> Result<CloseWindowResponse, Failure> {
        let given = given!(request, &request.on_behalf_of);
        let parsed = |check: &mut Check| taken(check, &request.window, "", Act::Close);
        let stood = self.act(caller, given, parsed).await?;
        Ok(stands!(CloseWindowResponse, self, stood))
    }

    /// `HandOverWindow`.
    pub async fn hand_over_window(
        &self,
        caller: &Caller,
        request: HandOverWindowRequest,
    ) -> Result<HandOverWindowResponse, Failure> {
        let given = given!(request, &request.on_behalf_of);
        let parsed =
            |check: &mut Check| taken(check, &request.window, &request.override_reason, Act::HandOver);
        let stood = self.act(caller, given, parsed).await?;
        Ok(stands!(HandOverWindowResponse, self, stood))
    }

    /// `CoverWindow`.
    pub async fn cover_window(
        &self,
        caller: &Caller,
        request: CoverWindowRequest,
    ) -> Result<CoverWindowResponse, Failure> {
        let given = given!(request, "");
        let parsed = |check: &mut Check| {
            let by = parse::opt_person(check, "by", &request.by);
            let from_window = parse::opt_window(check, "from_window", &request.from_window);
            let window = parse::window(check, "window", &request.window);
            let reason = parse::opt_words(check, "override_reason", &request.override_reason);
            let act = Act::Cover { by: by?, from_window: from_window? };
            Some(Intent { window: Some(window?), act, reason: reason? })
        };
        let stood = self.act(caller, given, parsed).await?;
        Ok(stands!(CoverWindowResponse, self, stood))
    }
}
