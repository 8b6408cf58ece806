//! The router: the routes of all resources, in groups that differ in their middleware.

use std::sync::Arc;

use allynet_domain::{
    port,
    usecase::{
        accounts, blocks, contact_notices, contacts, devices, emergencies, exports::ExportPorts, helpers, messages,
        outbox, password_resets,
    },
};
use allynet_wire::{app_config::AppConfig, limits::Limits, problem::faults, scheduling::Scheduler};
use axum::{Router, middleware};

use crate::{
    admin::{self, AdminState},
    answer::Failure,
    app,
    auth::{self, DeletionState, OwnAccountState, SignInState},
    blocks as block_routes,
    caller::{self, Authentication},
    contacts as contact_routes, deadline, devices as device_routes,
    emergencies::{self as emergency_routes, EmergencyState},
    health, helpers as helper_routes, limits,
    messages::{self as message_routes, MessageState},
    pages,
    password_resets::{self as reset_routes, ResetState},
    resources as resource_routes,
    responses::{self, ResponseState},
    rights::{self, RightsState},
    routes::Routes,
};

/// The use cases and ports behind the routes. Each resource gets only its part.
#[derive(Clone)]
pub struct RestPorts {
    /// Accounts, sessions and tokens.
    pub accounts: accounts::AccountPorts,
    /// Blocks between users.
    pub blocks: blocks::BlockPorts,
    /// Emergency contacts.
    pub contacts: contacts::ContactPorts,
    /// The page of an emergency for contacts of its owner.
    pub contact_pages: contact_notices::ContactPagePorts,
    /// Devices.
    pub devices: devices::DevicePorts,
    /// Helper records and positions.
    pub helpers: helpers::HelperPorts,
    /// Emergencies.
    pub emergencies: emergencies::EmergencyPorts,
    /// The outbox, for receipts.
    pub sending: outbox::SendingPorts,
    /// Messages.
    pub messages: messages::MessagePorts,
    /// The replacement of forgotten passwords.
    pub password_resets: password_resets::PasswordResetPorts,
    /// The event log, for timelines.
    pub log: Arc<dyn port::EventLog>,
    /// Exports of what is stored of a user.
    pub exports: Arc<dyn port::Exports>,
    /// The presence of users.
    pub presence: Arc<dyn port::Presence>,
    /// The readiness of this node.
    pub readiness: Arc<health::Readiness>,
    /// The settings of an app.
    pub app: AppConfig,
    /// The rate limits.
    pub limits: Limits,
    /// The ports for requests of high priority.
    pub high: PriorityPorts,
    /// The order of requests.
    pub scheduler: Arc<dyn Scheduler>,
}

/// Ports of a store that keeps connections for them.
#[derive(Clone)]
pub struct PriorityPorts {
    /// Sessions, and the accounts of callers.
    pub accounts: accounts::AccountPorts,
    /// Emergencies, for raising and ending them and for responses.
    pub emergencies: emergencies::EmergencyPorts,
}

/// All routes with the middleware that depends on the kind of route, and the answers to unknown paths and methods.
///
/// The server wraps it in the middleware around every route.
pub fn router(ports: RestPorts) -> Router {
    let deadline = middleware::from_fn(deadline::enforce);
    let authentication = Arc::new(Authentication {
        normal: ports.accounts.clone(),
        high: ports.high.accounts.clone(),
        scheduler: ports.scheduler.clone(),
    });
    let authenticate = middleware::from_fn_with_state(authentication.clone(), caller::authenticate);
    let recognize = middleware::from_fn_with_state(authentication.clone(), caller::recognize);
    let in_turn = middleware::from_fn_with_state(authentication, caller::in_turn);
    let limit = middleware::from_fn_with_state(ports.limits.clone(), limits::limit);
    let (public, refreshing, password) = (public(&ports), refreshing(&ports), password(&ports));
    let (own_account, authenticated) = (own_account(&ports), authenticated(ports));
    // A request passes the layer that was added last first. Limits count by user, so authentication goes before them.
    let public = public.router.route_layer(limit.clone());
    let refreshing = refreshing.router.route_layer(in_turn).route_layer(limit.clone()).route_layer(deadline.clone());
    // No deadline: when many log in at once, hashing waits its turn for longer, and none of them is to be refused.
    let password = password.router.route_layer(limit.clone()).route_layer(authenticate.clone());
    let own_account =
        own_account.router.route_layer(limit.clone()).route_layer(authenticate).route_layer(deadline.clone());
    let authenticated = authenticated.router.route_layer(limit).route_layer(recognize).route_layer(deadline);
    public
        .merge(refreshing)
        .merge(password)
        .merge(own_account)
        .merge(authenticated)
        .method_not_allowed_fallback(async || Failure::from(faults::method_not_allowed()))
        .fallback(async || Failure::from(faults::route_not_found()))
}

/// Routes without authentication, except [`refreshing`].
pub(crate) fn public(ports: &RestPorts) -> Routes {
    let RestPorts { accounts, devices, helpers, password_resets, app, readiness, limits, .. } = ports;
    let policy = helpers.rules.helpers;
    let sign_in = SignInState { accounts: accounts.clone(), limits: limits.clone(), policy };
    let resets = ResetState { resets: password_resets.clone(), limits: limits.clone() };
    auth::public(sign_in)
        .merge(reset_routes::routes(resets))
        .merge(pages::routes())
        .merge(app::routes(app.clone()))
        .merge(device_routes::push_key(devices.clone()))
        .merge(health::routes(readiness.clone()))
}

/// Routes without authentication that use the database at once: the exchange of refresh tokens, receipts, and pages.
pub(crate) fn refreshing(ports: &RestPorts) -> Routes {
    let receipts = device_routes::ReceiptState::new(ports.sending.clone(), ports.limits.clone());
    auth::refreshing(ports.accounts.clone())
        .merge(device_routes::receipts(receipts))
        .merge(pages::contacts(ports.contacts.clone()))
        .merge(pages::emergency(ports.contact_pages.clone()))
}

/// Authenticated routes that hash a password.
pub(crate) fn password(ports: &RestPorts) -> Routes {
    let RestPorts { accounts, emergencies, .. } = ports;
    auth::passwords(DeletionState { accounts: accounts.clone(), emergencies: emergencies.clone() })
}

/// Authenticated routes about the caller's own account, which must be read as it is now.
pub(crate) fn own_account(ports: &RestPorts) -> Routes {
    let RestPorts { accounts, blocks, contacts, devices, exports, helpers, emergencies, .. } = ports;
    let own = OwnAccountState { accounts: accounts.clone(), policy: helpers.rules.helpers };
    auth::account(own)
        .merge(contact_routes::routes(contacts.clone()))
        .merge(block_routes::own(blocks.clone()))
        .merge(helper_routes::record(helpers.clone()))
        .merge(rights::routes(RightsState {
            exports: ExportPorts {
                access_log: emergencies.access_log.clone(),
                blocks: blocks.blocks.clone(),
                contacts: contacts.contacts.clone(),
                devices: devices.devices.clone(),
                emergencies: emergencies.emergencies.clone(),
                exports: exports.clone(),
                positions: helpers.positions.clone(),
                sessions: accounts.sessions.clone(),
            },
            devices: devices.clone(),
            emergencies: emergencies.clone(),
        }))
}

/// All other authenticated routes.
pub(crate) fn authenticated(ports: RestPorts) -> Routes {
    let RestPorts { blocks, devices, helpers, emergencies, messages, log, presence, high, .. } = ports;
    let responses = ResponseState { emergencies: high.emergencies.clone(), presence: presence.clone() };
    helper_routes::position(helpers.clone())
        .merge(helper_routes::own_readiness(devices.clone(), helpers.rules.clone()))
        .merge(block_routes::of_others(blocks))
        .merge(device_routes::routes(devices))
        .merge(resource_routes::routes(emergencies.clone()))
        .merge(admin::routes(AdminState { helpers, emergencies: emergencies.clone(), presence: presence.clone() }))
        .merge(responses::routes(responses))
        .merge(emergency_routes::routes(EmergencyState { emergencies, high: high.emergencies, log, presence }))
        .merge(message_routes::routes(MessageState { messages }))
}
