// Backups, made and restored by the commands of docs/backup.md; and `allynet check`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startFakeServices } from './fake-services.mjs';
import { BINARY, createDatabase, databases, freePort, run, startNode } from './harness.mjs';
import { cancel, messagesOf, raise, read, respond, say } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

const document = await readFile(new URL('../../docs/backup.md', import.meta.url), 'utf8');

/** The blocks of commands of a section, in their order. */
const commands = (section) => {
  const text = document.split(/^## /m).find((part) => part.startsWith(section));
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block);
};

/** Runs commands in a folder, with `allynet` and the programs of PostgreSQL in the path. */
async function shell(folder, block, env = {}) {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await symlink(BINARY, join(bin, 'allynet')).catch(() => {});
  const servers = (await readdir('/usr/lib/postgresql').catch(() => [])).sort((a, b) => b - a).map((version) => `/usr/lib/postgresql/${version}/bin`);
  const PATH = [bin, ...servers, process.env.PATH].join(':');
  return promisify(execFile)('bash', ['-euc', block], { cwd: folder, env: { PATH, HOME: folder, RUST_LOG: 'warn', ...env } });
}

const temporary = () => mkdtemp(join(tmpdir(), 'allynet-e2e-backup-'));
const mode = async (path) => (await stat(path)).mode & 0o777;

describe('a SQLite database', () => {
  it('is backed up while it is written, and restored with its keys, on a machine without the old files', async () => {
    const folder = await temporary();
    const database = { kind: 'sqlite', url: `sqlite://${join(folder, 'allynet.db')}`, drop: () => rm(folder, { recursive: true, force: true }) };
    // The keys are the generated ones.
    const start = () => startNode({ database, env: { ALLYNET_JWT_SECRET: undefined, ALLYNET_VAPID_PRIVATE_KEY: undefined } });
    const app = await start();
    const place = app.somewhere();
    const [owner, helper] = await Promise.all([app.owner(), app.helperAt(place)]);
    const { id } = await raise(owner, place);
    await respond(helper, id);
    await say(owner, id, 'before the backup');
    let writing = true;
    const writer = (async () => {
      while (writing) await say(owner, id, 'while the backup is made');
    })();
    const [backUp, restore] = commands('SQLite');
    const env = { DATABASE_URL: 'sqlite://allynet.db' };
    const { stdout } = await shell(folder, backUp, env);
    writing = false;
    await writer;
    const files = ['backup.db', 'backup.db.secret', 'backup.db.vapid'];
    for (const name of files) {
      assert.ok(stdout.includes(`wrote ${name}`), stdout);
      assert.equal(await mode(join(folder, name)), 0o600, name);
    }

    // It overwrites none of them, and leaves nothing beside them.
    const content = () => Promise.all(files.map((name) => readFile(join(folder, name))));
    const kept = await content();
    await assert.rejects(shell(folder, backUp, env), /backup\.db/);
    assert.deepEqual(await content(), kept);
    await rm(join(folder, 'backup.db'));
    await assert.rejects(shell(folder, backUp, env), /backup\.db\.secret/);
    assert.ok(!(await readdir(folder)).includes('backup.db'));
    await writeFile(join(folder, 'backup.db'), kept[0], { mode: 0o600 });

    await cancel(owner, id);
    await app.stop();
    for (const name of ['allynet.db.secret', 'allynet.db.vapid', 'allynet.db.high-water']) await rm(join(folder, name), { force: true });
    await shell(folder, `${restore}\nallynet after-restore`, env);
    const restored = await start();
    assert.equal((await read(owner.at(restored), id)).status, 'responding');
    assert.ok((await messagesOf(owner.at(restored), id)).some(({ message }) => message === 'before the backup'));
    await say(helper.at(restored), id, 'after the restore');
    const again = await owner.at(restored).connect({ auth: { token: owner.tokens.accessToken, lastEventId: 1_000_000 } });
    assert.equal((await again.next('session:resync')).reason, 'unknown_event');
    await cancel(owner.at(restored), id);
    await restored.stop();
    await database.drop();
  });

  it('that does not exist is not created by a backup', async () => {
    const folder = await temporary();
    const { code, stderr } = await run({ args: ['backup', join(folder, 'copy.db')], env: { DATABASE_URL: `sqlite://${folder}/none.db` } });
    assert.deepEqual([code, await readdir(folder)], [1, []]);
    assert.match(stderr, /DATABASE_URL: there is no file/);
    await rm(folder, { recursive: true });
  });
});

if (databases.includes('postgres')) {
  describe('a PostgreSQL database', () => {
    it('is backed up by its own tools, and restored', async () => {
      const [folder, database, target] = [await temporary(), await createDatabase('postgres'), await createDatabase('postgres')];
      const app = await startNode({ database });
      const [owner, place] = [await app.owner(), app.somewhere()];
      const { id } = await raise(owner, place);
      const refusal = await run({ args: ['backup', 'backup.db'], env: { DATABASE_URL: database.url, ALLYNET_JWT_SECRET: app.env.ALLYNET_JWT_SECRET } });
      assert.equal(refusal.code, 1);
      assert.match(refusal.stderr, /pg_dump --format=custom/);
      const [backUp, restore] = commands('PostgreSQL');
      const env = { DATABASE_URL: database.url, SERVER_URL: database.url, RESTORED_URL: target.url, ALLYNET_JWT_SECRET: app.env.ALLYNET_JWT_SECRET };
      await shell(folder, backUp, env);
      await cancel(owner, id);
      await app.stop();
      // The test has its own name for the new database.
      const name = new URL(target.url).pathname.slice(1);
      await database.query(`DROP DATABASE ${name}`);
      await shell(folder, restore.replaceAll('allynet_restored', name), env);
      const restored = await startNode({ database: target });
      assert.equal((await read(owner.at(restored), id)).status, 'active');
      await cancel(owner.at(restored), id);
      await restored.stop();
      await Promise.all([database.drop(), target.drop(), rm(folder, { recursive: true })]);
    });
  });
}

describe('allynet check', () => {
  const PARTS = ['settings', 'database', 'clock', 'push keys', 'mail', 'Redis', 'map tiles'];
  let folder;
  before(async () => (folder = await temporary()));
  after(() => rm(folder, { recursive: true }));

  /** The exit code, and what was found of each part: `{ status, text }`. */
  const check = async (env) => {
    const { code, stdout, stderr } = await run({ args: ['check'], env: { RUST_LOG: 'warn', ...env } });
    const lines = stdout.trimEnd().split('\n').map((line) => /^(ok|warning|failed) +([^:]+): (.+)$/.exec(line));
    assert.ok(lines.every(Boolean), stdout + stderr);
    assert.deepEqual(lines.map(([, , part]) => part), PARTS);
    return { code, stdout, ...Object.fromEntries(lines.map(([, status, part, text]) => [part, { status, text }])) };
  };
  const statuses = (found) => Object.fromEntries(PARTS.map((part) => [part, found[part].status]));

  it('finds nothing wrong with a complete installation, and changes nothing in an empty one', async () => {
    const DATABASE_URL = `sqlite://${join(folder, 'allynet.db')}`;
    const first = await check({ DATABASE_URL });
    assert.deepEqual([first.code, await readdir(folder)], [0, []]);
    assert.deepEqual(statuses(first), { settings: 'ok', database: 'warning', clock: 'ok', 'push keys': 'warning', mail: 'warning', Redis: 'ok', 'map tiles': 'ok' });

    const services = await startFakeServices();
    assert.equal((await run({ args: ['migrate'], env: { DATABASE_URL } })).code, 0);
    const complete = await check({ DATABASE_URL, ...services.env, ALLYNET_TRUSTED_PROXIES: '127.0.0.1' });
    assert.equal(complete.code, 0, complete.stdout);
    for (const part of PARTS) assert.equal(complete[part].status, 'ok', complete.stdout);
    assert.match(complete.database.text, /^SQLite .+, up to date$/);
    await services.stop();
  });

  it('names what cannot be used, and what to do, without secrets', async () => {
    const nothing = await freePort();
    await writeFile(join(folder, 'garbage.db'), 'this is no database, but a text that is long enough to be read as one'.repeat(100));
    const broken = await check({
      DATABASE_URL: `sqlite://${join(folder, 'garbage.db')}`,
      ALLYNET_JWT_SECRET: 'swordfish',
      ALLYNET_VAPID_PRIVATE_KEY: 'swordfish',
      ALLYNET_SMTP_URL: `smtp://me:swordfish@127.0.0.1:${nothing}`,
      ALLYNET_MAIL_FROM: 'a@example.org',
      ALLYNET_PUBLIC_URL: 'https://ally.example',
      REDIS_URL: `redis://:swordfish@127.0.0.1:${nothing}`,
      ALLYNET_MAP_TILES: `https://127.0.0.1:${nothing}/{z}/{x}/{y}.png`,
    });
    assert.equal(broken.code, 1);
    assert.deepEqual(statuses(broken), { settings: 'failed', database: 'failed', clock: 'ok', 'push keys': 'failed', mail: 'failed', Redis: 'failed', 'map tiles': 'warning' });
    for (const [part, setting] of Object.entries({ settings: 'ALLYNET_JWT_SECRET', database: 'DATABASE_URL', 'push keys': 'ALLYNET_VAPID_PRIVATE_KEY', mail: 'ALLYNET_SMTP_URL', Redis: 'REDIS_URL', 'map tiles': 'ALLYNET_MAP_TILES' })) {
      assert.ok(broken[part].text.includes(setting), broken.stdout);
    }
    assert.ok(!broken.stdout.includes('swordfish'), broken.stdout);
    const away = await check({ DATABASE_URL: `sqlite://${folder}/no/such/folder/a.db` });
    assert.deepEqual([away.code, away.database.status], [1, 'failed']);
  });

  if (databases.includes('postgres')) {
    it('tells of migrations that are pending, and of those that a newer version applied', async () => {
      const database = await createDatabase('postgres');
      const env = { DATABASE_URL: database.url, ALLYNET_JWT_SECRET: 'long enough, so long, 32 bytes and more' };
      const empty = await check(env);
      assert.deepEqual([empty.code, empty.database.status], [0, 'warning']);
      assert.match(empty.database.text, /^PostgreSQL .+ migrations are pending/);
      assert.match(empty.clock.text, /as at the database$/);
      assert.equal((await run({ args: ['migrate'], env })).code, 0);
      assert.match((await check(env)).database.text, /^PostgreSQL .+ with PostGIS .+, up to date$/);
      await database.query('INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations LIMIT 1');
      const newer = await check(env);
      assert.deepEqual([newer.code, newer.database.status], [1, 'failed']);
      assert.match(newer.database.text, /newer version/);
      await database.drop();
    });
  }
});
