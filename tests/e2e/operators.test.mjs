// What operators do besides running the service: they restore backups, and appoint administrators.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createDatabase, createRedis, databases, run, settled, startNode } from './harness.mjs';
import { cancel, of, raise, respond, say } from './scene.mjs';
import { ok } from './shapes.mjs';

/** Longer than the high-water mark lags behind the newest event. */
const HIGH_WATER_LAG = 3_000;
/** How far the numbers of events move when a database was restored. */
const SKIPPED = 2 ** 32;

const latest = (socket) => Math.max(...socket.items.map(({ payload }) => payload?.eventId ?? 0), socket.ready.latestEventId);
const comeBack = (caller, lastEventId) => caller.connect({ auth: { token: caller.tokens.accessToken, lastEventId } });

/** A service with an emergency in its backup, and one that was raised and heard of later; then it is restored. */
async function restoredService(kind, env = {}) {
  const database = await createDatabase(kind);
  const start = () => startNode({ database, env });
  const first = await start();
  const place = first.somewhere();
  const [owner, helper] = [await first.owner(), await first.helperAt(place)];
  const heard = await helper.connect();
  const { id: emergencyId } = await raise(owner, place);
  await heard.next('emergency:created', of(emergencyId));
  await settled(heard);
  const kept = latest(heard);
  await respond(helper, emergencyId);
  await first.stop();
  await database.backUp();

  const second = await start();
  const stayed = await helper.at(second).connect();
  await say(owner.at(second), emergencyId, 'this will be lost');
  await stayed.next('emergency:message');
  const lost = latest(stayed);
  await pause(HIGH_WATER_LAG);
  await second.stop();
  await database.restore();
  return { database, start, owner, helper, emergencyId, kept, lost };
}

/** Asserts what clients of a restored service are told. */
async function assertNumbersMoved({ owner, helper, emergencyId, kept, lost }, node) {
  const [ownerNow, helperNow] = [owner.at(node), helper.at(node)];
  const isTold = async () => {
    const confused = await comeBack(helperNow, lost);
    assert.equal((await confused.next('session:resync')).reason, 'unknown_event');
    const joined = await confused.ack('emergency:join', { emergencyId, lastEventId: lost });
    assert.equal(joined.ok, true);
    assert.equal((await confused.next('session:resync')).reason, 'unknown_event');
  };
  await isTold();
  // From before the backup: everything that is in it is replayed, and nothing else is known to be missing.
  const resumed = await comeBack(helperNow, kept);
  await resumed.next('helper:joined');
  await say(ownerNow, emergencyId, 'after the restore');
  const { eventId } = await resumed.next('emergency:message');
  assert.ok(eventId > lost + SKIPPED - 1000 && Number.isSafeInteger(eventId), `${lost} and then ${eventId}`);
  assert.deepEqual(resumed.seen('session:resync'), []);
  // Now there is a newer event than the lost one, and it is still no resume.
  await isTold();
  const again = await comeBack(helperNow, kept);
  assert.equal((await again.next('emergency:message')).message.message, 'after the restore');
  assert.deepEqual(again.seen('session:resync'), []);
}

for (const kind of databases) {
  describe(`a restored database on ${kind}`, () => {
    const redis = kind === 'postgres' && createRedis();
    before(async () => redis && (await redis).start());
    after(async () => redis && (await redis).stop());
    const environment = async () => (redis ? { REDIS_URL: (await redis).url } : {});

    it('is noticed at the start by its high-water mark', async () => {
      const service = await restoredService(kind, await environment());
      const node = await service.start();
      assert.match(node.logs, /WARN.*high-water/);
      await assertNumbersMoved(service, node);
      await pause(HIGH_WATER_LAG);
      await node.stop();
      const next = await service.start();
      assert.doesNotMatch(next.logs, /high-water/);
      await next.stop();
      await service.database.drop();
    });
  });
}

describe('allynet after-restore', () => {
  it('moves the numbers of events where nothing else tells of the restore', async () => {
    const service = await restoredService('postgres');
    const { code, stderr, stdout } = await run({ args: ['after-restore'], env: { DATABASE_URL: service.database.url } });
    assert.equal(code, 0, stdout + stderr);
    const node = await service.start();
    assert.doesNotMatch(node.logs, /high-water/);
    await assertNumbersMoved(service, node);
    await node.stop();
    await service.database.drop();
  });
});

for (const kind of databases) {
  describe(`allynet admin on ${kind}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database: kind });
    });
    after(() => app.stop());
    const admin = async (...args) => {
      const { DATABASE_URL, ALLYNET_JWT_SECRET } = app.env;
      return run({ args: ['admin', ...args], env: { DATABASE_URL, ALLYNET_JWT_SECRET, RUST_LOG: 'warn' } });
    };
    const isAdmin = async (caller) => (await caller.get('/admin/emergencies')).status === 200;

    it('appoints, lists and dismisses', async () => {
      const [user, other] = [await app.user(), await app.user()];
      assert.equal(await isAdmin(user), false);
      const granted = await admin('grant', user.email.toUpperCase());
      assert.deepEqual([granted.code, granted.stdout], [0, `${user.email} is an administrator from now on\n`]);
      // A node keeps what it knows of a caller for a second.
      await pause(1_100);
      assert.equal(await isAdmin(user), true);
      const listed = (await admin('list')).stdout.trim().split('\n');
      assert.deepEqual(listed, [(await app.admin()).email, user.email]);
      assert.ok(!listed.includes(other.email));

      // Closing the database while its background tasks run is no fault.
      for (let round = 0; round < 10; round += 1) {
        assert.equal((await admin('list')).stderr, '');
      }

      const socket = await user.connect();
      assert.equal((await admin('revoke', user.email)).code, 0);
      await socket.next('disconnect');
      const again = await app.logIn(user);
      assert.equal(await isAdmin(again), false);
    });

    it('names an email without an account', async () => {
      for (const command of ['grant', 'revoke']) {
        const { code, stderr } = await admin(command, 'nobody@people.example');
        assert.equal(code, 1);
        assert.match(stderr, /no account has the email nobody@people\.example/);
      }
    });
  });
}

for (const kind of databases) {
  describe(`allynet export on ${kind}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database: kind });
    });
    after(() => app.stop());
    const exported = (email) => {
      const { DATABASE_URL, ALLYNET_JWT_SECRET, ALLYNET_VAPID_PRIVATE_KEY } = app.env;
      return run({ args: ['export', email], env: { DATABASE_URL, ALLYNET_JWT_SECRET, ALLYNET_VAPID_PRIVATE_KEY, RUST_LOG: 'warn' } });
    };

    it('prints what the user was shown by the service, also once the account is blocked', async () => {
      const place = app.somewhere();
      const [admin, owner, user] = [await app.admin(), await app.owner(), await app.helperAt(place)];
      ok(await user.post('/auth/emergency-contacts', { name: 'Mum', email: 'mum@home.example' }), 201);
      const { id: own } = await raise(user, place, { description: 'my own' });
      await cancel(user, own);
      const { id: other } = await raise(owner, place, { anonymousMode: true });
      await respond(user, other);
      await say(user, other, 'I am coming');
      await cancel(owner, other);
      const shown = ok(await user.get('/auth/me/export'));
      assert.deepEqual(shown.messages.map(({ message }) => message), ['I am coming']);

      ok(await admin.put(`/helpers/${user.id}/block`, { blocked: true }));
      assert.equal((await user.get('/auth/me/export')).status, 403);
      const { code, stdout, stderr } = await exported(user.email.toUpperCase());
      assert.deepEqual([code, stderr], [0, '']);
      const printed = JSON.parse(stdout);
      // No session asks for it, and the account says that it is blocked.
      const { sessions, account, ...rest } = shown;
      const { sessions: printedSessions, account: blocked, ...printedRest } = printed;
      assert.deepEqual(printedSessions, sessions.map((session) => ({ ...session, current: false })));
      assert.deepEqual(printedRest, rest);
      assert.deepEqual([blocked.id, blocked.email, blocked.profile], [account.id, account.email, account.profile]);
      for (const secret of [owner.id, owner.email]) assert.ok(!stdout.includes(secret), secret);
    });

    it('names an email without an account, and prints nothing', async () => {
      const { code, stdout, stderr } = await exported('nobody@people.example');
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /no account has the email nobody@people\.example/);
      const wrong = await exported('nobody');
      assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
    });
  });
}

describe('ALLYNET_ADMIN_EMAIL of an existing account', () => {
  it('makes it an administrator if the password is right, and warns otherwise', async () => {
    const database = await createDatabase('sqlite');
    const first = await startNode({ database });
    const { email, password } = await first.user();
    await first.stop();
    const start = (ALLYNET_ADMIN_PASSWORD) => startNode({ database, env: { ALLYNET_ADMIN_EMAIL: email, ALLYNET_ADMIN_PASSWORD } });
    for (const [given, status, warns] of [['another password', 403, true], [password, 200, false], ['another password', 200, false]]) {
      const node = await start(given);
      assert.equal(/WARN.*ALLYNET_ADMIN_EMAIL/.test(node.logs), warns);
      assert.equal((await (await node.logIn({ email, password })).get('/admin/emergencies')).status, status);
      await node.stop();
    }
    await database.drop();
  });
});
