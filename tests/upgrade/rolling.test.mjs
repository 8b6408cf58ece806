// An upgrade without a stop: a node of the version before goes on while one of this version migrates their database.
// `make upgrade-test` builds that node.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase, createRedis, startNode } from '../e2e/harness.mjs';
import { cancel, messagesOf, of, raise, read, resolve, respond, say, stand, tell } from '../e2e/scene.mjs';

const BEFORE = process.env.ALLYNET_BEFORE;
assert.ok(BEFORE, 'ALLYNET_BEFORE is not set: run `make upgrade-test`');

describe('a node of the version before', () => {
  it('serves its clients while a node of this version migrates the database, and afterwards', async () => {
    const [database, redis] = [await createDatabase('postgres'), await createRedis()];
    redis.start();
    const env = { REDIS_URL: redis.url };
    const before = await startNode({ database, env, binary: BEFORE });
    const place = before.somewhere();
    const [owner, helper, other] = [await before.owner(), await before.helperAt(place), await before.helperAt(place)];
    const [ownerSocket, helperSocket] = [await owner.connect(), await helper.connect()];
    const { id: started } = await raise(owner, place);
    await helperSocket.next('emergency:created', of(started));

    // The emergency goes on at the old node during the migration.
    let migrating = true;
    const talking = (async () => {
      while (migrating) await say(owner, started, 'is anybody there?');
    })();
    const present = await startNode({ database, env });
    migrating = false;
    await talking;
    await respond(helper, started);
    await ownerSocket.next('helper:joined', of(started));

    // What one of them does, the clients of the other are told; each reads what the other wrote.
    const [ownerThere, helperThere, otherThere] = [owner, helper, other].map((caller) => caller.at(present));
    const otherSocket = await otherThere.connect();
    await tell(helperThere, started, 'arrived');
    await ownerSocket.next('helper:status_update', of(started));
    await say(helperThere, started, 'I am here');
    assert.equal((await messagesOf(owner, started)).at(-1).message, 'I am here');
    await resolve(ownerThere, started);
    await ownerSocket.next('emergency:resolved', of(started));
    assert.equal((await read(owner, started)).status, 'resolved');

    // New emergencies from either, accounts of both, and positions by either.
    for (const [here, there] of [[before, present], [present, before]]) {
      const at = here.somewhere();
      const [caller, comer] = [await here.owner(), await there.helperAt(at)];
      await stand(comer.at(here), at);
      const socket = await comer.connect();
      const { id } = await raise(caller, at);
      await socket.next('emergency:created', of(id));
      await respond(comer, id);
      assert.equal((await read(caller, id)).status, 'responding');
      await cancel(caller.at(there), id);
      await socket.next('emergency:cancelled', of(id));
    }
    assert.deepEqual(otherSocket.seen('session:resync'), []);

    // `stop` fails if the log has faults of its own.
    await before.stop();
    await assert.rejects(startNode({ database, env, binary: BEFORE }), /migration/, 'the old version cannot be started any more');
    await present.stop();
    await redis.stop();
    await database.drop();
  });
});
