// Traces for OpenTelemetry, of two nodes that were built with the feature `otel`: `make traces-test`.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDatabase, createRedis, eventually, startNode } from '../e2e/harness.mjs';
import { cancel, of } from '../e2e/scene.mjs';
import { ok } from '../e2e/shapes.mjs';
import { startCollector } from './collector.mjs';

const [SERVER, CONSUMER] = [2, 5];
const EXPORT_LIMIT = 30_000;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT_SPAN = '00f067aa0ba902b7';
const DESCRIPTION = 'a text that no trace may hold';

describe('two nodes that export traces', () => {
  let collector;
  let database;
  let redis;
  let nodes;
  before(async () => {
    [collector, database, redis] = [await startCollector(), await createDatabase('postgres'), await createRedis()];
    redis.start();
    const env = { REDIS_URL: redis.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' };
    nodes = await Promise.all([startNode({ database, env }), startNode({ database, env })]);
    const isLinked = async (node) => (await (await fetch(`${node.url}/readyz`)).json()).redis === 'ok';
    for (const node of nodes) await eventually(() => isLinked(node), EXPORT_LIMIT);
  });
  after(async () => {
    for (const node of nodes ?? []) await node.stop();
    await redis?.stop();
    await database?.drop();
    collector?.stop();
  });

  const spansOf = (trace) => collector.spans.filter((span) => span.trace === trace);
  const namesOf = (trace) => spansOf(trace).map(({ name }) => name);
  const parse = (header) => /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/.exec(header).slice(1);
  const call = (owner, location, headers) => owner.post('/emergencies', { location, description: DESCRIPTION }, { headers });

  it('one trace leads from the request of the client to the deliveries of both', async () => {
    const place = nodes[0].somewhere();
    const [owner, ...helpers] = [await nodes[0].owner(), await nodes[0].helperAt(place), await nodes[1].helperAt(place)];
    const sockets = await Promise.all(helpers.map((helper) => helper.connect()));
    const answer = await call(owner, place, { traceparent: `00-${TRACE}-${CLIENT_SPAN}-01` });
    const { id } = ok(answer, 201).emergency;
    for (const socket of sockets) await socket.next('emergency:created', of(id));

    const delivered = () => spansOf(TRACE).filter(({ name }) => name === 'deliver emergency_created');
    await eventually(() => delivered().length === 2 && namesOf(TRACE).includes('POST /api/v1/emergencies'), EXPORT_LIMIT);
    const request = spansOf(TRACE).find(({ name }) => name === 'POST /api/v1/emergencies');
    assert.deepEqual([request.parent, request.kind], [CLIENT_SPAN, SERVER]);
    assert.equal(request.attributes['http.response.status_code'], 201n);
    assert.deepEqual(parse(answer.headers.get('traceparent')), [TRACE, request.id, '01']);
    for (const span of delivered()) {
      assert.deepEqual([span.parent, span.kind], [request.id, CONSUMER]);
      assert.equal(span.attributes['allynet.emergency_id'], id);
      assert.ok(span.began <= span.ended && span.began >= request.began);
    }
    assert.equal(new Set(delivered().map(({ resource }) => resource['service.instance.id'])).size, 2, 'one on each node');
    assert.deepEqual(delivered().map(({ resource }) => resource['service.name']), ['allynet', 'allynet']);
    const commit = spansOf(TRACE).find(({ name }) => name === 'pg.changes.commit');
    assert.ok(commit, namesOf(TRACE).join(', '));
    const [node] = nodes;
    await eventually(() => node.logs.includes(`trace_id="${TRACE}"`));
    await cancel(owner, id);
  });

  it('a request without a trace begins one, and its answer names it', async () => {
    const user = await nodes[1].user();
    const [trace, span, flags] = parse((await user.get('/auth/me')).headers.get('traceparent'));
    assert.equal(flags, '01');
    await eventually(() => spansOf(trace).some(({ id, parent, name }) => id === span && !parent && name === 'GET /api/v1/auth/me'), EXPORT_LIMIT);
  });

  it('exports nothing of a trace that its client does not record, and nothing else', async () => {
    const place = nodes[0].somewhere();
    const owner = await nodes[0].owner();
    const unrecorded = TRACE.replace('4b', '5c');
    const quiet = await call(owner, place, { traceparent: `00-${unrecorded}-${CLIENT_SPAN}-00` });
    assert.deepEqual(parse(quiet.headers.get('traceparent')).toSpliced(1, 1), [unrecorded, '00']);
    // Another request, of which everything is exported, comes after it.
    const recorded = TRACE.replace('4b', '6d');
    await cancel(owner, ok(quiet, 201).emergency.id);
    const { id } = ok(await call(owner, place, { traceparent: `00-${recorded}-${CLIENT_SPAN}-01` }), 201).emergency;
    await eventually(() => namesOf(recorded).filter((name) => name === 'deliver emergency_created').length === 2, EXPORT_LIMIT);
    assert.deepEqual(spansOf(unrecorded), []);
    // What runs in the background begins no trace; the log is not exported.
    assert.deepEqual(collector.spans.filter(({ parent, kind }) => !parent && kind !== SERVER).map(({ name }) => name), []);
    assert.deepEqual(collector.spans.filter(({ events }) => events.length > 0), []);
    const secrets = [DESCRIPTION, owner.tokens.accessToken.split('.')[2], 'Bearer'];
    for (const secret of secrets) assert.ok(!collector.received.includes(secret), secret);
    await cancel(owner, id);
  });
});
