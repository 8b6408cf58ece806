//! What this node has to know of emergencies that began before it followed the log.

use std::time::Duration;

use allynet_domain::{
    Emergency,
    port::{self, AdminPage, Emergencies},
};
use allynet_realtime::Motion;

use crate::outage::Outage;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// How many emergencies are read at once.
const PAGE: u32 = 500;

/// Hands over each live emergency. When it begins after this node has begun to follow the log, none falls between.
pub(crate) async fn each_live(emergencies: &dyn Emergencies, mut take_in: impl FnMut(&Emergency)) -> port::Result<()> {
    let mut before = None;
    loop {
        let page = AdminPage { status: None, near: None, before, limit: PAGE };
        let live = emergencies.list(&page).await?;
        live.iter().for_each(&mut take_in);
        match live.last() {
            Some(last) if live.len() >= PAGE as usize => before = Some((last.call.created_at, last.id())),
            Some(_) | None => return Ok(()),
        }
    }
}

/// Learns who is on their way where. Must begin after this node has begun to follow the log.
pub(crate) async fn learn(emergencies: &dyn Emergencies, motion: &Motion) {
    let mut outage = Outage::new("it cannot be read who is on their way, trying again");
    while outage.saw(each_live(emergencies, |emergency| motion.live().remember(emergency)).await).is_none() {
        tokio::time::sleep(PAUSE).await;
    }
    motion.learned();
}
