//! Accounts, for their owners and for administrators.

use allynet_domain::{
    Account, AlertPreferences, Availability, BlockTarget, Breakthrough, CheckedSkill, HelperPolicy, HelperRecord,
    HelperReputation, Locale, NotifyChannels, QuietWindow, Role, Tier, Timestamp, UserBlock, UserId, Verification,
    Zone,
    dispatch::Transport,
    port::{Activity, ListedHelper},
    usecase::accounts::{SignedIn, TokenPair},
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::documents::schema::{self, Id, Word};

use super::{Ids, RatingView};

/// An account, for its owner or an administrator.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "User")]
pub struct UserView<'a> {
    #[serde(flatten)]
    #[schemars(with = "Id")]
    ids: Ids,
    /// The email address, in lower case.
    #[schemars(length(max = 254))]
    email: &'a str,
    /// Name, phone number and language.
    profile: ProfileView<'a>,
    /// What the account may do.
    #[schemars(with = "Word<Role>")]
    role: Role,
    /// False if an administrator blocked the account.
    is_active: bool,
    /// The helper record; `null` for an account that never asked to help.
    helper: Option<HelperRecordView<'a>>,
    /// When the account was registered.
    created_at: Timestamp,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Profile")]
struct ProfileView<'a> {
    /// The given name, or the only one.
    #[schemars(length(min = 1, max = 100))]
    first_name: &'a str,
    /// The family name.
    #[schemars(length(max = 100))]
    last_name: Option<&'a str>,
    /// A phone number, as it was typed.
    #[schemars(length(max = 40))]
    phone: Option<&'a str>,
    /// The URL of a picture.
    #[schemars(length(max = 2000))]
    avatar: Option<&'a str>,
    /// A few sentences about the person.
    #[schemars(length(max = 500))]
    bio: Option<&'a str>,
    /// The language of emails and pushes.
    #[schemars(with = "Word<Locale>")]
    locale: Locale,
}

/// A helper record; for the helper, with the alert preferences.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HelperRecord")]
pub struct HelperRecordView<'a> {
    /// Whether an administrator verified the helper.
    #[schemars(with = "Word<Verification>")]
    verification: Verification,
    /// The duty switch: whether the helper wants to be alerted.
    available: bool,
    /// What the helper can do, as they named it.
    #[schemars(length(max = 20))]
    skills: Vec<&'a str>,
    /// How the helper usually travels to an emergency.
    #[schemars(with = "Word<Transport>")]
    transport: Transport,
    /// How far the account was checked. Only a verified helper is `registered` or `professional`.
    #[schemars(with = "Word<Tier>")]
    tier: Tier,
    /// Skills that an administrator checked, expired ones included.
    #[schemars(length(max = 20))]
    checked_skills: Vec<CheckedSkillView<'a>>,
    /// Points for completed responses and good ratings. Starts at 0.
    #[schemars(range(max = 1000))]
    trust_score: u16,
    /// The ratings by owners.
    helper_rating: RatingView,
    /// For the helper only.
    #[serde(flatten)]
    preferences: Option<PreferencesView<'a>>,
}

/// A skill that an administrator checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HelperSkill")]
struct CheckedSkillView<'a> {
    /// Its name.
    #[schemars(length(min = 1, max = 40))]
    name: &'a str,
    /// When it expires; `null` if it does not.
    until: Option<Timestamp>,
}

impl<'a> From<&'a CheckedSkill> for CheckedSkillView<'a> {
    fn from(CheckedSkill { name, until }: &'a CheckedSkill) -> Self {
        Self { name: name.as_str(), until: *until }
    }
}

/// When and how a helper wants to be alerted, which only they are shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AlertPreferences")]
struct PreferencesView<'a> {
    /// Weekly windows without alerts.
    #[schemars(length(max = 7))]
    #[schemars(with = "Vec<schema::QuietWindow>")]
    quiet: &'a [QuietWindow],
    /// The time zone of the windows.
    #[schemars(with = "Option<schema::TimeZone>")]
    time_zone: Option<Zone>,
    /// When the pause ends; `null` without one.
    paused_until: Option<Timestamp>,
    /// Which alerts come through in quiet hours, pauses and beyond the limit.
    #[schemars(with = "Word<Breakthrough>")]
    breakthrough: Breakthrough,
    /// How many different owners may alert in 24 hours; `null` without a limit.
    #[schemars(range(min = 1, max = 50))]
    max_alerts_per_day: Option<u32>,
    /// Other channels, for an alert that no device confirms.
    #[schemars(with = "schema::NotifyChannels")]
    notify: NotifyChannels,
    /// Whether the helper is alerted now, and if not, why. An account that may not help yet is `off_duty`.
    #[schemars(with = "Word<Availability>")]
    availability: Availability,
    /// When that ends by itself; `null` if it does not.
    available_at: Option<Timestamp>,
}

impl<'a> PreferencesView<'a> {
    /// A pause that is over is none.
    fn new(preferences: &'a AlertPreferences, is_on_duty: bool, now: Timestamp) -> Self {
        let (availability, available_at) = preferences.availability(is_on_duty, now);
        let AlertPreferences { quiet, zone, paused_until: _, breakthrough, max_alerts_per_day, notify } = preferences;
        Self {
            quiet,
            time_zone: *zone,
            paused_until: preferences.pause_at(now),
            breakthrough: *breakthrough,
            max_alerts_per_day: *max_alerts_per_day,
            notify: *notify,
            availability,
            available_at,
        }
    }
}

impl<'a> HelperRecordView<'a> {
    fn new(helper: &'a HelperRecord, reputation: HelperReputation) -> Self {
        Self {
            preferences: None,
            verification: helper.verification,
            available: helper.available,
            skills: helper.skills.iter().map(allynet_domain::Text::as_str).collect(),
            transport: helper.transport,
            tier: helper.tier_now(),
            checked_skills: helper.checked_skills.iter().map(Into::into).collect(),
            trust_score: reputation.trust_score,
            helper_rating: RatingView { average: reputation.rating_average(), count: reputation.rating_count },
        }
    }

    /// The helper record of an account that has one.
    pub(super) fn of(account: &'a Account) -> Option<Self> {
        account.helper.as_ref().map(|helper| Self::new(helper, account.reputation))
    }

    /// The helper record of an account that has one, with the alert preferences, which the helper only is shown.
    pub fn own(account: &'a Account, policy: HelperPolicy, now: Timestamp) -> Option<Self> {
        let helper = account.helper.as_ref()?;
        let preferences = PreferencesView::new(&helper.preferences, account.on_duty(policy), now);
        Some(Self { preferences: Some(preferences), ..Self::new(helper, account.reputation) })
    }
}

impl<'a> From<&'a Account> for UserView<'a> {
    fn from(account: &'a Account) -> Self {
        let profile = &account.profile;
        Self {
            ids: Ids::both(account.id),
            email: account.email.as_str(),
            profile: ProfileView {
                first_name: profile.first_name.as_str(),
                last_name: profile.last_name.as_ref().map(allynet_domain::Text::as_str),
                phone: profile.phone.as_ref().map(allynet_domain::Text::as_str),
                avatar: profile.avatar.as_ref().map(allynet_domain::Url::as_str),
                bio: profile.bio.as_ref().map(allynet_domain::Text::as_str),
                locale: profile.locale,
            },
            role: account.role,
            is_active: !account.blocked,
            helper: HelperRecordView::of(account),
            created_at: account.created_at,
        }
    }
}

impl<'a> UserView<'a> {
    pub(super) fn own(account: &'a Account, policy: HelperPolicy, now: Timestamp) -> Self {
        Self { helper: HelperRecordView::own(account, policy, now), ..account.into() }
    }
}

/// The account of the caller.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OwnAccount")]
pub struct User<'a> {
    /// The account.
    user: UserView<'a>,
}

impl<'a> From<&'a Account> for User<'a> {
    fn from(account: &'a Account) -> Self {
        Self { user: account.into() }
    }
}

impl<'a> User<'a> {
    /// The account of the caller.
    pub fn own(account: &'a Account, policy: HelperPolicy, now: Timestamp) -> Self {
        Self { user: UserView::own(account, policy, now) }
    }
}

/// The helper record of the caller.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HelperData")]
pub struct Helper<'a> {
    /// The record.
    pub helper: HelperRecordView<'a>,
}

/// An account with the number of reports about it, for administrators.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedHelper")]
pub struct ListedHelperView<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    /// The number of reports about the account.
    reports: u32,
}

impl<'a> From<&'a ListedHelper> for ListedHelperView<'a> {
    fn from(ListedHelper { account, reports }: &'a ListedHelper) -> Self {
        Self { user: account.into(), reports: *reports }
    }
}

/// A page of helpers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelperList<'a> {
    /// The page.
    #[schemars(length(max = 100))]
    pub helpers: Vec<ListedHelperView<'a>>,
    /// The cursor of the next page; `null` on the last one.
    #[schemars(length(max = 200))]
    pub next_cursor: Option<String>,
}

/// The tokens of a session.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens<'a> {
    /// A JWT for `Authorization: Bearer` and for the handshake. Valid for 24 hours, unless configured otherwise.
    #[schemars(length(max = 4096))]
    access_token: &'a str,
    /// A JWT that is exchanged once for a new pair.
    #[schemars(length(max = 4096))]
    refresh_token: &'a str,
}

impl<'a> From<&'a TokenPair> for Tokens<'a> {
    fn from(pair: &'a TokenPair) -> Self {
        Self { access_token: pair.access.expose(), refresh_token: pair.refresh.expose() }
    }
}

/// An account, and the tokens of a new session.
#[derive(Serialize, JsonSchema)]
pub struct Session<'a> {
    /// The account.
    user: UserView<'a>,
    /// The tokens of the new session.
    tokens: Tokens<'a>,
}

impl<'a> Session<'a> {
    /// The session of a user who has just signed in.
    pub fn new(signed_in: &'a SignedIn, policy: HelperPolicy, now: Timestamp) -> Self {
        Self { user: UserView::own(&signed_in.account, policy, now), tokens: (&signed_in.tokens).into() }
    }
}

/// How often a user helped and was helped.
///
/// `general` and `reports` are always 0: the existing web client shows them, and this service does not count them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Points for completed responses and good ratings. Starts at 0.
    #[schemars(range(max = 1000))]
    trust_score: u16,
    /// Completed responses.
    helped: Tally,
    /// Emergencies raised.
    requested: Tally,
    /// Always 0.
    reports: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Tally {
    /// Always 0.
    general: u32,
    /// The number of emergencies.
    emergency: u32,
    /// The same number.
    total: u32,
}

impl Stats {
    /// The statistics of an account.
    pub const fn new(reputation: HelperReputation, activity: Activity) -> Self {
        const fn tally(emergency: u32) -> Tally {
            Tally { general: 0, emergency, total: emergency }
        }
        Self {
            trust_score: reputation.trust_score,
            helped: tally(activity.helped),
            requested: tally(activity.requested),
            reports: 0,
        }
    }
}

/// A block of another user, as the user that made it named them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Block")]
pub struct BlockView<'a> {
    /// The id of the block, by which it can be deleted.
    id: Uuid,
    /// The blocked user; `null` for a block by email address.
    #[schemars(with = "Option<Uuid>")]
    user_id: Option<UserId>,
    /// The blocked email address; `null` for a block by user.
    #[schemars(length(max = 254))]
    email: Option<&'a str>,
    /// When the block was made.
    created_at: Timestamp,
}

impl<'a> From<&'a UserBlock> for BlockView<'a> {
    fn from(block: &'a UserBlock) -> Self {
        let (user_id, email) = match &block.target {
            BlockTarget::User(user) => (Some(user.shown()), None),
            BlockTarget::Email(email) => (None, Some(email.as_str())),
        };
        Self { id: block.id.into(), user_id, email, created_at: block.created_at }
    }
}
