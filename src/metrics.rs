//! The page of figures, in the text of OpenMetrics, on a listener of its own: never on the port that callers use.
//!
//! It asks rooms for their figures when it is asked, and knows nothing of what they mean. Whoever reaches the listener
//! may read: there is nothing about anybody on the page (docs/metrics.md).

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::kernel::{EpochMs, Figure, Figures, Kind, Series, Value, number};

/// Where the page is.
const PATH: &str = "/metrics";
/// OpenMetrics 1.0; Prometheus reads it from version 2.5 on.
const TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Collectors are few: whoever comes when so many are served has to come again.
const CONNECTIONS: usize = 16;
/// A collector that has not asked, or not read, by then is closed.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an error the next connection is waited for this long.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// The page.
#[derive(Debug)]
pub struct Page(Registry);

impl Page {
    /// Of these rooms, and of the process itself, which starts now.
    pub fn of(rooms: Vec<Arc<dyn Figures>>, clock: &dyn Clock) -> Self {
        let mut registry = Registry::default();
        let process = Process { started: clock.now() };
        registry.register_collector(Box::new(Asked(Arc::new(process))));
        for room in rooms {
            registry.register_collector(Box::new(Asked(room)));
        }
        Self(registry)
    }

    /// As it is now.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.0)?;
        Ok(page)
    }
}

/// What a process says of itself.
#[derive(Debug)]
struct Process {
    started: EpochMs,
}

impl Figures for Process {
    fn figures(&self) -> Vec<Figure> {
        let started_ms = u64::try_from(self.started.get()).unwrap_or(0);
        let version = Series {
            labels: vec![("version", Cow::Borrowed(env!("CARGO_PKG_VERSION")))],
            value: Value::Level(1.0),
        };
        vec![
            // The name that everybody's dashboards know.
            Figure::level(
                "process_start_time_seconds",
                "When the process started, in seconds since 1970",
                number(started_ms) / 1_000.0,
            ),
            Figure::of("qinlian_build", "Which version runs", Kind::Level, vec![version]),
        ]
    }
}

/// A room's figures in the words of the library.
#[derive(Debug)]
struct Asked(Arc<dyn Figures>);

impl Collector for Asked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for figure in self.0.figures() {
            let kind = match figure.kind {
                Kind::Count => MetricType::Counter,
                Kind::Level => MetricType::Gauge,
                Kind::Spread => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(figure.name, figure.help, None, kind)?;
            for Series { labels, value } in figure.series {
                if labels.is_empty() {
                    write(&mut metric, &value)?;
                } else {
                    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, is)| (*name, &**is)).collect();
                    write(&mut metric.encode_family(&labels)?, &value)?;
                }
            }
        }
        Ok(())
    }
}

fn write(metric: &mut MetricEncoder<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Count(count) => metric.encode_counter::<NoLabelSet, _, u64>(count, None),
        Value::Level(level) => metric.encode_gauge(level),
        Value::Spread { count, sum, buckets } => {
            metric.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
        }
    }
}

/// Answers whoever asks, for ever: no error ends it. Dropped, it ends with every connection.
pub async fn serve(listener: TcpListener, page: Page) {
    let page = Arc::new(page);
    let mut served = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if served.len() < CONNECTIONS => {
                    served.spawn(one(stream, Arc::clone(&page)));
                }
                // Dropping the stream closes it.
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(code = "METRICS_ACCEPT", %error, "a connection could not be taken");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            },
            Some(_ended) = served.join_next() => {}
        }
    }
}

async fn one(stream: TcpStream, page: Arc<Page>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&page, request.method(), request.uri().path());
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A collector that goes away, or says what is no HTTP, is told nothing more.
    let _ended = tokio::time::timeout(PATIENCE, served).await;
}

fn answer(page: &Page, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let (status, text) = if path != PATH {
        (StatusCode::NOT_FOUND, String::new())
    } else if method != Method::GET {
        (StatusCode::METHOD_NOT_ALLOWED, String::new())
    } else {
        match page.text() {
            Ok(text) => (StatusCode::OK, text),
            Err(fmt::Error) => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, TYPE);
    response
}
