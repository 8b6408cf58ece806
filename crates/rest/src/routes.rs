//! A router together with the list of its routes.
//!
//! Both are built by one call, so the list is complete: tests compare it with the contract.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{self, MethodRouter},
};

/// Builds the routes of one resource, whose handlers share a state.
pub(crate) struct Resource<S> {
    router: Router<S>,
    list: Vec<(Method, &'static str)>,
}

impl<S: Clone + Send + Sync + 'static> Resource<S> {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    pub(crate) fn get<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::GET, path, routing::get(handler))
    }

    pub(crate) fn post<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::POST, path, routing::post(handler))
    }

    pub(crate) fn put<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PUT, path, routing::put(handler))
    }

    pub(crate) fn patch<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::PATCH, path, routing::patch(handler))
    }

    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, routing::delete(handler))
    }

    /// Adds the path with and without a trailing slash: clients send `POST /emergencies/` too.
    fn add(mut self, method: Method, path: &'static str, handler: MethodRouter<S>) -> Self {
        self.list.push((method, path));
        let router = self.router.route(path, handler.clone()).route(&format!("{path}/"), handler);
        Self { router, ..self }
    }

    /// Provides the state of the handlers.
    pub(crate) fn with_state(self, state: S) -> Routes {
        Routes { router: self.router.with_state(state), list: self.list }
    }
}

/// The routes of one or several resources.
pub(crate) struct Routes {
    /// Serves them.
    pub(crate) router: Router,
    /// Methods and path patterns, each once, without trailing slash.
    pub(crate) list: Vec<(Method, &'static str)>,
}

impl Routes {
    /// Joins two sets of routes.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.list.extend(other.list);
        Self { router: self.router.merge(other.router), list: self.list }
    }
}
