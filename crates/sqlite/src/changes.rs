//! Committing a change: the port [`Changes`]. One transaction, the writes in their order, then the events.
//!
//! The modules below hold one function per kind of write. What a write may assume is decided by the domain.

use allynet_domain::{
    Change, EmergencyId, Event, NewEvent, Timestamp, Write,
    port::{Changes, Result},
};
use async_trait::async_trait;
use serde::Serialize;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::watch;
use tracing::instrument;

use crate::{
    Sqlite,
    error::port_error,
    rows::{hex, to_json},
};

mod accounts;
mod blocks;
mod contact_notices;
mod deletion;
mod devices;
mod emergencies;
mod messages;
mod outbox;
mod reputation;

#[async_trait]
impl Changes for Sqlite {
    #[instrument(name = "sqlite.changes.commit", level = "debug", skip_all, fields(writes = change.writes.len(), events = change.events.len()))]
    async fn commit(&self, change: Change) -> Result<()> {
        let Change { at, actor: _, writes, mut events, sends } = change;
        let at = at.timestamp_micros();
        // Declared first, so dropped last: the readers of the log look after the commit, and also after this future was
        // dropped, when the commit may have happened or not.
        let _wake = (!events.is_empty()).then_some(WakeOnDrop(&self.committed));
        // A future that is dropped from here on leaves a roll-back behind, which sqlx runs before anything else on the
        // connection. `IMMEDIATE`, because a transaction that starts as a reader cannot wait for the lock of the file once
        // it writes: it would fail with `SQLITE_BUSY` whenever another process has written in between.
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        for write in writes {
            apply(&mut transaction, at, write, &mut events).await?;
        }
        let numbers = append(&mut transaction, events).await?;
        outbox::store(&mut transaction, at, &sends, &numbers).await?;
        transaction.commit().await.map_err(port_error)?;
        // Only after success: a connection with an open transaction has to go through the test of the pool.
        self.writer.release(writer);
        if !sends.is_empty() {
            self.message_stored.notify_one();
        }
        Ok(())
    }

    #[instrument(name = "sqlite.changes.erase_deleted", level = "debug", skip_all)]
    async fn erase_deleted(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let before = before.timestamp_micros();
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        sqlx::query(
            // What is left tells clients that come back later that it is over.
            "delete from event where emergency_id in ( \
                 select emergency_id from erasure where deleted_at < ?1 order by emergency_id limit ?2) \
             and kind not in ('emergency_ended', 'emergency_hidden', 'emergency_deleted')",
        )
        .bind(before)
        .bind(limit)
        .execute(&mut *transaction)
        .await
        .map_err(port_error)?;
        let erased = sqlx::query(
            "delete from erasure where emergency_id in ( \
                 select emergency_id from erasure where deleted_at < ?1 order by emergency_id limit ?2)",
        )
        .bind(before)
        .bind(limit)
        .execute(&mut *transaction)
        .await
        .map_err(port_error)?;
        let accounts = deletion::erase(&mut transaction, before, limit).await?;
        transaction.commit().await.map_err(port_error)?;
        Ok(erased.rows_affected().max(accounts))
    }

    #[instrument(name = "sqlite.changes.forget_deleted", level = "debug", skip_all)]
    async fn forget_deleted(&self, before: Timestamp, gained_before: Timestamp, limit: u32) -> Result<u64> {
        let before = before.timestamp_micros();
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let gains = sqlx::query(
            "delete from reputation_gain where (emergency_id, helper_id, kind) in ( \
                 select emergency_id, helper_id, kind from reputation_gain where gained_at < ?1 \
                 order by gained_at limit ?2)",
        )
        .bind(gained_before.timestamp_micros())
        .bind(limit)
        .execute(&mut *transaction)
        .await
        .map_err(port_error)?;
        let forgotten = sqlx::query(
            "delete from deleted_emergency where id in ( \
                 select id from deleted_emergency where deleted_at < ?1 order by deleted_at limit ?2)",
        )
        .bind(before)
        .bind(limit)
        .execute(&mut *transaction)
        .await
        .map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        Ok(forgotten.rows_affected().max(gains.rows_affected()))
    }

    #[instrument(name = "sqlite.changes.ready", level = "debug", skip_all)]
    async fn ready(&self) -> Result<()> {
        // A write, because a full disk and a file system that was mounted read-only still answer reads.
        let probe = "update write_probe set writes = writes + 1";
        sqlx::query(probe).execute(&self.writer).await.map_err(port_error).map(drop)
    }
}

/// Wakes the readers of the log when dropped.
struct WakeOnDrop<'a>(&'a watch::Sender<()>);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.send_replace(());
    }
}

/// Runs one write inside of the transaction. `at` is the time of the change in microseconds. Removes the event of a write
/// that turns out to change nothing.
async fn apply(db: &mut SqliteConnection, at: i64, write: Write, events: &mut Vec<NewEvent>) -> Result<()> {
    match write {
        Write::RegisterAccount { account, password } => accounts::register(db, &account, &password).await,
        Write::DeleteAccount { user, former } => deletion::delete(db, at, user, former).await,
        Write::OpenSession(session) => accounts::open_session(db, &session).await,
        Write::RecordLogin { user, source } => accounts::record_login(db, at, user, source).await,
        Write::RevokeSessions { user, only, except } => accounts::revoke_sessions(db, at, user, only, except).await,
        Write::RegisterDevice { device, replaced } => devices::register(db, &device, &replaced).await,
        Write::SendOpenAlerts { user, valid_for } => outbox::send_open_alerts(db, at, user, valid_for).await,
        Write::RemoveDevice { user, device } => devices::remove(db, user, device).await,
        Write::NoteKeyChange { device, key } => devices::note_key_change(db, device, &key).await,
        Write::UsePasswordReset { user, token } => accounts::use_password_reset(db, user, token).await,
        Write::CountDeviceTest { user, device, before, after } => {
            outbox::count_test(db, (user, device), before.last_at, &after).await
        }
        Write::PlanStep { message, lease_until, step, next, deliveries } => {
            outbox::plan_step(db, at, message, lease_until, (step, next), &deliveries).await
        }
        Write::NoteDeliveries(notes) => {
            for note in &notes {
                outbox::note(db, at, note).await?;
            }
            Ok(())
        }
        Write::RecordReceipt { receipt, state } => outbox::record_receipt(db, at, receipt, state).await,
        Write::NoteDeviceReceived { emergency, device } => outbox::note_received(db, at, emergency, device).await,
        Write::SeeAlert { emergency, helper } => {
            if !outbox::see(db, at, emergency, helper).await? {
                events.retain(|event| !is_of(event, emergency, &Event::AlertSeen { helper }));
            }
            Ok(())
        }
        Write::ReviewContacts(emergency) => contact_notices::review(db, at, emergency).await,
        Write::PlanNotices { emergency, lease_until, next_at, is_over, notices } => {
            contact_notices::plan(db, at, emergency, (lease_until, next_at), is_over, &notices).await
        }
        Write::NoteNotice { emergency, notice, lease_until, note } => {
            contact_notices::note(db, at, (emergency, notice), lease_until, note).await
        }
        Write::NoteContactAction { emergency: _, notice, action } => {
            contact_notices::note_action(db, at, notice, action).await
        }
        Write::SetPassword { user, password } => accounts::set_password(db, user, &password).await,
        Write::ExpectAccount(account) => accounts::expect(db, &account).await,
        Write::ExpectMayHelp { user, policy } => accounts::expect_may_help(db, user, policy).await,
        Write::ExpectNoResponses(user) => accounts::expect_no_responses(db, user).await,
        Write::SetHelper { user, helper, role } => accounts::set_helper(db, user, &helper, role).await,
        Write::SetAlertPreferences { user, preferences, schedule } => {
            accounts::set_alert_preferences(db, user, &preferences, schedule).await
        }
        Write::SetRole { user, role } => accounts::set_role(db, user, role).await,
        Write::SetVerification { user, verification } => accounts::set_verification(db, user, verification).await,
        Write::SetQualification { user, tier, skills } => accounts::set_qualification(db, user, tier, &skills).await,
        Write::SetBlocked { user, blocked, reason } => accounts::set_blocked(db, user, blocked, reason).await,
        Write::AddBlock { by, block, user, earliest_end, emergencies: live } => {
            blocks::add(db, by, &block, user, earliest_end, &live).await
        }
        Write::RemoveBlock { by, key } => blocks::remove(db, at, by, key).await,
        Write::EndBlocks(ended) => blocks::end(db, at, &ended).await,
        Write::AddTrust { emergency, owner, helpers, by, unless_since } => {
            reputation::add_trust(db, at, emergency, owner, &helpers, by, unless_since).await
        }
        Write::RevokeTrust(emergency) => reputation::revoke_trust(db, emergency).await,
        Write::AnnounceEmergency(emergency) => emergencies::announce(db, at, emergency).await,
        Write::RaiseEmergency(emergency) => emergencies::raise(db, &emergency).await,
        Write::UpdateEmergency { emergency, responses } => emergencies::update(db, &emergency, &responses).await,
        Write::ChangeDetails { emergency, details } => emergencies::change_details(db, emergency, &details).await,
        Write::DecideAgain { helper, except } => emergencies::decide_again(db, at, helper, except).await,
        Write::MovePlace { emergency, location, movement } => {
            emergencies::move_place(db, emergency, &location, &movement).await
        }
        Write::ExpectRevision { emergency, revision } => emergencies::expect(db, emergency, revision).await,
        Write::DeleteEmergency(record) => emergencies::delete(db, &record).await,
        Write::SendAlerts { emergency, wave, recipients } => {
            emergencies::send_alerts(db, at, emergency, wave, &recipients).await
        }
        Write::AcknowledgeAlert { emergency, helper } => {
            // An alert that was acknowledged before, or never sent, stays as it is, and nothing happened to report.
            if !emergencies::acknowledge(db, at, emergency, helper).await? {
                events.retain(|event| !is_of(event, emergency, &Event::AlertAcknowledged { helper }));
            }
            Ok(())
        }
        Write::ReceiveAlert { emergency, helper } => emergencies::receive(db, at, emergency, helper).await,
        Write::SetDeclined { emergency, helper, declined } => {
            emergencies::set_declined(db, at, emergency, helper, declined).await
        }
        Write::ExpectMessagesBefore { emergency, before } => messages::expect_before(db, emergency, before).await,
        Write::PostMessage(message) => messages::post(db, &message).await,
        Write::AddMessageRequest { emergency, sender, request, message } => {
            messages::add_request(db, emergency, sender, &request, message).await
        }
        Write::DeleteMessage { emergency, message } => messages::delete(db, emergency, message).await,
        Write::AddRating { emergency, helper, score, comment, counts } => {
            reputation::rate(db, at, emergency, helper, score.get(), comment, counts).await
        }
        Write::AddReport { emergency, reporter, about, reason } => {
            messages::report(db, at, emergency, reporter, about, &reason).await
        }
    }
}

/// Whether `event` is this one of an emergency.
fn is_of(event: &NewEvent, of: EmergencyId, expected: &Event) -> bool {
    event.emergency == Some(of) && event.event == *expected
}

/// An event as [`append`] hands it to SQL.
#[derive(Serialize)]
struct EventJson {
    at: i64,
    emergency: Option<String>,
    actor: Option<String>,
    kind: &'static str,
    body: String,
}

/// Appends events to the log in one statement, and returns their numbers. `order by` makes them grow in the order of the
/// array.
async fn append(db: &mut SqliteConnection, events: Vec<NewEvent>) -> Result<Vec<i64>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let events: Vec<EventJson> = events
        .into_iter()
        .map(|NewEvent { at, emergency, actor, event }| {
            Ok(EventJson {
                at: at.timestamp_micros(),
                emergency: emergency.map(hex),
                actor: actor.map(hex),
                kind: event.kind(),
                body: to_json(&event)?,
            })
        })
        .collect::<Result<_>>()?;
    let mut numbers: Vec<i64> = sqlx::query_scalar(
        "insert into event (at, emergency_id, actor_id, kind, body) \
         select e.value ->> 'at', unhex(e.value ->> 'emergency'), unhex(e.value ->> 'actor'), e.value ->> 'kind', \
                e.value ->> 'body' \
         from json_each(?1) e order by e.key returning seq",
    )
    .bind(to_json(&events)?)
    .fetch_all(db)
    .await
    .map_err(port_error)?;
    // SQLite returns them in any order.
    numbers.sort_unstable();
    Ok(numbers)
}
