// Connections of strangers: silent ones, unfinished and malformed requests. None of them keeps a call for help out.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually, run, startNode } from './harness.mjs';
import { cancel, raise, times } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

/** Opens a TCP connection that sends `text` and nothing more: `{ socket, received, closed }`. */
async function open(app, text = '') {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  const stranger = { socket, received: '', closed: false };
  socket.on('error', () => {});
  socket.on('data', (part) => (stranger.received += part));
  socket.on('close', () => (stranger.closed = true));
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (text) socket.write(text);
  return stranger;
}

const openMany = (app, count, text) => Promise.all(Array.from({ length: count }, () => open(app, text)));
const stillOpen = (strangers) => strangers.filter(({ closed }) => !closed).length;

describe('a node with 1,024 descriptors', () => {
  let app;
  before(async () => {
    app = await startNode({ descriptors: 1024 });
  });
  after(() => app?.stop());

  it('tells its limit in the log', () => {
    assert.match(app.logs, /soft_limit=1024 .*connections=896/);
  });

  for (const [what, text] of [['say nothing', ''], ['begin a request', 'POST /api/v1/emergencies HTTP/1.1\r\nhost: x\r\n']]) {
    it(`answers an SOS beside 1,100 connections that ${what}, and closes them`, async () => {
      const owner = await app.owner();
      // All kept connections of this process have shown a token: one that has not, such as that of a health check, is a stranger's
      // and may be closed while the SOS is written to it, which `fetch` does not repeat.
      await times(8, () => owner.get('/auth/me'));
      const strangers = await openMany(app, 1_100, text);
      const { id } = await raise(owner, app.somewhere());
      await cancel(owner, id);
      ok(await owner.get('/emergencies/history'));
      await eventually(() => stillOpen(strangers) <= 100);
      await raise(owner, app.somewhere()).then((raised) => cancel(owner, raised.id));
      await eventually(() => stillOpen(strangers) === 0, 60_000);
    });
  }

  it('keeps users whose connections are idle while strangers come', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => app.user()));
    const sockets = await Promise.all(users.map((user) => user.connect()));
    const strangers = await openMany(app, 1_100);
    await Promise.all(sockets.map((socket) => socket.roundTrip()));
    assert.ok(sockets.every((socket) => socket.raw.connected));
    for (const { socket } of strangers) socket.destroy();
  });
});

describe('a node that has no descriptor left', () => {
  it('answers those who connected meanwhile as soon as it has one, on both of its listeners', async () => {
    const app = await startNode();
    const owner = await app.owner();
    const limit = (soft) => execFileSync('prlimit', ['--pid', app.pid, `--nofile=${soft}:`]);
    const [, soft] = /^Max open files +(\d+) /m.exec(readFileSync(`/proc/${app.pid}/limits`, 'utf8'));
    const failures = () => app.logs.match(/accept failed, retrying/g)?.length ?? 0;
    for (const url of [app.url, app.adminUrl]) {
      const before = failures();
      // Less than it has open: no new number is below it.
      limit(8);
      const waiting = await Promise.all(Array.from({ length: 3 }, () => open({ url }, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')));
      await eventually(() => failures() >= before + 2);
      limit(soft);
      await eventually(() => waiting.every(({ received }) => received.startsWith('HTTP/1.1 200 ')));
      for (const { socket } of waiting) socket.destroy();
    }
    await raise(owner, app.somewhere());
    await app.stop();
  });
});

describe('what is no request', () => {
  let app;
  before(async () => {
    app = await startNode({ env: { ALLYNET_TRUSTED_PROXIES: '127.0.0.1' } });
  });
  after(() => app?.stop());

  const answered = async (text) => {
    const stranger = await open(app, text);
    await eventually(() => stranger.closed);
    const [head, body] = stranger.received.split('\r\n\r\n');
    const [line, ...fields] = head.split('\r\n');
    const headers = new Headers(fields.map((field) => field.split(/:\s*/, 2)));
    return { status: Number(line.split(' ')[1]), headers, text: body, body: JSON.parse(body) };
  };

  it('gets the envelope and a request id', async () => {
    for (const [text, status, reason] of [
      ['hello\r\n\r\n', 400, 'malformed_request'],
      ['GET / HTTP/1.1\r\nno colon\r\n\r\n', 400, 'malformed_request'],
      [`GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(120)}\r\n`, 431, 'head_too_large'],
    ]) {
      const answer = await answered(text);
      refused(answer, status, reason);
      assert.match(answer.headers.get('x-request-id') ?? '', /^[\x21-\x7e]{8,100}$/);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    }
  });

  it('gets the envelope from the Socket.IO route too', async () => {
    const answer = await app.anonymous().request('DELETE', '/socket.io/?EIO=4&transport=polling', undefined, { root: '' });
    assert.equal(answer.status, 400);
    assert.ok(answer.text.length > 0);
    assert.ok(answer.headers.get('x-request-id'));
  });

  it('an unfinished head takes no more than 16 KB of it', async () => {
    const stranger = await open(app, `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(300_000)}`);
    await eventually(() => stranger.closed);
    // The rest of the head was not read, so the connection is reset, and the answer may be lost with it.
    assert.match(stranger.received, /^$|^HTTP\/1.1 431 /);
  });
});

describe('headers of answers', () => {
  let app;
  before(async () => {
    app = await startNode({ env: { ALLYNET_TRUSTED_PROXIES: '127.0.0.1' } });
  });
  after(() => app?.stop());

  const requests = [
    ['GET', '/api/v1/auth/me'],
    ['GET', '/api/v1/emergencies/history'],
    ['GET', '/healthz'],
    ['GET', '/nothing'],
    ['PATCH', '/healthz'],
    ['GET', '/socket.io/?EIO=4&transport=polling'],
  ];

  it('forbid sniffing and storing', async () => {
    const user = await app.user();
    for (const [method, path] of requests) {
      const { headers } = await user.request(method, path, undefined, { root: '' });
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('cache-control'), 'no-store', path);
    }
  });

  it('ask for HTTPS where the client came by HTTPS', async () => {
    const user = await app.user();
    for (const [proto, hsts] of [['https', true], ['http', false], ['https, http', false], [undefined, false]]) {
      const headers = proto ? { 'x-forwarded-proto': proto } : {};
      const answer = await user.get('/auth/me', { headers });
      assert.equal(answer.headers.has('strict-transport-security'), hsts, proto);
    }
  });

  it('do not ask for HTTPS because of a header that no trusted proxy sent', async () => {
    const direct = await startNode();
    const answer = await direct.anonymous().get('/auth/me', { headers: { 'x-forwarded-proto': 'https' } });
    assert.equal(answer.headers.has('strict-transport-security'), false);
    await direct.stop();
  });
});

describe('the listener for operators', () => {
  it('has metrics, health and readiness; the public one has no metrics', async () => {
    const app = await startNode();
    const get = (url, path) => app.anonymous().request('GET', path, undefined, { root: '', url });
    for (const path of ['/metrics', '/healthz', '/readyz']) assert.equal((await get(app.adminUrl, path)).status, 200, path);
    for (const path of ['/api/health', '/healthz', '/readyz']) assert.equal((await get(app.url, path)).status, 200, path);
    refused(await get(app.url, '/metrics'), 404, 'route_not_found');
    refused(await get(app.adminUrl, '/api/v1/auth/me'), 404, 'route_not_found');
    await app.stop();
  });

  it('may be off', async () => {
    const app = await startNode({ env: { ALLYNET_ADMIN_LISTEN: 'off' } });
    assert.equal(app.adminUrl, undefined);
    await app.stop();
  });

  it('stops the start with one line if its port is taken', async () => {
    const taken = http.createServer();
    await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const env = { ALLYNET_LISTEN: '127.0.0.1:0', ALLYNET_ADMIN_LISTEN: `127.0.0.1:${taken.address().port}` };
    const { code, stderr } = await run({ env });
    taken.close();
    assert.notEqual(code, 0);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    assert.match(stderr, /ALLYNET_ADMIN_LISTEN/);
  });
});

describe('an empty environment variable', () => {
  it('is an absent one, whatever the setting', async () => {
    const { stdout } = await run({ args: ['--help'] });
    const settings = [...stdout.matchAll(/<([A-Z_]+)>/g)].map(([, name]) => name);
    assert.ok(settings.length > 30 && settings.includes('REDIS_URL'), stdout);
    // Without an address of its own the node would take the default one, and without a database the one in its folder.
    const given = ['ALLYNET_LISTEN', 'ALLYNET_ADMIN_LISTEN', 'DATABASE_URL'];
    const empty = [...settings, 'RUST_LOG'].filter((name) => !given.includes(name));
    const app = await startNode({ env: Object.fromEntries(empty.map((name) => [name, ''])) });
    await app.user();
    await app.stop();
  });
});
