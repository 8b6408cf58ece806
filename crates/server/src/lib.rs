//! The composition root: reads the settings, chooses an adapter for each port, assembles the middleware, and runs the
//! service until it receives a signal to stop.
//!
//! The binary `allynet` is [`CommandLine::read`] and [`run`]. No rule of the service is decided here.

mod admin_server;
mod alert_timers;
mod arrival_recorder;
mod availability_timers;
pub mod backoff;
mod backup;
mod block_timers;
mod bootstrap;
mod build_info;
mod check;
mod command;
mod contact_notifier;
mod descriptors;
pub mod emergency_queue;
mod failure_log;
pub mod fair_queue;
mod hashing_queue;
mod high_water;
mod http;
mod invitation_sender;
mod key_file;
pub mod limits;
mod listen;
pub mod listener;
mod log_retention;
mod logging;
mod mail;
mod memory;
mod metrics;
mod nearby_watcher;
mod node_link;
mod operator;
mod outbox;
mod place_mover;
mod position_batcher;
mod projections;
mod push;
mod reset_mail_queue;
mod resource_import;
mod retry;
pub mod scheduler;
mod secret_reload;
mod serve;
mod settings;
mod sign_recorder;
mod storage;
mod store;
mod system;
mod systemd;
#[cfg(feature = "otel")]
mod telemetry;
#[cfg(not(feature = "otel"))]
#[path = "telemetry_off.rs"]
mod telemetry;
mod traceparent;
mod webhook;
mod wiring;

pub use command::run;
pub use settings::CommandLine;
