// The Helm chart: what it renders is valid, and means what a rolling update without a lost event needs.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { run } from '../e2e/harness.mjs';
import { REPOSITORY } from './container.mjs';
import { commands } from './guide.mjs';
import { helm, pythonProgram } from './lint.mjs';

// Packages are those of the end-to-end tests.
const { parse, parseAllDocuments } = createRequire(new URL('../e2e/', import.meta.url))('yaml');

const CHART = join(REPOSITORY, 'docs/deploy/helm');
const KUBERNETES = '1.31';
/** How long a node needs at most to end after SIGTERM, in seconds. */
const SHUTDOWN = 10;
const JWT_SECRET = 'a secret of the tests of the chart';

describe('the Helm chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'allynet-helm-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const secrets = Object.values(values.secrets.settings).flatMap((key) => ['--set', `secrets.values.${key}=${key === 'jwt-secret' ? JWT_SECRET : key}`]);
  const everything = [...secrets, '--set', 'ingress.enabled=true', '--set', 'serviceMonitor.enabled=true'];
  const template = (...args) => execFileSync(helm(), ['template', 'town', CHART, ...args], { encoding: 'utf8' });
  const render = (...args) => parseAllDocuments(template(...args)).map((document) => document.toJS());
  const find = (objects, kind, name) => objects.find((object) => object.kind === kind && (!name || object.metadata.name === name)) ?? assert.fail(`no ${kind} ${name ?? ''}`);
  const matches = (selector, labels) => Object.entries(selector).every(([name, value]) => labels[name] === value);

  it('passes the strict lint', () => {
    execFileSync(helm(), ['lint', '--strict', CHART, ...everything], { stdio: 'pipe' });
  });

  it('is valid for Kubernetes', () => {
    const validate = pythonProgram('kubernetes-validate', 'kubernetes-validate==1.36.0');
    for (const object of render(...everything)) {
      // A kind of the Prometheus operator.
      if (object.kind === 'ServiceMonitor') continue;
      const file = join(folder, `${object.kind}-${object.metadata.name}.json`);
      writeFileSync(file, JSON.stringify(object));
      const { status, stdout, stderr } = spawnSync(validate, ['--kubernetes-version', KUBERNETES, '--strict', file], { encoding: 'utf8' });
      assert.equal(status, 0, `${object.kind}: ${stdout}${stderr}`);
    }
  });

  it('is installed as the guide says', () => {
    const line = commands('helm').replaceAll(/^kubectl .*\n/gm, '').replace('helm install', `'${helm()}' template`);
    assert.match(line, /template/);
    const objects = parseAllDocuments(execFileSync('bash', ['-euc', line], { cwd: REPOSITORY, encoding: 'utf8' })).map((each) => each.toJS());
    const keys = Object.values(values.secrets.settings);
    const created = /^kubectl create secret .*$/m.exec(commands('helm').replaceAll('\\\n', ''))[0];
    for (const key of keys) assert.ok(created.includes(`--from-file=${key}`), `the guide does not create ${key}`);
    const { volumes } = find(objects, 'Deployment').spec.template.spec;
    assert.equal(volumes[0].secret.secretName, /generic (\S+)/.exec(created)[1]);
  });

  it('says after the installation how to go on, with commands for what it has installed', () => {
    const install = ['install', 'town', CHART, '--dry-run=client', ...everything];
    const notes = execFileSync(helm(), install, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\nNOTES:\n')[1];
    const named = [...notes.matchAll(/^ +kubectl .*\bdeployment\/(\S+)/gm)].map(([, name]) => name);
    assert.ok(named.length > 1, notes);
    for (const name of named) find(render(...everything), 'Deployment', name);
  });

  it('names the secret that is missing', () => {
    const { status, stderr } = spawnSync(helm(), ['template', 'town', CHART], { encoding: 'utf8' });
    assert.notEqual(status, 0);
    assert.match(stderr, /secrets\.values\.\S+ is missing/);
  });

  it('replaces nodes without a gap', () => {
    const { spec } = find(render(...everything), 'Deployment');
    assert.deepEqual(spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
    assert.ok(spec.replicas >= 2);
    const pod = spec.template.spec;
    const [node] = pod.containers;
    const delay = Number(node.lifecycle.preStop.exec.command.at(-1));
    assert.ok(delay >= 5 && pod.terminationGracePeriodSeconds >= delay + SHUTDOWN, `${delay} s of ${pod.terminationGracePeriodSeconds} s`);
    assert.equal(node.readinessProbe.httpGet.path, '/readyz');
    assert.equal(node.livenessProbe.httpGet.path, '/healthz', 'a database that is down is no reason to kill a node');
  });

  it('selects the pods of the release by every selector', () => {
    const objects = render(...everything);
    const { spec, metadata } = find(objects, 'Deployment');
    const { labels } = spec.template.metadata;
    assert.ok(matches(spec.selector.matchLabels, labels));
    assert.ok(matches(find(objects, 'PodDisruptionBudget').spec.selector.matchLabels, labels));
    for (const service of objects.filter(({ kind }) => kind === 'Service')) {
      assert.ok(matches(service.spec.selector, labels));
      for (const { targetPort } of service.spec.ports) assert.ok(spec.template.spec.containers[0].ports.some(({ name }) => name === targetPort));
    }
    const monitored = objects.filter(({ kind, metadata: { labels: own } }) => kind === 'Service' && matches(find(objects, 'ServiceMonitor').spec.selector.matchLabels, own));
    assert.deepEqual(monitored.map((service) => service.metadata.name), [`${metadata.name}-admin`], 'metrics are scraped once');
    const { backend } = find(objects, 'Ingress').spec.rules[0].http.paths[0];
    assert.equal(find(objects, 'Service', backend.service.name).spec.sessionAffinity, 'ClientIP');
  });

  it('keeps secrets out of everything but the Secret, and gives only settings that exist', async () => {
    const objects = render(...everything);
    const secret = find(objects, 'Secret');
    assert.equal(Buffer.from(secret.data['jwt-secret'], 'base64').toString(), JWT_SECRET);
    assert.ok(!JSON.stringify(objects.filter((object) => object !== secret)).includes(JWT_SECRET));
    const { stdout: help } = await run({ args: ['--help'] });
    const { env, volumeMounts } = find(objects, 'Deployment').spec.template.spec.containers[0];
    for (const { name, value } of env) {
      assert.ok(help.includes(`<${name.replace(/_FILE$/, '')}>`), `${name} is no setting`);
      if (name.endsWith('_FILE')) assert.ok(value.replace(`${volumeMounts[0].mountPath}/`, '') in secret.data, value);
    }
  });

  it('runs the image as its user, with a read-only root', () => {
    const pod = find(render(...everything), 'Deployment').spec.template.spec;
    const containerfile = readFileSync(join(REPOSITORY, 'docs/deploy/Containerfile'), 'utf8');
    assert.equal(/^USER (\d+):/m.exec(containerfile)[1], String(pod.securityContext.runAsUser));
    const { securityContext } = pod.containers[0];
    assert.deepEqual(securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  });
});
