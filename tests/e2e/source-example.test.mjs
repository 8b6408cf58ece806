// The client example of the original Socket.IO documentation, unchanged except for its placeholders: the address, the token
// and the id of the emergency.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import io from 'socket.io-client';
import { databases, startNode } from './harness.mjs';
import { ok } from './shapes.mjs';

// `console` is a parameter, so that the test can read what the example prints.
function example(url, token, emergencyId, console) {
  // Connect to emergency namespace
  const socket = io(`${url}/emergencies`, {
    auth: {
      token
    },
    transports: ['websocket', 'polling']
  });

  // Connection events
  socket.on('connect', () => {
    console.log('Connected to emergency namespace');
  });

  socket.on('connect_error', (error) => {
    console.error('Connection error:', error.message);
  });

  // Emergency events
  socket.on('emergency:created', (data) => {
    console.log('New emergency:', data.emergency);
    // Show notification to helper
  });

  socket.on('emergency:nearby', (data) => {
    console.log('Emergency nearby:', data.emergency);
    // Show in helper's nearby emergencies list
  });

  // Join emergency room
  socket.emit('emergency:join', {
    emergencyId
  });

  socket.on('emergency:joined', (data) => {
    console.log('Joined room:', data.room);
  });

  // Listen for helper updates
  socket.on('helper:joined', (data) => {
    console.log('Helper joined:', data.helper);
  });

  socket.on('helper:status_update', (data) => {
    console.log('Helper status:', data.status);
  });

  socket.on('emergency:status_changed', (data) => {
    console.log('Status changed:', data.status);
  });

  socket.on('emergency:resolved', (data) => {
    console.log('Emergency resolved:', data);
  });

  // Update location
  socket.emit('location:update', {
    latitude: 40.7128,
    longitude: -74.0060
  });

  socket.on('location:updated', (data) => {
    console.log('Location updated:', data);
  });

  // Error handling
  socket.on('error', (error) => {
    console.error('Socket error:', error.message);
  });

  // Disconnect
  socket.on('disconnect', (reason) => {
    console.log('Disconnected:', reason);
  });

  return socket;
}

// A console whose lines can be waited for: `await printed('Joined room:')` gives what followed it.
function listening() {
  const lines = [];
  const waiting = [];
  const print = (label, value) => {
    lines.push({ label, value });
    waiting.splice(0).forEach((look) => look());
  };
  const printed = (label) =>
    new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new Error(`'${label}' was not printed, but ${lines.map((line) => line.label).join(', ') || 'nothing'}`));
      }, 30_000);
      const look = () => {
        const at = lines.findIndex((line) => line.label === label);
        if (at < 0) return waiting.push(look);
        clearTimeout(limit);
        return resolve(lines.splice(at, 1)[0].value);
      };
      look();
    });
  return { console: { log: print, error: print }, printed };
}

const PLACE = { latitude: 40.7128, longitude: -74.006 };
const SOURCE_ID = '507f1f77bcf86cd799439011';

for (const database of databases) {
  describe(`the documentation's client on ${database}`, () => {
    let app;
    const open = [];
    const run = (...args) => {
      const { console, printed } = listening();
      const socket = example(app.url, ...args, console);
      open.push(socket);
      return { socket, printed };
    };
    before(async () => {
      app = await startNode({ database });
    });
    after(async () => {
      for (const socket of open) socket.disconnect();
      await app?.stop();
    });

    it('prints every expected line', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);

      const early = run(helper.tokens.accessToken, SOURCE_ID);
      await early.printed('Connected to emergency namespace');
      assert.equal(await early.printed('Socket error:'), 'Emergency not found');
      assert.deepEqual(await early.printed('Location updated:'), {
        ...PLACE,
        stored: true,
        message: 'Location updated successfully',
      });

      const { emergency } = ok(await owner.post('/emergencies', { location: PLACE }), 201);
      assert.equal((await early.printed('New emergency:')).id, emergency.id);
      assert.equal((await early.printed('Emergency nearby:')).id, emergency.id);

      const late = run(owner.tokens.accessToken, emergency.id);
      assert.equal(await late.printed('Joined room:'), `emergency:${emergency.id}`);
      ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
      for (const { printed } of [early, late]) {
        assert.equal((await printed('Helper joined:')).id, helper.id);
        assert.equal(await printed('Status changed:'), 'responding');
      }
      ok(await helper.put(`/emergencies/${emergency.id}/helper-status`, { status: 'on_way' }));
      for (const { printed } of [early, late]) assert.equal(await printed('Helper status:'), 'on_way');
      ok(await owner.post(`/emergencies/${emergency.id}/resolve`, { notes: 'Help arrived, situation resolved' }));
      for (const { printed } of [early, late]) {
        assert.equal((await printed('Emergency resolved:')).resolutionNotes, 'Help arrived, situation resolved');
      }

      early.socket.disconnect();
      assert.equal(await early.printed('Disconnected:'), 'io client disconnect');
    });

    it('prints the reason of a refusal', async () => {
      const { socket, printed } = run('your-jwt-access-token', SOURCE_ID);
      assert.equal(await printed('Connection error:'), 'Authentication error: Invalid token');
      socket.disconnect();
    });
  });
}
