//! Hashing and verification, and the bounded pool that they run on.

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
async fn a_password_matches_its_own_hash_only() {
    let passwords = Argon2Passwords::new();
    let hash = passwords.hash(password("correct horse")).await.unwrap();
    assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(passwords.verify(password("correct horse"), Some(hash.clone())).await.unwrap());
    assert!(!passwords.verify(password("battery staple"), Some(hash.clone())).await.unwrap());
    assert!(!passwords.verify(password("correct horse"), None).await.unwrap());

    let salted_anew = passwords.hash(password("correct horse")).await.unwrap();
    assert_ne!(hash, salted_anew);
}

#[tokio::test]
async fn a_password_matches_in_whichever_form_its_letters_are_typed() {
    let passwords = Argon2Passwords::new();
    let (composed, decomposed) = ("sch\u{f6}nes Pferd", "scho\u{308}nes Pferd");
    let hash = passwords.hash(password(decomposed)).await.unwrap();
    for typed in [composed, decomposed] {
        assert!(passwords.verify(Password::attempt(typed), Some(hash.clone())).await.unwrap(), "{typed:?}");
    }
    // As an older version stored it.
    let as_typed = passwords.hash(Password::attempt(decomposed)).await.unwrap();
    assert!(passwords.verify(Password::attempt(decomposed), Some(as_typed)).await.unwrap());
    assert!(!passwords.verify(Password::attempt("scho\u{308}nes Rind"), Some(hash)).await.unwrap());
}

#[test]
fn the_dummy_hash_costs_as_much_as_a_real_one() {
    let real: phc::PasswordHash = {
        let hash = hash(&mut Memory::new(), &password("any password")).unwrap();
        phc::PasswordHash::new(hash.expose()).unwrap()
    };
    let dummy = phc::PasswordHash::new(DUMMY_HASH).unwrap();
    assert_eq!(dummy.algorithm, real.algorithm);
    assert_eq!(dummy.version, real.version);
    assert_eq!(dummy.params, real.params);
    assert_eq!(dummy.hash.unwrap().len(), real.hash.unwrap().len());
    assert_eq!(dummy.salt.unwrap().len(), real.salt.unwrap().len());
}

#[tokio::test]
async fn a_stored_text_that_is_not_a_hash_is_corrupt() {
    for text in [
        "",
        "secret",
        "$argon2id$",
        "$argon2id$v=19$m=19456,t=2,p=1",
        "$scrypt$ln=17,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let hash = Some(PasswordHash::new(text.to_owned()));
        let error = Argon2Passwords::new().verify(password("a password"), hash).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{text}: {error}");
    }
}

#[tokio::test]
async fn the_async_thread_is_free_while_a_job_runs() {
    let (release, wait) = mpsc::channel::<()>();
    let pool = HashingPool::new(1);
    // On the runtime's only thread the job would block before the message is sent.
    let job = pool.run(move |_| wait.recv().is_ok());
    let (done, ()) = tokio::join!(job, async { release.send(()).unwrap() });
    assert!(done.unwrap());
}

#[tokio::test]
async fn jobs_beyond_the_slots_wait() {
    let pool = Arc::new(HashingPool::new(2));
    let working = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let mut jobs = JoinSet::new();
    for _ in 0..8 {
        let (pool, working, most) = (Arc::clone(&pool), Arc::clone(&working), Arc::clone(&most));
        let job = move |_: &mut Memory| {
            most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            working.fetch_sub(1, Ordering::SeqCst);
        };
        jobs.spawn(async move { pool.run(job).await.is_ok() });
    }
    assert_eq!(jobs.join_all().await, [true; 8], "no job is refused");
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_job_whose_caller_is_dropped_is_skipped() {
    let pool = HashingPool::new(1);
    let (release, wait) = mpsc::channel::<()>();
    let begun = Arc::new(AtomicBool::new(false));
    let first = {
        let mut first = Box::pin(pool.run(move |_| wait.recv().is_ok()));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        first
    };
    {
        let begun = Arc::clone(&begun);
        let mut second = pin!(pool.run(move |_| begun.store(true, Ordering::SeqCst)));
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    release.send(()).unwrap();
    assert!(first.await.unwrap());
    pool.run(|_| ()).await.unwrap();
    assert!(!begun.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_job_that_panics_is_an_error_and_releases_its_slot() {
    let pool = HashingPool::new(1);
    let failed = pool.run(|_| assert!(std::hint::black_box(false), "on purpose")).await;
    assert!(matches!(failed, Err(Error::Unavailable(_))));
    assert!(pool.run(|_| true).await.unwrap());
}
