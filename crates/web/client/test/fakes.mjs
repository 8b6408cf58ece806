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
