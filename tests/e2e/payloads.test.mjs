// Invalid payloads: the client gets the reason, its connection continues, and other clients are not affected.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NAMESPACE, NO_SUCH_ID, databases, eventually, startNode } from './harness.mjs';
import { clientEvents } from './routes.mjs';
import { over, raise } from './scene.mjs';
import { assertMatches, atLeast, ok, text } from './shapes.mjs';

const MAX_PAYLOAD = 65_536;
const invalid = 'invalid_payload';
const nested = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

// Payloads that are invalid for every event.
const shapeless = {
  'null': [null],
  'an array': [['emergencyId', 'latitude']],
  'an empty array': [[]],
  'a string': ['current'],
  'a number': [5],
  'true': [true],
  'nothing': [],
  'an empty object': [{}],
  'a binary': [Buffer.from([1, 2, 3])],
  'a binary within': [{ emergencyId: Buffer.from([1]), latitude: Buffer.from([1]), longitude: 1 }],
  'fields of a prototype': [JSON.parse('{"__proto__":{"emergencyId":"current","latitude":1,"longitude":1}}')],
  'a constructor': [{ constructor: { prototype: { emergencyId: 'current' } } }],
};

// The events of the dispatchers' room have no required field, so that any object is valid, and none is like an empty one.
const noObjects = ['an array', 'an empty array', 'a string', 'a number', 'true'];
const invalidFor = (event) => Object.entries(shapeless).filter(([name]) => !event.startsWith('dispatcher:') || noObjects.includes(name));

// Payloads that are invalid for one event, with the expected code and, in some rows, the message.
const cases = {
  'emergency:join': [
    [{ emergencyId: null }, invalid, 'Emergency ID is required'],
    [{ emergencyId: '' }, invalid, 'Emergency ID is required'],
    [{ emergencyId: 5 }, invalid],
    [{ emergencyId: { id: NO_SUCH_ID } }, invalid],
    [{ emergencyId: [NO_SUCH_ID] }, invalid],
    [{ emergencyid: NO_SUCH_ID }, invalid, 'Emergency ID is required'],
    [{ emergencyId: NO_SUCH_ID }, 'emergency_not_found', 'Emergency not found'],
    [{ emergencyId: 'nothing' }, 'emergency_not_found', 'Emergency not found'],
    [{ emergencyId: '507f1f77bcf86cd799439011' }, 'emergency_not_found'],
    [{ emergencyId: "' or 1=1 --" }, 'emergency_not_found'],
    [{ emergencyId: 'x'.repeat(101) }, 'emergency_not_found'],
    [{ emergencyId: 'current' }, 'emergency_not_found'],
    [{ emergencyId: NO_SUCH_ID, lastEventId: 'x' }, 'emergency_not_found'],
  ],
  'emergency:leave': [
    [{ emergencyId: null }, invalid, 'Emergency ID is required'],
    [{ emergencyId: 5 }, invalid],
    [{ emergencyId: 'current' }, 'emergency_not_found'],
  ],
  'location:update': [
    [{ latitude: 1 }, invalid, 'Latitude and longitude are required'],
    [{ longitude: 1 }, invalid, 'Latitude and longitude are required'],
    [{ latitude: null, longitude: null }, invalid, 'Latitude and longitude are required'],
    [{ latitude: '1', longitude: '1' }, invalid],
    [{ latitude: true, longitude: [] }, invalid],
    [{ latitude: 90.0001, longitude: 1 }, invalid],
    [{ latitude: 1, longitude: -180.0001 }, invalid],
    [{ latitude: Infinity, longitude: NaN }, invalid],
    [{ coords: { latitude: 1, longitude: 1 } }, invalid],
  ],
};

for (const database of databases) {
  describe(`payloads on ${database}`, () => {
    let app;
    let helper;
    let socket;
    let bystander;
    before(async () => {
      app = await startNode({ database });
      const [one, other] = await Promise.all([app.helperAt(app.somewhere()), app.helperAt(app.somewhere())]);
      [helper, socket, bystander] = [one, await one.connect(), await other.connect()];
    });
    after(async () => {
      assert.equal(bystander?.raw.connected, true, 'another client was affected');
      await app?.stop();
    });

    const stillGood = async (on = socket) => {
      const place = app.somewhere();
      assertMatches(await on.ack('location:update', place), atLeast({ ok: true, ...place }));
    };
    async function refusedOver(on, event, args, code, message = text) {
      const answer = await on.ack(event, ...args);
      assertMatches(answer, { ok: false, error: { code, message } });
      assertMatches(await on.next('error'), { message: answer.error.message, code, event });
    }

    for (const transport of ['websocket', 'polling']) {
      it(`of the wrong shape are refused by every event over ${transport}, without side effects`, async () => {
        const on = await helper.connect({ transports: [transport] });
        for (const event of clientEvents) {
          for (const [name, args] of invalidFor(event)) {
            await refusedOver(on, event, args, invalid).catch((fault) => {
              throw new Error(`${event} with ${name}: ${fault.message}`);
            });
          }
          await stillGood(on);
        }
        assert.ok(on.raw.connected);
        assert.equal(on.seen('disconnect').length, 0);
        on.close();
      });
    }

    for (const [event, list] of Object.entries(cases)) {
      it(`of ${event} are refused with the reason`, async () => {
        for (const [payload, code, message] of list) await refusedOver(socket, event, [payload], code, message);
        await stillGood();
      });
    }

    it('that are invalid cause an error event without an acknowledgement too', async () => {
      for (const event of clientEvents) {
        for (const [, args] of invalidFor(event)) {
          socket.emit(event, ...args);
          assertMatches(await socket.next('error'), { message: text, code: invalid, event });
        }
      }
      await stillGood();
    });

    it('of unknown events are refused by name, whatever the name', async () => {
      for (const event of ['emergency:dance', 'EMERGENCY:JOIN', '', ' ', '__proto__', 'constructor', 'toString', 'message', 'error', 'session:ready', 'emergency:created', 'x'.repeat(1000)]) {
        for (const args of [[], [{ emergencyId: 'current' }], [null]]) await refusedOver(socket, event, args, 'unknown_event');
      }
      await stillGood();
    });

    it('with additional arguments are judged by the first', async () => {
      const place = app.somewhere();
      assertMatches(await socket.ack('location:update', place, { latitude: 'x' }, null, [1]), atLeast({ ok: true, ...place }));
      await refusedOver(socket, 'location:update', [null, place], invalid);
    });

    it('with unknown fields are accepted', async () => {
      const place = app.somewhere();
      const payload = { ...place, accuracy: 5, heading: null, nested: { deep: [1] }, lastEventId: 'x' };
      assertMatches(await socket.ack('location:update', payload), atLeast({ ok: true, ...place }));
    });

    it('just below 64 KiB are validated like others', async () => {
      for (const transport of ['websocket', 'polling']) {
        const on = await helper.connect({ transports: [transport] });
        const place = app.somewhere();
        assertMatches(await on.ack('location:update', { ...place, padding: 'x'.repeat(65_000) }), atLeast({ ok: true }));
        await refusedOver(on, 'emergency:join', [{ emergencyId: 'x'.repeat(65_000) }], 'emergency_not_found');
        await stillGood(on);
        on.close();
      }
      const raw = await helper.connectRaw();
      const frame = (padding) => `2${NAMESPACE},7["location:update",{"latitude":1,"longitude":1,"padding":"${padding}"}]`;
      const longest = frame('x'.repeat(MAX_PAYLOAD - 1 - frame('').length));
      raw.send(longest);
      assert.match(await raw.next(/^3/), /"ok":true/);
      raw.close();
    });

    it('above 64 KiB close that connection and no other', async () => {
      for (const transport of ['websocket', 'polling']) {
        const [on, second] = await Promise.all([helper.connect({ transports: [transport] }), helper.connect({ transports: [transport] })]);
        on.emit('location:update', { latitude: 1, longitude: 1, padding: 'x'.repeat(1_000_000) });
        await on.next('disconnect');
        await stillGood(second);
        await stillGood(bystander);
        on.close();
        second.close();
      }
      await stillGood();
    });

    it('nested as deeply as fits are refused, and close nothing', async () => {
      for (const depth of [100, 10_000, 30_000]) {
        const raw = await helper.connectRaw();
        raw.send(`2${NAMESPACE},["emergency:join",{"emergencyId":${nested(depth)}}]`);
        const error = await Promise.race([raw.event('error'), raw.closed.then((reason) => ({ closed: reason }))]);
        if (depth === 100) assertMatches(error, { message: text, code: invalid, event: 'emergency:join' });
        // If the parser itself refuses, the error names no event, but it is sent.
        else assert.ok(error.code === invalid || error.closed, JSON.stringify(error));
        raw.close();
      }
      await stillGood();
    });

    const odd = {
      'no JSON': `2${NAMESPACE},["location:update",{]`,
      'no event': `2${NAMESPACE},[]`,
      'no list': `2${NAMESPACE},{"latitude":1}`,
      'an event that is no name': `2${NAMESPACE},[{"a":1},5]`,
      'an unknown type': `9${NAMESPACE},["location:update"]`,
      'an empty message': '',
      'a refusal of its own': `4${NAMESPACE},{"message":"no"}`,
      'an acknowledgement of nothing': `3${NAMESPACE},999["thanks"]`,
      'an attachment that never comes': `51-${NAMESPACE},["location:update",{"_placeholder":true,"num":0}]`,
      'more attachments than there can be': `5999999999-${NAMESPACE},["location:update",{"_placeholder":true,"num":0}]`,
      'an event of a namespace it is not in': '2/elsewhere,["location:update",{"latitude":1,"longitude":1}]',
      'a number for an acknowledgement that is too large': `2${NAMESPACE},99999999999999999999["location:update",{}]`,
    };
    for (const [name, message] of Object.entries(odd)) {
      it(`outside of the protocol, ${name}, do not affect others`, async () => {
        for (const transport of ['websocket', 'polling']) {
          const raw = await helper.connectRaw({ transport });
          raw.send(message);
          raw.send(`2${NAMESPACE},1["location:update",{"latitude":1,"longitude":1}]`);
          // The connection continues or is closed as a protocol violation; the service continues.
          await Promise.race([raw.next(/^3.*,1\[\{"ok":true/), raw.closed]);
          raw.close();
          await stillGood();
          await stillGood(bystander);
        }
      });
    }

    it('are answered in the order in which they were sent, in any mixture', async () => {
      const owner = await app.owner();
      const { id: emergencyId } = await raise(owner, app.somewhere());
      for (const transport of ['websocket', 'polling']) {
        const on = await helper.connect({ transports: [transport] });
        const burst = Array.from({ length: 60 }, (_, index) => {
          const mixed = [
            ['location:update', { ...app.somewhere() }],
            ['emergency:join', { emergencyId }],
            ['no:such:event', index],
            ['emergency:leave', { emergencyId }],
            ['location:update', null],
            ['emergency:join', { emergencyId: NO_SUCH_ID }],
          ];
          return mixed[index % mixed.length];
        });
        const order = [];
        const answers = await Promise.all(
          burst.map(async ([event, payload], index) => {
            const answer = await on.ack(event, payload);
            order.push(index);
            return answer;
          }),
        );
        assert.deepEqual(order, burst.map((_, index) => index));
        assert.deepEqual(answers.map((answer) => answer.ok), burst.map((_, index) => [true, true, false, true, false, false][index % 6]));
        const names = on.names.filter((name) => /^(location:updated|emergency:(joined|left)|error)$/.test(name));
        const expected = ['location:updated', 'emergency:joined', 'error', 'emergency:left', 'error', 'error'];
        assert.deepEqual(names, burst.map((_, index) => expected[index % 6]));
        on.close();
      }
      await over(owner);
    });

    it('of a client that is closed in the middle of a burst do not affect the service', async () => {
      const on = await helper.connect();
      for (let index = 0; index < 200; index += 1) on.emit('location:update', app.somewhere());
      on.close();
      await stillGood();
      const admin = await app.admin();
      await eventually(async () => ok(await admin.get('/helpers/presence')));
    });
  });
}
