//! The outbox: what its messages tell, and the deletion of old ones.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId, Error, Secret, UserId,
    port::{LinkPurpose, LinkTokens, Links as _, PushPayload},
    usecase::outbox::{Prepared, SendingPorts, delete_old},
};
use allynet_notify::MessageTexts;
use allynet_wire::{links::PublicUrl, push};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

const DELETE_INTERVAL: Duration = Duration::from_mins(10);
/// Maximum number of messages that are deleted at once.
const DELETE_LIMIT: u32 = 1_000;

/// What messages tell, with links to this service. Without a public URL the links in pushes are relative.
pub(crate) struct Texts {
    base: String,
    public_url: Option<PublicUrl>,
    tokens: Arc<dyn LinkTokens>,
}

impl Texts {
    pub(crate) fn new(public_url: Option<&PublicUrl>, tokens: Arc<dyn LinkTokens>) -> Self {
        let base = public_url.map(ToString::to_string).unwrap_or_default();
        Self { base, public_url: public_url.cloned(), tokens }
    }
}

impl MessageTexts for Texts {
    fn push(&self, message: &Prepared) -> Option<PushPayload> {
        push::render(message, &self.base)
    }

    fn emergency_link(&self, emergency: EmergencyId) -> String {
        push::emergency_link(&self.base, emergency)
    }

    fn stop_link(&self, user: UserId) -> Secret {
        let token = self.tokens.sign(LinkPurpose::StopAlerts, user.into());
        // Email is not sent without a public URL.
        self.public_url.as_ref().map_or_else(|| token.clone(), |links| links.stop_contact(&token))
    }

    fn receipt(&self, message: &Prepared) -> Secret {
        Secret::new(push::receipt(&message.receipt))
    }

    fn receipt_url(&self) -> String {
        format!("{}/api/v1/alerts/receipts", self.base)
    }
}

/// Deletes old messages until `stop` is cancelled.
pub(crate) async fn delete_old_messages(ports: SendingPorts, stop: CancellationToken) {
    let deleting = async {
        let mut failures = FailureLog::new("deleting old messages failed, retrying");
        loop {
            let deleted = delete_old(&ports, DELETE_LIMIT).await;
            let more = deleted.as_ref().is_ok_and(|&count| count >= u64::from(DELETE_LIMIT));
            failures.record::<_, Error>(deleted);
            if !more {
                sleep(DELETE_INTERVAL).await;
            }
        }
    };
    stop.run_until_cancelled(deleting).await;
}
