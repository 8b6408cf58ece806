// The web app in Chromium, as people use it: one asks for help, one comes, one watches.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { at, button, decline, fill, holdSos, openApp, press, sendSos, shows, touchSos, WALL } from './app-pages.mjs';
import { assertQuiet, newPage, startChromium } from './chromium.mjs';
import { AS_SHIPPED, eventually, north, startNode } from './harness.mjs';
import { raise, read, respond, tell } from './scene.mjs';
import { ok } from './shapes.mjs';

const PAGES = fileURLToPath(new URL('../../crates/web/pages/app/', import.meta.url));
/** What the app may load, compressed. */
const MAX_SCRIPT_BYTES = 100_000;

/** Holds back the answer to where defibrillators are, until `giveBoxes` is called. Runs in the page. */
function holdBoxes() {
  const { fetch } = window;
  window.fetch = async (url, ...more) => {
    if (String(url).includes('kind=aed')) await new Promise((give) => (window.giveBoxes = give));
    return fetch(url, ...more);
  };
}

/** Holds back the answers to which alerts wait, until `held` are called, or at all with `isGiven`. Runs in the page. */
function holdPending() {
  const { fetch } = window;
  window.held = [];
  window.fetch = async (url, ...more) => {
    const answer = await fetch(url, ...more);
    if (String(url).includes('/pending-for-helper') && !window.isGiven) await new Promise((give) => window.held.push(give));
    return answer;
  };
}

describe('the app', () => {
  let app;
  let chromium;
  let opened = [];
  before(async () => {
    // No test has to be faster than the countdown.
    const env = { ...AS_SHIPPED, ALLYNET_ALERT_HOLD: '60s', ALLYNET_EMERGENCY_NUMBER: '911' };
    [app, chromium] = await Promise.all([startNode({ env }), startChromium()]);
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

  it('takes a person from the account to help, and a helper from the alert to the end', async () => {
    const position = app.somewhere();
    const helper = await openFor({ as: await app.helperAt(north(position, 300)), position: north(position, 300), path: '/app/help' });
    await shows(helper.page, 'You are alerted to emergencies nearby');
    const owner = await openFor({ position });
    await press(owner.page, 'Create an account');
    await fill(owner.page, 'Name', 'Olivia Owner');
    await fill(owner.page, 'Email', `olivia-${Date.now()}@people.example`);
    await owner.page.type('input[type=password]', 'correct horse battery');
    await press(owner.page, 'Create an account');
    assert.equal(await (await owner.page.waitForSelector('.call')).evaluate((link) => link.getAttribute('href')), 'tel:911');

    // A short touch does nothing; a long one counts down, which can be stopped.
    await shows(owner.page, 'Known to');
    await touchSos(owner.page);
    await owner.page.waitForSelector('.sos-button[data-state=idle]');
    assert.equal(await owner.page.$('.stage'), null);
    await holdSos(owner.page);
    await owner.page.click('.stage .large');
    await owner.page.waitForSelector('.sos-button');
    await sendSos(owner.page);
    await shows(owner.page, 'Looking for helpers');

    await helper.page.waitForSelector('.alert');
    await shows(helper.page, '300 m away');
    await press(owner.page, 'Medical');
    await shows(helper.page, 'Medical emergency');
    await press(helper.page, 'I am coming');
    await shows(owner.page, '1 helper is coming');
    await shows(owner.page, 'has seen it');
    await shows(helper.page, 'You are helping Olivia Owner');
    const way = await helper.page.$eval('a[href^="geo:"]', (link) => link.getAttribute('href'));
    assert.ok(way.startsWith(`geo:${position.latitude.toFixed(6)},${position.longitude.toFixed(6)}`), way);
    await press(helper.page, 'On my way');
    await helper.page.setGeolocation(north(position, 100));
    await shows(owner.page, '100 m away');

    await owner.page.type('[aria-label=Message]', 'Second floor');
    await press(owner.page, 'Send');
    await shows(helper.page, 'Second floor');
    await press(helper.page, 'I am there');
    await shows(owner.page, '1 helper is there');

    // The helper ends it, which the owner undoes, and ends it in turn.
    await press(helper.page, 'The emergency is over');
    await helper.page.locator('.card .primary::-p-text(The emergency is over)').click();
    await shows(owner.page, 'A helper ended this SOS');
    await press(owner.page, 'Undo: I still need help');
    await shows(owner.page, '1 helper');
    await press(owner.page, 'I am safe');
    await owner.page.locator('.card .primary::-p-text(I am safe)').click();
    await shows(owner.page, 'This SOS has ended');
    await press(owner.page, '5 stars');
    await shows(owner.page, 'Thank you');
    await shows(helper.page, 'Thank you for being there');
    for (const each of [owner, helper]) assertQuiet(each, app.url);
  });

  it('keeps an SOS that is pressed without a network, says so, and sends it once', async () => {
    const caller = await app.owner();
    const position = app.somewhere();
    const { page } = await openFor({ as: caller, position });
    await shows(page, 'Known to');
    // The worker keeps what the app needs without a network.
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await page.setOfflineMode(true);
    await sendSos(page);
    await shows(page, 'Not yet sent');
    await page.waitForSelector('.stage a[href="tel:911"]');
    assert.equal(ok(await caller.get('/emergencies/active')), null);
    await page.reload();
    await shows(page, 'Not yet sent');
    await page.setOfflineMode(false);
    await shows(page, 'Stored at');
    const { emergencies } = ok(await caller.get('/emergencies/history'));
    assert.equal(emergencies.length, 1);
    await page.setOfflineMode(true);
    await page.reload();
    await shows(page, 'Stored at');
    await page.waitForFunction(() => document.querySelector('.connection')?.innerText.match(/No connection.*Shown as of/));
  });

  it('rings for the second of two alerts when the first is answered', async () => {
    const position = app.somewhere();
    const [helper, ...owners] = await Promise.all([app.helperAt(north(position, 300)), app.owner(), app.owner()]);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    await page.evaluate(() => (navigator.vibrate = (pattern) => (window.lastVibration = pattern)));
    await Promise.all(owners.map((owner) => raise(owner, position)));
    await page.waitForSelector('.alert');
    await eventually(async () => ok(await helper.get('/emergencies/pending-for-helper')).length === 2);
    await decline(page);
    await page.evaluate(() => delete window.lastVibration);
    await page.waitForFunction(() => Array.isArray(window.lastVibration));
    await decline(page);
    await page.waitForFunction(() => window.lastVibration === 0);
  });

  it('shows an alert again to a helper whose page ended while it rang, and one that came meanwhile', async () => {
    const position = app.somewhere();
    const [helper, ...owners] = await Promise.all([app.helperAt(north(position, 300)), app.owner(), app.owner()]);
    const { page, context } = await openFor({ as: helper, position: north(position, 300), path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    const first = await raise(owners[0], position);
    await page.waitForSelector('.alert');
    await page.close();
    // Somebody comes to the first; the second is one of which only a notification could tell.
    ok(await (await app.helperAt(north(position, 400))).post(`/emergencies/${first.id}/respond`, {}));
    await raise(owners[1], position, { type: 'accident' });
    const { page: next } = await newPage(context);
    await next.goto(`${app.url}/app/`);
    for (const _ of owners) await decline(next);
    assert.deepEqual(ok(await helper.get('/emergencies/pending-for-helper')), []);
    await next.waitForFunction(() => !document.querySelector('.alert'));
    await next.reload();
    await shows(next, 'Known to');
    assert.equal(await next.$('.alert'), null);
  });

  it('does not ring again for an alert that was answered while the list of those that wait was read', async () => {
    const position = app.somewhere();
    const [helper, ...owners] = await Promise.all([app.helperAt(north(position, 300)), app.owner(), app.owner()]);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help', script: holdPending });
    await page.waitForFunction(() => window.held.length > 0);
    const before = await page.evaluate(() => window.held.length);
    await raise(owners[0], position);
    await page.waitForSelector('.alert');
    await page.waitForFunction((count) => window.held.length > count, {}, before);
    // An event has come meanwhile, so the list is read again: it has the alert.
    await page.evaluate(() => window.held.splice(0).forEach((give) => give()));
    await page.waitForFunction(() => window.held.length > 0);
    await press(page, 'I cannot');
    await eventually(async () => ok(await helper.get('/emergencies/pending-for-helper')).length === 0);
    await page.evaluate(() => {
      window.isGiven = true;
      window.held.forEach((give) => give());
    });
    await raise(owners[1], position, { type: 'accident' });
    await page.waitForFunction(() => document.querySelector('#alert-title')?.textContent === 'Accident');
  });

  it('waits for the network rather than say that an emergency has ended', async () => {
    const position = app.somewhere();
    const [helper, caller] = await Promise.all([app.helperAt(north(position, 300)), app.owner()]);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await page.setOfflineMode(true);
    const { id } = await raise(caller, position);
    await page.goto(`${app.url}/app/emergencies/${id}`);
    await page.waitForFunction(() => document.querySelector('.empty')?.innerText.match(/No connection|has ended/));
    assert.match(await page.$eval('.empty', (text) => text.innerText), /No connection/);
    await page.setOfflineMode(false);
    await page.waitForSelector('.alert');
  });

  it('sends no SOS from a place that nobody chose', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller });
    // The map ignores a press while it moves.
    await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    await sendSos(page);
    const use = await page.waitForSelector('.picker .primary');
    await page.waitForSelector('.picker .leaflet-container');
    assert.equal(await use.evaluate((button) => button.disabled), true);
    await use.click();
    await shows(page, 'Zoom in until the map shows your street');
    for (let zoom = 5; zoom < 14; zoom += 1) {
      assert.equal(await use.evaluate((button) => button.disabled), true, `at ${zoom}`);
      await press(page, 'Zoom in');
    }
    await page.waitForSelector('.picker .primary:not([disabled])');
    assert.equal(ok(await caller.get('/emergencies/active')), null);
    await use.click();
    await shows(page, 'Stored at');
  });

  it('leads a person who knows no map from where they were to where they are', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller });
    const [home, work] = [app.somewhere(), app.somewhere()];
    const at = Date.now() - 2 * 3_600_000;
    const places = [{ ...work, accuracy: null, at: at - 60_000 }, { ...home, accuracy: null, at }];
    await page.evaluate((stored) => localStorage.setItem('allynet-app:places', stored), JSON.stringify(places));
    await page.reload();
    await sendSos(page);
    await shows(page, 'Zoom in until the map shows your street');
    await page.waitForSelector('.picker .leaflet-container');
    await page.locator('.picker .chip:nth-child(2)').click();
    await page.waitForFunction(() => document.querySelector('.picker [role=status]').innerText === 'Where you were 2 hr. ago');
    // A square of the grid is as long as the scale says, and the buttons move by one.
    const scale = await page.$eval('.map-scale', ({ textContent }) => textContent);
    assert.match(scale, /^\d+ m$/);
    const metres = Number.parseInt(scale, 10);
    await press(page, `${scale} north`);
    await shows(page, `${scale} north of where you were 2 hr. ago`);
    await press(page, `${scale} west`);
    await shows(page, 'north-west of where you were');
    await press(page, 'Use this place');
    await shows(page, 'Stored at');
    const { location } = ok(await caller.get('/emergencies/active')).emergency;
    assert.ok(Math.abs(location.latitude - north(home, metres).latitude) < 2e-5, `${location.latitude}`);
    assert.ok(location.longitude < home.longitude);
  });

  it('shows what lies ready to a helper who comes and to a dispatcher, and asks the helper how they come', async () => {
    const position = app.somewhere();
    const [admin, caller, helper] = await Promise.all([app.admin(), app.owner(), app.helperAt(north(position, 300))]);
    const add = (metres, more) => admin.post('/resources', { kind: 'aed', location: north(position, metres), access: 'public', ...more });
    ok(await add(-100, { description: 'At the gate' }), 201);
    ok(await add(50, { kind: 'extinguisher', access: 'private' }), 201);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help' });
    await page.select('select:has([value=bike])', 'bike');
    await eventually(async () => ok(await helper.get('/helpers/me')).helper.transport === 'bike');
    const { id } = await raise(caller, position);
    await page.waitForSelector('.alert');
    await press(page, 'I am coming');
    const dispatcher = await openFor({ as: admin, path: `/app/dispatch/${id}`, viewport: WALL });
    for (const each of [page, dispatcher.page]) {
      await each.bringToFront();
      await shows(each, '100 m · south · At the gate');
      await each.waitForSelector('.map-point.resource');
      assert.equal((await each.$$('.map-point.resource')).length, 1, 'the private one is not to be taken');
    }
  });

  it('gives a helper a task, takes what became of the defibrillator, and shows others who does what', async () => {
    const position = app.somewhere();
    const [admin, caller, first, helper] = await Promise.all([app.admin(), app.owner(), app.helperAt(north(position, 300)), app.helperAt(north(position, 320))]);
    const box = { kind: 'aed', access: 'public', openingHours: '24/7' };
    for (const [metres, description] of [[400, 'At the gate'], [450, 'At the station']]) {
      ok(await admin.post('/resources', { ...box, location: north(position, metres), description }), 201);
    }
    const { page } = await openFor({ as: helper, position: north(position, 320), path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    const { id } = await raise(caller, position, { type: 'medical' });
    await respond(first, id);
    await respond(helper, id);
    await shows(page, 'Bring the defibrillator');
    await shows(page, 'Defibrillator · At the gate');
    await press(page, 'It is missing');
    await shows(page, 'Defibrillator · At the station');
    await press(page, 'I have the defibrillator');
    await shows(page, '✓ I have the defibrillator');
    const owner = (await openFor({ as: caller, position })).page;
    const dispatcher = (await openFor({ as: admin, path: `/app/dispatch/${id}`, viewport: WALL })).page;
    for (const each of [owner, dispatcher]) {
      await each.bringToFront();
      await shows(each, 'Task: Care for the patient');
      await shows(each, 'Task: Bring the defibrillator');
    }
    await page.bringToFront();
    await page.reload();
    await shows(page, '✓ I have the defibrillator');
    await press(page, 'Handed over');
    await shows(page, '✓ Handed over');
  });

  it('leads to a defibrillator that no event told this device of, and takes no report of it before', async () => {
    const position = app.somewhere();
    const [admin, caller, first, helper] = await Promise.all([app.admin(), app.owner(), app.helperAt(north(position, 100)), app.helperAt(north(position, 2_500))]);
    ok(await helper.put('/helpers/me', { transport: 'car' }));
    ok(await admin.post('/resources', { kind: 'aed', access: 'public', openingHours: '24/7', location: north(position, 2_400), description: 'At the mill' }), 201);
    const { id } = await raise(caller, position, { type: 'medical' });
    await respond(first, id);
    await respond(helper, id);
    const { page } = await openFor({ as: helper, position: north(position, 2_500), path: '/app/help', script: holdBoxes });
    await shows(page, 'Bring the defibrillator');
    await shows(page, 'I have the defibrillator');
    await page.waitForFunction(() => window.giveBoxes);
    assert.equal(await page.evaluate(() => document.body.innerText.includes('It is missing')), false);
    await page.evaluate(() => window.giveBoxes());
    await shows(page, 'Defibrillator · At the mill');
    await shows(page, 'It is missing');
  });

  it('tells a helper who is not needed that they need not come, as long as that holds', async () => {
    const position = app.somewhere();
    const places = [10, 20, 3_000].map((metres) => north(position, metres));
    const [caller, helper, ...there] = await Promise.all([app.owner(), app.helperAt(places[2]), app.helperAt(places[0]), app.helperAt(places[1])]);
    const { page } = await openFor({ as: helper, position: places[2], path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    const { id } = await raise(caller, position, { type: 'assault' });
    // The one who came first stays, so that the role of the helper does when the other leaves: nothing takes back what they were told.
    for (const each of [there[0], helper, there[1]]) {
      await respond(each, id);
      if (each !== helper) await tell(each, id, 'arrived');
    }
    await shows(page, 'You need not go on, but you may');
    await shows(page, 'On my way');
    await page.reload();
    await shows(page, 'You need not go on, but you may');
    await tell(there[1], id, 'completed');
    await page.waitForFunction(() => document.body.innerText.includes('On my way') && !document.body.innerText.includes('You need not go on'));
    assert.equal(await page.evaluate(() => localStorage.getItem('allynet-app:unneeded')), null);
  });

  it('asks a helper who does not move whether they still come, and counts them not until they answer', async () => {
    const node = await startNode({ env: { ...AS_SHIPPED, ALLYNET_STALL_AFTER: '6s', ALLYNET_STALL_ANSWER: '6s' } });
    const openAt = async (options) => {
      const page = await openApp(chromium.browser, node.url, options);
      opened.push(page);
      return page.page;
    };
    try {
      const position = node.somewhere();
      const [caller, helper] = await Promise.all([node.owner(), node.helperAt(north(position, 600))]);
      const [owner, page] = await Promise.all([openAt({ as: caller, position }), openAt({ as: helper, position: north(position, 600), path: '/app/help' })]);
      const { id } = await raise(caller, position);
      await page.waitForSelector('.alert');
      await press(page, 'I am coming');
      await shows(owner, '1 helper is coming');
      await button(page, 'I am still coming').waitHandle();
      // Nobody answers: the helper is not counted, until they do.
      await owner.waitForSelector('.status:is([data-state=searching], [data-state=unanswered])');
      await press(page, 'I am still coming');
      await shows(owner, '1 helper is coming');
      assert.equal((await read(caller, id)).respondingHelpers[0].status, 'responding');
    } finally {
      await node.stop();
    }
  });

  it('is used with the keyboard alone', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller, position: app.somewhere() });
    await shows(page, 'Known to');
    await page.focus('.sos-button');
    // A key that is held repeats itself: it neither sends nor, with the focus on the way back, cancels.
    await page.keyboard.down('Enter');
    await page.keyboard.down('Enter');
    await page.keyboard.up('Enter');
    await shows(page, 'Press again to send');
    await page.keyboard.down('Enter');
    await page.waitForSelector('.count');
    await page.keyboard.down('Enter');
    await page.keyboard.up('Enter');
    await page.waitForFunction(() => document.activeElement?.textContent === 'Cancel');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await shows(page, 'Stored at');
    const reached = new Set();
    for (let step = 0; step < 60 && !reached.has('I am safe'); step += 1) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement?.textContent?.trim()));
    }
    assert.ok(reached.has('I am safe'), [...reached].join());
    await page.keyboard.press('Enter');
    await shows(page, 'End this SOS?');
  });

  it('leads a helper with the keyboard alone from the alert to the end', async () => {
    const position = app.somewhere();
    const [caller, helper] = await Promise.all([app.owner(), app.helperAt(north(position, 300))]);
    const { page } = await openFor({ as: helper, position: north(position, 300), path: '/app/help' });
    await shows(page, 'You are alerted to emergencies nearby');
    const { id } = await raise(caller, position);
    await page.waitForSelector('.alert');
    for (const name of ['I am coming', 'On my way', 'I am there', 'Done']) {
      await shows(page, name);
      const isReached = async () => (await page.evaluate(() => document.activeElement?.textContent?.trim())) === name;
      for (let step = 0; step < 60 && !(await isReached()); step += 1) await page.keyboard.press('Tab');
      assert.ok(await isReached(), name);
      await page.keyboard.press('Enter');
    }
    await shows(page, 'Has helped');
    assert.equal((await read(caller, id)).respondingHelpers[0].status, 'completed');
  });

  it('shows a dispatcher what happens, by keys alone', async () => {
    const { page, ...dispatcher } = await openFor({ as: await app.admin(), path: '/app/dispatch', viewport: WALL });
    await page.waitForSelector('.dispatch-rows');
    const position = app.somewhere();
    const owner = await app.owner({ firstName: 'Dora' });
    const { emergency } = ok(await owner.post('/emergencies', { type: 'accident', location: position }), 201);
    await page.waitForFunction(() => document.querySelector('.dispatch-rows')?.innerText.includes('Dora'));
    for (let step = 0; step < 20 && !(await at(page)).endsWith(emergency.id); step += 1) await page.keyboard.press('j');
    await shows(page, 'Timeline');
    const helper = await app.helperAt(north(position, 200), { firstName: 'Hans' });
    ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
    await page.waitForFunction(() => document.querySelector('.dispatch-detail')?.innerText.includes('Hans'));
    const waiting = await app.unverifiedHelper({ firstName: 'Vera' });
    await eventually(() => page.$('::-p-aria([name="Verify: Vera Helper"][role="button"])'));
    await press(page, 'Verify: Vera Helper');
    await eventually(async () => ok(await waiting.get('/helpers/me')).helper.verification === 'verified');
    assertQuiet(dispatcher, app.url);
  });

  it('shows on every device of a person what they do on another one', async () => {
    const position = app.somewhere();
    const [owner, helper] = [await app.owner(), await app.helperAt(north(position, 200))];
    const ownerPage = (await openFor({ as: owner, position })).page;
    const helperPage = (await openFor({ as: helper, position: north(position, 200), path: '/app/help' })).page;
    await Promise.all([shows(ownerPage, 'Known to'), shows(helperPage, 'On duty')]);
    const { emergency } = ok(await owner.post('/emergencies', { location: position }), 201);
    await helperPage.waitForSelector('.alert');
    await shows(ownerPage, 'Stored at');
    ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
    await shows(helperPage, 'You are helping Olivia Owner');
    await helperPage.waitForSelector('.alert', { hidden: true });
    ok(await helper.put(`/emergencies/${emergency.id}/helper-status`, { status: 'cancelled' }));
    await shows(helperPage, 'You are alerted to emergencies nearby');
  });

  it('shows a silent SOS as something plain', async () => {
    const { page } = await openFor({ as: await app.owner(), position: app.somewhere() });
    await page.locator('::-p-aria([name="Silent"][role="switch"])').click();
    await sendSos(page);
    await shows(page, 'Stored at');
    assert.equal(await page.title(), 'Notes');
    await page.waitForSelector('.frame[data-quiet]');
  });

  it('is small, and every file of it is asked for once', async () => {
    const names = (await readdir(PAGES, { recursive: true })).filter((file) => file.endsWith('.js'));
    // As Chromium asks for them over TLS and from localhost.
    const fetched = await Promise.all(names.map((name) => raw(`${app.url}/app/${name}`, { 'accept-encoding': 'gzip, deflate, br, zstd' })));
    for (const [index, { headers, body }] of fetched.entries()) {
      assert.equal(headers['content-encoding'], 'br', names[index]);
      assert.ok(brotliDecompressSync(body).equals(await readFile(PAGES + names[index])), names[index]);
    }
    const total = fetched.reduce((sum, { body }) => sum + body.length, 0);
    assert.ok(names.length > 2 && total <= MAX_SCRIPT_BYTES, `${total} octets in ${names}`);
    const { headers } = fetched[names.findIndex((name) => name.includes('index-'))];
    assert.match(headers['cache-control'], /max-age=31536000, immutable/);
    const page = await fetch(`${app.url}/`);
    assert.deepEqual([page.url, page.status, page.headers.get('cache-control')], [`${app.url}/app/`, 200, 'no-cache']);
  });
});

/** The answer as it comes over the wire. */
async function raw(url, headers) {
  const [answer] = await once(http.get(url, { headers }), 'response');
  return { headers: answer.headers, body: await buffer(answer) };
}
