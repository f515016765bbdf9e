//! The request of every method: bytes to a message, and a message to valid types.
//!
//! What a service does beyond that, `calls` tries on a server.

use std::sync::LazyLock;

use prost::Message;
use qinlian::kernel::{Check, PersonId};
use qinlian::ledger::keys::Keys;
use qinlian::proto::*;
use qinlian::registers::approval::parse as approval;
use qinlian::registers::attendance::fact::Source;
use qinlian::registers::attendance::parse as attendance;
use qinlian::registers::derivation::preview::Overrides;
use qinlian::registers::directory::parse as directory;
use qinlian::registers::duty::parse as duty;
use qinlian::registers::inspection::parse as inspection;
use qinlian::registers::month::parse as month;
use qinlian::registers::roster::parse as roster;

use super::count_of;
use super::engine::{Food, Tally, feed};
use crate::edge::dynamic::message::{Maker, Names};
use crate::rigs::canary::fill::methods;
use crate::support::say_aloud;

/// What the wire format is made of, at its edges.
pub(super) const PIECES: &[&[u8]] = &[
    // The longest number, one that is longer, and one without an end.
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80],
    // Field 1 as a number, as 8 bytes, as a text, as the begin and the end of a group, as 4 bytes; wire types 6 and 7.
    &[0x08, 0x01],
    &[0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    &[0x0a, 0x01, b'a'],
    &[0x0b],
    &[0x0c],
    &[0x0d, 0, 0, 0x80, 0x7f],
    &[0x0e],
    &[0x0f],
    // Field 0, and the largest.
    &[0x00, 0x00],
    &[0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01],
    // A length that nobody sent, and the largest there is.
    &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    // A text that is no UTF-8, and one that is and should not be shown.
    &[0x0a, 0x02, 0xc3, 0x28],
    "\u{202e}".as_bytes(),
    "\0".as_bytes(),
];

fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new(&[1; 32], &[2; 32]));
    &KEYS
}

/// Decodes, and what was decoded is the same when it comes back; then parses, and every complaint is whole.
fn read<M: Message + Default + Clone + PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    parse: impl Fn(&mut Check, M) -> bool,
) -> bool {
    let Ok(message) = M::decode(bytes) else { return false };
    let again = message.encode_to_vec();
    assert_eq!(M::decode(again.as_slice()).as_ref(), Ok(&message), "what is written is read");
    let mut check = Check::new();
    let parsed = parse(&mut check, message);
    if let Err(violations) = check.done() {
        for violation in violations.0 {
            let said = (&violation.said.zh, &violation.said.en);
            assert!(!violation.field.is_empty() && !said.0.is_empty() && said.1.is_ascii(), "{said:?}");
        }
    } else {
        assert!(parsed, "nothing is wrong, and nothing came of it");
    }
    true
}

macro_rules! requests {
    ($($request:ident: $parse:expr;)*) => {
        /// Every request by its name, and how it is read.
        const REQUESTS: &[(&str, fn(&[u8]) -> bool)] =
            &[$((stringify!($request), |bytes| read::<$request>(bytes, $parse)),)*];
    };
}

requests! {
    PutCentreRequest: |c, r| directory::centre(c, r.centre_record).is_some();
    GetCentreRequest: |_, _| true;
    ListCentresRequest: |_, _| true;
    RetireCentreRequest: |_, _| true;
    PutDepartmentRequest: |c, r| directory::department(c, r.department).is_some();
    GetDepartmentRequest: |_, _| true;
    ListDepartmentsRequest: |_, _| true;
    RetireDepartmentRequest: |_, _| true;
    PutPersonRequest: |c, r| directory::person(c, "person", r.person).is_some();
    GetPersonRequest: |_, _| true;
    ListPeopleRequest: |_, _| true;
    RetirePersonRequest: |_, _| true;
    BatchPutPeopleRequest: |c, r| r.people.into_iter().all(|each| directory::person(c, "person", each.person).is_some());
    PutAssignmentRequest: |c, r| directory::assignment(c, &r.centre, r.assignment).is_some();
    GetAssignmentRequest: |_, _| true;
    ListAssignmentsRequest: |_, _| true;
    RetireAssignmentRequest: |_, _| true;
    PutWindowRequest: |c, r| directory::window(c, r.window).is_some();
    GetWindowRequest: |_, _| true;
    ListWindowsRequest: |_, _| true;
    RetireWindowRequest: |_, _| true;
    PutServiceItemRequest: |c, r| directory::service_item(c, r.service_item).is_some();
    GetServiceItemRequest: |_, _| true;
    ListServiceItemsRequest: |_, _| true;
    RetireServiceItemRequest: |_, _| true;
    PutDeviceRequest: |c, r| directory::device(c, r.device).is_some();
    GetDeviceRequest: |_, _| true;
    ListDevicesRequest: |_, _| true;
    RetireDeviceRequest: |_, _| true;
    CreateEnrolmentCodeRequest: |_, _| true;
    EnrolDeviceRequest: |c, r| directory::key(c, "public_key", &r.public_key).is_some();
    RotateDeviceKeyRequest: |c, r| directory::key(c, "public_key", &r.public_key).is_some();
    RevokeDeviceRequest: |_, _| true;
    ReplaceDeviceRequest: |_, _| true;
    GetDeviceChallengeRequest: |_, _| true;
    GetDeviceTokenRequest: |_, _| true;
    GetTerminalConfigRequest: |_, _| true;
    PutCredentialBindingRequest: |c, r| directory::credential_binding(c, keys(), r.credential_binding).is_some();
    GetCredentialBindingRequest: |_, _| true;
    ListCredentialBindingsRequest: |_, _| true;
    RetireCredentialBindingRequest: |_, _| true;
    GrantRoleRequest: |c, r| directory::role_grant(c, r.role_grant).is_some();
    RevokeRoleRequest: |_, _| true;
    GetRoleGrantRequest: |_, _| true;
    ListRoleGrantsRequest: |_, _| true;
    RecordPunchRequest: |c, r| attendance::punch(c, keys(), "punch", Source::Live, Some(&r.request_id), r.punch).is_some();
    UploadPunchesRequest: |c, r| r.punches.into_iter().all(|each| attendance::punch(c, keys(), "punch", Source::Upload, None, Some(each)).is_some());
    ReportDeviceRequest: |c, r| attendance::boot_id(c, "boot_id", &r.boot_id).is_some();
    ReportDeviceOutageRequest: |_, _| true;
    EndDeviceOutageRequest: |_, _| true;
    DeclareJournalLostRequest: |c, r| attendance::journal_loss(c, &r).is_some();
    CountersignJournalLostRequest: |_, _| true;
    DeclareCoverageRequest: |c, r| attendance::declared_coverage(c, &r).is_some();
    ListPunchesRequest: |_, _| true;
    ListPunchesSinceRequest: |_, _| true;
    ListPresenceSinceRequest: |_, _| true;
    ListDeviceStatesSinceRequest: |_, _| true;
    GetDayRequest: |_, _| true;
    ListDaysRequest: |_, _| true;
    ListCoverageBlockersRequest: |_, _| true;
    ListDayResultsSinceRequest: |_, _| true;
    WatchDayResultsRequest: |_, _| true;
    RequestLeaveRequest: |c, r| approval::leave(c, r.leave, None).is_some();
    DecideLeaveRequest: |c, r| approval::decision(c, r.decision, &r.reason).is_some();
    RecordLeaveRequest: recorded_leave;
    ReportReturnRequest: |_, _| true;
    WithdrawLeaveRequest: |_, _| true;
    ListLeavesRequest: |_, _| true;
    RequestCorrectionRequest: |c, r| correction(c, &r);
    DecideCorrectionRequest: |c, r| approval::decision(c, r.decision, &r.reason).is_some();
    WithdrawCorrectionRequest: |_, _| true;
    ListCorrectionsRequest: |_, _| true;
    RecordManualRollRequest: |c, r| approval::manual_roll(c, r.roll, &r.reason).is_some();
    CountersignManualRollRequest: |c, r| approval::decision(c, r.decision, &r.reason).is_some();
    ListMyTasksRequest: |_, _| true;
    ListMonthSummariesRequest: |c, r| month::period(c, r.from.as_ref(), r.until.as_ref()).is_some();
    GetMonthReadinessRequest: |c, r| month::period(c, r.from.as_ref(), r.until.as_ref()).is_some();
    ConfirmMonthRequest: |c, r| month::digest(c, &r.digest).is_some();
    LockMonthRequest: |c, r| month::exceptions(c, &r.exceptions).is_some();
    ListAdjustmentsRequest: |_, _| true;
    ConfirmPullRequest: |c, r| month::digest(c, &r.digest).is_some();
    PreviewDaysRequest: |c, r| Overrides::parse(c, r.values, r.calendars).is_some();
    PutDelegationRequest: |c, r| approval::delegation(c, r.delegation, None).is_some();
    PutShiftRequest: |c, r| roster::shift(c, r.shift).is_some();
    ListShiftsRequest: |_, _| true;
    PutRosterRequest: |c, r| roster::roster(c, &r).is_some();
    ListRosterRequest: |_, _| true;
    PutCalendarYearRequest: |c, r| roster::calendar_year(c, "calendar", r.calendar).is_some();
    ListCalendarYearsRequest: |_, _| true;
    PutCentreDaysRequest: |c, r| roster::centre_days(c, r.days).is_some();
    ListCentreDaysRequest: |_, _| true;
    ProposePolicyRequest: |c, r| roster::policy(c, r.policy).is_some();
    ApprovePolicyRequest: |_, _| true;
    GetPolicyRequest: |_, _| true;
    OpenWindowRequest: |c, r| stood(c, r.stamp, r.presented);
    CloseWindowRequest: |c, r| stood(c, r.stamp, r.presented);
    HandOverWindowRequest: |c, r| stood(c, r.stamp, r.presented);
    SuggestGuidanceRequest: |_, _| true;
    StartPauseRequest: started;
    ExtendPauseRequest: |c, r| stood(c, r.stamp, r.presented);
    EndPauseRequest: |c, r| duty::end_mode(c, "end_mode", r.end_mode).is_some();
    DecidePauseRequest: |_, _| true;
    CoverWindowRequest: |c, r| duty::opt_person(c, "by", &r.by).is_some();
    UploadDutyEventsRequest: |c, r| r.events.into_iter().all(|each| duty::event(c, keys(), each).is_some());
    ReportQueueRequest: |c, r| duty::queue(c, &r).is_some();
    GetBoardRequest: |_, _| true;
    WatchBoardRequest: |_, _| true;
    GetHallRequest: |_, _| true;
    WatchHallRequest: |_, _| true;
    GetWindowAtRequest: |_, _| true;
    GetDutyReportRequest: |_, _| true;
    ListPauseResultsSinceRequest: |_, _| true;
    ListPausesRequest: |_, _| true;
    RecordInspectionRequest: |c, r| inspection::found(c, &r).is_some();
    RespondToInspectionRequest: |c, r| inspection::reply(c, &r).is_some();
    DecideInspectionRequest: |c, r| inspection::decision(c, &r).is_some();
    ListInspectionsRequest: |_, _| true;
    GetInspectionRequest: |_, _| true;
    ListClausesRequest: |_, _| true;
    RequestSwapRequest: |c, r| approval::swap(c, &r, None).is_some();
    AcceptSwapRequest: |c, r| approval::decision(c, r.decision, &r.reason).is_some();
    DecideSwapRequest: |c, r| approval::decision(c, r.decision, &r.reason).is_some();
    WithdrawSwapRequest: |_, _| true;
    ListSwapsRequest: |_, _| true;
    GetCheckpointRequest: |_, _| true;
    GetReceiptRequest: |_, _| true;
    GetEntryRequest: |_, _| true;
    ListEntriesRequest: |_, _| true;
    ProveInclusionRequest: |_, _| true;
    ProveConsistencyRequest: |_, _| true;
    ExportBundleRequest: |_, _| true;
    ListReadsRequest: |_, _| true;
    RequestErasureRequest: |_, _| true;
    DecideErasureRequest: |_, _| true;
}

fn stood(check: &mut Check, stamp: Option<DeviceStamp>, presented: Option<Presented>) -> bool {
    duty::stood(check, keys(), "", stamp, presented).is_some()
}

fn started(check: &mut Check, request: StartPauseRequest) -> bool {
    let asked = duty::Asked {
        path: "",
        subject: request.subject,
        reason: request.reason,
        expected_return_at: request.expected_return_at,
        sign_displayed: request.sign_displayed,
        sign_mode: request.sign_mode,
        guidance: request.guidance,
        leave_anyway: request.leave_anyway,
    };
    let start = duty::start(check, asked).is_some();
    stood(check, request.stamp, request.presented) && start
}

fn recorded_leave(check: &mut Check, request: RecordLeaveRequest) -> bool {
    let given = approval::Recorded {
        person_id: &request.person_id,
        kind: request.kind,
        from: request.from.as_ref(),
        until: request.until.as_ref(),
        external: request.external_approval,
    };
    approval::recorded_leave(check, given).is_some()
}

fn correction(check: &mut Check, request: &RequestCorrectionRequest) -> bool {
    let items = approval::corrections(check, &request.corrections, request.outage, None);
    let asked = (items, request.outage);
    approval::correction_request(check, asked, &request.explanation, &request.evidence_digest).is_some()
}

/// Good requests of a method.
pub(super) fn good(maker: &mut Maker, method: &prost_reflect::MethodDescriptor) -> Vec<Vec<u8>> {
    let names = |reveal| Names {
        centre: "hall".to_owned(),
        person: PersonId::mint([7; 16]).to_string(),
        department: "dep-a".to_owned(),
        device: "t0".to_owned(),
        reveal,
    };
    [true, false].map(|reveal| maker.request(method, &names(reveal))).to_vec()
}

#[test]
fn requests_are_read_without_a_panic() {
    let mut maker = Maker::new(21);
    let methods = methods();
    let each = count_of("requests") / methods.len();
    let mut all = Tally::default();
    for method in methods {
        let name = method.input().name().to_owned();
        let (_, read) = REQUESTS.iter().find(|(request, _)| *request == name).expect(&name);
        let food = Food { name: "requests", good: good(&mut maker, &method), pieces: PIECES, most: 2 };
        let tally = feed(&food, each, read);
        assert!(tally.read > 0 && tally.refused > 0, "{name}: {tally:?}");
        all.read += tally.read;
        all.refused += tally.refused;
    }
    say_aloud(&format!("requests: {} read, {} refused, no panic", all.read, all.refused));
}

#[test]
fn no_request_is_forgotten() {
    let mut wanted: Vec<_> = methods().iter().map(|method| method.input().name().to_owned()).collect();
    let mut here: Vec<_> = REQUESTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    wanted.sort();
    here.sort();
    assert_eq!(here, wanted);
}
