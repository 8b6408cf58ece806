//! Joins each event of the log with the request that caused it, and records its delivery on this node in the trace of that
//! request.
//!
//! The log does not hold traces. The node that commits an event within a request sends the others a signal with the span of the
//! request, which may arrive before the event or after it, or never. Both halves wait for each other in bounded queues: what is
//! dropped from them is missing in the trace.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use allynet_domain::{
    Change, EmergencyId, EventId, LoggedEvent, Signal, Timestamp, UserId,
    port::{self, Changes, Clock, Signals},
};
use allynet_realtime::DeliveryObserver;
use async_trait::async_trait;
use opentelemetry::{
    KeyValue,
    trace::{Span as _, SpanKind, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::SdkTracer;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::span_context::{remote_context, trace_parent};
use crate::traceparent::TraceParent;

/// The most deliveries, and the most causes, that wait for the other half; and the most causes that wait to be sent.
const MAX_WAITING: usize = 1_024;

/// What identifies an event before its number is known. Times have microseconds, in which an actor does the same thing once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EventKey {
    at: Timestamp,
    emergency: Option<EmergencyId>,
    actor: Option<UserId>,
    kind: String,
}

/// The delivery of an event on this node.
#[derive(Debug)]
struct Delivery {
    event: EventId,
    key: EventKey,
    began: SystemTime,
    /// `None` while it is under way.
    ended: Option<SystemTime>,
}

/// What waits for its other half, the oldest first.
#[derive(Debug, Default)]
struct Waiting {
    causes: VecDeque<(EventKey, TraceParent)>,
    deliveries: VecDeque<Delivery>,
}

/// The traces of events.
pub(super) struct EventTraces {
    tracer: SdkTracer,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Waiting>,
    outgoing: mpsc::Sender<Signal>,
    /// Until [`EventTraces::exchange`] takes it.
    to_send: Mutex<Option<mpsc::Receiver<Signal>>>,
}

impl EventTraces {
    pub(super) fn new(tracer: SdkTracer, clock: Arc<dyn Clock>) -> Self {
        let (outgoing, to_send) = mpsc::channel(MAX_WAITING);
        Self { tracer, clock, waiting: Mutex::default(), outgoing, to_send: Mutex::new(Some(to_send)) }
    }

    /// The same port, whose commits within a request are remembered as the causes of their events.
    pub(super) fn observe(self: &Arc<Self>, inner: Arc<dyn Changes>) -> Arc<dyn Changes> {
        Arc::new(TracedChanges { inner, traces: self.clone() })
    }

    /// Sends causes to the other nodes, and takes in theirs, until `stop` is cancelled.
    pub(super) async fn exchange(&self, signals: &dyn Signals, stop: &CancellationToken) {
        let Some(mut to_send) = self.to_send.lock().take() else { return };
        let mut listener = signals.listen();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(signal) = to_send.recv() => signals.publish(signal),
                signal = listener.next() => {
                    if let Signal::Traced { at, emergency, actor, event, parent } = signal
                        && let Ok(parent) = parent.parse()
                    {
                        self.take_cause(EventKey { at, emergency, actor, kind: event }, &parent);
                    }
                }
            }
        }
    }

    /// Takes in the cause of an event. Its delivery may have ended before.
    fn take_cause(&self, key: EventKey, cause: &TraceParent) {
        let delivered = {
            let mut waiting = self.waiting.lock();
            let is_delivered = |delivery: &Delivery| delivery.ended.is_some() && delivery.key == key;
            let delivered = waiting.deliveries.iter().position(is_delivered);
            let delivered = delivered.and_then(|index| waiting.deliveries.remove(index));
            if delivered.is_none() {
                push(&mut waiting.causes, (key, cause.clone()));
            }
            delivered
        };
        if let Some(delivery) = delivered {
            self.record(&delivery, cause);
        }
    }

    fn end_delivery(&self, event: EventId) {
        let ended = SystemTime::from(self.clock.now());
        let joined = {
            let Waiting { causes, deliveries } = &mut *self.waiting.lock();
            // Mostly the last one.
            let Some(index) = deliveries.iter().rposition(|delivery| delivery.event == event) else { return };
            let Some(delivery) = deliveries.get_mut(index) else { return };
            delivery.ended = Some(ended);
            let cause = causes.iter().position(|(key, _)| *key == delivery.key).and_then(|at| causes.remove(at));
            cause.and_then(|(_, cause)| Some((deliveries.remove(index)?, cause)))
        };
        if let Some((delivery, cause)) = joined {
            self.record(&delivery, &cause);
        }
    }

    fn record(&self, delivery: &Delivery, cause: &TraceParent) {
        let (Some(parent), Some(ended)) = (remote_context(cause), delivery.ended) else { return };
        let mut attributes = vec![KeyValue::new("allynet.event_id", delivery.event.get())];
        if let Some(emergency) = delivery.key.emergency {
            attributes.push(KeyValue::new("allynet.emergency_id", emergency.to_string()));
        }
        let span = self.tracer.span_builder(format!("deliver {}", delivery.key.kind));
        let span = span.with_kind(SpanKind::Consumer).with_start_time(delivery.began).with_attributes(attributes);
        span.start_with_context(&self.tracer, &parent).end_with_timestamp(ended);
    }
}

impl DeliveryObserver for EventTraces {
    fn began(&self, event: &LoggedEvent) {
        let LoggedEvent { id, at, emergency, actor, event } = event;
        let key = EventKey { at: *at, emergency: *emergency, actor: *actor, kind: event.kind().to_owned() };
        let began = SystemTime::from(self.clock.now());
        push(&mut self.waiting.lock().deliveries, Delivery { event: *id, key, began, ended: None });
    }

    fn ended(&self, event: EventId) {
        self.end_delivery(event);
    }
}

/// Appends, and drops the oldest above the limit.
fn push<T>(queue: &mut VecDeque<T>, value: T) {
    if queue.len() == MAX_WAITING {
        queue.pop_front();
    }
    queue.push_back(value);
}

/// The port `Changes`, which remembers what was committed within a request.
struct TracedChanges {
    inner: Arc<dyn Changes>,
    traces: Arc<EventTraces>,
}

#[async_trait]
impl Changes for TracedChanges {
    async fn commit(&self, change: Change) -> port::Result<()> {
        let context = Span::current().context();
        let cause = context.span().span_context().is_sampled().then(|| trace_parent(context.span().span_context()));
        let Some(cause) = cause else { return self.inner.commit(change).await };
        let events = change.events.iter().map(|new| {
            let (at, emergency, actor) = (new.at, new.emergency, new.actor);
            EventKey { at, emergency, actor, kind: new.event.kind().to_owned() }
        });
        let events: Vec<EventKey> = events.collect();
        self.inner.commit(change).await?;
        for key in events {
            let EventKey { at, emergency, actor, kind: event } = key.clone();
            self.traces.take_cause(key, &cause);
            let parent = cause.to_string();
            // Full while the task that sends has no turn: this trace lacks the deliveries of other nodes.
            self.traces.outgoing.try_send(Signal::Traced { at, emergency, actor, event, parent }).ok();
        }
        Ok(())
    }

    async fn erase_deleted(&self, before: Timestamp, limit: u32) -> port::Result<u64> {
        self.inner.erase_deleted(before, limit).await
    }

    async fn forget_deleted(&self, before: Timestamp, gained_before: Timestamp, limit: u32) -> port::Result<u64> {
        self.inner.forget_deleted(before, gained_before, limit).await
    }

    async fn ready(&self) -> port::Result<()> {
        self.inner.ready().await
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::{
        Event,
        port::MockClock,
        testing::{at, id},
    };
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SdkTracerProvider, SpanData, SpanExporter},
    };

    use super::*;

    const CAUSE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[derive(Debug, Clone, Default)]
    struct Exported(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Exported {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().extend(batch);
            Ok(())
        }
    }

    struct Fixture {
        traces: EventTraces,
        exported: Exported,
    }

    impl Fixture {
        fn new() -> Self {
            let exported = Exported::default();
            let provider = SdkTracerProvider::builder().with_simple_exporter(exported.clone()).build();
            let mut clock = MockClock::new();
            clock.expect_now().returning(|| at(0));
            Self { traces: EventTraces::new(provider.tracer("test"), Arc::new(clock)), exported }
        }

        fn begin(&self, number: i64) {
            let (id, at, emergency) = (EventId::new(number), at(number), Some(id(7)));
            self.traces.began(&LoggedEvent { id, at, emergency, actor: None, event: Event::AlertsRenewed });
        }

        fn take_cause(&self, number: i64) {
            let (at, emergency) = (at(number), Some(id(7)));
            let kind = Event::AlertsRenewed.kind().to_owned();
            self.traces.take_cause(EventKey { at, emergency, actor: None, kind }, &CAUSE.parse().unwrap());
        }

        fn end(&self, number: i64) {
            self.traces.ended(EventId::new(number));
        }

        /// The names of the exported spans, all of which belong to the cause.
        fn exported(&self) -> Vec<String> {
            let spans = self.exported.0.lock();
            let parent = |span: &SpanData| format!("00-{}-{}-01", span.span_context.trace_id(), span.parent_span_id);
            assert!(spans.iter().all(|span| parent(span) == CAUSE), "{spans:?}");
            spans.iter().map(|span| span.name.to_string()).collect()
        }
    }

    #[test]
    fn a_delivery_and_its_cause_are_joined_whichever_comes_first() {
        let fixture = Fixture::new();
        fixture.take_cause(1);
        fixture.begin(1);
        assert_eq!(fixture.exported(), [""; 0]);
        fixture.end(1);
        assert_eq!(fixture.exported(), ["deliver alerts_renewed"]);
        fixture.begin(2);
        fixture.end(2);
        fixture.take_cause(2);
        assert_eq!(fixture.exported().len(), 2);
        // The cause comes while the delivery is under way.
        fixture.begin(3);
        fixture.take_cause(3);
        assert_eq!(fixture.exported().len(), 2);
        fixture.end(3);
        assert_eq!(fixture.exported().len(), 3);
        // Neither is used twice, nor for another event.
        fixture.begin(4);
        fixture.end(4);
        fixture.end(3);
        fixture.take_cause(1);
        assert_eq!(fixture.exported().len(), 3);
    }

    #[test]
    fn the_oldest_halves_are_dropped() {
        let fixture = Fixture::new();
        let many = i64::try_from(MAX_WAITING).unwrap();
        for number in 0..=many {
            fixture.begin(number);
            fixture.end(number);
            fixture.take_cause(-1 - number);
        }
        let (causes, deliveries) = {
            let waiting = fixture.traces.waiting.lock();
            (waiting.causes.len(), waiting.deliveries.len())
        };
        assert_eq!((causes, deliveries), (MAX_WAITING, MAX_WAITING));
        fixture.take_cause(0);
        assert_eq!(fixture.exported(), [""; 0]);
        fixture.take_cause(1);
        assert_eq!(fixture.exported().len(), 1);
    }
}
