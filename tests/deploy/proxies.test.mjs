// The configurations of docs/deploy for proxies, in front of two nodes on one PostgreSQL and one Redis.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import https from 'node:https';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createDatabase, freePort, north, startNode } from '../e2e/harness.mjs';
import { ok } from '../e2e/shapes.mjs';
import { keepCalling, register, send } from './calls.mjs';
import { proxies, startProxy } from './proxy-programs.mjs';

/** Addresses of this machine that clients connect from. */
const ADDRESSES = ['127.0.2.1', '127.0.3.1', '127.0.4.1', '127.0.5.1'];
const RECONNECT_LIMIT = 20_000;
const STABLE = 1_500;
/** Wrong passwords for one account from one address before they are limited. */
const WRONG_LOGINS = 10;

/** Resolves when a socket has not lost its connection for a while: a proxy may send it back to a node that was restarted. */
async function staysConnected(socket) {
  const deadline = Date.now() + RECONNECT_LIMIT;
  for (let since = Date.now(); Date.now() - since < STABLE; await pause(50)) {
    if (!socket.raw.connected) since = Date.now();
    assert.ok(Date.now() < deadline, `the client does not come back: ${socket.names.join(', ')}`);
  }
}

/**
 * Whether the proxy fails a POST whose node refuses the connection, instead of asking the other node: Caddy before
 * 2.11.2 (https://github.com/caddyserver/caddy/issues/7546). Nodes on a socket of systemd refuse none.
 */
function loses(name) {
  if (name !== 'Caddy') return false;
  const version = /v?([\d.]+)/.exec(execFileSync('caddy', ['version'], { encoding: 'utf8' }))[1];
  return version.localeCompare('2.11.2', undefined, { numeric: true }) < 0;
}

describe('two nodes behind a proxy', () => {
  let database;
  let ports;
  let nodes = [];
  const start = (port) =>
    startNode({
      database,
      env: {
        ALLYNET_LISTEN: `127.0.0.1:${port}`,
        ALLYNET_TRUSTED_PROXIES: '127.0.0.1',
        ALLYNET_RATE_LIMITS: 'on',
        REDIS_URL: process.env.TEST_REDIS_URL,
      },
    });
  before(async () => {
    assert.ok(process.env.TEST_REDIS_URL, 'TEST_REDIS_URL is not set: run the tests by `make deploy-test`');
    database = await createDatabase('postgres');
    ports = [await freePort(), await freePort()];
    nodes = await Promise.all(ports.map(start));
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await database?.drop();
  });

  /** Restarts one node after the other, as an upgrade does. */
  async function restartAll() {
    for (const [index, node] of nodes.entries()) {
      await node.stop();
      nodes[index] = await start(ports[index]);
    }
  }

  for (const name of proxies) {
    describe(name, () => {
      let proxy;
      before(async () => {
        proxy = await startProxy(name, ports.map((port) => `127.0.0.1:${port}`));
      });
      after(() => proxy?.stop());

      /** What callers of the harness take for a node: the service behind the proxy. */
      const service = () => ({ url: proxy.url, sockets: new Set(), nextHeaders: () => ({}), judge() {}, documents: nodes[0].documents });
      /** A connected client at another address, on a transport. */
      const connect = (caller, transport, localAddress, options) =>
        caller.connect({ transports: [transport], agent: new https.Agent({ localAddress, keepAlive: true }), ...options });

      it('redirects to HTTPS', async () => {
        for (const method of ['GET', 'POST']) {
          const answer = await send(method, `${proxy.plainUrl}/app/?a=1`);
          // 301 lets a client make a GET of it.
          assert.ok(answer.status === 308 || (answer.status === 301 && method === 'GET'), `${method}: ${answer.status}`);
          assert.match(answer.headers.location, /^https:\/\/localhost(:\d+)?\/app\/\?a=1$/);
        }
        assert.ok((await send('GET', `${proxy.url}/api/health`)).headers['strict-transport-security']);
      });

      it('tells the service the addresses of clients, and of nobody else', async () => {
        const { user } = await register(proxy.url);
        const attempt = (localAddress, headers) => {
          const wrong = { email: user.email, password: 'not the password' };
          return send('POST', `${proxy.url}/api/v1/auth/login`, wrong, { localAddress, headers });
        };
        for (let count = 0; count < WRONG_LOGINS; count++) assert.equal((await attempt(ADDRESSES[0])).status, 401);
        assert.equal((await attempt(ADDRESSES[0])).status, 429);
        assert.equal((await attempt(ADDRESSES[0], { 'x-forwarded-for': '203.0.113.9' })).status, 429);
        assert.equal((await attempt(ADDRESSES[1])).status, 401);
      });

      it('restarts without a failed call for help, and its clients come back', async () => {
        const helper = (await nodes[0].helperAt({ latitude: 10, longitude: 10 })).at(service());
        const watching = await Promise.all(
          ADDRESSES.flatMap((address) => ['polling', 'websocket'].map((transport) => connect(helper, transport, address, { reconnection: true, reconnectionDelayMax: 500 }))),
        );
        const { accessToken } = helper.tokens;
        // A token in the query, which proxies like to log.
        watching.push(await connect(helper, 'polling', '127.0.6.1', { auth: {}, query: { token: accessToken }, reconnection: true, reconnectionDelayMax: 500 }));
        const stop = await keepCalling(proxy.url);
        await pause(300);
        const started = Date.now();
        await restartAll();
        const seconds = (Date.now() - started) / 1000;
        await pause(300);
        const outcome = await stop();
        console.log(`${name}: ${outcome.calls} calls in ${seconds} s of restarts, the slowest request took ${outcome.slowestMs} ms`);
        if (loses(name)) {
          for (const failure of outcome.failures) assert.match(failure, /^(raise|cancel): 50[23] /);
        } else {
          assert.deepEqual(outcome.failures, []);
          assert.ok(outcome.calls > 30, `only ${outcome.calls} calls`);
        }

        await Promise.all(watching.map(staysConnected));
        const owner = (await nodes[0].owner()).at(service());
        const location = north({ latitude: 10, longitude: 10 }, 300);
        const { emergency } = ok(await owner.post('/emergencies', { location }), 201);
        for (const socket of watching) {
          await socket.next('emergency:created', (payload) => payload.emergency.id === emergency.id, RECONNECT_LIMIT);
          socket.close();
        }
        ok(await owner.post(`/emergencies/${emergency.id}/cancel`, {}));

        const signature = accessToken.split('.')[2];
        const logs = await proxy.logs();
        assert.match(logs, /\/api\/v1\/emergencies/, 'requests are logged');
        assert.ok(!logs.includes(signature) && !logs.includes('eyJ'), 'no token is logged');
        for (const node of nodes) assert.ok(!node.logs.includes(signature), 'no token is logged');
      });
    });
  }
});
