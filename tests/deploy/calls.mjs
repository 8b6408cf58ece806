// Owners who call for help without a pause, to see what a restart of the service does to that. Each request takes a
// connection of its own and is sent once: what the service or a proxy loses is a failure.
//
// As a program, `node calls.mjs URL`: prints a line when it has begun, calls until its input ends, and prints the outcome as JSON.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asRoot } from './container.mjs';

const REQUEST_LIMIT = 20_000;
const PAUSE_BETWEEN_CALLS = 20;
const OWNERS = 6;

/** Sends one request on a new connection: `{ status, headers, body }`. Options: `token`, `headers`, `localAddress`. */
export async function send(method, url, body, { token, headers, localAddress } = {}) {
  const request = (url.startsWith('https:') ? https : http).request(url, {
    method,
    agent: false,
    localAddress,
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

/** Starts to call, each owner from another address of this machine. The function that is returned ends it: `{ calls, failures, slowestMs }`. */
export async function keepCalling(url, options) {
  const owners = await Promise.all(Array.from({ length: OWNERS }, () => register(url, options)));
  const localAddress = (owner) => `127.0.1.${1 + owners.indexOf(owner)}`;
  const outcome = { calls: 0, failures: [], slowestMs: 0 };
  let stopped = false;
  const step = async (owner, what, expected, path, body) => {
    const started = Date.now();
    try {
      const answer = await send('POST', `${url}/api/v1/${path}`, body, {
        ...options,
        localAddress: localAddress(owner),
        token: owner.tokens.accessToken,
      });
      if (answer.status === expected) return answer.body.data;
      outcome.failures.push(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    } catch (fault) {
      outcome.failures.push(`${what}: ${fault.code ?? ''} ${fault.message}`);
    } finally {
      outcome.slowestMs = Math.max(outcome.slowestMs, Date.now() - started);
    }
    return undefined;
  };
  const call = async (owner) => {
    while (!stopped) {
      outcome.calls++;
      const raised = await step(owner, 'raise', 201, 'emergencies', { location: { latitude: -70, longitude: 12 } });
      const cancelled = raised && (await step(owner, 'cancel', 200, `emergencies/${raised.emergency.id}/cancel`, {}));
      // One failure would cause others.
      if (!cancelled) return;
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

/** The same in the network of a container, while `action` runs. */
export async function whileCalling(machine, url, action) {
  const [program, ...args] = asRoot(...machine.inNetwork(), process.execPath, fileURLToPath(import.meta.url), url);
  const caller = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const output = text(caller.stdout);
  await once(caller.stdout, 'data');
  await pause(500);
  await action();
  await pause(500);
  caller.stdin.end();
  return JSON.parse((await output).split('\n')[1]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stop = await keepCalling(process.argv[2]);
  console.log('calling');
  process.stdin.resume();
  await once(process.stdin, 'end');
  console.log(JSON.stringify(await stop()));
}
