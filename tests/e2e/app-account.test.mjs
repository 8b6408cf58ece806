// The account in the app, in Chromium: password, sessions, blocks, who read what, taking everything along, deleting it.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { openApp, press, shows } from './app-pages.mjs';
import { assertQuiet, startChromium } from './chromium.mjs';
import { eventually, startNode } from './harness.mjs';
import { over, raise, read } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

describe('the account in the app', () => {
  let app;
  let chromium;
  let opened = [];
  before(async () => {
    [app, chromium] = await Promise.all([startNode(), startChromium()]);
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ context }) => context.close()));
    opened = [];
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  const openFor = async (as) => {
    const page = await openApp(chromium.browser, app.url, { as, path: '/app/account' });
    opened.push(page);
    await shows(page.page, 'Delete for ever');
    return page;
  };
  const type = (page, name, text) => page.locator(`input[name=${name}]`).fill(text);
  /** The text beside the field that has the focus. */
  const problemAt = (page, name) =>
    page.waitForFunction(
      (wanted) => {
        const { activeElement: field } = document;
        const ids = field.getAttribute('aria-describedby')?.split(' ') ?? [];
        return field.name === wanted && field.ariaInvalid === 'true' && ids.map((id) => document.getElementById(id).textContent).join(' ');
      },
      {},
      name,
    ).then((text) => text.jsonValue());

  it('changes the password, says which one was wrong, and ends all other sessions', async () => {
    const user = await app.user();
    const other = await app.logIn(user);
    const { page } = await openFor(user);
    await type(page, 'currentPassword', 'not the password');
    await type(page, 'newPassword', 'a new correct horse');
    await press(page, 'Change the password');
    assert.match(await problemAt(page, 'currentPassword'), /This password is wrong/);
    await type(page, 'currentPassword', user.password);
    await type(page, 'newPassword', 'short');
    await press(page, 'Change the password');
    assert.match(await problemAt(page, 'newPassword'), /8/);
    await type(page, 'newPassword', 'a new correct horse');
    await press(page, 'Change the password');
    await shows(page, 'The password is changed');
    refused(await other.get('/auth/me'), 401, 'token_invalid');
    await app.logIn({ ...user, password: 'a new correct horse' });
  });

  it('shows the sessions and ends them, lifts blocks, and tells who read a place', async () => {
    const user = await app.user();
    const others = [await app.logIn(user), await app.logIn(user), await app.logIn(user)];
    ok(await user.post('/auth/me/blocks', { email: 'somebody@people.example' }));
    const { id } = await raise(user, app.somewhere());
    await read(await app.admin(), id);
    const account = await openFor(user);
    const { page } = account;
    await shows(page, 'An administrator opened your emergency');
    await shows(page, 'this one');
    await press(page, 'Unblock: somebody@people.example');
    await shows(page, 'You block nobody');
    assert.deepEqual(ok(await user.get('/auth/me/blocks')).blocks, []);
    assertQuiet(account, app.url);
    await page.locator('[aria-label^="End:"]').click();
    await eventually(async () => ok(await user.get('/auth/sessions')).sessions.length === 3);
    // One ends meanwhile.
    for (const each of others) {
      if ((await each.get('/auth/me')).status === 401) continue;
      ok(await each.post('/auth/logout', { refreshToken: each.tokens.refreshToken }));
      break;
    }
    await press(page, 'End all others');
    await page.waitForFunction(() => !document.querySelector('[aria-label^="End:"]'));
    await eventually(async () => ok(await user.get('/auth/sessions')).sessions.length === 1);
    for (const each of others) refused(await each.get('/auth/me'), 401, 'token_invalid');
  });

  it('saves all that is stored', async () => {
    const user = await app.user();
    const account = await openFor(user);
    const { page } = account;
    const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-download-'));
    try {
      const session = await page.createCDPSession();
      await session.send('Page.setDownloadBehavior', { behavior: 'allow', downloadPath: folder });
      await press(page, 'Download');
      const name = await eventually(async () => (await readdir(folder)).find((each) => each.endsWith('.json')));
      const stored = await eventually(async () => JSON.parse(await readFile(join(folder, name), 'utf8')));
      assert.equal(stored.account.email, user.email);
      assertQuiet(account, app.url);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('deletes the account, and says what stands in the way', async () => {
    const user = await app.user();
    const { page } = await openFor(user);
    await raise(user, app.somewhere());
    await type(page, 'password', 'not the password');
    await press(page, 'Delete for ever');
    assert.match(await problemAt(page, 'password'), /This password is wrong/);
    await type(page, 'password', user.password);
    await press(page, 'Delete for ever');
    await shows(page, 'End your emergency first.');
    await over(user);
    await type(page, 'password', user.password);
    await press(page, 'Delete for ever');
    await shows(page, 'Your account is deleted');
    await shows(page, 'Help from people nearby');
    assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /session has ended/);
    refused(await app.anonymous().post('/auth/login', { email: user.email, password: user.password }), 401, 'invalid_credentials');
  });

  it('keeps nothing of the user for the next one, after logging out and after deletion', async () => {
    for (const leave of ['Log out', 'Delete for ever']) {
      const [user, next] = [await app.user(), await app.user({ firstName: 'Next' })];
      const position = app.somewhere();
      const account = await openApp(chromium.browser, app.url, { as: user, position, path: '/app/' });
      opened.push(account);
      const { page } = account;
      const kept = () => page.evaluate(() => Object.fromEntries(Object.entries(localStorage)));
      await eventually(async () => 'allynet-app:lastPlace' in (await kept()));
      await page.locator('::-p-aria([name="Silent"][role="switch"])').click();
      await eventually(async () => 'allynet-app:sosOptions' in (await kept()));
      await page.evaluate((at) => {
        localStorage.setItem('allynet-app:manualPlace', JSON.stringify({ latitude: 1, longitude: 1, accuracy: null, at }));
        localStorage.setItem('allynet-app:unanswered', JSON.stringify({ emergencyId: 'one', alertedHelpers: 1 }));
      }, Date.now());
      await page.goto(`${app.url}/app/account`);
      await shows(page, 'Delete for ever');
      if (leave === 'Delete for ever') await type(page, 'password', user.password);
      await press(page, leave);
      await shows(page, 'Help from people nearby');
      const left = await kept();
      for (const [name, value] of Object.entries(left)) assert.doesNotMatch(value, /latitude|lastName|silentMode|emergencyId/, name);
      await type(page, 'email', next.email);
      await type(page, 'password', next.password);
      await press(page, 'Log in');
      await page.locator('.menu a').click();
      await page.waitForFunction(() => document.querySelector('.sos-button') && [...document.querySelectorAll('[role=switch]')].every(({ checked }) => !checked));
    }
  });

  for (const isTold of [true, false]) it(`shows nothing of a user when another tab signs another one in, ${isTold ? 'and tells' : 'without a word'}`, async () => {
    const [first, second] = [await app.admin(), await app.user()];
    ok(await first.post('/auth/me/blocks', { email: 'somebody@people.example' }));
    const { page } = await openFor(first);
    await shows(page, first.email);
    await shows(page, 'somebody@people.example');
    const tokens = JSON.stringify({ ...second.tokens, expiresAt: null, lifetime: null });
    await page.evaluate((stored) => localStorage.setItem('allynet:tokens', stored), tokens);
    if (isTold) await page.evaluate(() => new BroadcastChannel('allynet').postMessage('tokens'));
    else ok(await first.post('/auth/logout', { refreshToken: first.tokens.refreshToken }));
    await shows(page, second.email);
    await shows(page, 'You block nobody');
    const text = await page.evaluate(() => document.body.innerText);
    assert.ok(!text.includes(first.email) && !text.includes('Dispatch'), text);
    const { firstName } = ok(await second.get('/auth/me')).user.profile;
    await page.waitForFunction((name) => document.querySelector('input[name=firstName]')?.value === name, {}, firstName);
  });

  it('does not take a part that could not be loaded for a newer version while the service is away', async () => {
    const node = await startNode();
    try {
      const account = await openApp(chromium.browser, node.url, { as: await node.user() });
      opened.push(account);
      const { page } = account;
      // Which would have the part.
      await page.setBypassServiceWorker(true);
      await page.setCacheEnabled(false);
      await node.stop();
      await shows(page, 'Trying again');
      await page.locator('.menu a[href="/app/account"]').click();
      await shows(page, 'A part of the app could not be loaded. Try again.');
      assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /newer version/);
    } finally {
      await node.stop();
    }
  });

  it('says that there is no network, and goes on when there is', async () => {
    const user = await app.user();
    const { page } = await openFor(user);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await page.setOfflineMode(true);
    await page.reload();
    await shows(page, 'No connection');
    // Sessions, blocks and the access log.
    await page.waitForFunction(() => document.querySelectorAll('.card .row[role=alert]').length === 3);
    await type(page, 'password', user.password);
    await press(page, 'Delete for ever');
    await page.waitForFunction(() => document.querySelector('form:has(.danger) [role=alert]')?.innerText === 'There is no connection.');
    await page.setOfflineMode(false);
    await shows(page, 'You block nobody');
    ok(await user.get('/auth/me'));
  });
});
