//! Password hashing with Argon2id, off the threads that answer requests.
//!
//! Owns the cost of a hash and how many are computed at once. Must not know whose password it is.

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

/// Stands in for the hash of an account that does not exist. Its costs are those of [`Argon2::default`], and no
/// password is known that it belongs to.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Argon2id with the crate's defaults, which are OWASP's: 19 MiB, two passes, one lane.
///
/// As many are computed at once as there are cores; more would only cost memory. The others wait their turn.
pub struct Argon2Passwords {
    desk: Desk,
}

impl Argon2Passwords {
    /// One place per core.
    pub fn new() -> Self {
        Self { desk: Desk::new(thread::available_parallelism().map_or(1, NonZero::get)) }
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
        let hash: phc::PasswordHash = self.desk.work(hash).await?.map_err(Error::unavailable)?;
        Ok(PasswordHash::new(hash.to_string()))
    }

    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool> {
        self.desk.work(move || verify(&password, hash.as_ref())).await?
    }
}

fn verify(password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
    let parsed = phc::PasswordHash::new(hash.map_or(NOBODYS, PasswordHash::expose)).map_err(|_| corrupt())?;
    match Argon2::default().verify_password(password.expose().as_bytes(), &parsed) {
        Ok(()) => Ok(hash.is_some()),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(corrupt()),
    }
}

/// Whose hash it is is not known here.
fn corrupt() -> Error {
    Error::Corrupt { table: "account", column: "password_hash", id: "an account".to_owned() }
}

/// Where heavy work is done, a few pieces at a time, in the order of asking.
struct Desk {
    places: Arc<Semaphore>,
}

impl Desk {
    fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)) }
    }

    /// Runs `job` on a thread of its own. A job that nobody waits for any more is not begun.
    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::unavailable)?;
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            if !answer.is_closed() {
                // Whoever asked may have gone in the meantime; then nobody misses the answer.
                answer.send(job()).ok();
            }
        });
        // The sender is dropped without an answer only when the job panicked or the runtime is shutting down.
        answered.await.map_err(Error::unavailable)
    }
}

#[cfg(test)]
mod tests;
