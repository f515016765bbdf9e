//! How a call ends: one line with the call's id, and one more in the figures, whatever the end.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::StreamExt as _;
use http::uri::PathAndQuery;
use qinlian::config::Limits;
use qinlian::kernel::{Figures as _, Value};
use qinlian::proto;
use qinlian::proto::attendance_service_client::AttendanceServiceClient;
use qinlian::proto::audit_service_client::AuditServiceClient;
use qinlian::telemetry::LogFormat;
use serde_json::Value as Json;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::documents::rows;
use super::server::{Hall, TERMINAL, forged, punch_at};
use crate::support::lines::Lines;

/// Longer than any of these takes; a rig that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is called.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// A punch with a label that tells the double what to do.
    Punch(&'static str),
    /// A punch with 70 KiB in it.
    LargePunch,
    /// A punch without a token.
    Unknown,
    /// A punch with a token whose signature is not the key's.
    Forged,
    /// A punch of somebody who may not.
    Stranger,
    /// A punch in a centre that is no code.
    Nowhere,
    /// Bytes that are no message of the method.
    Path(&'static str),
    /// A stream, read to its end: it gives two answers and fails.
    Stream(&'static str),
    /// A punch whose caller goes away while it is at work.
    LeavesPunch,
    /// A punch whose caller gives it little time.
    HurriedPunch,
    /// A punch while another one of the same connection is at work.
    PunchWhileAnother,
    /// The second of two punches.
    PunchAgain,
}

const PUNCH: &str = "/qinlian.v1.AttendanceService/RecordPunch";
const EXPORT: &str = "/qinlian.v1.AuditService/ExportBundle";

/// A row: what is asked, the line's code, the method that it names, the status, and the reason that was told.
type Row = (Ask, &'static str, &'static str, &'static str, &'static str);

const ENDS: [Row; 18] = [
    (Ask::Punch(""), "CALL_OK", PUNCH, "OK", ""),
    (Ask::Unknown, "CALL_FAILED", PUNCH, "UNAUTHENTICATED", "TOKEN_MISSING"),
    (Ask::Forged, "CALL_FAILED", PUNCH, "UNAUTHENTICATED", "TOKEN_INVALID"),
    (Ask::Stranger, "CALL_FAILED", PUNCH, "PERMISSION_DENIED", "DENIED"),
    (Ask::Nowhere, "CALL_FAILED", PUNCH, "NOT_FOUND", "NOT_FOUND"),
    (Ask::LargePunch, "CALL_FAILED", PUNCH, "RESOURCE_EXHAUSTED", "TOO_LARGE"),
    (Ask::Path(PUNCH), "CALL_FAILED", PUNCH, "INVALID_ARGUMENT", "MALFORMED"),
    (
        Ask::Path("/qinlian.v1.AttendanceService/Zhang-San"),
        "CALL_FAILED",
        "other",
        "UNIMPLEMENTED",
        "NO_SUCH_METHOD",
    ),
    (Ask::Punch("fault"), "CALL_FAULT", PUNCH, "INTERNAL", "DOUBLE"),
    (Ask::Punch("panic"), "CALL_PANICKED", PUNCH, "INTERNAL", "PANIC"),
    (Ask::Stream("closed"), "CALL_FAILED", EXPORT, "RESOURCE_EXHAUSTED", "OVERLOADED"),
    (Ask::Stream("hall"), "CALL_FAILED", EXPORT, "UNAVAILABLE", "STORE"),
    (Ask::LeavesPunch, "CALL_LEFT", PUNCH, "CANCELLED", "LEFT"),
    (Ask::Punch("hang"), "CALL_GIVEN_UP", PUNCH, "ABORTED", "IN_DOUBT"),
    (Ask::HurriedPunch, "CALL_DEADLINE", PUNCH, "ABORTED", "IN_DOUBT"),
    (Ask::PunchWhileAnother, "CALL_SHED", PUNCH, "RESOURCE_EXHAUSTED", "OVERLOADED"),
    (Ask::PunchAgain, "CALL_RATE_LIMITED", PUNCH, "RESOURCE_EXHAUSTED", "RATE_LIMITED"),
    (Ask::Punch(""), "CALL_OK", PUNCH, "OK", ""),
];

fn limits_for(ask: Ask, limits: &mut Limits) {
    match ask {
        Ask::Punch("hang") => limits.call_timeout_ms = 30,
        Ask::PunchWhileAnother => limits.calls_per_connection = 1,
        Ask::PunchAgain => {
            (limits.calls_per_second, limits.calls_burst) = (NonZeroU32::MIN, NonZeroU32::MIN);
        }
        _ => {}
    }
}

fn surround(metadata: &mut MetadataMap, token: Option<&str>, id: &str) {
    if let Some(token) = token {
        metadata.insert("authorization", token.parse().unwrap());
    }
    metadata.insert("x-request-id", id.parse().unwrap());
}

async fn punch(hall: &Hall, centre: &str, label: &str, token: Option<&str>, id: &str) -> Result<(), Status> {
    let mut request = Request::new(punch_at(centre, label));
    surround(request.metadata_mut(), token, id);
    AttendanceServiceClient::new(hall.channel.clone()).record_punch(request).await.map(drop)
}

/// Asks, and waits for the answer's last byte.
async fn ask(hall: &Hall, ask: Ask, id: &str) -> Result<(), Status> {
    let good = hall.token(TERMINAL);
    match ask {
        Ask::Punch(label) => punch(hall, "hall", label, Some(&good), id).await,
        Ask::HurriedPunch => {
            let mut request = Request::new(punch_at("hall", "hang"));
            surround(request.metadata_mut(), Some(&good), id);
            request.metadata_mut().insert("grpc-timeout", "2S".parse().unwrap());
            AttendanceServiceClient::new(hall.channel.clone()).record_punch(request).await.map(drop)
        }
        Ask::LargePunch => punch(hall, "hall", &"x".repeat(70 * 1024), Some(&good), id).await,
        Ask::Unknown => punch(hall, "hall", "", None, id).await,
        Ask::Forged => punch(hall, "hall", "", Some(&forged(&good)), id).await,
        Ask::Stranger => punch(hall, "hall", "", Some(&hall.token("device:hall-2")), id).await,
        Ask::Nowhere => punch(hall, "No Code", "", Some(&good), id).await,
        Ask::Path(path) => {
            let mut request = Request::new(proto::Date { year: 2026, month: 11, day: 2 });
            surround(request.metadata_mut(), Some(&good), id);
            let mut grpc = tonic::client::Grpc::new(hall.channel.clone());
            grpc.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<proto::Date, proto::Date>::default();
            grpc.unary(request, PathAndQuery::from_static(path), codec).await.map(drop)
        }
        Ask::Stream(centre) => {
            let message = proto::ExportBundleRequest { centre: centre.to_owned(), reveal: None };
            let mut request = Request::new(message);
            surround(request.metadata_mut(), Some(&hall.token("system:auditor")), id);
            let mut client = AuditServiceClient::new(hall.channel.clone());
            let mut answers = client.export_bundle(request).await?.into_inner();
            while let Some(answer) = answers.next().await {
                answer?;
            }
            Ok(())
        }
        Ask::LeavesPunch => {
            let left = punch(hall, "hall", "hang", Some(&good), id);
            tokio::select! {
                answered = left => answered,
                () = at_work(hall) => Ok(()),
            }
        }
        Ask::PunchWhileAnother => {
            let other = punch(hall, "hall", "hang", Some(&good), "another");
            let second = async {
                at_work(hall).await;
                punch(hall, "hall", "", Some(&good), id).await
            };
            tokio::select! {
                answered = other => answered,
                answered = second => answered,
            }
        }
        Ask::PunchAgain => {
            punch(hall, "hall", "", Some(&good), "the-first").await.unwrap();
            punch(hall, "hall", "", Some(&good), id).await
        }
    }
}

/// Waits until a call is at work.
async fn at_work(hall: &Hall) {
    while level(hall, "qinlian_calls_at_work") < 1.0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn level(hall: &Hall, name: &str) -> f64 {
    let figures = hall.figures.figures();
    match figures.iter().find(|figure| figure.name == name).unwrap().series[0].value {
        Value::Level(level) => level,
        ref other => panic!("{other:?}"),
    }
}

/// The values of a figure's labels, each with its count.
fn counted(hall: &Hall, name: &str) -> Vec<(String, u64)> {
    let figures = hall.figures.figures();
    let figure = figures.into_iter().find(|figure| figure.name == name).unwrap();
    figure
        .series
        .into_iter()
        .map(|series| {
            let labels: Vec<&str> = series.labels.iter().map(|(_, value)| &**value).collect();
            let Value::Count(count) = series.value else { panic!("a count") };
            (labels.join(" "), count)
        })
        .collect()
}

/// The lines of outcomes of one call.
fn outcomes(lines: &Lines, id: &str) -> Vec<Json> {
    let of_call = |line: &Json| {
        line["request"] == id && line["code"].as_str().is_some_and(|code| code.starts_with("CALL_"))
    };
    lines.json().into_iter().filter(of_call).collect()
}

#[tokio::test]
async fn every_call_has_one_line_with_its_id_and_is_counted_once_whatever_its_end() {
    let (lines, _kept) = Lines::keep(LogFormat::Json, "trace");
    for (n, (asked, code, method, status, reason)) in ENDS.into_iter().enumerate() {
        let hall = Hall::with(|limits| limits_for(asked, limits)).await;
        let id = format!("case-{n}");
        let answer = ask(&hall, asked, &id).await;
        // Who goes away is told nothing; the server notices by itself.
        let noticed = async {
            while outcomes(&lines, &id).is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, noticed).await.unwrap_or_else(|_| panic!("{asked:?} has no line"));

        let found = outcomes(&lines, &id);
        assert_eq!(found.len(), 1, "{asked:?}: {found:#?}");
        let line = &found[0];
        assert_eq!((line["code"].as_str(), line["method"].as_str()), (Some(code), Some(method)), "{asked:?}");
        assert!(line["duration_ms"].is_u64(), "{line}");
        if code == "CALL_FAILED" {
            assert_eq!(line["reason"], reason, "{line}");
        }
        let details = answer.err().map(|status| status.get_error_details());
        let info = details.as_ref().and_then(|details| details.error_info());
        let support_id = info.and_then(|info| info.metadata.get("support_id"));
        assert_eq!(line["support_id"].as_str(), support_id.map(String::as_str), "{line}");
        assert_eq!(support_id.is_some(), reason == "DENIED", "who is denied gets an id");
        if let Some(info) = info {
            assert_eq!(info.reason, reason, "{asked:?}: the caller is told the same");
        }

        let of_call = format!("{method} {status}");
        let calls = counted(&hall, "qinlian_calls");
        let count = calls.iter().find(|(labels, _)| *labels == of_call).map(|(_, count)| *count);
        assert_eq!(count, Some(1), "{asked:?}: {calls:?}");
        let refusals = counted(&hall, "qinlian_refusals");
        // Of two calls at once, the first may have left meanwhile.
        let told: Vec<_> = refusals.iter().filter(|(told, _)| told != "LEFT" || reason == "LEFT").collect();
        let expected: Vec<(String, u64)> =
            if reason.is_empty() { Vec::new() } else { vec![(reason.to_owned(), 1)] };
        assert_eq!(told, expected.iter().collect::<Vec<_>>(), "{asked:?}");
    }
    let shown: BTreeSet<String> = ENDS.iter().map(|(_, code, ..)| (*code).to_owned()).collect();
    let documented: BTreeSet<String> =
        rows("events.md").into_keys().filter(|code| code.starts_with("CALL_")).collect();
    assert_eq!(shown, documented, "the table shows every end that docs/events.md knows");
}

#[tokio::test]
async fn what_else_is_said_of_a_call_has_its_id_too() {
    let (lines, _kept) = Lines::keep(LogFormat::Json, "warn");
    let hall = Hall::open().await;
    for (asked, id, code) in
        [(Ask::Forged, "forged-1", "TOKEN_REFUSED"), (Ask::Stranger, "stranger-1", "ACCESS_DENIED")]
    {
        ask(&hall, asked, id).await.unwrap_err();
        let found: Vec<_> = lines.json().into_iter().filter(|line| line["code"] == code).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["request"], id);
    }
    // The filter keeps the outcomes away, and not the ids.
    assert!(outcomes(&lines, "forged-1").is_empty());
}

#[tokio::test]
async fn a_trace_that_a_caller_names_is_in_the_line_and_anything_else_is_not() {
    let (lines, _kept) = Lines::keep(LogFormat::Json, "debug");
    let hall = Hall::open().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (n, (parent, kept)) in [
        (format!("00-{trace}-00f067aa0ba902b7-01"), true),
        ("00-zhang-san-01".to_owned(), false),
        ("-".to_owned(), false),
        (format!("00-{}-00f067aa0ba902b7-01", "\"".repeat(32)), false),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("trace-{n}");
        let mut request = Request::new(punch_at("hall", ""));
        surround(request.metadata_mut(), Some(&hall.token(TERMINAL)), &id);
        request.metadata_mut().insert("traceparent", parent.parse().unwrap());
        AttendanceServiceClient::new(hall.channel.clone()).record_punch(request).await.unwrap();
        let line = outcomes(&lines, &id).remove(0);
        assert_eq!(line["trace"].as_str(), kept.then_some(trace), "{parent}");
    }
}
