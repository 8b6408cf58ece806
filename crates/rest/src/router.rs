//! Puts the resources together: which routes are open, which need a token, and what answers all others.

use std::sync::Arc;

use allynet_domain::{
    port,
    usecase::{accounts, emergencies, helpers, messages},
};
use allynet_wire::problem::faults;
use axum::{Router, middleware};

use crate::{
    admin, answer::Failure, auth, caller, emergencies as emergency_routes, health, helpers as helper_routes,
    messages as message_routes, responses, routes::Routes,
};

/// What the routes need. Each resource gets only its part.
#[derive(Clone)]
pub struct Ports {
    /// Accounts, sessions and tokens.
    pub accounts: accounts::Context,
    /// Helpers' records and positions.
    pub helpers: helpers::Context,
    /// Emergencies.
    pub emergencies: emergencies::Context,
    /// Messages.
    pub messages: messages::Context,
    /// The log, for timelines.
    pub log: Arc<dyn port::EventLog>,
    /// Who is connected.
    pub presence: Arc<dyn port::Presence>,
    /// Whether this node takes requests.
    pub ready: health::Ready,
    /// Whether the Redis can be used; none if there is none.
    pub redis: Option<health::Ready>,
}

/// All routes, and the answers to everything that is none. [`crate::outermost`] has to go around it.
pub fn router(ports: Ports) -> Router {
    let authenticate = middleware::from_fn_with_state(ports.accounts.clone(), caller::authenticate);
    let (open, closed) = (open(&ports), closed(ports));
    let router = open.router.merge(closed.router.route_layer(authenticate));
    router
        .method_not_allowed_fallback(async || Failure::from(faults::method_not_allowed()))
        .fallback(async || Failure::from(faults::route_not_found()))
}

/// The routes that anybody may call.
pub(crate) fn open(ports: &Ports) -> Routes {
    auth::open(ports.accounts.clone()).and(health::routes(
        ports.accounts.changes.clone(),
        ports.ready.clone(),
        ports.redis.clone(),
    ))
}

/// The routes that need an access token.
pub(crate) fn closed(ports: Ports) -> Routes {
    let Ports { accounts, helpers, emergencies, messages, log, presence, ready: _, redis: _ } = ports;
    let positions = helpers.positions.clone();
    auth::closed(accounts)
        .and(helper_routes::routes(helpers.clone()))
        .and(admin::routes(admin::Context { helpers, emergencies: emergencies.clone(), presence: presence.clone() }))
        .and(responses::routes(responses::Context { emergencies: emergencies.clone(), presence: presence.clone() }))
        .and(emergency_routes::routes(emergency_routes::Context { emergencies, positions, log, presence }))
        .and(message_routes::routes(messages))
}
