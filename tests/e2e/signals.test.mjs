// Two nodes on one PostgreSQL and one Redis: positions and presence reach participants on both. While Redis is unreachable
// only these are missing.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createDatabase, createRedis, eventually, north, settled, startNode } from './harness.mjs';
import { cancel, partOf, raise, read, respond, say, stand, tell } from './scene.mjs';
import { assertMatches, atLeast, between, ok, time } from './shapes.mjs';

const LOCATION = 'helper:location';
const PRESENCE = 'presence:update';
const OFFLINE_DELAY = 15_000;
/** For a position and a message, of which one position is sent in a second; a call of Redis is given up after another one. */
const MAX_DELAY = 2_500;
/** Upper bound for what takes a few seconds, on a busy machine. */
const LIMIT = 30_000;
const about = (user) => (payload) => payload.userId === user.id;

/** A PostgreSQL, a Redis and `count` nodes on both. */
async function service(count, redis) {
  const database = await createDatabase('postgres');
  const env = { REDIS_URL: redis.url };
  const start = () => startNode({ database, env });
  const nodes = await Promise.all(Array.from({ length: count }, start));
  return {
    nodes,
    start,
    async stop() {
      try {
        await Promise.all(nodes.map((node) => node.stop()));
      } finally {
        await redis.stop();
        await database.drop();
      }
    },
  };
}

const readiness = async (node) => (await node.anonymous().request('GET', '/readyz', undefined, { root: '' })).body;
/** Waits until a node reports Redis as reachable or not; the node is ready in either case. */
const redisIs = (state, ...nodes) =>
  Promise.all(
    nodes.map((node) =>
      eventually(async () => {
        assertMatches(await readiness(node), { success: true, status: state === 'ok' ? 'ok' : 'degraded', database: 'ok', redis: state });
        return true;
      }),
    ),
  );
const online = (node) => async () => ok(await (await node.admin()).get('/helpers/presence')).connected;

/**
 * An owner on one node, a responding helper and a looker-on on the other. With a Redis, waits until the first node knows
 * that the helper is online.
 */
async function scene(a, b, { redis = true } = {}) {
  const place = a.somewhere();
  const [owner, helper, looker] = await Promise.all([a.owner(), b.helperAt(north(place, 2000)), b.helperAt(north(place, 3000))]);
  const [ownerSocket, helperSocket, lookerSocket] = await Promise.all([owner.connect(), helper.connect(), looker.at(a).connect()]);
  const { id } = await raise(owner, place);
  await respond(helper, id);
  await ownerSocket.next('helper:joined');
  if (redis) await eventually(async () => ok(await owner.get(`/emergencies/${id}/helpers`)).helpers.find((one) => one.id === helper.id)?.online);
  assert.equal((await lookerSocket.ack('emergency:join', { emergencyId: id })).ok, true);
  return { id, place, owner, ownerSocket, helper, helperSocket, looker, lookerSocket };
}

describe('two nodes with a Redis', () => {
  let all;
  let a;
  let b;
  before(async () => {
    const redis = await createRedis();
    redis.start();
    all = await service(2, redis);
    [a, b] = all.nodes;
    await redisIs('ok', a, b);
  });
  after(() => all?.stop());

  it('send positions of helpers on their way to participants on the other, and not to lookers-on', async () => {
    const { id, place, owner, ownerSocket, helper, helperSocket, lookerSocket } = await scene(a, b);
    const near = north(place, 1500);
    assert.equal((await helperSocket.ack('location:update', near)).ok, true);
    const expected = { emergencyId: id, helperId: helper.id, location: near, distance: between(1480, 1520), estimatedArrival: time, arrived: false, updatedAt: time };
    assertMatches(await ownerSocket.next(LOCATION), expected);
    assertMatches(await helperSocket.next(LOCATION), expected);

    // From either node: once a second, and the last position.
    const began = Date.now();
    for (let index = 0; index < 20; index += 1) {
      await stand(helper.at(index % 2 ? a : b), north(place, 1400 - 10 * index));
      await pause(100);
    }
    const last = north(place, 1400 - 190).latitude;
    await ownerSocket.next(LOCATION, (received) => received.location.latitude === last);
    const received = ownerSocket.seen(LOCATION).length - 1;
    assert.ok(received >= 2 && received <= (Date.now() - began) / 1000 + 1, `${received}`);
    await stand(helper, north(place, 40));
    await ownerSocket.next(LOCATION, (one) => one.arrived && one.distance < 50);

    await tell(helper, id, 'arrived');
    await settled(ownerSocket, helperSocket);
    const before = ownerSocket.seen(LOCATION).length;
    await stand(helper.at(a), north(place, 30));
    await pause(1_200);
    assert.equal(ownerSocket.seen(LOCATION).length, before);
    await lookerSocket.silent(LOCATION);
    await cancel(owner, id);
  });

  it('share presence', async () => {
    const { id, owner, ownerSocket, helper, helperSocket, lookerSocket } = await scene(a, b);
    assert.equal(partOf(helper, await read(owner, id)).online, true);
    assert.equal(ok(await owner.get(`/emergencies/${id}/helpers`)).helpers.find((one) => one.id === helper.id).online, true);
    // What the nodes tell each other of the last connections may be on its way.
    const counts = await eventually(async () => {
      const both = await Promise.all([a, b].map((node) => online(node)()));
      assert.equal(both[0], both[1]);
      return both;
    });

    // Connections on both nodes count as one user.
    const other = await helper.at(a).connect();
    assert.deepEqual(await Promise.all([a, b].map((node) => online(node)())), counts);
    helperSocket.close();
    await pause(2_000);
    other.close();
    await pause(2_000);
    const back = await helper.connect();
    await pause(OFFLINE_DELAY);
    assert.deepEqual(ownerSocket.seen(PRESENCE), [], 'a reconnection is no news, wherever it goes');

    back.close();
    await eventually(async () => (await online(a)()) === counts[0] - 1);
    const offline = await ownerSocket.next(PRESENCE, about(helper), OFFLINE_DELAY + LIMIT);
    assertMatches(offline, { userId: helper.id, online: false, lastSeenAt: time });
    assertMatches(partOf(helper, await read(owner, id)), atLeast({ online: false, lastSeenAt: offline.lastSeenAt }));
    await helper.connect();
    assert.equal((await ownerSocket.next(PRESENCE, about(helper))).online, true);
    await lookerSocket.silent(PRESENCE);
    await cancel(owner, id);
  });

  it('report the users of a killed third node as offline within a minute', async () => {
    const before = await online(a)();
    const c = await all.start();
    try {
      await redisIs('ok', c);
      const { id, owner, ownerSocket, helper } = await scene(a, c);
      // The looker-on is connected to the first node.
      await eventually(async () => (await online(b)()) === before + 2);
      // The node that started last knows all users.
      await eventually(async () => (await online(c)()) === (await online(a)()));
      await c.kill();
      const killed = Date.now();
      assert.equal((await ownerSocket.next(PRESENCE, about(helper), 60_000)).online, false);
      await eventually(async () => (await online(b)()) === before + 1, Math.max(LIMIT, 60_000 - (Date.now() - killed)));
      assert.equal(partOf(helper, await read(owner.at(b), id)).online, false);
      await cancel(owner, id);
    } finally {
      await c.kill();
    }
  });

  it('keep presence correct when one shuts down', async () => {
    const c = await all.start();
    const { id, owner, ownerSocket, helper } = await scene(a, c);
    await c.stop();
    await helper.at(b).connect();
    await pause(OFFLINE_DELAY + 7_000);
    assert.deepEqual(ownerSocket.seen(PRESENCE), []);
    await cancel(owner, id);
  });
});

describe('two nodes with an unreachable Redis', () => {
  let all;
  let redis;
  let a;
  let b;
  before(async () => {
    redis = await createRedis();
    // Redis is started later.
    all = await service(2, redis);
    [a, b] = all.nodes;
  });
  after(() => all?.stop());

  /** Asserts that everything independent of Redis works, and without delay, but for the moments in which a busy machine stands still. */
  async function assertWell({ id, place, owner, ownerSocket, helper }, round) {
    const local = await helper.at(a).connect();
    const atB = await owner.at(b).connect();
    const took = [];
    for (let step = 0; step < 5; step += 1) {
      const began = Date.now();
      const metres = 1000 - 100 * round - 10 * step;
      await stand(helper.at(a), north(place, metres));
      for (const socket of [ownerSocket, local]) {
        await socket.next(LOCATION, (received) => Math.abs(received.distance - metres) < 3);
      }
      await say(owner, id, `round ${round} step ${step}`);
      for (const socket of [ownerSocket, local, atB]) {
        await socket.next('emergency:message', (payload) => payload.message.message === `round ${round} step ${step}`);
      }
      took.push(Date.now() - began);
    }
    assert.ok(took.filter((time) => time < MAX_DELAY).length > took.length / 2, `${took} ms`);
    assert.equal(partOf(helper, await read(owner, id)).online, true);
    local.close();
    atB.close();
  }

  /** Asserts that a position stored on one node reaches the other soon after Redis is back. */
  async function assertRecovers({ place, ownerSocket, helper }, round) {
    const began = Date.now();
    for (let metres = 5000 + 100 * round; ; metres += 1) {
      await stand(helper, north(place, metres));
      const received = await ownerSocket.next(LOCATION, (one) => one.distance > 4900 + 100 * round, 500).catch(() => undefined);
      if (received) break;
      assert.ok(Date.now() - began < LIMIT, 'no position arrives');
    }
    await redisIs('ok', a, b);
  }

  it('serve requests, report the outage, and use Redis when it starts, stops, restarts, freezes and thaws', async () => {
    await redisIs('away', a, b);
    const all = await scene(a, b, { redis: false });
    await assertWell(all, 0);
    redis.start();
    await assertRecovers(all, 0);

    await redis.stop();
    await assertWell(all, 1);
    await redisIs('away', a, b);
    redis.start();
    await assertRecovers(all, 1);

    redis.freeze();
    await assertWell(all, 2);
    await redisIs('away', a, b);
    await assertWell(all, 3);
    redis.thaw();
    await assertRecovers(all, 2);
    // No user was reported as offline meanwhile.
    await settled(all.ownerSocket);
    assert.deepEqual(all.ownerSocket.seen(PRESENCE).filter((news) => !news.online), []);
    await cancel(all.owner, all.id);
  });
});

describe('a single node', () => {
  it('works without Redis', async () => {
    const app = await startNode();
    assert.deepEqual(await readiness(app), { success: true, status: 'ok', database: 'ok', redis: null });
    await app.stop();
  });

  it('does not start with an invalid Redis URL, and does not print it', async () => {
    await assert.rejects(startNode({ env: { REDIS_URL: 'http://me:hush@cache.internal' } }), (fault) => {
      assert.match(fault.message, /REDIS_URL must be redis\[s\]:/);
      assert.doesNotMatch(fault.message, /hush/);
      return true;
    });
  });
});
