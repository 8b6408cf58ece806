//! One route for the OpenAPI document: what it takes, what it answers, and each reason for which it refuses.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::limits::{self, Excess, Limit};

/// Makes the schema of a type, or a reference to it.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A status, and the constant that says why a request was refused.
pub(super) type Reason = (u16, &'static str);

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Callers with a valid access token.
    Token,
}

/// What an answer consists of.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// `{success: true, message?, data}`; `None` for `data: null`.
    Data(Option<SchemaOf>),
    /// As `Data`, but `data` may be null.
    DataOrNull(SchemaOf),
    /// JSON without an envelope.
    Json(SchemaOf),
    /// A page or a file of this type.
    File(&'static str),
}

/// A route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) access: Access,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<SchemaOf>,
    pub(super) form: bool,
    pub(super) answers: Vec<(u16, &'static str, Content)>,
    /// When it answers 429 besides the rate limits.
    pub(super) pause: &'static str,
    refusals: Vec<Reason>,
}

pub(super) const EMERGENCY_NOT_FOUND: Reason = (404, "emergency_not_found");
pub(super) const USER_NOT_FOUND: Reason = (404, "user_not_found");
pub(super) const NOT_AUTHORIZED: Reason = (403, "not_authorized");
pub(super) const EMERGENCY_ENDED: Reason = (409, "emergency_ended");
pub(super) const CONTENDED: Reason = (503, "contended");
pub(super) const RATE_LIMITED: Reason = (429, "rate_limited");
const INVALID_INPUT: Reason = (400, "invalid_input");
/// Of routes with a token.
const WITH_TOKEN: [Reason; 4] =
    [(401, "token_missing"), (401, "token_invalid"), (401, "token_expired"), (403, "account_blocked")];
/// Of routes with a body.
const WITH_BODY: [Reason; 5] = [
    INVALID_INPUT,
    (400, "invalid_json"),
    (408, "request_timeout"),
    (413, "body_too_large"),
    (415, "unsupported_media_type"),
];
/// Of every route that does more than send a file.
pub(super) const OF_THE_SERVICE: [Reason; 2] = [(500, "internal"), (503, "unavailable")];

/// The schema of a type.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Route {
    /// A route that needs a token and answers nothing yet.
    pub(super) const fn new(method: &'static str, path: &'static str, id: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            tag: "",
            summary: "",
            description: "",
            access: Access::Token,
            query: None,
            body: None,
            form: false,
            answers: Vec::new(),
            pause: "",
            refusals: Vec::new(),
        }
    }

    /// A title of a few words, and sentences that explain it.
    pub(super) const fn says(mut self, summary: &'static str, description: &'static str) -> Self {
        self.summary = summary;
        self.description = description;
        self
    }

    /// Belongs to this group.
    pub(super) const fn tagged(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Needs no token.
    pub(super) const fn open(mut self) -> Self {
        self.access = Access::Open;
        self
    }

    /// Takes a query.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(of::<T>);
        self
    }

    /// Takes a body.
    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(of::<T>);
        self
    }

    /// Takes the form of a page.
    pub(super) const fn form(mut self) -> Self {
        self.form = true;
        self
    }

    /// Answers with data.
    pub(super) fn answers<T: JsonSchema>(self, status: u16, meaning: &'static str) -> Self {
        self.with(status, meaning, Content::Data(Some(of::<T>)))
    }

    /// Answers with data or null.
    pub(super) fn may_answer<T: JsonSchema>(self, meaning: &'static str) -> Self {
        self.with(200, meaning, Content::DataOrNull(of::<T>))
    }

    /// Answers with `data: null`.
    pub(super) fn confirms(self, meaning: &'static str) -> Self {
        self.with(200, meaning, Content::Data(None))
    }

    /// Answers with JSON that has no envelope.
    pub(super) fn json<T: JsonSchema>(self, meaning: &'static str) -> Self {
        self.with(200, meaning, Content::Json(of::<T>))
    }

    /// Answers with a file.
    pub(super) fn file(self, media_type: &'static str, meaning: &'static str) -> Self {
        self.with(200, meaning, Content::File(media_type))
    }

    pub(super) fn with(mut self, status: u16, meaning: &'static str, content: Content) -> Self {
        self.answers.push((status, meaning, content));
        self
    }

    /// Refuses for these reasons, besides those that follow from its kind ([`Self::reasons`]).
    pub(super) fn refuses(mut self, reasons: &[Reason]) -> Self {
        self.refusals.extend(reasons);
        self
    }

    /// Answers 429 by a rule that holds whether or not there are rate limits.
    pub(super) fn pauses(self, when: &'static str) -> Self {
        Self { pause: when, ..self }.refuses(&[RATE_LIMITED])
    }

    /// The rate limits that count its requests.
    pub(super) fn limits(&self) -> &'static [Limit] {
        limits::of_route(self.method, self.path).unwrap_or_default()
    }

    /// Every reason for which it refuses, in growing order.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        let sends_file = self.answers.iter().all(|(_, _, content)| matches!(content, Content::File(_)));
        let is_limited = self.limits().iter().any(|limit| limit.excess() == Excess::Refused);
        let mut all = self.refusals.clone();
        let kinds: [(bool, &[Reason]); 5] = [
            (self.access == Access::Token, &WITH_TOKEN),
            (self.body.is_some(), &WITH_BODY),
            (self.query.is_some(), &[INVALID_INPUT]),
            (is_limited, &[RATE_LIMITED]),
            (!sends_file, &OF_THE_SERVICE),
        ];
        for (_, reasons) in kinds.iter().filter(|(applies, _)| *applies) {
            all.extend(*reasons);
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}
