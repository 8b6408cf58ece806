/**
 * One at a time over all tabs of a browser: `navigator.locks`, or else a lease in the store.
 *
 * A lock that cannot be had in time is passed over: nothing that a person in an emergency needs may wait for a tab that
 * hangs. The service tolerates a refresh token that is presented twice within ten seconds.
 */

import { readJson, type Store } from './store.js';
import { delay, uniqueId } from './timing.js';

/** How long to wait for the lock before going on without. */
const WAIT_LIMIT = 15_000;
/** How long a lease lasts if its owner never gives it back. Longer than a request. */
const LEASE = 12_000;
/** How often a waiting tab looks. */
const POLL_INTERVAL = 50;
/** How long another tab may take between reading a lease and writing its own. */
const SETTLE = 25;

interface Lease {
  owner: string;
  until: number;
}

/** Runs `work` while no other tab with the same store runs work under this name. */
export async function exclusively<T>(store: Store, name: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks ? withLock(locks, `allynet:${name}`, work) : withLease(store, `lock:${name}`, work);
}

async function withLock<T>(locks: LockManager, name: string, work: () => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), WAIT_LIMIT);
  let begun = false;
  try {
    return (await locks.request(name, { signal: abort.signal }, () => {
      begun = true;
      clearTimeout(timer);
      return work();
    })) as T;
  } catch (error) {
    if (begun) throw error;
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

async function withLease<T>(store: Store, key: string, work: () => Promise<T>): Promise<T> {
  const owner = uniqueId();
  const deadline = Date.now() + WAIT_LIMIT;
  while (Date.now() < deadline && !(await take(store, key, owner))) await delay(POLL_INTERVAL * (0.5 + Math.random()));
  try {
    return await work();
  } finally {
    const lease = await readJson<Lease>(store, key);
    if (lease?.owner === owner) await store.delete(key);
  }
}

/** Takes a free lease. A store has no compare-and-swap: the one who wrote last has it. */
async function take(store: Store, key: string, owner: string): Promise<boolean> {
  const now = Date.now();
  const held = await readJson<Lease>(store, key);
  // A lease from the future was written before the clock was set back.
  if (held && held.until > now && held.until <= now + LEASE) return false;
  await store.set(key, JSON.stringify({ owner, until: now + LEASE } satisfies Lease));
  await delay(SETTLE);
  return (await readJson<Lease>(store, key))?.owner === owner;
}
