// Restart of all nodes: the official client reconnects by itself, participants are in their rooms without joining, and a
// looker-on joins again with its last event id.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase, databases, eventually, freePort, startNode } from './harness.mjs';
import { cancel, heard, partOf, raise, read, respond, say, tell } from './scene.mjs';
import { assertIdsGrow } from './shapes.mjs';

/** Nodes that restart on the same ports. */
async function createService(kind, count) {
  const database = await createDatabase(kind);
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const start = () => Promise.all(ports.map((port) => startNode({ database, env: { ALLYNET_LISTEN: `127.0.0.1:${port}` } })));
  return { database, start, nodes: await start() };
}

/** The last event id of a client. */
const latest = (socket) => Math.max(...socket.items.map(({ payload }) => payload?.eventId ?? 0), socket.ready.latestEventId);

for (const kind of databases) {
  for (const [how, end] of [['stopped', (node) => node.stop()], ['killed', (node) => node.kill()]]) {
    const count = kind === 'postgres' ? 2 : 1;
    it(`rooms are restored after ${count === 1 ? 'the only node' : 'all nodes'} on ${kind} were ${how} and restarted`, async () => {
      const { database, start, nodes } = await createService(kind, count);
      const [a, b] = [nodes[0], nodes.at(-1)];
      const place = a.somewhere();
      const [owner, helper, looker] = await Promise.all([a.owner(), b.helperAt(place), b.helperAt(place)]);
      const options = { reconnection: true, reconnectionDelayMax: 500 };
      const [ownerSocket, helperSocket, lookerSocket] = await Promise.all([owner, helper, looker].map((caller) => caller.connect(options)));
      const sockets = [ownerSocket, helperSocket, lookerSocket];
      const { id: emergencyId } = await raise(owner, place);
      await respond(helper, emergencyId);
      assert.equal((await lookerSocket.ack('emergency:join', { emergencyId })).ok, true);
      await tell(helper, emergencyId, 'on_way');
      for (const socket of sockets) await socket.next('helper:status_update');

      // One participant resumes, another reconnects without lastEventId.
      ownerSocket.raw.auth = (give) => give({ token: owner.tokens.accessToken, lastEventId: latest(ownerSocket) });
      // The harness closes the sockets of a node with it, but not these.
      for (const socket of sockets) socket.node.sockets.delete(socket);
      const lastOfLooker = latest(lookerSocket);
      await Promise.all(nodes.map(end));
      for (const socket of sockets) await socket.next('disconnect');
      const again = await start();
      for (const socket of sockets) {
        await socket.next('connect');
        const ready = await socket.next('session:ready');
        assert.equal(ready.rooms.includes(`emergency:${emergencyId}`), socket !== lookerSocket);
      }
      // The looker-on does not lose events from before joining again.
      const [ownerNow, helperNow] = [owner.at(again[0]), helper.at(again.at(-1))];
      await tell(helperNow, emergencyId, 'arrived');
      await say(ownerNow, emergencyId, 'the door is open');
      for (const socket of [ownerSocket, helperSocket]) {
        assert.equal((await socket.next('helper:status_update')).status, 'arrived');
        await socket.next('emergency:message', ({ message }) => message.message === 'the door is open');
      }
      assert.equal((await lookerSocket.ack('emergency:join', { emergencyId, lastEventId: lastOfLooker })).ok, true);
      assert.equal((await lookerSocket.next('helper:status_update')).status, 'arrived');
      await cancel(ownerNow, emergencyId);
      for (const socket of sockets) await socket.next('emergency:ended');
      for (const socket of sockets) {
        assertIdsGrow(socket);
        const updates = heard(socket, emergencyId).filter((event) => event === 'helper:status_update');
        assert.equal(updates.length, 2, 'each once');
      }
      assert.deepEqual(lookerSocket.seen(/^emergency:message/), []);
      for (const socket of sockets) socket.close();
      await eventually(() => Promise.all(again.map((node) => node.stop())).then(() => true));
      await database.drop();
    });
  }
}

describe('a client that reconnects while the service starts', () => {
  it('is accepted as soon as the node follows the log', async () => {
    const { database, start, nodes } = await createService('sqlite', 1);
    const owner = await nodes[0].owner();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => owner.connect({ reconnection: true, reconnectionDelayMax: 50 })));
    const { id: emergencyId } = await raise(owner, nodes[0].somewhere());
    for (const socket of sockets) socket.node.sockets.delete(socket);
    await nodes[0].kill();
    const [again] = await start();
    for (const socket of sockets) {
      const ready = await socket.next('session:ready', ({ rooms }) => rooms.includes(`emergency:${emergencyId}`));
      assert.equal(ready.userId, owner.id);
    }
    await cancel(owner.at(again), emergencyId);
    for (const socket of sockets) await socket.next('emergency:ended');
    for (const socket of sockets) socket.close();
    await again.stop();
    await database.drop();
  });
});

describe('a user who does not reconnect after a restart of the whole service', () => {
  it('is reported as offline, and as online after reconnecting later', async () => {
    const { database, start, nodes } = await createService('sqlite', 1);
    const place = nodes[0].somewhere();
    const [owner, helper] = await Promise.all([nodes[0].owner(), nodes[0].helperAt(place)]);
    const about = ({ userId }) => userId === helper.id;
    await Promise.all([owner.connect(), helper.connect()]);
    const { id: emergencyId } = await raise(owner, place);
    await respond(helper, emergencyId);
    await nodes[0].kill();
    const [again] = await start();
    const [ownerNow, helperNow] = [owner, helper].map((caller) => caller.at(again));
    const socket = await ownerNow.connect();
    const offline = await socket.next('presence:update', about, 60_000);
    assert.deepEqual(offline, { userId: helper.id, online: false, lastSeenAt: null });
    const part = partOf(helper, await read(ownerNow, emergencyId));
    assert.deepEqual([part.online, part.lastSeenAt], [false, null]);
    await helperNow.connect();
    assert.equal((await socket.next('presence:update', about)).online, true);
    assert.equal(socket.seen('presence:update', ({ userId }) => userId === owner.id).length, 0);
    await cancel(ownerNow, emergencyId);
    await again.stop();
    await database.drop();
  });
});
