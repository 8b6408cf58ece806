//! Roles: who goes to the patient, who fetches the defibrillator, and when a role moves.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::ResourceId;

/// Somebody on foot this many metres away from the emergency, and from each box.
fn member(n: u128, metres: f64, to_boxes: &[f64]) -> TeamMember {
    let travel = TravelModel::default();
    TeamMember {
        helper: id(n),
        arrival: travel.way(Metres::new(metres), Transport::Foot),
        speed: travel.speeds[0],
        distance: Some(Metres::new(metres)),
        distances_to_boxes: to_boxes.iter().copied().map(Metres::new).collect(),
        assignment: None,
        earlier_moves: 0,
    }
}

fn aed(n: u128, metres: f64) -> AedBox {
    AedBox { id: id(n), distance: Metres::new(metres), is_open: Some(true) }
}

/// Assigns roles at a second, and has the members take them.
fn assign(seconds: i64, kind: EmergencyType, members: &mut [TeamMember], boxes: &[AedBox]) -> Vec<RoleChange> {
    let changes = assign_team(at(seconds), kind, &TravelModel::default(), members, boxes);
    for change in &changes {
        let member = members.iter_mut().find(|member| member.helper == change.helper).unwrap();
        assert_eq!(member.assignment.map(|held| held.role), change.previous);
        member.assignment = Some(change.assignment);
    }
    changes
}

fn roles(members: &[TeamMember]) -> Vec<&'static str> {
    members.iter().map(|member| member.assignment.unwrap().role.as_str()).collect()
}

#[test]
fn each_kind_of_emergency_has_its_team() {
    for (kind, expected) in [
        (EmergencyType::Medical, ["patient", "aed", "patient", "guide", "standby"]),
        (EmergencyType::Assault, ["companion", "companion", "guide", "standby", "standby"]),
        (EmergencyType::Other, ["patient", "patient", "support", "support", "standby"]),
    ] {
        let mut members: Vec<TeamMember> =
            (1..=5).zip([100.0, 200.0, 300.0, 400.0, 500.0]).map(|(n, metres)| member(n, metres, &[metres])).collect();
        let changes = assign(0, kind, &mut members, &[aed(77, 50.0)]);
        assert!(changes.iter().all(|change| change.reason == RoleReason::Accepted));
        assert_eq!(roles(&members), expected);
        assert!(assign(1, kind, &mut members, &[aed(77, 50.0)]).is_empty(), "a second time changes nothing");
    }
}

#[test]
fn another_kind_of_emergency_gives_its_roles() {
    use EmergencyType::{Assault, Medical, Other, Safety};
    for (from, to, has_collected, expected) in [
        (Other, Medical, false, ["patient", "aed", "patient", "guide", "standby"]),
        (Assault, Medical, false, ["patient", "aed", "guide", "patient", "standby"]),
        (Assault, Other, false, ["patient", "patient", "support", "support", "standby"]),
        (Medical, Assault, false, ["companion", "companion", "standby", "guide", "standby"]),
        (Medical, Other, true, ["patient", "aed", "patient", "support", "support"]),
        (Assault, Safety, false, ["companion", "companion", "guide", "standby", "standby"]),
    ] {
        let mut members: Vec<TeamMember> =
            (1..=5).zip([100.0, 200.0, 300.0, 400.0, 500.0]).map(|(n, metres)| member(n, metres, &[metres])).collect();
        let boxes = |kind| if kind == Medical { vec![aed(77, 50.0)] } else { Vec::new() };
        assign(0, from, &mut members, &boxes(from));
        if has_collected {
            members[1].assignment = members[1].assignment.map(|held| Assignment { has_collected, ..held });
        }
        let changes = assign(9, to, &mut members, &boxes(to));
        assert_eq!(roles(&members), expected, "{from} to {to}");
        let brings = |member: &TeamMember| member.assignment.is_some_and(|held| held.resource.is_some());
        assert_eq!(members.iter().any(brings), to == Medical || has_collected, "{from} to {to}");
        assert!(changes.iter().all(|change| change.reason != RoleReason::ResourceMissing), "{changes:?}");
        assert!(assign(10, to, &mut members, &boxes(to)).is_empty(), "{from} to {to}");
    }
    // Who comes alone fetches no box any more, which does not mean that it is missing.
    let mut members = [member(1, 400.0, &[200.0])];
    assign(0, Medical, &mut members, &[aed(71, 200.0)]);
    assert!(members[0].assignment.unwrap().resource.is_some());
    let changes = assign(9, Other, &mut members, &[]);
    assert_eq!((changes[0].assignment.resource, changes[0].reason), (None, RoleReason::Better));
}

#[test]
fn an_open_box_farther_away_beats_a_closed_or_private_one() {
    let boxes = [AedBox { is_open: Some(false), ..aed(71, 100.0) }, aed(72, 400.0)];
    let mut members = [member(1, 100.0, &[100.0, 400.0]), member(2, 300.0, &[200.0, 100.0])];
    assign(0, EmergencyType::Medical, &mut members, &boxes);
    assert_eq!(members[1].assignment.unwrap().resource, Some(id(72)));
}

#[test]
fn a_box_is_fetched_only_within_fifteen_minutes_and_five_minutes_of_detour() {
    let fetches = |metres: f64, to_box: f64, from_box: f64, is_open| {
        let mut members = [member(1, 10.0, &[9_000.0]), member(2, metres, &[to_box])];
        assign(0, EmergencyType::Accident, &mut members, &[AedBox { is_open, ..aed(71, from_box) }]);
        members[1].assignment.unwrap().role == TeamRole::Aed
    };
    // 1.5 · metres / 2.3 m/s: a detour of 414 m is 270 s, with the half minute at the box five minutes.
    assert!(fetches(500.0, 456.0, 456.0, Some(true)));
    assert!(!fetches(500.0, 458.0, 458.0, Some(true)));
    assert!(fetches(1_300.0, 665.0, 665.0, Some(true)) && !fetches(1_300.0, 670.0, 670.0, Some(true)));
    // A box that may be locked counts as farther away.
    assert!(fetches(500.0, 300.0, 300.0, None) && !fetches(500.0, 440.0, 440.0, None));
}

#[test]
fn who_comes_alone_stays_with_the_patient_and_brings_a_box_only_on_the_way() {
    let mut members = vec![member(1, 500.0, &[250.0, 600.0])];
    let boxes = [aed(71, 260.0), aed(72, 300.0)];
    assign(0, EmergencyType::Medical, &mut members, &boxes);
    assert_eq!((roles(&members), members[0].assignment.unwrap().resource), (vec!["patient"], Some(id(71))));
    // The next one fetches it.
    members.push(member(2, 600.0, &[100.0, 900.0]));
    assign(5, EmergencyType::Medical, &mut members, &boxes);
    assert_eq!(roles(&members), ["patient", "aed"]);
    assert_eq!(members.iter().map(|m| m.assignment.unwrap().resource).collect::<Vec<_>>(), [None, Some(id(71))]);
    // Alone again, that one goes to the patient.
    members.remove(0);
    assign(10, EmergencyType::Medical, &mut members, &boxes[1..]);
    assert_eq!(roles(&members), ["patient"]);
    let far = &mut [member(1, 500.0, &[400.0])];
    assign(0, EmergencyType::Medical, far, &boxes[..1]);
    assert_eq!(far[0].assignment.unwrap().resource, None);
}

#[test]
fn who_accepts_later_and_arrives_sooner_goes_to_the_patient_and_the_other_one_fetches_the_box() {
    let mut members = vec![member(1, 700.0, &[300.0])];
    let boxes = [aed(71, 600.0)];
    assign(0, EmergencyType::Medical, &mut members, &boxes);
    members.push(member(2, 200.0, &[500.0]));
    assign(9, EmergencyType::Medical, &mut members, &boxes);
    assert_eq!(roles(&members), ["aed", "patient"]);
}

#[test]
fn when_the_holder_of_the_box_cancels_the_next_one_has_it() {
    let mut members: Vec<TeamMember> = (1..=4).map(|n| member(n, 400.0, &[100.0])).collect();
    assign(0, EmergencyType::Medical, &mut members, &[aed(71, 300.0)]);
    assert_eq!(roles(&members), ["patient", "aed", "patient", "guide"]);
    members.remove(1);
    let changes = assign(9, EmergencyType::Medical, &mut members, &[aed(71, 300.0)]);
    assert_eq!(roles(&members), ["patient", "aed", "patient"]);
    assert!(changes.iter().all(|change| change.reason == RoleReason::Vacated));
}

#[test]
fn a_missing_box_sends_its_holder_to_another_or_back_to_the_patient() {
    let mut members = vec![member(1, 400.0, &[300.0, 300.0]), member(2, 410.0, &[300.0, 310.0])];
    let boxes = [aed(71, 200.0), aed(72, 200.0)];
    assign(0, EmergencyType::Medical, &mut members, &boxes);
    assert_eq!(members[1].assignment.unwrap().resource, Some(id(71)));
    for member in &mut members {
        member.distances_to_boxes.remove(0);
    }
    let changes = assign(1, EmergencyType::Medical, &mut members, &boxes[1..]);
    assert_eq!((changes[0].assignment.resource, changes[0].reason), (Some(id(72)), RoleReason::ResourceMissing));
    let changes = assign(2, EmergencyType::Medical, &mut members, &[]);
    assert_eq!((changes[0].assignment.role, changes[0].reason), (TeamRole::Patient, RoleReason::ResourceMissing));
}

#[test]
fn a_minute_is_what_it_takes_to_move_a_role_and_the_first_one_stays() {
    let metres = |seconds: f64| seconds * 2.3 / 1.5;
    for (gain, expected) in [(59.0, ["patient", "patient", "guide"]), (61.0, ["patient", "guide", "patient"])] {
        let mut members = vec![member(1, metres(300.0), &[]), member(2, metres(400.0), &[])];
        assign(0, EmergencyType::Medical, &mut members, &[]);
        members.push(member(3, metres(300.0 - gain), &[]));
        assign(5, EmergencyType::Medical, &mut members, &[]);
        assert_eq!(roles(&members), expected);
    }
    for (gain, expected) in [(59.0, "guide"), (61.0, "aed")] {
        let mut members: Vec<TeamMember> =
            [100.0, 300.0, 150.0].iter().zip(1..).map(|(m, n)| member(n, *m, &[metres(400.0)])).collect();
        assign(0, EmergencyType::Medical, &mut members, &[aed(71, 0.0)]);
        members.push(member(9, 300.0, &[metres(400.0 - gain)]));
        let holder = members.iter().position(|m| m.assignment.is_some_and(|held| held.role == TeamRole::Aed)).unwrap();
        assign(5, EmergencyType::Medical, &mut members, &[aed(71, 0.0)]);
        assert_eq!(roles(&members)[3], expected);
        // Not from one who has it in hand.
        members[3].assignment = None;
        members[holder].assignment = Some(Assignment {
            role: TeamRole::Aed,
            resource: Some(id(71)),
            has_collected: true,
            since: at(0),
            moves: 0,
        });
        assign(6, EmergencyType::Medical, &mut members, &[aed(71, 0.0)]);
        assert_eq!(roles(&members)[holder], "aed");
    }
}

#[test]
fn helpers_stand_down_only_beside_two_others_who_are_there_or_much_sooner() {
    use StandDownReason::{EnoughHelpers, TooLate};
    let of = |arrivals: &[f64]| -> Vec<(u128, StandDownReason)> {
        let members: Vec<TeamMember> =
            (1..).zip(arrivals).map(|(n, &arrival)| TeamMember { arrival, ..member(n, 0.0, &[]) }).collect();
        stand_downs(&members).into_iter().map(|(helper, reason)| (uuid::Uuid::from(helper).as_u128(), reason)).collect()
    };
    assert_eq!(of(&[9_000.0]), []);
    assert_eq!(of(&[0.0, 9_000.0]), []);
    assert_eq!(of(&[0.0, 0.0, 300.0, 301.0]), [(4, EnoughHelpers)]);
    assert_eq!(of(&[600.0, 601.0, 1_200.0]), []);
    assert_eq!(of(&[600.0, 601.0, 1_201.0]), [(3, TooLate)]);
    assert_eq!(of(&[600.0, 602.0, 1_201.0]), []);
}

/// Something that happens to a team of at most six.
#[derive(Debug, Clone)]
enum Happening {
    Accepts(u128, TeamMember),
    Leaves(u128),
    Arrives(u128),
    Collects(u128),
    Missing(usize),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let person = 1..=6_u128;
    let coming = (person.clone(), 1.0..3_000.0_f64, vec(1.0..2_000.0_f64, 3));
    prop_oneof![
        5 => coming.prop_map(|(n, metres, boxes)| Happening::Accepts(n, member(n, metres, &boxes))),
        2 => person.clone().prop_map(Happening::Leaves),
        1 => person.clone().prop_map(Happening::Arrives),
        1 => person.prop_map(Happening::Collects),
        1 => (0..3_usize).prop_map(Happening::Missing),
    ]
}

/// Who goes to the patient and arrives first.
fn first_now(team: &BTreeMap<u128, TeamMember>, main: TeamRole) -> Option<u128> {
    let mains = team.iter().filter(|(_, member)| member.assignment.is_some_and(|held| held.role == main));
    mains.min_by(|a, b| a.1.arrival.total_cmp(&b.1.arrival).then(a.0.cmp(b.0))).map(|(n, _)| *n)
}

proptest! {
    #[test]
    fn whatever_happens_a_team_keeps_its_rules(
        kind in select(EmergencyType::ALL),
        happenings in vec(any_happening(), 1..40),
        from_box in vec(1.0..2_000.0_f64, 3),
    ) {
        let mut boxes: Vec<AedBox> = (71..).zip(from_box).map(|(n, metres)| aed(n, metres)).collect();
        let mut team: BTreeMap<u128, TeamMember> = BTreeMap::new();
        for (second, happening) in (0..).zip(happenings) {
            match happening {
                Happening::Accepts(n, member) => { team.entry(n).or_insert(member); }
                Happening::Leaves(n) => { team.remove(&n); }
                Happening::Arrives(n) => { team.entry(n).and_modify(|member| member.arrival = 0.0); }
                Happening::Collects(n) => {
                    let Some(member) = team.get_mut(&n) else { continue };
                    if let Some(held) = &mut member.assignment { held.has_collected = held.resource.is_some(); }
                }
                Happening::Missing(n) => boxes[n].is_open = Some(false),
            }
            let before = team.clone();
            let first = first_now(&team, if matches!(kind, EmergencyType::Assault | EmergencyType::Safety) { TeamRole::Companion } else { TeamRole::Patient });
            let mut members: Vec<TeamMember> = team.values().cloned().collect();
            let mut reversed: Vec<TeamMember> = members.iter().rev().cloned().collect();
            let changes = assign(second, kind, &mut members, &boxes);
            prop_assert_eq!(&changes, &assign(second, kind, &mut reversed, &boxes));
            // A role that is given back may be better for another: that is seen at the next decision.
            assign(second, kind, &mut reversed, &boxes);
            assign(second, kind, &mut reversed, &boxes);
            prop_assert!(assign(second, kind, &mut reversed, &boxes).is_empty(), "roles move without a cause");
            team = team.keys().copied().zip(members).collect();

            let held = |n: u128| team.get(&n).and_then(|member| member.assignment);
            let count = |role| team.values().filter(|member| member.assignment.unwrap().role == role).count();
            let main = if matches!(kind, EmergencyType::Assault | EmergencyType::Safety) { TeamRole::Companion } else { TeamRole::Patient };
            prop_assert!(team.is_empty() || count(main) >= 1, "nobody is with the patient");
            prop_assert!(count(main) <= 2 && count(TeamRole::Guide) <= 1 && count(TeamRole::Support) <= 2 && count(TeamRole::Aed) <= 1);
            prop_assert!(team.len() > 1 || count(TeamRole::Aed) == 0, "the only one fetches the box");
            // The way by an open box, as a formula of its own: within the limits, and not for the first one at the patient.
            let brings = |(n, member): (&u128, &TeamMember)| {
                let held = member.assignment.unwrap();
                let ways = boxes.iter().zip(&member.distances_to_boxes).filter(|(aed, _)| aed.is_open == Some(true));
                let detour = |(aed, to_box): (&AedBox, &Metres)| {
                    30.0 + 1.5 * (to_box.get() + aed.distance.get() - member.distance.unwrap().get()) / 2.3
                };
                let fits = |detour: f64| detour <= 299.999 && member.arrival + detour <= 899.999;
                Some(*n) != first_now(&team, main) && held.moves < 2 && ways.map(detour).any(fits)
            };
            let is_collected = team.values().any(|member| member.assignment.unwrap().has_collected);
            let has_aed = matches!(kind, EmergencyType::Medical | EmergencyType::Accident);
            if has_aed && team.len() > 1 && !is_collected && team.iter().any(brings) {
                prop_assert_eq!(count(TeamRole::Aed), 1, "no defibrillator is fetched");
            }
            let resources: Vec<ResourceId> = team.values().filter_map(|member| member.assignment.unwrap().resource).collect();
            prop_assert_eq!(resources.iter().collect::<BTreeSet<_>>().len(), resources.len(), "two fetch one box");
            for (n, member) in &before {
                let (Some(was), Some(is)) = (member.assignment, held(*n)) else { continue };
                prop_assert!(!was.has_collected || is.resource == was.resource, "a collected box has moved");
                prop_assert!(is.moves >= was.moves);
                prop_assert!(is.moves == was.moves || is.moves <= 2 || is.role == main || was.role == TeamRole::Aed, "a role has moved too often");
            }
            if let Some(first) = first {
                let soonest = first_now(&team, main).map_or(f64::INFINITY, |n| team[&n].arrival);
                prop_assert!(soonest <= before[&first].arrival, "help was sent away from the patient");
            }
        }
    }
}
