//! Recording that an administrator reads exact places of others.

use crate::{
    AccessKind, Actor, Emergency, Error, PlaceReading, ReadPlace, Stage, Timestamp, UserId,
    usecase::emergencies::EmergencyPorts,
};

impl EmergencyPorts {
    /// Records that the caller is about to be shown emergencies in these stages. To be awaited before they are shown.
    ///
    /// No-op unless the caller is shown an exact place as an administrator.
    ///
    /// # Errors
    /// Returns an error if the entry cannot be stored: then nothing may be shown.
    pub async fn record_reading<'a>(
        &self,
        actor: &Actor,
        what: AccessKind,
        shown: impl IntoIterator<Item = (&'a Emergency, Stage)> + Send,
    ) -> Result<(), Error> {
        if !actor.account.is_admin() {
            return Ok(());
        }
        let as_administrator = shown.into_iter().filter(|(e, stage)| *stage == Stage::Administrator && !e.is_thinned());
        let places = as_administrator.map(|(e, _)| ReadPlace { user: e.owner(), emergency: e.id() }).collect();
        self.record_places(actor, what, places).await
    }

    /// As [`Self::record_reading`], for places of these responding helpers.
    pub(super) async fn record_helpers(
        &self,
        actor: &Actor,
        (emergency, stage): (&Emergency, Stage),
        helpers: impl IntoIterator<Item = UserId> + Send,
    ) -> Result<(), Error> {
        if stage != Stage::Administrator {
            return Ok(());
        }
        let places = helpers.into_iter().map(|user| ReadPlace { user, emergency: emergency.id() }).collect();
        self.record_places(actor, AccessKind::Helpers, places).await
    }

    /// As [`Self::record_reading`], for everybody's place in an emergency whose room the caller enters as an administrator.
    pub(super) async fn record_room(&self, actor: &Actor, emergency: &Emergency) -> Result<(), Error> {
        let responding = emergency.responses().iter().filter(|response| response.status.is_engaged());
        let users = responding.map(|response| response.helper.person.id).chain([emergency.owner()]);
        let places = users.map(|user| ReadPlace { user, emergency: emergency.id() }).collect();
        self.record_places(actor, AccessKind::Room, places).await
    }

    /// Records that a dispatcher was shown these places by events, and returns as of when.
    ///
    /// # Errors
    /// Returns an error if the entries cannot be stored: then nothing more may be shown.
    pub async fn record_followed(&self, reader: UserId, mut places: Vec<ReadPlace>) -> Result<Timestamp, Error> {
        places.sort_unstable();
        let reading = PlaceReading { reader, at: self.clock.now(), what: AccessKind::Room, places };
        self.access_log.record(&reading).await?;
        Ok(reading.at)
    }

    async fn record_places(&self, actor: &Actor, what: AccessKind, mut places: Vec<ReadPlace>) -> Result<(), Error> {
        places.retain(|place| place.user != actor.id());
        // In one order for all, so that two nodes that store the same ones do not wait for each other.
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Ok(());
        }
        let reading = PlaceReading { reader: actor.id(), at: self.clock.now(), what, places };
        Ok(self.access_log.record(&reading).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        Account, EventId, ResponseStatus,
        port::{self, AccessAsOf, MockAccessLog, MockEventLog, Timeline},
        testing::{
            ALAN, EMERGENCY, GRACE_HOPPER, OWNER, active_emergency, actor, admin, edited, grace_hopper, id, now, owner,
            store, with_responses,
        },
        usecase::{
            emergencies::tests::{context, holding},
            reading, rooms,
        },
    };

    fn reader() -> Actor {
        actor(admin())
    }

    /// The use cases over a store with this emergency, and a log that expects these readings, in this order.
    fn recording(emergency: &Emergency, expected: &[(AccessKind, &[u128])]) -> EmergencyPorts {
        let mut log = MockAccessLog::new();
        let mut order = mockall::Sequence::new();
        for &(what, users) in expected {
            let places = users.iter().map(|&user| ReadPlace { user: id(user), emergency: id(EMERGENCY) }).collect();
            let expected = PlaceReading { reader: reader().id(), at: now(), what, places };
            log.expect_record().times(1).in_sequence(&mut order).returning(move |reading| {
                assert_eq!(*reading, expected);
                Ok(())
            });
        }
        EmergencyPorts { access_log: Arc::new(log), ..context(holding(emergency, &[]), store(vec![]).0) }
    }

    fn with_two_responses() -> Emergency {
        with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay), (ALAN, ResponseStatus::Cancelled)])
    }

    #[tokio::test]
    async fn an_administrator_reading_an_emergency_is_recorded_and_a_participant_is_not() {
        let emergency = with_two_responses();
        recording(&emergency, &[(AccessKind::Emergency, &[OWNER])]).read(&reader(), emergency.id()).await.unwrap();
        for reader in [owner(), grace_hopper()] {
            recording(&emergency, &[]).read(&reader, emergency.id()).await.unwrap();
        }
        let thinned = edited(emergency.clone(), |e| e.search.is_thinned = true);
        recording(&thinned, &[]).read(&reader(), thinned.id()).await.unwrap();
        // An administrator who takes part reads as a participant.
        let own = actor(Account { id: id(OWNER), ..admin() });
        recording(&emergency, &[]).read(&own, emergency.id()).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_is_shown_if_the_reading_cannot_be_recorded() {
        let emergency = active_emergency();
        let mut log = MockAccessLog::new();
        log.expect_record().returning(|_| Err(port::Error::unavailable("no database")));
        let cx = recording(&emergency, &[]);
        let cx = EmergencyPorts { access_log: Arc::new(log), ..cx };
        assert!(matches!(cx.read(&reader(), emergency.id()).await, Err(Error::Port(_))));
    }

    #[tokio::test]
    async fn an_administrator_reading_a_timeline_is_recorded() {
        let emergency = active_emergency();
        let cx = recording(&emergency, &[(AccessKind::Timeline, &[OWNER])]);
        let mut log = MockEventLog::new();
        log.expect_timeline()
            .returning(move |_, _, _| Ok(Some(Timeline { emergency: emergency.clone(), events: vec![] })));
        reading::timeline(&cx, &log, &reader(), id(EMERGENCY), EventId::START, 9).await.unwrap();
    }

    #[tokio::test]
    async fn an_administrator_entering_a_room_is_recorded_for_everybody_whose_place_is_shown_there() {
        let emergency = with_two_responses();
        let cx = recording(&emergency, &[(AccessKind::Room, &[OWNER, GRACE_HOPPER])]);
        let mut log = MockEventLog::new();
        let access = emergency.clone();
        log.expect_access()
            .returning(move |_, user| Ok(Some(AccessAsOf { access: access.access(user), as_of: EventId::START })));
        rooms::join(&cx, &log, &reader(), rooms::Which::Id(id(EMERGENCY))).await.unwrap();
        rooms::join(&cx, &log, &grace_hopper(), rooms::Which::Id(id(EMERGENCY))).await.unwrap();
    }

    #[tokio::test]
    async fn a_list_is_recorded_once_for_what_is_shown_as_to_an_administrator() {
        let emergency = active_emergency();
        let cx = recording(&emergency, &[(AccessKind::List, &[OWNER])]);
        let shown = |stage| [(&emergency, stage), (&emergency, stage)];
        cx.record_reading(&reader(), AccessKind::List, shown(Stage::Administrator)).await.unwrap();
        cx.record_reading(&reader(), AccessKind::List, shown(Stage::Responder)).await.unwrap();
        cx.record_reading(&reader(), AccessKind::List, []).await.unwrap();
    }
}
