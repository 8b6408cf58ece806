// Alerts after the first wave: further waves, substitutes, and helpers who come near later. Each alert reaches the right
// helpers once per wave, across restarts and with any number of nodes.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDatabase, databases, eventually, north, settled, startNode } from './harness.mjs';
import { cancel, decline, of, raise, read, respond, stand, tell } from './scene.mjs';
import { alertCounts, assertMatches, integer, ok, time } from './shapes.mjs';

const RULES = { ALLYNET_ALERT_RADII: '1000,2000,3000', ALLYNET_ALERT_MIN_HELPERS: '1', ALLYNET_ALERT_WAVE_SIZE: '2' };
const QUICK = { ...RULES, ALLYNET_ALERT_INTERVAL: '1s' };
/** Upper bound for all waves with short intervals, on a busy machine. */
const ALL_WAVES = 60_000;

const nearby = (socket, emergencyId) => socket.seen('emergency:nearby', of(emergencyId));
const alerted = (socket, emergencyId, limit) => socket.next('emergency:nearby', of(emergencyId), limit);
const unanswered = (socket, emergencyId) => socket.next('emergency:unanswered', of(emergencyId), ALL_WAVES);
/** The timeline as administrators read it: they see which helpers an alert was sent to. */
const timeline = async ({ node }, emergencyId) =>
  ok(await (await node.admin()).get(`/emergencies/${emergencyId}/timeline`)).events;
const sent = (entries) => entries.filter(({ event }) => event === 'alerts:sent');
const helpersOf = ({ data }) => data.helpers.map(({ id }) => id);
const ids = (...callers) => callers.map(({ id }) => id);
/** The helpers that each of these alerts reached for the first time. */
function freshOf(waves) {
  const known = new Set();
  return waves.map((wave) => helpersOf(wave).filter((id) => !known.has(id) && known.add(id)));
}
/** How many of these alerts were sent to a helper. */
const countOf = (waves, { id }) => waves.filter((wave) => helpersOf(wave).includes(id)).length;
/**
 * Asserts that these alerts went again to helpers who had not acknowledged, and to no others: on a busy machine an acknowledgement
 * may come after an interval. One that comes while an alert is decided is too late for it.
 */
function assertRepeats(entries, waves, deaf) {
  const acknowledged = new Map(entries.filter(({ event }) => event === 'alerts:acknowledged').map(({ eventId, data }) => [data.helperId, eventId]));
  const fresh = freshOf(waves);
  for (const [index, wave] of waves.entries()) {
    const again = helpersOf(wave).filter((id) => !fresh[index].includes(id));
    for (const id of again) assert.ok(!(acknowledged.get(id) < waves[index - 1].eventId), `alert ${index} went to ${id} again`);
    assert.ok(helpersOf(wave).includes(deaf.id), `alert ${index} did not go to the helper who never acknowledges`);
  }
}

/** Verified helpers on duty at these distances north of a position. Those in one cell of 250 m are equally near. */
const helpersNorth = (app, place, ...distances) =>
  Promise.all(distances.map((distance) => app.helperAt(north(place, distance))));
const connectAll = (...callers) => Promise.all(callers.map((caller) => caller.connect()));

for (const database of databases) {
  describe(`waves of alerts on ${database}`, () => {
    let quick;
    before(async () => {
      quick = await startNode({ database, env: { ...QUICK, ALLYNET_EMERGENCY_TTL: '1h' } });
    });
    after(() => quick?.stop());

    it('reach further each time, and again helpers who did not acknowledge, until the owner gets emergency:unanswered', async () => {
      const place = quick.somewhere();
      const owner = await quick.owner();
      const [near, deaf, middle, far, outside] = await helpersNorth(quick, place, 100, 450, 1500, 2500, 5000);
      const [ofOwner, ofNear, ofMiddle, ofFar, ofOutside] = await connectAll(owner, near, middle, far, outside);
      const ofDeaf = await deaf.connect({ acknowledge: false });
      const { id } = await raise(owner, place);

      const received = await unanswered(ofOwner, id);
      assertMatches(received, { emergencyId: id, alertedHelpers: 4, timestamp: time, eventId: integer });
      await settled(ofOwner, ofNear, ofDeaf, ofMiddle, ofFar, ofOutside);
      // Alerts that nobody acknowledges are repeated afterwards, too.
      const until = ({ eventId }) => eventId < received.eventId;
      assert.ok(nearby(ofDeaf, id).every(({ distance }) => distance > 400 && distance < 500));
      await eventually(async () => (await read(owner, id)).alerts.acknowledged === 3);
      const { alerts, alertRadius, status } = await read(owner, id);
      // The alert of the deaf one counts as sent once its socket has answered a ping.
      assert.deepEqual({ alerts, alertRadius, status }, {
        alerts: alertCounts({ wave: 3, alerted: 4, acknowledged: 3, declined: 0, sent: alerts.sent === 4 ? 4 : 3 }),
        alertRadius: 3000,
        status: 'active',
      });

      const entries = await timeline(owner, id);
      const waves = sent(entries).filter(until);
      assert.deepEqual(waves.map(({ data }) => [data.wave, data.radius]), [[1, 1000], [2, 2000], [3, 3000], [3, 3000]]);
      assert.deepEqual(freshOf(waves), [ids(near, deaf), ids(middle), ids(far), []]);
      assertRepeats(entries, waves, deaf);
      const sockets = [ofNear, ofDeaf, ofMiddle, ofFar, ofOutside];
      const counts = sockets.map((socket) => nearby(socket, id).filter(until).length);
      assert.deepEqual(counts, [near, deaf, middle, far, outside].map((helper) => countOf(waves, helper)));
      for (const [earlier, later] of [[0, 1], [1, 2], [2, 3]]) {
        const pause = Date.parse(waves[later].at) - Date.parse(waves[earlier].at);
        assert.ok(pause >= 1000, `${pause} ms between two waves`);
      }
      const acknowledged = entries.filter(({ event }) => event === 'alerts:acknowledged');
      assert.deepEqual(acknowledged.map(({ data }) => data.helperId).sort(), ids(near, middle, far).sort());
      const last = entries.find(({ event }) => event === 'emergency:unanswered');
      assert.equal(last.eventId, received.eventId);
      assert.equal(last.data.alertedHelpers, 4);
      await cancel(owner, id);
    });

    it('end with the first response', async () => {
      const place = quick.somewhere();
      const [owner, other] = await Promise.all([quick.owner(), quick.owner()]);
      const [near, far] = await helpersNorth(quick, place, 100, 1500);
      const [ofOther, ofNear, ofFar] = await connectAll(other, near, far);
      const { id } = await raise(owner, place);
      await alerted(ofNear, id);
      await respond(near, id);
      // Meanwhile all waves of another emergency are sent.
      const { id: later } = await raise(other, quick.somewhere());
      await unanswered(ofOther, later);
      await settled(ofFar);
      const entries = await timeline(owner, id);
      const waves = sent(entries);
      const { eventId: joined } = entries.find(({ event }) => event === 'helper:joined');
      // A busy machine may respond later than after an interval.
      for (const { event, eventId } of entries.filter(({ event }) => /^alerts:sent|unanswered$/.test(event))) assert.ok(eventId < joined, event);
      assert.equal((await read(owner, id)).alerts.wave, waves.at(-1).data.wave);
      for (const [socket, helper] of [[ofNear, near], [ofFar, far]]) assert.equal(nearby(socket, id).length, countOf(waves, helper));
    });

    it('send emergency:unanswered to the owner only', async () => {
      const place = quick.somewhere();
      const [owner, admin] = await Promise.all([quick.owner(), quick.admin()]);
      const [near] = await helpersNorth(quick, place, 100);
      const [ofOwner, ofNear, ofAdmin] = await connectAll(owner, near, admin);
      const { id } = await raise(owner, place, { anonymousMode: true });
      for (const socket of [ofNear, ofAdmin]) assert.equal((await socket.ack('emergency:join', { emergencyId: id })).ok, true);
      await unanswered(ofOwner, id);
      await settled(ofNear, ofAdmin);
      for (const socket of [ofNear, ofAdmin]) assert.deepEqual(socket.seen(/^emergency:(unanswered|alerts)$/), []);
      assert.ok(!JSON.stringify(ofNear.items).includes(owner.id));
    });
  });

  describe(`alerts between waves on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: RULES });
    });
    after(() => app?.stop());

    it('go to the next nearest helper when one declines', async () => {
      const place = app.somewhere();
      const owner = await app.owner();
      const [one, two, three, four] = await helpersNorth(app, place, 100, 450, 800, 2500);
      const { id } = await raise(owner, place);
      await decline(one, id);
      await decline(two, id);
      const waves = sent(await timeline(owner, id));
      assert.deepEqual(waves.map(helpersOf), [ids(one, two), ids(three), ids(four)]);
      assert.deepEqual(waves.map(({ data }) => [data.wave, data.radius]), [[1, 1000], [1, 1000], [1, 1000]]);
      assert.deepEqual((await read(owner, id)).alerts, alertCounts({ wave: 1, alerted: 4, acknowledged: 2, seen: 2, declined: 2 }));
      assert.equal((await read(owner, id)).alertRadius, 1000);
    });

    it('go to the next nearest helper when one cancels, and as a wave when it was the last response', async () => {
      const place = app.somewhere();
      const owner = await app.owner();
      const [one, two, middle, further, far] = await helpersNorth(app, place, 100, 450, 1400, 1800, 2700);
      const [ofOwner, ofOne, ofMiddle, ofFurther] = await connectAll(owner, one, middle, further);
      const { id } = await raise(owner, place);
      await alerted(ofOne, id);
      await respond(one, id);
      await respond(two, id);
      await tell(two, id, 'cancelled');
      await alerted(ofMiddle, id);
      const { alerts, alertRadius } = await read(owner, id);
      assert.deepEqual([alerts.wave, alerts.alerted, alertRadius], [1, 3, 1000]);

      await tell(one, id, 'cancelled');
      const changed = await ofOwner.next('emergency:status_changed', (payload) => of(id)(payload) && payload.status === 'active');
      await alerted(ofFurther, id);
      await ofOwner.next('emergency:alerts', (payload) => of(id)(payload) && payload.wave === 2);
      const [, , again] = sent(await timeline(owner, id));
      assert.ok(Math.abs(Date.parse(again.at) - Date.parse(changed.timestamp)) < 1000, 'the wave goes out at once');
      assert.deepEqual([again.data.wave, again.data.radius], [2, 2000]);
      const asked = helpersOf(again);
      assert.ok(!asked.some((helper) => ids(one, two, far).includes(helper)), 'who cancelled is not asked again');
      assert.equal(nearby(ofOne, id).length, 1);
    });

    it('update the alert counts of the owner at most once a second, on all devices', async () => {
      const place = app.somewhere();
      const owner = await app.owner();
      const [one, two] = await helpersNorth(app, place, 100, 450);
      const [ofOne, ...ofOwner] = await connectAll(one, owner, owner);
      const { id } = await raise(owner, place);
      const numbers = (counts) => ({ emergencyId: id, ...alertCounts(counts), timestamp: time });
      const ends = [];
      for (const socket of ofOwner) {
        const first = await socket.next('emergency:alerts', of(id));
        assert.equal(first.alerted, 2);
        ends.push(socket.next('emergency:alerts', (payload) => of(id)(payload) && payload.acknowledged === 2 && payload.declined === 1));
      }
      await alerted(ofOne, id);
      await decline(two, id);
      // What was declined was seen, and so received.
      for (const end of ends) assertMatches(await end, numbers({ wave: 1, alerted: 2, acknowledged: 2, seen: 1, declined: 1 }));
      await respond(two, id);
      for (const socket of ofOwner) {
        await socket.next('emergency:alerts', (payload) => of(id)(payload) && payload.declined === 0);
        const signals = socket.seen('emergency:alerts', of(id));
        for (let at = 1; at < signals.length; at += 1) {
          const pause = Date.parse(signals[at].timestamp) - Date.parse(signals[at - 1].timestamp);
          assert.ok(pause >= 990, `${pause} ms after the signal before`);
          const { timestamp: _, ...before } = signals[at - 1];
          const { timestamp: __, ...now } = signals[at];
          assert.notDeepEqual(now, before, 'nothing had changed');
        }
      }
      assert.deepEqual(ofOne.seen('emergency:alerts'), []);
    });

    it('tell the owner at once that an alert has arrived which no device acknowledged', async () => {
      const place = app.somewhere();
      const owner = await app.owner();
      const [helper] = await helpersNorth(app, place, 100);
      const ofOwner = await owner.connect();
      const ofHelper = await helper.connect({ acknowledge: false });
      const { id } = await raise(owner, place);
      await alerted(ofHelper, id);
      // Anything that comes from the device after the alert.
      ofHelper.emit('emergency:leave', { emergencyId: id });
      const { delivered } = await ofOwner.next('emergency:alerts', (payload) => of(id)(payload) && payload.sent === 1);
      assert.equal(delivered, 0);
    });

    it('go to helpers who move into the radius while there is no response, over REST and sockets', async () => {
      const place = app.somewhere();
      const [owner, bystander] = await Promise.all([app.owner(), app.user()]);
      const [bySocket, byRest, late] = await helpersNorth(app, place, 9000, 9000, 9000);
      const [ofSocket, ofRest, ofLate, ofBystander, ofOwner] = await connectAll(bySocket, byRest, late, bystander, owner);
      const { id } = await raise(owner, place);
      const { latitude, longitude } = north(place, 500);
      await Promise.all([stand(bystander, place), stand(owner, place)]);
      assert.equal((await ofSocket.ack('location:update', { latitude, longitude })).ok, true);
      const received = await alerted(ofSocket, id);
      assert.ok(received.distance > 490 && received.distance < 510, `${received.distance} m`);
      await stand(byRest, north(place, 2900));
      await alerted(ofRest, id);
      await ofOwner.next('emergency:alerts', (payload) => of(id)(payload) && payload.alerted === 2);

      // Moving on causes no second alert, and neither does coming near after a response.
      await stand(bySocket, north(place, 400));
      await respond(byRest, id);
      await settled(ofSocket);
      await stand(late, north(place, 300));
      await settled(ofSocket, ofLate);
      const counts = [ofSocket, ofRest, ofLate, ofBystander, ofOwner].map((socket) => nearby(socket, id).length);
      assert.deepEqual(counts, [1, 1, 0, 0, 0]);
      assert.deepEqual(sent(await timeline(owner, id)).map(helpersOf), [[], ids(bySocket), ids(byRest)]);
    });

    it('go to helpers within the radius who go on duty, are verified, or come online', async () => {
      const place = app.somewhere();
      const owner = await app.owner();
      const [offDuty, unverified] = await Promise.all([
        app.helperAt(north(place, 300), { available: false }),
        app.unverifiedHelper({ position: north(place, 400) }),
      ]);
      const [ofOffDuty, ofUnverified] = await connectAll(offDuty, unverified);
      const [one, two, crowdedOut] = await helpersNorth(app, place, 100, 450, 800);
      const { id } = await raise(owner, place);
      ok(await offDuty.put('/helpers/me', { available: true }));
      await alerted(ofOffDuty, id);
      ok(await (await app.admin()).put(`/helpers/${unverified.id}/verification`, { status: 'verified' }));
      await alerted(ofUnverified, id);
      const [ofCrowdedOut, ofOne] = await connectAll(crowdedOut, one);
      const alertOf = ({ id: helper }) => async () => sent(await timeline(owner, id)).find((alert) => helpersOf(alert).includes(helper));
      const last = await eventually(alertOf(crowdedOut));
      // Verified in the moment of the call, this helper may be alerted as a new one, before they come online.
      const { latestEventId } = ofCrowdedOut.ready;
      if (last.eventId > latestEventId) await alerted(ofCrowdedOut, id);
      await settled(ofCrowdedOut, ofOne);
      assert.equal(nearby(ofCrowdedOut, id).length, last.eventId > latestEventId ? 1 : 0);
      const waves = sent(await timeline(owner, id)).map(helpersOf);
      const isOfCrowdedOut = (helpers) => helpers.includes(crowdedOut.id);
      assert.deepEqual(waves.filter((helpers) => !isOfCrowdedOut(helpers)), [ids(one, two), ids(offDuty), ids(unverified)]);
      assert.deepEqual(waves.filter(isOfCrowdedOut), [ids(crowdedOut)]);
      assert.equal((await read(owner, id)).alerts.wave, 1);
    });
  });

  describe(`timers on ${database}`, () => {
    it('resolve an emergency after its time to live', async () => {
      const app = await startNode({ database, env: { ...QUICK, ALLYNET_EMERGENCY_TTL: '3s' } });
      const place = app.somewhere();
      const [owner, [helper]] = await Promise.all([app.owner(), helpersNorth(app, place, 100)]);
      const [ofOwner, ofHelper] = await connectAll(owner, helper);
      const { id, createdAt } = await raise(owner, place);
      await respond(helper, id);
      const resolved = await ofHelper.next('emergency:resolved', of(id), ALL_WAVES);
      assert.deepEqual(
        { by: resolved.resolvedBy, type: resolved.resolutionType, notes: resolved.resolutionNotes },
        { by: null, type: 'auto_expired', notes: null },
      );
      assert.ok(Date.parse(resolved.resolvedAt) - Date.parse(createdAt) >= 3000);
      for (const socket of [ofOwner, ofHelper]) assert.equal((await socket.next('emergency:ended', of(id))).status, 'resolved');
      const after = await read(owner, id);
      assert.deepEqual([after.status, after.resolutionType, after.resolvedBy], ['resolved', 'auto_expired', null]);
      await settled(ofOwner);
      assert.equal(ofOwner.seen('emergency:ended', of(id)).length, 1);
      await raise(owner, place);
      await app.stop();
    });

    it('continue after a shutdown and after a crash', async () => {
      const store = await createDatabase(database);
      const env = { ...RULES, ALLYNET_ALERT_INTERVAL: '2s' };
      try {
        let app = await startNode({ database: store, env });
        const place = app.somewhere();
        const [owner, [near, middle, far]] = await Promise.all([app.owner(), helpersNorth(app, place, 100, 1500, 2500)]);
        const ofNear = await near.connect();
        const { id } = await raise(owner, place);
        await alerted(ofNear, id);
        await eventually(async () => (await read(owner, id)).alerts.acknowledged === 1);
        await app.stop();

        app = await startNode({ database: store, env });
        const ofMiddle = await middle.at(app).connect();
        await alerted(ofMiddle, id);
        await eventually(async () => (await read(owner.at(app), id)).alerts.acknowledged === 2);
        await app.kill();

        app = await startNode({ database: store, env });
        const [ofOwner, ofFar] = await connectAll(owner.at(app), far.at(app));
        await alerted(ofFar, id, ALL_WAVES);
        await unanswered(ofOwner, id);
        // A slow machine acknowledges too late, and the alert is repeated in between.
        const all = sent(await timeline(owner.at(app), id));
        const waves = all.filter(({ data }, index) => all.findIndex((each) => each.data.wave === data.wave) === index);
        assert.deepEqual(waves.map(({ data }) => data.wave), [1, 2, 3]);
        assert.deepEqual(freshOf(waves), [ids(near), ids(middle), ids(far)]);
        await app.stop();
      } finally {
        await store.drop();
      }
    });

    it('are not needed to alert helpers who come near an emergency from before a restart', async () => {
      const store = await createDatabase(database);
      try {
        let app = await startNode({ database: store, env: RULES });
        const place = app.somewhere();
        const [owner, [waiting, answered]] = await Promise.all([app.owner(), helpersNorth(app, place, 9000, 2000)]);
        const { id } = await raise(owner, place);
        await app.stop();

        app = await startNode({ database: store, env: RULES });
        const [ofWaiting, ofAnswered] = await connectAll(waiting.at(app), answered.at(app));
        await stand(waiting.at(app), north(place, 1000));
        await alerted(ofWaiting, id);
        await settled(ofAnswered);
        const alerts = sent(await timeline(owner.at(app), id)).map(helpersOf);
        assert.deepEqual(alerts, [ids(answered), ids(waiting)]);
        await app.stop();
      } finally {
        await store.drop();
      }
    });
  });
}

describe('waves of alerts on two nodes', () => {
  let database;
  let a;
  let b;
  before(async () => {
    database = await createDatabase('postgres');
    [a, b] = await Promise.all([startNode({ database, env: QUICK }), startNode({ database, env: QUICK })]);
  });
  after(async () => {
    try {
      await Promise.all([a?.stop(), b?.stop()]);
    } finally {
      await database?.drop();
    }
  });

  it('are sent once each by either node, and reach owner and helpers on both', async () => {
    const scenes = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const [at, other] = index % 2 ? [a, b] : [b, a];
        const place = a.somewhere();
        const [owner, [near, deaf, far]] = await Promise.all([at.owner(), helpersNorth(at, place, 100, 450, 2500)]);
        const sockets = {
          owner: await Promise.all([owner.connect(), owner.at(other).connect()]),
          near: await Promise.all([near.connect(), near.at(other).connect()]),
          deaf: await Promise.all([at, other].map((node) => deaf.at(node).connect({ acknowledge: false }))),
          far: await Promise.all([far.at(other).connect()]),
        };
        return { place, owner, near, deaf, far, sockets };
      }),
    );
    const raised = await Promise.all(scenes.map(({ owner, place }) => raise(owner, place)));
    for (const [index, { id }] of raised.entries()) {
      const { owner, near, deaf, far, sockets } = scenes[index];
      let until;
      for (const socket of sockets.owner) {
        const received = await unanswered(socket, id);
        assert.equal(received.alertedHelpers, 3);
        until = ({ eventId }) => eventId < received.eventId;
        // The second radius holds nobody new and is passed over.
        await socket.next('emergency:alerts', (payload) => of(id)(payload) && payload.wave === 2 && payload.acknowledged === 2);
      }
      await settled(...Object.values(sockets).flat());
      const entries = await timeline(owner, id);
      const waves = sent(entries).filter(until);
      assert.deepEqual(waves.map(({ data }) => data.wave), [1, 2, 2]);
      assert.deepEqual(freshOf(waves), [ids(near, deaf), ids(far), []]);
      assertRepeats(entries, waves, deaf);
      for (const [name, helper] of Object.entries({ owner, near, deaf, far })) {
        const counts = sockets[name].map((socket) => nearby(socket, id).filter(until).length);
        assert.deepEqual(counts, sockets[name].map(() => countOf(waves, helper)), name);
      }
      assert.equal(entries.filter(({ event }) => event === 'emergency:unanswered').length, 1);
      assert.equal(entries.filter(({ event }) => event === 'alerts:acknowledged').length, 2);
    }
  });

  it('reach a helper once who comes near on one of them', async () => {
    const place = a.somewhere();
    const [owner, [helper]] = await Promise.all([a.owner(), helpersNorth(a, place, 9000)]);
    const sockets = await Promise.all([helper.connect(), helper.at(b).connect()]);
    const { id } = await raise(owner, place);
    await stand(helper.at(b), north(place, 700));
    for (const socket of sockets) await alerted(socket, id);
    await settled(...sockets);
    for (const socket of sockets) assert.equal(nearby(socket, id).length, 1);
  });
});
