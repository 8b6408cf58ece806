//! Running the service, from an open database to the last connection closed.

use std::sync::Arc;

use allynet_domain::{Email, NodeId, Password, port, usecase::accounts};
use allynet_realtime::Gateway;
use allynet_rest::Metrics;
use allynet_wire::limits::Limits;
use anyhow::Context as _;
use axum::Router;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    erasure::erase,
    http::{self, HttpOptions},
    learning::learn,
    limits,
    listen::listen,
    measures::Measures,
    nodes::Way,
    retention,
    settings::Settings,
    store::{Ports, Store},
    timers,
    watch::Watch,
    wiring::{self, UseCases},
};

/// Brings the database up to date.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let store = Store::open(&settings.database()?).await?;
    store.close().await;
    tracing::info!("the database is up to date");
    Ok(())
}

/// Runs until the process is told to stop.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let (database, redis) = (settings.database()?, settings.redis()?);
    let (rules, admin) = (settings.rules()?, settings.admin()?);
    let tokens = wiring::tokens(settings, &database)?;
    let measures = Measures::start(&database)?;
    let store = Store::open(&database).await?;
    let (ports, watch) = (store.ports(), Watch::new());
    let use_cases = UseCases::new(&ports, tokens, rules, watch.moved());
    make_admin(&use_cases.accounts, admin).await?;

    let node = use_cases.ids.next().into();
    let way = Way::open(redis.as_ref(), node)?;
    let (limits, limiter) = wiring::limits(settings);
    let origins = settings.cors_origins.clone().unwrap_or_default();
    let realtime = realtime(&use_cases, &ports, &watch, (node, &way), limits.clone());
    let (socket_io, gateway, dispatcher) = allynet_realtime::gateway(realtime, origins.clone());
    let stop = CancellationToken::new();
    let metrics = measures.port(store.clone(), gateway.clone(), way.signals());
    let router = router(&use_cases, ports.log.clone(), (metrics, limits), &gateway, (&stop, &way));
    let in_flight = TaskTracker::new();
    let options = HttpOptions {
        origins,
        proxies: settings.trusted_proxies.clone().unwrap_or_default(),
        ids: use_cases.ids.clone(),
        in_flight: in_flight.clone(),
    };
    let router = http::service(router, socket_io, options);

    // The dispatcher outlives the requests: what they commit is told.
    let stop_dispatching = CancellationToken::new();
    let dispatching = tokio::spawn(dispatcher.run(stop_dispatching.clone()));
    let workers = work(&use_cases, ports, watch, &gateway, &stop);
    workers.spawn(measures.keep(stop.clone()));
    workers.spawn(limits::evict_periodically(limiter, stop.clone()));
    let outcome = listen(settings.listen, router, &in_flight, &gateway, &stop).await;
    stop.cancel();
    stop_dispatching.cancel();
    dispatching.await.context("the dispatcher failed")?;
    workers.wait().await;
    way.close().await;
    store.close().await;
    outcome
}

/// What the sockets of this node are served with.
fn realtime(
    use_cases: &UseCases,
    ports: &Ports,
    watch: &Watch,
    (node, way): (NodeId, &Way),
    limits: Limits,
) -> allynet_realtime::Ports {
    allynet_realtime::Ports {
        accounts: use_cases.accounts.clone(),
        emergencies: use_cases.emergencies.clone(),
        helpers: use_cases.helpers.clone(),
        unanswered: watch.unanswered.clone(),
        sighted: watch.sighted(),
        motion: watch.motion.clone(),
        node,
        signals: way.signals(),
        log: ports.log.clone(),
        clock: use_cases.clock.clone(),
        limits,
    }
}

fn router(
    use_cases: &UseCases,
    log: Arc<dyn port::EventLog>,
    (metrics, limits): (Metrics, Limits),
    gateway: &Gateway,
    (stop, way): (&CancellationToken, &Way),
) -> Router {
    let (following, draining) = (gateway.clone(), stop.clone());
    let UseCases { accounts, helpers, emergencies, messages, .. } = use_cases.clone();
    allynet_rest::router(allynet_rest::Ports {
        accounts,
        helpers,
        emergencies,
        messages,
        log,
        presence: gateway.presence(),
        metrics,
        ready: Arc::new(move || following.is_following() && !draining.is_cancelled()),
        limits,
        redis: way.state(),
    })
}

/// Starts what goes on in the background until the service is to stop.
fn work(
    use_cases: &UseCases,
    ports: Ports,
    Watch { lookout, motion, .. }: Watch,
    gateway: &Gateway,
    stop: &CancellationToken,
) -> TaskTracker {
    let workers = TaskTracker::new();
    workers.spawn(retention::run(ports.log, use_cases.clock.clone(), stop.clone()));
    workers.spawn(erase(ports.changes, use_cases.clock.clone(), stop.clone()));
    workers.spawn(timers::run(use_cases.emergencies.clone(), ports.alerts, stop.clone()));
    let (cx, gateway, stop) = (use_cases.clone(), gateway.clone(), stop.clone());
    workers.spawn(async move {
        let looking = async {
            gateway.until_following().await;
            let emergencies = &cx.emergencies.emergencies;
            tokio::join!(learn(&**emergencies, &motion), lookout.run(&cx.emergencies, &cx.helpers));
        };
        stop.run_until_cancelled(looking).await;
    });
    workers.close();
    workers
}

async fn make_admin(cx: &accounts::AccountPorts, admin: Option<(Email, Password)>) -> anyhow::Result<()> {
    let Some((email, password)) = admin else {
        tracing::info!("to make an administrator, set ALLYNET_ADMIN_EMAIL and ALLYNET_ADMIN_PASSWORD and start again");
        return Ok(());
    };
    if accounts::ensure_admin(cx, email, password).await.context("cannot make the administrator")? {
        tracing::info!("made the administrator");
    } else {
        tracing::info!("ALLYNET_ADMIN_EMAIL has an account, which is left as it is");
    }
    Ok(())
}
