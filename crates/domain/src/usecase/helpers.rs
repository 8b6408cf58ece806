//! Helper records, duty, positions, and administrators' decisions about accounts.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::{
    Account, Actor, AlertScope, Change, CheckedSkill, Error, Event, HelperPolicy, HelperRecord, Position,
    PreferencesChange, Refusal, Role, SessionId, Skill, Text, Tier, Timestamp, UserId, Verification, Write,
    dispatch::Transport,
    port::{self, DeviceTime, Fix, Report},
    usecase::{Rules, emergencies::EmergencyPorts, responses::withdraw_responses, retry::retry_stale},
};

/// The ports and rules of these use cases.
#[derive(Clone)]
pub struct HelperPorts {
    /// Accounts.
    pub accounts: Arc<dyn port::Accounts>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Last known positions.
    pub positions: Arc<dyn port::Positions>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Pauses between attempts to commit.
    pub backoff: Arc<dyn port::Backoff>,
    /// The community's rules.
    pub rules: Rules,
}

/// A change of a helper record. `None` keeps a value; a new helper is available, walks and has no skills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Duty {
    /// Whether the helper wants to be alerted.
    pub available: Option<bool>,
    /// The helper's skills.
    pub skills: Option<Vec<Skill>>,
    /// How the helper usually travels.
    pub transport: Option<Transport>,
    /// When and how the helper wants to be alerted.
    pub preferences: PreferencesChange,
}

/// Makes the caller a helper, to be verified, or changes their duty, skills, transport and alert preferences.
///
/// # Errors
/// [`Refusal::PreferencesInvalid`].
pub async fn enlist(cx: &HelperPorts, actor: &Actor, duty: Duty) -> Result<Account, Error> {
    let mut known = Some(actor.account.clone());
    let duty = &duty;
    retry_stale(&*cx.backoff, || {
        let known = known.take();
        async move {
            let before = account(cx, actor.id(), known).await?;
            let first = || HelperRecord::new(Verification::Pending, true);
            let mut helper = before.helper.clone().unwrap_or_else(first);
            helper.available = duty.available.unwrap_or(helper.available);
            helper.skills = duty.skills.clone().unwrap_or(helper.skills);
            helper.transport = duty.transport.unwrap_or(helper.transport);
            let role = if before.is_admin() { Role::Admin } else { Role::Helper };
            let user = actor.id();
            let schedule = if duty.preferences == PreferencesChange::default() {
                None
            } else {
                let changed = helper.change_preferences(duty.preferences.clone(), cx.clock.now());
                Some(changed.map_err(Refusal::PreferencesInvalid)?)
            };
            let after = Account { helper: Some(helper.clone()), role, ..before.clone() };
            let preferences = Box::new(helper.preferences.clone());
            let mut change = changed(cx, actor, &before, &after).write(Write::SetHelper { user, helper, role });
            if let Some(schedule) = schedule {
                change = change.write(Write::SetAlertPreferences { user, preferences, schedule });
            }
            cx.changes.commit(change).await?;
            Ok(after)
        }
    })
    .await
}

/// An administrator's decision about a helper. `None` keeps what was checked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationDecision {
    /// Whether the helper is verified or rejected.
    pub verification: Verification,
    /// How far the account was checked. A verified helper who has no tier becomes `registered` without one.
    pub tier: Option<Tier>,
    /// The skills that were checked.
    pub skills: Option<Vec<CheckedSkill>>,
}

impl VerificationDecision {
    /// A decision that keeps what was checked before.
    pub const fn new(verification: Verification) -> Self {
        Self { verification, tier: None, skills: None }
    }

    fn apply(&self, helper: HelperRecord) -> HelperRecord {
        let first_tier = (self.verification == Verification::Verified).then_some(Tier::Registered);
        HelperRecord {
            verification: self.verification,
            tier: self.tier.or(helper.tier).or(first_tier),
            checked_skills: self.skills.clone().unwrap_or(helper.checked_skills),
            ..helper
        }
    }
}

/// Verifies or rejects a helper, for an administrator. Rejecting cancels the open responses of the helper.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::UserNotFound`] for an account without a helper record.
pub async fn verify(
    cx: &HelperPorts,
    emergencies: &EmergencyPorts,
    actor: &Actor,
    user: UserId,
    decision: &VerificationDecision,
) -> Result<Account, Error> {
    must_be_admin(actor)?;
    retry_stale(&*cx.backoff, || async {
        let before = account(cx, user, None).await?;
        let helper = before.helper.clone().ok_or(Refusal::UserNotFound)?;
        let helper = decision.apply(helper);
        let mut writes = vec![Write::SetVerification { user, verification: helper.verification }];
        writes.push(Write::SetQualification { user, tier: helper.tier, skills: helper.checked_skills.clone() });
        let after = Account { helper: Some(helper), ..before.clone() };
        decide(cx, emergencies, actor, before, after, writes).await
    })
    .await
}

/// Blocks or unblocks an account, for an administrator. Blocking cancels the open responses of the account; a live
/// emergency that it owns stays.
///
/// # Errors
/// [`Refusal::NotAuthorized`], also for blocking oneself; [`Refusal::UserNotFound`].
pub async fn block(
    cx: &HelperPorts,
    emergencies: &EmergencyPorts,
    actor: &Actor,
    user: UserId,
    blocked: bool,
    reason: Option<Text<500>>,
) -> Result<Account, Error> {
    must_be_admin(actor)?;
    if user == actor.id() {
        return Err(Refusal::NotAuthorized.into());
    }
    retry_stale(&*cx.backoff, || async {
        let before = account(cx, user, None).await?;
        let after = Account { blocked, ..before.clone() };
        let write = Write::SetBlocked { user, blocked, reason: reason.clone() };
        decide(cx, emergencies, actor, before, after, vec![write]).await
    })
    .await
}

/// Commits an administrator's decision about an account.
///
/// If the account may no longer help, its responses to live emergencies are cancelled in the same commit. A response that
/// is accepted meanwhile makes the commit stale, or is refused because of it.
async fn decide(
    cx: &HelperPorts,
    emergencies: &EmergencyPorts,
    actor: &Actor,
    before: Account,
    after: Account,
    writes: Vec<Write>,
) -> Result<Account, Error> {
    let change = writes.into_iter().fold(changed(cx, actor, &before, &after), Change::write);
    let change = if after.may_help(cx.rules.helpers) {
        change
    } else {
        let change = withdraw_responses(emergencies, change, after.id).await?.write(Write::ExpectNoResponses(after.id));
        match cx.rules.gain {
            Some(_) => change.write(Write::DecideAgain { helper: after.id, except: None }),
            None => change,
        }
    };
    cx.changes.commit(change).await?;
    Ok(after)
}

/// How far the clock of a device may be ahead of the service. A time further ahead is replaced by that of the service, so
/// that positions are accepted again once the clock is set back.
const MAX_CLOCK_LEAD: TimeDelta = TimeDelta::minutes(5);

/// The report of a position that has just been received from a session. `taken` is the time on the clock of its device.
pub fn report(
    now: Timestamp,
    (user, session): (UserId, SessionId),
    position: Position,
    taken: Option<Timestamp>,
) -> Report {
    let plausible = |at: Timestamp| if at > now + MAX_CLOCK_LEAD { now } else { at };
    let taken = taken.map(|at| DeviceTime { session, at: plausible(at) });
    Report { fix: Fix { user, position, at: now }, session: Some(session), taken }
}

/// Stores a position, unless a newer one of the user is stored. Returns whether it was stored.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn locate(cx: &HelperPorts, report: Report) -> Result<bool, Error> {
    Ok(cx.positions.record(&[report]).await?.contains(&report.fix.user))
}

/// The last stored position of a user, or `None` if it is older than [`Rules::position_ttl`].
///
/// # Errors
/// Returns an error if a port fails.
pub async fn fresh_position(cx: &HelperPorts, user: UserId) -> Result<Option<Position>, Error> {
    let last = cx.positions.last(user).await?;
    Ok(last.filter(|fix| fix.at >= cx.rules.fresh_since(cx.clock.now())).map(|fix| fix.position))
}

/// Checks that the caller is an administrator.
///
/// # Errors
/// [`Refusal::NotAuthorized`].
pub fn must_be_admin(actor: &Actor) -> Result<(), Refusal> {
    if actor.account.is_admin() { Ok(()) } else { Err(Refusal::NotAuthorized) }
}

/// The `known` account, or else the stored one.
async fn account(cx: &HelperPorts, user: UserId, known: Option<Account>) -> Result<Account, Error> {
    match known {
        Some(known) => Ok(known),
        None => Ok(cx.accounts.find(user).await?.ok_or(Refusal::UserNotFound)?),
    }
}

/// A change of an account, with the events for its sockets, on condition that its rights are unchanged.
///
/// If two changes are decided at the same time, the later commit is stale and is decided again.
fn changed(cx: &HelperPorts, by: &Actor, before: &Account, after: &Account) -> Change {
    let [was, is] = [before, after].map(|account| rights_event(account, cx.rules.helpers));
    let shuts_out = after.blocked && !before.blocked;
    let mut change = Change::new(Some(by.id()), cx.clock.now()).write(Write::ExpectAccount(Box::new(before.clone())));
    if was != is {
        change = change.account_event(is);
    }
    if shuts_out {
        change = change.account_event(Event::AccountBlocked { user: after.id });
    }
    change
}

/// The rights of an account, as an event says them.
pub(super) fn rights_event(account: &Account, policy: HelperPolicy) -> Event {
    let scope = account.broadcast_scope(policy);
    Event::HelperRightsChanged {
        user: account.id,
        on_duty: scope == AlertScope::All,
        critical_only: scope == AlertScope::Critical,
        may_help: account.may_help(policy),
    }
}

#[cfg(test)]
mod tests;
