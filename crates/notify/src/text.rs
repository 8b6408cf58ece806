//! Texts about an alert, in the language of the recipient. Others may read them, so they contain neither names nor places.

use allynet_domain::{EmergencyType, Locale, Metres, port::AlertSummary};

/// One sentence: what kind of emergency, and how far away.
pub(crate) fn summary(alert: &AlertSummary, locale: Locale) -> String {
    let kind = kind(alert.kind, locale);
    let distance = hundreds_of_metres(alert.distance);
    match locale {
        Locale::English => format!("Emergency near you: {kind}, about {distance} m away."),
        Locale::German => format!("Notfall in Ihrer Nähe: {kind}, etwa {distance} m entfernt."),
    }
}

const fn kind(kind: EmergencyType, locale: Locale) -> &'static str {
    match (locale, kind) {
        (Locale::English, EmergencyType::Medical) => "medical emergency",
        (Locale::English, EmergencyType::Safety) => "danger to a person",
        (Locale::English, EmergencyType::Accident) => "accident",
        (Locale::English, EmergencyType::Assault) => "assault",
        (Locale::English, EmergencyType::NaturalDisaster) => "natural disaster",
        (Locale::English, EmergencyType::Other) => "somebody needs help",
        (Locale::German, EmergencyType::Medical) => "medizinischer Notfall",
        (Locale::German, EmergencyType::Safety) => "Gefahr für eine Person",
        (Locale::German, EmergencyType::Accident) => "Unfall",
        (Locale::German, EmergencyType::Assault) => "Angriff",
        (Locale::German, EmergencyType::NaturalDisaster) => "Naturkatastrophe",
        (Locale::German, EmergencyType::Other) => "jemand braucht Hilfe",
    }
}

/// The distance in steps of 100 metres, and never 0: no alert says that its recipient is at the place.
fn hundreds_of_metres(distance: Metres) -> u32 {
    Metres::new(distance.get() / 100.0).whole().max(1).saturating_mul(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_and_how_far() {
        let alert = |metres| AlertSummary {
            kind: EmergencyType::Medical,
            distance: Metres::new(metres),
            link: "https://allynet.example.org/e/1".to_owned(),
        };
        let english = |metres| summary(&alert(metres), Locale::English);
        assert_eq!(english(1_234.0), "Emergency near you: medical emergency, about 1200 m away.");
        assert_eq!(english(0.0), "Emergency near you: medical emergency, about 100 m away.");
        let german = summary(&alert(260.0), Locale::German);
        assert_eq!(german, "Notfall in Ihrer Nähe: medizinischer Notfall, etwa 300 m entfernt.");
    }
}
