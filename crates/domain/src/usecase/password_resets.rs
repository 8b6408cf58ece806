//! Replacing a forgotten password with a link that was sent by email.

use std::{net::IpAddr, sync::Arc};

use crate::{
    Change, Email, Error, Event, Password, Refusal, UserId, Write,
    password_reset::RESET_LINK_LIFETIME,
    port::{self, KeyedHash, Mail, MailContent, NewPasswordReset, ResetRequest},
};

/// The ports of these use cases.
#[derive(Clone)]
pub struct PasswordResetPorts {
    /// The tokens that are stored.
    pub resets: Arc<dyn port::PasswordResets>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Makes tokens.
    pub tokens: Arc<dyn port::ResetTokens>,
    /// Hashes passwords.
    pub passwords: Arc<dyn port::Passwords>,
    /// The queue in front of `passwords`.
    pub hashing: Arc<dyn port::HashingQueue>,
    /// The queue of requests; `None` without email.
    pub queue: Option<Arc<dyn port::ResetQueue>>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
}

/// The ports with which queued requests are carried out.
#[derive(Clone)]
pub struct ResetMailPorts {
    /// The tokens that are stored.
    pub resets: Arc<dyn port::PasswordResets>,
    /// Makes tokens.
    pub tokens: Arc<dyn port::ResetTokens>,
    /// Makes links.
    pub links: Arc<dyn port::Links>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
}

/// Requests an email with a link for the account with this email, if there is one. Everything is done after the answer.
///
/// `None` stands for a text that is not an email address: no account has it.
///
/// # Errors
/// [`Refusal::MailNotConfigured`]; [`Refusal::TooSoon`] when too many requests wait.
pub fn request(cx: &PasswordResetPorts, email: Option<Email>, address: IpAddr) -> Result<(), Refusal> {
    let queue = cx.queue.as_ref().ok_or(Refusal::MailNotConfigured)?;
    email.map_or(Ok(()), |email| queue.push(ResetRequest { email, address }))
}

/// Issues a token and returns the email with its link; `None` if none is to be sent.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn issue(cx: &ResetMailPorts, email: Email) -> port::Result<Option<Mail>> {
    let token = cx.tokens.generate()?;
    let reset = NewPasswordReset { email, token: cx.tokens.hash(token.expose()), at: cx.clock.now() };
    let Some(locale) = cx.resets.issue(&reset).await? else { return Ok(None) };
    let content = MailContent::PasswordReset { link: cx.links.reset_password(&token), valid_for: RESET_LINK_LIFETIME };
    Ok(Some(Mail { id: cx.ids.next(), to: reset.email, locale, content }))
}

/// Replaces a password with the token of a link, and ends all sessions of the user. `address` is that of the client.
///
/// # Errors
/// [`Refusal::MailNotConfigured`]; [`Refusal::ResetTokenInvalid`]; [`Refusal::TooSoon`] when too many passwords wait to be
/// hashed.
pub async fn reset(cx: &PasswordResetPorts, token: &str, new: Password, address: IpAddr) -> Result<(), Error> {
    if cx.queue.is_none() {
        return Err(Refusal::MailNotConfigured.into());
    }
    // Before the password is hashed, which an invalid token must not cost.
    let (user, token) = find(cx, token).await?.ok_or(Refusal::ResetTokenInvalid)?;
    let _turn = cx.hashing.enter(address, true).await?;
    let password = cx.passwords.hash(new).await?;
    let change = Change::new(Some(user), cx.clock.now())
        // First: a new password makes all tokens invalid.
        .write(Write::UsePasswordReset { user, token })
        .write(Write::SetPassword { user, password })
        .write(Write::RevokeSessions { user, only: None, except: None })
        .account_event(Event::SessionsRevoked { user, only: None, except: None, former: None });
    match cx.changes.commit(change).await {
        // Used or replaced meanwhile.
        Err(port::Error::Stale) => Err(Refusal::ResetTokenInvalid.into()),
        committed => Ok(committed?),
    }
}

/// The user of a token, and the hash under which it is stored.
async fn find(cx: &PasswordResetPorts, token: &str) -> port::Result<Option<(UserId, KeyedHash)>> {
    for hash in cx.tokens.hashes(token) {
        if let Some(user) = cx.resets.find(hash, cx.clock.now()).await? {
            return Ok(Some((user, hash)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
