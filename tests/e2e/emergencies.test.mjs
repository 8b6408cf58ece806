// Emergencies: the fields of a new one, one live emergency per owner, transitions, and the end.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, settled, startNode } from './harness.mjs';
import { cancel, of, over, raise, read, resolve, respond, say, tally, tell, times, wrongFields } from './scene.mjs';
import { alertCounts, assertMatches, atLeast, emergency as emergencyShape, events, id, ok, refused, time } from './shapes.mjs';

for (const database of databases) {
  describe(`emergencies on ${database}`, () => {
    let app;
    let owner;
    let helper;
    let admin;
    before(async () => {
      app = await startNode({ database });
      [owner, helper, admin] = await Promise.all([app.owner(), app.helperAt(undefined), app.admin()]);
    });
    after(() => app?.stop());

    describe('raising one', () => {
      it('needs only a position', async () => {
        await over(owner);
        const location = app.somewhere();
        const data = ok(await owner.post('/emergencies', { location }), 201);
        assertMatches(data, { emergency: data.emergency, nearbyHelperCount: 0 });
        const { emergency } = data;
        const exactly = {
          id,
          _id: emergency.id,
          type: 'other',
          category: null,
          description: null,
          location: { ...location, precision: 0, address: null, description: null },
          origin: null,
          // The device of the owner has told no place that it could follow.
          fixedPlace: true,
          priority: 'high',
          severity: 5,
          status: 'active',
          silentMode: false,
          anonymousMode: false,
          alertRadius: 15_000,
          user: { id: owner.id, _id: owner.id, profile: { firstName: 'Olivia', lastName: 'Owner' } },
          respondingHelpers: [],
          createdAt: time,
          updatedAt: emergency.createdAt,
          firstResponseAt: null,
          resolvedAt: null,
          resolvedBy: null,
          resolutionType: null,
          resolutionNotes: null,
          distance: null,
          alerts: alertCounts({ wave: 1, alerted: 0, acknowledged: 0, declined: 0 }),
        };
        assertMatches(emergency, exactly);
        assert.deepEqual(await read(owner, emergency.id), emergency);
        assert.deepEqual(ok(await owner.get('/emergencies/active')), { emergency });
        assert.ok(Math.abs(Date.parse(emergency.createdAt) - Date.now()) < 60_000);
      });

      const place = { latitude: 1.25, longitude: -2.5 };
      const accepted = [
        ...['medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other'].map((type) => ({ type })),
        ...['low', 'medium', 'high', 'critical'].map((priority) => ({ priority })),
        ...[1, 10, 7].map((severity) => ({ severity })),
        { category: '🚑'.repeat(50), description: 'é'.repeat(1000) },
        { location: { ...place, precision: 0, address: '家'.repeat(300), description: '🏠'.repeat(300) } },
        { location: { latitude: 90, longitude: 180, precision: 0, address: null, description: null } },
        { location: { latitude: -90, longitude: -180, precision: 0, address: null, description: null } },
        { location: { latitude: 0, longitude: 0.000001, precision: 0, address: null, description: null } },
        { silentMode: true, anonymousMode: true },
        { silentMode: true, anonymousMode: false },
      ];

      it('stores all fields up to their bounds', async () => {
        for (const fields of accepted) {
          await over(owner);
          const emergency = await raise(owner, place, { fakeCallAlert: true, user: 'x', status: 'resolved', ...fields });
          assertMatches(emergency, emergencyShape({ status: 'active', ...fields }));
          assertMatches(await read(owner, emergency.id), emergencyShape(fields));
        }
      });

      it('accepts null for optional fields', async () => {
        await over(owner);
        const names = ['type', 'category', 'description', 'priority', 'severity', 'silentMode', 'anonymousMode', 'requestId'];
        const nulls = Object.fromEntries(names.map((name) => [name, null]));
        const emergency = await raise(owner, { ...place, address: null, description: null }, nulls);
        assertMatches(emergency, emergencyShape({ type: 'other', priority: 'high', severity: 5, silentMode: false, anonymousMode: false }));
      });

      it('trims texts', async () => {
        await over(owner);
        const location = { ...place, address: '  1 Main St\n', description: ' ' };
        const emergency = await raise(owner, location, { category: ' fall ', description: '\t help \n' });
        assertMatches(emergency, emergencyShape({ category: 'fall', description: 'help' }));
        assert.deepEqual([emergency.location.address, emergency.location.description], ['1 Main St', null]);
      });

      const wrong = [
        [{}, 'location'],
        [{ location: null }, 'location'],
        [{ location: 'here' }, 'location'],
        [{ location: [1, 2] }, 'location'],
        [{ location: {} }, 'location.latitude', 'location.longitude'],
        [{ location: { latitude: '1', longitude: true } }, 'location.latitude', 'location.longitude'],
        [{ location: { latitude: 90.000001, longitude: 1 } }, 'location.latitude'],
        [{ location: { latitude: 1, longitude: -180.000001 } }, 'location.longitude'],
        [{ location: { ...place, address: 'x'.repeat(301), description: 'x'.repeat(301) } }, 'location.address', 'location.description'],
        [{ location: { ...place, address: 5, description: 'nul\0' } }, 'location.address', 'location.description'],
        [{ location: place, type: 'fire' }, 'type'],
        [{ location: place, type: 'Medical' }, 'type'],
        [{ location: place, category: 'x'.repeat(51), description: 'x'.repeat(1001) }, 'category', 'description'],
        [{ location: place, category: ['x'], description: 5 }, 'category', 'description'],
        [{ location: place, priority: 'urgent', type: 5 }, 'priority', 'type'],
        ...[0, 11, -1, 5.5, '5', true, [5]].map((severity) => [{ location: place, severity }, 'severity']),
        [{ location: place, silentMode: 'yes', anonymousMode: 1 }, 'anonymousMode', 'silentMode'],
        [{ location: place, requestId: 'x'.repeat(101) }, 'requestId'],
        [{ location: place, requestId: 5 }, 'requestId'],
        [{ severity: 0, priority: 1, silentMode: 0, description: 'nul\0' }, 'description', 'location', 'priority', 'severity', 'silentMode'],
      ];

      it('is refused with every invalid field, and raises nothing', async () => {
        await over(owner);
        for (const [body, ...fields] of wrong) wrongFields(await owner.post('/emergencies', body), ...fields);
        assert.equal(ok(await owner.get('/emergencies/active')), null);
      });
    });

    describe('the same request', () => {
      it('is one emergency with one event, however often and concurrently it is sent', async () => {
        const [one, socket] = await Promise.all([app.owner(), helper.connect()]);
        const body = { location: app.somewhere(), requestId: 'x'.repeat(100) };
        const answers = await times(20, () => one.post('/emergencies', body));
        assert.deepEqual(tally(answers), { 200: 19, 201: 1 });
        const ids = new Set(answers.map((answer) => answer.body.data.emergency.id));
        assert.equal(ids.size, 1);
        for (const answer of answers) assertMatches(answer.body.data, { emergency: emergencyShape({ id: [...ids][0] }), nearbyHelperCount: 0 });
        await settled(socket);
        assert.equal(socket.seen('emergency:created', of([...ids][0])).length, 1);
        socket.close();
      });

      it('is refused after the emergency has ended, and while another one is live', async () => {
        const one = await app.owner();
        const body = { location: app.somewhere(), requestId: 'the first' };
        const first = ok(await one.post('/emergencies', body), 201).emergency;
        await cancel(one, first.id);
        const { details } = refused(await one.post('/emergencies', body), 409, 'request_id_used');
        assert.deepEqual(details, [{ field: 'emergencyId', message: first.id }]);
        const second = await raise(one, body.location, { requestId: 'the second' });
        assert.notEqual(second.id, first.id);
        assert.equal(ok(await one.post('/emergencies', { ...body, requestId: 'the second' })).emergency.id, second.id);
        for (const requestId of ['the first', 'the third']) {
          const refusal = refused(await one.post('/emergencies', { ...body, requestId }), 409, 'active_emergency_exists');
          assert.deepEqual(refusal.details, [{ field: 'emergencyId', message: second.id }]);
        }
      });

      it('of another user is another emergency', async () => {
        const [one, other] = await Promise.all([app.owner(), app.owner()]);
        const [first, second] = await Promise.all([one, other].map((user) => raise(user, app.somewhere(), { requestId: 'ours' })));
        assert.notEqual(first.id, second.id);
      });
    });

    it('of twenty raised at once one succeeds, and the others are refused with its id', async () => {
      const one = await app.owner();
      const answers = await times(20, (index) =>
        one.post('/emergencies', { location: app.somewhere(), requestId: index % 2 ? `button ${index}` : null }),
      );
      assert.deepEqual(tally(answers), { 201: 1, 409: 19 });
      const raised = answers.find(({ status }) => status === 201).body.data.emergency;
      for (const answer of answers.filter(({ status }) => status === 409)) {
        const { details } = refused(answer, 409, 'active_emergency_exists');
        assert.deepEqual(details, [{ field: 'emergencyId', message: raised.id }]);
      }
      await cancel(one, raised.id);
      await raise(one, app.somewhere());
    });

    describe('its life', () => {
      const reach = {
        active: async () => {},
        responding: (emergencyId) => respond(helper, emergencyId),
        resolved: (emergencyId) => resolve(owner, emergencyId),
        cancelled: (emergencyId) => cancel(owner, emergencyId),
      };
      const steps = {
        resolve: (path) => owner.post(`${path}/resolve`, {}),
        cancel: (path) => owner.post(`${path}/cancel`, {}),
        delete: (path) => owner.delete(path),
        respond: (path) => helper.post(`${path}/respond`, {}),
        decline: (path) => helper.post(`${path}/respond`, { action: 'decline' }),
        message: (path) => owner.post(`${path}/messages`, { message: 'hello' }),
        rate: (path) => owner.post(`${path}/ratings`, { helperId: helper.id, score: 5 }),
        read: (path) => owner.get(path),
      };
      // The outcome of each step in each state, and the state after it.
      const life = {
        active: {
          resolve: [200, 'resolved'],
          cancel: [200, 'cancelled'],
          delete: [409, 'emergency_live'],
          respond: [200, 'responding'],
          decline: [200, 'active'],
          message: [201, 'active'],
          rate: [409, 'emergency_not_resolved'],
          read: [200, 'active'],
        },
        responding: {
          resolve: [200, 'resolved'],
          cancel: [200, 'cancelled'],
          delete: [409, 'emergency_live'],
          respond: [200, 'responding'],
          decline: [409, 'already_responding'],
          message: [201, 'responding'],
          rate: [409, 'emergency_not_resolved'],
          read: [200, 'responding'],
        },
        resolved: {
          resolve: [409, 'emergency_ended'],
          cancel: [409, 'emergency_ended'],
          delete: [200, null],
          respond: [409, 'emergency_ended'],
          decline: [409, 'emergency_ended'],
          message: [409, 'emergency_ended'],
          rate: [404, 'helper_not_found'],
          read: [200, 'resolved'],
        },
        cancelled: {
          resolve: [409, 'emergency_ended'],
          cancel: [409, 'emergency_ended'],
          delete: [200, null],
          respond: [409, 'emergency_ended'],
          decline: [409, 'emergency_ended'],
          message: [409, 'emergency_ended'],
          rate: [409, 'emergency_not_resolved'],
          read: [200, 'cancelled'],
        },
      };
      for (const [state, outcomes] of Object.entries(life)) {
        it(`when it is ${state}`, async () => {
          for (const [step, [status, expected]] of Object.entries(outcomes)) {
            await over(owner);
            const { id: emergencyId } = await raise(owner, app.somewhere());
            await reach[state](emergencyId);
            const answer = await steps[step](`/emergencies/${emergencyId}`);
            assert.equal(answer.status, status, `${step}: ${answer.text}`);
            const after = await owner.get(`/emergencies/${emergencyId}`);
            if (status >= 400) {
              refused(answer, status, expected);
              assert.equal(ok(after).emergency.status, state, step);
            } else if (expected) assert.equal(ok(after).emergency.status, expected, step);
            else refused(after, 404, 'emergency_not_found');
          }
        });
      }

      it('goes back to active when the last response is cancelled', async () => {
        await over(owner);
        const second = await app.helperAt(undefined);
        const { id: emergencyId } = await raise(owner, app.somewhere());
        for (const each of [helper, second]) await respond(each, emergencyId);
        const { firstResponseAt } = await read(owner, emergencyId);
        assert.equal((await tell(helper, emergencyId, 'cancelled')).status, 'responding');
        assert.equal((await tell(second, emergencyId, 'cancelled')).status, 'active');
        assertMatches(await read(owner, emergencyId), emergencyShape({ status: 'active', firstResponseAt }));
      });
    });

    describe('its end', () => {
      it('records who resolved it, whatever the request claims', async () => {
        const types = [undefined, null, 'user_resolved', 'helper_resolved', 'admin_resolved', 'auto_expired'];
        for (const [caller, recorded] of [[owner, 'user_resolved'], [helper, 'helper_resolved'], [admin, 'admin_resolved']]) {
          for (const resolutionType of caller === owner ? types : types.slice(-1)) {
            await over(owner);
            const { id: emergencyId } = await raise(owner, app.somewhere());
            await respond(helper, emergencyId);
            const notes = 'n'.repeat(500);
            const ended = await resolve(caller, emergencyId, { resolutionType, notes });
            const fields = { status: 'resolved', resolvedAt: time, resolvedBy: caller.id, resolutionType: recorded, resolutionNotes: notes };
            assertMatches(ended, emergencyShape(fields));
            assertMatches(await read(owner, emergencyId), emergencyShape(fields));
          }
        }
      });

      it('keeps the reason of a cancellation as its notes', async () => {
        for (const reason of ['r'.repeat(500), null]) {
          await over(owner);
          const { id: emergencyId } = await raise(owner, app.somewhere());
          const ended = await cancel(owner, emergencyId, { reason });
          assertMatches(ended, emergencyShape({ status: 'cancelled', resolutionType: null, resolutionNotes: reason }));
        }
      });

      it('is refused with every invalid field', async () => {
        await over(owner);
        const { id: emergencyId } = await raise(owner, app.somewhere());
        const path = `/emergencies/${emergencyId}`;
        wrongFields(await owner.post(`${path}/resolve`, { resolutionType: 'over', notes: 'n'.repeat(501) }), 'notes', 'resolutionType');
        wrongFields(await owner.post(`${path}/resolve`, { resolutionType: 1, notes: 'nul\0' }), 'notes', 'resolutionType');
        wrongFields(await owner.post(`${path}/cancel`, { reason: 'r'.repeat(501) }), 'reason');
        wrongFields(await owner.post(`${path}/cancel`, { reason: {} }), 'reason');
        assert.equal((await read(owner, emergencyId)).status, 'active');
      });

      it('needs no body', async () => {
        for (const how of ['resolve', 'cancel']) {
          await over(owner);
          const { id: emergencyId } = await raise(owner, app.somewhere());
          ok(await helper.post(`/emergencies/${emergencyId}/respond`));
          ok(await owner.post(`/emergencies/${emergencyId}/${how}`));
        }
      });

      it('happens once, however many requests end it at once', async () => {
        await over(owner);
        const { id: emergencyId } = await raise(owner, app.somewhere());
        await respond(helper, emergencyId);
        const socket = await owner.connect();
        const path = `/emergencies/${emergencyId}`;
        const callers = [owner, helper, admin];
        const answers = await times(9, (index) => callers[index % 3].post(`${path}/${index === 3 ? 'cancel' : 'resolve'}`, {}));
        assert.deepEqual(tally(answers), { 200: 1, 409: 8 });
        await settled(socket);
        assert.equal(socket.seen('emergency:ended', of(emergencyId)).length, 1);
        socket.close();
      });

      it('is final, whatever responses arrive at the same time', async () => {
        for (let round = 0; round < 5; round += 1) {
          await over(owner);
          const { id: emergencyId } = await raise(owner, app.somewhere());
          const path = `/emergencies/${emergencyId}`;
          const [ended, joined] = await Promise.all([owner.post(`${path}/resolve`, {}), helper.post(`${path}/respond`, {})]);
          assert.equal(ended.status, 200, ended.text);
          assert.ok([200, 409].includes(joined.status), joined.text);
          assert.equal((await read(owner, emergencyId)).status, 'resolved');
          assert.equal(ok(await owner.get('/emergencies/active')), null);
        }
      });
    });

    describe('deleting one', () => {
      it('removes all of it, for every user', async () => {
        await over(owner);
        const { id: emergencyId } = await raise(owner, app.somewhere());
        await respond(helper, emergencyId);
        await say(helper, emergencyId, 'on my way');
        await resolve(owner, emergencyId);
        const path = `/emergencies/${emergencyId}`;
        for (const caller of [helper, admin]) refused(await caller.delete(path), 403, 'not_authorized');
        assert.deepEqual(ok(await owner.delete(path)), { emergencyId, deleted: true });
        for (const caller of [owner, helper, admin]) {
          for (const rest of ['', '/messages', '/timeline', '/helpers']) {
            refused(await caller.get(path + rest), 404, 'emergency_not_found');
          }
          const { emergencies } = ok(await caller.get('/emergencies/history'));
          assert.ok(!emergencies.some((one) => one.id === emergencyId));
        }
        refused(await owner.delete(path), 404, 'emergency_not_found');
      });

      it('right after its end does not prevent the delivery of the end', async () => {
        const pairs = await times(4, async () => {
          const [one, other] = await Promise.all([app.owner(), app.helperAt(undefined)]);
          return { one, other, sockets: await Promise.all([one.connect(), other.connect()]) };
        });
        for (const [end, event] of [[cancel, 'emergency:cancelled'], [resolve, 'emergency:resolved'], [cancel, 'emergency:cancelled']]) {
          await Promise.all(
            pairs.map(async ({ one, other, sockets }) => {
              const { id: emergencyId } = await raise(one, app.somewhere());
              await respond(other, emergencyId);
              await end(one, emergencyId);
              ok(await one.delete(`/emergencies/${emergencyId}`));
              for (const socket of sockets) {
                await socket.next(event, of(emergencyId));
                await socket.next('emergency:ended', of(emergencyId));
              }
            }),
          );
        }
        for (const { sockets } of pairs) for (const socket of sockets) socket.close();
      });
    });

    it('is changed by its owner, 30 times a minute, and a first change of type or priority is never refused', async () => {
      await over(owner);
      const { id: emergencyId } = await raise(owner, app.somewhere(), { category: 'fall' });
      const socket = await owner.connect();
      const change = (body) => owner.patch(`/emergencies/${emergencyId}`, body);
      const changed = ok(await change({ category: null, description: ' It is worse ', severity: 9 })).emergency;
      assertMatches(changed, emergencyShape({ id: emergencyId, _id: emergencyId, category: null, description: 'It is worse', severity: 9, type: 'other' }));
      assert.deepEqual(await read(owner, emergencyId), changed);
      assertMatches(await socket.next('emergency:updated', of(emergencyId)), events.updated(emergencyId, { description: 'It is worse', severity: 9 }));
      for (const nothing of [{}, { severity: 9 }, { type: null, priority: null, severity: null }, { location: app.somewhere(), silentMode: true }]) {
        assert.deepEqual(ok(await change(nothing)).emergency, changed);
      }
      for (let n = 1; n < 30; n += 1) ok(await change({ description: `change ${n}` }));
      const late = await change({ description: 'too many' });
      refused(late, 429, 'rate_limited');
      assert.match(late.headers.get('retry-after'), /^\d+$/);
      ok(await change({ type: 'medical' }));
      ok(await change({ priority: 'low' }));
      for (const again of [{ type: 'other' }, { priority: 'high' }]) refused(await change(again), 429, 'rate_limited');
      wrongFields(await change({ type: 'tea', severity: 11, category: 7 }), 'type', 'severity', 'category');
      refused(await helper.patch(`/emergencies/${emergencyId}`, { severity: 1 }), 403, 'not_authorized');
      refused(await admin.patch(`/emergencies/${emergencyId}`, { severity: 1 }), 403, 'not_authorized');
      await cancel(owner, emergencyId);
      refused(await change({ type: 'safety' }), 409, 'emergency_ended');
      await socket.next('emergency:ended', of(emergencyId));
      assert.equal(socket.seen('emergency:updated', of(emergencyId)).length, 32);
      const timeline = ok(await owner.get(`/emergencies/${emergencyId}/timeline`)).events;
      assert.equal(timeline.filter(({ event }) => event === 'emergency:updated').length, 32);
    });

    it('an unknown or malformed id is not found', async () => {
      for (const nothing of [NO_SUCH_ID, 'nothing', '1', 'current', '507f1f77bcf86cd799439011', '%20', '%00', '../x', owner.id]) {
        const path = `/emergencies/${nothing.includes('%') ? nothing : encodeURIComponent(nothing)}`;
        for (const [method, rest, body] of [['get', ''], ['get', '/messages'], ['post', '/respond', {}], ['post', '/cancel', {}], ['delete', '']]) {
          refused(await helper[method](path + rest, body), 404, 'emergency_not_found');
        }
      }
    });

    it('a user without an emergency has no active one', async () => {
      const answer = await helper.get('/emergencies/active');
      assert.equal(ok(answer), null);
      assertMatches(answer.body, atLeast({ success: true, data: null }));
      assert.equal(ok(await helper.get('/emergencies/helper-active')), null);
    });
  });
}
