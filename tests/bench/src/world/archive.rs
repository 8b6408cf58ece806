//! Stored emergencies with their participants and events. The events are encoded once as the service does, and copied by the
//! database for every emergency.

use std::ops::Range;

use allynet_domain::{
    Call, Details, EmergencyStatus, EmergencyType, Event, HelperCard, HelperReputation, Location, Message, Metres,
    Movement, Name, Person, Position, Priority, Recipient, ResolutionType, Sender, Severity, Text, To, UserId,
};
use anyhow::Context as _;
use uuid::Uuid;

use super::{
    Population,
    people::{emergency, now, person},
};

/// The number of live emergencies, which are the last ones.
const LIVE_EMERGENCIES: usize = 1_000;
/// The number of emergencies with many messages.
const EMERGENCIES_WITH_MANY_MESSAGES: usize = 100;

/// Emergencies of a population, most of them resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Archive {
    pub(crate) people: Population,
    pub(crate) emergencies: usize,
}

impl Archive {
    /// The owner of an emergency. No owner has two live ones.
    pub(crate) fn owner(&self, emergency: usize) -> usize {
        emergency % self.people.owners
    }

    /// The responding helper; for a live emergency, a helper at its position.
    pub(crate) fn helper(&self, emergency: usize) -> usize {
        self.people.owners + emergency % self.people.helpers
    }

    /// The numbers of resolved emergencies.
    pub(crate) fn ended(&self) -> Range<usize> {
        0..self.emergencies - LIVE_EMERGENCIES
    }

    /// The numbers of live emergencies.
    pub(crate) fn live(&self) -> Range<usize> {
        self.emergencies - LIVE_EMERGENCIES..self.emergencies
    }

    /// The numbers of emergencies with many messages.
    pub(crate) fn talkative(&self) -> Range<usize> {
        0..EMERGENCIES_WITH_MANY_MESSAGES.min(self.emergencies)
    }

    /// The parameters of the statements: emergencies, ended ones, owners, helpers, emergencies with many messages.
    pub(crate) fn numbers(&self) -> anyhow::Result<[i64; 5]> {
        let Self { people, emergencies } = *self;
        let numbers = [emergencies, self.ended().end, people.owners, people.helpers, EMERGENCIES_WITH_MANY_MESSAGES];
        let mut all = [0; 5];
        for (number, into) in numbers.into_iter().zip(&mut all) {
            *into = i64::try_from(number)?;
        }
        Ok(all)
    }
}

/// The placeholders that the statements replace by the ids of an emergency, its owner and its helper.
pub(crate) struct Placeholders {
    pub(crate) emergency: Uuid,
    pub(crate) owner: Uuid,
    pub(crate) helper: Uuid,
}

/// Larger than any number in use.
pub(crate) fn placeholders() -> Placeholders {
    const PLACEHOLDER_NUMBER: usize = 0xffff_ffff_ff00;
    Placeholders {
        emergency: emergency(PLACEHOLDER_NUMBER),
        owner: person(PLACEHOLDER_NUMBER),
        helper: person(PLACEHOLDER_NUMBER + 1),
    }
}

/// Five events of an emergency with placeholders: their kinds, and their bodies as JSON.
pub(crate) fn events() -> anyhow::Result<Vec<(&'static str, String)>> {
    let Placeholders { emergency, owner, helper } = placeholders();
    let somebody = |id: Uuid| -> anyhow::Result<Person> {
        Ok(Person { id: id.into(), first_name: Name::parse("Somebody")?, last_name: Some(Name::parse("Else")?) })
    };
    let position = Position::new(52.52, 13.405)?;
    let details = Details {
        kind: EmergencyType::Medical,
        category: None,
        description: Some(Text::parse("Somebody fell down the stairs and does not answer")?),
        location: Location { position, address: Some(Text::parse("Alexanderplatz 1, Berlin")?), description: None },
        priority: Priority::High,
        severity: Severity::DEFAULT,
        silent: false,
        anonymous: false,
    };
    let call = Call {
        id: emergency.into(),
        owner: somebody(owner)?,
        details,
        created_at: now(),
        movement: Movement::default(),
    };
    let recipients: Vec<Recipient> =
        (0..10).map(|n| Recipient::new(UserId::from(person(n)), Metres::new(100.0))).collect();
    let message = Message {
        id: emergency.into(),
        emergency: emergency.into(),
        owner: owner.into(),
        anonymous: false,
        from: Sender::System,
        to: To::Creator,
        text: Text::parse("Your call is stored. 10 helpers are being alerted.")?,
        created_at: now(),
    };
    let card = HelperCard { person: somebody(helper)?, reputation: HelperReputation::default() };
    let events = [
        Event::EmergencyCreated { call: call.clone(), nearby_helpers: 10, hidden_from: vec![], announced: true },
        Event::HelpersAlerted {
            call,
            status: EmergencyStatus::Active,
            wave: 1,
            radius: Metres::new(5_000.0),
            recipients,
            decision: None,
        },
        Event::MessagePosted { message },
        Event::HelperJoined {
            helper: card,
            joined_at: now(),
            estimated_arrival: None,
            transport: allynet_domain::dispatch::Transport::Foot,
            separated_from: vec![],
        },
        Event::EmergencyResolved {
            at: now(),
            by: Some(owner.into()),
            resolution: ResolutionType::UserResolved,
            notes: None,
            anonymous: false,
        },
    ];
    let written = events.iter().map(|event| Ok((event.kind(), serde_json::to_string(event)?)));
    written.collect::<anyhow::Result<_>>().context("events")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARCHIVE: Archive = Archive { people: Population { owners: 10_000, helpers: 10_000 }, emergencies: 20_000 };

    #[test]
    fn no_owner_has_two_live_emergencies() {
        let mut owners: Vec<usize> = ARCHIVE.live().map(|number| ARCHIVE.owner(number)).collect();
        owners.sort_unstable();
        owners.dedup();
        assert_eq!(owners.len(), LIVE_EMERGENCIES);
    }

    #[test]
    fn events_name_their_emergency_so_that_it_can_be_replaced() {
        let Placeholders { emergency, owner, helper } = placeholders();
        let events = events().unwrap();
        assert_eq!(events.len(), 5);
        assert!(events[0].1.contains(&emergency.to_string()) && events[0].1.contains(&owner.to_string()));
        assert!(events[3].1.contains(&helper.to_string()));
    }
}
