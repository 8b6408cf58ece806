// Anonymous owners: only they themselves and administrators receive any byte of their identity, and the log has none of it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, north, settled, startNode } from './harness.mjs';
import { cancel, decline, raise, resolve, respond, say, tell } from './scene.mjs';
import { ok } from './shapes.mjs';

const TEXTS = ['there is a marmoset in the pantry', 'bring the harpsichord', 'only for the one who asked', 'a xylophone for one'];
const NOTES = ['passing the lighthouse', 'all marmosets are gone'];

for (const database of databases) {
  describe(`an anonymous owner on ${database}`, () => {
    let app;
    let hidden;
    let known;
    before(async () => {
      app = await startNode({ database });
      hidden = await story({ anonymousMode: true, number: 1 });
      known = await story({ anonymousMode: false, number: 2 });
    });
    after(() => app?.stop());

    // Every step of an emergency, and every request of others about it, allowed or refused. Returns the owner and all other
    // callers.
    async function story({ anonymousMode, number }) {
      const place = { ...app.somewhere() };
      place.latitude += 0.123457;
      const person = { firstName: `Xanthippe${number}`, lastName: `Quillfeather${number}`, phone: `+1555987654${number}`, email: `unmistakable-${number}@secret.example` };
      const [owner, helper, second, looker, unverified, plain, admin] = await Promise.all([
        // The owner is also a helper on duty at the position where others search for helpers.
        app.helperAt(place, person),
        app.helperAt(north(place, 100)),
        app.helperAt(north(place, 200)),
        app.helperAt(north(place, 300)),
        app.unverifiedHelper({ position: place }),
        app.user(),
        app.admin(),
      ]);
      const others = [helper, second, looker, unverified, plain, app.anonymous()];
      const sockets = [];
      for (const transport of ['websocket', 'polling']) {
        sockets.push(...(await Promise.all([owner, helper, second, looker, unverified, plain].map((caller) => caller.connect({ transports: [transport] })))));
      }
      const here = `latitude=${place.latitude}&longitude=${place.longitude}`;

      // Every request and event, whatever the outcome.
      async function pry(emergencyId) {
        const path = `/emergencies/${emergencyId}`;
        await Promise.all(others.map((caller) => pryAs(caller, path)));
        await Promise.all(
          sockets.map(async (socket) => {
            if (socket.caller === owner) return;
            await socket.ack('emergency:join', { emergencyId: owner.id });
            await socket.ack('emergency:join', { emergencyId: 'current' });
            await socket.ack('emergency:join', { emergencyId });
          }),
        );
      }
      async function pryAs(caller, path) {
        for (const where of ['', '/helpers', '/timeline', '/messages', '/messages?limit=1']) await caller.get(path + where);
        for (const where of ['active', 'helper-active', 'pending-for-helper', `nearby?${here}`, 'history', 'history?limit=1']) {
          await caller.get(`/emergencies/${where}`);
        }
        for (const where of ['/helpers', '/helpers/presence', '/helpers/me', `/admin/emergencies?${here}`, '/auth/stats', '/auth/me']) {
          await caller.get(where);
        }
        for (const guess of [anonymousMode ? owner.id : NO_SUCH_ID, looker.id]) {
          await caller.post(`${path}/messages`, { message: 'is it you?', recipientId: guess });
          await caller.post(`${path}/report`, { userId: guess, reason: 'is it you?' });
          await caller.post(`${path}/ratings`, { helperId: guess, score: 1 });
          await caller.put(`/helpers/${guess}/verification`, { status: 'verified' });
          await caller.put(`/helpers/${guess}/block`, { blocked: true });
        }
        await caller.post(`${path}/cancel`, {});
        await caller.delete(path);
        await caller.post(path, {});
        await caller.put(`${path}/helper-status`, { status: 'nonsense' });
      }

      const { id } = await raise(owner, { ...place, address: 'the old mill' }, { anonymousMode, description: 'help', requestId: `story ${number}` });
      await pry(id);
      await decline(looker, id);
      for (const caller of [helper, second]) await respond(caller, id, { estimatedArrival: '2031-01-01T00:00:00Z' });
      const mine = await say(owner, id, TEXTS[0]);
      await say(helper, id, TEXTS[1]);
      await say(helper, id, TEXTS[2], 'creator');
      await say(owner, id, TEXTS[3], helper.id);
      await pry(id);
      await tell(helper, id, 'on_way', { notes: NOTES[0] });
      await tell(second, id, 'cancelled');
      await respond(second, id);
      ok(await owner.delete(`/emergencies/${id}/messages/${mine.id}`));
      ok(await helper.post(`/emergencies/${id}/report`, { reason: 'about whoever it is' }), 201);
      await tell(helper, id, 'arrived');
      await resolve(owner, id, { notes: NOTES[1] });
      await pry(id);
      ok(await owner.post(`/emergencies/${id}/ratings`, { helperId: helper.id, score: 5, comment: 'thanks' }), 201);
      ok(await admin.get(`/emergencies/${id}`));

      // Another emergency, which its owner cancels and deletes.
      const { id: next } = await raise(owner, place, { anonymousMode });
      await respond(helper, next);
      await say(owner, next, TEXTS[0]);
      await cancel(owner, next, { reason: NOTES[1] });
      ok(await owner.delete(`/emergencies/${next}`));
      await pry(next);

      for (const socket of sockets.slice(6)) socket.reconnect();
      await settled(...sockets.slice(0, 6));
      for (const caller of [helper, looker]) await settled(await caller.connect());
      for (const socket of sockets) socket.close();
      return { owner, others, person, place };
    }

    const bytes = (callers) => callers.map((caller) => caller.received).join('\n').toLowerCase();
    // Which of these occur, ignoring case and separators between digits.
    function found(secrets, where) {
      const bare = (text) => text.replaceAll(/[-+ ]/g, '');
      return Object.keys(secrets).filter((name) => {
        const secret = secrets[name].toLowerCase();
        return [secret, encodeURIComponent(secret).toLowerCase(), bare(secret)].some((form) => where.includes(form));
      });
    }
    // The context of an occurrence, for the failure message.
    const around = (secret, where) => where.slice(Math.max(0, where.indexOf(secret) - 300), where.indexOf(secret) + 100);
    const identity = ({ owner, person }) => ({ id: owner.id, ...person });

    it('does not occur in anything that others received', () => {
      const received = bytes(hidden.others);
      for (const one of hidden.others.slice(0, -1)) assert.ok(one.received.length > 10_000, 'much was received');
      for (const heard of ['emergency:created', 'emergency:nearby', 'helper:joined', 'emergency:message', 'emergency:resolved', 'emergency:cancelled', 'emergency:ended']) {
        assert.ok(received.includes(`"${heard}"`), heard);
      }
      const leaked = found(identity(hidden), received);
      assert.deepEqual(leaked, [], leaked[0] && around(identity(hidden)[leaked[0]].toLowerCase(), received));
    });

    it('is found by this search if not anonymous: by id and name, and nothing else', () => {
      assert.deepEqual(found(identity(known), bytes(known.others)).sort(), ['firstName', 'id', 'lastName']);
      assert.deepEqual(found(identity(known), bytes([known.owner])).sort(), ['email', 'firstName', 'id', 'lastName', 'phone']);
    });

    it('does not occur in the log, and neither do texts and positions', () => {
      const secrets = { 'the address': 'the old mill', 'a direct message': TEXTS[2] };
      for (const [index, text] of [...TEXTS, ...NOTES, 'is it you?', 'about whoever it is'].entries()) secrets[`text ${index}`] = text;
      for (const [name, { person, place, others }] of Object.entries({ hidden, known })) {
        for (const [field, value] of Object.entries(person)) secrets[`${field} of the ${name} owner`] = value;
        secrets[`latitude of the ${name} owner`] = place.latitude.toFixed(5);
        for (const [index, { email }] of others.entries()) if (email) secrets[`email ${index} of the ${name} story`] = email;
      }
      assert.match(app.logs, /INFO/);
      assert.deepEqual(found(secrets, app.logs.toLowerCase()), []);
    });
  });
}
