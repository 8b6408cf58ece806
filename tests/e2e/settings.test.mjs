// Settings that change behaviour, each on a separate service.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { databases, eventually, north, startNode } from './harness.mjs';
import { cancel } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

const TILES = 'https://tiles.example.org/{z}/{x}/{y}.png';

for (const database of databases) {
  describe(`settings on ${database}`, () => {
    // Runs a test on a service with these settings.
    const withSettings = (env, test) => async () => {
      const app = await startNode({ database, env });
      try {
        await test(app);
      } finally {
        await app.stop();
      }
    };

    it(
      'the radii and how many helpers are enough',
      withSettings({ ALLYNET_ALERT_RADII: '1000,3000', ALLYNET_ALERT_MIN_HELPERS: '2' }, async (app) => {
        const [owner, ...helpers] = await Promise.all([app.owner(), app.helperAt(undefined), app.helperAt(undefined)]);
        for (const [metres, alertRadius, count] of [[[900, 950], 1000, 2], [[900, 2900], 3000, 2], [[900, 3100], 3000, 1]]) {
          const place = app.somewhere();
          await Promise.all(helpers.map((helper, at) => helper.put('/helpers/me/location', north(place, metres[at]))));
          const { emergency, nearbyHelperCount } = ok(await owner.post('/emergencies', { location: place }), 201);
          assert.deepEqual([emergency.alertRadius, nearbyHelperCount], [alertRadius, count]);
          await cancel(owner, emergency.id);
        }
      }),
    );

    it(
      'what an app is told before a user signs in',
      withSettings({ ALLYNET_EMERGENCY_NUMBER: '911', ALLYNET_ALERT_HOLD: '10s', ALLYNET_MAP_TILES: TILES, ALLYNET_MAP_ATTRIBUTION: '© Mappers' }, async (app) => {
        const config = {
          emergencyNumber: '911',
          alertHold: 10,
          mapTiles: { url: TILES, attribution: '© Mappers' },
          helperPolicy: 'verified',
          placeBeforeAccept: 'exact',
          push: true,
          mail: false,
        };
        assert.deepEqual(ok(await app.anonymous().get('/app/config')), config);
        const stale = await fetch(`${app.url}/api/v1/app/config`, { headers: { authorization: 'Bearer stale' } });
        assert.equal(stale.status, 200, 'a token is ignored');
      }),
    );

    it(
      'how long a position counts',
      withSettings({ ALLYNET_POSITION_TTL: '2s' }, async (app) => {
        const place = app.somewhere();
        const [owner, helper] = await Promise.all([app.owner(), app.helperAt(undefined)]);
        const count = async () => {
          const { emergency, nearbyHelperCount } = ok(await owner.post('/emergencies', { location: place }), 201);
          await cancel(owner, emergency.id);
          return nearbyHelperCount;
        };
        for (let round = 0; round < 2; round += 1) {
          // A busy machine may take longer to count than a position counts.
          await eventually(async () => {
            await helper.put('/helpers/me/location', place);
            return (await count()) === 1;
          });
          await eventually(async () => (await count()) === 0);
        }
      }),
    );

    it(
      'how long refresh tokens are good',
      withSettings({ ALLYNET_REFRESH_TOKEN_TTL: '2s' }, async (app) => {
        let tokens;
        const refresh = () => app.anonymous().post('/auth/refresh', { refreshToken: tokens.refreshToken });
        // A busy machine may take longer to present it than a token is good.
        await eventually(async () => {
          ({ tokens } = await app.user());
          return (await refresh()).status === 200;
        });
        const late = await eventually(async () => {
          const answer = await refresh();
          return answer.status !== 200 && answer;
        });
        refused(late, 401, 'token_expired');
      }),
    );

    it(
      'which pages may use it',
      withSettings({ ALLYNET_CORS_ORIGINS: 'https://ally.example, http://other.example:8080' }, async (app) => {
        const user = await app.user();
        for (const [origin, may] of [['https://ally.example', true], ['http://other.example:8080', true], ['http://localhost:5173', false], ['http://ally.example', false]]) {
          const answer = await user.get('/auth/me', { headers: { origin } });
          assert.equal(answer.headers.get('access-control-allow-origin'), may ? origin : null);
          const headers = { Origin: origin };
          if (may) (await user.connect({ headers })).close();
          else await user.refusal({ headers });
        }
        (await user.connect()).close();
      }),
    );

    it(
      'every page, when that is what is wanted',
      withSettings({ ALLYNET_CORS_ORIGINS: '*' }, async (app) => {
        const user = await app.user();
        const origin = 'https://anywhere.example';
        const answer = await user.get('/auth/me', { headers: { origin } });
        assert.ok(['*', origin].includes(answer.headers.get('access-control-allow-origin')));
        (await user.connect({ headers: { Origin: origin } })).close();
      }),
    );
  });
}
