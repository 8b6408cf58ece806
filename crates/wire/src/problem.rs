//! Failures as clients receive them: one table of status, `reason` and message for every refusal of the domain, and one
//! for failures of the transport and the service.

use std::borrow::Cow;

use allynet_domain::{
    Error, PreferencesError, Refusal, ResourceState,
    port::{self, SubscriptionError},
};
use serde::Serialize;

/// An invalid field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field, with dots for nested ones: `location.latitude`.
    pub field: Cow<'static, str>,
    /// What is expected, as the rest of a sentence that begins with the field.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// Creates the error of a field.
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A failure as a client receives it. Serializes as the body of a REST answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A constant in snake case that programs can rely on.
    pub reason: &'static str,
    /// A sentence for people, which may change.
    pub message: Cow<'static, str>,
    /// The invalid fields.
    pub details: Option<Vec<FieldError>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
    details: Option<&'a [FieldError]>,
}

impl Serialize for Problem {
    /// The body of a failed REST request: `{success: false, error: {code, reason, message, details}}`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = ErrorBody {
            code: self.status,
            reason: self.reason,
            message: &self.message,
            details: self.details.as_deref(),
        };
        Envelope { success: false, error }.serialize(serializer)
    }
}

/// Failures that are not refusals of the domain.
pub mod faults {
    use super::Problem;

    macro_rules! faults {
        ($($(#[$doc:meta])* $name:ident = $status:literal, $reason:literal, $message:literal;)+) => {
            $($(#[$doc])* pub const fn $name() -> Problem { Problem::fixed($status, $reason, $message) })+

            /// All of them, so that the documentation can be compared.
            pub const ALL: &[fn() -> Problem] = &[$($name),+];
        };
    }

    faults! {
        /// The body, the query or the path is invalid; `details` names the fields.
        invalid_input = 400, "invalid_input", "Some of what was sent is not valid";
        /// The body is not JSON.
        invalid_json = 400, "invalid_json", "The body is not valid JSON";
        /// The head of the request is not HTTP, or the request is not one of Engine.IO.
        malformed_request = 400, "malformed_request", "The request is malformed";
        /// There is no such route.
        route_not_found = 404, "route_not_found", "There is no such route";
        /// The route exists, but not for this method.
        method_not_allowed = 405, "method_not_allowed", "This method is not allowed here";
        /// The body did not arrive before its deadline.
        request_timeout = 408, "request_timeout", "The request did not arrive in time";
        /// The body is larger than 64 KiB.
        body_too_large = 413, "body_too_large", "The body is larger than 64 KiB";
        /// The address is too long.
        uri_too_long = 414, "uri_too_long", "The address is too long";
        /// The content type is not JSON.
        unsupported_media_type = 415, "unsupported_media_type", "Send the body as application/json";
        /// A rate limit was exceeded; `Retry-After` says when to try again.
        rate_limited = 429, "rate_limited", "Too many requests; try again later";
        /// The head of the request is larger than 16 KiB.
        head_too_large = 431, "head_too_large", "The head of the request is larger than 16 KiB";
        /// A fault of the service, logged with the request id.
        internal = 500, "internal", "Something went wrong on our side";
        /// The database cannot be reached or is too slow.
        unavailable = 503, "unavailable", "The service cannot do this right now; try again";
    }
}

impl Problem {
    const fn fixed(status: u16, reason: &'static str, message: &'static str) -> Self {
        Self { status, reason, message: Cow::Borrowed(message), details: None }
    }

    /// Invalid input, with all invalid fields. A single one is named in the message too.
    pub fn invalid(details: Vec<FieldError>) -> Self {
        let mut problem = faults::invalid_input();
        if let [only] = details.as_slice() {
            problem.message = Cow::Owned(format!("{} {}", only.field, only.message));
        }
        Self { details: Some(details), ..problem }
    }

    /// Whether the service is at fault, so that the cause has to be logged. What an operator has not set up (501) is no fault.
    pub const fn is_fault(&self) -> bool {
        self.status >= 500 && self.status != 501
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Port(port::Error::Unavailable(_)) => faults::unavailable(),
            // Only of use cases that do not decide again: something that they are about was deleted meanwhile.
            Error::Port(port::Error::Stale) => (&Refusal::Contended).into(),
            Error::Port(port::Error::Conflict(_) | port::Error::Corrupt { .. } | port::Error::Bug(_)) => {
                faults::internal()
            }
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let (status, reason, message) = row(refusal);
        let details = match refusal {
            Refusal::ActiveEmergencyExists { emergency } | Refusal::RequestIdUsed { emergency } => {
                Some(vec![FieldError::new("emergencyId", emergency.to_string())])
            }
            Refusal::RecipientTakesNoPart => Some(vec![FieldError::new("recipientId", "must take part")]),
            Refusal::OwnAccount { by_email } => {
                let field = if *by_email { "email" } else { "userId" };
                Some(vec![FieldError::new(field, "must be that of another user")])
            }
            Refusal::SubscriptionInvalid(error) => {
                Some(vec![FieldError::new(subscription_field(*error), error.to_string())])
            }
            Refusal::PreferencesInvalid(error) => {
                let field = match error {
                    PreferencesError::ZoneMissing => "timeZone",
                    PreferencesError::PauseTooLong => "pausedUntil",
                };
                Some(vec![FieldError::new(field, error.to_string())])
            }
            Refusal::PartyMissing => Some(vec![FieldError::new("userId", "is required")]),
            Refusal::SeenElsewhere { .. } => {
                Some(vec![FieldError::new("resourceState", "must be reported near there, or after a newer position")])
            }
            _ => None,
        };
        Self { details, ..Self::fixed(status, reason, message) }
    }
}

/// The field of a registration that holds this value.
const fn subscription_field(error: SubscriptionError) -> &'static str {
    match error {
        SubscriptionError::Endpoint => "endpoint",
        SubscriptionError::P256dh => "keys.p256dh",
        SubscriptionError::Auth => "keys.auth",
    }
}

/// Status, reason and message of a refusal.
const fn row(refusal: &Refusal) -> (u16, &'static str, &'static str) {
    match refusal {
        Refusal::TokenMissing => (401, "token_missing", "Authentication is required"),
        Refusal::TokenInvalid => (401, "token_invalid", "The token is not valid"),
        Refusal::TokenExpired => (401, "token_expired", "The token has expired"),
        Refusal::RefreshTokenReused => (401, "refresh_token_reused", "The refresh token was used before; log in again"),
        Refusal::InvalidCredentials => (401, "invalid_credentials", "Email or password is wrong"),
        Refusal::WrongPassword => (403, "invalid_credentials", "The current password is wrong"),
        Refusal::AccountBlocked => (403, "account_blocked", "The account is inactive or blocked"),
        Refusal::NotAuthorized => (403, "not_authorized", "You are not allowed to do this"),
        Refusal::NotAHelper => (403, "not_a_helper", "Only helpers may do this"),
        Refusal::OwnEmergency => (403, "own_emergency", "You cannot respond to your own emergency"),
        Refusal::EmergencyNotFound => (404, "emergency_not_found", "Emergency not found"),
        Refusal::UserNotFound => (404, "user_not_found", "User not found"),
        Refusal::ContactNotFound => (404, "contact_not_found", "Contact not found"),
        Refusal::ResourceNotFound => (404, "resource_not_found", "Resource not found"),
        Refusal::NoResource => (409, "no_resource", "You are to bring no defibrillator"),
        Refusal::SeenElsewhere { state: ResourceState::Delivered } => {
            (409, "seen_elsewhere", "Your newest position is not near the emergency")
        }
        Refusal::SeenElsewhere { state: ResourceState::Collected | ResourceState::Missing } => {
            (409, "seen_elsewhere", "Your newest position is not near the defibrillator")
        }
        Refusal::MessageNotFound => (404, "message_not_found", "Message not found"),
        Refusal::HelperNotFound => (404, "helper_not_found", "There is no such responding helper"),
        Refusal::PartyNotFound => (404, "party_not_found", "There is no such party to this emergency"),
        Refusal::SessionNotFound => (404, "session_not_found", "Session not found"),
        Refusal::DeviceNotFound => (404, "device_not_found", "Device not found"),
        Refusal::EndpointTaken => (409, "endpoint_taken", "This endpoint belongs to another user"),
        Refusal::PushKeyChanged => {
            (409, "push_key_changed", "The push key of the service has changed; subscribe again with the present one")
        }
        Refusal::PushNotConfigured => (501, "push_not_configured", "This service has no push key"),
        Refusal::MailNotConfigured => (501, "mail_not_configured", "This service sends no email"),
        Refusal::ResetTokenInvalid => {
            (400, "reset_token_invalid", "The link is not valid any more; request another one")
        }
        Refusal::EmailTaken => (409, "email_taken", "This email is already registered"),
        Refusal::TooManyContacts => (409, "too_many_contacts", "There are too many emergency contacts"),
        Refusal::TooManyBlocks => (409, "too_many_blocks", "There are too many blocks"),
        Refusal::ActiveEmergencyExists { .. } => {
            (409, "active_emergency_exists", "You already have an active emergency")
        }
        Refusal::RequestIdUsed { .. } => {
            (409, "request_id_used", "This request id belongs to an emergency that has ended")
        }
        Refusal::NotReopenable => (409, "not_reopenable", "The emergency cannot be reopened"),
        Refusal::TooSoon { .. } => (429, "rate_limited", "Too soon to do this again; try again later"),
        Refusal::EmergencyEnded { .. } => (409, "emergency_ended", "The emergency has ended"),
        Refusal::EmergencyLive => (409, "emergency_live", "The emergency has not ended"),
        Refusal::OwnsLiveEmergency => (409, "emergency_live", "End your emergency first"),
        Refusal::LastAdministrator => (409, "last_administrator", "You are the last administrator"),
        Refusal::EmergencyNotResolved => (409, "emergency_not_resolved", "The emergency is not resolved"),
        Refusal::InvalidTransition { .. } => (409, "invalid_transition", "The response cannot change to this status"),
        Refusal::AlreadyRespondingElsewhere => {
            (409, "already_responding_elsewhere", "You are responding to another emergency")
        }
        Refusal::AlreadyResponding => (409, "already_responding", "You are responding to this emergency"),
        Refusal::AlreadyRated => (409, "already_rated", "You rated this helper already"),
        Refusal::AlreadyReported => (409, "already_reported", "You reported this already"),
        Refusal::RecipientTakesNoPart => {
            (400, "recipient_takes_no_part", "The recipient takes no part in this emergency")
        }
        Refusal::OwnAccount { .. } => (400, "invalid_input", "You cannot block yourself"),
        Refusal::SubscriptionInvalid(_) => (400, "invalid_input", "The subscription is not acceptable"),
        Refusal::PreferencesInvalid(_) => (400, "invalid_input", "The preferences are not acceptable"),
        Refusal::PartyMissing => (400, "invalid_input", "userId is required"),
        Refusal::Contended => (503, "contended", "Too much is happening at once; try again"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
