//! Sends the invitations of emergency contacts, which the database stores until they are sent.
//!
//! Every node does. A claim in the database excludes the others for as long as an attempt can take.

use std::{error::Error, time::Duration};

use allynet_domain::{
    port,
    usecase::contacts::{InvitationPorts, invite},
};
use chrono::TimeDelta;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

/// The poll interval, and so the longest delay of an invitation.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many invitations are sent at once: half of the connections to the mail server.
const MAX_AT_ONCE: u32 = 2;
/// Longer than an attempt can take.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// Sends due invitations until `stop` is cancelled. An attempt in progress is finished, so that it is stored what became of it.
pub(crate) async fn run(cx: InvitationPorts, stop: CancellationToken) {
    let mut failures = FailureLog::new("invitations of emergency contacts are not sent, retrying");
    while !stop.is_cancelled() {
        let sent = failures.record::<_, port::Error>(send_due(&cx).await);
        if sent.is_none_or(|sent| sent < MAX_AT_ONCE as usize) {
            stop.run_until_cancelled(sleep(POLL_INTERVAL)).await;
        }
    }
}

/// Sends a batch, and returns how many were due.
async fn send_due(cx: &InvitationPorts) -> port::Result<usize> {
    let now = cx.clock.now();
    let lease_until = now + LEASE;
    let due = cx.contacts.claim_invitations(now, lease_until, MAX_AT_ONCE).await?;
    let count = due.len();
    let mut attempts = JoinSet::new();
    for invitation in due {
        let cx = cx.clone();
        attempts.spawn(async move { invite(&cx, invitation, lease_until).await });
    }
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(noted) => noted?,
            Err(error) => tracing::error!(error = &error as &dyn Error, "an invitation was not sent"),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use allynet_auth::HmacHasher;
    use allynet_domain::{
        ConsentId, DueInvitation, InvitationNote, Locale, Name,
        port::{MailOutcome, MockContacts, MockMailer},
    };
    use allynet_wire::links::PublicUrl;
    use uuid::Uuid;

    use super::*;
    use crate::wiring::clock;

    fn due(n: u128) -> DueInvitation {
        DueInvitation {
            consent: Uuid::from_u128(n).into(),
            email: "mum@example.org".parse().unwrap(),
            first_name: Name::parse("Ada").unwrap(),
            last_name: None,
            locale: Locale::English,
            attempts: 0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_is_due_is_sent_and_failures_of_the_store_are_retried() {
        let mut waiting = vec![due(1), due(2), due(3)];
        let mut calls = 0;
        let mut contacts = MockContacts::new();
        contacts.expect_claim_invitations().returning(move |now, lease_until, limit| {
            assert_eq!(lease_until - now, LEASE);
            calls += 1;
            if calls == 1 {
                return Err(port::Error::unavailable("the test says so"));
            }
            let count = waiting.len().min(limit as usize);
            Ok(waiting.drain(..count).collect())
        });
        let noted = Arc::new(Mutex::new(Vec::<(ConsentId, InvitationNote)>::new()));
        let seen = noted.clone();
        let stop = CancellationToken::new();
        let finished = stop.clone();
        contacts.expect_note_invitation().returning(move |consent, _, note, _| {
            let mut seen = seen.lock().unwrap();
            seen.push((consent, note));
            if seen.len() == 3 {
                finished.cancel();
            }
            Ok(())
        });
        let mut mailer = MockMailer::new();
        mailer.expect_send().times(3).returning(|_| MailOutcome::Sent);
        let links = Arc::new("https://allynet.example.org".parse::<PublicUrl>().unwrap());
        let tokens = Arc::new(HmacHasher::new(&"a secret of more than thirty-two bytes".to_owned().into()));
        let (contacts, mailer) = (Arc::new(contacts), Arc::new(mailer));
        run(InvitationPorts { contacts, tokens, links, mailer, clock: clock() }, stop).await;
        let mut noted = noted.lock().unwrap().clone();
        noted.sort_by_key(|(consent, _)| *consent);
        assert_eq!(noted, [1, 2, 3].map(|n| (due(n).consent, InvitationNote::Sent)));
    }
}
