// Place before consent: what viewers who do not take part are shown of an approximate emergency.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, north, startNode } from './harness.mjs';
import { cancel, of, raise, read, respond, stand, tell } from './scene.mjs';
import { ok } from './shapes.mjs';

const TEXTS = { address: 'Quokka Lane 7', description: 'behind the wombat' };
const DETAILS = { description: 'a numbat bit me', category: 'marsupials' };
const HIDDEN = [...Object.values(TEXTS), 'Quillfeather'];

for (const database of databases) {
  describe(`an approximate emergency on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_PLACE_BEFORE_ACCEPT: 'approximate' } });
    });
    after(() => app?.stop());

    it('is shown by stage, in answers, events and replays', async () => {
      const place = app.somewhere();
      const [owner, helper, looker] = await Promise.all([
        app.owner({ firstName: 'Xanthippe', lastName: 'Quillfeather' }),
        app.helperAt(north(place, 300)),
        app.helperAt(undefined),
      ]);
      const [alerted, looking] = await Promise.all([helper.connect(), looker.connect()]);
      const { id: emergencyId } = await raise(owner, { ...place, ...TEXTS }, DETAILS);
      const created = await looking.next('emergency:created', of(emergencyId));
      const nearby = await alerted.next('emergency:nearby', of(emergencyId));
      const { precision, ...centre } = created.emergency.location;
      assert.equal(precision, 1000);
      assert.deepEqual([centre.address, centre.description, created.emergency.user], [null, null, null]);
      assert.deepEqual([created.emergency.description, created.emergency.category], [null, null]);
      assert.equal(nearby.emergency.location.precision, 200);
      assert.deepEqual(nearby.emergency.user, { id: null, profile: { firstName: 'Xanthippe', lastName: null } });
      assert.equal(nearby.emergency.description, DETAILS.description);
      assert.equal(nearby.distance % 100, 0);

      // REST tells each the same.
      assert.deepEqual((await read(looker, emergencyId)).location, created.emergency.location);
      const asAlerted = await read(helper, emergencyId);
      assert.deepEqual(asAlerted.location, nearby.emergency.location);
      assert.deepEqual(asAlerted.user, { id: null, _id: null, profile: { firstName: 'Xanthippe', lastName: null } });
      for (const payload of [created, nearby, asAlerted]) {
        for (const text of [...HIDDEN, owner.id]) assert.ok(!JSON.stringify(payload).includes(text), text);
      }

      // Who accepts is shown everything, what is said on the way is not for those who look on.
      assert.ok((await looking.ack('emergency:join', { emergencyId })).ok);
      const accepted = await respond(helper, emergencyId);
      assert.deepEqual(accepted.location, { ...place, precision: 0, ...TEXTS });
      assert.equal(accepted.user.id, owner.id);
      await tell(helper, emergencyId, 'on_way', { notes: 'past the bilby' });
      const update = (payload) => payload.emergencyId === emergencyId && payload.status === 'on_way';
      assert.equal((await alerted.next('helper:status_update', update)).notes, 'past the bilby');
      assert.equal((await looking.next('helper:status_update', update)).notes, null);
      assert.equal((await read(looker, emergencyId)).respondingHelpers[0].notes, null);

      // Who cancels looks on again, and is replayed to as one.
      const lastEventId = created.eventId - 1;
      await tell(helper, emergencyId, 'cancelled');
      assert.equal((await read(helper, emergencyId)).location.precision, 1000);
      const back = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId } });
      const replayed = await back.next('emergency:nearby', of(emergencyId));
      assert.equal(replayed.emergency.location.precision, 1000);
      assert.equal((await back.next('helper:status_update', update)).notes, null);
      await cancel(owner, emergencyId);
    });

    it('that its owner changes is told by stage, and to nobody who declined', async () => {
      const place = app.somewhere();
      const [owner, helper, alerted, decliner, looker] = await Promise.all([
        app.owner({ firstName: 'Xanthippe', lastName: 'Quillfeather' }),
        ...[300, 400, 500].map((metres) => app.helperAt(north(place, metres))),
        app.helperAt(undefined),
      ]);
      const everybody = [owner, helper, alerted, decliner, looker];
      const [own, helping, ringing, declined, looking] = await Promise.all(everybody.map((caller) => caller.connect()));
      const { id: emergencyId } = await raise(owner, { ...place, ...TEXTS });
      await respond(helper, emergencyId);
      await respond(decliner, emergencyId, { action: 'decline' });
      assert.ok((await looking.ack('emergency:join', { emergencyId })).ok);
      const { emergency } = ok(await owner.patch(`/emergencies/${emergencyId}`, { ...DETAILS, priority: 'critical' }));
      assert.deepEqual([emergency.description, emergency.category, emergency.priority], [DETAILS.description, DETAILS.category, 'critical']);
      const seen = {};
      for (const [name, socket] of Object.entries({ own, helping, ringing, looking })) {
        seen[name] = (await socket.next('emergency:updated', of(emergencyId))).emergency;
        assert.equal(seen[name].priority, 'critical', name);
      }
      for (const name of ['own', 'helping']) {
        assert.deepEqual(seen[name].location, { ...place, precision: 0, ...TEXTS });
        assert.equal(seen[name].user.id, owner.id);
      }
      assert.deepEqual([seen.ringing.location.precision, seen.ringing.description], [200, DETAILS.description]);
      assert.deepEqual(seen.ringing.user, { id: null, profile: { firstName: 'Xanthippe', lastName: null } });
      assert.deepEqual([seen.looking.location.precision, seen.looking.description, seen.looking.category, seen.looking.user], [1000, null, null, null]);
      for (const text of [...Object.values(DETAILS), ...HIDDEN, owner.id]) assert.ok(!JSON.stringify(seen.looking).includes(text), text);
      await cancel(owner, emergencyId);
      await declined.next('emergency:ended', of(emergencyId));
      assert.deepEqual(declined.seen('emergency:updated', of(emergencyId)), []);
    });

    it('is listed by the distance shown, then newest first, whatever the limit', async () => {
      const place = app.somewhere();
      const looker = await app.helperAt(place);
      const raised = [];
      for (const metres of [40, 0, 80]) raised.unshift((await raise(await app.owner(), north(place, metres))).id);
      const here = `latitude=${place.latitude}&longitude=${place.longitude}`;
      const all = ok(await looker.get(`/emergencies/nearby?${here}`)).emergencies.filter((one) => raised.includes(one.id));
      const sorted = [...all].sort((a, b) => a.distance - b.distance || Date.parse(b.createdAt) - Date.parse(a.createdAt));
      assert.deepEqual(all.map((one) => one.id), sorted.map((one) => one.id));
      const first = ok(await looker.get(`/emergencies/nearby?${here}&limit=1`)).emergencies;
      assert.equal(first[0].id, all[0].id);
      await stand(looker, place);
    });
  });
}
