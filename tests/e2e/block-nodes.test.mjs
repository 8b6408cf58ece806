// Blocks between users on two nodes: a block that is made at one has effect at the other within a second, and whatever a
// blocked pair and others do afterwards, nothing of one reaches the other.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createDatabase, createRedis, eventually, north, settled, startNode } from './harness.mjs';
import { cancel, of, raise, respond, say, stand } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

/** Milliseconds within which a block has effect at every node, with what the timers of this process may be early. */
const EVERYWHERE_AFTER = 1_050;

/** A generator of numbers in 0..1 with this seed (mulberry32), so that a failure can be repeated. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('blocks on two nodes', () => {
  let database;
  let redis;
  let a;
  let b;
  before(async () => {
    [database, redis] = await Promise.all([createDatabase('postgres'), createRedis()]);
    redis.start();
    const start = () => startNode({ database, env: { REDIS_URL: redis.url } });
    [a, b] = await Promise.all([start(), start()]);
    for (const node of [a, b]) {
      await eventually(async () => {
        const { body } = await node.anonymous().request('GET', '/readyz', undefined, { root: '' });
        return body.redis === 'ok';
      });
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

  it('made right before both respond to the emergency of a third user hide their positions from each other', async () => {
    const place = a.somewhere();
    const [owner, one, other] = await Promise.all([a.owner(), a.helperAt(north(place, 200)), a.helperAt(north(place, 300))]);
    const atB = one.at(b);
    const sockets = await Promise.all([owner, atB, other].map((caller) => caller.connect()));
    const [ofOwner, ofOne, ofOther] = sockets;
    const { id } = await raise(owner, place);
    await respond(other, id);
    // The node b knows the account from before the block for up to a second.
    for (let call = 0; call < 20; call += 1) ok(await atB.get(`/emergencies/${id}`));
    ok(await one.put(`/auth/me/blocks/${other.id}`));
    await respond(atB, id);
    for (const [mover, moved] of [[other, one], [one, other]]) {
      await stand(mover, north(place, 150));
      await ofOwner.next('helper:location', (payload) => of(id)(payload) && payload.helperId === mover.id);
      await settled(...sockets);
      const ofMoved = moved === one ? ofOne : ofOther;
      assert.deepEqual(ofMoved.seen('helper:location', ({ helperId }) => helperId === mover.id), []);
    }
    await cancel(owner, id);
  });

  for (const [name, block] of [
    ['by the owner', (owner, helper) => owner.put(`/auth/me/blocks/${helper.id}`)],
    ['by the helper', (owner, helper) => helper.put(`/auth/me/blocks/${owner.id}`)],
  ]) {
    it(`take effect at the other node within a second, made ${name}`, async () => {
      const place = a.somewhere();
      const [owner, helper] = await Promise.all([a.owner(), a.helperAt(north(place, 200))]);
      const atB = helper.at(b);
      const socket = await atB.connect();
      const { id } = await raise(owner, place);
      await respond(atB, id);
      // The caller is in the cache of the node.
      for (let call = 0; call < 20; call += 1) ok(await atB.get(`/emergencies/${id}`));
      ok(await block(owner, helper));
      await pause(EVERYWHERE_AFTER);
      refused(await atB.get(`/emergencies/${id}`), 404, 'emergency_not_found');
      refused(await atB.post(`/emergencies/${id}/respond`, {}), 404, 'emergency_not_found');
      refused(await atB.put(`/emergencies/${id}/helper-status`, { status: 'on_way' }), 404, 'emergency_not_found');
      await settled(socket);
      assert.equal(socket.seen('emergency:ended', of(id)).length, 1);
      await say(owner, id, 'to those who are left');
      await cancel(owner, id);
      await settled(socket);
      assert.equal(socket.seen('emergency:ended', of(id)).length, 1, 'once');
      assert.deepEqual(socket.seen('emergency:message', (payload) => of(id)(payload) && payload.message?.message.startsWith('to those')), []);
      const { id: later } = await raise(owner, place);
      await settled(socket);
      assert.deepEqual(socket.items.filter(({ payload }) => payload && of(later)(payload)), []);
      await cancel(owner, later);
    });
  }

  it('hide a helper from another one at the other node within a second', async () => {
    const place = a.somewhere();
    const [owner, x, y] = await Promise.all([a.owner(), a.helperAt(north(place, 900)), a.helperAt(north(place, 950))]);
    const [atOwner, atX, atY] = await Promise.all([owner.connect(), x.connect(), y.at(b).connect()]);
    const { id } = await raise(owner, place);
    await respond(x, id);
    await respond(y.at(b), id);
    const about = (user) => ({ helperId }) => helperId === user.id;
    // Before the block each is sent the positions of the other.
    await stand(x, north(place, 800));
    await atY.next('helper:location', about(x));
    await stand(y.at(b), north(place, 850));
    await atX.next('helper:location', about(y));
    ok(await x.put(`/auth/me/blocks/${y.id}`));
    await pause(EVERYWHERE_AFTER);
    await settled(atX, atY);
    const before = [atX.seen('helper:location', about(y)).length, atY.seen('helper:location', about(x)).length];
    await stand(x, north(place, 100));
    await stand(y.at(b), north(place, 150));
    for (const user of [x, y]) await atOwner.next('helper:location', (sent) => sent.helperId === user.id && sent.distance < 500);
    await settled(atX, atY);
    assert.deepEqual([atX.seen('helper:location', about(y)).length, atY.seen('helper:location', about(x)).length], before);
    for (const [reader, other] of [[x, y], [y, x]]) {
      for (const node of [a, b]) {
        const { helpers } = ok(await reader.at(node).get(`/emergencies/${id}/helpers`));
        const { distance, online } = helpers.find((one) => one.helper.id === other.id);
        assert.deepEqual([distance, online], [null, null]);
      }
    }
    await cancel(owner, id);
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`let nothing of one reach the other, whatever anybody does (seed ${seed})`, async (t) => {
      const next = random(seed);
      const pick = (list) => list[Math.floor(next() * list.length)];
      const place = a.somewhere();
      const somewhere = () => north(place, Math.floor(next() * 3_000));
      const users = await Promise.all(Array.from({ length: 4 }, () => a.helperAt(somewhere())));
      const pair = users.slice(0, 2);
      const sockets = new Map();
      for (const user of pair) sockets.set(user.id, await Promise.all([a, b].map((node) => user.at(node).connect())));
      const owners = new Map();
      const done = [];

      /** What a user may do; refused or not. */
      const acts = {
        async raise(user) {
          const { status, body } = await user.post('/emergencies', { location: somewhere() });
          if (status === 201) owners.set(body.data.emergency.id, user.id);
        },
        respond: (user, id) => user.post(`/emergencies/${id}/respond`, { action: pick(['accept', 'accept', 'decline']) }),
        tell: (user, id) => user.put(`/emergencies/${id}/helper-status`, { status: pick(['on_way', 'arrived', 'completed', 'cancelled']) }),
        say: (user, id) => user.post(`/emergencies/${id}/messages`, { message: 'hello' }),
        cancel: (user, id) => user.post(`/emergencies/${id}/cancel`, {}),
        resolve: (user, id) => user.post(`/emergencies/${id}/resolve`, {}),
        reopen: (user, id) => user.post(`/emergencies/${id}/reopen`, {}),
        renew: (user, id) => user.post(`/emergencies/${id}/renew`, {}),
        stand: (user) => user.put('/helpers/me/location', somewhere()),
        join: (user, id) => pick(sockets.get(user.id) ?? [{ ack: () => {} }]).ack('emergency:join', { emergencyId: id }),
      };
      const act = async () => {
        const [user, node] = [pick(users), pick([a, b])];
        const ids = [...owners.keys()].slice(-3);
        const name = ids.length ? pick(['raise', 'raise', 'raise', 'respond', 'respond', 'respond', 'stand', 'resolve', 'cancel', ...Object.keys(acts)]) : 'raise';
        const answer = await acts[name](user.at(node), pick(ids));
        assert.notEqual(Math.floor((answer?.status ?? 200) / 100), 5, `${name}: ${answer?.text}`);
        done.push(name);
      };
      for (let step = 0; step < 15; step += 1) await act();
      const [by, user] = next() < 0.5 ? pair : [...pair].reverse();
      // At the same time as others act.
      await Promise.all([act(), by.at(pick([a, b])).put(`/auth/me/blocks/${user.id}`), act(), act()]);
      await pause(EVERYWHERE_AFTER);
      await settled(...[...sockets.values()].flat());
      const marks = new Map([...sockets.values()].flat().map((socket) => [socket, socket.items.length]));
      for (let step = 0; step < 60; step += 1) await act();

      for (const [reader, other] of [pair, [...pair].reverse()]) {
        for (const socket of sockets.get(reader.id)) {
          await settled(socket);
          for (const { event, payload } of socket.items.slice(marks.get(socket))) {
            const id = payload?.emergencyId ?? payload?.emergency?.id;
            assert.notEqual(owners.get(id), other.id, `${event} of the other's emergency after ${done}`);
            const about = event === 'helper:location' ? payload.helperId : event === 'presence:update' ? payload.userId : null;
            assert.notEqual(about, other.id, `${event} about the other after ${done}`);
          }
        }
        for (const node of [a, b]) {
          const caller = reader.at(node);
          const { latitude, longitude } = place;
          const listed = [
            ...ok(await caller.get(`/emergencies/nearby?latitude=${latitude}&longitude=${longitude}&radius=10000`)).emergencies,
            ...ok(await caller.get('/emergencies/pending-for-helper')),
          ];
          for (const { id } of listed) assert.notEqual(owners.get(id), other.id);
          for (const [id, owner] of owners) {
            const answer = await caller.get(`/emergencies/${id}/helpers`);
            if (answer.status !== 200) continue;
            for (const one of ok(answer).helpers) {
              if (one.helper.id === other.id && owner !== reader.id) assert.deepEqual([one.distance, one.online, one.lastSeenAt], [null, null, null]);
            }
          }
        }
      }
      t.diagnostic(`${owners.size} emergencies, ${done.length} acts`);
    });
  }
});
