//! What holds of every decision.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

fn any_facts() -> impl Strategy<Value = HelperFacts> {
    let device = (any::<bool>(), 0..100_000_i64, any::<bool>()).prop_map(|(any, ago, acknowledged)| DeviceHealth {
        newest_alert_at: any.then(|| at(-ago)),
        acknowledged,
        heard_at: None,
    });
    (1.0..8_000.0_f64, select(Transport::ALL), 0..12_u32, 0..12_u32, device).prop_map(
        |(metres, transport, alerts, kept, device)| HelperFacts {
            distance: Metres::new(metres),
            transport,
            history: AlertHistory { alerts, kept },
            device,
        },
    )
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let excluded = prop_oneof![
        6 => Just(None),
        1 => select(&[Exclusion::Engaged, Exclusion::Declined, Exclusion::Blocked, Exclusion::Unavailable][..]).prop_map(Some)
    ];
    let tier = prop_oneof![Just(None), select(Tier::ALL).prop_map(Some)];
    (any_facts(), any::<bool>(), tier, any::<bool>(), excluded).prop_map(
        |(facts, is_proven, tier, joined_later, excluded)| Candidate {
            facts,
            is_proven,
            tier,
            joined_later,
            excluded,
            ..candidate(0, 0.0)
        },
    )
}

fn any_progress() -> impl Strategy<Value = HelperProgress> {
    let silent = (any_facts(), 0..300_i64, any::<bool>()).prop_map(|(facts, ago, acknowledged)| {
        HelperProgress::Silent { facts, alerted_at: at(-ago), acknowledged_at: acknowledged.then(|| at(-ago)) }
    });
    let coming = (0..2_000_i64).prop_map(|arrives| coming(0, at(arrives)).progress);
    prop_oneof![4 => silent, 2 => coming, 1 => Just(HelperProgress::There), 2 => Just(HelperProgress::Gone)]
}

fn any_situation(candidates: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Situation> {
    let alerted = vec((any_progress(), any::<bool>(), any::<bool>()), 0..8);
    let kind = select(EmergencyType::ALL);
    (kind, 1..=10_u8, any::<bool>(), 0..400_i64, vec(any_candidate(), candidates), alerted).prop_map(
        |(kind, severity, is_critical, ago, mut candidates, alerted)| {
            (1..).zip(&mut candidates).for_each(|(n, candidate)| candidate.helper = id(n));
            let alerted = (1_001..).zip(alerted).map(|(n, (progress, is_proven, counts_towards_cap))| AlertedHelper {
                helper: id(n),
                is_proven,
                counts_towards_cap,
                progress,
            });
            let alerted = alerted.collect();
            Situation {
                severity: Severity::new(severity).unwrap(),
                is_critical,
                search_started_at: at(-ago),
                alerted,
                ..situation(kind, candidates)
            }
        },
    )
}

/// What is expected of everybody who is alerted or chosen, with the chosen ones' gain.
fn expected_seconds(policy: &GainPolicy, people: &[(f64, f64)]) -> f64 {
    let mut coverage = Coverage::new(Some(&policy.ambulance), false);
    for &(probability, arrival) in people {
        coverage.add(&Presence::coming(probability, arrival));
    }
    coverage.seconds()
}

proptest! {
    #[test]
    fn the_order_of_helpers_changes_nothing(
        (before, after) in any_situation(0..80).prop_flat_map(|situation| {
            let shuffled = (Just(situation.candidates.clone()).prop_shuffle(), Just(situation.alerted.clone()).prop_shuffle());
            (Just(situation), shuffled)
        })
    ) {
        let (candidates, alerted) = after;
        let shuffled = Situation { candidates, alerted, ..before.clone() };
        prop_assert_eq!(decide(at(0), &before, &GainPolicy::default()), decide(at(0), &shuffled, &GainPolicy::default()));
        prop_assert_eq!(WavePolicy::default().decide(at(0), &before), WavePolicy::default().decide(at(0), &shuffled));
    }

    #[test]
    fn nobody_is_alerted_who_may_not_be_and_nobody_twice(situation in any_situation(0..80)) {
        let policy = GainPolicy { max_per_decision: 10, ..GainPolicy::default() };
        let decision = decide(at(0), &situation, &policy);
        let mut seen = std::collections::BTreeSet::new();
        let needs_tier = matches!(situation.kind, EmergencyType::Assault | EmergencyType::Safety);
        for choice in &decision.chosen {
            let candidate = situation.candidates.iter().find(|c| c.helper == choice.helper).unwrap();
            prop_assert!(candidate.excluded.is_none() && seen.insert(choice.helper));
            prop_assert!(!needs_tier || candidate.tier >= Some(Tier::Registered));
            prop_assert!((0.0..=1.0).contains(&choice.why.probability) && choice.why.gain >= 0.0 && choice.why.arrival > 0.0);
        }
        let within_cap = |choice: &&Choice| situation.candidates.iter().any(|c| c.helper == choice.helper && !c.joined_later);
        prop_assert!(decision.chosen.iter().filter(within_cap).count() <= 10);
    }

    #[test]
    fn what_is_passed_over_is_worth_less_than_its_price(situation in any_situation(0..60)) {
        let policy = GainPolicy { max_per_search: 10_000, max_per_decision: 10_000, ..GainPolicy::default() };
        let decision = decide(at(0), &situation, &policy);
        prop_assert!(decision.passed.is_none_or(|passed| passed.why.gain < policy.price));
    }

    #[test]
    fn a_helper_more_never_makes_the_expected_time_longer(
        people in vec((0.0..=1.0_f64, 1.0..4_000.0_f64), 0..10),
        one in (0.0..=1.0_f64, 1.0..4_000.0_f64),
        needs_team: bool,
    ) {
        let mut coverage = Coverage::new(Some(&AmbulanceModel::default()), needs_team);
        for &(probability, arrival) in &people {
            coverage.add(&Presence::coming(probability, arrival));
        }
        let (before, presence) = (coverage.seconds(), Presence::coming(one.0, one.1));
        let first_gain = coverage.gain(&presence);
        coverage.add(&presence);
        prop_assert!(coverage.seconds() <= before + 1e-9 && coverage.seconds() >= -1e-9);
        prop_assert!(coverage.gain(&presence) <= first_gain + 1e-9, "the second gains more than the first");
    }

    #[test]
    fn a_price_of_nothing_is_everybody_and_an_infinite_one_is_the_minimum(situation in any_situation(0..60)) {
        let able = {
            let needs_tier = matches!(situation.kind, EmergencyType::Assault | EmergencyType::Safety);
            let may = |c: &&Candidate| c.excluded.is_none() && (!needs_tier || c.tier >= Some(Tier::Registered));
            situation.candidates.iter().filter(may).count()
        };
        let large = GainPolicy { max_per_decision: 100, max_per_search: 1_000, ..GainPolicy::default() };
        prop_assert_eq!(decide(at(0), &situation, &GainPolicy { price: 0.0, ..large.clone() }).chosen.len(), able);
        let never_free = GainPolicy { price: f64::INFINITY, free_after: chrono::TimeDelta::MAX, ..large };
        let decision = decide(at(0), &situation, &never_free);
        prop_assert!(decision.chosen.iter().all(|choice| choice.reason == Some(Reason::Minimum)));
        prop_assert!(decision.chosen.len() <= never_free.min_helpers);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_greedy_choice_is_worth_nearly_as_much_as_the_best_one(facts in vec(any_facts(), 1..=10), price in 1.0..60.0_f64) {
        let candidates = (1..).zip(&facts).map(|(n, &facts)| Candidate { facts, ..candidate(n, 0.0) }).collect();
        let situation = situation(EmergencyType::Accident, candidates);
        let policy = GainPolicy { price, min_helpers: 0, ..GainPolicy::default() };
        let decision = decide(at(0), &situation, &policy);
        let people: Vec<(f64, f64)> = facts
            .iter()
            .map(|facts| {
                let probability = policy.acceptance.before_alert(at(0), facts.distance, facts.history, &facts.device);
                (probability, policy.travel.arrival(at(0), facts.distance, facts.transport))
            })
            .collect();
        let nobody = expected_seconds(&policy, &[]);
        let worth = |people: &[(f64, f64)]| {
            nobody - expected_seconds(&policy, people) - price * f64::from(u32::try_from(people.len()).unwrap())
        };
        let subset = |mask: usize| -> Vec<(f64, f64)> {
            people.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1).map(|(_, person)| *person).collect()
        };
        let best = (0..1 << people.len()).map(|mask| worth(&subset(mask))).fold(0.0, f64::max);
        let taken: Vec<(f64, f64)> = decision.chosen.iter().map(|c| (c.why.probability, c.why.arrival)).collect();
        prop_assert!(worth(&taken) >= 0.99 * best - 1e-6, "{} of {best}", worth(&taken));
    }
}
