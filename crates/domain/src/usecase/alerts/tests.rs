//! Tests of alerts: changes that timers, substitutes and approaching helpers commit.

mod near;
mod places;
mod waves;

use super::*;
use crate::{
    EmergencyStatus, HelperPolicy, Metres, PlacePolicy,
    port::{MockAlerts, MockEmergencies, Near, OnDuty},
    testing::{Committed, OWNER, active_emergency, at, edited, id, now, store},
    usecase::emergencies::tests::context,
};

/// The helpers near the emergency that a store returns, and the query that it expects for them.
struct Around {
    nearest: Vec<Recipient>,
    selection: HelperSelection,
}

/// These helpers, for a query of the nearest that asks for `more` than are known to the emergency.
fn around(nearest: &[Recipient], more: u32) -> Around {
    Around { nearest: nearest.to_vec(), selection: HelperSelection::Nearest(more) }
}

/// A store with this emergency, these alerts and these helpers near it.
fn holding_around(emergency: &Emergency, alerts: &[Alert], Around { nearest, selection }: Around) -> MockEmergencies {
    let loaded = Loaded {
        emergency: emergency.clone(),
        alerts: alerts.to_vec(),
        near: nearest,
        hidden_from: vec![],
        rings: vec![],
        skipped: vec![],
        census: Vec::new(),
    };
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().returning(move |asked, near| {
        let fresh_since = now() - chrono::TimeDelta::hours(24);
        let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since, now: now() };
        let (rings_since, places) = (now() - chrono::TimeDelta::minutes(10), PlacePolicy::default());
        // The helper who leaves is checked by the contract suite, with the effect on the search.
        let near = near.map(|near| Near { leaving: None, ..near });
        assert_eq!(
            near,
            Some(Near { on_duty, within: Metres::new(15_000.0), selection, leaving: None, places, rings_since })
        );
        Ok((asked == loaded.emergency.id()).then(|| loaded.clone()))
    });
    emergencies
}

/// The ports over a store with this emergency, these alerts and these helpers near it.
fn service(emergency: &Emergency, alerts: &[Alert], near: Around) -> (EmergencyPorts, Committed) {
    service_that(holding_around(emergency, alerts, near), vec![])
}

fn service_that(emergencies: MockEmergencies, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(emergencies, changes), committed)
}

/// A store in which these emergencies are due now.
fn due(ids: Vec<EmergencyId>) -> MockAlerts {
    let mut alerts = MockAlerts::new();
    alerts.expect_due().times(1).returning(move |_, _, limit| {
        assert_eq!(limit, MAX_FIRED_AT_ONCE);
        Ok(ids.clone())
    });
    alerts
}

/// An active emergency with this alert radius. Its next wave is due now.
fn waiting(radius: f64) -> Emergency {
    edited(active_emergency(), |e| {
        e.alert_radius = Metres::new(radius);
        e.next_alert_at = Some(now());
        e.search.wave_at = Some(now());
    })
}

/// A minute after now.
fn in_a_minute() -> Timestamp {
    at(90)
}

/// The event of a wave, and the write that goes with it.
fn sent(emergency: &Emergency, recipients: &[Recipient]) -> (Write, Event) {
    let (wave, recipients) = (emergency.alerts().wave, recipients.to_vec());
    let write = Write::SendAlerts { emergency: emergency.id(), wave, recipients: recipients.clone() };
    let (call, status, radius) = (emergency.call().clone(), emergency.status(), emergency.alert_radius());
    (write, Event::HelpersAlerted { call, status, wave, radius, recipients, decision: None })
}
