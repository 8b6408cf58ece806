// Queries: first alerts, emergencies nearby, pending emergencies of a helper, helpers nearby, history and timeline.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { databases, eventually, north, settled, startNode } from './harness.mjs';
import { cancel, decline, of, over, raise, read, resolve, respond, say, stand, tell, times, wrongFields } from './scene.mjs';
import { alertCounts, arrayOf, assertMatches, atLeast, between, emergency as emergencyShape, helperRating, id, integer, nullable, ok, profile, refused, text, time } from './shapes.mjs';

/** Milliseconds after which a position surely was there before what is raised then, by whatever node. */
const POSITION_DELAY = 300;

for (const database of databases) {
  describe(`finding on ${database}`, () => {
    let app;
    let owner;
    let admin;
    let helpers;
    before(async () => {
      app = await startNode({ database });
      [owner, admin, ...helpers] = await Promise.all([
        app.owner(),
        app.admin(),
        ...Array.from({ length: 4 }, (_, index) => app.helperAt(undefined, { firstName: `Helper${index}` })),
      ]);
    });
    after(() => app?.stop());

    // Places the helpers at these distances north of a new position; those without a distance far away.
    async function around(...distances) {
      await over(owner);
      // One owner's emergencies ring a helper five times in ten minutes.
      owner = await app.owner();
      const place = app.somewhere();
      await Promise.all(helpers.map((helper, at) => stand(helper, at in distances ? north(place, distances[at]) : app.somewhere())));
      return place;
    }
    const search = ({ latitude, longitude }, more = '') => `/emergencies/nearby?latitude=${latitude}&longitude=${longitude}${more}`;
    const idsOf = (emergencies) => emergencies.map((one) => one.id);

    describe('the first alerts', () => {
      const cases = [
        ['the smallest radius in which three stand', [1000, 2000, 4800], 5000, 3],
        ['the next one if there are two', [1000, 2000, 9800], 10_000, 3],
        ['the largest one if need be', [1000, 9800, 14_800], 15_000, 3],
        ['the largest one if there are never three', [1000, 14_800], 15_000, 2],
        ['one that ends where nobody stands', [15_200], 15_000, 0],
        ['one radius for more than three too', [100, 200, 300, 400], 5000, 4],
        ['none further than three need', [100, 200, 300, 8000], 5000, 3],
      ];
      for (const [name, distances, alertRadius, count] of cases) {
        it(`use ${name}`, async () => {
          const place = await around(...distances);
          const { emergency, nearbyHelperCount } = ok(await owner.post('/emergencies', { location: place }), 201);
          assert.equal(emergency.alertRadius, alertRadius);
          assert.equal(nearbyHelperCount, count);
          assert.deepEqual(emergency.alerts, alertCounts({ wave: 1, alerted: count, acknowledged: 0, declined: 0 }));
        });
      }

      it('are pending for helpers who connect later', async () => {
        const place = await around(500);
        const { id: emergencyId } = await raise(owner, place);
        assert.deepEqual(idsOf(ok(await helpers[0].get('/emergencies/pending-for-helper'))), [emergencyId]);
      });

      it('count acknowledgements and declines', async () => {
        const place = await around(100, 200, 300);
        const sockets = await Promise.all([helpers[0].connect(), helpers[0].connect(), helpers[1].connect({ acknowledge: false })]);
        const { id: emergencyId } = await raise(owner, place);
        const alerts = async () => (await read(owner, emergencyId)).alerts;
        await eventually(async () => (await alerts()).acknowledged === 1);
        await decline(helpers[1], emergencyId);
        await decline(helpers[1], emergencyId);
        await decline(helpers[3], emergencyId);
        assert.deepEqual(await alerts(), alertCounts({ wave: 1, alerted: 3, acknowledged: 2, seen: 1, declined: 1 }));
        await respond(helpers[1], emergencyId);
        assert.equal((await alerts()).declined, 0, 'who comes after all has not declined');
        assertMatches((await read(helpers[1], emergencyId)).alerts, atLeast({ alerted: 3 }));
        assertMatches((await read(admin, emergencyId)).alerts, atLeast({ alerted: 3 }));
        assert.equal((await read(helpers[2], emergencyId)).alerts, null, 'nothing of that concerns who takes no part');
        for (const socket of sockets) socket.close();
      });
    });

    describe('emergencies nearby', () => {
      it('are listed for helpers, nearest first, with distances', async () => {
        const place = await around();
        const [other, third] = await Promise.all([app.owner(), app.owner()]);
        const near = await raise(owner, north(place, 300));
        const far = await raise(other, north(place, 3000));
        await cancel(third, (await raise(third, place)).id);
        const found = ok(await helpers[0].get(search(place)));
        assertMatches(found, {
          emergencies: [
            emergencyShape({ id: near.id, distance: between(295, 305), alerts: null }),
            emergencyShape({ id: far.id, distance: between(2960, 3040), alerts: null }),
          ],
          count: 2,
        });
        const cases = [
          ['&limit=1', [near.id]],
          ['&radius=100', []],
          ['&radius=290', []],
          ['&radius=310', [near.id]],
          ['&radius=2900&limit=100', [near.id]],
          ['&radius=50000&limit=2', [near.id, far.id]],
        ];
        for (const [query, expected] of cases) {
          const { emergencies, count } = ok(await helpers[0].get(search(place, query)));
          assert.deepEqual(idsOf(emergencies), expected, query);
          assert.equal(count, expected.length);
        }
        refused(await other.get(search(place)), 403, 'not_a_helper');
      });

      it('are within 10 km by default', async () => {
        const place = await around();
        const { id: emergencyId } = await raise(owner, north(place, 10_300));
        assert.equal(ok(await helpers[0].get(search(place))).count, 0);
        assert.deepEqual(idsOf(ok(await helpers[0].get(search(place, '&radius=10500'))).emergencies), [emergencyId]);
      });

      const edges = [
        ['across the antimeridian', { latitude: 70, longitude: 179.99 }, { latitude: 70, longitude: -179.99 }],
        ['back across it', { latitude: -70, longitude: -180 }, { latitude: -70, longitude: 180 }],
        ['across the north pole', { latitude: 89.99, longitude: 10 }, { latitude: 89.99, longitude: -170 }],
        ['at the south pole', { latitude: -90, longitude: 0 }, { latitude: -90, longitude: 123 }],
      ];
      for (const [name, at, from] of edges) {
        it(`are found ${name}`, async () => {
          await around();
          await stand(helpers[0], from);
          const { emergency, nearbyHelperCount } = ok(await owner.post('/emergencies', { location: at }), 201);
          assert.equal(nearbyHelperCount, 1);
          const { emergencies } = ok(await helpers[0].get(search(from)));
          assert.deepEqual(idsOf(emergencies), [emergency.id]);
          assert.deepEqual(idsOf(ok(await helpers[0].get('/emergencies/pending-for-helper'))), [emergency.id]);
          assert.equal(ok(await owner.get(`/emergencies/${emergency.id}/helpers`)).within.at(-1).count, null, 'one, which is not told');
        });
      }

      it('need query parameters within bounds', async () => {
        const at = '/emergencies/nearby?latitude=1&longitude=2';
        const wrong = [
          ['/emergencies/nearby', 'latitude', 'longitude'],
          ['/emergencies/nearby?latitude=&longitude=x', 'latitude', 'longitude'],
          ['/emergencies/nearby?latitude=NaN&longitude=inf', 'latitude', 'longitude'],
          ['/emergencies/nearby?latitude=91&longitude=-181', 'latitude', 'longitude'],
          [`${at}&radius=99`, 'radius'],
          [`${at}&radius=50001&limit=101`, 'limit', 'radius'],
          [`${at}&radius=far&limit=0`, 'limit', 'radius'],
          [`${at}&limit=1.5`, 'limit'],
        ];
        for (const [path, ...fields] of wrong) wrongFields(await helpers[0].get(path), ...fields);
        ok(await helpers[0].get(`${at}&radius=100&limit=1&unknown=x`));
      });
    });

    describe('pending emergencies of a helper', () => {
      const pending = async (helper) => ok(await helper.get('/emergencies/pending-for-helper'));

      it('are the unanswered ones, nearest first', async () => {
        const place = await around(0);
        const others = await times(3, () => app.owner());
        const [near, next, far] = [
          await raise(others[0], north(place, 200)),
          await raise(others[1], north(place, 400)),
          await raise(others[2], north(place, 14_000)),
        ];
        const [helper] = helpers;
        const list = await pending(helper);
        assertMatches(list, [near, next, far].map(({ id: one }) => emergencyShape({ id: one, distance: number(one) })));
        await decline(helper, near.id);
        assert.deepEqual(idsOf(await pending(helper)), [next.id, far.id]);
        await cancel(others[2], far.id);
        assert.deepEqual(idsOf(await pending(helper)), [next.id]);
        await respond(helper, next.id);
        assert.deepEqual(idsOf(await pending(helper)), []);
        await Promise.all(others.map(over));

        function number(one) {
          return one === near.id ? between(195, 205) : one === next.id ? between(392, 408) : between(13_800, 14_200);
        }
      });

      it('do not include their own, nor those beyond their alert radius', async () => {
        const place = await around(0, 100, 200);
        await app.helperAt(north(place, 300));
        await raise(helpers[0], place);
        assert.deepEqual(await pending(helpers[0]), []);
        // Three available helpers are within 5 km, so that is the alert radius.
        const { id: emergencyId } = await raise(owner, place);
        await stand(helpers[3], north(place, 6000));
        assert.ok(!idsOf(await pending(helpers[3])).includes(emergencyId));
        await stand(helpers[3], north(place, 4000));
        assert.ok(idsOf(await pending(helpers[3])).includes(emergencyId));
        await over(helpers[0]);
      });

      it('include those of alerts to a helper who has moved away', async () => {
        const place = await around(100);
        const { id: emergencyId } = await raise(owner, place);
        await stand(helpers[0], app.somewhere());
        assert.deepEqual(idsOf(await pending(helpers[0])), [emergencyId]);
      });

      it('are none for a user who is not a helper or has no position', async () => {
        const place = await around(100);
        await raise(owner, place);
        const [user, unverified, nowhere] = await Promise.all([app.user(), app.unverifiedHelper({ position: place }), app.helperAt(undefined)]);
        await stand(user, place);
        for (const one of [user, unverified, nowhere, owner]) assert.deepEqual(await pending(one), []);
      });
    });

    describe('the helpers of an emergency', () => {
      it('are those who respond, and of the others numbers that name none of them', async () => {
        const place = await around(300, 6000, 100, 700);
        const [first, , near] = helpers;
        const others = [750, 800].map((metres) => app.helperAt(north(place, metres)));
        await Promise.all([...others, app.helperAt(place, { available: false }), app.unverifiedHelper({ position: place })]);
        await stand(owner, place);
        const { id: emergencyId } = await raise(owner, place);
        const path = `/emergencies/${emergencyId}/helpers`;
        const within = (...counts) => [500, 1000, 2000, 5000].map((radius, index) => ({ radius, count: counts[index] }));
        assertMatches(ok(await owner.get(path)), atLeast({ helpers: [], count: 0, within: within(null, 5, 5, 5) }));

        const sockets = await Promise.all([first, near, helpers[3]].map((helper) => helper.connect()));
        await settled(...sockets);
        await respond(first, emergencyId);
        const answers = await Promise.all([owner, first, admin, near].map(async (caller) => ok(await caller.get(path))));
        const entry = (participates) => ({
          id: first.id,
          profile: { firstName: first.user.profile.firstName, lastName: 'Helper' },
          trustScore: between(0, 1000),
          helperRating,
          helper: { id: first.id, _id: first.id, profile: { firstName: first.user.profile.firstName, lastName: 'Helper' }, trustScore: between(0, 1000), helperRating },
          status: 'responding',
          notes: null,
          estimatedArrival: null,
          respondedAt: time,
          updatedAt: time,
          stalled: participates ? false : null,
          role: participates ? 'patient' : null,
          resourceId: null,
          online: participates ? true : null,
          lastSeenAt: participates ? time : null,
          distance: participates ? between(295, 305) : null,
        });
        for (const [index, answer] of answers.entries()) {
          assertMatches(answer.helpers, [entry(index < 3)]);
          assert.equal(answer.count, 1);
          assert.deepEqual([answer.online, answer.within], [answers[0].online, answers[0].within], 'the same for every reader');
          for (const helper of helpers.slice(1)) assert.ok(!JSON.stringify(answer).includes(helper.id));
        }
        refused(await (await app.unverifiedHelper({ position: place })).get(path), 403, 'not_authorized');
        for (const query of ['?radius=-1&limit=0', '?radius=x', '?limit=1&radius=200']) {
          assert.deepEqual(ok(await near.get(path + query)), answers[3], 'radius and limit are ignored');
        }
        await tell(first, emergencyId, 'cancelled');
        assertMatches(ok(await owner.get(path)), atLeast({ helpers: [], count: 0 }));
        for (const socket of sockets) socket.close();
      });

      it('count an anonymous owner like any helper, but to that owner', async () => {
        const place = await around(100, 200, 300);
        const raiser = await app.helperAt(place);
        const socket = await helpers[3].connect();
        await settled(socket);
        const { emergency, nearbyHelperCount } = ok(await raiser.post('/emergencies', { location: place, anonymousMode: true }), 201);
        assert.equal(nearbyHelperCount, 3);
        assert.equal((await socket.next('emergency:created', of(emergency.id))).nearbyHelperCount, 4);
        assert.equal(ok(await helpers[3].get(`/emergencies/${emergency.id}/helpers`)).within.at(-1).count, 4);
        const [receipt] = ok(await raiser.get(`/emergencies/${emergency.id}/messages`)).messages;
        assert.match(receipt.message, / 3 helpers /);
        await cancel(raiser, emergency.id);
        await stand(raiser, app.somewhere());
        socket.close();
      });

      it('cannot be found by calls around them', async () => {
        const place = await around(40);
        for (const metres of [-400, 0, 300]) {
          const { id: emergencyId } = await raise(owner, north(place, metres));
          const answer = ok(await owner.get(`/emergencies/${emergencyId}/helpers`));
          assert.deepEqual([answer.online, ...answer.within.map(({ count }) => count)], [null, null, null, null, null]);
          assert.ok(!JSON.stringify(answer).includes(helpers[0].id));
          await cancel(owner, emergencyId);
        }
      });
    });

    describe('the history', () => {
      it('has the emergencies that a user raised or helped in, newest first, by page', async () => {
        await over(owner);
        const helper = await app.helperAt(undefined);
        const raised = [];
        for (let index = 0; index < 7; index += 1) {
          const { id: emergencyId } = await raise(owner, app.somewhere());
          raised.unshift(emergencyId);
          if (index < 5) await respond(helper, emergencyId);
          if (index === 4) await tell(helper, emergencyId, 'cancelled');
          if (index < 6) await (index % 2 ? cancel : resolve)(owner, emergencyId);
        }
        const history = async (caller, query = '') => ok(await caller.get(`/emergencies/history${query}`)).emergencies;
        const all = await history(owner);
        assertMatches(all, arrayOf(emergencyShape()));
        assert.deepEqual(idsOf(all).slice(0, 7), raised);
        assert.deepEqual(idsOf(await history(helper)), raised.slice(3), 'not where they cancelled, nor where they took no part');
        for (const [status, count] of [['active', 1], ['resolved', 3], ['cancelled', 3], ['responding', 0]]) {
          const some = (await history(owner, `?status=${status}`)).filter((one) => raised.includes(one.id));
          assert.equal(some.length, count, status);
          assert.ok(some.every((one) => one.status === status));
        }
        for (const limit of [1, 2, 3]) {
          const walked = [];
          for (let before = ''; ; ) {
            const page = await history(helper, `?limit=${limit}${before}`);
            walked.push(...idsOf(page));
            if (page.length === 0 || walked.length > 20) break;
            before = `&before=${encodeURIComponent(page.at(-1).createdAt)}`;
          }
          assert.deepEqual(walked, raised.slice(3), `by ${limit}`);
        }
        for (const [query, ...fields] of [['status=over', 'status'], ['limit=0&before=yesterday', 'before', 'limit'], ['limit=101', 'limit']]) {
          wrongFields(await owner.get(`/emergencies/history?${query}`), ...fields);
        }
      });
    });

    describe('the timeline', () => {
      it('has all events in order, for participants and administrators', async () => {
        const place = await around(100, 200);
        const [one, two, looker] = helpers;
        const { id: emergencyId } = await raise(owner, place);
        await decline(two, emergencyId);
        await respond(one, emergencyId);
        await say(one, emergencyId, 'coming');
        await tell(one, emergencyId, 'arrived', { notes: 'here' });
        await resolve(owner, emergencyId);
        const timeline = async (caller) => ok(await caller.get(`/emergencies/${emergencyId}/timeline`)).events;
        const received = await timeline(owner);
        assertMatches(received, arrayOf(atLeast({ eventId: integer, event: text, at: time, actor: nullable(id), data: atLeast({}) })));
        const names = [
          'emergency:created',
          'alerts:declined',
          'helper:joined',
          'emergency:status_changed',
          'emergency:message',
          'helper:status_update',
          'emergency:resolved',
          'emergency:ended',
        ];
        const known = received.filter(({ event, data }) => names.includes(event) && data.message?.senderRole !== 'system');
        assert.deepEqual(known.map(({ event }) => event), names);
        const ids = received.map(({ eventId }) => eventId);
        assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
        const entry = (event) => known.find((each) => each.event === event);
        assert.equal(entry('emergency:created').actor, owner.id);
        assert.equal(entry('helper:joined').actor, one.id);
        assertMatches(entry('alerts:declined'), atLeast({ data: atLeast({ count: 1 }), actor: null }));
        assert.ok(!JSON.stringify(entry('alerts:declined')).includes(two.id), 'who declined is not blamed');
        for (const caller of [one, admin]) {
          const same = (await timeline(caller)).filter(({ event, data }) => names.includes(event) && data.message?.senderRole !== 'system');
          assert.deepEqual(same.map(({ event }) => event), names);
        }
        for (const caller of [two, looker]) refused(await caller.get(`/emergencies/${emergencyId}/timeline`), 403, 'not_authorized');
      });
    });
  });

  describe(`a wave of two on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_ALERT_WAVE_SIZE: '2' } });
    });
    after(() => app?.stop());

    it('alerts the nearest two of all counted helpers', async () => {
      const place = app.somewhere();
      const [owner, ...helpers] = await Promise.all([app.owner(), ...[400, 100, 300, 200].map((metres) => app.helperAt(north(place, metres)))]);
      const sockets = await Promise.all(helpers.map((helper) => helper.connect()));
      // A position counts as later than an emergency that was raised in the same moment: its helper would be looked at again.
      await settled(...sockets);
      await delay(POSITION_DELAY);
      const { emergency, nearbyHelperCount } = ok(await owner.post('/emergencies', { location: place }), 201);
      assert.equal(nearbyHelperCount, 4);
      assert.equal(emergency.alerts.alerted, 2);
      await settled(...sockets);
      const alerted = sockets.map((socket) => socket.seen('emergency:nearby', of(emergency.id)).map(({ distance }) => distance));
      assertMatches(alerted, [[], [between(98, 102)], [], [between(196, 204)]]);
      for (const socket of sockets) assert.equal(socket.seen('emergency:created', of(emergency.id)).length, 1);
    });
  });
}
