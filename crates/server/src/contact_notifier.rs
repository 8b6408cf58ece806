//! Tells emergency contacts of emergencies by email.
//!
//! Every node looks once a second for reviews and notices that are due. A claim in the database excludes the others for as long as an
//! attempt can take.

use std::{error::Error, time::Duration};

use allynet_domain::{
    port,
    usecase::contact_notices::{NoticePorts, SentNotice, note, review_due, send, take_due},
};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

/// The poll interval, and so the longest delay of a notice.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many reviews are taken at once.
const MAX_REVIEWS: u32 = 16;
/// How many notices are sent at once: most of the connections to the mail server, but not all.
const MAX_AT_ONCE: usize = 3;
/// The time between two attempts to store what became of a notice.
const NOTE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Tells contacts until `stop` is cancelled. Attempts in progress are finished, so that it is stored what became of them.
pub(crate) async fn run(cx: NoticePorts, stop: CancellationToken) {
    let mut failures = FailureLog::new("emergency contacts are not told, retrying");
    let mut attempts = JoinSet::new();
    while !stop.is_cancelled() {
        let started = failures.record(start_due(&cx, &mut attempts).await);
        if started == Some(true) {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(POLL_INTERVAL) => {}
            // The next one may be due.
            Some(attempt) = attempts.join_next() => log_failure(attempt),
        }
    }
    while let Some(attempt) = attempts.join_next().await {
        log_failure(attempt);
    }
}

/// Takes due reviews, and starts to send due notices. Returns whether more may be due and can be started.
async fn start_due(cx: &NoticePorts, attempts: &mut JoinSet<()>) -> port::Result<bool> {
    let more_reviews = review_due(cx, MAX_REVIEWS).await?;
    while let Some(attempt) = attempts.try_join_next() {
        log_failure(attempt);
    }
    let free = MAX_AT_ONCE.saturating_sub(attempts.len());
    if free == 0 {
        return Ok(more_reviews);
    }
    for due in take_due(cx, u32::try_from(free).unwrap_or(u32::MAX)).await? {
        let cx = cx.clone();
        attempts.spawn(async move { note_until_stored(&cx, &send(&cx, due).await).await });
    }
    Ok(more_reviews)
}

/// Stores what became of a notice, however often the database fails, until the claim ends: then another node may send it.
async fn note_until_stored(cx: &NoticePorts, sent: &SentNotice) {
    while let Err(error) = note(cx, sent).await {
        if cx.clock.now() >= sent.lease_until() {
            tracing::error!(error = &error as &dyn Error, "what became of a notice was not stored");
            return;
        }
        sleep(NOTE_RETRY_DELAY).await;
    }
}

fn log_failure(attempt: Result<(), tokio::task::JoinError>) {
    if let Err(error) = attempt {
        tracing::error!(error = &error as &dyn Error, "a notice was not sent");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use allynet_auth::HmacHasher;
    use allynet_domain::{
        DueNotice, Locale, Name, NoticeKind, NoticeNote, Timestamp, Write,
        port::{Changes, MailOutcome, MockChanges, MockContactNotices, MockMailer},
    };
    use allynet_wire::links::PublicUrl;
    use uuid::Uuid;

    use super::*;
    use crate::{system::UuidV7Ids, wiring::clock};

    fn due(n: u128, now: Timestamp, lease_until: Timestamp) -> DueNotice {
        DueNotice {
            id: Uuid::from_u128(n).into(),
            mail: Uuid::from_u128(n),
            kind: NoticeKind::Ended,
            emergency: Uuid::from_u128(50).into(),
            owner: Uuid::from_u128(51).into(),
            contact: Uuid::from_u128(52).into(),
            consent: Uuid::from_u128(n).into(),
            email: "mum@example.org".parse().unwrap(),
            first_name: Name::parse("Ada").unwrap(),
            last_name: None,
            locale: Locale::English,
            zone: None,
            attempts: 0,
            queued_at: now,
            lease_until,
            call: None,
        }
    }

    /// Claims `count` notices, each once.
    fn notices(count: u128) -> MockContactNotices {
        let mut notices = MockContactNotices::new();
        notices.expect_claim_reviews().returning(|_, _, _| Ok(Vec::new()));
        let mut waiting: Vec<_> = (0..count).collect();
        notices.expect_claim_notices().returning(move |now, lease_until, limit| {
            let count = waiting.len().min(limit as usize);
            Ok(waiting.drain(..count).map(|n| due(n, now, lease_until)).collect())
        });
        notices
    }

    async fn run_until_stopped(notices: MockContactNotices, changes: impl Changes + 'static, stop: CancellationToken) {
        let mut mailer = MockMailer::new();
        mailer.expect_send().returning(|_| MailOutcome::Sent);
        let links = Arc::new("https://allynet.example.org".parse::<PublicUrl>().unwrap());
        let tokens = Arc::new(HmacHasher::new(&"a secret of more than thirty-two bytes".to_owned().into()));
        let (notices, changes, mailer) = (Arc::new(notices), Arc::new(changes), Arc::new(mailer));
        run(NoticePorts { notices, changes, tokens, links, mailer, clock: clock(), ids: Arc::new(UuidV7Ids) }, stop)
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_is_due_is_sent_and_noted_once_although_the_store_fails() {
        let stop = CancellationToken::new();
        let (finished, noted) = (stop.clone(), Arc::new(Mutex::new(Vec::new())));
        let (seen, mut calls) = (noted.clone(), 0);
        let mut changes = MockChanges::new();
        changes.expect_commit().returning(move |change| {
            calls += 1;
            if calls == 1 {
                return Err(port::Error::unavailable("the test says so"));
            }
            let [Write::NoteNotice { notice, note: NoticeNote::Sent, .. }] = change.writes[..] else { panic!() };
            let mut seen = seen.lock().unwrap();
            seen.push(Uuid::from(notice).as_u128());
            if seen.len() == 7 {
                finished.cancel();
            }
            Ok(())
        });
        run_until_stopped(notices(7), changes, stop).await;
        let mut noted = noted.lock().unwrap().clone();
        noted.sort_unstable();
        assert_eq!(noted, (0..7).collect::<Vec<_>>());
    }
}
