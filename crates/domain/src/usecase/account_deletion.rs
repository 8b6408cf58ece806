//! Deleting one's account.

use std::net::IpAddr;

use crate::{
    Actor, Change, Error, Event, Password, Refusal, UserId, Write,
    port::Constraint,
    usecase::{
        accounts::{AccountPorts, load_login, login_source},
        emergencies::EmergencyPorts,
        responses::withdraw_responses,
        retry::{refuse_conflict, retry_stale},
    },
};

/// Deletes the account of the caller, whose sockets are closed. Responses to live emergencies are cancelled in the same commit.
/// `address` is that of the client.
///
/// A wrong password counts as a failed login: a stolen token must not be a way to guess it.
///
/// # Errors
/// [`Refusal::WrongPassword`]; [`Refusal::TooSoon`] after too many failures, or when too many passwords wait to be hashed;
/// [`Refusal::OwnsLiveEmergency`], [`Refusal::LastAdministrator`]; [`Refusal::TokenInvalid`] if it was deleted meanwhile.
pub async fn delete(
    cx: &AccountPorts,
    emergencies: &EmergencyPorts,
    actor: &Actor,
    password: Password,
    address: IpAddr,
) -> Result<(), Error> {
    let email = &actor.account.email;
    let source = login_source(cx, email, address);
    load_login(cx, email.clone(), source).await?;
    let _turn = cx.hashing.enter(address, true).await?;
    // Read again: of many guesses that were sent at once, each counts those that were verified before it.
    let stored = load_login(cx, email.clone(), source).await?.credentials;
    // The email may belong to a new account by now.
    let stored = stored.filter(|stored| stored.account.id == actor.id()).ok_or(Refusal::TokenInvalid)?;
    if !cx.passwords.verify(password, Some(stored.password)).await? {
        cx.logins.record_failure(source, cx.clock.now()).await?;
        return Err(Refusal::WrongPassword.into());
    }
    let former = UserId::of_former(cx.ids.next());
    retry_stale(&*emergencies.backoff, || try_delete(cx, emergencies, actor.id(), former)).await
}

async fn try_delete(
    cx: &AccountPorts,
    emergencies: &EmergencyPorts,
    user: UserId,
    former: UserId,
) -> Result<(), Error> {
    let account = cx.accounts.find(user).await?.ok_or(Refusal::TokenInvalid)?;
    if account.blocked {
        return Err(Refusal::AccountBlocked.into());
    }
    let live = emergencies.emergencies.live_of(user).await?.emergencies;
    if live.iter().any(|emergency| emergency.owner() == user) {
        return Err(Refusal::OwnsLiveEmergency.into());
    }
    let change = Change::new(Some(user), cx.clock.now());
    let change = withdraw_responses(emergencies, change, user)
        .await?
        .write(Write::DeleteAccount { user, former })
        .account_event(Event::SessionsRevoked { user, only: None, except: None, former: Some(former) });
    let committed = cx.changes.commit(change).await;
    committed.map_err(|e| refuse_conflict(e, Constraint::LastAdministrator, Refusal::LastAdministrator))
}

#[cfg(test)]
mod tests;
