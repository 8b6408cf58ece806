// Rooms: membership as users join, leave, respond and cancel, and which events they receive.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, settled, startNode } from './harness.mjs';
import { cancel, of, over, raise, resolve, respond, say, tell } from './scene.mjs';
import { assertMatches, atLeast, ok } from './shapes.mjs';

for (const database of databases) {
  describe(`rooms on ${database}`, () => {
    let app;
    let owner;
    let helper;
    let looker;
    let admin;
    let open = [];
    before(async () => {
      app = await startNode({ database });
      [owner, helper, looker, admin] = await Promise.all([app.owner(), app.helperAt(undefined), app.helperAt(undefined), app.admin()]);
    });
    after(() => app?.stop());

    const connect = async (...callers) => {
      const sockets = await Promise.all(callers.map((caller) => caller.connect()));
      open.push(...sockets);
      return sockets;
    };
    async function anew() {
      for (const socket of open) socket.close();
      open = [];
      await over(owner);
      const place = app.somewhere();
      const { id: emergencyId } = await raise(owner, place);
      return { emergencyId, room: `emergency:${emergencyId}`, place };
    }
    const join = async (socket, emergencyId) => assert.equal((await socket.ack('emergency:join', { emergencyId })).ok, true);

    it('are listed in session:ready: that of the user, of helpers on duty, and of the user’s emergencies', async () => {
      const { emergencyId, room } = await anew();
      await respond(helper, emergencyId);
      const [offDuty, unverified] = await Promise.all([app.helperAt(undefined, { available: false }), app.unverifiedHelper()]);
      const sockets = await connect(owner, helper, looker, offDuty, unverified);
      const rooms = sockets.map((socket) => [...socket.ready.rooms].sort());
      const own = (caller) => `user:${caller.id}`;
      assert.deepEqual(rooms, [
        [room, own(owner)].sort(),
        [room, 'helpers', own(helper)].sort(),
        ['helpers', own(looker)].sort(),
        [own(offDuty)],
        [own(unverified)],
      ]);
    });

    it('are joined by lookers-on, and left when they lose the rights of a helper', async () => {
      const { emergencyId } = await anew();
      const one = await app.helperAt(undefined);
      const [socket, ofOwner] = await connect(one, owner);
      await join(socket, emergencyId);
      await respond(helper, emergencyId);
      await socket.next('helper:joined', of(emergencyId));
      ok(await admin.put(`/helpers/${one.id}/verification`, { status: 'rejected' }));
      await settled(socket);
      await tell(helper, emergencyId, 'arrived');
      await ofOwner.next('helper:status_update');
      await socket.silent('helper:status_update', of(emergencyId));
      assert.equal((await socket.ack('emergency:join', { emergencyId })).error?.code, 'not_authorized');
    });

    it('are left by a participant until the next connection, while events for participants still arrive', async () => {
      for (const wanted of ['id', 'current']) {
        const { emergencyId, room } = await anew();
        await respond(helper, emergencyId);
        const [socket, ofOwner] = await connect(helper, owner);
        const leaving = { emergencyId: wanted === 'id' ? emergencyId : 'current' };
        assert.deepEqual(await socket.ack('emergency:leave', leaving), { ok: true, emergencyId, room });
        await tell(helper, emergencyId, 'on_way');
        await ofOwner.next('helper:status_update');
        await say(owner, emergencyId, 'still there?');
        await socket.next('emergency:message', (payload) => payload.message.message === 'still there?');
        assert.deepEqual(socket.seen('helper:status_update', of(emergencyId)), []);
        const [again] = await connect(helper);
        assert.ok(again.ready.rooms.includes(room));
        await tell(helper, emergencyId, 'arrived');
        await again.next('helper:status_update', of(emergencyId));
        await socket.silent('helper:status_update', of(emergencyId));
        await join(socket, emergencyId);
        await tell(helper, emergencyId, 'completed');
        await socket.next('helper:status_update', of(emergencyId));
      }
    });

    it('are open to administrators at any time, and to participants after the end', async () => {
      const { emergencyId } = await anew();
      await respond(helper, emergencyId);
      const [ofAdmin, ofOwner, ofHelper, ofLooker] = await connect(admin, owner, helper, looker);
      await join(ofAdmin, emergencyId);
      await join(ofLooker, emergencyId);
      await resolve(owner, emergencyId);
      for (const socket of [ofAdmin, ofOwner, ofHelper, ofLooker]) {
        await socket.next('emergency:resolved', of(emergencyId));
        await socket.next('emergency:ended', of(emergencyId));
      }
      for (const socket of [ofAdmin, ofOwner, ofHelper]) await join(socket, emergencyId);
      assert.equal((await ofLooker.ack('emergency:join', { emergencyId })).error?.code, 'not_authorized');
    });

    it('of helpers on duty do not deliver an owner’s own emergency', async () => {
      const place = app.somewhere();
      const both = await app.helperAt(place);
      const [socket, other] = await connect(both, looker);
      const { emergency, nearbyHelperCount } = ok(await both.post('/emergencies', { location: place }), 201);
      assert.equal(nearbyHelperCount, 0);
      await other.next('emergency:created', of(emergency.id));
      await socket.silent(/^emergency:(created|nearby)$/, of(emergency.id));
      await cancel(both, emergency.id);
      await socket.next('emergency:ended', of(emergency.id));
      await settled(socket);
      assert.equal(socket.seen('emergency:ended', of(emergency.id)).length, 1);
    });

    it('are not needed for the end to reach an alerted helper who went off duty', async () => {
      await anew();
      await over(owner);
      const place = app.somewhere();
      const one = await app.helperAt(place);
      const [socket] = await connect(one);
      for (const end of [cancel, resolve]) {
        ok(await one.put('/helpers/me', { available: true }));
        await settled(socket);
        const { id: emergencyId } = await raise(owner, place);
        await socket.next('emergency:nearby', of(emergencyId));
        ok(await one.put('/helpers/me', { available: false }));
        await settled(socket);
        await end(owner, emergencyId);
        await socket.next('emergency:ended', of(emergencyId));
        await settled(socket);
        assert.equal(socket.seen('emergency:ended', of(emergencyId)).length, 1);
        assert.equal(socket.seen('emergency:cancelled', of(emergencyId)).length, end === cancel ? 1 : 0);
      }
    });

    it('are entered by every device when raising and responding', async () => {
      await anew();
      await over(owner);
      const sockets = await connect(owner, owner, helper, helper);
      const { id: emergencyId } = await raise(owner, app.somewhere());
      await respond(helper, emergencyId);
      for (const socket of sockets) await socket.next('helper:joined', of(emergencyId));
      await say(helper, emergencyId, 'to all devices');
      for (const socket of sockets) {
        const { message } = await socket.next('emergency:message', (payload) => payload.message.message === 'to all devices');
        assertMatches(message, atLeast({ isMine: socket.caller === helper, senderId: helper.id }));
      }
    });

    it('are left by a helper who cancels, on open devices and on those that connect later', async () => {
      const { emergencyId, room } = await anew();
      await respond(helper, emergencyId);
      const [first, second, ofOwner] = await connect(helper, helper, owner);
      await join(second, emergencyId);
      await tell(helper, emergencyId, 'cancelled');
      // The helper's own cancellation is the last event they receive.
      for (const socket of [first, second, ofOwner]) await socket.next('helper:status_update', of(emergencyId));
      await say(owner, emergencyId, 'not for you');
      await respond(looker, emergencyId);
      await ofOwner.next('helper:joined', (payload) => payload.helper.id === looker.id);
      const [later] = await connect(helper);
      assert.ok(!later.ready.rooms.includes(room));
      for (const socket of [first, second, later]) {
        await socket.silent('helper:joined', (payload) => payload.helper.id === looker.id);
        assert.ok(!socket.seen('emergency:message').some((payload) => payload.message.message === 'not for you'));
      }
      await join(later, emergencyId);
      await tell(looker, emergencyId, 'cancelled');
      await later.next('helper:status_update', of(emergencyId));
    });
  });
}
