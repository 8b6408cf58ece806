/** Where tokens, the last event and a pending call for help are kept. An app may bring its own. */

import { within } from './timing.js';

type Awaitable<T> = T | Promise<T>;

/** Texts by key. Every method may answer at once or later. */
export interface Store {
  get(key: string): Awaitable<string | null>;
  set(key: string, value: string): Awaitable<void>;
  delete(key: string): Awaitable<void>;
}

/** What `localStorage`, `sessionStorage` and the `AsyncStorage` of React Native have in common. */
export interface KeyValueStorage {
  getItem(key: string): Awaitable<string | null>;
  setItem(key: string, value: string): Awaitable<unknown>;
  removeItem(key: string): Awaitable<unknown>;
}

/** A store that is lost with the process. */
export function memoryStore(): Store {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
  };
}

/** A store in `localStorage`, in `AsyncStorage`, or in anything alike. `prefix` begins every key. */
export function storageStore(storage: KeyValueStorage, prefix = 'allynet:'): Store {
  return {
    get: (key) => storage.getItem(prefix + key),
    set: async (key, value) => void (await storage.setItem(prefix + key, value)),
    delete: async (key) => void (await storage.removeItem(prefix + key)),
  };
}

/** `localStorage` where there is one that may be used, otherwise the memory. */
export function defaultStore(): Store {
  try {
    // Reading it throws where cookies are forbidden.
    const storage = globalThis.localStorage;
    if (storage) return storageStore(storage);
  } catch {
    // Below.
  }
  return memoryStore();
}

/** How long a store may take for one value. */
const STORE_LIMIT = 2_000;

/**
 * A store that does not fail: what the given one refuses (no space, forbidden, no answer in time) is kept in memory. A call for
 * help must not fail for a full `localStorage`.
 */
export function resilientStore(store: Store): Store {
  const refused = new Map<string, string | null>();
  const write = async (key: string, value: string | null, work: () => Awaitable<void>) => {
    try {
      await within(STORE_LIMIT, (async () => work())());
      refused.delete(key);
    } catch {
      refused.set(key, value);
    }
  };
  return {
    async get(key) {
      if (refused.has(key)) return refused.get(key) ?? null;
      try {
        return await within(STORE_LIMIT, (async () => store.get(key))());
      } catch {
        return null;
      }
    },
    set: (key, value) => write(key, value, () => store.set(key, value)),
    delete: (key) => write(key, null, () => store.delete(key)),
  };
}

/** Reads and parses a value. `null` if it is missing or no JSON. */
export async function readJson<T>(store: Store, key: string): Promise<T | null> {
  const text = await store.get(key);
  if (text === null || text === undefined) return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
