use super::*;
use crate::testing::{ALAN, GRACE_HOPPER, at, device, id};

/// A device of a user and a session, whose endpoint is `number` and which was registered at that second.
fn of(user: u128, session: u128, number: u128) -> Device {
    Device { user: id(user), session: id(session), ..device(number) }
}

fn registered(context: DeviceContext, new: Device) -> DeviceRegistration {
    context.register(new).expect("the endpoint is free")
}

#[test]
fn a_first_device_replaces_nothing() {
    let new = of(GRACE_HOPPER, 1, 1);
    let registration = registered(DeviceContext::default(), new.clone());
    let expected = DeviceRegistration { device: new, is_known: false, replaced: vec![], lost: vec![] };
    assert_eq!(registration, expected);
}

#[test]
fn a_new_endpoint_replaces_the_device_of_the_session() {
    let own = vec![of(GRACE_HOPPER, 2, 2), of(GRACE_HOPPER, 1, 1)];
    let registration = registered(DeviceContext { same_endpoint: None, own }, of(GRACE_HOPPER, 1, 3));
    assert_eq!(registration.replaced, vec![id(1)]);
    assert_eq!(registration.lost, vec![], "the user did it");
}

#[test]
fn the_same_endpoint_keeps_its_id_and_moves_to_the_session() {
    let known = Device { last_delivered_at: Some(at(7)), refused: 3, ..of(GRACE_HOPPER, 1, 1) };
    let of_session = of(GRACE_HOPPER, 2, 2);
    let context = DeviceContext { same_endpoint: Some(known.clone()), own: vec![of_session, known.clone()] };
    let new = Device { id: id(9), created_at: at(50), ..of(GRACE_HOPPER, 2, 1) };
    let registration = registered(context, new);
    assert!(registration.is_known);
    let expected = Device { session: id(2), refused: 0, ..known };
    assert_eq!(registration.device, expected, "a browser that registers again is no failing one");
    assert_eq!(registration.replaced, vec![id(2)]);
}

#[test]
fn an_endpoint_of_another_user_moves_only_with_its_keys() {
    let theirs = of(ALAN, 5, 1);
    let new = Device { id: id(9), ..of(GRACE_HOPPER, 1, 1) };
    let context = DeviceContext { same_endpoint: Some(theirs.clone()), own: vec![] };
    let registration = registered(context.clone(), new.clone());
    assert_eq!((registration.device.id, registration.is_known), (id(9), false));
    assert_eq!(registration.replaced, vec![id(1)]);
    let lost = LostDevice { id: id(1), user: id(ALAN), name: theirs.name, reason: DeviceLoss::Moved };
    assert_eq!(registration.lost, vec![lost]);

    let endpoint = new.subscription.endpoint().to_owned();
    let other_keys = Device { subscription: PushSubscription::new(endpoint, [5; 65], [5; 16]), ..new };
    assert_eq!(context.register(other_keys), Err(EndpointTaken));
}

#[test]
fn the_device_that_is_longest_without_a_delivery_gives_way() {
    let mut own: Vec<_> = (1..=10).map(|n| of(GRACE_HOPPER, n, n)).collect();
    // The oldest, but it delivered since.
    own[0].last_delivered_at = Some(at(60));
    let context = DeviceContext { same_endpoint: None, own };
    let registration = registered(context.clone(), of(GRACE_HOPPER, 11, 11));
    assert_eq!(registration.replaced, vec![id(2)]);
    assert_eq!(
        registration.lost.iter().map(|lost| (lost.id, lost.reason)).collect::<Vec<_>>(),
        [(id(2), DeviceLoss::Limit)]
    );
    let again = registered(context, of(GRACE_HOPPER, 10, 11));
    assert_eq!(again.replaced, vec![id(10)], "the session's own place is free");
}

#[test]
fn a_device_fails_after_refusals_in_a_row_or_under_another_key() {
    let device = device(1);
    let present = Some(&device.push_key);
    assert_eq!(device.state(present), DeviceState::Active);
    assert_eq!(Device { refused: 2, ..device.clone() }.state(present), DeviceState::Active);
    assert_eq!(Device { refused: 3, ..device.clone() }.state(present), DeviceState::Failing);
    assert_eq!(device.state(Some(&[9; 65])), DeviceState::Failing);
    assert_eq!(device.state(None), DeviceState::Failing);
}

#[test]
fn a_device_is_tested_once_in_five_seconds_and_ten_times_in_an_hour() {
    let refused = |tests: DeviceTests, second| match tests.another(at(second)) {
        Err(Refusal::TooSoon { retry_after }) => Some(retry_after.num_seconds()),
        _ => None,
    };
    let mut tests = DeviceTests::default();
    for n in 0..10 {
        tests = tests.another(at(n * 5)).unwrap();
        assert_eq!(refused(tests, n * 5 + 4), Some(1));
    }
    assert_eq!(refused(tests, 50), Some(3_550));
    let next = tests.another(at(3_600)).unwrap();
    assert_eq!((next.window_from, next.count), (Some(at(3_600)), 1));
}
