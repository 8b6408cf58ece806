//! Middleware around the Socket.IO service that keeps [`Connections`] up to date.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use engineioxide::socket::Sid;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use tower::{Service, ServiceExt as _};

use crate::{
    connection::Connection,
    connections::{BoxFuture, Connections, EndSession},
    engine::{SOCKET_IO_PATH, requests_websocket, session_id},
    session_trust::SessionTrust,
};

/// Address with a session id that cannot exist: the engine answers it with 400 "Session ID unknown".
const UNKNOWN_SESSION: &str = "/socket.io/?EIO=4&transport=polling&sid=ended";

/// The Socket.IO service, whose sessions are tracked in [`Connections`]. Mounted at [`SOCKET_IO_PATH`].
///
/// Requests need a [`Connection`] in their extensions.
#[derive(Clone)]
pub struct SessionTrackingService<S> {
    inner: S,
    connections: Connections,
    /// Keeps alive what [`Connections`] refers to weakly.
    _end_session: Arc<EndSession>,
}

impl<S> SessionTrackingService<S> {
    /// Wraps `inner`, the one Socket.IO service of the process. The polling sessions of a second service for the same
    /// registry cannot be closed.
    pub fn new<B: 'static>(inner: S, connections: Connections) -> Self
    where
        S: Service<Request<String>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let service = inner.clone();
        let end_session: Arc<EndSession> = Arc::new(move |sid| Box::pin(post_close_packet(service.clone(), sid)));
        if !connections.register_end_session(&end_session) {
            tracing::error!("a second Socket.IO service is tracked; its polling sessions cannot be closed");
        }
        Self { inner, connections, _end_session: end_session }
    }
}

impl<S, B, R> Service<Request<B>> for SessionTrackingService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (sid, upgrades) = (session_id(request.uri()), requests_websocket(request.uri()));
        // The engine keeps the head of such a request for as long as the session lives.
        if sid.is_none() || upgrades {
            detach_from_read_buffer(&mut request);
        }
        if sid.is_none() {
            request.extensions_mut().insert(Arc::new(SessionTrust::default()));
        }
        if sid.is_none() && !upgrades {
            return Box::pin(self.inner.call(request));
        }
        let connection = request.extensions().get::<Connection>().cloned();
        let is_poll = *request.method() == Method::GET && !upgrades;
        if let Some(sid) = sid {
            self.connections.record_request(sid);
        }
        // Its requests carry no token of their own.
        if let (Some(sid), Some(connection)) = (sid, &connection)
            && self.connections.is_authenticated(sid)
        {
            connection.activity.authenticate();
        }
        // A session that is being closed may fetch what is queued, and nothing else.
        if !is_poll && sid.is_some_and(|sid| self.connections.is_closing(sid)) {
            *request.uri_mut() = Uri::from_static(UNKNOWN_SESSION);
        }
        let response = self.inner.call(request);
        let connections = self.connections.clone();
        Box::pin(async move {
            let response = response.await?;
            connections.answered(sid, is_poll, &response, connection);
            Ok(response)
        })
    }
}

impl<S> fmt::Debug for SessionTrackingService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTrackingService").finish_non_exhaustive()
    }
}

/// Copies the address and the headers of a request. As parsed, they are slices of the 16 KB buffer into which the connection
/// was read, and a session would keep that buffer for as long as it lives.
fn detach_from_read_buffer<B>(request: &mut Request<B>) {
    // An address that was parsed once can be parsed again.
    if let Ok(uri) = Uri::try_from(request.uri().to_string()) {
        *request.uri_mut() = uri;
    }
    let copied = request.headers().iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    *request.headers_mut() = copied.collect::<HeaderMap>();
}

/// Posts the Engine.IO packet "close" in the name of the client. Resolves to whether the engine accepted it.
async fn post_close_packet<S, B>(service: S, sid: Sid) -> bool
where
    S: Service<Request<String>, Response = Response<B>>,
{
    let uri = format!("{SOCKET_IO_PATH}?EIO=4&transport=polling&sid={sid}");
    let Ok(request) = Request::post(uri).body("1".to_owned()) else {
        return false;
    };
    match service.oneshot(request).await {
        Ok(response) => response.status().is_success(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_request_has_the_same_address_headers_and_body() {
        let mut request = Request::builder()
            .uri("/socket.io/?EIO=4&transport=websocket&token=a%20b")
            .header("Origin", "http://localhost")
            .header("X-Custom", "one")
            .header("X-Custom", &b"two\xff"[..])
            .body(7)
            .unwrap();
        let before = (request.uri().clone(), request.headers().clone());
        detach_from_read_buffer(&mut request);
        assert_eq!((request.uri(), request.headers(), request.body()), (&before.0, &before.1, &7));
    }
}
