//! Changes: what a use case has decided, as data that is committed in one transaction.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    Account, AlertPreferences, AlertSchedule, Call, CheckedSkill, ContactAction, DeletedEmergency, DeliveryId, Details,
    Device, DeviceId, DeviceTests, Emergency, EmergencyId, Event, HelperPolicy, HelperRecord, Location, Message,
    MessageId, Movement, NewEvent, NoticeId, NoticeNote, OutboxId, OutboxKind, OutboxMessage, OutboxRecipient,
    PasswordHash, PlannedNotice, PushKey, Recipient, Response, Revision, Role, Score, Session, SessionId, Text, Tier,
    Timestamp, UserBlock, UserId, Verification,
    alert_timing::later,
    outbox::{DeliveryNote, MESSAGE_PUSH_INTERVAL, ReceiptState, SendChannel},
    port::{EndedBlocks, KeyedHash, LoginSource},
};

/// Writes and events that are committed together, or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When it was decided.
    pub at: Timestamp,
    /// The user that decided; `None` for the service.
    pub actor: Option<UserId>,
    /// Applied in this order.
    pub writes: Vec<Write>,
    /// Appended to the log in this order, after the writes.
    pub events: Vec<NewEvent>,
    /// Messages to users who may have no connection, stored after the events.
    pub sends: Vec<OutboxMessage>,
}

impl Change {
    /// An empty change.
    pub const fn new(actor: Option<UserId>, at: Timestamp) -> Self {
        Self { at, actor, writes: Vec::new(), events: Vec::new(), sends: Vec::new() }
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds a write before all others.
    #[must_use]
    pub fn write_first(mut self, write: Write) -> Self {
        self.writes.insert(0, write);
        self
    }

    /// Adds an event of an emergency.
    #[must_use]
    pub fn event(self, emergency: EmergencyId, event: Event) -> Self {
        self.append(Some(emergency), event)
    }

    /// Adds an event of an emergency that another user than [`Self::actor`] has caused.
    #[must_use]
    pub fn event_by(mut self, actor: UserId, emergency: EmergencyId, event: Event) -> Self {
        self.events.push(NewEvent { at: self.at, emergency: Some(emergency), actor: Some(actor), event });
        self
    }

    /// Adds an event that belongs to no emergency.
    #[must_use]
    pub fn account_event(self, event: Event) -> Self {
        self.append(None, event)
    }

    /// Adds a message to users about an emergency, of the same content as the last event. Nothing if there are none.
    #[must_use]
    pub fn send(
        mut self,
        kind: OutboxKind,
        about: &Call,
        recipients: Vec<OutboxRecipient>,
        valid_for: TimeDelta,
    ) -> Self {
        if recipients.is_empty() {
            return self;
        }
        let is_chat = kind == OutboxKind::Message;
        self.sends.push(OutboxMessage {
            kind,
            emergency: Some(about.id),
            emergency_kind: Some(about.details.kind),
            event: self.events.len().checked_sub(1),
            recipients,
            expires_at: later(self.at, valid_for),
            unless_since: is_chat.then(|| self.at - MESSAGE_PUSH_INTERVAL),
        });
        self
    }

    fn append(mut self, emergency: Option<EmergencyId>, event: Event) -> Self {
        self.events.push(NewEvent { at: self.at, emergency, actor: self.actor, event });
        self
    }
}

/// A delivery of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedDelivery {
    /// The delivery, new or stored.
    pub id: DeliveryId,
    /// How it is sent.
    pub channel: SendChannel,
    /// The device; `Some` for a push.
    pub device: Option<DeviceId>,
    /// The hash of the token with which the receiver confirms it.
    pub receipt: KeyedHash,
    /// When its claim ends.
    pub lease_until: Timestamp,
}

/// A notice of a review, with the ids that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeEntry {
    /// Its id, unless the address has a notice about this emergency.
    pub id: NoticeId,
    /// The id of the email.
    pub mail: Uuid,
    /// What was decided.
    pub planned: PlannedNotice,
}

/// A device that received an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceivingDevice {
    /// The device of a session, if it has one.
    OfSession(SessionId),
    /// A device.
    Device(DeviceId),
}

/// The condition of a rating that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatingCounts {
    /// The owner.
    pub owner: UserId,
    /// No rating of the same pair may have been counted after this time.
    pub unless_since: Timestamp,
}

/// A write of a change. If its condition does not hold, the whole change fails, unless the variant says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new account with its password. `Conflict(Email)` when the email is taken. Blocks and reports of a deleted account of the
    /// email apply to it.
    RegisterAccount {
        /// The account.
        account: Box<Account>,
        /// The hash of its password.
        password: PasswordHash,
    },
    /// Deletes an account with all that is only about it. What others have a part in is kept under the id `former`, with the name
    /// "Former user", also in the events of these emergencies; the events of this change are changed later, by
    /// [`Changes::erase_deleted`](crate::port::Changes::erase_deleted). Blocks and reports of others wait for a new account of the
    /// email.
    ///
    /// `Stale` without such an account, if it is blocked, owns a live emergency, or has a response to one that is not cancelled.
    /// `Conflict(LastAdministrator)`.
    DeleteAccount {
        /// The user.
        user: UserId,
        /// The id of what is kept.
        former: UserId,
    },
    /// A new session.
    OpenSession(Session),
    /// A login: its address is known from now on, and failures of this source do not count any more. Deletes addresses that
    /// are not known any more.
    RecordLogin {
        /// The user.
        user: UserId,
        /// The account and the address.
        source: LoginSource,
    },
    /// Revokes sessions of an account: one, all but one, or all. Their devices are removed.
    RevokeSessions {
        /// The user.
        user: UserId,
        /// The session to revoke; `None` for all.
        only: Option<SessionId>,
        /// A session that is not revoked.
        except: Option<SessionId>,
    },
    /// A new device, or a new state of a registered one, in place of `replaced`. `Stale` if another device has its endpoint or
    /// its session, or if the user has more than [`MAX_DEVICES`](crate::MAX_DEVICES) then.
    RegisterDevice {
        /// The device.
        device: Box<Device>,
        /// The devices that it replaces.
        replaced: Vec<DeviceId>,
    },
    /// Sends the alerts of live emergencies that reached the user within `valid_for` to the devices that they were not sent to. For a
    /// device that was registered since. MUST come before that is written: messages are locked before devices.
    SendOpenAlerts {
        /// The user.
        user: UserId,
        /// How long an alert is worth sending.
        valid_for: TimeDelta,
    },
    /// Counts a test message to a device; `Stale` if the user has none with this id, or another test was counted since.
    CountDeviceTest {
        /// The user.
        user: UserId,
        /// The device.
        device: DeviceId,
        /// The tests so far.
        before: DeviceTests,
        /// The tests with this one.
        after: DeviceTests,
    },
    /// Takes a step of a message that was claimed: stores its deliveries, which this node has claimed, and the next
    /// step. No effect if the claim was lost.
    PlanStep {
        /// The message.
        message: OutboxId,
        /// When the claim ends.
        lease_until: Timestamp,
        /// The step that was taken.
        step: u8,
        /// The next step and when it is due; `None` after the last.
        next: Option<(u8, Timestamp)>,
        /// The deliveries.
        deliveries: Vec<PlannedDelivery>,
    },
    /// Stores what became of attempts. A delivery that does not exist any more is left out. When to try again is stored only if
    /// the claim of the attempt was not followed by another one.
    NoteDeliveries(Vec<DeliveryNote>),
    /// Stores that a device received a push, or that a person saw it.
    RecordReceipt {
        /// The hash of the receipt.
        receipt: KeyedHash,
        /// Which of the two.
        state: ReceiptState,
    },
    /// Stores that a device received the alert of an emergency: the device of this session, or this one. No effect if there is
    /// none.
    NoteDeviceReceived {
        /// The emergency.
        emergency: EmergencyId,
        /// The device.
        device: ReceivingDevice,
    },
    /// Stores that the helper saw the alert now. For an alert that was seen before, or never sent, an
    /// [`Event::AlertSeen`] of this helper and emergency in the same change is not appended.
    SeeAlert {
        /// The emergency.
        emergency: EmergencyId,
        /// The helper.
        helper: UserId,
    },
    /// Makes a review of what the contacts of an emergency's owner are told due now, and takes the claim of another. No effect for an
    /// owner without a contact that agreed.
    ReviewContacts(EmergencyId),
    /// Stores what a review decided; `Stale` if its claim was lost. A notice that was claimed since stays as it is.
    PlanNotices {
        /// The emergency.
        emergency: EmergencyId,
        /// When the claim ends.
        lease_until: Timestamp,
        /// The next review; `None` if there is none until the emergency changes.
        next_at: Option<Timestamp>,
        /// Whether everything about this emergency is deleted instead.
        is_over: bool,
        /// The notices that are new or change.
        notices: Vec<NoticeEntry>,
    },
    /// Stores what became of sending a notice, and makes a review that is planned due; `Stale` if its claim was lost.
    NoteNotice {
        /// The emergency.
        emergency: EmergencyId,
        /// The notice.
        notice: NoticeId,
        /// When the claim ends.
        lease_until: Timestamp,
        /// What became of it.
        note: NoticeNote,
    },
    /// Stores what a contact says they do; `Stale` if they said so before.
    NoteContactAction {
        /// The emergency.
        emergency: EmergencyId,
        /// The notice of the contact.
        notice: NoticeId,
        /// What they do.
        action: ContactAction,
    },
    /// Removes a device of a user; `Stale` if the user has none with this id.
    RemoveDevice {
        /// The user.
        user: UserId,
        /// The device.
        device: DeviceId,
    },
    /// Stores that the user of a device was told that the service has another push key, this one; `Stale` if that was stored
    /// before, or there is no such device.
    NoteKeyChange {
        /// The device.
        device: DeviceId,
        /// The present key of the service.
        key: PushKey,
    },
    /// A token with which a password is replaced is used up; `Stale` if it was used or replaced before, or the account is
    /// blocked.
    UsePasswordReset {
        /// The user.
        user: UserId,
        /// The hash of the token.
        token: KeyedHash,
    },
    /// A new password. The tokens with which it could be replaced become invalid.
    SetPassword {
        /// The user.
        user: UserId,
        /// The hash.
        password: PasswordHash,
    },
    /// Checks that role, block and helper record, with its preferences, of an account are unchanged; `Stale` otherwise.
    ExpectAccount(Box<Account>),
    /// Checks that an account may help; `Conflict(MayHelp)` otherwise. A concurrent change of its rights waits for this
    /// change, or this change for it.
    ExpectMayHelp {
        /// The user.
        user: UserId,
        /// The policy that decides.
        policy: HelperPolicy,
    },
    /// Checks that a user has no response to a live emergency but cancelled ones; `Stale` otherwise.
    ExpectNoResponses(UserId),
    /// The helper record of an account, and the role it is shown with. `verification` is stored only if the account had
    /// no helper record before: only an administrator changes it later.
    SetHelper {
        /// The user.
        user: UserId,
        /// The record.
        helper: HelperRecord,
        /// The role it is shown with.
        role: Role,
    },
    /// The alert preferences of a helper, and what follows from them until they are looked at again.
    SetAlertPreferences {
        /// The user.
        user: UserId,
        /// The preferences.
        preferences: Box<AlertPreferences>,
        /// What follows from them.
        schedule: AlertSchedule,
    },
    /// The role of an account.
    SetRole {
        /// The user.
        user: UserId,
        /// The role.
        role: Role,
    },
    /// An administrator's decision about a helper.
    SetVerification {
        /// The user.
        user: UserId,
        /// The decision.
        verification: Verification,
    },
    /// What an administrator has checked of a helper. No effect for an account without a helper record.
    SetQualification {
        /// The user.
        user: UserId,
        /// The tier; `None` if none was given.
        tier: Option<Tier>,
        /// The skills.
        skills: Vec<CheckedSkill>,
    },
    /// Blocks or unblocks an account. The devices of a blocked one are removed.
    SetBlocked {
        /// The user.
        user: UserId,
        /// Whether it is blocked.
        blocked: bool,
        /// The reason, for administrators.
        reason: Option<Text<500>>,
    },
    /// A new block. It replaces one with the same target that was removed from the list, and a block with the same target in
    /// the list stays as it is. `Conflict(Blocks)` when the user has too many.
    ///
    /// `Stale` unless `user` is the account that the target applies to, and `emergencies` are still those of
    /// [`BlockContext`](crate::port::BlockContext). An emergency that one of the two raises meanwhile, and a response, wait
    /// for this change, or this change for it.
    AddBlock {
        /// The user that makes it.
        by: UserId,
        /// The block.
        block: UserBlock,
        /// The account that it applies to.
        user: Option<UserId>,
        /// The earliest time at which its effects end.
        earliest_end: Timestamp,
        /// The live emergencies in which either user takes part.
        emergencies: Vec<EmergencyId>,
    },
    /// Removes the block with this id, or the block of the user with this id, from the list of a user. Its effects last
    /// until its earliest end. No-op without such a block.
    RemoveBlock {
        /// The user that made it.
        by: UserId,
        /// The id of the block or of the blocked user.
        key: Uuid,
    },
    /// Deletes blocks whose effects are over; `Stale` if not all of them are, or if another one applies to the same account.
    EndBlocks(EndedBlocks),
    /// A new, live emergency, without responses. `Conflict(LiveEmergency)`, `Conflict(RequestId)`, `Conflict(Owner)`.
    RaiseEmergency(Box<Emergency>),
    /// The state of an emergency, on condition that the store still holds `emergency.revision`, which then grows by
    /// one; `Stale` otherwise. Only `responses` are written of its responses. When it has ended, every response is
    /// released, so that those helpers may respond elsewhere.
    /// `Conflict(Engaged)` when a response is engaged and its helper is engaged elsewhere.
    UpdateEmergency {
        /// The new state, with the revision it was loaded at.
        emergency: Box<Emergency>,
        /// The responses that are new or changed.
        responses: Vec<Response>,
    },
    /// The details of an emergency, but for its place, which has a write of its own, its silence and its anonymity, which do not
    /// change. The change MUST also
    /// update the emergency, which decides whether it is at the revision it was loaded at.
    ChangeDetails {
        /// The emergency.
        emergency: EmergencyId,
        /// The new details.
        details: Box<Details>,
    },
    /// Makes a decision by gain due now in the live emergencies that alerted this helper, but for one: the helper does not count
    /// there any more. MUST come after updates of emergencies. Waits for no other change: an emergency that is being changed is left
    /// out, and decides again soon by itself.
    ///
    /// An emergency decides [`MIN_DECISION_INTERVAL`](crate::search::MIN_DECISION_INTERVAL) after its last decision at the earliest,
    /// and only those count to which the newest [`MAX_DECIDED_AGAIN`](crate::search::MAX_DECIDED_AGAIN) alerts of the helper were.
    DecideAgain {
        /// The helper.
        helper: UserId,
        /// The emergency that needs no such decision.
        except: Option<EmergencyId>,
    },
    /// Where an emergency is now. The change MUST also update the emergency, as for new details.
    MovePlace {
        /// The emergency.
        emergency: EmergencyId,
        /// The new place.
        location: Box<Location>,
        /// What it has to do with where the owner is.
        movement: Box<Movement>,
    },
    /// Checks that the store still holds this revision; `Stale` otherwise.
    ExpectRevision {
        /// The emergency.
        emergency: EmergencyId,
        /// The revision it was loaded at.
        revision: Revision,
    },
    /// Deletes an emergency with its responses, alerts, messages and ratings, and stores the record of it. Reports stay.
    /// Its events are erased from the log later, by [`Changes::erase_deleted`](crate::port::Changes::erase_deleted).
    DeleteEmergency(DeletedEmergency),
    /// All helpers on duty are told of an emergency. Counts as a ring of the owner at themselves
    /// ([`RecentRings`](crate::RecentRings)), also after the emergency is deleted.
    AnnounceEmergency(EmergencyId),
    /// Alerts of a wave to helpers. The emergency's wave only grows; a helper that is alerted again stays in the wave
    /// of the first alert, and the repetition is counted. The first alert of each helper counts as a ring of the owner
    /// ([`RecentRings`](crate::RecentRings)), also after the emergency is deleted.
    SendAlerts {
        /// The emergency.
        emergency: EmergencyId,
        /// The wave.
        wave: u16,
        /// The helpers.
        recipients: Vec<Recipient>,
    },
    /// A device of an alerted helper received the alert, which proves a young account. An alert that was acknowledged before, or never sent, stays as
    /// it is, and an [`Event::AlertAcknowledged`] of this helper and emergency in the same change is not appended.
    AcknowledgeAlert {
        /// The emergency.
        emergency: EmergencyId,
        /// The helper.
        helper: UserId,
    },
    /// Something came from a device that was sent an alert, so that the alert was received. No event; an alert that was
    /// never sent stays as it is.
    ReceiveAlert {
        /// The emergency.
        emergency: EmergencyId,
        /// The helper.
        helper: UserId,
    },
    /// A helper declined (`true`), or accepted after all (`false`: no effect unless the helper had declined).
    SetDeclined {
        /// The emergency.
        emergency: EmergencyId,
        /// The helper.
        helper: UserId,
        /// Whether the helper declines.
        declined: bool,
    },
    /// Adds trust, up to [`MAX_TRUST`](crate::MAX_TRUST), for helpers that have gained none from this owner after
    /// `unless_since`. It is recorded, so that it can be taken back.
    AddTrust {
        /// The emergency in which they helped.
        emergency: EmergencyId,
        /// Its owner.
        owner: UserId,
        /// The helpers.
        helpers: Vec<UserId>,
        /// Number of points to add.
        by: u16,
        /// Earlier trust of the same pair excludes more only after this time.
        unless_since: Timestamp,
    },
    /// Takes back the trust that was gained in an emergency.
    RevokeTrust(EmergencyId),
    /// Checks that no message of an emergency is as new as this, or newer; `Stale` otherwise.
    ExpectMessagesBefore {
        /// The emergency.
        emergency: EmergencyId,
        /// The time.
        before: Timestamp,
    },
    /// A new message.
    PostMessage(Message),
    /// The number that its sender gave a new message. `Conflict(MessageRequestId)` the second time.
    AddMessageRequest {
        /// The emergency.
        emergency: EmergencyId,
        /// The sender.
        sender: UserId,
        /// The number.
        request: Text<100>,
        /// The message.
        message: MessageId,
    },
    /// Deletes a message, and its text in the log.
    DeleteMessage {
        /// The emergency.
        emergency: EmergencyId,
        /// The message.
        message: MessageId,
    },
    /// An owner's score for a helper. `Conflict(Rating)` the second time. Moves the helper's rating if it counts.
    AddRating {
        /// The emergency.
        emergency: EmergencyId,
        /// The helper.
        helper: UserId,
        /// The score.
        score: Score,
        /// The owner's comment.
        comment: Option<Text<500>>,
        /// Set if it counts; `Stale` if another rating of this pair was counted after `unless_since`.
        counts: Option<RatingCounts>,
    },
    /// A report about the other party. `Conflict(Report)` the second time.
    AddReport {
        /// The emergency.
        emergency: EmergencyId,
        /// The user that reports.
        reporter: UserId,
        /// The reported user.
        about: UserId,
        /// The reason.
        reason: Text<500>,
    },
}
