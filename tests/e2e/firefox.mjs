// Firefox for the tests of pushes.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { running } from './servers.mjs';

/** A browser on a busy machine takes its time. */
export const BROWSER_LIMIT = 60_000;

/** Starts Firefox with this push service: `{ browser, stop() }`. `prefs` are more preferences than the usual ones. */
export async function startFirefox(push, { prefs = {}, args = [] } = {}) {
  const executablePath = process.env.TEST_FIREFOX;
  assert.ok(executablePath, 'TEST_FIREFOX is not set: run the tests by `make e2e`, or through tests/with-firefox.sh');
  const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-firefox-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  let browser;
  try {
    browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath,
      headless: true,
      args,
      userDataDir: join(folder, 'profile'),
      // Firefox refuses to run as root in the home of another user.
      env: { ...process.env, HOME: folder, TMPDIR: folder },
      timeout: BROWSER_LIMIT,
      protocolTimeout: BROWSER_LIMIT,
      extraPrefsFirefox: {
        'dom.push.serverURL': push.url,
        'dom.push.testing.allowInsecureServerURL': true,
        'dom.push.testing.ignorePermission': true,
        'dom.push.connection.enabled': true,
        'permissions.default.desktop-notification': 1,
        'alerts.useSystemBackend': false,
        // Idle service workers end almost at once, so that a push has to start one, as it does on a phone.
        'dom.serviceWorkers.idle_timeout': 100,
        ...prefs,
      },
    });
  } catch (fault) {
    await remove();
    throw fault;
  }
  const child = browser.process();
  running.add(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    browser,
    async stop() {
      // Not by `browser.close()`, which waits for a browser that may hang. Its other processes end with the first.
      child.kill('SIGKILL');
      await ended;
      running.delete(child);
      await remove();
    },
  };
}
