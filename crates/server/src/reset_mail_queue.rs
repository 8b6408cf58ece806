//! The port `ResetQueue`: issues tokens for forgotten passwords and sends them by email, after the answer.
//!
//! What waits is lost when the process ends: users request another email. Requests wait in a [`FairQueue`] by address, so that
//! one address cannot delay the emails of others.

use std::{
    error::Error,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use allynet_domain::{
    Email, Refusal,
    port::{self, Mail, MailOutcome, Mailer, ResetQueue, ResetRequest},
    usecase::password_resets::{ResetMailPorts, issue},
};
use allynet_wire::scheduling::{Overflow, Priority};
use chrono::TimeDelta;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::fair_queue::{Bounds, FairQueue, Full, Permit, Source};

/// As many as there are connections to the mail server.
const MAX_IN_PROGRESS: usize = 4;
const BOUNDS: Bounds = Bounds {
    total: MAX_IN_PROGRESS,
    normal: MAX_IN_PROGRESS,
    high_per_caller: MAX_IN_PROGRESS,
    normal_per_caller: MAX_IN_PROGRESS / 2,
    per_group: MAX_IN_PROGRESS,
    waiting_per_caller: 32,
    waiting: 512,
};
/// Most requests at once, those that wait for another attempt included.
const MAX_REQUESTS: usize = 1_024;
/// The delays before the attempts after the first.
const RETRY_DELAYS: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(2)];
/// How long a request is carried out at most: a link that comes much later than it was requested confuses.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(10);
/// The delay that is suggested when too many wait.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(30);

/// The queue of this process. Must be used within a Tokio runtime.
pub(crate) struct ResetMailQueue {
    turns: FairQueue<IpAddr>,
    requests: TaskTracker,
    sender: Sender,
}

impl ResetMailQueue {
    /// An empty queue.
    pub(crate) fn new(cx: ResetMailPorts, mailer: Arc<dyn Mailer>) -> Self {
        let turns = FairQueue::new("reset_mails", BOUNDS);
        Self { turns, requests: TaskTracker::new(), sender: Sender { cx, mailer } }
    }
}

impl ResetQueue for ResetMailQueue {
    fn push(&self, ResetRequest { email, address }: ResetRequest) -> Result<(), Refusal> {
        const FULL: Refusal = Refusal::TooSoon { retry_after: RETRY_AFTER };
        if self.requests.len() >= MAX_REQUESTS {
            return Err(FULL);
        }
        let turns = Turns { queue: self.turns.clone(), address };
        let mut turn = Box::pin(turns.clone().next(Overflow::Refused));
        // Polled once here, so that a full queue is noticed before the answer. A request that waits has its place by then.
        let permit = match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit.map_err(|Full| FULL)?),
            Poll::Pending => None,
        };
        let sender = self.sender.clone();
        self.requests.spawn(async move {
            let carry_out = async {
                let permit = match permit {
                    Some(permit) => permit,
                    None => turn.await.ok()?,
                };
                sender.carry_out(email, &turns, permit).await
            };
            if !matches!(timeout(REQUEST_TIMEOUT, carry_out).await, Ok(Some(()))) {
                tracing::warn!("an email to reset a password was given up");
            }
        });
        Ok(())
    }
}

/// The turns of one address.
#[derive(Clone)]
struct Turns {
    queue: FairQueue<IpAddr>,
    address: IpAddr,
}

impl Turns {
    async fn next(self, overflow: Overflow) -> Result<Permit<IpAddr>, Full> {
        let source = Source { caller: self.address, group: None };
        self.queue.acquire(source, Priority::Normal, overflow).await
    }
}

#[derive(Clone)]
struct Sender {
    cx: ResetMailPorts,
    mailer: Arc<dyn Mailer>,
}

impl Sender {
    /// Issues a token, if the account may have one, and sends it. Tries again after failures that can pass, without a permit
    /// meanwhile. `None` if all attempts failed.
    async fn carry_out(&self, email: Email, turns: &Turns, first: Permit<IpAddr>) -> Option<()> {
        let (mut permit, mut mail) = (first, None);
        for delay in RETRY_DELAYS {
            if self.attempt(&email, &mut mail).await {
                return Some(());
            }
            drop(permit);
            sleep(delay).await;
            permit = turns.clone().next(Overflow::Queued).await.ok()?;
        }
        self.attempt(&email, &mut mail).await.then_some(())
    }

    /// Whether nothing is left to do. A token that was issued stays in `mail` for the next attempt.
    async fn attempt(&self, email: &Email, mail: &mut Option<Mail>) -> bool {
        if mail.is_none() {
            match issue(&self.cx, email.clone()).await {
                Ok(issued) => *mail = issued,
                Err(error) => {
                    tracing::error!(error = &error as &dyn Error, "no token to reset a password was issued");
                    // Other errors do not pass.
                    return !matches!(error, port::Error::Unavailable(_));
                }
            }
        }
        match mail {
            Some(mail) => self.mailer.send(mail).await != MailOutcome::Failed,
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use allynet_auth::HmacHasher;
    use allynet_domain::{
        Locale,
        port::{Links, MockMailer, MockPasswordResets},
    };
    use allynet_wire::links::PublicUrl;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{system::UuidV7Ids, wiring::clock};

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn queue(resets: MockPasswordResets, mailer: impl Mailer + 'static) -> ResetMailQueue {
        let links: Arc<dyn Links> = Arc::new("https://allynet.example.org".parse::<PublicUrl>().unwrap());
        let tokens = Arc::new(HmacHasher::new(&"a secret of more than thirty-two bytes".to_owned().into()));
        let cx = ResetMailPorts { resets: Arc::new(resets), tokens, links, clock: clock(), ids: Arc::new(UuidV7Ids) };
        ResetMailQueue::new(cx, Arc::new(mailer))
    }

    fn known() -> MockPasswordResets {
        let mut resets = MockPasswordResets::new();
        resets.expect_issue().returning(|_| Ok(Some(Locale::English)));
        resets
    }

    fn request(address: IpAddr) -> ResetRequest {
        ResetRequest { email: "ada@example.org".parse().unwrap(), address }
    }

    async fn finish(queue: &ResetMailQueue) {
        queue.requests.close();
        queue.requests.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_email_is_sent_again_after_failures_that_can_pass() {
        let (mut resets, mut mailer) = (MockPasswordResets::new(), MockMailer::new());
        let mut issued = 0;
        resets.expect_issue().times(2).returning(move |_| {
            issued += 1;
            if issued == 1 { Err(port::Error::unavailable("the test says so")) } else { Ok(Some(Locale::English)) }
        });
        let (mut sent, mut first) = (0, None);
        mailer.expect_send().times(3).returning(move |mail| {
            sent += 1;
            assert_eq!(first.get_or_insert_with(|| mail.clone()), mail);
            if sent == 3 { MailOutcome::Sent } else { MailOutcome::Failed }
        });
        let queue = queue(resets, mailer);
        let begun = tokio::time::Instant::now();
        queue.push(request(ADDRESS)).unwrap();
        finish(&queue).await;
        assert_eq!(begun.elapsed(), RETRY_DELAYS.iter().sum());
    }

    #[tokio::test(start_paused = true)]
    async fn an_email_is_given_up_after_the_last_attempt() {
        let mut mailer = MockMailer::new();
        mailer.expect_send().times(RETRY_DELAYS.len() + 1).returning(|_| MailOutcome::Failed);
        let queue = queue(known(), mailer);
        queue.push(request(ADDRESS)).unwrap();
        finish(&queue).await;
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_without_a_token_or_again_after_a_rejection() {
        let mut resets = MockPasswordResets::new();
        resets.expect_issue().times(1).returning(|_| Ok(None));
        // A call of this mailer panics.
        let unknown = queue(resets, MockMailer::new());
        unknown.push(request(ADDRESS)).unwrap();
        finish(&unknown).await;
        let mut mailer = MockMailer::new();
        mailer.expect_send().times(1).returning(|_| MailOutcome::Rejected);
        let rejected = queue(known(), mailer);
        rejected.push(request(ADDRESS)).unwrap();
        finish(&rejected).await;
    }

    /// A mail server that accepts no message until it is allowed to.
    #[derive(Clone)]
    struct Slow(Arc<(Semaphore, AtomicUsize)>);

    impl Slow {
        fn begun(&self) -> usize {
            self.0.1.load(Ordering::SeqCst)
        }
    }

    #[async_trait::async_trait]
    impl Mailer for Slow {
        async fn send(&self, _: &Mail) -> MailOutcome {
            self.0.1.fetch_add(1, Ordering::SeqCst);
            self.0.0.acquire().await.unwrap().forget();
            MailOutcome::Sent
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_floods_the_queue_is_refused_and_delays_no_other() {
        let slow = Slow(Arc::new((Semaphore::new(0), AtomicUsize::new(0))));
        let queue = queue(known(), slow.clone());
        let accepted = (0..1_000).take_while(|_| queue.push(request(ADDRESS)).is_ok()).count();
        assert_eq!(accepted, BOUNDS.normal_per_caller + BOUNDS.waiting_per_caller);
        assert_eq!(queue.push(request(ADDRESS)), Err(Refusal::TooSoon { retry_after: RETRY_AFTER }));
        queue.push(request([192, 0, 2, 1].into())).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(slow.begun(), BOUNDS.normal_per_caller + 1, "the other address is served at once");
        slow.0.0.add_permits(accepted + 1);
        finish(&queue).await;
        assert_eq!(slow.begun(), accepted + 1);
    }
}
