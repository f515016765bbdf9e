//! Spans for a collector, over OTLP. Built with the feature `opentelemetry`; sent when the configuration says where.
//!
//! What passes into a log line passes into a span, and nothing else: the sieve stands in front of whatever sends.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{KeyValue, StringValue, Value};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::TelemetryError;
use super::fields::{clean, is_allowed, is_ours};

/// What the collector calls us.
const SERVICE: &str = "qinlian";
/// The header of W3C Trace Context.
const PARENT: &str = "traceparent";

/// Spans on their way. Nothing is sent where nobody said where to.
#[derive(Debug, Default)]
pub struct Sending(Option<SdkTracerProvider>);

impl Sending {
    /// To a collector at this URL.
    pub(super) fn to(url: Option<&str>) -> Result<Self, TelemetryError> {
        let Some(url) = url else { return Ok(Self(None)) };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(url)
            .build()
            .map_err(|_| TelemetryError::Collector(url.to_owned()))?;
        Ok(Self::through(exporter))
    }

    fn through(exporter: impl SpanExporter + 'static) -> Self {
        let provider = SdkTracerProvider::builder()
            // Whatever a caller's own trace decides; the system's variables decide nothing.
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_resource(Resource::builder_empty().with_service_name(SERVICE).build())
            .with_batch_exporter(Sieve(exporter))
            .build();
        Self(Some(provider))
    }

    /// What makes spans of ours into those of OpenTelemetry.
    pub(super) fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + 'static>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let tracer = self.0.as_ref()?.tracer(SERVICE);
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Some(layer.with_filter(filter_fn(|metadata| is_ours(metadata.target()))))
    }

    /// Sends what is left, for some seconds at most.
    pub async fn stop(self) {
        if let Some(provider) = self.0 {
            // It waits; and what could not be sent is nobody's to tell any more.
            let _stopped = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        }
    }
}

/// The span of a call becomes part of the trace that its caller names.
pub fn follow(span: &Span, headers: &HeaderMap) {
    struct Header<'a>(&'a HeaderMap);

    impl Extractor for Header<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).and_then(|value| value.to_str().ok())
        }

        fn keys(&self) -> Vec<&str> {
            vec![PARENT]
        }
    }

    let context = TraceContextPropagator::new().extract(&Header(headers));
    if context.span().span_context().is_valid() {
        // Without a layer there is nothing to follow.
        let _followed = span.set_parent(context);
    }
}

/// Lets through what may stand in a line.
#[derive(Debug)]
struct Sieve<E>(E);

impl<E: SpanExporter> SpanExporter for Sieve<E> {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.export(batch.into_iter().map(sieved).collect())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn sieved(mut span: SpanData) -> SpanData {
    keep(&mut span.attributes);
    for event in &mut span.events.events {
        keep(&mut event.attributes);
        event.name = Cow::Owned(clean(&event.name).into_owned());
    }
    // A call is named by its method, which is ours or `other`.
    if let Some(method) = span.attributes.iter().find(|pair| pair.key.as_str() == "method") {
        span.name = Cow::Owned(method.value.as_str().into_owned());
    }
    span
}

fn keep(attributes: &mut Vec<KeyValue>) {
    attributes.retain(|pair| is_allowed(pair.key.as_str()));
    for pair in attributes {
        if let Value::String(text) = &pair.value {
            pair.value = Value::String(StringValue::from(clean(text.as_str()).into_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::{Bytes, to_bytes};
    use axum::extract::Request;
    use opentelemetry::trace::SpanContext;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    fn headers(parent: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(PARENT, parent.parse().unwrap());
        headers
    }

    /// No event of the program: it does not stand in docs/events.md.
    const CODE: &str = "TEST";

    /// What somebody might write without thinking, in a call with a parent.
    fn careless(parent: &'static str) {
        let span = tracing::error_span!(
            target: "qinlian::test", "call", method = "/a/B", request = "r-1", person = "canary", trace = "a\u{1b}b"
        );
        follow(&span, &headers(parent));
        span.in_scope(|| {
            tracing::warn!(target: "qinlian::test", code = CODE, error = "x", badge = 17, name = "canary", "said");
            tracing::error!(target: "h2::codec", error = "canary", "canary");
            let _foreign = tracing::error_span!(target: "h2::codec", "canary", frame = "canary").entered();
        });
    }

    const PARENT_OF: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_span_has_the_callers_trace_and_the_fields_that_pass() {
        for (parent, follows) in [(PARENT_OF, true), ("00-zhang-san-01", false)] {
            let kept = Kept::default();
            let sending = Sending::through(kept.clone());
            let log = tracing_subscriber::registry().with(sending.layer());
            tracing::subscriber::with_default(log, || careless(parent));
            sending.stop().await;
            let spans = kept.0.lock().unwrap().clone();
            assert_eq!(spans.len(), 1, "{spans:#?}");
            let span = &spans[0];
            let context: &SpanContext = &span.span_context;
            let trace = context.trace_id().to_string();
            assert_eq!(trace == "4bf92f3577b34da6a3ce929d0e0e4736", follows, "{trace}");
            assert_eq!(span.parent_span_id.to_string() == "00f067aa0ba902b7", follows);
            let named = |attributes: &[KeyValue]| {
                let mut names: Vec<_> = attributes.iter().map(|pair| pair.key.to_string()).collect();
                names.sort();
                names
            };
            assert_eq!(
                (&*span.name, named(&span.attributes)),
                ("/a/B", vec!["method".to_owned(), "request".to_owned(), "trace".to_owned()])
            );
            assert_eq!(span.events.len(), 1);
            assert_eq!(named(&span.events[0].attributes), ["code", "error"]);
            let shown = format!("{span:?}");
            assert!(!shown.contains("canary") && !shown.contains("\\u{1b}"), "{shown}");
        }
    }

    #[test]
    fn without_the_sieve_what_must_not_pass_passes() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(SERVICE));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || careless(PARENT_OF));
        let shown = format!("{:?}", kept.0.lock().unwrap());
        assert!(shown.contains("canary") && shown.contains("h2::codec"), "{shown}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_collector_gets_them_over_otlp() {
        let got = Arc::new(Mutex::new(Vec::<(String, Bytes)>::new()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collected = Arc::clone(&got);
        let collector = Router::new().fallback(move |request: Request| async move {
            let path = request.uri().path().to_owned();
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            collected.lock().unwrap().push((path, body));
        });
        let collecting = tokio::spawn(async move { axum::serve(listener, collector).await });
        let sending = Sending::to(Some(&url)).unwrap();
        let log = tracing_subscriber::registry().with(sending.layer());
        tracing::subscriber::with_default(log, || careless(PARENT_OF));
        sending.stop().await;
        collecting.abort();
        let got = got.lock().unwrap();
        let (path, body) = got.first().expect("something was sent");
        assert_eq!(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        let holds = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("r-1") && holds("qinlian") && !holds("canary"));
    }

    #[test]
    fn where_nobody_said_where_to_nothing_is_sent() {
        assert!(Sending::to(None).unwrap().0.is_none());
    }
}
