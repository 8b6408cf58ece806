// Blocks between users: the two are as if not there for each other, on every way to an emergency.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { NO_SUCH_ID, databases, north, settled, startNode } from './harness.mjs';
import { cancel, heard, messagesOf, of, partOf, raise, read, resolve, respond, say, stand, tell } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

/** Milliseconds for which a block has effect at least. */
const UNBLOCK_AFTER = 1_000;

for (const database of databases) {
  describe(`an emergency that a block hides on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_DISPATCH: 'gain', ALLYNET_UNBLOCK_AFTER: `${UNBLOCK_AFTER}ms` } });
    });
    after(() => app?.stop());

    const lists = ({ latitude, longitude }) => [`/emergencies/nearby?latitude=${latitude}&longitude=${longitude}`, '/emergencies/pending-for-helper'];
    const listed = async (caller, path, id) => {
      const data = ok(await caller.get(path));
      return (data.emergencies ?? data).some((one) => one.id === id);
    };
    async function scene(details = {}) {
      const place = app.somewhere();
      const [owner, helper, other] = await Promise.all([app.owner(), app.helperAt(north(place, 200)), app.helperAt(north(place, 300))]);
      return { place, owner, helper, other, details };
    }

    /** An anonymous emergency, raised while a block by the helper was new: a busy machine may need several attempts. */
    async function raisedRightAfterBlock() {
      for (;;) {
        const all = await scene();
        const socket = await all.helper.connect();
        const begun = performance.now();
        ok(await all.helper.put(`/auth/me/blocks/${all.owner.id}`));
        const { id } = await raise(all.owner, all.place, { anonymousMode: true });
        if (performance.now() - begun < UNBLOCK_AFTER) return { ...all, socket, id };
        await cancel(all.owner, id);
        socket.close();
      }
    }

    // Answers like one that never was.
    async function isUnknown(caller, id, place) {
      const socket = await caller.connect();
      const path = `/emergencies/${id}`;
      for (const rest of ['', '/helpers', '/timeline', '/messages']) refused(await caller.get(path + rest), 404, 'emergency_not_found');
      const posts = [['/respond', {}], ['/respond', { action: 'decline' }], ['/resolve', {}], ['/cancel', {}], ['/renew', {}], ['/report', { reason: 'rude' }], ['/messages', { message: 'Hello' }]];
      for (const [rest, body] of posts) refused(await caller.post(path + rest, body), 404, 'emergency_not_found');
      refused(await caller.put(`${path}/helper-status`, { status: 'on_way' }), 404, 'emergency_not_found');
      refused(await caller.delete(path), 404, 'emergency_not_found');
      const joined = await socket.ack('emergency:join', { emergencyId: id });
      assert.deepEqual([joined.ok, joined.error.code], [false, 'emergency_not_found']);
      for (const list of lists(place)) assert.equal(await listed(caller, list, id), false, list);
      socket.close();
    }

    for (const [name, block] of [
      ['by the owner', ({ owner, helper }) => owner.put(`/auth/me/blocks/${helper.id}`)],
      ['by the helper', ({ owner, helper }) => helper.post('/auth/me/blocks', { email: owner.email })],
    ]) {
      it(`is unknown after a block ${name}, and nobody else notices`, async () => {
        const all = await scene();
        const { owner, helper, other, place } = all;
        ok(await block(all));
        const { id } = await raise(owner, place);
        await isUnknown(helper, id, place);
        for (const list of lists(place)) assert.equal(await listed(other, list, id), true, list);
        ok(await other.get(`/emergencies/${id}`));
        ok(await (await app.admin()).get(`/emergencies/${id}`));
        await respond(other, id);
        await cancel(owner, id);
      });
    }

    it('is unknown from the block on, also to a helper who responded', async () => {
      const { owner, helper, other, place } = await scene();
      const { id } = await raise(owner, place);
      const socket = await helper.connect();
      await respond(helper, id);
      ok(await owner.put(`/auth/me/blocks/${helper.id}`));
      await socket.next('emergency:ended', of(id));
      await isUnknown(helper, id, place);
      await respond(other, id);
      await cancel(owner, id);
    });

    it('is not hidden by a block against an anonymous owner, who would be found by it', async () => {
      const { owner, helper, place, id } = await raisedRightAfterBlock();
      for (const list of lists(place)) assert.equal(await listed(helper, list, id), true, list);
      await respond(helper, id);
      await cancel(owner, id);

      ok(await owner.put(`/auth/me/blocks/${helper.id}`));
      const { id: second } = await raise(owner, place, { anonymousMode: true });
      await isUnknown(helper, second, place);
      await cancel(owner, second);
    });

    for (const [name, block] of [
      ['by the owner', ({ owner, helper }) => owner.put(`/auth/me/blocks/${helper.id}`)],
      ['by the helper', ({ owner, helper }) => helper.put(`/auth/me/blocks/${owner.id}`)],
    ]) {
      it(`is neither announced nor alerted after a block ${name}, and no number shows it`, async () => {
        const all = await scene();
        const { owner, helper, other, place } = all;
        const [cutOff, alerted] = await Promise.all([helper.connect(), other.connect()]);
        ok(await block(all));
        const raised = ok(await owner.post('/emergencies', { location: place }), 201);
        const { id } = raised.emergency;
        assert.equal((await alerted.next('emergency:created', of(id))).nearbyHelperCount, 2);
        await alerted.next('emergency:nearby', of(id));
        assert.equal(raised.nearbyHelperCount, 2);
        const [receipt] = await messagesOf(owner, id);
        assert.match(receipt.message, / 2 helpers /);
        assert.equal(ok(await other.get(`/emergencies/${id}/helpers`)).within.at(-1).count, null, 'as for any two');
        // Neither that it goes on, nor that it is over.
        await respond(other, id);
        await resolve(other, id);
        ok(await owner.post(`/emergencies/${id}/reopen`, {}));
        await alerted.next('emergency:reopened', of(id));
        await cancel(owner, id);
        await settled(alerted);
        assert.equal(alerted.seen('emergency:ended', of(id)).length, 2);
        await cutOff.silent(/./, (payload) => payload && of(id)(payload));
      });

      it(`is not replayed after a block ${name}, but looks ended`, async () => {
        const all = await scene();
        const { owner, helper, other, place } = all;
        const gone = await helper.connect();
        const since = gone.ready.latestEventId;
        gone.close();
        // One that ends before the block, and one that is live then.
        const { id: before } = await raise(owner, place);
        await cancel(owner, before);
        const { id } = await raise(owner, place);
        await respond(helper, id);
        await say(owner, id, 'Come quickly');
        ok(await block(all));
        await respond(other, id);
        await cancel(owner, id);
        const back = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId: since } });
        // Answered after the replay.
        await back.ack('emergency:leave', { emergencyId: NO_SUCH_ID });
        assert.deepEqual(heard(back, id), ['emergency:ended']);
        assert.deepEqual(back.seen('emergency:ended', of(id)).map(({ status }) => status), ['cancelled']);
        assert.deepEqual(back.seen('emergency:message', of(id)), []);
        const old = heard(back, before).filter((event) => !['emergency:cancelled', 'emergency:ended'].includes(event));
        assert.deepEqual(old, []);
      });
    }

    it('is told of to an administrator who is on duty, whoever blocks', async () => {
      const { owner, place } = await scene();
      const admin = await app.admin();
      ok(await owner.put(`/auth/me/blocks/${admin.id}`));
      const { id } = await raise(owner, place);
      const socket = await admin.connect();
      assert.equal((await socket.ack('emergency:join', { emergencyId: id })).ok, true);
      ok(await owner.delete(`/auth/me/blocks/${admin.id}`));
      ok(await admin.put(`/auth/me/blocks/${owner.id}`));
      await cancel(owner, id);
      await socket.next('emergency:ended', of(id));
      assert.equal(socket.seen('emergency:ended', of(id)).length, 1, 'not when the block was made');
    });

    it('is not alerted to one who blocked its anonymous owner long before, who could be lured', async () => {
      // Just after the block: it would tell the helper who the owner is.
      const { owner, place, socket, id } = await raisedRightAfterBlock();
      await socket.next('emergency:nearby', of(id));
      await cancel(owner, id);
      // After the earliest end of its effects.
      await setTimeout(UNBLOCK_AFTER + 100);
      const { id: second } = await raise(owner, place, { anonymousMode: true });
      await socket.next('emergency:created', of(second));
      await socket.silent('emergency:nearby', of(second));
      await cancel(owner, second);
    });

    for (const [name, block] of [
      ['before they accept', 'before'],
      ['after they accepted', 'after'],
    ]) {
      it(`of a third user shows two helpers nothing of where and whether the other is, with a block ${name}`, async () => {
        const { owner, helper, other, place } = await scene();
        const { id } = await raise(owner, place);
        if (block === 'before') ok(await other.put(`/auth/me/blocks/${helper.id}`));
        for (const caller of [helper, other]) await respond(caller, id);
        if (block === 'after') ok(await helper.put(`/auth/me/blocks/${other.id}`));
        const [atOwner, ...sockets] = await Promise.all([owner, helper, other].map((caller) => caller.connect()));
        const entry = (data, of) => data.helpers.find((one) => one.helper.id === of.id);
        for (const [caller, hidden] of [[helper, other], [other, helper]]) {
          const shown = ok(await caller.get(`/emergencies/${id}/helpers`));
          assert.equal(shown.count, 2);
          assert.equal(typeof entry(shown, caller).distance, 'number');
          const { distance, online, lastSeenAt, helper: card } = entry(shown, hidden);
          assert.deepEqual([distance, online, lastSeenAt], [null, null, null]);
          assert.ok(card.profile.firstName, 'names stay');
          for (const emergency of [await read(caller, id), ok(await caller.get('/emergencies/helper-active')).emergency]) {
            const part = partOf(hidden, emergency);
            assert.deepEqual([part.online, part.lastSeenAt], [null, null]);
            assert.equal(partOf(caller, emergency).online, true);
          }
        }
        for (const of of [helper, other]) assert.equal(typeof entry(ok(await owner.get(`/emergencies/${id}/helpers`)), of).distance, 'number');
        // Live.
        for (const caller of [helper, other]) await stand(caller, north(place, 50));
        for (const of of [helper, other]) await atOwner.next('helper:location', ({ helperId }) => helperId === of.id);
        await say(other, id, 'to all');
        for (const socket of sockets) await socket.next('emergency:message', ({ message }) => message.message === 'to all');
        const [atHelper, atOther] = sockets;
        await atHelper.silent('helper:location', ({ helperId }) => helperId === other.id);
        await atOther.silent('helper:location', ({ helperId }) => helperId === helper.id);
        for (const [socket, of] of [[atHelper, other], [atOther, helper]]) await socket.silent('presence:update', ({ userId }) => userId === of.id);
        await cancel(owner, id);
      });
    }

    it('is not alerted to one who has a block with a helper who responds', async () => {
      const { owner, helper, place } = await scene();
      const { id } = await raise(owner, place);
      await respond(helper, id);
      const blocked = await app.helperAt(north(place, 6_000));
      ok(await helper.put(`/auth/me/blocks/${blocked.id}`));
      const [socket, other] = [await blocked.connect(), await app.helperAt(north(place, 7_000))];
      const otherSocket = await other.connect();
      await tell(helper, id, 'completed');
      ok(await owner.post(`/emergencies/${id}/renew`, {}));
      for (const caller of [blocked, other]) await stand(caller, north(place, 400));
      // Positions lead to a decision every five seconds at most.
      await otherSocket.next('emergency:nearby', of(id), 60_000);
      await socket.silent('emergency:nearby', of(id));
      await cancel(owner, id);
    });
  });
}
