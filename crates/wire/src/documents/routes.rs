//! Every route for the OpenAPI document.
//!
//! Tests compare the list with [`crate::limits::ROUTES`], and the reasons with the tables of failures.

mod accounts;
mod emergencies;
mod helpers;
mod resources;
mod service;

use super::route::Route;

/// Every route, with the tag of its group.
pub(super) fn all() -> Vec<Route> {
    let groups = [
        ("Emergencies", emergencies::routes()),
        ("Messages", emergencies::messages()),
        ("Accounts", accounts::routes()),
    ]
    .into_iter()
    .chain([("Contacts", accounts::contacts()), ("Blocks", accounts::blocks())])
    .chain([("Helpers", helpers::routes()), ("Devices", helpers::devices())])
    .chain([("Resources", resources::routes())])
    .chain([("Administration", helpers::administration()), ("Pages", service::pages())])
    .chain([("Service", service::routes())]);
    groups.flat_map(|(tag, routes)| routes.into_iter().map(move |route| route.tagged(tag))).collect()
}
