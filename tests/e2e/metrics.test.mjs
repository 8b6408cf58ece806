// `GET /metrics`: compared with what happened and with docs/metrics.md, and free of personal data.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { createRedis, databases, eventually, north, startNode } from './harness.mjs';
import { startFakeServices } from './fake-services.mjs';
import { acknowledged, gather, of, raise, resolve, respond } from './scene.mjs';
import { ok } from './shapes.mjs';

/** The table in docs/metrics.md: `name → { type, labels }`. */
async function documented() {
  const text = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = text.split('\n## ')[0].split('\n').filter((line) => line.startsWith('| `allynet_'));
  return new Map(
    rows.map((row) => {
      const [, name, type, labels] = row.split('|').map((cell) => cell.trim().replaceAll('`', ''));
      return [name, { type, labels: labels.split(',').map((label) => label.trim()).filter(Boolean) }];
    }),
  );
}

/** The current metrics: `{ types, samples: [{ name, labels, value }], text, headers }`. */
async function measured(app) {
  const { status, text, headers } = await app.anonymous().request('GET', '/metrics', undefined, { root: '', url: app.adminUrl });
  assert.equal(status, 200);
  const types = new Map();
  const samples = [];
  for (const line of text.split('\n').filter(Boolean)) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1], type[2]);
    if (line.startsWith('#')) continue;
    const [, name, inner = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
    const labels = Object.fromEntries([...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]));
    samples.push({ name, labels, value: Number(value) });
  }
  const value = (name, labels = {}) =>
    samples
      .filter((sample) => sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text))
      .reduce((sum, sample) => sum + sample.value, 0);
  return { types, samples, text, headers, value };
}

/** The metric that a sample is of. */
const metricOf = (types, name) => (types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''));

for (const database of databases) {
  describe(`metrics on ${database}`, () => {
    let app;
    let cast;
    let metrics;
    let services;
    before(async () => {
      services = await startFakeServices();
      // Long enough for a busy machine to respond to the first emergency before its second wave.
      app = await startNode({ database, env: { ...services.env, ALLYNET_ALERT_INTERVAL: '4s', ALLYNET_ALERT_MIN_HELPERS: '1', ALLYNET_ALERT_RADII: '5000,10000' } });
      const { place, owner, helpers, sockets } = await gather(app, 1);
      const [helper] = helpers;
      const { id } = await raise(owner, place);
      const { eventId } = await sockets[0].next('emergency:nearby', of(id));
      await acknowledged(owner, id);
      await respond(helper, id);
      sockets[0].emit('location:update', north(place, 50));
      await sockets[0].next('location:updated');
      const back = await helper.connect({ auth: { token: helper.tokens.accessToken, lastEventId: eventId } });
      await back.next('helper:joined', of(id));
      await resolve(owner, id);
      await sockets[0].next('emergency:ended', of(id));

      // There is no response to this one, through both waves.
      const lonely = await app.owner();
      const { id: unanswered } = await raise(lonely, place);
      await eventually(async () => (await measured(app)).value('allynet_timers_fired_total', { what: 'unanswered' }) > 0);

      // A push that is refused.
      const { token, ...subscription } = await services.subscribe();
      await services.answer(token, { status: 403 });
      const { device } = ok(await helper.post('/devices', { kind: 'webpush', ...subscription }), 201);
      ok(await helper.post(`/devices/${device.id}/test`), 202);
      await eventually(async () => (await measured(app)).value('allynet_push_rejections_total') > 0);

      ok(await app.anonymous().post('/auth/forgot-password', { email: owner.email }));
      const emails = async () => (await measured(app)).value('allynet_emails_sent_total', { content: 'password_reset', outcome: 'sent' });
      await eventually(async () => (await emails()) > 0);

      // Requests for unknown routes and methods.
      for (const path of [`/nothing/${id}`, `/api/v1/emergencies/${id}/nothing`, `/healthz?token=${owner.tokens.accessToken}`]) {
        await app.anonymous().request('GET', path, undefined, { root: '' });
      }
      await app.anonymous().request('BREW', `/api/v1/emergencies/${unanswered}`, undefined, { root: '' });
      await owner.get(`/emergencies/${id}/timeline`);
      cast = [owner, helper, lonely].flatMap(({ id, email, user }) => [id, email, user.profile.firstName]);
      cast.push(id, unanswered);
      metrics = await measured(app);
    });
    after(async () => {
      await app?.stop();
      await services?.stop();
    });

    it('are in the Prometheus text format and not cached', () => {
      assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      assert.equal(metrics.headers.get('cache-control'), 'no-store');
      for (const name of metrics.types.keys()) assert.match(metrics.text, new RegExp(`^# HELP ${name} .`, 'm'));
    });

    it('are exactly those in the document, with the same types and labels', async () => {
      const found = new Map();
      for (const { name, labels } of metrics.samples) {
        const metric = metricOf(metrics.types, name);
        const known = found.get(metric) ?? { type: metrics.types.get(metric), labels: new Set() };
        for (const label of Object.keys(labels)) if (label !== 'le') known.labels.add(label);
        found.set(metric, known);
      }
      const shown = [...found].map(([name, { type, labels }]) => [name, { type, labels: [...labels].sort() }]);
      assert.deepEqual(shown.sort(), [...(await documented())].sort());
    });

    it('count what happened', () => {
      const { value } = metrics;
      const answered = (method, route, status) => value('allynet_http_requests_total', { method, route, status });
      assert.equal(answered('POST', '/api/v1/emergencies', '201'), 2);
      assert.equal(answered('POST', '/api/v1/emergencies/{id}/respond', '200'), 1);
      assert.equal(answered('GET', '/api/v1/emergencies/{id}/timeline', '200'), 1);
      assert.equal(answered('GET', 'none', '404'), 2);
      assert.equal(answered('other', '/api/v1/emergencies/{id}', '405'), 1);
      assert.equal(value('allynet_http_request_duration_seconds_count', { method: 'POST', route: '/api/v1/emergencies' }), 2);
      // The owner, and the helper twice.
      assert.equal(value('allynet_sockets'), 3);
      assert.equal(value('allynet_rooms', { kind: 'user' }), 2);
      assert.equal(value('allynet_rooms', { kind: 'helpers' }), 1);
      assert.equal(value('allynet_inbox_events'), 0);
      assert.equal(value('allynet_deliveries_total', { event: 'emergency:nearby' }), 1 + 2);
      assert.equal(value('allynet_deliveries_total', { event: 'helper:joined' }), 2);
      assert.ok(value('allynet_replayed_deliveries_total') >= 1);
      assert.equal(value('allynet_refused_emits_total'), 0);
      assert.equal(value('allynet_alert_acknowledgement_seconds_count'), 2);
      const fired = (what) => value('allynet_timers_fired_total', { what });
      assert.deepEqual([fired('wave'), fired('unanswered'), fired('expired')], [1, 1, 0]);
      assert.ok(value('allynet_event_lag_seconds_count') >= 8);
      assert.equal(value('allynet_position_batch_size_sum'), 2);
      assert.equal(value('allynet_positions_waiting'), 0);
      for (const pool of database === 'sqlite' ? ['writer', 'readers', 'log'] : ['main', 'positions', 'log']) {
        const open = value('allynet_db_connections', { pool });
        assert.ok(open >= 1 && open <= value('allynet_db_connections_max', { pool }), pool);
        assert.ok(value('allynet_db_acquire_duration_seconds_count', { pool }) > 0, pool);
        assert.equal(value('allynet_db_timeouts_total', { pool }), 0, pool);
      }
      assert.equal(value('allynet_build_info', { database }), 1);
      assert.ok(value('allynet_uptime_seconds') > 0 && value('allynet_uptime_seconds') < 600);
    });

    it('contain no person, no emergency, no token and no position', () => {
      for (const name of cast) assert.ok(!metrics.text.includes(name), name);
      const values = new Set(metrics.samples.flatMap(({ labels }) => Object.entries(labels).map(([label, text]) => [label, text].join('='))));
      for (const label of values) {
        if (/^le=/.test(label)) continue;
        // Routes are patterns of the router; only statuses and versions have digits.
        assert.match(label, /^(route=(none|(\/[a-z{}][A-Za-z0-9{}.-]*)+)|status=\d{3}|version=[\w.+-]+|[a-z]+=[A-Za-z_:]+)$/);
        assert.doesNotMatch(label, /[0-9a-f]{8}/);
      }
    });

    it('have no labels that grow with the number of users', async () => {
      const series = ({ samples }) => new Set(samples.map(({ name, labels }) => name + JSON.stringify(labels)));
      const once = async () => {
        const { place, owner, helpers } = await gather(app, 2);
        const { id } = await raise(owner, place);
        await respond(helpers[0], id);
        ok(await owner.get(`/emergencies/${id}`));
        await resolve(owner, id);
      };
      await once();
      const before = series(await measured(app));
      await once();
      await once();
      const added = [...series(await measured(app))].filter((name) => !before.has(name));
      assert.deepEqual(added, []);
    });
  });
}

describe('metrics of signals between nodes', () => {
  it('are whether they arrive, how many were published and how many dropped', async () => {
    const redis = await createRedis();
    redis.start();
    const app = await startNode({ env: { REDIS_URL: redis.url } });
    try {
      const value = async (name) => (await measured(app)).value(`allynet_signals_${name}`);
      await eventually(async () => (await value('linked')) === 1);
      const socket = await (await app.user()).connect();
      await eventually(async () => (await value('published_total')) > 0);
      assert.equal(await value('dropped_total'), 0);
      await redis.stop();
      await eventually(async () => (await value('linked')) === 0);
      socket.close();
      await eventually(async () => (await value('dropped_total')) > 0);
    } finally {
      await app.stop();
      await redis.stop();
    }
  });
});
