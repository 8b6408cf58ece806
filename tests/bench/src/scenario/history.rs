//! History: history, timeline, pending and messages, one request at a time, with a million stored emergencies.

use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::BenchContext;
use crate::{
    load::http::Http,
    server::{Kind, Server},
    sheet::{Sheet, Target},
    statistics::Times,
    world::{
        Archive, Database, Population,
        people::{Tokens, emergency},
        places::Chance,
    },
};

const KINDS: [Kind; 2] = [Kind::Postgres, Kind::Sqlite];
const POPULATION: Population = Population { owners: 10_000, helpers: 10_000 };
const WARM_UP: usize = 50;
/// The target of the 99th percentile.
const MAX_P99_MILLISECONDS: f64 = 20.0;

/// A request, and its callers.
struct Question {
    measure: &'static str,
    /// The caller and the path, by the number of an emergency.
    ask: fn(&Archive, usize) -> (usize, String),
    /// The emergencies to request.
    of: fn(&Archive) -> std::ops::Range<usize>,
}

const QUESTIONS: [Question; 6] = [
    Question {
        measure: "history of an owner",
        ask: |archive, number| (archive.owner(number), "history".to_owned()),
        of: Archive::ended,
    },
    Question {
        measure: "history of a helper",
        ask: |archive, number| (archive.helper(number), "history".to_owned()),
        of: Archive::ended,
    },
    Question {
        measure: "timeline",
        ask: |archive, number| (archive.owner(number), format!("{}/timeline", emergency(number))),
        of: Archive::ended,
    },
    Question {
        measure: "pending for a helper",
        ask: |archive, number| (archive.helper(number), "pending-for-helper".to_owned()),
        of: Archive::live,
    },
    Question {
        measure: "messages",
        ask: |archive, number| (archive.owner(number), format!("{}/messages", emergency(number))),
        of: Archive::talkative,
    },
    Question {
        measure: "one emergency",
        ask: |archive, number| (archive.owner(number), emergency(number).to_string()),
        of: Archive::ended,
    },
];

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let archive = Archive { people: POPULATION, emergencies: cx.form.pick(10_000, 1_000_000) };
    let tokens = Tokens::new()?;
    let mut sheet = Sheet::new(format!("reading at {} emergencies, p99", archive.emergencies));
    let mut databases = Vec::new();
    for kind in KINDS {
        let database = Database::with(&cx.databases, kind, POPULATION).await?;
        database.add(&archive).await.with_context(|| format!("the archive of {}", kind.name()))?;
        databases.push(database);
    }
    for _ in 0..cx.form.rounds() {
        for (kind, database) in KINDS.into_iter().zip(&databases) {
            // The scenario only reads, so one database serves all runs.
            let server = Server::start(kind, &database.url()).await?;
            for question in &QUESTIONS {
                let times = put(cx, &server, &archive, &tokens, question).await;
                let times = times.with_context(|| format!("{}, {}", kind.name(), question.measure))?;
                sheet.add(kind, question.measure, "ms", times.percentile(99));
            }
        }
    }
    for question in &QUESTIONS {
        for kind in KINDS {
            sheet.expect(kind, question.measure, Target::AtMost(MAX_P99_MILLISECONDS));
        }
    }
    for database in databases {
        database.remove().await?;
    }
    Ok(vec![sheet])
}

async fn put(
    cx: &BenchContext,
    server: &Server,
    archive: &Archive,
    tokens: &Tokens,
    question: &Question,
) -> anyhow::Result<Times> {
    let (mut chance, mut times) = (Chance::new(7), Times::default());
    let of = (question.of)(archive);
    for number in 0..WARM_UP + cx.form.pick(100, 1_000) {
        let (person, path) = (question.ask)(archive, of.start + chance.below(of.len()));
        let mut http = Http::connect(server.address, &tokens.of(person)?).await?;
        let begun = Instant::now();
        let path = format!("/api/v1/emergencies/{path}");
        let status = http.get(&path).await?;
        ensure!(status == 200, "GET {path}: {status}");
        if number >= WARM_UP {
            times.add(begun.elapsed());
        }
    }
    Ok(times)
}
