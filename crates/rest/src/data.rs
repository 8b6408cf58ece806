//! The `data` of answers: names and counts around what the wire crate renders. Nothing is shown or hidden here.

use allynet_domain::{ContactId, EmergencyId, MessageId, UserId};
use allynet_wire::{
    timeline::Entry,
    views::{ContactView, EmergencyView, MessageView, NearbyHelperView},
};
use serde::Serialize;

macro_rules! shapes {
    ($($name:ident $(<$life:lifetime>)? { $($field:ident: $type:ty),+ $(,)? })+) => {$(
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name $(<$life>)? {
            $(pub(crate) $field: $type,)+
        }
    )+};
}

shapes! {
    Health { success: bool, status: &'static str }

    Contacts<'a> { contacts: Vec<ContactView<'a>> }
    Contact<'a> { contact: ContactView<'a> }
    ContactDeleted { contact_id: ContactId, deleted: bool }

    Presence { on_duty: u32, connected: u32, fresh: u32 }

    Emergencies<'a> { emergencies: Vec<EmergencyView<'a>> }
    NearbyEmergencies<'a> { emergencies: Vec<EmergencyView<'a>>, count: usize }
    EmergencyList<'a> { emergencies: Vec<EmergencyView<'a>>, next_cursor: Option<String> }
    EmergencyDeleted { emergency_id: EmergencyId, deleted: bool }
    NearbyHelpers<'a> { helpers: Vec<NearbyHelperView<'a>>, count: usize }
    Timeline<'a> { events: Vec<Entry<'a>> }
    Rated { emergency_id: EmergencyId, helper_id: UserId, score: u8 }
    Reported { emergency_id: EmergencyId, reported: bool }

    Messages<'a> { messages: Vec<MessageView<'a>> }
    Message<'a> { message: MessageView<'a> }
    MessageDeleted { message_id: MessageId, deleted: bool }
}
