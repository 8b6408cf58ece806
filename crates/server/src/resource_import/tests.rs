use allynet_domain::{ResourceAccess, ResourceKind, Timestamp};
use serde_json::{Value, json};

use super::{geojson, tags};

/// The reading of a file: what is imported and what is left out, by id or reason.
fn read(file: &str) -> anyhow::Result<Vec<Result<String, String>>> {
    let mut all = Vec::new();
    geojson::read(file.as_bytes(), |feature| {
        all.push(tags::resource(&feature, now()).map(|(id, ..)| id.as_str().to_owned()));
        true
    })?;
    Ok(all)
}

fn now() -> Timestamp {
    "2026-01-15T10:00:00Z".parse().unwrap()
}

fn collection(features: &Value) -> String {
    json!({ "generator": { "a": [1, null] }, "type": "FeatureCollection", "features": features, "more": 1.5 })
        .to_string()
}

fn aed(id: &str, geometry: &Value) -> Value {
    json!({ "type": "Feature", "id": id, "geometry": geometry, "properties": { "emergency": "defibrillator" } })
}

fn point() -> Value {
    json!({ "type": "Point", "coordinates": [13.4, 52.5, 31] })
}

#[test]
fn all_tags_of_a_resource_are_read() {
    let tags = json!({
        "@id": "node/7", "emergency": "first_aid_kit", "access": "permissive", "indoor": "yes", "level": "-1", "phone": "+49 30 1",
        "opening_hours": "Mo-Fr 08:00-20:00", "defibrillator:location": "beside the door", "check_date": "2025-12-01", "ref": 5,
        "addr:street": "Am Ufer", "addr:housenumber": "1", "addr:city": "Berlin", "note": { "nested": [true] },
    });
    let file = collection(&json!([{ "type": "Feature", "properties": tags, "geometry": point() }]));
    let mut found = Vec::new();
    geojson::read(file.as_bytes(), |feature| {
        found.push(tags::resource(&feature, now()).unwrap());
        true
    })
    .unwrap();
    let (id, details, checked_at) = found.pop().unwrap();
    assert_eq!(
        (id.as_str(), details.kind, details.access),
        ("node/7", ResourceKind::FirstAidKit, ResourceAccess::Public)
    );
    assert_eq!((details.position.latitude(), details.position.longitude()), (52.5, 13.4));
    assert_eq!(details.address.unwrap().as_str(), "Am Ufer 1, Berlin");
    assert_eq!(details.opening_hours.unwrap().as_str(), "Mo-Fr 08:00-20:00");
    assert_eq!((details.indoor, details.level.unwrap().as_str()), (Some(true), "-1"));
    assert_eq!(details.description.unwrap().as_str(), "beside the door");
    assert_eq!(details.phone.unwrap().as_str(), "+49 30 1");
    assert_eq!(checked_at, Some("2025-12-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn a_way_is_at_its_centre() {
    let outline = json!({ "type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 6], [1, 6], [1, 2]]] });
    let mut centres = Vec::new();
    geojson::read(collection(&json!([aed("way/1", &outline)])).as_bytes(), |feature| {
        centres.push(feature.centre().unwrap());
        true
    })
    .unwrap();
    assert_eq!((centres[0].latitude(), centres[0].longitude()), (4.0, 2.0));
}

#[test]
fn what_cannot_be_read_is_left_out_and_the_rest_is_not() {
    let features = json!([
        aed("node/1", &point()),
        aed("12", &point()),
        aed("node/2", &json!(null)),
        aed("node/3", &json!({ "coordinates": [13.4, 95] })),
        { "id": "node/4", "geometry": point(), "properties": { "emergency": "fire_hydrant" } },
        { "id": "node/5", "geometry": point(), "properties": [] },
        5,
        aed("node/6", &point()),
    ]);
    let outcomes = read(&collection(&features)).unwrap();
    let reasons = ["its id", "no place", "no place", "nothing that is imported", "no tag emergency", "its id"];
    assert_eq!(outcomes.len(), 8);
    assert_eq!((&outcomes[0], &outcomes[7]), (&Ok("node/1".to_owned()), &Ok("node/6".to_owned())));
    for (outcome, reason) in outcomes[1..7].iter().zip(reasons) {
        assert!(outcome.as_ref().is_err_and(|found| found.contains(reason)), "{outcome:?} is not: {reason}");
    }
}

#[test]
fn another_file_is_refused() {
    let cut_off = collection(&json!([aed("node/1", &point())]));
    for file in [
        "",
        "[]",
        "{}",
        "no JSON",
        r#"{"type": "FeatureCollection"}"#,
        r#"{"features": []}"#,
        r#"{"type": "Feature", "features": []}"#,
        r#"{"type": "FeatureCollection", "features": {}}"#,
        r#"{"type": "FeatureCollection", "features": []} more"#,
        &cut_off[..cut_off.len() - 2],
    ] {
        assert!(read(file).is_err(), "{file}");
    }
    assert!(read(r#"{"features": [], "type": "FeatureCollection"}"#).is_ok());
}

#[test]
fn a_feature_that_is_too_large_is_refused_and_many_small_ones_are_not() {
    let huge = json!({ "id": "node/1", "properties": { "note": "x".repeat(5 << 20) } });
    let error = read(&collection(&json!([huge]))).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
    let large = json!({ "id": "node/1", "properties": { "note": "x".repeat(1 << 20) } });
    assert_eq!(read(&collection(&json!([large, large, large, large, large, large]))).unwrap().len(), 6);
}

#[test]
fn a_date_that_is_none_or_has_not_come_is_no_check() {
    for (date, expected) in [
        ("2025-12-01", Some("2025-12-01T00:00:00Z")),
        ("2025-12", Some("2025-12-01T00:00:00Z")),
        ("2026-01-16", None),
        ("1969-01-01", None),
        ("yesterday", None),
    ] {
        let tags = json!({ "emergency": "defibrillator", "check_date": date });
        let file = collection(&json!([{ "id": "node/1", "properties": tags, "geometry": point() }]));
        let mut found = Vec::new();
        geojson::read(file.as_bytes(), |feature| {
            found.push(tags::resource(&feature, now()).unwrap().2);
            true
        })
        .unwrap();
        assert_eq!(found, [expected.map(|at| at.parse::<Timestamp>().unwrap())], "{date}");
    }
}
