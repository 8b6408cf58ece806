// The documents of the interface and the pages that show them, read in Chromium.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { assertQuiet, open, startChromium } from './chromium.mjs';
import { startNode } from './harness.mjs';
import { clientEvents } from './routes.mjs';
import { refused } from './shapes.mjs';

const DOCUMENTS = ['/api/openapi.json', '/api/asyncapi.json'];
const PAGES = ['/api/docs', '/api/docs/events'];
const MANUAL = ['/docs', '/docs/limits', '/docs/files/manual.css'];
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** The octets of an answer as they are sent: `{ status, headers, body }`. `fetch` would decompress them. */
async function raw(url, headers, method = 'GET') {
  const request = http.request(url, { method, headers }).end();
  const [answer] = await once(request, 'response');
  return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
}

describe('documents of the interface', () => {
  let app;
  let chromium;
  before(async () => {
    [app, chromium] = await Promise.all([startNode(), startChromium()]);
  });
  after(() => Promise.all([app?.stop(), chromium?.stop()]));

  it('shows every operation at /api/docs, without another host', async () => {
    const { paths } = await (await fetch(app.url + DOCUMENTS[0])).json();
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const opened = await open(chromium.browser, app.url + PAGES[0]);
    await opened.page.waitForFunction((count) => document.querySelectorAll('.opblock').length >= count, {}, operations.length);
    const shown = await opened.page.$$eval('.opblock', (blocks) =>
      blocks.map((block) => {
        const [method, path] = ['.opblock-summary-method', '[data-path]'].map((each) => block.querySelector(each));
        return `${method.textContent} ${path.dataset.path}`;
      }),
    );
    assert.deepEqual(shown.sort(), operations.sort());
    // Opening an operation shows its fields, and blocks nothing either.
    await opened.page.click('.opblock-post .opblock-summary-control');
    await opened.page.waitForSelector('.opblock-post .responses-table');
    assertQuiet(opened, app.url);
    await opened.page.close();
  });

  it('shows every event at /api/docs/events, without another host', async () => {
    const { components } = await (await fetch(app.url + DOCUMENTS[1])).json();
    const names = new Set(Object.values(components.messages).map((message) => message.name));
    for (const name of clientEvents) assert.ok(names.has(name), name);
    const opened = await open(chromium.browser, app.url + PAGES[1]);
    const titles = new Set(await opened.page.$$eval('.panel-item--center span', (spans) => spans.map((each) => each.textContent)));
    assert.deepEqual([...names].filter((name) => !titles.has(name)), []);
    assert.ok(await opened.page.$$eval('h5', (found) => found.some((each) => each.textContent.includes('One Of'))));
    assertQuiet(opened, app.url);

    // A field that has fields is closed, and opened by its button.
    const closed = '.border.rounded .border.rounded > [hidden]';
    const before = (await opened.page.$$(closed)).length;
    assert.ok(before > 0);
    await opened.page.$eval(closed, (section) => section.parentElement.querySelector('button').click());
    assert.equal((await opened.page.$$(closed)).length, before - 1);
    await opened.page.close();
  });

  it('serves every page of the manual at /docs, with no link that leads nowhere', async () => {
    const written = await readdir(fileURLToPath(new URL('../../docs', import.meta.url)));
    const { page, ...noted } = await open(chromium.browser, `${app.url}/docs`);
    const addresses = await page.$$eval('nav.contents a', (links) => links.map((link) => link.href));
    for (const name of written.filter((each) => each.endsWith('.md'))) {
      assert.ok(addresses.includes(`${app.url}/docs/${name.slice(0, -3)}`), name);
    }
    const targets = new Map();
    const links = [];
    for (const address of addresses) {
      await page.goto(address);
      const found = await page.evaluate(() => ({
        ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
        links: [...document.links].map(({ href }) => href),
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
      }));
      assert.equal(found.wide, false, address);
      targets.set(address, found.ids);
      links.push(...found.links.filter((link) => link.startsWith(`${app.url}/docs`)));
    }
    for (const link of new Set(links)) {
      const [address, fragment] = link.split('#');
      if (targets.has(address)) assert.ok(!fragment || targets.get(address).includes(fragment), link);
      else assert.equal((await raw(address, {}, 'HEAD')).status, 200, link);
    }
    assertQuiet(noted, app.url);
    await page.close();
  });

  it('sends them compressed, and not again to a client that has them', async () => {
    for (const path of [...DOCUMENTS, ...PAGES, ...MANUAL, '/api/docs/assets/swagger-ui-bundle.js']) {
      const plain = await raw(app.url + path, {});
      assert.deepEqual([plain.status, plain.headers['content-encoding']], [200, undefined], path);
      const compressed = await raw(app.url + path, { 'accept-encoding': 'gzip, br' });
      assert.equal(compressed.headers['content-encoding'], 'gzip', path);
      assert.ok(gunzipSync(compressed.body).equals(plain.body), path);
      const { etag } = plain.headers;
      assert.equal(compressed.headers.etag, etag, path);
      const same = await raw(app.url + path, { 'if-none-match': etag });
      assert.deepEqual([same.status, same.body.length], [304, 0], path);
      assert.equal((await raw(app.url + path, { 'if-none-match': '"other"' })).status, 200, path);
      const head = await raw(app.url + path, {}, 'HEAD');
      assert.deepEqual([head.status, head.headers.etag, head.body.length], [200, etag, 0], path);
    }
  });

  it('allows the pages nothing from elsewhere', async () => {
    const [rest, events] = await Promise.all(PAGES.map(async (path) => (await raw(app.url + path, {})).headers));
    for (const { 'content-security-policy': policy } of [rest, events]) {
      assert.match(policy, /^default-src 'self'; /);
      assert.doesNotMatch(policy, /http|\*|script-src|unsafe-eval/);
    }
    assert.match(rest['content-security-policy'], /img-src 'self' data:; style-src 'self' 'unsafe-inline'/);
    assert.doesNotMatch(events['content-security-policy'], /unsafe-inline|data:/);
  });

  it('refuses other methods', async () => {
    const anonymous = app.anonymous();
    for (const path of [...DOCUMENTS, ...PAGES, ...MANUAL]) {
      refused(await anonymous.request('POST', path, {}, { root: '' }), 405, 'method_not_allowed');
    }
  });

  it('has none of them when they are switched off', async () => {
    const node = await startNode({ env: { ALLYNET_DOCS: 'off' } });
    try {
      for (const path of [...DOCUMENTS, ...PAGES, ...MANUAL, '/api/docs/assets/swagger-ui.css']) {
        refused(await node.anonymous().request('GET', path, undefined, { root: '' }), 404, 'route_not_found');
      }
    } finally {
      await node.stop();
    }
  });
});
