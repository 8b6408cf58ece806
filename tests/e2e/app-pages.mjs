// The web app in Chromium: opens it for a caller, and does what a person does.

import assert from 'node:assert/strict';
import { newPage } from './chromium.mjs';

export const PHONE = { width: 390, height: 844 };
export const SMALL = { width: 320, height: 640 };
export const WALL = { width: 1920, height: 1080 };

/**
 * Opens the app in a context of its own: `{ page, context, requests, faults }`. `as` is a caller whose session the page gets;
 * `position` what the device finds, if it finds anything; `script` runs before those of the page, at each of its starts.
 */
export async function openApp(browser, url, { as, position, path = '/app/', viewport = PHONE, dark = false, language = 'en', script } = {}) {
  const context = await browser.createBrowserContext();
  await context.overridePermissions(url, position ? ['geolocation'] : []);
  const opened = await newPage(context);
  const { page } = opened;
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
  if (position) await page.setGeolocation(position);
  const tokens = as && JSON.stringify({ ...as.tokens, expiresAt: null, lifetime: null });
  await page.evaluateOnNewDocument(
    (stored, chosen) => {
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => console.error(`policy: ${violatedDirective} ${blockedURI}`));
      if (stored && !localStorage.getItem('allynet:tokens')) localStorage.setItem('allynet:tokens', stored);
      localStorage.setItem('allynet-app:language', chosen);
    },
    tokens,
    language,
  );
  if (script) await page.evaluateOnNewDocument(script);
  const response = await page.goto(url + path, { waitUntil: 'load' });
  assert.equal(response.status(), 200);
  if (as) await page.waitForSelector('.frame');
  return { ...opened, context };
}

/** The path that a page shows now: `page.url()` is told of it only later. */
export const at = (page) => page.evaluate(() => location.pathname);

/** The button with this name, as a screen reader reads it. */
export const button = (page, name) => page.locator(`::-p-aria([name="${name}"][role="button"])`);

/** Clicks the button with this name, where the menu at the edge of the screen does not cover it. */
export async function press(page, name) {
  const found = await button(page, name).waitHandle();
  await found.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await found.dispose();
  await button(page, name).click();
}

/** Declines the alert that is shown, and waits until another one or none is: then the service has the answer. */
export async function decline(page) {
  const alert = await page.waitForSelector('.alert');
  await press(page, 'I cannot');
  await page.waitForFunction((shown) => !shown.isConnected, {}, alert);
}

/** Waits until the page shows a text; a failure says what it shows instead. */
export async function shows(page, text) {
  try {
    await page.waitForFunction((wanted) => document.body.innerText.toLocaleLowerCase().includes(wanted), { polling: 50 }, text.toLocaleLowerCase());
  } catch (cause) {
    const shown = await page.evaluate(() => document.body.innerText);
    throw new Error(`"${text}" is not shown, but: ${shown}`, { cause });
  }
}

/** Holds the SOS button as a finger does. What is drawn late may move it from under the finger, which then comes again. */
export async function holdSos(page) {
  const held = '.stage, .status:not([data-state=ended])';
  for (let attempt = 1; ; attempt += 1) {
    await page.waitForSelector(attempt > 1 ? `.sos-button, ${held}` : '.sos-button');
    if (attempt > 1 && (await page.$(held))) return;
    const { x, y, width, height } = await page.evaluate(() => {
      scrollTo(0, 0);
      return document.querySelector('.sos-button').getBoundingClientRect().toJSON();
    });
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    const isLast = attempt === 3;
    const found = await page.waitForSelector(held, isLast ? {} : { timeout: 15_000 }).catch((fault) => isLast && Promise.reject(fault));
    await page.mouse.up();
    if (found) return;
  }
}

/** The same, and does not wait for the end of the countdown. */
export async function sendSos(page) {
  await holdSos(page);
  await press(page, 'Send now');
}

/** Touches the SOS button for a moment. What is sent at once cannot be torn apart by a busy machine. */
export async function touchSos(page) {
  const { x, y, width, height } = await (await page.waitForSelector('.sos-button')).boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await Promise.all([page.mouse.down(), page.mouse.up()]);
}

/** Types into the field with this label. */
export const fill = (page, label, text) => page.locator(`::-p-aria([name="${label}"][role="textbox"])`).fill(text);
