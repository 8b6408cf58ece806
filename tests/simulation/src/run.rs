//! Runs all incidents of all cells under all policies, on every core, with the same result on any number of them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use allynet_domain::{Metres, dispatch::TravelModel};

use crate::{
    incident::{Outcome, play},
    policy::{Competitor, Label},
    view::{HelperRanking, timestamp},
    world::{Cell, Incident},
};

/// Incidents that a thread takes at a time.
const BLOCK: usize = 8;

/// The outcomes of one cell: by policy, then by incident.
pub(crate) struct CellResult {
    pub(crate) cell: Cell,
    pub(crate) labels: Vec<Label>,
    pub(crate) outcomes: Vec<Vec<Outcome>>,
}

/// Computes a value for each index, on all cores. The results are in the order of the indices.
pub(crate) fn in_parallel<T: Send>(count: usize, compute: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, compute(index)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, value)| value).collect()
}

/// Runs `incidents` of each cell under the policies that `policies` gives for it.
pub(crate) fn run(
    seed: u64,
    cells: &[Cell],
    incidents: usize,
    policies: impl Fn(&Cell) -> Vec<Competitor>,
) -> Vec<CellResult> {
    let competitors: Vec<Vec<Competitor>> = cells.iter().map(policies).collect();
    let blocks = incidents.div_ceil(BLOCK);
    let played = in_parallel(cells.len() * blocks, |index| {
        let (cell, block) = (index / blocks, index % blocks);
        let numbers = block * BLOCK..incidents.min((block + 1) * BLOCK);
        numbers.map(|number| play_all(seed, &cells[cell], number, &competitors[cell])).collect::<Vec<_>>()
    });
    let mut results: Vec<CellResult> = cells
        .iter()
        .zip(&competitors)
        .map(|(&cell, competitors)| CellResult {
            cell,
            labels: competitors.iter().map(|competitor| competitor.label).collect(),
            outcomes: vec![Vec::with_capacity(incidents); competitors.len()],
        })
        .collect();
    for (index, block) in played.into_iter().enumerate() {
        for outcomes in block {
            for (all, outcome) in results[index / blocks].outcomes.iter_mut().zip(outcomes) {
                all.push(outcome);
            }
        }
    }
    results
}

fn play_all(seed: u64, cell: &Cell, number: usize, competitors: &[Competitor]) -> Vec<Outcome> {
    let incident = Incident::draw(seed, cell, number as u64);
    let ranking = ranking(&incident);
    competitors.iter().map(|competitor| play(&incident, &ranking, &*competitor.policy)).collect()
}

/// Helpers in the order of what the service knows.
pub(crate) fn ranking(incident: &Incident) -> HelperRanking {
    let travel = TravelModel::default();
    let now = timestamp(0.0, incident.is_night);
    let arrival = |n: usize| {
        let helper = &incident.helpers[n];
        travel.arrival(now, Metres::new(helper.known_distance), helper.known_mode)
    };
    let sorted = |key: &dyn Fn(usize) -> f64| {
        let mut order: Vec<(f64, usize)> = (0..incident.helpers.len()).map(|n| (key(n), n)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, n)| n).collect()
    };
    HelperRanking { by_distance: sorted(&|n| incident.helpers[n].known_distance), by_arrival: sorted(&arrival) }
}
