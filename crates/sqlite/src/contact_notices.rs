//! What emergency contacts are told of emergencies: the port [`ContactNotices`]. Reviews and notices are written by changes.

use allynet_domain::{
    CONTACT_PAGE_AFTER_END, ContactAction, ContactPage, ContactReview, DueNotice, Location, NoticeId, Timestamp,
    contact_notice::{CountedAlerts, ReviewedAddress, ReviewedContact, ReviewedEmergency, StoredNotice},
    port::{ContactNotices, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use chrono::TimeDelta;
use sqlx::{Connection as _, FromRow, Row as _, sqlite::SqliteRow};
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    error::port_error,
    rows::{hex, to_json},
};

/// Whether a review is due at `?1`. Looked at first, so that an idle node does not write.
pub(crate) const ANY_REVIEW: &str = "select exists (select 1 from contact_review where due_at <= ?1)";
/// Claims at most `?3` reviews that are due at `?1`, until `?2`.
pub(crate) const CLAIM_REVIEWS: &str = "update contact_review set due_at = ?2 where emergency_id in (
    select emergency_id from contact_review where due_at <= ?1 order by due_at limit ?3) returning emergency_id";
/// The reviews of these emergencies, with nulls for one that was deleted.
pub(crate) const REVIEWS: &str = "
    select r.emergency_id, r.owner_id, r.alerts_after, e.created_at, e.ended_at, e.silent,
        (select min(v.at) from event v where v.emergency_id = r.emergency_id and v.kind = 'unanswered') as unanswered_at
    from json_each(?1) i
    join contact_review r on r.emergency_id = unhex(i.value)
    left join emergency e on e.id = r.emergency_id";
/// A row for each contact of an address, or one for an address that was told and is no contact any more. In the order of contacts.
pub(crate) const ADDRESSES: &str = "
    select r.emergency_id, k.id as consent_id,
        k.confirmed_at is not null and not k.undeliverable
            and not exists (select 1 from contact_stop s where s.email = k.email) as accepts,
        c.id as contact_id, c.told_on, c.after_seconds, c.lives_with_owner,
        n.contact_id as told_contact_id, n.queued, n.told, n.claimed_until, n.failed_at, k.alerts_from, k.alerts
    from json_each(?1) i
    join contact_review r on r.emergency_id = unhex(i.value)
    join contact_consent k on k.account_id = r.owner_id
    left join contact c on c.account_id = k.account_id and c.email = k.email
    left join contact_notice n on n.emergency_id = r.emergency_id and n.consent_id = k.id
    where c.id is not null or n.id is not null
    order by r.emergency_id, c.sort_order, c.created_at, c.id, k.id";
/// The notices that are due at `?1`. The turn of one that is due is at most some minutes later (`?2`), so that later ones are not read.
pub(crate) const DUE: &str = "
    select n.id from contact_notice n join contact_consent k on k.id = n.consent_id
    where n.due_at <= ?1 and n.turn_at <= ?2 and (n.claimed_until is null or n.claimed_until <= ?1)
        and k.confirmed_at is not null and not k.undeliverable
        and not exists (select 1 from contact_stop s where s.email = k.email)
        and (n.queued = 'ended') = not exists (
            select 1 from emergency e where e.id = n.emergency_id and e.status in ('active', 'responding'))
        and (n.queued = 'ended' or exists (
            select 1 from contact o where o.account_id = k.account_id and o.email = k.email))
    order by n.turn_at limit ?3";
/// Claims these notices, unless they were claimed since.
pub(crate) const CLAIM: &str = "
    update contact_notice set claimed_until = ?2 where id in (select unhex(i.value) from json_each(?3) i)
        and due_at <= ?1 and (claimed_until is null or claimed_until <= ?1)
    returning id";
pub(crate) const NOTICES: &str = "
    select n.id, n.emergency_id, n.contact_id, n.mail_id, n.queued, n.attempts, n.queued_at, k.id as consent_id, k.email,
        a.id as owner_id, coalesce(r.owner_first_name, a.first_name) as first_name,
        iif(r.owner_first_name is null, a.last_name, r.owner_last_name) as last_name,
        coalesce(r.owner_locale, a.locale) as locale,
        coalesce(r.owner_zone, json_extract(a.alert_preferences, '$.zone')) as zone,
        e.created_at, e.latitude, e.longitude, e.address, e.place_description
    from json_each(?1) i
    join contact_notice n on n.id = unhex(i.value)
    join contact_review r on r.emergency_id = n.emergency_id
    join contact_consent k on k.id = n.consent_id
    join account a on a.id = k.account_id
    left join emergency e on e.id = n.emergency_id
    where n.claimed_until = ?2 order by n.turn_at";
pub(crate) const PAGE: &str = "
    select n.id, n.emergency_id, n.contact_id, a.id as owner_id, a.first_name, a.last_name,
        e.latitude, e.longitude, e.address, e.place_description, e.status, n.with_owner_at, n.called_at, n.read_at,
        (select count(*) from response r
         where r.emergency_id = e.id and r.status in ('responding', 'on_way', 'arrived')
            and r.dispatch ->> 'stalled_at' is null) as helpers
    from contact_notice n
    join contact_consent k on k.id = n.consent_id
    join account a on a.id = k.account_id
    join emergency e on e.id = n.emergency_id
    where n.id = ?1 and (e.ended_at is null or e.ended_at > ?2)
        and exists (select 1 from contact o where o.account_id = k.account_id and o.email = k.email)";
/// Longer than the turn of a notice can be after it is due.
const MAX_TURN: TimeDelta = TimeDelta::hours(1);

#[derive(FromRow)]
struct ReviewRow {
    emergency_id: Uuid,
    owner_id: Uuid,
    alerts_after: Option<i64>,
    created_at: Option<i64>,
    ended_at: Option<i64>,
    silent: Option<bool>,
    unanswered_at: Option<i64>,
}

impl ReviewRow {
    fn review(self, lease_until: Timestamp) -> Result<ContactReview> {
        let Self { emergency_id, owner_id, alerts_after, created_at, ended_at, silent, unanswered_at } = self;
        let stored = RowDecoder { table: "emergency", id: emergency_id };
        let state = match (created_at, silent) {
            (Some(created_at), Some(silent)) => Some(ReviewedEmergency {
                created_at: stored.micros("created_at", created_at)?,
                unanswered_at: stored.micros_opt("at", unanswered_at)?,
                ended_at: stored.micros_opt("ended_at", ended_at)?,
                silent,
            }),
            _ => None,
        };
        let (emergency, owner) = (emergency_id.into(), owner_id.into());
        let alerts_after = stored.micros_opt("alerts_after", alerts_after)?;
        Ok(ContactReview { emergency, owner, lease_until, state, alerts_after, addresses: Vec::new() })
    }
}

#[derive(FromRow)]
struct AddressRow {
    emergency_id: Uuid,
    consent_id: Uuid,
    accepts: bool,
    contact_id: Option<Uuid>,
    told_on: Option<String>,
    after_seconds: Option<i64>,
    lives_with_owner: Option<bool>,
    told_contact_id: Option<Uuid>,
    queued: Option<String>,
    told: Option<String>,
    claimed_until: Option<i64>,
    failed_at: Option<i64>,
    alerts_from: Option<i64>,
    alerts: i64,
}

impl AddressRow {
    /// Adds it to the addresses of its review, with its contact.
    fn add_to(self, addresses: &mut Vec<ReviewedAddress>) -> Result<()> {
        let (contact, consent) = (self.contact()?, self.consent_id.into());
        if let Some(address) = addresses.iter_mut().find(|address| address.consent == consent) {
            address.contacts.extend(contact);
            return Ok(());
        }
        let stored = RowDecoder { table: "contact_consent", id: self.consent_id };
        let alerts = CountedAlerts {
            since: stored.micros_opt("alerts_from", self.alerts_from)?,
            count: stored.number("alerts", self.alerts)?,
        };
        let (accepts, notice, contacts) = (self.accepts, self.notice()?, contact.into_iter().collect());
        addresses.push(ReviewedAddress { consent, accepts, contacts, notice, alerts });
        Ok(())
    }

    fn contact(&self) -> Result<Option<ReviewedContact>> {
        let Some(id) = self.contact_id else { return Ok(None) };
        let stored = RowDecoder { table: "contact", id };
        let trigger = stored.parse_opt("told_on", self.told_on.as_deref())?;
        let after_seconds = self.after_seconds.and_then(|seconds| u32::try_from(seconds).ok());
        Ok(Some(ReviewedContact {
            id: id.into(),
            trigger: trigger.ok_or_else(|| stored.corrupt("told_on"))?,
            after_seconds: after_seconds.ok_or_else(|| stored.corrupt("after_seconds"))?,
            lives_with_owner: self.lives_with_owner.ok_or_else(|| stored.corrupt("lives_with_owner"))?,
        }))
    }

    fn notice(&self) -> Result<Option<StoredNotice>> {
        let Some(contact) = self.told_contact_id else { return Ok(None) };
        let stored = RowDecoder { table: "contact_notice", id: self.consent_id };
        Ok(Some(StoredNotice {
            contact: contact.into(),
            queued: stored.parse_opt("queued", self.queued.as_deref())?,
            told: stored.parse_opt("told", self.told.as_deref())?,
            claimed_until: stored.micros_opt("claimed_until", self.claimed_until)?,
            has_failed: self.failed_at.is_some(),
        }))
    }
}

#[derive(FromRow)]
struct PlaceRow {
    latitude: f64,
    longitude: f64,
    address: Option<String>,
    place_description: Option<String>,
}

impl PlaceRow {
    fn location(self, stored: RowDecoder<Uuid>) -> Result<Location> {
        Ok(Location {
            position: stored.position(self.latitude, self.longitude)?,
            address: stored.text_opt("address", self.address.as_deref())?,
            description: stored.text_opt("place_description", self.place_description.as_deref())?,
        })
    }
}

/// When and where the owner called, or nulls.
struct OptionalCall(Option<(i64, PlaceRow)>);

impl<'r> FromRow<'r, SqliteRow> for OptionalCall {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let at: Option<i64> = row.try_get("created_at")?;
        at.map(|at| Ok((at, PlaceRow::from_row(row)?))).transpose().map(Self)
    }
}

#[derive(FromRow)]
struct NoticeRow {
    id: Uuid,
    emergency_id: Uuid,
    contact_id: Uuid,
    mail_id: Uuid,
    queued: Option<String>,
    attempts: i64,
    queued_at: i64,
    consent_id: Uuid,
    email: String,
    owner_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    locale: String,
    zone: Option<String>,
    #[sqlx(flatten)]
    call: OptionalCall,
}

impl NoticeRow {
    fn notice(self, lease_until: Timestamp) -> Result<DueNotice> {
        let stored = RowDecoder { table: "contact_notice", id: self.id };
        let kind = stored.parse_opt("queued", self.queued.as_deref())?;
        let call = self.call.0.map(|(at, place)| Ok((stored.micros("created_at", at)?, place.location(stored)?)));
        Ok(DueNotice {
            id: self.id.into(),
            mail: self.mail_id,
            kind: kind.ok_or_else(|| stored.corrupt("queued"))?,
            emergency: self.emergency_id.into(),
            owner: self.owner_id.into(),
            contact: self.contact_id.into(),
            consent: self.consent_id.into(),
            email: stored.parse("email", &self.email)?,
            first_name: stored.text("first_name", &self.first_name)?,
            last_name: stored.text_opt("last_name", self.last_name.as_deref())?,
            locale: stored.parse("locale", &self.locale)?,
            zone: stored.parse_opt("alert_preferences", self.zone.as_deref())?,
            attempts: stored.number("attempts", self.attempts)?,
            queued_at: stored.micros("queued_at", self.queued_at)?,
            lease_until,
            call: call.transpose()?,
        })
    }
}

#[derive(FromRow)]
struct PageRow {
    id: Uuid,
    emergency_id: Uuid,
    contact_id: Uuid,
    owner_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    #[sqlx(flatten)]
    place: PlaceRow,
    status: String,
    with_owner_at: Option<i64>,
    called_at: Option<i64>,
    read_at: Option<i64>,
    helpers: i64,
}

impl PageRow {
    fn page(self) -> Result<ContactPage> {
        let stored = RowDecoder { table: "contact_notice", id: self.id };
        let said = [
            self.with_owner_at.map(|_| ContactAction::WithOwner),
            self.called_at.map(|_| ContactAction::CalledNumber),
            self.read_at.map(|_| ContactAction::Read),
        ];
        Ok(ContactPage {
            notice: self.id.into(),
            emergency: self.emergency_id.into(),
            owner: self.owner_id.into(),
            contact: self.contact_id.into(),
            first_name: stored.text("first_name", &self.first_name)?,
            last_name: stored.text_opt("last_name", self.last_name.as_deref())?,
            location: self.place.location(stored)?,
            status: stored.parse("status", &self.status)?,
            helpers: u32::try_from(self.helpers).unwrap_or(u32::MAX),
            actions: said.into_iter().flatten().collect(),
        })
    }
}

#[async_trait]
impl ContactNotices for Sqlite {
    #[instrument(name = "sqlite.contact_notices.claim_reviews", level = "debug", skip_all)]
    async fn claim_reviews(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<ContactReview>> {
        let micros = now.timestamp_micros();
        let query = sqlx::query_scalar(ANY_REVIEW).bind(micros);
        let is_any: bool = query.fetch_one(&self.readers).await.map_err(port_error)?;
        if !is_any {
            return Ok(Vec::new());
        }
        let query = sqlx::query_scalar(CLAIM_REVIEWS).bind(micros).bind(lease_until.timestamp_micros()).bind(limit);
        let claimed: Vec<Uuid> = query.fetch_all(&self.writer).await.map_err(port_error)?;
        let claimed = to_json(&claimed.into_iter().map(hex).collect::<Vec<_>>())?;
        let query = sqlx::query_as(REVIEWS).bind(&claimed);
        let rows: Vec<ReviewRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        let mut reviews = rows.into_iter().map(|row| row.review(lease_until)).collect::<Result<Vec<_>>>()?;
        let query = sqlx::query_as(ADDRESSES).bind(&claimed);
        let addresses: Vec<AddressRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        for row in addresses {
            let of = reviews.iter_mut().find(|review| Uuid::from(review.emergency) == row.emergency_id);
            of.map_or(Ok(()), |review| row.add_to(&mut review.addresses))?;
        }
        Ok(reviews)
    }

    #[instrument(name = "sqlite.contact_notices.claim_notices", level = "debug", skip_all)]
    async fn claim_notices(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueNotice>> {
        let (micros, lease) = (now.timestamp_micros(), lease_until.timestamp_micros());
        // The readers look first: the one writer is not taken when there is nothing to do, which is nearly always.
        let query = sqlx::query_scalar(DUE).bind(micros).bind((now + MAX_TURN).timestamp_micros()).bind(limit);
        let due: Vec<Uuid> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let due = to_json(&due.into_iter().map(hex).collect::<Vec<_>>())?;
        let query = sqlx::query_scalar(CLAIM).bind(micros).bind(lease).bind(due);
        let claimed: Vec<Uuid> = query.fetch_all(&self.writer).await.map_err(port_error)?;
        let claimed = to_json(&claimed.into_iter().map(hex).collect::<Vec<_>>())?;
        let query = sqlx::query_as(NOTICES).bind(claimed).bind(lease);
        let rows: Vec<NoticeRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(|row| row.notice(lease_until)).collect()
    }

    #[instrument(name = "sqlite.contact_notices.page", level = "debug", skip_all, fields(%id))]
    async fn page(&self, id: NoticeId, now: Timestamp) -> Result<Option<ContactPage>> {
        let since = (now - CONTACT_PAGE_AFTER_END).timestamp_micros();
        let query = sqlx::query_as(PAGE).bind(Uuid::from(id)).bind(since);
        let row: Option<PageRow> = query.fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(PageRow::page).transpose()
    }

    #[instrument(name = "sqlite.contact_notices.drop_waiting", level = "debug", skip_all)]
    async fn drop_waiting(&self, now: Timestamp) -> Result<u64> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        sqlx::query("update contact_review set alerts_after = ?1 where due_at is not null")
            .bind(now.timestamp_micros())
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        let dropped = sqlx::query(
            "update contact_notice set told = queued, queued = null, due_at = null, claimed_until = null \
             where due_at is not null and turn_at > 0",
        )
        .execute(&mut *transaction)
        .await
        .map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(dropped.rows_affected())
    }
}
