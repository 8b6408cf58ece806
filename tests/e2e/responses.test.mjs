// Responses: accepting, declining, transitions, trust scores, ratings and reports.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, north, settled, startNode } from './harness.mjs';
import { cancel, decline, of, over, partOf, raise, read, resolve, respond, stand, tally, tell, times, wrongFields } from './scene.mjs';
import { assertMatches, atLeast, emergency as emergencyShape, events, ok, refused, respondingHelper, time } from './shapes.mjs';

const STATUSES = ['responding', 'on_way', 'arrived', 'completed', 'cancelled'];

for (const database of databases) {
  describe(`responses on ${database}`, () => {
    let app;
    let owner;
    let other;
    let helper;
    let second;
    let admin;
    before(async () => {
      app = await startNode({ database });
      [owner, other, helper, second, admin] = await Promise.all([
        app.owner(),
        app.owner(),
        app.helperAt(undefined),
        app.helperAt(undefined),
        app.admin(),
      ]);
    });
    after(() => app?.stop());

    // A new emergency of the owner, after ending the previous one.
    async function anew(who = owner, fields = {}) {
      await over(who);
      return (await raise(who, app.somewhere(), fields)).id;
    }
    // An emergency in which the helper's response has this status.
    async function inProgress(status, who = owner) {
      const emergencyId = await anew(who);
      await respond(helper, emergencyId);
      if (status !== 'responding') await tell(helper, emergencyId, status);
      return emergencyId;
    }
    const trustOf = async (caller) => ok(await caller.get('/auth/stats')).trustScore;

    describe('responding', () => {
      it('accepts by default, with or without an estimated arrival', async () => {
        const estimatedArrival = '2031-01-02T03:04:05.678Z';
        const bodies = [
          [{}, null],
          [{ action: null, estimatedArrival: null, lucky: true }, null],
          [{ action: 'accept', estimatedArrival }, estimatedArrival],
          [{ estimatedArrival: '2031-01-02T05:04:05.678+02:00' }, estimatedArrival],
        ];
        for (const [body, arrival] of bodies) {
          const emergencyId = await anew();
          const emergency = await respond(helper, emergencyId, body);
          assertMatches(emergency, emergencyShape({ id: emergencyId, status: 'responding', firstResponseAt: time }));
          const mine = partOf(helper, emergency);
          assertMatches(mine, respondingHelper({ status: 'responding', notes: null }));
          assert.equal(mine.estimatedArrival && Date.parse(mine.estimatedArrival), arrival && Date.parse(arrival));
          assert.deepEqual(mine, partOf(helper, await read(owner, emergencyId)));
        }
      });

      for (const anonymousMode of [false, true]) {
        it(`tells the helper everything on all devices${anonymousMode ? ', of an anonymous emergency too' : ''}`, async () => {
          const address = 'Am Ufer 1';
          const location = { ...app.somewhere(), address };
          const emergencyId = await anew(owner, { anonymousMode, location, description: 'Fell down the stairs' });
          await respond(second, emergencyId);
          const devices = [await helper.connect(), await helper.connect()];
          const others = [await owner.connect(), await second.connect()];
          const lastEventId = devices[0].ready.latestEventId;
          await respond(helper, emergencyId);
          const seen = await read(helper, emergencyId);
          assert.deepEqual([seen.location.precision, seen.location.address], [0, address]);
          for (const socket of devices) {
            assertMatches(await socket.next('emergency:details', of(emergencyId)), events.details(emergencyId, seen));
          }
          await settled(...devices, ...others);
          for (const socket of others) assert.equal(socket.seen('emergency:details', of(emergencyId)).length, 0);
          for (const socket of [...devices, ...others]) socket.close();

          const back = async () => {
            const socket = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId } });
            await settled(socket);
            socket.close();
            return socket.seen('emergency:details', of(emergencyId)).length;
          };
          assert.equal(await back(), 1);
          await tell(helper, emergencyId, 'cancelled');
          assert.equal(await back(), 0, 'not replayed to a helper who has cancelled');
        });
      }

      it('is refused with every invalid field', async () => {
        const emergencyId = await anew();
        const path = `/emergencies/${emergencyId}/respond`;
        wrongFields(await helper.post(path, { action: 'maybe', estimatedArrival: 'soon' }), 'action', 'estimatedArrival');
        wrongFields(await helper.post(path, { action: 1, estimatedArrival: 5 }), 'action', 'estimatedArrival');
        assert.deepEqual((await read(owner, emergencyId)).respondingHelpers, []);
      });

      it('is for helpers, and not for the own emergency', async () => {
        const [user, unverified] = await Promise.all([app.user(), app.unverifiedHelper()]);
        const emergencyId = await anew();
        for (const action of ['accept', 'decline']) {
          const path = `/emergencies/${emergencyId}/respond`;
          refused(await owner.post(path, { action }), 403, 'own_emergency');
          for (const caller of [user, unverified]) refused(await caller.post(path, { action }), 403, 'not_a_helper');
        }
        const own = await raise(helper, app.somewhere());
        refused(await helper.post(`/emergencies/${own.id}/respond`, {}), 403, 'own_emergency');
        await over(helper);
      });

      it('many times at once is one response, with one event', async () => {
        const emergencyId = await anew();
        const socket = await owner.connect();
        const answers = await times(10, () => helper.post(`/emergencies/${emergencyId}/respond`, {}));
        assert.deepEqual(tally(answers), { 200: 10 });
        await settled(socket);
        assert.equal(socket.seen('helper:joined', of(emergencyId)).length, 1);
        assert.equal(socket.seen('emergency:status_changed', of(emergencyId)).length, 1);
        assert.equal((await read(owner, emergencyId)).respondingHelpers.length, 1);
        socket.close();
      });

      it('by many helpers at once lists each, and changes the status once', async () => {
        const many = await times(6, () => app.helperAt(undefined));
        const emergencyId = await anew();
        const socket = await owner.connect();
        await Promise.all(many.map((one) => respond(one, emergencyId)));
        await settled(socket);
        assert.equal(socket.seen('helper:joined', of(emergencyId)).length, 6);
        assert.equal(socket.seen('emergency:status_changed', of(emergencyId)).length, 1);
        const { respondingHelpers } = await read(owner, emergencyId);
        assert.deepEqual(respondingHelpers.map((part) => part.helper.id).sort(), many.map((one) => one.id).sort());
        socket.close();
      });

      it('to two emergencies at once succeeds for one', async () => {
        const [one, two] = [await anew(owner), await anew(other)];
        const answers = await times(10, (index) => helper.post(`/emergencies/${index % 2 ? one : two}/respond`, {}));
        assert.deepEqual(tally(answers), { 200: 5, 409: 5 });
        for (const answer of answers) if (answer.status === 409) refused(answer, 409, 'already_responding_elsewhere');
        const listed = (await Promise.all([one, two].map((each) => read(admin, each)))).map((each) => each.respondingHelpers.length);
        assert.deepEqual(listed.sort(), [0, 1]);
        await Promise.all([cancel(owner, one), cancel(other, two)]);
      });

      const elsewhere = [
        ['responding', 409],
        ['on_way', 409],
        ['arrived', 409],
        ['completed', 200],
        ['cancelled', 200],
      ];
      for (const [status, expected] of elsewhere) {
        it(`elsewhere is ${expected === 200 ? 'possible' : 'refused'} for a helper who is ${status} here`, async () => {
          const here = await inProgress(status);
          const there = await anew(other);
          const answer = await helper.post(`/emergencies/${there}/respond`, {});
          if (expected === 200) ok(answer);
          else {
            refused(answer, 409, 'already_responding_elsewhere');
            await decline(helper, there);
            await cancel(owner, here);
            await respond(helper, there);
          }
          await over(other);
        });
      }
    });

    describe('declining', () => {
      it('is possible without a response, repeatedly, and can be revised', async () => {
        const emergencyId = await anew();
        for (let index = 0; index < 2; index += 1) {
          const emergency = await decline(helper, emergencyId);
          assertMatches(emergency, emergencyShape({ status: 'active', respondingHelpers: [] }));
        }
        await respond(helper, emergencyId);
        refused(await helper.post(`/emergencies/${emergencyId}/respond`, { action: 'decline' }), 409, 'already_responding');
        await tell(helper, emergencyId, 'cancelled');
        await decline(helper, emergencyId);
        assert.equal((await respond(helper, emergencyId)).status, 'responding');
      });
    });

    describe('the life of a response', () => {
      const allowed = {
        responding: STATUSES,
        on_way: ['on_way', 'arrived', 'completed', 'cancelled'],
        arrived: ['arrived', 'completed', 'cancelled'],
        completed: ['completed'],
        cancelled: [],
      };
      for (const from of STATUSES) {
        it(`goes on from ${from} to ${allowed[from].join(', ') || 'nothing'}`, async () => {
          for (const to of STATUSES) {
            const emergencyId = await inProgress(from);
            const before = partOf(helper, await read(owner, emergencyId));
            const answer = await helper.put(`/emergencies/${emergencyId}/helper-status`, { status: to, notes: `to ${to}` });
            const after = partOf(helper, await read(owner, emergencyId));
            if (allowed[from].includes(to)) {
              assert.equal(answer.status, 200, `${from} to ${to}: ${answer.text}`);
              assertMatches(after, respondingHelper({ status: to, notes: `to ${to}`, respondedAt: before.respondedAt }));
            } else {
              assert.equal(answer.status, 409, `${from} to ${to}: ${answer.text}`);
              refused(answer, 409, 'invalid_transition');
              assert.deepEqual(after, before);
            }
          }
        });
      }

      it('is reported by its helper, with notes up to 500 characters', async () => {
        const emergencyId = await inProgress('on_way');
        const path = `/emergencies/${emergencyId}/helper-status`;
        const wrong = [
          [{}, 'status'],
          [{ status: null }, 'status'],
          [{ status: 'here', notes: 'n'.repeat(501) }, 'notes', 'status'],
          [{ status: 1, notes: 1, estimatedArrival: 1 }, 'estimatedArrival', 'notes', 'status'],
          [{ status: 'arrived', notes: 'nul\0' }, 'notes'],
        ];
        for (const [body, ...fields] of wrong) wrongFields(await helper.put(path, body), ...fields);
        const notes = '🚑'.repeat(500);
        assert.equal(partOf(helper, await tell(helper, emergencyId, 'on_way', { notes, estimatedArrival: null })).notes, notes);
        for (const caller of [owner, second, admin]) refused(await caller.put(path, { status: 'arrived' }), 403, 'not_authorized');
        await resolve(owner, emergencyId);
        refused(await helper.put(path, { status: 'arrived' }), 409, 'emergency_ended');
      });

      it('ends when the helper cancels, who is no participant then but stays listed', async () => {
        const emergencyId = await inProgress('on_way');
        await respond(second, emergencyId);
        const sockets = await Promise.all([helper.connect(), owner.connect()]);
        await tell(helper, emergencyId, 'cancelled');
        const path = `/emergencies/${emergencyId}`;
        for (const [method, rest, body] of [
          ['get', '/messages'],
          ['post', '/messages', { message: 'still here' }],
          ['get', '/timeline'],
          ['post', '/resolve', {}],
          ['post', '/report', { reason: 'rude' }],
        ]) {
          refused(await helper[method](path + rest, body), 403, 'not_authorized');
        }
        assert.equal(partOf(helper, await read(helper, emergencyId)).status, 'cancelled');
        assert.equal(ok(await helper.get('/emergencies/helper-active')), null);
        const { emergencies } = ok(await helper.get('/emergencies/history'));
        assert.ok(!emergencies.some((one) => one.id === emergencyId));
        await tell(second, emergencyId, 'arrived');
        await sockets[1].next('helper:status_update', (payload) => payload.status === 'arrived');
        await sockets[0].silent('helper:status_update', (payload) => payload.status === 'arrived');
        const again = await helper.connect();
        assert.ok(!again.ready.rooms.includes(`emergency:${emergencyId}`));
        await resolve(owner, emergencyId);
        refused(await helper.get(path), 403, 'not_authorized');
        for (const socket of [...sockets, again]) socket.close();
      });

      it('starts again when the helper responds after cancelling, and is listed once', async () => {
        const emergencyId = await inProgress('cancelled');
        const [ownerSocket, helperSocket] = await Promise.all([owner.connect(), helper.connect()]);
        const emergency = await respond(helper, emergencyId);
        assert.equal(emergency.respondingHelpers.length, 1);
        assertMatches(partOf(helper, emergency), respondingHelper({ status: 'responding', notes: null }));
        for (const socket of [ownerSocket, helperSocket]) {
          assertMatches(await socket.next('helper:joined'), events.helperJoined(emergencyId, helper));
          assertMatches(await socket.next('emergency:status_changed'), events.statusChanged(emergencyId, 'responding'));
          socket.close();
        }
      });
    });

    describe('the active emergency of a helper', () => {
      const active = async () => ok(await helper.get('/emergencies/helper-active'))?.emergency.id ?? null;

      it('is the one they respond to or completed, until it ends', async () => {
        for (const status of ['responding', 'on_way', 'arrived', 'completed']) {
          const emergencyId = await inProgress(status);
          assert.equal(await active(), emergencyId, status);
          await over(owner);
          assert.equal(await active(), null, `${status}, ended`);
        }
      });

      it('is the one in progress if they completed in another', async () => {
        const done = await inProgress('completed');
        const current = await anew(other);
        await respond(helper, current);
        assert.equal(await active(), current);
        const socket = await helper.connect();
        assert.equal((await socket.ack('emergency:join', { emergencyId: 'current' })).emergencyId, current);
        for (const each of [done, current]) assert.ok(socket.ready.rooms.includes(`emergency:${each}`));
        socket.close();
        await Promise.all([over(owner), over(other)]);
      });
    });

    describe('trust', () => {
      const earned = { responding: 0, on_way: 0, arrived: 50, completed: 50, cancelled: 0 };
      for (const [status, points] of Object.entries(earned)) {
        it(`grows by ${points} for a helper who was ${status} when it was resolved`, async () => {
          for (const [end, expected] of [[resolve, points], [cancel, 0]]) {
            // Trust is given once per pair.
            const asks = await app.owner();
            const before = await trustOf(helper);
            const emergencyId = await inProgress(status, asks);
            assert.equal(await trustOf(helper), before, 'accepting earns nothing');
            await end(asks, emergencyId);
            assert.equal(await trustOf(helper), before + expected);
          }
        });
      }

      it('never grows above 1000', async () => {
        const one = await app.helperAt(undefined);
        for (let index = 1; index <= 21; index += 1) {
          const asks = await app.owner();
          const emergencyId = await anew(asks);
          await respond(one, emergencyId);
          await tell(one, emergencyId, 'completed');
          await resolve(asks, emergencyId);
        }
        assert.equal(await trustOf(one), 1000);
        assertMatches(ok(await one.get('/auth/stats')), atLeast({ helped: { general: 0, emergency: 21, total: 21 } }));
        assert.equal(ok(await one.get('/helpers/me')).helper.trustScore, 1000);
      });

      it('grows once per owner and helper, not in an anonymous emergency, and not for a helper who was only seen far away', async () => {
        const [asks, helps, far] = await Promise.all([app.owner(), app.helperAt(undefined), app.helperAt(undefined)]);
        async function help(one, { anonymousMode = false, place = app.somewhere(), stands } = {}) {
          const { id } = await raise(asks, place, { anonymousMode });
          await respond(one, id);
          if (stands) await stand(one, stands);
          await tell(one, id, 'arrived');
          await resolve(asks, id);
          return trustOf(one);
        }
        assert.equal(await help(helps, { anonymousMode: true }), 0, 'anonymous');
        assert.equal(await help(helps), 50, 'the first time');
        assert.equal(await help(helps), 50, 'the second time');
        const place = app.somewhere();
        assert.equal(await help(far, { place, stands: north(place, 800) }), 0, 'far away');
        assert.equal(await help(far, { place, stands: north(place, 300) }), 50, 'there');
        // Between two reports of the status: there for a moment, and far away before and after it.
        const [visitor, wanted] = [await app.helperAt(undefined), app.somewhere()];
        const socket = await visitor.connect();
        const { id } = await raise(asks, wanted);
        await respond(visitor, id);
        // A node looks at positions once it knows of the response, and records that one is near beside its answer.
        await socket.next('helper:joined', of(id));
        for (const metres of [3000, 200]) await stand(visitor, north(wanted, metres));
        for (let round = 0; round < 2; round += 1) await settled(socket);
        await stand(visitor, north(wanted, 4000));
        socket.close();
        await tell(visitor, id, 'arrived');
        await resolve(asks, id);
        assert.equal(await trustOf(visitor), 50, 'was there');
      });

      it('comes with the numbers of emergencies helped and raised', async () => {
        const [asks, helps] = await Promise.all([app.owner(), app.helperAt(undefined)]);
        const { id: emergencyId } = await raise(asks, app.somewhere());
        await respond(helps, emergencyId);
        await tell(helps, emergencyId, 'arrived');
        await resolve(asks, emergencyId);
        const [none, once] = [0, 1].map((emergency) => ({ general: 0, emergency, total: emergency }));
        assert.deepEqual(ok(await asks.get('/auth/stats')), { trustScore: 0, helped: none, requested: once, reports: 0 });
        assert.deepEqual(ok(await helps.get('/auth/stats')), { trustScore: 50, helped: once, requested: none, reports: 0 });
      });
    });
  });

  describe(`ratings and reports on ${database}`, () => {
    let app;
    let owner;
    before(async () => {
      app = await startNode({ database });
      owner = await app.owner();
    });
    after(() => app?.stop());

    it('of a helper are given once by the owner, after the resolution, and are averaged', async () => {
      const [helper, looker] = await Promise.all([app.helperAt(undefined), app.helperAt(undefined)]);
      for (const [score, average, count] of [[5, 5, 1], [4, 4.5, 2]]) {
        const owner = await app.owner();
        const { id: emergencyId } = await raise(owner, app.somewhere());
        const path = `/emergencies/${emergencyId}/ratings`;
        await respond(helper, emergencyId);
        await respond(looker, emergencyId);
        await tell(looker, emergencyId, 'cancelled');
        const rate = (body, caller = owner) => caller.post(path, { helperId: helper.id, score, ...body });
        refused(await rate({}), 409, 'emergency_not_resolved');
        await resolve(owner, emergencyId);
        refused(await rate({}, helper), 403, 'not_authorized');
        for (const wrong of [0, 6, 4.5, '5', true, null]) wrongFields(await rate({ score: wrong }), 'score');
        wrongFields(await rate({ helperId: 5, score: -1, comment: 'c'.repeat(501) }), 'comment', 'helperId', 'score');
        wrongFields(await owner.post(path, {}), 'helperId', 'score');
        for (const unknown of [looker.id, owner.id, NO_SUCH_ID, 'nobody']) refused(await rate({ helperId: unknown }), 404, 'helper_not_found');
        assert.equal(ok(await rate({ comment: score === 5 ? null : 'c'.repeat(500) }), 201).counted, true);
        refused(await rate({ score: 1 }), 409, 'already_rated');
        assert.deepEqual(ok(await helper.get('/helpers/me')).helper.helperRating, { average, count });
      }
    });

    it('count once per owner and helper, and not in an anonymous emergency', async () => {
      const helper = await app.helperAt(undefined);
      const counted = [];
      for (const anonymousMode of [true, false, false]) {
        const { id: emergencyId } = await raise(owner, app.somewhere(), { anonymousMode });
        await respond(helper, emergencyId);
        await resolve(owner, emergencyId);
        const rating = { helperId: helper.id, score: anonymousMode ? 1 : 5 };
        counted.push(ok(await owner.post(`/emergencies/${emergencyId}/ratings`, rating), 201).counted);
      }
      assert.deepEqual(counted, [false, true, false]);
      assert.deepEqual(ok(await helper.get('/helpers/me')).helper.helperRating, { average: 5, count: 1 });
    });

    it('sent ten times at once count once', async () => {
      const helper = await app.helperAt(undefined);
      const { id: emergencyId } = await raise(owner, app.somewhere());
      await respond(helper, emergencyId);
      await resolve(owner, emergencyId);
      const answers = await times(10, () => owner.post(`/emergencies/${emergencyId}/ratings`, { helperId: helper.id, score: 3 }));
      assert.deepEqual(tally(answers), { 201: 1, 409: 9 });
      assert.deepEqual(ok(await helper.get('/helpers/me')).helper.helperRating, { average: 3, count: 1 });
    });

    for (const anonymousMode of [false, true]) {
      it(`are filed once by each party about the other${anonymousMode ? ', also if anonymous' : ''}`, async () => {
        const [helper, looker] = await Promise.all([app.helperAt(undefined), app.helperAt(undefined)]);
        const { id: emergencyId } = await raise(owner, app.somewhere(), { anonymousMode });
        const report = (caller, body) => caller.post(`/emergencies/${emergencyId}/report`, { reason: 'r'.repeat(500), ...body });
        await respond(helper, emergencyId);
        refused(await report(looker, {}), 403, 'not_authorized');
        wrongFields(await report(owner, {}), 'userId');
        wrongFields(await report(helper, { reason: 'r'.repeat(501) }), 'reason');
        wrongFields(await report(helper, { reason: null }), 'reason');
        wrongFields(await report(owner, { reason: ' ', userId: 5 }), 'reason', 'userId');
        for (const unknown of [looker.id, NO_SUCH_ID, 'nobody', helper.id]) {
          refused(await report(helper, { userId: unknown }), 404, 'party_not_found');
        }
        for (const unknown of [looker.id, NO_SUCH_ID, 'nobody', owner.id]) {
          refused(await report(owner, { userId: unknown }), 404, 'party_not_found');
        }
        if (anonymousMode) refused(await report(helper, { userId: owner.id }), 404, 'party_not_found');
        ok(await report(helper, anonymousMode ? {} : { userId: owner.id }), 201);
        refused(await report(helper, {}), 409, 'already_reported');
        ok(await report(owner, { userId: helper.id }), 201);
        refused(await report(owner, { userId: helper.id }), 409, 'already_reported');
        await resolve(owner, emergencyId);
      });
    }
  });
}
