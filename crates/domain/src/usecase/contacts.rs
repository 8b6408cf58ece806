//! Emergency contacts: whom a user wants told, and their consent, which they give on a page that an email leads to.

use std::sync::Arc;

use crate::{
    Actor, Consent, ConsentId, Contact, ContactDetails, ContactId, DueInvitation, Error, InvitationNote, Refusal,
    Secret, Timestamp, UserId,
    port::{self, ContactEntry, LinkPurpose, Mail, MailContent, MailOutcome, SavedContact, StopTarget},
};

/// The ports of these use cases.
#[derive(Clone)]
pub struct ContactPorts {
    /// Contacts and consents.
    pub contacts: Arc<dyn port::Contacts>,
    /// Signs the tokens in links.
    pub tokens: Arc<dyn port::LinkTokens>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
}

/// The ports with which invitations are sent.
#[derive(Clone)]
pub struct InvitationPorts {
    /// Contacts and consents.
    pub contacts: Arc<dyn port::Contacts>,
    /// Signs the tokens in links.
    pub tokens: Arc<dyn port::LinkTokens>,
    /// Makes links.
    pub links: Arc<dyn port::Links>,
    /// Sends emails.
    pub mailer: Arc<dyn port::Mailer>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
}

/// Adds an emergency contact, whose address is invited to agree unless this user invited it before.
///
/// # Errors
/// [`Refusal::TooManyContacts`].
pub async fn add(cx: &ContactPorts, actor: &Actor, details: ContactDetails) -> Result<Contact, Error> {
    save(cx, actor, cx.ids.next().into(), details, None).await
}

/// Finds a contact of the caller, to be changed.
///
/// # Errors
/// [`Refusal::ContactNotFound`].
pub async fn find(cx: &ContactPorts, actor: &Actor, id: ContactId) -> Result<Contact, Error> {
    let found = cx.contacts.list(actor.id()).await?.into_iter().find(|contact| contact.id == id);
    Ok(found.ok_or(Refusal::ContactNotFound)?)
}

/// Changes a contact. Another address is invited like that of a new contact.
///
/// # Errors
/// [`Refusal::ContactNotFound`].
pub async fn change(
    cx: &ContactPorts,
    actor: &Actor,
    current: &Contact,
    details: ContactDetails,
) -> Result<Contact, Error> {
    save(cx, actor, current.id, details, Some(current.created_at)).await
}

/// `created_at` is that of the contact that is changed; `None` for a new one.
async fn save(
    cx: &ContactPorts,
    actor: &Actor,
    id: ContactId,
    details: ContactDetails,
    created_at: Option<Timestamp>,
) -> Result<Contact, Error> {
    let (owner, consent, at) = (actor.id(), cx.ids.next().into(), cx.clock.now());
    let entry = ContactEntry { owner, id, details, is_new: created_at.is_none(), consent, at };
    match cx.contacts.save(&entry).await? {
        SavedContact::Saved { state, confirmed_at } => {
            let (details, created_at) = (entry.details, created_at.unwrap_or(at));
            Ok(Contact { id, details, state, confirmed_at, created_at })
        }
        SavedContact::TooMany => Err(Refusal::TooManyContacts.into()),
        SavedContact::Unknown => Err(Refusal::ContactNotFound.into()),
    }
}

/// Removes a contact.
///
/// # Errors
/// [`Refusal::ContactNotFound`].
pub async fn remove(cx: &ContactPorts, actor: &Actor, id: ContactId) -> Result<(), Error> {
    if cx.contacts.remove(actor.id(), id).await? { Ok(()) } else { Err(Refusal::ContactNotFound.into()) }
}

/// The consent to which the token of a link belongs; `None` if it is unknown. Changes nothing: mail programs open links by
/// themselves.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn look_up(cx: &ContactPorts, purpose: LinkPurpose, token: &str) -> port::Result<Option<Consent>> {
    match consent_of(cx, purpose, token) {
        Some(id) => cx.contacts.consent(id).await,
        None => Ok(None),
    }
}

/// Agrees to messages. `None` if the token is unknown.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn confirm(cx: &ContactPorts, token: &str) -> port::Result<Option<Consent>> {
    match consent_of(cx, LinkPurpose::ConfirmContact, token) {
        Some(id) => cx.contacts.confirm(id, cx.clock.now()).await,
        None => Ok(None),
    }
}

/// What the token of a link stops; `None` if it is unknown.
pub fn stop_target(cx: &ContactPorts, token: &str) -> Option<StopTarget> {
    let contact = consent_of(cx, LinkPurpose::StopContact, token).map(StopTarget::Contact);
    let alerts = || cx.tokens.verify(LinkPurpose::StopAlerts, token).map(UserId::from).map(StopTarget::Alerts);
    contact.or_else(alerts)
}

/// Stops messages to the address to which the token was sent. Returns what is stopped; `None` if the token is unknown.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn stop(cx: &ContactPorts, token: &str) -> port::Result<Option<StopTarget>> {
    let Some(target) = stop_target(cx, token) else { return Ok(None) };
    Ok(cx.contacts.stop(target, cx.clock.now()).await?.then_some(target))
}

fn consent_of(cx: &ContactPorts, purpose: LinkPurpose, token: &str) -> Option<ConsentId> {
    cx.tokens.verify(purpose, token).map(ConsentId::from)
}

/// Sends an invitation that was claimed until `lease_until`, and stores what became of it. It is sent again only if this process
/// ends between the two.
///
/// # Errors
/// Returns an error if the store fails.
pub async fn invite(cx: &InvitationPorts, due: DueInvitation, lease_until: Timestamp) -> port::Result<()> {
    let DueInvitation { consent, email, first_name, last_name, locale, attempts } = due;
    let sign = |purpose| cx.tokens.sign(purpose, consent.into());
    let token = |purpose| -> Secret { sign(purpose) };
    let content = MailContent::ContactInvitation {
        owner: full_name(&first_name, last_name.as_ref()),
        confirm: cx.links.confirm_contact(&token(LinkPurpose::ConfirmContact)),
        stop: cx.links.stop_contact(&token(LinkPurpose::StopContact)),
    };
    // The same id each time: a mail server or a reader that gets it twice may notice.
    let outcome = cx.mailer.send(&Mail { id: consent.into(), to: email, locale, content }).await;
    let now = cx.clock.now();
    let note = match outcome {
        MailOutcome::Sent => InvitationNote::Sent,
        MailOutcome::Rejected => InvitationNote::Undeliverable,
        MailOutcome::Failed => InvitationNote::after_failure(attempts, now),
    };
    cx.contacts.note_invitation(consent, lease_until, note, now).await
}

/// A name as a person writes it.
pub fn full_name(first: &crate::Name, last: Option<&crate::Name>) -> String {
    last.map_or_else(|| first.as_str().to_owned(), |last| format!("{} {}", first.as_str(), last.as_str()))
}

#[cfg(test)]
mod tests;
