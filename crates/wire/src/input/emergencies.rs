//! Bodies and queries of the emergency and message routes.

use allynet_domain::{
    Addressee, Details, DetailsChange, EmergencyId, EmergencyStatus, EmergencyType, EventId, Location, Metres,
    Position, Priority, ResolutionType, ResponseUpdate, Score, Severity, Text, Timestamp, UserId,
    port::{AdminPage, Before, DeletedPage},
    usecase::{
        feedback::{Accused, Rating},
        messages::Draft,
    },
};
use serde_json::{Map, Value};

use super::{Fields, accounts::read_cursor};
use crate::Problem;

/// A query, in which every value is a string.
pub type Query = Map<String, Value>;

/// `POST /emergencies`: the details, the `requestId`, and whether the place is a `fixedPlace`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn raise(body: &Value) -> Result<(Details, Option<Text<100>>, bool), Problem> {
    let mut f = Fields::body(body);
    let location = f.object("location", |f| {
        let (position, address, description) = (f.position(), f.text("address"), f.text("description"));
        Some(Location { position: position?, address, description })
    });
    let kind = f.word("type").unwrap_or(EmergencyType::Other);
    let category = f.text("category");
    let description = f.text("description");
    let priority = f.word("priority").unwrap_or(Priority::High);
    let severity = severity(&mut f).unwrap_or(Severity::DEFAULT);
    let silent = f.flag("silentMode").unwrap_or(false);
    let anonymous = f.flag("anonymousMode").unwrap_or(false);
    let request_id = f.text("requestId");
    let fixed_place = f.flag("fixedPlace").unwrap_or(false);
    f.finish(location.map(|location| {
        let details = Details { kind, category, description, location, priority, severity, silent, anonymous };
        (details, request_id, fixed_place)
    }))
}

/// `PATCH /emergencies/:id`. Null clears `category` and `description`, and counts as missing for the others.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn change(body: &Value) -> Result<DetailsChange, Problem> {
    let mut f = Fields::body(body);
    let kind = f.word("type");
    let category = f.has("category").then(|| f.text("category"));
    let description = f.has("description").then(|| f.text("description"));
    let (priority, severity) = (f.word("priority"), severity(&mut f));
    f.finish(Some(DetailsChange { kind, category, description, priority, severity }))
}

fn severity(f: &mut Fields<'_>) -> Option<Severity> {
    f.integer("severity", 1..=10).and_then(|n| Severity::new(u8::try_from(n).ok()?).ok())
}

/// A helper's answer to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The helper comes, with an estimated arrival if given.
    Accept(Option<Timestamp>),
    /// The helper does not come.
    Decline,
}

/// `POST /emergencies/:id/respond`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn respond(body: &Value) -> Result<Answer, Problem> {
    let mut f = Fields::body(body);
    let estimated_arrival = f.time("estimatedArrival");
    let answer = match f.string("action") {
        None | Some("accept") => Answer::Accept(estimated_arrival),
        Some("decline") => Answer::Decline,
        Some(_) => {
            f.wrong("action", "must be one of accept, decline");
            Answer::Decline
        }
    };
    f.finish(Some(answer))
}

/// `PUT /emergencies/:id/helper-status`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn helper_status(body: &Value) -> Result<ResponseUpdate, Problem> {
    let mut f = Fields::body(body);
    let status = f.word("status");
    let status = f.require("status", status);
    let (notes, estimated_arrival) = (f.text("notes"), f.time("estimatedArrival"));
    let resource_state = f.word("resourceState");
    f.finish(status.map(|status| ResponseUpdate { status, notes, estimated_arrival, resource_state }))
}

/// `POST /emergencies/:id/resolve`: the notes. `resolutionType` is validated and ignored: the use case derives it from
/// the actor.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn resolve(body: &Value) -> Result<Option<Text<500>>, Problem> {
    let mut f = Fields::body(body);
    let _: Option<ResolutionType> = f.word("resolutionType");
    let notes = f.text("notes");
    f.finish(Some(notes))
}

/// `POST /emergencies/:id/cancel`.
///
/// # Errors
/// `invalid_input` if the reason is invalid.
pub fn cancel(body: &Value) -> Result<Option<Text<500>>, Problem> {
    let mut f = Fields::body(body);
    let reason = f.text("reason");
    f.finish(Some(reason))
}

/// `POST /emergencies/:id/ratings`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn rating(body: &Value) -> Result<Rating, Problem> {
    let mut f = Fields::body(body);
    let helper = f.string("helperId");
    let helper = f.require("helperId", helper);
    let score = f.integer("score", 1..=5).and_then(|n| Score::new(u8::try_from(n).ok()?).ok());
    let score = f.require("score", score);
    let comment = f.text("comment");
    f.finish(helper.zip(score).map(|(helper, score)| Rating { helper: helper.parse().ok(), score, comment }))
}

/// `POST /emergencies/:id/report`: the reported party and the reason.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn report(body: &Value) -> Result<(Accused, Text<500>), Problem> {
    let mut f = Fields::body(body);
    let accused = f.string("userId").map_or(Accused::Owner, |id| id.parse().map_or(Accused::Unknown, Accused::User));
    let reason = f.required_text("reason");
    f.finish(reason.map(|reason| (accused, reason)))
}

/// `POST /emergencies/:id/messages`: the recipient, the text and the `requestId`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn message(body: &Value) -> Result<Draft, Problem> {
    let mut f = Fields::body(body);
    let addressee = match f.string("recipientId") {
        None => Addressee::Everyone,
        Some("creator") => Addressee::Creator,
        Some(id) => id.parse::<UserId>().map_or(Addressee::Unknown, Addressee::User),
    };
    let text = f.required_text("message");
    let request = f.text("requestId");
    f.finish(text.map(|text| Draft { addressee, text, request }))
}

/// A position that a client sends, and when its device took it, if it says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Located {
    /// The position.
    pub position: Position,
    /// The time on the clock of the device.
    pub taken: Option<Timestamp>,
}

/// `PUT /helpers/me/location` and `location:update`: `latitude`, `longitude` and `at`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn location(body: &Value) -> Result<Located, Problem> {
    let mut f = Fields::body(body);
    let (position, taken) = (f.position(), f.time("at"));
    f.finish(position.map(|position| Located { position, taken }))
}

/// `GET /emergencies/nearby`: centre, radius and limit.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn nearby(query: &Query) -> Result<(Position, Metres, u32), Problem> {
    let mut f = Fields::query(query);
    let position = f.position();
    let radius = f.metres("radius", 100.0..=50_000.0).unwrap_or(Metres::new(10_000.0));
    let limit = f.integer("limit", 1..=100).unwrap_or(100);
    f.finish(position.map(|position| (position, radius, limit)))
}

/// `GET /emergencies/history`: status, upper bound of the time, and limit.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn history(query: &Query) -> Result<(Option<EmergencyStatus>, Option<Timestamp>, u32), Problem> {
    let mut f = Fields::query(query);
    let (status, before) = (f.word("status"), f.time("before"));
    let limit = f.integer("limit", 1..=100).unwrap_or(50);
    f.finish(Some((status, before, limit)))
}

/// `GET /emergencies/:id/messages`: the time or the id of the message before which to read, and limit.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn messages(query: &Query) -> Result<(Option<Before>, u32), Problem> {
    let mut f = Fields::query(query);
    let id = query.get("before").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let before = id.map(Before::Message).or_else(|| f.time("before").map(Before::Time));
    let limit = f.integer("limit", 1..=100).unwrap_or(50);
    f.finish(Some((before, limit)))
}

/// `GET /emergencies/:id/timeline`: the event to start after, and limit.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn timeline(query: &Query) -> Result<(EventId, u32), Problem> {
    let mut f = Fields::query(query);
    let after = f.event_id("after").unwrap_or(EventId::START);
    let limit = f.integer("limit", 1..=1000).unwrap_or(1000);
    f.finish(Some((after, limit)))
}

/// What `GET /admin/emergencies` asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AdminList {
    /// Emergencies.
    Emergencies(AdminPage),
    /// Records of deleted ones: `status=deleted`.
    Deleted(DeletedPage),
}

/// `GET /admin/emergencies`. If any of `latitude`, `longitude` and `radius` is present, the first two are required;
/// `radius` defaults to 10 km. They are checked for deleted ones, too, and select none of these.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn admin_page(query: &Query) -> Result<AdminList, Problem> {
    let mut f = Fields::query(query);
    let is_deleted = query.get("status").is_some_and(|status| status == "deleted");
    let status = if is_deleted { None } else { f.word("status") };
    let placed = ["latitude", "longitude", "radius"].iter().any(|field| query.contains_key(*field));
    let position = if placed { f.position() } else { None };
    let radius = f.metres("radius", 100.0..=50_000.0).unwrap_or(Metres::new(10_000.0));
    let before = read_cursor::<EmergencyId>(&mut f);
    let limit = f.integer("limit", 1..=100).unwrap_or(50);
    f.finish(Some(if is_deleted {
        AdminList::Deleted(DeletedPage { before, limit })
    } else {
        AdminList::Emergencies(AdminPage { status, near: position.map(|p| (p, radius)), before, limit })
    }))
}
