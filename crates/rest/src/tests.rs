//! Tests of the router on mocked ports: authentication, extraction, limits and failures. The behaviour of the routes is
//! tested end to end, against the real service.

mod app;
mod deadline;
mod failures;
mod input;
mod limits;
mod resources;
mod scheduling;
mod table;
