//! A build without the feature `otel`: exports no traces.

use std::sync::Arc;

use allynet_domain::port::{Changes, Signals};
use allynet_realtime::RealtimeTasks;
use axum::http::Method;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{logging::ExtraLayer, settings::Settings, traceparent::TraceParent};

/// The export of traces, which this build does not have.
pub(crate) enum Telemetry {}

impl Telemetry {
    #[expect(clippy::unnecessary_wraps, reason = "the signature of a build with the feature")]
    pub(crate) fn start(_settings: &Settings, _runtime: &tokio::runtime::Handle) -> anyhow::Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) fn layer(&self) -> ExtraLayer {
        match *self {}
    }

    pub(crate) fn shut_down(&self) {
        match *self {}
    }
}

pub(crate) fn observe_commits<'a>(
    _telemetry: Option<&Telemetry>,
    _ports: impl IntoIterator<Item = &'a mut Arc<dyn Changes>>,
) {
}

pub(crate) fn observe_deliveries(_telemetry: Option<&Telemetry>, tasks: RealtimeTasks) -> RealtimeTasks {
    tasks
}

pub(crate) fn exchange(
    _telemetry: Option<&Telemetry>,
    _signals: Arc<dyn Signals>,
    _stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    std::future::ready(())
}

pub(crate) fn begin_request(
    _span: &Span,
    _parent: Option<&TraceParent>,
    _method: &Method,
    _route: Option<&str>,
) -> Option<TraceParent> {
    None
}

pub(crate) fn end_request(_span: &Span, _status: u16) {}
