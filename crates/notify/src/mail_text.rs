//! The texts of emails, in the language of the recipient.

use std::time::Duration;

use allynet_domain::{
    Locale, Secret, Text,
    port::{ContactAlert, MailContent},
    quiet_hours::shown_time,
};

use crate::text;

/// Subject and text.
pub(crate) fn content(content: &MailContent, locale: Locale) -> (&'static str, String) {
    match (content, locale) {
        (MailContent::PasswordReset { link, valid_for }, Locale::English) => (
            "Reset your password",
            format!(
                "Someone, probably you, asked to reset the password of your AllyNet account.\n\n\
                 To choose a new password, open this link within {} minutes:\n\n{}\n\n\
                 If it was not you, ignore this message. Your password stays as it is.\n",
                minutes(*valid_for),
                link.expose()
            ),
        ),
        (MailContent::PasswordReset { link, valid_for }, Locale::German) => (
            "Passwort zurücksetzen",
            format!(
                "Jemand, vermutlich Sie, möchte das Passwort Ihres AllyNet-Kontos zurücksetzen.\n\n\
                 Um ein neues Passwort zu wählen, öffnen Sie innerhalb von {} Minuten diesen Link:\n\n{}\n\n\
                 Wenn Sie das nicht waren, ignorieren Sie diese Nachricht. Ihr Passwort bleibt, wie es ist.\n",
                minutes(*valid_for),
                link.expose()
            ),
        ),
        (MailContent::ContactInvitation { owner, confirm, stop }, Locale::English) => (
            "Emergency contact",
            format!(
                "{owner} would like to name you as an emergency contact on AllyNet.\n\n\
                 If you agree, you get an email when {owner} calls for help, with the place. You get nothing else. To agree, open \
                 this link:\n\n{}\n\n\
                 If you do not agree, do nothing: nothing more is sent. To never be asked again by anybody, open this \
                 link:\n\n{}\n",
                confirm.expose(),
                stop.expose()
            ),
        ),
        (MailContent::ContactInvitation { owner, confirm, stop }, Locale::German) => (
            "Notfallkontakt",
            format!(
                "{owner} möchte Sie bei AllyNet als Notfallkontakt angeben.\n\n\
                 Wenn Sie einverstanden sind, bekommen Sie eine E-Mail, sobald {owner} Hilfe ruft, mit dem Ort. Sonst bekommen Sie \
                 nichts. Um zuzustimmen, öffnen Sie diesen Link:\n\n{}\n\n\
                 Wenn Sie nicht einverstanden sind, tun Sie nichts: Es wird nichts mehr gesendet. Um von niemandem mehr gefragt zu \
                 werden, öffnen Sie diesen Link:\n\n{}\n",
                confirm.expose(),
                stop.expose()
            ),
        ),
        (MailContent::ContactAlert(alert), _) => contact_alert(alert, locale),
        (MailContent::ContactEnded { owner, stop }, Locale::English) => {
            ("The emergency is over", format!("The emergency of {owner} is over.\n{}", stop_line(stop, locale)))
        }
        (MailContent::ContactEnded { owner, stop }, Locale::German) => {
            ("Der Notfall ist vorbei", format!("Der Notfall von {owner} ist vorbei.\n{}", stop_line(stop, locale)))
        }
        (MailContent::ContactResumed { owner, page, stop }, Locale::English) => (
            "The emergency is not over",
            format!(
                "The emergency of {owner} is not over after all.\n\n\
                 This page shows the place, and whether helpers are coming:\n\n{}\n{}",
                page.expose(),
                stop_line(stop, locale)
            ),
        ),
        (MailContent::ContactResumed { owner, page, stop }, Locale::German) => (
            "Der Notfall ist nicht vorbei",
            format!(
                "Der Notfall von {owner} ist doch nicht vorbei.\n\n\
                 Diese Seite zeigt den Ort, und ob Helfer unterwegs sind:\n\n{}\n{}",
                page.expose(),
                stop_line(stop, locale)
            ),
        ),
        (MailContent::Alert { summary, stop }, Locale::English) => (
            "Emergency near you",
            format!(
                "{}\n\nCan you help? Answer here:\n\n{}\n{}",
                text::summary(summary, locale),
                summary.link,
                stop_line(stop, locale)
            ),
        ),
        (MailContent::Alert { summary, stop }, Locale::German) => (
            "Notfall in Ihrer Nähe",
            format!(
                "{}\n\nKönnen Sie helfen? Antworten Sie hier:\n\n{}\n{}",
                text::summary(summary, locale),
                summary.link,
                stop_line(stop, locale)
            ),
        ),
    }
}

/// Who called for help, when, and where, with how old the place is.
fn contact_alert(alert: &ContactAlert, locale: Locale) -> (&'static str, String) {
    let ContactAlert { owner, called_at, zone, location, now, page, stop } = alert;
    let (latitude, longitude) = (location.position.latitude(), location.position.longitude());
    let geo = format!("geo:{latitude:.6},{longitude:.6}");
    let words = [&location.address, &location.description].into_iter().flatten().map(Text::as_str);
    let place = words.chain([geo.as_str()]).collect::<Vec<_>>().join("\n");
    let called = shown_time(*called_at, *zone);
    let age = (*now - *called_at).num_minutes().max(0);
    let (page, stop) = (page.expose(), stop_line(stop, locale));
    match locale {
        Locale::English => (
            "Call for help",
            format!(
                "{owner} called for help at {called}.\n\n\
                 Place, as it was {}:\n{place}\n\n\
                 This page shows the place, and whether helpers are coming:\n\n{page}\n{stop}",
                match age {
                    0 => "less than a minute ago".to_owned(),
                    1 => "one minute ago".to_owned(),
                    age => format!("{age} minutes ago"),
                }
            ),
        ),
        Locale::German => (
            "Hilferuf",
            format!(
                "{owner} hat um {called} Hilfe gerufen.\n\n\
                 Ort, wie er {} war:\n{place}\n\n\
                 Diese Seite zeigt den Ort, und ob Helfer unterwegs sind:\n\n{page}\n{stop}",
                match age {
                    0 => "vor weniger als einer Minute".to_owned(),
                    1 => "vor einer Minute".to_owned(),
                    age => format!("vor {age} Minuten"),
                }
            ),
        ),
    }
}

fn stop_line(stop: &Secret, locale: Locale) -> String {
    let stop = stop.expose();
    match locale {
        Locale::English => format!("\nTo stop all messages of this kind: {stop}\n"),
        Locale::German => format!("\nUm alle Nachrichten dieser Art zu beenden: {stop}\n"),
    }
}

/// Whole minutes, rounded down: a link must not be promised for longer than it is valid.
const fn minutes(duration: Duration) -> u64 {
    duration.as_secs() / 60
}
