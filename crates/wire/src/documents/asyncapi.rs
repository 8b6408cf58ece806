//! The AsyncAPI document.

use serde_json::{Map, Value, json};

use super::{
    components::{Schemas, VERSION, tidy},
    events::{self, Event, type_name},
    examples, rates,
    requests::HandshakeAuth,
    route::of,
};
use crate::limits;

const DESCRIPTION: &str = "\
Events over Socket.IO 4 (Engine.IO 4): namespace `/emergencies`, path `/socket.io/`. WebSocket, HTTP long-polling and the \
upgrade from polling are supported.

In this document `send` is what the service sends, `receive` what a client sends. What is read and changed by requests is in \
`/api/docs`.

    const socket = io('https://HOST/emergencies', { auth: (give) => give({ token, lastEventId }) });

An event with `eventId` is from the event log: it is delivered in order, and replayed to a client that reconnects with \
`auth.lastEventId`. The others carry current values when these change: none is sent at a connection, nor replayed. Read \
`GET /api/v1/emergencies/{id}` after `session:ready` to have them. Begin with `latestEventId` of the first `session:ready`, and keep the \
greatest `eventId` that was handled.

`rooms` of `session:ready` are those of the connection: `user:{userId}`, `emergency:{id}` of one's live emergencies, and `helpers`, which \
every account is in that may help and is on duty: under the policy `open` all that have not gone off duty, owners and administrators too.

Owners and responding helpers are in the rooms of their emergencies by themselves, at every connection. Others enter a room with \
`emergency:join`, at every connection again, with the `lastEventId` of that emergency.

Administrators follow all emergencies with `dispatcher:join`, at every connection again, and read what is live after it: \
`GET /api/v1/admin/emergencies` with `status=active` and with `status=responding`. They are sent, as administrators and \
once, whatever other rooms they are in: `emergency:created`, `emergency:updated`, `emergency:moved`, `emergency:status_changed`, `emergency:reopened`, \
`emergency:unanswered`, `emergency:resolved`, `emergency:cancelled`, `emergency:ended`, `helper:joined`, `helper:status_update`, \
`helper:role_assigned`, `emergency:alerts` and `helper:location`. What they are shown of places is in the access logs of the users concerned; where that \
cannot be stored, an `error` for `dispatcher:join` says that the room is over.

A refused handshake is a `connect_error` with one of these messages: `Authentication error: No token provided`, \
`Authentication error: Invalid token`, `Authentication error: Token expired` (get new tokens and connect again), \
`Authentication error: Account is inactive or blocked`, `Origin not allowed`, `The service cannot do this right now; try again`. The \
official client does not connect again by itself after these. An event `error` whose `event` is `null` says why the service is \
about to close the connection: `token_expired`, `account_blocked`, or `rate_limited` for the oldest of more than ten.

A client event can have an acknowledgement: `{ok: true, …}` with the fields of its response event, or `{ok: false, error}`. Events \
beyond a limit are refused with `rate_limited` and `retryAfterMs`; a client that continues regardless is disconnected.

No event tells that an administrator has verified a helper: read `GET /api/v1/helpers/me`. Alerts then arrive on the connections \
that are there.

More: [how to use the events](/docs/events), [codes](/docs/errors), [limits](/docs/limits), [requests](/api/docs).";

pub(super) fn document() -> Value {
    let mut schemas = Schemas::new();
    let handshake = of::<HandshakeAuth>(&mut schemas.received).to_value();
    let (sent, received) = (events::sent(&mut schemas), events::received(&mut schemas));
    let mut channel = Channel { schemas: schemas.into_components(), ..Channel::default() };
    for event in &sent {
        channel.add(event, "send");
    }
    for event in &received {
        channel.add(event, "receive");
    }
    let Channel { mut messages, references, operations, schemas: mut components } = channel;
    examples::add(&mut components);
    for message in messages.values_mut() {
        message["examples"] = json!([{ "payload": examples::of_event(&message["payload"], &components) }]);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "AllyNet",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "service": {
                "host": "{host}",
                "variables": { "host": { "default": "localhost:5000", "description": "Where this document comes from." } },
                "pathname": "/socket.io/",
                "protocol": "socket.io",
                "description": "The host and port of the REST interface.",
                "security": [{ "$ref": "#/components/securitySchemes/accessToken" }],
            },
        },
        "channels": {
            CHANNEL: {
                "address": "/emergencies",
                "title": "The namespace of emergencies",
                "messages": references,
                "servers": [{ "$ref": "#/servers/service" }],
                "bindings": { "ws": { "method": "GET", "query": handshake_query(), "bindingVersion": "0.1.0" } },
                "x-handshake-auth": handshake,
            },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": components,
            "securitySchemes": {
                "accessToken": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An access token as `auth.token` of the handshake, or as the query parameter `token`.",
                },
            },
        },
    })
}

/// The only channel: the namespace, which all events share.
const CHANNEL: &str = "emergencies";

/// What the document says of the channel.
#[derive(Default)]
struct Channel {
    messages: Map<String, Value>,
    /// The messages again, as the channel refers to them.
    references: Map<String, Value>,
    operations: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Channel {
    /// Adds an event, which the service sends or receives.
    fn add(&mut self, event: &Event, action: &str) {
        let name = type_name(event.name);
        let payload = self.name_schema(event.payload.clone(), format!("{name}Payload"));
        let message = json!({
            "name": event.name,
            "title": event.name,
            "summary": event.summary,
            "contentType": "application/json",
            "payload": payload,
            "x-event-id": event.is_logged,
        });
        let mut operation = json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{CHANNEL}") },
            "title": event.name,
            "summary": event.summary,
            "messages": [self.add_message(name.clone(), message)],
        });
        if let Some(schema) = &event.acknowledgement {
            let title = format!("Acknowledgement of {}", event.name);
            let message = json!({ "name": event.name, "title": title, "payload": schema });
            operation["reply"] = json!({
                "channel": { "$ref": format!("#/channels/{CHANNEL}") },
                "messages": [self.add_message(format!("{name}Acknowledgement"), message)],
            });
        }
        if action == "receive" {
            operation["description"] = json!(answers_and_limits(event));
            operation["x-rate-limits"] = rates::table(limits::of_event(event.name).limits);
        }
        if let Some(recipients) = event.recipients() {
            operation["description"] = json!(format!("To {recipients}. {}", event.explanation()).trim_end());
        }
        self.operations.insert(format!("{action}{name}"), operation);
    }

    /// Adds a message, and returns a reference to it.
    fn add_message(&mut self, name: String, message: Value) -> Value {
        let reference = json!({ "$ref": format!("#/channels/{CHANNEL}/messages/{name}") });
        self.references.insert(name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
        self.messages.insert(name, message);
        reference
    }

    /// Makes a schema a named one, unless it refers to one already.
    fn name_schema(&mut self, schema: Value, name: String) -> Value {
        if schema.get("$ref").is_some() {
            return schema;
        }
        let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.schemas.insert(name, tidy(schema));
        reference
    }
}

/// How a client event is answered, and how often it may be sent.
fn answers_and_limits(event: &Event) -> String {
    let rule = limits::of_event(event.name);
    let answered = event.response.map(|response| format!("Also answered by `{response}`, or by `error`."));
    let limits = rule.limits.iter().map(|&limit| rates::sentence(limit));
    let exempt = rule.free_for_participants.then(|| "Never limited for participants of the emergency.".to_owned());
    answered.into_iter().chain(limits).chain(exempt).collect::<Vec<_>>().join(" ")
}

fn handshake_query() -> Value {
    json!({
        "type": "object",
        "properties": {
            "token": { "type": "string", "maxLength": 4096, "description": "An access token, if not in `auth.token`." },
        },
    })
}
