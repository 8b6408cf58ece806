//! Accounts, for their owners and for administrators.

use allynet_domain::{
    Account, AlertPreferences, Availability, BlockTarget, Breakthrough, HelperPolicy, HelperRecord, HelperReputation,
    Locale, NotifyChannels, QuietWindow, Role, Timestamp, UserBlock, UserId, Verification, Zone,
    port::{Activity, ListedHelper},
    usecase::accounts::{SignedIn, TokenPair},
};
use serde::Serialize;
use uuid::Uuid;

use super::{Ids, RatingView};

/// An account, for its owner or an administrator.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView<'a> {
    #[serde(flatten)]
    ids: Ids,
    email: &'a str,
    profile: ProfileView<'a>,
    role: Role,
    is_active: bool,
    helper: Option<HelperRecordView<'a>>,
    created_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProfileView<'a> {
    first_name: &'a str,
    last_name: Option<&'a str>,
    phone: Option<&'a str>,
    avatar: Option<&'a str>,
    bio: Option<&'a str>,
    locale: Locale,
}

/// `{verification, available, skills, trustScore, helperRating}`, for the helper with the alert preferences.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HelperRecordView<'a> {
    verification: Verification,
    available: bool,
    skills: Vec<&'a str>,
    trust_score: u16,
    helper_rating: RatingView,
    /// For the helper only.
    #[serde(flatten)]
    preferences: Option<PreferencesView<'a>>,
}

/// `{quiet, timeZone, pausedUntil, breakthrough, maxAlertsPerDay, notify, availability, availableAt}`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PreferencesView<'a> {
    quiet: &'a [QuietWindow],
    time_zone: Option<Zone>,
    paused_until: Option<Timestamp>,
    breakthrough: Breakthrough,
    max_alerts_per_day: Option<u32>,
    notify: NotifyChannels,
    availability: Availability,
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
    fn own(account: &'a Account, policy: HelperPolicy, now: Timestamp) -> Self {
        Self { helper: HelperRecordView::own(account, policy, now), ..account.into() }
    }
}

/// `{user}`
#[derive(Debug, Serialize)]
pub struct User<'a> {
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

/// `{helper}`
#[derive(Debug, Serialize)]
pub struct Helper<'a> {
    /// The record.
    pub helper: HelperRecordView<'a>,
}

/// An account with the number of reports about it, for administrators.
#[derive(Debug, Serialize)]
pub struct ListedHelperView<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    reports: u32,
}

impl<'a> From<&'a ListedHelper> for ListedHelperView<'a> {
    fn from(ListedHelper { account, reports }: &'a ListedHelper) -> Self {
        Self { user: account.into(), reports: *reports }
    }
}

/// `{helpers, nextCursor}`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HelperList<'a> {
    /// The page.
    pub helpers: Vec<ListedHelperView<'a>>,
    /// The cursor of the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// `{accessToken, refreshToken}`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
}

impl<'a> From<&'a TokenPair> for Tokens<'a> {
    fn from(pair: &'a TokenPair) -> Self {
        Self { access_token: pair.access.expose(), refresh_token: pair.refresh.expose() }
    }
}

/// `{user, tokens}`
#[derive(Serialize)]
pub struct Session<'a> {
    user: UserView<'a>,
    tokens: Tokens<'a>,
}

impl<'a> Session<'a> {
    /// The session of a user who has just signed in.
    pub fn new(signed_in: &'a SignedIn, policy: HelperPolicy, now: Timestamp) -> Self {
        Self { user: UserView::own(&signed_in.account, policy, now), tokens: (&signed_in.tokens).into() }
    }
}

/// `{trustScore, helped{general, emergency, total}, requested{…}, reports}`.
///
/// `general` and `reports` are always 0: the existing web client shows them, and this service does not count them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    trust_score: u16,
    helped: Tally,
    requested: Tally,
    reports: u32,
}

#[derive(Debug, Serialize)]
struct Tally {
    general: u32,
    emergency: u32,
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView<'a> {
    id: Uuid,
    user_id: Option<UserId>,
    email: Option<&'a str>,
    created_at: Timestamp,
}

impl<'a> From<&'a UserBlock> for BlockView<'a> {
    fn from(block: &'a UserBlock) -> Self {
        let (user_id, email) = match &block.target {
            BlockTarget::User(user) => (Some(*user), None),
            BlockTarget::Email(email) => (None, Some(email.as_str())),
        };
        Self { id: block.id.into(), user_id, email, created_at: block.created_at }
    }
}
