//! Becoming a helper, going on and off duty, and what administrators decide about helpers.

use std::sync::Arc;

use crate::{
    Account, Actor, Change, Error, Event, HelperRecord, Position, Refusal, Role, Skill, Text, UserId, Verification,
    Write,
    port::{self, Fix},
    usecase::{ATTEMPTS, Rules},
};

/// What these use cases need.
#[derive(Clone)]
pub struct Context {
    /// Accounts.
    pub accounts: Arc<dyn port::Accounts>,
    /// Commits.
    pub changes: Arc<dyn port::Changes>,
    /// Last known positions.
    pub positions: Arc<dyn port::Positions>,
    /// The time.
    pub clock: Arc<dyn port::Clock>,
    /// The community's rules.
    pub rules: Rules,
}

/// What somebody tells about helping. What is missing stays as it was; a new helper is available without skills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Duty {
    /// Whether they want to be alerted.
    pub available: Option<bool>,
    /// What they can do.
    pub skills: Option<Vec<Skill>>,
}

/// Makes the caller a helper, to be verified, or changes their duty and skills.
///
/// # Errors
/// When a port fails.
pub async fn enlist(cx: &Context, actor: &Actor, duty: Duty) -> Result<Account, Error> {
    let before = &actor.account;
    let known = before.helper.clone();
    let mut helper =
        known.unwrap_or(HelperRecord { verification: Verification::Pending, available: true, skills: Vec::new() });
    helper.available = duty.available.unwrap_or(helper.available);
    helper.skills = duty.skills.unwrap_or(helper.skills);
    let role = if before.is_admin() { Role::Admin } else { Role::Helper };
    let after = Account { helper: Some(helper.clone()), role, ..before.clone() };
    commit(cx, actor.id(), before, after, Write::SetHelper { user: actor.id(), helper, role }).await
}

/// An administrator verifies or rejects a helper.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::UserNotFound`] for one who never asked to be a helper.
pub async fn verify(cx: &Context, actor: &Actor, user: UserId, verification: Verification) -> Result<Account, Error> {
    must_be_admin(actor)?;
    let before = cx.accounts.find(user).await?.ok_or(Refusal::UserNotFound)?;
    let helper = before.helper.clone().ok_or(Refusal::UserNotFound)?;
    let after = Account { helper: Some(HelperRecord { verification, ..helper }), ..before.clone() };
    commit(cx, actor.id(), &before, after, Write::SetVerification { user, verification }).await
}

/// An administrator shuts an account out, or lets it in again.
///
/// # Errors
/// [`Refusal::NotAuthorized`], also for shutting out oneself; [`Refusal::UserNotFound`].
pub async fn block(
    cx: &Context,
    actor: &Actor,
    user: UserId,
    blocked: bool,
    reason: Option<Text<500>>,
) -> Result<Account, Error> {
    must_be_admin(actor)?;
    if user == actor.id() {
        return Err(Refusal::NotAuthorized.into());
    }
    let before = cx.accounts.find(user).await?.ok_or(Refusal::UserNotFound)?;
    let after = Account { blocked, ..before.clone() };
    commit(cx, actor.id(), &before, after, Write::SetBlocked { user, blocked, reason }).await
}

/// Stores where somebody is.
///
/// # Errors
/// When a port fails.
pub async fn locate(cx: &Context, user: UserId, position: Position) -> Result<(), Error> {
    locate_at(cx, Fix { user, position, at: cx.clock.now() }).await
}

/// Stores where somebody was when they said so, unless they have said something newer since.
///
/// # Errors
/// When a port fails.
pub async fn locate_at(cx: &Context, fix: Fix) -> Result<(), Error> {
    Ok(cx.positions.record(&[fix]).await?)
}

/// Refuses all but administrators.
///
/// # Errors
/// [`Refusal::NotAuthorized`].
pub fn must_be_admin(actor: &Actor) -> Result<(), Refusal> {
    if actor.account.is_admin() { Ok(()) } else { Err(Refusal::NotAuthorized) }
}

/// Commits a change of an account, with what follows from it for its sockets. Two changes of one account may have been
/// decided side by side, so what was told of its rights is compared with what is stored now, and put right.
async fn commit(cx: &Context, by: UserId, before: &Account, after: Account, write: Write) -> Result<Account, Error> {
    let policy = cx.rules.helpers;
    let user = after.id;
    let rights = |a: &Account| (a.on_duty(policy), a.may_help(policy));
    let tell = |change: Change, (on_duty, may_help)| {
        change.account_event(Event::HelperRightsChanged { user, on_duty, may_help })
    };
    let mut told = rights(&after);
    let mut change = Change::new(Some(by), cx.clock.now()).write(write);
    if rights(before) != told {
        change = tell(change, told);
    }
    if after.blocked && !before.blocked {
        change = change.account_event(Event::AccountBlocked { user });
    }
    cx.changes.commit(change).await?;
    for _ in 0..ATTEMPTS {
        let Some(stored) = cx.accounts.find(user).await? else { break };
        if rights(&stored) == told {
            return Ok(stored);
        }
        told = rights(&stored);
        cx.changes.commit(tell(Change::new(Some(by), cx.clock.now()), told)).await?;
    }
    Ok(after)
}

#[cfg(test)]
mod tests;
