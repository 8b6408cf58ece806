//! `allynet check`: whether the service could start and reach what it needs, as one line for each part.
//!
//! Changes nothing: applies no migration, creates no file, sends no message.

use std::{
    fmt,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use allynet_auth::{ServiceSecrets, VapidKey};
use allynet_domain::port::Ids as _;
use allynet_notify::{ExtraCa, get_status};
use allynet_redis::Redis;
use anyhow::Context as _;
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    build_info::BUILD,
    key_file, mail, push,
    settings::{Database, Settings},
    store::sqlite_path,
    system::UuidV7Ids,
    webhook, wiring,
};

/// How long one part may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// Difference of two clocks that is worth a warning: events of two nodes would seem to happen in another order.
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(1);

/// What was found of one part.
enum Finding {
    Ok(String),
    Warning(String),
    Failed(String),
}

use Finding::{Failed, Ok as Fine, Warning};

impl Finding {
    fn failed(error: &anyhow::Error) -> Self {
        Failed(format!("{error:#}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fine(_) => "ok",
            Warning(_) => "warning",
            Failed(_) => "failed",
        })
    }
}

/// Checks all parts and prints a line for each. Returns whether none has failed.
///
/// # Errors
/// Returns an error if the result cannot be written.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<bool> {
    let extra_ca = push::extra_ca(settings).unwrap_or_default();
    let (database, redis, mail, tiles) = tokio::join!(
        within(check_database(settings)),
        within(check_redis(settings)),
        within(check_mail(settings, &extra_ca)),
        within(check_tiles(settings, &extra_ca)),
    );
    let (database, clock) = database.unwrap_or_else(|late| (late, check_clock(None)));
    let findings = [
        ("settings", check_settings(settings, &extra_ca)),
        ("database", database),
        ("clock", clock),
        ("push keys", check_push_keys(settings)),
        ("mail", mail.unwrap_or_else(|late| late)),
        ("Redis", redis.unwrap_or_else(|late| late)),
        ("map tiles", tiles.unwrap_or_else(|late| late)),
    ];
    let mut output = io::stdout().lock();
    for (part, finding) in &findings {
        let (Fine(text) | Warning(text) | Failed(text)) = finding;
        writeln!(output, "{finding:8} {part}: {text}")?;
    }
    Ok(!findings.iter().any(|(_, finding)| matches!(finding, Failed(_))))
}

async fn within<T>(check: impl Future<Output = T>) -> Result<T, Finding> {
    timeout(CHECK_TIMEOUT, check).await.map_err(|_| Failed(format!("there was no answer within {CHECK_TIMEOUT:?}")))
}

/// Everything that a start refuses without asking another server.
fn check_settings(settings: &Settings, extra_ca: &ExtraCa) -> Finding {
    let parse = || {
        push::extra_ca(settings)?;
        settings.rules()?;
        settings.admin()?;
        settings.redis()?;
        webhook::open(&settings.webhook, wiring::clock(), extra_ca)?;
        check_secrets(settings)
    };
    match parse() {
        Err(error) => Finding::failed(&error),
        Ok(()) if settings.trusted_proxies.is_none() && settings.mail.public_url.is_some() => Warning(
            "ALLYNET_PUBLIC_URL is set and ALLYNET_TRUSTED_PROXIES is not: behind a proxy, all clients share one address and \
             its limits"
                .to_owned(),
        ),
        Ok(()) => Fine("valid".to_owned()),
    }
}

fn check_secrets(settings: &Settings) -> anyhow::Result<()> {
    let secret = match (&settings.jwt_secret, settings.database()?) {
        (Some(secret), _) => secret.clone(),
        (None, Database::Sqlite(url)) => {
            let Some(secret) = key_file::load(&sqlite_path(&url), "secret")? else { return Ok(()) };
            secret
        }
        (None, Database::Postgres(_)) => anyhow::bail!("ALLYNET_JWT_SECRET is required with PostgreSQL"),
    };
    let secrets = ServiceSecrets::parse(&secret).context("ALLYNET_JWT_SECRET")?;
    wiring::signatures(settings, &secrets).map(|_| ())
}

/// The database, and the clock of this machine beside that of its server.
async fn check_database(settings: &Settings) -> (Finding, Finding) {
    let inspected = match settings.database() {
        Err(error) => Err(error),
        Ok(Database::Sqlite(url)) if !sqlite_path(&url).exists() => {
            return (check_folder(&sqlite_path(&url)), check_clock(None));
        }
        Ok(Database::Sqlite(url)) => {
            allynet_sqlite::inspect(&url).await.with_context(|| format!("DATABASE_URL: cannot use {url}"))
        }
        Ok(Database::Postgres(url)) => {
            let inspected = allynet_postgres::inspect(url.expose_secret()).await;
            inspected.context("DATABASE_URL: cannot use the database")
        }
    };
    let inspection = match inspected {
        Ok(inspection) => inspection,
        Err(error) => return (Finding::failed(&error), check_clock(None)),
    };
    let server = inspection.server;
    let database = match (inspection.pending, inspection.unknown) {
        (0, 0) => Fine(format!("{server}, up to date")),
        (_, unknown @ 1..) => Failed(format!(
            "{server}: {unknown} migrations are of a newer version. Start that version, or restore a backup of before it"
        )),
        (pending, 0) => Warning(format!(
            "{server}: {pending} migrations are pending, which the next start applies. Make a backup before"
        )),
    };
    (database, check_clock(inspection.clock.map(|clock| clock - wiring::clock().now())))
}

/// The folder of a database that does not exist yet.
fn check_folder(database: &Path) -> Finding {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    if is_writable {
        Warning(format!("DATABASE_URL: there is no file {} yet, the first start creates it", database.display()))
    } else {
        Failed(format!("DATABASE_URL: {} does not exist, or this user may not write there", folder.display()))
    }
}

/// `ahead`: how far the clock of the database is ahead of this one.
fn check_clock(ahead: Option<TimeDelta>) -> Finding {
    let now = wiring::clock().now();
    if BUILD.date.is_some_and(|date| now.format("%F").to_string().as_str() < date) {
        return Failed(format!("it is {now}, before this program was built: set the clock"));
    }
    match ahead {
        Some(ahead) if ahead.abs() > MAX_CLOCK_DIFFERENCE => Warning(format!(
            "the clocks of the database and of this machine differ by {:.1} s: run a time service (NTP) on both",
            ahead.as_seconds_f64().abs()
        )),
        Some(_) => Fine(format!("{}, as at the database", now.format("%F %T UTC"))),
        None => Fine(now.format("%F %T UTC").to_string()),
    }
}

fn check_push_keys(settings: &Settings) -> Finding {
    let parse = || match (&settings.push.vapid_private_key, settings.database()?) {
        (Some(key), _) => {
            key.expose_secret().parse::<VapidKey>().context("ALLYNET_VAPID_PRIVATE_KEY")?;
            Ok(Fine("ALLYNET_VAPID_PRIVATE_KEY is valid".to_owned()))
        }
        (None, Database::Postgres(_)) => {
            Ok(Warning("ALLYNET_VAPID_PRIVATE_KEY is not set: no push is sent with PostgreSQL".to_owned()))
        }
        (None, Database::Sqlite(url)) => match key_file::load(&sqlite_path(&url), "vapid")? {
            Some(key) => {
                key.expose_secret().parse::<VapidKey>().context("the file *.vapid beside the database")?;
                Ok(Fine("the key beside the database is valid".to_owned()))
            }
            None => Ok(Fine("the first start creates a key beside the database".to_owned())),
        },
    };
    let finding: anyhow::Result<Finding> = parse();
    match finding {
        Err(error) => Finding::failed(&error),
        Ok(Fine(text)) if push::subject(settings).is_none() => Warning(format!(
            "{text}, but there is no contact, without which some push services refuse messages: set ALLYNET_VAPID_SUBJECT"
        )),
        Ok(finding) => finding,
    }
}

async fn check_mail(settings: &Settings, extra_ca: &ExtraCa) -> Finding {
    match mail::ports(&settings.mail, extra_ca) {
        Err(error) => Finding::failed(&error),
        Ok(None) => Warning("ALLYNET_SMTP_URL is not set: passwords cannot be reset, contacts are not told".to_owned()),
        Ok(Some(ports)) => match ports.mailer.probe().await {
            Ok(()) => Fine("the mail server answers, and accepts the credentials if there are any".to_owned()),
            Err(error) => Finding::failed(&anyhow::Error::new(error).context("ALLYNET_SMTP_URL")),
        },
    }
}

async fn check_redis(settings: &Settings) -> Finding {
    let address = match settings.redis() {
        Err(error) => return Finding::failed(&error),
        Ok(None) => return Fine("not configured, as for a single node".to_owned()),
        Ok(Some(address)) => address,
    };
    let ask = async {
        let redis = Redis::start(&address, UuidV7Ids.next().into())?;
        redis.high_water(Uuid::nil()).await.context("Redis does not answer")
    };
    match ask.await.context("REDIS_URL") {
        Err(error) => Finding::failed(&error),
        Ok(_) => Fine("answers".to_owned()),
    }
}

/// The image of the whole world. Browsers fetch the images, so that this machine may be refused and they are not.
async fn check_tiles(settings: &Settings, extra_ca: &ExtraCa) -> Finding {
    let Some(template) = &settings.app.map_tiles else {
        return Fine("ALLYNET_MAP_TILES is not set: the map is a grid with a scale".to_owned());
    };
    let url = ["{z}", "{x}", "{y}"].iter().fold(template.to_string(), |url, part| url.replace(part, "0"));
    match get_status(&url, extra_ca).await {
        Ok(status @ 200..=299) => Fine(format!("the server answers {status}")),
        Ok(status) => Warning(format!("ALLYNET_MAP_TILES: the server answers {status} to this machine")),
        Err(error) => Warning(format!("ALLYNET_MAP_TILES: {error}")),
    }
}
