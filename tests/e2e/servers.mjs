// The servers that nodes need: a private database for each test, and a Redis that can be stopped and frozen.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** Processes that are killed when the tests end. */
export const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export const unique = () => randomBytes(6).toString('hex');

// ---------------------------------------------------------------------------------------- databases

/**
 * Creates an empty database, `{ kind, url, backUp(), restore(), drop() }`; several nodes may share it, and none may run while
 * it is backed up or restored. PostgreSQL also has `refuse()`, which ends all connections and allows no new ones,
 * `accept()`; `demote()`, which ends all connections and lets new ones only read, as a standby does, and `promote()`, which
 * leaves open connections as they are; and `query(statement)`.
 */
export async function createDatabase(kind) {
  if (kind === 'sqlite') {
    const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-'));
    return {
      kind,
      url: `sqlite://${join(folder, 'allynet.db')}`,
      backUp: () => copyFile(join(folder, 'allynet.db'), join(folder, 'backup')),
      restore: () => copyFile(join(folder, 'backup'), join(folder, 'allynet.db')),
      drop: () => rm(folder, { recursive: true, force: true }),
    };
  }
  const server = process.env.TEST_DATABASE_URL;
  assert.ok(server, 'TEST_DATABASE_URL is not set: run the tests by `make e2e`, or through tests/with-postgres.sh');
  const name = `allynet_e2e_${unique()}`;
  const run = async (connectionString, statement) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const onServer = (statement) => run(server, statement);
  const endConnections = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    kind,
    url: url.href,
    query: (statement) => run(url.href, statement),
    drop: async () => {
      await onServer(`DROP DATABASE IF EXISTS ${name}_backup WITH (FORCE)`);
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
    backUp: () => onServer(`CREATE DATABASE ${name}_backup TEMPLATE ${name}`),
    async restore() {
      await onServer(`DROP DATABASE ${name}`);
      await onServer(`CREATE DATABASE ${name} TEMPLATE ${name}_backup`);
    },
    async refuse() {
      await onServer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
      await onServer(endConnections);
    },
    accept: () => onServer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`),
    async demote() {
      await onServer(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await onServer(endConnections);
    },
    promote: () => onServer(`ALTER DATABASE ${name} RESET default_transaction_read_only`),
  };
}

// -------------------------------------------------------------------------------------------- Redis

/**
 * A private Redis, not started yet: `{ url, start(), stop(), freeze(), thaw() }`. With a `certificate` from
 * `createCertificate` it accepts TLS only.
 */
export async function createRedis({ certificate, password = '' } = {}) {
  const program = process.env.TEST_REDIS_SERVER;
  assert.ok(program, 'TEST_REDIS_SERVER is not set: run the tests by `make e2e`, or through tests/with-redis.sh');
  const port = await freePort();
  const plain = ['--port', port];
  const encrypted = () => ['--port', 0, '--tls-port', port, '--tls-auth-clients', 'no', '--tls-cert-file', certificate.file, '--tls-key-file', certificate.key];
  let child;
  const stop = async () => {
    if (!child) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
    running.delete(child);
    child = undefined;
  };
  return {
    url: `${certificate ? 'rediss' : 'redis'}://${password && `:${password}@`}127.0.0.1:${port}`,
    start() {
      const args = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--requirepass', password];
      child = spawn(program, [...args, ...(certificate ? encrypted() : plain)], { stdio: 'ignore' });
      running.add(child);
    },
    stop,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
  };
}

/** Creates a self-signed certificate for 127.0.0.1, valid for a day: `{ file, key, drop() }`. */
export async function createCertificate() {
  const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-tls-'));
  const [settings, file, key] = ['settings', 'certificate', 'key'].map((name) => join(folder, `${name}.pem`));
  const sections = ['[req]', 'prompt=no', 'distinguished_name=who', 'x509_extensions=what', '[who]', 'CN=127.0.0.1'];
  writeFileSync(settings, [...sections, '[what]', 'basicConstraints=critical,CA:FALSE', 'subjectAltName=IP:127.0.0.1', ''].join('\n'));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', '-x509', '-config', settings, ...curve, '-nodes', '-days', '1', '-keyout', key, '-out', file], { stdio: 'pipe' });
  return { file, key, drop: () => rm(folder, { recursive: true, force: true }) };
}

// -------------------------------------------------------------------------------------------- ports

/** From here on the system gives ports to sockets that ask for any, as those of other tests do all the time. */
const FIRST_EPHEMERAL = 32_768;

/** A port that is free at this moment, and that no socket gets which asks for any port. */
export async function freePort() {
  for (;;) {
    const port = randomInt(10_000, FIRST_EPHEMERAL);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
