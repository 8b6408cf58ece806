// Rate limits: what is refused, when it is allowed again, by which key it is counted, and what is never refused. Independent
// of the database.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually, north, settled, startNode } from './harness.mjs';
import { gather, of, raise, read, resolve, respond, say, tally, tell, times } from './scene.mjs';
import { assertMatches, integer, ok, refused } from './shapes.mjs';

/** By how much longer than a request of a bystander may take what is never limited, while the machine is busy with a flood. */
const AT_ONCE = 3_000;

describe('limits', () => {
  let app;
  let hosts = 0;
  before(async () => {
    app = await startNode({ env: { ALLYNET_RATE_LIMITS: 'on', ALLYNET_TRUSTED_PROXIES: '127.0.0.1' } });
    // The tests are a trusted proxy, so that every caller has an address of its own.
    app.nextHeaders = () => ({ 'x-forwarded-for': `198.51.100.${(hosts += 1)}` });
  });
  after(() => app?.stop());

  const isRefused = ({ ok }) => !ok;
  /** Does something that is never limited, and asserts that it takes no longer than what somebody else asks at the same time. */
  async function atOnce(bystander, doing) {
    const asking = timed(async () => ok(await bystander.get('/auth/me')));
    const [{ outcome, took }, asked] = [await timed(doing), await asking];
    assert.ok(took < asked.took + AT_ONCE, `${doing} took ${took} ms, and a request of somebody else ${asked.took} ms`);
    return outcome;
  }
  /** The answer and its duration. */
  const timed = async (doing) => {
    const begun = performance.now();
    const outcome = await doing();
    return { outcome, took: performance.now() - begun };
  };

  describe('over REST', () => {
    it('a user who writes too much gets Retry-After, and others are not affected', async () => {
      const [flooder, other] = await Promise.all([app.user(), app.user()]);
      const answers = await times(200, (index) => flooder.put('/auth/me', { bio: `${index}` }));
      const counts = tally(answers);
      assert.ok(counts[200] >= 120 && counts[429] > 20, JSON.stringify(counts));
      assert.deepEqual(Object.keys(counts), ['200', '429']);
      for (const answer of answers.filter(({ status }) => status === 429)) {
        const { details } = refused(answer, 429, 'rate_limited');
        assert.equal(details, null);
        assert.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
      }
      ok(await other.put('/auth/me', { bio: 'unhurried' }));
      ok(await flooder.get('/auth/me'), 200);

      let last;
      do last = await flooder.put('/auth/me', { bio: 'again' });
      while (last.status === 200);
      await pause(1_000 * Number(last.headers.get('retry-after')));
      ok(await flooder.put('/auth/me', { bio: 'patient' }));
    });

    it('nothing that an emergency depends on is refused or late while its participants flood', async () => {
      const [{ place, owner, helpers, sockets }, bystander] = [await gather(app), await app.user()];
      let flooding = true;
      const received = new Set();
      const flood = async (caller) => {
        while (flooding) received.add((await caller.put('/auth/me', { bio: 'x' })).status);
      };
      const floods = [owner, helpers[0]].flatMap((caller) => Array.from({ length: 10 }, () => flood(caller)));
      try {
        await eventually(() => received.has(429), 30_000);
        const at = (doing) => atOnce(bystander, doing);
        for (let round = 0; round < 5; round += 1) {
          const { id } = await at(() => raise(owner, place));
          await at(() => sockets[0].next('emergency:nearby', of(id)));
          await at(async () => ok(await helpers[0].get('/emergencies/pending-for-helper')));
          await at(() => respond(helpers[0], id));
          await at(() => read(helpers[0], id));
          await at(() => tell(helpers[0], id, 'on_way'));
          await at(() => resolve(owner, id));
        }
      } finally {
        flooding = false;
        await Promise.all(floods);
      }
      assert.deepEqual([...received].sort(), [200, 429]);
    });

    it('an owner who raises and cancels repeatedly is never refused', async () => {
      const owner = await app.owner();
      for (let round = 0; round < 150; round += 1) {
        const { id } = await raise(owner, app.somewhere());
        ok(await owner.post(`/emergencies/${id}/cancel`, { reason: 'false_alarm' }));
      }
    });

    it('messages are limited', async () => {
      const owner = await app.owner();
      const { id } = await raise(owner, app.somewhere());
      const answers = await times(150, () => owner.post(`/emergencies/${id}/messages`, { message: 'x' }));
      assert.deepEqual(Object.keys(tally(answers)), ['201', '429']);
      ok(await owner.get(`/emergencies/${id}/messages`));
    });

    it('passwords of one account can be tried a few times only from one address, which locks out neither its owner nor others', async () => {
      const [victim, bystander] = await Promise.all([app.user(), app.user()]);
      const attempt = (from, email, password = 'wrong password') =>
        app.anonymous().post('/auth/login', { email, password }, { headers: { 'x-forwarded-for': from } });
      const answers = [];
      for (let round = 0; round < 12; round += 1) answers.push(await attempt('203.0.113.77', victim.email.toUpperCase()));
      assert.deepEqual(tally(answers), { 401: 10, 429: 2 });
      // Not even the right one.
      const refusal = await attempt('203.0.113.77', victim.email, victim.password);
      refused(refusal, 429, 'rate_limited');
      assert.ok(Number(refusal.headers.get('retry-after')) > 0);
      ok(await attempt('203.0.113.77', bystander.email, bystander.password));
      ok(await app.anonymous().post('/auth/login', { email: victim.email, password: victim.password }));
      ok(await victim.get('/auth/me'), 200);
    });

    it('passwords of one account can be tried a hundred times from all addresses together, and always from where its owner logged in', async () => {
      const victim = await app.user();
      const attempt = (from, password = 'wrong password') =>
        app.anonymous().post('/auth/login', { email: victim.email, password }, { headers: { 'x-forwarded-for': from } });
      ok(await attempt('203.0.113.80', victim.password));
      for (let address = 100; address < 110; address += 1) {
        assert.deepEqual(tally(await times(10, () => attempt(`203.0.113.${address}`))), { 401: 10 });
      }
      refused(await attempt('203.0.113.120', victim.password), 429, 'rate_limited');
      ok(await attempt('203.0.113.80', victim.password));
    });

    it('registrations from one address are limited', async () => {
      const caller = app.anonymous();
      const tell = (forwarded) => caller.post('/auth/register', {}, { headers: { 'x-forwarded-for': forwarded } });
      const answers = await times(80, () => tell('203.0.113.7'));
      assert.deepEqual(Object.keys(tally(answers)), ['400', '429']);
      refused(await tell('203.0.113.7'), 429, 'rate_limited');
      refused(await tell('203.0.113.8'), 400, 'invalid_input');
      refused(await tell('203.0.113.8, 203.0.113.7'), 429, 'rate_limited');
      refused(await tell('made up, 203.0.113.7'), 429, 'rate_limited');
      refused(await tell('203.0.113.7, 203.0.113.9'), 400, 'invalid_input');
    });
  });

  describe('of connections', () => {
    it('the eleventh of a user replaces the oldest, which gets an error and does not reconnect', async () => {
      const user = await app.user();
      const sockets = [];
      for (let index = 0; index < 10; index += 1) sockets.push(await user.connect({ reconnection: true }));
      const newest = await user.connect();
      assertMatches(await sockets[0].next('error'), {
        code: 'rate_limited',
        message: 'Too many connections; the oldest is closed',
        event: null,
        retryAfterMs: null,
      });
      assert.equal(await sockets[0].next('disconnect'), 'io server disconnect');
      await Promise.all([...sockets.slice(1), newest].map((socket) => socket.roundTrip()));
      assert.ok(sockets.slice(1).every((socket) => socket.raw.connected), 'the others stay');
      assert.equal(sockets[0].raw.connected, false);
    });

    it('X-Forwarded-For from an untrusted peer is ignored', async () => {
      const env = { ALLYNET_RATE_LIMITS: 'on', ALLYNET_CONNECTIONS_PER_ADDRESS: '1', ALLYNET_TRUSTED_PROXIES: '192.0.2.1' };
      const node = await startNode({ env });
      try {
        node.nextHeaders = () => ({ 'x-forwarded-for': `198.51.100.${(hosts += 1)}` });
        await node.anonymous().dial({ namespace: '/' }).next('connect');
        const second = node.anonymous().dial({ namespace: '/' });
        await second.next('transport:close');
        assert.deepEqual(second.seen(/^connect/), []);
        const answers = await times(80, () => node.anonymous().post('/auth/register', {}));
        assert.deepEqual(Object.keys(tally(answers)), ['400', '429']);
        assert.match(node.logs, /ALLYNET_TRUSTED_PROXIES/);
      } finally {
        await node.stop();
      }
    });
  });

  describe('of events', () => {
    it('a socket that floods gets errors, is then closed, and others are not affected', async () => {
      const { place, owner, ownerSocket, helpers, sockets } = await gather(app);
      const { id } = await raise(owner, place);
      await respond(helpers[0], id);
      await ownerSocket.next('helper:joined', of(id));
      const flooder = await (await app.user()).connect();
      // Before it is closed: refusals say when to retry, and a retry then succeeds.
      const acks = await times(100, () => flooder.ack('emergency:leave', { emergencyId: id }));
      const refusals = acks.filter(isRefused);
      assert.ok(refusals.length > 0 && refusals.length < acks.length);
      for (const { error } of refusals) {
        assertMatches(error, { code: 'rate_limited', message: 'Too many events at once', retryAfterMs: integer });
        assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 100, `${error.retryAfterMs} ms`);
      }
      const event = { ...refusals[0].error, event: 'emergency:leave', retryAfterMs: integer };
      assertMatches(await flooder.next('error'), event);
      await pause(refusals.at(-1).error.retryAfterMs);
      assert.equal((await flooder.ack('emergency:leave', { emergencyId: id })).ok, true);

      const bystander = await app.user();
      for (let round = 0; round < 1_000; round += 1) flooder.emit('emergency:dance', {});
      await atOnce(bystander, async () => {
        const { id: said } = await say(owner, id, 'Here');
        await sockets[0].next('emergency:message', ({ message }) => message.id === said);
      });
      await flooder.next('error', (error) => error.event === null && error.code === 'rate_limited');
      await flooder.next('disconnect');
      assert.ok(flooder.seen('error').length < 300, 'what is refused is not answered for ever');
      await settled(ownerSocket, ...sockets);
      assert.ok([ownerSocket, ...sockets].every((socket) => socket.raw.connected));
    });

    it('all sockets of a user are also counted together', async () => {
      const user = await app.user();
      const sockets = await times(10, () => user.connect());
      // On each socket no more than its own burst.
      const { outcome: acks, took } = await timed(() =>
        Promise.all(sockets.flatMap((socket) => Array.from({ length: 59 }, () => socket.ack('emergency:leave', { emergencyId: 'current' })))),
      );
      const refused = acks.filter(({ error }) => error.code === 'rate_limited').length;
      const allowed = 300 + took / 33 + 1;
      assert.ok(refused > 0 && refused >= acks.length - allowed, `${refused} of ${acks.length} in ${took} ms`);
    });

    it('joining is never refused to a participant', async () => {
      const { place, owner, ownerSocket } = await gather(app, 0);
      const { id } = await raise(owner, place);
      await settled(ownerSocket);
      const leaving = times(70, () => ownerSocket.ack('emergency:leave', { emergencyId: 'none' }));
      const joining = times(500, (index) => ownerSocket.ack('emergency:join', { emergencyId: index % 2 ? id : 'current' }));
      assert.ok((await leaving).some((ack) => ack.error.code === 'rate_limited'));
      assert.ok(!(await joining).some(isRefused));
    });

    it('of too frequent positions the newest is stored, and all are confirmed', async () => {
      const { owner, helpers, sockets } = await gather(app);
      const place = app.somewhere();
      const at = (index) => north(place, index === 119 ? 100 : 3_000 + index);
      for (const round of [1, 2]) {
        const { outcome, took } = await timed(() =>
          times(120, (index) => sockets[0].ack('location:update', at(index))),
        );
        assert.ok(!outcome.some(isRefused), `round ${round}`);
        assert.ok(outcome.every(({ latitude }, index) => latitude === at(index).latitude));
        assert.ok(took < 12_000, `stored one by one they would take 24 s: ${took} ms`);
      }
      const { id } = await raise(owner, place);
      const { distance } = await sockets[0].next('emergency:nearby', of(id));
      assert.ok(Math.abs(distance - 100) < 3, `the newest position is stored, and not one ${distance} m away`);
      ok(await helpers[0].get('/emergencies/pending-for-helper'));

      const flooder = await helpers[0].connect();
      const codes = [];
      // Tokens come back over time, so a busy machine may need some more events until one is refused.
      for (let sent = 0; sent < 4_000 && codes.length === 0; sent += 50) {
        const flood = await times(sent === 0 ? 10_050 : 50, () => flooder.ack('location:update', place));
        codes.push(...flood.filter(isRefused).map(({ error }) => error.code));
      }
      assert.ok(codes.length > 0 && codes.every((code) => code === 'rate_limited'), 'there is an end to it');
    });

    it('the rooms of a looker-on are limited, and leaving one makes room for another', async () => {
      const helper = await app.helperAt(app.somewhere());
      const socket = await helper.connect();
      const ids = [];
      for (let index = 0; index < 52; index += 1) {
        ids.push((await raise(await app.owner(), app.somewhere())).id);
      }
      const join = (emergencyId) => socket.ack('emergency:join', { emergencyId });
      for (const id of ids.slice(0, 50)) assert.equal((await join(id)).ok, true);
      const refusal = { code: 'rate_limited', message: 'Too many rooms; leave one first', retryAfterMs: null };
      assert.deepEqual(await join(ids[50]), { ok: false, error: refusal });
      assert.deepEqual(await socket.next('error'), { ...refusal, event: 'emergency:join' });
      assert.equal((await join(ids[0])).ok, true, 'it is in that one already');
      await respond(helper, ids[50]);
      await socket.next('helper:joined', of(ids[50]));
      assert.equal((await join(ids[50])).ok, true, 'now it takes part');
      assert.equal((await join(ids[51])).ok, false);
      assert.equal((await socket.ack('emergency:leave', { emergencyId: ids[0] })).ok, true);
      assert.equal((await join(ids[51])).ok, true);
    });
  });
});
