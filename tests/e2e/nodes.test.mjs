// Two nodes on one PostgreSQL are one service: events of either reach the clients of both, in order, once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { AS_SHIPPED, createDatabase, north, settled, startNode } from './harness.mjs';
import { assertIdsGrow, assertMatches, events, integer, ok, refused } from './shapes.mjs';

/** Longer than a node judges by what it knew, with what the timers of this process may be early. */
const EVERYWHERE_AFTER = 1_050;

describe('two nodes on one PostgreSQL', () => {
  let database;
  let a;
  let b;
  before(async () => {
    database = await createDatabase('postgres');
    // Both migrate at the same time, which tests the lock.
    [a, b] = await Promise.all([1, 2].map(() => startNode({ database, env: AS_SHIPPED })));
  });
  after(async () => {
    try {
      await Promise.all([a?.stop(), b?.stop()]);
    } finally {
      await database?.drop();
    }
  });

  // Positions of one node's generator only, so that they stay far apart.
  const somewhere = () => a.somewhere();

  const log = (socket) =>
    socket.items
      .filter(({ payload }) => Number.isInteger(payload?.eventId))
      .map(({ event, payload }) => ({ event, eventId: payload.eventId, of: payload.emergencyId ?? payload.emergency.id }));
  const logOf = (socket, emergencyId) => log(socket).filter((item) => item.of === emergencyId);

  it('share accounts, sessions and emergencies', async () => {
    const owner = await a.owner();
    const { emergency } = ok(await owner.post('/emergencies', { location: somewhere() }), 201);
    const seen = ok(await owner.at(b).get('/emergencies/active')).emergency;
    assert.equal(seen.id, emergency.id);
    refused(await owner.at(b).post('/emergencies', { location: somewhere() }), 409, 'active_emergency_exists');
  });

  it('raise one emergency for one request id, however often and to whichever node it is sent', async () => {
    const owner = await a.owner();
    const body = { location: somewhere(), requestId: 'pressed at both' };
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => owner.at(index % 2 ? a : b).post('/emergencies', body)),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(7).fill(200), 201]);
    assert.equal(new Set(answers.map((answer) => answer.body.data.emergency.id)).size, 1);
  });

  it('deliver between an owner on one and a helper on the other', async () => {
    const place = somewhere();
    const [owner, helper] = await Promise.all([a.owner(), b.helperAt(north(place, 500))]);
    const [ownerAtA, ownerAtB, helperAtB, helperAtA] = await Promise.all([
      owner.connect(),
      owner.at(b).connect(),
      helper.connect(),
      helper.at(a).connect(),
    ]);
    const { emergency } = ok(await owner.post('/emergencies', { location: place }), 201);
    const path = `/emergencies/${emergency.id}`;
    const created = await helperAtB.next('emergency:created', (payload) => payload.emergency.id === emergency.id);
    assertMatches(created, events.created({ id: emergency.id }, 1));
    const nearby = await helperAtB.next('emergency:nearby', (payload) => payload.emergency.id === emergency.id);
    assertMatches(nearby, events.nearby({ id: emergency.id }, integer));

    ok(await helper.post(`${path}/respond`, {}));
    assertMatches(await ownerAtA.next('helper:joined'), events.helperJoined(emergency.id, helper));
    for (const [at, status] of [[a, 'on_way'], [b, 'arrived'], [a, 'completed']]) {
      ok(await helper.at(at).put(`${path}/helper-status`, { status, notes: null }));
    }
    ok(await owner.at(b).post(`${path}/resolve`, {}));

    await settled(ownerAtA, ownerAtB, helperAtA, helperAtB);
    const room = [
      'helper:joined',
      'emergency:status_changed',
      'helper:role_assigned',
      'helper:status_update',
      'helper:status_update',
      'helper:status_update',
      'emergency:resolved',
      'emergency:ended',
    ];
    for (const socket of [ownerAtA, ownerAtB, helperAtA, helperAtB]) {
      const names = logOf(socket, emergency.id).map(({ event }) => event);
      const details = names.filter((name) => name === 'emergency:details').length;
      assert.equal(details, [helperAtA, helperAtB].includes(socket) ? 1 : 0);
      assert.deepEqual(names.filter((name) => !/^emergency:(created|nearby|message|details)/.test(name)), room);
      assert.deepEqual(
        socket.seen('helper:status_update').map(({ status }) => status),
        ['on_way', 'arrived', 'completed'],
      );
      assertIdsGrow(socket);
    }
    for (const socket of [helperAtA, helperAtB]) {
      assert.equal(socket.seen('emergency:created', (payload) => payload.emergency.id === emergency.id).length, 1);
      assert.equal(socket.seen('emergency:nearby', (payload) => payload.emergency.id === emergency.id).length, 1);
    }
    assert.deepEqual(logOf(ownerAtA, emergency.id), logOf(ownerAtB, emergency.id));
    assert.deepEqual(logOf(helperAtA, emergency.id), logOf(helperAtB, emergency.id));
  });

  it('deliver the same events in the same order while both receive writes', async () => {
    const stand = await a.helperAt(somewhere());
    const [atA, atB, ...owners] = await Promise.all([
      stand.connect(),
      stand.at(b).connect(),
      ...Array.from({ length: 12 }, (_, index) => (index % 2 ? a : b).owner()),
    ]);
    const raised = await Promise.all(
      owners.map(async (owner) => {
        const { emergency } = ok(await owner.post('/emergencies', { location: somewhere() }), 201);
        ok(await owner.at(owner.node === a ? b : a).post(`/emergencies/${emergency.id}/cancel`, {}));
        return emergency.id;
      }),
    );
    await settled(atA, atB);
    const [one, other] = [atA, atB].map((socket) => log(socket).filter(({ of }) => raised.includes(of)));
    assert.equal(one.length, 2 * raised.length, 'each was created once and ended once');
    assert.deepEqual(one, other);
    assertIdsGrow(atA);
    assertIdsGrow(atB);
  });

  it('refuse a blocked or logged-out caller at once where that was answered, and within a second at the other', async () => {
    const admin = await a.admin();
    const ways = [
      [(user) => admin.put(`/helpers/${user.id}/block`, { blocked: true }), 403, 'account_blocked'],
      [(user) => user.post('/auth/logout', {}), 401, 'token_invalid'],
    ];
    for (const [shutOut, status, reason] of [...ways, ...ways, ...ways]) {
      const user = await a.owner();
      const atB = user.at(b);
      // A repeated caller is in the cache of the node.
      let asking = true;
      const calling = (async () => {
        while (asking) await Promise.all([user, atB].map((caller) => caller.get('/emergencies/active')));
      })();
      for (let call = 0; call < 20; call += 1) ok(await atB.get('/emergencies/active'));
      ok(await shutOut(user));
      refused(await user.get('/emergencies/active'), status, reason);
      await setTimeout(EVERYWHERE_AFTER);
      refused(await atB.get('/emergencies/active'), status, reason);
      asking = false;
      await calling;
    }
  });

  it('close the sockets of a blocked user on both', async () => {
    const [user, admin] = await Promise.all([a.user(), b.admin()]);
    const sockets = await Promise.all([user.connect(), user.at(b).connect()]);
    ok(await admin.put(`/helpers/${user.id}/block`, { blocked: true, reason: null }));
    for (const socket of sockets) {
      assert.equal((await socket.next('error')).code, 'account_blocked');
      await socket.next('transport:close');
    }
    for (const at of [a, b]) refused(await user.at(at).get('/auth/me'), 403, 'account_blocked');
  });

  it('refuse a session on both that was ended on one', async () => {
    const user = await a.user();
    const socket = await user.at(b).connect();
    ok(await user.post('/auth/logout', {}));
    assert.equal((await socket.next('error')).code, 'token_expired');
    await socket.next('transport:close');
    assert.equal((await user.at(b).get('/auth/me')).status, 401);
  });

  it('add a helper who goes on duty on one to the helpers on the other', async () => {
    const place = somewhere();
    const [owner, helper] = await Promise.all([a.owner(), a.helperAt(place, { available: false })]);
    const socket = await helper.at(b).connect();
    ok(await helper.put('/helpers/me', { available: true, skills: [] }));
    await settled(socket);
    const { emergency } = ok(await owner.post('/emergencies', { location: place }), 201);
    await socket.next('emergency:created', (payload) => payload.emergency.id === emergency.id);
    await socket.next('emergency:nearby', (payload) => payload.emergency.id === emergency.id);
  });
});
