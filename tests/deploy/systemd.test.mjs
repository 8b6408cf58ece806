// The units of docs/deploy/systemd, installed as the guide says, in a container that was booted with systemd.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { strippedBinary } from './binary.mjs';
import { asRoot, Container, REPOSITORY, root, unpackBaseSystem } from './container.mjs';
import { commands } from './guide.mjs';

const CALLS = fileURLToPath(new URL('calls.mjs', import.meta.url));
const UNIT = `${REPOSITORY}docs/deploy/systemd/allynet.service`;
/** Exposure by `systemd-analyze security`, in tenths. */
const MAX_EXPOSURE = 15;

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

  const http = async (path) => JSON.parse(await machine.runInNetwork('curl', '-sS', '--fail', `http://127.0.0.1:5000${path}`));
  const mainProcess = async () => (await machine.run('systemctl', 'show', '--value', '--property=MainPID', 'allynet')).trim();

  /** Calls for help without a pause while `action` runs: the outcome of the calls. */
  async function whileCalling(action) {
    const init = machine.init;
    const [program, ...args] = asRoot('nsenter', '--target', init, '--net', '--', process.execPath, CALLS, 'http://127.0.0.1:5000');
    const caller = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const outcome = text(caller.stdout);
    await once(caller.stderr, 'data');
    await pause(500);
    await action();
    await pause(500);
    caller.stdin.end();
    return JSON.parse(await outcome);
  }

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
    const outcome = await whileCalling(() => machine.run('systemctl', 'restart', 'allynet'));
    assert.notEqual(await mainProcess(), before);
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.calls > 20, `only ${outcome.calls} calls`);
  });

  it('is started again when it was killed', async () => {
    const before = await mainProcess();
    await machine.run('systemctl', 'kill', '--signal=KILL', 'allynet');
    // The socket is open meanwhile: the request waits.
    await machine.runInNetwork('curl', '-sS', '--fail', '--retry', '5', '--retry-all-errors', 'http://127.0.0.1:5000/readyz');
    assert.notEqual(await mainProcess(), before);
  });
});
