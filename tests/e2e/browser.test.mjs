// A push from the button to the notification in a real browser: Firefox, headless, with its page closed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { it } from 'node:test';
import { BROWSER_LIMIT, startFirefox } from './firefox.mjs';
import { eventually, startNode } from './harness.mjs';
import { DELIVERED, startMozillaPush } from './mozilla-push.mjs';
import { cancel, raise, read } from './scene.mjs';
import { assertMatches, atLeast, text } from './shapes.mjs';

const CLIENT = new URL('../../crates/web/client/dist/', import.meta.url);

/** The file of a path: of the folder `browser`, of the npm package below `/client/`, or of the Socket.IO client. */
async function contentOf(pathname) {
  if (pathname === '/socket.io-client.js') {
    return readFile(new URL('node_modules/socket.io-client/dist/socket.io.esm.min.js', import.meta.url));
  }
  const [, name] = /^\/client\/(.*)$/.exec(pathname) ?? [];
  if (!name) return readFile(new URL(`browser${pathname === '/' ? '/index.html' : pathname}`, import.meta.url));
  const text = await readFile(new URL(name, CLIENT), 'utf8');
  // What a bundler does for a service worker that is no module.
  return name === 'service-worker.js' ? text.replace(/^export (?=async|function)/gm, '') : text;
}

/** Serves these files: `{ origin, stop() }`. */
async function servePages() {
  const types = { '.html': 'text/html', '.js': 'text/javascript' };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      const content = await contentOf(pathname);
      response.writeHead(200, { 'content-type': types[extname(pathname) || '.html'] }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

it('a helper whose page is closed is shown an alert, and then its end, by the service worker of Firefox', async (test) => {
  const start = async (starting) => {
    const started = await starting;
    test.after(() => started.stop());
    return started;
  };
  const push = await start(startMozillaPush());
  const pages = await start(servePages());
  const app = await start(startNode({ env: { ...push.env, ALLYNET_CORS_ORIGINS: pages.origin } }));
  const { browser } = await start(startFirefox(push));
  const open = async () => {
    const page = await browser.newPage();
    await page.goto(pages.origin);
    return page;
  };

  const place = app.somewhere();
  const [helper, owner] = await Promise.all([app.helperAt(place), app.owner()]);
  const page = await open();
  const register = ([service, email, password]) => registerDevice(service, email, password);
  const device = await page.evaluate(register, [app.url, helper.email, helper.password]);
  assert.deepEqual([device.state, device.name], ['active', 'the tests']);
  // The next start of the app finds all well.
  const again = await page.evaluate(register, [app.url, helper.email, helper.password]);
  assert.equal(again.id, device.id);
  await page.close();

  const socket = await owner.connect();
  const raised = Date.now();
  const emergency = await raise(owner, place, { type: 'medical' });
  await socket.next('emergency:alerts', ({ delivered }) => delivered === 1, BROWSER_LIMIT);
  const delay = Date.now() - raised;
  assertMatches((await read(owner, emergency.id)).alerts, atLeast({ alerted: 1, sent: 1, delivered: 1, acknowledged: 1 }));

  const reopened = await open();
  const visible = () => reopened.evaluate(() => visibleNotifications());
  const notification = (kind) => ({ title: text, body: text, tag: emergency.id, data: atLeast({ kind, emergencyId: emergency.id }) });
  assertMatches(await visible(), [notification('alert')]);

  await cancel(owner, emergency.id);
  await eventually(async () => {
    assertMatches(await visible(), [notification('ended')]);
    assert.deepEqual(push.acks.map(({ code }) => code), push.posts.map(() => DELIVERED));
    return true;
  }, BROWSER_LIMIT);
  // An alert that no device confirms within fifteen seconds is pushed again.
  assert.ok(push.posts.length === 2 || delay > 14_000, `${push.posts.length} pushes`);
});
