//! Routes of helpers, devices and administrators.

use crate::{
    data,
    documents::{
        requests::{
            AccountBlock, AdminQuery, HelperChange, HelpersQuery, NewDevice, PositionReport, PushReceipt,
            VerificationChange,
        },
        route::{NOT_AUTHORIZED, Reason, Route, USER_NOT_FOUND},
    },
    socket::Located,
    views::{DeletedEmergencyView, Helper, HelperList, ListedEmergencyView, User},
};

const NOT_A_HELPER: Reason = (403, "not_a_helper");
const DEVICE_NOT_FOUND: Reason = (404, "device_not_found");
const PUSH_NOT_CONFIGURED: Reason = (501, "push_not_configured");

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/helpers/me", "ownHelperRecord")
            .says(
                "Read the caller's helper record",
                "No event tells that an administrator verified or rejected the helper: read it when the app is shown, and after \
                 each `session:ready`. A helper who may help and is on duty then gets alerts at once, without connecting again. Refused for an \
                 account that never asked to be a helper, also where the policy `open` lets it help.",
            )
            .answers::<Helper<'_>>(200, "The record, with the alert preferences.")
            .refuses(&[NOT_A_HELPER]),
        Route::new("PUT", "/api/v1/helpers/me", "changeHelperRecord")
            .says(
                "Become a helper, or change duty, skills, transport and alert preferences",
                "A new helper is on duty (`available`), and is alerted once an administrator has verified them; under the policy `open` at once. \
                 `available: false` ends alerts, also for an account that never asked for them.",
            )
            .body::<HelperChange>()
            .answers::<Helper<'_>>(200, "The record as it is now."),
        Route::new("PUT", "/api/v1/helpers/me/location", "reportPosition")
            .says(
                "Report where the caller is",
                "As the event `location:update`. Owner, responding helpers and dispatchers of an emergency are sent it while the caller's status there \
                 is `responding` or `on_way`; after that they see the distance at most. Under the policy `open` an account whose \
                 position is known is alerted, unless it is off duty.",
            )
            .body::<PositionReport>()
            .answers::<Located>(200, "The position, and whether it is the newest one now."),
        Route::new("GET", "/api/v1/helpers/me/readiness", "readiness")
            .says(
                "Ask whether alerts can reach the caller",
                "A problem does not always prevent alerts: without a device they still arrive over a connection.",
            )
            .answers::<data::HelperReadiness>(200, "What stands in the way.")
            .refuses(&[NOT_A_HELPER]),
    ]
}

pub(super) fn devices() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/push/key", "pushKey")
            .says("Read the key under which browsers subscribe", "`applicationServerKey` of `pushManager.subscribe`.")
            .open()
            .answers::<data::PushKey>(200, "The public key.")
            .refuses(&[PUSH_NOT_CONFIGURED]),
        Route::new("GET", "/api/v1/devices", "listDevices")
            .says("List the caller's devices", "")
            .answers::<data::Devices<'_>>(200, "Newest first."),
        Route::new("POST", "/api/v1/devices", "registerDevice")
            .says("Register a Web Push subscription", "One per session: a new endpoint replaces the old one.")
            .body::<NewDevice>()
            .answers::<data::Device<'_>>(201, "The device.")
            .answers::<data::Device<'_>>(200, "The caller had registered this endpoint before.")
            .refuses(&[(409, "endpoint_taken"), (409, "push_key_changed"), PUSH_NOT_CONFIGURED]),
        Route::new("DELETE", "/api/v1/devices/{deviceId}", "removeDevice")
            .says("Remove a device", "")
            .answers::<data::DeviceDeleted>(200, "No push is sent to it any more.")
            .refuses(&[DEVICE_NOT_FOUND]),
        Route::new("POST", "/api/v1/devices/{deviceId}/test", "testDevice")
            .says("Send a test alert to a device", "")
            .pauses("More than one test of a device in 5 seconds, or ten in an hour.")
            .answers::<data::Device<'_>>(202, "A push is on its way.")
            .refuses(&[DEVICE_NOT_FOUND, PUSH_NOT_CONFIGURED]),
        Route::new("POST", "/api/v1/alerts/receipts", "confirmPush")
            .says(
                "Confirm a push",
                "For service workers. The answer is the same for an unknown, used or expired receipt.",
            )
            .open()
            .body::<PushReceipt>()
            .answers::<data::ReceiptTaken>(200, "The receipt was read."),
    ]
}

pub(super) fn administration() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/helpers", "listHelpers")
            .says("List helpers", "For administrators.")
            .query::<HelpersQuery>()
            .answers::<HelperList<'_>>(200, "A page of accounts with a helper record, oldest first.")
            .refuses(&[NOT_AUTHORIZED]),
        Route::new("GET", "/api/v1/helpers/presence", "helperPresence")
            .says("Count helpers", "For administrators.")
            .answers::<data::Presence>(200, "The numbers.")
            .refuses(&[NOT_AUTHORIZED]),
        Route::new("GET", "/api/v1/admin/coverage", "coverage")
            .says(
                "Count available helpers by place",
                "For administrators, in cells of 1,000 m. One or two helpers are not counted.",
            )
            .answers::<data::Coverage>(200, "The cells with an available helper.")
            .refuses(&[NOT_AUTHORIZED]),
        Route::new("PUT", "/api/v1/helpers/{userId}/verification", "verifyHelper")
            .says(
                "Verify or reject a helper",
                "For administrators, with what was checked. A rejected helper drops out of every emergency.",
            )
            .body::<VerificationChange>()
            .answers::<User<'_>>(200, "The account as it is now.")
            .refuses(&[NOT_AUTHORIZED, USER_NOT_FOUND]),
        Route::new("PUT", "/api/v1/helpers/{userId}/block", "blockAccount")
            .says(
                "Block an account, or unblock it",
                "For administrators. The tokens of a blocked account stop working at once.",
            )
            .body::<AccountBlock>()
            .answers::<User<'_>>(200, "The account as it is now.")
            .refuses(&[NOT_AUTHORIZED, USER_NOT_FOUND]),
        Route::new("GET", "/api/v1/helpers/{userId}/blocks", "listBlocksOf")
            .says("List the users that a user blocked", "For administrators.")
            .answers::<data::Blocks<'_>>(200, "Oldest first.")
            .refuses(&[NOT_AUTHORIZED, USER_NOT_FOUND]),
        Route::new("GET", "/api/v1/admin/emergencies", "listEmergencies")
            .says("List all emergencies", "For administrators. `status=deleted` lists records of deleted ones.")
            .query::<AdminQuery>()
            .answers::<EmergencyPage<'_>>(200, "A page, newest first.")
            .refuses(&[NOT_AUTHORIZED]),
    ]
}

/// A page of emergencies, for administrators. With `status=deleted` it has records of deleted emergencies, otherwise none.
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the answer")]
struct EmergencyPage<'a> {
    /// Newest first; deleted ones by when they were deleted.
    #[schemars(length(max = 100))]
    emergencies: Vec<EmergencyOrRecord<'a>>,
    /// The cursor of the next page; `null` on the last one.
    #[schemars(length(max = 200))]
    next_cursor: Option<String>,
}

/// An emergency, or the record of a deleted one: `status` tells.
#[derive(schemars::JsonSchema)]
#[schemars(untagged, extend("discriminator" = {
    "propertyName": "status",
    "mapping": {
        "active": "#/components/schemas/ListedEmergency",
        "responding": "#/components/schemas/ListedEmergency",
        "resolved": "#/components/schemas/ListedEmergency",
        "cancelled": "#/components/schemas/ListedEmergency",
        "deleted": "#/components/schemas/DeletedEmergency",
    },
}))]
#[expect(dead_code, reason = "it only describes the answer")]
enum EmergencyOrRecord<'a> {
    Emergency(Box<ListedEmergencyView<'a>>),
    Record(DeletedEmergencyView<'a>),
}
