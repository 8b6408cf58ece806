// What people type and devices send: half an emoji, numbers beyond every range, and texts that no client should send are no
// reason to refuse a call for help.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NAMESPACE, databases, north, startNode } from './harness.mjs';
import { messagesOf, of, over, read, respond, wrongFields } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

const REPLACEMENT = '\ufffd';
/** Half of an emoji as JavaScript writes it, and as some other languages do. */
const HALF = '\\ud83d';

for (const database of databases) {
  describe(`text and numbers on ${database}`, () => {
    let app;
    let owner;
    before(async () => {
      app = await startNode({ database });
      owner = await app.owner();
    });
    after(() => app?.stop());

    const sos = (rest, { latitude, longitude } = app.somewhere()) =>
      `{"location":{"latitude":${latitude},"longitude":${longitude}}${rest && `,${rest}`}}`;

    it('replace half an emoji everywhere, and tell the other side the same', async () => {
      const place = app.somewhere();
      const helper = await app.helperAt(north(place, 100));
      const socket = await helper.connect();
      const body = sos(`"description":"help ${HALF}","category":"\\ude91"`, place);
      const { emergency } = ok(await owner.post('/emergencies', body), 201);
      assert.equal(emergency.description, `help ${REPLACEMENT}`);
      assert.equal(emergency.category, REPLACEMENT);
      assert.equal((await socket.next('emergency:nearby', of(emergency.id))).emergency.description, `help ${REPLACEMENT}`);
      await respond(helper, emergency.id);
      ok(await owner.post(`/emergencies/${emergency.id}/messages`, `{"message":"quick ${HALF}"}`), 201);
      const { message } = await socket.next('emergency:message', of(emergency.id));
      assert.equal(message.message, `quick ${REPLACEMENT}`);
      assert.equal((await messagesOf(owner, emergency.id)).at(-1).message, `quick ${REPLACEMENT}`);
      assert.equal((await read(helper, emergency.id)).description, `help ${REPLACEMENT}`);
      socket.close();
      await over(owner);
    });

    it('keep a call for help from no user, whatever a field contains that the service does not know', async () => {
      for (const body of [
        sos(`"unknown":"${HALF}"`),
        sos(`"${HALF}":1`),
        sos('"unknown":1e999'),
        sos(`"unknown":[-1e999,{"a":${'9'.repeat(400)}}]`),
        `\ufeff${sos('')}`,
        `\ufeff${sos(`"${HALF}":1e999`)}`,
      ]) {
        ok(await owner.post('/emergencies', body), 201);
        await over(owner);
      }
    });

    it('name a known field whose number is beyond every range', async () => {
      wrongFields(await owner.post('/emergencies', '{"location":{"latitude":1e999,"longitude":1}}'), 'location.latitude');
      wrongFields(await owner.post('/emergencies', sos('"severity":1e999')), 'severity');
      refused(await owner.post('/emergencies', sos('"severity":NaN')), 400, 'invalid_json');
    });

    for (const transport of ['websocket', 'polling']) {
      it(`are accepted in the same way from a socket over ${transport}`, async () => {
        const helper = await app.helperAt(app.somewhere());
        const raw = await helper.connectRaw({ transport });
        const { latitude, longitude } = app.somewhere();
        for (const [index, unknown] of [
          `"${HALF}":1`,
          '"\\u00e4":1',
          `"unknown":"${HALF}"`,
          '"unknown":1e999',
          '"unknown":{"\\/":[-1e999]}',
        ].entries()) {
          const id = 100 + index;
          raw.send(`2${NAMESPACE},${id}["location:update",{${unknown},"latitude":${latitude},"longitude":${longitude}}]`);
          assert.match(await raw.next(new RegExp(`^3${NAMESPACE},${id}\\[`)), /"ok":true/, unknown);
        }
        raw.send(`2${NAMESPACE},200["location:update",{"latitude":1e999,"longitude":1}]`);
        assert.match(await raw.next(new RegExp(`^3${NAMESPACE},200\\[`)), /"code":"invalid_payload"/);
        raw.close();
      });
    }
  });
}
