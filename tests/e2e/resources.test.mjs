// Resources: defibrillators and other things that help, around a place.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NO_SUCH_ID, databases, north, startNode } from './harness.mjs';
import { wrongFields } from './scene.mjs';
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

      const changed = ok(await admin.put(`/resources/${one.id}`, { openingHours: 'Mo-Fr 08:00-20:00', level: null, location: place })).resource;
      assert.deepEqual(changed, { ...one, openingHours: 'Mo-Fr 08:00-20:00', open: null, level: null, location: { ...place, address: null } });
      assert.deepEqual((await near()).resources.map(({ id }) => id), [one.id, other.id]);
      assert.deepEqual(ok(await admin.delete(`/resources/${one.id}`)), { resourceId: one.id, deleted: true });
      assert.deepEqual((await near()).resources.map(({ id }) => id), [other.id]);
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
