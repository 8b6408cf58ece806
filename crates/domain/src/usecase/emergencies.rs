//! Raising, resolving, cancelling and deleting emergencies.

use std::{mem, sync::Arc};

use crate::{
    AccessKind, Actor, Call, Change, DeletedEmergency, Details, Emergency, EmergencyId, Error, Event, GainInput,
    Message, Movement, OutboxKind, OutboxRecipient, Refusal, Relation, ResolutionType, ResponseStatus, Search, Sender,
    SessionId, SkippedCounts, Stage, TRUST_FOR_HELPING, Text, Timestamp, To, UserId, Wave, Write,
    dispatch::{GainPolicy, LoggedDecision},
    message,
    port::{
        self, Constraint, HelperSelection, ListReader, Loaded, Near, RaiseContext, RaiseQuery, ReadEmergency, Urgency,
    },
    usecase::{Rules, retry::retry_stale},
};

/// The ports and rules of these use cases.
#[derive(Clone)]
pub struct EmergencyPorts {
    /// Emergencies.
    pub emergencies: Arc<dyn port::Emergencies>,
    /// Helpers by position.
    pub helpers: Arc<dyn port::Helpers>,
    /// Defibrillators and other things that help.
    pub resources: Arc<dyn port::Resources>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
    /// Queues of changes, one per emergency.
    pub queue: Arc<dyn port::EmergencyQueue>,
    /// Pauses between attempts to commit.
    pub backoff: Arc<dyn port::Backoff>,
    /// Which exact places administrators read.
    pub access_log: Arc<dyn port::AccessLog>,
    /// The community's rules.
    pub rules: Rules,
}

impl EmergencyPorts {
    /// Adds to a change of an emergency that what the owner's contacts are told is reviewed. Nothing without email.
    #[must_use]
    pub(super) fn review_contacts(&self, change: Change, emergency: EmergencyId) -> Change {
        if self.rules.tells_contacts { change.write(Write::ReviewContacts(emergency)) } else { change }
    }

    /// Loads an emergency for display, and the caller's stage in it.
    ///
    /// # Errors
    /// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`].
    pub async fn read(&self, actor: &Actor, id: EmergencyId) -> Result<(Emergency, Stage), Error> {
        let read = self.emergencies.read(id, actor.id()).await?.ok_or(Refusal::EmergencyNotFound)?;
        let ReadEmergency { emergency, alerted, hidden } = read;
        emergency.admit(&actor.account, self.rules.helpers, hidden)?;
        let stage = emergency.stage(&actor.account, self.rules.helpers, alerted, self.clock.now());
        self.record_reading(actor, AccessKind::Emergency, [(&emergency, stage)]).await?;
        Ok((emergency, stage))
    }

    /// Turns the refusal of a right into that of an unknown emergency, if a block hides the emergency from the caller: another
    /// answer would tell that it exists. Reads the emergency only after such a refusal.
    ///
    /// # Errors
    /// Those of `outcome`, and when a port fails.
    pub async fn conceal<T>(&self, actor: &Actor, id: EmergencyId, outcome: Result<T, Error>) -> Result<T, Error> {
        let Err(Error::Refused(Refusal::NotAuthorized)) = outcome else { return outcome };
        match self.emergencies.read(id, actor.id()).await? {
            Some(read) if read.hidden && !actor.account.is_admin() => Err(Refusal::EmergencyNotFound.into()),
            _ => outcome,
        }
    }

    /// The caller as the reader of a list.
    pub fn list_reader(&self, actor: &Actor) -> ListReader {
        let Rules { places, gain, .. } = &self.rules;
        let (user, administers) = (actor.id(), actor.account.is_admin());
        ListReader { user, administers, places: *places, alerted_only: gain.is_some() }
    }

    /// Decides on an emergency and commits, in the order of arrival among all changes of this emergency.
    pub(super) async fn in_turn<T, F: Future<Output = Result<T, Error>>>(
        &self,
        id: EmergencyId,
        decide: impl FnMut() -> F,
    ) -> Result<T, Error> {
        self.decide_in_queue(id, Some(Urgency::Normal), decide).await
    }

    /// Decides on an emergency and commits without waiting for a turn.
    pub(super) async fn at_once<T, F: Future<Output = Result<T, Error>>>(
        &self,
        id: EmergencyId,
        decide: impl FnMut() -> F,
    ) -> Result<T, Error> {
        self.decide_in_queue(id, None, decide).await
    }

    /// Decides again, as the next in the queue, while another change is committed first.
    async fn decide_in_queue<T, F: Future<Output = Result<T, Error>>>(
        &self,
        id: EmergencyId,
        first: Option<Urgency>,
        mut decide: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut urgency = first;
        retry_stale(&*self.backoff, || {
            // The turn is given back before the pause, so that the next change need not wait for it. Later attempts go
            // before it: behind a long queue every attempt would come too late.
            let (attempt, urgency) = (decide(), urgency.replace(Urgency::Urgent));
            async move {
                let _permit = match urgency {
                    Some(urgency) => Some(self.queue.enter(id, urgency).await),
                    None => None,
                };
                attempt.await
            }
        })
        .await
    }

    /// Loads an emergency, to decide a change on it.
    ///
    /// # Errors
    /// [`Refusal::EmergencyNotFound`].
    pub(super) async fn load(&self, id: EmergencyId) -> Result<Loaded, Error> {
        Ok(self.emergencies.load(id, None).await?.ok_or(Refusal::EmergencyNotFound)?)
    }

    /// Loads an emergency, to decide a change on it, with some of the helpers near enough to be alerted.
    ///
    /// # Errors
    /// [`Refusal::EmergencyNotFound`].
    pub(super) async fn load_with(&self, id: EmergencyId, selection: HelperSelection) -> Result<Loaded, Error> {
        self.load_maybe_near(id, Some(selection), None).await
    }

    /// Loads an emergency with as many of the nearest helpers as a wave alerts, to decide on it that `leaving` does not respond
    /// any more.
    ///
    /// # Errors
    /// [`Refusal::EmergencyNotFound`].
    pub(super) async fn load_without(&self, id: EmergencyId, leaving: UserId) -> Result<Loaded, Error> {
        self.load_maybe_near(id, Some(self.nearest()), Some(leaving)).await
    }

    /// The helpers that a step of a search is decided on.
    pub(super) fn nearest(&self) -> HelperSelection {
        match &self.rules.gain {
            Some(gain) => HelperSelection::Census(gain.census()),
            None => HelperSelection::Nearest(self.rules.alerts.wave_size()),
        }
    }

    /// Loads an emergency, to decide a change on it, with the helpers selected, if any.
    ///
    /// # Errors
    /// [`Refusal::EmergencyNotFound`].
    pub(super) async fn load_maybe_near(
        &self,
        id: EmergencyId,
        selection: Option<HelperSelection>,
        leaving: Option<UserId>,
    ) -> Result<Loaded, Error> {
        let Some(selection) = selection else { return self.load(id).await };
        let (on_duty, within) = (self.rules.on_duty(self.clock.now()), self.rules.alerts.largest());
        let rings_since = self.rules.alerts.storm.since(self.clock.now());
        let near = Some(Near { on_duty, within, selection, leaving, places: self.rules.places, rings_since });
        Ok(self.emergencies.load(id, near).await?.ok_or(Refusal::EmergencyNotFound)?)
    }
}

/// The outcome of raising an emergency.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// The emergency.
    pub emergency: Emergency,
    /// Number of helpers on duty within the alert radius.
    pub nearby_helpers: u32,
    /// Whether it was raised by this request, not by an earlier one with the same `request_id`.
    pub new: bool,
}

/// Raises an emergency. A repeated `request_id` returns the emergency that was raised with it, while it is live.
///
/// Its place follows the owner if the session that raises it was there a moment ago, unless it is a `fixed_place`: for somebody
/// else, for instance.
///
/// # Errors
/// [`Refusal::ActiveEmergencyExists`], [`Refusal::RequestIdUsed`]; [`Refusal::TokenInvalid`] if the account was deleted meanwhile.
pub async fn raise(
    cx: &EmergencyPorts,
    actor: &Actor,
    details: Details,
    request_id: Option<Text<100>>,
    fixed_place: bool,
) -> Result<Raised, Error> {
    let (id, owner, created_at) = (cx.ids.next().into(), actor.account.person(), cx.clock.now());
    let call = Call { id, owner, details, created_at, movement: Movement::default() };
    let session = (!fixed_place).then_some(actor.session);
    retry_stale(&*cx.backoff, || try_raise(cx, call.clone(), request_id.as_ref(), session)).await
}

/// `session`: the session whose positions the place may follow.
async fn try_raise(
    cx: &EmergencyPorts,
    mut call: Call,
    request_id: Option<&Text<100>>,
    session: Option<SessionId>,
) -> Result<Raised, Error> {
    let policy = &cx.rules.alerts;
    let query = RaiseQuery {
        owner: call.owner.id,
        request_id,
        place: cx.rules.places.alert_place(&call.details),
        anonymous: call.details.anonymous,
        kind: call.details.kind,
        critical: call.details.is_critical(),
        on_duty: cx.rules.on_duty(call.created_at),
        radii: policy.radii(),
        enough: policy.min_helpers().max(1),
        limit: policy.wave_size(),
        rings_since: policy.storm.since(call.created_at),
        census: cx.rules.gain.as_ref().map(GainPolicy::census),
    };
    let RaiseContext { earlier, helpers, hidden_from, deleted, owner_distance, owner_fix, rings, census } =
        cx.emergencies.raise_context(&query).await?;
    let mut wave = policy.first_wave(&helpers);
    if let Some(earlier) = earlier {
        // A repeated request may only be answered with success while help is searched for it.
        if !earlier.status().is_live() {
            return Err(Refusal::RequestIdUsed { emergency: earlier.id() }.into());
        }
        if request_id.is_none() || earlier.request_id() != request_id {
            return Err(Refusal::ActiveEmergencyExists { emergency: earlier.id() }.into());
        }
        let index = policy.radii().iter().position(|&r| r == earlier.alert_radius());
        let nearby_helpers = match cx.rules.gain {
            Some(_) => helpers.counts.last().copied().unwrap_or(0),
            None => index.and_then(|i| helpers.counts.get(i).copied()).unwrap_or(wave.helpers_within),
        };
        return Ok(Raised { emergency: earlier, nearby_helpers, new: false });
    }
    if let Some(emergency) = deleted {
        return Err(Refusal::RequestIdUsed { emergency }.into());
    }
    let mut logged = None;
    let (place, now) = (call.details.location.position, call.created_at);
    call.movement.followed = session.and_then(|session| owner_fix?.following(session, place, now));
    let call = &call;
    let (mut search, finds_no_helper, counted_radius) = if let Some(gain) = &cx.rules.gain {
        let (near, judged_place) = (&helpers.nearest[..], query.place.judged);
        let input = GainInput { policy: gain, judged_place, alerts: &[], near, census: &census, joined: None };
        let decision = input.first_decision(call);
        let (search, radius, ring) = Search::begin_by_gain(call.created_at, policy, &decision, near, &rings);
        let is_unanswered = search.unanswered_at.is_some();
        (wave.radius, wave.recipients) = (radius, ring);
        wave.helpers_within = helpers.counts.last().copied().unwrap_or(0);
        logged = Some(Box::new(LoggedDecision::from(&decision)));
        (search, is_unanswered, policy.largest())
    } else {
        let chosen = mem::take(&mut wave.recipients);
        // Beyond the radius there may be others if none of the helpers who count within it may be alerted.
        let finds_no_helper = chosen.is_empty() && policy.next_radius(wave.radius).is_none();
        let (search, ring) = Search::begin(call.created_at, policy, wave.radius, chosen, &rings);
        wave.recipients = ring;
        (search, finds_no_helper, wave.radius)
    };
    search.skipped = SkippedCounts::within(counted_radius, &helpers.skipped);
    // To others an anonymous owner counts like any helper: a number without them would tell who they are.
    let is_owner_counted = call.details.anonymous && owner_distance.is_some_and(|distance| distance <= counted_radius);
    let nearby_helpers = wave.helpers_within.saturating_add(is_owner_counted.into());
    search.announce(call.created_at, policy, call.owner.id, nearby_helpers, &rings);
    let mut emergency = Emergency::raise(call.clone(), request_id.cloned(), &wave, search);
    let is_unanswered =
        finds_no_helper && (cx.rules.gain.is_some() || emergency.exhaust_search(call.created_at, &[], &[]));
    let mut change = raised(cx, &emergency, (&wave, logged), nearby_helpers, hidden_from);
    if is_unanswered {
        change = tell_owner_unanswered(cx, change, &emergency);
    }
    match cx.changes.commit(change).await {
        Ok(()) => Ok(Raised { emergency, nearby_helpers: wave.helpers_within, new: true }),
        // The account was deleted since its token was read.
        Err(port::Error::Conflict(Constraint::Owner)) => Err(Refusal::TokenInvalid.into()),
        // The owner's other emergency was stored meanwhile: the next attempt finds it, unless it has ended by then.
        Err(port::Error::Conflict(Constraint::LiveEmergency | Constraint::RequestId)) => Err(port::Error::Stale.into()),
        Err(other) => Err(other.into()),
    }
}

/// The change that stores a new emergency, its first wave of alerts and the receipt for its owner. `nearby_helpers` is the
/// number that others are told.
///
/// The receipt counts the helpers that the wave has places for, not the recipients: alerts that are held back follow, and
/// blocks must not show.
fn raised(
    cx: &EmergencyPorts,
    emergency: &Emergency,
    (wave, decision): (&Wave, Option<Box<LoggedDecision>>),
    nearby_helpers: u32,
    hidden_from: Vec<UserId>,
) -> Change {
    let call = emergency.call();
    let id = call.id;
    let announced = emergency.is_announced();
    let created = Event::EmergencyCreated { call: call.clone(), nearby_helpers, hidden_from, announced };
    let mut change = Change::new(Some(call.owner.id), call.created_at)
        .write(Write::RaiseEmergency(Box::new(emergency.clone())))
        .event(id, created);
    if announced {
        change = change.write(Write::AnnounceEmergency(id));
    }
    let recipients = wave.recipients.clone();
    let alerted = Event::HelpersAlerted {
        call: call.clone(),
        status: emergency.status(),
        wave: wave.number,
        radius: wave.radius,
        recipients: recipients.clone(),
        decision,
    };
    let sent = Write::SendAlerts { emergency: id, wave: wave.number, recipients };
    let change = cx.review_contacts(change.write(sent), id).event(id, alerted);
    let devices = wave.recipients.iter().map(|recipient| OutboxRecipient::alerted(recipient, false)).collect();
    let change = change.send(OutboxKind::Alert, call, devices, cx.rules.alert_ttl);
    let alerted = if cx.rules.gain.is_some() {
        // As many as the minimum takes of those who are there, whoever of them is behind a block.
        let chosen = u32::try_from(wave.recipients.len() + emergency.search().held.len()).unwrap_or(u32::MAX);
        wave.helpers_within.min(chosen.max(cx.rules.alerts.min_helpers()))
    } else {
        wave.helpers_within.min(cx.rules.alerts.wave_size())
    };
    match message::receipt(alerted) {
        Some(text) => post_to_owner(cx, change, emergency, text),
        None => change,
    }
}

/// Adds a message of the service to the owner.
pub(super) fn post_to_owner(cx: &EmergencyPorts, change: Change, emergency: &Emergency, text: Text<1000>) -> Change {
    let call = emergency.call();
    let message = Message {
        id: cx.ids.next().into(),
        emergency: call.id,
        owner: call.owner.id,
        anonymous: call.details.anonymous,
        from: Sender::System,
        to: To::Creator,
        text,
        created_at: message::next_message_time(change.at, None),
    };
    change.write(Write::PostMessage(message.clone())).event(call.id, Event::MessagePosted { message })
}

/// Tells the owner that no helper answered, also by push.
pub(super) fn tell_owner_unanswered(cx: &EmergencyPorts, change: Change, emergency: &Emergency) -> Change {
    let unanswered = Event::Unanswered { owner: emergency.owner(), alerted: emergency.alerts().alerted };
    let owner = emergency.reachable_owner().map(OutboxRecipient::user).into_iter().collect();
    let change = change.event(emergency.id(), unanswered);
    change.send(OutboxKind::Unanswered, emergency.call(), owner, cx.rules.alert_ttl)
}

/// Resolves an emergency, for its owner, a responding helper or an administrator.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyEnded`].
pub async fn resolve(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    notes: Option<Text<500>>,
) -> Result<(Emergency, Relation), Error> {
    cx.at_once(id, || async {
        let mut loaded = cx.load(id).await?;
        let (now, by) = (cx.clock.now(), actor.id());
        let relation = loaded.emergency.relation(&actor.account, cx.rules.helpers);
        let resolution = loaded.emergency.resolve(by, relation, notes.clone(), now)?;
        let change = resolved(cx, &loaded, Some(by), resolution, notes.clone(), now);
        cx.changes.commit(change).await?;
        Ok((loaded.emergency, relation))
    })
    .await
}

/// The change that stores and announces a resolved emergency, and adds trust for the helpers that arrived.
pub(super) fn resolved(
    cx: &EmergencyPorts,
    loaded: &Loaded,
    by: Option<UserId>,
    resolution: ResolutionType,
    notes: Option<Text<500>>,
    at: Timestamp,
) -> Change {
    let emergency = &loaded.emergency;
    // The event goes to the whole room, so an anonymous owner is left out of it altogether.
    let anonymous = emergency.call().details.anonymous;
    let hidden = by == Some(emergency.owner()) && anonymous;
    let event = Event::EmergencyResolved { at, by: by.filter(|_| !hidden), resolution, notes, anonymous };
    let change = ended(cx, loaded, by, at, event);
    let helpers: Vec<UserId> = emergency.trusted_helpers().collect();
    if helpers.is_empty() {
        return change;
    }
    change.write(Write::AddTrust {
        emergency: emergency.id(),
        owner: emergency.owner(),
        helpers,
        by: TRUST_FOR_HELPING,
        unless_since: cx.rules.reputation_counted_since(at),
    })
}

/// Cancels an emergency, for its owner.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyEnded`].
pub async fn cancel(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    reason: Option<Text<500>>,
) -> Result<Emergency, Error> {
    cx.at_once(id, || async {
        let mut loaded = cx.load(id).await?;
        let now = cx.clock.now();
        loaded.emergency.cancel(actor.id(), reason.clone(), now)?;
        let cancelled = Event::EmergencyCancelled {
            at: now,
            reason: reason.clone(),
            alerted: loaded.alerted(),
            anonymous: loaded.emergency.call().details.anonymous,
        };
        cx.changes.commit(ended(cx, &loaded, Some(actor.id()), now, cancelled)).await?;
        Ok(loaded.emergency)
    })
    .await
}

fn ended(cx: &EmergencyPorts, loaded: &Loaded, by: Option<UserId>, at: Timestamp, how: Event) -> Change {
    let emergency = &loaded.emergency;
    let end = Event::EmergencyEnded {
        status: emergency.status(),
        at,
        alerted: loaded.alerted(),
        participants: emergency.participants().collect(),
        hidden_from: loaded.hidden_from.clone(),
        announced: emergency.is_announced(),
        critical: emergency.was_announced_critical(),
    };
    // The end records whether a helper was near. Cancelled responses stay as they are.
    let open = emergency.responses().iter().filter(|r| r.status != ResponseStatus::Cancelled);
    let responses = open.filter(|r| r.record.came_near.is_some()).cloned().collect();
    let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses };
    let change = Change::new(by, at).write(update).event(emergency.id(), how).event(emergency.id(), end);
    let change = cx.review_contacts(change, emergency.id());
    let alerted = loaded.alerts.iter().filter(|alert| alert.wave.is_some() && alert.declined_at.is_none());
    let owner = emergency.reachable_owner().filter(|owner| by != Some(*owner));
    let told = alerted.map(|alert| alert.helper).chain(owner).map(OutboxRecipient::user).collect();
    change.send(OutboxKind::Ended, emergency.call(), told, cx.rules.alert_ttl)
}

/// Deletes an emergency that has ended, for its owner, with its messages and its part of the log. A record without texts
/// stays for administrators.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyLive`].
pub async fn delete(cx: &EmergencyPorts, actor: &Actor, id: EmergencyId) -> Result<(), Error> {
    let emergency = cx.emergencies.find(id).await?.ok_or(Refusal::EmergencyNotFound)?;
    if emergency.owner() != actor.id() {
        return Err(Refusal::NotAuthorized.into());
    }
    if emergency.status().is_live() {
        return Err(Refusal::EmergencyLive.into());
    }
    let now = cx.clock.now();
    let record = DeletedEmergency::new(&emergency, now);
    let change =
        Change::new(Some(actor.id()), now).write(Write::DeleteEmergency(record)).event(id, Event::EmergencyDeleted);
    Ok(cx.changes.commit(change).await?)
}

/// Checks that the caller may help.
///
/// # Errors
/// [`Refusal::NotAHelper`].
pub fn must_be_helper(cx: &EmergencyPorts, actor: &Actor) -> Result<(), Refusal> {
    if actor.account.may_help(cx.rules.helpers) { Ok(()) } else { Err(Refusal::NotAHelper) }
}

#[cfg(test)]
pub(in crate::usecase) mod tests;
