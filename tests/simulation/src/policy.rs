//! The policies that are compared, all behind one trait. Ours calls the function that the service calls.

use allynet_domain::{
    AlertPolicy, EmergencyType, Metres,
    dispatch::{
        Decision, DispatchPolicy as _, GainPolicy, MAX_CANDIDATES, TravelModel, WavePolicy, WaveProgress, decide,
    },
};

use crate::{
    person::Phase,
    view::{Ignorance, View, number},
    world::{Scenario, distance},
};

/// Whom a policy alerts now: helpers, each with the box to fetch on the way.
#[derive(Default)]
pub(crate) struct Orders {
    pub(crate) alert: Vec<(usize, Option<usize>)>,
    pub(crate) again_at: Option<f64>,
    pub(crate) wave: Option<WaveProgress>,
}

/// A policy. It is asked at the beginning, whenever a helper answers, gives up or arrives, and when it asked to be.
pub(crate) trait SimulatedPolicy: Sync {
    fn decide(&self, view: &View<'_>) -> Orders;

    /// The kind of emergency and the travel model by which roles are given; `None` for policies without roles.
    fn team(&self) -> Option<(EmergencyType, &TravelModel)> {
        None
    }
}

/// The name of a policy with its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Label {
    pub(crate) policy: &'static str,
    pub(crate) price: Option<f64>,
    pub(crate) minimum: Option<usize>,
    pub(crate) variant: Option<&'static str>,
}

pub(crate) struct Competitor {
    pub(crate) label: Label,
    pub(crate) policy: Box<dyn SimulatedPolicy>,
}

/// The prices at which ours is compared, with a minimum of none.
pub(crate) const PRICES: [f64; 10] = [192.0, 96.0, 48.0, 24.0, 12.0, 6.0, 4.0, 3.0, 1.0, 0.3];
pub(crate) const DEFAULT_PRICE: f64 = 4.0;
pub(crate) const DEFAULT_MINIMUM: usize = 3;

/// All policies for a scenario: the published ones, then ours. `only_main` leaves out variants.
pub(crate) fn all(scenario: &Scenario) -> Vec<Competitor> {
    let published: [(&'static str, Box<dyn SimulatedPolicy>); 8] = [
        ("everybody", Box::new(Within { metres: f64::INFINITY, most: usize::MAX, by: Fetching::Nobody })),
        ("waves", Box::new(Waves(WavePolicy { alerts: AlertPolicy::default() }))),
        ("radius400", Box::new(Within { metres: 400.0, most: usize::MAX, by: Fetching::Nobody })),
        ("heartrunner", Box::new(Within { metres: 1_300.0, most: 30, by: Fetching::AllButOne })),
        ("hartslagnu", Box::new(Within { metres: 1_500.0, most: 100, by: Fetching::Half })),
        ("goodsam", Box::new(Phased)),
        ("replace7", Box::new(Replacing)),
        ("rdl9", Box::new(ByArrival { travel: TravelModel::default() })),
    ];
    let published = published.into_iter().map(|(policy, of)| Competitor {
        label: Label { policy, price: None, minimum: None, variant: None },
        policy: of,
    });
    let plain = PRICES.iter().map(|&price| (price, 0, None));
    let default = [None, Some("last"), Some("no_modes"), Some("no_history")];
    let default = default.into_iter().map(|variant| (DEFAULT_PRICE, DEFAULT_MINIMUM, variant));
    let ours = plain.chain(default).map(|(price, minimum, variant)| ours(scenario, price, minimum, variant));
    published.chain(ours).collect()
}

pub(crate) fn ours(scenario: &Scenario, price: f64, minimum: usize, variant: Option<&'static str>) -> Competitor {
    let free_after = if variant == Some("last") { GainPolicy::default().free_after } else { chrono::TimeDelta::MAX };
    let policy = GainPolicy { price, min_helpers: minimum, free_after, ..GainPolicy::default() };
    let ignorance = Ignorance { of_modes: variant == Some("no_modes"), of_history: variant == Some("no_history") };
    let kind = if scenario.type_without_ambulance { EmergencyType::Other } else { EmergencyType::Medical };
    Competitor {
        label: Label { policy: "gain", price: Some(price), minimum: Some(minimum), variant },
        policy: Box::new(Gain { policy, ignorance, kind }),
    }
}

/// Ours.
struct Gain {
    policy: GainPolicy,
    ignorance: Ignorance,
    kind: EmergencyType,
}

fn orders(view: &View<'_>, decision: &Decision) -> Orders {
    Orders {
        alert: decision.chosen.iter().map(|choice| (number(choice.helper), None)).collect(),
        again_at: decision.decide_again_at.map(|at| view.seconds(at)),
        wave: decision.wave,
    }
}

impl SimulatedPolicy for Gain {
    fn decide(&self, view: &View<'_>) -> Orders {
        // Everybody on foot arrives in the order of distance.
        let order = if self.ignorance.of_modes { &view.ranking.by_distance } else { &view.ranking.by_arrival };
        let situation = view.situation(self.kind, order, MAX_CANDIDATES, self.ignorance);
        orders(view, &decide(view.timestamp(view.now), &situation, &self.policy))
    }

    fn team(&self) -> Option<(EmergencyType, &TravelModel)> {
        Some((self.kind, &self.policy.travel))
    }
}

/// Waves, as the service sends them.
struct Waves(WavePolicy);

impl SimulatedPolicy for Waves {
    fn decide(&self, view: &View<'_>) -> Orders {
        let most = self.0.alerts.wave_size() as usize;
        // No decision alerts more than a wave and a substitute for each place.
        let order = &view.ranking.by_distance;
        let mut situation = view.situation(EmergencyType::Medical, order, 2 * most, Ignorance::default());
        // Places are counted, not distances: all helpers are within the first radius.
        situation.candidates.retain(|c| c.facts.distance <= Metres::new(15_000.0));
        orders(view, &self.0.decide(view.timestamp(view.now), &situation))
    }
}

/// Who fetches a box.
#[derive(PartialEq)]
enum Fetching {
    Nobody,
    /// All but the nearest helper, each by the box that is the shortest detour.
    AllButOne,
    /// Every second helper, by the box nearest to the patient.
    Half,
}

/// The nearest helpers within a radius, at once.
struct Within {
    metres: f64,
    most: usize,
    by: Fetching,
}

impl SimulatedPolicy for Within {
    fn decide(&self, view: &View<'_>) -> Orders {
        if view.now > 0.0 {
            return Orders::default();
        }
        let boxes = &view.incident.boxes;
        let from_patient = |b: usize| distance(boxes[b], (0.0, 0.0));
        let near: Vec<usize> = (0..boxes.len()).filter(|&b| from_patient(b) <= self.metres).collect();
        let nearest =
            |length: &dyn Fn(usize) -> f64| near.iter().copied().min_by(|&a, &b| length(a).total_cmp(&length(b)));
        let chosen = view.free(&view.ranking.by_distance).take_while(|&n| view.known_distance(n) <= self.metres);
        let fetches = |(rank, n): (usize, usize)| {
            let place = view.incident.helpers[n].place;
            let by = match self.by {
                Fetching::AllButOne if rank > 0 => nearest(&|b| distance(place, boxes[b]) + from_patient(b)),
                Fetching::Half if rank % 2 == 1 => nearest(&from_patient),
                Fetching::Nobody | Fetching::AllButOne | Fetching::Half => None,
            };
            (n, by)
        };
        Orders { alert: chosen.take(self.most).enumerate().map(fetches).collect(), ..Orders::default() }
    }
}

/// Three at a time each minute within a kilometre, until one accepts.
struct Phased;

impl SimulatedPolicy for Phased {
    fn decide(&self, view: &View<'_>) -> Orders {
        const MINUTE: f64 = 60.0;
        let is_due = (view.now / MINUTE).fract() < 1e-4;
        if view.is_responded() {
            return Orders::default();
        }
        let next = ((view.now + 0.01) / MINUTE).ceil() * MINUTE;
        let near = view.free(&view.ranking.by_distance).take_while(|&n| view.known_distance(n) <= 1_000.0);
        let alert = if is_due { near.take(3).map(|n| (n, None)).collect() } else { Vec::new() };
        Orders { alert, again_at: Some(next), wave: None }
    }
}

/// Seven within a kilometre; each one who declines or gives up is replaced.
struct Replacing;

impl SimulatedPolicy for Replacing {
    fn decide(&self, view: &View<'_>) -> Orders {
        let asked = view.count(|phase| !matches!(phase, Phase::NotAlerted | Phase::Gone));
        let near = view.free(&view.ranking.by_distance).take_while(|&n| view.known_distance(n) <= 1_000.0);
        Orders { alert: near.take(7_usize.saturating_sub(asked)).map(|n| (n, None)).collect(), ..Orders::default() }
    }
}

/// Nine by arrival within two kilometres, with roles.
struct ByArrival {
    travel: TravelModel,
}

impl SimulatedPolicy for ByArrival {
    fn decide(&self, view: &View<'_>) -> Orders {
        if view.now > 0.0 {
            return Orders::default();
        }
        let near = view.free(&view.ranking.by_arrival).filter(|&n| view.known_distance(n) <= 2_000.0);
        Orders { alert: near.take(9).map(|n| (n, None)).collect(), ..Orders::default() }
    }

    fn team(&self) -> Option<(EmergencyType, &TravelModel)> {
        Some((EmergencyType::Medical, &self.travel))
    }
}
