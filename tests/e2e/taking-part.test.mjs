// Taking part: who may no longer help is gone at once, an emergency without help is searched for again, and an end by a
// helper can be undone.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, eventually, north, settled, startNode } from './harness.mjs';
import { cancel, messagesOf, of, over, partOf, raise, read, resolve, respond, say, stand, tally, tell, times } from './scene.mjs';
import { assertMatches, emergency as emergencyShape, events, ok, refused } from './shapes.mjs';

/** Long enough for an interval of one second on a busy machine. */
const INTERVAL_LIMIT = 60_000;
const env = { ALLYNET_ALERT_INTERVAL: '1s', ALLYNET_ALERT_RADII: '1000,2000', ALLYNET_ALERT_MIN_HELPERS: '1' };

const room = (emergencyId) => `emergency:${emergencyId}`;
const roomsOf = async (caller) => {
  const socket = await caller.connect();
  socket.close();
  return socket.ready.rooms;
};
const entriesOf = async (caller, emergencyId) => ok(await caller.get(`/emergencies/${emergencyId}/timeline`)).events;
const renew = (owner, emergencyId) => owner.post(`/emergencies/${emergencyId}/renew`, {});
const reopen = (caller, emergencyId) => caller.post(`/emergencies/${emergencyId}/reopen`, {});
const isActive = ({ status }) => status === 'active';

for (const database of databases) {
  describe(`a storm of emergencies by one owner on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_STORM_RINGS: '2', ALLYNET_STORM_FOLD: '6s' } });
    });
    after(() => app?.stop());

    it('is folded into one alert and one broadcast of the live one, and nothing is heard of the others', async () => {
      const place = app.somewhere();
      const [asks, near, far] = await Promise.all([app.owner(), app.helperAt(north(place, 200)), app.helperAt(app.somewhere())]);
      const sockets = await Promise.all([near, far].map((helper) => helper.connect()));
      const [ofNear, ofFar] = sockets;
      const ids = [];
      for (let index = 0; index < 4; index += 1) {
        if (index > 0) await cancel(asks, ids[index - 1]);
        ids.push((await raise(asks, place)).id);
      }
      const latest = of(ids[3]);
      const limit = INTERVAL_LIMIT;
      const [created] = await Promise.all([
        ofFar.next('emergency:created', latest, limit),
        ofNear.next('emergency:created', latest, limit),
        ofNear.next('emergency:nearby', latest, limit),
      ]);
      assert.deepEqual([created.emergency.status, created.nearbyHelperCount], ['active', 1]);
      await over(asks);
      await Promise.all(sockets.map((socket) => socket.next('emergency:ended', latest)));
      const heardOf = (socket, event) => socket.seen(event).map((payload) => payload.emergencyId ?? payload.emergency.id);
      const loud = [ids[0], ids[1], ids[3]];
      for (const socket of sockets) {
        for (const event of ['emergency:created', 'emergency:ended']) assert.deepEqual(heardOf(socket, event), loud, event);
      }
      assert.deepEqual(heardOf(ofNear, 'emergency:nearby'), loud);
      const entries = (await entriesOf(asks, ids[3])).filter(({ event }) => event === 'emergency:created');
      assert.equal(entries.length, 1);
      for (const socket of sockets) socket.close();
    });
  });

  describe(`taking part on ${database}`, () => {
    let app;
    let owner;
    let admin;
    before(async () => {
      app = await startNode({ database, env });
      [owner, admin] = await Promise.all([app.owner(), app.admin()]);
    });
    after(() => app?.stop());

    /** An emergency of a new owner, with a helper who responds to it. */
    async function responded({ anonymousMode = false, status = 'responding' } = {}) {
      const place = app.somewhere();
      const [asks, helper] = await Promise.all([app.owner(), app.helperAt(north(place, 200))]);
      const { id } = await raise(asks, place, { anonymousMode });
      await respond(helper, id);
      if (status !== 'responding') await tell(helper, id, status);
      return { place, asks, helper, id };
    }

    describe('ends for a helper', () => {
      const decisions = {
        blocked: (helper) => admin.put(`/helpers/${helper.id}/block`, { blocked: true, reason: 'a test' }),
        rejected: (helper) => admin.put(`/helpers/${helper.id}/verification`, { status: 'rejected' }),
      };
      for (const [how, decide] of Object.entries(decisions)) {
        it(`who is ${how} by an administrator, as if they had cancelled, and helpers are searched again`, async () => {
          const { place, asks, helper, id } = await responded({ status: 'on_way' });
          const next = await app.helperAt(north(place, 1500));
          const [ofOwner, ofHelper, ofNext] = await Promise.all([asks, helper, next].map((caller) => caller.connect()));
          ok(await decide(helper));
          assertMatches(await ofOwner.next('helper:status_update', of(id)), events.statusUpdate(id, helper, 'cancelled', null));
          assertMatches(await ofOwner.next('emergency:status_changed', isActive), events.statusChanged(id, 'active'));
          await ofNext.next('emergency:nearby', of(id), INTERVAL_LIMIT);
          assert.equal(partOf(helper, await read(asks, id)).status, 'cancelled');
          await say(asks, id, 'Is anybody there?');
          await settled(ofOwner, ofNext);
          assert.deepEqual(ofHelper.seen('emergency:message', of(id)), []);
          const reason = how === 'blocked' ? 'account_blocked' : 'not_authorized';
          for (const [method, rest, body] of [
            ['get', ''],
            ['get', '/messages'],
            ['post', '/messages', { message: 'I am' }],
            ['get', '/timeline'],
            ['get', '/helpers'],
            ['post', '/resolve', {}],
            ['post', '/reopen', {}],
          ]) {
            refused(await helper[method](`/emergencies/${id}${rest}`, body), 403, reason);
          }
          for (const socket of [ofOwner, ofHelper, ofNext]) socket.close();
        });
      }

      it('who completed and is rejected then, with the rights of a participant', async () => {
        const { asks, helper, id } = await responded({ status: 'completed' });
        ok(await decisions.rejected(helper));
        assert.ok(!(await roomsOf(helper)).includes(room(id)));
        refused(await helper.get(`/emergencies/${id}/messages`), 403, 'not_authorized');
        assert.equal(ok(await helper.get('/emergencies/helper-active')), null);
        assert.equal((await read(asks, id)).status, 'active');
      });

      it('who is rejected after the end, in replays too, and stays out when it is live again', async () => {
        const { asks, helper, id } = await responded({ status: 'completed' });
        const other = await app.helperAt(app.somewhere());
        await respond(other, id);
        const [stayed, gone] = await Promise.all([helper.connect(), helper.connect()]);
        const { latestEventId: since } = gone.ready;
        gone.close();
        await say(asks, id, 'for participants only');
        await say(asks, id, 'for one of them', helper.id);
        await stayed.next('emergency:message', ({ message }) => message.message === 'for one of them');
        await resolve(other, id);
        ok(await decisions.rejected(helper));

        const auth = { token: helper.tokens.accessToken };
        const resumed = await Promise.all(
          [since, 0].map((lastEventId) => helper.connect({ auth: { ...auth, lastEventId } })),
        );
        await settled(stayed, ...resumed);
        for (const socket of resumed) {
          const told = socket.items.filter(({ payload }) => payload && of(id)(payload));
          assert.deepEqual(told.map(({ event }) => event), ['emergency:ended']);
          const joined = await socket.ack('emergency:join', { emergencyId: id, lastEventId: since });
          assert.deepEqual([joined.ok, joined.error?.code], [false, 'not_authorized']);
        }
        for (const rest of ['', '/messages', '/timeline', '/helpers']) {
          refused(await helper.get(`/emergencies/${id}${rest}`), 403, 'not_authorized');
        }
        const [listed] = ok(await helper.get('/emergencies/history')).emergencies;
        assert.deepEqual([listed.id, listed.location.precision, listed.user], [id, 1000, null]);

        const { emergency } = ok(await reopen(asks, id));
        assert.deepEqual([helper, other].map((each) => partOf(each, emergency).status), ['cancelled', 'responding']);
        await say(asks, id, 'It goes on');
        await settled(stayed, ...resumed);
        const isOfTheNewPart = (payload) => of(id)(payload) && payload.message?.message === 'It goes on';
        for (const socket of [stayed, ...resumed]) {
          assert.deepEqual(socket.seen('emergency:message', isOfTheNewPart), []);
          socket.close();
        }
        refused(await helper.get(`/emergencies/${id}/messages`), 403, 'not_authorized');
        await over(asks);
      });

      it('whom the owner blocks, whose app hears of an end', async () => {
        const { asks, helper, id } = await responded();
        const [ofOwner, ofHelper] = await Promise.all([asks.connect(), helper.connect()]);
        ok(await asks.put(`/auth/me/blocks/${helper.id}`, {}));
        assertMatches(await ofOwner.next('helper:status_update', of(id)), events.statusUpdate(id, helper, 'cancelled', null));
        assertMatches(await ofHelper.next('emergency:ended', of(id)), events.ended(id, 'cancelled'));
        assert.equal((await read(asks, id)).status, 'active');
        assert.ok(!(await roomsOf(helper)).includes(room(id)));
        await say(asks, id, 'Who is next?');
        await settled(ofOwner);
        await ofHelper.silent('emergency:message', of(id));
        for (const socket of [ofOwner, ofHelper]) socket.close();
      });

      it('never for going off duty', async () => {
        const { asks, helper, id } = await responded();
        ok(await helper.put('/helpers/me', { available: false }));
        assert.equal(partOf(helper, await read(asks, id)).status, 'responding');
        await say(helper, id, 'Still coming');
        await resolve(helper, id);
      });

      it('and leaves an emergency that a blocked account owns as it is', async () => {
        const { asks, helper, id } = await responded();
        ok(await decisions.blocked(asks));
        assert.equal((await read(helper, id)).status, 'responding');
        await resolve(helper, id);
      });
    });

    describe('when the last helper has completed', () => {
      for (const { before: last, nearby } of [{ before: 'arrived', nearby: false }, { before: 'on_way', nearby: true }]) {
        it(`who ${nearby ? 'was near' : 'had arrived'}, counts as help for ALLYNET_RESUME_AFTER_COMPLETED`, async () => {
          const { place, asks, helper, id } = await responded({ status: last });
          // Far away, so that only the status tells that the helper was there.
          await stand(helper, north(place, nearby ? 300 : 5000));
          await tell(helper, id, 'completed');
          const [{ message, senderRole }] = (await messagesOf(asks, id)).filter((one) => /finished/.test(one.message));
          assert.deepEqual([senderRole, /still need help/.test(message)], ['system', true]);
          // An interval later it would be active again if the helper did not count.
          const other = await app.owner();
          const ofOther = await other.connect();
          const { id: meanwhile } = await raise(other, app.somewhere());
          await ofOther.next('emergency:unanswered', of(meanwhile), INTERVAL_LIMIT);
          ofOther.close();
          assert.equal((await read(asks, id)).status, 'responding');
          await over(asks);
          await over(other);
        });
      }

      it('who was never near, the emergency is active an interval later, and helpers are searched again', async () => {
        const { place, asks, helper, id } = await responded();
        await stand(helper, north(place, 5000));
        const next = await app.helperAt(north(place, 1500));
        const [ofOwner, ofNext] = await Promise.all([asks.connect(), next.connect()]);
        assert.equal((await tell(helper, id, 'completed')).status, 'responding');
        assertMatches(await ofOwner.next('emergency:status_changed', isActive, INTERVAL_LIMIT), events.statusChanged(id, 'active'));
        await ofNext.next('emergency:nearby', of(id), INTERVAL_LIMIT);
        // The helper who completed may respond again.
        assert.equal(partOf(helper, await respond(helper, id)).status, 'responding');
        for (const socket of [ofOwner, ofNext]) socket.close();
        await over(asks);
      });
    });

    describe('a helper who is engaged', () => {
      it('is alerted as soon as they are available again, also where they were alerted before', async () => {
        const { place, asks, helper, id } = await responded();
        const other = await app.owner();
        const ofHelper = await helper.connect();
        const { id: second } = await raise(other, north(place, 300));
        await ofHelper.silent('emergency:nearby', of(second));
        await tell(helper, id, 'cancelled');
        await ofHelper.next('emergency:nearby', of(second), INTERVAL_LIMIT);
        await eventually(async () => (await read(other, second)).alerts.acknowledged === 1);
        await respond(helper, id);
        await resolve(asks, id);
        // It was acknowledged, so that it would not be repeated.
        await ofHelper.next('emergency:nearby', of(second), INTERVAL_LIMIT);
        ofHelper.close();
        await over(other);
      });
    });

    describe('a helper who has completed', () => {
      it('keeps messages, but no places once that does not count as help any more', async () => {
        const { place, asks, helper, id } = await responded({ anonymousMode: true });
        const other = await app.helperAt(north(place, 400));
        await respond(other, id);
        await stand(helper, north(place, 5000));
        await tell(helper, id, 'completed');
        const [ofHelper, ofOwner] = await Promise.all([helper.connect(), asks.connect()]);
        await eventually(async () => (await read(helper, id)).location.precision > 0, INTERVAL_LIMIT);
        assert.equal((await read(other, id)).location.precision, 0);
        const from = ofHelper.items.length;
        await stand(other, north(place, 300));
        await ofOwner.next('helper:location', of(id));
        await say(asks, id, 'Still here');
        await ofHelper.next('emergency:message', of(id));
        assert.ok(!ofHelper.names.slice(from).includes('helper:location'));
        assert.ok((await messagesOf(helper, id)).some(({ message }) => message === 'Still here'));
        for (const socket of [ofHelper, ofOwner]) socket.close();
        await over(asks);
      });
    });

    describe('asking for more help', () => {
      it('renews the search while a helper comes, once in a while, and is in the timeline', async () => {
        const { place, asks, helper, id } = await responded();
        const next = await app.helperAt(north(place, 1500));
        const ofNext = await next.connect();
        for (const caller of [helper, next, admin]) refused(await renew(caller, id), 403, 'not_authorized');
        const { emergency } = ok(await renew(asks, id));
        assertMatches(emergency, emergencyShape({ id, status: 'responding' }));
        await ofNext.next('emergency:nearby', of(id), INTERVAL_LIMIT);
        const again = await renew(asks, id);
        refused(again, 429, 'rate_limited');
        const wait = Number(again.headers.get('retry-after'));
        assert.ok(wait >= 1 && wait <= 30, `Retry-After: ${wait}`);
        const renewals = (await entriesOf(asks, id)).filter(({ event }) => event === 'alerts:renewed');
        assert.equal(renewals.length, 1);
        await resolve(asks, id);
        refused(await renew(asks, id), 409, 'emergency_ended');
        ofNext.close();
      });
    });

    describe('undoing an end by a helper', () => {
      it('by the owner brings the emergency and its responses back', async () => {
        const { place, asks, helper, id } = await responded({ status: 'arrived' });
        const looker = await app.helperAt(north(place, 1500));
        const sockets = await Promise.all([asks, helper, looker].map((caller) => caller.connect()));
        const [ofOwner, ofHelper, ofLooker] = sockets;
        const trust = async () => ok(await helper.get('/auth/stats')).trustScore;
        await resolve(helper, id, { notes: 'all is well' });
        assert.equal(await trust(), 50);
        const { emergency } = ok(await reopen(asks, id));
        const nulls = { resolvedAt: null, resolvedBy: null, resolutionType: null, resolutionNotes: null };
        assertMatches(emergency, emergencyShape({ id, status: 'responding', ...nulls }));
        assert.equal(partOf(helper, emergency).status, 'on_way', 'not further than on the way');
        assert.equal(await trust(), 0, 'the trust of that end is taken back');
        for (const socket of sockets) assertMatches(await socket.next('emergency:reopened', of(id)), events.reopened(id, 'responding'));
        await ofLooker.next('emergency:nearby', of(id), INTERVAL_LIMIT);
        // The connection that the helper has had since before the end receives what is for participants.
        await say(asks, id, 'It goes on');
        await ofHelper.next('emergency:message', of(id));
        refused(await helper.post(`/emergencies/${id}/resolve`, {}), 403, 'not_authorized');
        refused(await reopen(asks, id), 409, 'not_reopenable');
        assert.equal(await ofOwner.seen('emergency:reopened', of(id)).length, 1);
        await resolve(asks, id);
        refused(await reopen(asks, id), 409, 'not_reopenable');
        for (const socket of sockets) socket.close();
      });

      it('is for a helper who had responded, once', async () => {
        const { place, asks, helper, id } = await responded();
        const looker = await app.helperAt(north(place, 400));
        await resolve(helper, id);
        refused(await reopen(looker, id), 403, 'not_authorized');
        ok(await reopen(helper, id));
        await resolve(helper, id);
        refused(await reopen(helper, id), 409, 'not_reopenable');
        ok(await reopen(admin, id));
        await over(asks);
      });

      it('many times at once succeeds once', async () => {
        const { asks, helper, id } = await responded();
        await resolve(helper, id);
        const socket = await asks.connect();
        const answers = await times(6, (index) => reopen(index % 2 ? asks : admin, id));
        assert.deepEqual(tally(answers), { 200: 1, 409: 5 });
        await settled(socket);
        assert.equal(socket.seen('emergency:reopened', of(id)).length, 1);
        socket.close();
        await over(asks);
      });

      it('is refused while the owner has another live emergency, of which only the owner learns', async () => {
        const { place, asks, helper, id } = await responded({ anonymousMode: true });
        await resolve(helper, id);
        const other = await raise(asks, place, { anonymousMode: true });
        const { details } = refused(await reopen(asks, id), 409, 'active_emergency_exists');
        assert.deepEqual(details.map(({ message }) => message), [other.id]);
        refused(await reopen(helper, id), 409, 'not_reopenable');
        await over(asks);
      });

      it('leaves out helpers who respond elsewhere by then', async () => {
        const { asks, helper, id } = await responded();
        await resolve(helper, id);
        const elsewhere = await raise(owner, app.somewhere());
        await respond(helper, elsewhere.id);
        const { emergency } = ok(await reopen(asks, id));
        assertMatches(emergency, emergencyShape({ status: 'active' }));
        assert.equal(partOf(helper, emergency).status, 'cancelled');
        assert.equal(partOf(helper, await read(owner, elsewhere.id)).status, 'responding');
        await Promise.all([over(asks), over(owner)]);
      });
    });

    describe('repeating', () => {
      it('an alert stops when anything came from a client after it, also from one that never acknowledges', async () => {
        const place = app.somewhere();
        const [asks, silent, talks, polls] = await Promise.all([
          app.owner(),
          ...[100, 200, 300].map((metres) => app.helperAt(north(place, metres))),
        ]);
        const transports = [[silent], [talks], [polls, { transport: 'polling' }]];
        const raws = await Promise.all(transports.map(([caller, options]) => caller.connectRaw(options)));
        const [ofSilent, ofTalking, ofPolling] = raws;
        const ring = /\["emergency:nearby"/;
        const { id } = await raise(asks, place);
        await ofTalking.next(ring);
        ofTalking.send(`2/emergencies,["location:update",${JSON.stringify(north(place, 200))}]`);
        for (let rings = 0; rings < 5; rings += 1) await ofSilent.next(ring, INTERVAL_LIMIT);
        // Some repetitions may have been on their way.
        for (const [name, raw] of Object.entries({ ofTalking, ofPolling })) {
          const rings = raw.texts.filter((text) => ring.test(text)).length;
          assert.ok(rings >= 1 && rings < 4, `${name}: ${rings} rings`);
        }
        const { alerts } = await read(asks, id);
        assert.deepEqual([alerts.alerted, alerts.acknowledged], [3, 0], 'it is no acknowledgement for the owner');
        for (const raw of raws) raw.close();
        await over(asks);
      });

      it('a report within ten seconds is one event', async () => {
        const { asks, helper, id } = await responded();
        const socket = await asks.connect();
        for (let index = 0; index < 3; index += 1) await tell(helper, id, 'on_way', { notes: 'soon' });
        await tell(helper, id, 'on_way', { notes: 'very soon' });
        await settled(socket);
        const notes = socket.seen('helper:status_update', of(id)).map((update) => update.notes);
        assert.deepEqual(notes, ['soon', 'very soon']);
        socket.close();
        await over(asks);
      });

      it('the present status with other notes is refused after 30 in a minute; a step forward is not', async () => {
        const { asks, helper, id } = await responded({ status: 'on_way' });
        const path = `/emergencies/${id}/helper-status`;
        for (let index = 0; index < 30; index += 1) await tell(helper, id, 'on_way', { notes: `note ${index}` });
        const refusal = await helper.put(path, { status: 'on_way', notes: 'one more' });
        refused(refusal, 429, 'rate_limited');
        assert.ok(Number(refusal.headers.get('retry-after')) >= 1);
        await tell(helper, id, 'arrived');
        await tell(helper, id, 'cancelled');
        await over(asks);
      });

      it('an acceptance after cancelling is possible at once twice, then after ALLYNET_REACCEPT_PAUSE', async () => {
        const { asks, helper, id } = await responded();
        for (let index = 0; index < 2; index += 1) {
          await tell(helper, id, 'cancelled');
          await respond(helper, id);
        }
        await tell(helper, id, 'cancelled');
        const refusal = await helper.post(`/emergencies/${id}/respond`, {});
        refused(refusal, 429, 'rate_limited');
        assert.ok(Number(refusal.headers.get('retry-after')) >= 1);
        await over(asks);
      });

      it('a request id of an emergency that has ended, or was deleted, is refused with its id', async () => {
        const asks = await app.owner();
        const requestId = `press of ${database}`;
        const location = app.somewhere();
        const { id } = await raise(asks, location, { requestId });
        const again = () => asks.post('/emergencies', { location, requestId });
        assert.equal(ok(await again(), 200).emergency.id, id, 'while it is live');
        await cancel(asks, id);
        const used = async () => refused(await again(), 409, 'request_id_used').details;
        assert.deepEqual((await used()).map(({ field, message }) => [field, message]), [['emergencyId', id]]);
        ok(await asks.delete(`/emergencies/${id}`));
        assert.deepEqual((await used()).map(({ message }) => message), [id]);
        const live = await raise(asks, location, { requestId: `${requestId}, the second` });
        refused(await again(), 409, 'active_emergency_exists');
        await cancel(asks, live.id);
      });
    });

    describe('a deleted emergency', () => {
      it('stays as a record without texts for administrators, and is replayed as its end only', async () => {
        const { asks, helper, id } = await responded();
        const socket = await helper.connect();
        const before = socket.ready.latestEventId;
        socket.close();
        const away = await app.helperAt(undefined);
        await say(asks, id, 'a secret');
        await cancel(asks, id, { reason: 'a reason' });
        ok(await asks.delete(`/emergencies/${id}`));
        const answer = await admin.get('/admin/emergencies?status=deleted');
        const record = ok(answer).emergencies.find((one) => one.id === id);
        assert.deepEqual(
          { ...record.location, status: record.status, endedAs: record.endedAs, owner: record.user.id },
          { ...record.location, precision: 1000, status: 'deleted', endedAs: 'cancelled', owner: asks.id },
        );
        assert.doesNotMatch(answer.text, /a secret|a reason/);
        refused(await away.get('/admin/emergencies?status=deleted'), 403, 'not_authorized');
        const resumed = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId: before } });
        await settled(resumed);
        const names = resumed.items.filter(({ payload }) => payload && of(id)(payload)).map(({ event }) => event);
        assert.deepEqual(names, ['emergency:ended']);
        resumed.close();
      });
    });

    it('is over for good at the end by the owner', async () => {
      const { asks, helper, id } = await responded();
      await resolve(asks, id);
      for (const caller of [asks, helper, admin]) refused(await reopen(caller, id), 409, 'not_reopenable');
      await eventually(async () => (await read(asks, id)).status === 'resolved');
    });
  });
}
