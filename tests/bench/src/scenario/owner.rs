//! An owner of emergencies, for all scenarios that raise some.

use serde_json::{Value, json};

use crate::{load::http::Http, world::places::Place};

/// An owner that raises and cancels emergencies.
pub(crate) struct Owner {
    pub(super) http: Http,
    body: String,
    /// The sum of `nearbyHelperCount` of all raised emergencies.
    pub(super) near: u64,
}

impl Owner {
    pub(super) fn new(http: Http, at: Place) -> Self {
        let mut owner = Self { http, body: String::new(), near: 0 };
        owner.goes_to(at);
        owner
    }

    pub(super) fn goes_to(&mut self, place: Place) {
        let Place { latitude, longitude } = place;
        let location = json!({ "latitude": latitude, "longitude": longitude, "address": "Alexanderplatz 1, Berlin" });
        let description = "Somebody fell down the stairs and does not answer";
        self.body = json!({ "type": "medical", "description": description, "location": location }).to_string();
    }

    /// The new emergency's id.
    pub(super) async fn raise(&mut self) -> anyhow::Result<String> {
        let data = self.http.post("/api/v1/emergencies", &self.body).await?;
        self.near += data["nearbyHelperCount"].as_u64().unwrap_or_default();
        match &data["emergency"]["id"] {
            Value::String(id) => Ok(id.clone()),
            _ => anyhow::bail!("an emergency without id: {data}"),
        }
    }

    pub(super) async fn cancel(&mut self, emergency: &str) -> anyhow::Result<()> {
        self.http.post(&format!("/api/v1/emergencies/{emergency}/cancel"), "{}").await?;
        Ok(())
    }
}
