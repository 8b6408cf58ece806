//! Puts the resources together: which routes are open, which need a token, and what answers all others.

use std::sync::Arc;

use allynet_domain::{
    port,
    usecase::{accounts, emergencies, helpers, messages},
};
use allynet_wire::{limits::Limits, problem::faults};
use axum::{Router, middleware};

use crate::{
    admin, answer::Failure, auth, caller, deadline, emergencies as emergency_routes, health, helpers as helper_routes,
    limits, messages as message_routes, responses, routes::Routes, turns::Turns,
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

/// All routes with the middleware that depends on the kind of route, and the answers to unknown paths and methods.
///
/// The server wraps it in the middleware that goes around every route.
pub fn router(ports: Ports) -> Router {
    let deadline = middleware::from_fn(deadline::enforce);
    let authenticate = middleware::from_fn_with_state(ports.accounts.clone(), caller::authenticate);
    let recognize = middleware::from_fn_with_state(ports.accounts.clone(), caller::recognize);
    let limit = middleware::from_fn_with_state(ports.limits.clone(), limits::limit);
    let (open, passwords, own, closed) = (open(&ports), passwords(&ports), own(&ports), closed(ports));
    // A request passes the layer that was added last first. Limits count by user, so authentication goes before them.
    let open = open.router.route_layer(limit.clone());
    // No deadline: when many log in at once, hashing waits its turn for longer, and none of them is to be refused.
    let passwords = passwords.router.route_layer(limit.clone()).route_layer(authenticate.clone());
    let own = own.router.route_layer(limit.clone()).route_layer(authenticate).route_layer(deadline.clone());
    let closed = closed.router.route_layer(limit).route_layer(recognize).route_layer(deadline);
    open.merge(passwords)
        .merge(own)
        .merge(closed)
        .method_not_allowed_fallback(async || Failure::from(faults::method_not_allowed()))
        .fallback(async || Failure::from(faults::route_not_found()))
}

/// Routes without authentication.
pub(crate) fn open(ports: &Ports) -> Routes {
    let Ports { accounts, ready, redis, metrics, limits, .. } = ports;
    auth::open(auth::Entrance { accounts: accounts.clone(), limits: limits.clone() }).and(health::routes(
        accounts.changes.clone(),
        ready.clone(),
        redis.clone(),
        metrics.clone(),
    ))
}

/// Authenticated routes that hash a password.
pub(crate) fn passwords(ports: &Ports) -> Routes {
    auth::passwords(ports.accounts.clone())
}

/// Authenticated routes about the caller's own account, which must be read as it is now.
pub(crate) fn own(ports: &Ports) -> Routes {
    let Ports { accounts, helpers, .. } = ports;
    auth::closed(accounts.clone()).and(helper_routes::own(helpers.clone()))
}

/// All other authenticated routes.
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
