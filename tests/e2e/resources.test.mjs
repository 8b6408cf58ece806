// Resources: defibrillators and other things that help, around a place.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_SUCH_ID, databases, north, run, startNode } from './harness.mjs';
import { raise, respond, stand, times, wrongFields } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

for (const database of databases) {
  describe(`resources on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    it('are entered by administrators and found by everybody, nearest first', async () => {
      const [user, admin, place] = [await app.user(), await app.admin(), app.somewhere()];
      const details = {
        kind: 'aed', access: 'public', openingHours: '24/7', indoor: false, level: '0', description: 'by the door', phone: '+49 30 1',
      };
      const far = north(place, 800);
      const [one, other] = [
        ok(await admin.post('/resources', { ...details, location: { ...far, address: 'Am Ufer 1' } }), 201).resource,
        ok(await admin.post('/resources', { kind: 'extinguisher', location: north(place, 300) }), 201).resource,
      ];
      const { checkedAt, ...shown } = one;
      assert.ok(Math.abs(Date.now() - Date.parse(checkedAt)) < 60_000);
      assert.deepEqual(shown, {
        ...details, id: one.id, location: { ...far, address: 'Am Ufer 1' }, open: true, status: 'available', source: 'manual',
      });
      assert.deepEqual([other.access, other.open, other.openingHours, other.indoor], ['unknown', null, null, null]);
      const near = async (more = '') =>
        ok(await user.get(`/resources?latitude=${place.latitude}&longitude=${place.longitude}&radius=1000${more}`));
      const found = await near();
      assert.deepEqual([found.count, found.resources.map(({ id }) => id)], [2, [other.id, one.id]]);
      assert.ok(Math.abs(found.resources[1].distance - 800) < 5, `${found.resources[1].distance} m`);
      assert.deepEqual((await near('&kind=aed')).resources.map(({ id }) => id), [one.id]);
      assert.deepEqual((await near('&limit=1')).resources.map(({ id }) => id), [other.id]);

      const changed = ok(await admin.put(`/resources/${one.id}`, { openingHours: 'Mo-Su off', level: null, location: place })).resource;
      assert.deepEqual(changed, { ...one, openingHours: 'Mo-Su off', open: false, level: null, location: { ...place, address: null } });
      for (const [openingHours, open] of [['Mo-Su 00:00-24:00', true], ['ask inside', null], [null, null]]) {
        assert.equal(ok(await admin.put(`/resources/${one.id}`, { openingHours })).resource.open, open, openingHours);
      }
      assert.deepEqual((await near()).resources.map(({ id }) => id), [one.id, other.id]);
      assert.deepEqual(ok(await admin.delete(`/resources/${one.id}`)), { resourceId: one.id, deleted: true });
      assert.deepEqual((await near()).resources.map(({ id }) => id), [other.id]);
    });

    it('are missing when three helpers say so, or one who responds and is there, and until one who is there says otherwise', async () => {
      const [place, admin, owner] = [app.somewhere(), await app.admin(), await app.owner()];
      const { resource } = ok(await admin.post('/resources', { kind: 'aed', location: north(place, 500) }), 201);
      const report = async (caller, state) => ok(await caller.post(`/resources/${resource.id}/reports`, { state, note: 'seen' }), 201).resource.status;
      const users = await times(3, () => app.user());
      for (const user of users) assert.equal(await report(user, 'missing'), 'available', 'users who are no helpers');
      const [one, two, three] = await times(3, () => app.helperAt(place));
      assert.deepEqual([await report(one, 'missing'), await report(one, 'missing'), await report(two, 'missing')], Array(3).fill('available'));
      assert.equal(await report(three, 'missing'), 'missing');
      assert.equal(await report(three, 'ok'), 'missing', 'not there');
      assert.equal(await report(admin, 'ok'), 'available');
      assert.equal(await report(three, 'missing'), 'available', 'what came before counts no more');

      const { id } = await raise(owner, place);
      await respond(one, id);
      assert.equal(await report(one, 'unusable'), 'available', '500 m away');
      await stand(one, north(place, 450));
      assert.equal(await report(one, 'unusable'), 'unusable', 'beside it');
      assert.equal(await report(one, 'moved'), 'unusable');
      assert.equal(await report(one, 'ok'), 'available');
      wrongFields(await one.post(`/resources/${resource.id}/reports`, { state: 'gone', note: 5 }), 'note', 'state');
      refused(await one.post(`/resources/${NO_SUCH_ID}/reports`, { state: 'ok' }), 404, 'resource_not_found');
    });

    it('are imported from an export of OpenStreetMap, ten thousand twice as ten thousand', async () => {
      const [folder, user, admin, place] = [await mkdtemp(join(tmpdir(), 'allynet-osm-')), await app.user(), await app.admin(), app.somewhere()];
      const { DATABASE_URL, ALLYNET_JWT_SECRET } = app.env;
      const importing = async (content) => {
        const file = join(folder, 'export.geojson');
        await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
        return run({ args: ['import-resources', file], env: { DATABASE_URL, ALLYNET_JWT_SECRET, RUST_LOG: 'warn' } });
      };
      const node = (number, metres, more = {}) => {
        const { latitude, longitude } = north(place, metres);
        const properties = { emergency: 'defibrillator', access: 'yes', opening_hours: '24/7', ...more };
        return { type: 'Feature', id: `node/${number}`, properties, geometry: { type: 'Point', coordinates: [longitude, latitude] } };
      };
      const many = Array.from({ length: 10_000 }, (_, number) => node(number, number));
      const features = [...many, { ...node(1, 0), id: 'none' }, node(20_000, 0, { emergency: 'fire_hydrant' })];
      const near = async () => ok(await user.get(`/resources?latitude=${place.latitude}&longitude=${place.longitude}&radius=200&limit=500`)).resources;
      const manual = ok(await admin.post('/resources', { kind: 'aed', location: north(place, 10.4) }), 201).resource;

      for (const refused of ['{"type": "FeatureCollection", "features": [', JSON.stringify(node(1, 0)), '[]']) {
        const { code, stderr } = await importing(refused);
        assert.equal(code, 1, stderr);
        assert.match(stderr, /^error: .*export\.geojson/m);
      }
      assert.equal((await near()).length, 1, 'nothing was written');
      const first = await importing({ type: 'FeatureCollection', features });
      assert.equal(first.code, 0, first.stderr);
      assert.match(first.stdout, /^left out: feature 10001: its id/m);
      assert.match(first.stdout, /^left out: feature 10002 \(node\/20000\): it is nothing that is imported/m);
      assert.match(first.stdout, /added 10000, updated 0, left 0 as administrators changed them, left out 2\n$/);
      const found = await near();
      // One in each metre, and the one that was entered.
      assert.ok(Math.abs(found.length - 202) < 5, `${found.length} found`);
      const { id, checkedAt, ...tenth } = found.find(({ location, source }) => source === 'osm' && location.latitude === north(place, 10).latitude);
      assert.deepEqual(tenth, {
        kind: 'aed', location: { ...north(place, 10), address: null }, access: 'public', openingHours: '24/7', open: true, indoor: null, level: null,
        description: null, phone: null, status: 'available', source: 'osm', distance: 10,
      });
      assert.equal(checkedAt, null);
      ok(await admin.put(`/resources/${id}`, { description: 'by hand' }));
      const again = await importing({ features: many.toReversed(), type: 'FeatureCollection' });
      assert.match(again.stdout, /^added 0, updated 9999, left 1 as administrators changed them, left out 0\n$/);
      const after = await near();
      assert.deepEqual(after.map(({ id }) => id).sort(), found.map(({ id }) => id).sort());
      assert.equal(after.find((resource) => resource.id === id).description, 'by hand');
      assert.ok(after.some((resource) => resource.id === manual.id));
      await rm(folder, { recursive: true });
    });

    it('are refused with the names of wrong fields, and to others than administrators', async () => {
      const [user, admin] = [await app.user(), await app.admin()];
      const aed = { kind: 'aed', location: { latitude: 1, longitude: 1 } };
      const { resource } = ok(await admin.post('/resources', aed), 201);
      for (const [body, ...fields] of [
        [{}, 'kind', 'location'],
        [{ ...aed, kind: 'car', access: 'all' }, 'access', 'kind'],
        [{ ...aed, location: { latitude: 91 } }, 'location.latitude', 'location.longitude'],
        [{ ...aed, openingHours: 'x'.repeat(1001), indoor: 'yes' }, 'indoor', 'openingHours'],
      ]) {
        wrongFields(await admin.post('/resources', body), ...fields);
      }
      wrongFields(await admin.put(`/resources/${resource.id}`, { level: 5 }), 'level');
      for (const [query, ...fields] of [
        ['', 'latitude', 'longitude'],
        ['latitude=1&longitude=1&radius=50001&limit=501&kind=car', 'kind', 'limit', 'radius'],
      ]) {
        wrongFields(await user.get(`/resources?${query}`), ...fields);
      }
      for (const id of [NO_SUCH_ID, 'none']) {
        refused(await admin.put(`/resources/${id}`, {}), 404, 'resource_not_found');
        refused(await admin.delete(`/resources/${id}`), 404, 'resource_not_found');
      }
      refused(await user.post('/resources', aed), 403, 'not_authorized');
      refused(await user.put(`/resources/${resource.id}`, {}), 403, 'not_authorized');
      refused(await user.delete(`/resources/${resource.id}`), 403, 'not_authorized');
    });
  });
}
