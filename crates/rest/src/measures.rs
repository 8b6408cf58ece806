//! What is measured of requests: how many were answered, how, and in what time. By the route as it is written in the
//! router and never by the path that was asked for, so that no label holds an id and strangers cannot make labels.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

const REQUESTS: &str = "allynet_http_requests_total";
const DURATION: &str = "allynet_http_request_duration_seconds";

/// The route of what is none.
const NO_ROUTE: &str = "none";

/// Says what is measured here.
pub fn describe() {
    describe_counter!(REQUESTS, "Requests answered");
    describe_histogram!(DURATION, "Time from a request to the head of its answer; on `/socket.io`, of a poll");
}

/// The handles by method, route and status.
type Known = HashMap<&'static str, HashMap<Box<str>, HashMap<StatusCode, Measured>>>;

/// The handles of everything that was answered so far. They are made when they are first needed, and then kept.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    known: RwLock<Known>,
}

#[derive(Debug, Clone)]
struct Measured {
    answered: Counter,
    took: Histogram,
}

impl Requests {
    /// A request was answered.
    pub(crate) fn answered(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let (method, route) = (method_label(method), route.map_or(NO_ROUTE, route_label));
        let measured = self.known(method, route, status).unwrap_or_else(|| self.learn(method, route, status));
        measured.answered.increment(1);
        measured.took.record(took);
    }

    fn known(&self, method: &'static str, route: &str, status: StatusCode) -> Option<Measured> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(method)?.get(route)?.get(&status).cloned()
    }

    fn learn(&self, method: &'static str, route: &str, status: StatusCode) -> Measured {
        let name = route.to_owned();
        let measured = Measured {
            answered: counter!(REQUESTS, "method" => method, "route" => name.clone(), "status" => status.as_str().to_owned()),
            took: histogram!(DURATION, "method" => method, "route" => name),
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let statuses = known.entry(method).or_default().entry(route.into()).or_default();
        statuses.entry(status).or_insert(measured).clone()
    }
}

/// Methods are the caller's choice: those that nobody needs are all alike.
fn method_label(method: &Method) -> &'static str {
    const NAMED: [(Method, &str); 7] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
    ];
    NAMED.iter().find(|(named, _)| named == method).map_or("other", |(_, label)| label)
}

/// A slash at the end makes no difference.
fn route_label(route: &str) -> &str {
    route.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(route)
}
