//! A router and the list of the routes in it, made in one stroke, so that no route can be missing from the list.
//! Knows no resource.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{self, MethodRouter},
};

/// The routes of one resource, whose handlers share a state.
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

    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add(Method::DELETE, path, routing::delete(handler))
    }

    /// A slash at the end makes no difference: clients write `POST /emergencies/` too.
    fn add(mut self, method: Method, path: &'static str, handler: MethodRouter<S>) -> Self {
        self.list.push((method, path));
        let router = self.router.route(path, handler.clone()).route(&format!("{path}/"), handler);
        Self { router, ..self }
    }

    /// Hands the handlers what they need.
    pub(crate) fn over(self, state: S) -> Routes {
        Routes { router: self.router.with_state(state), list: self.list }
    }
}

/// Routes of any resources.
pub(crate) struct Routes {
    /// What answers them.
    pub(crate) router: Router,
    /// Which they are; `/{id}` is a parameter.
    pub(crate) list: Vec<(Method, &'static str)>,
}

impl Routes {
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.list.extend(other.list);
        Self { router: self.router.merge(other.router), list: self.list }
    }
}
