//! What emergency contacts are told of emergencies. Reviews and notices are written by `apply_change_v3`.

use allynet_domain::{
    CONTACT_PAGE_AFTER_END, ContactAction, ContactPage, ContactReview, DueNotice, Location, NoticeId, Timestamp,
    contact_notice::{CountedAlerts, ReviewedAddress, ReviewedContact, ReviewedEmergency, StoredNotice},
    port::{ContactNotices, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// Claims at most `$3` reviews that are due at `$1`, until `$2`, and reads the emergencies, with nulls for one that was deleted.
const CLAIM_REVIEWS: &str = "
    WITH claimed AS (
        UPDATE contact_review r SET due_at = $2
        WHERE r.emergency_id = ANY (ARRAY (
            SELECT emergency_id FROM contact_review WHERE due_at <= $1 ORDER BY due_at LIMIT $3
            FOR UPDATE SKIP LOCKED))
        RETURNING r.emergency_id, r.owner_id, r.alerts_after
    )
    SELECT c.emergency_id, c.owner_id, c.alerts_after, e.created_at, e.ended_at, e.silent,
        (SELECT min(v.at) FROM event v WHERE v.emergency_id = c.emergency_id AND v.kind = 'unanswered') AS unanswered_at
    FROM claimed c LEFT JOIN emergency e ON e.id = c.emergency_id";
/// A row for each contact of an address, or one for an address that was told and is no contact any more. In the order of contacts.
const ADDRESSES: &str = "
    SELECT r.emergency_id, k.id AS consent_id,
        k.confirmed_at IS NOT NULL AND NOT k.undeliverable
            AND (SELECT s.email FROM contact_stop s WHERE s.email = k.email) IS NULL AS accepts,
        c.id AS contact_id, c.told_on, c.after_seconds, c.lives_with_owner,
        n.contact_id AS told_contact_id, n.queued, n.told, n.claimed_until, n.failed_at, k.alerts_from, k.alerts
    FROM contact_review r
        JOIN contact_consent k ON k.account_id = r.owner_id
        LEFT JOIN contact c ON c.account_id = k.account_id AND c.email = k.email
        LEFT JOIN contact_notice n ON n.emergency_id = r.emergency_id AND n.consent_id = k.id
    WHERE r.emergency_id = ANY ($1) AND (c.id IS NOT NULL OR n.id IS NOT NULL)
    ORDER BY r.emergency_id, c.sort_order, c.created_at, c.id, k.id";
/// Claims at most `$3` notices that are due at `$1`, until `$2`. The turn of one that is due is at most some minutes later, so that
/// later ones are not read. Scalar subqueries and not `EXISTS`, which a generic plan may turn into scans.
const CLAIM_NOTICES: &str = "
    UPDATE contact_notice c SET claimed_until = $2
    WHERE c.id = ANY (ARRAY (
        SELECT n.id FROM contact_notice n JOIN contact_consent k ON k.id = n.consent_id
        WHERE n.due_at <= $1 AND n.turn_at <= $1 + interval '1 hour' AND (n.claimed_until IS NULL OR n.claimed_until <= $1)
            AND k.confirmed_at IS NOT NULL AND NOT k.undeliverable
            AND (SELECT s.email FROM contact_stop s WHERE s.email = k.email) IS NULL
            AND (n.queued = 'ended') = ((SELECT e.id FROM emergency e
                                         WHERE e.id = n.emergency_id AND e.status IN ('active', 'responding')) IS NULL)
            AND (n.queued = 'ended' OR (SELECT o.id FROM contact o
                                        WHERE o.account_id = k.account_id AND o.email = k.email LIMIT 1) IS NOT NULL)
        ORDER BY n.turn_at LIMIT $3 FOR UPDATE OF n SKIP LOCKED))
    RETURNING c.id";
const NOTICES: &str = "
    SELECT n.id, n.emergency_id, n.contact_id, n.mail_id, n.queued, n.attempts, n.queued_at, k.id AS consent_id, k.email,
        a.id AS owner_id, coalesce(r.owner_first_name, a.first_name) AS first_name,
        CASE WHEN r.owner_first_name IS NULL THEN a.last_name ELSE r.owner_last_name END AS last_name,
        coalesce(r.owner_locale, a.locale) AS locale, coalesce(r.owner_zone, a.alert_preferences ->> 'zone') AS zone,
        e.created_at, e.latitude, e.longitude, e.address, e.place_description
    FROM contact_notice n
        JOIN contact_review r ON r.emergency_id = n.emergency_id
        JOIN contact_consent k ON k.id = n.consent_id
        JOIN account a ON a.id = k.account_id
        LEFT JOIN emergency e ON e.id = n.emergency_id
    WHERE n.id = ANY ($1) AND n.claimed_until = $2 ORDER BY n.turn_at";
const PAGE: &str = "
    SELECT n.id, n.emergency_id, n.contact_id, a.id AS owner_id, a.first_name, a.last_name,
        e.latitude, e.longitude, e.address, e.place_description, e.status, n.with_owner_at, n.called_at, n.read_at,
        (SELECT count(*) FROM response r
         WHERE r.emergency_id = e.id AND r.status IN ('responding', 'on_way', 'arrived')
            AND r.dispatch ->> 'stalled_at' IS NULL) AS helpers
    FROM contact_notice n
        JOIN contact_consent k ON k.id = n.consent_id
        JOIN account a ON a.id = k.account_id
        JOIN emergency e ON e.id = n.emergency_id
    WHERE n.id = $1 AND (e.ended_at IS NULL OR e.ended_at > $2)
        AND (SELECT o.id FROM contact o WHERE o.account_id = k.account_id AND o.email = k.email LIMIT 1) IS NOT NULL";
/// The turn is named for the index.
const DROP: &str = "
    WITH reviews AS (UPDATE contact_review SET alerts_after = $1 WHERE due_at IS NOT NULL),
    notices AS (
        UPDATE contact_notice SET told = queued, queued = NULL, due_at = NULL, claimed_until = NULL
        WHERE due_at IS NOT NULL AND turn_at > '-infinity' RETURNING id
    )
    SELECT count(*) FROM notices";

statements!(CLAIM_REVIEWS, ADDRESSES, CLAIM_NOTICES, NOTICES, PAGE, DROP);

#[derive(FromRow)]
struct ReviewRow {
    emergency_id: Uuid,
    owner_id: Uuid,
    alerts_after: Option<Timestamp>,
    created_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    silent: Option<bool>,
    unanswered_at: Option<Timestamp>,
}

impl ReviewRow {
    fn review(self, lease_until: Timestamp) -> ContactReview {
        let Self { emergency_id, owner_id, alerts_after, created_at, ended_at, silent, unanswered_at } = self;
        let state = created_at.zip(silent);
        let state = state.map(|(created_at, silent)| ReviewedEmergency { created_at, unanswered_at, ended_at, silent });
        let (emergency, owner) = (emergency_id.into(), owner_id.into());
        ContactReview { emergency, owner, lease_until, state, alerts_after, addresses: Vec::new() }
    }
}

#[derive(FromRow)]
struct AddressRow {
    emergency_id: Uuid,
    consent_id: Uuid,
    accepts: bool,
    contact_id: Option<Uuid>,
    told_on: Option<String>,
    after_seconds: Option<i32>,
    lives_with_owner: Option<bool>,
    told_contact_id: Option<Uuid>,
    queued: Option<String>,
    told: Option<String>,
    claimed_until: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    alerts_from: Option<Timestamp>,
    alerts: i32,
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
        let alerts = CountedAlerts { since: self.alerts_from, count: stored.number("alerts", self.alerts)? };
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
            claimed_until: self.claimed_until,
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
struct OptionalCall(Option<(Timestamp, PlaceRow)>);

impl<'r> FromRow<'r, sqlx::postgres::PgRow> for OptionalCall {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> sqlx::Result<Self> {
        use sqlx::Row as _;
        let at: Option<Timestamp> = row.try_get("created_at")?;
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
    attempts: i32,
    queued_at: Timestamp,
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
        let call = self.call.0.map(|(at, place)| Ok((at, place.location(stored)?))).transpose()?;
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
            queued_at: self.queued_at,
            lease_until,
            call,
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
    with_owner_at: Option<Timestamp>,
    called_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
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
impl ContactNotices for Postgres {
    #[instrument(name = "pg.contact_notices.claim_reviews", level = "debug", skip_all)]
    async fn claim_reviews(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<ContactReview>> {
        let query = sqlx::query_as(CLAIM_REVIEWS).bind(now).bind(lease_until).bind(i64::from(limit));
        let rows: Vec<ReviewRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let emergencies: Vec<Uuid> = rows.iter().map(|row| row.emergency_id).collect();
        let mut reviews: Vec<_> = rows.into_iter().map(|row| row.review(lease_until)).collect();
        let query = sqlx::query_as(ADDRESSES).bind(emergencies);
        let addresses: Vec<AddressRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        for row in addresses {
            let of = reviews.iter_mut().find(|review| Uuid::from(review.emergency) == row.emergency_id);
            of.map_or(Ok(()), |review| row.add_to(&mut review.addresses))?;
        }
        Ok(reviews)
    }

    #[instrument(name = "pg.contact_notices.claim_notices", level = "debug", skip_all)]
    async fn claim_notices(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueNotice>> {
        let query = sqlx::query_scalar(CLAIM_NOTICES).bind(now).bind(lease_until).bind(i64::from(limit));
        let claimed: Vec<Uuid> = query.fetch_all(self.main()).await.map_err(failed)?;
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query_as(NOTICES).bind(claimed).bind(lease_until);
        let rows: Vec<NoticeRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(|row| row.notice(lease_until)).collect()
    }

    #[instrument(name = "pg.contact_notices.page", level = "debug", skip_all, fields(%id))]
    async fn page(&self, id: NoticeId, now: Timestamp) -> Result<Option<ContactPage>> {
        let query = sqlx::query_as(PAGE).bind(Uuid::from(id)).bind(now - CONTACT_PAGE_AFTER_END);
        let row: Option<PageRow> = query.fetch_optional(self.main()).await.map_err(failed)?;
        row.map(PageRow::page).transpose()
    }

    #[instrument(name = "pg.contact_notices.drop_waiting", level = "debug", skip_all)]
    async fn drop_waiting(&self, now: Timestamp) -> Result<u64> {
        let query = sqlx::query_scalar(DROP).bind(now);
        let dropped: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(dropped.unsigned_abs())
    }
}
