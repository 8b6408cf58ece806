//! A change as the JSON that `apply_change_v3` (`migrations/postgres/0036_apply_change_v3.sql`) reads.
//!
//! `op` names the write, all other keys are named like the columns they go to. The function refuses a missing or unknown
//! key, so a key is added here and in a next version of the function together.

use std::fmt::Write as _;

use allynet_domain::{
    ADDRESS_KNOWN_FOR, Account, AlertPreferences, AlertSchedule, AlertScope, Change, CheckedSkill, DeletedEmergency,
    Device, DeviceId, Email, Emergency, EmergencyId, EmergencyStatus, HelperPolicy, Location, MAX_BLOCKS,
    MAX_BLOCKS_IN_EFFECT, MAX_DEVICES, MAX_KNOWN_ADDRESSES, MAX_TRUST, Message, Metres, Movement, NewEvent,
    NoticeEntry, NoticeNote, OutboxMessage, OutboxRecipient, PasswordHash, PlannedDelivery, PlannedNotice,
    RatingCounts, ReceivingDevice, Response, ResponseRecord, Revision, Sender, Session, SessionId, Timestamp, To, Url,
    UserBlock, UserId, Write,
    outbox::DeliveryNote,
    port::{EndedBlocks, LoginSource},
    search::{MAX_DECIDED_AGAIN, MIN_DECISION_INTERVAL},
};
use allynet_sql::outbox_kind_columns;
use serde_json::{Result, Value, json};

use crate::blocks::columns;

/// Encodes a change.
///
/// # Errors
/// Returns an error if an event does not encode.
pub fn change(change: &Change) -> Result<Value> {
    let Change { at, actor: _, writes, events, sends } = change;
    Ok(json!({
        "at": at,
        "emergencies": emergencies(change),
        "writes": writes.iter().filter(|of| !is_separate(of)).map(|of| write(of, *at)).collect::<Vec<_>>(),
        "events": events.iter().map(event).collect::<Result<Vec<_>>>()?,
        "sends": sends.iter().flat_map(sends_of).collect::<Vec<_>>(),
    }))
}

/// Whether another module encodes a write, for another function.
const fn is_separate(write: &Write) -> bool {
    matches!(write, Write::ChangeDetails { .. } | Write::DeleteAccount { .. })
}

/// A message, once for each recipient.
fn sends_of(message: &OutboxMessage) -> impl Iterator<Item = Value> {
    let OutboxMessage { kind, emergency, emergency_kind, event, recipients, expires_at, unless_since } = message;
    let (kind, purpose) = outbox_kind_columns(*kind);
    recipients.iter().map(move |OutboxRecipient { user, distance, is_repeat, device }| {
        json!({
            "kind": kind, "purpose": purpose, "user_id": user, "emergency_id": emergency, "emergency_kind": emergency_kind, "event": event,
            "distance": distance.map(Metres::get), "device_id": device, "repeats": is_repeat, "expires_at": expires_at,
            "unless_since": unless_since,
        })
    })
}

/// The emergencies to lock before anything else, so that the numbers of their events follow the order of commits. In the
/// order of their ids.
fn emergencies(change: &Change) -> Vec<EmergencyId> {
    let written = change.writes.iter().filter_map(|write| match write {
        Write::UpdateEmergency { emergency, .. } => Some(emergency.id()),
        Write::DeleteEmergency(record) => Some(record.id),
        Write::RevokeTrust(emergency)
        | Write::AnnounceEmergency(emergency)
        | Write::ChangeDetails { emergency, .. }
        | Write::MovePlace { emergency, .. }
        | Write::ExpectRevision { emergency, .. }
        | Write::SendAlerts { emergency, .. }
        | Write::AcknowledgeAlert { emergency, .. }
        | Write::ReceiveAlert { emergency, .. }
        | Write::SeeAlert { emergency, .. }
        | Write::SetDeclined { emergency, .. }
        | Write::ExpectMessagesBefore { emergency, .. }
        | Write::AddMessageRequest { emergency, .. }
        | Write::DeleteMessage { emergency, .. }
        | Write::AddRating { emergency, .. }
        | Write::ReviewContacts(emergency)
        | Write::PlanNotices { emergency, .. }
        | Write::NoteNotice { emergency, .. }
        | Write::NoteContactAction { emergency, .. } => Some(*emergency),
        Write::PostMessage(message) => Some(message.emergency),
        Write::RegisterAccount { .. }
        | Write::DeleteAccount { .. }
        | Write::OpenSession(_)
        | Write::RecordLogin { .. }
        | Write::RegisterDevice { .. }
        | Write::SendOpenAlerts { .. }
        | Write::RemoveDevice { .. }
        | Write::NoteKeyChange { .. }
        | Write::CountDeviceTest { .. }
        | Write::PlanStep { .. }
        | Write::NoteDeliveries(_)
        | Write::RecordReceipt { .. }
        | Write::NoteDeviceReceived { .. }
        | Write::RevokeSessions { .. }
        | Write::UsePasswordReset { .. }
        | Write::SetPassword { .. }
        | Write::ExpectAccount(_)
        | Write::ExpectMayHelp { .. }
        | Write::ExpectNoResponses(_)
        | Write::SetHelper { .. }
        | Write::SetAlertPreferences { .. }
        | Write::SetRole { .. }
        | Write::SetVerification { .. }
        | Write::SetQualification { .. }
        | Write::SetBlocked { .. }
        | Write::AddBlock { .. }
        | Write::RemoveBlock { .. }
        | Write::EndBlocks(_)
        | Write::RaiseEmergency(_)
        | Write::DecideAgain { .. }
        | Write::AddTrust { .. }
        | Write::AddReport { .. } => None,
    });
    let mut all: Vec<_> = written.chain(change.events.iter().filter_map(|event| event.emergency)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn event(event: &NewEvent) -> Result<Value> {
    let NewEvent { at, emergency, actor, event } = event;
    Ok(json!({
        "at": at, "emergency_id": emergency, "actor_id": actor, "kind": event.kind(),
        "body": serde_json::to_value(event)?,
    }))
}

fn planned_delivery(PlannedDelivery { id, channel, device, receipt, lease_until }: &PlannedDelivery) -> Value {
    json!({ "id": id, "channel": channel, "device_id": device, "receipt_hash": receipt, "lease_until": lease_until })
}

fn delivery_note(note: &DeliveryNote) -> Value {
    let DeliveryNote { delivery, lease_until, user, alert_of, is_sent, retry_at, attempts, device } = note;
    json!({
        "id": delivery, "lease_until": lease_until, "user_id": user, "alert_of": alert_of, "sent": is_sent,
        "due_at": retry_at, "attempts": attempts, "device_id": device.map(|of| of.device), "refused": device.map(|of| of.refused),
        "unknown_since": device.and_then(|of| of.unknown_since), "gone": device.is_some_and(|of| of.is_gone),
    })
}

fn notice(NoticeEntry { id, mail, planned }: &NoticeEntry) -> Value {
    let PlannedNotice { consent, contact, told, queue, turn_at } = planned;
    json!({
        "id": id, "mail_id": mail, "consent_id": consent, "contact_id": contact, "queued": queue, "told": told,
        "turn_at": turn_at,
    })
}

/// Writes about what contacts are told.
fn notifying(write: &Write) -> Value {
    match write {
        Write::ReviewContacts(emergency) => json!({ "op": "review_contacts", "emergency_id": emergency }),
        Write::PlanNotices { emergency, lease_until, next_at, is_over, notices } => json!({
            "op": "plan_notices", "emergency_id": emergency, "lease_until": lease_until, "next_at": next_at,
            "over": is_over, "notices": notices.iter().map(notice).collect::<Vec<_>>(),
        }),
        Write::NoteNotice { emergency, notice, lease_until, note } => json!({
            "op": "note_notice", "emergency_id": emergency, "id": notice, "lease_until": lease_until,
            "sent": *note == NoticeNote::Sent, "failed": note.has_failed(),
            "undeliverable": *note == NoticeNote::Undeliverable, "retry_at": note.retry_at(),
        }),
        Write::NoteContactAction { emergency, notice, action } => json!({
            "op": "note_contact_action", "emergency_id": emergency, "id": notice, "action": action,
        }),
        _ => Value::Null,
    }
}

/// Writes to the outbox, to what was sent, and about what contacts are told.
fn sending(write: &Write) -> Value {
    match write {
        Write::CountDeviceTest { user, device, before, after } => json!({
            "op": "count_device_test", "account_id": user, "id": device, "before": before.last_at,
            "last_test_at": after.last_at, "tests_from": after.window_from, "tests": after.count,
        }),
        Write::PlanStep { message, lease_until, step, next, deliveries } => json!({
            "op": "plan_step", "id": message, "lease_until": lease_until, "step": step,
            "next_step": next.map(|(step, _)| step), "next_due_at": next.map(|(_, due_at)| due_at),
            "deliveries": deliveries.iter().map(planned_delivery).collect::<Vec<_>>(),
        }),
        Write::NoteDeliveries(notes) => {
            json!({ "op": "note_deliveries", "notes": notes.iter().map(delivery_note).collect::<Vec<_>>() })
        }
        Write::RecordReceipt { receipt, state } => {
            json!({ "op": "record_receipt", "receipt_hash": receipt, "state": state })
        }
        Write::NoteDeviceReceived { emergency, device } => {
            let (session, device) = match device {
                ReceivingDevice::OfSession(session) => (Some(session), None),
                ReceivingDevice::Device(device) => (None, Some(device)),
            };
            json!({ "op": "device_received", "emergency_id": emergency, "session_id": session, "id": device })
        }
        Write::SeeAlert { emergency, helper } => {
            json!({ "op": "see_alert", "emergency_id": emergency, "helper_id": helper })
        }
        _ => notifying(write),
    }
}

fn write(write: &Write, at: Timestamp) -> Value {
    match write {
        Write::RecordLogin { user, source } => record_login(*user, *source, at),
        Write::RegisterAccount { account, password } => register_account(account, password),
        Write::OpenSession(session) => open_session(session),
        Write::RevokeSessions { user, only, except } => revoke_sessions(*user, *only, *except),
        Write::RegisterDevice { device, replaced } => register_device(device, replaced),
        Write::SendOpenAlerts { user, valid_for } => send_open_alerts(*user, valid_for.num_milliseconds()),
        Write::CountDeviceTest { .. }
        | Write::PlanStep { .. }
        | Write::NoteDeliveries(_)
        | Write::RecordReceipt { .. }
        | Write::NoteDeviceReceived { .. }
        | Write::SeeAlert { .. }
        | Write::ReviewContacts(_)
        | Write::PlanNotices { .. }
        | Write::NoteNotice { .. }
        | Write::NoteContactAction { .. } => sending(write),
        Write::NoteKeyChange { device, key } => json!({ "op": "note_key_change", "id": device, "key": bytea(key) }),
        Write::RemoveDevice { user, device } => json!({ "op": "remove_device", "account_id": user, "id": device }),
        Write::UsePasswordReset { user, token } => {
            json!({ "op": "use_password_reset", "account_id": user, "token_hash": token })
        }
        Write::SetPassword { user, password } => {
            json!({ "op": "set_password", "account_id": user, "password_hash": password.expose() })
        }
        Write::ExpectAccount(account) => expect_account(account),
        Write::ExpectMayHelp { user, policy } => expect_may_help(*user, *policy),
        Write::ExpectNoResponses(user) => json!({ "op": "expect_no_responses", "account_id": user }),
        Write::SetHelper { user, helper, role } => json!({
            "op": "set_helper", "account_id": user, "verification": helper.verification,
            "available": helper.available, "skills": helper.skills, "transport": helper.transport, "role": role,
        }),
        Write::SetAlertPreferences { user, preferences, schedule } => {
            set_alert_preferences(*user, preferences, *schedule)
        }
        Write::SetRole { user, role } => json!({ "op": "set_role", "account_id": user, "role": role }),
        Write::SetVerification { user, verification } => {
            json!({ "op": "set_verification", "account_id": user, "verification": verification })
        }
        Write::SetQualification { user, tier, skills } => json!({
            "op": "set_qualification", "account_id": user, "tier": tier, "checked_skills": stored_checks(skills),
        }),
        Write::SetBlocked { user, blocked, reason } => {
            json!({ "op": "set_blocked", "account_id": user, "blocked": blocked, "blocked_reason": reason })
        }
        Write::AddBlock { by, block, user, earliest_end, emergencies } => {
            add_block(*by, block, *user, *earliest_end, emergencies)
        }
        Write::RemoveBlock { by, key } => json!({ "op": "remove_block", "owner_id": by, "key": key }),
        Write::EndBlocks(EndedBlocks { by, user, blocks }) => {
            json!({ "op": "end_blocks", "owner_id": by, "blocked_id": user, "blocks": blocks })
        }
        Write::RaiseEmergency(emergency) => raise_emergency(emergency),
        Write::UpdateEmergency { emergency, responses } => update_emergency(emergency, responses),
        Write::DecideAgain { helper, except } => decide_again(*helper, *except),
        Write::MovePlace { emergency, location, movement } => move_place(*emergency, location, movement),
        Write::ExpectRevision { emergency, revision } => expect_revision(*emergency, *revision),
        // Left out before: the function would refuse it.
        Write::ChangeDetails { .. } | Write::DeleteAccount { .. } => Value::Null,
        Write::DeleteEmergency(record) => delete_emergency(record),
        Write::AnnounceEmergency(emergency) => json!({ "op": "announce_emergency", "emergency_id": emergency }),
        Write::SendAlerts { emergency, wave, recipients } => {
            // The exact distance is for the event only: it is what the helper is shown.
            let recipients: Vec<_> =
                recipients.iter().map(|r| json!({ "helper": r.helper, "distance": r.distance })).collect();
            json!({ "op": "send_alerts", "emergency_id": emergency, "wave": wave, "recipients": recipients })
        }
        Write::AcknowledgeAlert { emergency, helper } => {
            json!({ "op": "acknowledge_alert", "emergency_id": emergency, "helper_id": helper })
        }
        Write::ReceiveAlert { emergency, helper } => {
            json!({ "op": "receive_alert", "emergency_id": emergency, "helper_id": helper })
        }
        Write::SetDeclined { emergency, helper, declined } => {
            json!({ "op": "set_declined", "emergency_id": emergency, "helper_id": helper, "declined": declined })
        }
        Write::AddTrust { emergency, owner, helpers, by, unless_since } => json!({
            "op": "add_trust", "emergency_id": emergency, "owner_id": owner, "helpers": helpers, "by": by,
            "max": MAX_TRUST, "unless_since": unless_since,
        }),
        Write::RevokeTrust(emergency) => json!({ "op": "revoke_trust", "emergency_id": emergency }),
        Write::ExpectMessagesBefore { emergency, before } => {
            json!({ "op": "expect_messages_before", "emergency_id": emergency, "before": before })
        }
        Write::PostMessage(message) => post_message(message),
        Write::AddMessageRequest { emergency, sender, request, message } => json!({
            "op": "add_message_request", "emergency_id": emergency, "sender_id": sender, "request_id": request,
            "message_id": message,
        }),
        Write::DeleteMessage { emergency, message } => {
            json!({ "op": "delete_message", "emergency_id": emergency, "id": message })
        }
        Write::AddRating { emergency, helper, score, comment, counts } => json!({
            "op": "add_rating", "emergency_id": emergency, "helper_id": helper, "score": score, "comment": comment,
            "counts": counts.map(rating_counts),
        }),
        Write::AddReport { emergency, reporter, about, reason } => json!({
            "op": "add_report", "emergency_id": emergency, "reporter_id": reporter, "about_id": about,
            "reason": reason,
        }),
    }
}

fn rating_counts(RatingCounts { owner, unless_since }: RatingCounts) -> Value {
    json!({ "owner": owner, "unless_since": unless_since })
}

fn add_block(
    by: UserId,
    block: &UserBlock,
    user: Option<UserId>,
    earliest_end: Timestamp,
    emergencies: &[EmergencyId],
) -> Value {
    let UserBlock { id, target, created_at } = block;
    let (user_id, email) = columns(target);
    json!({
        "op": "add_block", "id": id, "owner_id": by, "user_id": user_id, "email": email.map(Email::as_str),
        "blocked_id": user, "created_at": created_at, "earliest_end": earliest_end, "max_listed": MAX_BLOCKS,
        "max_in_effect": MAX_BLOCKS_IN_EFFECT, "emergencies": emergencies,
    })
}

fn register_account(account: &Account, password: &PasswordHash) -> Value {
    let Account { id, email, profile, role, blocked, helper, reputation, blocks: _, created_at } = account;
    json!({
        "op": "register_account", "id": id, "email": email.as_str(), "password_hash": password.expose(),
        "first_name": profile.first_name, "last_name": profile.last_name, "phone": profile.phone,
        "avatar": profile.avatar.as_ref().map(Url::as_str), "bio": profile.bio,
        "locale": profile.locale, "role": role, "blocked": blocked,
        "verification": helper.as_ref().map(|h| h.verification),
        "available": helper.as_ref().map(|h| h.available),
        "skills": helper.as_ref().map_or(&[][..], |h| &h.skills),
        "trust_score": reputation.trust_score, "rating_sum": reputation.rating_sum,
        "rating_count": reputation.rating_count, "created_at": created_at,
    })
}

fn expect_may_help(user: UserId, policy: HelperPolicy) -> Value {
    json!({ "op": "expect_may_help", "account_id": user, "open": policy == HelperPolicy::Open })
}

/// The columns that decide what an account may do.
fn expect_account(account: &Account) -> Value {
    let Account { id, email: _, profile: _, role, blocked, helper, reputation: _, blocks: _, created_at: _ } = account;
    json!({
        "op": "expect_account", "id": id, "role": role, "blocked": blocked,
        "verification": helper.as_ref().map(|h| h.verification),
        "available": helper.as_ref().map(|h| h.available),
        "skills": helper.as_ref().map_or(&[][..], |h| &h.skills),
        "tier": helper.as_ref().and_then(|h| h.tier),
        "checked_skills": helper.as_ref().and_then(|h| stored_checks(&h.checked_skills)),
        "alert_preferences": helper.as_ref().and_then(|h| stored_preferences(&h.preferences)),
        "alert_scope": helper.as_ref().map_or(AlertScope::All, |h| h.scope),
    })
}

/// The column `checked_skills`: null without any, as for most accounts.
fn stored_checks(skills: &[CheckedSkill]) -> Option<&[CheckedSkill]> {
    (!skills.is_empty()).then_some(skills)
}

/// The column `alert_preferences`: null for the default, which most accounts have.
fn stored_preferences(preferences: &AlertPreferences) -> Option<&AlertPreferences> {
    (*preferences != AlertPreferences::default()).then_some(preferences)
}

fn set_alert_preferences(user: UserId, preferences: &AlertPreferences, schedule: AlertSchedule) -> Value {
    let AlertSchedule { scope, absence, review_at } = schedule;
    json!({
        "op": "set_alert_preferences", "account_id": user, "alert_preferences": stored_preferences(preferences),
        "alert_scope": scope, "away_from": absence.map(|a| a.span.from), "away_until": absence.map(|a| a.span.until),
        "away_from_critical": absence.is_some_and(|a| a.from_critical),
        "notify_email": preferences.notify.email, "notify_sms": preferences.notify.sms,
        "max_alerts_per_day": preferences.max_alerts_per_day, "alert_review_at": review_at,
    })
}

fn open_session(session: &Session) -> Value {
    let Session { id, user, confirmed, created_at, user_agent: _ } = session;
    json!({
        "op": "open_session", "id": id, "account_id": user, "confirmed_token": confirmed, "created_at": created_at,
    })
}

fn record_login(user: UserId, source: LoginSource, at: Timestamp) -> Value {
    let LoginSource { account, address } = source;
    json!({
        "op": "record_login", "account_id": user, "account_hash": account, "address_hash": address,
        "known_since": at - ADDRESS_KNOWN_FOR, "max_addresses": MAX_KNOWN_ADDRESSES,
    })
}

fn revoke_sessions(user: UserId, only: Option<SessionId>, except: Option<SessionId>) -> Value {
    json!({ "op": "revoke_sessions", "account_id": user, "only": only, "except": except })
}

fn send_open_alerts(user: UserId, valid_for_ms: i64) -> Value {
    json!({ "op": "send_open_alerts", "account_id": user, "valid_for_ms": valid_for_ms })
}

fn register_device(device: &Device, replaced: &[DeviceId]) -> Value {
    let Device {
        id,
        user,
        session,
        name,
        subscription,
        push_key,
        created_at,
        last_sent_at,
        last_delivered_at,
        refused,
        unknown_since: _,
        tests: _,
    } = device;
    json!({
        "op": "register_device", "id": id, "account_id": user, "session_id": session, "name": name,
        "endpoint": subscription.endpoint(), "p256dh": bytea(subscription.p256dh()), "auth": bytea(subscription.auth()),
        "push_key": bytea(push_key), "created_at": created_at, "last_sent_at": last_sent_at,
        "last_delivered_at": last_delivered_at, "refused": refused, "replaced": replaced, "max_devices": MAX_DEVICES,
    })
}

/// Bytes as PostgreSQL reads a `bytea`: `\x` and hexadecimal digits.
fn bytea(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn expect_revision(emergency: EmergencyId, revision: Revision) -> Value {
    json!({ "op": "expect_revision", "emergency_id": emergency, "revision": revision.0 })
}

fn raise_emergency(emergency: &Emergency) -> Value {
    let (call, ending) = (emergency.call(), emergency.ending());
    let details = &call.details;
    let timers = Timers::of(emergency);
    json!({
        "op": "raise_emergency", "id": call.id, "owner_id": call.owner.id, "request_id": emergency.request_id(),
        "kind": details.kind, "category": details.category, "description": details.description,
        "latitude": details.location.position.latitude(), "longitude": details.location.position.longitude(),
        "address": details.location.address, "place_description": details.location.description,
        "priority": details.priority, "severity": details.severity, "silent": details.silent,
        "anonymous": details.anonymous, "status": emergency.status(), "alert_radius": emergency.alert_radius(),
        "wave": emergency.alerts().wave, "created_at": call.created_at, "updated_at": emergency.updated_at(),
        "first_response_at": emergency.first_response_at(), "ended_at": ending.map(|e| e.at),
        "ended_by": ending.and_then(|e| e.by), "resolution": emergency.resolution(),
        "ending_notes": ending.and_then(|e| e.notes.as_ref()), "next_alert_at": timers.next_alert_at,
        "resume_at": timers.resume_at, "renewed_at": emergency.renewed_at(), "search": emergency.search(),
        "revision": emergency.revision().0, "movement": call.movement.stored(),
    })
}

fn decide_again(helper: UserId, except: Option<EmergencyId>) -> Value {
    let interval = MIN_DECISION_INTERVAL.num_milliseconds();
    json!({ "op": "decide_again", "helper_id": helper, "except": except, "interval_ms": interval, "limit": MAX_DECIDED_AGAIN })
}

fn move_place(emergency: EmergencyId, location: &Location, movement: &Movement) -> Value {
    let Location { position, address, description } = location;
    json!({
        "op": "move_place", "emergency_id": emergency, "latitude": position.latitude(),
        "longitude": position.longitude(), "address": address, "place_description": description, "movement": movement,
    })
}

fn update_emergency(emergency: &Emergency, responses: &[Response]) -> Value {
    let (status, ending) = (emergency.status(), emergency.ending());
    let timers = Timers::of(emergency);
    json!({
        "op": "update_emergency", "id": emergency.id(), "status": status, "alert_radius": emergency.alert_radius(),
        "updated_at": emergency.updated_at(), "first_response_at": emergency.first_response_at(),
        "ended_at": ending.map(|e| e.at), "ended_by": ending.and_then(|e| e.by),
        "resolution": emergency.resolution(), "ending_notes": ending.and_then(|e| e.notes.as_ref()),
        "next_alert_at": timers.next_alert_at, "resume_at": timers.resume_at, "renewed_at": emergency.renewed_at(),
        "search": emergency.search(), "revision": emergency.revision().0,
        "responses": responses.iter().map(|r| response(r, status.is_live())).collect::<Vec<_>>(),
    })
}

fn response(response: &Response, live: bool) -> Value {
    let Response { helper, status, notes, estimated_arrival, responded_at, updated_at, record, .. } = response;
    let Response { transport: _, last_fix: _, blocks: _, .. } = response;
    let ResponseRecord { counts_until, cancellations, repeats, repeats_since, came_near, .. } = record;
    let ResponseRecord { reopened, end_undone, dispatch, .. } = record;
    json!({
        "helper_id": helper.person.id, "status": status, "notes": notes, "estimated_arrival": estimated_arrival,
        "responded_at": responded_at, "updated_at": updated_at, "engaged": live && status.is_engaged(),
        "counts_until": counts_until, "cancellations": cancellations, "repeats": repeats, "repeats_since": repeats_since,
        "came_near": came_near, "reopened": reopened, "end_undone": end_undone, "dispatch": dispatch.stored(),
    })
}

/// The timer of alerts, in the column that the status allows.
struct Timers {
    next_alert_at: Option<Timestamp>,
    resume_at: Option<Timestamp>,
}

impl Timers {
    fn of(emergency: &Emergency) -> Self {
        let at = emergency.next_alert_at();
        match emergency.status() {
            EmergencyStatus::Responding => Self { next_alert_at: None, resume_at: at },
            EmergencyStatus::Active | EmergencyStatus::Resolved | EmergencyStatus::Cancelled => {
                Self { next_alert_at: at, resume_at: None }
            }
        }
    }
}

fn delete_emergency(record: &DeletedEmergency) -> Value {
    let DeletedEmergency { id, owner, request_id, kind, status, place, created_at, ended_at, deleted_at } = record;
    json!({
        "op": "delete_emergency", "emergency_id": id, "owner_id": owner.id, "request_id": request_id, "kind": kind,
        "status": status, "latitude": place.latitude(), "longitude": place.longitude(), "created_at": created_at,
        "ended_at": ended_at, "deleted_at": deleted_at,
    })
}

fn post_message(message: &Message) -> Value {
    let Message { id, emergency, owner, anonymous: _, from, to, text, created_at } = message;
    let role = match from {
        Sender::Owner(_) => "creator",
        Sender::Helper(_) => "helper",
        Sender::System => "system",
    };
    let (recipient, recipient_id) = match to {
        To::Everyone => ("everyone", None),
        To::Creator => ("creator", Some(owner)),
        To::Owner => ("owner", Some(owner)),
        To::Helper(helper) => ("helper", Some(helper)),
    };
    json!({
        "op": "post_message", "id": id, "emergency_id": emergency, "sender_role": role, "sender_id": from.id(),
        "recipient": recipient, "recipient_id": recipient_id, "body": text, "created_at": created_at,
    })
}
