// Native clients: python-socketio under another host name than the listed origins, on both transports.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { startNode } from './harness.mjs';
import { assertMatches, integer, time } from './shapes.mjs';

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
});
