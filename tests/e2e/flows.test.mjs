// The three flows of the service, from the button to the helper's screen and back: an emergency is raised, helpers
// report what they do, and it ends. Over REST and the official client, payload by payload.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, eventually, north, settled, startNode, transports } from './harness.mjs';
import {
  announcedEmergency,
  assertIdsGrow,
  assertMatches,
  atLeast,
  between,
  emergency as emergencyShape,
  events,
  id,
  integer,
  ok,
  refused,
  respondingHelper,
  text,
  time,
} from './shapes.mjs';

for (const database of databases) {
  describe(`the event flows on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    // An owner and as many helpers on duty, each about 100 m further off, all connected.
    async function scene(helpers = 1, options = {}) {
      const place = app.somewhere();
      const [owner, ...standing] = await Promise.all([
        app.owner(),
        ...Array.from({ length: helpers }, (_, index) =>
          app.helperAt(north(place, 100 * (index + 1)), { firstName: `Helper${index}` }),
        ),
      ]);
      const [ownerSocket, ...sockets] = await Promise.all([owner, ...standing].map((caller) => caller.connect(options)));
      return { place, owner, ownerSocket, helpers: standing, sockets };
    }

    async function raise(owner, place, fields = {}) {
      return ok(await owner.post('/emergencies', { location: place, ...fields }), 201).emergency;
    }

    async function respond(helper, emergencyId) {
      return ok(await helper.post(`/emergencies/${emergencyId}/respond`, {})).emergency;
    }

    // The numbers of the alerts, once somebody has acknowledged one.
    const acknowledged = (owner, emergencyId) =>
      eventually(async () => {
        const { alerts } = ok(await owner.get(`/emergencies/${emergencyId}`)).emergency;
        assert.equal(alerts.acknowledged, 1);
        return alerts;
      });

    const of = (emergencyId) => (payload) => (payload.emergencyId ?? payload.emergency?.id) === emergencyId;

    // What a socket heard of one emergency, the alerts' running numbers and messages aside.
    const heard = (socket, emergencyId) =>
      socket.items
        .filter(({ event, payload }) => !/^(emergency:(alerts|message)|helper:location)/.test(event) && payload && of(emergencyId)(payload))
        .map(({ event }) => event);

    describe('raising an emergency', () => {
      it('announces it to every helper on duty, and to nearby ones with their distance', async () => {
        const { place, owner, ownerSocket, helpers, sockets } = await scene();
        const [helper] = helpers;
        const [near] = sockets;
        await helper.put('/helpers/me/location', north(place, 1000));
        const [farHelper, offDuty, unverified, plain] = await Promise.all([
          app.helperAt(north(place, 60_000)),
          app.helperAt(place, { available: false }),
          app.unverifiedHelper({ position: place }),
          app.user(),
        ]);
        const [far, ...others] = await Promise.all([farHelper, offDuty, unverified, plain].map((caller) => caller.connect()));

        const answer = ok(
          await owner.post('/emergencies', {
            type: 'medical',
            category: 'heart_attack',
            description: 'Need immediate medical assistance',
            location: { ...place, address: '123 Main St', description: null },
            priority: 'critical',
            severity: 9,
            anonymousMode: null,
            fakeCallAlert: true,
          }),
          201,
        );
        assertMatches(answer, {
          nearbyHelperCount: 1,
          emergency: emergencyShape({
            type: 'medical',
            category: 'heart_attack',
            description: 'Need immediate medical assistance',
            location: atLeast({ ...place, address: '123 Main St', description: null }),
            priority: 'critical',
            severity: 9,
            status: 'active',
            silentMode: false,
            anonymousMode: false,
            alertRadius: 15_000,
            user: atLeast({ id: owner.id, _id: owner.id, profile: atLeast({ firstName: 'Olivia', lastName: 'Owner' }) }),
            respondingHelpers: [],
            firstResponseAt: null,
            resolvedAt: null,
            resolvedBy: null,
            resolutionType: null,
            resolutionNotes: null,
            distance: null,
          }),
        });
        const { emergency } = answer;
        assert.equal(emergency._id, emergency.id);

        const announced = {
          id: emergency.id,
          type: 'medical',
          category: 'heart_attack',
          description: 'Need immediate medical assistance',
          location: { ...announcedEmergency().location, ...place, address: '123 Main St' },
          priority: 'critical',
          severity: 9,
          createdAt: emergency.createdAt,
          anonymousMode: false,
          silentMode: false,
          user: { id: owner.id, profile: { firstName: 'Olivia', lastName: 'Owner' } },
        };
        for (const socket of [near, far]) {
          assertMatches(await socket.next('emergency:created', of(emergency.id)), events.created(announced, 1));
        }
        const nearby = await near.next('emergency:nearby', of(emergency.id));
        assertMatches(nearby, events.nearby(announced, between(980, 1020)));
        assert.ok(Number.isInteger(nearby.distance), 'the distance is in whole metres');

        await settled(ownerSocket, near, far, ...others);
        assert.deepEqual(heard(near, emergency.id).sort(), ['emergency:created', 'emergency:nearby']);
        assert.deepEqual(heard(far, emergency.id), ['emergency:created']);
        for (const socket of [ownerSocket, ...others]) {
          assert.deepEqual(heard(socket, emergency.id), [], `${socket.caller.user.profile.firstName} is told nothing`);
        }
        assertIdsGrow(near);
      });

      it('shows optional fields that were not given as null, and the defaults', async () => {
        const { place, owner, sockets } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        const { emergency } = await sockets[0].next('emergency:created', of(emergencyId));
        assertMatches(
          emergency,
          announcedEmergency({
            id: emergencyId,
            type: 'other',
            category: null,
            description: null,
            location: { ...announcedEmergency().location, ...place, address: null },
            priority: 'high',
            severity: 5,
            anonymousMode: false,
            silentMode: false,
          }),
        );
      });

      it('names nobody when it is anonymous', async () => {
        const { place, owner, sockets } = await scene();
        const { id: emergencyId } = await raise(owner, place, { anonymousMode: true });
        const created = await sockets[0].next('emergency:created', of(emergencyId));
        assertMatches(created, events.created({ id: emergencyId, anonymousMode: true, user: null }, 1));
        const nearby = await sockets[0].next('emergency:nearby', of(emergencyId));
        assertMatches(nearby, events.nearby({ id: emergencyId, anonymousMode: true, user: null }, integer));
      });

      it('alerts within the smallest radius in which three helpers stand', async () => {
        const { place, owner, sockets } = await scene(3);
        const further = await app.helperAt(north(place, 8000)).then((helper) => helper.connect());
        const answer = ok(await owner.post('/emergencies', { location: place }), 201);
        assert.equal(answer.emergency.alertRadius, 5000);
        assert.equal(answer.nearbyHelperCount, 3);
        for (const socket of sockets) await socket.next('emergency:nearby', of(answer.emergency.id));
        await further.next('emergency:created', of(answer.emergency.id));
        await further.silent('emergency:nearby', of(answer.emergency.id));
      });

      it('counts the helpers who acknowledged the alert', async () => {
        const { place, owner } = await scene();
        const deaf = await app.helperAt(place);
        const deafSocket = await deaf.connect({ acknowledge: false });
        const { id: emergencyId } = await raise(owner, place);
        await deafSocket.next('emergency:nearby', of(emergencyId));
        const alerts = await acknowledged(owner, emergencyId);
        assert.deepEqual(alerts, { wave: 1, alerted: 2, acknowledged: 1, declined: 0 });
      });

      it('is the same emergency again for the same request id, without new events', async () => {
        const { place, owner, sockets } = await scene();
        const body = { location: place, requestId: 'the button was pressed twice' };
        const answers = await Promise.all(Array.from({ length: 5 }, () => owner.post('/emergencies', body)));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 201]);
        const ids = new Set(answers.map(({ body: { data } }) => data.emergency.id));
        assert.equal(ids.size, 1);
        const [emergencyId] = ids;
        await settled(...sockets);
        assert.equal(sockets[0].seen('emergency:created', of(emergencyId)).length, 1);
        const refusal = refused(await owner.post('/emergencies', { location: place }), 409, 'active_emergency_exists');
        assertMatches(refusal.details, [{ field: 'emergencyId', message: emergencyId }]);
      });
    });

    describe('helpers who respond', () => {
      it('are shown to the room, the first with a change of status', async () => {
        const { place, owner, ownerSocket, helpers, sockets } = await scene(2);
        const [first, second] = helpers;
        const { id: emergencyId } = await raise(owner, place);

        const answer = await respond(first, emergencyId);
        assertMatches(answer, emergencyShape({ id: emergencyId, status: 'responding', firstResponseAt: time }));
        for (const socket of [ownerSocket, sockets[0]]) {
          assertMatches(await socket.next('helper:joined', of(emergencyId)), events.helperJoined(emergencyId, first));
          assertMatches(await socket.next('emergency:status_changed'), events.statusChanged(emergencyId, 'responding'));
        }

        await respond(second, emergencyId);
        for (const socket of [ownerSocket, ...sockets]) {
          assertMatches(
            await socket.next('helper:joined', (payload) => payload.helper.id === second.id),
            events.helperJoined(emergencyId, second),
          );
        }
        await settled(ownerSocket, ...sockets);
        assert.deepEqual(heard(ownerSocket, emergencyId), ['helper:joined', 'emergency:status_changed', 'helper:joined']);
        assert.equal(sockets[1].seen('emergency:status_changed').length, 0, 'the second came after that change');

        const shown = ok(await owner.get(`/emergencies/${emergencyId}`)).emergency.respondingHelpers;
        assert.deepEqual(shown.map(({ helper }) => helper.id).sort(), [first.id, second.id].sort());
        assertIdsGrow(ownerSocket);
      });

      it('who respond twice change nothing', async () => {
        const { place, owner, ownerSocket, helpers } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        await respond(helpers[0], emergencyId);
        await respond(helpers[0], emergencyId);
        await settled(ownerSocket);
        assert.deepEqual(heard(ownerSocket, emergencyId), ['helper:joined', 'emergency:status_changed']);
      });

      it('who decline are not announced', async () => {
        const { place, owner, ownerSocket, helpers } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        ok(await helpers[0].post(`/emergencies/${emergencyId}/respond`, { action: 'decline' }));
        await ownerSocket.silent(/^helper:|status_changed$/, of(emergencyId));
      });

      it('tell the owner and one another how far they are', async () => {
        const { place, owner, ownerSocket, helpers, sockets } = await scene(2);
        const { id: emergencyId } = await raise(owner, place);
        for (const helper of helpers) await respond(helper, emergencyId);
        const steps = [
          ['on_way', 'On my way, ETA 5 minutes'],
          ['on_way', 'Traffic'],
          ['arrived', null],
          ['completed', null],
        ];
        for (const [status, notes] of steps) {
          const path = `/emergencies/${emergencyId}/helper-status`;
          const { emergency } = ok(await helpers[0].put(path, { status, notes, estimatedArrival: null }));
          const mine = emergency.respondingHelpers.find(({ helper }) => helper.id === helpers[0].id);
          assertMatches(mine, respondingHelper({ status }));
          for (const socket of [ownerSocket, sockets[1]]) {
            assertMatches(
              await socket.next('helper:status_update', of(emergencyId)),
              events.statusUpdate(emergencyId, helpers[0], status, notes),
            );
          }
        }
        const back = await helpers[0].put(`/emergencies/${emergencyId}/helper-status`, { status: 'on_way' });
        refused(back, 409, 'invalid_transition');
        await settled(ownerSocket);
        assert.equal(ownerSocket.seen('helper:status_update').length, steps.length);
      });

      it('who all cancel make the emergency active again', async () => {
        const { place, owner, ownerSocket, helpers } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        await respond(helpers[0], emergencyId);
        ok(await helpers[0].put(`/emergencies/${emergencyId}/helper-status`, { status: 'cancelled', notes: null }));
        assertMatches(
          await ownerSocket.next('helper:status_update'),
          events.statusUpdate(emergencyId, helpers[0], 'cancelled', null),
        );
        assertMatches(
          await ownerSocket.next('emergency:status_changed', (payload) => payload.status === 'active'),
          events.statusChanged(emergencyId, 'active'),
        );
      });
    });

    describe('the end', () => {
      const endings = [
        { name: 'its owner', by: 'owner', type: 'user_resolved' },
        { name: 'a responding helper', by: 'helper', type: 'helper_resolved' },
        { name: 'an administrator', by: 'admin', type: 'admin_resolved' },
      ];
      for (const { name, by, type } of endings) {
        it(`by ${name} reaches the room in full, and every helper on duty in short`, async () => {
          const { place, owner, ownerSocket, helpers, sockets } = await scene(2);
          const [responding, looking] = sockets;
          const { id: emergencyId } = await raise(owner, place);
          await respond(helpers[0], emergencyId);
          const who = { owner, helper: helpers[0], admin: await app.admin() }[by];
          const notes = 'Help arrived, situation resolved';
          const { emergency } = ok(await who.post(`/emergencies/${emergencyId}/resolve`, { resolutionType: null, notes }));
          assertMatches(
            emergency,
            emergencyShape({
              id: emergencyId,
              status: 'resolved',
              resolvedAt: time,
              resolvedBy: who.id,
              resolutionType: type,
              resolutionNotes: notes,
            }),
          );
          for (const socket of [ownerSocket, responding]) {
            const resolved = await socket.next('emergency:resolved', of(emergencyId));
            assertMatches(resolved, events.resolved(emergencyId, { by: who.id, type, notes }));
            assert.equal(Date.parse(resolved.resolvedAt), Date.parse(emergency.resolvedAt));
          }
          for (const socket of [ownerSocket, responding, looking]) {
            assertMatches(await socket.next('emergency:ended', of(emergencyId)), events.ended(emergencyId, 'resolved'));
          }
          await settled(ownerSocket, ...sockets);
          for (const socket of [ownerSocket, ...sockets]) {
            assert.equal(socket.seen('emergency:ended', of(emergencyId)).length, 1);
            assertIdsGrow(socket);
          }
          assert.equal(looking.seen('emergency:resolved', of(emergencyId)).length, 0);
          refused(await owner.post(`/emergencies/${emergencyId}/cancel`, {}), 409, 'emergency_ended');
        });
      }

      it('by cancelling reaches the room and everyone who was alerted, once', async () => {
        const { place, owner, ownerSocket, helpers, sockets } = await scene(2);
        const far = await app.helperAt(north(place, 60_000)).then((helper) => helper.connect());
        const { id: emergencyId } = await raise(owner, place);
        await respond(helpers[0], emergencyId);
        ok(await owner.post(`/emergencies/${emergencyId}/cancel`, { reason: 'False alarm' }));
        for (const socket of [ownerSocket, ...sockets]) {
          assertMatches(await socket.next('emergency:cancelled'), events.cancelled(emergencyId, 'False alarm'));
          assertMatches(await socket.next('emergency:ended', of(emergencyId)), events.ended(emergencyId, 'cancelled'));
        }
        await far.next('emergency:ended', of(emergencyId));
        await settled(ownerSocket, far, ...sockets);
        for (const socket of [ownerSocket, ...sockets]) {
          assert.equal(socket.seen('emergency:cancelled').length, 1);
          assert.equal(socket.seen('emergency:ended', of(emergencyId)).length, 1);
        }
        assert.deepEqual(heard(far, emergencyId), ['emergency:created', 'emergency:ended']);
      });

      it('by cancelling without a reason says null', async () => {
        const { place, owner, ownerSocket } = await scene(0);
        const { id: emergencyId } = await raise(owner, place);
        ok(await owner.post(`/emergencies/${emergencyId}/cancel`, { reason: null }));
        assertMatches(await ownerSocket.next('emergency:cancelled'), events.cancelled(emergencyId, null));
      });
    });

    describe('a connection', () => {
      it('is greeted first of all with its rooms and the state of the log', async () => {
        const { place, owner, helpers, sockets } = await scene();
        assertMatches(sockets[0].ready, {
          userId: helpers[0].id,
          rooms: sockets[0].ready.rooms,
          latestEventId: integer,
          serverTime: time,
        });
        assert.ok(sockets[0].ready.rooms.includes(`user:${helpers[0].id}`));
        assert.deepEqual(sockets[0].names.slice(0, 2), ['connect', 'session:ready']);

        const { id: emergencyId } = await raise(owner, place);
        await respond(helpers[0], emergencyId);
        await settled(...sockets);
        for (const caller of [owner, helpers[0]]) {
          const again = await caller.connect();
          assert.ok(again.ready.rooms.includes(`emergency:${emergencyId}`), 'the live emergency is joined again');
          assert.ok(again.ready.latestEventId > sockets[0].ready.latestEventId);
        }
      });

      it('joins and leaves the room of an emergency', async () => {
        const { place, owner, helpers, sockets } = await scene(2);
        const [looker] = sockets;
        const { id: emergencyId } = await raise(owner, place);
        const room = `emergency:${emergencyId}`;
        const joined = { emergencyId, room, message: 'Successfully joined emergency room' };
        assert.deepEqual(await looker.ack('emergency:join', { emergencyId }), { ok: true, ...joined });
        assert.deepEqual(await looker.next('emergency:joined'), joined);
        await respond(helpers[1], emergencyId);
        await looker.next('helper:joined', of(emergencyId));

        assert.deepEqual(await looker.ack('emergency:leave', { emergencyId }), { ok: true, emergencyId, room });
        assert.deepEqual(await looker.next('emergency:left'), { emergencyId, room });
        ok(await helpers[1].put(`/emergencies/${emergencyId}/helper-status`, { status: 'on_way' }));
        await looker.silent('helper:status_update');
        assert.equal((await looker.ack('emergency:leave', { emergencyId })).ok, true, 'leaving twice is no fault');
      });

      it('hears each event once, although the helper joined a room they are in already', async () => {
        const { place, owner, helpers, sockets } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        await sockets[0].ack('emergency:join', { emergencyId });
        await respond(helpers[0], emergencyId);
        await sockets[0].ack('emergency:join', { emergencyId });
        ok(await helpers[0].put(`/emergencies/${emergencyId}/helper-status`, { status: 'arrived' }));
        ok(await owner.post(`/emergencies/${emergencyId}/resolve`, {}));
        await settled(...sockets);
        const [created, ...later] = heard(sockets[0], emergencyId).filter((event) => event !== 'emergency:joined');
        assert.deepEqual([created, later.shift()].sort(), ['emergency:created', 'emergency:nearby']);
        assert.deepEqual(later, [
          'helper:joined',
          'emergency:status_changed',
          'helper:status_update',
          'emergency:resolved',
          'emergency:ended',
        ]);
      });

      it('stores a position', async () => {
        const { owner, helpers, sockets } = await scene();
        const place = app.somewhere();
        const updated = { ...place, message: 'Location updated successfully' };
        assert.deepEqual(await sockets[0].ack('location:update', place), { ok: true, ...updated });
        assert.deepEqual(await sockets[0].next('location:updated'), updated);
        const { id: emergencyId } = await raise(owner, place);
        const nearby = await sockets[0].next('emergency:nearby', of(emergencyId));
        assert.equal(nearby.distance, 0);
        const pending = ok(await helpers[0].get('/emergencies/pending-for-helper'));
        assert.deepEqual(pending.map((one) => one.id), [emergencyId]);
      });

      it('hears what was wrong with an event, in the acknowledgement and as an error', async () => {
        const { sockets } = await scene();
        const [socket] = sockets;
        const cases = [
          ['emergency:join', {}, 'invalid_payload', 'Emergency ID is required'],
          ['emergency:join', { emergencyId: NO_SUCH_ID }, 'emergency_not_found', 'Emergency not found'],
          ['location:update', { latitude: 1 }, 'invalid_payload', 'Latitude and longitude are required'],
          ['emergency:dance', {}, 'unknown_event', text],
        ];
        for (const [event, payload, code, message] of cases) {
          assertMatches(await socket.ack(event, payload), { ok: false, error: { code, message } });
          assertMatches(await socket.next('error'), { message, code, event });
        }
        assert.equal((await socket.ack('location:update', app.somewhere())).ok, true, 'the connection is still good');
      });

      it('may not join the emergency of another without being a helper', async () => {
        const { place, owner } = await scene(0);
        const { id: emergencyId } = await raise(owner, place);
        const stranger = await app.user().then((user) => user.connect());
        const error = { code: 'not_authorized', message: 'Not authorized to join this emergency' };
        assert.deepEqual(await stranger.ack('emergency:join', { emergencyId }), { ok: false, error });
        assert.deepEqual(await stranger.next('error'), { ...error, event: 'emergency:join' });
      });
    });

    describe('the whole of it', () => {
      for (const [name, options] of Object.entries(transports)) {
        it(`works over ${name}`, async () => {
          const { place, owner, ownerSocket, helpers, sockets } = await scene(1, options);
          const [socket] = sockets;
          if (name === 'polling with upgrade') {
            for (const each of [ownerSocket, socket]) assert.equal(await each.next('transport:upgrade'), 'websocket');
          }
          assert.equal(ownerSocket.manager.engine.transport.name, name === 'polling only' ? 'polling' : 'websocket');
          const { id: emergencyId } = await raise(owner, place);
          await socket.next('emergency:created', of(emergencyId));
          await socket.next('emergency:nearby', of(emergencyId));
          await acknowledged(owner, emergencyId);
          assert.equal((await socket.ack('emergency:join', { emergencyId: 'current' })).ok, false);
          await respond(helpers[0], emergencyId);
          assert.equal((await socket.ack('emergency:join', { emergencyId: 'current' })).emergencyId, emergencyId);
          await ownerSocket.next('emergency:status_changed', of(emergencyId));
          ok(await helpers[0].put(`/emergencies/${emergencyId}/helper-status`, { status: 'arrived', notes: null }));
          await ownerSocket.next('helper:status_update', of(emergencyId));
          ok(await owner.post(`/emergencies/${emergencyId}/resolve`, {}));
          for (const each of [ownerSocket, socket]) {
            await each.next('emergency:resolved', of(emergencyId));
            await each.next('emergency:ended', of(emergencyId));
          }
        });
      }

      it('is the same on every device of a user, once on each', async () => {
        const { place, owner, ownerSocket, helpers, sockets } = await scene();
        const devices = [
          [ownerSocket, await owner.connect({ transports: ['polling'] })],
          [sockets[0], await helpers[0].connect({ transports: ['polling'] })],
        ];
        const { id: emergencyId } = await raise(owner, place);
        await respond(helpers[0], emergencyId);
        ok(await owner.post(`/emergencies/${emergencyId}/resolve`, {}));
        await settled(...devices.flat());
        for (const [one, other] of devices) {
          const events = heard(one, emergencyId);
          assert.deepEqual(heard(other, emergencyId), events);
          assert.equal(new Set(events).size, events.length, `each once: ${events.join(', ')}`);
          assert.equal(events.at(-1), 'emergency:ended');
        }
      });
    });

    it('the owner is told by the service that the emergency is stored', async () => {
      const { place, owner, ownerSocket } = await scene();
      const { id: emergencyId } = await raise(owner, place);
      const receipt = {
        id,
        _id: id,
        emergencyId,
        senderRole: 'system',
        senderId: null,
        recipientId: null,
        message: text,
        isMine: false,
        createdAt: time,
      };
      const { message, ...rest } = await ownerSocket.next('emergency:message', of(emergencyId));
      assertMatches(rest, { emergencyId, eventId: integer });
      assertMatches(message, atLeast({ ...receipt, recipientId: message.recipientId }));
      const { messages } = ok(await owner.get(`/emergencies/${emergencyId}/messages`));
      assert.equal(messages[0].id, message.id);
    });
  });
}
