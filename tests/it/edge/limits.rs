//! Callers that call too often, connections with too much at work, and calls that take too long: what each is told.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::Empty;
use qinlian::access::{Caller, LocalIssuer, Rules};
use qinlian::clock::{Clock, MockClock};
use qinlian::config::Limits;
use qinlian::edge::limit::{AtWork, Favour, Limiter};
use qinlian::edge::{Edge, ServeError, Services, serve};
use qinlian::kernel::Subject;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::{self, RecordPunchRequest, RecordPunchResponse};
use qinlian::registers::failure::Failure;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::server::{NOW, TERMINAL, edge, punch_at, reason};

/// Answers every punch; `held` waits until it is let go and says when it began, and `large` is told much.
#[derive(Default)]
pub(super) struct Slow {
    pub(super) began: Notify,
    pub(super) go_on: Notify,
}

impl Slow {
    async fn record_punch(
        &self,
        _: &Caller,
        request: RecordPunchRequest,
    ) -> Result<RecordPunchResponse, Failure> {
        let label = request.punch.unwrap_or_default().device_label;
        if label == "held" {
            self.began.notify_one();
            self.go_on.notified().await;
        }
        let flags = if label == "large" { vec![1; 2_000] } else { Vec::new() };
        Ok(RecordPunchResponse { contiguous_through: 7, flags, ..Default::default() })
    }
}

/// Methods that these tests do not call.
macro_rules! absent {
    ($($name:ident($request:ident) -> $response:ident;)*) => {
        impl Slow {
            $(
                async fn $name(&self, _: &Caller, _: proto::$request) -> Result<proto::$response, Failure> {
                    Err(Failure::NotFound("double"))
                }
            )*
        }
    };
}

absent! {
    upload_punches(UploadPunchesRequest) -> UploadPunchesResponse;
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

impl Slow {
    async fn watch_day_results(
        &self,
        _: &Caller,
        _: proto::WatchDayResultsRequest,
    ) -> Result<Empty<Result<proto::DayResults, Failure>>, Failure> {
        Err(Failure::NotFound("double"))
    }
}

qinlian::attendance_calls!(Slow);

pub(super) struct Rig {
    _dir: tempfile::TempDir,
    clock: Arc<MockClock>,
    pub(super) calls: Arc<Slow>,
    pub(super) address: std::net::SocketAddr,
    channel: Channel,
    local: LocalIssuer,
    stop: oneshot::Sender<()>,
    _server: JoinHandle<Result<(), ServeError>>,
}

impl Rig {
    pub(super) async fn open(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(MockClock::new(NOW, 1));
        let (edge, local) = edge(dir.path(), &clock);
        let edge = Edge { limits, ..edge };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let calls = Arc::new(Slow::default());
        let services = Services::new(&edge.limits).attendance(&calls);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(edge, listener, services, || true, async {
            stopped.await.unwrap_or_default();
        }));
        let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
        Self { _dir: dir, clock, calls, address, channel, local, stop, _server: server }
    }

    /// What a subject puts into `authorization`.
    pub(super) fn token(&self, subject: &str) -> String {
        format!("Bearer {}", self.local.token(&Subject::parse(subject).unwrap(), NOW, 900))
    }

    pub(super) fn punch(
        &self,
        subject: &str,
        label: &str,
    ) -> impl Future<Output = Result<u64, Status>> + Send + 'static {
        let mut request = Request::new(punch_at("hall", label));
        request.metadata_mut().insert("authorization", self.token(subject).parse().unwrap());
        let mut client = AttendanceServiceClient::new(self.channel.clone());
        async move { client.record_punch(request).await.map(|r| r.into_inner().contiguous_through) }
    }

    /// A call that is at work until it is let go.
    pub(super) async fn hold(&self) -> JoinHandle<Result<u64, Status>> {
        let mut held = tokio::spawn(self.punch(TERMINAL, "held"));
        tokio::select! {
            () = self.calls.began.notified() => held,
            ended = &mut held => panic!("it is not held: {ended:?}"),
        }
    }
}

fn figure(figure: u32) -> NonZeroU32 {
    NonZeroU32::new(figure).unwrap()
}

fn retry_ms(status: &Status) -> Option<u128> {
    status.get_error_details().retry_info()?.retry_delay.map(|delay| delay.as_millis())
}

#[tokio::test]
async fn a_subject_that_calls_too_often_is_told_how_long_to_wait_and_harms_nobody_else() {
    let limits = Limits { calls_per_second: figure(2), calls_burst: figure(3), ..Limits::default() };
    let rig = Rig::open(limits).await;
    for _ in 0..3 {
        assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7);
    }
    let refused = rig.punch(TERMINAL, &"x".repeat(70 * 1024)).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert_eq!(retry_ms(&refused), Some(500), "two a second: one comes back in half a second");
    assert_eq!(rig.punch("device:hall-2", "").await.unwrap(), 7, "another subject on the same connection");
    for _ in 0..10 {
        let asked = HealthCheckRequest { service: String::new() };
        HealthClient::new(rig.channel.clone()).check(asked).await.unwrap();
    }
    rig.clock.advance_ms(499);
    assert_eq!(retry_ms(&rig.punch(TERMINAL, "").await.unwrap_err()), Some(1));
    rig.clock.advance_ms(1);
    assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7, "who waits as told is answered");
}

#[test]
fn addresses_are_counted_by_host_and_by_ipv6_network_and_idle_callers_are_forgotten() {
    let clock = Arc::new(MockClock::new(NOW, 1));
    let shared: Arc<dyn Clock> = Arc::<MockClock>::clone(&clock);
    let limits =
        Limits { public_calls_per_second: figure(1), public_calls_burst: figure(1), ..Limits::default() };
    let limiter = Limiter::new(&limits, &shared);
    for (address, taken) in [
        ("10.0.0.1", true),
        ("10.0.0.1", false),
        ("::ffff:10.0.0.1", false),
        ("10.0.0.2", true),
        ("2001:db8::1", true),
        ("2001:db8::2", false),
        ("2001:db8:0:1::1", true),
    ] {
        let counted = limiter.address(address.parse::<IpAddr>().unwrap());
        assert_eq!(counted, if taken { Ok(()) } else { Err(Duration::from_secs(1)) }, "{address}");
    }
    for stranger in 0..5_000 {
        limiter.subject(&Subject::parse(&format!("system:s-{stranger}")).unwrap()).unwrap();
    }
    assert!(limiter.remembered() >= 5_000, "the control: within a moment all are remembered");
    clock.advance_ms(60_000);
    for _ in 0..2_000 {
        clock.advance_ms(10);
        limiter.subject(&Subject::parse("system:s-1").unwrap()).unwrap();
    }
    assert!(limiter.remembered() < 10, "{} callers are remembered", limiter.remembered());
}

#[tokio::test]
async fn a_connection_with_too_much_at_work_is_told_to_come_again_and_a_finished_call_makes_room() {
    let rig = Rig::open(Limits { calls_per_connection: 1, ..Limits::default() }).await;
    let held = rig.hold().await;
    let shed = rig.punch(TERMINAL, "").await.unwrap_err();
    assert_eq!((shed.code(), &*reason(&shed)), (Code::ResourceExhausted, "OVERLOADED"));
    assert_eq!(retry_ms(&shed), Some(1_000));
    rig.calls.go_on.notify_one();
    assert_eq!(held.await.unwrap().unwrap(), 7);
    assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7);
}

#[test]
fn calls_at_work_are_counted_for_each_connection() {
    let at_work = AtWork::new(&Limits { calls_per_connection: 2, ..Limits::default() });
    let begin = |peer| at_work.begin(peer, Favour::Terminals);
    let [one, two] = ["10.0.0.1:1", "10.0.0.1:2"].map(|peer| Some(peer.parse().unwrap()));
    let places = [begin(one), begin(one)];
    assert!(places.iter().all(Option::is_some));
    assert!(begin(one).is_none());
    assert!(begin(two).is_some());
    drop(places);
    assert!(begin(one).is_some());
}

#[test]
fn half_of_the_places_are_for_terminals_alone_and_health_needs_none() {
    let at_work = AtWork::new(&Limits { calls: 4, ..Limits::default() });
    let begin = |favour| at_work.begin(None, favour);
    let others = [begin(Favour::Others), begin(Favour::Others)];
    assert!(others.iter().all(Option::is_some));
    assert!(begin(Favour::Others).is_none(), "two of four");
    let terminals = [begin(Favour::Terminals), begin(Favour::Terminals)];
    assert!(terminals.iter().all(Option::is_some));
    assert!(begin(Favour::Terminals).is_none(), "four of four");
    let health = begin(Favour::Uncounted);
    assert!(health.is_some());
    drop(others);
    assert!(begin(Favour::Others).is_none(), "two are at work");
    drop(terminals);
    assert!(begin(Favour::Others).is_some());
}

#[test]
fn who_may_take_which_place_follows_from_the_methods_rule() {
    let rules = Rules::ours().unwrap();
    for (method, favour) in [
        ("/qinlian.v1.AttendanceService/RecordPunch", Favour::Terminals),
        ("/qinlian.v1.AttendanceService/UploadPunches", Favour::Terminals),
        ("/qinlian.v1.AttendanceService/ListPresenceSince", Favour::Others),
        ("/qinlian.v1.AuditService/ExportBundle", Favour::Others),
        ("/qinlian.v1.DirectoryService/GetDeviceToken", Favour::Others),
        ("/grpc.health.v1.Health/Check", Favour::Uncounted),
        ("/qinlian.v1.AttendanceService/NoSuchMethod", Favour::Others),
    ] {
        assert_eq!(Favour::of(rules.find(method).map(|rule| &**rule)), favour, "{method}");
    }
}

#[tokio::test]
async fn an_answer_that_is_larger_than_it_may_be_is_said_to_be() {
    for (answer_bytes, told) in [(1_024, Some("ANSWER_TOO_LARGE")), (4_096, None)] {
        let rig = Rig::open(Limits { answer_bytes, ..Limits::default() }).await;
        let told_of = rig.punch(TERMINAL, "large").await.err().map(|status| {
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert!(status.get_error_details().retry_info().is_none(), "the same would be as large again");
            reason(&status)
        });
        assert_eq!(told_of.as_deref(), told, "{answer_bytes}");
        assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7, "the connection serves on");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_in_doubt_and_may_be_sent_again() {
    let rig = Rig::open(Limits { call_timeout_ms: 30, ..Limits::default() }).await;
    let given_up = rig.punch(TERMINAL, "held").await.unwrap_err();
    assert_eq!((given_up.code(), &*reason(&given_up)), (Code::Aborted, "IN_DOUBT"));
    assert_eq!(retry_ms(&given_up), Some(2_000));
    assert_eq!(rig.punch(TERMINAL, "").await.unwrap(), 7, "the connection serves on");
}

/// A punch over gRPC-web and HTTP/1.1, by hand: a library's client would end the call by its own timer.
async fn punch_by_hand(rig: &Rig, label: &str, header: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let message = prost::Message::encode_to_vec(&punch_at("hall", label));
    let token = rig.token(TERMINAL);
    let mut sent = format!(
        "POST /qinlian.v1.AttendanceService/RecordPunch HTTP/1.1\r\nhost: hall\r\nconnection: close\r\n\
         content-type: application/grpc-web+proto\r\nauthorization: {token}\r\n\
         {header}\r\ncontent-length: {}\r\n\r\n\0",
        message.len() + 5
    )
    .into_bytes();
    sent.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    sent.extend(message);
    let mut stream = tokio::net::TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(&sent).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_clients_own_deadline_is_answered_in_our_words() {
    let rig = Rig::open(Limits { call_timeout_ms: 3_600_000, ..Limits::default() }).await;
    for deadline in ["1S", "300m", "300000u", "99999999n", "1u", "0m"] {
        let answer = punch_by_hand(&rig, "held", &format!("grpc-timeout: {deadline}")).await;
        // 10: ABORTED. Ours has details, where the library says CANCELLED and nothing else.
        assert!(answer.contains("grpc-status: 10\r\n"), "{deadline}: {answer}");
        assert!(answer.contains("grpc-status-details-bin: "), "{deadline}: {answer}");
    }
    for none in ["", "5", "S", "3 S", "+3S", "300000000n", "9d", "99999999H", "1M"] {
        let answer = punch_by_hand(&rig, "", &format!("grpc-timeout: {none}")).await;
        assert!(answer.contains("200 OK") && answer.contains("grpc-status:0"), "{none:?}: {answer}");
    }
}

#[tokio::test]
async fn a_compressed_message_is_refused_by_name_and_never_inflated() {
    let rig = Rig::open(Limits::default()).await;
    for (encoding, status) in [("gzip", "12"), ("zstd", "12"), ("deflate", "12"), ("rubbish", "12")] {
        let answer = punch_by_hand(&rig, "", &format!("grpc-encoding: {encoding}")).await;
        assert!(answer.contains(&format!("grpc-status: {status}\r\n")), "{encoding}: {answer}");
        assert!(answer.contains("grpc-message: compressed"), "{encoding}: {answer}");
    }
    let answer = punch_by_hand(&rig, "", "grpc-encoding: identity").await;
    assert!(answer.contains("grpc-status:0"), "{answer}");
}

#[tokio::test]
async fn a_call_that_runs_when_the_server_stops_is_answered() {
    let rig = Rig::open(Limits { notice_ms: 1, ..Limits::default() }).await;
    let held = rig.hold().await;
    let Rig { calls, stop, address, .. } = rig;
    stop.send(()).unwrap();
    // The listener closes once the server has told its connections to end.
    let closes = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), closes).await.expect("it stops listening");
    calls.go_on.notify_one();
    assert_eq!(held.await.unwrap().unwrap(), 7);
}
