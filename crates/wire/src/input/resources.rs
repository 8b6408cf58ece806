//! Bodies and queries of the resource routes.

use allynet_domain::{
    MAX_RESOURCES, Metres, Position, ReportedState, ResourceAccess, ResourceDetails, ResourceSearch, Text,
};
use serde_json::{Map, Value};

use super::Fields;
use crate::Problem;

/// The radius of a search without one, in metres.
const DEFAULT_RADIUS: f64 = 5_000.0;
/// The length of a list without a limit.
const DEFAULT_LIMIT: u32 = 100;

/// `GET /resources`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn search(query: &Map<String, Value>) -> Result<ResourceSearch, Problem> {
    let mut f = Fields::query(query);
    let centre = f.position();
    let radius = f.metres("radius", 1.0..=50_000.0).unwrap_or_else(|| Metres::new(DEFAULT_RADIUS));
    let kind = f.word("kind");
    let limit = f.integer("limit", 1..=MAX_RESOURCES).unwrap_or(DEFAULT_LIMIT);
    f.finish(centre.map(|centre| ResourceSearch { centre, radius, kind, limit }))
}

/// `POST /resources`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn add(body: &Value) -> Result<ResourceDetails, Problem> {
    let mut f = Fields::body(body);
    let kind = f.word("kind");
    let kind = f.require("kind", kind);
    let place = f.object("location", place);
    let access = f.word("access").unwrap_or(ResourceAccess::Unknown);
    let (opening_hours, indoor, level) = (f.text("openingHours"), f.flag("indoor"), f.text("level"));
    let (description, phone) = (f.text("description"), f.text("phone"));
    f.finish(kind.zip(place).map(|(kind, (position, address))| ResourceDetails {
        kind,
        position,
        address,
        access,
        opening_hours,
        indoor,
        level,
        description,
        phone,
    }))
}

/// `PUT /resources/:id`: a missing field keeps its value, `null` clears it. Null counts as missing for `kind` and `location`, and as
/// `unknown` for `access`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn change(body: &Value, current: &ResourceDetails) -> Result<ResourceDetails, Problem> {
    let mut f = Fields::body(body);
    let kind = f.word("kind").unwrap_or(current.kind);
    let place = f.optional_object("location", place);
    let (position, address) = place.unwrap_or_else(|| (current.position, current.address.clone()));
    let access = f.patch("access", &Some(current.access), |f| f.word("access")).unwrap_or(ResourceAccess::Unknown);
    let opening_hours = f.patch("openingHours", &current.opening_hours, |f| f.text("openingHours"));
    let indoor = f.patch("indoor", &current.indoor, |f| f.flag("indoor"));
    let level = f.patch("level", &current.level, |f| f.text("level"));
    let description = f.patch("description", &current.description, |f| f.text("description"));
    let phone = f.patch("phone", &current.phone, |f| f.text("phone"));
    f.finish(Some(ResourceDetails {
        kind,
        position,
        address,
        access,
        opening_hours,
        indoor,
        level,
        description,
        phone,
    }))
}

/// `POST /resources/:id/reports`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn report(body: &Value) -> Result<(ReportedState, Option<Text<500>>), Problem> {
    let mut f = Fields::body(body);
    let state = f.word("state");
    let (state, note) = (f.require("state", state), f.text("note"));
    f.finish(state.map(|state| (state, note)))
}

fn place(f: &mut Fields<'_>) -> Option<(Position, Option<Text<300>>)> {
    let (position, address) = (f.position(), f.text("address"));
    Some((position?, address))
}
