// Property-based tests from the OpenAPI document: schemathesis calls every operation with what the document allows and forbids.
//
// The short form tries few inputs per operation. `SCHEMATHESIS=long` tries many, with another seed each time.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { databases, startNode } from './harness.mjs';

const CONFIG = fileURLToPath(new URL('schemathesis.toml', import.meta.url));
const IS_LONG = process.env.SCHEMATHESIS === 'long';
const FORM = IS_LONG
  ? ['--phases', 'examples,coverage,fuzzing,stateful', '--max-examples', '200']
  : ['--phases', 'examples,coverage,fuzzing', '--max-examples', '3', '--seed', '1'];
const LIMIT = IS_LONG ? 3_600_000 : 560_000;

for (const database of databases) {
  describe(`operations of the OpenAPI document on ${database}`, () => {
    let app;
    let folder;
    before(async () => {
      // Emails are accepted, and never leave: no mail server is there.
      const env = { ALLYNET_SMTP_URL: 'smtp://127.0.0.1:9', ALLYNET_MAIL_FROM: 'allynet@ally.example', ALLYNET_PUBLIC_URL: 'https://ally.example' };
      [app, folder] = await Promise.all([startNode({ database, env }), mkdtemp(join(tmpdir(), 'allynet-schemathesis-'))]);
    });
    after(() => Promise.all([app.stop(), rm(folder, { recursive: true, force: true })]));

    it('do what it says', async () => {
      const admin = await app.admin();
      const run = ['-m', 'schemathesis.cli', '--config-file', CONFIG, 'run', `${app.url}/api/openapi.json`];
      const authentication = ['--header', `Authorization: Bearer ${admin.tokens.accessToken}`];
      const options = ['--continue-on-failure', '--no-color', '--warnings', 'off', ...FORM];
      const { code, output } = await execute(process.env.TEST_PYTHON, [...run, ...authentication, ...options], folder);
      assert.equal(code, 0, output.slice(-20_000));
      const [, tested] = /Tested: (\d+)/.exec(output) ?? [];
      assert.ok(Number(tested) > 50, output.slice(-2_000));
    });
  });
}

function execute(program, args, cwd) {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) => child.once('error', reject).once('close', (code) => resolve({ code, output })));
}
