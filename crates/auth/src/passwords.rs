//! Password hashing with Argon2id on a bounded number of blocking threads, in memory that is used again.

use std::{num::NonZero, sync::Arc, thread};

use allynet_domain::{
    Password, PasswordHash,
    port::{Error, Passwords, Result},
};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        phc::{self, Output, ParamsString, Salt},
        try_generate_salt,
    },
};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

/// Verified in place of the hash of an account that does not exist, so that the time of an answer does not tell whether
/// it exists. Has the parameters of [`Argon2::default`]; no matching password is known.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Argon2id with the crate's defaults, which are OWASP's: 19 MiB, two passes, one lane.
///
/// One hash per core is computed at a time, as more would only cost memory; further ones wait, first come, first served.
/// The memory of each core is kept for the next hash: a new block for every hash would stay in the allocator, of whichever
/// thread it was, and a burst of logins would hold hundreds of MiB for ever.
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
        self.pool.run(move |memory| hash(memory, &password)).await?
    }

    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool> {
        self.pool.run(move |memory| verify(memory, &password, hash.as_ref())).await?
    }
}

/// The memory of one hash.
type Memory = Vec<Block>;

fn hash(memory: &mut Memory, password: &Password) -> Result<PasswordHash> {
    let salt = try_generate_salt().map_err(Error::unavailable)?;
    let params = Params::default();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    compute(memory, &Argon2::default(), password, &salt, &mut output).map_err(Error::bug)?;
    let hash = phc::PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(&params).map_err(Error::bug)?,
        salt: Some(Salt::new(&salt).map_err(Error::bug)?),
        hash: Some(Output::new(&output).map_err(Error::bug)?),
    };
    Ok(PasswordHash::new(hash.to_string()))
}

fn verify(memory: &mut Memory, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
    let stored = phc::PasswordHash::new(hash.map_or(DUMMY_HASH, PasswordHash::expose)).map_err(|_| corrupt())?;
    let typed = matches(memory, password, &stored)?;
    let is_right = match password.normalized() {
        Some(normalized) if !typed => matches(memory, &normalized, &stored)?,
        _ => typed,
    };
    // The dummy hash is never taken for an account's.
    Ok(is_right && hash.is_some())
}

fn matches(memory: &mut Memory, password: &Password, stored: &phc::PasswordHash) -> Result<bool> {
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(corrupt()) };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| corrupt())?;
    let version = stored.version.map(Version::try_from).transpose().map_err(|_| corrupt())?.unwrap_or_default();
    let params = Params::try_from(stored).map_err(|_| corrupt())?;
    let mut buffer = [0; Output::MAX_LENGTH];
    let output = buffer.get_mut(..expected.len()).ok_or_else(corrupt)?;
    compute(memory, &Argon2::new(algorithm, version, params), password, salt, output).map_err(|_| corrupt())?;
    // `Output` is compared in constant time.
    Ok(Output::new(output).map_err(|_| corrupt())? == *expected)
}

fn compute(
    memory: &mut Memory,
    argon2: &Argon2<'_>,
    password: &Password,
    salt: &[u8],
    output: &mut [u8],
) -> argon2::Result<()> {
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, memory)
}

/// The error for a corrupt hash. It cannot name the account, because the port passes only the hash.
fn corrupt() -> Error {
    Error::Corrupt { table: "account", column: "password_hash", id: "an account".to_owned() }
}

/// Runs CPU-bound jobs on blocking threads, a bounded number at a time, first come, first served. Each gets memory that
/// an earlier one used.
struct HashingPool {
    slots: Arc<Semaphore>,
    /// The memory that no job uses: no more pieces than slots.
    unused: Arc<Mutex<Vec<Memory>>>,
}

impl HashingPool {
    fn new(slots: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots)), unused: Arc::default() }
    }

    /// Runs `job` on a blocking thread. A job whose caller was dropped before it started is skipped.
    async fn run<T: Send + 'static>(&self, job: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(Error::unavailable)?;
        let unused = Arc::clone(&self.unused);
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            // Released when the job ends, even if its caller is gone by then.
            let _slot = slot;
            if !answer.is_closed() {
                let mut memory = unused.lock().pop().unwrap_or_default();
                let done = job(&mut memory);
                // Before the slot is released, so that the next job finds it.
                unused.lock().push(memory);
                // Fails when the caller was dropped during the job, which is no error.
                answer.send(done).ok();
            }
        });
        // The sender is dropped without an answer only by a job that panicked or a runtime that shuts down.
        answered.await.map_err(Error::unavailable)
    }
}

#[cfg(test)]
mod tests;
