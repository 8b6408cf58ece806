// The behaviour that the existing web client relies on.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, eventually, startNode } from './harness.mjs';
import { paths } from './routes.mjs';
import { decline, of, over, raise, resolve, respond, say, tell } from './scene.mjs';
import { arrayOf, assertMatches, atLeast, boolean, nullable, ok, refused, text, time } from './shapes.mjs';

const PAGES = [5173, 5174, 5175].map((port) => `http://localhost:${port}`);
const FOREIGN = ['https://evil.example', 'http://localhost.evil.example:5173', 'null'];

for (const database of databases) {
  describe(`the existing web client on ${database}`, () => {
    let app;
    let owner;
    let helper;
    let looker;
    before(async () => {
      app = await startNode({ database });
      [owner, helper, looker] = await Promise.all([app.owner(), app.helperAt(undefined), app.helperAt(undefined)]);
    });
    after(() => app?.stop());

    const register = (fields = {}) =>
      app.anonymous().post('/auth/register', { name: 'Ada Lovelace', email: `ada-${Math.random()}@people.example`, password: 'long enough', ...fields });

    describe('from its pages', () => {
      const preflight = (path, method, origin) =>
        app.anonymous().request('OPTIONS', path, undefined, {
          root: '',
          headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type' },
        });
      const names = (answer, header) => (answer.headers.get(header) ?? '').toLowerCase().split(/,\s*/);

      it('may use every route with a token and JSON', async () => {
        for (const [path, methods] of paths) {
          for (const method of methods) {
            for (const origin of path.endsWith('/auth/me') ? PAGES : PAGES.slice(0, 1)) {
              const answer = await preflight(path, method, origin);
              assert.ok(answer.status === 200 || answer.status === 204, `${method} ${path}: ${answer.status}`);
              assert.equal(answer.headers.get('access-control-allow-origin'), origin);
              assert.ok(names(answer, 'access-control-allow-methods').includes(method.toLowerCase()), `${method} ${path}`);
              for (const header of ['authorization', 'content-type']) assert.ok(names(answer, 'access-control-allow-headers').includes(header));
            }
          }
        }
      });

      it('can read every answer, those that refuse included', async () => {
        const requests = [
          ['GET', '/api/v1/auth/me', 200],
          ['GET', '/api/v1/emergencies/nothing', 404],
          ['GET', '/nothing', 404],
          ['PATCH', '/api/v1/auth/me', 405],
          ['POST', '/api/v1/emergencies', 400, '{'],
          ['POST', '/api/v1/emergencies', 413, 'x'.repeat(70_000)],
          ['GET', '/api/v1/helpers', 403],
          ['GET', '/socket.io/?EIO=4&transport=polling', 200],
        ];
        for (const [method, path, status, body] of requests) {
          const answer = await owner.request(method, path, body, { root: '', headers: { origin: PAGES[0] } });
          assert.equal(answer.status, status, path);
          assert.equal(answer.headers.get('access-control-allow-origin'), PAGES[0], path);
        }
        refused(await app.anonymous().get('/auth/me', { headers: { origin: PAGES[1] } }), 401, 'token_missing');
      });

      it('is distinguished from pages of other origins', async () => {
        for (const origin of FOREIGN) {
          const answer = await preflight('/api/v1/auth/me', 'GET', origin);
          assert.equal(answer.headers.get('access-control-allow-origin'), null, origin);
          const read = await owner.get('/auth/me', { headers: { origin } });
          assert.equal(read.headers.get('access-control-allow-origin'), null, origin);
        }
      });
    });

    it('registers and logs in with a name, and finds the account and the tokens where it looks', async () => {
      const email = `ada-${Date.now()}@people.example`;
      const found = { user: atLeast({ email, role: 'user', profile: atLeast({ firstName: 'Ada', lastName: 'Lovelace' }) }), tokens: atLeast({ accessToken: text, refreshToken: text }) };
      const data = ok(await register({ email, phone: null, confirmPassword: 'long enough', agree: true }), 201);
      assertMatches(data, atLeast(found));
      assert.equal(data.user._id, data.user.id);
      const again = ok(await app.anonymous().post('/auth/login', { email, password: 'long enough' }));
      assertMatches(again, atLeast(found));
      assert.equal(again.user._id, data.user._id);
      const { message } = refused(await register({ email }), 409, 'email_taken');
      assert.match(message, /email/i);
    });

    it('can refresh any number of times with the refresh token from login', async () => {
      const { tokens } = await app.user();
      for (let index = 0; index < 6; index += 1) {
        const { accessToken } = ok(await app.anonymous().post('/auth/refresh', { refreshToken: tokens.refreshToken }));
        const caller = Object.assign(app.anonymous(), { tokens: { accessToken } });
        ok(await caller.get('/auth/me'));
        ok(await caller.get('/emergencies/active'));
      }
    });

    it('gets null or an empty list if there is nothing', async () => {
      await over(owner);
      for (const path of ['/emergencies/active', '/emergencies/helper-active']) {
        const { status, body } = await owner.get(path);
        assert.equal(status, 200);
        assert.deepEqual([body.success, body.data], [true, null]);
      }
      assert.deepEqual((await owner.get('/emergencies/pending-for-helper')).body.data, []);
    });

    it('may send null for missing values, and unknown fields', async () => {
      await over(owner);
      const location = { ...app.somewhere(), address: null };
      const { emergency } = ok(await owner.post('/emergencies', { type: 'medical', location, description: null, fakeCallAlert: true, silentMode: null }), 201);
      const path = `/emergencies/${emergency._id}`;
      ok(await helper.post(`${path}/respond`, { action: 'accept', estimatedArrival: null, fakeCallAlert: false }));
      ok(await helper.put(`${path}/helper-status`, { status: 'on_way', notes: null }));
      ok(await owner.post(`${path}/messages`, { message: 'hello', recipientId: null }), 201);
      ok(await owner.post(`${path}/cancel`, { reason: null }));
      const { emergency: next } = ok(await owner.post('/emergencies', { location }), 201);
      ok(await owner.post(`/emergencies/${next._id}/resolve`, { resolutionType: 'user_resolved', notes: null }));
    });

    it('finds all fields it reads in an emergency and its messages', async () => {
      await over(owner);
      const place = app.somewhere();
      await helper.put('/helpers/me/location', place);
      const raised = await raise(owner, place, { type: 'safety', description: 'Followed' });
      const waiting = (await helper.get('/emergencies/pending-for-helper')).body.data;
      assert.ok(Array.isArray(waiting));
      assert.equal(waiting[0]._id, raised.id);
      await respond(helper, raised.id);
      const person = (who) => atLeast({ _id: who.id, profile: atLeast({ firstName: text, lastName: text }) });
      const shown = {
        _id: raised.id,
        status: 'responding',
        type: 'safety',
        description: 'Followed',
        createdAt: time,
        location: atLeast(place),
        user: person(owner),
        respondingHelpers: [atLeast({ helper: person(helper), status: 'responding' })],
      };
      for (const [caller, path] of [[owner, '/emergencies/active'], [helper, '/emergencies/helper-active'], [owner, `/emergencies/${raised.id}`], [looker, `/emergencies/${raised.id}`]]) {
        assertMatches((await caller.get(path)).body.data.emergency, atLeast(shown));
      }
      await say(owner, raised.id, 'Hurry');
      const { messages } = (await helper.get(`/emergencies/${raised.id}/messages`)).body.data;
      assertMatches(messages, arrayOf(atLeast({ _id: text, senderRole: text, message: text, displayName: text, displayInitials: text, isMine: boolean, createdAt: time })));
      const { contacts } = (await owner.get('/auth/emergency-contacts')).body.data;
      assert.ok(Array.isArray(contacts));
    });

    it('can read the emergency at every step and after its end, whatever a helper answered', async () => {
      await over(owner);
      const { id: emergencyId } = await raise(owner, app.somewhere());
      const steps = [
        async () => {},
        () => decline(looker, emergencyId),
        () => respond(helper, emergencyId),
        () => tell(helper, emergencyId, 'arrived'),
        () => tell(helper, emergencyId, 'cancelled'),
        () => respond(helper, emergencyId),
        () => respond(looker, emergencyId),
      ];
      for (const step of steps) {
        await step();
        for (const caller of [owner, helper, looker]) ok(await caller.get(`/emergencies/${emergencyId}`));
      }
      await resolve(owner, emergencyId);
      for (const caller of [owner, helper, looker]) {
        const { emergency } = ok(await caller.get(`/emergencies/${emergencyId}`));
        assertMatches(emergency, atLeast({ status: 'resolved', resolvedAt: nullable(time) }));
      }
    });

    describe('disconnects its socket and connects again', () => {
      // As the client does it, on the same connection object, while a request is on its way.
      async function while_(request, socket) {
        socket.raw.disconnect();
        const [outcome] = await Promise.all([request(), Promise.resolve().then(() => socket.raw.connect())]);
        await socket.next('session:ready');
        return outcome;
      }

      for (const transports of [['websocket'], ['polling', 'websocket']]) {
        it(`at the very moment of SOS and of accepting, and misses nothing, over ${transports.join(' and ')}`, async () => {
          const [ownerSocket, helperSocket] = await Promise.all([owner, helper].map((caller) => caller.connect({ transports })));
          for (let round = 0; round < 8; round += 1) {
            await over(owner);
            const { id: emergencyId } = await while_(() => raise(owner, app.somewhere()), ownerSocket);
            await while_(() => respond(helper, emergencyId), helperSocket);
            await ownerSocket.next('helper:joined', of(emergencyId));
            await tell(helper, emergencyId, 'on_way');
            for (const socket of [ownerSocket, helperSocket]) {
              await socket.next('helper:status_update', of(emergencyId));
              assert.equal(socket.seen('helper:status_update', of(emergencyId)).length, 1);
            }
            await say(owner, emergencyId, 'are you there?');
            await helperSocket.next('emergency:message', (payload) => payload.message.message === 'are you there?' && of(emergencyId)(payload));
            await resolve(owner, emergencyId);
            for (const socket of [ownerSocket, helperSocket]) await socket.next('emergency:resolved', of(emergencyId));
          }
          for (const socket of [ownerSocket, helperSocket]) socket.close();
        });
      }

      it('at any instant during the request, many times', async () => {
        const socket = await owner.connect();
        for (let instant = 0; instant < 20; instant += 1) {
          await over(owner);
          socket.raw.disconnect();
          const raising = raise(owner, app.somewhere());
          // Later and later within what the request takes: the turns of the event loop are the clock.
          for (let turn = 0; turn < instant; turn += 1) await new Promise(setImmediate);
          socket.raw.connect();
          const { id: emergencyId } = await raising;
          await socket.next('session:ready');
          await respond(helper, emergencyId);
          await socket.next('helper:joined', of(emergencyId));
          assert.equal(socket.seen('helper:joined', of(emergencyId)).length, 1);
        }
        await over(owner);
        socket.close();
        await eventually(async () => ok(await helper.get('/emergencies/helper-active')) === null);
      });
    });
  });
}
