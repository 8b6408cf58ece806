// After a tunnel: what a phone buffered without a network arrives at once, from the buffer of the official client.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, north, startNode } from './harness.mjs';
import { cancel, raise, wrongFields } from './scene.mjs';

const POSITIONS = 600;

for (const database of databases) {
  for (const limits of ['on', 'off']) {
    describe(`after a tunnel on ${database}, limits ${limits}`, () => {
      let app;
      before(async () => {
        app = await startNode({ database, env: { ALLYNET_RATE_LIMITS: limits } });
      });
      after(() => app.stop());

      /** Buffers events while the client has no connection, and resolves when all are acknowledged after it came back. */
      async function throughTunnel(socket, events) {
        const { raw } = socket;
        raw.io.engine.close();
        await new Promise((resolve) => (raw.connected ? raw.once('disconnect', resolve) : resolve()));
        const answers = events.map((event) => raw.timeout(60_000).emitWithAck(...event));
        assert.equal(raw.sendBuffer.length, events.length, 'the client keeps them until it is connected');
        return Promise.all(answers);
      }

      it('stores the newest of 600 positions, confirms each, and handles the join behind them', async () => {
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);
        const place = app.somewhere();
        const { id } = await raise(owner, place);
        const socket = await helper.connect({ reconnection: true, reconnectionDelay: 100 });
        let cuts = 0;
        socket.raw.io.on('close', () => (cuts += 1));
        const way = Array.from({ length: POSITIONS }, (_, index) => north(place, 100_000 - index * 100));
        const events = way.map((position) => ['location:update', position]);
        const answers = await throughTunnel(socket, [...events, ['emergency:join', { emergencyId: id }]]);
        const joined = answers.pop();
        assert.equal(joined.ok, true, JSON.stringify(joined));
        answers.forEach((answer, index) => {
          assert.equal(answer.ok, true, JSON.stringify(answer));
          assert.deepEqual([answer.latitude, answer.longitude], [way[index].latitude, way[index].longitude]);
        });
        assert.equal(answers.at(-1).stored, true, 'the newest is stored');
        assert.ok(answers.filter(({ stored }) => stored).length < POSITIONS / 4, 'the others are taken as one');
        assert.equal(cuts, 1, 'by the tunnel only');
        // The helper is where the last one says, and is alerted to a call there.
        const second = await app.owner();
        const call = await raise(second, way.at(-1));
        const { distance } = await socket.next('emergency:nearby', ({ emergency }) => emergency.id === call.id);
        assert.equal(distance, 0);
        await Promise.all([cancel(owner, id), cancel(second, call.id)]);
        socket.close();
      });

      it('orders the positions of one session by the clock of the device', async () => {
        const helper = await app.helperAt(app.somewhere());
        const socket = await helper.connect();
        const at = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
        const [place, long] = [app.somewhere(), 2 * 24 * 3600];
        const send = async (seconds) => (await socket.ack('location:update', { ...place, at: at(seconds) })).stored;
        const put = async (seconds) => (await helper.put('/helpers/me/location', { ...place, at: at(seconds) })).body.data.stored;
        assert.equal(await send(-60), true);
        assert.equal(await send(-120), false, 'older than the one before');
        assert.equal(await put(-90), false, 'the session is the same over REST');
        assert.equal(await send(-50), true);
        assert.equal(await put(long), true, 'a clock two days ahead');
        assert.equal(await put(1), true, 'and set back');
        const other = await app.logIn(helper);
        const elsewhere = await other.put('/helpers/me/location', { ...place, at: at(-long) });
        assert.equal(elsewhere.body.data.stored, true, 'another device has another clock');
        assert.equal((await helper.put('/helpers/me/location', place)).body.data.stored, true);
        wrongFields(await helper.put('/helpers/me/location', { ...place, at: '0000-01-01T00:00:00Z' }), 'at');
        socket.close();
      });
    });
  }
}
