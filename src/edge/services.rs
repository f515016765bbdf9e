//! The methods of every service, once: what [`serve_calls!`](crate::serve_calls) is told for a register's calls.
//!
//! A method that a `.proto` file has and its list lacks does not compile, and neither does one that a register lacks.

/// Serves `DirectoryService` with a type's own methods.
#[macro_export]
macro_rules! directory_calls {
    ($calls:ty) => {
        $crate::serve_calls!($calls as directory_service_server::DirectoryService {
            call put_centre(PutCentreRequest) -> PutCentreResponse;
            call get_centre(GetCentreRequest) -> GetCentreResponse;
            call list_centres(ListCentresRequest) -> ListCentresResponse;
            call retire_centre(RetireCentreRequest) -> RetireCentreResponse;
            call put_department(PutDepartmentRequest) -> PutDepartmentResponse;
            call get_department(GetDepartmentRequest) -> GetDepartmentResponse;
            call list_departments(ListDepartmentsRequest) -> ListDepartmentsResponse;
            call retire_department(RetireDepartmentRequest) -> RetireDepartmentResponse;
            call put_person(PutPersonRequest) -> PutPersonResponse;
            call get_person(GetPersonRequest) -> GetPersonResponse;
            call list_people(ListPeopleRequest) -> ListPeopleResponse;
            call retire_person(RetirePersonRequest) -> RetirePersonResponse;
            call batch_put_people(BatchPutPeopleRequest) -> BatchPutPeopleResponse;
            call put_assignment(PutAssignmentRequest) -> PutAssignmentResponse;
            call get_assignment(GetAssignmentRequest) -> GetAssignmentResponse;
            call list_assignments(ListAssignmentsRequest) -> ListAssignmentsResponse;
            call retire_assignment(RetireAssignmentRequest) -> RetireAssignmentResponse;
            call put_window(PutWindowRequest) -> PutWindowResponse;
            call get_window(GetWindowRequest) -> GetWindowResponse;
            call list_windows(ListWindowsRequest) -> ListWindowsResponse;
            call retire_window(RetireWindowRequest) -> RetireWindowResponse;
            call put_service_item(PutServiceItemRequest) -> PutServiceItemResponse;
            call get_service_item(GetServiceItemRequest) -> GetServiceItemResponse;
            call list_service_items(ListServiceItemsRequest) -> ListServiceItemsResponse;
            call retire_service_item(RetireServiceItemRequest) -> RetireServiceItemResponse;
            call put_device(PutDeviceRequest) -> PutDeviceResponse;
            call get_device(GetDeviceRequest) -> GetDeviceResponse;
            call list_devices(ListDevicesRequest) -> ListDevicesResponse;
            call retire_device(RetireDeviceRequest) -> RetireDeviceResponse;
            call create_enrolment_code(CreateEnrolmentCodeRequest) -> CreateEnrolmentCodeResponse;
            call rotate_device_key(RotateDeviceKeyRequest) -> RotateDeviceKeyResponse;
            call revoke_device(RevokeDeviceRequest) -> RevokeDeviceResponse;
            call replace_device(ReplaceDeviceRequest) -> ReplaceDeviceResponse;
            call get_terminal_config(GetTerminalConfigRequest) -> GetTerminalConfigResponse;
            call put_credential_binding(PutCredentialBindingRequest) -> PutCredentialBindingResponse;
            call get_credential_binding(GetCredentialBindingRequest) -> GetCredentialBindingResponse;
            call list_credential_bindings(ListCredentialBindingsRequest) -> ListCredentialBindingsResponse;
            call retire_credential_binding(RetireCredentialBindingRequest) -> RetireCredentialBindingResponse;
            call grant_role(GrantRoleRequest) -> GrantRoleResponse;
            call revoke_role(RevokeRoleRequest) -> RevokeRoleResponse;
            call get_role_grant(GetRoleGrantRequest) -> GetRoleGrantResponse;
            call list_role_grants(ListRoleGrantsRequest) -> ListRoleGrantsResponse;
            open enrol_device(EnrolDeviceRequest) -> EnrolDeviceResponse;
            open get_device_challenge(GetDeviceChallengeRequest) -> GetDeviceChallengeResponse;
            open get_device_token(GetDeviceTokenRequest) -> GetDeviceTokenResponse;
        });
    };
}

/// Serves `AttendanceService` with a type's own methods.
#[macro_export]
macro_rules! attendance_calls {
    ($calls:ty) => {
        $crate::serve_calls!($calls as attendance_service_server::AttendanceService {
            call record_punch(RecordPunchRequest) -> RecordPunchResponse;
            call upload_punches(UploadPunchesRequest) -> UploadPunchesResponse;
            call report_device(ReportDeviceRequest) -> ReportDeviceResponse;
            call report_device_outage(ReportDeviceOutageRequest) -> ReportDeviceOutageResponse;
            call end_device_outage(EndDeviceOutageRequest) -> EndDeviceOutageResponse;
            call declare_journal_lost(DeclareJournalLostRequest) -> DeclareJournalLostResponse;
            call countersign_journal_lost(CountersignJournalLostRequest) -> CountersignJournalLostResponse;
            call declare_coverage(DeclareCoverageRequest) -> DeclareCoverageResponse;
            call list_punches(ListPunchesRequest) -> ListPunchesResponse;
            call list_punches_since(ListPunchesSinceRequest) -> ListPunchesSinceResponse;
            call list_presence_since(ListPresenceSinceRequest) -> ListPresenceSinceResponse;
            call get_day(GetDayRequest) -> GetDayResponse;
            call list_days(ListDaysRequest) -> ListDaysResponse;
            call list_coverage_blockers(ListCoverageBlockersRequest) -> ListCoverageBlockersResponse;
            call list_day_results_since(ListDayResultsSinceRequest) -> DayResults;
            call list_device_states_since(ListDeviceStatesSinceRequest) -> ListDeviceStatesSinceResponse;
            call request_leave(RequestLeaveRequest) -> RequestLeaveResponse;
            call decide_leave(DecideLeaveRequest) -> DecideLeaveResponse;
            call record_leave(RecordLeaveRequest) -> RecordLeaveResponse;
            call report_return(ReportReturnRequest) -> ReportReturnResponse;
            call withdraw_leave(WithdrawLeaveRequest) -> WithdrawLeaveResponse;
            call list_leaves(ListLeavesRequest) -> ListLeavesResponse;
            call request_correction(RequestCorrectionRequest) -> RequestCorrectionResponse;
            call decide_correction(DecideCorrectionRequest) -> DecideCorrectionResponse;
            call withdraw_correction(WithdrawCorrectionRequest) -> WithdrawCorrectionResponse;
            call list_corrections(ListCorrectionsRequest) -> ListCorrectionsResponse;
            call record_manual_roll(RecordManualRollRequest) -> RecordManualRollResponse;
            call countersign_manual_roll(CountersignManualRollRequest) -> CountersignManualRollResponse;
            call list_my_tasks(ListMyTasksRequest) -> ListMyTasksResponse;
            call put_delegation(PutDelegationRequest) -> PutDelegationResponse;
            call list_month_summaries(ListMonthSummariesRequest) -> ListMonthSummariesResponse;
            call get_month_readiness(GetMonthReadinessRequest) -> GetMonthReadinessResponse;
            call confirm_month(ConfirmMonthRequest) -> ConfirmMonthResponse;
            call lock_month(LockMonthRequest) -> LockMonthResponse;
            call list_adjustments(ListAdjustmentsRequest) -> ListAdjustmentsResponse;
            call confirm_pull(ConfirmPullRequest) -> ConfirmPullResponse;
            call preview_days(PreviewDaysRequest) -> PreviewDaysResponse;
            stream watch_day_results(WatchDayResultsRequest) -> DayResults as WatchDayResultsStream;
        });
    };
}

/// Serves `RosterService` with a type's own methods.
#[macro_export]
macro_rules! roster_calls {
    ($calls:ty) => {
        $crate::serve_calls!($calls as roster_service_server::RosterService {
            call put_shift(PutShiftRequest) -> PutShiftResponse;
            call list_shifts(ListShiftsRequest) -> ListShiftsResponse;
            call put_roster(PutRosterRequest) -> PutRosterResponse;
            call list_roster(ListRosterRequest) -> ListRosterResponse;
            call put_calendar_year(PutCalendarYearRequest) -> PutCalendarYearResponse;
            call list_calendar_years(ListCalendarYearsRequest) -> ListCalendarYearsResponse;
            call put_centre_days(PutCentreDaysRequest) -> PutCentreDaysResponse;
            call list_centre_days(ListCentreDaysRequest) -> ListCentreDaysResponse;
            call propose_policy(ProposePolicyRequest) -> ProposePolicyResponse;
            call approve_policy(ApprovePolicyRequest) -> ApprovePolicyResponse;
            call get_policy(GetPolicyRequest) -> GetPolicyResponse;
            call request_swap(RequestSwapRequest) -> RequestSwapResponse;
            call accept_swap(AcceptSwapRequest) -> AcceptSwapResponse;
            call decide_swap(DecideSwapRequest) -> DecideSwapResponse;
            call withdraw_swap(WithdrawSwapRequest) -> WithdrawSwapResponse;
            call list_swaps(ListSwapsRequest) -> ListSwapsResponse;
        });
    };
}

/// Serves `DutyService` with a type's own methods.
#[macro_export]
macro_rules! duty_calls {
    ($calls:ty) => {
        $crate::serve_calls!($calls as duty_service_server::DutyService {
            call open_window(OpenWindowRequest) -> OpenWindowResponse;
            call close_window(CloseWindowRequest) -> CloseWindowResponse;
            call hand_over_window(HandOverWindowRequest) -> HandOverWindowResponse;
            call suggest_guidance(SuggestGuidanceRequest) -> SuggestGuidanceResponse;
            call start_pause(StartPauseRequest) -> StartPauseResponse;
            call extend_pause(ExtendPauseRequest) -> ExtendPauseResponse;
            call end_pause(EndPauseRequest) -> EndPauseResponse;
            call decide_pause(DecidePauseRequest) -> DecidePauseResponse;
            call cover_window(CoverWindowRequest) -> CoverWindowResponse;
            call upload_duty_events(UploadDutyEventsRequest) -> UploadDutyEventsResponse;
            call report_queue(ReportQueueRequest) -> ReportQueueResponse;
            call get_hall(GetHallRequest) -> GetHallResponse;
            call get_window_at(GetWindowAtRequest) -> GetWindowAtResponse;
            call get_duty_report(GetDutyReportRequest) -> GetDutyReportResponse;
            call list_pause_results_since(ListPauseResultsSinceRequest) -> ListPauseResultsSinceResponse;
            call list_pauses(ListPausesRequest) -> ListPausesResponse;
            call record_inspection(RecordInspectionRequest) -> RecordInspectionResponse;
            call respond_to_inspection(RespondToInspectionRequest) -> RespondToInspectionResponse;
            call decide_inspection(DecideInspectionRequest) -> DecideInspectionResponse;
            call list_inspections(ListInspectionsRequest) -> ListInspectionsResponse;
            call get_inspection(GetInspectionRequest) -> GetInspectionResponse;
            call list_clauses(ListClausesRequest) -> ListClausesResponse;
            open get_board(GetBoardRequest) -> GetBoardResponse;
            stream watch_hall(WatchHallRequest) -> WatchHallResponse as WatchHallStream;
            public watch_board(WatchBoardRequest) -> WatchBoardResponse as WatchBoardStream;
        });
    };
}

/// Serves `AuditService` with a type's own methods.
#[macro_export]
macro_rules! audit_calls {
    ($calls:ty) => {
        $crate::serve_calls!($calls as audit_service_server::AuditService {
            call get_checkpoint(GetCheckpointRequest) -> GetCheckpointResponse;
            call get_receipt(GetReceiptRequest) -> GetReceiptResponse;
            call get_entry(GetEntryRequest) -> GetEntryResponse;
            call list_entries(ListEntriesRequest) -> ListEntriesResponse;
            call prove_inclusion(ProveInclusionRequest) -> ProveInclusionResponse;
            call prove_consistency(ProveConsistencyRequest) -> ProveConsistencyResponse;
            call list_reads(ListReadsRequest) -> ListReadsResponse;
            call request_erasure(RequestErasureRequest) -> RequestErasureResponse;
            call decide_erasure(DecideErasureRequest) -> DecideErasureResponse;
            stream export_bundle(ExportBundleRequest) -> ExportBundleResponse as ExportBundleStream;
        });
    };
}
