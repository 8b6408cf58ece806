//! What callers may do how often, and what is never limited: a table of the limits, one of the routes and one of the
//! events. How it is counted is not known here.
//!
//! Whatever a person in an emergency depends on is never limited: raising it, an alert and its acknowledgement,
//! responding, a helper's status, resolving, cancelling, and reading. An account that abuses that is blocked.

use std::{
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use allynet_domain::{Email, UserId};

use crate::client::ClientAddress;

/// Whose doings a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Everything that comes from one address.
    Address,
    /// Everything about the account with one email, whoever calls.
    Account,
    /// One user, on all devices.
    User,
    /// One connection.
    Socket,
}

/// What happens to what is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It is not done; the caller is told when to try again.
    Refused,
    /// The newest of it is done later.
    PutOff,
    /// The connection is closed.
    Closed,
}

/// So much at once, and then one more each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// At once.
    pub burst: u32,
    /// How long until one more.
    pub each: Duration,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $burst:literal per $each:literal ms, $subject:ident, $excess:ident;)+) => {
        /// Something that is limited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Limit { $($(#[$doc])* $name),+ }

        impl Limit {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// How much it allows.
            pub const fn quota(self) -> Quota {
                let (burst, each) = match self { $(Self::$name => ($burst, $each)),+ };
                Quota { burst, each: Duration::from_millis(each) }
            }

            /// Whose doings it counts together.
            pub const fn subject(self) -> Subject {
                match self { $(Self::$name => Subject::$subject),+ }
            }

            /// What happens to what is over it.
            pub const fn excess(self) -> Excess {
                match self { $(Self::$name => Excess::$excess),+ }
            }
        }
    };
}

// Many phones share one address, behind the router of a house or of a carrier: what is counted by address is wide.
limits! {
    /// New accounts.
    Registrations = 60 per 1_000 ms, Address, Refused;
    /// Logging in.
    Logins = 120 per 500 ms, Address, Refused;
    /// Passwords tried on one account, and attempts to register it.
    Credentials = 10 per 10_000 ms, Account, Refused;
    /// New access tokens.
    Refreshes = 600 per 50 ms, Address, Refused;
    /// Passwords tried by one who is logged in.
    Passwords = 10 per 10_000 ms, User, Refused;
    /// Everything else that is written over REST.
    Writes = 120 per 500 ms, User, Refused;
    /// Positions over REST.
    Locations = 25 per 200 ms, User, Refused;
    /// What is read and is no emergency.
    Reads = 300 per 33 ms, User, Refused;
    /// Events of one connection but for positions. No more at once than an inbox holds, and all rooms at once.
    SocketEvents = 60 per 100 ms, Socket, Refused;
    /// Events of all connections of a user but for positions.
    UserEvents = 300 per 33 ms, User, Refused;
    /// Positions over sockets that are stored.
    Positions = 1 per 200 ms, User, PutOff;
    /// Positions over one socket that are taken at all.
    SocketPositions = 250 per 20 ms, Socket, Refused;
    /// What was refused to a connection that goes on all the same.
    Refusals = 100 per 500 ms, Socket, Closed;
}

/// Not limited.
const NEVER: &[Limit] = &[];

/// Every route: its method, its path as the router writes it, and what limits it.
pub const ROUTES: &[(&str, &str, &[Limit])] = &[
    ("POST", "/api/v1/emergencies", NEVER),
    ("POST", "/api/v1/emergencies/{id}/respond", NEVER),
    ("PUT", "/api/v1/emergencies/{id}/helper-status", NEVER),
    ("POST", "/api/v1/emergencies/{id}/resolve", NEVER),
    ("POST", "/api/v1/emergencies/{id}/cancel", NEVER),
    ("GET", "/api/v1/emergencies/active", NEVER),
    ("GET", "/api/v1/emergencies/helper-active", NEVER),
    ("GET", "/api/v1/emergencies/pending-for-helper", NEVER),
    ("GET", "/api/v1/emergencies/nearby", NEVER),
    ("GET", "/api/v1/emergencies/{id}", NEVER),
    ("GET", "/api/v1/emergencies/{id}/helpers", NEVER),
    ("GET", "/api/v1/emergencies/{id}/timeline", NEVER),
    ("GET", "/api/v1/emergencies/{id}/messages", NEVER),
    ("GET", "/api/v1/admin/emergencies", NEVER),
    ("GET", "/api/health", NEVER),
    ("GET", "/healthz", NEVER),
    ("GET", "/readyz", NEVER),
    ("GET", "/metrics", NEVER),
    ("POST", "/api/v1/auth/register", &[Limit::Registrations, Limit::Credentials]),
    ("POST", "/api/v1/auth/login", &[Limit::Logins, Limit::Credentials]),
    ("POST", "/api/v1/auth/refresh", &[Limit::Refreshes]),
    ("PUT", "/api/v1/auth/update-password", &[Limit::Passwords]),
    ("POST", "/api/v1/auth/logout", &[Limit::Writes]),
    ("PUT", "/api/v1/auth/me", &[Limit::Writes]),
    ("POST", "/api/v1/auth/emergency-contacts", &[Limit::Writes]),
    ("DELETE", "/api/v1/auth/emergency-contacts/{contactId}", &[Limit::Writes]),
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
    ("GET", "/api/v1/auth/stats", &[Limit::Reads]),
    ("GET", "/api/v1/auth/emergency-contacts", &[Limit::Reads]),
    ("GET", "/api/v1/helpers/me", &[Limit::Reads]),
    ("GET", "/api/v1/helpers", &[Limit::Reads]),
    ("GET", "/api/v1/helpers/presence", &[Limit::Reads]),
    ("GET", "/api/v1/emergencies/history", &[Limit::Reads]),
];

/// What limits an event that clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRule {
    /// The event's name.
    pub event: &'static str,
    /// What is counted.
    pub limits: &'static [Limit],
    /// Whether those who take part in the emergency it names are never limited.
    pub free_for_participants: bool,
}

const EVENT: &[Limit] = &[Limit::SocketEvents, Limit::UserEvents];

/// Every event that clients send.
pub const EVENTS: &[EventRule] = &[
    EventRule { event: "emergency:join", limits: EVENT, free_for_participants: true },
    EventRule { event: "emergency:leave", limits: EVENT, free_for_participants: false },
    EventRule {
        event: "location:update",
        limits: &[Limit::SocketPositions, Limit::Positions],
        free_for_participants: false,
    },
];

/// Any other event, and any whose payload means nothing.
pub const OTHER_EVENTS: EventRule = EventRule { event: "*", limits: EVENT, free_for_participants: false };

/// The most connections of one user; a newer one takes the place of the oldest.
pub const CONNECTIONS_PER_USER: usize = 10;
/// The most rooms in which one connection looks on.
pub const ROOMS_PER_SOCKET: usize = 50;

/// What limits a route; none for what is no route.
pub fn of_route(method: &str, path: &str) -> Option<&'static [Limit]> {
    // Whoever asks for the head of an answer is answered like one who asks for all of it.
    let method = if method == "HEAD" { "GET" } else { method };
    let path = path.strip_suffix('/').unwrap_or(path);
    ROUTES.iter().find(|row| (row.0, row.1) == (method, path)).map(|row| row.2)
}

/// What limits an event.
pub fn of_event(event: &str) -> &'static EventRule {
    EVENTS.iter().find(|rule| rule.event == event).unwrap_or(&OTHER_EVENTS)
}

/// Who does something. Small, and without anything that names a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Somebody at this address.
    Address(ClientAddress),
    /// Somebody about an account, of whose email this is a hash.
    Account(u64),
    /// This user.
    User(UserId),
    /// The connection with this number.
    Socket(u64),
}

impl Who {
    /// Somebody about the account with this email.
    pub fn account(email: &Email) -> Self {
        let mut hasher = DefaultHasher::new();
        email.as_str().hash(&mut hasher);
        Self::Account(hasher.finish())
    }
}

/// Counts. One per process; never waits for anything.
pub trait Limiter: Send + Sync {
    /// Counts one more of this; if that would be too much, counts nothing, and says how long to wait.
    ///
    /// # Errors
    /// How long until one more is allowed; never zero.
    fn take(&self, limit: Limit, who: Who) -> Result<(), Duration>;
}

/// The limits of this process, or that there are none. A clone refers to the same.
#[derive(Clone, Default)]
pub struct Limits {
    on: Option<On>,
}

#[derive(Clone)]
struct On {
    limiter: Arc<dyn Limiter>,
    connections_per_address: usize,
}

impl Limits {
    /// Everything is limited as the tables say.
    pub fn on(limiter: Arc<dyn Limiter>, connections_per_address: usize) -> Self {
        Self { on: Some(On { limiter, connections_per_address }) }
    }

    /// Nothing is limited.
    pub fn off() -> Self {
        Self::default()
    }

    /// Counts one more of this.
    ///
    /// # Errors
    /// How long until one more is allowed.
    pub fn take(&self, limit: Limit, who: Who) -> Result<(), Duration> {
        self.on.as_ref().map_or(Ok(()), |on| on.limiter.take(limit, who))
    }

    /// The most connections from one address.
    pub fn connections_per_address(&self) -> usize {
        self.on.as_ref().map_or(usize::MAX, |on| on.connections_per_address)
    }

    /// The most connections of one user.
    pub const fn connections_per_user(&self) -> usize {
        self.unless_off(CONNECTIONS_PER_USER)
    }

    /// The most rooms in which one connection looks on.
    pub const fn rooms_per_socket(&self) -> usize {
        self.unless_off(ROOMS_PER_SOCKET)
    }

    const fn unless_off(&self, most: usize) -> usize {
        if self.on.is_some() { most } else { usize::MAX }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.on.is_some() { "on" } else { "off" })
    }
}

#[cfg(test)]
mod tests;
