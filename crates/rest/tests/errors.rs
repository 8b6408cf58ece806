//! `docs/errors.md` against the tables in the code: nothing missing, nothing that is gone, and the same status.

use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../docs/errors.md");
const PROBLEMS: &str = include_str!("../../wire/src/problem.rs");
const SOCKETS: &str = include_str!("../../wire/src/socket.rs");

/// Every `status, "reason"` in a source text.
fn reasons(source: &str) -> BTreeSet<(String, String)> {
    let quoted = source.split('"').collect::<Vec<_>>();
    let pairs = quoted.windows(2).filter_map(|pair| {
        let status = pair[0].strip_suffix(", ")?;
        let status = status.get(status.len().checked_sub(3)?..)?;
        status.bytes().all(|byte| byte.is_ascii_digit()).then(|| (pair[1].to_owned(), status.to_owned()))
    });
    pairs.collect()
}

/// Every `fixed("…"` in a source text.
fn codes(source: &str) -> BTreeSet<String> {
    let after = source.split("fixed(\"").skip(1);
    after.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// The cells of each row of the tables below a heading, without the head.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()).collect()
}

#[test]
fn every_reason_is_in_the_document_with_its_status() {
    let written = reasons(PROBLEMS);
    assert!(written.len() > 30, "the source reads otherwise than this test expects: {written:?}");
    let documented: BTreeSet<_> = rows("REST").iter().map(|cells| (cells[0].to_owned(), cells[1].to_owned())).collect();
    assert_eq!(written, documented);
}

#[test]
fn every_socket_code_is_in_the_document() {
    let documented: BTreeSet<_> = rows("Socket.IO").iter().map(|cells| cells[0].to_owned()).collect();
    assert_eq!(codes(SOCKETS), documented);
}

#[test]
fn every_row_says_what_it_means_and_when_it_comes() {
    for cells in rows("REST").iter().chain(&rows("Socket.IO")) {
        assert!(cells.len() >= 3 && cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
    }
}
