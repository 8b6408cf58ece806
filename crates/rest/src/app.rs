//! `/api/v1/app`: what an app asks before a user signs in; open to all.

use std::sync::Arc;

use allynet_wire::app_config::AppConfig;
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    routes::{Resource, Routes},
};

/// The route of the settings of an app.
pub(crate) fn routes(config: AppConfig) -> Routes {
    Resource::new().get("/api/v1/app/config", read).with_state(Arc::new(config))
}

async fn read(State(config): State<Arc<AppConfig>>) -> Answer {
    ok(&*config)
}
