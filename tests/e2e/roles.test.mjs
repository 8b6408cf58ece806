// Roles: what each of those who come does, who brings a defibrillator, and who need not come.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, north, startNode } from './harness.mjs';
import { cancel, of, partOf, raise, read, resolve, respond, stand, tell } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

/** A zone in which it is 3 o'clock. */
const NIGHT = (() => {
  const hours = ((3 - new Date().getUTCHours() + 36) % 24) - 12;
  return `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
})();

for (const database of databases) {
  describe(`roles on ${database}`, { concurrency: 3 }, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_TIME_ZONE: NIGHT } });
    });
    after(() => app?.stop());

    /** An owner, helpers this many metres away, defibrillators, and an emergency. */
    async function scene(metres, boxes, fields = { type: 'medical' }) {
      const [place, admin, owner] = [app.somewhere(), await app.admin(), await app.owner()];
      const helpers = [];
      for (const metre of metres) helpers.push(await app.helperAt(north(place, metre)));
      const resources = [];
      for (const [metre, more] of boxes) {
        const body = { kind: 'aed', access: 'public', openingHours: '24/7', ...more, location: north(place, metre) };
        resources.push(ok(await admin.post('/resources', body), 201).resource);
      }
      const [ownerSocket, ...sockets] = await Promise.all([owner, ...helpers].map((caller) => caller.connect()));
      const { id } = await raise(owner, place, fields);
      return { place, owner, ownerSocket, helpers, sockets, resources, id };
    }
    const rolesOf = (emergency) => emergency.respondingHelpers.map(({ role }) => role).sort();
    const bringerOf = (emergency) => emergency.respondingHelpers.find(({ role }) => role === 'aed');

    it('are one for each of four who accept in one instant, known to those who take part', async () => {
      const { owner, ownerSocket, helpers, resources, id } = await scene([300, 310, 320, 330, 340], [[400]]);
      const [looker, ...coming] = helpers;
      await Promise.all(coming.map((helper) => respond(helper, id)));
      const emergency = await read(owner, id);
      assert.deepEqual(rolesOf(emergency), ['aed', 'guide', 'patient', 'patient']);
      const bringer = bringerOf(emergency);
      assert.deepEqual(emergency.respondingHelpers.map(({ resourceId }) => resourceId).filter(Boolean), [resources[0].id]);
      assert.equal(bringer.resourceId, resources[0].id);
      const { eventId, timestamp, ...told } = await ownerSocket.next('helper:role_assigned', ({ emergencyId, role }) => emergencyId === id && role === 'aed');
      assert.ok(eventId > 0 && Date.parse(timestamp) > 0);
      const { location, description } = resources[0];
      assert.deepEqual(told, {
        emergencyId: id, helperId: bringer.helper.id, role: 'aed', previousRole: null, reason: 'accepted',
        resource: { id: resources[0].id, kind: 'aed', location, description, openUntil: null },
      });
      for (const part of (await read(looker, id)).respondingHelpers) assert.deepEqual([part.role, part.resourceId], [null, null]);
      assert.deepEqual(rolesOf(await read(coming[0], id)), ['aed', 'guide', 'patient', 'patient']);
      const timeline = ok(await owner.get(`/emergencies/${id}/timeline`)).events.filter(({ event }) => event === 'helper:role_assigned');
      assert.equal(timeline.length, 4);
      await resolve(owner, id);
    });

    it('pass to the next when who brings the defibrillator cancels', async () => {
      const { owner, helpers, sockets, resources, id } = await scene([300, 310, 320], [[400]]);
      for (const helper of helpers) await respond(helper, id);
      const bringer = bringerOf(await read(owner, id)).helper.id;
      await tell(helpers.find((helper) => helper.id === bringer), id, 'cancelled');
      const next = bringerOf(await read(owner, id));
      assert.ok(next.helper.id !== bringer && next.resourceId === resources[0].id);
      const socket = sockets[helpers.findIndex((helper) => helper.id === next.helper.id)];
      const told = await socket.next('helper:role_assigned', ({ helperId, role }) => helperId === next.helper.id && role === 'aed');
      assert.deepEqual([told.reason, told.resource.id], ['vacated', resources[0].id]);
      await resolve(owner, id);
    });

    it('at 3 o’clock an open box beats a closed one that is nearer, and who comes alone brings none', async () => {
      const boxes = [[100, { openingHours: 'Mo-Su 08:00-20:00' }], [150, { openingHours: null }], [120, { access: 'private' }], [400]];
      const { owner, helpers, resources, id } = await scene([300, 320], boxes);
      await respond(helpers[0], id);
      const alone = partOf(helpers[0], await read(owner, id));
      assert.deepEqual([alone.role, alone.resourceId], ['patient', null]);
      await respond(helpers[1], id);
      assert.equal(bringerOf(await read(owner, id)).resourceId, resources.at(-1).id);
      await resolve(owner, id);
    });

    it('change with what became of the box', async () => {
      const { place, owner, ownerSocket, helpers, resources, id } = await scene([300, 310, 320], [[400], [450], [500]]);
      for (const helper of helpers) await respond(helper, id);
      const isOf = (part) => (helper) => helper.id === part.helper.id;
      const first = bringerOf(await read(owner, id));
      const [bringer, other] = [helpers.find(isOf(first)), helpers.find((helper) => helper.id !== first.helper.id)];
      refused(await other.put(`/emergencies/${id}/helper-status`, { status: 'on_way', resourceState: 'collected' }), 409, 'no_resource');
      await stand(bringer, north(place, first.resourceId === resources[0].id ? 400 : 450));
      await tell(bringer, id, 'on_way', { resourceState: 'missing' });
      await ownerSocket.next('helper:role_assigned', ({ emergencyId, reason }) => emergencyId === id && reason === 'resource_missing');
      const second = bringerOf(await read(owner, id));
      assert.ok(second.resourceId && second.resourceId !== first.resourceId);
      const near = ok(await owner.get(`/resources?latitude=${place.latitude}&longitude=${place.longitude}&radius=1000`)).resources;
      assert.equal(near.find((resource) => resource.id === first.resourceId).status, 'missing', 'it was beside it');
      const next = helpers.find(isOf(second));
      await stand(next, north(place, 3_000));
      for (const resourceState of ['collected', 'delivered']) {
        const { details } = refused(await next.put(`/emergencies/${id}/helper-status`, { status: 'on_way', resourceState }), 409, 'seen_elsewhere');
        assert.deepEqual(details.map(({ field }) => field), ['resourceState']);
      }
      await stand(next, north(place, 450));
      await tell(next, id, 'on_way', { resourceState: 'collected' });
      await tell(next, id, 'arrived', { resourceState: 'delivered' });
      await tell(next, id, 'cancelled');
      assert.equal(bringerOf(await read(owner, id)), undefined, 'a defibrillator is there');
      await resolve(owner, id);
    });

    it('are not needed beside enough others who are there: the helper is told, nobody else', async () => {
      const { place, owner, ownerSocket, helpers, sockets, id } = await scene([10, 20, 3_000], [], { type: 'assault' });
      for (const helper of helpers.slice(0, 2)) {
        await respond(helper, id);
        await tell(helper, id, 'arrived');
      }
      await respond(helpers[2], id);
      const { eventId, timestamp, ...told } = await sockets[2].next('helper:stand_down', of(id));
      assert.ok(eventId > 0 && timestamp);
      assert.deepEqual(told, { emergencyId: id, helperId: helpers[2].id, reason: 'enough_helpers' });
      assert.deepEqual(rolesOf(await read(owner, id)), ['companion', 'companion', 'guide']);
      await stand(helpers[2], place);
      await cancel(owner, id);
      for (const [socket, times] of [[ownerSocket, 0], [sockets[0], 0], [sockets[2], 1]]) {
        await socket.next('emergency:ended', of(id));
        assert.equal(socket.seen('helper:stand_down').length, times);
      }
    });
  });
}
