//! The `data` objects of REST answers: keys and counts around the views. Masking happens in the views, not here.

use allynet_domain::{
    ContactId, DeviceId, EmergencyId, MessageId, Score, SessionId, UserId, usecase::readiness::ReadinessProblem,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    timeline::Entry,
    views::{
        BlockView, ContactView, DeletedEmergencyView, DeviceView, EmergencyView, ListedEmergencyView, MessageView,
        SessionView,
    },
};

macro_rules! shapes {
    ($($name:ident $(<$life:lifetime>)? { $($field:ident: $type:ty),+ $(,)? })+) => {$(
        #[doc = concat!("`{", $(stringify!($field), ", "),+, "}`, in camel case.")]
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name $(<$life>)? {
            $(
                #[doc = concat!("`", stringify!($field), "`")]
                pub $field: $type,
            )+
        }
    )+};
}

shapes! {
    Health { success: bool, status: &'static str }
    Readiness { success: bool, status: &'static str, database: &'static str, redis: Option<&'static str> }

    Contacts<'a> { contacts: Vec<ContactView<'a>> }
    Contact<'a> { contact: ContactView<'a> }
    ContactDeleted { contact_id: ContactId, deleted: bool }

    Blocks<'a> { blocks: Vec<BlockView<'a>> }
    Block<'a> { block: BlockView<'a> }
    BlockDeleted { id: Uuid, deleted: bool }

    PushKey { public_key: String }
    Devices<'a> { devices: Vec<DeviceView<'a>> }
    Device<'a> { device: DeviceView<'a> }
    DeviceDeleted { device_id: DeviceId, deleted: bool }
    ReceiptTaken { received: bool }

    Sessions<'a> { sessions: Vec<SessionView<'a>> }
    SessionDeleted { session_id: SessionId, deleted: bool }

    HelperReadiness { ready: bool, problems: Vec<ReadinessProblem> }
    Presence { on_duty: u32, connected: u32, fresh: u32 }

    Emergencies<'a> { emergencies: Vec<EmergencyView<'a>> }
    NearbyEmergencies<'a> { emergencies: Vec<EmergencyView<'a>>, count: usize }
    EmergencyList<'a> { emergencies: Vec<ListedEmergencyView<'a>>, next_cursor: Option<String> }
    DeletedEmergencyList<'a> { emergencies: Vec<DeletedEmergencyView<'a>>, next_cursor: Option<String> }
    EmergencyDeleted { emergency_id: EmergencyId, deleted: bool }
    Timeline<'a> { events: Vec<Entry<'a>> }
    Rated { emergency_id: EmergencyId, helper_id: UserId, score: Score, counted: bool }
    Reported { emergency_id: EmergencyId, reported: bool }

    Messages<'a> { messages: Vec<MessageView<'a>> }
    Message<'a> { message: MessageView<'a> }
    MessageDeleted { message_id: MessageId, deleted: bool }
}
