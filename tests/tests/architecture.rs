//! Rules of the repository that the compiler does not check: which crate may depend on which, that no files import each
//! other in a circle, and that every case of the contract suite is run.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use allynet_tests::imports::Crate;
use serde_json::Value;

/// Which crates may depend on a framework or a driver. Development dependencies are not restricted.
const CONFINED: &[(&str, &[&str])] = &[
    ("sqlx", &["allynet-sql", "allynet-postgres", "allynet-sqlite", "allynet-tests", "allynet-bench"]),
    ("axum", &["allynet-rest", "allynet-server", "allynet-web", "allynet-bench"]),
    ("socketioxide", &["allynet-realtime", "allynet-bench"]),
    ("engineioxide", &["allynet-realtime", "allynet-transport"]),
    ("socket2", &["allynet-transport"]),
    ("jsonwebtoken", &["allynet-auth"]),
    ("argon2", &["allynet-auth"]),
    ("metrics-exporter-prometheus", &["allynet-server"]),
    ("governor", &["allynet-server"]),
    ("fred", &["allynet-redis"]),
    ("hyper-rustls", &["allynet-notify"]),
    ("lettre", &["allynet-notify"]),
];

/// Which crates of this workspace each crate may depend on. `server` and `tests` may depend on all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("allynet-domain", &[]),
    ("allynet-wire", &["allynet-domain"]),
    ("allynet-projections", &["allynet-domain"]),
    ("allynet-transport", &[]),
    ("allynet-heap", &[]),
    ("allynet-sql", &["allynet-domain"]),
    ("allynet-postgres", &["allynet-domain", "allynet-sql"]),
    ("allynet-sqlite", &["allynet-domain", "allynet-sql"]),
    ("allynet-redis", &["allynet-domain"]),
    ("allynet-auth", &["allynet-domain"]),
    ("allynet-notify", &["allynet-domain"]),
    ("allynet-rest", &["allynet-domain", "allynet-wire"]),
    ("allynet-web", &["allynet-wire"]),
    ("allynet-realtime", &["allynet-domain", "allynet-projections", "allynet-transport", "allynet-wire"]),
    // The benchmark drives the service from outside; it signs tokens itself, and its push service has a certificate of the tests.
    ("allynet-bench", &["allynet-auth", "allynet-domain", "allynet-tests"]),
    // The simulation asks the rules only.
    ("allynet-simulation", &["allynet-domain"]),
];

/// The allowed dependencies of the domain: no runtime, no I/O, no framework.
const DOMAIN: &[&str] = &[
    "async-trait",
    "chrono",
    "chrono-tz",
    "geo",
    "libm",
    "mockall",
    "opening-hours",
    "pest",
    "serde",
    "thiserror",
    "unicode-normalization",
    "unicode-properties",
    "uuid",
];

/// What Cargo says of every member of the workspace.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path", manifest];
    let output = Command::new(cargo).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// The dependencies of every crate of the workspace, without development dependencies.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|d| d["kind"] != "dev").map(|d| text(&d["name"])).collect()
    };
    packages().iter().map(|p| (text(&p["name"]), of(p))).collect()
}

#[test]
fn only_its_adapter_depends_on_a_framework_or_driver() {
    for (package, dependencies) in dependencies() {
        for (library, adapters) in CONFINED {
            let allowed = adapters.contains(&package.as_str());
            assert!(allowed || !dependencies.iter().any(|d| d == library), "{package} must not depend on {library}");
        }
    }
}

#[test]
fn dependencies_point_inward_and_no_adapter_depends_on_another() {
    let all = dependencies();
    for (package, _) in ALLOWED {
        assert!(all.contains_key(*package), "there is no crate {package}: remove it from ALLOWED");
    }
    for (package, dependencies) in all {
        if ["allynet-server", "allynet-tests"].contains(&package.as_str()) {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == package).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("{package} is missing in ALLOWED"));
        for dependency in dependencies.iter().filter(|d| d.starts_with("allynet-")) {
            assert!(allowed.contains(&dependency.as_str()), "{package} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_domain_is_free_of_runtimes_and_frameworks() {
    for dependency in &dependencies()["allynet-domain"] {
        assert!(DOMAIN.contains(&dependency.as_str()), "the domain must not depend on {dependency}");
    }
}

/// The folders with the sources of all crates: those of every member of the workspace, and of its tests that have several files.
fn crates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for manifest in packages().iter().map(|package| PathBuf::from(package["manifest_path"].as_str().unwrap())) {
        let member = manifest.parent().unwrap();
        folders.push(member.join("src"));
        let tests = fs::read_dir(member.join("tests")).into_iter().flatten();
        let tests = tests.map(|entry| entry.unwrap().path());
        folders.extend(tests.filter(|folder| folder.join("main.rs").exists()));
    }
    folders
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let folders = crates();
    for expected in ["crates/domain/src", "tests/src", "tests/bench/src", "tests/simulation/src", "tests/tests/faults"]
    {
        assert!(folders.iter().any(|folder| folder.ends_with(expected)), "{expected} is not among {folders:?}");
    }
    let mut found = String::new();
    for folder in folders {
        let krate = Crate::read(&folder).unwrap();
        for circle in krate.circles() {
            writeln!(found, "{}: these files import each other:", folder.display()).unwrap();
            for (from, to) in circle.imports {
                writeln!(found, "    {from} imports {to}").unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
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
