//! Registration, login, sessions and passwords.

use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;

use crate::{
    Account, Actor, Change, Email, Error, Event, HelperReputation, MAX_LISTED_SESSIONS, Password, Profile, Refusal,
    Role, Secret, Session, SessionId, SessionOverview, Timestamp, TokenId, UserAgent, UserId, Write,
    port::{
        self, AccessClaims, Confirmation, Constraint, LoginAttempt, LoginContext, LoginSource, Presentation,
        RefreshClaims, RefreshToken, TokenError,
    },
    usecase::retry::refuse_conflict,
};

/// The time for which a refresh token that is presented again has the same successor. An app whose answer was lost, or which
/// refreshes in two places at once, is not taken for a thief.
const REFRESH_REPEATED_WITHIN: TimeDelta = TimeDelta::seconds(10);

/// The time for which a device that has confirmed a message keeps its session from expiring.
const DEVICE_IN_USE_FOR: TimeDelta = TimeDelta::days(90);

/// The ports of these use cases.
#[derive(Clone)]
pub struct AccountPorts {
    /// Accounts.
    pub accounts: Arc<dyn port::Accounts>,
    /// Failed logins and known addresses.
    pub logins: Arc<dyn port::Logins>,
    /// Sessions.
    pub sessions: Arc<dyn port::Sessions>,
    /// Devices, which prolong sessions.
    pub devices: Arc<dyn port::Devices>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Signs and reads tokens.
    pub tokens: Arc<dyn port::Tokens>,
    /// Hashes and verifies passwords.
    pub passwords: Arc<dyn port::Passwords>,
    /// The queue in front of `passwords`.
    pub hashing: Arc<dyn port::HashingQueue>,
    /// Hashes emails and addresses.
    pub hasher: Arc<dyn port::KeyedHasher>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
}

/// An authenticated caller, and when the proof expires.
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticated {
    /// The caller.
    pub actor: Actor,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// An access token and the refresh token that goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenPair {
    /// The access token, for every request.
    pub access: Secret,
    /// The refresh token, for the next pair.
    pub refresh: Secret,
}

/// An account that just registered or logged in.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// Its tokens.
    pub tokens: TokenPair,
}

/// Where a login comes from.
#[derive(Debug, Clone)]
pub struct LoginOrigin {
    /// The address of the client.
    pub address: IpAddr,
    /// The program.
    pub user_agent: Option<UserAgent>,
}

/// The data of a new account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The email address for logging in.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// The profile.
    pub profile: Profile,
}

/// Reads an access token. This needs no store: whether the session is revoked is not known yet.
///
/// # Errors
/// [`Refusal::TokenInvalid`], [`Refusal::TokenExpired`].
pub fn read_token(cx: &AccountPorts, token: &str) -> Result<AccessClaims, Refusal> {
    cx.tokens.read_access(token, cx.clock.now()).map_err(refuse_token)
}

/// Authenticates the caller by the claims of an access token.
///
/// Reads the session and the account from the store, so that a revoked session or a blocked account is refused at once.
///
/// # Errors
/// [`Refusal::TokenInvalid`], [`Refusal::AccountBlocked`].
pub async fn authenticate(cx: &AccountPorts, claims: AccessClaims) -> Result<Authenticated, Error> {
    let actor = recall(cx, claims.session, claims.user).await?;
    Ok(Authenticated { actor, expires_at: claims.expires_at })
}

/// As [`authenticate`], for requests that are not about the caller's own account.
///
/// The store may answer from a cache: a change that another node committed may be unseen for up to a second.
///
/// # Errors
/// As [`authenticate`].
pub async fn recognize(cx: &AccountPorts, claims: AccessClaims) -> Result<Authenticated, Error> {
    let account = cx.sessions.recognize(claims.session, claims.user).await?;
    Ok(Authenticated { actor: admit(account, claims.session)?, expires_at: claims.expires_at })
}

/// Reads the account of a caller that was authenticated earlier, for connections that outlive their access token.
///
/// # Errors
/// [`Refusal::TokenInvalid`], [`Refusal::AccountBlocked`].
pub async fn recall(cx: &AccountPorts, session: SessionId, user: UserId) -> Result<Actor, Error> {
    Ok(admit(cx.sessions.authenticate(session, user).await?, session)?)
}

fn admit(account: Option<Account>, session: SessionId) -> Result<Actor, Refusal> {
    let account = account.ok_or(Refusal::TokenInvalid)?;
    if account.blocked { Err(Refusal::AccountBlocked) } else { Ok(Actor { account, session }) }
}

/// Registers an account and logs it in.
///
/// # Errors
/// [`Refusal::EmailTaken`]; [`Refusal::TooSoon`] when too many passwords wait to be hashed.
pub async fn register(cx: &AccountPorts, registration: Registration, origin: LoginOrigin) -> Result<SignedIn, Error> {
    let _turn = cx.hashing.enter(origin.address, false).await?;
    create(cx, registration, (Role::User, Some(origin))).await
}

/// Creates an account with this role, and a session for it.
pub(super) async fn create(
    cx: &AccountPorts,
    registration: Registration,
    (role, origin): (Role, Option<LoginOrigin>),
) -> Result<SignedIn, Error> {
    let Registration { email, password, profile } = registration;
    let password = cx.passwords.hash(password).await?;
    let now = cx.clock.now();
    let account = Account {
        id: cx.ids.next().into(),
        email,
        profile,
        role,
        blocked: false,
        helper: None,
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at: now,
    };
    let (address, user_agent) = origin.map(|origin| (origin.address, origin.user_agent)).unzip();
    let session = new_session(cx, account.id, user_agent.flatten(), now);
    let tokens = pair(cx, &account, first_claims(&session), now)?;
    let mut change = Change::new(Some(account.id), now)
        .write(Write::RegisterAccount { account: Box::new(account.clone()), password })
        .write(Write::OpenSession(session));
    if let Some(address) = address {
        let source = login_source(cx, &account.email, address);
        change = change.write(Write::RecordLogin { user: account.id, source });
    }
    let committed = cx.changes.commit(change).await;
    committed.map_err(|e| refuse_conflict(e, Constraint::Email, Refusal::EmailTaken))?;
    Ok(SignedIn { account, tokens })
}

/// Opens a session for an email and a password.
///
/// Neither the answer nor the time it takes shows whether the account exists. `None` stands for a text that is not an
/// email address: no account has it.
///
/// # Errors
/// [`Refusal::InvalidCredentials`]; [`Refusal::AccountBlocked`] only with the right password; [`Refusal::TooSoon`] after
/// too many failures, or when too many passwords wait to be hashed.
pub async fn log_in(
    cx: &AccountPorts,
    email: Option<Email>,
    password: Password,
    LoginOrigin { address, user_agent }: LoginOrigin,
) -> Result<SignedIn, Error> {
    let Some(email) = email else {
        let _turn = cx.hashing.enter(address, false).await?;
        cx.passwords.verify(password, None).await?;
        return Err(Refusal::InvalidCredentials.into());
    };
    let source = login_source(cx, &email, address);
    let before = load_login(cx, email.clone(), source).await?;
    let _turn = cx.hashing.enter(address, before.failed.is_known_address).await?;
    // Read again: of many guesses that were sent at once, each counts those that were verified before it.
    let (account, hash) = load_login(cx, email, source).await?.credentials.map(|c| (c.account, c.password)).unzip();
    if !cx.passwords.verify(password, hash).await? {
        cx.logins.record_failure(source, cx.clock.now()).await?;
        return Err(Refusal::InvalidCredentials.into());
    }
    let account = account.ok_or(Refusal::InvalidCredentials)?;
    if account.blocked {
        return Err(Refusal::AccountBlocked.into());
    }
    let (now, user) = (cx.clock.now(), account.id);
    let session = new_session(cx, user, user_agent, now);
    let tokens = pair(cx, &account, first_claims(&session), now)?;
    let change =
        Change::new(Some(user), now).write(Write::OpenSession(session)).write(Write::RecordLogin { user, source });
    // Stale if the account was deleted meanwhile.
    cx.changes.commit(change).await.map_err(|error| match error {
        port::Error::Stale => Refusal::InvalidCredentials.into(),
        other => Error::from(other),
    })?;
    Ok(SignedIn { account, tokens })
}

/// Loads what a login is decided on, and refuses it after too many failures.
pub(super) async fn load_login(cx: &AccountPorts, email: Email, source: LoginSource) -> Result<LoginContext, Error> {
    let at = cx.clock.now();
    let context = cx.logins.load(&LoginAttempt { email, source, at }).await?;
    context.failed.allow_attempt(at)?;
    Ok(context)
}

pub(super) fn login_source(cx: &AccountPorts, email: &Email, address: IpAddr) -> LoginSource {
    LoginSource { account: cx.hasher.hash_email(email), address: cx.hasher.hash_address(address) }
}

/// Exchanges a refresh token for a new pair of tokens.
///
/// This confirms the token. A token that is presented again within ten seconds has the same successor, which is no use. Any
/// other token with a successor that was already used ends the session. An expired token is valid while a device of the session
/// confirms messages: a helper who has only been alerted by pushes is not logged out.
///
/// # Errors
/// [`Refusal::TokenInvalid`], [`Refusal::TokenExpired`], [`Refusal::RefreshTokenReused`],
/// [`Refusal::AccountBlocked`].
pub async fn refresh(cx: &AccountPorts, token: &str, user_agent: Option<UserAgent>) -> Result<TokenPair, Error> {
    let now = cx.clock.now();
    let RefreshToken { claims, expires_at } = cx.tokens.read_refresh(token).map_err(refuse_token)?;
    let RefreshClaims { user, session, token, parent } = claims;
    if now >= expires_at && !has_device_in_use(cx, user, session, now).await? {
        return Err(Refusal::TokenExpired.into());
    }
    let (successor, repeats_since) = (cx.ids.next().into(), now - REFRESH_REPEATED_WITHIN);
    let presented = Presentation { session, token, parent, successor, at: now, repeats_since, user_agent };
    match cx.sessions.confirm(presented).await? {
        Confirmation::Unknown => Err(Refusal::TokenInvalid.into()),
        Confirmation::Reused => {
            revoke(cx, claims.user, Some(claims.session), None).await?;
            Err(Refusal::RefreshTokenReused.into())
        }
        Confirmation::Confirmed { account, .. } if account.blocked => Err(Refusal::AccountBlocked.into()),
        Confirmation::Confirmed { account, successor } => {
            let claims = RefreshClaims { token: successor.token, parent: Some(token), ..claims };
            Ok(TokenPair {
                access: cx.tokens.access(&account, session, now)?,
                // As it was signed first: the same text, with the same expiry.
                refresh: cx.tokens.refresh(&claims, successor.issued_at)?,
            })
        }
    }
}

/// Whether the device of a session has confirmed a message lately.
async fn has_device_in_use(cx: &AccountPorts, user: UserId, session: SessionId, now: Timestamp) -> port::Result<bool> {
    let devices = cx.devices.list(user).await?;
    let last =
        devices.iter().filter(|device| device.session == session).filter_map(|device| device.last_delivered_at).max();
    Ok(last.is_some_and(|at| now - at <= DEVICE_IN_USE_FOR))
}

/// Ends the session of a refresh token, or all sessions of the caller if it is `None`.
///
/// A token that is invalid or belongs to another user ends the caller's own session, so that logging out always takes
/// effect.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn log_out(cx: &AccountPorts, actor: &Actor, refresh_token: Option<&str>) -> Result<(), Error> {
    let only = refresh_token.map(|token| match cx.tokens.read_refresh(token) {
        Ok(RefreshToken { claims, .. }) if claims.user == actor.id() => claims.session,
        _ => actor.session,
    });
    revoke(cx, actor.id(), only, None).await
}

/// The sessions of the caller, those used last first; at most [`MAX_LISTED_SESSIONS`]. Expired ones are left out, unless a device
/// belongs to them.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn sessions(cx: &AccountPorts, actor: &Actor) -> Result<Vec<SessionOverview>, Error> {
    let since = cx.clock.now().checked_sub_signed(cx.tokens.session_lifetime()).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(cx.sessions.list(actor.id(), since, MAX_LISTED_SESSIONS).await?)
}

/// Ends a session of the caller, the present one too. Its connections end, and its device is removed.
///
/// # Errors
/// [`Refusal::SessionNotFound`] for an unknown session, one that is revoked, and one of another user.
pub async fn end_session(cx: &AccountPorts, actor: &Actor, session: SessionId) -> Result<(), Error> {
    if cx.sessions.authenticate(session, actor.id()).await?.is_none() {
        return Err(Refusal::SessionNotFound.into());
    }
    revoke(cx, actor.id(), Some(session), None).await
}

/// Sets a new password and ends every other session. `address` is that of the client.
///
/// # Errors
/// [`Refusal::WrongPassword`]; [`Refusal::TooSoon`] when too many passwords wait to be hashed.
pub async fn change_password(
    cx: &AccountPorts,
    actor: &Actor,
    (current, new): (Password, Password),
    address: IpAddr,
) -> Result<(), Error> {
    let _turn = cx.hashing.enter(address, true).await?;
    let stored = cx.accounts.credentials(&actor.account.email).await?.map(|c| c.password);
    if !cx.passwords.verify(current, stored).await? {
        return Err(Refusal::WrongPassword.into());
    }
    let password = cx.passwords.hash(new).await?;
    let (user, except) = (actor.id(), Some(actor.session));
    let change = Change::new(Some(user), cx.clock.now())
        .write(Write::SetPassword { user, password })
        .write(Write::RevokeSessions { user, only: None, except })
        .account_event(Event::SessionsRevoked { user, only: None, except, former: None });
    Ok(cx.changes.commit(change).await?)
}

async fn revoke(
    cx: &AccountPorts,
    user: UserId,
    only: Option<SessionId>,
    except: Option<SessionId>,
) -> Result<(), Error> {
    let change = Change::new(Some(user), cx.clock.now())
        .write(Write::RevokeSessions { user, only, except })
        .account_event(Event::SessionsRevoked { user, only, except, former: None });
    Ok(cx.changes.commit(change).await?)
}

fn new_session(cx: &AccountPorts, user: UserId, user_agent: Option<UserAgent>, now: Timestamp) -> Session {
    let confirmed: TokenId = cx.ids.next().into();
    Session { id: cx.ids.next().into(), user, confirmed, created_at: now, user_agent }
}

const fn first_claims(session: &Session) -> RefreshClaims {
    RefreshClaims { user: session.user, session: session.id, token: session.confirmed, parent: None }
}

fn pair(cx: &AccountPorts, account: &Account, refresh: RefreshClaims, now: Timestamp) -> port::Result<TokenPair> {
    Ok(TokenPair {
        access: cx.tokens.access(account, refresh.session, now)?,
        refresh: cx.tokens.refresh(&refresh, now)?,
    })
}

const fn refuse_token(error: TokenError) -> Refusal {
    match error {
        TokenError::Expired => Refusal::TokenExpired,
        TokenError::Invalid => Refusal::TokenInvalid,
    }
}

#[cfg(test)]
mod tests;
