//! Emergency contacts and the consent of their addresses.

use allynet_domain::{
    Consent, ConsentId, Contact, ContactDetails, ContactId, ContactState, DueInvitation, Email,
    INVITATIONS_COUNTED_FOR, InvitationNote, MAX_CONTACTS, MAX_INVITATIONS, Text, Timestamp, UserId,
    port::{ContactEntry, Contacts, Error, Result, SavedContact, StopTarget},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

const LIST: &str = "
    SELECT c.id, c.name, c.email, c.phone, c.sort_order, c.after_seconds, c.told_on, c.lives_with_owner, c.created_at,
        s.email IS NOT NULL AS stopped, coalesce(k.undeliverable, false) AS undeliverable, k.confirmed_at
    FROM contact c
        LEFT JOIN contact_consent k ON k.account_id = c.account_id AND k.email = c.email
        LEFT JOIN contact_stop s ON s.email = c.email
    WHERE c.account_id = $1 ORDER BY c.sort_order, c.created_at, c.id";
const SAVE: &str = "
    SELECT outcome, stopped, undeliverable, confirmed_at
    FROM save_contact_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
/// An address that is no contact any more is not invited.
const REMOVE: &str = "
    WITH removed AS (DELETE FROM contact WHERE account_id = $1 AND id = $2 RETURNING email),
    cleared AS (
        UPDATE contact_consent k SET due_at = NULL FROM removed r
        WHERE k.account_id = $1 AND k.email = r.email AND k.due_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM contact o WHERE o.account_id = $1 AND o.email = r.email AND o.id <> $2)
    )
    SELECT count(*) FROM removed";
/// A scalar subquery and not `NOT EXISTS`, which a generic plan turns into a scan of all stopped addresses.
const CLAIM: &str = "
    WITH due AS (
        SELECT k.id FROM contact_consent k JOIN account a ON a.id = k.account_id
        WHERE k.due_at <= $1 AND NOT a.blocked
            AND (SELECT s.email FROM contact_stop s WHERE s.email = k.email) IS NULL
        ORDER BY k.due_at LIMIT $3 FOR UPDATE OF k SKIP LOCKED
    )
    UPDATE contact_consent k SET due_at = $2 FROM due, account a
    WHERE k.id = due.id AND a.id = k.account_id
    RETURNING k.id, k.email, a.first_name, a.last_name, a.locale, k.attempts";
const NOTE: &str = "
    UPDATE contact_consent SET invited_at = coalesce($3, invited_at), due_at = $4, undeliverable = $5, attempts = attempts + 1
    WHERE id = $1 AND due_at = $2";
const DROP: &str = "UPDATE contact_consent SET due_at = NULL WHERE due_at IS NOT NULL";
const CONSENT: &str = "
    SELECT k.id, a.first_name, a.last_name, s.email IS NOT NULL AS stopped, k.undeliverable, k.confirmed_at
    FROM contact_consent k JOIN account a ON a.id = k.account_id LEFT JOIN contact_stop s ON s.email = k.email
    WHERE k.id = $1 AND NOT a.blocked";
/// A live emergency of the user is told to the address, too.
const CONFIRM: &str = "
    WITH confirmed AS (
        UPDATE contact_consent k SET confirmed_at = $2, undeliverable = false
        WHERE k.id = $1 AND k.confirmed_at IS NULL AND NOT EXISTS (SELECT FROM contact_stop s WHERE s.email = k.email)
        RETURNING k.account_id
    )
    INSERT INTO contact_review (emergency_id, owner_id, due_at)
    SELECT e.id, e.owner_id, $2 FROM confirmed c JOIN emergency e ON e.owner_id = c.account_id
    WHERE e.status IN ('active', 'responding')
    ON CONFLICT ON CONSTRAINT contact_review_pkey DO UPDATE SET due_at = excluded.due_at";
const STOP: &str = "
    WITH stopped AS (SELECT email FROM contact_consent WHERE id = $1),
    listed AS (
        INSERT INTO contact_stop (email, stopped_at) SELECT email, $2 FROM stopped ON CONFLICT (email) DO NOTHING
    ),
    cleared AS (
        UPDATE contact_consent k SET due_at = NULL FROM stopped s WHERE k.email = s.email AND k.due_at IS NOT NULL
    )
    SELECT count(*) FROM stopped";

const STOP_ALERTS: &str = "
    WITH stopped AS (SELECT email FROM account WHERE id = $1),
    listed AS (
        INSERT INTO alert_mail_stop (email, stopped_at) SELECT email, $2 FROM stopped ON CONFLICT (email) DO NOTHING
    )
    SELECT count(*) FROM stopped";

statements!(LIST, SAVE, REMOVE, CLAIM, NOTE, DROP, CONSENT, CONFIRM, STOP, STOP_ALERTS);

#[derive(FromRow)]
struct ContactRow {
    id: Uuid,
    name: String,
    email: String,
    phone: Option<String>,
    sort_order: i32,
    after_seconds: i32,
    told_on: String,
    lives_with_owner: bool,
    created_at: Timestamp,
    stopped: bool,
    undeliverable: bool,
    confirmed_at: Option<Timestamp>,
}

impl ContactRow {
    fn contact(self) -> Result<Contact> {
        let stored = RowDecoder { table: "contact", id: self.id };
        Ok(Contact {
            id: self.id.into(),
            details: ContactDetails {
                name: stored.text("name", &self.name)?,
                email: stored.parse("email", &self.email)?,
                phone: stored.text_opt("phone", self.phone.as_deref())?,
                order: u32::try_from(self.sort_order).map_err(|_| stored.corrupt("sort_order"))?,
                after_seconds: u32::try_from(self.after_seconds).map_err(|_| stored.corrupt("after_seconds"))?,
                trigger: stored.parse("told_on", &self.told_on)?,
                lives_with_owner: self.lives_with_owner,
            },
            state: ContactState::of(self.stopped, self.undeliverable, self.confirmed_at.is_some()),
            confirmed_at: self.confirmed_at,
            created_at: self.created_at,
        })
    }
}

#[derive(FromRow)]
struct SavedRow {
    outcome: String,
    stopped: bool,
    undeliverable: bool,
    confirmed_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct ConsentRow {
    id: Uuid,
    first_name: String,
    last_name: Option<String>,
    stopped: bool,
    undeliverable: bool,
    confirmed_at: Option<Timestamp>,
}

impl ConsentRow {
    fn consent(self) -> Result<Consent> {
        let stored = RowDecoder { table: "contact_consent", id: self.id };
        Ok(Consent {
            first_name: stored.text("first_name", &self.first_name)?,
            last_name: stored.text_opt("last_name", self.last_name.as_deref())?,
            state: ContactState::of(self.stopped, self.undeliverable, self.confirmed_at.is_some()),
        })
    }
}

#[derive(FromRow)]
struct InvitationRow {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: Option<String>,
    locale: String,
    attempts: i32,
}

impl InvitationRow {
    fn invitation(self) -> Result<DueInvitation> {
        let stored = RowDecoder { table: "contact_consent", id: self.id };
        Ok(DueInvitation {
            consent: self.id.into(),
            email: stored.parse("email", &self.email)?,
            first_name: stored.text("first_name", &self.first_name)?,
            last_name: stored.text_opt("last_name", self.last_name.as_deref())?,
            locale: stored.parse("locale", &self.locale)?,
            attempts: u32::try_from(self.attempts).map_err(|_| stored.corrupt("attempts"))?,
        })
    }
}

#[async_trait]
impl Contacts for Postgres {
    #[instrument(name = "pg.contacts.list", level = "debug", skip_all, fields(user = %owner))]
    async fn list(&self, owner: UserId) -> Result<Vec<Contact>> {
        let rows: Vec<ContactRow> =
            sqlx::query_as(LIST).bind(Uuid::from(owner)).fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(ContactRow::contact).collect()
    }

    #[instrument(name = "pg.contacts.save", level = "debug", skip_all, fields(user = %entry.owner))]
    async fn save(&self, entry: &ContactEntry) -> Result<SavedContact> {
        let ContactEntry { owner, id, details, is_new, consent, at } = entry;
        let ContactDetails { name, email, phone, order, after_seconds, trigger, lives_with_owner } = details;
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let SavedRow { outcome, stopped, undeliverable, confirmed_at } = sqlx::query_as(SAVE)
            .bind(Uuid::from(*owner))
            .bind(Uuid::from(*id))
            .bind(name.as_str())
            .bind(Email::as_str(email))
            .bind(phone.as_ref().map(Text::as_str))
            .bind(number(*order))
            .bind(number(*after_seconds))
            .bind(trigger.as_str())
            .bind(lives_with_owner)
            .bind(is_new)
            .bind(Uuid::from(*consent))
            .bind(at)
            .bind(number(MAX_CONTACTS))
            .bind(number(MAX_INVITATIONS))
            .bind(INVITATIONS_COUNTED_FOR.as_seconds_f64())
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        match outcome.as_str() {
            "saved" => {
                let state = ContactState::of(stopped, undeliverable, confirmed_at.is_some());
                Ok(SavedContact::Saved { state, confirmed_at })
            }
            "too_many" => Ok(SavedContact::TooMany),
            "unknown" => Ok(SavedContact::Unknown),
            other => Err(Error::bug(format!("save_contact_v1 returned {other}"))),
        }
    }

    #[instrument(name = "pg.contacts.remove", level = "debug", skip_all, fields(user = %owner))]
    async fn remove(&self, owner: UserId, contact: ContactId) -> Result<bool> {
        let query = sqlx::query_scalar(REMOVE).bind(Uuid::from(owner)).bind(Uuid::from(contact));
        let removed: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(removed > 0)
    }

    #[instrument(name = "pg.contacts.claim_invitations", level = "debug", skip_all)]
    async fn claim_invitations(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueInvitation>> {
        let rows: Vec<InvitationRow> = sqlx::query_as(CLAIM)
            .bind(now)
            .bind(lease_until)
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        rows.into_iter().map(InvitationRow::invitation).collect()
    }

    #[instrument(name = "pg.contacts.note_invitation", level = "debug", skip_all)]
    async fn note_invitation(
        &self,
        consent: ConsentId,
        lease_until: Timestamp,
        note: InvitationNote,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(NOTE)
            .bind(Uuid::from(consent))
            .bind(lease_until)
            .bind((note == InvitationNote::Sent).then_some(now))
            .bind(note.due_at())
            .bind(note == InvitationNote::Undeliverable)
            .execute(self.main())
            .await
            .map_err(failed)
            .map(drop)
    }

    #[instrument(name = "pg.contacts.drop_invitations", level = "debug", skip_all)]
    async fn drop_invitations(&self) -> Result<u64> {
        sqlx::query(DROP).execute(self.main()).await.map_err(failed).map(|done| done.rows_affected())
    }

    #[instrument(name = "pg.contacts.consent", level = "debug", skip_all)]
    async fn consent(&self, id: ConsentId) -> Result<Option<Consent>> {
        let row: Option<ConsentRow> =
            sqlx::query_as(CONSENT).bind(Uuid::from(id)).fetch_optional(self.main()).await.map_err(failed)?;
        row.map(ConsentRow::consent).transpose()
    }

    #[instrument(name = "pg.contacts.confirm", level = "debug", skip_all)]
    async fn confirm(&self, id: ConsentId, at: Timestamp) -> Result<Option<Consent>> {
        sqlx::query(CONFIRM).bind(Uuid::from(id)).bind(at).execute(self.main()).await.map_err(failed)?;
        self.consent(id).await
    }

    #[instrument(name = "pg.contacts.stop", level = "debug", skip_all)]
    async fn stop(&self, target: StopTarget, at: Timestamp) -> Result<bool> {
        let (sql, id): (_, Uuid) = match target {
            StopTarget::Contact(consent) => (STOP, consent.into()),
            StopTarget::Alerts(user) => (STOP_ALERTS, user.into()),
        };
        let query = sqlx::query_scalar(sql).bind(id).bind(at);
        let stopped: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(stopped > 0)
    }
}
