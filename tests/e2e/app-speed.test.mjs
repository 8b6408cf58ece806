// How fast the first screen of the web app is there, and that a page may stay open for days.
//
// APP_SPEED=1 judges times too, which needs a machine that does nothing else, and lets a whole day pass.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openApp, shows } from './app-pages.mjs';
import { newPage, startChromium } from './chromium.mjs';
import { north, startNode } from './harness.mjs';
import { cancel, raise, say } from './scene.mjs';

const isLong = process.env.APP_SPEED === '1';
/** How much slower than this machine a phone is. */
const SLOWNESS = 4;
const FIRST_SCREEN_LIMIT = 1_000;
const TASK_LIMIT = 200;
/** Alerts until the page is warm, and then. */
const [WARM, MORE] = isLong ? [50, 600] : [6, 18];
/** What may be more afterwards: octets of the heap, elements and listeners. */
const MORE_BYTES = 1_500_000;
const MORE_NODES = 60;
const MORE_LISTENERS = 30;

describe('the app', () => {
  let app;
  let chromium;
  before(async () => {
    [app, chromium] = await Promise.all([startNode(), startChromium()]);
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  it('shows the button with one script, and soon on a slow phone', async () => {
    const owner = await app.owner();
    const context = await chromium.browser.createBrowserContext();
    const { page, requests } = await newPage(context);
    await page.emulateCPUThrottling(isLong ? SLOWNESS : 1);
    await page.evaluateOnNewDocument((tokens) => {
      localStorage.setItem('allynet:tokens', tokens);
      window.longTasks = [];
      new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
      new MutationObserver((_, observer) => {
        if (!document.querySelector('.sos-button')) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => (window.shownAt = performance.now())));
      }).observe(document, { childList: true, subtree: true });
    }, JSON.stringify({ ...owner.tokens, expiresAt: null, lifetime: null }));
    await page.goto(`${app.url}/app/`);
    await page.waitForFunction(() => window.shownAt);
    const scripts = requests.filter((url) => url.endsWith('.js') && !url.endsWith('/worker.js'));
    assert.equal(scripts.length, 1, scripts.join());
    await shows(page, 'Hold for one second');
    const { shownAt, longTasks } = await page.evaluate(() => ({ shownAt: window.shownAt, longTasks: window.longTasks }));
    if (isLong) {
      console.log(`first screen after ${Math.round(shownAt)} ms, long tasks ${longTasks.map(Math.round)}`);
      assert.ok(shownAt <= FIRST_SCREEN_LIMIT, `${shownAt} ms`);
      assert.deepEqual(longTasks.filter((time) => time > TASK_LIMIT), []);
    }
    await context.close();
  });

  it('does not grow with what has happened', async () => {
    const position = app.somewhere();
    const [owner, helper] = await Promise.all([app.owner(), app.helperAt(position)]);
    const { page, context } = await openApp(chromium.browser, app.url, { as: helper, position, path: '/app/help' });
    await shows(page, 'On duty');
    const session = await page.createCDPSession();
    const measure = async () => {
      await session.send('HeapProfiler.collectGarbage');
      const { JSHeapUsedSize, Nodes, JSEventListeners } = await page.metrics();
      return { bytes: JSHeapUsedSize, nodes: Nodes, listeners: JSEventListeners };
    };
    const play = async (times) => {
      for (let time = 0; time < times; time += 1) {
        const { id } = await raise(owner, north(position, 200));
        // Not by its selector, whose handle would keep the elements.
        await page.waitForFunction(() => document.querySelector('.alert') !== null);
        await say(owner, id, `message ${time}`);
        await page.setGeolocation(north(position, time));
        await cancel(owner, id);
        await page.waitForFunction(() => !document.querySelector('.alert'));
      }
    };
    await play(WARM);
    const first = await measure();
    await play(MORE);
    const last = await measure();
    if (isLong) console.log(first, last);
    assert.ok(last.bytes - first.bytes < MORE_BYTES, `${first.bytes} octets became ${last.bytes}`);
    assert.ok(last.nodes - first.nodes < MORE_NODES, `${first.nodes} nodes became ${last.nodes}`);
    assert.ok(last.listeners - first.listeners < MORE_LISTENERS, `${first.listeners} listeners became ${last.listeners}`);
    await context.close();
  });
});
