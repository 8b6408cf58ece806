//! The pages that this binary holds, as `make pages` wrote them. Without Node.js there are none, and one page says so.

use std::borrow::Cow;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue},
    response::Response,
};
use rust_embed::RustEmbed;

use crate::file::File;

/// Content codings, the smallest first, and how the names of files in that form end.
const CODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

#[derive(RustEmbed)]
#[folder = "pages"]
struct Embedded;

/// The pages of one folder, ready to be served.
pub(crate) struct Pages {
    files: Vec<(String, File)>,
    not_built: File,
}

impl Pages {
    /// Reads the pages in `folder`, which ends with a slash, of those that this binary holds. `policy` gives the
    /// `Content-Security-Policy` of a page; `not_built` is the page that stands in for one that is missing.
    pub(crate) fn embedded(folder: &str, policy: impl Fn(&str) -> HeaderValue, not_built: &'static str) -> Self {
        let names = Embedded::iter().filter(|name| name.starts_with(folder) && !is_compressed(name));
        let files = names.filter_map(|name| {
            let plain = bytes(Embedded::get(&name)?.data);
            let encoded = CODINGS.iter().filter_map(|(coding, ending)| {
                Embedded::get(&format!("{name}.{ending}")).map(|file| (*coding, bytes(file.data)))
            });
            let short = name[folder.len()..].to_owned();
            let policy = is_page(&short).then(|| policy(&short));
            let file = File::compressed(content_type(&name), policy, plain, encoded.collect());
            Some((short, file))
        });
        let not_built = File::new("text/html; charset=utf-8", Some(policy("")), not_built.into());
        Self { files: files.collect(), not_built }
    }

    /// The same; files whose path begins with `prefix` have a hash of their content in their names.
    pub(crate) fn with_hashed_names(self, prefix: &str) -> Self {
        let files = self.files.into_iter().map(|(name, file)| {
            let file = if name.starts_with(prefix) { file.immutable() } else { file };
            (name, file)
        });
        Self { files: files.collect(), ..self }
    }

    /// Answers with a page, or with the one that says how to build it.
    pub(crate) fn page(&self, name: &str, request: &HeaderMap) -> Response {
        self.find(name).unwrap_or(&self.not_built).answer(request)
    }

    /// Answers with a page; `None` if there is none of this name.
    pub(crate) fn existing_page(&self, name: &str, request: &HeaderMap) -> Option<Response> {
        self.find(name).map(|file| file.answer(request))
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

fn is_compressed(name: &str) -> bool {
    CODINGS.iter().any(|(_, ending)| extension(name) == *ending)
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
        "webmanifest" => "application/manifest+json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
