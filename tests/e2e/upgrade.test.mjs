// Upgrades: databases of earlier versions, opened by the present one. tests/upgrade holds them.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { createDatabase, databases, eventually, startNode } from './harness.mjs';
import { cancel, messagesOf, of, partOf, read, resolve, respond, say, stand, tell } from './scene.mjs';
import { ok } from './shapes.mjs';

const PASSWORD = 'a password of the upgrade test';
const VERSIONS = { '0001': 'the first schema', '0034': 'the last schema before 0.2.0' };
const ENDING = { sqlite: 'sqlite.gz', postgres: 'sql.gz' };

/** A database as a node of an earlier version left it. */
async function restored(version, kind) {
  const content = gunzipSync(await readFile(new URL(`../upgrade/${version}.${ENDING[kind]}`, import.meta.url)));
  const database = await createDatabase(kind);
  if (kind === 'sqlite') await writeFile(fileURLToPath(database.url.replace('sqlite:', 'file:')), content, { mode: 0o600 });
  else await database.query(content.toString());
  return database;
}

/** Starts the present version. The live emergencies are as old as the dump, and whoever is asked whether they come has time to answer. */
const start = (database) => {
  const admin = { ALLYNET_ADMIN_EMAIL: 'admin@allynet.example', ALLYNET_ADMIN_PASSWORD: PASSWORD };
  return startNode({ database, env: { ...admin, ALLYNET_EMERGENCY_TTL: '36500d', ALLYNET_RETENTION: '36500d', ALLYNET_STALL_ANSWER: '1h' } });
};

for (const [version, what] of Object.entries(VERSIONS)) {
  for (const kind of databases) {
    describe(`${what} on ${kind}`, () => {
      it('is read completely by this version, and its emergencies go on', async () => {
        const database = await restored(version, kind);
        const app = await start(database);
        const person = (name) => app.logIn({ email: `${name}@people.example`, password: PASSWORD });
        const [hanna, henry, ...owners] = await Promise.all(['hanna', 'henry', 'resolved', 'cancelled', 'responding', 'active'].map(person));
        const admin = await app.logIn({ email: 'admin@allynet.example', password: PASSWORD });

        // Every emergency has the state that it had, for its owner and for an administrator.
        const ids = [];
        for (const [index, status] of ['resolved', 'cancelled', 'responding', 'active'].entries()) {
          const { emergencies } = ok(await owners[index].get('/emergencies/history'));
          assert.deepEqual(emergencies.map((emergency) => emergency.status), [status]);
          ids.push(emergencies[0].id);
          assert.equal((await read(admin, ids[index])).status, status);
          const { events } = ok(await admin.get(`/emergencies/${ids[index]}/timeline`));
          assert.equal(events[0].event, 'emergency:created');
        }
        const [resolved, , responding, active] = ids;
        for (const [caller, id, text] of [[owners[0], resolved, 'I am at the door'], [hanna, responding, 'Please hurry']]) {
          // Later versions begin with a message of the service.
          assert.equal((await messagesOf(caller, id)).at(-1).message, text);
        }
        assert.equal(ok(await hanna.get('/emergencies/helper-active')).emergency.id, responding);
        assert.equal((await read(owners[2], responding)).severity, 9);
        // Who accepted at a version that asks nobody is asked, and has a task.
        const isAsked = ({ event }) => event === 'response:check';
        await eventually(async () => ok(await admin.get(`/emergencies/${responding}/timeline`)).events.some(isAsked));
        assert.equal(partOf(hanna, await read(hanna, responding)).role, 'patient');
        const contacts = ok(await owners[3].get('/auth/emergency-contacts'));
        assert.equal((contacts.contacts ?? contacts)[0].email, 'mum@home.example');
        ok(await owners[0].get('/auth/me/export'));

        // Both live ones go on to their ends, and what happens reaches sockets.
        const sockets = await Promise.all([owners[2], owners[3], henry].map((caller) => caller.connect()));
        await stand(henry, { latitude: 10, longitude: 20.002 });
        await respond(henry, active, {});
        await sockets[1].next('helper:joined', of(active));
        await tell(henry, active, 'arrived');
        await say(henry, active, 'I am here');
        await sockets[1].next('emergency:message', of(active));
        await resolve(owners[3], active);
        await sockets[2].next('emergency:resolved', of(active));
        await tell(hanna, responding, 'arrived');
        await cancel(owners[2], responding);
        await sockets[0].next('emergency:cancelled', of(responding));
        await app.stop();
        // What this version wrote it reads again.
        const again = await start(database);
        assert.equal((await read(owners[3].at(again), active)).status, 'resolved');
        await again.stop();
        await database.drop();
      });
    });
  }
}
