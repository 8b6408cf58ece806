//! Hashes belong to their password, and the work is done off the request threads, in turn.

use super::*;
use std::{
    pin::pin,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Waker},
    time::Duration,
};
use tokio::task::JoinSet;

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn a_password_belongs_to_its_own_hash_only() {
    let passwords = Argon2Passwords::new();
    let hash = passwords.hash(password("correct horse")).await.unwrap();
    assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(passwords.verify(password("correct horse"), Some(hash.clone())).await.unwrap());
    assert!(!passwords.verify(password("battery staple"), Some(hash.clone())).await.unwrap());
    assert!(!passwords.verify(password("correct horse"), None).await.unwrap());

    let salted_anew = passwords.hash(password("correct horse")).await.unwrap();
    assert_ne!(hash, salted_anew);
}

#[test]
fn an_account_that_does_not_exist_costs_as_much_as_one_that_does() {
    let real: phc::PasswordHash = Argon2::default().hash_password(b"any password").unwrap();
    let nobodys = phc::PasswordHash::new(NOBODYS).unwrap();
    assert_eq!(nobodys.algorithm, real.algorithm);
    assert_eq!(nobodys.version, real.version);
    assert_eq!(nobodys.params, real.params);
    assert_eq!(nobodys.hash.unwrap().len(), real.hash.unwrap().len());
    assert_eq!(nobodys.salt.unwrap().len(), real.salt.unwrap().len());
}

#[tokio::test]
async fn a_stored_text_that_is_no_hash_is_corrupt() {
    for text in ["", "secret", "$argon2id$", "$scrypt$ln=17,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"] {
        let hash = Some(PasswordHash::new(text.to_owned()));
        let error = Argon2Passwords::new().verify(password("a password"), hash).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{text}: {error}");
    }
}

#[tokio::test]
async fn the_request_thread_goes_on_while_a_hash_is_computed() {
    let (release, wait) = mpsc::channel::<()>();
    let desk = Desk::new(1);
    // On the only thread of this runtime, the job could never see the message sent after it.
    let job = desk.work(move || wait.recv().is_ok());
    let (done, ()) = tokio::join!(job, async { release.send(()).unwrap() });
    assert!(done.unwrap());
}

#[tokio::test]
async fn no_more_than_the_places_work_at_once_and_the_others_wait() {
    let desk = Arc::new(Desk::new(2));
    let working = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let mut jobs = JoinSet::new();
    for _ in 0..8 {
        let (desk, working, most) = (Arc::clone(&desk), Arc::clone(&working), Arc::clone(&most));
        let job = move || {
            most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            working.fetch_sub(1, Ordering::SeqCst);
        };
        jobs.spawn(async move { desk.work(job).await.is_ok() });
    }
    assert_eq!(jobs.join_all().await, [true; 8], "nobody is refused");
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_not_begun() {
    let desk = Desk::new(1);
    let (release, wait) = mpsc::channel::<()>();
    let begun = Arc::new(AtomicBool::new(false));
    let first = {
        let mut first = Box::pin(desk.work(move || wait.recv().is_ok()));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        first
    };
    {
        let begun = Arc::clone(&begun);
        let mut second = pin!(desk.work(move || begun.store(true, Ordering::SeqCst)));
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    release.send(()).unwrap();
    assert!(first.await.unwrap());
    desk.work(|| ()).await.unwrap();
    assert!(!begun.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_job_that_panics_is_an_error_and_gives_its_place_back() {
    let desk = Desk::new(1);
    let failed = desk.work(|| assert!(std::hint::black_box(false), "on purpose")).await;
    assert!(matches!(failed, Err(Error::Unavailable(_))));
    assert!(desk.work(|| true).await.unwrap());
}
