// Every screen of the app in Chromium: axe finds nothing, nothing sticks out, whatever is touched is large enough, in both
// palettes, on the narrowest phone and on a wall.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { holdSos, openApp, press, shows, SMALL, WALL } from './app-pages.mjs';
import { startChromium } from './chromium.mjs';
import { north, startNode } from './harness.mjs';
import { ok } from './shapes.mjs';

const AXE = fileURLToPath(new URL('node_modules/axe-core/axe.min.js', import.meta.url));
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** A folder for pictures of every screen, for people to look at. */
const PICTURES = process.env.APP_PICTURES;
/** Pixels of whatever is touched. */
const MIN_TARGET = 44;

describe('every screen of the app', () => {
  let app;
  let chromium;
  let axe;
  before(async () => {
    [app, chromium, axe] = await Promise.all([startNode({ env: { ALLYNET_ALERT_HOLD: '120s' } }), startChromium(), readFile(AXE, 'utf8')]);
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  const openFor = (options) => openApp(chromium.browser, app.url, options);

  /** Judges what the page shows. */
  const judge = async (page, name) => {
    await page.evaluate(axe);
    for (const viewport of [SMALL, WALL]) {
      await page.setViewport(viewport);
      for (const scheme of ['light', 'dark']) {
        await page.emulateMediaFeatures([
          { name: 'prefers-color-scheme', value: scheme },
          { name: 'prefers-reduced-motion', value: 'reduce' },
        ]);
        const found = await page.evaluate(look, RULES, MIN_TARGET);
        assert.deepEqual(found, [], `${name}, ${viewport.width} px, ${scheme}`);
        if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}-${viewport.width}-${scheme}.png`), fullPage: true });
      }
      // Scripts from right to left mirror the page.
      const mirrored = await page.evaluate(mirror);
      assert.deepEqual(mirrored, [], `${name}, ${viewport.width} px, from right to left`);
    }
    await page.setViewport(SMALL);
  };

  it('before signing in', async () => {
    const { page } = await openFor({});
    await judge(page, 'log in');
    for (const name of ['Create an account', 'Forgot your password?']) {
      if (name.startsWith('Forgot')) await press(page, 'Log in');
      await press(page, name);
      await judge(page, name);
    }
  });

  it('of a person who needs help, and of the helper who comes', async () => {
    const position = app.somewhere();
    const helper = await app.helperAt(north(position, 300));
    const helping = (await openFor({ as: helper, position: north(position, 300), path: '/app/help' })).page;
    await shows(helping, 'On duty');
    await judge(helping, 'help');
    const box = { kind: 'aed', access: 'public', openingHours: '24/7', location: north(position, 150), description: 'At the gate' };
    ok(await (await app.admin()).post('/resources', box), 201);
    const { page } = await openFor({ as: await app.owner(), position });
    await shows(page, 'Known to');
    await judge(page, 'the button');
    await press(page, 'Set on the map');
    await page.waitForSelector('.map-buttons');
    await judge(page, 'choosing a place');
    await page.reload();
    await shows(page, 'Known to');
    await holdSos(page);
    await page.waitForSelector('.count');
    await judge(page, 'the countdown');
    await press(page, 'Send now');
    await page.waitForSelector('.status .icon');
    await page.waitForSelector('.map-buttons');
    await judge(page, 'looking for helpers');
    await helping.waitForSelector('.alert');
    await judge(helping, 'the alert');
    await press(page, 'Medical');
    await shows(helping, 'Medical emergency');
    await press(helping, 'I am coming');
    await shows(helping, 'It is missing');
    await judge(helping, 'helping');
    await shows(page, '1 helper is coming');
    await judge(page, 'a helper comes');
    const { emergency } = ok(await helper.get('/emergencies/helper-active'));
    ok(await helper.post(`/emergencies/${emergency.id}/resolve`, {}));
    await shows(page, 'A helper ended this SOS');
    await judge(page, 'the end');
    await shows(helping, 'Thank you for being there');
    await judge(helping, 'the end of helping');
  });

  it('of a call without a place, without an answer, and without a session', async () => {
    const caller = await app.owner();
    const { page } = await openFor({ as: caller });
    await holdSos(page);
    await press(page, 'Send now');
    await shows(page, 'Not yet sent: where are you?');
    await page.waitForSelector('.map-buttons');
    await judge(page, 'no place');
    await press(page, 'Cancel');
    const { emergency } = ok(await caller.post('/emergencies', { location: app.somewhere(), anonymousMode: true }), 201);
    await shows(page, 'No helper is near');
    await judge(page, 'unanswered');
    ok(await caller.post('/auth/logout', { refreshToken: caller.tokens.refreshToken }));
    await shows(page, 'Your session has ended; this SOS has not');
    await judge(page, 'session ended');
    ok(await (await app.admin()).post(`/emergencies/${emergency.id}/resolve`, {}));
  });

  it('without a network, of the account, and of a dispatcher', async () => {
    const position = app.somewhere();
    const owner = await app.owner();
    const { page } = await openFor({ as: owner, position });
    await shows(page, 'Known to');
    await page.setOfflineMode(true);
    await holdSos(page);
    await press(page, 'Send now');
    await shows(page, 'Not yet sent');
    await judge(page, 'not yet sent');
    await page.setOfflineMode(false);
    const account = (await openFor({ as: await app.user(), path: '/app/account' })).page;
    await shows(account, 'No contacts yet');
    await shows(account, 'this one');
    await judge(account, 'the account');
    await app.unverifiedHelper({ skills: ['cpr'] });
    const dispatch = (await openFor({ as: await app.admin(), path: '/app/dispatch' })).page;
    await dispatch.locator('summary').click();
    await dispatch.waitForSelector('.dispatch-row');
    await dispatch.keyboard.press('j');
    await shows(dispatch, 'Timeline');
    await dispatch.waitForSelector('.map-buttons');
    await judge(dispatch, 'dispatch');
  });
});

/** What sticks out when the page is read from right to left, or is not mirrored. Runs in it. */
async function mirror() {
  const first = document.querySelector('.brand') ?? document.querySelector('.alert .call');
  const before = first?.getBoundingClientRect();
  document.documentElement.dir = 'rtl';
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const { scrollWidth, clientWidth } = document.documentElement;
  const found = scrollWidth > clientWidth ? [`${scrollWidth - clientWidth} px stick out`] : [];
  const after = first?.getBoundingClientRect();
  if (before?.width && Math.abs(before.left - (clientWidth - after.right)) > 2) found.push(`${before.left} became ${clientWidth - after.right}`);
  document.documentElement.dir = 'ltr';
  return found;
}

/** What is wrong with the page. Runs in it. */
async function look(rules, minTarget) {
  // A palette fades into the other one.
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
  const results = await globalThis.axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
  const found = results.violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`));
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`${scrollWidth - clientWidth} px stick out`);
  for (const element of document.querySelectorAll('a[href], button, input, select')) {
    if (element.matches('.skip') || element.closest('[inert]')) continue;
    // Whatever is touched for a checkbox is its label.
    const touched = element.matches('[type=checkbox]') ? element.closest('label') : element;
    const { width, height, right } = touched.getBoundingClientRect();
    const box = touched.closest('.card')?.getBoundingClientRect();
    if (box && height > 0 && right > box.right) found.push(`${right - box.right} px beyond its card: ${element.outerHTML.slice(0, 80)}`);
    if (height > 0 && (height < minTarget || width < minTarget)) found.push(`${width} x ${height}: ${element.outerHTML.slice(0, 80)}`);
  }
  return found;
}
