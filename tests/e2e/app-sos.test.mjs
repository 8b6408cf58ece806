// What must not happen to a call for help in the web app: lost with its page, sent to an old place, hidden by a session that has
// ended, or made to wait for anything.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { fill, holdSos, openApp, press, shows, SMALL } from './app-pages.mjs';
import { newPage, startChromium } from './chromium.mjs';
import { AS_SHIPPED, eventually, north, startNode } from './harness.mjs';
import { cancel, decline, over, raise, respond, tell } from './scene.mjs';
import { ok } from './shapes.mjs';

const MINUTE = 60_000;

/** Lets no time pass for a person who is asked for the place, before `endWaiting` is called. Runs in the page. */
function holdWaiting() {
  const { setTimeout } = window;
  window.setTimeout = (work, time, ...more) => (time === 20_000 ? ((window.endWaiting = work), 0) : setTimeout(work, time, ...more));
}

/** Notes which positions the page reports, each without waiting for the second between two of them. Runs in the page. */
function noteReports() {
  const { send } = WebSocket.prototype;
  const { setTimeout } = window;
  window.setTimeout = (work, time, ...more) => setTimeout(work, time === 1_000 ? 0 : time, ...more);
  window.reported = [];
  WebSocket.prototype.send = function (data) {
    const found = /"location:update",\{.*?"latitude":([-\d.]+)/.exec(data);
    if (found) window.reported.push(Number(found[1]));
    return send.call(this, data);
  };
}

describe('a call for help in the app', () => {
  let app;
  let chromium;
  let opened = [];
  before(async () => {
    [app, chromium] = await Promise.all([startNode({ env: { ...AS_SHIPPED, ALLYNET_ALERT_HOLD: '1s' } }), startChromium()]);
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ context }) => context.close()));
    opened = [];
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  const openFor = async (options) => {
    const page = await openApp(chromium.browser, app.url, options);
    opened.push(page);
    return page;
  };
  const raisedBy = async (caller) => ok(await caller.get('/emergencies/history')).emergencies.length;
  // What a phone that is locked tells its page.
  const hide = (page) =>
    page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: true });
      Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' });
      document.dispatchEvent(new Event('visibilitychange'));
    });
  const setOldPlace = (page, position, age) =>
    page.evaluate((place) => localStorage.setItem('allynet-app:manualPlace', JSON.stringify(place)), { ...position, accuracy: null, at: Date.now() - age });
  const write = (page, key, value) => page.evaluate((name, text) => localStorage.setItem(name, text), key, JSON.stringify(value));
  const staying = (page) => page.locator('::-p-aria([name="The place stays"][role="switch"])');
  const isStaying = (page, isOn) =>
    page.waitForFunction(
      (wanted) => [...document.querySelectorAll('.switch')].some((label) => label.innerText.startsWith('The place stays') && label.querySelector('input').checked === wanted),
      {},
      isOn,
    );
  const logInAgain = async (page, { email, password }) => {
    await fill(page, 'Email', email);
    await page.type('input[type=password]', password);
    await press(page, 'Log in');
  };

  it('is kept although its place is unknown and the page ends, and goes once the device finds itself', async () => {
    const caller = await app.owner();
    const { page, context } = await openFor({ as: caller });
    await holdSos(page);
    await shows(page, 'Not yet sent: where are you?');
    await page.close();
    const { page: next } = await newPage(context);
    await next.goto(`${app.url}/app/`);
    await shows(next, 'Not yet sent: where are you?');
    assert.equal(await raisedBy(caller), 0);
    await next.setGeolocation(app.somewhere());
    await context.overridePermissions(app.url, ['geolocation']);
    await shows(next, 'Stored at');
    assert.equal(await raisedBy(caller), 1);
    assert.equal(await next.evaluate(() => localStorage.getItem('allynet-app:press')), null);
  });

  it('asks about a place that was set long ago, and goes there if the person can do nothing', async () => {
    const caller = await app.owner();
    const position = app.somewhere();
    const { page } = await openFor({ as: caller, script: holdWaiting });
    await setOldPlace(page, position, 90 * MINUTE);
    await page.reload();
    await shows(page, 'Set on the map 1 hr. ago');
    await shows(page, 'Is this still where you are?');
    await holdSos(page);
    await shows(page, 'with the last known place, found 1 hr. ago');
    await page.evaluate(() => window.endWaiting());
    await shows(page, 'Stored at');
    const { emergency } = ok(await caller.get('/emergencies/active'));
    assert.equal(emergency.location.latitude, position.latitude);
    await cancel(caller, emergency.id);
    await press(page, 'I am still here');
    await holdSos(page);
    await shows(page, 'Stored at');
  });

  it('is sent from the last known place when the phone is locked, in the countdown and while it waits for a place', async () => {
    for (const isAsked of [true, false]) {
      const caller = await app.owner();
      const position = app.somewhere();
      const { page } = await openFor({ as: caller, script: holdWaiting });
      await setOldPlace(page, position, 90 * MINUTE);
      await page.reload();
      await shows(page, 'Is this still where you are?');
      await holdSos(page);
      if (isAsked) await shows(page, 'with the last known place');
      assert.equal(await raisedBy(caller), 0);
      await hide(page);
      await eventually(async () => (await raisedBy(caller)) === 1);
      assert.equal(ok(await caller.get('/emergencies/active')).emergency.location.latitude, position.latitude);
    }
  });

  it('does not go to a doubted place because of one touch', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller });
    await setOldPlace(page, app.somewhere(), 90 * MINUTE);
    await page.reload();
    await shows(page, 'Is this still where you are?');
    await holdSos(page);
    const use = await page.waitForSelector('.picker .primary');
    await page.waitForSelector('.picker .leaflet-container');
    assert.equal(await use.evaluate((button) => button.disabled), true);
    await page.focus('.picker .leaflet-container');
    await page.keyboard.press('ArrowUp');
    await page.waitForSelector('.picker .primary:not([disabled])');
    await use.click();
    await shows(page, 'Stored at');
  });

  it('of hours ago is shown on every screen, and goes from where the person is now, once', async () => {
    const caller = await app.owner();
    const [then, position] = [app.somewhere(), app.somewhere()];
    const { page } = await openFor({ as: caller, position });
    await shows(page, 'Known to');
    const userId = caller.id;
    const body = { location: then, requestId: 'the-old-call', silentMode: false, anonymousMode: true };
    const old = { requestId: 'the-old-call', userId, body, pressedAt: Date.now() - 180 * MINUTE, isCancelled: false };
    await write(page, 'allynet:raise', old);
    await page.goto(`${app.url}/app/help`);
    await shows(page, 'was never sent');
    await page.waitForSelector('.menu a[data-live]');
    await press(page, 'Send it now');
    await shows(page, 'Stored at');
    const { emergency } = ok(await caller.get('/emergencies/active'));
    assert.equal(emergency.location.latitude, position.latitude);
    assert.equal(emergency.anonymousMode, true);
    await page.reload();
    await shows(page, 'Stored at');
    assert.equal(await raisedBy(caller), 1);
    assert.equal(await page.evaluate(() => localStorage.getItem('allynet:raise')), null);
  });

  it('is not lost behind one of hours ago', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller, position: app.somewhere() });
    await shows(page, 'Known to');
    const userId = caller.id;
    const body = { location: app.somewhere(), requestId: 'the-old-call' };
    await write(page, 'allynet:raise', { requestId: 'the-old-call', userId, body, pressedAt: Date.now() - 180 * MINUTE, isCancelled: false });
    const now = Date.now();
    await write(page, 'allynet-app:press', { requestId: 'the-call-of-now', userId, pressedAt: now, sendAt: now });
    await page.reload();
    await shows(page, 'Stored at');
    assert.equal(await raisedBy(caller), 1);
  });

  it('of hours ago does not go by logging in, and can be called off before', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller, position: app.somewhere() });
    await shows(page, 'Known to');
    const userId = caller.id;
    const pressedAt = Date.now() - 180 * MINUTE;
    await write(page, 'allynet-app:press', { requestId: 'the-old-call', userId, pressedAt, sendAt: pressedAt });
    await page.reload();
    await shows(page, 'was never sent');
    const live = await raise(caller, app.somewhere());
    await shows(page, 'Stored at');
    ok(await caller.post('/auth/logout', { refreshToken: caller.tokens.refreshToken }));
    await shows(page, 'you are asked whether to send it');
    await shows(page, 'Stored at');
    await press(page, 'Discard it');
    await page.waitForFunction(() => !document.body.innerText.includes('was never sent'));
    await shows(page, 'Stored at');
    await logInAgain(page, caller);
    await shows(page, 'I am safe');
    const again = await app.logIn(caller);
    await cancel(again, live.id);
    await shows(page, 'Ended as a false alarm');
    assert.equal((await page.content()).includes('was never sent'), false);
  });

  it('stays on the screen when the session ends, and goes on after the person has logged in', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller, position: app.somewhere() });
    await shows(page, 'Known to');
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await page.setOfflineMode(true);
    await holdSos(page);
    await shows(page, 'Not yet sent');
    ok(await caller.post('/auth/logout', { refreshToken: caller.tokens.refreshToken }));
    await page.setOfflineMode(false);
    await shows(page, 'Log in and it is sent');
    await page.waitForSelector('.call[href^="tel:"]');
    await logInAgain(page, caller);
    await shows(page, 'Stored at');
    const again = await app.logIn(caller);
    assert.equal(await raisedBy(again), 1);
    // The emergency stays as well.
    const { sessions } = ok(await again.get('/auth/sessions'));
    for (const { id, current } of sessions) if (!current) ok(await again.delete(`/auth/sessions/${id}`));
    await shows(page, 'Your session has ended; this SOS has not');
    await shows(page, 'Stored at');
    await logInAgain(page, caller);
    await shows(page, 'I am safe');
  });

  it('leaves the button in reach when it has ended', async () => {
    const caller = await app.owner();
    const position = app.somewhere();
    const { page } = await openFor({ as: caller, position, viewport: SMALL });
    await shows(page, 'Known to');
    const first = await raise(caller, position);
    await shows(page, 'Stored at');
    await cancel(caller, first.id);
    await shows(page, 'Ended as a false alarm');
    const { y, height } = await (await page.waitForSelector('.sos-button')).boundingBox();
    assert.ok(y + height <= SMALL.height - 60, `the button ends at ${y + height}`);
    await holdSos(page);
    await shows(page, 'Stored at');
    assert.notEqual(ok(await caller.get('/emergencies/active')).emergency.id, first.id);
  });

  it('says plainly that nobody has answered, or that nobody comes any more', async () => {
    const position = app.somewhere();
    const [caller, ...helpers] = await Promise.all([app.owner(), app.helperAt(north(position, 200)), app.helperAt(north(position, 300))]);
    const { page } = await openFor({ as: caller, position });
    await shows(page, 'Known to');
    const { id } = await raise(caller, position);
    await shows(page, 'Looking for helpers');
    for (const helper of helpers) await eventually(() => decline(helper, id));
    await shows(page, 'Nobody has answered');
    await shows(page, '2 helpers were alerted, and none has answered');
    await page.reload();
    await shows(page, 'Nobody has answered');
    await respond(helpers[0], id);
    await shows(page, '1 helper is coming');
    await tell(helpers[0], id, 'completed');
    await shows(page, '1 helper has helped');
    await shows(page, 'no one is being looked for');
    await press(page, 'I still need help');
    await shows(page, 'The search starts again');
  });

  it('is not betrayed by an alert when it is silent', async () => {
    const position = app.somewhere();
    const [helper, caller] = await Promise.all([app.helperAt(north(position, 300)), app.owner()]);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    await page.evaluate(() => (navigator.vibrate = (pattern) => (window.lastVibration = pattern)));
    await page.click('h1');
    await raise(caller, position);
    await page.waitForSelector('.alert');
    const own = await raise(helper, app.somewhere(), { silentMode: true });
    await page.waitForFunction(() => !document.querySelector('.alert') && document.title === 'Notes');
    await page.waitForFunction(() => window.lastVibration === 0);
    await cancel(helper, own.id);
    await page.goto(`${app.url}/app/`);
    await press(page, 'Done');
    await page.waitForFunction(() => document.title === 'AllyNet');
  });

  it('is not covered by an alert while it waits for a place, nor betrayed by one at any moment if it is silent', async () => {
    for (const isSilent of [true, false]) {
      const position = app.somewhere();
      const [helper, caller] = await Promise.all([app.helperAt(north(position, 300)), app.owner()]);
      const { page, requests } = await openFor({ as: helper, script: holdWaiting });
      await setOldPlace(page, north(position, 300), 90 * MINUTE);
      await write(page, 'allynet-app:sosOptions', { silentMode: isSilent });
      await page.reload();
      await shows(page, 'Is this still where you are?');
      await page.evaluate(() => (navigator.vibrate = (pattern) => (window.vibrations ??= []).push(pattern)));
      await holdSos(page);
      await shows(page, 'with the last known place');
      const readings = () => requests.filter((url) => url.endsWith('/pending-for-helper')).length;
      const before = readings();
      await raise(caller, position);
      // The alert is there: the page has put it aside, and reads which ones wait.
      await eventually(() => readings() > before);
      assert.equal(await page.$('.alert'), null);
      await hide(page);
      await shows(page, 'Stored at');
      assert.equal(await page.$('.alert'), null, 'nor while the person waits for help');
      const rang = () => page.evaluate(() => (window.vibrations ?? []).some((pattern) => Array.isArray(pattern)));
      assert.equal(await rang(), false);
      await over(helper);
      if (isSilent) {
        await shows(page, 'Ended as a false alarm');
        assert.equal(await page.$('.alert'), null);
        await press(page, 'Done');
      }
      await page.waitForSelector('.alert');
      await page.waitForFunction(() => window.vibrations?.some((pattern) => Array.isArray(pattern)));
    }
  });

  it('can be made from the alert of somebody else, which waits meanwhile', async () => {
    const position = app.somewhere();
    const [helper, caller] = await Promise.all([app.helperAt(north(position, 300)), app.owner()]);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help', viewport: SMALL });
    await shows(page, 'You are alerted to emergencies nearby');
    await raise(caller, position);
    await page.waitForSelector('.alert .sos-button');
    await holdSos(page);
    await page.waitForSelector('.alert', { hidden: true });
    await shows(page, 'Stored at');
    assert.equal(await raisedBy(helper), 1);
    await over(helper);
    await page.waitForSelector('.alert');
  });

  it('takes its place along with the phone, until the person says that it stays', async () => {
    const caller = await app.owner();
    const position = app.somewhere();
    const { page } = await openFor({ as: caller, position });
    await shows(page, 'Known to');
    await holdSos(page);
    await shows(page, 'Stored at');
    const active = async () => ok(await caller.get('/emergencies/active')).emergency;
    assert.equal((await active()).fixedPlace, false);
    let metres = 150;
    await eventually(async () => {
      // A position that a person cannot have reached counts once the next one confirms it.
      await page.setGeolocation(north(position, (metres += 0.5)));
      return (await active()).location.latitude > north(position, 100).latitude;
    });

    await page.evaluate(noteReports);
    const [followed, hidden, shown] = [300, 400, 500].map((far) => north(position, far));
    const isReported = ({ latitude }) => page.waitForFunction((wanted) => window.reported.includes(wanted), {}, latitude);
    await page.setGeolocation(followed);
    await isReported(followed);
    await staying(page).click();
    await isStaying(page, true);
    for (const place of [hidden, shown]) {
      await page.setGeolocation(place);
      await page.waitForFunction((latitude) => JSON.parse(localStorage.getItem('allynet-app:lastPlace')).latitude === latitude, {}, place.latitude);
    }
    await staying(page).click();
    await isReported(shown);
    assert.ok(!(await page.evaluate((latitude) => window.reported.includes(latitude), hidden.latitude)));
  });

  it('has a place that stays if it was set on the map, or the person says so before', async () => {
    for (const isSet of [true, false]) {
      const caller = await app.owner();
      const { page } = await openFor({ as: caller, position: app.somewhere() });
      await shows(page, 'Known to');
      if (isSet) {
        await press(page, 'Set on the map');
        await press(page, 'Use this place');
      } else {
        await staying(page).click();
      }
      await isStaying(page, true);
      await holdSos(page);
      await shows(page, 'Helpers go to this place');
      const { emergency } = ok(await caller.get('/emergencies/active'));
      assert.equal(emergency.fixedPlace, true);
      await cancel(caller, emergency.id);
      await isStaying(page, isSet);
    }
  });

  it('is shown as sent by a second page that was asked for its place as well', async () => {
    const caller = await app.owner();
    const { page, context } = await openFor({ as: caller });
    await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    await holdSos(page);
    await shows(page, 'Not yet sent: where are you?');
    const { page: second } = await newPage(context);
    await second.goto(`${app.url}/app/`);
    await shows(second, 'Not yet sent: where are you?');
    await page.bringToFront();
    await page.waitForSelector('.picker .leaflet-container');
    for (let zoom = 5; zoom < 14; zoom += 1) await press(page, 'Zoom in');
    await press(page, 'Use this place');
    await shows(page, 'Stored at');
    await second.bringToFront();
    await shows(second, 'Stored at');
    await second.waitForFunction(() => !document.body.innerText.includes('Not yet sent'));
    assert.equal(await raisedBy(caller), 1);
  });

  it('is sent once, and nothing is missing on either screen, when the service is killed meanwhile', async () => {
    const position = app.somewhere();
    const [caller, helper] = await Promise.all([app.owner(), app.helperAt(north(position, 300))]);
    const owner = (await openFor({ as: caller, position })).page;
    const other = (await openFor({ as: helper, position: north(position, 300), path: '/app/help' })).page;
    await shows(owner, 'Known to');
    await shows(other, 'You are alerted to emergencies nearby');
    // The same address, so that the pages find it again.
    app.env.ALLYNET_LISTEN = new URL(app.url).host;
    await app.crash();
    await holdSos(owner);
    await shows(owner, 'Not yet sent');
    await app.started();
    await shows(owner, 'Looking for helpers');
    await other.waitForSelector('.alert');
    assert.equal(await raisedBy(caller), 1);
    await press(other, 'I am coming');
    await shows(owner, '1 helper is coming');
    await app.crash();
    await shows(owner, 'Trying again');
    await app.started();
    await press(other, 'On my way');
    await owner.type('[aria-label=Message]', 'Second floor');
    await press(owner, 'Send');
    await shows(other, 'Second floor');
    await shows(owner, 'On the way');
  });
});
