//! The pages that show the documents, as `make pages` wrote them. Without Node.js there are none, and one page says so.

use std::borrow::Cow;

use axum::{body::Bytes, http::HeaderMap, response::Response};
use rust_embed::RustEmbed;

use crate::file::File;

/// Nothing from another host, no inline script.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Swagger UI sets styles of elements, and has icons in its style sheet.
const SWAGGER_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>AllyNet</title>\n\
<h1>The pages are not part of this build</h1>\n\
<p>The documents are: <a href=\"/api/openapi.json\">OpenAPI</a> and <a href=\"/api/asyncapi.json\">AsyncAPI</a>. \
To build the pages that show them, install Node.js, run <code>make pages</code>, and build the service again.</p>\n</html>\n";

#[derive(RustEmbed)]
#[folder = "pages"]
#[exclude = ".gitignore"]
struct Embedded;

/// The pages, ready to be served.
pub(crate) struct Pages {
    files: Vec<(String, File)>,
    not_built: File,
}

impl Pages {
    /// Reads the pages that this binary holds.
    pub(crate) fn embedded() -> Self {
        let names = Embedded::iter().filter(|name| extension(name) != "gz");
        let files = names.filter_map(|name| {
            let plain = bytes(Embedded::get(&name)?.data);
            let compressed = Embedded::get(&format!("{name}.gz")).map(|file| bytes(file.data));
            let policy = match name.as_ref() {
                "docs/index.html" => Some(SWAGGER_POLICY),
                page if is_page(page) => Some(POLICY),
                _ => None,
            };
            Some((name.to_string(), File::compressed(content_type(&name), policy, plain, compressed)))
        });
        let not_built = File::new("text/html; charset=utf-8", Some(POLICY), NOT_BUILT.into());
        Self { files: files.collect(), not_built }
    }

    /// Answers with a page, or with the one that says how to build it.
    pub(crate) fn page(&self, name: &str, request: &HeaderMap) -> Response {
        self.find(name).unwrap_or(&self.not_built).answer(request)
    }

    /// Answers with a file that a page loads; `None` if there is none of this name.
    pub(crate) fn file(&self, name: &str, request: &HeaderMap) -> Option<Response> {
        self.find(name).filter(|_| !is_page(name)).map(|file| file.answer(request))
    }

    fn find(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|(known, _)| known == name).map(|(_, file)| file)
    }
}

/// What the binary holds is not copied.
fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

fn extension(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

fn is_page(name: &str) -> bool {
    extension(name) == "html"
}

fn content_type(name: &str) -> &'static str {
    match extension(name) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
