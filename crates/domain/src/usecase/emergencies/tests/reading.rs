//! Tests of reading an emergency and the helpers around it.

use super::*;
use crate::{
    AvailableHelpers, FoundHelpers, HelperPolicy, ResponseStatus,
    port::{HelpersAround, MockEventLog, MockHelpers, MockPresence, OnDuty, Timeline, Vicinity},
    testing::{
        ADMIN, ALAN, GRACE_HOPPER, STRANGER, account, active_emergency, actor, admin, edited, grace_hopper, helper,
        now, owner, position, resolved, store, with_responses,
    },
    usecase::reading::{helpers_of, timeline},
};

/// A helper from whom a block hides the emergency.
const BLOCKED: u128 = 77;

/// An emergency with a helper at 0.001° and four others on duty at 0.013° to the north.
fn around(emergency: &Emergency) -> EmergencyPorts {
    let (changes, _) = store(vec![]);
    let mut helpers = MockHelpers::new();
    let found = emergency.clone();
    helpers.expect_around().returning(move |vicinity| {
        let Vicinity { emergency, reader, on_duty, radius, places } = *vicinity;
        assert_eq!((on_duty, radius.get()), (Rules::default().on_duty(now()), 5_000.0));
        assert_eq!(places, Rules::default().places);
        let place = found.call().details.location.position;
        let north = |degrees: f64| position(place.latitude() + degrees, place.longitude());
        let available = FoundHelpers::new([5, 6, 7, 8].map(|n| (id(n), north(0.013))), radius);
        let responding = vec![(id(GRACE_HOPPER), north(0.001))];
        Ok((emergency == found.id()).then(|| HelpersAround {
            emergency: found.clone(),
            hidden: reader == id(BLOCKED),
            responding,
            available,
        }))
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
        // A helper who cancelled was alerted, and looks on again.
        (actor(helper(ALAN)), Stage::LookerOn),
    ] {
        assert_eq!(cx.read(&actor, the_emergency()).await.unwrap(), (emergency.clone(), stage));
    }
    assert_eq!(refusal(cx.read(&actor(account(STRANGER)), the_emergency()).await), Refusal::NotAuthorized);
    assert_eq!(refusal(cx.read(&owner(), id(ADMIN)).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn what_a_block_hides_is_unknown_but_to_those_who_take_part_and_administrators() {
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let (changes, _) = store(vec![]);
    let mut emergencies = MockEmergencies::new();
    let read = ReadEmergency { emergency: emergency.clone(), alerted: true, hidden: true };
    emergencies.expect_read().returning(move |_, _| Ok(Some(read.clone())));
    let cx = context(emergencies, changes);
    for (actor, expected) in [
        (owner(), Ok(Stage::Owner)),
        (grace_hopper(), Ok(Stage::Responder)),
        (actor(admin()), Ok(Stage::Administrator)),
        (actor(helper(4)), Err(Refusal::EmergencyNotFound)),
        (actor(account(STRANGER)), Err(Refusal::EmergencyNotFound)),
    ] {
        let outcome = cx.read(&actor, the_emergency()).await.map(|(_, stage)| stage);
        let concealed = cx.conceal(&actor, the_emergency(), Err::<(), _>(Refusal::NotAuthorized.into())).await;
        match expected {
            Ok(stage) => assert_eq!(outcome.unwrap(), stage),
            Err(refused) => {
                assert_eq!((refusal(outcome), refusal(concealed)), (refused.clone(), refused));
            }
        }
    }
    // Other refusals and successes stay, and nothing is read for them.
    let (changes, _) = store(vec![]);
    let cx = context(MockEmergencies::new(), changes);
    assert_eq!(cx.conceal(&owner(), the_emergency(), Ok(7)).await.unwrap(), 7);
    let ended = cx.conceal(&owner(), the_emergency(), Err::<(), _>(Refusal::EmergencyLive.into())).await;
    assert_eq!(refusal(ended), Refusal::EmergencyLive);
}

#[tokio::test]
async fn helpers_are_shown_to_those_who_may_read_it_and_distances_to_those_who_take_part() {
    let mut presence = MockPresence::new();
    presence.expect_is_online().returning(|user| user != id(8));
    let helpers =
        async |emergency: &Emergency, actor: Actor, of| helpers_of(&around(emergency), &presence, &actor, of).await;
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Cancelled)]);
    let within = vec![(500, None), (1_000, None), (2_000, Some(4)), (5_000, Some(4))];
    for (actor, stage) in [
        (owner(), Stage::Owner),
        (grace_hopper(), Stage::Responder),
        (actor(admin()), Stage::Administrator),
        (actor(helper(ALAN)), Stage::LookerOn),
        (actor(helper(4)), Stage::LookerOn),
    ] {
        let found = helpers(&emergency, actor, the_emergency()).await.unwrap();
        assert_eq!((&found.emergency, found.stage), (&emergency, stage));
        let distances: Vec<_> = found.distances.iter().map(|(helper, distance)| (*helper, distance.whole())).collect();
        let shown = if stage.is_participant() { vec![(id(GRACE_HOPPER), 111)] } else { vec![] };
        assert_eq!(distances, shown, "{stage:?}");
        // The same numbers for every reader.
        assert_eq!(found.available, AvailableHelpers { online: Some(3), within: within.clone() }, "{stage:?}");
    }
    let blocked = helpers(&emergency, actor(helper(BLOCKED)), the_emergency()).await;
    assert_eq!(refusal(blocked), Refusal::EmergencyNotFound);
    let stranger = helpers(&emergency, actor(account(STRANGER)), the_emergency()).await;
    assert_eq!(refusal(stranger), Refusal::NotAuthorized);
    let over = resolved(active_emergency());
    assert_eq!(refusal(helpers(&over, actor(helper(4)), the_emergency()).await), Refusal::NotAuthorized);
    assert_eq!(refusal(helpers(&emergency, owner(), id(ADMIN)).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn a_helper_whose_completion_no_longer_counts_as_help_is_shown_no_distances() {
    let mut presence = MockPresence::new();
    presence.expect_is_online().returning(|_| false);
    let counting = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Completed)]);
    let finished = edited(counting.clone(), |e| e.responses[1].record.counts_until = None);
    for (emergency, stage, shown) in [(counting, Stage::Responder, 1), (finished, Stage::LookerOn, 0)] {
        let found = helpers_of(&around(&emergency), &presence, &actor(helper(ALAN)), the_emergency()).await.unwrap();
        assert_eq!((found.stage, found.distances.len()), (stage, shown));
    }
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
        for (actor, stage) in
            [(owner(), Stage::Owner), (grace_hopper(), Stage::Responder), (actor(admin()), Stage::Administrator)]
        {
            assert_eq!(read(actor, the_emergency()).await.unwrap(), (told.clone(), stage));
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
    assert_eq!(rules.on_duty(now()), OnDuty { policy: HelperPolicy::Open, fresh_since, now: now() });
    // A time to live beyond all times counts every position.
    let rules = Rules { position_ttl: chrono::TimeDelta::MAX, ..rules };
    assert_eq!(rules.on_duty(now()).fresh_since, Timestamp::MIN_UTC);
}
