// Resuming: a client that was disconnected gets exactly the events that a device of the same user received meanwhile, in
// order, once, followed by live events. Most tests compare with such a device.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, createDatabase, databases, eventually, north, settled, startNode, transports } from './harness.mjs';
import { cancel, of, raise, resolve, respond, say, stand, tell } from './scene.mjs';

/** The events of one emergency, or of all, that a socket received since then, in order of arrival. */
const log = (socket, since = -1, id = undefined) =>
  socket.items.filter(
    ({ payload }) => Number.isInteger(payload?.eventId) && payload.eventId > since && (id === undefined || of(id)(payload)),
  );
const ids = (socket, since) => log(socket, since).map(({ payload }) => payload.eventId);
const names = (socket, since, id) => log(socket, since, id).map(({ event }) => event);
const last = (socket) => ids(socket).at(-1) ?? socket.ready.latestEventId;

/** Drops a connection; returns its last event id. */
async function drop(socket) {
  await settled(socket);
  socket.close();
  return last(socket);
}

/** Resolves when a socket has received everything it missed: its requests are answered after that. */
const caughtUp = (socket) => socket.ack('emergency:leave', { emergencyId: NO_SUCH_ID });

async function comeBack(caller, lastEventId, options = {}) {
  const socket = await caller.connect({ auth: { token: caller.tokens.accessToken, lastEventId }, ...options });
  await caughtUp(socket);
  return socket;
}

/** What one who takes no part any more is replayed of the events of their time. */
const ofFormer = (events) =>
  events
    .filter(({ event }) => event !== 'emergency:details' && event !== 'helper:role_assigned')
    .map(({ event, payload }) => ({ event, payload: 'stalled' in payload ? { ...payload, stalled: null } : payload }));

/** Asserts that the socket that resumed has the same events of an emergency as the one that stayed, but for what is `withheld`. */
async function assertSame(back, stayed, since, id, withheld = (events) => events) {
  await settled(back, stayed);
  assert.deepEqual(log(back, since, id), withheld(log(stayed, since, id)));
  const arrived = ids(back);
  assert.deepEqual(arrived, [...new Set(arrived)].sort((a, b) => a - b), 'once, and in order');
}

for (const database of databases) {
  describe(`resuming on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app.stop());

    for (const [name, options] of Object.entries(transports)) {
      it(`delivers the missed events to every role, by ${name}`, async () => {
        const place = app.somewhere();
        const owner = await app.owner();
        const [comes, gaveUp, alerted] = await Promise.all([100, 200, 300].map((metres) => app.helperAt(north(place, metres))));
        const offDuty = await app.helperAt(north(place, 50), { available: false });
        const everybody = [owner, comes, gaveUp, alerted, offDuty];
        const stayed = await Promise.all(everybody.map((caller) => caller.connect()));
        const gone = await Promise.all(everybody.map((caller) => caller.connect()));
        const since = await Promise.all(gone.map(drop));

        const { id } = await raise(owner, place);
        await say(owner, id, 'before anybody came');
        await respond(comes, id);
        await respond(gaveUp, id);
        await say(comes, id, 'to all');
        await say(gaveUp, id, 'to the owner', 'creator');
        await tell(comes, id, 'on_way', { notes: 'five minutes' });
        await tell(gaveUp, id, 'cancelled');
        await say(owner, id, 'after one gave up');

        const back = await Promise.all(everybody.map((caller, n) => comeBack(caller, since[n], options)));
        // What a helper was told as a participant is not replayed after cancelling.
        assert.ok(names(stayed[2]).includes('emergency:details'));
        const assertAlike = async (sockets) => {
          for (const n of everybody.keys()) await assertSame(sockets[n], stayed[n], since[n], id, n === 2 ? ofFormer : undefined);
        };
        await assertAlike(back);
        assert.ok(names(back[0]).includes('helper:joined') && !names(back[0]).includes('emergency:nearby'));
        assert.ok(names(back[3]).includes('emergency:nearby') && !names(back[3]).includes('emergency:message'));
        assert.deepEqual(log(back[4], -1, id), []);
        const lastWords = ({ event, payload }) => event === 'emergency:message' && payload.message.message === 'after one gave up';
        assert.deepEqual(back.map((socket) => log(socket).some(lastWords)), [true, true, false, false, false]);

        await tell(comes, id, 'arrived');
        await resolve(owner, id);
        await assertAlike(back);
        const afterwards = await Promise.all(everybody.map((caller, n) => comeBack(caller, since[n], options)));
        await assertAlike(afterwards);
        for (const socket of [...stayed, ...back, ...afterwards]) socket.close();
      });
    }

    it('starts with session:ready and the event id by which the client has caught up', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);
      const since = await drop(await helper.connect());
      const { id } = await raise(owner, app.somewhere());
      await cancel(owner, id);
      await settled(await helper.connect());
      const back = await comeBack(helper, since);
      await settled(back);
      const order = back.items.map(({ event }) => event);
      assert.ok(order.indexOf('session:ready') < order.indexOf('emergency:created'));
      assert.ok(ids(back).some((seq) => seq <= back.ready.latestEventId));
    });

    it('requests an acknowledgement of a missed alert', async () => {
      const place = app.somewhere();
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(north(place, 100))]);
      const since = await drop(await helper.connect());
      const { id } = await raise(owner, place);
      const back = await comeBack(helper, since);
      await back.next('emergency:nearby', ({ emergency }) => emergency.id === id);
      await eventually(async () => (await owner.get(`/emergencies/${id}`)).body.data.emergency.alerts.acknowledged === 1);
    });

    it('delivers the events of the room to a looker-on, without messages', async () => {
      const place = app.somewhere();
      const [owner, helper, looker] = await Promise.all([
        app.owner(),
        app.helperAt(north(place, 100)),
        app.helperAt(app.somewhere(), { available: false }),
      ]);
      const { id } = await raise(owner, place);
      const stayed = await looker.connect();
      const joined = await stayed.ack('emergency:join', { emergencyId: id });
      assert.equal(joined.ok, true);
      const before = stayed.ready.latestEventId;
      await respond(helper, id);
      await say(helper, id, 'not for everybody');
      await tell(helper, id, 'on_way');

      const back = await looker.connect();
      const { ok } = await back.ack('emergency:join', { emergencyId: id, lastEventId: before });
      assert.equal(ok, true);
      await caughtUp(back);
      await tell(helper, id, 'arrived');
      await assertSame(back, stayed, before, id);
      const room = ['helper:joined', 'emergency:status_changed', 'helper:status_update', 'helper:status_update'];
      assert.deepEqual(names(back, before, id), room);
      const order = back.items.map(({ event }) => event);
      assert.ok(order.indexOf('emergency:joined') < order.indexOf('helper:joined'));

      // A second join has nothing to replay; events between leaving and joining are replayed.
      await back.ack('emergency:join', { emergencyId: id, lastEventId: before });
      await back.ack('emergency:leave', { emergencyId: id });
      await tell(helper, id, 'arrived', { notes: 'at the door' });
      await settled(back);
      await back.ack('emergency:join', { emergencyId: id, lastEventId: 0 });
      await caughtUp(back);
      await resolve(owner, id);
      await assertSame(back, stayed, before, id);
    });

    it('does not replay in a room what was already delivered by resuming', async () => {
      const place = app.somewhere();
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(north(place, 100))]);
      const stayed = await owner.connect();
      const since = await drop(await owner.connect());
      const { id } = await raise(owner, place);
      await respond(helper, id);
      const back = await comeBack(owner, since);
      const { ok } = await back.ack('emergency:join', { emergencyId: 'current', lastEventId: since });
      assert.equal(ok, true);
      await tell(helper, id, 'on_way');
      await assertSame(back, stayed, since, id);

      // Without lastEventId at the handshake the room is replayed, except events for participants.
      const other = await owner.connect();
      await other.ack('emergency:join', { emergencyId: id, lastEventId: since });
      await caughtUp(other);
      await tell(helper, id, 'arrived');
      await settled(other);
      const room = ['helper:joined', 'emergency:status_changed', 'helper:status_update', 'helper:status_update'];
      assert.deepEqual(names(other, -1, id), room);
      await resolve(owner, id);
    });

    it('keeps anonymous owners masked', async () => {
      const place = app.somewhere();
      const [owner, helper] = await Promise.all([
        app.owner({ firstName: 'Zebulon', lastName: 'Quagmire' }),
        app.helperAt(north(place, 100)),
      ]);
      const since = await drop(await helper.connect());
      const { id } = await raise(owner, place, { anonymousMode: true });
      await respond(helper, id);
      await say(owner, id, 'nobody knows me');
      await resolve(owner, id);
      const back = await comeBack(helper, since);
      await settled(back);
      for (const event of ['emergency:created', 'emergency:nearby', 'emergency:message', 'emergency:resolved']) {
        assert.equal(back.seen(event, of(id)).length, 1, event);
      }
      const looker = await (await app.helperAt(app.somewhere())).connect();
      await looker.ack('emergency:join', { emergencyId: id, lastEventId: since });
      await caughtUp(looker);
      for (const secret of [owner.id, 'Zebulon', 'Quagmire', owner.email]) {
        assert.ok(!helper.received.includes(secret) && !looker.caller.received.includes(secret), secret);
      }
    });

    it('does not replay a deleted message', async () => {
      const place = app.somewhere();
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(north(place, 100))]);
      const { id } = await raise(owner, place);
      await respond(helper, id);
      const since = await drop(await helper.connect());
      const said = await say(owner, id, 'a slip of the tongue');
      assert.equal((await owner.delete(`/emergencies/${id}/messages/${said.id}`)).status, 200);
      const back = await comeBack(helper, since);
      await settled(back);
      assert.deepEqual(names(back).filter((name) => /message/.test(name)), ['emergency:message:deleted']);
      await resolve(owner, id);
    });

    it('replays a thousand events, and sends session:resync for more', async () => {
      const place = app.somewhere();
      // A helper may repeat a status 30 times a minute.
      const reports = 31;
      const many = Array.from({ length: Math.ceil(1000 / reports) }, () => app.helperAt(north(place, 100)));
      const [owner, ...helpers] = await Promise.all([app.owner(), ...many]);
      const [helper] = helpers;
      const { id } = await raise(owner, place);
      for (const each of helpers) await respond(each, id);
      const since = await drop(await owner.connect());
      for (let n = 0; n < 1000; n += 1) await tell(helpers[Math.floor(n / reports)], id, 'on_way', { notes: `${n}` });

      const back = await comeBack(owner, since);
      await settled(back);
      const received = back.seen('helper:status_update').map(({ notes }) => Number(notes));
      assert.deepEqual(received, Array.from({ length: 1000 }, (_, n) => n));
      assert.deepEqual(back.seen('session:resync'), []);
      const looker = await (await app.helperAt(app.somewhere())).connect();
      await looker.ack('emergency:join', { emergencyId: id, lastEventId: since });
      await caughtUp(looker);
      assert.equal(looker.seen('helper:status_update').length, 1000);

      await tell(helper, id, 'arrived', { notes: 'one more' });
      await settled(back);
      const late = await comeBack(owner, since);
      const resync = await late.next('session:resync');
      assert.deepEqual(resync, { reason: 'too_many_events', latestEventId: late.ready.latestEventId });
      const again = await late.ack('emergency:join', { emergencyId: id, lastEventId: since });
      assert.equal(again.ok, true);
      assert.equal((await late.next('session:resync')).reason, 'too_many_events');
      await tell(helpers.at(-1), id, 'arrived', { notes: 'live' });
      await settled(late, back);
      assert.deepEqual(late.seen('helper:status_update').map(({ notes }) => notes), ['live']);
      assert.deepEqual(back.seen('helper:status_update').slice(1000).map(({ notes }) => notes), ['one more', 'live']);
      await resolve(owner, id);
    });

    it('sends session:resync to a client with an unknown event id', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);
      const future = 2 ** 40;
      const socket = await comeBack(helper, future);
      const resync = await socket.next('session:resync');
      assert.deepEqual(resync, { reason: 'unknown_event', latestEventId: socket.ready.latestEventId });
      const { id } = await raise(owner, app.somewhere());
      await socket.next('emergency:created', ({ emergency }) => emergency.id === id);
      const { ok } = await socket.ack('emergency:join', { emergencyId: id, lastEventId: future });
      assert.equal(ok, true);
      assert.equal((await socket.next('session:resync')).reason, 'unknown_event');
      await cancel(owner, id);
      await socket.next('emergency:ended');
    });

    it('resumes from a lastEventId in any spelling', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);
      const since = await drop(await helper.connect());
      const { id } = await raise(owner, app.somewhere());
      for (const lastEventId of [since, `${since}`, `${since}.0`, ` ${since} `]) {
        const socket = await comeBack(helper, lastEventId);
        await socket.next('emergency:created', ({ emergency }) => emergency.id === id);
        const { ok } = await socket.ack('emergency:join', { emergencyId: id, lastEventId });
        assert.equal(ok, true);
        assert.deepEqual(socket.seen('session:resync'), [], JSON.stringify(lastEventId));
        socket.close();
      }
      await cancel(owner, id);
    });

    it('answers a lastEventId that is none with session:resync, and null with nothing', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere())]);
      const { id } = await raise(owner, app.somewhere());
      await settled(await helper.connect());
      for (const lastEventId of ['', ' ', -1, '-1', 1.5, 'null', 'undefined', 'x', true, [0], {}, 1e300]) {
        const socket = await comeBack(helper, lastEventId);
        const expected = { reason: 'unknown_event', latestEventId: socket.ready.latestEventId };
        assert.deepEqual(await socket.next('session:resync'), expected, JSON.stringify(lastEventId));
        const { ok } = await socket.ack('emergency:join', { emergencyId: id, lastEventId });
        assert.equal(ok, true, JSON.stringify(lastEventId));
        assert.equal((await socket.next('session:resync')).reason, 'unknown_event', JSON.stringify(lastEventId));
        socket.close();
      }
      for (const auth of [{ lastEventId: null }, {}]) {
        const socket = await helper.connect({ auth: { token: helper.tokens.accessToken, ...auth } });
        await socket.ack('emergency:join', { emergencyId: id, ...auth });
        await socket.roundTrip();
        const early = ids(socket).filter((seq) => seq <= socket.ready.latestEventId);
        assert.deepEqual([...early, ...socket.seen('session:resync')], []);
        socket.close();
      }
      await cancel(owner, id);
    });

    it('uses the current duty after a change of position and duty', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(app.somewhere(), { available: false })]);
      const since = await drop(await helper.connect());
      const { id } = await raise(owner, app.somewhere());
      assert.equal((await helper.put('/helpers/me', { available: true, skills: [] })).status, 200);
      await stand(helper, app.somewhere());
      const back = await comeBack(helper, since);
      await settled(back);
      assert.equal(back.seen('emergency:created', ({ emergency }) => emergency.id === id).length, 1);
      await cancel(owner, id);
    });
  });

  it(`a service on ${database} that was killed replays missed events`, async () => {
    const store = await createDatabase(database);
    try {
      const first = await startNode({ database: store });
      const place = first.somewhere();
      const [owner, helper] = await Promise.all([first.owner(), first.helperAt(north(place, 100))]);
      const sockets = await Promise.all([owner.connect(), helper.connect()]);
      const since = await Promise.all(sockets.map(drop));
      const { id } = await raise(owner, place);
      await respond(helper, id);
      await first.kill();

      const second = await startNode({ database: store });
      const back = await Promise.all([comeBack(owner.at(second), since[0]), comeBack(helper.at(second), since[1])]);
      await resolve(owner.at(second), id);
      await settled(...back);
      const room = ['helper:joined', 'emergency:status_changed', 'helper:role_assigned', 'emergency:resolved', 'emergency:ended'];
      const happened = back.map((socket) => names(socket, -1, id));
      assert.deepEqual(happened[0].filter((name) => name !== 'emergency:message'), room);
      const withDetails = room.toSpliced(3, 0, 'emergency:details');
      assert.deepEqual(happened[1].filter((name) => !/created|nearby/.test(name)), withDetails);
      assert.equal(happened[1].filter((name) => /created|nearby/.test(name)).length, 2);
      await second.stop();
    } finally {
      await store.drop();
    }
  });
}

describe('resuming on another node', { skip: !databases.includes('postgres') }, () => {
  let database;
  let nodes;
  before(async () => {
    database = await createDatabase('postgres');
    nodes = await Promise.all([startNode({ database }), startNode({ database })]);
  });
  after(async () => {
    try {
      await Promise.all(nodes.map((node) => node.stop()));
    } finally {
      await database?.drop();
    }
  });

  it('continues where the first one ended, through any number of changes', async () => {
    const [a, b] = nodes;
    const place = a.somewhere();
    const [owner, helper] = await Promise.all([a.owner(), b.helperAt(north(place, 100))]);
    const stayed = await owner.connect();
    let moving = await owner.connect();
    const { id } = await raise(owner, place);
    await respond(helper, id);
    const received = [];
    for (let n = 0; n < 30; n += 1) {
      const node = nodes[n % 2];
      await tell(helper.at(nodes[(n + 1) % 2]), id, 'on_way', { notes: `${n}` });
      if (n % 3 === 0) await moving.next('helper:status_update');
      received.push(...log(moving));
      moving.close();
      const since = received.at(-1)?.payload.eventId ?? moving.ready.latestEventId;
      const moved = owner.at(node);
      moving = await comeBack(moved, since);
    }
    await settled(moving, stayed);
    received.push(...log(moving));
    assert.deepEqual(received, log(stayed));
    assert.equal(stayed.seen('helper:status_update').length, 30);
    await resolve(owner, id);
  });
});
