//! `SuggestGuidance`, `StartPause`, `ExtendPause`, `EndPause`.

use super::{Calls, Given, Intent, given, opt_ms, stands};
use crate::access::Caller;
use crate::kernel::{Check, EpochMs};
use crate::proto::duty_fact::What;
use crate::proto::start_pause_response::State;
use crate::proto::{
    EndPauseRequest, EndPauseResponse, ExtendPauseRequest, ExtendPauseResponse, StartPauseRequest,
    StartPauseResponse, SuggestGuidanceRequest, SuggestGuidanceResponse,
};
use crate::registers::duty::fact::Act;
use crate::registers::duty::{parse, text};
use crate::registers::failure::Failure;
use crate::registers::wire::{self, timestamp};

impl Calls {
    /// `SuggestGuidance`.
    pub async fn suggest_guidance(
        &self,
        caller: &Caller,
        request: SuggestGuidanceRequest,
    ) -> Result<SuggestGuidanceResponse, Failure> {
        let mut check = Check::new();
        let centre = wire::centre(&mut check, &request.centre);
        let window = parse::window(&mut check, "window", &request.window);
        check.done()?;
        let (Some(centre), Some(window)) = (centre, window) else { return Err(Failure::Fault("PARSE")) };
        let place = self.desk.enter(caller, &centre).await?;
        let look = self.look(place.log).await?;
        let scene = look.scene();
        let known = scene.own.window(window.as_str()).filter(|window| !window.retired);
        let known = known.ok_or(Failure::NotFound("window"))?;
        Ok(SuggestGuidanceResponse { guidance: scene.found(known, true), last_window: scene.is_last(known) })
    }

    /// `StartPause`: the answer says what stands on the sign and where citizens are sent, in the one call.
    pub async fn start_pause(
        &self,
        caller: &Caller,
        request: StartPauseRequest,
    ) -> Result<StartPauseResponse, Failure> {
        let given = given!(request, &request.on_behalf_of);
        let parsed = |check: &mut Check| {
            let window = parse::window(check, "window", &request.window);
            let asked = parse::Asked {
                path: "",
                subject: request.subject,
                reason: request.reason,
                expected_return_at: request.expected_return_at,
                sign_displayed: request.sign_displayed,
                sign_mode: request.sign_mode,
                guidance: request.guidance,
                leave_anyway: request.leave_anyway,
            };
            let start = parse::start(check, asked);
            let reason = parse::leave_reason(check, "", request.leave_anyway, &request.leave_reason);
            Some(Intent { window: Some(window?), act: Act::Start(start?), reason: reason? })
        };
        let stood = self.act(caller, given, parsed).await?;
        let Some(What::Paused(said)) = &stood.fact.what else { return Err(Failure::Fault("FACTS")) };
        let zone = stood.place.deployment.zone(&stood.place.centre).ok_or(Failure::Fault("ZONE"))?;
        let windows: Vec<String> = said.guidance.iter().flat_map(|told| told.windows.clone()).collect();
        let numbers: Vec<&str> = windows
            .iter()
            .filter_map(|code| stood.place.own.window(code))
            .map(|window| window.number.as_str())
            .collect();
        let stands_in = said.guidance.iter().any(|told| told.kind() == crate::proto::guidance::Kind::BPost);
        let allowed = opt_ms(said.allowed_ms);
        let due = opt_ms(said.expected_return_ms);
        let state = if allowed.is_some() { State::AwaitingApproval } else { State::Started };
        Ok(StartPauseResponse {
            receipt: Some(stood.written.receipt(&stood.place.centre)),
            pause: stood.written.index,
            state: state.into(),
            allowed_at: allowed.map(timestamp),
            sign_text: Some(text::sign(&zone, due, stood.written.recorded)),
            guidance_text: Some(text::guidance(&numbers, stands_in)),
            target_windows: windows,
            flags: stood.fact.flags.clone(),
            contiguous_through: stood.contiguous_through,
        })
    }

    /// `ExtendPause`.
    pub async fn extend_pause(
        &self,
        caller: &Caller,
        request: ExtendPauseRequest,
    ) -> Result<ExtendPauseResponse, Failure> {
        let given = given!(request, &request.on_behalf_of);
        let parsed = |check: &mut Check| {
            let window = parse::meant_window(check, &request.window, request.pause);
            let field = "expected_return_at";
            let expected: Option<EpochMs> = wire::instant(check, field, request.expected_return_at.as_ref());
            let reason = parse::opt_words(check, "reason", &request.reason);
            let act = Act::Extend { pause: parse::opt_pause(request.pause), expected: expected? };
            Some(Intent { window: window?, act, reason: reason? })
        };
        let stood = self.act(caller, given, parsed).await?;
        let zone = stood.place.deployment.zone(&stood.place.centre).ok_or(Failure::Fault("ZONE"))?;
        let due = match &stood.fact.what {
            Some(What::Extended(said)) => opt_ms(said.expected_return_ms),
            _ => None,
        };
        let state = self.state(&stood.place, &stood.fact.window).await?;
        Ok(ExtendPauseResponse {
            receipt: Some(stood.written.receipt(&stood.place.centre)),
            state: state.into(),
            sign_text: Some(text::sign(&zone, due, stood.written.recorded)),
            flags: stood.fact.flags.clone(),
            contiguous_through: stood.contiguous_through,
        })
    }

    /// `EndPause`.
    pub async fn end_pause(
        &self,
        caller: &Caller,
        request: EndPauseRequest,
    ) -> Result<EndPauseResponse, Failure> {
        let given = given!(request, &request.on_behalf_of);
        let parsed = |check: &mut Check| {
            let window = parse::meant_window(check, &request.window, request.pause);
            let mode = parse::end_mode(check, "end_mode", request.end_mode);
            let act = Act::End { pause: parse::opt_pause(request.pause), mode: mode? };
            Some(Intent { window: window?, act, reason: None })
        };
        let stood = self.act(caller, given, parsed).await?;
        Ok(stands!(EndPauseResponse, self, stood))
    }
}
