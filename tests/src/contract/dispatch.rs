//! Decisions by gain over a store: the census, and what follows from answers, silence and arrivals.

use allynet_domain::{
    Account, BlockTarget, DetailsChange, EmergencyId, EmergencyType, Event, HelperPolicy, HelperRecord, Metres,
    PlacePolicy, Position, Recipient, Refusal, ResponseStatus, Role, Severity, Sign, StallTiming, Tier, UserId, Write,
    dispatch::{CensusEntry, GainPolicy, Reason, Transport},
    grid::helper_cell,
    port::{HelperSelection, Near, OnDuty, RaiseQuery},
    search::MIN_DECISION_INTERVAL,
    usecase::{
        blocks::{self, BlockPorts},
        details, helpers, responses, stalls,
    },
};
use chrono::TimeDelta;
use futures_util::future::join;

use super::{
    service::{Service, actor, telling},
    *,
};

fn on_duty() -> OnDuty {
    OnDuty { policy: HelperPolicy::Verified, fresh_since: at(-3_600), now: at(0) }
}

/// The service with decisions by gain at this price.
pub(super) fn by_gain(service: Service, price: f64) -> Service {
    let mut service = service;
    service.rules.gain = Some(GainPolicy { price, ..GainPolicy::default() });
    service
}

/// What a medical emergency of this owner asks for, with a census.
fn with_census(owner: UserId, place: Position, radii: &[Metres]) -> RaiseQuery<'_> {
    RaiseQuery {
        owner,
        request_id: None,
        place: exact_place(place),
        anonymous: false,
        kind: EmergencyType::Medical,
        critical: false,
        on_duty: on_duty(),
        radii,
        enough: 3,
        limit: 3,
        rings_since: at(-600),
        census: Some(GainPolicy::default().census()),
    }
}

impl Service {
    /// Advances the clock to the next decision, and takes it.
    async fn decide(&self) {
        self.advance(TimeDelta::seconds(15));
        self.fire().await;
    }

    /// The numbers of the helpers alerted so far, in the order of decisions and of choice.
    pub(super) async fn alerted(&self, of: EmergencyId) -> Vec<usize> {
        let (people, mut alerted) = (self.people(), Vec::new());
        for logged in self.events(of).await {
            if let Event::HelpersAlerted { recipients, .. } = logged.event {
                let number = |helper: UserId| people.iter().position(|known| known.id == helper).unwrap();
                alerted.extend(recipients.iter().map(|recipient| number(recipient.helper)));
            }
        }
        alerted.dedup();
        alerted
    }
}

pub async fn a_census_holds_the_first_to_arrive_and_what_is_known_of_them(store: Store) {
    let here = place(0.0, 0.0);
    let mut walkers = Vec::new();
    for n in 0..61 {
        walkers.push(store.helper_at(place(0.0, 0.02 + f64::from(n) * 0.000_1)).await.id);
    }
    // Farther away than all of them, and sooner there.
    let driver = store.helper_at(place(0.0, 0.04)).await;
    let helper = HelperRecord { transport: Transport::Car, ..verified() };
    store.write(Write::SetHelper { user: driver.id, helper, role: Role::Helper }).await;
    let alerted = store.helper_at(place(0.0, 0.2)).await.id;
    let owner = store.register().await;
    let (asked, within) = (GainPolicy::default().census(), metres(15_000.0));
    let radii = [metres(1_000.0), within];
    let query = with_census(owner.id, here, &radii);
    let raising = store.emergencies.raise_context(&query).await.unwrap();
    assert_eq!(raising.helpers.counts, [62], "the largest radius is counted");
    let emergency = store.raise(call_at(&owner, here)).await.id();
    let known = [alerted, walkers[0], walkers[1], walkers[2]];
    let recipients = known.iter().map(|helper| Recipient::new(*helper, metres(1.0))).collect();
    store.write(Write::SendAlerts { emergency, wave: 1, recipients }).await;
    let (places, selection) = (PlacePolicy::default(), HelperSelection::Census(asked));
    let near = Near { on_duty: on_duty(), within, selection, leaving: None, places, rings_since: at(-600) };
    let loaded = store.emergencies.load(emergency, Some(near)).await.unwrap().unwrap();
    for (near, census, is_alerted) in
        [(raising.helpers.nearest, raising.census, false), (loaded.near, loaded.census, true)]
    {
        let near: Vec<_> = near.iter().map(|recipient| recipient.helper).collect();
        // Those who were alerted take no place of the others.
        assert_eq!(near.len(), if is_alerted { 62 } else { 60 }, "{is_alerted}");
        assert!(near.contains(&driver.id), "{is_alerted}");
        let missing = walkers.iter().filter(|walker| !near.contains(walker)).count();
        assert_eq!(missing, if is_alerted { 0 } else { 2 }, "{is_alerted}");
        let entry = |helper| census.iter().find(|entry: &&CensusEntry| entry.helper == helper);
        assert!(near.iter().all(|helper| entry(*helper).is_some()), "{is_alerted}");
        assert_eq!(entry(alerted).is_some(), is_alerted, "who was alerted is known wherever they are");
        let known = entry(driver.id).unwrap();
        assert_eq!((known.transport, known.tier), (Transport::Car, Some(Tier::Registered)));
        assert_eq!(
            (known.position, known.is_proven, known.is_gone),
            (place(0.0, 0.04), false, false),
            "a young account"
        );
        assert_eq!((known.history.alerts, known.device.newest_alert_at), (0, None));
        assert_eq!(known.device.heard_at, Some(at(0)));
    }

    // Sixty who are nearer and may not be alerted take no place of those who may.
    for walker in walkers {
        store.write(Write::SetQualification { user: walker, tier: Some(Tier::Public), skills: vec![] }).await;
    }
    let raising = store.emergencies.raise_context(&RaiseQuery { kind: EmergencyType::Assault, ..query }).await.unwrap();
    let assaulted = store.register().await;
    let assault = edited(call_at(&assaulted, here), |e| e.call.details.kind = EmergencyType::Assault);
    let assault = store.raise(assault).await.id();
    let loaded = store.emergencies.load(assault, Some(near)).await.unwrap().unwrap();
    assert_eq!((raising.helpers.counts, raising.helpers.nearest.len()), (vec![62], 1), "all are counted");
    assert_eq!([raising.helpers.nearest[0].helper, loaded.near[0].helper], [driver.id; 2]);
    assert_eq!((loaded.near.len(), loaded.census.len(), raising.census.len()), (1, 1, 1));
}

pub async fn a_census_is_the_same_as_one_that_weighs_everybody(store: Store) {
    let (here, within, asked) = (place(10.0, 20.0), metres(15_000.0), GainPolicy::default().census());
    let mut arrivals = Vec::new();
    let mut count = 0;
    for n in 0..200_u32 {
        // Up to 16 km away in all directions, many of them equally soon or nearly so.
        let (angle, away) =
            (f64::from(n) * 2.4, 0.145 * (f64::from(n % 40) / 40.0).sqrt() + f64::from(n / 40) * 0.000_3);
        let position = place(10.0 + away * angle.sin(), 20.0 + away * angle.cos());
        let user = store.helper_at(position).await;
        let transport = if n % 2 == 0 {
            Transport::Car
        } else if n % 5 == 0 {
            Transport::Bike
        } else {
            Transport::Foot
        };
        let helper = HelperRecord { transport, ..verified() };
        store.write(Write::SetHelper { user: user.id, helper, role: Role::Helper }).await;
        let distance = helper_cell(position).distance_to(here);
        if distance <= within {
            count += 1;
            arrivals.push((asked.travel.preparation(transport) + asked.travel.way(distance, transport), user.id));
        }
    }
    arrivals.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut expected: Vec<_> = arrivals[..60].iter().map(|(_, helper)| *helper).collect();
    let radii = [within];
    let query = with_census(store.register().await.id, here, &radii);
    let raising = store.emergencies.raise_context(&query).await.unwrap();
    assert!((150..200).contains(&count), "{count} within the radius");
    assert_eq!(raising.helpers.counts, [count]);
    let mut near: Vec<_> = raising.helpers.nearest.iter().map(|recipient| recipient.helper).collect();
    let mut census: Vec<_> = raising.census.iter().map(|entry| entry.helper).collect();
    for helpers in [&mut expected, &mut near, &mut census] {
        helpers.sort_unstable();
    }
    assert_eq!((&near, &census), (&expected, &expected));
}

pub async fn a_census_knows_the_newest_alert_of_another_emergency(store: Store) {
    let helper = store.helper_at(place(0.0, 0.001)).await;
    let [earlier, present] = [store.emergency().await.id(), store.emergency().await.id()];
    let recipients = || vec![Recipient::new(helper.id, metres(1.0))];
    store.write(Write::SendAlerts { emergency: earlier, wave: 1, recipients: recipients() }).await;
    store.write(Write::SendAlerts { emergency: present, wave: 1, recipients: recipients() }).await;
    let (within, places) = (metres(15_000.0), PlacePolicy::default());
    for (now, acknowledged, newest) in [(60, false, None), (61, false, Some(false)), (61, true, Some(true))] {
        if acknowledged {
            store.write(Write::AcknowledgeAlert { emergency: earlier, helper: helper.id }).await;
        }
        let on_duty = OnDuty { now: at(now), ..on_duty() };
        let selection = HelperSelection::Census(GainPolicy::default().census());
        let near = Near { on_duty, within, selection, leaving: None, places, rings_since: at(-600) };
        let loaded = store.emergencies.load(present, Some(near)).await.unwrap().unwrap();
        let device = loaded.census[0].device;
        assert_eq!(device.newest_alert_at.map(|_| device.acknowledged), newest, "{now}");
    }
}

pub async fn where_nobody_answers_alerts_grow_until_everybody_is_asked(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 4.0);
        service.helpers([1, 2, 3, 7, 9, 12, 14, 20]).await;
        let of = service.call().await;
        let mut before = service.alerted(of).await.len();
        assert!((3..7).contains(&before), "the minimum, and not everybody: {before}");
        for _ in 0..12 {
            service.decide().await;
            let found = service.store.find(of).await;
            let alerted = usize::try_from(found.alerts().alerted).unwrap();
            assert!(alerted >= before, "{alerted} after {before}");
            before = alerted;
        }
        let found = service.store.find(of).await;
        assert_eq!(found.alerts().alerted, 7, "all within the largest radius, and no other");
        assert_eq!(found.alert_radius(), metres(15_000.0));
        let so_far = service.story(of).await;
        assert!(!so_far.iter().any(|event| event.starts_with("unanswered")), "{so_far:?}");
        service.minute().await;
        let events = service.story(of).await;
        assert!(events.contains(&"unanswered by 7".to_owned()), "an interval after the last alert: {events:?}");
    })
    .await;
}

pub async fn a_decline_is_followed_by_another_alert_while_too_few_are_asked(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 1_000_000.0);
        let helpers = service.helpers([1, 2, 3, 4]).await;
        let of = service.call().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2], "no alert is worth the price");
        assert_eq!(service.store.find(of).await.alert_radius(), metres(5_000.0), "the smallest that holds all");
        service.decline(of, &helpers[1]).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3]);
        for helper in [0, 2, 3] {
            service.decline(of, &helpers[helper]).await;
        }
        service.fire().await;
        assert_eq!(service.story(of).await.last().unwrap(), "unanswered by 4", "at once");
    })
    .await;
}

pub async fn one_who_responds_elsewhere_is_replaced_and_not_more_often_than_every_second(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 1_000_000.0);
        let helpers = service.helpers([1, 2, 3, 4, 5]).await;
        let (of, elsewhere) = (service.call().await, service.call().await);
        assert_eq!(service.alerted(of).await, [0, 1, 2]);
        service.advance(TimeDelta::seconds(6));
        service.accept(elsewhere, &helpers[0]).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3], "at once");
        service.advance(TimeDelta::milliseconds(300));
        service.accept(elsewhere, &helpers[1]).await;
        service.advance(TimeDelta::milliseconds(600));
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3]);
        service.advance(TimeDelta::milliseconds(200));
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3, 4]);
    })
    .await;
}

pub async fn a_helper_far_away_who_accepts_does_not_end_the_search_and_one_who_is_there_does(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 4.0);
        let far = service.helper(9_000.0).await;
        let of = service.call().await;
        service.accept(of, &far).await;
        let near = service.helper(500.0).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1], "a decision follows the acceptance");
        // Who says so from three kilometres away is not there.
        service.locate(&far, 3_000.0).await;
        service.update_response(of, &far, ResponseStatus::Arrived).await;
        service.helper(100.0).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2]);
        service.accept(of, &near).await;
        service.locate(&near, 20.0).await;
        service.update_response(of, &near, ResponseStatus::Arrived).await;
        service.helper(50.0).await;
        for _ in 0..4 {
            service.decide().await;
        }
        assert_eq!(service.alerted(of).await, [0, 1, 2], "somebody is there");
    })
    .await;
}

pub async fn a_decision_that_is_due_on_two_nodes_is_taken_once(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 4.0);
        let other = service.another().await;
        let of = service.call().await;
        service.helpers([1, 2]).await;
        service.advance(TimeDelta::seconds(15));
        join(service.fire(), other.fire()).await;
        let waves: Vec<_> = service.story(of).await.into_iter().filter(|event| event.contains("within")).collect();
        assert_eq!(waves, ["wave 1 within 5000 m: ", "wave 2 within 5000 m: 0 1"]);
    })
    .await;
}

pub async fn a_renewed_decision_rings_those_again_who_never_answered(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 1_000_000.0);
        let helpers = service.helpers([1, 2, 3]).await;
        let of = service.call().await;
        service.accept(of, &helpers[0]).await;
        service.advance(TimeDelta::seconds(1));
        service.update_response(of, &helpers[0], ResponseStatus::Cancelled).await;
        service.fire().await;
        let rung = service.story(of).await.into_iter().filter(|event| event.contains("within")).collect::<Vec<_>>();
        assert_eq!(rung, ["wave 1 within 5000 m: 0 1 2", "wave 1 within 5000 m: 1 2"]);
    })
    .await;
}

pub async fn what_helpers_do_with_alerts_is_counted_until_an_end_is_undone(store: Store) {
    let [answering, silent, deaf] = [store.helper().await, store.helper().await, store.helper().await];
    for helper in [&answering, &silent, &deaf] {
        store.locate(helper.id, place(0.0, 0.001)).await;
    }
    let (id, present) = (store.emergency().await.id(), store.emergency().await.id());
    let recipients = [&answering, &silent, &deaf].map(|helper| Recipient::new(helper.id, metres(1.0))).to_vec();
    for emergency in [id, present] {
        let recipients = recipients.clone();
        store.write(Write::SendAlerts { emergency, wave: 1, recipients }).await;
    }
    store.write(Write::AcknowledgeAlert { emergency: id, helper: silent.id }).await;
    let counts = async |helper: UserId| {
        let (within, places) = (metres(15_000.0), PlacePolicy::default());
        let selection = HelperSelection::Census(GainPolicy::default().census());
        let near = Near { on_duty: on_duty(), within, selection, leaving: None, places, rings_since: at(-600) };
        let census = store.emergencies.load(present, Some(near)).await.unwrap().unwrap().census;
        let history = census.iter().find(|entry| entry.helper == helper).unwrap().history;
        (history.alerts, history.kept)
    };
    let decline = |declined| Write::SetDeclined { emergency: id, helper: answering.id, declined };
    assert_eq!(counts(answering.id).await, (0, 0));
    store.write(decline(true)).await;
    assert_eq!(counts(answering.id).await, (1, 0));
    store.accept(id, &answering, at(1)).await;
    store.write(decline(false)).await;
    assert_eq!(counts(answering.id).await, (1, 1), "one alert, whatever was answered first");
    store.update_response(id, &answering, ResponseStatus::Arrived).await;
    assert_eq!(counts(answering.id).await, (1, 1));
    let records = |stalled: Option<i64>, stood_down: Option<i64>| {
        let store = &store;
        async move {
            let emergency = edited(store.load(id).await.emergency, |e| {
                let dispatch = &mut e.responses[0].record.dispatch;
                (dispatch.stalled_at, dispatch.stood_down_at) = (stalled.map(at), stood_down.map(at));
            });
            let responses = emergency.responses().to_vec();
            store.write(Write::UpdateEmergency { emergency: Box::new(emergency), responses }).await;
        }
    };
    records(Some(200), None).await;
    assert_eq!(counts(answering.id).await, (1, 0));
    records(None, Some(201)).await;
    assert_eq!(counts(answering.id).await, (1, 1));
    store.update_response(id, &answering, ResponseStatus::Cancelled).await;
    assert_eq!(counts(answering.id).await, (1, 1), "they were told that they need not come");
    records(None, None).await;
    assert_eq!((counts(answering.id).await, counts(silent.id).await), ((1, 0), (0, 0)), "it goes on");
    let live = store.load(id).await.emergency;
    store.cancel(id, at(9)).await;
    assert_eq!((counts(silent.id).await, counts(deaf.id).await), ((1, 0), (0, 0)), "a deaf phone tells of no person");
    let revision = store.load(id).await.emergency.revision();
    let reopened = edited(live, |e| e.revision = revision);
    store.write(Write::UpdateEmergency { emergency: Box::new(reopened), responses: Vec::new() }).await;
    assert_eq!(counts(silent.id).await, (0, 0), "the alert runs again");
}

/// Decisions that choose one helper and no more, and checks of responses after three minutes.
fn with_stalls(service: Service) -> Service {
    let mut service = by_gain(service, 1_000_000.0);
    service.rules.gain.as_mut().unwrap().min_helpers = 1;
    service.rules.stalls = StallTiming::default();
    service
}

pub async fn a_helper_who_accepts_and_does_not_come_is_replaced_once_by_any_number_of_nodes(store: Store) {
    telling(store, |service| async move {
        let service = with_stalls(service);
        let other = service.another().await;
        let ghost = service.helper(1_000.0).await;
        let of = service.call().await;
        service.accept(of, &ghost).await;
        service.fire().await;
        service.helper(2_000.0).await;
        service.advance(TimeDelta::seconds(179));
        service.fire().await;
        let begun = ["wave 1 within 5000 m: 0", "0 joined", "it is responding"];
        assert_eq!(service.story(of).await, begun);
        service.advance(TimeDelta::seconds(1));
        join(service.fire(), other.fire()).await;
        service.advance(TimeDelta::seconds(44));
        service.fire().await;
        assert_eq!(service.story(of).await[3..], ["0 is asked"]);
        service.advance(TimeDelta::seconds(1));
        join(service.fire(), other.fire()).await;
        let replaced = ["0 is responding, stalled", "it is active", "wave 2 within 5000 m: 1"];
        assert_eq!(service.story(of).await[4..], replaced);
        let found = service.store.find(of).await;
        assert!(found.responses()[0].is_stalled());
        let elsewhere = service.call().await;
        let refused = service.try_accept(elsewhere, &ghost).await;
        assert_eq!(refused, Err(Refusal::AlreadyRespondingElsewhere), "a stalled helper is engaged");
        service.update_response(of, &ghost, ResponseStatus::Responding).await;
        assert_eq!(service.story(of).await[7..], ["0 is responding", "it is responding"]);
        assert!(!service.store.find(of).await.responses()[0].is_stalled());
    })
    .await;
}

pub async fn who_accepted_at_a_node_of_the_release_before_is_asked_and_replaced(store: Store) {
    telling(store, |service| async move {
        let service = with_stalls(service);
        let ghost = service.helper(1_000.0).await;
        let of = service.call().await;
        service.accept(of, &ghost).await;
        service.fire().await;
        service.helper(2_000.0).await;
        // Whatever that node writes meanwhile, a node of this release sets the timer again, and tells nothing by it.
        for second in [0, 100, 79] {
            service.advance(TimeDelta::seconds(second));
            service.store.forget_timers(of).await;
            service.fire().await;
        }
        assert_eq!(service.story(of).await, ["wave 1 within 5000 m: 0", "0 joined", "it is responding"]);
        for (seconds, told) in
            [(1, &["0 is asked"][..]), (45, &["0 is responding, stalled", "it is active", "wave 2 within 5000 m: 1"])]
        {
            let before = service.story(of).await.len();
            service.advance(TimeDelta::seconds(seconds));
            service.store.forget_timers(of).await;
            service.fire().await;
            assert_eq!(service.story(of).await[before..], *told);
        }
    })
    .await;
}

pub async fn a_sign_that_is_committed_before_the_deadline_wins(store: Store) {
    telling(store, |service| async move {
        let service = with_stalls(service);
        let helper = service.helper(1_000.0).await;
        let of = service.call().await;
        service.accept(of, &helper).await;
        service.advance(TimeDelta::seconds(180));
        service.fire().await;
        service.advance(TimeDelta::seconds(44));
        let sign = Sign { at: service.now(), speed: Some(2_000) };
        stalls::note_sign(&service.context(), of, helper.id, sign).await.unwrap();
        service.advance(TimeDelta::seconds(1));
        service.fire().await;
        let told = ["wave 1 within 5000 m: 0", "0 joined", "it is responding", "0 is asked"];
        assert_eq!(service.story(of).await, told, "and the sign is no event");
        let dispatch = service.store.find(of).await.responses()[0].record.dispatch;
        assert_eq!((dispatch.moved_at, dispatch.speed, dispatch.has_moved), (Some(sign.at), Some(2_000), true));
        assert_eq!(service.store.find(of).await.search().check_at, Some(sign.at + TimeDelta::seconds(180)));
        // The same on the next round, by the other node, and without a sign.
        let other = service.another().await;
        service.advance(TimeDelta::seconds(179));
        join(service.fire(), other.fire()).await;
        service.advance(TimeDelta::seconds(45));
        join(service.fire(), other.fire()).await;
        assert_eq!(
            service.story(of).await[4..],
            ["0 is asked", "0 is responding, stalled", "it is active", "unanswered by 1"]
        );
    })
    .await;
}

pub async fn the_log_says_why_each_helper_was_chosen(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 1_000_000.0);
        let helpers = service.helpers([1, 2, 3, 4]).await;
        let of = service.call().await;
        let events = service.events(of).await;
        let decision = events.iter().find_map(|logged| match &logged.event {
            Event::HelpersAlerted { decision, .. } => decision.clone(),
            _ => None,
        });
        let decision = decision.unwrap();
        let chosen: Vec<_> = decision.chosen.iter().map(|choice| (choice.helper, choice.reason)).collect();
        assert_eq!(chosen, [0, 1, 2].map(|n| (helpers[n].id, Some(Reason::Minimum))));
        assert_eq!(decision.passed.unwrap().helper, helpers[3].id);
        assert!(decision.chosen[0].why.gain > decision.chosen[2].why.gain && decision.chosen[2].why.probability > 0.0);
    })
    .await;
}

pub async fn the_owner_learns_at_most_once_a_minute_that_nobody_answers(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 4.0);
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let told = async || service.story(of).await.iter().filter(|event| event.starts_with("unanswered")).count();
        assert_eq!(told().await, 1, "when it is raised");
        service.advance(TimeDelta::seconds(30));
        responses::renew(&service.context(), &actor(&owner), of).await.unwrap();
        for (seconds, expected) in [(0, 1), (15, 1), (14, 1), (15, 2), (60, 2)] {
            service.advance(TimeDelta::seconds(seconds));
            service.fire().await;
            assert_eq!(told().await, expected, "{seconds} s later");
        }
    })
    .await;
}

pub async fn what_waits_for_a_helper_is_what_they_were_alerted_to(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 1_000_000.0);
        let helpers = service.helpers([1, 2, 3, 4]).await;
        let of = service.call().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2]);
        for (helper, expected) in [(2, 1), (3, 0)] {
            let reader = service.context().list_reader(&actor(&helpers[helper]));
            let pending = service.store.emergencies.pending_for(&reader, 9).await.unwrap();
            assert_eq!(pending.len(), expected, "{helper}");
        }
    })
    .await;
}

pub async fn a_helper_who_counts_no_more_leads_to_a_decision_at_once(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 1_000_000.0);
        let helpers = service.helpers([1, 2, 3, 4, 5, 6]).await;
        let owner = service.store.register().await;
        let (of, elsewhere) = (service.raise_as(&owner).await, service.call().await);
        assert_eq!(service.alerted(of).await, [0, 1, 2]);
        service.advance(MIN_DECISION_INTERVAL);
        service.accept(elsewhere, &helpers[0]).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3], "one is engaged elsewhere");
        let admin = actor(&Account { role: Role::Admin, ..service.store.register().await });
        let blocked = helpers[1].id;
        service.advance(MIN_DECISION_INTERVAL);
        helpers::block(&service.people_ports(), &service.context(), &admin, blocked, true, None).await.unwrap();
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3, 4], "one was blocked");
        let ports = BlockPorts {
            blocks: service.store.blocks.clone(),
            accounts: service.store.accounts.clone(),
            emergencies: service.context(),
        };
        blocks::block(&ports, &actor(&owner), BlockTarget::User(helpers[2].id)).await.unwrap();
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0, 1, 2, 3, 4, 5], "the owner blocked one");
    })
    .await;
}

pub async fn a_change_of_the_emergency_leads_to_a_decision_at_once(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 4.0);
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let change = |severity: u8| DetailsChange {
            severity: Some(Severity::new(severity).unwrap()),
            ..DetailsChange::default()
        };
        for severity in [2, 9] {
            service.advance(TimeDelta::seconds(1));
            details::change(&service.context(), &actor(&owner), of, change(severity)).await.unwrap();
            service.fire().await;
            assert_eq!(service.store.find(of).await.search().decided_at, Some(service.now()), "{severity}");
        }
    })
    .await;
}
