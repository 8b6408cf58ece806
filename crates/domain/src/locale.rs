//! Languages.

use crate::string_enum;

string_enum! {
    /// The language of texts that the service writes.
    Locale {
        English = "en",
        German = "de",
    }
}
