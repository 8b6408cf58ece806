//! One of every event.

use super::{
    ALAN, GRACE_HOPPER, MESSAGE, OWNER, at, call, helper_card, id, message_from_owner, position, recipient, text,
    with_responses,
};
use crate::{
    AssignedResource, BlockedPair, DeviceLoss, EmergencyOverview, EmergencyStatus, Event, LostDevice, Metres,
    NoticeState, ResolutionType, ResourceKind, ResponseStatus, SendChannel, To, UserId,
    dispatch::{RoleReason, StandDownReason, TeamRole},
};

/// One of every variant, each at its own place.
#[expect(clippy::too_many_lines, reason = "a list")]
pub fn every_event() -> Vec<Event> {
    let alerted: Vec<UserId> = vec![id(GRACE_HOPPER), id(ALAN)];
    let responded = with_responses(&[(GRACE_HOPPER, ResponseStatus::Responding)]);
    vec![
        Event::EmergencyCreated { call: call(), nearby_helpers: 2, hidden_from: vec![], announced: true },
        Event::HelpersAlerted {
            call: call(),
            status: EmergencyStatus::Active,
            wave: 1,
            radius: Metres::new(5_000.0),
            recipients: vec![recipient(GRACE_HOPPER, 10.5), recipient(ALAN, 20.0)],
            decision: None,
        },
        Event::AlertDeclined { helper: id(ALAN) },
        Event::AlertAcknowledged { helper: id(GRACE_HOPPER) },
        Event::Unanswered { owner: id(OWNER), alerted: 2 },
        Event::HelperJoined {
            helper: helper_card(GRACE_HOPPER),
            joined_at: at(1),
            estimated_arrival: Some(at(60)),
            transport: crate::dispatch::Transport::Foot,
            separated_from: vec![],
        },
        Event::DetailsDisclosed { helper: id(GRACE_HOPPER), emergency: EmergencyOverview::from(&responded) },
        Event::HelperStatusUpdated {
            helper: id(GRACE_HOPPER),
            status: ResponseStatus::OnWay,
            notes: Some(text("By bike")),
            estimated_arrival: Some(at(60)),
            updated_at: at(2),
            anonymous: false,
            counts_until: None,
            stalled: false,
        },
        Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: at(1) },
        Event::EmergencyResolved {
            at: at(10),
            by: Some(id(OWNER)),
            resolution: ResolutionType::UserResolved,
            notes: Some(text("All well")),
            anonymous: false,
        },
        Event::EmergencyCancelled {
            at: at(10),
            reason: Some(text("By mistake")),
            alerted: alerted.clone(),
            anonymous: false,
        },
        Event::EmergencyEnded {
            status: EmergencyStatus::Resolved,
            at: at(10),
            alerted,
            participants: vec![id(OWNER), id(GRACE_HOPPER)],
            hidden_from: vec![],
            announced: true,
            critical: false,
        },
        Event::EmergencyReopened {
            call: call(),
            status: EmergencyStatus::Responding,
            at: at(11),
            alerted: vec![id(ALAN)],
            participants: vec![id(OWNER), id(GRACE_HOPPER)],
            separated: vec![],
            hidden_from: vec![],
            announced: true,
        },
        Event::AlertsRenewed,
        Event::EmergencyDeleted,
        Event::MessagePosted { message: message_from_owner(To::Everyone) },
        Event::MessageDeleted { message: id(MESSAGE), readers: Some(vec![id(OWNER), id(GRACE_HOPPER)]) },
        Event::HelperRightsChanged { user: id(GRACE_HOPPER), on_duty: true, critical_only: false, may_help: true },
        Event::SessionsRevoked { user: id(GRACE_HOPPER), only: Some(id(400)), except: None, former: None },
        Event::AccountBlocked { user: id(GRACE_HOPPER) },
        Event::UserBlocked(BlockedPair { by: id(OWNER), user: id(ALAN) }),
        Event::UserUnblocked(BlockedPair { by: id(OWNER), user: id(ALAN) }),
        Event::EmergencyHidden { user: id(ALAN), at: at(3) },
        announced(),
        Event::DeviceLost(LostDevice {
            id: id(7),
            user: id(GRACE_HOPPER),
            name: Some(text("Phone")),
            reason: DeviceLoss::Moved,
        }),
        Event::AlertSeen { helper: id(GRACE_HOPPER) },
        Event::AlertsSent {
            channel: SendChannel::WebPush,
            step: 1,
            sent: vec![id(GRACE_HOPPER)],
            failed: vec![id(ALAN)],
        },
        Event::ContactNotified { owner: id(OWNER), contact: id(70), state: NoticeState::Sent },
        Event::EmergencyUpdated {
            call: call(),
            status: EmergencyStatus::Active,
            alerted: vec![id(ALAN)],
            finished: vec![id(GRACE_HOPPER)],
        },
        Event::ResponseChecked { helper: id(GRACE_HOPPER), until: at(225) },
        Event::EmergencyMoved {
            owner: id(OWNER),
            position: position(52.501, 13.4),
            at: at(4),
            finished: vec![id(ALAN)],
        },
        role_assigned(),
        Event::HelperStoodDown { helper: id(GRACE_HOPPER), reason: StandDownReason::EnoughHelpers, at: at(5) },
    ]
}

fn role_assigned() -> Event {
    Event::RoleAssigned {
        helper: id(GRACE_HOPPER),
        role: TeamRole::Aed,
        resource: Some(AssignedResource {
            id: id(77),
            kind: ResourceKind::Aed,
            position: position(52.5, 13.4),
            address: Some(text("Am Ufer 1")),
            description: Some(text("Beside the door")),
            open_until: Some(at(90)),
        }),
        previous: Some(TeamRole::Patient),
        reason: RoleReason::Better,
        at: at(4),
        hidden_from: vec![id(ALAN)],
    }
}

fn announced() -> Event {
    Event::EmergencyAnnounced {
        call: call(),
        status: EmergencyStatus::Responding,
        nearby_helpers: 2,
        hidden_from: vec![],
    }
}
