//! The page of an emergency for a contact that was told of it: who, where, whether helpers are coming, and nothing else. It works
//! without a script, in old browsers too.
//!
//! A GET changes nothing: mail programs and scanners open links by themselves. The POST of a button does.

use allynet_domain::{
    ContactAction, ContactPage, Locale, Text,
    usecase::{
        contact_notices::{self, ContactPagePorts},
        contacts::full_name,
    },
};
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    contacts::{POLICY, unknown},
    html::{PageLocale, PageToken, fill, page},
};
use crate::{answer::Answer, input::FormBody};

const TEMPLATE: &str = include_str!("emergency.html");
const PARAGRAPH: &str = include_str!("emergency_text.html");
const FORM: &str = include_str!("emergency_form.html");

pub(super) async fn show(
    State(cx): State<ContactPagePorts>,
    PageLocale(locale): PageLocale,
    PageToken(token): PageToken,
) -> Answer {
    let Some(token) = token else { return Ok(unknown(locale)) };
    let found = contact_notices::page(&cx, &token).await?;
    Ok(found.map_or_else(|| unknown(locale), |found| render(locale, &found)))
}

pub(super) async fn act(
    State(cx): State<ContactPagePorts>,
    PageLocale(locale): PageLocale,
    PageToken(token): PageToken,
    body: FormBody,
) -> Answer {
    let Some(token) = token else { return Ok(unknown(locale)) };
    let action = body.value("action").and_then(|action| action.parse().ok());
    let found = match action {
        Some(action) => contact_notices::act(&cx, &token, action).await?,
        // Not one of the buttons.
        None => contact_notices::page(&cx, &token).await?,
    };
    Ok(found.map_or_else(|| unknown(locale), |found| render(locale, &found)))
}

fn render(locale: Locale, emergency: &ContactPage) -> Response {
    let ContactPage { first_name, last_name, location, status, helpers, actions, .. } = emergency;
    let owner = full_name(first_name, last_name.as_ref());
    let is_live = status.is_live();
    let (title, state) = title_and_state(locale, &owner, is_live);
    let words = [&location.address, &location.description].into_iter().flatten().map(Text::as_str);
    let words = words.collect::<Vec<_>>().join(" · ");
    let (latitude, longitude) = (location.position.latitude(), location.position.longitude());
    let (geo, place) = (format!("geo:{latitude:.6},{longitude:.6}"), format!("{latitude:.5}, {longitude:.5}"));
    let place_label = match locale {
        Locale::English => "Place",
        Locale::German => "Ort",
    };
    let mut html = fill(
        TEMPLATE,
        &[
            ("lang", locale.as_str()),
            ("title", &title),
            ("state", state),
            ("where", place_label),
            ("words", &words),
            ("geo", &geo),
            ("place", &place),
        ],
    );
    if is_live {
        html.push_str(&fill(PARAGRAPH, &[("text", &coming(locale, *helpers))]));
        for action in ContactAction::ALL {
            let (button, said) = texts(locale, *action);
            if actions.contains(action) {
                html.push_str(&fill(PARAGRAPH, &[("text", said)]));
            } else if emergency.may_say(*action) {
                html.push_str(&fill(FORM, &[("action", action.as_str()), ("button", button)]));
            }
        }
    }
    page(StatusCode::OK, POLICY, locale, html)
}

fn title_and_state(locale: Locale, owner: &str, is_live: bool) -> (String, &'static str) {
    match (locale, is_live) {
        (Locale::English, true) => (format!("{owner} needs help"), "The emergency is not over."),
        (Locale::English, false) => (format!("{owner} needed help"), "The emergency is over."),
        (Locale::German, true) => (format!("{owner} braucht Hilfe"), "Der Notfall ist nicht vorbei."),
        (Locale::German, false) => (format!("{owner} brauchte Hilfe"), "Der Notfall ist vorbei."),
    }
}

fn coming(locale: Locale, helpers: u32) -> String {
    match (locale, helpers) {
        (Locale::English, 0) => "No helper is coming yet.".to_owned(),
        (Locale::English, 1) => "One helper is coming or there.".to_owned(),
        (Locale::English, _) => format!("{helpers} helpers are coming or there."),
        (Locale::German, 0) => "Noch ist kein Helfer unterwegs.".to_owned(),
        (Locale::German, 1) => "Ein Helfer ist unterwegs oder da.".to_owned(),
        (Locale::German, _) => format!("{helpers} Helfer sind unterwegs oder da."),
    }
}

/// The button of an action, and what is shown in its place afterwards.
const fn texts(locale: Locale, action: ContactAction) -> (&'static str, &'static str) {
    match (locale, action) {
        (Locale::English, ContactAction::WithOwner) => ("I am with them", "You said that you are with them."),
        (Locale::English, ContactAction::CalledNumber) => {
            ("I have called the emergency number", "You said that you have called the emergency number.")
        }
        (Locale::English, ContactAction::Read) => ("I have read this", "You said that you have read this."),
        (Locale::German, ContactAction::Read) => {
            ("Ich habe das gelesen", "Sie haben mitgeteilt, dass Sie das gelesen haben.")
        }
        (Locale::German, ContactAction::WithOwner) => ("Ich bin dort", "Sie haben mitgeteilt, dass Sie dort sind."),
        (Locale::German, ContactAction::CalledNumber) => {
            ("Ich habe den Notruf gewählt", "Sie haben mitgeteilt, dass Sie den Notruf gewählt haben.")
        }
    }
}
