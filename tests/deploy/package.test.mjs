// The Debian package: installed, upgraded and removed by dpkg, in a container that was booted with systemd.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Container, REPOSITORY, root, unpackBaseSystem } from './container.mjs';
import { whileCalling } from './calls.mjs';

const HEALTH = 'http://127.0.0.1:5000/api/health';

describe('the Debian package', () => {
  let machine;
  let folder;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'allynet-package-'));
    // Two packages of one binary, the second an upgrade of the first.
    for (const revision of ['1', '2']) {
      const options = ['--no-build', '--strip', '--fast', '--profile', 'dev', '--deb-revision', revision, '--output', folder];
      execFileSync('cargo', ['deb', '--quiet', '--package', 'allynet-server', ...options], { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
    }
    const system = await unpackBaseSystem();
    await root('cp', '-r', folder, `${system}/root/packages`);
    machine = await Container.boot(system);
  });
  after(async () => {
    await machine?.stop();
    await root('rm', '-rf', folder);
  });

  const install = (index) => machine.run('dpkg', '--install', `/root/packages/${readdirSync(folder).sort()[index]}`);
  const health = () => machine.runInNetwork('curl', '-sS', '--fail', '--retry', '20', '--retry-delay', '1', '--retry-all-errors', HEALTH);

  it('starts the service, as its user, with its units enabled', async () => {
    await install(0);
    assert.match(await health(), /"status":"ok"/);
    const enabled = await machine.run('systemctl', 'is-enabled', 'allynet.socket', 'allynet.service');
    assert.equal(enabled, 'enabled\nenabled\n');
    assert.equal((await machine.run('stat', '--format=%U', '/var/lib/allynet/allynet.db')).trim(), 'allynet');
  });

  it('keeps changed settings and every call for help over an upgrade', async () => {
    await machine.run('bash', '-c', 'echo ALLYNET_EMERGENCY_NUMBER=911 >> /etc/allynet/allynet.env');
    const outcome = await whileCalling(machine, 'http://127.0.0.1:5000', () => install(1));
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.calls > 20, `only ${outcome.calls} calls`);
    assert.match(await machine.run('dpkg-query', '--show', 'allynet'), /-2$/m);
    const configuration = await machine.runInNetwork('curl', '-sS', '--fail', 'http://127.0.0.1:5000/api/v1/app/config');
    assert.match(configuration, /"911"/);
  });

  it('leaves nothing but the database when it is purged', async () => {
    await machine.run('dpkg', '--purge', 'allynet');
    await assert.rejects(machine.runInNetwork('curl', '-sS', HEALTH), /onnect/);
    const left = await machine.run('find', '/etc', '/usr', '/var/lib', '-path', '*allynet*', '-not', '-path', '/var/lib/allynet*');
    assert.equal(left, '');
    await machine.run('test', '-s', '/var/lib/allynet/allynet.db');
  });
});
