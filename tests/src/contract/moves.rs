//! Places of emergencies that follow their owners.

use allynet_domain::{
    Actor, Emergency, EmergencyId, Event, Location, Movement, PlaceMove, Position, SessionFix, Write,
    dispatch::TeamRole::{Guide, Patient},
    port::{Error, Fix, Report},
    usecase::{
        emergencies,
        moves::{OwnerPosition, follow},
    },
};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::{
    dispatch::by_gain,
    service::{METRES_PER_DEGREE, Service, telling, with_seeds},
    *,
};

/// The place so many metres east of where all emergencies are raised.
fn east(metres: f64) -> Position {
    place(0.0, metres / METRES_PER_DEGREE)
}

impl Service {
    /// The owner reports where they are.
    async fn report(&self, owner: &Actor, position: Position) -> SessionFix {
        let (session, at) = (owner.session, self.now());
        let fix = Fix { user: owner.id(), position, at };
        self.store.positions.record(&[Report { session: Some(session), ..fix.into() }]).await.unwrap();
        SessionFix { session, position, at }
    }

    /// Raises an emergency with the session of this owner.
    async fn raise_by(&self, owner: &Actor, fixed_place: bool) -> Emergency {
        let mut details = call_of(&owner.account).call().details.clone();
        (details.location.address, details.location.description) = (Some(text("Lane 1")), Some(text("The red door")));
        emergencies::raise(&self.context(), owner, details, None, fixed_place).await.unwrap().emergency
    }

    /// A new owner, and their emergency, whose place follows them.
    async fn follows(&self) -> (Actor, Emergency) {
        let owner = actor(&self.store.register().await);
        self.report(&owner, east(0.0)).await;
        let emergency = self.raise_by(&owner, false).await;
        (owner, emergency)
    }

    async fn follow(&self, owner: &Actor, emergency: EmergencyId, position: Position) -> PlaceMove {
        let session = owner.session;
        follow(&self.context(), OwnerPosition { emergency, session, position }).await.unwrap()
    }

    async fn moves_of(&self, emergency: EmergencyId) -> Vec<Position> {
        let events = self.events(emergency).await.into_iter();
        let moved = events.filter_map(|logged| match logged.event {
            Event::EmergencyMoved { position, .. } => Some(position),
            _ => None,
        });
        moved.collect()
    }
}

pub async fn a_place_follows_the_session_that_raises_an_emergency_there(store: Store) {
    telling(store, |service| async move {
        let owner = actor(&service.store.register().await);
        let movement = async |fixed_place| {
            let raised = service.raise_by(&owner, fixed_place).await;
            let stored = service.store.find(raised.id()).await.call().movement.clone();
            assert_eq!(stored, raised.call().movement);
            let created = service.events(raised.id()).await.into_iter().find_map(|logged| match logged.event {
                Event::EmergencyCreated { call, .. } => Some(call.movement),
                _ => None,
            });
            assert_eq!(created, Some(stored.clone()));
            service.withdraw(raised.id(), &owner.account).await;
            stored
        };
        assert_eq!(movement(false).await, Movement::default(), "no position is known");
        // A position of a session that is not known, as nodes of the release before store it.
        let fix = Fix { user: owner.id(), position: east(0.0), at: service.now() };
        service.store.positions.record(&[fix.into()]).await.unwrap();
        assert_eq!(movement(false).await, Movement::default());
        let tablet = Actor { session: id(), ..owner.clone() };
        service.advance(TimeDelta::seconds(1));
        service.report(&tablet, east(0.0)).await;
        assert_eq!(movement(false).await, Movement::default(), "another device");
        service.advance(TimeDelta::seconds(1));
        let newest = service.report(&owner, east(150.0)).await;
        service.advance(TimeDelta::minutes(5));
        assert_eq!(movement(false).await, Movement { followed: Some(newest), ..Movement::default() });
        assert_eq!(movement(true).await, Movement::default());
    })
    .await;
}

pub async fn a_place_that_moves_is_read_back_with_the_one_that_was_given(store: Store) {
    telling(store, |service| async move {
        let (owner, raised) = service.follows().await;
        let of = raised.id();
        assert_eq!(service.follow(&owner, of, east(90.0)).await, PlaceMove::Stays);
        for (second, metres, expected) in
            [(1, 200.0, PlaceMove::Moved), (59, 400.0, PlaceMove::TooSoon), (1, 400.0, PlaceMove::Moved)]
        {
            service.advance(TimeDelta::seconds(second));
            assert_eq!(service.follow(&owner, of, east(metres)).await, expected, "{metres} m");
        }
        let found = service.store.find(of).await;
        let call = found.call();
        assert_eq!(call.details.location, Location { position: east(400.0), address: None, description: None });
        let movement = Movement {
            followed: Some(SessionFix { session: owner.session, position: east(400.0), at: service.now() }),
            origin: Some(Box::new(raised.call().details.location.clone())),
            moved_at: Some(service.now()),
        };
        assert_eq!((&call.movement, found.updated_at()), (&movement, service.now()));
        assert_eq!(service.moves_of(of).await, [east(200.0), east(400.0)]);
        // Nothing else writes it.
        let helper = service.helper(500.0).await;
        service.accept(of, &helper).await;
        assert_eq!(service.store.find(of).await.call(), call);
        service.withdraw(of, &owner.account).await;
        assert_eq!(service.follow(&owner, of, east(900.0)).await, PlaceMove::Stays, "it is over");
        assert_eq!(service.store.find(of).await.call(), call);
    })
    .await;
}

pub async fn a_place_is_searched_and_listed_where_it_is_now(store: Store) {
    telling(store, |service| async move {
        let (owner, raised) = service.follows().await;
        let of = raised.id();
        let helper = service.helper(20_000.0).await;
        let listed = async |at: f64| {
            let found = service.store.nearby_for(helper.id, east(at), metres(1_000.0), 10).await;
            found.iter().map(|near| near.emergency.id()).collect::<Vec<_>>()
        };
        assert_eq!((listed(0.0).await, listed(20_000.0).await), (vec![of], vec![]));
        assert_eq!(service.follow(&owner, of, east(20_500.0)).await, PlaceMove::Moved);
        assert_eq!((listed(0.0).await, listed(20_000.0).await), (vec![], vec![of]));
        service.fire().await;
        let rung = service.events(of).await.into_iter().filter_map(|logged| match logged.event {
            Event::HelpersAlerted { recipients, call, .. } => Some((recipients.first()?.helper, call)),
            _ => None,
        });
        let [(rung, call)] = &rung.collect::<Vec<_>>()[..] else { panic!("not alerted once") };
        assert_eq!((*rung, call.details.location.position), (helper.id, east(20_500.0)));
    })
    .await;
}

pub async fn roles_are_given_anew_in_the_commit_of_a_move(store: Store) {
    telling(store, |service| async move {
        let (owner, raised) = service.follows().await;
        let of = raised.id();
        let mut helpers = Vec::new();
        for metres in [500.0, 510.0, 1_500.0] {
            helpers.push(service.helper(metres).await);
            service.accept(of, helpers.last().unwrap()).await;
        }
        let roles = async || {
            let found = service.store.find(of).await;
            found.responses().iter().map(|response| response.assignment().unwrap().role).collect::<Vec<_>>()
        };
        assert_eq!(roles().await, [Patient, Patient, Guide]);
        let before = service.events(of).await.len();
        assert_eq!(service.follow(&owner, of, east(1_500.0)).await, PlaceMove::Moved);
        assert_eq!(roles().await, [Guide, Patient, Patient]);
        let after = service.events(of).await.split_off(before);
        let kinds: Vec<_> = after.iter().map(|logged| logged.event.kind()).collect();
        assert_eq!(kinds, ["emergency_moved", "role_assigned", "role_assigned"]);
        service.withdraw(of, &owner.account).await;
    })
    .await;
}

pub async fn of_several_nodes_that_see_an_owner_move_one_moves_the_place(store: Store) {
    with_seeds(store, 1..=4, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let (owner, raised) = service.follows().await;
        let of = raised.id();
        let attempts = (0..6_u32).map(|n| nodes[n as usize % 2].follow(&owner, of, east(200.0 + f64::from(n))));
        let outcomes = join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|moved| **moved == PlaceMove::Moved).count(), 1, "{outcomes:?}");
        let places = service.moves_of(of).await;
        assert_eq!(places, [service.store.find(of).await.call().details.location.position]);
        service.withdraw(of, &owner.account).await;
    })
    .await;
}

pub async fn a_move_that_was_decided_on_another_revision_is_not_stored(store: Store) {
    let owner = store.register().await;
    let stale = store.raise(call_of(&owner)).await;
    store.resolve(stale.id(), at(1)).await;
    let location = Box::new(Location { position: east(500.0), address: None, description: None });
    let change = change()
        .write(Write::UpdateEmergency { emergency: Box::new(stale.clone()), responses: Vec::new() })
        .write(Write::MovePlace { emergency: stale.id(), location, movement: Box::default() });
    assert!(matches!(store.changes.commit(change).await, Err(Error::Stale)));
    assert_eq!(store.find(stale.id()).await.call(), stale.call());
}

pub async fn a_decision_by_gain_that_follows_a_move_is_taken_around_the_new_place(store: Store) {
    telling(store, |service| async move {
        let service = by_gain(service, 4.0);
        let (owner, raised) = service.follows().await;
        let of = raised.id();
        service.helper(25_000.0).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0; 0], "beyond the largest radius");
        service.advance(TimeDelta::seconds(1));
        service.follow(&owner, of, east(24_000.0)).await;
        service.fire().await;
        assert_eq!(service.alerted(of).await, [0], "at once");
    })
    .await;
}
