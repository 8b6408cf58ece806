// Devices: registering, listing and losing them, and the push key.

import assert from 'node:assert/strict';
import { createECDH, randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, VAPID_PUBLIC_KEY, createDatabase, databases, startNode } from './harness.mjs';
import { times, wrongFields } from './scene.mjs';
import { assertMatches, id, integer, ok, refused, text, time } from './shapes.mjs';

/** A subscription as a browser gives it. */
function subscription(fields = {}) {
  const keys = { p256dh: createECDH('prime256v1').generateKeys('base64url'), auth: randomBytes(16).toString('base64url') };
  return { kind: 'webpush', endpoint: `https://push.example.org/${randomUUID()}`, keys, ...fields };
}

const shape = {
  id,
  kind: 'webpush',
  name: null,
  createdAt: time,
  lastSentAt: null,
  lastDeliveredAt: null,
  state: 'active',
  keyChanged: false,
};

const register = async (caller, body) => ok(await caller.post('/devices', body), 201).device;
const list = async (caller) => ok(await caller.get('/devices')).devices;

for (const database of databases) {
  describe(`devices on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    it('are registered, listed newest first, and removed by their user only', async () => {
      const user = await app.user();
      const first = await register(user, subscription({ name: ' My phone ' }));
      assertMatches(first, { ...shape, name: 'My phone' });
      const elsewhere = await app.logIn(user);
      const second = await register(elsewhere, subscription());
      assert.deepEqual(await list(user), [second, first]);
      const stranger = await app.user();
      assert.deepEqual(await list(stranger), []);
      refused(await stranger.delete(`/devices/${first.id}`), 404, 'device_not_found');
      refused(await user.delete(`/devices/${NO_SUCH_ID}`), 404, 'device_not_found');
      refused(await user.delete('/devices/none'), 404, 'device_not_found');
      assert.deepEqual(ok(await user.delete(`/devices/${first.id}`)), { deviceId: first.id, deleted: true });
      assert.deepEqual(await list(user), [second]);
      assert.ok(!user.received.includes('push.example.org'), 'the endpoint is not shown');
    });

    it('are the same when the same browser registers again, and replaced by another one of the session', async () => {
      const user = await app.user();
      const body = subscription();
      const device = await register(user, body);
      const again = ok(await user.post('/devices', { ...body, name: 'Tablet' })).device;
      assert.deepEqual(again, { ...device, name: 'Tablet' });
      const other = await register(user, subscription());
      assert.deepEqual(await list(user), [other]);
    });

    it('move to another user only with the keys of the browser, and the former user is told', async () => {
      const [former, latter] = await Promise.all([app.user(), app.user()]);
      const body = subscription({ name: 'Shared' });
      const device = await register(former, body);
      const socket = await former.connect();
      refused(await latter.post('/devices', subscription({ endpoint: body.endpoint })), 409, 'endpoint_taken');
      assert.deepEqual(await list(former), [device]);
      await register(latter, body);
      const lost = await socket.next('device:lost');
      assertMatches(lost, { deviceId: device.id, name: 'Shared', reason: 'moved', timestamp: time, eventId: integer });
      // A phone that was away hears of it when it comes back.
      const auth = { token: former.tokens.accessToken, lastEventId: lost.eventId - 1 };
      assert.deepEqual(await (await former.connect({ auth })).next('device:lost'), lost);
      assert.deepEqual(await list(former), []);
      assert.ok(!former.received.includes(latter.id), 'nobody learns who has the browser now');
    });

    it('are ten at most: the one that is longest without a delivery gives way', async () => {
      const user = await app.user();
      const oldest = await register(user, subscription());
      for (let count = 1; count < 10; count += 1) await register(await app.logIn(user), subscription());
      const socket = await user.connect();
      await register(await app.logIn(user), subscription());
      assert.equal((await socket.next('device:lost')).reason, 'limit');
      const devices = await list(user);
      assert.deepEqual([devices.length, devices.some((device) => device.id === oldest.id)], [10, false]);
    });

    it('registered at once are no more than ten, and none is refused', async () => {
      const user = await app.user();
      const sessions = await times(12, () => app.logIn(user));
      await Promise.all(sessions.map((session) => register(session, subscription())));
      assert.equal((await list(user)).length, 10);
    });

    it('go with their session, with a new password, and with a block of the account', async () => {
      const user = await app.user();
      const [one, two, three] = await times(3, () => app.logIn(user));
      for (const session of [one, two, three]) await register(session, subscription());
      ok(await one.post('/auth/logout', { refreshToken: one.tokens.refreshToken }));
      assert.equal((await list(two)).length, 2);
      const passwords = { currentPassword: user.password, newPassword: 'another password' };
      ok(await two.put('/auth/update-password', passwords));
      assert.equal((await list(two)).length, 1);
      const admin = await app.admin();
      ok(await admin.put(`/helpers/${user.id}/block`, { blocked: true }));
      ok(await admin.put(`/helpers/${user.id}/block`, { blocked: false }));
      assert.deepEqual(await list(await app.logIn({ ...user, password: 'another password' })), []);
    });

    it('have valid subscriptions', async () => {
      const user = await app.user();
      const { keys } = subscription();
      wrongFields(await user.post('/devices', {}), 'kind', 'endpoint', 'keys');
      wrongFields(await user.post('/devices', subscription({ kind: 'fcm', keys: {}, name: 7 })), 'kind', 'keys.p256dh', 'keys.auth', 'name');
      wrongFields(await user.post('/devices', subscription({ keys: { ...keys, p256dh: `${keys.p256dh.slice(0, -4)}AAAA` } })), 'keys.p256dh');
      wrongFields(await user.post('/devices', subscription({ keys: { ...keys, auth: `${keys.auth}==` } })), 'keys.auth');
      wrongFields(await user.post('/devices', subscription({ applicationServerKey: 'short' })), 'applicationServerKey');
      for (const endpoint of ['http://push.example.org/1', 'https://127.0.0.1/', 'https://0x7f.1/', 'https://[::ffff:10.0.0.1]/', 'https://localhost/1', 'https://u@push.example.org/', `https://push.example.org/${'x'.repeat(2_048)}`]) {
        wrongFields(await user.post('/devices', subscription({ endpoint })), 'endpoint');
      }
      assert.deepEqual(await list(user), []);
    });

    it('are registered under the present push key, which everybody may read', async () => {
      assert.deepEqual(ok(await app.anonymous().get('/push/key')), { publicKey: VAPID_PUBLIC_KEY });
      const user = await app.user();
      await register(user, subscription({ applicationServerKey: VAPID_PUBLIC_KEY }));
      const other = createECDH('prime256v1').generateKeys('base64url');
      refused(await user.post('/devices', subscription({ applicationServerKey: other })), 409, 'push_key_changed');
    });
  });
}

describe('another push key', () => {
  it('makes the devices failing that were registered under the former one, and tells their users, until they register again', async () => {
    const store = await createDatabase('sqlite');
    try {
      const first = await startNode({ database: store });
      const user = await first.user();
      const body = subscription();
      const device = await register(user, body);
      const socket = await user.connect();
      const { latestEventId: lastEventId } = socket.ready;
      await first.stop();
      // The file of the key is another one: this node makes it.
      const second = await startNode({ database: store, env: { ALLYNET_VAPID_PRIVATE_KEY: '' } });
      const caller = user.at(second);
      assertMatches((await list(caller))[0], { ...shape, state: 'failing', keyChanged: true });
      const back = await caller.connect({ auth: { token: user.tokens.accessToken, lastEventId } });
      const lost = { deviceId: device.id, name: null, reason: 'key_changed', timestamp: time, eventId: integer };
      assertMatches(await back.next('device:lost'), lost);
      assertMatches(ok(await caller.post('/devices', body)).device, shape);
      assertMatches((await list(caller))[0], shape);
      await second.stop();
    } finally {
      await store.drop();
    }
  });
});

describe('without a configured push key', () => {
  it('SQLite makes one, which survives a restart', async () => {
    const store = await createDatabase('sqlite');
    const keys = [];
    try {
      for (let run = 0; run < 2; run += 1) {
        const app = await startNode({ database: store, env: { ALLYNET_VAPID_PRIVATE_KEY: '' } });
        keys.push(ok(await app.anonymous().get('/push/key')).publicKey);
        await app.stop();
      }
    } finally {
      await store.drop();
    }
    assert.match(keys[0], /^B[\w-]{86}$/);
    assert.notEqual(keys[0], VAPID_PUBLIC_KEY);
    assert.equal(keys[1], keys[0]);
  });

  it('PostgreSQL has no push', async () => {
    const app = await startNode({ database: 'postgres', env: { ALLYNET_VAPID_PRIVATE_KEY: '' } });
    try {
      refused(await app.anonymous().get('/push/key'), 501, 'push_not_configured');
      const user = await app.user();
      refused(await user.post('/devices', subscription()), 501, 'push_not_configured');
      assert.deepEqual(await list(user), []);
    } finally {
      await app.stop();
    }
  });
});
