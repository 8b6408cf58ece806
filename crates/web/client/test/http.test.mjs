import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as errors from '../dist/errors.js';
import { createSend } from '../dist/http.js';
import { Requests } from '../dist/requests.js';
import { fakeClock } from './fakes.mjs';

const answer = (status, body, headers = {}) => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
const refusal = (status, reason, headers, details = null) =>
  answer(status, { success: false, error: { code: status, reason, message: 'no', details } }, headers);

/** Sends requests whose answers are the given ones, in turn; `sent` records them. */
function service(answers) {
  const sent = [];
  const fetch = async (url, options) => {
    sent.push({ url, ...options });
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  const tokens = { load: async () => {}, access: async () => 'a1', refresh: async (refused) => `${refused}+` };
  return { sent, requests: new Requests(createSend('https://ally.example/', fetch), tokens) };
}

it('a request has its parameters, query, body and token', async () => {
  const { sent, requests } = service([answer(200, { success: true, data: { emergencies: [] } }), answer(201, { success: true, data: null })]);
  await requests.request('GET', '/emergencies/nearby', { query: { latitude: 1.5, longitude: -2, radius: undefined } });
  await requests.request('POST', '/emergencies/{id}/report', { params: { id: 'a/b' }, body: { reason: 'ü' } });
  assert.deepEqual(
    sent.map(({ method, url, headers, body }) => [method, url, headers, body]),
    [
      ['GET', 'https://ally.example/api/v1/emergencies/nearby?latitude=1.5&longitude=-2', { authorization: 'Bearer a1' }, undefined],
      [
        ...['POST', 'https://ally.example/api/v1/emergencies/a%2Fb/report'],
        { authorization: 'Bearer a1', 'content-type': 'application/json' },
        '{"reason":"ü"}',
      ],
    ],
  );
  await assert.rejects(requests.request('GET', '/emergencies/{id}', { params: {} }), TypeError);
});

it('failures are of the class of their status', async () => {
  for (const [status, reason, name] of [
    [400, 'invalid_input', 'InputError'],
    [403, 'account_blocked', 'AccountBlockedError'],
    [403, 'not_authorized', 'PermissionError'],
    [404, 'emergency_not_found', 'NotFoundError'],
    [409, 'emergency_ended', 'ConflictError'],
    [413, 'body_too_large', 'InputError'],
    [429, 'rate_limited', 'RateLimitError'],
    [500, 'internal', 'ServiceError'],
    [501, 'push_not_configured', 'ServiceError'],
  ]) {
    const { requests } = service([refusal(status, reason, { 'x-request-id': 'q1', 'retry-after': '60' }, [{ field: 'a', message: 'b' }])]);
    await assert.rejects(requests.request('GET', '/auth/me'), (error) => {
      assert.ok(error instanceof errors[name] && error instanceof errors.AllyError, `${error.name} for ${status}`);
      assert.deepEqual([error.reason, error.name, error.requestId, error.retryAfterMs, error.field('a')], [reason, name, 'q1', 60_000, 'b']);
      return true;
    });
  }
});

it('what is no answer of AllyNet is a failure of the network', async (test) => {
  const advance = fakeClock(test);
  for (const page of [answer(200, '<html>Log in to the hotspot</html>'), answer(200, 'null'), answer(500, { success: false }), answer(502, 'Bad gateway'), answer(404, { error: 'x' })]) {
    const { requests } = service([page, page.clone(), page.clone()]);
    const failed = assert.rejects(requests.request('GET', '/auth/me'), { name: 'NetworkError', reason: 'not_allynet' });
    await advance(10_000);
    await failed;
  }
});

it('reads are repeated three times in all, as the service says; a post is sent once', async (test) => {
  const advance = fakeClock(test);
  const { sent, requests } = service([new TypeError('fetch failed'), refusal(503, 'unavailable'), answer(200, { success: true, data: { user: 1 } })]);
  const read = requests.request('GET', '/auth/me');
  await advance(10_000);
  assert.deepEqual(await read, { user: 1 });
  assert.equal(sent.length, 3);

  const limited = service([refusal(429, 'rate_limited', { 'retry-after': '2' }), answer(200, { success: true, data: null })]);
  const waiting = limited.requests.request('GET', '/auth/me');
  await advance(1_900);
  assert.equal(limited.sent.length, 1);
  await advance(200);
  assert.equal(await waiting, null);

  const post = service([new TypeError('fetch failed')]);
  await assert.rejects(post.requests.request('POST', '/emergencies/{id}/ratings', { params: { id: 'e' }, body: {} }), { reason: 'network' });
  assert.equal(post.sent.length, 1);

  const safe = service([new TypeError('fetch failed'), answer(201, { success: true, data: null })]);
  const said = safe.requests.request('POST', '/emergencies/{id}/messages', { params: { id: 'e' }, body: { message: 'x', requestId: 'r' } });
  await advance(1_000);
  assert.equal(await said, null);
});

it('a token that is refused is exchanged once', async () => {
  const { sent, requests } = service([refusal(401, 'token_expired'), refusal(401, 'token_expired')]);
  await assert.rejects(requests.request('GET', '/auth/me'), errors.AuthenticationError);
  assert.deepEqual(sent.map(({ headers }) => headers.authorization), ['Bearer a1', 'Bearer a1+']);
  const login = service([refusal(401, 'invalid_credentials')]);
  await assert.rejects(login.requests.request('POST', '/auth/login', { body: {} }), errors.AuthenticationError);
  assert.equal(login.sent[0].headers.authorization, undefined);
});

it('an answer that does not come in time is a timeout, and the app may call a request off', async (test) => {
  const advance = fakeClock(test);
  const hanging = (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const send = createSend('https://ally.example', hanging);
  const late = assert.rejects(send({ method: 'GET', path: '/auth/me' }), { name: 'NetworkError', reason: 'timeout' });
  await advance(15_100);
  await late;
  const abort = new AbortController();
  const stopped = assert.rejects(send({ method: 'GET', path: '/auth/me', signal: abort.signal }), { name: 'CancelledError', reason: 'cancelled' });
  abort.abort();
  await stopped;
});
