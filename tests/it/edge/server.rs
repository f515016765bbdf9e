//! A real server on a real port, with calls that are doubles: what a caller meets before any register does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderValue;
use qinlian::access::{Algorithm, Caller, IssuerSettings, LocalIssuer, Rules, SupportKey, Verifier};
use qinlian::clock::{Clock, MockClock};
use qinlian::config::Limits;
use qinlian::edge::{Edge, Figures, ServeError, Services, serve};
use qinlian::kernel::{CentreId, DeviceId, EpochMs, Subject};
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::audit_service_client::AuditServiceClient;
use qinlian::proto::{self, RecordPunchRequest, RecordPunchResponse, Role};
use qinlian::registers::failure::Failure;
use qinlian::telemetry::LogFormat;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1 as reflection;
use tonic_types::StatusExt as _;

use super::pass::{Table, grant};
use crate::support::lines::Lines;

/// The origin of the pages that may call.
pub(super) const BOARD: &str = "https://board.example";
pub(super) const NOW: EpochMs = EpochMs::clamped(1_793_579_400_000);
pub(super) const TERMINAL: &str = "device:hall-1";

/// Methods that these tests do not call.
macro_rules! absent {
    ($($name:ident($request:ident) -> $response:ident;)*) => {
        $(
            async fn $name(&self, _: &Caller, _: proto::$request) -> Result<proto::$response, Failure> {
                Err(Failure::NotFound("double"))
            }
        )*
    };
}

pub(super) struct FakeAttendance {
    pub(super) grants: Table,
    pub(super) clock: Arc<MockClock>,
}

impl FakeAttendance {
    async fn record_punch(
        &self,
        caller: &Caller,
        request: RecordPunchRequest,
    ) -> Result<RecordPunchResponse, Failure> {
        let punch = request.punch.unwrap_or_default();
        match &*punch.device_label {
            "panic" => panic!("the handler was asked to"),
            "fault" => return Err(Failure::Fault("DOUBLE")),
            "hang" => std::future::pending::<()>().await,
            _ => {}
        }
        let centre = CentreId::parse(&request.centre).map_err(|_| Failure::NotFound("centre"))?;
        let pass = caller.pass(&self.grants, self.clock.now(), &centre).await?;
        let device = punch.stamp.map(|stamp| stamp.device).unwrap_or_default();
        pass.device(&DeviceId::parse(&device).map_err(|_| Failure::NotFound("device"))?)?;
        Ok(RecordPunchResponse { contiguous_through: 7, ..Default::default() })
    }

    async fn upload_punches(
        &self,
        _: &Caller,
        request: proto::UploadPunchesRequest,
    ) -> Result<proto::UploadPunchesResponse, Failure> {
        let bytes = prost::Message::encoded_len(&request) as u64;
        Ok(proto::UploadPunchesResponse { contiguous_through: bytes, ..Default::default() })
    }

    absent! {
        report_device(ReportDeviceRequest) -> ReportDeviceResponse;
        report_device_outage(ReportDeviceOutageRequest) -> ReportDeviceOutageResponse;
        end_device_outage(EndDeviceOutageRequest) -> EndDeviceOutageResponse;
        declare_journal_lost(DeclareJournalLostRequest) -> DeclareJournalLostResponse;
        countersign_journal_lost(CountersignJournalLostRequest) -> CountersignJournalLostResponse;
        declare_coverage(DeclareCoverageRequest) -> DeclareCoverageResponse;
        list_punches(ListPunchesRequest) -> ListPunchesResponse;
        list_punches_since(ListPunchesSinceRequest) -> ListPunchesSinceResponse;
        list_presence_since(ListPresenceSinceRequest) -> ListPresenceSinceResponse;
        list_device_states_since(ListDeviceStatesSinceRequest) -> ListDeviceStatesSinceResponse;
        get_day(GetDayRequest) -> GetDayResponse;
        list_days(ListDaysRequest) -> ListDaysResponse;
        list_coverage_blockers(ListCoverageBlockersRequest) -> ListCoverageBlockersResponse;
        list_day_results_since(ListDayResultsSinceRequest) -> DayResults;
        request_leave(RequestLeaveRequest) -> RequestLeaveResponse;
        decide_leave(DecideLeaveRequest) -> DecideLeaveResponse;
        record_leave(RecordLeaveRequest) -> RecordLeaveResponse;
        report_return(ReportReturnRequest) -> ReportReturnResponse;
        withdraw_leave(WithdrawLeaveRequest) -> WithdrawLeaveResponse;
        list_leaves(ListLeavesRequest) -> ListLeavesResponse;
        request_correction(RequestCorrectionRequest) -> RequestCorrectionResponse;
        decide_correction(DecideCorrectionRequest) -> DecideCorrectionResponse;
        withdraw_correction(WithdrawCorrectionRequest) -> WithdrawCorrectionResponse;
        list_corrections(ListCorrectionsRequest) -> ListCorrectionsResponse;
        record_manual_roll(RecordManualRollRequest) -> RecordManualRollResponse;
        countersign_manual_roll(CountersignManualRollRequest) -> CountersignManualRollResponse;
        list_my_tasks(ListMyTasksRequest) -> ListMyTasksResponse;
        put_delegation(PutDelegationRequest) -> PutDelegationResponse;
        list_month_summaries(ListMonthSummariesRequest) -> ListMonthSummariesResponse;
        get_month_readiness(GetMonthReadinessRequest) -> GetMonthReadinessResponse;
        confirm_month(ConfirmMonthRequest) -> ConfirmMonthResponse;
        lock_month(LockMonthRequest) -> LockMonthResponse;
        list_adjustments(ListAdjustmentsRequest) -> ListAdjustmentsResponse;
        confirm_pull(ConfirmPullRequest) -> ConfirmPullResponse;
        preview_days(PreviewDaysRequest) -> PreviewDaysResponse;
    }

    async fn watch_day_results(
        &self,
        _: &Caller,
        _: proto::WatchDayResultsRequest,
    ) -> Result<stream::Empty<Result<proto::DayResults, Failure>>, Failure> {
        Err(Failure::NotFound("double"))
    }
}

qinlian::attendance_calls!(FakeAttendance);

struct FakeAudit;

impl FakeAudit {
    async fn export_bundle(
        &self,
        _: &Caller,
        request: proto::ExportBundleRequest,
    ) -> Result<impl Stream<Item = Result<proto::ExportBundleResponse, Failure>> + Send + 'static, Failure>
    {
        if request.centre == "closed" {
            return Err(Failure::Overloaded);
        }
        let file = |path: &str| Ok(proto::ExportBundleResponse { path: path.to_owned(), chunk: vec![1] });
        Ok(stream::iter([file("a"), file("b"), Err(Failure::Unavailable("STORE"))]))
    }

    absent! {
        get_checkpoint(GetCheckpointRequest) -> GetCheckpointResponse;
        get_receipt(GetReceiptRequest) -> GetReceiptResponse;
        get_entry(GetEntryRequest) -> GetEntryResponse;
        list_entries(ListEntriesRequest) -> ListEntriesResponse;
        prove_inclusion(ProveInclusionRequest) -> ProveInclusionResponse;
        prove_consistency(ProveConsistencyRequest) -> ProveConsistencyResponse;
        list_reads(ListReadsRequest) -> ListReadsResponse;
        request_erasure(RequestErasureRequest) -> RequestErasureResponse;
        decide_erasure(DecideErasureRequest) -> DecideErasureResponse;
    }
}

qinlian::audit_calls!(FakeAudit);

/// A running server, and a way to ask it.
pub(super) struct Hall {
    _dir: tempfile::TempDir,
    pub(super) address: std::net::SocketAddr,
    pub(super) channel: Channel,
    local: LocalIssuer,
    pub(super) figures: Arc<Figures>,
    ready: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<(), ServeError>>,
}

pub(super) fn edge(dir: &std::path::Path, clock: &Arc<MockClock>) -> (Edge, LocalIssuer) {
    let local = LocalIssuer::new(&[3; 32], "test/tokens", "qinlian");
    let jwks_file = dir.join("token.jwks");
    local.write_jwks(&jwks_file).unwrap();
    let issuer = IssuerSettings {
        issuer: "test/tokens".to_owned(),
        audience: "qinlian".to_owned(),
        algorithm: Algorithm::EdDsa,
        jwks_file,
        jwks_url: None,
        jwks_ca: None,
        subjects: Vec::new(),
    };
    let clock: Arc<dyn Clock> = Arc::<MockClock>::clone(clock);
    let rules = Rules::ours().unwrap();
    let edge = Edge {
        figures: Arc::new(Figures::new(&rules)),
        rules,
        support_key: Arc::new(SupportKey::new([5; 32])),
        verifier: Arc::new(Verifier::new(&[issuer], 3600, Arc::clone(&clock)).unwrap()),
        clock,
        limits: Limits { notice_ms: 1_000, shutdown_ms: 300, ..Limits::default() },
        reflection: true,
        tls: None,
        insecure: false,
        web_origins: vec![HeaderValue::from_static(BOARD)],
    };
    (edge, local)
}

impl Hall {
    pub(super) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// With other limits.
    pub(super) async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        Self::begin(|edge| change(&mut edge.limits)).await
    }

    /// That believes somebody else's issuers.
    pub(super) async fn believing(verifier: Arc<Verifier>) -> Self {
        Self::begin(|edge| edge.verifier = verifier).await
    }

    async fn begin(change: impl FnOnce(&mut Edge)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(MockClock::new(NOW, 1));
        let (mut edge, local) = edge(dir.path(), &clock);
        change(&mut edge);
        let figures = Arc::clone(&edge.figures);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let grants = Table(Some(vec![grant("hall", TERMINAL, Role::Terminal)]));
        let services = Services::new(&edge.limits)
            .attendance(&Arc::new(FakeAttendance { grants, clock }))
            .audit(&Arc::new(FakeAudit));
        let ready = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&ready);
        let (stop, stopped) = oneshot::channel();
        let server =
            tokio::spawn(serve(edge, listener, services, move || asked.load(Ordering::SeqCst), async {
                stopped.await.unwrap_or_default();
            }));
        let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
        Self { _dir: dir, address, channel, local, figures, ready, stop: Some(stop), server }
    }

    pub(super) fn token(&self, subject: &str) -> String {
        format!("Bearer {}", self.local.token(&Subject::parse(subject).unwrap(), NOW, 900))
    }

    fn attendance(&self) -> AttendanceServiceClient<Channel> {
        AttendanceServiceClient::new(self.channel.clone())
    }

    /// A punch of the terminal `hall-1` with a label, under these authorization headers.
    pub(super) async fn punch(&self, authorization: &[&str], label: &str) -> Result<u64, Status> {
        let mut request = Request::new(punch_at("hall", label));
        for value in authorization {
            request.metadata_mut().append("authorization", value.parse().unwrap());
        }
        self.attendance().record_punch(request).await.map(|r| r.into_inner().contiguous_through)
    }

    async fn health(&self, service: &str) -> ServingStatus {
        let request = HealthCheckRequest { service: service.to_owned() };
        HealthClient::new(self.channel.clone()).check(request).await.unwrap().into_inner().status()
    }

    /// Waits until health says so; the server looks twice a second.
    async fn becomes(&self, expected: ServingStatus) {
        let turned = async {
            while self.health("").await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), turned).await.expect("health turns");
    }
}

pub(super) fn punch_at(centre: &str, label: &str) -> RecordPunchRequest {
    RecordPunchRequest {
        centre: centre.to_owned(),
        punch: Some(proto::Punch {
            stamp: Some(proto::DeviceStamp { device: "hall-1".to_owned(), ..Default::default() }),
            device_label: label.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The token with another character in its signature.
pub(super) fn forged(token: &str) -> String {
    let (before, after) = token.split_at(token.len() - 40);
    let other = if after.starts_with('A') { "B" } else { "A" };
    format!("{before}{other}{}", &after[1..])
}

pub(super) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_call_needs_exactly_one_good_token() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    let forged = forged(&good);
    let old = LocalIssuer::new(&[3; 32], "test/tokens", "qinlian").token(
        &Subject::parse(TERMINAL).unwrap(),
        NOW.plus_ms(-3_600_000),
        60,
    );
    let old = format!("Bearer {old}");
    let folded = format!("{good}, {good}");
    for (name, authorization, expected) in [
        ("a good one", vec![&*good], None),
        ("none", vec![], Some("TOKEN_MISSING")),
        ("another scheme", vec!["Basic cm9vdDpyb290"], Some("TOKEN_MISSING")),
        ("an empty one", vec!["Bearer "], Some("TOKEN_MISSING")),
        ("two", vec![&good, &good], Some("TOKEN_REPEATED")),
        ("two in one line", vec![&folded], Some("TOKEN_REPEATED")),
        ("rubbish", vec!["Bearer x"], Some("TOKEN_INVALID")),
        ("a forged signature", vec![&forged], Some("TOKEN_INVALID")),
        ("one that was good", vec![&old], Some("TOKEN_EXPIRED")),
        ("a good one again", vec![&good], None),
    ] {
        let answer = hall.punch(&authorization, "").await;
        match expected {
            None => assert_eq!(answer.unwrap(), 7, "{name}"),
            Some(expected) => {
                let status = answer.unwrap_err();
                assert_eq!((status.code(), &*reason(&status)), (Code::Unauthenticated, expected), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn somebody_known_who_may_not_is_denied_the_same_way_whether_the_thing_exists_or_not() {
    let hall = Hall::open().await;
    let other = hall.token("device:hall-2");
    let mut ids = Vec::new();
    for centre in ["hall", "nowhere"] {
        let mut request = Request::new(punch_at(centre, ""));
        request.metadata_mut().insert("authorization", other.parse().unwrap());
        request.metadata_mut().insert("accept-language", "en".parse().unwrap());
        let status = hall.attendance().record_punch(request).await.unwrap_err();
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        ids.push(info.metadata.get("support_id").unwrap().clone());
        assert_eq!(
            (status.code(), &*info.reason, info.metadata.len()),
            (Code::PermissionDenied, "DENIED", 1)
        );
        assert_eq!(details.localized_message().unwrap().locale, "en");
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn strangers_cannot_make_the_server_read_what_they_send() {
    let hall = Hall::open().await;
    let label = "x".repeat(70 * 1024);
    let status = hall.punch(&[], &label).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_MISSING");
    // The control: with a token the same message is looked at, and is too large.
    let status = hall.punch(&[&hall.token(TERMINAL)], &label).await.unwrap_err();
    assert_eq!((status.code(), &*reason(&status)), (Code::ResourceExhausted, "TOO_LARGE"));
}

#[tokio::test]
async fn an_upload_may_carry_a_mebibyte_and_a_single_call_64_kib() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    assert_eq!(hall.punch(&[&good], &"x".repeat(60 * 1024)).await.unwrap(), 7);
    let upload = async |bytes: usize| {
        let punch = proto::Punch { device_label: "x".repeat(1024), ..Default::default() };
        let request =
            proto::UploadPunchesRequest { punches: vec![punch; bytes / 1024], ..Default::default() };
        let mut request = Request::new(request);
        request.metadata_mut().insert("authorization", good.parse().unwrap());
        hall.attendance().upload_punches(request).await.map(|r| r.into_inner().contiguous_through)
    };
    assert!(upload(1024 * 1024).await.unwrap() >= 1024 * 1024);
    let status = upload(1200 * 1024).await.unwrap_err();
    assert_eq!((status.code(), &*reason(&status)), (Code::ResourceExhausted, "TOO_LARGE"));
}

/// Calls a path with a message of any type.
async fn call_path(hall: &Hall, path: &'static str, authorization: Option<&str>) -> Status {
    let mut request = Request::new(proto::Date { year: 2026, month: 11, day: 2 });
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().unwrap());
    }
    let mut grpc = tonic::client::Grpc::new(hall.channel.clone());
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<proto::Date, proto::Date>::default();
    grpc.unary(request, http::uri::PathAndQuery::from_static(path), codec).await.unwrap_err()
}

#[tokio::test]
async fn a_message_that_does_not_decode_is_the_callers_fault_and_a_method_that_is_not_there_is_nobodys() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    let punch = "/qinlian.v1.AttendanceService/RecordPunch";
    for (path, authorization, code, expected) in [
        (punch, Some(&*good), Code::InvalidArgument, "MALFORMED"),
        (punch, None, Code::Unauthenticated, "TOKEN_MISSING"),
        ("/qinlian.v1.AttendanceService/DropEverything", Some(&*good), Code::Unimplemented, "NO_SUCH_METHOD"),
        ("/qinlian.v1.AttendanceService/DropEverything", None, Code::Unimplemented, "NO_SUCH_METHOD"),
        ("/qinlian.v1.DirectoryService/GetCentre", Some(&*good), Code::Unimplemented, ""),
        ("/no.such.Service/Call", None, Code::Unimplemented, ""),
    ] {
        let status = call_path(&hall, path, authorization).await;
        assert_eq!((status.code(), &*reason(&status)), (code, expected), "{path}");
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_is_an_internal_fault_and_the_server_lives_on() {
    let hall = Hall::open().await;
    let good = hall.token(TERMINAL);
    for _ in 0..3 {
        let status = hall.punch(&[&good], "panic").await.unwrap_err();
        assert_eq!((status.code(), &*reason(&status)), (Code::Internal, "PANIC"));
        assert!(!status.message().contains("asked"), "the panic's words stay inside");
        assert_eq!(hall.punch(&[&good], "").await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_harmless_request_id_comes_back_and_another_is_replaced() {
    let hall = Hall::open().await;
    for (sent, kept) in [(Some("terminal-7-0001"), true), (Some("a\"b"), false), (None, false)] {
        let mut request = Request::new(punch_at("hall", ""));
        request.metadata_mut().insert("authorization", hall.token(TERMINAL).parse().unwrap());
        if let Some(id) = sent {
            request.metadata_mut().insert("x-request-id", id.parse().unwrap());
        }
        let answer = hall.attendance().record_punch(request).await.unwrap();
        let id = answer.metadata().get("x-request-id").unwrap().to_str().unwrap();
        assert_eq!(Some(id) == sent, kept, "{sent:?} became {id:?}");
        assert!(kept || id.len() == 32, "{id:?}");
    }
}

#[tokio::test]
async fn a_stream_gives_what_it_has_and_then_says_why_it_ended() {
    let hall = Hall::open().await;
    let ask = async |centre: &str| {
        let mut request =
            Request::new(proto::ExportBundleRequest { centre: centre.to_owned(), reveal: None });
        request.metadata_mut().insert("authorization", hall.token("system:auditor").parse().unwrap());
        AuditServiceClient::new(hall.channel.clone()).export_bundle(request).await
    };
    let answers: Vec<_> = ask("hall").await.unwrap().into_inner().collect().await;
    let paths: Vec<_> = answers.iter().filter_map(|a| a.as_ref().ok()).map(|a| a.path.as_str()).collect();
    let end = answers.last().unwrap().as_ref().unwrap_err();
    assert_eq!((paths, end.code(), &*reason(end)), (vec!["a", "b"], Code::Unavailable, "STORE"));
    let refused = ask("closed").await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::ResourceExhausted, "OVERLOADED"));
}

#[tokio::test]
async fn health_follows_readiness_for_the_server_and_every_service() {
    let hall = Hall::open().await;
    hall.becomes(ServingStatus::Serving).await;
    for service in ["qinlian.v1.AttendanceService", "qinlian.v1.AuditService"] {
        assert_eq!(hall.health(service).await, ServingStatus::Serving, "{service}");
    }
    hall.ready.store(false, Ordering::SeqCst);
    hall.becomes(ServingStatus::NotServing).await;
    assert_eq!(hall.health("qinlian.v1.AuditService").await, ServingStatus::NotServing);
    hall.ready.store(true, Ordering::SeqCst);
    hall.becomes(ServingStatus::Serving).await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_in_health_first_and_does_not_wait_for_watchers_for_ever() {
    let mut hall = Hall::open().await;
    hall.becomes(ServingStatus::Serving).await;
    let watch = HealthCheckRequest { service: String::new() };
    let mut seen = HealthClient::new(hall.channel.clone()).watch(watch).await.unwrap().into_inner();
    assert_eq!(seen.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    hall.stop.take().unwrap().send(()).unwrap();
    assert_eq!(seen.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let ended = tokio::time::timeout(Duration::from_secs(5), &mut hall.server).await.expect("it ends");
    assert!(ended.unwrap().is_ok());
}

#[tokio::test]
async fn a_server_that_stops_takes_calls_until_the_notice_is_over_and_answers_those_that_run() {
    let mut hall = Hall::open().await;
    hall.becomes(ServingStatus::Serving).await;
    hall.stop.take().unwrap().send(()).unwrap();
    hall.becomes(ServingStatus::NotServing).await;
    let good = hall.token(TERMINAL);
    // Whoever has not noticed yet is still served.
    assert_eq!(hall.punch(&[&good], "").await.unwrap(), 7);
    let ended = tokio::time::timeout(Duration::from_secs(30), &mut hall.server).await.expect("it ends");
    assert!(ended.unwrap().is_ok());
    assert!(hall.punch(&[&good], "").await.is_err());
}

/// Asks reflection one thing.
async fn reflect(hall: &Hall, ask: reflection::server_reflection_request::MessageRequest) -> Vec<Vec<u8>> {
    use reflection::server_reflection_response::MessageResponse;
    let request = reflection::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
    let mut client = reflection::server_reflection_client::ServerReflectionClient::new(hall.channel.clone());
    let mut answers = client.server_reflection_info(stream::iter([request])).await.unwrap().into_inner();
    match answers.next().await.unwrap().unwrap().message_response.unwrap() {
        MessageResponse::ListServicesResponse(list) => {
            list.service.into_iter().map(|service| service.name.into_bytes()).collect()
        }
        MessageResponse::FileDescriptorResponse(files) => files.file_descriptor_proto,
        MessageResponse::AllExtensionNumbersResponse(_) | MessageResponse::ErrorResponse(_) => Vec::new(),
    }
}

#[tokio::test]
async fn reflection_lists_the_services_and_shows_who_may_call() {
    use reflection::server_reflection_request::MessageRequest;
    let hall = Hall::open().await;
    let services = reflect(&hall, MessageRequest::ListServices(String::new())).await;
    for name in ["qinlian.v1.AttendanceService", "qinlian.v1.AuditService", "grpc.health.v1.Health"] {
        assert!(services.contains(&name.as_bytes().to_vec()), "{name}");
    }
    let symbol = MessageRequest::FileContainingSymbol("qinlian.v1.AttendanceService".to_owned());
    let files = reflect(&hall, symbol).await;
    // RecordPunch's option as it is on the wire: field 50731, then roles [TERMINAL], scope DEVICE, record NEVER.
    let mut option = Vec::new();
    prost::encoding::encode_key(50731, prost::encoding::WireType::LengthDelimited, &mut option);
    option.extend([7, 0x0a, 1, 6, 0x18, 4, 0x20, 1]);
    assert!(files.iter().any(|file| file.windows(option.len()).any(|window| window == option)));
}

#[tokio::test]
async fn a_refused_call_is_on_the_log_with_its_reason_and_without_its_token_or_its_caller() {
    let (lines, _kept) = Lines::keep(LogFormat::Json, "trace");
    let hall = Hall::open().await;
    let denied = hall.token("system:canary-caller");
    let forged = forged(&denied);
    let refused = hall.punch(&[&forged], "canary-label").await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_INVALID");
    let status = hall.punch(&[&denied], "canary-label").await.unwrap_err();
    let details = status.get_error_details();
    let support_id = details.error_info().unwrap().metadata.get("support_id").unwrap().clone();
    let log = lines.text();
    let line = |code: &str| log.lines().find(|line| line.contains(code)).unwrap_or_else(|| panic!("{code}"));
    assert!(line("TOKEN_REFUSED").contains("SIGNATURE"));
    assert!(line("ACCESS_DENIED").contains("NOT_A_DEVICE") && line("ACCESS_DENIED").contains(&support_id));
    let signature = denied.rsplit('.').next().unwrap();
    for secret in ["canary-caller", "canary-label", &signature[..20]] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{secret}: {lines:?}");
    }
}

#[tokio::test]
async fn plain_text_is_served_beyond_loopback_only_when_somebody_insists() {
    for insecure in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(MockClock::new(NOW, 1));
        let (edge, _) = edge(dir.path(), &clock);
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let services = Services::new(&edge.limits).audit(&Arc::new(FakeAudit));
        let stopped = serve(Edge { insecure, ..edge }, listener, services, || true, async {}).await;
        match (insecure, stopped) {
            (false, Err(ServeError::PlainText(address))) => assert!(!address.ip().is_loopback()),
            (true, Ok(())) => {}
            (insecure, other) => panic!("insecure: {insecure}, {other:?}"),
        }
    }
}
