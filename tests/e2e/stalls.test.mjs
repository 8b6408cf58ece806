// Helpers who accept and do not come: they are asked, replaced, and count again at the next sign. And why helpers were chosen.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, eventually, north, startNode } from './harness.mjs';
import { cancel, of, partOf, raise, read, respond, say, stand, tell } from './scene.mjs';
import { assertMatches, atLeast, between, integer, ok, time } from './shapes.mjs';

/** Upper bound for a question and its deadline, on a busy machine. */
const LIMIT = 30_000;
/** One helper is asked at a time: no alert is worth an hour. */
const env = {
  ALLYNET_DISPATCH: 'gain',
  ALLYNET_ALERT_PRICE: '1h',
  ALLYNET_ALERT_MIN_HELPERS: '1',
  ALLYNET_DECIDE_INTERVAL: '1s',
  ALLYNET_STALL_AFTER: '3s',
  ALLYNET_STALL_ANSWER: '2s',
};

for (const database of databases) {
  describe(`helpers who accept and do not come on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env });
    });
    after(() => app?.stop());

    it('are asked and replaced, and count again when they move', async () => {
      const place = app.somewhere();
      const [owner, ghost, second] = await Promise.all([app.owner(), app.helperAt(north(place, 600)), app.helperAt(north(place, 1500))]);
      const [ofOwner, ofGhost, ofSecond] = await Promise.all([owner, ghost, second].map((caller) => caller.connect()));
      const { id } = await raise(owner, place);
      const { eventId: lastEventId } = await ofGhost.next('emergency:nearby', of(id));
      await respond(ghost, id);
      assertMatches(await ofGhost.next('response:check', of(id), LIMIT), { emergencyId: id, deadline: time, eventId: integer });
      const stalled = ({ helperId, stalled }) => helperId === ghost.id && stalled;
      const status = await ofOwner.next('helper:status_update', stalled, LIMIT);
      assertMatches(status, atLeast({ emergencyId: id, status: 'responding', stalled: true }));
      await ofOwner.next('emergency:status_changed', (payload) => of(id)(payload) && payload.status === 'active');
      await ofSecond.next('emergency:nearby', of(id));
      assert.equal(partOf(ghost, await read(owner, id)).stalled, true);
      assert.equal(partOf(ghost, await read(second, id)).stalled, null, 'not for those who take no part');
      await ofSecond.silent('response:check');

      // Who was away meanwhile is not asked what came too late to answer.
      const back = await ghost.connect({ auth: { token: ghost.tokens.accessToken, lastEventId } });
      await back.next('helper:status_update', stalled, LIMIT);
      assert.equal(back.seen('response:check', of(id)).length, 0);

      const resumed = ({ helperId, stalled }) => helperId === ghost.id && stalled === false;
      const responding = (payload) => of(id)(payload) && payload.status === 'responding' && payload.eventId > status.eventId;
      // Goes on moving until it is read: a helper who stops stalls again after a few seconds.
      let metres = 600;
      await eventually(async () => {
        metres -= 30;
        await stand(ghost, north(place, metres));
        const isTold = ofOwner.seen('helper:status_update', resumed).length > 0 && ofOwner.seen('emergency:status_changed', responding).length > 0;
        return isTold && partOf(ghost, await read(owner, id)).stalled === false;
      }, LIMIT);
      await cancel(owner, id);
      for (const socket of [ofOwner, ofGhost, ofSecond, back]) socket.close();
    });

    it('count on when they answer by the same status, or by a message', async () => {
      for (const answer of [(helper, id) => tell(helper, id, 'responding'), (helper, id) => say(helper, id, 'There in a minute')]) {
        const place = app.somewhere();
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(north(place, 600))]);
        const ofHelper = await helper.connect();
        const { id } = await raise(owner, place);
        await respond(helper, id);
        await ofHelper.next('response:check', of(id), LIMIT);
        await answer(helper, id);
        // A helper who has given no sign is not asked a second time.
        await eventually(() => ofHelper.seen('response:check', of(id)).length > 1, LIMIT);
        await cancel(owner, id);
        ofHelper.close();
      }
    });

    it('are chosen for reasons that administrators read in the timeline', async () => {
      const place = app.somewhere();
      const [owner, near, far, admin] = await Promise.all([app.owner(), app.helperAt(north(place, 600)), app.helperAt(north(place, 1500)), app.admin()]);
      const { id } = await raise(owner, place);
      const sent = async (reader) => {
        const entry = ok(await reader.get(`/emergencies/${id}/timeline`)).events.find(({ event }) => event === 'alerts:sent');
        return entry.data;
      };
      const why = (reason) => ({ arrival: between(300, 1500), probability: between(0.01, 0.99), gain: between(0.1, 1000), reason });
      assertMatches(await sent(admin), {
        wave: 1,
        radius: 5000,
        alerted: 1,
        helpers: [{ id: near.id, distance: between(400, 800), why: why('minimum') }],
        passed: { id: far.id, distance: between(1300, 1700), why: why(null) },
      });
      assertMatches(await sent(owner), { wave: 1, radius: 5000, alerted: 1, helpers: [], passed: null });
      await cancel(owner, id);
    });
  });
}
