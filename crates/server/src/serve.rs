//! Runs the service: opens the database, wires the parts together, serves, and shuts down in order.

use std::sync::Arc;

use allynet_domain::{
    Email, NodeId, Password, port,
    usecase::{
        accounts::AccountPorts,
        administrators::{self, Ensured},
    },
};
use allynet_notify::{Channels, OutboxSender};
use allynet_realtime::Gateway;
use allynet_rest::{PriorityPorts, Readiness, RestPorts};
use allynet_transport::{ConnectionLimits, PhaseTimeouts};
use allynet_wire::{
    app_config::{AppConfig, TilesUrl},
    client::ClientAddress,
    limits::Limits,
    scheduling::Scheduler,
};
use anyhow::Context as _;
use axum::Router;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin_server::AdminServer,
    alert_timers, availability_timers, block_timers,
    bootstrap::restore_open_emergencies,
    build_info, contact_notifier, descriptors,
    high_water::{HighWaterMark, detect_restore, keep_high_water},
    http::{self, HttpOptions},
    invitation_sender, limits,
    listen::listen,
    log_retention::{EVENT_RETENTION, erase_deleted_emergencies, prune_old_events, remove_old_records},
    mail,
    memory::release_after_bursts,
    metrics::MetricsExporter,
    node_link::NodeLink,
    outbox, place_mover,
    projections::Projections,
    push::{self, Push},
    scheduler::RequestScheduler,
    secret_reload::{ReloadTargets, SecretReload},
    settings::{Database, Settings, Switch},
    storage::{self, StoragePressure, watch_disk},
    store::{PersistencePorts, Store, sqlite_path},
    telemetry::{self, Telemetry},
    webhook,
    wiring::{self, UseCases},
};

/// Smallest limit of connections from one address whose clients have not shown a token, however few sockets it may have.
const MIN_ANONYMOUS_CONNECTIONS: usize = 100;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Returns an error if a setting is wrong, the database cannot be used, or the listener fails.
pub(crate) async fn serve(settings: &Settings, telemetry: Option<&Telemetry>) -> anyhow::Result<()> {
    let (database, redis) = (settings.database()?, settings.redis()?);
    let (mut rules, admin) = (settings.rules()?, settings.admin()?);
    let reload = SecretReload::install()?;
    let secrets = wiring::secrets(settings, &database)?;
    let signatures = wiring::signatures(settings, &secrets.0)?;
    let extra_ca = push::extra_ca(settings)?;
    let push = push::open(&settings.push, push::subject(settings), &database, (wiring::clock(), &extra_ca))?;
    let mail = mail::ports(&settings.mail, &extra_ca)?;
    let webhook = webhook::open(&settings.webhook, wiring::clock(), &extra_ca)?;
    log_notable_settings(settings, mail.is_some());
    // Before anything that registers a metric.
    let exporter = MetricsExporter::install(&database)?;
    let store = Store::open(&database).await?;
    rules.places.grid = store.place_grid().await?;
    let (mut ports, mut high_ports) = (store.ports(), store.prioritized().ports());
    let pressure = storage::observe([&mut ports.changes, &mut high_ports.changes], &mut ports.positions);
    telemetry::observe_commits(telemetry, [&mut ports.changes, &mut high_ports.changes]);
    let projections = Projections::new(&rules);
    let app = settings.app_config((push.is_some(), mail.is_some()));
    let (push_ports, push) = push.map(|Push { ports, channel }| (ports, channel)).unzip();
    let mailer = mail.as_ref().map(|mail| mail.mailer.clone());
    let channels = Channels {
        push,
        mailer: mailer.clone().map(|mailer| mailer as Arc<dyn port::Mailer>),
        webhook: webhook.clone().map(|webhook| webhook as Arc<dyn port::AlertWebhook>),
    };
    let use_cases = UseCases::new(&ports, signatures, (push_ports, mail), rules, projections.on_position_stored());
    let (high, scheduler) = (use_cases.on(&high_ports), Arc::new(RequestScheduler::new()));
    let node = use_cases.ids.next().into();
    let link = NodeLink::open(redis.as_ref(), node)?;
    let high_water = HighWaterMark::of(&database, &store, &link).await?;
    // Before the first event that this node stores.
    detect_restore(&store, &high_water).await?;
    let lost = store.lost_events().await?;
    ensure_admin(&use_cases.accounts, admin).await?;

    let (limits, limiter) = wiring::limits(settings);
    let origins = settings.cors_origins.clone().unwrap_or_default();
    let per_address = settings.connections_per_address.get();
    let realtime = realtime_ports(
        &use_cases,
        &ports,
        &projections,
        (node, &link),
        (limits.clone(), per_address, scheduler.clone()),
    );
    let realtime = allynet_realtime::GatewayPorts { lost, ..realtime };
    let (socket_io, gateway, dispatcher) = allynet_realtime::gateway(realtime, origins);
    let stop = CancellationToken::new();
    let metrics = exporter.renderer(store.clone(), gateway.clone(), link.signals());
    let readiness = readiness(&ports, &gateway, (&stop, &link));
    let rest = rest_router((&use_cases, &high), &ports, (readiness.clone(), limits, scheduler), (&gateway, app));
    let rest = match settings.docs {
        Switch::On => rest.merge(allynet_web::router()).merge(allynet_web::manual_router()),
        Switch::Off => rest,
    };
    let rest = rest.merge(allynet_web::app_router(settings.app.map_tiles.as_ref().map(TilesUrl::origin)));
    let in_flight = TaskTracker::new();
    let options = || http_options(settings, &use_cases, (pressure.clone(), in_flight.clone()));
    let router = http::service(rest, socket_io, options());
    let admin = http::admin_service(allynet_rest::admin_router(readiness, metrics), options());
    let admin = AdminServer::bind(settings.admin_listen, admin).await?;

    // The dispatcher has a token of its own: it must outlive the requests, whose events it still delivers.
    let stop_dispatcher = CancellationToken::new();
    let dispatcher = telemetry::observe_deliveries(telemetry, dispatcher);
    let dispatching = tokio::spawn(dispatcher.run(stop_dispatcher.clone()));
    let removing = remove_old_records(use_cases.retention_on(&ports, settings.retention()), stop.clone());
    let workers = spawn_workers((&use_cases, &high), (ports, high_ports.alerts), projections, &gateway, &stop);
    workers.spawn(removing);
    workers.spawn(telemetry::exchange(telemetry, link.signals(), stop.clone()));
    let sender_ports = store.for_sender().ports();
    if let Some(notices) = use_cases.notices_on(&sender_ports) {
        workers.spawn(contact_notifier::run(notices, stop.clone()));
    }
    let sending = use_cases.sending_on(&sender_ports);
    workers.spawn(push::tell_of_key_change(use_cases.devices.clone(), stop.clone()));
    workers.spawn(outbox::delete_old_messages(sending.clone(), stop.clone()));
    let texts = Arc::new(outbox::Texts::new(settings.mail.public_url.as_ref(), use_cases.contacts.tokens.clone()));
    workers.spawn(OutboxSender::new(sending, channels, gateway.connections(), texts).run(stop.clone()));
    workers.spawn(exporter.run_upkeep(stop.clone()));
    if let Database::Sqlite(url) = &database {
        workers.spawn(watch_disk(pressure.clone(), sqlite_path(url), settings.disk_reserve, stop.clone()));
    }
    workers.spawn(release_after_bursts(stop.clone()));
    workers.spawn(keep_high_water(high_water, gateway.clone(), stop.clone()));
    workers.spawn(limits::evict_periodically(limiter, stop.clone()));
    let targets = ReloadTargets { secrets, mailer, webhook };
    workers.spawn(reload.run(settings.secret_files.clone(), targets, stop.clone()));
    let connections = connection_limits(settings);
    let outcome = listen((settings.listen, connections), router, &in_flight, &gateway, &stop).await;
    // Until now, so that a probe sees the shutdown.
    admin.close().await;
    // Cancelled already unless the listener failed.
    stop.cancel();
    stop_dispatcher.cancel();
    dispatching.await.context("the dispatcher failed")?;
    workers.wait().await;
    link.close().await;
    // Last: everything above may still use it.
    store.close().await;
    outcome
}

/// Logs which settings have an effect that an operator may not expect.
fn log_notable_settings(settings: &Settings, sends_mail: bool) {
    if settings.retention < EVENT_RETENTION {
        tracing::warn!("ALLYNET_RETENTION is less than 72h: events are erased before clients have resumed from them");
    }
    if !sends_mail {
        tracing::info!("no email is sent: to reset passwords, set ALLYNET_SMTP_URL");
    }
}

fn realtime_ports(
    use_cases: &UseCases,
    ports: &PersistencePorts,
    projections: &Projections,
    (node, link): (NodeId, &NodeLink),
    (limits, anonymous_per_address, scheduler): (Limits, usize, Arc<RequestScheduler>),
) -> allynet_realtime::GatewayPorts {
    allynet_realtime::GatewayPorts {
        accounts: use_cases.accounts.clone(),
        emergencies: use_cases.emergencies.clone(),
        helpers: use_cases.helpers.clone(),
        open_emergencies: projections.open.clone(),
        on_appeared: projections.on_user_arrived(),
        tracking: projections.tracking.clone(),
        owners: projections.owners.clone(),
        node,
        signals: link.signals(),
        log: ports.log.clone(),
        lost: Vec::new(),
        clock: use_cases.clock.clone(),
        limits,
        anonymous_per_address,
        scheduler,
    }
}

fn readiness(
    ports: &PersistencePorts,
    gateway: &Gateway,
    (stop, link): (&CancellationToken, &NodeLink),
) -> Arc<Readiness> {
    let (following, draining) = (gateway.clone(), stop.clone());
    let node = Arc::new(move || following.is_following() && !draining.is_cancelled());
    Readiness::new(build_info::BUILD, ports.changes.clone(), node, link.readiness())
}

fn rest_router(
    (use_cases, high): (&UseCases, &UseCases),
    ports: &PersistencePorts,
    (readiness, limits, scheduler): (Arc<Readiness>, Limits, Arc<dyn Scheduler>),
    (gateway, app): (&Gateway, AppConfig),
) -> Router {
    let UseCases {
        accounts,
        blocks,
        contact_pages,
        contacts,
        devices,
        helpers,
        emergencies,
        messages,
        password_resets,
        sending,
        ..
    } = use_cases.clone();
    let presence = gateway.presence();
    let high = PriorityPorts { accounts: high.accounts.clone(), emergencies: high.emergencies.clone() };
    allynet_rest::router(RestPorts {
        accounts,
        blocks,
        contact_pages,
        contacts,
        devices,
        helpers,
        emergencies,
        sending,
        messages,
        password_resets,
        log: ports.log.clone(),
        exports: ports.exports.clone(),
        presence,
        readiness,
        app,
        limits,
        high,
        scheduler,
    })
}

fn connection_limits(settings: &Settings) -> ConnectionLimits {
    let proxies = settings.trusted_proxies.clone().unwrap_or_default();
    ConnectionLimits {
        timeouts: PhaseTimeouts::default(),
        total: descriptors::raise_limit(),
        // A client that has not shown its token yet may need several connections at once.
        anonymous_per_peer: settings.connections_per_address.get().max(MIN_ANONYMOUS_CONNECTIONS),
        // The clients behind a proxy are counted by the address that it forwards, when they connect a socket.
        peer_key: Arc::new(move |peer| (!proxies.contain(peer)).then(|| ClientAddress::from(peer).ip())),
    }
}

fn http_options(
    settings: &Settings,
    use_cases: &UseCases,
    (storage, in_flight): (Arc<StoragePressure>, TaskTracker),
) -> HttpOptions {
    HttpOptions {
        origins: settings.cors_origins.clone().unwrap_or_default(),
        proxies: settings.trusted_proxies.clone().unwrap_or_default(),
        ids: use_cases.ids.clone(),
        storage,
        in_flight,
    }
}

/// Spawns the background tasks, which run until `stop` is cancelled.
fn spawn_workers(
    (use_cases, high): (&UseCases, &UseCases),
    (ports, high_alerts): (PersistencePorts, Arc<dyn port::Alerts>),
    Projections { open, watcher, arrivals, signs, tracking, owners }: Projections,
    gateway: &Gateway,
    stop: &CancellationToken,
) -> TaskTracker {
    let workers = TaskTracker::new();
    workers.spawn(prune_old_events(ports.log, use_cases.clock.clone(), stop.clone()));
    workers.spawn(erase_deleted_emergencies(ports.changes, use_cases.clock.clone(), stop.clone()));
    workers.spawn(alert_timers::run(high.emergencies.clone(), high_alerts, stop.clone()));
    workers.spawn(availability_timers::run(
        use_cases.helpers.clone(),
        use_cases.emergencies.helpers.clone(),
        stop.clone(),
    ));
    workers.spawn(block_timers::run(use_cases.blocks.clone(), stop.clone()));
    if let Some(invitations) = use_cases.invitations.clone() {
        workers.spawn(invitation_sender::run(invitations, stop.clone()));
    }
    let (cx, normal, gateway, stop) = (high.clone(), use_cases.emergencies.clone(), gateway.clone(), stop.clone());
    workers.spawn(async move {
        let watching = async {
            gateway.until_following().await;
            restore_open_emergencies(&*cx.emergencies.emergencies, &open).await;
            tracking.open_emergencies_restored();
            let looking = watcher.run(&cx.emergencies, &cx.helpers);
            // Both use the ports of high priority: a sign prevents that a search is renewed, and a moved place changes who is alerted.
            let moving = Box::pin(place_mover::run(owners, &cx.emergencies));
            tokio::join!(looking, arrivals.run(&normal), Box::pin(signs.run(&cx.emergencies)), moving);
        };
        stop.run_until_cancelled(watching).await;
    });
    // A closed tracker still accepts tasks; only then does `wait` complete once it is empty.
    workers.close();
    workers
}

/// Makes the configured account an administrator, and creates it if it does not exist.
async fn ensure_admin(cx: &AccountPorts, admin: Option<(Email, Password)>) -> anyhow::Result<()> {
    let Some((email, password)) = admin else {
        tracing::info!(
            "no administrator is configured: to create one, set ALLYNET_ADMIN_EMAIL and ALLYNET_ADMIN_PASSWORD"
        );
        return Ok(());
    };
    match administrators::ensure(cx, email, password).await.context("cannot create the administrator account")? {
        Ensured::Created => tracing::info!("created the administrator account"),
        Ensured::Granted => tracing::info!("the account of ALLYNET_ADMIN_EMAIL is an administrator from now on"),
        Ensured::Unchanged => tracing::info!("the account of ALLYNET_ADMIN_EMAIL is an administrator already"),
        Ensured::WrongPassword => tracing::warn!(
            "ALLYNET_ADMIN_EMAIL has an account with another password than ALLYNET_ADMIN_PASSWORD: it is left unchanged"
        ),
    }
    Ok(())
}
