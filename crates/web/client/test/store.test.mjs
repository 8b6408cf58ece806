import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryStore, readJson, resilientStore, storageStore } from '../dist/store.js';
import { fakeClock } from './fakes.mjs';

it('a store in the storage of the platform begins its keys with a prefix', async () => {
  const items = new Map();
  const storage = {
    getItem: async (key) => items.get(key) ?? null,
    setItem: async (key, value) => void items.set(key, value),
    removeItem: async (key) => void items.delete(key),
  };
  const store = storageStore(storage);
  await store.set('tokens', '{}');
  assert.deepEqual([...items], [['allynet:tokens', '{}']]);
  assert.equal(await store.get('tokens'), '{}');
  await store.delete('tokens');
  assert.equal(await store.get('tokens'), null);
});

it('a store that refuses to write goes on in memory, and is used again when it can', async () => {
  const inner = memoryStore();
  let isFull = true;
  const full = (work) => {
    if (isFull) throw new Error('QuotaExceededError');
    return work();
  };
  const store = resilientStore({ get: inner.get, set: (...given) => full(() => inner.set(...given)), delete: (key) => full(() => inner.delete(key)) });
  inner.set('old', '1');
  await store.set('raise', '2');
  await store.delete('old');
  assert.deepEqual([await store.get('raise'), await store.get('old')], ['2', null]);
  assert.equal(inner.get('raise'), null);
  isFull = false;
  await store.set('raise', '3');
  inner.set('raise', '4');
  assert.equal(await store.get('raise'), '4');
});

it('a store that does not answer is not waited for', async (test) => {
  const advance = fakeClock(test);
  const never = () => new Promise(() => {});
  const store = resilientStore({ get: never, set: never, delete: never });
  const written = store.set('raise', '1').then(() => store.get('raise'));
  const read = store.get('other');
  await advance(2_000);
  assert.deepEqual([await written, await read], ['1', null]);
});

it('what is no JSON is nothing', async () => {
  const store = memoryStore();
  store.set('tokens', '{"accessToken":');
  assert.equal(await readJson(store, 'tokens'), null);
});
