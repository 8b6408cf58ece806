//! What the words of the interface mean: values of enumerations, reasons of refusals, codes of failed events.

/// The tables that are also read by people. A test compares them with the code that refuses.
const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// The meaning of a value of an enumeration of the domain; `None` for an unknown one, which a test finds.
pub(super) fn meaning_of_value(enumeration: &str, value: &str) -> Option<&'static str> {
    VALUES.iter().find(|row| (row.0, row.1) == (enumeration, value)).map(|row| row.2)
}

/// Enumeration, value, meaning.
#[rustfmt::skip] // One row per value.
const VALUES: &[(&str, &str, &str)] = &[
    ("EmergencyStatus", "active", "live; no helper counts as help"),
    ("EmergencyStatus", "responding", "live; a helper is on the way or there"),
    ("EmergencyStatus", "resolved", "ended by the owner, a responding helper, an administrator, or its age"),
    ("EmergencyStatus", "cancelled", "ended by the owner as a false alarm"),
    ("ResolutionType", "user_resolved", "by the owner"),
    ("ResolutionType", "helper_resolved", "by a responding helper; can be reopened for a while"),
    ("ResolutionType", "admin_resolved", "by an administrator"),
    ("ResolutionType", "auto_expired", "by the service, because it was live for a day"),
    ("EmergencyType", "medical", "illness or injury"),
    ("EmergencyType", "safety", "a threat, such as being followed"),
    ("EmergencyType", "accident", "in traffic, at work, at home"),
    ("EmergencyType", "assault", "violence"),
    ("EmergencyType", "natural_disaster", "flood, storm, earthquake, fire"),
    ("EmergencyType", "other", "anything else"),
    ("Priority", "low", "can wait"),
    ("Priority", "medium", "help is needed"),
    ("Priority", "high", "help is needed soon"),
    ("Priority", "critical", "life is at stake; also rings helpers in quiet hours, unless they let nothing through"),
    ("ResponseStatus", "responding", "has accepted"),
    ("ResponseStatus", "on_way", "is on the way"),
    ("ResponseStatus", "arrived", "is there"),
    ("ResponseStatus", "completed", "has done what was to do, and may respond elsewhere; `helper-active` shows this emergency until it ends, or one that they respond to since"),
    ("ResponseStatus", "cancelled", "has given it up, or may not help any more"),
    ("ResourceState", "collected", "the helper has it and is on the way with it"),
    ("ResourceState", "missing", "it is not there: the helper gets another task, and the box counts as reported missing"),
    ("ResourceState", "delivered", "it is at the place of the emergency"),
    ("TeamRole", "patient", "go to the patient"),
    ("TeamRole", "companion", "go to the person who called, and stay with them"),
    ("TeamRole", "aed", "fetch the defibrillator and bring it"),
    ("TeamRole", "guide", "wait for the ambulance or the police, and lead them"),
    ("TeamRole", "support", "support the helpers at the place"),
    ("TeamRole", "standby", "go there, and do what is asked for"),
    ("RoleReason", "accepted", "the first task"),
    ("RoleReason", "better", "help or a defibrillator is there a minute sooner, or a box is on the way"),
    ("RoleReason", "vacated", "another helper does not come any more, or a place has become free"),
    ("RoleReason", "resource_missing", "the box cannot be brought: it is not there, or another one is at the place"),
    ("StandDownReason", "enough_helpers", "two others are there, and this helper is expected in more than 5 minutes"),
    ("StandDownReason", "too_late", "expected in more than 20 minutes; two others are there, or are expected 10 minutes sooner"),
    ("Role", "user", "may raise emergencies"),
    ("Role", "helper", "asked to be a helper; whether they may help is in `helper.verification`"),
    ("Role", "admin", "an administrator"),
    ("Verification", "pending", "an administrator has not decided yet"),
    ("Verification", "verified", "may help"),
    ("Verification", "rejected", "may not help"),
    ("HelperPolicy", "verified", "only helpers whom an administrator verified"),
    ("HelperPolicy", "open", "every account that was not rejected"),
    ("PlaceBeforeAccept", "exact", "the exact place, except of anonymous owners"),
    ("PlaceBeforeAccept", "approximate", "the centre of a cell of 200 m or, for helpers who were not alerted, of 1,000 m"),
    ("Tier", "public", "not checked"),
    ("Tier", "registered", "the identity was checked"),
    ("Tier", "professional", "the identity and a profession in rescue or medicine were checked"),
    ("Transport", "foot", "on foot"),
    ("Transport", "bike", "by bicycle"),
    ("Transport", "car", "by car"),
    ("Breakthrough", "none", "none"),
    ("Breakthrough", "critical", "those with `priority: critical` or a severity of 8 and more, but not in a pause"),
    ("Breakthrough", "all", "all, but not in a pause"),
    ("Availability", "on_duty", "wants alerts, and may help"),
    ("Availability", "quiet", "in quiet hours"),
    ("Availability", "paused", "in a pause"),
    ("Availability", "off_duty", "the duty switch is off, or the account may not help"),
    ("ContactTrigger", "created", "when an emergency is raised"),
    ("ContactTrigger", "unanswered", "when it is unanswered for the first time"),
    ("ContactState", "invited", "was sent an invitation, or is about to be; is told nothing yet"),
    ("ContactState", "confirmed", "has agreed, and is told of emergencies"),
    ("ContactState", "stopped", "wants no emails of this service"),
    ("ContactState", "undeliverable", "emails to the address come back"),
    ("NoticeState", "queued", "an email is about to be sent"),
    ("NoticeState", "sent", "a mail server took the email"),
    ("NoticeState", "failed", "the address cannot be reached, or sending was given up"),
    ("NoticeState", "seen", "the contact pressed \"I have read this\""),
    ("NoticeState", "acting", "the contact pressed \"I am with them\" or \"I have called the emergency number\""),
    ("DeviceKind", "webpush", "Web Push: browsers, installed web apps, UnifiedPush on Android"),
    ("DeviceState", "active", "pushes are sent to it"),
    ("DeviceState", "failing", "the last pushes failed, or the service has another key since: subscribe and register again"),
    ("DeviceLoss", "gone", "the push service does not know the subscription any more"),
    ("DeviceLoss", "moved", "another user registered the same browser"),
    ("DeviceLoss", "limit", "the user has ten newer or better devices"),
    ("DeviceLoss", "key_changed", "the service has another push key: subscribe and register again"),
    ("AccessKind", "emergency", "the emergency, also in the answer to a change of it"),
    ("AccessKind", "list", "a list of emergencies"),
    ("AccessKind", "timeline", "the timeline"),
    ("AccessKind", "helpers", "the helpers of the emergency, with their distances"),
    ("AccessKind", "room", "events over a socket"),
    ("Reason", "gain", "the alert is worth its price"),
    ("Reason", "minimum", "too few helpers were asked"),
    ("SendChannel", "webpush", "Web Push"),
    ("SendChannel", "email", "email"),
    ("SendChannel", "webhook", "a gateway for SMS or calls"),
    ("ReceiptState", "delivered", "the device has it"),
    ("ReceiptState", "seen", "a person opened the notification"),
    ("ReadinessProblem", "no_device", "no device is registered for pushes (`POST /api/v1/devices`): alerts arrive only while an app is connected"),
    ("ReadinessProblem", "device_failing", "pushes to every device fail: subscribe and register again"),
    ("ReadinessProblem", "position_old", "there is no position of the last day: report one (`location:update`)"),
    ("ReadinessProblem", "unverified", "the account may not help (yet): an administrator has to verify it"),
    ("ReadinessProblem", "quiet_now", "in quiet hours"),
    ("ReadinessProblem", "paused", "in a pause"),
    ("ReadinessProblem", "never_tested", "no device has ever confirmed a push: test one (`POST /api/v1/devices/{deviceId}/test`)"),
    ("ReadinessProblem", "skill_expired", "a skill that was checked has expired"),
    ("ResourceKind", "aed", "a defibrillator"),
    ("ResourceKind", "naloxone", "a kit against an overdose of opioids"),
    ("ResourceKind", "first_aid_kit", "a first-aid kit"),
    ("ResourceKind", "extinguisher", "a fire extinguisher"),
    ("ResourceKind", "other", "anything else that helps"),
    ("ReportedState", "missing", "it is not where it should be"),
    ("ReportedState", "unusable", "it is there and does not work"),
    ("ReportedState", "moved", "it is somewhere else now, as the note says"),
    ("ReportedState", "ok", "it is there and works"),
    ("ResourceAccess", "public", "everybody"),
    ("ResourceAccess", "customers", "customers of the place"),
    ("ResourceAccess", "private", "who is let in"),
    ("ResourceAccess", "unknown", "not known"),
    ("ResourceStatus", "available", "it is where it should be"),
    ("ResourceStatus", "missing", "it was not found there"),
    ("ResourceStatus", "unusable", "it is there and does not work"),
    ("ResourceSource", "manual", "entered by an administrator"),
    ("ResourceSource", "osm", "OpenStreetMap"),
    ("Locale", "en", "English"),
    ("Locale", "de", "German"),
];

/// The meaning of a reason with a status; of several, if it has several.
pub(super) fn meaning_of_reason(status: u16, reason: &str) -> String {
    let status = status.to_string();
    let rows = rows().filter(|cells| cells.len() == 4 && cells[0] == reason && cells[1] == status);
    let meanings: Vec<_> = rows.map(|cells| cells[2]).collect();
    // Pages of the manual refer to each other as files; the service has them below `/docs`.
    meanings.join("; ").replace("](limits.md", "](/docs/limits")
}

/// The meaning of the code of a failed event.
pub(super) fn meaning_of_code(code: &str) -> Option<&'static str> {
    rows().find(|cells| cells.len() == 3 && cells[0] == code).map(|cells| cells[1])
}

/// The rows of the tables, as their cells. The first cell is a constant.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    ERRORS.lines().filter_map(|line| line.strip_prefix("| `")).map(|line| {
        let cells = line.trim_end_matches('|').split(" | ");
        cells
            .enumerate()
            .map(|(index, cell)| if index == 0 { cell.trim_end_matches('`') } else { cell.trim() })
            .collect()
    })
}

/// A list of words with their meanings, in Markdown.
pub(super) fn list<'a>(words: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let lines: Vec<_> = words.into_iter().map(|(word, meaning)| format!("`{word}`: {meaning}")).collect();
    match lines.as_slice() {
        [only] => only.clone(),
        lines => lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"),
    }
}
