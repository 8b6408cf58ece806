//! Writes to emergencies, responses and alerts, inside of the transaction of a change.

use allynet_domain::{
    AlertCounts, Call, DeletedEmergency, Details, Emergency, EmergencyId, EmergencyStatus, Ending, Location, Movement,
    Recipient, ResolutionType, Response, ResponseDispatch, ResponseRecord, Revision, Text, Timestamp, UserId,
    port::{Constraint, Error, Result},
    search::{MAX_DECIDED_AGAIN, MIN_DECISION_INTERVAL},
};
use serde::Serialize;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    area::boxes,
    error::port_error,
    rows::{hex, to_json},
};

const RAISE: &str = "\
    insert into emergency (id, owner_id, request_id, kind, category, description, latitude, longitude, address, \
            place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at, \
            updated_at, next_alert_at, search, revision, movement) \
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23) \
    returning key";

/// Inserts an emergency. It has no responses, no ending and no alerts yet.
pub(super) async fn raise(db: &mut SqliteConnection, emergency: &Emergency) -> Result<()> {
    let Call { id, owner, details, created_at, movement } = emergency.call();
    let Details { kind, category, description, location, priority, severity, silent, anonymous } = details;
    let Location { position, address, description: place } = location;
    let AlertCounts { wave, .. } = emergency.alerts();
    let key: i64 = sqlx::query_scalar(RAISE)
        .bind(Uuid::from(*id))
        .bind(Uuid::from(owner.id))
        .bind(emergency.request_id().map(Text::as_str))
        .bind(kind.as_str())
        .bind(category.as_ref().map(Text::as_str))
        .bind(description.as_ref().map(Text::as_str))
        .bind(position.latitude())
        .bind(position.longitude())
        .bind(address.as_ref().map(Text::as_str))
        .bind(place.as_ref().map(Text::as_str))
        .bind(priority.as_str())
        .bind(severity.get())
        .bind(silent)
        .bind(anonymous)
        .bind(emergency.status().as_str())
        .bind(emergency.alert_radius().get())
        .bind(wave)
        .bind(created_at.timestamp_micros())
        .bind(emergency.updated_at().timestamp_micros())
        .bind(emergency.next_alert_at().map(|at| at.timestamp_micros()))
        .bind(to_json(emergency.search())?)
        .bind(emergency.revision().0)
        .bind(movement.stored().map(to_json).transpose()?)
        .fetch_one(&mut *db)
        .await
        // The owner is the only row that it refers to.
        .map_err(|error| match port_error(error) {
            Error::Stale => Error::Conflict(Constraint::Owner),
            other => other,
        })?;
    index_area(db, key, emergency).await
}

/// Stores the alert area of a live emergency in the R*Tree that spatial searches use. A trigger deletes it at the end.
async fn index_area(db: &mut SqliteConnection, key: i64, emergency: &Emergency) -> Result<()> {
    let boxes = boxes(emergency.call().details.location.position, emergency.alert_radius());
    sqlx::query(
        "insert or replace into emergency_area (key, south, north, west, east) \
         select ?1 * 2 + b.key, b.value ->> 'south', b.value ->> 'north', b.value ->> 'west', b.value ->> 'east' \
         from json_each(?2) b where b.value is not null",
    )
    .bind(key)
    .bind(to_json(&boxes)?)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Updates an emergency and some of its responses, if it is still at the revision it was loaded at.
pub(super) async fn update(db: &mut SqliteConnection, emergency: &Emergency, responses: &[Response]) -> Result<()> {
    // The details of the call have a write of their own, and the wave is changed by `send_alerts`.
    let status = emergency.status();
    let (ended_at, ended_by, notes) = match emergency.ending() {
        Some(Ending { at, by, notes }) => (Some(at), *by, notes.as_ref()),
        None => (None, None, None),
    };
    // One timer, in the column that the status allows.
    let timer = emergency.next_alert_at().map(|at| at.timestamp_micros());
    let is_responding = status == EmergencyStatus::Responding;
    let key: Option<i64> = sqlx::query_scalar(
        "update emergency set status = ?3, alert_radius = ?4, updated_at = ?5, \
                first_response_at = ?6, ended_at = ?7, ended_by = ?8, resolution = ?9, ending_notes = ?10, \
                next_alert_at = ?11, resume_at = ?12, renewed_at = ?13, search = ?14, revision = revision + 1 \
         where id = ?1 and revision = ?2 returning key",
    )
    .bind(Uuid::from(emergency.id()))
    .bind(emergency.revision().0)
    .bind(status.as_str())
    .bind(emergency.alert_radius().get())
    .bind(emergency.updated_at().timestamp_micros())
    .bind(emergency.first_response_at().map(|at| at.timestamp_micros()))
    .bind(ended_at.map(Timestamp::timestamp_micros))
    .bind(ended_by.map(Uuid::from))
    .bind(emergency.resolution().map(ResolutionType::as_str))
    .bind(notes.map(Text::as_str))
    .bind(timer.filter(|_| !is_responding))
    .bind(timer.filter(|_| is_responding))
    .bind(emergency.renewed_at().map(|at| at.timestamp_micros()))
    .bind(to_json(emergency.search())?)
    .fetch_optional(&mut *db)
    .await
    .map_err(port_error)?;
    let Some(key) = key else { return Err(Error::Stale) };
    let at = emergency.updated_at().timestamp_micros();
    store_responses(db, emergency.id(), (at, status.is_live()), responses).await?;
    if status.is_live() { index_area(db, key, emergency).await } else { release(db, emergency.id()).await }
}

/// Stores the details that an owner may change. The update of the emergency in the same change checks its revision.
pub(super) async fn change_details(db: &mut SqliteConnection, id: EmergencyId, details: &Details) -> Result<()> {
    let Details { kind, category, description, location: _, priority, severity, silent: _, anonymous: _ } = details;
    sqlx::query(
        "update emergency set kind = ?2, category = ?3, description = ?4, priority = ?5, severity = ?6 where id = ?1",
    )
    .bind(Uuid::from(id))
    .bind(kind.as_str())
    .bind(category.as_ref().map(Text::as_str))
    .bind(description.as_ref().map(Text::as_str))
    .bind(priority.as_str())
    .bind(severity.get())
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    // Later steps of messages that are being sent say what the emergency is.
    sqlx::query(
        "update outbox set emergency_kind = ?2 where emergency_id = ?1 and due_at is not null and emergency_kind <> ?2",
    )
    .bind(Uuid::from(id))
    .bind(kind.as_str())
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Stores where an emergency is now. The update of the emergency in the same change checks its revision, and has stored the area.
pub(super) async fn move_place(
    db: &mut SqliteConnection,
    id: EmergencyId,
    location: &Location,
    movement: &Movement,
) -> Result<()> {
    let Location { position, address, description } = location;
    sqlx::query(
        "update emergency set latitude = ?2, longitude = ?3, address = ?4, place_description = ?5, movement = ?6 \
         where id = ?1",
    )
    .bind(Uuid::from(id))
    .bind(position.latitude())
    .bind(position.longitude())
    .bind(address.as_ref().map(Text::as_str))
    .bind(description.as_ref().map(Text::as_str))
    .bind(to_json(movement)?)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Frees the helpers of an emergency that ended, so that they may respond to another one.
async fn release(db: &mut SqliteConnection, emergency: EmergencyId) -> Result<()> {
    sqlx::query("update response set engaged = 0 where emergency_id = ?1 and engaged = 1")
        .bind(Uuid::from(emergency))
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

/// A response as [`store_responses`] hands it to SQL.
#[derive(Serialize)]
struct ResponseJson<'a> {
    helper: String,
    status: &'static str,
    notes: Option<&'a str>,
    estimated_arrival: Option<i64>,
    responded_at: i64,
    updated_at: i64,
    engaged: u8,
    counts_until: Option<i64>,
    cancellations: u16,
    repeats: u16,
    repeats_since: Option<i64>,
    came_near: Option<u8>,
    reopened: u8,
    end_undone: u8,
    dispatch: Option<&'a ResponseDispatch>,
}

impl<'a> ResponseJson<'a> {
    fn new(response: &'a Response, live: bool) -> Self {
        let Response {
            helper,
            status,
            notes,
            estimated_arrival,
            responded_at,
            updated_at,
            record,
            transport: _,
            last_fix: _,
            blocks: _,
        } = response;
        let ResponseRecord { counts_until, cancellations, repeats, repeats_since, came_near, .. } = *record;
        let ResponseRecord { reopened, end_undone, dispatch, .. } = record;
        let (reopened, end_undone) = (*reopened, *end_undone);
        Self {
            helper: hex(helper.person.id),
            status: status.as_str(),
            notes: notes.as_ref().map(Text::as_str),
            estimated_arrival: estimated_arrival.map(|at| at.timestamp_micros()),
            responded_at: responded_at.timestamp_micros(),
            updated_at: updated_at.timestamp_micros(),
            engaged: u8::from(live && status.is_engaged()),
            counts_until: counts_until.map(|at| at.timestamp_micros()),
            cancellations,
            repeats,
            repeats_since: repeats_since.map(|at| at.timestamp_micros()),
            came_near: came_near.map(u8::from),
            reopened: u8::from(reopened),
            end_undone: u8::from(end_undone),
            dispatch: dispatch.stored(),
        }
    }
}

/// Inserts or updates responses. `first_responded_at` keeps the time of the first insert.
async fn store_responses(
    db: &mut SqliteConnection,
    emergency: EmergencyId,
    (at, live): (i64, bool),
    responses: &[Response],
) -> Result<()> {
    if responses.is_empty() {
        return Ok(());
    }
    let responses: Vec<ResponseJson<'_>> = responses.iter().map(|response| ResponseJson::new(response, live)).collect();
    let stored = to_json(&responses)?;
    // `where true` tells the parser that `on conflict` is not a join condition.
    sqlx::query(
        "insert into response (emergency_id, helper_id, status, notes, estimated_arrival, first_responded_at, \
                responded_at, updated_at, engaged, counts_until, cancellations, repeats, repeats_since, came_near, \
                reopened, end_undone, dispatch) \
         select ?1, unhex(r.value ->> 'helper'), r.value ->> 'status', r.value ->> 'notes', \
                r.value ->> 'estimated_arrival', r.value ->> 'responded_at', r.value ->> 'responded_at', \
                r.value ->> 'updated_at', r.value ->> 'engaged', r.value ->> 'counts_until', \
                r.value ->> 'cancellations', r.value ->> 'repeats', r.value ->> 'repeats_since', \
                r.value ->> 'came_near', r.value ->> 'reopened', r.value ->> 'end_undone', \
                r.value ->> 'dispatch' \
         from json_each(?2) r where true order by r.key \
         on conflict (emergency_id, helper_id) do update set status = excluded.status, notes = excluded.notes, \
                estimated_arrival = excluded.estimated_arrival, responded_at = excluded.responded_at, \
                updated_at = excluded.updated_at, engaged = excluded.engaged, counts_until = excluded.counts_until, \
                cancellations = excluded.cancellations, repeats = excluded.repeats, \
                repeats_since = excluded.repeats_since, came_near = excluded.came_near, \
                reopened = excluded.reopened, end_undone = excluded.end_undone, \
                dispatch = excluded.dispatch",
    )
    .bind(Uuid::from(emergency))
    .bind(&stored)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    // A helper who answers has seen the alert, whatever the devices reported.
    sqlx::query(
        "update alert set seen_at = ?3 where emergency_id = ?1 and wave is not null and seen_at is null \
         and helper_id in (select unhex(r.value ->> 'helper') from json_each(?2) r)",
    )
    .bind(Uuid::from(emergency))
    .bind(&stored)
    .bind(at)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Fails with [`Error::Stale`] unless the emergency is at this revision.
pub(super) async fn expect(db: &mut SqliteConnection, emergency: EmergencyId, revision: Revision) -> Result<()> {
    let found: Option<i64> = sqlx::query_scalar("select revision from emergency where id = ?1")
        .bind(Uuid::from(emergency))
        .fetch_optional(db)
        .await
        .map_err(port_error)?;
    if found == Some(revision.0) { Ok(()) } else { Err(Error::Stale) }
}

/// Deletes an emergency and, by foreign keys, what belongs to it, and stores the record of it. Its events are noted for
/// erasure: other nodes may still have to read them.
pub(super) async fn delete(db: &mut SqliteConnection, record: &DeletedEmergency) -> Result<()> {
    let DeletedEmergency { id, owner, request_id, kind, status, place, created_at, ended_at, deleted_at } = record;
    let noted =
        sqlx::query("insert into erasure (emergency_id, deleted_at) select id, ?2 from emergency where id = ?1")
            .bind(Uuid::from(*id))
            .bind(deleted_at.timestamp_micros())
            .execute(&mut *db)
            .await
            .map_err(port_error)?;
    if noted.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query(
        "insert into deleted_emergency (id, owner_id, request_id, kind, status, latitude, longitude, created_at, \
                ended_at, deleted_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )
    .bind(Uuid::from(*id))
    .bind(Uuid::from(owner.id))
    .bind(request_id.as_ref().map(Text::as_str))
    .bind(kind.as_str())
    .bind(status.as_str())
    .bind(place.latitude())
    .bind(place.longitude())
    .bind(created_at.timestamp_micros())
    .bind(ended_at.timestamp_micros())
    .bind(deleted_at.timestamp_micros())
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    let delete = sqlx::query("delete from emergency where id = ?1").bind(Uuid::from(*id));
    delete.execute(db).await.map_err(port_error).map(drop)
}

#[derive(Serialize)]
struct RecipientJson {
    helper: String,
    distance: f64,
}

/// Makes a decision by gain due now in the live emergencies that alerted this helper, but for one.
pub(super) async fn decide_again(
    db: &mut SqliteConnection,
    at: i64,
    helper: UserId,
    except: Option<EmergencyId>,
) -> Result<()> {
    let sql = "update emergency set revision = revision + 1, \
                   next_alert_at = case status when 'active' then min(coalesce(next_alert_at, due), due) end, \
                   resume_at = case status when 'responding' then min(coalesce(resume_at, due), due) end \
               from (select e.id as due_id, max(?2, coalesce( \
                         cast(unixepoch(e.search ->> 'decided_at', 'subsec') * 1000000 as integer) + ?4, ?2)) as due \
                     from emergency e where e.id in ( \
                         select c.emergency_id from ( \
                             select a.emergency_id, a.declined_at from alert a where a.helper_id = ?1 and a.wave is not null \
                             order by a.sent_at desc limit ?5 \
                         ) c where c.declined_at is null)) \
               where id = due_id \
                   and id is not ?3 and status in ('active', 'responding') and search ->> 'by_gain'";
    let query = sqlx::query(sql).bind(Uuid::from(helper)).bind(at).bind(except.map(Uuid::from));
    let query = query.bind(MIN_DECISION_INTERVAL.num_microseconds()).bind(MAX_DECIDED_AGAIN);
    query.execute(db).await.map_err(port_error).map(drop)
}

/// Stores that all helpers on duty are told of an emergency, as a ring at its owner.
pub(super) async fn announce(db: &mut SqliteConnection, at: i64, emergency: EmergencyId) -> Result<()> {
    let sql = "insert or ignore into ring (owner_id, rung_at, helper_id) \
               select owner_id, ?2, owner_id from emergency where id = ?1";
    sqlx::query(sql).bind(Uuid::from(emergency)).bind(at).execute(db).await.map_err(port_error)?;
    Ok(())
}

/// Stores a wave of alerts, and the first ring of each helper. One who was alerted before keeps that wave and distance, and
/// the repetition is counted.
pub(super) async fn send_alerts(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    wave: u16,
    recipients: &[Recipient],
) -> Result<()> {
    let json =
        |Recipient { helper, distance, .. }: &_| RecipientJson { helper: hex(*helper), distance: distance.get() };
    let recipients: Vec<RecipientJson> = recipients.iter().map(json).collect();
    sqlx::query("update emergency set wave = max(wave, ?2) where id = ?1")
        .bind(Uuid::from(emergency))
        .bind(wave)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    let recipients = to_json(&recipients)?;
    // Each emergency counts once at a helper, however often it rings. Rings of days ago limit nothing any more.
    let rings = [
        "delete from ring where owner_id = (select owner_id from emergency where id = ?1) \
         and rung_at < ?2 - 172800000000 and ?3 is not null",
        "insert or ignore into ring (owner_id, rung_at, helper_id) \
         select e.owner_id, ?2, unhex(r.value ->> 'helper') from emergency e cross join json_each(?3) r \
         where e.id = ?1 and not exists (select 1 from alert l where l.emergency_id = ?1 \
                                         and l.helper_id = unhex(r.value ->> 'helper') and l.wave is not null)",
    ];
    for sql in rings {
        let query = sqlx::query(sql).bind(Uuid::from(emergency)).bind(at).bind(recipients.as_str());
        query.execute(&mut *db).await.map_err(port_error)?;
    }
    // An alert that was held back may be for an account that was deleted since: it must not stop the search.
    sqlx::query(
        "insert into alert (emergency_id, helper_id, wave, distance, sent_at) \
         select ?1, a.id, ?2, r.value ->> 'distance', ?3 \
         from json_each(?4) r cross join account a on a.id = unhex(r.value ->> 'helper') where true \
         on conflict (emergency_id, helper_id) do update \
         set wave = coalesce(alert.wave, excluded.wave), distance = coalesce(alert.distance, excluded.distance), \
             first_sent_at = coalesce(alert.first_sent_at, alert.sent_at), \
             repeats = alert.repeats + (alert.wave is not null), sent_at = excluded.sent_at",
    )
    .bind(Uuid::from(emergency))
    .bind(wave)
    .bind(at)
    .bind(recipients)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Stores the first acknowledgement of an alert that was sent. `false` if the alert was acknowledged before or not sent.
pub(super) async fn acknowledge(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    helper: UserId,
) -> Result<bool> {
    let done = sqlx::query(
        "update alert set acknowledged_at = ?3 \
         where emergency_id = ?1 and helper_id = ?2 and wave is not null and acknowledged_at is null",
    )
    .bind(Uuid::from(emergency))
    .bind(Uuid::from(helper))
    .bind(at)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    let is_first = done.rows_affected() == 1;
    if is_first {
        // A young account is proven by it; an old one is by its age.
        sqlx::query(
            "update account set acknowledged_at = ?2 \
             where id = ?1 and acknowledged_at is null and created_at > ?2 - 86400000000",
        )
        .bind(Uuid::from(helper))
        .bind(at)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    }
    Ok(is_first)
}

/// Stores that something came from a device that was sent the alert.
pub(super) async fn receive(db: &mut SqliteConnection, at: i64, emergency: EmergencyId, helper: UserId) -> Result<()> {
    let update = sqlx::query(
        "update alert set received_at = ?3 \
         where emergency_id = ?1 and helper_id = ?2 and wave is not null and received_at is null",
    );
    let update = update.bind(Uuid::from(emergency)).bind(Uuid::from(helper)).bind(at);
    update.execute(db).await.map_err(port_error).map(drop)
}

/// Declines an alert, or takes that back. A helper who declines without having been alerted gets a row without a wave,
/// which taking back deletes.
pub(super) async fn set_declined(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    helper: UserId,
    declined: bool,
) -> Result<()> {
    let statements: &[&'static str] = if declined {
        &["insert into alert (emergency_id, helper_id, declined_at) values (?1, ?2, ?3) \
           on conflict (emergency_id, helper_id) do update set declined_at = coalesce(alert.declined_at, ?3)"]
    } else {
        &[
            "delete from alert where emergency_id = ?1 and helper_id = ?2 and wave is null",
            "update alert set declined_at = null where emergency_id = ?1 and helper_id = ?2",
        ]
    };
    for sql in statements {
        let query = sqlx::query(*sql).bind(Uuid::from(emergency)).bind(Uuid::from(helper));
        let query = if declined { query.bind(at) } else { query };
        query.execute(&mut *db).await.map_err(port_error)?;
    }
    Ok(())
}
