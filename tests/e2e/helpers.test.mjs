// Helpers: application, verification, duty, positions, and the routes of administrators.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, north, settled, startNode } from './harness.mjs';
import { cancel, of, raise, respond, stand, times, wrongFields } from './scene.mjs';
import { arrayOf, assertMatches, atLeast, boolean, emergency as emergencyShape, id, integer, ok, refused, text, time } from './shapes.mjs';

const record = (fields = {}) => ({
  verification: 'pending',
  available: true,
  skills: [],
  transport: 'foot',
  tier: fields.verification === 'verified' ? 'registered' : 'public',
  checkedSkills: [],
  trustScore: 0,
  helperRating: { average: 0, count: 0 },
  ...fields,
});

for (const database of databases) {
  describe(`helpers on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    describe('becoming one', () => {
      it('is an application that has to be verified', async () => {
        const user = await app.user();
        refused(await user.get('/helpers/me'), 403, 'not_a_helper');
        const { helper } = ok(await user.put('/helpers/me', { available: true, skills: ['first aid', ' CPR '], x: 1 }));
        assertMatches(helper, atLeast(record({ skills: ['first aid', 'CPR'] })));
        assert.deepEqual(ok(await user.get('/helpers/me')), { helper });
        const { user: shown } = ok(await user.get('/auth/me'));
        assert.equal(shown.role, 'helper');
        assert.deepEqual(shown.helper, helper);
      });

      it('keeps fields that are not sent when duty or skills change', async () => {
        const user = await app.user();
        ok(await user.put('/helpers/me', { available: true, skills: ['one'] }));
        const changes = [
          [{ available: false }, { available: false, skills: ['one'] }],
          [{ skills: ['two', 'three'] }, { available: false, skills: ['two', 'three'] }],
          [{ available: null, skills: null }, { available: false, skills: ['two', 'three'] }],
          [{ available: true, skills: [] }, { available: true, skills: [] }],
          [{ transport: 'car' }, { transport: 'car' }],
          [{ available: false }, { available: false, transport: 'car' }],
          [{ available: true, transport: 'foot' }, { available: true, transport: 'foot' }],
          [{ skills: Array(20).fill('🚑'.repeat(40)) }, { available: true, skills: Array(20).fill('🚑'.repeat(40)) }],
        ];
        for (const [body, expected] of changes) {
          assertMatches(ok(await user.put('/helpers/me', body)).helper, atLeast(record(expected)));
        }
        const wrong = [
          [{ skills: Array(21).fill('x') }, 'skills'],
          [{ skills: ['x'.repeat(41)] }, 'skills'],
          [{ skills: ['ok', 5] }, 'skills'],
          [{ skills: ['nul\0'] }, 'skills'],
          [{ transport: 'horse' }, 'transport'],
          [{ transport: '' }, 'transport'],
          [{ skills: 'first aid', available: 'yes' }, 'available', 'skills'],
          [{ available: 1 }, 'available'],
        ];
        for (const [body, ...fields] of wrong) wrongFields(await user.put('/helpers/me', body), ...fields);
        assert.equal(ok(await user.get('/helpers/me')).helper.skills.length, 20, 'what is refused changes nothing');
      });

      it('grants the rights of a helper with the verification, and revokes them with a rejection', async () => {
        const place = app.somewhere();
        const [owner, helper, admin] = await Promise.all([app.owner(), app.unverifiedHelper({ position: place }), app.admin()]);
        const { id: emergencyId } = await raise(owner, place);
        const nearby = () => helper.get(`/emergencies/nearby?latitude=${place.latitude}&longitude=${place.longitude}`);
        const steps = [
          ['pending', false],
          ['verified', true],
          ['rejected', false],
          ['verified', true],
        ];
        for (const [status, may] of steps) {
          if (status !== 'pending') {
            const { user } = ok(await admin.put(`/helpers/${helper.id}/verification`, { status }));
            assertMatches(user, atLeast({ id: helper.id, _id: helper.id, helper: atLeast(record({ verification: status })) }));
          }
          assert.equal(ok(await helper.get('/helpers/me')).helper.verification, status);
          if (may) assert.equal(ok(await nearby()).count, 1);
          else {
            refused(await nearby(), 403, 'not_a_helper');
            refused(await helper.post(`/emergencies/${emergencyId}/respond`, {}), 403, 'not_a_helper');
            assert.deepEqual(ok(await helper.get('/emergencies/pending-for-helper')), []);
          }
        }
        ok(await helper.put('/helpers/me', { skills: ['late'] }));
        assert.equal(ok(await helper.get('/helpers/me')).helper.verification, 'verified', 'asking again changes nothing');
        await respond(helper, emergencyId);
      });

      it('is decided by an administrator, for a user who applied', async () => {
        const [user, helper, admin] = await Promise.all([app.user(), app.unverifiedHelper(), app.admin()]);
        const decide = (caller, who, body) => caller.put(`/helpers/${who}/verification`, body);
        for (const body of [{}, { status: null }, { status: 'pending' }, { status: 'maybe' }, { status: true }]) {
          wrongFields(await decide(admin, helper.id, body), 'status');
        }
        for (const [wrong, ...fields] of [
          [{ tier: 'doctor', skills: [{}] }, 'skills[0].name', 'tier'],
          [{ skills: [{ name: 'cpr', until: 'soon' }, 'aed'] }, 'skills[0].until', 'skills[1]'],
          [{ skills: Array(21).fill({ name: 'cpr' }) }, 'skills'],
          [{ skills: 'cpr' }, 'skills'],
        ]) {
          wrongFields(await decide(admin, helper.id, { status: 'verified', ...wrong }), ...fields);
        }
        assert.equal(ok(await helper.get('/helpers/me')).helper.verification, 'pending', 'what is refused changes nothing');
        for (const who of [NO_SUCH_ID, 'nobody', '1', user.id]) {
          refused(await decide(admin, who, { status: 'verified' }), 404, 'user_not_found');
        }
        for (const caller of [user, helper]) {
          refused(await decide(caller, helper.id, { status: 'verified' }), 403, 'not_authorized');
        }
      });
    });

    describe('what was checked', () => {
      it('is shown to the helper and to administrators, and stays until it is replaced', async () => {
        const [helper, admin] = await Promise.all([app.unverifiedHelper(), app.admin()]);
        const steps = [
          [{ status: 'verified' }, 'registered', []],
          [{ status: 'verified', tier: 'professional', skills: [{ name: ' doctor ', until: '2099-01-01T00:00:00Z' }, { name: 'cpr', until: null }] },
            'professional', [{ name: 'doctor', until: '2099-01-01T00:00:00Z' }, { name: 'cpr', until: null }]],
          [{ status: 'rejected', tier: null, skills: null }, 'public', [{ name: 'doctor', until: '2099-01-01T00:00:00Z' }, { name: 'cpr', until: null }]],
          [{ status: 'verified' }, 'professional', [{ name: 'doctor', until: '2099-01-01T00:00:00Z' }, { name: 'cpr', until: null }]],
          [{ status: 'verified', tier: 'public', skills: [] }, 'public', []],
          [{ status: 'verified', skills: [{ name: 'cpr', until: '2001-01-01T00:00:00Z' }] }, 'public', [{ name: 'cpr', until: '2001-01-01T00:00:00Z' }]],
        ];
        for (const [body, tier, checkedSkills] of steps) {
          const { user } = ok(await admin.put(`/helpers/${helper.id}/verification`, body));
          assert.deepEqual([user.helper.tier, user.helper.checkedSkills], [tier, checkedSkills]);
          const own = ok(await helper.get('/helpers/me')).helper;
          assert.deepEqual([own.tier, own.checkedSkills, own.skills], [tier, checkedSkills, []], JSON.stringify(body));
        }
        const { problems } = ok(await helper.get('/helpers/me/readiness'));
        assert.ok(problems.includes('skill_expired'), problems.join());
      });
    });

    describe('duty', () => {
      it('decides at once who is alerted and counted, also on open sockets', async () => {
        const place = app.somewhere();
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(place)]);
        const socket = await helper.connect();
        for (const available of [false, true, false, true]) {
          ok(await helper.put('/helpers/me', { available }));
          await settled(socket);
          const answer = ok(await owner.post('/emergencies', { location: place }), 201);
          const { id: emergencyId, alerts } = answer.emergency;
          await cancel(owner, emergencyId);
          await settled(socket);
          const heard = socket.items.filter(({ payload }) => payload && of(emergencyId)(payload)).map(({ event }) => event).sort();
          const told = ['emergency:cancelled', 'emergency:created', 'emergency:ended', 'emergency:nearby'];
          assert.deepEqual(heard, available ? told : [], `available: ${available}`);
          assert.equal(answer.nearbyHelperCount, available ? 1 : 0);
          assert.equal(alerts.alerted, available ? 1 : 0);
        }
      });

      it('off does not revoke rights of a verified helper', async () => {
        const place = app.somewhere();
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(place, { available: false })]);
        const { id: emergencyId } = await raise(owner, place);
        ok(await helper.get(`/emergencies/${emergencyId}`));
        const { latitude, longitude } = place;
        assert.equal(ok(await helper.get(`/emergencies/nearby?latitude=${latitude}&longitude=${longitude}`)).count, 1);
        assert.deepEqual(ok(await helper.get('/emergencies/pending-for-helper')).map((one) => one.id), [emergencyId]);
        const socket = await helper.connect();
        assert.equal((await socket.ack('emergency:join', { emergencyId })).ok, true);
        await respond(helper, emergencyId);
        await socket.next('helper:joined', of(emergencyId));
      });

      it('begins with the verification for a connected helper', async () => {
        const place = app.somewhere();
        const [owner, helper, admin] = await Promise.all([app.owner(), app.unverifiedHelper({ position: place }), app.admin()]);
        const socket = await helper.connect();
        assert.ok(!socket.ready.rooms.includes('helpers'));
        ok(await admin.put(`/helpers/${helper.id}/verification`, { status: 'verified' }));
        await settled(socket);
        const { id: emergencyId } = await raise(owner, place);
        await socket.next('emergency:created', of(emergencyId));
        await socket.next('emergency:nearby', of(emergencyId));
        ok(await admin.put(`/helpers/${helper.id}/verification`, { status: 'rejected' }));
        await settled(socket);
        await cancel(owner, emergencyId);
        const next = await raise(owner, place);
        await socket.silent('emergency:created', of(next.id));
      });
    });

    describe('a position', () => {
      it('can be reported by every user, and is confirmed when stored', async () => {
        const user = await app.user();
        const place = { latitude: 12.345678, longitude: -98.765432 };
        const answer = ok(await user.put('/helpers/me/location', { ...place, accuracy: 5 }));
        assert.deepEqual(answer, { ...place, stored: true, message: 'Location updated successfully' });
        for (const edge of [{ latitude: 90, longitude: 180 }, { latitude: -90, longitude: -180 }, { latitude: 0, longitude: 0 }]) {
          assertMatches(await stand(user, edge), atLeast(edge));
        }
        const wrong = [
          [{}, 'latitude', 'longitude'],
          [{ latitude: '1', longitude: 2 }, 'latitude'],
          [{ latitude: 90.000001, longitude: -180.000001 }, 'latitude', 'longitude'],
          [{ latitude: null, longitude: 1 }, 'latitude'],
          [{ latitude: 1, longitude: [1] }, 'longitude'],
        ];
        for (const [body, ...fields] of wrong) wrongFields(await user.put('/helpers/me/location', body), ...fields);
      });

      it('decides at once who is alerted, over REST and sockets', async () => {
        const [here, there] = [app.somewhere(), app.somewhere()];
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(there)]);
        for (const [place, count] of [[there, 0], [here, 1], [there, 0]]) {
          await stand(helper, place);
          const answer = ok(await owner.post('/emergencies', { location: here }), 201);
          assert.equal(answer.nearbyHelperCount, count);
          await cancel(owner, answer.emergency.id);
        }
      });
    });

    describe('administrators', () => {
      it('page through the helpers, each once, by verification', async () => {
        const admin = await app.admin();
        const waiting = await times(5, () => app.unverifiedHelper());
        const all = [];
        let cursor = '';
        do {
          const page = ok(await admin.get(`/helpers?verification=pending&limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`));
          assert.ok(page.helpers.length <= 2);
          assertMatches(page.helpers, arrayOf(atLeast({ id, _id: id, email: text, role: text, isActive: boolean, createdAt: time })));
          assert.ok(page.helpers.every((user) => user.helper.verification === 'pending'));
          all.push(...page.helpers.map((user) => user.id));
          cursor = page.nextCursor;
        } while (cursor);
        assert.equal(cursor, null);
        assert.equal(new Set(all).size, all.length);
        for (const { id: one } of waiting) assert.ok(all.includes(one));

        const verified = ok(await admin.get('/helpers?verification=verified&limit=100')).helpers;
        assert.ok(verified.length > 0 && verified.every((user) => user.helper.verification === 'verified'));
        const everybody = ok(await admin.get('/helpers?limit=100')).helpers.map((user) => user.id);
        for (const one of [...all, ...verified.map((user) => user.id)]) assert.ok(everybody.includes(one));
      });

      it('get every invalid field of a query', async () => {
        const admin = await app.admin();
        const wrong = [
          ['/helpers?verification=maybe', 'verification'],
          ['/helpers?limit=0', 'limit'],
          ['/helpers?limit=101', 'limit'],
          ['/helpers?limit=many&cursor=nonsense', 'cursor', 'limit'],
          ['/admin/emergencies?status=over&limit=0&cursor=x', 'cursor', 'limit', 'status'],
          ['/admin/emergencies?latitude=91&longitude=0', 'latitude'],
          ['/admin/emergencies?latitude=1&longitude=NaN&radius=inf', 'longitude', 'radius'],
          ['/admin/emergencies?latitude=1', 'longitude'],
        ];
        for (const [path, ...fields] of wrong) wrongFields(await admin.get(path), ...fields);
      });

      it('see how many helpers are on duty, online, and have a fresh position', async () => {
        const admin = await app.admin();
        const presence = async () => ok(await admin.get('/helpers/presence'));
        const before = await presence();
        assertMatches(before, atLeast({ onDuty: integer, connected: integer, fresh: integer }));
        const [helper] = await Promise.all([
          app.helperAt(app.somewhere()),
          app.helperAt(undefined),
          app.helperAt(app.somewhere(), { available: false }),
          app.unverifiedHelper({ position: app.somewhere() }),
        ]);
        const sockets = await Promise.all([helper.connect(), helper.connect()]);
        await settled(...sockets);
        // `settled` has a helper of its own, registered at its first use.
        const withFence = await presence();
        assert.ok(withFence.onDuty - before.onDuty >= 2);
        for (const socket of sockets) socket.close();
        ok(await helper.put('/helpers/me', { available: false }));
        const later = await presence();
        assert.equal(later.onDuty, withFence.onDuty - 1);
        assert.equal(later.fresh, withFence.fresh - 1);
        ok(await helper.put('/helpers/me', { available: true }));
        await Promise.all([helper.connect(), helper.connect()]);
        const again = await presence();
        assert.deepEqual(again, withFence, 'two sockets are one user');
      });

      it('see all emergencies, newest first, by status and position', async () => {
        const [here, there] = [app.somewhere(), app.somewhere()];
        const [one, two, three, admin] = await Promise.all([app.owner(), app.owner(), app.owner(), app.admin()]);
        const first = await raise(one, here, { anonymousMode: true });
        const second = await raise(two, north(here, 900));
        const third = await raise(three, there);
        const list = async (query) => ok(await admin.get(`/admin/emergencies?${query}`));
        const at = ({ latitude, longitude }) => `latitude=${latitude}&longitude=${longitude}`;
        const ids = async (query) => (await list(query)).emergencies.map((emergency) => emergency.id);

        assert.deepEqual(await ids(`${at(here)}&radius=1000`), [second.id, first.id]);
        assert.deepEqual(await ids(`${at(here)}&radius=800`), [first.id]);
        assert.deepEqual(await ids(at(there)), [third.id]);
        const page = await list(`${at(here)}&limit=1`);
        assertMatches(page, { emergencies: [emergencyShape({ id: second.id, repeats: 0 })], nextCursor: text });
        const rest = await list(`${at(here)}&limit=1&cursor=${encodeURIComponent(page.nextCursor)}`);
        assertMatches(rest, { emergencies: [emergencyShape({ id: first.id })], nextCursor: rest.nextCursor });
        assert.equal(rest.emergencies[0].user.id, one.id, 'an administrator sees an anonymous owner');
        if (rest.nextCursor) assert.deepEqual(await ids(`${at(here)}&limit=1&cursor=${encodeURIComponent(rest.nextCursor)}`), []);

        await cancel(two, second.id);
        assert.deepEqual(await ids(`${at(here)}&radius=1000`), [first.id], 'without a status those that are live');
        assert.deepEqual(await ids(`${at(here)}&status=cancelled`), [second.id]);
        assert.deepEqual(await ids(`${at(here)}&status=active`), [first.id]);
        assert.deepEqual(await ids(`${at(here)}&status=responding`), []);
        const again = await raise(two, here);
        const { emergencies: [{ repeats }] } = await list(`${at(here)}&limit=1`);
        assert.equal(repeats, 1);
        await cancel(two, again.id);
        const newest = (await list('limit=3')).emergencies.map((emergency) => emergency.id);
        assert.equal(newest[0], third.id);
      });

      it('see how often each helper was reported, by the owners they helped', async () => {
        const admin = await app.admin();
        const [often, once, never] = await Promise.all([1, 2, 3].map(() => app.helperAt(undefined)));
        const reported = async () => {
          const counts = new Map();
          for (let cursor = ''; cursor !== null; ) {
            const page = ok(await admin.get(`/helpers?verification=verified&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`));
            for (const user of page.helpers) counts.set(user.id, user.reports);
            cursor = page.nextCursor;
          }
          return [often, once, never].map((helper) => counts.get(helper.id));
        };
        assert.deepEqual(await reported(), [0, 0, 0]);
        for (const accused of [[often, once], [often]]) {
          const owner = await app.owner();
          const { id: emergencyId } = await raise(owner, app.somewhere());
          const report = (caller, userId) => caller.post(`/emergencies/${emergencyId}/report`, { userId, reason: 'Was rude' });
          for (const helper of accused) {
            await respond(helper, emergencyId);
            ok(await report(owner, helper.id), 201);
            refused(await report(owner, helper.id), 409, 'already_reported');
            ok(await report(helper, null), 201);
          }
          await cancel(owner, emergencyId);
        }
        assert.deepEqual(await reported(), [2, 1, 0]);
      });

      it('block and unblock accounts, but not their own', async () => {
        const place = app.somewhere();
        const [owner, helper, admin] = await Promise.all([app.owner(), app.helperAt(place), app.admin()]);
        const block = (who, body) => admin.put(`/helpers/${who}/block`, body);
        const { user } = ok(await block(helper.id, { blocked: true, reason: 'x'.repeat(500) }));
        assertMatches(user, atLeast({ id: helper.id, isActive: false }));
        const answer = ok(await owner.post('/emergencies', { location: place }), 201);
        assert.equal(answer.nearbyHelperCount, 0, 'a blocked helper is not counted');
        assert.equal(ok(await block(helper.id, { blocked: true })).user.isActive, false, 'twice is no fault');
        assert.equal(ok(await block(helper.id, { blocked: false, reason: null })).user.isActive, true);

        refused(await block(admin.id, { blocked: true }), 403, 'not_authorized');
        for (const who of [NO_SUCH_ID, 'nobody']) refused(await block(who, { blocked: true }), 404, 'user_not_found');
        const wrong = [
          [{}, 'blocked'],
          [{ blocked: 'true', reason: 5 }, 'blocked', 'reason'],
          [{ blocked: true, reason: 'x'.repeat(501) }, 'reason'],
        ];
        for (const [body, ...fields] of wrong) wrongFields(await block(helper.id, body), ...fields);
        refused(await owner.put(`/helpers/${helper.id}/block`, { blocked: true }), 403, 'not_authorized');
      });
    });
  });

  describe(`the open helper policy on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_HELPER_POLICY: 'open' } });
    });
    after(() => app?.stop());

    it('alerts and counts every account, and lets it respond', async () => {
      const place = app.somewhere();
      const [owner, neighbour] = await Promise.all([app.owner(), app.user()]);
      await Promise.all([stand(neighbour, place), stand(owner, place)]);
      const socket = await neighbour.connect();
      const answer = ok(await owner.post('/emergencies', { location: place }), 201);
      assert.equal(answer.nearbyHelperCount, 1, 'the owner is not counted');
      const { id: emergencyId } = answer.emergency;
      await socket.next('emergency:created', of(emergencyId));
      await socket.next('emergency:nearby', of(emergencyId));
      const { latitude, longitude } = place;
      assert.equal(ok(await neighbour.get(`/emergencies/nearby?latitude=${latitude}&longitude=${longitude}`)).count, 1);
      assert.deepEqual(ok(await neighbour.get('/emergencies/pending-for-helper')).map((one) => one.id), [emergencyId]);
      assert.equal((await respond(neighbour, emergencyId)).status, 'responding');
      refused(await owner.post(`/emergencies/${emergencyId}/respond`, {}), 403, 'own_emergency');
    });

    it('does not alert users who are not available or were rejected', async () => {
      const place = app.somewhere();
      const [owner, neighbour, admin] = await Promise.all([app.owner(), app.user(), app.admin()]);
      await stand(neighbour, place);
      ok(await neighbour.put('/helpers/me', { available: true, skills: [] }));
      for (const [available, status, count] of [[true, 'verified', 1], [false, 'verified', 0], [true, 'rejected', 0], [true, 'verified', 1]]) {
        ok(await neighbour.put('/helpers/me', { available }));
        ok(await admin.put(`/helpers/${neighbour.id}/verification`, { status }));
        const answer = ok(await owner.post('/emergencies', { location: place }), 201);
        assert.equal(answer.nearbyHelperCount, count, `available: ${available}, ${status}`);
        await cancel(owner, answer.emergency.id);
      }
    });
  });
}
