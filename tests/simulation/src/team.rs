//! The roles of the domain in the simulation.

use allynet_domain::{
    EmergencyType, Metres, ResourceId,
    dispatch::{AedBox, TeamMember, TravelModel, assign_team},
};
use uuid::Uuid;

use crate::{
    person::{Person, Phase},
    view::{journey, number, timestamp, user},
    world::{Incident, distance},
};

/// Boxes farther away from the patient are not looked at, in metres.
const REACH: f64 = 2_000.0;

fn resource(n: usize) -> ResourceId {
    Uuid::from_u128(n as u128).into()
}

/// Assigns roles. Returns who changes the way, with the box to fetch.
pub(crate) fn assign(
    now: f64,
    incident: &Incident,
    kind: EmergencyType,
    travel: &TravelModel,
    people: &mut [Person],
) -> Vec<(usize, Option<usize>)> {
    let patient = (0.0, 0.0);
    let near: Vec<usize> =
        (0..incident.boxes.len()).filter(|&b| distance(incident.boxes[b], patient) < REACH).collect();
    let aed = |&b: &usize| AedBox {
        id: resource(b),
        distance: Metres::new(distance(incident.boxes[b], patient)),
        is_open: Some(true),
    };
    let boxes: Vec<AedBox> = near.iter().map(aed).collect();
    let at = timestamp(now, incident.is_night);
    let member = |(n, person): (usize, &Person)| {
        let helper = &incident.helpers[n];
        let (place, left) = person.route.at(now, helper.speed, &incident.boxes);
        let arrival = match person.phase {
            Phase::There => 0.0,
            Phase::Coming { .. } => {
                travel.arrival_of_accepted(at, &journey(now, incident, n, person, helper.known_mode)?)
            }
            Phase::NotAlerted | Phase::Silent { .. } | Phase::Gone => return None,
        };
        Some(TeamMember {
            helper: user(n),
            arrival,
            speed: travel.speeds[helper.known_mode as usize],
            distance: Some(Metres::new(if arrival > 0.0 { left } else { 0.0 })),
            distances_to_boxes: near.iter().map(|&b| Metres::new(distance(place, incident.boxes[b]))).collect(),
            assignment: person.role,
            earlier_moves: 0,
        })
    };
    let members: Vec<TeamMember> = people.iter().enumerate().filter_map(member).collect();
    let mut ways = Vec::new();
    for change in assign_team(at, kind, travel, &members, &boxes) {
        let n = number(change.helper);
        people[n].role = Some(change.assignment);
        let by = near.iter().copied().find(|&b| change.assignment.resource == Some(resource(b)));
        let is_on_the_way = matches!(people[n].phase, Phase::Coming { .. });
        if is_on_the_way && !people[n].has_box && by != people[n].route.by {
            ways.push((n, by));
        }
    }
    ways
}
