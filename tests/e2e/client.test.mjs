// The npm package `@allynet/client` against the real service: what it does so that an app need not.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  AccountBlockedError,
  AuthenticationError,
  CancelledError,
  ClosedError,
  ConflictError,
  InputError,
  NotSignedInError,
  SocketError,
  createClient,
  memoryStore,
} from '../../crates/web/client/dist/index.js';
import { GENERATED, generateFrom } from '../../crates/web/client/scripts/types.mjs';
import { createDatabase, databases, eventually, north, resigned, settled, startNode } from './harness.mjs';
import { startProxy } from './proxy.mjs';
import { acknowledged, over, raise, read, respond, say, times } from './scene.mjs';
import { ok } from './shapes.mjs';

const PACKAGE = fileURLToPath(new URL('../../crates/web/client/', import.meta.url));
/** Generous: a busy machine takes its time. */
const LIMIT = 60_000;

let open = [];
afterEach(() => {
  for (const one of open) one.close();
  open = [];
});

/** A client with the session of a caller, as after a start of its app; it is closed after the test. */
function clientOf(caller, { url = caller.node.url, store = storeOf(caller), ...options } = {}) {
  const ally = createClient({ url, store, ...options });
  open.push(ally);
  return Object.assign(ally, { heard: recorder(ally) });
}

/** A store in which the tokens of a caller are. */
function storeOf({ tokens, id }, more = {}) {
  const store = memoryStore();
  const { exp, iat } = JSON.parse(Buffer.from(tokens.accessToken.split('.')[1], 'base64url'));
  const lifetime = (exp - iat) * 1000;
  store.set('tokens', JSON.stringify({ ...tokens, lifetime, expiresAt: exp * 1000 }));
  for (const [key, value] of Object.entries(more)) store.set(key.replace('ME', id), value);
  return store;
}

/** Records what the client tells its app: `{ items, of(name), next(name, predicate) }`. */
function recorder(ally) {
  const items = [];
  const names = [
    ...['connection', 'signedIn', 'signedOut', 'raise', 'error'],
    ...['emergency:created', 'emergency:message', 'emergency:status_changed', 'emergency:ended', 'emergency:alerts'],
    ...['helper:joined', 'helper:status_update', 'helper:location'],
  ];
  for (const name of names) ally.on(name, (payload) => void items.push({ name, payload }));
  const of = (name, predicate = () => true) =>
    items.filter((item) => item.name === name && predicate(item.payload)).map(({ payload }) => payload);
  const next = (name, predicate) => eventually(() => of(name, predicate)[0], LIMIT);
  return { items, of, next };
}

const stopped = (reason) => (state) => state.status === 'stopped' && state.reason === reason;
const messages = (ally) => ally.heard.of('emergency:message').map(({ message }) => message.message);

describe('the client', () => {
  let app;
  let proxy;
  before(async () => {
    app = await startNode();
    proxy = await startProxy(app);
  });
  after(async () => {
    proxy.stop();
    await app.stop();
  });
  afterEach(() => proxy.up(app));

  describe('signing in', () => {
    it('tells a wrong password from a wrong field, and keeps nothing', async () => {
      const user = await app.user();
      const ally = createClient({ url: app.url, store: memoryStore() });
      open.push(ally);
      await assert.rejects(ally.login(user.email, 'wrong password'), (error) => {
        assert.ok(error instanceof AuthenticationError);
        assert.deepEqual([error.reason, error.status], ['invalid_credentials', 401]);
        return true;
      });
      await assert.rejects(ally.register({ email: 'nobody', password: 'x', name: 'N' }), (error) => {
        assert.ok(error instanceof InputError);
        assert.ok(error.field('email') && error.field('password') && error.requestId, JSON.stringify(error));
        return true;
      });
      assert.equal(await ally.userId(), null);
      await assert.rejects(ally.connect(), NotSignedInError);
      await assert.rejects(ally.raise({ location: app.somewhere() }), NotSignedInError);
      // It was to connect: a log-in does.
      await ally.login(user.email, user.password);
      await eventually(() => ally.connection.status === 'connected');
    });

    it('ends with the session, in all tabs', async () => {
      const user = await app.user();
      const store = storeOf(user);
      const tabs = [clientOf(user, { store }), clientOf(user, { store })];
      await Promise.all(tabs.map((tab) => tab.connect()));
      await tabs[0].logout();
      await tabs[1].heard.next('signedOut', ({ reason }) => reason === 'logged_out');
      for (const tab of tabs) assert.deepEqual(tab.connection, { status: 'stopped', reason: 'signed_out' });
      assert.equal(store.get('tokens'), null);
      const again = await app.user();
      const ally = clientOf(again);
      await ally.connect();
      // Another device ends every session.
      ok(await again.post('/auth/logout', {}));
      await ally.heard.next('signedOut', ({ reason }) => reason === 'session_ended');
      await ally.heard.next('connection', stopped('session_ended'));
      await assert.rejects(ally.account.me(), NotSignedInError);
      const forged = clientOf(again, { store: storeOf({ tokens: { accessToken: resigned(user.tokens.accessToken, {}, 'x'), refreshToken: 'x' } }) });
      await assert.rejects(forged.connect(), NotSignedInError);
      assert.equal(forged.connection.reason, 'session_ended');
    });

    it('stops for good when the account is blocked', async () => {
      const [user, admin] = await Promise.all([app.user(), app.admin()]);
      ok(await user.put('/helpers/me', { available: true }));
      const ally = clientOf(user);
      await ally.connect();
      ok(await admin.put(`/helpers/${user.id}/block`, { blocked: true }));
      await ally.heard.next('connection', stopped('account_blocked'));
      await ally.heard.next('error', (error) => error instanceof SocketError && error.reason === 'account_blocked');
      await assert.rejects(ally.account.me(), AccountBlockedError);
      await assert.rejects(ally.connect(), { reason: 'account_blocked' });
      await assert.rejects(ally.login(user.email, user.password), AccountBlockedError);
      ok(await admin.put(`/helpers/${user.id}/block`, { blocked: false }));
      await ally.login(user.email, user.password);
      await eventually(() => ally.connection.status === 'connected');
    });
  });

  describe('alerts', () => {
    it('are acknowledged when the handler has taken them, and only then', async () => {
      const place = app.somewhere();
      const [helper, unlucky, owner] = await Promise.all([app.helperAt(place), app.owner(), app.owner()]);
      const ally = clientOf(helper);
      let fails = true;
      const alerts = [];
      ally.onAlert(async (alert) => {
        alerts.push(alert);
        if (fails) throw new Error('the app cannot show this');
      });
      await ally.connect();
      const first = await raise(unlucky, place);
      const error = await ally.heard.next('error');
      assert.deepEqual([error.reason, error.cause.message], ['handler_failed', 'the app cannot show this']);
      fails = false;
      const second = await raise(owner, place);
      await acknowledged(owner, second.id);
      // Acknowledgements are stored in their order.
      assert.equal((await read(unlucky, first.id)).alerts.acknowledged, 0);
      const alert = alerts.at(-1);
      assert.deepEqual([alert.emergency.id, alert.distance, alert.isRepeat], [second.id, 0, false]);
      await alert.seen();
      await eventually(async () => (await read(owner, second.id)).alerts.seen === 1);
      const accepted = await alert.accept();
      assert.equal(accepted.status, 'responding');
      await ally.helper.status(second.id, 'arrived');
      await ally.emergencies.resolve(second.id);
      await ally.heard.next('emergency:ended', ({ emergencyId }) => emergencyId === second.id);
    });

    it('are taken once, though the connection breaks off while a handler is busy', async () => {
      const place = app.somewhere();
      const [helper, owner] = await Promise.all([app.helperAt(place), app.owner()]);
      const ally = clientOf(helper, { url: proxy.url });
      let [finish, taken] = [undefined, 0];
      ally.onAlert(() => {
        taken += 1;
        return new Promise((resolve) => (finish = resolve));
      });
      await ally.connect();
      const emergency = await raise(owner, place);
      await eventually(() => finish);
      proxy.cut();
      await ally.heard.next('connection', ({ reason }) => reason === 'network');
      await eventually(() => ally.connection.status === 'connected', LIMIT);
      // The service sends it again, since the client has not handled it yet. One more event comes behind it.
      const next = await raise(await app.owner(), app.somewhere());
      await ally.heard.next('emergency:created', ({ emergency: { id } }) => id === next.id);
      assert.equal((await read(owner, emergency.id)).alerts.acknowledged, 0);
      finish();
      await acknowledged(owner, emergency.id);
      assert.equal(taken, 1);
    });
  });

  describe('the state', () => {
    it('is read at the start, and again when too much was missed', async () => {
      const place = app.somewhere();
      const [helper, owner] = await Promise.all([app.helperAt(place), app.owner()]);
      const emergency = await raise(owner, place);
      const snapshots = [];
      const start = (store) => {
        const ally = clientOf(helper, { store });
        ally.on('snapshot', (snapshot) => void snapshots.push(snapshot));
        return ally.connect();
      };
      const fresh = storeOf(helper);
      await start(fresh);
      await eventually(() => snapshots.length === 1);
      const { reason, active, helping, pending } = snapshots[0];
      assert.deepEqual([reason, active, helping, pending.map(({ id }) => id)], ['started', null, null, [emergency.id]]);
      const from = Number(await eventually(() => fresh.get(`lastEventId:${helper.id}`)));
      assert.ok(from > 0);
      // Of a service that was restored from a backup.
      const future = storeOf(helper, { 'lastEventId:ME': '999999999999' });
      await start(future);
      await eventually(() => snapshots.some((snapshot) => snapshot.reason === 'unknown_event'));
      assert.deepEqual(snapshots.at(-1).pending.map(({ id }) => id), [emergency.id]);
      await eventually(() => Number(future.get(`lastEventId:${helper.id}`)) < 999999999999);
    });

    it('of an emergency that one looks at is followed over reconnections', async () => {
      const place = app.somewhere();
      const [helper, looker, owner] = await Promise.all([app.helperAt(place), app.helperAt(app.somewhere()), app.owner()]);
      const { id } = await raise(owner, place);
      const ally = clientOf(looker, { url: proxy.url });
      await ally.connect();
      await ally.join(id);
      proxy.down();
      await ally.heard.next('connection', ({ reason }) => reason === 'network');
      await respond(helper, id);
      proxy.up();
      await ally.heard.next('helper:joined', ({ emergencyId }) => emergencyId === id);
      await ally.heard.next('emergency:status_changed', ({ status }) => status === 'responding');
      await ally.leave(id);
      await assert.rejects(ally.join('0197'), (error) => error instanceof SocketError && error.reason === 'emergency_not_found');
    });
  });

  it('after a tunnel reports where the helper is now', async () => {
    const place = app.somewhere();
    const [helper, owner] = await Promise.all([app.helperAt(place), app.owner()]);
    const { id } = await raise(owner, place);
    await respond(helper, id);
    const ally = clientOf(helper, { url: proxy.url });
    const watching = clientOf(owner);
    await Promise.all([ally.connect(), watching.connect()]);
    proxy.down();
    await ally.heard.next('connection', ({ reason }) => reason === 'network');
    for (let step = 5; step >= 1; step -= 1) ally.reportPosition({ ...north(place, 100 * step), at: Date.now() - step * 1000 });
    ally.reportPosition({ ...north(place, 5_000), at: Date.now() - 3_600_000 });
    proxy.up();
    const { distance } = await watching.heard.next('helper:location');
    assert.ok(Math.abs(distance - 100) < 3, `${distance} m`);
    ally.reportPosition(north(place, 20));
    await watching.heard.next('helper:location', ({ arrived }) => arrived);
    assert.equal(watching.heard.of('helper:location').length, 2);
  });

  describe('a call for help', () => {
    const emergenciesOf = async (owner) => ok(await owner.get('/emergencies/history')).emergencies;
    const type = 'medical';

    it('goes on after a reload of the page until the service is back, and is one', async () => {
      const owner = await app.owner();
      const location = app.somewhere();
      const store = storeOf(owner);
      proxy.down();
      const page = clientOf(owner, { url: proxy.url, store });
      const given = page.raise({ type, location });
      given.catch(() => {});
      const { pending } = await page.heard.next('raise', ({ status }) => status === 'waiting');
      assert.ok(pending.requestId && store.get('raise').includes(pending.requestId));
      page.close();
      await assert.rejects(given, ClosedError);
      const reloaded = clientOf(owner, { url: proxy.url, store });
      assert.equal((await reloaded.pendingRaise()).requestId, pending.requestId);
      reloaded.connect();
      await reloaded.heard.next('raise', ({ status }) => status === 'waiting');
      proxy.up();
      const { raised } = await reloaded.heard.next('raise', ({ status }) => status === 'raised');
      assert.deepEqual([raised.emergency.type, raised.alreadyActive], [type, false]);
      assert.deepEqual((await emergenciesOf(owner)).map(({ id }) => id), [raised.emergency.id]);
      assert.equal(await reloaded.pendingRaise(), null);
    });

    it('whose answers are lost is one, however often it is pressed', async () => {
      const owner = await app.owner();
      const location = app.somewhere();
      const ally = clientOf(owner, { url: proxy.url });
      proxy.losesAnswers = true;
      const pressed = [ally.raise({ type, location }), ally.raise({ type, location })];
      await ally.heard.next('raise', ({ status, attempt }) => status === 'waiting' && attempt === 2);
      const [stored] = await emergenciesOf(owner);
      proxy.losesAnswers = false;
      const raised = await Promise.all(pressed);
      for (const { emergency, alreadyActive } of raised) assert.deepEqual([emergency.id, alreadyActive], [stored.id, false]);
      assert.equal((await emergenciesOf(owner)).length, 1);
      // With a live one a further call is that one.
      const another = await ally.raise({ type: 'accident', location });
      assert.deepEqual([another.emergency.id, another.emergency.type, another.alreadyActive], [stored.id, type, true]);
      await over(owner);
      await assert.rejects(ally.raise({ location: { latitude: 91, longitude: 0 } }), (error) => {
        return error instanceof InputError && error.field('location.latitude') !== null;
      });
      assert.equal(await ally.pendingRaise(), null);
      const repeated = { location, requestId: ally.heard.of('raise')[0].pending.requestId };
      await assert.rejects(ally.raise(repeated), (error) => error instanceof ConflictError && error.emergencyId === stored.id);
    });

    it('that was called off is cancelled if it had arrived, and does not take the next one with it', async () => {
      const owner = await app.owner();
      const location = app.somewhere();
      const ally = clientOf(owner, { url: proxy.url });
      proxy.losesAnswers = true;
      const abort = new AbortController();
      const given = ally.raise({ type, location }, { signal: abort.signal });
      given.catch(() => {});
      const [first] = await eventually(async () => {
        const found = await emergenciesOf(owner);
        return found.length > 0 && found;
      });
      abort.abort();
      await assert.rejects(given, CancelledError);
      proxy.losesAnswers = false;
      await eventually(async () => (await read(owner, first.id)).status === 'cancelled', LIMIT);
      await eventually(async () => (await ally.pendingRaise()) === null);
      // Called off before it arrived, and raised again at once at the same place.
      proxy.down();
      const second = ally.raise({ type, location });
      second.catch(() => {});
      await ally.heard.next('raise', ({ status }) => status === 'waiting');
      assert.equal(await ally.cancelRaise(), true);
      await assert.rejects(second, CancelledError);
      proxy.up();
      const { emergency } = await ally.raise({ type, location });
      assert.equal(emergency.status, 'active');
      assert.equal(await ally.pendingRaise(), null);
    });
  });
});

it('the client leaves its place to ten newer connections, and does not displace them', async () => {
  const app = await startNode({ env: { ALLYNET_RATE_LIMITS: 'on' } });
  try {
    const user = await app.user();
    const ally = clientOf(user);
    await ally.connect();
    await Promise.all(await times(10, () => user.connect()));
    await ally.heard.next('connection', stopped('too_many_connections'));
    await assert.rejects(ally.send('alert:seen', { emergencyId: 'x' }), { reason: 'too_many_connections' });
    await ally.connect();
  } finally {
    for (const one of open) one.close();
    await app.stop();
  }
});

describe('the client with tokens that last for three seconds', () => {
  it('exchanges each once for two tabs, which come back with the new one', async () => {
    const app = await startNode({ env: { ALLYNET_ACCESS_TOKEN_TTL: '3s' } });
    try {
      const user = await app.user();
      const store = storeOf(user);
      const presented = [];
      const recording = (url, options) => {
        if (String(url).endsWith('/auth/refresh')) presented.push(JSON.parse(options.body).refreshToken);
        return fetch(url, options);
      };
      const tabs = await times(2, () => clientOf(user, { store, fetch: recording }));
      await Promise.all(tabs.map((tab) => tab.connect()));
      for (const tab of tabs) {
        // The service cuts it off when the token expires that it has shown.
        await tab.heard.next('error', ({ reason }) => reason === 'token_expired');
        await eventually(() => tab.connection.status === 'connected');
        assert.equal((await tab.account.me()).id, user.id);
        assert.deepEqual(tab.heard.of('connection', ({ status }) => status === 'stopped'), []);
      }
      assert.ok(presented.length > 0);
      assert.deepEqual([...new Set(presented)], presented, 'no token was presented twice');
      // Tokens that the device takes for valid, and the service does not.
      const { accessToken, refreshToken } = (await app.logIn(user)).tokens;
      const past = Math.floor(Date.now() / 1000) - 10;
      const expired = resigned(accessToken, { iat: past - 3, exp: past });
      const stale = { tokens: JSON.stringify({ accessToken: expired, refreshToken, lifetime: null, expiresAt: null }) };
      const [asking, connecting] = await times(2, () => clientOf(user, { store: storeOf(user, stale) }));
      assert.equal((await asking.account.me()).id, user.id);
      await connecting.connect();
      assert.deepEqual(connecting.heard.of('connection').map(({ status, reason }) => reason ?? status), [
        ...['connecting', 'token', 'connected'],
      ]);
    } finally {
      for (const one of open) one.close();
      await app.stop();
    }
  });
});

if (databases.includes('postgres')) {
  it('the client goes to another node when its own is killed, and misses nothing', async () => {
    const database = await createDatabase('postgres');
    const nodes = await times(2, () => startNode({ database }));
    const proxy = await startProxy(nodes[0]);
    try {
      const place = nodes[0].somewhere();
      const [helper, owner] = await Promise.all([nodes[0].helperAt(place), nodes[0].owner()]);
      const ally = clientOf(owner, { url: proxy.url });
      const other = clientOf(helper, { url: proxy.url });
      other.onAlert(async (alert) => alert.accept());
      await Promise.all([ally.connect(), other.connect()]);
      const { emergency } = await ally.raise({ type: 'medical', location: place });
      await ally.heard.next('helper:joined', ({ helper: { id } }) => id === helper.id);
      await ally.emergencies.say(emergency.id, 'one');
      await other.heard.next('emergency:message', ({ message }) => message.message === 'one');
      proxy.down();
      await nodes[0].kill();
      const there = helper.at(nodes[1]);
      await say(there, emergency.id, 'two');
      proxy.up(nodes[1]);
      await ally.heard.next('emergency:message', ({ message }) => message.message === 'two');
      await other.emergencies.say(emergency.id, 'three');
      await ally.heard.next('emergency:message', ({ message }) => message.message === 'three');
      await settled(await there.connect());
      const [receipt, ...texts] = messages(ally);
      assert.ok(receipt);
      assert.deepEqual(texts.filter((text) => /^(one|two|three)$/.test(text)), ['one', 'two', 'three']);
    } finally {
      for (const one of open) one.close();
      proxy.stop();
      await nodes[1].stop();
      await database.drop();
    }
  });
}

describe('the package', () => {
  it('has the types of the documents of the service', async () => {
    const app = await startNode();
    try {
      const now = await generateFrom(app.url);
      const checkedIn = await readFile(GENERATED, 'utf8');
      assert.ok(now === checkedIn, 'run `npm run types` in crates/web/client with the address of a service that runs');
    } finally {
      await app.stop();
    }
  });

  it('has a README whose owner, helper and dispatcher run as they are printed, and end', async () => {
    const readme = await readFile(`${PACKAGE}README.md`, 'utf8');
    const codes = ['helper', 'owner', 'dispatcher'].map((who) => new RegExp(`\`\`\`js ${who}\\n([^]*?)\`\`\``).exec(readme)[1]);
    const [helperCode, ownerCode, dispatcherCode] = codes;
    for (const code of codes) assert.ok(code.trim().split('\n').length <= 10, code);
    const app = await startNode();
    try {
      const place = { latitude: 52.5, longitude: 13.4 };
      const [helper, owner] = await Promise.all([app.helperAt(place, { firstName: 'Grace' }), app.owner()]);
      const start = (code, { email, password }) => {
        const env = { ...process.env, ALLYNET_URL: app.url, EMAIL: email, PASSWORD: password };
        const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: PACKAGE, env, timeout: LIMIT });
        const run = { output: '' };
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (run.output += text));
        run.ended = new Promise((resolve) => child.once('close', resolve));
        return run;
      };
      const presence = async () => ok(await (await app.admin()).get('/helpers/presence')).connected;
      const runs = [start(helperCode, helper), start(`${dispatcherCode}\nconsole.log('follows');`, await app.admin())];
      await eventually(async () => (await presence()) === 1 && runs[1].output.includes('follows'), LIMIT);
      runs.splice(1, 0, start(ownerCode, owner));
      const statuses = await Promise.all(runs.map(({ ended }) => ended));
      assert.deepEqual(statuses, [0, 0, 0], runs.map(({ output }) => output).join('\n---\n'));
      assert.match(runs[0].output, /medical.* 0 m/);
      assert.match(runs[1].output, /Grace/);
      // Other events may be read after the end already.
      assert.match(runs[2].output, /resolved \[[^]*'emergency:resolved'/);
    } finally {
      await app.stop();
    }
  });

  it('is packed as publint and attw want it', { timeout: 300_000 }, async () => {
    await promisify(execFile)('npm', ['run', '--silent', 'lint-package'], { cwd: PACKAGE });
  });
});
