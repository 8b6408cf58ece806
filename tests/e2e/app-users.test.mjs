// Whose notifications a browser shows in which several people use the app, in Chromium, whose push manager the test replaces: a real
// one subscribes at the service of its maker only.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openApp } from './app-pages.mjs';
import { startChromium } from './chromium.mjs';
import { startFakeServices } from './fake-services.mjs';
import { eventually, startNode } from './harness.mjs';
import { ok } from './shapes.mjs';

/** Replaces the push manager by one that hands out these subscriptions, one after the other, and remembers the present one. */
function replacePushManager(subscriptions) {
  const state = () => JSON.parse(localStorage.getItem('test:push') ?? '{"used":0,"present":null,"ended":[]}');
  const keep = (changed) => localStorage.setItem('test:push', JSON.stringify({ ...state(), ...changed }));
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (character) => character.charCodeAt(0)).buffer;
  const present = () => {
    const { present: at, key } = state();
    if (at === null) return null;
    return {
      options: { applicationServerKey: bytes(key) },
      toJSON: () => subscriptions[at],
      async unsubscribe() {
        keep({ present: null, ended: [...state().ended, subscriptions[at].endpoint] });
        return true;
      },
    };
  };
  PushManager.prototype.getSubscription = async () => present();
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    keep({ present: state().used, used: state().used + 1, key: applicationServerKey });
    return present();
  };
}

describe('notifications in a browser of several people', () => {
  let app, chromium, services;
  before(async () => {
    [services, chromium] = await Promise.all([startFakeServices(), startChromium()]);
    app = await startNode({ env: services.env });
  });
  after(async () => {
    await Promise.all([app?.stop(), chromium?.stop()]);
    await services?.stop();
  });

  it('are those of the user who is signed in, and no more those of the one before', async () => {
    const [first, second] = await Promise.all([app.user(), app.user()]);
    const subscriptions = [await services.subscribe(), await services.subscribe()];
    const devices = async (of) => ok(await of.get('/devices')).devices;
    const { page, context } = await openApp(chromium.browser, app.url, { path: '/app/' });
    try {
      await context.overridePermissions(app.url, ['notifications']);
      await page.evaluateOnNewDocument(replacePushManager, subscriptions);
      const signIn = async (user) => {
        await page.evaluate((stored) => localStorage.setItem('allynet:tokens', stored), JSON.stringify({ ...user.tokens, expiresAt: null, lifetime: null }));
      };
      await signIn(first);
      await page.reload();
      await eventually(async () => (await devices(first)).length === 1);

      // Without a word from the first user, whose session goes on.
      await signIn(second);
      await page.evaluate(() => new BroadcastChannel('allynet').postMessage('tokens'));
      await eventually(async () => (await devices(second)).length === 1);
      const { ended } = await page.evaluate(() => JSON.parse(localStorage.getItem('test:push')));
      assert.deepEqual(ended, [subscriptions[0].endpoint]);
      // The push service says so when it is next asked, and the device of the first user is removed.
      await services.answer(subscriptions[0].token, { status: 410 });
      const [{ id }] = await devices(first);
      ok(await first.post(`/devices/${id}/test`), 202);
      await eventually(async () => (await devices(first)).length === 0);
    } finally {
      await context.close();
    }
  });
});
