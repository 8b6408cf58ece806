//! Administrators: the one that the settings name, and those that an operator appoints from the command line.

use crate::{
    Account, Change, Email, Error, Event, Name, Password, Profile, Refusal, Role, Write,
    port::{self, Credentials},
    usecase::accounts::{AccountPorts, Registration, create},
};

/// What [`ensure`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// It created the account.
    Created,
    /// It made an existing account an administrator.
    Granted,
    /// An administrator has the email already.
    Unchanged,
    /// An account has the email, and another password: it is left as it is.
    WrongPassword,
}

/// Makes the owner of an email and a password an administrator, with a new account if there is none.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn ensure(cx: &AccountPorts, email: Email, password: Password) -> Result<Ensured, Error> {
    let Some(Credentials { account, password: stored }) = cx.accounts.credentials(&email).await? else {
        let first_name = Name::parse("Administrator").map_err(port::Error::bug)?;
        let profile = Profile::new(first_name, None);
        return match create(cx, Registration { email, password, profile }, (Role::Admin, None)).await {
            Ok(_) => Ok(Ensured::Created),
            // Another node was faster.
            Err(Error::Refused(Refusal::EmailTaken)) => Ok(Ensured::Unchanged),
            Err(other) => Err(other),
        };
    };
    if account.is_admin() {
        return Ok(Ensured::Unchanged);
    }
    if !cx.passwords.verify(password, Some(stored)).await? {
        return Ok(Ensured::WrongPassword);
    }
    set_role(cx, account, Role::Admin).await?;
    Ok(Ensured::Granted)
}

/// Makes the account with this email an administrator. Returns whether it was none before, or `None` without an account.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn grant(cx: &AccountPorts, email: &Email) -> Result<Option<bool>, Error> {
    let Some(Credentials { account, .. }) = cx.accounts.credentials(email).await? else { return Ok(None) };
    if account.is_admin() {
        return Ok(Some(false));
    }
    set_role(cx, account, Role::Admin).await?;
    Ok(Some(true))
}

/// Takes the rights of an administrator from the account with this email, and ends its sessions, whose sockets have those
/// rights. Returns whether it was one before, or `None` without an account.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn revoke(cx: &AccountPorts, email: &Email) -> Result<Option<bool>, Error> {
    let Some(Credentials { account, .. }) = cx.accounts.credentials(email).await? else { return Ok(None) };
    if !account.is_admin() {
        return Ok(Some(false));
    }
    let role = if account.helper.is_some() { Role::Helper } else { Role::User };
    set_role(cx, account, role).await?;
    Ok(Some(true))
}

/// All administrators, oldest account first.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn list(cx: &AccountPorts) -> Result<Vec<Account>, Error> {
    Ok(cx.accounts.administrators().await?)
}

async fn set_role(cx: &AccountPorts, account: Account, role: Role) -> Result<(), Error> {
    let user = account.id;
    let mut change = Change::new(None, cx.clock.now())
        .write(Write::ExpectAccount(Box::new(account)))
        .write(Write::SetRole { user, role });
    if role != Role::Admin {
        change = change
            .write(Write::RevokeSessions { user, only: None, except: None })
            .account_event(Event::SessionsRevoked { user, only: None, except: None, former: None });
    }
    Ok(cx.changes.commit(change).await?)
}
