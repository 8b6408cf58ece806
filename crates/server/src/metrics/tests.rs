//! `docs/metrics.md` and the Grafana dashboard list exactly the metrics that are described. That they are recorded, and
//! with which labels, is tested end to end.

use std::{collections::BTreeMap, sync::Mutex};

use metrics::{Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/metrics.md");
const DASHBOARD: &str = include_str!("../../../../docs/grafana-dashboard.json");

/// Collects descriptions: the type and the help text of each metric.
#[derive(Default)]
struct Described(Mutex<BTreeMap<String, (&'static str, String)>>);

impl Described {
    fn add(&self, name: &KeyName, kind: &'static str, meaning: &SharedString) {
        let described = (kind, meaning.to_string());
        let before = self.0.lock().unwrap().insert(name.as_str().to_owned(), described.clone());
        assert!(before.is_none_or(|before| before == described), "{} has two meanings", name.as_str());
    }
}

impl Recorder for Described {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, meaning: SharedString) {
        self.add(&name, "counter", &meaning);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, meaning: SharedString) {
        self.add(&name, "gauge", &meaning);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, meaning: SharedString) {
        self.add(&name, "histogram", &meaning);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn described() -> BTreeMap<String, (&'static str, String)> {
    let described = Described::default();
    metrics::with_local_recorder(&described, describe);
    described.0.into_inner().unwrap()
}

#[test]
fn the_document_lists_every_metric_with_its_type_and_meaning_and_no_other() {
    let table = DOCUMENT.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `allynet_"));
    let documented: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            (cells[0].trim_matches('`').to_owned(), (cells[1], cells[3].to_owned()))
        })
        .collect();
    assert_eq!(documented, described());
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for (name, (kind, _)) in described() {
        assert!(name.starts_with("allynet_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        let base_unit = ["_seconds", "_size"].iter().any(|unit| name.ends_with(unit));
        assert!(kind != "histogram" || base_unit, "{name}");
    }
}

#[test]
fn every_histogram_has_buckets() {
    let recorder = builder().unwrap().build_recorder();
    let histograms: Vec<_> = described().into_iter().filter(|(_, (kind, _))| *kind == "histogram").collect();
    metrics::with_local_recorder(&recorder, || {
        for (name, _) in &histograms {
            histogram!(name.clone()).record(1);
        }
    });
    let text = recorder.handle().render();
    for (name, _) in &histograms {
        assert!(text.contains(&format!("# TYPE {name} histogram")), "{name}: {text}");
    }
}

#[test]
fn timers_are_counted_by_kind() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let timers = metrics::with_local_recorder(&recorder, TimerMetrics::new);
    for fired in [Fired::Wave, Fired::Wave, Fired::Wave, Fired::Unanswered, Fired::Unanswered, Fired::Expired] {
        timers.record(fired);
    }
    let text = recorder.handle().render();
    for (what, count) in [("wave", 3), ("unanswered", 2), ("expired", 1)] {
        assert!(text.contains(&format!("allynet_timers_fired_total{{what=\"{what}\"}} {count}\n")), "{text}");
    }
}

/// Every query expression of the dashboard's panels and variables.
fn queries(dashboard: &serde_json::Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables = variables.iter().filter_map(|variable| variable["definition"].as_str());
    targets.map(|target| target["expr"].as_str().unwrap()).chain(variables).collect()
}

/// The metrics in an expression, without the suffixes of a histogram's series.
fn named(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let series = words.filter(|word| word.starts_with("allynet_"));
    let endings = ["_bucket", "_count", "_sum"];
    series.map(|s| endings.iter().find_map(|ending| s.strip_suffix(ending)).unwrap_or(s).to_owned()).collect()
}

#[test]
fn the_dashboard_queries_every_metric_and_no_other() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let described = described();
    let mut asked = BTreeMap::new();
    for query in queries(&dashboard) {
        let names = named(query);
        assert!(!names.is_empty(), "{query} queries no metric of the service");
        asked.extend(names.into_iter().map(|name| (name, query)));
    }
    for (name, query) in &asked {
        assert!(described.contains_key(name), "{query} queries an unknown metric");
    }
    for name in described.keys() {
        assert!(asked.contains_key(name), "{name} is on no panel");
    }
}

#[test]
fn the_dashboard_has_a_data_source_variable() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|v| v["type"] == "datasource" && v["query"] == "prometheus" && v["name"] == "source"));
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "two panels have the same id");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${source}", "{}", panel["title"]);
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{}", panel["title"]);
    }
}
