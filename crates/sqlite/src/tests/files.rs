//! Who may read the files of a database.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{database, open};
use crate::Options;

fn modes(folder: &tempfile::TempDir) -> Vec<(String, u32)> {
    let mode = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
    };
    let mut modes: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| mode(entry.unwrap())).collect();
    modes.sort();
    modes
}

#[tokio::test]
async fn only_the_owner_reads_the_files_of_a_new_database() {
    let (_store, folder) = database().await;
    let private = ["allynet.db", "allynet.db-shm", "allynet.db-wal"].map(|name| (name.to_owned(), 0o600));
    assert_eq!(modes(&folder), private);
}

#[tokio::test]
async fn the_file_of_an_older_version_is_closed_to_all_others_but_not_to_its_group() {
    let (store, folder) = database().await;
    store.close().await;
    let file = folder.path().join("allynet.db");
    for (before, after) in [(0o644, 0o640), (0o600, 0o600), (0o660, 0o660)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(before)).unwrap();
        open(&folder, &Options::default()).await.close().await;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, after, "{before:o}");
    }
}
