// Redis over TLS: only a server with a trusted certificate is used.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCertificate, createRedis, eventually, startNode } from './harness.mjs';

const redisOf = async (node) => (await node.anonymous().request('GET', '/readyz', undefined, { root: '' })).body.redis;

describe('a Redis over TLS', () => {
  let certificate;
  let redis;
  before(async () => {
    certificate = await createCertificate();
    redis = await createRedis({ certificate, password: 'swordfish' });
    redis.start();
  });
  after(async () => {
    await redis?.stop();
    await certificate?.drop();
  });
  /** Runs a test with a node on this Redis. */
  const onNode = async (env, test) => {
    const node = await startNode({ env: { REDIS_URL: redis.url, ...env } });
    try {
      await test(node);
    } finally {
      await node.stop();
    }
    assert.doesNotMatch(node.logs, /swordfish/);
  };

  it('is used if its certificate is trusted, and again after an outage', async () => {
    await onNode({ SSL_CERT_FILE: certificate.file }, async (node) => {
      await eventually(async () => (await redisOf(node)) === 'ok');
      await redis.stop();
      await eventually(async () => (await redisOf(node)) === 'away');
      redis.start();
      await eventually(async () => (await redisOf(node)) === 'ok');
    });
  });

  it('gets no signal if its certificate is not trusted, and the log says why', async () => {
    const other = await createCertificate();
    await onNode({ SSL_CERT_FILE: other.file }, async (node) => {
      await eventually(() => /Redis is still away.*InvalidCertificate/.test(node.logs));
      assert.equal(await redisOf(node), 'away');
    });
    await other.drop();
  });

  it('gets no signal without TLS', async () => {
    await onNode({ REDIS_URL: redis.url.replace('rediss:', 'redis:') }, async (node) => {
      await pause(3_000);
      assert.equal(await redisOf(node), 'away');
    });
  });
});
