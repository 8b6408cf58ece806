//! What clients send, as schemas: bodies, queries and the payloads of client events.
//!
//! [`crate::input`] parses them. These types only describe the same fields: `null` counts as missing, unknown fields are
//! ignored, and white space alone counts as missing.

// The fields are read by the derive only.
#![expect(dead_code, reason = "the types are never constructed: they describe JSON")]

use allynet_domain::{
    Breakthrough, ContactTrigger, DeviceKind, EmergencyStatus, EmergencyType, Locale, Priority, ReportedState,
    ResolutionType, ResourceAccess, ResourceKind, ResourceState, ResponseStatus, Tier, Verification,
    dispatch::Transport, outbox::ReceiptState,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::schema::{
    AuthSecret, ClockTime, MessageOrTime, Name, PointOfCurve, Receipt, RequiredText, Text, Time, TimeZone,
    UrlOrNothing, Word,
};

macro_rules! requests {
    ($($(#[$attribute:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $type:ty,)* })+) => {$(
        #[derive(JsonSchema)]
        #[schemars(rename_all = "camelCase")]
        $(#[$attribute])*
        pub(super) struct $name { $($(#[$of_field])* $field: $type,)* }
    )+};
}

requests! {
    /// A new account: with `name`, or with `firstName` and perhaps `lastName`.
    #[schemars(extend("anyOf" = [{ "required": ["name"] }, { "required": ["firstName"] }]))]
    Register {
        /// An email address that no account has.
        #[schemars(email, length(max = 254))]
        email: String,
        /// Not trimmed.
        #[schemars(length(min = 8, max = 128), regex(pattern = r"^[^\u0000]*$"))]
        password: String,
        /// The whole name, which is split at its first white space.
        name: Option<Name<201>>,
        /// The given name, or the only one.
        first_name: Option<Name<100>>,
        /// The family name.
        last_name: Option<Name<100>>,
        /// A phone number, as it was typed.
        phone: Option<Text<40>>,
    }
    /// The credentials of an account.
    Login {
        /// The email address of the account, in any case.
        #[schemars(length(max = 65_536))]
        email: String,
        /// The password.
        #[schemars(length(max = 65_536))]
        password: String,
    }
    /// The account whose password was forgotten.
    ForgotPassword {
        /// The email address of the account.
        #[schemars(length(max = 65_536))]
        email: String,
    }
    /// A new password, with the token of the link in the email.
    ResetPassword {
        /// What follows `#token=` in the link.
        #[schemars(length(max = 65_536))]
        token: String,
        /// The new password. Not trimmed.
        #[schemars(length(min = 8, max = 128), regex(pattern = r"^[^\u0000]*$"))]
        password: String,
    }
    /// The refresh token that is exchanged.
    Refresh {
        /// The refresh token of the last answer.
        #[schemars(length(max = 65_536))]
        refresh_token: String,
    }
    /// Which session ends.
    Logout {
        /// The refresh token of the session; without it all sessions of the user end.
        #[schemars(length(max = 65_536))]
        refresh_token: Option<String>,
    }
    /// Changes of the profile. A missing field stays as it is, `null` or an empty text clears it.
    ProfileChange {
        /// The given name, or the only one. Cannot be cleared.
        #[schemars(with = "Name<100>")]
        #[schemars(default)]
        first_name: (),
        /// The family name.
        last_name: Option<Name<100>>,
        /// A phone number, as it was typed.
        phone: Option<Text<40>>,
        /// The URL of a picture: `http` or `https`.
        avatar: Option<UrlOrNothing>,
        /// A few sentences about the person.
        bio: Option<Text<500>>,
        /// The language of emails and pushes. `null` is `en`.
        locale: Option<Word<Locale>>,
    }
    /// A new password, with the present one.
    PasswordChange {
        /// The present password.
        #[schemars(length(max = 65_536))]
        current_password: String,
        /// The new password. Not trimmed.
        #[schemars(length(min = 8, max = 128), regex(pattern = r"^[^\u0000]*$"))]
        new_password: String,
    }
    /// What confirms that an account is to be deleted.
    AccountDeletion {
        /// The present password.
        #[schemars(length(max = 65_536))]
        password: String,
    }
    /// A user to block, by email address.
    BlockByEmail {
        /// The address. The answer is the same whether or not an account has it.
        #[schemars(email, length(max = 254))]
        email: String,
    }
    /// Changes of the helper record. A missing field stays as it is; of the alert preferences, `null` clears.
    HelperChange {
        /// The duty switch: whether the helper wants to be alerted. True for a new helper.
        available: Option<bool>,
        /// What the helper can do.
        #[schemars(length(max = 20))]
        skills: Option<Vec<RequiredText<40>>>,
        /// How the helper usually travels to an emergency. On foot for a new helper.
        transport: Option<Word<Transport>>,
        /// Weekly windows without alerts. They need `timeZone`, now or from before.
        #[schemars(length(max = 7))]
        quiet: Option<Vec<QuietWindow>>,
        /// The time zone of the windows.
        time_zone: Option<TimeZone>,
        /// When a pause ends: at most 30 days ahead.
        paused_until: Option<Time>,
        /// Which alerts come through in quiet hours, pauses and beyond the limit.
        breakthrough: Option<Word<Breakthrough>>,
        /// How many different owners may alert in 24 hours.
        #[schemars(range(min = 1, max = 50))]
        max_alerts_per_day: Option<u32>,
        /// Other channels, for an alert that no device confirms.
        notify: Option<NotifyChannels>,
    }
    /// A weekly window on the clock. One that ends at an earlier time than it begins ends the next day.
    #[schemars(rename = "NewQuietWindow")]
    QuietWindow {
        /// The days on which it begins, from 1 (Monday) to 7 (Sunday).
        #[schemars(length(min = 1, max = 7), inner(range(min = 1, max = 7)))]
        days: Vec<u8>,
        /// When it begins.
        from: ClockTime,
        /// When it ends. Not equal to `from`.
        to: ClockTime,
    }
    /// Other channels. A missing one stays as it is.
    #[schemars(rename = "NotifyChange")]
    NotifyChannels {
        /// Email.
        email: Option<bool>,
        /// SMS or a call, to the phone number of the profile.
        sms: Option<bool>,
    }
    /// An administrator's decision about a helper.
    VerificationChange {
        /// `verified` or `rejected`.
        status: Decision,
        /// How far the account was checked. Missing: as before; a verified helper without one becomes `registered`.
        tier: Option<Word<Tier>>,
        /// The skills that were checked. Missing: as before.
        #[schemars(length(max = 20))]
        skills: Option<Vec<CheckedSkill>>,
    }
    /// A skill that was checked.
    CheckedSkill {
        /// Its name.
        #[schemars(example = &"first aid")]
        name: RequiredText<40>,
        /// When it expires. Missing: it does not.
        until: Option<Time>,
    }
    /// The block of an account by an administrator.
    AccountBlock {
        /// Whether the account is blocked.
        blocked: bool,
        /// Why, for other administrators.
        reason: Option<Text<500>>,
    }
    /// A new emergency contact.
    NewContact {
        /// The name of the contact.
        name: Name<100>,
        /// The address that is written to.
        #[schemars(email, length(max = 254))]
        email: String,
        /// A phone number, as it was typed.
        phone: Option<Text<40>>,
        /// The place in the list, from 0. 0 if missing.
        #[schemars(range(max = 1000))]
        order: Option<u32>,
        /// How long after `on` the contact is told, in seconds. 0 if missing.
        #[schemars(range(max = 86_400))]
        after_seconds: Option<u32>,
        /// When the contact is told. `created` if missing.
        on: Option<Word<ContactTrigger>>,
        /// The contact is not told of an emergency with `silentMode`. False if missing.
        lives_with_owner: Option<bool>,
    }
    /// Changes of an emergency contact. A missing field stays as it is, `null` makes it the default.
    ContactChange {
        /// The name of the contact. Cannot be cleared.
        #[schemars(with = "Name<100>")]
        #[schemars(default)]
        name: (),
        /// The address that is written to. Cannot be cleared. A new one is invited anew.
        #[schemars(with = "String", email, length(max = 254))]
        #[schemars(default)]
        email: (),
        /// A phone number, as it was typed.
        phone: Option<Text<40>>,
        /// The place in the list, from 0.
        #[schemars(range(max = 1000))]
        order: Option<u32>,
        /// How long after `on` the contact is told, in seconds.
        #[schemars(range(max = 86_400))]
        after_seconds: Option<u32>,
        /// When the contact is told.
        on: Option<Word<ContactTrigger>>,
        /// The contact is not told of an emergency with `silentMode`.
        lives_with_owner: Option<bool>,
    }
    /// A Web Push subscription, as browsers give it.
    NewDevice {
        /// How the device is reached.
        kind: Word<DeviceKind>,
        /// The URL of the push service: `https`, port 443 or 1024 and above, a public address.
        #[schemars(url, length(max = 2048), regex(pattern = r"^https://"))]
        endpoint: String,
        /// The keys of the subscription.
        keys: SubscriptionKeys,
        /// What its user calls the device.
        #[schemars(example = &"My phone")]
        name: Option<Text<50>>,
        /// The key under which the browser subscribed: refused if it is not the present one.
        application_server_key: Option<PointOfCurve>,
    }
    /// The keys of a Web Push subscription, in base64url without padding.
    SubscriptionKeys {
        /// A point of P-256, uncompressed.
        p256dh: PointOfCurve,
        /// 16 octets.
        auth: AuthSecret,
    }
    /// The receipt of a push.
    PushReceipt {
        /// What the push had as `receipt`.
        receipt: Receipt,
        /// What has become of the push.
        state: Word<ReceiptState>,
    }
    /// A call for help.
    Raise {
        /// The place.
        location: RaiseLocation,
        /// The kind of emergency. `other` if missing.
        #[serde(rename = "type")]
        kind: Option<Word<EmergencyType>>,
        /// A word of the client for the kind.
        category: Option<Text<50>>,
        /// What happened.
        description: Option<Text<1000>>,
        /// How urgent it is. `high` if missing.
        priority: Option<Word<Priority>>,
        /// From 1 (least) to 10. 5 if missing.
        #[schemars(range(min = 1, max = 10))]
        severity: Option<u8>,
        /// Nothing may make a sound at the owner's side. False if missing.
        silent_mode: Option<bool>,
        /// The owner is not shown to other users. False if missing.
        anonymous_mode: Option<bool>,
        /// The place stays where it is when the owner moves: help is needed there by somebody else, for instance. False if missing:
        /// then the place follows the session that raises the emergency if that was there within the last five minutes.
        fixed_place: Option<bool>,
        /// An id of this call, made by the client, which may then repeat it: the answer to a repetition is the emergency that exists.
        request_id: Option<Text<100>>,
    }
    /// Changes of a live emergency. A missing field stays as it is.
    EmergencyChange {
        /// The kind of emergency.
        #[serde(rename = "type")]
        kind: Option<Word<EmergencyType>>,
        /// A word of the client for the kind. `null` clears it.
        category: Option<Text<50>>,
        /// What happened. `null` clears it.
        description: Option<Text<1000>>,
        /// How urgent it is.
        priority: Option<Word<Priority>>,
        /// From 1 (least) to 10.
        #[schemars(range(min = 1, max = 10))]
        severity: Option<u8>,
    }
    /// The place of an emergency.
    RaiseLocation {
        /// Degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: f64,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: f64,
        /// A postal address.
        address: Option<Text<300>>,
        /// How to find the place.
        #[schemars(example = &"2nd floor, on the left")]
        description: Option<Text<300>>,
    }
    /// A helper's answer to an alert.
    Respond {
        /// Whether the helper comes. `accept` if missing.
        action: Option<Action>,
        /// When the helper expects to arrive.
        estimated_arrival: Option<Time>,
    }
    /// How far a responding helper is.
    HelperStatus {
        /// The new status: at or after the present one, or `cancelled`.
        status: Word<ResponseStatus>,
        /// What the helper notes. Replaces earlier notes.
        notes: Option<Text<500>>,
        /// When the helper expects to arrive.
        estimated_arrival: Option<Time>,
        /// What became of the box that the helper is to bring. `collected` and `delivered` are refused while the newest position since
        /// accepting is elsewhere; without such a position they are believed.
        resource_state: Option<Word<ResourceState>>,
    }
    /// The end of an emergency.
    Resolve {
        /// Accepted for older clients, and ignored: it follows from who resolves.
        resolution_type: Option<Word<ResolutionType>>,
        /// What to note about the end.
        notes: Option<Text<500>>,
    }
    /// A false alarm.
    Cancel {
        /// Why.
        reason: Option<Text<500>>,
    }
    /// A rating of a helper.
    NewRating {
        /// The helper.
        helper_id: Uuid,
        /// From 1 to 5.
        #[schemars(range(min = 1, max = 5))]
        score: u8,
        /// A comment.
        comment: Option<Text<500>>,
    }
    /// A report of another user.
    NewReport {
        /// The other party. Without it a helper reports the owner.
        user_id: Option<Uuid>,
        /// What happened.
        reason: RequiredText<500>,
    }
    /// A message.
    NewMessage {
        /// The text.
        message: RequiredText<1000>,
        /// The recipient of a direct message: the id of a participant, or `creator` for the owner. Missing: all participants.
        #[schemars(length(max = 36))]
        recipient_id: Option<String>,
        /// An id of this message, made by the client, which may then repeat it.
        request_id: Option<Text<100>>,
    }
    /// Where a helper is.
    PositionReport {
        /// Degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: f64,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: f64,
        /// When the device took it. Orders the positions of one session.
        at: Option<Time>,
    }

    /// The query of the list of helpers.
    HelpersQuery {
        /// Only helpers with this decision.
        verification: Option<Word<Verification>>,
        /// `nextCursor` of the page before.
        #[schemars(length(max = 200))]
        cursor: Option<String>,
        /// Length of the page. 50 if missing.
        #[schemars(range(min = 1, max = 100))]
        limit: Option<u32>,
    }
    /// The place of a resource.
    NewResourcePlace {
        /// Degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: f64,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: f64,
        /// The postal address.
        address: Option<Text<300>>,
    }
    /// A resource that is added.
    NewResource {
        /// What it is.
        kind: Word<ResourceKind>,
        /// Where it is.
        location: NewResourcePlace,
        /// Who may take it. `unknown` if missing.
        access: Option<Word<ResourceAccess>>,
        /// When it can be reached, in the syntax of OpenStreetMap.
        opening_hours: Option<Text<1000>>,
        /// Whether it is inside of a building.
        indoor: Option<bool>,
        /// The floor.
        level: Option<Text<50>>,
        /// How to find it.
        description: Option<Text<500>>,
        /// A telephone number of the place.
        phone: Option<Text<40>>,
    }
    /// A change of a resource.
    ResourceChange {
        /// What it is.
        kind: Option<Word<ResourceKind>>,
        /// Where it is.
        location: Option<NewResourcePlace>,
        /// Who may take it.
        access: Option<Word<ResourceAccess>>,
        /// When it can be reached, in the syntax of OpenStreetMap.
        opening_hours: Option<Text<1000>>,
        /// Whether it is inside of a building.
        indoor: Option<bool>,
        /// The floor.
        level: Option<Text<50>>,
        /// How to find it.
        description: Option<Text<500>>,
        /// A telephone number of the place.
        phone: Option<Text<40>>,
    }
    /// What somebody saw of a resource.
    NewResourceReport {
        /// What became of it.
        state: Word<ReportedState>,
        /// What else is to be known.
        note: Option<Text<500>>,
    }
    /// The query of resources.
    ResourcesQuery {
        /// Degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: f64,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: f64,
        /// Metres. 5,000 if missing.
        #[schemars(range(min = 1.0, max = 50000.0))]
        radius: Option<f64>,
        /// Only resources of this kind.
        kind: Option<Word<ResourceKind>>,
        /// Length of the list. 100 if missing.
        #[schemars(range(min = 1, max = 500))]
        limit: Option<u32>,
    }
    /// The query of emergencies near a place.
    NearbyQuery {
        /// Degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: f64,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: f64,
        /// Metres. 10,000 if missing.
        #[schemars(range(min = 100.0, max = 50000.0))]
        radius: Option<f64>,
        /// Length of the list. 100 if missing.
        #[schemars(range(min = 1, max = 100))]
        limit: Option<u32>,
    }
    /// The query of the history.
    HistoryQuery {
        /// Only emergencies with this status.
        status: Option<Word<EmergencyStatus>>,
        /// Only emergencies that were raised before this time: `createdAt` of the last one of the page before.
        before: Option<Time>,
        /// Length of the page. 50 if missing.
        #[schemars(range(min = 1, max = 100))]
        limit: Option<u32>,
    }
    /// The query of messages.
    MessagesQuery {
        /// Only messages before this one: its id, or a time.
        before: Option<MessageOrTime>,
        /// Length of the page. 50 if missing.
        #[schemars(range(min = 1, max = 100))]
        limit: Option<u32>,
    }
    /// The query of the timeline.
    TimelineQuery {
        /// Only events after this `eventId`.
        #[schemars(range(max = 9_007_199_254_740_991_u64))]
        after: Option<u64>,
        /// Length of the page. 1,000 if missing.
        #[schemars(range(min = 1, max = 1000))]
        limit: Option<u32>,
    }
    /// The query of the list of all emergencies. `latitude` and `longitude` are given together, or neither.
    AdminQuery {
        /// Only emergencies with this status; `deleted` lists records of deleted ones, wherever they were.
        status: Option<ListedStatus>,
        /// Degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: Option<f64>,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: Option<f64>,
        /// Metres. 10,000 if missing. Needs `latitude` and `longitude`.
        #[schemars(range(min = 100.0, max = 50000.0))]
        radius: Option<f64>,
        /// `nextCursor` of the page before.
        #[schemars(length(max = 200))]
        cursor: Option<String>,
        /// Length of the page. 50 if missing.
        #[schemars(range(min = 1, max = 100))]
        limit: Option<u32>,
    }

    /// The payload of `emergency:join`.
    #[schemars(rename = "EmergencyJoinPayload")]
    JoinRoom {
        /// The id of the emergency, or `current` for the one in progress.
        #[schemars(length(min = 1, max = 36))]
        emergency_id: String,
        /// The last event of this emergency that the client has handled: what it missed is replayed.
        #[schemars(range(min = 0))]
        last_event_id: Option<i64>,
    }
    /// The payload of `emergency:leave`.
    #[schemars(rename = "EmergencyLeavePayload")]
    LeaveRoom {
        /// The id of the emergency, or `current` for the one in progress.
        #[schemars(length(min = 1, max = 36))]
        emergency_id: String,
    }
    /// The payload of `dispatcher:join`, which may be missing.
    #[schemars(rename = "DispatcherJoinPayload")]
    JoinDispatchers {
        /// The last event that the client has handled: what it missed is replayed.
        #[schemars(range(min = 0))]
        last_event_id: Option<i64>,
    }
    /// The payload of `alert:seen`: the alert was shown to a person.
    #[schemars(rename = "AlertSeenPayload")]
    AlertSeen {
        /// The emergency.
        emergency_id: Uuid,
    }
    /// The auth payload of the Socket.IO handshake.
    HandshakeAuth {
        /// An access token.
        #[schemars(length(max = 4096), example = &"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk3In0.c2lnbmF0dXJl")]
        token: String,
        /// The greatest `eventId` that the client has handled; before the first one, `latestEventId` of the first
        /// `session:ready`. What was missed since is replayed. One that this node does not know delays `session:ready` by up to two
        /// seconds, in which it may arrive from another node; then `session:resync` follows.
        #[schemars(range(min = 0))]
        last_event_id: Option<i64>,
    }
}

/// The payload of `dispatcher:leave`, which may be missing.
#[derive(JsonSchema, Deserialize)]
#[schemars(rename = "DispatcherLeavePayload")]
pub(super) struct LeaveDispatchers {}

/// An administrator's decision.
///
/// - `verified`: may help
/// - `rejected`: may not help, and drops out of every emergency
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "VerificationDecision")]
enum Decision {
    Verified,
    Rejected,
}

/// A helper's answer.
///
/// - `accept`: comes
/// - `decline`: does not come, and is not alerted again
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ResponseAction")]
enum Action {
    Accept,
    Decline,
}

/// The status of emergencies in the list for administrators.
///
/// - `active`: live; no helper counts as help
/// - `responding`: live; a helper is on the way or there
/// - `resolved`: ended
/// - `cancelled`: ended by the owner as a false alarm
/// - `deleted`: deleted by the owner; a record of it is left
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ListedStatus {
    Active,
    Responding,
    Resolved,
    Cancelled,
    Deleted,
}
