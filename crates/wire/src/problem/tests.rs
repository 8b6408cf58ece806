//! Every failure as clients receive it.

use std::collections::BTreeSet;

use allynet_domain::{
    EmergencyStatus, ResourceState, ResponseStatus,
    port::SubscriptionError,
    testing::{EMERGENCY, id},
};
use chrono::TimeDelta;
use insta::assert_snapshot;

use super::*;
use crate::testing::shown;

/// What comes after a refusal in declaration order. A new one fails to compile here until it has a place.
fn after(refusal: &Refusal) -> Option<Refusal> {
    Some(match refusal {
        Refusal::TokenMissing => Refusal::TokenInvalid,
        Refusal::TokenInvalid => Refusal::TokenExpired,
        Refusal::TokenExpired => Refusal::RefreshTokenReused,
        Refusal::RefreshTokenReused => Refusal::InvalidCredentials,
        Refusal::InvalidCredentials => Refusal::WrongPassword,
        Refusal::WrongPassword => Refusal::AccountBlocked,
        Refusal::AccountBlocked => Refusal::EmailTaken,
        Refusal::EmailTaken => Refusal::TooManyContacts,
        Refusal::TooManyContacts => Refusal::OwnAccount { by_email: true },
        Refusal::OwnAccount { .. } => Refusal::TooManyBlocks,
        Refusal::TooManyBlocks => Refusal::SessionNotFound,
        Refusal::SessionNotFound => Refusal::DeviceNotFound,
        Refusal::DeviceNotFound => Refusal::EndpointTaken,
        Refusal::EndpointTaken => Refusal::PushKeyChanged,
        Refusal::PushKeyChanged => Refusal::PushNotConfigured,
        Refusal::PushNotConfigured => Refusal::MailNotConfigured,
        Refusal::MailNotConfigured => Refusal::ResetTokenInvalid,
        Refusal::ResetTokenInvalid => Refusal::SubscriptionInvalid(SubscriptionError::Endpoint),
        Refusal::SubscriptionInvalid(_) => Refusal::PreferencesInvalid(PreferencesError::ZoneMissing),
        Refusal::PreferencesInvalid(_) => Refusal::NotAuthorized,
        Refusal::NotAuthorized => Refusal::NotAHelper,
        Refusal::NotAHelper => Refusal::OwnEmergency,
        Refusal::OwnEmergency => Refusal::EmergencyNotFound,
        Refusal::EmergencyNotFound => Refusal::UserNotFound,
        Refusal::UserNotFound => Refusal::ContactNotFound,
        Refusal::ContactNotFound => Refusal::ResourceNotFound,
        Refusal::ResourceNotFound => Refusal::NoResource,
        Refusal::NoResource => Refusal::SeenElsewhere { state: ResourceState::Collected },
        Refusal::SeenElsewhere { state: ResourceState::Collected } => {
            Refusal::SeenElsewhere { state: ResourceState::Delivered }
        }
        Refusal::SeenElsewhere { .. } => Refusal::MessageNotFound,
        Refusal::MessageNotFound => Refusal::HelperNotFound,
        Refusal::HelperNotFound => Refusal::PartyNotFound,
        Refusal::PartyNotFound => Refusal::PartyMissing,
        Refusal::PartyMissing => Refusal::ActiveEmergencyExists { emergency: id(EMERGENCY) },
        Refusal::ActiveEmergencyExists { .. } => Refusal::EmergencyEnded { status: EmergencyStatus::Resolved },
        Refusal::EmergencyEnded { .. } => Refusal::EmergencyLive,
        Refusal::EmergencyLive => Refusal::OwnsLiveEmergency,
        Refusal::OwnsLiveEmergency => Refusal::LastAdministrator,
        Refusal::LastAdministrator => Refusal::EmergencyNotResolved,
        Refusal::EmergencyNotResolved => {
            Refusal::InvalidTransition { from: ResponseStatus::Arrived, to: ResponseStatus::OnWay }
        }
        Refusal::InvalidTransition { .. } => Refusal::AlreadyRespondingElsewhere,
        Refusal::AlreadyRespondingElsewhere => Refusal::AlreadyResponding,
        Refusal::AlreadyResponding => Refusal::AlreadyRated,
        Refusal::AlreadyRated => Refusal::AlreadyReported,
        Refusal::AlreadyReported => Refusal::RecipientTakesNoPart,
        Refusal::RecipientTakesNoPart => Refusal::RequestIdUsed { emergency: id(EMERGENCY) },
        Refusal::RequestIdUsed { .. } => Refusal::NotReopenable,
        Refusal::NotReopenable => Refusal::TooSoon { retry_after: TimeDelta::seconds(9) },
        Refusal::TooSoon { .. } => Refusal::Contended,
        Refusal::Contended => return None,
    })
}

pub(crate) fn every_refusal() -> impl Iterator<Item = Refusal> {
    std::iter::successors(Some(Refusal::TokenMissing), after)
}

fn line(problem: &Problem) -> String {
    format!("{} {}: {}", problem.status, problem.reason, problem.message)
}

#[test]
fn every_refusal_has_status_reason_and_message() {
    let lines: Vec<_> = every_refusal().map(|refusal| line(&Problem::from(&refusal))).collect();
    assert_snapshot!(lines.join("\n"), @r"
    401 token_missing: Authentication is required
    401 token_invalid: The token is not valid
    401 token_expired: The token has expired
    401 refresh_token_reused: The refresh token was used before; log in again
    401 invalid_credentials: Email or password is wrong
    403 invalid_credentials: The current password is wrong
    403 account_blocked: The account is inactive or blocked
    409 email_taken: This email is already registered
    409 too_many_contacts: There are too many emergency contacts
    400 invalid_input: You cannot block yourself
    409 too_many_blocks: There are too many blocks
    404 session_not_found: Session not found
    404 device_not_found: Device not found
    409 endpoint_taken: This endpoint belongs to another user
    409 push_key_changed: The push key of the service has changed; subscribe again with the present one
    501 push_not_configured: This service has no push key
    501 mail_not_configured: This service sends no email
    400 reset_token_invalid: The link is not valid any more; request another one
    400 invalid_input: The subscription is not acceptable
    400 invalid_input: The preferences are not acceptable
    403 not_authorized: You are not allowed to do this
    403 not_a_helper: Only helpers may do this
    403 own_emergency: You cannot respond to your own emergency
    404 emergency_not_found: Emergency not found
    404 user_not_found: User not found
    404 contact_not_found: Contact not found
    404 resource_not_found: Resource not found
    409 no_resource: You are to bring no defibrillator
    409 seen_elsewhere: Your newest position is not near the defibrillator
    409 seen_elsewhere: Your newest position is not near the emergency
    404 message_not_found: Message not found
    404 helper_not_found: There is no such responding helper
    404 party_not_found: There is no such party to this emergency
    400 invalid_input: userId is required
    409 active_emergency_exists: You already have an active emergency
    409 emergency_ended: The emergency has ended
    409 emergency_live: The emergency has not ended
    409 emergency_live: End your emergency first
    409 last_administrator: You are the last administrator
    409 emergency_not_resolved: The emergency is not resolved
    409 invalid_transition: The response cannot change to this status
    409 already_responding_elsewhere: You are responding to another emergency
    409 already_responding: You are responding to this emergency
    409 already_rated: You rated this helper already
    409 already_reported: You reported this already
    400 recipient_takes_no_part: The recipient takes no part in this emergency
    409 request_id_used: This request id belongs to an emergency that has ended
    409 not_reopenable: The emergency cannot be reopened
    429 rate_limited: Too soon to do this again; try again later
    503 contended: Too much is happening at once; try again
    ");
}

#[test]
fn every_fault_has_status_reason_and_message() {
    let lines: Vec<_> = faults::ALL.iter().map(|fault| line(&fault())).collect();
    assert_snapshot!(lines.join("\n"), @r"
    400 invalid_input: Some of what was sent is not valid
    400 invalid_json: The body is not valid JSON
    400 malformed_request: The request is malformed
    404 route_not_found: There is no such route
    405 method_not_allowed: This method is not allowed here
    408 request_timeout: The request did not arrive in time
    413 body_too_large: The body is larger than 64 KiB
    414 uri_too_long: The address is too long
    415 unsupported_media_type: Send the body as application/json
    429 rate_limited: Too many requests; try again later
    431 head_too_large: The head of the request is larger than 16 KiB
    500 internal: Something went wrong on our side
    503 unavailable: The service cannot do this right now; try again
    ");
}

#[test]
fn a_failure_is_an_envelope_with_details_or_null() {
    assert_snapshot!(shown(&Problem::from(&Refusal::EmergencyNotFound)), @r#"
    {
      "error": {"code": 404, "details": null, "message": "Emergency not found", "reason": "emergency_not_found"},
      "success": false
    }
    "#);
    assert_snapshot!(shown(&Problem::from(&Refusal::ActiveEmergencyExists { emergency: id(EMERGENCY) })), @r#"
    {
      "error": {
        "code": 409,
        "details": [{"field": "emergencyId", "message": "00000000-0000-0000-0000-000000000064"}],
        "message": "You already have an active emergency",
        "reason": "active_emergency_exists"
      },
      "success": false
    }
    "#);
    let wrong = |field: &'static str| FieldError::new(field, "is required");
    assert_snapshot!(shown(&Problem::invalid(vec![wrong("email"), wrong("password")])), @r#"
    {
      "error": {
        "code": 400,
        "details": [{"field": "email", "message": "is required"}, {"field": "password", "message": "is required"}],
        "message": "Some of what was sent is not valid",
        "reason": "invalid_input"
      },
      "success": false
    }
    "#);
}

#[test]
fn only_refusals_with_facts_for_the_client_have_details() {
    let with_details: Vec<_> = every_refusal().filter(|refusal| Problem::from(refusal).details.is_some()).collect();
    assert_eq!(
        with_details,
        [
            Refusal::OwnAccount { by_email: true },
            Refusal::SubscriptionInvalid(SubscriptionError::Endpoint),
            Refusal::PreferencesInvalid(PreferencesError::ZoneMissing),
            Refusal::SeenElsewhere { state: ResourceState::Collected },
            Refusal::SeenElsewhere { state: ResourceState::Delivered },
            Refusal::PartyMissing,
            Refusal::ActiveEmergencyExists { emergency: id(EMERGENCY) },
            Refusal::RecipientTakesNoPart,
            Refusal::RequestIdUsed { emergency: id(EMERGENCY) },
        ]
    );
}

#[test]
fn only_faults_of_the_service_are_logged() {
    let faults: BTreeSet<_> =
        every_refusal().map(|r| Problem::from(&r)).filter(Problem::is_fault).map(|p| p.reason).collect();
    assert_eq!(faults, BTreeSet::from(["contended"]));
    assert!(faults::internal().is_fault() && faults::unavailable().is_fault() && !faults::invalid_input().is_fault());
}

#[test]
fn the_cause_of_a_fault_is_never_rendered() {
    let corrupt = port::Error::Corrupt { table: "emergency", column: "status", id: "secret".to_owned() };
    for (error, reason) in [
        (port::Error::unavailable("secret"), "unavailable"),
        (corrupt, "internal"),
        (port::Error::bug("secret"), "internal"),
        (port::Error::Stale, "contended"),
        (port::Error::Conflict(port::Constraint::Email), "internal"),
    ] {
        let problem = Problem::from(&Error::Port(error));
        assert_eq!((problem.reason, problem.is_fault()), (reason, true));
        let shown = shown(&problem);
        assert!(!shown.contains("secret") && !shown.contains("emergency"), "{shown}");
    }
}
