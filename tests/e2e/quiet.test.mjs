// Quiet hours, pause and the limit per day: what a helper sets, and whom broadcasts, alerts and counts reach.

import assert from 'node:assert/strict';
import { createECDH, randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { VAPID_PUBLIC_KEY, databases, settled, startNode } from './harness.mjs';
import { cancel, of, raise, stand, wrongFields } from './scene.mjs';
import { assertMatches, atLeast, ok, refused } from './shapes.mjs';

const prefer = async (helper, body) => ok(await helper.put('/helpers/me', body)).helper;
const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
const ALWAYS = [1, 2, 3, 4, 5, 6, 7];
const quietNow = {
  quiet: [{ days: ALWAYS, from: '00:00', to: '12:00' }, { days: ALWAYS, from: '12:00', to: '00:00' }],
  timeZone: 'Australia/Lord_Howe',
};
const none = {
  quiet: [],
  timeZone: null,
  pausedUntil: null,
  breakthrough: 'critical',
  maxAlertsPerDay: null,
  notify: { email: false, sms: false },
  availability: 'on_duty',
  availableAt: null,
};

for (const database of databases) {
  describe(`quiet hours on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    it('are kept until they are changed, and shown to the helper only', async () => {
      const [helper, admin] = await Promise.all([app.helperAt(app.somewhere()), app.admin()]);
      assertMatches(await prefer(helper, {}), atLeast(none));
      // Not in these days, whatever the time is.
      const night = [{ days: [1 + ((new Date().getUTCDay() + 2) % 7)], from: '22:00', to: '07:00' }];
      const until = inSeconds(3600);
      const body = { quiet: night, timeZone: 'Europe/Berlin', pausedUntil: until, maxAlertsPerDay: 50, notify: { sms: true } };
      const set = await prefer(helper, body);
      const notify = { email: false, sms: true };
      assertMatches(set, atLeast({ ...none, ...body, notify, availability: 'paused', availableAt: until }));
      assert.deepEqual(await prefer(helper, { skills: [] }), set, 'what is missing stays');
      assert.deepEqual((await helper.get('/auth/me')).body.data.user.helper, set);
      const cleared = await prefer(helper, { pausedUntil: null, maxAlertsPerDay: null, notify: null, quiet: null, timeZone: null });
      assertMatches(cleared, atLeast(none));
      const decided = ok(await admin.put(`/helpers/${helper.id}/verification`, { status: 'verified' })).user.helper;
      assert.deepEqual(Object.keys(decided).filter((key) => key in none), [], 'not to administrators');
    });

    it('are refused by the name of the field', async () => {
      const helper = await app.helperAt(app.somewhere());
      const night = { days: [1], from: '22:00', to: '07:00' };
      wrongFields(await helper.put('/helpers/me', { quiet: [night] }), 'timeZone');
      wrongFields(await helper.put('/helpers/me', { quiet: [{ ...night, from: '7:00' }], timeZone: 'Mars' }), 'quiet[0].from', 'timeZone');
      wrongFields(await helper.put('/helpers/me', { pausedUntil: inSeconds(31 * 86_400) }), 'pausedUntil');
      wrongFields(await helper.put('/helpers/me', { maxAlertsPerDay: 51, breakthrough: 'x' }), 'maxAlertsPerDay', 'breakthrough');
      await prefer(helper, { quiet: [night], timeZone: 'Europe/Berlin' });
      wrongFields(await helper.put('/helpers/me', { timeZone: null }), 'timeZone');
    });

    it('take a helper off duty for what does not break through', async () => {
      const place = app.somewhere();
      // Two, because one owner's emergencies ring a helper five times in ten minutes only.
      const [one, two, helper] = await Promise.all([app.owner(), app.owner(), app.helperAt(place)]);
      const owners = [one, two];
      const socket = await helper.connect();
      const all = ['emergency:cancelled', 'emergency:created', 'emergency:ended', 'emergency:nearby'];
      for (const [preferences, fields, isReached] of [
        [{ pausedUntil: inSeconds(3600) }, { severity: 7 }, false],
        [{}, { severity: 8 }, true],
        [{ pausedUntil: null, ...quietNow }, {}, false],
        [{}, { priority: 'critical' }, true],
        [{ breakthrough: 'none' }, { priority: 'critical' }, false],
        [{ breakthrough: 'all' }, {}, true],
        [{ breakthrough: null, quiet: null }, {}, true],
      ]) {
        const owner = owners[0];
        owners.reverse();
        await prefer(helper, preferences);
        await settled(socket);
        const answer = ok(await owner.post('/emergencies', { location: place, ...fields }), 201);
        const { id: emergencyId, alerts } = answer.emergency;
        await cancel(owner, emergencyId);
        await settled(socket);
        const heard = socket.items.filter(({ payload }) => payload && of(emergencyId)(payload)).map(({ event }) => event).sort();
        const said = JSON.stringify([preferences, fields]);
        assert.deepEqual(heard, isReached ? all : [], said);
        assert.deepEqual([answer.nearbyHelperCount, alerts.alerted], isReached ? [1, 1] : [0, 0], said);
      }
    });

    it('end by themselves, and the helper is looked at like one who comes on duty', async () => {
      const place = app.somewhere();
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(place)]);
      const socket = await helper.connect();
      const set = await prefer(helper, { pausedUntil: inSeconds(2) });
      assert.deepEqual([set.availability, set.availableAt], ['paused', set.pausedUntil]);
      const { id: emergencyId } = await raise(owner, place);
      await socket.next('emergency:nearby', of(emergencyId));
      assert.ok(Date.now() >= Date.parse(set.pausedUntil), 'not before');
      assertMatches(ok(await helper.get('/helpers/me')).helper, atLeast(none));
      await cancel(owner, emergencyId);
    });

    it('have a limit of owners in a day, which critical emergencies pass', async () => {
      const place = app.somewhere();
      const [one, other, helper] = await Promise.all([app.owner(), app.owner(), app.helperAt(place)]);
      await prefer(helper, { maxAlertsPerDay: 1 });
      const alerted = async (owner, fields) => {
        const { id, alerts } = await raise(owner, place, fields);
        await cancel(owner, id);
        return alerts.alerted;
      };
      assert.equal(await alerted(one), 1);
      assert.equal(await alerted(one), 1, 'one owner counts once');
      assert.equal(await alerted(other), 0);
      assert.equal(await alerted(other, { severity: 8 }), 1);
      await prefer(helper, { maxAlertsPerDay: null });
      assert.equal(await alerted(other), 1);
    });

    it('are among what a helper is told to mend', async () => {
      const readiness = async (helper) => ok(await helper.get('/helpers/me/readiness'));
      const [user, helper] = await Promise.all([app.user(), app.unverifiedHelper()]);
      refused(await user.get('/helpers/me/readiness'), 403, 'not_a_helper');
      const problems = ['no_device', 'position_old', 'unverified'];
      assert.deepEqual(await readiness(helper), { ready: false, problems });
      const keys = { p256dh: createECDH('prime256v1').generateKeys('base64url'), auth: randomBytes(16).toString('base64url') };
      const endpoint = `https://push.example.org/${randomUUID()}`;
      ok(await helper.post('/devices', { kind: 'webpush', endpoint, keys, applicationServerKey: VAPID_PUBLIC_KEY }), 201);
      await stand(helper, app.somewhere());
      await prefer(helper, quietNow);
      assert.deepEqual((await readiness(helper)).problems, ['unverified', 'quiet_now', 'never_tested']);
      await prefer(helper, { pausedUntil: inSeconds(60) });
      assert.deepEqual((await readiness(helper)).problems, ['unverified', 'paused', 'never_tested']);
    });
  });
}
