// Secrets in files, and their replacement while the service runs.

import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createDatabase, eventually, run, startNode } from './harness.mjs';
import { ok, refused } from './shapes.mjs';

const [OLD, NEW] = ['old', 'new'].map((name) => `the-${name}-secret-of-these-tests-is-long`);
const right = { ALLYNET_LISTEN: '127.0.0.1:0', ALLYNET_ADMIN_LISTEN: 'off', DATABASE_URL: 'sqlite://allynet.db' };

describe('secrets in files', () => {
  let folder;
  const file = async (name, content) => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-secrets-'))));
  after(() => rm(folder, { recursive: true, force: true }));

  it('both a value and a file stop the start with one line that names both', async () => {
    const env = { ...right, ALLYNET_JWT_SECRET: OLD, ALLYNET_JWT_SECRET_FILE: await file('one', OLD) };
    const { code, stderr } = await run({ env });
    assert.equal(code, 2);
    assert.equal(stderr, 'error: ALLYNET_JWT_SECRET and ALLYNET_JWT_SECRET_FILE are both set: set one of them\n');
  });

  it('a file that cannot be read, or holds no secret, stops the start with one line that names it', async () => {
    for (const [path, code] of [[join(folder, 'missing'), 2], [await file('short', 'too short'), 1]]) {
      const got = await run({ env: { ...right, ALLYNET_JWT_SECRET_FILE: path } });
      assert.equal(got.code, code);
      assert.match(got.stderr, /^error: ALLYNET_JWT_SECRET[^\n]*\n$/);
    }
  });

  it('are replaced on SIGHUP while sockets stay connected and old tokens stay valid', async () => {
    const [tokens, admin] = [await file('tokens', OLD), await file('admin', 'a password of an administrator\n')];
    const env = { ALLYNET_JWT_SECRET: undefined, ALLYNET_JWT_SECRET_FILE: tokens, ALLYNET_ADMIN_PASSWORD: undefined, ALLYNET_ADMIN_PASSWORD_FILE: admin };
    const app = await startNode({ env });
    const user = await app.user();
    const socket = await user.connect();
    const lines = () => app.stdout.split('\n').filter((line) => line.includes('SIGHUP'));
    const reload = async (expected) => {
      const count = lines().length;
      process.kill(app.pid, 'SIGHUP');
      await eventually(() => lines().length > count);
      assert.match(lines().at(-1), expected);
      assert.equal(lines().length, count + 1, 'one line for each signal');
    };
    const works = async (caller) => ok(await caller.get('/auth/me'));

    await reload(/INFO.*replaced=""/);
    await file('tokens', `${NEW}\n${OLD}\n`);
    await reload(/INFO.*replaced="ALLYNET_JWT_SECRET"/);
    await works(user);
    const signedByNew = await app.logIn(user);

    // What cannot be used changes nothing.
    await rm(tokens);
    await reload(/WARN.*ALLYNET_JWT_SECRET_FILE: cannot read/);
    await file('tokens', `${NEW} short`);
    await reload(/WARN.*ALLYNET_JWT_SECRET: each secret/);
    for (const caller of [user, signedByNew]) await works(caller);
    ok(await app.anonymous().post('/auth/refresh', { refreshToken: user.tokens.refreshToken }));

    await file('tokens', NEW);
    await file('admin', 'another password of an administrator');
    await reload(/INFO.*replaced="ALLYNET_JWT_SECRET" at_next_start="ALLYNET_ADMIN_PASSWORD"/);
    await works(signedByNew);
    refused(await user.get('/auth/me'), 401, 'token_invalid');
    await socket.roundTrip();
    assert.deepEqual(socket.seen('disconnect'), []);
    assert.ok(![OLD, NEW].some((secret) => app.logs.includes(secret)), 'a secret is in the log');
    await app.stop();
  });

  it('are replaced on two nodes, one after the other, and no token of either is refused', async () => {
    const database = await createDatabase('postgres');
    const files = await Promise.all([0, 1].map((index) => file(`node-${index}`, OLD)));
    const start = (path) => startNode({ database, env: { ALLYNET_JWT_SECRET: undefined, ALLYNET_JWT_SECRET_FILE: path } });
    const nodes = await Promise.all(files.map(start));
    const user = await nodes[0].user();
    const sessions = [];
    // New tokens of each node, by a password and by a refresh token; then all that there are, at each.
    const check = async () => {
      for (const node of nodes) {
        const session = await node.logIn(user);
        sessions.push(session);
        const { refreshToken } = session.tokens;
        const other = session.at(node === nodes[0] ? nodes[1] : nodes[0]);
        Object.assign(session.tokens, ok(await other.post('/auth/refresh', { refreshToken })));
      }
      for (const node of nodes) for (const session of sessions) ok(await session.at(node).get('/auth/me'));
    };
    const replace = async (index, secrets) => {
      const [node, path] = [nodes[index], files[index]];
      const count = () => node.stdout.split('replaced="ALLYNET_JWT_SECRET"').length;
      const before = count();
      await writeFile(path, secrets);
      process.kill(node.pid, 'SIGHUP');
      await eventually(() => count() > before, 30_000);
    };
    await check();
    // As docs/operations.md says: all accept the new secret before one signs with it.
    for (const secrets of [`${OLD} ${NEW}`, `${NEW} ${OLD}`]) {
      for (const index of [0, 1]) {
        await replace(index, secrets);
        await check();
      }
    }
    // What the old one signed ends with it; what the new one signed does not.
    const [before, after] = [user, sessions.at(-1)];
    for (const index of [0, 1]) await replace(index, NEW);
    for (const node of nodes) {
      refused(await before.at(node).get('/auth/me'), 401, 'token_invalid');
      ok(await after.at(node).get('/auth/me'));
    }
    for (const node of nodes) await node.stop();
    await database.drop();
  });

  it('the generated one beside a SQLite file is replaced as well', async () => {
    const app = await startNode({ env: { ALLYNET_JWT_SECRET: undefined } });
    const user = await app.user();
    const path = `${app.database.url.replace('sqlite://', '')}.secret`;
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await writeFile(path, NEW);
    process.kill(app.pid, 'SIGHUP');
    await eventually(() => app.stdout.includes('replaced="ALLYNET_JWT_SECRET"'));
    refused(await user.get('/auth/me'), 401, 'token_invalid');
    await app.stop();
  });
});

describe('the version', () => {
  it('is shown by --version, /api/health and the metrics', async () => {
    const { code, stdout } = await run({ args: ['--version'] });
    assert.equal(code, 0);
    const [, version] = /^allynet (\d+\.\d+\.\d+) \(.+\)\n$/.exec(stdout);
    const app = await startNode();
    const health = await (await fetch(`${app.url}/api/health`)).json();
    assert.equal(health.version, version);
    assert.deepEqual(Object.keys(health), ['success', 'status', 'version', 'commit', 'builtAt']);
    const metrics = await (await fetch(`${app.adminUrl}/metrics`)).text();
    const build = metrics.split('\n').find((line) => line.startsWith('allynet_build_info'));
    assert.ok(build.includes(`version="${version}"`) && build.includes(`commit="${health.commit ?? 'unknown'}"`), build);
    await app.stop();
  });
});
