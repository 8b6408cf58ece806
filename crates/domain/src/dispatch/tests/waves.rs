//! The waves that decisions by gain are compared with.

use super::*;

fn field() -> Situation {
    let distances = [100.0, 200.0, 300.0, 6_000.0, 12_000.0, 16_000.0];
    let candidates = (1..).zip(distances).map(|(n, metres)| candidate(n, metres)).collect();
    situation(EmergencyType::Medical, candidates)
}

/// Decides, and has everybody who is chosen alerted and acknowledged.
fn go_on(situation: &mut Situation, seconds: i64) -> Vec<UserId> {
    let decision = WavePolicy::default().decide(at(seconds), situation);
    situation.wave = decision.wave;
    let alert =
        |choice: &Choice| AlertedHelper { helper: choice.helper, ..silent(1, choice.distance.get(), at(seconds)) };
    situation.alerted.extend(decision.chosen.iter().map(alert));
    chosen(&decision)
}

#[test]
fn each_interval_without_a_response_widens_the_radius() {
    let mut situation = field();
    assert_eq!(go_on(&mut situation, 0), helpers(&[1, 2, 3]));
    assert_eq!(go_on(&mut situation, 59), helpers(&[]));
    assert_eq!(go_on(&mut situation, 60), helpers(&[4]));
    assert_eq!(go_on(&mut situation, 120), helpers(&[5]));
    assert_eq!(go_on(&mut situation, 180), helpers(&[]));
    let mut situation = field();
    go_on(&mut situation, 0);
    situation.alerted[0].progress = coming(1, at(500)).progress;
    assert_eq!(go_on(&mut situation, 60), helpers(&[]));
    assert_eq!(WavePolicy::default().decide(at(60), &situation).decide_again_at, None);
}

#[test]
fn a_radius_without_anybody_new_is_skipped() {
    let mut situation = field();
    situation.candidates.remove(3);
    go_on(&mut situation, 0);
    assert_eq!(go_on(&mut situation, 60), helpers(&[5]));
}

#[test]
fn who_declines_or_receives_nothing_frees_a_place_once() {
    let mut situation = field();
    go_on(&mut situation, 0);
    situation.alerted[0].progress = HelperProgress::Gone;
    assert_eq!(go_on(&mut situation, 10), helpers(&[4]));
    assert_eq!(go_on(&mut situation, 11), helpers(&[]));
    let HelperProgress::Silent { acknowledged_at, .. } = &mut situation.alerted[1].progress else { panic!() };
    *acknowledged_at = None;
    assert_eq!(WavePolicy::default().decide(at(11), &situation).decide_again_at, Some(at(30)));
    assert_eq!(go_on(&mut situation, 30), helpers(&[5]));
    assert_eq!(go_on(&mut situation, 31), helpers(&[]));
}
