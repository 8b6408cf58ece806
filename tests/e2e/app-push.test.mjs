// A push to the app in Firefox, from the button that switches it on to the click that opens the alert, with no page of the app open.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { press, shows } from './app-pages.mjs';
import { BROWSER_LIMIT, startFirefox } from './firefox.mjs';
import { eventually, north, startNode } from './harness.mjs';
import { DELIVERED, startMozillaPush } from './mozilla-push.mjs';
import { raise, read } from './scene.mjs';
import { ok } from './shapes.mjs';

it('a helper switches notifications on in the app, closes it, is shown an alert by Firefox, and comes by a click on it', async (test) => {
  const start = async (starting) => {
    const started = await starting;
    test.after(() => started.stop());
    return started;
  };
  const push = await start(startMozillaPush());
  const app = await start(startNode({ env: push.env }));
  // Nobody has allowed notifications yet; and the test clicks one, which is no part of a page.
  const prefs = { 'permissions.default.desktop-notification': 0 };
  const { browser } = await start(startFirefox(push, { prefs, args: ['-remote-allow-system-access'] }));
  const position = app.somewhere();
  const [helper, owner] = await Promise.all([app.helperAt(position), app.owner()]);
  const page = await browser.newPage();
  page.setDefaultTimeout(BROWSER_LIMIT);
  // A page of this origin that runs no script.
  await page.goto(`${app.url}/app/icon.svg`);
  await page.evaluate((tokens) => {
    localStorage.setItem('allynet:tokens', tokens);
    localStorage.setItem('allynet-app:language', 'en');
  }, JSON.stringify({ ...helper.tokens, expiresAt: null, lifetime: null }));
  await page.goto(`${app.url}/app/help`);
  await shows(page, 'Switch notifications on');
  // Where notifications are allowed already, the app registers the device at its start: that look must be over.
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  assert.deepEqual(ok(await helper.get('/devices')).devices, []);
  await browser.defaultBrowserContext().setPermission(app.url, { permission: { name: 'notifications' }, state: 'granted' });
  await press(page, 'Switch notifications on');
  await shows(page, 'On for this device');
  assert.equal(ok(await helper.get('/devices')).devices.length, 1);
  await page.goto('about:blank');

  const socket = await owner.connect();
  const { id } = await raise(owner, north(position, 300), { type: 'medical' });
  await socket.next('emergency:alerts', ({ delivered }) => delivered === 1, BROWSER_LIMIT);
  await eventually(() => push.acks.some(({ code }) => code === DELIVERED), BROWSER_LIMIT);
  const chrome = await systemOf(browser);
  await eventually(() => chrome(`(${clickNotification})()`), BROWSER_LIMIT);
  const opened = await eventually(async () => (await browser.pages()).find((each) => each.url().endsWith(`/app/emergencies/${id}`)), BROWSER_LIMIT);
  await opened.waitForSelector('.alert');
  await eventually(async () => (await read(owner, id)).alerts.seen === 1, BROWSER_LIMIT);
  await press(opened, 'I am coming');
  await shows(opened, 'You are helping Olivia Owner');
  assert.equal((await read(owner, id)).respondingHelpers.length, 1);
});

/** Runs a script in the window of the browser itself. */
async function systemOf(browser) {
  const send = async (method, params) => (await browser.connection.send(method, params)).result;
  const { contexts } = await send('browsingContext.getTree', { 'moz:scope': 'chrome' });
  return async (expression) => {
    const { type, result, exceptionDetails } = await send('script.evaluate', { expression, target: { context: contexts[0].context }, awaitPromise: true });
    if (type !== 'success') throw new Error(exceptionDetails.text);
    return result.value;
  };
}

/** Clicks the notification that is shown, if one is. Runs in the window of the browser. */
function clickNotification() {
  for (const window of Services.wm.getEnumerator('alert:alert')) {
    window.document.getElementById('alertBox').click();
    return true;
  }
  return false;
}
