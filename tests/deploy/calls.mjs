// Owners who call for help without a pause, to see what a restart of the service does to that. Each request takes a
// connection of its own and is sent once: what the service or a proxy loses is a failure.
//
// As a program, `node calls.mjs URL`: calls until its input ends, then prints the outcome as JSON.

import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const REQUEST_LIMIT = 20_000;
const PAUSE_BETWEEN_CALLS = 20;
const OWNERS = 6;

/** Sends one request on a new connection: `{ status, headers, body }`. Options: `token`, `ca`, `headers`. */
export async function send(method, url, body, { token, ca, headers } = {}) {
  const request = (url.startsWith('https:') ? https : http).request(url, {
    method,
    ca,
    agent: false,
    timeout: REQUEST_LIMIT,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  request.on('timeout', () => request.destroy(new Error(`no answer in ${REQUEST_LIMIT} ms`)));
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = await once(request, 'response');
  const received = await text(answer);
  let parsed;
  try {
    parsed = JSON.parse(received);
  } catch {
    parsed = received;
  }
  return { status: answer.statusCode, headers: answer.headers, body: parsed };
}

/** Registers an account: its user and tokens. */
export async function register(url, options) {
  const email = `deploy-${process.pid}-${Math.random().toString(36).slice(2)}@people.example`;
  const person = { email, password: 'correct horse battery', name: 'Olivia Owner' };
  const answer = await send('POST', `${url}/api/v1/auth/register`, person, options);
  if (answer.status !== 201) throw new Error(`cannot register: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.data;
}

/** Starts to call. The function that is returned ends it: `{ calls, failures, slowestMs }`. */
export async function keepCalling(url, options) {
  const owners = await Promise.all(Array.from({ length: OWNERS }, () => register(url, options)));
  const outcome = { calls: 0, failures: [], slowestMs: 0 };
  let stopped = false;
  const step = async (token, what, expected, path, body) => {
    const started = Date.now();
    try {
      const answer = await send('POST', `${url}/api/v1/${path}`, body, { ...options, token });
      if (answer.status === expected) return answer.body.data;
      outcome.failures.push(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    } catch (fault) {
      outcome.failures.push(`${what}: ${fault.code ?? ''} ${fault.message}`);
    } finally {
      outcome.slowestMs = Math.max(outcome.slowestMs, Date.now() - started);
    }
    return undefined;
  };
  const call = async ({ tokens: { accessToken } }) => {
    while (!stopped) {
      outcome.calls++;
      const raised = await step(accessToken, 'raise', 201, 'emergencies', { location: { latitude: -70, longitude: 12 } });
      if (raised) await step(accessToken, 'cancel', 200, `emergencies/${raised.emergency.id}/cancel`, {});
      await pause(PAUSE_BETWEEN_CALLS);
    }
  };
  const calling = Promise.all(owners.map(call));
  return async () => {
    stopped = true;
    await calling;
    return outcome;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stop = await keepCalling(process.argv[2]);
  console.error('calling');
  process.stdin.resume();
  await once(process.stdin, 'end');
  console.log(JSON.stringify(await stop()));
}
