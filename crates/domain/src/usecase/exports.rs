//! The export of an account: all that is stored of a user, gathered from the ports that hold it, with its bounds.

use std::sync::Arc;

use crate::{
    AccessEntry, Contact, Device, Emergency, Error, MAX_ACCESS_ENTRIES, MAX_LISTED_SESSIONS, SessionOverview,
    Timestamp, UserBlock, UserId,
    port::{self, ExportedRecords, Fix, HistoryPage},
};

/// Maximum number of emergencies in an export.
const MAX_EXPORTED_EMERGENCIES: usize = 1_000;
/// Maximum number of records of each other kind.
const MAX_EXPORTED_RECORDS: u32 = 10_000;
/// Number of emergencies that are read at once.
const EMERGENCIES_PER_PAGE: u32 = 200;

/// The ports that hold something of a user, besides the account.
#[derive(Clone)]
pub struct ExportPorts {
    /// Who has read exact places.
    pub access_log: Arc<dyn port::AccessLog>,
    /// Blocks between users.
    pub blocks: Arc<dyn port::Blocks>,
    /// Emergency contacts.
    pub contacts: Arc<dyn port::Contacts>,
    /// Devices.
    pub devices: Arc<dyn port::Devices>,
    /// Emergencies.
    pub emergencies: Arc<dyn port::Emergencies>,
    /// Records that only an export shows as a whole.
    pub exports: Arc<dyn port::Exports>,
    /// Positions.
    pub positions: Arc<dyn port::Positions>,
    /// Sessions.
    pub sessions: Arc<dyn port::Sessions>,
}

/// All that is stored of a user, besides the account. Lists are newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountExport {
    /// The emergency contacts.
    pub contacts: Vec<Contact>,
    /// The users that the user blocks.
    pub blocks: Vec<UserBlock>,
    /// The sessions, the expired ones included.
    pub sessions: Vec<SessionOverview>,
    /// The devices.
    pub devices: Vec<Device>,
    /// The emergencies that the user raised.
    pub emergencies: Vec<Emergency>,
    /// Records that only an export shows as a whole.
    pub records: ExportedRecords,
    /// When administrators have read exact places of the user.
    pub access_log: Vec<AccessEntry>,
    /// The last position.
    pub position: Option<Fix>,
}

/// Reads all that is stored of a user, whatever the user may do at present: blocked users have this right, too.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn export(cx: &ExportPorts, user: UserId) -> Result<AccountExport, Error> {
    Ok(AccountExport {
        contacts: cx.contacts.list(user).await?,
        blocks: cx.blocks.list(user).await?.unwrap_or_default(),
        sessions: cx.sessions.list(user, Timestamp::UNIX_EPOCH, MAX_LISTED_SESSIONS).await?,
        devices: cx.devices.list(user).await?,
        emergencies: own_emergencies(cx, user).await?,
        records: cx.exports.records(user, MAX_EXPORTED_RECORDS).await?,
        access_log: cx.access_log.entries(user, MAX_ACCESS_ENTRIES).await?,
        position: cx.positions.last(user).await?,
    })
}

async fn own_emergencies(cx: &ExportPorts, user: UserId) -> Result<Vec<Emergency>, Error> {
    let (mut own, mut before) = (Vec::new(), None);
    while own.len() < MAX_EXPORTED_EMERGENCIES {
        let page = HistoryPage { user, status: None, before, limit: EMERGENCIES_PER_PAGE };
        let found = cx.emergencies.history(&page).await?;
        // A page holds all that were created at the time of its last one.
        before = found.last().map(|emergency| emergency.call().created_at);
        let is_last = found.len() < EMERGENCIES_PER_PAGE as usize;
        own.extend(found.into_iter().filter(|emergency| emergency.owner() == user));
        if is_last {
            break;
        }
    }
    own.truncate(MAX_EXPORTED_EMERGENCIES);
    Ok(own)
}
