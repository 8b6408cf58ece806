import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NetworkError, SocketError } from '../dist/errors.js';
import { Positions } from '../dist/positions.js';
import { deferred, fakeClock, settle } from './fakes.mjs';

/** A connection that records what is sent, and answers as told. */
function fakeConnection() {
  const connection = { sent: [], online: deferred(), answer: async () => ({}) };
  connection.connected = () => connection.online.promise;
  connection.send = (name, payload) => {
    connection.sent.push(payload);
    return connection.answer(payload);
  };
  return connection;
}

const at = (seconds) => ({ latitude: seconds, longitude: 0, at: seconds * 1000 });
const latitudes = ({ sent }) => sent.map(({ latitude }) => latitude);

it('of what was reported without a connection the newest is sent, and nothing else', async (test) => {
  const advance = fakeClock(test);
  const connection = fakeConnection();
  const positions = new Positions(connection, () => {});
  for (const second of [1, 2, 5, 4, 3]) positions.report(at(second));
  await advance(5_000);
  assert.deepEqual(connection.sent, []);
  connection.online.resolve();
  await advance(5_000);
  assert.deepEqual(connection.sent, [{ latitude: 5, longitude: 0, at: '1970-01-01T00:00:05.000Z' }]);
});

it('one is sent at a time, at most one a second, and the newest next', async (test) => {
  const advance = fakeClock(test);
  const connection = fakeConnection();
  connection.online.resolve();
  const first = deferred();
  connection.answer = () => first.promise;
  const positions = new Positions(connection, () => {});
  for (const second of [1, 2, 3]) positions.report(at(second));
  await advance(3_000);
  assert.deepEqual(latitudes(connection), [3]);
  positions.report(at(4));
  connection.answer = async () => ({});
  first.resolve({});
  await advance(900);
  assert.deepEqual(latitudes(connection), [3]);
  await advance(200);
  assert.deepEqual(latitudes(connection), [3, 4]);
});

it('one that got no answer is sent again, unless there is a newer one', async (test) => {
  const advance = fakeClock(test);
  const connection = fakeConnection();
  connection.online.resolve();
  const answers = [new NetworkError('offline', ''), new SocketError('rate_limited', '', 'location:update', 3_000)];
  connection.answer = async () => {
    const error = answers.shift();
    if (error) throw error;
  };
  const positions = new Positions(connection, assert.fail);
  positions.report(at(1));
  await advance(1_100);
  assert.deepEqual(latitudes(connection), [1, 1]);
  positions.report(at(2));
  await advance(2_000);
  assert.deepEqual(latitudes(connection), [1, 1]);
  await advance(3_000);
  assert.deepEqual(latitudes(connection), [1, 1, 2]);
});

it('one that the service refuses is told of, and does not keep the next from being sent', async (test) => {
  const advance = fakeClock(test);
  const connection = fakeConnection();
  connection.online.resolve();
  connection.answer = async () => {
    throw new SocketError('invalid_payload', 'latitude is wrong', 'location:update');
  };
  const errors = [];
  const positions = new Positions(connection, ({ reason }) => errors.push(reason));
  positions.report(at(1));
  await settle();
  positions.resume();
  await settle();
  connection.answer = async () => ({});
  positions.report(at(2));
  await advance(1_100);
  assert.deepEqual([errors, latitudes(connection)], [['invalid_payload'], [1, 2]]);
  assert.throws(() => positions.report({ latitude: 1, longitude: 1, at: 'noon' }), TypeError);
});

it('waits through a connection that is stopped', async () => {
  const connection = fakeConnection();
  const stopped = connection.online;
  const positions = new Positions(connection, assert.fail);
  positions.report(at(1));
  stopped.reject(new Error('stopped'));
  await settle();
  connection.online = deferred();
  connection.online.resolve();
  positions.resume();
  await settle();
  assert.deepEqual(latitudes(connection), [1]);
  positions.close();
});
