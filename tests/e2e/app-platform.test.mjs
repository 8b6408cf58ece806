// The web app on what it runs on: upgrades of the service, notifications with the app closed, TLS and plain HTTP from another device.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:tls';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { holdSos, openApp, press, shows } from './app-pages.mjs';
import { assertQuiet, BROWSER_LIMIT, startChromium } from './chromium.mjs';
import { createCertificate, eventually, north, startNode } from './harness.mjs';
import { raise, read } from './scene.mjs';
import { ok } from './shapes.mjs';

const PAGES = fileURLToPath(new URL('../../crates/web/pages/app/', import.meta.url));
/** A name of another device, which leads here. Browsers trust no plain HTTP from it. */
const OTHER_NAME = 'allynet.test';

describe('the app', () => {
  let app;
  let chromium;
  before(async () => {
    const args = [`--host-resolver-rules=MAP ${OTHER_NAME} 127.0.0.1`, '--ignore-certificate-errors'];
    [app, chromium] = await Promise.all([startNode({ env: { ALLYNET_ALERT_HOLD: '1s' } }), startChromium({ args })]);
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  it('goes on with its own files over upgrades of the service, and offers the new version', async () => {
    const service = await startUpgrades();
    try {
      const { page, context } = await openApp(chromium.browser, service.url, { as: { tokens: { accessToken: `a.${btoa('{"userId":"one"}')}.c`, refreshToken: 'r' } } });
      const first = await service.version();
      assert.deepEqual(await versionsWith(page, first), [first]);
      await page.waitForFunction(() => navigator.serviceWorker.controller);
      assert.equal(await page.evaluate(() => document.body.innerText.includes('newer version')), false);
      // Two upgrades: the files of the page are neither those of the service nor of the worker before.
      const second = await service.upgrade();
      assert.deepEqual(await versionsWith(page, second), [first, second]);
      await shows(page, 'There is a newer version of this app');
      const third = await service.upgrade();
      assert.deepEqual(await versionsWith(page, third), [first, second, third]);
      await press(page, 'Set on the map');
      await page.waitForSelector('.map-buttons');
      await Promise.all([page.waitForNavigation(), press(page, 'Load it')]);
      await page.waitForSelector('.sos-button');
      const fourth = await service.upgrade();
      // Nothing uses the first and the second version any more.
      assert.deepEqual(await versionsWith(page, fourth), [third, fourth]);
      await shows(page, 'There is a newer version of this app');
      await context.close();
    } finally {
      await service.stop();
    }
  });

  it('never keeps the page of one version with the files of another, as two nodes answer that are upgraded one by one', async () => {
    const service = await startUpgrades();
    try {
      const { page, context } = await openApp(chromium.browser, service.url, { as: { tokens: { accessToken: `a.${btoa('{"userId":"one"}')}.c`, refreshToken: 'r' } } });
      const first = await service.version();
      await versionsWith(page, first);
      const second = await service.upgrade({ isPageOld: true });
      // The new worker is looked at, and refused.
      await page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        const refused = new Promise((resolve) =>
          registration.addEventListener('updatefound', ({ target: { installing } }) =>
            installing.addEventListener('statechange', () => installing.state === 'redundant' && resolve()),
          ),
        );
        await registration.update();
        await refused;
      });
      service.answersNewPage();
      assert.deepEqual(await versionsWith(page, second), [first, second]);
      const isOfVersion = await page.evaluate(async (version) => {
        const cache = await caches.open(`allynet-app-${version}`);
        const text = await (await cache.match('/app/')).text();
        return (await cache.match(/assets\/index-[^"]+\.js/.exec(text)[0].replace(/^/, '/app/'))) !== undefined;
      }, second);
      assert.ok(isOfVersion);
      await context.close();
    } finally {
      await service.stop();
    }
  });

  it('shows a push while it is closed, and a click on it opens the alert', async () => {
    const position = app.somewhere();
    const [helper, caller] = await Promise.all([app.helperAt(position), app.owner()]);
    const { page, context } = await openApp(chromium.browser, app.url, { as: helper, position });
    await context.overridePermissions(app.url, ['geolocation', 'notifications']);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const session = await page.createCDPSession();
    const registered = new Promise((resolve) =>
      session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && resolve(registrations[0].registrationId)),
    );
    await session.send('ServiceWorker.enable');
    const registrationId = await registered;
    const { id } = await raise(caller, north(position, 300));
    const notification = { title: 'Emergency nearby', body: '300 m away', navigate: `${app.url}/app/emergencies/${id}`, tag: id, silent: false };
    const payload = { v: 1, kind: 'alert', emergencyId: id, eventId: 1, type: 'other', distance: 300, expiresAt: '', receipt: 'r'.repeat(43), notification };
    // Another page of the browser stays, so that it can be spoken to; none of the app is left.
    await page.goto('about:blank');
    const deliver = () => session.send('ServiceWorker.deliverPushMessage', { origin: app.url, registrationId, data: JSON.stringify(payload) });
    await deliver();
    const target = await chromium.browser.waitForTarget((each) => each.type() === 'service_worker' && each.url() === `${app.url}/app/worker.js`);
    const worker = await target.worker();
    const isShown = () => worker.evaluate(async () => (await self.registration.getNotifications()).length === 1);
    await eventually(async () => {
      if (await isShown()) return true;
      // A busy browser loses one now and then. The same push again replaces what it shows.
      await delay(1_000);
      if (!(await isShown())) await deliver();
      return false;
    }, BROWSER_LIMIT);
    // A click of the desktop may open a window; one that a test makes may not, so that its address is noted.
    const opened = await worker.evaluate(async () => {
      const [shown] = await self.registration.getNotifications();
      const address = new Promise((resolve) => (self.clients.openWindow = async (url) => resolve(url)));
      self.dispatchEvent(new NotificationEvent('notificationclick', { notification: shown }));
      return address;
    });
    assert.equal(opened, notification.navigate);
    await page.goto(opened);
    await page.waitForSelector('.alert');
    await press(page, 'I am coming');
    await shows(page, 'You are helping Olivia Owner');
    assert.equal((await read(caller, id)).respondingHelpers.length, 1);
    await context.close();
  });

  it('works behind TLS, as on a phone', async () => {
    const proxy = await startTls(app);
    try {
      const position = app.somewhere();
      const helper = await openApp(chromium.browser, proxy.url, { as: await app.helperAt(north(position, 300)), position: north(position, 300), path: '/app/help' });
      const owner = await openApp(chromium.browser, proxy.url, { as: await app.owner(), position });
      await shows(owner.page, 'Known to');
      await shows(helper.page, 'Switch notifications on');
      await owner.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      await holdSos(owner.page);
      await helper.page.waitForSelector('.alert');
      await press(helper.page, 'I am coming');
      await shows(owner.page, '1 helper is coming');
      for (const each of [owner, helper]) {
        assertQuiet(each, proxy.url);
        await each.context.close();
      }
    } finally {
      proxy.stop();
    }
  });

  it('says over plain HTTP from another device what is missing, and sends an SOS nevertheless', async () => {
    const caller = await app.helperAt(app.somewhere());
    const url = app.url.replace('127.0.0.1', OTHER_NAME);
    const { page, context } = await openApp(chromium.browser, url, { as: caller, path: '/app/help' });
    await shows(page, 'Notifications need TLS (https)');
    await shows(page, 'Without TLS (https) browsers give no place to this page');
    await page.locator('.menu a').click();
    await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    await holdSos(page);
    await page.waitForSelector('.picker .leaflet-container');
    for (let zoom = 5; zoom < 14; zoom += 1) await press(page, 'Zoom in');
    await press(page, 'Use this place');
    await shows(page, 'Stored at');
    assert.equal(ok(await caller.get('/emergencies/history')).emergencies.length, 1);
    await context.close();
  });
});

/** The versions that the browser keeps, the oldest first, once the worker of this one has taken over. */
async function versionsWith(page, version) {
  const look = async () => {
    const registration = await navigator.serviceWorker.ready;
    // A look that is under way may have seen the version before, and another one does not begin meanwhile: so it is asked for again.
    if (!registration.installing) await registration.update();
    const [installing, waiting, active] = ['installing', 'waiting', 'active'].map((name) => registration[name]?.state);
    return { installing, waiting, active, versions: (await caches.keys()).map((name) => name.replace('allynet-app-', '')) };
  };
  let found;
  const hasTakenOver = async () => {
    found = await page.evaluate(look);
    return !found.installing && !found.waiting && found.active === 'activated' && found.versions.at(-1) === version;
  };
  await eventually(hasTakenOver, BROWSER_LIMIT).catch((cause) => {
    throw new Error(`${version} has not taken over: ${JSON.stringify(found)}`, { cause });
  });
  return found.versions;
}

/**
 * Serves the app alone, of which every upgrade gives all files other names: `{ url, version(), upgrade(), answersNewPage(), stop() }`.
 * `upgrade` gives the new version; with `isPageOld` the page is still the one of before, until it is said to be new.
 */
async function startUpgrades() {
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
  const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-app-'));
  let files = PAGES;
  let pages = PAGES;
  let upgrades = 0;
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const name = pathname.replace(/^\/app\//, '') || 'index.html';
    const content = await readFile(join(name === 'index.html' ? pages : files, name)).catch(() => null);
    response.writeHead(content ? 200 : 404, { 'content-type': types[extname(name)] ?? 'application/octet-stream', 'cache-control': 'no-cache' });
    response.end(content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // The version is a hash of sixteen digits.
  const version = async () => /(["'`])([0-9a-f]{16})\1/.exec(await readFile(join(files, 'worker.js'), 'utf8'))[2];
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    version,
    /** At once, as a service is replaced: a browser may look at any moment. */
    async upgrade({ isPageOld = false } = {}) {
      const next = join(folder, `${(upgrades += 1)}`);
      await cp(files, next, { recursive: true });
      const assets = (await readdir(join(next, 'assets'))).filter((name) => /\.(js|css)$/.test(name));
      const renamed = (name) => name.replace(/\.(js|css)$/, 'x.$1');
      const texts = ['index.html', 'worker.js', ...assets.map((name) => `assets/${name}`)];
      for (const name of texts) {
        const text = await readFile(join(next, name), 'utf8');
        const changed = assets.reduce((all, each) => all.replaceAll(each, renamed(each)), text);
        await writeFile(join(next, name), changed.replace(/(["'`])([0-9a-f]{16})\1/g, (_, quote, digits) => quote + digits.slice(1) + digits[0] + quote));
      }
      for (const name of assets) await rename(join(next, 'assets', name), join(next, 'assets', renamed(name)));
      files = next;
      if (!isPageOld) pages = next;
      return version();
    },
    answersNewPage: () => (pages = files),
    async stop() {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ends TLS before a node: `{ url, stop() }`. */
async function startTls(node) {
  const certificate = await createCertificate();
  const [key, cert] = await Promise.all([certificate.key, certificate.file].map((file) => readFile(file)));
  await certificate.drop();
  const sockets = new Set();
  const server = createTlsServer({ key, cert }, (client) => {
    const remote = connect(Number(new URL(node.url).port), '127.0.0.1');
    for (const socket of [client, remote]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        remote.destroy();
      });
    }
    client.pipe(remote).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${server.address().port}`,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
