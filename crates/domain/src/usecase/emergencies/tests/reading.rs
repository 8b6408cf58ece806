//! Tests of reading an emergency and the helpers around it.

use super::*;
use crate::{
    HelperPolicy, ResponseStatus,
    port::{MockEventLog, MockHelpers, NearbyHelper, OnDuty},
    testing::{
        ADMIN, ALAN, GRACE_HOPPER, STRANGER, account, active_emergency, actor, admin, grace_hopper, helper,
        helper_card, now, owner, resolved, store, with_responses,
    },
};

fn around(emergency: &Emergency) -> EmergencyPorts {
    let (changes, _) = store(vec![]);
    let mut helpers = MockHelpers::new();
    let found = emergency.clone();
    helpers.expect_nearby().returning(move |vicinity| {
        let Vicinity { emergency, reader, on_duty, radius, limit } = *vicinity;
        assert_eq!(on_duty, Rules::default().on_duty(now()));
        assert_eq!((radius.get(), limit), (700.0, 5));
        let near = vec![NearbyHelper { helper: helper_card(GRACE_HOPPER), distance: Metres::new(12.0) }];
        Ok((emergency == found.id()).then(|| (found.access(reader), near)))
    });
    EmergencyPorts { helpers: Arc::new(helpers), ..context(holding(emergency, &[]), changes) }
}

#[tokio::test]
async fn those_who_may_read_are_told_their_stage() {
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Cancelled)]);
    let (changes, _) = store(vec![]);
    let alerts = [GRACE_HOPPER, ALAN, 5].map(alert).into_iter().chain([declined(6)]).collect::<Vec<_>>();
    let cx = context(holding(&emergency, &alerts), changes);
    for (actor, stage) in [
        (owner(), Stage::Owner),
        (grace_hopper(), Stage::Responder),
        (actor(admin()), Stage::Administrator),
        (actor(helper(4)), Stage::LookerOn),
        (actor(helper(5)), Stage::Alerted),
        (actor(helper(6)), Stage::LookerOn),
        // Who cancelled was alerted, and looks on again.
        (actor(helper(ALAN)), Stage::LookerOn),
    ] {
        assert_eq!(cx.read(&actor, the_emergency()).await.unwrap(), (emergency.clone(), stage));
    }
    assert_eq!(refusal(cx.read(&actor(account(STRANGER)), the_emergency()).await), Refusal::NotAuthorized);
    assert_eq!(refusal(cx.read(&owner(), id(ADMIN)).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn helpers_around_it_are_shown_to_those_who_may_read_it() {
    let near = |cx: EmergencyPorts, actor: Actor| async move {
        helpers_near(&cx, &actor, the_emergency(), Metres::new(700.0), 5).await
    };
    assert_eq!(near(around(&active_emergency()), actor(helper(4))).await.unwrap().len(), 1);
    assert_eq!(refusal(near(around(&active_emergency()), actor(account(STRANGER))).await), Refusal::NotAuthorized);
    let over = resolved(active_emergency());
    assert_eq!(refusal(near(around(&over), actor(helper(4))).await), Refusal::NotAuthorized);
    let unknown = helpers_near(&around(&active_emergency()), &owner(), id(ADMIN), Metres::new(700.0), 5).await;
    assert_eq!(refusal(unknown), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn what_happened_is_shown_to_participants_and_administrators() {
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Cancelled)]);
    for of in [emergency.clone(), resolved(emergency)] {
        let told = Timeline { emergency: of.clone(), events: vec![] };
        let found = told.clone();
        let mut log = MockEventLog::new();
        log.expect_timeline().returning(move |id, after, limit| {
            assert_eq!((after, limit), (EventId::new(7), 3));
            Ok((id == the_emergency()).then(|| found.clone()))
        });
        let cx = around(&of);
        let read = async |actor: Actor, id| timeline(&cx, &log, &actor, id, EventId::new(7), 3).await;
        for (actor, relation) in [
            (owner(), Relation::Owner),
            (grace_hopper(), Relation::RespondingHelper),
            (actor(admin()), Relation::Admin),
        ] {
            assert_eq!(read(actor, the_emergency()).await.unwrap(), (told.clone(), relation));
        }
        for nosy in [actor(helper(ALAN)), actor(helper(4)), actor(account(STRANGER))] {
            assert_eq!(refusal(read(nosy, the_emergency()).await), Refusal::NotAuthorized);
        }
        assert_eq!(refusal(read(owner(), id(404)).await), Refusal::EmergencyNotFound);
    }
}

#[tokio::test]
async fn positions_that_are_too_old_do_not_count() {
    let rules = Rules { helpers: HelperPolicy::Open, position_ttl: chrono::TimeDelta::minutes(5), ..Rules::default() };
    let fresh_since = now() - chrono::TimeDelta::minutes(5);
    assert_eq!(rules.on_duty(now()), OnDuty { policy: HelperPolicy::Open, fresh_since });
    // A time to live beyond all times counts every position.
    let rules = Rules { position_ttl: chrono::TimeDelta::MAX, ..rules };
    assert_eq!(rules.on_duty(now()).fresh_since, Timestamp::MIN_UTC);
}
