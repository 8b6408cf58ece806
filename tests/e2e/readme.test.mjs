// The tours of the README run as they are printed, the first one twice.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BINARY } from './fake-services.mjs';
import { eventually, startNode } from './harness.mjs';

const LIMIT = 120_000;
const PRINTED_URL = 'http://localhost:5000';
const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const PACKAGES = fileURLToPath(new URL('node_modules', import.meta.url));

/** What the README says about trying the service, and its shell commands in order. */
async function tours() {
  const [, rest] = (await readFile(README, 'utf8')).split('\n## Try it\n');
  const [section] = rest.split('\n## ');
  return { section, shell: [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, commands]) => commands) };
}

describe('the README', { concurrency: true }, () => {
  it('has a tour that runs as it is printed, as often as one likes', async () => {
    const { section, shell: [tour] } = await tours();
    const [, listener] = /```js\n([^]*?)```/.exec(section);
    const [, told] = /The helper receives ([^]*?), which/.exec(section);
    const events = [...told.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    assert.ok(events.length > 5, told);
    const app = await startNode({ env: { ALLYNET_HELPER_POLICY: 'open' } });
    const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-'));
    try {
      // Instead of `npm install socket.io-client`.
      await symlink(PACKAGES, join(folder, 'node_modules'));
      await writeFile(join(folder, 'listen.mjs'), listener.replaceAll(PRINTED_URL, app.url));
      // Beside other tests Node.js takes its time to start, and to print.
      const connected = `until curl -sS ${app.adminUrl}/metrics | grep -qx 'allynet_sockets 1'; do sleep 0.1; done`;
      const patient = tour.replaceAll(PRINTED_URL, app.url).replace('sleep 2', connected).replace('sleep 2', 'sleep 5');
      const sockets = async () => /^allynet_sockets (\d+)$/m.exec(await (await fetch(`${app.adminUrl}/metrics`)).text())?.[1];
      for (const run of ['first', 'second']) {
        await eventually(async () => ['0', undefined].includes(await sockets()), LIMIT);
        const shell = spawn('bash', ['-c', patient], { cwd: folder, timeout: LIMIT });
        const [output, errors] = await Promise.all([text(shell.stdout), text(shell.stderr)]);
        // Not only at the start of a line: `curl` writes its line feed after the answer, and the listener may write between the two.
        const received = [...output.matchAll(/([a-z]+:[a-z_]+) \{/g)].map(([, name]) => name);
        assert.deepEqual(events.filter((name) => !received.includes(name)), [], `${run} run: ${output}${errors}`);
        assert.doesNotMatch(output, /"success":false/, `${run} run`);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
      await app.stop();
    }
  });

  it('has a tour that shows a push', async () => {
    const { shell: [tour, startFake, startService, push] } = await tours();
    const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-'));
    // Started without Cargo, which the test has used already, and in place of the shell, so that it can be ended.
    const fake = spawn('bash', ['-c', startFake.replace('cargo run --quiet --bin fake-services', `exec ${BINARY}`)], { cwd: folder });
    let app;
    try {
      await eventually(async () => JSON.parse(await readFile(join(folder, 'fake.json'), 'utf8').catch(() => 'null') || 'null'), LIMIT);
      const printed = spawn('bash', ['-c', startService.replace('make run', 'env')], { cwd: folder, env: { PATH: process.env.PATH }, timeout: LIMIT });
      const settings = (await text(printed.stdout)).split('\n').filter((line) => line.startsWith('ALLYNET_'));
      assert.deepEqual(settings.map((line) => line.split('=')[0]).sort(), ['ALLYNET_EXTRA_CA', 'ALLYNET_HELPER_POLICY', 'ALLYNET_PUSH_ALLOW']);
      const env = Object.fromEntries(settings.map((line) => line.split('=')));
      app = await startNode({ env: { ...env, ALLYNET_EXTRA_CA: join(folder, env.ALLYNET_EXTRA_CA) } });
      const [first] = /^[^]*?send PUT helpers\/me\/location .*\n/.exec(tour);
      const commands = (first + push).replaceAll(PRINTED_URL, app.url);
      const shell = spawn('bash', ['-c', commands], { cwd: folder, timeout: LIMIT });
      const [output, errors] = await Promise.all([text(shell.stdout), text(shell.stderr)]);
      assert.doesNotMatch(output, /"success":false/, output);
      const pushes = JSON.parse(/^\[\{.*"text".*\]$/m.exec(output)?.[0] ?? assert.fail(output + errors));
      assert.deepEqual(pushes.map((received) => JSON.parse(received.text).kind), ['alert']);
    } finally {
      fake.kill();
      await app?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
