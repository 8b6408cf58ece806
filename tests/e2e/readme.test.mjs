// The tour of the README runs as it is printed, twice.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startNode } from './harness.mjs';

const LIMIT = 120_000;
const PRINTED_URL = 'http://localhost:5000';
const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const PACKAGES = fileURLToPath(new URL('node_modules', import.meta.url));

it('has a README whose tour runs as it is printed, as often as one likes', async () => {
  const readme = await readFile(README, 'utf8');
  const [, section] = readme.split('\n## Try it\n');
  const [listener, tour] = [/```js\n([^]*?)```/, /```sh\n([^]*?)```/].map((block) => block.exec(section)[1]);
  const [, told] = /The helper receives ([^]*?), which/.exec(section);
  const events = [...told.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  assert.ok(events.length > 5, told);
  const app = await startNode({ env: { ALLYNET_HELPER_POLICY: 'open' } });
  const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-'));
  try {
    // Instead of `npm install socket.io-client`.
    await symlink(PACKAGES, join(folder, 'node_modules'));
    await writeFile(join(folder, 'listen.mjs'), listener.replaceAll(PRINTED_URL, app.url));
    // Node.js takes longer to start beside the other tests.
    const patient = tour.replaceAll(PRINTED_URL, app.url).replaceAll('sleep 2', 'sleep 5');
    for (const run of ['first', 'second']) {
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
