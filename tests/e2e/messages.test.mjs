// Messages between participants: to all or direct, rendered for each reader.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, settled, startNode } from './harness.mjs';
import { messagesOf, of, over, raise, resolve, respond, say, tally, tell, times, wrongFields } from './scene.mjs';
import { arrayOf, assertMatches, atLeast, boolean, id, integer, nullable, ok, optional, refused, text, time } from './shapes.mjs';

const messageShape = (fields = {}) => ({
  id,
  _id: fields.id ?? id,
  emergencyId: id,
  senderRole: text,
  senderId: nullable(id),
  recipientId: nullable(text),
  recipientRole: nullable(text),
  message: text,
  displayName: text,
  displayInitials: text,
  isMine: boolean,
  createdAt: time,
  ...fields,
});

for (const database of databases) {
  describe(`messages on ${database}`, () => {
    let app;
    let owner;
    let helper;
    let second;
    let looker;
    let admin;
    let sockets;
    before(async () => {
      app = await startNode({ database });
      [owner, helper, second, looker, admin] = await Promise.all([
        app.owner(),
        app.helperAt(undefined, { firstName: 'Henry', lastName: 'Helper' }),
        app.helperAt(undefined, { firstName: 'Sibyl', lastName: 'Second' }),
        app.helperAt(undefined, { firstName: 'Lou', lastName: 'Looker' }),
        app.admin(),
      ]);
    });
    after(() => app?.stop());

    // An emergency with two responding helpers and a looker-on, all connected and in its room.
    async function scene(fields = {}) {
      await over(owner);
      for (const socket of Object.values(sockets ?? {})) socket.close();
      const [ofOwner, ofHelper, ofSecond, ofLooker, ofAdmin] = await Promise.all([owner, helper, second, looker, admin].map((caller) => caller.connect()));
      sockets = { owner: ofOwner, helper: ofHelper, second: ofSecond, looker: ofLooker, admin: ofAdmin };
      const { id: emergencyId } = await raise(owner, app.somewhere(), fields);
      await respond(helper, emergencyId);
      await respond(second, emergencyId);
      for (const socket of [ofLooker, ofAdmin]) assert.equal((await socket.ack('emergency:join', { emergencyId })).ok, true);
      await settled(...Object.values(sockets));
      return emergencyId;
    }

    const heardBy = (socket, messageId) =>
      socket.seen('emergency:message', (payload) => payload.message.id === messageId).map(({ message }) => message);

    // The message as each socket and each REST reader gets it; nothing for those who may not read it.
    async function shownTo(emergencyId, { id: messageId }) {
      await settled(...Object.values(sockets));
      const shown = {};
      for (const [name, caller] of Object.entries({ owner, helper, second })) {
        const listed = (await messagesOf(caller, emergencyId)).filter((message) => message.id === messageId);
        assert.deepEqual(heardBy(sockets[name], messageId), listed, `${name} is sent the same by event and by list`);
        [shown[name]] = listed;
      }
      for (const name of ['looker', 'admin']) assert.deepEqual(heardBy(sockets[name], messageId), [], `${name} receives nothing`);
      return shown;
    }

    it('begin with the receipt of the service, for the owner alone', async () => {
      const emergencyId = await scene();
      const [receipt] = await messagesOf(owner, emergencyId);
      assertMatches(receipt, messageShape({ emergencyId, senderRole: 'system', senderId: null, isMine: false }));
      const event = await sockets.owner.next('emergency:message', of(emergencyId));
      assertMatches(event, { emergencyId, message: receipt, eventId: integer });
      for (const caller of [helper, second]) assert.deepEqual(await messagesOf(caller, emergencyId), []);
      for (const name of ['helper', 'second', 'looker', 'admin']) assert.deepEqual(sockets[name].seen('emergency:message', of(emergencyId)), []);
      assert.equal((await owner.delete(`/emergencies/${emergencyId}/messages/${receipt.id}`)).status, 403);
      refused(await helper.delete(`/emergencies/${emergencyId}/messages/${receipt.id}`), 404, 'message_not_found');
      assert.equal((await messagesOf(owner, emergencyId)).length, 1);
    });

    it('say in the receipt how many helpers are being alerted', async () => {
      const place = app.somewhere();
      const [one, ...near] = await Promise.all([app.owner(), ...Array.from({ length: 3 }, () => app.helperAt(place))]);
      const { id: emergencyId } = await raise(one, place);
      assert.match((await messagesOf(one, emergencyId))[0].message, new RegExp(`\\b${near.length}\\b`));
    });

    it('from a participant reach all others, with isMine for the sender', async () => {
      const emergencyId = await scene();
      const cases = [
        ['owner', owner, 'creator', 'Olivia Owner', 'OO'],
        ['helper', helper, 'helper', 'Henry Helper', 'HH'],
      ];
      for (const [name, caller, senderRole, displayName, displayInitials] of cases) {
        const sent = await say(caller, emergencyId, `  from the ${name} \n`);
        const common = { id: sent.id, emergencyId, senderRole, senderId: caller.id, displayName, displayInitials };
        const shape = (isMine) => messageShape({ ...common, recipientId: null, recipientRole: null, message: `from the ${name}`, isMine });
        assertMatches(sent, shape(true));
        const shown = await shownTo(emergencyId, sent);
        for (const reader of ['owner', 'helper', 'second']) assertMatches(shown[reader], shape(reader === name));
      }
    });

    // Sender, recipient, the recipientId in the request, and the recipientId that sender and recipient see.
    const direct = [
      ['a helper to the owner', 'helper', 'owner', 'creator', 'creator', 'the id'],
      ['a helper to the owner by id', 'helper', 'owner', 'the id', 'the id', 'the id'],
      ['the owner to a helper', 'owner', 'second', 'the id', 'the id', 'the id'],
      ['a helper to another', 'helper', 'second', 'the id', 'the id', 'the id'],
    ];
    for (const [name, from, to, written, toSender, toRecipient] of direct) {
      it(`from ${name} reach only these two`, async () => {
        const emergencyId = await scene();
        const people = { owner, helper, second };
        const as = (what) => (what === 'the id' ? people[to].id : what);
        const sent = await say(people[from], emergencyId, 'between us', as(written));
        const recipientRole = to === 'owner' ? 'creator' : 'helper';
        assertMatches(sent, messageShape({ recipientId: as(toSender), recipientRole, isMine: true, senderId: people[from].id }));
        const shown = await shownTo(emergencyId, sent);
        const [third] = Object.keys(people).filter((each) => each !== from && each !== to);
        assert.equal(shown[third], undefined, `${third} receives nothing`);
        assertMatches(shown[from], sent);
        assertMatches(shown[to], messageShape({ id: sent.id, recipientId: as(toRecipient), recipientRole, isMine: false }));
        refused(await people[third].delete(`/emergencies/${emergencyId}/messages/${sent.id}`), 404, 'message_not_found');
        refused(await people[to].delete(`/emergencies/${emergencyId}/messages/${sent.id}`), 403, 'not_authorized');
        const received = ok(await people[third].get(`/emergencies/${emergencyId}/timeline`)).events;
        assert.ok(!JSON.stringify(received).includes('between us'));
        assert.ok(!JSON.stringify(ok(await admin.get(`/emergencies/${emergencyId}/timeline`))).includes('between us'));
      });
    }

    it('from an anonymous owner do not name the sender to others', async () => {
      const emergencyId = await scene({ anonymousMode: true });
      const toAll = await say(owner, emergencyId, 'to all');
      const toOne = await say(owner, emergencyId, 'to one', helper.id);
      const masked = (fields) => messageShape({ senderRole: 'creator', senderId: null, isMine: false, ...fields });
      for (const [sent, readers] of [[toAll, ['helper', 'second']], [toOne, ['helper']]]) {
        const shown = await shownTo(emergencyId, sent);
        assertMatches(shown.owner, messageShape({ senderId: owner.id, displayName: 'Olivia Owner', isMine: true }));
        for (const reader of readers) {
          assertMatches(shown[reader], masked({ id: sent.id }));
          assert.doesNotMatch(`${shown[reader].displayName} ${shown[reader].displayInitials}`, /Olivia|Owner|OO/);
        }
      }
      const toCreator = await say(helper, emergencyId, 'to whoever you are', 'creator');
      const shown = await shownTo(emergencyId, toCreator);
      assertMatches(shown.owner, messageShape({ recipientId: owner.id, recipientRole: 'creator', isMine: false }));
      assertMatches(shown.helper, messageShape({ recipientId: 'creator', recipientRole: 'creator', isMine: true }));
      assert.equal(shown.second, undefined);
    });

    it('to the id of an anonymous owner are refused exactly like to a stranger', async () => {
      const emergencyId = await scene({ anonymousMode: true });
      const write = (caller, recipientId) => caller.post(`/emergencies/${emergencyId}/messages`, { message: 'is it you?', recipientId });
      const answers = [];
      for (const recipientId of [owner.id, looker.id, NO_SUCH_ID, 'nobody']) {
        const answer = await write(helper, recipientId);
        refused(answer, 400, 'recipient_takes_no_part');
        answers.push(answer.text);
      }
      assert.equal(new Set(answers).size, 1, 'the answers do not differ');
    });

    it('have 1 to 1000 characters and a participant as recipient', async () => {
      const emergencyId = await scene();
      const path = `/emergencies/${emergencyId}/messages`;
      assert.equal((await say(owner, emergencyId, '🚑'.repeat(1000))).message, '🚑'.repeat(1000));
      assert.equal((await say(owner, emergencyId, ' a ')).message, 'a');
      const wrong = [
        [{}, 'message'],
        [{ message: null }, 'message'],
        [{ message: '' }, 'message'],
        [{ message: ' \n ' }, 'message'],
        [{ message: 'x'.repeat(1001) }, 'message'],
        [{ message: 5, recipientId: 5 }, 'message', 'recipientId'],
        [{ message: 'nul\0', recipientId: null }, 'message'],
      ];
      for (const [body, ...fields] of wrong) wrongFields(await owner.post(path, body), ...fields);
      for (const recipientId of [looker.id, admin.id, NO_SUCH_ID, 'everybody']) {
        refused(await owner.post(path, { message: 'hello', recipientId }), 400, 'recipient_takes_no_part');
      }
      await tell(second, emergencyId, 'cancelled');
      refused(await owner.post(path, { message: 'hello', recipientId: second.id }), 400, 'recipient_takes_no_part');
    });

    it('are listed oldest first, and paged backwards without gaps', async () => {
      const emergencyId = await scene();
      const sent = [];
      for (let round = 0; round < 4; round += 1) {
        const some = await times(5, (index) => say(index % 2 ? owner : helper, emergencyId, `number ${round}.${index}`));
        sent.push(...some.map((message) => message.id));
      }
      const all = (await messagesOf(helper, emergencyId, '?limit=100')).map((message) => message.id);
      assert.deepEqual([...all].sort(), [...sent].sort());
      for (const limit of [1, 3, 7, 50]) {
        const walked = [];
        for (let before = ''; ; ) {
          const page = await messagesOf(helper, emergencyId, `?limit=${limit}${before}`);
          assert.ok(page.length <= limit || page.at(-limit).createdAt === page[0].createdAt);
          walked.unshift(...page.map((message) => message.id));
          if (page.length === 0 || walked.length > 50) break;
          before = `&before=${encodeURIComponent(page[0].createdAt)}`;
        }
        assert.deepEqual(walked, all, `by ${limit}`);
      }
      const times_ = (await messagesOf(helper, emergencyId)).map(({ createdAt }) => Date.parse(createdAt));
      assert.deepEqual(times_, [...times_].sort((a, b) => a - b));
      for (const query of ['limit=0', 'limit=101', 'limit=x']) wrongFields(await owner.get(`/emergencies/${emergencyId}/messages?${query}`), 'limit');
      wrongFields(await owner.get(`/emergencies/${emergencyId}/messages?before=yesterday`), 'before');
    });

    it('are paged backwards by the id of a message, and differ by a millisecond at least', async () => {
      const emergencyId = await scene();
      await times(30, (index) => say(index % 2 ? owner : helper, emergencyId, `number ${index}`));
      const all = await messagesOf(second, emergencyId);
      for (const [index, { createdAt }] of all.entries()) {
        assert.ok(index === 0 || Date.parse(createdAt) > Date.parse(all[index - 1].createdAt), createdAt);
      }
      const ids = all.map((message) => message.id);
      for (const limit of [1, 7]) {
        const walked = [];
        for (let page = all.slice(-limit); page.length > 0; page = await messagesOf(second, emergencyId, `?limit=${limit}&before=${page[0].id}`)) {
          walked.unshift(...page.map((message) => message.id));
        }
        assert.deepEqual(walked, ids, `by ${limit}`);
      }
      // Clients whose clocks have milliseconds.
      const before = new Date(Date.parse(all[10].createdAt)).toISOString();
      const page = await messagesOf(second, emergencyId, `?before=${before}`);
      assert.deepEqual(page.map((message) => message.id), ids.slice(0, 10));
    });

    it('with one requestId of one sender are one message, also after the end', async () => {
      const emergencyId = await scene();
      const post = (caller, message, requestId) => caller.post(`/emergencies/${emergencyId}/messages`, { message, requestId });
      const answers = await times(6, () => post(owner, 'where are you', 'one'));
      assert.deepEqual(tally(answers), { 200: 5, 201: 1 });
      const [first, ...others] = answers.map(({ body }) => body.data.message);
      for (const other of others) assert.deepEqual(other, first);
      await shownTo(emergencyId, first);
      for (const socket of [sockets.owner, sockets.helper]) assert.equal(heardBy(socket, first.id).length, 1);
      // That of another sender, and another one, are other messages.
      const more = [ok(await post(helper, 'near', 'one'), 201), ok(await post(owner, 'good', 'two'), 201)];
      assert.equal(new Set([first, ...more.map(({ message }) => message)].map((message) => message.id)).size, 3);
      await resolve(owner, emergencyId);
      assert.deepEqual(ok(await post(owner, 'where are you', 'one')).message, first);
      refused(await post(owner, 'thank you', 'three'), 409, 'emergency_ended');
      wrongFields(await post(owner, 'x', 'x'.repeat(101)), 'requestId');
    });

    it('are listed fifty at a time by default', async () => {
      const emergencyId = await scene();
      for (let round = 0; round < 6; round += 1) await times(9, (index) => say(helper, emergencyId, `number ${round}.${index}`));
      assert.equal((await messagesOf(helper, emergencyId)).length, 50);
      assert.equal((await messagesOf(helper, emergencyId, '?limit=100')).length, 54);
    });

    it('can be deleted by their sender, for everyone who could read them', async () => {
      const emergencyId = await scene();
      const toAll = await say(owner, emergencyId, 'to all');
      const toOne = await say(owner, emergencyId, 'to one', helper.id);
      for (const [sent, readers] of [[toAll, ['owner', 'helper', 'second']], [toOne, ['owner', 'helper']]]) {
        const path = `/emergencies/${emergencyId}/messages/${sent.id}`;
        refused(await helper.delete(path), 403, 'not_authorized');
        assert.deepEqual(ok(await owner.delete(path)), { messageId: sent.id, deleted: true });
        refused(await owner.delete(path), 404, 'message_not_found');
        await settled(...Object.values(sockets));
        for (const [name, socket] of Object.entries(sockets)) {
          const received = socket.seen('emergency:message:deleted', (payload) => payload.messageId === sent.id);
          if (readers.includes(name)) assertMatches(received, [{ emergencyId, messageId: sent.id, eventId: integer }]);
          else assert.deepEqual(received, [], name);
        }
        assert.ok(!(await messagesOf(helper, emergencyId)).some((message) => message.id === sent.id));
      }
      for (const nothing of [NO_SUCH_ID, 'nothing', emergencyId]) {
        refused(await owner.delete(`/emergencies/${emergencyId}/messages/${nothing}`), 404, 'message_not_found');
      }
      const received = JSON.stringify(ok(await helper.get(`/emergencies/${emergencyId}/timeline`)));
      assert.ok(!received.includes('to all') && !received.includes('to one'), 'deleted messages are not in the timeline');
    });

    it('are for participants only, and end with the emergency', async () => {
      const emergencyId = await scene();
      const sent = await say(helper, emergencyId, 'before the end');
      const path = `/emergencies/${emergencyId}/messages`;
      for (const caller of [looker, admin]) {
        refused(await caller.get(path), 403, 'not_authorized');
        refused(await caller.post(path, { message: 'hello' }), 403, 'not_authorized');
        refused(await caller.delete(`${path}/${sent.id}`), 403, 'not_authorized');
      }
      await resolve(owner, emergencyId);
      for (const caller of [owner, helper]) {
        refused(await caller.post(path, { message: 'after the end' }), 409, 'emergency_ended');
        assertMatches(await messagesOf(caller, emergencyId), arrayOf(atLeast({ id, _id: id, message: text, isMine: optional(boolean) })));
      }
      const left = await messagesOf(helper, emergencyId);
      assert.deepEqual(left.map((message) => message.message), ['before the end']);
    });
  });
}
