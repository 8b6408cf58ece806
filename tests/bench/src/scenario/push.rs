//! Push: the time from `POST /emergencies` to the POSTs at a push service, for helpers without a connection, and what they cost.
//!
//! One owner raises at a time, then many at once. The same emergencies are raised before the helpers have devices, so that the cost
//! of the devices is seen.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use super::{
    BenchContext, Owner,
    meter::{Cost, Meter},
};
use crate::{
    load::{http::Http, push_service::PushService},
    server::{Kind, Server},
    sheet::Sheet,
    statistics::Times,
    world::{Database, Population, people::Tokens, places::centre},
};

const KINDS: [Kind; 2] = [Kind::Postgres, Kind::Sqlite];
/// The size of a wave.
const ALERTED: usize = 50;
const CONCURRENT_OWNERS: usize = 20;
const POPULATION: Population = Population { owners: CONCURRENT_OWNERS, helpers: 1_000 };
/// The hosts of push services that most browsers of a country use.
const HOSTS: u8 = 4;
/// Any key that is a point of the curve, and any secret: these are the examples of RFC 8291, appendix A.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const VAPID_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
/// For what a node does after its answer to an emergency whose helpers have no devices.
const SETTLING_TIME: Duration = Duration::from_millis(50);

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut alone = Sheet::new(format!("push: one emergency alerts {ALERTED} helpers without a connection"));
    let mut burst = Sheet::new(format!("push: {CONCURRENT_OWNERS} such emergencies at once"));
    for _ in 0..cx.form.rounds() {
        for kind in KINDS {
            let database = Database::with(&cx.databases, kind, POPULATION).await?;
            let measured = measure(cx, kind, &database, &tokens, [&mut alone, &mut burst]).await;
            measured.with_context(|| kind.name())?;
            database.remove().await?;
        }
    }
    Ok(vec![alone, burst])
}

async fn measure(
    cx: &BenchContext,
    kind: Kind,
    database: &Database,
    tokens: &Tokens,
    [alone, burst]: [&mut Sheet; 2],
) -> anyhow::Result<()> {
    let mut pushes = PushService::start(HOSTS).await?;
    let authority = pushes.authority().to_string_lossy().into_owned();
    let settings = [
        ("ALLYNET_PUSH_ALLOW", &*pushes.hosts()),
        ("ALLYNET_EXTRA_CA", &*authority),
        ("ALLYNET_VAPID_PRIVATE_KEY", VAPID_KEY),
        ("ALLYNET_VAPID_SUBJECT", "mailto:alerts@example.org"),
    ];
    let server = Server::start_with(kind, &database.url(), &settings).await?;
    let rounds = cx.form.pick(20, 100);
    let mut first = connect(&server, tokens, 1).await?;
    let without = Run::of(&server, cx, &mut first, rounds, None).await?;
    register_devices(&server, tokens, &pushes).await?;
    let mut first = connect(&server, tokens, 1).await?;
    let with = Run::of(&server, cx, &mut first, rounds, Some(&mut pushes)).await?;
    alone.add(kind, "`POST /emergencies` without devices, median", "ms", without.answers.percentile(50));
    alone.add(kind, "`POST /emergencies` with devices, median", "ms", with.answers.percentile(50));
    alone.add(kind, "from `POST /emergencies` to a push, median", "ms", with.pushes.percentile(50));
    alone.add(kind, "from `POST /emergencies` to a push, p99", "ms", with.pushes.percentile(99));
    alone.add(kind, "CPU of the server per emergency without devices", "µs", without.cpu_micros());
    alone.add(kind, "CPU of the server per emergency with devices", "µs", with.cpu_micros());
    with.cost.note(&server, alone);

    let mut owners = connect(&server, tokens, CONCURRENT_OWNERS).await?;
    let many = Run::of(&server, cx, &mut owners, cx.form.pick(3, 10), Some(&mut pushes)).await?;
    let sent = f64::from(u32::try_from(many.sent)?);
    burst.add(kind, "`POST /emergencies`, p99", "ms", many.answers.percentile(99));
    burst.add(kind, "from `POST /emergencies` to a push, median", "ms", many.pushes.percentile(50));
    burst.add(kind, "from `POST /emergencies` to a push, p99", "ms", many.pushes.percentile(99));
    burst.add(kind, "pushes of alerts and ends", "1/s", sent / many.cost.took.as_secs_f64());
    burst.add(kind, "CPU of the server per push", "µs", many.cost.cpu.as_secs_f64() * 1e6 / sent);
    many.cost.note(&server, burst);
    Ok(())
}

/// Connects owners at the centre of the city. The server closes connections that send nothing, so that each is used at once.
async fn connect(server: &Server, tokens: &Tokens, count: usize) -> anyhow::Result<Vec<Owner>> {
    let mut owners = Vec::with_capacity(count);
    for number in 0..count {
        let http = Http::connect(server.address, &tokens.of(number)?).await?;
        owners.push(Owner::new(http, centre(0, POPULATION.helpers)));
    }
    Ok(owners)
}

/// Registers a device for each helper, under a host in turn.
async fn register_devices(server: &Server, tokens: &Tokens, pushes: &PushService) -> anyhow::Result<()> {
    for number in 0..POPULATION.helpers {
        let mut http = Http::connect(server.address, &tokens.of(POPULATION.owners + number)?).await?;
        let keys = json!({ "p256dh": P256DH, "auth": AUTH });
        let device = json!({ "kind": "webpush", "endpoint": pushes.endpoint(number), "keys": keys });
        http.post("/api/v1/devices", &device.to_string()).await?;
    }
    Ok(())
}

/// What was measured while emergencies were raised and cancelled.
struct Run {
    answers: Times,
    pushes: Times,
    /// The number of pushes, those of the end included.
    sent: usize,
    emergencies: usize,
    cost: Cost,
}

impl Run {
    /// Each owner raises an emergency, all at once; after its pushes it is cancelled, and the pushes of the end are awaited.
    async fn of(
        server: &Server,
        cx: &BenchContext,
        owners: &mut Vec<Owner>,
        rounds: usize,
        mut pushes: Option<&mut PushService>,
    ) -> anyhow::Result<Self> {
        let (mut answers, mut arrived, mut sent) = (Times::default(), Times::default(), 0);
        let expected = owners.len() * ALERTED;
        let meter = Meter::start(server, &cx.databases)?;
        for _ in 0..rounds {
            let begun = Instant::now();
            let raised;
            (*owners, raised) = raise_all(std::mem::take(owners)).await?;
            for (_, answer) in &raised {
                answers.add(*answer);
            }
            match &mut pushes {
                Some(pushes) => {
                    for at in pushes.next(expected).await? {
                        arrived.add(at.duration_since(begun));
                    }
                }
                None => sleep(SETTLING_TIME).await,
            }
            for (owner, (emergency, _)) in owners.iter_mut().zip(&raised) {
                owner.cancel(emergency).await?;
            }
            match &mut pushes {
                Some(pushes) => sent += expected + pushes.next(expected).await?.len(),
                None => sleep(SETTLING_TIME).await,
            }
        }
        let cost = meter.stop()?;
        ensure!(owners.iter().all(|owner| owner.near > 0), "there are no helpers");
        Ok(Self { answers, pushes: arrived, sent, emergencies: rounds * owners.len(), cost })
    }

    fn cpu_micros(&self) -> f64 {
        self.cost.cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(self.emergencies).unwrap_or(u32::MAX))
    }
}

/// Raises an emergency of each owner at once. Returns their ids in the order of the owners, and how long each answer took.
async fn raise_all(owners: Vec<Owner>) -> anyhow::Result<(Vec<Owner>, Vec<(String, Duration)>)> {
    let mut running = JoinSet::new();
    for mut owner in owners {
        running.spawn(async move {
            let begun = Instant::now();
            let emergency = owner.raise().await?;
            anyhow::Ok((owner, (emergency, begun.elapsed())))
        });
    }
    let (mut owners, mut raised) = (Vec::new(), Vec::new());
    while let Some(done) = running.join_next().await {
        let (owner, emergency) = done??;
        owners.push(owner);
        raised.push(emergency);
    }
    Ok((owners, raised))
}
