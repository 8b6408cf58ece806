//! The page on which a forgotten password is replaced. It contains no token: its script reads that from the link.

use allynet_domain::Locale;
use axum::{http::StatusCode, response::Response};

use super::html::{PageLocale, file, fill, page as respond};

const TEMPLATE: &str = include_str!("reset_password.html");
/// One script, one style sheet and one request to this service.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; \
                      frame-ancestors 'none'; base-uri 'none'";

pub(super) async fn page(PageLocale(locale): PageLocale) -> Response {
    respond(StatusCode::OK, POLICY, locale, fill(TEMPLATE, texts(locale)))
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("reset_password.js"))
}

const fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("title", "Choose a new password"),
            ("noscript", "This page needs JavaScript."),
            ("label", "New password, at least 8 characters"),
            ("button", "Save"),
            ("done", "Your password is changed. You are logged out everywhere: log in with the new password."),
            ("invalid", "This link is not valid any more. Request another one in the app."),
            ("wrong", "The password must be 8 to 128 characters long."),
            ("failed", "That did not work. Please try again."),
        ],
        Locale::German => &[
            ("lang", "de"),
            ("title", "Neues Passwort wählen"),
            ("noscript", "Diese Seite braucht JavaScript."),
            ("label", "Neues Passwort, mindestens 8 Zeichen"),
            ("button", "Speichern"),
            (
                "done",
                "Ihr Passwort ist geändert. Sie sind überall abgemeldet: Melden Sie sich mit dem neuen Passwort an.",
            ),
            ("invalid", "Dieser Link gilt nicht mehr. Fordern Sie in der App einen neuen an."),
            ("wrong", "Das Passwort muss 8 bis 128 Zeichen lang sein."),
            ("failed", "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal."),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_page_exists_in_both_languages() {
        let names: Vec<_> = TEMPLATE.split("{{").skip(1).filter_map(|part| part.split("}}").next()).collect();
        for locale in Locale::ALL {
            for name in &names {
                assert!(texts(*locale).iter().any(|(known, text)| known == name && !text.is_empty()), "{name}");
            }
        }
    }
}
