//! Telling emergency contacts of an emergency by email, and showing it to them on a page.

use std::sync::Arc;

use crate::{
    Change, ContactAction, ContactPage, ContactReview, DueNotice, Error, Event, NoticeEntry, NoticeId, NoticeKind,
    NoticeNote, NoticeState, Timestamp, Write,
    alert_timing::later,
    contact_notice::{NOTICE_LEASE, PlannedNotice, REVIEW_LEASE},
    port::{self, ContactAlert, LinkPurpose, Mail, MailContent, MailOutcome},
    usecase::{contacts::full_name, retry::retry_stale},
};

/// The ports with which contacts are told.
#[derive(Clone)]
pub struct NoticePorts {
    /// Reviews and notices.
    pub notices: Arc<dyn port::ContactNotices>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Signs the tokens in links.
    pub tokens: Arc<dyn port::LinkTokens>,
    /// Makes links.
    pub links: Arc<dyn port::Links>,
    /// Sends emails.
    pub mailer: Arc<dyn port::Mailer>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
}

/// The ports of the page.
#[derive(Clone)]
pub struct ContactPagePorts {
    /// Reviews and notices.
    pub notices: Arc<dyn port::ContactNotices>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Verifies the tokens in links.
    pub tokens: Arc<dyn port::LinkTokens>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Pauses before another attempt after a conflict.
    pub backoff: Arc<dyn port::Backoff>,
}

/// Takes the reviews that are due, at most `limit`. Returns whether more may be due.
///
/// # Errors
/// Returns an error if a port fails. Reviews that were claimed are taken by any node when the claim has ended.
pub async fn review_due(cx: &NoticePorts, limit: u32) -> port::Result<bool> {
    let now = cx.clock.now();
    let due = cx.notices.claim_reviews(now, later(now, REVIEW_LEASE), limit).await?;
    for review in &due {
        match cx.changes.commit(reviewed(review, &*cx.ids, now)).await {
            // The emergency has changed since, which made another review due; or the claim has ended.
            Ok(()) | Err(port::Error::Stale) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(u32::try_from(due.len()).is_ok_and(|count| count >= limit))
}

/// The change that stores what a review decided, with the news for the owner.
pub fn reviewed(review: &ContactReview, ids: &dyn port::Ids, now: Timestamp) -> Change {
    let plan = review.plan(now);
    let mut change = Change::new(None, now);
    for PlannedNotice { queue, contact, .. } in &plan.notices {
        if matches!(queue, Some(NoticeKind::Alert | NoticeKind::Resumed)) {
            let queued = Event::ContactNotified { owner: review.owner, contact: *contact, state: NoticeState::Queued };
            change = change.event(review.emergency, queued);
        }
    }
    let entry = |planned| NoticeEntry { id: ids.next().into(), mail: ids.next(), planned };
    let notices = plan.notices.into_iter().map(entry).collect();
    change.write(Write::PlanNotices {
        emergency: review.emergency,
        lease_until: review.lease_until,
        next_at: plan.next_at,
        is_over: plan.is_over,
        notices,
    })
}

/// An attempt to send a notice, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SentNotice {
    due: DueNotice,
    note: NoticeNote,
}

impl SentNotice {
    /// When the claim ends. Later there is nothing to note.
    pub const fn lease_until(&self) -> Timestamp {
        self.due.lease_until
    }
}

/// Sends a notice that is claimed. What became of it MUST be stored by [`note`], or it is sent again when the claim has ended.
pub async fn send(cx: &NoticePorts, due: DueNotice) -> SentNotice {
    let note = match mail(cx, &due) {
        // Deleted since: there is nothing to tell.
        None => NoticeNote::GivenUp,
        Some(mail) => match cx.mailer.send(&mail).await {
            MailOutcome::Sent => NoticeNote::Sent,
            MailOutcome::Rejected => NoticeNote::Undeliverable,
            MailOutcome::Failed => NoticeNote::after_failure(&due, cx.clock.now()),
        },
    };
    SentNotice { due, note }
}

/// Stores what became of a notice. No effect if the claim was lost.
///
/// # Errors
/// Returns an error if the store fails.
pub async fn note(cx: &NoticePorts, sent: &SentNotice) -> port::Result<()> {
    let SentNotice { due: DueNotice { id, emergency, owner, contact, kind, lease_until, call, .. }, note } = sent;
    let change = Change::new(None, cx.clock.now()).write(Write::NoteNotice {
        emergency: *emergency,
        notice: *id,
        lease_until: *lease_until,
        note: *note,
    });
    // A deleted emergency has no log any more.
    let change = match note.state(*kind).filter(|_| call.is_some()) {
        Some(state) => change.event(*emergency, Event::ContactNotified { owner: *owner, contact: *contact, state }),
        None => change,
    };
    match cx.changes.commit(change).await {
        Err(port::Error::Stale) => Ok(()),
        noted => noted,
    }
}

/// Claims notices that are due, at most `limit`.
///
/// # Errors
/// Returns an error if the store fails.
pub async fn take_due(cx: &NoticePorts, limit: u32) -> port::Result<Vec<DueNotice>> {
    let now = cx.clock.now();
    cx.notices.claim_notices(now, later(now, NOTICE_LEASE), limit).await
}

fn mail(cx: &NoticePorts, due: &DueNotice) -> Option<Mail> {
    let owner = full_name(&due.first_name, due.last_name.as_ref());
    let page = cx.links.contact_page(&cx.tokens.sign(LinkPurpose::ContactPage, due.id.into()));
    let stop = cx.links.stop_contact(&cx.tokens.sign(LinkPurpose::StopContact, due.consent.into()));
    let content = match due.kind {
        NoticeKind::Alert => {
            let (called_at, location) = due.call.clone()?;
            let alert = ContactAlert { owner, called_at, zone: due.zone, location, now: cx.clock.now(), page, stop };
            MailContent::ContactAlert(Box::new(alert))
        }
        NoticeKind::Ended => MailContent::ContactEnded { owner, stop },
        NoticeKind::Resumed => MailContent::ContactResumed { owner, page, stop },
    };
    Some(Mail { id: due.mail, to: due.email.clone(), locale: due.locale, content })
}

/// The page of an emergency for a contact; `None` if the token is unknown or the time is over. Changes nothing: mail programs open
/// links by themselves.
///
/// # Errors
/// Returns an error if the store fails.
pub async fn page(cx: &ContactPagePorts, token: &str) -> port::Result<Option<ContactPage>> {
    match cx.tokens.verify(LinkPurpose::ContactPage, token) {
        Some(id) => cx.notices.page(NoticeId::from(id), cx.clock.now()).await,
        None => Ok(None),
    }
}

/// Stores what a contact says they do, and tells the owner, once for each action. No effect after the end. `None` as for [`page`].
///
/// # Errors
/// Returns an error if a port fails.
pub async fn act(cx: &ContactPagePorts, token: &str, action: ContactAction) -> Result<Option<ContactPage>, Error> {
    retry_stale(&*cx.backoff, || async {
        let Some(mut page) = page(cx, token).await? else { return Ok(None) };
        if !page.may_say(action) {
            return Ok(Some(page));
        }
        let said = Event::ContactNotified { owner: page.owner, contact: page.contact, state: action.state() };
        let write = Write::NoteContactAction { emergency: page.emergency, notice: page.notice, action };
        let change = Change::new(None, cx.clock.now()).write(write).event(page.emergency, said);
        cx.changes.commit(change).await?;
        page.actions.push(action);
        Ok(Some(page))
    })
    .await
}

#[cfg(test)]
mod tests;
