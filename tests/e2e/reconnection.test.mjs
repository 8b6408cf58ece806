// What may pass is no refusal: the official client comes back by itself. And the addresses that may connect.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDatabase, databases, freePort, startNode } from './harness.mjs';

/** Options of a client that reconnects by itself, fast, as often as it takes and no more than `reconnectionAttempts` in a row. */
const PERSISTENT = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200, reconnectionAttempts: 5 };

/** Refusals by the server. The client itself reports a transport that was closed in the same way, and goes on. */
const refusals = (socket) => socket.seen('connect_error', ({ type }) => type !== 'TransportError');

describe('an address with as many sockets without a token as it may have', () => {
  const withCrowd = async (test) => {
    const env = { ALLYNET_CONNECTIONS_PER_ADDRESS: '3', ALLYNET_TRUSTED_PROXIES: '127.0.0.1' };
    const app = await startNode({ env });
    app.nextHeaders = () => ({ 'x-forwarded-for': '198.51.100.1' });
    try {
      const strangers = Array.from({ length: 3 }, (_, index) =>
        app.anonymous().dial({ namespace: '/', transports: [index ? 'websocket' : 'polling'] }),
      );
      for (const stranger of strangers) await stranger.next('connect');
      await test(app, strangers);
    } finally {
      await app.stop();
    }
  };

  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    it(`lets users with a token in over ${transports.join(' and ')}`, () =>
      withCrowd(async (app) => {
        const user = await app.user();
        const sockets = [];
        for (let index = 0; index < 5; index += 1) sockets.push(await user.connect({ transports }));
        for (const socket of sockets) assert.equal(socket.ready.userId, user.id);
      }));

    it(`lets another stranger in later, without a refusal meanwhile, over ${transports.join(' and ')}`, () =>
      withCrowd(async (app, strangers) => {
        const another = app.anonymous().dial({ ...PERSISTENT, namespace: '/', transports });
        // More closed transports than attempts: each opened session starts the count anew.
        for (let round = 0; round < 2; round += 1) await another.next('transport:close');
        assert.equal(another.seen('connect').length, 0);
        strangers[1].close();
        await another.next('connect');
        assert.deepEqual(refusals(another), []);
      }));
  }

  it('a user who is in the main namespace as well', () =>
    withCrowd(async (app) => {
      const user = await app.user();
      const socket = user.dial({ namespace: '/' });
      const emergencies = socket.sibling('/emergencies');
      const ready = new Promise((resolve) => emergencies.once('session:ready', resolve));
      emergencies.connect();
      assert.equal((await ready).userId, user.id);
      await socket.next('connect');
    }));

  it('a session counts no more when it shows a token', () =>
    withCrowd(async (app, strangers) => {
      const user = await app.user();
      const emergencies = strangers[1].sibling('/emergencies', { token: user.tokens.accessToken });
      const ready = new Promise((resolve) => emergencies.once('session:ready', resolve));
      emergencies.connect();
      await ready;
      await app.anonymous().dial({ namespace: '/' }).next('connect');
    }));
});

for (const database of databases) {
  describe(`a client on ${database}`, () => {
    for (const transports of [['websocket'], ['polling', 'websocket']]) {
      it(`is answered whenever it disconnects and connects again on one connection, over ${transports.join(' and ')}`, async () => {
        const app = await startNode({ database });
        const user = await app.user();
        const socket = await user.connect({ transports });
        // A sibling keeps the connection open.
        const main = socket.sibling('/');
        const connected = new Promise((resolve) => main.once('connect', resolve));
        main.connect();
        await connected;
        for (let round = 0; round < 30; round += 1) {
          socket.raw.disconnect();
          socket.raw.connect();
          await socket.next('session:ready');
        }
        assert.deepEqual(refusals(socket), []);
        await app.stop();
      });
    }
  });
}

describe('a client that reconnects while the service stops', () => {
  it('is never refused, and is connected to the next process', async () => {
    const database = await createDatabase('sqlite');
    const port = await freePort();
    const start = () => startNode({ database, env: { ALLYNET_LISTEN: `127.0.0.1:${port}` } });
    const first = await start();
    const user = await first.user();
    const sockets = await Promise.all(Array.from({ length: 8 }, () => user.connect({ ...PERSISTENT, reconnectionAttempts: Infinity })));
    for (const socket of sockets) first.sockets.delete(socket);
    await first.stop();
    const second = await start();
    for (const socket of sockets) {
      await socket.next('session:ready');
      socket.close();
    }
    await second.stop();
    await database.drop();
  });
});

if (databases.includes('postgres')) {
  describe('a client that connects while PostgreSQL is away', () => {
    it('is not refused, and connects by itself when it is back', async () => {
      const database = await createDatabase('postgres');
      const app = await startNode({ database });
      app.expectsFaults = true;
      const user = await app.user();
      await database.refuse();
      const waiting = [['websocket'], ['polling', 'websocket']].map((transports) => user.dial({ ...PERSISTENT, transports }));
      for (const socket of waiting) {
        for (let round = 0; round < 2; round += 1) await socket.next('transport:close', undefined, 30_000);
        assert.deepEqual(refusals(socket), []);
      }
      await database.accept();
      for (const socket of waiting) {
        await socket.next('session:ready', undefined, 30_000);
        assert.deepEqual(refusals(socket), []);
      }
      await app.stop();
      await database.drop();
    });
  });
}

describe('the origin', () => {
  it('may be the address of the service itself, as native clients send it', async () => {
    const app = await startNode({ env: { ALLYNET_CORS_ORIGINS: 'https://ally.example' } });
    const user = await app.user();
    const { host, port } = new URL(app.url);
    for (const transport of ['websocket', 'polling']) {
      for (const [origin, more] of [
        // React Native sends the URL of the WebSocket with http for ws; Starscream and websocket-client likewise.
        [`http://${host}`, {}],
        [`https://${host}`, {}],
        [`http://api.ally.example:${port}`, { Host: `api.ally.example:${port}` }],
        ['https://api.ally.example', { Host: 'api.ally.example:443' }],
        ['http://api.ally.example:80', { Host: 'api.ally.example' }],
        ['https://ally.example', {}],
        [undefined, {}],
      ]) {
        // The client's polling transport sends its own Host.
        if (more.Host && transport === 'polling') continue;
        const headers = { ...(origin && { Origin: origin }), ...more };
        const socket = await user.connect({ transports: [transport], headers });
        socket.close();
      }
      for (const [origin, more] of [
        [`http://127.0.0.1:${Number(port) + 1}`, {}],
        ['https://evil.example', {}],
        ['https://evil.example', { 'X-Forwarded-Host': 'evil.example' }],
        [`http://evil.example:${port}`, { Host: `ally.example:${port}` }],
        ['null', {}],
      ]) {
        assert.equal(await user.refusal({ transports: [transport], headers: { Origin: origin, ...more } }), 'Origin not allowed');
      }
    }
    await app.stop();
  });

  it('may be the address that a trusted proxy was reached by', async () => {
    const app = await startNode({ env: { ALLYNET_CORS_ORIGINS: 'https://page.example', ALLYNET_TRUSTED_PROXIES: '127.0.0.1' } });
    const user = await app.user();
    const headers = { Origin: 'https://ally.example', 'X-Forwarded-Host': 'ally.example' };
    (await user.connect({ headers })).close();
    await user.refusal({ headers: { ...headers, 'X-Forwarded-Host': 'other.example' } });
    await app.stop();
  });
});
