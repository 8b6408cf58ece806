//! The payloads: those of the service for the emergencies of the fan-out scenario, byte for byte.

/// The id in all of them.
pub(crate) const EMERGENCY: &str = "01890000-0000-7000-8000-000000000000";

/// The event that opens a session.
pub(crate) const READY: (&str, &str) = (
    "session:ready",
    r#"{"userId":"0a000000-0000-7000-8000-000000000001","rooms":["helpers"],"latestEventId":1,"serverTime":"2026-01-01T00:00:00.000000Z"}"#,
);

/// The event of an emergency that was raised.
pub(crate) const CREATED: (&str, &str) = (
    "emergency:created",
    r#"{"emergency":{"id":"01890000-0000-7000-8000-000000000000","type":"medical","category":null,"description":"Somebody fell down the stairs and does not answer","location":{"latitude":52.52,"longitude":13.405,"address":"Alexanderplatz 1, Berlin","description":null},"priority":"high","severity":5,"status":"active","createdAt":"2026-01-01T00:00:00.000000Z","anonymousMode":false,"silentMode":false,"user":{"id":"0a000000-0000-7000-8000-000000000001","profile":{"firstName":"Somebody","lastName":"Else"}}},"nearbyHelperCount":0,"eventId":10000}"#,
);

/// The event of its end.
pub(crate) const ENDED: (&str, &str) = (
    "emergency:ended",
    r#"{"emergencyId":"01890000-0000-7000-8000-000000000000","status":"cancelled","timestamp":"2026-01-01T00:00:00.000000Z","eventId":10000}"#,
);

/// The answer to a request.
pub(crate) fn answer() -> String {
    format!(
        r#"{{"success":true,"data":{{"emergency":{{"id":"{EMERGENCY}","_id":"{EMERGENCY}","type":"medical","status":"active"}},"nearbyHelperCount":0}}}}"#
    )
}
