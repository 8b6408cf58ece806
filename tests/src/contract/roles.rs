//! Roles: one for each helper who comes, in the commit of what changes the team, on any number of nodes.

use std::collections::BTreeMap;

use allynet_domain::{
    Account, BlockTarget, DetailsChange, EmergencyId, EmergencyType, Event, Position, Resource, ResourceAccess,
    ResourceDetails, ResourceId, ResourceKind, ResourceSource, ResourceState, ResourceStatus, ResponseStatus,
    ResponseUpdate, Role, StallTiming, UserId, Write,
    dispatch::{
        RoleReason,
        TeamRole::{self, Aed, Guide, Patient},
        Transport,
    },
    port::AcceptanceContext,
    usecase::{details, responses},
};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::{
    service::{Service, actor, east, telling, with_seeds},
    *,
};

/// The role of each helper, with the box that they bring.
type Team = BTreeMap<UserId, (TeamRole, Option<ResourceId>)>;

impl Service {
    /// A defibrillator that is always open, at this distance east of all emergencies.
    async fn open_box(&self, metres: f64) -> ResourceId {
        let resource = Resource {
            id: id(),
            details: ResourceDetails {
                kind: ResourceKind::Aed,
                position: east(metres),
                address: None,
                access: ResourceAccess::Public,
                opening_hours: Some(text("24/7")),
                indoor: None,
                level: None,
                description: None,
                phone: None,
            },
            status: ResourceStatus::Available,
            checked_at: None,
            source: ResourceSource::Manual,
            created_at: at(0),
        };
        self.store.resources.add(&resource).await.unwrap();
        resource.id
    }

    async fn team(&self, of: EmergencyId) -> Team {
        let emergency = self.store.find(of).await;
        let responses = emergency.responses().iter();
        let held =
            responses.filter_map(|r| r.assignment().map(|held| (r.helper.person.id, (held.role, held.resource))));
        held.collect()
    }

    /// The helper who brings a box, and which one.
    async fn bringer<'a>(&self, of: EmergencyId, helpers: &'a [Account]) -> (&'a Account, ResourceId) {
        let team = self.team(of).await;
        let (bringer, (_, resource)) = team.iter().find(|(_, (role, _))| *role == Aed).unwrap();
        (helpers.iter().find(|helper| helper.id == *bringer).unwrap(), resource.unwrap())
    }

    /// The roles that were assigned after this many events of the emergency: helper, role, and why.
    async fn assigned_after(&self, of: EmergencyId, events: usize) -> Vec<(UserId, TeamRole, RoleReason)> {
        let assigned = self.events(of).await.into_iter().skip(events).filter_map(|logged| match logged.event {
            Event::RoleAssigned { helper, role, reason, .. } => Some((helper, role, reason)),
            _ => None,
        });
        assigned.collect()
    }

    async fn tell(&self, of: EmergencyId, helper: &Account, status: ResponseStatus, state: Option<ResourceState>) {
        let told = ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: state };
        responses::update(&self.context(), &actor(helper), of, told).await.unwrap();
    }
}

pub async fn of_helpers_who_accept_at_once_on_two_nodes_each_has_one_role(store: Store) {
    with_seeds(store, 1..=5, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let resource = service.open_box(400.0).await;
        let of = service.call().await;
        let mut helpers = Vec::new();
        for metres in [300.0, 310.0, 320.0, 330.0] {
            helpers.push(service.helper(metres).await);
        }
        join_all(nodes.iter().cycle().zip(&helpers).map(|(node, helper)| node.accept(of, helper))).await;
        let team = service.team(of).await;
        let mut roles: Vec<_> = team.values().map(|(role, _)| role.as_str()).collect();
        roles.sort_unstable();
        assert_eq!(roles, ["aed", "guide", "patient", "patient"]);
        let brought: Vec<_> = team.values().filter_map(|(_, brought)| *brought).collect();
        assert_eq!(brought, [resource]);
        // The log tells the same.
        let told = service.events(of).await.into_iter().filter_map(|logged| match logged.event {
            Event::RoleAssigned { helper, role, resource, .. } => Some((helper, (role, resource.map(|r| r.id)))),
            _ => None,
        });
        assert_eq!(told.collect::<Team>(), team);
        service.store.resolve(of, service.now()).await;
        service.store.resources.remove(resource).await.unwrap();
    })
    .await;
}

pub async fn a_role_passes_to_the_next_in_the_commit_that_ends_it(store: Store) {
    telling(store, |service| async move {
        for is_blocked in [false, true] {
            let resource = service.open_box(400.0).await;
            let of = service.call().await;
            let mut helpers = Vec::new();
            for metres in [300.0, 310.0, 320.0] {
                helpers.push(service.helper(metres).await);
                service.accept(of, helpers.last().unwrap()).await;
            }
            let (bringer, _) = service.bringer(of, &helpers).await;
            let events = service.events(of).await.len();
            if is_blocked {
                service.shut_out(bringer, true).await;
            } else {
                service.tell(of, bringer, ResponseStatus::Cancelled, None).await;
            }
            let (next, brought) = service.bringer(of, &helpers).await;
            assert!(next.id != bringer.id && brought == resource);
            assert_eq!(service.assigned_after(of, events).await, [(next.id, Aed, RoleReason::Vacated)]);
            assert!(!service.team(of).await.contains_key(&bringer.id));
            let after = service.events(of).await.split_off(events);
            let actors: Vec<_> = after.iter().filter(|e| matches!(e.event, Event::RoleAssigned { .. })).collect();
            assert_eq!(actors[0].actor, Some(next.id), "no role tells that somebody was blocked");
            service.store.resolve(of, service.now()).await;
            service.store.resources.remove(resource).await.unwrap();
        }
    })
    .await;
}

pub async fn a_role_passes_to_the_next_in_the_commit_of_a_stall(store: Store) {
    telling(store, |mut service| async move {
        service.rules.stalls = StallTiming::default();
        let resource = service.open_box(400.0).await;
        let of = service.call().await;
        let mut helpers = Vec::new();
        for metres in [300.0, 310.0, 320.0] {
            helpers.push(service.helper(metres).await);
            service.accept(of, helpers.last().unwrap()).await;
        }
        let (bringer, _) = service.bringer(of, &helpers).await;
        service.advance(TimeDelta::seconds(180));
        service.fire().await;
        for coming in helpers.iter().filter(|helper| helper.id != bringer.id) {
            service.tell(of, coming, ResponseStatus::OnWay, None).await;
        }
        let events = service.events(of).await.len();
        service.advance(TimeDelta::seconds(45));
        // Both nodes see that the timer is due.
        let nodes = [service.clone(), service.another().await];
        join_all(nodes.iter().map(Service::fire)).await;
        let (next, brought) = service.bringer(of, &helpers).await;
        assert!(next.id != bringer.id && brought == resource);
        assert_eq!(service.assigned_after(of, events).await, [(next.id, Aed, RoleReason::Vacated)]);
        assert!(!service.team(of).await.contains_key(&bringer.id));
        let after = service.events(of).await.split_off(events);
        let kinds: Vec<_> = after.iter().map(|logged| logged.event.kind()).collect();
        assert_eq!(kinds, ["helper_status_updated", "role_assigned"]);
        // With a sign they come again, and have another task. The box stays with the helper who fetches it now.
        service.tell(of, bringer, ResponseStatus::OnWay, None).await;
        let team = service.team(of).await;
        assert_eq!((team.len(), team[&next.id]), (3, (Aed, Some(resource))));
        assert_ne!(team[&bringer.id].0, Aed);
        service.store.resolve(of, service.now()).await;
        service.store.resources.remove(resource).await.unwrap();
    })
    .await;
}

pub async fn a_role_moves_in_the_commit_of_an_arrival(store: Store) {
    telling(store, |service| async move {
        let of = service.call().await;
        let mut helpers = Vec::new();
        for metres in [2_000.0, 2_010.0, 2_020.0] {
            helpers.push(service.helper(metres).await);
            service.accept(of, helpers.last().unwrap()).await;
        }
        let [first, second, third] = helpers.try_into().unwrap();
        let roles =
            |roles: [TeamRole; 3]| [first.id, second.id, third.id].into_iter().zip(roles.map(|role| (role, None)));
        assert_eq!(service.team(of).await, roles([Patient, Patient, Guide]).collect());
        let events = service.events(of).await.len();
        service.locate(&third, 10.0).await;
        service.tell(of, &third, ResponseStatus::Arrived, None).await;
        assert_eq!(service.team(of).await, roles([Patient, Guide, Patient]).collect());
        let assigned = service.assigned_after(of, events).await;
        assert_eq!(assigned, [(third.id, Patient, RoleReason::Better), (second.id, Guide, RoleReason::Better)]);
        service.store.resolve(of, service.now()).await;
    })
    .await;
}

pub async fn roles_follow_the_type_in_the_commit_that_changes_it(store: Store) {
    telling(store, |service| async move {
        let resource = service.open_box(400.0).await;
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let mut helpers = Vec::new();
        for metres in [300.0, 310.0, 320.0] {
            helpers.push(service.helper(metres).await);
            service.accept(of, helpers.last().unwrap()).await;
        }
        let held = async || service.team(of).await.into_values().collect::<Vec<_>>();
        assert!(held().await.contains(&(Aed, Some(resource))), "it is medical");
        for (kind, expected) in [
            (EmergencyType::Assault, ["companion", "companion", "guide"]),
            (EmergencyType::Accident, ["aed", "patient", "patient"]),
            (EmergencyType::Other, ["patient", "patient", "support"]),
        ] {
            let events = service.events(of).await.len();
            let before = service.team(of).await;
            let change = DetailsChange { kind: Some(kind), ..DetailsChange::default() };
            details::change(&service.context(), &actor(&owner), of, change).await.unwrap();
            let team = service.team(of).await;
            let mut roles: Vec<_> = team.values().map(|(role, _)| role.as_str()).collect();
            roles.sort_unstable();
            assert_eq!(roles, expected, "{kind}");
            let brought: Vec<_> = team.values().filter_map(|(_, brought)| *brought).collect();
            assert_eq!(brought, if kind == EmergencyType::Accident { vec![resource] } else { vec![] }, "{kind}");
            // The log tells of each who has another, in the same commit, after the type.
            let told: BTreeMap<_, _> =
                service.assigned_after(of, events).await.into_iter().map(|(helper, role, _)| (helper, role)).collect();
            let changed = team.iter().filter(|(helper, held)| before[helper] != **held);
            assert_eq!(told, changed.map(|(helper, (role, _))| (*helper, *role)).collect(), "{kind}");
            let first = service.events(of).await.swap_remove(events).event;
            assert!(matches!(first, Event::EmergencyUpdated { .. }), "{first:?}");
        }
        service.store.resolve(of, service.now()).await;
        service.store.resources.remove(resource).await.unwrap();
    })
    .await;
}

pub async fn a_box_that_is_not_there_is_reported_and_another_is_brought(store: Store) {
    telling(store, |service| async move {
        let boxes = [service.open_box(400.0).await, service.open_box(450.0).await];
        let of = service.call().await;
        let mut helpers = Vec::new();
        for metres in [300.0, 310.0, 320.0] {
            helpers.push(service.helper(metres).await);
            service.accept(of, helpers.last().unwrap()).await;
        }
        let (bringer, missing) = service.bringer(of, &helpers).await;
        let other = boxes.into_iter().find(|resource| *resource != missing).unwrap();
        service.advance(TimeDelta::seconds(1));
        service.locate(bringer, 425.0).await;
        let events = service.events(of).await.len();
        // The same report once more is about the same box.
        for _ in 0..2 {
            service.tell(of, bringer, ResponseStatus::OnWay, Some(ResourceState::Missing)).await;
            let (_, brought) = service.bringer(of, &helpers).await;
            assert_eq!(brought, other);
        }
        let status = async |resource| service.store.resources.find(resource).await.unwrap().unwrap().status;
        assert_eq!(status(missing).await, ResourceStatus::Missing, "the helper was beside it");
        assert_eq!(status(other).await, ResourceStatus::Available);
        let reasons: Vec<_> =
            service.assigned_after(of, events).await.into_iter().map(|(_, _, reason)| reason).collect();
        assert!(reasons.contains(&RoleReason::ResourceMissing), "{reasons:?}");
        // One that was taken along is where its helper is.
        let (next, _) = service.bringer(of, &helpers).await;
        service.tell(of, next, ResponseStatus::OnWay, Some(ResourceState::Collected)).await;
        service.tell(of, next, ResponseStatus::Cancelled, None).await;
        assert!(service.team(of).await.values().all(|(role, resource)| *role != Aed && resource.is_none()));
        service.store.resolve(of, service.now()).await;
        for resource in boxes {
            service.store.resources.remove(resource).await.unwrap();
        }
    })
    .await;
}

pub async fn an_acceptance_is_decided_on_where_the_helper_is(store: Store) {
    let helper = store.helper().await;
    let of = store.emergency().await.id();
    let way = async || {
        let read = store.emergencies.load_for_acceptance(of, helper.id).await.unwrap().unwrap();
        let AcceptanceContext { transport, last_fix, .. } = read;
        (transport, last_fix.map(|(position, _)| position))
    };
    assert_eq!(way().await, (Transport::Foot, None));
    let position = Position::new(1.5, -2.5).unwrap();
    store.locate(helper.id, position).await;
    let by_car = allynet_domain::HelperRecord { transport: Transport::Car, ..verified() };
    store.write(Write::SetHelper { user: helper.id, helper: by_car, role: Role::Helper }).await;
    assert_eq!(way().await, (Transport::Car, Some(position)));
    store.cancel(of, at(1)).await;
}

pub async fn a_role_is_hidden_behind_a_block_and_from_who_has_finished(store: Store) {
    telling(store, |service| async move {
        let of = service.call().await;
        let mut helpers = Vec::new();
        for metres in [300.0, 310.0, 320.0] {
            helpers.push(service.helper(metres).await);
        }
        let [finished, one, other] = helpers.try_into().unwrap();
        service.accept(of, &finished).await;
        service.tell(of, &finished, ResponseStatus::Completed, None).await;
        service.advance(TimeDelta::hours(2));
        service.store.block(&other, BlockTarget::User(one.id)).await;
        for helper in [&one, &other] {
            service.accept(of, helper).await;
        }
        let mut hidden = BTreeMap::new();
        let mut disclosed = BTreeMap::new();
        for logged in service.events(of).await {
            match logged.event {
                Event::RoleAssigned { helper, hidden_from, .. } => drop(hidden.insert(helper, hidden_from)),
                Event::DetailsDisclosed { helper, emergency } => drop(disclosed.insert(helper, emergency)),
                _ => {}
            }
        }
        assert_eq!(hidden[&one.id], [finished.id], "the other has not accepted yet");
        assert_eq!(hidden[&other.id], [one.id, finished.id]);
        let responses = disclosed[&other.id].emergency().responses().iter();
        let told = responses.map(|r| (r.helper.person.id, r.assignment().is_some()));
        let expected = [(finished.id, false), (one.id, false), (other.id, true)];
        assert_eq!(told.collect::<BTreeMap<_, _>>(), BTreeMap::from(expected));
        service.store.resolve(of, service.now()).await;
    })
    .await;
}
