//! The rules of AllyNet: emergencies, helpers, alerts, audiences and access, without a database, a network or a runtime.
//!
//! To use this crate in another service, implement the [port traits](port) that it needs and call the
//! [use cases](usecase), or use the rules alone, which are plain values and pure methods:
//!
//! ```
//! use allynet_domain::{
//!     Acceptance, AlertPolicy, Call, Details, Emergency, EmergencyStatus, EmergencyType, HelperCard, HelpersInRange,
//!     Location, Movement, Person, Position, Priority, Refusal, HelperReputation, Search, Severity, Text, Timestamp,
//! };
//! use uuid::Uuid;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let person = |n: u128, name| -> Result<Person, Box<dyn std::error::Error>> {
//!     Ok(Person { id: Uuid::from_u128(n).into(), first_name: Text::parse(name)?, last_name: None })
//! };
//! let now: Timestamp = "2024-01-15T10:00:00Z".parse()?;
//! let pause = chrono::TimeDelta::seconds(60);
//! let details = Details {
//!     kind: EmergencyType::Accident,
//!     category: None,
//!     description: Some(Text::parse("Fell near the summit")?),
//!     location: Location { position: Position::new(47.4211, 10.9853)?, address: None, description: None },
//!     priority: Priority::High,
//!     severity: Severity::new(7)?,
//!     silent: false,
//!     anonymous: false,
//! };
//! let call = Call { id: Uuid::from_u128(1).into(), owner: person(2, "Ada")?, details, created_at: now, movement: Movement::default() };
//!
//! let first_wave = AlertPolicy::default().first_wave(&HelpersInRange::default());
//! let mut emergency = Emergency::raise(call, None, &first_wave, Search::default());
//!
//! let helper = HelperCard { person: person(3, "Grace")?, reputation: HelperReputation::default() };
//! assert_eq!(emergency.accept(helper.clone(), None, pause, now), Ok(Acceptance::Joined { first: true }));
//! assert_eq!(emergency.status(), EmergencyStatus::Responding);
//!
//! emergency.cancel(emergency.owner(), None, now)?;
//! let refused = emergency.accept(HelperCard { person: person(4, "Alan")?, ..helper }, None, pause, now);
//! assert_eq!(refused, Err(Refusal::EmergencyEnded { status: EmergencyStatus::Cancelled }));
//! # Ok(())
//! # }
//! ```

pub mod access_log;
pub mod account;
pub mod alert;
pub mod alert_timing;
pub mod approach;
pub mod audience;
pub mod availability;
pub mod available;
pub mod blocks;
pub mod change;
pub mod contact;
pub mod contact_notice;
pub mod coverage;
pub mod details_history;
pub mod device;
pub mod disclosure;
pub mod dispatch;
pub mod emergency;
pub mod event;
pub mod found_helpers;
pub mod grid;
pub mod ids;
pub mod locale;
pub mod login;
pub mod lost_events;
pub mod message;
pub mod moves;
pub mod name;
pub mod near;
pub mod opening_hours;
pub mod outbox;
pub mod password_reset;
pub mod port;
pub mod position;
pub mod presence;
pub mod qualification;
pub mod quiet_hours;
pub mod refusal;
pub mod reputation;
pub mod resource;
pub mod search;
pub mod secret;
pub mod session;
pub mod signal;
pub mod skipped;
mod string_enum;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod usecase;

pub use access_log::{AccessEntry, AccessKind, MAX_ACCESS_ENTRIES, PlaceReading, ReadPlace};
pub use account::{
    Account, Actor, Email, HelperCard, HelperPolicy, HelperRecord, NotAUrl, NotAnEmail, Password, PasswordError,
    Person, Profile, Role, Url, Verification,
};
pub use alert::{Alert, AlertCounts, AlertPolicy, AlertPolicyError, HelpersInRange, Recipient, Wave};
pub use alert_timing::{AlertTiming, RINGS_KEPT_FOR, RecentRings, StormLimit};
pub use approach::Approach;
pub use audience::{Audience, Delivery, Room, RoomChange, View, Viewer, rooms_of};
pub use availability::{
    ALERT_LIMIT_WINDOW, Absence, AlertPreferences, AlertSchedule, AlertScope, Availability, Breakthrough,
    MAX_ALERTS_PER_DAY, MAX_PAUSE, NotifyChannels, PreferencesChange, PreferencesError,
};
pub use available::AvailableHelpers;
pub use blocks::{BlockTarget, BlockedPair, MAX_BLOCKS, MAX_BLOCKS_IN_EFFECT, UserBlock};
pub use change::{Change, NoticeEntry, PlannedDelivery, RatingCounts, ReceivingDevice, Write};
pub use contact::{
    Consent, Contact, ContactDetails, ContactState, ContactTrigger, DueInvitation, INVITATIONS_COUNTED_FOR,
    InvitationNote, MAX_CONTACT_DELAY_SECONDS, MAX_CONTACT_ORDER, MAX_CONTACTS, MAX_INVITATIONS,
};
pub use contact_notice::{
    CONTACT_PAGE_AFTER_END, ContactAction, ContactPage, ContactReview, DueNotice, NoticeKind, NoticeNote, NoticeState,
    PlannedNotice,
};
pub use coverage::{CellCoverage, Coverage};
pub use details_history::DetailsHistory;
pub use device::{
    Device, DeviceContext, DeviceKind, DeviceLoss, DeviceRegistration, DeviceState, DeviceTests, EndpointTaken,
    FAILING_AFTER, LostDevice, MAX_DEVICES, PushKey,
};
pub use disclosure::{AlertPlace, Disclosure, PlaceBeforeAccept, PlacePolicy, ShownOwner, Stage};
pub use emergency::{
    ARRIVED_WITHIN, Acceptance, Call, CheckedResponses, CompletionHold, DeletedEmergency, Details, DetailsChange,
    Emergency, EmergencyAccess, EmergencyOverview, EmergencySnapshot, EmergencyState, EmergencyStatus, EmergencyType,
    Ending, GainInput, ImpossibleState, Location, Movement, NotedSign, PlaceMove, Priority, Relation, Reopened,
    ResolutionType, ResourceState, Response, ResponseDispatch, ResponseRecord, ResponseStatus, ResponseUpdate,
    Revision, SearchEffect, Severity, SeverityError, Sign, StallTiming, TeamUpdate, UpdatedResponse,
};
pub use event::{Event, LoggedEvent, NewEvent};
pub use found_helpers::{FoundHelpers, HelperRank};
pub use grid::Grid;
pub use ids::{
    BlockId, ConsentId, ContactId, DeliveryId, DeviceId, EmergencyId, EventId, MessageId, NodeId, NotAnId, NoticeId,
    OutboxId, ResourceId, SessionId, TokenId, UserId,
};
pub use locale::Locale;
pub use login::{
    ADDRESS_KNOWN_FOR, FAILURES_PER_ACCOUNT_WITHIN, FAILURES_PER_ADDRESS_WITHIN, FailedLogins,
    MAX_FAILURES_PER_ACCOUNT, MAX_FAILURES_PER_ADDRESS, MAX_KNOWN_ADDRESSES,
};
pub use lost_events::LostEvents;
pub use message::{Addressee, Message, Sender, To};
pub use moves::{JumpFilter, SessionFix, TimedPosition};
pub use name::{Name, NameError};
pub use outbox::{OutboxKind, OutboxMessage, OutboxRecipient, SendChannel};
pub use password_reset::{MAX_RESETS_A_DAY, RESET_AGAIN_AFTER, RESET_VALID_FOR, RESETS_COUNTED_FOR};
pub use port::PasswordHash;
pub use position::{Metres, Position, PositionError};
pub use presence::PresenceNews;
pub use qualification::{CheckedSkill, MAX_SKILLS, Skill, Tier};
pub use quiet_hours::{ClockTime, MAX_QUIET_WINDOWS, NotAClockTime, NotAZone, QuietWindow, Span, Zone};
pub use refusal::{Error, Refusal};
pub use reputation::{HelperReputation, MAX_TRUST, Score, ScoreError, TRUST_FOR_HELPING};
pub use resource::{
    AssignedResource, ENOUGH_REPORTS, ImportCounts, ImportedResource, MAX_RESOURCES, REPORTS_COUNTED_FOR, ReportWeight,
    ReportedState, Resource, ResourceAccess, ResourceDetails, ResourceKind, ResourceReport, ResourceSearch,
    ResourceSource, ResourceStatus, SEEN_AROUND, SEEN_FIX_AGE, SEEN_WITHIN,
};
pub use search::{HeldAlert, HeldAnnouncement, RenewalCause, Search, Step, Surroundings, Weighed};
pub use secret::Secret;
pub use session::{MAX_LISTED_SESSIONS, Session, SessionOverview, UserAgent};
pub use signal::{Announcement, Signal};
pub use skipped::{SkipReason, SkippedCounts, SkippedHelper};
pub use string_enum::{StringEnum, UnknownVariant};
pub use text::{Text, TextError};

/// A moment in UTC, in whole microseconds.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
