// Starts the real binary on a real port and creates callers: clients that use REST and the official Socket.IO client,
// and record every byte they receive.
//
//   for (const database of databases) describe(`… on ${database}`, () => {
//     let app;
//     before(async () => { app = await startNode({ database }); });
//     after(() => app.stop());
//   });
//
// Knows the wire contract only, not the implementation of the server.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { Caller } from './callers.mjs';
import { documentsOf } from './documents.mjs';
import { createDatabase, running, unique } from './servers.mjs';
import { ok } from './shapes.mjs';
import { EVENT_LIMIT } from './sockets.mjs';

export { createCertificate, createDatabase, createRedis, freePort } from './servers.mjs';
export { NAMESPACE, settled } from './sockets.mjs';

/** The databases that every suite runs on. `E2E_DATABASES=sqlite` selects one, for work on a test. */
export const databases = process.env.E2E_DATABASES?.split(',') ?? ['sqlite', 'postgres'];

/** A valid id that belongs to nothing. */
export const NO_SUCH_ID = '01890000-0000-7000-8000-000000000000';
/** The transports of the client, as options of `connect` and `dial`. */
export const transports = {
  'websocket only': { transports: ['websocket'] },
  'polling only': { transports: ['polling'] },
  'polling with upgrade': { transports: ['polling', 'websocket'] },
};

/** Errors in the log that say how slow the machine is; tests of what follows from them look for them. */
const SLOW_MACHINE =
  /what dispatchers were shown was not stored in time|the database did not answer in time|pool timed out while waiting for an open connection/;
/** How often that may be in the log of a node: more is a fault of the service, such as a statement without an index. */
const MAX_SLOW = 20;
export const BINARY = process.env.ALLYNET_BIN ?? fileURLToPath(new URL('../../target/debug/allynet', import.meta.url));
/** The administrator of every node. */
export const ADMIN = { email: 'admin@allynet.example', password: 'an administrator of tests' };
/** The pair of keys of RFC 8291, §5. */
const VAPID_PRIVATE_KEY = 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw';
export const VAPID_PUBLIC_KEY = 'BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8';
export const JWT_SECRET = 'the end-to-end tests sign their tokens with this';
/** The environment of a node that alerts as a service without settings does: a variable that is empty counts as absent. */
export const AS_SHIPPED = { ALLYNET_DISPATCH: '' };
const PASSWORD = 'correct horse battery';
/** These are generous: a busy machine takes its time. */
const START_LIMIT = 60_000;
const STOP_LIMIT = 30_000;
/** For a command of the binary, such as an import. */
const RUN_LIMIT = 120_000;

// -------------------------------------------------------------------------------------------- nodes

/** The environment of a server: that of the tests without settings of the service, plus `env`. */
function environment(given) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(ALLYNET_|DATABASE_URL$|REDIS_URL$|TEST_DATABASE_URL$|TEST_REDIS_|RUST_LOG$)/.test(name),
  );
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...given };
}

/** Runs the binary in an empty folder until it exits: `{ code, signal, stdout, stderr }`. */
export async function run({ args = [], env = {} } = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'allynet-e2e-run-'));
  const child = spawn(BINARY, args, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_LIMIT });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  for (const name of Object.keys(output)) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text) => (output[name] += stripVTControlCharacters(text)));
  }
  const how = await new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  running.delete(child);
  await rm(cwd, { recursive: true, force: true });
  return { ...how, ...output };
}

/**
 * Starts one server. `database` is `'sqlite'` or `'postgres'`, for a private database that is removed with the server, or
 * the result of `createDatabase`, which can be shared. `env` adds environment variables; `undefined` removes one.
 * `descriptors` limits the number of open files, soft and hard. `binary` is another program than the one that was built.
 */
export async function startNode({ database = 'sqlite', env = {}, args = [], descriptors, binary = BINARY } = {}) {
  assert.ok(existsSync(BINARY), `${BINARY} is missing: build it with \`cargo build --bin allynet\`, or set ALLYNET_BIN`);
  const own = typeof database === 'string';
  const store = own ? await createDatabase(database) : database;
  const node = new Node(store, own, env, args);
  Object.assign(node, { descriptors, binary });
  try {
    await node.started();
  } catch (fault) {
    await node.kill();
    throw fault;
  }
  return node;
}

class Node {
  /** Everything the process wrote, without colour codes. */
  stdout = '';
  stderr = '';
  sockets = new Set();
  /** Headers that the next caller sends with every request. */
  nextHeaders = () => ({});
  /** What the service answered or sent that does not fit to its documents. */
  violations = [];
  /** Whether the test expects faults in the log. */
  expectsFaults = false;
  #ownsDatabase;
  #child;
  #exit;
  #folder;
  #admin;
  #beacon;
  #fence = Promise.resolve();
  #places = 0;

  constructor(database, ownsDatabase, env, args) {
    this.database = database;
    this.#ownsDatabase = ownsDatabase;
    this.#folder = mkdtemp(join(tmpdir(), 'allynet-e2e-node-'));
    this.args = args;
    this.env = environment({
      RUST_LOG: 'info',
      DATABASE_URL: database.url,
      ALLYNET_LISTEN: '127.0.0.1:0',
      ALLYNET_ADMIN_LISTEN: '127.0.0.1:0',
      ALLYNET_JWT_SECRET: JWT_SECRET,
      ALLYNET_VAPID_PRIVATE_KEY: VAPID_PRIVATE_KEY,
      ALLYNET_ADMIN_EMAIL: ADMIN.email,
      ALLYNET_ADMIN_PASSWORD: ADMIN.password,
      ALLYNET_RATE_LIMITS: 'off',
      // Whether a test passes must not depend on the free space of the machine.
      ALLYNET_DISK_RESERVE: '0',
      // One owner of `fence` raises many emergencies.
      ALLYNET_STORM_RINGS: '1000000',
      // Who is alerted does not depend on what an alert is worth, where that is not the subject of a test.
      ALLYNET_DISPATCH: 'waves',
      ...env,
    });
  }

  /** Standard output and standard error. */
  get logs() {
    return this.stdout + this.stderr;
  }

  /** Id of the process. */
  get pid() {
    return this.#child.pid;
  }

  async started() {
    const limited = this.descriptors ? ['prlimit', `--nofile=${this.descriptors}:${this.descriptors}`] : [];
    const [program, ...args] = [...limited, this.binary, ...this.args];
    const child = spawn(program, args, { cwd: await this.#folder, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    const listening = Promise.withResolvers?.() ?? deferred();
    this.#exit = new Promise((resolve) => {
      child.once('error', (error) => resolve({ error }));
      child.once('close', (code, signal) => resolve({ code, signal }));
    }).finally(() => running.delete(child));
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text) => {
        this[name] += stripVTControlCharacters(text);
        const found = name === 'stdout' && /listening on (http:\/\/[\d.]+:\d+)/.exec(this.stdout);
        if (found) listening.resolve(found[1]);
      });
    }
    const gone = this.#exit.then((how) => {
      throw new Error(`the server ended before it was ready: ${JSON.stringify(how)}\n${this.logs}`);
    });
    gone.catch(() => {});
    const late = new AbortController();
    const tooLate = pause(START_LIMIT, undefined, { signal: late.signal }).then(
      () => {
        throw new Error(`the server was not ready in ${START_LIMIT} ms\n${this.logs}`);
      },
      () => {},
    );
    try {
      this.url = await Promise.race([listening.promise, gone, tooLate]);
      /** URL of the listener for operators, unless it is off. */
      this.adminUrl = /metrics on (http:\/\/[\d.]+:\d+)/.exec(this.stdout)?.[1];
      await Promise.race([this.#ready(late.signal), gone, tooLate]);
      this.documents = await Promise.race([documentsOf(this.url, this.binary), gone, tooLate]);
    } finally {
      late.abort();
    }
  }

  async #ready(signal) {
    while (!signal.aborted) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      await answer?.text();
      if (answer?.ok) return;
      await pause(20);
    }
  }

  /** Sends SIGTERM, with all sockets still open. The server has to exit with status 0 before the deadline. */
  async stop() {
    let overdue = false;
    const limit = setTimeout(() => {
      overdue = true;
      this.#child.kill('SIGKILL');
    }, STOP_LIMIT);
    this.#child.kill('SIGTERM');
    const how = await this.#exit;
    clearTimeout(limit);
    await this.#clear();
    assert.ok(!overdue, `the server did not stop in ${STOP_LIMIT} ms after SIGTERM\n${this.logs.slice(-4000)}`);
    assert.deepEqual(how, { code: 0, signal: null }, `the server ended badly\n${this.logs.slice(-4000)}`);
    assert.ok(!/panicked at/.test(this.logs), `the server panicked\n${this.logs.slice(-8000)}`);
    const faults = this.logs.split('\n').filter((line) => /\bERROR\b/.test(line) && !SLOW_MACHINE.test(line)).slice(0, 5);
    assert.deepEqual(this.expectsFaults ? [] : faults, [], 'the server logged faults of its own');
    const slow = this.logs.split('\n').filter((line) => /\bERROR\b/.test(line) && SLOW_MACHINE.test(line));
    assert.ok(this.expectsFaults || slow.length <= MAX_SLOW, `no machine is as slow as that\n${slow.slice(0, 5).join('\n')}`);
    assert.deepEqual(this.violations.slice(0, 5), [], 'the documents of the interface are wrong');
  }

  /** Notes that something does not fit to the documents, if so. */
  judge(violation) {
    if (violation) this.violations.push(violation);
  }

  /** Sends SIGTERM without waiting for the exit. */
  terminate() {
    this.#child.kill('SIGTERM');
  }

  /** Sends SIGKILL, like a crash. */
  async kill() {
    this.#child?.kill('SIGKILL');
    await this.#exit;
    await this.#clear();
  }

  /** Sends SIGKILL, and leaves everything as it is: `started()` starts it again. */
  async crash() {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  async #clear() {
    for (const socket of this.sockets) socket.close();
    await rm(await this.#folder, { recursive: true, force: true });
    if (this.#ownsDatabase) await this.database.drop();
  }

  // ----------------------------------------------------------------------------------- callers

  /** A caller without an account. */
  anonymous() {
    return new Caller(this);
  }

  /** A caller with a new account. */
  async user({ firstName = 'Una', lastName = 'User', email, password = PASSWORD, phone = '+15550100', ...more } = {}) {
    const caller = new Caller(this);
    const register = () => {
      const address = email ?? `${firstName.toLowerCase()}-${unique()}@people.example`;
      return caller.post('/auth/register', { email: address, password, firstName, lastName, phone, ...more });
    };
    let answer = await register();
    // Another account, if the service did not wait for the database of a busy machine.
    for (let attempt = 1; attempt < 5 && answer.status === 503 && !email; attempt += 1) answer = await register();
    const { user, tokens } = ok(answer, 201);
    return Object.assign(caller, { id: user.id, user, tokens, email: user.email, password });
  }

  /** A user who can raise an emergency. */
  owner(person = {}) {
    return this.user({ firstName: 'Olivia', lastName: 'Owner', ...person });
  }

  /** A verified helper on duty at `position`; with `available: false`, off duty. */
  async helperAt(position, { available = true, skills = [], ...person } = {}) {
    const helper = await this.unverifiedHelper({ position, available, skills, firstName: 'Henry', ...person });
    const admin = await this.admin();
    ok(await admin.put(`/helpers/${helper.id}/verification`, { status: 'verified' }));
    return helper;
  }

  /** A user who applied as a helper and is not verified yet. */
  async unverifiedHelper({ position, available = true, skills = [], ...person } = {}) {
    const helper = await this.user({ firstName: 'Ursula', lastName: 'Helper', ...person });
    ok(await helper.put('/helpers/me', { available, skills }));
    if (position) {
      const { latitude, longitude } = position;
      ok(await helper.put('/helpers/me/location', { latitude, longitude }));
    }
    return helper;
  }

  /** The administrator from the settings; the same caller every time. */
  admin() {
    this.#admin ??= this.logIn(ADMIN);
    return this.#admin;
  }

  /** A caller with a new session of an existing account. */
  async logIn({ email, password }) {
    const caller = new Caller(this);
    const { user, tokens } = ok(await caller.post('/auth/login', { email, password }, { isRepeatable: true }));
    return Object.assign(caller, { id: user.id, user, tokens, email, password });
  }

  /** A position so far from all others returned here that no emergency reaches two of them. */
  somewhere() {
    const place = this.#places++;
    return { latitude: -58 + 2 * (place % 59), longitude: -160 + 3 * Math.floor(place / 59) };
  }

  // --------------------------------------------------------------------------------------------- barrier

  /**
   * Resolves when everything committed so far was sent to the sockets of this node: raises an emergency far away and waits
   * until a helper there receives it.
   */
  fence() {
    this.#fence = this.#fence.then(async () => {
      this.#beacon ??= Promise.all([
        this.owner({ firstName: 'Beacon' }),
        this.helperAt({ latitude: 80, longitude: 0 }, { firstName: 'Watcher' }).then((helper) => helper.connect()),
      ]);
      const [owner, watcher] = await this.#beacon;
      const location = { latitude: -80, longitude: 0 };
      const { emergency } = ok(await owner.post('/emergencies', { location }), 201);
      await watcher.next('emergency:created', (payload) => payload.emergency.id === emergency.id);
      ok(await owner.post(`/emergencies/${emergency.id}/cancel`, {}));
    });
    return this.#fence;
  }
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

// ------------------------------------------------------------------------------------------ waiting, positions, tokens

/** Retries `attempt` until its result is truthy, and returns it; throws its last error after the deadline. */
export async function eventually(attempt, limit = EVENT_LIMIT) {
  const deadline = Date.now() + limit;
  for (;;) {
    try {
      const outcome = await attempt();
      if (outcome) return outcome;
      if (Date.now() > deadline) assert.fail(`not so within ${limit} ms: ${attempt}`);
    } catch (fault) {
      if (Date.now() > deadline) throw fault;
    }
    await pause(20);
  }
}

/**
 * Runs a test again if it failed on a machine that was too slow: what dispatchers are shown has to be stored within a second, else
 * their room is ended.
 */
export const whileStoredInTime = (nodes, test) => async () => {
  const isLate = () => nodes().reduce((late, { logs }) => late + logs.split('was not stored in time').length, 0);
  for (let attempt = 1; ; attempt += 1) {
    const before = isLate();
    try {
      return await test();
    } catch (fault) {
      if (attempt === 3 || isLate() === before) throw fault;
    }
  }
};

/** The point so many metres north of another, with an error below one per cent. */
export function north({ latitude, longitude }, metres) {
  return { latitude: latitude + metres / 111_200, longitude };
}

/** An access token with changed claims, signed with the server's key, or with another secret to forge one. */
export function resigned(token, claims, secret = JWT_SECRET) {
  const [header, payload] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const hash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[header.alg];
  assert.ok(hash, `tokens are signed with ${header.alg}, which the harness cannot do`);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode(header)}.${encode({ ...payload, ...claims })}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}
