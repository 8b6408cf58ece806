//! What the tags of OpenStreetMap say of a resource.

use allynet_domain::{ResourceAccess, ResourceDetails, ResourceKind, Text, Timestamp};
use chrono::{NaiveDate, NaiveTime};

use super::feature::Feature;

/// The tags that are read, in alphabetical order.
const KNOWN: [&str; 15] = [
    "@id",
    "access",
    "addr:city",
    "addr:housenumber",
    "addr:postcode",
    "addr:street",
    "check_date",
    "contact:phone",
    "defibrillator:location",
    "description",
    "emergency",
    "indoor",
    "level",
    "opening_hours",
    "phone",
];

/// Whether a tag is read.
pub(super) fn is_known(tag: &str) -> bool {
    KNOWN.contains(&tag)
}

/// The resource that a feature describes, with its id in OpenStreetMap and when somebody last saw that it is there.
///
/// A text that is longer than what is stored is missing.
///
/// # Errors
/// Returns the reason why the feature cannot be imported.
pub(super) fn resource(
    feature: &Feature,
    now: Timestamp,
) -> Result<(Text<64>, ResourceDetails, Option<Timestamp>), String> {
    let osm_id = feature.osm_id().ok_or("its id is none of OpenStreetMap, like node/1")?;
    let kind = match feature.tag("emergency") {
        Some("defibrillator") => ResourceKind::Aed,
        Some("fire_extinguisher") => ResourceKind::Extinguisher,
        Some("first_aid_kit") => ResourceKind::FirstAidKit,
        Some(_) => return Err("it is nothing that is imported: see its tag emergency".to_owned()),
        None => return Err("it has no tag emergency".to_owned()),
    };
    let position = feature.centre().ok_or("it has no place on earth")?;
    let access = match feature.tag("access") {
        Some("yes" | "permissive" | "public") => ResourceAccess::Public,
        Some("customers") => ResourceAccess::Customers,
        Some("no" | "private") => ResourceAccess::Private,
        _ => ResourceAccess::Unknown,
    };
    let indoor = match feature.tag("indoor") {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => None,
    };
    let details = ResourceDetails {
        kind,
        position,
        address: address(feature),
        access,
        opening_hours: text(feature, &["opening_hours"]),
        indoor,
        level: text(feature, &["level"]),
        description: text(feature, &["defibrillator:location", "description"]),
        phone: text(feature, &["phone", "contact:phone"]),
    };
    Ok((osm_id, details, feature.tag("check_date").and_then(|date| checked_at(date, now))))
}

/// The first of these tags whose value can be stored.
fn text<const MAX: usize>(feature: &Feature, tags: &[&str]) -> Option<Text<MAX>> {
    tags.iter().filter_map(|tag| feature.tag(tag)).find_map(|value| Text::parse(value).ok())
}

fn address(feature: &Feature) -> Option<Text<300>> {
    let join = |tags: [&str; 2]| {
        let parts: Vec<_> = tags.iter().filter_map(|tag| feature.tag(tag)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let parts: Vec<_> =
        [["addr:street", "addr:housenumber"], ["addr:postcode", "addr:city"]].into_iter().filter_map(join).collect();
    Text::parse(&parts.join(", ")).ok()
}

/// The beginning of a day, or of a month. A day that has not begun is a slip.
fn checked_at(date: &str, now: Timestamp) -> Option<Timestamp> {
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d").or_else(|_| {
        let first = format!("{date}-01");
        NaiveDate::parse_from_str(&first, "%Y-%m-%d")
    });
    let at = day.ok()?.and_time(NaiveTime::MIN).and_utc();
    (Timestamp::UNIX_EPOCH..=now).contains(&at).then_some(at)
}
