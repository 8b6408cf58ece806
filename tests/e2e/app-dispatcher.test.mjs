// The dispatcher's screen in Chromium: what happens is seen as it happens, by keys alone, with a thousand emergencies, and after
// the node was killed.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { at, holdSos, openApp, press, shows, WALL } from './app-pages.mjs';
import { assertQuiet, startChromium } from './chromium.mjs';
import { createDatabase, eventually, freePort, north, startNode } from './harness.mjs';
import { cancel, raise, respond, stand, tell } from './scene.mjs';
import { ok } from './shapes.mjs';

/** Milliseconds of a task that people notice; APP_SPEED=1 judges that, on a machine that does nothing else. */
const LONG_TASK = process.env.APP_SPEED === '1' ? 200 : Infinity;

/** Waits until the list shows a text. */
const lists = (page, text) => page.waitForFunction((wanted) => document.querySelector('.dispatch-rows')?.innerText.includes(wanted), { polling: 50 }, text);
/** Counts the readings of the list in `window.readings`, and with `window.isUnreadable` answers none any more. Runs in the page. */
function guardList() {
  const { fetch } = window;
  window.readings = 0;
  window.fetch = async (url, ...more) => {
    const isList = String(url).includes('/admin/emergencies');
    if (isList && window.isUnreadable) return new Promise(() => {});
    const answer = await fetch(url, ...more);
    if (isList) window.readings += 1;
    return answer;
  };
}
/** Waits until the events of all emergencies come by themselves. */
const isLive = (page) => page.waitForSelector('.dispatch-state[data-state=events]');
/** From now on what is seen came by an event. */
const onlyEvents = async (page) => {
  await isLive(page);
  // The first reading, of live ones and of both kinds of ended ones, is what the events are news to.
  await page.waitForFunction(() => window.readings >= 3);
  await page.evaluate(() => {
    window.isUnreadable = true;
    // A machine that does not store in a second what dispatchers were shown ends their room: then the list must be read.
    const look = () => (window.isUnreadable &&= Boolean(document.querySelector('.dispatch-state[data-state=events]')));
    new MutationObserver(look).observe(document.querySelector('.dispatch-state'), { attributes: true });
  });
};
/** Fails if the list became readable for another reason than a slow machine. */
const assertOnlyEvents = async (page, { logs }) =>
  assert.ok((await page.evaluate(() => window.isUnreadable)) || /was not stored in time/.test(logs), 'the service ended the room of dispatchers');
const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.tagName);

describe('the screen of a dispatcher', () => {
  let app;
  let chromium;
  let opened = [];
  before(async () => {
    [app, chromium] = await Promise.all([startNode({ env: { ALLYNET_ALERT_HOLD: '1s' } }), startChromium()]);
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ context }) => context.close()));
    opened = [];
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  const openFor = async (options, url = app.url) => {
    const page = await openApp(chromium.browser, url, { path: '/app/dispatch', viewport: WALL, script: guardList, ...options });
    opened.push(page);
    return page;
  };
  /** Counts the tones that a page makes. */
  const listen = async ({ page }) => {
    await page.evaluate(() => {
      window.tones = 0;
      const { createOscillator } = AudioContext.prototype;
      AudioContext.prototype.createOscillator = function (...given) {
        window.tones += 1;
        return createOscillator.apply(this, given);
      };
    });
    return () => page.evaluate(() => window.tones);
  };

  it('shows at once what the owner and the helper do in their browsers', async () => {
    const position = app.somewhere();
    const dispatcher = await openFor({ as: await app.admin() });
    const { page } = dispatcher;
    await shows(page, 'may make sounds');
    await onlyEvents(page);
    const tones = await listen(dispatcher);
    await page.mouse.click(700, 10);
    await page.waitForFunction(() => !document.body.innerText.includes('may make sounds'));
    const helper = await app.helperAt(north(position, 300), { firstName: 'Hanna' });
    const owner = await openFor({ as: await app.owner({ firstName: 'Dora' }), position, path: '/app/' });
    await shows(owner.page, 'Known to');
    await holdSos(owner.page);
    await shows(owner.page, 'Looking for helpers');
    await lists(page, 'Dora');
    await page.waitForFunction(() => document.querySelector('[role=alert]')?.textContent === 'New emergency: Emergency');
    await eventually(async () => (await tones()) === 2);
    await page.locator('.dispatch-row').click();
    await page.waitForFunction(() => /\/[0-9a-f-]{36}$/.test(location.pathname) && document.querySelector('.dispatch-detail h2'));
    const { emergency } = ok(await helper.post(`/emergencies/${(await at(page)).split('/').at(-1)}/respond`, {}));
    await lists(page, 'Help is coming · 1');
    await stand(helper, north(position, 200));
    await page.waitForFunction(() => [...document.querySelectorAll('.map-point.helper b')].some(({ textContent }) => textContent === 'Hanna'));
    await tell(helper, emergency.id, 'on_way', { notes: 'by bike' });
    await page.waitForFunction(() => document.querySelector('.dispatch-detail').innerText.includes('by bike'));
    // Whom the alert was for, and how far it got.
    await page.waitForFunction(() => document.querySelector('[aria-label="Who was alerted"]')?.innerText.match(/Hanna Helper\s.*\b300 m/s));
    await page.click('.dispatch-summary .chip');
    await press(owner.page, 'I am safe');
    await owner.page.locator('.card .primary::-p-text(I am safe)').click();
    await page.waitForFunction(() => document.querySelector('.dispatch-detail').innerText.includes('Resolved'));
    await page.waitForFunction(() => !document.querySelector('.dispatch-rows').innerText.includes('Dora'));
    const quiet = await app.owner({ firstName: 'Quiet' });
    const { id } = await raise(quiet, position);
    await lists(page, 'Quiet');
    assert.equal(await tones(), 2, 'it is muted');
    await cancel(quiet, id);
    await assertOnlyEvents(page, app);
    for (const each of [dispatcher, owner]) assertQuiet(each, app.url);
  });

  it('is used with the keyboard alone', async () => {
    const names = ['Ada', 'Bert', 'Cleo'];
    const owners = await Promise.all(names.map((firstName) => app.owner({ firstName })));
    const raised = [];
    for (const owner of owners) raised.unshift(await raise(owner, app.somewhere()));
    const { page } = await openFor({ as: await app.admin() });
    await lists(page, 'Ada');
    const rows = () => page.$$eval('.dispatch-row', (found) => found.map(({ id }) => id.slice(4)));
    assert.deepEqual((await rows()).slice(0, 3), raised.map(({ id }) => id));
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction((id) => document.activeElement?.id === `row-${id}`, {}, raised[0].id);
    assert.ok((await at(page)).endsWith(raised[0].id));
    for (const key of ['j', 'ArrowDown', 'k']) await page.keyboard.press(key);
    assert.ok((await at(page)).endsWith(raised[1].id));
    await page.waitForFunction((id) => document.activeElement?.id === `row-${id}`, {}, raised[1].id);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.tagName === 'H2');
    await page.keyboard.press('ArrowDown');
    assert.ok((await at(page)).endsWith(raised[1].id), 'arrows scroll where the focus is');
    await page.keyboard.press('Escape');
    await page.waitForFunction((id) => document.activeElement?.id === `row-${id}`, {}, raised[1].id);
    assert.ok((await at(page)).endsWith('/app/dispatch'));
    await page.focus('input[type=search]');
    await page.keyboard.type('jjk');
    await shows(page, 'Nothing to show');
    assert.ok((await at(page)).endsWith('/app/dispatch'), 'letters of a search are no keys');
    for (let index = 0; index < 3; index += 1) await cancel(owners[index], raised[2 - index].id);
  });

  it('verifies helpers with a tier and the skills that were checked, and changes them later', async () => {
    const helper = await app.unverifiedHelper({ firstName: 'Vera', skills: ['cpr', 'nurse'] });
    const { page } = await openFor({ as: await app.admin() });
    // West of UTC the last second of a day is one of the next day there.
    await page.emulateTimezone('America/Los_Angeles');
    const form = await page.waitForSelector('.helper-form:has([aria-label="Verify: Vera Helper"])');
    await (await form.$('summary')).click();
    await (await form.$('select')).select('professional');
    await (await form.$('input[value=cpr]')).click();
    await (await form.$('input[name="until cpr"]')).evaluate((field) => (field.value = '2099-12-31'));
    await (await form.$('.primary')).click();
    const record = async () => ok(await helper.get('/helpers/me')).helper;
    await eventually(async () => (await record()).verification === 'verified');
    const { tier, checkedSkills } = await record();
    assert.equal(tier, 'professional');
    assert.deepEqual(checkedSkills.map(({ name, until }) => [name, Date.parse(until)]), [['cpr', Date.UTC(2100, 0, 1, 7, 59, 59)]]);
    await page.waitForFunction(() => !document.querySelector('[aria-label="Verify: Vera Helper"]'));
    await page.select('.dispatch-detail select', 'verified');
    const later = await page.waitForSelector('.helper-form:has([aria-label="Verify: Vera Helper"])');
    assert.equal(await later.$eval('select', ({ value }) => value), 'professional');
    assert.deepEqual(await later.$$eval('[name=skill]', (boxes) => boxes.map(({ value, checked }) => [value, checked])), [['cpr', true], ['nurse', false]]);
    assert.equal(await later.$eval('input[name="until cpr"]', ({ value }) => value), '2099-12-31');
    await (await later.$('summary')).click();
    await (await later.$('select')).select('registered');
    await (await later.$('.primary')).click();
    await eventually(async () => (await record()).tier === 'registered');
    assert.deepEqual((await record()).checkedSkills, checkedSkills);
  });

  it('pages through those that have ended, and finds them by text, type and state', async () => {
    const owner = await app.owner({ firstName: 'Zoe' });
    for (let index = 0; index < 130; index += 1) {
      const { id } = await raise(owner, app.somewhere(), { type: index === 0 ? 'assault' : 'medical', description: `number ${index}.` });
      await cancel(owner, id);
    }
    const { page } = await openFor({ as: await app.admin() });
    await shows(page, 'Nothing to show');
    await page.select('.dispatch-list select', 'ended');
    await page.waitForFunction(() => Number(document.body.innerText.match(/(\d+) emergencies/)?.[1]) >= 100);
    await press(page, 'Show older ones');
    await page.waitForFunction(() => Number(document.body.innerText.match(/(\d+) emergencies/)?.[1]) >= 130);
    await page.type('input[type=search]', 'number 0.');
    await shows(page, '1 emergency');
    await page.select('.dispatch-list .field:nth-child(2) select', 'medical');
    await shows(page, 'Nothing to show');
  });
});

describe('the screen of a dispatcher with a thousand events', () => {
  /** How many owners raise and cancel at once, and how often each. */
  const [OWNERS, TIMES] = [2, 128];
  /** A busy machine makes a task long, too: then it is measured again. */
  const MAX_ROUNDS = 3;

  it('stays smooth, and draws the rows that are seen', async () => {
    const [app, chromium] = await Promise.all([startNode(), startChromium()]);
    try {
      const owners = await Promise.all(Array.from({ length: OWNERS }, () => app.owner()));
      const { page } = await openApp(chromium.browser, app.url, { as: await app.admin(), path: '/app/dispatch', viewport: WALL });
      await isLive(page);
      await page.select('.dispatch-list select', 'all');
      await page.evaluate(() => {
        window.tasks = [];
        new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ entryTypes: ['longtask'] });
      });
      const listed = () => page.evaluate(() => Number(document.body.innerText.match(/(\d+) emergencies/)?.[1] ?? 0));
      let rounds = 0;
      let longest;
      let came;
      do {
        await isLive(page);
        const before = await listed();
        await page.evaluate(() => (window.tasks = []));
        const storm = owners.map(async (owner) => {
          // Created, unanswered, cancelled, ended: four events.
          for (let index = 0; index < TIMES; index += 1) await cancel(owner, (await raise(owner, app.somewhere())).id);
        });
        await Promise.all(storm);
        rounds += 1;
        came = await eventually(async () => (await listed()) - before === OWNERS * TIMES).catch(() => false);
        await page.evaluate(() => document.querySelector('.dispatch-scroll').scrollTo(0, 6_500));
        await page.waitForFunction(() => document.querySelector('.dispatch-rows > li')?.getAttribute('aria-posinset') > 70);
        longest = await page.evaluate(() => Math.max(0, ...window.tasks));
      } while ((!came || longest >= LONG_TASK) && rounds < MAX_ROUNDS);
      assert.ok(came && longest < LONG_TASK, `a task took ${longest} ms, or not every event came, in each of ${rounds} rounds`);
      assert.ok((await page.$$('.dispatch-row')).length < 40);
    } finally {
      await Promise.all([chromium.stop(), app.stop()]);
    }
  });
});

describe('the screen of a dispatcher whose service is killed', () => {
  it('says that it is not live, and misses nothing', async () => {
    const database = await createDatabase('sqlite');
    const port = await freePort();
    const start = () => startNode({ database, env: { ALLYNET_LISTEN: `127.0.0.1:${port}` } });
    let app = await start();
    const chromium = await startChromium();
    try {
      const [before, during, helper] = await Promise.all([app.owner({ firstName: 'Before' }), app.owner({ firstName: 'Later' }), app.helperAt(north(app.somewhere(), 9e5))]);
      const { id } = await raise(before, app.somewhere());
      const { page } = await openApp(chromium.browser, app.url, { as: await app.admin(), path: '/app/dispatch', viewport: WALL, script: guardList });
      await lists(page, 'Before');
      await app.kill();
      await shows(page, 'Not live');
      app = await start();
      await Promise.all([respond(helper.at(app), id), raise(during.at(app), app.somewhere())]);
      await lists(page, 'Later');
      await lists(page, 'Help is coming · 1');
      await onlyEvents(page);
      await cancel(before.at(app), id);
      await page.waitForFunction(() => !document.querySelector('.dispatch-rows').innerText.includes('Before'));
      await assertOnlyEvents(page, app);
    } finally {
      await Promise.all([chromium.stop(), app.stop()]);
      await database.drop();
    }
  });
});
