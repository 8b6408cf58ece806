// The demonstration, in short: it has to run, to be told about, and to end well.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const DEMO = fileURLToPath(new URL('./demo.mjs', import.meta.url));

/** Runs it until it ends: how, and what it said. `until` is what it is interrupted after, if it is. */
async function play(env, until) {
  // As at a terminal: Ctrl-C reaches it and the service that it has started.
  const child = spawn(process.execPath, [DEMO], { env: { ...process.env, ...env }, timeout: 60_000, detached: true });
  const said = { stdout: '', stderr: '' };
  let interrupted = false;
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      said[name] += text;
      if (interrupted || !until?.test(said.stdout)) return;
      interrupted = true;
      process.kill(-child.pid, 'SIGINT');
    });
  }
  const [code, signal] = await new Promise((ended) => child.once('close', (...how) => ended(how)));
  return { code, signal, ...said };
}

describe('the demonstration', () => {
  it('shows people who are helped, and ends by itself', async () => {
    const { code, signal, stdout, stderr } = await play({ DEMO_SECONDS: '10', DEMO_HELPERS: '16', DEMO_OWNERS: '4' });
    assert.deepEqual([code, signal, stderr], [0, null, ''], stdout + stderr);
    for (const line of [/PRESSES THE BUTTON/, /is coming to/, /sees that \w+ \d+ is coming/, /everybody is there/, /[1-9]\d* answered/]) {
      assert.match(stdout, line);
    }
  });

  it('ends when it is interrupted, and not well if nobody was helped', async () => {
    const { code, signal, stdout, stderr } = await play({ DEMO_SECONDS: '50', DEMO_HELPERS: '4', DEMO_OWNERS: '0' }, /everybody is there/);
    assert.deepEqual([code, signal, stderr], [1, null, ''], stdout + stderr);
    assert.match(stdout, /0 emergencies: 0 answered/);
  });
});
