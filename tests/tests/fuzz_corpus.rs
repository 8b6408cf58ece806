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
