//! Spans of other processes, as OpenTelemetry and as the header `traceparent` name them.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};

use crate::traceparent::TraceParent;

/// What names a span elsewhere.
pub(super) fn trace_parent(span: &SpanContext) -> TraceParent {
    TraceParent { trace: span.trace_id().to_string(), span: span.span_id().to_string(), is_sampled: span.is_sampled() }
}

/// The context of a span elsewhere.
pub(super) fn remote_context(parent: &TraceParent) -> Option<Context> {
    let TraceParent { trace, span, is_sampled } = parent;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::default().with_sampled(*is_sampled);
    Some(Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::NONE)))
}
