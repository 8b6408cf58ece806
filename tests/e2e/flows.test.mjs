// The three main flows, over REST and the official client, payload by payload: an emergency is raised, helpers respond, and
// it ends.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, north, settled, startNode } from './harness.mjs';
import { acknowledged, gather, heard, of, raise, respond } from './scene.mjs';
import { alertCounts, announcedEmergency, assertIdsGrow, assertMatches, atLeast, between, emergency as emergencyShape, events, id, integer, ok, refused, respondingHelper, text, time } from './shapes.mjs';

for (const database of databases) {
  describe(`the event flows on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    const scene = (helpers, options) => gather(app, helpers, options);

    describe('raising an emergency', () => {
      it('is sent to every helper on duty, and to nearby ones with their distance', async () => {
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
          assert.deepEqual(heard(socket, emergency.id), [], `${socket.caller.user.profile.firstName} receives nothing`);
        }
        assertIdsGrow(near);
      });

      it('has null for missing optional fields, and the defaults', async () => {
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

      it('does not name an anonymous owner', async () => {
        const { place, owner, sockets } = await scene();
        const { id: emergencyId } = await raise(owner, place, { anonymousMode: true });
        const created = await sockets[0].next('emergency:created', of(emergencyId));
        assertMatches(created, events.created({ id: emergencyId, anonymousMode: true, user: null }, 1));
        const nearby = await sockets[0].next('emergency:nearby', of(emergencyId));
        assertMatches(nearby, events.nearby({ id: emergencyId, anonymousMode: true, user: null }, integer));
      });

      it('alerts within the smallest radius that holds three helpers', async () => {
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
        assert.deepEqual(alerts, alertCounts({ wave: 1, alerted: 2, acknowledged: 1, declined: 0 }));
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
      it('are sent to the room, the first with a change of status', async () => {
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

      it('change nothing by responding twice', async () => {
        const { place, owner, ownerSocket, helpers } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        await respond(helpers[0], emergencyId);
        await respond(helpers[0], emergencyId);
        await settled(ownerSocket);
        assert.deepEqual(heard(ownerSocket, emergencyId), ['helper:joined', 'emergency:status_changed']);
      });

      it('are not announced if they decline', async () => {
        const { place, owner, ownerSocket, helpers } = await scene();
        const { id: emergencyId } = await raise(owner, place);
        ok(await helpers[0].post(`/emergencies/${emergencyId}/respond`, { action: 'decline' }));
        await ownerSocket.silent(/^helper:|status_changed$/, of(emergencyId));
      });

      it('share their status with the owner and each other', async () => {
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

      it('make the emergency active again if all cancel', async () => {
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

      it('as a false alarm reaches all alerted helpers, disconnected ones when they reconnect', async () => {
        const { place, owner, ownerSocket, helpers, sockets } = await scene(4);
        const [coming, declining, , away] = helpers;
        const [lastEventId] = await Promise.all([sockets[3].ready.latestEventId, sockets[3].close()]);
        const { id: emergencyId } = await raise(owner, place);
        await Promise.all([respond(coming, emergencyId), respond(declining, emergencyId, { action: 'decline' })]);
        ok(await owner.post(`/emergencies/${emergencyId}/cancel`, { reason: 'false_alarm' }));
        const back = await away.connect({ auth: { token: away.tokens.accessToken, lastEventId } });
        for (const socket of [ownerSocket, ...sockets.slice(0, 3), back]) {
          assertMatches(await socket.next('emergency:cancelled', of(emergencyId)), events.cancelled(emergencyId, 'false_alarm'));
        }
        assert.equal(ok(await owner.get(`/emergencies/${emergencyId}`)).emergency.resolutionNotes, 'false_alarm');
        assert.deepEqual(ok(await away.get('/emergencies/pending-for-helper')), []);
      });

      it('by cancelling without a reason says null', async () => {
        const { place, owner, ownerSocket } = await scene(0);
        const { id: emergencyId } = await raise(owner, place);
        ok(await owner.post(`/emergencies/${emergencyId}/cancel`, { reason: null }));
        assertMatches(await ownerSocket.next('emergency:cancelled'), events.cancelled(emergencyId, null));
      });
    });

    it('the owner gets a receipt for the stored emergency', async () => {
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
