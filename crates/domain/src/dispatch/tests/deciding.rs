//! Whom a decision alerts, and what it says of them.

use super::*;
use crate::testing::text;

fn policy() -> GainPolicy {
    GainPolicy::default()
}

fn row(count: u128, metres: f64) -> Vec<Candidate> {
    (1..=count).map(|n| candidate(n, metres)).collect()
}

#[test]
fn alerts_stop_where_the_next_one_is_worth_less_than_its_price() {
    let situation = situation(EmergencyType::Medical, row(60, 300.0));
    let decision = decide(at(0), &situation, &policy());
    assert!((4..20).contains(&decision.chosen.len()), "{}", decision.chosen.len());
    assert!(decision.chosen.iter().all(|choice| choice.reason == Some(Reason::Gain) && choice.why.gain >= 4.0));
    assert!(decision.chosen.is_sorted_by(|a, b| a.why.gain >= b.why.gain));
    let passed = decision.passed.unwrap();
    assert!(passed.why.gain < 4.0 && passed.why.gain > 0.0);
    assert_eq!(decision.decide_again_at, Some(at(15)));
}

#[test]
fn equal_helpers_are_taken_by_id_and_equally_useful_ones_by_arrival() {
    let mut situation = situation(EmergencyType::Other, row(4, 300.0));
    situation.candidates.reverse();
    let decision = decide(at(0), &situation, &GainPolicy { price: f64::INFINITY, ..policy() });
    assert_eq!(chosen(&decision), helpers(&[1, 2, 3]));
    assert_eq!(decision.passed.unwrap().helper, id(4));
}

#[test]
fn the_minimum_is_filled_by_arrival_whatever_it_gains() {
    let mut candidates = row(5, 4_000.0);
    candidates[4].facts.transport = Transport::Car;
    let expensive = GainPolicy { price: f64::INFINITY, ..policy() };
    let mut situation = situation(EmergencyType::Medical, candidates);
    let decision = decide(at(0), &situation, &expensive);
    assert_eq!(chosen(&decision), helpers(&[5, 1, 2]));
    assert!(decision.chosen.iter().all(|choice| choice.reason == Some(Reason::Minimum)));
    // One who declined frees a place; nobody is added once somebody is there.
    situation.alerted = vec![silent(11, 100.0, at(0)), silent(12, 100.0, at(0)), alerted(13, HelperProgress::Gone)];
    assert_eq!(chosen(&decide(at(5), &situation, &expensive)), helpers(&[5]));
    situation.alerted[0].progress = HelperProgress::There;
    let helped = decide(at(5), &situation, &expensive);
    assert!(helped.chosen.is_empty() && helped.decide_again_at.is_none());
}

#[test]
fn a_critical_emergency_pays_half_and_one_without_any_response_pays_nothing_in_the_end() {
    let mut situation = situation(EmergencyType::Medical, row(40, 1_000.0));
    let count = |now, situation: &Situation| decide(at(now), situation, &policy()).chosen.len();
    let usual = count(0, &situation);
    assert_eq!(count(179, &situation), usual);
    assert_eq!(count(180, &situation), 40);
    situation.is_critical = true;
    assert!(count(0, &situation) > usual);
    situation.alerted = vec![coming(50, at(700))];
    assert!(count(180, &situation) < 40);
}

#[test]
fn a_decision_and_a_search_have_a_maximum_that_later_helpers_are_outside_of() {
    let mut situation = situation(EmergencyType::Medical, row(20, 1_000.0));
    let small = GainPolicy { price: 0.0, max_per_decision: 4, max_per_search: 6, ..policy() };
    assert_eq!(decide(at(0), &situation, &small).chosen.len(), 4);
    situation.alerted = (31..=35).map(|n| silent(n, 1_000.0, at(0))).collect();
    assert_eq!(decide(at(1), &situation, &small).chosen.len(), 1);
    situation.alerted[0].counts_towards_cap = false;
    assert_eq!(decide(at(1), &situation, &small).chosen.len(), 2);
    situation.candidates[19].joined_later = true;
    assert_eq!(decide(at(1), &situation, &small).chosen.len(), 3);
}

#[test]
fn somebody_who_accepted_from_far_away_does_not_stop_the_search() {
    let mut situation = situation(EmergencyType::Medical, vec![candidate(1, 200.0)]);
    let alone = GainPolicy { min_helpers: 0, ..policy() };
    situation.alerted = vec![coming(9, at(3_000))];
    assert_eq!(chosen(&decide(at(30), &situation, &alone)), helpers(&[1]));
    situation.alerted = vec![coming(9, at(70)), coming(8, at(80)), coming(7, at(90))];
    assert!(decide(at(30), &situation, &alone).chosen.is_empty());
}

#[test]
fn silence_adds_helpers() {
    let mut situation = situation(EmergencyType::Medical, row(30, 400.0));
    let mut policy = policy();
    policy.free_after = chrono::TimeDelta::MAX;
    let first = decide(at(0), &situation, &policy);
    let alert = |helper: UserId, now| {
        let facts = candidate(1, 400.0).facts;
        let progress = HelperProgress::Silent { facts, alerted_at: now, acknowledged_at: None };
        AlertedHelper { helper, is_proven: true, counts_towards_cap: true, progress }
    };
    situation.alerted = chosen(&first).into_iter().map(|helper| alert(helper, at(0))).collect();
    assert!(decide(at(0), &situation, &policy).chosen.is_empty());
    assert!(decide(at(15), &situation, &policy).chosen.len() > 1);
    assert!(decide(at(60), &situation, &policy).chosen.len() > decide(at(15), &situation, &policy).chosen.len());
}

#[test]
fn who_was_never_alerted_and_whose_devices_were_silent_are_tried_before_one_who_always_declines() {
    let mut candidates = row(3, 300.0);
    candidates[0].facts.history = AlertHistory { alerts: 40, kept: 0 };
    candidates[1].facts.device =
        DeviceHealth { newest_alert_at: Some(at(-600_000)), acknowledged: false, heard_at: None };
    let decision = decide(at(0), &situation(EmergencyType::Medical, candidates), &policy());
    assert_eq!(chosen(&decision), helpers(&[3, 2, 1]));
}

#[test]
fn a_hundred_accounts_made_today_do_not_stand_between_a_caller_and_a_helper() {
    let mut candidates: Vec<Candidate> = (1..=100).map(|n| candidate(n, 10.0)).collect();
    for candidate in &mut candidates {
        candidate.is_proven = false;
    }
    candidates.push(candidate(200, 2_000.0));
    let mut situation = situation(EmergencyType::Medical, candidates);
    assert_eq!(chosen(&decide(at(0), &situation, &policy()))[0], id(200));
    // Not by being alerted first, nor by accepting, nor by filling the maximum.
    for progress in [coming(1, at(60)).progress, HelperProgress::There] {
        situation.alerted = (101..=250).map(|n| AlertedHelper { is_proven: false, ..alerted(n, progress) }).collect();
        situation.alerted.retain(|helper| helper.helper != id(200));
        assert_eq!(chosen(&decide(at(20), &situation, &policy())), helpers(&[200]));
    }
}

#[test]
fn who_is_engaged_blocked_unavailable_declined_or_alerted_is_never_chosen() {
    let exclusions = [Exclusion::Engaged, Exclusion::Declined, Exclusion::Blocked, Exclusion::Unavailable];
    let mut candidates = row(6, 100.0);
    for (candidate, exclusion) in candidates.iter_mut().zip(exclusions) {
        candidate.excluded = Some(exclusion);
    }
    let mut situation = situation(EmergencyType::Other, candidates);
    situation.alerted = vec![silent(5, 100.0, at(0))];
    let decision = decide(at(0), &situation, &GainPolicy { price: 0.0, ..policy() });
    assert_eq!(chosen(&decision), helpers(&[6]));
    assert_eq!(decision.passed, None);
}

#[test]
fn assault_asks_only_those_who_were_checked_but_not_where_every_account_may_help() {
    let mut candidates = row(4, 100.0);
    candidates[1].tier = Some(Tier::Public);
    candidates[2].tier = Some(Tier::Registered);
    candidates[3].tier = Some(Tier::Professional);
    for kind in [EmergencyType::Assault, EmergencyType::Safety] {
        let situation = situation(kind, candidates.clone());
        let free = GainPolicy { price: 0.0, ..policy() };
        assert_eq!(chosen(&decide(at(0), &situation, &free)), helpers(&[3, 4]));
        let open = GainPolicy { requires_tiers: false, ..free };
        assert_eq!(decide(at(0), &situation, &open).chosen.len(), 4);
    }
}

#[test]
fn a_checked_skill_is_preferred_for_medical_emergencies_only() {
    let mut candidates = row(2, 300.0);
    candidates[1].skills = vec![text("cpr"), text("nurse")];
    let gains = |kind| {
        let decision = decide(at(0), &situation(kind, candidates.clone()), &policy());
        (decision.chosen[0].helper, decision.chosen[0].why.gain)
    };
    let plain = decide(at(0), &situation(EmergencyType::Medical, row(1, 300.0)), &policy()).chosen[0].why.gain;
    assert_eq!(gains(EmergencyType::Medical), (id(2), 1.3 * plain));
    assert_eq!(gains(EmergencyType::Accident), (id(1), plain));
}

#[test]
fn a_required_skill_is_dropped_and_named_where_too_few_have_it_nearby() {
    fn rules(_: EmergencyType) -> TypeRule {
        TypeRule { required: &["boat"], ..TypeRule::default() }
    }
    let boats = GainPolicy { price: 0.0, rules, ..policy() };
    let mut candidates = row(5, 500.0);
    candidates.iter_mut().take(3).for_each(|candidate| candidate.skills = vec![text("boat")]);
    let mut situation = situation(EmergencyType::NaturalDisaster, candidates);
    let decision = decide(at(0), &situation, &boats);
    assert_eq!((chosen(&decision), decision.relaxed.len()), (helpers(&[1, 2, 3]), 0));
    situation.candidates[0].facts.distance = Metres::new(5_000.0);
    let decision = decide(at(0), &situation, &boats);
    assert_eq!((decision.chosen.len(), decision.relaxed), (5, vec!["boat"]));
}

#[test]
fn more_helpers_are_worth_their_price_where_a_team_is_needed() {
    let mut situation = situation(EmergencyType::Medical, row(40, 400.0));
    let usual = decide(at(0), &situation, &policy()).chosen.len();
    situation.severity = Severity::new(7).unwrap();
    let severe = decide(at(0), &situation, &policy()).chosen.len();
    situation.kind = EmergencyType::Other;
    assert!(severe > usual && decide(at(0), &situation, &policy()).chosen.len() > usual);
}
