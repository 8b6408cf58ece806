//! The texts of emails, in the language of the recipient.

use std::time::Duration;

use allynet_domain::{Locale, port::MailContent};

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
        (MailContent::Alert(alert), Locale::English) => (
            "Emergency near you",
            format!("{}\n\nCan you help? Answer here:\n\n{}\n", text::summary(alert, locale), alert.link),
        ),
        (MailContent::Alert(alert), Locale::German) => (
            "Notfall in Ihrer Nähe",
            format!("{}\n\nKönnen Sie helfen? Antworten Sie hier:\n\n{}\n", text::summary(alert, locale), alert.link),
        ),
    }
}

/// Whole minutes, rounded down: a link must not be promised for longer than it is valid.
const fn minutes(duration: Duration) -> u64 {
    duration.as_secs() / 60
}
