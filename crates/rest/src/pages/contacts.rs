//! The pages on which emergency contacts agree to messages, and on which an address stops messages. They work without a script.
//!
//! A GET changes nothing: mail programs and scanners open links by themselves. The POST of the form does, and that of the button of
//! mail programs (RFC 8058), whose body says nothing more.

use allynet_domain::{
    Consent, ContactState, Locale,
    port::{LinkPurpose, StopTarget},
    usecase::contacts::{self, ContactPorts, full_name},
};
use axum::{extract::State, http::StatusCode, response::Response};

use super::html::{PageLocale, PageToken, fill, page};
use crate::answer::Answer;

const TEMPLATE: &str = include_str!("contact.html");
const FORM: &str = include_str!("contact_form.html");
/// No script, and forms to this service only.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

pub(super) async fn ask_to_confirm(
    State(cx): State<ContactPorts>,
    PageLocale(locale): PageLocale,
    PageToken(token): PageToken,
) -> Answer {
    let found = look_up(&cx, LinkPurpose::ConfirmContact, token).await?;
    Ok(found.map_or_else(|| unknown(locale), |consent| consent_page(locale, &consent, true)))
}

pub(super) async fn confirm(
    State(cx): State<ContactPorts>,
    PageLocale(locale): PageLocale,
    PageToken(token): PageToken,
) -> Answer {
    let Some(token) = token else { return Ok(unknown(locale)) };
    let confirmed = contacts::confirm(&cx, &token).await?;
    Ok(confirmed.map_or_else(|| unknown(locale), |consent| consent_page(locale, &consent, false)))
}

pub(super) async fn ask_to_stop(
    State(cx): State<ContactPorts>,
    PageLocale(locale): PageLocale,
    PageToken(token): PageToken,
) -> Answer {
    let target = token.as_ref().and_then(|token| contacts::stop_target(&cx, token));
    if matches!(target, Some(StopTarget::Alerts(_))) {
        return Ok(ask_to_stop_alerts(locale));
    }
    let found = look_up(&cx, LinkPurpose::StopContact, token).await?;
    Ok(match found.map(|consent| consent.state) {
        None => unknown(locale),
        Some(ContactState::Stopped) => stopped(locale),
        Some(ContactState::Invited | ContactState::Confirmed | ContactState::Undeliverable) => match locale {
            Locale::English => show(
                locale,
                "Stop messages",
                "This address will never again be sent a message because somebody named it as an emergency contact.",
                Some("Stop all messages"),
            ),
            Locale::German => show(
                locale,
                "Nachrichten beenden",
                "An diese Adresse wird nie mehr eine Nachricht gesendet, weil jemand sie als Notfallkontakt angegeben hat.",
                Some("Alle Nachrichten beenden"),
            ),
        },
    })
}

fn ask_to_stop_alerts(locale: Locale) -> Response {
    match locale {
        Locale::English => show(
            locale,
            "Stop alerts by email",
            "This address will never again be sent an alert, whichever account has it. If the account is yours, you can also turn \
             alerts by email off in the app, and on again.",
            Some("Stop alerts by email"),
        ),
        Locale::German => show(
            locale,
            "Alarme per E-Mail beenden",
            "An diese Adresse wird nie mehr ein Alarm gesendet, zu welchem Konto auch immer sie gehört. Wenn es Ihr Konto ist, \
             können Sie Alarme per E-Mail auch in der App aus- und wieder einschalten.",
            Some("Alarme per E-Mail beenden"),
        ),
    }
}

pub(super) async fn stop(
    State(cx): State<ContactPorts>,
    PageLocale(locale): PageLocale,
    PageToken(token): PageToken,
) -> Answer {
    let Some(token) = token else { return Ok(unknown(locale)) };
    Ok(match contacts::stop(&cx, &token).await? {
        Some(StopTarget::Contact(_)) => stopped(locale),
        Some(StopTarget::Alerts(_)) => alerts_stopped(locale),
        None => unknown(locale),
    })
}

fn alerts_stopped(locale: Locale) -> Response {
    match locale {
        Locale::English => show(locale, "Alerts by email stopped", "No alert is sent to this address any more.", None),
        Locale::German => {
            show(locale, "Alarme per E-Mail beendet", "An diese Adresse wird kein Alarm mehr gesendet.", None)
        }
    }
}

async fn look_up(
    cx: &ContactPorts,
    purpose: LinkPurpose,
    token: Option<String>,
) -> allynet_domain::port::Result<Option<Consent>> {
    match token {
        Some(token) => contacts::look_up(cx, purpose, &token).await,
        None => Ok(None),
    }
}

/// The page of a consent, with a form if it is `asked` for.
fn consent_page(locale: Locale, consent: &Consent, asked: bool) -> Response {
    let owner = full_name(&consent.first_name, consent.last_name.as_ref());
    match (consent.state, locale) {
        (ContactState::Stopped, _) => stopped(locale),
        (ContactState::Confirmed, Locale::English) => {
            show(locale, "Thank you", &format!("You are an emergency contact of {owner}."), None)
        }
        (ContactState::Confirmed, Locale::German) => {
            show(locale, "Vielen Dank", &format!("Sie sind ein Notfallkontakt von {owner}."), None)
        }
        (ContactState::Invited | ContactState::Undeliverable, Locale::English) => show(
            locale,
            "Emergency contact",
            &format!("{owner} would like you to get an email when {owner} calls for help, with the place."),
            asked.then_some("I agree"),
        ),
        (ContactState::Invited | ContactState::Undeliverable, Locale::German) => show(
            locale,
            "Notfallkontakt",
            &format!("{owner} möchte, dass Sie eine E-Mail mit dem Ort bekommen, sobald {owner} Hilfe ruft."),
            asked.then_some("Ich bin einverstanden"),
        ),
    }
}

fn stopped(locale: Locale) -> Response {
    match locale {
        Locale::English => {
            show(locale, "Messages stopped", "Nothing more is sent to this address, whoever names it.", None)
        }
        Locale::German => show(
            locale,
            "Nachrichten beendet",
            "An diese Adresse wird nichts mehr gesendet, wer auch immer sie angibt.",
            None,
        ),
    }
}

/// The same for every token that is unknown, whatever the reason.
pub(super) fn unknown(locale: Locale) -> Response {
    let (title, text) = match locale {
        Locale::English => ("Link not valid", "This link is unknown or not valid any more."),
        Locale::German => ("Link ungültig", "Dieser Link ist unbekannt oder gilt nicht mehr."),
    };
    render(StatusCode::NOT_FOUND, locale, title, text, None)
}

fn show(locale: Locale, title: &str, text: &str, button: Option<&str>) -> Response {
    render(StatusCode::OK, locale, title, text, button)
}

fn render(status: StatusCode, locale: Locale, title: &str, text: &str, button: Option<&str>) -> Response {
    let mut html = fill(TEMPLATE, &[("lang", locale.as_str()), ("title", title), ("text", text)]);
    if let Some(button) = button {
        html.push_str(&fill(FORM, &[("button", button)]));
    }
    page(status, POLICY, locale, html)
}
