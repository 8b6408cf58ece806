//! What a policy is told of an incident, and how that reads as a situation of the domain.

use allynet_domain::{
    EmergencyType, Metres, Severity, Timestamp, UserId,
    dispatch::{
        AlertHistory, AlertedHelper, Candidate, DeviceHealth, HelperFacts, HelperProgress, Journey, Situation,
        Transport, WaveProgress,
    },
};
use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    person::{Person, Phase},
    world::Incident,
};

/// An incident as a policy sees it.
pub(crate) struct View<'a> {
    pub(crate) now: f64,
    pub(crate) incident: &'a Incident,
    pub(crate) people: &'a [Person],
    pub(crate) ranking: &'a HelperRanking,
    pub(crate) wave: Option<WaveProgress>,
}

/// Helpers by the distance and by the arrival that the service knows of.
pub(crate) struct HelperRanking {
    pub(crate) by_distance: Vec<usize>,
    pub(crate) by_arrival: Vec<usize>,
}

/// What a variant of a policy does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ignorance {
    pub(crate) of_modes: bool,
    pub(crate) of_history: bool,
}

pub(crate) fn user(n: usize) -> UserId {
    Uuid::from_u128(n as u128 + 1).into()
}

pub(crate) fn number(user: UserId) -> usize {
    usize::try_from(Uuid::from(user).as_u128() - 1).unwrap_or(usize::MAX)
}

pub(crate) fn timestamp(seconds: f64, is_night: bool) -> Timestamp {
    const DAY: i64 = 86_400;
    const HOUR: i64 = 3_600;
    let start = 20_000 * DAY + if is_night { 2 } else { 12 } * HOUR;
    #[expect(clippy::cast_possible_truncation, reason = "an hour in milliseconds")]
    let since = TimeDelta::milliseconds((seconds * 1_000.0).round() as i64);
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(start) + since
}

impl View<'_> {
    pub(crate) fn timestamp(&self, seconds: f64) -> Timestamp {
        timestamp(seconds, self.incident.is_night)
    }

    /// The seconds of the incident at a moment.
    pub(crate) fn seconds(&self, at: Timestamp) -> f64 {
        (at - self.timestamp(0.0)).as_seconds_f64()
    }

    /// Helpers that were not alerted and are free, by the order that is given.
    pub(crate) fn free<'a>(&'a self, order: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        order
            .iter()
            .copied()
            .filter(|&n| self.people[n].phase == Phase::NotAlerted && self.incident.helpers[n].engaged_at > self.now)
    }

    pub(crate) fn known_distance(&self, n: usize) -> f64 {
        self.incident.helpers[n].known_distance
    }

    /// Whether somebody comes or is there.
    pub(crate) fn is_responded(&self) -> bool {
        self.people.iter().any(|person| matches!(person.phase, Phase::Coming { .. } | Phase::There))
    }

    pub(crate) fn count(&self, is_counted: impl Fn(Phase) -> bool) -> usize {
        self.people.iter().filter(|person| is_counted(person.phase)).count()
    }

    /// The situation with the first `limit` helpers of an order as candidates.
    pub(crate) fn situation(
        &self,
        kind: EmergencyType,
        order: &[usize],
        limit: usize,
        ignorance: Ignorance,
    ) -> Situation {
        let candidate = |n: usize| Candidate {
            helper: user(n),
            facts: self.facts(n, ignorance),
            is_proven: true,
            tier: None,
            skills: Vec::new(),
            joined_later: false,
            excluded: None,
        };
        let alerted = self.people.iter().enumerate().filter_map(|(n, person)| {
            let progress = self.progress(n, person, ignorance)?;
            Some(AlertedHelper { helper: user(n), is_proven: true, counts_towards_cap: true, progress })
        });
        Situation {
            kind,
            severity: Severity::DEFAULT,
            is_critical: false,
            search_started_at: self.timestamp(0.0),
            candidates: self.free(order).take(limit).map(candidate).collect(),
            alerted: alerted.collect(),
            wave: self.wave,
        }
    }

    fn transport(&self, n: usize, ignorance: Ignorance) -> Transport {
        if ignorance.of_modes { Transport::Foot } else { self.incident.helpers[n].known_mode }
    }

    fn facts(&self, n: usize, ignorance: Ignorance) -> HelperFacts {
        let helper = &self.incident.helpers[n];
        HelperFacts {
            distance: Metres::new(helper.known_distance),
            transport: self.transport(n, ignorance),
            history: if ignorance.of_history { AlertHistory::default() } else { helper.history },
            device: DeviceHealth::default(),
        }
    }

    fn progress(&self, n: usize, person: &Person, ignorance: Ignorance) -> Option<HelperProgress> {
        match person.phase {
            Phase::NotAlerted => None,
            Phase::Silent { since, acknowledged_at } => Some(HelperProgress::Silent {
                facts: self.facts(n, ignorance),
                alerted_at: self.timestamp(since),
                acknowledged_at: acknowledged_at.map(|at| self.timestamp(at)),
            }),
            Phase::Coming { .. } => self.journey(n, person, ignorance).map(HelperProgress::Coming),
            Phase::There => Some(HelperProgress::There),
            Phase::Gone => Some(HelperProgress::Gone),
        }
    }

    fn journey(&self, n: usize, person: &Person, ignorance: Ignorance) -> Option<Journey> {
        journey(self.now, self.incident, n, person, self.transport(n, ignorance))
    }
}

/// The way of a helper who has accepted, as the service knows it from fresh positions.
pub(crate) fn journey(
    now: f64,
    incident: &Incident,
    n: usize,
    person: &Person,
    transport: Transport,
) -> Option<Journey> {
    const MOVED: f64 = 20.0;
    let Phase::Coming { since } = person.phase else { return None };
    let speed = incident.helpers[n].speed;
    let (_, left) = person.route.at(now, speed, &incident.boxes);
    let has_moved = (now - person.route.departs) * speed > MOVED;
    Some(Journey {
        accepted_at: timestamp(since, incident.is_night),
        transport,
        distance: Some(Metres::new(left)),
        has_moved,
        // Positions two minutes apart tell the speed along the way, of which the detour is taken off again.
        speed: has_moved.then_some(1.5 * speed),
        estimated_arrival: None,
    })
}
