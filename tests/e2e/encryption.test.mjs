// Redis over TLS: who has the certificate of an authority that this machine trusts is believed, and nobody else.

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
  /** A node on this Redis, for the time of a test. */
  const onNode = async (env, test) => {
    const node = await startNode({ env: { REDIS_URL: redis.url, ...env } });
    try {
      await test(node);
    } finally {
      await node.stop();
    }
    assert.doesNotMatch(node.logs, /swordfish/);
  };

  it('is used when this machine trusts its certificate, and again when it comes back', async () => {
    await onNode({ SSL_CERT_FILE: certificate.file }, async (node) => {
      await eventually(async () => (await redisOf(node)) === 'ok');
      await redis.stop();
      await eventually(async () => (await redisOf(node)) === 'away');
      redis.start();
      await eventually(async () => (await redisOf(node)) === 'ok');
    });
  });

  it('is told nothing when nobody vouches for it, and the log says why', async () => {
    const other = await createCertificate();
    await onNode({ SSL_CERT_FILE: other.file }, async (node) => {
      await eventually(() => /Redis is still away.*InvalidCertificate/.test(node.logs), 15_000);
      assert.equal(await redisOf(node), 'away');
    });
    await other.drop();
  });

  it('is told nothing without TLS', async () => {
    await onNode({ REDIS_URL: redis.url.replace('rediss:', 'redis:') }, async (node) => {
      await pause(3_000);
      assert.equal(await redisOf(node), 'away');
    });
  });
});
