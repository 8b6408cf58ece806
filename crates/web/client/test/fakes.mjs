// What the unit tests have in common: fake clocks, fake answers.

import { mock } from 'node:test';

/** Lets everything run that waits for no timer. */
export async function settle() {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Replaces the clock and the timers for one test; returns how to let time pass. */
export function fakeClock(test, now = 1_700_000_000_000) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now });
  test.after(() => mock.timers.reset());
  return async (ms) => {
    await settle();
    const step = Math.max(25, Math.ceil(ms / 500));
    for (let left = ms; left > 0; left -= step) {
      mock.timers.tick(Math.min(step, left));
      await settle();
    }
    await settle();
  };
}

/** Replaces `navigator.locks` for one test: present in browsers and in Node.js 24, absent in React Native. */
export function fakeLocks(test, locks) {
  const original = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  test.after(() => {
    if (original) Object.defineProperty(globalThis, 'navigator', original);
    else delete globalThis.navigator;
  });
}

/** Locks of a browser, of which one holder at a time is let in, as far as this package uses them. */
export function browserLocks() {
  const held = new Map();
  return {
    async request(name, { signal }, work) {
      const before = held.get(name) ?? Promise.resolve();
      const begun = Promise.race([
        before.catch(() => {}),
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ]);
      const done = begun.then(work);
      held.set(name, Promise.allSettled([before, done]));
      return done;
    },
  };
}

/** An unsigned token of a user, issued at and expiring at these seconds. */
export function token(userId, iat, exp, more = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ userId, iat, exp, ...more })}.`;
}

/** A promise with the functions that settle it. */
export function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
