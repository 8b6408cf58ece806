// Places that follow their owners, on two nodes with one PostgreSQL and one Redis.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDatabase, createRedis, eventually, north, startNode, whileStoredInTime } from './harness.mjs';
import { cancel, of, raise, read, respond, stand } from './scene.mjs';
import { assertMatches, atLeast, between, integer, ok, time } from './shapes.mjs';

/** Upper bound for what comes after an interval, on a busy machine. */
const LIMIT = 30_000;
const INTERVAL = 2_000;
const LOCATION = 'emergency:location';
const MOVED = 'emergency:moved';

const exact = ({ latitude, longitude }) => ({ latitude, longitude, precision: 0, address: null, description: null });
const metres = (expected) => between(expected - 5, expected + 5);
const at = (place) => ({ location }) => Math.abs(location.latitude - place.latitude) < 0.000_01;

describe('a place that follows its owner, on two nodes', () => {
  let database;
  let redis;
  let a;
  let b;
  /** The clock of the phones, which are a minute late: a second or more passes between two positions, however fast they are sent. */
  let phoneTime = Date.now() - 60_000;
  const locate = async (socket, { latitude, longitude }) => {
    phoneTime += 1_000;
    const sent = await socket.ack('location:update', { latitude, longitude, at: new Date(phoneTime).toISOString() });
    assert.ok(sent.ok && sent.stored, JSON.stringify(sent));
  };

  before(async () => {
    [database, redis] = await Promise.all([createDatabase('postgres'), createRedis()]);
    redis.start();
    const env = { REDIS_URL: redis.url, ALLYNET_MOVE_INTERVAL: `${INTERVAL}ms` };
    [a, b] = await Promise.all([startNode({ database, env }), startNode({ database, env })]);
    for (const node of [a, b]) {
      await eventually(async () => (await node.anonymous().request('GET', '/readyz', undefined, { root: '' })).body.redis === 'ok');
    }
  });
  after(async () => {
    try {
      await Promise.all([a?.stop(), b?.stop()]);
    } finally {
      await redis?.stop();
      await database?.drop();
    }
  });

  const isTold = whileStoredInTime(() => [a, b], async () => {
    const [place, away] = [a.somewhere(), a.somewhere()];
    const [owner, absent] = [await a.owner(), await a.owner()];
    const [helper, looker, distant] = await Promise.all([
      b.helperAt(north(place, 900)),
      b.helperAt(north(place, 3_000)),
      b.helperAt(north(away, 900)),
    ]);
    const admin = await b.logIn(await b.admin());
    const [ofOwner, ofAbsent, ofHelper, ofLooker, ofDistant, board] = await Promise.all(
      [owner, absent, helper, looker, distant, admin].map((caller) => caller.connect()),
    );
    assert.ok((await board.ack('dispatcher:join')).ok);

    // Somebody calls for a child at home, and goes on moving elsewhere; somebody else says that the place is fixed.
    await locate(ofAbsent, north(away, 5_000));
    const { id: fixed, fixedPlace } = await raise(absent, away);
    assert.equal(fixedPlace, true);
    await respond(distant, fixed);
    for (const step of [4_990, 4_960]) await locate(ofAbsent, north(away, step));

    await locate(ofOwner, place);
    const stated = await raise(owner, place, { fixedPlace: true });
    assert.deepEqual([stated.fixedPlace, stated.origin], [true, null]);
    await cancel(owner, stated.id);

    const words = { address: 'Quokka Lane 7', description: 'behind the wombat' };
    const raised = await raise(owner, { ...place, ...words });
    const { id } = raised;
    assert.deepEqual([raised.fixedPlace, raised.origin], [false, null]);
    await respond(helper, id);
    const { eventId: lastEventId } = await ofHelper.next('emergency:details', of(id));
    assert.ok((await ofLooker.ack('emergency:join', { emergencyId: id })).ok);

    // Within 100 m the stored place stays.
    await locate(ofOwner, north(place, 40));
    const near = await ofHelper.next(LOCATION, at(north(place, 40)), LIMIT);
    assertMatches(near, { emergencyId: id, location: exact(north(place, 40)), movedBy: metres(40), updatedAt: time });
    await ofOwner.next(LOCATION, at(north(place, 40)), LIMIT);
    assert.deepEqual((await read(helper, id)).location, { ...exact(place), ...words });

    // Further away it moves, and its words stay with where it was. Another device of the owner counts for nothing.
    const tablet = await (await b.logIn(owner)).connect();
    phoneTime += 5_000;
    await locate(ofOwner, north(place, 150));
    const moved = await ofHelper.next(MOVED, of(id), LIMIT);
    assertMatches(moved, { emergencyId: id, location: exact(north(place, 150)), timestamp: time, eventId: integer });
    assert.deepEqual(await ofOwner.next(MOVED, of(id), LIMIT), moved);
    assert.deepEqual(await board.next(MOVED, of(id), LIMIT), moved);
    const now = await read(helper, id);
    assert.deepEqual(now.location, exact(north(place, 150)));
    assert.deepEqual([now.origin, now.fixedPlace], [{ ...place, ...words }, false]);
    const seen = await read(looker, id);
    assert.deepEqual([seen.location, seen.fixedPlace], [exact(north(place, 150)), null]);

    // A jump waits for the next position, which was from somewhere else.
    await stand(tablet.caller, north(place, 900));
    phoneTime += 5_000;
    await locate(ofOwner, north(place, 50_000));
    await locate(ofOwner, north(place, 300));
    assertMatches(await ofHelper.next(LOCATION, at(north(place, 300)), LIMIT), atLeast({ movedBy: integer }));
    const again = await ofHelper.next(MOVED, of(id), LIMIT);
    assert.deepEqual(again.location, exact(north(place, 300)), 'without a further position');
    assert.ok(Date.parse(again.timestamp) - Date.parse(moved.timestamp) >= INTERVAL);
    assert.deepEqual((await read(owner, id)).origin, { ...place, ...words }, 'the first place');
    const told = ofHelper.seen(LOCATION, of(id)).map(({ location }) => Math.round((location.latitude - place.latitude) * 111_200));
    assert.deepEqual(told.filter((north) => north > 400), []);

    // Who was away meanwhile is told both moves while they take part; those who look on are told none.
    const back = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId } });
    await back.next(MOVED, ({ eventId }) => eventId === again.eventId, LIMIT);
    assert.deepEqual(back.seen(MOVED, of(id)), [moved, again]);
    await ofLooker.silent(/^emergency:(moved|location)$/);
    await ofDistant.silent(/^emergency:(moved|location)$/);
    await eventually(async () => {
      const { entries } = ok(await owner.get('/auth/me/access-log'));
      return entries.some(({ emergencyId, what }) => emergencyId === id && what === 'room');
    }, LIMIT);
    await Promise.all([cancel(owner, id), cancel(absent, fixed)]);
    for (const socket of [ofOwner, ofAbsent, ofHelper, ofLooker, ofDistant, board, tablet, back]) socket.close();
  });
  it('is told to those who take part, moves once in the interval, and believes no jump', isTold);
});
