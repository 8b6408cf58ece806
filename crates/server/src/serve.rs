//! Running the service, from an open database to the last connection closed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use allynet_domain::{
    Email, Password, Unanswered,
    port::{self, Fix},
    usecase::accounts,
};
use allynet_realtime::{Gateway, Motion, SOCKET_IO_PATH};
use allynet_rest::Metrics;
use allynet_wire::limits::Limits;
use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state, map_request, map_request_with_state},
    response::Response,
};
use std::future::IntoFuture as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::{Proxies, attach_client},
    erasure::erase,
    learning::learn,
    limits::{self, Counted},
    listener::{Listener, Patience, Peer, attach_connection},
    lookout::Lookout,
    measures::Measures,
    nodes::Way,
    retention,
    settings::{Settings, Switch},
    store::{Ports, Store},
    timers,
    wiring::{self, UseCases},
};

/// How long requests may take to end, once the service is to stop.
const GRACE: Duration = Duration::from_secs(8);
/// How long sockets may take to be closed.
const SOCKET_GRACE: Duration = Duration::from_secs(1);

/// Brings the database up to date.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let store = Store::open(&settings.database()?).await?;
    store.close().await;
    tracing::info!("the database is up to date");
    Ok(())
}

/// Runs until the process is told to stop.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let (rules, origins) = (settings.rules()?, settings.cors_origins.clone().unwrap_or_default());
    let (database, redis, admin) = (settings.database()?, settings.redis()?, settings.admin()?);
    let tokens = wiring::tokens(settings, &database)?;
    let measures = Measures::start(&database)?;
    let store = Store::open(&database).await?;
    let ports = store.ports();
    let unanswered = Arc::new(Unanswered::default());
    let lookout = Lookout::new(unanswered.clone(), wiring::clock());
    let motion = Arc::new(Motion::new(Arc::default(), wiring::clock()));
    let (looking, moving) = (lookout.clone(), motion.clone());
    let moved = move |fix: &Fix| {
        looking.moved(fix);
        moving.stored(fix);
    };
    let use_cases = UseCases::new(&ports, tokens, rules, Box::new(moved));
    make_admin(&use_cases.accounts, admin).await?;

    let counted = Arc::new(Counted::new());
    let limits = match settings.rate_limits {
        Switch::On => Limits::on(counted.clone(), settings.connections_per_address.get()),
        Switch::Off => Limits::off(),
    };
    let node = use_cases.ids.next().into();
    let way = Way::open(redis.as_ref(), node)?;
    let sighted = lookout.clone();
    let (socket_io, gateway, dispatcher) = allynet_realtime::gateway(
        allynet_realtime::Ports {
            accounts: use_cases.accounts.clone(),
            emergencies: use_cases.emergencies.clone(),
            helpers: use_cases.helpers.clone(),
            unanswered,
            sighted: Arc::new(move |user| sighted.appeared(user)),
            motion: motion.clone(),
            node,
            signals: way.signals(),
            log: ports.log.clone(),
            clock: use_cases.clock.clone(),
            limits: limits.clone(),
        },
        origins.clone(),
    );
    let stop = CancellationToken::new();
    let metrics = measures.port(store.clone(), gateway.clone(), way.signals());
    let router = router(&use_cases, ports.log.clone(), (metrics, limits), &gateway, (&stop, &way));
    let router = router.route_service(SOCKET_IO_PATH, socket_io);
    let proxies = Proxies::new(settings.trusted_proxies.clone().unwrap_or_default());
    let router = allynet_rest::outermost(router, origins, use_cases.ids.clone())
        .layer(map_request_with_state(proxies, attach_client))
        .layer(map_request(attach_connection));

    // The dispatcher outlives the requests: what they commit is told.
    let stop_dispatching = CancellationToken::new();
    let dispatching = tokio::spawn(dispatcher.run(stop_dispatching.clone()));
    let workers = work(&use_cases, ports, (lookout, motion), &gateway, &stop);
    workers.spawn(measures.keep(stop.clone()));
    workers.spawn(limits::run(counted, stop.clone()));
    let outcome = listen(settings.listen, router, &gateway, &stop).await;
    stop.cancel();
    stop_dispatching.cancel();
    dispatching.await.context("the dispatcher failed")?;
    workers.wait().await;
    way.close().await;
    store.close().await;
    outcome
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
    (lookout, motion): (Lookout, Arc<Motion>),
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

async fn make_admin(cx: &accounts::Context, admin: Option<(Email, Password)>) -> anyhow::Result<()> {
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

/// Serves until told to stop; then lets requests end, tells clients what they did, and closes what is left.
async fn listen(
    address: SocketAddr,
    router: Router,
    gateway: &Gateway,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut told = Told::listen()?;
    let tcp =
        TcpListener::bind(address).await.with_context(|| format!("ALLYNET_LISTEN: cannot listen on {address}"))?;
    let bound = tcp.local_addr()?;
    let close_all = CancellationToken::new();
    let listener = Listener::new(tcp, Patience::default(), close_all.clone());
    let running = TaskTracker::new();
    let router = router.layer(from_fn(answer)).layer(from_fn_with_state(running.clone(), count));
    let service = router.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut serving = tokio::spawn(serving.into_future());
    tracing::info!("listening on http://{}", reachable(bound));

    tokio::select! {
        ended = &mut serving => return ended?.context("the listener failed"),
        () = told.wait() => tracing::info!("stopping"),
    }
    stop.cancel();
    running.close();
    if timeout(GRACE, running.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    gateway.drain(SOCKET_GRACE).await;
    // What is left are connections on which nothing happens.
    close_all.cancel();
    if timeout(SOCKET_GRACE, serving).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
    Ok(())
}

/// Somebody waits for the answer of a request: what it asks of PostgreSQL has to come in time as a whole.
async fn answer(request: Request, next: Next) -> Response {
    allynet_postgres::answering(next.run(request)).await
}

/// Counts a request as running until it is answered. Socket.IO is not counted: a poll waits for what may not come.
async fn count(State(running): State<TaskTracker>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(SOCKET_IO_PATH) {
        return next.run(request).await;
    }
    running.track_future(next.run(request)).await
}

/// An address that a person on this machine can open.
fn reachable(bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() { format!("localhost:{}", bound.port()) } else { bound.to_string() }
}

/// The signals that end the service.
struct Told {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Told {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
