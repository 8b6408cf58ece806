// The units of docs/deploy/systemd, installed as the guide says, in a container that was booted with systemd.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { strippedBinary } from './binary.mjs';
import { asRoot, Container, REPOSITORY, root, unpackBaseSystem } from './container.mjs';
import { whileCalling } from './calls.mjs';
import { commands } from './guide.mjs';
import { startProxy } from './proxy-programs.mjs';

const UNIT = `${REPOSITORY}docs/deploy/systemd/allynet.service`;
/** Exposure by `systemd-analyze security`, in tenths. */
const MAX_EXPOSURE = 15;
const SECRET = 'the tests of the units sign their tokens with this';

describe('the service under systemd', () => {
  let machine;
  before(async () => {
    const folder = await unpackBaseSystem();
    await root('mkdir', '-p', `${folder}/root/allynet`);
    await root('cp', '-r', strippedBinary(), `${REPOSITORY}docs`, `${folder}/root/allynet`);
    machine = await Container.boot(folder);
    await machine.run('bash', '-euc', `cd /root/allynet\n${commands('systemd')}`);
  });
  after(() => machine?.stop());

  // It listens a moment before it is ready.
  const untilReady = ['--retry', '20', '--retry-delay', '1', '--retry-all-errors'];
  const http = async (path) => JSON.parse(await machine.runInNetwork('curl', '-sS', '--fail', ...untilReady, `http://127.0.0.1:5000${path}`));
  const mainProcess = async () => (await machine.run('systemctl', 'show', '--value', '--property=MainPID', 'allynet')).trim();

  it('runs, ready, on the socket of its unit', async () => {
    assert.equal((await http('/readyz')).status, 'ok');
    const socket = await machine.run('systemctl', 'show', '--value', '--property=NAccepted,SubState', 'allynet.socket');
    assert.match(socket, /running/);
    assert.match(await machine.run('journalctl', '--unit=allynet', '--output=cat'), /listening on http:\/\/127\.0\.0\.1:5000/);
  });

  it('shares its database with the commands of the binary', async () => {
    const email = `admin-${process.pid}@people.example`;
    const person = { name: 'Ada Min', email, password: 'correct horse battery' };
    const body = ['-H', 'Content-Type: application/json', '-d', JSON.stringify(person)];
    await machine.runInNetwork('curl', '-sS', '--fail', ...body, 'http://127.0.0.1:5000/api/v1/auth/register');
    const command = commands('systemd-command');
    await machine.run('bash', '-euc', command.replace('list', `grant ${email}`));
    assert.match(await machine.run('bash', '-euc', command), new RegExp(email));
  });

  it('is hardened', async () => {
    await root('systemd-analyze', 'security', '--offline=true', `--threshold=${MAX_EXPOSURE}`, UNIT);
    await machine.run('systemctl', 'show', '--property=LimitNOFILE', 'allynet').then((limit) => assert.equal(limit.trim(), 'LimitNOFILE=1048576'));
    const status = await machine.run('cat', `/proc/${await mainProcess()}/status`);
    assert.match(status, /^CapBnd:\s+0+$/m);
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    assert.match(status, /^Seccomp:\s+2$/m);
    assert.notEqual((await machine.run('stat', '--format=%a', '/var/lib/allynet/allynet.db')).trim().at(-1), '4');
  });

  it('restarts without a failed call for help', async () => {
    const before = await mainProcess();
    const outcome = await whileCalling(machine, 'http://127.0.0.1:5000', () => machine.run('systemctl', 'restart', 'allynet'));
    assert.notEqual(await mainProcess(), before);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.calls > 20, `only ${outcome.calls} calls`);
  });

  it('restarts behind Caddy without a failed call for help', async () => {
    const caddy = await startProxy('Caddy', ['127.0.0.1:5000'], asRoot(...machine.inNetwork()));
    try {
      await machine.runInNetwork('curl', '-sS', '--fail', ...untilReady, '--cacert', process.env.NODE_EXTRA_CA_CERTS, `${caddy.url}/readyz`);
      const outcome = await whileCalling(machine, caddy.url, () => machine.run('systemctl', 'restart', 'allynet'));
      assert.deepEqual(outcome.failures, []);
      assert.ok(outcome.calls > 20, `only ${outcome.calls} calls`);
    } finally {
      await caddy.stop();
    }
  });

  it('is started again when it was killed', async () => {
    const before = await mainProcess();
    await machine.run('systemctl', 'kill', '--signal=KILL', 'allynet');
    // The socket is open meanwhile: the request waits.
    await machine.runInNetwork('curl', '-sS', '--fail', ...untilReady, 'http://127.0.0.1:5000/readyz');
    assert.notEqual(await mainProcess(), before);
  });

  it('takes its secrets from files that only it can read', async () => {
    const secrets = {
      'database-url': 'sqlite:///var/lib/allynet/allynet.db',
      'redis-url': 'redis://127.0.0.1:6379',
      'jwt-secret': SECRET,
      'vapid-private-key': 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
    };
    await machine.run('rm', '-f', '/var/lib/allynet/allynet.db.secret', '/var/lib/allynet/allynet.db.vapid');
    const files = Object.entries(secrets).map(([name, secret]) => `printf '%s' '${secret}' > ${name}`);
    await machine.run('bash', '-euc', `mkdir -m 700 /etc/allynet/credentials\ncd /etc/allynet/credentials\numask 077\n${files.join('\n')}`);
    await machine.run('bash', '-euc', `cd /root/allynet\n${commands('systemd-credentials')}`);
    assert.match((await http('/readyz')).status, /ok|degraded/);
    const process = `/proc/${await mainProcess()}`;
    assert.ok(!(await machine.run('cat', `${process}/environ`, `${process}/cmdline`)).includes(SECRET));
    // Nothing was generated in place of what was given.
    assert.ok(!/secret|vapid/.test(await machine.run('ls', '/var/lib/allynet')));
    const journal = await machine.run('journalctl', '--unit=allynet', '--output=cat');
    assert.ok(!journal.includes(SECRET));
    assert.ok(!/eyJ|WARN.*setting/.test(journal), 'no token in the log');
  });
});
