//! What the edge counts of its calls and connections: no address, no caller, no centre.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::Code;

use crate::access::Rules;
use crate::kernel::{self, Count, Figure, Kind, Level, Series, Spread, Value, number};

/// The method of a call whose path is none of ours: what strangers write into a path is not repeated.
const OTHER: &str = "other";
/// The method of a page that people look at.
pub(super) const PAGE: &str = "page";
/// The reason of a failure that is the library's alone.
const LIBRARY: &str = "LIBRARY";

/// Every code, in the order of its number, as gRPC spells it (grpc/doc/statuscodes.md).
const CODES: [(Code, &str); 17] = [
    (Code::Ok, "OK"),
    (Code::Cancelled, "CANCELLED"),
    (Code::Unknown, "UNKNOWN"),
    (Code::InvalidArgument, "INVALID_ARGUMENT"),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (Code::NotFound, "NOT_FOUND"),
    (Code::AlreadyExists, "ALREADY_EXISTS"),
    (Code::PermissionDenied, "PERMISSION_DENIED"),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (Code::FailedPrecondition, "FAILED_PRECONDITION"),
    (Code::Aborted, "ABORTED"),
    (Code::OutOfRange, "OUT_OF_RANGE"),
    (Code::Unimplemented, "UNIMPLEMENTED"),
    (Code::Internal, "INTERNAL"),
    (Code::Unavailable, "UNAVAILABLE"),
    (Code::DataLoss, "DATA_LOSS"),
    (Code::Unauthenticated, "UNAUTHENTICATED"),
];

/// The figures of one listener.
#[derive(Debug)]
pub struct Figures {
    /// By path; made once from the rules, so that it never grows.
    calls: HashMap<Arc<str>, [Count; CODES.len()]>,
    other: Arc<str>,
    others: [Count; CODES.len()],
    /// The keys are words of the program.
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    seconds: Spread,
    pub(super) at_work: Level,
    pub(super) connections: Level,
    pub(super) turned_away: Count,
    pub(super) handshakes_failed: Count,
    pub(super) accepts_failed: Count,
}

impl Figures {
    /// Nothing counted yet. The methods are those that have a rule, and pages.
    pub fn new(rules: &Rules) -> Self {
        let methods = rules.iter().map(|rule| rule.method.as_str()).chain([PAGE]);
        let calls = methods.map(|method| (method.into(), Default::default())).collect();
        Self {
            calls,
            other: OTHER.into(),
            others: Default::default(),
            refusals: Mutex::default(),
            seconds: Spread::of_times(),
            at_work: Level::default(),
            connections: Level::default(),
            turned_away: Count::default(),
            handshakes_failed: Count::default(),
            accepts_failed: Count::default(),
        }
    }

    /// The method of a path, or `other`.
    pub(super) fn method(&self, path: &str) -> Arc<str> {
        let known = self.calls.get_key_value(path);
        Arc::clone(known.map_or(&self.other, |(method, _)| method))
    }

    /// A call ended. `reason` says why, if not well.
    pub(super) fn call(&self, method: &str, code: Code, reason: Option<&'static str>, took: Duration) {
        let counts = self.calls.get(method).unwrap_or(&self.others);
        if let Some(place) = CODES.iter().position(|(known, _)| *known == code)
            && let Some(count) = counts.get(place)
        {
            count.add();
        }
        self.seconds.add_time(took);
        if code != Code::Ok {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            *refusals.entry(reason.unwrap_or(LIBRARY)).or_default() += 1;
        }
    }

    fn calls(&self) -> Vec<Series> {
        let mut series = Vec::new();
        let others = (&self.other, &self.others);
        for (method, counts) in self.calls.iter().chain([others]) {
            for ((_, code), count) in CODES.iter().zip(counts).filter(|(_, count)| count.get() > 0) {
                let labels =
                    vec![("method", Cow::Owned((**method).to_owned())), ("code", Cow::Borrowed(*code))];
                series.push(Series { labels, value: Value::Count(count.get()) });
            }
        }
        series.sort_by(|one, other| one.labels.cmp(&other.labels));
        series
    }

    fn refusals(&self) -> Vec<Series> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let series = |(reason, count): (&&'static str, &u64)| Series {
            labels: vec![("reason", Cow::Borrowed(*reason))],
            value: Value::Count(*count),
        };
        refusals.iter().map(series).collect()
    }
}

impl kernel::Figures for Figures {
    fn figures(&self) -> Vec<Figure> {
        vec![
            Figure::of("qinlian_calls", "Calls that ended, by method and code", Kind::Count, self.calls()),
            Figure::spread(
                "qinlian_call_seconds",
                "How long calls took, streams to their end",
                &self.seconds,
            ),
            Figure::level(
                "qinlian_calls_at_work",
                "Calls that have begun and not ended",
                number(self.at_work.get()),
            ),
            Figure::of(
                "qinlian_refusals",
                "Calls that did not end well, by the reason that callers are told",
                Kind::Count,
                self.refusals(),
            ),
            Figure::level(
                "qinlian_connections",
                "Connections that hold a place",
                number(self.connections.get()),
            ),
            Figure::count(
                "qinlian_connections_turned_away",
                "Connections closed at once, because there was no place",
                &self.turned_away,
            ),
            Figure::count(
                "qinlian_handshakes_failed",
                "Connections that could not be encrypted",
                &self.handshakes_failed,
            ),
            Figure::count(
                "qinlian_accepts_failed",
                "Connections that could not be taken",
                &self.accepts_failed,
            ),
        ]
    }
}
