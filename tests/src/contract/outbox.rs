//! The outbox: what a change stores, claims, and what becomes of deliveries.

use allynet_domain::{
    Account, Call, Change, Device, DeviceId, EmergencyId, Event, LoggedEvent, Metres, OutboxKind, OutboxRecipient,
    PreferencesChange, Priority, Profile, ReceivingDevice, ResponseStatus, Secret, SessionId, StallTiming, Timestamp,
    UserId, Verification, Write,
    outbox::{ConfiguredChannels, Connections, DeliveryNote, DueDelivery, ReceiptState, SendOutcome, Target, settle},
    port::{MailOutcome, PushOutcome, PushSubscription, StopTarget, WebhookOutcome},
    testing::{self, PUSH_KEY},
    usecase::{
        emergencies,
        outbox::{Prepared, SendingPorts, confirm, note_outcomes, take_retries, take_steps},
        responses::renew,
    },
};
use chrono::TimeDelta;

use super::{service::Service, *};

/// The sessions that have a connection.
struct Connected(Vec<SessionId>);

impl Connections for Connected {
    fn has_connection(&self, _: UserId, session: SessionId) -> bool {
        self.0.contains(&session)
    }

    fn is_connected(&self, _: UserId) -> bool {
        false
    }
}

impl Service {
    fn sending(&self) -> SendingPorts {
        let cx = self.context();
        SendingPorts {
            outbox: self.store.outbox.clone(),
            changes: cx.changes,
            clock: cx.clock,
            ids: cx.ids,
            hasher: testing::keyed_hasher(),
            push_key: Some(PUSH_KEY),
            channels: ConfiguredChannels { email: true, webhook: true },
        }
    }

    /// Registers a device of a new session.
    pub(super) async fn phone(&self, user: &Account) -> Device {
        let session = session_of(user.id);
        self.store.write(Write::OpenSession(session.clone())).await;
        let id: DeviceId = id();
        let endpoint = format!("https://push.example.org/{id}");
        let subscription = PushSubscription::new(endpoint, [4; 65], [7; 16]);
        let device = Device {
            id,
            user: user.id,
            session: session.id,
            subscription,
            created_at: self.now(),
            ..testing::device(1)
        };
        let register = Write::RegisterDevice { device: Box::new(device.clone()), replaced: vec![] };
        self.store.write(register).await;
        device
    }

    /// Registers a device as the use case does, which sends it the open alerts.
    async fn late_phone(&self, user: &Account) -> Device {
        self.store.write(Write::SendOpenAlerts { user: user.id, valid_for: TimeDelta::minutes(15) }).await;
        self.phone(user).await
    }

    /// Takes the steps that are due.
    pub(super) async fn steps(&self, connected: &[&Device]) -> Vec<Prepared> {
        let connected = Connected(connected.iter().map(|device| device.session).collect());
        take_steps(&self.sending(), &connected, 100).await.unwrap().0
    }

    async fn retries(&self) -> Vec<Prepared> {
        take_retries(&self.sending(), 100).await.unwrap().0
    }

    pub(super) async fn note(&self, pushes: &[Prepared], outcome: PushOutcome) {
        self.note_all(pushes, SendOutcome::Push(outcome)).await;
    }

    async fn note_all(&self, messages: &[Prepared], outcome: SendOutcome) {
        let outcomes: Vec<(DueDelivery, SendOutcome)> = messages.iter().map(|of| (of.due.clone(), outcome)).collect();
        note_outcomes(&self.sending(), &outcomes, || 1.0).await.unwrap();
    }

    pub(super) async fn confirm(&self, push: &Prepared, state: ReceiptState) {
        confirm(&self.sending(), &push.receipt, state).await.unwrap();
    }

    pub(super) async fn alert_counts(&self, id: EmergencyId) -> [u32; 4] {
        let counts = self.store.find(id).await.alerts();
        [counts.sent, counts.acknowledged, counts.seen, counts.failed]
    }

    pub(super) async fn stored_device(&self, device: &Device) -> Option<Device> {
        let devices = self.store.devices.list(device.user).await.unwrap();
        devices.into_iter().find(|of| of.id == device.id)
    }

    /// Lets a helper wish for alerts by email and telephone.
    pub(super) async fn notify_everywhere(&self, helper: &Account) {
        let profile = Profile { phone: Some(text("+1")), ..helper.profile.clone() };
        self.store.accounts.set_profile(helper.id, &profile).await.unwrap();
        let wish = PreferencesChange { email: Some(true), sms: Some(true), ..PreferencesChange::default() };
        self.prefer(helper.id, wish).await;
    }

    pub(super) fn seconds(&self, seconds: i64) {
        self.advance(TimeDelta::seconds(seconds));
    }
}

pub(super) fn device_of(push: &Prepared) -> &Device {
    push.due.target.device().unwrap()
}

pub(super) fn devices_of(pushes: &[Prepared]) -> Vec<DeviceId> {
    pushes.iter().map(|push| device_of(push).id).collect()
}

pub(super) const SENT: PushOutcome = PushOutcome::Sent { stored: true };

pub async fn an_alert_is_sent_in_steps_until_a_device_received_it(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let (pocket, hand, _without) = (node.phone(&helper).await, node.phone(&helper).await, node.helper(200.0).await);
        let call = node.call().await;
        let first = node.steps(&[&hand]).await;
        assert_eq!(devices_of(&first), [pocket.id]);
        let events = node.store.events_of(call).await;
        let alerted = events.iter().find(|event| matches!(event.event, Event::HelpersAlerted { .. })).unwrap();
        let told = &first[0].due.message;
        assert_eq!((told.kind, told.event, told.emergency), (OutboxKind::Alert, Some(alerted.id), Some(call)));
        node.note(&first, SENT).await;
        assert_eq!(node.alert_counts(call).await, [1, 0, 0, 0]);
        assert_eq!(node.stored_device(&pocket).await.unwrap().last_sent_at, Some(node.now()));
        assert!(node.steps(&[&hand]).await.is_empty());
        node.seconds(5);
        assert_eq!(devices_of(&node.steps(&[&hand]).await), [hand.id]);
        node.confirm(&first[0], ReceiptState::Delivered).await;
        node.confirm(&first[0], ReceiptState::Delivered).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 0, 0]);
        let acknowledged = |event: &&LoggedEvent| matches!(event.event, Event::AlertAcknowledged { .. });
        assert_eq!(node.store.events_of(call).await.iter().filter(acknowledged).count(), 1);
        node.seconds(10);
        // The push to the other device still waits for its answer, and the first device has received it.
        assert!(node.steps(&[&hand]).await.is_empty());
        node.confirm(&first[0], ReceiptState::Seen).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 1, 0]);
    })
    .await;
}

pub async fn what_is_due_is_claimed_by_one_node_until_the_claim_ends(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        node.call().await;
        let other = node.another().await;
        let (first, second) = tokio::join!(node.steps(&[]), other.steps(&[]));
        let claimed = [first, second].concat();
        assert_eq!(devices_of(&claimed), [phone.id]);
        // The node that claimed it dies: after ten seconds the other sends it, with the same receipt and topic.
        node.seconds(9);
        assert!(other.retries().await.is_empty());
        node.seconds(2);
        let again = other.retries().await;
        assert_eq!((&again[0].receipt, again[0].topic), (&claimed[0].receipt, claimed[0].topic));
        assert!(node.retries().await.is_empty());
        other.note(&again, SENT).await;
        node.seconds(60);
        assert!(node.retries().await.is_empty());
    })
    .await;
}

pub async fn a_failed_push_is_tried_again_and_a_device_that_is_gone_is_removed(store: Store) {
    service::telling(store, |node| async move {
        let (helper, another) = (node.helper(100.0).await, node.helper(200.0).await);
        let (failing, gone) = (node.phone(&helper).await, node.phone(&another).await);
        let call = node.call().await;
        let pushes = node.steps(&[]).await;
        let of = |device: &Device| pushes.iter().filter(|p| device_of(p).id == device.id).cloned().collect::<Vec<_>>();
        node.note(&of(&failing), PushOutcome::Failed).await;
        node.note(&of(&gone), PushOutcome::Gone).await;
        assert_eq!(node.alert_counts(call).await, [0, 0, 0, 1]);
        assert_eq!(node.stored_device(&gone).await, None);
        assert!(node.retries().await.is_empty());
        node.seconds(1);
        let again = node.retries().await;
        assert_eq!(devices_of(&again), [failing.id]);
        node.note(&again, PushOutcome::Refused { status: 400 }).await;
        assert_eq!(node.stored_device(&failing).await.unwrap().refused, 1);
        assert_eq!(node.alert_counts(call).await, [0, 0, 0, 2]);
        // The step after five seconds leaves it out, that after fifteen does not.
        node.seconds(15);
        assert!(node.steps(&[]).await.is_empty());
        let third = node.steps(&[]).await;
        assert_eq!(devices_of(&third), [failing.id]);
        node.note(&third, SENT).await;
        assert_eq!(node.stored_device(&failing).await.unwrap().refused, 0);
        assert_eq!(node.alert_counts(call).await, [1, 0, 0, 1]);
    })
    .await;
}

pub async fn a_repeated_alert_leaves_out_devices_that_received_it_and_a_renewed_one_does_not(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let (received, missed) = (node.phone(&helper).await, node.phone(&helper).await);
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        let first = node.steps(&[]).await;
        node.note(&first, SENT).await;
        assert_eq!(first.len(), 2);
        let device = ReceivingDevice::Device(received.id);
        node.store.write(Write::NoteDeviceReceived { emergency: call, device }).await;
        node.minute().await;
        let repeated = node.steps(&[]).await;
        assert_eq!(devices_of(&repeated), [missed.id]);
        node.note(&repeated, SENT).await;
        node.seconds(30);
        renew(&node.context(), &service::actor(&owner), call).await.unwrap();
        let mut renewed = devices_of(&node.steps(&[]).await);
        renewed.sort_unstable();
        let mut both = [received.id, missed.id];
        both.sort_unstable();
        assert_eq!(renewed, both);
    })
    .await;
}

pub async fn the_end_is_sent_to_the_devices_that_were_sent_the_alert(store: Store) {
    service::telling(store, |node| async move {
        let (helper, declining) = (node.helper(100.0).await, node.helper(200.0).await);
        let (sent, unsent) = (node.phone(&helper).await, node.phone(&helper).await);
        node.phone(&declining).await;
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        let pushes = node.steps(&[&unsent]).await;
        node.note(&pushes, SENT).await;
        node.decline(call, &declining).await;
        node.withdraw(call, &owner).await;
        // Connected, so that only the device that shows the alert is told.
        let end = node.steps(&[&sent, &unsent]).await;
        let alert = pushes.iter().find(|push| device_of(push).id == sent.id).unwrap();
        assert_eq!(devices_of(&end), [sent.id]);
        assert_eq!((end[0].due.message.kind, end[0].topic), (OutboxKind::Ended, alert.topic));
        node.note(&end, SENT).await;
        // The alert itself is not sent again.
        node.seconds(15);
        assert!(node.steps(&[]).await.is_empty());
    })
    .await;
}

pub async fn the_end_waits_for_the_answer_to_an_alert_and_is_told_to_every_device_of_the_owner(store: Store) {
    service::telling(store, |node| async move {
        let (helper, other) = (node.helper(100.0).await, node.helper(200.0).await);
        let (phone, tablet) = (node.phone(&helper).await, node.phone(&helper).await);
        let owner = node.store.register().await;
        let laptop = node.phone(&owner).await;
        let call = node.raise_as(&owner).await;
        let alert = node.steps(&[&tablet]).await;
        assert_eq!(devices_of(&alert), [phone.id]);
        node.accept(call, &other).await;
        emergencies::resolve(&node.context(), &actor(&other), call, None).await.unwrap();
        let ends = async || {
            let due = node.steps(&[&tablet, &laptop]).await;
            devices_of(&due.into_iter().filter(|of| of.due.message.kind == OutboxKind::Ended).collect::<Vec<_>>())
        };
        assert_eq!(ends().await, [laptop.id], "the phone is being sent the alert");
        // No answer of the push service: the alert may have arrived all the same.
        node.note(&alert, PushOutcome::Failed).await;
        node.seconds(1);
        assert_eq!(ends().await, [], "the alert waits to be sent again");
        node.seconds(1);
        assert!(node.retries().await.is_empty(), "it is overtaken");
        node.seconds(1);
        assert_eq!(ends().await, [phone.id]);
        node.seconds(5);
        assert_eq!(ends().await, []);
    })
    .await;
}

pub async fn an_alert_is_not_sent_to_a_helper_who_was_blocked_or_rejected_since(store: Store) {
    service::telling(store, |node| async move {
        let [blocked, rejected, other] = [node.helper(100.0).await, node.helper(200.0).await, node.helper(300.0).await];
        for helper in [&blocked, &rejected, &other] {
            node.notify_everywhere(helper).await;
        }
        node.call().await;
        node.steps(&[]).await;
        node.store.write(Write::SetBlocked { user: blocked.id, blocked: true, reason: None }).await;
        node.store.write(Write::SetVerification { user: rejected.id, verification: Verification::Rejected }).await;
        let mut emailed = Vec::new();
        for seconds in [5, 10] {
            node.seconds(seconds);
            emailed.extend(node.steps(&[]).await.iter().map(|of| of.due.message.user));
        }
        assert_eq!(emailed, [other.id]);
    })
    .await;
}

pub async fn nothing_is_sent_to_a_helper_whose_own_call_is_silent(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        node.call().await;
        assert!(node.steps(&[&phone]).await.is_empty());
        let silent = edited(call_of(&helper), |e| e.call.details.silent = true).call().details.clone();
        let own = emergencies::raise(&node.context(), &actor(&helper), silent, None, false).await.unwrap().emergency;
        node.seconds(5);
        assert!(node.steps(&[&phone]).await.is_empty());
        node.withdraw(own.id(), &helper).await;
        node.seconds(10);
        let after = node.steps(&[&phone]).await;
        assert!(after.iter().all(|push| push.due.message.kind == OutboxKind::Alert), "the end is their own");
    })
    .await;
}

pub async fn chat_is_pushed_once_in_five_seconds_and_old_messages_are_deleted(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        node.phone(&helper).await;
        let (call, since) = (node.call().await, node.now());
        let post = |at: Timestamp| {
            let change = Change::new(None, at).event(call, marker(1));
            let emergency = testing::call();
            let about = Call { id: call, ..emergency };
            let to = vec![OutboxRecipient::user(helper.id)];
            change.send(OutboxKind::Message, &about, to, TimeDelta::minutes(15))
        };
        for seconds in [0, 4, 6] {
            node.store.commit(post(since + TimeDelta::seconds(seconds))).await;
        }
        node.seconds(10);
        let due = node.store.outbox.claim_messages(node.now(), node.now(), 100).await.unwrap();
        assert_eq!(due.iter().filter(|due| due.message.kind == OutboxKind::Message).count(), 2);
        assert_eq!(node.store.outbox.backlog(node.now()).await.unwrap(), (3, Some(node.now())));
        assert_eq!(node.store.outbox.drop_waiting().await.unwrap(), 3);
        assert_eq!(node.store.outbox.backlog(node.now()).await.unwrap(), (0, None));
        let later = node.now() + TimeDelta::days(1);
        assert_eq!(node.store.outbox.delete_messages(later, 2).await.unwrap(), 0, "the end is sent to them");
        node.store.cancel(call, node.now()).await;
        assert_eq!(node.store.outbox.delete_messages(later, 2).await.unwrap(), 2);
        assert_eq!(node.store.outbox.delete_messages(later, 2).await.unwrap(), 1);
    })
    .await;
}

pub async fn an_alert_is_not_sent_to_a_helper_who_has_paused_since(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        node.call().await;
        let first = node.steps(&[&phone]).await;
        assert!(first.is_empty());
        let until = node.now() + TimeDelta::hours(1);
        let pause = PreferencesChange { paused_until: Some(Some(until)), ..PreferencesChange::default() };
        node.prefer(helper.id, pause).await;
        node.seconds(5);
        assert!(node.steps(&[&phone]).await.is_empty());
    })
    .await;
}

pub async fn an_alert_goes_on_by_email_and_telephone_once_to_helpers_who_want_that(store: Store) {
    service::telling(store, |node| async move {
        let (wanting, _other) = (node.helper(100.0).await, node.helper(200.0).await);
        node.notify_everywhere(&wanting).await;
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        let other = node.another().await;
        let mut sent = Vec::new();
        for (second, target) in [(0, None), (5, None), (10, Some(Target::Email)), (15, Some(Target::Phone))] {
            node.seconds(second);
            let due = node.steps(&[]).await;
            assert_eq!(due.iter().map(|of| of.due.target.clone()).collect::<Vec<_>>(), Vec::from_iter(target));
            sent.extend(due);
        }
        let addresses = &sent[0].due.message.addresses;
        assert_eq!(
            (addresses.email.as_ref(), addresses.phone.as_ref().map(Secret::expose)),
            (Some(&wanting.email), Some("+1"))
        );
        // The mail server and the gateway take longer than a push service: another node waits.
        node.seconds(29);
        assert!(other.retries().await.is_empty());
        let [email, phone] = sent.as_slice() else { panic!("two targets") };
        node.note_all(std::slice::from_ref(email), SendOutcome::Mail(MailOutcome::Sent)).await;
        assert_eq!(node.alert_counts(call).await, [1, 0, 0, 0]);
        node.note_all(std::slice::from_ref(phone), SendOutcome::Webhook(WebhookOutcome::Failed)).await;
        node.seconds(5);
        let again = other.retries().await;
        assert_eq!((&again[0].due.target, &again[0].receipt), (&Target::Phone, &phone.receipt));
        other.note_all(&again, SendOutcome::Webhook(WebhookOutcome::Sent)).await;
        node.confirm(phone, ReceiptState::Delivered).await;
        assert_eq!(node.alert_counts(call).await, [1, 1, 0, 0]);
        // A renewed alert starts again, without either.
        renew(&node.context(), &service::actor(&owner), call).await.unwrap();
        for second in [0, 5, 10, 15] {
            node.seconds(second);
            assert!(node.steps(&[]).await.is_empty());
        }
    })
    .await;
}

pub async fn an_address_that_stopped_alerts_is_sent_none_whichever_account_has_it(store: Store) {
    service::telling(store, |node| async move {
        let (stopped, other) = (node.helper(100.0).await, node.helper(200.0).await);
        for helper in [&stopped, &other] {
            node.notify_everywhere(helper).await;
        }
        let stop = async |user| node.store.contacts.stop(StopTarget::Alerts(user), at(0)).await.unwrap();
        assert!(stop(stopped.id).await && stop(stopped.id).await, "again is no failure");
        assert!(!stop(id()).await, "an unknown account");
        node.call().await;
        let mut emailed = Vec::new();
        for second in [0, 5, 10] {
            node.seconds(second);
            let due = node.steps(&[]).await;
            let emails = due.iter().filter(|of| of.due.target == Target::Email);
            emailed.extend(emails.map(|of| of.due.message.user));
            node.note_all(&due, SendOutcome::Mail(MailOutcome::Failed)).await;
        }
        assert_eq!(emailed, [other.id]);
        // Nor is an attempt repeated that failed before.
        stop(other.id).await;
        node.seconds(2);
        assert!(node.retries().await.is_empty());
    })
    .await;
}

pub async fn another_acceptance_stops_the_email_that_was_not_sent(store: Store) {
    service::telling(store, |node| async move {
        let (wanting, responding) = (node.helper(100.0).await, node.helper(200.0).await);
        node.notify_everywhere(&wanting).await;
        let call = node.call().await;
        for second in [0, 5, 10] {
            node.seconds(second);
            let due = node.steps(&[]).await;
            node.note_all(&due, SendOutcome::Mail(MailOutcome::Failed)).await;
        }
        node.seconds(1);
        let again = node.retries().await;
        assert_eq!(again.len(), 1);
        node.note_all(&again, SendOutcome::Mail(MailOutcome::Failed)).await;
        node.accept(call, &responding).await;
        node.seconds(20);
        assert!(node.retries().await.is_empty() && node.steps(&[]).await.is_empty());
    })
    .await;
}

pub async fn a_helper_who_has_stalled_stops_no_email(store: Store) {
    service::telling(store, |node| async move {
        let (wanting, stalling) = (node.helper(100.0).await, node.helper(200.0).await);
        node.notify_everywhere(&wanting).await;
        let call = node.call().await;
        node.accept(call, &stalling).await;
        let emergency = testing::edited(node.store.find(call).await, |e| {
            e.responses[0].record.dispatch.stalled_at = Some(node.now());
        });
        let responses = emergency.responses().to_vec();
        node.store.write(Write::UpdateEmergency { emergency: Box::new(emergency), responses }).await;
        let mut sent = Vec::new();
        for second in [0, 5, 10] {
            node.seconds(second);
            sent.extend(node.steps(&[]).await);
        }
        assert_eq!(sent.iter().map(|of| of.due.target.clone()).collect::<Vec<_>>(), [Target::Email]);
        node.note_all(&sent, SendOutcome::Mail(MailOutcome::Failed)).await;
        node.seconds(1);
        assert_eq!(node.retries().await.len(), 1);
    })
    .await;
}

pub async fn a_device_that_is_registered_later_is_sent_the_open_alerts(store: Store) {
    service::telling(store, |node| async move {
        let (helper, declining) = (node.helper(120.0).await, node.helper(200.0).await);
        let (late, last) = (node.helper(300.0).await, node.helper(400.0).await);
        let owner = node.store.register().await;
        let call = node.raise_as(&owner).await;
        assert!(node.steps(&[]).await.is_empty(), "no device");
        node.seconds(60);
        let phone = node.late_phone(&helper).await;
        let first = node.steps(&[]).await;
        assert_eq!(devices_of(&first), [phone.id]);
        let events = node.store.events_of(call).await;
        let alerted = events.iter().find(|event| matches!(event.event, Event::HelpersAlerted { .. })).unwrap();
        let Event::HelpersAlerted { recipients, .. } = &alerted.event else { panic!("{alerted:?}") };
        let shown = recipients.iter().find(|of| of.helper == helper.id).unwrap().shown_distance();
        let told = &first[0].due.message;
        assert_eq!((told.kind, told.event, told.distance), (OutboxKind::Alert, Some(alerted.id), Some(shown)));
        assert_eq!(told.expires_at, alerted.at + TimeDelta::minutes(15));
        node.note(&first, SENT).await;
        node.confirm(&first[0], ReceiptState::Delivered).await;
        // Another one, when the steps of this message are over.
        node.seconds(15);
        while !node.steps(&[]).await.is_empty() {}
        assert!(node.steps(&[]).await.is_empty());
        let tablet = node.late_phone(&helper).await;
        let second = node.steps(&[]).await;
        assert_eq!(devices_of(&second), [tablet.id]);
        node.note(&second, SENT).await;
        assert!(node.steps(&[]).await.is_empty());
        // Not once the alert was answered or seen, is too old, or the emergency has ended.
        node.decline(call, &declining).await;
        node.late_phone(&declining).await;
        assert!(node.steps(&[]).await.is_empty(), "declined");
        node.confirm(&second[0], ReceiptState::Seen).await;
        node.late_phone(&helper).await;
        assert!(node.steps(&[]).await.is_empty(), "seen");
        node.seconds(15 * 60);
        node.late_phone(&late).await;
        assert!(node.steps(&[]).await.is_empty(), "too old");
        node.withdraw(call, &owner).await;
        node.withdraw(node.raise_as(&owner).await, &owner).await;
        node.late_phone(&last).await;
        let alerts = node.steps(&[]).await;
        assert!(alerts.iter().all(|push| push.due.message.kind == OutboxKind::Ended), "ended");
    })
    .await;
}

pub async fn the_limit_of_a_day_is_judged_again_when_a_step_is_due(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        let first = node.call().await;
        node.seconds(1);
        node.call().await;
        assert!(node.steps(&[&phone]).await.is_empty(), "it has a connection");
        let limit = PreferencesChange { max_alerts_per_day: Some(Some(1)), ..PreferencesChange::default() };
        node.prefer(helper.id, limit).await;
        let about = async |seconds| {
            node.seconds(seconds);
            let due = node.steps(&[&phone]).await;
            node.note(&due, SENT).await;
            due.iter().map(|push| push.due.message.emergency.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(about(5).await, [first], "the second owner of the day is one too many");
        let owner = node.store.register().await;
        let details = edited(call_of(&owner), |e| e.call.details.priority = Priority::Critical).call().details.clone();
        let critical =
            emergencies::raise(&node.context(), &actor(&owner), details, None, false).await.unwrap().emergency;
        assert_eq!(about(0).await, []);
        assert_eq!(about(5).await, [critical.id()]);
        assert_eq!(about(5).await, [first], "it rang before the critical one");
    })
    .await;
}

pub async fn a_push_that_waited_while_the_alert_was_repeated_is_sent_once(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        node.call().await;
        let first = node.steps(&[]).await;
        node.note(&first, PushOutcome::Failed).await;
        node.minute().await;
        assert!(node.steps(&[]).await.is_empty(), "another attempt is due");
        let again = node.retries().await;
        assert_eq!(devices_of(&again), [phone.id]);
        assert!(again[0].due.message.event > first[0].due.message.event, "the repeated alert");
        node.note(&again, SENT).await;
        node.seconds(5);
        assert!(node.steps(&[]).await.is_empty());
        node.seconds(10);
        assert_eq!(devices_of(&node.steps(&[]).await), [phone.id]);
    })
    .await;
}

pub async fn an_outcome_does_not_end_the_claim_of_another_node(store: Store) {
    service::telling(store, |node| async move {
        let helper = node.helper(100.0).await;
        let phone = node.phone(&helper).await;
        let call = node.call().await;
        let other = node.another().await;
        let first = node.steps(&[]).await;
        node.seconds(11);
        let second = other.retries().await;
        assert_eq!(devices_of(&second), [phone.id]);
        node.note(&first, PushOutcome::Failed).await;
        node.seconds(9);
        assert!(node.retries().await.is_empty(), "the other node still sends it");
        other.note(&second, PushOutcome::Failed).await;
        // That it was sent holds, whoever sends it.
        node.note(&first, SENT).await;
        assert_eq!(node.alert_counts(call).await[0], 1);
        node.seconds(1);
        let third = node.retries().await;
        assert_eq!((third.len(), third[0].due.delivery.attempts), (1, 1));
        node.note(&third, SENT).await;
        node.seconds(60);
        assert!(node.retries().await.is_empty());
    })
    .await;
}

pub async fn batches_of_outcomes_for_the_same_devices_do_not_wait_for_each_other(store: Store) {
    service::telling(store, |node| async move {
        let mut phones = Vec::new();
        for metres in 1..=20 {
            let helper = node.helper(f64::from(metres)).await;
            phones.push(node.phone(&helper).await);
        }
        let mut batches = Vec::new();
        for _ in 0..2 {
            node.call().await;
            let due = node.steps(&[]).await.into_iter().map(|push| push.due);
            let mut notes: Vec<_> = due
                .map(|due| settle(&due, SendOutcome::Push(SENT), node.now(), 1.0))
                .map(|note| DeliveryNote { alert_of: None, ..note })
                .collect();
            notes.sort_by_key(|note| note.device.map(|of| of.device));
            assert_eq!(notes.len(), phones.len());
            batches.push(notes);
        }
        batches[1].reverse();
        let commit = async |notes: &Vec<DeliveryNote>| {
            node.store.changes.commit(Change::new(None, node.now()).write(Write::NoteDeliveries(notes.clone()))).await
        };
        for _ in 0..10 {
            let (one, other) = tokio::join!(commit(&batches[0]), commit(&batches[1]));
            assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
        }
    })
    .await;
}

pub async fn a_helper_without_a_sign_is_asked_by_push_on_every_device(store: Store) {
    service::telling(store, |mut node| async move {
        node.rules.stalls = StallTiming::default();
        let helper = node.helper(270.0).await;
        let phone = node.phone(&helper).await;
        let call = node.call().await;
        node.accept(call, &helper).await;
        assert!(node.steps(&[]).await.is_empty(), "the alert is answered");
        node.seconds(180);
        node.fire().await;
        // A message of the chat at the same moment is none of this kind.
        let about = node.store.find(call).await.call().clone();
        let to = vec![OutboxRecipient::user(helper.id)];
        let chat = Change::new(None, node.now()).send(OutboxKind::Message, &about, to, TimeDelta::minutes(15));
        node.store.changes.commit(chat).await.unwrap();
        let pushes = node.steps(&[]).await;
        assert_eq!(devices_of(&pushes), [phone.id; 2]);
        let (asked, other): (Vec<_>, Vec<_>) =
            pushes.into_iter().partition(|push| push.due.message.kind == OutboxKind::Check);
        assert_eq!(other[0].due.message.kind, OutboxKind::Message);
        let events = node.store.events_of(call).await;
        let question = events.iter().find(|event| matches!(event.event, Event::ResponseChecked { .. })).unwrap();
        let told = &asked[0].due.message;
        assert_eq!(
            (told.event, told.emergency, told.distance.map(Metres::whole)),
            (Some(question.id), Some(call), Some(270))
        );
        node.note(&asked, PushOutcome::Failed).await;
        node.seconds(1);
        let again = node.retries().await;
        assert_eq!(again[0].due.message.kind, OutboxKind::Check);
        node.confirm(&again[0], ReceiptState::Seen).await;
        assert_eq!(node.alert_counts(call).await[2], 1, "seen since it was answered, and not by this push");
        node.update_response(call, &helper, ResponseStatus::Cancelled).await;
        node.note(&again, PushOutcome::Failed).await;
        node.seconds(5);
        assert!(node.retries().await.iter().all(|push| push.due.message.kind != OutboxKind::Check));
    })
    .await;
}

pub async fn a_helper_who_need_not_come_is_told_by_push_on_every_device(store: Store) {
    service::telling(store, |node| async move {
        let call = node.call().await;
        for metres in [10.0, 20.0] {
            let there = node.helper(metres).await;
            node.accept(call, &there).await;
            node.update_response(call, &there, ResponseStatus::Arrived).await;
        }
        let late = node.helper(3_000.0).await;
        let phone = node.phone(&late).await;
        node.accept(call, &late).await;
        let told = node.steps(&[&phone]).await;
        assert_eq!(devices_of(&told), [phone.id], "although it is connected");
        let events = node.store.events_of(call).await;
        let event = events.iter().find(|event| matches!(event.event, Event::HelperStoodDown { .. })).unwrap();
        let message = &told[0].due.message;
        assert_eq!((message.kind, message.event, message.distance), (OutboxKind::StandDown, Some(event.id), None));
        node.note(&told, PushOutcome::Failed).await;
        node.seconds(1);
        let again = node.retries().await;
        assert_eq!(again[0].due.message.kind, OutboxKind::StandDown);
        node.note(&again, PushOutcome::Failed).await;
        node.update_response(call, &late, ResponseStatus::Cancelled).await;
        node.seconds(5);
        assert_eq!(node.retries().await.len(), 0);
    })
    .await;
}
