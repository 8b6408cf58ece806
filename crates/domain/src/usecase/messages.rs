//! Messages between participants.

use crate::{
    Actor, Addressee, Change, EmergencyAccess, EmergencyId, Error, Event, Message, MessageId, OutboxKind,
    OutboxRecipient, Refusal, Relation, Sender, Text, Write,
    message::next_message_time,
    port::{self, Constraint, MessagePage, PostContext},
    usecase::{emergencies, stalls::tell_of_sign, team::assign_roles},
};

/// The ports of these use cases.
#[derive(Clone)]
pub struct MessagePorts {
    /// Emergencies.
    pub emergencies: emergencies::EmergencyPorts,
    /// Messages.
    pub messages: std::sync::Arc<dyn port::Messages>,
}

/// Lists messages that the caller may read, oldest first.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`].
pub async fn list(cx: &MessagePorts, actor: &Actor, page: MessagePage) -> Result<Vec<Message>, Error> {
    let (access, messages) = cx.messages.list(&page).await?.ok_or(Refusal::EmergencyNotFound)?;
    take_part(cx, actor, access)?;
    Ok(messages)
}

/// A message as a participant writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The recipient.
    pub addressee: Addressee,
    /// The text.
    pub text: Text<1000>,
    /// A number by which a repetition is recognized.
    pub request: Option<Text<100>>,
}

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The message.
    pub message: Message,
    /// Whether it was posted now, and not by an earlier request with the same number.
    pub new: bool,
}

/// Posts a message of a participant to all others or to one of them. A repetition of a request returns its message, also
/// when the emergency has ended since.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyEnded`],
/// [`Refusal::RecipientTakesNoPart`].
pub async fn post(cx: &MessagePorts, actor: &Actor, id: EmergencyId, draft: Draft) -> Result<Posted, Error> {
    let ports = &cx.emergencies;
    let Draft { addressee, text, request } = &draft;
    ports
        .in_turn(id, || async {
            let context = cx.messages.post_context(id, actor.id(), request.clone()).await?;
            let PostContext { mut emergency, newest, earlier } = context.ok_or(Refusal::EmergencyNotFound)?;
            let relation = take_part(cx, actor, emergency.access(actor.id()))?;
            if let Some(message) = earlier {
                return Ok(Posted { message, new: false });
            }
            emergency.must_be_live()?;
            let person = actor.account.person();
            let message = Message {
                id: ports.ids.next().into(),
                emergency: id,
                owner: emergency.owner(),
                anonymous: emergency.call().details.anonymous,
                from: if relation == Relation::Owner { Sender::Owner(person) } else { Sender::Helper(person) },
                to: emergency.recipient(actor.id(), *addressee)?,
                text: text.clone(),
                created_at: next_message_time(ports.clock.now(), newest),
            };
            let sign = emergency.note_written(actor.id(), ports.rules.stalls, message.created_at);
            let unchanged = match &sign {
                None => Write::ExpectRevision { emergency: id, revision: emergency.revision() },
                Some(noted) => {
                    emergency.schedule_checks(ports.rules.stalls, message.created_at);
                    let responses = vec![noted.response.clone()];
                    Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses }
                }
            };
            let mut change = Change::new(Some(actor.id()), message.created_at)
                .write(unchanged)
                .write(Write::ExpectMessagesBefore { emergency: id, before: message.others_before() })
                .write(Write::PostMessage(message.clone()))
                .event(id, Event::MessagePosted { message: message.clone() });
            let readers = message.readers().unwrap_or_else(|| emergency.participants().collect());
            let silent = emergency.reachable_owner().is_none().then(|| emergency.owner());
            let told = readers.into_iter().filter(|&user| user != actor.id() && Some(user) != silent);
            let told = told.map(OutboxRecipient::user).collect();
            change = change.send(OutboxKind::Message, emergency.call(), told, ports.rules.alert_ttl);
            if let Some(noted) = sign {
                let was_stalled = noted.was_stalled;
                change = tell_of_sign(change, &emergency, noted);
                if was_stalled {
                    change = assign_roles(ports, change, &mut emergency).await?;
                }
            }
            if let Some(request) = request.clone() {
                let (sender, message) = (actor.id(), message.id);
                change = change.write(Write::AddMessageRequest { emergency: id, sender, request, message });
            }
            match ports.changes.commit(change).await {
                Ok(()) => Ok(Posted { message, new: true }),
                // The same request was carried out meanwhile: the next attempt finds its message.
                Err(port::Error::Conflict(Constraint::MessageRequestId)) => Err(port::Error::Stale.into()),
                Err(other) => Err(other.into()),
            }
        })
        .await
}

/// Deletes a message, for its sender.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`] for all but the sender, [`Refusal::MessageNotFound`].
pub async fn delete(cx: &MessagePorts, actor: &Actor, id: EmergencyId, message: MessageId) -> Result<(), Error> {
    cx.emergencies
        .in_turn(id, || async {
            let found = cx.messages.find(id, message, actor.id()).await?;
            let (access, found) = found.ok_or(Refusal::EmergencyNotFound)?;
            take_part(cx, actor, access)?;
            let found = found.filter(|m| m.is_readable_by(actor.id())).ok_or(Refusal::MessageNotFound)?;
            if found.from.id() != Some(actor.id()) {
                return Err(Refusal::NotAuthorized.into());
            }
            let change = Change::new(Some(actor.id()), cx.emergencies.clock.now())
                .write(Write::ExpectRevision { emergency: id, revision: access.revision })
                .write(Write::DeleteMessage { emergency: id, message })
                .event(id, Event::MessageDeleted { message, readers: found.readers() });
            Ok(cx.emergencies.changes.commit(change).await?)
        })
        .await
}

fn take_part(cx: &MessagePorts, actor: &Actor, access: EmergencyAccess) -> Result<Relation, Refusal> {
    let relation = access.relation(&actor.account, cx.emergencies.rules.helpers);
    if relation.is_participant() { Ok(relation) } else { Err(Refusal::NotAuthorized) }
}

#[cfg(test)]
mod tests;
