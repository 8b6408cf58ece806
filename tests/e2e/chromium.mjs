// Chromium for the tests of pages: starts it, opens pages, and notes what goes wrong in them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { running } from './servers.mjs';

/** A browser on a busy machine takes its time. */
export const BROWSER_LIMIT = 60_000;

/** How many times as slow pages are; E2E_SLOW=6 finds tests that depend on the speed of the machine. */
const SLOW = Number(process.env.E2E_SLOW ?? 1);

/** Starts Chromium, with more `args` than its usual ones: `{ browser, stop() }`. */
export async function startChromium({ args = [] } = {}) {
  const executablePath = process.env.TEST_CHROMIUM;
  assert.ok(executablePath, 'TEST_CHROMIUM is not set: run the tests by `make e2e`, or through tests/with-chromium.sh');
  const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-chromium-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  let browser;
  try {
    browser = await puppeteer.launch({
      executablePath,
      headless: true,
      userDataDir: folder,
      // Chromium has no sandbox for root, and containers have a small /dev/shm.
      args: ['--no-sandbox', '--disable-dev-shm-usage', ...args],
      timeout: BROWSER_LIMIT,
      protocolTimeout: BROWSER_LIMIT,
    });
  } catch (fault) {
    await remove();
    throw fault;
  }
  const child = browser.process();
  running.add(child);
  return {
    browser,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      running.delete(child);
      await remove();
    },
  };
}

/**
 * The page, whose actions on the first element of a selector wait for that element: by themselves they fail where a slow page
 * does not show it yet. `$` and `$$` say what is there now, and do not wait.
 */
function waits(page) {
  for (const name of ['$eval', 'focus', 'select', 'type']) {
    const act = page[name].bind(page);
    page[name] = async (selector, ...rest) => {
      await page.waitForSelector(selector);
      return act(selector, ...rest);
    };
  }
  // It also waits until the element has stopped moving.
  page.click = (selector) => page.locator(selector).click();
  return page;
}

/** Makes a page as slow as on a busy machine: its scripts run `SLOW` times as long, and its requests wait up to a second. */
async function slowDown(page) {
  await page.emulateCPUThrottling(SLOW);
  await page.evaluateOnNewDocument(() => {
    const { fetch } = window;
    window.fetch = async (...request) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000));
      return fetch(...request);
    };
  });
}

/** A page that notes the addresses of its requests and all that goes wrong: `{ page, requests, faults }`. */
export async function newPage(browser) {
  const page = waits(await browser.newPage());
  page.setDefaultTimeout(BROWSER_LIMIT);
  if (SLOW > 1) await slowDown(page);
  const [requests, faults] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('requestfailed', (request) => faults.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', (response) => response.status() >= 400 && faults.push(`${response.url()}: ${response.status()}`));
  // What the policy blocks is reported on the console, as an error.
  page.on('console', (message) => ['error', 'warn'].includes(message.type()) && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  return { page, requests, faults };
}

/** Opens a page: `{ page, requests, faults }`. */
export async function open(browser, url) {
  const opened = await newPage(browser);
  const response = await opened.page.goto(url, { waitUntil: 'load' });
  assert.equal(response.status(), 200);
  return opened;
}

/** Fails if a page made a request to another host, or if something went wrong in it. */
export function assertQuiet({ requests, faults }, url) {
  assert.deepEqual(faults, []);
  // Swagger UI has icons in its style sheet.
  const elsewhere = requests.filter((each) => !each.startsWith('data:') && new URL(each).origin !== new URL(url).origin);
  assert.deepEqual(elsewhere, []);
}
