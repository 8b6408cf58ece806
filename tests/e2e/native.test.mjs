// Other clients than the present one of JavaScript: python-socketio, under another host name than the listed origins, on both
// transports; and the version of socket.io-client before.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { io as io3 } from 'socket.io-client-3';
import { eventually, startNode } from './harness.mjs';
import { acknowledged, raise, resolve, respond, tell } from './scene.mjs';
import { assertMatches, integer, ok, time } from './shapes.mjs';

const CLIENT = new URL('../native/client.py', import.meta.url).pathname;

async function nativeClient(url, transport, given) {
  const python = process.env.TEST_PYTHON;
  assert.ok(python, 'TEST_PYTHON is not set: run this with tests/with-python.sh');
  const client = spawn(python, [CLIENT, url, transport], { stdio: ['pipe', 'pipe', 'inherit'] });
  client.stdin.end(JSON.stringify(given));
  return JSON.parse(await text(client.stdout));
}

describe('a native client', () => {
  let app;
  before(async () => {
    app = await startNode({ env: { ALLYNET_CORS_ORIGINS: 'https://app.example' } });
  });
  after(() => app.stop());

  for (const transport of ['polling', 'websocket']) {
    it(`connects by ${transport} under a host name that is no listed origin`, async () => {
      const helper = await app.helperAt(app.somewhere());
      const url = app.url.replace(/127\.0\.0\.1|localhost/, 'alerts.allynet.test');
      const place = app.somewhere();
      const received = await nativeClient(url, transport, { token: helper.tokens.accessToken, ...place });
      assert.equal(received.error, undefined);
      assertMatches(received.ready, { userId: helper.id, rooms: [`user:${helper.id}`, 'helpers'], latestEventId: integer, serverTime: time });
      assertMatches(received.located, { ok: true, ...place, message: 'Location updated successfully', stored: true });
    });
  }

  /** Runs the three flows of the original documentation around a helper whose client is `listen`; the events it heard. */
  async function flows(listen) {
    const place = app.somewhere();
    const [helper, owner, admin] = await Promise.all([app.helperAt(place), app.owner(), app.admin()]);
    const connected = async () => ok(await admin.get('/helpers/presence')).connected;
    let fewest = await connected();
    const heard = listen(helper, place);
    await eventually(async () => {
      const now = await connected();
      // The end of an earlier connection may be noticed late.
      fewest = Math.min(fewest, now);
      return now > fewest;
    }, 60_000);
    const { id } = await raise(owner, place);
    await acknowledged(owner, id);
    await respond(helper, id);
    await tell(helper, id, 'on_way');
    await resolve(owner, id);
    return heard;
  }

  /** The names of the flows' events, in order. What else may come is left out. */
  const FLOWS = [
    ...['emergency:created', 'emergency:nearby', 'helper:joined', 'emergency:details', 'emergency:status_changed'],
    ...['helper:status_update', 'emergency:resolved', 'emergency:ended'],
  ];
  const ofFlows = (names) => names.filter((name) => FLOWS.includes(name)).sort();

  it('of Python takes part in an emergency', async () => {
    const { error, events } = await flows((helper, place) =>
      nativeClient(app.url, 'websocket', { token: helper.tokens.accessToken, ...place, until: 'emergency:ended' }),
    );
    assert.equal(error, undefined);
    assert.deepEqual(ofFlows(events), [...FLOWS].sort());
  });

  it('of socket.io-client 3 takes part in an emergency', async () => {
    const events = await flows((helper) => {
      const socket = io3(`${app.url}/emergencies`, { auth: { token: helper.tokens.accessToken }, transports: ['websocket', 'polling'] });
      const names = [];
      return new Promise((done, failed) => {
        socket.on('connect_error', failed);
        socket.onAny((name, ...given) => {
          names.push(name);
          if (typeof given.at(-1) === 'function') given.at(-1)();
          if (name !== 'emergency:ended') return;
          socket.disconnect();
          done(names);
        });
      });
    });
    assert.deepEqual(ofFlows(events), [...FLOWS].sort());
  });
});
