import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiError, NetworkError, NotSignedInError } from '../dist/errors.js';
import { Requests } from '../dist/requests.js';
import { memoryStore } from '../dist/store.js';
import { TokenKeeper } from '../dist/tokens.js';
import { browserLocks, deferred, fakeClock, fakeLocks, token } from './fakes.mjs';

const DAY = 24 * 3600;
const failure = (status, reason) => apiError({ status, reason, message: '', details: [], requestId: null, retryAfterMs: null });

/** A keeper whose exchanges are recorded, each answered by the next of `answers`. */
function keeper(test, { store = memoryStore(), answers = [], locks } = {}) {
  fakeLocks(test, locks);
  const asked = [];
  const changes = [];
  const tokens = new TokenKeeper({
    store,
    exchange: async (refreshToken) => {
      asked.push(refreshToken);
      const answer = await answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onChange: (change) => changes.push(change),
  });
  test.after(() => tokens.close());
  return { tokens, asked, changes, store };
}

const pair = (number, { iat = 0, life = DAY, user = 'u1' } = {}) => ({
  accessToken: token(user, iat, iat + life, { number }),
  refreshToken: `r${number}`,
});

it('tokens are exchanged five minutes before their end, by the clock of the device', async (test) => {
  const advance = fakeClock(test);
  // Issued in 1970, as far as this device can tell.
  const { tokens, asked, store } = keeper(test, { answers: [pair(2)] });
  await tokens.set(pair(1));
  await advance((DAY - 302) * 1000);
  assert.deepEqual(asked, []);
  assert.equal(await tokens.access(), pair(1).accessToken);
  await advance(4_000);
  assert.deepEqual(asked, ['r1']);
  assert.equal(await tokens.access(), pair(2).accessToken);
  assert.equal(JSON.parse(store.get('tokens')).refreshToken, 'r2');
  assert.equal(tokens.userId, 'u1');
});

it('an exchange that fails for now is repeated with a back-off', async (test) => {
  const advance = fakeClock(test);
  const answers = [new NetworkError('network', ''), failure(503, 'unavailable'), pair(2, { life: 10 })];
  const { tokens, asked, changes } = keeper(test, { answers });
  await tokens.set(pair(1, { life: 10 }));
  await advance(8_100);
  assert.deepEqual(asked, ['r1']);
  await advance(3_500);
  assert.deepEqual(asked, ['r1', 'r1', 'r1']);
  assert.equal(tokens.refreshToken, 'r2');
  assert.deepEqual(changes, [{ userId: 'u1', reason: null }]);
});

for (const [kind, locks, limit] of [
  ['the locks of the browser', browserLocks, 15_000],
  ['a lease in the store', () => undefined, 12_000],
]) {
  it(`many requests with an expired token wait for one exchange, over two tabs with ${kind}`, async (test) => {
    const advance = fakeClock(test);
    const answer = deferred();
    // Either tab may be the one that asks.
    const shared = { store: memoryStore(), answers: [answer.promise], locks: locks() };
    const one = keeper(test, shared);
    await one.tokens.set(pair(1));
    const two = keeper(test, shared);
    await two.tokens.load();
    const waiting = Promise.all([one, one, two, two].map(({ tokens }) => tokens.refresh(pair(1).accessToken)));
    await advance(500);
    answer.resolve(pair(2));
    await advance(500);
    assert.deepEqual(new Set(await waiting), new Set([pair(2).accessToken]));
    assert.deepEqual([...one.asked, ...two.asked], ['r1']);
  });

  it(`a tab that hangs in its exchange does not hold the others up for ever with ${kind}`, async (test) => {
    const advance = fakeClock(test);
    const shared = { store: memoryStore(), locks: locks() };
    const hanging = keeper(test, { ...shared, answers: [new Promise(() => {})] });
    await hanging.tokens.set(pair(1));
    const other = keeper(test, { ...shared, answers: [pair(2)] });
    await other.tokens.load();
    void hanging.tokens.refresh(pair(1).accessToken);
    await advance(100);
    const refreshed = other.tokens.refresh(pair(1).accessToken);
    await advance(limit - 1_000);
    assert.deepEqual(other.asked, []);
    await advance(2_000);
    assert.equal(await refreshed, pair(2).accessToken);
  });
}

it('a refresh token that the service refuses ends the session', async (test) => {
  const advance = fakeClock(test);
  const { tokens, changes, store } = keeper(test, { answers: [failure(401, 'refresh_token_reused')] });
  await tokens.set(pair(1));
  const refreshing = assert.rejects(tokens.refresh(pair(1).accessToken), NotSignedInError);
  await advance(100);
  await refreshing;
  assert.deepEqual(changes.at(-1), { userId: null, reason: 'session_ended' });
  assert.equal(store.get('tokens'), null);
  await assert.rejects(tokens.access(), NotSignedInError);
});

it('a blocked account keeps its tokens', async (test) => {
  const advance = fakeClock(test);
  const { tokens, store } = keeper(test, { answers: [failure(403, 'account_blocked')] });
  await tokens.set(pair(1));
  const refreshing = assert.rejects(tokens.refresh(pair(1).accessToken), { reason: 'account_blocked' });
  await advance(100);
  await refreshing;
  assert.notEqual(store.get('tokens'), null);
});

it('a clock that was set back does not make a token last for ever', async (test) => {
  const advance = fakeClock(test);
  const store = memoryStore();
  const inAYear = Date.now() + 365 * DAY * 1000;
  store.set('tokens', JSON.stringify({ ...pair(1, { life: 100 }), lifetime: 100_000, expiresAt: inAYear }));
  const { tokens, asked } = keeper(test, { store, answers: [pair(2)] });
  await tokens.load();
  await advance(80_200);
  assert.deepEqual(asked, ['r1']);
});

it('tells that another tab has signed in another user, also when it comes upon that in its exchange', async (test) => {
  const { tokens, changes, store } = keeper(test);
  const other = pair(2, { user: 'u2' });
  await tokens.set(pair(1));
  store.set('tokens', JSON.stringify(other));
  assert.equal(await tokens.refresh(pair(1).accessToken), other.accessToken);
  assert.deepEqual(changes, [
    { userId: 'u1', reason: null },
    { userId: 'u2', reason: null },
  ]);
  // The next tokens of the same user are no news.
  store.set('tokens', JSON.stringify(pair(3, { user: 'u2' })));
  await tokens.refresh(other.accessToken);
  assert.equal(changes.length, 2);
});

it('sends no request of one user as another one', async (test) => {
  const { tokens, store } = keeper(test);
  await tokens.set(pair(1));
  const sent = [];
  const requests = new Requests(async (request) => {
    sent.push(request.token);
    store.set('tokens', JSON.stringify(pair(2, { user: 'u2' })));
    throw failure(401, 'token_invalid');
  }, tokens);
  await assert.rejects(requests.request('POST', '/emergencies', { body: {} }), NotSignedInError);
  assert.deepEqual(sent, [pair(1).accessToken]);
});
