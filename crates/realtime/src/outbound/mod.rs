//! The outbound path: events of the log as they happen, replays of missed ones, and alert counts.

pub(crate) mod acknowledgements;
pub(crate) mod alert_counts;
pub(crate) mod broadcasts;
pub(crate) mod dispatcher;
pub(crate) mod fanout_sender;
pub(crate) mod missed_events;
pub(crate) mod place_readings;
pub(crate) mod replay;
