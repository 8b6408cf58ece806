//! What is true in the simulation: who is where, when they would come, and when the ambulance does.
//!
//! A quantity marked "assumed" has no source. What policies are told of it is decided in `view.rs`.

use allynet_domain::dispatch::{AlertHistory, Transport};

use crate::random::Stream;

/// Radius of the world around an incident, in metres.
pub(crate) const RADIUS: f64 = 5_000.0;
/// Seconds after which an incident is over without an ambulance.
pub(crate) const HORIZON: f64 = 3_600.0;
/// Incidents per square kilometre and year. Assumed: about 0.7 cardiac arrests per thousand people, 3,000 people.
pub(crate) const INCIDENTS_PER_YEAR: f64 = 2.0;
/// Mean probability that an alerted helper next door accepts: 62,711 of 177,866 alerts in Denmark.
pub(crate) const ACCEPTANCE: f64 = 0.353;
/// Distance over which it falls to 1/e, in metres. Assumed.
pub(crate) const DECAY: f64 = 2_500.0;
/// Share of those who accept and give up on the way.
pub(crate) const ABORTS: f64 = 0.2;
const CONCENTRATION: f64 = 2.5;
const DECLINES: f64 = 0.4;
const EARLIER_ALERTS: u32 = 10;
const EARLIER_RADIUS: f64 = 1_000.0;
/// Share on foot, by bike and by car (assumed), their median speeds and preparations (assumed).
const MODES: [(Transport, f64, f64, f64); 3] =
    [(Transport::Foot, 0.62, 1.8, 0.0), (Transport::Bike, 0.18, 3.9, 25.0), (Transport::Car, 0.20, 6.5, 60.0)];
/// Homes and offices: clusters per square metre, and their spread in metres. Assumed.
const CLUSTERS: f64 = 0.4e-6;
const CLUSTER_SPREAD: f64 = 400.0;

/// How helpers are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Poisson,
    /// In clusters, as cities are; every second incident is at night.
    Clustered,
}

/// The ways in which the truth differs from the base case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Median seconds of the ambulance's drive. `None`: none comes.
    pub(crate) ambulance: Option<f64>,
    pub(crate) deaf: f64,
    pub(crate) acceptance: f64,
    pub(crate) speed: f64,
    /// Positions up to half an hour old, a mode that is known for 80 %, and a second incident a kilometre away.
    pub(crate) imperfect: bool,
    /// Whether the policies know that no ambulance comes: an emergency of another type.
    pub(crate) type_without_ambulance: bool,
}

pub(crate) const BASE: Scenario = Scenario {
    name: "base",
    ambulance: Some(480.0),
    deaf: 0.0,
    acceptance: ACCEPTANCE,
    speed: 1.0,
    imperfect: false,
    type_without_ambulance: false,
};

pub(crate) const SCENARIOS: [Scenario; 8] = [
    BASE,
    Scenario { name: "no_ambulance", ambulance: None, ..BASE },
    Scenario { name: "other_type", ambulance: None, type_without_ambulance: true, ..BASE },
    Scenario { name: "ambulance_20_min", ambulance: Some(1_110.0), ..BASE },
    Scenario { name: "deaf_20", deaf: 0.2, ..BASE },
    Scenario { name: "acceptance_5", acceptance: 0.05, ..BASE },
    Scenario { name: "fast", speed: 1.5, ..BASE },
    Scenario { name: "imperfect", deaf: 0.2, imperfect: true, ..BASE },
];

/// A cell of the simulation: incidents of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) field: Field,
    pub(crate) scenario: Scenario,
    /// Helpers on duty per square kilometre.
    pub(crate) density: f64,
}

/// Somebody on duty.
#[derive(Debug, Clone)]
pub(crate) struct Helper {
    pub(crate) place: (f64, f64),
    /// The distance by the position that the service has.
    pub(crate) known_distance: f64,
    pub(crate) known_mode: Transport,
    pub(crate) history: AlertHistory,
    pub(crate) is_deaf: bool,
    pub(crate) accepts: bool,
    pub(crate) declines: bool,
    /// Seconds from the alert to the answer, and until setting out.
    pub(crate) answer: f64,
    pub(crate) sets_out: f64,
    /// Metres per second of straight line: the speed, divided by the detour.
    pub(crate) speed: f64,
    /// Share of the way at which the helper gives up.
    pub(crate) aborts_at: Option<f64>,
    /// When the helper accepts the other incident.
    pub(crate) engaged_at: f64,
}

/// One incident at the origin, with everything that is drawn for it.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) helpers: Vec<Helper>,
    /// Open boxes with a defibrillator.
    pub(crate) boxes: Vec<(f64, f64)>,
    /// When the ambulance comes, or the hour is over.
    pub(crate) end: f64,
    pub(crate) is_night: bool,
}

pub(crate) fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

impl Incident {
    pub(crate) fn draw(seed: u64, cell: &Cell, number: u64) -> Self {
        let is_night = cell.field == Field::Clustered && number % 2 == 1;
        let stream = |name: u64| Stream::of(&[seed, number, name]);
        let places = places(cell, &mut stream(1));
        let other = stream(2).in_disc(1.0);
        let other = (other.0 * 1_000.0, other.1 * 1_000.0);
        let helpers = (0..).zip(places).map(|(n, place)| {
            let mut stream = |quantity: u64| Stream::of(&[seed, number, 100 + n, quantity]);
            helper(&cell.scenario, place, other, is_night, &mut stream)
        });
        let mut boxes = stream(3);
        let count = boxes.poisson(std::f64::consts::PI * (RADIUS / 1_000.0).powi(2));
        let all: Vec<(f64, f64)> = (0..count).map(|_| boxes.in_disc(RADIUS)).collect();
        // At night coverage falls by half and more (Copenhagen).
        let share_open = if is_night { 0.25 } else { 0.6 };
        let boxes = all.into_iter().filter(|_| boxes.chance(share_open)).collect();
        let mut drive = stream(4);
        let end =
            cell.scenario.ambulance.map_or(HORIZON, |median| (90.0 + drive.log_normal(median, 0.35)).min(HORIZON));
        Self { helpers: helpers.collect(), boxes, end, is_night }
    }
}

fn places(cell: &Cell, stream: &mut Stream) -> Vec<(f64, f64)> {
    let area = std::f64::consts::PI * RADIUS * RADIUS;
    let density = cell.density * 1e-6;
    if cell.field == Field::Poisson {
        return (0..stream.poisson(density * area)).map(|_| stream.in_disc(RADIUS)).collect();
    }
    let mut around =
        |centre: (f64, f64)| (centre.0 + CLUSTER_SPREAD * stream.normal(), centre.1 + CLUSTER_SPREAD * stream.normal());
    // The incident is in a cluster, too.
    let mut centres = vec![around((0.0, 0.0))];
    let margin = RADIUS + 2.0 * CLUSTER_SPREAD;
    for _ in 0..stream.poisson(CLUSTERS * std::f64::consts::PI * margin * margin) {
        centres.push(stream.in_disc(margin));
    }
    let mut places = Vec::new();
    for centre in centres {
        for _ in 0..stream.poisson(density / CLUSTERS) {
            let place = (centre.0 + CLUSTER_SPREAD * stream.normal(), centre.1 + CLUSTER_SPREAD * stream.normal());
            places.push(place);
        }
    }
    places.retain(|&place| distance(place, (0.0, 0.0)) <= RADIUS);
    places
}

fn helper(
    scenario: &Scenario,
    place: (f64, f64),
    other: (f64, f64),
    is_night: bool,
    stream: &mut dyn FnMut(u64) -> Stream,
) -> Helper {
    let away = distance(place, (0.0, 0.0));
    let choice = stream(1).unit();
    let (mode, _, speed, preparation) = match choice {
        c if c < MODES[0].1 => MODES[0],
        c if c < MODES[0].1 + MODES[1].1 => MODES[1],
        _ => MODES[2],
    };
    let is_known = !scenario.imperfect || stream(2).chance(0.8);
    let willing = stream(3).beta(scenario.acceptance, CONCENTRATION);
    let mut earlier = stream(4);
    // Earlier alerts were up to a kilometre away, as those of most policies are. Assumed.
    let mut is_kept = || {
        let away = EARLIER_RADIUS * earlier.unit().sqrt();
        earlier.chance(willing * (-away / DECAY).exp() * (1.0 - ABORTS))
    };
    let kept = (0..EARLIER_ALERTS).filter(|_| is_kept()).count();
    let sets_out = stream(5).log_normal(if is_night { 142.0 } else { 105.0 }, 0.55);
    // Nobody sets out before answering.
    let answer = stream(6).log_normal(20.0, 0.8).min(sets_out);
    let detour = stream(7).log_normal(1.5, 0.25).max(1.05);
    let speed = stream(8).log_normal(speed, 0.35) * scenario.speed;
    let accepts = stream(9).chance(willing * (-away / DECAY).exp());
    let declines = stream(10).chance(DECLINES);
    let mut giving_up = stream(11);
    let aborts_at = giving_up.chance(ABORTS).then(|| giving_up.unit());
    let (known_distance, engaged_at) = if scenario.imperfect {
        let mut moved = stream(12);
        // Half of the helpers have been walking about since their last position. Assumed.
        let drift = if moved.chance(0.5) { 0.0 } else { 10.0 * (moved.unit() * 1_800.0).sqrt() };
        let known = (place.0 + drift * moved.normal(), place.1 + drift * moved.normal());
        let is_nearer_to_other = distance(place, other) < away;
        let engaged = is_nearer_to_other && stream(13).chance(willing * (-distance(place, other) / DECAY).exp());
        (distance(known, (0.0, 0.0)), if engaged { answer } else { f64::INFINITY })
    } else {
        (away, f64::INFINITY)
    };
    Helper {
        place,
        known_distance,
        known_mode: if is_known { mode } else { Transport::Foot },
        history: AlertHistory { alerts: EARLIER_ALERTS, kept: u32::try_from(kept).unwrap_or(0) },
        is_deaf: stream(14).chance(scenario.deaf),
        accepts,
        declines,
        answer,
        sets_out: sets_out + preparation,
        speed: speed / detour,
        aborts_at,
        engaged_at,
    }
}
