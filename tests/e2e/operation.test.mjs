// Operation: settings, secrets, health, shutdown and persistence.

import assert from 'node:assert/strict';
import http from 'node:http';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDatabase, databases, eventually, run, startNode } from './harness.mjs';
import { cancel, of, raise, read, respond, times } from './scene.mjs';
import { assertMatches, atLeast, ok, refused } from './shapes.mjs';

const SETTINGS = [
  'ALLYNET_LISTEN',
  'ALLYNET_ADMIN_LISTEN',
  'DATABASE_URL',
  'ALLYNET_JWT_SECRET',
  'ALLYNET_VAPID_PRIVATE_KEY',
  'ALLYNET_VAPID_SUBJECT',
  'ALLYNET_PUSH_ALLOW',
  'ALLYNET_EXTRA_CA',
  'ALLYNET_SMTP_URL',
  'ALLYNET_MAIL_FROM',
  'ALLYNET_PUBLIC_URL',
  'ALLYNET_ALERT_WEBHOOK_URL',
  'ALLYNET_ALERT_WEBHOOK_SECRET',
  'ALLYNET_EMERGENCY_NUMBER',
  'ALLYNET_ALERT_HOLD',
  'ALLYNET_MAP_TILES',
  'ALLYNET_MAP_ATTRIBUTION',
  'ALLYNET_ACCESS_TOKEN_TTL',
  'ALLYNET_REFRESH_TOKEN_TTL',
  'ALLYNET_ADMIN_EMAIL',
  'ALLYNET_ADMIN_PASSWORD',
  'ALLYNET_HELPER_POLICY',
  'ALLYNET_PLACE_BEFORE_ACCEPT',
  'ALLYNET_CORS_ORIGINS',
  'ALLYNET_RATE_LIMITS',
  'ALLYNET_DOCS',
  'ALLYNET_CONNECTIONS_PER_ADDRESS',
  'ALLYNET_TRUSTED_PROXIES',
  'ALLYNET_ALERT_RADII',
  'ALLYNET_ALERT_MIN_HELPERS',
  'ALLYNET_ALERT_WAVE_SIZE',
  'ALLYNET_DISPATCH',
  'ALLYNET_ALERT_PRICE',
  'ALLYNET_DECIDE_INTERVAL',
  'ALLYNET_SILENCE_ACKNOWLEDGEMENT',
  'ALLYNET_SILENCE_ANSWER',
  'ALLYNET_STALL_AFTER',
  'ALLYNET_STALL_ANSWER',
  'ALLYNET_MOVE_INTERVAL',
  'ALLYNET_AMBULANCE_MEDIAN',
  'ALLYNET_AMBULANCE_NEVER',
  'ALLYNET_TIME_ZONE',
  'ALLYNET_POSITION_TTL',
  'ALLYNET_DISK_RESERVE',
  'RUST_LOG',
  'ALLYNET_LOG_FORMAT',
];

describe('the command line', () => {
  it('lists every setting, with its default, and shows no secret that is set', async () => {
    const env = { ALLYNET_JWT_SECRET: 'shown to nobody at all, not here either', ALLYNET_ADMIN_PASSWORD: 'hunter2 hunter2', DATABASE_URL: 'postgres://me:swordfish@db/x' };
    for (const args of [['--help'], ['serve', '--help'], ['-h']]) {
      const { code, stdout, stderr } = await run({ args, env });
      assert.equal(code, 0);
      assert.equal(stderr, '');
      if (args[0] !== '-h') for (const setting of SETTINGS) assert.ok(stdout.includes(setting), `${setting} in ${args.join(' ')}`);
      for (const secret of Object.values(env)) assert.ok(!stdout.includes(secret));
    }
    const { stdout } = await run({ args: ['--help'] });
    for (const value of ['0.0.0.0:5000', 'sqlite://allynet.db', '24h', '7d', 'verified', '5000,10000,15000', '50', 'migrate', 'serve']) {
      assert.ok(stdout.includes(value), value);
    }
  });

  it('refuses unknown arguments', async () => {
    for (const args of [['--nonsense'], ['nonsense'], ['--listen'], ['serve', 'migrate']]) {
      const { code, stderr } = await run({ args });
      assert.notEqual(code, 0);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    }
  });
});

describe('an invalid setting stops the start with one line that names it', () => {
  const webhookSecret = { ALLYNET_ALERT_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' };
  const mail = { ALLYNET_MAIL_FROM: 'alerts@example.org', ALLYNET_PUBLIC_URL: 'https://allynet.example.org' };
  const wrong = [
    ['ALLYNET_LISTEN', 'nowhere'],
    ['ALLYNET_LISTEN', '127.0.0.1:99999'],
    ['ALLYNET_LISTEN', '192.0.2.1:80'],
    ['ALLYNET_ADMIN_LISTEN', '5001'],
    ['ALLYNET_ADMIN_LISTEN', '192.0.2.1:80'],
    ['DATABASE_URL', 'mysql://x'],
    ['DATABASE_URL', 'sqlite:///no/such/folder/allynet.db'],
    ['DATABASE_URL', 'postgres://me:swordfish@127.0.0.1:1/allynet', { ALLYNET_JWT_SECRET: 'long enough, so long, 32 bytes and more' }],
    ['ALLYNET_JWT_SECRET', 'too short, so short, only 31 by'],
    ['ALLYNET_ACCESS_TOKEN_TTL', 'soon'],
    ['ALLYNET_ACCESS_TOKEN_TTL', '0s'],
    ['ALLYNET_REFRESH_TOKEN_TTL', '7'],
    ['ALLYNET_ADMIN_EMAIL', 'nobody'],
    ['ALLYNET_ADMIN_PASSWORD', 'shorty7'],
    ['ALLYNET_HELPER_POLICY', 'everyone'],
    ['ALLYNET_PLACE_BEFORE_ACCEPT', 'roughly'],
    ['ALLYNET_CORS_ORIGINS', 'localhost'],
    ['ALLYNET_ALERT_RADII', '10000,5000'],
    ['ALLYNET_ALERT_RADII', 'far'],
    ['ALLYNET_ALERT_MIN_HELPERS', '-1'],
    ['ALLYNET_ALERT_WAVE_SIZE', '0'],
    ['ALLYNET_ALERT_WAVE_SIZE', '2.5'],
    ['ALLYNET_POSITION_TTL', '1y'],
    ['ALLYNET_VAPID_PRIVATE_KEY', 'swordfish'],
    ['ALLYNET_VAPID_SUBJECT', 'mailto:me@localhost'],
    ['ALLYNET_PUSH_ALLOW', '*.example.org'],
    ['ALLYNET_EXTRA_CA', '/no/such/file'],
    ['ALLYNET_SMTP_URL', 'smtp://me:swordfish@mail.example.org', mail],
    ['ALLYNET_SMTP_URL', 'smtps://me:swordfish@mail.example.org', { ALLYNET_MAIL_FROM: mail.ALLYNET_MAIL_FROM }, 'ALLYNET_PUBLIC_URL'],
    ['ALLYNET_SMTP_URL', 'smtps://me:swordfish@mail.example.org', { ALLYNET_PUBLIC_URL: mail.ALLYNET_PUBLIC_URL }, 'ALLYNET_MAIL_FROM'],
    ['ALLYNET_ALERT_WEBHOOK_URL', 'ftp://swordfish.example.org', { ...mail, ...webhookSecret }],
    ['ALLYNET_ALERT_WEBHOOK_SECRET', 'whsec_swordfish', { ...mail, ALLYNET_ALERT_WEBHOOK_URL: 'https://gateway.example.org' }],
    ['ALLYNET_ALERT_WEBHOOK_URL', 'https://gateway.example.org/swordfish', mail, 'ALLYNET_ALERT_WEBHOOK_SECRET'],
    ['ALLYNET_MAIL_FROM', 'AllyNet'],
    ['ALLYNET_PUBLIC_URL', 'http://allynet.example.org'],
    ['ALLYNET_EMERGENCY_NUMBER', 'police'],
    ['ALLYNET_ALERT_HOLD', '3m'],
    ['ALLYNET_MAP_TILES', 'http://tiles.example.org/{z}/{x}/{y}.png'],
    ['ALLYNET_MAP_ATTRIBUTION', 'x'.repeat(501)],
    ['ALLYNET_LOG_FORMAT', 'xml'],
    ['RUST_LOG', 'allynet=noisy'],
  ];
  const right = { ALLYNET_LISTEN: '127.0.0.1:0', ALLYNET_ADMIN_LISTEN: '127.0.0.1:0', DATABASE_URL: 'sqlite://allynet.db', ALLYNET_ADMIN_EMAIL: 'a@b.example', ALLYNET_ADMIN_PASSWORD: 'long enough' };
  for (const [name, value, more, named = name] of wrong) {
    it(`${name}=${value}${named === name ? '' : ` without ${named}`}`, async () => {
      const { code, stdout, stderr } = await run({ env: { ...right, ...more, [name]: value } });
      assert.notEqual(code, 0);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.ok(stderr.includes(named), stderr);
      assert.ok(!stdout.includes('listening on'));
      const secret = { ALLYNET_JWT_SECRET: value, ALLYNET_VAPID_PRIVATE_KEY: value, ALLYNET_ADMIN_PASSWORD: value, DATABASE_URL: 'swordfish', ALLYNET_SMTP_URL: 'swordfish', ALLYNET_ALERT_WEBHOOK_URL: 'swordfish', ALLYNET_ALERT_WEBHOOK_SECRET: value }[name];
      if (secret) assert.ok(!(stdout + stderr).includes(secret), 'the secret is shown');
    });
  }

  for (const missing of ['ALLYNET_ADMIN_EMAIL', 'ALLYNET_ADMIN_PASSWORD']) {
    it(`${missing} missing beside its counterpart`, async () => {
      const { code, stderr } = await run({ env: { ...right, [missing]: undefined } });
      assert.notEqual(code, 0);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.ok(stderr.includes(missing), stderr);
    });
  }

  it('an address in use', async () => {
    const taken = http.createServer();
    await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { code, stderr } = await run({ env: { ...right, ALLYNET_LISTEN: `127.0.0.1:${taken.address().port}` } });
    taken.close();
    assert.notEqual(code, 0);
    assert.ok(stderr.includes('ALLYNET_LISTEN'), stderr);
  });
});

describe('the key that signs tokens', () => {
  it('is generated beside a SQLite database, readable by its user only, and kept', async () => {
    const database = await createDatabase('sqlite');
    const env = { ALLYNET_JWT_SECRET: undefined };
    const first = await startNode({ database, env });
    const user = await first.user();
    await first.stop();
    const folder = dirname(fileURLToPath(database.url.replace('sqlite:', 'file:')));
    const others = (await readdir(folder)).filter((name) => !/\.db(-wal|-shm|-journal)?$/.test(name));
    assert.equal(others.length, 1, others.join(', '));
    const { mode, size } = await stat(join(folder, others[0]));
    assert.equal(mode & 0o777, 0o600);
    assert.ok(size >= 32);
    const second = await startNode({ database, env });
    assert.equal(ok(await user.at(second).get('/auth/me')).user.id, user.id);
    await second.stop();
    await database.drop();
  });

  if (databases.includes('postgres')) {
    it('is required with PostgreSQL', async () => {
      const database = await createDatabase('postgres');
      const { code, stderr } = await run({ env: { DATABASE_URL: database.url, ALLYNET_LISTEN: '127.0.0.1:0', ALLYNET_ADMIN_LISTEN: 'off' } });
      assert.notEqual(code, 0);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.ok(stderr.includes('ALLYNET_JWT_SECRET'), stderr);
      await database.drop();
    });
  }
});

for (const kind of databases) {
  describe(`running on ${kind}`, () => {
    it('migrates the database by command, repeatedly and concurrently', async () => {
      const database = await createDatabase(kind);
      const migrate = () => run({ args: ['migrate'], env: { DATABASE_URL: database.url } });
      const outcomes = [...(kind === 'postgres' ? await times(3, migrate) : []), await migrate(), await migrate()];
      for (const { code, stdout, stderr } of outcomes) assert.equal(code, 0, stdout + stderr);
      const app = await startNode({ database, args: ['serve'] });
      await app.user();
      await app.stop();
      await database.drop();
    });

    it('reports its health, and nothing else', async () => {
      const app = await startNode({ database: kind });
      await app.user();
      for (const path of ['/api/health', '/healthz', '/readyz']) {
        const answer = await app.anonymous().request('GET', path, undefined, { root: '' });
        assert.equal(answer.status, 200, path);
        assert.doesNotMatch(answer.text, /@|count|user|sqlite|postgres/i);
      }
      const { body } = await app.anonymous().request('GET', '/api/health', undefined, { root: '' });
      assertMatches(body, atLeast({ success: true, status: body.status }));
      assert.equal(typeof body.status, 'string');
      await app.stop();
    });

    it('finishes a request in progress on SIGTERM, closes sockets, and accepts no more', async () => {
      const app = await startNode({ database: kind });
      const user = await app.user();
      const sockets = await Promise.all([user.connect(), user.connect({ transports: ['polling'] })]);
      const raw = await user.connectRaw();
      const body = JSON.stringify({ email: 'late@people.example', password: 'long enough', name: 'Late Comer' });
      const answer = await new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' };
        const request = http.request(`${app.url}/api/v1/auth/register`, { method: 'POST', headers }, (response) => {
          let text = '';
          response.on('data', (part) => (text += part)).on('end', () => resolve({ status: response.statusCode, text, body: JSON.parse(text) }));
        });
        request.on('error', reject);
        // The server is reading the body, so it has accepted the request.
        request.on('continue', async () => {
          app.terminate();
          // The shutdown has begun when connections are refused.
          await eventually(() => new Promise((closed) => http.get(`${app.url}/healthz`, { agent: false }, (more) => closed(more.resume() && false)).on('error', () => closed(true))));
          request.end(body);
        });
        request.flushHeaders();
      });
      ok(answer, 201);
      for (const socket of sockets) await socket.next('disconnect');
      await raw.closed;
      await app.stop();
      await assert.rejects(fetch(`${app.url}/healthz`));
    });

    it('finishes pending client events before it closes the database', async () => {
      for (let round = 0; round < 5; round += 1) {
        const app = await startNode({ database: kind });
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);
        const { id: emergencyId } = await raise(owner, app.somewhere());
        const sockets = await times(20, () => helper.connect());
        for (const socket of sockets) {
          for (let index = 0; index < 60; index += 1) socket.emit(index % 2 ? 'emergency:join' : 'emergency:leave', { emergencyId });
        }
        await sockets[0].next('emergency:joined');
        for (let index = 0; index < 20; index += 1) helper.dial();
        // `stop` fails if the log has faults.
        await app.stop();
      }
    });

    for (const how of ['stop', 'kill']) {
      it(`keeps accounts, sessions, emergencies and the log over a ${how === 'stop' ? 'restart' : 'crash'}`, async () => {
        const database = await createDatabase(kind);
        const before = await startNode({ database });
        const place = before.somewhere();
        const [owner, helper] = await Promise.all([before.owner(), before.helperAt(place)]);
        const watching = await owner.connect();
        const { id: emergencyId } = await raise(owner, place, { requestId: 'before' });
        await respond(helper, emergencyId);
        const { eventId } = await watching.next('helper:joined');
        await before[how]();

        const after = await startNode({ database });
        const [ownerNow, helperNow] = [owner, helper].map((caller) => caller.at(after));
        const sockets = await Promise.all([ownerNow.connect(), helperNow.connect()]);
        for (const socket of sockets) assert.ok(socket.ready.rooms.includes(`emergency:${emergencyId}`));
        assertMatches(await read(ownerNow, emergencyId), atLeast({ status: 'responding' }));
        assert.equal(ok(await helperNow.get('/emergencies/helper-active')).emergency.id, emergencyId);
        assert.equal(ok(await ownerNow.post('/emergencies', { location: place, requestId: 'before' })).emergency.id, emergencyId);
        refused(await ownerNow.post('/emergencies', { location: place }), 409, 'active_emergency_exists');
        ok(await after.anonymous().post('/auth/refresh', { refreshToken: owner.tokens.refreshToken }));
        await after.logIn(owner);
        await after.admin();
        await cancel(ownerNow, emergencyId);
        for (const socket of sockets) {
          const cancelled = await socket.next('emergency:cancelled', of(emergencyId));
          assert.ok(cancelled.eventId > eventId, 'the numbers of events go on');
        }
        await after.stop();
        await database.drop();
      });
    }

    it('writes its log as JSON if configured', async () => {
      const app = await startNode({ database: kind, env: { ALLYNET_LOG_FORMAT: 'json' } });
      await app.user();
      await app.stop();
      const lines = app.stdout.trimEnd().split('\n');
      for (const line of lines) JSON.parse(line);
      assert.ok(lines.length > 1);
    });

    it('creates the administrator once, and leaves an existing account with that email unchanged', async () => {
      const database = await createDatabase(kind);
      const env = { ALLYNET_ADMIN_EMAIL: undefined, ALLYNET_ADMIN_PASSWORD: undefined };
      const without = await startNode({ database, env });
      const user = await without.user({ email: 'admin@allynet.example' });
      await without.stop();
      const app = await startNode({ database });
      assert.equal((await app.logIn(user)).user.role, 'user');
      await app.stop();
      await database.drop();
    });
  });
}
