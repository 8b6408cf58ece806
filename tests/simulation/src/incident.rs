//! One incident under one policy, event by event in virtual time.

use std::{cmp::Reverse, collections::BinaryHeap};

use allynet_domain::dispatch::WaveProgress;

use crate::{
    person::{FETCH, Person, Phase, Route},
    policy::SimulatedPolicy,
    team,
    view::{HelperRanking, View},
    world::{Helper, Incident, distance},
};

/// Seconds until a device acknowledges.
const ACKNOWLEDGED_AFTER: f64 = 2.0;

/// What an incident came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) alerts: u32,
    /// Seconds until help: a helper, the ambulance, or the end of the hour.
    pub(crate) seconds: f64,
    pub(crate) is_helped: bool,
    /// Whether a third helper, and a defibrillator, came before the end.
    pub(crate) third: bool,
    pub(crate) aed: bool,
    pub(crate) arrivals: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Decide { version: u32 },
    Acknowledges(usize),
    Engaged(usize),
    Answers(usize),
    GivesUp(usize),
    HasBox(usize, u32),
    Arrives(usize, u32),
}

/// Plays an incident.
pub(crate) fn play(incident: &Incident, ranking: &HelperRanking, policy: &dyn SimulatedPolicy) -> Outcome {
    let mut run = Run::new(incident, ranking, policy);
    run.decide(0.0);
    while let Some(Reverse((time, _, event))) = run.queue.pop() {
        let now = f64::from_bits(time);
        if now > incident.end {
            break;
        }
        run.happen(now, event);
    }
    run.outcome()
}

struct Run<'a> {
    incident: &'a Incident,
    ranking: &'a HelperRanking,
    policy: &'a dyn SimulatedPolicy,
    people: Vec<Person>,
    queue: BinaryHeap<Reverse<(u64, u32, Event)>>,
    pushed: u32,
    timer: u32,
    wave: Option<WaveProgress>,
    alerts: u32,
    first: Option<f64>,
    arrivals: u32,
    aed: bool,
}

impl<'a> Run<'a> {
    fn new(incident: &'a Incident, ranking: &'a HelperRanking, policy: &'a dyn SimulatedPolicy) -> Self {
        let person = |helper: &Helper| Person {
            phase: Phase::NotAlerted,
            route: Route { from: helper.place, departs: 0.0, by: None },
            has_box: false,
            role: None,
            version: 0,
            ordered_by: None,
        };
        Self {
            incident,
            ranking,
            policy,
            people: incident.helpers.iter().map(person).collect(),
            queue: BinaryHeap::new(),
            pushed: 0,
            timer: 0,
            wave: None,
            alerts: 0,
            first: None,
            arrivals: 0,
            aed: false,
        }
    }

    fn push(&mut self, at: f64, event: Event) {
        self.pushed += 1;
        // The bits of positive numbers are in their order.
        self.queue.push(Reverse((at.max(0.0).to_bits(), self.pushed, event)));
    }

    fn happen(&mut self, now: f64, event: Event) {
        match event {
            Event::Decide { version } if version == self.timer => self.decide(now),
            Event::Acknowledges(n) => {
                if let Phase::Silent { acknowledged_at, .. } = &mut self.people[n].phase {
                    *acknowledged_at = Some(now);
                }
            }
            Event::Answers(n) if matches!(self.people[n].phase, Phase::Silent { .. }) => self.answers(now, n),
            Event::Engaged(n) if matches!(self.people[n].phase, Phase::Silent { .. }) => self.goes(now, n),
            Event::GivesUp(n) if matches!(self.people[n].phase, Phase::Coming { .. }) => self.goes(now, n),
            Event::HasBox(n, version) if version == self.people[n].version => {
                self.people[n].has_box = true;
                if let Some(role) = &mut self.people[n].role {
                    role.has_collected = role.resource.is_some();
                }
            }
            Event::Arrives(n, version) if version == self.people[n].version => self.arrives(now, n),
            Event::Decide { .. }
            | Event::Answers(_)
            | Event::Engaged(_)
            | Event::GivesUp(_)
            | Event::HasBox(..)
            | Event::Arrives(..) => {}
        }
    }

    fn answers(&mut self, now: f64, n: usize) {
        if !self.incident.helpers[n].accepts {
            return self.goes(now, n);
        }
        let Phase::Silent { since, .. } = self.people[n].phase else { return };
        self.people[n].phase = Phase::Coming { since: now };
        let by = self.people[n].ordered_by;
        self.set_out(n, Route { departs: since + self.incident.helpers[n].sets_out, by, ..self.people[n].route });
        if let Some(share) = self.incident.helpers[n].aborts_at {
            let arrives = self.people[n].route.arrives(self.incident.helpers[n].speed, &self.incident.boxes);
            let departs = self.people[n].route.departs;
            self.push(departs + share * (arrives - departs), Event::GivesUp(n));
        }
        self.changed(now);
    }

    fn set_out(&mut self, n: usize, route: Route) {
        let speed = self.incident.helpers[n].speed;
        let person = &mut self.people[n];
        person.version += 1;
        person.route = route;
        let (version, arrives) = (person.version, route.arrives(speed, &self.incident.boxes));
        if let Some(by) = route.by {
            let collects = route.departs + distance(route.from, self.incident.boxes[by]) / speed + FETCH;
            self.push(collects, Event::HasBox(n, version));
        }
        self.push(arrives, Event::Arrives(n, version));
    }

    fn goes(&mut self, now: f64, n: usize) {
        self.people[n].phase = Phase::Gone;
        self.people[n].version += 1;
        self.changed(now);
    }

    fn arrives(&mut self, now: f64, n: usize) {
        let is_coming = matches!(self.people[n].phase, Phase::Coming { .. });
        if !is_coming {
            return;
        }
        self.people[n].phase = Phase::There;
        self.arrivals += 1;
        self.first = self.first.or(Some(now));
        self.aed |= self.people[n].has_box;
        self.changed(now);
    }

    fn changed(&mut self, now: f64) {
        if let Some((kind, travel)) = self.policy.team() {
            for (n, by) in team::assign(now, self.incident, kind, travel, &mut self.people) {
                let speed = self.incident.helpers[n].speed;
                let (from, _) = self.people[n].route.at(now, speed, &self.incident.boxes);
                let departs = self.people[n].route.departs.max(now);
                self.set_out(n, Route { from, departs, by });
            }
        }
        self.decide(now);
    }

    fn decide(&mut self, now: f64) {
        let Self { incident, ranking, .. } = *self;
        let view = View { now, incident, people: &self.people, ranking, wave: self.wave };
        let ordered = self.policy.decide(&view);
        self.wave = ordered.wave;
        for (n, by) in ordered.alert {
            self.alert(now, n, by);
        }
        self.timer += 1;
        if let Some(at) = ordered.again_at {
            self.push(at.max(now + 0.001), Event::Decide { version: self.timer });
        }
    }

    fn alert(&mut self, now: f64, n: usize, by: Option<usize>) {
        self.alerts += 1;
        self.people[n].phase = Phase::Silent { since: now, acknowledged_at: None };
        self.people[n].ordered_by = by;
        let helper = &self.incident.helpers[n];
        if helper.is_deaf {
            return;
        }
        self.push(now + ACKNOWLEDGED_AFTER, Event::Acknowledges(n));
        if helper.engaged_at.is_finite() {
            self.push(helper.engaged_at.max(now), Event::Engaged(n));
        } else if helper.accepts || helper.declines {
            self.push(now + helper.answer, Event::Answers(n));
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            alerts: self.alerts,
            seconds: self.first.unwrap_or(self.incident.end),
            is_helped: self.first.is_some(),
            third: self.arrivals >= 3,
            aed: self.aed,
            arrivals: self.arrivals,
        }
    }
}
