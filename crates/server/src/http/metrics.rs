//! Metrics of requests: number of answers by status, and their duration.
//!
//! The label is the route pattern and never the requested path, so that no label holds an id and clients cannot create
//! series.

use std::{collections::HashMap, time::Duration};

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};
use parking_lot::RwLock;

const REQUESTS: &str = "allynet_http_requests_total";
const DURATION: &str = "allynet_http_request_duration_seconds";

/// The route label of requests that match no route.
const UNMATCHED_ROUTE: &str = "none";

/// Describes the metrics of this file to the recorder.
pub(crate) fn describe() {
    describe_counter!(REQUESTS, "Requests answered");
    describe_histogram!(DURATION, "Time from a request to the head of its answer; for `/socket.io`, of a poll");
}

/// Handles by method, route and status.
type Handles = HashMap<&'static str, HashMap<Box<str>, HashMap<StatusCode, Handle>>>;

/// Handles of every combination answered so far, registered on first use: recording then costs one shared lock and two
/// atomic additions.
#[derive(Debug, Default)]
pub(super) struct RequestMetrics {
    handles: RwLock<Handles>,
}

#[derive(Debug, Clone)]
struct Handle {
    answered: Counter,
    took: Histogram,
}

impl RequestMetrics {
    /// Records one answer.
    pub(super) fn record(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let (method, route) = (method_label(method), route.map_or(UNMATCHED_ROUTE, route_label));
        let handle = self.get(method, route, status).unwrap_or_else(|| self.register(method, route, status));
        handle.answered.increment(1);
        handle.took.record(took);
    }

    fn get(&self, method: &'static str, route: &str, status: StatusCode) -> Option<Handle> {
        self.handles.read().get(method)?.get(route)?.get(&status).cloned()
    }

    fn register(&self, method: &'static str, route: &str, status: StatusCode) -> Handle {
        let name = route.to_owned();
        let handle = Handle {
            answered: counter!(REQUESTS, "method" => method, "route" => name.clone(), "status" => status.as_str().to_owned()),
            took: histogram!(DURATION, "method" => method, "route" => name),
        };
        let mut handles = self.handles.write();
        let statuses = handles.entry(method).or_default().entry(route.into()).or_default();
        // Two requests may register the same series at once; both handles lead to it.
        statuses.entry(status).or_insert(handle).clone()
    }
}

/// Clients choose the method: all unusual ones share the label `other`.
fn method_label(method: &Method) -> &'static str {
    const LABELS: [(Method, &str); 7] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
    ];
    LABELS.iter().find(|(known, _)| known == method).map_or("other", |(_, label)| label)
}

/// Each route is registered with and without a trailing slash; both share a label.
fn route_label(route: &str) -> &str {
    route.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(route)
}
