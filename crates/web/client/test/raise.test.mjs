import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiError, CancelledError, NetworkError, NotSignedInError } from '../dist/errors.js';
import { Raiser } from '../dist/raise.js';
import { memoryStore } from '../dist/store.js';
import { deferred, fakeClock, settle } from './fakes.mjs';

const location = { latitude: 1, longitude: 2 };
const emergency = (id, fields = {}) => ({ id, location, resolvedAt: null, ...fields });
const failure = (status, reason, details = []) =>
  apiError({ status, reason, message: '', details, requestId: null, retryAfterMs: null });

/** A raiser whose service is `service`: `raise(body)`, `request(method, path, params)`. */
function raiser(test, service, store = memoryStore()) {
  const progress = [];
  const made = new Raiser({
    store,
    userId: () => 'u1',
    requests: {
      authorized: ({ body }) => service.raise(body),
      request: (method, path, options) => service.request(method, path, options),
    },
    onProgress: ({ status }) => progress.push(status),
  });
  test.after(() => made.close());
  return { made, store, progress };
}

it('a call is stored before the first attempt, with the id that every attempt has', async (test) => {
  const advance = fakeClock(test);
  const store = memoryStore();
  const ids = [];
  // The network is down, a hotspot answers, the service has a fault, is full, and is there.
  const answers = [
    new NetworkError('network', ''),
    new NetworkError('not_allynet', ''),
    failure(500, 'internal'),
    failure(429, 'rate_limited'),
    failure(503, 'unavailable'),
  ];
  const service = {
    raise: async ({ requestId }) => {
      ids.push([requestId, JSON.parse(store.get('raise')).requestId]);
      const error = answers.shift();
      if (error) throw error;
      return { emergency: emergency('e1'), nearbyHelperCount: 3 };
    },
  };
  const { made, progress } = raiser(test, service, store);
  const raised = made.raise({ location });
  await advance(20_000);
  assert.deepEqual(await raised, { emergency: emergency('e1'), nearbyHelperCount: 3, alreadyActive: false });
  assert.equal(ids.length, 6);
  assert.equal(new Set(ids.flat()).size, 1);
  assert.ok(ids[0][0].length > 20);
  assert.deepEqual(progress.slice(-3), ['waiting', 'sending', 'raised']);
  assert.equal(store.get('raise'), null);
});

it('the network that is back is used at once', async (test) => {
  fakeClock(test);
  let attempts = 0;
  const service = {
    raise: async () => {
      attempts += 1;
      if (attempts === 1) throw new NetworkError('network', '');
      return { emergency: emergency('e1'), nearbyHelperCount: 0 };
    },
  };
  const { made } = raiser(test, service);
  const raised = made.raise({ location });
  await settle();
  made.hurry();
  assert.equal((await raised).emergency.id, 'e1');
});

it('a call that the service refuses for good is forgotten; one whose session has ended is kept', async (test) => {
  fakeClock(test);
  for (const [error, isKept] of [
    [failure(400, 'invalid_input'), false],
    [failure(409, 'request_id_used', [{ field: 'emergencyId', message: 'e0' }]), false],
    [new NotSignedInError(), true],
  ]) {
    const { made, store } = raiser(test, { raise: async () => Promise.reject(error) });
    await assert.rejects(made.raise({ location }), error);
    assert.equal(store.get('raise') !== null, isKept, error.reason);
  }
});

it('an active emergency that ended between two requests does not stand in the way', async (test) => {
  fakeClock(test);
  const answers = [failure(409, 'active_emergency_exists', [{ field: 'emergencyId', message: 'e0' }]), { emergency: emergency('e1') }];
  const service = {
    raise: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    request: async () => ({ emergency: emergency('e0', { resolvedAt: '2026-01-15T10:00:00Z' }) }),
  };
  const { made } = raiser(test, service);
  assert.equal((await made.raise({ location })).emergency.id, 'e1');
});

it('a call that was called off is looked for until no attempt can be under way any more', async (test) => {
  const advance = fakeClock(test);
  const requests = [];
  let active = null;
  const service = {
    raise: () => new Promise(() => {}),
    request: async (method, path, options) => {
      requests.push(`${method} ${path}`);
      if (method === 'GET') return active && { emergency: active };
      assert.deepEqual(options.params, { id: 'e1' });
      active = null;
    },
  };
  const { made, store } = raiser(test, service);
  const raised = assert.rejects(made.raise({ location }), CancelledError);
  await settle();
  await made.cancel();
  await raised;
  await advance(3_000);
  assert.equal(JSON.parse(store.get('raise')).isCancelled, true);
  // The attempt arrives late.
  active = emergency('e1');
  await advance(3_500);
  assert.deepEqual(requests, ['GET /emergencies/active', 'GET /emergencies/active', 'POST /emergencies/{id}/cancel']);
  assert.equal(store.get('raise'), null);
});

it('calling off ends when another call begins', async (test) => {
  const advance = fakeClock(test);
  const cancelled = [];
  let active = null;
  const attempts = [() => new Promise(() => {}), async () => ({ emergency: (active = emergency('e2')) })];
  const service = {
    raise: () => attempts.shift()(),
    request: async (method, path, options) => {
      if (method === 'GET') return active && { emergency: active };
      cancelled.push(options.params.id);
    },
  };
  const { made } = raiser(test, service);
  made.raise({ location }).catch(() => {});
  await settle();
  await made.cancel();
  await settle();
  const again = made.raise({ location });
  await advance(20_000);
  assert.equal((await again).emergency.id, 'e2');
  assert.deepEqual(cancelled, []);
});

it('an emergency elsewhere is not taken for the one that was called off', async (test) => {
  const advance = fakeClock(test);
  const cancelled = [];
  const service = {
    raise: () => new Promise(() => {}),
    request: async (method, path, options) => {
      if (method === 'GET') return { emergency: emergency('e9', { location: { latitude: 3, longitude: 2 } }) };
      cancelled.push(options.params.id);
    },
  };
  const { made } = raiser(test, service);
  made.raise({ location }).catch(() => {});
  await settle();
  await made.cancel();
  await advance(10_000);
  assert.deepEqual(cancelled, []);
});

it('only a recent call of the same user goes on by itself', async (test) => {
  fakeClock(test);
  const minute = 60_000;
  for (const [fields, goesOn] of [
    [{ pressedAt: Date.now() - 14 * minute }, true],
    [{ pressedAt: Date.now() - 16 * minute }, false],
    [{ pressedAt: Date.now() + 60 * minute }, false],
    [{ pressedAt: Date.now(), userId: 'u2' }, false],
  ]) {
    const store = memoryStore();
    store.set('raise', JSON.stringify({ requestId: 'r1', userId: 'u1', body: { location, requestId: 'r1' }, isCancelled: false, ...fields }));
    const sent = [];
    const service = { raise: async ({ requestId }) => (sent.push(requestId), { emergency: emergency('e1') }) };
    const { made } = raiser(test, service, store);
    await made.resumeRecent();
    await settle();
    assert.deepEqual(sent, goesOn ? ['r1'] : [], JSON.stringify(fields));
    // The app may ask the person.
    if (fields.userId) assert.equal(await made.resume(), null);
    else if (!goesOn) assert.equal((await made.resume()).emergency.id, 'e1');
  }
});

it('a call that is under way for a quarter of an hour stops, and goes on when the person says so', async (test) => {
  const advance = fakeClock(test);
  const minute = 60_000;
  let attempts = 0;
  let isUp = false;
  const service = {
    raise: async () => {
      attempts += 1;
      if (!isUp) throw new NetworkError('network', '');
      return { emergency: emergency('e1'), nearbyHelperCount: 0 };
    },
  };
  const { made, store, progress } = raiser(test, service);
  const expired = assert.rejects(made.raise({ location }, { pressedAt: Date.now() - 10 * minute }), { name: 'ExpiredError', reason: 'expired' });
  await advance(4 * minute);
  assert.equal(progress.includes('expired'), false);
  await advance(2 * minute);
  await expired;
  assert.equal(progress.at(-1), 'expired');
  const { requestId, pressedAt } = JSON.parse(store.get('raise'));
  assert.equal(Date.now() - pressedAt, 16 * minute);
  const before = attempts;
  await advance(2 * minute);
  assert.equal(attempts, before);
  // The person's word holds for another quarter of an hour, over a reload.
  const resumed = made.resume();
  await advance(minute);
  assert.ok(attempts > before);
  assert.equal(JSON.parse(store.get('raise')).requestId, requestId);
  isUp = true;
  await advance(10_000);
  assert.equal((await resumed).emergency.id, 'e1');
});

it('closing keeps the call for the next start', async (test) => {
  fakeClock(test);
  const answer = deferred();
  const { made, store } = raiser(test, { raise: () => answer.promise });
  const raised = made.raise({ location });
  await settle();
  made.close();
  answer.reject(new NetworkError('network', ''));
  await assert.rejects(raised, { name: 'ClosedError', reason: 'closed' });
  assert.equal(JSON.parse(store.get('raise')).isCancelled, false);
});

it('a stored call that is called off after a reload is not sent any more', async (test) => {
  const advance = fakeClock(test);
  const store = memoryStore();
  const pressed = { requestId: 'r1', userId: 'u1', body: { location, requestId: 'r1' }, pressedAt: Date.now(), isCancelled: false };
  store.set('raise', JSON.stringify(pressed));
  let attempts = 0;
  const service = {
    raise: async () => {
      attempts += 1;
      return { emergency: emergency('e1'), nearbyHelperCount: 0 };
    },
    request: async () => null,
  };
  const { made } = raiser(test, service, store);
  assert.equal(await made.cancel(), true);
  await advance(20_000);
  assert.equal(attempts, 0);
});

it('a call of now does not join one that was called off a moment ago', async (test) => {
  const advance = fakeClock(test);
  const sent = [];
  const service = {
    raise: async ({ requestId }) => {
      sent.push(requestId);
      if (requestId === 'r1') throw new NetworkError('network', '');
      return { emergency: emergency('e2'), nearbyHelperCount: 0 };
    },
    request: async () => null,
  };
  const { made } = raiser(test, service);
  const first = assert.rejects(made.raise({ location, requestId: 'r1' }), CancelledError);
  await settle();
  await made.cancel();
  const second = made.raise({ location, requestId: 'r2' });
  await first;
  await advance(2_000);
  assert.equal((await second).emergency.id, 'e2');
  assert.deepEqual(sent, ['r1', 'r2']);
});

it('a call that is called off without a session is not sent after the next log-in', async (test) => {
  const advance = fakeClock(test);
  const store = memoryStore();
  const pressed = { requestId: 'r1', userId: 'u1', body: { location, requestId: 'r1' }, pressedAt: Date.now(), isCancelled: false };
  store.set('raise', JSON.stringify(pressed));
  let userId = null;
  const asked = [];
  const made = new Raiser({
    store,
    userId: () => userId,
    requests: {
      authorized: async () => asked.push('raise'),
      request: async (method, path) => (asked.push(`${method} ${path}`), null),
    },
    onProgress: () => undefined,
  });
  test.after(() => made.close());
  assert.equal(await made.cancel(), true);
  await advance(1_000);
  assert.deepEqual(asked, []);
  userId = 'u1';
  await made.resumeRecent();
  await advance(20_000);
  // It may have arrived before the session ended.
  assert.deepEqual(new Set(asked), new Set(['GET /emergencies/active']));
  assert.equal(store.get('raise'), null);
});
