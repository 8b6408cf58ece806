//! Puts the resources together: which routes are open, which need a token, and what answers all others.

use std::sync::Arc;

use allynet_domain::{
    port,
    usecase::{accounts, emergencies, helpers, messages},
};
use allynet_wire::{limits::Limits, problem::faults};
use axum::{Router, middleware};

use crate::{
    admin, answer::Failure, auth, caller, emergencies as emergency_routes, health, helpers as helper_routes, limits,
    messages as message_routes, responses, routes::Routes, turns::Turns,
};

/// What the routes need. Each resource gets only its part.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, sessions and tokens.
    pub accounts: accounts::AccountPorts,
    /// Helpers' records and positions.
    pub helpers: helpers::HelperPorts,
    /// Emergencies.
    pub emergencies: emergencies::EmergencyPorts,
    /// Messages.
    pub messages: messages::MessagePorts,
    /// The log, for timelines.
    pub log: Arc<dyn port::EventLog>,
    /// Who is connected.
    pub presence: Arc<dyn port::Presence>,
    /// Whether this node takes requests.
    pub ready: health::Ready,
    /// Whether the Redis can be used; none if there is none.
    pub redis: Option<health::Ready>,
    /// What was measured.
    pub metrics: health::Metrics,
    /// What callers may do how often.
    pub limits: Limits,
}

/// All routes, and the answers to everything that is none. [`crate::outermost`] has to go around it.
pub fn router(ports: Ports) -> Router {
    let authenticate = middleware::from_fn_with_state(ports.accounts.clone(), caller::authenticate);
    let recognize = middleware::from_fn_with_state(ports.accounts.clone(), caller::recognize);
    let limit = middleware::from_fn_with_state(ports.limits.clone(), limits::limit);
    let (open, own, closed) = (open(&ports), own(&ports), closed(ports));
    // Who calls has to be known before it is counted what they do.
    let own = own.router.route_layer(limit.clone()).route_layer(authenticate);
    let closed = closed.router.route_layer(limit.clone()).route_layer(recognize);
    let router = open.router.route_layer(limit).merge(own).merge(closed);
    router
        .method_not_allowed_fallback(async || Failure::from(faults::method_not_allowed()))
        .fallback(async || Failure::from(faults::route_not_found()))
}

/// The routes that anybody may call.
pub(crate) fn open(ports: &Ports) -> Routes {
    let Ports { accounts, ready, redis, metrics, limits, .. } = ports;
    auth::open(auth::Entrance { accounts: accounts.clone(), limits: limits.clone() }).and(health::routes(
        accounts.changes.clone(),
        ready.clone(),
        redis.clone(),
        metrics.clone(),
    ))
}

/// The routes that need an access token and are about the caller's own account, as it is now.
pub(crate) fn own(ports: &Ports) -> Routes {
    let Ports { accounts, helpers, .. } = ports;
    auth::closed(accounts.clone()).and(helper_routes::own(helpers.clone()))
}

/// The other routes that need an access token.
pub(crate) fn closed(ports: Ports) -> Routes {
    let Ports { helpers, emergencies, messages, log, presence, .. } = ports;
    let turns = Turns::default();
    let responses =
        responses::Context { emergencies: emergencies.clone(), presence: presence.clone(), turns: turns.clone() };
    helper_routes::position(helpers.clone())
        .and(admin::routes(admin::Context { helpers, emergencies: emergencies.clone(), presence: presence.clone() }))
        .and(responses::routes(responses))
        .and(emergency_routes::routes(emergency_routes::Context { emergencies, log, presence }))
        .and(message_routes::routes(message_routes::Context { messages, turns }))
}
