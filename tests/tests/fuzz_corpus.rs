//! The entry points for bytes of strangers, on the checked-in corpus and on mutations of it. `make fuzz` searches further.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, sync::LazyLock};

use allynet_tests::fuzz::{TARGETS, Target};
use proptest::{collection::vec, prelude::*, sample::Index};

/// Each target with its inputs.
static CORPUS: LazyLock<Vec<(Target, Vec<Vec<u8>>)>> =
    LazyLock::new(|| TARGETS.iter().map(|(name, target)| (*target, corpus(name))).collect());

/// The inputs of a target.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).expect(name);
    let inputs: Vec<_> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!inputs.is_empty(), "{name} has no corpus");
    inputs
}

/// The functions that read what a client sends, as `module::function`: those in `crates/wire/src/input` that take a JSON value.
fn parsers() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wire/src/input");
    let mut parsers = Vec::new();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let (module, text) = (file.file_stem().unwrap().to_string_lossy(), fs::read_to_string(&file).unwrap());
        let functions = text.lines().filter_map(|line| line.strip_prefix("pub fn ")?.split_once('('));
        let takes_json =
            |parameters: &str| ["body: ", "query: ", "payload: "].iter().any(|name| parameters.starts_with(name));
        parsers.extend(functions.filter(|(_, rest)| takes_json(rest)).map(|(name, _)| format!("{module}::{name}")));
    }
    parsers
}

#[test]
fn every_function_that_reads_what_a_client_sends_is_called() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/src/lib.rs");
    let targets = fs::read_to_string(targets).unwrap();
    let parsers = parsers();
    assert!(parsers.len() > 30, "they are looked for in the wrong place: {parsers:?}");
    let missing: Vec<_> = parsers.iter().filter(|parser| !targets.contains(&format!("{parser}(&"))).collect();
    assert!(missing.is_empty(), "no fuzz target calls {missing:?}");
}

#[test]
fn every_target_is_built_by_cargo_fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).expect(name);
        assert!(program.contains(&format!("allynet_fuzz::{name}(bytes)")), "{name} calls another target");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is missing in Cargo.toml");
    }
}

#[test]
fn every_input_of_the_corpus_is_survived() {
    for (target, inputs) in &*CORPUS {
        for input in inputs {
            target(input);
        }
    }
}

proptest! {
    #[test]
    fn mutations_of_the_corpus_are_survived(
        which in any::<Index>(), edits in vec((any::<Index>(), any::<u8>(), 0..3_u8), 0..8), cut in any::<Index>()
    ) {
        for (target, inputs) in &*CORPUS {
            let mut input = inputs[which.index(inputs.len())].clone();
            for (at, byte, edit) in &edits {
                if input.is_empty() {
                    break;
                }
                let at = at.index(input.len());
                match edit {
                    0 => input[at] = *byte,
                    1 => input.insert(at, *byte),
                    _ => drop(input.remove(at)),
                }
            }
            target(&input);
            target(&input[..cut.index(input.len() + 1)]);
        }
    }
}
