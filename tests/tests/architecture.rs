//! The dependency rule, read from the manifests, and the completeness of the contract suite.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::Value;

/// Which crates may name a framework or a driver. Tests of a crate may name what the crate itself is tested with.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["allynet-sql", "allynet-postgres", "allynet-sqlite", "allynet-tests", "allynet-bench"]),
    ("axum", &["allynet-rest", "allynet-server", "allynet-bench"]),
    ("socketioxide", &["allynet-realtime", "allynet-bench"]),
    ("engineioxide", &["allynet-realtime", "allynet-transport"]),
    ("socket2", &["allynet-transport"]),
    ("jsonwebtoken", &["allynet-auth"]),
    ("argon2", &["allynet-auth"]),
    ("metrics-exporter-prometheus", &["allynet-server"]),
    ("governor", &["allynet-server"]),
    ("fred", &["allynet-redis"]),
];

/// What each crate may use of the others. `server` and `tests` put all of them together.
const INWARD: &[(&str, &[&str])] = &[
    ("allynet-domain", &[]),
    ("allynet-transport", &[]),
    ("allynet-wire", &["allynet-domain"]),
    ("allynet-postgres", &["allynet-domain"]),
    ("allynet-sql", &["allynet-domain"]),
    ("allynet-sqlite", &["allynet-domain", "allynet-sql"]),
    ("allynet-redis", &["allynet-domain"]),
    ("allynet-auth", &["allynet-domain"]),
    ("allynet-rest", &["allynet-domain", "allynet-wire"]),
    ("allynet-realtime", &["allynet-domain", "allynet-transport", "allynet-wire"]),
    // It measures from outside, and signs tokens.
    ("allynet-bench", &["allynet-auth", "allynet-domain"]),
];

/// All that the domain is made of: no runtime, no input or output, no framework.
const DOMAIN: &[&str] = &["async-trait", "chrono", "geo", "mockall", "serde", "thiserror", "uuid"];

/// The dependencies of every crate of the workspace, but for those of its tests alone.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path", manifest];
    let output = Command::new(cargo).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|d| d["kind"] != "dev").map(|d| text(&d["name"])).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|p| (text(&p["name"]), of(p))).collect()
}

#[test]
fn a_framework_or_driver_is_named_by_its_adapter_only() {
    for (package, dependencies) in dependencies() {
        for (library, homes) in HOMES {
            let at_home = homes.contains(&package.as_str());
            assert!(at_home || !dependencies.iter().any(|d| d == library), "{package} must not know {library}");
        }
    }
}

#[test]
fn arrows_point_inward_and_no_adapter_knows_another() {
    let all = dependencies();
    for (package, allowed) in INWARD {
        let own = all[*package].iter().filter(|d| d.starts_with("allynet-"));
        for dependency in own {
            assert!(allowed.contains(&dependency.as_str()), "{package} must not know {dependency}");
        }
    }
    let known: Vec<&str> = INWARD.iter().map(|(name, _)| *name).chain(["allynet-server", "allynet-tests"]).collect();
    for package in all.keys() {
        assert!(known.contains(&package.as_str()), "say here what {package} may know");
    }
}

#[test]
fn the_domain_is_free_of_runtimes_and_frameworks() {
    for dependency in &dependencies()["allynet-domain"] {
        assert!(DOMAIN.contains(&dependency.as_str()), "the domain must not know {dependency}");
    }
}

#[test]
fn every_case_of_the_contract_is_run() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/contract"));
    let list = fs::read_to_string(folder.join("mod.rs")).unwrap();
    for file in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let cases = source.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        for case in cases.filter_map(|line| line.strip_suffix("(store: Store) {")) {
            assert!(list.lines().any(|line| line.trim() == case), "{case} is in no list");
        }
    }
}
