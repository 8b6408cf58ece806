// Blocks between users: the two are as if not there for each other, on every way to an emergency.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, north, startNode } from './harness.mjs';
import { cancel, of, raise, respond } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

for (const database of databases) {
  describe(`an emergency that a block hides on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    const lists = ({ latitude, longitude }) => [`/emergencies/nearby?latitude=${latitude}&longitude=${longitude}`, '/emergencies/pending-for-helper'];
    const listed = async (caller, path, id) => {
      const data = ok(await caller.get(path));
      return (data.emergencies ?? data).some((one) => one.id === id);
    };
    async function scene(details = {}) {
      const place = app.somewhere();
      const [owner, helper, other] = await Promise.all([app.owner(), app.helperAt(north(place, 200)), app.helperAt(north(place, 300))]);
      return { place, owner, helper, other, details };
    }

    // Answers like one that never was.
    async function isUnknown(caller, id, place) {
      const socket = await caller.connect();
      const path = `/emergencies/${id}`;
      for (const rest of ['', '/helpers', '/timeline', '/messages']) refused(await caller.get(path + rest), 404, 'emergency_not_found');
      const posts = [['/respond', {}], ['/respond', { action: 'decline' }], ['/resolve', {}], ['/cancel', {}], ['/renew', {}], ['/report', { reason: 'rude' }], ['/messages', { message: 'Hello' }]];
      for (const [rest, body] of posts) refused(await caller.post(path + rest, body), 404, 'emergency_not_found');
      refused(await caller.put(`${path}/helper-status`, { status: 'on_way' }), 404, 'emergency_not_found');
      refused(await caller.delete(path), 404, 'emergency_not_found');
      const joined = await socket.ack('emergency:join', { emergencyId: id });
      assert.deepEqual([joined.ok, joined.error.code], [false, 'emergency_not_found']);
      for (const list of lists(place)) assert.equal(await listed(caller, list, id), false, list);
      socket.close();
    }

    for (const [name, block] of [
      ['by the owner', ({ owner, helper }) => owner.put(`/auth/me/blocks/${helper.id}`)],
      ['by the helper', ({ owner, helper }) => helper.post('/auth/me/blocks', { email: owner.email })],
    ]) {
      it(`is unknown after a block ${name}, and nobody else notices`, async () => {
        const all = await scene();
        const { owner, helper, other, place } = all;
        ok(await block(all));
        const { id } = await raise(owner, place);
        await isUnknown(helper, id, place);
        for (const list of lists(place)) assert.equal(await listed(other, list, id), true, list);
        ok(await other.get(`/emergencies/${id}`));
        ok(await (await app.admin()).get(`/emergencies/${id}`));
        await respond(other, id);
        await cancel(owner, id);
      });
    }

    it('is unknown from the block on, also to a helper who responded', async () => {
      const { owner, helper, other, place } = await scene();
      const { id } = await raise(owner, place);
      const socket = await helper.connect();
      await respond(helper, id);
      ok(await owner.put(`/auth/me/blocks/${helper.id}`));
      await socket.next('emergency:ended', of(id));
      await isUnknown(helper, id, place);
      await respond(other, id);
      await cancel(owner, id);
    });

    it('is not hidden by a block against an anonymous owner, who would be found by it', async () => {
      const { owner, helper, place } = await scene();
      ok(await helper.put(`/auth/me/blocks/${owner.id}`));
      const { id } = await raise(owner, place, { anonymousMode: true });
      for (const list of lists(place)) assert.equal(await listed(helper, list, id), true, list);
      await respond(helper, id);
      await cancel(owner, id);

      ok(await owner.put(`/auth/me/blocks/${helper.id}`));
      const { id: second } = await raise(owner, place, { anonymousMode: true });
      await isUnknown(helper, second, place);
      await cancel(owner, second);
    });
  });
}
