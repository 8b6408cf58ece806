//! Tests of the whole router on mocked ports: who is let in, what is read, how it fails, and what goes around it.
//! What the routes do is tested end to end elsewhere, against the real service.

mod app;
mod deadline;
mod failures;
mod input;
mod limits;
mod resources;
mod table;
