// Dispatchers: administrators who follow all emergencies at once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDatabase, databases, eventually, north, settled, startNode, whileStoredInTime } from './harness.mjs';
import { cancel, of, over, raise, respond, stand, tell } from './scene.mjs';
import { assertIdsGrow, assertMatches, integer, ok, refused } from './shapes.mjs';

/** Waits until the access log of a user has these entries. */
const entered = (user, expected) =>
  eventually(async () => {
    const { entries } = ok(await user.get('/auth/me/access-log'));
    assert.deepEqual(entries.map(({ emergencyId, what }) => [emergencyId, what]), expected);
    return true;
  });
/** The events of the log about one emergency that a socket received. */
const followed = (socket, emergencyId) =>
  socket.items.filter(({ payload }) => payload?.eventId && of(emergencyId)(payload)).map(({ event }) => event);

for (const database of databases) {
  describe(`dispatchers on ${database}`, () => {
    // Two nodes where the database can be shared: owner and helper are on one, dispatchers on the other.
    let store;
    let app;
    let other;
    before(async () => {
      store = await createDatabase(database);
      app = await startNode({ database: store });
      other = database === 'postgres' ? await startNode({ database: store }) : app;
    });
    after(async () => {
      await app?.stop();
      if (other !== app) await other?.stop();
      await store?.drop();
    });

    const nodes = () => [app, other];

    it('are sent everything once, as administrators, and what they are shown is in the access logs', whileStoredInTime(nodes, async () => {
      const place = app.somewhere();
      const [owner, helper, admin] = await Promise.all([app.owner(), app.helperAt(north(place, 900)), other.logIn(await app.admin())]);
      const [board, helping] = await Promise.all([admin.connect(), helper.connect()]);
      const refusedOne = await helping.ack('dispatcher:join');
      assert.equal(refusedOne.error.code, 'not_authorized');
      const { ok: joined, latestEventId } = await board.ack('dispatcher:join');
      assert.ok(joined && Number.isInteger(latestEventId));
      assert.deepEqual(await board.next('dispatcher:joined'), { latestEventId });

      const { id } = await raise(owner, { ...place, address: 'Quokka Lane 7' }, { anonymousMode: true, description: 'a numbat bit me' });
      const created = await board.next('emergency:created', of(id));
      assert.deepEqual(created.emergency.location, { ...place, precision: 0, address: 'Quokka Lane 7', description: null });
      assert.equal(created.emergency.user.id, owner.id, 'an anonymous owner is named');
      await entered(owner, [[id, 'room']]);
      // The room of the emergency brings no second copy.
      assert.ok((await board.ack('emergency:join', { emergencyId: id })).ok);
      await helping.next('emergency:nearby', of(id));
      const { skipped } = await board.next('emergency:alerts', (payload) => of(id)(payload) && payload.acknowledged === 1);
      assert.deepEqual(skipped, { quiet: 0, paused: 0, engaged: 0, limit: 0 });
      await respond(helper, id);
      await tell(helper, id, 'on_way', { notes: 'past the bilby' });
      assert.equal((await board.next('helper:status_update', of(id))).notes, 'past the bilby');
      ok(await owner.patch(`/emergencies/${id}`, { type: 'medical' }));
      assert.equal((await board.next('emergency:updated', of(id))).emergency.user.id, owner.id);
      await stand(helper, north(place, 500));
      // Positions travel between nodes by Redis only.
      if (other === app) assert.deepEqual((await board.next('helper:location', of(id))).location, north(place, 500));
      await entered(helper, other === app ? [[id, 'room']] : []);
      await cancel(owner, id);
      await board.next('emergency:ended', of(id));
      const expected = ['created', 'status_changed', 'updated', 'cancelled', 'ended'].map((name) => `emergency:${name}`);
      assert.deepEqual(followed(board, id).sort(), [...expected, 'helper:joined', 'helper:role_assigned', 'helper:status_update'].sort());
      assertIdsGrow(board);

      assert.ok((await board.ack('dispatcher:leave')).ok);
      assert.deepEqual(await board.next('dispatcher:left'), {});
      const { id: unseen } = await raise(owner, app.somewhere());
      await settled(board, helping);
      assert.deepEqual(followed(board, unseen), []);
      await over(owner);
    }));

    it('resume from their last event, and from the one that they joined after', whileStoredInTime(nodes, async () => {
      const [owner, admin] = await Promise.all([app.owner(), other.logIn(await app.admin())]);
      const first = await admin.connect();
      const { latestEventId } = await first.ack('dispatcher:join', {});
      const { id } = await raise(owner, app.somewhere());
      const { eventId } = await first.next('emergency:created', of(id));
      first.close();
      ok(await owner.patch(`/emergencies/${id}`, { severity: 9 }));
      await cancel(owner, id);
      // There is no helper.
      const missed = ['emergency:unanswered', 'emergency:updated', 'emergency:cancelled', 'emergency:ended'];
      for (const [lastEventId, events] of [[eventId, missed], [latestEventId, ['emergency:created', ...missed]]]) {
        const socket = await admin.connect();
        const { latestEventId: latest } = await socket.ack('dispatcher:join', { lastEventId });
        await socket.next('emergency:ended', of(id));
        assert.deepEqual(followed(socket, id), events);
        const names = socket.names;
        assert.ok(names.indexOf('dispatcher:joined') < names.indexOf('emergency:updated'), 'it is confirmed first');
        assert.ok(latest > eventId);
        // What was replayed is not replayed again.
        assert.ok((await socket.ack('dispatcher:join', { lastEventId })).ok);
        await socket.roundTrip();
        assert.deepEqual(followed(socket, id), events);
        socket.close();
      }
      const lost = await admin.connect();
      await lost.ack('dispatcher:join', { lastEventId: 9e15 });
      assertMatches(await lost.next('session:resync'), { reason: 'unknown_event', latestEventId: integer });
      lost.close();
    }));

    it('see in how many cells helpers are available, and no number below 3', async () => {
      const place = app.somewhere();
      const [admin, ...helpers] = await Promise.all([app.admin(), ...[1, 2, 3].map(() => app.helperAt(place))]);
      const nearest = async () => {
        const { cell, cells } = ok(await admin.get('/admin/coverage'));
        assert.equal(cell, 1000);
        const near = cells.filter(({ latitude, longitude }) => Math.abs(latitude - place.latitude) < 0.01 && Math.abs(longitude - place.longitude) < 0.02);
        assert.ok(near.length <= 1);
        return near[0]?.onDuty;
      };
      assert.equal(await nearest(), 3);
      ok(await helpers[0].put('/helpers/me', { available: false }));
      assert.equal(await nearest(), null);
      for (const helper of helpers) ok(await helper.put('/helpers/me', { available: false }));
      assert.equal(await nearest(), undefined);
    });

    it('are out at once when they log out', async () => {
      const [owner, admin] = await Promise.all([app.owner(), other.logIn(await app.admin())]);
      const board = await admin.connect();
      assert.ok((await board.ack('dispatcher:join')).ok);
      ok(await admin.post('/auth/logout', { refreshToken: admin.tokens.refreshToken }));
      assert.equal((await board.next('error')).code, 'token_expired');
      await board.next('disconnect');
      const { id } = await raise(owner, app.somewhere());
      assert.deepEqual(followed(board, id), []);
      refused(await admin.get('/admin/emergencies'), 401, 'token_invalid');
      await over(owner);
    });
  });
}

if (databases.includes('postgres')) {
  describe('dispatchers whose access log cannot be written', () => {
    it('are sent an error, and nothing more', async () => {
      const store = await createDatabase('postgres');
      const app = await startNode({ database: store });
      app.expectsFaults = true;
      try {
        const [owner, another, admin] = await Promise.all([app.owner(), app.owner(), app.admin()]);
        const board = await admin.connect();
        assert.ok((await board.ack('dispatcher:join')).ok);
        await store.query('ALTER TABLE access_log RENAME TO access_log_away');
        const { id } = await raise(owner, app.somewhere());
        await board.next('emergency:created', of(id));
        const { code, event } = await board.next('error');
        assert.deepEqual([code, event], ['internal', 'dispatcher:join']);
        const { id: unseen } = await raise(another, app.somewhere());
        await settled(board);
        assert.deepEqual(followed(board, unseen), []);
        await store.query('ALTER TABLE access_log_away RENAME TO access_log');
        assert.ok((await board.ack('dispatcher:join')).ok);
        await cancel(owner, id);
        await board.next('emergency:ended', of(id));
        await over(another);
      } finally {
        await app.stop();
        await store.drop();
      }
    });
  });
}
