//! What becomes of the rows of every table: in an export, at the deletion of an account, and with time.

/// How rows of a table belong to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Nothing of any account.
    Nothing,
    /// The id of the account is in a row, which is removed with the account.
    Own,
    /// The id of the account is in a row, which is kept for others, with another id.
    Part,
    /// A row belongs to one of another table, named here, and is removed with it.
    Through(&'static str),
}

/// A table, and what becomes of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The name.
    pub name: &'static str,
    /// Whose rows these are.
    pub holds: Holds,
    /// The field of the export in which its rows are, or why there is none.
    pub export: Export,
    /// When rows are removed.
    pub retention: &'static str,
}

/// Where rows of a table are in an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// In this field.
    Field(&'static str),
    /// Nowhere, because of this.
    Left(&'static str),
}

use Export::{Field, Left};
use Holds::{Nothing, Own, Part, Through};

const NO_PERSON: Export = Left("of no person");
const WORK: Export = Left("state of the service");

const fn table(name: &'static str, holds: Holds, export: Export, retention: &'static str) -> Table {
    Table { name, holds, export, retention }
}

/// All tables, in alphabetical order.
pub const TABLES: &[Table] = &[
    table("access_log", Own, Field("accessLog"), "a year after the retention"),
    table(
        "account",
        Own,
        Field("account"),
        "a row for a deleted account: the retention, unless anything refers to it then",
    ),
    table("account_erasure", Own, WORK, "a minute after the deletion"),
    table("alert", Part, Field("alerts"), "stays: times and numbers"),
    table("alert_mail_stop", Nothing, Left("of an address, not of an account"), "stays: the wish is for good"),
    table("alert_receipt", Through("device"), WORK, "thinning"),
    table("block_key", Nothing, NO_PERSON, "stays"),
    table("contact", Own, Field("contacts"), "stays until the user removes it"),
    table("contact_consent", Own, Field("contacts"), "stays: an address is invited once"),
    table("contact_notice", Through("contact_review"), WORK, "two hours after the end"),
    table("contact_review", Own, WORK, "two hours after the end"),
    table("contact_stop", Nothing, Left("of an address, not of an account"), "stays: the wish is for good"),
    table("database_id", Nothing, NO_PERSON, "stays"),
    table("deleted_emergency", Part, Left("the user deleted it: no text is left"), "the retention"),
    table("delivery", Through("outbox"), WORK, "two days"),
    table("device", Own, Field("devices"), "with its session"),
    table("emergency", Part, Field("emergencies"), "thinning; the rest stays"),
    table("emergency_area", Nothing, WORK, "at the end"),
    table("erasure", Nothing, WORK, "a minute"),
    table(
        "event",
        Part,
        Left("it repeats the records, and the timeline of an emergency has it"),
        "72 hours after the end, or thinning",
    ),
    table("event_retention", Nothing, NO_PERSON, "stays"),
    table("helper_history", Own, Field("helperHistory"), "with the account"),
    table("login_address", Own, Left("hashes without a meaning to a person"), "30 days"),
    table("login_failure", Nothing, Left("hashes without a meaning to a person"), "an hour"),
    table("lost_events", Nothing, NO_PERSON, "stays"),
    table("message", Part, Field("messages"), "thinning"),
    table("message_receipt", Through("delivery"), WORK, "two days"),
    table("message_request", Own, Left("a number of the app"), "with its message"),
    table("outbox", Own, WORK, "two days"),
    table("password_reset", Own, Left("hashes without a meaning to a person"), "a day"),
    table("place_grid", Nothing, NO_PERSON, "stays"),
    table("position", Own, Field("position"), "stays until the next one"),
    table("rating", Part, Field("ratings"), "thinning of the comment; the score stays"),
    table(
        "refresh_presentation",
        Through("session"),
        Left("secrets of the session"),
        "the next refresh, or with its session",
    ),
    table(
        "report",
        Part,
        Field("reports"),
        "stays; about a deleted account: the retention, after the deletion and after the last report",
    ),
    table(
        "reputation_gain",
        Part,
        Left("its sum is in the account"),
        "the retention, or `ALLYNET_TRUST_AGAIN_AFTER` if that is more",
    ),
    table("resource", Nothing, NO_PERSON, "stays until an administrator deletes it"),
    table("resource_report", Own, Field("resourceReports"), "30 days, or when it is settled"),
    table("response", Part, Field("responses"), "thinning of the notes; the rest stays"),
    table("ring", Own, Left("numbers of a limit"), "two days"),
    table(
        "session",
        Own,
        Field("sessions"),
        "the retention after it has expired or was revoked; with a device, it stays",
    ),
    table("user_block", Own, Field("blocks"), "stays until the user removes it, and a day at least"),
    table("write_probe", Nothing, NO_PERSON, "stays"),
];

/// The tables that name an account by its id.
pub fn of_accounts() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().filter(|table| matches!(table.holds, Own | Part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_retention_has_this_table() {
        let page = include_str!("../../docs/retention.md");
        let of_page: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let row = |table: &Table| {
            let deletion = match table.holds {
                Nothing => "nothing of it".to_owned(),
                Own => "removed".to_owned(),
                Part => "kept, as of a former user".to_owned(),
                Through(other) => format!("removed with `{other}`"),
            };
            let export = match table.export {
                Field(field) => format!("`{field}`"),
                Left(why) => format!("no: {why}"),
            };
            format!("| `{}` | {export} | {deletion} | {} |", table.name, table.retention)
        };
        let expected: Vec<_> = TABLES.iter().map(row).collect();
        assert_eq!(of_page, expected, "docs/retention.md should have:\n{}", expected.join("\n"));
    }

    #[test]
    fn every_field_of_an_export_is_of_some_table() {
        let schema = allynet_wire::documents::openapi();
        let fields = &schema["components"]["schemas"]["AccountExport"]["properties"];
        let mut fields: Vec<_> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        let mut of_tables: Vec<_> = TABLES
            .iter()
            .filter_map(|table| match table.export {
                Field(field) => Some(field),
                Left(_) => None,
            })
            .collect();
        fields.sort_unstable();
        of_tables.sort_unstable();
        of_tables.dedup();
        assert_eq!(of_tables, fields);
    }

    #[test]
    fn rows_go_through_tables_of_the_list() {
        for table in TABLES {
            if let Through(other) = table.holds {
                assert!(TABLES.iter().any(|table| table.name == other), "{} goes through {other}", table.name);
            }
        }
    }
}
