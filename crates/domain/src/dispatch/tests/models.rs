//! Arrival, probability, and the expected time without help.

use super::*;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6 * b.abs().max(1.0)
}

#[test]
fn a_helper_arrives_after_turnout_preparation_and_one_and_a_half_times_the_way() {
    let model = TravelModel::default();
    let noon: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
    for (transport, expected) in [
        (Transport::Foot, 105.0 + 1_500.0 / 2.3),
        (Transport::Bike, 105.0 + 25.0 + 1_500.0 / 3.9),
        (Transport::Car, 105.0 + 60.0 + 1_500.0 / 6.5),
    ] {
        assert!(near(model.arrival(noon, Metres::new(1_000.0), transport), expected), "{transport}");
    }
}

#[test]
fn at_night_in_the_zone_of_the_community_helpers_set_out_later() {
    let berlin = TravelModel { zone: Some("Europe/Berlin".parse().unwrap()), ..TravelModel::default() };
    for (time, in_utc, in_berlin) in [
        ("2026-07-01T19:59:59Z", 105.0, 105.0),
        ("2026-07-01T20:00:00Z", 105.0, 142.0),
        ("2026-07-01T04:59:59Z", 142.0, 142.0),
        ("2026-07-01T05:00:00Z", 142.0, 105.0),
        ("2026-07-01T07:00:00Z", 105.0, 105.0),
    ] {
        let time = time.parse().unwrap();
        assert_eq!((TravelModel::default().turnout(time), berlin.turnout(time)), (in_utc, in_berlin), "{time}");
    }
}

#[test]
fn who_accepted_is_expected_by_their_way_their_word_or_after_a_quarter_of_an_hour() {
    let model = TravelModel::default();
    let journey = Journey {
        accepted_at: at(0),
        transport: Transport::Foot,
        distance: Some(Metres::new(460.0)),
        has_moved: false,
        speed: Some(4.6),
        estimated_arrival: Some(at(500)),
    };
    let left = |journey| model.arrival_of_accepted(at(30), &journey);
    assert!(near(left(journey), 105.0 + 300.0 - 30.0));
    assert!(near(left(Journey { has_moved: true, ..journey }), 150.0));
    assert!(near(left(Journey { has_moved: true, speed: None, ..journey }), 300.0));
    assert!(near(left(Journey { has_moved: true, speed: Some(0.0), ..journey }), 1_380.0));
    assert!(near(left(Journey { has_moved: true, speed: Some(99.0), ..journey }), 46.0));
    assert!(near(left(Journey { distance: None, ..journey }), 470.0));
    assert!(near(left(Journey { distance: None, estimated_arrival: None, ..journey }), 870.0));
    // What is overdue counts as a minute from now.
    assert!(near(left(Journey { distance: None, estimated_arrival: Some(at(30)), ..journey }), 60.0));
    assert!(near(model.arrival_of_accepted(at(2_000), &journey), 60.0));
}

#[test]
fn who_is_silent_is_expected_from_the_alert_on() {
    let model = TravelModel::default();
    let left = |seconds| model.arrival_of_silent(at(seconds), at(0), Metres::new(230.0), Transport::Foot);
    assert!(near(left(0), 255.0) && near(left(100), 155.0) && near(left(255), 60.0));
}

#[test]
fn the_probability_follows_history_and_distance() {
    let model = AcceptanceModel::default();
    let probability = |metres, alerts, kept| {
        let device = DeviceHealth::default();
        model.before_alert(at(0), Metres::new(metres), AlertHistory { alerts, kept }, &device)
    };
    assert!(near(probability(0.0, 0, 0), 0.35));
    assert!(near(probability(2_500.0, 0, 0), 0.35 / std::f64::consts::E));
    assert!(near(probability(0.0, 10, 10), (0.875 + 10.0) / 12.5));
    assert!(near(probability(0.0, 10, 0), 0.875 / 12.5));
}

#[test]
fn a_device_counts_as_silent_only_after_an_old_alert_that_nothing_answered() {
    let model = AcceptanceModel::default();
    let of = |device| model.before_alert(at(1_000), Metres::new(0.0), AlertHistory::default(), &device);
    let deaf = DeviceHealth { newest_alert_at: Some(at(900)), acknowledged: false, heard_at: Some(at(890)) };
    assert!(near(of(deaf), 0.35 / 4.0));
    for heard in [
        DeviceHealth { newest_alert_at: None, ..deaf },
        DeviceHealth { acknowledged: true, ..deaf },
        DeviceHealth { heard_at: Some(at(901)), ..deaf },
        DeviceHealth { newest_alert_at: Some(at(940)), ..deaf },
    ] {
        assert!(near(of(heard), 0.35), "{heard:?}");
    }
}

#[test]
fn silence_halves_the_probability_and_an_acknowledgement_forgives_its_delay() {
    let model = AcceptanceModel::default();
    assert!(near(model.silence(at(0), at(0), None), 1.0));
    assert!(near(model.silence(at(180), at(0), None), 2.0_f64.powi(-13)));
    assert!(near(model.silence(at(180), at(0), Some(at(100))), 2.0_f64.powi(-4)));
}

#[test]
fn without_helpers_the_time_without_help_is_an_hour_or_the_wait_for_the_ambulance() {
    assert!(near(Coverage::new(None, false).seconds(), 3_600.0));
    assert!(near(Coverage::new(None, true).seconds(), 1.375 * 3_600.0));
    let ambulance = AmbulanceModel::default();
    // The mean of a log-normal distribution is its median times exp(σ²/2); the times are at most two minutes apart.
    let mean = 570.0 * (0.35_f64 * 0.35 / 2.0).exp();
    let waiting = Coverage::new(Some(&ambulance), false).seconds();
    assert!((waiting - (180.0 + 0.95 * mean)).abs() < 20.0, "{waiting}");
}

#[test]
fn a_second_pair_of_hands_counts_only_where_a_team_is_needed() {
    for (needs_team, second, third) in [(false, 0.0, 0.0), (true, 0.375 * 3_600.0, 0.125 * 3_600.0)] {
        let mut coverage = Coverage::new(None, needs_team);
        coverage.add(&Presence::there());
        assert!(near(coverage.seconds(), second));
        coverage.add(&Presence::there());
        assert!(near(coverage.seconds(), third));
    }
}

#[test]
fn the_gain_is_what_adding_takes_away() {
    for needs_team in [false, true] {
        let mut coverage = Coverage::new(Some(&AmbulanceModel::default()), needs_team);
        for (probability, arrival) in [(0.3, 300.0), (0.8, 60.0), (0.5, 900.0), (1.0, 1.0), (0.2, 2_000.0)] {
            let presence = Presence::coming(probability, arrival);
            let (before, gain) = (coverage.seconds(), coverage.gain(&presence));
            coverage.add(&presence);
            assert!((before - gain - coverage.seconds()).abs() < 1e-6);
        }
    }
}
