//! Everything the rules can say no to, with the facts of the case.

use crate::{EmergencyId, EmergencyStatus, ResponseStatus, port};

/// A rule that said no. How it reads on the wire is decided by the `wire` crate, in one table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No access token was presented.
    #[error("authentication is required")]
    TokenMissing,
    /// The token is malformed, forged, of another kind, or of a session that was revoked.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The token was good once.
    #[error("the token has expired")]
    TokenExpired,
    /// A refresh token that was already replaced; its session is revoked by this.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// Unknown email or wrong password; which of the two is not told.
    #[error("email or password is wrong")]
    InvalidCredentials,
    /// The password given for confirmation is not the current one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// An administrator has shut the account out.
    #[error("the account is inactive or blocked")]
    AccountBlocked,
    /// Another account has this email.
    #[error("the email is taken")]
    EmailTaken,
    /// The account has the most contacts it may have.
    #[error("there are too many emergency contacts")]
    TooManyContacts,
    /// The caller may not do this.
    #[error("not allowed")]
    NotAuthorized,
    /// The caller is no helper.
    #[error("only helpers may do this")]
    NotAHelper,
    /// The caller raised this emergency themselves.
    #[error("the owner cannot respond to their own emergency")]
    OwnEmergency,
    /// There is no such emergency, or no longer.
    #[error("there is no such emergency")]
    EmergencyNotFound,
    /// There is no such account.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no such contact of this account.
    #[error("there is no such contact")]
    ContactNotFound,
    /// There is no such message, or the caller may not know of it.
    #[error("there is no such message")]
    MessageNotFound,
    /// The user named is no responding helper of this emergency.
    #[error("there is no such responding helper")]
    HelperNotFound,
    /// The user reported is not the other party.
    #[error("there is no such party to this emergency")]
    PartyNotFound,
    /// An owner has to say which helper they report.
    #[error("the party reported is missing")]
    PartyMissing,
    /// One live emergency per owner.
    #[error("another emergency is live")]
    ActiveEmergencyExists {
        /// The live one.
        emergency: EmergencyId,
    },
    /// What ended does not change.
    #[error("the emergency has ended")]
    EmergencyEnded {
        /// How it ended.
        status: EmergencyStatus,
    },
    /// Only what ended can be deleted.
    #[error("the emergency is live")]
    EmergencyLive,
    /// Only what was resolved can be rated.
    #[error("the emergency is not resolved")]
    EmergencyNotResolved,
    /// A response does not go backwards.
    #[error("a response cannot go from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: ResponseStatus,
        /// Where it was to go.
        to: ResponseStatus,
    },
    /// One emergency at a time.
    #[error("the helper responds to another emergency")]
    AlreadyRespondingElsewhere,
    /// One who comes cannot decline; they can cancel.
    #[error("the helper is responding already")]
    AlreadyResponding,
    /// Once per helper and emergency.
    #[error("this helper was rated already")]
    AlreadyRated,
    /// Once per reporter and party.
    #[error("this party was reported already")]
    AlreadyReported,
    /// A direct message to somebody who takes no part.
    #[error("the recipient takes no part in this emergency")]
    RecipientTakesNoPart,
    /// So many changes at once that this one found no gap; try again.
    #[error("too many changes at once")]
    Contended,
}

/// Why a use case did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something underneath failed.
    #[error("a port failed")]
    Port(#[from] port::Error),
}
