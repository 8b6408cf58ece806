//! The `data` objects of REST answers: keys and counts around the views. Masking happens in the views, not here.

use allynet_domain::{
    CellCoverage, ContactId, DeviceId, EmergencyId, MessageId, ResourceId, Score, SessionId, UserId, grid::COARSE_CELL,
    usecase::readiness::ReadinessProblem,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    documents::schema::Word,
    timeline::Entry,
    views::{
        AccessEntryView, BlockView, ContactView, DeletedEmergencyView, DeviceView, EmergencyView, ListedEmergencyView,
        MessageView, NearResourceView, ResourceView, SessionView,
    },
};

macro_rules! shapes {
    ($($(#[$attribute:meta])* $name:ident $(<$life:lifetime>)? {
        $($(#[$of_field:meta])* $field:ident: $type:ty),+ $(,)?
    })+) => {$(
        #[derive(Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        $(#[$attribute])*
        pub struct $name $(<$life>)? {
            $($(#[$of_field])* pub $field: $type,)+
        }
    )+};
}

shapes! {
    /// Resources around a place.
    Resources<'a> {
        /// Nearest first.
        #[schemars(length(max = 500))]
        resources: Vec<NearResourceView<'a>>,
        /// Their number.
        count: usize,
    }
    /// A resource.
    #[schemars(rename = "ResourceData")]
    Resource<'a> {
        /// The resource.
        resource: ResourceView<'a>,
    }
    /// A deleted resource.
    ResourceDeleted {
        /// Its id.
        #[schemars(with = "Uuid")]
        resource_id: ResourceId,
        /// Always true.
        deleted: bool,
    }
    /// The answer of the probe for liveness.
    Liveness {
        /// Always true.
        success: bool,
        /// Always `ok`.
        #[schemars(length(max = 20))]
        status: &'static str,
    }
    /// That the process answers, and what it was built from.
    Health {
        /// Always true.
        success: bool,
        /// Always `ok`.
        #[schemars(length(max = 20))]
        status: &'static str,
        /// The version of the service.
        #[schemars(length(max = 50))]
        version: &'static str,
        /// The commit that it was built from, abbreviated; null if it is not known.
        #[schemars(length(max = 50))]
        commit: Option<&'static str>,
        /// The day on which it was built, in UTC: `2026-11-28`; null if it is not known.
        #[schemars(length(max = 50))]
        built_at: Option<&'static str>,
    }
    /// Whether this node can serve requests.
    Readiness {
        /// False with status 503.
        success: bool,
        /// `ok`, or what is wrong.
        #[schemars(length(max = 100))]
        status: &'static str,
        /// The state of the database.
        #[schemars(length(max = 100))]
        database: &'static str,
        /// The state of Redis; `null` if the node uses none.
        #[schemars(length(max = 100))]
        redis: Option<&'static str>,
    }

    /// The emergency contacts of the caller.
    #[schemars(rename = "ContactList")]
    Contacts<'a> {
        /// In their order.
        #[schemars(length(max = 10))]
        contacts: Vec<ContactView<'a>>,
    }
    /// One emergency contact.
    #[schemars(rename = "ContactData")]
    Contact<'a> {
        /// The contact.
        contact: ContactView<'a>,
    }
    /// A contact was deleted.
    ContactDeleted {
        /// The contact.
        #[schemars(with = "Uuid")]
        contact_id: ContactId,
        /// Always true.
        deleted: bool,
    }

    /// The blocks that the caller made.
    #[schemars(rename = "BlockList")]
    Blocks<'a> {
        /// Oldest first.
        #[schemars(length(max = 100))]
        blocks: Vec<BlockView<'a>>,
    }
    /// One block.
    #[schemars(rename = "BlockData")]
    Block<'a> {
        /// The block.
        block: BlockView<'a>,
    }
    /// A block was deleted.
    BlockDeleted {
        /// The id in the path.
        id: Uuid,
        /// Always true, also if there was no such block.
        deleted: bool,
    }

    /// The key under which browsers subscribe.
    PushKey {
        /// A point of P-256, uncompressed, in base64url without padding.
        #[schemars(length(min = 87, max = 87))]
        public_key: String,
    }
    /// The devices of the caller.
    #[schemars(rename = "DeviceList")]
    Devices<'a> {
        /// Newest first.
        #[schemars(length(max = 10))]
        devices: Vec<DeviceView<'a>>,
    }
    /// One device.
    #[schemars(rename = "DeviceData")]
    Device<'a> {
        /// The device.
        device: DeviceView<'a>,
    }
    /// A device was removed.
    DeviceDeleted {
        /// The device.
        #[schemars(with = "Uuid")]
        device_id: DeviceId,
        /// Always true.
        deleted: bool,
    }
    /// A receipt was read, whether or not it was valid.
    ReceiptTaken {
        /// Always true.
        received: bool,
    }

    /// The sessions of the caller.
    #[schemars(rename = "SessionList")]
    Sessions<'a> {
        /// Last used first.
        #[schemars(length(max = 100))]
        sessions: Vec<SessionView<'a>>,
    }
    /// A session was ended.
    SessionDeleted {
        /// The session.
        #[schemars(with = "Uuid")]
        session_id: SessionId,
        /// Always true.
        deleted: bool,
    }
    /// When administrators have read exact places of the caller.
    AccessLog {
        /// Newest first.
        #[schemars(length(max = 1000))]
        entries: Vec<AccessEntryView>,
    }

    /// Whether alerts can reach the caller, and if not, why.
    HelperReadiness {
        /// True without problems.
        ready: bool,
        /// What stands in the way of alerts.
        #[schemars(with = "Vec<Word<ReadinessProblem>>", length(max = 10))]
        problems: Vec<ReadinessProblem>,
    }
    /// The helpers of the whole service.
    #[schemars(rename = "HelperPresence")]
    Presence {
        /// Helpers on duty.
        on_duty: u32,
        /// Those of them who are connected.
        connected: u32,
        /// Those of them with a position that is recent enough for an alert.
        fresh: u32,
    }

    /// Where helpers are available.
    Coverage {
        /// The size of a cell, in metres.
        cell: u32,
        /// The cells with an available helper, from south to north.
        #[schemars(length(max = 1_000_000))]
        cells: Vec<CoveredCell>,
    }
    /// A cell, and the available helpers in it.
    CoveredCell {
        /// The centre of the cell: degrees north (WGS 84).
        #[schemars(range(min = -90.0, max = 90.0))]
        latitude: f64,
        /// Degrees east (WGS 84).
        #[schemars(range(min = -180.0, max = 180.0))]
        longitude: f64,
        /// The number of helpers; `null` if there are one or two.
        on_duty: Option<u32>,
    }

    /// Emergencies.
    #[schemars(rename = "EmergencyListing")]
    Emergencies<'a> {
        /// Newest first.
        #[schemars(length(max = 100))]
        emergencies: Vec<EmergencyView<'a>>,
    }
    /// Live emergencies near a place.
    NearbyEmergencies<'a> {
        /// Nearest first.
        #[schemars(length(max = 100))]
        emergencies: Vec<EmergencyView<'a>>,
        /// The length of the list.
        count: usize,
    }
    /// A page of emergencies, for administrators.
    EmergencyList<'a> {
        /// Newest first.
        #[schemars(length(max = 100))]
        emergencies: Vec<ListedEmergencyView<'a>>,
        /// The cursor of the next page; `null` on the last one.
        #[schemars(length(max = 200))]
        next_cursor: Option<String>,
    }
    /// A page of records of deleted emergencies, for administrators.
    DeletedEmergencyList<'a> {
        /// Last deleted first.
        #[schemars(length(max = 100))]
        emergencies: Vec<DeletedEmergencyView<'a>>,
        /// The cursor of the next page; `null` on the last one.
        #[schemars(length(max = 200))]
        next_cursor: Option<String>,
    }
    /// An emergency was deleted.
    EmergencyDeleted {
        /// The emergency.
        #[schemars(with = "Uuid")]
        emergency_id: EmergencyId,
        /// Always true.
        deleted: bool,
    }
    /// The events of an emergency.
    Timeline<'a> {
        /// In the order in which they happened.
        #[schemars(length(max = 1000))]
        events: Vec<Entry<'a>>,
    }
    /// A helper was rated.
    Rated {
        /// The emergency.
        #[schemars(with = "Uuid")]
        emergency_id: EmergencyId,
        /// The helper.
        #[schemars(with = "Uuid")]
        helper_id: UserId,
        /// The score, from 1 to 5.
        #[schemars(with = "u8", range(min = 1, max = 5))]
        score: Score,
        /// Whether it changed the helper's trust: only the first of a pair of users does.
        counted: bool,
    }
    /// Another user was reported.
    Reported {
        /// The emergency.
        #[schemars(with = "Uuid")]
        emergency_id: EmergencyId,
        /// Always true.
        reported: bool,
    }

    /// Messages of an emergency.
    #[schemars(rename = "MessageList")]
    Messages<'a> {
        /// Oldest first.
        #[schemars(length(max = 100))]
        messages: Vec<MessageView<'a>>,
    }
    /// One message.
    #[schemars(rename = "MessageData")]
    Message<'a> {
        /// The message.
        message: MessageView<'a>,
    }
    /// A message was deleted.
    MessageDeleted {
        /// The message.
        #[schemars(with = "Uuid")]
        message_id: MessageId,
        /// Always true.
        deleted: bool,
    }
}

impl From<&allynet_domain::Coverage> for Coverage {
    fn from(coverage: &allynet_domain::Coverage) -> Self {
        let cell = |of: CellCoverage| CoveredCell {
            latitude: of.centre.latitude(),
            longitude: of.centre.longitude(),
            on_duty: of.on_duty,
        };
        Self { cell: COARSE_CELL, cells: coverage.cells().into_iter().map(cell).collect() }
    }
}
