// Many helpers in one emergency who respond, report and write at the same time: no request is refused, no event is lost, and
// all receive the same events in the same order.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, settled, startNode } from './harness.mjs';
import { of, over, raise, read, resolve, respond, say, tally, tell, times } from './scene.mjs';
import { assertIdsGrow, ok } from './shapes.mjs';

const WAVE = 50;

for (const database of databases) {
  describe(`a crowd on ${database}`, () => {
    let app;
    let owner;
    let helpers;
    let emergencyId;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_HELPER_POLICY: 'open' } });
      owner = await app.owner();
      helpers = await times(WAVE, () => app.user());
    });
    after(() => app?.stop());

    const path = (rest) => `/emergencies/${emergencyId}${rest}`;
    async function anew() {
      await over(owner);
      ({ id: emergencyId } = await raise(owner, app.somewhere()));
    }
    // All respond, one after the other.
    async function everybodyIsComing() {
      await anew();
      for (const helper of helpers) await respond(helper, emergencyId);
    }

    it('that responds at once is listed completely', async () => {
      await anew();
      assert.deepEqual(tally(await Promise.all(helpers.map((helper) => helper.post(path('/respond'), {})))), { 200: WAVE });
      assert.equal((await read(owner, emergencyId)).respondingHelpers.length, WAVE);
    });

    it('that reports and writes at once is delivered completely', async () => {
      await everybodyIsComing();
      const received = helpers.map((helper) => helper.put(path('/helper-status'), { status: 'on_way' }));
      const said = helpers.map((helper) => helper.post(path('/messages'), { message: 'coming' }));
      assert.deepEqual(tally(await Promise.all([...received, ...said])), { 200: WAVE, 201: WAVE });
      const { respondingHelpers } = await read(owner, emergencyId);
      assert.ok(respondingHelpers.every(({ status }) => status === 'on_way'));
      assert.equal(ok(await owner.get(path('/messages?limit=100'))).messages.length, WAVE + 1);
    });

    for (const [name, end] of [['resolving', 'resolve'], ['cancelling', 'cancel']]) {
      it(`does not keep the owner from ${name}`, async () => {
        await everybodyIsComing();
        const [ended, ...others] = await Promise.all([
          owner.post(path(`/${end}`), {}),
          ...helpers.map((helper) => helper.put(path('/helper-status'), { status: 'arrived' })),
        ]);
        assert.equal(ended.status, 200, ended.text);
        assert.deepEqual(Object.keys(tally(others)).filter((status) => status !== '200' && status !== '409'), []);
      });
    }

    it('receives the events of the timeline completely, in order, once', async () => {
      const few = helpers.slice(0, 6);
      const sockets = await Promise.all([owner, owner, ...few].map((caller) => caller.connect()));
      await anew();
      await Promise.all(
        few.map(async (helper, index) => {
          await respond(helper, emergencyId);
          for (const status of ['on_way', 'arrived', index % 2 ? 'completed' : 'cancelled']) {
            await say(helper, emergencyId, `before ${status}`);
            await tell(helper, emergencyId, status);
          }
        }),
      );
      await resolve(owner, emergencyId);
      await settled(...sockets);
      const heard = (socket) => socket.items.filter(({ payload }) => Number.isInteger(payload?.eventId) && of(emergencyId)(payload));
      const names = ({ event, eventId, payload }) => `${eventId ?? payload.eventId} ${event}`;
      const { events } = ok(await owner.get(path('/timeline')));
      const forOwner = events.filter(({ event }) => !/^alerts:|^emergency:(created|nearby)$/.test(event));
      for (const socket of sockets.slice(0, 2)) assert.deepEqual(heard(socket).map(names), forOwner.map(names));
      for (const socket of sockets) {
        assertIdsGrow(socket);
        socket.close();
      }
    });
  });
}
