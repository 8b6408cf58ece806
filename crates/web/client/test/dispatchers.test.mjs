import assert from 'node:assert/strict';
import { it } from 'node:test';
import { emergencyApi } from '../dist/api.js';
import { createClient } from '../dist/client.js';
import { DispatcherRoom } from '../dist/dispatchers.js';
import { NetworkError, SocketError } from '../dist/errors.js';

/** A room whose sends are answered by `answers` in turn; `sent` records them. */
function room(answers = []) {
  const sent = [];
  const send = async (name, payload) => {
    sent.push([name, payload]);
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next ?? { latestEventId: 7 };
  };
  return { sent, dispatchers: new DispatcherRoom(send) };
}

it('the room of dispatchers is joined again at every connection, from the last event, until it is left', async () => {
  const { sent, dispatchers } = room();
  await dispatchers.rejoin(4);
  assert.deepEqual(sent, [], 'not wanted yet');
  await dispatchers.join();
  await dispatchers.rejoin(4);
  await dispatchers.rejoin(null);
  await dispatchers.leave();
  await dispatchers.rejoin(9);
  assert.deepEqual(sent, [
    ['dispatcher:join', {}],
    ['dispatcher:join', { lastEventId: 4 }],
    ['dispatcher:join', {}],
    ['dispatcher:leave', {}],
  ]);
});

it('a user who is no administrator any more is not brought back, a network that failed is tried again', async () => {
  const lost = new NetworkError('offline', 'gone');
  const refused = new SocketError('not_authorized', 'no', 'dispatcher:join', null);
  const { sent, dispatchers } = room([undefined, lost, refused]);
  await dispatchers.join();
  for (let connection = 0; connection < 4; connection += 1) await dispatchers.rejoin(1);
  assert.equal(sent.length, 3);
  const { dispatchers: never } = room([refused]);
  await assert.rejects(never.join(), SocketError);
  assert.equal(never.isEndedBy('dispatcher:join'), false);
});

it('the service ends the room by an error that answers no join', async () => {
  const { sent, dispatchers } = room();
  assert.equal(dispatchers.isEndedBy('dispatcher:join'), false);
  const joining = dispatchers.join();
  assert.equal(dispatchers.isEndedBy('dispatcher:join'), false, 'it may be the refusal');
  await joining;
  assert.equal(dispatchers.isEndedBy('emergency:join'), false);
  assert.equal(dispatchers.isEndedBy('dispatcher:join'), true);
  await dispatchers.rejoin(1);
  assert.equal(sent.length, 1);
});

it('an owner changes an emergency, and anybody reads the settings of an app', async () => {
  const calls = [];
  const request = async (...call) => {
    calls.push(call);
    return { emergency: { id: 'e1' } };
  };
  assert.deepEqual(await emergencyApi({ request }).update('e1', { type: 'medical' }), { id: 'e1' });
  assert.deepEqual(calls, [['PATCH', '/emergencies/{id}', { params: { id: 'e1' }, body: { type: 'medical' } }]]);

  const sent = [];
  const fetch = async (url, { method, headers }) => {
    sent.push([method, url, headers]);
    return new Response(JSON.stringify({ success: true, data: { emergencyNumber: '112' } }), { status: 200 });
  };
  const ally = createClient({ url: 'https://ally.example', fetch });
  assert.deepEqual(await ally.appConfig(), { emergencyNumber: '112' });
  assert.deepEqual(sent, [['GET', 'https://ally.example/api/v1/app/config', {}]]);
  ally.close();
});
