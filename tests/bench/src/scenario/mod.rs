//! The scenarios, one file each.

mod connecting;
mod create;
mod dispatch;
mod fan_out;
mod history;
mod meter;
mod nearby;
mod positions;
mod push;
mod stampede;
mod start;
mod worst_day;

use std::{future::Future, pin::Pin};

use serde_json::{Value, json};

use crate::{
    form::Form,
    load::http::Http,
    sheet::Sheet,
    world::{DatabaseServer, places::Place},
};

/// The context of a scenario.
pub(crate) struct BenchContext {
    pub(crate) form: Form,
    pub(crate) databases: DatabaseServer,
}

type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Vec<Sheet>>> + 'a>>;

/// A scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a BenchContext) -> Running<'a>,
}

/// All scenarios, in the order in which they run.
pub(crate) const ALL: &[Scenario] = &[
    Scenario { name: "fan-out", run: |cx| Box::pin(fan_out::run(cx)) },
    Scenario { name: "positions", run: |cx| Box::pin(positions::run(cx)) },
    Scenario { name: "create", run: |cx| Box::pin(create::run(cx)) },
    Scenario { name: "connecting", run: |cx| Box::pin(connecting::run(cx)) },
    Scenario { name: "worst-day", run: |cx| Box::pin(worst_day::run(cx)) },
    Scenario { name: "nearby", run: |cx| Box::pin(nearby::run(cx)) },
    Scenario { name: "stampede", run: |cx| Box::pin(stampede::run(cx)) },
    Scenario { name: "push", run: |cx| Box::pin(push::run(cx)) },
    Scenario { name: "start", run: |cx| Box::pin(start::run(cx)) },
    Scenario { name: "history", run: |cx| Box::pin(history::run(cx)) },
    Scenario { name: "dispatch", run: |cx| Box::pin(std::future::ready(Ok(dispatch::run(cx)))) },
];

/// An owner that raises and cancels emergencies.
struct Owner {
    http: Http,
    body: String,
    /// The sum of `nearbyHelperCount` of all raised emergencies.
    near: u64,
}

impl Owner {
    fn new(http: Http, at: Place) -> Self {
        let mut owner = Self { http, body: String::new(), near: 0 };
        owner.goes_to(at);
        owner
    }

    fn goes_to(&mut self, place: Place) {
        let Place { latitude, longitude } = place;
        let location = json!({ "latitude": latitude, "longitude": longitude, "address": "Alexanderplatz 1, Berlin" });
        let description = "Somebody fell down the stairs and does not answer";
        self.body = json!({ "type": "medical", "description": description, "location": location }).to_string();
    }

    /// The new emergency's id.
    async fn raise(&mut self) -> anyhow::Result<String> {
        let data = self.http.post("/api/v1/emergencies", &self.body).await?;
        self.near += data["nearbyHelperCount"].as_u64().unwrap_or_default();
        match &data["emergency"]["id"] {
            Value::String(id) => Ok(id.clone()),
            _ => anyhow::bail!("an emergency without id: {data}"),
        }
    }

    async fn cancel(&mut self, emergency: &str) -> anyhow::Result<()> {
        self.http.post(&format!("/api/v1/emergencies/{emergency}/cancel"), "{}").await?;
        Ok(())
    }
}
