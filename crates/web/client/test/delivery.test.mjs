import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Delivery } from '../dist/delivery.js';
import { Emitter } from '../dist/events.js';
import { memoryStore } from '../dist/store.js';
import { deferred, fakeClock, settle } from './fakes.mjs';

const USER = 'u1';

async function delivery(given = {}) {
  const store = memoryStore();
  if (given.stored !== undefined) store.set(`lastEventId:${USER}`, given.stored);
  const emitter = new Emitter();
  const log = { snapshots: [], alerts: [], errors: [], events: [] };
  const made = new Delivery({
    store,
    emitter,
    takeAlert: async (alert) => {
      log.alerts.push(alert.eventId);
      return given.takeAlert ? given.takeAlert(alert) : true;
    },
    takeSnapshot: async (reason) => {
      log.snapshots.push(reason);
      return given.takeSnapshot ? given.takeSnapshot(reason) : true;
    },
    onHandlerError: (event) => log.errors.push(event),
  });
  emitter.on('emergency:ended', ({ eventId }) => void log.events.push(eventId));
  const from = await made.lastEventId(USER);
  const ended = (eventId) => made.receive('emergency:ended', { eventId }, undefined);
  return { made, store, emitter, log, from, ended, cursor: () => store.get(`lastEventId:${USER}`) };
}

it('an event is handled once, also when it comes behind later ones', async () => {
  const { ended, log, made, cursor } = await delivery();
  for (const eventId of [5, 6, 4, 5, 6, 7]) ended(eventId);
  await made.idle();
  assert.deepEqual(log.events, [5, 6, 4, 7]);
  assert.equal(cursor(), '7');
});

it('the last event is the one up to which all are handled', async () => {
  const { ended, made, emitter, cursor } = await delivery({ stored: '3' });
  const slow = deferred();
  emitter.on('emergency:ended', ({ eventId }) => (eventId === 5 ? slow.promise : undefined));
  for (const eventId of [4, 5, 6]) ended(eventId);
  await settle();
  assert.equal(cursor(), '4');
  assert.equal(await made.lastEventId(USER), 4);
  slow.resolve();
  await made.idle();
  assert.equal(cursor(), '6');
});

it('a handler that never ends holds up the last event for half a minute', async (test) => {
  const advance = fakeClock(test);
  const { ended, emitter, cursor } = await delivery({ stored: '3' });
  emitter.on('emergency:ended', () => new Promise(() => {}));
  ended(4);
  await advance(29_000);
  assert.equal(cursor(), '3');
  await advance(2_000);
  assert.equal(cursor(), '4');
});

it('a handler that fails is told of, and does not keep others from the event', async () => {
  const { ended, emitter, made, log, cursor } = await delivery();
  emitter.on('emergency:ended', () => {
    throw new Error('of the app');
  });
  const heard = [];
  emitter.on('emergency:ended', ({ eventId }) => void heard.push(eventId));
  ended(4);
  await made.idle();
  assert.deepEqual([log.errors, heard, cursor()], [['emergency:ended'], [4], '4']);
});

it('without a last event the first connection begins with that of the service', async () => {
  const { made, from, log, cursor } = await delivery();
  assert.equal(from, null);
  made.ready({ latestEventId: 40 }, null);
  await made.idle();
  assert.deepEqual([cursor(), log.snapshots], ['40', ['started']]);
  // A later connection resumes: its `latestEventId` says nothing about what was handled.
  made.ready({ latestEventId: 60 }, 40);
  await made.idle();
  assert.deepEqual([cursor(), log.snapshots], ['40', ['started']]);
});

it('after a resync numbers begin anew, also below those that were seen', async () => {
  const { ended, made, log, cursor } = await delivery({ stored: '90' });
  ended(100);
  await made.idle();
  made.receive('session:resync', { reason: 'unknown_event', latestEventId: 50 }, undefined);
  await made.idle();
  assert.deepEqual([log.snapshots, cursor()], [['unknown_event'], '50']);
  ended(100);
  await made.idle();
  assert.deepEqual(log.events, [100, 100]);
});

it('a resync whose state the app did not get is asked for again by the next connection', async () => {
  const snapshot = deferred();
  const { ended, made, cursor } = await delivery({ stored: '9', takeSnapshot: () => snapshot.promise });
  made.receive('session:resync', { reason: 'too_many_events', latestEventId: 5_000 }, undefined);
  ended(5_001);
  await settle();
  assert.equal(cursor(), '9');
  snapshot.resolve(false);
  await made.idle();
  assert.equal(cursor(), '9');
});

it('an alert is acknowledged each time it arrives once it was taken, and offered again if it was not', async () => {
  let takes = false;
  const { made, log } = await delivery({ takeAlert: async () => takes });
  let acknowledged = 0;
  const alert = async () => {
    made.receive('emergency:nearby', { eventId: 8, emergency: {} }, () => (acknowledged += 1));
    await settle();
  };
  await alert();
  assert.deepEqual([log.alerts, acknowledged], [[8], 0]);
  takes = true;
  await alert();
  assert.deepEqual([log.alerts, acknowledged], [[8, 8], 1]);
  await alert();
  assert.deepEqual([log.alerts, acknowledged], [[8, 8], 2]);
});

it('each user has a last event of their own', async () => {
  const { ended, made, store } = await delivery({ stored: '9' });
  ended(10);
  await made.idle();
  assert.equal(await made.lastEventId('u2'), null);
  ended(10);
  await made.idle();
  assert.equal(store.get('lastEventId:u2'), '10');
});

it('remembers as many events as one connection replays, and not all', async () => {
  const { ended, log, made } = await delivery();
  for (let eventId = 1; eventId <= 5_000; eventId += 1) ended(eventId);
  ended(4_000);
  assert.equal(log.events.length, 5_000);
  ended(1);
  assert.equal(log.events.length, 5_001);
  await made.idle();
});
