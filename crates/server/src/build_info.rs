//! What this program was built from: version, commit and day.

use allynet_rest::Build;

/// One line for `--version`: the version, and what is known besides.
pub(crate) const VERSION_LINE: &str = env!("ALLYNET_VERSION_LINE");

/// What this program was built from.
pub(crate) const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: known(env!("ALLYNET_BUILD_COMMIT")),
    date: known(env!("ALLYNET_BUILD_DATE")),
};

/// The build script writes what it does not know as an empty text.
const fn known(text: &'static str) -> Option<&'static str> {
    if text.is_empty() { None } else { Some(text) }
}
