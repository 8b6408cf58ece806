//! Password hashing with Argon2id on a bounded number of blocking threads.

use std::{num::NonZero, sync::Arc, thread};

use allynet_domain::{
    Password, PasswordHash,
    port::{Error, Passwords, Result},
};
use argon2::{
    Argon2, PasswordHasher, PasswordVerifier,
    password_hash::{self, phc},
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};

/// Verified in place of the hash of an account that does not exist, so that the time of an answer does not tell whether
/// it exists. Has the parameters of [`Argon2::default`]; no matching password is known.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Argon2id with the crate's defaults, which are OWASP's: 19 MiB, two passes, one lane.
///
/// One hash per core is computed at a time, as more would only cost memory; further ones wait in a fair queue without a
/// deadline.
pub struct Argon2Passwords {
    pool: HashingPool,
}

impl Argon2Passwords {
    /// Creates an adapter with one slot per core.
    pub fn new() -> Self {
        Self { pool: HashingPool::new(thread::available_parallelism().map_or(1, NonZero::get)) }
    }
}

impl Default for Argon2Passwords {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        let hash = move || Argon2::default().hash_password(password.expose().as_bytes());
        let hash: phc::PasswordHash = self.pool.run(hash).await?.map_err(Error::unavailable)?;
        Ok(PasswordHash::new(hash.to_string()))
    }

    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool> {
        self.pool.run(move || verify(&password, hash.as_ref())).await?
    }
}

fn verify(password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
    let parsed = phc::PasswordHash::new(hash.map_or(DUMMY_HASH, PasswordHash::expose)).map_err(|_| corrupt())?;
    let matches = |password: &Password| match Argon2::default().verify_password(password.expose().as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(corrupt()),
    };
    let typed = matches(password)?;
    let is_right = match password.normalized() {
        Some(normalized) if !typed => matches(&normalized)?,
        _ => typed,
    };
    // The dummy hash is never taken for an account's.
    Ok(is_right && hash.is_some())
}

/// The error for a corrupt hash. It cannot name the account, because the port passes only the hash.
fn corrupt() -> Error {
    Error::Corrupt { table: "account", column: "password_hash", id: "an account".to_owned() }
}

/// Runs CPU-bound jobs on blocking threads, a bounded number at a time, first come, first served.
struct HashingPool {
    slots: Arc<Semaphore>,
}

impl HashingPool {
    fn new(slots: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots)) }
    }

    /// Runs `job` on a blocking thread. A job whose caller was dropped before it started is skipped.
    async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(Error::unavailable)?;
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            // Released when the job ends, even if its caller is gone by then.
            let _slot = slot;
            if !answer.is_closed() {
                // Fails when the caller was dropped during the job, which is no error.
                answer.send(job()).ok();
            }
        });
        // The sender is dropped without an answer only by a job that panicked or a runtime that shuts down.
        answered.await.map_err(Error::unavailable)
    }
}

#[cfg(test)]
mod tests;
