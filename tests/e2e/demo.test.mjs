// A short run of the demonstration: it prints what happens and ends successfully.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const DEMO = fileURLToPath(new URL('./demo.mjs', import.meta.url));

/** What is printed when emergencies are helped. */
const HELPED = [/PRESSES THE BUTTON/, /is coming to/, /sees that \w+ \d+ is coming/, /everybody is there/];

/** Runs the demonstration: its exit status and output. It is interrupted once its output matches all of `until`, if given. */
async function play(env, until) {
  // As in a terminal, Ctrl-C reaches the demonstration and the service it has started.
  const child = spawn(process.execPath, [DEMO], { env: { ...process.env, ...env }, timeout: 180_000, detached: true });
  const said = { stdout: '', stderr: '' };
  let interrupted = false;
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      said[name] += text;
      if (interrupted || !until?.every((line) => line.test(said.stdout))) return;
      interrupted = true;
      process.kill(-child.pid, 'SIGINT');
    });
  }
  const [code, signal] = await new Promise((ended) => child.once('close', (...how) => ended(how)));
  return { code, signal, ...said };
}

describe('the demonstration', () => {
  it('shows emergencies that are helped, and ends when interrupted', async () => {
    // Several times as long as it takes.
    const { code, signal, stdout, stderr } = await play({ DEMO_SECONDS: '60', DEMO_HELPERS: '16', DEMO_OWNERS: '4' }, HELPED);
    assert.deepEqual([code, signal, stderr], [0, null, ''], stdout + stderr);
    for (const line of [...HELPED, /[1-9]\d* answered/]) assert.match(stdout, line);
  });

  it('ends by itself, with a failure if no emergency was helped', async () => {
    const { code, signal, stdout, stderr } = await play({ DEMO_SECONDS: '5', DEMO_HELPERS: '4', DEMO_OWNERS: '0' });
    assert.deepEqual([code, signal, stderr], [1, null, ''], stdout + stderr);
    assert.match(stdout, /0 emergencies: 0 answered/);
  });
});
