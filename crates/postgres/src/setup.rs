//! What the server and the database must have before the service uses them.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    PgPool,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
};

use tokio::time::sleep;

use crate::SetupError;

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");
/// How long a migration waits for a lock. Statements of running nodes wait as long behind it, and less than their own limit.
pub(crate) const LOCK_TIMEOUT: &str = "2s";
/// Pause after which a migration that got no lock is tried again: what waited behind it is answered meanwhile.
const LOCK_PAUSE: Duration = Duration::from_secs(3);
/// Attempts before a start fails, for ten minutes or more: a dump takes as long, and so does another node that migrates.
const MAX_LOCK_ATTEMPTS: u32 = 120;
/// The SQLSTATEs `lock_not_available` and `deadlock_detected`.
const LOCK_REFUSED: [&str; 2] = ["55P03", "40P01"];
/// Whether the connection has the settings that it was opened with.
const HAS_OWN_SETTINGS: &str = "SELECT current_setting('plan_cache_mode') = 'force_generic_plan'";
/// The schema of PostGIS, and whether its types are found without naming it.
const POSTGIS: &str = "
    SELECT n.nspname::text, to_regtype('geography') IS NOT NULL
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis'";
const VIEW: &str = "emergency_with_parts_v3";
const HAS_VIEW: &str = "SELECT to_regclass($1) IS NOT NULL";
/// The functions that statements of this version call, with the types of their arguments.
const FUNCTIONS: [&str; 13] = [
    "blocks_of_v1(uuid)",
    "hidden_from_v1(uuid, boolean)",
    "separated_v1(uuid, uuid, boolean, timestamptz, uuid)",
    "repeats_v1(uuid, timestamptz)",
    "apply_change_v3(jsonb)",
    "apply_account_change_v3(jsonb, jsonb)",
    "change_details_v2(jsonb, jsonb)",
    "erase_accounts_v2(timestamptz, integer)",
    "thin_emergencies_v1(uuid[], double precision[], double precision[], timestamptz, timestamptz, integer)",
    "forget_former_users_v1(timestamptz, integer)",
    "save_contact_v1(uuid, uuid, text, text, text, integer, integer, text, boolean, boolean, uuid, timestamptz, integer, integer, double precision)",
    "issue_password_reset_v1(text, uuid, timestamptz, timestamptz, timestamptz, integer)",
    "confirm_refresh_token_v2(uuid, uuid, uuid, uuid, timestamptz, timestamptz, text)",
];
const HAS_FUNCTION: &str = "SELECT to_regprocedure($1) IS NOT NULL";

/// Checks that connections are those of the server: a pooler that gives each transaction another one neither keeps their
/// settings and prepared statements, nor delivers notifications.
pub(crate) async fn check_session(pool: &PgPool) -> Result<(), SetupError> {
    let has_settings: bool = sqlx::query_scalar(HAS_OWN_SETTINGS).fetch_one(pool).await.map_err(unreachable)?;
    if has_settings { Ok(()) } else { Err(SetupError::Pooler) }
}

/// Brings the schema up to date, and checks that it has what this version uses.
pub(crate) async fn migrate(pool: &PgPool) -> Result<(), SetupError> {
    if let Some((schema, false)) = postgis(pool).await? {
        return Err(SetupError::HiddenPostgis { schema });
    }
    if let Err(error) = run_migrations(pool).await {
        let lacks_postgis = is_about_extension(&error) && postgis(pool).await?.is_none();
        return Err(if lacks_postgis {
            SetupError::NoPostgis(error.into())
        } else {
            SetupError::Migration(error.into())
        });
    }
    let functions = FUNCTIONS.map(|function| (HAS_FUNCTION, function));
    for (query, object) in functions.into_iter().chain([(HAS_VIEW, VIEW)]) {
        if !sqlx::query_scalar(query).bind(object).fetch_one(pool).await.map_err(unreachable)? {
            return Err(SetupError::MissingObject(object));
        }
    }
    Ok(())
}

/// Runs the migrations. One that waits for a lock gives up after [`LOCK_TIMEOUT`], because every statement of a running node would wait
/// behind it meanwhile, and is tried again; so is one that was given up to end a deadlock with such a statement.
async fn run_migrations(pool: &PgPool) -> Result<(), MigrateError> {
    for _ in 0..MAX_LOCK_ATTEMPTS {
        match MIGRATIONS.run(pool).await {
            Err(error) if code(&error).is_some_and(|code| LOCK_REFUSED.contains(&&*code)) => {
                tracing::warn!(
                    "another transaction holds a lock that the migration needs, or another node migrates; trying again"
                );
                sleep(LOCK_PAUSE).await;
            }
            result => return result,
        }
    }
    MIGRATIONS.run(pool).await
}

async fn postgis(pool: &PgPool) -> Result<Option<(String, bool)>, SetupError> {
    sqlx::query_as(POSTGIS).fetch_optional(pool).await.map_err(unreachable)
}

/// Whether the extension may not be created by this user (42501), or is not installed on the server.
fn is_about_extension(error: &MigrateError) -> bool {
    code(error).is_some_and(|code| ["42501", "0A000", "58P01"].contains(&&*code))
}

/// The SQLSTATE of an error.
fn code(error: &MigrateError) -> Option<Cow<'_, str>> {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return None };
    error.as_database_error().and_then(DatabaseError::code)
}

/// Why no connection could be made: a pooler that does not know the settings of connections refuses them.
pub(crate) fn connection_failed(error: sqlx::Error) -> SetupError {
    let is_pooler = error.as_database_error().is_some_and(|database| {
        database.code().is_some_and(|code| code == "08P01") && database.message().contains("startup parameter")
    });
    if is_pooler { SetupError::Pooler } else { SetupError::Unreachable(error.into()) }
}

pub(crate) fn unreachable(error: sqlx::Error) -> SetupError {
    SetupError::Unreachable(error.into())
}
