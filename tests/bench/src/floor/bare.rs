//! Plain socketioxide and axum: a room, and payloads that are JSON already.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::{get, post},
    serve::ListenerExt as _,
};
use serde_json::value::RawValue;
use socketioxide::{SocketIo, extract::SocketRef};
use tokio::net::TcpListener;

use crate::payloads;

const NAMESPACE: &str = "/emergencies";
const ROOM: &str = "helpers";

type Event = (&'static str, Box<RawValue>);

struct Floor {
    io: SocketIo,
    created: Event,
    ended: Event,
}

impl Floor {
    async fn tell(&self, (name, payload): &Event) -> impl IntoResponse + use<> {
        if let Some(namespace) = self.io.of(NAMESPACE) {
            // If a full queue refuses a packet, the driver times out and reports it.
            namespace.to(ROOM).emit(name, payload).await.ok();
        }
        json()
    }
}

fn json() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], payloads::answer())
}

fn event((name, payload): (&'static str, &'static str)) -> anyhow::Result<Event> {
    Ok((name, RawValue::from_string(payload.to_owned())?))
}

/// Serves until it is killed.
pub(crate) async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    let (name, ready) = event(payloads::READY)?;
    let ready = Arc::new(ready);
    io.ns(NAMESPACE, move |socket: SocketRef| {
        let ready = Arc::clone(&ready);
        async move {
            socket.join(ROOM);
            // As above: the driver reports a client that gets no event.
            socket.emit(name, &*ready).ok();
        }
    });
    let floor = Floor { io, created: event(payloads::CREATED)?, ended: event(payloads::ENDED)? };
    let router = Router::new()
        .route("/readyz", get(async || json()))
        .route("/api/v1/emergencies", post(async |State(f): State<Arc<Floor>>| f.tell(&f.created).await))
        .route("/api/v1/emergencies/{id}", get(async || json()))
        .route("/api/v1/emergencies/{id}/cancel", post(async |State(f): State<Arc<Floor>>| f.tell(&f.ended).await))
        .with_state(Arc::new(floor))
        .layer(layer);
    // As the service does: without delay by Nagle's algorithm.
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    Ok(axum::serve(listener, router).await?)
}
