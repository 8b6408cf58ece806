// Helpers on their way: `helper:location` reaches only the participants, and only while the response is under way.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { databases, north, settled, startNode } from './harness.mjs';
import { cancel, gather, partOf, raise, read, respond, resolve, stand, tell } from './scene.mjs';
import { assertMatches, between, ok, time } from './shapes.mjs';

const LOCATION = 'helper:location';
/** The payload for a helper at this distance from the emergency. */
const location = (emergencyId, helper, place, metres, more = {}) => ({
  emergencyId,
  helperId: helper.id,
  location: place,
  distance: between(metres * 0.98 - 1, metres * 1.02 + 1),
  estimatedArrival: time,
  arrived: metres <= 50,
  updatedAt: time,
  ...more,
});

for (const database of databases) {
  describe(`helpers on their way on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app.stop());

    /** An owner, two responding helpers, a looker-on, and the emergency. */
    async function scene(fields = {}) {
      const gathered = await gather(app, 3);
      const { id } = await raise(gathered.owner, gathered.place, fields);
      const [helper, second, looker] = gathered.helpers;
      const [helperSocket, secondSocket, lookerSocket] = gathered.sockets;
      await respond(helper, id);
      await respond(second, id);
      assert.equal((await lookerSocket.ack('emergency:join', { emergencyId: id })).ok, true);
      return { ...gathered, id, helper, second, looker, helperSocket, secondSocket, lookerSocket };
    }

    it('are sent to the participants with distance and arrival, for positions over REST and sockets', async () => {
      const { id, place, ownerSocket, helper, helperSocket, secondSocket, lookerSocket } = await scene();
      const near = north(place, 1000);
      assert.equal((await helperSocket.ack('location:update', near)).ok, true);
      for (const socket of [ownerSocket, secondSocket, helperSocket]) {
        const received = await socket.next(LOCATION);
        assertMatches(received, location(id, helper, near, 1000));
        const walk = Date.parse(received.estimatedArrival) - Date.parse(received.updatedAt);
        // 652 s of way, and the time to set out: 105 s by day, 142 s at night.
        assert.ok(walk > 650_000 && walk < 800_000, `a kilometre on foot takes ${walk} ms`);
      }
      const there = north(place, 30);
      await stand(helper, there);
      assertMatches(await ownerSocket.next(LOCATION), location(id, helper, there, 30));
      assert.equal(partOf(helper, await read(helper, id)).status, 'responding', 'to have arrived is for the helper to say');
      const { text } = await (await app.admin()).get(`/emergencies/${id}/timeline`);
      for (const { latitude } of [near, there]) assert.ok(!text.includes(String(latitude)), 'the way is not kept');
      await lookerSocket.silent(LOCATION);
      assert.ok(!lookerSocket.caller.received.includes(String(near.latitude)));
      await cancel(ownerSocket.caller, id);
    });

    it('are sent at most once a second, and the last position is not lost', async () => {
      const { id, place, ownerSocket, helperSocket } = await scene();
      const began = Date.now();
      const places = Array.from({ length: 25 }, (_, index) => north(place, 2000 - 10 * index));
      for (const one of places) {
        await helperSocket.ack('location:update', one);
        await pause(100);
      }
      const last = places.at(-1);
      await ownerSocket.next(LOCATION, (received) => received.location.latitude === last.latitude);
      const received = ownerSocket.seen(LOCATION);
      const seconds = (Date.now() - began) / 1000;
      assert.deepEqual(received[0].location, places[0], 'the first at once');
      assert.ok(received.length >= 3 && received.length <= seconds + 1, `${received.length} in ${seconds} s`);
      await settled(ownerSocket);
      assert.equal(ownerSocket.seen(LOCATION).length, received.length);
      await cancel(ownerSocket.caller, id);
    });

    it('arrive when they stated', async () => {
      const { id, place, ownerSocket, helper, owner } = await scene();
      const stated = new Date(Date.now() + 240_000).toISOString();
      await tell(helper, id, 'on_way', { estimatedArrival: stated });
      await settled(ownerSocket);
      await stand(helper, north(place, 900));
      const received = await ownerSocket.next(LOCATION);
      assert.equal(Date.parse(received.estimatedArrival), Date.parse(stated));
      await cancel(owner, id);

      const again = await raise(owner, place);
      const soon = new Date(Date.now() + 60_000).toISOString();
      await respond(helper, again.id, { estimatedArrival: soon });
      await settled(ownerSocket);
      await stand(helper, north(place, 800));
      const next = await ownerSocket.next(LOCATION, (one) => one.emergencyId === again.id);
      assert.equal(Date.parse(next.estimatedArrival), Date.parse(soon));
      await cancel(owner, again.id);
    });

    for (const [name, end] of [
      ['have arrived', ({ helper, id }) => tell(helper, id, 'arrived')],
      ['have completed', ({ helper, id }) => tell(helper, id, 'completed')],
      ['cannot come after all', ({ helper, id }) => tell(helper, id, 'cancelled')],
      ['are needed no more', ({ owner, id }) => resolve(owner, id)],
    ]) {
      it(`are not sent any more once they ${name}`, async () => {
        const all = await scene();
        const { place, ownerSocket, secondSocket, helper, helperSocket, owner, id } = all;
        await stand(helper, north(place, 500));
        await ownerSocket.next(LOCATION);
        // One more position is pending when the end comes.
        await stand(helper, north(place, 400));
        await end(all);
        await settled(ownerSocket, secondSocket);
        const shown = [ownerSocket, secondSocket].map((socket) => socket.seen(LOCATION).length);
        for (const metres of [300, 200]) await stand(helper, north(place, metres));
        assert.equal((await helperSocket.ack('location:update', north(place, 100))).ok, true);
        await pause(1200);
        await settled(ownerSocket, secondSocket);
        assert.deepEqual([ownerSocket, secondSocket].map((socket) => socket.seen(LOCATION).length), shown);
        const last = ownerSocket.names.lastIndexOf(LOCATION);
        const ended = ownerSocket.names.findIndex((event, index) => /^(helper:status_update|emergency:ended)$/.test(event) && index > 0);
        assert.ok(last < ended, ownerSocket.names.join());
        if (name !== 'are needed no more') await cancel(owner, id);
      });
    }

    it('do not include lookers-on and helpers without a response', async () => {
      const { id, place, ownerSocket, looker, owner } = await scene();
      await stand(looker, north(place, 80));
      await stand(owner, north(place, 5));
      await ownerSocket.silent(LOCATION);
      await cancel(owner, id);
    });

    it('do not see an anonymous owner, who sees them', async () => {
      const { id, place, owner, ownerSocket, helper, helperSocket, secondSocket } = await scene({ anonymousMode: true });
      await stand(helper, north(place, 700));
      for (const socket of [ownerSocket, secondSocket, helperSocket]) {
        assertMatches(await socket.next(LOCATION), location(id, helper, north(place, 700), 700));
      }
      for (const one of [helper, secondSocket.caller]) assert.ok(!one.received.includes(owner.id));
      ok(await owner.post(`/emergencies/${id}/cancel`, {}));
    });
  });
}
