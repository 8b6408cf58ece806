//! The list of all statements, for the test of their query plans.

use crate::{
    access_log, accounts, alerts, blocks, changes, contact_notices, contacts, devices, emergencies, events, exports,
    helpers, logins, lost_events, messages, outbox, password_resets, place_grid, positions, raise_context, resources,
    retention, sessions,
};

/// Lists the statements of a file, each as the path and the text of its constant.
macro_rules! statements {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),+];
    };
}

/// Every statement that reads or writes a table, as its name and its text.
#[doc(hidden)]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    let files = [
        access_log::STATEMENTS,
        accounts::STATEMENTS,
        alerts::STATEMENTS,
        blocks::STATEMENTS,
        changes::STATEMENTS,
        contact_notices::STATEMENTS,
        contacts::STATEMENTS,
        devices::STATEMENTS,
        emergencies::ended::STATEMENTS,
        emergencies::statements::STATEMENTS,
        events::STATEMENTS,
        exports::STATEMENTS,
        helpers::STATEMENTS,
        logins::STATEMENTS,
        lost_events::STATEMENTS,
        messages::STATEMENTS,
        password_resets::STATEMENTS,
        outbox::STATEMENTS,
        place_grid::STATEMENTS,
        positions::STATEMENTS,
        raise_context::STATEMENTS,
        resources::STATEMENTS,
        retention::STATEMENTS,
        sessions::STATEMENTS,
    ];
    files.concat()
}
