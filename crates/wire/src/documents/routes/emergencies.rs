//! Routes of emergencies, responses and messages.

use crate::{
    data,
    documents::{
        requests::{
            Cancel, EmergencyChange, HelperStatus, HistoryQuery, MessagesQuery, NearbyQuery, NewMessage, NewRating,
            NewReport, Raise, Resolve, Respond, TimelineQuery,
        },
        route::{CONTENDED, EMERGENCY_ENDED, EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, Reason, Route},
    },
    views::{EmergencyData, EmergencyView, HelpersView, RaisedView},
};

const NOT_A_HELPER: Reason = (403, "not_a_helper");

pub(super) fn routes() -> Vec<Route> {
    let mut all = raising();
    all.extend(reading());
    all.extend(responding());
    all.extend(ending());
    all
}

fn raising() -> Vec<Route> {
    vec![
        Route::new("POST", "/api/v1/emergencies", "raiseEmergency")
            .says(
                "Raise an emergency",
                "Stores the call for help and alerts helpers. Never limited. With a `requestId` it can be repeated until there \
                 is an answer: the same `requestId` of the same user is answered with the emergency that exists.",
            )
            .body::<Raise>()
            .answers::<RaisedView<'_>>(201, "The emergency is stored, and alerts are on their way.")
            .answers::<RaisedView<'_>>(200, "An earlier request with this `requestId` raised it.")
            .refuses(&[(409, "active_emergency_exists"), (409, "request_id_used"), CONTENDED]),
        Route::new("PATCH", "/api/v1/emergencies/{id}", "changeEmergency")
            .says(
                "Change what the emergency is",
                "For the owner, while it is live: raise first, explain then. At most 30 changes a minute, but the first of \
                 `type` and the first of `priority` are never refused. What changes nothing sends no event.",
            )
            .body::<EmergencyChange>()
            .answers::<EmergencyData<'_>>(200, "The emergency as it is now.")
            .pauses("After 30 changes in a minute, but never for the first change of `type` and the first of `priority`.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, EMERGENCY_ENDED, CONTENDED]),
        Route::new("POST", "/api/v1/emergencies/{id}/renew", "renewSearch")
            .says(
                "Ask for more help",
                "For the owner. Searches helpers again, also while one is on the way: no response so far counts as help then.",
            )
            .answers::<EmergencyData<'_>>(200, "Helpers are searched again.")
            .pauses("Less than 30 seconds after the last time, unless the service is set up otherwise.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, EMERGENCY_ENDED, CONTENDED]),
    ]
}

fn reading() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/emergencies/active", "ownEmergency")
            .says("Read the caller's own live emergency", "")
            .may_answer::<EmergencyData<'_>>("The live emergency of which the caller is the owner; `null` without one."),
        Route::new("GET", "/api/v1/emergencies/helper-active", "helpedEmergency")
            .says(
                "Read the emergency that the caller responds to",
                "One that the caller has completed stays until it ends, unless they respond to another one since: their `status` in \
                 `respondingHelpers` tells.",
            )
            .may_answer::<EmergencyData<'_>>("The emergency; `null` without one."),
        Route::new("GET", "/api/v1/emergencies/pending-for-helper", "pendingAlerts")
            .says(
                "List the alerts that the caller may answer",
                "Live emergencies within whose alert radius the caller's last position lies, and that the caller neither raised \
                 nor answered. Empty for a user who is no helper or has no position.",
            )
            .answers::<Vec<EmergencyView<'_>>>(200, "At most 50, nearest first."),
        Route::new("GET", "/api/v1/emergencies/nearby", "emergenciesNearby")
            .says("List live emergencies near a place", "For helpers.")
            .query::<NearbyQuery>()
            .answers::<data::NearbyEmergencies<'_>>(200, "Nearest first.")
            .refuses(&[NOT_A_HELPER]),
        Route::new("GET", "/api/v1/emergencies/history", "history")
            .says("List emergencies that the caller raised or responded to", "")
            .query::<HistoryQuery>()
            .answers::<data::Emergencies<'_>>(200, "Newest first."),
        Route::new("GET", "/api/v1/emergencies/{id}", "readEmergency")
            .says(
                "Read an emergency",
                "For the owner, its helpers and administrators; while it is live, for any helper, with an approximate place if \
                 `placeBeforeAccept` of `GET /api/v1/app/config` says so.",
            )
            .answers::<EmergencyData<'_>>(200, "The emergency, as the caller may see it.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED]),
        Route::new("DELETE", "/api/v1/emergencies/{id}", "deleteEmergency")
            .says("Delete an emergency", "For the owner, once it has ended. Its messages and its events go too.")
            .answers::<data::EmergencyDeleted>(200, "It is deleted.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, (409, "emergency_live"), CONTENDED]),
        Route::new("GET", "/api/v1/emergencies/{id}/helpers", "emergencyHelpers")
            .says(
                "Read the helpers of an emergency",
                "Helpers who respond are listed; those who are available are only counted, so that nobody can be located.",
            )
            .answers::<HelpersView<'_>>(200, "Responses that are not cancelled, and counts of available helpers.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED]),
        Route::new("GET", "/api/v1/emergencies/{id}/timeline", "timeline")
            .says(
                "Read what happened",
                "For the owner, its helpers and administrators. What has a name of a server event is its payload, rendered for the \
                 caller and without `eventId`. Administrators read the messages to all participants here, but no direct ones.",
            )
            .query::<TimelineQuery>()
            .answers::<data::Timeline<'_>>(200, "The events in the order in which they happened.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED]),
    ]
}

fn responding() -> Vec<Route> {
    vec![
        Route::new("POST", "/api/v1/emergencies/{id}/respond", "respond")
            .says(
                "Answer an alert",
                "Accepting makes the caller a participant: `emergency:details` has everything. Declining \
                 is recorded, tells nobody, and stops further alerts. Never limited.",
            )
            .body::<Respond>()
            .pauses(
                "Accepting again after cancelling or completing: at once the first two times, then after 60 seconds, unless the \
                 service is set up otherwise.",
            )
            .answers::<EmergencyData<'_>>(200, "The answer is stored. Repeating it changes nothing.")
            .refuses(&[
                EMERGENCY_NOT_FOUND,
                NOT_A_HELPER,
                (403, "own_emergency"),
                EMERGENCY_ENDED,
                (409, "already_responding"),
                (409, "already_responding_elsewhere"),
                CONTENDED,
            ]),
        Route::new("PUT", "/api/v1/emergencies/{id}/helper-status", "updateHelperStatus")
            .says("Report how far the caller is", "For responding helpers. `cancelled` gives the emergency up.")
            .body::<HelperStatus>()
            .pauses("Reporting the present status again, 30 times in a minute. A step forward and a cancellation never.")
            .answers::<EmergencyData<'_>>(200, "The status is stored.")
            .refuses(&[
                EMERGENCY_NOT_FOUND,
                NOT_AUTHORIZED,
                EMERGENCY_ENDED,
                (409, "invalid_transition"),
                (409, "no_resource"),
                (409, "seen_elsewhere"),
                CONTENDED,
            ]),
    ]
}

fn ending() -> Vec<Route> {
    vec![
        Route::new("POST", "/api/v1/emergencies/{id}/resolve", "resolve")
            .says("End an emergency", "For the owner, responding helpers and administrators.")
            .body::<Resolve>()
            .answers::<EmergencyData<'_>>(200, "It is resolved.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, EMERGENCY_ENDED, CONTENDED]),
        Route::new("POST", "/api/v1/emergencies/{id}/cancel", "cancel")
            .says("Take a false alarm back", "For the owner.")
            .body::<Cancel>()
            .answers::<EmergencyData<'_>>(200, "It is cancelled.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, EMERGENCY_ENDED, CONTENDED]),
        Route::new("POST", "/api/v1/emergencies/{id}/reopen", "reopen")
            .says(
                "Undo an end",
                "After an end by a helper, within 15 minutes: for the owner, a helper whose response was open (once), and \
                 administrators.",
            )
            .answers::<EmergencyData<'_>>(200, "It is live again, and helpers are searched.")
            .refuses(&[
                EMERGENCY_NOT_FOUND,
                NOT_AUTHORIZED,
                (409, "active_emergency_exists"),
                (409, "not_reopenable"),
                CONTENDED,
            ]),
        Route::new("POST", "/api/v1/emergencies/{id}/ratings", "rateHelper")
            .says("Rate a helper", "For the owner, once it is resolved, once per helper.")
            .body::<NewRating>()
            .answers::<data::Rated>(201, "The rating is stored.")
            .refuses(&[
                EMERGENCY_NOT_FOUND,
                NOT_AUTHORIZED,
                (404, "helper_not_found"),
                (409, "emergency_not_resolved"),
                (409, "already_rated"),
                CONTENDED,
            ]),
        Route::new("POST", "/api/v1/emergencies/{id}/report", "reportUser")
            .says("Report the other party", "For the owner and helpers, once per party.")
            .body::<NewReport>()
            .answers::<data::Reported>(201, "Administrators see the report.")
            .refuses(&[
                EMERGENCY_NOT_FOUND,
                NOT_AUTHORIZED,
                (404, "party_not_found"),
                (409, "already_reported"),
                CONTENDED,
            ]),
    ]
}

pub(super) fn messages() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/v1/emergencies/{id}/messages", "listMessages")
            .says(
                "Read messages",
                "For the owner and its helpers, each with the direct messages that they sent or were sent. Administrators take no \
                 part: they read the messages to all participants in the timeline.",
            )
            .query::<MessagesQuery>()
            .answers::<data::Messages<'_>>(200, "Oldest first.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED]),
        Route::new("POST", "/api/v1/emergencies/{id}/messages", "postMessage")
            .says("Send a message", "For the owner and its helpers: to all of them, or to one.")
            .body::<NewMessage>()
            .answers::<data::Message<'_>>(201, "The message is stored.")
            .answers::<data::Message<'_>>(200, "An earlier request with this `requestId` stored it.")
            .refuses(&[
                EMERGENCY_NOT_FOUND,
                NOT_AUTHORIZED,
                EMERGENCY_ENDED,
                (400, "recipient_takes_no_part"),
                CONTENDED,
            ]),
        Route::new("DELETE", "/api/v1/emergencies/{id}/messages/{messageId}", "deleteMessage")
            .says("Delete a message", "For its sender.")
            .answers::<data::MessageDeleted>(200, "It is deleted.")
            .refuses(&[EMERGENCY_NOT_FOUND, NOT_AUTHORIZED, (404, "message_not_found"), CONTENDED]),
    ]
}
