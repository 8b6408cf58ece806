//! Sending messages of the outbox, and the receipts of their receivers.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Actor, Change, Device, DeviceId, DeviceLoss, EmergencyId, Error, Event, OutboxKind, OutboxMessage, OutboxRecipient,
    PlannedDelivery, PushKey, ReceivingDevice, Refusal, SessionId, Timestamp, UserId, Write,
    alert_timing::later,
    outbox::{
        ConfiguredChannels, Connections, DeliveryNote, DeliveryState, DueDelivery, DueMessage, FirstReceipt, LEASE,
        OUTBOX_RETENTION, RECEIPT_VALID_FOR, ReceiptState, ReceiptTarget, SLOW_LEASE, SendChannel, SendOutcome,
        StoredMessage, settle,
    },
    port::{self, KeyedHash, ReceiptToken},
    usecase::{
        devices::DevicePorts,
        emergencies::EmergencyPorts,
        retry::{MAX_ATTEMPTS, retry_stale},
    },
};

/// The ports of sending.
#[derive(Clone)]
pub struct SendingPorts {
    /// The outbox.
    pub outbox: Arc<dyn port::Outbox>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
    /// Makes receipts and topics.
    pub hasher: Arc<dyn port::KeyedHasher>,
    /// The present push key of the service, if it has one.
    pub push_key: Option<PushKey>,
    /// What else messages are sent with.
    pub channels: ConfiguredChannels,
}

/// A delivery to send now. It is claimed by this node.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The delivery.
    pub due: DueDelivery,
    /// The token with which the receiver confirms it.
    pub receipt: ReceiptToken,
    /// The topic of a push; `None` for an address.
    pub topic: Option<KeyedHash>,
}

/// Takes the steps that are due, at most `limit`, and returns the deliveries to send, and whether more may be due.
///
/// # Errors
/// Returns an error if a port fails. Steps that were claimed are taken by any node when the claim has ended.
pub async fn take_steps(
    cx: &SendingPorts,
    connections: &dyn Connections,
    limit: u32,
) -> Result<(Vec<Prepared>, bool), Error> {
    let now = cx.clock.now();
    let due = cx.outbox.claim_messages(now, now + LEASE, limit).await?;
    let may_be_more = u32::try_from(due.len()).is_ok_and(|count| count >= limit);
    if due.is_empty() {
        return Ok((Vec::new(), false));
    }
    let (mut steps, mut all) = (Vec::with_capacity(due.len()), Vec::new());
    for message in due {
        let plan = message.plan(now, (cx.push_key.as_ref(), cx.channels), connections);
        let mut deliveries = Vec::with_capacity(plan.deliveries.len());
        for planned in plan.deliveries {
            let id = planned.again.unwrap_or_else(|| cx.ids.next().into());
            let delivery = DeliveryState { id, step: message.step, planned_at: now, is_pending: true, attempts: 0 };
            let (device, channel) = (planned.target.device().map(|device| device.id), planned.target.channel());
            let lease_until = now + channel.lease();
            let due = DueDelivery { message: message.message.clone(), target: planned.target, delivery, lease_until };
            let prepared = prepared(cx, due);
            let receipt = cx.hasher.hash_receipt(&prepared.receipt);
            deliveries.push(PlannedDelivery { id, channel, device, receipt, lease_until });
            all.push(prepared);
        }
        let DueMessage { message, step, lease_until, .. } = message;
        let (message, step, lease_until) = (message.id, step, lease_until);
        steps.push((message, Write::PlanStep { message, lease_until, step, next: plan.next, deliveries }));
    }
    // The rows of two changes are locked in the same order.
    steps.sort_by_key(|(message, _)| *message);
    let change = steps.into_iter().fold(Change::new(None, now), |change, (_, step)| change.write(step));
    commit(cx, change).await?;
    Ok((all, may_be_more))
}

/// Commits what holds whatever has changed meanwhile. `Stale` means that another change held the same rows, and passes.
async fn commit(cx: &SendingPorts, change: Change) -> Result<(), Error> {
    for _ in 1..MAX_ATTEMPTS {
        match cx.changes.commit(change.clone()).await {
            Err(port::Error::Stale) => {}
            committed => return Ok(committed?),
        }
    }
    Ok(cx.changes.commit(change).await?)
}

fn prepared(cx: &SendingPorts, due: DueDelivery) -> Prepared {
    let StoredMessage { emergency, kind, .. } = due.message;
    let receipt = cx.hasher.receipt_of(due.delivery.id, due.delivery.planned_at);
    let device = due.target.device();
    let topic = device.map(|device| cx.hasher.hash_topic(emergency, device.id, kind.topic_class()));
    Prepared { due, receipt, topic }
}

/// Claims the deliveries whose next attempt is due, at most `limit`, and returns those to send, and whether more may be due.
/// Those that are worth nothing any more end.
///
/// # Errors
/// Returns an error if a port fails. What was claimed is sent by any node when the claim has ended.
pub async fn take_retries(cx: &SendingPorts, limit: u32) -> Result<(Vec<Prepared>, bool), Error> {
    let now = cx.clock.now();
    let due = cx.outbox.claim_deliveries(now, now + LEASE, now + SLOW_LEASE, limit).await?;
    let may_be_more = u32::try_from(due.len()).is_ok_and(|count| count >= limit);
    let (over, due): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.is_over(now, cx.push_key.as_ref()));
    if !over.is_empty() {
        let notes = over.iter().map(DeliveryNote::over).collect();
        commit(cx, Change::new(None, now).write(Write::NoteDeliveries(notes))).await?;
    }
    Ok((due.into_iter().map(|due| prepared(cx, due)).collect(), may_be_more))
}

/// The helpers of a step for whom the alert was accepted, and those for whom it was not.
#[derive(Default)]
struct SentTo {
    sent: Vec<UserId>,
    failed: Vec<UserId>,
}

/// Stores what became of deliveries. `jitter` is as in [`settle`].
///
/// # Errors
/// Returns an error if a port fails. The deliveries are then sent again when their claims have ended.
pub async fn note_outcomes(
    cx: &SendingPorts,
    outcomes: &[(DueDelivery, SendOutcome)],
    mut jitter: impl FnMut() -> f64,
) -> Result<(), Error> {
    let now = cx.clock.now();
    let mut change = Change::new(None, now);
    let mut alerts: BTreeMap<(EmergencyId, SendChannel, u8), SentTo> = BTreeMap::new();
    let mut notes = Vec::with_capacity(outcomes.len());
    let mut gone: Vec<DeviceId> = Vec::new();
    for (due, outcome) in outcomes {
        let note = settle(due, *outcome, now, jitter());
        if let Some(device) = due.target.device()
            && note.device.is_some_and(|noted| noted.is_gone)
            && !gone.contains(&device.id)
        {
            gone.push(device.id);
            change = change.account_event(Event::DeviceLost(device.clone().lost(DeviceLoss::Gone)));
        }
        if let Some(emergency) = note.alert_of
            && note.retry_at.is_none()
        {
            let key = (emergency, due.target.channel(), due.delivery.step);
            let SentTo { sent, failed } = alerts.entry(key).or_default();
            let helpers = if note.is_sent { sent } else { failed };
            if !helpers.contains(&note.user) {
                helpers.push(note.user);
            }
        }
        notes.push(note);
    }
    for ((emergency, channel, step), SentTo { sent, failed }) in alerts {
        change = change.event(emergency, Event::AlertsSent { channel, step, sent, failed });
    }
    commit(cx, change.write_first(Write::NoteDeliveries(notes))).await
}

/// The target of a receipt, and the hash under which it is stored.
async fn find_receipt(
    cx: &SendingPorts,
    receipt: &ReceiptToken,
    now: Timestamp,
) -> Result<Option<(KeyedHash, ReceiptTarget)>, Error> {
    for hash in cx.hasher.receipt_hashes(receipt) {
        if let Some(target) = cx.outbox.find_receipt(hash, now - RECEIPT_VALID_FOR).await? {
            return Ok(Some((hash, target)));
        }
    }
    Ok(None)
}

/// Stores the receipt of a push, or of a message to a telephone. The caller is not authenticated. No effect for an unknown, used or
/// expired receipt. `Some` if nothing had confirmed the alert before.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn confirm(
    cx: &SendingPorts,
    receipt: &ReceiptToken,
    state: ReceiptState,
) -> Result<Option<FirstReceipt>, Error> {
    let now = cx.clock.now();
    let Some((receipt, target)) = find_receipt(cx, receipt, now).await? else { return Ok(None) };
    let ReceiptTarget { device, user, kind, emergency, delivered_at, seen_at, is_current, undelivered_since } = target;
    let is_used = match state {
        ReceiptState::Delivered => delivered_at.is_some(),
        ReceiptState::Seen => seen_at.is_some(),
    };
    if is_used {
        return Ok(None);
    }
    let channel = if device.is_some() { SendChannel::WebPush } else { SendChannel::Webhook };
    let mut change = Change::new(None, now).write(Write::RecordReceipt { receipt, state });
    if let Some(emergency) = emergency.filter(|_| kind == OutboxKind::Alert) {
        change = change.write(Write::AcknowledgeAlert { emergency, helper: user });
        // That a push of before a renewed search arrived late does not keep the renewed alert from the device.
        if let Some(device) = device.map(ReceivingDevice::Device).filter(|_| is_current || state == ReceiptState::Seen)
        {
            change = change.write(Write::NoteDeviceReceived { emergency, device });
        }
        change = change.event_by(user, emergency, Event::AlertAcknowledged { helper: user });
        if state == ReceiptState::Seen {
            change = seen(change, emergency, user);
        }
    }
    commit(cx, change).await?;
    let first = undelivered_since.filter(|_| kind == OutboxKind::Alert);
    Ok(first.map(|since| FirstReceipt { channel, after: now - since }))
}

/// Stores that a helper saw the alert of an emergency. Without an alert it changes nothing.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn see(cx: &EmergencyPorts, helper: UserId, session: SessionId, emergency: EmergencyId) -> Result<(), Error> {
    let device = ReceivingDevice::OfSession(session);
    let change = Change::new(Some(helper), cx.clock.now())
        .write(Write::AcknowledgeAlert { emergency, helper })
        .write(Write::NoteDeviceReceived { emergency, device })
        .event(emergency, Event::AlertAcknowledged { helper });
    Ok(cx.changes.commit(seen(change, emergency, helper)).await?)
}

fn seen(change: Change, emergency: EmergencyId, helper: UserId) -> Change {
    change.write(Write::SeeAlert { emergency, helper }).event_by(helper, emergency, Event::AlertSeen { helper })
}

/// Stores a test message to a device of the caller.
///
/// # Errors
/// [`Refusal::PushNotConfigured`], [`Refusal::DeviceNotFound`], [`Refusal::TooSoon`].
pub async fn test_device(cx: &DevicePorts, actor: &Actor, device: DeviceId) -> Result<Device, Error> {
    if cx.push.is_none() {
        return Err(Refusal::PushNotConfigured.into());
    }
    retry_stale(&*cx.backoff, || async {
        let (user, now) = (actor.id(), cx.clock.now());
        let devices = cx.devices.list(user).await?;
        let mut found = devices.into_iter().find(|of| of.id == device).ok_or(Refusal::DeviceNotFound)?;
        let (before, after) = (found.tests, found.tests.another(now)?);
        let recipient = OutboxRecipient { device: Some(device), ..OutboxRecipient::user(user) };
        let mut change = Change::new(Some(user), now).write(Write::CountDeviceTest { user, device, before, after });
        change.sends.push(OutboxMessage {
            kind: OutboxKind::Test,
            emergency: None,
            emergency_kind: None,
            event: None,
            recipients: vec![recipient],
            expires_at: later(now, cx.alert_ttl),
            unless_since: None,
        });
        cx.changes.commit(change).await?;
        found.tests = after;
        Ok(found)
    })
    .await
}

/// Deletes old messages, at most `limit`. Returns their number.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn delete_old(cx: &SendingPorts, limit: u32) -> Result<u64, Error> {
    Ok(cx.outbox.delete_messages(cx.clock.now() - OUTBOX_RETENTION, limit).await?)
}

#[cfg(test)]
mod tests;
