//! Classification of errors, and values that must be stored exactly.

use allynet_domain::{
    Event, Metres, Position, Score, Text, Verification, Write,
    port::{Accounts, Constraint, Error, EventLog, Fix, Positions, Report},
    testing::edited,
};

use super::{account, change, commit, database, emergency, failed, id, marker, now, raise, register, response};
use crate::{Sqlite, error::port_error};

async fn conflict(store: &Sqlite, writes: Vec<Write>) -> Constraint {
    match failed(commit(store, writes).await) {
        Error::Conflict(constraint) => constraint,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_unique_index_is_reported_as_its_constraint() {
    let (store, _folder) = database().await;
    let (ada, bob, eve) = (account(1), account(2), account(3));
    let mut first = edited(emergency(10, &ada), |e| e.request_id = Some(Text::parse("again").unwrap()));
    let second = emergency(11, &bob);
    commit(&store, vec![register(&ada), register(&bob), register(&eve), raise(&first), raise(&second)]).await.unwrap();

    let mut same_email = account(4);
    same_email.email = ada.email.clone();
    assert_eq!(conflict(&store, vec![register(&same_email)]).await, Constraint::Email);
    assert_eq!(conflict(&store, vec![raise(&emergency(12, &ada))]).await, Constraint::LiveEmergency);

    let five = Score::new(5).unwrap();
    let rate = Write::AddRating { emergency: first.id(), helper: eve.id, score: five, comment: None, counts: None };
    commit(&store, vec![rate.clone()]).await.unwrap();
    assert_eq!(conflict(&store, vec![rate]).await, Constraint::Rating);
    let reason = Text::parse("rude").unwrap();
    let report = Write::AddReport { emergency: first.id(), reporter: ada.id, about: eve.id, reason };
    commit(&store, vec![report.clone()]).await.unwrap();
    assert_eq!(conflict(&store, vec![report]).await, Constraint::Report);

    let respond = |to: &allynet_domain::Emergency| Write::UpdateEmergency {
        emergency: Box::new(to.clone()),
        responses: vec![response(&eve)],
    };
    commit(&store, vec![respond(&first)]).await.unwrap();
    assert_eq!(conflict(&store, vec![respond(&second)]).await, Constraint::Engaged);

    first = edited(first, |e| e.revision.0 += 1);
    first.cancel(ada.id, None, now()).unwrap();
    let end = Write::UpdateEmergency { emergency: Box::new(first.clone()), responses: Vec::new() };
    commit(&store, vec![end, respond(&second)]).await.unwrap();
    let repeated = edited(emergency(13, &ada), |e| e.request_id = first.request_id().cloned());
    assert_eq!(conflict(&store, vec![raise(&repeated)]).await, Constraint::RequestId);
}

#[tokio::test]
async fn a_write_to_a_deleted_emergency_is_stale() {
    let (store, _folder) = database().await;
    let ada = account(1);
    commit(&store, vec![register(&ada)]).await.unwrap();
    let gone = emergency(10, &ada);
    let decline = Write::SetDeclined { emergency: gone.id(), helper: ada.id, declined: true };
    assert!(matches!(failed(commit(&store, vec![decline]).await), Error::Stale));
}

#[tokio::test]
async fn a_violated_check_a_wrong_type_or_a_missing_column_is_a_bug() {
    let (store, _folder) = database().await;
    commit(&store, vec![register(&account(1))]).await.unwrap();
    for sql in [
        "update account set role = 'king'",
        "update account set first_name = null",
        "update account set created_at = 'yesterday'",
        "insert into erasure (emergency_id, deleted_at) values (zeroblob(16), 1), (zeroblob(16), 2)",
        "update account set no_such_column = 1",
        "select 1 from no_such_table",
        "selec",
    ] {
        let error = sqlx::query(sql).execute(&store.writer).await.map_err(port_error).unwrap_err();
        assert!(matches!(error, Error::Bug(_)), "{sql}: {error:?}");
    }
    let decoded = sqlx::query_scalar::<_, uuid::Uuid>("select 'text'").fetch_one(&store.readers).await;
    let error = decoded.map_err(port_error).unwrap_err();
    assert!(matches!(error, Error::Bug(_)), "{error:?}");
}

#[tokio::test]
async fn a_full_file_and_a_read_only_connection_are_unavailable() {
    let (store, _folder) = database().await;
    sqlx::query("pragma max_page_count = 1").execute(&store.writer).await.unwrap();
    let mut account = account(1);
    account.profile.bio = Some(Text::parse(&"a".repeat(500)).unwrap());
    let mut number = 1;
    let error = loop {
        account.id = id(number);
        account.email = format!("{number}@example.org").parse().unwrap();
        match commit(&store, vec![register(&account)]).await {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 10_000, "the file does not fill up");
    };
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    let error = sqlx::query("delete from account").execute(&store.readers).await.map_err(port_error).unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn degrees_are_stored_exactly() {
    let (store, _folder) = database().await;
    let accounts: Vec<_> = (1..=2_000).map(account).collect();
    commit(&store, accounts.iter().map(register).collect()).await.unwrap();
    let fixes: Vec<Fix> = (1..=2_000_u32)
        .map(|n| {
            let part = (f64::from(n) * 0.754_877_666_246_692_7).fract();
            let position = Position::new(part * 180.0 - 90.0, part.powi(9) * 1e-3 * 360.0 - 1e-7).unwrap();
            Fix { user: id(n.into()), position, at: now() }
        })
        .collect();
    let reports: Vec<Report> = fixes.iter().copied().map(Report::from).collect();
    store.record(&reports).await.unwrap();
    for fix in fixes {
        assert_eq!(store.last(fix.user).await.unwrap(), Some(fix));
    }
}

#[tokio::test]
async fn a_value_that_does_not_decode_is_corrupt_and_such_an_event_is_reported_once() {
    let (store, _folder) = database().await;
    commit(&store, vec![register(&account(1))]).await.unwrap();
    let mut tail = store.follow().await.unwrap();
    for n in 1..=3 {
        let events = change(Vec::new()).account_event(marker(n));
        allynet_domain::port::Changes::commit(&store, events).await.unwrap();
    }
    sqlx::query("update event set body = '{\"kind\":\"from_the_future\"}' where seq = 2")
        .execute(&store.writer)
        .await
        .unwrap();
    sqlx::query("update account set first_name = ' '").execute(&store.writer).await.unwrap();

    let found = failed(store.find(id(1)).await);
    assert!(matches!(found, Error::Corrupt { table: "account", column: "first_name", .. }), "{found:?}");
    let seen = |events: Vec<allynet_domain::LoggedEvent>| events.into_iter().map(|e| e.event).collect::<Vec<Event>>();
    assert_eq!(seen(tail.next().await.unwrap()), [marker(1)]);
    assert!(matches!(failed(tail.next().await), Error::Corrupt { table: "event", column: "body", .. }));
    assert_eq!(seen(tail.next().await.unwrap()), [marker(3)]);
}

#[tokio::test]
async fn an_account_that_never_asked_to_help_cannot_be_verified() {
    let (store, _folder) = database().await;
    commit(&store, vec![register(&account(1))]).await.unwrap();
    commit(&store, vec![Write::SetVerification { user: id(1), verification: Verification::Verified }]).await.unwrap();
    assert_eq!(store.find(id(1)).await.unwrap().unwrap().helper, None);
}

#[tokio::test]
async fn an_ended_emergency_is_removed_from_the_alert_areas() {
    let (store, _folder) = database().await;
    let ada = account(1);
    let mut over =
        edited(emergency(10, &ada), |e| e.call.details.location.position = Position::new(0.0, 179.999).unwrap());
    let areas = || async {
        let count: i64 =
            sqlx::query_scalar("select count(*) from emergency_area").fetch_one(&store.readers).await.unwrap();
        count
    };
    commit(&store, vec![register(&ada), raise(&over)]).await.unwrap();
    assert_eq!(areas().await, 2);
    over = edited(over, |e| e.alert_radius = Metres::new(10_000.0));
    commit(&store, vec![Write::UpdateEmergency { emergency: Box::new(over.clone()), responses: Vec::new() }])
        .await
        .unwrap();
    assert_eq!(areas().await, 2);
    over = edited(over, |e| e.revision.0 += 1);
    over.cancel(ada.id, None, now()).unwrap();
    commit(&store, vec![Write::UpdateEmergency { emergency: Box::new(over), responses: Vec::new() }]).await.unwrap();
    assert_eq!(areas().await, 0);
}
