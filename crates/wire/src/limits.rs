//! Rate limits: a table of the limits, one of the routes and one of the client events. The algorithm that counts is
//! behind the trait [`Limiter`].
//!
//! Nothing that a person in an emergency depends on is ever limited: raising it, alerts and their acknowledgement,
//! responding, a helper's status, resolving, cancelling, and reading. An account that abuses these is blocked.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use allynet_domain::{Email, UserId};

use crate::client::ClientAddress;

/// The key by which a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// All requests from one client address.
    Address,
    /// All requests about the account with one email, from one client address.
    Account,
    /// One user, over all connections and devices.
    User,
    /// One Socket.IO connection.
    Socket,
}

/// The treatment of a request or event above a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It is refused; the answer says when to try again.
    Refused,
    /// The newest one is carried out later.
    Deferred,
    /// It is answered as if it were carried out.
    Ignored,
    /// The connection is closed.
    Closed,
}

/// A token bucket: `burst` at once, and one more after each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The size of the bucket.
    pub burst: u32,
    /// The interval after which one more is allowed.
    pub each: Duration,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $burst:literal per $each:literal ms, $subject:ident, $excess:ident;)+) => {
        /// A rate limit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Limit { $($(#[doc = $doc])+ $name),+ }

        impl Limit {
            /// All limits, in the order of their discriminants.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What it counts: a sentence, perhaps followed by others.
            pub(crate) const fn describe(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start()),+ }
            }

            /// The quota of this limit.
            pub const fn quota(self) -> Quota {
                let (burst, each) = match self { $(Self::$name => ($burst, $each)),+ };
                Quota { burst, each: Duration::from_millis(each) }
            }

            /// The key by which this limit counts.
            pub const fn subject(self) -> Subject {
                match self { $(Self::$name => Subject::$subject),+ }
            }

            /// What happens above this limit.
            pub const fn excess(self) -> Excess {
                match self { $(Self::$name => Excess::$excess),+ }
            }
        }
    };
}

// Many phones share one address, behind the router of a house or a carrier-grade NAT: limits by address are generous.
limits! {
    /// Registrations.
    Registrations = 60 per 1_000 ms, Address, Refused;
    /// Logins, and the two steps of replacing a forgotten password.
    Logins = 120 per 500 ms, Address, Refused;
    /// Logins to one account, registrations of its email, and requests to replace its password.
    Credentials = 10 per 10_000 ms, Account, Refused;
    /// Pages of emergency contacts.
    Pages = 120 per 500 ms, Address, Refused;
    /// Refreshes of tokens.
    Refreshes = 600 per 50 ms, Address, Refused;
    /// Receipts of pushes. More are ignored. A rule, which applies without rate limits, too.
    Receipts = 60 per 1_000 ms, Address, Ignored;
    /// Changes of the password, and deletions of the account.
    Passwords = 10 per 10_000 ms, User, Refused;
    /// Exports of an account.
    Exports = 5 per 20_000 ms, User, Refused;
    /// All other writes over REST.
    Writes = 120 per 500 ms, User, Refused;
    /// Positions over REST.
    Locations = 25 per 200 ms, User, Refused;
    /// Reads over REST, except of emergencies.
    Reads = 300 per 33 ms, User, Refused;
    /// Events of one connection, except positions. The burst lets a client join all its rooms, and fits into an inbox.
    SocketEvents = 60 per 100 ms, Socket, Refused;
    /// Events of all connections of a user, except positions.
    UserEvents = 300 per 33 ms, User, Refused;
    /// Positions over sockets that are stored.
    Positions = 1 per 200 ms, User, Deferred;
    /// Positions over one socket that are accepted. The burst is what a phone may have buffered without a network.
    SocketPositions = 10_000 per 20 ms, Socket, Refused;
    /// Events of one connection that were refused.
    Refusals = 100 per 500 ms, Socket, Closed;
}

/// No limit applies.
const UNLIMITED: &[Limit] = &[];

/// Every route: its method, its path in the router's notation, and its limits.
pub const ROUTES: &[(&str, &str, &[Limit])] = &[
    ("POST", "/api/v1/emergencies", UNLIMITED),
    ("PATCH", "/api/v1/emergencies/{id}", UNLIMITED),
    ("POST", "/api/v1/emergencies/{id}/respond", UNLIMITED),
    ("PUT", "/api/v1/emergencies/{id}/helper-status", UNLIMITED),
    ("POST", "/api/v1/emergencies/{id}/resolve", UNLIMITED),
    ("POST", "/api/v1/emergencies/{id}/cancel", UNLIMITED),
    ("POST", "/api/v1/emergencies/{id}/renew", UNLIMITED),
    ("POST", "/api/v1/emergencies/{id}/reopen", UNLIMITED),
    ("GET", "/api/v1/emergencies/active", UNLIMITED),
    ("GET", "/api/v1/emergencies/helper-active", UNLIMITED),
    ("GET", "/api/v1/emergencies/pending-for-helper", UNLIMITED),
    ("GET", "/api/v1/emergencies/nearby", UNLIMITED),
    ("GET", "/api/v1/emergencies/{id}", UNLIMITED),
    ("GET", "/api/v1/emergencies/{id}/helpers", UNLIMITED),
    ("GET", "/api/v1/emergencies/{id}/timeline", UNLIMITED),
    ("GET", "/api/v1/emergencies/{id}/messages", UNLIMITED),
    ("GET", "/api/v1/admin/emergencies", UNLIMITED),
    ("GET", "/api/v1/app/config", UNLIMITED),
    ("GET", "/api/v1/push/key", UNLIMITED),
    ("POST", "/api/v1/alerts/receipts", &[Limit::Receipts]),
    ("GET", "/api/health", UNLIMITED),
    ("GET", "/reset-password", UNLIMITED),
    ("GET", "/pages/reset-password.js", UNLIMITED),
    ("GET", "/pages/style.css", UNLIMITED),
    ("GET", "/healthz", UNLIMITED),
    ("GET", "/readyz", UNLIMITED),
    ("POST", "/api/v1/auth/register", &[Limit::Registrations, Limit::Credentials]),
    ("POST", "/api/v1/auth/login", &[Limit::Logins, Limit::Credentials]),
    ("POST", "/api/v1/auth/forgot-password", &[Limit::Logins, Limit::Credentials]),
    ("POST", "/api/v1/auth/reset-password", &[Limit::Logins]),
    ("POST", "/api/v1/auth/refresh", &[Limit::Refreshes]),
    ("PUT", "/api/v1/auth/update-password", &[Limit::Passwords]),
    ("DELETE", "/api/v1/auth/me", &[Limit::Passwords]),
    ("POST", "/api/v1/auth/me/delete", &[Limit::Passwords]),
    ("POST", "/api/v1/auth/logout", &[Limit::Writes]),
    ("DELETE", "/api/v1/auth/sessions/{sessionId}", &[Limit::Writes]),
    ("PUT", "/api/v1/auth/me", &[Limit::Writes]),
    ("POST", "/api/v1/auth/emergency-contacts", &[Limit::Writes]),
    ("POST", "/api/v1/auth/me/blocks", &[Limit::Writes]),
    ("PUT", "/api/v1/auth/me/blocks/{userId}", &[Limit::Writes]),
    ("DELETE", "/api/v1/auth/me/blocks/{userId}", &[Limit::Writes]),
    ("PUT", "/api/v1/auth/emergency-contacts/{contactId}", &[Limit::Writes]),
    ("DELETE", "/api/v1/auth/emergency-contacts/{contactId}", &[Limit::Writes]),
    ("GET", "/c/{token}", &[Limit::Pages]),
    ("POST", "/c/{token}", &[Limit::Pages]),
    ("GET", "/c/confirm/{token}", &[Limit::Pages]),
    ("POST", "/c/confirm/{token}", &[Limit::Pages]),
    ("GET", "/c/stop/{token}", &[Limit::Pages]),
    ("POST", "/c/stop/{token}", &[Limit::Pages]),
    ("POST", "/api/v1/devices", &[Limit::Writes]),
    ("POST", "/api/v1/devices/{deviceId}/test", &[Limit::Writes]),
    ("DELETE", "/api/v1/devices/{deviceId}", &[Limit::Writes]),
    ("PUT", "/api/v1/helpers/me", &[Limit::Writes]),
    ("PUT", "/api/v1/helpers/{userId}/verification", &[Limit::Writes]),
    ("PUT", "/api/v1/helpers/{userId}/block", &[Limit::Writes]),
    ("DELETE", "/api/v1/emergencies/{id}", &[Limit::Writes]),
    ("POST", "/api/v1/emergencies/{id}/ratings", &[Limit::Writes]),
    ("POST", "/api/v1/emergencies/{id}/report", &[Limit::Writes]),
    ("POST", "/api/v1/emergencies/{id}/messages", &[Limit::Writes]),
    ("DELETE", "/api/v1/emergencies/{id}/messages/{messageId}", &[Limit::Writes]),
    ("PUT", "/api/v1/helpers/me/location", &[Limit::Locations]),
    ("GET", "/api/v1/auth/me", &[Limit::Reads]),
    ("GET", "/api/v1/auth/sessions", &[Limit::Reads]),
    ("GET", "/api/v1/auth/me/access-log", &[Limit::Reads]),
    ("GET", "/api/v1/auth/me/export", &[Limit::Exports]),
    ("GET", "/api/v1/auth/stats", &[Limit::Reads]),
    ("GET", "/api/v1/auth/emergency-contacts", &[Limit::Reads]),
    ("GET", "/api/v1/auth/me/blocks", &[Limit::Reads]),
    ("GET", "/api/v1/devices", &[Limit::Reads]),
    ("GET", "/api/v1/helpers/me", &[Limit::Reads]),
    ("GET", "/api/v1/helpers/me/readiness", &[Limit::Reads]),
    ("GET", "/api/v1/helpers", &[Limit::Reads]),
    ("GET", "/api/v1/resources", &[Limit::Reads]),
    ("POST", "/api/v1/resources", &[Limit::Writes]),
    ("PUT", "/api/v1/resources/{resourceId}", &[Limit::Writes]),
    ("DELETE", "/api/v1/resources/{resourceId}", &[Limit::Writes]),
    ("POST", "/api/v1/resources/{resourceId}/reports", &[Limit::Writes]),
    ("GET", "/api/v1/helpers/presence", &[Limit::Reads]),
    ("GET", "/api/v1/admin/coverage", &[Limit::Reads]),
    ("GET", "/api/v1/helpers/{userId}/blocks", &[Limit::Reads]),
    ("GET", "/api/v1/emergencies/history", &[Limit::Reads]),
];

/// The limits of a client event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRule {
    /// The name of the event.
    pub event: &'static str,
    /// The limits that count it.
    pub limits: &'static [Limit],
    /// Whether participants of the emergency that the event names are exempt.
    pub free_for_participants: bool,
}

const EVENT: &[Limit] = &[Limit::SocketEvents, Limit::UserEvents];

/// Every client event.
pub const EVENTS: &[EventRule] = &[
    EventRule { event: "emergency:join", limits: EVENT, free_for_participants: true },
    EventRule { event: "emergency:leave", limits: EVENT, free_for_participants: false },
    EventRule {
        event: "location:update",
        limits: &[Limit::SocketPositions, Limit::Positions],
        free_for_participants: false,
    },
    EventRule { event: "alert:seen", limits: EVENT, free_for_participants: false },
    EventRule { event: "dispatcher:join", limits: EVENT, free_for_participants: false },
    EventRule { event: "dispatcher:leave", limits: EVENT, free_for_participants: false },
];

/// The rule for unknown events and events with an invalid payload.
pub const OTHER_EVENTS: EventRule = EventRule { event: "*", limits: EVENT, free_for_participants: false };

/// The maximum number of connections per user; a new one replaces the oldest.
pub const CONNECTIONS_PER_USER: usize = 10;
/// The maximum number of rooms that one connection may be in as a looker-on.
pub const ROOMS_PER_SOCKET: usize = 50;

/// Limits of a route, or `None` if the route is unknown.
pub fn of_route(method: &str, path: &str) -> Option<&'static [Limit]> {
    // The router answers HEAD with the handler of GET.
    let method = if method == "HEAD" { "GET" } else { method };
    let path = path.strip_suffix('/').unwrap_or(path);
    ROUTES.iter().find(|row| (row.0, row.1) == (method, path)).map(|row| row.2)
}

/// Limits of a client event; [`OTHER_EVENTS`] if the event is unknown.
pub fn of_event(event: &str) -> &'static EventRule {
    EVENTS.iter().find(|rule| rule.event == event).unwrap_or(&OTHER_EVENTS)
}

/// The key under which a request or event is counted. Holds no email and no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// A client address.
    Address(ClientAddress),
    /// The hash of an account's email and a client address.
    Account(u64),
    /// A user.
    User(UserId),
    /// The number of a connection.
    Socket(u64),
}

impl LimitKey {
    /// The key of the account with this email, for requests from this address.
    pub fn account(email: &Email, address: IpAddr) -> Self {
        let mut hasher = DefaultHasher::new();
        (email.as_str(), address).hash(&mut hasher);
        Self::Account(hasher.finish())
    }
}

/// Counts requests and events against limits. One per process; never blocks.
pub trait Limiter: Send + Sync {
    /// Takes one token; takes none if the bucket is empty.
    ///
    /// # Errors
    /// The time until the next token, never zero.
    fn take(&self, limit: Limit, key: LimitKey) -> Result<(), Duration>;
}

/// The limits of this process: enabled or disabled. Clones share the counters.
#[derive(Clone, Default)]
pub struct Limits {
    limiter: Option<Arc<dyn Limiter>>,
    is_enabled: bool,
}

impl Limits {
    /// Limits as in the tables.
    pub fn on(limiter: Arc<dyn Limiter>) -> Self {
        Self { limiter: Some(limiter), is_enabled: true }
    }

    /// No limits but those that are rules ([`Self::take_rule`]).
    pub fn off(limiter: Arc<dyn Limiter>) -> Self {
        Self { limiter: Some(limiter), is_enabled: false }
    }

    /// No limits at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Takes one token; always succeeds if limits are disabled.
    ///
    /// # Errors
    /// The time until the next token.
    pub fn take(&self, limit: Limit, key: LimitKey) -> Result<(), Duration> {
        if self.is_enabled { self.take_rule(limit, key) } else { Ok(()) }
    }

    /// Takes one token of a limit that is a rule: also if limits are disabled.
    ///
    /// # Errors
    /// The time until the next token.
    pub fn take_rule(&self, limit: Limit, key: LimitKey) -> Result<(), Duration> {
        self.limiter.as_ref().map_or(Ok(()), |limiter| limiter.take(limit, key))
    }

    /// The maximum number of connections per user.
    pub const fn connections_per_user(&self) -> usize {
        self.unless_off(CONNECTIONS_PER_USER)
    }

    /// The maximum number of rooms that one connection may be in as a looker-on.
    pub const fn rooms_per_socket(&self) -> usize {
        self.unless_off(ROOMS_PER_SOCKET)
    }

    const fn unless_off(&self, maximum: usize) -> usize {
        if self.is_enabled { maximum } else { usize::MAX }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_enabled { "on" } else { "off" })
    }
}

#[cfg(test)]
mod tests;
