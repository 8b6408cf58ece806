// Takes the pictures of the README: `make pictures`. Plays a small story in Chromium, and writes PNG files to the folder that is
// given.

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { holdSos, openApp, press, shows } from './app-pages.mjs';
import { startChromium } from './chromium.mjs';
import { north, startNode } from './harness.mjs';
import { ok } from './shapes.mjs';

const [folder] = process.argv.slice(2);
const PHONE = { width: 360, height: 640 };
const BOARD = { width: 1280, height: 640 };
const PLACE = { latitude: 52.52, longitude: 13.405 };
/** Maps are drawn after they have their size. */
const DRAWN = 1_000;

const [node, chromium] = await Promise.all([startNode({ env: { ALLYNET_ALERT_HOLD: '1s' } }), startChromium()]);
try {
  const open = (options) => openApp(chromium.browser, node.url, { viewport: PHONE, ...options });
  const take = async ({ page }, name) => {
    await page.bringToFront();
    await pause(DRAWN);
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  const helper = await open({ as: await node.helperAt(north(PLACE, 400)), position: north(PLACE, 400), path: '/app/help' });
  await shows(helper.page, 'On duty');
  const owner = await open({ as: await node.owner(), position: PLACE });
  await shows(owner.page, 'Known to');
  await take(owner, 'button');
  await holdSos(owner.page);
  await shows(owner.page, 'Looking for helpers');
  await press(owner.page, 'Medical');
  await shows(helper.page, 'Medical emergency');
  await take(helper, 'alert');
  await press(helper.page, 'I am coming');
  await helper.page.waitForSelector('.huge');
  for (const [firstName, type, metres] of [['Ada', 'accident', 900], ['Emil', 'safety', -700]]) {
    const other = await node.owner({ firstName });
    ok(await other.post('/emergencies', { type, location: { ...north(PLACE, metres), longitude: PLACE.longitude + metres / 40_000 } }), 201);
  }
  const board = await open({ as: await node.admin(), path: '/app/dispatch', viewport: BOARD });
  await shows(board.page, '3 emergencies');
  await board.page.keyboard.press('j');
  await shows(board.page, 'Timeline');
  await take(board, 'dispatch');
} finally {
  await Promise.all([chromium.stop(), node.stop()]);
}
