//! JSON Schemas of what the domain owns: its enumerations, ids and values. The domain itself knows no schemas.

use std::{borrow::Cow, marker::PhantomData};

use allynet_domain::StringEnum;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use uuid::Uuid;

use super::words;

/// The schema of an enumeration of the domain.
pub(crate) struct Word<T>(PhantomData<T>);

impl<T: StringEnum> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let meaning =
            |word: &&'static str| (*word, words::meaning_of_value(T::NAME, word).unwrap_or_default().to_owned());
        json_schema!({
            "type": "string", "enum": T::SPELLINGS, "description": words::list(T::SPELLINGS.iter().map(meaning)),
        })
    }
}

/// Every code of a [`crate::socket::Failure`].
const FAILURE_CODES: [&str; 8] = [
    "invalid_payload",
    "emergency_not_found",
    "not_authorized",
    "unknown_event",
    "rate_limited",
    "token_expired",
    "account_blocked",
    "internal",
];

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident = $schema:tt;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

texts! {
    /// A time zone of the IANA database.
    TimeZone = { "type": "string", "maxLength": 64, "examples": ["Europe/Berlin"] };
    /// 65 octets in base64url without padding: a point of P-256, uncompressed.
    PointOfCurve = { "type": "string", "pattern": "^B[A-P][A-Za-z0-9_-]{84}[AEIMQUYcgkosw048]$" };
    /// 16 octets in base64url without padding.
    AuthSecret = { "type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$" };
    /// A time in the years that the service accepts. No leap second.
    Time = { "type": "string", "format": "date-time", "pattern": "^(19[7-9][0-9]|2[01][0-9]{2}|2200)-" };
    /// A message or a time.
    MessageOrTime = {
        "anyOf": [{ "type": "string", "format": "uuid" }, {
            "type": "string", "format": "date-time", "pattern": "^(19[7-9][0-9]|2[01][0-9]{2}|2200)-",
        }],
    };
    /// An `http` or `https` URL, or nothing.
    UrlOrNothing = { "type": "string", "maxLength": 2000, "pattern": "^(https?://.*|\\s*)$" };
    /// A time of day.
    ClockTime = { "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" };
    /// 32 octets in base64url without padding.
    Receipt = { "type": "string", "pattern": "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$", "examples": ["BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"] };
    /// The word `deleted`.
    Deleted = { "const": "deleted" };
    /// What somebody is to an emergency: the owner, a helper, or the service itself.
    SenderRole = { "type": "string", "enum": ["creator", "helper", "system"] };
    /// What the recipient of a direct message is to the emergency.
    RecipientRole = { "type": "string", "enum": ["creator", "helper"] };
}

/// Why a client event was refused.
pub(crate) struct FailureCode;

impl JsonSchema for FailureCode {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("FailureCode")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let meaning = |code: &'static str| (code, words::meaning_of_code(code).unwrap_or_default().to_owned());
        json_schema!({
            "type": "string", "enum": FAILURE_CODES, "description": words::list(FAILURE_CODES.map(meaning)),
        })
    }
}

/// The id of a resource.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Id {
    /// The id.
    id: Uuid,
    /// The same id, in REST answers and messages.
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Uuid")]
    legacy: Option<Uuid>,
}

/// The id of a user that the viewer may not know.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PersonId {
    /// The id; `null` where the viewer may not know it.
    id: Option<Uuid>,
    /// The same id, in REST answers.
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    legacy: Option<Uuid>,
}

/// A place on Earth (WGS 84).
#[derive(Serialize, JsonSchema)]
pub(crate) struct Position {
    /// Degrees north.
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
}

/// Channels by which a helper may be reached if no device confirms an alert.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NotifyChannels {
    /// Email.
    email: bool,
    /// SMS or a call.
    sms: bool,
}

/// A weekly window on the clock. One that ends at an earlier time than it begins ends the next day.
#[derive(Serialize, JsonSchema)]
pub(crate) struct QuietWindow {
    /// The days on which it begins, from 1 (Monday) to 7 (Sunday).
    #[schemars(length(min = 1, max = 7), inner(range(min = 1, max = 7)))]
    days: Vec<u8>,
    /// When it begins.
    #[schemars(with = "ClockTime")]
    from: (),
    /// When it ends. Not equal to `from`.
    #[schemars(with = "ClockTime")]
    to: (),
}

/// A text that a client sends: at most `MAX` characters without U+0000. White space at its ends is removed.
pub(crate) struct Text<const MAX: usize>;

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Text{MAX}"))
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX, "pattern": "^[^\\u0000]*$" })
    }
}

/// As [`Text`], with a character that is not white space.
pub(crate) struct RequiredText<const MAX: usize>;

impl<const MAX: usize> JsonSchema for RequiredText<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("RequiredText{MAX}"))
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX, "pattern": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$" })
    }
}

/// A name: at most `MAX` characters on one line, with a visible one.
pub(crate) struct Name<const MAX: usize>;

impl<const MAX: usize> JsonSchema for Name<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Name{MAX}"))
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^[^\\u0000-\\u001F\\u007F-\\u009F\\u2028\\u2029]*$";
        json_schema!({ "type": "string", "maxLength": MAX, "pattern": pattern })
    }
}
