//! Traces for OpenTelemetry, over OTLP by HTTP: one trace from a request to the deliveries of its events on every node.
//!
//! Spans of `tracing` that belong to a request are exported, without the lines of the log. Deliveries happen outside of the
//! request, on every node: [`EventTraces`] makes their spans.

mod event_traces;
mod otlp_client;
mod span_context;

use std::sync::Arc;

use allynet_domain::port::{Changes, Clock, Ids as _, Signals};
use allynet_realtime::RealtimeTasks;
use anyhow::Context as _;
use axum::http::Method;
use opentelemetry::{
    KeyValue,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio_util::sync::CancellationToken;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer as _, Registry, filter::dynamic_filter_fn};

use self::{
    event_traces::EventTraces,
    otlp_client::OtlpClient,
    span_context::{remote_context, trace_parent},
};
use crate::{
    build_info::BUILD,
    logging::ExtraLayer,
    push,
    settings::Settings,
    system::{SystemClock, UuidV7Ids},
    traceparent::TraceParent,
};

/// The name of the span of a request, which begins a trace or continues that of the client.
const REQUEST_SPAN: &str = "request";

/// The export of traces.
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
    events: Arc<EventTraces>,
}

impl Telemetry {
    /// Starts the export, if the address of a collector is set. Requests are sent on `runtime`.
    ///
    /// # Errors
    /// Returns an error if the address is no URL, or a certificate cannot be read.
    pub(crate) fn start(settings: &Settings, runtime: &tokio::runtime::Handle) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        let client = OtlpClient::new(&push::extra_ca(settings)?, runtime.clone())?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let mut resource = Resource::builder();
        // An operator's name for the service counts.
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("allynet");
        }
        let resource = resource.with_attributes([
            KeyValue::new("service.version", BUILD.version),
            KeyValue::new("service.instance.id", UuidV7Ids.next().to_string()),
        ]);
        let provider =
            SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let events = Arc::new(EventTraces::new(provider.tracer("allynet"), clock));
        Ok(Some(Self { provider, events }))
    }

    /// The layer that exports the spans of requests and what is inside them.
    pub(crate) fn layer(&self) -> ExtraLayer {
        // What runs in the background would begin a trace of its own at every step.
        let belongs_to_request = dynamic_filter_fn(|metadata, context| {
            metadata.is_span()
                && metadata.target().starts_with("allynet")
                && *metadata.level() <= Level::DEBUG
                && (metadata.name() == REQUEST_SPAN || context.lookup_current().is_some())
        });
        tracing_opentelemetry::layer::<Registry>()
            .with_tracer(self.provider.tracer("allynet"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(belongs_to_request)
            .boxed()
    }

    /// Exports what has not been exported yet. Must not be called on a thread of the runtime.
    pub(crate) fn shut_down(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Has changes that are committed within a request remembered as the causes of their events.
pub(crate) fn observe_commits<'a>(
    telemetry: Option<&Telemetry>,
    ports: impl IntoIterator<Item = &'a mut Arc<dyn Changes>>,
) {
    let Some(telemetry) = telemetry else { return };
    for changes in ports {
        *changes = telemetry.events.observe(changes.clone());
    }
}

/// Has deliveries of this node traced.
pub(crate) fn observe_deliveries(telemetry: Option<&Telemetry>, tasks: RealtimeTasks) -> RealtimeTasks {
    match telemetry {
        Some(telemetry) => tasks.observed_by(telemetry.events.clone()),
        None => tasks,
    }
}

/// Exchanges the causes of events with the other nodes until `stop` is cancelled.
pub(crate) fn exchange(
    telemetry: Option<&Telemetry>,
    signals: Arc<dyn Signals>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let events = telemetry.map(|telemetry| telemetry.events.clone());
    async move {
        if let Some(events) = events {
            events.exchange(&*signals, &stop).await;
        }
    }
}

/// Makes the span of a request part of the trace of its client. Returns the span to name in the answer; `None` if traces are
/// not exported.
pub(crate) fn begin_request(
    span: &Span,
    parent: Option<&TraceParent>,
    method: &Method,
    route: Option<&str>,
) -> Option<TraceParent> {
    if let Some(parent) = parent.and_then(remote_context) {
        span.set_parent(parent).ok();
    }
    span.record("otel.kind", "server");
    let context = span.context();
    let context = context.span();
    let span_context = context.span_context();
    if !span_context.is_valid() {
        return None;
    }
    context.update_name(route.map_or_else(|| method.to_string(), |route| format!("{method} {route}")));
    Some(trace_parent(span_context))
}

/// Tells what became of the request.
pub(crate) fn end_request(span: &Span, status: u16) {
    span.set_attribute("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.set_status(opentelemetry::trace::Status::error(""));
    }
}
