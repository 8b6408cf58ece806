//! Refusals: every way in which a rule rejects a request, with the facts.

use chrono::TimeDelta;

use crate::{EmergencyId, EmergencyStatus, PreferencesError, ResourceState, ResponseStatus, port};

/// The rejection of a request by a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No access token was presented.
    #[error("authentication is required")]
    TokenMissing,
    /// The token is malformed, forged, of another kind, or of a session that was revoked.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// The refresh token was already replaced. Presenting it revokes its session.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// Unknown email or wrong password, without saying which.
    #[error("email or password is wrong")]
    InvalidCredentials,
    /// The password given as confirmation is not the current one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// An administrator has blocked the account.
    #[error("the account is inactive or blocked")]
    AccountBlocked,
    /// Another account has this email.
    #[error("the email is taken")]
    EmailTaken,
    /// The account has the maximum number of emergency contacts.
    #[error("there are too many emergency contacts")]
    TooManyContacts,
    /// Users cannot block themselves.
    #[error("users cannot block themselves")]
    OwnAccount {
        /// Whether the account was named by its email.
        by_email: bool,
    },
    /// The user has the maximum number of blocks.
    #[error("there are too many blocks")]
    TooManyBlocks,
    /// The caller has no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// The caller has no such device.
    #[error("there is no such device")]
    DeviceNotFound,
    /// Another user registered this endpoint with other keys.
    #[error("the endpoint belongs to another user")]
    EndpointTaken,
    /// The browser subscribed under another key than the present one of the service.
    #[error("the push key has changed")]
    PushKeyChanged,
    /// The service has no push key.
    #[error("push is not configured")]
    PushNotConfigured,
    /// The service sends no email.
    #[error("email is not configured")]
    MailNotConfigured,
    /// The token of a link with which a password is replaced is unknown, was used or replaced, or has expired.
    #[error("the link is not valid")]
    ResetTokenInvalid,
    /// A value of a push subscription is not acceptable.
    #[error("the subscription is not acceptable")]
    SubscriptionInvalid(port::SubscriptionError),
    /// Alert preferences are not acceptable.
    #[error("the alert preferences are not acceptable")]
    PreferencesInvalid(PreferencesError),
    /// The caller may not do this.
    #[error("not allowed")]
    NotAuthorized,
    /// The caller is not a helper.
    #[error("only helpers may do this")]
    NotAHelper,
    /// The caller is the owner of this emergency.
    #[error("the owner cannot respond to their own emergency")]
    OwnEmergency,
    /// The emergency does not exist, or no longer.
    #[error("there is no such emergency")]
    EmergencyNotFound,
    /// The user does not exist.
    #[error("there is no such user")]
    UserNotFound,
    /// The account has no such emergency contact.
    #[error("there is no such contact")]
    ContactNotFound,
    /// There is no resource with this id.
    #[error("there is no such resource")]
    ResourceNotFound,
    /// The helper is to bring no box, whose state they could report.
    #[error("there is no box to bring")]
    NoResource,
    /// The newest position of the helper is not where they would have to be for what they report of the box.
    #[error("the helper is seen elsewhere")]
    SeenElsewhere {
        /// What they report.
        state: ResourceState,
    },
    /// The message does not exist, or the caller may not read it.
    #[error("there is no such message")]
    MessageNotFound,
    /// The named user is not a responding helper of this emergency.
    #[error("there is no such responding helper")]
    HelperNotFound,
    /// The reported user is not the other party.
    #[error("there is no such party to this emergency")]
    PartyNotFound,
    /// An owner must name the helper they report.
    #[error("the party reported is missing")]
    PartyMissing,
    /// The owner already has a live emergency.
    #[error("another emergency is live")]
    ActiveEmergencyExists {
        /// The live emergency.
        emergency: EmergencyId,
    },
    /// An emergency that has ended does not change.
    #[error("the emergency has ended")]
    EmergencyEnded {
        /// How it ended.
        status: EmergencyStatus,
    },
    /// Only an emergency that has ended can be deleted.
    #[error("the emergency is live")]
    EmergencyLive,
    /// The account owns a live emergency and cannot be deleted.
    #[error("the account owns a live emergency")]
    OwnsLiveEmergency,
    /// The account is that of the last administrator and cannot be deleted.
    #[error("there is no other administrator")]
    LastAdministrator,
    /// Only helpers of a resolved emergency can be rated.
    #[error("the emergency is not resolved")]
    EmergencyNotResolved,
    /// A response cannot change to this status.
    #[error("a response cannot go from {from} to {to}")]
    InvalidTransition {
        /// The current status.
        from: ResponseStatus,
        /// The requested status.
        to: ResponseStatus,
    },
    /// A helper responds to one emergency at a time.
    #[error("the helper responds to another emergency")]
    AlreadyRespondingElsewhere,
    /// A responding helper cannot decline, only cancel.
    #[error("the helper is responding already")]
    AlreadyResponding,
    /// The helper was rated already for this emergency.
    #[error("this helper was rated already")]
    AlreadyRated,
    /// The party was reported already by this user.
    #[error("this party was reported already")]
    AlreadyReported,
    /// The recipient of a direct message is not a participant.
    #[error("the recipient takes no part in this emergency")]
    RecipientTakesNoPart,
    /// The request id belongs to an emergency that has ended.
    #[error("the request id was used for an emergency that has ended")]
    RequestIdUsed {
        /// The emergency that was raised with it.
        emergency: EmergencyId,
    },
    /// The end of the emergency cannot be undone.
    #[error("the emergency cannot be reopened")]
    NotReopenable,
    /// The same was done too often or too recently. Holds without rate limits, too.
    #[error("too soon to do this again")]
    TooSoon {
        /// Time after which it is allowed.
        retry_after: TimeDelta,
    },
    /// Other changes came first at every attempt; trying again can help.
    #[error("too many changes at once")]
    Contended,
}

/// The error of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule rejected the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] port::Error),
}
