//! Bodies of the routes of emergency contacts.

use allynet_domain::{ContactDetails, ContactTrigger, MAX_CONTACT_DELAY_SECONDS, MAX_CONTACT_ORDER};
use serde_json::Value;

use super::Fields;
use crate::Problem;

/// `POST /auth/emergency-contacts`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn add(body: &Value) -> Result<ContactDetails, Problem> {
    let mut f = Fields::body(body);
    let (name, email) = (f.required_name("name"), f.email("email"));
    let phone = f.text("phone");
    let order = order(&mut f);
    let after_seconds = after_seconds(&mut f);
    let trigger = f.word("on");
    let lives_with_owner = f.flag("livesWithOwner");
    f.finish(name.zip(email).map(|(name, email)| ContactDetails {
        phone,
        order: order.unwrap_or_default(),
        after_seconds: after_seconds.unwrap_or_default(),
        trigger: trigger.unwrap_or(ContactTrigger::Created),
        lives_with_owner: lives_with_owner.unwrap_or_default(),
        ..ContactDetails::new(name, email)
    }))
}

/// `PUT /auth/emergency-contacts/:id`: a missing field keeps its value, `null` makes it the default; name and email cannot be
/// cleared.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn change(body: &Value, current: &ContactDetails) -> Result<ContactDetails, Problem> {
    let mut f = Fields::body(body);
    let name = f.patch("name", &Some(current.name.clone()), |f| f.required_name("name"));
    let email = f.patch("email", &Some(current.email.clone()), |f| f.email("email"));
    for (field, cleared) in [("name", name.is_none()), ("email", email.is_none())] {
        if cleared && !f.is_wrong(field) {
            f.wrong(field, "must not be empty");
        }
    }
    let phone = f.patch("phone", &current.phone, |f| f.text("phone"));
    let order = f.patch("order", &Some(current.order), order);
    let after_seconds = f.patch("afterSeconds", &Some(current.after_seconds), after_seconds);
    let trigger = f.patch("on", &Some(current.trigger), |f| f.word("on"));
    let lives_with_owner = f.patch("livesWithOwner", &Some(current.lives_with_owner), |f| f.flag("livesWithOwner"));
    f.finish(name.zip(email).map(|(name, email)| ContactDetails {
        phone,
        order: order.unwrap_or_default(),
        after_seconds: after_seconds.unwrap_or_default(),
        trigger: trigger.unwrap_or(ContactTrigger::Created),
        lives_with_owner: lives_with_owner.unwrap_or_default(),
        ..ContactDetails::new(name, email)
    }))
}

fn order(f: &mut Fields<'_>) -> Option<u32> {
    f.integer("order", 0..=MAX_CONTACT_ORDER)
}

fn after_seconds(f: &mut Fields<'_>) -> Option<u32> {
    f.integer("afterSeconds", 0..=MAX_CONTACT_DELAY_SECONDS)
}
