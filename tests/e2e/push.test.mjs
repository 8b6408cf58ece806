// Pushes to helpers without a connection: when they are sent, what they say, receipts, and what a push service answers.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_SUCH_ID, createDatabase, databases, eventually, north, run, startNode } from './harness.mjs';
import { startFakeServices } from './fake-services.mjs';
import { cancel, raise, read, resolve, respond, say, tally, tell } from './scene.mjs';
import { assertMatches, atLeast, integer, ok, refused, text, time } from './shapes.mjs';

for (const database of databases) {
  describe(`pushes on ${database}`, { concurrency: true }, () => {
    let app, services;
    before(async () => {
      services = await startFakeServices();
      app = await startNode({ database, env: services.env });
    });
    after(async () => {
      await app?.stop();
      await services?.stop();
    });

    /** Registers a browser of the session, and returns it: `{ token, device, ofKind(kind) }`. */
    async function browser(caller) {
      const { token, ...subscription } = await services.subscribe();
      const { device } = ok(await caller.post('/devices', { kind: 'webpush', ...subscription }), 201);
      const received = async () => (await services.pushes()).filter((push) => push.token === token);
      return { token, device, received };
    }

    const body = (push) => JSON.parse(push.text);
    /** The first push of this kind that a phone received. An alert is pushed again after fifteen seconds without an answer. */
    const pushed = (phone, kind = 'alert') => eventually(async () => (await phone.received()).find((push) => body(push).kind === kind));
    /** How many pushes of each kind a phone received. */
    const kindsOf = async (phone) => tally((await phone.received()).map((push) => ({ status: body(push).kind })));
    const receipt = (token, state) => app.anonymous().post('/alerts/receipts', { receipt: token, state });
    const counted = (owner, emergency, wanted) =>
      eventually(async () => {
        const { alerts } = await read(owner, emergency.id);
        assertMatches(alerts, atLeast(wanted));
        return alerts;
      });

    it('tell a helper without a connection of an alert, and the owner that it was delivered and seen', async () => {
      const place = app.somewhere();
      const helper = await app.helperAt(place);
      const phone = await browser(helper);
      const owner = await app.owner();
      const socket = await owner.connect();
      const raised = Date.now();
      const emergency = await raise(owner, place, { type: 'medical' });
      const push = await pushed(phone);
      assertMatches(push.headers, atLeast({ urgency: 'high', 'content-encoding': 'aes128gcm' }));
      assert.match(push.headers.topic, /^[\w-]{22}$/);
      assert.ok(Number(push.headers.ttl) > 880 && Number(push.headers.ttl) <= 900);
      assert.equal(push.bodyBytes, 1_024);
      assert.ok(push.vapid);
      const told = body(push);
      assertMatches(told, {
        v: 1,
        kind: 'alert',
        emergencyId: emergency.id,
        eventId: integer,
        type: 'medical',
        distance: integer,
        expiresAt: time,
        receipt: text,
        web_push: 8030,
        notification: { title: text, body: text, navigate: text, tag: emergency.id, silent: false },
      });
      assert.equal(told.distance % 100, 0);
      await counted(owner, emergency, { alerted: 1, sent: 1, delivered: 0 });

      const same = { received: true };
      assert.deepEqual(ok(await receipt(told.receipt, 'delivered')), same);
      await counted(owner, emergency, { delivered: 1, acknowledged: 1, seen: 0 });
      const metrics = await app.anonymous().get('/metrics', { root: '', url: app.adminUrl });
      assert.match(metrics.text, /^allynet_alert_receipt_seconds_count\{channel="webpush"\} [1-9]/m);
      assert.deepEqual(ok(await receipt(told.receipt, 'seen')), same);
      await counted(owner, emergency, { delivered: 1, seen: 1 });
      // Used, and unknown.
      assert.deepEqual(ok(await receipt(told.receipt, 'seen')), same);
      assert.deepEqual(ok(await receipt(Buffer.alloc(32, 7).toString('base64url'), 'delivered')), same);
      refused(await receipt('short', 'delivered'), 400, 'invalid_input');
      refused(await receipt(told.receipt, 'read'), 400, 'invalid_input');
      await socket.next('emergency:alerts', ({ seen, delivered }) => seen === 1 && delivered === 1);
      const { device } = phone;
      const [listed] = ok(await helper.get('/devices')).devices.filter((of) => of.id === device.id);
      assertMatches(listed, atLeast({ lastSentAt: time, lastDeliveredAt: time, state: 'active' }));
      // The event of the same content. Its acknowledgement would count as delivered, too.
      const events = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId: told.eventId - 1 } });
      assert.equal((await events.next('emergency:nearby')).eventId, told.eventId);
      events.close();
      // The end replaces the alert on the device.
      await cancel(owner, emergency.id);
      const end = await pushed(phone, 'ended');
      assertMatches(body(end), atLeast({ notification: atLeast({ tag: emergency.id }) }));
      assert.equal(end.headers.topic, push.headers.topic);
      if (Date.now() - raised < 5_000) assert.deepEqual(await kindsOf(phone), { alert: 1, ended: 1 });
    });

    // Nothing counts pushes, so one database tells as much as two.
    if (database === 'sqlite') {
      it('tell of the 201st alert of a day as of the first', async () => {
        const place = app.somewhere();
        const phone = await browser(await app.helperAt(place));
        const owner = await app.owner();
        const alerts = async () => new Set((await phone.received()).map(body).filter(({ kind }) => kind === 'alert').map(({ emergencyId }) => emergencyId));
        for (let n = 1; n <= 201; n++) {
          const emergency = await raise(owner, place);
          if (n === 1 || n > 200) await eventually(async () => (await alerts()).has(emergency.id), 60_000);
          await cancel(owner, emergency.id);
        }
      });
    }

    it('are not sent to a device whose connection has acknowledged the alert', async () => {
      const place = app.somewhere();
      const helper = await app.helperAt(place);
      const phone = await browser(helper);
      const socket = await helper.connect();
      const owner = await app.user();
      const emergency = await raise(owner, place);
      await socket.next('emergency:nearby');
      await delay(6_500);
      assert.deepEqual(await phone.received(), []);
      await cancel(owner, emergency.id);
    });

    it('reach a helper who subscribes while the alert is open, and no browser that was logged out', async () => {
      const place = app.somewhere();
      const [late, left, one, other, owner] = await Promise.all([...[3_000, 0, 10, 20].map((metres) => app.helperAt(north(place, metres))), app.owner()]);
      const without = await browser(left);
      ok(await left.post('/auth/logout', { refreshToken: left.tokens.refreshToken }));
      const emergency = await raise(owner, place);
      const phone = await browser(late);
      const push = await pushed(phone);
      assertMatches(body(push), atLeast({ emergencyId: emergency.id, eventId: integer, distance: integer }));
      // Others are there before they can be: they hear that they need not come, over a connection or not.
      const socket = await late.connect();
      for (const helper of [one, other]) {
        await respond(helper, emergency.id);
        await tell(helper, emergency.id, 'arrived');
      }
      await respond(late, emergency.id);
      const { eventId } = await socket.next('helper:stand_down');
      const unneeded = await pushed(phone, 'stand_down');
      assertMatches(body(unneeded), atLeast({ emergencyId: emergency.id, eventId, distance: null }));
      assert.equal(unneeded.headers.topic, push.headers.topic);
      await cancel(owner, emergency.id);
      await pushed(phone, 'ended');
      assert.deepEqual(await without.received(), []);
    });

    it('are tried again after a failure, and end for a device that is gone', async () => {
      const place = app.somewhere();
      const [first, second] = [await app.helperAt(place), await app.helperAt(place)];
      const [failing, gone] = [await browser(first), await browser(second)];
      await services.answer(failing.token, { status: 500 });
      await services.answer(gone.token, { status: 410 });
      const before = await second.connect();
      const since = { eventId: before.ready.latestEventId };
      before.close();
      const owner = await app.owner();
      const emergency = await raise(owner, place);
      await eventually(async () => (await failing.received()).length >= 2);
      // Nothing that a push service answers takes a node out of service.
      const ready = await app.anonymous().get('/readyz', { root: '' });
      assert.deepEqual([ready.status, ready.body.status], [200, 'ok']);
      await services.answer(failing.token, { status: 201 });
      await counted(owner, emergency, { sent: 1, failed: 1 });
      assert.deepEqual(ok(await second.get('/devices')).devices, []);
      const auth = { token: second.tokens.accessToken, lastEventId: since.eventId };
      const lost = await (await second.connect({ auth })).next('device:lost');
      assertMatches(lost, atLeast({ deviceId: gone.device.id, reason: 'gone' }));
      await cancel(owner, emergency.id);
    });

    it('tell the owner without a connection of helpers and messages, unless the call is silent', async () => {
      for (const silentMode of [false, true]) {
        const place = app.somewhere();
        const helper = await app.helperAt(place);
        const owner = await app.user();
        const phone = await browser(owner);
        const emergency = await raise(owner, place, { silentMode });
        await respond(helper, emergency.id);
        const began = Date.now();
        await say(helper, emergency.id, 'On my way');
        await say(helper, emergency.id, 'Two minutes');
        const said = Date.now() - began;
        await tell(helper, emergency.id, 'arrived');
        await resolve(helper, emergency.id);
        if (silentMode) {
          await delay(500);
          assert.deepEqual(await phone.received(), []);
        } else {
          await eventually(async () => Object.keys(await kindsOf(phone)).length === 4);
          const kinds = await kindsOf(phone);
          // Messages within five seconds are one push.
          assert.deepEqual(kinds, { joined: 1, message: said < 5_000 ? 1 : kinds.message, arrived: 1, ended: 1 });
          const pushes = await phone.received();
          assert.ok(pushes.every((push) => !push.text.includes('minutes') && !push.text.includes(helper.id)));
        }
      }
    });

    it('test a device on request, not too often', async () => {
      const user = await app.user();
      const phone = await browser(user);
      const { device } = ok(await user.post(`/devices/${phone.device.id}/test`), 202);
      assert.equal(device.id, phone.device.id);
      // Not after the push has arrived: it may have taken as long as one has to wait.
      const again = await user.post(`/devices/${phone.device.id}/test`);
      refused(again, 429, 'rate_limited');
      assertMatches(body(await pushed(phone, 'test')), atLeast({ emergencyId: null, eventId: null, type: null, distance: null }));
      refused(await (await app.user()).post(`/devices/${phone.device.id}/test`), 404, 'device_not_found');
    });

    it('are confirmed over the connection, too', async () => {
      const place = app.somewhere();
      const helper = await app.helperAt(place);
      const socket = await helper.connect();
      const owner = await app.user();
      const emergency = await raise(owner, place);
      await socket.next('emergency:nearby');
      assert.deepEqual(await socket.ack('alert:seen', { emergencyId: emergency.id }), { ok: true });
      await counted(owner, emergency, { delivered: 1, seen: 1 });
      assert.deepEqual(await socket.ack('alert:seen', { emergencyId: NO_SUCH_ID }), { ok: true });
      assertMatches(await socket.ack('alert:seen', {}), atLeast({ ok: false, error: atLeast({ code: 'invalid_payload' }) }));
      await cancel(owner, emergency.id);
    });
  });
}

describe('pushes of two nodes', { concurrency: true }, () => {
  it('are sent once, by the other node if the one that stored them has died', async () => {
    const services = await startFakeServices();
    const database = await createDatabase('postgres');
    const nodes = [];
    const start = async (env) => {
      nodes.push(await startNode({ database, env }));
      return nodes.at(-1);
    };
    try {
      // The first has no push key, so it stores messages and sends none.
      const first = await start({ ALLYNET_VAPID_PRIVATE_KEY: '' });
      const second = await start(services.env);
      const place = first.somewhere();
      const helper = await first.helperAt(place);
      const { token, ...subscription } = await services.subscribe();
      ok(await helper.at(second).post('/devices', { kind: 'webpush', ...subscription }), 201);
      const owner = await first.owner();
      const emergency = await raise(owner, place);
      await first.kill();
      const [push] = await services.waitForPushes(1);
      assertMatches(JSON.parse(push.text), atLeast({ kind: 'alert', emergencyId: emergency.id }));
      await delay(1_500);
      assert.equal((await services.pushes()).length, 1);
    } finally {
      await Promise.all(nodes.map((node) => node.kill()));
      await database.drop();
      await services.stop();
    }
  });

  it('are sent again after the lease, as the same, if a node dies before it has noted the answer', async () => {
    const services = await startFakeServices();
    const database = await createDatabase('postgres');
    const nodes = [];
    const start = async (env) => {
      nodes.push(await startNode({ database, env }));
      return nodes.at(-1);
    };
    try {
      const first = await start(services.env);
      const place = first.somewhere();
      const helper = await first.helperAt(place);
      const { token, ...subscription } = await services.subscribe();
      ok(await helper.post('/devices', { kind: 'webpush', ...subscription }), 201);
      await services.answer(token, { status: 201, delay: 600_000 });
      const emergency = await raise(await first.owner(), place);
      await services.waitForPushes(1);
      await first.kill();
      await services.answer(token, { status: 201 });
      const second = await start(services.env);
      const [one, two] = await services.waitForPushes(2);
      const read = (push) => [JSON.parse(push.text).eventId, JSON.parse(push.text).emergencyId, push.headers.topic];
      assert.deepEqual(read(two), read(one));
      assert.equal(read(one)[1], emergency.id);
    } finally {
      await Promise.all(nodes.map((node) => node.kill()));
      await database.drop();
      await services.stop();
    }
  });
});

for (const database of databases) {
  describe(`a push service that does not answer, on ${database}`, () => {
    let services, app;
    before(async () => {
      services = await startFakeServices();
      // The same service under another name is another one to the node.
      const hosts = `${services.env.ALLYNET_PUSH_ALLOW},${services.env.ALLYNET_PUSH_ALLOW.replace('localhost', '127.0.0.1')}`;
      app = await startNode({ database, env: { ...services.env, ALLYNET_PUSH_ALLOW: hosts } });
    });
    after(async () => {
      // To stop would wait for the answers.
      await app?.kill();
      await services?.stop();
    });

    it('holds back no call for help, and no push of another service', async () => {
      const register = async (session, endpointOf = (endpoint) => endpoint) => {
        const { token, endpoint, keys } = await services.subscribe();
        ok(await session.post('/devices', { kind: 'webpush', endpoint: endpointOf(endpoint), keys }), 201);
        return token;
      };
      const received = async (tokens) => (await services.pushes()).filter(({ token }) => tokens.includes(token));

      // 64 pushes: eight that are never answered, and those that wait for these.
      const there = app.somewhere();
      const helpers = await Promise.all(Array.from({ length: 8 }, () => app.helperAt(there)));
      const sessions = await Promise.all(helpers.flatMap((helper) => Array.from({ length: 8 }, () => app.logIn(helper))));
      const silent = await Promise.all(sessions.map((session) => register(session)));
      await Promise.all(silent.map((token) => services.answer(token, { status: 201, delay: 600_000 })));
      const here = app.somewhere();
      const [connected, pocket, first, owner] = await Promise.all([app.helperAt(here), app.helperAt(here), app.owner(), app.owner()]);
      const phone = await register(pocket, (endpoint) => endpoint.replace('localhost', '127.0.0.1'));
      const socket = await connected.connect();
      const began = Date.now();
      await raise(first, there);
      await eventually(async () => (await received(silent)).length >= 8);
      const { id } = await raise(owner, here);
      assert.equal((await socket.next('emergency:nearby')).emergency.id, id);
      await respond(connected, id);
      await eventually(async () => (await received([phone])).length === 1);
      // It did not wait for the end of another request, which takes five seconds, and after which the next one of that service is sent.
      const before = (await received([...silent, phone])).findIndex(({ token }) => token === phone);
      assert.ok(before === 8 || Date.now() - began > 5_000, `${before} pushes came before`);
      await cancel(owner, id);
    });
  });
}

describe('pushes that wait in a database that is restored', () => {
  it('are dropped by `allynet after-restore`', async () => {
    const services = await startFakeServices();
    const database = await createDatabase('sqlite');
    let node;
    try {
      node = await startNode({ database, env: services.env });
      const place = node.somewhere();
      const [helper, owner] = await Promise.all([node.helperAt(place), node.owner()]);
      const { token, ...subscription } = await services.subscribe();
      ok(await helper.post('/devices', { kind: 'webpush', ...subscription }), 201);
      await services.answer(token, { status: 500 });
      const stale = await raise(owner, place);
      await services.waitForPushes(1);
      await node.stop();
      const { code, stderr } = await run({ args: ['after-restore'], env: { DATABASE_URL: database.url } });
      assert.equal(code, 0, stderr);
      await services.answer(token, { status: 201 });
      await services.forgetPushes();
      node = await startNode({ database, env: services.env });
      const next = await raise(await node.owner(), place);
      const received = async (kind) => (await services.pushes()).map(({ text }) => JSON.parse(text)).filter((push) => push.kind === kind);
      await eventually(async () => (await received('alert')).length > 0);
      // What was due at the start would have been sent before the end.
      await cancel(owner.at(node), stale.id);
      await eventually(async () => (await received('ended')).length > 0);
      // After fifteen seconds without an answer it is pushed again.
      assert.deepEqual([...new Set((await received('alert')).map(({ emergencyId }) => emergencyId))], [next.id]);
    } finally {
      await node?.stop();
      await database.drop();
      await services.stop();
    }
  });
});
