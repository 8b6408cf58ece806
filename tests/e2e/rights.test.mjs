// What users may ask about their own account: its sessions, who has read their places, and all that is stored.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, eventually, startNode } from './harness.mjs';
import { assertMatches, id, ok, refused, time } from './shapes.mjs';

for (const database of databases) {
  describe(`rights of an account on ${database}`, { concurrency: 3 }, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    describe('sessions', () => {
      const logIn = async (user, userAgent) => {
        const caller = Object.assign(app.anonymous(), { headers: { 'user-agent': userAgent } });
        const { tokens } = ok(await caller.post('/auth/login', { email: user.email, password: user.password }));
        return Object.assign(caller, { id: user.id, tokens });
      };
      const list = async (user) => ok(await user.get('/auth/sessions')).sessions;

      it('are listed with the program that used them, and no others', async () => {
        const user = await app.user();
        const [mine] = await list(user);
        const phone = await logIn(user, `Phone/1 ${'x'.repeat(300)}`);
        const stranger = await app.user();
        const sessions = await list(user);
        assert.equal(sessions.length, 2);
        for (const session of sessions) {
          assert.deepEqual(Object.keys(session).sort(), ['createdAt', 'current', 'id', 'lastUsedAt', 'userAgent']);
          assertMatches(session.id, id);
          assertMatches([session.createdAt, session.lastUsedAt], [time, time]);
        }
        const [newest, oldest] = sessions;
        assert.deepEqual(oldest, mine);
        assert.deepEqual([newest.current, oldest.current], [false, true]);
        assert.equal(newest.userAgent, `Phone/1 ${'x'.repeat(192)}`);
        assert.deepEqual((await list(phone)).map(({ current }) => current), [true, false]);
        assert.equal((await list(stranger)).length, 1);

        phone.headers = { 'user-agent': 'Phone/2' };
        phone.tokens = ok(await phone.post('/auth/refresh', { refreshToken: phone.tokens.refreshToken }));
        const [refreshed] = await list(user);
        assert.deepEqual([refreshed.id, refreshed.userAgent], [newest.id, 'Phone/2']);
        assert.ok(refreshed.lastUsedAt > newest.lastUsedAt);
      });

      it('end one at a time, with their connections, also the present one', async () => {
        const user = await app.user();
        const phone = await logIn(user, 'Phone/1');
        const [lost] = (await list(phone)).filter(({ current }) => current);
        const [here, there] = [await user.connect(), await phone.connect()];
        const stranger = await app.user();
        refused(await stranger.delete(`/auth/sessions/${lost.id}`), 404, 'session_not_found');
        refused(await user.delete('/auth/sessions/none'), 404, 'session_not_found');

        assert.deepEqual(ok(await user.delete(`/auth/sessions/${lost.id}`)), { sessionId: lost.id, deleted: true });
        assert.equal((await there.next('error')).code, 'token_expired');
        refused(await phone.get('/auth/me'), 401, 'token_invalid');
        refused(await phone.post('/auth/refresh', { refreshToken: phone.tokens.refreshToken }), 401, 'token_invalid');
        refused(await user.delete(`/auth/sessions/${lost.id}`), 404, 'session_not_found');

        const [mine, ...others] = await list(user);
        assert.deepEqual(others, []);
        assert.ok(here.raw.connected);
        ok(await user.delete(`/auth/sessions/${mine.id}`));
        assert.equal((await here.next('error')).code, 'token_expired');
        refused(await user.get('/auth/sessions'), 401, 'token_invalid');
      });
    });

    describe('the access log', () => {
      const entries = async (user) => ok(await user.get('/auth/me/access-log')).entries;

      it('has each way in which an administrator reads an exact place, once within an hour', async () => {
        const admin = await app.admin();
        const reads = {
          emergency: (of) => admin.get(`/emergencies/${of}`),
          timeline: (of) => admin.get(`/emergencies/${of}/timeline`),
          list: () => admin.get('/admin/emergencies?limit=100'),
          room: async (of) => {
            const socket = await admin.connect();
            const answer = await socket.ack('emergency:join', { emergencyId: of });
            socket.close();
            assert.equal(answer.ok, true, JSON.stringify(answer));
            return undefined;
          },
        };
        for (const [what, read] of Object.entries(reads)) {
          const location = app.somewhere();
          const owner = await app.owner();
          const helper = await app.helperAt(location);
          const { emergency } = ok(await owner.post('/emergencies', { location, anonymousMode: true }), 201);
          ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
          for (const reader of [owner, helper]) {
            ok(await reader.get(`/emergencies/${emergency.id}`));
            ok(await reader.get(`/emergencies/${emergency.id}/timeline`));
          }
          // Other tests read lists, too.
          if (what !== 'list') assert.deepEqual((await entries(owner)).filter((entry) => entry.what !== 'list'), []);
          for (let times = 0; times < 2; times += 1) {
            const answer = await read(emergency.id);
            if (answer) ok(answer);
          }
          const [entry, ...more] = await entries(owner);
          assert.deepEqual(more, []);
          assert.deepEqual(entry, { at: entry.at, emergencyId: emergency.id, reader: 'administrator', what: entry.what });
          assertMatches(entry.at, time);
          if (entry.what !== 'list') assert.equal(entry.what, what);
          // The place of the helper is shown in the room only.
          assert.deepEqual((await entries(helper)).map(({ emergencyId }) => emergencyId), what === 'room' ? [emergency.id] : []);
          ok(await owner.post(`/emergencies/${emergency.id}/cancel`, {}));
          ok(await owner.delete(`/emergencies/${emergency.id}`));
          assert.deepEqual(await entries(owner), [entry]);
        }
      });

      it('has an end by an administrator, and the distance of a helper', async () => {
        const [admin, location] = [await app.admin(), app.somewhere()];
        const [owner, helper] = [await app.owner(), await app.helperAt(location)];
        const { emergency } = ok(await owner.post('/emergencies', { location }), 201);
        ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
        ok(await admin.get(`/emergencies/${emergency.id}/helpers`));
        assert.deepEqual((await entries(helper)).map(({ what }) => what), ['helpers']);
        ok(await admin.post(`/emergencies/${emergency.id}/resolve`, {}));
        assert.equal((await entries(owner)).length, 1);
      });
    });

    describe('the deletion', () => {
      const FORMER = '00000000-0000-7000-8000-000000000000';
      const leave = (user, password = user.password) => user.post('/auth/me/delete', { password });

      it('needs the password, ends every connection, and frees the email', async () => {
        const user = await app.user();
        const socket = await user.connect();
        for (const route of [(body) => user.delete('/auth/me', body), (body) => user.post('/auth/me/delete', body)]) {
          for (const body of [{}, { password: null }, { password: 7 }]) refused(await route(body), 400, 'invalid_input');
          refused(await route({ password: 'not the password' }), 403, 'invalid_credentials');
        }
        assert.equal(ok(await user.delete('/auth/me', { password: user.password })), null);
        assert.equal((await socket.next('error')).code, 'token_expired');
        refused(await user.get('/auth/me'), 401, 'token_invalid');
        refused(await leave(user), 401, 'token_invalid');
        refused(await user.post('/emergencies', { location: app.somewhere() }), 401, 'token_invalid');
        refused(await user.post('/auth/refresh', { refreshToken: user.tokens.refreshToken }), 401, 'token_invalid');
        const credentials = { email: user.email, password: user.password };
        refused(await app.anonymous().post('/auth/login', credentials), 401, 'invalid_credentials');
        const again = ok(await app.anonymous().post('/auth/register', { ...credentials, name: 'Ann' }), 201);
        assert.notEqual(again.user.id, user.id);
      });

      it('counts wrong passwords like failed logins', async () => {
        const user = await app.user();
        for (let times = 0; times < 10; times += 1) refused(await leave(user, 'a guess'), 403, 'invalid_credentials');
        refused(await leave(user), 429, 'rate_limited');
      });

      it('is refused to an owner of a live emergency and to the last administrator', async () => {
        const owner = await app.owner();
        const { emergency } = ok(await owner.post('/emergencies', { location: app.somewhere() }), 201);
        refused(await leave(owner), 409, 'emergency_live');
        ok(await owner.post(`/emergencies/${emergency.id}/cancel`, {}));
        ok(await leave(owner));
        const admin = await app.admin();
        refused(await leave(admin), 409, 'last_administrator');
        ok(await admin.get('/auth/me'));
      });

      it('cancels the response of a helper, for which another is searched', async () => {
        const location = app.somewhere();
        const [owner, helper] = [await app.owner(), await app.helperAt(location, { firstName: 'Zaphodia' })];
        const { emergency } = ok(await owner.post('/emergencies', { location }), 201);
        const socket = await owner.connect();
        ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
        ok(await helper.post(`/emergencies/${emergency.id}/messages`, { message: 'I am coming' }), 201);
        ok(await leave(helper));
        const update = await socket.next('helper:status_update');
        assert.deepEqual([update.helperId, update.status], [helper.id, 'cancelled']);
        assert.equal((await socket.next('emergency:status_changed', ({ status }) => status === 'active')).status, 'active');

        const read = ok(await owner.get(`/emergencies/${emergency.id}`)).emergency;
        const [response] = read.respondingHelpers;
        const { id: shown, _id, profile } = response.helper;
        assert.deepEqual({ shown, _id, profile }, { shown: FORMER, _id: FORMER, profile: { firstName: 'Former', lastName: 'user' } });
        assert.equal(response.status, 'cancelled');
        const { messages } = ok(await owner.get(`/emergencies/${emergency.id}/messages`));
        const { senderRole, senderId, displayName, message } = messages.at(-1);
        assert.deepEqual({ senderRole, senderId, displayName, message }, { senderRole: 'helper', senderId: FORMER, displayName: 'Former user', message: 'I am coming' });
        // A client that comes back is told no name either: not from the memory of the node, and not from the log.
        const resuming = await owner.connect({ auth: { token: owner.tokens.accessToken, lastEventId: socket.ready.latestEventId } });
        assert.equal((await resuming.next('helper:joined')).helper.id, FORMER);
        const timeline = await owner.get(`/emergencies/${emergency.id}/timeline`);
        const joined = ok(timeline).events.find(({ event }) => event === 'helper:joined');
        assert.equal(joined.data.helper.id, FORMER);
        for (const heard of [timeline.text, JSON.stringify(resuming.items), JSON.stringify(read)]) assert.ok(!heard.includes('Zaphodia'), heard);
        ok(await owner.post(`/emergencies/${emergency.id}/cancel`, {}));
      });

      it('leaves a former user in the records of others, whose reports count for a new account', async () => {
        const location = app.somewhere();
        const [owner, helper, admin] = [await app.helperAt(location, { lastName: 'Beeblebrox' }), await app.helperAt(location), await app.admin()];
        const { emergency } = ok(await owner.post('/emergencies', { location, requestId: 'mine' }), 201);
        ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
        ok(await helper.post(`/emergencies/${emergency.id}/resolve`, {}));
        ok(await helper.post(`/emergencies/${emergency.id}/report`, { reason: 'Rude' }), 201);
        ok(await helper.put(`/auth/me/blocks/${owner.id}`));
        ok(await leave(owner));

        const history = await helper.get('/emergencies/history');
        const [kept] = ok(history).emergencies;
        assert.deepEqual([kept.id, kept.user.id, kept.user.profile], [emergency.id, FORMER, { firstName: 'Former', lastName: 'user' }]);
        assert.ok(!history.text.includes('Beeblebrox') && !history.text.includes(owner.id));
        for (const caller of [helper, admin]) refused(await caller.post(`/emergencies/${emergency.id}/reopen`, {}), 409, 'not_reopenable');
        refused(await helper.post(`/emergencies/${emergency.id}/report`, { reason: 'Again' }), 409, 'already_reported');
        const exported = ok(await helper.get('/auth/me/export'));
        assert.deepEqual(exported.reports.map(({ userId }) => userId), [FORMER]);

        const { user, tokens } = ok(await app.anonymous().post('/auth/register', { email: owner.email, password: 'long enough', name: 'Ann' }), 201);
        const again = Object.assign(app.anonymous(), { id: user.id, tokens });
        ok(await again.put('/helpers/me', { available: true }));
        const listed = ok(await admin.get('/helpers?verification=pending&limit=100')).helpers.find(({ id: of }) => of === user.id);
        assert.equal(listed?.reports, 1);
        assert.deepEqual(ok(await again.get('/emergencies/history')).emergencies, []);
      });
    });

    it('end for an emergency with its retention: the cell of its place, times and numbers are left', async () => {
      const brief = await startNode({ database, env: { ALLYNET_RETENTION: '2s' } });
      try {
        const location = { ...brief.somewhere(), address: 'Typed address', description: 'Typed way' };
        const [owner, helper, admin] = [await brief.owner({ lastName: 'Typed-Owner' }), await brief.helperAt(location), await brief.admin()];
        const texts = { description: 'Typed description', category: 'Typed category' };
        const { emergency } = ok(await owner.post('/emergencies', { location, ...texts }), 201);
        const path = `/emergencies/${emergency.id}`;
        ok(await helper.post(`${path}/respond`, { notes: 'Typed notes' }));
        ok(await helper.post(`${path}/messages`, { message: 'Typed message' }), 201);
        const ended = ok(await owner.post(`${path}/resolve`, { notes: 'Typed end' })).emergency;
        ok(await owner.post(`${path}/ratings`, { helperId: helper.id, score: 5, comment: 'Typed comment' }), 201);

        const thinned = await eventually(async () => {
          const read = ok(await owner.get(path)).emergency;
          return read.location.precision === 1000 && read;
        });
        const { latitude, longitude, address, description } = thinned.location;
        assert.ok(Math.abs(latitude - location.latitude) < 0.01 && latitude !== location.latitude);
        assert.equal(typeof longitude, 'number');
        assert.deepEqual([address, description, thinned.category, thinned.description, thinned.resolutionNotes], [null, null, null, null, null]);
        assert.deepEqual([thinned.resolvedAt, thinned.createdAt, thinned.alerts.alerted], [ended.resolvedAt, ended.createdAt, ended.alerts.alerted]);
        assert.deepEqual(thinned.respondingHelpers.map(({ helper: { id: of }, status, notes }) => [of, status, notes]), [[helper.id, ended.respondingHelpers[0].status, null]]);
        for (const caller of [owner, helper, admin]) {
          for (const of of [path, `${path}/timeline`, `${path}/messages`, '/emergencies/history', '/admin/emergencies?status=resolved']) {
            const answer = await caller.get(of);
            assert.ok(!answer.text.includes('Typed'), answer.text);
          }
        }
        assert.deepEqual(ok(await owner.get('/auth/me/access-log')).entries, [], 'no exact place was left to read');
        assert.match(brief.logs, /ALLYNET_RETENTION is less than 72h/);
      } finally {
        await brief.stop();
      }
    });

    describe('the export', () => {
      it('has all that is stored of a user, and names no others who stay unknown', async () => {
        const location = app.somewhere();
        const [owner, helper] = [await app.owner({ lastName: 'Anonym' }), await app.helperAt(location)];
        ok(await helper.post('/auth/emergency-contacts', { name: 'Mum', email: 'mum@home.example' }), 201);
        const { emergency } = ok(await owner.post('/emergencies', { location, anonymousMode: true }), 201);
        ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
        ok(await helper.post(`/emergencies/${emergency.id}/messages`, { message: 'I am coming' }), 201);
        ok(await owner.post(`/emergencies/${emergency.id}/resolve`, {}));
        ok(await owner.post(`/emergencies/${emergency.id}/ratings`, { helperId: helper.id, score: 5, comment: 'Quick' }), 201);
        ok(await helper.post(`/emergencies/${emergency.id}/report`, { reason: 'Rude' }), 201);
        ok(await owner.post(`/emergencies/${emergency.id}/report`, { userId: helper.id, reason: 'Late' }), 201);
        ok(await owner.put(`/auth/me/blocks/${helper.id}`));
        const { resource } = ok(await (await app.admin()).post('/resources', { kind: 'aed', location }), 201);
        ok(await helper.post(`/resources/${resource.id}/reports`, { state: 'moved', note: 'Now in the hall' }), 201);

        const answer = await helper.get('/auth/me/export');
        const data = ok(answer);
        assert.equal(answer.headers.get('cache-control'), 'no-store');
        const keys = 'accessLog account alerts blocks contacts devices emergencies helperHistory messages position ratings reports resourceReports responses sessions';
        assert.deepEqual(Object.keys(data).sort(), keys.split(' '));
        assert.deepEqual([data.account.id, data.account.email], [helper.id, helper.email]);
        assert.deepEqual(data.contacts.map(({ name }) => name), ['Mum']);
        assert.deepEqual(data.sessions.map(({ current }) => current), [true]);
        assert.deepEqual(data.responses.map(({ emergencyId }) => emergencyId), [emergency.id]);
        assert.deepEqual(data.messages.map(({ message }) => message), ['I am coming']);
        assert.deepEqual(data.ratings.map(({ score, comment }) => [score, comment]), [[5, 'Quick']]);
        assert.deepEqual(data.reports.map(({ userId, reason }) => [userId, reason]), [[null, 'Rude']]);
        assert.deepEqual(data.resourceReports.map(({ resourceId, state, note }) => [resourceId, state, note]), [[resource.id, 'moved', 'Now in the hall']]);
        assert.deepEqual(data.alerts.map(({ emergencyId }) => emergencyId), [emergency.id]);
        assert.deepEqual(data.helperHistory, { alerts: 1, accepted: 1, arrived: 0, kept: 1 });
        assert.deepEqual([data.emergencies, data.blocks, data.devices, data.accessLog], [[], [], [], []]);
        assert.ok(Math.abs(data.position.latitude - location.latitude) < 1e-6);
        for (const secret of [owner.id, owner.email, 'Anonym', 'Late', owner.user.profile.phone]) {
          assert.ok(secret === helper.user.profile.phone || !answer.text.includes(secret), secret);
        }

        const own = ok(await owner.get('/auth/me/export'));
        assert.deepEqual(own.emergencies.map(({ id: of }) => of), [emergency.id]);
        assert.deepEqual(own.emergencies[0].location.latitude, location.latitude);
        assert.deepEqual(own.reports.map(({ userId, reason }) => [userId, reason]), [[helper.id, 'Late']]);
        assert.equal(own.blocks.length, 1);
        assert.ok(!JSON.stringify(own).includes(helper.email));
      });
    });
  });
}
