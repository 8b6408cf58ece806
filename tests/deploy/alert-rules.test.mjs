// docs/alert-rules.yaml: checked and tested by `promtool`, and compared with the documents that belong to it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name) => readFileSync(path(name), 'utf8');
const promtool = (...args) => execFileSync('promtool', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const rules = read('docs/alert-rules.yaml');
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);

describe('the alert rules', () => {
  it('are valid, stay silent in a quiet hour, and fire when they should', () => {
    assert.ok(promtool('check', 'rules', path('docs/alert-rules.yaml')).includes(`SUCCESS: ${alerts.length} rules found`));
    promtool('test', 'rules', path('tests/deploy/alert-rules.test.yaml'));
  });

  it('have a section each in docs/operations.md, which they name', () => {
    const sections = [...read('docs/operations.md').matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(sections, alerts);
    const named = [...rules.matchAll(/runbook: docs\/operations\.md#(\w+)/g)].map(([, name]) => name);
    assert.deepEqual(named, alerts.map((name) => name.toLowerCase()));
  });

  it('use metrics of docs/metrics.md only', () => {
    const known = new Set([...read('docs/metrics.md').matchAll(/^\| `(allynet_\w+)`/gm)].map(([, name]) => name));
    const used = [...new Set([...rules.matchAll(/allynet_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')))];
    assert.ok(used.length > 5);
    assert.deepEqual(used.filter((name) => !known.has(name)), []);
  });
});
