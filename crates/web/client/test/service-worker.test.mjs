import assert from 'node:assert/strict';
import { it } from 'node:test';
import { installPush } from '../dist/service-worker.js';

/** A service worker of `https://ally.example/app/`: `fire(event)`, and what it shows, opens and sends. */
function worker(test, windows = []) {
  const listeners = {};
  const state = { shown: [], opened: [], receipts: [], closed: 0 };
  installPush({
    addEventListener: (name, listener) => (listeners[name] = listener),
    registration: {
      scope: 'https://ally.example/app/',
      getNotifications: async ({ tag }) => state.shown.filter((one) => one.tag === tag),
      showNotification: async (title, options) => {
        state.shown = [...state.shown.filter(({ tag }) => tag !== options.tag), { title, ...options }];
      },
    },
    clients: { matchAll: async () => windows, openWindow: async (url) => void state.opened.push(url) },
  });
  const original = globalThis.fetch;
  test.after(() => (globalThis.fetch = original));
  globalThis.fetch = async (url, { body }) => void state.receipts.push([url, JSON.parse(body)]);
  state.fire = async (name, event) => {
    let work;
    listeners[name]({ ...event, waitUntil: (promise) => (work = promise) });
    await work;
  };
  return state;
}

const push = (kind, eventId, more = {}) => ({
  data: {
    json: () => ({
      v: 1,
      kind,
      emergencyId: 'e1',
      eventId,
      receipt: `r${eventId}`,
      notification: { title: kind, body: 'text', navigate: '/app/emergencies/e1', tag: 'e1', silent: false },
      ...more,
    }),
  },
});

it('a push is shown, in place of an earlier one of the same emergency, and confirmed', async (test) => {
  const state = worker(test);
  await state.fire('push', push('alert', 5));
  await state.fire('push', push('ended', 6));
  assert.deepEqual(state.shown.map(({ title, tag, renotify, data }) => [title, tag, renotify, data.emergencyId]), [['ended', 'e1', true, 'e1']]);
  assert.deepEqual(state.receipts, [
    ['https://ally.example/api/v1/alerts/receipts', { receipt: 'r5', state: 'delivered' }],
    ['https://ally.example/api/v1/alerts/receipts', { receipt: 'r6', state: 'delivered' }],
  ]);
});

it('a push that was overtaken is confirmed and hides nothing', async (test) => {
  const state = worker(test);
  await state.fire('push', push('ended', 6));
  await state.fire('push', push('alert', 5));
  assert.deepEqual(state.shown.map(({ title }) => title), ['ended']);
  assert.equal(state.receipts.length, 2);
});

it('a push that cannot be read shows something', async (test) => {
  const state = worker(test);
  for (const data of [null, { json: () => ({}) }, { json: () => JSON.parse('{') }]) {
    state.shown = [];
    await state.fire('push', { data });
    assert.equal(state.shown.length, 1);
  }
  assert.deepEqual(state.receipts, []);
});

it('a click opens the emergency and says that it was seen', async (test) => {
  const notification = (navigate) => ({ data: { receipt: 'r5', navigate }, close() {} });
  const state = worker(test);
  await state.fire('notificationclick', { notification: notification('/app/emergencies/e1') });
  assert.deepEqual(state.opened, ['https://ally.example/app/emergencies/e1']);
  assert.deepEqual(state.receipts[0][1], { receipt: 'r5', state: 'seen' });
  for (const foreign of ['https://evil.example/x', 'javascript:alert(1)', '//evil.example', undefined]) {
    await state.fire('notificationclick', { notification: notification(foreign) });
    assert.equal(state.opened.at(-1), 'https://ally.example/app/', String(foreign));
  }
});

it('a window of the app that is open is used', async (test) => {
  const calls = [];
  const window = (url) => ({ url, focus: async () => calls.push(`focus ${url}`), navigate: async (to) => calls.push(`navigate ${to}`) });
  const state = worker(test, [window('https://ally.example/app/'), window('https://ally.example/app/emergencies/e1')]);
  const notification = (navigate) => ({ data: { navigate }, close() {} });
  await state.fire('notificationclick', { notification: notification('/app/emergencies/e1') });
  await state.fire('notificationclick', { notification: notification('/app/emergencies/e2') });
  assert.deepEqual(calls, [
    'focus https://ally.example/app/emergencies/e1',
    ...['focus https://ally.example/app/', 'navigate https://ally.example/app/emergencies/e2'],
  ]);
  assert.deepEqual(state.opened, []);
});
