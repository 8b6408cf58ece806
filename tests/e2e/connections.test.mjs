// A connection: `session:ready`, joining and leaving rooms, positions, failures, and a whole emergency over every transport
// and on every device.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, settled, startNode, transports } from './harness.mjs';
import { acknowledged, gather, heard, of, raise, respond } from './scene.mjs';
import { assertMatches, events, id, integer, ok, text, time } from './shapes.mjs';

for (const database of databases) {
  describe(`connections on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    const scene = (helpers, options) => gather(app, helpers, options);

    describe('a connection', () => {
      it('first receives session:ready with its rooms and the latest event id', async () => {
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

      it('receives each event once, even after joining a room it is already in', async () => {
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
          'emergency:details',
          'helper:status_update',
          'emergency:resolved',
          'emergency:ended',
        ]);
      });

      it('stores a position', async () => {
        const { owner, helpers, sockets } = await scene();
        const place = app.somewhere();
        const updated = { ...place, stored: true, message: 'Location updated successfully' };
        assert.deepEqual(await sockets[0].ack('location:update', place), { ok: true, ...updated });
        assert.deepEqual(await sockets[0].next('location:updated'), updated);
        const { id: emergencyId } = await raise(owner, place);
        const nearby = await sockets[0].next('emergency:nearby', of(emergencyId));
        assert.equal(nearby.distance, 0);
        const pending = ok(await helpers[0].get('/emergencies/pending-for-helper'));
        assert.deepEqual(pending.map((one) => one.id), [emergencyId]);
      });

      it('receives the reason of a refused event in the acknowledgement and as an error', async () => {
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

      it('cannot join the emergency of another user unless the user is a helper', async () => {
        const { place, owner } = await scene(0);
        const { id: emergencyId } = await raise(owner, place);
        const stranger = await app.user().then((user) => user.connect());
        const error = { code: 'not_authorized', message: 'Not authorized to join this emergency' };
        assert.deepEqual(await stranger.ack('emergency:join', { emergencyId }), { ok: false, error });
        assert.deepEqual(await stranger.next('error'), { ...error, event: 'emergency:join' });
      });
    });

    describe('a whole emergency', () => {
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
  });
}
