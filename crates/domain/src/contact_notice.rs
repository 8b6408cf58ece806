//! Notices: what emergency contacts are told of an emergency by email. That it is live, that it has ended, and that it goes on after
//! all.
//!
//! What is told follows from the emergency and from what was told before, and is decided by a review ([`ContactReview::plan`]). Every
//! change that matters to contacts makes a review due in its own commit. One address is told once, whatever the number of contacts
//! with it.

use chrono::TimeDelta;

use crate::{
    ConsentId, ContactId, ContactTrigger, Email, EmergencyId, EmergencyStatus, Locale, Location, Name, NoticeId,
    Timestamp, UserId, Zone, alert_timing::later, string_enum,
};

/// How long after the end of an emergency its page for contacts is shown.
pub const CONTACT_PAGE_AFTER_END: TimeDelta = TimeDelta::hours(2);
/// Time for which sending a notice is tried, and after the end of an emergency the end is told.
pub const NOTICE_VALID_FOR: TimeDelta = TimeDelta::hours(24);
/// Contacts of one emergency take turns with those of others: each takes its turn as if it were due this much later than the one
/// before.
pub const TURN_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// Time for which a claim of a review excludes other nodes.
pub const REVIEW_LEASE: TimeDelta = TimeDelta::seconds(10);
/// Time for which a claim of a notice excludes other nodes. Longer than an attempt to send it can take.
pub const NOTICE_LEASE: TimeDelta = TimeDelta::minutes(1);
/// The delays before a notice is sent again after a failure that can pass. The last one is repeated.
const NOTICE_RETRY_DELAYS: [TimeDelta; 6] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(10),
    TimeDelta::seconds(30),
    TimeDelta::minutes(1),
    TimeDelta::minutes(2),
    TimeDelta::minutes(5),
];
/// Maximum number of emergencies of one owner that an address is sent an email about without delay within [`ALERTS_COUNTED_FOR`]. An
/// email about one more is sent once that emergency has lasted [`LASTING_AFTER`]. The numbers are the defaults of those that limit how
/// often an owner rings the same helper.
pub const MAX_PROMPT_ALERTS: u32 = 5;
/// The period in which these emergencies are counted. The triggers of both databases contain it, too.
pub const ALERTS_COUNTED_FOR: TimeDelta = TimeDelta::minutes(10);
/// The age at which an emergency beyond [`MAX_PROMPT_ALERTS`] is reported to the address.
pub const LASTING_AFTER: TimeDelta = TimeDelta::minutes(1);
/// Time between two reviews of an emergency that has ended while its end is not told to every address yet.
const REVIEW_AGAIN_AFTER: TimeDelta = TimeDelta::hours(1);

string_enum! {
    /// What a notice tells.
    NoticeKind {
        Alert = "alert",
        Ended = "ended",
        Resumed = "resumed",
    }
}

string_enum! {
    /// What has become of telling a contact that an emergency is live, as its owner is told.
    NoticeState {
        Queued = "queued",
        Sent = "sent",
        Failed = "failed",
        Seen = "seen",
        Acting = "acting",
    }
}

string_enum! {
    /// What a contact does, as they say on the page of an emergency.
    ContactAction {
        WithOwner = "with_owner",
        CalledNumber = "called_number",
        Read = "read",
    }
}

impl ContactAction {
    /// What the owner is told.
    pub const fn state(self) -> NoticeState {
        match self {
            Self::WithOwner | Self::CalledNumber => NoticeState::Acting,
            Self::Read => NoticeState::Seen,
        }
    }
}

/// What the contacts of an emergency's owner were told, and may be told. It is claimed by this node.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactReview {
    /// The emergency.
    pub emergency: EmergencyId,
    /// Its owner.
    pub owner: UserId,
    /// When the claim ends.
    pub lease_until: Timestamp,
    /// The emergency; `None` if it was deleted.
    pub state: Option<ReviewedEmergency>,
    /// Alerts that were due at this time or before are not sent: the database was restored, and they may have been.
    pub alerts_after: Option<Timestamp>,
    /// The addresses, in the order of the owner's contacts.
    pub addresses: Vec<ReviewedAddress>,
}

/// An emergency as far as its contacts depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewedEmergency {
    /// When the owner called.
    pub created_at: Timestamp,
    /// When it was first unanswered.
    pub unanswered_at: Option<Timestamp>,
    /// When it ended; `None` while it is live.
    pub ended_at: Option<Timestamp>,
    /// Whether it is silent.
    pub silent: bool,
}

/// An address that an owner has named, and that may have agreed.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewedAddress {
    /// Its consent to messages about the owner.
    pub consent: ConsentId,
    /// Whether it is told anything now: it has agreed, was not stopped, and can be reached.
    pub accepts: bool,
    /// The contacts with this address. Empty if they were removed since it was told.
    pub contacts: Vec<ReviewedContact>,
    /// What it was told of this emergency, and is to be told.
    pub notice: Option<StoredNotice>,
    /// The emergencies of this owner that it was told of.
    pub alerts: CountedAlerts,
}

/// How many emergencies of an owner an address was told of in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountedAlerts {
    /// When the period began.
    pub since: Option<Timestamp>,
    /// The number.
    pub count: u32,
}

impl CountedAlerts {
    /// How long an emergency has to last before the address is told of it.
    fn delay(self, now: Timestamp) -> TimeDelta {
        let is_counted = self.since.is_some_and(|since| now < later(since, ALERTS_COUNTED_FOR));
        if is_counted && self.count >= MAX_PROMPT_ALERTS { LASTING_AFTER } else { TimeDelta::zero() }
    }
}

/// When a contact is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewedContact {
    /// The contact.
    pub id: ContactId,
    /// When the delay begins.
    pub trigger: ContactTrigger,
    /// The delay, in seconds.
    pub after_seconds: u32,
    /// Whether the contact lives with the owner.
    pub lives_with_owner: bool,
}

/// The notice of an address about an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredNotice {
    /// The contact with whose rule it began.
    pub contact: ContactId,
    /// What waits to be sent.
    pub queued: Option<NoticeKind>,
    /// What was sent last.
    pub told: Option<NoticeKind>,
    /// Until when a node sends it. A claim that has ended belongs to a node that died, and may have sent it.
    pub claimed_until: Option<Timestamp>,
    /// Whether it was given up. Nothing more is sent then.
    pub has_failed: bool,
}

/// A notice as a review decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedNotice {
    /// The consent of the address, which has one notice for each emergency.
    pub consent: ConsentId,
    /// The contact.
    pub contact: ContactId,
    /// What was sent last, as far as it is known.
    pub told: Option<NoticeKind>,
    /// What is to be sent.
    pub queue: Option<NoticeKind>,
    /// Its turn among all that is due.
    pub turn_at: Timestamp,
}

/// The outcome of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewPlan {
    /// The notices that are new or change.
    pub notices: Vec<PlannedNotice>,
    /// The next review that is due without another change; `None` if there is none.
    pub next_at: Option<Timestamp>,
    /// Whether nothing is told any more, and all of it can be deleted.
    pub is_over: bool,
}

/// What an address is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Nothing,
    Now(NoticeKind, ContactId),
    /// An alert, then.
    Later(Timestamp),
}

impl ContactReview {
    /// Decides what is to be told at `now`.
    ///
    /// A live emergency is told once; an address that was told hears of the end, and if it heard of the end, that the emergency goes on.
    /// What is being sent at this moment is left alone and looked at again.
    pub fn plan(&self, now: Timestamp) -> ReviewPlan {
        let (mut notices, mut next) = (Vec::new(), Vec::new());
        let mut is_waiting = false;
        for address in &self.addresses {
            if let Some(until) = address.notice.and_then(|notice| notice.claimed_until).filter(|until| *until > now) {
                next.push(until);
                is_waiting = true;
                continue;
            }
            let planned = match self.owed_now(address, now) {
                (told, Owed::Now(kind, contact)) => {
                    is_waiting = true;
                    Some((told, Some(kind), contact))
                }
                (told, owed) => {
                    if let Owed::Later(at) = owed {
                        next.push(at);
                    }
                    address.notice.map(|notice| (told, None, notice.contact))
                }
            };
            let Some((told, queue, contact)) = planned else { continue };
            let consent = address.consent;
            if address.notice.is_none_or(|notice| (notice.told, notice.queued) != (told, queue)) {
                let turn_at = later(now, TURN_INTERVAL * i32::try_from(notices.len()).unwrap_or(i32::MAX));
                notices.push(PlannedNotice { consent, contact, told, queue, turn_at });
            }
        }
        let (end, is_over) = self.end(now, is_waiting);
        next.extend(end);
        ReviewPlan { notices, next_at: next.into_iter().min(), is_over }
    }

    /// What an address was told, and is owed. What waits after a claim that has ended may have been sent: then it counts as told, unless
    /// it is still to be told.
    fn owed_now(&self, address: &ReviewedAddress, now: Timestamp) -> (Option<NoticeKind>, Owed) {
        let Some(notice) = address.notice else { return (None, self.owed(address, None, now)) };
        let owed = self.owed(address, notice.told, now);
        match (notice.claimed_until, notice.queued, owed) {
            (Some(_), Some(queued), owed) if !matches!(owed, Owed::Now(kind, _) if kind == queued) => {
                (Some(queued), self.owed(address, Some(queued), now))
            }
            _ => (notice.told, owed),
        }
    }

    fn owed(&self, address: &ReviewedAddress, told: Option<NoticeKind>, now: Timestamp) -> Owed {
        let has_failed = address.notice.is_some_and(|notice| notice.has_failed);
        if !address.accepts || has_failed {
            return Owed::Nothing;
        }
        let contact = address.notice.map(|notice| notice.contact);
        let owe = |kind| contact.map_or(Owed::Nothing, |contact| Owed::Now(kind, contact));
        match (self.live(), told) {
            (Some(emergency), None) => self.owed_alert(address, &emergency, now),
            (Some(_), Some(NoticeKind::Ended)) if !address.contacts.is_empty() => owe(NoticeKind::Resumed),
            (None, Some(NoticeKind::Alert | NoticeKind::Resumed)) if self.tells_end(now) => owe(NoticeKind::Ended),
            (Some(_), Some(_)) | (None, _) => Owed::Nothing,
        }
    }

    fn owed_alert(&self, address: &ReviewedAddress, emergency: &ReviewedEmergency, now: Timestamp) -> Owed {
        let told = address.contacts.iter().filter(|contact| !(emergency.silent && contact.lives_with_owner));
        let earliest = later(emergency.created_at, address.alerts.delay(now));
        let due_at = |contact: &ReviewedContact| Some(contact.due_at(emergency)?.max(earliest));
        let first = told.filter_map(|contact| Some((due_at(contact)?, contact.id))).min_by_key(|(at, _)| *at);
        match first {
            Some((at, _)) if at > now => Owed::Later(at),
            Some((at, contact)) if self.alerts_after.is_none_or(|after| at > after) => {
                Owed::Now(NoticeKind::Alert, contact)
            }
            _ => Owed::Nothing,
        }
    }

    fn live(&self) -> Option<ReviewedEmergency> {
        self.state.filter(|emergency| emergency.ended_at.is_none())
    }

    /// Whether the end is recent enough to be told. That of a deleted emergency is: the notice itself is given up in time.
    fn tells_end(&self, now: Timestamp) -> bool {
        let ended_at = self.state.and_then(|emergency| emergency.ended_at);
        ended_at.is_none_or(|ended_at| now < later(ended_at, NOTICE_VALID_FOR))
    }

    /// When an emergency that has ended is reviewed again, or that all about it can be deleted.
    fn end(&self, now: Timestamp, is_waiting: bool) -> (Option<Timestamp>, bool) {
        let page_until = match self.state {
            Some(ReviewedEmergency { ended_at: None, .. }) => return (None, false),
            Some(ReviewedEmergency { ended_at: Some(at), .. }) => later(at, CONTACT_PAGE_AFTER_END),
            None => now,
        };
        if now < page_until {
            (Some(page_until), false)
        } else if is_waiting {
            (Some(later(now, REVIEW_AGAIN_AFTER)), false)
        } else {
            (None, true)
        }
    }
}

impl ReviewedContact {
    /// The time at which the contact is due to be told; `None` while the trigger of the contact has not happened.
    fn due_at(&self, emergency: &ReviewedEmergency) -> Option<Timestamp> {
        let from = match self.trigger {
            ContactTrigger::Created => Some(emergency.created_at),
            ContactTrigger::Unanswered => emergency.unanswered_at,
        };
        from.map(|from| later(from, TimeDelta::seconds(self.after_seconds.into())))
    }
}

/// A notice that is due and that this node has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct DueNotice {
    /// The notice.
    pub id: NoticeId,
    /// The id of the email, the same when it is sent again.
    pub mail: uuid::Uuid,
    /// What it tells.
    pub kind: NoticeKind,
    /// The emergency.
    pub emergency: EmergencyId,
    /// Its owner.
    pub owner: UserId,
    /// The contact.
    pub contact: ContactId,
    /// The consent of the address.
    pub consent: ConsentId,
    /// The address.
    pub email: Email,
    /// Given name of the owner.
    pub first_name: Name,
    /// Family name of the owner.
    pub last_name: Option<Name>,
    /// The language of the owner.
    pub locale: Locale,
    /// The time zone of the owner, if it is known.
    pub zone: Option<Zone>,
    /// Attempts that failed.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When the claim ends.
    pub lease_until: Timestamp,
    /// When and where the owner called; `None` if the emergency was deleted.
    pub call: Option<(Timestamp, Location)>,
}

/// What became of an attempt to send a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeNote {
    /// The mail server accepted it.
    Sent,
    /// It is sent again then.
    Retry(Timestamp),
    /// It is not sent any more.
    GivenUp,
    /// The address cannot be reached.
    Undeliverable,
}

impl NoticeNote {
    /// After a failure that can pass.
    pub fn after_failure(notice: &DueNotice, now: Timestamp) -> Self {
        if now >= later(notice.queued_at, NOTICE_VALID_FOR) {
            return Self::GivenUp;
        }
        let [.., last] = NOTICE_RETRY_DELAYS;
        let delay = usize::try_from(notice.attempts).ok().and_then(|attempts| NOTICE_RETRY_DELAYS.get(attempts));
        Self::Retry(later(now, *delay.unwrap_or(&last)))
    }

    /// When it is sent again, if it is.
    pub const fn retry_at(self) -> Option<Timestamp> {
        match self {
            Self::Retry(at) => Some(at),
            Self::Sent | Self::GivenUp | Self::Undeliverable => None,
        }
    }

    /// Whether nothing more is sent.
    pub const fn has_failed(self) -> bool {
        matches!(self, Self::GivenUp | Self::Undeliverable)
    }

    /// The state that the event for the owner has; `None` if there is no event: for an attempt that is repeated, and for the email
    /// that tells of the end.
    pub const fn state(self, kind: NoticeKind) -> Option<NoticeState> {
        match (kind, self) {
            (NoticeKind::Ended, _) | (_, Self::Retry(_)) => None,
            (NoticeKind::Alert | NoticeKind::Resumed, Self::Sent) => Some(NoticeState::Sent),
            (NoticeKind::Alert | NoticeKind::Resumed, Self::GivenUp | Self::Undeliverable) => Some(NoticeState::Failed),
        }
    }
}

/// What the page of an emergency shows to a contact, and to whom it belongs. An anonymous owner is not hidden from their own contacts.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactPage {
    /// The notice.
    pub notice: NoticeId,
    /// The emergency.
    pub emergency: EmergencyId,
    /// Its owner.
    pub owner: UserId,
    /// The contact.
    pub contact: ContactId,
    /// Given name of the owner.
    pub first_name: Name,
    /// Family name of the owner.
    pub last_name: Option<Name>,
    /// Where.
    pub location: Location,
    /// Whether it is live.
    pub status: EmergencyStatus,
    /// The number of helpers who are coming or there.
    pub helpers: u32,
    /// What the contact said they do.
    pub actions: Vec<ContactAction>,
}

impl ContactPage {
    /// Whether the contact may say that they do this: once, while the emergency is live. A contact that acts has read the message.
    pub fn may_say(&self, action: ContactAction) -> bool {
        let is_said = self.actions.contains(&action) || action == ContactAction::Read && !self.actions.is_empty();
        self.status.is_live() && !is_said
    }
}

#[cfg(test)]
mod tests;
