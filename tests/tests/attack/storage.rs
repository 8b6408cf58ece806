//! Writes that fill the disk: the last space is left to emergencies.

use allynet_tests::service::{http::Request, world::Kind};
use serde_json::json;

use crate::{
    assault::Assault,
    case::Case,
    form::{HOSTILE, beside_another, eventually},
    on_both_databases,
};

on_both_databases! {
    a_full_disk_is_left_to_emergencies
}

async fn a_full_disk_is_left_to_emergencies(kind: &Kind) {
    let _turn = beside_another().await;
    let mut case = Case::begin(kind, &[]).await;
    // What the hostile caller writes fits no more; what the victim writes would.
    case.world.fill_disk_for("contact").await;
    let add_contact = |n: usize| {
        let contact = json!({ "name": "Ada", "email": format!("{n}@example.org") });
        Request::post("/api/v1/auth/emergency-contacts", contact)
    };
    let assault = Assault::begin(20, HOSTILE, case.node.address, &case.hostile_helper().token, add_contact).await;
    eventually("a write does not fit", async || assault.answered(503) > 0).await;
    case.judge("a full disk").await;

    let (node, bystander) = (case.node.address, &case.bystander().token);
    eventually("the node tells that it is not ready", async || {
        Request::get("/readyz").send(node, "").await.is_ok_and(|answer| answer.status == 503)
    })
    .await;
    // Begins the time anew in which other writes are refused.
    assert_eq!(add_contact(0).send(node, bystander).await.unwrap().status, 503);
    let profile = Request::put("/api/v1/auth/me", json!({ "bio": "long" })).send(node, bystander).await.unwrap();
    assert_eq!(profile.status, 503, "no space is left to emergencies: {:?}", profile.body);
    assert_eq!(assault.granted(), 0);
    println!("a full disk: {} writes were refused", assault.answered(503));
    drop(assault);
    case.end().await;
}
