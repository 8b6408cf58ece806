//! Looking at an emergency and at the helpers around it.

use super::*;
use crate::{
    HelperPolicy, ResponseStatus,
    given::{
        ADMIN, GRACE, NOBODY, OWNER, account, admin, calling, card, emergency, grace, helper, now, owner, resolved,
        store, with_responses,
    },
    port::NearbyHelper,
};

fn around(emergency: &Emergency) -> Context {
    let (changes, _) = store(vec![]);
    let mut helpers = MockHelpers::new();
    helpers.expect_nearby().returning(|search, radius, limit| {
        assert_eq!((search.except, radius.get(), limit), (id(OWNER), 700.0, 5));
        assert_eq!(search.centre, emergency_place());
        Ok(vec![NearbyHelper { helper: card(GRACE), distance: Metres::new(12.0) }])
    });
    with_helpers(holding(emergency, &[]), helpers, changes)
}

fn emergency_place() -> crate::Position {
    crate::given::details().location.position
}

#[tokio::test]
async fn those_who_may_read_are_told_how_they_stand_to_it() {
    let emergency = with_responses(&[(GRACE, ResponseStatus::OnWay)]);
    let cx = around(&emergency);
    for (actor, relation) in [
        (owner(), Relation::Owner),
        (grace(), Relation::RespondingHelper),
        (calling(admin()), Relation::Admin),
        (calling(helper(4)), Relation::Helper),
    ] {
        assert_eq!(cx.read(&actor, the_emergency()).await.unwrap(), (emergency.clone(), relation));
    }
    assert_eq!(refusal(cx.read(&calling(account(NOBODY)), the_emergency()).await), Refusal::NotAuthorized);
    assert_eq!(refusal(cx.read(&owner(), id(ADMIN)).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn helpers_around_it_are_shown_to_those_who_may_read_it() {
    let near = |cx: Context, actor: Actor| async move {
        helpers_near(&cx, &actor, the_emergency(), Metres::new(700.0), 5).await
    };
    assert_eq!(near(around(&emergency()), calling(helper(4))).await.unwrap().len(), 1);
    assert_eq!(refusal(near(around(&emergency()), calling(account(NOBODY))).await), Refusal::NotAuthorized);
    let over = resolved(emergency());
    assert_eq!(refusal(near(around(&over), calling(helper(4))).await), Refusal::NotAuthorized);
}

#[tokio::test]
async fn a_search_leaves_out_the_owner_and_positions_that_are_too_old() {
    let mut cx = around(&emergency());
    cx.rules.helpers = HelperPolicy::Open;
    cx.rules.position_ttl = chrono::TimeDelta::minutes(5);
    let expected = Search {
        centre: emergency_place(),
        except: id(OWNER),
        policy: HelperPolicy::Open,
        fresh_since: now() - chrono::TimeDelta::minutes(5),
    };
    assert_eq!(cx.search(&emergency().call), expected);
    // A time to live beyond all times counts every position.
    cx.rules.position_ttl = chrono::TimeDelta::MAX;
    assert_eq!(cx.search(&emergency().call).fresh_since, Timestamp::MIN_UTC);
}
