// Presence of participants: `presence:update`, and `online` in REST answers.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { databases, north, settled, startNode } from './harness.mjs';
import { cancel, gather, partOf, raise, read, respond, resolve, tell } from './scene.mjs';
import { assertMatches, atLeast, ok, time } from './shapes.mjs';

const PRESENCE = 'presence:update';
const about = (user) => (payload) => payload.userId === user.id;
/** How long a user without a connection counts as online. */
const OFFLINE_DELAY = 15_000;
/** Upper bound for that, on a busy machine. */
const LIMIT = 60_000;
/** By how much the times of two processes may differ. */
const SLACK = 1_000;

for (const database of databases) {
  describe(`presence on ${database}`, { concurrency: true }, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app.stop());

    /** An owner, a responding helper and a looker-on, all connected. */
    async function scene(fields = {}) {
      const { place, owner, ownerSocket, helpers, sockets } = await gather(app, 2);
      const { id: emergencyId } = await raise(owner, place, fields);
      const [helper, looker] = helpers;
      const [helperSocket, lookerSocket] = sockets;
      await respond(helper, emergencyId);
      await ownerSocket.next('helper:joined');
      assert.equal((await lookerSocket.ack('emergency:join', { emergencyId })).ok, true);
      return { place, emergencyId, owner, ownerSocket, helper, helperSocket, looker, lookerSocket };
    }

    it('is sent to participants: online at once, offline after a delay that a reconnection cancels', async () => {
      const { emergencyId, owner, ownerSocket, helper, helperSocket, lookerSocket, looker } = await scene();
      const second = await helper.connect();
      helperSocket.close();
      await pause(1_000);
      second.close();
      await pause(3_000);
      const back = await helper.connect();
      await pause(OFFLINE_DELAY);
      assert.deepEqual(ownerSocket.seen(PRESENCE, about(helper)), [], 'several devices, and a reconnection');

      const gone = Date.now();
      back.close();
      await pause(1_000);
      assert.equal(partOf(helper, await read(owner, emergencyId)).online, true);
      const offline = await ownerSocket.next(PRESENCE, about(helper), LIMIT);
      const delay = Date.now() - gone;
      assert.ok(delay > OFFLINE_DELAY - SLACK, `${delay} ms`);
      assertMatches(offline, { userId: helper.id, online: false, lastSeenAt: time });
      // Of the end of the connection, and not of the news.
      const lastSeen = Date.parse(offline.lastSeenAt) - gone;
      assert.ok(lastSeen > -SLACK && lastSeen < OFFLINE_DELAY - SLACK, offline.lastSeenAt);
      assertMatches(partOf(helper, await read(owner, emergencyId)), atLeast({ online: false, lastSeenAt: offline.lastSeenAt }));
      const near = ok(await owner.get(`/emergencies/${emergencyId}/helpers`)).helpers;
      assert.equal(near.find((one) => one.id === helper.id).online, false);

      const again = await helper.connect();
      assertMatches(await ownerSocket.next(PRESENCE, about(helper)), { userId: helper.id, online: true, lastSeenAt: time });
      assert.equal(partOf(helper, await read(owner, emergencyId)).online, true);
      assertMatches(partOf(helper, await read(looker, emergencyId)), atLeast({ online: null, lastSeenAt: null }));
      await lookerSocket.silent(PRESENCE);
      await again.silent(PRESENCE, about(helper));
      await cancel(owner, emergencyId);
    });

    it('of the owner is sent to responding helpers, until the end', async () => {
      const { emergencyId, owner, ownerSocket, helper, helperSocket } = await scene();
      ownerSocket.close();
      const offline = await helperSocket.next(PRESENCE, about(owner), LIMIT);
      assert.equal(offline.online, false);
      const back = await owner.connect();
      assert.equal((await helperSocket.next(PRESENCE, about(owner))).online, true);
      await resolve(owner, emergencyId);
      await back.next('emergency:ended');
      back.close();
      helperSocket.close();
      await pause(OFFLINE_DELAY + 2_000);
      const [one, other] = await Promise.all([owner.connect(), helper.connect()]);
      await pause(500);
      assert.deepEqual([...one.seen(PRESENCE), ...other.seen(PRESENCE)], []);
    });

    it('of an anonymous owner is never sent, and that of helpers is sent to the owner', async () => {
      const { emergencyId, owner, ownerSocket, helper, helperSocket } = await scene({ anonymousMode: true });
      ownerSocket.close();
      await pause(OFFLINE_DELAY + 2_000);
      const back = await owner.connect();
      await pause(500);
      assert.deepEqual(helperSocket.seen(PRESENCE), []);
      assert.ok(!helper.received.includes(owner.id));
      helperSocket.close();
      assert.equal((await back.next(PRESENCE, about(helper), LIMIT)).online, false);
      await cancel(owner, emergencyId);
    });

    it('of a helper who cancelled is not sent any more', async () => {
      const { emergencyId, owner, ownerSocket, helper, helperSocket } = await scene();
      await tell(helper, emergencyId, 'cancelled');
      await ownerSocket.next('helper:status_update');
      assertMatches(partOf(helper, await read(owner, emergencyId)), atLeast({ online: null, lastSeenAt: null }));
      helperSocket.close();
      await pause(OFFLINE_DELAY + 2_000);
      assert.deepEqual(ownerSocket.seen(PRESENCE, about(helper)), []);
      await cancel(owner, emergencyId);
    });

    it('of helpers nearby is a number, of three or more', async () => {
      const place = app.somewhere();
      const [owner, ...helpers] = await Promise.all([app.owner(), ...[100, 200, 300, 400].map((metres) => app.helperAt(north(place, metres)))]);
      const { id: emergencyId } = await raise(owner, place);
      for (const [index, expected] of [null, null, 3].entries()) {
        await settled(await helpers[index].connect());
        assert.equal(ok(await owner.get(`/emergencies/${emergencyId}/helpers`)).online, expected);
      }
      await cancel(owner, emergencyId);
    });
  });
}
