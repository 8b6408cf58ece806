//! Emergency contacts and the consent of their addresses: the port [`Contacts`].

use allynet_domain::{
    Consent, ConsentId, Contact, ContactDetails, ContactId, ContactState, DueInvitation, INVITATIONS_COUNTED_FOR,
    InvitationNote, MAX_CONTACTS, MAX_INVITATIONS, Text, Timestamp, UserId,
    port::{ContactEntry, Contacts, Result, SavedContact, StopTarget},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{Connection as _, SqliteConnection};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

const LIST: &str = "\
    select c.id, c.name, c.email, c.phone, c.sort_order, c.after_seconds, c.told_on, c.lives_with_owner, c.created_at, \
           s.email is not null as stopped, coalesce(k.undeliverable, 0) as undeliverable, k.confirmed_at \
    from contact c \
    left join contact_consent k on k.account_id = c.account_id and k.email = c.email \
    left join contact_stop s on s.email = c.email \
    where c.account_id = ?1 order by c.sort_order, c.created_at, c.id";
const CONSENT: &str = "\
    select k.id, a.first_name, a.last_name, s.email is not null as stopped, k.undeliverable, k.confirmed_at \
    from contact_consent k join account a on a.id = k.account_id left join contact_stop s on s.email = k.email \
    where k.id = ?1 and a.blocked = 0";
const CLAIM: &str = "\
    update contact_consent set due_at = ?2 where id in ( \
        select d.id from contact_consent d join account b on b.id = d.account_id \
        where d.due_at <= ?1 and b.blocked = 0 and not exists (select 1 from contact_stop s where s.email = d.email) \
        order by d.due_at limit ?3) \
    returning id, email, attempts, \
              (select a.first_name from account a where a.id = contact_consent.account_id) as first_name, \
              (select a.last_name from account a where a.id = contact_consent.account_id) as last_name, \
              (select a.locale from account a where a.id = contact_consent.account_id) as locale";

#[derive(sqlx::FromRow)]
struct ContactRow {
    id: Uuid,
    name: String,
    email: String,
    phone: Option<String>,
    sort_order: i64,
    after_seconds: i64,
    told_on: String,
    lives_with_owner: bool,
    created_at: i64,
    stopped: bool,
    undeliverable: bool,
    confirmed_at: Option<i64>,
}

impl TryFrom<ContactRow> for Contact {
    type Error = allynet_domain::port::Error;

    fn try_from(row: ContactRow) -> Result<Self> {
        let stored = RowDecoder { table: "contact", id: row.id };
        Ok(Self {
            id: row.id.into(),
            details: ContactDetails {
                name: stored.text("name", &row.name)?,
                email: stored.parse("email", &row.email)?,
                phone: stored.text_opt("phone", row.phone.as_deref())?,
                order: u32::try_from(row.sort_order).map_err(|_| stored.corrupt("sort_order"))?,
                after_seconds: u32::try_from(row.after_seconds).map_err(|_| stored.corrupt("after_seconds"))?,
                trigger: stored.parse("told_on", &row.told_on)?,
                lives_with_owner: row.lives_with_owner,
            },
            state: ContactState::of(row.stopped, row.undeliverable, row.confirmed_at.is_some()),
            confirmed_at: stored.micros_opt("confirmed_at", row.confirmed_at)?,
            created_at: stored.micros("created_at", row.created_at)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ConsentRow {
    id: Uuid,
    first_name: String,
    last_name: Option<String>,
    stopped: bool,
    undeliverable: bool,
    confirmed_at: Option<i64>,
}

impl TryFrom<ConsentRow> for Consent {
    type Error = allynet_domain::port::Error;

    fn try_from(row: ConsentRow) -> Result<Self> {
        let stored = RowDecoder { table: "contact_consent", id: row.id };
        Ok(Self {
            first_name: stored.text("first_name", &row.first_name)?,
            last_name: stored.text_opt("last_name", row.last_name.as_deref())?,
            state: ContactState::of(row.stopped, row.undeliverable, row.confirmed_at.is_some()),
        })
    }
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: Option<String>,
    locale: String,
    attempts: i64,
}

impl TryFrom<InvitationRow> for DueInvitation {
    type Error = allynet_domain::port::Error;

    fn try_from(row: InvitationRow) -> Result<Self> {
        let stored = RowDecoder { table: "contact_consent", id: row.id };
        Ok(Self {
            consent: row.id.into(),
            email: stored.parse("email", &row.email)?,
            first_name: stored.text("first_name", &row.first_name)?,
            last_name: stored.text_opt("last_name", row.last_name.as_deref())?,
            locale: stored.parse("locale", &row.locale)?,
            attempts: u32::try_from(row.attempts).map_err(|_| stored.corrupt("attempts"))?,
        })
    }
}

#[async_trait]
impl Contacts for Sqlite {
    #[instrument(name = "sqlite.contacts.list", level = "debug", skip_all, fields(user = %owner))]
    async fn list(&self, owner: UserId) -> Result<Vec<Contact>> {
        let rows: Vec<ContactRow> =
            sqlx::query_as(LIST).bind(Uuid::from(owner)).fetch_all(&self.readers).await.map_err(port_error)?;
        rows.into_iter().map(Contact::try_from).collect()
    }

    #[instrument(name = "sqlite.contacts.save", level = "debug", skip_all, fields(user = %entry.owner))]
    async fn save(&self, entry: &ContactEntry) -> Result<SavedContact> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let stored =
            if entry.is_new { insert(&mut transaction, entry).await? } else { update(&mut transaction, entry).await? };
        if !stored {
            return Ok(if entry.is_new { SavedContact::TooMany } else { SavedContact::Unknown });
        }
        plan_invitation(&mut transaction, entry).await?;
        clear_invitations(&mut transaction, entry.owner).await?;
        let saved = consent_of(&mut transaction, entry).await?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(saved)
    }

    #[instrument(name = "sqlite.contacts.remove", level = "debug", skip_all, fields(user = %owner))]
    async fn remove(&self, owner: UserId, contact: ContactId) -> Result<bool> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let done = sqlx::query("delete from contact where id = ?1 and account_id = ?2")
            .bind(Uuid::from(contact))
            .bind(Uuid::from(owner))
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        clear_invitations(&mut transaction, owner).await?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(done.rows_affected() == 1)
    }

    #[instrument(name = "sqlite.contacts.claim_invitations", level = "debug", skip_all)]
    async fn claim_invitations(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueInvitation>> {
        // The reader looks first: the one writer is not taken when there is nothing to do, which is nearly always.
        let due: Option<i64> = sqlx::query_scalar("select 1 from contact_consent where due_at <= ?1 limit 1")
            .bind(now.timestamp_micros())
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let rows: Vec<InvitationRow> = sqlx::query_as(CLAIM)
            .bind(now.timestamp_micros())
            .bind(lease_until.timestamp_micros())
            .bind(limit)
            .fetch_all(&self.writer)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(DueInvitation::try_from).collect()
    }

    #[instrument(name = "sqlite.contacts.note_invitation", level = "debug", skip_all)]
    async fn note_invitation(
        &self,
        consent: ConsentId,
        lease_until: Timestamp,
        note: InvitationNote,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "update contact_consent set invited_at = coalesce(?3, invited_at), due_at = ?4, undeliverable = ?5, \
                    attempts = attempts + 1 \
             where id = ?1 and due_at = ?2",
        )
        .bind(Uuid::from(consent))
        .bind(lease_until.timestamp_micros())
        .bind((note == InvitationNote::Sent).then(|| now.timestamp_micros()))
        .bind(note.due_at().map(|at| at.timestamp_micros()))
        .bind(note == InvitationNote::Undeliverable)
        .execute(&self.writer)
        .await
        .map_err(port_error)
        .map(drop)
    }

    #[instrument(name = "sqlite.contacts.drop_invitations", level = "debug", skip_all)]
    async fn drop_invitations(&self) -> Result<u64> {
        let drop = sqlx::query("update contact_consent set due_at = null where due_at is not null");
        drop.execute(&self.writer).await.map_err(port_error).map(|done| done.rows_affected())
    }

    #[instrument(name = "sqlite.contacts.consent", level = "debug", skip_all)]
    async fn consent(&self, id: ConsentId) -> Result<Option<Consent>> {
        let row: Option<ConsentRow> =
            sqlx::query_as(CONSENT).bind(Uuid::from(id)).fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(Consent::try_from).transpose()
    }

    #[instrument(name = "sqlite.contacts.confirm", level = "debug", skip_all)]
    async fn confirm(&self, id: ConsentId, at: Timestamp) -> Result<Option<Consent>> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let confirmed: Option<Uuid> = sqlx::query_scalar(
            "update contact_consent set confirmed_at = ?2, undeliverable = 0 where id = ?1 and confirmed_at is null \
             and not exists (select 1 from contact_stop s where s.email = contact_consent.email) returning account_id",
        )
        .bind(Uuid::from(id))
        .bind(at.timestamp_micros())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(port_error)?;
        if let Some(owner) = confirmed {
            // A live emergency of the user is told to the address, too.
            sqlx::query(
                "insert into contact_review (emergency_id, owner_id, due_at) \
                 select e.id, e.owner_id, ?2 from emergency e \
                 where e.owner_id = ?1 and e.status in ('active', 'responding') \
                 on conflict (emergency_id) do update set due_at = excluded.due_at",
            )
            .bind(owner)
            .bind(at.timestamp_micros())
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        }
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        self.consent(id).await
    }

    #[instrument(name = "sqlite.contacts.stop", level = "debug", skip_all)]
    async fn stop(&self, target: StopTarget, at: Timestamp) -> Result<bool> {
        let id = match target {
            StopTarget::Contact(consent) => consent,
            StopTarget::Alerts(user) => return self.stop_alerts(user, at).await,
        };
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let email: Option<String> = sqlx::query_scalar("select email from contact_consent where id = ?1")
            .bind(Uuid::from(id))
            .fetch_optional(&mut *transaction)
            .await
            .map_err(port_error)?;
        let Some(email) = email else { return Ok(false) };
        sqlx::query("insert into contact_stop (email, stopped_at) values (?1, ?2) on conflict (email) do nothing")
            .bind(&email)
            .bind(at.timestamp_micros())
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        sqlx::query("update contact_consent set due_at = null where email = ?1 and due_at is not null")
            .bind(&email)
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(true)
    }
}

impl Sqlite {
    async fn stop_alerts(&self, user: UserId, at: Timestamp) -> Result<bool> {
        let email: Option<String> = sqlx::query_scalar("select email from account where id = ?1")
            .bind(Uuid::from(user))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let Some(email) = email else { return Ok(false) };
        sqlx::query("insert into alert_mail_stop (email, stopped_at) values (?1, ?2) on conflict (email) do nothing")
            .bind(email)
            .bind(at.timestamp_micros())
            .execute(&self.writer)
            .await
            .map_err(port_error)?;
        Ok(true)
    }
}

/// Whether there was room.
async fn insert(db: &mut SqliteConnection, entry: &ContactEntry) -> Result<bool> {
    let ContactDetails { name, email, phone, order, after_seconds, trigger, lives_with_owner } = &entry.details;
    let done = sqlx::query(
        "insert into contact (id, account_id, name, email, phone, sort_order, after_seconds, told_on, lives_with_owner, \
                created_at) \
         select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 \
         where (select count(*) from contact where account_id = ?2) < ?11",
    )
    .bind(Uuid::from(entry.id))
    .bind(Uuid::from(entry.owner))
    .bind(name.as_str())
    .bind(email.as_str())
    .bind(phone.as_ref().map(Text::as_str))
    .bind(order)
    .bind(after_seconds)
    .bind(trigger.as_str())
    .bind(lives_with_owner)
    .bind(entry.at.timestamp_micros())
    .bind(MAX_CONTACTS)
    .execute(db)
    .await
    .map_err(port_error)?;
    Ok(done.rows_affected() == 1)
}

/// Whether the contact exists.
async fn update(db: &mut SqliteConnection, entry: &ContactEntry) -> Result<bool> {
    let ContactDetails { name, email, phone, order, after_seconds, trigger, lives_with_owner } = &entry.details;
    let done = sqlx::query(
        "update contact set name = ?3, email = ?4, phone = ?5, sort_order = ?6, after_seconds = ?7, told_on = ?8, \
                lives_with_owner = ?9 \
         where id = ?1 and account_id = ?2",
    )
    .bind(Uuid::from(entry.id))
    .bind(Uuid::from(entry.owner))
    .bind(name.as_str())
    .bind(email.as_str())
    .bind(phone.as_ref().map(Text::as_str))
    .bind(order)
    .bind(after_seconds)
    .bind(trigger.as_str())
    .bind(lives_with_owner)
    .execute(db)
    .await
    .map_err(port_error)?;
    Ok(done.rows_affected() == 1)
}

/// Plans the invitation of an address that the user never invited, or whose contact was removed before it was sent.
async fn plan_invitation(db: &mut SqliteConnection, entry: &ContactEntry) -> Result<()> {
    let (owner, email) = (Uuid::from(entry.owner), entry.details.email.as_str());
    let counted: Option<i64> = sqlx::query_scalar(
        "select planned_at from contact_consent where account_id = ?1 and email <> ?2 \
         order by planned_at desc limit 1 offset ?3",
    )
    .bind(owner)
    .bind(email)
    .bind(MAX_INVITATIONS - 1)
    .fetch_optional(&mut *db)
    .await
    .map_err(port_error)?;
    let counted_for = INVITATIONS_COUNTED_FOR.num_microseconds().unwrap_or(i64::MAX);
    let now = entry.at.timestamp_micros();
    let due = counted.map_or(now, |at| now.max(at.saturating_add(counted_for)));
    sqlx::query(
        "insert into contact_consent (id, account_id, email, planned_at, due_at) select ?1, ?2, ?3, ?4, ?4 \
         where not exists (select 1 from contact_stop s where s.email = ?3) \
         on conflict (account_id, email) do update set planned_at = excluded.planned_at, due_at = excluded.due_at \
         where contact_consent.due_at is null and contact_consent.invited_at is null \
           and contact_consent.confirmed_at is null and contact_consent.undeliverable = 0",
    )
    .bind(Uuid::from(entry.consent))
    .bind(owner)
    .bind(email)
    .bind(due)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// An address that is no contact any more is not invited.
async fn clear_invitations(db: &mut SqliteConnection, owner: UserId) -> Result<()> {
    sqlx::query(
        "update contact_consent set due_at = null where account_id = ?1 and due_at is not null \
         and not exists (select 1 from contact c where c.account_id = ?1 and c.email = contact_consent.email)",
    )
    .bind(Uuid::from(owner))
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

async fn consent_of(db: &mut SqliteConnection, entry: &ContactEntry) -> Result<SavedContact> {
    let (stopped, undeliverable, confirmed_at): (bool, bool, Option<i64>) = sqlx::query_as(
        "select s.email is not null, coalesce(k.undeliverable, 0), k.confirmed_at from (select ?2 as email) given \
         left join contact_consent k on k.account_id = ?1 and k.email = given.email \
         left join contact_stop s on s.email = given.email",
    )
    .bind(Uuid::from(entry.owner))
    .bind(entry.details.email.as_str())
    .fetch_one(db)
    .await
    .map_err(port_error)?;
    let confirmed_at =
        RowDecoder { table: "contact_consent", id: Uuid::from(entry.id) }.micros_opt("confirmed_at", confirmed_at)?;
    Ok(SavedContact::Saved { state: ContactState::of(stopped, undeliverable, confirmed_at.is_some()), confirmed_at })
}
